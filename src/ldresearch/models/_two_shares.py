"""The difference of two shares with its 95 % interval, of one table or of several strata."""

from __future__ import annotations

import math

from ldresearch.models import rates
from ldresearch.models._frame import Floats


def newcombe(a: float, n: float, b: float, m: float) -> tuple[float, float]:
    """Return the 95 % interval of ``a/n - b/m`` (Newcombe's hybrid score, his method 10).

    References
    ----------
    Newcombe RG (1998). Stat Med 17:873-890.

    Examples
    --------
    >>> [round(end, 4) for end in newcombe(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    (la, lb), (ua, ub) = rates.wilson([a, b], [n, m])
    p, q = a / n, b / m
    return p - q - math.hypot(p - la, ub - q), p - q + math.hypot(ua - p, q - lb)


def stratified(a: Floats, n: Floats, b: Floats, m: Floats) -> tuple[float, float, float]:
    """Return the Mantel-Haenszel difference of shares, within strata, and its 95 % interval.

    ``a`` of ``n`` on one side and ``b`` of ``m`` on the other, an entry a stratum, neither
    side of it empty. One stratum, or shares of nought or one throughout, where Sato's variance is
    nought, have Newcombe's interval.

    References
    ----------
    Sato T (1989). Biometrics 45:1323-1324. Greenland S, Robins JM (1985). Biometrics 41:55-68.

    Examples
    --------
    Deaths under tolbutamide and placebo, of the younger and the older.

    >>> import numpy as np
    >>> a, n, b, m = (np.array(x, dtype=float) for x in ([8, 22], [106, 98], [5, 16], [120, 85]))
    >>> [round(x, 4) for x in stratified(a, n, b, m)]
    [0.0349, -0.0276, 0.0974]
    """
    both = n + m
    weight = n * m / both
    value = float(((a * m - b * n) / both).sum() / weight.sum())
    p = (b * n**2 - a * m**2 + n * m * (m - n) / 2) / both**2
    q = (a * (m - b) + b * (n - a)) / (2 * both)
    variance = float((value * p + q).sum() / weight.sum() ** 2)
    # What is nought by algebra is not always so in floating point.
    if len(n) == 1 or variance < 1e-12:
        return value, *newcombe(*(float(x.sum()) for x in (a, n, b, m)))
    half = rates.Z95 * math.sqrt(variance)
    return value, value - half, value + half
