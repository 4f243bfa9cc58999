"""How published numbers are rounded. Ties go to the even multiple, the same on every machine."""

from __future__ import annotations

import math


def to_base(value: float, base: int) -> int:
    """Round a count to a multiple of ``base``.

    Parameters
    ----------
    value : float
        Finite.
    base : int

    Returns
    -------
    int
        The nearest multiple; of two equally near ones the even one.

    Examples
    --------
    >>> to_base(13, 5), to_base(12, 5), to_base(4, 1)
    (15, 10, 4)
    """
    return int(base * round(value / base))


def to_base_or_not(value: float, base: int) -> float:
    """Round an estimated count to a multiple of ``base``; ``nan`` and infinities pass.

    Parameters
    ----------
    value : float
    base : int

    Returns
    -------
    float
        As :func:`to_base`, or ``value`` where it is not finite.

    Examples
    --------
    >>> to_base_or_not(13.0, 5), to_base_or_not(float("nan"), 5)
    (15.0, nan)
    """
    return value if not math.isfinite(value) else float(to_base(value, base))


def to_percent(share: float) -> float:
    """Round a share to whole percents; ``nan`` and infinities pass.

    Parameters
    ----------
    share : float
        Between 0 and 1.

    Returns
    -------
    float
        Still a share, with two decimals.

    Examples
    --------
    >>> to_percent(0.4267)
    0.43
    """
    return share if not math.isfinite(share) else round(share, 2)


def to_whole(value: float) -> float:
    """Round to a whole number; ``nan`` and infinities pass.

    Parameters
    ----------
    value : float

    Returns
    -------
    float
        Of two equally near numbers the even one.

    Examples
    --------
    >>> to_whole(12.7), to_whole(2.5), to_whole(float("inf"))
    (13.0, 2.0, inf)
    """
    return value if not math.isfinite(value) else float(round(value))


def to_digits(value: float, digits: int = 3) -> float:
    """Round to significant digits; ``nan`` and infinities pass.

    Parameters
    ----------
    value : float
    digits : int

    Returns
    -------
    float
        In the unit of ``value``.

    Examples
    --------
    >>> to_digits(12.3456), to_digits(0.00123456)
    (12.3, 0.00123)
    """
    if isinstance(value, bool) or not math.isfinite(value) or value == 0:
        return value
    return round(float(value), digits - 1 - math.floor(math.log10(abs(value))))
