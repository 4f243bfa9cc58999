"""Tabulate what the engagement figures draw."""

from __future__ import annotations

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import fixed, number

CAUSES = {
    "disengaged": "stopped learning",
    "left": "left the organisation",
    "withdrawn": "withdrew",
    "still going": "still going on",
}
VARIANTS = {
    "start": "from the offer's first day",
    "registration": "from each registration",
    "delayed_entry": "from the first day, at risk once registered",
}
_ENDS = {"low": "from", "high": "to"}
POINTS = 8
"""Rows of a long curve; its figure shows the rest."""


def gap(published: Published, *_: Published) -> Table:
    """Tabulate the share that returns by the length of the gap."""
    labels = {"time": "days without", "returned": "return", "n": "people", **_ENDS}
    return tables.of(published, "Share who return after a gap at least this long", labels=labels,
                     drop=("n_events",), most=POINTS)  # fmt: skip


def everyone(published: Published, *_: Published) -> Table:
    """Tabulate the survival curve of everyone."""
    return tables.of(published, "Share still going on, by day", labels=_CURVE,
                     drop=("group", "n_events"), most=POINTS)  # fmt: skip


def groups(published: Published, *_: Published) -> Table:
    """Tabulate the survival curves of the groups."""
    return tables.of(published, "Share still going on, by group and day", labels=_CURVE,
                     drop=("n_events",), most=POINTS)  # fmt: skip


_CURVE = {"time": "day", "survival": "still going on", "n": "people at risk", **_ENDS}


def ends(published: Published, *_: Published) -> Table:
    """Tabulate how it ended by the horizon."""
    return tables.of(
        published, _over(published, "How it ended"), labels={"cause": "how", **_ENDS},
        drop=("group",), formats={"cause": lambda cell: CAUSES.get(str(cell), str(cell))},
    )  # fmt: skip


def contrast(published: Published, *_: Published) -> Table:
    """Tabulate the mean days of each group and how they differ."""
    labels = {
        "rmst": "mean days", "difference": f"against {published.parameters.get('reference')}",
        "difference_low": "from", "difference_high": "to", "standing": "lasts",
        **_ENDS,
    }  # fmt: skip
    return tables.of(published, _over(published, "Mean days until the end"), labels=labels)


def drivers(published: Published, *_: Published) -> Table:
    """Tabulate the ratios of the regression."""
    is_hazard = published.parameters.get("model") == "cox"
    caption = (
        "Hazard ratios: above 1, it ends sooner than in the reference"
        if is_hazard
        else "Time ratios: above 1, it lasts longer than in the reference"
    )
    labels = {"ph_p": "p of a constant ratio", **_ENDS}
    formats = {"term": _term, "p": _p_value, "ph_p": _p_value}
    return tables.of(published, caption, labels=labels, formats=formats)


def _p_value(cell: Scalar) -> str:
    """Write a p value with no more digits than anyone reads."""
    p = float(str(cell))
    return f"under {number(0.001)}" if p < 0.001 else fixed(p, 3 if p < 0.1 else 2)


def _term(cell: Scalar) -> str:
    """Write a term of a regression as a reader would say it."""
    name, _, level = str(cell).partition(": ")
    if level:
        return level
    return {"tenure_years": "each year of tenure"}.get(name, name.replace("_", " "))


def recurrence(published: Published, *_: Published) -> Table:
    """Tabulate the mean number of further spells."""
    labels = {"day": "since the first began", "mean": "further spells a person",
              "n": "people followed", **_ENDS}  # fmt: skip
    return tables.of(published, "Further spells, by day", labels=labels)


def sensitivity(published: Published, *_: Published) -> Table:
    """Tabulate the same numbers under other rules."""
    labels = {"rmst": "mean days", "median": "median days", **_ENDS}
    return tables.of(
        published, _over(published, "The same numbers under other rules"), labels=labels,
        formats={"rule": lambda cell: VARIANTS.get(str(cell), f"a gap of {cell}")},
    )  # fmt: skip


def calibration(published: Published, *_: Published) -> Table:
    """Tabulate what the earlier half foretold and what the later half did."""
    labels = {"day": "after", "predicted": "foretold", "observed": "seen later", **_ENDS}
    return tables.of(published, "Still going on, foretold and seen", labels=labels)


def _over(published: Published, what: str) -> str:
    horizon = published.parameters.get("horizon") or published.parameters.get("horizon_days")
    return f"{what}, within {float(horizon):.0f} days" if horizon else what
