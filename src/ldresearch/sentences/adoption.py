"""Say who has started, how fast, where it will end, and where to push next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

_WAY: Final = {"self_started": " on their own", "assigned": " because it was assigned", "all": ""}

_NEAR_END: Final = 0.03
"""Where less than this is left to win, starting is no longer the question."""

_ALL: Final = 0.95
"""From this share of those with access on, nobody is left to push, whatever is still to come."""

_WIDE: Final = 0.10
"""An interval wider than this is the finding, not its middle."""

_LITTLE: Final = 0.05
"""A change in active people below this is called none."""

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "denominators": {
        "title": "People who learn are people who may",
        "passed": "{value} % of those active are not in the HR file or never had access.",
        "not passed": (
            "{value} % of those active are not in the HR file or never had access (allowed: "
            "{threshold} %): the shares leave them out."
        ),
        "not known": "There is no activity, or no HR file, to compare.",
    },
    "early_value": {
        "title": "Nobody starts before they may",
        "passed": "{value} % of those active reached first value before they could start.",
        "not passed": (
            "{value} % of those active reached first value before they could start (allowed: "
            "{threshold} %): access dates are late, and times to first value too short."
        ),
        "not known": "There is no activity, or no HR file, to compare.",
    },
    "seen_from_start": {
        "title": "The log begins when people could start",
        "passed": "{value} % could start more than a week before the log begins.",
        "not passed": (
            "{value} % could start more than a week before the log begins (allowed: {threshold} "
            "%). What they did then is unknown, so the S-curve counts whoever started earlier as "
            "starting now: set `since` to the launch."
        ),
        "not known": "Nobody could be followed.",
    },
    "follow_up": {
        "title": "Followed for long enough",
        "passed": "People followed to the end of the window, or to an earlier end: {value}.",
        "not passed": (
            "People followed to the end of the window, or to an earlier end: {value} (wanted: "
            "{threshold} or more). Shorten the window, or wait."
        ),
        "not known": "Nobody has reached first value yet.",
    },
    "naive": {
        "title": "The plain ratio says the same",
        "passed": "The plain ratio is {value} points from the activation rate.",
        "not passed": (
            "The plain ratio is {value} points from the activation rate (allowed: {threshold}), "
            "because many were followed for only part of the window: quote the rate."
        ),
        "not known": "There are no two numbers to compare.",
    },
    "past_peak": {
        "title": "The fastest weeks are over",
        "passed": "Most started by week {value} at the latest; {threshold} weeks have been seen.",
        "not passed": (
            "The fastest week may still come ({threshold} weeks have been seen): read the end of "
            "the S-curve as open."
        ),
        "not known": "There is no S-curve yet.",
    },
    "bass_fit": {
        "title": "Starts follow the S-curve",
        "passed": "Weeks vary {value} times as much as chance alone would have it.",
        "not passed": (
            "Weeks vary {value} times as much as chance alone would have it (allowed: "
            "{threshold}): a campaign or a holiday moved starts. The intervals are widened for it, "
            "and the forecast takes no account of what is planned next."
        ),
        "not known": "There is no S-curve yet.",
    },
}
"""Check id to its title and the sentence for each status."""


# Findings -----------------------------------------------------------------------------------


def reach(published: Published, *_: Published) -> str:
    """Say where most people are lost on the way to value."""
    if published.is_empty:
        return f"How far people have come cannot be told: {published.missing}."
    # As the rows tell it: an estimate tells nearly all of them as all but a few.
    share = {str(r["step"]): float(r["share"]) for r in _records(published) if _is_after_first(r)}
    if not share:
        return "How far people have come is hidden: too few people."
    lost = min((s for s in share if s != "informed"), key=share.__getitem__, default="informed")
    said = [_STEP_SAID[step].format(share=words.percent(x)) for step, x in share.items()]
    if share[lost] > 0.995:
        return f"{words.sentence(words.listing(said))} Hardly anyone is lost on the way."
    [n] = (float(r["n"]) for r in _records(published) if r["step"] == lost)
    return (
        f"{words.sentence(words.listing(said))} Most are lost {_STEP_LOST[lost]}: "
        f"{words.percent(1 - share[lost])} of {words.persons(n, exact=published.rules.public)}."
    )


def _records(published: Published) -> list[dict[str, Any]]:
    names = [c.name for c in published.columns]
    return [dict(zip(names, row, strict=True)) for row in published.rows]


def _is_after_first(row: Mapping[str, Any]) -> bool:
    return row["step"] != "employed" and row["share"] is not None


_STEP_SAID: Final = {
    "informed": "{share} of the employed were sent something about it",
    "access": "{share} of the employed have access",
    "active": "{share} of those with access have been active",
    "value": "{share} of the active got value",
}
_STEP_LOST: Final = {
    "informed": "before anyone told them",
    "access": "for want of access",
    "active": "before any activity",
    "value": "between activity and value",
}


def ways(published: Published, *_: Published) -> str:
    """Say how many came by themselves and how many only as a duty."""
    if published.is_empty:
        return f"How people came to value cannot be told: {published.missing}."
    share = {e.label: e.value for e in published.estimates}
    n = max((e.n for e in published.estimates), default=0)
    if not {"self_started", "both", "assigned", "neither"} <= set(share):
        return "How people came to value is hidden: too few people."
    return (
        f"Of {words.persons(n, exact=published.rules.public)} with access, "
        f"{words.percent(share['self_started'] + share['both'])} got value on their own, "
        f"{_part(published, 'assigned')} only from what was assigned, and "
        f"{_part(published, 'neither')} neither. Assigned learning does not count as adoption."
    )


def _part(published: Published, way: str) -> str:
    """Say how many took a way to value; a few, or some who are hidden, are not nobody."""
    [row] = (r for r in _records(published) if r["way"] == way)
    if row["share"] is None:
        others = published.parameters.get("n_protected")  # hidden with it, though not few
        return "a share that is hidden" if others else f"fewer than {published.rules.k} people"
    share = float(row["share"])
    return "under 1 %" if share == 0 and row["n_reached"] else words.percent(share)


def speed(published: Published, *_: Published) -> str:
    """Say the activation rate, the plain ratio beside it, and the median time."""
    if published.is_empty:
        return f"How fast people start cannot be told: {published.missing}."
    window = f"{published.parameters['window_days']} days"
    if not published.has("activation_rate"):
        return "How fast people start is hidden: too few people."
    rate = published.estimate("activation_rate")
    naive = published.estimate("activation_naive")
    if not rate.is_known:
        return f"Nobody has been followed for {window} yet, so the share who start is not known."
    if not _is_told(rate):
        return "How fast people start is hidden: too few people."
    return (
        f"{words.percent(rate.value)} reach first value{_way(published)} within {window} of being "
        f"able to ({words.interval(rate)}, "
        f"{words.persons(rate.n, exact=published.rules.public)}); the plain ratio, which forgets "
        f"that some were followed for less, says {words.percent(naive.value)}. {_median(published)}"
    )


def _median(published: Published) -> str:
    median = published.estimate("time_to_first_value")
    if not median.is_known or math.isinf(median.value):
        return "Half have not reached it in the time seen, so the median is not reached."
    return f"It takes half of them {words.estimate_with_interval(median)}."


def course(published: Published, *_: Published) -> str:
    """Say how many have started, where it will end, and when most did."""
    if published.is_empty:
        return f"Where it will end cannot be told: {published.missing}."
    if published.has("bass_market"):
        market = published.estimate("bass_market")
        return (
            f"In the end {words.estimate(market)} will have started ({words.interval(market)}), if "
            "push and pull stay as they are."
        )
    if not published.has("bass_ceiling"):
        return "Where it will end is hidden: too few people."
    so_far, ceiling = published.estimate("adoption_share"), published.estimate("bass_ceiling")
    said = (
        f"{words.percent(so_far.value)} of those with access have started{_way(published)} "
        f"({words.persons(so_far.n, exact=published.rules.public)})."
    )
    if published.parameters["is_early"]:
        return (
            f"{said} It is too early to say where it will end: the fastest week may still come, "
            f"so the end may lie anywhere from {_range(ceiling)}."
        )
    return (
        f"{said} If nothing changes it ends at {words.percent(ceiling.value)} "
        f"({words.interval(ceiling)}). {_peak(published)}"
    )


def _range(e: Estimate) -> str:
    return f"{words.percent(e.low).removesuffix(' %')} to {words.percent(e.high)}"


def _peak(published: Published) -> str:
    peak = published.estimate("adoption_peak")
    if not peak.is_known:
        return ""
    if peak.value <= 0.5:
        return "Most started at once; since then fewer do each week."
    first = _first_week(published)
    pull, push = published.estimate("bass_q").value, published.estimate("bass_p").value
    drive = (
        " The curve has a stronger pull of colleagues than push of the campaign."
        if pull > push
        else ""
    )
    when = f"week {round(peak.value)}" if first is None else (
        f"the week of {words.date(first + timedelta(days=7 * (round(peak.value) - 1)))}"
    )  # fmt: skip
    return f"Most started around {when}; since then fewer do each week.{drive}"


def _first_week(published: Published) -> date | None:
    if "week_on" not in [c.name for c in published.columns] or not published.rows:
        return None
    return date.fromisoformat(str(published.frame["week_on"].iloc[0])[:10])


def active(published: Published, *_: Published) -> str:
    """Say how many are active and whether that is more than before."""
    if published.is_empty:
        return f"How many are active cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["mau"])]
    if not rows:
        return "How many are active is hidden: too few people."
    exact = published.rules.public
    last = rows[-1]
    said = (
        f"In the 28 days to {words.date(str(last['day_on']))}, "
        f"{words.persons(last['mau'], exact=exact)} were active"
    )
    if _is_shown(last["wau"]):
        said += (
            f", {'' if exact else 'about '}{words.number(last['wau'])} of them in the last seven"
        )
    moved = _moved(published)
    if math.isnan(moved):
        return f"{said}."
    if abs(moved) < _LITTLE:
        return f"{said}; about as many as twelve weeks earlier."
    word = "more" if moved > 0 else "fewer"
    return f"{said}; {words.percent(abs(moved))} {word} than twelve weeks earlier."


def _moved(published: Published) -> float:
    """Change in monthly active people over twelve weeks, as a share; nan where not known."""
    rows = [] if published.is_empty else published.frame.to_dict("records")
    rows = [r for r in rows if _is_shown(r["mau"])]
    before = [r for r in rows if _days_apart(r, rows[-1]) == 12 * 7]
    if not before or not before[0]["mau"]:
        return math.nan
    return float(rows[-1]["mau"]) / float(before[0]["mau"]) - 1


def _days_apart(row: Mapping[Any, Any], last: Mapping[Any, Any]) -> int:
    earlier, later = (date.fromisoformat(str(r["day_on"])[:10]) for r in (row, last))
    return (later - earlier).days


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def stickiness(published: Published, *_: Published) -> str:
    """Say which share of the month's active people come on a working day."""
    if published.is_empty:
        return f"Stickiness cannot be told: {published.missing}."
    if not published.has("stickiness"):
        return "Stickiness is hidden: too few people."
    found = published.estimate("stickiness")
    return (
        f"On a working day {words.estimate(found)} of the month's active people come "
        f"({words.interval(found)}): each comes on about one working day in "
        f"{max(round(1 / found.value), 1) if found.value else 'none'}."
    )


