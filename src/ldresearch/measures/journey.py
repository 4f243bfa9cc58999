"""The way of a learner: the steps from invitation to outcome, the kinds of content on it, and what
the first week was like.

Shares and counts are of people who are eligible on the last known day; numerator and denominator
use the same day. A step that a log cannot show (nobody was written to, no verb of sharing, no
ratings) is absent, never nought.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures import _period
from ldresearch.measures._by_person import (
    Acts,
    Rows,
    first_rows,
    folded_events,
    ordered,
    until_next,
)
from ldresearch.measures._measure import measure
from ldresearch.measures._people import (
    GROUPS,
    UNKNOWN,
    attributes,
    eligible,
    first_day,
    informed,
)
from ldresearch.measures._value import events, value_days, verb_list
from ldresearch.result import Step
from ldresearch.vocabulary import RatingSource, Verb

if TYPE_CHECKING:
    import ibis

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"

STEPS: Final = ("eligible", "informed", "activated", "stayed", "passed_on", "gained")
"""Steps of the way in their order: acquisition (the first two), activation, retention, referral,
outcome."""

PASSING_ON: Final = (Verb.SHARE.value, Verb.RECOMMEND.value)
SEGMENTS: Final = (*GROUPS, "usage")
USAGE_WEEKS: Final = 12

FEATURES: Final = (
    "active_days", "value_days", "minutes", "contents", "kinds", "looked_around", "passed_on",
    "assigned_too",
)  # fmt: skip
"""What is known of a first week, named before anything is estimated from it."""

_TAKEN: Final = ("offered", "accepted", "hired", "appointed", "moved")
"""Results of an application that mean another role."""

_FIRST_WEEK: Final = 7
_FEWEST_STEPS: Final = 2
_ONE_DAY: Final = timedelta(days=1)
_NEVER: Final = np.iinfo(np.int64).max
"""Microseconds that no event comes after."""
_NOBODY: Final = "nobody has had a day of value yet"


# Who, since when ----------------------------------------------------------------------------


def _firsts(log: EventLog, verbs: Verbs, assigned: str, min_minutes: int) -> ibis.Table:
    """Return one row a person: the first day of value ever."""
    days = value_days(log, verbs, assigned, min_minutes)
    return days.group_by("person_key").agg(first_on=days.day_on.min())


def _between(log: EventLog, firsts: ibis.Table, days: ibis.Table, begin: int, end: int) -> Any:
    """Return who had one of the days from ``begin`` to before ``end``, counted from her first."""
    joined = days.inner_join(firsts, "person_key")
    since = joined.day_on.delta(joined.first_on, unit="day")
    return joined.filter((since >= begin) & (since < end)).person_key


def _segment(log: EventLog, people: ibis.Table, by: str) -> ibis.Table:
    """Add the group asked for; nothing puts everyone in one."""
    import ibis

    if by and by not in SEGMENTS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, SEGMENTS))
        )  # fmt: skip
    if by != "usage":
        return people.mutate(group=people[by] if by else ibis.literal(""))
    used = _usage(log)
    joined = people.left_join(used, "person_key").drop("person_key_right")
    return joined.mutate(group=ibis.coalesce(joined.usage, "none")).drop("usage")


def _usage(log: EventLog) -> ibis.Table:
    """Put who was active in the last twelve complete weeks into the preset of usage.

    The first that matches: power (active in nine weeks or more, 15 actions a week or more),
    habitual (nine weeks or more), novice (an action a week or more), low (any).
    """
    import ibis

    last = _period.last_complete(log.as_of, "week")
    begin = _period.first_day(last - USAGE_WEEKS + 1, "week")
    end = _period.first_day(last + 1, "week")
    days = log.table("activity_day")
    within = (days.day_on >= ibis.literal(begin)) & (days.day_on < ibis.literal(end))
    days = days.filter(within).mutate(week=_period.number(days.day_on, "week"))
    each = days.group_by("person_key").agg(weeks=days.week.nunique(), actions=days.n_events.sum())
    a_week = each.actions / USAGE_WEEKS
    often = each.weeks >= 9
    return each.select(
        "person_key",
        usage=ibis.cases(
            (often & (a_week >= 15), "power"), (often, "habitual"), (a_week >= 1, "novice"),
            else_="low",
        ),
    )  # fmt: skip


def _passed_on(log: EventLog) -> ibis.Table:
    """Days on which someone shared or recommended something."""
    days = log.table("activity_day")
    return days.filter(days.verb.isin(PASSING_ON)).select("person_key", "day_on").distinct()


def _gained(log: EventLog, min_gain: float) -> ibis.Table | None:
    """Days on which a skill was rated higher or a role moved; ``None`` where no table can show it.

    A skill: a rating by someone else, higher by ``min_gain`` or more than the one before of the
    same skill and source. A role: another role or level in the HR file, or an application that was
    taken.
    """
    import ibis

    parts = []
    if log.has("skill_rating"):
        rating = log.table("skill_rating")
        rating = rating.filter((rating.source != RatingSource.SELF.value) & rating.level.notnull())
        order = ibis.window(
            group_by=[rating.person_key, rating.skill_id, rating.source], order_by=rating.rated_at
        )
        rating = rating.mutate(before=rating.level.lag().over(order))
        up = rating.filter(rating.level - rating.before >= min_gain)
        parts.append(up.select("person_key", day_on=log.day(up.rated_at)))
    if log.has("application"):
        taken = log.table("application")
        taken = taken.filter(taken.result.lower().isin(_TAKEN) & taken.result_at.notnull())
        parts.append(taken.select("person_key", day_on=log.day(taken.result_at)))
    if not parts:
        return None
    if log.has("person"):
        person = log.table("person")
        order = ibis.window(group_by=person.person_key, order_by=person.valid_from_on)
        person = person.mutate(
            old_role=person.role_id.lag().over(order), old_level=person.level.lag().over(order)
        )
        moved = person.filter(
            (person.role_id != person.old_role) | (person.level != person.old_level)
        )
        parts.append(moved.select("person_key", day_on=moved.valid_from_on))
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


# The funnel ---------------------------------------------------------------------------------


@measure(
    grain=("group", "step"),
    needs=("person", "event"),
    columns={
        "group": "object",
        "step": "object",
        "order": "int64",
        "n_reached": "int64",
        "n_of": "int64",
    },
)
def funnel(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    later_from: int = 28,
    later_to: int = 90,
    min_gain: float = 0.1,
    by: str = "",
) -> pd.DataFrame:
    """Count the eligible of today step by step: informed, activated, stayed, passed on, gained.

    ``informed``: sent a touch (only where the log has touches). ``activated``: of the informed, a
    first value event. ``stayed``: of the activated who can be followed so long, a value event from
    ``later_from`` to before ``later_to`` days after the first. ``passed_on``: of those who
    stayed, a share or recommendation made on the first day of value or later. ``gained``: of
    those who stayed, a skill rated higher by someone else or a role moved after that day. Passing
    on is no condition of gaining. ``uninformed`` stands aside: who began without being written to.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value; nothing means every verb.
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
        A day is of value from this many minutes on.
    later_from, later_to : int
        Days after the first value event between which another one means that a person stayed.
    min_gain : float
        Least rise of a rated level, on 0 to 1, that counts as a skill gained.
    by : str
        ``unit``, ``level``, ``role``, ``country``, ``location``, or ``usage``, the preset by
        weeks and actions of the last twelve complete weeks; empty: everyone in one group.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, step``: ``n_reached`` persons of the ``n_of`` they are counted among.

    Examples
    --------
    Ben has begun too lately for anyone to know whether he stays.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ...     cleo      | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     ada       | 2024-02-10  | complete
    ...     ada       | 2024-02-11  | share
    ...     ben       | 2024-04-04  | complete
    ... '''}, as_of="2024-05-01")
    >>> found = funnel(tiny).sort_values("order")
    >>> print(found[["step", "n_reached", "n_of"]].to_string(index=False))
         step  n_reached  n_of
     eligible          3     3
    activated          2     3
       stayed          1     1
    passed_on          1     1
    """
    import ibis

    _check_window(later_from, later_to)
    people = _segment(log, eligible(log), by)
    here = people.eligible_from_on.notnull() & people.eligible_to_on.isnull()
    people = people.filter(here).select("person_key", "group")
    firsts = _firsts(log, verbs, assigned, min_minutes)
    days = value_days(log, verbs, assigned, min_minutes)
    joined = people.left_join(firsts, "person_key").drop("person_key_right")
    as_of = ibis.literal(log.as_of, type="date")
    is_told = log.has("touch")
    began = joined.first_on.notnull()
    is_informed = informed(log, joined) if is_told else ibis.literal(True)
    followed = began & (as_of.delta(joined.first_on, unit="day") >= later_to)
    later = joined.person_key.isin(_between(log, firsts, days, later_from, later_to))
    flags: dict[str, Any] = {
        "informed": is_informed, "activated": is_informed & began,
        "followed": is_informed & followed, "stayed": is_informed & followed & later,
        "uninformed_of": ~is_informed, "uninformed": ~is_informed & began,
    }  # fmt: skip
    shared, gained = _passed_on(log), _gained(log, min_gain)
    has_shared = bool(shared.limit(1).count().execute())
    flags["passed_on"] = flags["stayed"] & joined.person_key.isin(
        _between(log, firsts, shared, 0, 10**6)
    )
    if gained is not None:
        flags["gained"] = flags["stayed"] & joined.person_key.isin(
            _between(log, firsts, gained, 1, 10**6)
        )
    marked = joined.mutate(**{f"is_{name}": flag for name, flag in flags.items()})
    found = log.collect(
        marked.group_by("group").agg(
            eligible=marked.count(),
            **{name: marked[f"is_{name}"].cast("int64").sum() for name in flags},
        )
    )
    steps = {"eligible": ("eligible", "eligible")}
    if is_told:
        steps["informed"] = ("informed", "eligible")
    steps |= {"activated": ("activated", "informed"), "stayed": ("stayed", "followed")}
    if has_shared:
        steps["passed_on"] = ("passed_on", "stayed")
    if gained is not None:
        steps["gained"] = ("gained", "stayed")
    if is_told:
        steps["uninformed"] = ("uninformed", "uninformed_of")
    return _stepped(found, steps)


def _stepped(found: pd.DataFrame, steps: dict[str, tuple[str, str]]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "group": found["group"], "step": step, "order": i, "n_reached": found[reached],
                "n_of": found[of],
            }
        )
        for i, (step, (reached, of)) in enumerate(steps.items())
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _check_window(later_from: int, later_to: int) -> None:
    if not _FIRST_WEEK <= later_from < later_to:
        raise ParameterError(
            message("the later days must follow the first week and have a length",
                    where="later_to", got=f"{later_from} to {later_to}",
                    do="give a later_to above later_from")
        )  # fmt: skip


# Time between steps -------------------------------------------------------------------------


@measure(
    grain=("step", "person_key"),
    needs=("person", "event"),
    columns={
        "step": "object",
        "person_key": "int32",
        "duration": "float64",
        "event": "bool",
        "entry": "float64",
    },
)
def step_times(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    min_gain: float = 0.1,
) -> pd.DataFrame:
    """Measure the days from one step to the next, person by person.

    ``activated``: from the first eligible day to the first day of value; whoever was eligible
    before the log begins enters when it does. ``again``, ``passed_on``, ``gained``: from the first
    day of value to the second, to the first share or recommendation, to the first skill or role
    gained. What has not come is censored at the as-of date, or when eligibility ends.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, min_gain
        As in :func:`funnel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``step, person_key``: ``duration`` in days, ``event`` (the step was taken),
        ``entry`` (days that had passed when the log began).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ...     ada       | 2024-01-04  | complete
    ... '''}, as_of="2024-02-01")
    >>> step_times(tiny)[["step", "duration", "event"]].values.tolist()
    [['activated', 3.0, True], ['again', 28.0, False]]
    """
    import ibis

    people = eligible(log)
    firsts = _firsts(log, verbs, assigned, min_minutes)
    days = value_days(log, verbs, assigned, min_minutes)
    as_of = ibis.literal(log.as_of, type="date")
    begins = ibis.literal(first_day(log) or log.as_of, type="date")
    base = people.filter(people.eligible_from_on.notnull())
    base = base.left_join(firsts, "person_key").drop("person_key_right")
    until = ibis.least(ibis.coalesce(base.eligible_to_on, as_of), as_of)
    base = base.select("person_key", "eligible_from_on", "first_on", until=until)
    to_first = base.select(
        "person_key", step=ibis.literal("activated"), origin=base.eligible_from_on,
        done=base.first_on, until=base.until,
    )  # fmt: skip
    after = {"again": (days, 1)}
    shared, gained = _passed_on(log), _gained(log, min_gain)
    if bool(shared.limit(1).count().execute()):
        after["passed_on"] = (shared, 0)
    if gained is not None:
        after["gained"] = (gained, 1)
    parts = [to_first]
    started = base.filter(base.first_on.notnull())
    for step, (table, least) in after.items():
        own = table.inner_join(firsts, "person_key")
        own = own.filter(own.day_on.delta(own.first_on, unit="day") >= least)
        first = own.group_by("person_key").agg(done=own.day_on.min())
        joined = started.left_join(first, "person_key").drop("person_key_right")
        parts.append(joined.select("person_key", step=ibis.literal(step), origin=joined.first_on,
                                   done=joined.done, until=joined.until))  # fmt: skip
    every = ibis.union(*parts)
    is_done = every.done.notnull() & (every.done <= every.until)
    end = ibis.ifelse(is_done, every.done, every.until)
    entry = ibis.ifelse(every.step == "activated", begins.delta(every.origin, unit="day"), -1)
    found = log.collect(
        every.select(
            "step", "person_key", duration=end.delta(every.origin, unit="day").cast("float64"),
            event=is_done, entry=entry.cast("float64"),
        )
    )  # fmt: skip
    # A day counts whole: who starts on her first eligible day was at risk on it.
    found["entry"] = found["entry"].clip(lower=0.0) - 1e-6
    return found[(found["duration"] >= 0) & (found["duration"] > found["entry"])]


# Steps and sittings, from the events themselves ----------------------------------------------


@measure(
    grain=("group", "step"),
    needs=("event",),
    columns={
        "group": "object",
        "step": "object",
        "order": "int64",
        "n_reached": "int64",
        "n_of": "int64",
    },
)
def ordered_funnel(
    log: EventLog,
    *,
    steps: Verbs = ("view", "start", "complete"),
    window_days: int = 28,
    assigned: str = "all",
    by: str = "",
) -> pd.DataFrame:
    """Count who did one thing after another, in this order and within a window.

    A person's way begins with the first event ever of the first step. Each further step is the
    first event of its verb later than the one of the step before; other events may lie between.
    All of them lie less than ``window_days`` after the first. Only people whose window was over by
    the as-of date are counted: nobody can tell yet how far the others will come.

    Parameters
    ----------
    log : EventLog
    steps : str or iterable of str
        Verbs in their order, two or more.
    window_days : int
        Days from the first step on in which the others count.
    assigned : {"self_started", "assigned", "all"}
    by : str
        As in :func:`funnel`; who is not in the HR file is in the group ``Unknown``.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, step``: ``n_reached`` persons of the ``n_of`` who took the step before (of
        the first step: of themselves).

    Raises
    ------
    ParameterError
        For fewer steps than two, a word that is no verb, or a window of less than a day.

    Examples
    --------
    Ben completed before he started. Cleo began five days before the as-of date.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ...     ada       | 2024-01-04  | start
    ...     ada       | 2024-01-09  | complete
    ...     ben       | 2024-01-03  | view
    ...     ben       | 2024-01-05  | complete
    ...     ben       | 2024-01-06  | start
    ...     cleo      | 2024-02-25  | view
    ... '''}, as_of="2024-03-01")
    >>> found = ordered_funnel(tiny, window_days=28).sort_values("order")
    >>> found[["step", "n_reached", "n_of"]].values.tolist()
    [['view', 2, 2], ['start', 2, 2], ['complete', 1, 2]]
    """
    verbs = _checked_steps(steps, window_days)
    ways = _ways_here if log.is_here else _ways_there
    told = ways(log, verbs, window_days, assigned)
    found = log.collect(_by_group(log, told, by))
    if found.empty:
        frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in ordered_funnel.columns.items()})
        frame.attrs["missing"] = f"nobody's {window_days} days since the first step are over yet"
        return frame
    return _shares(found, verbs)


def _checked_steps(steps: Verbs, window_days: int) -> tuple[str, ...]:
    verbs = verb_list(steps)
    if len(verbs) < _FEWEST_STEPS:
        raise ParameterError(
            message("a funnel has two steps or more, each with a verb of its own", where="steps",
                    got=", ".join(verbs), do="name them in their order")
        )  # fmt: skip
    if window_days < 1:
        raise ParameterError(
            message("a window has one day or more", where="window_days", got=window_days)
        )
    return verbs


def _ways_here(
    log: EventLog, verbs: tuple[str, ...], window_days: int, assigned: str
) -> ibis.Table:
    """Follow each person through her events as they come, and hand the steps to the engine."""
    import ibis
    import pyarrow as pa

    window = window_days * 86_400_000_000
    as_of = np.datetime64(clock.midnight_utc(log.as_of, log.time_zone), "us")
    over = as_of.astype(np.int64) - window

    def fold(acts: Acts) -> list[pa.Table]:
        begins = first_rows(acts.person)
        # When each person took the step last looked for; who has not is beyond every event.
        now = np.full(len(begins), _NEVER)
        first = np.flatnonzero(acts.what == 0)
        first = first[first_rows(acts.person[first])]
        now[np.searchsorted(begins, first, side="right") - 1] = acts.number[first]
        now[now > over] = _NEVER
        # Few events lie in the window of a person: the others are not looked at again.
        since = acts.number - np.repeat(now, np.diff(begins, append=len(acts.person)))
        within = np.flatnonzero((since > 0) & (since < window))
        person = np.searchsorted(begins, within, side="right") - 1
        at, what = acts.number[within], acts.what[within]
        told = []
        for order in range(len(verbs)):
            if order:
                then, now = now, np.full(len(begins), _NEVER)
                own = np.flatnonzero((what == order) & (at > then[person]))
                own = own[first_rows(person[own])]
                now[person[own]] = at[own]
            who = acts.person[begins[now < _NEVER]]
            told.append(pa.table({"person_key": who, "order": np.full(len(who), order, np.int8)}))
        return told

    event = events(log, verbs, assigned)
    order = ibis.cases(
        *((event.verb == verb, i) for i, verb in enumerate(verbs[:-1])), else_=len(verbs) - 1
    )
    told = folded_events(log, event, fold, what=order)
    if told is None:
        return _ways_there(log, verbs, window_days, assigned)
    return log.brought(pa.concat_tables(told))


def _ways_there(
    log: EventLog, verbs: tuple[str, ...], window_days: int, assigned: str
) -> ibis.Table:
    """Follow them in the engine: one row a person and step she took."""
    import ibis

    event = events(log, (), assigned)
    window = ibis.interval(days=window_days)
    first = event.filter(event.verb == verbs[0])
    began = first.group_by("person_key").agg(began_at=first.occurred_at.min())
    began = log.kept(began.filter(began.began_at + window <= log.bound("began_at")))
    later = event.filter(event.verb.isin(verbs[1:])).inner_join(began, "person_key")
    is_within = later.occurred_at < later.began_at + window
    later = log.kept(
        later.filter((later.occurred_at > later.began_at) & is_within).select(
            "person_key", "occurred_at", "verb"
        )
    )
    ways = [began.rename(now_at="began_at")]
    for verb in verbs[1:]:
        own = later.filter(later.verb == verb).inner_join(ways[-1], "person_key")
        own = own.filter(own.occurred_at > own.now_at)
        ways.append(own.group_by("person_key").agg(now_at=own.occurred_at.min()))
    return ibis.union(
        *(way.select("person_key", order=ibis.literal(i)) for i, way in enumerate(ways))
    )


def _by_group(log: EventLog, told: ibis.Table, by: str) -> ibis.Table:
    """Count rows of persons and steps, by the group asked for."""
    import ibis

    if by:
        people = _segment(log, attributes(log), by).select("person_key", "group")
        told = told.left_join(people, "person_key").drop("person_key_right")
        told = told.mutate(group=ibis.coalesce(told.group, UNKNOWN))
    else:
        told = told.mutate(group=ibis.literal(""))
    return told.group_by("group", "order").agg(n_reached=told.count())


def _shares(found: pd.DataFrame, verbs: tuple[str, ...]) -> pd.DataFrame:
    """Set each step beside the one before it; a step nobody took is a row with nought."""
    wide = found.pivot_table(index="group", columns="order", values="n_reached", aggfunc="sum")
    wide = wide.reindex(columns=range(len(verbs)), fill_value=0).fillna(0)
    parts = [
        pd.DataFrame(
            {
                "group": wide.index, "step": verb, "order": i, "n_reached": wide[i].to_numpy(),
                "n_of": wide[max(i - 1, 0)].to_numpy(),
            }
        )
        for i, verb in enumerate(verbs)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@measure(
    grain=("week_on",),
    needs=("event",),
    columns={
        "week_on": DAY,
        "n_persons": "int64",
        "n_sessions": "int64",
        "minutes": "float64",
        "is_complete": "bool",
    },
)
def sessions(
    log: EventLog, *, verbs: Verbs = "", assigned: str = "all", gap_minutes: int = 30
) -> pd.DataFrame:
    """Count sessions by ISO week: runs of events with less than half an hour between neighbours.

    A session belongs to the week of its first event, and lasts from that to its last one. Sources
    tell when something began more often than when it ended, so a session of one event lasts 0.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        Activity that counts; nothing means any.
    assigned : {"self_started", "assigned", "all"}
    gap_minutes : int
        A pause of this many minutes or more ends a session.

    Returns
    -------
    pandas.DataFrame
        Grain ``week_on`` (Monday), every week from that of the first session on: distinct
        ``n_persons`` with a session, ``n_sessions`` and their ``minutes``, added up.
        ``is_complete``: the whole week is in the log.

    Raises
    ------
    ParameterError
        If the gap is not a whole minute or more.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at         | verb
    ...     ada       | 2024-01-03 09:00:00 | view
    ...     ada       | 2024-01-03 09:29:00 | view
    ...     ada       | 2024-01-03 09:59:00 | view
    ...     ben       | 2024-01-03 09:10:00 | view
    ... '''}, as_of="2024-01-08")
    >>> sessions(tiny)[["n_persons", "n_sessions", "minutes"]].values.tolist()
    [[2.0, 3.0, 29.0]]
    """
    if gap_minutes < 1:
        raise ParameterError(
            message("a gap has one minute or more", where="gap_minutes", got=gap_minutes)
        )
    begins = first_day(log)
    summed = _sessions_here if log.is_here else _sessions_there
    found = summed(log, verbs, assigned, gap_minutes)
    if found.empty or begins is None:
        frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in sessions.columns.items()})
        frame.attrs["missing"] = "nobody has done what counts yet"
        return frame
    weeks = range(int(found["week"].min()), _period.number_of(log.as_of - _ONE_DAY, "week") + 1)
    sums = found.groupby("week").sum().reindex(weeks, fill_value=0)
    mondays = [_period.first_day(week, "week") for week in weeks]
    return pd.DataFrame(
        {
            "week_on": pd.to_datetime(mondays),
            **{name: sums[name].to_numpy() for name in ("n_persons", "n_sessions")},
            "minutes": sums["lasted"].to_numpy() / 60e6,
            "is_complete": [
                begins <= monday and monday + 7 * _ONE_DAY <= log.as_of for monday in mondays
            ],
        }
    )


def _sessions_here(log: EventLog, verbs: Verbs, assigned: str, gap_minutes: int) -> pd.DataFrame:
    """Part each person's events as they come, and sum sessions by the week in which they began."""
    gap = gap_minutes * 60_000_000

    def fold(rows: Rows) -> list[pd.DataFrame]:
        stops = np.flatnonzero(until_next(rows, never=gap) >= gap)
        starts = np.concatenate([[0], stops + 1])[: len(stops)]
        began = rows.number[starts]
        week = _period.numbers(log.local_days(began), "week")
        lowest = int(week.min()) if len(week) else 0
        met = ordered(Rows(rows.person[starts], week)).number
        n_sessions = np.bincount(week - lowest)
        lasted = np.zeros_like(n_sessions)
        np.add.at(lasted, week - lowest, rows.number[stops] - began)
        return [
            pd.DataFrame(
                {
                    "week": np.arange(len(lasted)) + lowest,
                    "n_persons": np.bincount(met - lowest),
                    "n_sessions": n_sessions,
                    "lasted": lasted,
                }
            )
        ]

    parts = folded_events(log, events(log, verb_list(verbs), assigned), fold)
    if parts is None:
        return _sessions_there(log, verbs, assigned, gap_minutes)
    found: pd.DataFrame = pd.concat(parts)
    return found


