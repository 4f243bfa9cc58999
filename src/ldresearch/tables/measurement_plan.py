"""Tabulate what could be measured, what it would take, and the rule that decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.vocabulary import metrics
from ldresearch.wording import HIDDEN, NOT_KNOWN, date, number, percent, quantity

WAYS: Final = {
    "persons": "person by person",
    "adjusted": "person by person, adjusted",
    "equal": "half and half",
    "events": "by time to value (events)",
    "unit": "by unit",
    "team": "by team",
    "manager": "by manager",
    "location": "by site",
    "role": "by role",
}
"""Ways to run and read an initiative, as a row is named."""

DESIGNS: Final = {
    "parallel": "some groups, not the others", "stepped_wedge": "one after another",
    "hold_out": "all but a few", "before_after": "everyone at once",
}  # fmt: skip
"""Roll-outs as a row is named."""

_STANDING: Final = {
    "good": "sharp",
    "usable": "usable",
    "blunt": "blunt",
    "flat": "shows nothing",
}
_UNITS: Final = {"person": "person by person", "unit": "whole units"}
_ASSIGNED: Final = {"self_started": "self-started only", "assigned": "assigned only",
                    "all": "self-started and assigned"}  # fmt: skip
_METHODS: Final = {
    "confidence_sequence": "confidence sequence: look whenever you like",
    "lan_demets_obrien_fleming": "boundaries of the O'Brien-Fleming kind at the looks",
    "lan_demets_pocock": "boundaries of the Pocock kind at the looks",
}
_WHATS: Final = {
    "objective": "objective", "owner": "owner", "population": "for whom", "launch": "launch",
    "end": "end", "looks": "looks", "reviews": "reviews", "verbs": "what counts as value",
    "assigned": "of which activity", "min_minutes": "minutes that make a value day",
    "window_days": "days within which it counts", "unit": "rolled out by", "design": "design",
    "share": "share that gets it", "method": "how looks are kept honest", "rule": "rule",
    "guardrail": "guardrail and margin",
}  # fmt: skip


def metric(cell: Scalar) -> str:
    """Name a metric as a reader would."""
    known = metrics().get(str(cell))
    return known.label if known else str(cell)


def way(cell: Scalar) -> str:
    """Name a way as a reader would."""
    return WAYS.get(str(cell), str(cell))


def size(value: Any, unit: str) -> str:
    """Write the size of a change in its unit; shares in points.

    Examples
    --------
    >>> size(0.0567, "share"), size(2.82, "days"), size(None, "days")
    ('5.7 points', '2.8 days', 'not known')
    """
    if value is None or not math.isfinite(float(value)):
        return NOT_KNOWN
    if unit == "share":
        return quantity(round(100 * float(value), 1), "points")
    return quantity(round(float(value), 1), unit)


def baseline(published: Published, *others: Published) -> Table:
    """Tabulate the baseline of every metric, shares and means, with intervals."""
    caption = "Before the launch, over the last whole window, with 95 % intervals"
    columns = (Col("metric", is_header=True), Col("baseline", "right"), Col("from", "right"),
               Col("to", "right"), Col("spread (sd)", "right"), Col("people", "right"))  # fmt: skip
    rows = []
    for one in (published, *others):
        for row in one.frame.to_dict("records"):
            if one.name == "shares":
                cells = [percent(row[c]) if _known(row[c]) else HIDDEN
                         for c in ("share", "low", "high")]  # fmt: skip
                spread = "–"
            else:
                unit = metrics()[str(row["metric"])].unit
                cells = [size(row[c], unit).partition(" ")[0] if _known(row[c]) else HIDDEN
                         for c in ("mean", "low", "high")]  # fmt: skip
                cells[0] = size(row["mean"], unit) if _known(row["mean"]) else HIDDEN
                spread = number(row["sd"]) if _known(row["sd"]) else HIDDEN
            n = f"{row['n']:,.0f}" if _known(row["n"]) else f"fewer than {one.rules.k}"
            rows.append((metric(row["metric"]), *cells, spread, n))
    return Table(caption, columns, tuple(rows))


def scorecard(published: Published, *_: Published) -> Table:
    """Tabulate how small a change each metric would show."""
    caption = "What each metric would show with the people there are, the sharpest first"
    columns = (
        Col("metric", is_header=True), Col("smallest change", "right"),
        Col("of baseline", "right"), Col("adjusted", "right"), Col("sharpness"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        unit = metrics()[str(row["metric"])].unit
        relative = percent(row["relative"]) if _known(row["relative"]) else NOT_KNOWN
        rows.append((
            metric(row["metric"]), size(row["mde"], unit), relative, size(row["adjusted"], unit),
            _STANDING.get(str(row["standing"]), NOT_KNOWN),
        ))  # fmt: skip
    return Table(caption, columns, tuple(rows))


def trustworthy(published: Published, *_: Published) -> Table:
    """Tabulate how steady, how complete, how late and how easily gamed each metric is."""
    caption = "How far each metric can be trusted"
    columns = (
        Col("metric", is_header=True), Col("moves by itself, a week", "right"),
        Col("like the week before", "right"), Col("missing", "right"),
        Col("known after", "right"), Col("gamed"), Col("because"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        known = metrics()[str(row["metric"])]
        rows.append((
            known.label, _share(row["moves"]), _plain(row["autocorrelation"]),
            _share(row["missing"]),
            quantity(round(float(row["lag_days"])), "days") if _known(row["lag_days"])
            else NOT_KNOWN,
            _easily(known.gameability), known.gameable_because,
        ))  # fmt: skip
    return Table(caption, columns, tuple(rows))


def _easily(gameability: str) -> str:
    return {"low": "hardly", "medium": "somewhat", "high": "easily"}.get(gameability, NOT_KNOWN)


def curve(published: Published, *_: Published) -> Table:
    """Tabulate the smallest effect by the number of people."""
    unit = str(published.parameters.get("unit") or "")
    frame = published.frame
    caption = "Smallest change that would be found, by people in both arms"
    if not len(frame):
        return Table(caption, (), ())
    kinds = list(dict.fromkeys(frame["way"]))
    columns = (Col("people", is_header=True), *(Col(_LINES.get(str(k), str(k)), "right")
                                                for k in kinds))  # fmt: skip
    cells = {(r["n_total"], r["way"]): r["mde"] for r in frame.to_dict("records")}
    rows = tuple(
        (f"{n:,.0f}", *(size(cells.get((n, k)), unit) for k in kinds))
        for n in sorted(set(frame["n_total"]))
    )
    return Table(caption, columns, rows)


_LINES: Final = {"persons": "by person", "adjusted": "adjusted", "groups": "by group"}


def likeness(published: Published, *_: Published) -> Table:
    """Tabulate how alike people within groups are."""
    labels = {
        "by": "rolled out by", "n_groups": "groups", "size": "people in one",
        "icc": "likeness (ICC)", "low": "from", "high": "to",
        "design_effect": "times as many people",
    }  # fmt: skip
    return tables.of(
        published, "What a roll-out by whole groups costs, with 95 % intervals", labels=labels,
        formats={"by": way, "icc": _third, "low": _third, "high": _third}
        if published.rows else None,
    )  # fmt: skip


def ways(published: Published, *_: Published) -> Table:
    """Tabulate what each way to run the initiative needs and finds."""
    p = published.parameters
    unit = str(p.get("unit") or "")
    columns = (
        Col("way", is_header=True), Col("people needed", "right"), Col("there are", "right"),
        Col("chance to find it", "right"), Col("smallest change found", "right"), Col("enough"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        mark = " (the plan)" if row["is_planned"] else ""
        rows.append((
            way(row["way"]) + mark,
            number(row["needed"]) if _known(row["needed"]) else "too few groups",
            number(row["there"]), _share(row["power"]),
            "–" if row["way"] == "events" else size(row["mde"], unit),
            "yes" if row["is_enough"] else "no",
        ))  # fmt: skip
    effect = size(p.get("effect"), unit)
    return Table(f"What it takes to find a change of {effect}", columns, tuple(rows))


def designs(published: Published, *_: Published) -> Table:
    """Tabulate the simulated roll-outs."""
    unit = str(published.parameters.get("unit") or "")
    columns = (
        Col("rolled out to", is_header=True), Col("effect found", "right"), Col("from", "right"),
        Col("to", "right"), Col("smallest weekly change", "right"),
        Col("person-weeks with it", "right"), Col("chance for 1,000 person-weeks", "right"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        shown = _known(row["power"])
        rows.append((
            DESIGNS.get(str(row["design"]), str(row["design"])),
            *(percent(row[c]) if shown else HIDDEN for c in ("power", "low", "high")),
            size(row["mde"], unit) if shown else HIDDEN,
            number(row["weeks_treated"]) if shown else HIDDEN,
            f"{100 * float(row['power_per_1000']):.1f} %" if shown else HIDDEN,
        ))  # fmt: skip
    tries = number(published.parameters.get("simulations") or 0)  # type: ignore[arg-type]
    return Table(f"Roll-outs tried {tries} times on the weeks there were", columns, tuple(rows))


def outline(published: Published, *_: Published) -> Table:
    """Tabulate the plan in short."""
    p = published.parameters
    columns = (Col("what", is_header=True), Col("the plan says"))
    rows = [
        ("metric that decides", metric(p.get("metric"))),
        ("smallest change that matters", size(p.get("minimum_effect"), str(p.get("unit")))),
    ]
    rows += [
        (_WHATS.get(str(r["what"]), str(r["what"])), _says(str(r["what"]), str(r["says"])))
        for r in published.frame.to_dict("records")
        if str(r["says"])
    ]
    rows += [("alpha, power", f"{p.get('alpha')}, {p.get('power')}"), ("hash", str(p.get("hash")))]
    return Table("The plan in short", columns, tuple(rows) if published.rows else ())


def _says(what: str, said: str) -> str:
    if what in ("launch", "end"):
        return date(said)
    if what in ("looks", "reviews"):
        return "; ".join(date(day) for day in said.split(", "))
    if what == "share":
        return percent(float(said))
    if what == "guardrail":
        name, _, margin = said.rpartition(" ")
        return f"{metric(name)}: {size(float(margin), metrics()[name].unit)}"
    words: Mapping[str, Mapping[str, str]] = {
        "unit": _UNITS, "assigned": _ASSIGNED, "method": _METHODS, "design": DESIGNS,
    }  # fmt: skip
    return words.get(what, {}).get(said, said)


def rule(published: Published, *_: Published) -> Table:
    """Tabulate the rule of decision: the first line that holds decides."""
    p = published.parameters
    effect = size(p.get("minimum_effect"), str(p.get("unit")))
    lines = (
        ("The sides do not hold the shares they were drawn with", "stop: mend the allocation"),
        ("A guardrail is surely worse by more than its margin", "stop"),
        ("The metric that decides is surely worse", "stop"),
        (f"It is surely better, and surely by less than {effect}", "pivot: change the approach"),
        ("It is surely better", "continue, and bring it to everyone"),
        (f"An improvement of {effect} is surely out of reach", "stop"),
        ("The end has come, and none of these holds", "pivot: change the approach"),
        ("Else", "iterate until the next look"),
    )
    columns = (Col("what is seen", is_header=True), Col("what follows"))
    return Table("The rule, from top to bottom", columns, lines)


def _share(cell: Any) -> str:
    return percent(cell) if _known(cell) else NOT_KNOWN


def _plain(cell: Any) -> str:
    return number(round(float(cell), 2)) if _known(cell) else NOT_KNOWN


def _third(cell: Scalar) -> str:
    return number(round(float(cell or 0), 3))


def _known(cell: Any) -> bool:
    return cell is not None and cell == cell
