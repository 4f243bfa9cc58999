"""Say which launch brought whom, how strong the answer is, and what to do next time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "touches": {
        "title": "Messages are recorded",
        "passed": "Every campaign has recorded messages.",
        "not passed": (
            "Campaigns without a recorded message: {value}. Their breadth is what the plan says, "
            "and nothing can be said of opening or dose."
        ),
        "not known": "There is no campaign.",
    },
    "holiday": {
        "title": "No launch fell on a holiday",
        "passed": "On every launch day about as many came as on that weekday before.",
        "not passed": (
            "Campaigns launched on a day when fewer than half of the usual people came: {value}. "
            "A holiday or an outage makes a launch look weaker than it is."
        ),
        "not known": "There is no campaign.",
    },
    "arms": {
        "title": "Units stayed in their arm",
        "passed": "No unit was taken out of its arm.",
        "not passed": (
            "Units that were launched and then given another arm: {value}. They count as launched, "
            "as was meant, so the effect is that of the plan."
        ),
        "not known": "There is no campaign.",
    },
    "overlap": {
        "title": "One campaign at a time",
        "passed": "No two campaigns of a client began within the same window.",
        "not passed": (
            "Campaigns with another one within the window: {value}. What each of them brought "
            "cannot be told apart."
        ),
        "not known": "There is no campaign.",
    },
    "described": {
        "title": "Every campaign says what it was",
        "passed": "Strategy and goal of every campaign are recorded.",
        "not passed": (
            "Campaigns without a strategy, or that do not say whether they serve a goal: {value}. "
            "They are left out where strategies are compared."
        ),
        "not known": "There is no campaign.",
    },
    "pretrend": {
        "title": "Units moved alike before the launch",
        "passed": (
            "Launched and other units differ no more before the launch than chance allows: by "
            "chance alone this much has a probability of {value} (wanted: {threshold} or more)."
        ),
        "not passed": (
            "Launched and other units moved apart before the launch already: by chance alone this "
            "much has a probability of {value} (wanted: {threshold} or more). Part of the effect "
            "may have been there without the launch."
        ),
        "not known": "No periods before a launch could be compared.",
    },
    "pretrend_power": {
        "title": "Moving apart would have been seen",
        "passed": (
            "A steady drift that was too small to be noticed would explain {value} % of the effect "
            "(allowed: {threshold} %)."
        ),
        "not passed": (
            "A steady drift too small to be noticed could explain {value} % of the effect "
            "(allowed: {threshold} %): the periods before are too few or too noisy to rule it out."
        ),
        "not known": "No periods before a launch could be compared.",
    },
    "few_units": {
        "title": "Enough on both sides",
        "passed": (
            "Units (persons, where persons were allocated) on the smaller side: {value} (wanted: "
            "{threshold})."
        ),
        "not passed": (
            "Units (persons, where persons were allocated) on the smaller side: {value} (wanted: "
            "{threshold}): intervals come from few and are less sure than they look."
        ),
        "not known": "No units or persons were compared.",
    },
    "heterogeneity": {
        "title": "The launches have one effect",
        "passed": "{value} % of the differences between launches is more than chance.",
        "not passed": (
            "{value} % of the differences between launches is more than chance (allowed: "
            "{threshold} %): their average describes none of them."
        ),
        "not known": "There are no two effects to put together.",
    },
    "autocorrelation": {
        "title": "Weeks say something new",
        "passed": "Neighbouring weeks are alike by {value} on a scale to 1 (allowed: {threshold}).",
        "not passed": (
            "Neighbouring weeks are alike by {value} on a scale to 1 (allowed: {threshold}): the "
            "series holds less than its number of weeks."
        ),
        "not known": "No campaign was judged by its weeks alone.",
    },
}
"""Check id to its title and the sentence for each status."""


# What was launched --------------------------------------------------------------------------


def touches(published: Published, *_: Published) -> str:
    """Say how much each campaign sent."""
    if published.is_empty:
        return (
            "No message of a campaign is recorded, so timing, opening and dose cannot be told; who "
            "was launched comes from the arms or from the plan."
        )
    frame = published.frame
    said = []
    for campaign, own in frame.groupby("campaign", sort=False):
        sent = own["n_touches"].sum(min_count=1)
        if sent is None or sent != sent:
            continue
        first = words.date(str(own["week_on"].iloc[0]))
        said.append(
            f"{_named(campaign)} sent {words.plural(float(sent), 'message')} in "
            f"{words.plural(len(own), 'week')}, the first that of {first}"
        )
    return " ".join(map(words.sentence, said)) or "What was sent is hidden: too few people."


def _named(campaign: object) -> str:
    """Put a campaign's name in quotation marks, its client before it."""
    client, colon, name = str(campaign).partition(": ")
    return f"{_capital(client)}’s “{name}”" if colon else f"“{campaign}”"


