"""Say what becomes of an initiative at a look, by the rule that was frozen before it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline
from ldresearch.vocabulary import metrics

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "frozen_before": {
        "title": "The plan was frozen before the launch",
        "passed": "It was: nobody could fit it to what was seen.",
        "not passed": "It was frozen on the day of the launch or later, so it may fit what was "
        "seen: read the verdict as a description.",
        "not known": "There is no frozen plan.",
    },
    "sample_ratio": {
        "title": "The sides hold the shares they were drawn with",
        "passed": "Sides this uneven come about by chance with a probability of {value}.",
        "not passed": "Sides this uneven come about by chance with a probability of {value} "
        "(wanted: {threshold} or more): something decides who is counted. Find it before anything "
        "is read.",
        "not known": "Nobody is on two sides yet.",
    },
    "drawn_by_chance": {
        "title": "Chance decided who got it",
        "passed": "Everyone who is compared was drawn by chance.",
        "not passed": "Not everyone was drawn by chance: the sides may have differed before.",
        "not known": "Too few people are on two sides yet.",
    },
    "looks_held": {
        "title": "Every planned look was held",
        "passed": "Every look up to today is on record.",
        "not passed": "Planned looks without a record: {value}. A guardrail may have been breached "
        "unseen.",
        "not known": "There is no frozen plan.",
    },
    "arms_kept": {
        "title": "People stayed on the side they were drawn to",
        "passed": "{value} % were moved to another side.",
        "not passed": "{value} % were moved to another side (allowed: {threshold} %). They count "
        "where they were first, which makes an effect look smaller.",
        "not known": "No side is known yet.",
    },
    "everyone_in": {
        "title": "Everyone of the population is on a side",
        "passed": "{value} % of the eligible are on no side.",
        "not passed": "{value} % of the eligible are on no side (allowed: {threshold} %): not yet "
        "invited, or left out. The answer is about the others.",
        "not known": "Invitations go on, or no side is known yet.",
    },
    "late_data": {
        "title": "Data come in time",
        "passed": "{value} % of what an earlier look had counted came after it.",
        "not passed": "{value} % of what an earlier look had counted came after it (allowed: "
        "{threshold} %): earlier pages showed too little.",
        "not known": "There was no look before this one.",
    },
    "same_people": {
        "title": "The people are those whom the plan was made for",
        "passed": "No attribute of the people has changed much since the launch.",
        "not passed": "Attributes that changed much since the launch: {value}.",
        "not known": "Nobody is known both then and now.",
    },
    "data_as_good": {
        "title": "The data are as good as before",
        "passed": "No kind of fault has become more frequent since the launch.",
        "not passed": "Kinds of fault that became more frequent since the launch: {value}.",
        "not known": "There are no events both before the launch and since.",
    },
}
"""Check id to its title and the sentence for each status."""

DEVIATIONS: Final[Mapping[str, str]] = {
    "frozen_late": "the plan was frozen on the day of the launch or later",
    "amended": "the plan was amended after the launch",
    "looks_missed": "looks without a record",
    "launch_moved": "the initiative began on another day",
    "arms_switched": "were moved to another side",
    "other_unit": "were allocated in another way than planned",
    "not_drawn": "were not drawn by chance",
    "not_in_an_arm": "are eligible and on no side",
    "not_eligible": "are on a side and were not eligible at the launch",
    "late_data": "events came after the look that should have counted them",
}
"""Kind of deviation in words."""

_STATES: Final = {
    "breached": "Breached", "safe": "Nothing suffers in", "open": "Still open",
}  # fmt: skip


def _named(metric: object) -> str:
    """Say a metric by its label in the registry."""
    entry = metrics().get(str(metric))
    return entry.label if entry else str(metric)


def _signed(e: Estimate) -> str:
    """Say a difference with its sign and unit."""
    said = words.estimate(e)
    return f"+{said}" if e.is_known and e.value > 0 and not said.startswith(("+", "0")) else said


def _difference(metric: object, now: Estimate) -> str:
    """Say what one side has more than the other."""
    label = _named(metric)
    if now.unit == "points" and label.startswith("people"):
        size = _amount(now.value, now.unit)
        more = "fewer" if now.value < 0 else "more"
        return f"{size} {more} {label} than among those held out"
    return f"{label}: {_signed(now)} against those held out"


def _amount(value: Any, unit: str) -> str:
    """Say the size of a difference, without its sign."""
    return words.value(None if value is None else abs(float(value)), unit).lstrip("+")


def _asked(value: Any, unit: str) -> str:
    """Say a size that the plan names: as it is written there, to a tenth of a point."""
    if unit == "points" and value is not None:
        return words.quantity(round(100 * abs(float(value)), 1), unit)
    return _amount(value, unit)


def _unit_of(metric: object) -> str:
    entry = metrics().get(str(metric))
    unit = entry.unit if entry else ""
    return "points" if unit == "share" else unit


# The plan -----------------------------------------------------------------------------------


def plan(published: Published, *_: Published) -> str:
    """Say what is judged by, and that it is what was frozen."""
    if published.is_empty:
        return f"Nothing is judged: {published.missing}."
    asked = published.parameters
    said = (
        f"The plan {asked['name']}, version {asked['version']}, was frozen on "
        f"{words.date(str(asked['frozen_on']))} and has not been edited since"
    )
    if asked["is_late"]:
        return f"{said}; it was frozen too late, after {words.date(str(asked['launch_on']))}."
    return f"{said}; the launch was on {words.date(str(asked['launch_on']))}."


def arms(published: Published, *_: Published) -> str:
    """Say whether the sides are as they were drawn."""
    if published.is_empty:
        return f"Whether the sides are as they were drawn cannot be told: {published.missing}."
    p = published.parameters.get("p")
    if not isinstance(p, int | float):
        return "Whether the sides are as they were drawn is hidden: too few people."
    if published.parameters.get("is_passed"):
        return "The sides hold the people they were drawn with, give or take chance."
    return (
        "The sides do not hold the people they were drawn with, far beyond chance: something "
        "decides who is counted, and no difference between them can be trusted."
    )


# The primary metric -------------------------------------------------------------------------


def course(published: Published, *others: Published) -> str:
    """Say how large the effect is so far, and whether chance could explain it."""
    if published.is_empty or not published.has("primary_difference"):
        why = published.missing or "too few people"
        return f"No difference can be told yet: {why}."
    now = published.estimate("primary_difference")
    metric = published.parameters.get("metric")
    mde = published.parameters.get("mde")
    said = f"So far: {_difference(metric, now)} ({words.interval(now)}, valid at every look)"
    if mde is None:
        return f"{said}."
    wanted = _asked(mde, now.unit)
    if now.low > 0 or now.high < 0:
        return f"{said}: chance does not explain it. What matters is {wanted}, the dashed line."
    return f"{said}: it may still be nothing. What matters is {wanted}, the dashed line."


def before(published: Published, *_: Published) -> str:
    """Say how much activity before the launch helped."""
    if published.is_empty:
        return f"Activity before the launch is not used: {published.missing}."
    row = published.frame.to_dict("records")[0]
    if row["width_left"] is None:
        return "How much activity before the launch helps is hidden: too few people."
    saved = words.percent(1 - float(row["width_left"]))
    return (
        f"What people did before the launch explains part of what they do now: allowing for it "
        f"makes the interval {saved} narrower, as if there were "
        f"{words.percent(1 / max(float(row['variance_left']), 1e-9) - 1)} more people."
    )


def looks(published: Published, *_: Published) -> str:
    """Say what the boundaries of the planned looks show."""
    if published.is_empty:
        return f"No boundary can be told yet: {published.missing}."
    last = published.frame.to_dict("records")[-1]
    day = words.date(str(last["look"]))
    crossed = "is crossed" if last["is_crossed"] else "is not crossed"
    used = (
        "it decides, as the plan says" if published.parameters.get("is_used")
        else "the plan lets the sequence above decide, so it is told beside it"
    )  # fmt: skip
    if last["z"] is None or last["bound"] is None:
        return f"The boundary of {day} is hidden: too few people."
    return (
        f"At the look of {day} the boundary {crossed}: the difference is "
        f"{words.number(abs(float(last['z'])), 2)} times its error, and "
        f"{words.number(float(last['bound']), 3)} times is asked for; {used}."
    )


def forecast(published: Published, *_: Published) -> str:
    """Say where it will end, and how likely the end shows an effect."""
    if published.is_empty:
        return f"Nothing is left to forecast: {published.missing}."
    if not published.has("forecast_difference"):
        return "Where it will end is hidden: too few people."
    end = published.estimate("forecast_difference")
    chance = published.parameters.get("chance_above")
    said = (
        f"If nothing changes, the difference on {words.date(str(published.parameters['end_on']))} "
        f"will be {_signed(end)} ({words.interval(end)} of what chance may still do)"
    )
    if not isinstance(chance, int | float):
        return f"{said}."
    return f"{said}; the chance that the end shows an effect is {_chance(chance)}."


def _chance(share: float) -> str:
    if share > 0.99:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else words.percent(share)


# Guardrails ---------------------------------------------------------------------------------


def guardrails(published: Published, *_: Published) -> str:
    """Say of each guardrail whether it holds."""
    if published.is_empty:
        return f"No guardrail can be told: {published.missing}."
    rows = published.frame.to_dict("records")
    said = [
        f"{begin}: {words.listing(names)}"
        for state, begin in _STATES.items()
        if (names := [_named(row["metric"]) for row in rows if row["state"] == state])
    ]
    if not said:
        return "Guardrails are hidden: too few people."
    return (
        f"{'. '.join(said)}. A guardrail is breached when all of its interval is worse than its "
        "margin, and holds when none of it is."
    )


# What changed -------------------------------------------------------------------------------


def drift(published: Published, *_: Published) -> str:
    """Say whether the people are still those whom the plan was made for."""
    if published.is_empty:
        return f"Whether the people have changed cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    moved = [str(row["attribute"]) for row in rows if row["state"] in ("some", "much")]
    if not moved:
        return "The people employed now are of the same kind as those at the launch."
    return (
        f"The people employed now differ from those at the launch by {words.listing(moved)}: the "
        "answer is about those who were there at the launch."
    )


def quality(published: Published, *_: Published) -> str:
    """Say whether the data have become worse."""
    if published.is_empty:
        return f"Whether the data have become worse cannot be told: {published.missing}."
    worse = [
        str(row["check"]) for row in published.frame.to_dict("records") if row["state"] == "worse"
    ]
    if not worse:
        return "The data are as good as before the launch."
    return f"More events than before the launch are {words.listing(worse)}: find out why."


def process(published: Published, *_: Published) -> str:
    """Say what was done otherwise than planned, of the plan and its looks."""
    if published.is_empty:
        return f"Deviations cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    if not rows:
        return "The plan and its looks were kept: nothing was done otherwise."
    said = [DEVIATIONS.get(str(row["deviation"]), str(row["deviation"])) for row in rows]
    return f"Otherwise than planned: {words.listing(said)}."


def roll_out(published: Published, *_: Published) -> str:
    """Say what was done otherwise than planned, of people."""
    if published.is_empty:
        return f"Whether people are where the plan has them cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if r["count"] is None or r["count"] > 0]
    if not rows:
        return "Everyone is where the plan has them."
    said = [
        f"{_count(row, published)} {DEVIATIONS.get(str(row['deviation']), str(row['deviation']))}"
        for row in rows
    ]
    return f"Otherwise than planned: {words.listing(said)}."


def _count(row: Mapping[Any, Any], published: Published) -> str:
    if row["count"] is None or row["count"] != row["count"]:
        return f"fewer than {published.rules.k}"
    return words.number(float(row["count"]))


# The verdict --------------------------------------------------------------------------------


def verdict(published: Published, *others: Published) -> str:
    """Say the verdict and the rule that led to it."""
    begin = _TITLES[_word(published)]
    if published.parameters.get("reason") == "absent":
        begin = "No verdict"
    return f"{begin}: {_because(published, others)}."


_TITLES: Final = {
    "continue": "Continue and scale", "iterate": "Go on as planned", "pivot": "Pivot",
    "stop": "Stop", "refused": "Refused",
}  # fmt: skip


def _word(published: Published) -> str:
    word = str(published.parameters.get("verdict") or "refused")
    return word if word in _TITLES else "refused"


def _because(published: Published, others: Sequence[Published]) -> str:
    asked = published.parameters
    if _word(published) == "refused":
        return published.missing or "there is no plan"
    now = _found(others, "primary_difference")
    metric = asked.get("metric")
    wanted = _asked(asked.get("mde"), _unit_of(metric))
    than = f"the {wanted} that matter"
    differs = _difference(metric, now) if now else _named(metric)
    missing = str(asked.get("missing") or "too few people are known")
    reasons = {
        "sample_ratio": "the sides do not hold the people they were drawn with, so no difference "
        "between them can be trusted",
        "guardrail": _breach(published, others),
        "harm": f"{differs}, which is worse, and chance does not explain it",
        "too_small": f"{differs}, which works and is surely less than {than}",
        "effect_shown": f"{differs}, and chance does not explain it",
        "no_effect": f"{differs}, and whatever it does is surely less than {than}",
        "undecided_at_end": f"{differs}, which may still be chance, and the planned end is here",
        "nothing_at_end": f"the planned end is here, and nothing can be told: {missing}",
        "too_early": f"it is too early to say: {missing}",
        "undecided": f"{differs}, which may still be chance, and there is time",
    }
    return reasons.get(str(asked.get("reason")), "the rule of the plan says so")


def _breach(published: Published, others: Sequence[Published]) -> str:
    metric = str(published.parameters.get("guardrail") or "")
    now = _found(others, "guardrail_difference", metric)
    margin = next(
        (
            row["margin"]
            for one in others
            if one.name == "guardrails"
            for row in one.frame.to_dict("records")
            if row["metric"] == metric
        ),
        None,
    )
    said = f"a guardrail is breached, {_named(metric)}"
    if now is None:
        return said
    allowed = f", where {_asked(margin, now.unit)} are allowed" if margin is not None else ""
    return f"a guardrail is breached, {_difference(metric, now)}{allowed}"


def _found(others: Sequence[Published], metric: str, label: str | None = None) -> Estimate | None:
    for one in others:
        if one.has(metric, label):
            return one.estimate(metric, label)
    return None


def headline(published: Published, *others: Published) -> Headline:
    """Say the verdict, the numbers it rests on, what to do and what would change it.

    Parameters
    ----------
    published : Published
        The verdict.
    *others : Published
        The plan, the course, the looks, the guardrails, the forecast.
    """
    word = _word(published)
    stands = next((one for one in others if one.name == "plan"), None)
    return Headline(
        title=verdict(published, *others).removesuffix("."),
        cards=() if word == "refused" else _cards(published, others),
        decision=_decision(word, published, stands),
        change_mind=_change_mind(word, published),
    )


def _cards(published: Published, others: Sequence[Published]) -> tuple[Card, ...]:
    breached = str(published.parameters.get("guardrail") or "")
    cards = []
    now = _found(others, "primary_difference")
    if now:
        cards.append(Card.of(now, f"{_named(published.parameters.get('metric'))}, against those "
                             "held out"))  # fmt: skip
    planned = _found(others, "boundary_difference")
    if planned:
        cards.append(Card.of(planned, "the same at the last planned look, by its boundary"))
    guard = _found(others, "guardrail_difference", breached or None)
    if guard:
        cards.append(Card.of(guard, f"guardrail: {_named(guard.label)}"))
    ahead = _found(others, "forecast_difference")
    if ahead:
        cards.append(Card.of(ahead, "expected at the planned end"))
    return tuple(cards)


def _decision(word: str, published: Published, stands: Published | None) -> str:
    if word == "refused":
        reason = published.parameters.get("reason")
        return {
            "edited": "Undo the edit, or amend the plan: raise its version by one, say why, and "
            "freeze it again. Nothing is judged before.",
            "unfrozen": "Freeze the plan before its launch with ldresearch plan freeze.",
        }.get(str(reason), "Write a plan with ldresearch plan new, and freeze it before a launch.")
    asked = stands.parameters if stands else {}
    following = str(asked.get("next_on") or "")
    when = f"the next look is on {words.date(following)}" if following else "no look is left"
    return {
        "continue": "Bring it to those held out and to the next group; "
        + (
            f"keep watching the guardrails: {when}."
            if following
            else "no look is left, so judge next what it changed in the work and what it earned."
        ),
        "iterate": f"Change nothing that the plan fixes, and look again: {when}.",
        "pivot": "Change the offer or the way it is brought to people, write that down as a new "
        "version of the plan, and start again.",
        "stop": "End the invitations today, tell those who take part, and find the cause before "
        "anything new is planned."
        if published.parameters.get("reason") in ("sample_ratio", "guardrail", "harm")
        else "End it, and spend the money on something else.",
    }[word]


def _change_mind(word: str, published: Published) -> str:
    reason = str(published.parameters.get("reason"))
    if word == "refused":
        return ""
    if reason == "sample_ratio":
        return "A cause for the uneven sides that has nothing to do with what people did."
    if reason == "guardrail":
        return (
            "A reason to believe that the guardrail was measured wrongly; not a good number "
            "elsewhere."
        )
    return {
        "continue": "A guardrail that is breached at a later look.",
        "iterate": "An interval that leaves nought behind, or falls below what matters.",
        "pivot": "A later run of the same plan with more people.",
        "stop": "Nothing within this plan: its interval holds for every look.",
    }[word]
