"""What models are asked for, checked in one place: ranges, choices, and why a frame is empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ldresearch.errors import ParameterError, message


def between(value: float, where: str, low: float, high: float) -> None:
    """Raise ``ParameterError`` unless a number lies between two others; ``nan`` lies nowhere."""
    if not (isinstance(value, int | float) and low < value < high):
        raise ParameterError(
            message("out of range", where=where, got=value, allowed=f"between {low:g} and {high:g}")
        )


def among(value: Any, where: str, allowed: Sequence[Any]) -> None:
    """Raise ``ParameterError`` unless a value is one of those allowed."""
    if value not in allowed:
        raise ParameterError(
            message("no such choice", where=where, got=value, allowed=", ".join(map(str, allowed)))
        )


def why_empty(frame: pd.DataFrame, otherwise: str) -> str:
    """Say why a frame is empty: as the measure that made it said, else the usual reason."""
    return str(frame.attrs.get("missing") or otherwise)


def is_randomised(frame: pd.DataFrame) -> bool:
    """Whether every row says that chance decided; nobody's word is taken for a row that does not.

    Examples
    --------
    >>> is_randomised(pd.DataFrame({"is_randomised": [True, None]}))
    False
    """
    if "is_randomised" not in frame.columns or frame.empty:
        return False
    drawn = frame["is_randomised"]
    return bool(drawn.notna().all() and drawn.astype(bool).all())
