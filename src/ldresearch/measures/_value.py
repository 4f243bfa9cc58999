"""Which activity counts as value: the verbs a study names, self-started or assigned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.vocabulary import Verb

if TYPE_CHECKING:
    import ibis

WAYS = ("self_started", "assigned", "all")
"""How an activity came about; an assigned completion is compliance, not adoption."""


def verb_list(verbs: str | Iterable[str]) -> tuple[str, ...]:
    """Read verbs from a list or from text with commas; nothing means every verb.

    Raises
    ------
    ParameterError
        For a word that is no verb of the vocabulary.

    Examples
    --------
    >>> verb_list("complete, pass")
    ('complete', 'pass')
    """
    words = verbs.split(",") if isinstance(verbs, str) else list(verbs)
    wanted = tuple(dict.fromkeys(w.strip() for w in words if w.strip()))
    known = [verb.value for verb in Verb]
    for word in wanted:
        if word not in known:
            raise ParameterError(
                message("no such verb", where="verbs", got=word, do=did_you_mean(word, known))
            )
    return wanted


def value_days(
    log: EventLog,
    verbs: str | Iterable[str],
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> ibis.Table:
    """Return the distinct local days on which each person got value.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts; nothing means every verb.
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
        A day counts from this many minutes on; 0 counts every day.

    Returns
    -------
    ibis.Table
        Grain ``person_key, day_on``.

    Raises
    ------
    ParameterError
    """
    if min_minutes <= 0:
        return value_rows(log, verbs, assigned).select("person_key", "day_on").distinct()
    days = value_rows(log, verbs, assigned)
    sums = days.group_by("person_key", "day_on").agg(seconds=days.duration_s.sum())
    return sums.filter(sums.seconds >= 60 * min_minutes).select("person_key", "day_on")


def value_rows(log: EventLog, verbs: str | Iterable[str], assigned: str) -> ibis.Table:
    """Return the rows of ``activity_day`` that count: several a day where there are several verbs.

    Parameters
    ----------
    log : EventLog
    verbs, assigned
        As in :func:`value_days`.

    Returns
    -------
    ibis.Table

    Raises
    ------
    ParameterError
    """
    _check_way(assigned)
    days = log.table("activity_day")
    wanted = verb_list(verbs)
    if wanted:
        days = days.filter(days.verb.isin(wanted))
    if assigned != "all":
        days = days.filter(days.is_assigned == (assigned == "assigned"))
    return days


def events(log: EventLog, verbs: tuple[str, ...], assigned: str = "all") -> ibis.Table:
    """Return the events that count, for what needs the time of day or the content.

    Parameters
    ----------
    log : EventLog
    verbs : tuple of str
        As :func:`verb_list` gives them; empty: every verb.
    assigned : {"self_started", "assigned", "all"}

    Returns
    -------
    ibis.Table
        Rows of ``event``.

    Raises
    ------
    ParameterError
    """
    _check_way(assigned)
    event = log.table("event")
    if verbs:
        event = event.filter(event.verb.isin(verbs))
    if assigned != "all":
        is_assigned = event.assignment_id.notnull()
        event = event.filter(is_assigned if assigned == "assigned" else ~is_assigned)
    return event


def _check_way(assigned: str) -> None:
    if assigned not in WAYS:
        raise ParameterError(
            message("no such way of starting", where="assigned", got=assigned,
                    allowed=", ".join(WAYS), do=did_you_mean(assigned, WAYS))
        )  # fmt: skip


def neighbours(days: ibis.Table) -> ibis.Table:
    """Add the day of value before and after each, per person; null at the ends.

    Parameters
    ----------
    days : ibis.Table
        As :func:`value_days` returns it.

    Returns
    -------
    ibis.Table
        With ``before_on`` and ``after_on``.
    """
    import ibis

    window = ibis.window(group_by=days.person_key, order_by=days.day_on)
    return days.mutate(
        before_on=days.day_on.lag().over(window), after_on=days.day_on.lead().over(window)
    )
