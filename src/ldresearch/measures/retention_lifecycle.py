"""Who comes back: cohorts, states of each period, the ladder of habit, returns after silence.

A cohort begins in the period of a person's first day of value *ever*; no filter makes an old
learner new. Whoever has left employment by the end of a period is not counted in it: leaving the
organisation is not leaving learning. A period is complete once the as-of date lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures import _period
from ldresearch.measures._by_person import Rows, alike, first_rows, folded, until_next
from ldresearch.measures._measure import measure
from ldresearch.measures._people import first_day
from ldresearch.measures._value import neighbours, value_days, value_rows
from ldresearch.result import Step

if TYPE_CHECKING:
    import ibis

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"

NEVER: Final = 10**6
"""Number of a period that does not come."""

RUNGS: Final = {"days": 28, "weeks": 12}
"""Length of the window of the ladder, in what its rungs count."""

NOBODY: Final = "nobody has had a day of value yet"


def _periods(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> ibis.Table:
    """Return one row a person and period with value: ``at`` is its number."""
    # Without a least time a day needs no row of its own, so rows are folded once and not twice.
    days = (
        value_days(log, verbs, assigned, min_minutes)
        if min_minutes > 0
        else value_rows(log, verbs, assigned)
    )
    return days.select("person_key", at=_period.number(days.day_on, period)).distinct()


def _people_periods(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> ibis.Table:
    """Return one row a person and period with value.

    ``at`` is the period's number, ``before`` and ``after`` the person's neighbouring ones,
    ``first`` her first ever, ``turn`` how many came before it, ``gone`` the period in which
    employment ended.
    """
    import ibis

    rows = _periods(log, verbs, assigned, min_minutes, period)
    order = ibis.window(group_by=rows.person_key, order_by=rows["at"])
    rows = rows.mutate(
        before=rows["at"].lag().over(order),
        after=rows["at"].lead().over(order),
        first=rows["at"].first().over(order),
        turn=ibis.row_number().over(order),
    )
    left = _left(log)
    if left is None:
        return rows.mutate(gone=ibis.literal(NEVER, type="int64"))
    ends = left.select("person_key", gone=_period.number(left.left_on, period))
    joined = rows.left_join(ends, "person_key").drop("person_key_right")
    return joined.mutate(gone=ibis.coalesce(joined.gone, NEVER))


def _left(log: EventLog) -> ibis.Table | None:
    """Return the first day no longer employed of those who have left; ``None`` without HR data."""
    if not log.has("person"):
        return None
    person = log.persons()
    return person.filter(person.left_on.notnull()).select("person_key", "left_on")


def _nothing(columns: dict[str, str], why: str) -> pd.DataFrame:
    frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in columns.items()})
    frame.attrs["missing"] = why
    return frame


# Cohorts ------------------------------------------------------------------------------------


@measure(
    grain=("cohort_on", "n"),
    needs=("activity_day",),
    columns={
        "cohort_on": DAY,
        "n": "int64",
        "n_began": "int64",
        "n_there": "int64",
        "n_recurring": "int64",
        "n_unbounded": "int64",
        "n_rolling": "int64",
    },
)
def cohorts(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    period: str = "month",
) -> pd.DataFrame:
    """Count, for each cohort and each complete period after it, who is still active.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value; nothing means every verb.
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
        A day is of value from this many minutes on.
    period : {"week", "month"}
        ISO weeks or calendar months.

    Returns
    -------
    pandas.DataFrame
        Grain ``cohort_on`` (first day of the period of the first value event ever) and ``n``
        (periods since then, 0 is the period itself), complete periods only. ``n_began`` persons
        belong to the cohort, ``n_there`` of them were employed to the end of period ``n``; of
        these ``n_recurring`` were active in it, ``n_unbounded`` in it or later (up to the as-of
        date), ``n_rolling`` in every period from the first to it.

    Examples
    --------
    Ben pauses in February. That breaks his run for good, but by March he is active again.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-10  | complete
    ...     ada       | 2024-02-10  | complete
    ...     ada       | 2024-03-10  | complete
    ...     ben       | 2024-01-20  | complete
    ...     ben       | 2024-03-20  | complete
    ... '''}, as_of="2024-04-01")
    >>> january = cohorts(tiny).head(3)
    >>> january[["n_recurring", "n_unbounded", "n_rolling"]].to_dict("list")
    {'n_recurring': [2, 1, 2], 'n_unbounded': [2, 2, 2], 'n_rolling': [2, 1, 1]}
    """
    _period.checked(period)
    told = _told_here if log.is_here else _told_there
    found = told(log, verbs, assigned, min_minutes, period)
    if found["there"].empty:
        return _nothing(cohorts.columns, NOBODY)
    return _cells(found, _period.last_complete(log.as_of, period), period)


KINDS: Final = ("there", "unbounded", "rolling", "recurring")
"""What is counted by cohort and periods after its first.

A person counts once in each of the first three: by the last period to whose end she was employed,
by that of her last activity up to it, and by the end of her unbroken run. In the last each active
period counts, if she was there to its end.
"""


def _told_here(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> dict[str, pd.DataFrame]:
    """Count each of :data:`KINDS` by ``first``, the cohort's period, and ``n`` periods after it."""
    gone = _gone(log, period)

    def fold(rows: Rows) -> list[pd.DataFrame]:
        begins = first_rows(rows.person)
        n_rows = np.diff(begins, append=len(rows.number))
        first, last = rows.number[begins], rows.number[begins + n_rows - 1]
        ended = gone[rows.person[begins]]
        # Everyone's last period is one that no next one follows, and so ends a run.
        ends = np.flatnonzero(until_next(rows, never=0) != 1)
        run = rows.number[ends[first_rows(rows.person[ends])]]
        began, at = np.repeat(first, n_rows), rows.number
        if (last >= ended).any():
            is_there = at < np.repeat(ended, n_rows)
            began, at = began[is_there], at[is_there]
        kinds = (
            (first, ended - 1), (first, np.minimum(last, ended - 1)),
            (first, np.minimum(run, ended - 1)), (began, at),
        )  # fmt: skip
        return [alike(first=since, at=to) for since, to in kinds]

    parts = folded(log, verbs, assigned, fold, min_minutes=min_minutes, period=period)
    found = {kind: pd.concat(parts[i :: len(KINDS)]) for i, kind in enumerate(KINDS)}
    return {kind: rows.assign(n=rows["at"] - rows["first"]) for kind, rows in found.items()}


def _gone(log: EventLog, period: str) -> np.ndarray:
    """Return, by person key, the period in which employment ended; one to come if it has not."""
    never = _period.number_of(log.as_of, period) + 1
    ends = np.full(log.dataset.manifest.n_persons + 1, never, dtype=np.int32)
    left = _left(log)
    if left is not None:
        for keys, days in log.streamed(left, lambda keys, days: (keys, days)):
            ends[keys] = _period.numbers(days, period)
    return ends


def _told_there(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> dict[str, pd.DataFrame]:
    """Count the same in the engine, where what is counted is all that comes here."""
    found = log.collect(_told(_people_periods(log, verbs, assigned, min_minutes, period)))
    each, active = (found[found["kind"] == kind] for kind in ("person", "period"))
    there = each["there"]
    counted = (
        (each, there), (each, np.minimum(each["last"], there)),
        (each, np.minimum(each["run"], there)), (active, active["last"]),
    )  # fmt: skip
    return {kind: rows.assign(n=n) for kind, (rows, n) in zip(KINDS, counted, strict=True)}


def _told(rows: ibis.Table) -> ibis.Table:
    """Count persons that are alike, and active periods that are alike, by cohort.

    A row of kind ``person`` has how many periods after the first hold her last activity (``last``),
    the end of her unbroken run (``run``), and the last one to whose end she was employed
    (``there``). A row of kind ``period`` has in ``last`` how many periods after the first it is.
    """
    import ibis

    rows = rows.mutate(there=rows.gone - rows.first - 1, n=rows["at"] - rows.first)
    rows = rows.mutate(run=ibis.ifelse(rows.n == rows.turn, rows.n, 0))
    each = rows.group_by("person_key", "first", "there").agg(last=rows.n.max(), run=rows.run.max())
    keys = ["kind", "first", "last", "run", "there"]
    persons = each.mutate(kind=ibis.literal("person"))
    none = ibis.literal(0, type="int64")
    within = rows.filter(rows.n <= rows.there)
    periods = within.select(
        kind=ibis.literal("period"), first=within.first, last=within.n, run=none, there=none
    )
    return ibis.union(
        persons.group_by(keys).agg(persons=persons.count()),
        periods.group_by(keys).agg(persons=periods.count()),
    )


def _cells(found: Mapping[str, pd.DataFrame], last: int, period: str) -> pd.DataFrame:
    """Turn counts of "so many periods" into counts of "in period n", one row a complete cell."""
    begin = int(found["there"]["first"].min())
    size = max(last - begin + 1, 0)
    if not size:
        return _nothing(cohorts.columns, f"the first {period} with value is not over yet")

    def grid(kind: str) -> np.ndarray:
        """Row 0 is the oldest cohort; the last column takes whatever lies further off."""
        rows = found[kind]
        rows = rows[(rows["first"] <= last) & (rows["n"] >= 0)]
        row, n, persons = (rows[c].to_numpy(dtype=np.int64) for c in ("first", "n", "persons"))
        cells = np.zeros((size, size + 1), dtype=np.int64)
        np.add.at(cells, (row - begin, np.minimum(n, size)), persons)
        return cells

    def reaching(kind: str) -> np.ndarray:
        """Count whoever reaches period n or a later one."""
        return grid(kind)[:, ::-1].cumsum(axis=1)[:, ::-1]

    everyone = found["there"].groupby("first")["persons"].sum()
    began = everyone.reindex(range(begin, begin + size), fill_value=0).to_numpy(dtype=np.int64)
    there, unbounded, rolling = (reaching(kind) for kind in ("there", "unbounded", "rolling"))
    cohort, n = np.triu_indices(size)
    n = n - cohort
    starts = np.array(
        [np.datetime64(_period.first_day(begin + i, period), "us") for i in range(size)]
    )
    return pd.DataFrame(
        {
            "cohort_on": starts[cohort],
            "n": n,
            "n_began": began[cohort],
            "n_there": there[cohort, n],
            "n_recurring": grid("recurring")[cohort, n],
            "n_unbounded": unbounded[cohort, n],
            "n_rolling": rolling[cohort, n],
        }
    )


# States -------------------------------------------------------------------------------------

_FLOWS = ("new", "returning", "resurrected", "dormant", "left")


@measure(
    grain=("period_on",),
    needs=("activity_day",),
    columns={
        "period_on": DAY,
        "new": "int64",
        "returning": "int64",
        "resurrected": "int64",
        "dormant": "int64",
        "left": "int64",
        "asleep": "int64",
        "gone": "int64",
        "is_complete": "bool",
    },
)
def lifecycle(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    period: str = "month",
) -> pd.DataFrame:
    """Put everyone who ever had a value event into one state for each period.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, period
        As in :func:`cohorts`.

    Returns
    -------
    pandas.DataFrame
        Grain ``period_on``, from the first period with value to that of the last known day; a
        period without activity is a row. Active persons are ``new`` (first value event ever),
        ``returning`` (active the period before too) or ``resurrected`` (active before that, not
        then). Of those active the period before and not now, ``dormant`` are still employed at
        its end, ``left`` are not. ``asleep`` (employed) and ``gone`` (not) have been silent for
        longer. All seven add up to everyone who has ever begun; the active of a period are the
        next one's returning, dormant and left. ``is_complete``: the whole period is in the log.

    Examples
    --------
    Ben pauses in February: dormant then, resurrected in March.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-10  | complete
    ...     ada       | 2024-02-10  | complete
    ...     ada       | 2024-03-10  | complete
    ...     ben       | 2024-01-20  | complete
    ...     ben       | 2024-03-20  | complete
    ... '''}, as_of="2024-04-01")
    >>> lifecycle(tiny)[["new", "returning", "dormant", "resurrected"]].to_dict("list")
    {'new': [2, 0, 0], 'returning': [0, 1, 1], 'dormant': [0, 1, 0], 'resurrected': [0, 0, 1]}
    """
    _period.checked(period)
    begins = first_day(log)
    flows = _flows_here if log.is_here else _flows_there
    found = flows(log, verbs, assigned, min_minutes, period)
    if found.empty or begins is None:
        return _nothing(lifecycle.columns, NOBODY)
    begin, end = int(found["at"].min()), _period.number_of(log.as_of - timedelta(days=1), period)
    index = np.arange(begin, end + 1)
    first, last = _whole(log.as_of, begins, period)
    frame = pd.DataFrame(
        {
            "period_on": [pd.Timestamp(_period.first_day(int(i), period)) for i in index],
            **_states(found, begin, end),
            "is_complete": (index >= first) & (index <= last),
        }
    )
    frame.attrs["steps"] = _steps(found, period)
    return frame


def _steps(found: pd.DataFrame, period: str) -> tuple[Step, ...]:
    """Say who has ever begun, and who of them is still employed."""
    here = found["gone"] == NEVER
    told = {
        f"ever had a day of value (rows: {period}s)": found,
        "still employed as of the date": found[here],
    }
    return tuple(
        Step(reason, int(rows.loc[rows["state"] == "new", "persons"].sum()),
             int(rows["persons"].sum()))
        for reason, rows in told.items()
    )  # fmt: skip


def _whole(as_of: date, begins: date, period: str) -> tuple[int, int]:
    """Return the first and the last period all of whose days are in the log."""
    first = _period.number_of(begins, period)
    if _period.first_day(first, period) < begins:
        first += 1
    return first, _period.last_complete(as_of, period)


def _flows_here(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> pd.DataFrame:
    """Count active periods by their number, how the person came to it, and what comes after."""
    never = _period.number_of(log.as_of, period) + 1
    gone = _gone(log, period)

    def fold(rows: Rows) -> list[pd.DataFrame]:
        begins = first_rows(rows.person)
        after = until_next(rows, never)
        # Of the states 0 is new, 1 returning, 2 resurrected.
        state = np.minimum(np.roll(after, 1), 2)
        state[begins] = 0
        ended = np.repeat(gone[rows.person[begins]], np.diff(begins, append=len(state)))
        back = np.minimum(rows.number + after, never)
        return [alike(at=rows.number, state=state, back=back, gone=ended)]

    parts = folded(log, verbs, assigned, fold, min_minutes=min_minutes, period=period)
    counted = {name: column.to_numpy() for name, column in pd.concat(parts).items()}
    found = alike(counted.pop("persons"), **counted)
    found["state"] = np.array(_FLOWS[:3], dtype=object)[found["state"]]
    for column in ("back", "gone"):
        found[column] = found[column].where(found[column] < never, NEVER)
    return found


def _flows_there(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, period: str
) -> pd.DataFrame:
    """Count the same in the engine, where what is counted is all that comes here."""
    import ibis

    rows = _people_periods(log, verbs, assigned, min_minutes, period)
    state = ibis.cases(
        (rows.before.isnull(), "new"), (rows.before + 1 == rows["at"], "returning"),
        else_="resurrected",
    )  # fmt: skip
    named = rows.select(
        at=rows["at"], state=state, back=ibis.coalesce(rows.after, NEVER), gone=rows.gone
    )
    return log.collect(named.group_by("at", "state", "back", "gone").agg(persons=named.count()))


def _states(found: pd.DataFrame, begin: int, end: int) -> dict[str, np.ndarray]:
    """Count, by period, who is in each flow and who is in each stock.

    Who enters and leaves a stock is counted, and a running sum gives the stock, so each active
    period is looked at once.
    """
    counts = {s: np.zeros(end - begin + 1, dtype=np.int64) for s in (*_FLOWS, "asleep", "gone")}
    persons = found["persons"].to_numpy()

    def move(state: str, at: np.ndarray, where: np.ndarray, sign: int = 1) -> None:
        kept = where & (at <= end)
        np.add.at(counts[state], at[kept] - begin, sign * persons[kept])

    at, back, gone = (found[name].to_numpy() for name in ("at", "back", "gone"))
    for state in _FLOWS[:3]:
        move(state, at, found["state"].to_numpy() == state)
    following, later = at + 1, at + 2
    move("left", following, (back > following) & (gone <= following))
    move("dormant", following, (back > following) & (gone > following))
    rests = (later < back) & (later < gone)
    move("asleep", later, rests)
    move("asleep", np.minimum(back, gone), rests, -1)
    out = np.maximum(later, gone)
    move("gone", out, out < back)
    move("gone", back, out < back, -1)
    return {**counts, **{stock: counts[stock].cumsum() for stock in ("asleep", "gone")}}


@measure(
    grain=("in_now", "out_now", "in_before", "out_before"),
    needs=("activity_day",),
    columns={
        "in_now": "int64",
        "out_now": "int64",
        "in_before": "int64",
        "out_before": "int64",
        "n_persons": "int64",
    },
)
def turnover(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    period: str = "month",
    last_periods: int = 3,
) -> pd.DataFrame:
    """Count persons by how often they came in and fell silent lately, and in as long before.

    In comes who is new or resurrected, out goes who falls dormant, as in :func:`lifecycle`. A
    person may do both, and more than once, so what is computed from the sums needs them by person.

    Parameters
    ----------
    log, verbs, assigned, min_minutes, period
        As in :func:`cohorts`.
    last_periods : int
        The last complete periods that are added up, and as many before them.

    Returns
    -------
    pandas.DataFrame
        Grain ``in_now, out_now, in_before, out_before``: ``n_persons`` who moved so often;
        persons who never moved are left out. ``attrs["n_periods"]``: complete periods in the log
        after its first, in which alone somebody can fall silent.

    Examples
    --------
    Ben fell silent in February and came back in March. Ada was there throughout and never moved.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-10  | complete
    ...     ada       | 2024-02-10  | complete
    ...     ada       | 2024-03-10  | complete
    ...     ben       | 2024-01-20  | complete
    ...     ben       | 2024-03-20  | complete
    ... '''}, as_of="2024-04-01")
    >>> turnover(tiny, last_periods=1).to_dict("records")
    [{'in_now': 1, 'out_now': 0, 'in_before': 0, 'out_before': 1, 'n_persons': 1}]
    """
    import ibis

    _period.checked(period)
    if last_periods < 1:
        raise ParameterError(
            message("at least one period is counted", where="last_periods", got=last_periods)
        )
    begins = first_day(log)
    rows = _people_periods(log, verbs, assigned, min_minutes, period)
    back = ibis.coalesce(rows.after, NEVER)
    enters = rows.before.isnull() | (rows.before + 1 < rows["at"])
    falls = (back > rows["at"] + 1) & (rows.gone > rows["at"] + 1)
    one, none = ibis.literal(1, type="int64"), ibis.literal(0, type="int64")
    moves = ibis.union(
        rows.filter(enters).select("person_key", at=rows["at"], comes=one, goes=none),
        rows.filter(falls).select("person_key", at=rows["at"] + 1, comes=none, goes=one),
    )
    last = _period.last_complete(log.as_of, period)
    is_now = moves["at"] > last - last_periods
    moves = moves.filter((moves["at"] <= last) & (moves["at"] > last - 2 * last_periods))
    each = moves.group_by("person_key").agg(
        in_now=(moves.comes * is_now.cast("int64")).sum(),
        out_now=(moves.goes * is_now.cast("int64")).sum(),
        in_before=(moves.comes * (~is_now).cast("int64")).sum(),
        out_before=(moves.goes * (~is_now).cast("int64")).sum(),
    )
    keys = ["in_now", "out_now", "in_before", "out_before"]
    frame = log.collect(each.group_by(keys).agg(n_persons=each.count()))
    first = _whole(log.as_of, begins, period)[0] if begins else last
    frame.attrs["n_periods"] = max(last - first, 0)
    return frame


# The ladder ---------------------------------------------------------------------------------


@measure(
    grain=("n_before", "n_now", "is_settled"),
    needs=("activity_day",),
    columns={
        "n_before": "int64",
        "n_now": "int64",
        "is_settled": "bool",
        "n_persons": "int64",
    },
)
def ladder(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    rungs: str = "days",
) -> pd.DataFrame:
    """Count the employed by how often they were active in a window and in the one before it.

    Parameters
    ----------
    log, verbs, assigned, min_minutes
        As in :func:`cohorts`.
    rungs : {"days", "weeks"}
        Active days of the last 28, or active weeks of the last twelve complete ISO weeks.

    Returns
    -------
    pandas.DataFrame
        Grain ``n_before, n_now, is_settled``: ``n_persons`` who are employed as of the date and
        were active in either window. ``is_settled``: the first value event ever lies before both,
        so that the two can be compared. ``attrs["has_before"]``: both lie within the log.

    Examples
    --------
    The last 28 days are those from 4 March on, the 28 before begin on 5 February. Ada went from
    one day to two; Ben has only just begun, so there is nothing to compare him with.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-10  | complete
    ...     ada       | 2024-02-10  | complete
    ...     ada       | 2024-03-10  | complete
    ...     ada       | 2024-03-11  | complete
    ...     ben       | 2024-03-20  | complete
    ... '''}, as_of="2024-04-01")
    >>> ladder(tiny).sort_values("n_now")[["n_before", "n_now", "is_settled"]].to_dict("list")
    {'n_before': [0, 1], 'n_now': [1, 2], 'is_settled': [False, True]}
    """
    import ibis

    if rungs not in RUNGS:
        raise ParameterError(
            message("no such ladder", where="rungs", got=rungs, allowed=", ".join(RUNGS),
                    do=did_you_mean(rungs, RUNGS))
        )  # fmt: skip
    weekly = rungs == "weeks"
    end = clock.week_of(log.as_of) if weekly else log.as_of
    middle = end - timedelta(days=RUNGS[rungs] * (7 if weekly else 1))
    opens = middle - (end - middle)
    days = value_days(log, verbs, assigned, min_minutes)
    left = _left(log)
    if left is not None:
        days = days.filter(days.person_key.notin(left.person_key))
    unit = _period.number(days.day_on, "week") if weekly else days.day_on
    rows = days.mutate(
        unit=unit, first_on=days.day_on.min().over(ibis.window(group_by=days.person_key))
    )

    def on(day: date) -> Any:
        return ibis.literal(day, type="date")

    rows = rows.filter((rows.day_on >= on(opens)) & (rows.day_on < on(end)))
    each = rows.group_by("person_key", is_settled=rows.first_on < on(opens)).agg(
        n_now=rows.unit.nunique(where=rows.day_on >= on(middle)),
        n_before=rows.unit.nunique(where=rows.day_on < on(middle)),
    )
    keys = ["n_before", "n_now", "is_settled"]
    frame = log.collect(each.group_by(keys).agg(n_persons=each.count()))
    begins = first_day(log)
    frame.attrs["has_before"] = begins is not None and begins <= opens
    return frame


# Returns ------------------------------------------------------------------------------------


@measure(
    grain=("silent_days", "duration", "event"),
    needs=("activity_day",),
    columns={
        "silent_days": "int64",
        "duration": "float64",
        "event": "object",
        "weight": "int64",
    },
)
def reactivation(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    silent_days: int = 28,
) -> pd.DataFrame:
    """Follow each person from the day her first long gap reached its length.

    A gap is counted from one day of value to the next. It is followed from the day on which it
    is ``silent_days`` long, if the person is still employed then; each person once, with the first
    gap that long.

    Parameters
    ----------
    log, verbs, assigned, min_minutes
        As in :func:`cohorts`.
    silent_days : int
        Half of it and twice of it are followed as well.

    Returns
    -------
    pandas.DataFrame
        Grain ``silent_days, duration, event``: ``weight`` persons who were followed for
        ``duration`` days and then ``returned``, ``left`` employment or (empty) were still silent
        on the last known day.

    Examples
    --------
    Both are silent for 28 days on 29 January. Ada returns three days later; Ben is still silent
    on 29 February, the last known day.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-02-01  | complete
    ...     ben       | 2024-01-01  | complete
    ... '''}, as_of="2024-03-01")
    >>> found = reactivation(tiny).query("silent_days == 28").sort_values("duration")
    >>> found[["duration", "event"]].to_dict("list")
    {'duration': [3.0, 31.0], 'event': ['returned', '']}
    """
    import ibis

    if silent_days < 1:
        raise ParameterError(
            message("a silence has one day or more", where="silent_days", got=silent_days)
        )
    gaps = neighbours(value_days(log, verbs, assigned, min_minutes)).drop("before_on")
    left = _left(log)
    if left is None:
        gaps = gaps.mutate(left_on=ibis.null("date"))
    else:
        gaps = gaps.left_join(left, "person_key").drop("person_key_right")
    lengths = sorted({max(silent_days // 2, 1), silent_days, 2 * silent_days})
    return log.collect(ibis.union(*(_silences(gaps, length, log.as_of) for length in lengths)))


def _silences(gaps: ibis.Table, length: int, as_of: date) -> ibis.Table:
    import ibis

    silent = gaps.mutate(from_on=(gaps.day_on + ibis.interval(days=length)).cast("date"))
    last = ibis.literal(as_of - timedelta(days=1), type="date")
    silent = silent.filter(
        (silent.from_on <= last)
        & (silent.after_on.isnull() | (silent.after_on >= silent.from_on))
        & (silent.left_on.isnull() | (silent.left_on > silent.from_on))
    )
    order = ibis.window(group_by=silent.person_key, order_by=silent.day_on)
    first = silent.mutate(_turn=ibis.row_number().over(order)).filter(lambda t: t._turn == 0)
    came, left = first.after_on, first.left_on
    returned = came.notnull() & (left.isnull() | (came < left))
    event = ibis.cases((returned, "returned"), (left.notnull(), "left"), else_="")
    until = ibis.cases((returned, came), (left.notnull(), left), else_=last)
    told = first.select(
        silent_days=ibis.literal(length, type="int64"),
        duration=until.delta(first.from_on, unit="day").cast("float64"),
        event=event,
    )
    return told.group_by("silent_days", "duration", "event").agg(weight=told.count())
