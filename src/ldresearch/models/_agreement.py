"""How far two or more who rated the same agree: intraclass correlations and weighted kappa."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ldresearch.models._frame import Floats

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Agreement:
    """An index and its 95 % interval."""

    value: float
    low: float
    high: float


def intraclass(table: Floats) -> dict[str, Agreement]:
    """Return the six intraclass correlations of things rated by the same raters, with F intervals.

    Parameters
    ----------
    table : array
        Things by raters, complete.

    Returns
    -------
    dict
        ``1,1``, ``2,1``, ``3,1`` of one rater, ``1,k``, ``2,k``, ``3,k`` of the mean of all. In
        1 each thing has raters of its own, in 2 the raters are drawn from many and their severity
        counts, in 3 they are all there are and it does not.

    References
    ----------
    Shrout PE, Fleiss JL (1979). Psychological Bulletin 86:420-428.
    McGraw KO, Wong SP (1996). Psychological Methods 1:30-46.
    """
    from scipy.stats import f

    n, k = table.shape
    mean = table.mean()
    between = k * ((table.mean(axis=1) - mean) ** 2).sum() / (n - 1)
    raters = n * ((table.mean(axis=0) - mean) ** 2).sum() / (k - 1)
    within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum() / (n * (k - 1))
    error = (within * n * (k - 1) - raters * (k - 1)) / ((n - 1) * (k - 1))

    def simple(noise: float, df: int) -> tuple[Agreement, Agreement]:
        ratio = between / noise
        low, high = ratio / f.ppf(0.975, n - 1, df), ratio * f.ppf(0.975, df, n - 1)
        one = Agreement(*((r - 1) / (r + k - 1) for r in (ratio, low, high)))
        return one, Agreement(*(1 - 1 / r for r in (ratio, low, high)))

    one, one_k = simple(within, n * (k - 1))
    three, three_k = simple(error, (n - 1) * (k - 1))
    two = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    ratio, rest = raters / error, n * (1 + (k - 1) * two) - k * two
    df = (k - 1) * (n - 1) * (k * two * ratio + rest) ** 2
    df /= (n - 1) * k**2 * two**2 * ratio**2 + rest**2
    first, last = f.ppf(0.975, n - 1, df), f.ppf(0.975, df, n - 1)
    spread = k * raters + (k * n - k - n) * error
    low = n * (between - first * error) / (first * spread + n * between)
    high = n * (last * between - error) / (spread + n * last * between)
    return {
        "1,1": one, "2,1": Agreement(two, low, high), "3,1": three, "1,k": one_k,
        "2,k": Agreement(*(k * r / (1 + (k - 1) * r) for r in (two, low, high))), "3,k": three_k,
    }  # fmt: skip


def pairs(x: Floats, y: Floats, person: Floats) -> dict[str, Agreement]:
    """Return how far two sources agree where things of one person go together.

    Parameters
    ----------
    x, y : array
        Ratings of the same things by two sources.
    person : array
        Index of whose things they are.

    Returns
    -------
    dict
        ``same``: ICC(2,1), whether they give the same number; ``order``: ICC(3,1), whether they
        agree when one is moved to the other's mean; ``kappa``: Cohen's, with quadratic weights.
        Intervals by the spread between persons, on Fisher's z.

    References
    ----------
    Shrout PE, Fleiss JL (1979). Psychological Bulletin 86:420-428.
    Fleiss JL, Cohen J (1973). Educational and Psychological Measurement 33:613-619.
    """
    n = len(x)
    moments = np.stack([np.ones(n), x, y, x * x, y * y, x * y])
    _, index = np.unique(person, return_inverse=True)
    by_person = np.stack([np.bincount(index, row) for row in moments], axis=1)
    total, persons = by_person.sum(axis=0), len(by_person)
    here = _from_moments(total)
    # Leave out one person at a time: sums less hers, so nothing is resampled.
    apart = _from_moments((total - by_person).T)
    out = {}
    for name, value in here.items():
        z, each = math.atanh(_inside(float(value))), np.arctanh(_inside(apart[name]))
        half = _Z95 * math.sqrt(float(((each - each.mean()) ** 2).sum()) * (persons - 1) / persons)
        out[name] = Agreement(float(value), math.tanh(z - half), math.tanh(z + half))
    return out


def _inside(value: Floats | float) -> Floats:
    return np.asarray(np.clip(value, -0.999999, 0.999999))


def _from_moments(sums: Floats) -> dict[str, Floats]:
    n, x, y, xx, yy, xy = sums
    apart = (x - y) / n
    spread = (xx - x * x / n + yy - y * y / n) / (n - 1)
    shared = 2 * (xy - x * y / n) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "same": shared / (spread + apart**2 - (spread - shared) / n),
            "order": shared / spread,
            "kappa": shared / (spread + apart**2 * n / (n - 1)),
        }
    return {name: np.nan_to_num(np.asarray(value)) for name, value in found.items()}
