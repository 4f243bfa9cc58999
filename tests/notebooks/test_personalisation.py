"""60_personalisation from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import personalisation as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.recommended import full_time_only, trial
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path | role_id
    ada       | 2023-01-01    | 2023-01-01 | all/sales | clerk
"""
EVENT = """
    person_id | occurred_at | verb     | content_id
    ada       | 2024-01-03  | complete | a
"""
SKILLS = ("skill_rating", "role_skill", "content_skill")
GIVEN = {"as_of": "2025-07-01", "replicates": 20}


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    return trial(organisation(3, n_persons=400, p=0.02, q=0.08), 5).tables


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "event", "content")}
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "no HR file":
        return {name: whole[name] for name in ("event", "content", "recommendation")}
    if case == "no content":
        return {n: t for n, t in whole.items() if n not in ("content", "content_skill")}
    if case == "no recommendations":
        return {n: t for n, t in whole.items() if n not in ("recommendation", "arm")}
    if case == "no skills":
        return {n: t for n, t in whole.items() if n not in SKILLS}
    if case == "not drawn by chance":
        return whole | {"arm": whole["arm"].assign(is_randomised=False)}
    if case == "no propensities":
        return whole | {"recommendation": whole["recommendation"].assign(propensity=None)}
    return whole


JUDGED = ("no recommendations", "no skills", "not drawn by chance", "no propensities", "whole")
CASES = ["empty", "one person", "no HR file", "no content", *JUDGED]


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(
    case: str, tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(tables(case, whole), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells("60_personalisation", dataset=str(tmp_path / "d"), **GIVEN)
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("recall_at_k" in known) == (case in JUDGED)
    assert ("gap_closing_at_k" in known) == (case in JUDGED and case != "no skills")
    by_chance = {"no skills", "no propensities", "whole", "no content"}
    assert ("average_uplift" in known) == (case in by_chance)
    assert "policy_value" in known or case not in by_chance
    for payload in payloads:
        check_payload(payload, public=False)


def test_the_first_page_catches_who_is_forgotten(
    tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    world = full_time_only(organisation(12, n_persons=900, p=0.015, q=0.07), 4)
    world.write(tmp_path / "d")
    _, facts = run_cells("60_personalisation", dataset=str(tmp_path / "d"), **GIVEN)
    assert "leaves part-time staff behind: it held 0 %" in facts["headline"]["title"]
    assert facts["headline"]["decision"].startswith("Mend first what is recommended to part-time")
