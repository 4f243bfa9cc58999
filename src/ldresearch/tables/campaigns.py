"""Tabulate campaigns: what was sent, what each brought, what it cost."""

from __future__ import annotations

import math

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import NOT_KNOWN, NOT_REACHED, fixed, number, percent, points

POINTS, SENT = 8, 3
"""Weeks of each campaign in a long table: of a series, and of messages sent."""


def effects(published: Published, *_: Published) -> Table:
    """Tabulate each campaign: strategy, design, effect, strength of the evidence."""
    labels = {
        "strategy": "how", "is_goal_tied": "tied to a goal", "breadth": "told", "effect": "effect",
        "low": "from", "high": "to", "grade": "evidence", "n_reached": "started", "n": "of",
    }  # fmt: skip
    return tables.of(
        published, "What each launch brought, in points of 100 people waiting", labels=labels,
        drop=["client", "se", "why"],
        formats={"effect": _points, "low": _points, "high": _points, "breadth": _percent,
                 "strategy": _plain},
    )  # fmt: skip


def touches(published: Published, *_: Published) -> Table:
    """Tabulate what was sent, week by week."""
    labels = {"week_on": "week of", "n_touches": "sent", "n": "people"}
    return tables.of(published, "Messages sent in some of the weeks", labels=labels, most=SENT)


def dose(published: Published, *_: Published) -> Table:
    """Tabulate who started by what was sent to them in the first week."""
    labels = {
        "touches": "messages", "n_reached": "started", "n": "of", "low": "from", "high": "to",
    }  # fmt: skip
    return tables.of(published, "People who started, by messages in the first week", labels=labels)


def lift(published: Published, *_: Published) -> Table:
    """Tabulate activity after the launch beside the same weekdays before."""
    labels = {
        "response": "a day after", "baseline": "a day before", "low": "from", "high": "to",
        "half_life": "half-life, days", "n": "people",
    }  # fmt: skip
    return tables.of(
        published, "People active on an average day, after and before the launch", labels=labels,
        drop=["extra", "ratio", "half_life_low", "half_life_high", "is_on_holiday", "note"],
        formats={"response": _tenths, "baseline": _tenths, "lift": _tenth_points,
                 "low": _tenth_points, "high": _tenth_points,
                 "half_life": lambda cell: number(round(_float(cell)))},
    )  # fmt: skip


def course(published: Published, *_: Published) -> Table:
    """Tabulate the effect period by period."""
    labels = {"event": "period", "estimate": "effect", "low": "from", "high": "to", "n": "people"}
    return tables.of(
        published, "Effect by period since the launch, in points", labels=labels,
        drop=["band_low", "band_high", "is_before"],
        formats={"estimate": _points, "low": _points, "high": _points,
                 "event": lambda cell: number(_float(cell))},
    )  # fmt: skip


def series(published: Published, *_: Published) -> Table:
    """Tabulate the weeks before and after a launch for everyone."""
    labels = {
        "time": "week", "outcome": "started", "expected": "had it gone on", "low": "from",
        "high": "to", "n": "waiting",
    }  # fmt: skip
    return tables.of(
        published, "Of those waiting, who start in the week", labels=labels, drop=["part"],
        formats=dict.fromkeys(("outcome", "expected", "low", "high"), _tenths) | {
            "time": lambda cell: number(_float(cell))}, most=POINTS,
    )  # fmt: skip


def strategies(published: Published, *_: Published) -> Table:
    """Tabulate the campaigns by strategy."""
    labels = {
        "arm": "strategy", "n_reached": "started", "n": "of", "low": "from", "high": "to",
        "n_campaigns": "campaigns", "n_clients": "clients",
    }  # fmt: skip
    return tables.of(
        published, "Who started within the window, by strategy", labels=labels,
        formats=dict.fromkeys(("share", "low", "high"), _percent),
    )  # fmt: skip


def pooled(published: Published, *_: Published) -> Table:
    """Tabulate the effects that are put together, and what the next launch may bring."""
    labels = {"label": "campaign", "effect": "effect", "low": "from", "high": "to",
              "share_of_weight": "weight", "n": "people"}  # fmt: skip
    return tables.of(
        published, "The launches taken together, in points", labels=labels, drop=["kind", "se"],
        formats={"effect": _points, "low": _points, "high": _points, "share_of_weight": _percent,
                 "label": lambda cell: _TOGETHER.get(str(cell), str(cell))},
    )  # fmt: skip


_TOGETHER = {"all": "all together", "next client": "the next launch"}


def cost(published: Published, *_: Published) -> Table:
    """Tabulate what it cost to bring one more person to first value."""
    labels = {"activated": "people brought", "cost_each": "cost each", "low": "from",
              "high": "to", "n": "people waiting"}  # fmt: skip
    whole = dict.fromkeys(("cost", "activated", "cost_each", "low", "high"), _whole)
    return tables.of(
        published, "What one more person cost", labels=labels, drop=["note"], formats=whole
    )


# Cells --------------------------------------------------------------------------------------


def _float(cell: Scalar) -> float:
    return math.nan if cell is None else float(cell)


def _whole(cell: Scalar) -> str:
    value = _float(cell)
    return "no upper end" if math.isinf(value) else number(round(value))


def _points(cell: Scalar) -> str:
    return points(_float(cell)).partition(" ")[0] if cell == cell else NOT_KNOWN


def _percent(cell: Scalar) -> str:
    return percent(_float(cell))


def _tenths(cell: Scalar) -> str:
    value = _float(cell)
    return f"{fixed(100 * value, 1)} %" if math.isfinite(value) else NOT_REACHED


def _tenth_points(cell: Scalar) -> str:
    value = 100 * _float(cell)
    sign = "+" if value > 0.05 else "\u2212" if value < -0.05 else ""
    return f"{sign}{fixed(abs(value), 1)}" if math.isfinite(value) else NOT_KNOWN


def _plain(cell: Scalar) -> str:
    return str(cell).replace("_", " ")
