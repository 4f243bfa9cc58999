"""What is known before a launch of everything that a plan could follow.

Nothing from the launch on is read, whatever the as-of date: a baseline is what was there before.
Without a plan the same is measured with the usual settings, so that one can be written.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._outcomes import GAVE_UP, METRICS, outcomes, starting
from ldresearch.measures._people import UNKNOWN, attributes, eligible, first_day
from ldresearch.measures._value import value_days
from ldresearch.plan import Plan, ValueEvent
from ldresearch.result import Step

if TYPE_CHECKING:
    import ibis

USUAL: Final = ValueEvent(("complete", "pass"), 0, "self_started", 60)
"""What counts as value where no plan says so."""

CLUSTERS: Final = ("unit", "team", "manager", "location", "role")
"""What an initiative could be rolled out by: ``team`` is the last step of the unit path,
``manager`` whoever has the same one. Names of managers are pseudonyms and are never published."""

WEEK: Final = 7
LONGEST_WEEKS: Final = 52
PANEL_WEEKS: Final = 26
_MINUTES: Final = ("learning_minutes", "assigned_minutes")
_ELIGIBLE: Final = ("eligible_from_on", "eligible_to_on")
_BEFORE: Final = "_before"
_LATE: Final = 0.95
_SAME_WEEKLY: Final = {"value_reach_days": "value_reach", "active_weeks": "value_reach"}


def until(log: EventLog, plan: Plan | None) -> date:
    """Return the first day that a baseline does not read: the launch, or the as-of date.

    Parameters
    ----------
    log : EventLog
    plan : Plan or None

    Returns
    -------
    datetime.date
        The earlier of the two.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2025-01-02  | view
    ... '''}, as_of="2025-06-02")
    >>> str(until(tiny, parse(template()))), str(until(tiny, None))
    ('2025-03-03', '2025-06-02')
    """
    return min(log.as_of, plan.launch_on) if plan else log.as_of


def _value(plan: Plan | None) -> ValueEvent:
    return plan.value_event if plan else USUAL


def _before_launch(log: EventLog, plan: Plan | None) -> EventLog | None:
    """Return the log as of the launch, for the plan's population; ``None``: nobody is in it."""
    known = log.before(until(log, plan))
    wanted = plan.population if plan else {}
    if not known.has("person"):
        return known
    try:
        return known.where(**wanted)
    except ParameterError:
        return None


def _nobody(frame: pd.DataFrame, reason: str) -> pd.DataFrame:
    frame.attrs["missing"] = reason
    return frame


# Everyone, once before the launch ------------------------------------------------------------


@measure(
    grain=("person_key",),
    needs=("person", "event"),
    columns={
        "person_key": "int32",
        **dict.fromkeys(CLUSTERS, "object"),
        **dict.fromkeys(METRICS, "float64"),
        **{m + _BEFORE: "float64" for m in METRICS},
    },
)
def baseline(log: EventLog, plan: Plan | None = None) -> pd.DataFrame:
    """Measure everyone over the last whole window before the launch, and over the one before it.

    Parameters
    ----------
    log : EventLog
    plan : Plan, optional
        Population, value event and window; the usual ones without.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``, those eligible on the first day of the last window: what they could
        be rolled out by, each metric, and as ``<metric>_before`` the same over the window before
        (missing where the log does not reach so far back). ``attrs``: ``first_on``, ``until_on``,
        ``steps``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2023-01-01    | 2023-01-01 | all/sales
    ...     ben       | 2023-01-01    | 2023-01-01 | all/lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ben       | 2024-01-01  | view
    ...     ada       | 2024-01-15  | complete
    ...     ben       | 2024-04-15  | complete
    ... '''}, as_of="2024-05-01")
    >>> found = baseline(tiny).sort_values("unit")
    >>> found.attrs["first_on"], found.attrs["until_on"]
    ('2024-03-02', '2024-05-01')
    >>> found[["unit", "value_reach_before", "value_reach"]].values.tolist()
    [['lab', 0.0, 1.0], ['sales', 1.0, 0.0]]
    """
    empty = pd.DataFrame(columns=list(baseline.columns))
    known = _before_launch(log, plan)
    if known is None or not known.has("activity_day"):
        return _nobody(empty, "nobody of the plan's population is known before the launch")
    value, end = _value(plan), known.as_of
    first = end - timedelta(days=value.window_days)
    begins = first_day(known)
    if begins is None or begins > first:
        return _nobody(
            empty,
            f"the log has less than one whole window ({value.window_days} days) before {end}",
        )
    people = starting(known, first)
    settings: dict[str, Any] = {
        "window_days": value.window_days, "verbs": value.verbs, "assigned": value.assigned,
        "min_minutes": value.min_minutes,
    }  # fmt: skip
    now = _frame(known, outcomes(known, _starts(people, first), **settings))
    earlier = first - timedelta(days=value.window_days)
    if begins <= earlier:
        before = _frame(known, outcomes(known, _starts(people, earlier), **settings))
        now = now.merge(before[["person_key", *METRICS]], on="person_key", how="left",
                        suffixes=("", _BEFORE))  # fmt: skip
    for names in _named(known):
        now = now.merge(known.collect(names), on="person_key", how="left")
    frame = now.reindex(columns=list(baseline.columns))
    for name in CLUSTERS:
        frame[name] = frame[name].fillna(UNKNOWN)
    frame.attrs = {
        "first_on": first.isoformat(), "until_on": end.isoformat(),
        "steps": (*known.attrition[len(log.attrition) :],
                  Step(f"eligible on {first}, the first day of the last window", len(frame),
                       len(frame))),
    }  # fmt: skip
    return frame


def _named(log: EventLog) -> tuple[ibis.Table, ibis.Table]:
    """Return what people could be rolled out by, as two tables of names, one row a person.

    Names are never carried through a join of the engine: numbers are, and names added after it.
    """
    import ibis

    person = log.persons()
    length = person.unit_path.length()
    team = ibis.ifelse(length > 0, person.unit_path[length - 1], ibis.null("string"))
    own = person.select("person_key", team=team, manager=person.manager_id)
    return own, attributes(log).select("person_key", "unit", "location", "role")


def _starts(people: ibis.Table, day: date) -> ibis.Table:
    import ibis

    return people.select("person_key", start_on=ibis.literal(day, type="date"))


def _frame(log: EventLog, table: ibis.Table) -> pd.DataFrame:
    return log.collect(table).sort_values("person_key", kind="stable", ignore_index=True)


# How much a metric moves by itself -----------------------------------------------------------


@measure(
    grain=("metric", "week_on"),
    needs=("person", "event"),
    columns={"metric": "object", "week_on": "datetime64[us]", "value": "float64", "n": "int64"},
)
def weeks(log: EventLog, plan: Plan | None = None) -> pd.DataFrame:
    """Measure each complete week before the launch, a year of them at most.

    A week's share or mean is over everyone eligible on its Monday. ``return_share`` is the share
    with value in the week and in the week before it; a metric that only a longer window has
    (``value_reach_days``, ``active_weeks``) follows ``value_reach``.

    Parameters
    ----------
    log : EventLog
    plan : Plan, optional
        Population and value event; the usual ones without.

    Returns
    -------
    pandas.DataFrame
        Grain ``metric, week_on``; ``value``, ``n`` people eligible.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2023-01-01    | 2023-01-01 | all/sales
    ...     ben       | 2023-01-01    | 2023-01-01 | all/lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-08  | complete
    ...     ben       | 2024-01-09  | complete
    ... '''}, as_of="2024-01-15")
    >>> found = weeks(tiny).set_index("metric")
    >>> found.loc["value_reach", ["value", "n"]].values.tolist()
    [[0.5, 2.0], [1.0, 2.0]]
    >>> float(found.loc["return_share", "value"])
    0.5
    """
    import numpy as np

    empty = pd.DataFrame(columns=list(weeks.columns))
    known = _before_launch(log, plan)
    if known is None or not known.has("activity_day"):
        return _nobody(empty, "nobody of the plan's population is known before the launch")
    mondays = _mondays(known)
    if len(mondays) < 2:
        return _nobody(empty, "the log has fewer than two complete weeks before the launch")
    people = eligible(known)
    sums = _weekly_sums(known, _value(plan), people).set_index("week_on")
    sums.index = pd.to_datetime(sums.index)
    staff = _staff(known.collect(people.select(*_ELIGIBLE)), mondays)
    found = sums.astype(float).reindex(mondays).fillna(0.0)
    n = staff.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [
            pd.DataFrame({
                "metric": name, "week_on": mondays, "n": staff,
                "value": found[_SAME_WEEKLY.get(name, name)].to_numpy(dtype=float) / n,
            })
            for name in METRICS
        ]  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    # The week before the first is not known, so nobody can be said to have come back.
    unknown = (frame["metric"] == "return_share") & (frame["week_on"] == mondays[0])
    return frame[(frame["n"] > 0) & ~unknown].reset_index(drop=True)


def _mondays(log: EventLog) -> pd.DatetimeIndex:
    """Mondays of the complete weeks of the log, the last year of them at most."""
    begins = first_day(log)
    if begins is None:
        return pd.DatetimeIndex([])
    first = begins + timedelta(days=-begins.weekday() % WEEK)
    last = log.as_of - timedelta(days=log.as_of.weekday() + WEEK)
    first = max(first, last - timedelta(days=WEEK * (LONGEST_WEEKS - 1)))
    return pd.date_range(first, last, freq=f"{WEEK}D")


def _weekly_sums(log: EventLog, value: ValueEvent, people: ibis.Table, *keys: str) -> pd.DataFrame:
    """Sum each metric over the eligible by week (and keys): one row where there was activity."""
    import ibis

    own_people = people.select("person_key", *_ELIGIBLE, *keys)
    by = ["week_on", *keys]

    def eligible_days(days: ibis.Table) -> ibis.Table:
        joined = days.mutate(week_on=days.day_on.truncate("W")).inner_join(own_people, "person_key")
        monday = joined.week_on
        is_still = joined.eligible_to_on.isnull() | (joined.eligible_to_on > monday)
        return joined.filter((joined.eligible_from_on <= monday) & is_still)

    own = eligible_days(value_days(log, value.verbs, value.assigned, value.min_minutes))
    each = own.group_by([*by, "person_key"]).agg(days=own.count())
    week = each.week_on
    last = week.lag().over(ibis.window(group_by=each.person_key, order_by=week))
    each = each.mutate(is_back=week.delta(last, unit="day") == WEEK)
    of_value = each.group_by(by).agg(
        value_reach=each.count(), value_days=each.days.sum(),
        return_share=each.is_back.fill_null(False).cast("int64").sum(),
    )  # fmt: skip
    every = eligible_days(log.table("activity_day"))
    minutes = every.duration_s.fill_null(0) / 60
    counts = ibis.literal(True) if value.assigned == "all" else (
        every.is_assigned == (value.assigned == "assigned"))  # fmt: skip
    gave_up = every.verb.isin(GAVE_UP)
    of_all = every.group_by(by).agg(
        learning_minutes=minutes.sum(where=counts),
        assigned_minutes=minutes.sum(where=every.is_assigned),
        gave_up_share=every.person_key.nunique(where=gave_up),
    )
    both = of_all.left_join(of_value, by).drop(*(f"{name}_right" for name in by))
    return log.collect(both).sort_values(by, ignore_index=True)


def _staff(people: pd.DataFrame, mondays: pd.DatetimeIndex) -> Any:
    """Count the people eligible on each Monday."""
    import numpy as np

    def days(column: pd.Series[Any]) -> Any:
        return np.sort(pd.to_datetime(column.dropna()).to_numpy("datetime64[D]"))

    began = people[people["eligible_from_on"].notna()]
    at = mondays.to_numpy().astype("datetime64[D]")
    came = np.searchsorted(days(began["eligible_from_on"]), at, side="right")
    return came - np.searchsorted(days(began["eligible_to_on"]), at, side="right")


# What a roll-out could be tried on -----------------------------------------------------------


@measure(
    grain=("unit", "week"),
    needs=("person", "event"),
    columns={"unit": "object", "week": "datetime64[us]", "value": "float64", "weight": "int64"},
)
def panel(log: EventLog, plan: Plan | None = None, *, by: str = "unit") -> pd.DataFrame:
    """Measure the primary metric by week and by what could be rolled out, half a year at most.

    Parameters
    ----------
    log : EventLog
    plan : Plan, optional
    by : str
        One of :data:`CLUSTERS`. People without one are left out.

    Returns
    -------
    pandas.DataFrame
        Grain ``unit, week`` (its Monday); ``value``, the mean over the ``weight`` people eligible
        then, of the metric within the week.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2023-01-01    | 2023-01-01 | all/sales
    ...     ben       | 2023-01-01    | 2023-01-01 | all/lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     ada       | 2024-01-08  | complete
    ...     ben       | 2024-01-09  | complete
    ... '''}, as_of="2024-01-15")
    >>> panel(tiny)[["unit", "value", "weight"]].values.tolist()
    [['lab', 0.0, 1], ['lab', 1.0, 1], ['sales', 1.0, 1], ['sales', 1.0, 1]]
    """
    if by not in CLUSTERS:
        raise ParameterError(
            message("nothing is rolled out by this", where="by", got=by,
                    do=did_you_mean(by, CLUSTERS))
        )  # fmt: skip
    empty = pd.DataFrame(columns=list(panel.columns))
    known = _before_launch(log, plan)
    if known is None or not known.has("activity_day"):
        return _nobody(empty, "nobody of the plan's population is known before the launch")
    mondays = _mondays(known)[-PANEL_WEEKS:]
    if len(mondays) < 2:
        return _nobody(empty, "the log has fewer than two complete weeks before the launch")
    metric = plan.metric if plan else METRICS[0]
    metric = _SAME_WEEKLY.get(metric, metric)
    coded = _coded(known, by)
    people = (
        eligible(known)
        .select("person_key", *_ELIGIBLE)
        .inner_join(coded.select("person_key", "code"), "person_key")
    )
    sums = _weekly_sums(known, _value(plan), people, "code")
    sums = sums.assign(week_on=pd.to_datetime(sums["week_on"])).set_index(["code", "week_on"])
    names = known.collect(coded.select("code", "name").distinct()).set_index("code")["name"]
    parts = []
    for code, own in known.collect(people).groupby("code", sort=True):
        parts.append(pd.DataFrame({"code": code, "week": mondays, "weight": _staff(own, mondays)}))
    if not parts:
        return _nobody(empty, "nobody has what it would be rolled out by")
    frame = pd.concat(parts, ignore_index=True)
    frame["unit"] = frame["code"].map(names)
    keys = pd.MultiIndex.from_frame(frame[["code", "week"]])
    totals = sums[metric].astype(float).reindex(keys).fillna(0.0).to_numpy()
    frame["value"] = totals / frame["weight"].where(frame["weight"] > 0)
    return frame[frame["weight"] > 0]


def _coded(log: EventLog, by: str) -> ibis.Table:
    """One row a person who has one: the name of her group, and a number for it."""
    import ibis

    table = next(table for table in _named(log) if by in table.columns)
    named = table.select("person_key", name=table[by])
    named = named.filter(named.name.notnull() & (named.name != UNKNOWN))
    return named.mutate(code=ibis.dense_rank().over(ibis.window(order_by=named.name)).cast("int32"))


# Whether it is known, and when ---------------------------------------------------------------


@measure(
    grain=("metric",),
    needs=("event",),
    columns={"metric": "object", "n_missing": "int64", "n_rows": "int64", "lag_days": "float64"},
)
def records(log: EventLog, plan: Plan | None = None) -> pd.DataFrame:
    """Count the activity that each metric cannot use, and how late activity becomes known.

    Parameters
    ----------
    log : EventLog
    plan : Plan, optional
        Population and value event; the usual ones without.

    Returns
    -------
    pandas.DataFrame
        Grain ``metric``; ``n_missing`` of ``n_rows``: rows of ``activity_day`` without a duration
        for minutes, of people unknown to the HR file for all others. ``lag_days``: the window,
        and the days by which 95 % of activity is recorded.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2023-01-01    | 2023-01-01 | all/sales
    ...     ben       | 2023-01-01    | 2023-01-01 | all/lab
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | complete
    ...     zoe       | 2024-01-08  | complete
    ... '''}, as_of="2024-01-15")
    >>> found = records(tiny).set_index("metric")
    >>> found.loc["value_reach"].tolist()
    [1.0, 2.0, 60.0]
    """
    known = _before_launch(log, plan)
    if known is None or not known.has("activity_day"):
        return _nobody(
            pd.DataFrame(columns=list(records.columns)),
            "nobody of the plan's population is known before the launch",
        )
    days = known.table("activity_day")
    people = known.persons().select("person_key")
    found = known.collect(
        days.aggregate(
            n=days.count(), blank=days.duration_s.isnull().cast("int64").sum(),
            lag=days.recorded_on.delta(days.day_on, unit="day").quantile(_LATE),
        )
    ).iloc[0]  # fmt: skip
    orphans = int(known.collect(days.anti_join(people, "person_key").aggregate(
        n=lambda t: t.count()))["n"].iloc[0])  # fmt: skip
    lag = float(found["lag"]) + _value(plan).window_days
    return pd.DataFrame(
        {
            "metric": METRICS,
            "n_missing": [int(found["blank"]) if m in _MINUTES else orphans for m in METRICS],
            "n_rows": int(found["n"]),
            "lag_days": lag,
        }
    )
