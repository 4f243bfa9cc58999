"""What roles ask for, who is in them, and who applied for or moved to another.

People are taken as they were at the start of a window and followed to its end: a readiness that
was rated after a move would be a result of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, UNKNOWN, attributes

if TYPE_CHECKING:
    import ibis


# Roles --------------------------------------------------------------------------------------


@measure(
    grain=("role_id", "skill_id"),
    needs=("role_skill",),
    columns={
        "role_id": "object",
        "skill_id": "object",
        "role": "object",
        "skill": "object",
        "target": "float64",
        "target_se": "float64",
        "weight": "float64",
        "weight_se": "float64",
        "is_reliable": "bool",
    },
)
def profiles(log: EventLog) -> pd.DataFrame:
    """Return what each role asks for, as valid at the as-of date.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``role_id, skill_id``: ``role`` and ``skill`` by name (by id where there is none),
        ``target`` on 0 to 1 and ``weight`` (1 where none is given) with their published standard
        errors (missing where there are none), ``is_reliable``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"role_skill": '''
    ...     role_id | skill_id | target | target_se | valid_from_on
    ...     clerk   | a        | 0.5    | -         | 2023-01-01
    ...     clerk   | a        | 0.75   | 0.1       | 2024-01-01
    ...     chief   | a        | 0.8    | -         | 2025-01-01
    ... '''}, as_of="2024-01-15")
    >>> profiles(tiny)[["role", "skill", "target", "target_se", "weight"]].values.tolist()
    [['clerk', 'a', 0.75, 0.1, 1.0]]
    """
    import ibis

    asked = log.table("role_skill")
    keys = [asked.role_id, asked.skill_id]
    newest = asked.mutate(
        _rank=ibis.row_number().over(
            ibis.window(group_by=keys, order_by=asked.valid_from_on.desc())
        )
    )
    newest = newest.filter(newest._rank == 0)
    title = log.table("role").select("role_id", "title")
    named = newest.left_join(title, "role_id").drop("role_id_right")
    name = log.table("skill").select("skill_id", "name")
    named = named.left_join(name, "skill_id").drop("skill_id_right")
    return log.collect(
        named.select(
            "role_id", "skill_id", "target", "target_se", "weight_se",
            role=named.title.coalesce(named.role_id), skill=named.name.coalesce(named.skill_id),
            weight=named.weight.coalesce(1.0), is_reliable=named.is_reliable.coalesce(True),
        )
    )  # fmt: skip


@measure(
    grain=("role_id", "related_role_id"),
    needs=("related_role",),
    columns={
        "role_id": "object",
        "related_role_id": "object",
        "tier": "object",
        "rank": "float64",
    },
)
def related(log: EventLog) -> pd.DataFrame:
    """Return the roles that their publisher calls near to one another.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``role_id, related_role_id``: ``tier`` (empty where none is given) and ``rank``
        (1 is the nearest; missing where none is given).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"related_role": '''
    ...     role_id | related_role_id | tier | rank
    ...     clerk   | chief           | near | 1
    ... '''}, as_of="2024-01-15")
    >>> related(tiny).values.tolist()
    [['clerk', 'chief', 'near', 1.0]]
    """
    near = log.table("related_role")
    return log.collect(
        near.select("role_id", "related_role_id", "rank", tier=near.tier.coalesce(""))
    )


# People -------------------------------------------------------------------------------------


def at_start(log: EventLog, *, days: int) -> EventLog:
    """Return what was known at the start of a window that ends at the as-of date.

    Parameters
    ----------
    log : EventLog
    days : int
        Length of the window.

    Returns
    -------
    EventLog
        The same population by what was known of it then.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-01-15")
    >>> at_start(tiny, days=10).as_of.isoformat()
    '2024-01-05'
    """
    return log.before(log.as_of - timedelta(days=days))


@measure(
    grain=("person_key",),
    needs=("person",),
    columns={"person_key": "int32", "role": "object", "group": "object"},
)
def people(log: EventLog, *, by: str = "") -> pd.DataFrame:
    """Return the employed of the as-of date with their roles.

    Parameters
    ----------
    log : EventLog
    by : str
        Attribute of a person that becomes ``group``; empty: everyone in one.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``role`` (an id) and ``group``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | left_on    | role_id | country
    ...     ada       | 2024-01-01    | 2024-01-01 | -          | clerk   | DE
    ...     ben       | 2024-01-01    | 2024-01-01 | 2024-01-10 | clerk   | FR
    ... '''}, as_of="2024-01-15")
    >>> people(tiny, by="country")[["role", "group"]].values.tolist()
    [['clerk', 'DE']]
    """
    return log.collect(_employed(log, by).select("person_key", "role", "group"))


@measure(
    grain=("person_key", "moved_on"),
    needs=("person",),
    columns={
        "person_key": "int32",
        "moved_on": "datetime64[us]",
        "from_role": "object",
        "to_role": "object",
    },
)
def moves(log: EventLog, *, days: int = 182) -> pd.DataFrame:
    """Return the changes of role within a window that ends at the as-of date.

    Parameters
    ----------
    log : EventLog
    days : int
        Length of the window.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, moved_on``: ``from_role`` and ``to_role``. A role that was or becomes
        unknown is no move.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | valid_to_on | hired_on   | role_id | location
    ...     ada       | 2023-01-01    | 2024-01-08  | 2023-01-01 | clerk   | Bonn
    ...     ada       | 2024-01-08    | -           | 2023-01-01 | chief   | Bonn
    ...     ben       | 2023-01-01    | 2024-01-09  | 2023-01-01 | clerk   | Bonn
    ...     ben       | 2024-01-09    | -           | 2023-01-01 | clerk   | Kiel
    ... '''}, as_of="2024-01-15")
    >>> moves(tiny, days=10)[["from_role", "to_role"]].values.tolist()
    [['clerk', 'chief']]
    """
    import ibis

    person = log.table("person")
    order = ibis.window(group_by=person.person_key, order_by=person.valid_from_on)
    spells = person.select(
        "person_key", moved_on=person.valid_from_on, to_role=person.role_id,
        from_role=person.role_id.lag().over(order),
    )  # fmt: skip
    changed = spells.filter(
        spells.from_role.notnull() & spells.to_role.notnull() & (spells.from_role != spells.to_role)
    )
    return log.collect(changed.filter(changed.moved_on >= _start(log, days)))


@measure(
    grain=("opportunity_id",),
    needs=("opportunity",),
    columns={"opportunity_id": "object", "kind": "object", "to_role": "object"},
)
def openings(log: EventLog, *, days: int = 182) -> pd.DataFrame:
    """Return the internal openings that were open at some time of a window.

    Parameters
    ----------
    log : EventLog
    days : int
        Length of the window, which ends at the as-of date.

    Returns
    -------
    pandas.DataFrame
        Grain ``opportunity_id``: ``kind`` and ``to_role``, the role that is open; both are empty
        where they are not given.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"opportunity": '''
    ...     opportunity_id | kind | role_id | opened_on  | closed_on
    ...     o1             | role | chief   | 2024-01-01 | 2024-01-03
    ...     o2             | role | chief   | 2024-01-04 | -
    ... '''}, as_of="2024-01-15")
    >>> openings(tiny, days=10)["opportunity_id"].tolist()
    ['o2']
    """
    offered = log.table("opportunity")
    there = offered.filter(offered.closed_on.isnull() | (offered.closed_on > _start(log, days)))
    return log.collect(
        there.select(
            "opportunity_id", kind=there.kind.coalesce(""), to_role=there.role_id.coalesce("")
        )
    )


@measure(
    grain=("application_id",),
    needs=("application", "opportunity"),
    columns={
        "application_id": "object",
        "person_key": "int32",
        "to_role": "object",
        "group": "object",
        "is_decided": "bool",
        "is_selected": "bool",
    },
)
def applications(
    log: EventLog, *, by: str = "", days: int = 182, selected: str = "offered, accepted, hired"
) -> pd.DataFrame:
    """Return the applications for internal openings within a window.

    Parameters
    ----------
    log : EventLog
    by : str
        As in :func:`people`; the groups are those of the start of the window, so that a selection
        cannot change the group it is told of.
    days : int
        Length of the window, which ends at the as-of date.
    selected : str
        Words of the column ``result`` that mean the applicant was chosen, separated by commas.

    Returns
    -------
    pandas.DataFrame
        Grain ``application_id``: ``person_key``, ``to_role``, ``group`` (``Unknown`` for whoever
        was not there at the start), ``is_decided`` (a result is known), ``is_selected``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"opportunity": '''
    ...     opportunity_id | role_id | opened_on
    ...     o1             | chief   | 2024-01-04
    ... ''', "application": '''
    ...     application_id | opportunity_id | person_id | applied_at | result   | result_at
    ...     q1             | o1             | ada       | 2024-01-06 | Offered  | 2024-01-12
    ...     q2             | o1             | ben       | 2024-01-06 | declined | 2024-01-12
    ...     q3             | o1             | cleo      | 2024-01-07 | Offered  | 2024-02-01
    ... '''}, as_of="2024-01-15")
    >>> applications(tiny, days=10)[["is_decided", "is_selected"]].values.tolist()
    [[True, True], [True, False], [False, False]]
    """
    import ibis

    words = [word.strip().lower() for word in selected.split(",") if word.strip()]
    given = log.table("application")
    given = given.filter(log.day(given.applied_at) >= _start(log, days))
    role = log.table("opportunity").select("opportunity_id", to_role="role_id")
    named = given.inner_join(role, "opportunity_id")
    if by and log.has("person"):
        groups = _grouped(at_start(log, days=days), by).select("person_key", "group")
        named = named.left_join(groups, "person_key").drop("person_key_right")
    else:
        named = named.mutate(group=ibis.literal("" if not by else UNKNOWN))
    result: Any = named.result.strip().lower()
    chosen: Any = result.isin(words) if words else ibis.literal(value=False)
    return log.collect(
        named.select(
            "application_id", "person_key", to_role=named.to_role.coalesce(""),
            group=named.group.coalesce(UNKNOWN), is_decided=named.result.notnull(),
            is_selected=chosen.coalesce(False),
        )
    )  # fmt: skip


# Shared -------------------------------------------------------------------------------------


def _start(log: EventLog, days: int) -> Any:
    import ibis

    return ibis.literal(log.as_of - timedelta(days=days), type="date")


def _grouped(log: EventLog, by: str) -> ibis.Table:
    import ibis

    if by and by not in GROUPS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, GROUPS))
        )  # fmt: skip
    everyone = attributes(log)
    return everyone.mutate(group=everyone[by] if by else ibis.literal(""))


def _employed(log: EventLog, by: str) -> ibis.Table:
    everyone = _grouped(log, by)
    return everyone.filter(everyone.left_on.isnull())
