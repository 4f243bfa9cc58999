"""Each campaign's own effect, by the best method its design allows, and what they add up to.

Units that were never or later launched, seen before and after: a staggered comparison. Persons
allocated one by one: those launched beside those held out. Everyone at once: an interrupted time
series. What is estimated is always the same: of 100 people waiting at
the launch, how many more reached first value within the window than would have without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _did, _two_shares
from ldresearch.models import campaigns as models
from ldresearch.models._design import Design, grade
from ldresearch.models._frame import numbers, require
from ldresearch.result import Estimate, Result, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Role

_COMPARED: Final = [
    "campaign", "client", "strategy", "is_goal_tied", "n_reached", "n", "effect", "se", "grade",
    "label",
]  # fmt: skip

DESIGNS: Final = {
    "randomised": "drawn at random",
    "staggered": "launched unit by unit",
    "compared": "beside units held out",
    "before and after": "everyone at once",
}
"""Design to what reports call it."""

FEWEST: Final = 10
"""Persons on each side below which nothing is said of persons allocated one by one."""

LATER: Final = 2
"""Periods after the last launch that the comparison keeps."""

SHOWN: Final = 4
"""Periods before and after the launch that are told; further ones rest on few waves."""

_EFFECT_COLUMNS: Final = [
    "client", "campaign", "strategy", "is_goal_tied", "breadth", "design", "effect", "se", "low",
    "high", "grade", "why", "n_reached", "n",
]  # fmt: skip


def studies(
    panel: pd.DataFrame,
    weeks: pd.DataFrame,
    campaigns: pd.DataFrame,
    *,
    allocated: pd.DataFrame | None = None,
    window_days: int = 30,
    seed: int = 1,
) -> dict[str, Result]:
    """Judge each campaign by the best method its design allows.

    Parameters
    ----------
    panel : pandas.DataFrame
        ``campaign, unit, time, first_treated, share, n_waiting``: periods of ``window_days``.
    weeks : pandas.DataFrame
        ``campaign, week, share, n_waiting``: the launched units together, week 0 is the launch.
    campaigns : pandas.DataFrame
        ``campaign, n_units, n_launched, n_waves, is_randomised, is_complete``.
    allocated : pandas.DataFrame, optional
        ``campaign`` and the columns of :func:`by_person`, of campaigns that allocated persons.
    window_days, seed : int

    Returns
    -------
    dict of str to Result
        Campaign to the result of :func:`ldresearch.models.campaigns.att`, :func:`by_person` or
        :func:`~ldresearch.models.campaigns.interrupted`; empty, with the reason, where there is
        no answer.

    Examples
    --------
    Of everyone waiting one or two in a hundred start a week, and four more once launched.

    >>> import pandas as pd
    >>> spring = pd.DataFrame({"campaign": ["Spring"], "n_units": 1, "n_launched": 1, "n_waves": 1,
    ...                        "is_randomised": False, "is_complete": True})
    >>> weeks = pd.DataFrame({"campaign": "Spring", "week": range(-20, 4), "n_waiting": 100,
    ...                       "share": [0.01 + i % 2 / 100 + (i >= 20) / 25 for i in range(24)]})
    >>> panel = pd.DataFrame({"campaign": []})
    >>> found = studies(panel, weeks, spring)["Spring"]
    >>> found.name, round(found.estimate("mean_change").value, 2)
    ('interrupted', 0.04)

    Before the window is over there is no answer.

    >>> studies(panel, weeks, spring.assign(is_complete=False))["Spring"].missing
    'the 30 days after its launch are not over'
    """
    found = {}
    for row in campaigns.to_dict("records"):
        name = str(row["campaign"])
        own, series = (f[f["campaign"] == name] for f in (panel, weeks))
        persons = None if allocated is None else allocated[allocated["campaign"] == name]
        if persons is not None and len(persons) and design(row) != "before and after":
            found[name] = by_person(persons)
        elif not row["n_launched"]:
            why = "nobody was launched: no unit, no touch and no arm says so"
            found[name] = not_enough("att", Family.CONTRAST, why)
        elif not row["is_complete"]:
            why = f"the {window_days} days after its launch are not over"
            found[name] = not_enough("att", Family.CONTRAST, why)
        elif design(row) == "before and after":
            found[name] = _series(series, window_days)
        else:
            found[name] = _comparison(own, row, seed)
    return found


def design(campaign: Mapping[Any, Any]) -> str:
    """Name the design of a campaign from who was launched when, and whether chance decided.

    Parameters
    ----------
    campaign : mapping
        ``n_units, n_launched, n_waves, is_randomised``.

    Returns
    -------
    str
        One of ``DESIGNS``.

    Examples
    --------
    >>> design({"n_units": 40, "n_launched": 20, "n_waves": 1, "is_randomised": True})
    'randomised'
    >>> design({"n_units": 9, "n_launched": 9, "n_waves": 1, "is_randomised": True})
    'before and after'
    """
    if campaign["n_launched"] >= campaign["n_units"] and campaign["n_waves"] < 2:
        return "before and after"
    if campaign["is_randomised"]:
        return "randomised"
    return "staggered" if campaign["n_waves"] > 1 else "compared"


def _comparison(own: pd.DataFrame, campaign: Mapping[Any, Any], seed: int) -> Result:
    """Compare launched with other units, over the periods about the launches."""
    last = own["first_treated"].max() + LATER
    near = own[(own["time"] <= last) & (own["n_waiting"] > 0)]
    is_staggered = campaign["n_waves"] > 1
    # A first treated period of nought means never: periods are counted from one.
    shift = 1 - near["time"].min()
    near = near.assign(time=near["time"] + shift, first_treated=near["first_treated"] + shift)
    return models.att(
        near, outcome="share", weight="n_waiting", persons="n_waiting",
        control="not_yet_treated" if is_staggered else "never_treated",
        is_randomised=bool(campaign["is_randomised"]), measured_in="points", seed=seed,
    )  # fmt: skip


def _series(weeks: pd.DataFrame, window_days: int) -> Result:
    """Follow the weeks before the launch and the whole weeks of the window after it."""
    whole = max(window_days // 7, 1)
    near = weeks[(weeks["week"] < whole) & (weeks["week"] >= -52)].dropna(subset="share")
    return models.interrupted(
        near.rename(columns={"n_waiting": "n"}),
        start=0,
        time="week",
        outcome="share",
        measured_in="points",
    )


def by_person(frame: pd.DataFrame) -> Result:
    """Compare persons launched with persons held out, within the week they were allocated in.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a week and side: ``week_on, is_launched, is_randomised, n_waiting, n_reached``.

    Returns
    -------
    Result
        Family CONTRAST, one row a week in which there were both: ``n_reached`` of ``n_launched``,
        ``n_reached_held_out`` of ``n_held_out``, ``n``. Estimate ``campaign_effect``: the
        Mantel-Haenszel difference of the shares with Sato's interval, Newcombe's for one week.
        Parameters ``n_launched, n_held_out``.

    Examples
    --------
    Of 70 launched 56 reached first value, of 80 held out 48.

    >>> import pandas as pd
    >>> week = pd.DataFrame({"week_on": pd.Timestamp("2024-03-04"), "is_launched": [True, False],
    ...                      "is_randomised": True, "n_waiting": [70, 80], "n_reached": [56, 48]})
    >>> e = by_person(week).estimate("campaign_effect")
    >>> round(e.value, 2), round(e.low, 4), round(e.high, 4), str(e.grade), e.n
    (0.2, 0.0524, 0.3339, 'randomised', 150)
    """
    name, family = "by_person", Family.CONTRAST
    columns = ["week_on", "is_launched", "is_randomised", "n_waiting", "n_reached"]
    require(frame, columns, name)
    both = _sides(frame)
    a, n, b, m = (numbers(both, column, name, low=0) for column in _SIDES)
    n_launched, n_held_out = int(n.sum()), int(m.sum())
    if min(n_launched, n_held_out) < FEWEST:
        return not_enough(
            name, family,
            f"of persons allocated in the same weeks, who were waiting then and whose window is "
            f"over, {n_launched} were launched and {n_held_out} held out: it takes {FEWEST} of "
            "each",
        )  # fmt: skip
    value, low, high = _two_shares.stratified(a, n, b, m)
    # Whoever was chosen may differ in anything: the week allows for the season alone.
    facts = Design(
        n_treated=n_launched, n_control=n_held_out,
        is_randomised=bool(frame["is_randomised"].all()),
    )  # fmt: skip
    counts = dict.fromkeys(_SIDES, Role.COUNT)
    return Result(
        name, family, both, {"week_on": Role.TIME, **counts, "n": Role.N},
        (Estimate("campaign_effect", value, low, high, n_launched + n_held_out, "points",
                  grade(facts)),),
        "Difference of the shares of launched and held-out persons within the week of allocation, "
        "Mantel-Haenszel with Sato's 95 % interval; of one week, with Newcombe's.",
        {"n_launched": n_launched, "n_held_out": n_held_out},
    )  # fmt: skip


_SIDES: Final = ("n_reached", "n_launched", "n_reached_held_out", "n_held_out")


def _sides(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the two sides of a week in one row; a week with one side compares nothing."""
    told = frame[["week_on", "n_reached", "n_waiting"]]
    launched = frame["is_launched"].astype(bool)
    one = told[launched].rename(columns={"n_waiting": "n_launched"})
    other = told[~launched].rename(columns={"n_waiting": "n_held_out"})
    both = one.merge(other, on="week_on", suffixes=("", "_held_out"))
    both = both[(both["n_launched"] > 0) & (both["n_held_out"] > 0)]
    both = both.assign(n=both["n_launched"] + both["n_held_out"])
    return both[["week_on", *_SIDES, "n"]].sort_values("week_on", ignore_index=True)


