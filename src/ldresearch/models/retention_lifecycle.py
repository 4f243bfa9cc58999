"""Whether the active base is healthy: who stays, who falls silent, who comes back.

Shares of a cohort are shares of persons, each counted once in a cell. A person may come and go
several times in a window, so the ratio of those who come in to those who fall silent takes its
interval from persons, not from moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.models import _checks, _incidence, rates, survival
from ldresearch.models._frame import Floats, numbers, require
from ldresearch.models._two_shares import newcombe
from ldresearch.models.rates import Z95
from ldresearch.result import Estimate, Partition, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Role

KINDS: Final[Mapping[str, str]] = {
    "recurring": "n_recurring",
    "unbounded": "n_unbounded",
    "rolling": "n_rolling",
}
"""Kind of retention to its column: active in period n; in n or later; in every one up to n."""

MIN_PEOPLE: Final = 10
"""Fewest people a share is told of."""
MIN_COHORT: Final = 30
"""Fewest people of a row of the triangle; smaller cohorts are read together with a neighbour."""
MIN_MOVERS: Final = 30
"""Fewest people who came or went on whom a ratio rests."""

_ROWS = 12
_COLUMNS: Final[Mapping[str, tuple[int, ...]]] = {
    "week": (1, 2, 3, 4, 6, 8, 12, 26),
    "month": (1, 2, 3, 4, 6, 9, 12, 18),
}
"""Periods after the first that are shown: nearer ones all, further ones some."""
_SHOWN: Final[Mapping[str, int]] = {"week": 26, "month": 24}
"""Most periods of a course that are shown."""
_FOLLOWED: Final[Mapping[str, int]] = {"week": 26, "month": 12}
"""Most periods after the first that the pooled curve shows."""
_FEWEST_SWINGS = 6
"""Fewest periods from which it is told how far they swing."""
_SWINGS = 2.5
"""Periods swing where they vary this many times as much as chance among persons has it."""
_LEAST_EFFECT = 0.1
"""Smallest design effect believed: moves in and out of a person offset each other, but not all."""

LADDERS: Final[Mapping[str, Mapping[str, tuple[int, int]]]] = {
    "days": {
        "1 day": (1, 1), "2 or 3 days": (2, 3), "4 to 7 days": (4, 7), "8 to 15 days": (8, 15),
        "16 days or more": (16, 28),
    },
    "weeks": {
        "1 week": (1, 1), "2 to 4 weeks": (2, 4), "5 to 8 weeks": (5, 8),
        "9 weeks or more": (9, 12),
    },
}  # fmt: skip
"""Rungs of active days of 28, or active weeks of 12."""
HABIT: Final[Mapping[str, int]] = {"days": 8, "weeks": 9}
"""From here on it is a habit: two days a week, or three weeks in four."""


# Cohorts ------------------------------------------------------------------------------------


def triangle(
    frame: pd.DataFrame, *, kind: str = "recurring", period: str = "month", rows: int = _ROWS
) -> Result:
    """Give each cohort and period since its first the share still active.

    Neighbouring cohorts are read together where there are more than ``rows`` of them, and where
    one alone has fewer than thirty people. A cell stands only if its period is over for every
    cohort of the row.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a cohort and complete period: ``cohort_on, n, n_began, n_there`` and the counts of
        the kinds.
    kind : {"recurring", "unbounded", "rolling"}
        Active in period n; in n or later; in every period up to n.
    period : {"week", "month"}
        What ``n`` counts.
    rows : int

    Returns
    -------
    Result
        Family RATES: ``cohort_on`` and ``until_on`` (first and last cohort of the row), ``after``
        (periods since the first), ``n_active`` of ``n`` still employed, ``share`` with Wilson's
        interval.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cohort_on": pd.Timestamp("2024-01-01"), "n": [0, 1],
    ...                       "n_began": 50, "n_there": [50, 40], "n_recurring": [50, 20]})
    >>> triangle(frame).frame["share"].tolist()
    [0.5]
    """
    name = "triangle"
    column, told = _kind(kind), {"kind": kind, "period": period}
    if frame.empty:
        return _missing(frame, name, Family.RATES, "nobody has begun yet", told)
    require(frame, ["cohort_on", "n", "n_began", "n_there", column], name)
    later = frame[(frame["n"] > 0) & (frame["n_began"] > 0)]
    if later.empty:
        return not_enough(
            name, Family.RATES, f"no cohort's next {period} is over yet", parameters=told
        )
    row_of = _row_of(frame[frame["cohort_on"] <= later["cohort_on"].max()], rows)
    found = later.assign(row=later["cohort_on"].map(row_of))
    found = found[found["n"].isin(_COLUMNS[period])]
    # The youngest cohort of a row says how far all of them have come.
    youngest = found.groupby("row")["cohort_on"].transform("max")
    reach = found[found["cohort_on"] == youngest].groupby("row")["n"].max()
    found = found[found["n"] <= found["row"].map(reach)]
    cells = found.groupby(["row", "n"], as_index=False).agg(
        cohort_on=("cohort_on", "min"), until_on=("cohort_on", "max"),
        n_active=(column, "sum"), n_there=("n_there", "sum"),
    )  # fmt: skip
    cells = cells[cells["n_there"] > 0]
    if cells.empty or cells["n_there"].max() < MIN_PEOPLE:
        return not_enough(
            name, Family.RATES, f"no cohort has {MIN_PEOPLE} people yet", parameters=told
        )
    out = pd.DataFrame(
        {
            "cohort_on": cells["cohort_on"], "until_on": cells["until_on"], "after": cells["n"],
            **_shares(cells["n_active"], cells["n_there"]),
        }
    )  # fmt: skip
    return Result(
        name,
        Family.RATES,
        out.reset_index(drop=True),
        {"cohort_on": Role.TIME, "until_on": Role.TIME, "after": Role.TIME, **_SHARE_ROLES},
        (),
        "Share of a cohort's people, still employed at the end of the period; Wilson's 95 % "
        "interval.",
        told,
    )  # fmt: skip


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ParameterError(
            message("no such kind of retention", where="kind", got=kind,
                    allowed=", ".join(KINDS), do=did_you_mean(kind, KINDS))
        )  # fmt: skip
    return KINDS[kind]


def _row_of(frame: pd.DataFrame, rows: int) -> dict[Any, int]:
    """Put each cohort into a row of the triangle, neighbours together, none under thirty people."""
    began = frame[frame["n"] == 0].sort_values("cohort_on", kind="stable")
    each = math.ceil(len(began) / rows)
    sizes = began["n_began"].to_numpy(dtype=float)
    row, people, place = 0, 0.0, []
    for i, size in enumerate(sizes):
        # Blocks are counted from the newest cohort, so that the oldest row takes the remainder.
        is_new = (len(sizes) - i) % each == 0
        if is_new and people >= MIN_COHORT:
            row, people = row + 1, 0.0
        place.append(row)
        people += size
    if people < MIN_COHORT and row:
        place = [min(at, row - 1) for at in place]
    return dict(zip(began["cohort_on"], place, strict=True))


_SHARE_ROLES = {
    "n_active": Role.COUNT, "n": Role.N, "share": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
}  # fmt: skip


def _shares(count: Any, n: Any) -> dict[str, Any]:
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    low, high = rates.wilson(count, n)
    return {
        "n_active": count.astype(int), "n": n.astype(int), "share": count / n, "low": low,
        "high": high,
    }  # fmt: skip


def pooled(frame: pd.DataFrame, *, period: str = "month", told_at: int = 3) -> Result:
    """Pool the cohorts: the share active so many periods after the first, for all three kinds.

    At each ``n`` every cohort counts whose period is over, so each person counts once, and the
    interval is that of a share of persons. Further on only older cohorts are left.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`triangle`.
    period : {"week", "month"}
    told_at : int
        Period at which retention is told, beside the first; less where fewer were seen.

    Returns
    -------
    Result
        Family RATES: ``kind, after, n_active, n, share, low, high``. Estimates ``retention_at``,
        labelled ``recurring, month 3``, for each kind at the first period and at ``told_at``.
        ``parameters``: ``told_at`` as used; ``drift`` and ``is_drifting``: how much less the later
        half of the first period's people kept coming than the earlier half, and whether by more
        than chance.

    Examples
    --------
    One month on, 30 of January's 60 and 30 of February's 40 are active. Two months on only
    January's can be seen. Nobody comes back here after a silence, so all kinds agree.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "cohort_on": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-01"] * 2),
    ...     "n": [0, 1, 2, 0, 1], "n_there": [60, 60, 60, 40, 40],
    ...     **dict.fromkeys(KINDS.values(), [60, 30, 15, 40, 30])})
    >>> found = pooled(frame)
    >>> found.estimate("retention_at", "recurring, month 1").value
    0.6
    >>> told = found.estimate("retention_at", "recurring, month 2")
    >>> told.value, told.n
    (0.25, 60)
    """
    name = "pooled"
    told: dict[str, Scalar] = {"period": period, "told_at": told_at}
    if frame.empty:
        return _missing(frame, name, Family.RATES, "nobody has begun yet", told)
    require(frame, ["cohort_on", "n", "n_there", *KINDS.values()], name)
    sums = frame[frame["n"] > 0].groupby("n")[["n_there", *KINDS.values()]].sum()
    sums = sums[sums["n_there"] >= MIN_PEOPLE]
    # A gap in the columns would be drawn as a line.
    sums = sums[sums.index == np.arange(1, len(sums) + 1)].head(_FOLLOWED[period])
    if sums.empty:
        return not_enough(
            name, Family.RATES,
            f"fewer than {MIN_PEOPLE} people could be followed for a whole {period} after their "
            "first",
            parameters=told,
        )  # fmt: skip
    parts = [
        pd.DataFrame({"kind": kind, "after": sums.index, **_shares(sums[column], sums["n_there"])})
        for kind, column in KINDS.items()
    ]
    out = pd.concat(parts, ignore_index=True)
    used = min(max(told_at, 1), int(sums.index.max()))
    estimates = tuple(
        Estimate("retention_at", float(r["share"]), float(r["low"]), float(r["high"]),
                 int(r["n"]), "share", label=f"{r['kind']}, {period} {r['after']}")
        for r in out[out["after"].isin({1, used})].to_dict("records")
    )  # fmt: skip
    return Result(
        name,
        Family.RATES,
        out,
        {"kind": Role.KEY, "after": Role.TIME, **_SHARE_ROLES},
        estimates,
        "Share of the people of all cohorts whose period is over; Wilson's 95 % interval.",
        told | {"told_at": used} | _drift(frame),
    )  # fmt: skip


def _drift(frame: pd.DataFrame) -> dict[str, Scalar]:
    """Compare those who began earlier with those who began later, one period on."""
    first = frame[(frame["n"] == 1) & (frame["n_there"] > 0)].sort_values("cohort_on")
    half = first["n_there"].cumsum() <= first["n_there"].sum() / 2
    counts = [(p["n_recurring"].sum(), p["n_there"].sum()) for p in (first[half], first[~half])]
    if min(n for _, n in counts) < MIN_COHORT:
        return {}
    (a, n), (b, m) = counts
    low, high = newcombe(float(b), float(m), float(a), float(n))
    return {"drift": float(b / m - a / n), "is_drifting": not low <= 0 <= high}


# States -------------------------------------------------------------------------------------

STATES: Final = ("new", "returning", "resurrected", "dormant")


def lifecycle(frame: pd.DataFrame, *, period: str = "month") -> Result:
    """Follow the states of the active base from period to period.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``period_on, new, returning, resurrected, dormant, left, is_complete``.
    period : {"week", "month"}

    Returns
    -------
    Result
        Family TREND: ``period_on, part`` (``seen``, ``incomplete``: no numbers), the four states,
        ``n`` persons in any of them. Estimates, of the last complete period: ``lifecycle_active``
        and its ``dormant`` as ``lifecycle_dormant``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"period_on": [pd.Timestamp("2024-01-01")], "new": 20, "returning": 5,
    ...                       "resurrected": 3, "dormant": 4, "left": 0, "is_complete": True})
    >>> lifecycle(frame).estimate("lifecycle_active").value
    28
    """
    name = "lifecycle"
    told: dict[str, Scalar] = {"period": period}
    if frame.empty:
        return _missing(frame, name, Family.TREND, "nobody has begun yet", told)
    require(frame, ["period_on", *STATES, "left", "is_complete"], name)
    ordered = frame.sort_values("period_on", kind="stable")
    is_whole = ordered["is_complete"].astype(bool)
    whole = ordered[is_whole].tail(_SHOWN[period])
    if whole.empty:
        return not_enough(name, Family.TREND, f"no {period} is complete yet", parameters=told)
    counts = whole[list(STATES)].astype(int)
    n = counts.sum(axis=1) + whole["left"].astype(int)
    if n.max() < MIN_PEOPLE:
        return not_enough(
            name, Family.TREND, f"fewer than {MIN_PEOPLE} people were active in any {period}",
            parameters=told,
        )  # fmt: skip
    out = counts.astype(object).assign(period_on=whole["period_on"], part="seen", n=n)
    ahead = ordered[(ordered["period_on"] > whole["period_on"].max()) & ~is_whole]
    blank = ahead[["period_on"]].assign(part="incomplete", n=0, **dict.fromkeys(STATES))
    rows = [*out.to_dict("records"), *blank.to_dict("records")]
    last = whole.iloc[-1]
    active = int(last["new"] + last["returning"] + last["resurrected"])
    nan = math.nan
    return Result(
        name,
        Family.TREND,
        pd.DataFrame(rows, columns=["period_on", "part", *STATES, "n"], dtype=object),
        {
            "period_on": Role.TIME, "part": Role.KEY, **dict.fromkeys(STATES, Role.COUNT),
            "n": Role.N,
        },
        (
            Estimate("lifecycle_active", active, nan, nan, active, "persons"),
            Estimate("lifecycle_dormant", int(last["dormant"]), nan, nan, int(last["dormant"]),
                     "persons"),
        ),
        "Everyone who ever began is in one state for each period.",
        told,
    )  # fmt: skip


def quick_ratio(
    frame: pd.DataFrame,
    turnover: pd.DataFrame,
    *,
    period: str = "month",
    last_periods: int = 3,
) -> Result:
    """Set those who come in (new, resurrected) against those who fall silent (dormant).

    For one period everyone moves once at most, and the interval is Wilson's, of the share who
    came in among all who moved, turned into a ratio. Over several periods a person may move
    often: Wilson's interval then rests on the effective number of moves, from the variance
    between persons. It is widened by how far single periods swing beyond that (holidays move
    everyone at once), from the differences of neighbouring periods, so that a slow trend widens
    nothing.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`lifecycle`.
    turnover : pandas.DataFrame
        ``in_now, out_now, in_before, out_before, n_persons``: persons by how often they came in
        and fell silent in the last periods, and in as many before. ``attrs["n_periods"]``:
        complete periods in which somebody could fall silent.
    period : {"week", "month"}
    last_periods : int

    Returns
    -------
    Result
        Family RATES, one row a complete period in which somebody moved: ``period_on``, ``n_in``
        of ``n`` movers, ``share`` (a ratio of 1 is a share of one half), ``low, high``. Estimates:
        ``quick_ratio`` labelled ``last 3 months`` and ``the 3 months before``;
        ``quick_ratio_change``, now over before.
        Without anyone dormant there is no ratio, and ``parameters["is_without_loss"]`` says so.

    References
    ----------
    Korn EL, Graubard BI (1998). Survey Methodology 24:193-201 (effective sample size of a share).

    Examples
    --------
    In March 25 began and 5 came back, while 15 fell silent: two came in for each who went.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"period_on": pd.to_datetime(["2024-02-01", "2024-03-01"]),
    ...                       "new": [50, 25], "returning": [0, 35], "resurrected": [0, 5],
    ...                       "dormant": [0, 15], "is_complete": True})
    >>> moved = pd.DataFrame({"in_now": [1, 0], "out_now": [0, 1], "in_before": 0,
    ...                       "out_before": 0, "n_persons": [30, 15]})
    >>> told = quick_ratio(frame, moved, last_periods=1).estimate("quick_ratio", "last month")
    >>> told.value, told.low, told.high
    (2.0, 1.08, 3.71)
    """
    name = "quick_ratio"
    now, before = _windows(period, last_periods)
    told: dict[str, Scalar] = {"period": period, "last_periods": last_periods, "now": now}
    if frame.empty:
        return _missing(frame, name, Family.RATES, "nobody has begun yet", told)
    require(frame, ["period_on", *STATES, "is_complete"], name)
    ordered = frame.sort_values("period_on", kind="stable")
    # In the first period of a log there is none before, so nobody can have fallen silent.
    whole = ordered[ordered["is_complete"].astype(bool)].iloc[1:].tail(_SHOWN[period])
    n_in = (whole["new"] + whole["resurrected"]).to_numpy(dtype=float)
    movers = n_in + whole["dormant"].to_numpy(dtype=float)
    moved = movers > 0
    if not len(whole) or movers.sum() < MIN_MOVERS:
        still = len(whole) >= last_periods and not whole["dormant"].sum()
        is_calm = still and whole["returning"].min() >= MIN_PEOPLE
        return not_enough(
            name, Family.RATES,
            f"fewer than {MIN_MOVERS} people began, came back or fell silent in complete "
            f"{period}s after the first",
            parameters=told | {"is_without_loss": bool(is_calm)},
        )  # fmt: skip
    found = _shares(n_in[moved], movers[moved])
    out = pd.DataFrame({"period_on": whole["period_on"].to_numpy()[moved], **found})
    out = out.rename(columns={"n_active": "n_in"})
    swing = _swing(n_in, movers - n_in)
    estimates, more = _window_ratios(turnover, now, before, last_periods, swing)
    return Result(
        name,
        Family.RATES,
        out,
        {
            "period_on": Role.TIME, "n_in": Role.COUNT, "n": Role.N, "share": Role.RATE,
            "low": Role.LOW, "high": Role.HIGH,
        },
        estimates,
        "New and resurrected over dormant; Wilson's 95 % interval on the effective number of "
        "moves, as a ratio, widened by how far single periods swing.",
        told | more | {"swing": round(swing, 3)},
    )  # fmt: skip


def _swing(came: Floats, went: Floats) -> float:
    """Standard deviation of the log ratio of periods beyond chance; 0 where they hardly swing."""
    known = came + went > 0
    if known.sum() < _FEWEST_SWINGS:
        return 0.0
    a, b = came[known] + 0.5, went[known] + 0.5
    step = np.diff(np.log(a / b))
    chance = float((1 / a + 1 / b).mean())
    seen = float((step**2).mean()) / 2
    return math.sqrt(seen - chance) if seen > _SWINGS * chance else 0.0


def _windows(period: str, last_periods: int) -> tuple[str, str]:
    if last_periods == 1:
        return f"last {period}", f"the {period} before"
    return f"last {last_periods} {period}s", f"the {last_periods} {period}s before"


def _window_ratios(
    turnover: pd.DataFrame, now: str, before: str, last_periods: int, swing: float
) -> tuple[tuple[Estimate, ...], dict[str, Scalar]]:
    if turnover.empty:
        return (), {}
    require(turnover, ["in_now", "out_now", "in_before", "out_before", "n_persons"], "quick_ratio")
    seen = int(turnover.attrs.get("n_periods", 2 * last_periods))
    w = numbers(turnover, "n_persons", "quick_ratio", low=0)
    came, went = (turnover[c].to_numpy(dtype=float) for c in ("in_now", "out_now"))
    was_in, was_out = (turnover[c].to_numpy(dtype=float) for c in ("in_before", "out_before"))
    movers = [float((w * ((a > 0) | (b > 0))).sum()) for a, b in ((came, went), (was_in, was_out))]
    is_now = seen >= last_periods and movers[0] >= MIN_MOVERS
    if not is_now:
        return (), {"n_seen": seen}
    if not (w * went).sum():
        return (), {"n_seen": seen, "is_without_loss": True}
    spread = swing / math.sqrt(last_periods)
    estimates = [
        Estimate(
            "quick_ratio", *_told(ratio(came, went, w), spread), int(movers[0]), "ratio", label=now
        )
    ]
    is_before = seen >= 2 * last_periods and movers[1] >= MIN_MOVERS
    if is_before and (w * was_out).sum() and (w * was_in).sum() and (w * came).sum():
        estimates += [
            Estimate("quick_ratio", *_told(ratio(was_in, was_out, w), spread),
                     int(movers[1]), "ratio",
                     label=before),
            Estimate("quick_ratio_change",
                     *_told(_change(came, went, was_in, was_out, w), math.sqrt(2) * spread),
                     int(w.sum()), "ratio", label=now),
        ]  # fmt: skip
    return tuple(estimates), {"n_seen": seen}


def _told(found: tuple[float, float, float], spread: float) -> tuple[float, float, float]:
    """Widen an interval of a ratio by a standard deviation of its logarithm, and round.

    To hundredths: more digits say nothing, and of small counts they would say all.
    """
    value, low, high = found
    if low > 0 and math.isfinite(high):
        below = math.hypot(math.log(value / low), Z95 * spread)
        above = math.hypot(math.log(high / value), Z95 * spread)
        low, high = value * math.exp(-below), value * math.exp(above)
    value, low, high = (round(x, 2) if math.isfinite(x) else x for x in (value, low, high))
    return value, low, high


def odds(share: float) -> float:
    """Turn the share who came in into the ratio of those to the others; infinite at 1.

    Parameters
    ----------
    share : float
        From 0 to 1.

    Returns
    -------
    float
        How many came in for each of the others.

    Examples
    --------
    >>> odds(0.75), odds(1.0)
    (3.0, inf)
    """
    return share / (1 - share) if share < 1 else math.inf


def ratio(came: Any, went: Any, weight: Any) -> tuple[float, float, float]:
    """Estimate comings over goings, with an interval that takes persons as independent.

    Parameters
    ----------
    came, went : array_like of shape (n_rows,)
        Comings and goings of a person.
    weight : array_like of shape (n_rows,)
        Persons of each row.

    Returns
    -------
    value, low, high : float
        ``inf`` where nobody went, ``nan`` where nobody moved.

    Examples
    --------
    >>> value, low, high = ratio([1, 0], [0, 1], [30, 20])
    >>> round(value, 3), round(low, 3), round(high, 3)
    (1.5, 0.853, 2.637)
    """
    came, went, w = (np.asarray(x, dtype=float) for x in (came, went, weight))
    moves = float((w * (came + went)).sum())
    if moves <= 0:
        return math.nan, math.nan, math.nan
    p = float((w * came).sum()) / moves
    n = float(w[(came + went) > 0].sum())
    binomial = p * (1 - p) / moves
    effect = 1.0
    if binomial > 0 and n > 1:
        spread = float((w * (came - p * (came + went)) ** 2).sum()) / moves**2 * n / (n - 1)
        effect = max(spread / binomial, _LEAST_EFFECT)
    low, high = rates.wilson(p * moves / effect, moves / effect)
    return odds(p), odds(float(low)), odds(float(high))


def _change(
    came: Floats, went: Floats, was_in: Floats, was_out: Floats, w: Floats
) -> tuple[float, float, float]:
    """Ratio now over ratio before; a person in both windows counts as one."""
    parts = [(came, 1), (went, -1), (was_in, -1), (was_out, 1)]
    sums = [float((w * x).sum()) for x, _ in parts]
    pull = sum(sign * x / total for (x, sign), total in zip(parts, sums, strict=True))
    n = float(w.sum())
    value = math.log(sums[0] / sums[1] * sums[3] / sums[2])
    half = Z95 * math.sqrt(float((w * pull**2).sum()) * n / (n - 1))
    return math.exp(value), math.exp(value - half), math.exp(value + half)


# The ladder ---------------------------------------------------------------------------------


def ladder(frame: pd.DataFrame, *, rungs: str = "days") -> Result:
    """Put the active people on rungs by how often they came, now and in the window before.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``n_before, n_now, n_persons``: persons by active days (or weeks) in the earlier and in
        the last window. ``attrs["has_before"]``: both lie within the log.
    rungs : {"days", "weeks"}

    Returns
    -------
    Result
        Family HISTOGRAM: ``window`` (``now``, ``before``), ``rung``, ``share`` of those active in
        that window, ``n``. Estimate ``habit_share``: the share now at two active days a week (or
        three weeks in four) or more.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n_before": [0, 1], "n_now": [1, 9], "n_persons": [30, 10]})
    >>> ladder(frame).estimate("habit_share").value
    0.25
    """
    name = "ladder"
    told: dict[str, Scalar] = {"rungs": rungs}
    if frame.empty:
        return _missing(frame, name, Family.HISTOGRAM, "nobody was active lately", told)
    require(frame, ["n_before", "n_now", "n_persons"], name)
    w = numbers(frame, "n_persons", name, low=0)
    parts = []
    for window in ("now", "before"):
        often = frame[f"n_{window}"].to_numpy(dtype=float)
        total = float(w[often > 0].sum())
        if total < MIN_PEOPLE or (window == "before" and not frame.attrs.get("has_before", True)):
            continue
        counts = [float(w[(often >= a) & (often <= b)].sum()) for a, b in LADDERS[rungs].values()]
        share = np.array(counts) / total
        parts.append(
            pd.DataFrame({"window": window, "rung": list(LADDERS[rungs]), "share": share,
                          "n": np.array(counts).astype(int)})
        )  # fmt: skip
    if not parts or parts[0]["window"].iloc[0] != "now":
        return not_enough(
            name, Family.HISTOGRAM,
            f"fewer than {MIN_PEOPLE} of the people employed were active lately", parameters=told,
        )  # fmt: skip
    now = frame["n_now"].to_numpy(dtype=float)
    total, regular = float(w[now > 0].sum()), float(w[now >= HABIT[rungs]].sum())
    low, high = rates.wilson(regular, total)
    return Result(
        name,
        Family.HISTOGRAM,
        pd.concat(parts, ignore_index=True),
        {"window": Role.KEY, "rung": Role.KEY, "share": Role.RATE, "n": Role.N},
        (
            Estimate("habit_share", regular / total, float(low), float(high), int(total), "share",
                     label="now"),
        ),
        "Active days (or weeks) of the window, of those with at least one.",
        told,
        parts=Partition(("rung",), apart=("window",)),
    )  # fmt: skip


def moves(frame: pd.DataFrame, *, rungs: str = "days") -> Result:
    """Say who moved up and down the ladder between the two windows.

    Of those who had begun before both windows, were active in one of them and are employed.
    Chance alone moves people up and down alike, so it is the difference that tells.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`ladder`, with ``is_settled``: had begun before both.
    rungs : {"days", "weeks"}

    Returns
    -------
    Result
        Family RATES: ``move`` (``up``, ``same``, ``down``), ``n_reached`` of ``n``, ``share, low,
        high``. Estimates ``ladder_move`` for each; ``ladder_net``, up less down, with the
        interval of a difference of paired shares.

    References
    ----------
    Agresti A, Min Y (2005). Statistics in Medicine 24:729-740 (half a person added to each cell).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n_before": [9, 1], "n_now": [0, 9], "n_persons": [30, 10],
    ...                       "is_settled": True})
    >>> moves(frame).estimate("ladder_net").value
    -0.5
    """
    name = "moves"
    told: dict[str, Scalar] = {"rungs": rungs}
    if frame.empty:
        return _missing(frame, name, Family.RATES, "nobody was active lately", told)
    require(frame, ["n_before", "n_now", "is_settled", "n_persons"], name)
    if not frame.attrs.get("has_before", True):
        return not_enough(
            name, Family.RATES, "the log is shorter than two windows", parameters=told
        )
    known = frame[frame["is_settled"].astype(bool)]
    w = numbers(known, "n_persons", name, low=0)
    if w.sum() < MIN_PEOPLE:
        return not_enough(
            name, Family.RATES,
            f"fewer than {MIN_PEOPLE} people had begun before the two windows that are compared",
            parameters=told,
        )  # fmt: skip
    edges = [low for low, _ in LADDERS[rungs].values()]
    step = np.searchsorted(edges, known["n_now"], side="right") - np.searchsorted(
        edges, known["n_before"], side="right"
    )
    up, down = float(w[step > 0].sum()), float(w[step < 0].sum())
    n = float(w.sum())
    counts = pd.DataFrame(
        {"move": ["up", "same", "down"], "n_reached": [up, n - up - down, down], "n": n}
    )
    found = rates.shares(counts, keys=("move",), metric="ladder_move", name=name)
    net = Estimate("ladder_net", (up - down) / n, *_paired(up, down, n), int(n), "points")
    return found.but(estimates=(*found.estimates, net), parameters=told)


def _paired(up: float, down: float, n: float) -> tuple[float, float]:
    up, down, n = up + 0.5, down + 0.5, n + 2
    middle = (up - down) / n
    half = Z95 * math.sqrt((up + down) / n - middle**2) / math.sqrt(n)
    return max(middle - half, -1.0), min(middle + half, 1.0)


# Returns ------------------------------------------------------------------------------------


def reactivation(frame: pd.DataFrame, *, silent_days: int = 28, within_days: int = 90) -> Result:
    """Estimate who returns within so many days of a silence; leaving competes.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, or a kind of person with ``weight``: ``silent_days`` (length of the
        silence at which following begins), ``duration`` in days since then, ``event``
        (``returned``, ``left`` or empty).
    silent_days : int
        The silence that is drawn; of others in the frame only the estimates are told. Their risk
        sets lie within each other, so that two curves would tell of the few between them.
    within_days : int

    Returns
    -------
    Result
        Family CURVE: ``time, incidence, low, high, n_events, n`` up to ``within_days``. Estimates
        ``return_within``, labelled by silence and horizon; the horizon is reduced to the last day
        on which ten are followed.

    References
    ----------
    Aalen OO, Johansen S (1978). Scand J Statist 5:141-150.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"silent_days": 28, "duration": [10.0, 20, 95], "weight": 20,
    ...                       "event": ["returned", "left", ""]})
    >>> round(reactivation(frame).estimate("return_within").value, 3)
    0.333
    """
    name = "reactivation"
    told: dict[str, Scalar] = {"silent_days": silent_days, "within_days": within_days}
    if frame.empty:
        return _missing(frame, name, Family.CURVE, "nobody has been silent for so long yet", told)
    require(frame, ["silent_days", "duration", "event"], name)
    lengths = sorted(int(g) for g in frame["silent_days"].unique())
    found = {
        length: _returned(frame[frame["silent_days"] == length], length, within_days)
        for length in lengths
    }
    told_here = found.get(silent_days)
    if told_here is None:
        return not_enough(
            name, Family.CURVE,
            f"fewer than {MIN_PEOPLE} people were followed after {silent_days} silent days, or "
            "none of them has returned yet",
            parameters=told,
        )  # fmt: skip
    return Result(
        name,
        Family.CURVE,
        told_here[0],
        {
            "time": Role.TIME, "incidence": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
            "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(one[1] for one in found.values() if one is not None),
        "Aalen-Johansen cumulative incidence of a return after the first silence so long, leaving "
        "employment as the competing risk; log-log 95 % intervals.",
        told | {"within_days": told_here[2], "starts_at": 0.0, "grid": 7},
    )  # fmt: skip


def _returned(
    part: pd.DataFrame, length: int, within_days: int
) -> tuple[pd.DataFrame, Estimate, int] | None:
    weight = part["weight"].sum() if "weight" in part.columns else len(part)
    if weight < MIN_PEOPLE or not (part["event"].astype(object) == "returned").any():
        return None
    found = survival.cumulative_incidence(part, cause="returned", metric="return_within")
    curve = found.frame[found.frame["cause"] == "returned"]
    curve = curve[curve["time"] <= within_days]
    followed = curve[curve["n"] >= survival.MIN_AT_RISK]
    if followed.empty:
        return None
    horizon = min(within_days, _last_followed(part))
    told = survival.cumulative_incidence(
        part, cause="returned", at=[horizon], metric="return_within"
    ).estimates[0]
    shown = _incidence.on_grid(curve, 7)
    label = f"{horizon} days after {length} of silence"
    estimate = Estimate(
        "return_within", told.value, told.low, told.high, int(weight), "share", label=label
    )
    return shown[["time", "incidence", "low", "high", "n_events", "n"]], estimate, horizon


def _last_followed(part: pd.DataFrame) -> int:
    """Last day on which ten are followed, whatever the end of their following."""
    weight = part["weight"] if "weight" in part.columns else pd.Series(1, index=part.index)
    by_day = weight.groupby(part["duration"]).sum().sort_index(ascending=False).cumsum()
    return int(by_day[by_day >= survival.MIN_AT_RISK].index.max())


# What it rests on ---------------------------------------------------------------------------


def trust(cohorts: pd.DataFrame, periods: pd.DataFrame, together: Result, quick: Result) -> Result:
    """Check what the answer rests on.

    Parameters
    ----------
    cohorts : pandas.DataFrame
        What :func:`pooled` was given.
    periods : pandas.DataFrame
        What :func:`lifecycle` was given.
    together, quick : Result
        Of :func:`pooled` and :func:`quick_ratio`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    Half of all who ever began did so in the first month: they may have begun before the log did.

    >>> import pandas as pd
    >>> months = pd.to_datetime(["2024-02-01", "2024-03-01"])
    >>> cohorts = pd.DataFrame({"cohort_on": months, "n": 0, "n_began": 50, "n_there": 50,
    ...                         "n_recurring": 50, "n_unbounded": 50, "n_rolling": 50})
    >>> periods = pd.DataFrame({"period_on": months, "new": 50, "returning": [0, 30],
    ...                         "resurrected": 0, "dormant": [0, 20], "is_complete": True})
    >>> moved = pd.DataFrame({"in_now": [1, 0], "out_now": [0, 1], "in_before": 0,
    ...                       "out_before": 0, "n_persons": [50, 20]})
    >>> found = trust(cohorts, periods, pooled(cohorts), quick_ratio(periods, moved)).frame
    >>> found.set_index("check")["status"].head(3).to_dict()
    {'beginning': 'not passed', 'silence': 'passed', 'movers': 'passed'}
    >>> found["value"].head(3).tolist()
    [50.0, 0.0, 70.0]
    """
    rows = [
        _checks.at_most("beginning", _at_once(periods), 20.0),
        _checks.at_most("silence", _empty_periods(periods), 0.0),
        _checks.at_least("movers", _movers(quick), float(MIN_MOVERS)),
        _drifting(together),
        _checks.at_most("alone", _alone(cohorts), 20.0),
    ]
    return _checks.trust(rows)


Row = tuple[str, str, float, float]


def _at_once(periods: pd.DataFrame) -> float:
    """Share of all who ever began that did so in the first period, in percent.

    Many at once are people who had begun before the log did.
    """
    if periods.empty or not periods["new"].sum():
        return math.nan
    first = periods.sort_values("period_on")["new"].iloc[0]
    return 100 * float(first) / float(periods["new"].sum())


def _empty_periods(periods: pd.DataFrame) -> float:
    if periods.empty:
        return math.nan
    whole = periods[periods["is_complete"].astype(bool)]
    active = whole["new"] + whole["returning"] + whole["resurrected"]
    return float((active == 0).sum()) if len(whole) else math.nan


def _movers(quick: Result) -> float:
    now = quick.parameters.get("now")
    found = [e.n for e in quick.estimates if (e.metric, e.label) == ("quick_ratio", now)]
    return float(found[0]) if found else math.nan


def _drifting(together: Result) -> Row:
    """Cohorts differ if the later half is ten points apart, and by more than chance."""
    found = together.parameters.get("drift")
    value = math.nan if together.is_empty or found is None else 100 * abs(float(found))
    check, status, value, threshold = _checks.at_most("drift", value, 10.0)
    if status == "not passed" and not together.parameters["is_drifting"]:
        status = "not known"
    return check, status, value, threshold


def _alone(cohorts: pd.DataFrame) -> float:
    """Share of the people that are in cohorts of fewer than thirty, in percent."""
    if cohorts.empty:
        return math.nan
    began = cohorts.loc[cohorts["n"] == 0, "n_began"]
    total = float(began.sum())
    return 100 * float(began[began < MIN_COHORT].sum()) / total if total else math.nan


def _missing(
    frame: pd.DataFrame, name: str, family: Family, otherwise: str, told: Mapping[str, Scalar]
) -> Result:
    why = str(frame.attrs.get("missing") or otherwise)
    return not_enough(name, family, why, parameters=told)
