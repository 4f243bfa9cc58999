"""Draw how long people stay engaged, who stops sooner, and who comes back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_STANDING = {"shorter": "accent", "longer": "third", "in line": "context", "reference": "main"}
_MOST_GROUPS = 5


def gap(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share that returns by the length of the gap, with the gap in use."""
    frame = published.frame
    ax = style.axes(ax, height=2.6)
    if not len(frame):
        return ax
    time = list(frame["time"])
    style.band(ax, time, list(frame["low"]), list(frame["high"]), "main")
    style.line(ax, time, list(frame["returned"]), "main")
    used = float(published.parameters["gap_days"] or 0)
    ax.set_xlim(0, max([*time, used, 1]))
    style.percent_axis(ax.yaxis, whole=True)
    ax.axhline(float(published.parameters["at_most"] or 0), color=style.PALETTE["context"],
               linewidth=0.8, zorder=1)  # fmt: skip
    _mark(ax, used, f"{used:.0f} days")
    ax.set_ylabel("gaps that end with a return")
    ax.set_xlabel("days without a value event, or more")
    return ax


def _mark(ax: Axes, day: float, said: str) -> None:
    ax.axvline(day, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    ax.annotate(
        said, (day, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
        textcoords="offset points", ha="center", va="bottom", size=style.FONT - 1,
        color=style.PALETTE["context"],
    )  # fmt: skip


def everyone(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the survival curve with its interval and the people at risk."""
    frame = published.frame
    ax = style.axes(ax)
    if not len(frame):
        return ax
    time = frame["time"].tolist()
    exact = published.rules.public
    style.band(ax, time, list(frame["low"]), list(frame["high"]), "main", step=exact)
    style.line(ax, time, list(frame["survival"]), "main", step=exact)
    last = max(float(time[-1]), 1.0)
    ax.set_xlim(0, last)
    _labels(ax, published)
    if published.has("survival_median"):
        median = published.estimate("survival_median").value
        if math.isfinite(median) and median <= last:
            ax.plot([0, median, median], [0.5, 0.5, 0], color=style.PALETTE["context"],
                    linewidth=0.8, zorder=1)  # fmt: skip
    picked = _ticks(time)
    style.risk_table(ax, [time[i] for i in picked], {"": [frame["n"].iloc[i] for i in picked]})
    return ax


def _labels(ax: Axes, published: Published) -> None:
    style.percent_axis(ax.yaxis, whole=True)
    is_enrolment = published.parameters.get("subject") == "enrolment"
    ax.set_ylabel("still enrolled" if is_enrolment else "spells still going on")
    since = "days since each registration" if published.parameters.get("origin") == (
        "registration"
    ) else "days since the offer's first day"  # fmt: skip
    ax.set_xlabel(since if is_enrolment else "days since the spell began")


def _ticks(time: list[Any]) -> list[int]:
    """Places of at most seven whole points of the grid."""
    every = max(math.ceil((len(time) - 1) / 6), 1)
    return list(range(0, len(time), every))


def groups(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the survival curves of the groups; of many, those that end soonest and latest."""
    frame = published.frame
    ax = style.axes(ax)
    if not len(frame):
        return ax
    named, exact = _extremes(frame), published.rules.public
    ends: list[tuple[Any, Any, object, str]] = []
    counts: dict[str, list[float | None]] = {}
    time = sorted(set(frame["time"]))
    picked = [time[i] for i in _ticks(time)]
    for group, rows in frame.groupby("group", sort=False):
        colour = style.series(named.index(group)) if group in named else "context"
        style.line(ax, list(rows["time"]), list(rows["survival"]), colour, step=exact)
        if group in named:
            last = rows.iloc[-1]
            ends.append((last["time"], last["survival"], group, colour))
    for group in named:
        rows = frame[frame["group"] == group].set_index("time")["n"]
        counts[str(group)] = [rows.get(t) for t in picked]
    ax.set_xlim(0, max(float(time[-1]), 1.0))
    _labels(ax, published)
    style.risk_table(ax, picked, counts)
    style.label_ends(ax, ends)
    return ax


def _extremes(frame: pd.DataFrame) -> list[Any]:
    """Groups that get a colour and a name: all, or the two soonest and the three latest."""
    last = frame.groupby("group", sort=False)["survival"].last().astype(float)
    order = list(last.sort_values(kind="stable").index)
    if len(order) <= _MOST_GROUPS:
        return order
    return [*order[:2], *order[-3:]]


def contrast(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each group's mean days with its interval, against everyone's."""
    rows = published.frame.to_dict("records")
    means = {str(row["group"]): row["rmst"] for row in rows}
    reference = means.get(str(published.parameters.get("reference")))
    ax = style.forest(
        ax,
        [row["group"] for row in rows],
        [row["rmst"] for row in rows],
        [row["low"] for row in rows],
        [row["high"] for row in rows],
        colours=[_STANDING.get(str(row["standing"]), "context") for row in rows],
        reference=None if reference is None else float(reference),
    )
    horizon = float(published.parameters["horizon"] or 0)
    ax.set_xlabel(f"mean days until the end, within {horizon:.0f} days")
    return ax