def steps(campaigns: pd.DataFrame) -> tuple[Step, ...]:
    """Say who is counted: the eligible at the launches, those launched, those still waiting.

    Parameters
    ----------
    campaigns : pandas.DataFrame
        ``n_eligible, n_there, n_waiting`` a campaign.

    Returns
    -------
    tuple of Step
        Sums over the campaigns; empty without one.

    Examples
    --------
    >>> import pandas as pd
    >>> two = pd.DataFrame({"n_eligible": [100, 50], "n_there": [80, 50], "n_waiting": [60, 20]})
    >>> [step.n_persons for step in steps(two)]
    [150, 130, 80]
    """
    if campaigns.empty:
        return ()
    counts = {
        "eligible on the day of a launch": "n_eligible",
        "launched, alone or with their unit": "n_there",
        "not yet at first value by then": "n_waiting",
    }
    sums = {reason: int(campaigns[column].sum()) for reason, column in counts.items()}
    return tuple(Step(reason, n, n) for reason, n in sums.items())


# One effect a campaign ----------------------------------------------------------------------


def effects(
    found: Mapping[str, Result], campaigns: pd.DataFrame, *, window_days: int = 30
) -> Result:
    """Put the effect of each campaign within the window on one scale.

    Parameters
    ----------
    found : mapping of str to Result
        Of :func:`studies`.
    campaigns : pandas.DataFrame
        As there, with ``client, strategy, is_goal_tied, breadth, n_reached, n_waiting``.
    window_days : int

    Returns
    -------
    Result
        Family CONTRAST, one row a campaign: ``effect`` (share of those waiting at the launch)
        with ``se, low, high``, ``design``, ``grade``, ``why`` there is no effect, ``n_reached`` of
        ``n`` who did start. Estimates ``campaign_effect``, labelled by campaign.

    Examples
    --------
    The launch brings one in a hundred more a week: four in the four weeks of the window.

    >>> import pandas as pd
    >>> from ldresearch.models.campaigns import interrupted
    >>> weeks = pd.DataFrame({"time": range(-20, 4),
    ...                       "outcome": [i % 2 / 100 + (i >= 20) / 100 for i in range(24)]})
    >>> spring = pd.DataFrame({
    ...     "client": ["one"], "campaign": "Spring", "strategy": "broad", "is_goal_tied": True,
    ...     "breadth": 1.0, "n_units": 1, "n_launched": 1, "n_waves": 1, "is_randomised": False,
    ...     "n_reached": 8, "n_waiting": 100})
    >>> found = effects({"Spring": interrupted(weeks, start=0)}, spring)
    >>> found.frame["design"].item(), round(found.estimate("campaign_effect", "Spring").value, 2)
    ('before and after', 0.04)
    """
    name, family = "effects", Family.CONTRAST
    if campaigns.empty:
        why = str(campaigns.attrs.get("missing") or "no campaign is recorded")
        return not_enough(name, family, why)
    require(campaigns, ["client", "campaign", "strategy", "n_reached", "n_waiting"], name)
    rows = [_effect_row(row, found, window_days) for row in campaigns.to_dict("records")]
    out = pd.DataFrame(rows)[_EFFECT_COLUMNS]
    estimates = tuple(
        Estimate("campaign_effect", r["effect"], r["low"], r["high"],
                 _persons(found[r["campaign"]], r["n"]), "points", Grade(r["grade"]),
                 r["campaign"])
        for r in rows if math.isfinite(r["effect"])
    )  # fmt: skip
    text = ("client", "campaign", "strategy", "is_goal_tied", "design", "grade", "why")
    roles = dict.fromkeys(text, Role.KEY) | {
        "breadth": Role.VALUE, "effect": Role.VALUE, "se": Role.VALUE, "low": Role.LOW,
        "high": Role.HIGH, "n_reached": Role.COUNT, "n": Role.N,
    }  # fmt: skip
    return Result(
        name, family, out, {c: roles[c] for c in _EFFECT_COLUMNS}, estimates,
        "The effect in the first period after each launch (event time 0), the difference between "
        "persons launched and held out, or the mean excess of the window's whole weeks over the "
        "line before, times their number.",
        {"window_days": window_days, "n_campaigns": len(out)},
    )  # fmt: skip


