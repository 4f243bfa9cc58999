"""Tabulate the learner brand: a line a quarter, a line a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldresearch import tables
from ldresearch.result import Published
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, number, percent

KINDS: Final = {
    "voluntary": "of their own accord", "passed_on": "passed on", "again": "came again",
}  # fmt: skip
_ENDS: Final = {"low": "from", "high": "to"}


def course(published: Published, *_: Published) -> Table:
    """Tabulate the shares of every quarter."""
    labels = {
        "quarter_on": "quarter from", "kind": "share", "n_reached": "people", "n": "of", **_ENDS,
    }  # fmt: skip
    return tables.of(
        published, "People by quarter", labels=labels,
        formats={"kind": lambda cell: KINDS.get(str(cell), str(cell))},
    )  # fmt: skip


def groups(published: Published, *_: Published) -> Table:
    """Tabulate one line a group: each share now, and in brackets the quarter before."""
    rows = published.frame.to_dict("records")
    kinds = [kind for kind in KINDS if any(r["kind"] == kind for r in rows)]
    cells = {(r["group"], r["kind"], r["quarter"]): r for r in rows}
    columns = [Col("group", is_header=True), Col("people who learned", "right")]
    columns += [Col(KINDS[kind], "right") for kind in kinds]
    body = [
        (str(group), _people(cells.get((group, "voluntary", "now")), published),
         *(_line(cells, group, kind) for kind in kinds))
        for group in dict.fromkeys(r["group"] for r in rows)
    ]  # fmt: skip
    return Table("Last complete quarter, and in brackets the one before", tuple(columns),
                 tuple(body))  # fmt: skip


def _people(row: Mapping[Any, Any] | None, published: Published) -> str:
    if row is None:
        return "0"
    n = row["n"]
    return f"under {published.rules.k}" if n is None or n != n else number(int(n))


def _line(cells: Mapping[Any, Mapping[Any, Any]], group: Any, kind: str) -> str:
    now, before = (_share(cells.get((group, kind, when))) for when in ("now", "before"))
    return f"{now} ({before})"


def _share(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return "–"
    share = row["share"]
    return HIDDEN if share is None or share != share else percent(share)


def voice(published: Published, *_: Published) -> Table:
    """Tabulate the score of each quarter that was asked."""
    labels = {"quarter_on": "quarter from", "n": "answers", **_ENDS}
    return tables.of(
        published, "Net promoter score", labels=labels,
        formats={"group": lambda cell: str(cell) or "all"},
    )  # fmt: skip
