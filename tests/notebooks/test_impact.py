"""80_impact from its first cell to its last: its verdicts, and a report on poor data too."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import plan_ledger
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.measures import impact as measures
from ldresearch.plan import parse
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import impact as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY
from ldresearch.worlds.trial import trial

AS_OF = "2024-07-25"
PLAN = """
name = "sprint"
objective = "More people find something of use within four weeks of being invited."
owner = "Head of learning"
initiative = "sprint"
launch_on = 2024-03-04
end_on = 2024-06-10
looks_on = [2024-04-29, 2024-06-10]
[roll_out]
unit = "person"
design = "parallel"
share = 0.5
[value_event]
verbs = ["complete", "pass"]
window_days = 28
[primary]
metric = "value_reach"
minimum_effect = 0.05
[[guardrail]]
metric = "gave_up_share"
margin = 0.1
[cost]
amount = 24000
currency = "EUR"
[impact]
outcome = "cases_closed"
worth = 30
isolation_low = 0.7
isolation_high = 1.0
"""


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    """A small organisation with a trial of eight weeks from 4 March 2024 on."""
    world = trial(
        organisation(3, n_persons=220, n_months=8), 5, started_on="2024-03-04", n_weeks=8,
        effect=0.3, outcome_effect=2.0,
    )  # fmt: skip
    return world.tables


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "event", "outcome")}
    if case == "one person":
        of_trial = whole["arm"][whole["arm"]["initiative_id"] == "sprint"]
        one = of_trial["unit_id"].iloc[0]
        keep = {"person": "person_id", "event": "person_id", "outcome": "entity_id",
                "arm": "unit_id"}  # fmt: skip
        return {name: whole[name][whole[name][c] == one] for name, c in keep.items()} | {
            "initiative": whole["initiative"]
        }  # fmt: skip
    if case == "no outcome":
        return {name: t for name, t in whole.items() if name != "outcome"}
    if case == "no arms":
        return {name: t for name, t in whole.items() if name != "arm"}
    if case == "no HR file":
        return {name: t for name, t in whole.items() if name in ("event", "outcome", "arm")}
    if case == "nothing of the initiative":
        return {name: t for name, t in whole.items() if name not in ("initiative", "arm")}
    if case == "constant":
        outcome = whole["outcome"].assign(value=3.0)
        return whole | {"outcome": outcome}
    if case == "no survey, not drawn":
        rest = {name: t for name, t in whole.items() if name != "survey_answer"}
        return rest | {"arm": whole["arm"].assign(is_randomised=False)}
    return whole


def judged(
    case: str, whole: dict[str, pd.DataFrame], folder: Path,
    run_cells: Callable[..., Any], *, with_plan: bool = True, public: bool = False,
    as_of: str = AS_OF, text: str = PLAN, on: date = date(2024, 2, 20), **given: object,
) -> tuple[list[dict[str, Any]], dict[str, Any], sentences.Headline]:  # fmt: skip
    dataset = write(
        tables(case, whole), folder / "d", client="text", key=KEY, public=public, reject_limit=1.0
    )
    if with_plan:
        plan_ledger.freeze(parse(text), dataset, on=on, late=True)
    payloads, facts = run_cells("80_impact", dataset=str(folder / "d"), as_of=as_of, **given)
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    for payload in payloads:
        check_payload(payload, public=public)
    assert facts["headline"]["title"] == said.title
    assert not re.search(r"\b(nan|None|inf)\b", said.title + said.decision + said.change_mind)
    return payloads, facts, said


def values(facts: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(fact["metric"], fact["label"]): fact for fact in facts["facts"]}


POOR = {
    "empty": "Whether it changed the work is not known",
    "one person": "Whether it changed the work is not known",
    "no HR file": "Whether it changed the work is not known",
    "nothing of the initiative": "cannot be told, so no return is worked out",
    "no arms": "cannot be told, so no return is worked out",
}


CASES = [(case, True) for case in POOR] + [("empty", False), ("no arms", False)]


@pytest.mark.parametrize(
    ("case", "with_plan"), CASES, ids=[f"{c}, {'a' if p else 'no'} plan" for c, p in CASES]
)
def test_what_cannot_be_told_is_said_and_no_return_is_given(
    case: str, with_plan: bool, tmp_path: Path, run_cells: Callable[..., Any],
    whole: dict[str, pd.DataFrame],
) -> None:  # fmt: skip
    _, facts, said = judged(
        case, whole, tmp_path, run_cells, with_plan=with_plan, cost=24000.0, worth=30.0
    )
    assert POOR[case] in said.title
    assert "Neither scale nor retire" in said.decision
    metrics = {fact["metric"] for fact in facts["facts"]}
    assert not metrics & {"roi", "net_benefit", "money", "e_value", "robustness_value"}
    grades = {f["grade"] for f in facts["facts"] if f["metric"] in ("effect", "behaviour_effect")}
    assert grades <= {"descriptive"}


def test_the_roi_interval_is_the_closed_form(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    """With worth and cost known exactly, the return is a straight line in the effect."""
    _, facts, said = judged("whole", whole, tmp_path, run_cells, public=True)
    found = values(facts)
    effect, roi = found["effect", ""], found["roi", ""]
    assert effect["grade"] == roi["grade"] == found["net_benefit", ""]["grade"] == "randomised"
    log = EventLog.open(tmp_path / "d", as_of=AS_OF)
    came = measures.result(log, initiative="sprint", metric="cases_closed")
    quantity = came.loc[came["arm"] == "treated", "n_after"].sum()
    line = [100 * (quantity * 30 * effect[end] / 24000 - 1) for end in ("value", "low", "high")]
    # 100,000 draws: the ends are within a fiftieth of the width, the middle within a hundredth.
    width = line[2] - line[1]
    assert roi["value"] == pytest.approx(line[0], abs=width / 100)
    assert roi["low"] == pytest.approx(line[1], abs=width / 50)
    assert roi["high"] == pytest.approx(line[2], abs=width / 50)
    net = found["net_benefit", ""]
    assert net["low"] == pytest.approx(quantity * 30 * effect["low"] - 24000, rel=0.05)
    assert net["unit"] == "EUR"
    assert "EUR" in said.title
    assert "chance decided who got it" in said.title


def test_without_an_outcome_the_effect_on_what_people_do_is_told(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    payloads, facts, said = judged("no outcome", whole, tmp_path, run_cells)
    assert said.title.startswith("The initiative “sprint” raised the share of people with a value event by")
    assert "whether that changed the work is not known" in said.title
    assert said.decision.startswith("Renew")
    assert ("roi", "") not in values(facts)
    [ladder] = [p["published"][0] for p in payloads if p["view"] == "ladder"]
    states = {row[1]: row[8] for row in ladder["rows"]}
    assert states["result"] == states["return"] == "unknown"
    assert states["behaviour"] == "up"


def test_sides_that_chance_did_not_draw_carry_the_isolation_factor(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    payloads, facts, said = judged("no survey, not drawn", whole, tmp_path, run_cells, public=True)
    found = values(facts)
    assert found["effect", ""]["grade"] == found["roi", ""]["grade"] == "quasi-experimental"
    assert "not drawn by chance" in said.title
    [worth] = [p["published"][0] for p in payloads if p["view"] == "worth"]
    rows = {row[0]: row[1:] for row in worth["rows"]}
    assert rows["isolation"][0] == pytest.approx(0.85, abs=0.01)
    assert rows["isolation"][2:] == [
        pytest.approx(0.7075, abs=0.01),
        pytest.approx(0.9925, abs=0.01),
    ]


def test_a_result_that_never_moves_has_no_effect_to_tell(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    payloads, facts, said = judged("constant", whole, tmp_path, run_cells)
    assert ("effect", "") not in values(facts)
    [result] = [p["published"][0] for p in payloads if p["view"] == "result"]
    assert "the same for everyone" in result["missing"]
    assert said.title.startswith("The initiative “sprint” raised the share of people")


def test_what_pays_is_scaled_and_a_late_and_edited_plan_is_judged_as_it_was_frozen(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    file = tmp_path / "edited.toml"
    file.write_text(PLAN.replace("minimum_effect = 0.05", "minimum_effect = 0.01"))
    payloads, facts, said = judged(
        "whole", whole, tmp_path, run_cells, on=date(2024, 4, 1), plan=str(file),
        worth=400.0,
    )  # fmt: skip
    assert said.title.startswith("The initiative “sprint” earned ")
    assert said.decision.startswith("Scale")
    assert facts["verdict"]["verdict"] == "scale"
    assert {"check": "frozen", "status": "not passed"} in facts["checks"]
    [kept] = [p["published"][0] for p in payloads if p["view"] == "kept"]
    assert kept["parameters"]["state"] == "edited"
    assert "0.05 became 0.01" in kept["parameters"]["edits"]
    assert [row[4] for row in kept["rows"] if row[0] == "primary"] == [0.05]
    assert [row[9] for row in kept["rows"] if row[0] == "frozen"] == ["not kept"]
