"""The learner brand: learning of one's own accord, telling others, coming again, speaking well."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from ldresearch.models import _checks, rates
from ldresearch.models._asked import why_empty
from ldresearch.models._frame import Floats, numbers, require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

KINDS: Final = {
    "voluntary": ("n_voluntary", "n_learned", "voluntary_share"),
    "passed_on": ("n_passed_on", "n_active", "referral_share"),
    "again": ("n_again", "n_before", "again_share"),
}
"""Kind to the columns it is made of and its metric."""

NOW, BEFORE = "now", "before"


def course(frame: pd.DataFrame) -> Result:
    """Follow the three shares from quarter to quarter.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``quarter_on, n_learned, n_voluntary, n_active, n_passed_on, n_before, n_again``; one group.

    Returns
    -------
    Result
        Family RATES: ``quarter_on, kind`` (``voluntary``, ``passed_on``, ``again``), ``n_reached,
        n, share, low, high`` (Wilson). Estimates of the last quarter: ``voluntary_share``,
        ``referral_share``, ``again_share``. What a log cannot show is left out.

    Examples
    --------
    >>> frame = pd.DataFrame({"quarter_on": pd.to_datetime(["2024-01-01"]), "n_learned": [100],
    ...     "n_voluntary": [60], "n_active": [120], "n_passed_on": [6], "n_before": [0],
    ...     "n_again": [0]})
    >>> course(frame).frame[["kind", "share"]].values.tolist()
    [['voluntary', 0.6], ['passed_on', 0.05]]
    """
    name = "course"
    long = _long(frame, name)
    if long.empty:
        return not_enough(name, Family.RATES, why_empty(frame, "nobody has learned anything yet"))
    long = long.assign(quarter_on=_days(long["quarter_on"]))
    found = rates.shares(long, keys=("quarter_on", "kind"), name=name)
    out = found.frame
    last = out[out["quarter_on"] == out["quarter_on"].max()]
    roles = {**found.roles, "quarter_on": Role.TIME}
    return found.but(
        roles=roles, estimates=tuple(_estimate(row, "") for row in last.to_dict("records")),
        parameters={"untold": str(frame.attrs.get("untold", "")),
                    "quarter_on": str(out["quarter_on"].max())},
    )  # fmt: skip


def groups(frame: pd.DataFrame) -> Result:
    """Put the last quarter of each group beside the one before.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`course`, with ``group``.

    Returns
    -------
    Result
        Family RATES: ``group, kind, quarter`` (``now`` or ``before``), ``n_reached, n, share, low,
        high``; estimates as in :func:`course`, labelled by group.

    Examples
    --------
    >>> frame = pd.DataFrame({"group": ["A", "B"], "quarter_on": pd.Timestamp("2024-01-01"),
    ...     "n_learned": 100, "n_voluntary": [60, 30], "n_active": 120, "n_passed_on": 0,
    ...     "n_before": 0, "n_again": 0})
    >>> found = groups(frame).frame
    >>> found[found["kind"] == "voluntary"][["group", "quarter", "share"]].values.tolist()
    [['A', 'now', 0.6], ['B', 'now', 0.3]]
    """
    name = "groups"
    long = _long(frame, name)
    if long.empty:
        return not_enough(name, Family.RATES, why_empty(frame, "nobody has learned anything yet"))
    if long["group"].nunique() < 2:
        return not_enough(name, Family.RATES, "there are no two groups to put side by side")
    quarters = sorted(long["quarter_on"].unique())
    names = {quarters[-1]: NOW} | ({quarters[-2]: BEFORE} if len(quarters) > 1 else {})
    long = long.assign(quarter=long["quarter_on"].map(names)).dropna(subset=["quarter"])
    long = long.sort_values(["group", "kind", "quarter"], kind="stable")
    found = rates.shares(long, keys=("group", "kind", "quarter"), name=name)
    now = found.frame[found.frame["quarter"] == NOW]
    return found.but(
        estimates=tuple(_estimate(row, str(row["group"])) for row in now.to_dict("records")),
        parameters={"quarter_on": str(quarters[-1])[:10],
                    "untold": str(frame.attrs.get("untold", ""))},
    )  # fmt: skip


def _long(frame: pd.DataFrame, caller: str) -> pd.DataFrame:
    """Lay the kinds below each other; a kind that the log cannot show, or of nobody, is absent."""
    if frame.empty:
        return frame
    columns = [c for count, of, _ in KINDS.values() for c in (count, of)]
    require(frame, ["quarter_on", *columns], caller)
    untold = "passed_on" if frame.attrs.get("untold") else ""
    parts = []
    for kind, (count, of, _) in KINDS.items():
        numbers(frame, count, caller, low=0)
        part = frame.rename(columns={count: "n_reached", of: "n"}).assign(kind=kind)
        keys = [c for c in ("group", "quarter_on") if c in frame.columns]
        if kind != untold:
            parts.append(part[[*keys, "kind", "n_reached", "n"]])
    long = pd.concat(parts, ignore_index=True)
    long = long[long["n"] > 0]
    return long.sort_values(["quarter_on"], kind="stable") if len(long) else long


def _days(column: Any) -> list[str]:
    return [str(day)[:10] for day in column]


def _estimate(row: dict[Any, Any], label: str) -> Estimate:
    metric = KINDS[str(row["kind"])][2]
    return Estimate(metric, float(row["share"]), float(row["low"]), float(row["high"]),
                    int(row["n"]), "share", Grade.DESCRIPTIVE, label)  # fmt: skip


# Voice --------------------------------------------------------------------------------------


def nps(promoters: Floats, detractors: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """Return net promoter scores with their 95 % intervals.

    Parameters
    ----------
    promoters, detractors, n : array of float
        Answers of 9 and 10, of 0 to 6, and all.

    Returns
    -------
    value, low, high : array of float
        ``100 (p - d)``, with variance ``100² (p + d - (p - d)²) / n``.

    References
    ----------
    Rocks B (2016). Interval estimation for the net promoter score. Am Stat 70:365-372.

    Examples
    --------
    >>> import numpy as np
    >>> [round(float(x[0]), 1) for x in nps(np.array([90.0]), np.array([50.0]), np.array([200.0]))]
    [20.0, 8.7, 31.3]
    """
    p, d = promoters / n, detractors / n
    value: Floats = 100 * (p - d)
    half = 100 * rates.Z95 * ((p + d - (p - d) ** 2) / n) ** 0.5
    return value, value - half, value + half


def voice(frame: pd.DataFrame, *, fewest: int = 10) -> Result:
    """Tell the net promoter score of each quarter.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, quarter_on, n_answers, n_promoters, n_detractors``.
    fewest : int
        Fewest answers that are told as a score.

    Returns
    -------
    Result
        Family MEANS: ``group, quarter_on, score, low, high, n``, in whole points. The estimate
        ``brand_nps`` is that of the last quarter, labelled by group.

    Examples
    --------
    >>> frame = pd.DataFrame({"group": "", "quarter_on": pd.to_datetime(["2024-01-01"]),
    ...                       "n_answers": [200], "n_promoters": [90], "n_detractors": [50]})
    >>> voice(frame).estimate("brand_nps").value
    20.0
    """
    name = "voice"
    if frame.empty:
        return not_enough(name, Family.MEANS, why_empty(frame, "nobody was asked yet"))
    require(frame, ["group", "quarter_on", "n_answers", "n_promoters", "n_detractors"], name)
    rows = frame[frame["n_answers"] >= fewest].sort_values(["group", "quarter_on"], kind="stable")
    if rows.empty:
        most = int(frame["n_answers"].max())
        reason = f"no quarter has more than {most} answers, and a score takes {fewest}"
        return not_enough(name, Family.MEANS, reason)
    n = numbers(rows, "n_answers", name)
    value, low, high = nps(
        numbers(rows, "n_promoters", name, low=0), numbers(rows, "n_detractors", name, low=0), n
    )
    # Whole points: finer ones would give back how many answered what.
    out = pd.DataFrame(
        {
            "group": rows["group"].astype(str).to_numpy(), "quarter_on": _days(rows["quarter_on"]),
            "score": value.round(), "low": low.round().clip(-100, 100),
            "high": high.round().clip(-100, 100), "n": n.astype(int),
        }
    )  # fmt: skip
    last = out.groupby("group", sort=False).tail(1)
    estimates = tuple(
        Estimate("brand_nps", float(r["score"]), float(r["low"]), float(r["high"]), int(r["n"]),
                 "score", Grade.DESCRIPTIVE, str(r["group"]))
        for r in last.to_dict("records")
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out,
        {
            "group": Role.KEY, "quarter_on": Role.TIME, "score": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        estimates,
        "100 (p - d) with the normal interval of a difference of two shares of one sample; answers "
        "are not weighted.",
        {"quarter_on": str(out["quarter_on"].max())},
    )  # fmt: skip


# May it be trusted --------------------------------------------------------------------------


def trust(told: Result, said: Result) -> Result:
    """Check what the brand rests on.

    Parameters
    ----------
    told, said : Result
        Of :func:`course` and :func:`voice`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``.

    Examples
    --------
    >>> nothing = not_enough("course", Family.RATES, "no quarter is complete")
    >>> trust(nothing, nothing).frame[["check", "status"]].values.tolist()[0]
    ['quarters', 'not passed']
    """
    n_quarters = 0 if told.is_empty else int(told.frame["quarter_on"].nunique())
    has_shared = math.nan
    if not told.is_empty:
        has_shared = float((told.frame["kind"] == "passed_on").any())
    answers = math.nan if said.is_empty else float(said.frame["n"].iloc[-1])
    rows = [
        _checks.at_least("quarters", float(n_quarters), 2.0),
        _checks.at_least("shared", has_shared, 1.0),
        _checks.at_least("answers", answers, 100.0),
    ]
    return _checks.trust(rows)
