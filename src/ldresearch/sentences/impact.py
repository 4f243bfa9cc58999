"""Say whether an initiative changed the work, whether it was worth it, and what to do with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline
from ldresearch.vocabulary import Grade, metrics

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "frozen": {
        "title": "The plan was frozen before the launch and kept",
        "passed": "It was: nobody could choose the question after the answer.",
        "not passed": "It was not, or it was edited since: what is asked here may have been chosen "
        "to fit the answer.",
        "not known": "There is no plan, so nothing was fixed beforehand.",
    },
    "over": {
        "title": "The initiative is over",
        "passed": "It ended {value} days before the date of this report.",
        "not passed": "It is not over yet: see the monitor for how it goes.",
        "not known": "Without a plan nobody said when it ends.",
    },
    "sides": {
        "title": "There is someone to compare with",
        "passed": "Some got it and some did not.",
        "not passed": "Everyone got it, so what happened afterwards may have happened anyway.",
        "not known": "Nothing is recorded of the initiative.",
    },
    "drawn": {
        "title": "Chance decided who got it",
        "passed": "It did.",
        "not passed": "It did not: those who got it may have been different to begin with.",
        "not known": "Nothing is recorded of the initiative.",
    },
    "windows": {
        "title": "Everyone was followed to the end",
        "passed": "Every window is over.",
        "not passed": "The window of {value} people is not over yet; they are not counted.",
        "not known": "Nobody was followed.",
    },
    "known": {
        "title": "The result of most is known",
        "passed": "On each side it is known of at least {value} % of the people.",
        "not passed": "On one side it is known of {value} % only (wanted: {threshold} %): the "
        "others may have done better or worse.",
        "not known": "No result of the work is known by side.",
    },
    "lost": {
        "title": "As many were lost on one side as on the other",
        "passed": "The shares with a known result differ by {value} points of 100.",
        "not passed": "The shares with a known result differ by {value} points of 100 (allowed: "
        "{threshold}): whoever was lost may be what the difference is made of.",
        "not known": "No result of the work is known on two sides.",
    },
    "periods": {
        "title": "The result was recorded more than once since",
        "passed": "{value} periods since the launch, for half of them or more.",
        "not passed": "{value} periods since the launch (wanted: {threshold} or more): too early "
        "to say that it lasts.",
        "not known": "No result of the work was recorded before and since.",
    },
}
"""Check id to its title and the sentence for each status."""

_ITEMS: Final = {
    "frozen": "the plan frozen before the launch", "launch": "the launch date",
    "end": "the end date", "design": "how it was to be compared",
    "share": "the share that was to get it", "looks": "the looks on their days",
    "primary": "the smallest effect that matters", "guardrail": "what may not suffer",
    "outcome": "a result of the work", "cost": "the cost",
}  # fmt: skip
_STATES: Final = {
    "late": "it was frozen on or after the launch", "unfrozen": "it was never frozen",
    "edited": "it was edited since it was frozen, and what was frozen is what counts here",
}  # fmt: skip
_RUNGS: Final = {
    "reaction": "what people said", "learning": "what they can do", "behaviour": "what they did",
    "result": "what came of it", "return": "what it returned",
}  # fmt: skip
_INPUTS: Final = {
    "effect": "the effect on the result", "worth": "what one unit of the result is worth",
    "cost": "what it cost", "isolation": "the share of the change that is its own",
}  # fmt: skip


# Plan and actual ----------------------------------------------------------------------------


def kept(published: Published, *_: Published) -> str:
    """Say how much of the plan was kept, and what was not."""
    if published.is_empty:
        return f"Plan against actual: {published.missing}."
    parameters = published.parameters
    n_kept, n_told = int(parameters["n_kept"] or 0), int(parameters["n_told"] or 0)
    broken = [
        _ITEMS.get(str(r["item"]), str(r["item"]))
        for r in published.frame.to_dict("records")
        if r["state"] == "not kept"
    ]
    said = f"Of {words.plural(n_told, 'item')} whose keeping can be told, {n_kept} were kept"
    said += f"; not kept: {words.listing(broken)}." if broken else "."
    why = _STATES.get(str(parameters["state"]))
    if why:
        said += f" Of the plan itself: {why}."
    if parameters["edits"]:
        said += f" What was changed: {parameters['edits']}."
    return said


# The ladder ---------------------------------------------------------------------------------


def ladder(published: Published, *_: Published) -> str:
    """Say how far up the ladder an effect was shown, and which rungs were not measured."""
    if published.is_empty:
        return f"No rung of the ladder can be told: {published.missing}."
    rows = published.frame.to_dict("records")
    highest = int(published.parameters["highest_shown"] or 0)
    unknown = [_RUNGS[str(r["name"])] for r in rows if r["state"] == "unknown"]
    if highest:
        name = next(str(r["name"]) for r in rows if int(r["rung"]) == highest)
        said = f"Evidence of an effect reaches rung {highest}, {_RUNGS[name]}"
    else:
        said = "On no rung has an effect been shown"
    if unknown:
        said += f"; not measured: {words.listing(unknown)}"
    return f"{said}."


# Result and worth ---------------------------------------------------------------------------


def result(published: Published, *_: Published) -> str:
    """Say what the result of the work was on each side, and the difference."""
    if published.is_empty:
        return f"What came of it in the work is not known: {published.missing}."
    if not published.estimates:
        return "What came of it in the work is hidden: too few people."
    e = published.estimates[0]
    name = _outcome(published)
    rows = {str(r["side"]): r for r in published.frame.to_dict("records")}
    if not published.parameters["is_identified"]:
        return (
            f"{_capital(name)} changed by {_signed(e)} since ({_interval(e)}). Nobody was left out "
            "to compare with, so this is no effect: it may have come anyway."
        )
    said = (
        f"With the initiative {name} came to {words.estimate(_absolute(e))} a period "
        f"{'more' if e.value > 0 else 'less'} than without it ({_interval(e)})"
    )
    if not e.low <= 0 <= e.high:
        return f"{said}, {words.grade(e.grade)}." + _means(rows)
    return f"{said}; the interval takes in nought, so there may be no effect." + _means(rows)


def _absolute(e: Estimate) -> Estimate:
    return replace(e, value=abs(e.value))


def _means(rows: Mapping[str, Mapping[Any, Any]]) -> str:
    told = {side: row["after"] for side, row in rows.items() if _is_shown(row["after"])}
    if len(told) < 2:
        return ""
    with_it, without = (words.number(float(told[side]), 3) for side in ("treated", "control"))
    return f" Means since: {with_it} with it, {without} without."


def hidden(published: Published, *_: Published) -> str:
    """Explain what a cause that nobody measured would have to be."""
    if published.is_empty:
        return f"Hidden causes need no thought here: {published.missing}."
    if not published.has("e_value", "effect"):
        return "What a hidden cause would take is hidden: too few people."
    e = _value(published, "e_value", "effect")
    to_nought = _value(published, "e_value", "interval")
    share = _value(published, "robustness_value", "effect")
    begin = (
        "Chance decided who got it, which leaves a hidden cause little room."
        if published.parameters["is_randomised"]
        else "Chance did not decide who got it, so a hidden cause may be behind it."
    )
    said = (
        f"{begin} To explain the whole effect, one would have to be {words.number(e, 2)} times as "
        f"common among those who got it and make a good result {words.number(e, 2)} times as "
        "likely, beyond what is adjusted for"
    )
    if _is_shown(to_nought):
        said += (
            f" ({words.number(to_nought, 2)} times for the interval to take in nought)"
            if to_nought > 1
            else "; and none is needed for the interval to take in nought"
        )
    if _is_shown(share):
        said += (
            f". Or it would have to account for {words.percent(share)} of all other differences, "
            "both in who got it and in the result"
        )
    known = published.parameters.get("benchmark")
    if known is not None and _is_shown(known):
        said += (
            f"; the result before accounts for {words.percent(float(known))} of the result since"
        )
    return f"{said}."


def worth(published: Published, *_: Published) -> str:
    """Say what it brought and what it cost, in money."""
    if published.is_empty:
        return f"No return is worked out: {published.missing}."
    if not published.has("net_benefit"):
        return "The return is hidden: too few people."
    benefit, cost = published.estimate("money", "benefit"), published.estimate("money", "cost")
    ratio, chance = published.estimate("benefit_cost_ratio"), published.estimate("roi_chance")
    payback = published.estimate("payback_months")
    months = words.number(float(published.parameters["months"] or 0), 2)
    is_isolated = benefit.grade is Grade.RANDOMISED
    said = (
        f"On record are {months} months since, on average: they brought {_money(benefit)} "
        f"({_interval(benefit)}{'' if is_isolated else ', all of it taken as its own'}), and it "
        f"cost {_money(cost)}. Each {cost.unit} spent gave back {words.number(ratio.value, 3)} "
        f"({_interval(ratio)}); the chance that it has earned its cost by now is "
        f"{_chance(chance.value)}."
    )
    if math.isfinite(payback.value):
        said += (
            f" At this pace the cost is earned back after {words.number(payback.value, 2)} months."
        )
    return said


def _chance(p: float) -> str:
    if p >= 0.995:
        return "more than 99 %"
    return "less than 1 %" if p < 0.005 else words.percent(p)


def tornado(published: Published, *_: Published) -> str:
    """Say what the return hangs on most, and what alone would turn it."""
    if published.is_empty:
        return f"What drives the return cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["low"])]
    if not rows:
        return "What drives the return is hidden."
    top = rows[0]
    said = (
        f"It hangs most on {_INPUTS.get(str(top['input']), top['input'])}: between a low and a "
        f"high value of it, what is earned goes from {_brief(top['low'])} to "
        f"{_brief(top['high'])} {published.parameters.get('currency') or ''}".rstrip()
    )
    base = float(published.parameters["base"] or 0)
    turning = [
        _INPUTS.get(str(r["input"]), str(r["input"]))
        for r in rows
        if min(float(r["low"]), float(r["high"])) < 0 < max(float(r["low"]), float(r["high"]))
    ]
    if not turning:
        side = "it pays" if base > 0 else "it does not pay"
        return f"{said}. No input alone turns the answer: {side} at the low and the high of each."
    return f"{said}. Alone enough to turn the answer: {words.listing(turning, last='or')}."


# The finding --------------------------------------------------------------------------------


def headline(
    verdict: Published,
    worth: Published,
    came: Published,
    did: Published,
    kept: Published,
    *_: Published,
) -> Headline:
    """Say in money and plain words whether it was worth it, and what to do with it."""
    return Headline(
        title=_title(_who(kept), verdict, worth, came, did),
        cards=tuple(_cards(verdict, worth, came, did)),
        decision=_decision(verdict, worth),
        change_mind=_change_mind(verdict, worth, came),
    )


def _cards(verdict: Published, worth: Published, came: Published, did: Published) -> list[Card]:
    if verdict.parameters["verdict"] == "wait":
        # Numbers before the end are the monitor's: its intervals allow for looking early.
        return []
    cards = []
    if worth.has("net_benefit"):
        cards.append(Card.of(worth.estimate("net_benefit"), "earned beyond its cost"))
        cards.append(Card.of(worth.estimate("roi"), "return on investment"))
    if came.estimates:
        cards.append(Card.of(came.estimates[0], f"{_kind(came)}: {_outcome(came)}, a period"))
    if did.estimates:
        label = _metric(str(verdict.parameters["metric"] or ""))
        cards.append(Card.of(did.estimates[0], f"{_kind(did)}: {label}"))
    return cards


def _kind(published: Published) -> str:
    return "effect" if _is_effect(published) else "change, no effect"


def _is_effect(published: Published) -> bool:
    return bool(published.estimates) and published.estimates[0].grade in (
        Grade.RANDOMISED, Grade.QUASI_EXPERIMENTAL,
    )  # fmt: skip


def _who(kept: Published) -> str:
    """Name the initiative as its plan does."""
    name = str(kept.parameters.get("name") or "")
    return f"The initiative “{name}”" if name else "It"


def _within(who: str) -> str:
    return who[0].lower() + who[1:]


def _title(who: str, verdict: Published, worth: Published, came: Published, did: Published) -> str:
    said = str(verdict.parameters["verdict"])
    if said == "wait":
        ends = words.date(str(verdict.parameters["ends_on"]))
        return f"It is too early to judge whether it was worth it: the initiative runs until {ends}"
    if said == "repeat":
        return _not_identified(came, did)
    suffered = "; but what may not suffer did, by more than was allowed"
    return _finding(who, verdict, worth, came, did) + (
        suffered if verdict.parameters["because"] == "guardrail" else ""
    )


def _finding(
    who: str, verdict: Published, worth: Published, came: Published, did: Published
) -> str:
    if not worth.is_empty:
        return _in_money(who, worth)
    if _is_effect(came):
        return f"{_of_effect(who, came, _outcome(came))}; what that is worth in money is not known"
    if _is_effect(did):
        label = _metric(str(verdict.parameters["metric"] or ""))
        return f"{_of_effect(who, did, label)}; whether that changed the work is not known"
    return "Whether it was worth it is hidden: too few people"


def _not_identified(came: Published, did: Published) -> str:
    told = came if came.estimates else did
    if not told.estimates:
        why = came.missing or did.missing or "nothing was measured before and since"
        return f"Whether it changed the work is not known: {why}"
    return (
        "Whether it changed the work cannot be told, so no return is worked out: nobody was left "
        "out to compare with"
    )


def _in_money(who: str, worth: Published) -> str:
    if not worth.has("net_benefit"):
        return "Whether it was worth it is hidden: too few people"
    net = worth.estimate("net_benefit")
    ends = _interval(net)
    why = _by_design(net)
    if net.low > 0:
        return f"{who} earned {_money(net)} more than it cost ({ends}){why}"
    if net.high < 0:
        return (
            f"So far {_within(who)} cost {_money(net)} more than it brought ({_interval(net)}){why}"
        )
    side = "more than it cost" if net.value > 0 else "less than it cost"
    so_far = f"by now it brought {_money(net)} {side} ({ends})"
    return f"Whether {_within(who)} earns its cost is open: {so_far}{why}"


def _by_design(e: Estimate) -> str:
    if e.grade is Grade.RANDOMISED:
        return "; chance decided who got it"
    return "; compared with others who did not get it, though not drawn by chance"


def _of_effect(who: str, published: Published, label: str) -> str:
    e = published.estimates[0]
    if e.low <= 0 <= e.high:
        return f"No effect is shown on {label}: {_signed(e)} ({_interval(e)}){_by_design(e)}"
    moved = "raised" if e.value > 0 else "lowered"
    what = f"the share of {label}" if e.unit == "points" else label
    return f"{who} {moved} {what} by {_signed(e).lstrip('+−')} ({_interval(e)}){_by_design(e)}"


def _decision(verdict: Published, worth: Published) -> str:
    parameters = verdict.parameters
    said, because = str(parameters["verdict"]), str(parameters["because"])
    by = words.date(str(parameters["decide_on"]))
    if said == "wait":
        return "Wait for the end, and follow it in the monitor until then."
    asked = _DECISIONS.get((said, because)) or _DECISIONS[(said, "")]
    months = ""
    if worth.has("payback_months"):
        months = words.number(worth.estimate("payback_months").value, 2)
    return f"{asked.format(months=months)} Decide by {by}."


_DECISIONS: Final[Mapping[tuple[str, str], str]] = {
    ("scale", ""): "Scale: offer it to those who were left out, a tenth of them later, so that it "
    "shows whether it lasts.",
    ("renew", "likely pays"): "Renew at the size it has, with some people left out, until it is "
    "clear that it pays.",
    ("renew", "not yet"): "Renew at the size it has, and look again: at this pace its cost is "
    "earned back after {months} months.",
    ("renew", "no money, an effect"): "Renew at the size it has, and agree with whoever pays on "
    "what one unit of a result of the work is worth.",
    ("renew", ""): "Renew once more with some people left out: neither an effect nor its absence "
    "is shown.",
    ("retire", "guardrail"): "Retire it, or mend first what suffers: a metric of the plan got "
    "worse by more than was allowed.",
    ("retire", "costs more"): "Retire it: at this pace its cost is not earned back within a year.",
    ("retire", ""): "Retire it: what it changes is less than the least that matters.",
    ("repeat", ""): "Neither scale nor retire it on this: run it once more, and let chance leave "
    "some people out for a while.",
}


def _change_mind(verdict: Published, worth: Published, came: Published) -> str:
    said, because = str(verdict.parameters["verdict"]), str(verdict.parameters["because"])
    if said == "repeat":
        return "A comparison with people who did not get it, drawn by chance or at least alike."
    if said == "wait":
        return "Nothing before its end."
    if because == "guardrail":
        return "A second measurement by which nothing suffers."
    if worth.has("net_benefit"):
        even = float(worth.parameters["break_even"] or 0)
        unit = str(came.parameters.get("unit") or "") if not came.is_empty else ""
        amount = words.quantity(even, unit) if unit else words.number(even)
        side = "below" if said == "scale" else "clearly above"
        return (
            f"An effect {side} {amount} a period, at which it breaks even over the months on "
            "record; another figure for what one unit is worth; or months in which the effect "
            "fades or lasts."
        )
    if said == "retire":
        return "An effect at least as large as planned, found a second time."
    return "A result of the work that does not move, or costs that exceed what it is worth."


# Shared -------------------------------------------------------------------------------------


def _outcome(published: Published) -> str:
    name = str(published.parameters.get("outcome") or "the result") if published.rows else ""
    return name.replace("_", " ") or "the result"


def _metric(metric: str) -> str:
    known = metrics().get(metric)
    return known.label if known else metric.replace("_", " ")


def _signed(e: Estimate) -> str:
    said = words.estimate(e)
    return f"+{said}" if e.value > 0 and not said.startswith("+") else said


def _interval(e: Estimate) -> str:
    return words.interval(e) or "no interval"


def _money(e: Estimate) -> str:
    return words.quantity(abs(e.value), e.unit)


def _value(published: Published, metric: str, label: str) -> float:
    return (
        published.estimate(metric, label).value if published.has(metric, label) else math.nan
    )  # fmt: skip


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def _brief(value: Any) -> str:
    return words.number(float(f"{float(value):.3g}"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
