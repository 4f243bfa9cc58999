"""10_measurement_plan on poor data, from its first cell to its last: a report, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.plan import Plan, parse, template
from ldresearch.plan_ledger import freeze
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import measurement_plan as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
EVENT = """
    person_id | occurred_at         | verb
    ada       | 2024-01-03 09:00:00 | complete
"""
WHOLE = organisation(3, n_persons=60, n_months=6).tables


def tables(case: str) -> dict[str, pd.DataFrame]:
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "no HR file":
        return {"event": from_text(EVENT)}
    if case == "nobody reaches value":
        return WHOLE | {"event": WHOLE["event"][WHOLE["event"]["verb"] == "view"]}
    if case == "empty":
        return {name: WHOLE[name].iloc[:0] for name in ("person", "event", "access")}
    return WHOLE


def plan(**changed: object) -> Plan:
    content = parse(template()).content | {
        "launch_on": "2024-06-10", "end_on": "2024-12-01", "looks_on": ["2024-09-01"],
        "reviews_on": [],
    }  # fmt: skip
    return Plan.from_content(content | {k.replace("__", "."): v for k, v in changed.items()})


CASES = {
    "empty": "no_baseline", "one person": "no_baseline", "no HR file": "no_baseline",
    "nobody reaches value": "flat", "whole": "out_of_reach",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(case: str, tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    dataset = write(tables(case), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    freeze(plan(), dataset, on=date(2024, 6, 1))
    payloads, facts = run_cells(
        "10_measurement_plan", dataset=str(dataset.path), as_of="2024-06-20", simulations=50
    )
    assert facts["verdict"]["reason"] == CASES[case]
    for payload in payloads:
        check_payload(payload, public=False)
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*map(from_payload, headline["published"]))
    assert not {"nan", "None"} & set(f"{said.title} {said.decision} {said.change_mind}".split())
    assert facts["provenance"]["plans"][0]["hash"] == plan().hash


def test_a_plan_edited_since_it_was_frozen_is_named(
    tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    dataset = write(tables("one person"), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    file = tmp_path / "plan.toml"
    file.write_text(template().replace("power = 0.8", "power = 0.7"), encoding="utf-8")
    freeze(parse(template()), dataset, on=date(2024, 6, 1))
    payloads, facts = run_cells(
        "10_measurement_plan",
        dataset=str(dataset.path),
        as_of="2024-06-20",
        plan=str(file),
        simulations=50,
    )
    [outline] = [p for p in payloads if p["view"] == "outline"]
    said = sentences.outline(*map(from_payload, outline["published"]))
    assert "It was edited since: statistics.power: 0.8 became 0.7." in said
    assert {c["check"]: c["status"] for c in facts["checks"]}["unchanged"] == "not passed"


def test_without_a_plan_it_says_there_is_none(
    tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    dataset = write(tables("whole"), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells(
        "10_measurement_plan", dataset=str(dataset.path), as_of="2024-06-20"
    )
    assert facts["headline"]["title"].startswith("There is no plan yet")
    assert any(p["view"] == "scorecard" for p in payloads)
    assert facts["provenance"].get("plans", []) == []
