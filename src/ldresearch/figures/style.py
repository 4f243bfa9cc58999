"""The house style: one column wide, direct labels, intervals shaded, a meaning for each colour.

Nothing here touches global state of matplotlib: figures are made without pyplot and styled one by
one, so a notebook's own plots keep their looks and two figures never influence each other.
"""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.wording import (
    ENGLISH,
    MINUS,
    locale_in_use,
    measured,
    number,
    percent,
    short_day,
    short_month,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from ldresearch.figures.ruler import Ruler

WIDTH: Final = 5.8
"""Inches; a page shows a figure as wide as its text, so this sets the size of the letters."""

FONT: Final = 8.5
"""Points: 14 px in a column of 680 px."""

PALETTE: Final[Mapping[str, str]] = {
    "main": "#0b62a8",  # the group or number the sentence is about
    "second": "#9a5b00",
    "third": "#00755b",
    "fourth": "#8f3f97",
    "fifth": "#4f5d1a",
    "accent": "#b8331a",  # what needs attention: a threshold, a shortfall
    "context": "#5f6b7a",  # everything else
    "ink": "#1c2025",
    "rule": "#d5dae0",
    "paper": "#ffffff",
}
"""Meaning to colour. Letters in any of the first eight have a contrast of 4.5 or more on paper; in
dark mode the page swaps each for its counterpart."""

LINES: Final[Mapping[str, Any]] = {
    "main": "-",
    "second": (0, (5, 2)),
    "third": (0, (1.2, 1.6)),
    "fourth": (0, (6, 2, 1.2, 2)),
    "fifth": (0, (8, 2, 2, 2, 2, 2)),
    "accent": (0, (3, 2)),
    "context": "-",
}
"""Line styles in step with the colours, for eyes and printers that see none."""

SERIES: Final = ("main", "second", "third", "fourth", "fifth")
"""Order in which groups take colours; what comes after is context."""

BAND_ALPHA: Final = 0.16
INCOMPLETE: Final = "incomplete"
"""Mark of a hatched span, known to the SVG writer."""

_LINE_WIDTH = 1.6
_LABEL_GAP = 5.0
_LINE_HEIGHT = 1.25
_MAX_TEXT = 40
_PAD = 0.03  # inches between what is drawn and the edge
_MOVED = 0.02  # inches that do not matter: less than that

_Sides = tuple[float, float, float, float]
"""Inches: left, below, right, above."""


def preload() -> None:
    """Import what drawing takes; otherwise the first figure waits for it."""
    import matplotlib.figure  # noqa: F401


def series(i: int) -> str:
    """Name the colour and line style of the i-th group.

    Examples
    --------
    >>> series(0), series(9)
    ('main', 'context')
    """
    return SERIES[i] if i < len(SERIES) else "context"


def text(label: object, longest: int = _MAX_TEXT) -> str:
    """Make a label safe to draw: no math between dollar signs, nothing that hides it, not too long.

    Parameters
    ----------
    label : object
    longest : int
        Characters kept; the last of them becomes an ellipsis.

    Examples
    --------
    >>> text("Save $5 or $6") == r"Save \\$5 or \\$6", text("a" * 50, 5)
    (True, 'aaaa…')
    """
    said = " ".join(str(label).split())
    said = "".join(c for c in said if unicodedata.category(c) not in ("Cc", "Cs"))
    if len(said) > longest:
        said = said[: longest - 1].rstrip() + "…"
    said = said.replace("$", r"\$")
    # A label that begins with an underscore is left out of legends: a hair space keeps it in.
    return f"\u200a{said}" if said.startswith("_") else said


@lru_cache(maxsize=1)
def _shown_axes() -> type[Axes]:
    """Axes that a notebook shows when a cell ends with them: no pyplot is there to do it."""
    from matplotlib.axes import Axes

    class ShownAxes(Axes):  # type: ignore[misc, unused-ignore]
        def _repr_png_(self) -> str:
            from ldresearch.figures import svg

            return svg.png(self)

    return ShownAxes


def axes(ax: Axes | None = None, *, height: float = 3.2) -> Axes:
    """Make axes in the house style, or bring given ones into it.

    Parameters
    ----------
    ax : Axes, optional
        Axes to style; a new figure by default.
    height : float
        Height of the plotting area in inches; margins come on top of it.

    Returns
    -------
    Axes
    """
    if ax is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH, height + 0.6))
        FigureCanvasAgg(figure)
        ax = figure.add_subplot(axes_class=_shown_axes())
        _set_height(figure, height)
    ink, quiet = PALETTE["ink"], PALETTE["context"]
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=quiet, linewidth=0.6)
    ax.set_facecolor("none")
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=FONT, labelcolor=ink, color=quiet, width=0.6, length=3)
    ax.grid(True, axis="y", color=PALETTE["rule"], linewidth=0.6)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(size=FONT, color=quiet)
        if locale_in_use() != ENGLISH:
            _write_ticks(axis)
    ax.xaxis.labelpad = 4
    return ax