def _sessions_there(log: EventLog, verbs: Verbs, assigned: str, gap_minutes: int) -> pd.DataFrame:
    """Sum them in the engine, which puts the events into order."""
    parts = log.parts("event")
    return pd.concat([log.collect(_sessions(part, verbs, assigned, gap_minutes)) for part in parts])


def _sessions(log: EventLog, verbs: Verbs, assigned: str, gap_minutes: int) -> ibis.Table:
    """Sum sessions by the number of the week in which they began.

    Events of one person in one stretch of ``gap_minutes`` by the clock cannot be parted by a gap.
    They are folded first, so that only stretches need to be put in order, not events.
    """
    import ibis

    event = events(log, verb_list(verbs), assigned)
    rows = event.group_by(
        "person_key", stretch=event.occurred_at.epoch_seconds() // (60 * gap_minutes)
    ).agg(first_at=event.occurred_at.min(), last_at=event.occurred_at.max())
    order = ibis.window(group_by=rows.person_key, order_by=rows.stretch)
    gap = ibis.interval(minutes=gap_minutes)
    rows = rows.mutate(
        before_at=rows.last_at.lag().over(order), after_at=rows.first_at.lead().over(order)
    )
    rows = rows.mutate(
        starts=(rows.first_at >= rows.before_at + gap).fill_null(True),
        stops=(rows.after_at >= rows.last_at + gap).fill_null(True),
    )
    # What lies between the first and the last stretch of a session is not needed any more.
    edges = rows.filter(rows.starts | rows.stops)
    order = ibis.window(group_by=edges.person_key, order_by=edges.stretch)
    edges = edges.mutate(next_at=edges.last_at.lead().over(order))
    session = edges.filter(edges.starts)
    ends_at = ibis.ifelse(session.stops, session.last_at, session.next_at)
    session = session.select(
        "person_key", week=_period.number(log.day(session.first_at), "week"),
        lasted=ends_at.delta(session.first_at, unit="microsecond"),
    )  # fmt: skip
    person = session.group_by("person_key", "week").agg(
        n_sessions=session.count(), lasted=session.lasted.sum()
    )
    return person.group_by("week").agg(
        n_persons=person.count(), n_sessions=person.n_sessions.sum().cast("int64"),
        lasted=person.lasted.sum().cast("int64"),
    )  # fmt: skip


