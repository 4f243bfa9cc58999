"""How long engagement lasts, what shortens it, and after which silence to step in.

The estimators are those of :mod:`ldresearch.models.survival`; here they are put to one question:
the gap that ends a spell is chosen, groups are compared by restricted means, a ratio is told only
where its model holds, and the answer is computed again under other gaps and on later spells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _checks, rates, survival
from ldresearch.models._frame import UNKNOWN, Floats, numbers, persons, require
from ldresearch.models._risk_table import RiskTable
from ldresearch.models.survival import MIN_AT_RISK, Z
from ldresearch.result import Estimate, Partition, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Role

PRESET_GAP: Final = 28
"""Days that end a spell where the data cannot choose."""
AT_MOST: Final = 0.05
"""Largest share that may still return after the gap."""
MIN_PEOPLE: Final = 10
"""Fewest people followed from whom a curve is told."""
MIN_EVENTS: Final = 30
"""Fewest ends on which the comparison of groups rests."""
ALL: Final = "all"
"""Label of the estimates about everyone."""

_AT_ONCE = 0.01
"""Largest share that may have no length where times are modelled on a log scale."""
_POINTS = 120
_WIDTHS = (7, 14, 21, 28, 56, 91)
_WEEK = 7


# The gap ------------------------------------------------------------------------------------


def gap_choice(
    frame: pd.DataFrame,
    *,
    gap_days: int = 0,
    at_most: float = AT_MOST,
    subject: str = "activity",
) -> Result:
    """Choose the gap that ends a spell from the return curve.

    The curve is the share of gaps of ``g`` days or more that end with a return, 1 - S(end)/S(g-)
    of the Kaplan-Meier curve of gap lengths, so that a gap still open is not held to be final.
    Its end is the last day on which ten gaps are still watched; a ``g`` is only judged if it was
    watched for as long again, ``2 g <= end``: close to the end hardly anyone *can* return.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a length: ``gap_days``, ``n_returned`` gaps that ended so, ``n_open`` gaps still
        open then, ``n`` distinct persons with a gap that long or longer.
    gap_days : int
        A gap to use instead; 0 chooses the smallest after which at most ``at_most`` return.
    at_most : float
    subject : {"activity", "enrolment"}
        An enrolment needs no gap, and the result says so.

    Returns
    -------
    Result
        Family CURVE: ``time`` (days of silence), ``returned`` (share that comes back), ``low``,
        ``high``, ``n_events``, ``n``. Estimates: ``gap_days`` (``nan``: none is long enough; the
        interval holds every gap whose share may be ``at_most``), ``return_after_gap`` at the gap
        in use, ``silence_days`` (the first after which fewer than half come back).
        ``parameters["gap_days"]`` is the gap to use, ``parameters["how"]`` ``chosen``, ``given``
        or ``preset``.

    Examples
    --------
    >>> import pandas as pd
    >>> gaps = pd.DataFrame({"gap_days": [2, 10, 400], "n_returned": [900, 90, 0],
    ...                      "n_open": [0, 0, 99], "n": [200, 150, 99]})
    >>> gap_choice(gaps).parameters["gap_days"]
    11
    """
    name = "gap_choice"
    fallback: dict[str, Scalar] = {
        "gap_days": gap_days or PRESET_GAP, "how": "given" if gap_days else "preset",
        "at_most": at_most, "starts_at": 1.0,
    }  # fmt: skip
    if subject == "enrolment":
        return not_enough(
            name, Family.CURVE, "an enrolment ends with a withdrawal, not with a gap",
            parameters=fallback,
        )  # fmt: skip
    if frame.empty:
        return _missing(frame, name, Family.CURVE, "there is no value event", fallback)
    require(frame, ["gap_days", "n_returned", "n_open", "n"], name)
    share, table, end = _return_curve(frame)
    if not len(share) or end < 2 * _WEEK or not table.events.sum():
        return not_enough(
            name, Family.CURVE,
            f"too few gaps were watched to the end to see who returns; {fallback['gap_days']} "
            "days are used",
            parameters=fallback,
        )  # fmt: skip
    judged = share[share["gap"] <= end / 2]
    chosen, low, high = (_first(judged, c, at_most) for c in ("returned", "low", "high"))
    if not math.isfinite(chosen):
        chosen = math.nan
    how = "given" if gap_days else "chosen" if chosen == chosen else "preset"
    used = gap_days or (int(chosen) if how == "chosen" else PRESET_GAP)
    here = share.iloc[min(int(np.searchsorted(share["gap"], used)), len(share) - 1)]
    silence, early, late = (_first(judged, c, 0.5) for c in ("returned", "low", "high"))
    n = int(frame["n"].max())
    start = round(float(judged["returned"].iloc[0]), 2)
    n_there = int(here["n"]) if used <= share["gap"].iloc[-1] else 0
    estimates = [
        Estimate("gap_days", chosen, low if chosen == chosen else math.nan,
                 high if chosen == chosen else math.nan, n, "days"),
        Estimate("return_after_gap", float(here["returned"]), float(here["low"]),
                 float(here["high"]), n_there, "share", label=f"after {used} days"),
    ]  # fmt: skip
    if silence > 1 and math.isfinite(silence):
        estimates.append(Estimate("silence_days", silence, early, late, n, "days"))
    return Result(
        name,
        Family.CURVE,
        _weekly(judged, table, start),
        {
            "time": Role.TIME, "returned": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
            "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(estimates),
        "Kaplan-Meier curve of gap lengths, gaps still open censored; the share that returns after "
        f"a gap of that length or longer, up to day {end:.0f}.",
        {
            "gap_days": used, "how": how, "at_most": at_most, "watched_days": end, "grid": _WEEK,
            "starts_at": start,
        },
    )  # fmt: skip


def _return_curve(frame: pd.DataFrame) -> tuple[pd.DataFrame, RiskTable, float]:
    """Share that returns after a gap of each length, the risk table, and the end watched to."""
    frame = frame.sort_values("gap_days", kind="stable")
    length = numbers(frame, "gap_days", "gap_choice", low=1)
    back = numbers(frame, "n_returned", "gap_choice", low=0)
    still = numbers(frame, "n_open", "gap_choice", low=0)
    # A gap open as of the date was seen to last until the day before it.
    longest = int(length.max())
    days = np.arange(1, longest + 1)
    events, censored = np.zeros(longest + 1), np.zeros(longest + 1)
    np.add.at(events, length.astype(int), back)
    np.add.at(censored, length.astype(int) - 1, still)
    events, lost = events[1:], censored
    at_risk = events[::-1].cumsum()[::-1] + lost[1:][::-1].cumsum()[::-1]
    watched = np.flatnonzero(at_risk >= MIN_AT_RISK)
    if not len(watched):
        return pd.DataFrame(), RiskTable(days.astype(float), at_risk, events, lost[1:], 0.0), 0.0
    last = int(watched[-1]) + 1
    table = RiskTable(
        days[:last].astype(float), at_risk[:last], events[:last], lost[1 : last + 1], at_risk[0]
    )
    before = np.concatenate([[1.0], table.survival[:-1]])
    stay = np.where(before > 0, table.survival[-1] / before, 0.0)
    # Greenwood from each length to the end.
    spread = table.greenwood[-1] - np.concatenate([[0.0], table.greenwood[:-1]])
    low, high = survival._interval(stay, spread, "log-log")
    low, high = 1 - high, 1 - low
    nobody = (spread <= 0) | ~np.isfinite(low) | ~np.isfinite(high)
    bounds = rates.wilson((1 - stay) * table.at_risk, table.at_risk)
    low, high = np.where(nobody, bounds[0], low), np.where(nobody, bounds[1], high)
    who = frame["n"].to_numpy(dtype=float)[np.searchsorted(length, table.time)]
    share = pd.DataFrame(
        {"gap": table.time, "returned": 1 - stay, "low": low, "high": high, "n": who}
    )
    return share, table, float(last)


def _first(share: pd.DataFrame, column: str, level: float) -> float:
    """Smallest gap at which a curve is at or below a level; infinite where none is."""
    below = np.flatnonzero(share[column].to_numpy() <= level + 1e-12)
    return float(share["gap"].iloc[below[0]]) if len(below) else math.inf


def _weekly(share: pd.DataFrame, table: RiskTable, start: float) -> pd.DataFrame:
    """Keep whole weeks; returns are counted in the week they ended."""
    gap = share["gap"].to_numpy()
    points = np.arange(0, math.floor(gap[-1] / _WEEK) + 1) * _WEEK
    place = np.maximum(points - 1, 0)
    cumulated = np.concatenate([[0.0], np.cumsum(table.events)])
    counts = cumulated[place] - cumulated[np.concatenate([[0], place[:-1]])]
    out = share.iloc[place].reset_index(drop=True).drop(columns="gap")
    out["time"], out["n_events"] = points.astype(float), counts
    out.loc[0, "returned"] = start
    out["n"] = out["n"].astype(int)
    ordered: pd.DataFrame = out[["time", "returned", "low", "high", "n_events", "n"]]
    return ordered


# Curves -------------------------------------------------------------------------------------


def curve(
    frame: pd.DataFrame,
    *,
    by: str = "",
    horizon_days: int = 180,
    subject: str = "activity",
    origin: str = "start",
    gap_days: int = 0,
) -> Result:
    """Estimate how long engagement lasts, for everyone or by group.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a spell or enrolment: ``duration`` in days, ``event`` (bool), ``person_key``;
        optional ``entry``, ``weight``, ``group``.
    by : str
        Column of groups; empty: everyone together, labelled ``all``.
    horizon_days : int
        Day at which survival is told, and over which its mean is restricted.
    subject, origin, gap_days
        What was followed, for the words.

    Returns
    -------
    Result
        Family CURVE on a grid of whole weeks, 120 points at most: ``group, time, survival, low,
        high, n_events, n`` (distinct persons at risk). Estimates, labelled by group:
        ``survival_median`` and ``survival_quartile`` (``inf``: not reached), ``survival_at`` the
        horizon; for everyone also ``rmst``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": range(1, 101), "event": True})
    >>> curve(spells, horizon_days=60).estimate("survival_at", "all").value.__round__(2)
    0.4
    """
    name = "survival"
    told: dict[str, Scalar] = {
        "subject": subject, "origin": origin, "gap_days": gap_days, "by": by,
        "horizon_days": horizon_days,
    }  # fmt: skip
    refused = _refusal(frame, subject)
    if refused:
        is_nobody = persons(frame) >= MIN_PEOPLE if len(frame) else False
        return not_enough(name, Family.CURVE, refused, parameters=told | {"is_nobody": is_nobody})
    kept, left_out = _large_enough(frame, by)
    if kept.empty:
        return not_enough(
            name, Family.CURVE, f"no group of {by} has {MIN_PEOPLE} people", parameters=told
        )
    group = by or None
    found = survival.kaplan_meier(kept, group, at=[horizon_days])
    quarter = survival.kaplan_meier(kept, group, quantile=0.75, metric="survival_quartile")
    told_to = _told_to(found.frame)
    estimates = [
        replace(_within(e, told_to.get(e.label, 0.0)), label=_plain(e.label) or ALL)
        for e in (*found.estimates, *quarter.estimates)
    ]
    if not by:
        estimates += [
            replace(e, label=ALL)
            for e in survival.rmst(kept, horizon=horizon_days).estimates
            if e.metric == "rmst"
        ]
    grid = _grid(found.frame)
    return Result(
        name,
        Family.CURVE,
        _on_grid(found.frame, kept, by, grid),
        {
            "group": Role.KEY, "time": Role.TIME, "survival": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(estimates),
        found.method,
        told | {"starts_at": 1.0, "grid": grid, "left_out": left_out},
    )  # fmt: skip


def _told_to(curves: pd.DataFrame) -> dict[str, float]:
    """Last day of each group with ten at risk: later a single end may halve the curve."""
    enough = curves[curves["n"] >= MIN_AT_RISK]
    last = enough.groupby("group", sort=False)["time"].max()
    return {str(g): float(last.get(g, 0.0)) for g in curves["group"].unique()}


def _within(estimate: Estimate, last: float) -> Estimate:
    """Take a time later than ``last`` as not reached."""
    if estimate.metric == "survival_at":
        return estimate

    def reached(time: float) -> float:
        return math.inf if time > last else time

    return replace(
        estimate, value=reached(estimate.value), low=reached(estimate.low),
        high=reached(estimate.high),
    )  # fmt: skip


def _plain(label: str) -> str:
    """Take the horizon off a label: what is left is the group."""
    for mark in (" at ", " over ", " within "):
        head, found, tail = label.rpartition(mark)
        number = tail.removesuffix(" days")
        if found and number != tail and number.replace(".", "").isdigit():
            return head
    head, _, tail = label.partition(" ")
    return "" if head in ("at", "over", "within") and tail.endswith("days") else label


def _refusal(frame: pd.DataFrame, subject: str) -> str:
    """Why nothing can be estimated; empty if something can."""
    what = "enrolments" if subject == "enrolment" else "spells"
    if frame.empty:
        return str(frame.attrs.get("missing") or f"there are no {what} that could be seen to end")
    if persons(frame) < MIN_PEOPLE:
        return f"fewer than {MIN_PEOPLE} people could be followed"
    if not frame["event"].any():
        return f"none of the {what} followed has ended yet"
    return ""


def _groups(frame: pd.DataFrame, by: str) -> pd.Series:
    labels = frame[by].astype(object)
    return labels.where(labels.notna(), UNKNOWN).map(str)


def _large_enough(frame: pd.DataFrame, by: str) -> tuple[pd.DataFrame, int]:
    """Leave out groups of fewer than ten people; say how many groups went."""
    if not by:
        return frame, 0
    labels = _groups(frame, by)
    sizes = (
        frame.groupby(labels)["person_key"].nunique()
        if "person_key" in frame.columns
        else labels.value_counts()
    )
    small = set(sizes.index[sizes < MIN_PEOPLE])
    return frame[~labels.isin(small)], len(small)


def _grid(curves: pd.DataFrame) -> int:
    """Width in days of the finest grid on which all curves together have few enough points."""
    longest = curves.groupby("group")["time"].max()
    for width in _WIDTHS[:4]:
        if (longest / width + 1).sum() <= _POINTS:
            return width
    if len(longest) > 6:
        return _WIDTHS[3]
    return next((w for w in _WIDTHS if (longest / w + 1).sum() <= _POINTS), 364)


def _on_grid(curves: pd.DataFrame, frame: pd.DataFrame, by: str, grid: int) -> pd.DataFrame:
    """Keep each curve's height at the points of a grid, with the persons at risk there.

    A curve ends where fewer than ten persons are at risk: what comes after moves by a tenth with
    each of them.
    """
    labels = _groups(frame, by) if by else pd.Series("", index=frame.index)
    parts = []
    for name, part in curves.groupby("group", sort=False):
        time = part["time"].to_numpy(dtype=float)
        points = np.arange(0, math.floor(time[-1] / grid) + 1) * float(grid)
        seen = np.searchsorted(time, points, side="right")
        events = np.concatenate([[0.0], np.cumsum(part["n_events"].to_numpy(dtype=float))])
        out = pd.DataFrame(
            {
                "group": name, "time": points, "n_events": np.diff(events[seen], prepend=0),
                "n": _at_risk(frame[labels == name], points),
            }
        )  # fmt: skip
        for column in ("survival", "low", "high"):
            out[column] = np.concatenate([[1.0], part[column].to_numpy(dtype=float)])[seen]
        enough = np.minimum.accumulate((out["n"] >= MIN_AT_RISK) | (out["time"] == 0))
        parts.append(out[enough])
    columns = ["group", "time", "survival", "low", "high", "n_events", "n"]
    return pd.concat(parts, ignore_index=True)[columns]


def _at_risk(rows: pd.DataFrame, points: Floats) -> Floats:
    """Count the distinct persons at risk at each point."""
    duration = rows["duration"].to_numpy(dtype=float)
    if "person_key" not in rows.columns:
        weight = rows["weight"].to_numpy(dtype=float) if "weight" in rows else np.ones(len(rows))
        return np.array([weight[duration >= t].sum() for t in points]).astype(int)
    who = np.unique(rows["person_key"].to_numpy(), return_inverse=True)[1].reshape(-1)
    if "entry" in rows.columns and (rows["entry"] > 0).any():
        entry = rows["entry"].to_numpy(dtype=float)
        there = [(duration >= t) & ((entry < t) | (entry <= 0)) for t in points]
        return np.array([len(np.unique(who[rows_at])) for rows_at in there])
    longest = np.full(int(who.max()) + 1, -1.0)
    np.maximum.at(longest, who, duration)
    return len(longest) - np.searchsorted(np.sort(longest), points, side="left")


# How it ends --------------------------------------------------------------------------------


def ends(frame: pd.DataFrame, *, by: str = "", horizon_days: int = 180) -> Result:
    """Tell by which cause it has ended at the horizon; leaving competes and is not censoring.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`curve`, with ``cause`` (text; empty: still going when last seen).
    by : str
    horizon_days : int

    Returns
    -------
    Result
        Family RATES: ``group, cause, share, low, high, n``; one row a cause and one for those
        still going. Estimates ``cumulative_incidence`` labelled ``group: cause``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [10, 20, 30, 200] * 25,
    ...                        "event": [True, False, True, False] * 25,
    ...                        "cause": ["disengaged", "left", "disengaged", ""] * 25})
    >>> found = ends(spells, horizon_days=60)
    >>> found.frame[["cause", "share"]].to_dict("list")
    {'cause': ['disengaged', 'left', 'still going'], 'share': [0.5, 0.25, 0.25]}
    """
    name = "ends"
    if frame.empty or persons(frame) < MIN_PEOPLE:
        return _missing(frame, name, Family.RATES, "too few people could be followed", {})
    kept, _ = _large_enough(frame, by)
    if kept.empty:
        return not_enough(name, Family.RATES, f"no group of {by} has {MIN_PEOPLE} people")
    data = kept.assign(event=kept["cause"])
    causes = sorted(set(data["event"].astype(object)) - {""})
    rows: list[dict[str, Any]] = []
    estimates: list[Estimate] = []
    for cause in causes:
        found = survival.cumulative_incidence(data, by or None, at=[horizon_days], cause=cause)
        for e in found.estimates:
            group = _plain(e.label) or ALL
            rows.append(
                {"group": group, "cause": cause, "share": e.value, "low": e.low, "high": e.high,
                 "n": e.n}
            )  # fmt: skip
            estimates.append(replace(e, label=f"{group}: {cause}"))
    if not rows:
        return not_enough(name, Family.RATES, "nothing that was followed has ended yet")
    out = pd.DataFrame(rows)
    rest = out.groupby("group", sort=False).agg(share=("share", _sum), n=("n", "max")).reset_index()
    rest = rest.assign(cause="still going", share=1 - rest["share"])
    out = pd.concat([out, rest], ignore_index=True)
    order = {g: i for i, g in enumerate(dict.fromkeys(out["group"]))}
    out = out.sort_values("group", key=lambda c: c.map(order), kind="stable", ignore_index=True)
    return Result(
        name,
        Family.RATES,
        out[["group", "cause", "share", "low", "high", "n"]],
        {
            "group": Role.KEY, "cause": Role.KEY, "share": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        tuple(estimates),
        "Aalen-Johansen cumulative incidence by cause.",
        {"horizon_days": horizon_days, "by": by},
        parts=Partition(()),  # one row a cause: the same people stand in each
        shares={"share": ("low", "high")},
    )  # fmt: skip


def _sum(values: pd.Series) -> float:
    """Sum that stays unknown if a part is."""
    return float(values.to_numpy(dtype=float).sum())


# Contrasts ----------------------------------------------------------------------------------


def contrasts(frame: pd.DataFrame, *, by: str = "group", horizon_days: int = 180) -> Result:
    """Compare groups by the days of engagement within the horizon.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`curve`.
    by : str
        Column of groups.
    horizon_days : int
        Reduced to the last day on which ten are at risk in every group that is compared; groups
        that cannot be followed for half of it are left out.

    Returns
    -------
    Result
        Family CONTRAST: ``group, rmst, low, high, difference, difference_low, difference_high,
        standing, n``, the shortest first. Differences are against the largest group; ``standing``
        is ``shorter``, ``longer``, ``in line`` or ``reference``, and holds for all comparisons
        together (Bonferroni). Estimates ``rmst`` labelled by group, ``rmst_difference`` labelled
        ``group against reference``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [*range(1, 101), *range(51, 131)], "event": True,
    ...                        "group": ["Sales"] * 100 + ["Lab"] * 80})
    >>> found = contrasts(spells, horizon_days=90).frame
    >>> found[["group", "rmst", "difference", "standing"]].round(0)
       group  rmst  difference   standing
    0  Sales  50.0         NaN  reference
    1    Lab  80.0        30.0     longer
    """
    name = "contrasts"
    if frame.empty or not by or by not in frame.columns:
        return _missing(frame, name, Family.CONTRAST, "there are no groups to compare", {})
    kept, left_out = _large_enough(frame, by)
    kept, short = _long_enough(kept, by, horizon_days)
    labels = _groups(kept, by) if len(kept) else pd.Series(dtype=object)
    if labels.nunique() < 2:
        return not_enough(
            name, Family.CONTRAST, "there are not two groups that were followed long enough"
        )
    if int(kept["event"].sum()) < MIN_EVENTS:
        return not_enough(
            name, Family.CONTRAST, f"fewer than {MIN_EVENTS} ends were seen: too few to compare"
        )
    found = survival.rmst(kept, by, horizon=horizon_days)
    if found.is_empty:
        return found.but(name=name)
    table = found.frame.copy()
    reference = str(found.parameters["reference"])
    table["standing"] = _standing(table, reference)
    estimates = [
        replace(e, label=_plain(e.label)) if e.metric == "rmst" else e for e in found.estimates
    ]
    columns = [
        "group", "rmst", "low", "high", "difference", "difference_low", "difference_high",
        "standing", "n",
    ]  # fmt: skip
    return Result(
        name,
        Family.CONTRAST,
        table.sort_values("rmst", kind="stable", ignore_index=True)[columns],
        {
            "group": Role.KEY, "rmst": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "difference": Role.VALUE, "difference_low": Role.LOW, "difference_high": Role.HIGH,
            "standing": Role.FLAG, "n": Role.N,
        },
        tuple(estimates),
        found.method,
        {**found.parameters, "left_out": left_out + short},
    )  # fmt: skip


def _long_enough(frame: pd.DataFrame, by: str, horizon: float) -> tuple[pd.DataFrame, int]:
    """Leave out groups with fewer than ten at risk at half the horizon everyone supports."""
    if frame.empty:
        return frame, 0
    labels = _groups(frame, by)
    names, tables, *_ = survival._tables(frame.assign(**{by: labels}), by, "contrasts")
    support = [survival._supported([table], horizon, MIN_AT_RISK) for table in tables]
    reach = max(support)
    short = {n for n, s in zip(names, support, strict=True) if s < reach / 2}
    return frame[~labels.isin(short)], len(short)


def _standing(table: pd.DataFrame, reference: str) -> list[str]:
    """Which groups differ from the reference, all comparisons taken together."""
    from scipy.special import ndtri

    comparisons = max(len(table) - 1, 1)
    wider = float(ndtri(1 - 0.025 / comparisons)) / Z
    said = []
    for row in table.to_dict("records"):
        difference = row["difference"]
        half = (row["difference_high"] - row["difference_low"]) / 2 * wider
        if row["group"] == reference:
            said.append("reference")
        elif difference + half < 0:
            said.append("shorter")
        elif difference - half > 0:
            said.append("longer")
        else:
            said.append("in line")
    return said


# What shortens it ---------------------------------------------------------------------------


def effects(frame: pd.DataFrame, *, covariates: str | Sequence[str]) -> Result:
    """Relate the length of engagement to what is known of people, where a model holds.

    A Cox regression; where the test of proportional hazards rejects it at 5 %, the hazard ratio
    would be an average over whatever follow-up there was, and time ratios of a log-normal or
    log-logistic model (the better of the two by likelihood) are told instead. A Weibull model
    would not do: it has proportional hazards too.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`curve`, with the covariates.
    covariates : str or sequence of str
        Columns; those that are absent, empty, constant, numbers with gaps, or said by earlier ones
        already are left out; ``parameters["left_out"]`` names those known but not used.

    Returns
    -------
    Result
        Family MODEL: ``term, ratio, low, high, p, ph_p, n``; ``parameters["model"]`` is ``cox``
        or ``aft``. Where hazards are not proportional and more than 1 % ended on day 0, neither
        ratio means anything and the result says so. Estimates ``hazard_ratio`` or ``time_ratio``,
        labelled by term.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [*range(1, 101), *range(2, 201, 2)], "event": True,
    ...                        "level": ["entry"] * 100 + ["senior"] * 100})
    >>> found = effects(spells, covariates="level")
    >>> found.parameters["model"]
    'aft'
    >>> found.frame[["term", "ratio"]].round(1).to_dict("list")
    {'term': ['level: senior'], 'ratio': [2.0]}
    """
    name = "effects"
    if frame.empty:
        return _missing(frame, name, Family.MODEL, "nothing was followed", {})
    wanted = covariates.split(",") if isinstance(covariates, str) else list(covariates)
    known = [c.strip() for c in wanted if c.strip() in frame.columns]
    known = [c for c in known if frame[c].notna().any() and len(frame[c].unique()) > 1]
    if not known:
        return not_enough(name, Family.MODEL, "nothing is known of people that could differ")
    data = _from_one(frame)
    holes = [c for c in known if data[c].dtype != object and data[c].isna().any()]
    known = [c for c in known if c not in holes]
    data = data.assign(**{c: _groups(data, c) for c in known if data[c].dtype == object})
    known, same = _independent(data, known)
    if not known:
        return not_enough(name, Family.MODEL, "what is known of people has gaps")
    cluster = "person_key" if "person_key" in data.columns else ""
    fit = survival.cox(data, known, cluster=cluster)
    if fit.is_empty:
        return fit.but(name=name)
    test = survival.proportional_hazards(data, known)
    ph = {} if test.is_empty else dict(zip(test.frame["term"], test.frame["p"], strict=True))
    overall = float(ph.get("GLOBAL", math.nan))
    model, column = "cox", "hazard_ratio"
    if overall < 0.05 and float((frame["duration"] <= 0).mean()) > _AT_ONCE:
        return not_enough(
            name, Family.MODEL,
            "the ratio of hazards changes over time, and too many ended on the first day for a "
            "ratio of times; read the difference in mean days",
            parameters={"ph_p": overall},
        )  # fmt: skip
    if overall < 0.05:
        times = _accelerated(data, known)
        if not times.is_empty:
            fit, model, column = times, "aft", "time_ratio"
    table = fit.frame.rename(columns={column: "ratio"})
    table["ph_p"] = [ph.get(term, math.nan) for term in table["term"]]
    return Result(
        name,
        Family.MODEL,
        table[["term", "ratio", "low", "high", "p", "ph_p", "n"]],
        {
            "term": Role.KEY, "ratio": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "p": Role.VALUE, "ph_p": Role.VALUE, "n": Role.N,
        },
        fit.estimates if model == "aft" or not overall < 0.05 else (),
        fit.method,
        {
            "model": model, "ph_p": overall, "n_events": int(data["event"].sum()),
            "left_out": ", ".join([*holes, *same]),
            **{k: v for k, v in fit.parameters.items() if "reference" in k},
        },
    )  # fmt: skip


def _independent(data: pd.DataFrame, covariates: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave out what earlier covariates already say (a level that all managers have)."""
    kept, same = [], []
    columns = [np.ones(len(data))]
    for name in covariates:
        column = data[name]
        if column.dtype == object:
            more = list(pd.get_dummies(column, drop_first=True).to_numpy(dtype=float).T)
        else:
            more = [column.fillna(0).to_numpy(dtype=float)]
        if np.linalg.matrix_rank(np.column_stack([*columns, *more])) == len(columns) + len(more):
            kept.append(name)
            columns += more
        else:
            same.append(name)
    return kept, same


