"""Draw how the difference between launch and hold-out became known."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.vocabulary import metrics
from ldresearch.wording import number, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROOM = 2.2
"""How many times as far as the last interval reaches the axis may show; early ones reach on."""


def course(published: Published, *others: Published, ax: Axes | None = None) -> Axes:
    """Draw the difference by the day it was known, its interval, what matters, and the end.

    Parameters
    ----------
    published : Published
        The course.
    *others : Published
        The looks, drawn as bars between their boundaries, and the forecast.
    """
    ax = style.axes(ax)
    frame = published.frame
    if not len(frame):
        return ax
    at = [_day(str(look)) for look in frame["look"]]
    style.band(ax, at, list(frame["low"]), list(frame["high"]), "main")
    style.line(ax, at, list(frame["difference"]), "main")
    ax.axhline(0, color=style.PALETTE["ink"], linewidth=0.8, zorder=1)
    ends: list[tuple[Any, Any, object, str]] = [
        (at[-1], frame["difference"].iloc[-1], "so far", "main")
    ]
    last = at[-1]
    for one in others:
        if one.name == "looks" and not one.is_empty:
            _bars(ax, one, "second")
        if one.name == "forecast" and not one.is_empty:
            last = max(last, _ahead(ax, one, ends))
    wanted = _wanted(published)
    if wanted is not None:
        ax.axhline(wanted, color=style.PALETTE["accent"], linewidth=1.0, linestyle=(0, (4, 3)))
        ends.append((last, wanted, "what matters", "accent"))
    _limit(ax, frame, wanted)
    _axis(ax, published)
    style.month_axis(ax, [at[0], last])
    style.label_ends(ax, ends)
    return ax


def _bars(ax: Axes, looks: Published, colour: str) -> None:
    """Draw each planned look's interval a day beside the course, so that both are seen."""
    for row in looks.frame.to_dict("records"):
        if row["low"] is None or row["low"] != row["low"]:
            continue
        day = _day(str(row["look"]))
        ax.plot([day, day], [row["low"], row["high"]], color=style.PALETTE[colour], linewidth=1.4,
                solid_capstyle="butt")  # fmt: skip


def _ahead(ax: Axes, ahead: Published, ends: list[tuple[Any, Any, object, str]]) -> float:
    row = ahead.frame.to_dict("records")[-1]
    day = _day(str(row["look"]))
    if row["low"] is None or row["low"] != row["low"]:
        return day
    ax.plot([day, day], [row["low"], row["high"]], color=style.PALETTE["third"], linewidth=3.0,
            alpha=0.6, solid_capstyle="butt")  # fmt: skip
    ax.plot([day], [row["expected"]], marker="o", markersize=5, color=style.PALETTE["third"],
            linestyle="none")  # fmt: skip
    ends.append((day, row["expected"], "expected", "third"))
    return day


def _wanted(published: Published) -> float | None:
    mde = published.parameters.get("mde")
    if not isinstance(mde, int | float):
        return None
    return -float(mde) if published.parameters.get("direction") == "down" else float(mde)


def _limit(ax: Axes, frame: Any, wanted: float | None) -> None:
    """Show the last interval well; the first ones are far wider and would squeeze it."""
    reach = [abs(v) for c in ("low", "high") for v in style.floats(frame[c]) if v == v]
    if not reach:
        return
    final = [
        abs(float(v)) for v in (frame["low"].iloc[-1], frame["high"].iloc[-1]) if v is not None
    ]
    most = min(max(reach), _ROOM * max([*final, abs(wanted or 0.0)]))
    ax.set_ylim(-most, most)


def _axis(ax: Axes, published: Published) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    entry = metrics().get(str(published.parameters.get("metric")))
    is_share = entry is not None and entry.unit == "share"
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    said = points if is_share else number
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(round(value, 10))))
    ax.set_ylabel("launch less held out" + ("" if is_share or entry is None else f", {entry.unit}"))


def _day(text: str) -> float:
    from matplotlib.dates import date2num

    return float(date2num(date.fromisoformat(text[:10])))
