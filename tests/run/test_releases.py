"""Runs over protected data: whom a report counts, and which report may not be published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ldresearch.dataset import Dataset
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.run import releases, runner
from ldresearch.run.runner import Done, Options
from ldresearch.run.template import Template

FIRST, NEXT, LATER = "2024-05-06", "2024-05-13", "2024-06-03"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Seventy people; three join and one leaves in the week after the first report."""
    people = pd.DataFrame({"person_id": [f"p{i:03}" for i in range(70)]})
    people["valid_from_on"] = people["hired_on"] = "2024-01-01"
    people.loc[:2, ["valid_from_on", "hired_on"]] = "2024-05-06"
    people.loc[3:12, ["valid_from_on", "hired_on"]] = "2024-05-27"
    people["left_on"] = None
    people.loc[13, "left_on"] = "2024-05-07"
    people["unit_path"] = [["Lab"]] * 25 + [["Sales"]] * 45
    people["country"] = ["NL"] * 66 + ["BE"] * 4
    days = pd.date_range("2024-01-08", periods=20, freq="7D")
    events = pd.DataFrame(
        [(f"p{i:03}", day + pd.Timedelta(days=i % 5), "complete" if (i + w) % 4 else "view")
         for i in range(70) for w, day in enumerate(days)
         if (i * 7 + w) % 3 == 0 and str(day.date()) >= people["hired_on"][i]],
        columns=["person_id", "occurred_at", "verb"],
    )  # fmt: skip
    events["occurred_at"] = events["occurred_at"].dt.strftime("%Y-%m-%d")
    events["recorded_at"] = events["occurred_at"]
    folder = tmp_path_factory.mktemp("protected") / "harbour"
    write({"person": people, "event": events}, folder, client="harbour", key=b"k" * 32)
    return Dataset.open(folder)


def options(folder: Path) -> Options:
    return Options(folder / "reports", folder / "runs", n_parallel=1, timeout_s=120)


def go(dataset: Dataset, folder: Path, as_of: str, **given: object) -> Done:
    job = runner.plan(Template.find("20_adoption"), dataset, {"as_of": as_of, **given},
                      options(folder))  # fmt: skip
    [done] = runner.run([job], options(folder))
    return done


def test_a_report_after_few_changes_counts_the_people_of_the_one_before(
    dataset: Dataset, tmp_path: Path
) -> None:
    first, second = (go(dataset, tmp_path, day) for day in (FIRST, NEXT))
    assert first.status == second.status == "published", (first.reason, second.reason)
    told = [json.loads(Path(one.facts).read_text(encoding="utf-8")) for one in (first, second)]
    assert told[0]["release"] == {"people_as_of": FIRST, "version": 1}
    assert told[1]["release"] == {"people_as_of": FIRST, "version": 1}
    assert told[1]["provenance"]["people_as_of"] == FIRST
    assert "joined or left since" in Path(second.page).read_text(encoding="utf-8")
    assert "joined or left since" not in Path(first.page).read_text(encoding="utf-8")
    assert go(dataset, tmp_path, NEXT).status == "unchanged"
    # A population that is everyone but four would tell of the four.
    refused = go(dataset, tmp_path, NEXT, country="NL")
    assert (refused.status, refused.exit_code) == ("failed", 4)
    assert "fewer than 10 people tell this population" in refused.reason
    assert not list((tmp_path / "reports").rglob("*--nl*.html"))


def subject(dataset: Dataset, as_of: str, **values: str) -> releases.Subject:
    return releases.Subject("harbour", "20_adoption", {"as_of": as_of, **values}, (dataset,))


FACTS = {"rules": {"k": 10, "base": 5}}


def test_people_are_counted_anew_once_enough_have_changed(dataset: Dataset, tmp_path: Path) -> None:
    releases.release(subject(dataset, FIRST), FACTS, "", tmp_path)
    assert releases.people_as_of(subject(dataset, NEXT), tmp_path) == FIRST
    releases.release(subject(dataset, NEXT), FACTS, FIRST, tmp_path)
    assert releases.people_as_of(subject(dataset, LATER), tmp_path) == ""


def test_public_data_leave_nothing_in_the_ledger(dataset: Dataset, tmp_path: Path) -> None:
    open_data = replace(dataset, manifest=replace(dataset.manifest, public=True))
    assert releases.people_as_of(subject(open_data, FIRST), tmp_path) == ""
    assert releases.release(subject(open_data, FIRST), FACTS, "", tmp_path) == {}
    assert not (tmp_path / releases.FOLDER).exists()


def test_a_ledger_that_cannot_be_read_stops_the_run(dataset: Dataset, tmp_path: Path) -> None:
    releases.release(subject(dataset, FIRST), FACTS, "", tmp_path / "runs")
    ledger = tmp_path / "runs" / releases.FOLDER / "releases.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8")[:50], encoding="utf-8")
    done = go(dataset, tmp_path, NEXT)
    assert (done.status, done.exit_code) == ("failed", 3)
    assert "not what was written" in done.reason
    assert not list((tmp_path / "reports").rglob("*.html"))


def test_people_held_are_the_same_people(dataset: Dataset) -> None:
    """Joiners, leavers and their events are left out; everything else is as of the date."""
    first = EventLog.open(dataset, as_of=FIRST)
    now = EventLog.open(dataset, as_of=NEXT)
    held = EventLog.open(dataset, as_of=NEXT, people_as_of=FIRST)
    assert held.members() == first.members() != now.members()
    assert len(held.collect(held.persons())) == len(first.collect(first.persons()))
    joiners = {*now.collect(now.persons())["person_key"]} - {
        *held.collect(held.persons())["person_key"]
    }
    events = now.collect(now.table("event"))
    n_own = events["person_key"].isin(joiners).sum()
    assert len(joiners) == 3
    assert len(events) - len(held.collect(held.table("event"))) == n_own > 0
    assert len(held.collect(held.table("event"))) > len(first.collect(first.table("event")))
