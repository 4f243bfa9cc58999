"""Say whether the launch can be measured, how, and what would be decided when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Published, Scalar
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline
from ldresearch.vocabulary import metrics

WAYS: Final = {
    "once": "looking once only, at the end",
    "persons": "person by person",
    "adjusted": "adjusted for activity before",
    "equal": "half and half, person by person",
    "events": "by the time to value",
    "unit": "by whole units",
    "team": "by whole teams",
    "manager": "by each manager's people",
    "location": "by whole sites",
    "role": "by whole roles",
}
"""Ways to run and read an initiative, as they follow "rolled out" or "compared"."""

DESIGNS: Final = {
    "parallel": "some groups and not the others",
    "stepped_wedge": "one group after another",
    "hold_out": "all groups but a few",
    "before_after": "everyone at once",
}

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "people": {
        "title": "There are enough people for a baseline",
        "passed": "{value} people or more stand behind the baseline.",
        "not passed": "Only some {value} people stand behind the baseline (wanted: {threshold}).",
        "not known": "Nobody is known before the launch.",
    },
    "window_before": {
        "title": "The log reaches back two windows",
        "passed": "Activity before is known, so that comparisons can be adjusted for it.",
        "not passed": (
            "The log has one whole window only: comparisons cannot be adjusted for activity before."
        ),
        "not known": "Nobody is known before the launch.",
    },
    "missing": {
        "title": "The primary metric is recorded",
        "passed": "{value} % of the activity cannot be used for the primary metric.",
        "not passed": (
            "{value} % of the activity cannot be used for the primary metric (allowed: "
            "{threshold} %)."
        ),
        "not known": "There is no activity to check.",
    },
    "gameable": {
        "title": "The primary metric is hard to move without learning",
        "passed": "The registry calls the primary metric's gameability low or medium.",
        "not passed": (
            "The primary metric is easily moved without anyone learning more: choose another, or "
            "add a guardrail that would show it."
        ),
        "not known": "There is no plan.",
    },
    "whole_window": {
        "title": "The plan lasts one whole window or more",
        "passed": "Whoever comes {value} days after the launch is followed to the end.",
        "not passed": "The plan ends before anyone has been followed for a whole window.",
        "not known": "There is no plan.",
    },
    "frozen": {
        "title": "The plan is frozen",
        "passed": "The plan stands in the dataset's ledger.",
        "not passed": "The plan is not frozen yet: it can still be changed without a trace.",
        "not known": "There is no plan.",
    },
    "in_time": {
        "title": "It was frozen before the launch",
        "passed": "It was frozen before the launch.",
        "not passed": "It was frozen on the launch day or after it: results may have shaped it.",
        "not known": "The plan is not frozen.",
    },
    "unchanged": {
        "title": "It says what was frozen",
        "passed": "The plan's hash is the one that was frozen.",
        "not passed": "The plan was edited since it was frozen: undo it, or amend it openly.",
        "not known": "The plan is not frozen.",
    },
}
"""Check id to its title and the sentence for each status."""


# What is there ------------------------------------------------------------------------------


def baseline(published: Published, *others: Published) -> str:
    """Say the baselines of shares and means."""
    if published.is_empty:
        return f"No baseline: {published.missing}."
    known = {e.metric: e for one in (published, *others) for e in one.estimates}
    reach = known.get("value_reach")
    if reach is None:
        return "The baselines are hidden: too few people."
    said = (
        f"Before the launch {words.percent(reach.value)} of those eligible have a value event "
        f"within a window ({words.interval(reach)})"
    )
    back = known.get("return_share")
    if back is None:
        return f"{said}."
    return f"{said}, and {words.percent(back.value)} come back in another week."


def scorecard(published: Published, *_: Published) -> str:
    """Say which metric would show the smallest change, and whether it is the planned one."""
    if published.is_empty:
        return f"Metrics cannot be scored: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _known(r["relative"])]
    if not rows:
        return "No metric differs between people here, so none could show an effect."
    best, primary = rows[0], str(published.parameters.get("primary") or "")
    said = (
        f"The most sensitive is {_name(best['metric'])}: it would show a change of "
        f"{words.percent(best['relative'])} of its baseline"
    )
    own = next((r for r in rows if r["metric"] == primary), None)
    if own is None or own is best:
        return said + (", and it is the one that decides." if own is best else ".")
    return (
        f"{said}; the one that decides ({_name(primary)}) would show "
        f"{words.percent(own['relative'])}."
    )


def trustworthy(published: Published, *_: Published) -> str:
    """Say how steady the metrics are."""
    if published.is_empty:
        return f"How steady metrics are cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    moving = [r for r in rows if _known(r["moves"])]
    said = "How much metrics move by themselves is not known: fewer than eight weeks."
    if moving:
        most = max(moving, key=lambda r: float(r["moves"]))
        moved = float(most["moves"])
        much = f"{words.percent(moved)} of its mean" if moved < 1 else "more than its mean"
        said = (
            f"Least steady is {_name(most['metric'])}: from one week to the next it changes by "
            f"{much}, without any initiative."
        )
    return said


def gameable(published: Published, *_: Published) -> str:
    """Say which metrics are easily moved without anyone learning more."""
    if published.is_empty:
        return f"Metrics cannot be compared: {published.missing}."
    easy = [_name(r["metric"]) for r in published.frame.to_dict("records")
            if r["gameability"] == "high"]  # fmt: skip
    if not easy:
        return "None of these metrics is easily moved without anyone learning more."
    return f"Easily moved without anyone learning more: {words.listing(easy)}."


def curve(published: Published, *_: Published) -> str:
    """Say the smallest effect that the people there are would show."""
    if published.is_empty:
        return f"What would be seen cannot be told: {published.missing}."
    p = published.parameters
    there, unit = float(p["there"] or 0), str(p["unit"])
    rows = [r for r in published.frame.to_dict("records") if r["way"] == p["planned"]]
    near = [r for r in rows if _known(r["mde"]) and float(r["n_total"]) <= there]
    if not near:
        return "The people there are would show no effect that is possible."
    size = _size(near[-1]["mde"], unit)
    how = ", adjusted for activity before" if p["planned"] == "adjusted" else ""
    said = (
        f"With all {words.fixed(there)} people{how}, the smallest change that would be seen with "
        f"a chance of {words.percent(_float(p['power']))} is {size}"
    )
    effect = p.get("minimum_effect")
    if effect is None:
        return f"{said}."
    if size == _size(effect, unit):
        return f"{said}: just what matters."
    verb = "is enough for" if float(near[-1]["mde"]) <= float(effect) else "is more than"
    return f"{said}: that {verb} the {_size(effect, unit)} that matter."


def likeness(published: Published, *_: Published) -> str:
    """Say how many more people a roll-out by whole groups takes."""
    if published.is_empty:
        return f"How alike people of a group are cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _known(r["design_effect"])]
    if not rows:
        return "There are too few groups of any kind to tell how alike people within them are."
    least = min(rows, key=lambda r: float(r["design_effect"]))
    most = max(rows, key=lambda r: float(r["design_effect"]))
    said = (
        f"Rolled out {_way(least['by'])} it takes {_times(least['design_effect'])} as many people "
        "as person by person"
    )
    if most is least:
        return f"{said}."
    return f"{said}, {_way(most['by'])} {_times(most['design_effect'])}."


def ways(published: Published, *_: Published) -> str:
    """Say which ways would find the effect that matters."""
    if published.is_empty:
        return f"Ways cannot be compared: {published.missing}."
    p = published.parameters
    rows = published.frame.to_dict("records")
    enough = [_way(r["way"]) for r in rows if r["is_enough"]]
    effect = _article(p, _size(p["effect"], str(p["unit"])))
    if not enough:
        wanted = words.percent(_float(p["power"]))
        return f"In none of these ways would {effect} be found with a chance of {wanted}."
    return f"{words.sentence(effect)[:-1]} would be found surely enough: {'; '.join(enough)}."


def designs(published: Published, *_: Published) -> str:
    """Say which roll-out finds the effect most often, and what it costs in person-weeks."""
    if published.is_empty:
        return f"Roll-outs cannot be compared: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _known(r["power"])]
    if not rows:
        return "The comparison of roll-outs is hidden: too few people."
    best = max(rows, key=lambda r: float(r["power"]))
    said = (
        f"Rolled out to {DESIGNS[str(best['design'])]}, the effect would be found in "
        f"{words.percent(best['power'])} of tries (95 % interval {_span(best)})"
    )
    planned = next((r for r in rows if r["design"] == published.parameters.get("planned")), None)
    if planned is None:
        return f"{said}."
    if planned is best:
        return f"{said}; that is what the plan says."
    return (
        f"{said}; the plan's way, {DESIGNS[str(planned['design'])]}, finds it in "
        f"{words.percent(planned['power'])}."
    )


def outline(published: Published, *_: Published) -> str:
    """Say under which hash the plan was frozen, or that it is not."""
    if published.is_empty:
        return f"There is no plan to read: {published.missing}. Write one with ldresearch plan new."
    p = published.parameters
    name = f"The plan {p['name']}, version {p['version']},"
    aims = next((r["says"] for r in published.frame.to_dict("records")
                 if r["what"] == "objective"), "")  # fmt: skip
    return f"{_standing(p, name)} {words.sentence(str(aims))}".strip()


def _standing(p: Mapping[str, Scalar], name: str) -> str:
    if not p.get("frozen_on"):
        return f"{name} is not frozen yet; its hash would be {p['hash']}."
    when = words.date(str(p["frozen_on"]))
    late = ", after its launch" if p.get("is_late") else ""
    said = f"{name} was frozen on {when}{late} under the hash {p['frozen_hash']}."
    if p.get("changed"):
        return f"{said} It was edited since: {p['changed']}."
    return said


def rule(published: Published, *_: Published) -> str:
    """Say how a look becomes a verdict."""
    if published.is_empty:
        return "Without a plan there is no rule by which to decide."
    p = published.parameters
    if p["method"] == "confidence_sequence":
        how = "The interval is one that stays true however often one looks"
    else:
        how = "The interval is as wide as the boundaries for the planned looks ask"
    guards = int(p["n_guardrails"] or 0)
    watched = f" {words.plural(guards, 'guardrail').capitalize()} watched." if guards else (
        " No guardrail is watched.")  # fmt: skip
    return f"At each look the first line that holds decides. {how}.{watched}"


# The finding --------------------------------------------------------------------------------


def headline(published: Published, *others: Published) -> Headline:
    """Say launch, redesign or do not measure, and why.

    Parameters
    ----------
    published : Published
        The verdict.
    *others : Published
        The outline, and the baselines.
    """
    p = published.parameters
    plan = next((o for o in others if o.name == "outline"), None)
    cards = [*_baseline_card(p, others), *_cards(published)]
    return Headline(_title(p, others), tuple(cards[:4]), _decision(p, plan), _change_mind(p))


def _title(p: Mapping[str, Scalar], others: tuple[Published, ...]) -> str:
    reason = str(p["reason"])
    effect = _article(p, _size(p["minimum_effect"], str(p["unit"])))
    what = f"{effect} in {p['label']}"
    reached = _float(p["power"])
    chance = "more than 99 %" if reached > 0.99 else words.percent(reached)
    smallest = _size(p["mde"], str(p["unit"]))
    missing = next((o.missing for o in others if o.is_empty and o.name == "shares"), "")
    said = {
        "no_plan": "There is no plan yet: nothing says what the launch has to change",
        "no_baseline": f"Do not measure yet: {missing or 'there are too few people'}",
        "flat": f"Do not measure this: {p['label']} is the same for everyone",
        "no_comparison": (
            "Redesign: everyone gets it at once, so an effect could not be told from what would "
            "have happened anyway"
        ),
        "few_groups": "Redesign: there are too few groups to roll it out by",
        "enough": f"Launch: {what} would be found with a chance of {chance}",
        "other_way": (
            f"Redesign first: the plan finds {effect} with a chance of {chance} only; "
            f"{_way(p['best_way'])}, it would be found"
        ),
        "too_weak": (
            f"Redesign first: the plan finds {effect} with a chance of {chance} only; the smallest "
            f"change it would find is {smallest}"
        ),
        "out_of_reach": (
            f"Do not measure with these people: the smallest change that would be found is "
            f"{smallest}, and {_size(p['minimum_effect'], str(p['unit']))} matter"
        ),
    }[reason]
    return words.sentence(said).removesuffix(".")


def _decision(p: Mapping[str, Scalar], plan: Published | None) -> str:
    told = {
        "no_plan": (
            "Write a plan (ldresearch plan new), choose its metric from the scorecard, and run "
            "this again."
        ),
        "no_baseline": "Wait until the log holds one whole window of enough people.",
        "flat": "Choose another metric from the scorecard, or record this one.",
        "no_comparison": (
            "Hold a share of people or units out by lot, or bring it to one group after another."
        ),
        "few_groups": "Roll it out by smaller groups, or person by person.",
        "other_way": f"Change the plan ({_way(p['best_way'])}), or follow more people.",
        "too_weak": (
            "Follow more people or a longer window, choose a more sensitive metric from the "
            "scorecard, or say that a larger effect is what matters."
        ),
        "out_of_reach": (
            "Launch without claiming an effect, or find a metric that more people can move."
        ),
    }
    if p["reason"] != "enough":
        return told[str(p["reason"])]
    if plan is None or plan.is_empty:
        return "Launch as planned."
    q = plan.parameters
    launch = words.date(str(q["launch_on"]))
    if q.get("changed"):
        return "Undo the edits or amend the plan with a new version; then launch."
    if not q.get("frozen_on"):
        return f"Freeze the plan before {launch} (ldresearch plan freeze), then launch."
    return f"Launch on {launch} as frozen, and decide at the planned looks by the rule below."


def _change_mind(p: Mapping[str, Scalar]) -> str:
    if not p["is_planned"] or p["minimum_effect"] is None:
        return "A plan."
    if p["needed"] is None:
        return "Another metric, another design, or more people."
    needed = words.fixed(_float(p["needed"]))
    there = words.fixed(_float(p["there"]))
    if p["verdict"] == "launch":
        return (
            f"Fewer than about {needed} people to compare at the launch (there are {there}), or a "
            "smaller effect that matters."
        )
    return f"About {needed} people to compare (there are {there}), or a larger effect that matters."


def _baseline_card(p: Mapping[str, Scalar], others: tuple[Published, ...]) -> list[Card]:
    for one in others:
        if one.name in ("shares", "means") and one.has(str(p["metric"])):
            return [Card.of(one.estimate(str(p["metric"])), f"{_name(p['metric'])}, before")]
    return []


def _cards(published: Published) -> list[Card]:
    labels = {
        "mde": "smallest change that would be found",
        "planned_power": "chance to find the effect that matters",
        "planned_n": "needed to compare",
    }
    return [
        Card.of(published.estimate(metric), label)
        for metric, label in labels.items()
        if published.has(metric)
    ]


# Small words --------------------------------------------------------------------------------


def _name(metric: object) -> str:
    known = metrics().get(str(metric))
    return known.label if known else str(metric)


def _way(way: object) -> str:
    return WAYS.get(str(way), str(way))


def _size(value: Any, unit: str) -> str:
    """Say the size of a change in its unit; shares in points.

    Examples
    --------
    >>> _size(0.05, "share"), _size(0.075, "share"), _size(2.82, "days")
    ('5 points', '7.5 points', '2.8 days')
    """
    size = abs(_float(value))
    if math.isnan(size):
        return words.NOT_KNOWN
    if unit == "share":
        return words.quantity(round(100 * size, 0 if size >= 0.1 else 1), "points")
    return words.quantity(round(size, 1) if size < 100 else round(size), unit or "units")


def _article(p: Mapping[str, Scalar], size: str) -> str:
    return f"a {'fall' if p.get('direction') == 'down' else 'rise'} of {size}"


def _times(factor: Any) -> str:
    times = _float(factor)
    return "just" if times < 1.05 else f"{words.number(round(times, 1))} times"


def _span(row: Mapping[Any, Any]) -> str:
    return f"{words.percent(row['low'])[:-2]} to {words.percent(row['high'])}"


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _known(cell: Any) -> bool:
    return cell is not None and cell == cell
