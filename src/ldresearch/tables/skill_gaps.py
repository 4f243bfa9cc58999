"""Tabulate skills, gaps, cohorts, ratings and what closes the gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, NOT_KNOWN, number, percent

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
        "severity": "severity between raters, points",
    }  # fmt: skip
    formats = {
        "source": source, "standing": lambda c: _STANDING.get(str(c), str(c)),
        **_hundredths("bias", "low", "high", "error", "severity"),
    }  # fmt: skip
    return tables.of(
        published, "Sources of ratings: bias and error, in points of 100", labels=labels,
        formats=formats if published.rows else None,
    )  # fmt: skip


def agreement(published: Published, *_: Published) -> Table:
    """Tabulate how far sources agree, two by two."""
    caption = "Agreement of sources on the same skills (1: always, 0: no better than strangers)"
    columns = (
        Col("rated by", is_header=True), Col("and by", is_header=True), Col("same number", "right"),
        Col("same order", "right"), Col("weighted kappa", "right"), Col("skills rated", "right"),
        Col("people", "right"),
    )  # fmt: skip
    rows = tuple(
        (
            source(r["first"]), source(r["second"]), _ranged(r, "same", "low", "high", _index),
            _ranged(r, "order", "order_low", "order_high", _index),
            NOT_KNOWN if _is_absent(r["kappa"]) else _index(r["kappa"]), _count(r["n_pairs"]),
            _count(r["n"]),
        )
        for r in published.frame.to_dict("records")
    )  # fmt: skip
    return Table(caption, columns, rows) if rows else Table(caption, (), ())


def gaps(published: Published, *_: Published) -> Table:
    """Tabulate the shortfall of each skill."""
    caption = "Shortfall by skill, in points of 100, with 95 % intervals"
    columns = (
        Col("skill", is_header=True), Col("shortfall", "right"), Col("target less level", "right"),
        Col("at target", "right"), Col("are rated", "right"), Col("people", "right"),
    )  # fmt: skip
    rows = tuple(
        (
            str(r["skill"]), _ranged(r, "shortfall", "low", "high", hundredths),
            _ranged(r, "gap", "gap_low", "gap_high", hundredths),
            _ranged(r, "at_target", "at_low", "at_high", _share),
            HIDDEN if _is_absent(r["rated"]) else percent(r["rated"]), _count(r["n"]),
        )
        for r in published.frame.to_dict("records")
    )  # fmt: skip
    return Table(caption, columns, rows) if rows else Table(caption, (), ())


def change(published: Published, *_: Published) -> Table:
    """Tabulate levels before and since an earlier date."""
    caption = "Levels of the same people before and since, in points of 100"
    columns = (
        Col("skill", is_header=True), Col("before", "right"), Col("since", "right"),
        Col("change", "right"), Col("people", "right"),
    )  # fmt: skip
    rows = tuple(
        (
            str(r["skill"]), *(HIDDEN if _is_absent(r[c]) else hundredths(r[c])
                               for c in ("before", "since")),
            _ranged(r, "change", "low", "high", hundredths), _count(r["n"]),
        )
        for r in published.frame.to_dict("records")
    )  # fmt: skip
    return Table(caption, columns, rows) if rows else Table(caption, (), ())


def _ranged(
    row: Mapping[Any, Any], value: str, low: str, high: str, write: Callable[[Scalar], str]
) -> str:
    """Write a number with its interval in one cell."""
    if _is_absent(row[value]):
        return HIDDEN
    said = write(row[value])
    if _is_absent(row[low]) or _is_absent(row[high]):
        return said
    return f"{said} ({write(row[low])} to {write(row[high])})"


def _share(cell: Scalar) -> str:
    return percent(float(cell or 0))


def _index(cell: Scalar) -> str:
    return number(round(float(cell or 0), 2))


def _count(cell: Scalar) -> str:
    return HIDDEN if _is_absent(cell) else number(float(cell or 0))


def _is_absent(cell: Any) -> bool:
    return cell is None or cell != cell


def gap_map(published: Published, *_: Published) -> Table:
    """Tabulate shortfalls with a row a skill and a column a group or role."""
    across = str(published.parameters.get("across") or "group")
    caption = (
        f"Shortfall by skill and {across}, in points of 100 (▲ ▼: above or below the others by "
        "more than chance)"
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


def cohort_plan(published: Published, *_: Published) -> Table:
    """Tabulate what closing each cohort's gaps takes, and what nothing teaches."""
    labels = {
        "hours": "hours a person", "low": "from", "high": "to", "total_hours": "hours of all",
        "total_cost": _cost(published), "closable": "gap closed",
        "untaught": "nothing on offer teaches", "n": "people",
    }  # fmt: skip
    return tables.of(
        published, "What closing the gaps of each cohort takes", labels=labels,
        formats={"untaught": lambda c: str(c) or "–"} if published.rows else None,
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