def _from_one(frame: pd.DataFrame) -> pd.DataFrame:
    """Give what ended on day 0 half of the shortest other time: a regression needs a length.

    The order of times, all that Cox regression reads, is kept.
    """
    positive = frame.loc[frame["duration"] > 0, "duration"]
    if positive.empty or (frame["duration"] > 0).all():
        return frame
    return frame.assign(duration=frame["duration"].clip(lower=float(positive.min()) / 2))


def _accelerated(data: pd.DataFrame, covariates: Sequence[str]) -> Result:
    fits = [survival.aft(data, covariates, distribution=d) for d in ("log-normal", "log-logistic")]
    known = [f for f in fits if not f.is_empty]
    if not known:
        return fits[0]
    return max(known, key=lambda f: float(f.parameters["loglik"] or -math.inf))


# Recurrence ---------------------------------------------------------------------------------


def recurrence(frame: pd.DataFrame, *, horizon_days: int = 365) -> Result:
    """Estimate how many further spells a person has by some days after the first began.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``person_key, duration, event`` as :func:`ldresearch.models.survival.mean_cumulative`.
    horizon_days : int
        Reduced to the last day on which ten are followed.

    Returns
    -------
    Result
        Family MEANS: ``day, mean, low, high, n`` at quarters of the horizon, ``n`` persons still
        followed. Estimate ``mean_cumulative_at`` the horizon.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"person_key": [*range(20), *range(20)],
    ...                        "duration": [100] * 20 + [400] * 20,
    ...                        "event": [True] * 20 + [False] * 20})
    >>> recurrence(spells, horizon_days=360).frame[["day", "mean", "n"]]
           day  mean   n
    0   day 90   0.0  20
    1  day 180   1.0  20
    2  day 270   1.0  20
    3  day 360   1.0  20
    """
    name = "recurrence"
    found = survival.mean_cumulative(frame)
    if found.is_empty:
        return _missing(frame, name, Family.MEANS, found.missing, {})
    followed = found.frame[found.frame["n"] >= MIN_AT_RISK]
    if followed.empty:
        return not_enough(name, Family.MEANS, f"fewer than {MIN_AT_RISK} people were followed")
    horizon = min(float(horizon_days), float(followed["time"].max()))
    points = sorted({max(round(horizon * part), 1) for part in (0.25, 0.5, 0.75, 1.0)})
    time = followed["time"].to_numpy()
    rows = []
    for day in points:
        i = int(np.searchsorted(time, day, side="right")) - 1
        at_risk = int(found.frame["n"].to_numpy()[np.searchsorted(time, day, side="left")]) if (
            day <= time[-1]
        ) else 0  # fmt: skip
        row = (0.0, 0.0, 0.0) if i < 0 else tuple(followed.iloc[i][["mean", "low", "high"]])
        rows.append((f"day {day}", *map(float, row), at_risk))
    out = pd.DataFrame(rows, columns=["day", "mean", "low", "high", "n"])
    last = out.iloc[-1]
    return Result(
        name,
        Family.MEANS,
        out,
        {"day": Role.KEY, "mean": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N},
        (
            Estimate("mean_cumulative_at", float(last["mean"]), float(last["low"]),
                     float(last["high"]), persons(frame), "spells",
                     label=f"within {points[-1]} days"),
        ),
        found.method,
        {"horizon_days": points[-1]},
    )  # fmt: skip


