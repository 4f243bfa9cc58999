"""The ledger: only ever added to, whole after a crash, and the keeper of what was frozen."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from ldresearch import files, plan_ledger
from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, ParameterError
from ldresearch.plan import Plan, parse, template
from ldresearch.plan_ledger import LEDGER, PlanEditedError, freeze, frozen, read, standing
from ldresearch.worlds.tables import KEY, log

BEFORE, AFTER = date(2025, 2, 20), date(2025, 4, 1)


def plan(**changed: object) -> Plan:
    text = template()
    for name, value in changed.items():
        said = f'"{value}"' if isinstance(value, str) else value
        lines = [f"{name} = {said}" if line.startswith(f"{name} = ") else line
                 for line in text.splitlines()]  # fmt: skip
        text = "\n".join(lines)
    return parse(text)


def test_what_is_frozen_is_kept_with_its_hash_and_day(tmp_path: Path) -> None:
    entry = freeze(plan(), tmp_path, on=BEFORE, recorded_at="2025-02-20T10:00:00+00:00")
    assert (entry.hash, entry.frozen_on, entry.is_late) == (plan().hash, BEFORE, False)
    assert entry.plan == plan()
    assert read(tmp_path) == (entry,)
    assert os.stat(tmp_path / LEDGER).st_mode & 0o777 == 0o600


def test_freezing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = freeze(plan(), tmp_path, on=BEFORE)
    before = (tmp_path / LEDGER).read_bytes()
    assert freeze(plan(), tmp_path, on=AFTER) == first
    assert (tmp_path / LEDGER).read_bytes() == before


def test_an_edit_is_refused_with_each_changed_key_before_and_after(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    edited = plan(minimum_effect=0.03, owner="The board", margin=0.01)
    with pytest.raises(PlanEditedError) as error:
        freeze(edited, tmp_path, on=BEFORE)
    assert [(c.field, c.before, c.after) for c in error.value.changes] == [
        ("guardrail.gave_up_share.margin", 0.02, 0.01),
        ("owner", "Head of learning", "The board"),
        ("primary.minimum_effect", 0.05, 0.03),
    ]
    assert "primary.minimum_effect: 0.05 became 0.03" in str(error.value)
    with pytest.raises(PlanEditedError):
        plan_ledger.check(edited, tmp_path)
    assert plan_ledger.check(plan(), tmp_path).version == 1


def test_after_the_launch_only_if_it_says_so(tmp_path: Path) -> None:
    for day in (date(2025, 3, 3), AFTER):
        with pytest.raises(ParameterError, match="the launch is past"):
            freeze(plan(), tmp_path, on=day)
    assert read(tmp_path) == ()
    assert freeze(plan(), tmp_path, on=AFTER, late=True).is_late


def test_an_amendment_lists_what_changed_and_why(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    second = plan(version=2, change="Fewer people joined", minimum_effect=0.07)
    entry = freeze(second, tmp_path, on=AFTER)
    assert entry.changes == ("primary.minimum_effect: 0.05 became 0.07",)
    assert entry.plan.change == "Fewer people joined"
    assert entry.is_late
    assert [e.version for e in read(tmp_path)] == [1, 2]


@pytest.mark.parametrize("version", [3, 1])
def test_versions_come_in_turn(version: int, tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    freeze(plan(version=2, change="x", power=0.9), tmp_path, on=BEFORE)
    wrong = plan(version=version + 1 if version == 3 else 1, change="y", power=0.7)
    with pytest.raises(ParameterError, match="version out of turn"):
        freeze(wrong, tmp_path, on=BEFORE)


def test_an_amendment_cannot_be_older_than_what_it_amends(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    with pytest.raises(ParameterError, match="before the version it amends"):
        freeze(plan(version=2, change="x", power=0.9), tmp_path, on=date(2025, 1, 1))


def test_another_name_is_no_way_round(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    with pytest.raises(ParameterError, match="under another name"):
        freeze(plan(name="a better plan"), tmp_path, on=BEFORE)


def test_as_of_a_date_only_what_was_frozen_before_is_known(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    freeze(plan(version=2, change="x", power=0.9), tmp_path, on=AFTER)
    versions = [
        entry.version if (entry := frozen(tmp_path, as_of=day)) else 0
        for day in (BEFORE, date(2025, 2, 21), AFTER, date(2025, 4, 2))
    ]
    assert versions == [0, 1, 1, 2]


# Nothing is lost or altered in silence -------------------------------------------------------


def test_it_is_only_ever_added_to(tmp_path: Path) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    first = (tmp_path / LEDGER).read_bytes()
    freeze(plan(version=2, change="x", power=0.9), tmp_path, on=BEFORE)
    assert (tmp_path / LEDGER).read_bytes().startswith(first)


@pytest.mark.parametrize("fails", ["replace", "fsync"])
def test_a_crash_while_writing_leaves_the_ledger_before(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(plan(), tmp_path, on=BEFORE)
    before = (tmp_path / LEDGER).read_bytes()

    def crash(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, fails, crash)
    with pytest.raises(OSError, match="No space"):
        freeze(plan(version=2, change="x", power=0.9), tmp_path, on=BEFORE)
    monkeypatch.undo()
    assert (tmp_path / LEDGER).read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))
    assert freeze(plan(version=2, change="x", power=0.9), tmp_path, on=BEFORE).version == 2


def test_many_at_once_leave_one_line_each(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = [f"plan {i % 4}" for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(
            lambda name: freeze(plan(name=name, initiative=""), tmp_path, on=BEFORE), names
        ))  # fmt: skip
    assert sorted(entry.name for entry in read(tmp_path)) == sorted(set(names))


def test_a_line_that_was_changed_taken_out_or_cut_is_found(tmp_path: Path) -> None:
    for n, power in enumerate((0.8, 0.9, 0.7), start=1):
        freeze(plan(version=n, change="x" if n > 1 else "", power=power), tmp_path, on=BEFORE)
    file = tmp_path / LEDGER
    lines = file.read_text(encoding="utf-8").splitlines()
    edited = json.loads(lines[0]) | {"frozen_on": "2024-01-01"}
    for damaged in (
        [json.dumps(edited, sort_keys=True), *lines[1:]],
        [lines[0], lines[2]],
        [*lines[:2], lines[2][:-20]],
        [lines[0].replace('"statistics.power": 0.8', '"statistics.power": 0.5'), *lines[1:]],
        [*lines, "nonsense"],
    ):
        file.write_text("\n".join(damaged) + "\n", encoding="utf-8")
        with pytest.raises(DataError, match="not what was written"):
            read(tmp_path)


PERSON = """
    person_id | valid_from_on | hired_on
    ada       | 2024-01-01    | 2024-01-01
