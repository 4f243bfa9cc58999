"""Who was on which side of a comparison, since when, and whether chance decided.

People stay on the side they were first put on, whatever they did and wherever they went
(intention to treat).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch import clock
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog

if TYPE_CHECKING:
    import ibis

CONTROL: Final = ("control", "hold-out", "holdout", "comparison", "waiting", "later")
"""Names of arms that did not get the initiative; any other name did."""
TREATED_SIDE, CONTROL_SIDE = "treated", "control"

_PLACES: Final = {
    "site": "location", "location": "location", "country": "country", "role": "role_id",
    "level": "level",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Launch:
    """An initiative and its first day."""

    initiative_id: str
    started_on: date


def launch(log: EventLog, initiative: str = "", since: str = "") -> Launch | None:
    """Find an initiative and its first day.

    Parameters
    ----------
    log : EventLog
    initiative : str
        Its id; empty: the one that started last.
    since : str
        ISO date that goes before the one in the table; needed where there is no table.

    Returns
    -------
    Launch or None
        ``None`` where nothing says when it began.

    Raises
    ------
    ParameterError
        For an initiative that is not in the table, where no day is given.
    """
    day = clock.parse_date(since, name="since") if since else None
    if day and (initiative or not log.has("initiative")):
        return Launch(initiative, day)
    if not log.has("initiative"):
        return None
    row = known(log, initiative)
    return Launch(str(row["initiative_id"]), day or row["started_on"])


def known(log: EventLog, initiative: str = "") -> dict[str, Any]:
    """Return the row of an initiative, or refuse a name that is not there."""
    table = log.table("initiative")
    frame = log.collect(
        table.select("initiative_id", "started_on", "ended_on", "budget", "currency")
    ).sort_values(["started_on", "initiative_id"], kind="stable")
    if initiative:
        names = frame["initiative_id"].astype(str).tolist()
        frame = frame[frame["initiative_id"] == initiative]
        if frame.empty:
            raise ParameterError(
                message("no such initiative", where="initiative", got=initiative,
                        do=did_you_mean(initiative, names))
            )  # fmt: skip
    row = {str(name): value for name, value in frame.iloc[-1].items()}
    row["started_on"] = pd.Timestamp(row["started_on"]).date()
    return row


def sides(log: EventLog, begun: Launch) -> ibis.Table:
    """Return everyone who was followed, with the side she was on.

    Parameters
    ----------
    log : EventLog
    begun : Launch

    Returns
    -------
    ibis.Table
        Grain ``person_key``; ``cluster`` (what was allocated: herself, a unit, a place), ``arm``
        (``treated`` or ``control``), ``is_randomised`` and ``start_on``, the day she was put
        there. Without a table of arms: everyone employed at the launch, on no side (``arm`` is
        empty), in no cluster.
    """
    import ibis

    people = employed(log, begun.started_on)
    first_day = ibis.literal(begun.started_on, type="date")
    arm = _first_arms(log, begun, first_day)
    if arm is None:
        return people.select(
            "person_key", cluster=people.person_key.cast("string"), arm=ibis.literal(""),
            is_randomised=ibis.literal(False), start_on=first_day,
        )  # fmt: skip
    kinds = sorted(log.collect(arm.select("unit_kind").distinct())["unit_kind"])
    parts = [_matched(log, people, arm.filter(arm.unit_kind == kind), kind) for kind in kinds]
    every = parts[0] if len(parts) == 1 else ibis.union(*parts)
    # Of nested units the deepest says where a person was.
    return every.group_by("person_key").agg(
        **{
            name: every[name].argmax(every.depth)
            for name in ("cluster", "arm", "is_randomised", "start_on")
        }
    )


def _first_arms(log: EventLog, begun: Launch, first_day: Any) -> ibis.Table | None:
    """Return one row for each that was allocated: its first arm, and since when."""
    import ibis

    arm = log.table("arm")
    arm = arm.filter(arm.initiative_id == begun.initiative_id)
    if not int(arm.count().execute()):
        return None
    first = arm.group_by("unit_kind", "unit_id").agg(
        name=arm.arm.argmin(arm.assigned_at),
        is_randomised=arm.is_randomised.argmin(arm.assigned_at),
        since=log.day(arm.assigned_at.min()),
    )
    is_control = first["name"].lower().isin(CONTROL)
    return first.select(
        "unit_kind", "unit_id", "is_randomised",
        arm=ibis.ifelse(is_control, CONTROL_SIDE, TREATED_SIDE),
        start_on=ibis.greatest(first.since, first_day),
    )  # fmt: skip


def _matched(log: EventLog, people: ibis.Table, arm: ibis.Table, kind: str) -> ibis.Table:
    """Join people to what was allocated: themselves, a place of theirs, or a unit of theirs."""
    import ibis

    if kind == "person":
        identity = log.table("identity")
        named = people.inner_join(identity, "person_key")
        joined = named.inner_join(arm, named.person_id == arm.unit_id)
        depth: Any = ibis.literal(99)
        cluster: Any = joined.person_key.cast("string")
    elif kind in _PLACES:
        joined = people.inner_join(arm, people[_PLACES[kind]] == arm.unit_id)
        depth, cluster = ibis.literal(0), joined.unit_id
    else:
        step = people.mutate(step=people.unit_path.unnest())
        joined = step.inner_join(arm, step.step == arm.unit_id)
        depth, cluster = joined.unit_path.index(joined.unit_id), joined.unit_id
    return joined.select(
        "person_key", "arm", "is_randomised", "start_on", cluster=cluster,
        depth=depth.cast("int64"),
    )  # fmt: skip


def employed(log: EventLog, day: date) -> ibis.Table:
    """Return who was employed on a day, with the attributes that were valid then."""
    import ibis

    on = ibis.literal(day, type="date")
    person = log.table("person")
    valid = (person.valid_from_on <= on) & (person.valid_to_on.isnull() | (person.valid_to_on > on))
    there = (person.hired_on <= on) & (person.left_on.isnull() | (person.left_on > on))
    return person.filter(valid & there).select(
        "person_key", "unit_path", "role_id", "level", "location", "country"
    )
