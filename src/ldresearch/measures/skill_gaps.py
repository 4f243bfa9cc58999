"""What people can do, what their roles ask for and what the catalogue teaches.

A rating counts from the day it is given. Where a source has rated the same skill of a person more
than once, the latest counts; its age goes along, and the model decides what an old rating is worth.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, attributes

if TYPE_CHECKING:
    import ibis

AGES: Final = (182, 365)
"""Days that part the age bands ``new``, ``middle`` and ``old``."""

_KEYS = {"person_key": "int32", "skill_id": "object"}


# What is known ------------------------------------------------------------------------------


@measure(
    grain=("person_key", "skill_id", "source"),
    needs=("skill_rating",),
    columns={
        **_KEYS,
        "source": "object",
        "level": "float64",
        "raw": "float64",
        "scale_id": "object",
        "age_days": "int64",
        "rater": "float64",
        "role": "object",
        "group": "object",
    },
)
def ratings(log: EventLog, *, by: str = "") -> pd.DataFrame:
    """Return the latest rating of each person's skill by each source.

    Parameters
    ----------
    log : EventLog
    by : str
        Attribute of a person that becomes ``group``; empty: everyone in one.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, skill_id, source``: ``level`` on 0 to 1, ``raw`` on its ``scale_id``,
        ``age_days`` at the as-of date, ``rater`` (a number for who gave it, good within this frame
        only; missing where not known), ``role``, ``group``. Only the employed of today, where
        there is an HR file. Ratings outside their scale are not part of it.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"skill_scale": '''
    ...     scale_id | minimum | maximum
    ...     five     | 1       | 5
    ... ''', "skill_rating": '''
    ...     person_id | skill_id | rated_at   | source  | raw | scale_id
    ...     ada       | a        | 2023-12-01 | manager | 2   | five
    ...     ada       | a        | 2024-01-05 | manager | 3   | five
    ...     ada       | a        | 2024-01-10 | self    | 5   | five
    ... '''}, as_of="2024-01-15")
    >>> ratings(tiny)[["source", "level", "age_days"]].to_dict("list")
    {'source': ['manager', 'self'], 'level': [0.5, 1.0], 'age_days': [10, 5]}
    """
    return log.collect(_of_people(log, _latest(log), by))


@measure(
    grain=("person_key", "skill_id", "source", "period"),
    needs=("skill_rating",),
    columns={
        **_KEYS,
        "source": "object",
        "level": "float64",
        "age_days": "int64",
        "rater": "float64",
        "role": "object",
        "group": "object",
        "period": "object",
    },
)
def rated_twice(log: EventLog, *, days: int, by: str = "") -> pd.DataFrame:
    """Return the latest ratings before an earlier date, and the latest since.

    Parameters
    ----------
    log : EventLog
    days : int
        How many days before the as-of date the earlier date is; 0: there is none.
    by : str
        As in :func:`ratings`.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, skill_id, source, period``: as :func:`ratings`, of those employed
        today; ``period`` is ``before`` (by then, with its age at the earlier date) or ``since``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"skill_scale": '''
    ...     scale_id | minimum | maximum
    ...     five     | 1       | 5
    ... ''', "skill_rating": '''
    ...     person_id | skill_id | rated_at   | source  | raw | scale_id
    ...     ada       | a        | 2023-12-01 | manager | 2   | five
    ...     ada       | a        | 2023-12-31 | manager | 3   | five
    ...     ada       | a        | 2024-01-10 | manager | 5   | five
    ... '''}, as_of="2024-01-15")
    >>> rated_twice(tiny, days=14)[["period", "level", "age_days"]].to_dict("list")
    {'period': ['before', 'since'], 'level': [0.5, 1.0], 'age_days': [1, 5]}
    """
    import ibis

    names = ["person_key", "skill_id", "source", "level", "age_days", "rater", "role", "group"]
    if days <= 0:
        nothing = pd.DataFrame(columns=[*names, "period"])
        nothing.attrs["missing"] = "no earlier date was asked for (since_days is 0)"
        return nothing
    day = log.as_of - timedelta(days=days)
    earlier = _of_people(log, _latest(log, known_on=day), by).mutate(period=ibis.literal("before"))
    later = _of_people(log, _latest(log, since=day), by).mutate(period=ibis.literal("since"))
    return log.collect(earlier.union(later).select(*names, "period"))


@measure(
    grain=("person_key", "skill_id"),
    needs=("person", "role_skill"),
    columns={
        **_KEYS,
        "skill": "object",
        "role": "object",
        "group": "object",
        "target": "float64",
        "target_se": "float64",
        "weight": "float64",
        "weight_se": "float64",
    },
)
def required(log: EventLog, *, by: str = "unit") -> pd.DataFrame:
    """Return what the role of each employed person asks for, as valid at the as-of date.

    Targets that their publisher recommends to suppress (O*NET) are left out.

    Parameters
    ----------
    log : EventLog
    by : str
        As in :func:`ratings`.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, skill_id``: ``skill`` (its name), ``role``, ``group``, ``target`` on 0
        to 1 and ``weight`` (1 where none is given), with their published standard errors
        ``target_se`` and ``weight_se`` (missing where there are none).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | role_id
    ...     ada       | 2024-01-01    | 2024-01-01 | clerk
    ... ''', "role_skill": '''
    ...     role_id | skill_id | target | valid_from_on | is_reliable
    ...     clerk   | a        | 0.5    | 2023-01-01    | true
    ...     clerk   | a        | 0.75   | 2024-01-01    | true
    ...     clerk   | b        | 0.6    | 2023-01-01    | false
    ... '''}, as_of="2024-01-15")
    >>> required(tiny)[["skill_id", "target"]].to_dict("list")
    {'skill_id': ['a'], 'target': [0.75]}
    """
    return log.collect(_required(log, by))


@measure(
    grain=("role_id", "skill_id"),
    needs=("role_skill",),
    columns={
        "role_id": "object",
        "skill_id": "object",
        "skill": "object",
        "target": "float64",
        "target_se": "float64",
        "weight": "float64",
        "weight_se": "float64",
        "n_raters": "float64",
    },
)
def profiles(log: EventLog) -> pd.DataFrame:
    """Return what each role asks for, as valid at the as-of date, whoever holds it.

    The table may be the client's own or O*NET's; targets that their publisher recommends to
    suppress are left out.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``role_id, skill_id``: ``skill`` (its name), ``target`` on 0 to 1 and ``weight`` (1
        where none is given) with their published standard errors, ``n_raters`` behind them.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"role_skill": '''
    ...     role_id | skill_id | target | target_se | valid_from_on
    ...     clerk   | a        | 0.5    | 0.02      | 2023-01-01
    ...     chief   | a        | 0.8    | 0.03      | 2023-01-01
    ... '''}, as_of="2024-01-15")
    >>> profiles(tiny)[["role_id", "target", "target_se"]].to_dict("list")
    {'role_id': ['chief', 'clerk'], 'target': [0.8, 0.5], 'target_se': [0.03, 0.02]}
    """
    newest = _targets(log)
    named = newest.left_join(log.table("skill").select("skill_id", "name"), "skill_id")
    return log.collect(
        named.select(
            "role_id", "skill_id", "target", "target_se", "weight_se",
            skill=named.name.coalesce(named.skill_id), weight=named.weight.coalesce(1.0),
            n_raters=named.n_raters.cast("float64"),
        )
    )  # fmt: skip


@measure(
    grain=("source", "age"),
    needs=("person", "role_skill", "skill_rating"),
    columns={
        "source": "object",
        "age": "object",
        "n_pairs": "int64",
        "n_persons": "int64",
        "n_pairs_of": "int64",
        "n_persons_of": "int64",
    },
)
def coverage(log: EventLog) -> pd.DataFrame:
    """Count the required skills that are rated, by source and by age of the rating.

    A pair is one person and one skill that her role asks for.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``source, age``; age is ``new`` (up to half a year), ``middle`` (up to a year),
        ``old`` or ``all``. The source ``any`` counts a pair once, by its newest rating.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | role_id
    ...     ada       | 2024-01-01    | 2024-01-01 | clerk
    ...     ben       | 2024-01-01    | 2024-01-01 | clerk
    ... ''', "role_skill": '''
    ...     role_id | skill_id | target | valid_from_on | is_reliable
    ...     clerk   | a        | 0.5    | 2023-01-01    | true
    ... ''', "skill_scale": '''
    ...     scale_id | minimum | maximum
    ...     five     | 1       | 5
    ... ''', "skill_rating": '''
    ...     person_id | skill_id | rated_at   | source  | raw | scale_id
    ...     ada       | a        | 2024-01-05 | manager | 3   | five
    ... '''}, as_of="2024-01-15")
    >>> found = coverage(tiny)
    >>> found[found["age"] == "all"][["source", "n_pairs", "n_pairs_of"]].to_dict("list")
    {'source': ['any', 'manager'], 'n_pairs': [1, 1], 'n_pairs_of': [2, 2]}
    """
    import ibis

    asked = _required(log, "")
    of = log.collect(
        asked.aggregate(n_pairs=asked.count(), n_persons=asked.person_key.nunique())
    ).iloc[0]
    if not of["n_pairs"]:
        return pd.DataFrame(columns=list(coverage.columns))
    rated = _latest(log).semi_join(asked, ["person_key", "skill_id"])
    each = rated.select("person_key", "skill_id", "source", "age_days")
    newest = each.group_by("person_key", "skill_id").agg(age_days=each.age_days.min())
    newest = newest.mutate(source=ibis.literal("any"))
    rows = each.union(newest.select("person_key", "skill_id", "source", "age_days"))
    band = ibis.cases(
        (rows.age_days <= AGES[0], "new"), (rows.age_days <= AGES[1], "middle"), else_="old"
    )
    banded = rows.mutate(age=band)
    whole = rows.mutate(age=ibis.literal("all"))
    both = banded.union(whole)
    found = log.collect(
        both.group_by("source", "age").agg(
            n_pairs=both.count(), n_persons=both.person_key.nunique()
        )
    )
    return found.assign(n_pairs_of=int(of["n_pairs"]), n_persons_of=int(of["n_persons"]))


@measure(
    grain=("group", "basis"),
    needs=("person", "role_skill"),
    columns={
        "group": "object",
        "basis": "object",
        "n_pairs": "int64",
        "n_persons": "int64",
        "n_pairs_of": "int64",
        "n_persons_of": "int64",
    },
)
def basis(log: EventLog, *, by: str = "unit") -> pd.DataFrame:
    """Count the required skills by what is known of them, by group.

    Parameters
    ----------
    log : EventLog
    by : str
        As in :func:`ratings`.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, basis``; basis is ``several`` (rated by two sources or more), ``one`` (by one
        that is not the person herself), ``self_only`` or ``none``. ``n_pairs_of`` and
        ``n_persons_of`` count the whole group.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | role_id | unit_path
    ...     ada       | 2024-01-01    | 2024-01-01 | clerk   | Sales
    ...     ben       | 2024-01-01    | 2024-01-01 | clerk   | Sales
    ... ''', "role_skill": '''
    ...     role_id | skill_id | target | valid_from_on | is_reliable
    ...     clerk   | a        | 0.5    | 2023-01-01    | true
    ... ''', "skill_scale": '''
    ...     scale_id | minimum | maximum
    ...     five     | 1       | 5
    ... ''', "skill_rating": '''
    ...     person_id | skill_id | rated_at   | source | raw | scale_id
    ...     ada       | a        | 2024-01-05 | self   | 3   | five
    ... '''}, as_of="2024-01-15")
    >>> print(basis(tiny)[["group", "basis", "n_pairs", "n_pairs_of"]].to_string(index=False))
    group     basis  n_pairs  n_pairs_of
    Sales      none        1           2
    Sales self_only        1           2
    """
    import ibis

    asked = _required(log, by)
    rated = _latest(log)
    known = rated.group_by("person_key", "skill_id").agg(
        n_sources=rated.count(), n_self=(rated.source == "self").cast("int64").sum()
    )
    joined = asked.left_join(known, ["person_key", "skill_id"])
    joined = joined.select("person_key", "group", "n_sources", "n_self")
    kind = ibis.cases(
        (joined.n_sources.isnull(), "none"), (joined.n_sources > 1, "several"),
        (joined.n_self > 0, "self_only"), else_="one",
    )  # fmt: skip
    named = joined.mutate(basis=kind)
    found = log.collect(
        named.group_by("group", "basis").agg(
            n_pairs=named.count(), n_persons=named.person_key.nunique()
        )
    )
    of = log.collect(
        joined.group_by("group").agg(
            n_pairs_of=joined.count(), n_persons_of=joined.person_key.nunique()
        )
    )
    return found.merge(of, on="group")


@measure(
    grain=("skill_id", "content_id"),
    needs=("content", "content_skill"),
    columns={
        "skill_id": "object",
        "content_id": "object",
        "title": "object",
        "minutes": "float64",
        "cost": "float64",
        "currency": "object",
        "level_from": "float64",
        "level_to": "float64",
    },
)
def supply(log: EventLog) -> pd.DataFrame:
    """Return the content on offer at the as-of date that teaches each skill.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``skill_id, content_id``: ``title``, ``minutes`` by the catalogue, ``cost`` in
        ``currency`` (empty where free of one), ``level_from`` and ``level_to`` on 0 to 1, missing
        where the tags do not say.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"content": '''
    ...     content_id | title | published_at | retired_at | duration_s
    ...     c1         | Sums  | 2023-01-01   | -          | 1800
    ...     c2         | Old   | 2023-01-01   | 2024-01-01 | 600
    ... ''', "content_skill": '''
    ...     content_id | skill_id | level_from | level_to
    ...     c1         | a        | 0.25       | 0.75
    ...     c2         | a        | 0.25       | 0.75
    ... '''}, as_of="2024-01-15")
    >>> supply(tiny)[["title", "minutes", "level_from", "level_to"]].to_dict("list")
    {'title': ['Sums'], 'minutes': [30.0], 'level_from': [0.25], 'level_to': [0.75]}
    """
    content = log.table("content")
    offered = content.filter(
        (content.published_at.isnull() | (content.published_at < log.bound("published_at")))
        & (content.retired_at.isnull() | (content.retired_at >= log.bound("retired_at")))
    )
    tagged = log.table("content_skill").inner_join(offered, "content_id")
    return log.collect(
        tagged.select(
            "skill_id",
            "content_id",
            "level_from",
            "level_to",
            title=tagged.title.coalesce(""),
            minutes=tagged.duration_s.cast("float64") / 60,
            cost=tagged.cost.cast("float64"),
            currency=tagged.currency.coalesce(""),
        )
    )


# Shared -------------------------------------------------------------------------------------


def _employed(log: EventLog, by: str) -> ibis.Table:
    import ibis

    if by and by not in GROUPS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, GROUPS))
        )  # fmt: skip
    people = attributes(log)
    here = people.filter(people.left_on.isnull())
    return here.mutate(group=here[by] if by else ibis.literal(""))


def _of_people(log: EventLog, rated: ibis.Table, by: str) -> ibis.Table:
    """Ratings of those employed today with their attributes; of all where there is no HR file."""
    import ibis

    if not log.has("person"):
        return rated.mutate(role=ibis.literal("Unknown"), group=ibis.literal(""))
    people = _employed(log, by).select("person_key", "role", "group")
    return rated.inner_join(people, "person_key")


def _latest(
    log: EventLog, *, known_on: date | None = None, since: date | None = None
) -> ibis.Table:
    """One row a person, skill and source: the newest rating, the same one on every run."""
    import ibis

    rating = log.table("skill_rating")
    rating = rating.filter(rating.level.notnull())
    rating = rating.mutate(_on=log.day(rating.rated_at))
    if known_on is not None:
        rating = rating.filter(rating._on < ibis.literal(known_on, type="date"))
    if since is not None:
        rating = rating.filter(rating._on >= ibis.literal(since, type="date"))
    order = [rating.rated_at.desc(), rating.rater_id.asc(), rating.level.asc()]
    keys = [rating.person_key, rating.skill_id, rating.source]
    ranked = rating.mutate(
        _rank=ibis.row_number().over(ibis.window(group_by=keys, order_by=order)),
        _rater=ibis.dense_rank().over(ibis.window(order_by=rating.rater_id)),
        age_days=ibis.literal(known_on or log.as_of, type="date").delta(rating._on, unit="day"),
    )
    newest = ranked.filter(ranked._rank == 0)
    # The pseudonym itself stays in the engine: a number tells raters apart as well.
    known = newest.rater_id.notnull()
    return newest.select(
        "person_key",
        "skill_id",
        "source",
        "level",
        "raw",
        "scale_id",
        "age_days",
        rater=ibis.ifelse(known, newest._rater.cast("float64"), ibis.null("float64")),
    )


def _targets(log: EventLog) -> ibis.Table:
    """Targets valid at the as-of date, but for those their publisher recommends to suppress."""
    import ibis

    target = log.table("role_skill")
    keys = [target.role_id, target.skill_id]
    newest = target.mutate(
        _rank=ibis.row_number().over(
            ibis.window(group_by=keys, order_by=target.valid_from_on.desc())
        )
    )
    reliable: Any = newest.is_reliable.coalesce(True)
    return newest.filter((newest._rank == 0) & reliable)


def _required(log: EventLog, by: str) -> ibis.Table:
    newest = _targets(log)
    people = _employed(log, by).select("person_key", "role", "group")
    asked = people.inner_join(newest, people.role == newest.role_id)
    name = log.table("skill").select("skill_id", "name")
    named = asked.left_join(name, "skill_id")
    return named.select(
        "person_key", "skill_id", "role", "group", "target", "target_se", "weight_se",
        skill=named.name.coalesce(named.skill_id),
        weight=named.weight.coalesce(1.0),
    )  # fmt: skip
