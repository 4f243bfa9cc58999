"""Tabulate what the figures of the journey draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldresearch import journey_words as said
from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, percent, points

_ENDS: Final = {"low": "from", "high": "to"}
_MOST: Final = 6


def funnel(published: Published, *_: Published) -> Table:
    """Tabulate the steps of the way."""
    labels = {"step": "step", "n_reached": "people", "n": "of", "share": "share", **_ENDS}
    return tables.of(
        published, "The way, step by step", labels=labels,
        formats={"step": lambda cell: said.STEPS.get(str(cell), str(cell))},
    )  # fmt: skip


def drop_off(published: Published, *_: Published) -> Table:
    """Lay groups out by steps: the share, and the interval of its difference to everyone else."""
    rows = published.frame.to_dict("records")
    steps = list(dict.fromkeys(str(r["step"]) for r in rows))
    cells = {(str(r["group"]), str(r["step"])): _cell(r) for r in rows}
    groups = list(dict.fromkeys(group for group, _ in sorted(cells)))
    columns = (Col("group", is_header=True), *(Col(said.STEPS.get(s, s), "right") for s in steps))
    body = tuple((group, *(cells.get((group, s), "") for s in steps)) for group in groups)
    return Table(
        "Share of each group, and in brackets the interval of its difference to everyone else, "
        "in points", columns, body,
    )  # fmt: skip


def _cell(row: Mapping[Any, Any]) -> str:
    if row["share"] is None or row["difference"] is None:
        return HIDDEN
    low, high = (points(float(row[end])).split(" ")[0] for end in ("low", "high"))
    mark = "" if row["standing"] == "in line" else f", {row['standing']}"
    return f"{percent(row['share'])} ({low} to {high}{mark})"


def _points(cell: Scalar) -> str:
    return points(float(str(cell)))


def step_times(published: Published, *_: Published) -> Table:
    """Tabulate the share that had taken each step by the day."""
    labels = {
        "group": "step",
        "time": "day",
        "taken": "had taken it",
        "n": "still followed",
        **_ENDS,
    }
    return tables.of(
        published, "Share that had taken the step, by day", labels=labels, drop=("n_events",),
        formats={"group": lambda cell: said.TIMES.get(str(cell), str(cell))}, most=_MOST,
    )  # fmt: skip


def paths(published: Published, *_: Published) -> Table:
    """Tabulate the paths with the people on each."""
    labels = {"path": "kinds of content, in order", "n_reached": "people", "n": "of", **_ENDS}
    return tables.of(
        published, "People by path", labels=labels,
        formats={"path": lambda cell: str(cell).replace(" > ", " → ")},
    )  # fmt: skip


def beginnings(published: Published, *_: Published) -> Table:
    """Tabulate what was expected of held-out people, and what came."""
    labels = {"fifth": "expected to stay", "expected": "expected", "stayed": "stayed",
              "n": "people", **_ENDS}  # fmt: skip
    return tables.of(published, "People held out, by what was expected of them", labels=labels)


def habits(published: Published, *_: Published) -> Table:
    """Tabulate held-out people by what they did in their first week."""
    labels = {
        "behaviour": "in the first week", "n_reached": "of them stayed", "n": "did",
        "share": "stayed", "share_others": "of the others", "difference": "difference",
        "standing": "so", **_ENDS,
    }  # fmt: skip
    cuts = {str(r["behaviour"]): r["at_least"] for r in published.frame.to_dict("records")}
    formats = {"behaviour": lambda cell: said.behaviour(str(cell), cuts.get(str(cell)))}
    return tables.of(
        published, "People held out, by what they did in their first week", labels=labels,
        drop=("at_least",),
        formats=formats | dict.fromkeys(("difference", "low", "high"), _points),
    )  # fmt: skip
