"""42_benchmark from its first cell to its last: with and without an own survey, with nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import benchmark as sentences
from ldresearch.worlds.surveyed import published
from ldresearch.worlds.tables import KEY


def answers(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (f"r{i}", f"p{i}", "likert", item, str(1 + (i + j) % 5), "2024-11-05")
            for i in range(n)
            for j, item in enumerate(("access", "performance", "career", "opportunities"))
        ],
        columns=["response_id", "token", "instrument", "item", "value", "answered_at"],
    )


CASES: dict[str, tuple[dict[str, pd.DataFrame], dict[str, Any], str]] = {
    "own": ({"benchmark": published(1), "survey_answer": answers(300)}, {}, "This organisation"),
    "own, few": ({"benchmark": published(1), "survey_answer": answers(6)}, {}, "Half of all"),
    "alone": ({"benchmark": published(1)}, {"organisation": "Organisation 07"}, "Organisation 07"),
    "sector": ({"benchmark": published(1)}, {}, "Half of all"),
    "no benchmark": ({"survey_answer": answers(300)}, {}, "cannot be told"),
    "empty": ({"benchmark": published(1).iloc[:0]}, {}, "cannot be told"),
    "one year, one organisation": (
        {"benchmark": published(1, n_organisations=1, years=(2024,))}, {}, "cannot be told",
    ),
    "other item": (
        {"benchmark": published(1), "survey_answer": answers(300)}, {"item": "career"}, "career",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("case", "public"), [*((case, False) for case in CASES), ("alone", True)])
def test_ends_in_a_report(
    case: str, public: bool, tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    tables, given, wanted = CASES[case]
    write(tables, tmp_path / "d", client="text", key=KEY, public=public)
    payloads, facts = run_cells("42_benchmark", dataset=str(tmp_path / "d"), as_of="2025-06-01",
                                **given)  # fmt: skip
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert wanted in said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    for payload in payloads:
        check_payload(payload, public=public)


def test_the_own_score_obeys_the_door(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    tables = {"benchmark": published(1), "survey_answer": answers(6)}
    write(tables, tmp_path / "d", client="text", key=KEY)
    _, facts = run_cells("42_benchmark", dataset=str(tmp_path / "d"), as_of="2025-06-01")
    assert {f["metric"] for f in facts["facts"]} == {"benchmark_change"}
