"""What a log holds and where it contradicts itself, before any question is asked of it.

Faults are counted over the whole log, whoever a study is narrowed to: an actor the HR file does not
know belongs to no unit and would fall out of sight with the first filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from ldresearch import clock, schema
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, UNKNOWN, attributes, first_day
from ldresearch.measures._value import value_days, verb_list
from ldresearch.questions import Question, collect, questions, wanted_columns

if TYPE_CHECKING:
    import ibis

DAY = "datetime64[us]"
DERIVED = ("identity", "activity_day")
"""Tables made at ingest; no organisation has to deliver them."""

LAGS = ("before", "day", "week", "month", "later", "unknown")
"""How long after an event it was recorded: before it happened, within a day, within 7 days, within
30 days, later; or the source gives no time of recording."""

_DAY_S = 86_400


def _whole(log: EventLog) -> EventLog:
    """Return the log of everyone, whoever it is narrowed to."""
    return log.everyone() if log.population else log


# What there is ------------------------------------------------------------------------------


@measure(
    grain=("table",),
    needs=(),
    columns={
        "table": "object",
        "n_rows": "int64",
        "n_persons": "int64",
        "first_on": DAY,
        "last_on": DAY,
        "days_since": "float64",
        "n_questions": "int64",
    },
)
def tables(log: EventLog) -> pd.DataFrame:
    """Count the rows of every table an organisation may deliver, with the days they span.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``table``, also those that are absent (0 rows). ``first_on`` and ``last_on`` are the
        local days of the instant or date the table is known by, missing where it has none;
        ``days_since`` are the whole days between the last of them and the as-of date, 0 where the
        last known day has a row. ``n_questions`` need or want the table.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ...     ada       | 2024-01-09  | view
    ... '''}, as_of="2024-01-15")
    >>> found = tables(tiny)
    >>> found[found["n_rows"] > 0][["table", "n_rows", "days_since"]].to_dict("list")
    {'table': ['event'], 'n_rows': [2], 'days_since': [5.0]}
    """
    return pd.DataFrame(
        [_described(log, t) for t in schema.TABLES.values() if t.name not in DERIVED]
    )


def _described(log: EventLog, table: schema.Table) -> dict[str, Any]:
    """Describe a table; once while the log is open, since what is missing is asked of it too."""
    key = "described", table.name
    if key not in log.memo:
        log.memo[key] = _looked_at(log, table)
    return dict(log.memo[key])


def _looked_at(log: EventLog, table: schema.Table) -> dict[str, Any]:
    blank = {"table": table.name, "n_rows": 0, "n_persons": 0, "n_questions": _asking(table.name)}
    blank |= {"first_on": pd.NaT, "last_on": pd.NaT, "days_since": float("nan")}
    if log.dataset.manifest.rows(table.name) == 0:
        return blank
    rows = log.table(table.name)
    counts: dict[str, Any] = {"n_rows": rows.count()}
    if table.has_person:
        counts["n_persons"] = rows.person_key.nunique()
    if table.known_at:
        name = table.known_at[0]
        day = log.day(rows[name]) if name.endswith("_at") else rows[name]
        counts |= {"first_on": day.min(), "last_on": day.max()}
    found: dict[str, Any] = blank | rows.aggregate(**counts).to_pandas().iloc[0].to_dict()
    if pd.notna(found["last_on"]):
        found["days_since"] = float(_days_before(log.as_of, found["last_on"]))
    return found


def _asking(table: str) -> int:
    """Count the questions that need or want a table, or a column of it."""
    return sum(
        any(name.split(".")[0] == table for name in (*question.needs, *question.wants))
        for question in questions()
    )


def _days_before(as_of: date, day: Any) -> int:
    """Whole days that lie between a day and the as-of date."""
    return (pd.Timestamp(as_of) - pd.Timestamp(day)).days - 1


@measure(
    grain=("table", "reason"),
    needs=(),
    columns={
        "table": "object",
        "reason": "object",
        "kind": "object",
        "n_rows": "int64",
        "n_in": "int64",
    },
)
def rejects(log: EventLog) -> pd.DataFrame:
    """Count the rows that did not pass the door in, by table and reason.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``table, reason``: ``n_rows`` of the ``n_in`` rows read; ``kind`` is ``duplicate``,
        ``void`` (taken back by the source) or ``fault``. A table without rejected rows has one row
        with an empty reason. ``attrs["n_persons"]`` are the persons of the dataset.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     event_id | person_id | occurred_at | verb
    ...     e1       | ada       | 2024-01-03  | view
    ...     e1       | ada       | 2024-01-03  | view
    ...     e2       | ada       | someday     | view
    ... '''}, as_of="2024-01-15")
    >>> print(rejects(tiny)[["kind", "n_rows", "n_in"]].to_string(index=False))
         kind  n_rows  n_in
    duplicate       1     3
        fault       1     3
    """
    manifest = log.dataset.manifest
    rows = [
        {
            "table": table,
            "reason": reason,
            "kind": _kind(reason),
            "n_rows": int(n_rows),
            "n_in": int(manifest.rows_in.get(table, 0)),
        }
        for table in sorted({*manifest.rows_in, *manifest.rejected})
        for reason, n_rows in (manifest.rejected.get(table) or {"": 0}).items()
    ]
    frame = pd.DataFrame(rows, columns=list(rejects.columns))
    frame.attrs["n_persons"] = manifest.n_persons
    return frame


def _kind(reason: str) -> str:
    if "duplicate" in reason:
        return "duplicate"
    return "void" if "void" in reason else "fault"


@measure(
    grain=("note",),
    needs=(),
    columns={"note": "object", "said": "object", "number": "float64"},
)
def notes(log: EventLog) -> pd.DataFrame:
    """List what the sources noted while reading: choices in words, counts as numbers.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``note`` (parts of a nested note are joined with a colon); ``number`` is missing for
        words. Lists are left out.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-01-15")
    >>> notes(tiny)[["note", "said"]].to_dict("list")
    {'note': ['recorded at'], 'said': ['not in the source: taken as occurred_at']}
    """
    rows = [
        {
            "note": name,
            "said": "" if isinstance(value, int | float) else str(value)[:120],
            "number": float(value) if isinstance(value, int | float) else float("nan"),
        }
        for name, value in _flat(log.dataset.manifest.notes)
    ]
    return pd.DataFrame(rows, columns=list(notes.columns))


def _flat(notes: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in notes.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}: ")
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, str | int | float):
            yield name, value


# When ---------------------------------------------------------------------------------------


@measure(
    grain=("week_on",),
    needs=("event",),
    columns={
        "week_on": DAY,
        "n_events": "int64",
        "n_persons": "int64",
        "n_days": "int64",
        "is_complete": "bool",
    },
)
def coverage(log: EventLog) -> pd.DataFrame:
    """Count events and active persons by ISO week, from the first day of the log to the as-of date.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``week_on`` (Monday); a week without events is a row with zero. ``n_days`` are the
        days of the week with an event; ``is_complete``, whether its seven days lie between the
        first day of the log and the as-of date. ``attrs["n_persons"]`` are all persons with any.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ...     ben       | 2024-01-02  | view
    ...     ada       | 2024-01-16  | view
    ... '''}, as_of="2024-01-18")
    >>> found = coverage(tiny)
    >>> found["week_on"].dt.date.astype(str).tolist()
    ['2024-01-01', '2024-01-08', '2024-01-15']
    >>> found[["n_events", "is_complete"]].to_dict("list")
    {'n_events': [2, 0, 1], 'is_complete': [True, True, False]}
    """
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=list(coverage.columns))
    days = log.table("activity_day")
    weekly = days.mutate(week_on=days.day_on.truncate("W")).group_by("week_on")
    found = log.collect(
        weekly.agg(
            n_events=lambda t: t.n_events.sum(),
            n_persons=lambda t: t.person_key.nunique(),
            n_days=lambda t: t.day_on.nunique(),
        )
    )
    last = log.as_of - timedelta(days=1)
    weeks = pd.date_range(clock.week_of(begins), clock.week_of(last), freq="7D")
    found["week_on"] = pd.to_datetime(found["week_on"])
    counts = found.set_index("week_on").reindex(weeks, fill_value=0)
    after = weeks + pd.Timedelta(days=7)
    frame = counts.rename_axis("week_on").reset_index()
    frame["is_complete"] = (weeks >= pd.Timestamp(begins)) & (after <= pd.Timestamp(log.as_of))
    frame.attrs["n_persons"] = int(days.person_key.nunique().execute())
    return frame


@measure(
    grain=("verb", "source"),
    needs=("event",),
    columns={
        "verb": "object",
        "source": "object",
        "n_events": "int64",
        "n_persons": "int64",
        "last_on": DAY,
        "days_since": "float64",
    },
)
def verbs(log: EventLog) -> pd.DataFrame:
    """Count events and persons by verb and by the system that recorded them.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``verb, source``; ``last_on`` is the local day of the last one and ``days_since`` the
        whole days between it and the as-of date.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb     | source
    ...     ada       | 2024-01-03  | complete | lms
    ...     ada       | 2024-01-08  | view     | lms
    ...     ben       | 2024-01-09  | view     | lms
    ... '''}, as_of="2024-01-15")
    >>> print(verbs(tiny)[["verb", "n_events", "n_persons", "days_since"]].to_string(index=False))
        verb  n_events  n_persons  days_since
    complete         1          1        11.0
        view         2          2         5.0
    """
    event = log.table("event")
    found = log.collect(
        event.group_by("verb", "source").agg(
            n_events=event.count(),
            n_persons=event.person_key.nunique(),
            last_on=log.day(event.occurred_at.max()),
        )
    )
    found["days_since"] = [float(_days_before(log.as_of, day)) for day in found["last_on"]]
    return found


@measure(
    grain=("lag",),
    needs=("event",),
    columns={"lag": "object", "order": "int64", "n_events": "int64", "n_persons": "int64"},
)
def lag(log: EventLog, *, settled_days: int = 60) -> pd.DataFrame:
    """Count events by the time between their happening and their recording.

    What happened last has had no time to be recorded late. So only events of at least
    ``settled_days`` before the as-of date are looked at, where there are any.

    Parameters
    ----------
    log : EventLog
    settled_days : int

    Returns
    -------
    pandas.DataFrame
        Grain ``lag``: every entry of :data:`LAGS`, in that order. A source whose every event was
        recorded at the very moment it happened gives no time of recording: ``unknown``.
        ``attrs["is_settled"]`` says whether there were events old enough.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at         | recorded_at         | verb
    ...     ada       | 2024-01-03 09:00:00 | 2024-01-03 10:00:00 | view
    ...     ben       | 2024-01-03 09:00:00 | 2024-01-06 09:00:00 | view
    ... '''}, as_of="2024-04-01")
    >>> found = lag(tiny)
    >>> found[found["n_events"] > 0][["lag", "n_events"]].to_dict("list")
    {'lag': ['day', 'week'], 'n_events': [1, 1]}
    """
    import ibis

    event = log.table("event")
    own = event.group_by("source").agg(_n=(event.recorded_at != event.occurred_at).sum())
    timed = own.filter(own._n > 0)
    seconds = event.recorded_at.epoch_seconds() - event.occurred_at.epoch_seconds()
    bucket = ibis.cases(
        (~event.source.isin(timed.source), "unknown"),
        (event.recorded_at < event.occurred_at, "before"),
        (seconds <= _DAY_S, "day"),
        (seconds <= 7 * _DAY_S, "week"),
        (seconds <= 30 * _DAY_S, "month"),
        else_="later",
    )
    edge = clock.midnight_utc(log.as_of - timedelta(days=settled_days), log.time_zone)
    is_old = event.occurred_at < ibis.literal(edge, type="timestamp(6)")
    parts = event.select("person_key", lag=bucket, is_old=is_old)
    found = log.collect(
        parts.group_by("lag", "is_old").agg(n=parts.count(), persons=parts.person_key.nunique())
    )
    is_settled = bool(found["is_old"].any())
    kept = found[found["is_old"] == is_settled].set_index("lag")
    counts = kept[["n", "persons"]].reindex(list(LAGS), fill_value=0)
    frame = pd.DataFrame(
        {
            "lag": list(LAGS),
            "order": range(len(LAGS)),
            "n_events": counts["n"].to_numpy(),
            "n_persons": counts["persons"].to_numpy(),
        }
    )
    frame.attrs["is_settled"] = is_settled
    return frame


# What contradicts itself --------------------------------------------------------------------


@measure(
    grain=("fault",),
    needs=("event",),
    columns={
        "fault": "object",
        "is_checked": "bool",
        "n_events": "int64",
        "n_persons": "int64",
        "of_events": "int64",
        "of_persons": "int64",
    },
)
def faults(log: EventLog) -> pd.DataFrame:
    """Count the events that contradict another table, or the clock.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``fault``, of ``of_events`` events by ``of_persons`` persons it could befall:
        ``unknown_person`` (the actor is not in the HR file), ``unknown_content`` (the content is
        not in the catalogue), ``unknown_assignment``, ``before_hire``, ``after_leaving``,
        ``repeated`` (same person, verb, content and instant again, under another id),
        ``clock_ahead`` (recorded before it happened), ``shifted_day`` (a date without a time of
        day, read as midnight UTC, that falls on the day before in the reporting time zone).
        ``is_checked`` is false where the table to check against has no rows.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-08    | 2024-01-08
    ... ''', "event": '''
    ...     person_id | occurred_at         | verb
    ...     ada       | 2024-01-03 09:00:00 | view
    ...     ada       | 2024-01-10 09:00:00 | view
    ...     zoe       | 2024-01-10 09:00:00 | view
    ... '''}, as_of="2024-02-01")
    >>> found = faults(tiny).set_index("fault")
    >>> found.loc[["before_hire", "unknown_person"], "n_events"].tolist()
    [1, 1]
    >>> bool(found.loc["unknown_content", "is_checked"])
    False
    """
    whole = _whole(log)
    event = whole.table("event")
    found = [
        _unknown_person(whole),
        _orphans(whole, event, "content", "content_id", "unknown_content"),
        _orphans(whole, event, "assignment", "assignment_id", "unknown_assignment"),
        *_outside_employment(whole),
        _repeated(event),
        *_clocks(whole, event),
    ]
    return pd.DataFrame(found)


def _fault(name: str, counts: Mapping[str, Any] | None) -> dict[str, Any]:
    names = ("n_events", "n_persons", "of_events", "of_persons")
    if counts is None:
        return {"fault": name, "is_checked": False, **dict.fromkeys(names, 0)}
    known = {n: 0 if pd.isna(counts[n]) else int(counts[n]) for n in names}
    return {"fault": name, "is_checked": True, **known}


def _counted(rows: ibis.Table, where: Any, n_events: Any = None) -> dict[str, Any]:
    """Count events and persons where something holds, and in all."""
    events = rows.count if n_events is None else n_events.sum
    found = rows.aggregate(
        n_events=events(where=where),
        n_persons=rows.person_key.nunique(where=where),
        of_events=events(),
        of_persons=rows.person_key.nunique(),
    )
    counts: dict[str, Any] = found.to_pandas().iloc[0].to_dict()
    return counts


def _unknown_person(log: EventLog) -> dict[str, Any]:
    if not log.has("person"):
        return _fault("unknown_person", None)
    person, days = log.table("person"), log.table("activity_day")
    return _fault(
        "unknown_person", _counted(days, ~days.person_key.isin(person.person_key), days.n_events)
    )


def _orphans(
    log: EventLog, event: ibis.Table, table: str, column: str, fault: str
) -> dict[str, Any]:
    if not log.has(table):
        return _fault(fault, None)
    named = event.filter(event[column].notnull())
    known = log.table(table)[column]
    return _fault(fault, _counted(named, ~named[column].isin(known)))


def _outside_employment(log: EventLog) -> list[dict[str, Any]]:
    """Events before the first hire and after the last leaving; a gap in between passes."""
    if not log.has("person"):
        return [_fault("before_hire", None), _fault("after_leaving", None)]
    person, days = log.table("person"), log.table("activity_day")
    spells = person.group_by("person_key").agg(
        _hired=person.hired_on.min(),
        _left=person.left_on.max(),
        _here=(person.left_on.isnull() & person.valid_to_on.isnull()).sum(),
    )
    rows = days.inner_join(spells, "person_key")
    is_after = (rows._here == 0) & rows._left.notnull() & (rows.day_on >= rows._left)
    return [
        _fault("before_hire", _counted(rows, rows.day_on < rows._hired, rows.n_events)),
        _fault("after_leaving", _counted(rows, is_after, rows.n_events)),
    ]


def _repeated(event: ibis.Table) -> dict[str, Any]:
    """Dates without a time of day are left out: two views on one day are no repetition."""
    timed = event.filter(~_is_midnight(event))
    same = timed.group_by("person_key", "verb", "content_id", "occurred_at").agg(_n=timed.count())
    counts = same.aggregate(
        n_events=(same._n - 1).sum(),
        n_persons=same.person_key.nunique(where=same._n > 1),
        of_events=same._n.sum(),
        of_persons=same.person_key.nunique(),
    )
    return _fault("repeated", counts.to_pandas().iloc[0].to_dict())


def _clocks(log: EventLog, event: ibis.Table) -> list[dict[str, Any]]:
    is_shifted = _is_midnight(event) & (log.day(event.occurred_at) < event.occurred_at.date())
    return [
        _fault("clock_ahead", _counted(event, event.occurred_at > event.recorded_at)),
        _fault("shifted_day", _counted(event, is_shifted)),
    ]


def _is_midnight(event: ibis.Table) -> Any:
    return event.occurred_at == event.occurred_at.truncate("D")


@measure(
    grain=("employment", "access", "activity"),
    needs=(),
    columns={"employment": "object", "access": "object", "activity": "object", "n": "int64"},
)
def denominators(log: EventLog, *, active_days: int = 28) -> pd.DataFrame:
    """Count persons by what three lists say of them: the HR file, the access list, the log.

    Parameters
    ----------
    log : EventLog
    active_days : int
        Active is who did anything in this many days before the as-of date; of those who left or
        lost access, anything since then.

    Returns
    -------
    pandas.DataFrame
        Grain ``employment`` (``employed``, ``left``, ``unknown`` to the HR file), ``access``
        (``open``, ``none``), ``activity`` (``active``, ``quiet``); only combinations that occur.
        A list the dataset lacks says ``no list``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ...     zoe       | 2024-01-04  | view
    ... '''}, as_of="2024-01-15")
    >>> print(denominators(tiny).to_string(index=False))
    employment  access activity  n
      employed no list   active  1
      employed no list    quiet  1
       unknown no list   active  1
    """
    import ibis

    lists = [name for name in ("person", "access", "activity_day") if log.has(name)]
    if not lists:
        return pd.DataFrame(columns=list(denominators.columns))
    everyone = ibis.union(
        *(log.table(name).select("person_key") for name in lists),
        *([log.table(lists[0]).select("person_key")] if len(lists) == 1 else []),
        distinct=True,
    )
    key = everyone.person_key
    named = everyone.mutate(
        employment=_employment(log, key),
        access=_access(log, key),
        activity=_activity(log, key, log.as_of - timedelta(days=active_days)),
    )
    return log.collect(named.group_by("employment", "access", "activity").agg(n=named.count()))


def _employment(log: EventLog, key: Any) -> Any:
    import ibis

    if not log.has("person"):
        return ibis.literal("no list")
    person = log.persons()
    here = person.filter(person.left_on.isnull())
    return ibis.cases(
        (key.isin(here.person_key), "employed"),
        (key.isin(person.person_key), "left"),
        else_="unknown",
    )


def _access(log: EventLog, key: Any) -> Any:
    import ibis

    if not log.has("access"):
        return ibis.literal("no list")
    access = log.table("access")
    is_open = key.isin(access.filter(access.revoked_at.isnull()).person_key)
    return ibis.ifelse(is_open, "open", "none")


def _activity(log: EventLog, key: Any, since: date) -> Any:
    """Whether active since a day; of those no longer eligible, whether since they are not."""
    import ibis

    if not log.has("activity_day"):
        return ibis.literal("no list")
    days = log.table("activity_day")
    days = days.filter(days.day_on >= ibis.literal(since, type="date"))
    if log.has("person"):
        days = _since_end(days, log.persons().select("person_key", _end=ibis._.left_on))
    if log.has("access"):
        access = log.table("access")
        ends = access.group_by("person_key").agg(
            _open=access.revoked_at.isnull().sum(), _end=log.day(access.revoked_at.max())
        )
        days = _since_end(days, ends.filter(ends._open == 0).select("person_key", "_end"))
    return ibis.ifelse(key.isin(days.person_key), "active", "quiet")


def _since_end(days: ibis.Table, ends: ibis.Table) -> ibis.Table:
    """Keep, of those who have an end, the days from it on."""
    joined = days.left_join(ends, "person_key")
    kept = joined.filter(joined._end.isnull() | (joined.day_on >= joined._end))
    return kept.select("person_key", "day_on")


# What is blank ------------------------------------------------------------------------------


@measure(
    grain=("table", "column"),
    needs=(),
    columns={
        "table": "object",
        "column": "object",
        "n_missing": "int64",
        "n_rows": "int64",
        "n_persons": "int64",
    },
)
def missing(log: EventLog) -> pd.DataFrame:
    """Count the blanks in the columns that some question wants.

    Of persons, the attributes known on the last day are looked at, one row a person. Columns whose
    blanks mean something (no leaving date: still employed) are wanted by no question.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``table, column``, only of tables that are there. ``n_persons`` is 0 for tables that
        are not about persons.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path | level
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales     | senior
    ...     ben       | 2024-01-01    | 2024-01-01 | Sales     | -
    ... '''}, as_of="2024-01-15")
    >>> found = missing(tiny).set_index("column")
    >>> found.loc[["level", "unit_path"], ["n_missing", "n_rows"]].to_dict("list")
    {'n_missing': [1, 0], 'n_rows': [2, 2]}
    """
    rows = []
    for table, column in wanted_columns():
        if not log.has(table):
            continue
        known = log.persons() if table == "person" else log.table(table)
        counts = {"n_missing": _is_blank(known, column).sum(), "n_rows": known.count()}
        if schema.TABLES[table].has_person:
            counts["n_persons"] = known.person_key.nunique()
        found = known.aggregate(**counts).to_pandas().iloc[0].to_dict()
        rows.append({"table": table, "column": column, "n_persons": 0} | found)
    return pd.DataFrame(rows, columns=list(missing.columns))


def _is_blank(table: ibis.Table, column: str) -> Any:
    """Whether a cell is missing; a list without entries is."""
    cell = table[column]
    if cell.type().is_array():
        return (cell.isnull() | (cell.length() == 0)).cast("int64")
    return cell.isnull().cast("int64")


@measure(
    grain=("group", "column"),
    needs=("person",),
    columns={"group": "object", "column": "object", "n_reached": "int64", "n": "int64"},
)
def missing_by(log: EventLog, *, by: str = "unit") -> pd.DataFrame:
    """Count, by group, the employed of today who lack another attribute, or any access.

    A blank that is spread evenly costs precision; one that sits in a single unit makes that unit's
    numbers wrong.

    Parameters
    ----------
    log : EventLog
    by : str
        Column of groups; empty: everyone together.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, column``: ``n_reached`` persons lack it, of ``n``. ``access`` is among the
        columns where the dataset has an access list.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path | level
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales     | senior
    ...     ben       | 2024-01-01    | 2024-01-01 | Lab       | -
    ... '''}, as_of="2024-01-15")
    >>> found = missing_by(tiny, by="unit")
    >>> found[found["column"] == "level"][["group", "n_reached", "n"]].to_dict("list")
    {'group': ['Lab', 'Sales'], 'n_reached': [1, 0], 'n': [1, 1]}
    """
    import ibis

    if by and by not in GROUPS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, GROUPS))
        )  # fmt: skip
    people = attributes(log)
    here = people.filter(people.left_on.isnull())
    blanks = {g: (here[g] == UNKNOWN).cast("int64").sum() for g in GROUPS if g != by}
    if log.has("access"):
        access = log.table("access").person_key
        blanks["access"] = (~here.person_key.isin(access)).cast("int64").sum()
    group = here[by] if by else ibis.literal("everyone")
    wide = log.collect(here.group_by(group=group).agg(n=here.count(), **blanks))
    return wide.melt(["group", "n"], list(blanks), "column", "n_reached")


# What it is good for ------------------------------------------------------------------------


@measure(
    grain=("question", "need"),
    needs=(),
    columns={
        "question": "object",
        "analysis": "object",
        "asks": "object",
        "need": "object",
        "kind": "object",
        "order": "int64",
        "is_needed": "bool",
        "number": "float64",
        "wanted": "float64",
        "collect": "object",
        "n": "int64",
    },
)
def needs(log: EventLog, *, value_verbs: str | Iterable[str] = "complete,pass") -> pd.DataFrame:
    """Hold every question of the notebooks against what the dataset has.

    Parameters
    ----------
    log : EventLog
    value_verbs : str or iterable of str
        What counts as value.

    Returns
    -------
    pandas.DataFrame
        Grain ``question, need``. ``kind`` is ``table`` (``number`` rows), ``column`` (share of
        cells filled), ``value`` (days of value), ``weeks`` (complete weeks with activity) or
        ``persons`` (persons in the smallest needed table); ``wanted`` is what the question asks for
        where it names a number, else missing. ``collect`` says what to collect; ``n`` are the
        persons of the table behind the need.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ...     ada       | 2024-01-09  | view
    ... '''}, as_of="2024-01-15")
    >>> found = needs(tiny)
    >>> tables_needed = found[(found["question"] == "reach") & (found["kind"] == "table")]
    >>> tables_needed.set_index("need")["number"].to_dict()
    {'access': 0.0, 'event': 2.0, 'person': 0.0, 'touch': 0.0}
    """
    verb_list(value_verbs)
    has = _Holdings(log, value_verbs)
    words = collect()
    rows: list[dict[str, Any]] = []
    for question in questions():
        asked: list[tuple[str, str, bool, float]] = [
            *((table, "table", True, 1.0) for table in question.needs),
            *(
                (want, "column" if "." in want else "table", False, float("nan"))
                for want in question.wants
            ),
            ("persons", "persons", True, float("nan")),
        ]
        if question.value:
            asked.append(("value", "value", True, 1.0))
        if question.weeks:
            asked.append(("weeks", "weeks", True, float(question.weeks)))
        for need, kind, is_needed, wanted in asked:
            number, n = has.of(need, kind, question)
            rows.append(
                {
                    "question": question.id, "analysis": question.analysis,
                    "asks": question.asks, "need": need, "kind": kind,
                    "order": len(rows), "is_needed": is_needed,
                    "number": number, "wanted": wanted, "collect": words[need], "n": n,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(needs.columns))


class _Holdings:
    """What a dataset has, looked up once."""

    def __init__(self, log: EventLog, value_verbs: str | Iterable[str]) -> None:
        there = tables(log)
        self.rows = dict(zip(there["table"], there["n_rows"].astype(float), strict=True))
        self.persons = dict(zip(there["table"], there["n_persons"].astype(int), strict=True))
        self.blanks = {
            f"{cell['table']}.{cell['column']}": cell for cell in missing(log).to_dict("records")
        }
        weeks = coverage(log)
        self.weeks = float((weeks["is_complete"] & (weeks["n_events"] > 0)).sum())
        self.value: dict[Any, Any] = {"n": 0, "persons": 0}
        if log.has("activity_day"):
            value = value_days(log, value_verbs, "all")
            counts = value.aggregate(n=value.count(), persons=value.person_key.nunique())
            self.value = log.collect(counts).to_dict("records")[0]

    def of(self, need: str, kind: str, question: Question) -> tuple[float, int]:
        """Return how much of a need there is, and the persons behind it."""
        if kind == "table":
            return self.rows[need], self.persons[need]
        if kind == "value":
            return float(self.value["n"]), int(self.value["persons"])
        if kind == "column":
            cell = self.blanks.get(need)
            if cell is None:
                return 0.0, 0
            return 1 - cell["n_missing"] / cell["n_rows"], int(cell["n_persons"])
        n = min(self.persons[t] for t in question.needs if schema.TABLES[t].has_person)
        n = min(n, int(self.value["persons"])) if question.value else n
        return (self.weeks if kind == "weeks" else float(n)), n