# Paths --------------------------------------------------------------------------------------


@measure(
    grain=("path",),
    needs=("event", "content"),
    columns={"path": "object", "n_steps": "int64", "n_persons": "int64"},
)
def paths(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    max_steps: int = 3,
) -> pd.DataFrame:
    """Count people by the kinds of content they went through, in their order.

    Neighbours of one kind count once: who watched three videos and then took a course went from
    video to course. Of each person the first ``max_steps`` kinds are told.

    Parameters
    ----------
    log, verbs, assigned
        As in :func:`funnel`.
    max_steps : int

    Returns
    -------
    pandas.DataFrame
        Grain ``path`` (kinds joined by " > "): distinct ``n_persons``, who are on no other path.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"content": '''
    ...     content_id | kind
    ...     v1         | video
    ...     c1         | course
    ... ''', "event": '''
    ...     person_id | occurred_at | verb     | content_id
    ...     ada       | 2024-01-03  | complete | v1
    ...     ada       | 2024-01-04  | complete | v1
    ...     ada       | 2024-01-05  | complete | c1
    ...     ben       | 2024-01-04  | complete | v1
    ... '''}, as_of="2024-02-01")
    >>> paths(tiny)[["path", "n_persons"]].values.tolist()
    [['video', 1], ['video > course', 1]]
    """
    import ibis

    taken = _taken_content(log, verbs, assigned)
    order = ibis.window(group_by=taken.person_key, order_by=[taken.occurred_at, taken.event_id])
    turns = taken.mutate(before=taken.kind.lag().over(order))
    turns = turns.filter(turns.before.isnull() | (turns.before != turns.kind))
    order = ibis.window(group_by=turns.person_key, order_by=[turns.occurred_at, turns.event_id])
    turns = turns.mutate(turn=ibis.row_number().over(order))
    turns = turns.filter(turns.turn < max_steps)
    # One column a step: not every engine joins text in an order.
    steps = {f"s{i}": turns.kind.max(where=turns.turn == i) for i in range(max_steps)}
    each = turns.group_by("person_key").agg(n_steps=turns.count(), **steps)
    path = each.s0
    for i in range(1, max_steps):
        path += ibis.coalesce(ibis.literal(" > ") + each[f"s{i}"], "")
    each = each.select("n_steps", path=path)
    found = log.collect(each.group_by("path", "n_steps").agg(n_persons=each.count()))
    if found.empty:
        found.attrs["missing"] = "nobody has taken content whose kind is known"
    return found


