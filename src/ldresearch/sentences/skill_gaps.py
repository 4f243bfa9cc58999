"""Say which skills fall short, where, how sure that is, and what would close the gaps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "rating_coverage": {
        "title": "Most required skills are rated",
        "passed": "{value} % of the required skills have a rating.",
        "not passed": (
            "{value} % of the required skills have a rating (wanted: {threshold} % or more): the "
            "gaps are those of the rated, who may differ from the others."
        ),
        "not known": "There are no ratings, or no role says what it asks for.",
    },
    "rating_age": {
        "title": "Ratings are fresh",
        "passed": "Half of the ratings are younger than {value} days.",
        "not passed": (
            "Half of the ratings are older than {value} days (allowed: {threshold}): people have "
            "moved on since. Have the skills with the largest gaps rated anew."
        ),
        "not known": "There are no ratings.",
    },
    "self_only": {
        "title": "Not only people's own word",
        "passed": "{value} % of the rated skills are known from the person alone.",
        "not passed": (
            "{value} % of the rated skills are known from the person alone (allowed: {threshold} "
            "%). What people say of themselves agrees with tests at r = .29 only."
        ),
        "not known": "There are no ratings, or no role says what it asks for.",
    },
    "bias_told": {
        "title": "Every source can be held against another",
        "passed": "The bias of every source is known.",
        "not passed": (
            "Sources whose bias cannot be told: {value}. Have at least 30 skills rated by two "
            "sources each."
        ),
        "not known": "There are no ratings.",
    },
    "flattery": {
        "title": "No source is far off",
        "passed": "No source rates more than {value} points of 100 off the most trusted one.",
        "not passed": (
            "A source rates {value} points of 100 off the most trusted one (allowed: {threshold}). "
            "It is corrected for on average, not person by person."
        ),
        "not known": "No two sources rated the same skills.",
    },
    "stability": {
        "title": "Cohorts come back in other samples",
        "passed": "Cohorts come back with a mean Jaccard similarity of {value} (1: always).",
        "not passed": (
            "The clearest cohorts come back with a mean Jaccard similarity of {value} (wanted: "
            "{threshold}): no cohorts are shown."
        ),
        "not known": "Too few people are rated to look for cohorts.",
    },
    "beyond_null": {
        "title": "Cohorts are clearer than chance",
        "passed": "They come back better than in data without cohorts, by {value}.",
        "not passed": (
            "They come back no better than in data without cohorts (difference {value}): people "
            "cannot be put into groups that lack the same skills."
        ),
        "not known": "Too few people are rated to look for cohorts.",
    },
}
"""Check id to its title and the sentence for each status."""

_COLLECT: Final = {
    "person": "the HR export with each person's role",
    "skill_rating": "skill ratings with their source (review, manager, peer, self), scale and date",
    "role_skill": "target profiles: for each role, its skills and the level asked for",
    "content": "the catalogue with the length of each content",
    "content_skill": "tags that say which skill each content teaches, from which level to which",
}
_SOURCES: Final = {
    "review": "skill reviews", "certificate": "certificates", "manager": "managers",
    "peer": "peers", "inferred": "inferred levels", "self": "people themselves",
}  # fmt: skip

_SOME = 3
_NOTABLE = 0.05
"""Groups whose shares are nearer than this are not told apart in words."""


# What is known ------------------------------------------------------------------------------


def coverage(published: Published, *_: Published) -> str:
    """Say which share of the required skills is rated, and by whom."""
    if published.is_empty:
        return f"How much is rated cannot be told: {published.missing}."
    rows = {str(r["source"]): r for r in published.frame.to_dict("records")}
    whole = rows["any"]
    said = (
        f"{words.percent(whole['share'])} of the skills that roles ask for have a rating, "
        f"{words.percent(whole['new'])} one from the last half year"
    )
    parts = [
        f"{_SOURCES.get(name, name)} {words.percent(r['share'])}"
        for name, r in rows.items() if name != "any" and _known(r["share"])
    ]  # fmt: skip
    return f"{said}. By source: {words.listing(parts)} ({_people(published, whole['n'])})."


def basis(published: Published, *_: Published) -> str:
    """Say how much is known from people's own word alone."""
    if published.is_empty:
        return f"Who has rated what cannot be told: {published.missing}."
    if not _has(published, "self_only_share"):
        return "None of the required skills is rated."
    alone = published.estimate("self_only_share")
    rows = [r for r in published.frame.to_dict("records") if _known(r["none"])]
    said = (
        f"{words.percent(alone.value)} of the rated skills are known from the person alone "
        f"({_people(published, alone.n)}). Nobody is ranked or placed by that."
    )
    if len(rows) > 1 and rows[0]["none"] - rows[-1]["none"] >= _NOTABLE:
        said += f" Least is rated in {rows[0]['group']}: {words.percent(rows[0]['none'])} is blank."
    return said


