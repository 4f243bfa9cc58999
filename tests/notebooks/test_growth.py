"""61_growth from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import sources, study
from ldresearch.ingest import write
from ldresearch.privacy.gate import MIME, check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import growth as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.mobility import mobile
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path | role_id
    ada       | 2023-01-01    | 2023-01-01 | all/sales | analyst
"""
ROLES = ("skill", "role", "role_skill")
AS_OF = "2024-09-20"


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    world = organisation(3, n_persons=300, n_months=9, leave_rate=0.0)
    return mobile(world, seed=3, started_on="2024-04-01", apply_rate=0.4, favoured="DE",
                  factor=0.6).tables  # fmt: skip


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    def but(*names: str) -> dict[str, pd.DataFrame]:
        return {name: table for name, table in whole.items() if name not in names}

    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "skill_rating", "role_skill")}
    if case == "one person":
        return {name: whole[name] for name in ROLES} | {"person": from_text(PERSON)}
    if case == "roles only":
        return {name: whole[name] for name in (*ROLES, "related_role")}
    if case == "one role":
        one = whole["role_skill"]
        return whole | {"role_skill": one[one["role_id"] == "analyst"]}
    if case == "no results":
        return whole | {"application": whole["application"].drop(columns=["result", "result_at"])}
    return but(*{
        "no ratings": ("skill_rating",), "no roles": ("role_skill",), "no HR file": ("person",),
        "no openings": ("opportunity", "application"),
    }.get(case, ()))  # fmt: skip


ABOUT_PEOPLE = ("no results", "no openings", "whole")
ABOUT_ROLES = ("one person", "roles only", "no ratings", "no HR file")
CASES = ["empty", "one role", "no roles", *ABOUT_ROLES, *ABOUT_PEOPLE]


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(
    case: str, tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(tables(case, whole), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells("61_growth", dataset=str(tmp_path / "d"), as_of=AS_OF)
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    published = [from_payload(p) for p in headline["published"]]
    said = sentences.headline(*published)
    assert said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("role_readiness" in known) == (case in ABOUT_PEOPLE)
    assert ("selection_ratio" in known) == (case in ("one role", "no roles", "no ratings", "whole"))
    assert published[0].is_empty == (case not in ABOUT_PEOPLE + ABOUT_ROLES)
    for payload in payloads:
        check_payload(payload, public=False)


def test_onet_alone_answers_for_roles(
    shared_data: Path, tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    """Gaps and related occupations without a single person."""
    sources.ingest("onet", shared_data / "onet", tmp_path / "d", key=KEY, public=True)
    given = {"dataset": str(tmp_path / "d"), "as_of": "2025-07-01", "from_role": "13-2011.00"}
    payloads, facts = run_cells("61_growth", **given)
    views = {p["view"]: from_payload(p["published"][0]) for p in payloads}
    assert views["reachable"].parameters["basis"] == "roles"
    assert set(views["reachable"].frame["from"]) == {"Accountants and Auditors"}
    assert views["near"].frame["tier"].astype(bool).any()
    assert views["steps"].frame["low"].notna().all()
    assert views["agreement"].estimate("related_auc", "nearness").low > 0.8
    assert views["moves"].is_empty
    assert "Accountants and Auditors" in facts["headline"]["title"]


def test_the_same_seed_gives_the_same_report(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(whole, tmp_path / "d", client="text", key=KEY, public=True)
    given = {"dataset": str(tmp_path / "d"), "as_of": AS_OF}
    one, two = run_cells("61_growth", **given), run_cells("61_growth", **given)
    assert one[0] == two[0]
    assert one[1]["facts"] == two[1]["facts"]


@pytest.mark.parametrize("mode", ["publish", "explore"])
def test_a_profile_is_looked_at_in_explore_mode_only(
    mode: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    whole: dict[str, pd.DataFrame],
) -> None:  # fmt: skip
    write(whole, tmp_path / "d", client="text", key=KEY, public=True)
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(study, "_display", shown.append)
    monkeypatch.setattr(study, "_draws", lambda: False)
    names: dict[str, Any] = {"__name__": "notebook"}
    book = json.loads((root / "notebooks" / "61_growth.ipynb").read_text(encoding="utf-8"))
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102
            if "parameters" in cell["metadata"]["tags"]:
                names.update(dataset=str(tmp_path / "d"), as_of=AS_OF, mode=mode)
    rows = [b for b in shown if "text/html" in b and "from_role" in b["text/html"]]
    refused = [b for b in shown if b.get("text/plain") == study.NOT_SHOWN]
    assert (len(rows), len(refused)) == ((1, 0) if mode == "explore" else (0, 1))
    assert all(MIME not in bundle for bundle in (*rows, *refused))
    assert any(MIME in bundle for bundle in shown) == (mode == "publish")
