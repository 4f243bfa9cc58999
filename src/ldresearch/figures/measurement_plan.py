"""Draw what would be seen by how many people, by which metric, and in which roll-out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.vocabulary import metrics
from ldresearch.wording import fixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WAYS: Final = {"persons": "by person", "adjusted": "adjusted", "groups": "by group"}
COLOURS: Final = {"persons": "main", "adjusted": "third", "groups": "second"}
DESIGNS: Final = {
    "parallel": "some groups, not others", "stepped_wedge": "one after another",
    "hold_out": "all but a few",
}  # fmt: skip


def curve(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the smallest effect found by the number of people, with the one that matters."""
    frame, p = published.frame, published.parameters
    ax = style.axes(ax, height=2.8)
    if not len(frame):
        return ax
    is_share = p.get("unit") == "share"
    scale = 100.0 if is_share else 1.0
    ends: list[tuple[Any, Any, object, str]] = []
    for way, rows in frame.groupby("way", sort=False):
        colour = COLOURS.get(str(way), "context")
        y = [scale * v for v in style.floats(rows["mde"])]
        style.line(ax, list(rows["n_total"]), y, colour)
        ends.append((rows["n_total"].iloc[-1], y[-1], WAYS.get(str(way), way), colour))
    effect = p.get("minimum_effect")
    shown = [v for v in style.floats(frame["mde"]) * scale if math.isfinite(v)]
    ax.set_xlim(0, float(frame["n_total"].max()))
    if effect is not None:
        ax.axhline(scale * float(effect), color=style.PALETTE["accent"], linewidth=0.9,
                   linestyle=style.LINES["accent"], zorder=1)  # fmt: skip
        _note(ax, (0.0, scale * float(effect)), "what matters", "accent", ha="left")
    ax.set_ylim(0, max([*shown, scale * float(effect or 0)], default=1.0) * 1.05)
    there = float(p["there"] or 0)
    ax.axvline(there, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    ax.annotate("there are", (there, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", va="bottom", size=style.FONT - 1,
                color=style.PALETTE["context"])  # fmt: skip
    style.number_axis(ax.yaxis)
    style.number_axis(ax.xaxis)
    unit = "points" if is_share else str(p.get("unit") or "")
    ax.set_ylabel(f"smallest change found, {unit}")
    ax.set_xlabel("people in both arms")
    style.label_ends(ax, ends)
    return ax


def _note(ax: Axes, at: tuple[float, float], said: str, colour: str, *, ha: str) -> None:
    ax.annotate(said, at, xytext=(4, 2), textcoords="offset points", ha=ha, va="bottom",
                size=style.FONT - 1, color=style.PALETTE[colour])  # fmt: skip


def scorecard(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the smallest change each metric would show, over its baseline."""
    known = [r for r in published.frame.to_dict("records") if _shown(r["relative"])]
    primary = published.parameters.get("primary")
    most = 1.0
    ax = style.bars(
        ax,
        [metrics()[str(r["metric"])].label for r in known],
        [min(float(r["relative"]), most) for r in known],
        says=[_said(float(r["relative"]), most) for r in known],
        colours=["main" if r["metric"] == primary else "context" for r in known],
    )
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("smallest change that would be seen, of the baseline")
    return ax


def _said(relative: float, most: float) -> str:
    return f"{fixed(100 * relative)} %" if relative <= most else "more than all of it"


def designs(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how often each roll-out finds the effect, with its interval."""
    rows = published.frame.to_dict("records")
    planned = published.parameters.get("planned")
    ax = style.forest(
        ax,
        [DESIGNS.get(str(r["design"]), r["design"]) for r in rows],
        *([r[column] for r in rows] for column in ("power", "low", "high")),
        colours=["main" if r["design"] == planned else "context" for r in rows],
        reference=0.8,
    )
    style.percent_axis(ax.xaxis, whole=True)
    ax.set_xlabel("tries in which the effect is found (line: 80 %)")
    return ax


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
