"""The ratio of two shares with its interval, of one table or of several strata."""

from __future__ import annotations

import math

import numpy as np

from ldresearch.models._frame import Floats

Z95 = 1.959963984540054
_ROUNDS = 200
_FAR = 60.0  # of a log ratio: beyond this there is no end


def score(a: float, n: float, b: float, m: float, *, z: float = Z95) -> tuple[float, float]:
    """Return the score interval of ``(a/n) / (b/m)``.

    It holds with few people and with a count of nought, where the interval on the log scale (Katz)
    does not exist: the lower end is then 0, the upper end infinite.

    References
    ----------
    Koopman PAR (1984). Biometrics 40:513-517. Miettinen O, Nurminen M (1985). Stat Med 4:213-226.

    Examples
    --------
    Koopman's own example: 36 of 40 against 16 of 80.

    >>> [round(end, 2) for end in score(36, 40, 16, 80)]
    [2.94, 7.15]
    """
    if n <= 0 or m <= 0 or a + b == 0:
        return 0.0, math.inf
    low, high = 0.0, math.inf
    middle = math.log(max(a, 0.5) / n) - math.log(max(b, 0.5) / m)
    if a > 0:
        low = math.exp(_end(a, n, b, m, z, middle, -1.0))
    if b > 0:
        high = math.exp(_end(a, n, b, m, z, middle, 1.0))
    return low, high


def _end(a: float, n: float, b: float, m: float, z: float, middle: float, sign: float) -> float:
    """Find the log ratio beyond the middle at which the statistic reaches z squared."""
    near, far = middle, middle + sign * _FAR
    for _ in range(_ROUNDS):
        half = (near + far) / 2
        if _statistic(a, n, b, m, math.exp(half)) < z * z:
            near = half
        else:
            far = half
        if abs(far - near) < 1e-12:
            break
    return (near + far) / 2


def _statistic(a: float, n: float, b: float, m: float, ratio: float) -> float:
    """Squared distance from a ratio, with the shares that fit it best."""
    up = (n + m) * ratio
    across = -(n * ratio + a + m + b * ratio)
    q = (-across - math.sqrt(max(across**2 - 4 * up * (a + b), 0.0))) / (2 * up)
    q = min(max(q, 0.0), 1.0)
    p = min(ratio * q, 1.0)
    variance = p * (1 - p) / n + ratio**2 * q * (1 - q) / m
    apart = a / n - ratio * b / m
    if variance <= 0:
        return 0.0 if apart == 0 else math.inf
    return apart**2 / variance


def stratified(a: Floats, n: Floats, b: Floats, m: Floats, *, z: float = Z95) -> tuple[
    float, float, float
]:  # fmt: skip
    """Return the Mantel-Haenszel ratio of shares within strata, and its interval.

    ``a`` of ``n`` on one side and ``b`` of ``m`` on the other, an entry a stratum. Strata with an
    empty side tell nothing. ``nan`` where a side has no one chosen in any stratum.

    References
    ----------
    Greenland S, Robins JM (1985). Biometrics 41:55-68.

    Examples
    --------
    >>> import numpy as np
    >>> a, n, b, m = (np.array(x, dtype=float) for x in ([8, 22], [106, 98], [5, 16], [120, 85]))
    >>> [round(x, 3) for x in stratified(a, n, b, m)]
    [1.326, 0.798, 2.202]
    """
    both = n + m
    used = (n > 0) & (m > 0)
    a, n, b, m, both = (np.asarray(x, dtype=float)[used] for x in (a, n, b, m, both))
    top, bottom = float((a * m / both).sum()), float((b * n / both).sum())
    if top <= 0 or bottom <= 0:
        return math.nan, math.nan, math.nan
    ratio = top / bottom
    variance = float(((n * m * (a + b) - a * b * both) / both**2).sum()) / (top * bottom)
    half = z * math.sqrt(max(variance, 0.0))
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)
