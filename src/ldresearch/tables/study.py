"""What every report tabulates of its data: coverage and attrition."""

from __future__ import annotations

from ldresearch import tables
from ldresearch.result import Published
from ldresearch.tables import Table


def coverage(published: Published) -> Table:
    """Tabulate days, events, persons and rejected rows."""
    client = published.parameters.get("client")
    caption = f"What the data of {client} cover" if client else "What the data cover"
    labels = {"item": "what", "text": "date", "number": "rows", "n": "people"}
    return tables.of(published, caption, labels=labels)


def attrition(published: Published) -> Table:
    """Tabulate who is still counted after each step."""
    labels = {"reason": "step", "rows": "rows", "n": "people"}
    return tables.of(published, "Who is counted", labels=labels)
