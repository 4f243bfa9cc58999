"""Draw how good policies are, and what is won by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POLICIES: Final = {
    "today": "what people get today", "popular": "most popular",
    "popular_in_role": "most popular in the role", "item_knn": "taken together (item-kNN)",
    "ease": "learned from all (EASE)", "gap_aware": "EASE, then by skill gaps",
}  # fmt: skip
_COLOURS: Final = {"today": "second", "popular": "context", "popular_in_role": "context"}


def accuracy(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the recall of each policy with its interval; popular in role is the line."""
    rows = [r for r in published.frame.to_dict("records") if r["metric"] == "recall_at_k"]
    base = next((r["value"] for r in rows if r["policy"] == "popular_in_role"), None)
    ax = style.forest(
        ax,
        [POLICIES.get(str(r["policy"]), r["policy"]) for r in rows],
        *([r[c] for r in rows] for c in ("value", "low", "high")),
        colours=[_COLOURS.get(str(r["policy"]), "main") for r in rows],
        reference=float(base) if base is not None else None,
    )
    style.percent_axis(ax.xaxis)
    k = published.parameters.get("k")
    ax.set_xlabel(f"of what people took later, stood in the first {k}")
    return ax


def uplift(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw what is won by the share of people treated, against choosing at random."""
    rows = published.frame.to_dict("records")
    ax = style.axes(ax, height=2.6)
    share = [100 * float(r["share"]) for r in rows]
    gain, low, high, chance = (
        [100 * float(r[c]) if _shown(r[c]) else None for r in rows]
        for c in ("gain", "low", "high", "at_random")
    )
    style.band(ax, share, low, high, "main")
    style.line(ax, share, chance, "context")
    style.line(ax, share, gain, "main")
    ax.axhline(0, color=style.PALETTE["rule"], linewidth=0.8, zorder=1)
    ax.set_xlim(0, 100)
    style.number_axis(ax.yaxis)
    ax.set_xlabel("of 100 people, so many get personalised recommendations")
    ax.set_ylabel("people won, of 100")
    # Both lines end in the same place: they are named where they part.
    middle = len(rows) // 2
    if rows and _shown(gain[middle]) and _shown(chance[middle]):
        for y, said, colour, up in (
            (gain[middle], "those who gain most first", "main", 1),
            (chance[middle], "at random", "context", -1),
        ):
            ax.annotate(
                said, (share[middle], float(y or 0)), xytext=(4, 9 * up),
                textcoords="offset points", ha="left", va="center", size=style.FONT,
                color=style.PALETTE[colour],
            )  # fmt: skip
    return ax


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
