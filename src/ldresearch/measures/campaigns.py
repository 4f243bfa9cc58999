"""Launches: who was addressed and when, who started, unit by unit and period by period.

One row of ``initiative`` is one campaign. Its units are those named in ``arm``, which may be
persons, each with a day of her own (:func:`allocated`); without an arm table they are the lowest
units of the organisation, launched when half of those written to in them had been; without touches
everyone is launched on the first day. Waves of access say nothing here: before access nobody is
eligible, so there is no time before to compare with.

*Waiting* is who is eligible on a day and has not reached first value before it. A campaign is
judged by those waiting: whoever had started needs no launch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import eligible, first_day
from ldresearch.measures._value import value_days

if TYPE_CHECKING:
    import ibis

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"
CONTROL: Final = frozenset(
    {"control", "hold-out", "holdout", "hold out", "held out", "none", "waiting", "untreated"}
)
"""Arms that mean "not launched"; every other word is a launch."""

BEFORE_DAYS, AFTER_DAYS = 56, 84
"""Days before and after a launch whose activity is compared: eight weeks, then twelve."""

TOLD: Final = 0.1
"""Where fewer than this share of a unit were ever written to, it was not launched."""

QUIET: Final = 0.5
"""A launch day with less than this share of its weekday's usual activity is quiet: a holiday."""

_SEPARATOR = "\x1f"


# What was launched, where, when -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Launch:
    """A campaign with everyone it could concern, as an expression over the log.

    Attributes
    ----------
    id, label : str
        The initiative's id, and what reports call it.
    began : date
    people : ibis.Table
        One row a person: ``unit``, ``arm``, ``treated_on``, ``is_randomised``, eligibility,
        ``first_on`` (first value event) and ``told_on`` (first touch of this campaign). Where
        persons were allocated also ``assigned_on`` and ``is_launched``, as first allocated.
    """

    id: str
    label: str
    began: date
    people: ibis.Table

    @property
    def is_by_person(self) -> bool:
        """Whether persons were allocated one by one, not units."""
        return "assigned_on" in self.people.columns


def _each(
    log: EventLog, verbs: Verbs, assigned: str, min_minutes: int, with_client: bool
) -> list[_Launch]:
    """Find every campaign with its people; what was found once is kept while the log is open."""
    value = (verbs if isinstance(verbs, str) else tuple(verbs), assigned, min_minutes)
    if ("campaigns", value) not in log.memo:
        log.memo["campaigns", value] = {
            row["initiative_id"]: _addressed(
                log, row["initiative_id"], row["started_on"].date(), value
            )
            for row in _initiatives(log).to_dict("records")
        }
    found: dict[str, ibis.Table] = log.memo["campaigns", value]
    return [
        _Launch(
            row["initiative_id"], row["campaign"], row["started_on"].date(),
            found[row["initiative_id"]],
        )
        for row in _initiatives(log, with_client=with_client).to_dict("records")
    ]  # fmt: skip


def _initiatives(log: EventLog, *, with_client: bool = False) -> pd.DataFrame:
    """Return the campaigns in the order of their launch, each under a name of its own."""
    frame = log.collect(log.table("initiative"))
    frame["started_on"] = pd.to_datetime(frame["started_on"])
    frame["ended_on"] = pd.to_datetime(frame["ended_on"])
    label = frame["name"].where(frame["name"].notna(), frame["initiative_id"]).astype("object")
    is_twice = label.duplicated(keep=False) & (label != frame["initiative_id"])
    label = label.where(~is_twice, label + " (" + frame["initiative_id"] + ")")
    client = log.dataset.manifest.client
    named = f"{client[:1].upper()}{client[1:]}: " + label
    frame["campaign"] = named if with_client else label
    return frame.sort_values(["started_on", "initiative_id"], ignore_index=True)


def _addressed(
    log: EventLog, initiative: str, began: date, value: tuple[Verbs, str, int]
) -> ibis.Table:
    """Return one row a person: unit, arm, launch, eligibility, first value, first touch."""
    import ibis

    days = value_days(log, *value)
    first = days.group_by("person_key").agg(first_on=days.day_on.min())
    people = eligible(log).select("person_key", "eligible_from_on", "eligible_to_on")
    for other in (first, _placed(log, began), _told(log, initiative)):
        people = people.left_join(other, "person_key").drop("person_key_right")
    people = people.mutate(path=ibis.coalesce(people.path, ""))
    own = _person_arms(log, initiative)
    if own is not None:
        joined = people.left_join(own, "person_key").drop("person_key_right")
        return log.kept(joined.mutate(unit=joined.arm))
    people = log.kept(people)
    plan = ibis.memtable(_unit_plan(log, initiative, began, people), schema=_PLAN)
    joined = people.left_join(plan, "path").drop("path_right")
    return log.kept(joined)


_PLAN: Final = {
    "path": "string", "unit": "string", "arm": "string", "treated_on": "date",
    "is_randomised": "boolean",
}  # fmt: skip


