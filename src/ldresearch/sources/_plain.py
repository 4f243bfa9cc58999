"""Whether the texts of a file are printable ASCII, found out at once for all of them.

Such texts need no cleaning. One pass over the bytes costs a small part of what asking each value
does; a file with a single other character is asked value by value, as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 1 << 20
_ROWS_AT_ONCE = 1 << 16
_FIRST, _DELETE = 0x20, 0x7F
_LAYOUT = b"\n\r\t"


def of_lines(file: Path) -> bool:
    """Whether a file has printable ASCII, tabs and line ends only.

    A carriage return may stand within quotation marks, where it is none of a line's end, so a file
    with both is not called plain.

    Parameters
    ----------
    file : Path

    Returns
    -------
    bool

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "a.csv"
    >>> _ = file.write_bytes(b"who,what\\r\\nada,view\\r\\n")
    >>> of_lines(file)
    True
    """
    import numpy as np

    returns = quotes = False
    mask = np.empty(_AT_ONCE, bool)
    with file.open("rb") as stream:
        while chunk := stream.read(_AT_ONCE):
            codes = np.frombuffer(chunk, np.int8)
            is_one = mask[: len(codes)]
            # As signed numbers, what is beyond ASCII is below it.
            n_other = np.count_nonzero(np.less(codes, _FIRST, out=is_one))
            for layout in _LAYOUT:
                if n_other:
                    n_other -= np.count_nonzero(np.equal(codes, layout, out=is_one))
            if n_other or bytes([_DELETE]) in chunk:
                return False
            returns, quotes = returns or b"\r" in chunk, quotes or b'"' in chunk
    return not (returns and quotes)


def of_parquet(file: Path, columns: list[str]) -> bool:
    """Whether the texts in some columns of a Parquet file are printable ASCII.

    Parameters
    ----------
    file : Path
    columns : list of str
        Columns of text.

    Returns
    -------
    bool
        Also false where it cannot be told.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, pre_buffer=False) as source:
            coded = _coded(source.metadata, columns)
        # A value that is stored once is looked at once.
        with pq.ParquetFile(file, read_dictionary=coded, pre_buffer=False) as source:
            return all(
                batch.schema.names == columns and all(map(_is_plain, batch.columns))
                for batch in source.iter_batches(_ROWS_AT_ONCE, columns=columns)
            )
    except (OSError, KeyError, UnicodeDecodeError, pa.ArrowException):
        return False


def of_words(given: Any) -> bool:
    """Whether all texts within a value of TOML are printable ASCII.

    Examples
    --------
    >>> of_words({"words": {"ansehen": "view"}}), of_words(["Größe"])
    (True, False)
    """
    if isinstance(given, str):
        return given.isascii() and given.isprintable()
    parts: Iterable[Any] = ()
    if isinstance(given, Mapping):
        parts = (*given, *given.values())
    elif isinstance(given, list | tuple):
        parts = given
    return all(map(of_words, parts))


def _coded(metadata: Any, columns: list[str]) -> list[str]:
    """Name the columns that the file keeps as a dictionary of their values."""
    if not metadata.num_row_groups:
        return []
    first = metadata.row_group(0)
    parts = [first.column(i) for i in range(first.num_columns)]
    return [
        p.path_in_schema for p in parts
        if p.path_in_schema in columns and "RLE_DICTIONARY" in p.encodings
    ]  # fmt: skip


def _is_plain(values: pa.Array) -> bool:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        return _is_plain(values.dictionary)
    widths = {pa.string(): np.int32, pa.large_string(): np.int64}
    if values.type not in widths:
        return False
    _, ends, data = values.buffers()
    if ends is None or data is None or not len(values):
        return True
    at = np.frombuffer(ends, widths[values.type])
    first, last = int(at[values.offset]), int(at[values.offset + len(values)])
    return _is_printable(memoryview(data)[first:last])


def _is_printable(data: memoryview) -> bool:
    import numpy as np

    codes = np.frombuffer(data, np.int8)
    return not (len(codes) and (codes.min() < _FIRST or codes.max() == _DELETE))
