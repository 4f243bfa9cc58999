"""Safe curves: what a survival or incidence curve may show.

An exact curve gives back every event time, mostly with the number at risk (Guyot et al. 2012). A
safe one has points on a coarse grid, each after at least ``k`` new events, and stops when fewer
than ``k`` are at risk. Between its points it is a straight line: that tells nothing that the points
do not tell, and lies nearer to the exact curve than a step that waits for the next ten events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import pandas as pd

from ldresearch.privacy import rounding
from ldresearch.result import Rules
from ldresearch.vocabulary import Role

_Z95 = NormalDist().inv_cdf(0.975)
_HALF_A_PERCENT = 0.005
"""What rounding to whole percents hides anyway."""


def safe(
    frame: pd.DataFrame,
    names: Mapping[Role, list[str]],
    rules: Rules,
    *,
    starts_at: float,
    grid: int = 7,
) -> pd.DataFrame:
    """Thin a curve until no single event can be read from it.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per group and time: one TIME column, RATE/VALUE/LOW/HIGH columns that hold from
        that time on, one N column (persons at risk just before it), one COUNT column (events at
        that time). A row at time 0 is not needed.
    names : mapping of Role to list of str
        Columns by role; every role is named, also one that no column has.
    rules : Rules
    starts_at : float
        Height before the first event: 1 of a survival curve, 0 of an incidence.
    grid : int
        Width of the grid in the unit of TIME; 7 for days.

    Returns
    -------
    pandas.DataFrame
        Same columns, one row per group and place of the grid. COUNT holds the events since the
        last point, rounded, at a point, and 0 on the line between two. Behind the last point the
        curve is level, as long as the fewer than ``k`` events that may have come since move it
        by less than a standard error; then it ends.

    References
    ----------
    Guyot P, Ades AE, Ouwens MJ, Welton NJ (2012). Enhanced secondary analysis of survival data.
    BMC Medical Research Methodology 12:9.

    Examples
    --------
    >>> import pandas as pd
    >>> days = range(1, 22)
    >>> curve = pd.DataFrame({"time": days, "survival": [1 - 0.04 * day for day in days],
    ...                       "n_events": 4, "n": [104 - 4 * day for day in days]})
    >>> names = {role: [] for role in Role}
    >>> names |= {Role.TIME: ["time"], Role.VALUE: ["survival"], Role.COUNT: ["n_events"],
    ...           Role.N: ["n"]}
    >>> safe(curve, names, Rules(k=10, base=5), starts_at=1.0)
      time survival n_events    n
    0    0      1.0        0  100
    1    7     0.72       30   70
    2   14     0.44       30   45
    3   21     0.16       30   15

    Of fewer events the curve has fewer points, and a straight line between them.

    >>> few = curve.assign(survival=[1 - 0.01 * day for day in days], n_events=1,
    ...                    n=[101 - day for day in days])
    >>> safe(few, names, Rules(k=10, base=5), starts_at=1.0)
      time survival n_events    n
    0    0      1.0        0  100
    1    7     0.93        0   95
    2   14     0.86       15   85
    """
    groups = names[Role.KEY]
    if frame.empty:
        return frame
    if not groups:
        whole = _thin(frame, names, rules, starts_at, grid)
        return pd.DataFrame(whole, columns=list(frame.columns)).astype(object)
    rows: list[dict[str, Any]] = []
    for _, part in frame.groupby(groups, sort=False, dropna=False):
        rows.extend(_thin(part, names, rules, starts_at, grid))
    return pd.DataFrame(rows, columns=list(frame.columns)).astype(object)


def _thin(
    part: pd.DataFrame,
    names: Mapping[Role, list[str]],
    rules: Rules,
    starts_at: float,
    grid: int,
) -> list[dict[str, Any]]:
    time, n = names[Role.TIME][0], names[Role.N][0]
    count = names[Role.COUNT][0]
    heights = names[Role.RATE] + names[Role.VALUE] + names[Role.LOW] + names[Role.HIGH]
    part = part.sort_values(time, kind="stable")
    times = part[time].to_numpy(dtype=float)
    events = part[count].to_numpy(dtype=float)
    at_risk = part[n].to_numpy(dtype=float)
    held: dict[str, Any] = dict.fromkeys(heights, starts_at)
    kept: list[dict[str, Any]] = []
    points = [0]
    pending, seen = 0.0, 0
    last = math.floor(times[-1] / grid) if len(times) else 0
    for point in range(last + 1):
        at = point * grid
        while seen < len(times) and times[seen] <= at:
            pending += events[seen]
            seen += 1
        following = min(seen, len(times) - 1)
        # At risk just after this point: those of the next time, or of the last one.
        remaining = at_risk[following] if seen < len(times) else at_risk[-1] - events[-1]
        if point and max(remaining, 0) < rules.k:
            break
        is_point = pending >= rules.k and seen > 0
        if is_point:
            held = {c: _height(part[c].iloc[seen - 1]) for c in heights}
            points += [len(kept)] if kept else []
        row = {c: part[c].iloc[0] for c in names[Role.KEY]}
        row |= {time: at, n: rounding.to_base(remaining, rules.base)}
        row |= {count: rounding.to_base(pending, rules.base) if is_point else 0}
        row |= held
        kept.append(row)
        if is_point:
            pending = 0.0
    if not kept or at_risk[0] < rules.k:
        return []
    for first, last in pairwise(points):
        _straighten(kept, first, last, heights)
    return kept[: points[-1] + 1] + _level(kept[points[-1] + 1 :], names, rules, starts_at)


def _straighten(rows: list[dict[str, Any]], first: int, last: int, heights: Sequence[str]) -> None:
    """Lay a straight line from one point to the next."""
    for column in heights:
        begin, end = rows[first][column], rows[last][column]
        for i in range(first + 1, last):
            along = (i - first) / (last - first)
            is_known = begin is not None and end is not None
            rows[i][column] = round(begin + (end - begin) * along, 3) if is_known else None


def _level(
    rows: list[dict[str, Any]], names: Mapping[Role, list[str]], rules: Rules, starts_at: float
) -> list[dict[str, Any]]:
    """Keep what lies behind the last point while it is sure to be within a standard error."""
    n, height = names[Role.N][0], (names[Role.RATE] + names[Role.VALUE])[0]
    kept = []
    for row in rows:
        ends = [row[c] for c in (*names[Role.LOW], *names[Role.HIGH])]
        se = (ends[1] - ends[0]) / (2 * _Z95) if len(ends) == 2 and None not in ends else 0.0
        of = row[height] if starts_at > 0 else 1.0
        untold = (rules.k - 1) / max(row[n], 1) * (of or 0.0)
        if untold > max(se, _HALF_A_PERCENT):
            break
        kept.append(row)
    return kept


def _height(value: Any) -> float | None:
    number = float(value)
    return None if math.isnan(number) else rounding.to_percent(number)
