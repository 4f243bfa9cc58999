"""Tabulate where a score stands among organisations, and how scores moved."""

from __future__ import annotations

from collections.abc import Callable

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, NOT_KNOWN, fixed, number

_NEAR = 5
_STANDING = {
    "lower": "lower, more than chance", "higher": "higher, more than chance",
    "within chance": "within chance", "held": "compared", "": NOT_KNOWN,
}  # fmt: skip


def standing(published: Published, *_: Published) -> Table:
    """Tabulate the organisations nearest in score, and the lowest and highest."""
    caption = "Organisations nearest in score, with the lowest and the highest"
    rows = published.frame.to_dict("records")
    at = next((i for i, r in enumerate(rows) if r["standing"] == "held"), 0)
    kept = sorted({0, len(rows) - 1, *range(max(at - _NEAR, 0), min(at + _NEAR + 1, len(rows)))})
    columns = (Col("organisation", is_header=True), Col("score", "right"),
               Col("against the one compared"), Col("answers", "right"))  # fmt: skip
    if not rows:
        return Table(caption, columns, ())
    return Table(caption, columns, tuple(
        (
            str(rows[i]["organisation"]), _number(rows[i]["score"]),
            _STANDING.get(str(rows[i]["standing"]), ""), _count(rows[i]["n"]),
        )
        for i in kept
    ))  # fmt: skip


def trend(published: Published, *_: Published) -> Table:
    """Tabulate scores by year: the middle half of all, and the one compared."""
    labels = {
        "series": "who", "value": "score", "lower": "from", "upper": "to",
        "organisations": "organisations", "n": "answers",
    }  # fmt: skip
    formats: dict[str, Callable[[Scalar], str]] = {
        "series": lambda c: "all: median and quartiles" if c == "all" else str(c),
        "n": _count, "value": _number, "lower": _number, "upper": _number,
        "organisations": lambda c: number(float(c or 0)), "year": str,
    }  # fmt: skip
    return tables.of(
        published, "Scores by year", labels=labels, formats=formats if published.rows else None
    )


def _number(cell: Scalar) -> str:
    if cell is None or cell != cell:
        return HIDDEN
    return fixed(float(cell), 1)


def _count(cell: Scalar) -> str:
    if cell is None or cell != cell:
        return HIDDEN
    return number(float(cell)) if cell else "not published"