def habit(published: Published, *_: Published) -> str:
    """Say how many come twice a week or more."""
    if published.is_empty:
        return f"How often people come cannot be told: {published.missing}."
    if not published.has("habitual_share"):
        return "How often people come is hidden: too few people."
    found = published.estimate("habitual_share")
    return (
        f"Of {words.persons(found.n, exact=published.rules.public)} active in the last 28 days, "
        f"{words.percent(found.value)} came on eight days or more ({words.interval(found)})."
    )


def units(published: Published, *others: Published) -> str:
    """Name the groups that lag, and say that the others differ by chance."""
    if published.is_empty:
        return f"Groups cannot be told apart: {published.missing}."
    if not published.has("unit_activation", "all"):
        return "Groups are hidden: too few people."
    everyone = published.estimate("unit_activation", "all")
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["share"])]
    behind = [r for r in rows if r["standing"] == "behind"]
    ahead = [str(r["group"]) for r in rows if r["standing"] == "ahead"]
    window = published.parameters.get("window_days")
    overall = f"{words.percent(everyone.value)} of everyone"
    if not behind:
        said = (
            f"No group lags by more than chance would have it: {overall} reached first value "
            f"within {window} days."
        )
    else:
        each = [f"{r['group']} with {words.percent(r['share'])} ({_ends(r)})" for r in behind]
        verb = "lag" if len(behind) > 1 else "lags"
        said = f"{words.listing(each)} {verb} behind {overall} within {window} days."
    if ahead:
        said += f" {words.listing(ahead)} {'are' if len(ahead) > 1 else 'is'} ahead."
    return said + _waiting(behind, others)


