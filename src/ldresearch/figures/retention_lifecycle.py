"""Draw who stays, who falls silent, who comes back."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import in_for_out, number, percent, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS: Final = {
    "unbounded": ("then or later", "second"),
    "recurring": ("in that {period}", "main"),
    "rolling": ("in every {period}", "third"),
}
STATES: Final = {"returning": "main", "resurrected": "third", "new": "second"}
"""States above zero, from the axis upwards, with their colours."""

_NAMES: Final = {
    "returning": "came again", "resurrected": "came back", "new": "new", "dormant": "fell silent",
}  # fmt: skip
_PALEST, _DARKEST, _LEVELS = 0.05, 0.5, 6
_FRACTIONS: Final = {0.0625: "1/16", 0.125: "1/8", 0.25: "1/4", 0.5: "1/2", 1.0: "even 1"}


def triangle(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the cohorts as rows, the periods since the first as columns, a share in each cell."""
    rows = published.frame.to_dict("records")
    begins = list(dict.fromkeys(str(r["cohort_on"]) for r in rows))
    columns = sorted({int(r["after"]) for r in rows})
    ax = style.axes(ax, height=max(len(begins), 2) * 0.25 + 0.05)
    most = max((float(r["share"]) for r in rows if _is_shown(r["share"])), default=1.0) or 1.0
    levels: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        x, y = columns.index(int(row["after"])), begins.index(str(row["cohort_on"]))
        known = _is_shown(row["share"])
        if known:
            level = round(float(row["share"]) / most * _LEVELS)
            levels.setdefault(level, []).append((x, y))
        said = f"{round(100 * float(row['share']))}" if known else "–"
        ax.annotate(said, (x, y), ha="center", va="center", size=style.FONT,
                    color=style.PALETTE["ink" if known else "context"])  # fmt: skip
    for level, cells in sorted(levels.items()):
        _shade(ax, cells, _PALEST + (_DARKEST - _PALEST) * level / _LEVELS)
    _frame_cells(ax, [_row_name(published, begin) for begin in begins], columns)
    ax.set_xlabel(f"% active, by {published.parameters.get('period')}s since the first")
    return ax


def _shade(ax: Axes, cells: list[tuple[int, int]], alpha: float) -> None:
    """Fill all cells of one level as one shape, neighbours in a row as one bar."""
    runs: list[list[int]] = []
    for y, x in sorted((y, x) for x, y in cells):
        if runs and runs[-1][0] == y and runs[-1][2] == x - 1:
            runs[-1][2] = x
        else:
            runs.append([y, x, x])
    boxes = [(first - 0.5, y - 0.46, last - first + 1.0, 0.92) for y, first, last in runs]
    _fill(ax, boxes, "main", alpha)


def _stack(
    ax: Axes, at: list[float], base: list[float], heights: list[float], wide: float, colour: str
) -> None:
    """Draw the bars of one state as one shape."""
    bars = zip(at, base, heights, strict=True)
    _fill(ax, [(x - wide / 2, low, wide, high) for x, low, high in bars if high], colour)


def _fill(
    ax: Axes, boxes: list[tuple[float, float, float, float]], colour: str, alpha: float = 1.0
) -> None:
    """Fill boxes (left, bottom, width, height) as one shape: a page holds many of them."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not boxes:
        return
    paths = [
        Path([(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], closed=True)
        for x, y, w, h in boxes
    ]
    ax.add_patch(
        PathPatch(Path.make_compound_path(*paths), facecolor=style.PALETTE[colour], alpha=alpha,
                  linewidth=0)
    )  # fmt: skip


def _frame_cells(ax: Axes, names: list[str], columns: list[int]) -> None:
    ax.grid(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xticks(range(len(columns)), [str(n) for n in columns])
    ax.set_yticks(range(len(names)), [style.text(name) for name in names])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _row_name(published: Published, begin: str) -> str:
    row = next(r for r in published.frame.to_dict("records") if str(r["cohort_on"]) == begin)
    period = str(published.parameters.get("period"))
    return span(begin, str(row["until_on"]), period, short=True)


def pooled(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share of all cohorts by periods since the first, for the three kinds."""
    frame, ax = published.frame, style.axes(ax, height=2.8)
    period = str(published.parameters.get("period"))
    ends, last = [], 2
    for kind, (name, colour) in KINDS.items():
        part = _to_first_hidden(frame[frame["kind"] == kind])
        if not len(part):
            continue
        at = part["after"].tolist()
        style.band(ax, at, list(part["low"]), list(part["high"]), colour)
        style.line(ax, at, list(part["share"]), colour)
        if len(at) == 1:
            ax.plot(at, style.floats(part["share"]), "o", color=style.PALETTE[colour], markersize=4)
        ends.append((at[-1], part["share"].iloc[-1], name.format(period=period), colour))
        last = max(last, int(at[-1]))
    ax.set_xlim(1, last)
    ax.set_xticks([n for n in range(1, last + 1) if n == 1 or n % _every(last) == 0])
    ax.set_ylim(bottom=0)
    style.percent_axis(ax.yaxis, whole=True)
    ax.set_ylabel("people who are active")
    ax.set_xlabel(f"{period}s since the first")
    style.label_ends(ax, ends)
    return ax