# Is it stable, does it hold later -----------------------------------------------------------


def sensitivity(
    frame: pd.DataFrame, *, used: str, horizon_days: int = 180, variant: str = "variant"
) -> Result:
    """Compute the answer again under other rules.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`curve`, with a column that names the rule each row was cut by.
    used : str
        The rule in use.
    horizon_days : int
        Reduced to the last day on which ten are at risk under every rule.
    variant : str
        The column.

    Returns
    -------
    Result
        Family MEANS: ``rule, rmst, low, high, median, n``. ``parameters["moved"]`` is the largest
        relative change of the mean against the rule in use.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"variant": ["14 days"] * 100 + ["28 days"] * 100, "event": True,
    ...                        "duration": [*range(1, 101), *range(2, 201, 2)]})
    >>> found = sensitivity(spells, used="14 days", horizon_days=60)
    >>> found.frame[["rule", "rmst", "median"]].round(1).to_dict("list")
    {'rule': ['14 days', '28 days'], 'rmst': [42.3, 51.3], 'median': [50.0, 100.0]}
    >>> round(found.parameters["moved"], 2)
    0.21
    """
    name = "sensitivity"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "nothing was followed", {})
    kept, _ = _large_enough(frame, variant)
    kept, _ = _long_enough(kept, variant, horizon_days)
    if kept.empty:
        return not_enough(name, Family.MEANS, f"no rule leaves {MIN_PEOPLE} people")
    found = survival.rmst(kept, variant, horizon=horizon_days)
    if found.is_empty:
        return found.but(name=name, family=Family.MEANS)
    medians = {e.label: e.value for e in survival.kaplan_meier(kept, variant).estimates}
    table = found.frame.assign(median=[medians[g] for g in found.frame["group"]])
    order = {v: i for i, v in enumerate(dict.fromkeys(frame[variant]))}
    table = table.sort_values("group", key=lambda c: c.map(_rule_order(order)), kind="stable")
    base = table.loc[table["group"] == used, "rmst"]
    moved = math.nan
    if len(base) and len(table) > 1:
        moved = float((table["rmst"] / base.iloc[0] - 1).abs().max())
    return Result(
        name,
        Family.MEANS,
        table.rename(columns={"group": "rule"})[["rule", "rmst", "low", "high", "median", "n"]],
        {
            "rule": Role.KEY, "rmst": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "median": Role.VALUE, "n": Role.N,
        },
        (),
        found.method,
        {"horizon_days": float(found.parameters["horizon"] or 0), "used": used, "moved": moved},
    )  # fmt: skip


