"""21_campaigns from first cell to last: on poor data, on odd launches, on several clients."""

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
from ldresearch.run import runner, verification
from ldresearch.run.runner import Options
from ldresearch.run.template import Template
from ldresearch.sentences import campaigns as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.campaigns import Campaign, launched
from ldresearch.worlds.tables import KEY, from_text

AS_OF = "2024-06-24"
GOAL = Campaign("Goal", "2024-04-01", goal="safety", effect=0.25, held_out=0.5)
TIPS = Campaign("Tips", "2024-05-13", strategy="drip", effect=0.02, held_out=0.5)
PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
EVENT = """
    person_id | occurred_at         | verb
    ada       | 2024-04-03 09:00:00 | complete
"""
INITIATIVE = """
    initiative_id | name   | started_on
    i             | Spring | 2024-04-01
"""


def world(
    *campaigns: Campaign, seed: int = 3, n: int = 400, scale: float = 15.0
) -> dict[str, pd.DataFrame]:
    base = organisation(seed, n_persons=n, n_months=6, lift=1.0, scale=scale)
    return launched(base, campaigns, seed=seed, team_size=12).tables if campaigns else base.tables


def tables(case: str) -> dict[str, pd.DataFrame]:
    one = {"person": from_text(PERSON), "event": from_text(EVENT),
           "initiative": from_text(INITIATIVE)}  # fmt: skip
    if case == "one person":
        return one
    if case in ("no HR file", "no activity", "no initiative"):
        absent = {"no HR file": "person", "no activity": "event", "no initiative": "initiative"}
        return {name: frame for name, frame in one.items() if name != absent[case]}
    whole = world(GOAL)
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "event", "access", "initiative")}
    if case == "all censored":
        return whole | {"event": whole["event"][whole["event"]["verb"] == "view"]}
    if case == "no arms, no touches":
        return {n: f for n, f in whole.items() if n not in ("arm", "touch")}
    return whole


def said(payloads: list[dict[str, Any]], view: str) -> str:
    [payload] = [p for p in payloads if p["view"] == view]
    sentence = getattr(sentences, view)(*(from_payload(p) for p in payload["published"]))
    return str(sentence.title if view == "headline" else sentence)


CASES = ["empty", "one person", "no HR file", "no activity", "no initiative", "all censored",
         "no arms, no touches", "whole"]  # fmt: skip
