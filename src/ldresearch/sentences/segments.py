"""Say who the segments are, what they are worth, and which offer goes to whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "window": {
        "title": "The log covers the window",
        "passed": "The log begins before the window does.",
        "not passed": "The log begins within the window: people seem less active than they were.",
        "not known": "Nobody is eligible.",
    },
    "new": {
        "title": "Few are too new to be sorted",
        "passed": "{value} % of the eligible have not been so for the whole window, and are left "
        "out.",
        "not passed": (
            "{value} % of the eligible have not been so for the whole window (allowed: {threshold} "
            "%): what is said here is not said of them. A shorter window counts more of them."
        ),
        "not known": "Nobody is eligible.",
    },
    "edges": {
        "title": "One more person changes nobody's score",
        "passed": "One more person would give another score to {value} % of the others at most.",
        "not passed": (
            "One more person could give another score to {value} % of the others (allowed: "
            "{threshold} %): many people are alike just where a fifth ends. Do not read a change "
            "of one score as a change."
        ),
        "not known": "Too few people to score.",
    },
    "ways": {
        "title": "Ways of learning are found again",
        "passed": "In other samples they are found again with a likeness of {value} (wanted: "
        "{threshold} or more).",
        "not passed": "In other samples they are found again with a likeness of only {value}.",
        "not known": "Too few people to tell.",
    },
    "foretold": {
        "title": "What was foretold came",
        "passed": "Foretold and observed shares are {value} points apart, on average.",
        "not passed": (
            "Foretold and observed shares are {value} points apart on average (allowed: "
            "{threshold}): do not use the chances of still being active."
        ),
        "not known": "Nothing could be foretold, or it is too early to see what came.",
    },
}
"""Check id to its title and the sentence for each status."""

_GROUPS: Final = {
    "keen": "recent and frequent",
    "fresh": "recent, not frequent",
    "slipping": "frequent, not recent",
    "quiet": "neither recent nor frequent",
}
_WAYS: Final = {
    "active_weeks": ("come in more weeks", "come in fewer weeks"),
    "days_a_week": ("come on more days of a week", "come on fewer days of a week"),
    "actions_a_day": ("do more at a time", "do less at a time"),
    "minutes_a_day": ("stay longer", "stay shorter"),
    "value_share": ("finish more often", "finish less often"),
    "social_share": ("share more", "share less"),
    "search_share": ("search more", "search less"),
}
_OFFERS: Final = {
    "carry": "leave {who} alone and ask them to bring others",
    "next": "offer {who} the next step within the week",
    "win_back": "ask {who} what would help, before they are gone",
    "begin": "give {who} one reason to begin, not a catalogue",
}


# Findings -----------------------------------------------------------------------------------


def usage(published: Published, *_: Published) -> str:
    """Say how large the segments are."""
    if published.is_empty:
        return f"Segments cannot be told: {published.missing}."
    rows = _ranked(published)
    if not rows:
        return "The segments are hidden: too few people."
    told = [f"{words.percent(r['share'])} are {_named(r)} ({r['says']})" for r in rows]
    n = max((_float(r["n"]) for r in published.frame.to_dict("records")), default=0.0)
    return (
        f"Of {words.persons(n, exact=published.rules.public)} who were eligible for the whole "
        f"window, {words.listing(told)}."
    )


def _named(row: Mapping[Any, Any]) -> str:
    """Name a segment so that its name is read as one."""
    return f"“{row['segment']}”"


def _ranked(published: Published) -> list[dict[Any, Any]]:
    """Rows with people that are shown, the largest first."""
    rows = [r for r in published.frame.to_dict("records") if _float(r["share"]) > 0]
    return sorted(rows, key=lambda r: -_float(r["share"]))


def profiles(published: Published, *_: Published) -> str:
    """Say what people of each segment do, in words."""
    if published.is_empty:
        return f"Profiles cannot be told: {published.missing}."
    told = []
    for row in published.frame.to_dict("records"):
        if not _is_shown(row["weeks"]) or not _float(row["n"]):
            continue
        if not _float(row["weeks"]):
            said = f"{row['segment']}: nothing in the window"
        else:
            minutes = words.plural(round(_float(row["minutes"])), "minute")
            weeks = words.number(round(_float(row["weeks"])))
            window = words.plural(_float(published.parameters.get("window_weeks")), "week")
            said = f"{row['segment']}: in {weeks} of {window}, {minutes} a week"
        if isinstance(row["unit"], str) and _is_shown(row["unit_share"]):
            said += (
                f", more of them in {row['unit']} ({words.percent(row['unit_share'])} against "
                f"{words.percent(row['unit_elsewhere'])} of all others)"
            )
        told.append(said)
    return words.sentence("; ".join(told)) if told else "Profiles are hidden: too few people."


def rfm(published: Published, *_: Published) -> str:
    """Say what is usual."""
    if published.is_empty:
        return f"Scores cannot be told: {published.missing}."
    found = {e.metric: e for e in published.estimates if e.is_known}
    told = []
    often, long = found.get("rfm_frequency"), found.get("rfm_minutes")
    if often is not None and often.value:
        told.append(f"was active in {words.estimate_with_interval(often)} of the window or more")
    if long is not None and long.value:
        told.append(f"learned for {words.estimate_with_interval(long)} or more")
    said = f"Half of the people {words.listing(told)}" if told else ""
    said = said.replace("was active", "were active", 1)
    if not told and (often is not None or long is not None):
        said = "Half of the people or more did nothing in the window"
    if "rfm_recency" in found:
        e = found["rfm_recency"]
        ago = f"{words.estimate(e)} ago or less ({words.interval(e)})"
        said += f"{'; of' if said else 'Of'} those who ever had value, half last had it {ago}"
    if not said:
        return "Scores are hidden: too few people."
    return f"{said}. Who is alike has one score, so some scores are empty."


def rfm_groups(published: Published, *_: Published) -> str:
    """Say who is recent and frequent."""
    if published.is_empty:
        return f"Who is recent and frequent cannot be told: {published.missing}."
    rows = _ranked(published)
    if not rows:
        return "Who is recent and frequent is hidden: too few people."
    told = [
        f"{words.percent(r['share'])} are {r['group']} ({_GROUPS[str(r['group'])]})" for r in rows
    ]
    return (
        f"{words.sentence(words.listing(told))} Recent is who had value more lately than three in "
        "five, frequent who was active in more weeks than three in five."
    )


def behaviour(published: Published, *_: Published) -> str:
    """Say which ways of learning there are, or that there are none."""
    if published.is_empty:
        return (
            f"No ways of learning of their own: {published.missing}. That is an answer: people "
            "differ by how much they do, not in kinds, so sort them by rules."
        )
    told = []
    for segment, part in published.frame.groupby("segment", sort=True):
        shown = [r for r in part.to_dict("records") if _is_shown(r["mean"])]
        if not shown:
            continue
        apart = sorted(shown, key=lambda r: -_apart(r))[:2]
        traits = [_WAYS[str(r["feature"])][0 if r["mean"] > r["others"] else 1] for r in apart]
        share = [e for e in published.estimates if e.label == segment]
        size = f" ({words.percent(share[0].value)})" if share else ""
        told.append(f"{segment}{size} {words.listing(traits)}")
    if not told:
        return "Ways of learning are hidden: too few people."
    return words.sentence(
        f"there are {len(told)} ways of learning that come back in other samples: "
        + "; ".join(told)
    )


def _apart(row: Mapping[Any, Any]) -> float:
    """How far apart two means are, as a ratio."""
    own, others = _float(row["mean"]) + 1e-3, _float(row["others"]) + 1e-3
    return abs(math.log(own / others))


def alive(published: Published, *_: Published) -> str:
    """Say how many are still active."""
    if published.is_empty:
        return f"Who is still active cannot be told: {published.missing}."
    every = _alive(published)
    if every is None:
        return "Who is still active is hidden: too few people."
    exact = published.rules.public
    said = (
        f"Of {words.persons(every.n, exact=exact)} who have begun, "
        f"{words.estimate_with_interval(every)} are still active, judged by the rhythm of each"
    )
    each = [e for e in published.estimates if e.metric == "p_alive" and e.label != "all"]
    if len(each) > 1:
        best, worst = max(each, key=lambda e: e.value), min(each, key=lambda e: e.value)
        said += (
            f": {words.percent(best.value)} of {best.label}, {words.percent(worst.value)} of "
            f"{worst.label}"
        )
    days = [e for e in published.estimates if e.metric == "expected_days" and e.is_known]
    if days:
        mean = words.number(days[0].value, 2)
        said += f". Expected are {mean} days of value a person in the {days[0].label}"
    return f"{said}."


def _alive(published: Published) -> Estimate | None:
    if published.is_empty or not published.has("p_alive", "all"):
        return None
    return published.estimate("p_alive", "all")


def foretold(published: Published, *_: Published) -> str:
    """Say whether what was foretold came."""
    weeks = words.plural(_float(published.parameters.get("ahead_weeks")), "week")
    if published.is_empty:
        return f"Whether such chances hold cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["share"])]
    told = [
        f"{r['segment']} {words.percent(r['predicted'])} foretold, {words.percent(r['share'])} came"
        for r in rows
        if _is_shown(r["predicted"])
    ]
    if not told:
        return "What came of what was foretold is hidden: too few people."
    ratio = published.has("alive_ratio")
    said = f"{weeks} earlier, from what was known then: {'; '.join(told)}"
    if ratio:
        e = published.estimate("alive_ratio")
        said += (
            f". For every 100 days of value that came, {words.number(round(100 * e.value))} were "
            f"foretold (95 % interval {words.number(round(100 * e.low))} to "
            f"{words.number(round(100 * e.high))})"
        )
    return f"{said}."


def moves(published: Published, *_: Published) -> str:
    """Say who stays in a segment, and where the others go."""
    way = str(published.parameters.get("under_way") or "")
    open_end = f" {_quarter(way)} is not over, so it is not shown." if way else ""
    if published.is_empty:
        return f"Moves cannot be told: {published.missing}.{open_end}"
    stay = [e for e in published.estimates if e.metric == "segment_stay"]
    if not stay:
        return f"Moves are hidden: too few people.{open_end}"
    frame = published.frame
    last = max(str(day) for day in frame["quarter_on"])
    told = [f"{words.percent(e.value)} of {e.label} ({words.interval(e)})" for e in stay]
    said = f"By {_quarter(last)}, this many had stayed in their segment: {words.listing(told)}"
    part = frame[frame["quarter_on"].astype(str) == last].to_dict("records")
    gone = [
        r for r in part
        if r["start"] != r["end"] and "not counted" not in (r["start"], r["end"])
        and _is_shown(r["n_moved"])
    ]  # fmt: skip
    if gone:
        most = max(gone, key=lambda r: _float(r["n_moved"]))
        people = words.persons(_float(most["n_moved"]), exact=published.rules.public)
        said += f". The largest move: {people} from {most['start']} to {most['end']}"
    return f"{said}.{open_end}"


def responses(published: Published, *_: Published) -> str:
    """Say which segment responds to which campaign, and how sure that is."""
    if published.is_empty:
        return f"Which segment responds to which campaign cannot be told: {published.missing}."
    told = []
    for campaign, part in published.frame.groupby("campaign", sort=False):
        rows = [r for r in part.to_dict("records") if _is_shown(r["value"])]
        if rows:
            told.append(_campaign(str(campaign), rows))
    if not told:
        return "Responses are hidden: too few people."
    n = words.number(_float(published.parameters.get("n_compared")))
    return (
        f"{' '.join(told)} {n} numbers were looked at: each is drawn towards the others of its "
        "campaign, so that the largest is not the luckiest."
    )


def _campaign(campaign: str, rows: list[dict[Any, Any]]) -> str:
    is_effect = rows[0]["kind"] == "difference"
    best = max(rows, key=lambda r: _float(r["value"]))
    worst = min(rows, key=lambda r: _float(r["value"]))
    differ = rows[0]["differ"] == "yes"
    if not is_effect:
        said = (
            f"{campaign}: nobody drew who was addressed, so this is no effect; "
            f"{words.percent(best['value'])} of {best['segment']} came"
        )
        if best is not worst:
            said += f", {words.percent(worst['value'])} of {worst['segment']}"
        return f"{said}."
    if not differ:
        return (
            f"{campaign}, drawn at random: segments differ by no more than chance "
            f"({_gain(worst)} to {_gain(best)})."
        )
    return (
        f"{campaign}, drawn at random: most among {best['segment']} ({_gain(best)}, "
        f"{_ends(best)}), least among {worst['segment']} ({_gain(worst)}, {_ends(worst)})."
    )


def _gain(row: Mapping[Any, Any]) -> str:
    return words.points(_float(row["value"]))


def _ends(row: Mapping[Any, Any]) -> str:
    low = words.points(_float(row["low"])).split(" ")[0]
    return f"95 % interval {low} to {words.points(_float(row['high']))}"


def _quarter(day: str) -> str:
    at = date.fromisoformat(day[:10])
    return f"the {('first', 'second', 'third', 'fourth')[(at.month - 1) // 3]} quarter of {at.year}"


def _float(value: Any) -> float:
    return float(value) if _is_shown(value) else 0.0


def _is_shown(value: Any) -> bool:
    return value is not None and value == value and not isinstance(value, str)


# The headline -------------------------------------------------------------------------------


def headline(
    sizes: Published, who: Published, still: Published, kept: Published, answered: Published
) -> Headline:
    """Say who the learners are and which segment gets which offer.

    Parameters
    ----------
    sizes, who, still, kept, answered : Published
        The views ``usage``, ``profiles``, ``alive``, ``moves`` and ``responses``.
    """
    return Headline(
        _title(sizes),
        _cards(sizes, still, kept, answered),
        _decision(who, answered),
        _change_mind(sizes, answered),
    )


def _told(sizes: Published) -> list[dict[Any, Any]]:
    """Return the largest segment, and the first rule that anybody fits."""
    if sizes.is_empty:
        return []
    ranked = _ranked(sizes)
    if not ranked:
        return []
    shown = [r for r in sizes.frame.to_dict("records") if _float(r["share"]) >= 0.01]
    first = shown[0] if shown else ranked[0]
    return [ranked[0]] if first["segment"] == ranked[0]["segment"] else [ranked[0], first]


def _title(sizes: Published) -> str:
    rows = _told(sizes)
    if not rows:
        if sizes.is_empty:
            return f"Who the learners are cannot be told yet: {sizes.missing}"
        return "Too few people to show who the learners are"
    said = [f"{words.percent(r['share'])} were {_named(r)} ({r['says']})" for r in rows]
    said[0] = said[0].replace(" were ", " of the people were ", 1)
    weeks = words.plural(_float(sizes.parameters["window_weeks"]), "week")
    return f"In the last {weeks} {words.listing(said)}"


def _cards(
    sizes: Published, still: Published, kept: Published, answered: Published
) -> tuple[Card, ...]:
    cards = [
        Card.of(sizes.estimate("usage_segment_share", str(r["segment"])), f"are {_named(r)}")
        for r in _told(sizes)
        if sizes.has("usage_segment_share", str(r["segment"]))
    ]
    every = _alive(still)
    if every is not None:
        cards.append(Card.of(every, "of those who have begun are still active"))
    best = _best(answered)
    if best is not None:
        campaign, segment = best.label.rsplit(", ", 1)
        cards.append(Card.of(best, f"more of “{segment}” came because of “{campaign}”"))
    elif not kept.is_empty:
        stay = [e for e in kept.estimates if e.metric == "segment_stay"]
        if stay:
            cards.append(Card.of(stay[0], f"of “{stay[0].label}” were still so a quarter later"))
    return tuple(cards[:4])


def _best(answered: Published) -> Estimate | None:
    """Return the largest effect of a drawn campaign that is surely none by chance."""
    if answered.is_empty:
        return None
    found = [e for e in answered.estimates if e.metric == "segment_response" and e.low > 0]
    return max(found, key=lambda e: e.value, default=None)


def _decision(who: Published, answered: Published) -> str:
    rows = [] if who.is_empty else who.frame.to_dict("records")
    by_offer: dict[str, list[str]] = {}
    for row in rows:
        if isinstance(row["offer"], str) and _is_shown(row["n"]):
            by_offer.setdefault(row["offer"], []).append(_named(row))
    if not by_offer:
        return "Decide nothing on this yet: supply what is missing, then run it again."
    told = [
        template.format(who=words.listing(by_offer[offer]))
        for offer, template in _OFFERS.items()
        if offer in by_offer
    ]
    best = _best(answered)
    extra = ""
    if best is not None:
        campaign, segment = best.label.rsplit(", ", 1)
        extra = f" Send what is like “{campaign}” to “{segment}” first."
    return f"{words.sentence('; '.join(told))}{extra}"


def _change_mind(sizes: Published, answered: Published) -> str:
    said = []
    rows = _told(sizes)
    if rows:
        low, high = words.percent(rows[0]["low"]), words.percent(rows[0]["high"])
        said.append(f"A quarter on, fewer than {low} or more than {high} are {_named(rows[0])}.")
    if _best(answered) is None:
        said.append(
            "A campaign drawn at random, in which one segment gains more than the others by more "
            "than chance."
        )
    else:
        said.append("Another campaign drawn at random in which that segment gains nothing.")
    return " ".join(said)
