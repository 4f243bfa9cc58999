"""An initiative while it runs, read against its plan: who is in it, what they did, what changed.

Every measure takes where the plan stands. A plan that is missing, edited or not frozen is not
measured by: each frame is then empty and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.log import EventLog
from ldresearch.measures._arms import CONTROL_SIDE, TREATED_SIDE, Launch, employed, sides
from ldresearch.measures._measure import measure
from ldresearch.measures._outcomes import outcomes as followed
from ldresearch.measures._outcomes import starting
from ldresearch.measures._people import UNKNOWN, first_day
from ldresearch.plan import Plan
from ldresearch.plan_ledger import Standing
from ldresearch.result import Step
from ldresearch.wording import date as date_said

if TYPE_CHECKING:
    import ibis

DAY: Final = "datetime64[us]"
LATE_DAYS: Final = 1
"""An event recorded more days than this after it happened is late."""
INVITING_DAYS: Final = 14
"""Whoever was put on a side so many days ago or less shows that invitations go on."""
EDITED, UNFROZEN, ABSENT = "edited", "unfrozen", "absent"

_ATTRIBUTES: Final = ("unit", "level", "role", "country", "location")


def why_not(standing: Standing) -> tuple[str, str]:
    """Say why a plan cannot be judged by: a word and a sentence; both empty where it can.

    Parameters
    ----------
    standing : Standing

    Returns
    -------
    tuple of str
        ``absent``, ``unfrozen``, ``edited`` or nothing; and the sentence.

    Examples
    --------
    >>> why_not(Standing(why="no plan was frozen for this dataset"))
    ('absent', 'no plan was frozen for this dataset')
    """
    if standing.plan is None:
        return ABSENT, standing.why
    if standing.entry is None:
        return UNFROZEN, f"the plan {standing.plan.name} was not frozen before this date"
    if standing.changes:
        told = "; ".join(map(str, standing.changes))
        since = f"frozen on {date_said(standing.entry.frozen_on)}"
        return EDITED, f"the plan {standing.plan.name} was edited since it was {since}: {told}"
    return "", ""


_NOT_KEPT: Final = "nothing is judged without a plan that was frozen and kept"


def _frozen(standing: Standing) -> Plan | None:
    return None if any(why_not(standing)) else standing.plan


def _nothing(columns: Mapping[str, str], why: str) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    frame.attrs["missing"] = why
    return frame


# The plan -----------------------------------------------------------------------------------

_KEPT: Final = {
    "item": "object", "is_kept": "bool", "name": "object", "version": "int64", "hash": "object",
    "frozen_on": "object", "is_late": "bool", "why": "object", "reason": "object",
}  # fmt: skip


@measure(grain=("item",), needs=(), columns=_KEPT)
def plan_check(log: EventLog, *, standing: Standing) -> pd.DataFrame:
    """Hold the plan against the ledger: one row, with what was frozen, when, and what differs.

    Parameters
    ----------
    log : EventLog
    standing : Standing
        Of the plan as of the log's date.

    Returns
    -------
    pandas.DataFrame
        One row: ``is_kept``, whether the plan is what was frozen; ``name, version, hash,
        frozen_on`` of what was; ``is_late``, frozen on the launch day or after it; ``why`` and
        ``reason``, the sentence and the word of :func:`why_not`.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2025-03-04  | view
    ... '''}, as_of="2025-06-02")
    >>> plan_check(tiny, standing=Standing(asked, frozen))["is_kept"].tolist()
    [True]
    >>> plan_check(tiny, standing=Standing(asked))[["is_kept", "reason"]].values.tolist()
    [[False, 'unfrozen']]
    """
    reason, why = why_not(standing)
    entry, plan = standing.entry, standing.plan
    return pd.DataFrame(
        [
            {
                "item": "plan", "is_kept": not reason,
                "name": plan.name if plan else "", "version": entry.version if entry else 0,
                "hash": entry.hash if entry else "",
                "frozen_on": entry.frozen_on.isoformat() if entry else "",
                "is_late": bool(entry and entry.is_late), "why": why, "reason": reason,
            }
        ]
    )  # fmt: skip


# Who is in it -------------------------------------------------------------------------------

_ENROLLED: Final = {
    "person_key": "int32", "cluster": "object", "arm": "object", "is_randomised": "bool",
    "start_on": DAY, "due_on": DAY, "is_due": "bool",
}  # fmt: skip


@measure(grain=("person_key",), needs=("person", "arm"), columns=_ENROLLED)
def enrolled(log: EventLog, *, standing: Standing) -> pd.DataFrame:
    """List who was put on a side of the comparison before the end, and when her window is over.

    People stay on the side that they were first put on.

    Parameters
    ----------
    log : EventLog
    standing : Standing

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``cluster`` (what was allocated), ``arm`` (``treated`` or
        ``control``), ``start_on``, ``due_on`` (first day after the window) and ``is_due``, whether
        the whole window is known. ``attrs["n_eligible"]``: who was eligible at the launch;
        ``attrs["is_inviting"]``: whether invitations go on; ``attrs["steps"]``: the attrition.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring-launch | person    | ada     | launch   | 2025-03-03  | true
    ...     spring-launch | person    | ben     | hold-out | 2025-03-10  | true
    ... '''}, as_of="2025-05-05")
    >>> found = enrolled(tiny, standing=Standing(asked, frozen)).sort_values("start_on")
    >>> asked.value_event.window_days, found[["arm", "is_due"]].values.tolist()
    (60, [['treated', True], ['control', False]])
    """
    plan = _frozen(standing)
    if plan is None:
        return _nothing(_ENROLLED, _NOT_KEPT)
    if log.as_of <= plan.launch_on:
        return _nothing(_ENROLLED, f"the launch on {plan.launch_on} is still to come")
    if not plan.initiative:
        return _nothing(_ENROLLED, "the plan names no initiative of the log")
    people = log.collect(_on_a_side(log, plan))
    if people.empty:
        return _nothing(
            _ENROLLED, f"no arm of the initiative {plan.initiative} is known as of {log.as_of}"
        )
    start = pd.to_datetime(people["start_on"])
    due = start + pd.Timedelta(days=plan.value_event.window_days)
    found = people.assign(due_on=due, is_due=due <= pd.Timestamp(log.as_of))
    n_eligible = int(starting(log, plan.launch_on).count().execute())
    n, n_due = len(found), int(found["is_due"].sum())
    found.attrs["n_eligible"] = n_eligible
    found.attrs["is_inviting"] = bool(
        start.max() >= pd.Timestamp(log.as_of - timedelta(days=INVITING_DAYS))
    )
    found.attrs["steps"] = [
        Step("eligible on the day of the launch", n_eligible, n_eligible),
        Step("on a side of the comparison so far", n, n),
        Step("the window after it is over", n_due, n_due),
    ]
    return found


def _on_a_side(log: EventLog, plan: Plan) -> ibis.Table:
    import ibis

    every = sides(log, Launch(plan.initiative, plan.launch_on))
    begun = every.start_on < ibis.literal(min(log.as_of, plan.end_on), type="date")
    return every.filter(every.arm.isin((TREATED_SIDE, CONTROL_SIDE)) & begun)


# What they did ------------------------------------------------------------------------------

_OUTCOMES: Final = {
    "metric": "object", "person_key": "int32", "cluster": "object", "arm": "object",
    "is_randomised": "bool", "look": "int64", "value": "float64", "before": "float64",
}  # fmt: skip


@measure(grain=("metric", "person_key"), needs=("person", "event"), columns=_OUTCOMES)
def outcomes(log: EventLog, people: pd.DataFrame, *, standing: Standing) -> pd.DataFrame:
    """Measure everyone whose window is over, by the primary metric and by each guardrail.

    Parameters
    ----------
    log : EventLog
    people : pandas.DataFrame
        Of :func:`enrolled`.
    standing : Standing

    Returns
    -------
    pandas.DataFrame
        One row a metric and person. ``value`` in the window, ``before`` in as many days before it
        (missing where the log begins later), ``look``: the week since the launch at whose end the
        window was over; each person enters once.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> standing = Standing(asked, frozen)
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring-launch | person    | ada     | launch   | 2025-03-03  | true
    ...     spring-launch | person    | ben     | hold-out | 2025-03-03  | true
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ben       | 2024-12-02  | view
    ...     ada       | 2025-03-20  | complete
    ... '''}, as_of="2025-06-02")
    >>> found = outcomes(tiny, enrolled(tiny, standing=standing), standing=standing)
    >>> found = found[found["metric"] == asked.metric].sort_values("value")
    >>> found[["arm", "before", "value"]].values.tolist()
    [['control', 0.0, 0.0], ['treated', 0.0, 1.0]]
    """
    import ibis

    plan = _frozen(standing)
    if plan is None or people.empty:
        return _nothing(_OUTCOMES, str(people.attrs.get("missing", "")))
    event, window = plan.value_event, timedelta(days=plan.value_event.window_days)
    asked: dict[str, Any] = {
        "window_days": event.window_days, "verbs": event.verbs, "assigned": event.assigned,
        "min_minutes": event.min_minutes,
    }  # fmt: skip
    names = [plan.metric, *(g.metric for g in plan.guardrails)]
    due = people[people["is_due"]].copy()
    if due.empty:
        first = pd.Timestamp(people["due_on"].min()).date()
        return _nothing(_OUTCOMES, f"nobody's window is over before {first}")
    own = pd.DataFrame({name: due[name].to_numpy() for name in ("person_key", "start_on")})
    starts = ibis.memtable(own)
    starts = starts.mutate(start_on=starts.start_on.date())
    after = log.collect(followed(log, starts, **asked).select("person_key", *names))
    earlier = starts.mutate(start_on=starts.start_on - _days(window))
    before = log.collect(followed(log, earlier, **asked).select("person_key", *names))
    since = (due["due_on"] - pd.Timestamp(plan.launch_on)).dt.days
    due["look"] = (since + 6) // 7
    begins = first_day(log)
    # A log that begins later than a person's window before the launch knows only part of it.
    seen = due["start_on"] - window >= pd.Timestamp(begins or log.as_of)
    wide = due.merge(after, on="person_key").merge(
        before, on="person_key", suffixes=("", "_before")
    )
    parts = [
        wide.assign(metric=name, value=wide[name],
                    before=wide[f"{name}_before"].astype("float64").where(seen.to_numpy()))
        for name in names
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[list(_OUTCOMES)]


def _days(span: timedelta) -> Any:
    import ibis

    return ibis.literal(span.days).as_interval("D")


# What changed meanwhile ---------------------------------------------------------------------


@measure(
    grain=("attribute", "level"),
    needs=("person",),
    columns={"attribute": "object", "level": "object", "n_before": "int64", "n_now": "int64"},
)
def population(log: EventLog, *, standing: Standing) -> pd.DataFrame:
    """Count who was employed on the day of the launch, and who is now, by each attribute.

    Parameters
    ----------
    log : EventLog
    standing : Standing

    Returns
    -------
    pandas.DataFrame
        Grain ``attribute, level``: ``n_before`` people on the day of the launch, ``n_now`` on the
        last day that is known. ``unit`` is the step below the top.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | left_on    | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | -          | all/sales
    ...     ben       | 2024-01-01    | 2024-01-01 | 2025-04-01 | all/sales
    ...     cleo      | 2025-04-01    | 2025-04-01 | -          | all/lab
    ... '''}, as_of="2025-06-02")
    >>> found = population(tiny, standing=Standing(asked, frozen))
    >>> found.loc[found["attribute"] == "unit", ["level", "n_before", "n_now"]].values.tolist()
    [['lab', 0, 1], ['sales', 2, 1]]
    """
    plan = _frozen(standing)
    if plan is None:
        return _nothing(population.columns, _NOT_KEPT)
    if log.as_of <= plan.launch_on:
        return _nothing(population.columns, f"the launch on {plan.launch_on} is still to come")
    then, now = (_counts(log, day) for day in (plan.launch_on, log.as_of - timedelta(days=1)))
    both = then.merge(now, on=["attribute", "level"], how="outer", suffixes=("_before", "_now"))
    return both.fillna({"n_before": 0, "n_now": 0})


def _counts(log: EventLog, day: date) -> pd.DataFrame:
    people = log.collect(employed(log, day))
    unit = [_below_the_top(path) for path in people["unit_path"]]
    named = people.rename(columns={"role_id": "role"}).assign(unit=unit)
    parts = [
        named.groupby(named[name].fillna(UNKNOWN).astype(str)).size().rename("n")
        .rename_axis("level").reset_index().assign(attribute=name)
        for name in _ATTRIBUTES
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _below_the_top(path: Sequence[str] | None) -> str:
    steps = [] if path is None else list(path)
    return steps[1] if len(steps) > 1 else steps[0] if steps else UNKNOWN


@measure(
    grain=("check",),
    needs=("event",),
    columns={
        "check": "object", "n_bad_before": "int64", "n_before": "int64", "n_bad_now": "int64",
        "n_now": "int64", "n_people": "int64",
    },
)  # fmt: skip
def quality(log: EventLog, *, standing: Standing) -> pd.DataFrame:
    """Count faulty events before the launch and since, over as many days each.

    Late: recorded more than a day after it happened. Without content or length: it cannot be told
    what was learned, or for how long.

    Parameters
    ----------
    log : EventLog
    standing : Standing

    Returns
    -------
    pandas.DataFrame
        Grain ``check``: ``n_bad_before`` of ``n_before`` events before the launch, ``n_bad_now`` of
        ``n_now`` since, and ``n_people`` behind those since.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | recorded_at | verb | content_id
    ...     ada       | 2025-02-10  | 2025-02-10  | view | a
    ...     ada       | 2025-03-10  | 2025-03-20  | view | a
    ...     ben       | 2025-03-11  | 2025-03-11  | view | a
    ... '''}, as_of="2025-06-02")
    >>> found = quality(tiny, standing=Standing(asked, frozen)).set_index("check")
    >>> found.loc["recorded late"].tolist()
    [0, 1, 1, 2, 2]
    """
    plan = _frozen(standing)
    if plan is None:
        return _nothing(quality.columns, _NOT_KEPT)
    if log.as_of <= plan.launch_on:
        return _nothing(quality.columns, f"the launch on {plan.launch_on} is still to come")
    import ibis

    event = log.table("event")
    day = log.day(event.occurred_at)
    begins = plan.launch_on - (log.as_of - plan.launch_on)
    event = event.filter(day >= ibis.literal(begins, type="date"))
    is_now = log.day(event.occurred_at) >= ibis.literal(plan.launch_on, type="date")
    faults = {
        "recorded late": log.day(event.recorded_at).delta(log.day(event.occurred_at), unit="day")
        > LATE_DAYS,
        "without content": event.content_id.isnull(),
        "without length": event.duration_s.isnull(),
    }
    sums = {
        "n_before": _times(~is_now), "n_now": _times(is_now),
        "n_people": event.person_key.nunique(where=is_now),
    }  # fmt: skip
    for i, bad in enumerate(faults.values()):
        sums |= {f"b{i}": _times(bad & ~is_now), f"a{i}": _times(bad & is_now)}
    found = log.collect(event.aggregate(**sums)).iloc[0]
    return pd.DataFrame(
        {
            "check": list(faults),
            "n_bad_before": [found[f"b{i}"] for i in range(len(faults))],
            "n_before": found["n_before"],
            "n_bad_now": [found[f"a{i}"] for i in range(len(faults))],
            "n_now": found["n_now"],
            "n_people": found["n_people"],
        }
    )


def _times(is_so: Any) -> Any:
    """How often something is so; 0 where there is no row to look at."""
    import ibis

    return ibis.coalesce(is_so.cast("int64").sum(), 0)


# What was done otherwise than planned -------------------------------------------------------


@measure(
    grain=("deviation",),
    needs=(),
    columns={
        "deviation": "object",
        "count": "int64",
        "of": "int64",
        "n": "int64",
        "detail": "object",
    },
)
def deviations(
    log: EventLog, people: pd.DataFrame, *, standing: Standing, looks: Sequence[date] = ()
) -> pd.DataFrame:
    """List everything in which the roll-out is not what the plan says.

    Parameters
    ----------
    log : EventLog
    people : pandas.DataFrame
        Of :func:`enrolled`.
    standing : Standing
    looks : sequence of datetime.date
        The looks that were held before this date.

    Returns
    -------
    pandas.DataFrame
        One row a kind, also where there is nothing to tell (``count`` 0): how many, out of how
        many, how many people are behind ``count``, and dates or keys where there are some.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Entry
    >>> from ldresearch.worlds.tables import log
    >>> asked = parse(template())
    >>> frozen = Entry(asked.name, 1, asked.hash, date(2025, 2, 3), "", False, (), asked)
    >>> standing = Standing(asked, frozen)
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2024-01-01    | 2024-01-01
    ...     ben       | 2024-01-01    | 2024-01-01
    ... ''', "arm": '''
    ...     initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     spring-launch | person    | ada     | launch   | 2025-03-03  | true
    ...     spring-launch | person    | ben     | hold-out | 2025-03-03  | true
    ...     spring-launch | person    | ben     | launch   | 2025-03-17  | true
    ... '''}, as_of="2025-06-09")
    >>> people = enrolled(tiny, standing=standing)
    >>> found = deviations(tiny, people, standing=standing, looks=[date(2025, 4, 7)])
    >>> found.loc[found["count"] > 0, ["deviation", "count", "of", "detail"]].values.tolist()
    [['arms_switched', 1, 2, ''], ['looks_missed', 1, 2, '2025-06-02']]
    """
    plan, entry = _frozen(standing), standing.entry
    if plan is None or entry is None:
        return _nothing(deviations.columns, _NOT_KEPT)
    missed = [day for day in plan.looks_on if day < log.as_of and day not in set(looks)]
    past = sum(day < log.as_of for day in plan.looks_on)
    amended = entry.version > 1 and entry.frozen_on >= plan.launch_on
    rows: list[_Row] = [
        ("frozen_late", int(entry.is_late and not amended), 1, 0, ""),
        ("amended", int(amended), 1, 0, "; ".join(entry.changes)),
        ("looks_missed", len(missed), past, 0, ", ".join(map(str, missed))),
        *_launch_moved(log, plan),
    ]
    if log.as_of > plan.launch_on and log.has("arm"):
        rows += _of_the_arms(log, plan, people)
    if log.as_of > plan.launch_on and log.has("event"):
        rows.append(_late_data(log, plan))
    return pd.DataFrame(rows, columns=list(deviations.columns))


_Row = tuple[str, int, int, int, str]
"""What, how many, out of how many, of how many people, and words."""


def _launch_moved(log: EventLog, plan: Plan) -> list[_Row]:
    if not log.has("initiative"):
        return []
    table = log.table("initiative")
    found = log.collect(table.filter(table.initiative_id == plan.initiative))
    began = pd.to_datetime(found["started_on"]).dt.date.astype(str)
    other = began[began != plan.launch_on.isoformat()]
    return [("launch_moved", len(other), len(found), 0, ", ".join(other))]


def _of_the_arms(log: EventLog, plan: Plan, placed: pd.DataFrame) -> list[_Row]:
    """People whose arm was switched, not drawn, or allocated otherwise, and who is in no arm."""
    arm = log.table("arm")
    arm = arm.filter(arm.initiative_id == plan.initiative)
    units = log.collect(
        arm.group_by("unit_kind", "unit_id").agg(
            n_arms=arm.arm.nunique(), is_drawn=arm.is_randomised.all()
        )
    )
    sizes = placed.groupby("cluster").size()
    is_person = units["unit_kind"] == "person"
    people = units["unit_id"].map(sizes).where(~is_person, 1).fillna(0).astype(int)
    switched = int(people[units["n_arms"] > 1].sum())
    other = int(people[is_person != (plan.roll_out.unit == "person")].sum())
    not_drawn = int(people[~units["is_drawn"].astype(bool)].sum())
    may = set(log.collect(starting(log, plan.launch_on).select("person_key"))["person_key"])
    inside = set(placed["person_key"])
    n = len(inside)
    rows = [
        ("arms_switched", switched, n, switched, ""),
        ("other_unit", other, n, other, ""),
        ("not_drawn", not_drawn, n, not_drawn, ""),
        ("not_eligible", len(inside - may), n, len(inside - may), ""),
    ]
    if not placed.attrs.get("is_inviting"):
        rows.append(("not_in_an_arm", len(may - inside), len(may), len(may - inside), ""))
    return rows


def _late_data(log: EventLog, plan: Plan) -> _Row:
    """Events of days that an earlier look had already counted, recorded since then."""
    import ibis

    before = [day for day in plan.looks_on if day < log.as_of]
    if not before:
        return ("late_data", 0, 0, 0, "")
    look = ibis.literal(before[-1], type="date")
    event = log.table("event")
    event = event.filter(log.day(event.occurred_at) >= ibis.literal(plan.launch_on, type="date"))
    event = event.filter(log.day(event.occurred_at) < look)
    is_late = log.day(event.recorded_at) >= look
    found = log.collect(
        event.aggregate(
            of=event.count(), late=_times(is_late), n=event.person_key.nunique(where=is_late)
        )
    )
    of, late, n = (int(v) for v in found.iloc[0])
    return ("late_data", late, of, n, before[-1].isoformat())
