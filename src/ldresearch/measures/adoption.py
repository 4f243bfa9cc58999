"""Who is eligible, who has started, and how many are active: from the log, in one pass each.

Numerator and denominator use the same moment: whoever has left is in neither. A week is an ISO
week in the reporting time zone; a week without events is a row with zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._by_person import Rows, day_number, folded, until_next
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, eligible, first_day, informed
from ldresearch.measures._value import value_days
from ldresearch.result import Step

if TYPE_CHECKING:
    import ibis
    import numpy as np

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"
MONTH_DAYS, WEEK_DAYS = 28, 7

_TEXT = dict.fromkeys(GROUPS, "object")


# Who is eligible ----------------------------------------------------------------------------


@measure(
    grain=("person_key",),
    needs=("person",),
    columns={
        "person_key": "int32",
        "hired_on": DAY,
        "access_on": DAY,
        "eligible_from_on": DAY,
        "eligible_to_on": DAY,
        "ended": "object",
        **_TEXT,
    },
)
def eligibility(log: EventLog) -> pd.DataFrame:
    """Say from and to which day each person may learn.

    Eligible from the later of hiring and first access, to the earlier of leaving and losing
    access for good. Without an access table employment alone decides. Someone employed who never
    had access has no ``eligible_from_on``.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``. ``eligible_to_on`` is the first day no longer eligible, missing
        where the person still is; ``ended`` says why (``left``, ``revoked`` or empty). Groups are
        text, ``Unknown`` where the source has none.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | left_on
    ...     ada       | 2024-01-01    | 2024-01-01 | -
    ...     ben       | 2024-01-01    | 2024-01-01 | 2024-01-20
    ... '''}, as_of="2024-02-01")
    >>> found = eligibility(tiny).sort_values("ended")
    >>> found["ended"].tolist()
    ['', 'left']
    >>> found["eligible_to_on"].dt.date.astype(str).tolist()
    ['NaT', '2024-01-20']
    """
    return log.collect(eligible(log))


@measure(
    grain=("person_key",),
    needs=("person", "event"),
    columns={
        "person_key": "int32",
        "start_on": DAY,
        "entry": "float64",
        "duration": "float64",
        "event": "object",
        "is_early": "bool",
        **_TEXT,
    },
)
def time_to_value(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    since: str = "",
) -> pd.DataFrame:
    """Follow each eligible person from the start of eligibility to the first value event.

    A value event on the first eligible day has duration 0. Who leaves or loses access first has
    left; the rest are censored after the last known day. Whoever was eligible before the log
    begins enters late: at risk from the log's first day on, because an earlier first value event
    would not have been seen. A value event before the start of eligibility counts as duration 0
    and is marked ``is_early``.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value; nothing means every verb.
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
        A day is of value from this many minutes on.
    since : str
        ISO date of a launch: nobody's time starts earlier, and whoever had started before it is
        not part of it. Empty: each person's own start.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``start_on``; ``entry`` and ``duration`` in days since then (an
        entry half a day before the first day seen; 0: seen from the start); ``event`` is
        ``value``, ``left`` or empty; groups. ``attrs["steps"]`` is the attrition.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | left_on
    ...     ada       | 2024-01-01    | 2024-01-01 | -
    ...     ben       | 2024-01-01    | 2024-01-01 | 2024-01-20
    ...     cleo      | 2024-01-01    | 2024-01-01 | -
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ...     ada       | 2024-01-03  | complete
    ... '''}, as_of="2024-02-01")
    >>> found = time_to_value(tiny).sort_values("duration")
    >>> found[["duration", "event"]].to_dict("list")
    {'duration': [2.0, 19.0, 30.0], 'event': ['value', 'left', '']}
    """
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=list(time_to_value.columns))
    frame = log.collect(_followed(log, begins, verbs, assigned, min_minutes, since))
    seen = frame[frame["_status"] == "followed"].copy()
    seen.attrs["steps"] = _attrition(
        frame["_status"], has_access=log.has("access"), has_launch=bool(since)
    )
    return seen


def _followed(
    log: EventLog, begins: date, verbs: Verbs, assigned: str, min_minutes: int, since: str
) -> ibis.Table:
    """Return one row a person: where her time starts and ends, and why she may not be counted."""
    import ibis

    days = value_days(log, verbs, assigned, min_minutes)
    first = days.group_by("person_key").agg(first_on=days.day_on.min())
    joined = eligible(log).left_join(first, "person_key").drop("person_key_right")
    start, until, value = joined.eligible_from_on, joined.eligible_to_on, joined.first_on
    opens = begins
    had_started = ibis.literal(False)
    if since:
        launch = clock.parse_date(since, name="since")
        opens = max(begins, launch)
        had_started = ibis.coalesce(value < ibis.literal(launch, type="date"), False)
        start = ibis.ifelse(
            start < ibis.literal(launch, type="date"), ibis.literal(launch, type="date"), start
        )
    last = ibis.literal(log.as_of - timedelta(days=1), type="date")
    is_value = value.notnull() & (until.isnull() | (value < until))
    is_early = is_value & (value < start)
    ends = ibis.cases((is_value, value), (until.notnull(), until), else_=last)
    late = ibis.literal(begins, type="date").delta(start, unit="day")
    lasted = ends.delta(start, unit="day")
    status = ibis.cases(
        (start.isnull(), "no access"),
        (start > last, "not yet"),
        (until.notnull() & (until <= ibis.literal(opens, type="date")), "gone before"),
        (had_started, "before launch"),
        else_="followed",
    )
    return joined.mutate(
        _status=status,
        start_on=start,
        entry=ibis.ifelse((late > 0) & ~is_early, late - 0.5, 0.0),
        duration=ibis.ifelse(is_early, 0, lasted).cast("float64"),
        event=ibis.cases((is_value, "value"), (until.notnull(), "left"), else_=""),
        is_early=ibis.coalesce(is_early, False),
    )


def _attrition(status: pd.Series, *, has_access: bool, has_launch: bool) -> tuple[Step, ...]:
    """Say who is still followed after each reason to fall out."""
    reasons = [
        ("no access", "ever had access" if has_access else "ever eligible"),
        ("not yet", "eligible before the as-of date"),
        ("gone before", f"still eligible when the {'launch' if has_launch else 'log'} begins"),
    ]
    if has_launch:
        reasons.append(("before launch", "not started before the launch"))
    left = len(status)
    steps = [Step("known to the HR file", left, left)]
    for reason, kept in reasons:
        left -= int((status == reason).sum())
        steps.append(Step(kept, left, left))
    return tuple(steps)


# How far they have come ---------------------------------------------------------------------


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
    by: str = "",
) -> pd.DataFrame:
    """Count the employed of today, step by step, from the invitation to the first value.

    Employed; informed (sent a touch of an initiative; only where the log has touches); access;
    active (any activity at all); value. ``informed`` and ``access`` are counted among the
    employed, ``active`` among those with access, ``value`` among the active: a launch that
    informed nobody does not hide those who started anyway.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes
        As in :func:`time_to_value`.
    by : str
        Column of groups: ``unit``, ``level``, ``role``, ``country``, ``location``; empty: none.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, step``: ``n_reached`` persons of the ``n_of`` they are counted among.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ...     cleo      | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     ben       | 2024-01-04  | view
    ... '''}, as_of="2024-02-01")
    >>> found = funnel(tiny).sort_values("order")
    >>> print(found[["step", "n_reached", "n_of"]].to_string(index=False))
        step  n_reached  n_of
    employed          3     3
      access          3     3
      active          2     3
       value          1     2
    """
    people = _staff(log, by)
    access = people.eligible_from_on.notnull() & people.eligible_to_on.isnull()
    flags = {
        "access": access,
        "active": access & _has_row(log.table("activity_day"), people),
        "value": access & _has_row(value_days(log, verbs, assigned, min_minutes), people),
    }
    is_touched = log.has("touch")
    if is_touched:
        flags["informed"] = informed(log, people)
    counted = people.mutate(**{f"is_{name}": flag for name, flag in flags.items()})
    found = log.collect(
        counted.group_by("group").agg(
            employed=counted.count(),
            **{name: counted[f"is_{name}"].cast("int64").sum() for name in flags},
        )
    )
    return _steps(found, is_touched=is_touched)


def _staff(log: EventLog, by: str) -> ibis.Table:
    """Everyone employed on the last known day, with the group asked for."""
    import ibis

    _check_group(by)
    people = eligible(log)
    here = people.filter(people.left_on.isnull())
    return here.mutate(group=here[by] if by else ibis.literal(""))


def _check_group(by: str) -> None:
    if by and by not in GROUPS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, GROUPS))
        )  # fmt: skip


def _has_row(table: ibis.Table, people: ibis.Table) -> Any:
    """Whether a person has any row in a table."""
    return people.person_key.isin(table.person_key)


def _steps(found: pd.DataFrame, *, is_touched: bool) -> pd.DataFrame:
    counted_among = {
        "employed": "employed",
        **({"informed": "employed"} if is_touched else {}),
        "access": "employed",
        "active": "access",
        "value": "active",
    }
    parts = [
        pd.DataFrame(
            {
                "group": found["group"],
                "step": step,
                "order": order,
                "n_reached": found[step],
                "n_of": found[among],
            }
        )
        for order, (step, among) in enumerate(counted_among.items())
    ]
    return pd.concat(parts, ignore_index=True)


@measure(
    grain=("way",),
    needs=("person", "event"),
    columns={"way": "object", "n_persons": "int64", "n_eligible": "int64"},
)
def ways(log: EventLog, *, verbs: Verbs = "complete", min_minutes: int = 0) -> pd.DataFrame:
    """Count the eligible of today by how they came to value: by themselves, as a duty, or not.

    Parameters
    ----------
    log : EventLog
    verbs, min_minutes
        As in :func:`time_to_value`.

    Returns
    -------
    pandas.DataFrame
        Grain ``way``: ``self_started``, ``both``, ``assigned`` (only), ``neither``; all four rows,
        also where one is 0.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ...     cleo      | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb     | assignment_id
    ...     ada       | 2024-01-03  | complete | -
    ...     ben       | 2024-01-04  | complete | a1
    ... '''}, as_of="2024-02-01")
    >>> ways(tiny).set_index("way")["n_persons"].to_dict()
    {'assigned': 1, 'both': 0, 'neither': 1, 'self_started': 1}
    """
    import ibis

    people = eligible(log)
    here = people.filter(people.eligible_from_on.notnull() & people.eligible_to_on.isnull())
    own = _has_row(value_days(log, verbs, "self_started", min_minutes), here)
    duty = _has_row(value_days(log, verbs, "assigned", min_minutes), here)
    way = ibis.cases(
        (own & duty, "both"), (own, "self_started"), (duty, "assigned"), else_="neither"
    )
    named = here.mutate(way=way)
    found = log.collect(named.group_by("way").agg(n_persons=named.count()))
    order = ["self_started", "both", "assigned", "neither"]
    counts = found.set_index("way")["n_persons"].reindex(order, fill_value=0)
    return pd.DataFrame(
        {"way": order, "n_persons": counts.to_numpy(), "n_eligible": int(counts.sum())}
    )


@measure(
    grain=("group",),
    needs=("person", "event"),
    columns={
        "group": "object",
        "n_reached": "int64",
        "n_followed": "int64",
        "n_eligible": "int64",
        "n_waiting": "int64",
    },
)
def groups(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_days: int = 60,
    by: str = "unit",
    since: str = "",
) -> pd.DataFrame:
    """Count, by group, who reached first value within the window, of those who had the window.

    Followed are those whose whole window lies within the log: eligible since the log begins, and
    for ``window_days`` before the as-of date. Who left within it stays in the denominator.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes
        As in :func:`time_to_value`.
    window_days : int
    by : str
        Column of groups; empty: everyone in one.
    since : str
        As in :func:`time_to_value`.

    Returns
    -------
    pandas.DataFrame
        Grain ``group``: ``n_reached`` of ``n_followed``; ``n_eligible`` are there today, and
        ``n_waiting`` of them have not started yet.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales
    ...     ben       | 2024-01-01    | 2024-01-01 | Sales
    ...     cleo      | 2024-01-01    | 2024-01-01 | Lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ben       | 2024-01-01  | view
    ...     ada       | 2024-01-03  | complete
    ...     cleo      | 2024-01-20  | complete
    ... '''}, as_of="2024-02-01")
    >>> found = groups(tiny, window_days=14)
    >>> print(found[["group", "n_reached", "n_followed", "n_waiting"]].to_string(index=False))
    group  n_reached  n_followed  n_waiting
      Lab          0           1          0
    Sales          1           2          1
    """
    import ibis

    _check_group(by)
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=list(groups.columns))
    rows = _followed(log, begins, verbs, assigned, min_minutes, since)
    last = log.as_of - timedelta(days=window_days + 1)
    rows = rows.filter(rows._status == "followed")
    in_window = (rows.entry == 0) & (rows.start_on <= last)
    reached = in_window & (rows.event == "value") & (rows.duration <= window_days)
    marked = rows.mutate(
        group=rows[by] if by else ibis.literal(""),
        _in=in_window,
        _reached=reached,
        _waiting=rows.eligible_to_on.isnull() & (rows.event != "value"),
    )
    return log.collect(
        marked.group_by("group").agg(
            n_reached=marked._reached.cast("int64").sum(),
            n_followed=marked._in.cast("int64").sum(),
            n_eligible=marked.eligible_to_on.isnull().cast("int64").sum(),
            n_waiting=marked._waiting.cast("int64").sum(),
        )
    )


# How fast -----------------------------------------------------------------------------------


@measure(
    grain=("week_on",),
    needs=("person", "event"),
    columns={
        "time": "int64",
        "week_on": DAY,
        "adopters": "int64",
        "n_started": "int64",
        "n_eligible": "int64",
        "at_risk": "int64",
        "is_complete": "bool",
    },
)
def adopters(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    since: str = "",
) -> pd.DataFrame:
    """Count new adopters by ISO week, and the eligible they come from.

    An adopter starts in the week of the first value event. A week without one is a row with zero.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, since
        As in :func:`time_to_value`.

    Returns
    -------
    pandas.DataFrame
        Grain ``week_on`` (Monday): ``adopters`` of the week; ``n_eligible`` at its end and
        ``n_started``, those of them who have started by then; ``at_risk``, eligible in the week
        and not started before it; ``is_complete``, whether all its seven days are in the log.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ...     cleo      | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ben       | 2024-01-15  | complete
    ... '''}, as_of="2024-01-22")
    >>> adopters(tiny)[["adopters", "n_started", "at_risk"]].to_dict("list")
    {'adopters': [1, 0, 1], 'n_started': [1, 1, 2], 'at_risk': [3, 2, 2]}
    """
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=list(adopters.columns))
    if since:
        begins = max(begins, clock.parse_date(since, name="since"))
    rows = _followed(log, begins, verbs, assigned, min_minutes, since)
    moves = log.collect(_moves(rows.filter(rows._status == "followed"), begins))
    weeks = pd.date_range(
        clock.week_of(begins), clock.week_of(log.as_of - timedelta(days=1)), freq="7D"
    )
    moves["week_on"] = moves["week_on"].astype(DAY)
    totals = moves.set_index("week_on").reindex(weeks.astype(DAY), fill_value=0).astype("int64")
    after = weeks + pd.Timedelta(days=WEEK_DAYS)
    return pd.DataFrame(
        {
            "time": range(1, len(weeks) + 1),
            "week_on": weeks,
            "adopters": totals["d_adopters"].to_numpy(),
            "n_started": totals["d_started"].cumsum().to_numpy(),
            "n_eligible": totals["d_eligible"].cumsum().to_numpy(),
            "at_risk": totals["d_at_risk"].cumsum().to_numpy(),
            "is_complete": (weeks >= pd.Timestamp(begins)) & (after <= pd.Timestamp(log.as_of)),
        }
    )


def _moves(rows: ibis.Table, begins: date) -> ibis.Table:
    """Sum, by week, who enters and leaves each count; a running sum gives the counts.

    So the engine sees each person once, however many weeks there are.
    """
    import ibis

    opens = ibis.literal(begins, type="date")
    start = ibis.ifelse(rows.start_on < opens, opens, rows.start_on)
    until = rows.eligible_to_on
    is_value = rows.event == "value"
    value = ibis.ifelse(is_value & (rows.first_on < start), start, rows.first_on)
    week = ibis.interval(days=WEEK_DAYS)
    day = ibis.interval(days=1)
    done = ibis.ifelse(is_value, value, until - day).truncate("W") + week

    def move(on: Any, where: Any, **sums: int) -> ibis.Table:
        names = ("d_adopters", "d_started", "d_eligible", "d_at_risk")
        kept = rows.select(week_on=on.cast("date"), keep=where)
        kept = kept.filter(kept.keep & kept.week_on.notnull())
        return kept.group_by("week_on").agg(
            **{name: (kept.count() * sums.get(name, 0)).cast("int64") for name in names}
        )

    everyone = rows.person_key.notnull()
    parts = [
        move(start.truncate("W"), everyone, d_eligible=1, d_at_risk=1),
        move(value.truncate("W"), is_value, d_adopters=1, d_started=1),
        move(until.truncate("W"), everyone, d_eligible=-1),
        move(until.truncate("W"), is_value, d_started=-1),
        move(done, everyone, d_at_risk=-1),
    ]
    moves = ibis.union(*parts)
    return moves.group_by("week_on").agg(
        d_adopters=moves.d_adopters.sum(),
        d_started=moves.d_started.sum(),
        d_eligible=moves.d_eligible.sum(),
        d_at_risk=moves.d_at_risk.sum(),
    )


# How many are active ------------------------------------------------------------------------


@measure(
    grain=("day_on", "part"),
    needs=("event",),
    columns={
        "day_on": DAY,
        "part": "int64",
        "dau": "int64",
        "wau": "int64",
        "mau": "int64",
        "is_full_month": "bool",
    },
)
def active(
    log: EventLog, *, verbs: Verbs = "", assigned: str = "all", parts: int = 1
) -> pd.DataFrame:
    """Count the distinct persons active in the 1, 7 and 28 days that end with each day.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        Activity that counts; nothing means any.
    assigned : {"self_started", "assigned", "all"}
    parts : int
        Split the persons into this many arbitrary parts and count each: whatever is computed from
        the sums then gets an interval by leaving one part out at a time.

    Returns
    -------
    pandas.DataFrame
        Grain ``day_on, part``: ``dau, wau, mau``; ``is_full_month`` from the 28th day of the log.

    Notes
    -----
    An active day stands for the days until the next one, 7 or 28 at most; those stretches never
    overlap, so one look at each active day gives all trailing counts.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ...     ben       | 2024-01-02  | view
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-01-04")
    >>> active(tiny)[["dau", "wau", "mau"]].to_dict("list")
    {'dau': [1, 1, 1], 'wau': [1, 2, 2], 'mau': [1, 2, 2]}
    """
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=list(active.columns))
    days = pd.date_range(begins, log.as_of - timedelta(days=1), freq="D")
    count = _counted_here if log.is_here else _counted_there
    gaps = count(log, verbs, assigned, days, parts)
    return pd.concat(
        [_trailing(own, days, part) for part, own in enumerate(gaps)], ignore_index=True
    )


def _counted_here(
    log: EventLog, verbs: Verbs, assigned: str, days: pd.DatetimeIndex, parts: int
) -> np.ndarray:
    """Count active days by part, day and days to the person's next active day (28 at most)."""
    import numpy as np

    width = MONTH_DAYS + 1
    shape = (parts, len(days), width)
    begin = day_number(days[0].date())

    def fold(rows: Rows) -> np.ndarray:
        cell = (rows.number - begin) * width
        cell += np.minimum(until_next(rows, never=MONTH_DAYS), MONTH_DAYS)
        if parts > 1:
            cell += rows.person % parts * (len(days) * width)
        return np.bincount(cell, minlength=math.prod(shape))

    counts: np.ndarray = folded(log, verbs, assigned, fold).reshape(shape)
    return counts


