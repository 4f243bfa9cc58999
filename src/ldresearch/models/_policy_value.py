"""What a policy would have brought, from what another one showed with known chances.

One impression is one recommendation shown: the policy in force chose it with a logged propensity,
the policy that is judged would have chosen it with another chance. Persons, not impressions, are
taken as independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ldresearch.models._frame import Floats

FEWEST_EFFECTIVE = 50.0
"""Impressions of equal weight that an estimate has to be worth."""
LARGEST_SHARE = 0.05
"""Share of all weight that a single impression may have."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Whether what was shown covers what the judged policy would show.

    Attributes
    ----------
    effective : float
        Impressions of equal weight that these are worth (Kish): (sum w)^2 / sum w^2.
    largest : float
        Share of all weight that the heaviest impression has.
    covered : float
        Mean weight: 1 where all that the policy would show could have been shown.
    covered_se : float
    """

    effective: float
    largest: float
    covered: float
    covered_se: float

    @property
    def refusal(self) -> str:
        """Why no value may be told, or nothing."""
        if not self.effective >= FEWEST_EFFECTIVE:
            return (
                f"what was shown is worth {self.effective:.0f} impressions of what it would show "
                f"({FEWEST_EFFECTIVE:.0f} are needed)"
            )
        if self.largest > LARGEST_SHARE:
            return f"a single impression carries {100 * self.largest:.0f} % of the weight"
        if self.covered + 3 * self.covered_se < 1.0 - 1e-9:
            return (
                f"only about {100 * self.covered:.0f} % of what it would show had a chance to be "
                "shown"
            )
        return ""


def overlap(weight: Floats, person: Any) -> Overlap:
    """Judge the weights: chance under the judged policy over the logged propensity.

    Examples
    --------
    >>> overlap(np.array([2.0, 2.0, 0.0, 0.0]), np.arange(4)).effective
    2.0
    """
    total, squares = float(weight.sum()), float((weight**2).sum())
    if total <= 0:
        return Overlap(0.0, math.nan, 0.0, 0.0)
    mean, se = ratio(weight, np.ones(len(weight)), person)
    return Overlap(total**2 / squares, float(weight.max()) / total, mean, se)


def ips(weight: Floats, reward: Floats) -> tuple[Floats, Floats]:
    """Terms of the inverse propensity estimator: their ratio of sums is the value."""
    return weight * reward, np.ones(len(weight))


def snips(weight: Floats, reward: Floats) -> tuple[Floats, Floats]:
    """Terms of the self-normalised one: a little bias for much less variance."""
    return weight * reward, weight


def doubly_robust(
    weight: Floats, reward: Floats, of_shown: Floats, of_policy: Floats
) -> tuple[Floats, Floats]:
    """Terms of the doubly robust one: a model's guess, mended by what was seen.

    ``of_shown`` is the guess for what was shown, ``of_policy`` its mean over what the judged policy
    would show. With true propensities it is unbiased however poor the guess.
    """
    return of_policy + weight * (reward - of_shown), np.ones(len(weight))


def ratio(top: Floats, below: Floats, person: Any) -> tuple[float, float]:
    """Return a ratio of sums and its standard error, linearised with persons as clusters."""
    _, index = np.unique(person, return_inverse=True)
    a = np.bincount(index, weights=top)
    b = np.bincount(index, weights=below)
    n = len(a)
    value = float(a.sum() / b.sum())
    squares = float(((a - value * b) ** 2).sum())
    return value, math.sqrt(n / max(n - 1, 1) * squares) / float(b.sum())


def interval(
    top: Floats, below: Floats, person: Any, quantile: float
) -> tuple[float, float, float, float]:
    """Return a ratio of sums, its standard error and an interval that follows its skewness.

    A few heavy weights that were followed make the sum skewed to the right. Student's interval then
    misses the truth above it six times as often as below. Hall's cubic transformation of the
    studentised ratio takes the skewness out; it is monotone, so the ends are its inverse.

    Parameters
    ----------
    top, below : array
        Terms, as of :func:`ips`.
    person : array
        Whose each term is.
    quantile : float
        Of Student's t, for half of what may be missed.

    Returns
    -------
    tuple of float
        Value, standard error, low, high.

    References
    ----------
    Hall P (1992). J R Stat Soc B 54:221-228.

    Examples
    --------
    >>> even = np.array([1.0, 3.0] * 50)
    >>> [round(x, 2) for x in interval(even, np.ones(100), np.arange(100), 1.98)]
    [2.0, 0.1, 1.8, 2.2]
    >>> skewed = np.array([0.0] * 95 + [20.0] * 5)
    >>> [round(x, 2) for x in interval(skewed, np.ones(100), np.arange(100), 1.98)]
    [1.0, 0.44, 0.32, 2.48]
    """
    value, se = ratio(top, below, person)
    if not se > 0:
        return value, se, value, value
    _, index = np.unique(person, return_inverse=True)
    left = np.bincount(index, weights=top) - value * np.bincount(index, weights=below)
    n = len(left)
    skew = float((left**3).mean() / (left**2).mean() ** 1.5) / math.sqrt(n)
    if abs(skew) < 1e-6:
        return value, se, value - quantile * se, value + quantile * se
    ends = [
        3 / skew * (float(np.cbrt(1 + skew * (sign * quantile - skew / 6))) - 1) for sign in (1, -1)
    ]
    return value, se, value - ends[0] * se, value - ends[1] * se


def guesses(content: Any, reward: Floats, fold: Any, n_content: int, n_folds: int) -> Floats:
    """Share followed of each content from the other folds, drawn towards that of all content.

    Returns
    -------
    array
        A row a fold, a column a content.
    """
    out = np.empty((n_folds, n_content))
    for f in range(n_folds):
        other = fold != f
        n = np.bincount(content[other], minlength=n_content).astype(float)
        won = np.bincount(content[other], weights=reward[other], minlength=n_content)
        whole = float(reward[other].mean()) if other.any() else 0.0
        out[f] = (won + 20.0 * whole) / (n + 20.0)
    return out
