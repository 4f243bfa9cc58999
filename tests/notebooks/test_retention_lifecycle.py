"""31_retention_lifecycle from its first cell to its last, on poor data: a report, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import retention_lifecycle as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
EVENT = """
    person_id | occurred_at         | verb
    ada       | 2024-01-03 09:00:00 | complete
    ada       | 2024-03-03 09:00:00 | complete
"""
AS_OF = "2024-09-20"
PUBLIC_TOO = ("whole",)
Made = Callable[[str, bool], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write a dataset the first time it is asked for."""
    folder = tmp_path_factory.mktemp("made")
    world = organisation(3, n_persons=200, n_months=9, scale=20.0).tables

    def write_once(case: str, public: bool) -> Path:
        there = folder / f"{case.replace(' ', '-')}-{public}"
        if not there.exists():
            write(tables(case, world), there, client="text", key=KEY, reject_limit=1.0,
                  public=public)  # fmt: skip
        return there

    return write_once


def tables(case: str, world: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "empty":
        return {name: world[name].iloc[:0] for name in ("person", "event")}
    if case == "no HR file":
        return {"event": world["event"]}
    if case == "all began this month":
        values = world["event"][world["event"]["verb"] == "complete"].drop_duplicates("person_id")
        days = pd.date_range("2024-09-02", "2024-09-18")
        at = days[values["person_id"].rank(method="dense").astype(int) % len(days)]
        return {"event": values.assign(occurred_at=at, recorded_at=at)}
    if case == "all come every day":
        days = pd.date_range("2024-03-04", "2024-09-19")
        who = [f"p{i}" for i in range(40)]
        frame = pd.MultiIndex.from_product([who, days], names=["person_id", "occurred_at"])
        return {"event": frame.to_frame(index=False).assign(verb="complete")}
    return {name: world[name] for name in ("person", "event")}


def said(payloads: list[dict[str, Any]], view: str) -> str:
    [found] = [p for p in payloads if p["view"] == view]
    told: str = getattr(sentences, view)(*(from_payload(one) for one in found["published"]))
    return told


RICH = ("no HR file", "whole")
CASES = [
    "empty", "one person", "all began this month", "all come every day", *RICH,
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "public"), [(c, False) for c in CASES] + [(c, True) for c in PUBLIC_TOO]
)
def test_ends_in_a_report(
    case: str, public: bool, made: Made, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells(
        "31_retention_lifecycle", dataset=str(made(case, public)), as_of=AS_OF
    )
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    found = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert found.title
    assert found.decision
    assert facts["headline"]["title"] == found.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("quick_ratio" in known) == (case in RICH)
    assert ("retention_at" in known) == (case in (*RICH, "all come every day"))
    for payload in payloads:
        check_payload(payload, public=public)
    if case == "one person":
        assert facts["facts"] == []
        assert found.title.startswith("Whether the active base is healthy cannot be told yet")
    if case == "all come every day":
        assert found.title == "The active base is whole: nobody has fallen silent lately"
        assert "100 %" not in said(payloads, "returns")


@pytest.mark.parametrize(
    "given",
    [
        {"period": "week", "last_periods": 8, "told_at": 8, "rungs": "weeks"},
        {"kind": "rolling", "unit": "Sales", "last_periods": 26, "told_at": 52, "min_minutes": 5},
        {"kind": "unbounded", "silent_days": 1, "within_days": 7, "assigned": "all",
         "value_verbs": "", "time_zone": "America/New_York"},
    ],
    ids=["weeks", "rolling in sales", "unbounded, anything, elsewhere"],
)  # fmt: skip
def test_every_parameter_reaches_the_report(
    given: dict[str, Any], made: Made, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells(
        "31_retention_lifecycle", dataset=str(made("whole", False)), as_of=AS_OF, **given
    )
    for payload in payloads:
        check_payload(payload, public=False)
    labels = {(f["metric"], f["label"]) for f in facts["facts"]}
    if given.get("period") == "week":
        assert ("retention_at", "recurring, week 8") in labels
        assert ("quick_ratio", "last 8 weeks") in labels
        assert "weeks or more" in said(payloads, "ladder")
    if "kind" in given:
        way = {"unbounded": "or later", "rolling": "in every month"}[given["kind"]]
        assert way in said(payloads, "triangle")
    if given.get("silent_days") == 1:
        assert "silent for 1 day, " in said(payloads, "returns")
    if given.get("last_periods") == 26:
        # Nine months are no twenty-six: no ratio over them, and the report says why.
        assert not [m for m, _ in labels if m == "quick_ratio"]
        assert "Too few people or periods" in said(payloads, "quick")
        assert facts["headline"]["decision"].startswith("Decide nothing")
