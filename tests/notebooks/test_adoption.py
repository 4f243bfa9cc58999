"""20_adoption from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import adoption as sentences
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


def tables(case: str) -> dict[str, pd.DataFrame]:
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "no HR file":
        return {"event": from_text(EVENT)}
    if case == "no activity":
        return {"person": from_text(PERSON)}
    whole = organisation(3, n_persons=250, n_months=6).tables
    if case == "all censored":
        return whole | {"event": whole["event"][whole["event"]["verb"] == "view"]}
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "event", "access")}
    if case == "no access, no touches":
        return {name: whole[name] for name in ("person", "event")}
    return whole


CASES = [
    "empty", "one person", "no HR file", "no activity", "all censored", "no access, no touches",
    "whole",
]  # fmt: skip


RICH = ("no access, no touches", "whole")


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(case: str, tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(tables(case), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells("20_adoption", dataset=str(tmp_path / "d"), as_of="2024-06-20")
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("activation_rate" in known) == (case in RICH)
    for payload in payloads:
        shown = [one for one in payload["published"] if not one["missing"]]
        check_payload(payload | {"published": shown}, public=False)


def test_a_missing_curve_passes_the_gate(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(tables("no activity"), tmp_path / "d", client="text", key=KEY)
    payloads, _ = run_cells("20_adoption", dataset=str(tmp_path / "d"), as_of="2024-06-20")
    for payload in payloads:
        check_payload(payload, public=False)


def test_groups_launch_and_duty_are_parameters(
    tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    write(tables("whole"), tmp_path / "d", client="text", key=KEY, public=True)
    given = {"dataset": str(tmp_path / "d"), "as_of": "2024-06-20", "since": "2024-02-01"}
    _, own = run_cells("20_adoption", **given, by="level")
    labels = {f["label"] for f in own["facts"] if f["metric"] == "unit_activation"}
    assert "senior" in labels
    _, duty = run_cells("20_adoption", **given, assigned="assigned", by="")
    rate = [
        next(f["value"] for f in facts["facts"] if f["metric"] == "activation_rate")
        for facts in (own, duty)
    ]
    assert rate[0] != rate[1]
