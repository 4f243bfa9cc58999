"""The numbers behind the intake report."""

from __future__ import annotations

from ldresearch import tables as _tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import number, percent

FAULTS = {
    "unknown_person": "not in the HR file",
    "unknown_content": "content not in the catalogue",
    "unknown_assignment": "assignment not in its list",
    "before_hire": "active before being hired",
    "after_leaving": "active after leaving",
    "repeated": "the same event under two ids",
    "clock_ahead": "recorded before it happened",
    "shifted_day": "a date that falls on the day before",
}
"""Fault to the words a reader knows it by."""

LAGS = {
    "before": "before it happened",
    "day": "within a day",
    "week": "1 to 7 days later",
    "month": "7 to 30 days later",
    "later": "more than 30 days later",
}
"""Time of recording to words."""


def _said(words: dict[str, str]) -> object:
    return lambda cell: words.get(str(cell), str(cell))


def _plain(cell: Scalar) -> str:
    return str(cell).replace("_", " ")


def _share(cell: Scalar) -> str:
    share = float(cell) if isinstance(cell, int | float) else None
    return "under 1 %" if share and share < 0.005 else percent(share)


def questions(published: Published) -> Table:
    """Tabulate which questions have an answer, what is missing, and what to collect."""
    labels = {
        "analysis": "report", "asks": "question", "answer": "can it be answered?",
        "lacks": "what is missing", "collect": "what to collect", "n": "people",
    }  # fmt: skip
    dashes = {"lacks": _or_dash, "collect": _or_dash, "n": _people}
    return _tables.of(published, "Questions and what they take", labels=labels, formats=dashes)


def _people(cell: Scalar) -> str:
    """A dash where a table is not about people."""
    return number(float(cell)) if cell else "–"


def _or_dash(cell: Scalar) -> str:
    return str(cell) if cell else "–"


def tables(published: Published) -> Table:
    """Tabulate which tables there are, how long they run and how fresh they are."""
    labels = {
        "state": "is it here?", "n_questions": "questions that use it", "n_rows": "rows",
        "days_covered": "days covered", "days_since": "days since the last row", "n": "people",
    }  # fmt: skip
    return _tables.of(published, "Tables", labels=labels, formats={"table": _plain, "n": _people})


def coverage(published: Published) -> Table:
    """Tabulate events and active people by week."""
    labels = {
        "week_on": "week of", "standing": "standing", "n_events": "events",
        "usual": "usual events", "n": "active people",
    }  # fmt: skip
    return _tables.of(published, "Events and active people by week", labels=labels)


def verbs(published: Published) -> Table:
    """Tabulate events and people by verb and source."""
    labels = {"n_events": "events", "days_since": "days since the last", "n": "people"}
    return _tables.of(published, "What was done", labels=labels, formats={"verb": _plain})


def lag(published: Published) -> Table:
    """Tabulate how long after an event it was recorded."""
    labels = {"lag": "recorded", "n_events": "events", "share": "share of events", "n": "people"}
    formats = {"lag": _said(LAGS), "share": _share}
    return _tables.of(published, "From event to record", labels=labels, formats=formats)  # type: ignore[arg-type]


def rejects(published: Published) -> Table:
    """Tabulate the rows rejected on the way in, by reason."""
    labels = {"n_rows": "rows"}
    formats = {"table": _plain, "reason": _plain}
    return _tables.of(
        published, "Rows rejected on the way in", labels=labels, drop=["n"], formats=formats
    )


def notes(published: Published) -> Table:
    """Tabulate what the sources noted while reading."""
    labels = {"said": "in words", "number": "rows or count"}
    return _tables.of(published, "Notes of the sources", labels=labels, drop=["n"])


def faults(published: Published) -> Table:
    """Tabulate the share of people that each contradiction touches."""
    labels = {
        "n_reached": "people with it", "n": "people checked", "share": "share", "low": "from",
        "high": "to",
    }  # fmt: skip
    return _tables.of(
        published, "Contradictions", labels=labels, formats={"fault": _said(FAULTS)}  # type: ignore[dict-item]
    )  # fmt: skip


def denominators(published: Published) -> Table:
    """Tabulate people by what the HR file, the access list and the activity say of them."""
    labels = {
        "employment": "HR file", "access": "access", "activity": "last 28 days",
        "reading": "which means", "n": "people",
    }  # fmt: skip
    return _tables.of(published, "One person, three lists", labels=labels)


def missing(published: Published) -> Table:
    """Tabulate the blanks in the columns that questions want."""
    labels = {"share": "share blank", "n": "people"}
    formats = {"table": _plain, "column": _plain, "share": _share, "n": _people}
    return _tables.of(published, "Blanks", labels=labels, formats=formats)


def missing_by(published: Published) -> Table:
    """Tabulate the blanks by group."""
    labels = {
        "column": "what is blank", "n_reached": "people without it", "n": "people",
        "share": "share blank", "low": "from", "high": "to",
    }  # fmt: skip
    return _tables.of(published, "Blanks by group", labels=labels, formats={"column": _plain})