def _placed(log: EventLog, on: date) -> ibis.Table:
    """Return each person's path of units on a day, or the first one after it."""
    import ibis

    rows = log.table("person")
    there = rows.filter(
        rows.valid_to_on.isnull() | (rows.valid_to_on > ibis.literal(on, type="date"))
    )
    placed = there.group_by("person_key").agg(
        path=ibis.literal(_SEPARATOR).join(there.unit_path.argmin(there.valid_from_on))
    )
    return placed


def _told(log: EventLog, initiative: str) -> ibis.Table:
    """Return the first and the number of touches of a campaign by person, told directly or not."""
    touch = log.table("touch").filter(lambda t: t.initiative_id == initiative)
    touch = touch.mutate(day_on=log.day(touch.sent_at))
    direct = touch.filter(touch.person_key.notnull()).select("person_key", "touch_id", "day_on")
    person = log.persons()
    steps = person.select("person_key", step=person.unit_path.unnest()).distinct()
    by_unit = touch.filter(touch.unit_id.notnull()).select("unit_id", "touch_id", "day_on")
    reached = steps.join(by_unit, steps.step == by_unit.unit_id)
    every = direct.union(reached.select("person_key", "touch_id", "day_on"))
    return every.group_by("person_key").agg(told_on=every.day_on.min())


def _person_arms(log: EventLog, initiative: str) -> ibis.Table | None:
    """Return the arm of each person, where persons were allocated and not units."""
    import ibis

    arm = log.table("arm").filter(lambda t: t.initiative_id == initiative)
    own = arm.filter(arm.unit_kind == "person")
    if not own.count().execute():
        return None
    identity = log.table("identity")
    keyed = own.join(identity, own.unit_id == identity.person_id)
    keyed = keyed.mutate(day_on=log.day(keyed.assigned_at), is_control=_is_control(keyed.arm))
    found = keyed.group_by("person_key").agg(
        arm=keyed.arm.argmin(keyed.assigned_at),
        assigned_on=keyed.day_on.min(),
        treated_on=ibis.ifelse(keyed.is_control, ibis.null("date"), keyed.day_on).min(),
        is_randomised=keyed.is_randomised.all(),
    )
    return found.mutate(is_launched=~_is_control(found.arm))


def _is_control(arm: Any) -> Any:
    return arm.lower().isin(sorted(CONTROL))


def _arms(log: EventLog, initiative: str) -> pd.DataFrame:
    """Return the arms of units (not of persons) in the order they were given."""
    arm = log.table("arm")
    mine = arm.filter((arm.initiative_id == initiative) & (arm.unit_kind != "person"))
    frame = log.collect(
        mine.select(
            "unit_id", "arm", "is_randomised", "assigned_at", day_on=log.day(mine.assigned_at)
        )
    )
    frame["is_control"] = frame["arm"].astype("string").str.lower().isin(CONTROL)
    return frame.sort_values(["assigned_at", "unit_id"], ignore_index=True)


def _unit_plan(log: EventLog, initiative: str, began: date, people: ibis.Table) -> pd.DataFrame:
    """Say for each path of the organisation which unit it is, its arm and when it was launched."""
    paths = log.collect(people.select("path").distinct())["path"].tolist()
    steps = {path: path.split(_SEPARATOR) for path in paths}
    arms = _arms(log, initiative)
    if len(arms):
        return _from_arms(steps, arms)
    leaves = {path: names[-1] or "Unknown" for path, names in steps.items()}
    launched = _from_touches(log, people, began, leaves)
    is_told = bool(log.collect(people.aggregate(n=people.told_on.notnull().sum()))["n"].iloc[0])
    return pd.DataFrame(
        [
            (path, unit, "launch" if on else "not launched", on, False)
            for path, unit in leaves.items()
            for on in [launched.get(unit) if is_told else began]
        ],
        columns=list(_PLAN),
    )


def _from_arms(steps: dict[str, list[str]], arms: pd.DataFrame) -> pd.DataFrame:
    """Allocate paths by the arms of the units on them; where none is named, nobody was launched."""
    named = set(arms["unit_id"])
    depths = [i for names in steps.values() for i, name in enumerate(names) if name in named]
    depth = max(depths, default=0)
    rows = []
    for path, names in steps.items():
        own = arms[arms["unit_id"].isin(names)]
        launched = own[~own["is_control"]]
        rows.append(
            (
                path,
                names[min(depth, len(names) - 1)] or "Unknown",
                str(own["arm"].iloc[0]) if len(own) else "not launched",
                launched["day_on"].min() if len(launched) else None,
                bool(len(own)) and bool(own["is_randomised"].all()),
            )
        )
    return pd.DataFrame(rows, columns=list(_PLAN))


def _from_touches(
    log: EventLog, people: ibis.Table, began: date, leaves: dict[str, str]
) -> dict[str, date]:
    """Find the day by which half of those written to in each unit had been."""
    on = _literal(began)
    there = people.filter(
        (people.eligible_from_on <= on)
        & (people.eligible_to_on.isnull() | (people.eligible_to_on > on))
    )
    counts = log.collect(there.group_by("path", "told_on").agg(n=there.count()))
    counts["unit"] = counts["path"].map(leaves)
    found = {}
    for unit, rows in counts.groupby("unit"):
        told = rows.dropna(subset="told_on").groupby("told_on")["n"].sum().sort_index().cumsum()
        if len(told) and told.iloc[-1] >= TOLD * rows["n"].sum():
            half = told[told >= told.iloc[-1] / 2].index[0]
            found[str(unit)] = pd.Timestamp(half).date()
    return found


