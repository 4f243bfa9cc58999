"""What an initiative did, rung by rung: what people said, learned and did, and what came of it.

The rungs of learning, behaviour and result come as frames of one shape: a row for whoever or
whatever was followed, the side of the comparison it was first put on, and what was measured
before that day and since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures import _arms, _outcomes
from ldresearch.measures._measure import measure
from ldresearch.measures._people import first_day
from ldresearch.result import Step
from ldresearch.vocabulary import RatingSource

if TYPE_CHECKING:
    import ibis

_DAY: Final = "datetime64[us]"
_FOLLOWED: Final = {
    "person_key": "int32",
    "cluster": "object",
    "arm": "object",
    "is_randomised": "bool",
    "before": "float64",
    "after": "float64",
}


# What was done ------------------------------------------------------------------------------


@measure(
    grain=("initiative_id",),
    needs=("initiative",),
    columns={
        "initiative_id": "object",
        "started_on": _DAY,
        "ended_on": _DAY,
        "budget": "float64",
        "currency": "object",
        "n_touched": "int64",
        "n_treated": "int64",
        "n_control": "int64",
        "n_clusters": "int64",
        "is_randomised": "bool",
    },
)
def conduct(log: EventLog, *, initiative: str = "", since: str = "") -> pd.DataFrame:
    """Say what was done: when, for how many people, against whom, for how much.

    Parameters
    ----------
    log : EventLog
    initiative : str
        Which one; empty: the one that started last.
    since : str
        Its first day by the plan. Then an initiative that is not in the table is no error: it was
        planned, and nothing is recorded of it.

    Returns
    -------
    pandas.DataFrame
        One row. People are counted on the side they were first put on, among those employed on
        the first day; ``n_clusters`` is how many people or units were allocated. ``ended_on`` is
        missing while it runs. Without a table of arms nobody is on a side.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tables = {"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "initiative": '''
    ...     initiative_id | started_on | budget | currency
    ...     sprint        | 2024-02-01 | 500    | EUR
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     sprint        | person    | ada     | launch   | 2024-02-01  | true
    ...     sprint        | person    | ben     | hold-out | 2024-02-01  | true
    ... '''}
    >>> found = conduct(log(tables, as_of="2024-06-01"))
    >>> found[["initiative_id", "budget", "n_treated", "n_control"]].values.tolist()
    [['sprint', 500.0, 1, 1]]
    """
    table = log.table("initiative")
    if since and initiative and not (table.initiative_id == initiative).any().execute():
        return pd.DataFrame(columns=list(conduct.columns))
    row = _arms.known(log, initiative)
    begun = _arms.launch(log, str(row["initiative_id"]), since)
    if begun is None:
        return pd.DataFrame(columns=list(conduct.columns))
    sides = _arms.sides(log, begun)
    counted = sides.filter(sides.arm != "")
    people = log.collect(
        counted.group_by("arm").agg(
            n=counted.count(),
            n_clusters=counted.cluster.nunique(),
            is_randomised=counted.is_randomised.all(),
        )
    ).set_index("arm")
    touched = log.table("touch")
    touched = touched.filter(touched.initiative_id == begun.initiative_id)
    ended = pd.to_datetime(row["ended_on"])
    # An end that lies ahead is a plan, not yet a fact.
    is_over = not pd.isna(ended) and ended.date() < log.as_of
    found = {
        **row,
        "ended_on": ended if is_over else pd.NaT,
        "n_touched": int(touched.person_key.nunique().execute() or 0),
        "n_treated": int(people["n"].get(_arms.TREATED_SIDE, 0)),
        "n_control": int(people["n"].get(_arms.CONTROL_SIDE, 0)),
        "n_clusters": int(people["n_clusters"].sum()),
        "is_randomised": bool(len(people)) and bool(people["is_randomised"].all()),
    }
    return pd.DataFrame([found])


# Rung 1: what they said ---------------------------------------------------------------------


@measure(
    grain=("instrument", "item"),
    needs=("survey_answer",),
    columns={
        "instrument": "object",
        "item": "object",
        "mean": "float64",
        "sd": "float64",
        "n": "int64",
    },
)
def reaction(
    log: EventLog, *, initiative: str = "", since: str = "", instrument: str = ""
) -> pd.DataFrame:
    """Average what people answered since the launch, item by item.

    Only answers that are numbers count. Whoever did not answer may think otherwise.

    Parameters
    ----------
    log : EventLog
    initiative, since : str
        The initiative (empty: the last), and its first day where no table says it.
    instrument : str
        Only this questionnaire; empty: every one.

    Returns
    -------
    pandas.DataFrame
        Mean and standard deviation of the answers, on the scale they were given on; ``n`` is
        responses, each of one person.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"survey_answer": '''
    ...     response_id | token | instrument | item   | value | answered_at
    ...     r1          | t1    | pulse      | useful | 4     | 2024-02-10
    ...     r2          | t2    | pulse      | useful | 2     | 2024-02-11
    ...     r3          | t3    | pulse      | useful | often | 2024-02-11
    ...     r4          | t4    | pulse      | useful | 5     | 2024-01-11
    ... '''}, as_of="2024-06-01")
    >>> reaction(tiny, since="2024-02-01")[["item", "mean", "n"]].values.tolist()
    [['useful', 3.0, 2]]
    """
    answer = log.table("survey_answer")
    begun = _arms.launch(log, initiative, since)
    if begun is not None:
        import ibis

        day = ibis.literal(begun.started_on, type="date")
        answer = answer.filter(log.day(answer.answered_at) >= day)
    if instrument:
        answer = answer.filter(answer.instrument == instrument)
    scored = answer.mutate(score=answer.value.try_cast("float64"))
    scored = scored.filter(scored.score.notnull() & ~scored.score.isnan() & ~scored.score.isinf())
    return log.collect(
        scored.group_by("instrument", "item").agg(
            mean=scored.score.mean(),
            sd=scored.score.std(how="sample"),
            n=scored.response_id.nunique(),
        )
    )


# Rung 2: what they learned ------------------------------------------------------------------


@measure(grain=("person_key",), needs=("person", "skill_rating"), columns=_FOLLOWED)
def learning(log: EventLog, *, initiative: str = "", since: str = "") -> pd.DataFrame:
    """Compare each person's skill ratings since the launch with those before it.

    Of each skill and kind of rater the last rating before and the last one since,
    averaged over what was rated both times. What people say of themselves is left out: they know
    what they were meant to learn.

    Parameters
    ----------
    log : EventLog
    initiative, since : str
        As in :func:`reaction`.

    Returns
    -------
    pandas.DataFrame
        One row a person employed at the launch and rated both times: ``cluster``, ``arm``
        (``treated``, ``control``, or empty where nothing was compared), and mean levels of 0 to 1
        ``before`` and ``after``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tables = {"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "initiative": '''
    ...     initiative_id | started_on | budget | currency
    ...     sprint        | 2024-02-01 | 500    | EUR
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     sprint        | person    | ada     | launch   | 2024-02-01  | true
    ...     sprint        | person    | ben     | hold-out | 2024-02-01  | true
    ... '''}
    >>> tables["skill_scale"] = '''
    ...     scale_id | minimum | maximum
    ...     five     | 1       | 5
    ... '''
    >>> tables["skill_rating"] = '''
    ...     person_id | skill_id | rated_at   | source  | raw | scale_id
    ...     ada       | sql      | 2024-01-05 | manager | 2   | five
    ...     ada       | sql      | 2024-03-05 | manager | 4   | five
    ...     ada       | sql      | 2024-03-05 | self    | 5   | five
    ...     ben       | sql      | 2024-01-05 | manager | 3   | five
    ... '''
    >>> learning(log(tables, as_of="2024-06-01"))[["arm", "before", "after"]].values.tolist()
    [['treated', 0.25, 0.75]]
    """
    begun = _arms.launch(log, initiative, since)
    if begun is None:
        return _no_launch(_FOLLOWED)
    sides = _arms.sides(log, begun)
    rated = log.table("skill_rating")
    rated = rated.filter((rated.source != RatingSource.SELF.value) & rated.level.notnull())
    joined = rated.inner_join(sides, "person_key")
    is_after = log.day(joined.rated_at) >= joined.start_on
    pairs = joined.group_by("person_key", "skill_id", "source").agg(
        before=joined.level.argmax(joined.rated_at, where=~is_after),
        after=joined.level.argmax(joined.rated_at, where=is_after),
    )
    both = pairs.filter(pairs.before.notnull() & pairs.after.notnull())
    means = both.group_by("person_key").agg(before=both.before.mean(), after=both.after.mean())
    return log.collect(sides.inner_join(means, "person_key"))


# Rung 3: what they did ----------------------------------------------------------------------


@measure(
    grain=("metric", "person_key"),
    needs=("person", "event"),
    columns={"metric": "object", **_FOLLOWED},
)
def behaviour(
    log: EventLog,
    *,
    initiative: str = "",
    since: str = "",
    metrics: Sequence[str] = ("value_reach",),
    verbs: str | tuple[str, ...] = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    window_days: int = 60,
) -> pd.DataFrame:
    """Measure what each person did in her window, and in as many days before it.

    Parameters
    ----------
    log : EventLog
    initiative, since : str
        As in :func:`reaction`.
    metrics : sequence of str
        Metrics that are followed person by person.
    verbs, assigned, min_minutes
        What counts as value; see the definitions.
    window_days : int
        Days from the day a person was put on her side, that day included.

    Returns
    -------
    pandas.DataFrame
        One row a metric and person whose window is over: the metric in it (``after``) and in the
        window before (``before``; missing where the log does not reach so far back).
        ``attrs["n_open"]``: people whose window is not over; ``attrs["steps"]``: the attrition.

    Raises
    ------
    ParameterError
        For a metric that is not followed person by person.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tables = {"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "initiative": '''
    ...     initiative_id | started_on | budget | currency
    ...     sprint        | 2024-02-01 | 500    | EUR
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     sprint        | person    | ada     | launch   | 2024-02-01  | true
    ...     sprint        | person    | ben     | hold-out | 2024-02-01  | true
    ... '''}
    >>> tables["event"] = '''
    ...     person_id | occurred_at | verb
    ...     ben       | 2023-11-01  | view
    ...     ben       | 2024-01-10  | complete
    ...     ada       | 2024-02-10  | complete
    ... '''
    >>> found = behaviour(log(tables, as_of="2024-06-01")).sort_values("arm")
    >>> found[["metric", "arm", "before", "after"]].values.tolist()
    [['value_reach', 'control', 1.0, 0.0], ['value_reach', 'treated', 0.0, 1.0]]
    """
    for metric in metrics:
        if metric not in _outcomes.METRICS:
            raise ParameterError(
                message("this metric is not followed person by person", where="metric",
                        got=metric, do=did_you_mean(metric, _outcomes.METRICS))
            )  # fmt: skip
    begun = _arms.launch(log, initiative, since)
    if begun is None:
        return _no_launch({"metric": "object", **_FOLLOWED})
    import ibis

    sides = _arms.sides(log, begun)
    window: dict[str, Any] = {
        "window_days": window_days, "verbs": verbs, "assigned": assigned,
        "min_minutes": min_minutes,
    }  # fmt: skip
    names = list(dict.fromkeys(metrics))
    now = _outcomes.outcomes(log, sides, **window)
    over = log.collect(
        now.filter(now.is_complete).select(
            "person_key", "cluster", "arm", "is_randomised", "start_on", *names
        )
    )
    back = sides.mutate(start_on=(sides.start_on - ibis.interval(days=window_days)).cast("date"))
    was = log.collect(_outcomes.outcomes(log, back, **window).select("person_key", *names))
    both = over.merge(was, on="person_key", suffixes=("", "_before"))
    begins = first_day(log)
    reach = pd.Timestamp(begins or log.as_of) + pd.Timedelta(days=window_days)
    is_seen = pd.to_datetime(both["start_on"]) >= reach
    parts = [
        both.assign(
            metric=name,
            after=both[name].astype("float64"),
            before=both[f"{name}_before"].astype("float64").where(is_seen),
        )
        for name in names
    ]
    frame = pd.concat(parts, ignore_index=True)
    counted = log.collect(sides.aggregate(n=sides.count(), sided=(sides.arm != "").sum())).iloc[0]
    n_followed, has_sides = int(counted["n"]), bool(counted["sided"] > 0)
    frame.attrs["n_open"] = n_followed - len(over)
    frame.attrs["steps"] = (
        Step("put on a side of the comparison" if has_sides else "employed at the launch",
             n_followed, n_followed),
        Step("followed for the whole window", len(over), len(over)),
    )  # fmt: skip
    return frame


# Rung 4: what came of it --------------------------------------------------------------------


@measure(
    grain=("entity",),
    needs=("outcome",),
    columns={
        "entity": "int64",
        "cluster": "object",
        "arm": "object",
        "is_randomised": "bool",
        "before": "float64",
        "after": "float64",
        "n_before": "int64",
        "n_after": "int64",
        "n": "int64",
        "metric_id": "object",
        "measured_in": "object",
        "days": "float64",
    },
)
def result(
    log: EventLog,
    *,
    initiative: str = "",
    since: str = "",
    metric: str = "",
    lag_days: int = 0,
) -> pd.DataFrame:
    """Compare a result of the work since the launch with what it was before, one by one.

    Parameters
    ----------
    log : EventLog
    initiative, since : str
        As in :func:`reaction`.
    metric : str
        ``metric_id`` of the outcome table; empty: the one told of most, then the first by name.
    lag_days : int
        Days in which no effect can have come yet; periods that begin in them are left out.

    Returns
    -------
    pandas.DataFrame
        One row for each person or unit with whole periods before and since: their means and
        numbers, ``n`` people behind it at the launch, and its side. A period counts as since if
        it begins after the day the person or unit was put on its side, as before if it ends
        before that day. ``days`` is the usual length of a period.

    Raises
    ------
    ParameterError
        For a metric that is not in the outcome table.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tables = {"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "initiative": '''
    ...     initiative_id | started_on | budget | currency
    ...     sprint        | 2024-02-01 | 500    | EUR
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     sprint        | person    | ada     | launch   | 2024-02-01  | true
    ...     sprint        | person    | ben     | hold-out | 2024-02-01  | true
    ... '''}
    >>> tables["outcome"] = '''
    ...     entity_kind | entity_id | metric_id | period_start_on | period_end_on | value | unit
    ...     person      | ada       | cases     | 2024-01-01      | 2024-01-31    | 12    | cases
    ...     person      | ada       | cases     | 2024-02-01      | 2024-02-29    | 90    | cases
    ...     person      | ada       | cases     | 2024-03-01      | 2024-03-31    | 15    | cases
    ... '''
    >>> result(log(tables, as_of="2024-06-01"))[["arm", "before", "after"]].values.tolist()
    [['treated', 12.0, 15.0]]
    """
    begun = _arms.launch(log, initiative, since)
    if begun is None:
        return _no_launch(result.columns)
    chosen = _chosen(log, metric)
    table = log.table("outcome")
    table = table.filter(table.metric_id == chosen)
    sides = _arms.sides(log, begun)
    parts = [_means(log, _by_person(log, table, sides), lag_days)]
    units = _by_unit(log, table, sides, begun)
    parts += [_means(log, units, lag_days)] if units is not None else []
    frame = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    frame = frame.sort_values(["cluster", "before", "after"], kind="stable", ignore_index=True)
    return frame.assign(entity=frame.index, metric_id=chosen)


def _chosen(log: EventLog, metric: str) -> str:
    table = log.table("outcome")
    counts = log.collect(table.group_by("metric_id").agg(n=table.count()))
    names = counts.sort_values(["n", "metric_id"], ascending=[False, True])["metric_id"].tolist()
    if metric and metric not in names:
        raise ParameterError(
            message("no such result in the outcome table", where="outcome", got=metric,
                    do=did_you_mean(metric, names))
        )  # fmt: skip
    return metric or str(names[0])


def _by_person(log: EventLog, table: ibis.Table, sides: ibis.Table) -> ibis.Table:
    identity = log.table("identity")
    own = table.filter(table.entity_kind == "person")
    named = own.inner_join(identity, own.entity_id == identity.person_id)
    return named.inner_join(sides, "person_key").mutate(n=1)


def _by_unit(
    log: EventLog, table: ibis.Table, sides: ibis.Table, begun: _arms.Launch
) -> ibis.Table | None:
    """Give each unit its people at the launch and their side; one with both sides has none."""
    import ibis

    own = table.filter(table.entity_kind == "unit")
    if not int(own.count().execute()):
        return None
    person = _arms.employed(log, begun.started_on)
    placed = person.select("person_key", step=person.unit_path.unnest()).distinct()
    joined = placed.inner_join(sides, "person_key")
    units = joined.group_by("step").agg(
        n=joined.person_key.nunique(),
        n_sides=joined.arm.nunique(),
        arm=joined.arm.max(),
        is_randomised=joined.is_randomised.all(),
        start_on=joined.start_on.min(),
    )
    is_one = units.n_sides == 1
    units = units.mutate(
        arm=ibis.ifelse(is_one, units.arm, ""), is_randomised=units.is_randomised & is_one
    ).drop("n_sides")
    return own.inner_join(units, own.entity_id == units.step).mutate(cluster=own.entity_id)


def _means(log: EventLog, joined: ibis.Table, lag_days: int) -> pd.DataFrame:
    import ibis

    begins = (joined.start_on + ibis.interval(days=lag_days)).cast("date")
    is_before = joined.period_end_on < joined.start_on
    is_after = (joined.period_start_on > joined.start_on) & (joined.period_start_on >= begins)
    length = joined.period_end_on.delta(joined.period_start_on, unit="day") + 1
    found = joined.group_by("entity_kind", "entity_id").agg(
        before=joined.value.mean(where=is_before),
        after=joined.value.mean(where=is_after),
        n_before=is_before.cast("int64").sum(),
        n_after=is_after.cast("int64").sum(),
        cluster=joined.cluster.max(),
        arm=joined.arm.max(),
        is_randomised=joined.is_randomised.all(),
        n=joined.n.max(),
        measured_in=joined.unit.max(),
        days=length.median(),
    )
    return log.collect(found.filter(found.before.notnull() & found.after.notnull()))


def _no_launch(columns: dict[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(columns=list(columns))
    frame.attrs["missing"] = "nothing says when the initiative began: name its first day in `since`"
    return frame
