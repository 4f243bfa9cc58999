"""What the log covers, drawn."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import date, percent, short_month

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LAGS = {
    "before": "before it happened",
    "day": "within a day",
    "week": "1 to 7 days later",
    "month": "7 to 30 days later",
    "later": "more than 30 days later",
}
_BREAKS: Final = ("low", "silent")
_MOST_TICKS = 6


def coverage(published: Published) -> Axes:
    """Draw events by week: incomplete weeks hatched, breaks marked, stray dates left out.

    The horizontal axis counts days since the first Monday; its ticks are first weeks of months.
    """
    rows = _rows(published)
    ax = style.axes()
    mondays = [dt.date.fromisoformat(row["week_on"]) for row in rows]
    days = [(monday - mondays[0]).days for monday in mondays]
    events = [row["n_events"] for row in rows]
    style.line(ax, days, events, "main")
    alone = [i for i in range(len(rows)) if _is_alone(events, i)]
    ax.plot([days[i] for i in alone], style.floats([events[i] for i in alone]), "o",
            markersize=4, color=style.PALETTE["main"])  # fmt: skip
    ax.set_xlim(days[0] - 3.5, days[-1] + 3.5)
    top = max([float(e) for e in events if e is not None], default=1.0)
    ax.set_ylim(0, max(top, 1.0) * 1.08)
    ax.set_ylabel("events a week")
    _mark_breaks(ax, rows, days)
    for begin, end in _spans(rows, days):
        style.hatch_incomplete(ax, begin - 3.5, end + 3.5)
    style.number_axis(ax.yaxis)
    ticks = _ticks(mondays)
    ax.set_xticks([days[i] for i in ticks], [short_month(mondays[i]) for i in ticks])
    return ax


def _rows(published: Published) -> list[dict[str, Any]]:
    """Rows by column name; hidden cells stay ``None``."""
    names = [column.name for column in published.columns]
    return [dict(zip(names, row, strict=True)) for row in published.rows]


def _is_alone(events: list[Any], i: int) -> bool:
    """Whether a point has no neighbour to draw a line to."""
    beside = [events[j] for j in (i - 1, i + 1) if 0 <= j < len(events)]
    return events[i] is not None and all(e is None for e in beside)


def _mark_breaks(ax: Axes, rows: list[dict[str, Any]], days: list[int]) -> None:
    marked = [(day, row) for day, row in zip(days, rows, strict=True) if row["standing"] in _BREAKS]
    if not marked:
        return
    colour = style.PALETTE["accent"]
    heights = [float(row["n_events"] or 0) for _, row in marked]
    ax.plot([day for day, _ in marked], heights, "v",
            markersize=6, color=colour, clip_on=False, zorder=4)  # fmt: skip
    row = marked[0][1]
    said = "silent" if row["standing"] == "silent" else "far below the usual"
    more = f" and {len(marked) - 1} more" if len(marked) > 1 else ""
    # Above the axes and above the words of hatched weeks: there no line can run through it.
    ax.annotate(
        f"{said}: week of {date(row['week_on'])}{more}", (0, 1), xycoords="axes fraction",
        xytext=(0, 4 + style.FONT * 1.3), textcoords="offset points", ha="left", va="bottom",
        size=style.FONT, color=colour,
    )  # fmt: skip


def _spans(rows: list[dict[str, Any]], days: list[int]) -> list[tuple[int, int]]:
    """Stretches of neighbouring incomplete weeks, first and last day of each."""
    spans: list[tuple[int, int]] = []
    for row, day in zip(rows, days, strict=True):
        if row["standing"] != "incomplete":
            continue
        if spans and day - spans[-1][1] <= 7:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _ticks(mondays: list[dt.date]) -> list[int]:
    """First weeks of months, thinned to a handful; the first week where there is no other."""
    first = [i for i, m in enumerate(mondays) if i and m.month != mondays[i - 1].month]
    step = -(-len(first) // _MOST_TICKS) if first else 1
    return first[::step] or [0]


def lag(published: Published) -> Axes:
    """Draw the share of events by the time from happening to recording."""
    rows = _rows(published)
    shares = [row["share"] for row in rows]
    says = ["hidden" if s is None else "under 1 %" if 0 < s < 0.005 else percent(s) for s in shares]
    ax = style.bars(None, [_LAGS[row["lag"]] for row in rows], shares, says=says)
    style.percent_axis(ax.xaxis, whole=True)
    ax.set_xlabel("share of events")
    return ax
