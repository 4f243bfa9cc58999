"""Tabulate what an initiative is judged by at a look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.vocabulary import metrics
from ldresearch.wording import date, fixed, number, points, quantity

POINTS: Final = 14
"""Rows of a long course; its figure shows the rest."""
ITEMS: Final = {
    "name": "plan", "objective": "objective", "frozen_on": "frozen on", "version": "version",
    "hash": "hash begins with", "launch_on": "launch", "end_on": "end", "metric": "primary metric",
    "minimum_effect": "smallest effect that matters", "method": "looks are kept honest by",
    "owner": "who decides",
}  # fmt: skip
METHODS: Final = {
    "confidence_sequence": "an interval that holds at every look",
    "lan_demets_obrien_fleming": "boundaries of O'Brien and Fleming's kind",
    "lan_demets_pocock": "boundaries of Pocock's kind",
}
STATES: Final = {"breached": "breached", "safe": "holds", "open": "open"}
DEVIATIONS: Final = {
    "frozen_late": "frozen at or after the launch", "amended": "amended after the launch",
    "looks_missed": "looks without a record", "launch_moved": "launch on another day",
    "arms_switched": "moved to another side", "other_unit": "allocated in another way",
    "not_drawn": "not drawn by chance", "not_in_an_arm": "eligible and on no side",
    "not_eligible": "on a side and not eligible at the launch",
    "late_data": "events after the look that should have counted them",
}  # fmt: skip
_DATES = ("frozen_on", "launch_on", "end_on")
_SIDES = {"treated": "launch", "control": "held out"}


def plan(published: Published, *_: Published) -> Table:
    """Tabulate what the plan says."""
    cells = {str(row[0]): str(row[1]) for row in published.rows}
    metric = cells.get("metric", "")
    rows = []
    for item, value in cells.items():
        said = value
        if item in _DATES and value:
            said = date(value)
        elif item == "metric":
            said = _label(metric)
        elif item == "minimum_effect":
            said = _amount(metric, float(value))
        elif item == "method":
            said = METHODS.get(value, value)
        rows.append((ITEMS.get(item, item), said))
    columns = (tables.Col("The plan", is_header=True), tables.Col("says"))
    return Table("What was frozen before the launch", columns, tuple(rows))


def arms(published: Published, *_: Published) -> Table:
    """Tabulate the sides with the shares they have and should have."""
    labels = {"arm": "side", "assigned": "units drawn", "expected": "planned share"}
    there = {column.name for column in published.columns}
    return tables.of(
        published, "The sides of the comparison",
        labels={name: said for name, said in labels.items() if name in there},
        formats={"arm": lambda cell: _SIDES.get(str(cell), str(cell)), "expected": _percent},
    )  # fmt: skip


def course(published: Published, *_: Published) -> Table:
    """Tabulate the difference by the day on which it was known."""
    metric = str(published.parameters.get("metric"))
    says = _saying(metric)
    ends = ("difference", "low", "high", "fixed_low", "fixed_high")
    return tables.of(
        published, "Launch less held out, by the day on which it was known",
        labels={"look": "known on", "low": "from", "high": "to", "fixed_low": "from, one look",
                "fixed_high": "to, one look"},
        formats=dict.fromkeys(ends, says), most=POINTS,
    )  # fmt: skip


def looks(published: Published, *_: Published) -> Table:
    """Tabulate the planned looks with their boundaries."""
    says = _saying(str(published.parameters.get("metric")))
    return tables.of(
        published, "Planned looks and their boundaries, the alternative to the sequence",
        labels={"z": "over its error", "bound": "boundary", "is_crossed": "crossed"},
        drop=["low", "high"], formats={"difference": says, "z": _short, "bound": _short},
    )  # fmt: skip


def forecast(published: Published, *_: Published) -> Table:
    """Tabulate what is expected at the end."""
    says = _saying(str(published.parameters.get("metric")))
    return tables.of(
        published, "Expected at the planned end",
        labels={"look": "on", "low": "from", "high": "to"}, drop=["part"],
        formats=dict.fromkeys(("expected", "low", "high"), says),
    )  # fmt: skip


def guardrails(published: Published, *_: Published) -> Table:
    """Tabulate each guardrail with its margin and where it stands."""
    columns = ("guardrail", "difference", "95 % interval", "may get worse by", "stands")
    rows = []
    for row in published.frame.to_dict("records"):
        says = _saying(str(row["metric"]))
        low, high = row["low"], row["high"]
        hidden = row["difference"] is None or row["difference"] != row["difference"]
        interval = "hidden" if hidden else _span(str(row["metric"]), float(low), float(high))
        rows.append((
            _label(str(row["metric"])), "hidden" if hidden else says(row["difference"]), interval,
            "hidden" if hidden else _amount(str(row["metric"]), float(row["margin"])),
            "hidden" if hidden else STATES.get(str(row["state"]), str(row["state"])),
        ))  # fmt: skip
    numbers = (tables.Col(name, "right") for name in columns[1:4])
    heads = (tables.Col(columns[0], is_header=True), *numbers, tables.Col(columns[4]))
    return Table("What must not suffer: launch less held out", heads, tuple(rows))


def before(published: Published, *_: Published) -> Table:
    """Tabulate what activity before the launch explains."""
    return tables.of(
        published, "What activity before the launch explains",
        labels={"variance_left": "variance left", "width_left": "width left"},
        drop=["covariate", "theta"],
    )  # fmt: skip


def drift(published: Published, *_: Published) -> Table:
    """Tabulate how far the people differ from those at the launch."""
    return tables.of(
        published, "People now against the day of the launch",
        labels={"psi": "change", "chance": "chance alone", "state": "is", "n": "people now"},
        formats={"psi": _short, "chance": _short},
    )  # fmt: skip


def quality(published: Published, *_: Published) -> Table:
    """Tabulate faults of events before the launch and since."""
    return tables.of(
        published, "Events with a fault, before the launch and since",
        labels={"check": "fault", "before": "before", "now": "since", "state": "is"},
        drop=["low", "high"],
        formats={"before": _fine_percent, "now": _fine_percent},
    )  # fmt: skip


def process(published: Published, *_: Published) -> Table:
    """Tabulate what was done otherwise, of the plan and its looks."""
    return tables.of(
        published, "Otherwise than planned: the plan and its looks",
        labels={"deviation": "what", "count": "how many", "detail": "which"},
        formats={"deviation": _deviation, "detail": _dates},
    )  # fmt: skip


def roll_out(published: Published, *_: Published) -> Table:
    """Tabulate what was done otherwise, of people."""
    return tables.of(
        published, "Otherwise than planned: people",
        labels={"deviation": "what", "count": "how many", "of": "out of"},
        drop=["n", "detail"], formats={"deviation": _deviation},
    )  # fmt: skip


def _label(metric: str) -> str:
    entry = metrics().get(metric)
    return entry.label if entry else metric


def _unit(metric: str) -> str:
    entry = metrics().get(metric)
    return entry.unit if entry else ""


def _amount(metric: str, value: float) -> str:
    unit = _unit(metric)
    if unit == "share":
        return quantity(round(100 * abs(value), 1), "points")
    return quantity(value, unit)


def _saying(metric: str) -> Callable[[Scalar], str]:
    unit = _unit(metric)

    def say(cell: Scalar) -> str:
        value = float(cell or 0)
        if unit == "share":
            return points(value)
        return f"+{quantity(value, unit)}" if value > 0 else quantity(value, unit)

    return say


def _span(metric: str, low: float, high: float) -> str:
    """Say an interval without its unit, which stands beside it."""
    factor = 100 if _unit(metric) == "share" else 1
    ends = [number(round(factor * end)) for end in (low, high)]
    signed = [f"+{said}" if end > 0 and said != "0" else said
              for said, end in zip(ends, (low, high), strict=True)]  # fmt: skip
    return " to ".join(signed)


def _deviation(cell: Scalar) -> str:
    return DEVIATIONS.get(str(cell), str(cell))


def _dates(cell: Scalar) -> str:
    parts = [part.strip() for part in str(cell).split(",")]
    is_dates = all(len(p) == 10 and p[4] == "-" for p in parts)
    return ", ".join(date(p) for p in parts) if is_dates else str(cell)


def _percent(cell: Scalar) -> str:
    return f"{fixed(100 * float(cell or 0))} %"


def _fine_percent(cell: Scalar) -> str:
    return f"{fixed(100 * float(cell or 0), 1)} %"


def _short(cell: Scalar) -> str:
    return fixed(float(cell or 0), 2)
