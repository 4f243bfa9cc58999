"""What a summary reads of the folder of reports."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ldresearch import shelf
from ldresearch.errors import ParameterError
from ldresearch.wording import Link

DAY = date(2025, 7, 1)


def put(home: Path, name: str, as_of: str, *, client: str = "harbour", **changes: Any) -> Path:
    fact = {"metric": "adoption_share", "label": "", "value": 0.7, "low": 0.6, "high": 0.8,
            "n": 400, "unit": "share", "grade": "descriptive", "text": "have started"}  # fmt: skip
    facts = {
        "report": {"name": name, "client": client, "as_of": as_of, "parameters": {"x": 1},
                   "population": {}},
        "headline": {"title": "Seven in ten", "decision": "Push.", "cards": [fact]},
        "facts": [fact], "checks": [{"check": "a", "status": "not passed"}],
        "rules": {"k": 10, "base": 5, "public": False}, "provenance": {}, "run_id": f"r{as_of}",
    } | changes  # fmt: skip
    path = home / shelf.slug(client) / as_of / f"{name}.facts.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path


def read(home: Path, **given: Any) -> dict[str, shelf.Shelved]:
    return {one.name: one for one in shelf.read(home, "harbour", DAY, **given)}


def test_the_newest_run_by_the_date_and_the_one_before(tmp_path: Path) -> None:
    for day in ("2025-04-01", "2025-05-01", "2025-06-01", "2025-08-01"):
        put(tmp_path, "20_adoption", day)
    put(tmp_path, "20_adoption", "2025-07-01", client="other")
    found = read(tmp_path)["20_adoption"]
    assert (found.as_of, found.before["report"]["as_of"]) == ("2025-06-01", "2025-05-01")
    earlier = read(tmp_path, since=date(2025, 4, 20))["20_adoption"]
    assert earlier.before["report"]["as_of"] == "2025-04-01"
    assert not read(tmp_path, since=date(2025, 3, 1))["20_adoption"].before


def test_a_run_with_other_settings_is_not_compared_with(tmp_path: Path) -> None:
    report = {"name": "20_adoption", "client": "harbour", "as_of": "2025-05-01",
              "parameters": {"x": 2}, "population": {}}  # fmt: skip
    put(tmp_path, "20_adoption", "2025-04-01")
    put(tmp_path, "20_adoption", "2025-05-01", report=report)
    put(tmp_path, "20_adoption", "2025-06-01")
    assert read(tmp_path)["20_adoption"].before["report"]["as_of"] == "2025-04-01"


def test_parts_of_the_organisation_are_apart_and_oneself_is_left_out(tmp_path: Path) -> None:
    for name in ("20_adoption", "20_adoption--sales-1", "90_summary", "90_summary--sales-1"):
        put(tmp_path, name, "2025-06-01")
    assert set(read(tmp_path, leave_out="90_summary")) == {"20_adoption"}
    part = read(tmp_path, population="--sales-1", leave_out="90_summary")
    assert set(part) == {"20_adoption--sales-1"}


def test_files_that_are_not_whole_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "20_adoption", "2025-05-01")
    put(tmp_path, "20_adoption", "2025-06-01").write_text("{", encoding="utf-8")
    put(tmp_path, "30_engagement_survival", "2025-06-01", headline=None)
    assert read(tmp_path)["20_adoption"].as_of == "2025-05-01"
    assert set(read(tmp_path)) == {"20_adoption"}
    assert read(tmp_path / "none") == {}


def test_weaker_rules_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "20_adoption", "2025-05-01")
    put(tmp_path, "20_adoption", "2025-06-01", rules={"k": 1, "base": 1, "public": True})
    put(tmp_path, "31_retention_lifecycle", "2025-06-01",
        rules={"k": 5, "base": 5, "public": False})  # fmt: skip
    assert set(read(tmp_path, public=False, k=10, base=5)) == {"20_adoption"}
    assert read(tmp_path, public=False, k=10, base=5)["20_adoption"].as_of == "2025-05-01"
    assert read(tmp_path)["20_adoption"].as_of == "2025-06-01"


def test_failed_stale_and_fresh_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, "20_adoption", "2025-06-30")
    put(tmp_path, "30_engagement_survival", "2025-05-01")
    put(tmp_path, "31_retention_lifecycle", "2025-06-30")
    note = tmp_path / "harbour" / "31_retention_lifecycle.failed.json"
    note.write_text(json.dumps({"as_of": "2025-07-01", "reason": "x"}), encoding="utf-8")
    (tmp_path / "harbour" / "20_adoption.failed.json").write_text(
        json.dumps({"as_of": "2025-06-01", "reason": "x"}), encoding="utf-8"
    )
    found = shelf.read(tmp_path, "harbour", DAY)
    told = shelf.framed(found, as_of=DAY, fresh_days=34, known=["00_intake", "20_adoption"])
    states = dict(zip(told.reports["report"], told.reports["state"], strict=True))
    assert states == {
        "00_intake": "not run", "20_adoption": "fresh", "30_engagement_survival": "stale",
        "31_retention_lifecycle": "failed",
    }  # fmt: skip
    assert told.reports["n_failing"].tolist() == [1, 1, 1, 0]
    assert told.numbers == {0.7, 0.6, 0.8, 400.0}
    assert told.read[0] == "20_adoption 2025-06-30 r2025-06-30"


def test_the_digest_moves_with_every_file_that_is_read(tmp_path: Path) -> None:
    before = shelf.digests(tmp_path, "harbour", DAY)
    put(tmp_path, "20_adoption", "2025-06-01")
    one = shelf.digests(tmp_path, "harbour", DAY)
    put(tmp_path, "20_adoption", "2025-06-01", run_id="another")
    two = shelf.digests(tmp_path, "harbour", DAY)
    put(tmp_path, "20_adoption", "2025-08-01")
    put(tmp_path, "90_summary", "2025-06-01")
    assert before != one != two
    assert shelf.digests(tmp_path, "harbour", DAY, leave_out="90_summary") == two


def test_the_folder_is_absolute_or_the_projects_own(tmp_path: Path) -> None:
    assert shelf.folder(str(tmp_path)) == tmp_path
    assert shelf.folder().name == "reports"
    with pytest.raises(ParameterError, match="absolute"):
        shelf.folder("reports")


@pytest.mark.parametrize(
    ("report", "as_of"),
    [("../../x", "2025-07-01"), ("a", "2025-7-1"), ("a b", "2025-07-01"), ("", "2025-07-01"),
     ("a", "javascript:x"), ("a\n", "2025-07-01")],
)  # fmt: skip
def test_a_link_leads_to_a_report_or_nowhere(report: str, as_of: str) -> None:
    assert Link.to(report, as_of, "Seven in ten").href == ""