def _to_first_hidden(part: Any) -> Any:
    """Cut a line where a rule first hides a number: what comes after it hangs in the air."""
    hidden = style.floats(part["share"])
    known = [value == value for value in hidden]
    return part.iloc[: known.index(False) if False in known else len(known)]


def _every(last: int) -> int:
    return next((n for n in (1, 2, 3, 4, 6, 12) if last / n <= 9), 26)


def lifecycle(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the active people of each period by state, and below zero who fell silent."""
    frame, ax = published.frame, style.axes(ax, height=3.0)
    seen = frame[frame["part"] == "seen"]
    begins = [_place(day) for day in frame["period_on"]]
    wide = 7.0 if published.parameters.get("period") == "week" else 30.4
    at = [begin + wide / 2 for begin in begins[: len(seen)]]
    base = [0.0] * len(seen)
    ends: list[tuple[Any, Any, object, str]] = []
    edge = begins[-1] + wide
    for state, colour in STATES.items():
        heights = [v if v == v else 0.0 for v in style.floats(seen[state])]
        _stack(ax, at, base, heights, wide * 0.8, colour)
        if heights[-1]:
            ends.append((edge, base[-1] + heights[-1] / 2, _NAMES[state], colour))
        base = [b + h for b, h in zip(base, heights, strict=True)]
    lost = [v if v == v else 0.0 for v in style.floats(seen["dormant"])]
    _stack(ax, at, [0.0] * len(lost), [-v for v in lost], wide * 0.8, "accent")
    low, high = -max(lost), max(base)
    ax.set_ylim(low * 1.04, high * 1.04 if high else 1)
    if lost[-1]:
        ends.append((edge, -lost[-1] / 2, _NAMES["dormant"], "accent"))
    for begin in begins[len(seen) :]:
        label = f"{published.parameters.get('period')} not over"
        style.hatch_incomplete(ax, begin, begin + wide, label)
    style.month_axis(ax, [begins[0], edge])
    ax.axhline(0, color=style.PALETTE["context"], linewidth=0.8)
    _counts_both_ways(ax)
    ax.set_ylabel("people")
    style.label_ends(ax, ends)
    return ax


def _counts_both_ways(ax: Axes) -> None:
    """Write counts on both sides of zero without a sign: below it are people too."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(abs(round(value, 10)))))


def quick(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how many come in for each who falls silent, with 1 marked."""
    frame, ax = published.frame, style.axes(ax, height=2.6)
    wide = 7.0 if published.parameters.get("period") == "week" else 30.4
    at = [_place(day) + wide / 2 for day in frame["period_on"]]
    ends = {c: [in_for_out(v) for v in style.floats(frame[c])] for c in ("share", "low", "high")}
    shown = [v for c in ends.values() for v in c if math.isfinite(v) and v > 0]
    bottom = max(min([0.5, *shown]) / 1.15, 1 / 16)
    top = min(max([2.0, *shown]) * 1.15, 16.0)
    ax.set_yscale("log", base=2)
    ax.minorticks_off()
    ax.axhline(1, color=style.PALETTE["ink"], linewidth=0.9, zorder=1)
    low = [min(max(v, bottom), top) if v == v else math.nan for v in ends["low"]]
    high = [min(max(v, bottom), top) if v == v else math.nan for v in ends["high"]]
    style.band(ax, at, low, high, "main")
    inside = [v if bottom <= v <= top else math.nan for v in ends["share"]]
    style.line(ax, at, inside, "main")
    if len(at) == 1:
        ax.plot(at, inside, "o", color=style.PALETTE["main"], markersize=4)
    ax.set_ylim(bottom, top)
    ticks = [2.0**n for n in range(-4, 5) if bottom <= 2.0**n <= top]
    ax.set_yticks(ticks, [_FRACTIONS.get(t, f"{t:.0f}") for t in ticks])
    style.month_axis(ax, [at[0] - wide / 2, at[-1] + wide / 2])
    ax.set_ylabel("people in for each who falls silent")
    return ax


def ladder(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how often active people came, and say what it was in the window before."""
    frame = published.frame
    now, before = (frame[frame["window"] == w] for w in ("now", "before"))
    was = dict(zip(before["rung"], style.floats(before["share"]), strict=True))
    said = []
    for rung, share in zip(now["rung"], style.floats(now["share"]), strict=True):
        earlier = was.get(rung, math.nan)
        told = percent(share) if share == share else "hidden"
        said.append(f"{told} (before {percent(earlier)})" if earlier == earlier else told)
    ax = style.bars(ax, list(now["rung"]), list(now["share"]), says=said)
    style.percent_axis(ax.xaxis)
    unit = "28 days" if published.parameters.get("rungs") == "days" else "12 weeks"
    ax.set_xlabel(f"people active in the last {unit}")
    return ax


def _place(day: object) -> float:
    """Place of the first day of a period on a time axis."""
    from matplotlib.dates import date2num

    return float(date2num(date.fromisoformat(str(day)[:10])))


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))
