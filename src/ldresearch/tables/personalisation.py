"""Tabulate what there is, how good policies are, whom they serve, and who gains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.wording import HIDDEN, NOT_KNOWN, number, percent

POLICIES: Final = {
    "shown": "what was in force",
    "today": "what people get today",
    "popular": "most popular",
    "popular_in_role": "most popular in the role",
    "item_knn": "taken together (item-kNN)",
    "ease": "learned from all (EASE)",
    "gap_aware": "EASE, then by skill gaps",
}
"""Policies as a reader would name them."""

_PARTS: Final = {
    "taken": "people who have taken something", "catalogue": "contents with a first day",
    "tags": "contents with a skill", "roles": "people with a role",
    "shortfalls": "people rated in a skill of their role", "shown": "people shown recommendations",
    "propensities": "recommendations whose chance is logged",
    "drawn": "people drawn by chance to get them or not",
}  # fmt: skip
_METRICS: Final = {
    "recall_at_k": "recall", "ndcg_at_k": "NDCG, of 100", "map_at_k": "MAP, of 100",
    "gap_closing_at_k": "teach a lacking skill", "novelty": "novelty, bits",
    "catalogue_coverage": "of the catalogue",
}  # fmt: skip
_SHARES: Final = ("recall_at_k", "gap_closing_at_k", "catalogue_coverage")
_SERVED: Final = {
    "below": "served worse", "above": "served better", "in line": "no more than chance",
}  # fmt: skip
_MARK: Final = {"above": " ▲", "below": " ▼"}


def readiness(published: Published, *_: Published) -> Table:
    """Tabulate what the data hold."""
    labels = {"part": "what it takes", "standing": "is it there", "n": "people it is about"}
    formats = {"part": part, "share": lambda c: percent(float(c or 0))}
    return tables.of(published, "What personalisation needs, and what judging it takes",
                     labels=labels, formats=formats if published.rows else None)  # fmt: skip


def part(cell: Scalar) -> str:
    """Name a part of the data as a reader would."""
    return _PARTS.get(str(cell), str(cell))


def policy(cell: Scalar) -> str:
    """Name a policy as a reader would."""
    return POLICIES.get(str(cell), str(cell))


def accuracy(published: Published, *_: Published) -> Table:
    """Tabulate recall of each policy and its difference to popular in role."""
    k = published.parameters.get("k")
    caption = f"Recall of the first {k}, and the difference to the most popular in the role, points"
    if not published.rows:
        return Table(caption, (), ())
    rows = [r for r in published.frame.to_dict("records") if r["metric"] == "recall_at_k"]
    columns = (
        Col("policy", is_header=True), Col("recall", "right"), Col("from", "right"),
        Col("to", "right"), Col("difference", "right"), Col("from", "right"), Col("to", "right"),
        Col("people", "right"),
    )  # fmt: skip
    body = tuple(
        (
            policy(r["policy"]), *(_share(r[c]) for c in ("value", "low", "high")),
            *(_points(r[c]) for c in ("difference", "difference_low", "difference_high")),
            number(r["n"], 6) if _known(r["n"]) else HIDDEN,
        )
        for r in rows
    )  # fmt: skip
    return Table(caption, columns, body)


def policies(published: Published, *_: Published) -> Table:
    """Tabulate every metric with a row a policy and a column a metric."""
    caption = (
        "Policies on the same people, with 95 % intervals (▲ ▼: recall above or below the most "
        "popular in the role by more than chance)"
    )
    if not published.rows:
        return Table(caption, (), ())
    found = published.frame.to_dict("records")
    cells = {(r["policy"], r["metric"]): r for r in found}
    metrics = [m for m in _METRICS if any(r["metric"] == m for r in found)]
    names = list(dict.fromkeys(r["policy"] for r in found))
    columns = (Col("policy", is_header=True), *(Col(_METRICS[m], "right") for m in metrics))
    rows = tuple((policy(p), *(_cell(cells.get((p, m)), m) for m in metrics)) for p in names)
    return Table(caption, columns, rows)


def _cell(row: Mapping[Any, Any] | None, metric: str) -> str:
    if row is None:
        return NOT_KNOWN
    if not _known(row["value"]):
        return HIDDEN
    said = _write(row["value"], metric)
    if _known(row["low"]) and _known(row["high"]):
        low = _write(row["low"], metric).removesuffix(" %")
        said += f" ({low} to {_write(row['high'], metric).removesuffix(' %')})"
    return said + _MARK.get(str(row["standing"]), "")


def _write(value: Any, metric: str) -> str:
    if metric in _SHARES:
        return percent(float(value))
    if metric == "novelty":
        return number(round(float(value), 1))
    return number(round(100 * float(value), 1))


def fairness(published: Published, *_: Published) -> Table:
    """Tabulate recall by group: those marked, working hours, and the three served worst."""
    caption = (
        "Recall by group of people, with 95 % intervals: every group that is marked, working "
        "hours, and the three served worst"
    )
    columns = (
        Col("lists", is_header=True), Col("group", is_header=True), Col("recall", "right"),
        Col("everyone else's is higher by, points", "right"), Col("got any", "right"),
        Col("people", "right"), Col("against everyone else"),
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    seen: dict[str, int] = {}
    for r in published.frame.to_dict("records") if published.rows else ():
        seen[r["policy"]] = seen.get(r["policy"], 0) + 1
        if r["standing"] == "in line" and r["grouping"] != "hours" and seen[r["policy"]] > 3:
            continue
        rows.append(
            (
                policy(r["policy"]), str(r["group"]), _between(r, "recall", "low", "high", _share),
                _between(r, "gap", "gap_low", "gap_high", _points), _share(r["served"]),
                number(r["n"], 6) if _known(r["n"]) else HIDDEN, _SERVED[str(r["standing"])],
            )
        )  # fmt: skip
    return Table(caption, columns, tuple(rows)) if rows else Table(caption, (), ())


def value(published: Published, *_: Published) -> Table:
    """Tabulate what each policy would have brought, a column an estimator."""
    caption = (
        "Share of recommendations that would be followed, with 95 % intervals; what was in force "
        "as seen"
    )
    if not published.rows:
        return Table(caption, (), ())
    found = published.frame.to_dict("records")
    cells = {(r["policy"], r["estimator"]): r for r in found}
    columns = (
        Col("policy", is_header=True), Col("doubly robust", "right"),
        Col("self-normalised", "right"), Col("weighted", "right"),
        Col("beyond what was in force, points", "right"), Col("rests on", "right"),
    )  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys(r["policy"] for r in found):
        own = next(r for r in found if r["policy"] == name)
        if own["estimator"] == "refused":
            rows.append((policy(name), "not told", "not told", "not told", "not told",
                         _effective(own)))  # fmt: skip
            continue
        leads = "shown" if name == "shown" else "doubly_robust"
        others = [cells.get((name, e)) for e in ("snips", "ips")]
        rows.append(
            (
                policy(name), _between(cells[name, leads], "value", "low", "high", _share),
                *(_between(r, "value", "low", "high", _share) if r else "" for r in others),
                "" if name == "shown" else _between(
                    cells[name, leads], "difference", "difference_low", "difference_high", _points
                ),
                _effective(own),
            )
        )  # fmt: skip
    return Table(caption, columns, tuple(rows))


def _effective(row: Mapping[Any, Any]) -> str:
    """Say how many recommendations of equal weight a number rests on."""
    return number(round(float(row["effective"])), 6) if _known(row["effective"]) else HIDDEN


def _between(
    row: Mapping[Any, Any], middle: str, low: str, high: str, write: Callable[[Any], str]
) -> str:
    """Write a number with its interval in brackets."""
    if not _known(row[middle]):
        return HIDDEN
    said = write(row[middle])
    if not (_known(row[low]) and _known(row[high])):
        return said
    return f"{said} ({write(row[low]).removesuffix(' %')} to {write(row[high]).removesuffix(' %')})"


def uplift(published: Published, *_: Published) -> Table:
    """Tabulate what is won by the share of people treated."""
    labels = {
        "share": "people treated", "gain": "won for 100 people", "low": "from", "high": "to",
        "at_random": "if chosen at random",
    }  # fmt: skip
    formats = {
        "share": lambda c: percent(float(c or 0)),
        **dict.fromkeys(("gain", "low", "high", "at_random"), _points),
    }
    return tables.of(
        published, "People won, those with the largest predicted gain treated first",
        labels=labels, formats=formats if published.rows else None,
    )  # fmt: skip


def responders(published: Published, *_: Published) -> Table:
    """Tabulate the gain of each group."""
    labels = {
        "grouping": "by", "standing": "against everyone else", "gain": "gain, points",
        "low": "from", "high": "to",
    }  # fmt: skip
    formats = {
        "standing": lambda c: {"above": "gains more", "below": "gains less"}.get(
            str(c), "no more than chance"),
        **dict.fromkeys(("gain", "low", "high"), _points),
    }  # fmt: skip
    return tables.of(published, "Gain from personalised recommendations by group of people",
                     labels=labels, formats=formats if published.rows else None)  # fmt: skip


def engagement(published: Published, *_: Published) -> Table:
    """Tabulate how long people stay engaged, with and without."""
    labels = {
        "group": "recommendations", "rmst": "days engaged", "low": "from", "high": "to",
        "difference": "longer by, days", "difference_low": "from", "difference_high": "to",
    }  # fmt: skip
    names = {"with": "personalised", "without": "as before"}
    formats = {"group": lambda c: names.get(str(c), str(c))}
    drop = [c.name for c in published.columns if c.name in ("se", "ratio", "p")]
    return tables.of(published, "Days engaged after the day of the draw or the split",
                     labels=labels, drop=drop,
                     formats=formats if published.rows else None)  # fmt: skip


def _known(cell: Any) -> bool:
    return cell is not None and cell == cell


def _share(cell: Any) -> str:
    """Write a share; below one in ten with a decimal, where policies differ by less than that."""
    if not _known(cell):
        return NOT_KNOWN
    value = 100 * float(cell)
    return percent(float(cell)) if abs(value) >= 9.95 else f"{number(round(value, 1))} %"


def _points(cell: Any) -> str:
    if not _known(cell):
        return NOT_KNOWN
    value = 100 * float(cell)
    return number(round(value) if abs(value) >= 10 else round(value, 1))
