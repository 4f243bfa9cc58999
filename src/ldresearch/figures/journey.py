"""Draw the way of a learner: its steps, how long they take, and what people take on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS: Final = {
    "eligible": "eligible", "informed": "written to", "activated": "first value",
    "stayed": "still there later", "passed_on": "passed something on",
    "gained": "gained skill or role", "uninformed": "began unwritten-to",
}  # fmt: skip
_TIMES: Final = {
    "activated": "first value", "again": "again", "passed_on": "passed on", "gained": "gained",
}  # fmt: skip
_POINTS: Final = 80
"""Most points of a curve: about one to five days of a year."""

KINDS: Final = {
    "course": "main", "video": "second", "article": "third", "book": "fourth",
    "assessment": "fifth",
}  # fmt: skip
"""Kinds of content that have a colour of their own; all others are context."""


def funnel(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of each step with its interval, in the order of the way."""
    rows = [r for r in published.frame.to_dict("records") if r["step"] != "eligible"]
    weakest = published.parameters.get("weakest")
    ax = style.forest(
        ax, [_STEPS.get(str(r["step"]), str(r["step"])) for r in rows],
        [r["share"] for r in rows], [r["low"] for r in rows], [r["high"] for r in rows],
        colours=[_colour(str(r["step"]), weakest) for r in rows],
    )  # fmt: skip
    style.percent_axis(ax.xaxis, whole=True)
    ax.set_xlabel("of those the step is counted among")
    return ax


def _colour(step: str, weakest: object) -> str:
    return "accent" if step == weakest else "context" if step == "uninformed" else "main"


def step_times(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share that has taken each step, by days since the step before."""
    frame, ax = published.frame, style.axes(ax)
    exact = published.rules.public
    ends: list[tuple[Any, Any, object, str]] = []
    for i, step in enumerate(dict.fromkeys(frame["group"])):
        part = _thinned(frame[frame["group"] == step])
        colour = style.series(i)
        time = part["time"].tolist()
        style.band(ax, time, list(part["low"]), list(part["high"]), colour, step=exact)
        style.line(ax, time, list(part["taken"]), colour, step=exact)
        ends.append((time[-1], part["taken"].iloc[-1], _TIMES.get(str(step), str(step)), colour))
    style.percent_axis(ax.yaxis, whole=True)
    ax.set_xlim(left=0)
    ax.set_xlabel("days since the step before")
    ax.set_ylabel("people who have taken it")
    style.label_ends(ax, ends)
    return ax


def _thinned(part: Any) -> Any:
    """Keep so many points of a long curve, evenly spaced, the first and the last among them."""
    every = max(-(-len(part) // _POINTS), 1)
    rows = sorted({*range(0, len(part), every), len(part) - 1})
    return part.iloc[rows]


def paths(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each path as a row of boxes, a box a kind, with the share of people behind it."""
    rows = published.frame.to_dict("records")
    steps = [_boxes(str(r["path"])) for r in rows]
    wide = max(len(boxes) for boxes in steps)
    ax = style.axes(ax, height=max(len(rows), 2) * 0.3 + 0.1)
    ax.grid(False)
    for y, (row, boxes) in enumerate(zip(rows, steps, strict=True)):
        for x, kind in enumerate(boxes):
            _box(ax, x, y, kind, is_other=len(boxes) == 1 and kind not in KINDS)
        share = row["share"]
        is_hidden = share is None or math.isnan(float(share))
        said = "hidden" if is_hidden else percent(share)
        ax.annotate(said, (wide, y), xytext=(4, 0), textcoords="offset points", va="center",
                    ha="left", size=style.FONT, color=style.PALETTE["ink"],
                    annotation_clip=False)  # fmt: skip
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.xaxis.tick_top()
    ax.set_xticks([i + 0.5 for i in range(wide)], [_place(i) for i in range(wide)])
    ax.set_xlim(0, wide)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    return ax


def _place(i: int) -> str:
    return ("first", "then", "then")[min(i, 2)]


def _boxes(path: str) -> list[str]:
    return path.split(" > ")


def _box(ax: Axes, x: int, y: int, kind: str, *, is_other: bool) -> None:
    from matplotlib.patches import Rectangle

    colour = style.PALETTE[KINDS.get(kind, "context")]
    ax.add_patch(
        Rectangle((x + 0.03, y - 0.4), 0.94, 0.8, facecolor=colour, linewidth=0,
                  alpha=0.08 if is_other else 0.18)
    )  # fmt: skip
    ax.annotate(style.text(kind, 18), (x + 0.5, y), ha="center", va="center", size=style.FONT,
                color=style.PALETTE["ink"])  # fmt: skip