def _taken_content(log: EventLog, verbs: Verbs, assigned: str) -> ibis.Table:
    """Value events with the kind of their content; what the catalogue lacks is left out."""
    event = events(log, verb_list(verbs), assigned)
    kinds = log.table("content").select("content_id", "kind")
    kinds = kinds.filter(kinds.kind.notnull())
    joined = event.inner_join(kinds, "content_id")
    return joined.select("person_key", "event_id", "occurred_at", "content_id", "kind")


# First weeks --------------------------------------------------------------------------------


@measure(
    grain=("person_key",),
    needs=("event",),
    columns={
        "person_key": "int32",
        "first_on": DAY,
        "known_on": DAY,
        "stayed": "bool",
        **dict.fromkeys(FEATURES, "float64"),
    },
)
def first_weeks(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    later_from: int = 28,
    later_to: int = 90,
) -> pd.DataFrame:
    """Describe each person's first week of value, and whether she was still there later.

    Only people whose later days are all known, and who have not left employment before they were
    over: leaving the organisation is not leaving learning.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, later_from, later_to
        As in :func:`funnel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``first_on``, ``known_on`` (first day on which it is known whether
        she ``stayed``), and of the seven days from the first day of value on: ``active_days`` and
        ``value_days``, ``minutes`` of self-started learning, distinct ``contents`` and ``kinds``
        of value, ``looked_around`` (viewed, searched or saved: days), ``passed_on`` and
        ``assigned_too`` (0 or 1).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     ada       | 2024-01-05  | share
    ...     ada       | 2024-02-10  | complete
    ... '''}, as_of="2024-06-01")
    >>> first_weeks(tiny)[["stayed", "active_days", "value_days", "passed_on"]].values.tolist()
    [[True, 2.0, 1.0, 1.0]]
    """
    import ibis

    _check_window(later_from, later_to)
    firsts = _firsts(log, verbs, assigned, min_minutes)
    value = value_days(log, verbs, assigned, min_minutes)
    as_of = ibis.literal(log.as_of, type="date")
    known_on = firsts.first_on + ibis.interval(days=later_to)
    people = firsts.mutate(known_on=known_on)
    n_began = int(people.count().execute())
    people = people.filter(people.known_on <= as_of)
    n_known = int(people.count().execute())
    if log.has("person"):
        left = log.persons().select("person_key", "left_on")
        joined = people.left_join(left, "person_key").drop("person_key_right")
        people = joined.filter(joined.left_on.isnull() | (joined.left_on >= joined.known_on)).drop(
            "left_on"
        )
    later = _between(log, firsts, value, later_from, later_to)
    people = people.mutate(stayed=people.person_key.isin(later))
    week = _first_week(log, firsts, value)
    content = _first_content(log, firsts, verbs, assigned)
    found = people.left_join(week, "person_key").drop("person_key_right")
    found = found.left_join(content, "person_key").drop("person_key_right")
    frame = log.collect(
        found.select(
            "person_key", "first_on", "known_on", "stayed",
            **{name: ibis.coalesce(found[name].cast("float64"), 0.0) for name in FEATURES},
        )
    )  # fmt: skip
    frame["first_on"] = pd.to_datetime(frame["first_on"])
    frame["known_on"] = pd.to_datetime(frame["known_on"])
    frame.attrs["steps"] = (
        Step("ever had a day of value", n_began, n_began),
        Step(f"followed for {later_to} days after it", n_known, n_known),
        Step("not gone from the organisation by then", len(frame), len(frame)),
    )
    if frame.empty:
        frame.attrs["missing"] = (
            f"nobody can be followed for {later_to} days after a first value event"
            if n_began
            else _NOBODY
        )
    return frame


