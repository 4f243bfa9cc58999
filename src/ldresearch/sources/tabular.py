"""CSV, TSV, Parquet and JSON records by a mapping that a person wrote: nothing is guessed.

The mapping is TOML (``docs/sources.md`` shows one): which file feeds which canonical table, which
column is which, in what format. :func:`sketch` writes one to edit.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import clock, instants, schema
from ldresearch.engine import identifier, literal, trimmed
from ldresearch.errors import ParameterError, did_you_mean, from_toml, message
from ldresearch.ingest import DERIVED, FILLED, PERSON_ID, Reading
from ldresearch.sources import _csv, _files, _plain, _records
from ldresearch.sources._sketch import sketch

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "mapping": "the mapping, a TOML file (default: <file>.toml beside a file, mapping.toml in a "
    "folder)",
}

_READ = frozenset(
    {"delimiter", "encoding", "quote", "nulls", "time_zone", "ambiguous", "decimal"}
)  # fmt: skip
_FEED = _READ | {
    "file", "table", "columns", "skip_without", "skip_with", "only", "never", "records", "each"
}  # fmt: skip
_SPEC: Mapping[schema.Type, frozenset[str]] = {
    schema.Type.TEXT: frozenset({"words", "others", "columns", "separator"}),
    schema.Type.INT: frozenset({"unit", "decimal"}),
    schema.Type.BIGINT: frozenset({"unit", "decimal"}),
    schema.Type.REAL: frozenset({"decimal", "minimum", "maximum", "unit"}),
    schema.Type.MONEY: frozenset({"decimal"}),
    schema.Type.BOOL: frozenset({"true", "false"}),
    schema.Type.AT: frozenset({"format", "time_zone", "ambiguous"}),
    schema.Type.ON: frozenset({"format"}),
    schema.Type.TEXTS: frozenset({"separator", "columns"}),
}
_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
_CLOCKS = ("iso8601", "h:m:s", "m:s")
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1000, "epoch_us": 1}
_ODATA = r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$"
"""OData version 2 writes milliseconds; the offset behind them is only for showing."""
_VALUES = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
     "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DATE", "TIME", "UUID"}
)  # fmt: skip
_NO_OFFSET = "NULL::INTEGER"
_AMBIGUOUS = ("reject", "first", "second")
MAX_WORDS = 30
"""More unknown words than this are not listed: the column may not be one of words at all."""

__all__ = ["OPTIONS", "read", "sketch"]


@dataclass(frozen=True, slots=True)
class _Expression:
    """How one canonical column comes about: what is staged, its value, and what may be wrong."""

    value: str
    trouble: str = "NULL"
    stage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Feed:
    """One entry of the mapping."""

    where: str
    table: schema.Table
    file: str
    columns: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    skip_without: tuple[str, ...]
    skip_with: tuple[str, ...]
    only: Mapping[str, tuple[str, ...]]
    never: Mapping[str, tuple[str, ...]]
    shape: _records.Shape

    @property
    def dialect(self) -> _csv.Dialect:
        return _csv.Dialect(
            delimiter=self.settings["delimiter"],
            encoding=self.settings["encoding"],
            nulls=tuple(self.settings["nulls"]),
            quote=self.settings["quote"] or None,
        )

    @property
    def needed(self) -> set[str]:
        """Source columns this feed reads."""
        found = {*self.skip_without, *self.skip_with, *self.only, *self.never}
        for spec in self.columns.values():
            found |= {*spec.get("columns", ()), *spec.get("first_of", ())}
            found |= {spec["column"]} if "column" in spec else set()
        return found


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read a file, or the files of a folder, by a mapping.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        A ``.csv``, ``.tsv``, ``.txt`` (plain or ``.gz``) or ``.parquet`` file, or a folder of them.
    options : mapping
        See ``OPTIONS``.

    Returns
    -------
    Reading
        The tables that the mapping fills, with raw person ids.

    Raises
    ------
    ParameterError
        For a mapping that is wrong: one sentence with the name that was probably meant.
    """
    mapping = _mapping_file(path, options)
    reading = mapped(connection, path, _raw_mapping(mapping), mapping.name)
    return replace(reading, files=(*reading.files, _files.described(mapping, "tabular mapping")))


def mapped(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    mapping: Mapping[str, Any],
    where: str,
    kind: str = "tabular",
) -> Reading:
    """Read a file, or the files of a folder, by a mapping that is already read.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        As for :func:`read`.
    mapping : mapping
        The content of a mapping's TOML.
    where : str
        What messages call the mapping.
    kind : str
        What the manifest calls the files.

    Returns
    -------
    Reading
        The tables that the mapping fills, with raw person ids.
    """
    feeds = _completed(_parse(mapping, where))
    files, is_only = _found(path)
    used = dict.fromkeys(f for feed in feeds for f in files if _matches(f, feed, is_only))
    with _files.describing(list(used), kind) as described:
        reading = _read(connection, path, feeds, kind)
        return replace(reading, files=described())


