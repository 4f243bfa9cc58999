"""How long people stay engaged: gaps, spells and enrolments.

The rule (docs/definitions.md): a spell starts with a value event; it ends at the start of the
first gap of ``gap_days`` or more without one. What has not ended is censored at ``as_of`` minus
the gap: later than that nobody could have been seen to stop. Leaving employment competes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures import _people
from ldresearch.measures._by_person import Rows, day_number, folded, until_next
from ldresearch.measures._measure import measure
from ldresearch.measures._people import UNKNOWN
from ldresearch.measures._value import neighbours, value_days
from ldresearch.result import Step

if TYPE_CHECKING:
    import ibis

ORIGINS = ("start", "registration", "delayed_entry")
SUBJECTS = ("activity", "enrolment")
"""What a study follows: spells of activity, or enrolments until withdrawal."""
GROUPS = ("unit", "role", "level", "country", "location", "is_manager")


def _gaps(log: EventLog, verbs: str | Sequence[str], assigned: str, min_minutes: int) -> ibis.Table:
    """Value days with the day before and after, per person."""
    return neighbours(value_days(log, verbs, assigned, min_minutes))


@measure(
    grain=("gap_days",),
    needs=("activity_day",),
    columns={"gap_days": "int64", "n_returned": "int64", "n_open": "int64", "n": "int64"},
)
def gaps(
    log: EventLog,
    *,
    verbs: str | Sequence[str],
    assigned: str = "self_started",
    min_minutes: int = 0,
    subject: str = "activity",
) -> pd.DataFrame:
    """Count the gaps between value days by their length.

    Parameters
    ----------
    log : EventLog
    verbs : str or sequence of str
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
        Fewest minutes that make a value day.
    subject : {"activity", "enrolment"}
        An enrolment ends with a withdrawal and has no gaps: the frame is empty and says so.

    Returns
    -------
    DataFrame
        One row a length: ``n_returned`` gaps that ended with a return after that many days,
        ``n_open`` gaps still open after that many days as of the date, and ``n`` distinct
        persons who ever had a gap of that length or longer.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-11  | complete
    ...     ben       | 2024-01-01  | complete
    ... '''}, as_of="2024-02-01")
    >>> print(gaps(tiny, verbs="complete").to_string(index=False))
     gap_days  n_returned  n_open  n
           10           1       0  2
           21           0       1  2
           31           0       1  1
    """
    import ibis

    _check_choice("subject", subject, SUBJECTS)
    if subject == "enrolment":
        return _nothing(gaps.columns, "an enrolment ends with a withdrawal, not with a gap")
    gap = _gaps(log, verbs, assigned, min_minutes)
    end = gap.after_on.fill_null(ibis.literal(log.as_of, type="date"))
    gap = gap.mutate(gap_days=end.delta(gap.day_on, unit="day").cast("int64"))
    counted = gap.group_by("gap_days").agg(
        n_returned=gap.after_on.notnull().sum(), n_open=gap.after_on.isnull().sum()
    )
    longest = gap.group_by("person_key").agg(gap_days=gap.gap_days.max())
    persons = log.collect(longest.group_by("gap_days").agg(n=longest.person_key.nunique()))
    frame = log.collect(counted).merge(persons, on="gap_days", how="left").fillna({"n": 0})
    frame = frame.sort_values("gap_days", ascending=False)
    return frame.assign(n=frame["n"].cumsum())


def _nothing(columns: Mapping[str, str], why: str) -> pd.DataFrame:
    frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in columns.items()})
    frame.attrs["missing"] = why
    return frame


SPELL_COLUMNS = {
    "person_key": "int32",
    "spell": "int64",
    "started_on": "datetime64[us]",
    "duration": "float64",
    "cause": "object",
    "event": "bool",
    "unit": "object",
    "role": "object",
    "level": "object",
    "country": "object",
    "location": "object",
    "is_manager": "bool",
    "tenure_years": "float64",
}


@measure(grain=("person_key", "spell"), needs=("activity_day",), columns=SPELL_COLUMNS)
def spells(
    log: EventLog,
    *,
    verbs: str | Sequence[str],
    gap_days: int,
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> pd.DataFrame:
    """Cut each person's value days into spells of engagement.

    Parameters
    ----------
    log : EventLog
    verbs : str or sequence of str
    gap_days : int
        The gap that ends a spell.
    assigned : {"self_started", "assigned", "all"}
        Assigned activity is compliance and kept apart.
    min_minutes : int
        Fewest minutes that make a value day.

    Returns
    -------
    DataFrame
        One row a spell that began at least ``gap_days`` before the as-of date. ``duration`` runs
        from the first value day to the last one before the gap, both counted, so a spell of one
        day lasts 1. ``cause`` is ``disengaged``, ``left`` (employment ended first) or empty
        (still going: censored at ``as_of - gap_days``); ``event`` is ``cause == "disengaged"``.
        Attributes are those valid on the spell's first day.

    Raises
    ------
    ParameterError
        If the gap is not a whole day or more.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-05  | complete
    ...     ada       | 2024-01-25  | complete
    ... '''}, as_of="2024-03-01")
    >>> spells(tiny, verbs="complete", gap_days=10)[["duration", "cause"]].to_dict("list")
    {'duration': [5.0, 1.0], 'cause': ['disengaged', 'disengaged']}
    """
    import ibis

    spell = _dated(log, _cut(log, verbs, gap_days, assigned, min_minutes), gap_days)
    order = ibis.window(group_by=spell.person_key, order_by=spell.day_on)
    hired = spell.day_on.delta(spell.hired_on, unit="day").cast("float64") / 365.25
    return log.collect(
        spell.select(
            "person_key", "duration", "cause", "unit", "level", "country", "location",
            spell=ibis.row_number().over(order) + 1, started_on=spell.day_on,
            event=spell.cause == "disengaged", role=spell.role_id,
            is_manager=spell.is_manager.fill_null(False), tenure_years=hired,
        )
    )  # fmt: skip


@measure(
    grain=("group", "duration", "cause"),
    needs=("activity_day",),
    columns={
        "group": "object",
        "duration": "float64",
        "cause": "object",
        "event": "bool",
        "weight": "int64",
    },
)
def spell_lengths(
    log: EventLog,
    *,
    verbs: str | Sequence[str],
    gap_days: int,
    assigned: str = "self_started",
    min_minutes: int = 0,
    by: str = "",
) -> pd.DataFrame:
    """Count spells of engagement by their length and how they ended: all that a curve needs.

    Parameters
    ----------
    log, verbs, gap_days, assigned, min_minutes
        As in :func:`spells`.
    by : str
        What spells are grouped by: ``unit``, ``role``, ``level``, ``country``, ``location``,
        ``is_manager``; empty: one group.

    Returns
    -------
    DataFrame
        Grain ``group, duration, cause``: ``weight`` spells of ``duration`` days, as the models of
        survival take them; ``event`` is ``cause == "disengaged"``.

    Raises
    ------
    ParameterError
        If the gap is not a whole day or more, or there is no such group.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-25  | complete
    ...     ben       | 2024-01-03  | complete
    ...     ben       | 2024-01-05  | complete
    ... '''}, as_of="2024-03-01")
    >>> spell_lengths(tiny, verbs="complete", gap_days=10)[["duration", "weight"]].values.tolist()
    [[1.0, 2.0], [3.0, 1.0]]
    """

    _check_choice("by", by, ("", *GROUPS))
    return log.collect(_lengths(log, verbs, gap_days, assigned, min_minutes, by))


def _lengths(
    log: EventLog, verbs: str | Sequence[str], gap_days: int, assigned: str, min_minutes: int,
    by: str,
) -> ibis.Table:  # fmt: skip
    """Count spells that are alike."""
    import ibis

    spell = _dated(log, _cut(log, verbs, gap_days, assigned, min_minutes), gap_days)
    if by:
        groups: dict[str, Any] = {
            "role": spell.role_id,
            "is_manager": ibis.ifelse(
                spell.is_manager.fill_null(False), "managers", "not managers"
            ),
        }
        spell = spell.mutate(
            group=ibis.coalesce(groups[by] if by in groups else spell[by], UNKNOWN)
        )
    counted = spell.group_by([*(["group"] if by else []), "duration", "cause"]).agg(
        weight=spell.count()
    )
    # What follows from the keys is no key: fewer are told apart sooner.
    told = {} if by else {"group": ibis.literal("")}
    return counted.mutate(event=counted.cause == "disengaged", **told)


def _cut(
    log: EventLog, verbs: str | Sequence[str], gap_days: int, assigned: str, min_minutes: int
) -> ibis.Table:
    """Return one row a spell that began early enough: its first and last day of value."""
    if gap_days < 1:
        raise ParameterError(message("a gap has one day or more", where="gap_days", got=gap_days))
    cut = _cut_here if log.is_here else _cut_there
    return cut(log, verbs, gap_days, assigned, min_minutes)


def _cut_here(
    log: EventLog, verbs: str | Sequence[str], gap_days: int, assigned: str, min_minutes: int
) -> ibis.Table:
    """Cut as days come, and hand the spells to the engine."""
    import numpy as np
    import pyarrow as pa

    last_known = day_number(log.as_of - timedelta(days=gap_days))

    def fold(rows: Rows) -> list[pa.Table]:
        stops = np.flatnonzero(until_next(rows, never=gap_days) >= gap_days)
        starts = np.concatenate([[0], stops + 1])[: len(stops)]
        began = rows.number[starts]
        is_early = began < last_known
        return [
            pa.table(
                {
                    "person_key": rows.person[starts[is_early]],
                    "day_on": pa.array(began[is_early]).view(pa.date32()),
                    "end_on": pa.array(rows.number[stops[is_early]]).view(pa.date32()),
                }
            )
        ]

    return log.brought(
        pa.concat_tables(folded(log, verbs, assigned, fold, min_minutes=min_minutes))
    )


def _cut_there(
    log: EventLog, verbs: str | Sequence[str], gap_days: int, assigned: str, min_minutes: int
) -> ibis.Table:
    """Cut in the engine, where spells stay."""
    import ibis

    last_known = ibis.literal(log.as_of - timedelta(days=gap_days), type="date")
    gap = _gaps(log, verbs, assigned, min_minutes)
    since = gap.day_on.delta(gap.before_on, unit="day")
    until = gap.after_on.delta(gap.day_on, unit="day")
    starts = (gap.before_on.isnull() | (since >= gap_days)).fill_null(True)
    stops = (gap.after_on.isnull() | (until >= gap_days)).fill_null(True)
    edges = gap.mutate(starts=starts, stops=stops).filter(lambda t: t.starts | t.stops)
    window = ibis.window(group_by=edges.person_key, order_by=edges.day_on)
    edges = edges.mutate(
        end_on=ibis.ifelse(edges.stops, edges.day_on, edges.day_on.lead().over(window))
    )
    first = edges.filter(edges.starts & (edges.day_on < last_known))
    return first.select("person_key", "day_on", "end_on")


def _dated(log: EventLog, spell: ibis.Table, gap_days: int) -> ibis.Table:
    """Add how each spell ended and how long it lasted, and who the person was when it began."""
    import ibis

    one_day, gap = ibis.interval(days=1), ibis.interval(days=gap_days)
    edge = ibis.literal(log.as_of - timedelta(days=gap_days), type="date")
    spell = _with_person(log, spell)
    start, end, left = spell.day_on, spell.end_on, spell.left_on
    silent = (end + gap).cast("date")
    reached = end >= edge
    # Whoever left within the gap that would have ended the spell was not lost to learning. Nobody
    # is followed beyond the edge: who left after it was silent then, and not known to stop.
    last_leave = ibis.ifelse(reached, (edge + one_day).cast("date"), ibis.least(silent, edge))
    has_left = (left > start) & (left <= last_leave)
    is_open = reached | ((left > edge) & (left <= silent))
    cause = ibis.cases((has_left, "left"), (is_open, ""), else_="disengaged")
    days = ibis.cases(
        (has_left, left.delta(start, unit="day")), (is_open, edge.delta(start, unit="day")),
        else_=end.delta(start, unit="day") + 1,
    )  # fmt: skip
    return spell.mutate(cause=cause, duration=ibis.greatest(days, 1).cast("float64"))


def _with_person(log: EventLog, spell: ibis.Table) -> ibis.Table:
    """Join the attributes valid on a spell's first day; persons unknown to HR keep blanks."""
    import ibis

    blank = {
        "unit": "string", "role_id": "string", "level": "string", "country": "string",
        "location": "string", "is_manager": "boolean", "hired_on": "date", "left_on": "date",
    }  # fmt: skip
    if not log.has("person"):
        return spell.mutate(**{name: ibis.null(kind) for name, kind in blank.items()})
    person = log.table("person")
    # The first step of the organisation at which persons differ, as in every other report.
    depth = ibis.literal(_people.branching_depth(log))
    length = person.unit_path.length()
    step = ibis.least(length - 1, depth)
    person = person.mutate(
        unit=ibis.ifelse(length > 0, person.unit_path[step], ibis.null("string"))
    )
    joined = spell.left_join(
        person,
        [
            spell.person_key == person.person_key,
            person.valid_from_on <= spell.day_on,
            person.valid_to_on.isnull() | (person.valid_to_on > spell.day_on),
        ],
    )
    return joined.select(*spell.columns, *blank)


@measure(
    grain=("person_key", "assignment_id"),
    needs=("assignment", "content"),
    columns={
        "person_key": "int32", "assignment_id": "object", "group": "object", "entry": "float64",
        "duration": "float64", "event": "bool", "is_undated": "bool", "dropped": "object",
        "started_on": "datetime64[us]",
    },
)  # fmt: skip
def enrolments(log: EventLog, *, origin: str = "start", by: str = "topic") -> pd.DataFrame:
    """Follow enrolments from an origin to withdrawal or the end of the offer.

    Parameters
    ----------
    log : EventLog
    origin : {"start", "registration", "delayed_entry"}
        ``start``: the offer's first day, everyone kept; a withdrawal on or before it counts on
        day 0. ``registration``: each person's own; without a date the row is dropped.
        ``delayed_entry``: time since the offer's first day, at risk from registration on; who
        withdrew before or at entry is dropped.
    by : {"topic", "content_id"}
        What an enrolment is grouped by.

    Returns
    -------
    DataFrame
        One row an enrolment. ``duration`` in days; ``event``: withdrew, on a known date; what
        has not is censored at the offer's end or the as-of date, whichever is first. A withdrawal
        without a date (``is_undated``) is censored at the end. ``dropped`` is empty or the reason
        why the row must not be analysed.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"content": '''
    ...     content_id | title | topic   | published_at | retired_at
    ...     m1         | Maths | Numbers | 2024-01-10   | 2024-02-09
    ... ''', "assignment": '''
    ...     assignment_id | person_id | content_id | assigned_at | status    | status_at
    ...     e1            | ada       | m1         | 2024-01-01  | withdrawn | 2024-01-20
    ...     e2            | ben       | m1         | 2024-01-05  | completed | 2024-02-09
    ... '''}, as_of="2024-03-01")
    >>> found = enrolments(tiny, origin="start").sort_values("duration")
    >>> found[["group", "duration", "event"]].to_dict("list")
    {'group': ['Numbers', 'Numbers'], 'duration': [10.0, 30.0], 'event': [True, False]}
    """
    _check_choice("origin", origin, ORIGINS)
    _check_choice("by", by, ("topic", "content_id"))
    enrolment, content = log.table("assignment"), log.table("content")
    joined = enrolment.inner_join(content, enrolment.content_id == content.content_id)
    rows = joined.filter(joined.published_at.notnull()).select(
        "person_key", "assignment_id", "assigned_at", "status", "status_at",
        start_at="published_at", end_at="retired_at",
        group=joined.topic if by == "topic" else joined.content_id,
    )  # fmt: skip
    rows = rows.filter(rows.start_at < log.bound("start_at"))
    as_of = pd.Timestamp(clock.midnight_utc(log.as_of, log.time_zone))
    return _follow(log.collect(rows), as_of, origin)


def _check_choice(name: str, got: str, allowed: Sequence[str]) -> None:
    if got not in allowed:
        raise ParameterError(
            message("unknown choice", where=name, got=got, allowed=", ".join(allowed),
                    do=did_you_mean(got, allowed))
        )  # fmt: skip


def _follow(frame: pd.DataFrame, as_of: pd.Timestamp, origin: str) -> pd.DataFrame:
    day = pd.Timedelta(days=1)
    start = pd.to_datetime(frame["start_at"])
    end = pd.to_datetime(frame["end_at"]).fillna(as_of)
    end = end.where(end < as_of, as_of)
    registered = pd.to_datetime(frame["assigned_at"])
    withdrew = frame["status"] == "withdrawn"
    gone = pd.to_datetime(frame["status_at"]).where(withdrew)
    event = gone.notna()
    stop = gone.where(event, end)
    since = registered if origin == "registration" else start
    duration = (stop - since) / day
    entry = pd.Series(0.0, index=frame.index)
    dropped = pd.Series("", index=frame.index, dtype=object)
    if origin == "start":
        duration = duration.clip(lower=0)
    else:
        dropped = dropped.mask(registered.isna(), "registration date unknown")
        if origin == "delayed_entry":
            entry = ((registered - start) / day).clip(lower=0)
            at_entry = (dropped == "") & (duration <= entry)
            dropped = dropped.mask(at_entry, "ended before or at entry")
        else:
            dropped = dropped.mask((dropped == "") & (duration < 0), "ended before registration")
    return pd.DataFrame(
        {
            "person_key": frame["person_key"],
            "assignment_id": frame["assignment_id"],
            "group": frame["group"],
            "entry": entry.fillna(0.0),
            "duration": duration.fillna(0.0),
            "event": event,
            "is_undated": withdrew & ~event,
            "dropped": dropped,
            "started_on": since.dt.normalize() if origin == "registration" else start,
        }
    )


# One frame whatever is followed -------------------------------------------------------------

SUBJECT_COLUMNS = {
    "person_key": "int32",
    "item": "int64",
    "started_on": "datetime64[us]",
    "entry": "float64",
    "duration": "float64",
    "event": "bool",
    "cause": "object",
    "group": "object",
    "unit": "object",
    "role": "object",
    "level": "object",
    "country": "object",
    "location": "object",
    "is_manager": "bool",
    "tenure_years": "float64",
}


@measure(grain=("person_key", "item"), needs=(), columns=SUBJECT_COLUMNS)
def subjects(
    log: EventLog,
    *,
    subject: str = "activity",
    verbs: Sequence[str] | str = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    gap_days: int = 28,
    by: str = "unit",
    origin: str = "start",
    group_by: str = "topic",
) -> pd.DataFrame:
    """Follow what a study is about in one frame: spells of activity, or enrolments.

    Parameters
    ----------
    log : EventLog
    subject : {"activity", "enrolment"}
    verbs, assigned, min_minutes, gap_days
        Of spells, as in :func:`spells`.
    by : str
        What spells are grouped by: ``unit``, ``role``, ``level``, ``country``, ``location``,
        ``is_manager``; empty: one group.
    origin, group_by : str
        Of enrolments, as ``origin`` and ``by`` of :func:`enrolments`.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, item`` (the spell or enrolment in order of its start): ``entry`` and
        ``duration`` in days, ``cause`` (``disengaged``, ``left``, ``withdrawn`` or empty:
        censored), ``event``: disengaged or withdrew, ``group``; attributes on the first day (blank
        for enrolments). ``attrs["steps"]`` is the attrition, ``attrs["n_undated"]`` the
        withdrawals without a date, which are censored at the end, ``attrs["lag_days"]`` how many
        days later than it happened an end is known.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-05  | complete
    ...     ada       | 2024-01-25  | complete
    ... '''}, as_of="2024-03-01")
    >>> found = subjects(tiny, gap_days=10)
    >>> print(found[["item", "duration", "event", "group"]].to_string(index=False))
     item  duration  event group
        1       5.0   True Sales
        2       1.0   True Sales
    """
    _check_choice("subject", subject, SUBJECTS)
    if subject == "enrolment":
        return _enrolled(enrolments(log, origin=origin, by=group_by))
    _check_choice("by", by, ("", *GROUPS))
    found = spells(log, verbs=verbs, gap_days=gap_days, assigned=assigned, min_minutes=min_minutes)
    frame = found.rename(columns={"spell": "item"}).assign(entry=0.0, group=_group(found, by))
    frame.attrs = {**found.attrs, "lag_days": gap_days}
    if len(frame):
        frame.attrs["steps"] = (
            Step(
                f"a spell that began {gap_days} days or more before the as-of date",
                int(frame["person_key"].nunique()), len(frame),
            ),
        )  # fmt: skip
    return frame


def _group(frame: pd.DataFrame, by: str) -> pd.Series:
    """Return the group of each row as text; what is missing is the group ``Unknown``."""
    if not by:
        return pd.Series("", index=frame.index, dtype=object)
    if by == "is_manager":
        named = frame[by].map({True: "managers", False: "not managers"})
        return named.astype(object)
    column = frame[by].astype(object)
    return column.where(column.notna(), UNKNOWN)


def _enrolled(found: pd.DataFrame) -> pd.DataFrame:
    kept = found[found["dropped"] == ""]
    order = kept.sort_values(["person_key", "started_on", "assignment_id"], kind="stable")
    frame = order.assign(
        item=order.groupby("person_key").cumcount() + 1,
        cause=order["event"].map({True: "withdrawn", False: ""}).astype(object),
        is_manager=False, tenure_years=float("nan"), group=_group(order, "group"),
        **dict.fromkeys(("unit", "role", "level", "country", "location")),
    )  # fmt: skip
    frame.attrs = dict(found.attrs)
    if len(found):
        frame.attrs["n_undated"] = int(frame["is_undated"].sum())
        frame.attrs["steps"] = _enrolment_steps(found)
    return frame


def _enrolment_steps(found: pd.DataFrame) -> tuple[Step, ...]:
    rows = found
    steps = [Step("enrolled in an offer that had begun", rows["person_key"].nunique(), len(rows))]
    named = {
        "registration date unknown": "with a known registration date",
        "ended before or at entry": "still enrolled when their time begins",
        "ended before registration": "not withdrawn before they registered",
    }
    for reason, kept in named.items():
        if (rows["dropped"] == reason).any():
            rows = rows[rows["dropped"] != reason]
            steps.append(Step(kept, int(rows["person_key"].nunique()), len(rows)))
    return tuple(steps)


@measure(
    grain=("variant", "person_key", "item"),
    needs=(),
    columns={"variant": "object", **SUBJECT_COLUMNS},
)
def variants(
    log: EventLog,
    *,
    subject: str = "activity",
    verbs: Sequence[str] | str = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    gap_days: int = 28,
    origin: str = "start",
) -> pd.DataFrame:
    """Follow the same persons under other rules: half and twice the gap, or each origin.

    Parameters
    ----------
    log, subject, verbs, assigned, min_minutes, gap_days
        As in :func:`subjects`.
    origin : str
        The origin in use; all three are followed.

    Returns
    -------
    pandas.DataFrame
        As :func:`subjects`, with ``variant``: the gap in days (``14 days``) or the origin.
        ``attrs["used"]`` names the rule in use.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-16  | complete
    ... '''}, as_of="2024-06-01")
    >>> found = variants(tiny, gap_days=14)
    >>> print(found[["variant", "duration"]].to_string(index=False))
    variant  duration
    14 days       1.0
    14 days       1.0
    28 days      16.0
     7 days       1.0
     7 days       1.0
    >>> found.attrs["used"]
    '14 days'
    """
    value: dict[str, Any] = {"verbs": verbs, "assigned": assigned, "min_minutes": min_minutes}
    if subject == "enrolment":
        _check_choice("origin", origin, ORIGINS)
        parts = {name: subjects(log, subject=subject, origin=name) for name in ORIGINS}
    else:
        gaps_tried = dict.fromkeys((max(gap_days // 2, 1), gap_days, 2 * gap_days))
        parts = {
            f"{gap} days": subjects(log, subject=subject, **value, gap_days=gap, by="")
            for gap in gaps_tried
        }
    first = next(iter(parts.values()))
    frame = pd.concat([part.assign(variant=name) for name, part in parts.items()])
    frame.attrs = {k: v for k, v in first.attrs.items() if k == "missing"}
    frame.attrs["used"] = origin if subject == "enrolment" else f"{gap_days} days"
    return frame


@measure(
    grain=("person_key", "duration", "event"),
    needs=(),
    columns={"person_key": "int32", "duration": "float64", "event": "bool"},
)
def returns(
    log: EventLog,
    *,
    subject: str = "activity",
    verbs: Sequence[str] | str = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    gap_days: int = 28,
) -> pd.DataFrame:
    """Follow each person from the end of the first spell to every later one.

    Parameters
    ----------
    log, subject, verbs, assigned, min_minutes, gap_days
        As in :func:`subjects`.

    Returns
    -------
    pandas.DataFrame
        A row with ``event`` for each spell after the first, ``duration`` days after the first one
        began, and one row without at the end of follow-up (``as_of - gap_days``, or leaving).
        Enrolments do not recur: an empty frame that says so.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-02-10  | complete
    ... '''}, as_of="2024-04-01")
    >>> returns(tiny, gap_days=28)[["duration", "event"]].to_dict("list")
    {'duration': [40.0, 63.0], 'event': [True, False]}
    """
    import numpy as np

    if subject == "enrolment":
        frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in returns.columns.items()})
        frame.attrs["missing"] = "enrolments are followed one by one and do not recur"
        return frame
    found = spells(log, verbs=verbs, gap_days=gap_days, assigned=assigned, min_minutes=min_minutes)
    if found.empty:
        return found
    first = found.groupby("person_key")["started_on"].min()
    since = found["person_key"].map(first)
    again = found[found["spell"] > 1]
    limit = pd.Timestamp(log.as_of - timedelta(days=gap_days))
    ends = pd.Series(limit, index=first.index)
    if log.has("person"):
        left = log.collect(log.persons().select("person_key", "left_on")).set_index("person_key")
        gone = pd.to_datetime(left["left_on"]).reindex(first.index)
        ends = ends.where(gone.isna() | (gone > ends), gone)
    last = found.groupby("person_key")["started_on"].max()
    ends = ends.where(ends > last, last)
    came = (again["started_on"] - since[again.index]).dt.days
    return pd.DataFrame(
        {
            "person_key": np.concatenate([again["person_key"], first.index]),
            "duration": np.concatenate([came, (ends - first).dt.days]).astype(float),
            "event": np.repeat([True, False], [len(again), len(first)]),
        }
    )