def _first_week(log: EventLog, firsts: ibis.Table, value: ibis.Table) -> ibis.Table:
    """Count the days of each person's first week by what was done on them."""
    days = log.table("activity_day").inner_join(firsts, "person_key")
    since = days.day_on.delta(days.first_on, unit="day")
    days = days.filter((since >= 0) & (since < _FIRST_WEEK))
    looked = days.verb.isin([Verb.VIEW.value, Verb.SEARCH.value, Verb.SAVE.value])
    own = ~days.is_assigned
    week = days.group_by("person_key").agg(
        active_days=days.day_on.nunique(where=own),
        minutes=(days.duration_s.fill_null(0) / 60).sum(where=own),
        looked_around=days.day_on.nunique(where=own & looked),
        passed_on=days.verb.isin(PASSING_ON).cast("int64").max(),
        assigned_too=days.is_assigned.cast("int64").max(),
    )
    of_value = value.inner_join(firsts, "person_key")
    since = of_value.day_on.delta(of_value.first_on, unit="day")
    of_value = of_value.filter(since < _FIRST_WEEK)
    counted = of_value.group_by("person_key").agg(value_days=of_value.count())
    return week.left_join(counted, "person_key").drop("person_key_right")


def _first_content(log: EventLog, firsts: ibis.Table, verbs: Verbs, assigned: str) -> ibis.Table:
    """Count the distinct contents and kinds of each person's first week."""
    taken = _taken_content(log, verbs, assigned)
    taken = taken.mutate(day_on=log.day(taken.occurred_at)).inner_join(firsts, "person_key")
    since = taken.day_on.delta(taken.first_on, unit="day")
    taken = taken.filter((since >= 0) & (since < _FIRST_WEEK))
    return taken.group_by("person_key").agg(
        contents=taken.content_id.nunique(), kinds=taken.kind.nunique()
    )


