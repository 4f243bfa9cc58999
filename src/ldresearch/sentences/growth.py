"""Say which roles are within reach, what opens more of them, and whether people get there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

_NAMED = 3
_FEW_ROLES = 20
_DONE: Final = {"applied": "applied for", "chosen": "were chosen for", "moved": "moved to"}

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "placed": {
        "title": "Most people can be placed",
        "passed": "{value} % of the employed are rated in half of what another role asks for.",
        "not passed": (
            "{value} % of the employed are rated in half of what another role asks for (wanted: "
            "{threshold} % or more): the others may be readier or less ready."
        ),
        "not known": "There is no HR file: the answers are about roles, not about people.",
    },
    "known": {
        "title": "What other roles ask for is rated",
        "passed": "On average {value} % of what another role asks for is rated.",
        "not passed": (
            "On average {value} % of what another role asks for is rated (wanted: {threshold} % or "
            "more): readiness is told from the skills that roles share."
        ),
        "not known": "Nobody is placed.",
    },
    "errors": {
        "title": "What roles ask for has known errors",
        "passed": "Targets come with published standard errors, and intervals hold them.",
        "not passed": (
            "Targets come without standard errors: intervals take them as exact, and two people "
            "who write targets may differ by more."
        ),
        "not known": "No two roles have a profile.",
    },
    "agreement": {
        "title": "Near roles are those that others call related",
        "passed": "Agreement is at least {value} (chance: {threshold}).",
        "not passed": (
            "Agreement may be no better than chance (at least {value}; chance: {threshold}): have "
            "someone who knows the jobs read the list before a move is opened."
        ),
        "not known": "Nobody says which roles are related.",
    },
    "results": {
        "title": "Results of applications are known",
        "passed": "{value} % of the applications have a result.",
        "not passed": (
            "{value} % of the applications have a result (wanted: {threshold} % or more): "
            "selection rates are of those alone, and quick decisions may differ."
        ),
        "not known": "There are no applications.",
    },
    "moves": {
        "title": "The HR file shows changes of role",
        "passed": "Changes of role are on file within the window.",
        "not passed": (
            "No change of role is on file within the window: either nobody moved, or the export "
            "keeps only the role of today."
        ),
        "not known": "Nobody could be followed.",
    },
}
"""What each check says, by its status."""


# Roles --------------------------------------------------------------------------------------


def reachable(published: Published, *_: Published) -> str:
    """Say how many roles are within reach, and which is nearest."""
    if published.is_empty:
        return f"Which roles are within reach cannot be told: {published.missing}."
    rows = _shown(published, "readiness")
    if not rows:
        return "Which roles are within reach is hidden: too few people."
    best = _best(published, rows)
    ready_at = words.percent(_number(published.parameters.get("ready_at")))
    if published.parameters.get("basis") != "people":
        return (
            f"Someone exactly at what {best['from']} asks for reaches "
            f"{words.percent(best['readiness'])} of what {best['to']} asks for ({_percents(best)}"
            f"{_source(published)}). From {ready_at} a role counts as within reach; roles that ask "
            f"for less on the whole are left out.{_hubs(published)}"
        )
    said = ""
    if _is_known(published, "reachable_roles"):
        e = published.estimate("reachable_roles")
        said = (
            f"People reach {ready_at} or more of what {words.number(round(e.value, 1))} other "
            f"roles ask for, on average ({_roles(e)}, {_people(published, e.n)}). "
        )
    return (
        f"{said}The nearest: people from {best['from']} reach {words.percent(best['readiness'])} "
        f"of what {best['to']} asks for ({_percents(best)})."
    )


def _source(published: Published) -> str:
    return ", from the published errors" if published.parameters.get("has_errors") else ""


def _hubs(published: Published) -> str:
    if published.parameters.get("from_role"):
        return ""
    return (
        " Shown are the roles that lead to most others that ask for more; name one of yours in "
        "from_role to see its own."
    )


def near(published: Published, *_: Published) -> str:
    """Say how far roles are apart, and whether others call the near ones related."""
    if published.is_empty:
        return f"How far roles are apart cannot be told: {published.missing}."
    rows = _shown(published, "distance")
    if not rows:
        return "How far these roles are apart is not known."
    closest = min(rows, key=lambda r: float(r["distance"]))
    n = sum(bool(r["tier"]) for r in rows)
    apart = f"{_points(closest['distance'])} points of 100 apart"
    if float(closest["distance"]) <= 0:
        apart = "no farther apart than the errors of what they ask for"
    where = f"By what they ask for, {closest['from']} and {closest['to']} are closest here: "
    return (
        f"{where}{apart}. Of these {words.plural(len(rows), 'pair')} others call "
        f"{n if n else 'none'} related."
    )


def steps(published: Published, *_: Published) -> str:
    """Name the largest gap of the first move."""
    if published.is_empty:
        return f"What a move takes cannot be told: {published.missing}."
    rows = _shown(published, "gap")
    first = rows[0]
    same = [r for r in rows if (r["from"], r["to"]) == (first["from"], first["to"])]
    each = [f"{r['skill']} by {_points(r['gap'])}{_new(r)}" for r in same]
    tail = ""
    if _is_number(first["low"]):
        ends = " to ".join(_points(first[end]) for end in ("low", "high"))
        tail = f" For {first['skill']} the 95 % interval is {ends}."
    return (
        f"{first['to']} asks for more than {first['from']} in {words.listing(each)} points of 100."
        f"{tail}"
    )


def _new(row: Mapping[Any, Any]) -> str:
    """Say of a skill that the first role does not list."""
    return " (not asked before)" if float(row["target_from"] or 0) <= 0 else ""


def doors(published: Published, *_: Published) -> str:
    """Name the skills that open most roles."""
    if published.is_empty:
        return f"Which skill opens most roles cannot be told: {published.missing}."
    rows = _shown(published, "gain")
    if not rows:
        return "Which skill opens most roles is hidden: too few people."
    if float(rows[0]["gain"]) <= 0:
        return "No skill alone brings another role within reach."
    top = _top(rows)
    has_people = published.parameters.get("basis") == "people"
    times = 100 if has_people else 1
    each = [f"{r['skill']} {_gain(r['gain'], times)} ({_gain_ends(r, times)})" for r in top]
    if has_people:
        return (
            f"For every 100 people taught in one skill alone, so many more roles come within "
            f"reach: {words.listing(each)}."
        )
    return (
        "For someone exactly at the targets of her role, one skill alone brings so many more roles "
        f"within reach{_over(published)}: {words.listing(each)}."
    )


def agreement(published: Published, *_: Published) -> str:
    """Say whether near roles are those that others call related."""
    if published.is_empty:
        return f"Whether others call the same roles near cannot be told: {published.missing}."
    rows = {str(r["likeness"]): r for r in _shown(published, "auc") if str(r["tier"]) == "any"}
    if "nearness" not in rows or "readiness" not in rows:
        return "Whether others call the same roles near is not known."
    near, ready = rows["nearness"], rows["readiness"]
    how = _better(near)
    return (
        f"By the distance, roles that others call related are {how}: in "
        f"{words.percent(near['auc'])} of the comparisons the related role is the nearer one "
        f"({_percents(near)}; chance: 50 %; {words.number(near['roles'])} roles). By readiness "
        f"alone it is {words.percent(ready['auc'])} ({_percents(ready)})."
    )


def _better(row: Mapping[Any, Any]) -> str:
    if float(row["low"]) > 0.5:
        return "nearer than others, beyond chance"
    if float(row["high"]) < 0.5:
        return "farther than others, beyond chance"
    return "no nearer than others, as far as can be told"


# People -------------------------------------------------------------------------------------


def moves(published: Published, *_: Published) -> str:
    """Say whether people go where they are ready for."""
    if published.is_empty:
        return f"Whether people get there cannot be told: {published.missing}."
    said = []
    for metric, what in (("application_rate", "applied for another role"),
                         ("move_rate", "moved to another role")):  # fmt: skip
        if _is_known(published, metric):
            e = published.estimate(metric)
            said.append(f"{words.percent(e.value)} {what} ({words.interval(e)})")
    if not said:
        return "Who applied and who moved is hidden: too few people."
    n = next(e.n for e in published.estimates if e.metric in ("application_rate", "move_rate"))
    text = f"Of {_people(published, n)} placed at the start, {words.listing(said)}."
    for what in ("moved", "applied"):
        if _is_known(published, "move_ratio", what):
            return f"{text} {_ratio_said(published, what)}"
    return f"{text} Too few did to say whether they went where they were ready."


def _ratio_said(published: Published, what: str) -> str:
    e = published.estimate("move_ratio", what)
    times = f"{words.number(round(e.value, 2))} times as often"
    ends = f"95 % interval {words.number(round(e.low, 2))} to {words.number(round(e.high, 2))}"
    verdict = ""
    if e.low <= 1 <= e.high:
        verdict = ": no difference beyond chance"
    done = _DONE[what]
    return (
        f"They {done} roles that they were ready for {times} as roles that they were not ready "
        f"for ({ends}){verdict}."
    )


def selection(published: Published, *_: Published) -> str:
    """Warn where a group is chosen less than four fifths as often."""
    if published.is_empty:
        return f"Selection rates cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    beyond = [r for r in rows if r["standing"] == "beyond chance" and _is_number(r["ratio"])]
    below = [r for r in rows if r["standing"] == "below" and _is_number(r["ratio"])]
    unknown = [str(r["group"]) for r in rows if r["standing"] == "not known"]
    top = next((str(r["group"]) for r in rows if r["standing"] == "most"), "")
    if not top:
        return (
            "Whether groups are chosen alike is not known: too few applicants in all groups but "
            "one, or too few who were chosen."
        )
    tail = f" Not known, for too few: {words.listing(unknown)}." if unknown else ""
    if beyond:
        each = [_warned(r) for r in beyond]
        return (
            f"A warning, no proof: applicants of {top} are chosen most, and "
            f"{words.listing(each)}: below four fifths, by more than chance.{tail}"
        )
    if below:
        each = [_warned(r) for r in below]
        return (
            f"Below four fifths of the rate of {top}, though chance could do it: "
            f"{words.listing(each)}.{tail}"
        )
    return (
        f"No group with enough applicants is chosen less than four fifths as often as {top}.{tail}"
    )


def _warned(row: Mapping[Any, Any]) -> str:
    ends = ""
    if _is_number(row["ratio_low"]):
        ends = f", 95 % interval {_two(row['ratio_low'])} to {_two(row['ratio_high'])}"
    same = ""
    if _is_number(row["same_roles"]):
        same = f"; {_two(row['same_roles'])} within the same roles"
    return f"those of {row['group']} {_two(row['ratio'])} times as often ({ends[2:]}{same})"


# The headline -------------------------------------------------------------------------------


def headline(
    reach: Published,
    opens: Published,
    followed: Published,
    chosen: Published,
    agreed: Published,
) -> Headline:
    """Say where people can go, what opens more, and where selection must be looked at.

    Parameters
    ----------
    reach, opens, followed, chosen, agreed : Published
        The views ``reachable``, ``doors``, ``moves``, ``selection`` and ``agreement``.
    """
    return Headline(
        _title(reach, opens, chosen),
        _cards(reach, opens, followed, chosen),
        _decision(reach, opens, followed, chosen, agreed),
        _change_mind(reach, chosen, agreed),
    )


def _title(reach: Published, opens: Published, chosen: Published) -> str:
    rows = [] if reach.is_empty else _shown(reach, "readiness")
    if not rows:
        return f"Where people can grow is not known: {reach.missing or 'too few people'}"
    skill = _opener(opens)
    tail = f", and {skill} opens most of the others" if skill else ""
    has_people = reach.parameters.get("basis") == "people"
    is_of_one = bool(reach.parameters.get("from_role"))
    if _is_known(reach, "reachable_roles") and (has_people or not is_of_one):
        e = reach.estimate("reachable_roles")
        who = "People are" if has_people else "Someone at the targets of her role is"
        others = int(_number(reach.parameters.get("n_roles"))) - 1
        count = words.number(round(e.value) if others > _FEW_ROLES else round(e.value, 1))
        said = f"{who} ready for {count} of {words.number(others)} other roles on average"
    else:
        best = _best(reach, rows)
        said = (
            f"From {best['from']} the nearest step is {best['to']}, "
            f"{words.percent(best['readiness'])} of which is reached"
        )
    groups = _warned_groups(chosen)
    if groups:
        return f"{said}{tail}; selection must be looked at for {words.listing(groups)}"
    return f"{said}{tail}"


def _cards(
    reach: Published, opens: Published, followed: Published, chosen: Published
) -> tuple[Card, ...]:
    found = []
    if _is_known(reach, "reachable_roles"):
        what = "mean over people"
        if reach.parameters.get("basis") != "people":
            what = "from this role" if reach.parameters.get("from_role") else "mean over roles"
        found.append(Card.of(reach.estimate("reachable_roles"), f"within reach, {what}"))
    if _opener(opens) and _is_known(opens, "door_gain", _opener(opens)):
        e = opens.estimate("door_gain", _opener(opens))
        who = "a person" if opens.parameters.get("basis") == "people" else "a role"
        found.append(Card.of(e, f"more {who} through {e.label}"))
    if _is_known(followed, "move_rate"):
        found.append(Card.of(followed.estimate("move_rate"), "moved to another role"))
    elif _is_known(followed, "application_rate"):
        found.append(Card.of(followed.estimate("application_rate"), "applied for another role"))
    if _is_known(chosen, "selection_ratio"):
        e = chosen.estimate("selection_ratio")
        found.append(Card.of(e, f"selection rate, {e.label}"))
    return tuple(found)


def _decision(
    reach: Published, opens: Published, followed: Published, chosen: Published, agreed: Published
) -> str:
    rows = [] if reach.is_empty else _shown(reach, "readiness")
    said = []
    limit = _number(reach.parameters.get("ready_at")) if not reach.is_empty else math.nan
    there = [r for r in rows if float(r["readiness"]) >= limit]
    if not reach.is_empty and reach.parameters.get("basis") == "people":
        there.sort(key=lambda r: -float(r["readiness"]))
    is_named = bool(rows) and bool(reach.parameters.get("from_role"))
    if rows and reach.parameters.get("basis") != "people" and not is_named:
        said.append(
            "Name a role of yours to come from (from_role) and run this again: it then says which "
            "moves to open."
        )
    elif there:
        pairs = [f"{r['from']} to {r['to']}" for r in there[:2]]
        said.append(f"Open the moves from {words.listing(pairs)} within a quarter.")
    elif rows:
        said.append("Open no move yet: no role shown here is within reach.")
    if _opener(opens):
        said.append(f"Teach {_opener(opens)} first where more roles are wanted.")
    groups = _warned_groups(chosen)
    if groups:
        said.append(
            f"Within four weeks read, role by role, how applicants of {words.listing(groups)} were "
            "judged; the numbers say where to look, not what happened."
        )
    if not rows:
        said.insert(
            0,
            "Decide no moves yet: state what roles ask for, or read it from O*NET, and have "
            "managers rate a sample of people within four weeks; then run this again.",
        )
    elif reach.parameters.get("basis") != "people":
        said.append("It is about roles, not about your people: rate a sample before you promise.")
    elif not followed.is_empty and _not_better(followed):
        said.append("Ask those who are ready why they do not apply: readiness alone moves nobody.")
    if not agreed.is_empty and _is_unsure(agreed):
        said.append("Have someone who knows the jobs read the pairs first.")
    return " ".join(said)


def _change_mind(reach: Published, chosen: Published, agreed: Published) -> str:
    said = []
    rows = [] if reach.is_empty else _shown(reach, "readiness")
    if rows and reach.parameters.get("basis") == "people":
        said.append("People who moved and are rated short of the new role a year later.")
    elif rows:
        said.append("Ratings of your own people that differ from what their roles ask for.")
    else:
        said.append("Profiles of roles, and ratings by others than the people themselves.")
    if _warned_groups(chosen):
        said.append("The same rates among equally ready applicants for the same role.")
    elif chosen.is_empty:
        said.append("Applications with their results.")
    else:
        below = [
            str(r["group"]) for r in chosen.frame.to_dict("records")
            if r["standing"] == "below" and _is_number(r["ratio"])
        ]  # fmt: skip
        if below:
            said.append(
                f"More applications of {words.listing(below)}: fewer than four fifths as many are "
                "chosen, and chance could do it."
            )
    return " ".join(said)


# Shared -------------------------------------------------------------------------------------


def _warned_groups(chosen: Published) -> list[str]:
    if chosen.is_empty:
        return []
    return [
        str(r["group"]) for r in chosen.frame.to_dict("records")
        if r["standing"] == "beyond chance" and _is_number(r["ratio"])
    ]  # fmt: skip


def _opener(opens: Published) -> str:
    rows = [] if opens.is_empty else _shown(opens, "gain")
    return str(rows[0]["skill"]) if rows and float(rows[0]["gain"]) > 0 else ""


def _not_better(followed: Published) -> bool:
    if not _is_known(followed, "move_ratio", "applied"):
        return False
    return followed.estimate("move_ratio", "applied").low <= 1


def _is_unsure(agreed: Published) -> bool:
    rows = [r for r in _shown(agreed, "low") if r["likeness"] == "nearness" and r["tier"] == "any"]
    return bool(rows) and float(rows[0]["low"]) <= 0.5


def _over(published: Published) -> str:
    return "" if published.parameters.get("is_of_one_role") else ", on average over roles"


def _best(published: Published, rows: list[dict[Any, Any]]) -> dict[Any, Any]:
    """Return the readiest pair of people; of roles the first, which is the nearest in reach."""
    if published.parameters.get("basis") != "people":
        return rows[0]
    return max(rows, key=lambda r: float(r["readiness"]))


def _top(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Return the skills that cannot be told from the first by their intervals, three at most."""
    first = rows[0]
    if not _is_number(first["low"]):
        return rows[:1]
    same = [r for r in rows if _is_number(r["high"]) and float(r["high"]) >= float(first["low"])]
    return (same or [first])[:_NAMED]


