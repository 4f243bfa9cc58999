"""Draw what changed on each side, what it was worth, and what that hangs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDES = {"treated": "with it", "control": "without it", "everyone": "everyone"}
MONEY = {"benefit": "benefit", "cost": "cost", "net": "earned beyond its cost"}
INPUTS = {
    "effect": "effect on the result", "worth": "worth of one unit", "cost": "cost",
    "isolation": "share that is its own",
}  # fmt: skip

_COLOURS = {"treated": "main", "control": "context", "everyone": "main"}


def result(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each side before the launch and since, with the interval of what it is since."""
    ax = style.axes(ax, height=2.4)
    ends: list[tuple[Any, Any, object, str]] = []
    for row in published.frame.to_dict("records"):
        side = str(row["side"])
        colour = _COLOURS.get(side, "context")
        style.line(ax, [0, 1], [row["before"], row["after"]], colour)
        if _shown(row["low"]) and _shown(row["high"]):
            ax.plot([1, 1], [row["low"], row["high"]], color=style.PALETTE[colour],
                    linewidth=3.2, alpha=0.45, solid_capstyle="butt")  # fmt: skip
        ends.append((1.0, row["after"], SIDES.get(side, side), colour))
    ax.set_xlim(-0.08, 1.02)
    ax.set_xticks([0, 1], ["before the launch", "since"])
    style.number_axis(ax.yaxis, from_zero=False)
    name = str(published.parameters.get("outcome") or "result").replace("_", " ")
    ax.set_ylabel(f"{name}, mean a period")
    style.label_ends(ax, ends)
    return ax


def worth(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw benefit, cost and what is left, in money, with their intervals."""
    rows = [r for r in published.frame.to_dict("records") if r["figure"] in MONEY]
    ax = style.forest(
        ax,
        [MONEY[str(r["figure"])] for r in rows],
        *([r[c] for r in rows] for c in ("value", "low", "high")),
        colours=["main" if r["figure"] == "net" else "context" for r in rows],
        reference=0.0,
    )
    style.number_axis(ax.xaxis)
    ax.set_xlabel(str(published.parameters.get("currency") or "money"))
    return ax


def tornado(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how far each input moves what is earned, the strongest on top."""
    rows = published.frame.to_dict("records")
    base = published.parameters.get("base")
    middle = [base] * len(rows)
    lows = [min(r["low"], r["high"]) if _shown(r["low"]) else None for r in rows]
    highs = [max(r["low"], r["high"]) if _shown(r["low"]) else None for r in rows]
    ax = style.forest(
        ax, [INPUTS.get(str(r["input"]), r["input"]) for r in rows], middle, lows, highs,
        reference=0.0,
    )  # fmt: skip
    style.number_axis(ax.xaxis)
    currency = str(published.parameters.get("currency") or "money")
    ax.set_xlabel(f"earned beyond its cost, {currency}, at the low and the high of each")
    return ax


def _shown(cell: Any) -> bool:
    return cell is not None and cell == cell
