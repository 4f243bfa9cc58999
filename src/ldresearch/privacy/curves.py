"""Safe curves: what a survival or incidence curve may show.

An exact curve gives back every event time, mostly with the number at risk (Guyot et al. 2012). A
safe one stands on a coarse grid, moves only after at least ``k`` new events, and stops when fewer
than ``k`` are at risk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ldresearch.privacy import rounding
from ldresearch.result import Rules
from ldresearch.vocabulary import Role


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
        Same columns, one row per group and grid point. COUNT holds the events since the last
        step, rounded, and 0 where the curve did not move.

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
        stepped = pending >= rules.k and seen > 0
        if stepped:
            held = {c: _height(part[c].iloc[seen - 1]) for c in heights}
        row = {c: part[c].iloc[0] for c in names[Role.KEY]}
        row |= {time: at, n: rounding.to_base(remaining, rules.base)}
        row |= {count: rounding.to_base(pending, rules.base) if stepped else 0}
        row |= held
        kept.append(row)
        if stepped:
            pending = 0.0
    return kept if kept and at_risk[0] >= rules.k else []


def _height(value: Any) -> float | None:
    number = float(value)
    return None if math.isnan(number) else rounding.to_percent(number)
