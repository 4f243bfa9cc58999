"""40_segments from its first cell to its last, on poor data too: a report, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import segments as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY, from_text
from ldresearch.worlds.trial import trial

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
QUICK = {"replicates": 20, "max_clusters": 2}
Made = Callable[[str, bool], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write a dataset the first time it is asked for."""
    folder = tmp_path_factory.mktemp("made")
    world = trial(
        organisation(3, n_persons=400, n_months=9, scale=30.0), 5, started_on="2024-05-06",
        n_weeks=6, effect=0.2,
    ).tables  # fmt: skip

    def write_once(case: str, public: bool) -> Path:
        there = folder / f"{case.replace(' ', '-')}-{public}"
        if not there.exists():
            write(tables(case, world), there, client="text", key=KEY, reject_limit=1.0,
                  public=public)  # fmt: skip
        return there

    return write_once


def tables(case: str, world: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    both = {name: world[name] for name in ("person", "event")}
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "empty":
        return {name: frame.iloc[:0] for name, frame in both.items()}
    if case == "no HR file":
        return {"event": world["event"]}
    if case == "nobody came lately":
        event = world["event"]
        return {**both, "event": event[event["occurred_at"] < pd.Timestamp("2024-04-01")]}
    if case == "no campaign":
        return both
    return {**both, "initiative": world["initiative"], "arm": world["arm"]}


CASES = ["empty", "one person", "no HR file", "nobody came lately", "no campaign", "whole"]


@pytest.mark.parametrize(("case", "public"), [*((c, False) for c in CASES), ("whole", True)])
def test_ends_in_a_report(
    case: str, public: bool, made: Made, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells(
        "40_segments", dataset=str(made(case, public)), as_of=AS_OF, **QUICK
    )
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    found = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert found.title
    assert found.decision
    assert facts["headline"]["title"] == found.title
    for payload in payloads:
        check_payload(payload, public=public)
    known = {fact["metric"] for fact in facts["facts"]}
    has_people = case in ("nobody came lately", "no campaign", "whole")
    assert ("usage_segment_share" in known) == has_people
    assert ("segment_response" in known) == (case == "whole")
    if not has_people:
        assert facts["facts"] == []
        assert found.decision.startswith("Decide nothing")


def test_own_rules_reach_the_report(
    made: Made, run_cells: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[[segment]]\nname = "here"\nsays = "came at all"\nwhen.actions.at_least = 1\n'
        '[[segment]]\nname = "away"\nsays = "did not come"\n'
    )
    payloads, facts = run_cells(
        "40_segments", dataset=str(made("whole", False)), as_of=AS_OF, rules=str(file),
        window_weeks=8, ahead_weeks=8, last_quarters=2, response_days=14, unit="Sales",
        assigned="all", value_verbs="", time_zone="America/New_York", **QUICK,
    )  # fmt: skip
    assert "“away” (did not come)" in facts["headline"]["title"]
    labels = {f["label"] for f in facts["facts"] if f["metric"] == "usage_segment_share"}
    assert labels == {"here", "away"}
    for payload in payloads:
        check_payload(payload, public=False)


def test_a_fault_in_own_rules_is_one_sentence(
    made: Made, run_cells: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[segment]]\nname = "a"\nwhen.active_week.at_least = 1\n')
    with pytest.raises(ParameterError, match="did you mean active_weeks"):
        run_cells("40_segments", dataset=str(made("whole", False)), as_of=AS_OF, rules=str(file))