def sources(published: Published, *_: Published) -> str:
    """Say by how much each source rates higher than the most trusted one."""
    if published.is_empty:
        return f"Sources cannot be compared: {published.missing}."
    reference = str(published.parameters.get("reference") or "")
    rows = [r for r in published.frame.to_dict("records") if r["standing"] == "told"]
    lost = [str(r["source"]) for r in published.frame.to_dict("records")
            if r["standing"] == "not told"]  # fmt: skip
    rest = ""
    if lost:
        names = words.listing([_SOURCES.get(s, s) for s in lost])
        rest = (
            f" The bias of {names} cannot be told, because hardly anything was rated by them and "
            "by another source: their ratings are left out."
        )
    known = [r for r in rows if _known(r["bias"])]
    if not known:
        if reference and not lost:
            return (
                f"Everything is taken from {_SOURCES.get(reference, reference)} at their word: "
                "with one source its bias and error cannot be told."
            )
        return words.sentence(rest or "no two sources rated the same skills")
    parts = [
        f"{_SOURCES.get(str(r['source']), r['source'])} {_higher(r)}" for r in known
    ]  # fmt: skip
    return (
        f"Against {_SOURCES.get(reference, reference)}: {words.listing(parts)} "
        "(95 % intervals; points of 100). Levels are corrected for it on average; that the "
        f"reference itself is right is assumed, not tested.{rest}"
    )


def _higher(row: dict[Any, Any]) -> str:
    bias, low, high = (100 * float(row[c]) for c in ("bias", "low", "high"))
    ends = f"({words.number(round(low, 1))} to {words.number(round(high, 1))})"
    if low <= 0 <= high:
        return f"rate about the same {ends}"
    way = "higher" if bias > 0 else "lower"
    if bias < 0:
        ends = f"({words.number(round(-high, 1))} to {words.number(round(-low, 1))})"
    return f"rate {words.number(round(abs(bias), 1))} {way} {ends}"


def self_bias(published: Published, *_: Published) -> str:
    """Say by how much people rate themselves higher than their managers do."""
    if published.is_empty:
        return f"People and their managers cannot be compared: {published.missing}."
    if not _has(published, "self_difference", "all"):
        return "Too few people to compare with their managers."
    whole = published.estimate("self_difference", "all")
    low, high = sorted((100 * abs(whole.low), 100 * abs(whole.high)))
    size = words.number(round(100 * abs(whole.value), 1))
    if whole.low <= 0 <= whole.high:
        said = "People rate themselves about as their managers do"
        said += f" ({_people(published, whole.n)})."
    else:
        way = "higher" if whole.value < 0 else "lower"
        said = (
            f"People rate themselves {size} points of 100 {way} than their managers do (95 % "
            f"interval {words.number(round(low, 1))} to {words.number(round(high, 1))}; "
            f"{_people(published, whole.n)})."
        )
    rows = published.frame.to_dict("records")
    apart = [str(r["group"]) for r in rows if r["standing"] != "in line" and _known(r["low"])]
    if apart:
        return f"{said} {words.listing(apart)} {_differ(apart)} from the rest."
    return f"{said} No group differs from the rest by more than chance would have it."


def _differ(names: list[str]) -> str:
    return "differs" if len(names) == 1 else "differ"


# Gaps ---------------------------------------------------------------------------------------


def gaps(published: Published, *_: Published) -> str:
    """Say which skills fall shortest, and by how much."""
    if published.is_empty:
        return f"Gaps cannot be told: {published.missing}."
    top = _largest(published)
    if not top:
        return "Too few people are rated in any skill to show a gap."
    first = top[0]
    said = (
        f"The largest distance to what roles ask for is in {_named(top)}: "
        f"{words.estimate_with_interval(first)}, {_people(published, first.n)} rated."
    )
    if published.parameters.get("is_upper_bound"):
        said += " With one source its errors count as gaps too: read the numbers as upper limits."
    if published.parameters.get("has_target_error"):
        said += " Intervals of single people hold the published error of the targets."
    return said


def gap_map(published: Published, *_: Published) -> str:
    """Say where the largest gaps are larger than elsewhere."""
    if published.is_empty:
        return f"Gaps cannot be told apart by group: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _known(r["shortfall"])]
    above = [r for r in rows if r["standing"] == "above"]
    if not rows:
        return "Too few people are rated in any group to show a gap."
    if not above:
        return (
            "The largest gaps are everywhere alike: no group is further from what is asked than "
            "the others by more than chance would have it."
        )
    parts = [
        f"{r['skill']} in {r['group']} ({words.number(round(100 * float(r['shortfall'])))})"
        for r in above[:_SOME]
    ]  # fmt: skip
    more = f", and {len(above) - _SOME} more" if len(above) > _SOME else ""
    return (
        f"Further from what is asked than elsewhere, points of 100: {words.listing(parts)}{more}."
    )