def _read(
    connection: duckdb.DuckDBPyConnection, path: Path, feeds: Sequence[_Feed], kind: str
) -> Reading:
    sources = _sources(connection, path, feeds)
    tables: dict[str, list[str]] = {}
    rejected: dict[str, dict[str, int]] = {}
    notes: dict[str, Any] = {}
    skipped: dict[str, int] = {}
    unknown: dict[str, Any] = {}
    for feed in feeds:
        for source in (s for s in sources if s.feeds(feed)):
            _check_columns(feed, source)
            kept, n_skipped = _where(connection, feed, source)
            if n_skipped:
                label = f"{source.file.name} to {feed.table.name}"
                skipped[label] = skipped.get(label, 0) + n_skipped
            tables.setdefault(feed.table.name, []).append(_query(feed, source, kept))
            unknown |= _unknown_words(connection, feed, source, kept)
            if source.n_broken:
                found = rejected.setdefault(feed.table.name, {})
                reason = _records.BROKEN if source.is_records else _csv.BROKEN
                found[reason] = found.get(reason, 0) + source.n_broken
    if skipped:
        notes["rows_left_out_by_the_mapping"] = skipped
    if unknown:
        notes["unknown_words"] = unknown
    notes |= _csv.broken_note({s.file.name: s.loaded for s in sources if s.loaded is not None})
    cut = [s.file.name for s in sources if _ends_without_a_line_end(s.file)]
    if cut:
        notes["last_line_without_an_end"] = cut
    return Reading(
        tables=tables, rejected=rejected, notes={kind: notes} if notes else {},
        scratch=tuple(s.loaded.stored for s in sources if s.loaded is not None),
    )  # fmt: skip


# The mapping ---------------------------------------------------------------------------------


def _mapping_file(path: Path, options: Mapping[str, str]) -> Path:
    if options.get("mapping"):
        candidates = [Path(options["mapping"])]
    elif path.is_dir():
        candidates = [path / "mapping.toml"]
    else:
        candidates = [path.with_name(f"{path.name}.toml"), path.with_suffix(".toml")]
    for file in candidates:
        if file.is_file():
            return file
    raise ParameterError(
        message("there is no mapping", where="tabular", allowed=f"a file {candidates[0].name}",
                do="write one with `ldresearch ingest tabular --sketch FILE`, then edit it")
    )  # fmt: skip


