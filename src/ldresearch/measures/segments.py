"""What people did in a window: the features that segments are made of, now and earlier.

Counted are people who were eligible for the whole window and still are: of others a part would be
taken for the whole. A window is so many complete ISO weeks before the as-of date. Nothing that was
not known on a day is used for that day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, message
from ldresearch.log import EventLog
from ldresearch.measures import _arms
from ldresearch.measures._measure import measure
from ldresearch.measures._people import eligible, first_day
from ldresearch.measures._value import WAYS, value_days
from ldresearch.result import Step
from ldresearch.vocabulary import Verb

if TYPE_CHECKING:
    import ibis

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"
SOCIAL: Final = (Verb.SHARE.value, Verb.RECOMMEND.value, Verb.COMMENT.value, Verb.RATE.value)
"""Verbs by which people learn with others."""

_COUNTS: Final = {
    "active_weeks": "float64",
    "active_days": "float64",
    "actions": "float64",
    "actions_a_week": "float64",
    "minutes": "float64",
    "minutes_a_week": "float64",
    "value_days": "float64",
    "social": "float64",
    "searches": "float64",
    "silent_days": "float64",
    "repeats": "float64",
    "last_weeks": "float64",
    "known_weeks": "float64",
}
_GROUPS: Final = {"unit": "object", "level": "object"}


@measure(
    grain=("person_key",),
    needs=("person", "activity_day"),
    columns={"person_key": "int64", **_COUNTS, "days_ahead": "float64", **_GROUPS},
)
def features(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_weeks: int = 12,
    ahead_weeks: int = 0,
) -> pd.DataFrame:
    """Measure what each eligible person did in the window.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value; nothing means every verb. Activity is every verb.
    assigned : {"self_started", "assigned", "all"}
        Of activity and value alike.
    min_minutes : int
        A day is of value from this many minutes on.
    window_weeks : int
        Complete ISO weeks of the window.
    ahead_weeks : int
        Stand so many weeks before the as-of date, as the log was known then, and count the days of
        value since; only of people still eligible today. 0: stand at the as-of date.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``; in the window ``active_weeks``, ``active_days``, ``actions``,
        ``minutes`` (both also a week), ``value_days``, ``social`` and ``searches`` (actions of the
        kind). Over the whole log: ``silent_days`` since the last day of value, and in weeks what a
        model of repeats takes: ``repeats`` (days of value after the first), ``last_weeks`` (when
        the last of them was) and ``known_weeks`` (to the last known day), both since the first;
        missing where there was none. ``days_ahead``: days of value since. Groups.
        ``attrs["steps"]``: who is counted; ``attrs["is_whole"]``: whether the window lies within
        the log.

    Examples
    --------
    Twelve weeks end on Monday 25 March. Ben is new, so he is not counted.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2024-02-01    | 2024-02-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-02  | view
    ...     ada       | 2024-01-15  | complete
    ...     ben       | 2024-03-01  | complete
    ... '''}, as_of="2024-03-25")
    >>> found = features(tiny)
    >>> found[["active_weeks", "actions", "value_days", "silent_days"]].to_dict("list")
    {'active_weeks': [2.0], 'actions': [3.0], 'value_days': [2.0], 'silent_days': [70.0]}
    >>> found[["repeats", "last_weeks", "known_weeks"]].round(2).to_dict("list")
    {'repeats': [1.0], 'last_weeks': [2.0], 'known_weeks': [11.86]}
    """
    _checked(assigned, window_weeks, ahead_weeks)
    then = log.before(log.as_of - timedelta(weeks=ahead_weeks))
    if not then.has("activity_day") or not then.has("person"):
        return _nothing(features.columns, "the log begins too late to look so far ahead")
    frame, steps = _measured(then, verbs, assigned, min_minutes, window_weeks)
    frame["days_ahead"] = 0.0
    if ahead_weeks:
        here = _still(log)
        frame = frame[frame["person_key"].isin(here)]
        steps = [*steps, Step("still eligible at the as-of date", len(frame), len(frame))]
        days = value_days(log, verbs, assigned, min_minutes)
        since = days.filter(days.day_on >= _day(then.as_of))
        ahead = log.collect(since.group_by("person_key").agg(n=since.count()))
        counts = ahead.set_index("person_key")["n"]
        frame["days_ahead"] = frame["person_key"].map(counts).fillna(0.0)
    begins = first_day(log)
    frame.attrs["steps"] = tuple(steps)
    frame.attrs["is_whole"] = begins is not None and begins <= _window(then, window_weeks)[0]
    return frame


def _checked(assigned: str, window_weeks: int, ahead_weeks: int = 0) -> None:
    if assigned not in WAYS:
        raise ParameterError(
            message("no such way of starting", where="assigned", got=assigned,
                    allowed=", ".join(WAYS))
        )  # fmt: skip
    if window_weeks < 1 or ahead_weeks < 0:
        raise ParameterError(
            message("a window has a week or more", where="window_weeks", got=window_weeks)
        )


def _nothing(columns: dict[str, str], why: str) -> pd.DataFrame:
    frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in columns.items()})
    frame.attrs["missing"] = why
    return frame


def _day(day: date) -> Any:
    import ibis

    return ibis.literal(day, type="date")


def _window(log: EventLog, window_weeks: int) -> tuple[date, date]:
    """Return the first day of the window, and the first after it."""
    end = clock.week_of(log.as_of)
    return end - timedelta(weeks=window_weeks), end


def _still(log: EventLog) -> list[int]:
    """Return who is eligible on the last known day."""
    people = eligible(log)
    now = people.filter(people.eligible_from_on.notnull() & people.eligible_to_on.isnull())
    return [int(key) for key in log.collect(now.select("person_key"))["person_key"]]


def _measured(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, window_weeks: int
) -> tuple[pd.DataFrame, list[Step]]:
    """Return the features of everyone eligible throughout, and who fell out on the way."""
    begin, end = _window(log, window_weeks)
    people = eligible(log)
    now = people.filter(people.eligible_from_on.notnull() & people.eligible_to_on.isnull())
    now = now.mutate(is_in=now.eligible_from_on <= _day(begin))
    found = now.left_join(_activity(log, assigned, begin, end), "person_key")
    found = found.drop("person_key_right")
    found = found.left_join(_repeats(log, verbs, assigned, min_minutes, begin, end), "person_key")
    kept = ["person_key", "is_in", "active_weeks", "active_days", "actions", "minutes", "social",
            "searches", "value_days", "first_on", "last_on", "repeats", *_GROUPS]  # fmt: skip
    frame = log.collect(found.select(*kept))
    steps = [
        Step("eligible at the as-of date", len(frame), len(frame)),
        Step(f"for all of the last {window_weeks} complete weeks", int(frame["is_in"].sum()),
             int(frame["is_in"].sum())),
    ]  # fmt: skip
    frame = frame[frame["is_in"].astype(bool)].copy()
    zero = ["active_weeks", "active_days", "actions", "minutes", "social", "searches", "value_days"]
    frame[zero] = frame[zero].astype("float64").fillna(0.0)
    frame["actions_a_week"] = frame["actions"] / window_weeks
    frame["minutes_a_week"] = frame["minutes"] / window_weeks
    as_of = pd.Timestamp(log.as_of)
    first, last = pd.to_datetime(frame["first_on"]), pd.to_datetime(frame["last_on"])
    frame["silent_days"] = (as_of - last).dt.days.astype("float64")
    frame["last_weeks"] = (last - first).dt.days / 7
    # To the last known day, as repeats are.
    frame["known_weeks"] = ((as_of - first).dt.days - 1) / 7
    return frame, steps


def _activity(log: EventLog, assigned: str, begin: date, end: date) -> ibis.Table:
    """Count what each person did in the window, value or not."""
    days = log.table("activity_day")
    if assigned != "all":
        days = days.filter(days.is_assigned == (assigned == "assigned"))
    days = days.filter((days.day_on >= _day(begin)) & (days.day_on < _day(end)))
    week = days.day_on.delta(_day(begin), unit="day").cast("int64") // 7
    return days.group_by("person_key").agg(
        active_weeks=week.nunique(),
        active_days=days.day_on.nunique(),
        actions=days.n_events.sum(),
        minutes=days.duration_s.sum() / 60,
        social=days.n_events.sum(where=days.verb.isin(SOCIAL)),
        searches=days.n_events.sum(where=days.verb == Verb.SEARCH.value),
    )


def _repeats(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, begin: date, end: date
) -> ibis.Table:
    """Return first and last day of value, how many after the first, and how many in the window."""
    days = value_days(log, verbs, assigned, min_minutes)
    inside = (days.day_on >= _day(begin)) & (days.day_on < _day(end))
    return days.group_by("person_key").agg(
        first_on=days.day_on.min(),
        last_on=days.day_on.max(),
        repeats=days.count() - 1,
        value_days=inside.cast("int64").sum(),
    )


# Earlier ------------------------------------------------------------------------------------


@measure(
    grain=("quarter_on", "person_key"),
    needs=("person", "activity_day"),
    columns={"quarter_on": DAY, "person_key": "int64", **_COUNTS},
)
def quarters(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_weeks: int = 12,
    last_quarters: int = 4,
) -> pd.DataFrame:
    """Measure each eligible person at the end of each complete quarter, as it was known then.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, window_weeks
        As in :func:`features`; the window ends with the quarter.
    last_quarters : int
        Calendar quarters at most, the last that are over. A quarter whose window begins before the
        log is left out.

    Returns
    -------
    pandas.DataFrame
        Grain ``quarter_on`` (first day of the quarter) and ``person_key``; the columns of
        :func:`features`. ``attrs["under_way"]``: first day of the quarter that is not over, empty
        where the last one ends with the as-of date.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-08  | complete
    ...     ada       | 2024-05-15  | complete
    ... '''}, as_of="2024-08-01")
    >>> found = quarters(tiny)
    >>> [str(day)[:10] for day in found["quarter_on"]], found["actions"].tolist()
    (['2024-01-01', '2024-04-01'], [1.0, 1.0])
    >>> found.attrs["under_way"]
    '2024-07-01'
    """
    _checked(assigned, window_weeks)
    if last_quarters < 1:
        raise ParameterError(
            message("at least one quarter is measured", where="last_quarters", got=last_quarters)
        )
    here = _quarter(log.as_of)
    begins = first_day(log)
    parts = []
    for back in range(last_quarters, 0, -1):
        end = _later(here, 1 - back)
        then = log.before(end)
        if begins is None or begins > _window(then, window_weeks)[0] or not then.has("person"):
            continue
        frame, _ = _measured(then, verbs, assigned, min_minutes, window_weeks)
        parts.append(frame.assign(quarter_on=pd.Timestamp(_later(here, -back))))
    if not parts:
        return _nothing(quarters.columns, "no quarter is over whose window lies within the log")
    found = pd.concat(parts, ignore_index=True)
    found.attrs["under_way"] = here.isoformat() if here < log.as_of else ""
    return found


def _quarter(day: date) -> date:
    """Return the first day of the calendar quarter that holds a day."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def _later(quarter: date, n: int) -> date:
    """Return the first day of the n-th quarter after one."""
    months = quarter.year * 12 + quarter.month - 1 + 3 * n
    return date(months // 12, months % 12 + 1, 1)


# Campaigns ----------------------------------------------------------------------------------


@measure(
    grain=("initiative_id", "person_key"),
    needs=("person", "activity_day", "initiative"),
    columns={
        "initiative_id": "object",
        "label": "object",
        "person_key": "int64",
        "arm": "object",
        "cluster": "object",
        "is_randomised": "bool",
        "start_on": DAY,
        "has_responded": "bool",
        **_COUNTS,
    },
)
def responses(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_weeks: int = 12,
    within_days: int = 28,
) -> pd.DataFrame:
    """Say of each person a campaign concerned what she had done before it, and whether she came.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, window_weeks
        As in :func:`features`; the window ends before the first day of the campaign.
    within_days : int
        Days from her first day in the campaign in which a day of value is a response. Whoever has
        not been followed for so long is left out.

    Returns
    -------
    pandas.DataFrame
        Grain ``initiative_id, person_key``: ``arm`` (``treated`` or ``control``), what was
        allocated (``cluster``), ``is_randomised``, ``start_on``, ``has_responded``, and the columns
        of :func:`features` before the campaign. Without arms, who was written to is ``treated``
        from that day on. A campaign whose window begins before the log is left out;
        ``attrs["too_early"]`` counts them.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-04-09  | complete
    ... ''', "initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-04-01
    ... ''', "touch": '''
    ...     touch_id | initiative_id | person_id | sent_at
    ...     1        | spring        | ada       | 2024-04-02
    ...     2        | spring        | ben       | 2024-04-02
    ... '''}, as_of="2024-06-01")
    >>> found = responses(tiny)
    >>> sorted(found["has_responded"].tolist()), found["arm"].unique().tolist()
    ([False, True], ['treated'])
    """
    _checked(assigned, window_weeks)
    begins = first_day(log)
    initiatives = log.collect(
        log.table("initiative").select("initiative_id", "name", "started_on")
    ).sort_values(["started_on", "initiative_id"])
    parts, too_early = [], 0
    for one in initiatives.to_dict("records"):
        began = pd.Timestamp(one["started_on"]).date()
        then = log.before(began)
        if begins is None or began > log.as_of or begins > _window(then, window_weeks)[0]:
            too_early += 1
            continue
        there = _concerned(log, str(one["initiative_id"]), began, within_days)
        came = _came(log, there, value_days(log, verbs, assigned, min_minutes), within_days)
        followed = log.collect(came)
        before, _ = _measured(then, verbs, assigned, min_minutes, window_weeks)
        joined = followed.merge(before, on="person_key", how="inner")
        label = str(one["name"] or one["initiative_id"])
        parts.append(joined.assign(initiative_id=str(one["initiative_id"]), label=label))
    filled = [part for part in parts if len(part)]
    if not filled:
        why = (
            "the campaigns begin too early in the log to know what people did before"
            if too_early and not parts
            else "no campaign has people who were followed for long enough"
        )
        return _nothing(responses.columns, why)
    found = pd.concat(filled, ignore_index=True)
    found.attrs["too_early"] = too_early
    return found


def _concerned(log: EventLog, initiative: str, began: date, within_days: int) -> ibis.Table:
    """Return everyone a campaign concerned, with her arm and first day, if followed to the end."""
    import ibis

    arms = log.table("arm")
    if int(arms.filter(arms.initiative_id == initiative).count().execute()):
        found = _arms.sides(log, _arms.Launch(initiative, began))
    else:
        touch = log.table("touch")
        own = touch.filter((touch.initiative_id == initiative) & touch.person_key.notnull())
        found = own.group_by("person_key").agg(start_on=log.day(own.sent_at.min()))
        found = found.mutate(
            arm=ibis.literal(_arms.TREATED_SIDE), is_randomised=ibis.literal(False),
            cluster=found.person_key.cast("string"),
        )  # fmt: skip
    found = found.select("person_key", "arm", "cluster", "is_randomised", "start_on")
    followed = _day(log.as_of).delta(found.start_on, unit="day") >= within_days
    return found.filter(followed & found.start_on.notnull())


def _came(log: EventLog, there: ibis.Table, days: ibis.Table, within_days: int) -> ibis.Table:
    """Add whether each had a day of value within so many days from her first."""
    joined = days.inner_join(there.select("person_key", "start_on"), "person_key")
    after = joined.day_on.delta(joined.start_on, unit="day")
    came = joined.filter((after >= 0) & (after < within_days)).select("person_key").distinct()
    marked = there.left_join(came.mutate(key=came.person_key), there.person_key == came.person_key)
    return marked.select(
        "person_key", "arm", "cluster", "is_randomised", "start_on",
        has_responded=marked.key.notnull(),
    )  # fmt: skip
