"""Tabulate what was planned and done, what came of it rung by rung, and what it was worth."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ldresearch import tables
from ldresearch.questions import collect
from ldresearch.result import Published
from ldresearch.tables import Col, Table
from ldresearch.vocabulary import metrics
from ldresearch.wording import NOT_KNOWN, NOT_REACHED, date, number, percent, points

ITEMS: Final = {
    "frozen": "plan frozen", "launch": "launch", "end": "end", "design": "comparison",
    "share": "share with the initiative", "looks": "looks held on their days",
    "primary": "smallest effect that matters", "guardrail": "most that may be lost",
    "outcome": "result of the work", "cost": "cost",
}  # fmt: skip
"""Items of a plan as a reader would name them."""

DESIGNS: Final = {
    "parallel": "some get it, others not", "stepped_wedge": "all in turn",
    "hold_out": "a few held out", "before_after": "nobody left out",
    "randomised": "chance decided who gets it", "compared": "compared, not drawn by chance",
}  # fmt: skip
RUNGS: Final = {
    "reaction": "what people said", "learning": "what they can do", "behaviour": "what they did",
    "result": "what came of it", "return": "what it returned",
}  # fmt: skip
COLLECT: Final = {
    "reaction": "ask a short questionnaire at the end, with the person or her group",
    "learning": "have others than the person rate the skill before the launch, and again after",
    "behaviour": collect()["event"],
    "result": "record a result of the work by person or unit, from some months before the launch",
    "return": "agree, before the launch, on what one unit of the result is worth",
}
"""What to collect next time for a rung that was not measured."""

COMPARE: Final = "let chance leave some people out, for a while"
"""What to do next time where nothing that was measured may be called an effect."""

EVIDENCE: Final = {
    "randomised": "strong: drawn at random", "quasi-experimental": "fair: compared with others",
    "adjusted": "limited: adjusted", "descriptive": "a description, no effect",
}  # fmt: skip
FIGURES: Final = {
    "benefit": "benefit, before isolation", "isolation": "share that is its own",
    "cost": "cost", "net": "earned beyond its cost", "roi": "return on investment, %",
    "benefit_cost_ratio": "benefit for each unit of cost",
    "payback_months": "months to earn the cost back",
}  # fmt: skip
INPUTS: Final = {
    "effect": "effect on the result", "periods": "periods counted", "worth": "worth of one unit",
    "cost": "cost", "isolation": "share that is its own",
}  # fmt: skip
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


# Plan and actual ----------------------------------------------------------------------------


def kept(published: Published, *_: Published) -> Table:
    """Tabulate each item of the plan: planned, actual, kept or not."""
    caption = "Plan against actual, with 95 % intervals"
    columns = (Col("planned", is_header=True), Col("kept"), Col("actual"))
    rows = tuple(
        (f"{_item(r)}: {planned(r)}" if planned(r) else _item(r), _kept(r["state"]), actual(r))
        for r in published.frame.to_dict("records")
    )
    return Table(caption, columns, rows)


def _kept(state: Any) -> str:
    return {"kept": "yes", "not kept": "no"}.get(str(state), "cannot be told")


def _item(row: Mapping[Any, Any]) -> str:
    said = ITEMS.get(str(row["item"]), str(row["item"]))
    if row["item"] == "outcome":
        return f"{said}, {str(row['what']).replace('_', ' ')}"
    return f"{said}, {label(str(row['what']))}" if row["what"] else said


def label(metric: str) -> str:
    """Name a metric as a reader would."""
    known = metrics().get(metric)
    return known.label if known else metric.replace("_", " ")


def planned(row: Mapping[Any, Any]) -> str:
    """Say what was planned of an item."""
    if _is_number(row["planned"]):
        return _amount(row["planned"], row)
    return _text(row["planned_on"])


def actual(row: Mapping[Any, Any]) -> str:
    """Say what an item came to, with its interval where it has one."""
    if not _is_number(row["actual"]):
        return _text(row["actual_on"]) or NOT_KNOWN
    said = _amount(row["actual"], row)
    if not (_is_number(row["low"]) and _is_number(row["high"])):
        return said
    return f"{said} ({_interval(row, lambda x: _amount(x, row))})"


def _interval(row: Mapping[Any, Any], say: Callable[[float], str]) -> str:
    """Write the ends of an interval, the unit once where both have the same."""
    low, high = (say(float(row[end])) for end in ("low", "high"))
    if low.partition(" ")[2].rstrip("s") == high.partition(" ")[2].rstrip("s"):
        low = low.partition(" ")[0]
    return f"{low} to {high}"


def _amount(value: Any, row: Mapping[Any, Any]) -> str:
    if row["item"] == "share":
        return percent(float(value))
    return amount(float(value), "points" if row["unit"] == "share" else str(row["unit"]))


def amount(value: float, unit: str) -> str:
    """Write a number with its unit; points of a share with their sign.

    Examples
    --------
    >>> amount(0.07, "points"), amount(24000, "EUR"), amount(0.8004, "cases")
    ('+7 points', '24,000 EUR', '0.8 cases')
    """
    if unit in ("share", "points"):
        return points(value)
    if not math.isfinite(value):
        return NOT_REACHED
    if unit == "percent":
        return f"{_brief(value)} %"
    return _brief(value) if unit in ("", "score", "ratio") else f"{_brief(value)} {unit}"


def _brief(value: float) -> str:
    """Write two digits behind the first that counts, and whole numbers from a hundred on."""
    return number(round(value) if abs(value) >= 100 else float(f"{value:.2g}"))


def _text(cell: Any) -> str:
    said = str(cell or "")
    said = DESIGNS.get(said, said)
    return _DATE.sub(lambda found: date(found[0]), said)


def _is_number(cell: Any) -> bool:
    return cell is not None and not isinstance(cell, str) and cell == cell


# The ladder ---------------------------------------------------------------------------------


def ladder(published: Published, *_: Published) -> Table:
    """Tabulate each rung: what was found, how strong the evidence is, or what to collect."""
    columns = (Col("rung", is_header=True), Col("found"), Col("evidence"))
    rows = tuple(_rung(r, public=published.rules.public)
                 for r in published.frame.to_dict("records"))  # fmt: skip
    return Table("From reaction to return, rung by rung, with 95 % intervals", columns, rows)


def _rung(row: Mapping[Any, Any], *, public: bool) -> tuple[str, str, str]:
    name = str(row["name"])
    said = f"{row['rung']} {RUNGS.get(name, name)}"
    if row["state"] == "unknown" or not _is_number(row["value"]):
        hidden = row["state"] != "unknown" and not public
        todo = COMPARE if "left out" in str(row["missing"]) else COLLECT.get(name, "")
        return said, "hidden: too few people" if hidden else "not measured", f"next time {todo}"
    unit = str(row["unit"])
    found = amount(float(row["value"]), unit)
    if _is_number(row["low"]) and _is_number(row["high"]):
        found += f" ({_interval(row, lambda x: amount(x, unit))})"
    evidence = EVIDENCE.get(str(row["grade"]), str(row["grade"]))
    # What people say has nobody to compare with; the other rungs have.
    is_lonely = str(row["grade"]) == "descriptive" and int(row["rung"]) > 1
    return said, found, f"{evidence}; next time {COMPARE}" if is_lonely else evidence


# Result and worth ---------------------------------------------------------------------------


def result(published: Published, *_: Published) -> Table:
    """Tabulate the sides before and since."""
    labels = {"before": "before", "after": "since", "low": "since, from", "high": "to"}
    unit = str(published.parameters.get("unit") or "")
    name = str(published.parameters.get("outcome") or "result").replace("_", " ")
    return tables.of(
        published, f"{name[:1].upper()}{name[1:]}{f', {unit}' if unit else ''}, a period",
        labels=labels, formats={"side": lambda c: SIDES.get(str(c), str(c))},
    ) if published.rows else Table("Result", (), ())  # fmt: skip


SIDES: Final = {"treated": "with it", "control": "without it", "everyone": "everyone"}


def hidden(published: Published, *_: Published) -> Table:
    """Tabulate how strong a hidden cause would have to be."""
    names = {"e_value": "E-value", "robustness_value": "robustness value"}
    wants = {"effect": "the effect", "interval": "the nearer end of its interval"}
    return tables.of(
        published, "What a hidden cause would take",
        labels={"of": "to bring to nought"} if published.rows else None,
        formats={"measure": lambda c: names.get(str(c), str(c)),
                 "of": lambda c: wants.get(str(c), str(c))} if published.rows else None,
    )  # fmt: skip


def worth(published: Published, *_: Published) -> Table:
    """Tabulate benefit, cost and return."""
    currency = str(published.parameters.get("currency") or "")
    caption = f"Benefit, cost and return{f', {currency}' if currency else ''}"
    return tables.of(
        published, caption,
        labels={"value": "median", "low": "from", "high": "to"} if published.rows else None,
        drop=["mean"] if published.rows else (),
        formats={"figure": lambda c: FIGURES.get(str(c), str(c))} if published.rows else None,
    )  # fmt: skip


def tornado(published: Published, *_: Published) -> Table:
    """Tabulate what drives the return, the strongest first."""
    labels = {
        "low_input": "low (1 in 10 below)", "high_input": "high (1 in 10 above)",
        "low": "earned at low", "high": "earned at high",
    }  # fmt: skip
    return tables.of(
        published, "What drives it, all else at its median",
        labels=labels if published.rows else None,
        drop=["part", "swing", "variance_share"] if published.rows else (),
        formats={"input": lambda c: INPUTS.get(str(c), str(c))} if published.rows else None,
    )  # fmt: skip
