"""Delimited text into the engine, strictly: every column is text, nothing is guessed.

The engine reads a large file itself if it is without a fault; otherwise a line with another number
of columns is not repaired but counted. The whole file streams; no message quotes a line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.engine import identifier, literal, trimmed
from ldresearch.errors import DataError, message
from ldresearch.sources import _files, _plain
from ldresearch.sources._files import column_hint, first_undecodable, open_bytes, step

if TYPE_CHECKING:
    import duckdb

BROKEN = "a line has another number of columns than the header"
BY_ENGINE = 1 << 23
"""Bytes from which the engine reads a file itself; below nothing is gained."""
_LONGEST_LINE, _BUFFER = 1 << 24, 1 << 25
_UTF_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"),
             (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written down."""

    delimiter: str = ","
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ("",)
    quote: str | None = '"'


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file in the engine.

    Attributes
    ----------
    table : str
        Temporary view of the file's columns as text and ``_row``, counted from 1 below the header.
    columns : tuple of str
    n_broken : int
        Lines with another number of columns.
    broken_rows : tuple of int
        The first few of them, counted like ``_row``.
    rows : str
        The table behind the view; empty where ``table`` is a table itself.
    is_plain : bool
        Whether the whole file is known to be printable ASCII.
    """

    table: str
    columns: tuple[str, ...]
    n_broken: int
    broken_rows: tuple[int, ...]
    rows: str = ""
    is_plain: bool = False

    @property
    def stored(self) -> str:
        """The table that holds the rows."""
        return self.rows or self.table


def header(file: Path, dialect: Dialect) -> tuple[str, ...]:
    """Read the names of a file's columns.

    Raises
    ------
    DataError
        If the file is empty, a name is missing or stands twice, or the encoding is another.
    """
    known_encoding(dialect.encoding, file.name)
    with open_bytes(file) as stream:
        start = stream.read(1 << 16)
    text = _decoded(start, file, dialect)
    try:
        reader = csv.reader(
            io.StringIO(text), delimiter=dialect.delimiter,
            **({"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}),
        )  # fmt: skip
        line = next((row for row in reader if row), None)
    except (csv.Error, TypeError, ValueError):
        # Its own text is about Python; a lone carriage return in the first line is the usual cause.
        raise DataError(
            message("the first line cannot be read", where=file.name,
                    do="check its line ends, delimiter and quotes")
        ) from None  # fmt: skip
    if not line:
        raise DataError(message("the file is empty", where=file.name, do="export it again"))
    names = tuple(name.strip() for name in line)
    if not all(names):
        raise DataError(
            message("a column of the header has no name", where=file.name,
                    got=f"{len(names)} columns", do="name it, or check the delimiter")
        )  # fmt: skip
    twice = next((i for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        # Without a line of names these would be cells, so they are not quoted.
        raise DataError(
            message("a column stands twice in the header", where=file.name,
                    got=f"columns {names.index(names[twice]) + 1} and {twice + 1}",
                    do="rename one of them, or give the file a line of names")
        )  # fmt: skip
    return names


def known_encoding(encoding: str, where: str) -> None:
    """Raise ``DataError`` for an encoding nobody knows."""
    try:
        "a".encode(encoding)  # some codecs are of bytes and no encoding of text
    except (LookupError, ValueError):
        raise DataError(
            message("unknown encoding", where=where, got=encoding,
                    allowed="for example utf-8, latin-1, cp1252, utf-16")
        ) from None  # fmt: skip


def _decoded(start: bytes, file: Path, dialect: Dialect) -> str:
    for bom, encoding in _UTF_BOMS:
        if start.startswith(bom) and codecs.lookup(dialect.encoding).name != encoding:
            if encoding == "utf-8" and codecs.lookup(dialect.encoding).name == "utf-8-sig":
                break
            raise DataError(
                message("the file begins with the mark of another encoding", where=file.name,
                        got=encoding, allowed=dialect.encoding,
                        do=f'set the encoding to "{encoding}"')
            )  # fmt: skip
    try:
        text = codecs.getincrementaldecoder(dialect.encoding)().decode(start)
    except UnicodeError:
        raise _wrong_encoding(file, dialect.encoding) from None
    return text.removeprefix("\ufeff")


def _wrong_encoding(file: Path, encoding: str) -> DataError:
    at = first_undecodable(file, encoding)
    return DataError(
        message("a byte is not of this encoding", where=file.name,
                got=f"byte {at:,}" if at is not None else None, allowed=encoding,
                do='set the right encoding, for example "cp1252" for an export from Windows')
    )  # fmt: skip


def load(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    table: str,
    dialect: Dialect,
    keep: Sequence[str] | None = None,
    *,
    trim: bool = False,
) -> Loaded:
    """Load a delimited file into a temporary table of text.

    Parameters
    ----------
    connection : duckdb connection
    file : Path
    table : str
        Name of the view of it.
    dialect : Dialect
    keep : sequence of str, optional
        The columns wanted; everything else never enters the engine.
    trim : bool
        Whether spaces around a cell are no part of it, and one of nothing else is null.

    Raises
    ------
    DataError
        If the file cannot be read; one sentence without a cell of it.
    """
    names = header(file, dialect)
    wanted = list(names if keep is None else [n for n in names if n in set(keep)])
    step(f"reading {file.name}")
    return _by_engine(connection, file, table, dialect, names, wanted, trim) or _by_hand(
        connection, file, table, dialect, names, wanted, trim
    )


def _rows(table: str) -> str:
    return f"{table}_rows"


def _put(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[str],
    source: str,
    *,
    trim: bool,
    is_plain: bool = False,
) -> None:
    """Keep the rows of a source; the engine knows their places without a column of them."""
    rows, cells = identifier(_rows(table)), [identifier(n) for n in columns]
    if trim:
        cells = [f"{trimmed(cell, is_ascii=is_plain)} AS {cell}" for cell in cells]
    listed = ", ".join(cells)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {rows} AS SELECT {listed} FROM {source}")
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {identifier(table)} AS "
        f"SELECT *, rowid + 1 AS _row FROM {rows}"
    )


def drop(connection: duckdb.DuckDBPyConnection, loaded: Loaded) -> None:
    """Let go of a file that is no longer needed."""
    connection.execute(f"DROP VIEW {identifier(loaded.table)}")
    connection.execute(f"DROP TABLE {identifier(loaded.rows)}")


def _by_engine(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    table: str,
    dialect: Dialect,
    names: Sequence[str],
    wanted: Sequence[str],
    trim: bool,
) -> Loaded | None:
    """Let the engine read a file; nothing is returned where it could not.

    It is strict here: what has any fault (a line with another number of columns, a quotation mark
    out of place, mixed line ends, bytes that are no UTF-8) is refused as a whole and left to
    :func:`_by_hand`, which counts or names it.
    """
    import duckdb

    source = _files.by_name(file)
    is_utf8 = codecs.lookup(dialect.encoding).name in ("utf-8", "utf-8-sig")
    is_large = file.stat().st_size >= BY_ENGINE
    # Of one column an empty line would be a row; of none there is nothing to read.
    if not (source and is_utf8 and is_large and len(names) > 1 and wanted):
        return None
    if not _is_first_line(file, dialect, names):
        return None
    columns = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in names)
    quote = literal(dialect.quote or "")
    nulls = ", ".join(literal(n) for n in dialect.nulls)
    relation = (
        f"read_csv({source}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {literal(dialect.delimiter)}, quote = {quote}, escape = {quote}, "
        f"nullstr = [{nulls}], allow_quoted_nulls = true, strict_mode = true, "
        f"compression = 'none', max_line_size = {_LONGEST_LINE}, buffer_size = {_BUFFER})"
    )
    is_plain = _plain.of_lines(file)
    try:
        _put(connection, table, wanted, relation, trim=trim, is_plain=is_plain)
    except duckdb.Error:
        return None
    return Loaded(table, tuple(wanted), 0, (), _rows(table), is_plain)


def _is_first_line(file: Path, dialect: Dialect, names: Sequence[str]) -> bool:
    """Whether the names of the columns are the first line and nothing but it."""
    with open_bytes(file) as stream:
        line = stream.readline(1 << 16).removeprefix(codecs.BOM_UTF8).decode("utf-8")
    found = csv.reader(
        [line.rstrip("\r\n")], delimiter=dialect.delimiter,
        **({"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}),
    )  # fmt: skip
    return [name.strip() for name in next(found, [])] == list(names)


def _by_hand(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    table: str,
    dialect: Dialect,
    names: Sequence[str],
    wanted: Sequence[str],
    trim: bool,
) -> Loaded:
    """Stream a file in any encoding, plain or compressed, and count its broken lines."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    broken: list[int] = []
    n_lines = 0

    def skip(row: Any) -> str:
        # A quotation mark that is never closed swallows many lines: all of them are lost.
        nonlocal n_lines
        n_lines += 1 + str(row.text).rstrip("\r\n").count("\n")
        broken.append(int(row.number or 0))
        return "skip"

    stream: Any = None
    is_utf8 = codecs.lookup(dialect.encoding).name in ("utf-8", "utf-8-sig")
    try:
        with open_bytes(file) as stream:
            reader = pacsv.open_csv(
                pa.PythonFile(stream, mode="r"),
                read_options=pacsv.ReadOptions(
                    column_names=list(names), skip_rows_after_names=1, block_size=1 << 24,
                    encoding="utf8" if is_utf8 else dialect.encoding, use_threads=False,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=dialect.delimiter, quote_char=dialect.quote or False,
                    double_quote=bool(dialect.quote), newlines_in_values=bool(dialect.quote),
                    invalid_row_handler=skip,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=list(wanted),
                    null_values=list(dialect.nulls), strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )  # fmt: skip
            connection.register("_stream", reader)
            _put(connection, table, wanted, "_stream", trim=trim)
    except Exception as error:
        if _files.is_out_of_memory(error):
            raise
        raise _files.failure(stream) or _unreadable(error, file, dialect) from None
    finally:
        connection.unregister("_stream")
    first = tuple(n for n in broken[:20] if n)
    return Loaded(table, tuple(wanted), n_lines, first, _rows(table))


def _unreadable(error: Exception, file: Path, dialect: Dialect) -> DataError:
    """Say in one sentence why a file could not be read; the cause may quote a line, so it goes."""
    text = str(error)
    if "UTF8" in text or "codec can't decode" in text or isinstance(error, UnicodeDecodeError):
        return _wrong_encoding(file, dialect.encoding)
    if "Empty CSV" in text:
        return DataError(message("the file is empty", where=file.name, do="export it again"))
    if "straddling" in text or "out of sync" in text:
        return DataError(
            message("a quotation mark is opened and never closed", where=file.name,
                    do="export it again, or set quote in the mapping")
        )  # fmt: skip
    return DataError(
        message("the file cannot be read", where=file.name, got=type(error).__name__,
                do="check its delimiter, quotes and encoding")
    )  # fmt: skip


def need(loaded: Loaded, columns: Sequence[str], where: str) -> None:
    """Raise ``DataError`` unless a publisher's file has its columns."""
    for name in columns:
        if name not in loaded.columns:
            raise DataError(
                message("a column of the publisher is missing", where=where, got=name,
                        do=column_hint(name, loaded.columns))
            )  # fmt: skip


def broken_note(loaded: Mapping[str, Loaded]) -> dict[str, Any]:
    """Return the note on lines that could not be read, by file; empty when there are none."""
    found = {
        name: {"n_lines": part.n_broken, "first_rows": list(part.broken_rows)}
        for name, part in loaded.items()
        if part.n_broken
    }
    return {"broken_lines": found} if found else {}


__all__ = ["BROKEN", "Dialect", "Loaded", "broken_note", "drop", "header", "load", "need"]
