"""Tabulate what the figures of segments draw, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import number, percent, points

OFFERS: Final = {
    "begin": "a reason to begin",
    "win_back": "win back: ask what would help",
    "carry": "leave alone; ask to bring others",
    "next": "the next step, within the week",
}
"""Offer of a segment in a few words."""

_FEATURES: Final = {
    "silent_days": "days since value, at most",
    "active_weeks": "active weeks, at least",
    "minutes": "minutes, at least",
}
_WAYS: Final = {
    "active_weeks": "active weeks",
    "days_a_week": "days in an active week",
    "actions_a_day": "actions a day",
    "minutes_a_day": "minutes a day",
    "value_share": "days with value, of active days",
    "social_share": "sharing, of actions",
    "search_share": "searching, of actions",
}
_ENDS: Final = {"low": "from", "high": "to"}


def usage(published: Published, *_: Published) -> Table:
    """Tabulate the segments with the rule of each."""
    labels = {"segment": "segment", "says": "rule", "n_in": "in it", "n": "eligible", **_ENDS}
    return tables.of(published, "People by segment; the first rule that fits", labels=labels)


def profiles(published: Published, *_: Published) -> Table:
    """Tabulate what people of each segment did, and what to offer them; where, sentences say."""
    labels = {
        "weeks": "active weeks", "actions": "actions a week", "minutes": "minutes a week",
        "silent": "days since value",
    }  # fmt: skip
    return tables.of(
        published, "What they do on average, and what to offer", labels=labels,
        drop=("unit", "unit_share", "unit_elsewhere"),
        formats={"offer": lambda cell: OFFERS.get(str(cell), str(cell)),
                 **dict.fromkeys(("weeks", "actions", "minutes", "silent"), _short)},
    )  # fmt: skip


def rfm(published: Published, *_: Published) -> Table:
    """Tabulate with how much one has each score, and how many have it."""
    cells: dict[str, dict[int, str]] = {}
    for row in published.frame.to_dict("records"):
        score = int(row["score"])
        cells.setdefault(str(row["feature"]), {})[score] = _score(published, row)
    body = [
        (_FEATURES.get(feature, feature), *(own.get(score, "") for score in range(1, 6)))
        for feature, own in cells.items()
    ]
    heads = [Col("score", is_header=True), *(Col(str(score), "right") for score in range(1, 6))]
    return Table("What a score begins with, and people who have it", tuple(heads), tuple(body))


def _score(published: Published, row: Mapping[Any, Any]) -> str:
    if not _is_shown(row["n"]):
        return f"under {published.rules.k} people"
    if not row["n"]:
        return "nobody"
    people = f"({number(row['n'])})"
    return f"{_short(row['begins'])} {people}" if _is_shown(row["begins"]) else f"the rest {people}"


def rfm_groups(published: Published, *_: Published) -> Table:
    """Tabulate who is recent and frequent."""
    labels = {"n_in": "in it", "n": "eligible", **_ENDS}
    return tables.of(published, "People by recency and frequency", labels=labels)


def behaviour(published: Published, *_: Published) -> Table:
    """Tabulate how each way of learning differs from the others."""
    labels = {"segment": "way", "feature": "of", "mean": "theirs", "others": "of all others",
              "jaccard": "found again"}  # fmt: skip
    caption = f"Ways of learning; found again: 1 is always, under {number(0.6)} is chance"
    return tables.of(
        published, caption, labels=labels,
        formats={"feature": lambda cell: _WAYS.get(str(cell), str(cell))},
    )  # fmt: skip


def alive(published: Published, *_: Published) -> Table:
    """Tabulate how many of each segment are still active, and what is expected of them."""
    weeks = published.parameters.get("ahead_weeks")
    labels = {
        "p_alive": "still active", **_ENDS, "comes": f"will come in {weeks} weeks",
        "days": "days of value a person",
    }  # fmt: skip
    return tables.of(
        published, "Who is still active, of those who have begun", labels=labels,
        formats={**dict.fromkeys(("low", "high"), _percent), "days": _short},
    )  # fmt: skip


def foretold(published: Published, *_: Published) -> Table:
    """Tabulate what was foretold beside what came."""
    labels = {"n_came": "came", "share": "share", **_ENDS, "predicted": "foretold"}
    return tables.of(
        published, "Foretold and come", labels=labels,
        formats=dict.fromkeys(("predicted",), _percent),
    )  # fmt: skip


def moves(published: Published, *_: Published) -> Table:
    """Tabulate who went from where to where by the last quarter that is over."""
    rows = published.frame.to_dict("records")
    last = max(str(row["quarter_on"]) for row in rows)
    rows = [row for row in rows if str(row["quarter_on"]) == last]
    starts = list(dict.fromkeys(str(row["start"]) for row in rows))
    ends = [name for name in starts if any(str(row["end"]) == name for row in rows)]
    ends += [e for e in dict.fromkeys(str(row["end"]) for row in rows) if e not in ends]
    found = {(str(row["start"]), str(row["end"])): row for row in rows}
    body = [
        (start, *(_move(published, found.get((start, end))) for end in ends)) for start in starts
    ]
    heads = [Col("was", is_header=True), *(Col(f"is {end}", "right") for end in ends)]
    caption = f"Where those of the quarter before are in {_quarter(last)}: people, and % of a row"
    return Table(caption, tuple(heads), tuple(body))


def _move(published: Published, row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return "0"
    if not _is_shown(row["n_moved"]):
        return f"under {published.rules.k}"
    people = number(row["n_moved"])
    return f"{people} ({percent(row['share'])})" if _is_shown(row["share"]) else people


def responses(published: Published, *_: Published) -> Table:
    """Tabulate what each segment did in each campaign."""
    kinds = {str(row[1]) for row in published.rows}
    of = _points if kinds == {"difference"} else _percent
    labels = {"kind": "is a", "differ": "segments differ", "value": "best guess", **_ENDS}
    return tables.of(
        published, "Responses by campaign and segment, drawn towards each other", labels=labels,
        formats=dict.fromkeys(("value", "low", "high"), of),
    )  # fmt: skip


def _short(cell: Scalar) -> str:
    return number(float(cell), 2) if isinstance(cell, int | float) else str(cell)


def _is_shown(value: Any) -> bool:
    return value is not None and value == value


def _percent(cell: Scalar) -> str:
    return percent(float(cell)) if isinstance(cell, int | float) else str(cell)


def _points(cell: Scalar) -> str:
    return points(float(cell)) if isinstance(cell, int | float) else number(None)


def _quarter(cell: Scalar) -> str:
    at = date.fromisoformat(str(cell)[:10])
    return f"Q{(at.month - 1) // 3 + 1} {at.year}"
