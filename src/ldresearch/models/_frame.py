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


def two_largest(values: pd.Series | Floats) -> tuple[float, float]:
    """Return the two largest of what persons have in a sum, a value a person; missing ones have 0.

    Examples
    --------
    >>> two_largest(pd.Series([3.0, 9.0, np.nan, 5.0]))
    (9.0, 5.0)
    """
    ordered = np.sort(np.nan_to_num(np.asarray(values, dtype=float)))[::-1]
    first, second = [*ordered[:2], 0.0, 0.0][:2]
    return float(first), float(second)


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
    codes, labels = labelled(frame[by])
    names = sorted(set(labels[np.unique(codes)]))
    place = np.searchsorted(names, labels)
    return place[codes].astype(np.intp), names


def labelled(column: pd.Series) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return each row's text as an index into texts; missing is ``Unknown``, the last of them.

    Each distinct value is turned into text once, not each row.
    """
    codes, values = pd.factorize(column)
    texts = [str(value) for value in pd.Index(values).astype(object)]
    return np.where(codes < 0, len(texts), codes), np.array([*texts, UNKNOWN], dtype=object)


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


def persons_by(frame: pd.DataFrame, which: NDArray[np.intp], size: int) -> list[int]:
    """Count distinct persons behind the rows of each group, as :func:`persons` does."""
    if size == 1:
        return [persons(frame)]
    if "person_key" in frame.columns:
        counts = frame["person_key"].groupby(which).nunique().reindex(range(size), fill_value=0)
        return [int(n) for n in counts]
    weight = frame["weight"].to_numpy(dtype=float) if "weight" in frame.columns else None
    return [int(n) for n in np.bincount(which, weights=weight, minlength=size)]


def folded(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Make rows that are alike in some columns one row, with their number as its ``weight``.

    Returned as it is: a frame with missing or infinite numbers, which its reader refuses, and one
    where hardly any two rows are alike.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its ``weight``, if any, is added up.
    columns : iterable of str
        Columns that are kept.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 1, 1], "b": ["x", "y", "x", "x"]})
    >>> folded(frame, ["a", "b"]).to_dict("list")
    {'a': [1, 2], 'b': ['x', 'y'], 'weight': [3.0, 1.0]}
    """
    columns = list(dict.fromkeys(columns))
    if len(frame) < 2 or any(c not in frame.columns for c in columns):
        return frame
    key = np.zeros(len(frame), dtype=np.int64)
    parts: list[tuple[int, Any]] = []
    cells = 1
    for column in columns:
        coded = _coded(frame[column])
        if coded is None:
            return frame
        codes, values = coded
        cells *= len(values)
        if cells > 2**62:
            return frame
        key *= len(values)
        key += codes
        parts.append((len(values), values))
    weight = numbers(frame, "weight", "weights", low=0) if "weight" in frame.columns else None
    if cells <= max(4 * len(frame), 2**16):
        # Few enough possible rows: counting beats hashing.
        rows = np.bincount(key, minlength=cells)
        there = np.flatnonzero(rows)
        total = rows if weight is None else np.bincount(key, weights=weight, minlength=cells)
        total = total[there]
    else:
        found, there = pd.factorize(key)
        total = np.bincount(found, weights=weight, minlength=len(there))
    if 2 * len(there) > len(frame):
        return frame
    out: dict[str, Any] = {}
    for column, (size, values) in zip(reversed(columns), reversed(parts), strict=True):
        there, code = np.divmod(there, size)
        out[column] = values.take(code)
    kept = pd.DataFrame({column: out[column] for column in columns})
    return kept.assign(weight=np.asarray(total, dtype=float))


def _coded(column: pd.Series) -> tuple[NDArray[Any], Any] | None:
    """Return codes and the values they stand for; ``None`` where that cannot or need not be."""
    if pd.api.types.is_bool_dtype(column) and not column.isna().any():
        return column.to_numpy(dtype=bool).astype(np.int64), np.array([False, True])
    if not pd.api.types.is_numeric_dtype(column):
        return pd.factorize(column, use_na_sentinel=False)
    values = column.to_numpy(dtype=float, na_value=np.nan)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    sample = values[:: max(len(values) // 10_000, 1)]
    if len(sample) >= 1_000 and len(np.unique(sample)) > 0.9 * len(sample):
        return None
    whole = (values - low).astype(np.int64) if high - low < 1e6 else None
    codes: Any
    distinct: Any
    if whole is not None and np.array_equal(whole + low, values):
        codes, distinct = whole, low + np.arange(int(high - low) + 1)
    else:
        codes, distinct = pd.factorize(values)
    kind = column.dtype if isinstance(column.dtype, np.dtype) else distinct.dtype
    return codes, distinct.astype(kind)