def readiness(published: Published, *_: Published) -> str:
    """Say how ready people are, and which skill moves it most."""
    if published.is_empty:
        return f"Readiness cannot be told: {published.missing}."
    if not _has(published, "readiness"):
        return "Too few people are rated to show readiness."
    ready, met = published.estimate("readiness"), published.estimate("target_coverage")
    said = (
        f"People reach {words.estimate_with_interval(ready)} of what their roles ask for, weighted "
        f"by importance; {words.percent(met.value)} of the rated skills are at target "
        f"({_people(published, ready.n)})."
    )
    rows = [r for r in published.frame.to_dict("records") if _known(r["gain"])]
    if rows and rows[0]["gain"] > 0:
        gain = words.number(round(100 * float(rows[0]["gain"]), 1))
        said += f" {rows[0]['skill']} moves it most: closing it adds {gain} percentage points."
    return said


# What closes them ---------------------------------------------------------------------------


def supply(published: Published, *_: Published) -> str:
    """Say what it would take to close the gaps with the content on offer."""
    if published.is_empty:
        return f"What would close the gaps cannot be told: {published.missing}."
    if not _has(published, "hours_to_close"):
        return "Too few people fall short to say what closing the gaps would take."
    hours = published.estimate("hours_to_close")
    said = (
        f"By the catalogue's own lengths and levels, closing the gaps takes at least "
        f"{words.estimate_with_interval(hours)} a person ({_people(published, hours.n)})"
    )
    if _has(published, "gap_closable"):
        share = published.estimate("gap_closable").value
        said += f"; the content on offer leads over {words.percent(share)} of the gaps"
    price = _price(published)
    said += f" and costs {price}" if price else ""
    none = [
        str(r["skill"]) for r in published.frame.to_dict("records")
        if _known(r["closable"]) and r["n_content"] == 0
    ]  # fmt: skip
    return f"{said}. Nothing on offer teaches {words.listing(none)}." if none else f"{said}."


def _price(published: Published) -> str:
    currency = published.parameters.get("currency")
    if not currency or not _has(published, "cost_to_close"):
        return ""
    cost = published.estimate("cost_to_close").value
    return f"{words.number(float(f'{cost:.3g}'))} {currency} in all"


def clusters(published: Published, *_: Published) -> str:
    """Say whether there are cohorts that lack the same skills."""
    if published.is_empty:
        return f"Cohorts cannot be looked for: {published.missing}."
    if not _has(published, "cluster_stability"):
        return "Too few people are rated to look for cohorts."
    found, n = published.parameters.get("k"), published.estimate("cluster_stability")
    if not found:
        return (
            "There are no cohorts: people do not fall into groups that lack the same skills. The "
            f"clearest grouping comes back at {words.number(round(n.value, 2))} (1: always; wanted "
            f"0.6, and clearer than in data without groups; {_people(published, n.n)})."
        )
    return (
        f"People fall into {words.plural(float(found), 'cohort')} that lack the same skills. They "
        f"come back in other samples at {words.number(round(n.value, 2))} (1: always, under 0.6: "
        f"no cohorts; {_people(published, n.n)} placed)."
    )


