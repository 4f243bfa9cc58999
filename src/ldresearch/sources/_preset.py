"""Exports of known systems: mappings that come with the package and find their columns themselves.

A preset is a mapping of :mod:`ldresearch.sources.tabular` with three liberties, since exports
differ from client to client: a column may have several names, a column that is not there is left
out, and a feed is used for every file that has the columns it needs, whatever the file is called.
What was found and what was not stands in the notes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from glob import escape
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.errors import DataError, ParameterError, message
from ldresearch.ingest import Reading
from ldresearch.sources import _csv, _files, _records, tabular

if TYPE_CHECKING:
    import duckdb

_OPTIONS: Mapping[str, str] = {
    "time_zone": "IANA zone of times that state none",
    "ambiguous": "the hour that happens twice in autumn: reject, first or second",
    "format": "how dates are written where the export lets one choose, for example %d.%m.%Y",
    "delimiter": "what parts the cells (default: what the first line shows)",
    "encoding": "encoding of the files (default: utf-8, or utf-16 where the file says so)",
}
_OPTION = "option: "
_SUFFIXES = (".csv", ".tsv", ".txt", ".tab", ".parquet", *_records.SUFFIXES)
_LOOK = 200
"""So many records of a file are looked at to know its columns."""
_DEPTH = 5
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Preset:
    """The reader of one system: a mapping of the package.

    Attributes
    ----------
    name : str
    about : str
        What it reads, in a line.
    own_options : mapping of str to str
        Option to help, beside those of every preset.
    defaults : mapping of str to str
        What an option is when nobody gives it.
    read_defaults : mapping
        How its files are written.
    feeds : tuple of mapping
    constants : tuple of mapping
        Rows that no file holds and a table needs: which ``table``, ``with`` which other, ``row``.
    """

    name: str
    about: str
    own_options: Mapping[str, str]
    defaults: Mapping[str, str]
    read_defaults: Mapping[str, Any]
    feeds: tuple[Mapping[str, Any], ...]
    constants: tuple[Mapping[str, Any], ...]

    @property
    def OPTIONS(self) -> Mapping[str, str]:  # noqa: N802 - what every reader calls it
        """Name of each option to its help."""
        return {**_OPTIONS, **self.own_options}

    def read(
        self, connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]
    ) -> Reading:
        """Read the files of an export.

        Parameters
        ----------
        connection : duckdb connection
            The intake connection.
        path : Path
            A file, or a folder of them: CSV, TSV, Parquet or JSON, plain or ``.gz``.
        options : mapping
            See ``OPTIONS``.

        Returns
        -------
        Reading

        Raises
        ------
        DataError
            If no file has the columns of this system.
        """
        given = {**self.defaults, **options}
        entries: list[dict[str, Any]] = []
        missing: dict[str, list[str]] = {}
        unread: list[str] = []
        for file in _candidates(path, self.name):
            used = False
            for feed in self.feeds:
                entry, lacking = _concrete(feed, file, given, self.name)
                if entry is not None:
                    used = True
                    entries.append(entry)
                    if lacking:
                        missing[f"{file.name} to {feed['table']}"] = lacking
            if not used:
                unread.append(file.name)
        if not entries:
            raise DataError(
                message(f"no file here has the columns of this system: {self.name}",
                        got=path.name, allowed=_expected(self.feeds),
                        do="export it as docs/readers.md says, or write a mapping: "
                        "`ldresearch ingest tabular --sketch FILE`")
            )  # fmt: skip
        settings = {k: given[k] for k in ("time_zone", "ambiguous") if given.get(k)}
        mapping = {"read": {**self.read_defaults, **settings}, "feed": entries}
        reading = tabular.mapped(connection, path, mapping, self.name, kind=self.name)
        notes = dict(reading.notes.get(self.name, {}))
        if missing:
            notes["columns_that_are_not_there"] = missing
        if unread:
            notes["files_without_known_columns"] = unread
        tables = {**reading.tables, **self._constant_tables(reading.tables, given)}
        return replace(reading, tables=tables, notes={self.name: notes} if notes else {})

    def _constant_tables(
        self, read: Mapping[str, Any], options: Mapping[str, str]
    ) -> dict[str, list[Any]]:
        import pandas as pd

        return {
            one["table"]: [pd.DataFrame([_filled(dict(one["row"]), options, self.name)])]
            for one in self.constants
            if one["with"] in read
        }


@lru_cache
def named(name: str) -> Preset:
    """Read a preset of the package.

    Examples
    --------
    >>> named("moodle").about
    "the table of Moodle's standard log"
    """
    text = resources.files("ldresearch.sources").joinpath(f"presets/{name}.toml").read_text("utf-8")
    raw = tomllib.loads(text)
    return Preset(
        name, raw["about"], raw.get("options", {}), raw.get("defaults", {}), raw.get("read", {}),
        tuple(raw["feed"]), tuple(raw.get("constant", [])),
    )  # fmt: skip


def _candidates(path: Path, name: str) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(
        f for f in path.iterdir()
        if f.is_file() and not f.name.startswith(".")
        and _files.plain_name(f).lower().endswith(_SUFFIXES)
    )  # fmt: skip
    if not found:
        raise DataError(
            message("no table in this folder", where=name, got=path.name,
                    allowed="files ending in " + ", ".join(_SUFFIXES))
        )  # fmt: skip
    return found


def _plain(name: str) -> str:
    """Return a column's name as it is compared: letters and digits in lower case."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def _names(one: Any) -> list[str]:
    return [one] if isinstance(one, str) else list(one)


