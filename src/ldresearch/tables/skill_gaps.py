"""Tabulate what the skill gap figures draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import number, percent, points

SOURCES: Final = {
    "any": "anyone",
    "review": "skill review",
    "certificate": "certificate",
    "manager": "manager",
    "peer": "peer",
    "inferred": "inferred",
    "self": "the person",
}
"""Source of a rating as a row label."""

_STANDING: Final = {
    "above": "more than elsewhere",
    "below": "less than elsewhere",
    "in line": "as elsewhere",
    "reference": "the others are held against it",
    "told": "told",
    "not told": "cannot be told",
    "chosen": "chosen",
    "possible": "possible",
    "refused": "refused",
}


def coverage(published: Published, *_: Published) -> Table:
    """Tabulate which share of the required skills is rated, by source and age."""
    labels = {
        "source": "rated by", "new": "in the last half year", "middle": "half a year to a year ago",
        "old": "longer ago", "share": "in all", "n": "people rated",
    }  # fmt: skip
    return tables.of(
        published, "Required skills that are rated, by source and age of the rating",
        labels=labels, formats={"source": _source},
    )  # fmt: skip


def basis(published: Published, *_: Published) -> Table:
    """Tabulate what is known of the required skills, by group."""
    labels = {
        "several": "two sources or more", "one": "one other source", "self_only": "self only",
        "none": "not rated",
    }  # fmt: skip
    return tables.of(published, "Who has rated the required skills", labels=labels)


def sources(published: Published, *_: Published) -> Table:
    """Tabulate the sources of ratings: by how much they rate higher, and how much they err."""
    labels = {
        "source": "source", "standing": "rates higher by", "n_pairs": "ratings",
        "bias": "points of 100", "low": "from", "high": "to", "error": "error of one rating",
    }  # fmt: skip
    formats = _hundreds("low", "high", "error") | {
        "source": _source, "standing": _standing, "bias": lambda cell: _signed(cell),
    }  # fmt: skip
    return tables.of(
        published, "Sources of ratings, on a scale of 0 to 100", labels=labels, formats=formats
    )


def gaps(published: Published, *_: Published) -> Table:
    """Tabulate the shortfall of each skill."""
    labels = {
        "gap": "mean of target less level", "shortfall": "shortfall", "low": "from", "high": "to",
        "at_target": "at target", "rated": "rated", "n": "people rated",
    }  # fmt: skip
    return tables.of(
        published, "Distance to the level asked for, points of 100", labels=labels,
        formats=_hundreds("gap", "shortfall", "low", "high"),
    )  # fmt: skip


def gap_map(published: Published, *_: Published) -> Table:
    """Tabulate the shortfall by skill and group."""
    labels = {"shortfall": "shortfall", "low": "from", "high": "to", "standing": "stands"}
    return tables.of(
        published, "Largest shortfalls by group, points of 100", labels=labels,
        formats=_hundreds("shortfall", "low", "high") | {"standing": _standing},
    )  # fmt: skip


def readiness(published: Published, *_: Published) -> Table:
    """Tabulate by how much closing each skill would raise readiness."""
    labels = {"gain": "would raise readiness by", "low": "from", "high": "to", "n": "people rated"}
    return tables.of(
        published, "Skills by what closing them would add to readiness, percentage points",
        labels=labels, formats=_hundreds("gain", "low", "high", digits=1),
    )  # fmt: skip


def self_bias(published: Published, *_: Published) -> Table:
    """Tabulate manager less self by group."""
    labels = {"difference": "manager less self", "low": "from", "high": "to", "standing": "stands"}
    formats: dict[str, Callable[[Scalar], str]] = {
        "standing": _standing, "difference": _signed, "low": _signed, "high": _signed,
    }  # fmt: skip
    return tables.of(
        published, "Managers' ratings less people's own, points of 100", labels=labels,
        formats=formats,
    )  # fmt: skip


def supply(published: Published, *_: Published) -> Table:
    """Tabulate what there is to close each gap, and what it takes."""
    currency = str(published.parameters.get("currency") or "")
    labels = {
        "n_content": "content on offer", "hours": "hours a person", "low": "from", "high": "to",
        "total_hours": "hours in all", "total_cost": f"price in all {currency}".strip(),
        "closable": "closed by it", "n": "people short",
    }  # fmt: skip
    return tables.of(
        published, "What would close the gaps: the shortest way through the content on offer",
        labels=labels,
        formats={"hours": _tenth, "low": _tenth, "high": _tenth, "total_hours": _whole,
                 "total_cost": _whole, "closable": lambda cell: percent(_float(cell))},
    )  # fmt: skip


def clusters(published: Published, *_: Published) -> Table:
    """Tabulate the numbers of cohorts that were tried."""
    labels = {
        "cohorts": "cohorts", "standing": "verdict", "jaccard": "come back",
        "lowest": "the least stable one", "null": "without cohorts",
        "ari": "adjusted Rand index", "gap": "tighter than without cohorts",
        "smallest": "smallest, people",
    }  # fmt: skip
    return tables.of(
        published, "Numbers of cohorts tried, and how well they come back (1: always)",
        labels=labels, formats={"standing": _standing},
    )  # fmt: skip


def cohorts(published: Published, *_: Published) -> Table:
    """Tabulate what each cohort lacks most, and what teaches it."""
    labels = {
        "skill": "lacks", "shortfall": "shortfall", "low": "from", "high": "to",
        "others": "of everyone else", "content": "to take next", "hours": "hours to close it",
    }  # fmt: skip
    formats = _hundreds("shortfall", "low", "high", "others") | {"hours": _tenth}
    return tables.of(
        published, "Cohorts and their three largest shortfalls, points of 100", labels=labels,
        drop=["place"] if any(c.name == "place" for c in published.columns) else [],
        formats=formats,
    )  # fmt: skip


# Cells --------------------------------------------------------------------------------------


def _float(cell: Scalar) -> float:
    return float(cell) if cell is not None else float("nan")


def _hundreds(*columns: str, digits: int = 0) -> dict[str, Callable[[Scalar], str]]:
    """Write numbers of 0 to 1 as points of 100."""
    return dict.fromkeys(columns, lambda cell: number(round(100 * _float(cell), digits)))


def _signed(cell: Scalar) -> str:
    return points(_float(cell)).split(" ")[0]


def _tenth(cell: Scalar) -> str:
    return number(round(_float(cell), 1))


def _whole(cell: Scalar) -> str:
    return number(round(_float(cell)))


def _source(cell: Scalar) -> str:
    return SOURCES.get(str(cell), str(cell))


def _standing(cell: Scalar) -> str:
    return _STANDING.get(str(cell), str(cell))
