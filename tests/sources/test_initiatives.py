"""Launches described by hand: what is read, what gives way, what is said of a slip."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import DataError
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.measures import campaigns
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
    ben       | 2023-01-01    | 2023-01-01 | all/service
    cleo      | 2023-01-01    | 2023-01-01 | all/finance
"""
EVENT = """
    person_id | occurred_at         | verb
    ben       | 2024-01-01 09:00:00 | view
    ada       | 2024-03-10 09:00:00 | complete
"""
SPRING = """
[[initiative]]
name = "Spring"
started_on = 2024-03-04
ended_on = "2024-04-30"
strategy = "broad"
goal = "safety"
budget = 8000
currency = "EUR"
held_out = ["finance"]
randomised = true

[initiative.units]
sales = 2024-03-04
service = 2024-04-01
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "d"
    write({"person": from_text(PERSON), "event": from_text(EVENT)}, folder, client="text", key=KEY,
          public=True, time_zone="Pacific/Auckland")  # fmt: skip
    return folder


def described(text: str, dataset: Path) -> EventLog:
    file = dataset.parent / "launches.toml"
    file.write_text(text, encoding="utf-8")
    report = sources.ingest("initiatives", file, dataset, key=KEY)
    return EventLog.open(report.dataset, as_of="2024-06-01")


def arms(log: EventLog) -> list[tuple[str, str, str]]:
    arm = log.table("arm")
    frame = log.collect(arm.mutate(on=log.day(arm.assigned_at)))
    rows = zip(frame["unit_id"], frame["arm"], pd.to_datetime(frame["on"]), strict=True)
    return sorted((unit, arm, str(on.date())) for unit, arm, on in rows)


def test_a_launch_and_its_units_on_local_days(dataset: Path) -> None:
    log = described(SPRING, dataset)
    assert arms(log) == [
        ("finance", "hold-out", "2024-03-04"), ("sales", "launch", "2024-03-04"),
        ("service", "launch", "2024-04-01"),
    ]  # fmt: skip
    [row] = campaigns.campaigns(log).to_dict("records")
    assert (row["campaign"], row["strategy"], row["is_goal_tied"]) == ("Spring", "broad", True)
    assert (row["n_units"], row["n_launched"], row["n_waves"]) == (3, 2, 2)
    assert row["is_randomised"]
    assert (row["budget"], row["currency"]) == (8000.0, "EUR")
    assert (row["n_waiting"], row["n_reached"], row["has_touches"]) == (2, 1, False)


def test_an_edited_file_replaces_what_it_described(dataset: Path) -> None:
    described(SPRING, dataset)
    edited = SPRING.replace("8000", "9000").replace("service = 2024-04-01", "")
    log = described(edited, dataset)
    assert [row[0] for row in arms(log)] == ["finance", "sales"]
    assert campaigns.campaigns(log)["budget"].tolist() == [9000.0]
    assert described(edited, dataset).dataset.manifest.version == log.dataset.manifest.version


def test_what_is_not_said_is_not_known(dataset: Path) -> None:
    log = described('[[initiative]]\nname = "Autumn"\nstarted_on = 2024-03-04\n', dataset)
    [row] = campaigns.campaigns(log).to_dict("records")
    assert row["strategy"] is None
    assert row["is_goal_tied"] is None
    assert (row["n_units"], row["n_launched"]) == (3, 3)  # without units: everyone, at once
    tied = described(
        '[[initiative]]\nname = "Autumn"\nstarted_on = 2024-03-04\ngoal = ""\n', dataset
    )
    assert campaigns.campaigns(tied)["is_goal_tied"].tolist() == [False]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('strategy = "broad"', 'strategy = "brod"', "initiative 1: strategy: no such strategy"),
        ("goal =", "goals =", "did you mean goal?"),
        ("started_on = 2024-03-04\n", "", "started_on is missing"),
        ("started_on = 2024-03-04\n", 'started_on = "4 March"\n', "started_on: not a day"),
        ('"2024-04-30"', '"2024-02-30"', "ended_on: not a day"),
        ('"2024-04-30"', '"2024-02-20"', "it ends before it starts"),
        ("budget = 8000", 'budget = "8.000"', "budget: not an amount"),
        ('currency = "EUR"\n', "", "a budget without its currency"),
        ('["finance"]', '["sales"]', "both launched and held out"),
        ('["finance"]', '"finance"', "held_out: not a list of units"),
        ("randomised = true", 'randomised = "yes"', "randomised: neither true nor false"),
        ("service = 2024-04-01", "service = 2024-02-01", "launched before the initiative starts"),
        ('name = "Spring"', "name = Spring", "this is no TOML"),
        ("[[initiative]]", "[[launch]]", "no such word"),
        (SPRING, "", "no initiative is described"),
        (SPRING, SPRING + SPRING, "two initiatives of one name"),
        ('name = "Spring"', "name = 7", "name: not a text"),
    ],
)
def test_a_slip_is_one_sentence_and_changes_nothing(
    dataset: Path, before: str, after: str, sentence: str
) -> None:
    manifest = (dataset / "manifest.json").read_bytes()
    with pytest.raises(DataError) as error:
        described(SPRING.replace(before, after), dataset)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert (dataset / "manifest.json").read_bytes() == manifest


def test_it_needs_a_dataset_to_add_to(tmp_path: Path) -> None:
    file = tmp_path / "launches.toml"
    file.write_text(SPRING)
    with pytest.raises(DataError, match="no dataset to add to"):
        sources.ingest("initiatives", file, tmp_path / "none", key=KEY)