def _expected(feeds: Iterable[Mapping[str, Any]]) -> str:
    """Say which columns make a file of this system, once for each table."""
    said: dict[str, str] = {}
    for feed in feeds:
        said.setdefault(feed["table"], ", ".join(_names(n)[0] for n in feed["needs"]))
    return "; ".join(f"{table} needs {columns}" for table, columns in said.items())


def _concrete(
    feed: Mapping[str, Any], file: Path, options: Mapping[str, str], name: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """Fit a feed to a file: the mapping's entry, or ``None``, and the columns that lack."""
    settings = _dialect(file, options)
    columns = {_plain(c): c for c in _columns(file, feed, settings)}

    def there(wanted: Any) -> str | None:
        return next((columns[_plain(n)] for n in _names(wanted) if _plain(n) in columns), None)

    if any(there(n) is None for n in feed["needs"]) or any(there(n) for n in feed.get("lacks", [])):
        return None, []
    lacking: list[str] = []
    specs: dict[str, Any] = {}
    for target, given in feed["columns"].items():
        spec = dict(given) if isinstance(given, dict) else {"column": given}
        fitted = _fitted(spec, there)
        if fitted is None:
            lacking.append(_names(next(iter(spec.values())))[0])
            continue
        specs[target] = _filled(fitted, options, f"{name} {target}")
        if options.get("format") and "format" not in fitted and "value" not in fitted:
            specs[target] |= _format(feed["table"], target, options["format"])
    entry = {
        "table": feed["table"], "file": escape(file.name), "columns": specs, **settings,
        **{k: feed[k] for k in ("records", "each", "nulls", "decimal") if k in feed},
    }  # fmt: skip
    for word in ("skip_without", "skip_with"):
        entry[word] = [c for n in feed.get(word, []) if (c := there(n))]
    for word in ("only", "never"):
        wanted = {n: _listed(v, options) for n, v in feed.get(word, {}).items()}
        entry[word] = {c: v for n, v in wanted.items() if v and (c := there(n))}
        lacking += [n for n, v in wanted.items() if v and not there(n)]
    for target in feed.get("known_only", []):
        spec = specs[target]
        entry["only"][spec["column"]] = list(spec["words"])
    return entry, lacking


def _fitted(spec: Mapping[str, Any], there: Any) -> dict[str, Any] | None:
    """Return a column's mapping with the names of this file; ``None`` where it is not there."""
    if "value" in spec:
        return dict(spec)
    for word in ("columns", "first_of"):
        if word in spec:
            found = [c for n in spec[word] if (c := there(n))]
            # A joined name without its first part would name something else.
            is_joined = word == "columns" and "separator" in spec
            is_whole = found and (not is_joined or there(spec[word][0]))
            return {**spec, word: found} if is_whole else None
    found = there(spec["column"])
    return {**spec, "column": found} if found else None


def _filled(spec: dict[str, Any], options: Mapping[str, str], where: str) -> dict[str, Any]:
    """Put an option's value where the preset says ``option: name``."""
    for key, value in spec.items():
        if isinstance(value, str) and value.startswith(_OPTION):
            option = value.removeprefix(_OPTION)
            if not options.get(option):
                raise ParameterError(
                    message("the export does not say this", where=where, got=None,
                            do=f"say it with -o {option}=...")
                )  # fmt: skip
            spec[key] = _as_number(options[option], where) if key in _RANGE else options[option]
    return spec


def _listed(values: Any, options: Mapping[str, str]) -> list[str]:
    """Return the values a column may have: the preset's, or those of an option, if it was given."""
    if isinstance(values, list):
        return values
    given = options.get(values.removeprefix(_OPTION), "")
    return [v.strip() for v in given.split(",") if v.strip()]


_RANGE = ("minimum", "maximum")


def _as_number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError(message("not a number", where=where, got=text)) from None


def _format(table: str, target: str, pattern: str) -> dict[str, str]:
    from ldresearch import schema

    column = next((c for c in schema.TABLES[table].columns if c.name == target), None)
    is_dated = column is not None and column.type in (schema.Type.AT, schema.Type.ON)
    return {"format": pattern} if is_dated else {}


def _dialect(file: Path, options: Mapping[str, str]) -> dict[str, str]:
    """Return what a text file's first line shows of how it is written."""
    plain = _files.plain_name(file).lower()
    if plain.endswith(".parquet") or _records.is_records(file):
        return {}
    with _files.open_bytes(file) as stream:
        start = stream.read(1 << 16)
    encoding = options.get("encoding") or _BOMS.get(start[:2], "utf-8")
    _csv.known_encoding(encoding, file.name)
    lines = start.decode(encoding, errors="replace").splitlines()
    first = lines[0] if lines else ""
    delimiter = options.get("delimiter") or max(",;\t|", key=first.count)
    return {"encoding": encoding, "delimiter": delimiter}


def _columns(file: Path, feed: Mapping[str, Any], settings: Mapping[str, str]) -> list[str]:
    if file.name.lower().endswith(".parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(file).names)
        except (pa.ArrowInvalid, OSError):
            raise DataError(
                message("this is no Parquet file", where=file.name, do="export it again")
            ) from None
    if _records.is_records(file):
        shape = _records.Shape(feed.get("records", ""), feed.get("each", ""))
        found: dict[str, None] = {}
        for record in islice(_records.peek(file, shape), _LOOK):
            found |= dict.fromkeys(_paths(record))
        return list(found)
    return list(_csv.header(file, _csv.Dialect(settings["delimiter"], settings["encoding"])))


def _paths(record: Mapping[str, Any], before: str = "", depth: int = _DEPTH) -> Iterable[str]:
    for name, value in record.items():
        yield f"{before}{name}"
        if isinstance(value, dict) and depth > 1:
            yield from _paths(value, f"{before}{name}.", depth - 1)