def cohorts(published: Published, *_: Published) -> str:
    """Say what each cohort lacks."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = [r for r in published.frame.to_dict("records") if _known(r["shortfall"])]
    parts = []
    for cohort in dict.fromkeys(str(r["cohort"]) for r in rows):
        mine = [r for r in rows if r["cohort"] == cohort]
        lacks = words.listing([str(r["skill"]) for r in mine])
        parts.append(f"{cohort} ({_people(published, mine[0]['n'])}) lacks {lacks}")
    return words.sentence("; ".join(parts)) if parts else "The cohorts are too small to be shown."


# The headline -------------------------------------------------------------------------------


def headline(
    short: Published,
    where: Published,
    ready: Published,
    teaching: Published,
    groups: Published,
    covered: Published,
) -> Headline:
    """Say where the biggest gap is, how sure that is, and where to invest.

    Parameters
    ----------
    short, where, ready, teaching, groups, covered : Published
        The views ``gaps``, ``gap_map``, ``readiness``, ``supply``, ``cohorts`` and ``coverage``.
    """
    top = _largest(short)
    if not top:
        why = short.missing or "too few people are rated in any skill"
        return Headline(
            f"Skill gaps cannot be told yet: {why}", _cards([], ready, teaching, covered),
            _collect(short, covered), "Ratings by others than the person, and target profiles.",
        )  # fmt: skip
    size = words.number(round(top[0].value))
    if top[0].value < 1:
        title = "People reach what their roles ask for: no skill is a point short on average"
        return Headline(
            title, _cards(top, ready, teaching, covered),
            "Do not invest in closing gaps; check within four weeks that targets are set high "
            "enough.", _change(top, covered),
        )  # fmt: skip
    limit = "up to " if short.parameters.get("is_upper_bound") else ""
    title = (
        f"People are furthest from what their roles ask for in {_named(top)}: {limit}{size} points "
        "of 100 short"
    )
    return Headline(
        title, _cards(top, ready, teaching, covered), _decision(top, where, teaching, groups),
        _change(top, covered),
    )  # fmt: skip


def _cards(
    top: list[Estimate], ready: Published, teaching: Published, covered: Published
) -> tuple[Card, ...]:
    cards = []
    if top:
        cards.append(Card.of(top[0], f"below the level asked for in {top[0].label}"))
    wanted = [
        (ready, "readiness", "of what roles ask for is reached"),
        (teaching, "hours_to_close", "a person to close the gaps with content on offer"),
        (covered, "rating_coverage", "of the required skills have a rating"),
    ]
    cards += [Card.of(p.estimate(m), label) for p, m, label in wanted if _has(p, m)]
    return tuple(cards)


def _decision(top: list[Estimate], where: Published, teaching: Published, groups: Published) -> str:
    rows = [] if where.is_empty else where.frame.to_dict("records")
    skills = [e.label for e in top]
    above = [str(r["group"]) for r in rows if r["standing"] == "above" and r["skill"] in skills
             and _known(r["shortfall"])]  # fmt: skip
    said = f"Invest in {_named(top)}, within the next quarter"
    if above:
        said += f", first in {words.listing(list(dict.fromkeys(above))[:_SOME])}"
    elif rows:
        said += ", in all groups alike"
    said += "."
    if not groups.is_empty:
        names = dict.fromkeys(str(c) for c in groups.frame["cohort"])
        said += (
            f" Offer each of the {words.plural(len(names), 'cohort')} the content for its own "
            "three skills, not one programme for everyone."
        )
    if teaching.is_empty:
        return f"{said} What it takes is unknown: {teaching.missing}."
    if _has(teaching, "hours_to_close"):
        hours = words.estimate(teaching.estimate("hours_to_close"))
        price = _price(teaching)
        said += f" Plan at least {hours} of learning a person{f' and {price}' if price else ''}."
    poor = [str(r["skill"]) for r in teaching.frame.to_dict("records")
            if _known(r["closable"]) and r["closable"] < 0.5]  # fmt: skip
    if poor:
        said += f" Buy or make content first for {words.listing(poor[:_SOME])}."
    return said


def _collect(short: Published, covered: Published) -> str:
    named = re.findall(r"`(\w+)`", covered.missing or short.missing)
    wanted = [_COLLECT[name] for name in dict.fromkeys(named) if name in _COLLECT]
    if wanted:
        return f"Invest in nothing on this yet. Collect first: {'; '.join(wanted)}."
    return (
        "Invest in nothing on this yet: within four weeks, have managers or reviewers rate the "
        "skills that roles ask for, thirty people to begin with."
    )


def _change(top: list[Estimate], covered: Published) -> str:
    said = (
        f"Fresh reviews that put {top[0].label} less than "
        f"{words.number(round(top[0].low, 1))} points of 100 short"
        if math.isfinite(top[0].low)
        else f"A second source of ratings that puts {top[0].label} at target"
    )
    if _has(covered, "rating_coverage") and covered.estimate("rating_coverage").value < 0.6:
        return f"{said}, or ratings of those who have none."
    return f"{said}, or targets that are shown to be set too high."


# Shared -------------------------------------------------------------------------------------


def _largest(published: Published) -> list[Estimate]:
    """The largest shortfall and those that cannot be told from it, three at most."""
    if published.is_empty:
        return []
    found = [e for e in published.estimates if e.metric == "skill_shortfall" and e.is_known]
    found.sort(key=lambda e: (-e.value, e.label))
    if not found:
        return []
    return [e for e in found if e is found[0] or e.high >= found[0].low][:_SOME]


def _named(top: list[Estimate]) -> str:
    return words.listing([e.label for e in top])


def _people(published: Published, n: Any) -> str:
    return words.persons(n, exact=published.rules.public)


def _has(published: Published, metric: str, label: str | None = None) -> bool:
    return (
        not published.is_empty
        and published.has(metric, label)
        and published.estimate(metric, label).is_known
    )


def _known(value: Any) -> bool:
    return value is not None and value == value