def _write_ticks(axis: Axis) -> None:
    """Write numbers on an axis that no view writes on: matplotlib's own are English."""
    from matplotlib.ticker import FuncFormatter

    def said(value: float, _: object) -> str:
        value = round(value, 10)
        is_whole = value == round(value)
        return f"{value:.0f}".replace("-", MINUS) if is_whole else number(value)

    axis.set_major_formatter(FuncFormatter(said))


def _set_height(figure: Figure, height: float) -> None:
    figure.set_gid(f"{height:.3f}")


def plot_height(figure: Figure) -> float:
    """Return the plotting area's height in inches, as set by :func:`axes` or :func:`forest`."""
    gid = figure.get_gid()
    return float(gid) if gid else float(figure.get_size_inches()[1]) - 0.6


def floats(values: Sequence[Any] | Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read published cells as numbers; hidden ones become ``nan`` and leave a gap."""
    return np.array([math.nan if v is None else float(v) for v in values], dtype=float)


def line(
    ax: Axes, x: Sequence[Any], y: Sequence[Any], name: str = "main", *, step: bool = False
) -> Line2D:
    """Draw one line in the colour and line style of a name of the palette.

    Parameters
    ----------
    ax : Axes
    x, y : sequences of float or None
    name : str
        Key of ``PALETTE`` and ``LINES``.
    step : bool
        Whether the value holds until the next time, as an exact survival curve does. One of
        protected data is a straight line between its points.
    """
    [drawn] = ax.plot(
        floats(x), floats(y), color=PALETTE[name], linestyle=LINES.get(name, "-"),
        linewidth=1.0 if name == "context" else _LINE_WIDTH,
        drawstyle="steps-post" if step else "default",
        solid_capstyle="butt", dash_capstyle="butt", solid_joinstyle="miter",
    )  # fmt: skip
    return drawn


def band(
    ax: Axes,
    x: Sequence[Any],
    low: Sequence[Any],
    high: Sequence[Any],
    colour: str,
    step: bool = False,
) -> None:
    """Shade an interval.

    Parameters
    ----------
    ax : Axes
    x, low, high : sequences of float or None
    colour : str
        A colour, or its name in the palette.
    step : bool
        Whether the ends hold until the next time.
    """
    ax.fill_between(
        floats(x), floats(low), floats(high), color=PALETTE.get(colour, colour),
        alpha=BAND_ALPHA, linewidth=0, step="post" if step else None,
    )  # fmt: skip


def percent_axis(axis: Axis, *, whole: bool = False) -> None:
    """Write shares on an axis as whole percents, from zero.

    Parameters
    ----------
    axis : Axis
        ``ax.xaxis`` or ``ax.yaxis``. Call it after the data are drawn.
    whole : bool
        Whether the axis always goes up to 100 %.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = axis.get_view_interval()
    top = 1.0 if whole else min(max(high, 0.05), 1.0)
    axis.set_view_interval(min(low, 0.0) if low < -0.005 else 0.0, top, ignore=True)
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))


