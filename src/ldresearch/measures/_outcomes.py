"""What a measurement plan follows, person by person: one definition before, during and after.

Each person has a first day (the launch, an invitation, or a day chosen for a baseline) and is
followed for the window from it, up to the as-of date.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from ldresearch.log import EventLog
from ldresearch.measures._people import eligible
from ldresearch.measures._value import value_days
from ldresearch.vocabulary import Verb

if TYPE_CHECKING:
    import ibis

METRICS: Final = (
    "value_reach", "value_reach_days", "value_days", "active_weeks", "learning_minutes",
    "return_share", "gave_up_share", "assigned_minutes",
)  # fmt: skip
"""Metrics of the registry that are followed person by person; a column each."""

GAVE_UP: Final = (Verb.ABANDON.value, Verb.WITHDRAW.value, Verb.FAIL.value)


def starting(log: EventLog, on: date) -> ibis.Table:
    """Return everyone eligible on a day, with that day as the first.

    Returns
    -------
    ibis.Table
        Grain ``person_key``; attributes of :func:`eligible`, ``start_on``.
    """
    import ibis

    day = ibis.literal(on, type="date")
    people = eligible(log)
    is_in = people.eligible_from_on <= day
    is_still = people.eligible_to_on.isnull() | (people.eligible_to_on > day)
    return people.filter(is_in & is_still).mutate(start_on=day)


def outcomes(
    log: EventLog,
    starts: ibis.Table,
    *,
    window_days: int,
    verbs: str | tuple[str, ...],
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> ibis.Table:
    """Measure everyone from a first day of her own.

    Parameters
    ----------
    log : EventLog
    starts : ibis.Table
        Grain ``person_key``, with ``start_on``; other columns are kept.
    window_days : int
    verbs, assigned, min_minutes
        What counts as value, as in :func:`value_days`.

    Returns
    -------
    ibis.Table
        Grain ``person_key``; the columns of ``starts``, ``followed_days`` (of the window, known as
        of the date), ``is_complete`` (the whole window is known), ``value_first`` (days until the
        first value event; null: none) and the :data:`METRICS` but ``value_reach_days``, which is
        ``followed_days`` or ``value_first``, whichever comes first. Nobody has a null count: whose
        window holds nothing has 0.
    """
    import ibis

    as_of = ibis.literal(log.as_of, type="date")
    known = as_of.delta(starts.start_on, unit="day")
    followed = ibis.least(ibis.greatest(known, 0), window_days).cast("int32")
    people = starts.mutate(followed_days=followed, is_complete=known >= window_days)
    value = _in_window(people, value_days(log, verbs, assigned, min_minutes))
    of_value = value.group_by("person_key").agg(
        value_first=value.day.min().cast("int32"),
        value_days=value.count().cast("int32"),
        active_weeks=(value.day // 7).cast("int32").nunique().cast("int32"),
    )
    days = _in_window(people, log.table("activity_day"))
    minutes = days.duration_s.fill_null(0) / 60
    counts = ibis.literal(True) if assigned == "all" else days.is_assigned == (
        assigned == "assigned")  # fmt: skip
    of_all = days.group_by("person_key").agg(
        learning_minutes=minutes.sum(where=counts),
        assigned_minutes=minutes.sum(where=days.is_assigned),
        gave_up_share=days.verb.isin(GAVE_UP).any().cast("int32"),
    )
    found = people.left_join(of_value, "person_key").drop("person_key_right")
    found = found.left_join(of_all, "person_key").drop("person_key_right")
    zeros = {name: found[name].fill_null(0)
             for name in ("value_days", "active_weeks", "learning_minutes", "assigned_minutes",
                          "gave_up_share")}  # fmt: skip
    found = found.mutate(**zeros)
    reached = ibis.coalesce(found.value_first, found.followed_days)
    return found.mutate(
        value_reach=found.value_first.notnull().cast("int32"),
        value_reach_days=reached.cast("int32"),
        return_share=(found.active_weeks >= 2).cast("int32"),
    )


def _in_window(people: ibis.Table, days: ibis.Table) -> ibis.Table:
    """Person-days within each person's window; ``day`` counts from her first."""
    own = people.select("person_key", "start_on", "followed_days")
    joined = days.inner_join(own, "person_key")
    joined = joined.mutate(day=joined.day_on.delta(joined.start_on, unit="day"))
    return joined.filter((joined.day >= 0) & (joined.day < joined.followed_days))
