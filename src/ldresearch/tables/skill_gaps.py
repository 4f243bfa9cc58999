"""Tabulate skills, gaps, cohorts, ratings and what closes the gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, NOT_KNOWN, number

SOURCES = {
    "any": "anyone",
    "review": "skill review",
    "certificate": "certificate",
    "manager": "manager",
    "peer": "peer",
    "inferred": "inferred from work",
    "self": "the person",
}
"""Sources of ratings as a reader would name them."""

_STANDING = {"reference": "all others are held against it", "told": "told",
             "not told": "cannot be told"}  # fmt: skip
_TRIED = {"chosen": "yes", "possible": "would be possible", "refused": "no"}
_MARK = {"above": " ▲", "below": " ▼"}


def coverage(published: Published, *_: Published) -> Table:
    """Tabulate which share of the required skills is rated, by source and age."""
    labels = {
        "source": "rated by", "new": "up to half a year old", "middle": "up to a year",
        "old": "older", "share": "any age",
    }  # fmt: skip
    return tables.of(
        published, "Required skills that are rated, by source and age of the rating",
        labels=labels, formats={"source": source},
    )  # fmt: skip


def basis(published: Published, *_: Published) -> Table:
    """Tabulate what is known of the required skills, by group."""
    labels = {
        "several": "rated by several", "one": "by one other", "self_only": "by the person only",
        "none": "not rated",
    }  # fmt: skip
    return tables.of(published, "Required skills by who has rated them", labels=labels)


def sources(published: Published, *_: Published) -> Table:
    """Tabulate how much each source flatters and errs."""
    labels = {
        "standing": "bias", "n_pairs": "ratings", "bias": "points too high", "low": "from",
        "high": "to", "error": "typical error, points",
    }  # fmt: skip
    return tables.of(
        published, "Sources of ratings: bias and error, in points of 100", labels=labels,
        formats={"source": source, "standing": lambda c: _STANDING.get(str(c), str(c)),
                 **_hundredths("bias", "low", "high", "error")} if published.rows else None,
    )  # fmt: skip


def gaps(published: Published, *_: Published) -> Table:
    """Tabulate the shortfall of each skill."""
    labels = {
        "gap": "target less level", "shortfall": "shortfall", "low": "from", "high": "to",
        "at_target": "at target", "rated": "are rated",
    }  # fmt: skip
    return tables.of(
        published, "Shortfall by skill, in points of 100, with 95 % intervals", labels=labels,
        formats=_hundredths("gap", "shortfall", "low", "high"),
    )  # fmt: skip


def gap_map(published: Published, *_: Published) -> Table:
    """Tabulate shortfalls with a row a skill and a column a group."""
    caption = (
        "Shortfall by skill and group, in points of 100 (▲ ▼: above or below the others by more "
        "than chance)"
    )
    frame = published.frame
    if not len(frame):
        return Table(caption, (), ())
    groups = sorted(set(frame["group"]))
    cells = {(r["skill"], r["group"]): r for r in frame.to_dict("records")}
    skills = list(dict.fromkeys(frame["skill"]))
    columns = (Col("skill", is_header=True), *(Col(str(g), "right") for g in groups))
    rows = tuple(
        (str(skill), *(_cell(cells.get((skill, group))) for group in groups)) for skill in skills
    )
    return Table(caption, columns, rows)


def _cell(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return NOT_KNOWN
    value = row["shortfall"]
    if value is None or value != value:
        return HIDDEN
    return hundredths(value) + _MARK.get(str(row["standing"]), "")


def readiness(published: Published, *_: Published) -> Table:
    """Tabulate which skill moves readiness most."""
    labels = {"gain": "readiness rises by, points", "low": "from", "high": "to"}
    return tables.of(
        published, "Rise of mean readiness if everyone reached the target in one skill",
        labels=labels, formats=_hundredths("gain", "low", "high"),
    )  # fmt: skip


def clusters(published: Published, *_: Published) -> Table:
    """Tabulate the numbers of cohorts that were tried."""
    labels = {
        "standing": "kept", "jaccard": "stability (1: always found again)",
        "lowest": "of the least stable", "ari": "agreement (ARI)",
        "gap": "tighter than chance", "gap_se": "standard error", "smallest": "smallest cohort",
    }  # fmt: skip
    return tables.of(
        published, "Numbers of cohorts that were tried", labels=labels,
        formats={"standing": lambda c: _TRIED.get(str(c), str(c))} if published.rows else None,
    )  # fmt: skip


def cohorts(published: Published, *_: Published) -> Table:
    """Tabulate what each cohort lacks most, and what teaches it."""
    labels = {
        "shortfall": "shortfall, points", "low": "from", "high": "to",
        "others": "of everyone else", "content": "next for most", "hours": "hours a person",
    }  # fmt: skip
    formats = {
        **_hundredths("shortfall", "low", "high", "others"),
        "content": lambda c: str(c) or "nothing on offer",
    }
    return tables.of(
        published, "Cohorts: three largest shortfalls each, and what teaches them",
        labels=labels, drop=["place"], formats=formats,
    )  # fmt: skip


def supply(published: Published, *_: Published) -> Table:
    """Tabulate what there is to close each gap, and what it takes."""
    labels = {
        "n_content": "pieces on offer", "hours": "hours a person", "low": "from", "high": "to",
        "total_hours": "hours of all", "total_cost": _cost(published), "closable": "gap closed",
        "n": "people short",
    }  # fmt: skip
    return tables.of(published, "What it takes to close each gap with what is on offer",
                     labels=labels)  # fmt: skip


def _cost(published: Published) -> str:
    currency = str(published.parameters.get("currency") or "")
    return f"cost, {currency}" if currency else "cost"


def self_bias(published: Published, *_: Published) -> Table:
    """Tabulate how far managers rate below the people themselves, by group."""
    labels = {
        "standing": "against all groups", "difference": "manager less self, points",
        "low": "from", "high": "to",
    }  # fmt: skip
    return tables.of(
        published, "Managers' ratings less people's own, by group", labels=labels,
        formats=_hundredths("difference", "low", "high"),
    )  # fmt: skip


def source(cell: Scalar) -> str:
    """Name a source of ratings as a reader would."""
    return SOURCES.get(str(cell), str(cell))


def hundredths(cell: Scalar) -> str:
    """Write a number on 0 to 1 in points of 100.

    Examples
    --------
    >>> hundredths(0.237), hundredths(-0.094)
    ('24', '−9.4')
    """
    value = 100 * float(cell or 0)
    return number(round(value) if abs(value) >= 10 else round(value, 1))


def _hundredths(*names: str) -> dict[str, Callable[[Scalar], str]]:
    return dict.fromkeys(names, hundredths)
