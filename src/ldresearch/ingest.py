"""The door in: from what a source read to a dataset.

Validate, reject with reasons, pseudonymise, deduplicate, sort, derive, write. Everything is
pushed down to the engine; Python touches only the distinct person ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import checksums, clock, engine, handover, instants, schema
from ldresearch.dataset import MANIFEST, Dataset, Manifest, TableEntry
from ldresearch.engine import has_no_space_around, identifier, literal
from ldresearch.errors import DataError, ParameterError, did_you_mean, message
from ldresearch.files import atomic_write, locked, remove_drafts, remove_tree, sync_tree
from ldresearch.privacy import keys
from ldresearch.privacy.pseudonym import pseudonyms

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

DERIVED = ("identity", "activity_day")
_HASHES_AT_ONCE = 10_000_000
"""Of this many keys it is found out together which stand twice: some 400 MB."""
_EVENTS_AT_ONCE = 10_000_000
"""This many events are folded into days together: some 500 MB."""
PERSON_ID = "person_id"
MEMORY = "1500MB"
"""What the engine may use before it writes to disk."""

REJECT_LIMIT = 0.05
"""Largest share of a table's rows that may be rejected before the whole ingest is refused."""

_CONTROL = (
    r"[\x{0000}-\x{0008}\x{000b}-\x{001f}\x{007f}-\x{009f}\x{200e}\x{200f}"
    r"\x{202a}-\x{202e}\x{2066}-\x{2069}]"
)
_OPEN_END_YEAR = 2200
_PLAUSIBLE = (1900, 2100)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source read, before the door.

    Attributes
    ----------
    tables : mapping of str to list of (str or pandas.DataFrame)
        Per canonical table: queries on the intake connection or frames, with the canonical
        columns, ``person_id`` raw in place of ``person_key``, and optionally ``_file`` and
        ``_row`` (text and number) that say where a row stood, ``_is_plain``: whether all texts
        of the row are printable ASCII, and ``_reason``: why the source rejects it, or null.
    rejected : mapping of str to mapping of str to int
        Rows the source itself could not read, by table and reason.
    files : tuple of mapping
        ``kind``, ``name``, ``sha256``, ``bytes`` of each file read.
    notes : mapping
        Counts and choices the intake report shows.
    set_aside : frozenset of str
        Reasons that are decisions and no faults (a voided statement): counted, but not held
        against the source. ``table: reason`` means that table only.
    replaces : mapping of str to (str, tuple of str)
        Table to a column and values of it: stored rows that have one of them give way.
    scratch : tuple of str
        Temporary tables behind the queries; the door drops them when everything is taken in.
    """

    tables: Mapping[str, Sequence[str | pd.DataFrame]]
    rejected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    files: tuple[Mapping[str, Any], ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    set_aside: frozenset[str] = frozenset()
    replaces: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    scratch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    dataset : Dataset
    is_unchanged : bool
        Whether everything was already there.
    rows_in, rows_out : mapping of str to int
        Rows read and rows kept, by table, of this ingest.
    rejected : mapping of str to mapping of str to int
        Rejected rows by table and reason; ``rows_in = rows_out + rejected``.
    """

    dataset: Dataset
    is_unchanged: bool
    rows_in: Mapping[str, int]
    rows_out: Mapping[str, int]
    rejected: Mapping[str, Mapping[str, int]]


def write(
    tables: Mapping[str, pd.DataFrame],
    folder: Path,
    *,
    client: str,
    key: bytes,
    public: bool = False,
    time_zone: str = "UTC",
    reject_limit: float = REJECT_LIMIT,
    notes: Mapping[str, Any] | None = None,
) -> Dataset:
    """Write frames as a dataset, through the same door as every source.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Canonical tables with raw ``person_id``; optional columns may be left out.
    folder : Path
        The dataset; merged with what is there.
    client : str
    key : bytes
        Pseudonym key of the client, 32 bytes.
    public : bool
        Mark as public or synthetic.
    time_zone : str
        For ``activity_day``.
    reject_limit : float
        Share of a table's rows that may be rejected.
    notes : mapping, optional
        What is worth knowing about the frames, as in :class:`Reading`.

    Returns
    -------
    Dataset
        As it is now, merged with what was there.

    Raises
    ------
    DataError
        As :func:`admit`.
    """
    reading = Reading({name: [frame] for name, frame in tables.items()}, notes=notes or {})
    folder.parent.mkdir(parents=True, exist_ok=True)
    connection = connect(folder, [])
    try:
        return admit(
            connection, reading, folder, client=client, key=key, public=public,
            time_zone=time_zone, reject_limit=reject_limit,
        ).dataset  # fmt: skip
    finally:
        connection.close()