def _counted_there(
    log: EventLog, verbs: Verbs, assigned: str, days: pd.DatetimeIndex, parts: int
) -> np.ndarray:
    """Count the same in the engine, where what is counted is all that comes here."""
    import numpy as np

    found = log.collect(_gaps(value_days(log, verbs, assigned), parts))
    at = (pd.to_datetime(found["day_on"]) - days[0]).dt.days
    counts = np.zeros((parts, len(days), MONTH_DAYS + 1), dtype=np.int64)
    counts[found["part"], at, found["gap"].astype("int64")] = found["n"]
    return counts


def _gaps(days: ibis.Table, parts: int) -> ibis.Table:
    import ibis

    following = days.day_on.lead().over(ibis.window(group_by=days.person_key, order_by=days.day_on))
    gap = following.delta(days.day_on, unit="day")
    seen = days.select(
        day_on=days.day_on,
        part=(days.person_key % parts).cast("int64"),
        gap=ibis.ifelse(gap.isnull() | (gap > MONTH_DAYS), MONTH_DAYS, gap),
    )
    return seen.group_by("day_on", "part", "gap").agg(n=seen.count())


def _trailing(gaps: np.ndarray, days: pd.DatetimeIndex, part: int) -> pd.DataFrame:
    import numpy as np

    at, gap = np.nonzero(gaps)
    n = gaps[at, gap]

    def covered(width: int) -> Any:
        size = len(days) + MONTH_DAYS + 1
        comes = np.bincount(at, weights=n, minlength=size)
        goes = np.bincount(at + np.minimum(gap, width), weights=n, minlength=size)
        return np.cumsum(comes - goes)[: len(days)].round().astype(np.int64)

    return pd.DataFrame(
        {
            "day_on": days,
            "part": part,
            "dau": covered(1),
            "wau": covered(WEEK_DAYS),
            "mau": covered(MONTH_DAYS),
            "is_full_month": np.arange(len(days)) >= MONTH_DAYS - 1,
        }
    )


