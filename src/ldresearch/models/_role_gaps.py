"""How far roles are from one another, by what they ask for, with the errors of what they ask.

A role that does not list a skill asks nothing of it. What its publisher does not stand behind is
left out of what a role asks for; as a place to come from, its level counts as it was published:
"not relevant" is close to nought, and leaving it out would make everyone look ready.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ldresearch.models._frame import Bools, Floats

_Z95 = 1.959963984540054
_HEIGHT = 0.3989422804014327  # of the normal curve at its middle


@dataclass(frozen=True, slots=True)
class Grid:
    """Profiles as arrays: a row a role, a column a skill; nought where a role lists nothing."""

    roles: list[str]
    skills: list[str]
    target: Floats
    variance: Floats
    weight: Floats
    weight_variance: Floats
    asked: Bools

    def role(self, i: int) -> tuple[Floats, Floats, Floats]:
        """Target, variance and weight of a role; the weight is nought of what it does not ask."""
        return self.target[i], self.variance[i], np.where(self.asked[i], self.weight[i], 0.0)


def grid(profiles: pd.DataFrame) -> Grid:
    """Lay profiles out: ``role_id, skill_id, target, weight``; optional errors, ``is_reliable``."""
    roles, row = np.unique(profiles["role_id"].astype(str), return_inverse=True)
    skills, column = np.unique(profiles["skill_id"].astype(str), return_inverse=True)

    def laid(name: str, *, square: bool = False) -> Floats:
        out = np.zeros((len(roles), len(skills)))
        if name in profiles.columns:
            values = profiles[name].fillna(0.0).to_numpy(dtype=float)
            out[row, column] = values**2 if square else values
        return out

    target, weight = laid("target"), laid("weight")
    reliable = np.zeros(target.shape, dtype=bool)
    has_word = "is_reliable" in profiles.columns
    reliable[row, column] = profiles["is_reliable"].to_numpy(dtype=bool) if has_word else True
    return Grid(
        list(roles), list(skills), target, laid("target_se", square=True), weight,
        laid("weight_se", square=True), reliable & (weight > 0) & (target > 0),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Between:
    """Square arrays, a row the role one comes from, a column the role one goes to."""

    readiness: Floats
    readiness_low: Floats
    readiness_high: Floats
    rise: Floats  # mean of target less target, by the importance of the role one goes to
    rise_se: Floats
    distance: Floats
    distance_low: Floats
    distance_high: Floats


def between(g: Grid) -> Between:
    """Compare every role with every other.

    Notes
    -----
    Readiness is the weighted mean of min(from/to, 1). Two noisy levels that are truly the same
    look like a shortfall half of the time, by 0.4 standard errors on average; so the upper end of
    its interval takes skills whose gap is within its error as having none.

    The distance is the root of the weighted mean squared gap, less what the squares of the errors
    add to it; its interval is the normal one of the square.
    """
    n = len(g.roles)
    ready, slack, rise, squares = _Mean(n), np.zeros((n, n)), _Mean(n), _Mean(n)
    for s in range(len(g.skills)):
        t, var, ok = g.target[:, s], g.variance[:, s], g.asked[:, s]
        w, w_var = g.weight[:, s], g.weight_variance[:, s]
        here, there = t[:, None], t[None, :]
        gap, noise = there - here, var[:, None] + var[None, :]
        share = np.where(ok[None, :], w[None, :], 0.0)
        wanted = np.where(there > 0, there, 1.0)
        reached = np.minimum(here / wanted, 1.0)
        chance = _chance(gap, noise)
        of_reached = chance * (var[:, None] / wanted**2 + here**2 * var[None, :] / wanted**4)
        ready.add(share, reached, of_reached, w_var[None, :])
        near = np.abs(gap) <= _Z95 * np.sqrt(noise)
        slack += share * np.where(near, _HEIGHT * np.sqrt(noise) / wanted, 0.0)
        rise.add(share, gap, noise, w_var[None, :])
        either = ok[:, None] | ok[None, :]
        both = np.where(either, (w[:, None] + w[None, :]) / 2, 0.0)
        # Unbiased for 4 gap^2 v + 2 v^2, the variance of a squared normal; never below 2 v^2.
        of_square = np.maximum(4 * gap**2 * noise - 2 * noise**2, 2 * noise**2)
        squares.add(both, gap**2 - noise, of_square, (w_var[:, None] + w_var[None, :]) / 4)
    value, se = ready.told()
    with np.errstate(divide="ignore", invalid="ignore"):
        slack = slack / ready.weight
    up, up_se = rise.told()
    square, square_se = squares.told()
    low, high = square - _Z95 * square_se, square + _Z95 * square_se
    return Between(
        value, np.maximum(value - _Z95 * se, 0.0), np.minimum(value + slack + _Z95 * se, 1.0),
        up, up_se, *(np.sqrt(np.maximum(x, 0.0)) for x in (square, low, high)),
    )  # fmt: skip


class _Mean:
    """A weighted mean over skills for each pair, and its error from those of values and weights."""

    def __init__(self, n: int) -> None:
        self.weight, self.total, self.of_values = (np.zeros((n, n)) for _ in range(3))
        self.w_var, self.w_first, self.w_second = (np.zeros((n, n)) for _ in range(3))

    def add(self, weight: Floats, value: Floats, variance: Floats, weight_variance: Floats) -> None:
        self.weight += weight
        self.total += weight * value
        self.of_values += weight**2 * variance
        spread = np.where(weight > 0, weight_variance, 0.0)
        self.w_var += spread
        self.w_first += spread * value
        self.w_second += spread * value**2

    def told(self) -> tuple[Floats, Floats]:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.total / self.weight
            of_weights = self.w_second - 2 * mean * self.w_first + mean**2 * self.w_var
            se = np.sqrt(np.maximum(self.of_values + of_weights, 0.0)) / self.weight
        return mean, se


def _chance(gap: Floats, noise: Floats) -> Floats:
    """Chance that a gap is truly above nought."""
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        found = ndtr(gap / np.sqrt(noise))
    return np.asarray(np.where(noise > 0, found, (gap > 0).astype(float)), dtype=float)


def expected_reached(
    level: Floats, level_variance: Floats, target: Floats, target_variance: Floats
) -> tuple[Floats, Floats]:
    """Mean share of a target that is reached by a level known with error, and its slope.

    The slope says by how much the share rises with the level. ``nan`` where the level is not known.
    """
    from scipy.special import ndtr

    gap, spread = target - level, np.sqrt(level_variance + target_variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap / spread
        chance = np.where(spread > 0, ndtr(z), (gap > 0).astype(float))
        height = np.where(spread > 0, _HEIGHT * np.exp(-(z**2) / 2), 0.0)
        short = gap * chance + spread * height
        reached = 1.0 - np.minimum(short / target, 1.0)
    known = ~np.isnan(level)
    return (
        np.where(known, reached, np.nan),
        np.where(known, chance / np.where(target > 0, target, 1.0), np.nan),
    )
