"""Sums over the contents of a stored table: the same values give the same sum.

What is summed are the values, column by column and in the order the table is stored in, not the
bytes of the file: compression, page sizes and versions of the engine change nothing.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import schema

if TYPE_CHECKING:
    import pyarrow as pa

MARK = "2:"
"""Begins a sum; one without was made row by row, by an earlier version."""

_ROWS_AT_ONCE = 1 << 16


def of(table: schema.Table, file: Path) -> tuple[int, str]:
    """Count the rows of a table's Parquet file and sum them up.

    Parameters
    ----------
    table : schema.Table
    file : Path

    Returns
    -------
    int
        Rows.
    str
        ``MARK`` and 64 hexadecimal digits.

    Raises
    ------
    KeyError
        If a column of the table is missing.
    ValueError
        If it is of a kind that no table is written with.
    OSError, pyarrow.ArrowException
        If the file cannot be read.

    Examples
    --------
    >>> import duckdb
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "identity.parquet"
    >>> _ = duckdb.execute(f"COPY (SELECT 1 AS person_key, 'ab' AS person_id) TO '{file}'")
    >>> n, told = of(schema.IDENTITY, file)
    >>> n, told[:2], len(told)
    (1, '2:', 66)
    """
    # One pass a column: no more than two are held at a time, however wide the table is.
    with ThreadPoolExecutor(max_workers=2) as pool:
        summed = list(pool.map(partial(_sum, file), table.names))
    n_rows = summed[0][0]
    whole = hashlib.sha256(f"{table.name} {n_rows}".encode())
    for described, (_, digest) in zip(table.columns, summed, strict=True):
        whole.update(f" {described.name} {described.type.value} ".encode() + digest)
    return n_rows, MARK + whole.hexdigest()


def _sum(file: Path, name: str) -> tuple[int, bytes]:
    """Count the rows of a file and sum up one of its columns."""
    import pyarrow.parquet as pq

    column, n_rows = _Column(), 0
    # The whole file's compressed pages would be held otherwise.
    with pq.ParquetFile(file, pre_buffer=False) as source:
        if name not in source.schema_arrow.names:
            raise KeyError(name)
        for batch in source.iter_batches(_ROWS_AT_ONCE, columns=[name], use_threads=False):
            n_rows += batch.num_rows
            column.add(batch.column(name))
    return n_rows, column.digest()


class _Column:
    """Sum of one column: which values are there, how long they are, what they are.

    The three are summed apart, so that it does not matter where one batch ends.
    """

    def __init__(self) -> None:
        self.there, self.lengths, self.values = (hashlib.sha256() for _ in range(3))
        self.inner: _Column | None = None

    def add(self, values: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        # A byte each: bits would not join where a batch ends.
        self.there.update(_bits(values.buffers()[0], values))
        values = values.drop_null()
        kind = values.type
        if pa.types.is_list(kind):
            self.lengths.update(pc.list_value_length(values).to_numpy())
            self.inner = self.inner or _Column()
            self.inner.add(values.flatten())
        elif pa.types.is_string(kind):
            ends = _ends(values)
            self.lengths.update(np.diff(ends))
            self.values.update(_bytes(values, int(ends[0]), int(ends[-1])))
        elif pa.types.is_boolean(kind):
            self.values.update(_bits(values.buffers()[1], values))
        else:
            width = kind.bit_width // 8
            start = values.offset * width
            self.values.update(_bytes(values, start, start + len(values) * width))

    def digest(self) -> bytes:
        parts = b"".join(part.digest() for part in (self.there, self.lengths, self.values))
        return parts + (self.inner.digest() if self.inner else b"")


def _bits(buffer: pa.Buffer | None, values: pa.Array) -> Any:
    """Return a bit of each value as a byte; without a buffer each is set."""
    import numpy as np

    # Arrow's own way to an array of them loads pandas.
    if buffer is None:
        return np.ones(len(values), np.uint8)
    begin, end = values.offset, values.offset + len(values)
    first = begin // 8
    held = np.frombuffer(buffer, np.uint8)[first : (end + 7) // 8]
    bits = np.unpackbits(held, bitorder="little")
    return np.ascontiguousarray(bits[begin - 8 * first : end - 8 * first])


def _ends(values: pa.Array) -> Any:
    """Return where each text of an array begins, and where the last ends."""
    import numpy as np

    buffer = values.buffers()[1]
    if buffer is None or not len(values):
        return np.zeros(1, np.int32)
    return np.frombuffer(buffer, np.int32)[values.offset : values.offset + len(values) + 1]


def _bytes(values: pa.Array, start: int, end: int) -> memoryview:
    buffer = values.buffers()[-1]
    return memoryview(buffer)[start:end] if buffer is not None else memoryview(b"")
