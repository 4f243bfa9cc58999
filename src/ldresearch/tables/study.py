"""What every report tabulates of its data: coverage and attrition."""

from __future__ import annotations

import re

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import date


def coverage(published: Published) -> Table:
    """Tabulate days, events, persons and rejected rows."""
    client = published.parameters.get("client")
    caption = f"What the data of {client} cover" if client else "What the data cover"
    labels = {"item": "what", "text": "date", "number": "rows", "n": "people"}
    made = tables.of(published, caption, labels=labels, formats={"text": _day})
    # A day has no rows: that is neither hidden nor not known.
    rows = tuple((what, day, "–" if day else n, people) for what, day, n, people in made.rows)
    return Table(made.caption, made.columns, rows)


def _day(cell: Scalar) -> str:
    said = str(cell)
    return date(said) if re.fullmatch(r"\d{4}-\d\d-\d\d", said) else said


def attrition(published: Published) -> Table:
    """Tabulate who is still counted after each step."""
    labels = {"reason": "step", "rows": "rows", "n": "people"}
    return tables.of(published, "Who is counted", labels=labels)
