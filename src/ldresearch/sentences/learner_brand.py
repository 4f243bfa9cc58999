"""Say whether people learn of their own accord, tell others, come again and speak well of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "quarters": {
        "title": "There is a quarter to compare with",
        "passed": "Complete quarters in the log: {value}.",
        "not passed": (
            "Complete quarters in the log: {value} (wanted: {threshold} or more). Nothing can be "
            "said of a change yet."
        ),
        "not known": "Nobody has learned anything yet.",
    },
    "shared": {
        "title": "The log holds shares and recommendations",
        "passed": "What people pass on is in the log.",
        "not passed": (
            "No share or recommendation is in the log, so nothing is said of telling others. Ask "
            "the platform for these events; what is passed on by word of mouth is in no log."
        ),
        "not known": "Nobody has learned anything yet.",
    },
    "answers": {
        "title": "Enough people answered",
        "passed": "{value} answers in the last quarter that was asked.",
        "not passed": (
            "{value} answers in the last quarter that was asked (wanted: {threshold} or more): the "
            "score swings by chance."
        ),
        "not known": "Nobody was asked whether they would recommend learning here.",
    },
}
"""Check id to its title and the sentence for each status."""

METRICS: Final = {
    "voluntary_share": "learned of their own accord",
    "referral_share": "passed something on",
    "again_share": "came again from the quarter before",
}


_LESS: Final = {
    "voluntary": "fewer learn of their own accord",
    "passed_on": "fewer tell others",
    "again": "fewer come again",
}
_MEND: Final = {
    "voluntary": "Find out what has made learning a duty",
    "passed_on": "Find out why less is passed on",
    "again": "Find out why fewer come back",
}


def course(published: Published, *_: Published) -> str:
    """Say how the last quarter was, and what it was before."""
    if published.is_empty:
        return f"The brand cannot be told: {published.missing}."
    told = [_clause(e) for e in published.estimates]
    if not told:
        return "The last quarter is hidden: too few people."
    said = f"In the quarter from {words.date(str(published.parameters['quarter_on']))}, " + (
        words.listing(told)
    )
    untold = str(published.parameters.get("untold", ""))
    if untold:
        said += f". Of telling others nothing is known: {untold}"
    return (
        f"{said}. Each share has people of its own: those who learned anything, those active at "
        "all, those there the quarter before."
    )


def _clause(e: Estimate) -> str:
    return f"{words.percent(e.value)} {METRICS[e.metric]} ({words.interval(e)})"


def groups(published: Published, *_: Published) -> str:
    """Say which group learns least of its own accord."""
    if published.is_empty:
        return f"Groups cannot be put side by side: {published.missing}."
    own = [e for e in published.estimates if e.metric == "voluntary_share" and e.is_known]
    if not own:
        return "Groups are hidden: too few people in each."
    low, high = min(own, key=lambda e: e.value), max(own, key=lambda e: e.value)
    tail = "One line a group: the share now, and in brackets that of the quarter before."
    if low.high >= high.low:
        return (
            f"No group surely stands apart: of their own accord learn between "
            f"{words.percent(low.value)} and {words.percent(high.value)}. {tail}"
        )
    return (
        f"{low.label} learns least of its own accord, {words.percent(low.value)} "
        f"({words.interval(low)}), {high.label} most, {words.percent(high.value)}. {tail}"
    )


def voice(published: Published, *_: Published) -> str:
    """Say what people would tell others, from 100 down to minus 100."""
    if published.is_empty:
        return f"What people would tell others is not known: {published.missing}."
    e = _score(published)
    if e is None:
        return "What people would tell others is hidden: too few answers."
    n = words.persons(e.n, exact=published.rules.public).replace("people", "answers")
    return (
        f"The net promoter score is {words.number(e.value)} ({words.interval(e)}, {n}): the share "
        "who would recommend learning here (9 or 10) less that of those who would not (0 to 6). "
        "Answers are not weighted; who does not answer may think otherwise."
    )


def _score(published: Published) -> Estimate | None:
    if published.is_empty or not published.has("brand_nps", ""):
        return None
    return published.estimate("brand_nps", "")


def headline(told: Published, by_group: Published, said: Published) -> Headline:
    """Say how strong the brand is and what to do about it."""
    if told.is_empty or not told.has("voluntary_share"):
        return Headline(
            title="How learners take to the offer cannot be told yet",
            decision=(
                "Decide nothing yet: " + (told.missing or "too few people learned") + "."
            ),
            change_mind="A whole quarter of activity.",
        )  # fmt: skip
    own = told.estimate("voluntary_share")
    cards = [Card.of(e, METRICS[e.metric]) for e in told.estimates]
    score = _score(said)
    if score is not None:
        cards.append(Card.of(score, "net promoter score, from −100 to 100"))
    less = _less_than_a_year_before(told)
    title = _title(own, told)
    if less:
        kind, now, then = less
        title += f"; {_LESS[kind]} than a year before ({now} against {then})"
    return Headline(
        title=title,
        cards=tuple(cards),
        decision=_decision(own, told, by_group, less),
        change_mind="A quarter in which the shares move on and their intervals part.",
    )


def _less_than_a_year_before(told: Published) -> tuple[str, str, str] | None:
    """Return the kind that fell most, by more than chance does, with its share now and then.

    The same quarter of the year before: what comes back each summer is no fall.
    """
    now_on = str(told.parameters["quarter_on"])
    then_on = date.fromisoformat(now_on)
    then_on = then_on.replace(year=then_on.year - 1)
    at: dict[tuple[str, str], dict[Any, Any]] = {
        (str(row["quarter_on"])[:10], str(row["kind"])): row
        for row in told.frame.to_dict("records")
    }
    fallen = []
    for kind in _LESS:
        now, then = at.get((now_on, kind)), at.get((then_on.isoformat(), kind))
        # What is hidden is NaN, and no smaller than anything.
        if now and then and now["high"] < then["low"]:
            fallen.append((then["share"] - now["share"], kind, now["share"], then["share"]))
    if not fallen:
        return None
    _, kind, share, before = max(fallen)
    return kind, words.percent(share), words.percent(before)


def _title(own: Estimate, told: Published) -> str:
    said = f"{words.percent(own.value)} of those who learn do so of their own accord"
    if told.has("referral_share"):
        return f"{said}, and {words.percent(told.estimate('referral_share').value)} tell others"
    return f"{said}; whether they tell others is not in the log"


def _decision(
    own: Estimate, told: Published, by_group: Published, less: tuple[str, str, str] | None
) -> str:
    if own.high < 0.5:
        said = "Learning is mostly duty: make room for what people choose before adding to it."
    elif less:
        said = f"{_MEND[less[0]]} before anything new is offered: ask those who stayed away."
    elif not told.has("referral_share"):
        said = "Keep the offer open, and have shares and recommendations logged."
    elif told.estimate("referral_share").high < 0.1:
        said = "People come by themselves but tell few: make it easy to pass something on."
    else:
        said = "Keep it up: people come by themselves and tell others."
    shares = [] if by_group.is_empty else [
        e for e in by_group.estimates if e.metric == "voluntary_share" and e.high < own.low
    ]  # fmt: skip
    if shares:
        said += f" Look first at {words.listing(e.label for e in shares)}."
    return said
