"""Power of the usual tests as functions of persons and effect, and what solves them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

FEWEST: Final = 2.0
MOST: Final = 1e9
"""Beyond this many persons an arm nothing is planned."""


def quantile(alpha: float, sides: int) -> float:
    """z beyond which a test rejects."""
    return float(ndtri(1 - alpha / sides))


def pooled(p1: float, p2: float, n: float, ratio: float, z: float) -> float:
    """Power of the z test with the pooled variance under no difference, upper tail.

    Fleiss, Levin and Paik (2003, section 4.2), without the continuity correction; R's
    ``power.prop.test``.
    """
    middle = (p1 + ratio * p2) / (1 + ratio)
    none = math.sqrt(middle * (1 - middle) * (1 + 1 / ratio))
    some = math.sqrt(p1 * (1 - p1) + p2 * (1 - p2) / ratio)
    return float(ndtr((abs(p2 - p1) * math.sqrt(n) - z * none) / some)) if some else 1.0


def corrected(p1: float, p2: float, n: float, ratio: float, z: float) -> float:
    """Power as by :func:`pooled`, with the correction for continuity (Fleiss, formula 4.18).

    The correction makes n of m; here it is undone, to know the m that has the power.
    """
    c = (ratio + 1) / (ratio * abs(p2 - p1)) if p1 != p2 else math.inf
    if n <= c / 2:
        return 0.0
    return pooled(p1, p2, n - c + c**2 / (4 * n), ratio, z)


def unpooled(p1: float, p2: float, n: float, ratio: float, z: float) -> float:
    """Power of the z test with each arm's own variance, upper tail."""
    return shifted(p1, p1 + abs(p2 - p1), n, ratio, z, 0.0, p2 * (1 - p2))


def shifted(
    p1: float, p2: float, n: float, ratio: float, z: float, margin: float,
    variance: float | None = None,
) -> float:  # fmt: skip
    """Power to show that the second share is above the first less a margin."""
    own = p2 * (1 - p2) if variance is None else variance
    some = math.sqrt(p1 * (1 - p1) + own / ratio)
    return float(ndtr((p2 - p1 + margin) * math.sqrt(n) / some - z)) if some else 1.0


def arcsine(p1: float, p2: float, n: float, ratio: float, z: float, sides: int) -> float:
    """Power of the test on Cohen's h, all its tails; R's ``pwr.2p.test``, ``pwr.2p2n.test``."""
    h = 2 * math.asin(math.sqrt(p2)) - 2 * math.asin(math.sqrt(p1))
    shift = abs(h) * math.sqrt(n * ratio / (1 + ratio))
    return float(ndtr(shift - z) + (ndtr(-shift - z) if sides == 2 else 0.0))


def student(d: float, n: float, ratio: float, alpha: float, sides: int, used: int = 0) -> float:
    """Power of the two-sample t test, by the noncentral t distribution.

    Parameters
    ----------
    d : float
        Difference in standard deviations.
    n : float
        Persons in the control arm.
    used : int
        Degrees of freedom that covariates take.
    """
    freedom = n * (1 + ratio) - 2 - used
    shift = abs(d) * math.sqrt(n * ratio / (1 + ratio))
    if freedom > 1e6:
        z = quantile(alpha, sides)
        return float(ndtr(shift - z) + (ndtr(-shift - z) if sides == 2 else 0.0))
    t = float(stdtrit(freedom, 1 - alpha / sides))
    missed = float(nctdtr(freedom, shift, t))
    below = float(nctdtr(freedom, shift, -t)) if sides == 2 else 0.0
    # Far out the library gives nan where the chance is nought.
    missed, below = (0.0 if math.isnan(chance) else chance for chance in (missed, below))
    return 1.0 - missed + below


def persons_for(power_at: Callable[[float], float], power: float, fewest: float = FEWEST) -> float:
    """Return the persons at which a power is reached; infinite where it never is."""
    if power_at(fewest) >= power:
        return fewest
    high = fewest
    while power_at(high) < power:
        high *= 4
        if high > MOST:
            return math.inf
    return float(brentq(lambda n: power_at(n) - power, high / 4, high, xtol=1e-9, rtol=1e-12))


def effect_for(power_at: Callable[[float], float], power: float, largest: float) -> float:
    """Return the smallest effect at which a power is reached; nan where the largest has less."""
    if not power_at(largest) >= power:
        return math.nan
    return float(brentq(lambda d: power_at(d) - power, 0.0, largest, xtol=1e-13, rtol=1e-13))