def number_axis(axis: Axis, *, from_zero: bool = True) -> None:
    """Write plain numbers on an axis with thousands separators, from zero unless told."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = axis.get_view_interval()
    if from_zero:
        axis.set_view_interval(min(low, 0.0) if low < -1e-9 else 0.0, high, ignore=True)
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value, 10))))


def month_axis(ax: Axes, at: Sequence[float]) -> None:
    """Write months under a time axis, few enough to be read.

    Parameters
    ----------
    ax : Axes
    at : sequence of float
        Places of the days drawn, as ``matplotlib.dates.date2num`` gives them.
    """
    from matplotlib.dates import DayLocator, MonthLocator

    span = max(at) - min(at)
    every = next((m for m in (1, 2, 3, 6, 12) if span / 30.4 / m <= 6), 24)
    ax.set_xlim(min(at), max(max(at), min(at) + 1))
    if span > 45:
        months = range(1, 13, every) if every <= 12 else [1]
        ax.xaxis.set_major_locator(MonthLocator(bymonth=list(months)))
        ax.xaxis.set_major_formatter(_days_written(short_month))
        return
    ax.xaxis.set_major_locator(DayLocator(interval=max(1, round(span / 5))))
    ax.xaxis.set_major_formatter(_days_written(short_day))


def _days_written(said: Callable[[dt.date], str]) -> Any:
    from matplotlib.dates import num2date
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: said(num2date(value).date()))


def hatch_incomplete(ax: Axes, x0: float, x1: float, label: str = "incomplete") -> None:
    """Hatch a period that is not over, so that its last point is not read as a fall.

    Parameters
    ----------
    ax : Axes
    x0, x1 : float
        In data coordinates.
    label : str
        Words at the top of the span; empty for none.
    """
    span = ax.axvspan(x0, x1, facecolor="none", edgecolor=PALETTE["context"], linewidth=0,
                      hatch="////", alpha=0.5, zorder=0.5)  # fmt: skip
    span.set_gid(INCOMPLETE)
    if label:
        ax.annotate(
            label, (x1, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="right", va="bottom", size=FONT - 1,
            color=PALETTE["context"],
        )  # fmt: skip


def label_ends(ax: Axes, lines: Sequence[tuple[Any, Any, object, str]]) -> None:
    """Write each line's name at its end, moved apart so that no two overlap.

    Call it last: it needs the limits of the axes to be final.

    Parameters
    ----------
    ax : Axes
    lines : sequence of (x, y, text, colour)
        Where each line ends, in data coordinates, its name and its colour (or the colour's name).
        Lines that end nowhere (``None``) are left out.
    """
    shown = [
        (float(x), float(y), text(said), PALETTE.get(colour, colour))
        for x, y, said, colour in lines
        if x is not None and y is not None and math.isfinite(float(y))
    ]
    if not shown:
        return
    shown.sort(key=lambda one: (one[1], one[2]))
    bottom, top = ax.get_ylim()
    points_high = plot_height(_figure(ax)) * 72
    to_points = points_high / (top - bottom)
    wanted = [(y - bottom) * to_points for _, y, _, _ in shown]
    placed = _apart(wanted, FONT * _LINE_HEIGHT, points_high)
    right = max(x for x, _, _, _ in shown)
    for (x, y, said, colour), want, got in zip(shown, wanted, placed, strict=True):
        moved = abs(got - want) > FONT / 2 or x < right
        ax.annotate(
            said, (x, y), xytext=(_LABEL_GAP + (6 if moved else 0), got),
            xycoords="data", textcoords=_end_of(ax, right), ha="left", va="center", size=FONT,
            color=colour, annotation_clip=False,
            arrowprops=_leader(colour) if moved else None,
        )  # fmt: skip


def _leader(colour: str) -> dict[str, Any]:
    return {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6,
            "shrinkA": 1, "shrinkB": 1}  # fmt: skip


def _end_of(ax: Axes, x: float) -> Any:
    """Points to the right of a data x, and up from the bottom of the axes."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = _figure(ax)
    inch = figure.dpi_scale_trans

    def place(renderer: object) -> Any:
        origin = ax.transData.transform((x, ax.get_ylim()[0]))
        from matplotlib.transforms import Affine2D

        scale = figure.dpi / 72
        return Affine2D().scale(scale).translate(*origin)

    del inch, ScaledTranslation, blended_transform_factory
    return place


def _apart(wanted: Sequence[float], gap: float, high: float) -> list[float]:
    """Move sorted heights as little as needed so that neighbours are ``gap`` apart.

    Heights that touch are merged into blocks centred on the mean of what they wanted, the
    one-dimensional isotonic regression (pool adjacent violators).
    """
    blocks: list[list[float]] = []  # [sum of (wanted - offset), members]
    for i, want in enumerate(wanted):
        blocks.append([want - i * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, members = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += members
    base = [total / members for total, members in blocks for _ in range(int(members))]
    placed = [b + i * gap for i, b in enumerate(base)]
    over = max(0.0, placed[-1] - high)
    placed = [p - over for p in placed]
    under = max(0.0, -placed[0])
    return [p + under for p in placed]


def risk_table(
    ax: Axes, times: Sequence[float], counts: Mapping[str, Sequence[float | None]]
) -> None:
    """Write the number at risk under a curve, one row a group.

    Parameters
    ----------
    ax : Axes
    times : sequence of float
        Where the numbers stand, in data coordinates; the ticks are set to them.
    counts : mapping of str to sequence of float or None
        Group to the persons at risk at each time; ``None`` where hidden. A single group may be
        named "".
    """
    ax.set_xticks(list(times))
    size, step = FONT - 0.5, (FONT - 0.5) * 1.35
    top = -(FONT * 2 + 16 if ax.get_xlabel() else FONT + 14)
    at: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points",
          "annotation_clip": False, "size": size}  # fmt: skip
    edge: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points",
            "annotation_clip": False, "size": size}  # fmt: skip
    ax.annotate("people at risk", (0, 0), xytext=(0, top), ha="left", va="top",
                color=PALETTE["context"], **edge)  # fmt: skip
    for i, (group, row) in enumerate(counts.items()):
        down = top - step * (i + 1)
        colour = PALETTE[series(i)] if len(counts) > 1 else PALETTE["ink"]
        if group:
            ax.annotate(text(group, 18), (0, 0), xytext=(-14, down), ha="right", va="top",
                        color=colour, **edge)  # fmt: skip
        for time, count in zip(times, row, strict=True):
            said = "–" if count is None or math.isnan(count) else number(count)
            ax.annotate(said, (time, 0), xytext=(0, down), ha="center", va="top",
                        color=colour, **at)  # fmt: skip


def forest(
    ax: Axes | None,
    labels: Sequence[object],
    values: Sequence[Any],
    lows: Sequence[Any],
    highs: Sequence[Any],
    *,
    colours: Sequence[str] | None = None,
    reference: float | None = None,
) -> Axes:
    """Draw numbers with their intervals, one row each, the first on top.

    Parameters
    ----------
    ax : Axes or None
        ``None`` makes a figure that is as high as its rows need.
    labels, values, lows, highs : sequences
        One entry a row; ``None`` leaves the row without a mark.
    colours : sequence of str, optional
        Name in the palette for each row; "main" by default.
    reference : float, optional
        Where "no difference" is; a quiet line.

    Returns
    -------
    Axes
    """
    ax = _rows(ax, len(labels), 0.26)
    names = list(colours) if colours else ["main"] * len(labels)
    if reference is not None:
        ax.axvline(reference, color=PALETTE["context"], linewidth=0.8, zorder=1)
    rows = zip(floats(values), floats(lows), floats(highs), names, strict=True)
    for i, (value, low, high, name) in enumerate(rows):
        if math.isfinite(low) and math.isfinite(high):
            ax.plot([low, high], [i, i], color=PALETTE[name], linewidth=_LINE_WIDTH,
                    solid_capstyle="butt")  # fmt: skip
        if math.isfinite(value):
            ax.plot([value], [i], marker="o", markersize=5, color=PALETTE[name], linestyle="none")
    _row_labels(ax, labels)
    return ax


def bars(
    ax: Axes | None,
    labels: Sequence[object],
    values: Sequence[Any],
    *,
    says: Sequence[str] | None = None,
    colours: Sequence[str] | None = None,
) -> Axes:
    """Draw lying bars from zero, one row each, the first on top, each with its number.

    Parameters
    ----------
    ax : Axes or None
        ``None`` makes a figure that is as high as its rows need.
    labels, values : sequences
        One entry a row; ``None`` leaves the row without a bar.
    says : sequence of str, optional
        Words at the end of each bar; the number itself by default.
    colours : sequence of str, optional
        Name in the palette for each row; "main" by default.

    Returns
    -------
    Axes
    """
    ax = _rows(ax, len(labels), 0.28)
    names = list(colours) if colours else ["main"] * len(labels)
    known = floats(values)
    drawn: BarContainer = ax.barh(
        np.arange(len(known)), np.nan_to_num(known), height=0.62,
        color=[PALETTE[name] for name in names], linewidth=0,
    )  # fmt: skip
    del drawn
    words = list(says) if says else [measured(v) if v == v else "hidden" for v in known]
    for i, (value, said) in enumerate(zip(np.nan_to_num(known), words, strict=True)):
        ax.annotate(text(said), (max(value, 0.0), i), xytext=(4, 0), textcoords="offset points",
                    va="center", ha="left", size=FONT, color=PALETTE["ink"],
                    annotation_clip=False)  # fmt: skip
    _row_labels(ax, labels)
    ax.set_xlim(min(0.0, float(np.nanmin(known, initial=0.0))), None)
    return ax


def _rows(ax: Axes | None, rows: int, each: float) -> Axes:
    ax = axes(ax, height=max(rows, 2) * each + 0.15)
    ax.grid(False, axis="y")
    ax.grid(True, axis="x", color=PALETTE["rule"], linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(rows - 0.4, -0.6)
    return ax


def _row_labels(ax: Axes, labels: Sequence[object]) -> None:
    ax.set_yticks(range(len(labels)), [text(label, 34) for label in labels])


# Fitting ------------------------------------------------------------------------------------


def fit(ax: Axes, width: float = WIDTH, *, most: int = 3) -> Figure:
    """Give the margins what the labels need: same width of figure, same size of letters.

    Parameters
    ----------
    ax : Axes
        Axes of a figure made by :func:`axes`.
    width : float
        Inches.
    most : int
        How often the margins are looked at before they are left as they are: ticks may change with
        the room they have, though they seldom do.

    Returns
    -------
    Figure
        The figure, with margins set. Doing it twice changes nothing.
    """
    from ldresearch.figures.ruler import POINTS_PER_INCH, Ruler

    figure, ruler = _figure(ax), Ruler()
    height, margins = plot_height(figure), _margins(figure)
    _set_height(figure, height)
    before = figure.dpi
    try:
        figure.dpi = POINTS_PER_INCH
        for _ in range(most):
            _set_margins(figure, width, height, margins)
            wanted = _wanted(margins, _extent(figure, ruler), width, height)
            moved = max(abs(new - old) for new, old in zip(wanted, margins, strict=True))
            if moved < _MOVED:
                break
            margins = wanted
        _set_margins(figure, width, height, margins)
    finally:
        figure.dpi = before
    return figure


def _margins(figure: Figure) -> _Sides:
    """Begin with what a figure has: once it was fitted, another width needs nearly the same."""
    (across, up), at = figure.get_size_inches(), figure.subplotpars
    return (
        float(at.left * across), float(at.bottom * up),
        float((1 - at.right) * across), float((1 - at.top) * up),
    )  # fmt: skip


def _set_margins(figure: Figure, width: float, height: float, margins: _Sides) -> None:
    left, below, right, above = margins
    total = height + below + above
    figure.set_size_inches(width, total)
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, bottom=below / total, top=1 - above / total
    )


def _wanted(margins: _Sides, box: _Sides, width: float, height: float) -> _Sides:
    """Margins that hold what is drawn, and no more; never so wide that no plot is left."""
    left, below, right, above = margins
    total = height + below + above
    return (
        min(left - box[0] + _PAD, width * 0.45),
        below - box[1] + _PAD,
        min(right + box[2] - width + _PAD, width * 0.35),
        above + box[3] - total + _PAD,
    )


def _extent(figure: Figure, ruler: Ruler) -> _Sides:
    """Inches that everything drawn takes: left, bottom, right, top."""
    from matplotlib.text import Text

    box = figure.get_tightbbox(ruler)
    right = box.x1
    for artist in figure.findobj(Text):
        said = artist.get_text()
        extra = _wider(said) * float(artist.get_fontsize()) / 72
        if extra and artist.get_visible():
            right = max(right, float(artist.get_window_extent(ruler).x1) / figure.dpi + extra)
    return box.x0, box.y0, right, box.y1


def _wider(said: str) -> float:
    """Ems by which a reader's font draws a text wider than the font it is measured with.

    The font at hand lacks wide letters (CJK, emoji) and measures a box of .6 em for each.
    """
    return 0.45 * sum(unicodedata.east_asian_width(c) in "WF" for c in said)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True) if hasattr(ax, "get_figure") else ax.figure
    return figure  # type: ignore[return-value,no-any-return,unused-ignore]


def measuring_font() -> Path:
    """Find the file of the font that texts are measured with; another where it is missing."""
    from matplotlib import font_manager

    return Path(font_manager.findfont("DejaVu Sans"))