# What may not be trusted --------------------------------------------------------------------


@measure(
    grain=("kind",),
    needs=("event",),
    columns={"kind": "object", "n_persons": "int64", "n_of": "int64"},
)
def doubts(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
) -> pd.DataFrame:
    """Count people whose way the log may show wrongly.

    Parameters
    ----------
    log, verbs, assigned, min_minutes
        As in :func:`funnel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``kind``: ``began_early``, of those who ever had value, whose first day of it lies in
        the first 28 days of the log (they may have begun before it); ``no_kind``, whose value
        events all have content of unknown kind.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     ben       | 2024-03-05  | complete
    ... '''}, as_of="2024-06-01")
    >>> doubts(tiny)[["kind", "n_persons", "n_of"]].values.tolist()
    [['began_early', 1, 2], ['no_kind', 2, 2]]
    """
    import ibis

    firsts = _firsts(log, verbs, assigned, min_minutes)
    begins = first_day(log) or log.as_of
    early = firsts.first_on < ibis.literal(begins + timedelta(days=28), type="date")
    known = firsts.person_key.isin(_taken_content(log, verbs, assigned).person_key)
    row = log.collect(
        firsts.aggregate(
            n_of=firsts.count(), began_early=early.cast("int64").sum(),
            no_kind=(~known).cast("int64").sum(),
        )
    ).fillna(0).iloc[0]  # fmt: skip
    kinds = ("began_early", "no_kind")
    return pd.DataFrame(
        {"kind": kinds, "n_persons": [int(row[k]) for k in kinds], "n_of": int(row["n_of"])}
    )
