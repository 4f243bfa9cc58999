"""Say where a score stands among organisations, which way all go, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "like_size": {
        "title": "Held against organisations of like size",
        "passed": "Only organisations of like size are compared.",
        "not passed": (
            "All organisations are compared, large and small: how many answered is not published, "
            "or too few are of like size."
        ),
        "not known": "Nothing is compared.",
    },
    "same_year": {
        "title": "The scores are of the same time",
        "passed": "The published scores are {value} years older than the survey compared.",
        "not passed": (
            "The published scores are {value} years older than the survey compared (allowed: "
            "{threshold}): everyone may have moved since."
        ),
        "not known": "Nothing is compared.",
    },
    "same_questions": {
        "title": "The same questions were asked",
        "passed": "All {value} statements of the theme were asked.",
        "not passed": (
            "Only {value} of the {threshold} statements of the theme were asked: compare "
            "statement by statement."
        ),
        "not known": "The score compared is a published one, or there is none.",
    },
}
"""Check id to its title and the sentence for each status."""

_ITEMS: Final = {
    "theme": "the learning and development theme",
    "access": "access to the right learning",
    "performance": "learning that improved performance",
    "career": "learning that helps the career",
    "opportunities": "opportunities to develop the career",
}


def standing(published: Published, *_: Published) -> str:
    """Say how many organisations score lower, and among whom."""
    if published.is_empty:
        return f"Where the score stands cannot be told: {published.missing}."
    held = _held(published)
    if held is None:
        return "Where the score stands is hidden: too few people answered."
    p = published.parameters
    among = (
        f"{p['others']} organisations with {words.number(_f(p['low']))} to "
        f"{words.number(_f(p['high']))} answers" if p["peers"] == "like size"
        else f"all {p['others']} organisations of {p['year']} ({p['why']})"
    )  # fmt: skip
    said = (
        f"{_name(p['held'])} scores {_one(held['score'])} of 100 on "
        f"{_item(p['item'])} in {p['of_year']}"
    )
    if not published.has("benchmark_percentile"):
        return f"{said}, higher than {words.number(round(_f(held['place'])))} % of {among}."
    e = published.estimate("benchmark_percentile")
    return f"{said}, more than {words.number(round(e.value))} % of {among}{_sure(e)}."


def trend(published: Published, *_: Published) -> str:
    """Say which way all organisations go."""
    if published.is_empty:
        return f"Which way scores go cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if r["series"] == "all"]
    if not rows:
        return "Which way scores go cannot be told."
    first, last = rows[0], rows[-1]
    said = (
        f"Half of all organisations score between {_one(last['lower'])} and "
        f"{_one(last['upper'])} in {last['year']}, the middle one {_one(last['value'])}"
    )
    if first is last:
        return f"{said}."
    found = [e for e in published.estimates if e.metric == "benchmark_change"]
    if not found:
        return f"{said}; in {first['year']} it was {_one(first['value'])}."
    each = []
    for e in found:
        if e.low <= 0 <= e.high:
            each.append(f"no change that is more than chance from {e.label} ({_ends(e)})")
        else:
            how = "up" if e.value > 0 else "down"
            each.append(f"{how} {_one(abs(e.value))} points from {e.label} ({_ends(e)})")
    return f"{said}. Organisations that published both years are {words.listing(each)}."


def headline(placed: Published, through: Published) -> Headline:
    """Say where the score stands and what to do about it.

    Parameters
    ----------
    placed, through : Published
        The views ``standing`` and ``trend``.
    """
    cards = []
    if placed.has("benchmark_score"):
        cards.append(Card.of(placed.estimate("benchmark_score"), "score, of 100"))
    if placed.has("benchmark_percentile"):
        size = "like" if placed.parameters.get("peers") == "like size" else "any"
        label = f"of organisations of {size} size score lower"
        cards.append(Card.of(placed.estimate("benchmark_percentile"), label))
    cards += [
        Card.of(e, f"points, the same organisations, {e.label}")
        for e in through.estimates if e.metric == "benchmark_change"
    ]  # fmt: skip
    return Headline(_title(placed, through), tuple(cards[:4]), _decision(placed),
                    _change_mind(placed))  # fmt: skip


def _title(placed: Published, through: Published) -> str:
    held = None if placed.is_empty else _held(placed)
    if held is None:
        if not through.is_empty:
            return trend(through)
        return standing(placed)
    who, item = _name(placed.parameters["held"]), _item(placed.parameters["item"])
    size = " of like size" if placed.parameters["peers"] == "like size" else ""
    if not placed.has("benchmark_percentile"):
        share = round(_f(held["place"]))
        return f"{who} scores higher than {share} % of organisations{size} on {item}."
    e = placed.estimate("benchmark_percentile")
    if e.low == e.low and e.low > 50:
        where = f"is in the upper half of organisations{size}"
    elif e.high == e.high and e.high < 50:
        where = f"is in the lower half of organisations{size}"
    elif e.low == e.low:
        where = f"cannot be told from the middle of organisations{size}"
    else:
        where = f"scores higher than {round(e.value)} % of organisations{size}"
    return f"{who} {where} on {item}."


def _decision(placed: Published) -> str:
    if placed.is_empty:
        return (
            "Ask the published statements in the next survey, word for word, or name one of the "
            "organisations, to see where a score stands."
        )
    if not placed.has("benchmark_percentile"):
        return "Do not act on a place in a list whose certainty nobody knows."
    e = placed.estimate("benchmark_percentile")
    if e.low != e.low:
        return (
            "Use the place as a first impression only: how many answered is not published, so how "
            "sure it is cannot be told."
        )
    if e.high < 50:
        return "Find out which statement is furthest behind, and ask those ahead what they do."
    if e.low > 50:
        return "Keep what is done; compare the statements one by one for what lags."
    return "Do not act on the place alone: it may be chance. Watch it at the next survey."


def _change_mind(placed: Published) -> str:
    if placed.is_empty:
        return "A survey with the same statements."
    if placed.parameters.get("peers") != "like size":
        return "How many answered in each organisation: then those of like size can be compared."
    return "The next published year, or more answers: the interval is as wide as they are few."


# Words --------------------------------------------------------------------------------------


def _held(published: Published) -> dict[Any, Any] | None:
    for r in published.frame.to_dict("records"):
        if r["standing"] == "held" and r["score"] is not None and r["score"] == r["score"]:
            return dict(r)
    return None


def _sure(e: Estimate) -> str:
    if e.low != e.low:
        return "; how sure that is cannot be told, since nobody says how many answered"
    return f" (95 % interval {words.number(round(e.low))} to {words.number(round(e.high))} %)"


def _name(held: Any) -> str:
    return "This organisation" if held == "this organisation" else str(held)


def _item(item: Any) -> str:
    return _ITEMS.get(str(item), f"“{item}”")


def _one(value: Any) -> str:
    return words.number(round(_f(value), 1))


def _f(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _ends(e: Estimate) -> str:
    return f"95 % interval {_one(e.low)} to {_one(e.high)}"
