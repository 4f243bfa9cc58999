"""One campaign against the same weekdays before it: lift, its interval, and how long it lasts.

Two things vary: people, who differ and repeat themselves, and weeks, in which all of them do more
or less than usual. The first is read off parts of the people, the second off the weeks before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ldresearch.models._frame import Floats

MIN_WEEKS = 3
"""Fewest whole weeks before the start."""
TRIMMED_FROM = 5
"""From this many weeks on the lowest and highest of each weekday are set aside."""
MIN_PARTS = 5
"""Fewest parts of the people from which an interval is made."""
WEEK = 7
_WEEKS_FOLLOWED = 12
_HALF_LIVES = np.geomspace(0.2, 520.0, 600)


@dataclass(frozen=True, slots=True)
class Days:
    """Responses by part and day.

    Attributes
    ----------
    y : ndarray of shape (n_parts, n_days)
    size : ndarray of shape (n_parts,)
        Persons.
    start : int
        Index of day 0; the number of days before it.
    is_on_holiday : bool
        Whether day 0 is a holiday.
    """

    y: Floats
    size: Floats
    start: int
    is_on_holiday: bool


def days(own: pd.DataFrame) -> Days:
    """Lay out the rows of one campaign as parts by days."""
    table = own.pivot_table(
        index="part", columns="day", values="n_responded", aggfunc="sum", fill_value=0.0
    )
    size = own.groupby("part")["n"].max().reindex(table.index).to_numpy(dtype=float)
    first, last = int(min(own["day"].min(), 0)), int(max(own["day"].max(), -1))
    table = table.reindex(columns=range(first, last + 1), fill_value=0.0)
    holiday = False
    if "is_holiday" in own.columns:
        holiday = bool(own.loc[own["day"] == 0, "is_holiday"].any())
    return Days(table.to_numpy(dtype=float), size, -first, holiday)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an average day of each weekday was before.

    Attributes
    ----------
    by_part : ndarray of shape (n_parts, 7)
        Mean responses by weekday; weekday 0 is that of day 0.
    n_weeks, n_kept : int
        Weeks seen, and weeks of each weekday that were kept.
    common : float
        Variance of a week's responses that all parts share.
    mean : float
        Responses of an average week.
    """

    by_part: Floats
    n_weeks: int
    n_kept: int
    common: float
    mean: float


