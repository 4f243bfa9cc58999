"""Who took what before one day and after it, what could be recommended then, and what was.

There is one split in time, for everyone. What a recommender may know is measured on the log as it
was known on that day (:func:`at_split`), so what came later cannot reach it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures import _arms
from ldresearch.measures._measure import measure
from ldresearch.measures._people import UNKNOWN, eligible
from ldresearch.measures._value import WAYS, value_days, verb_list

if TYPE_CHECKING:
    import ibis

OUTCOMES: Final = ("followed", "taken")
"""What counts as success of a person in the trial: a recommendation followed, or any value."""
LAST_PLACE: Final = 999
"""Place of a recommendation whose rank is not known: behind all others."""

_PERSON = {"person_key": "int32"}
_GROUPS = {
    "role": "object", "unit": "object", "level": "object", "country": "object", "hours": "object",
}  # fmt: skip


def at_split(log: EventLog, *, test_days: int = 90) -> EventLog:
    """Return the log as it was known on the day of the split.

    Parameters
    ----------
    log : EventLog
    test_days : int
        Days before the as-of date on which the split lies.

    Returns
    -------
    EventLog
        What happened or was recorded later is not in it, and no measure of it can reach it.

    Raises
    ------
    ParameterError
        If there is no day between the split and the as-of date.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ... '''}, as_of="2024-04-01")
    >>> str(at_split(tiny, test_days=31).as_of)
    '2024-03-01'
    """
    if test_days < 1:
        raise ParameterError(
            message("there is nothing to judge by", where="test_days", got=test_days,
                    allowed="1 or more")
        )  # fmt: skip
    return log.before(log.as_of - timedelta(days=test_days))


# What there is ------------------------------------------------------------------------------


@measure(
    grain=("part",),
    needs=("person",),
    columns={"part": "object", "n_found": "int64", "n_of": "int64", "n_persons": "int64"},
)
def readiness(
    log: EventLog,
    *,
    verbs: str | Iterable[str] = "complete,pass",
    assigned: str = "self_started",
    trial: str = "recommendations",
) -> pd.DataFrame:
    """Count what personalisation needs, and what a judgement of it needs.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as taking content.
    assigned : {"self_started", "assigned", "all"}
    trial : str
        Initiative whose arms say who was drawn.

    Returns
    -------
    pandas.DataFrame
        Grain ``part``: ``taken, roles, shortfalls, shown, drawn`` are people of those eligible,
        ``catalogue`` contents with a first day of those on offer, ``tags`` contents with a skill,
        ``propensities`` recommendations of which the chance is logged. ``n_persons``: eligible.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | role_id
    ...     ada       | 2024-01-01    | 2024-01-01 | clerk
    ...     ben       | 2024-01-01    | 2024-01-01 | -
    ... '''}, as_of="2024-04-01")
    >>> found = readiness(tiny).set_index("part")
    >>> found.loc["roles", ["n_found", "n_of"]].tolist()
    [1, 2]
    """
    here = log.kept(_here(log).select("person_key", "role"))
    n = _count(here)
    rows: list[tuple[str, int, int]] = []

    def people(part: str, found: ibis.Table | None) -> None:
        rows.append((part, _count(here.semi_join(found, "person_key")) if found is not None else 0,
                     n))  # fmt: skip

    people("taken", _takings(log, verbs, assigned))
    offer = _offer(log)
    n_offer = _count(offer)
    rows.append(("catalogue", _count(offer.filter(offer.published_at.notnull())), n_offer))
    tagged = offer.semi_join(log.table("content_skill"), "content_id")
    rows.append(("tags", _count(tagged), n_offer))
    people("roles", here.filter(here.role != UNKNOWN))
    asked = here.inner_join(log.table("role_skill"), here.role == log.table("role_skill").role_id)
    rated = log.table("skill_rating").semi_join(asked, ["person_key", "skill_id"])
    people("shortfalls", rated)
    people("shown", log.table("recommendation"))
    shown = log.table("recommendation")
    rows.append(("propensities", _count(shown.filter(shown.propensity > 0)), _count(shown)))
    drawn = _drawn(log, trial)
    people("drawn", drawn.filter(drawn.is_randomised) if drawn is not None else None)
    return pd.DataFrame(rows, columns=["part", "n_found", "n_of"]).assign(n_persons=n)


def _count(table: ibis.Table) -> int:
    return int(table.count().execute())


# Before and after ---------------------------------------------------------------------------


@measure(
    grain=("person_key", "content_id"),
    needs=("event",),
    columns={**_PERSON, "content_id": "object", "first_on": "datetime64[us]", "n_times": "int64"},
)
def taken(
    log: EventLog,
    *,
    verbs: str | Iterable[str] = "complete,pass",
    assigned: str = "self_started",
    test_days: int = 0,
) -> pd.DataFrame:
    """Return which content each person has taken.

    Parameters
    ----------
    log : EventLog
        For what was known before the split, the log of :func:`at_split`.
    verbs : str or iterable of str
        What counts; nothing means every verb.
    assigned : {"self_started", "assigned", "all"}
    test_days : int
        Only what was taken in so many days before the as-of date; 0 takes all.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, content_id``: ``first_on`` (local day), ``n_times``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb     | content_id
    ...     ada       | 2024-01-03  | complete | a
    ...     ada       | 2024-03-04  | complete | b
    ... '''}, as_of="2024-04-01")
    >>> taken(at_split(tiny, test_days=31))["content_id"].tolist()
    ['a']
    >>> taken(tiny, test_days=31)["content_id"].tolist()
    ['b']
    """
    event = _takings(log, verbs, assigned)
    if test_days:
        event = event.filter(event.occurred_at >= at_split(log, test_days=test_days)
                             .bound("occurred_at"))  # fmt: skip
    found = event.group_by("person_key", "content_id").agg(
        first_on=log.day(event.occurred_at.min()), n_times=event.count()
    )
    return log.collect(found)


def _takings(log: EventLog, verbs: str | Iterable[str], assigned: str) -> ibis.Table:
    if assigned not in WAYS:
        raise ParameterError(
            message("no such way of starting", where="assigned", got=assigned,
                    allowed=", ".join(WAYS), do=did_you_mean(assigned, WAYS))
        )  # fmt: skip
    event = log.table("event")
    event = event.filter(event.content_id.notnull())
    wanted = verb_list(verbs)
    if wanted:
        event = event.filter(event.verb.isin(wanted))
    if assigned != "all":
        event = event.filter(event.assignment_id.notnull() == (assigned == "assigned"))
    return event


@measure(
    grain=("person_key",), needs=("person",), columns={**_PERSON, **_GROUPS}
)  # fmt: skip
def people(log: EventLog) -> pd.DataFrame:
    """Return who may be recommended something, with the groups they belong to.

    Parameters
    ----------
    log : EventLog
        As of the split.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``, of those employed and with access: ``role, unit, level, country`` and
        ``hours`` (``part-time`` below a full-time equivalent of 1).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | fte
    ...     ada       | 2024-01-01    | 2024-01-01 | 1
    ...     ben       | 2024-01-01    | 2024-01-01 | 0.5
    ... '''}, as_of="2024-04-01")
    >>> sorted(people(tiny)["hours"])
    ['full-time', 'part-time']
    """
    return log.collect(_here(log).select("person_key", *_GROUPS))


def _here(log: EventLog) -> ibis.Table:
    """Everyone employed and with access, with groups and hours."""
    import ibis

    who = eligible(log)
    here = who.filter(who.eligible_from_on.notnull() & who.eligible_to_on.isnull())
    person = log.persons().select("person_key", "fte")
    joined = here.inner_join(person, "person_key")
    hours = ibis.cases(
        (joined.fte.isnull(), UNKNOWN), (joined.fte < 1, "part-time"), else_="full-time"
    )
    return joined.mutate(hours=hours)


@measure(
    grain=("content_id",),
    needs=("content",),
    columns={"content_id": "object", "is_dated": "bool"},
)
def catalogue(log: EventLog) -> pd.DataFrame:
    """Return what may be recommended: published, not retired, not mandatory.

    Parameters
    ----------
    log : EventLog
        As of the split.

    Returns
    -------
    pandas.DataFrame
        Grain ``content_id``: ``is_dated``, whether the catalogue says since when it is offered;
        without a date it counts as offered.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"content": '''
    ...     content_id | published_at | retired_at
    ...     old        | 2023-01-01   | 2024-03-01
    ...     now        | 2023-01-01   | -
    ...     later      | 2024-05-01   | -
    ... '''}, as_of="2024-04-01")
    >>> catalogue(tiny)["content_id"].tolist()
    ['now']
    """
    offer = _offer(log)
    return log.collect(offer.select("content_id", is_dated=offer.published_at.notnull()))


def _offer(log: EventLog) -> ibis.Table:
    content = log.table("content")
    begun = content.published_at.isnull() | (content.published_at < log.bound("published_at"))
    going = content.retired_at.isnull() | (content.retired_at >= log.bound("retired_at"))
    free: Any = ~content.is_mandatory.coalesce(False)
    return content.filter(begun & going & free)


@measure(
    grain=("content_id", "skill_id"),
    needs=("content_skill",),
    columns={"content_id": "object", "skill_id": "object", "level_to": "float64"},
)
def teaches(log: EventLog) -> pd.DataFrame:
    """Return which skill each content teaches, and to which level it leads.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        Grain ``content_id, skill_id``: ``level_to`` on 0 to 1, missing where the tags do not say.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"content_skill": '''
    ...     content_id | skill_id | level_to
    ...     a          | sums     | 0.5
    ... '''}, as_of="2024-04-01")
    >>> teaches(tiny).to_dict("list")
    {'content_id': ['a'], 'skill_id': ['sums'], 'level_to': [0.5]}
    """
    return log.collect(log.table("content_skill").select("content_id", "skill_id", "level_to"))


# What was recommended -----------------------------------------------------------------------


@measure(
    grain=("person_key", "content_id"),
    needs=("recommendation",),
    columns={**_PERSON, "content_id": "object", "shown_on": "datetime64[us]", "rank": "int64"},
)
def shown(log: EventLog) -> pd.DataFrame:
    """Return what each person was recommended, and when last.

    Parameters
    ----------
    log : EventLog
        As of the split, to see what people got until then.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key, content_id``: ``shown_on`` (local day), ``rank`` on that day.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"recommendation": '''
    ...     recommendation_id | person_id | content_id | shown_at   | rank
    ...     1                 | ada       | a          | 2024-01-03 | 1
    ...     2                 | ada       | a          | 2024-02-03 | 2
    ... '''}, as_of="2024-04-01")
    >>> shown(tiny)["rank"].tolist()
    [2]
    """
    one = log.table("recommendation")
    last = one.group_by("person_key", "content_id").agg(
        at=one.shown_at.max(), rank=one["rank"].argmax(one.shown_at)
    )
    return log.collect(
        last.select(
            "person_key", "content_id", shown_on=log.day(last.at),
            rank=last["rank"].coalesce(LAST_PLACE),
        )
    )  # fmt: skip


@measure(
    grain=("recommendation_id",),
    needs=("recommendation",),
    columns={
        "recommendation_id": "object", **_PERSON, "content_id": "object", "propensity": "float64",
        "followed": "bool",
    },
)  # fmt: skip
def impressions(log: EventLog, *, test_days: int = 90, follow_days: int = 14) -> pd.DataFrame:
    """Return every recommendation since the split, and whether it was followed.

    Parameters
    ----------
    log : EventLog
    test_days : int
        Days before the as-of date on which the split lies.
    follow_days : int
        Days within which it counts as followed; what was shown later is left out.

    Returns
    -------
    pandas.DataFrame
        Grain ``recommendation_id``: ``propensity`` with which it was chosen, missing where it is
        not logged; ``followed``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"recommendation": '''
    ...     recommendation_id | person_id | content_id | shown_at   | propensity | clicked_at
    ...     1                 | ada       | a          | 2024-03-03 | 0.5        | 2024-03-04
    ...     2                 | ada       | b          | 2024-03-03 | 0.5        | 2024-03-29
    ... '''}, as_of="2024-04-01")
    >>> impressions(tiny)["followed"].tolist()
    [True, False]
    """
    import ibis

    one = log.table("recommendation")
    since = at_split(log, test_days=test_days).bound("shown_at")
    one = one.filter(one.shown_at >= since)
    day = log.day(one.shown_at)
    waited = ibis.literal(log.as_of, type="date").delta(day, unit="day")
    one = one.filter(waited >= follow_days)
    return log.collect(
        one.select(
            "recommendation_id", "person_key", "content_id", "propensity",
            followed=_within(log, one.clicked_at, one.shown_at, follow_days),
        )
    )  # fmt: skip


def _within(log: EventLog, end: Any, start: Any, days: int) -> Any:
    """Whether an instant lies within so many local days of another."""
    since = log.day(end).delta(log.day(start), unit="day")
    return (end.notnull() & (end >= start) & (since < days)).fill_null(False)


# Who was drawn ------------------------------------------------------------------------------


def _drawn(log: EventLog, initiative: str) -> ibis.Table | None:
    """Return the first arm of each person of a trial; nothing where there is none."""
    import ibis

    if not log.has("arm") or not log.has("identity"):
        return None
    arm = log.table("arm")
    arm = arm.filter((arm.initiative_id == initiative) & (arm.unit_kind == "person"))
    order = ibis.window(group_by=arm.unit_id, order_by=arm.assigned_at)
    first = arm.mutate(turn=ibis.row_number().over(order)).filter(lambda t: t.turn == 0)
    identity = log.table("identity")
    named = first.inner_join(identity, first.unit_id == identity.person_id)
    found = named.select(
        "person_key", "arm", "is_randomised", "propensity",
        is_treated=~named.arm.lower().isin(_arms.CONTROL), from_on=log.day(named.assigned_at),
    )  # fmt: skip
    if log._selected is not None:
        found = found.semi_join(log._selected, "person_key")
    return found if _count(found) else None


_TRIAL = {
    **_PERSON, "arm": "object", "is_treated": "bool", "is_randomised": "bool",
    "propensity": "float64", "from_on": "datetime64[us]", "outcome": "float64", "n_shown": "int64",
    **_GROUPS, "tenure_days": "float64", "active_days": "float64",
}  # fmt: skip


@measure(grain=("person_key",), needs=("arm", "person"), columns=_TRIAL)
def trial(
    log: EventLog,
    *,
    initiative: str = "recommendations",
    outcome: str = "followed",
    window_days: int = 28,
    verbs: str | Iterable[str] = "complete,pass",
    assigned: str = "self_started",
) -> pd.DataFrame:
    """Return everyone who was drawn to get personalised recommendations or not, and what she did.

    Parameters
    ----------
    log : EventLog
    initiative : str
        Whose arms say who was drawn.
    outcome : {"followed", "taken"}
        A recommendation followed within the window, or anything taken within it.
    window_days : int
        Days from the draw; only people whose window is over count.
    verbs, assigned
        As in :func:`taken`.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``arm``, ``is_treated`` (any arm but a hold-out or control),
        ``is_randomised``, ``propensity`` of that arm, ``from_on``, ``outcome`` 0 or 1, ``n_shown``
        recommendations in the window, groups as of the first day of the trial, ``tenure_days``,
        ``active_days`` of the 90 before the draw.

    Raises
    ------
    ParameterError
        If there is no such outcome.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | fte
    ...     ada       | 2024-01-01    | 2024-01-01 | 0.5
    ... ''', "arm": '''
    ...     initiative_id   | unit_kind | unit_id | arm      | assigned_at | is_randomised
    ...     recommendations | person    | ada     | hold-out | 2024-02-01  | true
    ... ''', "recommendation": '''
    ...     recommendation_id | person_id | content_id | shown_at   | clicked_at
    ...     1                 | ada       | a          | 2024-02-03 | 2024-02-04
    ... '''}, as_of="2024-04-01")
    >>> trial(tiny)[["is_treated", "outcome", "hours"]].values.tolist()
    [[False, 1.0, 'part-time']]
    """
    if outcome not in OUTCOMES:
        raise ParameterError(
            message("no such outcome", where="outcome", got=outcome, allowed=", ".join(OUTCOMES),
                    do=did_you_mean(outcome, OUTCOMES))
        )  # fmt: skip
    drawn = _drawn(log, initiative)
    empty = pd.DataFrame({c: pd.Series(dtype=t) for c, t in _TRIAL.items()})
    if drawn is None:
        empty.attrs["missing"] = (
            "nobody was drawn to get personalised recommendations or not: `arm` names no persons "
            f"for the initiative {initiative!r}"
        )
        return empty
    frame = log.collect(drawn)
    frame["from_on"] = pd.to_datetime(frame["from_on"])
    over = frame["from_on"] + pd.Timedelta(days=window_days) <= pd.Timestamp(log.as_of)
    first = frame["from_on"].min().date()
    frame = frame[over]
    if frame.empty:
        empty.attrs["missing"] = (
            f"nobody's {window_days} days since the draw are over as of {log.as_of}"
        )
        return empty
    shown_ = _shown_to(log, drawn, window_days)
    won = shown_ if outcome == "followed" else _took(log, drawn, window_days, verbs, assigned)
    before = log.before(first) if first < log.as_of else log
    for extra in (shown_[["person_key", "n_shown"]], _who(before), _active(log, drawn, verbs,
                                                                           assigned)):  # fmt: skip
        frame = frame.merge(extra, on="person_key", how="left")
    success = won.loc[won["won"] > 0, "person_key"]
    frame["outcome"] = frame["person_key"].isin(success).astype(float)
    frame["tenure_days"] = (frame["from_on"] - pd.to_datetime(frame["hired_on"])).dt.days
    for column in _GROUPS:
        frame[column] = frame[column].fillna(UNKNOWN)
    return frame.fillna({"n_shown": 0, "active_days": 0.0})


def _shown_to(log: EventLog, drawn: ibis.Table, window_days: int) -> pd.DataFrame:
    one = log.table("recommendation").inner_join(drawn.drop("propensity"), "person_key")
    day = log.day(one.shown_at).delta(one.from_on, unit="day")
    one = one.filter((day >= 0) & (day < window_days))
    click = log.day(one.clicked_at).delta(one.from_on, unit="day")
    followed = (one.clicked_at.notnull() & (click < window_days)).fill_null(False)
    won = followed.cast("int64").sum()
    return log.collect(one.group_by("person_key").agg(n_shown=one.count(), won=won))


def _took(
    log: EventLog, drawn: ibis.Table, window_days: int, verbs: str | Iterable[str], assigned: str
) -> pd.DataFrame:
    days = value_days(log, verbs, assigned).inner_join(drawn, "person_key")
    since = days.day_on.delta(days.from_on, unit="day")
    inside = days.filter((since >= 0) & (since < window_days))
    return log.collect(inside.group_by("person_key").agg(won=inside.count()))


def _who(before: EventLog) -> pd.DataFrame:
    who = _here(before)
    return before.collect(who.select("person_key", "hired_on", *_GROUPS))


def _active(
    log: EventLog, drawn: ibis.Table, verbs: str | Iterable[str], assigned: str
) -> pd.DataFrame:
    days = value_days(log, verbs, assigned).inner_join(drawn, "person_key")
    since = days.from_on.delta(days.day_on, unit="day")
    inside = days.filter((since > 0) & (since <= 90))
    return log.collect(inside.group_by("person_key").agg(active_days=inside.count()))


@measure(
    grain=("person_key",),
    needs=("person",),
    columns={
        **_PERSON, "arm": "object", "is_treated": "bool", "is_randomised": "bool",
        "from_on": "datetime64[us]",
    },
)  # fmt: skip
def exposed(
    log: EventLog, *, initiative: str = "recommendations", test_days: int = 90
) -> pd.DataFrame:
    """Return who got recommendations and who did not, since when, and whether chance decided.

    Parameters
    ----------
    log : EventLog
    initiative : str
        Whose arms say who was drawn. Without a draw: who had been recommended anything in the 90
        days before the split, and everyone else.
    test_days : int
        Days before the as-of date on which the split lies.

    Returns
    -------
    pandas.DataFrame
        Grain ``person_key``: ``arm, is_treated, is_randomised, from_on``.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ...     ben       | 2023-01-01    | 2023-01-01
    ... ''', "recommendation": '''
    ...     recommendation_id | person_id | content_id | shown_at
    ...     1                 | ada       | a          | 2024-01-03
    ... '''}, as_of="2024-04-01")
    >>> sorted(exposed(tiny, test_days=60)["arm"])
    ['not shown', 'shown']
    """
    import ibis

    drawn = _drawn(log, initiative)
    if drawn is not None:
        return log.collect(drawn)
    columns = list(exposed.columns)
    if not log.has("recommendation"):
        empty = pd.DataFrame(columns=columns)
        empty.attrs["missing"] = "nobody was drawn, and no recommendation is logged"
        return empty
    before = at_split(log, test_days=test_days)
    one = before.table("recommendation")
    split = ibis.literal(before.as_of, type="date")
    recent = one.filter(split.delta(before.day(one.shown_at), unit="day") <= 90)
    got = recent.select("person_key").distinct().mutate(got=True)
    who = _here(before).select("person_key")
    both = who.left_join(got, "person_key")
    is_treated: Any = both.got.coalesce(False)
    found = both.select(
        "person_key", is_treated=is_treated, is_randomised=ibis.literal(False), from_on=split,
        arm=ibis.ifelse(is_treated, "shown", "not shown"),
    )  # fmt: skip
    return log.collect(found)
