"""Tabulate roles within reach, what moves take, who moves, and selection rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, NOT_KNOWN, number, percent

_STANDING = {
    "most": "chosen most", "in line": "four fifths or more",
    "below": "below four fifths, perhaps by chance",
    "beyond chance": "below four fifths, beyond chance", "not known": "not known: too few",
}  # fmt: skip
_LIKENESS = {
    "readiness": "readiness one way", "there and back": "readiness both ways",
    "nearness": "distance",
}  # fmt: skip


def reachable(published: Published, *_: Published) -> Table:
    """Tabulate readiness for the roles that are nearest."""
    caption = "Readiness for other roles, with 95 % intervals"
    if not published.rows:
        return Table(caption, (), ())
    labels = {
        "from": "from", "to": "to", "readiness": "readiness", "low": "at least",
        "high": "at most", "within_reach": "are ready", "n": "people",
    }  # fmt: skip
    drop = ["tier", "asks", "distance", "distance_low", "distance_high", *_nobody(published)]
    if "n" in drop:
        drop.append("within_reach")
    return tables.of(
        published, caption, labels={k: v for k, v in labels.items() if k not in drop}, drop=drop,
        formats=dict.fromkeys(("readiness", "low", "high"), _percent),
    )  # fmt: skip


def near(published: Published, *_: Published) -> Table:
    """Tabulate how far the roles are apart, and how their publisher relates them."""
    caption = "Distance between what the roles ask for, in points of 100"
    if not published.rows:
        return Table(caption, (), ())
    labels = {
        "tier": "called related", "asks": "asks, on the whole, for",
        "distance": "distance", "distance_low": "from point", "distance_high": "to point",
    }  # fmt: skip
    drop = ["readiness", "low", "high", "within_reach", "n"]
    if not published.parameters.get("has_errors"):
        drop += ["distance_low", "distance_high"]
        labels = {k: v for k, v in labels.items() if k not in drop}
    points = dict.fromkeys(("distance", "distance_low", "distance_high"), hundredths)
    return tables.of(
        published, caption, labels=labels, drop=drop,
        formats={
            "tier": lambda c: str(c) or "no",
            **{k: f for k, f in points.items() if k not in drop},
        },
    )  # fmt: skip


def steps(published: Published, *_: Published) -> Table:
    """Tabulate the largest gaps between two roles."""
    caption = "What a move takes: largest gaps by importance, in points of 100"
    if not published.rows:
        return Table(caption, (), ())
    labels = {
        "target_from": "asked of the first", "target_to": "of the second", "low": "from point",
        "high": "to point", "level": "people are at",
    }  # fmt: skip
    drop = ["importance", *_nobody(published)]
    if "n" in drop:
        drop.append("level")
    if not published.parameters.get("has_errors"):
        drop += ["low", "high"]
    names = ("target_from", "target_to", "gap", "low", "high", "level")
    return tables.of(
        published, caption, labels={k: v for k, v in labels.items() if k not in drop}, drop=drop,
        formats={n: hundredths for n in names if n not in drop} | {"target_from": _asked},
    )  # fmt: skip


def doors(published: Published, *_: Published) -> Table:
    """Tabulate how many roles each skill opens."""
    has_people = published.parameters.get("basis") == "people"
    of = "for every 100 people" if has_people else "mean over roles"
    drop = _nobody(published)
    if published.parameters.get("is_of_one_role"):
        of, drop = "from this role", [*drop, "opened"]
    caption = f"Roles that a skill alone brings within reach, {of}"
    if not published.rows:
        return Table(caption, (), ())
    labels = {"gain": "more roles", "low": "at least", "high": "at most",
              "opened": "opens one or more to"}  # fmt: skip
    return tables.of(
        published, caption, labels={k: v for k, v in labels.items() if k not in drop}, drop=drop,
        formats=dict.fromkeys(("gain", "low", "high"), hundredths if has_people else _one),
    )  # fmt: skip


def agreement(published: Published, *_: Published) -> Table:
    """Tabulate how well these profiles agree with roles that others call related."""
    labels = {
        "likeness": "near by", "tier": "related roles", "auc": f"agreement (chance: {number(0.5)})",
        "low": "from", "high": "to", "first": "first at 1/", "first_by_chance": "by chance",
        "order": "same order (rank correlation)",
    }  # fmt: skip
    caption = "Agreement with related roles, with 95 % intervals over roles"
    if not published.rows:
        return Table(caption, (), ())
    labels["first"], labels["first_by_chance"] = "mean 1/place of the first", "the same by chance"
    return tables.of(
        published, caption, labels=labels, drop=["n"],
        formats={
            "likeness": lambda c: _LIKENESS.get(str(c), str(c)),
            **dict.fromkeys(("auc", "low", "high", "first", "first_by_chance", "order"), _two),
        },
    )  # fmt: skip


def moves(published: Published, *_: Published) -> Table:
    """Tabulate who applied, was chosen and moved, by how ready people were."""
    caption = "Of 100 pairs of a person and another role, by readiness (95 % interval)"
    if not published.rows:
        return Table(caption, (), ())
    columns = (
        Col("readiness", is_header=True), Col("applied", "right"), Col("chosen", "right"),
        Col("moved", "right"), Col("people", "right"),
    )  # fmt: skip
    rows = tuple(
        (
            str(row["band"]),
            *(_rate(row, what, published) for what in ("applied", "chosen", "moved")),
            number(row["n"]) if _is_shown(row["n"]) else f"fewer than {published.rules.k}",
        )
        for row in published.frame.to_dict("records")
    )  # fmt: skip
    return Table(caption, columns, rows)


def selection(published: Published, *_: Published) -> Table:
    """Tabulate selection rates and their ratios to the group chosen most."""
    caption = "Selection by group: rates, and ratios to the group chosen most"
    if not published.rows:
        return Table(caption, (), ())
    columns = (
        Col("group", is_header=True), Col("applicants", "right"), Col("chosen", "right"),
        Col("ratio", "right"), Col("95 % interval", "right"),
        Col("within the same roles", "right"), Col("readiness", "right"), Col("reads"),
    )  # fmt: skip
    exact = published.rules
    rows = tuple(
        (
            str(row["group"]),
            number(row["n"]) if _is_shown(row["n"]) else f"fewer than {exact.k}",
            percent(row["rate"]) if _is_shown(row["rate"]) else HIDDEN,
            _ratio(row["ratio"]), _ends(row),
            "–" if row["standing"] == "most" else _ratio(row["same_roles"]),
            percent(row["readiness"]) if _is_shown(row["readiness"]) else NOT_KNOWN,
            _STANDING.get(str(row["standing"]), str(row["standing"])),
        )
        for row in published.frame.to_dict("records")
    )  # fmt: skip
    return Table(caption, columns, rows)


def hundredths(cell: Scalar) -> str:
    """Write a number on 0 to 1 in points of 100.

    Examples
    --------
    >>> hundredths(0.237), hundredths(-0.094)
    ('24', '−9.4')
    """
    value = 100 * float(cell or 0)
    return number(round(value) if abs(value) >= 10 else round(value, 1))


def _rate(row: Mapping[Any, Any], what: str, published: Published) -> str:
    if not _is_shown(row[what]):
        return NOT_KNOWN if published.rules.public else "not known, or too few"
    low, high = (hundredths(row[f"{what}_{end}"]) for end in ("low", "high"))
    return f"{hundredths(row[what])} ({low} to {high})"


def _ratio(cell: Any) -> str:
    return number(round(float(cell), 2)) if _is_shown(cell) else NOT_KNOWN


def _ends(row: Mapping[Any, Any]) -> str:
    if not _is_shown(row["ratio_low"]):
        return NOT_KNOWN if row["standing"] == "not known" else "–"
    high = float(row["ratio_high"])
    end = number(round(high, 2)) if high < float("inf") else "no end"
    return f"{number(round(float(row['ratio_low']), 2))} to {end}"


def _nobody(published: Published) -> list[str]:
    """Drop the column of people where the answer is about roles alone."""
    return [] if published.parameters.get("basis") == "people" else ["n"]


def _percent(cell: Scalar) -> str:
    return percent(float(cell or 0))


def _asked(cell: Scalar) -> str:
    return hundredths(cell) if float(cell or 0) > 0 else "not asked"


def _one(cell: Scalar) -> str:
    return number(round(float(cell or 0), 1))


def _two(cell: Scalar) -> str:
    return number(round(float(cell or 0), 2))


def _is_shown(cell: Any) -> bool:
    return cell is not None and cell == cell