def _ends(row: Mapping[Any, Any]) -> str:
    low, high = words.percent(row["low"]).removesuffix(" %"), words.percent(row["high"])
    return f"95 % interval {low} to {high}"


def _waiting(behind: list[dict[Any, Any]], others: tuple[Published, ...]) -> str:
    if not behind or not others or others[0].is_empty:
        return ""
    said = [
        f"{_count(others[0], str(r['group']))} in {r['group']}"
        for r in behind
        if _count(others[0], str(r["group"]))
    ]
    return f" Not started yet: {words.listing(said)}." if said else ""


def _count(waiting: Published, group: str) -> str:
    for row in waiting.frame.to_dict("records"):
        if row["group"] == group:
            if not _is_shown(row["n_reached"]):
                return f"fewer than {waiting.rules.k} people"
            return words.persons(row["n_reached"], exact=waiting.rules.public)
    return ""


def waiting(published: Published, *_: Published) -> str:
    """Say where most of those who have not started are."""
    if published.is_empty:
        return f"Who has not started cannot be told: {published.missing}."
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["n_reached"])]
    if not rows:
        return "Too few people in any group have not started to be shown."
    most = max(rows, key=lambda r: float(r["n_reached"]))
    if not most["n_reached"]:
        return "Everyone with access has started."
    exact = published.rules.public
    return (
        f"Most of those who have not started yet are in {most['group']}: "
        f"{words.persons(most['n_reached'], exact=exact)}, {words.percent(most['share'])} of the "
        "people there."
    )