RICH = ("no arms, no touches", "whole")


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(case: str, tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(tables(case), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells("21_campaigns", as_of=AS_OF, dataset=str(tmp_path / "d"))
    assert said(payloads, "headline") == facts["headline"]["title"]
    assert facts["headline"]["decision"]
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("campaign_effect" in known) == (case in RICH)
    for payload in payloads:
        for one in payload["published"]:
            if payload["kind"] not in ("checks", "headline", "attrition", "coverage"):
                assert getattr(sentences, payload["view"])(from_payload(one)).strip()
        full = [one for one in payload["published"] if not one["missing"]]
        check_payload(payload | {"published": full}, public=False)


def test_the_kind_of_launch_decides_the_words(
    tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    write(tables("whole"), tmp_path / "d", client="text", key=KEY, public=True)
    payloads, facts = run_cells("21_campaigns", as_of=AS_OF, dataset=str(tmp_path / "d"))
    title = said(payloads, "headline")
    assert title.startswith("The broad, goal-tied launch brought ")
    assert title.endswith("; quasi-experimental)")
    assert said(payloads, "strategies").startswith("Campaigns cannot be compared: of 1, ")
    assert facts["report"]["client"] == "text"
    assert "datasets" not in facts["provenance"]


def test_two_campaigns_cannot_be_compared(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(world(GOAL, TIPS), tmp_path / "d", client="text", key=KEY, public=True)
    payloads, _ = run_cells("21_campaigns", as_of=AS_OF, dataset=str(tmp_path / "d"))
    assert said(payloads, "headline").startswith("Two campaigns cannot be compared as strategies")
    assert "campaigns cannot be compared" in said(payloads, "strategies").lower()


def test_what_is_odd_about_a_launch_is_said(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    """On a holiday, without a message, two teams taken out of their arm, no strategy."""
    odd = Campaign("Odd", "2024-05-06", held_out=0.5, has_touches=False, switchers=2)
    made = world(odd, n=1000, scale=80.0)
    event, initiative = made["event"], made["initiative"].assign(strategy=None)
    on_launch = event["occurred_at"].dt.normalize() == pd.Timestamp("2024-05-06")
    kept = event[~on_launch | (event.index % 10 == 0)]
    write(made | {"event": kept, "initiative": initiative}, tmp_path / "d", client="text",
          key=KEY, public=True)  # fmt: skip
    payloads, facts = run_cells("21_campaigns", as_of=AS_OF, dataset=str(tmp_path / "d"))
    sentence = said(payloads, "remarks")
    assert "“Odd” was launched on 6 May 2024, when" in sentence
    assert "a holiday or an outage" in sentence
    assert "“Odd” has no recorded message" in sentence
    assert "In “Odd” 2 units had been launched and were then given another arm" in sentence
    assert "“Odd” does not say its strategy" in sentence
    status = {check["check"]: check["status"] for check in facts["checks"]}
    assert {status[c] for c in ("touches", "holiday", "arms", "described")} == {"not passed"}
    assert status["overlap"] == "passed"


# Several clients ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """North is private and launched; south is public and has no initiative."""
    folder = tmp_path_factory.mktemp("clients")
    write(world(GOAL), folder / "north", client="north", key=KEY)
    south = {n: f for n, f in world(seed=4, n=300).items() if n not in ("initiative", "arm")}
    write(south, folder / "south", client="south", key=bytes(32), public=True)
    return folder


def test_clients_stay_apart_and_the_strictest_rule_holds(
    clients: Path, run_cells: Callable[..., Any]
) -> None:
    where = {"dataset": str(clients / "south"), "others": str(clients / "north")}
    payloads, facts = run_cells("21_campaigns", as_of=AS_OF, **where)
    assert facts["report"]["client"] == "South and North"
    assert facts["rules"] == {"k": 10, "base": 5, "public": False}
    assert set(facts["provenance"]["datasets"]) == {"south", "north"}
    assert "others" not in facts["report"]["parameters"]
    assert "South has no initiative on record" in said(payloads, "remarks")
    labels = {f["label"] for f in facts["facts"] if f["metric"] == "campaign_effect"}
    assert labels == {"North: Goal"}
    assert [p["view"] for p in payloads].count("coverage") == 2
    for payload in payloads:
        full = [one for one in payload["published"] if not one["missing"]]
        check_payload(payload | {"published": full}, public=False)


def test_one_client_twice_is_refused(clients: Path, run_cells: Callable[..., Any]) -> None:
    with pytest.raises(ParameterError, match="two datasets of one client"):
        run_cells(
            "21_campaigns",
            as_of=AS_OF,
            dataset=str(clients / "north"),
            others=str(clients / "north"),
        )
    with pytest.raises(ParameterError, match="no such dataset"):
        run_cells("21_campaigns", as_of=AS_OF, dataset=str(clients / "north"), others="/nowhere")


def test_a_run_over_clients_is_published_once_and_can_be_verified(
    clients: Path, tmp_path: Path
) -> None:
    from ldresearch.dataset import Dataset

    north, south = (Dataset.open(clients / name) for name in ("north", "south"))
    options = Options(tmp_path / "reports", tmp_path / "runs")
    template = Template.find("21_campaigns")
    job = runner.plan(template, north, {"as_of": AS_OF}, options, [south])
    alone = runner.plan(template, north, {"as_of": AS_OF}, options)
    assert len({job.key, alone.key}) == 2
    assert job.place.page != alone.place.page
    [done] = runner.run([job], options)
    assert done.reason == ""
    assert done.client == "North and South"
    assert "North and South" in Path(done.page).read_text(encoding="utf-8")
    [again] = runner.run([job], options)
    assert again.status == "unchanged"
    found = verification.verify(job.key, tmp_path / "runs")
    assert found.is_same, found.findings
    with pytest.raises(ParameterError, match="reads one dataset"):
        runner.plan(Template.find("20_adoption"), north, {"as_of": AS_OF}, options, [south])
