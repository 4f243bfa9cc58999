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