def _way(published: Published) -> str:
    return _WAY.get(str(published.parameters.get("way", "")), "")


# The headline -------------------------------------------------------------------------------


def headline(
    reached: Published,
    curve: Published,
    groups: Published,
    not_started: Published,
    sticky: Published,
    trend: Published,
) -> Headline:
    """Say how many have started, where it will end, and where to push next.

    Parameters
    ----------
    reached, curve, groups, not_started, sticky, trend : Published
        The views ``speed``, ``course``, ``units``, ``waiting``, ``stickiness`` and ``active``.
    """
    return Headline(
        _title(reached, curve, trend),
        _cards(reached, curve, sticky),
        _decision(reached, curve, groups, not_started),
        _change_mind(curve, groups),
    )


def _title(reached: Published, curve: Published, trend: Published) -> str:
    if curve.has("bass_ceiling"):
        now, ceiling = curve.estimate("adoption_share"), curve.estimate("bass_ceiling")
        started = (
            f"{_begin(_proportion(curve, now.value))} of those with access have "
            f"started{_way(curve)}"
        )
        if _is_nearly_done(curve):
            moved = _moved(trend)
            if moved < -2 * _LITTLE:
                return (
                    f"{started}, but {words.percent(-moved)} fewer are active than twelve weeks ago"
                )
            if now.value >= _ALL:
                return f"{started}: hardly anyone is left to start"
            return f"{started}, and few more will unless something changes"
        if curve.parameters["is_early"]:
            return f"{started}; it is too early to say where it will end"
        if ceiling.high - ceiling.low > _WIDE:
            return f"{started}, on course for {_range(ceiling)}"
        return f"{started}, on course for {words.percent(ceiling.value)}"
    if _is_known(reached, "activation_rate"):
        rate = reached.estimate("activation_rate")
        return (
            f"{_begin(_proportion(reached, rate.value))} of those with access "
            f"start{_way(reached)} "
            f"{rate.label}"
        )
    if reached.parameters.get("is_nobody"):
        return f"Nobody has reached first value{_way(reached)} yet"
    why = reached.missing or curve.missing
    return f"Adoption cannot be told yet: {why}" if why else "Too few people to show adoption"


def _proportion(published: Published, share: float) -> str:
    """Say a share; where it may be a few people, too few to be told, it is not nobody's."""
    is_few = share == 0 and not published.rules.public
    return "hardly any" if is_few else words.proportion(share)


def _is_known(published: Published, metric: str) -> bool:
    return published.has(metric) and _is_told(published.estimate(metric))


