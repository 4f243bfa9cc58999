"""Tabulate the reports behind a summary."""

from __future__ import annotations

from typing import Final

from ldresearch.result import Published
from ldresearch.tables import Col, Table
from ldresearch.wording import Link, date, plural

STATES: Final = {
    "failed": "failed", "stale": "stale", "fresh": "fresh", "complete": "complete",
    "not run": "not run",
}  # fmt: skip


def shelf(published: Published, *_: Published) -> Table:
    """List every report with its date, how it stands and what it found."""
    columns = (
        Col("Report", is_header=True), Col("As of"), Col("Stands"), Col("What it found"),
    )  # fmt: skip
    rows = []
    for row in published.frame.to_dict("records"):
        name, day = str(row["report"]), str(row["as_of"])
        stands = STATES[str(row["state"])]
        if row["state"] == "failed":
            stands += f" as of {date(str(row['failed_as_of']))}"
        if row["n_failing"]:
            stands += f", {plural(int(row['n_failing']), 'check')} not passed"
        shown = name.split("_", 1)[-1].replace("--", ": ").replace("_", " ")
        found = str(row["title"])
        if not found:
            found = f"run it: ldresearch run {name.split('_', 1)[-1]}"
        rows.append((
            Link.to(name, day, shown) if day else shown, date(day) if day else "–", stands, found,
        ))  # fmt: skip
    return Table("The reports this rests on", columns, tuple(rows))
