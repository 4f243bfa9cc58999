"""Say who answers, what they say, what they want, and what to build or drop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "response": {
        "title": "Enough people answer",
        "passed": "{value} % of those eligible answered.",
        "not passed": (
            "Only {value} % of those eligible answered (wanted: {threshold} % or more): those who "
            "did not may think otherwise, and weights mend only what they are made of."
        ),
        "not known": "Who could have answered is not known.",
    },
    "activity": {
        "title": "Users and non-users answer alike",
        "passed": (
            "People who had used it in the four weeks before are {value} points more, or fewer, "
            "among the answers than among all."
        ),
        "not passed": (
            "People who had used it in the four weeks before are {value} points more, or fewer, "
            "among the answers than among all (allowed: {threshold}): add activity to the margins."
        ),
        "not known": "What people did before the survey is not known, or whose answers they are.",
    },
    "weights": {
        "title": "Weights meet the HR margins",
        "passed": "The margins are missed by at most {value} points of 100.",
        "not passed": (
            "The margins are missed by up to {value} points of 100 (allowed: {threshold}): they "
            "contradict each other or weights were cut. Use fewer margins."
        ),
        "not known": "Answers are not weighted: no margin is known for them.",
    },
    "widening": {
        "title": "Weights do not cost too much",
        "passed": "Unequal weights make the variance {value} times as large.",
        "not passed": (
            "Unequal weights make the variance {value} times as large (allowed: {threshold}): a "
            "few people speak for many."
        ),
        "not known": "Answers are not weighted.",
    },
    "silent": {
        "title": "Every unit and level is heard",
        "passed": "{value} % of the people are in a unit or level of which nobody answered.",
        "not passed": (
            "{value} % of the people are in a unit or level of which nobody answered (allowed: "
            "{threshold} %): no weight can speak for them."
        ),
        "not known": "Units and levels of those eligible are not known.",
    },
    "unread": {
        "title": "Answers can be read",
        "passed": "{value} % of the answers could not be read.",
        "not passed": (
            "{value} % of the answers could not be read (allowed: {threshold} %): check the "
            "mapping of the survey."
        ),
        "not known": "There are no answers.",
    },
}
"""Check id to its title and the sentence for each status."""

_WANTED: Final = ("attractive", "one-dimensional", "must-be")
_UNWANTED: Final = ("indifferent", "reverse")
_OFF: Final = 5.0
"""Points of the score by which weighted and as answered have to part before it is said."""


# Who answers --------------------------------------------------------------------------------


def response(published: Published, *_: Published) -> str:
    """Say which share answered, and who answers more or less."""
    if published.is_empty:
        return f"Who answers cannot be told: {published.missing}."
    if not published.has("response_rate"):
        return "Who answers is hidden: too few people."
    e = published.estimate("response_rate")
    said = (
        f"{words.percent(e.value)} of {_people(published, e.n)} answered the survey of "
        f"{words.date(e.label)}"
    )
    rows = published.frame.to_dict("records")
    told = [r for r in rows if r["by"] in ("unit", "level", "activity", "tenure")]
    few = [str(r["group"]) for r in told if r["standing"] == "fewer"]
    more = [str(r["group"]) for r in told if r["standing"] == "more"]
    if not told:
        return f"{said}. Nothing else is known of those who did not."
    if not few and not more:
        return f"{said}. No group answers more or less than the others by more than chance."
    parts = []
    if more:
        parts.append(f"{words.listing(more[:4])} answer more than others")
    if few:
        parts.append(f"{words.listing(few[:4])} less")
    return f"{said}. {words.sentence(', '.join(parts))}"


def weights(published: Published, *_: Published) -> str:
    """Say what the weights do and what they cost."""
    if published.is_empty:
        return f"There are no weights: {published.missing}."
    r = published.frame.iloc[-1]
    if not _shown(r["n"]):
        return "Weights are hidden: too few people answered."
    if r["standing"] == "unweighted":
        return (
            "The answers are not weighted: whose they are is not known, or no margin tells groups "
            "apart. If some groups answer more than others, the scores lean to them."
        )
    if r["standing"] == "contradictory":
        return (
            "The answers are not weighted: the margins cannot be met together, because groups that "
            "are asked did not answer. Use fewer margins, or wait for more answers."
        )
    said = (
        f"Each answer counts by how rare its {_listed(r['margins'])} is among the answers; the "
        f"margins are met after {words.number(r['rounds'])} rounds"
    )
    if r["standing"] == "trimmed":
        said = (
            f"Each answer counts by how rare its {_listed(r['margins'])} is among the answers; "
            f"extreme weights were cut, so a margin is missed by {words.number(r['off'], 2)} points"
        )
    return (
        f"{said}. {_people(published, r['n'], 'answers')} are worth "
        f"{words.number(round(r['effective']))} equal ones."
    )


# What they say ------------------------------------------------------------------------------


def nps(published: Published, *_: Published) -> str:
    """Say the net promoter score and what weighting changed."""
    if published.is_empty:
        return f"There is no net promoter score: {published.missing}."
    if not published.has("nps"):
        return "The net promoter score is hidden: too few people answered."
    e = published.estimate("nps")
    r = published.frame.iloc[-1]
    said = (
        f"The net promoter score is {_score(e.value)} ({_ends(e)}, "
        f"{_people(published, e.n, 'answers')}): promoters, who answer 9 or 10, less detractors, "
        "who answer 0 to 6, of 100"
    )
    if r["interval"] == "adjusted":
        return (
            f"{said}. Nearly everyone is on one side; since the few who are not may be missing by "
            "chance, the score is drawn to the middle a little."
        )
    if published.parameters.get("is_weighted") and _shown(r["raw"]):
        off = float(r["raw"]) - e.value
        if abs(off) >= _OFF:
            return (
                f"{said}. As answered it would be {_score(r['raw'])}: who is "
                f"{'content' if off > 0 else 'discontent'} answers more, and that is taken out."
            )
    return f"{said}."


def change(published: Published, *_: Published) -> str:
    """Say how the score moved since the survey before."""
    if published.is_empty:
        return f"Whether the score moved cannot be told: {published.missing}."
    if not published.has("nps_change"):
        return "How the score moved is hidden: too few people answered."
    e = published.estimate("nps_change")
    r = published.frame.iloc[-1]
    how = f"by {_score(abs(e.value))} points ({_ends(e)}) since {words.date(str(r['before_on']))}"
    if r["standing"] == "in line":
        return (
            f"It moved from one survey to the next by no more than chance: {_signed(e.value)} "
            f"points ({_ends(e)}) since {words.date(str(r['before_on']))}."
        )
    return f"It {'rose' if e.value > 0 else 'fell'} {how}, more than chance would have it."


def pmf(published: Published, *_: Published) -> str:
    """Say which share would be very disappointed without it."""
    if published.is_empty:
        return f"Who would miss it cannot be told: {published.missing}."
    rows = _rows(published, "share")
    if not rows:
        return "Who would miss it is hidden: too few people answered."
    r = rows[0]
    said = (
        f"{words.percent(r['share'])} of those who use {_named(r['item'])} would be very "
        f"disappointed without it (95 % interval {_range(r)}, "
        f"{_people(published, r['n'], 'answers')})"
    )
    how = {
        "above": "above 40 %, the usual rule of thumb for a product that fits",
        "below": "below 40 %, the usual rule of thumb for a product that fits",
        "open": "whether that is above 40 %, the usual rule of thumb, cannot be told",
    }[str(r["standing"])]
    return f"{said}: {how}."


def likert(published: Published, *_: Published) -> str:
    """Say with what people agree least and most."""
    if published.is_empty:
        return f"There are no statements to agree with: {published.missing}."
    rows = _rows(published, "share")
    if not rows:
        return "What people agree with is hidden: too few people answered."
    least, most = rows[0], rows[-1]
    said = (
        f"People agree least with {_named(least['item'])}: {words.percent(least['share'])} "
        f"(95 % interval {_range(least)}, {_people(published, least['n'], 'answers')})"
    )
    if len(rows) == 1:
        return f"{said}."
    if float(least["high"]) >= float(most["low"]):
        return f"{said}; the statements hardly differ."
    top = f"{words.percent(most['share'])} ({_range(most)})"
    return f"{said}; most with {_named(most['item'])}: {top}."


def kano(published: Published, *_: Published) -> str:
    """Say which features people want, take for granted or do not mind."""
    if published.is_empty:
        return f"What people want cannot be told: {published.missing}."
    rows = _rows(published, "better")
    if not rows:
        return "What people want is hidden: too few people answered."
    parts = []
    for category, how in (
        ("must-be", "taken for granted, and missed where it is not there"),
        ("one-dimensional", "the more the better"),
        ("attractive", "not expected, and a delight"),
        ("indifferent", "nobody minds either way"),
        ("reverse", "people would rather not have it"),
    ):
        named = [str(r["item"]) for r in rows if r["category"] == category]
        if named:
            parts.append(f"{words.listing(named)}: {how}")
    open_ = [str(r["item"]) for r in rows if r["standing"] != "clear"]
    said = words.sentence("; ".join(parts))
    if open_:
        said += f" For {words.listing(open_)} another view is nearly as frequent."
    return said


def drivers(published: Published, *_: Published) -> str:
    """Say what goes with recommending."""
    if published.is_empty:
        return f"What goes with recommending cannot be told: {published.missing}."
    rows = _rows(published, "weight")
    if not rows:
        return "What goes with recommending is hidden: too few people answered."
    told = [r for r in rows if r["standing"] == "told" and float(r["slope"]) > 0]
    r2 = published.parameters.get("r2")
    share = words.percent(float(r2)) if isinstance(r2, int | float) else words.NOT_KNOWN
    base = f"All statements together explain {share} of how answers differ"
    if not told:
        return f"{base}; none goes with recommending by more than chance, beside the others."
    top = told[0]
    said = (
        f"{base}, and {_named(top['item'])} is {words.percent(top['weight'])} of that (95 % "
        f"interval {words.percent(top['low'])} to {words.percent(top['high'])}): one step of "
        f"agreement goes with {words.number(top['slope'], 2)} points more of 10"
    )
    rest = [_named(r["item"]) for r in told[1:]]
    more = f" {words.sentence(words.listing(rest) + ' too')}" if rest else ""
    return f"{said}.{more} It goes together; it does not say that one makes the other."


def behaviour(published: Published, *_: Published) -> str:
    """Say whether promoters do more than detractors."""
    if published.is_empty:
        return f"What promoters do cannot be told: {published.missing}."
    if not published.has("voice_gap"):
        return "What promoters do is hidden: too few people."
    e = published.estimate("voice_gap")
    size = f"{words.number(abs(round(e.value, 1)))} days with value"
    if e.low <= 0 <= e.high:
        return (
            f"Promoters and detractors do not differ in what they do by more than chance: "
            f"{_signed(e.value, 1)} days with value ({_ends(e, 1)})."
        )
    how = "more" if e.value > 0 else "fewer"
    said = f"Promoters have {size} {how} than detractors afterwards ({_ends(e, 1)})"
    if published.has("voice_gap_change"):
        before = published.estimate("voice_gap_change")
        if before.low <= 0 <= before.high:
            return (
                f"{said}; the difference was no other before they answered: what they say "
                "tells who they are, not what they will change."
            )
    return f"{said}; before they answered the difference was another one."


# The headline -------------------------------------------------------------------------------


def headline(
    score: Published,
    moved: Published,
    responded: Published,
    fit: Published,
    agreed: Published,
    features: Published,
    drive: Published,
    act: Published,
) -> Headline:
    """Say what learners think and want, and what to build or drop.

    Parameters
    ----------
    score, moved, responded, fit, agreed, features, drive, act : Published
        The views ``nps``, ``change``, ``response``, ``pmf``, ``likert``, ``kano``, ``drivers``
        and ``behaviour``.
    """
    cards = []
    if score.has("nps"):
        cards.append(Card.of(score.estimate("nps"), "net promoter score"))
    if responded.has("response_rate"):
        cards.append(Card.of(responded.estimate("response_rate"), "answered"))
    if _rows(fit, "share"):
        item = str(_rows(fit, "share")[0]["item"])
        if fit.has("pmf_share", item):
            cards.append(Card.of(fit.estimate("pmf_share", item), "would be very disappointed"))
    if act.has("voice_gap"):
        cards.append(
            Card.of(act.estimate("voice_gap"), "days with value, promoters less detractors")
        )
    return Headline(
        _title(score, features, fit, agreed),
        tuple(cards),
        _decision(features, agreed, drive, score),
        _change_mind(responded, score, moved),
    )


def _title(score: Published, features: Published, fit: Published, agreed: Published) -> str:
    wanted = _clear(features, _WANTED)
    said = ""
    if score.has("nps"):
        e = score.estimate("nps")
        verdict = (
            "More people would recommend it than would not" if e.low > 0
            else "More people would advise against it than recommend it" if e.high < 0
            else "As many would recommend it as would not, as far as can be told"
        )  # fmt: skip
        said = f"{verdict} (score {_score(e.value)})"
    if wanted:
        want = f"what they want most is {words.listing(wanted[:2])}"
        return words.sentence(f"{said}; {want}" if said else want)
    if said:
        return f"{said}."
    for published, view in ((fit, pmf), (agreed, likert)):
        if not published.is_empty and _rows(published, "share"):
            return view(published)
    hidden = [p for p in (score, features, fit, agreed) if not p.is_empty]
    if hidden:
        return "What learners want is hidden: too few people answered."
    return "What learners want is not known: nobody has been asked, or nobody has answered."


def _decision(features: Published, agreed: Published, drive: Published, score: Published) -> str:
    build, drop = _clear(features, _WANTED), _clear(features, _UNWANTED)
    parts = []
    if build:
        order = [r for r in _rows(features, "better") if str(r["item"]) in build]
        must = [str(r["item"]) for r in order if r["category"] == "must-be"]
        rest = [str(r["item"]) for r in order if r["category"] != "must-be"]
        if must:
            parts.append(f"First make sure of {words.listing(must)}: its absence costs most.")
        if rest:
            parts.append(f"Then build {words.listing(rest[:2])}.")
    if drop:
        parts.append(f"Drop {words.listing(drop)}.")
    weak = _weak_driver(agreed, drive)
    if weak:
        parts.append(weak)
    if parts:
        return " ".join(parts)
    if score.is_empty:
        return (
            "Ask: whether people would recommend it (0 to 10), how they would feel without it, and "
            "a pair of questions for each feature that is up for decision."
        )
    return (
        "Build and drop nothing on this alone: the answers name no feature. Ask a pair of "
        "questions for each feature that is up for decision."
    )


def _weak_driver(agreed: Published, drive: Published) -> str:
    """Name the statement that goes with recommending most and that most do not agree with."""
    shares = {str(r["item"]): r for r in _rows(agreed, "share")}
    for r in _rows(drive, "weight"):
        mine = shares.get(str(r["item"]))
        if r["standing"] == "told" and float(r["slope"]) > 0 and mine is not None:
            if float(mine["high"]) < 0.6:
                return (
                    f"Work on {_named(r['item'])}: it goes with recommending most, and only "
                    f"{words.percent(mine['share'])} agree."
                )
            return ""
    return ""


def _change_mind(responded: Published, score: Published, moved: Published) -> str:
    if score.is_empty:
        return "A survey with these questions."
    parts = ["A next survey in which the answers turn"]
    if responded.has("response_rate") and responded.estimate("response_rate").value < 0.5:
        parts.append(
            "or the voices of those who did not answer: ask a sample of them by another way"
        )
    if not moved.is_empty and moved.has("nps_change"):
        e = moved.estimate("nps_change")
        half = words.number(round((e.high - e.low) / 2))
        parts.append(f"a move of the score below {half} points would be chance")
    return words.sentence("; ".join(parts))


def _clear(features: Published, categories: tuple[str, ...]) -> list[str]:
    return [
        str(r["item"]) for r in _rows(features, "better")
        if r["category"] in categories and r["standing"] == "clear"
    ]  # fmt: skip


# Words --------------------------------------------------------------------------------------


def _rows(published: Published, column: str) -> list[dict[Any, Any]]:
    if published.is_empty:
        return []
    return [r for r in published.frame.to_dict("records") if _shown(r[column])]


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell


def _people(published: Published, n: Any, what: str = "people") -> str:
    said = words.persons(n, exact=published.rules.public)
    return said.replace("people", what).replace("person", what.rstrip("s")) if (
        what != "people"
    ) else said  # fmt: skip


def _named(item: Any) -> str:
    return f"“{item}”"


def _listed(margins: Any) -> str:
    return words.listing([m.strip() for m in str(margins).split(",")])


def _score(value: Any) -> str:
    return words.number(round(float(value)))


def _signed(value: float, places: int = 0) -> str:
    said = words.number(round(value, places) if places else round(value))
    return f"+{said}" if value > 0 else said


def _ends(e: Estimate, places: int = 0) -> str:
    if math.isnan(e.low) or math.isnan(e.high):
        return "no interval"
    low, high = ((round(x, places) if places else round(x)) for x in (e.low, e.high))
    return f"95 % interval {words.number(low)} to {words.number(high)}"


def _range(r: Mapping[Any, Any]) -> str:
    return f"{words.percent(r['low']).removesuffix(' %')} to {words.percent(r['high'])}"
