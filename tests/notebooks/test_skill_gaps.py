"""50_skill_gaps from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import skill_gaps as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path | role_id
    ada       | 2023-01-01    | 2023-01-01 | all/sales | clerk
"""
SCALE = """
    scale_id | minimum | maximum
    five     | 1       | 5
"""
RATING = """
    person_id | skill_id | rated_at   | source  | raw | scale_id
    ada       | a        | 2024-01-10 | manager | 3   | five
"""
ROLE_SKILL = """
    role_id | skill_id | target | valid_from_on
    clerk   | a        | 0.7    | 2023-01-01
"""
SKILLS = ("skill", "skill_scale", "skill_rating", "role", "role_skill")


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    return organisation(3, n_persons=250, n_months=6).tables


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "skill_rating", "role_skill")}
    if case == "one person":
        return {
            "person": from_text(PERSON), "skill_scale": from_text(SCALE),
            "skill_rating": from_text(RATING), "role_skill": from_text(ROLE_SKILL),
        }  # fmt: skip
    if case == "no ratings":
        return {name: t for name, t in whole.items() if name != "skill_rating"}
    if case == "O*NET only":
        return {name: whole[name] for name in ("skill", "skill_scale", "role", "role_skill")}
    if case == "no roles":
        person = whole["person"].drop(columns="role_id")
        return {name: t for name, t in whole.items() if name != "role_skill"} | {"person": person}
    if case == "roles that ask nothing":
        return whole | {"person": whole["person"].assign(role_id="other")}
    if case == "no HR file":
        return {name: whole[name] for name in SKILLS}
    ratings = whole["skill_rating"]
    if case == "self-ratings only":
        return whole | {"skill_rating": ratings[ratings["source"] == "self"]}
    if case == "managers only":
        return whole | {"skill_rating": ratings[ratings["source"] == "manager"]}
    if case == "no catalogue":
        return {n: t for n, t in whole.items() if n not in ("content", "content_skill")}
    return whole


RICH = ("managers only", "no catalogue", "whole")
CASES = [
    "empty", "one person", "no ratings", "O*NET only", "no roles", "roles that ask nothing",
    "no HR file", "self-ratings only", *RICH,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(
    case: str, tmp_path: Path, run_cells: Callable[..., Any],
    whole: dict[str, pd.DataFrame],
) -> None:  # fmt: skip
    write(tables(case, whole), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells(
        "50_skill_gaps", replicates=20, dataset=str(tmp_path / "d"), as_of="2024-06-20"
    )
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("skill_shortfall" in known) == (case in RICH)
    assert ("hours_to_close" in known) == (case in RICH and case != "no catalogue")
    for payload in payloads:
        check_payload(payload, public=False)


def test_self_ratings_alone_rank_nobody(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(tables("self-ratings only", whole), tmp_path / "d", client="text", key=KEY)
    _, facts = run_cells(
        "50_skill_gaps", replicates=20, dataset=str(tmp_path / "d"), as_of="2024-06-20"
    )
    assert "rated by themselves alone" in facts["headline"]["title"]
    assert not {f["metric"] for f in facts["facts"]} & {"readiness", "skill_shortfall"}


def test_the_same_seed_gives_the_same_report(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(whole, tmp_path / "d", client="text", key=KEY, public=True)
    given = {"dataset": str(tmp_path / "d"), "as_of": "2024-06-20", "replicates": 20}
    one, two = run_cells("50_skill_gaps", **given), run_cells("50_skill_gaps", **given)
    assert one[0] == two[0]
    assert one[1]["facts"] == two[1]["facts"]


@pytest.mark.parametrize("by", ["", "level"])
def test_groups_are_a_parameter(
    by: str, tmp_path: Path, run_cells: Callable[..., Any],
    whole: dict[str, pd.DataFrame],
) -> None:  # fmt: skip
    write(whole, tmp_path / "d", client="text", key=KEY, public=True)
    payloads, _ = run_cells(
        "50_skill_gaps", replicates=20, dataset=str(tmp_path / "d"), as_of="2024-06-20", by=by
    )
    shown, by_role = (p["published"][0] for p in payloads if p["view"] == "gap_map")
    groups = {row[1] for row in shown["rows"]}
    assert by_role["rows"]
    assert ("senior" in groups) == (by == "level")
    assert bool(shown["missing"]) == (by == "")