def _is_told(e: Estimate) -> bool:
    """Whether it is a number that says something: of few people a share may be anything."""
    return e.is_known and not (e.unit == "share" and e.low <= 0 and e.high >= 1)


def _begin(said: str) -> str:
    return said[:1].upper() + said[1:]


def _cards(reached: Published, curve: Published, sticky: Published) -> tuple[Card, ...]:
    way = _way(reached) or _way(curve)
    wanted = [
        (reached, "activation_rate", f"reach first value{way} "),
        (reached, "time_to_first_value", "until half have reached first value"),
        (curve, "bass_ceiling", "will have started in the end, if nothing changes"),
        (sticky, "stickiness", "of the month's active people come on a working day"),
    ]
    cards = []
    for published, metric, label in wanted:
        if not published.has(metric):
            continue
        found = published.estimate(metric)
        if not _is_told(found):
            continue
        if metric == "bass_ceiling" and published.parameters["is_early"]:
            found, label = published.estimate("adoption_share"), f"have started{way} so far"
        cards.append(Card.of(found, label + (found.label if metric == "activation_rate" else "")))
    return tuple(cards)


def _decision(
    reached: Published, curve: Published, groups: Published, not_started: Published
) -> str:
    if reached.parameters.get("is_nobody"):
        return (
            "Push nobody yet: within four weeks, ask ten people who have access what stands "
            "between them and first value, and check that value events reach the log."
        )
    if curve.is_empty and not _is_known(reached, "activation_rate"):
        return (
            "Decide nothing on this yet: supply what is missing or wait for more weeks, then run "
            "it again."
        )
    by = _deadline(curve)
    shown = [] if groups.is_empty else groups.frame.to_dict("records")
    behind = [r for r in shown if r["standing"] == "behind" and _is_shown(r["share"])]
    if behind:
        names = words.listing([str(r["group"]) for r in behind])
        said = f"Push next in {names}, {by}.{_waiting(behind, (not_started,))}"
        if _is_nearly_done(curve):
            said += " Elsewhere little is left to win: turn to keeping those who have started."
        return said
    if _is_nearly_done(curve):
        have = "have" if curve.estimate("adoption_share").value >= _ALL else "who will have"
        return (
            f"Stop pushing people to start: nearly all {have}. Turn to keeping them; "
            "the report on engagement says when to step in."
        )
    if groups.is_empty:
        return f"Push everywhere alike, {by}: groups cannot be told apart ({groups.missing})."
    return f"Push everywhere alike, {by}: no group lags by more than chance would have it."


def _is_nearly_done(curve: Published) -> bool:
    if not curve.has("bass_ceiling"):
        return False
    now, ceiling = curve.estimate("adoption_share"), curve.estimate("bass_ceiling")
    if now.value >= _ALL:
        return True
    return not curve.parameters["is_early"] and ceiling.value - now.value < _NEAR_END


def _deadline(curve: Published) -> str:
    """Four weeks from the end of the last complete week."""
    seen = _rows(curve, "seen")
    if not seen or "week_on" not in seen[-1]:
        return "within four weeks"
    last = date.fromisoformat(str(seen[-1]["week_on"])[:10])
    return f"by {words.date(last + timedelta(days=6 + 28))}"


def _rows(curve: Published, part: str) -> list[dict[Any, Any]]:
    if curve.is_empty or "part" not in [c.name for c in curve.columns]:
        return []
    return [r for r in curve.frame.to_dict("records") if r["part"] == part]


def _change_mind(curve: Published, groups: Published) -> str:
    said = []
    later = [r for r in _rows(curve, "ahead") if _is_shown(r["low"]) and "week_on" in r]
    if later:
        row = later[min(3, len(later) - 1)]
        end = date.fromisoformat(str(row["week_on"])[:10]) + timedelta(days=6)
        low, high = words.percent(row["low"]), words.percent(row["high"])
        said.append(
            f"Fewer than {low} or more than {high} started by {words.date(end)}: then the course "
            "has changed."
        )
    standings = set() if groups.is_empty else set(groups.frame["standing"])
    if "behind" in standings:
        said.append(
            "A lagging group whose interval no longer lies below everyone's share: then the push "
            "goes elsewhere."
        )
    elif standings and later:
        said.append("A group whose whole interval lies below everyone's share: push there first.")
    if not said:
        return "More complete weeks, or the tables that are missing."
    return " ".join(said)