@measure(
    grain=("n_days",),
    needs=("event",),
    columns={"n_days": "int64", "n_persons": "int64", "n_active": "int64"},
)
def active_days(log: EventLog, *, verbs: Verbs = "", assigned: str = "all") -> pd.DataFrame:
    """Count the persons of the last 28 days by the number of days they were active (L28).

    Parameters
    ----------
    log : EventLog
    verbs, assigned
        As in :func:`active`.

    Returns
    -------
    pandas.DataFrame
        Grain ``n_days`` 1 to 28, all rows; ``n_active`` is the sum of ``n_persons``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ...     ada       | 2024-01-02  | view
    ...     ben       | 2024-01-02  | view
    ... '''}, as_of="2024-01-15")
    >>> active_days(tiny).head(3)["n_persons"].tolist()
    [1, 1, 0]
    """
    import ibis

    days = value_days(log, verbs, assigned)
    opens = ibis.literal(log.as_of - timedelta(days=MONTH_DAYS), type="date")
    recent = days.filter(days.day_on >= opens)
    each = recent.group_by("person_key").agg(n_days=recent.count())
    found = log.collect(each.group_by("n_days").agg(n_persons=each.count()))
    counts = found.set_index("n_days")["n_persons"].reindex(range(1, MONTH_DAYS + 1), fill_value=0)
    return pd.DataFrame(
        {"n_days": counts.index, "n_persons": counts.to_numpy(), "n_active": int(counts.sum())}
    )


