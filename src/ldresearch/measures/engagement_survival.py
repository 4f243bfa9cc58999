"""How long people stay engaged: gaps, spells and enrolments.

The rule (docs/definitions.md): a spell starts with a value event; it ends at the start of the
first gap of ``gap_days`` or more without one. What has not ended is censored at ``as_of`` minus
the gap: later than that nobody could have been seen to stop. Leaving employment competes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._value import value_days

if TYPE_CHECKING:
    import ibis

ORIGINS = ("start", "registration", "delayed_entry")


def _gaps(log: EventLog, verbs: Sequence[str], assigned: str, min_minutes: int) -> ibis.Table:
    """Value days with the day before and after, per person."""
    import ibis

    days = value_days(log, verbs, assigned, min_minutes)
    window = ibis.window(group_by=days.person_key, order_by=days.day_on)
    return days.mutate(
        before_on=days.day_on.lag().over(window), after_on=days.day_on.lead().over(window)
    )


@measure(
    grain=("gap_days",),
    needs=("activity_day",),
    columns={"gap_days": "int64", "n_returned": "int64", "n_open": "int64", "n": "int64"},
)
def gaps(
    log: EventLog,
    *,
    verbs: Sequence[str],
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> pd.DataFrame:
    """Count the gaps between value days by their length.

    Returns
    -------
    DataFrame
        One row a length: ``n_returned`` gaps that ended with a return after that many days,
        ``n_open`` gaps still open after that many days as of the date, and ``n`` distinct
        persons behind them.
    """
    import ibis

    gap = _gaps(log, verbs, assigned, min_minutes)
    end = gap.after_on.fill_null(ibis.literal(log.as_of, type="date"))
    gap = gap.mutate(gap_days=end.delta(gap.day_on, unit="day").cast("int64"))
    counted = gap.group_by("gap_days").agg(
        n_returned=gap.after_on.notnull().sum(),
        n_open=gap.after_on.isnull().sum(),
        n=gap.person_key.nunique(),
    )
    return log.collect(counted)


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
    "is_manager": "bool",
    "tenure_years": "float64",
}


@measure(grain=("person_key", "spell"), needs=("activity_day",), columns=SPELL_COLUMNS)
def spells(
    log: EventLog,
    *,
    verbs: Sequence[str],
    gap_days: int,
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> pd.DataFrame:
    """Cut each person's value days into spells of engagement.

    Parameters
    ----------
    log : EventLog
    verbs : sequence of str
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
    """
    import ibis

    limit = log.as_of - timedelta(days=gap_days)
    last_known = ibis.literal(limit, type="date")
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
    order = ibis.window(group_by=first.person_key, order_by=first.day_on)
    spell = first.mutate(spell=ibis.row_number().over(order) + 1).select(
        "person_key", "spell", "day_on", "end_on"
    )
    return _finish_spells(log, log.collect(_with_person(log, spell)), limit)


def _with_person(log: EventLog, spell: ibis.Table) -> ibis.Table:
    """Join the attributes valid on a spell's first day; persons unknown to HR keep blanks."""
    import ibis

    blank = {
        "unit_path": "array<string>", "role_id": "string", "level": "string", "country": "string",
        "is_manager": "boolean", "hired_on": "date", "left_on": "date",
    }  # fmt: skip
    if not log.has("person"):
        return spell.mutate(**{name: ibis.null(kind) for name, kind in blank.items()})
    person = log.table("person")
    joined = spell.left_join(
        person,
        [
            spell.person_key == person.person_key,
            person.valid_from_on <= spell.day_on,
            person.valid_to_on.isnull() | (person.valid_to_on > spell.day_on),
        ],
    )
    return joined.select(*spell.columns, *blank)


def _finish_spells(log: EventLog, frame: pd.DataFrame, limit: Any) -> pd.DataFrame:
    """Date the ends: the gap's start, the censoring day or the day employment ended."""
    start = pd.to_datetime(frame["day_on"])
    end = pd.to_datetime(frame["end_on"])
    left = pd.to_datetime(frame["left_on"])
    edge = pd.Timestamp(limit)
    is_open = end >= edge
    stop = end.where(~is_open, edge)
    has_left = left.notna() & (left <= stop + pd.Timedelta(days=1)) & (left > start)
    # Whoever left within the gap that would have ended the spell was not lost to learning.
    gap = pd.Timedelta(days=(log.as_of - limit).days)
    left_in_gap = left.notna() & ~is_open & (left > end) & (left <= end + gap)
    has_left = has_left | left_in_gap
    stop = stop.where(~has_left, left.where(left <= end + gap, stop))
    cause = pd.Series("disengaged", index=frame.index, dtype=object)
    cause = cause.mask(is_open, "").mask(has_left, "left")
    duration = (stop - start).dt.days + (cause == "disengaged").astype(int)
    hired = pd.to_datetime(frame["hired_on"])
    return pd.DataFrame(
        {
            "person_key": frame["person_key"],
            "spell": frame["spell"],
            "started_on": start,
            "duration": duration.clip(lower=1).astype(float),
            "cause": cause,
            "event": cause == "disengaged",
            "unit": unit_of(frame["unit_path"]),
            "role": text(frame["role_id"]),
            "level": text(frame["level"]),
            "country": text(frame["country"]),
            "is_manager": frame["is_manager"].astype("boolean").fillna(False),
            "tenure_years": (start - hired).dt.days / 365.25,
        }
    )


def unit_of(path: pd.Series) -> pd.Series:
    """Return the last element of each unit path; missing stays missing."""
    return pd.Series(
        [None if _is_missing(p) or not len(p) else p[-1] for p in path],
        index=path.index,
        dtype=object,
    )


def text(column: pd.Series) -> pd.Series:
    """Return a text column with ``None`` for what is missing, whatever the pandas version."""
    return column.astype(object).where(column.notna(), None)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or isinstance(value, float)


@measure(
    grain=("person_key", "assignment_id"),
    needs=("assignment", "content"),
    columns={
        "person_key": "int32", "assignment_id": "object", "group": "object", "entry": "float64",
        "duration": "float64", "event": "bool", "is_undated": "bool", "dropped": "object",
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
    """
    if origin not in ORIGINS:
        raise ParameterError(
            message("unknown choice", where="origin", got=origin, allowed=", ".join(ORIGINS))
        )
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


def _follow(frame: pd.DataFrame, as_of: pd.Timestamp, origin: str) -> pd.DataFrame:
    day = pd.Timedelta(days=1)
    start = pd.to_datetime(frame["start_at"])
    end = pd.to_datetime(frame["end_at"]).fillna(as_of).clip(upper=as_of)
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
        }
    )