def _capital(said: str) -> str:
    return said[:1].upper() + said[1:]


def remarks(published: Published, *_: Published) -> str:
    """Say what is odd about a launch: a holiday, no messages, switched units, no initiative."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = published.frame.to_dict("records")
    return " ".join(words.sentence(_remark(row)) for row in rows)


def _remark(row: Mapping[Any, Any]) -> str:
    name, value = _named(row["campaign"]), row["value"]
    return {
        "none": "nothing else stands out about these launches",
        "no initiative": f"{_capital(str(row['campaign']))} has no initiative on record, so it "
        "says nothing here: describe its launches in a small file and add it to the dataset",
        "not judged": f"{name} cannot be judged: {row['text']}",
        "holiday": f"{name} was launched on {words.date(row['day'] or '2000-01-01')}, when "
        f"{words.percent(value)} of the usual people of that weekday came: a holiday or an outage, "
        "so its first days say little",
        "no touches": f"{name} has no recorded message: that it reached people is taken from its "
        "plan",
        "switched": f"in {name} {words.plural(_whole(value), 'unit')} had been launched and "
        f"{'was' if _whole(value) == 1 else 'were'} then given another arm; "
        f"{'it counts' if _whole(value) == 1 else 'they count'} as launched, as first meant",
        "overlaps": f"{name} overlaps with {words.plural(_whole(value), 'other campaign')}, so "
        "their effects cannot be told apart",
        "not described": f"{name} does not say its strategy, or whether it serves a goal, so it is "
        "left out where strategies are compared",
    }[str(row["remark"])]


def _whole(value: Any) -> int:
    return 0 if value is None or value != value else round(float(value))


# What each brought --------------------------------------------------------------------------


def effects(published: Published, *_: Published) -> str:
    """Say what each launch brought, with its interval and the strength of the evidence."""
    if published.is_empty:
        return f"What a launch brought cannot be told: {published.missing}."
    found = _known(published)
    if not found:
        return "What a launch brought cannot be told for any campaign; the reasons stand below."
    window = published.parameters.get("window_days")
    first, *others = found
    said = (
        f"{_named(first.label)} brought {_of_100(first.value)} of 100 more people to first value "
        f"within {window} days than would have come anyway ({_range(first)})."
    )
    rest = [f"{_named(e.label)} {_of_100(e.value)} ({_range(e, is_short=True)})" for e in others]
    return f"{said} {words.sentence(words.listing(rest))}" if rest else said


def _known(published: Published) -> list[Estimate]:
    """Return the known effects, the largest first."""
    found = [e for e in published.estimates if e.metric == "campaign_effect" and e.is_known]
    return sorted(found, key=lambda e: -e.value)


def _of_100(x: float) -> str:
    whole = round(100 * x)
    return f"{words.MINUS}{-whole}" if whole < 0 else str(whole)


def _range(e: Estimate, *, is_short: bool = False) -> str:
    """Say interval and grade: "95 % interval 9 to 19; quasi-experimental"."""
    if not (math.isfinite(e.low) and math.isfinite(e.high)):
        return f"no interval; {e.grade}"
    kind = "" if is_short else "95 % interval "
    return f"{kind}{_of_100(e.low)} to {_of_100(e.high)}; {e.grade}"


def course(published: Published, *_: Published) -> str:
    """Say whether units moved alike before, and what was left of the effect later."""
    if published.is_empty:
        return f"The time before and after cannot be compared: {published.missing}."
    frame = published.frame
    lasting: list[str] = []
    over: list[str] = []
    none: list[str] = []
    for campaign, own in frame.groupby("campaign", sort=False):
        above = {
            r["event"] for r in own.to_dict("records") if r["low"] is not None and r["low"] > 0
        }
        later = any(event >= 1 for event in above)
        (lasting if later else over if 0 in above else none).append(_named(campaign))
    said = []
    if lasting:
        said.append(f"{words.listing(lasting)} still brought more people in a later period")
    if over:
        said.append(
            f"{words.listing(over)} brought people in the first period alone, and nothing says "
            "that fewer came later for it"
        )
    if none:
        said.append(f"{words.listing(none)} cannot be told from no effect in any period")
    before = frame[frame["is_before"].astype(bool)]
    outside = [
        r for r in before.to_dict("records")
        if r["band_low"] is not None and (r["band_low"] > 0 or r["band_high"] < 0)
    ]  # fmt: skip
    alike = (
        "Before the launch no period lies outside of what chance allows."
        if not outside
        else f"Before the launch {words.plural(len(outside), 'period')} of {len(before)} "
        f"{'lies' if len(outside) == 1 else 'lie'} outside of what chance allows: read the effect "
        "with care."
    )
    return f"{' '.join(words.sentence(one) for one in said)} {alike}".strip()


def series(published: Published, *_: Published) -> str:
    """Say how the weeks after a launch for everyone lie to where they were heading."""
    if published.is_empty:
        return f"No weekly series is needed: {published.missing}."
    name = published.frame["campaign"].iloc[0]
    own = published.frame[published.frame["campaign"] == name]
    after = [r for r in own.to_dict("records") if r["part"] == "after"]
    above = sum(r["outcome"] is not None and r["high"] is not None and r["outcome"] > r["high"]
                for r in after)  # fmt: skip
    return (
        f"{_capital(_named(name))} was launched for everyone at once: in {above} of "
        f"{words.plural(len(after), 'week')} after it more started than the weeks before would let "
        "one expect (grey, with its 95 % interval). Nothing tells the launch from what else "
        "happened in those weeks."
    )


def lift(published: Published, *_: Published) -> str:
    """Say how activity after the launch compares with the same weekdays before."""
    if published.is_empty:
        return f"How activity responded cannot be told: {published.missing}."
    said: list[str] = []
    for e in published.estimates:
        if e.metric != "campaign_lift" or not e.is_known:
            continue
        half = _half_life(published, e.label)
        said.append(f"{_lifted(e, is_first=not said)} after {_named(e.label)}{half}")
    if not said:
        return "How activity responded is hidden: too few people."
    first, *others = said
    more = f" {words.sentence('; '.join(others))}" if others else ""
    return (
        f"On an average day {first}.{more} The same weekdays of the eight weeks before are the "
        "yardstick; it describes, since nothing else is compared."
    )


def _lifted(e: Estimate, *, is_first: bool) -> str:
    more = "more" if e.value >= 0 else "fewer"
    low, high = (words.fixed(1000 * x) for x in (e.low, e.high))
    kind = "95 % interval " if is_first else ""
    unit = f"of {words.number(1000)} {more} were active" if is_first else more
    return f"{words.fixed(abs(1000 * e.value))} {unit} ({kind}{low} to {high}; {e.grade})"


def _half_life(published: Published, label: str) -> str:
    if not published.has("lift_half_life", label):
        return ""
    e = published.estimate("lift_half_life", label)
    if not e.is_known or math.isinf(e.value):
        return ""
    return f", half of it gone after {words.days(e.value)}"


def dose(published: Published, *_: Published) -> str:
    """Say who started by what was sent, and that this is no effect."""
    if published.is_empty:
        return f"Nothing can be said of the number of messages: {published.missing}."
    groups = published.frame.groupby("campaign", sort=False)
    one = [_named(name) for name, own in groups if len(own) < 2]
    many = [_named(name) for name, own in groups if len(own) >= 2]
    said = []
    if many:
        said.append(f"in {words.listing(many)} people were sent different numbers of messages")
    if one:
        said.append(f"in {words.listing(one)} everyone was sent the same number")
    return f"{words.sentence('; '.join(said))} The table says who started; it does not say why."


# Which strategy -----------------------------------------------------------------------------


def strategies(published: Published, *_: Published) -> str:
    """Say how broad, goal-tied launches and drip campaigns compare, and what that is worth."""
    if published.is_empty:
        return words.sentence(published.missing)
    if not published.has("strategy_difference"):
        return "Strategies cannot be compared: too few people."
    these = published.estimate("strategy_difference", "these campaigns")
    such = published.estimate("strategy_difference", "such campaigns")
    fraction = published.parameters.get("fraction")
    n = _whole(published.parameters.get("n_broad")) + _whole(published.parameters.get("n_drip"))
    note = str(published.parameters.get("note") or "")
    said = (
        f"Broad, goal-tied launches brought {_of_100(these.value)} of 100 more people to first "
        f"value than drip campaigns ({_range(these)}). Of other campaigns like these one may "
        f"expect anything from {_of_100(such.low)} to {_of_100(such.high)} ({such.grade}). With "
        f"these {n} campaigns the smallest possible p (the probability of such a split "
        f"if strategy made no difference) is {fraction}{_verdict(published)}."
    )
    return f"{said} {words.sentence(note)}".strip()


def _verdict(compared: Published) -> str:
    """Say what so few campaigns can show at best."""
    if compared.has("smallest_p") and compared.estimate("smallest_p").value > _LEVEL:
        return ", so chance cannot be ruled out, whatever they brought"
    return ""


_LEVEL: Final = 0.05
"""A smallest possible p above this means that no result could rule out chance."""


def pooled(published: Published, *_: Published) -> str:
    """Say what the launches brought on average, and what the next one may bring."""
    if published.is_empty:
        return f"The launches cannot be put together: {published.missing}."
    if not published.has("pooled_effect"):
        return "The launches cannot be put together: too few people."
    mean, after = published.estimate("pooled_effect"), published.estimate("next_effect")
    if mean.low < -1 or mean.high > 1:
        return (
            "The launches cannot be put together: there are so few, and they differ so much, that "
            "what such launches bring on average may be anything."
        )
    between = published.parameters.get("i2")
    differ = (
        " They differ far more than chance allows, so the average describes none of them."
        if isinstance(between, int | float) and between > 0.75
        else ""
    )
    return (
        f"Taken together the launches brought {_of_100(mean.value)} of 100 more people to first "
        f"value ({_range(mean)}); the next one may bring anything from {_of_100(after.low)} to "
        f"{_of_100(after.high)}.{differ}"
    )


def cost(published: Published, *_: Published) -> str:
    """Say what one more person cost."""
    if published.is_empty:
        return f"What one more person cost cannot be told: {published.missing}."
    found = [e for e in published.estimates if e.metric == "cost_per_activated" and e.is_known]
    if not found:
        return "What one more person cost cannot be told: no campaign surely brought anyone."
    first, *others = [
        f"{_money(e)} in {_named(e.label)}" for e in sorted(found, key=lambda e: e.value)
    ]
    more = f" {words.sentence(words.listing(others))}" if others else ""
    return (
        f"One more person at first value cost {first}.{more} Budgets alone count, without "
        "anybody's time."
    )


def _money(e: Estimate) -> str:
    unit = "" if e.unit == "money" else f" {e.unit}"
    top = "no upper end" if math.isinf(e.high) else words.fixed(e.high)
    return f"{words.fixed(e.value)}{unit} (95 % interval {words.fixed(e.low)} to {top}; {e.grade})"


def next_time(published: Published, *_: Published) -> str:
    """Say what to collect so that the next launch can be judged better."""
    if published.is_empty:
        return (
            "To judge the next launch, write down its name, dates, strategy, goal and units, "
            "launch it in waves, and hold some units back, drawn at random."
        )
    rows = published.frame.to_dict("records")
    once = [_named(r["campaign"]) for r in rows if r["design"] == "before and after"]
    chosen = [_named(r["campaign"]) for r in rows if r["design"] in ("staggered", "compared")]
    said = []
    if once:
        said.append(
            f"{words.listing(once)} launched everyone at once, so only the time before is left to "
            "compare with: next time launch in waves, or hold a quarter of the units back"
        )
    if chosen:
        said.append(
            f"in {words.listing(chosen)} somebody chose which units came first: next time draw "
            "them at random, which costs nothing and makes the evidence strong"
        )
    if not said:
        said.append("chance decided who was launched: do it the same way next time")
    return " ".join(words.sentence(_capital(one)) for one in said)


# The finding --------------------------------------------------------------------------------


def headline(found: Published, compared: Published, costs: Published) -> Headline:
    """Say which strategy brought more people, or what a launch brought, and what to do.

    Parameters
    ----------
    found, compared, costs : Published
        The views ``effects``, ``strategies`` and ``cost``.
    """
    return Headline(
        _title(found, compared),
        _cards(found, compared, costs),
        _decision(found, compared),
        _change_mind(found, compared),
    )


def _difference(compared: Published) -> Estimate | None:
    if not compared.has("strategy_difference", "these campaigns"):
        return None
    return compared.estimate("strategy_difference", "these campaigns")


def _title(found: Published, compared: Published) -> str:
    window = found.parameters.get("window_days")
    difference = _difference(compared)
    if difference is not None:
        return _compared(difference, compared, window)
    known = _known(found)
    if not known:
        return _untold(found)
    first = known[0]
    if len(known) == 1:
        row = _row(found, first.label)
        kind = "broad, goal-tied launch" if _is_broad(row) else _kind(row)
        if not first.low > 0:
            more = "more" if first.value >= 0 else "fewer"
            return (
                f"The {kind} may have brought no one: {_of_100(abs(first.value))} of 100 {more} "
                f"people reached first value within {window} days than without it "
                f"({_range(first)})"
            )
        return (
            f"The {kind} brought {_of_100(first.value)} of 100 more people to their first value "
            f"within {window} days than no launch would have ({_range(first)})"
        )
    said = words.listing(_brought(e) for e in known)
    n = {2: "Two", 3: "Three", 4: "Four"}.get(len(known), str(len(known)))
    return (
        f"{n} campaigns cannot be compared as strategies; of 100 people waiting {said} more to "
        f"first value within {window} days"
    )


def _brought(e: Estimate) -> str:
    """Say what one launch among several brought; one that may have brought no one says so."""
    verb = "brought" if e.low > 0 else "may have brought"
    return f"{_named(e.label)} {verb} {_of_100(e.value)} ({_range(e, is_short=True)})"


def _compared(difference: Estimate, compared: Published, window: Any) -> str:
    broad = "launches" if _whole(compared.parameters.get("n_broad")) > 1 else "launch"
    drip = "campaigns" if _whole(compared.parameters.get("n_drip")) > 1 else "campaign"
    if difference.low > 0:
        return (
            f"The broad, goal-tied {broad} brought {_of_100(difference.value)} of 100 more people "
            f"to their first value within {window} days than the drip {drip} ({_range(difference)})"
        )
    if difference.high < 0:
        return (
            f"The drip {drip} brought {_of_100(-difference.value)} of 100 more people to their "
            f"first value within {window} days than the broad, goal-tied {broad} (95 % interval "
            f"{_of_100(-difference.high)} to {_of_100(-difference.low)}; {difference.grade})"
        )
    return (
        f"Broad, goal-tied {broad} and drip {drip} cannot be told apart: of 100 people the "
        f"difference may be anything from {_of_100(difference.low)} to {_of_100(difference.high)} "
        f"({difference.grade})"
    )


def _untold(found: Published) -> str:
    if found.is_empty:
        return f"No launch can be judged: {found.missing}"
    whys = [str(r["why"]) for r in found.frame.to_dict("records") if r["why"]]
    if not whys:
        return "Too few people to show what a launch brought"
    return f"What the launch brought cannot be told: {whys[0]}"


def _of(fraction: object) -> str:
    """Say a fraction in words: 1/6 is "1 of 6"."""
    return str(fraction).replace("/", " of ")


def _row(found: Published, label: str) -> dict[Any, Any]:
    rows = found.frame.to_dict("records")
    return next((r for r in rows if r["campaign"] == label), {})


def _is_broad(row: Mapping[Any, Any]) -> bool:
    return row.get("strategy") == "broad" and row.get("is_goal_tied") == "yes"


def _kind(row: Mapping[Any, Any]) -> str:
    strategy = str(row.get("strategy") or "").replace("_", " ")
    return f"{strategy} campaign" if strategy else "campaign"


def _cards(found: Published, compared: Published, costs: Published) -> tuple[Card, ...]:
    cards = []
    difference = _difference(compared)
    window = found.parameters.get("window_days")
    if difference is not None:
        cards.append(
            Card.of(difference, "broad and goal-tied over drip, people at first value of 100")
        )
    known = _known(found)
    for e in [*known[:1], *known[-1:]] if len(known) > 1 else known:
        cards.append(Card.of(e, f"more at first value within {window} days: {_named(e.label)}"))
    cheap = [
        e for e in costs.estimates
        if e.metric == "cost_per_activated" and e.is_known and math.isfinite(e.high)
    ]  # fmt: skip
    if cheap:
        least = min(cheap, key=lambda e: e.value)
        cards.append(
            Card.of(least, f"for each further person at first value, {_named(least.label)}")
        )
    return tuple(cards)


def _decision(found: Published, compared: Published) -> str:
    difference = _difference(compared)
    if difference is not None:
        return _strategy_decision(difference, compared)
    known = _known(found)
    if not known:
        return (
            "Decide nothing on this yet: before the next launch, write down its dates, strategy, "
            "goal and units, and hold a quarter of the units back, drawn at random."
        )
    working = [e for e in known if e.low > 0]
    if not working:
        return (
            "Do not repeat it unchanged: it may have brought no one. Try another way in half of "
            "the units, drawn at random, and judge it after the window."
        )
    names = words.listing(_named(e.label) for e in working)
    if all(_row(found, e.label).get("design") == "before and after" for e in working):
        return (
            f"Before you do {names} again, make it a test: launch in waves and hold a quarter of "
            "the units back, drawn at random. So far nothing tells the launch from what else "
            "happened then."
        )
    return (
        f"Repeat {names} where it has not been yet, in waves drawn at random; whether another "
        "strategy would do better takes a second campaign to compare with."
    )


def _strategy_decision(difference: Estimate, compared: Published) -> str:
    test = (
        "draw the units of both at random within one organisation, so that strategy alone differs"
    )
    if difference.low > 0:
        return (
            "Launch broadly and tie it to a goal next time, and make it a test: keep drip for a "
            f"quarter of the units, and {test}."
        )
    if difference.high < 0:
        return f"Prefer drip next time, and make it a test against a broad launch: {test}."
    return f"Choose by cost, and make the next launch a test: {test}."


def _change_mind(found: Published, compared: Published) -> str:
    if _difference(compared) is not None:
        fraction = compared.parameters.get("fraction")
        return (
            "A client in which drip does as well as broad, or a test within one client: among so "
            f"few campaigns chance alone shares them out like this in {_of(fraction)} cases."
        )
    known = _known(found)
    if any(e.low > 0 for e in known):
        return "A wave of the next launch that brings no more people than the units still waiting."
    return "Units held back at random, or more weeks before the launch."