"""
EVENT = """
    person_id | occurred_at | verb
    ada       | {day}       | complete
"""


def test_it_survives_a_new_ingest(tmp_path: Path) -> None:
    one = log({"person": PERSON, "event": EVENT.format(day="2024-02-01")}, tmp_path,
              as_of="2025-01-01")  # fmt: skip
    freeze(plan(), one.dataset, on=BEFORE)
    two = log({"event": EVENT.format(day="2024-03-01")}, tmp_path, as_of="2025-01-01")
    assert two.dataset.manifest.version != one.dataset.manifest.version
    assert [e.hash for e in read(Dataset.open(one.dataset.path).path)] == [plan().hash]
    assert KEY.hex() not in (one.dataset.path / LEDGER).read_text(encoding="utf-8")


# What a notebook is told --------------------------------------------------------------------


def test_standing_names_the_edits_of_a_file(tmp_path: Path) -> None:
    one = log({"person": PERSON}, tmp_path, as_of="2025-01-01")
    assert "no plan was frozen" in standing("", one.dataset).why
    file = tmp_path / "p.toml"
    file.write_text(template().replace("power = 0.8", "power = 0.9"), encoding="utf-8")
    found = standing(str(file), one.dataset)
    assert (found.is_frozen, found.entry) == (False, None)
    freeze(plan(), one.dataset, on=BEFORE)
    assert standing("", one.dataset).is_frozen
    edited = standing(str(file), one.dataset)
    assert not edited.is_frozen
    assert edited.facts["changed"] == "statistics.power: 0.8 became 0.9"
    assert edited.facts["frozen_hash"] == plan().hash != edited.facts["hash"]
