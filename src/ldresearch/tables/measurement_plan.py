"""Tabulate what could be measured, what it would take, and the rule that decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Published, Scalar
from ldresearch.tables import Col, Table
from ldresearch.vocabulary import metrics
from ldresearch.wording import HIDDEN, NOT_KNOWN, date, fixed, number, percent, quantity

WAYS: Final = {
    "once": "once only, at the end",
    "persons": "person by person",
    "adjusted": "adjusted for before",
    "equal": "half and half",
    "events": "by time to value",
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
_EASILY: Final = {"low": "hardly", "medium": "somewhat", "high": "easily", "": NOT_KNOWN}
_UNITS: Final = {"person": "person by person", "unit": "whole units"}
_ASSIGNED: Final = {"self_started": "self-started only", "assigned": "assigned only",
                    "all": "self-started and assigned"}  # fmt: skip
_METHODS: Final = {
    "confidence_sequence": "confidence sequence: look whenever you like",
    "lan_demets_obrien_fleming": "boundaries of the O'Brien-Fleming kind at the looks",
    "lan_demets_pocock": "boundaries of the Pocock kind at the looks",
}
_WHATS: Final = {
    "owner": "owner", "population": "for whom", "launch": "launch",
    "end": "end", "looks": "looks", "reviews": "reviews", "verbs": "what counts as value",
    "assigned": "of which activity", "min_minutes": "minutes that make a value day",
    "window_days": "days within which it counts", "unit": "rolled out by", "design": "design",
    "share": "share that gets it", "method": "how looks are kept honest",
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
    caption = "Before the launch, over the last whole window"
    columns = (Col("metric", is_header=True), Col("before", "right"),
               Col("95 % interval", "right"), Col("spread (sd)", "right"))  # fmt: skip
    rows = [
        (metric(row["metric"]), *_before(one, row))
        for one in (published, *others)
        for row in one.frame.to_dict("records")
    ]
    return Table(caption, columns, tuple(rows))


def _before(one: Published, row: Mapping[Any, Any]) -> tuple[str, str, str]:
    value = "share" if one.name == "shares" else "mean"
    if not all(_known(row[c]) for c in (value, "low", "high")):
        return HIDDEN, HIDDEN, HIDDEN
    if value == "share":
        low, high = percent(row["low"]).removesuffix(" %"), percent(row["high"])
        return percent(row[value]), f"{low} to {high}", "–"
    unit = metrics()[str(row["metric"])].unit
    low, high = (_tenth(row[c]) for c in ("low", "high"))
    return size(row[value], unit), f"{low} to {high}", number(row["sd"])


def _tenth(value: float) -> str:
    return number(round(float(value), 1))


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
    """Tabulate how steady, how complete and how late each metric is."""
    caption = "How steady, complete and late each metric is"
    columns = (
        Col("metric", is_header=True), Col("moves by itself, a week", "right"),
        Col("like the week before", "right"), Col("missing", "right"),
        Col("known after", "right"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        known = metrics()[str(row["metric"])]
        rows.append((
            known.label, _share(row["moves"]), _plain(row["autocorrelation"]),
            _share(row["missing"]),
            quantity(round(float(row["lag_days"])), "days") if _known(row["lag_days"])
            else NOT_KNOWN,
        ))  # fmt: skip
    return Table(caption, columns, tuple(rows))


def gameable(published: Published, *_: Published) -> Table:
    """Tabulate how easily each metric moves without anyone learning more, and why."""
    columns = (Col("metric", is_header=True), Col("moved"), Col("because"))
    known = [metrics()[str(name)] for name in published.frame.get("metric", ())]
    rows = tuple((m.label, _EASILY[m.gameability], m.gameable_because) for m in known)
    return Table("How easily each metric is moved without anyone learning more", columns, rows)


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
        (fixed(n), *(size(cells.get((n, k)), unit) for k in kinds))
        for n in sorted(set(frame["n_total"]))
    )
    return Table(caption, columns, rows)


_LINES: Final = {"persons": "by person", "adjusted": "adjusted", "groups": "by group"}


def likeness(published: Published, *_: Published) -> Table:
    """Tabulate how alike people within groups are."""
    columns = (
        Col("rolled out", is_header=True), Col("groups", "right"),
        Col("likeness within (ICC), 95 % interval", "right"), Col("times as many people", "right"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        alike, times = "too few groups", NOT_KNOWN
        if _known(row["icc"]):
            low, high = _third(row["low"]), _third(row["high"])
            alike = f"{_third(row['icc'])} ({low} to {high})"
            times = _tenth(row["design_effect"])
        groups = f"{number(row['n_groups'])} of {number(row['size'])}" if _known(row["size"]) else (
            HIDDEN)  # fmt: skip
        rows.append((way(row["by"]), groups, alike, times))
    return Table("What a roll-out by whole groups costs", columns, tuple(rows))


def ways(published: Published, *_: Published) -> Table:
    """Tabulate what each way to run the initiative needs and finds."""
    p = published.parameters
    unit = str(p.get("unit") or "")
    columns = (
        Col("compared", is_header=True), Col("people needed", "right"),
        Col("chance to find it", "right"), Col("smallest change found", "right"),
    )  # fmt: skip
    rows, there = [], NOT_KNOWN
    for row in published.frame.to_dict("records"):
        mark = " (the plan)" if row["is_planned"] else ""
        there = number(row["there"])
        rows.append((
            way(row["way"]) + mark,
            number(row["needed"]) if _known(row["needed"]) else "too few groups",
            _share(row["power"]), "–" if row["way"] == "events" else size(row["mde"], unit),
        ))  # fmt: skip
    effect = size(p.get("effect"), unit)
    caption = f"What it takes to find a change of {effect}; there are {there} people"
    return Table(caption, columns, tuple(rows))


def designs(published: Published, *_: Published) -> Table:
    """Tabulate the simulated roll-outs."""
    columns = (
        Col("rolled out to", is_header=True), Col("effect found", "right"),
        Col("95 % interval", "right"), Col("person-weeks with it", "right"),
        Col(f"chance for {number(1000)} person-weeks", "right"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        name = DESIGNS.get(str(row["design"]), str(row["design"]))
        if not _known(row["power"]):
            rows.append((name, *[HIDDEN] * 4))
            continue
        low, high = percent(row["low"]).removesuffix(" %"), percent(row["high"])
        rows.append((
            name, percent(row["power"]), f"{low} to {high}", number(row["weeks_treated"]),
            f"{fixed(100 * float(row['power_per_1000']), 1)} %",
        ))  # fmt: skip
    tries = number(float(published.parameters.get("simulations") or 0))
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
        if str(r["says"]) and r["what"] not in ("objective", "rule")
    ]
    rows += [
        ("alpha, power", f"{p.get('alpha')}, {p.get('power')}"),
        ("hash", _grouped(str(p.get("hash")))),
    ]
    return Table("The plan in short", columns, tuple(rows) if published.rows else ())


def _grouped(text: str) -> str:
    """Write a long text in groups, so that a narrow page can break it."""
    return " ".join(text[i : i + 16] for i in range(0, len(text), 16))


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
    return percent(cell) if _known(cell) else "–"


def _plain(cell: Any) -> str:
    return number(round(float(cell), 2)) if _known(cell) else "–"


def _third(cell: Scalar) -> str:
    return number(round(float(cell or 0), 3))


def _known(cell: Any) -> bool:
    return cell is not None and cell == cell