def baseline(found: Days, n_weeks: int) -> Baseline | None:
    """Average the weeks before the start by weekday; None with too few of them."""
    n_weeks = min(n_weeks, found.start // WEEK)
    if n_weeks < MIN_WEEKS:
        return None
    before = found.y[:, found.start - WEEK * n_weeks : found.start].reshape(-1, n_weeks, WEEK)
    total = before.sum(axis=0)
    kept, winsorised = _trimmed(total)
    n_kept = int(kept[:, 0].sum())
    by_part = (before * kept).sum(axis=1) / n_kept
    # Yuen's error of a trimmed mean, turned into the variance of one week.
    week = float(np.var(winsorised.sum(axis=1), ddof=1))
    week *= n_weeks * (n_weeks - 1) / (n_kept * (n_kept - 1)) if n_kept < n_weeks else 1.0
    own = _own_variance(before.sum(axis=2))
    return Baseline(by_part, n_weeks, n_kept, max(week - own, 0.0), float(by_part.sum()))


def _trimmed(total: Floats) -> tuple[Floats, Floats]:
    """Mark what is kept of each weekday, and pull what is not to the nearest that is."""
    n_weeks = len(total)
    kept = np.ones_like(total)
    if n_weeks < TRIMMED_FROM:
        return kept, total
    order = np.argsort(total, axis=0, kind="stable")
    columns = np.arange(total.shape[1])
    kept[order[0], columns] = 0.0
    kept[order[-1], columns] = 0.0
    return kept, np.clip(total, total[order[1], columns], total[order[-2], columns])


def _own_variance(weeks: Floats) -> float:
    """Variance of a week's total that comes from the parts each by themselves."""
    n_parts, n_weeks = weeks.shape
    if n_parts < 2:
        return 0.0
    rest = weeks - weeks.mean(axis=1, keepdims=True) - weeks.mean(axis=0) + weeks.mean()
    squares = float((rest**2).sum())
    return float(squares * n_parts / ((n_weeks - 1) * (n_parts - 1)))


@dataclass(frozen=True, slots=True)
class Lift:
    """Response, baseline, lift and half-life of one campaign; ``note`` says what is missing."""

    n: int
    n_weeks: int = 0
    n_days: int = 0
    response: float = math.nan
    baseline: float = math.nan
    lift: float = math.nan
    low: float = math.nan
    high: float = math.nan
    half_life: float = math.nan
    half_life_low: float = math.nan
    half_life_high: float = math.nan
    is_on_holiday: bool = False
    note: str = ""
    note_is_fatal: bool = False

    def row(self) -> dict[str, Any]:
        """Return the columns of the result."""
        ratio = self.response / self.baseline if self.baseline > 0 else math.nan
        return {
            "response": self.response, "baseline": self.baseline, "lift": self.lift,
            "low": self.low, "high": self.high, "ratio": ratio,
            "extra": self.lift * self.n * self.n_days, "half_life": self.half_life,
            "half_life_low": self.half_life_low, "half_life_high": self.half_life_high,
            "is_on_holiday": self.is_on_holiday, "note": self.note, "n": self.n,
        }  # fmt: skip


def lift(found: Days, window_days: int, baseline_weeks: int) -> Lift:
    """Compare the window after the start with the same weekdays before it."""
    n = int(found.size.sum())
    seen = found.y.shape[1] - found.start
    n_days = min(window_days, seen)
    base = baseline(found, baseline_weeks)
    reason = _refused(n, n_days, base, found.start)
    if reason or base is None:
        return Lift(n, is_on_holiday=found.is_on_holiday, note=reason, note_is_fatal=True)
    window = found.y[:, found.start : found.start + n_days]
    expected = base.by_part[:, np.arange(n_days) % WEEK]
    after, before = window.sum(axis=1), expected.sum(axis=1)
    total = n * n_days
    value = float(after.sum() - before.sum()) / total
    growth = after.sum() / before.sum() if before.sum() > 0 else 1.0
    weeks = n_days / WEEK
    shared = base.common * (weeks * max(growth, 1.0) ** 2 + weeks**2 / base.n_kept) / total**2
    half = _half_width((after - before)[:, None] / n_days, found.size, shared, base.n_kept - 1)
    low, high = value - half, value + half
    weekly_fit = _half_life(found, base)
    note = _notes(found, weekly_fit, low, high)
    told = weekly_fit.told if weekly_fit and low > 0 else (math.nan,) * 3
    return Lift(
        n, base.n_weeks, n_days, float(after.sum()) / total, float(before.sum()) / total, value,
        low, high, *told, found.is_on_holiday, note,
    )  # fmt: skip


def _refused(n: int, n_days: int, base: Baseline | None, n_before: int) -> str:
    if n < 1:
        return "no touches are recorded, so no one can have responded"
    if n_days < WEEK:
        return f"{max(n_days, 0)} days are seen after the start, and it takes a week"
    if base is None:
        return f"{n_before} days are seen before the start, and it takes {MIN_WEEKS} weeks"
    return ""


def _notes(found: Days, fit: HalfLife | None, low: float, high: float) -> str:
    notes = []
    if found.is_on_holiday:
        notes.append("it began on a public holiday, so its first day is no usual one")
    if math.isnan(low):
        notes.append(f"fewer than {MIN_PARTS} people, so there is no interval")
    elif low <= 0 <= high:
        notes.append("the lift cannot be told from none, so it has no half-life")
    elif low > 0 and (fit is None or math.isnan(fit.told[0])):
        notes.append("the lift does not fade within the weeks seen, so no half-life is told")
    return "; ".join(notes)


def _jackknife(excess: Floats, size: Floats) -> Floats:
    """Covariance of means per person when people are left out, part by part."""
    rest = (excess.sum(axis=0) - excess) / (size.sum() - size)[:, None]
    apart = rest - rest.mean(axis=0)
    found: Floats = (len(size) - 1) / len(size) * apart.T @ apart
    return found


def _half_width(excess: Floats, size: Floats, shared: float, df: int) -> float:
    from scipy.special import stdtrit

    excess, size = excess[size > 0], size[size > 0]
    if len(size) < MIN_PARTS:
        return math.nan
    own = float(_jackknife(excess, size)[0, 0])
    total = own + shared
    if total <= 0:
        return 0.0
    freedom = total**2 / (own**2 / (len(size) - 1) + shared**2 / df)
    return float(stdtrit(freedom, 0.975)) * math.sqrt(total)


# Week by week -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The weekly excess and the exponential decay through it.

    ``told`` is the half-life in days with its interval, ``nan`` where it cannot be told.
    """

    excess: Floats
    half: Floats
    fitted: Floats
    told: tuple[float, float, float]


def _half_life(found: Days, base: Baseline, weeks: int = _WEEKS_FOLLOWED) -> HalfLife | None:
    from scipy.special import stdtrit

    n_weeks = min(weeks, (found.y.shape[1] - found.start) // WEEK)
    here = found.size > 0
    size = found.size[here]
    if n_weeks < 1 or len(size) < MIN_PARTS:
        return None
    stop = found.start + WEEK * n_weeks
    after = found.y[here, found.start : stop].reshape(-1, n_weeks, WEEK).sum(axis=2)
    before = base.by_part[here].sum(axis=1)
    by_part = (after - before[:, None]) / WEEK
    excess = by_part.sum(axis=0) / size.sum()
    growth = np.maximum(after.sum(axis=0) / base.mean, 1.0) if base.mean > 0 else np.ones(n_weeks)
    shared = base.common * (np.diag(growth**2) + 1 / base.n_kept) / (WEEK * size.sum()) ** 2
    covariance = _jackknife(by_part, size) + shared
    df = min(len(size), base.n_kept + 8) - 1
    point = float(stdtrit(df, 0.975))
    half = point * np.sqrt(np.diag(covariance))
    nothing = (math.nan,) * 3
    fitted = np.full(n_weeks, np.nan)
    if n_weeks < 3 or np.linalg.matrix_rank(covariance) < n_weeks:
        return HalfLife(excess, half, fitted, nothing)
    told, curve = _decay(excess, covariance, point)
    return HalfLife(excess, half, curve if told[0] == told[0] else fitted, told)


def _decay(
    excess: Floats, covariance: Floats, point: float
) -> tuple[tuple[float, float, float], Floats]:
    """Profile the half-life over a grid, from a fifth of a week to ten years and no decay."""
    weeks = np.arange(len(excess))
    rates = np.concatenate([math.log(2) / _HALF_LIVES, [0.0]])
    inverse = np.linalg.inv(covariance)
    shapes = np.exp(-np.outer(rates, weeks))
    along = shapes @ inverse @ excess
    scale = np.einsum("ij,jk,ik->i", shapes, inverse, shapes)
    height = np.maximum(along / scale, 0.0)
    misfit = excess @ inverse @ excess - 2 * height * along + height**2 * scale
    best = int(misfit.argmin())
    curve = height[best] * shapes[best]
    is_seen = height[best] > 0 and along[best] / math.sqrt(scale[best]) > point
    nothing = (math.nan, math.nan, math.nan)
    if not is_seen or best >= len(_HALF_LIVES) - 1:
        return nothing, curve
    inside = np.flatnonzero(misfit - misfit[best] <= point**2)
    # The ends lie between points of the grid: the one outside is taken.
    low, high = max(int(inside[0]) - 1, 0), int(inside[-1]) + 1
    top = math.inf if high >= len(_HALF_LIVES) - 1 else WEEK * float(_HALF_LIVES[high])
    bottom = 0.0 if low == 0 else WEEK * float(_HALF_LIVES[low])
    return (WEEK * float(_HALF_LIVES[best]), bottom, top), curve


def weekly(found: Days, weeks: int, baseline_weeks: int) -> pd.DataFrame | None:
    """Return the excess of each week after the start; None where there is none to be had."""
    base = baseline(found, baseline_weeks)
    fit = _half_life(found, base, weeks) if base is not None else None
    if fit is None:
        return None
    return pd.DataFrame(
        {
            "week": np.arange(len(fit.excess)), "excess": fit.excess,
            "low": fit.excess - fit.half, "high": fit.excess + fit.half, "fitted": fit.fitted,
            "n": int(found.size.sum()),
        }
    )  # fmt: skip
