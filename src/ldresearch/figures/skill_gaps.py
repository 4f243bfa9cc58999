"""Draw which skills fall short, who flatters whom, and what is rated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCES = {
    "any": "anyone",
    "review": "skill review",
    "certificate": "certificate",
    "manager": "manager",
    "peer": "peer",
    "inferred": "inferred from work",
    "self": "the person",
}
"""Sources of ratings as a row label."""

_ROWS = 15
_STANDING = {"above": "third", "below": "accent", "in line": "context"}


def coverage(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of required skills rated by each source."""
    rows = published.frame.to_dict("records")
    ax = style.bars(
        ax,
        [SOURCES.get(str(row["source"]), row["source"]) for row in rows],
        [row["share"] for row in rows],
        says=[percent(row["share"]) if _shown(row["share"]) else "hidden" for row in rows],
        colours=["main" if row["source"] == "any" else "context" for row in rows],
    )
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("required skills with a rating")
    return ax


def gaps(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the largest shortfalls with their intervals."""
    rows = published.frame.head(_ROWS).to_dict("records")
    ax = _points(ax, rows, "skill", "shortfall", ["main"] * len(rows))
    ax.set_xlabel("shortfall of those rated, points of 100")
    ax.set_xlim(left=0)
    return ax


def self_bias(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how far managers rate below the people themselves, by group."""
    rows = published.frame.to_dict("records")
    colours = [_STANDING.get(str(row["standing"]), "context") for row in rows]
    ax = _points(ax, rows, "group", "difference", colours, reference=0.0)
    ax.set_xlabel("manager's rating less own, points of 100")
    return ax


def _points(
    ax: Axes | None,
    rows: list[dict[Any, Any]],
    key: str,
    value: str,
    colours: list[str],
    reference: float | None = None,
) -> Axes:
    return style.forest(
        ax,
        [row[key] for row in rows],
        *([_hundred(row[column]) for row in rows] for column in (value, "low", "high")),
        colours=colours,
        reference=reference,
    )


def _hundred(cell: Any) -> float | None:
    return 100 * float(cell) if _shown(cell) else None


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