def _rule_order(order: Mapping[Any, int]) -> Mapping[Any, float]:
    """Rules of so many days by their days, others as they come."""

    def key(rule: Any) -> float:
        head = str(rule).split(" ")[0]
        return float(head) if head.isdigit() else 1e6 + order[rule]

    return {rule: key(rule) for rule in order}


def calibration(frame: pd.DataFrame, *, gap_days: int, horizon_days: int = 180) -> Result:
    """Predict the later spells from the earlier ones, and see how they went.

    The day of the forecast is set so that as long was known before it as after. What had begun
    before is seen as it was known then: what was open is censored a gap earlier. Its curve
    predicts those that began later.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`curve`, with ``started_on``.
    gap_days : int
        Days of silence it takes to see that something ended.
    horizon_days : int

    Returns
    -------
    Result
        Family CONTRAST: ``day, predicted, observed, low, high, n`` (persons among the later ones);
        ``parameters["largest_error"]`` in shares.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"started_on": pd.date_range("2023-01-01", periods=300),
    ...                        "duration": [10, 20, 30, 40, 50] * 60, "event": True})
    >>> found = calibration(spells, gap_days=14, horizon_days=40)
    >>> found.frame[["day", "predicted", "observed"]].round(2)
          day  predicted  observed
    0  day 10       0.80      0.81
    1  day 20       0.59      0.61
    2  day 30       0.39      0.40
    3  day 40       0.20      0.20
    >>> round(found.parameters["largest_error"], 2)
    0.01
    """
    name = "calibration"
    if frame.empty:
        return _missing(frame, name, Family.RATES, "nothing was followed", {})
    if "started_on" not in frame.columns or frame["started_on"].isna().all():
        return not_enough(name, Family.RATES, "the days on which they began are not known")
    start = pd.to_datetime(frame["started_on"])
    split = _split(start, frame["duration"], gap_days)
    known_to = split - pd.Timedelta(days=gap_days)
    early = _as_known(frame[start < known_to], start[start < known_to], known_to)
    late = frame[start >= split]
    if min(persons(early), persons(late)) < MIN_PEOPLE or not early["event"].any():
        return not_enough(
            name, Family.RATES,
            "the log is too short to predict its second half from its first",
        )  # fmt: skip
    tables = [survival._tables(part, None, name)[1] for part in (early, late)]
    reach = min(survival._supported(t, horizon_days, MIN_AT_RISK) for t in tables)
    points = sorted({max(round(reach * part), 1) for part in (0.25, 0.5, 0.75, 1.0)})
    if reach < 1 or not late["event"].any():
        return not_enough(name, Family.RATES, "the later ones were not followed long enough")
    before, after = (
        {e.label: e for e in survival.kaplan_meier(part, at=points).estimates}
        for part in (early, late)
    )
    rows = []
    for day in points:
        guess, seen = before[f"at {day} days"], after[f"at {day} days"]
        rows.append((f"day {day}", guess.value, guess.low, guess.high, seen.value, seen.low,
                     seen.high, seen.n))  # fmt: skip
    out = pd.DataFrame(
        rows,
        columns=["day", "predicted", "predicted_low", "predicted_high", "observed", "low", "high",
                 "n"],
    )  # fmt: skip
    apart = (out["predicted"] - out["observed"]).abs()
    surely = (out["predicted_low"] > out["high"]) | (out["predicted_high"] < out["low"])
    return Result(
        name,
        Family.RATES,
        out[["day", "predicted", "observed", "low", "high", "n"]],
        {
            "day": Role.KEY, "predicted": Role.RATE, "observed": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        (),
        "Kaplan-Meier curve of the earlier spells, as known when the later ones began, against "
        "the curve of the later ones.",
        {
            "split_on": split.date().isoformat(), "largest_error": float(apart.max()),
            "is_apart": bool(surely.any()), "last_day": points[-1],
        },
    )  # fmt: skip


def _split(start: pd.Series, duration: pd.Series, gap_days: int) -> pd.Timestamp:
    """Day with as much known before it (to a gap earlier) as after it (to the last day known)."""
    first = start.min()
    last = (start + pd.to_timedelta(duration, unit="D")).max()
    middle: pd.Timestamp = (first + (last - first + pd.Timedelta(days=gap_days)) / 2).normalize()
    return middle


def _as_known(rows: pd.DataFrame, start: pd.Series, known_to: pd.Timestamp) -> pd.DataFrame:
    """Censor at a day what was still open then."""
    followed = (known_to - start).dt.total_seconds() / 86_400
    open_then = rows["duration"] > followed
    entry = rows["entry"] if "entry" in rows.columns else 0.0
    seen = rows.assign(
        duration=rows["duration"].clip(upper=followed), event=rows["event"] & ~open_then,
        entry=entry,
    )  # fmt: skip
    return seen[(seen["entry"] <= 0) | (seen["duration"] > seen["entry"])]


# Trust --------------------------------------------------------------------------------------


def trust(
    followed: pd.DataFrame,
    choice: Result,
    overall: Result,
    ending: Result,
    regression: Result,
    stable: Result,
    later: Result,
) -> Result:
    """Check what the answer rests on.

    Parameters
    ----------
    followed : pandas.DataFrame
        What :func:`curve` was given; ``attrs["n_undated"]``: withdrawals without a date.
    choice, overall, ending, regression, stable, later : Result
        Of :func:`gap_choice`, :func:`curve` and :func:`ends` of everyone, :func:`effects`,
        :func:`sensitivity`, :func:`calibration`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> spells = pd.DataFrame({"person_key": range(100), "duration": range(1, 101), "event": True,
    ...                        "cause": "disengaged", "started_on": "2024-01-01"})
    >>> gaps = pd.DataFrame({"gap_days": [2, 10, 400], "n_returned": [900, 90, 0],
    ...                      "n_open": [0, 0, 99], "n": [200, 150, 99]})
    >>> none = not_enough("later", Family.CONTRAST, "too short to look back")
    >>> found = trust(spells, gap_choice(gaps), curve(spells), ends(spells), none, none, none)
    >>> checks = found.frame.set_index("check")
    >>> checks.loc[["events", "censored", "calibration"], "status"].to_dict()
    {'events': 'passed', 'censored': 'passed', 'calibration': 'not known'}
    >>> checks.loc["events", ["value", "threshold"]].to_dict()
    {'value': 100.0, 'threshold': 30.0}
    """
    n = len(followed)
    n_events = float(followed["event"].sum()) if n else math.nan
    undated = followed.attrs.get("n_undated")
    rows = [
        _checks.at_least("events", n_events, MIN_EVENTS),
        _checks.at_most("censored", _cut_short(followed, overall), 30.0),
        _checks.at_most(
            "gap_rule", _returning(choice), 100 * float(choice.parameters.get("at_most") or 0.05)
        ),
        _checks.at_most("gap_stable", 100 * _parameter(stable, "moved"), 20.0),
        _checks.at_most("leaving", _leaving(overall, ending), 3.0),
        _checks.at_most("beginning", _unseen(followed, choice), 20.0),
        _checks.at_least("proportional", _tested(regression), 0.05),
        _forecast(later),
    ]
    if undated is not None and n:
        gone = n_events + float(undated)
        rows.append(
            _checks.at_most("undated", 100 * float(undated) / gone if gone else math.nan, 5.0)
        )
    return _checks.trust(rows)


def _parameter(result: Result, name: str) -> float:
    found = result.parameters.get(name)
    return math.nan if found is None or result.is_empty else float(found)


def _cut_short(followed: pd.DataFrame, overall: Result) -> float:
    """Share last seen still going on before the horizon, in percent."""
    if followed.empty:
        return math.nan
    horizon = float(overall.parameters.get("horizon_days") or math.inf)
    cut = (followed["cause"] == "") & (followed["duration"] < horizon)
    return 100 * float(cut.mean())


def _forecast(later: Result) -> tuple[str, str, float, float]:
    """A forecast fails if it is off by more than ten points, and not by chance alone."""
    check, status, value, threshold = _checks.at_most(
        "calibration", 100 * _parameter(later, "largest_error"), 10.0
    )
    if status == "not passed" and not later.parameters["is_apart"]:
        status = "not known"
    return check, status, value, threshold


def _tested(regression: Result) -> float:
    """p of proportional hazards; known also where the ratios themselves were refused."""
    found = regression.parameters.get("ph_p")
    return math.nan if found is None else float(found)


def _returning(choice: Result) -> float:
    if choice.is_empty:
        return math.nan
    return 100 * choice.estimate("return_after_gap").value


def _leaving(overall: Result, ending: Result) -> float:
    """Points between the curve that takes leaving as censoring and the one where it competes."""
    if overall.is_empty or ending.is_empty:
        return math.nan
    stay = overall.estimate("survival_at", ALL).value
    ended = [e.value for e in ending.estimates if e.label in _OWN_ENDS]
    return 100 * abs(1 - stay - ended[0]) if ended else math.nan


_OWN_ENDS = (f"{ALL}: disengaged", f"{ALL}: withdrawn")


def _unseen(followed: pd.DataFrame, choice: Result) -> float:
    """Share that began in the first four weeks: those may have begun before the log."""
    if followed.empty or "started_on" not in followed.columns or choice.is_empty:
        return math.nan
    start = pd.to_datetime(followed["started_on"])
    return 100 * float((start < start.min() + pd.Timedelta(days=4 * _WEEK)).mean())


def _missing(
    frame: pd.DataFrame, name: str, family: Family, otherwise: str, told: Mapping[str, Scalar]
) -> Result:
    why = str(frame.attrs.get("missing") or otherwise)
    return not_enough(name, family, why, parameters=told)