def connect(
    folder: Path, sources: Iterable[Path], *, memory: str = MEMORY
) -> duckdb.DuckDBPyConnection:
    """Open the intake connection for a dataset folder and the files or folders of a source.

    Parameters
    ----------
    folder : Path
        The dataset; created with mode 0700.
    sources : iterable of Path
        What may be read besides.
    memory : str
        Memory limit, for example ``"4GB"``; beyond it the engine spills into the folder.

    Returns
    -------
    duckdb.DuckDBPyConnection
        It touches these folders and files and no others; whoever opens it closes it.

    Raises
    ------
    ParameterError
        If the limit is none.
    """
    if not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[MG]i?B", memory):
        raise ParameterError(
            message("no amount of memory", where="ingest", got=memory,
                    allowed="for example 1500MB or 4GB")
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return engine.intake([folder, *sources], spill=folder / ".spill", memory=memory)


def admit(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    folder: Path,
    *,
    client: str,
    key: bytes,
    public: bool,
    time_zone: str,
    reject_limit: float = REJECT_LIMIT,
    retired: Sequence[bytes] = (),
    forgotten: Sequence[Mapping[str, str]] = (),
) -> IngestReport:
    """Take a reading through the door and publish the dataset atomically.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Of :func:`connect`, for this folder; closed once all is written.
    reading : Reading
        What a reader found, with raw person ids.
    folder : Path
        The dataset; merged with what is there.
    client : str
    key : bytes
        Pseudonym key of the client, 32 bytes.
    public : bool
        Mark as public or synthetic.
    time_zone : str
        IANA name in which days are counted.
    reject_limit : float
        Share of a table's rows that may be rejected.
    retired : sequence of bytes
        Keys the client had before, by which persons forgotten then are known.
    forgotten : sequence of mapping
        Marks of forgotten persons beside those that the dataset keeps itself.

    Returns
    -------
    IngestReport
        Rows read, kept and rejected. Where every file of the reading is in the dataset already,
        nothing is done and the report says so.

    Raises
    ------
    DataError
        For an unknown table or column, a missing required column, another client, key or time
        zone than the dataset has, or more rejected rows than allowed. The old dataset stays whole.
    """
    clock.zone(time_zone)
    with locked(folder.parent / f".{folder.name}.lock"):
        before = Dataset.open(folder) if (folder / MANIFEST).is_file() else None
        _check_same_client(before, client, public, time_zone)
        if before:
            check_key(before, key)
        if forgotten:
            keys.remember(folder / keys.FORGOTTEN, forgotten)
        if before and reading.files and _is_known(before, reading):
            return IngestReport(before, True, {}, {}, {})
        run = _Intake(connection, reading, before, client, key, public, time_zone, reject_limit)
        run.forgotten = keys.forgotten(folder / keys.FORGOTTEN)
        run.keys = (key, *retired)
        return run.publish(folder)


def forget(folder: Path, person: str, *, key: bytes) -> bool:
    """Take a person out of a dataset, for good: every row, and every row to come.

    The person is remembered first, by a keyed mark only, so that an interrupted call never leaves
    someone half forgotten who can be read in again; calling it anew finishes the work. The tables
    are replaced in one move, and versions that still hold the person are removed.

    Parameters
    ----------
    folder : Path
        The dataset.
    person : str
        The raw id, as sources give it.
    key : bytes
        Pseudonym key of the client.

    Returns
    -------
    bool
        Whether the person was in the dataset.

    Raises
    ------
    DataError
        If there is no dataset, or its pseudonyms were made with another key.
    """
    dataset = Dataset.open(folder)
    connection = connect(folder, [])
    try:
        with locked(folder.parent / f".{folder.name}.lock"):
            before = Dataset.open(folder)
            check_key(before, key)
            [(known,)] = connection.execute(
                f"SELECT lower({_clean_text('raw')}) FROM (SELECT ?::TEXT AS raw)",
                [person.replace("\x00", "")],
            ).fetchall()
            if not known:
                raise ParameterError(message("no person named", where="forget"))
            entry = {"key": keys.key_id(key), "mark": keys.marks([known], key)[0]}
            keys.remember(folder / keys.FORGOTTEN, [entry])
            manifest = dataset.manifest
            run = _Intake(
                connection, Reading({}), before, manifest.client, key, manifest.public,
                manifest.time_zone, REJECT_LIMIT,
            )  # fmt: skip
            run.leaving = pseudonyms([known], key)[0]
            was_there = run.holds(run.leaving)
            if was_there:
                run.publish(folder)
            _remove_leftovers(folder, keep={Dataset.open(folder).manifest.version})
            return was_there
    finally:
        connection.close()


def check_key(dataset: Dataset, key: bytes) -> None:
    """Refuse a key that is not the one a dataset's pseudonyms were made with.

    Parameters
    ----------
    dataset : Dataset
    key : bytes
        32 bytes.

    Raises
    ------
    DataError
        If it is another. Of a dataset that does not say, any key is taken.
    """
    if dataset.manifest.key_id not in ("", keys.key_id(key)):
        raise DataError(
            message("the pseudonyms of this dataset were made with another key", where="dataset",
                    do="use that key, or ingest every source anew into another folder")
        )  # fmt: skip


def _remove_leftovers(folder: Path, keep: set[str]) -> None:
    """Remove versions nobody needs, and what a killed process left; call it under the lock."""
    for old in [*folder.glob("v-*"), *folder.glob(".draft-*")]:
        if old.name not in keep:
            remove_tree(old)
    for name in (MANIFEST, keys.FORGOTTEN):
        remove_drafts(folder / name)
    remove_tree(folder / ".spill")


def _is_known(before: Dataset, reading: Reading) -> bool:
    known = {(s["kind"], s["sha256"]) for s in before.manifest.sources}
    return all((f["kind"], f["sha256"]) in known for f in reading.files)


def _check_same_client(before: Dataset | None, client: str, public: bool, time_zone: str) -> None:
    if before is None:
        return
    for what, has, got in (
        ("client", before.manifest.client, client),
        ("public mark", before.manifest.public, public),
        ("time zone", before.manifest.time_zone, time_zone),
    ):
        if has != got:
            raise DataError(
                message(f"this dataset has another {what}", where="dataset", got=got,
                        allowed=str(has), do="name another folder")
            )  # fmt: skip


class _Intake:
    """One passage through the door; the steps in their order are in :meth:`publish`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        reading: Reading,
        before: Dataset | None,
        client: str,
        key: bytes,
        public: bool,
        time_zone: str,
        reject_limit: float,
    ) -> None:
        self.sql = connection.execute
        self.connection = connection
        self.reading = reading
        self.before = before
        self.client, self.key, self.public, self.time_zone = client, key, public, time_zone
        self.reject_limit = reject_limit
        self.rows_in: dict[str, int] = {}
        self.rows_out: dict[str, int] = {}
        self.rejected: dict[str, dict[str, int]] = {}
        self.notes: dict[str, Any] = dict(reading.notes)
        self.forgotten: Sequence[Mapping[str, str]] = ()
        self.keys: Sequence[bytes] = (key,)
        self.leaving = ""
        self.absent: dict[str, frozenset[str]] = {}
        """Columns that no row has; they need not be sorted."""
        self.in_order: set[str] = set()
        """Tables whose rows are in their order already."""

    def publish(self, folder: Path) -> IngestReport:
        """Run every step; the manifest is replaced last."""
        self.sql("CREATE TEMP TABLE _rejects (tab TEXT, file TEXT, row BIGINT, reason TEXT)")
        unknown = set(self.reading.tables) - (set(schema.TABLES) - set(DERIVED))
        if unknown:
            name = sorted(unknown)[0]
            known = set(schema.TABLES) - set(DERIVED)
            raise DataError(
                message("no such table", where="ingest", got=name, do=did_you_mean(name, known))
            )
        names = [n for n in schema.TABLES if n in self.reading.tables and n not in DERIVED]
        for name in names:
            self._load(schema.TABLES[name])
        for table in self.reading.scratch:
            self.sql(f"DROP TABLE {identifier(table)}")
        if "skill_rating" in names:
            self._level_ratings()
        if "person" in names:
            self._close_person_intervals()
        self._count_rejects(names)
        self._identify(names)
        stored = self.before.manifest.tables if self.before else {}
        kept = [n for n in schema.TABLES if n not in DERIVED and (n in names or n in stored)]
        for name in kept:
            self._merge(schema.TABLES[name], is_new=name in names)
        self._count_rejects(names)
        for name in names:
            self._check_limit(name)
        if "event" in kept:
            kept.append("activity_day")
        return self._write(folder, [*kept, "identity"])

    # Reading ---------------------------------------------------------------------------------

    def _load(self, table: schema.Table) -> None:
        """Cast, clean and check one table into ``new_<table>``; count what is rejected."""
        name, raw = f"new_{table.name}", f"_read_{table.name}"
        # A view and a macro are parsed once; what readers write is long, and used twice and more.
        self.sql(f"CREATE OR REPLACE TEMP VIEW {raw} AS {self._raw(table)}")
        self.sql(f"CREATE OR REPLACE TEMP MACRO _clean(_text) AS {_clean_text('_text')}")
        # A table, for what DESCRIBE calls a view's columns may be what they were called within.
        self.sql(f"CREATE OR REPLACE TEMP TABLE _shape AS FROM {raw} LIMIT 0")
        present = {row[0]: row[1] for row in self.sql("DESCRIBE _shape").fetchall()}
        self._check_columns(table, present)
        if table is schema.EVENT and not (self.before and self.before.manifest.rows("event")):
            there = {*present, schema.PERSON_KEY, *FILLED["event"]}
            self.absent["event"] = frozenset(table.names) - there
        self.sql(f"CREATE TEMP TABLE {name} AS {self._checked(table, raw, present)}")
        self.rows_in[table.name] = self._count(name)
        self._unread(table.name)
        self._reject_where(table.name, "_reason IS NOT NULL", "_reason", is_named=False)

    def _raw(self, table: schema.Table) -> str:
        """Return the query of everything the source has for a table."""
        parts = []
        for i, relation in enumerate(self.reading.tables[table.name]):
            if isinstance(relation, str):
                parts.append(f"SELECT * FROM ({relation})")
            else:
                view = f"_in_{table.name}_{i}"
                self.connection.register(view, _plain(relation))
                parts.append(f"SELECT * FROM {view}")
        return " UNION ALL BY NAME ".join(parts)

    def _checked(self, table: schema.Table, raw: str, present: Mapping[str, str]) -> str:
        """Return the query of a table's rows as they are kept, with why one is rejected.

        Three steps in one pass: cast, leave open ends open, check.
        """
        origin = ", ".join(
            name if name in present else f"NULL::{kind} AS {name}"
            for name, kind in (("_file", "TEXT"), ("_row", "BIGINT"))
        )
        doubted = {
            c: given for c in table.columns if (given := self._given(c, present)) is not None
        }
        given = "".join(f", {sql} AS _given_{c.name}" for c, sql in doubted.items())
        because = "_reason" if "_reason" in present else "NULL::TEXT"
        cast = ", ".join(
            f"{self._cast(c, present)} AS {identifier(_raw_name(c))}" for c in table.columns
        )
        opened = ", ".join(_open_ended(c) for c in table.columns)
        bad = " ".join(
            f"WHEN _given_{c.name} AND {identifier(_raw_name(c))} IS NULL "
            f"THEN {literal(f'{_raw_name(c)} is {_words(_raw_type(c))}')}"
            for c in doubted
        )
        columns = ", ".join(identifier(_raw_name(c)) for c in table.columns)
        checks = " ".join(self._checks(table))
        return (
            f"SELECT {columns}, _file, _row, "
            f"CASE WHEN _bad IS NOT NULL THEN _bad {checks} END AS _reason FROM ("
            f"SELECT {opened}, _file, _row, "
            f"CASE WHEN _because IS NOT NULL THEN _because {bad} END AS _bad FROM ("
            f"SELECT {cast}, {origin}{given}, {because} AS _because FROM {raw}))"
        )

    def _unread(self, table: str) -> None:
        """Count the rows that the source could not even hand over."""
        for reason, n_rows in self.reading.rejected.get(table, {}).items():
            self.sql(
                "INSERT INTO _rejects SELECT ?, NULL, NULL, ? FROM range(?)",
                [table, reason, n_rows],
            )
            self.rows_in[table] += n_rows

    def _check_columns(self, table: schema.Table, present: Mapping[str, str]) -> None:
        known = {_raw_name(c) for c in table.columns} | _ORIGIN
        for name in present:
            if name not in known:
                raise DataError(
                    message("no such column", where=f"table {table.name}", got=name,
                            do=did_you_mean(name, known - _ORIGIN))
                )  # fmt: skip
        filled = FILLED.get(table.name, frozenset())
        for column in table.columns:
            name = _raw_name(column)
            if column.required and name not in present and name not in filled:
                raise DataError(
                    message("a required column is missing", where=f"table {table.name}", got=name,
                            do="map it, or leave the table out")
                )  # fmt: skip

    def _cast(self, column: schema.Column, present: Mapping[str, str]) -> str:
        name = _raw_name(column)
        if name not in present:
            if column.name == "recorded_at":
                self.notes["recorded_at"] = "not in the source: taken as occurred_at"
                return self._cast(schema.EVENT["occurred_at"], present)
            if column.name in _NAMED_BY and column.required:
                return self._own_id(column.name, present)
            if column.name == "source" and column.required and "raw" not in present:
                return "'unknown'"
            return f"NULL::{_raw_type(column).value}"
        is_plain = "_is_plain" if "_is_plain" in present else ""
        kind = _raw_type(column)
        cleaned = _cleaned(identifier(name), present[name], kind, name, is_plain)
        if column.values and kind is schema.Type.TEXT and present[name] == "VARCHAR":
            # A known word is clean as it stands.
            raw = identifier(name)
            cleaned = f"CASE WHEN {_is_among(raw, column.values)} THEN {raw} ELSE {cleaned} END"
        if column.name in _NAMED_BY and column.required:
            return f"coalesce({cleaned}, {self._own_id(column.name, present)})"
        return cleaned

    def _own_id(self, column: str, present: Mapping[str, str]) -> str:
        """Name a row after its content, so that a redelivered one has the same name.

        The id of the person goes in raw but only its digest under the client's key comes out.
        """
        parts = [n for n in _NAMED_BY[column] if n in present]
        text = ", ".join(f"coalesce({identifier(p)}::TEXT, chr(1))" for p in parts)
        return f"sha256(concat_ws(chr(31), {text}, {literal(self.key.hex())}))[1:32]"

    def _given(self, column: schema.Column, present: Mapping[str, str]) -> str | None:
        """Return the condition that a value is there which may turn out not to be of its type."""
        name, kind = _raw_name(column), _raw_type(column)
        if name not in present or kind is schema.Type.TEXT or present[name] == kind.value:
            return None
        raw = identifier(name)
        is_blank = f" AND trim({raw}) <> ''" if present[name] == "VARCHAR" else ""
        return f"{raw} IS NOT NULL{is_blank}"

    def _checks(self, table: schema.Table) -> Iterable[str]:
        for column in table.columns:
            name = identifier(_raw_name(column))
            plain = _raw_name(column)
            if column.required:
                yield f"WHEN {name} IS NULL THEN {literal(plain + ' is missing')}"
            if column.values:
                is_known = _is_among(name, column.values)
                yield f"WHEN NOT {is_known} THEN {literal(plain + ': unknown word')}"
            if column.low is not None:
                yield f"WHEN {name} < {column.low} THEN {literal(plain + ' is too small')}"
            if column.high is not None:
                yield f"WHEN {name} > {column.high} THEN {literal(plain + ' is too large')}"
            if column.type in (schema.Type.AT, schema.Type.ON):
                first, last = _PLAUSIBLE
                yield (
                    f"WHEN {name} < DATE '{first}-01-01' OR {name} >= DATE '{last + 1}-01-01' "
                    f"THEN {literal(f'{plain} is outside {first} to {last}')}"
                )
        if table is schema.EVENT:
            # Numbers, since intervals are slow; what has no number is out of range already.
            yield (
                "WHEN epoch_us(occurred_at) > epoch_us(recorded_at) + 86_400_000_000 "
                "THEN 'occurred after it was recorded'"
            )
        if table is schema.PERSON:
            yield "WHEN left_on < hired_on THEN 'left before being hired'"
            yield "WHEN valid_to_on <= valid_from_on THEN 'valid_to_on is not after valid_from_on'"

    # Rules that need more than a row ---------------------------------------------------------

    def _level_ratings(self) -> None:
        """Put raw ratings on 0 to 1 by their scale; what has no scale is rejected."""
        scales = self._everything("skill_scale")
        self._reject_where(
            "skill_rating", f"scale_id NOT IN (SELECT scale_id FROM ({scales}))",
            "scale_id is not in skill_scale",
        )  # fmt: skip
        self.sql(
            "UPDATE new_skill_rating AS r SET level = (r.raw - s.minimum) / (s.maximum - s.minimum)"
            f" FROM ({scales}) AS s WHERE s.scale_id = r.scale_id AND r.level IS NULL"
        )
        self._reject_where(
            "skill_rating", "level IS NULL OR level NOT BETWEEN 0 AND 1", "raw is outside its scale"
        )

    def _everything(self, table: str) -> str:
        """Return the query of a table's new rows and those already stored."""
        names = ", ".join(identifier(c.name) for c in schema.TABLES[table].columns)
        parts = []
        if table in self.rows_in:
            parts.append(f"SELECT {names} FROM new_{table}")
        if self.before and self.before.manifest.rows(table):
            file = literal(str(self.before.file(table).resolve()))
            parts.append(f"SELECT {names} FROM read_parquet({file})")
        if not parts:
            types = ", ".join(
                f"NULL::{c.type.value} AS {c.name}" for c in schema.TABLES[table].columns
            )
            return f"SELECT {types} WHERE false"
        return " UNION ".join(parts)

    def _close_person_intervals(self) -> None:
        """An open row ends where the next begins; a row that truly overlaps is rejected.

        The same row twice is one: it must not end itself on its first day.
        """
        columns = ", ".join(identifier(_raw_name(c)) for c in schema.PERSON.columns)
        self._reject_where(
            "person",
            f"rowid NOT IN (SELECT min(rowid) FROM new_person GROUP BY {columns})",
            "duplicate",
        )
        self.sql(
            "CREATE OR REPLACE TEMP TABLE new_person AS SELECT * REPLACE ("
            "coalesce(valid_to_on, min(valid_from_on) OVER later) AS valid_to_on) FROM new_person "
            "WINDOW later AS (PARTITION BY person_id ORDER BY valid_from_on "
            "RANGE BETWEEN INTERVAL 1 DAY FOLLOWING AND UNBOUNDED FOLLOWING)"
        )
        self.sql(
            "CREATE TEMP TABLE _overlap AS SELECT rowid AS r FROM new_person QUALIFY "
            "valid_from_on < max(valid_to_on) OVER (PARTITION BY person_id ORDER BY valid_from_on,"
            " hired_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        )
        self._reject_where(
            "person", "rowid IN (SELECT r FROM _overlap)", "interval overlaps an earlier one"
        )
        self.sql("DROP TABLE _overlap")

    def _reject_where(
        self, table: str, condition: str, reason: str, *, is_named: bool = True
    ) -> None:
        """Move rows to the rejected; the reason is a text, or else the name of its column."""
        why = literal(reason) if is_named else reason
        [(n_rejected,)] = self.sql(
            f"INSERT INTO _rejects SELECT {literal(table)}, _file, _row, {why} "
            f"FROM new_{table} WHERE {condition}"
        ).fetchall()
        if n_rejected:
            self.sql(f"DELETE FROM new_{table} WHERE {condition}")

    # Persons ---------------------------------------------------------------------------------

    def _identify(self, names: Sequence[str]) -> None:
        """Give every person met a pseudonym and a dense key, and forget the raw ids."""
        columns = [
            (name, column)
            for name in names
            for column in (
                *((PERSON_ID,) if schema.TABLES[name].has_person else ()),
                *schema.PSEUDONYM_COLUMNS.get(name, ()),
            )
        ]
        either = [(t, *_PERSON_OR_GROUP[t]) for t in names if t in _PERSON_OR_GROUP]
        for table, column, is_person in either:
            # Persons are known by their ids in lower case, as everywhere.
            self.sql(f"UPDATE new_{table} SET {column} = lower(trim({column})) WHERE {is_person}")
        if columns or either:
            raw = " UNION ALL ".join(
                [f"SELECT {c} AS raw, {c == PERSON_ID} AS is_own FROM new_{t}" for t, c in columns]
                + [
                    f"SELECT {c} AS raw, false AS is_own FROM new_{t} WHERE {where}"
                    for t, c, where in either
                ]
            )
            self.sql(
                "CREATE TEMP TABLE _met AS SELECT raw, bool_or(is_own) AS is_own "
                f"FROM ({raw}) WHERE raw IS NOT NULL GROUP BY raw"
            )
            ids = [r[0] for r in self.sql("SELECT raw FROM _met").fetchall()]
        else:
            self.sql("CREATE TEMP TABLE _met (raw TEXT, is_own BOOLEAN)")
            ids = []
        gone = keys.among_forgotten(ids, self.forgotten, self.keys) if self.forgotten else set()
        if gone:
            self._refuse(gone, columns, either)
            ids = [i for i in ids if i not in gone]
        import pyarrow as pa

        keyed = pseudonyms(ids, self.key)
        known = pa.table({"raw": handover.texts(ids), "person_id": handover.texts(keyed)})
        self.connection.register("_ids", known)
        self.sql("CREATE TEMP TABLE _pseudonym AS SELECT * FROM _ids")
        self.connection.unregister("_ids")
        for table, column in columns:
            if column != PERSON_ID:
                self.sql(
                    f"UPDATE new_{table} AS t SET {column} = p.person_id FROM _pseudonym AS p "
                    f"WHERE p.raw = t.{column}"
                )
        for table, column, is_person in either:
            self.sql(
                f"UPDATE new_{table} AS t SET {column} = p.person_id FROM _pseudonym AS p "
                f"WHERE p.raw = t.{column} AND {is_person}"
            )
        persons = ["SELECT person_id FROM _pseudonym JOIN _met USING (raw) WHERE is_own"]
        if self.before and self.before.manifest.rows("identity"):
            file = literal(str(self.before.file("identity").resolve()))
            staying = f" WHERE person_id <> {literal(self.leaving)}" if self.leaving else ""
            persons.append(f"SELECT person_id FROM read_parquet({file}){staying}")
        everyone = " UNION ".join(persons)
        self.sql(
            "CREATE TEMP TABLE all_identity AS SELECT "
            "(row_number() OVER (ORDER BY person_id))::INTEGER AS person_key, person_id "
            f"FROM ({everyone})"
        )
        self.sql(
            "CREATE TEMP TABLE _who AS SELECT raw, person_key "
            "FROM _pseudonym JOIN all_identity USING (person_id)"
        )
        self.sql("CREATE TEMP VIEW kept_identity AS FROM all_identity")
        self.sql("DROP TABLE _met")

    def _refuse(
        self,
        gone: set[str],
        columns: Sequence[tuple[str, str]],
        either: Sequence[tuple[str, str, str]],
    ) -> None:
        """Reject rows about the forgotten, and leave their names out of rows about others."""
        import pyarrow as pa

        self.connection.register("_gone_ids", pa.table({"raw": handover.texts(sorted(gone))}))
        self.sql("CREATE TEMP TABLE _gone AS SELECT * FROM _gone_ids")
        self.connection.unregister("_gone_ids")
        for table, column in columns:
            if column == PERSON_ID:
                self._reject_where(table, f"{column} IN (FROM _gone)", FORGOTTEN)
            else:
                self.sql(f"UPDATE new_{table} SET {column} = NULL WHERE {column} IN (FROM _gone)")
        for table, column, is_person in either:
            self._reject_where(table, f"{is_person} AND {column} IN (FROM _gone)", FORGOTTEN)
        self.sql("DROP TABLE _gone")
        # A row's number would say which line of the source was theirs.
        self.sql("UPDATE _rejects SET file = NULL, row = NULL WHERE reason = ?", [FORGOTTEN])

    def holds(self, pseudonym: str) -> bool:
        """Whether a stored table holds a person."""
        if self.before is None:
            return False
        columns = [("identity", PERSON_ID), *((t, c) for t, (c, _) in _PERSON_OR_GROUP.items())]
        columns += [(t, c) for t, named in schema.PSEUDONYM_COLUMNS.items() for c in named]
        for table, column in columns:
            if self.before.manifest.rows(table):
                file = literal(str(self.before.file(table).resolve()))
                query = f"SELECT count(*) FROM read_parquet({file}) WHERE {column} = ?"
                [(n,)] = self.sql(query, [pseudonym]).fetchall()
                if n:
                    return True
        return False

    def _without(self, table: schema.Table, source: str) -> str:
        """Leave the person who is leaving out of stored rows."""
        who = literal(self.leaving)
        named = schema.PSEUDONYM_COLUMNS.get(table.name, ())
        blanked = ", ".join(f"nullif({c}, {who}) AS {c}" for c in named)
        rows = f"SELECT * {f'REPLACE ({blanked})' if named else ''} FROM {source}"
        conditions = [f"person_id IS DISTINCT FROM {who}"] if table.has_person else []
        if table.name in _PERSON_OR_GROUP:
            column, is_person = _PERSON_OR_GROUP[table.name]
            conditions.append(f"NOT ({is_person} AND {column} = {who})")
        return f"({rows} WHERE {' AND '.join(conditions) or 'true'})"

    def _merge(self, table: schema.Table, *, is_new: bool) -> None:
        """Union new and stored rows under the new person keys, one row a key.

        Nothing is copied: ``kept_<table>`` is a view, read once, when the table is written.
        """
        sources, n_rows = [], 0
        if is_new:
            sources.append((f"new_{table.name}", "_who", "raw"))
            n_rows += self._count(f"new_{table.name}")
        if self.before and self.before.manifest.rows(table.name):
            file = literal(str(self.before.file(table.name).resolve()))
            map_file = literal(str(self.before.file("identity").resolve()))
            source = (
                f"(SELECT *, 'stored' AS _file, NULL::BIGINT AS _row FROM read_parquet({file})"
                f"{self._given_way(table)})"
            )
            if table.has_person:
                source = (
                    f"(SELECT s.*, i.person_id AS person_id FROM {source} AS s "
                    f"LEFT JOIN read_parquet({map_file}) AS i USING (person_key))"
                )
            if self.leaving:
                source = self._without(table, source)
            sources.append((source, "all_identity", "person_id"))
            n_rows += self.before.manifest.rows(table.name)
        every = f"all_{table.name}"
        united = " UNION ALL ".join(self._keyed(table, *source) for source in sources)
        self.sql(f"CREATE TEMP VIEW {every} AS {united}")
        # Who a row is about need not be looked up where its key does not say it.
        keyed = [every] if schema.PERSON_KEY in table.key else [s for s, *_ in sources]
        self._find_twice(table, keyed, n_rows)
        self._deduplicate(table)

    def _given_way(self, table: schema.Table) -> str:
        """Leave out what is stored of things that the source describes anew."""
        column, values = self.reading.replaces.get(table.name, ("", ()))
        if not values:
            return ""
        return f" WHERE {identifier(column)} NOT IN ({', '.join(map(literal, values))})"

    def _keyed(self, table: schema.Table, source: str, mapping: str, by: str) -> str:
        """Return the query of rows with the dense key of their person."""
        if not table.has_person:
            listed = ", ".join(identifier(n) for n in table.names)
            return f"SELECT {listed}, _file, _row FROM {source}"
        listed = ", ".join(
            "i.person_key" if n == schema.PERSON_KEY else f"t.{identifier(n)}" for n in table.names
        )
        return (
            f"SELECT {listed}, t._file, t._row FROM {source} AS t "
            f"LEFT JOIN {mapping} AS i ON i.{by} = t.{PERSON_ID}"
        )

    def _find_twice(self, table: schema.Table, sources: Sequence[str], n_rows: int) -> None:
        """Keep hashes of keys that stand twice or more, as ``_twice_<table>``.

        Beside its neighbour in order a hash shows that it stands twice; groups of one row each
        would cost the engine twice the time, and memory that grows with the log. A part of the
        hashes is asked for at a time, so that memory stays bounded.
        """
        key = ", ".join(identifier(k) for k in table.key)
        hashes = " UNION ALL ".join(f"SELECT hash({key}) AS h FROM {source}" for source in sources)
        n_parts = n_rows // _HASHES_AT_ONCE + 1
        if n_parts > 1:
            # Rows may have gone to disk by now; numbers alone are quick to look at again.
            self.sql(f"CREATE TEMP TABLE _hashes AS {hashes}")
            hashes = "FROM _hashes"
        self.sql(f"CREATE TEMP TABLE _twice_{table.name} (h UBIGINT)")
        for i in range(n_parts):
            part = f" WHERE h % {n_parts} = {i}" if n_parts > 1 else ""
            self.sql(
                f"INSERT INTO _twice_{table.name} SELECT DISTINCT h FROM ("
                f"SELECT h, lead(h) OVER (ORDER BY h) AS later FROM ({hashes}){part}) "
                "WHERE h = later"
            )
        self.sql("DROP TABLE IF EXISTS _hashes")

    def _deduplicate(self, table: schema.Table) -> None:
        """Keep one row a key: the first in the order of all columns.

        Keys are told apart by a hash first, so that rows are put in order only where a key, or
        its hash, stands twice.
        """
        every, twice, ranked = (f"{w}_{table.name}" for w in ("all", "_twice", "_ranked"))
        columns = ", ".join(identifier(c.name) for c in table.columns)
        key = ", ".join(identifier(k) for k in table.key)
        kept = f"SELECT {columns} FROM {every}"
        if self._count(twice):
            text = ", ".join(f"coalesce({identifier(c.name)}::TEXT, chr(1))" for c in table.columns)
            self.sql(
                f"CREATE TEMP TABLE {ranked} AS SELECT *, row_number() OVER (PARTITION BY {key} "
                f"ORDER BY {columns}, _file, _row) AS _rank, "
                f"md5(concat_ws(chr(31), {text})) AS _same FROM {every} "
                f"WHERE hash({key}) IN (FROM {twice})"
            )
            same_key = " AND ".join(
                f"r.{identifier(k)} IS NOT DISTINCT FROM f.{identifier(k)}" for k in table.key
            )
            self.sql(
                f"INSERT INTO _rejects SELECT {literal(table.name)}, r._file, r._row, "
                "CASE WHEN r._same = f._same THEN 'duplicate' ELSE 'another row has this key' END "
                f"FROM {ranked} AS r JOIN {ranked} AS f ON {same_key} AND f._rank = 1 "
                "WHERE r._rank > 1"
            )
            kept += (
                f" WHERE hash({key}) NOT IN (FROM {twice}) "
                f"UNION ALL SELECT {columns} FROM {ranked} WHERE _rank = 1"
            )
        self.sql(f"CREATE TEMP VIEW kept_{table.name} AS {kept}")

    def _activity_day(self, events: str) -> None:
        """Fold events into one row per person, local day, verb, assignment and day recorded.

        Of a long log a part at a time, so that memory stays bounded.
        """
        first, last = self.sql(
            "SELECT least(min(occurred_at), min(recorded_at))::DATE, "
            f"greatest(max(occurred_at), max(recorded_at))::DATE FROM {events}"
        ).fetchall()[0]
        offsets = clock.offsets(self.time_zone, first or date(2000, 1, 1), last or date(2000, 1, 1))

        def local(column: str) -> str:
            if len(offsets) == 1 and not offsets[0][1]:
                return f"{column}::DATE"
            # Numbers, since intervals are slow.
            first, *later = [(at, 1_000_000 * seconds) for at, seconds in offsets]
            whens = " ".join(
                f"WHEN {column} >= TIMESTAMP {literal(str(at))} THEN {shift}"
                for at, shift in reversed(later)
            )
            shift = f"CASE {whens} ELSE {first[1]} END" if whens else first[1]
            return f"make_timestamp(epoch_us({column}) + {shift})::DATE"

        def days(where: str) -> str:
            return (
                f"SELECT person_key, {local('occurred_at')} AS day_on, verb, "
                "assignment_id IS NOT NULL AS is_assigned, "
                f"{local('recorded_at')} AS recorded_on, count(*)::INTEGER AS n_events, "
                f"sum(duration_s)::BIGINT AS duration_s FROM {events}{where} GROUP BY ALL"
            )

        n_parts = self._count(events) // _EVENTS_AT_ONCE + 1
        if n_parts == 1:
            self.sql(f"CREATE TEMP VIEW kept_activity_day AS {days('')}")
            return
        # Keys are in the order of pseudonyms, so a range of them has its share of the events; and
        # the ranges follow each other in the order of the table.
        n_persons = self._count("all_identity")
        n_keys = n_persons // n_parts + 1
        order = ", ".join(schema.ACTIVITY_DAY.order)
        self.sql(f"CREATE TEMP TABLE kept_activity_day AS {days(' WHERE false')}")
        for first in range(1, n_persons + 1, n_keys):
            own = f" WHERE person_key >= {first} AND person_key < {first + n_keys}"
            self.sql(f"INSERT INTO kept_activity_day {days(own)} ORDER BY {order}")
        self.in_order.add("activity_day")

    # Counting --------------------------------------------------------------------------------

    def _count(self, table: str) -> int:
        [(n,)] = self.sql(f"SELECT count(*) FROM {table}").fetchall()
        return int(n)

    def _count_rejects(self, tables: Sequence[str]) -> None:
        rows = self.sql(
            "SELECT tab, reason, count(*) FROM _rejects WHERE file IS DISTINCT FROM 'stored'"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for table in tables:
            self.rejected[table] = {reason: int(n) for t, reason, n in rows if t == table}
            self.rows_out[table] = self.rows_in[table] - sum(self.rejected[table].values())

    def _check_limit(self, table: str) -> None:
        fine = {"duplicate", FORGOTTEN, *self.reading.set_aside}
        fine |= {r.removeprefix(f"{table}: ") for r in self.reading.set_aside}
        faults = {r: n for r, n in self.rejected[table].items() if r not in fine}
        n_in, n_bad = self.rows_in[table], sum(faults.values())
        if n_bad > self.reject_limit * n_in:
            worst = max(faults, key=lambda reason: faults[reason])
            raise DataError(
                message(
                    f"{n_bad:,} of {n_in:,} rows would be rejected, most because {worst}",
                    where=f"table {table}", allowed=f"{self.reject_limit:.0%} of the rows",
                    do="mend the source or its mapping, or raise the limit knowingly",
                )
            )  # fmt: skip

    # Writing ---------------------------------------------------------------------------------

    def _write(self, folder: Path, names: Sequence[str]) -> IngestReport:
        draft = folder / f".draft-{os.getpid()}"
        for leftover in folder.glob(".draft-*"):
            remove_tree(leftover)
        draft.mkdir(mode=0o700)
        try:
            with ThreadPoolExecutor(max_workers=2) as beside:
                entries = self._write_tables(draft, names, beside)
                self._write_rejects(draft / "_rejected.parquet")
                n_persons = self._count("all_identity")
                # The engine is asked nothing more, and letting go of its memory takes a while.
                closed = beside.submit(self.connection.close)
                manifest = self._manifest({n: e.result() for n, e in entries.items()}, n_persons)
                closed.result()
            sync_tree(draft)
            final = folder / manifest.version
            if final.exists():
                remove_tree(draft)
            else:
                os.replace(draft, final)
        except BaseException:
            remove_tree(draft)
            raise
        atomic_write(folder / MANIFEST, _to_json(manifest), mode=0o600)
        keep = {manifest.version} | ({self.before.manifest.version} if self.before else set())
        _remove_leftovers(folder, keep)
        return IngestReport(Dataset.open(folder), False, self.rows_in, self.rows_out, self.rejected)

    def _write_tables(
        self, draft: Path, names: Sequence[str], beside: ThreadPoolExecutor
    ) -> dict[str, Future[TableEntry]]:
        """Write every table; each is read again and summed up while the next is written."""
        entries = {}
        for name in (n for n in schema.TABLES if n in names):
            if name == "activity_day":
                self._activity_day(_parquet(draft / "event.parquet"))
            file = draft / f"{name}.parquet"
            self._write_table(schema.TABLES[name], file)
            entries[name] = beside.submit(_entry, schema.TABLES[name], file)
        return entries

    def _manifest(self, entries: Mapping[str, TableEntry], n_persons: int) -> Manifest:
        before = self.before.manifest if self.before else None
        draft = Manifest(
            client=self.client,
            public=self.public,
            time_zone=self.time_zone,
            version="",
            tables=entries,
            n_persons=n_persons,
            rows_in=_added(before.rows_in if before else {}, self.rows_in),
            rows_out=_added(before.rows_out if before else {}, self.rows_out),
            rejected={
                name: _added(
                    (before.rejected if before else {}).get(name, {}), self.rejected.get(name, {})
                )
                for name in sorted({*(before.rejected if before else {}), *self.rejected})
            },
            sources=(*(before.sources if before else ()), *self.reading.files),
            notes={**(before.notes if before else {}), **self.notes},
            key_id=keys.key_id(self.key),
        )
        values = {f: getattr(draft, f) for f in draft.__dataclass_fields__}
        return Manifest(**{**values, "version": f"v-{draft.data_hash[:12]}"})

    def _write_table(self, table: schema.Table, file: Path) -> None:
        rows = f"FROM kept_{table.name}"
        if table.name not in self.in_order:
            rows += f" ORDER BY {', '.join(map(identifier, table.order))}"
        absent = self.absent.get(table.name, frozenset())
        columns = ", ".join(
            f"NULL::{c.type.value} AS {identifier(c.name)}" if c.name in absent
            else identifier(c.name)
            for c in table.columns
        )  # fmt: skip
        self.sql(
            f"COPY (SELECT {columns} FROM ({rows})) "
            f"TO {literal(str(file.resolve()))} "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )
        self.sql(f"DROP TABLE IF EXISTS new_{table.name}")

    def _write_rejects(self, file: Path) -> None:
        self.sql(
            "COPY (SELECT * FROM _rejects WHERE file IS DISTINCT FROM 'stored' ORDER BY ALL) "
            f"TO {literal(str(file.resolve()))} (FORMAT parquet)"
        )


def _parquet(file: Path) -> str:
    return f"read_parquet({literal(str(file.resolve()))})"


def _entry(table: schema.Table, file: Path) -> TableEntry:
    return TableEntry(*checksums.of(table, file))


def _entry_by_rows(
    connection: duckdb.DuckDBPyConnection, table: schema.Table, source: str
) -> TableEntry:
    """Count a table's rows and hash them as datasets of an earlier version were."""
    text = ", chr(31), ".join(
        f"coalesce({identifier(c.name)}::TEXT, chr(1))" for c in table.columns
    )
    [(n, high, low)] = connection.execute(
        "SELECT count(*), sum((m >> 64)::UBIGINT), sum((m & 18446744073709551615)::UBIGINT) "
        f"FROM (SELECT md5_number(concat({text})) AS m FROM {source})"
    ).fetchall()
    digest = hashlib.sha256(f"{table.name} {n} {high} {low}".encode()).hexdigest()
    return TableEntry(int(n), digest)


def differing(dataset: Dataset) -> list[str]:
    """Tell which tables no longer hold what the manifest says was written.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    list of str
        Names; empty where all is well. A table whose file is missing or broken is among them.
    """
    connection = engine.intake([dataset.path])
    found = []
    try:
        for name, entry in dataset.manifest.tables.items():
            table, file = schema.TABLES.get(name), dataset.file(name)
            try:
                is_same = table is not None and entry == (
                    _entry(table, file)
                    if entry.content_hash.startswith(checksums.MARK)
                    else _entry_by_rows(connection, table, _parquet(file))
                )
            except Exception as error:
                of_file = isinstance(error, OSError | KeyError | ValueError)
                if not of_file and not _is_readers(error):
                    raise
                is_same = False
            if not is_same:
                found.append(name)
    finally:
        connection.close()
    return found


def _is_readers(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in ("duckdb", "_duckdb", "pyarrow")


def _raw_name(column: schema.Column) -> str:
    return PERSON_ID if column.name == schema.PERSON_KEY else column.name


def _raw_type(column: schema.Column) -> schema.Type:
    return schema.Type.TEXT if column.name == schema.PERSON_KEY else column.type


FORGOTTEN = "forgotten"
"""Reason of rows about someone who was forgotten; never held against a source."""

_PERSON_IDS = frozenset({PERSON_ID, "manager_id", "rater_id"})
_ORIGIN = frozenset({"_file", "_row", "_is_plain", "_reason"})
_NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "event_id": (PERSON_ID, "occurred_at", "verb", "content_id", "attempt_id", "session_id"),
    "assignment_id": (PERSON_ID, "content_id", "assigned_at"),
}
"""What a row without an id of its own is named by."""
_PERSON_OR_GROUP: Mapping[str, tuple[str, str]] = {
    "arm": ("unit_id", "unit_kind = 'person'"),
    "outcome": ("entity_id", "entity_kind = 'person'"),
    "survey_answer": ("token", "NOT starts_with(lower(token), 'group ')"),
}
"""Columns that hold a person or a group, and when it is a person."""
FILLED: Mapping[str, frozenset[str]] = {
    "event": frozenset({"event_id", "recorded_at", "source"}),
    "assignment": frozenset({"assignment_id"}),
}
"""Required columns that the door fills where the source has none."""


def _clean_text(text: str, is_plain: str = "") -> str:
    """Return the expression of a text in one spelling, without marks that nobody sees.

    ``is_plain`` is the condition that it is printable ASCII, where that is known otherwise.
    """
    seen = f"regexp_replace(nfc_normalize({text}), {literal(_CONTROL)}, '', 'g')"
    # Most texts are plain ASCII, where there is nothing to clean.
    is_clean = f"regexp_full_match({text}, '[!-~](?:[ -~]*[!-~])?')"
    if is_plain:
        is_clean = f"{is_plain} AND {has_no_space_around(text)}"
    return f"CASE WHEN {is_clean} THEN {text} ELSE nullif(trim({seen}), '') END"


def _is_among(text: str, words: Iterable[str]) -> str:
    """Return the condition that a text is one of some words; null where there is none.

    Of a longer ``IN`` the engine makes a join, through which it copies every column.
    """
    return f"list_contains([{', '.join(map(literal, words))}], {text})"


def _open_ended(column: schema.Column) -> str:
    """Return a column with sentinels such as 9999-12-31 as an open end, where it may be missing."""
    name = identifier(_raw_name(column))
    if column.type not in (schema.Type.AT, schema.Type.ON) or column.required:
        return name
    return f"CASE WHEN {name} < DATE '{_OPEN_END_YEAR}-01-01' THEN {name} END AS {name}"


def _cleaned(raw: str, given: str, wanted: schema.Type, name: str, is_plain: str) -> str:
    """Return the expression that brings a raw column to its type; null where it cannot."""
    if wanted is schema.Type.TEXT:
        text = _clean_text(f"{raw}::TEXT", is_plain) if is_plain else f"_clean({raw}::TEXT)"
        return f"lower({text})" if name in _PERSON_IDS else text
    if wanted is schema.Type.TEXTS:
        each = f"list_transform({raw}::VARCHAR[], lambda x: {_clean_text('x')})"
        return f"list_filter({each}, lambda x: x IS NOT NULL)"
    if given == wanted.value:
        return raw
    if wanted in (schema.Type.INT, schema.Type.BIGINT) and given in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN {raw} = floor({raw}) THEN try_cast({raw} AS {wanted.value}) END"
    if given == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({raw}))"
    if wanted is schema.Type.AT and given == "VARCHAR":
        return instants.utc(raw)
    return f"try_cast({raw} AS {wanted.value})"


def _words(kind: schema.Type) -> str:
    return {
        schema.Type.INT: "no whole number",
        schema.Type.BIGINT: "no whole number",
        schema.Type.REAL: "no number",
        schema.Type.MONEY: "no amount",
        schema.Type.BOOL: "no truth value",
        schema.Type.AT: "no instant",
        schema.Type.ON: "no date",
    }.get(kind, "unreadable")


def _plain(frame: pd.DataFrame) -> Any:
    """Hand a frame to the engine as Arrow, without pandas' row labels and zoned instants."""
    import pandas as pd
    import pyarrow as pa

    copy = frame.reset_index(drop=True)
    for name in copy.columns:
        if isinstance(copy[name].dtype, pd.DatetimeTZDtype):
            copy[name] = copy[name].dt.tz_convert("UTC").dt.tz_localize(None)
        elif copy[name].isna().all() and copy[name].dtype == object:
            copy[name] = copy[name].astype("string")
    try:
        table = pa.Table.from_pandas(copy, preserve_index=False)
    except UnicodeEncodeError:
        raise DataError(
            message("a text holds half a letter (a lone surrogate)", where="ingest",
                    do="read the source with its own encoding")
        ) from None  # fmt: skip
    for i, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit != "us":
            cast = table.column(i).cast(pa.timestamp("us"), safe=False)
            table = table.set_column(i, column.name, cast)
    return table


def _added(before: Mapping[str, int], new: Mapping[str, int]) -> dict[str, int]:
    return {k: before.get(k, 0) + new.get(k, 0) for k in sorted({*before, *new})}


def _to_json(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), indent=1, sort_keys=True, default=dict) + "\n"
