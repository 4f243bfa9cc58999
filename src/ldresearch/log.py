"""``EventLog``: what is known as of a date, in a reporting time zone, for a population.

The rules of a study live here once:

- a row exists only if it happened *and* was recorded before the as-of date;
- what was not known yet (a leaving date, a status) is blank;
- days and weeks are local to the reporting time zone;
- whoever is filtered out is counted, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ldresearch import clock, engine, places, reprs, schema
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.result import Step

if TYPE_CHECKING:
    from datetime import datetime

    import ibis
    import numpy as np
    import pandas as pd
    import pyarrow as pa

T = TypeVar("T")

POPULATION_COLUMNS = ("unit", "role", "level", "country", "location")
"""What a population can be narrowed by; ``unit`` matches anywhere on the unit path."""

PART_ROWS = 20_000_000
"""Rows of a table that a measure works through at a time, so that memory stays bounded."""

PIECE_ROWS = 250_000
"""Rows that the engine hands over at a time where a measure looks at each of them."""

PIECES_AHEAD = 8
"""Pieces that the engine may be ahead of the measure."""

_MIXED = (("int64",), "int64")
"""Types of the hashes of rows, and of what they are mixed to."""


@dataclass(frozen=True)
class EventLog:
    """A frozen handle on a dataset as of a date; each method returns a new one.

    Parameters
    ----------
    dataset : Dataset
    as_of : datetime.date
        First day that is *not* known.
    time_zone : str
        Reporting time zone, IANA name.
    population : mapping of str to str
        Narrowing already applied, by column of ``POPULATION_COLUMNS``.
    attrition : tuple of Step
        Who is still counted after each step.
    memory : str
        Memory limit of the engine.
    threads : int or None
        Threads of the engine; all cores by default.
    people_as_of : datetime.date or None
        First day whose joiners, leavers and movers are not counted yet, where that is not the
        as-of date: so that two reports in a row never differ in a handful of people.
    keys : tuple of (int, int) or None
        Person keys from and to before which are read, as in :meth:`parts`; ``None``: all.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales
    ...     ben       | 2024-01-01    | 2024-01-01 | Lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ...     ben       | 2024-03-04  | view
    ... '''}, as_of="2024-02-01")
    >>> tiny.where(unit="Sales").attrition
    (Step(reason='unit is Sales', n_persons=1, n_rows=1),)
    """

    dataset: Dataset
    as_of: date
    time_zone: str
    population: Mapping[str, str] = field(default_factory=dict)
    attrition: tuple[Step, ...] = ()
    memory: str = engine.DEFAULT_MEMORY
    threads: int | None = None
    people_as_of: date | None = None
    keys: tuple[int, int] | None = None
    spark: engine.Spark | None = None

    @classmethod
    def open(
        cls,
        path: str | Path | Dataset,
        *,
        as_of: str | date,
        time_zone: str = "",
        memory: str = engine.DEFAULT_MEMORY,
        threads: int | None = None,
        people_as_of: str | date | None = None,
        spark: engine.Spark | None = None,
    ) -> Self:
        """Open a dataset as of a date; the dataset's own time zone unless told otherwise.

        Parameters
        ----------
        path : str, Path or Dataset
        as_of : str or datetime.date
            First day that is not known; ISO where it is text.
        time_zone : str
            Reporting time zone, IANA name; empty: that of the dataset.
        memory : str
            Memory limit of the engine.
        threads : int, optional
            All cores by default.
        people_as_of : str or datetime.date, optional
            Count people as they were known before this day; by default before the as-of date.
        spark : engine.Spark, optional
            Run in this Spark session instead of in DuckDB on this machine.

        Returns
        -------
        EventLog
            Of everyone; nothing has been read yet.

        Raises
        ------
        ParameterError
            For a date that is none, or an unknown time zone.
        DataError
            If there is no dataset, or its manifest cannot be read.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> march = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ...     ada       | 2024-02-20  | view
        ... '''}, as_of="2024-03-01")
        >>> february = EventLog.open(march.dataset, as_of="2024-02-01")
        >>> [len(one.collect(one.table("event"))) for one in (february, march)]
        [1, 2]
        """
        dataset = path if isinstance(path, Dataset) else Dataset.open(Path(path))
        zone = time_zone or dataset.manifest.time_zone
        clock.zone(zone)
        return cls(
            dataset=dataset,
            as_of=clock.parse_date(as_of, name="as_of"),
            time_zone=zone,
            memory=memory,
            threads=threads,
            people_as_of=clock.parse_date(people_as_of, name="people_as_of")
            if people_as_of
            else None,
            spark=spark,
        )

    def before(self, day: date) -> EventLog:
        """Return what was known before an earlier day, for the same population, opened once.

        Parameters
        ----------
        day : datetime.date
            The first day that is no longer read.

        Returns
        -------
        EventLog
            As of that day; the same where the day is the as-of date or a later one.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | complete
        ...     ada       | 2024-01-09  | view
        ... '''}, as_of="2024-01-15")
        >>> launch = date(2024, 1, 8)
        >>> tiny.before(launch).collect(tiny.before(launch).table("event"))["verb"].tolist()
        ['complete']
        >>> tiny.before(date(2024, 2, 1)) is tiny
        True
        """
        return self._sharing(as_of=day) if day < self.as_of else self

    def everyone(self) -> EventLog:
        """Return the log of everyone, whoever it is narrowed to, opened once.

        Returns
        -------
        EventLog
            As of the same date; people counted as of it too.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"person": '''
        ...     person_id | valid_from_on | hired_on   | unit_path
        ...     ada       | 2024-01-01    | 2024-01-01 | Sales
        ...     ben       | 2024-01-01    | 2024-01-01 | Lab
        ... '''}, as_of="2024-02-01")
        >>> sales = tiny.where(unit="Sales")
        >>> [len(one.collect(one.persons())) for one in (sales, sales.everyone())]
        [1, 2]
        """
        return self._sharing(population={}, attrition=(), people_as_of=None, keys=None)

    def __repr__(self) -> str:
        narrowed = "".join(f", {k} {v}" for k, v in self.population.items())
        return f"EventLog({self.dataset.manifest.client} as of {self.as_of}{narrowed})"

    def _repr_html_(self) -> str:
        """Show in JupyterLab what is known as of the date, and who is still counted."""
        manifest = self.dataset.manifest
        known = [
            ("client", manifest.client), ("as of", self.as_of), ("time zone", self.time_zone),
            *self.population.items(),
        ]  # fmt: skip
        rows = [(n, f"{e.rows:,}") for n, e in sorted(manifest.tables.items()) if e.rows]
        steps = [(s.reason, f"{s.n_persons:,}", f"{s.n_rows:,}") for s in self.attrition]
        parts = [reprs.pairs(known), reprs.table(["table", "rows in the dataset"], rows)]
        if steps:
            parts.append(reprs.table(["step", "people", "rows"], steps))
        return reprs.page("Event log", *parts, note="Private: not for distribution.")

    # What there is -------------------------------------------------------------------------

    @cached_property
    def _opened(self) -> tuple[Any, Mapping[str, ibis.Table]]:
        files = {name: self.dataset.file(name) for name in self.dataset.manifest.tables}
        if self.spark is not None:
            return engine.spark(files, self.spark)
        return engine.analysis(files, memory=self.memory, threads=self.threads)

    @cached_property
    def _tables(self) -> dict[str, ibis.Table]:
        return {}

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """What measures keep of this log while it is open: tables that several of them share."""
        return {}

    def _sharing(self, **changes: Any) -> EventLog:
        """Return a changed copy on the same connection, so that nothing is opened twice."""
        other = replace(self, **changes)
        other.__dict__["_opened"] = self._opened
        return other

    @property
    def _has_own_days(self) -> bool:
        """Whether the dataset's days are those of the reporting time zone."""
        return self.time_zone == self.dataset.manifest.time_zone

    def has(self, name: str) -> bool:
        """Tell whether a table has a row as of this date, for this population.

        Parameters
        ----------
        name : str
            A canonical table.

        Returns
        -------
        bool
            False also where the dataset lacks the table.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-20  | view
        ... '''}, as_of="2024-02-01")
        >>> tiny.has("event"), tiny.has("person")
        (True, False)
        """
        if self.dataset.manifest.rows(name) == 0:
            return False
        days = schema.ACTIVITY_DAY.name
        if name == schema.EVENT.name and self.dataset.manifest.rows(days) and self._has_own_days:
            # Each event has its day, and days are quicker to look at.
            name = days
        if ("has", name) not in self.memo:
            self.memo["has", name] = bool(self.value(self.table(name).limit(1).count()))
        found: bool = self.memo["has", name]
        return found

    def table(self, name: str) -> ibis.Table:
        """Return a canonical table as known as of the date, for the population.

        Parameters
        ----------
        name : str

        Returns
        -------
        ibis.Table
            One row a record. What was not known yet is blank, and a row that was not recorded yet
            is absent.

        Raises
        ------
        ParameterError
            If the schema has no such table. A table the dataset lacks comes back empty.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"person": '''
        ...     person_id | valid_from_on | hired_on   | left_on
        ...     ada       | 2024-01-01    | 2024-01-01 | 2024-01-20
        ...     ben       | 2024-01-01    | 2024-01-01 | 2024-02-20
        ... '''}, as_of="2024-02-01")
        >>> int(tiny.collect(tiny.table("person"))["left_on"].notna().sum())
        1
        """
        if name not in schema.TABLES:
            raise ParameterError(
                message("no such table", where="EventLog.table", got=name,
                        do=did_you_mean(name, schema.TABLES))
            )  # fmt: skip
        if name not in self._tables:
            self._tables[name] = self._known(schema.TABLES[name])
        return self._tables[name]

    def _known(self, table: schema.Table) -> ibis.Table:
        import ibis

        backend, stored = self._opened
        if table is schema.ACTIVITY_DAY and not self._has_own_days:
            return self._activity_day()
        if table.name not in stored:
            return engine.empty(backend, table.name, {c.name: c.type.value for c in table.columns})
        expr = stored[table.name]
        if self.keys and table.has_person:
            first, end = self.keys
            is_own = (expr.person_key >= first) & (expr.person_key < end)
            expr = expr.filter(
                is_own | expr.person_key.isnull() if table is schema.TOUCH else is_own
            )
        bound = self._people_bound if table is schema.PERSON else self.bound
        for column in table.known_at:
            is_known = expr[column] < bound(column)
            # What is always there needs no look for blanks, and rows are skipped block by block.
            expr = expr.filter(
                is_known if table[column].required else expr[column].isnull() | is_known
            )
        for column, hidden in table.hidden_after:
            is_known = expr[column].isnull() | (expr[column] < bound(column))
            expr = expr.mutate(
                **{c: ibis.ifelse(is_known, expr[c], ibis.null(expr[c].type())) for c in hidden}
            )
        if table.has_person and table is not schema.PERSON and self._joined_since is not None:
            expr = expr.anti_join(self._joined_since, "person_key")
        if table.has_person and self._selected is not None:
            keys = self._selected
            kept = expr.semi_join(keys, expr.person_key == keys.person_key)
            if table is schema.TOUCH:
                kept = kept.union(expr.filter(expr.person_key.isnull()))
            expr = kept
        return expr

    def bound(self, column: str) -> Any:
        """Return the as-of date as an instant or a date, whichever the column holds.

        Parameters
        ----------
        column : str
            Its name tells: ``_at`` is an instant, everything else a date.

        Returns
        -------
        ibis.Scalar
            Of an instant, midnight of the date in the reporting time zone, in UTC.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at         | verb
        ...     ada       | 2024-01-31 22:59:00 | view
        ...     ada       | 2024-01-31 23:01:00 | view
        ... '''}, as_of="2024-03-01", time_zone="Europe/Berlin")
        >>> february = EventLog.open(tiny.dataset, as_of="2024-02-01")
        >>> event = tiny.table("event")
        >>> len(tiny.collect(event.filter(event.occurred_at < february.bound("occurred_at"))))
        1
        """
        import ibis

        if column.endswith("_at"):
            return ibis.literal(clock.midnight_utc(self.as_of, self.time_zone), type="timestamp(6)")
        return ibis.literal(self.as_of, type="date")

    def _people_bound(self, column: str) -> Any:
        """Bound of the staff list, whose changes may be counted later than everything else."""
        if self.people_as_of is None or self.people_as_of >= self.as_of:
            return self.bound(column)
        return replace(self, as_of=self.people_as_of).bound(column)

    @cached_property
    def _joined_since(self) -> ibis.Table | None:
        """People who joined since the day as of which people are counted, if there is one."""
        if self.people_as_of is None or self.people_as_of >= self.as_of:
            return None
        name = "person" if self.dataset.manifest.rows("person") else "event"
        now = self._sharing(people_as_of=None, population={}, attrition=())
        then = now._sharing(as_of=self.people_as_of)
        known = then.table(name).select("person_key").distinct()
        return now.table(name).select("person_key").distinct().anti_join(known, "person_key")

    def members(self) -> list[str]:
        """Return the pseudonyms of whoever is employed on the day people are counted.

        Returns
        -------
        list of str
            Sorted; for the ledger of releases. Without an HR file everyone with an event.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"person": '''
        ...     person_id | valid_from_on | hired_on   | left_on
        ...     ada       | 2024-01-01    | 2024-01-01 | 2024-01-20
        ...     ben       | 2024-01-01    | 2024-01-01 | -
        ...     cleo      | 2024-01-29    | 2024-01-29 | -
        ... '''}, as_of="2024-02-01")
        >>> held = EventLog.open(tiny.dataset, as_of="2024-02-01", people_as_of="2024-01-15")
        >>> len(tiny.members()), len(held.members()), len({*tiny.members(), *held.members()})
        (2, 2, 3)
        """
        if self.dataset.manifest.rows("person"):
            person = self.persons()
            keys = person.filter(person.left_on.isnull()).select("person_key")
        else:
            keys = self.table("event").select("person_key").distinct()
        identity = self._opened[1]["identity"]
        found = identity.semi_join(keys, "person_key").select("person_id")
        return sorted(self.collect(found)["person_id"])

    def parts(self, table: str, n_rows: int | None = None) -> list[EventLog]:
        """Split the people, so that each part has about so many rows of a table.

        For what is counted person by person and then added up: memory is needed for a part, however
        long the log. Rows are stored by person, so a part reads its own and no others.

        Parameters
        ----------
        table : str
            A canonical table whose rows belong to persons.
        n_rows : int, optional
            Rows of the dataset in a part, about; :data:`PART_ROWS` by default.

        Returns
        -------
        list of EventLog
            Every person is in exactly one; the log itself where one part is enough.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ...     ben       | 2024-01-04  | view
        ...     cleo      | 2024-01-05  | view
        ... '''}, as_of="2024-02-01")
        >>> [len(part.collect(part.table("event"))) for part in tiny.parts("event", n_rows=2)]
        [1, 2]
        """
        n_parts = -(-self.dataset.manifest.rows(table) // (n_rows or PART_ROWS))
        if n_parts <= 1 or self.keys or self.spark is not None:
            return [self]
        n_persons = self.dataset.manifest.n_persons
        edges = [1 + n_persons * i // n_parts for i in range(n_parts + 1)]
        return [self._sharing(keys=pair) for pair in pairwise(edges)]

    @property
    def whole(self) -> EventLog:
        """The log that :meth:`parts` parted; itself where it is none of them."""
        return self._sharing(keys=None) if self.keys else self

    @property
    def is_here(self) -> bool:
        """Whether rows are read on this machine, so that a measure may look at each of them."""
        return not engine.is_spark(self._opened[0])

    # Days ----------------------------------------------------------------------------------

    def day(self, instant: Any) -> Any:
        """Return the local day of a UTC instant column, as an expression.

        Parameters
        ----------
        instant : ibis.Column
            Instants in UTC.

        Returns
        -------
        ibis.Column
            Dates in the reporting time zone.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at         | verb
        ...     ada       | 2024-01-31 23:30:00 | view
        ... '''}, as_of="2024-03-01", time_zone="Europe/Berlin")
        >>> event = tiny.table("event")
        >>> str(tiny.collect(event.select(day_on=tiny.day(event.occurred_at)))["day_on"][0])[:10]
        '2024-02-01'
        """
        import ibis

        table = self._offsets
        shift = ibis.literal(table[0][1])
        if len(table) > 1:
            branches = [
                (instant >= ibis.literal(at, type="timestamp(6)"), ibis.literal(seconds))
                for at, seconds in reversed(table[1:])
            ]
            shift = ibis.cases(*branches, else_=ibis.literal(table[0][1]))
        return (instant + shift.as_interval("s")).date()

    def local_days(self, instants: np.ndarray) -> np.ndarray:
        """Return the local days of instants that :meth:`streamed` gave, as :meth:`day` tells them.

        Parameters
        ----------
        instants : numpy.ndarray of int64
            Microseconds since 1970, UTC.

        Returns
        -------
        numpy.ndarray of int32
            Days since 1970 in the reporting time zone.

        Examples
        --------
        >>> import numpy as np
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ... '''}, as_of="2024-03-01", time_zone="Europe/Berlin")
        >>> late = np.array(["2024-01-31T22:30", "2024-01-31T23:30"], "datetime64[us]")
        >>> tiny.local_days(late.astype("int64")).astype("datetime64[D]").astype(str).tolist()
        ['2024-01-31', '2024-02-01']
        """
        import numpy as np

        since, seconds = zip(*self._offsets, strict=True)
        starts = np.array(since, dtype="datetime64[us]").astype(np.int64)
        # What lies before the first has its offset too.
        shifts = np.array(seconds)[np.searchsorted(starts[1:], instants, side="right")]
        days: np.ndarray = ((instants + shifts * 1_000_000) // 86_400_000_000).astype(np.int32)
        return days

    @property
    def _offsets(self) -> tuple[tuple[datetime, int], ...]:
        """Offsets of the reporting time zone, and since when each holds."""
        return clock.offsets(self.time_zone, date(1990, 1, 1), self.as_of + timedelta(days=2))

    def _activity_day(self) -> ibis.Table:
        """Derive ``activity_day`` in a time zone other than the dataset's."""
        event = self.table("event")
        days = event.mutate(
            day_on=self.day(event.occurred_at),
            recorded_on=self.day(event.recorded_at),
            is_assigned=event.assignment_id.notnull(),
        )
        return days.group_by("person_key", "day_on", "verb", "is_assigned", "recorded_on").agg(
            n_events=days.count().cast("int32"), duration_s=days.duration_s.sum().cast("int64")
        )

    # Who is counted ------------------------------------------------------------------------

    @cached_property
    def _selected(self) -> ibis.Table | None:
        """Person keys of the population, or ``None`` for everyone."""
        if not self.population:
            return None
        everyone = self._sharing(population={}, attrition=())
        person = everyone.persons()
        for column, wanted in self.population.items():
            if column == "unit":
                person = person.filter(person.unit_path.contains(wanted))
            else:
                name = {"role": "role_id"}.get(column, column)
                person = person.filter(person[name] == wanted)
        return person.select("person_key").distinct()

    def persons(self) -> ibis.Table:
        """Return one row per person: the attributes valid on the day before the as-of date.

        Returns
        -------
        ibis.Table
            Grain ``person_key``, with the columns of the table ``person``.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"person": '''
        ...     person_id | valid_from_on | valid_to_on | hired_on   | level
        ...     ada       | 2023-01-01    | 2024-01-15  | 2023-01-01 | entry
        ...     ada       | 2024-01-15    | -           | 2023-01-01 | senior
        ... '''}, as_of="2024-02-01")
        >>> tiny.collect(tiny.persons())["level"].tolist()
        ['senior']
        """
        import ibis

        person = self.table("person")
        last = person.mutate(
            _rank=ibis.row_number().over(
                ibis.window(group_by=person.person_key, order_by=person.valid_from_on.desc())
            )
        )
        return last.filter(last._rank == 0).drop("_rank")

    def where(self, **population: str) -> EventLog:
        """Narrow to persons by an attribute; ``""`` means all and changes nothing.

        Parameters
        ----------
        **population : str
            Any of ``unit``, ``role``, ``level``, ``country``, ``location``.

        Returns
        -------
        EventLog
            Of these persons alone, with a step of attrition for each attribute.

        Raises
        ------
        ParameterError
            For an unknown column, or a value no person has.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"person": '''
        ...     person_id | valid_from_on | hired_on   | unit_path
        ...     ada       | 2024-01-01    | 2024-01-01 | Sales/North
        ...     ben       | 2024-01-01    | 2024-01-01 | Sales/South
        ...     cleo      | 2024-01-01    | 2024-01-01 | Lab
        ... '''}, as_of="2024-02-01")
        >>> [len(tiny.collect(tiny.where(unit=unit).persons())) for unit in ("", "Sales", "North")]
        [3, 2, 1]
        """
        log = self
        for column, wanted in population.items():
            if column not in POPULATION_COLUMNS:
                raise ParameterError(
                    message("persons cannot be narrowed by this", where="where", got=column,
                            do=did_you_mean(column, POPULATION_COLUMNS))
                )  # fmt: skip
            if wanted:
                log = log._narrowed(column, wanted)
        return log

    def _narrowed(self, column: str, wanted: str) -> EventLog:
        log = self._sharing(population={**self.population, column: wanted})
        n_persons = log.value(log.persons().count())
        if n_persons == 0:
            raise ParameterError(
                message(f"no person has this {column} as of {self.as_of}", where=column,
                        got=wanted, do='write "" for all, or one of the names in 00_intake')
            )  # fmt: skip
        n_rows = log.value(log.table("event").count())
        return log._sharing(
            attrition=(*self.attrition, Step(f"{column} is {wanted}", n_persons, n_rows))
        )

    def counted(self, reason: str, n_persons: int, n_rows: int) -> EventLog:
        """Add a step of attrition that a measure made.

        Parameters
        ----------
        reason : str
            What those still counted have in common.
        n_persons, n_rows : int
            How many are left.

        Returns
        -------
        EventLog
            The same, with one step more.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ... '''}, as_of="2024-02-01")
        >>> tiny.counted("ever had access", n_persons=1, n_rows=1).attrition
        (Step(reason='ever had access', n_persons=1, n_rows=1),)
        """
        return self._sharing(attrition=(*self.attrition, Step(reason, n_persons, n_rows)))

    def kept(self, expression: ibis.Table) -> ibis.Table:
        """Work an expression out once; the table lasts as long as the log is open.

        Parameters
        ----------
        expression : ibis.Table
            Over tables of this log.

        Returns
        -------
        ibis.Table
            The same rows, stored: what reads them does not work them out again.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | complete
        ...     ben       | 2024-01-04  | view
        ... '''}, as_of="2024-01-08")
        >>> done = tiny.kept(tiny.table("event").filter(lambda t: t.verb == "complete"))
        >>> tiny.collect(done)["verb"].tolist()
        ['complete']
        """
        return engine.kept(self._opened[0], expression)

    def known(self) -> tuple[dict[str, int], str]:
        """Return how many rows each table had as of the date, and one hash over them.

        What is delivered later changes neither, so that a study of the past can be told apart from
        one of other data. A person counts by her pseudonym: her key may move when others join.

        Returns
        -------
        rows : dict of str to int
            By table; without ``identity``.
        digest : str
            SHA-256 in hexadecimal; the order of rows does not matter.

        Examples
        --------
        >>> from ldresearch.worlds.tables import from_text, log
        >>> event = from_text('''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | complete
        ...     ben       | 2024-01-09  | complete
        ... ''')
        >>> tiny = log({"event": event}, as_of="2024-01-08")
        >>> tiny.known()[0]["event"]
        1
        >>> tiny.known() == log({"event": event.head(1)}, as_of="2024-01-08").known()
        True
        """
        import hashlib
        import json

        import ibis

        # Ibis itself does not write it for Spark, which knows it by the same name.
        bit_xor = ibis.udf.agg.builtin(lambda row: row, name="bit_xor", signature=_MIXED)
        rows: dict[str, int] = {}
        digests: dict[str, list[int]] = {}
        identity = self._opened[1].get("identity")
        for name in self.dataset.manifest.tables:
            table = schema.TABLES[name]
            if table is schema.IDENTITY:
                continue
            known = self.table(name)
            if table.has_person and identity is not None:
                known = known.left_join(identity, "person_key").drop("person_key_right")
                known = known.drop("person_key")
            row = ibis.struct({column: known[column] for column in known.columns}).hash()
            found = known.select(row=row).aggregate(
                n=lambda t: t.count(), mixed=lambda t: bit_xor(t.row)
            )
            n, mixed = found.to_pandas().iloc[0]
            rows[name] = int(n)
            digests[name] = [int(n), 0 if mixed is None or mixed != mixed else int(mixed)]
        text = json.dumps(digests, sort_keys=True)
        return rows, hashlib.sha256(text.encode()).hexdigest()

    def collect(self, expression: ibis.Table) -> pd.DataFrame:
        """Run an expression and return its (small) frame.

        Parameters
        ----------
        expression : ibis.Table
            Made of the tables of this log.

        Returns
        -------
        pandas.DataFrame
            One row a row of the expression, in no order unless it says one.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ...     ben       | 2024-01-04  | view
        ... '''}, as_of="2024-02-01")
        >>> event = tiny.table("event")
        >>> tiny.collect(event.group_by("verb").agg(n=event.person_key.nunique())).to_dict("list")
        {'verb': ['view'], 'n': [2]}
        """
        # Not ``to_pandas``: what is made of rows brought here alone would run on a connection of
        # ibis's own, which nothing limits.
        frame: pd.DataFrame = self._opened[0].execute(expression)
        return frame

    def value(self, expression: ibis.Scalar) -> Any:
        """Run an expression of a single value.

        Parameters
        ----------
        expression : ibis.Scalar
            Made of the tables of this log.

        Returns
        -------
        int, float, str, bool, datetime.date, datetime.datetime or None
            ``None`` where it is missing.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ... '''}, as_of="2024-02-01")
        >>> tiny.value(tiny.table("activity_day").day_on.min())
        datetime.date(2024, 1, 3)
        """
        return engine.value(self._opened[0], expression)

    def streamed(self, rows: ibis.Table, work: Callable[..., T]) -> list[T]:
        """Run an expression of however many rows, and work on each piece of them as it comes.

        Parameters
        ----------
        rows : ibis.Table
            Columns of numbers, dates or instants, nothing missing, made of tables of this log.
        work : callable
            Is given the columns of a piece as arrays, dates as days and instants as microseconds
            since 1970; one piece after another. It must not ask this log for anything: rows are
            still on their way.

        Returns
        -------
        list
            What ``work`` made of each piece. Rows come as stored where they are those of one table,
            with conditions on them at most.

        Examples
        --------
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ...     ada       | 2024-01-04  | view
        ... '''}, as_of="2024-02-01")
        >>> days = tiny.table("activity_day").select("day_on")
        >>> tiny.streamed(days, lambda day: day.tolist())
        [[19725, 19726]]
        """
        import pyarrow as pa

        def numbers(column: pa.Array) -> np.ndarray:
            if pa.types.is_date32(column.type):
                column = column.view(pa.int32())
            elif pa.types.is_timestamp(column.type):
                column = column.cast(pa.timestamp("us")).view(pa.int64())
            values: np.ndarray = column.to_numpy()
            return values

        # While the engine reads on, what it has read is worked on.
        with (
            engine.streamed(self._opened[0], rows, PIECE_ROWS) as pieces,
            ThreadPoolExecutor(max_workers=1) as pool,
        ):
            done = []
            for piece in pieces:
                done.append(pool.submit(work, *map(numbers, piece.columns)))
                if len(done) > PIECES_AHEAD:
                    done[-PIECES_AHEAD].result()
            return [piece.result() for piece in done]

    def brought(self, rows: pa.Table) -> ibis.Table:
        """Hand rows that were worked out here to the engine, to be joined and counted there.

        Parameters
        ----------
        rows : pyarrow.Table

        Returns
        -------
        ibis.Table
            The same rows, beside the tables of this log.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from ldresearch.worlds.tables import log
        >>> tiny = log({"event": '''
        ...     person_id | occurred_at | verb
        ...     ada       | 2024-01-03  | view
        ... '''}, as_of="2024-02-01")
        >>> tiny.collect(tiny.brought(pa.table({"spell": [1, 2]})))["spell"].tolist()
        [1, 2]
        """
        import ibis

        return ibis.memtable(rows)


def open_log(dataset: str, *, as_of: str | date, time_zone: str = "") -> EventLog:
    """Open a dataset by its name, as of a date: the way into a session in JupyterLab.

    Parameters
    ----------
    dataset : str
        A name below the data folder such as ``demo/harbour``, or an absolute path.
    as_of : str or datetime.date
        First day that is not known.
    time_zone : str
        IANA name; the dataset's own unless told otherwise.

    Returns
    -------
    EventLog
        What was known before that day.

    Raises
    ------
    ParameterError
        If there is no such dataset, or the date is no date.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-02-01")
    >>> open_log(str(tiny.dataset.path), as_of="2024-02-01").has("event")
    True
    """
    return EventLog.open(places.dataset_folder(dataset), as_of=as_of, time_zone=time_zone)
