"""The checks an analysis ends with: each a number against a threshold set beforehand."""

from __future__ import annotations

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
