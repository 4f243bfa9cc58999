"""Draw what each launch brought, period by period, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ldresearch.figures import style
from ldresearch.result import Published
from ldresearch.wording import fixed, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


def effects(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the effect of each campaign with its interval; broad and goal-tied ones in colour."""
    rows = [r for r in published.frame.to_dict("records") if _is_number(r["effect"])]
    rows.sort(key=lambda r: -r["effect"])
    ax = style.forest(
        ax,
        [_label(row, rows) for row in rows],
        [row["effect"] for row in rows],
        [row["low"] for row in rows],
        [row["high"] for row in rows],
        colours=[_colour(row) for row in rows],
        reference=0.0,
    )
    _points_axis(ax.xaxis)
    window = published.parameters.get("window_days")
    ax.set_xlabel(f"more of 100 people, in {window} days")
    return ax


def _is_number(value: Any) -> bool:
    return value is not None and value == value


def _label(row: dict[Any, Any], rows: Sequence[dict[Any, Any]]) -> str:
    """Name the client where it has one campaign among others' ones, else the campaign."""
    clients = [r["client"] for r in rows]
    one_each = len(clients) == len(set(clients)) > 1
    said = str(row["client"]) if one_each else str(row["campaign"])
    said = said[:1].upper() + said[1:]
    strategy = str(row["strategy"] or "").replace("_", " ")
    tied = ", goal-tied" if row["is_goal_tied"] == "yes" else ""
    return f"{said} ({strategy}{tied})" if strategy and len(said) < 16 else said


def _colour(row: dict[Any, Any]) -> str:
    if row["strategy"] == "broad" and row["is_goal_tied"] == "yes":
        return "main"
    return "second" if row["strategy"] == "drip" else "context"


def _points_axis(axis: Axis) -> None:
    """Write differences of shares as points, with their sign."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: points(round(value, 6)).partition(" ")[0])
    )


def course(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the effect in each period before and after the launch, one line a campaign."""
    frame = published.frame
    ax = style.axes(ax)
    names = list(dict.fromkeys(frame["campaign"]))
    ends = []
    for i, name in enumerate(names[: len(style.SERIES)]):
        own = frame[frame["campaign"] == name]
        colour = style.series(i)
        style.band(ax, list(own["event"]), list(own["low"]), list(own["high"]), colour)
        style.line(ax, list(own["event"]), list(own["estimate"]), colour)
        if len(own):
            last = own.iloc[-1]
            ends.append((last["event"], last["estimate"], _short(name, names), colour))
    ax.axhline(0, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    ax.axvline(-0.5, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    ax.annotate(
        "launch", (-0.5, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
        textcoords="offset points", ha="center", va="bottom", size=style.FONT - 1,
        color=style.PALETTE["context"],
    )  # fmt: skip
    _points_axis(ax.yaxis)
    ax.set_ylabel("more of 100 who start in the period")
    window = published.parameters.get("window_days")
    ax.set_xlabel(f"periods of {window} days since the launch" if window else "periods")
    style.label_ends(ax, ends)
    return ax


def _short(name: str, names: Sequence[str]) -> str:
    """Say only the client before a colon, where that tells the campaigns apart."""
    heads = [other.partition(": ")[0] for other in names]
    if ": " in name and len(set(heads)) == len(heads) > 1:
        head = name.partition(": ")[0]
        return head[:1].upper() + head[1:]
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1].rstrip() + "…"


_LONGEST = 18


def series(published: Published, *_: Published, ax: Axes | None = None) -> Axes:
    """Draw the weeks before and after a launch for everyone, and where they were heading."""
    frame = published.frame
    ax = style.axes(ax, height=2.6)
    name = frame["campaign"].iloc[0]
    own = frame[frame["campaign"] == name]
    after = own[own["part"] == "after"]
    time = list(own["time"])
    style.band(ax, list(after["time"]), list(after["low"]), list(after["high"]), "context")
    style.line(ax, time, list(own["expected"]), "context")
    style.line(ax, time, list(own["outcome"]), "main")
    ax.axvline(-0.5, color=style.PALETTE["context"], linewidth=0.8, zorder=1)
    ax.set_ylim(bottom=0)
    _tenths(ax.yaxis)
    ax.set_ylabel("of those waiting, who start in the week")
    ax.set_xlabel(f"weeks since the launch of {style.text(name)}")
    last = own.iloc[-1]
    style.label_ends(
        ax,
        [
            (last["time"], last["outcome"], "seen", "main"),
            (last["time"], last["expected"], "had it gone on", "context"),
        ],
    )
    return ax


def _tenths(axis: Axis) -> None:
    """Write small shares with one decimal: a week moves few people."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{fixed(100 * value, 1)} %"))
