"""Every report made after a plan was frozen prints its hash; a run knows it rests on it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ldresearch.dataset import Dataset
from ldresearch.plan import parse, template
from ldresearch.plan_ledger import facts, freeze
from ldresearch.report import page
from ldresearch.run import runner
from ldresearch.run.runner import Options
from ldresearch.run.template import Template
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on
    ada       | 2024-01-01    | 2024-01-01
"""
PLAN = parse(template())


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return log({"person": PERSON}, tmp_path, as_of="2025-01-01").dataset


def made(plans: list[Any]) -> dict[str, Any]:
    report = {"name": "20_adoption", "client": "Text", "as_of": "2025-07-01", "time_zone": "UTC"}
    return {"report": report, "run_id": "r", "provenance": {"plans": plans}}


def test_the_page_prints_the_whole_hash(dataset: Dataset) -> None:
    freeze(PLAN, dataset, on=date(2025, 4, 1), late=True)
    rows = dict(page._provenance(made([*facts(dataset, date(2025, 7, 1))])).rows)
    assert rows["Measurement plan"] == (
        f"spring-launch, version 1, frozen on 1 April 2025, after its launch, hash {PLAN.hash}"
    )
    assert "Measurement plan" not in dict(page._provenance(made([])).rows)


def test_a_report_as_of_an_earlier_day_knows_nothing_of_it(dataset: Dataset) -> None:
    freeze(PLAN, dataset, on=date(2025, 2, 20))
    assert facts(dataset, date(2025, 2, 20)) == []
    assert [plan["hash"] for plan in facts(dataset, date(2025, 2, 21))] == [PLAN.hash]


def test_what_was_run_before_it_was_frozen_is_run_again(dataset: Dataset, tmp_path: Path) -> None:
    options = Options(tmp_path / "reports", tmp_path / "runs")

    def key(as_of: str) -> str:
        template_ = Template.find("20_adoption")
        return runner.plan(template_, dataset, {"as_of": as_of}, options).key

    before, earlier = key("2025-07-01"), key("2025-02-01")
    freeze(PLAN, dataset, on=date(2025, 2, 20))
    assert key("2025-07-01") != before
    assert key("2025-02-01") == earlier
