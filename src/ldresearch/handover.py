"""Columns handed to the engine without pandas, which ``pyarrow.array`` loads to look for a frame.

Taking data in needs nothing else of pandas, and loading it takes longer than many an export does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


_MOST = 2**31 - 1
"""Bytes that a column of texts has, unless it is a large one."""


def texts(values: Sequence[str | None]) -> pa.Array:
    """Return texts as a column of Arrow.

    Parameters
    ----------
    values : sequence of (str or None)
        Nothing that UTF-8 has no place for.

    Returns
    -------
    pyarrow.StringArray or pyarrow.LargeStringArray
        Large beyond two gigabytes.

    Examples
    --------
    >>> texts(["ä", None, ""]).to_pylist()
    ['ä', None, '']
    """
    import numpy as np
    import pyarrow as pa

    spelled = [b"" if value is None else value.encode() for value in values]
    ends = np.zeros(len(spelled) + 1, np.int64)
    np.cumsum([len(one) for one in spelled], out=ends[1:])
    is_large = ends[-1] > _MOST
    kind = pa.LargeStringArray if is_large else pa.StringArray
    is_there = np.array([value is not None for value in values], bool)
    there = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    ends_at = pa.py_buffer(ends if is_large else ends.astype(np.int32))
    return kind.from_buffers(len(spelled), ends_at, pa.py_buffer(b"".join(spelled)), there)


def numbers(values: np.ndarray) -> pa.Array:
    """Return whole numbers, none missing, as a column of Arrow.

    Parameters
    ----------
    values : numpy.ndarray of int32 or int64

    Returns
    -------
    pyarrow.Array

    Examples
    --------
    >>> import numpy as np
    >>> numbers(np.arange(3)).to_pylist()
    [0, 1, 2]
    """
    import numpy as np
    import pyarrow as pa

    kind = {np.dtype(np.int32): pa.int32(), np.dtype(np.int64): pa.int64()}[values.dtype]
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