# Whether the denominators agree -------------------------------------------------------------


@measure(
    grain=("kind",),
    needs=("person", "event"),
    columns={"kind": "object", "n_persons": "int64", "n_of": "int64"},
)
def reconciliation(
    log: EventLog, *, verbs: Verbs = "complete", assigned: str = "self_started"
) -> pd.DataFrame:
    """Count the persons whose activity and whose eligibility contradict each other.

    Parameters
    ----------
    log : EventLog
    verbs, assigned
        As in :func:`time_to_value`.

    Returns
    -------
    pandas.DataFrame
        Grain ``kind``, of the ``n_of`` persons with any activity: ``unknown`` (not in the HR
        file), ``no_access`` (active, never eligible), ``early`` (value before eligibility).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     zoe       | 2024-01-04  | complete
    ... '''}, as_of="2024-02-01")
    >>> reconciliation(tiny).set_index("kind")["n_persons"].to_dict()
    {'early': 0, 'no_access': 0, 'unknown': 1}
    """
    import ibis

    days = log.table("activity_day")
    first = value_days(log, verbs, assigned)
    value = first.group_by("person_key").agg(first_on=first.day_on.min())
    people = eligible(log).select("person_key", "eligible_from_on", is_known=ibis.literal(True))
    actors = days.select("person_key").distinct()
    rows = actors.left_join(people, "person_key").drop("person_key_right")
    rows = rows.left_join(value, "person_key").drop("person_key_right")
    unknown = rows.is_known.isnull()
    counts = rows.aggregate(
        unknown=unknown.cast("int64").sum(),
        no_access=(~unknown & rows.eligible_from_on.isnull()).cast("int64").sum(),
        early=(rows.first_on < rows.eligible_from_on).cast("int64").sum(),
        n_of=rows.count(),
    )
    found = log.collect(counts).iloc[0]
    kinds = ["unknown", "no_access", "early"]
    return pd.DataFrame(
        {
            "kind": kinds,
            "n_persons": [0 if pd.isna(found[k]) else int(found[k]) for k in kinds],
            "n_of": int(found["n_of"]),
        }
    )
