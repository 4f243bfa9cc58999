"""Draw what is known of skills, where the gaps are, and what would close them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCES: Final = {
    "any": "anyone", "review": "skill review", "certificate": "certificate", "manager": "manager",
    "peer": "peer", "inferred": "inferred", "self": "the person",
}  # fmt: skip

_MOST: Final = 15
"""Skills that are drawn; the table beside the figure holds them all."""
_STANDING: Final = {"above": "accent", "below": "third", "in line": "context"}


def coverage(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of required skills rated by each source, and how much of it is fresh."""
    rows = published.frame.to_dict("records")
    ax = style.bars(
        ax,
        [SOURCES.get(str(row["source"]), row["source"]) for row in rows],
        [row["share"] for row in rows],
        says=[_covered(row) for row in rows],
        colours=["main" if row["source"] == "any" else "context" for row in rows],
    )
    style.percent_axis(ax.xaxis, whole=True)
    ax.set_xlabel("required skills with a rating")
    return ax


def _covered(row: dict[Any, Any]) -> str:
    if not _known(row["share"]):
        return "hidden"
    return f"{percent(row['share'])}, last half year {percent(row['new'])}"


def gaps(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each skill's shortfall with its interval, the largest in the colour of attention."""
    rows = published.frame.head(_MOST).to_dict("records")
    top = next((float(row["low"]) for row in rows if _known(row["low"])), 0.0)
    ax = style.forest(
        ax,
        [row["skill"] for row in rows],
        [_hundred(row["shortfall"]) for row in rows],
        [_hundred(row["low"]) for row in rows],
        [_hundred(row["high"]) for row in rows],
        # Those that cannot be told from the largest share its colour.
        colours=["accent" if _known(row["high"]) and row["high"] >= top else "main"
                 for row in rows],
    )  # fmt: skip
    style.number_axis(ax.xaxis)
    ax.set_xlabel("shortfall, points of 100 below the level asked for")
    return ax


def gap_map(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw shortfalls as a table of skills by groups: the darker, the larger."""
    frame = published.frame
    skills, groups = list(dict.fromkeys(frame["skill"])), sorted(set(frame["group"]))
    known = [float(v) for v in frame["shortfall"] if _known(v)]
    most = max(known, default=1.0) or 1.0
    ax = style.axes(ax, height=max(len(skills), 2) * 0.34 + 0.1)
    ax.grid(False)
    for row in frame.to_dict("records"):
        at, down = groups.index(row["group"]), skills.index(row["skill"])
        _cell(ax, row, at, down, most)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    longest = 14 if len(groups) <= 5 else 8
    ax.set_xticks([i + 0.5 for i in range(len(groups))], [style.text(g, longest) for g in groups])
    ax.set_yticks(range(len(skills)), [style.text(s, 30) for s in skills])
    ax.xaxis.tick_top()
    ax.set_xlim(0, max(len(groups), 1))
    ax.set_ylim(len(skills) - 0.5, -0.5)
    ax.set_xlabel("shortfall, points of 100; bold: more than elsewhere")
    return ax


def _cell(ax: Axes, row: dict[Any, Any], at: int, down: int, most: float) -> None:
    value = row["shortfall"]
    if _known(value):
        # Never so dark that letters on it cannot be read.
        shade = 0.04 + 0.3 * max(float(value), 0.0) / most
        ax.barh([down], [0.96], left=at + 0.02, height=0.9, color=style.PALETTE["main"],
                alpha=round(shade, 3), linewidth=0)  # fmt: skip
    is_above = row["standing"] == "above" and _known(value)
    ax.annotate(
        number(round(100 * float(value))) if _known(value) else "hidden",
        (at + 0.5, down), ha="center", va="center", size=style.FONT,
        color=style.PALETTE["ink"], weight="bold" if is_above else "normal",
    )  # fmt: skip


def readiness(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw by how much closing each skill would raise readiness."""
    rows = published.frame.head(10).to_dict("records")
    ax = style.forest(
        ax,
        [row["skill"] for row in rows],
        [_hundred(row["gain"]) for row in rows],
        [_hundred(row["low"]) for row in rows],
        [_hundred(row["high"]) for row in rows],
    )
    style.number_axis(ax.xaxis)
    ax.set_xlabel("readiness gained if everyone reached the target, percentage points")
    return ax


def self_bias(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw managers' ratings less people's own by group."""
    rows = published.frame.to_dict("records")
    ax = style.forest(
        ax,
        [row["group"] for row in rows],
        [_hundred(row["difference"]) for row in rows],
        [_hundred(row["low"]) for row in rows],
        [_hundred(row["high"]) for row in rows],
        colours=[_STANDING.get(str(row["standing"]), "context") for row in rows],
        reference=0.0,
    )
    style.number_axis(ax.xaxis)
    ax.set_xlabel("manager's rating less the person's own, points of 100")
    return ax


def _known(value: Any) -> bool:
    return value is not None and value == value


def _hundred(value: Any) -> float | None:
    return 100 * float(value) if _known(value) else None