def _raw_mapping(mapping: Path) -> dict[str, Any]:
    try:
        return from_toml(mapping.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ParameterError(
            message("the mapping is not UTF-8", where=mapping.name, do="save it as UTF-8")
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(
            message("the mapping is no TOML", where=mapping.name, got=str(error))
        ) from None


def _parse(raw: Mapping[str, Any], where: str) -> list[_Feed]:
    _known(raw, {"read", "feed"}, where)
    defaults = raw.get("read", {})
    _is_table(defaults, f"{where} [read]")
    _known(defaults, _READ, f"{where} [read]")
    entries = raw.get("feed", [])
    if not isinstance(entries, list) or not entries:
        raise ParameterError(
            message("the mapping feeds no table", where=where, allowed="[[feed]] entries",
                    do="name a file, a table and its columns")
        )  # fmt: skip
    return [_feed(e, defaults, f"{where} feed {i}") for i, e in enumerate(entries, 1)]


def _completed(feeds: Sequence[_Feed]) -> list[_Feed]:
    """Date events as recorded when they happened where only other feeds say when."""
    says = any("recorded_at" in f.columns for f in feeds)
    return [
        replace(f, columns={**f.columns, "recorded_at": f.columns["occurred_at"]})
        if says and f.table.name == "event" and "recorded_at" not in f.columns
        else f
        for f in feeds
    ]


def _is_table(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise ParameterError(message("not a table of settings", where=where))


def _known(given: Mapping[str, Any], known: set[str] | frozenset[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise ParameterError(
                message("no such setting", where=where, got=name, do=did_you_mean(name, known))
            )


def _feed(entry: Any, defaults: Mapping[str, Any], where: str) -> _Feed:
    _is_table(entry, where)
    _known(entry, _FEED, where)
    tables = {n: t for n, t in schema.TABLES.items() if n not in DERIVED}
    name = entry.get("table", "")
    if not isinstance(name, str) or name not in tables:
        raise ParameterError(
            message("no such table", where=where, got=name, do=did_you_mean(str(name), tables))
        )
    table = tables[name]
    settings = {
        "delimiter": "", "encoding": "utf-8", "quote": '"', "nulls": [""], "time_zone": "",
        "ambiguous": "reject", "decimal": ".",
        **{k: v for k, v in defaults.items() if k in _READ},
        **{k: v for k, v in entry.items() if k in _READ},
    }  # fmt: skip
    _check_settings(settings, where)
    columns = entry.get("columns", {})
    _is_table(columns, f"{where} columns")
    names = {_raw(c.name): c for c in table.columns}
    specs = {}
    for target, spec in columns.items():
        if target not in names:
            raise ParameterError(
                message("no such column", where=f"{where}, table {name}", got=target,
                        do=did_you_mean(target, names))
            )  # fmt: skip
        specs[target] = _spec(names[target], spec, settings, f"{where} {target}")
    filled = FILLED.get(name, frozenset())
    for column in table.columns:
        plain = _raw(column.name)
        if column.required and plain not in specs and plain not in filled:
            raise ParameterError(
                message("a required column is not mapped", where=f"{where}, table {name}",
                        got=plain, do="map it, or leave the feed out")
            )  # fmt: skip
    chosen = {}
    for word in ("only", "never"):
        _is_table(entry.get(word, {}), f"{where} {word}")
        chosen[word] = {
            k: tuple(_texts(v, f"{where} {word} {k}")) for k, v in entry.get(word, {}).items()
        }
    return _Feed(
        where, table, _text(entry.get("file", ""), f"{where} file"), specs, settings,
        tuple(_texts(entry.get("skip_without", []), f"{where} skip_without")),
        tuple(_texts(entry.get("skip_with", []), f"{where} skip_with")),
        chosen["only"], chosen["never"],
        _records.Shape(
            *(_text(entry.get(word, ""), f"{where} {word}") for word in ("records", "each"))
        ),
    )  # fmt: skip


def _texts(value: Any, where: str) -> list[str]:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    raise ParameterError(message("not a list of texts", where=where, allowed='["a", "b"]'))


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    raise ParameterError(message("not a text", where=where, allowed='"a text"'))


def _raw(name: str) -> str:
    return PERSON_ID if name == schema.PERSON_KEY else name


def _check_settings(settings: Mapping[str, Any], where: str) -> None:
    for name in ("delimiter", "encoding", "quote", "time_zone", "ambiguous", "decimal"):
        if name in settings and not isinstance(settings[name], str):
            raise ParameterError(message("not a text", where=f"{where} {name}"))
    if "nulls" in settings:
        _texts(settings["nulls"], f"{where} nulls")
    for name in ("delimiter", "quote"):
        if len(settings.get(name, "")) > 1:
            raise ParameterError(
                message("not a single character", where=f"{where} {name}", got=settings[name])
            )
    if settings.get("time_zone"):
        clock.zone(settings["time_zone"])
    if settings.get("ambiguous", "reject") not in _AMBIGUOUS:
        raise ParameterError(
            message("unknown choice", where=f"{where} ambiguous", got=settings["ambiguous"],
                    allowed=", ".join(_AMBIGUOUS))
        )  # fmt: skip
    if settings.get("decimal", ".") not in (".", ","):
        raise ParameterError(
            message("unknown choice", where=f"{where} decimal", got=settings["decimal"],
                    allowed=". or ,")
        )  # fmt: skip


def _spec(
    column: schema.Column, given: Any, settings: Mapping[str, Any], where: str
) -> Mapping[str, Any]:
    """Check one column's mapping and fill in the defaults of its file."""
    spec = {"column": given} if isinstance(given, str) else given
    _is_table(spec, where)
    _known(spec, _SPEC[column.type] | {"column", "first_of", "value"}, where)
    if len({"column", "columns", "first_of", "value"} & set(spec)) != 1:
        joined = column.type in (schema.Type.TEXTS, schema.Type.TEXT)
        raise ParameterError(
            message("a column comes from exactly one place", where=where,
                    allowed='column = "...", first_of = ["...", "..."] or value = "..."'
                    + (' or columns = ["...", "..."]' if joined else ""))
        )  # fmt: skip
    _check_settings({k: v for k, v in spec.items() if k not in ("columns", "first_of")}, where)
    filled = {k: settings[k] for k in ("time_zone", "ambiguous", "decimal")} | dict(spec)
    checks = {
        "words": _check_words, "unit": _check_unit, "format": _check_format,
        "minimum": _check_range, "maximum": _check_range,
    }  # fmt: skip
    for name, check in checks.items():
        if name in spec:
            check(column, filled, where)
    for name in ("true", "false", "columns", "first_of"):
        if name in spec:
            _texts(spec[name], f"{where} {name}")
    for name in ("column", "separator"):
        _text(spec.get(name, ""), f"{where} {name}")
    if ("columns" in spec and not spec["columns"]) or ("first_of" in spec and not spec["first_of"]):
        raise ParameterError(message("names no column", where=where, do="name one at least"))
    _check_value(column, spec, where)
    if column.type is schema.Type.BOOL and ("true" in spec) != ("false" in spec):
        raise ParameterError(message("say both what is true and what is false", where=where))
    is_parted = column.type is schema.Type.TEXTS and {"column", "first_of"} & set(spec)
    if is_parted and not spec.get("separator"):
        raise ParameterError(
            message("what parts the texts is not said", where=where, allowed='separator = "/"')
        )
    return filled


def _check_value(column: schema.Column, spec: Mapping[str, Any], where: str) -> None:
    value = spec.get("value", "")
    is_list = column.type is schema.Type.TEXTS
    if is_list and "value" in spec:
        _texts(value, f"{where} value")
    elif isinstance(value, list | dict):
        raise ParameterError(
            message("not a single value", where=f"{where} value", allowed='for example "lms"')
        )


def _check_words(column: schema.Column, spec: Mapping[str, Any], where: str) -> None:
    _is_table(spec["words"], f"{where} words")
    if spec.get("others", "missing") != "missing":
        raise ParameterError(
            message("unknown choice", where=f"{where} others", got=spec["others"],
                    allowed='others = "missing", or leave it out')
        )  # fmt: skip
    for word in spec["words"].values():
        if column.values and word not in column.values:
            raise ParameterError(
                message("no such word", where=f"{where} words", got=word,
                        do=did_you_mean(str(word), column.values))
            )  # fmt: skip


def _check_unit(column: schema.Column, spec: Mapping[str, Any], where: str) -> None:
    known = (*_UNITS, *_CLOCKS)
    # What a period adds up may be a time; it is stored in seconds like every duration.
    is_time = column.name.endswith("_s") or column is schema.TABLES["usage_period"]["value"]
    if not is_time or spec["unit"] not in known:
        raise ParameterError(
            message("no such unit of time" if is_time else "has no unit",
                    where=where, got=spec["unit"], do=did_you_mean(str(spec["unit"]), known))
        )  # fmt: skip


def _check_format(column: schema.Column, spec: Mapping[str, Any], where: str) -> None:
    named = ("iso", *_EPOCHS, "odata") if column.type is schema.Type.AT else ("iso", "odata")
    text = spec["format"]
    if not isinstance(text, str) or (text not in named and "%" not in text):
        raise ParameterError(
            message("no such format", where=where, got=text,
                    allowed=", ".join(named) + ", or a pattern such as %d.%m.%Y %H:%M")
        )  # fmt: skip
    if "%" in text and not _is_pattern(text):
        raise ParameterError(
            message("not a pattern of dates", where=where, got=text,
                    allowed="for example %d.%m.%Y %H:%M")
        )  # fmt: skip


@cache
def _is_pattern(text: str) -> bool:
    """Whether the engine reads dates by a pattern; an engine takes long to open to ask it twice."""
    import duckdb

    try:
        with duckdb.connect(":memory:") as engine:
            engine.execute("SELECT try_strptime('', ?)", [text]).fetchall()
    except duckdb.Error:
        return False
    return True


def _check_range(column: schema.Column, spec: Mapping[str, Any], where: str) -> None:
    low, high = spec.get("minimum"), spec.get("maximum")
    is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high))
    if not is_number or not low < high:  # type: ignore[operator]
        raise ParameterError(
            message("not a range", where=where, allowed="minimum and maximum, the first smaller")
        )


# The files -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that is in the engine, with the types of its columns."""

    file: Path
    relation: str
    types: Mapping[str, str]
    loaded: _csv.Loaded | None
    dialect: _csv.Dialect
    is_only: bool
    shape: _records.Shape | None = None
    is_plain: bool = False
    """Whether all texts that are read are known to be printable ASCII."""

    @property
    def is_records(self) -> bool:
        return self.shape is not None

    @property
    def n_broken(self) -> int:
        return self.loaded.n_broken if self.loaded else 0

    def feeds(self, feed: _Feed) -> bool:
        if not _matches(self.file, feed, self.is_only):
            return False
        if self.shape is not None:
            return self.shape == feed.shape
        return self.loaded is None or self.dialect == _dialect(feed, self.file)


def _matches(file: Path, feed: _Feed, is_only: bool) -> bool:
    if not feed.file:
        return is_only
    return any(fnmatch.fnmatch(n, feed.file) for n in (file.name, _files.plain_name(file)))


def _dialect(feed: _Feed, file: Path) -> _csv.Dialect:
    dialect = feed.dialect
    if dialect.delimiter:
        return dialect
    is_tab = _files.plain_name(file).lower().endswith((".tsv", ".tab"))
    return replace(dialect, delimiter="\t" if is_tab else ",")


def _found(path: Path) -> tuple[list[Path], bool]:
    """Return the files of a source, and whether it is one only."""
    files = [path] if path.is_file() else sorted(
        f for f in path.iterdir()
        if f.is_file() and f.suffix != ".toml" and not f.name.startswith(".")
    )  # fmt: skip
    return files, len(files) == 1


def _sources(
    connection: duckdb.DuckDBPyConnection, path: Path, feeds: Sequence[_Feed]
) -> list[_Source]:
    """Load every file that a feed names, once for each way of reading it."""
    files, is_only = _found(path)
    found: list[_Source] = []
    for feed in feeds:
        matching = [f for f in files if _matches(f, feed, is_only)]
        if not matching:
            raise ParameterError(
                message("no file of this name", where=feed.where, got=feed.file,
                        do=did_you_mean(feed.file, [f.name for f in files]))
            )  # fmt: skip
        for file in matching:
            if any(s.file == file and s.feeds(feed) for s in found):
                continue
            dialect, as_records = _dialect(feed, file), _records.is_records(file)
            needed: set[str] = set()
            for other in feeds:
                alike = (
                    other.shape == feed.shape if as_records else _dialect(other, file) == dialect
                )
                if _matches(file, other, is_only) and alike:
                    needed |= other.needed
            shape = feed.shape if as_records else None
            found.append(_source(connection, file, dialect, needed, len(found), is_only, shape))
    return found


def _source(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    dialect: _csv.Dialect,
    needed: set[str],
    number: int,
    is_only: bool,
    shape: _records.Shape | None,
) -> _Source:
    if shape is not None:
        paths = sorted(needed)
        loaded = _records.load(connection, file, f"_tabular_{number}", shape, paths)
        types = dict.fromkeys(paths, "VARCHAR")
        return _Source(file, identifier(loaded.table), types, loaded, dialect, is_only, shape)
    if file.name.lower().endswith(".parquet"):
        relation = (
            f"(SELECT *, file_row_number + 1 AS _row FROM "
            f"read_parquet({literal(str(file.resolve()))}, file_row_number = true))"
        )
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        types = {r[0]: r[1] for r in described if r[0] not in ("_row", "file_row_number")}
        texts = [n for n in sorted(needed) if types.get(n) == "VARCHAR"]
        others = [n for n in needed - set(texts) if n in types and not _is_value(types[n])]
        is_plain = not others and (not texts or _plain.of_parquet(file, texts))
        nulls = [t for t in dialect.nulls if t]
        relation = _trimmed(connection, number, relation, texts, nulls, is_plain=is_plain)
        return _Source(file, relation, types, None, dialect, is_only, is_plain=is_plain)
    names = _csv.header(file, dialect)
    loaded = _csv.load(connection, file, f"_tabular_{number}", dialect, sorted(needed), trim=True)
    types, table = dict.fromkeys(names, "VARCHAR"), identifier(loaded.table)
    return _Source(file, table, types, loaded, dialect, is_only, is_plain=loaded.is_plain)


def _is_value(kind: str) -> bool:
    """Whether a type of the engine's is written in ASCII: a number, a truth value, a time."""
    return kind in _VALUES or kind.startswith(("DECIMAL", "TIMESTAMP"))


def _trimmed(
    connection: duckdb.DuckDBPyConnection,
    number: int,
    relation: str,
    texts: Sequence[str],
    nulls: Sequence[str] = (),
    *,
    is_plain: bool = False,
) -> str:
    """Name a view of a relation's cells as they are read: trimmed, null if empty or a token."""
    if not texts:
        return relation
    cells = []
    for name in texts:
        cell = trimmed(identifier(name), is_ascii=is_plain)
        for token in nulls:
            cell = f"nullif({cell}, {literal(token)})"
        cells.append(f"{cell} AS {identifier(name)}")
    view = f"_trimmed_{number}"
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * REPLACE ({', '.join(cells)}) "
        f"FROM {relation}"
    )
    return view


def _ends_without_a_line_end(file: Path) -> bool:
    """Whether a plain file's last line may be cut off."""
    if file.suffix.lower() not in (".csv", ".tsv", ".txt") or file.stat().st_size == 0:
        return False
    with file.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) not in (b"\n", b"\r")


def _check_columns(feed: _Feed, source: _Source) -> None:
    for name in sorted(feed.needed):
        if name not in source.types:
            raise ParameterError(
                message("the file has no such column", where=f"{feed.where}, {source.file.name}",
                        got=name, do=_files.column_hint(name, source.types))
            )  # fmt: skip
    for target, spec in feed.columns.items():
        column = next(c for c in feed.table.columns if _raw(c.name) == target)
        given = source.types.get(_first_column(spec), "VARCHAR")
        is_id = column.type is schema.Type.TEXT or column.name == schema.PERSON_KEY
        if is_id and given in ("DOUBLE", "FLOAT"):
            raise ParameterError(
                message("a text cannot be read from floating-point numbers: digits are lost",
                        where=f"{feed.where} {target}", got=given,
                        do="export the column as text")
            )  # fmt: skip


def _first_column(spec: Mapping[str, Any]) -> str:
    return str(next(iter(spec.get("first_of", ())), spec.get("column", "")))


# From the mapping to a query -----------------------------------------------------------------


def _where(connection: duckdb.DuckDBPyConnection, feed: _Feed, source: _Source) -> tuple[str, int]:
    """Return which rows the mapping wants, and how many it leaves out."""
    parts = [f"{identifier(n)} IS NOT NULL" for n in feed.skip_without]
    parts += [f"{identifier(n)} IS NULL" for n in feed.skip_with]
    for chosen, wanted in ((feed.only, True), (feed.never, False)):
        for name, words in chosen.items():
            listed = ", ".join(literal(v) for v in words)
            is_in = f"coalesce({identifier(name)}::TEXT IN ({listed}), false)"
            parts.append(is_in if wanted else f"NOT {is_in}")
    if not parts:
        return "true", 0
    kept = " AND ".join(parts)
    [(n_skipped,)] = connection.execute(
        f"SELECT count(*) FROM {source.relation} WHERE NOT ({kept})"
    ).fetchall()
    return kept, int(n_skipped)


def _query(feed: _Feed, source: _Source, kept: str) -> str:
    """Build the query of one feed from one file."""
    made = {
        target: _expression(
            next(c for c in feed.table.columns if _raw(c.name) == target), target, spec, source
        )
        for target, spec in feed.columns.items()
    }
    stages = [f"{sql} AS {identifier(n)}" for e in made.values() for n, sql in e.stage.items()]
    inner = ", ".join(["*", *stages])
    values = ", ".join(f"{e.value} AS {identifier(t)}" for t, e in made.items())
    troubles = ", ".join(e.trouble for e in made.values())
    reason = f"coalesce({troubles}, NULL)" if len(made) else "NULL"
    plain = ", true AS _is_plain" if source.is_plain and _plain.of_words(feed.columns) else ""
    return (
        f"SELECT {values}, {literal(source.file.name)} AS _file, _row{plain}, "
        f"{reason}::TEXT AS _reason "
        f"FROM (SELECT {inner} FROM {source.relation} WHERE {kept})"
    )


def _expression(
    column: schema.Column, target: str, spec: Mapping[str, Any], source: _Source
) -> _Expression:
    if "value" in spec:
        return _constant(column, spec["value"])
    if "columns" in spec:
        cells = [f"{identifier(n)}::TEXT" for n in spec["columns"]]
        if column.type is schema.Type.TEXTS:
            return _Expression(f"[_x FOR _x IN [{', '.join(cells)}] IF _x IS NOT NULL]")
        parted = f"concat_ws({literal(spec.get('separator', ' '))}, {', '.join(cells)})"
        return _Expression(f"CASE WHEN {cells[0]} IS NOT NULL THEN {parted} END")
    given = source.types[_first_column(spec)]
    if "first_of" in spec:
        cell = f"coalesce({', '.join(identifier(n) for n in spec['first_of'])})"
    else:
        cell = identifier(spec["column"])
    kind = schema.Type.TEXT if column.name == schema.PERSON_KEY else column.type
    if kind is schema.Type.AT:
        return _instant(target, cell, given, spec)
    if kind is schema.Type.ON:
        return _day(target, cell, given, spec)
    if kind is schema.Type.TEXTS:
        return _list(cell, given, spec)
    if kind is schema.Type.BOOL and "true" in spec:
        return _truth(target, cell, spec)
    if kind is schema.Type.TEXT:
        return _Expression(_translated(f"{cell}::TEXT", spec))
    if column.name.endswith("_s") and kind in (schema.Type.INT, schema.Type.BIGINT):
        return _seconds(target, cell, spec)
    if "unit" in spec:
        return _seconds(target, cell, spec)
    return _number(target, cell, given, kind, spec)


def _constant(column: schema.Column, value: Any) -> _Expression:
    if isinstance(value, list):
        return _Expression("[" + ", ".join(literal(str(v)) for v in value) + "]")
    if isinstance(value, bool):
        return _Expression(str(value).lower())
    return _Expression(f"{literal(str(value))}::TEXT")


def _translated(cell: str, spec: Mapping[str, Any]) -> str:
    """Return a text in canonical words; one that no word explains stays, or is missing."""
    rest = "NULL" if spec.get("others") == "missing" else cell
    if not spec.get("words"):
        return cell
    whens = " ".join(f"WHEN {literal(w)} THEN {literal(str(t))}" for w, t in spec["words"].items())
    return f"CASE {cell} {whens} ELSE {rest} END"


def _missing_or(cell: str, value: str, reason: str) -> str:
    return f"CASE WHEN {cell} IS NOT NULL AND {value} IS NULL THEN {literal(reason)} END"


def _instant(target: str, cell: str, given: str, spec: Mapping[str, Any]) -> _Expression:
    """Read an instant: stage its clock time and offset, then bring it to UTC."""
    shape = spec.get("format", "iso")
    clock_time, seconds = f"_clock_{target}", f"_offset_{target}"
    if shape in _EPOCHS:
        whole = f"try_cast({cell} AS BIGINT)"
        local, offset = f"make_timestamp({whole} * {_EPOCHS[shape]})", "0"
    elif shape == "odata":
        local, offset = f"make_timestamp({_odata(cell)} * 1000)", "0"
    elif given.startswith("TIMESTAMP") and ("TZ" in given or "ZONE" in given):
        local, offset = f"make_timestamp(epoch_us({cell}::TIMESTAMPTZ))", "0"
    elif given.startswith("TIMESTAMP") or given == "DATE":
        local, offset = f"{cell}::TIMESTAMP", _NO_OFFSET
    elif given != "VARCHAR":
        # A bare number is an instant only once its unit is said.
        local, offset = "NULL::TIMESTAMP", _NO_OFFSET
    elif "%z" in shape:
        local, offset = f"make_timestamp(epoch_us(try_strptime({cell}, {literal(shape)})))", "0"
    elif shape != "iso":
        local, offset = f"try_strptime({cell}, {literal(shape)})::TIMESTAMP", _NO_OFFSET
    else:
        local, offset = instants.local(cell), instants.offset(cell)
    zone, ambiguous = spec["time_zone"], spec["ambiguous"]
    naive = instants.zone_offset(clock_time, zone, ambiguous) if zone else "NULL"
    trouble = instants.zone_trouble(clock_time, zone, ambiguous) if zone else "NULL"
    if not zone:
        trouble = literal(f"{target} {instants.NO_ZONE}")
    elif trouble != "NULL":
        trouble = f"{literal(target)} || ' ' || ({trouble})"
    # Shifting is slow, and most clocks show UTC.
    shift = f"coalesce({seconds}, {naive})"
    value = f"({clock_time} - to_seconds({shift}))"
    if naive in ("0", "NULL"):
        is_utc = offset == "0" or (offset == _NO_OFFSET and naive == "0")
        value = (
            clock_time if is_utc else f"CASE WHEN {shift} = 0 THEN {clock_time} ELSE {value} END"
        )
    return _Expression(
        value=value,
        trouble=(
            f"CASE WHEN {cell} IS NULL THEN NULL "
            f"WHEN {clock_time} IS NULL THEN {literal(f'{target} is no instant')} "
            f"WHEN {seconds} IS NULL THEN {trouble} END"
        ),
        stage={clock_time: local, seconds: offset},
    )


def _odata(cell: str) -> str:
    return f"try_cast(regexp_extract({cell}::TEXT, {literal(_ODATA)}, 1) AS BIGINT)"


def _day(target: str, cell: str, given: str, spec: Mapping[str, Any]) -> _Expression:
    shape = spec.get("format", "iso")
    if given == "DATE":
        return _Expression(cell)
    if shape == "odata":
        value = f"make_timestamp({_odata(cell)} * 1000)::DATE"
    elif given.startswith("TIMESTAMP"):
        # Midnight is a date; any other time of day would be cut off in silence.
        value = f"CASE WHEN {cell} = date_trunc('day', {cell}) THEN {cell}::DATE END"
    elif given != "VARCHAR":
        value = "NULL::DATE"
    elif shape == "iso":
        is_date = f"regexp_full_match({cell}, '\\d{{4}}-\\d{{2}}-\\d{{2}}')"
        value = f"CASE WHEN {is_date} THEN try_cast({cell} AS DATE) END"
    else:
        value = f"try_strptime({cell}, {literal(shape)})::DATE"
    return _Expression(value, _missing_or(cell, value, f"{target} is no date"))


def _list(cell: str, given: str, spec: Mapping[str, Any]) -> _Expression:
    if given.endswith("[]"):
        return _Expression(cell)
    parts = f"string_split({cell}::TEXT, {literal(spec['separator'])})"
    return _Expression(
        f"CASE WHEN {cell} IS NOT NULL THEN [trim(_x) FOR _x IN {parts} IF trim(_x) <> ''] END"
    )


def _truth(target: str, cell: str, spec: Mapping[str, Any]) -> _Expression:
    yes, no = (", ".join(literal(w) for w in spec[k]) or "NULL" for k in ("true", "false"))
    text = f"{cell}::TEXT"
    value = f"CASE WHEN {text} IN ({yes}) THEN true WHEN {text} IN ({no}) THEN false END"
    return _Expression(value, _missing_or(cell, value, f"{target} is no truth value"))


def _plain_number(cell: str, decimal: str) -> str:
    text = f"{cell}::TEXT"
    return f"replace({text}, ',', '.')" if decimal == "," else text


def _number(
    target: str, cell: str, given: str, kind: schema.Type, spec: Mapping[str, Any]
) -> _Expression:
    if kind is schema.Type.BOOL:
        whens = " ".join(
            f"WHEN {literal(word)} THEN {answer}"
            for word, answer in (
                ("true", "true"),
                ("1", "true"),
                ("false", "false"),
                ("0", "false"),
            )
        )
        value = f"CASE lower({cell}::TEXT) {whens} END"
        return _Expression(value, _missing_or(cell, value, f"{target} is no truth value"))
    text = _plain_number(cell, spec["decimal"])
    if kind is schema.Type.MONEY:
        value = f"try_cast({text} AS {kind.value})"
        return _Expression(value, _missing_or(cell, value, f"{target} is no amount"))
    value = cell if given == "DOUBLE" else f"try_cast({text} AS DOUBLE)"
    if kind is not schema.Type.REAL:
        # The engine would round 5.7 to 6 without a word.
        value = f"CASE WHEN {value} = floor({value}) THEN try_cast({value} AS {kind.value}) END"
        return _Expression(value, _missing_or(cell, value, f"{target} is no whole number"))
    finite = f"CASE WHEN isfinite({value}) THEN {value} END"
    trouble = _missing_or(cell, finite, f"{target} is no number")
    if "minimum" in spec:
        low, high = float(spec["minimum"]), float(spec["maximum"])
        finite = f"(({finite}) - {low!r}) / {high - low!r}"
    return _Expression(finite, trouble)


def _seconds(target: str, cell: str, spec: Mapping[str, Any]) -> _Expression:
    """Read a duration in the unit that was said; canonical seconds unless told."""
    unit = spec.get("unit", "seconds")
    text = f"{cell}::TEXT"
    if unit == "iso8601":
        number = instants.seconds(text)
    elif unit in _CLOCKS:
        shape = r"^(\d+):([0-5]?\d):([0-5]?\d(?:\.\d+)?)$" if unit == "h:m:s" else (
            r"^(\d+):([0-5]?\d(?:\.\d+)?)$"
        )  # fmt: skip
        factors = ((1, 3600), (2, 60), (3, 1)) if unit == "h:m:s" else ((1, 60), (2, 1))
        number = " + ".join(
            f"try_cast(regexp_extract({text}, {literal(shape)}, {i}) AS DOUBLE) * {n}"
            for i, n in factors
        )
    else:
        plain = _plain_number(cell, spec["decimal"])
        number = f"try_cast({plain} AS DOUBLE) * {_UNITS[unit]}"
    value = f"try_cast(round({number}) AS BIGINT)"
    return _Expression(value, _missing_or(cell, value, f"{target} is no duration in {unit}"))


_LOOKS = "what looks like data"


def _is_private(feed: _Feed, source: _Source) -> str:
    """Return the condition that the word ``_word`` is, or looks like, the id of a person."""
    like = f"regexp_matches(_word, {literal(_files.LIKE_DATA)})"
    spec = feed.columns.get(PERSON_ID, {})
    names = spec.get("first_of", [spec["column"]] if "column" in spec else [])
    ids = " UNION ALL ".join(
        f"SELECT lower({identifier(n)}::TEXT) AS id FROM {source.relation}" for n in names
    )
    named = f"lower(_word) IN (SELECT id FROM ({ids}) WHERE id IS NOT NULL)" if ids else "false"
    return f"({like} OR {named})"


def _unknown_words(
    connection: duckdb.DuckDBPyConnection, feed: _Feed, source: _Source, kept: str
) -> dict[str, Any]:
    """Count words that no alias explains, so that the mapping can be mended."""
    found: dict[str, Any] = {}
    for target, spec in feed.columns.items():
        column = next((c for c in feed.table.columns if c.name == target), None)
        if column is None or not column.values or not {"column", "first_of"} & set(spec):
            continue
        cells = [identifier(n) for n in spec.get("first_of", [spec.get("column")])]
        cell, word = f"coalesce({', '.join(cells)})::TEXT", _translated("_cell", spec)
        allowed = ", ".join(literal(v) for v in column.values)
        # A cell in the wrong column may be a person: such words are counted, not quoted.
        shown = f"CASE WHEN {_is_private(feed, source)} THEN {literal(_LOOKS)} ELSE _word END"
        unknown = (
            f"SELECT _word, n FROM (SELECT {word} AS _word, n FROM (SELECT {cell} AS _cell, "
            f"count(*) AS n FROM {source.relation} WHERE {kept} GROUP BY 1)) "
            f"WHERE _word NOT IN ({allowed})"
        )
        # Whom a word might name is looked up only where there is one.
        if not connection.execute(f"{unknown} LIMIT 1").fetchall():
            continue
        rows = connection.execute(
            f"SELECT {shown}, sum(n) FROM ({unknown}) GROUP BY 1 ORDER BY 2 DESC, 1 "
            f"LIMIT {MAX_WORDS + 1}"
        ).fetchall()
        if rows:
            label = f"{feed.table.name}.{target} in {source.file.name}"
            found[label] = (
                {str(w)[:60]: int(n) for w, n in rows}
                if len(rows) <= MAX_WORDS
                else f"more than {MAX_WORDS} different words: is it the right column?"
            )
    return found
