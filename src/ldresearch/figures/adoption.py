"""Draw who has started, how fast, where it will end, and who lags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = {
    "employed": "employed",
    "informed": "were told of it",
    "access": "have access",
    "active": "have been active",
    "value": "got value",
}
"""Steps of the funnel as a row label."""

_STANDING = {"behind": "accent", "ahead": "third", "in line": "context"}


def reach(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the funnel: one bar a step, each with its share of those it is counted among."""
    rows = published.frame.to_dict("records")
    ax = style.bars(
        ax,
        [STEPS.get(str(row["step"]), row["step"]) for row in rows],
        [row["n_reached"] for row in rows],
        says=[_step(row) for row in rows],
        colours=["main" if row["step"] == "value" else "context" for row in rows],
    )
    style.number_axis(ax.xaxis)
    ax.set_xlabel("people")
    return ax


def _step(row: dict[Any, Any]) -> str:
    if row["n_reached"] is None or row["n_reached"] != row["n_reached"]:
        return "hidden"
    said = number(row["n_reached"])
    return said if row["step"] == "employed" else f"{said} ({percent(row['share'])})"


def speed(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share who reached first value by day, with the window and the number followed."""
    frame = published.frame
    ax = style.axes(ax)
    if not len(frame):
        return ax
    time = frame["time"].tolist()
    exact = published.rules.public
    style.band(ax, time, list(frame["low"]), list(frame["high"]), "main", step=exact)
    style.line(ax, time, list(frame["incidence"]), "main", step=exact)
    window = float(published.parameters["window_days"] or 0)
    last = float(time[-1])
    if 0 < window <= last:
        ax.axvline(window, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
        ax.annotate(
            f"day {window:.0f}", (window, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", va="bottom", size=style.FONT - 1,
            color=style.PALETTE["context"],
        )  # fmt: skip
    ax.set_xlim(0, max(last, 1.0))
    ax.set_ylim(bottom=0)
    style.percent_axis(ax.yaxis)
    ax.set_ylabel("people who reached first value")
    ax.set_xlabel("days since they could start")
    picked = [i for i, day in enumerate(time) if float(day) % _every(last) == 0]
    style.risk_table(ax, [time[i] for i in picked], {"": [frame["n"].iloc[i] for i in picked]})
    return ax


def _every(last: float) -> int:
    """Days between ticks: whole weeks on every grid, seven ticks at most."""
    return next((days for days in (7, 28, 56, 84, 112, 168) if last / days <= 6), 364)


def course(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the share who have started, week by week, and where the curve carries it."""
    ax = style.axes(ax)
    if "week_on" not in published.frame.columns:
        return _counts(published, ax)
    frame = published.frame
    at = [_number(str(day)) for day in frame["week_on"]]
    seen = [i for i, part in enumerate(frame["part"]) if part == "seen"]
    ahead = [i for i, part in enumerate(frame["part"]) if part == "ahead"]
    open_weeks = [i for i, part in enumerate(frame["part"]) if part == "incomplete"]
    for i in open_weeks:
        style.hatch_incomplete(ax, at[i] - 7, at[i], "incomplete week")
    _draw(ax, at, frame, seen, "expected", "context")
    _draw(ax, at, frame, seen, "share", "main")
    if ahead:
        path = [seen[-1], *ahead] if seen else ahead
        # The band opens from where the line seen ends.
        begin = [frame["share"].iloc[seen[-1]]] if seen else []
        style.band(
            ax,
            [at[i] for i in path],
            begin + [frame["low"].iloc[i] for i in ahead],
            begin + [frame["high"].iloc[i] for i in ahead],
            "second",
        )
        _draw(ax, at, frame, ahead, "expected", "second")
    ax.set_ylim(0, 1)
    style.percent_axis(ax.yaxis, whole=True)
    ax.set_ylabel("people who have started")
    style.month_axis(ax, at)
    ends = [(at[seen[-1]], frame["share"].iloc[seen[-1]], "so far", "main")] if seen else []
    if ahead:
        ends.append((at[ahead[-1]], frame["expected"].iloc[ahead[-1]], "expected", "second"))
    style.label_ends(ax, ends)
    return ax


def _draw(
    ax: Axes, at: Sequence[float], frame: Any, rows: Sequence[int], column: str, name: str
) -> None:
    style.line(ax, [at[i] for i in rows], [frame[column].iloc[i] for i in rows], name)


def _counts(published: Published, ax: Axes) -> Axes:
    """Draw counts by period with the fitted curve, where no headcount is known."""
    frame = published.frame
    style.line(ax, list(frame["time"]), list(frame["expected"]), "second")
    style.line(ax, list(frame["time"]), list(frame["adopters"]), "main")
    style.number_axis(ax.yaxis)
    ax.set_ylabel("people who started")
    ax.set_xlabel("period")
    last = frame.iloc[-1]
    style.label_ends(
        ax,
        [
            (last["time"], last["adopters"], "seen", "main"),
            (last["time"], last["expected"], "Bass curve", "second"),
        ],
    )
    return ax


def active(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw weekly and monthly active people."""
    frame = published.frame
    ax = style.axes(ax, height=2.6)
    at = [_number(str(day)) - 6 for day in frame["day_on"]]
    style.line(ax, at, list(frame["mau"]), "second")
    style.line(ax, at, list(frame["wau"]), "main")
    style.number_axis(ax.yaxis)
    ax.set_ylabel("active people")
    style.month_axis(ax, at)
    last = frame.iloc[-1]
    style.label_ends(
        ax,
        [(at[-1], last["mau"], "in 28 days", "second"), (at[-1], last["wau"], "in 7 days", "main")],
    )
    return ax


def habit(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw how many days of the last 28 people came."""
    frame = published.frame
    ax = style.bars(
        ax, list(frame["days"]), list(frame["share"]),
        says=[percent(v) if v == v and v is not None else "hidden" for v in frame["share"]],
    )  # fmt: skip
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("people active in the last 28 days")
    return ax


def units(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw each group's share with its interval, those behind in the colour of attention."""
    rows = published.frame.to_dict("records")
    overall = published.estimate("unit_activation", "all").value if _has_all(published) else None
    ax = style.forest(
        ax,
        [row["group"] for row in rows],
        [row["share"] for row in rows],
        [row["low"] for row in rows],
        [row["high"] for row in rows],
        colours=[_STANDING.get(str(row["standing"]), "context") for row in rows],
        reference=overall,
    )
    style.percent_axis(ax.xaxis)
    window = published.parameters.get("window_days")
    ax.set_xlabel(f"people who reached first value within {window} days")
    if overall is not None:
        ax.annotate(
            f"everyone {percent(overall)}", (overall, 1), xycoords=("data", "axes fraction"),
            xytext=(0, 2), textcoords="offset points", ha="center", va="bottom",
            size=style.FONT - 1, color=style.PALETTE["context"],
        )  # fmt: skip
    return ax


def _has_all(published: Published) -> bool:
    return published.has("unit_activation", "all")


# Dates --------------------------------------------------------------------------------------


def _number(day: str) -> float:
    """Place of the last day of the week that begins with an ISO date."""
    from matplotlib.dates import date2num

    return float(date2num(date.fromisoformat(day[:10]) + timedelta(days=6)))
