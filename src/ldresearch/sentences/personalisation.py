"""Say whether personalised recommendations beat what is done, for whom, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

_NAMES: Final = {
    "today": "what people get today", "popular": "the most popular",
    "popular_in_role": "the most popular in the role", "item_knn": "what is taken together",
    "ease": "what is learned from all (EASE)", "gap_aware": "lists by skill gaps",
}  # fmt: skip
_PERSONAL: Final = ("item_knn", "ease", "gap_aware")
_PARTS: Final = {
    "taken": "what people took", "catalogue": "first days in the catalogue",
    "tags": "skills of content", "roles": "roles of people", "shortfalls": "ratings of skills",
    "shown": "what was recommended", "propensities": "the chance of each recommendation",
    "drawn": "a draw of who gets personalised recommendations",
}  # fmt: skip
_DRAW: Final = (
    "Test it: within eight weeks, let chance decide who gets personalised recommendations and log "
    "the chance of each; ten weeks later run this again."
)

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "evaluated": {
        "title": "Enough people took something since the split",
        "passed": "{value} people took something since the split that could have been recommended.",
        "not passed": (
            "Only {value} people took something since the split that could have been recommended "
            "(wanted: {threshold} or more): split earlier."
        ),
        "not known": "Lists could not be judged.",
    },
    "dated": {
        "title": "The catalogue says since when content is offered",
        "passed": "{value} % of the candidates have a first day.",
        "not passed": (
            "{value} % of the candidates have a first day (wanted: {threshold} % or more): content "
            "published after the split may stand among the candidates."
        ),
        "not known": "Nothing was on offer at the split.",
    },
    "tagged": {
        "title": "Content says what it teaches",
        "passed": "{value} % of the content on offer is tagged with a skill.",
        "not passed": (
            "{value} % of the content on offer is tagged with a skill (wanted: {threshold} % or "
            "more): lists by skill gaps are blind to the rest."
        ),
        "not known": "Nothing is on offer.",
    },
    "history": {
        "title": "People had taken enough to learn from",
        "passed": "{value} % of the people judged had taken three contents or more by the split.",
        "not passed": (
            "{value} % of the people judged had taken three contents or more by the split (wanted: "
            "{threshold} % or more): for the others personal lists are popular ones."
        ),
        "not known": "Lists could not be judged.",
    },
    "overlap": {
        "title": "What was shown covers what other policies would show",
        "passed": "What was shown is worth up to {value} recommendations of another policy.",
        "not passed": (
            "What was shown is worth at most {value} recommendations of another policy (wanted: "
            "{threshold} or more): show a small share at random, and log the chance."
        ),
        "not known": "No chance of a recommendation is logged since the split.",
    },
    "arms": {
        "title": "The arms have the sizes they were drawn with",
        "passed": "Sizes of the arms: as drawn (p = {value}).",
        "not passed": (
            "The arms do not have the sizes they were drawn with (p = {value}, allowed: "
            "{threshold} or more): people were lost from one of them, and no gain may be believed."
        ),
        "not known": "Nobody was drawn, or the chance of the draw is not known.",
    },
}
"""Check id to its title and the sentence for each status."""


# Findings -----------------------------------------------------------------------------------


def readiness(published: Published, *_: Published) -> str:
    """Say what is there and name what is missing."""
    if published.is_empty:
        return f"What is there cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    there = sum(r["standing"] == "there" for r in rows)
    lacking = [_PARTS.get(str(r["part"]), str(r["part"])) for r in rows if r["standing"] != "there"]
    said = f"{there} of {len(rows)} parts are there"
    if not lacking:
        return f"{said}: everything that recommending and judging take."
    return f"{said}; missing, or there only in part: {words.listing(lacking)}."


def accuracy(published: Published, *_: Published) -> str:
    """Say which share of what people took stood in the lists of the best personal policy."""
    if published.is_empty:
        return f"How good lists are cannot be told: {published.missing}."
    best, base = _best(published), _recall(published, "popular_in_role")
    if best is None or base is None:
        return "How good lists are is hidden: too few people."
    k = published.parameters.get("k")
    gain = _estimate(published, "recall_gain", best.label)
    said = (
        f"Of what people took later, {_percent(base.value)} stood among the {k} most popular in "
        f"their role. The personal list that did best, {_NAMES[best.label]}, held "
        f"{_percent(best.value)} ({_interval(best)}, {_people(published, best)})"
    )
    if gain is not None:
        said += f": {_beyond(gain, _standing(published, best.label))}"
    today = _recall(published, "today")
    if today is not None:
        said += f". What people got until then held {_percent(today.value)}"
    return f"{said}."


def policies(published: Published, *_: Published) -> str:
    """Say what lists by skill gaps win and what they cost."""
    if published.is_empty:
        return f"Other qualities of lists cannot be told: {published.missing}."
    own = _estimate(published, "gap_closing_at_k", "gap_aware")
    base = _estimate(published, "gap_closing_at_k", "popular_in_role")
    gain = _estimate(published, "recall_gain", "gap_aware")
    if own is None or base is None:
        return (
            "Whether lists close skill gaps cannot be told: it takes rated skills, targets of "
            "roles and content that says what it teaches."
        )
    said = (
        f"Of a list by skill gaps, {_percent(own.value)} teach a skill the person lacks "
        f"({_interval(own)}); of the most popular in the role {_percent(base.value)}"
    )
    if gain is None:
        return f"{said}."
    return (
        f"{said}. Of what people take anyway it holds "
        f"{_beyond(gain, _standing(published, 'gap_aware'))}."
    )


def fairness(published: Published, *_: Published) -> str:
    """Name the groups that lists serve worse than everyone else."""
    if published.is_empty:
        return f"Whom lists serve worse cannot be told: {published.missing}."
    said = []
    for policy in dict.fromkeys(str(r["policy"]) for r in published.frame.to_dict("records")):
        name = _NAMES.get(policy, policy)
        worse = _worse(published, policy)
        if worse:
            each = [
                f"{_group(r['group'])} ({_percent(r['recall'])} of what they take, everyone else "
                f"{_points(r['gap'])} more, {_ends(r, 'gap_low', 'gap_high')})"
                for r in worse[:3]
            ]
            said.append(f"Served worse by {name}: {words.listing(each)}")
        else:
            said.append(f"No group is served worse by {name} by more than chance")
    return f"{'. '.join(said)}."


def value(published: Published, *_: Published) -> str:
    """Say which share of recommendations would be followed under the best covered policy."""
    if published.is_empty:
        return f"What another policy would have brought is not told: {published.missing}."
    now = _estimate(published, "policy_value", "shown")
    told = _told_values(published)
    if now is None or not told:
        return "What another policy would have brought is hidden: too few people."
    best = max(told, key=lambda e: e.value)
    policy = best.label.partition(",")[0]
    gain = _estimate(published, "policy_value_gain", best.label)
    said = (
        f"{_percent(now.value)} of the recommendations shown were followed. If "
        f"{_NAMES.get(policy, policy)} had been shown, it would have been {_percent(best.value)} "
        f"({_interval(best)})"
    )
    if gain is not None:
        said += f", {_verdict(gain, 'more', 'fewer')} than was shown"
    refused = [str(r["policy"]) for r in published.frame.to_dict("records")
               if r["estimator"] == "refused"]  # fmt: skip
    if refused:
        names = words.listing(_NAMES.get(p, p) for p in refused)
        said += f". Not told, for too little of it was shown: {names}"
    return f"{said}."


def uplift(published: Published, *_: Published) -> str:
    """Say what personalised recommendations change, and what choosing people is worth."""
    if published.is_empty:
        return f"Who gains is not told: {published.missing}."
    mean, qini = _estimate(published, "average_uplift"), _estimate(published, "qini")
    top = _estimate(published, "uplift_at_k")
    if mean is None or qini is None or top is None:
        return "Who gains is hidden: too few people."
    said = (
        "Of 100 people drawn to get personalised recommendations, "
        f"{_effect(mean, _did(published))} than of those drawn not to ({_interval(mean)}, "
        f"{_people(published, mean)})"
    )
    share = words.percent(float(published.parameters.get("share") or 0))
    if qini.low > 0:
        return (
            f"{said}. Predictions tell who gains: among the {share} with the largest predicted "
            f"gain it is {_points(top.value)} ({_interval(top)})."
        )
    return f"{said}. There is no evidence that predictions tell who gains."


def responders(published: Published, *_: Published) -> str:
    """Name the groups that gain more than everyone else."""
    if published.is_empty:
        return f"Which groups gain more is not told: {published.missing}."
    rows = published.frame.to_dict("records")
    more = [r for r in rows if r["standing"] == "above" and _is_shown(r["gain"])]
    if not more:
        return "No group gains more than everyone else by more than chance."
    each = [f"{_group(r['group'])} ({_points(r['gain'])}, {_ends(r, 'low', 'high')})" for r in more]
    less = [_group(r["group"]) for r in rows if r["standing"] == "below"]
    said = f"More is gained in {words.listing(each)}"
    return f"{said}; less in {words.listing(less)}." if less else f"{said}."


def engagement(published: Published, *_: Published) -> str:
    """Say whether people stay engaged longer with personalised recommendations."""
    if published.is_empty:
        return f"Whether people stay engaged longer is not told: {published.missing}."
    found = [e for e in published.estimates if e.metric == "rmst_difference"]
    if not found:
        return "Whether people stay engaged longer is hidden: too few people."
    e = found[0]
    horizon = words.number(published.parameters.get("horizon"))  # type: ignore[arg-type]
    drawn = bool(published.parameters.get("is_randomised"))
    who = "with personalised recommendations" if drawn else "who were shown recommendations"
    if e.low > 0 or e.high < 0:
        how = "longer" if e.value > 0 else "less long"
        said = (
            f"Over {horizon} days, people {who} stayed engaged "
            f"{words.days(abs(e.value))} {how} ({words.interval(e)})"
        )
    else:
        said = (
            f"There is no evidence that people {who} stay engaged longer: the difference is "
            f"{words.days(e.value)} over {horizon} days ({words.interval(e)})"
        )
    if drawn:
        return f"{said}. Chance decided who got them."
    return f"{said}. Nobody was drawn: those who are shown more may be keener anyway."


# The headline -------------------------------------------------------------------------------


def headline(
    accuracy: Published,
    fair: Published,
    value: Published,
    gain: Published,
    groups: Published,
    engaged: Published,
    parts: Published,
) -> Headline:
    """Say whether to deploy, test or leave, for whom, and who is left behind today.

    Parameters
    ----------
    accuracy, fair, value, gain, groups, engaged, parts : Published
        The views ``accuracy``, ``fairness``, ``value``, ``uplift``, ``responders``, ``engagement``
        and ``readiness``.
    """
    behind = _worse(fair, "today")
    return Headline(
        _title(accuracy, gain, groups, behind),
        _cards(accuracy, fair, value, gain, engaged, behind),
        _decision(accuracy, fair, value, gain, groups, behind),
        _change_mind(accuracy, gain, engaged, parts),
    )


def _title(
    accuracy: Published, gain: Published, groups: Published, behind: list[dict[Any, Any]]
) -> str:
    found = _finding(accuracy, gain, groups)
    if not behind:
        return found[:1].upper() + found[1:]
    first = behind[0]
    who = words.listing(_group(r["group"]) for r in behind[:2])
    other = float(first["recall"]) + float(first["gap"])
    return (
        f"What is recommended today leaves {who} behind: it held {_percent(first['recall'])} of "
        f"what they took, and {_percent(other)} of what everyone else did; {found}"
    )


def _finding(accuracy: Published, gain: Published, groups: Published) -> str:
    mean = _estimate(gain, "average_uplift")
    if mean is not None:
        where, did = _gaining(groups), _did(gain)
        if mean.low > 0:
            place = f", above all in {words.listing(where)}" if where else ""
            return (
                f"with personalised recommendations {_number(mean.value)} more of 100 people "
                f"{did}{place}"
            )
        if mean.high < 0:
            return (
                f"with personalised recommendations {_number(mean.value)} fewer of 100 people {did}"
            )
        if where:
            return (
                f"with personalised recommendations more people in {words.listing(where)} {did}; "
                "there is no evidence that they do elsewhere"
            )
        return f"there is no evidence that more people {did} with personalised recommendations"
    if accuracy.is_empty:
        return (
            f"whether personalised recommendations would be better is not known: {_why(accuracy)}"
        )
    best = _best(accuracy)
    if best is None:
        return "whether personalised recommendations would be better is not known: too few people"
    today = _recall(accuracy, "today")
    if today is not None and _is_better_today(accuracy):
        return (
            f"what people get today held more of what they took ({_percent(today.value)}) than the "
            f"personal list that did best here ({_percent(best.value)})"
        )
    said = _standing(accuracy, best.label)
    base = _recall(accuracy, "popular_in_role")
    against = f"{_percent(best.value)} against {_percent(base.value)}" if base else ""
    if said == "above":
        return (
            f"personal lists would have held more of what people took than the most popular in "
            f"the role: {against}"
        )
    if said == "below":
        return (
            f"personal lists would have held less of what people took than the most popular in "
            f"the role: {against}"
        )
    return (
        "personal lists would have held no more of what people took than the most popular in the "
        f"role ({against})"
    )


def _cards(
    accuracy: Published, fair: Published, value: Published, gain: Published, engaged: Published,
    behind: list[dict[Any, Any]],
) -> tuple[Card, ...]:  # fmt: skip
    found: list[Card] = []

    def add(e: Estimate | None, label: str) -> None:
        if e is not None and e.is_known and len(found) < 4:
            found.append(Card.of(e, label))

    if behind:
        group = str(behind[0]["group"])
        label = f"recall of today's lists: everyone else's beyond that of {_group(group)}"
        add(_estimate(fair, "recall_gap", f"today: {group}"), label)
    add(
        _estimate(gain, "average_uplift"),
        f"more people {_did(gain)}, of those drawn to get personalised ones",
    )
    best = _best(accuracy)
    if best is not None:
        label = "of what people took: best personal list beyond the most popular in the role"
        add(_estimate(accuracy, "recall_gain", best.label), label)
    add(_estimate(accuracy, "gap_closing_at_k", "gap_aware"),
        "of a list by skill gaps teach what the person lacks")  # fmt: skip
    told = _told_values(value)
    if told:
        top = max(told, key=lambda e: e.value)
        name = _NAMES.get(top.label.partition(",")[0], "")
        add(
            _estimate(value, "policy_value_gain", top.label),
            f"more followed, had {name} been shown",
        )
    longer = [e for e in engaged.estimates if e.metric == "rmst_difference"]
    add(longer[0] if longer else None, "longer engaged, with than without")
    return tuple(found)


def _decision(
    accuracy: Published, fair: Published, value: Published, gain: Published, groups: Published,
    behind: list[dict[Any, Any]],
) -> str:  # fmt: skip
    said = []
    if behind:
        who = words.listing(_group(r["group"]) for r in behind[:3])
        served = behind[0]["served"]
        how = (
            f" ({words.percent(served)} of them got any recommendation)"
            if _is_shown(served) and float(served) < 0.8
            else ""
        )
        said.append(
            f"Mend first what is recommended to {who}{how}: within four weeks, show them at least "
            "what is most popular in their role."
        )
    said.append(_deploy(accuracy, value, gain, groups))
    best = _best(accuracy)
    worse = _worse(fair, best.label) if best is not None else []
    if worse and not said[-1].startswith("Leave"):
        who = words.listing(_group(r["group"]) for r in worse[:3])
        said.append(f"Watch {who}: the personal list serves them worse than everyone else.")
    return " ".join(said)


def _deploy(accuracy: Published, value: Published, gain: Published, groups: Published) -> str:
    mean = _estimate(gain, "average_uplift")
    if mean is not None:
        where = _gaining(groups)
        if where:
            return (
                f"Deploy personalised recommendations in {words.listing(where)} within four weeks, "
                "with one in ten people held out to see that it lasts; leave everyone else as "
                "they are."
            )
        if mean.low > 0:
            return (
                "Deploy personalised recommendations for everyone within eight weeks, with one in "
                "ten people held out to see that it lasts."
            )
        return (
            "Leave it: keep what is shown to those without. The draw showed no gain (at "
            f"most {_points(max(mean.high, 0.0))} of 100 people)."
        )
    if accuracy.is_empty:
        return (
            f"Decide nothing yet: {_why(accuracy)}. Collect what is missing within four weeks, and "
            "run this again once a quarter of a year of it is there."
        )
    best = _best(accuracy)
    better = best is not None and _standing(accuracy, best.label) == "above"
    closing = _estimate(accuracy, "gap_closing_gain", "gap_aware")
    closes = closing is not None and closing.low > 0
    followed = any(
        (e := _estimate(value, "policy_value_gain", told.label)) is not None and e.low > 0
        for told in _told_values(value)
        if told.label.partition(",")[0] in _PERSONAL
    )
    why = [
        reason
        for holds, reason in (
            (better, "they hold more of what people take"),
            (followed, "more of them would be followed"),
            (closes, "lists by skill gaps teach far more of what people lack"),
        )
        if holds
    ]
    if _is_better_today(accuracy):
        return (
            "Leave the rest as it is: no personal list here held as much of what people took as "
            "what they get today."
        )
    if not why:
        return (
            "Leave it: show what is most popular in the role, which needs no model. Nothing here "
            "speaks for more."
        )
    now = ""
    if _standing(accuracy, "today") == "below":
        now = (
            " Until then show what is most popular in the role: what people get today holds less "
            "of what they take."
        )
    return f"{_DRAW} What speaks for it: {words.listing(why)}.{now}"


def _change_mind(accuracy: Published, gain: Published, engaged: Published, parts: Published) -> str:
    said = []
    if not gain.is_empty:
        said.append("A gain that fades when the novelty has gone: hold some people out.")
        longer = [e for e in engaged.estimates if e.metric == "rmst_difference"]
        if longer and longer[0].low <= 0 <= longer[0].high:
            said.append("People who stay engaged longer with it: so far there is no evidence.")
    else:
        said.append(
            "A draw of who gets personalised recommendations: looking back cannot tell what people "
            "would have taken had they been shown it."
        )
    if not parts.is_empty:
        lacking = [
            _PARTS.get(str(r["part"]), "")
            for r in parts.frame.to_dict("records")
            if r["standing"] == "missing" and r["part"] != "drawn"
        ]
        if lacking:
            said.append(f"Data that are missing: {words.listing(lacking)}.")
    return " ".join(said)


# Shared -------------------------------------------------------------------------------------


def _why(published: Published) -> str:
    return published.missing or "too few people"


def _estimate(published: Published, metric: str, label: str = "") -> Estimate | None:
    for e in published.estimates:
        if e.metric == metric and e.label == label and e.is_known:
            return e
    return None


def _recall(published: Published, policy: str) -> Estimate | None:
    return _estimate(published, "recall_at_k", policy)


def _best(published: Published) -> Estimate | None:
    return _recall(published, str(published.parameters.get("best") or ""))


def _standing(published: Published, policy: str) -> str:
    for r in published.frame.to_dict("records"):
        if r["policy"] == policy and r["metric"] == "recall_at_k":
            return str(r["standing"])
    return ""


def _told_values(published: Published) -> list[Estimate]:
    return [
        e for e in published.estimates
        if e.metric == "policy_value" and e.label.endswith(", doubly_robust")
    ]  # fmt: skip


def _worse(published: Published, policy: str) -> list[dict[Any, Any]]:
    """Rows of groups that a policy serves worse, the worst first."""
    if published.is_empty:
        return []
    rows = [
        r for r in published.frame.to_dict("records")
        if r["policy"] == policy and r["standing"] == "below" and _is_shown(r["gap"])
    ]  # fmt: skip
    return sorted(rows, key=lambda r: -float(r["gap"]))


def _gaining(groups: Published) -> list[str]:
    if groups.is_empty:
        return []
    return [
        _group(r["group"]) for r in groups.frame.to_dict("records")
        if r["standing"] == "above" and _is_shown(r["low"]) and float(r["low"]) > 0
    ]  # fmt: skip


def _group(name: Any) -> str:
    return f"{name} staff" if str(name) in ("part-time", "full-time") else str(name)


def _is_shown(cell: Any) -> bool:
    return cell is not None and not math.isnan(float(cell))


def _percent(share: Any) -> str:
    """Write a share; below one in ten with a decimal, where policies differ by less than that."""
    value = 100 * float(share)
    return (
        words.percent(float(share)) if abs(value) >= 9.95 else f"{words.number(round(value, 1))} %"
    )


def _points(value: Any) -> str:
    size = abs(100 * float(value))
    said = words.number(round(size) if size >= 10 else round(size, 1))
    return f"{said} point{'' if said == '1' else 's'}"


def _hundredth(value: float) -> str:
    size = 100 * value
    return words.number(round(size) if abs(size) >= 10 else round(size, 1))


def _interval(e: Estimate) -> str:
    if math.isnan(e.low) or math.isnan(e.high):
        return "no interval"
    unit = " %" if e.unit == "share" else ""
    return f"95 % interval {_hundredth(e.low)} to {_hundredth(e.high)}{unit}"


def _ends(row: Mapping[Any, Any], low: str, high: str) -> str:
    if not _is_shown(row[low]) or not _is_shown(row[high]):
        return "no interval"
    return f"95 % interval {_hundredth(float(row[low]))} to {_hundredth(float(row[high]))}"


def _beyond(gain: Estimate, standing: str) -> str:
    """Say a difference to popular in role with its interval, and whether chance would do."""
    more = "more" if gain.value > 0 else "less"
    size = f"{_points(gain.value)} {more} ({_interval(gain)})"
    return size if standing in ("above", "below") else f"{size}, which chance may have made"


def _verdict(gain: Estimate, more: str, fewer: str) -> str:
    said = f"{_points(gain.value)} {more if gain.value > 0 else fewer} ({_interval(gain)})"
    return said if gain.low > 0 or gain.high < 0 else f"{said}, which chance may have made,"


def _did(gain: Published) -> str:
    """Say what counts as success in the trial."""
    followed = str(gain.parameters.get("outcome") or "followed") == "followed"
    return "follow a recommendation" if followed else "take something of their own accord"


def _is_better_today(accuracy: Published) -> bool:
    """Whether what people get today surely holds more than the best personal list."""
    today, best = _recall(accuracy, "today"), _best(accuracy)
    return today is not None and best is not None and today.low > best.high


def _number(value: float) -> str:
    return _points(value).partition(" ")[0]


def _effect(e: Estimate, did: str) -> str:
    said = f"{_number(e.value)} {'more' if e.value > 0 else 'fewer'} {did}"
    return said if e.low > 0 or e.high < 0 else f"{said}, no more than chance may have made,"


def _people(published: Published, e: Estimate) -> str:
    return words.persons(e.n, exact=published.rules.public)
