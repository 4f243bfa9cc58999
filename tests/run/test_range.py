"""Many as-of dates in one call: oldest first, stopped and taken up again, nothing done twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ldresearch import cli
from ldresearch.dataset import Dataset
from ldresearch.ingest import write
from ldresearch.run import outcome, runner
from ldresearch.worlds.tables import KEY, from_text

EVENTS = "person_id | occurred_at | verb\nada | 2024-01-03 | view\nben | 2024-01-09 | view"
YEAR = ("--from", "2024-01-01", "--to", "2024-12-29")


@dataclass
class Bench:
    """The command over a tiny dataset; executing and drawing are left out, all else is real."""

    folder: Path
    dataset: Dataset
    ran: list[str] = field(default_factory=list)
    stop_after: int = -1
    failing: str = ""

    def attempt(
        self, job: runner.Job, folder: Path, options: runner.Options, warm: object
    ) -> outcome.Failure | None:
        if len(self.ran) == self.stop_after:
            raise KeyboardInterrupt
        self.ran.append(job.place.as_of)
        if job.place.as_of == self.failing:
            return outcome.Failure("it failed.", 5)
        folder.mkdir(parents=True, exist_ok=True)
        job.place.publish("<!doctype html><html></html>\n", {"as_of": job.place.as_of})
        published = {p.name: runner.sha256(p) for p in (job.place.page, job.place.facts)}
        runner._write(folder, {"status": "published", "published": published})
        return None

    def call(self, *words: str) -> int:
        return cli._run(
            ["run", "20_adoption", "--data", str(self.dataset.path), "--out",
             str(self.folder / "r"), "--runs", str(self.folder / "runs"), "--json", *words],
            debug=False,
        )  # fmt: skip

    @property
    def pages(self) -> list[str]:
        return sorted(p.parent.name for p in (self.folder / "r").rglob("20_adoption.html"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    dataset = write({"event": from_text(EVENTS)}, tmp_path / "d", client="ours", key=KEY)
    made = Bench(tmp_path, dataset)
    monkeypatch.setattr(runner, "_attempt", made.attempt)
    return made


def test_a_year_of_weeks_is_run_oldest_first(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.call(*YEAR) == 0
    assert bench.ran == sorted(bench.ran)
    assert (bench.ran[0], bench.ran[-1], len(bench.ran)) == ("2024-01-01", "2024-12-23", 52)
    assert len(json.loads(capsys.readouterr().out)) == 52


def test_stopped_half_way_the_same_command_takes_it_up(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.stop_after = 20
    assert bench.call(*YEAR) == 130
    assert len(bench.pages) == 20
    bench.stop_after = -1
    assert bench.call(*YEAR) == 0
    assert len(bench.ran) == len(set(bench.ran)) == 52
    assert bench.pages == bench.ran
    capsys.readouterr()
    assert bench.call(*YEAR) == 0
    done = json.loads(capsys.readouterr().out)
    assert {one["status"] for one in done} == {"unchanged"}


def test_a_date_that_fails_does_not_stop_the_next(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.failing = "2024-02-01"
    assert bench.call("--from", "2024-01-01", "--to", "2024-04-01", "--every", "month") == 5
    assert bench.ran == ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
    assert bench.pages == ["2024-01-01", "2024-03-01", "2024-04-01"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2024-01-01"), "two ends"),
        (("--to", "2024-01-01"), "two ends"),
        ((*YEAR, "--as-of", "2024-01-01"), "two ends"),
        (("--from", "2024-02-01", "--to", "2024-01-01"), "ends before it begins"),
        ((*YEAR, "--every", "fortnight"), "no such step"),
        (("--from", "1.1.2024", "--to", "2024-02-01"), "not a date"),
    ],
)
def test_a_range_that_is_none_runs_nothing(
    words: tuple[str, ...], said: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.call(*words) == 2
    assert said in capsys.readouterr().err
    assert bench.ran == []
