"""A mapping to edit, drawn from a file's header: names and kinds of columns, never a cell."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from ldresearch import schema
from ldresearch.errors import DataError, message
from ldresearch.ingest import DERIVED, FILLED, PERSON_ID
from ldresearch.sources import _csv, _files

_ALIASES: dict[str, tuple[str, ...]] = {
    PERSON_ID: ("employee id", "employee", "user id", "user", "learner id", "learner", "student id",
                "actor", "worker id", "personnel number", "employeenumber"),
    "occurred_at": ("timestamp", "date", "time", "event time", "completed at", "completion date"),
    "recorded_at": ("stored", "ingested at", "created at"),
    "verb": ("action", "event", "event type", "activity", "status"),
    "content_id": ("course id", "content", "item id", "course", "object id", "training id"),
    "title": ("course title", "content title", "name"),
    "duration_s": ("duration", "minutes", "seconds", "hours", "time spent"),
    "score": ("grade", "result", "points"),
    "hired_on": ("hire date", "start date", "hired"),
    "left_on": ("termination date", "end date", "left"),
    "valid_from_on": ("valid from", "effective date"),
    "unit_path": ("department", "org", "organisation", "division", "team"),
    "manager_id": ("manager", "manager id", "supervisor"),
    "assigned_at": ("assigned", "assigned date", "enrolled at"),
    "due_at": ("due", "due date"),
    "skill_id": ("skill",),
    "raw": ("rating", "level", "value"),
    "rated_at": ("rated", "rating date"),
    "country": ("country code",),
    "role_id": ("job code", "role", "job title"),
}  # fmt: skip
_HINTS: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d{2}-\d{2}", "dates, ISO"),
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*(Z|[+-]\d{2}:?\d{2})", "instants, ISO with an offset"),
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", "instants, ISO without an offset: state time_zone"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", 'dates with dots: format = "%d.%m.%Y"'),
    (r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}", 'dates with dots: format = "%d.%m.%Y %H:%M"'),
    (r"\d{1,2}/\d{1,2}/\d{4}.*", "dates with slashes: is the day or the month first?"),
    (r"\d{13}", "13 digits: an id, or epoch_ms"),
    (r"\d{10}", "10 digits: an id, or epoch_s"),
    (r"-?\d+", "whole numbers"),
    (r"-?\d+\.\d+|-?\d+", "numbers"),
    (r"-?\d+,\d+|-?\d+", 'numbers with a comma: decimal = ","'),
    (r"\d+:\d{2}:\d{2}", 'durations: unit = "h:m:s"'),
    (r"P(\d.*|T.*)", 'durations: unit = "iso8601"'),
    (r"(?i)true|false|yes|no|y|n", "true or false: say which words"),
)
_SAMPLE_BYTES = 1 << 18


def sketch(path: Path) -> str:
    """Write a mapping to edit from the header of a file, or of every file of a folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        TOML: one ``[[feed]]`` a file; every guess stands behind a ``#`` until a person removes it.
        It names columns and says what their cells look like; it holds no cell.
    """
    path = Path(path)
    files = [path] if path.is_file() else _tables_in(path)
    if not files:
        raise DataError(
            message("no table to sketch a mapping for", where=path.name,
                    allowed=".csv, .tsv, .txt or .parquet, plain or .gz")
        )  # fmt: skip
    return _HEAD + "\n".join(_one(f) for f in files)


_HEAD = """\
# A mapping for `ldresearch ingest tabular`. Nothing is read until you remove the # before a line.
# Guesses are by the names of the columns alone: check each one. docs/sources.md explains the words.

[read]
# encoding = "utf-8"            # "cp1252" for many exports from Windows
# nulls = [""]                  # what means "missing"; "NA" is a country unless you say so here
# time_zone = "Europe/Berlin"   # of instants that state no offset
# ambiguous = "reject"          # the hour that happens twice in autumn: reject, first or second

