"""Published scores of organisations, and an organisation's own answers to the same questions."""

from __future__ import annotations

from typing import Final

import pandas as pd

from ldresearch.log import EventLog
from ldresearch.measures._measure import measure

THEME: Final = "theme"
"""The item that is the mean of the others."""

_GROUP: Final = "group "


@measure(
    grain=("source", "organisation", "year", "item"),
    needs=("benchmark",),
    columns={
        "source": "object",
        "organisation": "object",
        "year": "int64",
        "item": "object",
        "sector": "object",
        "score": "float64",
        "n": "float64",
        "response_rate": "float64",
        "is_summary": "bool",
    },
)
def scores(log: EventLog) -> pd.DataFrame:
    """Return the published scores as they are.

    Parameters
    ----------
    log : EventLog

    Returns
    -------
    pandas.DataFrame
        One row an organisation, year and item. ``score`` is of 100; ``n``, who answered, is
        missing where it was not published; ``is_summary`` marks the publisher's own mean or
        median of all.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"benchmark": '''
    ...     source | organisation | year | item  | score | known_on
    ...     survey | Harbour Inc  | 2023 | theme | 52.5  | 2024-01-01
    ...     survey | Harbour Inc  | 2024 | theme | 53.0  | 2025-01-01
    ... '''}, as_of="2024-06-01")
    >>> scores(tiny)[["organisation", "year", "score"]].values.tolist()
    [['Harbour Inc', 2023, 52.5]]
    """
    table = log.table("benchmark")
    known = table.mutate(is_summary=table.is_summary.fill_null(False))
    return log.collect(known.select(*scores.columns))


@measure(
    grain=("year", "item"),
    needs=("survey_answer",),
    columns={
        "year": "int64",
        "item": "object",
        "score": "float64",
        "sd": "float64",
        "n": "int64",
        "n_items": "int64",
    },
)
def own(
    log: EventLog, *, items: str | tuple[str, ...] = ("access", "performance", "career",
                                                      "opportunities")
) -> pd.DataFrame:  # fmt: skip
    """Score an organisation's own answers to the same statements, as the publisher does.

    A score is the share of 100 who agree or strongly agree, unweighted; the theme is a person's
    mean over the statements she answered. Of several answers in a year the last one counts.

    Parameters
    ----------
    log : EventLog
    items : text with commas, or sequence of str
        Statements of the theme.

    Returns
    -------
    pandas.DataFrame
        One row a calendar year and item: ``score`` and ``sd`` over people, ``n`` people, and in
        the theme ``n_items`` statements that were asked.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"survey_answer": '''
    ...     response_id | token | instrument | item   | value | answered_at
    ...     r1          | ada   | likert     | access | 4     | 2024-02-10
    ...     r1          | ada   | likert     | career | 2     | 2024-02-10
    ...     r2          | ben   | likert     | access | 5     | 2024-02-11
    ... '''}, as_of="2024-06-01")
    >>> own(tiny)[["item", "score", "n"]].values.tolist()
    [['access', 100.0, 2], ['career', 0.0, 1], ['theme', 75.0, 2]]
    """
    import ibis

    wanted = [i.strip() for i in items.split(",")] if isinstance(items, str) else list(items)
    answer = log.table("survey_answer")
    name = answer.instrument.lower()
    answer = answer.filter(name.re_search(r"^likert\d*$") & answer.item.isin(wanted))
    if log.population:
        # Groups are known by name alone: narrowed to part of the people, they are out.
        identity = log.table("identity")
        inside = log.persons().select("person_key").inner_join(identity, "person_key")
        answer = answer.semi_join(inside, answer.token == inside.person_id)
    points = ibis.coalesce(
        answer.instrument.re_extract(r"(\d+)$", 1).try_cast("float64"), ibis.literal(5.0)
    )
    score = answer.value.try_cast("float64")
    answer = answer.mutate(
        score=score, points=points, year=log.day(answer.answered_at).year().cast("int64")
    )
    is_read = (answer.score == answer.score.floor()) & answer.score.between(1, answer.points)
    answer = answer.filter(is_read.fill_null(False))
    is_group = answer.token.lower().startswith(_GROUP)
    answer = answer.mutate(
        who=ibis.ifelse(is_group, answer.response_id, answer.token),
        agrees=100.0 * (answer.score > (answer.points + 1) / 2).cast("float64"),
    )
    each = answer.group_by("year", "item", "who").agg(
        agrees=answer.agrees.argmax(answer.answered_at)
    )
    by_item = each.group_by("year", "item").agg(
        score=each.agrees.mean(), sd=each.agrees.std(how="sample"), n=each.count()
    )
    people = each.group_by("year", "who").agg(agrees=each.agrees.mean())
    asked = each.group_by("year").agg(n_items=each.item.nunique())
    theme = people.group_by("year").agg(
        score=people.agrees.mean(), sd=people.agrees.std(how="sample"), n=people.count()
    )
    theme = theme.inner_join(asked, "year")
    parts = [log.collect(by_item).assign(n_items=1), log.collect(theme).assign(item=THEME)]
    parts = [p for p in parts if len(p)]
    if not parts:
        return pd.DataFrame(columns=list(own.columns))
    return pd.concat(parts, ignore_index=True)
