"""Tabulate what the adoption figures draw."""

from __future__ import annotations

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table

STEPS = {
    "employed": "employed",
    "informed": "were told of it",
    "access": "have access",
    "active": "have been active",
    "value": "got value",
}
WAYS = {
    "self_started": "on their own only",
    "both": "on their own and assigned",
    "assigned": "assigned only",
    "neither": "neither",
}
POINTS = 10
"""Rows of a long curve; its figure shows the rest."""
PARTS = {"seen": "seen", "incomplete": "week not over", "ahead": "expected"}


def reach(published: Published, *_: Published) -> Table:
    """Tabulate the funnel."""
    labels = {
        "step": "step", "n_reached": "people", "n": "of", "share": "share", "low": "from",
        "high": "to",
    }  # fmt: skip
    return tables.of(
        published, "How far people have come, with 95 % intervals", labels=labels,
        formats={"step": lambda cell: _named(STEPS, cell)},
    )  # fmt: skip


def ways(published: Published, *_: Published) -> Table:
    """Tabulate how people came to value."""
    labels = {"way": "how", "n_reached": "people", "n": "of", "low": "from", "high": "to"}
    return tables.of(
        published, "How people came to value: on their own, or because it was assigned",
        labels=labels, formats={"way": lambda cell: _named(WAYS, cell)},
    )  # fmt: skip


def speed(published: Published, *_: Published) -> Table:
    """Tabulate the curve of first value."""
    labels = {
        "time": "day", "incidence": "reached first value", "low": "from", "high": "to",
        "n": "still followed",
    }  # fmt: skip
    drop = [c.name for c in published.columns if c.name == "n_events"]
    return tables.of(published, "People who reached first value, by day", labels=labels,
                     drop=drop, most=POINTS)  # fmt: skip


def course(published: Published, *_: Published) -> Table:
    """Tabulate the share who have started, and what is expected."""
    if "adopters" in [c.name for c in published.columns]:
        return tables.of(
            published, "People who started, by period", labels={"adopters": "started"}, drop=["n"]
        )
    labels = {
        "part": "is", "n_started": "started", "share": "share", "expected": "Bass curve",
        "low": "from", "high": "to", "n": "people",
    }  # fmt: skip
    if "week_on" in [c.name for c in published.columns]:
        labels["week_on"] = "week of"
    return tables.of(
        published, "People who have started, at the end of the week", labels=labels,
        formats={"part": lambda cell: _named(PARTS, cell)}, most=POINTS,
    )  # fmt: skip


def active(published: Published, *_: Published) -> Table:
    """Tabulate weekly and monthly active people."""
    labels = {"day_on": "up to", "wau": "active in 7 days", "mau": "active in 28 days"}
    return tables.of(published, "Active people", labels=labels, most=POINTS)


def habit(published: Published, *_: Published) -> Table:
    """Tabulate the active people by the days they came."""
    labels = {"days": "days of the last 28"}
    return tables.of(published, "How often active people came", labels=labels)


def stickiness(published: Published, *_: Published) -> Table:
    """Tabulate daily, weekly and monthly active people and stickiness."""
    labels = {
        "period": "period", "dau": "on a working day", "wau": "in 7 days", "mau": "in 28 days",
        "low": "from", "high": "to",
    }  # fmt: skip
    return tables.of(published, "Active people and stickiness", labels=labels, drop=["n"])


def units(published: Published, *_: Published) -> Table:
    """Tabulate each group's share and where it stands."""
    labels = {
        "n_reached": "reached first value", "n": "followed", "share": "share (shrunk)",
        "low": "from", "high": "to", "standing": "stands",
    }  # fmt: skip
    return tables.of(published, "First value by group", labels=labels)


def waiting(published: Published, *_: Published) -> Table:
    """Tabulate who has not started yet."""
    labels = {"n_reached": "not started", "n": "people", "low": "from", "high": "to"}
    return tables.of(published, "People who have not started yet, by group", labels=labels)


def _named(names: dict[str, str], cell: Scalar) -> str:
    return names.get(str(cell), str(cell))
