"""Draw how the learner brand moved from quarter to quarter."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS: Final = {
    "voluntary": ("of their own accord", "main"), "again": ("came again", "third"),
    "passed_on": ("passed on", "second"),
}  # fmt: skip


def course(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each share with its interval, a point a quarter."""
    frame, ax = published.frame, style.axes(ax, height=2.8)
    quarters = sorted(set(frame["quarter_on"]))
    place = {day: i for i, day in enumerate(quarters)}
    ends: list[tuple[Any, Any, object, str]] = []
    for kind, (name, colour) in _KINDS.items():
        part = frame[frame["kind"] == kind].sort_values("quarter_on")
        if part.empty:
            continue
        at = [place[day] for day in part["quarter_on"]]
        style.band(ax, at, list(part["low"]), list(part["high"]), colour)
        style.line(ax, at, list(part["share"]), colour)
        ax.plot(at, style.floats(part["share"]), "o", color=style.PALETTE[colour], markersize=4)
        ends.append((at[-1], part["share"].iloc[-1], name, colour))
    ax.set_xlim(-0.1, max(len(quarters) - 1, 1))
    ax.set_xticks(range(len(quarters)), [_quarter(str(day)) for day in quarters])
    style.percent_axis(ax.yaxis, whole=True)
    ax.set_ylabel("people")
    ax.set_xlabel("quarter")
    style.label_ends(ax, ends)
    return ax


def _quarter(day: str) -> str:
    on = date.fromisoformat(day[:10])
    return f"{on.year} Q{(on.month + 2) // 3}"
