"""Who a person is in a report: the groups she belongs to, and from when to when she is eligible."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ldresearch.log import EventLog

if TYPE_CHECKING:
    import ibis

UNKNOWN = "Unknown"
"""The level that missing groups form; nobody is dropped for lacking a department."""

GROUPS = ("unit", "level", "role", "country", "location")
"""Columns a result may be split by."""

_DEEPEST = 8


def attributes(log: EventLog) -> ibis.Table:
    """Return one row a person: key, employment, and every group as text.

    The unit is the first step down the organisation at which persons differ, so that a company
    whose paths all begin with its own name is split by what comes below it.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    ibis.Table
        Grain ``person_key``; ``hired_on, left_on, unit, level, role, country, location``.
    """
    import ibis

    person = log.persons()
    depth = branching_depth(log)
    length = person.unit_path.length()
    step = ibis.least(length - 1, ibis.literal(depth))
    named = {
        "unit": ibis.ifelse(length > 0, person.unit_path[step], ibis.null("string")),
        "level": person.level,
        "role": person.role_id,
        "country": person.country,
        "location": person.location,
    }
    known = {name: ibis.coalesce(column, UNKNOWN) for name, column in named.items()}
    return person.select("person_key", "hired_on", "left_on", **known)


def branching_depth(log: EventLog) -> int:
    """Return the first depth of the unit paths with two names or more, else the deepest."""
    if "branching_depth" not in log.memo:
        log.memo["branching_depth"] = _branching_depth(log.whole.persons())
    depth: int = log.memo["branching_depth"]
    return depth


def _branching_depth(person: ibis.Table) -> int:
    import ibis

    path, length = person.unit_path, person.unit_path.length()
    # Engines differ in what lies beyond the end of a list; Spark refuses to look.
    steps = {d: ibis.ifelse(length > d, path[d], ibis.null("string")) for d in range(_DEEPEST)}
    names = {f"d{d}": step.nunique() for d, step in steps.items()}
    found = person.aggregate(length.max().name("deepest"), **names).to_pandas().iloc[0]
    if found["deepest"] is None or not found["deepest"] >= 1:
        return 0
    last = min(int(found["deepest"]), _DEEPEST)
    return next((d for d in range(last) if found[f"d{d}"] > 1), last - 1)


def eligible(log: EventLog) -> ibis.Table:
    """Return one row a person: attributes and the days from and to which she is eligible.

    Eligible is who is employed and has access. Without an access table employment alone decides.
    A second spell of access is joined to the first; a person never both employed and with access
    has no eligible days.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    ibis.Table
        Grain ``person_key``; attributes, ``access_on``, ``eligible_from_on``, ``eligible_to_on``
        (first day no longer eligible; null: still is), ``ended`` (``left``, ``revoked``, ``""``).
        Worked out once while the log is open: nearly every measure begins with it.
    """
    if "eligible" not in log.memo:
        log.memo["eligible"] = log.kept(_eligible(log))
    return log.memo["eligible"]


def _eligible(log: EventLog) -> ibis.Table:
    import ibis

    person = attributes(log)
    if log.has("access"):
        granted = _access(log)
        joined = person.left_join(granted, "person_key").drop("person_key_right")
        later = joined.access_on > joined.hired_on
        # Whoever never had access has no day from which she could learn.
        starts = ibis.cases(
            (joined.access_on.isnull(), ibis.null("date")), (later, joined.access_on),
            else_=joined.hired_on,
        )  # fmt: skip
        joined = joined.mutate(_from=starts)
    else:
        no_day = ibis.null("date")
        joined = person.mutate(access_on=no_day, revoked_on=no_day, _from=person.hired_on)
    left, revoked = joined.left_on, joined.revoked_on
    is_left = left.notnull() & (revoked.isnull() | (left <= revoked))
    until = ibis.ifelse(is_left, left, revoked)
    reason = ibis.cases((is_left, "left"), (revoked.notnull(), "revoked"), else_="")
    ever = joined._from.notnull() & (until.isnull() | (until > joined._from))
    return joined.mutate(
        eligible_from_on=ibis.ifelse(ever, joined._from, ibis.null("date")),
        eligible_to_on=ibis.ifelse(ever, until, ibis.null("date")),
        ended=ibis.ifelse(ever, reason, ""),
    ).drop("_from", "revoked_on")


def _access(log: EventLog) -> ibis.Table:
    """First day of access by person, and the day it ended for good."""
    import ibis

    access = log.table("access")
    days = access.mutate(granted_on=log.day(access.granted_at), until_on=log.day(access.revoked_at))
    ends = days.group_by("person_key").agg(
        access_on=days.granted_on.min(),
        _open=days.until_on.isnull().sum(),
        _last=days.until_on.max(),
    )
    return ends.select(
        "person_key",
        "access_on",
        revoked_on=ibis.ifelse(ends._open > 0, ibis.null("date"), ends._last),
    )


def informed(log: EventLog, people: ibis.Table) -> Any:
    """Whether a touch was sent to the person, or to a unit anywhere on her path."""
    touch = log.table("touch")
    direct = people.person_key.isin(touch.filter(touch.person_key.notnull()).person_key)
    person = log.persons()
    steps = person.select("person_key", step=person.unit_path.unnest())
    units = touch.filter(touch.unit_id.notnull()).unit_id
    return direct | people.person_key.isin(steps.filter(steps.step.isin(units)).person_key)


def first_day(log: EventLog) -> date | None:
    """Return the first local day of the whole log, whoever it is narrowed to.

    What happened before it is unknown, for everyone.
    """
    if "first_day" not in log.memo:
        log.memo["first_day"] = _first_day(log)
    day: date | None = log.memo["first_day"]
    return day


def _first_day(log: EventLog) -> date | None:
    whole = log.everyone() if log.population else log.whole
    found = whole.value(whole.table("activity_day").day_on.min())
    # On Spark a day comes as the midnight it begins with.
    return found.date() if isinstance(found, datetime) else found