def _effect_row(
    campaign: Mapping[Any, Any], found: Mapping[str, Result], window_days: int
) -> dict[str, Any]:
    study = found[str(campaign["campaign"])]
    value, se, low, high, grade = _window_effect(study, window_days)
    return {
        "client": campaign["client"],
        "campaign": str(campaign["campaign"]),
        "strategy": campaign["strategy"],
        "is_goal_tied": _said(campaign["is_goal_tied"]),
        "breadth": campaign["breadth"],
        "design": design(campaign) if campaign["n_launched"] else "not launched",
        "effect": value,
        "se": se,
        "low": low,
        "high": high,
        "grade": str(grade),
        "why": study.missing,
        "n_reached": int(campaign["n_reached"]),
        "n": int(campaign["n_waiting"]),
    }


def _persons(study: Result, n: int) -> int:
    """Return the persons an effect rests on: both sides, where persons were allocated."""
    return study.estimates[0].n if study.name == "by_person" and not study.is_empty else n


def _said(is_goal_tied: object) -> str:
    if is_goal_tied is None or is_goal_tied != is_goal_tied:
        return "not known"
    return "yes" if is_goal_tied else "no"


def _window_effect(study: Result, window_days: int) -> tuple[float, float, float, float, Grade]:
    """Read the effect within the window off a comparison or a series."""
    nan = math.nan
    if study.is_empty:
        return nan, nan, nan, nan, Grade.DESCRIPTIVE
    if study.name == "interrupted":
        change = study.estimate("mean_change")
        weeks = max(window_days // 7, 1)
        low, high = weeks * change.low, weeks * change.high
        se = (high - low) / (2 * models.Z95)
        return weeks * change.value, se, low, high, change.grade
    if study.name == "by_person":
        told = study.estimate("campaign_effect")
        se = (told.high - told.low) / (2 * models.Z95)
        return told.value, se, told.low, told.high, told.grade
    first = study.estimate("campaign_att", "first")
    error = float(study.frame.loc[study.frame["kind"] == "first", "se"].iloc[0])
    # An interval from few units is wider than its error: what is pooled later has to know.
    se = max(error, (first.high - first.low) / (2 * models.Z95))
    if not math.isfinite(se):
        # So few units rule nothing out: a number, but no interval and nothing to pool.
        return first.value, nan, nan, nan, first.grade
    return first.value, se, first.low, first.high, first.grade


def comparable(found: Result, campaigns: pd.DataFrame) -> pd.DataFrame:
    """Take the campaigns that have an effect, as the comparison of strategies reads them.

    Parameters
    ----------
    found : Result
        Of :func:`effects`.
    campaigns : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        ``campaign, client, strategy, is_goal_tied`` (missing where not known), ``n_reached, n,
        effect, se, grade, label``.

    Examples
    --------
    Autumn has no effect yet, so it is not compared.

    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family, Role
    >>> told = pd.DataFrame({"client": "one", "campaign": ["Spring", "Autumn"], "strategy": "broad",
    ...                      "effect": [0.1, float("nan")], "se": [0.01, float("nan")],
    ...                      "grade": "adjusted", "n_reached": 30, "n": 200})
    >>> found = Result("effects", Family.CONTRAST, told, dict.fromkeys(told, Role.VALUE))
    >>> both = pd.DataFrame({"campaign": ["Spring", "Autumn"], "is_goal_tied": [True, True]})
    >>> comparable(found, both)[["label", "is_goal_tied", "effect"]].to_dict("records")
    [{'label': 'Spring', 'is_goal_tied': True, 'effect': 0.1}]
    """
    if found.is_empty:
        empty = pd.DataFrame(columns=_COMPARED)
        empty.attrs["missing"] = found.missing
        return empty
    tied = campaigns.set_index(campaigns["campaign"].astype(str))["is_goal_tied"]
    is_known = np.isfinite(found.frame[["effect", "se"]].to_numpy(dtype=float)).all(axis=1)
    frame = found.frame.loc[is_known]
    told: pd.DataFrame = frame.assign(
        is_goal_tied=frame["campaign"].map(tied), label=frame["campaign"]
    ).reset_index(drop=True)
    return told


def costs(found: Result, campaigns: pd.DataFrame) -> Result:
    """Divide the budget of each campaign by the people it brought to first value.

    Parameters
    ----------
    found : Result
        Of :func:`effects`.
    campaigns : pandas.DataFrame
        With ``budget`` and ``currency``.

    Returns
    -------
    Result
        Of :func:`ldresearch.models.campaigns.cost_per_activated`; empty where no campaign has
        both a budget and an effect, or budgets are in several currencies.

    Examples
    --------
    Of 200 people one in ten came because of it: 20, for 5,000 euros.

    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family, Role
    >>> told = pd.DataFrame({"client": "one", "campaign": ["Spring", "Autumn"], "strategy": "broad",
    ...                      "effect": [0.1, float("nan")], "se": [0.01, float("nan")],
    ...                      "grade": "adjusted", "n_reached": 30, "n": 200})
    >>> found = Result("effects", Family.CONTRAST, told, dict.fromkeys(told, Role.VALUE))
    >>> both = pd.DataFrame({"campaign": ["Spring", "Autumn"], "is_goal_tied": [True, True],
    ...                      "budget": [5000.0, 3000.0], "currency": ["EUR", "EUR"]})
    >>> cost = costs(found, both).estimate("cost_per_activated", "Spring")
    >>> round(cost.value), cost.unit
    (250, 'EUR')
    """
    frame = comparable(found, campaigns)
    name, family = "cost_per_activated", Family.MEANS
    if frame.empty:
        return not_enough(name, family, found.missing or "no campaign has an effect")
    own = campaigns.set_index(campaigns["campaign"].astype(str))
    spent = frame.assign(
        cost=frame["campaign"].map(own["budget"]), currency=frame["campaign"].map(own["currency"]),
        activated=frame["effect"] * frame["n"], se=frame["se"] * frame["n"],
    )  # fmt: skip
    spent = spent[spent["cost"].notna()].reset_index(drop=True)
    if spent.empty:
        return not_enough(name, family, "no campaign with an effect has a budget")
    currencies = sorted(set(spent["currency"]))
    if len(currencies) > 1:
        why = "budgets are in several currencies, so costs cannot be put side by side"
        return not_enough(name, family, why)
    return models.cost_per_activated(spent, currency=currencies[0])


# Period by period ---------------------------------------------------------------------------


def event_study(found: Mapping[str, Result], *, window_days: int = 30) -> Result:
    """Line up the launches: the effect in each period before and after.

    Parameters
    ----------
    found : mapping of str to Result
        Of :func:`studies`.
    window_days : int
        Length of a period.

    Returns
    -------
    Result
        Family CONTRAST: ``campaign, event`` (periods since the launch), ``estimate`` with
        pointwise ``low, high``, simultaneous ``band_low, band_high``, ``is_before``, ``n``.

    Examples
    --------
    Nothing in the period before the launch, then 2 in both periods from it on.

    >>> import pandas as pd
    >>> from ldresearch.models.campaigns import att
    >>> rows = [{"unit": u, "time": t, "first_treated": 3 if u < 30 else 0,
    ...          "outcome": u % 7 + t + u % 5 * t / 50 + 2 * (u < 30 and t >= 3)}
    ...         for u in range(60) for t in range(1, 5)]
    >>> study = att(pd.DataFrame(rows))
    >>> found = event_study({"Spring": study}).frame
    >>> found["event"].tolist(), found["estimate"].abs().round(3).tolist()
    ([-1.0, 0.0, 1.0], [0.0, 2.0, 2.0])
    """
    name, family = "event_study", Family.CONTRAST
    parts = [
        study.frame[study.frame["kind"] == "event"].assign(campaign=campaign)
        for campaign, study in found.items()
        if study.name == "att" and not study.is_empty
    ]
    if not parts:
        return not_enough(name, family, _no_periods(found))
    columns = ["campaign", "event", "estimate", "low", "high", "band_low", "band_high",
               "is_before", "n"]  # fmt: skip
    out = pd.concat(parts, ignore_index=True)[columns]
    out = out[out["event"].between(-SHOWN, SHOWN)]
    return Result(
        name, family, out.sort_values(["campaign", "event"], ignore_index=True),
        {
            "campaign": Role.KEY, "event": Role.TIME, "estimate": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "band_low": Role.LOW, "band_high": Role.HIGH,
            "is_before": Role.FLAG, "n": Role.N,
        },
        method=next(s.method for s in found.values() if s.name == "att" and not s.is_empty),
        parameters={"window_days": window_days},
    )  # fmt: skip


def _no_periods(found: Mapping[str, Result]) -> str:
    if not found:
        return "no campaign is recorded"
    if any(study.name == "by_person" for study in found.values()):
        return "persons were allocated one by one, so there are no units to follow over periods"
    return "no campaign left units without a launch, so there is nothing to compare with"


def series(found: Mapping[str, Result]) -> Result:
    """Put the weekly series of campaigns that were launched for everyone at once together.

    Parameters
    ----------
    found : mapping of str to Result
        Of :func:`studies`.

    Returns
    -------
    Result
        Family TREND: ``campaign, time`` (weeks since the launch), ``part, outcome, expected, low,
        high, n``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.models.campaigns import interrupted
    >>> weeks = pd.DataFrame({"time": range(-20, 4),
    ...                       "outcome": [i % 2 / 100 + (i >= 20) / 100 for i in range(24)]})
    >>> found = series({"Spring": interrupted(weeks, start=0)})
    >>> found.frame.groupby(["campaign", "part"]).size().to_dict()
    {('Spring', 'after'): 4, ('Spring', 'before'): 20}
    """
    name, family = "series", Family.TREND
    parts = [
        study.frame.assign(campaign=campaign)
        for campaign, study in found.items()
        if study.name == "interrupted" and not study.is_empty
    ]
    if not parts:
        return not_enough(name, family, "no campaign was launched for everyone at once")
    columns = ["campaign", "time", "part", "outcome", "expected", "low", "high", "n"]
    roles = {"campaign": Role.KEY, "time": Role.TIME, "part": Role.KEY, "outcome": Role.RATE,
             "expected": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N}  # fmt: skip
    out = pd.concat(parts, ignore_index=True)[columns]
    method = next(s.method for s in found.values() if s.name == "interrupted" and not s.is_empty)
    return Result(name, family, out, roles | {"outcome": Role.VALUE}, method=method)


# What is odd about a launch -----------------------------------------------------------------


def remarks(
    campaigns: pd.DataFrame, days: pd.DataFrame, switches: pd.DataFrame, effect: Result
) -> Result:
    """List what a reader has to know about single campaigns before believing a number.

    Parameters
    ----------
    campaigns, days, switches : pandas.DataFrame
        Of the measures ``campaigns``, ``launch_days`` and ``switches``.
    effect : Result
        Of :func:`effects`.

    Returns
    -------
    Result
        Family CHECKS: ``campaign, remark, value, day, text``. Remarks: ``none``,
        ``no initiative`` (a client without one), ``not judged`` (``text`` says why), ``holiday``
        (``value``: share of the weekday's usual activity), ``no touches``, ``switched`` (units),
        ``overlaps`` (other campaigns), ``not described``.

    Examples
    --------
    Launched on Easter Monday, when three came instead of twelve; nobody wrote the strategy down.

    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> spring = pd.DataFrame({"campaign": ["Spring"], "strategy": None, "is_goal_tied": None,
    ...                        "has_touches": True, "n_overlapping": 0})
    >>> days = pd.DataFrame({"campaign": ["Spring"], "launched_on": [pd.Timestamp("2024-04-01")],
    ...                      "n_active": 3, "usual": 12.0, "is_quiet": True})
    >>> switches = pd.DataFrame({"campaign": []})
    >>> none = not_enough("effects", Family.CONTRAST, "not asked")
    >>> found = remarks(spring, days, switches, none)
    >>> found.frame[["remark", "day"]].to_dict("list")
    {'remark': ['holiday', 'not described'], 'day': ['2024-04-01', '']}
    """
    rows: list[tuple[str, str, float, str, str]] = []
    for client in campaigns.attrs.get("without", {}):
        rows.append((str(client), "no initiative", math.nan, "", ""))
    if not effect.is_empty:
        unknown = effect.frame[effect.frame["why"] != ""]
        rows += [(c, "not judged", math.nan, "", w)
                 for c, w in zip(unknown["campaign"], unknown["why"], strict=True)]  # fmt: skip
    for row in days[days["is_quiet"].astype(bool)].to_dict("records"):
        share = row["n_active"] / row["usual"]
        rows.append((row["campaign"], "holiday", share, str(row["launched_on"].date()), ""))
    for campaign, own in switches.groupby("campaign", sort=True):
        rows.append((str(campaign), "switched", float(len(own)), "", ""))
    for row in campaigns.to_dict("records"):
        said = [
            ("no touches", math.nan, not row["has_touches"]),
            ("overlaps", float(row["n_overlapping"]), row["n_overlapping"] > 0),
            ("not described", math.nan, _is_undescribed(row)),
        ]
        rows += [(row["campaign"], what, value, "", "") for what, value, is_so in said if is_so]
    name = "remarks"
    if not rows and campaigns.empty:
        return not_enough(name, Family.CHECKS, "there is no launch to remark on")
    rows = rows or [("", "none", math.nan, "", "")]
    columns = ["campaign", "remark", "value", "day", "text"]
    return Result(
        name, Family.CHECKS, pd.DataFrame(rows, columns=columns),
        {"campaign": Role.KEY, "remark": Role.KEY, "value": Role.VALUE, "day": Role.KEY,
         "text": Role.KEY},
    )  # fmt: skip


def _is_undescribed(campaign: Mapping[Any, Any]) -> bool:
    known = isinstance(campaign["strategy"], str)
    return not known or _said(campaign["is_goal_tied"]) == "not known"


# May it be trusted --------------------------------------------------------------------------

_WORST: Final = ("not passed", "passed", "not known")


def trust(
    found: Mapping[str, Result],
    campaigns: pd.DataFrame,
    days: pd.DataFrame,
    switches: pd.DataFrame,
    pooled: Result,
    lifts: Result,
) -> Result:
    """Check what the answers rest on; of several campaigns the worst one counts.

    Parameters
    ----------
    found : mapping of str to Result
        Of :func:`studies`.
    campaigns, days, switches : pandas.DataFrame
        Of the measures ``campaigns``, ``launch_days`` and ``switches``.
    pooled, lifts : Result

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``. Besides those of
        :func:`ldresearch.models.campaigns.trust` (``few_units`` counts persons where persons were
        allocated): ``touches`` (campaigns without any),
        ``holiday`` (campaigns launched on a quiet day), ``arms`` (units taken out of their arm),
        ``overlap`` (campaigns with another within the window), ``described`` (without a strategy).

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> spring = pd.DataFrame({"campaign": ["Spring"], "strategy": None, "is_goal_tied": None,
    ...                        "has_touches": True, "n_overlapping": 0})
    >>> days = pd.DataFrame({"campaign": ["Spring"], "launched_on": [pd.Timestamp("2024-04-01")],
    ...                      "n_active": 3, "usual": 12.0, "is_quiet": True})
    >>> switches = pd.DataFrame({"campaign": []})
    >>> none = not_enough("effects", Family.CONTRAST, "not asked")
    >>> checks = trust({}, spring, days, switches, none, none).frame.set_index("check")["status"]
    >>> checks[["touches", "holiday", "described", "pretrend"]].tolist()
    ['passed', 'not passed', 'not passed', 'not known']
    """
    parts = [models.trust(None, lifts, pooled).frame]
    for study in found.values():
        if study.name == "by_person":
            parts.append(_enough_persons(study))
        else:
            is_series = study.name == "interrupted"
            parts.append(
                models.trust(
                    None if is_series else study, series=study if is_series else None
                ).frame
            )
    shared = pd.concat(parts, ignore_index=True)
    order = shared["status"].map(_WORST.index)
    worst = shared.assign(_order=order).sort_values("_order", kind="stable")
    worst = worst.drop_duplicates("check").sort_index().drop(columns="_order")
    worst = worst[~worst["check"].isin(["holiday", "switched", "pretrend_power"])]
    own = _own_checks(campaigns, days, switches)
    rows = pd.DataFrame([*own, _drift(found)], columns=worst.columns)
    return Result(
        "trust", Family.CHECKS, pd.concat([rows, worst], ignore_index=True),
        {"check": Role.KEY, "status": Role.KEY, "value": Role.VALUE, "threshold": Role.VALUE},
        method="Each number against a threshold set beforehand; the worst campaign counts.",
    )  # fmt: skip


def _enough_persons(study: Result) -> pd.DataFrame:
    """Hold the smaller side to what is wanted of units, in persons."""
    sides = [study.parameters.get(name) for name in ("n_launched", "n_held_out")]
    n = min((float(side) for side in sides if side is not None), default=math.nan)
    status = "not known" if math.isnan(n) else "passed" if n >= _did.FEW else "not passed"
    row = {"check": "few_units", "status": status, "value": n, "threshold": float(_did.FEW)}
    return pd.DataFrame([row])


def _own_checks(
    campaigns: pd.DataFrame, days: pd.DataFrame, switches: pd.DataFrame
) -> Sequence[tuple[str, str, float, float]]:
    if campaigns.empty:
        return [(name, "not known", math.nan, 0.0) for name in _COUNTED]
    described = campaigns["strategy"].notna() & campaigns["is_goal_tied"].notna()
    counts = {
        "touches": int((~campaigns["has_touches"].astype(bool)).sum()),
        "holiday": int(days.loc[days["is_quiet"].astype(bool), "campaign"].nunique()),
        "arms": len(switches),
        "overlap": int((campaigns["n_overlapping"] > 0).sum()),
        "described": int((~described).sum()),
    }
    return [
        (name, "not passed" if count else "passed", float(count), 0.0)
        for name, count in counts.items()
    ]


def _drift(found: Mapping[str, Result]) -> tuple[str, str, float, float]:
    """Weigh what a steady drift, too small to be noticed before, adds in the first period.

    As a percentage of the effect told, of the campaign where it matters most among those whose
    effect is told apart from none.
    """
    shares = []
    for study in found.values():
        if study.name != "att" or study.is_empty:
            continue
        first, slope = study.estimate("campaign_att", "first"), study.estimate("pretrend_slope")
        if first.low > 0 and slope.is_known:
            shares.append(100 * slope.value / first.value)
    worst = max(shares, default=math.nan)
    status = "not known" if not shares else "passed" if worst <= DRIFT else "not passed"
    return "pretrend_power", status, worst, DRIFT


DRIFT: Final = 50.0
"""Largest share of an effect, in percent, that an unnoticed drift may explain."""

_COUNTED: Final = ("touches", "holiday", "arms", "overlap", "described")
