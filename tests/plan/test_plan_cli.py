"""Writing, checking and freezing a plan from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldresearch import cli
from ldresearch.plan import parse, template
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on
    ada       | 2024-01-01    | 2024-01-01
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    return log({"person": PERSON}, folder, as_of="2025-01-01").dataset.path


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(word) for word in words])
    return int(stopped.value.code or 0)


def test_from_a_template_to_a_refused_edit(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spring.toml"
    assert call("plan", "new", file) == 0
    assert call("plan", "check", file) == 0
    assert parse(template()).hash in capsys.readouterr().out
    assert call("plan", "freeze", file, "--data", dataset) == 2
    assert "the launch is past" in capsys.readouterr().err
    assert call("plan", "freeze", file, "--data", dataset, "--on", "2025-02-20", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["frozen_on"], told["is_late"]) == ("2025-02-20", False)
    assert call("plan", "check", file, "--data", dataset) == 0
    capsys.readouterr()
    file.write_text(template().replace("power = 0.8", "power = 0.9"), encoding="utf-8")
    for words in (("check", file, "--data", dataset), ("freeze", file, "--data", dataset)):
        assert call("plan", *words) == 2
        told = capsys.readouterr().err
        assert "statistics.power: 0.8 became 0.9" in told
        assert len(told.strip().splitlines()) == 1


def test_every_fault_of_a_file_has_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(template().replace("alpha = 0.05", "alpah = 7").replace("0.8", "1.8"),
                    encoding="utf-8")  # fmt: skip
    assert call("plan", "check", file) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 2
    assert all("bad.toml, line" in line for line in told)


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine", encoding="utf-8")
    assert call("plan", "new", file) == 2
    assert file.read_text(encoding="utf-8") == "mine"
    assert call("plan", "new", file, "--force") == 0
    assert file.read_text(encoding="utf-8") == template()
    capsys.readouterr()
    assert call("plan", "new") == 0
    assert capsys.readouterr().out == template()


@pytest.mark.parametrize("day", ["2999-01-01", "2025-13-01"])
def test_a_day_to_come_or_none_is_refused(
    day: str, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(template(), encoding="utf-8")
    assert call("plan", "freeze", file, "--data", dataset, "--on", day) == 2
    assert "--on" in capsys.readouterr().err
