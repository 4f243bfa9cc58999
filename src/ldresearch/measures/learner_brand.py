"""How learning is taken up, passed on and spoken of, by quarter and group.

A quarter is three calendar months; only complete ones are told, and only those that lie wholly
within the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, UNKNOWN, attributes, first_day
from ldresearch.measures._value import value_days
from ldresearch.vocabulary import Verb

if TYPE_CHECKING:
    import ibis

Verbs = str | Iterable[str]

DAY: Final = "datetime64[us]"
PASSING_ON: Final = (Verb.SHARE.value, Verb.RECOMMEND.value)
_INSTRUMENT, _ITEM = "nps", "recommend"


def _quarter(day: Any) -> Any:
    """Return the number of the quarter that holds a day column, as an expression."""
    return (day.year() * 4 + (day.month() - 1) // 3).cast("int64")


def quarter_on(number: int) -> date:
    """Return the first day of a quarter by its number.

    Parameters
    ----------
    number : int
        Years times four and the quarters before.

    Returns
    -------
    datetime.date
        Its first day.

    Examples
    --------
    >>> str(quarter_on(2024 * 4 + 2))
    '2024-07-01'
    """
    return date(number // 4, 3 * (number % 4) + 1, 1)


def _whole(log: EventLog) -> tuple[int, int]:
    """Return the first and last quarter all of whose days are in the log."""
    begins = first_day(log) or log.as_of
    first = begins.year * 4 + (begins.month - 1) // 3
    if quarter_on(first) < begins:
        first += 1
    return first, log.as_of.year * 4 + (log.as_of.month - 1) // 3 - 1


def _grouped(log: EventLog, by: str) -> ibis.Table | None:
    """Return the group of each person; ``None`` where everyone is in one."""
    if by and by not in GROUPS:
        raise ParameterError(
            message("persons cannot be grouped by this", where="by", got=by,
                    do=did_you_mean(by, GROUPS))
        )  # fmt: skip
    if not by or not log.has("person"):
        return None
    person = attributes(log)
    return person.select("person_key", group=person[by])


@measure(
    grain=("group", "quarter_on"),
    needs=("event",),
    columns={
        "group": "object",
        "quarter_on": DAY,
        "n_learned": "int64",
        "n_voluntary": "int64",
        "n_active": "int64",
        "n_passed_on": "int64",
        "n_before": "int64",
        "n_again": "int64",
    },
)
def behaviour(
    log: EventLog, *, verbs: Verbs = "complete", min_minutes: int = 0, by: str = ""
) -> pd.DataFrame:
    """Count, by group and quarter, who learned of their own accord, told others, came again.

    Parameters
    ----------
    log : EventLog
    verbs : str or iterable of str
        What counts as value; nothing means every verb.
    min_minutes : int
        A day is of value from this many minutes on.
    by : str
        ``unit``, ``level``, ``role``, ``country`` or ``location``; empty: everyone.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, quarter_on``: persons ``n_learned`` (value of any kind) of whom
        ``n_voluntary`` had a self-started value event; ``n_active`` (anything at all) of whom
        ``n_passed_on`` shared or recommended; ``n_before`` with self-started value in the quarter
        before, employed to the end of this one, of whom ``n_again`` had it again. Where the log
        holds no share and no recommendation at all, ``attrs["untold"]`` says so.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb     | assignment_id
    ...     ada       | 2024-01-01  | complete | -
    ...     ada       | 2024-01-09  | share    | -
    ...     ben       | 2024-02-04  | complete | a1
    ...     ada       | 2024-05-04  | complete | -
    ... '''}, as_of="2024-07-01")
    >>> found = behaviour(tiny)
    >>> found[["n_learned", "n_voluntary", "n_passed_on", "n_before", "n_again"]].values.tolist()
    [[2, 1, 1, 0, 0], [1, 1, 0, 1, 1]]
    """
    import ibis

    first, last = _whole(log)
    groups = _grouped(log, by)
    own = value_days(log, verbs, "self_started", min_minutes)
    learned = value_days(log, verbs, "all", min_minutes)
    days = log.table("activity_day").select("person_key", "day_on", "verb")
    shared = days.filter(days.verb.isin(PASSING_ON))
    counts = {
        "n_learned": _by_person(learned), "n_voluntary": _by_person(own),
        "n_active": _by_person(days), "n_passed_on": _by_person(shared),
    }  # fmt: skip
    before = _by_person(own).mutate(quarter=lambda t: t.quarter + 1)
    if log.has("person"):
        left = log.persons().select("person_key", "left_on")
        joined = before.left_join(left, "person_key").drop("person_key_right")
        stays = joined.left_on.isnull() | (_quarter(joined.left_on) > joined.quarter)
        before = joined.filter(stays).select("person_key", "quarter")
    counts["n_before"] = before
    counts["n_again"] = before.semi_join(_by_person(own), ["person_key", "quarter"])
    parts = [_counted(table, groups, kind) for kind, table in counts.items()]
    found = log.collect(ibis.union(*parts))
    found = found[(found["quarter"] >= first) & (found["quarter"] <= last)]
    wide = found.pivot_table(
        index=["group", "quarter"], columns="kind", values="persons", aggfunc="sum"
    )
    wide = wide.reindex(columns=list(counts)).fillna(0).astype("int64").reset_index()
    wide["quarter_on"] = [pd.Timestamp(quarter_on(int(q))) for q in wide["quarter"]]
    if wide.empty:
        wide.attrs["missing"] = "no quarter lies wholly within the log"
    if not bool(shared.limit(1).count().execute()):
        wide.attrs["untold"] = "no share and no recommendation is in the log"
    return wide


def _by_person(days: ibis.Table) -> ibis.Table:
    return days.select("person_key", quarter=_quarter(days.day_on)).distinct()


def _counted(table: ibis.Table, groups: ibis.Table | None, kind: str) -> ibis.Table:
    import ibis

    if groups is None:
        named = table.mutate(group=ibis.literal(""))
    else:
        joined = table.left_join(groups, "person_key").drop("person_key_right")
        named = joined.mutate(group=ibis.coalesce(joined.group, UNKNOWN))
    counted = named.group_by("group", "quarter").agg(persons=named.count())
    return counted.mutate(kind=ibis.literal(kind)).select("group", "quarter", "kind", "persons")


@measure(
    grain=("group", "quarter_on"),
    needs=("survey_answer",),
    columns={
        "group": "object",
        "quarter_on": DAY,
        "n_answers": "int64",
        "n_promoters": "int64",
        "n_detractors": "int64",
    },
)
def voice(log: EventLog, *, by: str = "") -> pd.DataFrame:
    """Count promoters and detractors of the question of recommending, by group and quarter.

    Of each response and quarter the last answer counts. A group is known where the token is a
    person; answers given for a group of their own name are counted among all alone.

    Parameters
    ----------
    log : EventLog
    by : str
        As in :func:`behaviour`.

    Returns
    -------
    pandas.DataFrame
        Grain ``group, quarter_on``: ``n_answers`` from 0 to 10, of which ``n_promoters`` (9, 10)
        and ``n_detractors`` (0 to 6).

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-01  | view
    ... ''', "survey_answer": '''
    ...     response_id | token | instrument | item      | value | answered_at
    ...     r1          | all   | nps        | recommend | 9     | 2024-02-01
    ...     r2          | all   | nps        | recommend | 3     | 2024-02-01
    ... '''}, as_of="2024-07-01")
    >>> voice(tiny)[["n_answers", "n_promoters", "n_detractors"]].values.tolist()
    [[2, 1, 1]]
    """
    import ibis

    answer = log.table("survey_answer")
    asked = (answer.instrument == _INSTRUMENT) & (answer.item == _ITEM)
    answer = answer.filter(asked & answer.value.re_search(r"^\s*\d{1,2}\s*$"))
    answer = answer.mutate(score=answer.value.cast("int64"),
                           quarter=_quarter(log.day(answer.answered_at)))  # fmt: skip
    answer = answer.filter((answer.score >= 0) & (answer.score <= 10))
    groups = _grouped(log, by)
    if groups is None:
        answer = answer.mutate(group=ibis.literal(""))
    else:
        identity = log.table("identity").inner_join(groups, "person_key")
        answer = answer.inner_join(identity, answer.token == identity.person_id)
    answer = answer.group_by("group", "quarter", "response_id").agg(
        score=answer.score.argmax(answer.answered_at)
    )
    found = log.collect(
        answer.group_by("group", "quarter").agg(
            n_answers=answer.count(),
            n_promoters=(answer.score >= 9).cast("int64").sum(),
            n_detractors=(answer.score <= 6).cast("int64").sum(),
        )
    )
    found["quarter_on"] = [pd.Timestamp(quarter_on(int(q))) for q in found["quarter"]]
    if found.empty:
        found.attrs["missing"] = "nobody was asked whether they would recommend learning here"
    return found
