"""Say where learners are lost on the way, and which beginnings last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldresearch.journey_words import STEPS, TIMES, behaviour
from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "began_early": {
        "title": "The log begins before people do",
        "passed": "{value} % of all who ever began did so in the first 28 days of the log.",
        "not passed": (
            "{value} % of all who ever began did so in the first 28 days of the log (allowed: "
            "{threshold} %): many had begun before it, and what looks like their first week is not."
        ),
        "not known": "Nobody has begun yet.",
    },
    "kinds": {
        "title": "The catalogue knows what people took",
        "passed": "{value} % of those who began took nothing whose kind is known.",
        "not passed": (
            "{value} % of those who began took nothing whose kind is known (allowed: {threshold} "
            "%): paths tell of the others alone. Complete the catalogue."
        ),
        "not known": "Nobody has begun yet.",
    },
    "followed": {
        "title": "Enough people can be followed",
        "passed": "{value} people have been followed long enough to know whether they stayed.",
        "not passed": (
            "Only {value} people have been followed long enough to know whether they stayed "
            "(wanted: {threshold} or more): wait, or tell an earlier day of return."
        ),
        "not known": "No one is eligible as of the date.",
    },
    "calibrated": {
        "title": "What is expected of a first week comes true",
        "passed": "Of people held out, what came and what was expected lie {value} points apart.",
        "not passed": (
            "Of people held out, what came and what was expected lie {value} points apart, more "
            "than chance makes: people who begin now stay otherwise than those who began earlier."
        ),
        "not known": "Too few people can be followed to hold some out.",
    },
}
"""Check id to its title and the sentence for each status."""

_LOST: Final = {
    "activated": "before the first value", "stayed": "after the first value",
}  # fmt: skip
_ABSENT: Final = {
    "informed": "who was written to", "activated": "who began", "stayed": "who stayed",
    "passed_on": "who passed something on (no share or recommendation is in the log)",
    "gained": "who gained a skill or a role (no ratings by others, no applications)",
}  # fmt: skip

# Findings -----------------------------------------------------------------------------------


def funnel(published: Published, *_: Published) -> str:
    """Say at which of the steps most are lost."""
    if published.is_empty:
        return f"The way cannot be told: {published.missing}."
    told = [f"{_share(e)} {STEPS[e.label]}" for e in _steps(published)]
    weakest = _weakest(published)
    if weakest is None:
        return f"Of those they are counted among, {words.listing(told)}.{_absent(published)}"
    said = (
        f"Most are lost {_LOST[weakest.label]}: {_share(weakest)} "
        f"{STEPS[weakest.label]} ({words.interval(weakest)}, "
        f"{words.persons(weakest.n, exact=published.rules.public)})."
    )
    if told:
        said += f" Step by step, {words.listing(told)}, each of those it is counted among."
    return said + _absent(published)


def _steps(published: Published) -> list[Estimate]:
    return [e for e in published.estimates
            if e.metric == "way_step" and e.label not in ("eligible", "uninformed")]  # fmt: skip


def _weakest(published: Published) -> Estimate | None:
    if published.is_empty:
        return None
    name = str(published.parameters.get("weakest", ""))
    known = published.has("way_step", name)
    return published.estimate("way_step", name) if name and known else None


def _share(e: Estimate) -> str:
    return words.percent(e.value)


def _absent(published: Published) -> str:
    names = [n for n in str(published.parameters.get("absent", "")).split(", ") if n in _ABSENT]
    if not names:
        return ""
    return f" The log cannot show {words.listing([_ABSENT[n] for n in names], last='or')}."


def drop_off(published: Published, *_: Published) -> str:
    """Say which groups fall behind at which step."""
    if published.is_empty:
        return f"Groups cannot be compared: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if r["standing"] == "behind"]
    n = int(published.parameters.get("n_compared") or 0)
    read = (
        f"Each group is held against everyone else; intervals hold for all {n} comparisons at once "
        "(Bonferroni)."
    )
    rows = [r for r in rows if r["difference"] is not None]
    if not rows:
        return f"No group is surely behind the others at any step. {read}"
    worst = min(rows, key=lambda r: float(r["difference"]))
    others = len(rows) - 1
    more = f", and {words.plural(others, 'more such gap')}" if others else ""
    return (
        f"{worst['group']} falls furthest behind: of them {words.percent(worst['share'])} "
        f"{STEPS[str(worst['step'])]}, {_points(worst)} fewer than of everyone else{more}. {read}"
    )


def _points(row: Mapping[Any, Any]) -> str:
    return words.points(abs(float(row["difference"]))).lstrip("+")


def step_times(published: Published, *_: Published) -> str:
    """Say how long the steps take."""
    if published.is_empty:
        return f"How long steps take cannot be told: {published.missing}."
    medians = [e for e in published.estimates if e.metric == "funnel_step_days"]
    known = [e for e in medians if e.is_known and e.value != float("inf")]
    never = [TIMES[e.label].split(",")[0] for e in medians if e.value == float("inf")]
    said = [f"{words.days(e.value)} to {TIMES[e.label]} ({words.interval(e)})" for e in known]
    lead = f"Half take {words.listing(said)}" if said else "Half have taken none of the steps yet"
    if never and said:
        lead += f"; fewer than half have come to {words.listing(never, last='or')}"
    return (
        f"{lead}. Who has not taken a step yet counts for as long as she was followed. Curves "
        "stand apart, so steps are not to be added up."
    )


def paths(published: Published, *_: Published) -> str:
    """Say which way through the kinds of content is most common, and how many are shown."""
    if published.is_empty:
        return f"No path can be shown: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if r["share"] is not None]
    if not rows or not published.has("paths_covered"):
        return "Paths are hidden: too few people."
    first = rows[0]
    covered = published.estimate("paths_covered")
    return (
        f"The most common way is {first['path'].replace(' > ', ', then ')}: "
        f"{words.percent(first['share'])} of the people began so. "
        f"Each person is on one path; the paths shown were taken by "
        f"{published.parameters.get('least')} people or more and cover "
        f"{words.percent(covered.value)} of them. A path says what came first, not what led on."
    )


def beginnings(published: Published, *_: Published) -> str:
    """Say whether the first week tells who stays, of people it was not learned from."""
    if published.is_empty:
        return f"Whether the first week tells who stays is not known: {published.missing}."
    gain, auc = (published.estimate(m) for m in ("beginning_gain", "beginning_auc"))
    n = words.persons(gain.n, exact=published.rules.public)
    judged = (
        f"Learned from people who began earlier and judged on {n} who began from "
        f"{words.date(str(published.parameters['begins']))} on: of a pair, one who stayed and one "
        f"who did not, the first week picks the right one in {_of_100(auc.value)} of 100 "
        f"({_range(auc)}; 50 is a coin), and takes "
        f"{words.percent(gain.value)} off the error of a plain share ({words.interval(gain)})."
    )
    if published.parameters.get("verdict") != "evidence":
        return f"No evidence that the first week tells who stays. {judged}"
    return f"The first week goes with staying; that is no proof that it causes it. {judged}"


def _of_100(x: float) -> str:
    return words.number(round(100 * x))


def _range(e: Estimate) -> str:
    return f"95 % interval {_of_100(e.low)} to {_of_100(e.high)}"


def habits(published: Published, *_: Published) -> str:
    """Say which behaviour of the first week goes most with staying."""
    if published.is_empty:
        return f"Behaviours cannot be compared: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if r["difference"] is not None]
    clear = [r for r in rows if r["standing"] == "more"]
    n = int(published.parameters.get("n_compared") or 0)
    read = (
        f"All {n} behaviours were named beforehand, and intervals hold for all of them at once. "
        "It goes with staying; it need not cause it."
    )
    if not clear:
        return f"No behaviour of the first week surely goes with staying. {read}"
    best = clear[0]
    return (
        f"Who {behaviour(str(best['behaviour']), best['at_least'])} stayed more often: "
        f"{words.percent(best['share'])} against {words.percent(best['share_others'])} of the "
        f"others, among people held out. {read}"
    )


# The headline -------------------------------------------------------------------------------


def headline(
    way: Published, groups: Published, times: Published, began: Published, did: Published
) -> Headline:
    """Say where most are lost, which beginning lasts, and which step to mend."""
    weakest = _weakest(way)
    if weakest is None:
        why = way.missing or "too few people have begun"
        return Headline(
            title=f"Where learners are lost cannot be told yet: {why}",
            decision="Decide nothing yet: wait until people have begun and can be followed.",
            change_mind="A log in which people begin, and months after it.",
        )
    lost = words.percent(1 - weakest.value)
    where = {
        "activated": f"{lost} of those invited have not found a first value",
        "stayed": f"{lost} of those who begin do not come back after day {_from(way)}",
    }[weakest.label]
    return Headline(
        title=f"{where}{_beginning(began, did)}", cards=_cards(way, weakest, times, began),
        decision=_decision(weakest, groups, began, did), change_mind=_change_mind(began),
    )  # fmt: skip


def _from(way: Published) -> str:
    return str(way.parameters.get("later_from"))


def _best(began: Published, did: Published) -> Mapping[Any, Any] | None:
    if began.is_empty or did.is_empty or began.parameters.get("verdict") != "evidence":
        return None
    clear = [r for r in did.frame.to_dict("records")
             if r["standing"] == "more" and r["difference"] is not None]  # fmt: skip
    return clear[0] if clear else None


def _beginning(began: Published, did: Published) -> str:
    best = _best(began, did)
    if best is not None:
        said = behaviour(str(best["behaviour"]), best["at_least"])
        return f"; who {said} in the first week stays more often"
    if not began.is_empty and began.parameters.get("verdict") != "evidence":
        return "; the first week is not shown to tell who stays"
    return ""


def _cards(
    way: Published, weakest: Estimate, times: Published, began: Published
) -> tuple[Card, ...]:
    cards = [Card.of(weakest, STEPS[weakest.label])]
    other = "stayed" if weakest.label == "activated" else "activated"
    if way.has("way_step", other):
        cards.append(Card.of(way.estimate("way_step", other), STEPS[other]))
    if not times.is_empty and times.has("funnel_step_days", "activated"):
        e = times.estimate("funnel_step_days", "activated")
        if e.is_known:
            cards.append(Card.of(e, "until half have found a first value"))
    if not began.is_empty:
        cards.append(Card.of(began.estimate("beginning_gain"),
                             "less error in telling who stays, by the first week"))  # fmt: skip
    return tuple(cards)


def _decision(weakest: Estimate, groups: Published, began: Published, did: Published) -> str:
    said = {
        "activated": (
            "Mend the step before the first value: make it easier to find one thing of use, before "
            "anything is done to keep people."
        ),
        "stayed": (
            "Mend what comes after the first value: give those who begin a reason to come back "
            "soon, before more are invited."
        ),
    }[weakest.label]
    behind = [] if groups.is_empty else [
        str(r["group"]) for r in groups.frame.to_dict("records")
        if r["standing"] == "behind" and r["step"] == weakest.label
    ]  # fmt: skip
    if behind:
        said += f" Begin with {words.listing(behind)}."
    if _best(began, did) is not None:
        said += " Try the beginning that goes with staying on half of the new people, by chance."
    return said


def _change_mind(began: Published) -> str:
    if not began.is_empty and began.parameters.get("verdict") == "evidence":
        return (
            "A trial in which people drawn at random begin that way and stay no longer than the "
            "others: what goes with staying may only show who would have stayed anyway."
        )
    return "Another step falling below this one, or a first week that tells of people held out."
