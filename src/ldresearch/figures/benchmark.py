"""Draw where a score stands among organisations, and how scores moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"lower": "context", "higher": "context", "within chance": "second", "": "context"}


def standing(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw every organisation's score in order, and the one that is compared among them."""
    ax = style.axes(ax, height=2.6)
    rows = [r for r in published.frame.to_dict("records") if _shown(r["score"])]
    for name in ("context", "second"):
        part = [r for r in rows if r["standing"] != "held"
                and _COLOURS.get(str(r["standing"]), "context") == name]  # fmt: skip
        ax.plot([r["score"] for r in part], [r["place"] for r in part], linestyle="none",
                marker="o", markersize=4, color=style.PALETTE[name])  # fmt: skip
    held = [r for r in rows if r["standing"] == "held"]
    for r in held:
        if published.has("benchmark_score"):
            e = published.estimate("benchmark_score")
            if e.low == e.low:
                ax.plot([e.low, e.high], [r["place"]] * 2, color=style.PALETTE["main"],
                        linewidth=1.6, solid_capstyle="butt")  # fmt: skip
        ax.plot([r["score"]], [r["place"]], marker="o", markersize=7, linestyle="none",
                color=style.PALETTE["main"])  # fmt: skip
        ax.annotate(
            style.text(r["organisation"]), (r["score"], r["place"]), xytext=(8, -3),
            textcoords="offset points", ha="left", va="top", size=style.FONT,
            color=style.PALETTE["main"],
        )  # fmt: skip
    ax.set_ylim(0, 104)
    style.number_axis(ax.xaxis, from_zero=False)
    style.number_axis(ax.yaxis)
    ax.set_xlabel("score, of 100 (brown: within chance of it)")
    ax.set_ylabel("organisations at or below, %")
    return ax


def trend(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the median and the middle half of all organisations, and the one compared."""
    from matplotlib.ticker import MaxNLocator

    ax = style.axes(ax, height=2.4)
    rows = published.frame.to_dict("records")
    every = [r for r in rows if r["series"] == "all"]
    mine = [r for r in rows if r["series"] != "all"]
    years = [r["year"] for r in every]
    style.band(ax, years, [r["lower"] for r in every], [r["upper"] for r in every], "context")
    style.line(ax, years, [r["value"] for r in every], "context")
    ends = [(years[-1], every[-1]["value"], "all, median", "context")] if every else []
    if mine:
        for r in mine:
            if _shown(r["lower"]):
                ax.plot([r["year"]] * 2, [r["lower"], r["upper"]], color=style.PALETTE["main"],
                        linewidth=1.6, solid_capstyle="butt")  # fmt: skip
        ax.plot([r["year"] for r in mine], style.floats([r["value"] for r in mine]), marker="o",
                markersize=5, color=style.PALETTE["main"], linewidth=1.2)  # fmt: skip
        ends.append((mine[-1]["year"], mine[-1]["value"], mine[-1]["series"], "main"))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    style.number_axis(ax.yaxis, from_zero=False)
    ax.set_ylabel("score, of 100")
    ax.set_xlabel("year of the survey (shaded: middle half of all)")
    style.label_ends(ax, ends)
    return ax


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
