"""Say whether the active base is healthy, where it leaks, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline
from ldresearch.wording import span

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "beginning": {
        "title": "The log begins before people do",
        "passed": "{value} % of all who ever began did so in the first period of the log.",
        "not passed": (
            "{value} % of all who ever began did so in the first period of the log (allowed: "
            "{threshold} %): most had begun before it, so the oldest cohort is no cohort of "
            "beginners. Leave its row aside."
        ),
        "not known": "Nobody has begun yet.",
    },
    "silence": {
        "title": "No complete period is empty",
        "passed": "Complete periods without any activity: {value}.",
        "not passed": (
            "Complete periods without any activity: {value}. If an export is missing, everyone "
            "seems to fall silent and come back."
        ),
        "not known": "No period is complete yet.",
    },
    "movers": {
        "title": "Enough people moved",
        "passed": "{value} people came in or fell silent in the last periods.",
        "not passed": (
            "{value} people came in or fell silent in the last periods (wanted: {threshold} or "
            "more): take more periods together."
        ),
        "not known": "Too few people moved, or too few periods were seen, to tell a ratio.",
    },
    "drift": {
        "title": "Those who begin now stay like those who began earlier",
        "passed": (
            "One period on, the earlier and the later half of the cohorts are {value} points apart."
        ),
        "not passed": (
            "One period on, the earlier and the later half of the cohorts are {value} points apart "
            "(allowed: {threshold}): read the triangle row by row, the pooled curve mixes two "
            "stories."
        ),
        "not known": "Too few cohorts, or too few people in them, to tell halves apart.",
    },
    "alone": {
        "title": "Cohorts are large enough to be read one by one",
        "passed": "{value} % of the people are in cohorts of fewer than 30.",
        "not passed": (
            "{value} % of the people are in cohorts of fewer than 30 (allowed: {threshold} %): "
            "neighbouring cohorts share a row. Months make larger cohorts than weeks."
        ),
        "not known": "Nobody has begun yet.",
    },
}
"""Check id to its title and the sentence for each status."""

_KINDS: Final = {
    "recurring": "in that {period}",
    "unbounded": "in that {period} or later",
    "rolling": "in every {period} up to it",
}
_UNITS: Final = {"days": ("28 days", "8 days"), "weeks": ("12 weeks", "9 weeks")}
"""Window of each ladder, and where the habit begins."""


# Findings -----------------------------------------------------------------------------------


def triangle(published: Published, *_: Published) -> str:
    """Say how far apart the cohorts are one period on."""
    if published.is_empty:
        return f"Cohorts cannot be told: {published.missing}."
    period = _period(published)
    rows = [r for r in published.frame.to_dict("records") if r["after"] == 1]
    shown = sorted((r for r in rows if _is_shown(r["share"])), key=lambda r: float(r["share"]))
    kind = _KINDS[str(published.parameters.get("kind"))].format(period=period)
    reads = (
        f"A cell is the share active {kind}; where it is blank, the {period} is not over for "
        "everyone in the row."
    )
    if not shown:
        return f"Cohorts are too small to be shown. {reads}"
    low, high = shown[0], shown[-1]
    if len(shown) == 1:
        return f"One {period} on, {words.percent(low['share'])} are active ({_ends(low)}). {reads}"
    return (
        f"One {period} on, between {_cohort(low, period)} and {_cohort(high, period)} are active. "
        f"{reads}"
    )


def _cohort(row: Mapping[Any, Any], period: str) -> str:
    when = span(str(row["cohort_on"]), str(row["until_on"]), period)
    return f"{words.percent(row['share'])} of those who began in {when} ({_ends(row)})"


def _ends(row: Mapping[Any, Any]) -> str:
    low = words.percent(row["low"]).removesuffix(" %")
    return f"95 % interval {low} to {words.percent(row['high'])}"


def pooled(published: Published, *_: Published) -> str:
    """Say how many of those who begin are active one period on and later."""
    if published.is_empty:
        return f"How many stay cannot be told: {published.missing}."
    first, later = _retained(published, 1), _retained(published)
    if first is None:
        return "How many stay is hidden: too few people."
    period = _period(published)
    said = (
        f"Of 100 people who begin, {_of_100(first)} are active one {period} later "
        f"({words.interval(first)})"
    )
    if later is not None and later.label != first.label:
        said += f" and {_of_100(later)} {_later(published)} ({words.interval(later)})"
    exact = published.rules.public
    said += f". That rests on {words.persons((later or first).n, exact=exact)}."
    ever, always = (_retained(published, kind=kind) for kind in ("unbounded", "rolling"))
    if later is not None and ever is not None and always is not None:
        said += (
            f" {_of_100(ever)} are active {_later(published)} or at some time since, which can "
            f"still rise; {_of_100(always)} have been in every {period} so far."
        )
    return said


def _retained(
    published: Published, after: int | None = None, *, kind: str = "recurring"
) -> Estimate | None:
    if published.is_empty:
        return None
    after = after or int(published.parameters.get("told_at") or 1)
    label = f"{kind}, {_period(published)} {after}"
    return published.estimate("retention_at", label) if _has(published, label) else None


def _has(published: Published, label: str) -> bool:
    return published.has("retention_at", label)


def _of_100(e: Estimate) -> str:
    return words.number(round(100 * e.value))


def _later(published: Published) -> str:
    n = int(published.parameters.get("told_at") or 1)
    return f"{_spelt(n)} {_period(published)}{'' if n == 1 else 's'} later"


def _spelt(n: int) -> str:
    names = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return names[n - 1] if 1 <= n <= len(names) else str(n)


def lifecycle(published: Published, *_: Published) -> str:
    """Say who was active in the last complete period, and who fell silent."""
    if published.is_empty:
        return f"States cannot be told: {published.missing}."
    seen = [r for r in published.frame.to_dict("records") if r["part"] == "seen"]
    last, period = seen[-1], _period(published)
    when = span(str(last["period_on"]), str(last["period_on"]), period)
    rules = published.rules
    told = [
        f"{_people(last[state], rules.k)} {said}"
        for state, said in (
            ("new", "began"), ("returning", f"had come the {period} before too"),
            ("resurrected", "came back after a break"),
        )
    ]  # fmt: skip
    about = "" if rules.public else "about "
    active = (
        f"{about}{words.number(published.estimate('lifecycle_active').value)} people were active"
        if published.has("lifecycle_active")
        else "few people were active"
    )
    return (
        f"In {when}, {active}, and {_people(last['dormant'], rules.k)} of the {period} before fell "
        f"silent. Of the active, {words.listing(told)}.{_undrawn(seen, rules.k)}"
    )


def _undrawn(seen: list[dict[Any, Any]], k: int) -> str:
    """Say that a hidden count is no bar of nothing."""
    states = ("new", "returning", "resurrected", "dormant")
    if all(_is_shown(row[state]) for row in seen for state in states):
        return ""
    return f" Where fewer than {k} people are in a state, no bar is drawn for it."


def _people(count: Any, k: int) -> str:
    if not _is_shown(count):
        return f"fewer than {k}"
    return words.number(count) if count else "none"


def quick(published: Published, *_: Published) -> str:
    """Say how many came in for each who fell silent, and whether that changed."""
    if published.is_empty:
        return f"Whether the base grows cannot be told: {published.missing}."
    now = _now(published)
    if now is None:
        return f"{_why_no_ratio(published)} The line shows single {_period(published)}s."
    exact = published.rules.public
    said = (
        f"In the {now.label}, {_in_words(now)} for every 10 who fell silent "
        f"({_ten_range(now)}, {words.persons(now.n, exact=exact)}): {_VERDICTS[_verdict(now)]}."
    )
    changes = [e for e in published.estimates if e.metric == "quick_ratio_change"]
    before = [e for e in published.estimates if e.metric == "quick_ratio" and e.label != now.label]
    if changes and before:
        change = changes[0]
        moved = (
            "so it has risen" if change.low > 1 else "so it has fallen" if change.high < 1 else
            "a difference that chance may have made"
        )  # fmt: skip
        said += f" In {before[0].label} it was {_tens(before[0].value)}, {moved}."
    return said


_VERDICTS: Final = {
    "grows": "the active base grows",
    "shrinks": "the active base shrinks",
    "steady": "whether the active base grows or shrinks, chance could decide",
}


def _now(published: Published) -> Estimate | None:
    label = str(published.parameters.get("now", ""))
    return published.estimate("quick_ratio", label) if published.has("quick_ratio", label) else None


def _why_no_ratio(published: Published) -> str:
    if published.parameters.get("is_without_loss"):
        return f"Nobody fell silent in the {published.parameters.get('now')}, so there is no ratio."
    return f"Too few people or periods to tell a ratio for the {published.parameters.get('now')}."


def _verdict(now: Estimate) -> str:
    return "grows" if now.low > 1 else "shrinks" if now.high < 1 else "steady"


def _tens(x: float) -> str:
    return words.number(round(10 * x, 1 if x < 1.95 else 0), 2 if x < 0.995 else 3)


def _in_words(e: Estimate) -> str:
    return f"{_tens(e.value)} people began or came back"


def _ten_range(e: Estimate) -> str:
    high = words.NOT_REACHED if math.isinf(e.high) else _tens(e.high)
    return f"95 % interval {_tens(e.low)} to {high}"


def ladder(published: Published, *_: Published) -> str:
    """Say how often active people come."""
    if published.is_empty:
        return f"How often people come cannot be told: {published.missing}."
    if not published.has("habit_share"):
        return "How often people come is hidden: too few people."
    found = published.estimate("habit_share")
    window, habit = _UNITS[str(published.parameters.get("rungs"))]
    rows = [
        r for r in published.frame.to_dict("records")
        if r["window"] == "now" and _is_shown(r["share"])
    ]  # fmt: skip
    said = (
        f"Of {words.persons(found.n, exact=published.rules.public)} active in the last {window}, "
        f"{words.percent(found.value)} came on {habit} or more ({words.interval(found)})"
        if "days" in window
        else f"Of {words.persons(found.n, exact=published.rules.public)} active in the last "
        f"{window}, {words.percent(found.value)} came in {habit} or more ({words.interval(found)})"
    )
    most = max(rows, key=lambda r: float(r["share"]), default=None)
    if most and most["share"] != found.value:
        said += f"; the largest group, {words.percent(most['share'])}, came on {most['rung']}"
        said = said if "days" in window else said.replace("came on", "came in")
    return f"{said}."


def moves(published: Published, *_: Published) -> str:
    """Say whether more moved up the ladder than down."""
    if published.is_empty:
        return f"Moves on the ladder cannot be told: {published.missing}."
    shares = {e.label: e for e in published.estimates if e.metric == "ladder_move"}
    if not {"up", "down"} <= set(shares) or not published.has("ladder_net"):
        return "Moves on the ladder are hidden: too few people."
    net = published.estimate("ladder_net")
    window = _UNITS[str(published.parameters.get("rungs"))][0]
    reads = (
        "habits grow" if net.low > 0 else "habits weaken" if net.high < 0 else
        "no more than chance would have it"
    )  # fmt: skip
    return (
        f"Since the {window} before, {words.percent(shares['up'].value)} have moved up the ladder "
        f"and {words.percent(shares['down'].value)} down or off it, "
        f"{words.estimate_with_interval(net)}: {reads}. Counted are "
        f"{words.persons(net.n, exact=published.rules.public)} who had begun before both."
    )


def returns(published: Published, *_: Published) -> str:
    """Say how many come back after a silence."""
    if published.is_empty:
        return f"Who comes back cannot be told: {published.missing}."
    found = _return(published)
    if found is None:
        return "Who comes back is hidden: too few people."
    silent, within = (published.parameters.get(k) for k in ("silent_days", "within_days"))
    said = (
        f"Of those silent for {words.days(_float(silent))}, {words.percent(found.value)} come back "
        f"within the next {words.days(_float(within))} ({words.interval(found)}, "
        f"{words.persons(found.n, exact=published.rules.public)})."
    )
    others = [
        f"{words.percent(e.value)} after {e.label.split(' after ')[1].split(' ')[0]} days"
        for e in published.estimates
        if e.metric == "return_within" and e.label != found.label
    ]
    return f"{said} It is {words.listing(others)} of silence." if others else said


def _return(published: Published) -> Estimate | None:
    if published.is_empty:
        return None
    silent, within = (published.parameters.get(k) for k in ("silent_days", "within_days"))
    label = f"{within} days after {silent} of silence"
    known = published.has("return_within", label)
    return published.estimate("return_within", label) if known else None


def _float(value: Any) -> float:
    return float(value or 0)


def _period(published: Published) -> str:
    return str(published.parameters.get("period") or "period")


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


# The headline -------------------------------------------------------------------------------


def headline(
    ratio: Published, together: Published, states: Published, silent: Published
) -> Headline:
    """Say whether the base grows, holds or leaks, where, and what to do.

    Parameters
    ----------
    ratio, together, states, silent : Published
        The views ``quick``, ``pooled``, ``lifecycle`` and ``returns``.
    """
    return Headline(
        _title(ratio, together, states),
        _cards(ratio, together, silent),
        _decision(ratio, together, states, silent),
        _change_mind(ratio, together),
    )


def _title(ratio: Published, together: Published, states: Published) -> str:
    now = None if ratio.is_empty else _now(ratio)
    later = _retained(together)
    stay = (
        "" if later is None else f"of 100 who begin, {_of_100(later)} are active {_later(together)}"
    )
    if now is not None:
        return _said_of(now)
    if ratio.parameters.get("is_without_loss"):
        return "The active base is whole: nobody has fallen silent lately"
    if stay:
        return f"{stay[:1].upper()}{stay[1:]}; whether the base grows cannot be told yet"
    why = states.missing or together.missing or ratio.missing
    if why:
        return f"Whether the active base is healthy cannot be told yet: {why}"
    return "Too few people to show whether the active base is healthy"


_TITLES: Final = {
    "shrinks": (
        "The active base is leaking: for every 10 people who fall silent, only {tens} begin or "
        "come back"
    ),
    "grows": (
        "The active base is growing: for every 10 people who fall silent, {tens} begin or come back"
    ),
    "steady": (
        "The active base neither grows nor shrinks clearly: for every 10 people who fall silent, "
        "{tens} begin or come back"
    ),
    "open": (
        "It is open whether the active base grows or shrinks: for every 10 people who fall silent, "
        "{low} to {high} begin or come back"
    ),
}
_NARROW: Final = 1.5
"""Ends of an interval about 1 closer than this, as a ratio, are steady; otherwise it is open."""


def _said_of(now: Estimate) -> str:
    """Say the finding; where the interval is wide and holds 1, it is the finding."""
    verdict = _verdict(now)
    if verdict == "steady" and not now.high <= _NARROW * now.low:
        low, high = words.number(round(10 * now.low)), words.number(round(10 * now.high))
        return _TITLES["open"].format(low=low, high=high)
    return _TITLES[verdict].format(tens=_whole_tens(now))


def _whole_tens(now: Estimate) -> str:
    """Whole people for each ten; not ten where the interval leaves ten out."""
    whole = round(10 * now.value)
    return words.number(whole) if whole != 10 or _verdict(now) == "steady" else _tens(now.value)


def _cards(ratio: Published, together: Published, silent: Published) -> tuple[Card, ...]:
    cards = []
    now = None if ratio.is_empty else _now(ratio)
    if now is not None:
        cards.append(Card.of(now, f"people in for each who fell silent, {now.label}"))
    first, later = _retained(together, 1), _retained(together)
    if first is not None:
        cards.append(Card.of(first, f"active one {_period(together)} after they begin"))
    if later is not None and (first is None or later.label != first.label):
        cards.append(
            Card.of(later, f"active {_later(together).replace('later', 'after they begin')}")
        )
    back = _return(silent)
    if back is not None:
        within, length = (silent.parameters.get(k) for k in ("within_days", "silent_days"))
        cards.append(
            Card.of(back, f"of those silent for {length} days come back within {within} more")
        )
    return tuple(cards)


def _decision(ratio: Published, together: Published, states: Published, silent: Published) -> str:
    now = None if ratio.is_empty else _now(ratio)
    if now is None:
        if ratio.parameters.get("is_without_loss"):
            return "Keep what you do: nobody has fallen silent. Look again when more weeks are in."
        return (
            "Decide nothing on this yet: supply what is missing or wait for more complete "
            f"{_period(ratio) if not ratio.is_empty else 'period'}s, then run it again."
        )
    by = _deadline(states)
    verdict = _verdict(now)
    if verdict == "shrinks":
        return f"Fix the leak before the next push, {by}. {_leak(together)}{_silence(silent)}"
    if verdict == "grows":
        fresh = _fresh(states, int(ratio.parameters.get("last_periods") or 1))
        if fresh > 0.5:
            return (
                f"Keep it growing, but not on newcomers alone: {words.percent(fresh)} of those who "
                f"came in were new, and they run out. {_leak(together)}{_silence(silent)}"
            )
        return (
            "Keep what you do: more begin or come back than fall silent, and most who come in have "
            f"been here before. {_silence(silent)}"
        )
    return (
        "Keep, and watch: neither growth nor a leak is proven. Look again when as many "
        f"{_period(ratio)}s have passed. {_silence(silent)}"
    )


def _deadline(states: Published) -> str:
    """Four weeks after the end of the last complete period."""
    rows = [] if states.is_empty else states.frame.to_dict("records")
    seen = [r for r in rows if r["part"] == "seen"]
    if not seen:
        return "within four weeks"
    begin = date.fromisoformat(str(seen[-1]["period_on"])[:10])
    days = 7 if _period(states) == "week" else 31
    after = begin + timedelta(days=days)
    after = after if days == 7 else after.replace(day=1)
    return f"by {words.date(after + timedelta(days=27))}"


def _leak(together: Published) -> str:
    """Say when most of those who stop do so."""
    first, later = _retained(together, 1), _retained(together)
    if first is None or later is None or first.label == later.label:
        return ""
    at_once, in_all = 1 - first.value, 1 - later.value
    if in_all < 0.1:
        return "Hardly anyone who begins stops. "
    period = _period(together)
    if at_once > in_all / 2:
        return (
            f"Begin with the first {period}: {words.percent(at_once)} of those who begin do not "
            f"come in the next, most of all who are missing {_later(together)}. "
        )
    return (
        f"Begin after the first {period}: {words.percent(first.value)} come in the next, but only "
        f"{words.percent(later.value)} {_later(together)}. "
    )


def _silence(silent: Published) -> str:
    """Say whether a silence calls for a word, by how many end it anyway."""
    back = _return(silent)
    if back is None:
        return ""
    length, within = (_float(silent.parameters.get(k)) for k in ("silent_days", "within_days"))
    share, silence = words.percent(back.value), words.days(length)
    if back.value > 0.5:
        return (
            f"A silence of {silence} is no farewell yet: as things are, {share} come back within "
            f"{words.days(within)}."
        )
    return (
        f"Ask after whoever has been silent for {silence}: as things are, {share} come back "
        f"within {words.days(within)}."
    )


def _fresh(states: Published, last_periods: int) -> float:
    """Share of the new among those who came in lately."""
    rows = [] if states.is_empty else states.frame.to_dict("records")
    seen = [r for r in rows if r["part"] == "seen"][-last_periods:]
    fresh, back = (
        sum(_float(r[s]) for r in seen if _is_shown(r[s])) for s in ("new", "resurrected")
    )
    return fresh / (fresh + back) if fresh + back else 0.0


def _change_mind(ratio: Published, together: Published) -> str:
    now = None if ratio.is_empty else _now(ratio)
    said = []
    if now is not None:
        spell = now.label.replace("last", "next")
        other = {
            "shrinks": f"More people in than out over the {spell}, the whole interval above 1.",
            "grows": f"Fewer people in than out over the {spell}, the whole interval below 1.",
            "steady": f"An interval that lies wholly above or below 1 over the {spell}.",
        }
        said.append(other[_verdict(now)])
    later = _retained(together)
    if later is not None:
        low, high = words.percent(later.low), words.percent(later.high)
        said.append(
            f"Fewer than {low} or more than {high} of those who begin from now on active "
            f"{_later(together)}."
        )
    return " ".join(said) or "More complete periods, or the tables that are missing."
