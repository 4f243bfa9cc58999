"""The doctor: healthy is fine, and each ailment is found and told how to mend."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from ldresearch.cli import _run
from ldresearch.dataset import MANIFEST, Dataset
from ldresearch.files import locked
from ldresearch.ingest import write
from ldresearch.privacy.ledger import FILE, Release
from ldresearch.run import custody, doctor, releases
from ldresearch.worlds.tables import KEY, from_text

EVENTS = "person_id | occurred_at | verb\nada | 2024-01-03 | view\nben | 2024-01-03 | view"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write({"event": from_text(EVENTS)}, tmp_path / "d", client="text", key=KEY)
    return tmp_path / "d"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(doctor, "key_store", lambda: tmp_path / "keys")
    return tmp_path / "keys"


def to_mend(checks: list[doctor.Check]) -> dict[str, str]:
    assert all(check.do for check in checks if check.state == doctor.MEND)
    return {check.name: check.said for check in checks if check.state == doctor.MEND}


def test_a_healthy_dataset_is_fine(folder: Path, store: Path) -> None:
    assert to_mend(doctor.dataset(folder)) == {}


def changed_row(folder: Path) -> None:
    file = Dataset.open(folder).file("event")
    frame = duckdb.sql(f"FROM '{file}'").df().assign(verb="complete")
    duckdb.sql(f"COPY (FROM frame) TO '{file}' (FORMAT parquet)")
    assert len(frame)


def edited(folder: Path, **values: object) -> None:
    raw = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(raw | values))


AILMENTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no manifest": (lambda d: (d / MANIFEST).unlink(), "manifest", "no dataset here"),
    "cut manifest": (lambda d: (d / MANIFEST).write_text("{"), "manifest", "cannot be read"),
    "schema": (lambda d: edited(d, schema_version=0), "manifest", "another schema version"),
    "lost": (lambda d: Dataset.open(d).file("event").unlink(), "tables", "no file for event"),
    "cut": (lambda d: Dataset.open(d).file("event").write_bytes(b"PAR1"), "tables",
            "not what was written: event"),
    "changed": (changed_row, "tables", "not what was written: event"),
    "orphan": (lambda d: (d / "copy.parquet").write_bytes(b"x"), "leftovers", "copy.parquet"),
    "draft": (lambda d: (d / ".draft-12").mkdir(), "leftovers", ".draft-12"),
    "open": (lambda d: d.chmod(0o755), "modes", "others can look into it"),
    "counts": (lambda d: edited(d, rows_in={"event": 9}), "counts", "event"),
    "zone": (lambda d: edited(d, time_zone="Mars/Base"), "time zone", "ParameterError"),
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX systems")
@pytest.mark.parametrize("name", AILMENTS)
def test_each_ailment_of_a_dataset_is_found(folder: Path, store: Path, name: str) -> None:
    hurt, where, said = AILMENTS[name]
    hurt(folder)
    found = to_mend(doctor.dataset(folder))
    assert list(found) == [where]
    assert said in found[where]


def test_a_lock_that_merely_lies_there_is_free_and_a_held_one_is_told(
    folder: Path, store: Path
) -> None:
    def lock() -> doctor.Check:
        [check] = [c for c in doctor.dataset(folder) if c.name == "lock"]
        return check

    assert (folder.parent / f".{folder.name}.lock").is_file()
    assert lock().said == "free"
    if os.name != "nt":
        with locked(folder.parent / f".{folder.name}.lock"):
            assert lock().state == doctor.NOTE


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX systems")
def test_an_installation_is_looked_at(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir(mode=0o700)
    words = ["doctor", "--out", str(tmp_path / "reports"), "--runs", str(runs), "--json"]

    def told() -> tuple[int, dict[str, str]]:
        code = _run(words, debug=False)
        said = json.loads(capsys.readouterr().out)
        assert said["is_fine"] == (code == 0)
        return code, {c["name"]: c["said"] for c in said["checks"] if c["state"] == "mend"}

    assert told() == (0, {})
    store.mkdir(mode=0o700)
    (store / "ours.key").write_text("ab" * 31)
    (store / "ours.key").chmod(0o644)
    runs.chmod(0o755)
    code, found = told()
    assert code == 5
    assert found == {
        "private runs": "others can look into 1 folders",
        "keys": "no key any more: ours.key",
    }
    assert "abab" not in json.dumps(found)


def test_a_package_that_is_missing_or_other_than_pinned_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = doctor._version
    versions = {"lifelines": None, "scipy": "0.1"}
    monkeypatch.setattr(doctor, "_version", lambda n: versions.get(n, real(n)))
    missing, other = list(doctor._packages())
    assert missing[:2] == (doctor.MEND, "missing: lifelines")
    assert "scipy 0.1 (" in other[1]


def test_an_engine_that_refuses_too_little_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    from ldresearch import engine

    monkeypatch.setattr(engine, "intake", lambda folders: duckdb.connect(":memory:"))
    [(state, said, _)] = doctor._engine()
    assert state == doctor.MEND
    assert "reading another file" in said


def test_the_ledger_of_releases_is_looked_at(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    book = releases.ledger(runs)
    entry = Release("harbour", "20_adoption", "", "", "2025-06-02", "2025-06-02", 10, 5)
    book.record(entry, book.people(f"person {i}" for i in range(40)))

    def said() -> str:
        checks = doctor.installation(reports=tmp_path / "reports", runs=runs)
        return " ".join(str(c) for c in checks if c.name == "ledger of releases")

    assert "1 kept, whole" in said()
    assert custody.prune(runs, 0.0, now=4e9) == []
    assert "1 kept, whole" in said()
    (book.folder / FILE).write_text("{}")
    assert "not what was written" in said()
