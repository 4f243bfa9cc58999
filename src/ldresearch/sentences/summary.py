"""Say the five sentences that matter, each from the report it stands in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline
from ldresearch.vocabulary import Grade
from ldresearch.wording import Link

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "fresh": {
        "title": "Every report is fresh",
        "passed": "No report is stale.",
        "not passed": (
            "Stale reports: {value}. Their numbers are those of their date; run them again before "
            "this is read as today."
        ),
        "not known": "There is no report yet.",
    },
    "ran": {
        "title": "Every report ran",
        "passed": "No run failed.",
        "not passed": (
            "Reports whose latest run failed: {value}. What is told of them here is what they said "
            "before."
        ),
        "not known": "There is no report yet.",
    },
    "checks": {
        "title": "The reports passed their own checks",
        "passed": "Every check of every report passed, or could not be made.",
        "not passed": (
            "Reports with a check that is not passed: {value}. Look at it there before a sentence "
            "from it is acted on."
        ),
        "not known": "There is no report yet.",
    },
    "ideas": {
        "title": "Each of the five ideas has a report",
        "passed": "All {value} ideas have a report.",
        "not passed": (
            "Ideas with a report: {value} of {threshold}. A summary that is silent on an idea says "
            "nothing about it, neither good nor bad."
        ),
        "not known": "There is no report yet.",
    },
}
"""Check id to its title and the sentence for each status."""

IDEAS: Final = {
    "adoption": ("Adoption", "how many have started"),
    "engagement": ("Engagement", "whether they stay"),
    "skills": ("Skills", "what people can do"),
    "voice": ("Voice", "what they say"),
    "worth": ("Worth", "whether it pays"),
}
_STATES: Final = {
    "failed": "its latest run failed", "stale": "stale: run it again", "fresh": "",
    "complete": "complete: its plan asks for no later run",
}  # fmt: skip


# The five -----------------------------------------------------------------------------------


def first(published: Published, *_: Published) -> str:
    """Say what matters most."""
    return _told(published, 0)


def second(published: Published, *_: Published) -> str:
    """Say what matters second."""
    return _told(published, 1)


def third(published: Published, *_: Published) -> str:
    """Say what matters third."""
    return _told(published, 2)


def fourth(published: Published, *_: Published) -> str:
    """Say what matters fourth."""
    return _told(published, 3)


def fifth(published: Published, *_: Published) -> str:
    """Say what matters fifth."""
    return _told(published, 4)


def _told(published: Published, place: int) -> str:
    if published.is_empty:
        if place:
            return f"{list(IDEAS.values())[place][0]}: nothing yet."
        return f"There is nothing to sum up: {published.missing}. {_what_to_run(published)}"
    rows = published.frame.to_dict("records")
    row = rows[place]
    idea, asks = IDEAS[str(row["idea"])]
    if not row["report"]:
        return f"{idea}: no report tells yet {asks}. {_what_to_run(published)}"
    said = [f"{idea}: {_number(row)}", _since(row)]
    if row["verdict"]:
        said.append(_verdict(row))
    said.append(f"Report: {_name(row)}, as of {words.date(str(row['as_of']))}{_state(row)}.")
    rest = " ".join(f"{one.rstrip('.')}." for one in said if one)
    return Link.to(str(row["report"]), str(row["as_of"]), str(row["title"]), rest)


def _what_to_run(published: Published) -> str:
    as_of = published.parameters.get("as_of")
    return (
        "Run the others first (the table below names them): "
        f"ldresearch run all --data DATASET --as-of {as_of}."
    )


def _now(row: Mapping[Any, Any]) -> Estimate:
    return _estimate(row, "")


def _estimate(row: Mapping[Any, Any], which: str) -> Estimate:
    value, low, high = (_float(row[f"{which}{end}"]) for end in ("value", "low", "high"))
    n = row["n"]
    return Estimate(str(row["metric"]), value, low, high, int(n or 0), str(row["unit"]),
                    Grade.DESCRIPTIVE)  # fmt: skip


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _number(row: Mapping[Any, Any]) -> str:
    now = _now(row)
    if not now.is_known:
        return "the number is hidden, too few people stand behind it"
    said = words.interval(now)
    text = f" {row['text']}" if row["text"] else ""
    return f"{words.estimate(now)}{text}" + (f" ({said})" if said else "")


def _since(row: Mapping[Any, Any]) -> str:
    """Say what changed since last time, as the report's own page would."""
    old = _estimate(row, "old_")
    if not row["old_as_of"]:
        return "There is no earlier run to compare with"
    when = words.date(str(row["old_as_of"]))
    if not old.is_known:
        return f"It was not told on {when}"
    said = words.change(_now(row), old)
    head, mark, rest = said.partition("; ") if "; " in said else said.partition(", ")
    return words.sentence(f"{head} since {when}{mark}{rest}")


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["old_verdict"] and row["old_verdict"] != row["verdict"]:
        return f"Its verdict is {row['verdict']}; it was {row['old_verdict']}"
    return f"Its verdict is {row['verdict']}"


