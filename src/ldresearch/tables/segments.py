"""Tabulate what the figures of segments draw, and what they rest on."""

from __future__ import annotations

from datetime import date
from typing import Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import number, percent, points

OFFERS: Final = {
    "begin": "a reason to begin",
    "win_back": "win back: ask what would help",
    "carry": "leave alone; ask to bring others",
    "next": "the next step, within the week",
}
"""Offer of a segment in a few words."""

_FEATURES: Final = {
    "silent_days": "recency: days since value, at most",
    "active_weeks": "frequency: active weeks, at least",
    "minutes": "minutes of learning, at least",
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
    """Tabulate what people of each segment did, where they are, and what to offer them."""
    labels = {
        "weeks": "active weeks", "actions": "actions a week", "minutes": "minutes a week",
        "silent": "days since value (median)", "unit": "more of them in",
        "unit_share": "share there", "unit_elsewhere": "of all others",
    }  # fmt: skip
    return tables.of(
        published, "What they do, and what to offer", labels=labels,
        formats={"offer": lambda cell: OFFERS.get(str(cell), str(cell))},
    )  # fmt: skip


def rfm(published: Published, *_: Published) -> Table:
    """Tabulate with how much one has each score."""
    labels = {"feature": "of", "begins": "begins with"}
    return tables.of(
        published, "Scores: each says that at least so many fifths did less", labels=labels,
        formats={"feature": lambda cell: _FEATURES.get(str(cell), str(cell))},
    )  # fmt: skip


def rfm_groups(published: Published, *_: Published) -> Table:
    """Tabulate who is recent and frequent."""
    labels = {"n_in": "in it", "n": "eligible", **_ENDS}
    return tables.of(published, "People by recency and frequency", labels=labels)


def behaviour(published: Published, *_: Published) -> Table:
    """Tabulate how each way of learning differs from the others."""
    labels = {"segment": "way", "feature": "of", "mean": "theirs", "others": "of all others",
              "jaccard": "found again"}  # fmt: skip
    return tables.of(
        published, "Ways of learning; found again: 1 is always, under 0.6 is chance", labels=labels,
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
        formats=dict.fromkeys(("low", "high"), _percent),
    )  # fmt: skip


def foretold(published: Published, *_: Published) -> Table:
    """Tabulate what was foretold beside what came."""
    labels = {"n_came": "came", "share": "share", **_ENDS, "predicted": "foretold"}
    return tables.of(
        published, "Foretold and come", labels=labels,
        formats=dict.fromkeys(("predicted",), _percent),
    )  # fmt: skip


def moves(published: Published, *_: Published) -> Table:
    """Tabulate who went from where to where, the latest quarter only where there are many."""
    labels = {"quarter_on": "to", "start": "was", "end": "is", "n_moved": "people",
              "n": "of those who were", "share": "share"}  # fmt: skip
    return tables.of(
        published, "Moves from quarter to quarter", labels=labels,
        formats={"quarter_on": _quarter},
    )  # fmt: skip


def responses(published: Published, *_: Published) -> Table:
    """Tabulate what each segment did in each campaign."""
    kinds = {str(row[1]) for row in published.rows}
    of = _points if kinds == {"difference"} else _percent
    labels = {"kind": "is a", "differ": "segments differ", "value": "best guess", **_ENDS}
    return tables.of(
        published, "Responses by campaign and segment, drawn towards each other", labels=labels,
        formats=dict.fromkeys(("value", "low", "high"), of),
    )  # fmt: skip


def _percent(cell: Scalar) -> str:
    return percent(float(cell)) if isinstance(cell, int | float) else str(cell)


def _points(cell: Scalar) -> str:
    return points(float(cell)) if isinstance(cell, int | float) else number(None)


def _quarter(cell: Scalar) -> str:
    at = date.fromisoformat(str(cell)[:10])
    return f"Q{(at.month - 1) // 3 + 1} {at.year}"
