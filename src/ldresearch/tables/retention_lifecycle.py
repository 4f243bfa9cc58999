"""Tabulate what the figures of retention draw."""

from __future__ import annotations

import math
from typing import Any

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, in_for_out, number, percent, span

KINDS = {
    "recurring": "in that {period}",
    "unbounded": "in that {period} or later",
    "rolling": "in every {period} up to it",
}
MOVES = {"up": "moved up", "same": "stayed", "down": "moved down"}
PARTS = {"seen": "complete", "incomplete": "not over"}
POINTS = 8
"""Rows of a long course; its figure shows the rest."""

_ENDS = {"low": "from", "high": "to"}


def triangle(published: Published, *_: Published) -> Table:
    """Tabulate the triangle as it is drawn, each cell with its interval."""
    period = str(published.parameters.get("period"))
    kind = KINDS[str(published.parameters.get("kind"))].format(period=period)
    rows: dict[str, dict[int, dict[Any, Any]]] = {}
    for row in published.frame.to_dict("records"):
        name = span(str(row["cohort_on"]), str(row["until_on"]), period, short=True)
        rows.setdefault(name, {})[int(row["after"])] = row
    caption = f"% active {kind}, by {period}s since the first, with 95 % intervals"
    return _matrix(published, caption, "began", rows)


def pooled(published: Published, *_: Published) -> Table:
    """Tabulate the share of all cohorts, one row a kind, each cell with its interval."""
    period = str(published.parameters.get("period"))
    rows: dict[str, dict[int, dict[Any, Any]]] = {}
    for row in published.frame.to_dict("records"):
        name = KINDS[str(row["kind"])].format(period=period)
        rows.setdefault(name, {})[int(row["after"])] = row
    every = {n for own in rows.values() for n in own}
    shown = {n for n in every if n <= 3 or n in (6, 12) or n == max(every)}
    kept = {name: {n: r for n, r in own.items() if n in shown} for name, own in rows.items()}
    caption = f"% active of all cohorts, by {period}s since the first, with 95 % intervals"
    return _matrix(published, caption, "active", kept)


def _matrix(
    published: Published, caption: str, head: str, rows: dict[str, dict[int, dict[Any, Any]]]
) -> Table:
    """Lay shares out as they are drawn: a row a name, a column a number of periods."""
    columns = sorted({n for own in rows.values() for n in own})
    body = []
    for name, own in rows.items():
        first = own[min(own)]["n"]
        people = number(first) if _is_shown(first) else f"under {published.rules.k}"
        body.append((name, people, *(_cell(own.get(n)) for n in columns)))
    heads = [Col(head, is_header=True), Col("people", "right")]
    heads += [Col(f"{n}", "right") for n in columns]
    return Table(caption, tuple(heads), tuple(body))


def _cell(row: dict[Any, Any] | None) -> str:
    if row is None:
        return ""
    if not _is_shown(row["share"]):
        return HIDDEN
    share, low, high = (percent(row[c]).removesuffix(" %") for c in ("share", "low", "high"))
    return f"{share} ({low}–{high})"


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def lifecycle(published: Published, *_: Published) -> Table:
    """Tabulate the states of each period."""
    labels = {
        "period_on": f"{published.parameters.get('period')} from", "part": "is",
        "returning": "came again", "resurrected": "came back", "dormant": "fell silent",
        "n": "all of these",
    }  # fmt: skip
    return tables.of(published, "People by state", labels=labels,
                     formats={"part": lambda cell: PARTS.get(str(cell), str(cell))},
                     most=POINTS)  # fmt: skip


def quick(published: Published, *_: Published) -> Table:
    """Tabulate how many came in for each who fell silent."""
    labels = {
        "period_on": f"{published.parameters.get('period')} from", "n_in": "came in",
        "n": "came in or fell silent", "share": "in for each out", **_ENDS,
    }  # fmt: skip
    return tables.of(
        published, "People who began or came back, for each who fell silent", labels=labels,
        formats=dict.fromkeys(("share", "low", "high"), _ratio), most=POINTS,
    )  # fmt: skip


def _ratio(cell: Scalar) -> str:
    found = in_for_out(float(str(cell)))
    return "none fell silent" if math.isinf(found) else number(found, 2)


def ladder(published: Published, *_: Published) -> Table:
    """Tabulate how often active people came: a row a rung, now beside before."""
    rows = published.frame.to_dict("records")
    windows = [w for w in ("now", "before") if any(r["window"] == w for r in rows)]
    cells = {(r["window"], r["rung"]): _share_of(r, published.rules.k) for r in rows}
    body = [
        (str(rung), *(cells[window, rung] for window in windows))
        for rung in dict.fromkeys(r["rung"] for r in rows)
    ]
    unit = "28 days" if published.parameters.get("rungs") == "days" else "12 weeks"
    names = {"now": f"last {unit}", "before": f"{unit} before"}
    heads = [Col("came on", is_header=True), *(Col(names[w], "right") for w in windows)]
    return Table("How often active people came (people)", tuple(heads), tuple(body))


def _share_of(row: dict[Any, Any], k: int) -> str:
    if not _is_shown(row["share"]):
        return f"fewer than {k} people"
    return f"{percent(row['share'])} ({number(row['n'])})"


def moves(published: Published, *_: Published) -> Table:
    """Tabulate who moved up and down the ladder."""
    labels = {"move": "since the window before", "n_reached": "people", "n": "of", **_ENDS}
    return tables.of(published, "Moves on the ladder", labels=labels,
                     formats={"move": lambda cell: MOVES.get(str(cell), str(cell))})  # fmt: skip


def returns(published: Published, *_: Published) -> Table:
    """Tabulate who comes back after a silence."""
    labels = {"time": "days since", "incidence": "came back", "n": "still followed", **_ENDS}
    return tables.of(
        published, "People who came back, by days since they had been silent so long",
        labels=labels, drop=("n_events",), most=8,
    )  # fmt: skip
