"""Draw which roles are within reach and which skills open most of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS = 15
_DOORS = 12


def reachable(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw readiness for the roles that are nearest, with its interval and the threshold."""
    rows = published.frame.head(_ROWS).to_dict("records")
    limit = 100 * float(published.parameters["ready_at"] or 0)
    ax = style.forest(
        ax,
        [_pair(row) for row in rows],
        *([_hundred(row[column]) for row in rows] for column in ("readiness", "low", "high")),
        colours=["main" if _is_there(row, limit) else "context" for row in rows],
        reference=limit,
    )
    style.number_axis(ax.xaxis, from_zero=False)
    ax.set_xlabel(f"readiness, % of what the role asks for (line: within reach from {limit:g})")
    return ax


def doors(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how many roles each skill opens, with its interval."""
    rows = published.frame.head(_DOORS).to_dict("records")
    has_people = published.parameters.get("basis") == "people"
    times = 100 if has_people else 1
    ax = style.forest(
        ax,
        [row["skill"] for row in rows],
        *([_times(row[column], times) for row in rows] for column in ("gain", "low", "high")),
    )
    of = "for every 100 people" if has_people else "mean over roles"
    if published.parameters.get("is_of_one_role"):
        of = "from this role"
    ax.set_xlabel(f"more roles within reach, {of}")
    ax.set_xlim(left=0)
    return ax


def _pair(row: dict[Any, Any]) -> str:
    half = 16
    return f"{style.text(row['from'], half)} → {style.text(row['to'], half)}"


def _is_there(row: dict[Any, Any], limit: float) -> bool:
    value = _hundred(row["readiness"])
    return value is not None and value >= limit


def _hundred(cell: Any) -> float | None:
    return _times(cell, 100)


def _times(cell: Any, times: int) -> float | None:
    return times * float(cell) if cell is not None and cell == cell else None
