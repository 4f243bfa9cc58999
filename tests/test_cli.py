"""The command line as its users meet it: one sentence, an exit code, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldresearch import cli
from ldresearch.run import verification


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rnu",), 2, "run"),
        (("run", "20_adoption"), 2, "--data"),
        (("run", "20_adoption", "--data", "demo/quarry"), 2, "--as-of 2025-07-01"),
        (("run", "20_adoptoin", "--data", "demo/harbour", "--as-of", "2025-07-01"), 2,
         "did you mean 20_adoption"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-07-01",
          "-p", "windw_days=30"), 2, "did you mean window_days"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-13-01"), 2, "as_of"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-07-01",
          "-p", "as_of=2024-01-01"), 2, "--as-of"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-07-01",
          "-p", "window_days"), 2, "name=value"),
        (("run", "20_adoption", "--data", "nowhere", "--as-of", "2025-07-01"), 3, "no dataset"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-07-01",
          "--jobs", "0"), 2, "--jobs"),
        (("ingest", "oulda", ".", "--out", "x"), 2, "did you mean oulad"),
        (("ingest", "oulad", "."), 2, "--out"),
        (("ingest", "oulad", ".", "--sketch"), 2, "tabular"),
        (("verify", "nothing"), 2, "no such published run"),
        (("new", "analysis", "mentoring"), 2, "two digits"),
        (("new", "analysis", "20_adoption", "--like", "adoption"), 2, "already"),
        (("index", "--out", "nowhere"), 2, "no folder of reports"),
        (("digest", "--out", "nowhere"), 2, "no folder of reports"),
        (("compare", "a", "b", "--out", "nowhere"), 2, "no folder of reports"),
        (("compare", "a", "b", "--out", "tests"), 2, "no such run"),
        (("run", "20_adoption", "--data", "demo/harbour", "--as-of", "2025-07-01",
          "--locale", "tlh"), 2, "en, de, fr"),
        (("run", "20_adoption", "--data", "nowhere", "--as-of", "2025-07-01", "-q"), 3,
         "no dataset"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(
    words: tuple[str, ...], code: int, said: str, demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words) == code
    told = capsys.readouterr()
    assert said in told.err
    assert "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1


def test_a_refusal_is_an_object_where_programs_read(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("run", "x", "--log", "json"), ("run", "--nonsense", "--log=json")):
        assert call(*words) == 2
        [line] = capsys.readouterr().err.splitlines()
        note = json.loads(line)
        assert (note["level"], note["event"], note["exit_code"]) == ("error", "refused", 2)
        assert note["said"].startswith("ldresearch: ")


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    told = capsys.readouterr().out
    for verb in ("demo", "ingest", "run", "index", "lab", "verify", "new"):
        assert verb in told


def test_what_is_unexpected_is_said_without_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("ann@example.org")

    monkeypatch.setattr(cli, "_index", broken)
    assert call("index", "--out", str(tmp_path)) == cli.UNEXPECTED
    told = capsys.readouterr().err
    assert "KeyError" in told
    assert "ann@" not in told
    with pytest.raises(KeyError):
        cli.main(["index", "--out", str(tmp_path), "--debug"])


def test_run_index_and_verify(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ("--out", str(tmp_path / "reports"), "--runs", str(tmp_path / "runs"))
    quarry = ("--data", str(demo / "quarry"), "--as-of", "2025-03-01")
    words = ("run", "learner_brand", *quarry, *there, "--locale", "de")
    assert call(*words, "--json") == 0
    [done] = json.loads(capsys.readouterr().out)
    assert done["status"] == "published"
    assert Path(done["page"]) == tmp_path / "reports/quarry/2025-03-01/43_learner_brand.html"
    for page in (Path(done["page"]), tmp_path / "reports" / "index.html"):
        assert "1.\u00a0März\u00a02025" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert call(*words) == 0
    assert "unchanged" in capsys.readouterr().err
    assert call(*words, "--quiet") == 0
    assert capsys.readouterr().err == ""
    assert call(*words, "--log", "json") == 0
    unchanged, finished = map(json.loads, capsys.readouterr().err.splitlines())
    assert (unchanged["event"], unchanged["report"]) == ("unchanged", "43_learner_brand")
    assert (finished["unchanged"], finished["exit_code"]) == (1, 0)
    run = Path(done["run"]).name
    Path(done["page"]).write_text("<html>forged", encoding="utf-8")
    assert call("verify", run[:8], "--runs", str(tmp_path / "runs")) == 5
    told = capsys.readouterr().out
    assert "DIFFERENT: 43_learner_brand.html" in told
    assert "same: facts of a second run" in told


def test_a_run_that_is_the_same_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is found, and when, is tested where verifying is: tests/faults/test_verify.py."""
    found = verification.Verification("0f3a9c", True, ("same: data",))
    monkeypatch.setattr(verification, "verify", lambda *_: found)
    assert call("verify", "0f3a9c") == 0
    assert capsys.readouterr().out == "same: data\n"


def test_a_key_must_be_long_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = tmp_path / "short.key"
    short.write_text("abc")
    words = ("ingest", "xapi", str(tmp_path), "--out", str(tmp_path / "d"), "--key-file")
    assert call(*words, str(short)) == 2
    assert "another length" in capsys.readouterr().err
    assert call(*words, str(tmp_path / "absent.key")) == 2
    assert "cannot be read" in capsys.readouterr().err
