"""How published numbers are rounded. Ties go to the even multiple, the same on every machine."""

from __future__ import annotations

import math


def to_base(value: float, base: int) -> int:
    """Round a count to a multiple of ``base``.

    Examples
    --------
    >>> to_base(13, 5), to_base(12, 5), to_base(4, 1)
    (15, 10, 4)
    """
    return int(base * round(value / base))


def to_base_or_not(value: float, base: int) -> float:
    """Round an estimated count to a multiple of ``base``; ``nan`` and infinities pass."""
    return value if not math.isfinite(value) else float(to_base(value, base))


def to_percent(share: float) -> float:
    """Round a share to whole percents; ``nan`` and infinities pass.

    Examples
    --------
    >>> to_percent(0.4267)
    0.43
    """
    return share if not math.isfinite(share) else round(share, 2)


def to_whole(value: float) -> float:
    """Round to a whole number; ``nan`` and infinities pass."""
    return value if not math.isfinite(value) else float(round(value))


def to_digits(value: float, digits: int = 3) -> float:
    """Round to significant digits; ``nan`` and infinities pass.

    Examples
    --------
    >>> to_digits(12.3456), to_digits(0.00123456)
    (12.3, 0.00123)
    """
    if isinstance(value, bool) or not math.isfinite(value) or value == 0:
        return value
    return round(float(value), digits - 1 - math.floor(math.log10(abs(value))))