def _shown(published: Published, column: str) -> list[dict[Any, Any]]:
    return [r for r in published.frame.to_dict("records") if _is_number(r[column])]


def _is_number(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _is_known(published: Published, metric: str, label: str | None = None) -> bool:
    return published.has(metric, label) and published.estimate(metric, label).is_known


def _people(published: Published, n: float) -> str:
    return words.persons(n, exact=published.rules.public)


def _points(value: Any) -> str:
    x = 100 * float(value)
    return words.number(round(x) if abs(x) >= 10 else round(x, 1))


def _percents(row: Mapping[Any, Any]) -> str:
    if not (_is_number(row["low"]) and _is_number(row["high"])):
        return "no interval"
    low, high = (round(100 * float(row[end])) for end in ("low", "high"))
    return f"95 % interval {low} to {high} %"


def _gain(value: Any, times: int) -> str:
    x = times * float(value)
    return words.number(round(x) if abs(x) >= 10 else round(x, 1))


def _gain_ends(row: Mapping[Any, Any], times: int) -> str:
    if not _is_number(row["low"]):
        return "no interval"
    return f"95 % interval {_gain(row['low'], times)} to {_gain(row['high'], times)}"


def _roles(e: Estimate) -> str:
    if math.isnan(e.low):
        return "no interval"
    low, high = (words.number(round(end, 2)) for end in (e.low, e.high))
    return f"95 % interval {low} to {high}"


def _two(value: Any) -> str:
    x = float(value)
    return "no end" if math.isinf(x) else words.number(round(x, 2))
