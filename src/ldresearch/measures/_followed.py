"""What a plan's metrics are for one person: in a window of days from a day of her own.

The same definitions before a launch (baselines), during it (monitoring) and after it (impact).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._value import value_days
from ldresearch.vocabulary import Verb

if TYPE_CHECKING:
    import ibis

GIVING_UP: Final = (Verb.ABANDON.value, Verb.WITHDRAW.value, Verb.FAIL.value)

_OF_VALUE_DAYS: Final = (
    "value_reach", "value_reach_days", "value_days", "active_weeks", "return_share",
)  # fmt: skip
_OF_MINUTES: Final = ("learning_minutes", "assigned_minutes")
METRICS: Final = (*_OF_VALUE_DAYS, *_OF_MINUTES, "gave_up_share")
"""Metrics that are followed person by person; their definitions stand in the registry."""


def followed(
    log: EventLog,
    starts: ibis.Table,
    metric: str,
    *,
    verbs: str | Iterable[str],
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_days: int,
    back: bool = False,
) -> ibis.Table:
    """Return each person's value of a metric in her window.

    Parameters
    ----------
    log : EventLog
    starts : ibis.Table
        One row a person: ``person_key``, ``start_on``.
    metric : str
        One of :data:`METRICS`.
    verbs, assigned, min_minutes
        What counts as value.
    window_days : int
        The window holds this many days, the first of them ``start_on``.
    back : bool
        As many days before ``start_on`` instead.

    Returns
    -------
    ibis.Table
        Grain ``person_key``: ``value``. Whoever did nothing has 0, and the whole window in days
        where days until a value event are asked for.

    Raises
    ------
    ParameterError
        For a metric that is not followed person by person.
    """
    import ibis

    if metric not in METRICS:
        raise ParameterError(
            message("this metric is not followed person by person", where="metric", got=metric,
                    do=did_you_mean(metric, METRICS))
        )  # fmt: skip
    rows = _rows(log, metric, verbs, assigned, min_minutes)
    joined = rows.inner_join(starts.select("person_key", "start_on"), "person_key")
    offset = joined.day_on.delta(joined.start_on, unit="day").cast("int64")
    offset = offset + (window_days if back else 0)
    inside = joined.mutate(offset=offset).filter((offset >= 0) & (offset < window_days))
    found = inside.group_by("person_key").agg(value=_value(metric, inside))
    every = starts.select("person_key").left_join(found, "person_key").drop("person_key_right")
    nothing = float(window_days) if metric == "value_reach_days" else 0.0
    return every.mutate(value=ibis.coalesce(every["value"].cast("float64"), nothing))


def _rows(
    log: EventLog, metric: str, verbs: str | Iterable[str], assigned: str, min_minutes: int
) -> ibis.Table:
    """Return the person-days that a metric looks at."""
    if metric in _OF_VALUE_DAYS:
        return value_days(log, verbs, assigned, min_minutes)
    days = log.table("activity_day")
    if metric == "gave_up_share":
        return days.filter(days.verb.isin(GIVING_UP))
    if metric == "assigned_minutes":
        return days.filter(days.is_assigned)
    return days if assigned == "all" else days.filter(days.is_assigned == (assigned == "assigned"))


def _value(metric: str, inside: ibis.Table) -> Any:
    if metric in _OF_MINUTES:
        return inside.duration_s.sum() / 60.0
    if metric == "value_days":
        return inside.day_on.nunique()
    if metric == "value_reach_days":
        return inside["offset"].min()
    weeks = (inside["offset"] // 7).nunique()
    if metric == "active_weeks":
        return weeks
    if metric == "return_share":
        return (weeks >= 2).cast("int64")
    return inside.count().cast("int64").clip(upper=1)
