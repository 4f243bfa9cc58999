"""70_monitor from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import plan_ledger
from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import monitor as sentences
from ldresearch.worlds import World, organisation, trial
from ldresearch.worlds.tables import KEY
from ldresearch.worlds.trial import plan_for

NEEDED = ("person", "access", "event", "initiative", "arm")


@pytest.fixture(scope="module")
def world() -> World:
    made = organisation(3, name="text", n_persons=450, n_months=7, q=0.1)
    made = trial(made, 7, started_on="2024-04-01", n_weeks=6, effect=0.25)
    return replace(made, tables={n: t for n, t in made.tables.items() if n in NEEDED})


def tables(case: str, world: World) -> dict[str, pd.DataFrame]:
    whole = dict(world.tables)
    if case == "empty":
        return {name: table.iloc[:0] for name, table in whole.items()}
    if case == "one person":
        who = whole["arm"]["unit_id"].iloc[0]
        arm = whole["arm"]
        mine = {n: whole[n][whole[n]["person_id"] == who] for n in ("person", "access", "event")}
        return whole | mine | {"arm": arm[arm["unit_id"] == who]}
    if case == "no arms":
        return {name: table for name, table in whole.items() if name != "arm"}
    if case == "no events":
        return {name: table for name, table in whole.items() if name != "event"}
    if case == "no HR file":
        return {name: table for name, table in whole.items() if name != "person"}
    if case == "all in one arm":
        return whole | {"arm": whole["arm"].assign(arm="launch")}
    if case == "nobody does anything":
        event = whole["event"]
        early = event[pd.to_datetime(event["occurred_at"]) < pd.Timestamp("2024-02-15")]
        return whole | {"event": early}
    return whole


CASES = {
    "empty": "iterate",
    "one person": "iterate",
    "no arms": "iterate",
    "no events": "iterate",
    "no HR file": "iterate",
    "all in one arm": "stop",
    "nobody does anything": "iterate",
    "no plan": "refused",
    "before launch": "iterate",
    "nothing is due": "iterate",
    "whole": "continue",
}


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(
    case: str, tmp_path: Path, run_cells: Callable[..., Any], world: World
) -> None:
    dataset = write(
        tables(case, world), tmp_path / "d", client="text", key=KEY, reject_limit=1.0,
        public=case == "one person",
    )  # fmt: skip
    plan = plan_for(world, minimum_effect=0.1)
    if case != "no plan":
        plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=9))
    as_of = plan.looks_on[-2]
    if case == "before launch":
        as_of = plan.launch_on - timedelta(days=3)
    if case == "nothing is due":
        as_of = plan.launch_on + timedelta(days=10)
    payloads, facts = run_cells("70_monitor", dataset=str(tmp_path / "d"), as_of=str(as_of))
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert said.title.startswith("No verdict: no plan") == (case == "no plan")
    assert said.decision
    assert facts["headline"]["title"] == said.title
    assert facts["verdict"]["verdict"] == CASES[case]
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("primary_difference" in known) == (case == "whole")
    for payload in payloads:
        check_payload(payload, public=None if case == "one person" else False)


def test_an_edited_plan_file_is_refused_by_the_name_of_the_field(
    tmp_path: Path, run_cells: Callable[..., Any], world: World
) -> None:
    dataset = write(tables("whole", world), tmp_path / "d", client="text", key=KEY)
    plan = plan_for(world)
    plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=9))
    file = tmp_path / "plan.toml"
    content = plan_for(world, minimum_effect=0.02).content
    file.write_text(_toml(content), encoding="utf-8")
    _, facts = run_cells(
        "70_monitor", dataset=str(tmp_path / "d"), as_of=str(plan.end_on), plan=str(file)
    )
    assert facts["verdict"]["verdict"] == "refused"
    assert facts["headline"]["title"].startswith("Refused: the plan sprint was edited")
    assert "primary.minimum_effect: 0.05 became 0.02" in facts["headline"]["title"]
    assert not facts["facts"]
    assert facts["report"]["parameters"]["plan"] == "plan.toml"


def _toml(content: dict[str, Any]) -> str:
    from ldresearch import plan

    return plan._to_toml(content)
