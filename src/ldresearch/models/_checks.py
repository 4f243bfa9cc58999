"""The checks an analysis ends with: each a number against a threshold set beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ldresearch.result import Result
from ldresearch.vocabulary import Family, Role

Row = tuple[str, str, float, float]
"""Check, status (``passed``, ``not passed``, ``not known``), value, threshold."""


def trust(rows: Sequence[Row]) -> Result:
    """Put checks into the result ``trust``.

    Parameters
    ----------
    rows : sequence of (check, status, value, threshold)

    Returns
    -------
    Result
        One row a check, in the order given.
    """
    return Result(
        "trust", Family.CHECKS,
        pd.DataFrame(list(rows), columns=["check", "status", "value", "threshold"]),
        {"check": Role.KEY, "status": Role.KEY, "value": Role.VALUE, "threshold": Role.VALUE},
        method="Each number against a threshold set beforehand.",
    )  # fmt: skip


def at_most(check: str, value: float, threshold: float) -> Row:
    """Hold a number to a threshold it must not exceed; NaN is not known.

    Examples
    --------
    >>> at_most("late_data", 6.04, 5.0)
    ('late_data', 'not passed', 6.04, 5.0)
    """
    return _row(check, value, threshold, value <= threshold)


def at_least(check: str, value: float, threshold: float) -> Row:
    """Hold a number to a threshold it has to reach; NaN is not known.

    Examples
    --------
    >>> at_least("stability", math.nan, 0.8)
    ('stability', 'not known', nan, 0.8)
    """
    return _row(check, value, threshold, value >= threshold)


def _row(check: str, value: float, threshold: float, passed: bool) -> Row:
    status = "not known" if math.isnan(value) else "passed" if passed else "not passed"
    return check, status, round(value, _digits(threshold)), threshold


def _digits(threshold: float) -> int:
    """Decimals at which a value can be told from its threshold, and no more."""
    return max(1, 2 - math.floor(math.log10(threshold))) if 0 < threshold < math.inf else 2
