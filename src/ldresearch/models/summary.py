"""Which five sentences matter: one for each idea, chosen by a rule that is written down.

Only what a report itself puts forward, its headline numbers, can be chosen: of hundreds of
numbers the largest change is always large by chance.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from ldresearch.models import _checks, rates
from ldresearch.models._asked import why_empty
from ldresearch.models._frame import require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Idea, Role

IDEAS: Final = tuple(idea.value for idea in Idea)
"""In the order in which ideas are told where nothing else decides."""

VERDICT, MOVED, LESS, NEW, NONE = "verdict", "moved", "less", "new", "none"
"""Why a sentence stands where it does: its plan asks for something else than before; it moved and
the intervals part; it moved by less; there is nothing to compare; no report tells of the idea."""

_ORDER: Final = {VERDICT: 0, MOVED: 1, LESS: 2, NEW: 3, NONE: 4}
_TEXTS: Final = ("idea", "why", "report", "as_of", "title", "decision", "state", "verdict",
                 "old_verdict", "old_as_of", "metric", "text", "unit")  # fmt: skip
_NUMBERS: Final = ("value", "low", "high", "old_value", "old_low", "old_high")


def shift(
    value: float, low: float, high: float, old_value: float, old_low: float, old_high: float
) -> float:
    """Return how far a number moved, in standard errors of the difference of two such numbers.

    An order, not a test: two runs of one organisation mostly rest on the same people.

    Parameters
    ----------
    value, low, high : float
        Now, with its 95 % interval.
    old_value, old_low, old_high : float
        Before.

    Returns
    -------
    float
        Not negative; ``nan`` where a number or an interval is missing or without an end.

    Examples
    --------
    >>> round(shift(0.72, 0.68, 0.76, 0.60, 0.56, 0.64), 2)
    4.16
    """
    ends = (value, low, high, old_value, old_low, old_high)
    if not all(math.isfinite(end) for end in ends):
        return math.nan
    spread = math.hypot(high - low, old_high - old_low) / (2 * rates.Z95)
    if spread == 0:
        return math.nan if value == old_value else math.inf
    return abs(value - old_value) / spread


def five(cards: pd.DataFrame, *, as_of: date, fresh_days: int = 34) -> Result:
    """Choose one sentence for each idea, and the order in which they are told.

    A report tells of one idea, that of its first headline number, and with its numbers of that
    idea alone. First comes what is not older than ``fresh_days``; then a report whose verdict is
    another than before; then what moved so far that its intervals part; then what moved less; then
    what cannot be compared. Of what moved, the larger move comes first, in standard errors
    (:func:`shift`); of the rest, a report's first number before its others, then the larger move,
    then the order of reports. The same order is that of the five sentences; ideas without a report
    come last.

    Parameters
    ----------
    cards : pandas.DataFrame
        A row a headline number of a report: ``report, place, as_of, title, decision, state,
        verdict, old_verdict, old_as_of, idea, metric, text, label, value, low, high, n, unit,
        grade, old_value, old_low, old_high, old_unit``.
    as_of : datetime.date
    fresh_days : int

    Returns
    -------
    Result
        Family MEANS, five rows: the columns above and ``why`` (``verdict``, ``moved``, ``less``,
        ``new`` or ``none``); an estimate for each number chosen. Empty without any report.

    Examples
    --------
    >>> now = {"report": "20_adoption", "place": 0, "as_of": "2025-07-01",
    ...        "title": "Seven in ten started", "decision": "Push on.",
    ...        "state": "fresh", "verdict": "", "old_verdict": "",
    ...        "old_as_of": "2025-06-01", "idea": "adoption", "metric": "adoption_share",
    ...        "text": "have started", "label": "", "value": 0.72, "low": 0.68, "high": 0.76,
    ...        "n": 400, "unit": "share", "grade": "descriptive", "old_value": 0.60,
    ...        "old_low": 0.56, "old_high": 0.64, "old_unit": "share"}
    >>> found = five(pd.DataFrame([now]), as_of=date(2025, 7, 1)).frame
    >>> found[["idea", "why"]].head(2).values.tolist()
    [['adoption', 'moved'], ['engagement', 'none']]
    """
    name = "five_sentences"
    told = cards
    if not cards.empty:
        require(cards, [*_TEXTS[2:], "place", "label", "n", "grade", *_NUMBERS, "old_unit"], name)
        told = _candidates(cards)
    if told.empty:
        return not_enough(
            name, Family.MEANS, why_empty(cards, "no report has published a headline number yet"),
            parameters={"as_of": as_of.isoformat(), "fresh_days": fresh_days},
        )  # fmt: skip
    first_fresh = (as_of - timedelta(days=fresh_days)).isoformat()
    ranked = sorted(
        (_ranked(row, i, first_fresh) for i, row in enumerate(told.to_dict("records"))),
        key=lambda one: one["rank"],
    )
    best: dict[str, dict[str, Any]] = {}
    for one in ranked:
        best.setdefault(str(one["idea"]), one)
    rows = [*best.values(), *(_nothing(idea) for idea in IDEAS if idea not in best)]
    frame = pd.DataFrame(rows)[[*_TEXTS, *_NUMBERS, "n"]]
    frame[list(_NUMBERS)] = frame[list(_NUMBERS)].astype(float)
    roles = dict.fromkeys(_TEXTS, Role.KEY) | {
        "value": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "old_value": Role.VALUE,
        "old_low": Role.LOW, "old_high": Role.HIGH, "n": Role.N,
    }  # fmt: skip
    return Result(
        name, Family.MEANS, frame, roles, tuple(_estimate(row) for row in best.values()),
        "One headline number for each idea: a verdict that changed first, then the largest change "
        "in standard errors of the difference; an order, not a test.",
        {"as_of": as_of.isoformat(), "fresh_days": fresh_days,
         "n_reports": int(cards["report"].nunique())},
    )  # fmt: skip


def _candidates(cards: pd.DataFrame) -> pd.DataFrame:
    """Keep the known numbers that are of the idea their report tells of."""
    of_an_idea = cards[cards["idea"].isin(IDEAS) & cards["value"].notna()]
    first = of_an_idea.sort_values("place", kind="stable").groupby("report")["idea"].first()
    return of_an_idea[of_an_idea["idea"] == of_an_idea["report"].map(first)]


def _ranked(row: dict[Any, Any], i: int, first_fresh: str) -> dict[str, Any]:
    """Say why a number may be chosen, and its place among all of them."""
    if row["old_unit"] != row["unit"]:  # a number in another unit is not the same number
        row = row | dict.fromkeys(("old_value", "old_low", "old_high"), math.nan)
    is_old = str(row["as_of"]) < first_fresh
    moved = shift(*(float(row[end]) for end in _NUMBERS))
    if row["verdict"] and row["verdict"] != row["old_verdict"]:
        why = VERDICT
    elif math.isnan(moved):
        # What is without an end, or an interval, may have moved all the same: it is only not known.
        why = NEW if math.isnan(float(row["old_value"])) else LESS
    else:
        why = MOVED if _parts(row) else LESS
    size = 0.0 if math.isnan(moved) else moved
    idea = IDEAS.index(str(row["idea"]))
    place = 0 if why == MOVED else int(row["place"])
    return {**row, "why": why, "rank": (is_old, _ORDER[why], place, -size, idea, i)}


def _parts(row: dict[Any, Any]) -> bool:
    return bool(row["low"] > row["old_high"] or row["high"] < row["old_low"])


def _nothing(idea: str) -> dict[str, Any]:
    texts = dict.fromkeys(_TEXTS, "") | {"idea": idea, "why": NONE}
    return {**texts, **dict.fromkeys(_NUMBERS, math.nan), "n": 0}


def _estimate(row: dict[str, Any]) -> Estimate:
    return Estimate(
        str(row["metric"]), float(row["value"]), float(row["low"]), float(row["high"]),
        int(row["n"]), str(row["unit"]), Grade(row["grade"]), str(row["label"]),
    )  # fmt: skip


# The shelf ----------------------------------------------------------------------------------


def shelf(reports: pd.DataFrame, *, as_of: date) -> Result:
    """List the reports: of when, how fresh, and what each found.

    Parameters
    ----------
    reports : pandas.DataFrame
        ``report, as_of, title, state, failed_as_of, n_failing``.
    as_of : datetime.date

    Returns
    -------
    Result
        Family CHECKS: the same rows, those that need a hand first. Empty where there is none.

    Examples
    --------
    >>> one = {"report": "20_adoption", "as_of": "2025-07-01", "title": "Seven in ten started",
    ...        "state": "fresh", "failed_as_of": "", "n_failing": 0}
    >>> other = one | {"report": "30_engagement_survival", "state": "stale"}
    >>> shelf(pd.DataFrame([one, other]), as_of=date(2025, 7, 1)).frame["state"].tolist()
    ['stale', 'fresh']
    """
    name, columns = "shelf", ("report", "as_of", "title", "state", "failed_as_of", "n_failing")
    if reports.empty:
        return not_enough(name, Family.CHECKS, why_empty(reports, "there is no report yet"))
    require(reports, columns, name)
    order = reports["state"].map({s: i for i, s in enumerate(STATES)})
    frame = reports.assign(order=order).sort_values(["order", "report"], kind="stable")
    frame = frame[list(columns)].reset_index(drop=True)
    roles = dict.fromkeys(columns, Role.KEY) | {"n_failing": Role.VALUE}
    return Result(name, Family.CHECKS, frame, roles, (), "Each report by its newest run.",
                  {"as_of": as_of.isoformat()})  # fmt: skip


STATES: Final = ("failed", "stale", "fresh", "complete", "not run")
"""How a report stands, those that need a hand first."""


def trust(told: Result, shelved: Result) -> Result:
    """Check what a summary rests on: fresh reports that ran and whose own checks passed.

    Parameters
    ----------
    told, shelved : Result
        Of :func:`five` and :func:`shelf`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``.

    Examples
    --------
    >>> from ldresearch.models.summary import five, shelf
    >>> nothing = pd.DataFrame()
    >>> day = date(2025, 7, 1)
    >>> trust(five(nothing, as_of=day), shelf(nothing, as_of=day)).frame["status"].tolist()
    ['not known', 'not known', 'not known', 'not passed']
    """
    frame = shelved.frame
    is_run = None if shelved.is_empty else frame[frame["state"] != "not run"]
    if is_run is None or is_run.empty:
        stale = failed = failing = math.nan
    else:
        stale = float((is_run["state"] == "stale").sum())
        failed = float((is_run["state"] == "failed").sum())
        failing = float((is_run["n_failing"] > 0).sum())
    ideas = 0 if told.is_empty else int((told.frame["why"] != NONE).sum())
    rows = [
        _checks.at_most("fresh", stale, 0.0),
        _checks.at_most("ran", failed, 0.0),
        _checks.at_most("checks", failing, 0.0),
        _checks.at_least("ideas", float(ideas), float(len(IDEAS))),
    ]
    return _checks.trust(rows)
