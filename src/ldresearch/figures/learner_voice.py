"""Draw who answers, how the score moved, what people want and what goes with recommending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import date

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STANDING = {"more": "third", "fewer": "accent", "in line": "context"}
_BY = ("activity", "level", "unit", "tenure")
_ROWS = 18


def response(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of each group that answered."""
    rows = published.frame.to_dict("records")
    waves = [r for r in rows if r["by"] == "wave"]
    parted = [r for by in _BY for r in rows if r["by"] == by][:_ROWS]
    whole = waves[-1:]
    shown = [*whole, *parted]
    ax = style.forest(
        ax,
        ["everyone" if r in whole else r["group"] for r in shown],
        *([r[c] for r in shown] for c in ("share", "low", "high")),
        colours=["main" if r in whole else _STANDING.get(str(r["standing"]), "context")
                 for r in shown],
        reference=whole[0]["share"] if whole and _shown(whole[0]["share"]) else None,
    )  # fmt: skip
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("answered, of those eligible")
    return ax


def nps(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the score wave by wave, weighted and as it came."""
    rows = published.frame.to_dict("records")
    ax = style.axes(ax, height=2.4)
    at = list(range(len(rows)))
    ax.axhline(0, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    is_weighted = bool(published.parameters.get("is_weighted"))
    for i, r in zip(at, rows, strict=True):
        if _shown(r["low"]) and _shown(r["high"]):
            ax.plot([i, i], [r["low"], r["high"]], color=style.PALETTE["main"], linewidth=1.6,
                    solid_capstyle="butt")  # fmt: skip
    ax.plot(at, style.floats([r["nps"] for r in rows]), color=style.PALETTE["main"], marker="o",
            markersize=5, linewidth=1.0, alpha=1.0)  # fmt: skip
    ends = [(at[-1], rows[-1]["nps"], "weighted" if is_weighted else "score", "main")]
    if is_weighted:
        ax.plot(at, style.floats([r["raw"] for r in rows]), color=style.PALETTE["context"],
                marker="x", markersize=5, linestyle="none")  # fmt: skip
        ends.append((at[-1], rows[-1]["raw"], "as answered", "context"))
    ax.set_xlim(-0.4, max(at) + 0.4)
    ax.set_xticks(at, [style.text(date(str(r["wave_on"]))) for r in rows])
    ax.margins(y=0.15)
    style.number_axis(ax.yaxis)
    ax.set_ylabel("net promoter score")
    ax.set_xlabel("survey that began on")
    style.label_ends(ax, ends)
    return ax


def kano(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw what each feature would add and what its absence would cost."""
    rows = published.frame.to_dict("records")
    ax = style.forest(
        ax,
        [r["item"] for r in rows],
        *([r[c] for r in rows] for c in ("better", "better_low", "better_high")),
        colours=["third"] * len(rows),
        reference=0.0,
    )
    for i, r in enumerate(rows):
        if _shown(r["worse"]) and _shown(r["worse_low"]):
            ax.plot([r["worse_low"], r["worse_high"]], [i, i], color=style.PALETTE["accent"],
                    linewidth=1.6, solid_capstyle="butt")  # fmt: skip
            ax.plot([r["worse"]], [i], color=style.PALETTE["accent"], marker="o", markersize=5,
                    linestyle="none")  # fmt: skip
    ax.set_xlim(-1.05, 1.05)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["100 %", "50 %", "0", "50 %", "100 %"])
    ax.set_xlabel("its absence would cost (red)   |   having it would add (green)")
    return ax


def drivers(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how much each statement goes with recommending."""
    rows = published.frame.to_dict("records")
    ax = style.forest(
        ax,
        [r["item"] for r in rows],
        *([r[c] for r in rows] for c in ("weight", "low", "high")),
        colours=["main" if r["standing"] == "told" else "context" for r in rows],
    )
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("share of what all statements explain (grey: may be chance)")
    return ax


def behaviour(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the days with value of promoters, passives and detractors."""
    rows = published.frame.to_dict("records")
    colours = {"promoters": "third", "passives": "context", "detractors": "accent"}
    ax = style.forest(
        ax,
        [r["group"] for r in rows],
        *([r[c] for r in rows] for c in ("mean", "low", "high")),
        colours=[colours.get(str(r["group"]), "context") for r in rows],
    )
    style.number_axis(ax.xaxis)
    ax.set_xlabel("days with value after the answer, mean a person")
    return ax


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