def _name(row: Mapping[Any, Any]) -> str:
    return _report_name(str(row["report"]))


def _report_name(name: str) -> str:
    """Write a report's name as people say it.

    Examples
    --------
    >>> _report_name("30_engagement_survival"), _report_name("20_adoption--sales")
    ('engagement survival', 'adoption (sales)')
    """
    whole, _, part = re.sub(r"^\d+_", "", name).partition("--")
    said = whole.replace("_", " ")
    return f"{said} ({part.replace('--', ', ')})" if part else said


def _state(row: Mapping[Any, Any]) -> str:
    said = _STATES.get(str(row["state"]), "")
    return f" ({said})" if said else ""


# The shelf ----------------------------------------------------------------------------------


def shelf(published: Published, *_: Published) -> str:
    """Say how many reports there are and which need a hand."""
    if published.is_empty:
        return f"There are no reports: {published.missing}."
    rows = published.frame.to_dict("records")
    run = [r for r in rows if r["state"] != "not run"]
    said = f"{words.plural(len(run), 'report')} could be read"
    for state, told in (("failed", "failed when last run"), ("stale", "is stale")):
        names = [_report_name(str(r["report"])) for r in rows if r["state"] == state]
        if names:
            many = told.replace("is stale", "are stale") if len(names) > 1 else told
            said += f"; {words.listing(names)} {many}"
    absent = [_report_name(str(r["report"])) for r in rows if r["state"] == "not run"]
    if not absent:
        return f"{said}."
    commands = f"ldresearch run {absent[0].replace(' ', '_')} --data DATASET --as-of " + str(
        published.parameters.get("as_of")
    )
    return f"{said}. Not run: {words.listing(absent)}. For the first of them: {commands}."


# The headline -------------------------------------------------------------------------------


def headline(published: Published, shelved: Published) -> Headline:
    """Say what leads, up to four numbers, what to do and what would change our mind."""
    day = date.fromisoformat(str(published.parameters.get("as_of")))
    if published.is_empty:
        return Headline(
            title="There is nothing to sum up yet",
            decision=(
                f"Decide nothing from this page: {published.missing}. {_what_to_run(published)}"
            ),
            change_mind="The first report that is run.",
        )
    rows = published.frame.to_dict("records")
    told = [r for r in rows if r["report"]]
    cards = tuple(
        Card.of(_published(published, r), f"{r['text']} ({r['idea']})") for r in told
        if published.has(str(r["metric"]))
    )[:3]  # fmt: skip
    return Headline(
        title=_title(told), cards=cards, decision=_decision(told[0], day),
        change_mind=_change_mind(told, shelved),
    )  # fmt: skip


def _published(published: Published, row: Mapping[Any, Any]) -> Estimate:
    """Return the estimate of a row: of several of one metric, that with its value."""
    same = [e for e in published.estimates if e.metric == row["metric"]]
    return next((e for e in same if e.value == row["value"]), same[0])


def _title(told: list[dict[Any, Any]]) -> str:
    lead = told[0]
    title = str(lead["title"]).rstrip(".")
    if lead["why"] == "verdict" and lead["old_verdict"]:
        return f"The verdict changed to {lead['verdict']}: {title}"
    moved = [IDEAS[str(r["idea"])][0].lower() for r in told if r["why"] == "moved"]
    if moved:
        return f"Since last time {words.listing(moved)} moved beyond chance: {title}"
    if all(r["why"] == "new" for r in told):
        return title
    return f"Nothing moved beyond chance since last time: {title}"


def _decision(lead: Mapping[Any, Any], day: date) -> str:
    decision = str(lead["decision"])
    said = decision if decision else f"Read the report on {_name(lead)} first."
    again = words.date(day + timedelta(days=31))
    return f"{said} Look at all five again by {again}."


def _change_mind(told: list[dict[Any, Any]], shelved: Published) -> str:
    behind = [
        _report_name(str(r["report"]))
        for r in ([] if shelved.is_empty else shelved.frame.to_dict("records"))
        if r["state"] in ("failed", "stale")
    ]
    said = (
        "A larger change in another of the five: the order is by how far a number moved for its "
        "uncertainty, and most people are in both of two runs."
    )
    if behind:
        said += f" Not up to date: {words.listing(behind)}; run them again."
    if len(told) < len(IDEAS):
        silent = [name.lower() for key, (name, _) in IDEAS.items()
                  if key not in {str(r["idea"]) for r in told}]  # fmt: skip
        said += f" Nothing is known of {words.listing(silent, last='or')}."
    return said