# Who is waiting, who starts -----------------------------------------------------------------


def _literal(day: date) -> Any:
    import ibis

    return ibis.literal(day, type="date")


def _counted(rows: ibis.Table, by: Sequence[str]) -> ibis.Table:
    """Count the eligible, the waiting and the starters of ``[opens_on, closes_on)`` by group."""
    opens, closes = rows.opens_on, rows.closes_on
    is_eligible = (rows.eligible_from_on <= opens) & (
        rows.eligible_to_on.isnull() | (rows.eligible_to_on > opens)
    )
    is_waiting = is_eligible & (rows.first_on.isnull() | (rows.first_on >= opens))
    starts = is_waiting & (rows.first_on < closes)
    is_told = is_eligible & (rows.told_on < closes)
    marked = rows.mutate(
        e=is_eligible.fill_null(False).cast("int64"), w=is_waiting.fill_null(False).cast("int64"),
        s=starts.fill_null(False).cast("int64"), t=is_told.fill_null(False).cast("int64"),
    )  # fmt: skip
    return marked.group_by(list(by)).agg(
        n_eligible=marked.e.sum(), n_waiting=marked.w.sum(), n_started=marked.s.sum(),
        n_told=marked.t.sum(),
    )  # fmt: skip


def _periods(log: EventLog, began: date, days: int) -> pd.DataFrame:
    """List the whole periods of the log, counted from a launch; the one it begins is 0."""
    begins = first_day(log)
    if begins is None:
        return pd.DataFrame(columns=["time", "opens_on", "closes_on"])
    first = -((began - begins).days // days)
    last = (log.as_of - began).days // days
    starts = [began + timedelta(days=days * i) for i in range(first, last)]
    return pd.DataFrame(
        {
            "time": range(first, first + len(starts)),
            "opens_on": starts,
            "closes_on": [on + timedelta(days=days) for on in starts],
        }
    )


_PERIODS: Final = {"time": "int64", "opens_on": "date", "closes_on": "date"}


def _over_periods(log: EventLog, launch: _Launch, days: int, by: Sequence[str]) -> pd.DataFrame:
    import ibis

    periods = _periods(log, launch.began, days)
    if periods.empty:
        return pd.DataFrame()
    table = ibis.memtable(periods, schema=_PERIODS)
    rows = launch.people.filter(launch.people.unit.notnull()).cross_join(table)
    return log.collect(_counted(rows, [*by, "time", "opens_on"]))


def _gathered(
    log: EventLog, columns: dict[str, str], make: Callable[[_Launch], pd.DataFrame], *value: Any
) -> pd.DataFrame:
    """Put the frames of all campaigns together; an empty one where there is none."""
    found = [make(launch).assign(campaign=launch.label) for launch in _each(log, *value)]
    filled = [frame for frame in found if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


@measure(
    grain=("campaign", "unit", "time"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "unit": "object",
        "time": "int64",
        "period_on": DAY,
        "first_treated": "float64",
        "arm": "object",
        "is_randomised": "bool",
        "n_eligible": "int64",
        "n_waiting": "int64",
        "n_started": "int64",
        "share": "float64",
        "offset_days": "float64",
    },
)
def panel(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    period_days: int = 30,
) -> pd.DataFrame:
    """Follow every unit of every campaign: of those waiting when a period begins, how many start.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value.
    assigned : {"self_started", "assigned", "all"}
    min_minutes : int
    with_client : bool
        Put the client before the campaign's name: for a study of several.
    period_days : int
        Length of a period; the one numbered 0 begins on the campaign's first day. Only whole
        periods are there.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, unit, time``: ``share`` is ``n_started / n_waiting``, missing where
        nobody waits; ``first_treated`` is the period of the unit's launch, missing where it was
        never launched; ``offset_days`` how far into that period the launch fell.

    Examples
    --------
    Sales is launched on 1 March and Service waits. One of two starts in Sales; from then on one
    is waiting.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring        | unit      | Sales   | launch   | 2024-03-01  | false
    ...     spring        | unit      | Service | hold-out | 2024-03-01  | false
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales
    ...     ben       | 2024-01-01    | 2024-01-01 | Sales
    ...     cleo      | 2024-01-01    | 2024-01-01 | Service
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     cleo      | 2024-01-30  | view
    ...     ada       | 2024-03-05  | complete
    ... '''}, as_of="2024-05-01")
    >>> found = panel(tiny)
    >>> sales = found[found["unit"] == "Sales"]
    >>> sales[["time", "n_waiting", "n_started"]].to_dict("list")
    {'time': [-1, 0, 1], 'n_waiting': [2, 2, 1], 'n_started': [0, 1, 0]}
    >>> found.groupby("unit")["first_treated"].first().to_dict()
    {'Sales': 0.0, 'Service': nan}
    """

    def one(launch: _Launch) -> pd.DataFrame:
        by = ["unit", "arm", "is_randomised", "treated_on"]
        found = _over_periods(log, launch, period_days, by)
        return found if found.empty else _one_row_a_unit(found, launch.began, period_days)

    return _gathered(log, panel.columns, one, verbs, assigned, min_minutes, with_client)


def _one_row_a_unit(found: pd.DataFrame, began: date, days: int) -> pd.DataFrame:
    """Fold the paths below one unit; a unit counts as launched when its first part was."""
    since = (pd.to_datetime(found["treated_on"]) - pd.Timestamp(began)).dt.days
    marked = found.assign(since=since.astype("float64"))
    counts = ["n_eligible", "n_waiting", "n_started"]
    folded = marked.groupby(["unit", "time"], as_index=False).agg(
        period_on=("opens_on", "first"), arm=("arm", "min"), since=("since", "min"),
        is_randomised=("is_randomised", "min"), **{name: (name, "sum") for name in counts},
    )  # fmt: skip
    return folded.assign(
        first_treated=folded["since"] // days,
        offset_days=folded["since"] % days,
        share=folded["n_started"] / folded["n_waiting"].where(folded["n_waiting"] > 0),
    )


@measure(
    grain=("campaign", "week"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "week": "int64",
        "week_on": DAY,
        "n_waiting": "int64",
        "n_started": "int64",
        "share": "float64",
    },
)
def weeks(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
) -> pd.DataFrame:
    """Count the starters of each week among those waiting, for the units that were launched.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, week``: weeks of seven days counted from the campaign's first day,
        whole ones only; week 0 begins on it.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-01
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ben       | 2024-02-23  | view
    ...     ada       | 2024-03-05  | complete
    ... '''}, as_of="2024-03-16")
    >>> weeks(tiny)[["week", "n_waiting", "n_started"]].to_dict("list")
    {'week': [-1, 0, 1], 'n_waiting': [2, 2, 1], 'n_started': [0, 1, 0]}
    """

    def one(launch: _Launch) -> pd.DataFrame:
        people = launch.people.filter(launch.people.treated_on.notnull())
        found = _over_periods(log, replace(launch, people=people), 7, [])
        if found.empty:
            return found
        found = found.rename(columns={"time": "week", "opens_on": "week_on"})
        waiting = found["n_waiting"].where(found["n_waiting"] > 0)
        return found.assign(share=found["n_started"] / waiting)

    return _gathered(log, weeks.columns, one, verbs, assigned, min_minutes, with_client)


@measure(
    grain=("campaign", "unit", "arm"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "unit": "object",
        "arm": "object",
        "launched_on": DAY,
        "is_treated": "bool",
        "is_randomised": "bool",
        "n_eligible": "int64",
        "n_waiting": "int64",
        "n_reached": "int64",
        "n_told": "int64",
        "is_complete": "bool",
    },
)
def reached(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    window_days: int = 30,
) -> pd.DataFrame:
    """Count who reached first value within the window after the launch, unit by unit.

    Launched units count from their own launch; those never launched from the campaign's first
    day. Where persons were allocated, the arm is the unit; each person counts from her own day of
    allocation, in the arm she was given first.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.
    window_days : int

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, unit, arm``: ``n_reached`` of ``n_waiting``, of ``n_eligible`` on
        the day; ``n_told`` were sent a touch within the window; ``is_complete`` where the whole
        window is known. Of persons allocated one by one only those whose window is over are
        waiting.

    Examples
    --------
    Ada starts within 30 days of the launch, Ben after them; Cleo's unit was kept waiting.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring        | unit      | Sales   | launch   | 2024-03-01  | false
    ...     spring        | unit      | Service | hold-out | 2024-03-01  | false
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | Sales
    ...     ben       | 2024-01-01    | 2024-01-01 | Sales
    ...     cleo      | 2024-01-01    | 2024-01-01 | Service
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-03-05  | complete
    ...     ben       | 2024-04-05  | complete
    ... '''}, as_of="2024-05-01")
    >>> reached(tiny)[["unit", "is_treated", "n_reached", "n_waiting"]].to_dict("records")[0]
    {'unit': 'Sales', 'is_treated': True, 'n_reached': 1, 'n_waiting': 2}
    """
    import ibis

    def one(launch: _Launch) -> pd.DataFrame:
        people = launch.people.filter(launch.people.unit.notnull())
        if launch.is_by_person:
            rows = people.mutate(opens_on=people.assigned_on, is_treated=people.is_launched)
        else:
            opens = ibis.coalesce(people.treated_on, _literal(launch.began))
            rows = people.mutate(opens_on=opens, is_treated=people.treated_on.notnull())
        rows = rows.mutate(closes_on=rows.opens_on + ibis.interval(days=window_days))
        found = log.collect(
            _counted(rows, ["unit", "arm", "is_randomised", "is_treated", "opens_on"])
        )
        if found.empty:
            return found
        found["opens_on"] = pd.to_datetime(found["opens_on"])
        closes = found["opens_on"] + pd.Timedelta(days=window_days)
        found["is_over"] = closes <= pd.Timestamp(log.as_of)
        if launch.is_by_person:
            found.loc[~found["is_over"], ["n_waiting", "n_started"]] = 0
        counts = ["n_eligible", "n_waiting", "n_started", "n_told"]
        folded = found.groupby(["unit", "arm"], as_index=False).agg(
            launched_on=("opens_on", "min"), is_treated=("is_treated", "max"),
            is_randomised=("is_randomised", "min"), is_complete=("is_over", "max"),
            **{name: (name, "sum") for name in counts},
        )  # fmt: skip
        return folded.rename(columns={"n_started": "n_reached"})

    return _gathered(log, reached.columns, one, verbs, assigned, min_minutes, with_client)


@measure(
    grain=("campaign", "week_on", "is_launched"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "week_on": DAY,
        "is_launched": "bool",
        "is_randomised": "bool",
        "n_waiting": "int64",
        "n_reached": "int64",
    },
)
def allocated(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    window_days: int = 30,
) -> pd.DataFrame:
    """Count who reached first value after the day she was allocated, where persons were.

    Everyone counts from her own day, launched or held out, in the arm she was given first; only
    those whose whole window is over count at all.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.
    window_days : int

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, week_on, is_launched``: the week (from Monday) of allocation,
        ``n_reached`` of ``n_waiting`` on the day of it. No row where units were allocated.

    Examples
    --------
    Ada and Ben are drawn on the same day, Cleo a week later. Ada starts, and so does Cleo.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-04
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring        | person    | ada     | launch   | 2024-03-04  | true
    ...     spring        | person    | ben     | hold-out | 2024-03-04  | true
    ...     spring        | person    | cleo    | hold-out | 2024-03-11  | true
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ...     cleo      | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-03-05  | complete
    ...     cleo      | 2024-04-09  | complete
    ... '''}, as_of="2024-05-01")
    >>> found = allocated(tiny)
    >>> found[["is_launched", "n_reached", "n_waiting"]].to_dict("split")["data"]
    [[False, 0, 1], [True, 1, 1], [False, 1, 1]]
    """
    import ibis

    def one(launch: _Launch) -> pd.DataFrame:
        if not launch.is_by_person:
            return pd.DataFrame()
        people = launch.people.filter(launch.people.assigned_on.notnull())
        rows = people.mutate(
            opens_on=people.assigned_on,
            closes_on=people.assigned_on + ibis.interval(days=window_days),
            week_on=people.assigned_on.truncate("W"),
        )
        rows = rows.filter(rows.closes_on <= _literal(log.as_of))
        found = log.collect(_counted(rows, ["week_on", "is_launched", "is_randomised"]))
        return found.groupby(["week_on", "is_launched"], as_index=False).agg(
            is_randomised=("is_randomised", "min"), n_waiting=("n_waiting", "sum"),
            n_reached=("n_started", "sum"),
        )  # fmt: skip

    return _gathered(log, allocated.columns, one, verbs, assigned, min_minutes, with_client)


@measure(
    grain=("campaign", "unit"),
    needs=("initiative", "arm"),
    columns={
        "campaign": "object",
        "unit": "object",
        "arm": "object",
        "later_arm": "object",
        "switched_on": DAY,
    },
)
def switches(log: EventLog, *, with_client: bool = False) -> pd.DataFrame:
    """List the units that changed their arm, other than by being launched later.

    They stay in the arm they were given first, and count as launched from their first launch.

    Parameters
    ----------
    log : EventLog
    with_client : bool
        As in :func:`panel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, unit``: the first arm, and the first one that breaks the plan. To
        wait and then be launched is a roll-out, not a switch. Persons are not listed.

    Examples
    --------
    Service waited and was launched in April, as planned; Sales was taken out again.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring        | unit      | Sales   | launch   | 2024-03-01  | false
    ...     spring        | unit      | Sales   | hold-out | 2024-03-08  | false
    ...     spring        | unit      | Service | hold-out | 2024-03-01  | false
    ...     spring        | unit      | Service | launch   | 2024-04-01  | false
    ... '''}, as_of="2024-05-01")
    >>> switches(tiny)[["unit", "arm", "later_arm"]].to_dict("records")
    [{'unit': 'Sales', 'arm': 'launch', 'later_arm': 'hold-out'}]
    """
    rows = []
    for one in _initiatives(log, with_client=with_client).to_dict("records"):
        for unit, own in _arms(log, one["initiative_id"]).groupby("unit_id", sort=True):
            later = own[(own["arm"] != own["arm"].iloc[0]) & _breaks_plan(own)]
            if len(later):
                rows.append(
                    (
                        one["campaign"],
                        unit, own["arm"].iloc[0], later["arm"].iloc[0],
                     later["day_on"].iloc[0])
                )  # fmt: skip
    return pd.DataFrame(rows, columns=list(switches.columns))


def _breaks_plan(own: pd.DataFrame) -> pd.Series:
    """Whether a unit had already been launched when it was given another arm."""
    before = (~own["is_control"]).cumsum().shift(fill_value=0)
    return before > 0


# What was sent ------------------------------------------------------------------------------


@measure(
    grain=("campaign", "week_on"),
    needs=("initiative", "touch"),
    columns={
        "campaign": "object",
        "week_on": DAY,
        "n_touches": "int64",
        "n_persons": "int64",
        "n_opened": "int64",
        "n_clicked": "int64",
    },
)
def touches(log: EventLog, *, with_client: bool = False) -> pd.DataFrame:
    """Count what was sent week by week, and what came of it.

    Parameters
    ----------
    log : EventLog
    with_client : bool
        As in :func:`panel`.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, week_on``. A touch to a unit is one touch; ``n_persons`` are the distinct
        persons addressed by name that week.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-04
    ... ''', "touch": '''
    ...     touch_id | initiative_id | person_id | sent_at    | opened_at
    ...     1        | spring        | ada       | 2024-03-04 | 2024-03-05
    ...     2        | spring        | ada       | 2024-03-06 | -
    ...     3        | spring        | ben       | 2024-03-06 | -
    ... '''}, as_of="2024-05-01")
    >>> touches(tiny)[["n_touches", "n_persons", "n_opened"]].to_dict("records")
    [{'n_touches': 3, 'n_persons': 2, 'n_opened': 1}]
    """
    touch = log.table("touch")
    seen = touch.mutate(
        week_on=log.day(touch.sent_at).truncate("W"),
        is_opened=_by_now(log, touch, "opened_at"),
        is_clicked=_by_now(log, touch, "clicked_at"),
    )
    found = log.collect(
        seen.group_by("initiative_id", "week_on").agg(
            n_touches=seen.count(),
            n_persons=seen.person_key.nunique(),
            n_opened=seen.is_opened.cast("int64").sum(),
            n_clicked=seen.is_clicked.cast("int64").sum(),
        )
    )
    named = _initiatives(log, with_client=with_client)[["initiative_id", "campaign"]]
    return found.merge(named, on="initiative_id")


def _by_now(log: EventLog, table: ibis.Table, column: str) -> Any:
    """Whether something had happened before the as-of date."""
    return table[column].notnull() & (table[column] < log.bound(column))


@measure(
    grain=("campaign", "touches"),
    needs=("initiative", "touch", "person", "event"),
    columns={
        "campaign": "object",
        "touches": "object",
        "n_reached": "int64",
        "n": "int64",
    },
)
def dose(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    window_days: int = 30,
) -> pd.DataFrame:
    """Count, of those launched and waiting, who started, by how much was sent to them at first.

    Only touches of the first week count, when hardly anyone has started: whoever starts early may
    be sent less, and would make a small dose look strong.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.
    window_days : int

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, touches``: ``none``, ``1``, ``2`` or ``3 or more`` touches addressed to
        the person in the first week after her unit's launch; ``n_reached`` of ``n`` waiting.

    Examples
    --------
    Ada and Ben are written to on the first day, and Ada again the day after; Ada starts.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-04
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-03-08  | complete
    ... ''', "touch": '''
    ...     touch_id | initiative_id | person_id | sent_at
    ...     1        | spring        | ada       | 2024-03-04
    ...     2        | spring        | ben       | 2024-03-04
    ...     3        | spring        | ada       | 2024-03-05
    ... '''}, as_of="2024-05-01")
    >>> dose(tiny)[["touches", "n_reached", "n"]].to_dict("list")
    {'touches': ['1', '2'], 'n_reached': [0, 1], 'n': [1, 1]}
    """
    import ibis

    def one(launch: _Launch) -> pd.DataFrame:
        people = launch.people.filter(launch.people.treated_on.notnull())
        week = ibis.interval(days=7)
        touch = log.table("touch").filter(lambda t: t.initiative_id == launch.id)
        sent = touch.select("person_key", sent_on=log.day(touch.sent_at))
        joined = people.select("person_key", "treated_on").join(sent, "person_key")
        near = joined.filter(
            (joined.sent_on >= joined.treated_on) & (joined.sent_on < joined.treated_on + week)
        )
        n_sent = near.group_by("person_key").agg(n_sent=near.count())
        rows = people.left_join(n_sent, "person_key").drop("person_key_right")
        rows = rows.mutate(
            touches=ibis.cases(
                (rows.n_sent.isnull(), "none"),
                (rows.n_sent >= 3, "3 or more"),
                else_=rows.n_sent.cast("string"),
            ),
            opens_on=rows.treated_on,
            closes_on=rows.treated_on + ibis.interval(days=window_days),
        )
        rows = rows.filter(rows.closes_on <= _literal(log.as_of))
        found = log.collect(_counted(rows, ["touches"]))
        found = found.rename(columns={"n_started": "n_reached", "n_waiting": "n"})
        return found[found["n"] > 0]

    return _gathered(log, dose.columns, one, verbs, assigned, min_minutes, with_client)


# How people respond -------------------------------------------------------------------------


@measure(
    grain=("campaign", "day", "part"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "day": "int64",
        "part": "int64",
        "n_responded": "int64",
        "n": "int64",
        "is_holiday": "bool",
    },
)
def response(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    parts: int = 20,
) -> pd.DataFrame:
    """Count the people who got value on each day before and after the launch of their unit.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.
    parts : int
        Split the persons into this many arbitrary parts and count each, so that an interval can
        leave one part out at a time.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, day, part``: ``day`` 0 is the launch, at most from 56 days before to 83
        after, and only days that every wave has seen; ``n_responded`` of ``n`` who were eligible
        at the launch. ``is_holiday`` marks day 0 where a launch day was quiet
        (:func:`launch_days`).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-03-01
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-02-29  | complete
    ...     ada       | 2024-03-01  | complete
    ...     ben       | 2024-03-01  | complete
    ... '''}, as_of="2024-03-03")
    >>> response(tiny).groupby("day")[["n_responded", "n"]].sum().to_dict("index")[0]
    {'n_responded': 2, 'n': 2}
    >>> response(tiny).groupby("day")["n_responded"].sum().to_dict()
    {-1: 1, 0: 2, 1: 0}
    """
    days = value_days(log, verbs, assigned, min_minutes)
    quiet = launch_days(
        log, verbs=verbs, assigned=assigned, min_minutes=min_minutes, with_client=with_client
    )
    on_holiday = set(quiet.loc[quiet["is_quiet"], "campaign"])

    def one(launch: _Launch) -> pd.DataFrame:
        people = launch.people.filter(launch.people.treated_on.notnull())
        people = people.filter(
            (people.eligible_from_on <= people.treated_on)
            & (people.eligible_to_on.isnull() | (people.eligible_to_on > people.treated_on))
        )
        people = people.select(
            "person_key", "treated_on", part=(people.person_key % parts).cast("int64")
        )
        joined = people.join(days, "person_key")
        dated = joined.mutate(day=joined.day_on.delta(joined.treated_on, unit="day"))
        active = log.collect(dated.group_by("part", "day").agg(n_responded=dated.count()))
        sizes = log.collect(people.group_by("part", "treated_on").agg(n=people.count()))
        found = _every_day(log, sizes, active)
        found["is_holiday"] = (found["day"] == 0) & (launch.label in on_holiday)
        return found

    return _gathered(log, response.columns, one, verbs, assigned, min_minutes, with_client)


def _every_day(log: EventLog, sizes: pd.DataFrame, active: pd.DataFrame) -> pd.DataFrame:
    """Add the days without activity; leave out days that some wave has not seen."""
    begins = first_day(log)
    if sizes.empty or begins is None:
        return pd.DataFrame({"day": pd.Series(dtype="int64")})
    launched = pd.to_datetime(sizes["treated_on"])
    first = max(-BEFORE_DAYS, (pd.Timestamp(begins) - launched.min()).days)
    last = min(AFTER_DAYS, (pd.Timestamp(log.as_of) - launched.max()).days)
    each = sizes.groupby("part", as_index=False)["n"].sum()
    frame: pd.DataFrame = each.merge(pd.DataFrame({"day": range(first, last)}), how="cross")
    frame = frame.merge(active, on=["part", "day"], how="left")
    frame["n_responded"] = frame["n_responded"].fillna(0)
    return frame


@measure(
    grain=("campaign", "launched_on"),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "launched_on": DAY,
        "n_active": "int64",
        "usual": "float64",
        "is_quiet": "bool",
    },
)
def launch_days(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
) -> pd.DataFrame:
    """Compare the activity of each launch day with the same weekday of the eight weeks before.

    A day on which far fewer come than on its weekday, launch or not, is a public holiday, a
    shutdown or an outage. Activity of every kind counts, and of everyone.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`; what counts as value changes nothing here.

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign, launched_on``: people ``n_active`` that day, the ``usual`` number
        (median of at least four weeks, missing where fewer are known); ``is_quiet`` under half
        of it, where it is 10 or more.

    Examples
    --------
    Twelve people come on the Mondays of March, and three on the first of April: Easter Monday.

    >>> import pandas as pd
    >>> from ldresearch.worlds.tables import log
    >>> mondays = pd.date_range("2024-03-04", "2024-04-01", freq="7D")
    >>> came = [(f"p{i}", on, "view") for on in mondays for i in range(3 if on.month == 4 else 12)]
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on
    ...     spring        | Spring | 2024-04-01
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     p0        | 2024-01-01    | 2024-01-01
    ... ''', "event": pd.DataFrame(came, columns=["person_id", "occurred_at", "verb"])},
    ... as_of="2024-05-01")
    >>> launch_days(tiny)[["n_active", "usual", "is_quiet"]].to_dict("records")
    [{'n_active': 3, 'usual': 12.0, 'is_quiet': True}]
    """
    table = log.table("activity_day")
    daily = log.collect(table.group_by("day_on").agg(n=table.person_key.nunique()))
    counts = pd.Series(daily["n"].to_numpy(), index=pd.to_datetime(daily["day_on"]))
    begins = counts.index.min()

    def one(launch: _Launch) -> pd.DataFrame:
        people = launch.people.filter(launch.people.treated_on.notnull())
        days = log.collect(people.select("treated_on").distinct())["treated_on"]
        rows = [(day, *_usual(counts, begins, day)) for day in pd.to_datetime(days)]
        return pd.DataFrame(rows, columns=["launched_on", "n_active", "usual", "is_quiet"])

    return _gathered(log, launch_days.columns, one, verbs, assigned, min_minutes, with_client)


def _usual(counts: pd.Series, begins: pd.Timestamp, day: pd.Timestamp) -> tuple[int, float, bool]:
    before = [day - pd.Timedelta(weeks=w) for w in range(1, 9)]
    known = [float(counts.get(on, 0)) for on in before if on >= begins]
    usual = float(pd.Series(known).median()) if len(known) >= 4 else float("nan")
    n = int(counts.get(day, 0))
    return n, usual, usual >= 10 and n < QUIET * usual


# The campaigns themselves -------------------------------------------------------------------


@measure(
    grain=("campaign",),
    needs=("initiative", "person", "event"),
    columns={
        "campaign": "object",
        "strategy": "object",
        "is_goal_tied": "object",
        "started_on": DAY,
        "ended_on": DAY,
        "budget": "float64",
        "currency": "object",
        "n_units": "int64",
        "n_launched": "int64",
        "n_waves": "int64",
        "is_randomised": "bool",
        "n_eligible": "int64",
        "n_there": "int64",
        "n_told": "int64",
        "has_touches": "bool",
        "breadth": "float64",
        "n_waiting": "int64",
        "n_reached": "int64",
        "is_complete": "bool",
        "n_overlapping": "int64",
    },
)
def campaigns(
    log: EventLog,
    *,
    verbs: Verbs = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    with_client: bool = False,
    window_days: int = 30,
) -> pd.DataFrame:
    """Describe each campaign: strategy, breadth, cost, and who started within the window.

    Parameters
    ----------
    log : EventLog
    verbs, assigned, min_minutes, with_client
        As in :func:`panel`.
    window_days : int

    Returns
    -------
    pandas.DataFrame
        Grain ``campaign``. ``breadth`` is the share of all the eligible who were sent a
        touch within the window; without touches (``has_touches``), the share who belong to a
        launched unit (``n_there``). ``n_reached`` of ``n_waiting`` are those of launched
        units whose window is over (``is_complete``: there are some).
        Strategy and ``is_goal_tied`` are missing where nobody wrote them down; ``n_overlapping``
        other campaigns began within the window before or after.

    Examples
    --------
    One of two is written to, and starts. A campaign with a goal is tied to one.

    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"initiative": '''
    ...     initiative_id | name   | started_on | strategy | goal_id
    ...     spring        | Spring | 2024-03-01 | broad    | growth
    ... ''', "person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-03-05  | complete
    ... ''', "touch": '''
    ...     touch_id | initiative_id | person_id | sent_at
    ...     1        | spring        | ada       | 2024-03-01
    ... '''}, as_of="2024-05-01")
    >>> found = campaigns(tiny)
    >>> found[["strategy", "is_goal_tied", "breadth"]].to_dict("records")
    [{'strategy': 'broad', 'is_goal_tied': True, 'breadth': 0.5}]
    >>> found[["n_reached", "n_waiting"]].to_dict("records")
    [{'n_reached': 1, 'n_waiting': 2}]
    """
    units = reached(
        log, verbs=verbs, assigned=assigned, min_minutes=min_minutes, with_client=with_client,
        window_days=window_days,
    )  # fmt: skip
    found = _initiatives(log, with_client=with_client)
    rows = [_described(one, found, units, window_days) for one in found.itertuples()]
    return pd.DataFrame(rows, columns=list(campaigns.columns))


def _described(
    one: Any, every: pd.DataFrame, units: pd.DataFrame, window_days: int
) -> dict[str, Any]:
    own = units[units["campaign"] == one.campaign]
    launched = own[own["is_treated"]]
    whole = launched[launched["is_complete"]]
    n_eligible, n_told = int(own["n_eligible"].sum()), int(own["n_told"].sum())
    near = (every["started_on"] - one.started_on).dt.days.abs() < window_days
    return {
        "campaign": one.campaign,
        "strategy": one.strategy if isinstance(one.strategy, str) else None,
        "is_goal_tied": _goal_tied(one),
        "started_on": one.started_on,
        "ended_on": one.ended_on,
        "budget": float("nan") if pd.isna(one.budget) else float(one.budget),
        "currency": one.currency if isinstance(one.currency, str) else "",
        "n_units": len(own),
        "n_launched": len(launched),
        "n_waves": launched["launched_on"].nunique(),
        "is_randomised": bool(len(own)) and bool(own["is_randomised"].all()),
        "n_eligible": n_eligible,
        "n_there": int(launched["n_eligible"].sum()),
        "n_told": n_told,
        "has_touches": n_told > 0,
        "breadth": _breadth(n_told or int(launched["n_eligible"].sum()), n_eligible),
        "n_waiting": int(whole["n_waiting"].sum()),
        "n_reached": int(whole["n_reached"].sum()),
        "is_complete": len(whole) > 0,
        "n_overlapping": int(near.sum()) - 1,
    }


def _goal_tied(one: Any) -> bool | None:
    """Whether it serves a goal of the organisation; not known where nothing is said of it."""
    if one.is_goal_tied in (True, False):
        return bool(one.is_goal_tied)
    return True if isinstance(one.goal_id, str) else None


def _breadth(n: int, n_eligible: int) -> float:
    return n / n_eligible if n_eligible else float("nan")
