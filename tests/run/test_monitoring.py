"""``ldresearch monitor``: an exit code for each verdict, and the page of a past date stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from ldresearch import cli, look_ledger, plan_ledger
from ldresearch.dataset import Dataset
from ldresearch.plan import Plan
from ldresearch.run import monitoring
from ldresearch.run.monitoring import CODES
from ldresearch.worlds import World, organisation, trial
from ldresearch.worlds.trial import plan_for

NEEDED = ("person", "access", "event", "initiative", "arm")


@pytest.fixture(scope="module")
def world() -> World:
    made = organisation(3, name="acme", n_persons=450, n_months=7, q=0.1)
    made = trial(made, 7, started_on="2024-04-01", n_weeks=6, effect=0.25)
    return replace(made, tables={n: t for n, t in made.tables.items() if n in NEEDED})


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    return int(stopped.value.code or 0)


def late(world: World, look: date) -> World:
    """Rows of before a look that are delivered after it: events, and someone nobody knew of."""
    event, person = world.tables["event"], world.tables["person"]
    old = event.head(40).assign(
        event_id=[f"late {i}" for i in range(40)],
        occurred_at=pd.Timestamp(look) - pd.Timedelta(days=9),
        recorded_at=pd.Timestamp(look) + pd.Timedelta(days=2),
    )
    new = person.head(1).assign(
        person_id="000-new", valid_from_on=look + timedelta(days=1),
        hired_on=look + timedelta(days=1),
    )  # fmt: skip
    return replace(world, tables={"event": old, "person": new})


def test_a_back_dated_look_gives_the_bytes_it_gave_then(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.write(tmp_path / "d")
    plan = plan_for(world, minimum_effect=0.1)
    plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=9))
    look = plan.looks_on[-3]
    words = ("monitor", "sprint", "--data", str(tmp_path / "d"), "--as-of", str(look),
             "--out", str(tmp_path / "reports"), "--runs", str(tmp_path / "runs"))  # fmt: skip
    assert call(*words) == CODES["continue"]
    told = capsys.readouterr().out
    assert told.startswith("Continue and scale: ")
    pages = [tmp_path / "reports/acme" / str(look) / f"70_monitor.{end}"
             for end in ("html", "facts.json")]  # fmt: skip
    then = [_of_this_code(page.read_bytes(), pages[1]) for page in pages]
    assert json.loads(then[1])["verdict"]["verdict"] == "continue"
    # What comes later: late data, an amendment, the looks after this one and one made up for.
    late(world, look).write(tmp_path / "d")
    dataset = Dataset.open(tmp_path / "d")
    amended = replace(plan, version=2, change="more", minimum_effect=0.3)
    plan_ledger.freeze(amended, dataset, on=look + timedelta(days=1))
    look_ledger.record(dataset, plan.name, plan.looks_on[-1])
    look_ledger.record(dataset, plan.name, plan.looks_on[0])
    pages[0].unlink()
    assert call(*words) == CODES["continue"]
    assert [_of_this_code(page.read_bytes(), pages[1]) for page in pages] == then


def _of_this_code(page: bytes, facts: Path) -> bytes:
    """Leave out the revision, and the run's name that follows from it: someone may commit now."""
    told = json.loads(facts.read_text(encoding="utf-8"))
    for name in (told["run_id"], told["provenance"]["git"]["revision"] or "-"):
        page = page.replace(str(name).encode(), b"")
    return page


def test_an_edited_plan_is_refused_before_anything_runs(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = world.write(tmp_path / "d")
    plan = plan_for(world)
    plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=9))
    file = tmp_path / "sprint.toml"
    _write(plan_for(world, margin=0.2), file)
    words = ("monitor", str(file), "--data", str(tmp_path / "d"), "--as-of", str(plan.end_on),
             "--out", str(tmp_path / "reports"), "--runs", str(tmp_path / "runs"))  # fmt: skip
    (tmp_path / "reports").mkdir()
    assert call(*words) == CODES["refused"]
    assert "guardrail.gave_up_share.margin: 0.05 became 0.2" in capsys.readouterr().out
    assert not list((tmp_path / "reports").rglob("*70_monitor.html"))
    assert "guardrail.gave_up_share.margin" in (tmp_path / "reports/index.html").read_text()
    _write(plan, file)
    early = [*words[:-6], "--as-of", "2024-01-05", *words[-4:]]
    assert call(*early) == CODES["refused"]
    assert "not frozen before 2024-01-05" in capsys.readouterr().out
    assert call("monitor", "autumn", *words[2:], "--json") == CODES["refused"]
    assert json.loads(capsys.readouterr().out)["verdict"] == "refused"


def _write(plan: Plan, file: Path) -> None:
    from ldresearch import plan as plans

    file.write_text(plans._to_toml(plan.content), encoding="utf-8")


def test_codes_are_told_apart() -> None:
    taken = {2, 3, 4, 5, cli.UNEXPECTED, 130, 143}
    assert len(set(CODES.values())) == len(CODES)
    assert not taken & set(CODES.values())
    assert CODES["continue"] == 0


@pytest.mark.parametrize("verdict", ["iterate", "pivot", "stop"])
def test_a_look_that_was_held_is_on_record(
    verdict: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = replace(world, tables={"person": world.tables["person"]}).write(tmp_path / "d")
    plan = plan_for(world)
    plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=9))
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"verdict": {"verdict": verdict, "reason": "undecided"},
                                 "headline": {"title": "Said."}}))  # fmt: skip

    def ran(jobs: list[object], _: object) -> list[monitoring.Done]:
        return [monitoring.Done("70_monitor", "acme", "2024-06-03", "published",
                                facts=str(facts))]  # fmt: skip

    monkeypatch.setattr(monitoring.runner, "run", ran)
    options = monitoring.Options(tmp_path / "reports", tmp_path / "runs")
    found = monitoring.monitor("sprint", dataset, "2024-06-03", options)
    assert found.exit_code == CODES[verdict]
    held = look_ledger.held(dataset, "sprint", as_of=date(2024, 6, 4))
    assert held == (date(2024, 6, 3),)


def test_a_look_made_up_for_is_not_known_of_before(world: World, tmp_path: Path) -> None:
    dataset = replace(world, tables={"person": world.tables["person"]}).write(tmp_path / "d")
    first, second, third = date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)
    look_ledger.record(dataset, "sprint", second)
    look_ledger.record(dataset, "sprint", first)
    look_ledger.record(dataset, "sprint", first)
    look_ledger.record(dataset, "autumn", first)
    assert look_ledger.held(dataset, "sprint", as_of=second) == ()
    assert look_ledger.held(dataset, "sprint", as_of=third) == (first, second)
    assert len(look_ledger.read(dataset)) == 3