"""


def _tables_in(folder: Path) -> list[Path]:
    kinds = (".csv", ".tsv", ".txt", ".tab", ".parquet")
    return sorted(
        f for f in folder.iterdir()
        if f.is_file() and _files.plain_name(f).lower().endswith(kinds)
    ) if folder.is_dir() else []  # fmt: skip


def _one(file: Path) -> str:
    if file.name.lower().endswith(".parquet"):
        names, hints, extra = _parquet(file)
    else:
        names, hints, extra = _text(file)
    table = _table(names)
    guesses = _guesses(names, schema.TABLES[table])
    lines = ["[[feed]]", f"file = {json.dumps(file.name)}", *extra]
    lines += [f'# table = "{table}"  # a guess; others: {", ".join(_table_names())}']
    lines += ["# its columns:"]
    lines += [f"#   {json.dumps(n)}: {hints[n]}" for n in names]
    lines += ["[feed.columns]"]
    filled = FILLED.get(table, frozenset())
    for column in schema.TABLES[table].columns:
        target = PERSON_ID if column.name == schema.PERSON_KEY else column.name
        need = "required; " if column.required and target not in filled else ""
        words = f"one of {', '.join(column.values)}; " if column.values else ""
        source = json.dumps(guesses.get(target, ""))
        lines.append(f"# {target} = {source}  # {need}{words}{column.doc or column.type.value}")
    return "\n".join(lines) + "\n"


def _table_names() -> list[str]:
    return [n for n in schema.TABLES if n not in DERIVED]


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()


def _guesses(names: Sequence[str], table: schema.Table) -> dict[str, str]:
    """Pair canonical with source columns by name; a source column is used once."""
    plain = {_plain(n): n for n in names}
    found: dict[str, str] = {}
    targets = [PERSON_ID if c.name == schema.PERSON_KEY else c.name for c in table.columns]
    for target in targets:
        wanted = (_plain(target), *_ALIASES.get(target, ()))
        hit = next((plain[w] for w in wanted if w in plain), None)
        if hit is None:
            close = get_close_matches(_plain(target), list(plain), n=1, cutoff=0.75)
            hit = plain[close[0]] if close else None
        if hit is not None and hit not in found.values():
            found[target] = hit
    return found


def _table(names: Sequence[str]) -> str:
    """Guess the table whose required columns are best explained."""

    def fit(name: str) -> tuple[float, int]:
        table = schema.TABLES[name]
        found = _guesses(names, table)
        required = [c for c in table.columns if c.required]
        n_hit = sum(
            (PERSON_ID if c.name == schema.PERSON_KEY else c.name) in found for c in required
        )
        return len(found) / max(len(names), 1) + n_hit / max(len(required), 1), -len(table.columns)

    return max(_table_names(), key=lambda name: (*fit(name), name == "event"))


def _text(file: Path) -> tuple[Sequence[str], dict[str, str], list[str]]:
    """Look at the first lines of a delimited file."""
    with _files.open_bytes(file) as stream:
        start = stream.read(_SAMPLE_BYTES)
    encoding, extra = "utf-8", []
    try:
        start[: start.rfind(b"\n") + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"
        extra.append(f'# encoding = "{encoding}"  # it is not UTF-8; check this guess')
    text = start.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t|", key=first.count)
    if delimiter != ",":
        extra.append(f"delimiter = {json.dumps(delimiter)}")
    dialect = _csv.Dialect(delimiter=delimiter, encoding=encoding)
    names = _csv.header(file, dialect)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))[1:-1][:1000]
    whole = [r for r in rows if len(r) == len(names)]
    hints = {n: _hint(r[i] for r in whole) for i, n in enumerate(names)}
    return names, hints, extra


def _hint(cells: Iterable[str]) -> str:
    """Say what a column's cells look like, without showing one."""
    given = [c.strip() for c in cells if c.strip()]
    if not given:
        return "empty in the first rows"
    for pattern, words in _HINTS:
        if all(re.fullmatch(pattern, c) for c in given):
            return words
    return "few different texts" if len(set(given)) <= min(12, len(given) / 3) else "text"


def _parquet(file: Path) -> tuple[Sequence[str], dict[str, str], list[str]]:
    import pyarrow.parquet as pq

    found = pq.read_schema(file)
    return found.names, {f.name: str(f.type) for f in found}, []
