"""90_summary: says what other reports said, and no number that they did not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ldresearch.dataset import Dataset
from ldresearch.report import index
from ldresearch.report._content import estimate_of
from ldresearch.result import from_payload
from ldresearch.run import runner, verification
from ldresearch.run.runner import Options
from ldresearch.run.template import Template
from ldresearch.sentences import summary as sentences
from ldresearch.sentences import words
from ldresearch.wording import Link
from ldresearch.worlds import organisation

DAYS = ("2024-08-01", "2024-09-01")
READ = ("43_learner_brand", "31_retention_lifecycle")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    world = organisation(3, n_persons=150, n_months=8, p=0.1, scale=30.0)
    return world.write(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="module")
def once(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two reports with a run before, and the summary, named first: it is run last all the same."""
    home = tmp_path_factory.mktemp("shelf")
    jobs = planned(dataset, home, "90_summary", *READ)
    done = runner.run(jobs[1:], options(home))
    for name in READ:
        facts = facts_of(home, name)
        facts["report"]["as_of"] = DAYS[0]
        for one in [*facts["facts"], *facts["headline"]["cards"]]:
            one["value"] = None if one["value"] is None else round(0.9 * one["value"], 2)
        put(home, name, DAYS[0], facts)
    done += runner.run(jobs[:1], options(home))
    assert [one.reason for one in done] == ["", "", ""]
    return home


def put(home: Path, name: str, day: str, facts: dict[str, Any]) -> None:
    [client] = [p for p in (home / "reports").iterdir() if p.is_dir()]
    path = client / day / f"{name}.facts.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(facts), encoding="utf-8")


@pytest.fixture
def home(once: Path, tmp_path: Path) -> Path:
    shutil.copytree(once, tmp_path / "copy")
    return tmp_path / "copy"


def options(home: Path) -> Options:
    return Options(home / "reports", home / "runs", n_parallel=1)


def planned(dataset: Dataset, home: Path, *names: str, day: str = DAYS[-1]) -> list[Any]:
    return [runner.plan(Template.find(n), dataset, {"as_of": day}, options(home)) for n in names]


def facts_of(home: Path, name: str, day: str = DAYS[-1]) -> dict[str, Any]:
    [path] = (home / "reports").glob(f"*/{day}/{name}.facts.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def five(payloads: list[dict[str, Any]]) -> list[Any]:
    told = [p for p in payloads if p["view"] in ("first", "second", "third", "fourth", "fifth")]
    return [getattr(sentences, p["view"])(from_payload(p["published"][0])) for p in told]


NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def test_every_number_stands_in_a_fact_it_links_to(
    home: Path, dataset: Dataset, run_cells: Callable[..., Any]
) -> None:
    payloads, _ = run_cells("90_summary", dataset=str(dataset.path), as_of=DAYS[-1],
                            reports=str(home / "reports"))  # fmt: skip
    told = [one for one in five(payloads) if isinstance(one, Link)]
    assert len(told) == 2
    for one in told:
        where = re.fullmatch(r"\.\./([\d-]+)/(\w+)\.html", one.href)
        assert where
        facts = facts_of(home, where[2], where[1])
        before = facts_of(home, where[2], DAYS[0])
        assert one.lead.rstrip(".") == facts["headline"]["title"].rstrip(".")
        cards = [estimate_of(c) for c in facts["headline"]["cards"]]
        olds = [estimate_of(c) for c in before["headline"]["cards"]]
        known = [facts["headline"]["title"], *(c["text"] for c in facts["headline"]["cards"])]
        known += [words.estimate_with_interval(e) for e in cards]
        known += [words.change(e, old) for e in cards for old in olds if e.metric == old.metric]
        known += [words.date(day) for day in DAYS]
        shown = set(NUMBER.findall(one.rest))
        assert shown
        assert shown <= set(NUMBER.findall(" ".join(known))), one.rest


def test_facts_and_index_carry_the_sentences_with_links_that_lead_somewhere(home: Path) -> None:
    facts = facts_of(home, "90_summary")
    assert {one["report"] for one in facts["summary"]} == set(READ)
    assert "reports" not in facts["report"]["parameters"]  # where they lie is nobody's business
    page = next((home / "reports").glob(f"*/{DAYS[-1]}/90_summary.html"))
    for href in re.findall(r'href="(\.\./[\d-]+/\w+\.html)"', page.read_text(encoding="utf-8")):
        assert (page.parent / href).resolve().is_file(), href
    made = index.build(home / "reports", today=date(2024, 9, 5)).read_text(encoding="utf-8")
    assert made.index("90_summary") < made.index("31_retention_lifecycle.history")
    links = re.findall(r'<li><b>\w+\.</b> <a href="([^"]+)"', made)
    assert len(links) == 2
    assert all((home / "reports" / link).is_file() for link in links)
    assert "run since" not in made


def test_it_is_run_again_when_what_it_read_changes(home: Path, dataset: Dataset) -> None:
    [same] = runner.run(planned(dataset, home, "90_summary"), options(home))
    assert same.status == "unchanged"
    path = next((home / "reports").glob(f"*/{DAYS[-1]}/{READ[1]}.facts.json"))
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"run_id": "another"}), encoding="utf-8")
    said = index.build(home / "reports", today=date(2024, 9, 5)).read_text(encoding="utf-8")
    assert "run since; run it again" in said.replace("\u00a0", " ")
    [again] = runner.run(planned(dataset, home, "90_summary"), options(home))
    assert again.status == "published"
    assert f"{READ[1]} {DAYS[-1]} another" in facts_of(home, "90_summary")["provenance"]["reports"]


def test_the_same_comes_out_when_it_is_verified(home: Path) -> None:
    run_id = facts_of(home, "90_summary")["run_id"]
    # The copy lies elsewhere than the run says.
    record = next(p for p in (home / "runs").glob("*/manifest.json")
                  if json.loads(p.read_text())["run_id"] == run_id)  # fmt: skip
    moved = json.loads(record.read_text()) | {"reports": str(home / "reports")}
    record.write_text(json.dumps(moved), encoding="utf-8")
    found = verification.verify(run_id, home / "runs")
    assert found.is_same, found.findings


def test_failed_and_stale_reports_are_said(
    home: Path, dataset: Dataset, run_cells: Callable[..., Any]
) -> None:
    [client] = [p for p in (home / "reports").iterdir() if p.is_dir()]
    (client / f"{READ[0]}.failed.json").write_text(
        json.dumps({"as_of": DAYS[-1], "reason": "x"}), encoding="utf-8"
    )
    payloads, facts = run_cells("90_summary", dataset=str(dataset.path), as_of="2024-09-03",
                                reports=str(home / "reports"), fresh_days=1)  # fmt: skip
    told = " ".join(five(payloads))
    assert "its latest run failed" in told
    assert "stale: run it again" in told
    states = {c["check"]: c["status"] for c in facts["checks"]}
    assert (states["fresh"], states["ran"], states["ideas"]) == ("not passed",) * 3
    assert (
        "Not up to date: learner brand and retention lifecycle"
        in (facts["headline"]["change_mind"])
    )


def test_nothing_to_read_says_what_to_run(
    tmp_path: Path, dataset: Dataset, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells("90_summary", dataset=str(dataset.path), as_of=DAYS[-1],
                                reports=str(tmp_path / "none"))  # fmt: skip
    assert facts["headline"]["title"] == "There is nothing to sum up yet"
    assert "ldresearch run all" in five(payloads)[0]
    assert facts["facts"] == []
