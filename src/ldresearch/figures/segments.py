"""Draw who the segments are, who of them is still active, who moves on, who responds."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ELSEWHERE: Final = "not counted"
"""Who was not eligible throughout a quarter; drawn in the colour of context."""

_HALF = 0.05
"""Half the width of a column of the figure of moves, in quarters."""
_BEND: Final = ((0.0, 0.0), (0.25, 0.08), (0.5, 0.5), (0.75, 0.92), (1.0, 1.0))
"""Course of the edge of a flow: share of the way across, share of the way up."""
_FADED = 0.35


def usage(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of the eligible in each segment."""
    return _bars(published, "segment", ax, "people who are eligible")


def rfm_groups(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw who is recent and frequent, one of both, or neither."""
    return _bars(published, "group", ax, "people who are eligible")


def _bars(published: Published, key: str, ax: Axes | None, label: str) -> Axes:
    frame = published.frame
    shares = style.floats(frame["share"])
    people = style.floats(frame["n_in"])
    said = [_bar_says(share, n) for share, n in zip(shares, people, strict=True)]
    ax = style.bars(ax, list(frame[key]), list(frame["share"]), says=said)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(label)
    return ax


def _bar_says(share: float, people: float) -> str:
    if not math.isfinite(share):
        return "hidden"
    return f"{percent(share)} ({number(people)})" if math.isfinite(people) else percent(share)


def foretold(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share that came with its interval, and what was foretold beside it."""
    frame = published.frame
    ax = style.forest(
        ax, list(frame["segment"]), list(frame["share"]), list(frame["low"]), list(frame["high"])
    )
    told = style.floats(frame["predicted"])
    ax.plot(told, np.arange(len(told)), "D", markersize=5, markerfacecolor="none",
            color=style.PALETTE["second"])  # fmt: skip
    style.percent_axis(ax.xaxis, whole=True)
    weeks = published.parameters.get("ahead_weeks")
    ax.set_xlabel(f"people with a day of value in {weeks} weeks: came ●, foretold ◇")
    return ax


def responses(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw what each segment did in each campaign, with its interval."""
    frame = published.frame
    several = frame["campaign"].nunique() > 1
    labels, values, lows, highs, colours = [], [], [], [], []
    for row in frame.to_dict("records"):
        labels.append(f"{row['segment']}, {_short(row['campaign'])}" if several else row["segment"])
        values.append(row["value"])
        lows.append(row["low"])
        highs.append(row["high"])
        colours.append("main" if row["kind"] == "difference" else "context")
    is_drawn = bool((frame["kind"] == "difference").any())
    ax = style.forest(
        ax, labels, values, lows, highs, colours=colours, reference=0.0 if is_drawn else None
    )
    _percent_both_ways(ax)
    ax.set_xlabel(_means(frame))
    return ax


def _means(frame: Any) -> str:
    kinds = set(frame["kind"])
    if kinds == {"difference"}:
        return "more who came than without the campaign, in points"
    if kinds == {"share"}:
        return "% of those addressed who came"
    return "points more than without it (blue), or % of those addressed (grey)"


def _short(name: object) -> str:
    said = " ".join(str(name).split())
    return said if len(said) <= 18 else said[:17].rstrip() + "…"


def _percent_both_ways(ax: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: number(round(100 * v, 6))))


# Moves --------------------------------------------------------------------------------------


def moves(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw a column a quarter, and between columns who went from where to where."""
    frame = published.frame
    ax = style.axes(ax, height=3.4)
    later = sorted(str(day)[:10] for day in frame["quarter_on"].unique())
    ranks = {name: i for i, name in enumerate(_names(published))}
    columns: list[dict[str, list[float]]] = [{} for _ in range(len(later) + 1)]
    for step, quarter in enumerate(later):
        part = frame[frame["quarter_on"].astype(str).str[:10] == quarter]
        sizes = style.floats(part["n_moved"])
        flows = [
            (str(row["start"]), str(row["end"]), size)
            for row, size in zip(part.to_dict("records"), sizes, strict=True)
            if math.isfinite(size) and size > 0
        ]
        for side, spot in ((0, step), (1, step + 1)):
            for flow in flows:
                columns[spot].setdefault(flow[side], [0.0, 0.0])[side] += flow[2]
        _flows(ax, flows, ranks, step)
    _columns(ax, columns, ranks)
    _frame(ax, published, later)
    return ax


def _names(published: Published) -> list[str]:
    found = [(k, v) for k, v in published.parameters.items() if k.startswith("segment_")]
    return [str(v) for _, v in sorted(found, key=lambda kv: int(kv[0].split("_")[1]))]


def _colour(name: str, ranks: dict[str, int]) -> str:
    return "context" if name == ELSEWHERE else style.series(ranks[name])


def _stacked(sizes: dict[str, float], ranks: dict[str, int]) -> dict[str, float]:
    """Return where each segment begins in a column, the first rule on top."""
    base, at = {}, 0.0
    for name in sorted(sizes, key=lambda n: -ranks[n]):
        base[name], at = at, at + sizes[name]
    return base


def _flows(ax: Axes, flows: list[tuple[str, str, float]], ranks: dict[str, int], step: int) -> None:
    """Draw the flows between two columns, those of one start as one shape."""
    out: dict[str, float] = {}
    into: dict[str, float] = {}
    for start, end, size in flows:
        out[start], into[end] = out.get(start, 0.0) + size, into.get(end, 0.0) + size
    at_start, at_end = _stacked(out, ranks), _stacked(into, ranks)
    boxes: dict[str, list[list[tuple[float, float]]]] = {}
    for start, end, size in sorted(flows, key=lambda f: (-ranks[f[0]], -ranks[f[1]])):
        a, b = at_start[start], at_end[end]
        at_start[start], at_end[end] = a + size, b + size
        edge = [(step + _HALF + u * (1 - 2 * _HALF), a + (b - a) * v) for u, v in _BEND]
        boxes.setdefault(start, []).append([*edge, *((x, y + size) for x, y in reversed(edge))])
    for start, shapes in boxes.items():
        _fill(ax, shapes, _colour(start, ranks), _FADED)


def _fill(
    ax: Axes, shapes: list[list[tuple[float, float]]], colour: str, alpha: float = 1.0
) -> None:
    """Fill polygons as one shape: a page holds many of them."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    paths = [Path([*points, points[0]], closed=True) for points in shapes]
    ax.add_patch(
        PathPatch(Path.make_compound_path(*paths), linewidth=0, alpha=alpha,
                  facecolor=style.PALETTE[colour])
    )  # fmt: skip


def _columns(ax: Axes, columns: list[dict[str, list[float]]], ranks: dict[str, int]) -> None:
    """Draw the columns over the flows, and name the segments at the last."""
    high = 0.0
    ends: list[tuple[Any, Any, object, str]] = []
    boxes: dict[str, list[list[tuple[float, float]]]] = {}
    for spot, column in enumerate(columns):
        sizes = {name: max(sides) for name, sides in column.items()}
        base = _stacked(sizes, ranks)
        for name, size in sizes.items():
            low, top, left, right = base[name], base[name] + size, spot - _HALF, spot + _HALF
            boxes.setdefault(_colour(name, ranks), []).append(
                [(left, low), (right, low), (right, top), (left, top)]
            )
            if spot == len(columns) - 1:
                ends.append((spot + _HALF, base[name] + size / 2, name, _colour(name, ranks)))
        high = max(high, sum(sizes.values()))
    for colour, shapes in boxes.items():
        _fill(ax, shapes, colour)
    ax.set_ylim(0, high * 1.01 or 1)
    ax.set_xlim(-_HALF, len(columns) - 1 + _HALF)
    style.label_ends(ax, ends)


def _frame(ax: Axes, published: Published, later: list[str]) -> None:
    names = [_quarter(_before(later[0])), *(_quarter(day) for day in later)]
    ax.set_xticks(range(len(names)), names)
    ax.grid(False)
    ax.set_ylabel("people")
    style.number_axis(ax.yaxis)
    under_way = str(published.parameters.get("under_way") or "")
    if under_way:
        ax.set_xlabel(f"quarter; {_quarter(under_way)} is not over and not shown")
    else:
        ax.set_xlabel("quarter")


def _quarter(day: str) -> str:
    at = date.fromisoformat(day)
    return f"Q{(at.month - 1) // 3 + 1} {at.year}"


def _before(day: str) -> str:
    at = date.fromisoformat(day)
    months = at.year * 12 + at.month - 1 - 3
    return date(months // 12, months % 12 + 1, 1).isoformat()
