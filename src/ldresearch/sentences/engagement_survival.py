"""Say how long people stay engaged, who stops sooner, and when to step in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

ORIGINS: Final = {
    "start": "counted from the offer's first day, with everyone who enrolled",
    "registration": "counted from each person's own registration",
    "delayed_entry": (
        "counted from the offer's first day, with each person at risk from registration on"
    ),
}
"""Origin of time to its words."""

_CAUSES: Final = {
    "disengaged": "ended because learning stopped",
    "left": "ended because the person left the organisation",
    "withdrawn": "were withdrawn",
    "still going": "were still going on",
}
_VARIANTS: Final = {
    "start": "the offer's first day",
    "registration": "each registration",
    "delayed_entry": "the first day with delayed entry",
}

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "events": {
        "title": "Enough has ended",
        "passed": "{value} ends were seen.",
        "not passed": "{value} ends were seen (wanted: {threshold} or more): wait.",
        "not known": "There is nothing to follow.",
    },
    "censored": {
        "title": "Followed for long enough",
        "passed": "{value} % were last seen still going on before the horizon.",
        "not passed": (
            "{value} % were last seen still going on before the horizon (allowed: {threshold} %): "
            "shorten the horizon, or wait."
        ),
        "not known": "There is nothing to follow.",
    },
    "gap_rule": {
        "title": "Whoever is gone stays gone",
        "passed": "{value} % return after the gap that ends a spell.",
        "not passed": (
            "{value} % return after the gap that ends a spell (allowed: {threshold} %): some ends "
            "are breaks."
        ),
        "not known": "No gap is needed, or none was followed for long enough.",
    },
    "gap_stable": {
        "title": "Another rule says the same",
        "passed": (
            "Half or twice the gap (for enrolments: another origin) moves the mean by {value} %."
        ),
        "not passed": (
            "Half or twice the gap (for enrolments: another origin) moves the mean by {value} % "
            "(allowed: {threshold} %): quote the rule with every number."
        ),
        "not known": "There are no two rules to compare.",
    },
    "leaving": {
        "title": "Leaving the organisation changes little",
        "passed": "Taking leaving as competing moves the curve by {value} points.",
        "not passed": (
            "Taking leaving as competing moves the curve by {value} points (allowed: {threshold}): "
            "read the shares by way of ending, not the curve alone."
        ),
        "not known": "There is nothing to follow.",
    },
    "beginning": {
        "title": "Beginnings were seen",
        "passed": "{value} % began so early that they may have begun before the log.",
        "not passed": (
            "{value} % began so early that they may have begun before the log (allowed: "
            "{threshold} %): they look shorter than they were."
        ),
        "not known": "Beginnings cannot be judged here.",
    },
    "proportional": {
        "title": "One ratio holds for all days",
        "passed": "Constant ratios of hazards are not rejected (p = {value}).",
        "not passed": (
            "Constant ratios of hazards are rejected (p = {value}): no hazard ratio is told; read "
            "the difference in mean days."
        ),
        "not known": "There is no regression to test.",
    },
    "calibration": {
        "title": "The past foretold the present",
        "passed": "The earlier half foretold the later one to within {value} points.",
        "not passed": (
            "The earlier half missed the later one by up to {value} points (allowed: "
            "{threshold}): something changed, so decide on recent weeks."
        ),
        "not known": "Too few were followed long enough to foretell anything.",
    },
    "undated": {
        "title": "Withdrawals have a date",
        "passed": "{value} % of withdrawals have no date.",
        "not passed": (
            "{value} % of withdrawals have no date (allowed: {threshold} %) and count as if they "
            "had stayed to the end."
        ),
        "not known": "There are no withdrawals.",
    },
}
"""Check id to its title and the sentence for each status."""


# Findings -----------------------------------------------------------------------------------


def gap(published: Published, *_: Published) -> str:
    """Say after which gap hardly anyone returns."""
    used = int(published.parameters.get("gap_days") or 0)
    if published.is_empty:
        return words.sentence(f"no gap was chosen: {published.missing}")
    back = [e for e in published.estimates if e.metric == "return_after_gap" and e.is_known]
    after = (
        f"after a gap of {words.days(used)} or more, {words.percent(back[0].value)} return "
        f"({words.interval(back[0])})"
        if back
        else f"how many return after a gap of {words.days(used)} was not seen for long enough"
    )
    most = words.percent(float(published.parameters.get("at_most") or 0))
    how = {
        "chosen": f"the shortest gap after which at most {most} return",
        "given": "as set",
        "preset": f"a preset, since no gap was seen after which at most {most} return",
    }[str(published.parameters.get("how"))]
    said = f"A spell ends with {words.days(used)} without a value event, {how}: {after}."
    if published.has("silence_days"):
        silence = words.estimate(published.estimate("silence_days"))
        said += f" From {silence} of silence on, fewer than half come back."
    return said


def everyone(published: Published, *_: Published) -> str:
    """Say the median, the share still going on at the horizon, and where time starts."""
    if published.is_empty:
        return f"How long it lasts cannot be told: {published.missing}."
    if not published.has("survival_median"):
        return "How long it lasts is hidden: too few people."
    at = published.estimate("survival_at")
    people = words.persons(at.n, exact=published.rules.public)
    still = (
        f" After {words.days(_horizon(published))}, {words.percent(at.value)} of them go on "
        f"({words.interval(at)})."
        if at.is_known
        else f" Nobody has been followed for {words.days(_horizon(published))} yet."
    )
    return f"{_median(published)} ({people}).{still}{_origin(published)}"


def _median(published: Published, name: str = "") -> str:
    median = published.estimate("survival_median", name or "all")
    if math.isinf(median.value):
        return (
            f"The median is not reached: fewer than half of the {_things(published)} "
            f"{_ended(published)} in the time seen"
        )
    return (
        f"Half of all {_things(published)} {_end(published)} within {words.estimate(median)}, "
        f"{words.interval(median)}"
    )


def _horizon(published: Published) -> float:
    told = published.parameters
    return float(told.get("horizon_days") or told.get("horizon") or 0)


def _is_enrolment(published: Published) -> bool:
    return published.parameters.get("subject") == "enrolment"


def _things(published: Published) -> str:
    return "enrolments" if _is_enrolment(published) else "learning spells"


def _end(published: Published) -> str:
    return "are withdrawn" if _is_enrolment(published) else "end"


def _ended(published: Published) -> str:
    return "were withdrawn" if _is_enrolment(published) else "ended"


def _origin(published: Published) -> str:
    if not _is_enrolment(published):
        return ""
    return f" Days are {ORIGINS[str(published.parameters.get('origin'))]}."


def groups(published: Published, *_: Published) -> str:
    """Say which group lasts least and which most."""
    if published.is_empty:
        return f"Groups cannot be told apart: {published.missing}."
    known = [e for e in published.estimates if e.metric == "survival_at" and e.is_known]
    if len(known) < 2:
        return "Groups are hidden, or none was followed to the horizon."
    known.sort(key=lambda e: e.value)
    least, most = known[0], known[-1]
    horizon = words.days(_horizon(published))
    said = (
        f"After {horizon}, {words.percent(least.value)} go on in {least.label} "
        f"({words.interval(least)}) and {words.percent(most.value)} in {most.label} "
        f"({words.interval(most)})."
    )
    medians = [e for e in published.estimates if e.metric == "survival_median" and e.is_known]
    out = [e.label for e in medians if math.isinf(e.value)]
    if out and len(out) == len(medians):
        said += " The median is not reached in any group."
    elif out:
        said += f" The median is not reached in {words.listing(out)}."
    return said + _origin(published)


def ends(published: Published, *_: Published) -> str:
    """Say how it ended by the horizon."""
    if published.is_empty:
        return f"How it ends cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["share"])]
    if not rows:
        return "How it ends is hidden: too few people."
    said = [
        f"{words.percent(r['share'])} {_CAUSES.get(str(r['cause']), str(r['cause']))}" for r in rows
    ]
    told = f"After {words.days(_horizon(published))}, {words.listing(said)}."
    if any(r["cause"] == "left" for r in rows):
        told += " The curve above lies higher: leaving is no end there, it only ends the watching."
    return told


def contrast(published: Published, *_: Published) -> str:
    """Say by how many days groups differ."""
    if published.is_empty:
        return f"Groups cannot be compared: {published.missing}."
    horizon = words.days(_horizon(published))
    reference = str(published.parameters.get("reference"))
    if not published.has("rmst", reference):
        return "Mean days are hidden: too few people."
    mean = published.estimate("rmst", reference)
    said = (
        f"Over the first {horizon} the mean in {reference}, the largest group, is "
        f"{words.estimate_with_interval(mean)}."
    )
    clear = [r for r in _differences(published) if r["standing"] in ("shorter", "longer")]
    if not clear:
        return f"{said} No other group differs from it by more than chance."
    clear.sort(key=lambda r: -abs(float(r["difference"])))
    told = [
        f"{words.days(abs(float(r['difference'])))} {r['standing']} in {r['group']} "
        f"({_days_range(r)})"
        for r in clear[:3]
    ]
    said += f" It lasts {words.listing(told)}."
    left_out = int(published.parameters.get("left_out") or 0)
    if left_out:
        said += f" Too small or too young to compare: {words.plural(left_out, 'group')}."
    return said


def _differences(published: Published) -> list[dict[Any, Any]]:
    rows: list[dict[Any, Any]] = published.frame.to_dict("records")
    return [r for r in rows if _is_shown(r["difference"]) and r["standing"] is not None]


def _days_range(row: Mapping[Any, Any]) -> str:
    low, high = sorted(abs(float(row[c])) for c in ("difference_low", "difference_high"))
    return f"95 % interval {words.number(round(low))} to {words.days(high)}"


def drivers(published: Published, *_: Published) -> str:
    """Say what goes with a sooner end, and by which model."""
    if published.is_empty:
        return f"What shortens it cannot be told: {published.missing}."
    is_hazard = published.parameters.get("model") == "cox"
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["ratio"])]
    clear = [r for r in rows if r["low"] > 1 or r["high"] < 1]
    means = (
        "hazard ratios, above 1 it ends sooner"
        if is_hazard
        else "time ratios, above 1 it lasts longer; the ratio of hazards changes over time"
    )
    if not rows:
        return "What shortens it is hidden: too few people."
    if not clear:
        return f"Nothing known goes with a sooner end by more than chance ({means})."
    clear.sort(key=lambda r: -abs(math.log(max(float(r["ratio"]), 1e-9))))
    told = [
        f"{_term(str(r['term']))} {words.number(r['ratio'])} (95 % interval "
        f"{words.number(r['low'])} to {words.number(r['high'])})"
        for r in clear[:3]
    ]
    against = {str(k): str(v) for k, v in published.parameters.items() if str(k).endswith("ence")}
    base = words.listing([v for k, v in against.items() if k.endswith(": reference")])
    return (
        f"Adjusted for each other, the clearest are {words.listing(told)}: {means}. "
        f"Compared with: {base}. It describes and does not say why."
    )


def _term(term: str) -> str:
    name, _, level = term.partition(": ")
    return level or {"tenure_years": "each year of tenure"}.get(name, name)


def recurrence(published: Published, *_: Published) -> str:
    """Say how many further spells a person begins."""
    if published.is_empty:
        return f"Whether people come back cannot be told: {published.missing}."
    if not published.has("mean_cumulative_at"):
        return "Whether people come back is hidden: too few people."
    found = published.estimate("mean_cumulative_at")
    return (
        f"A hundred people begin {words.number(round(100 * found.value))} further spells "
        f"{found.label} of their first (95 % interval {words.number(round(100 * found.low))} to "
        f"{words.number(round(100 * found.high))}, "
        f"{words.persons(found.n, exact=published.rules.public)})."
    )


def sensitivity(published: Published, *_: Published) -> str:
    """Say how far the mean moves under other rules."""
    if published.is_empty:
        return f"Other rules cannot be tried: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["rmst"])]
    if len(rows) < 2:
        return "There are no two rules to compare."
    told = [f"{words.days(r['rmst'])} with {_rule(r['rule'])}" for r in rows]
    moved = published.parameters.get("moved")
    how_far = f", up to {words.percent(float(moved))} apart" if moved is not None else ""
    return f"The mean over {words.days(_horizon(published))} is {words.listing(told)}{how_far}."


def _rule(rule: object) -> str:
    return _VARIANTS.get(str(rule), f"a gap of {rule}")


def calibration(published: Published, *_: Published) -> str:
    """Say whether the earlier half foretold the later half."""
    if published.is_empty:
        return f"No forecast can be checked: {published.missing}."
    rows = [
        r for r in published.frame.to_dict("records")
        if _is_shown(r["observed"]) and _is_shown(r["predicted"])
    ]  # fmt: skip
    if not rows:
        return "The check of an earlier forecast is hidden: too few people."
    row = rows[-1]
    inside = row["low"] <= row["predicted"] <= row["high"]
    return (
        f"The earlier half, as it was known then, foretold that {words.percent(row['predicted'])} "
        f"go on at {row['day']}; of the later half {words.percent(row['observed'])} did "
        f"(95 % interval {_share_range(row)}), "
        f"{'as foretold' if inside else 'so things have changed, or the halves differ'}."
    )


def _share_range(row: Mapping[Any, Any]) -> str:
    return f"{words.percent(row['low']).removesuffix(' %')} to {words.percent(row['high'])}"


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


# The headline -------------------------------------------------------------------------------


def headline(curve: Published, compared: Published, chosen: Published) -> Headline:
    """Say how long it lasts, for whom least, and when to step in.

    Parameters
    ----------
    curve, compared, chosen : Published
        The views ``everyone``, ``contrast`` and ``gap``.
    """
    return Headline(
        _title(curve, compared), _cards(curve, compared), _decision(curve, compared, chosen),
        _change_mind(curve, compared, chosen),
    )  # fmt: skip


def _title(curve: Published, compared: Published) -> str:
    if curve.is_empty:
        if curve.parameters.get("is_nobody"):
            return f"Nothing has ended yet: {curve.missing}"
        return f"How long engagement lasts cannot be told yet: {curve.missing}"
    if not curve.has("survival_median"):
        return "Too few people to show how long engagement lasts"
    median, at = curve.estimate("survival_median"), curve.estimate("survival_at")
    if math.isfinite(median.value):
        said = f"Half of all {_things(curve)} {_end(curve)} within {words.estimate(median)}"
    elif at.is_known:
        share = words.proportion(1 - at.value)
        said = (
            f"{share[:1].upper()}{share[1:]} {'of ' if share[0].isdigit() else ''}"
            f"{_things(curve)} {_end(curve)} within {words.days(_horizon(curve))}; the median is "
            "not reached"
        )
    else:
        said = f"Most {_things(curve)} go on in the time seen; the median is not reached"
    worst = _worst(compared)
    if not worst:
        best = _best(compared)
        if not best:
            return said
        more = words.days(abs(float(best[0]["difference"])))
        return (
            f"{said}, and {more} later on average in {best[0]['group']} than in "
            f"{compared.parameters.get('reference')}"
        )
    days = words.days(abs(float(worst[0]["difference"])))
    reference = compared.parameters.get("reference")
    return f"{said}, soonest in {worst[0]['group']} ({days} less than {reference})"


def _worst(compared: Published) -> list[dict[Any, Any]]:
    """Groups that last less than the largest one by more than chance, the shortest first."""
    if compared.is_empty:
        return []
    rows = [r for r in _differences(compared) if r["standing"] == "shorter"]
    return sorted(rows, key=lambda r: float(r["rmst"]))


def _best(compared: Published) -> list[dict[Any, Any]]:
    if compared.is_empty:
        return []
    rows = [r for r in _differences(compared) if r["standing"] == "longer"]
    return sorted(rows, key=lambda r: -float(r["rmst"]))


def _cards(curve: Published, compared: Published) -> tuple[Card, ...]:
    cards: list[Card] = []
    ended = "until half are withdrawn" if _is_enrolment(curve) else "until half have ended"
    horizon = words.days(_horizon(curve))
    if curve.has("survival_median"):
        cards.append(Card.of(curve.estimate("survival_median"), ended))
        at = curve.estimate("survival_at")
        if at.is_known:
            cards.append(Card.of(at, f"still going on after {horizon}"))
    if curve.has("rmst"):
        cards.append(Card.of(curve.estimate("rmst"), f"mean over the first {horizon}"))
    for row in [*_worst(compared), *_best(compared)][:1]:
        label = f"{row['group']} against {compared.parameters.get('reference')}"
        if compared.has("rmst_difference", label):
            difference = compared.estimate("rmst_difference", label)
            cards.append(Card.of(difference, f"mean of {label}"))
    return tuple(cards[:4])


def _silence(chosen: Published) -> str:
    """After how many silent days it is time to ask."""
    if chosen.is_empty or not chosen.has("silence_days"):
        return ""
    days = words.estimate(chosen.estimate("silence_days"))
    return f"Ask after whoever has been silent for {days}: from then on fewer than half come back. "


def _decision(curve: Published, compared: Published, chosen: Published) -> str:
    if curve.is_empty or not curve.has("survival_quartile"):
        return (
            "Decide nothing on this yet: supply what is missing or wait for more weeks, then run "
            "it again."
        )
    quarter = curve.estimate("survival_quartile")
    whom = _for_whom(compared)
    if not math.isfinite(quarter.value):
        at = curve.estimate("survival_at")
        still = (
            f"{words.percent(at.value)} go on after {words.days(_horizon(curve))}"
            if at.is_known
            else "fewer than one in four have ended in the time seen"
        )
        return f"No general push is needed: {still}. {_silence(chosen)}{whom}"
    has_ended = "was withdrawn" if _is_enrolment(curve) else "has ended"
    if quarter.value <= 1:
        return (
            f"Reach out before it begins: one in four {has_ended} by the first day. "
            f"{_silence(chosen)}{whom}"
        )
    return (
        f"Reach out before day {words.fixed(quarter.value)}, by when one in four {has_ended} "
        f"({words.interval(quarter)}); start with those who begin next month. "
        f"{_silence(chosen)}{whom}"
    )


def _for_whom(compared: Published) -> str:
    sooner = [str(r["group"]) for r in _worst(compared)]
    if sooner:
        return f"First for {words.listing(sooner[:3])}, where it ends soonest."
    if _best(compared):
        reference = compared.parameters.get("reference")
        best = [str(r["group"]) for r in _best(compared)]
        rest = [str(r["group"]) for r in compared.frame.to_dict("records")]
        rest = [group for group in rest if group not in best]
        first = words.listing(rest) if len(rest) <= 3 else f"{reference} and {len(rest) - 1} others"
        return f"First for {first}: it lasts longer in {words.listing(best[:3])}."
    if not compared.is_empty and len(_differences(compared)) > 1:
        return "For everyone alike: no group ends sooner by more than chance."
    return "For everyone alike: groups cannot be told apart."


def _change_mind(curve: Published, compared: Published, chosen: Published) -> str:
    if curve.is_empty or not curve.has("survival_at"):
        return "More complete weeks, or the tables that are missing."
    said = []
    at = curve.estimate("survival_at")
    if at.is_known:
        low, high = words.percent(at.low), words.percent(at.high)
        said.append(
            f"Fewer than {low} or more than {high} of those who begin from now on still going on "
            f"after {words.days(_horizon(curve))}."
        )
    if _worst(compared):
        said.append("A group named here that no longer differs from the largest one.")
    if not chosen.is_empty and chosen.parameters.get("how") == "chosen":
        said.append("Another gap, if people take longer breaks than they did.")
    return " ".join(said) or "More complete weeks."
