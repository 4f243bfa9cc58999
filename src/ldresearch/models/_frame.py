"""One checker for the plain frames that models take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldresearch.errors import DataError, message

Floats = NDArray[Any]
Bools = NDArray[np.bool_]

UNKNOWN = "Unknown"
"""The level that missing groups form; they are never dropped in silence."""


def require(frame: pd.DataFrame, columns: Iterable[str], caller: str) -> None:
    """Raise ``DataError`` unless the frame has the columns."""
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise DataError(
            message("columns are missing", where=caller, got=sorted(map(str, frame.columns))[:12],
                    allowed=", ".join(columns), do="rename the frame's columns")
        )  # fmt: skip


def numbers(frame: pd.DataFrame, column: str, caller: str, *, low: float | None = None) -> Floats:
    """Return a column as finite floats, none below ``low``.

    Raises
    ------
    DataError
        For time deltas (a unit would be guessed), text, missing or infinite values.
    """
    values = frame[column]
    if pd.api.types.is_timedelta64_dtype(values):
        raise DataError(
            message("time differences have no agreed unit", where=f"{caller}: {column}",
                    allowed="days as numbers", do="divide by one day")
        )  # fmt: skip
    try:
        out = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise DataError(
            message("not numbers", where=f"{caller}: {column}", got=str(values.dtype))
        ) from None
    bad = int((~np.isfinite(out)).sum())
    if bad:
        raise DataError(
            message(f"{bad:,} values are missing or infinite", where=f"{caller}: {column}",
                    do="drop or fill them first, and count them")
        )  # fmt: skip
    if low is not None and len(out) and out.min() < low:
        raise DataError(
            message(f"{int((out < low).sum()):,} values are below {low:g}",
                    where=f"{caller}: {column}", do="mend the dates they come from")
        )  # fmt: skip
    return out


def truth(frame: pd.DataFrame, column: str, caller: str) -> Bools:
    """Return an event column as booleans; 0/1, 1/2 and -1 codes are refused.

    A status coded 1/2 read as 0/1 counts the censored as events, without a trace.
    """
    values = frame[column]
    if not pd.api.types.is_bool_dtype(values):
        raise DataError(
            message("an event is true or false", where=f"{caller}: {column}",
                    got=str(values.dtype), allowed="bool",
                    do='write it as a comparison, for example frame["status"] == 2')
        )  # fmt: skip
    if values.isna().any():
        raise DataError(message("some events are unknown", where=f"{caller}: {column}"))
    return values.to_numpy(dtype=bool)


def groups(frame: pd.DataFrame, by: str | None, caller: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return the group of each row as an index into sorted names; missing forms ``Unknown``."""
    if not by:
        return np.zeros(len(frame), dtype=np.intp), [""]
    require(frame, [by], caller)
    labels = frame[by].astype(object)
    labels = labels.where(labels.notna(), UNKNOWN).map(str)
    names = sorted(set(labels))
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[v] for v in labels], dtype=np.intp), names


def weights(frame: pd.DataFrame, caller: str) -> Floats:
    """Return the ``weight`` column (counts of identical rows), or ones."""
    if "weight" not in frame.columns:
        return np.ones(len(frame))
    return numbers(frame, "weight", caller, low=0)


def persons(frame: pd.DataFrame, rows: Any = None) -> int:
    """Count distinct persons behind rows: by ``person_key`` where there is one, else weights."""
    part = frame if rows is None else frame[rows]
    if "person_key" in frame.columns:
        return int(part["person_key"].nunique())
    return int(part["weight"].sum()) if "weight" in frame.columns else len(part)
