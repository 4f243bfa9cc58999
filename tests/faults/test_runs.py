"""What a scheduler can rely on (cases.toml, C); kernels are run in tests/run."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from ldresearch import files
from ldresearch.dataset import Dataset
from ldresearch.files import atomic_write
from ldresearch.log import EventLog
from ldresearch.measures import adoption as measure
from ldresearch.models import adoption as model
from ldresearch.privacy import publish
from ldresearch.result import to_payload
from ldresearch.run import runner
from ldresearch.run.place import Place
from ldresearch.run.runner import Options
from ldresearch.run.template import Template
from ldresearch.worlds.tables import log

AS_OF = "2025-03-01"


@pytest.fixture(scope="module")
def quarry(demo: Path) -> Dataset:
    return Dataset.open(demo / "quarry")


def test_a_reader_never_sees_half_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    whole = {str(i) * 200_000 for i in range(2)}
    for text in sorted(whole):
        atomic_write(page, text)
    torn: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            text = page.read_text()
            if text not in whole:
                torn.append(len(text))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(40):
        atomic_write(page, str(i % 2) * 200_000)
    stop.set()
    reader.join()
    assert torn == []


def test_a_file_and_its_folder_are_synced_around_the_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda h: (calls.append("sync"), sync(h))[1])
    monkeypatch.setattr(files.os, "replace", lambda a, b: (calls.append("move"), move(a, b))[1])
    atomic_write(tmp_path / "a", "x")
    assert calls == ["sync", "move", "sync"]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX systems")
def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    atomic_write(page, "old")
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from ldresearch.files import atomic_write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "atomic_write(Path(sys.argv[1]), 'x' * 5000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(page)], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "OSError" in done.stderr
    assert page.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    there = Place(tmp_path / "a" / "b", "c", "2025-01-01", "20_adoption")
    there.publish("<html>", {})
    assert there.page.read_text() == "<html>"


def test_reports_of_two_dates_never_meet(tmp_path: Path) -> None:
    """The older run ends last: it has its own address, and the newer page stays."""
    new, old = (Place(tmp_path, "c", day, "20_adoption") for day in ("2025-02-01", "2025-01-01"))
    new.publish("new", {})
    old.publish("old", {})
    assert new.page.read_text() == "new"


def planned(quarry: Dataset, folder: Path, **given: Any) -> runner.Job:
    options = Options(folder / "reports", folder / "runs")
    return runner.plan(Template.find("20_adoption"), quarry, {"as_of": AS_OF, **given}, options)


def test_the_same_run_has_the_same_key_and_another_another(quarry: Dataset, tmp_path: Path) -> None:
    one = planned(quarry, tmp_path)
    assert planned(quarry, tmp_path).key == one.key
    others = [
        planned(quarry, tmp_path, window_days=30), planned(quarry, tmp_path, seed=2),
        planned(quarry, tmp_path, as_of="2025-02-01"),
    ]  # fmt: skip
    assert len({one.key, *(o.key for o in others)}) == 4


def test_the_record_of_a_run_can_be_audited(quarry: Dataset, tmp_path: Path) -> None:
    record = runner._record(planned(quarry, tmp_path))
    for part in ("key", "notebook", "client", "as_of", "parameters", "data_hash", "code_hash",
                 "notebook_hash", "packages"):  # fmt: skip
        assert record[part], part
    assert "duckdb" in record["packages"]


def test_without_an_as_of_date_nothing_runs(quarry: Dataset, tmp_path: Path) -> None:
    from ldresearch.errors import ParameterError

    for bad in ("", "today", "2025-13-01", "01.03.2025"):
        with pytest.raises(ParameterError):
            planned(quarry, tmp_path, as_of=bad)


def test_no_notebook_asks_for_today_or_allows_errors(root: Path) -> None:
    for file in (root / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(file, as_version=4).cells:
            assert "raises-exception" not in cell.metadata.get("tags", []), file.name
            if cell.cell_type != "code":
                continue
            names = {
                n.attr for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Attribute)
            }
            assert not names & {"now", "today", "utcnow"}, file.name


def published(whole: EventLog) -> list[Any]:
    found = [model.activation(measure.time_to_value(whole)), model.active(measure.active(whole))]
    payloads = [to_payload(publish(one)) for one in found]
    assert any(payload["rows"] for payload in payloads)
    return payloads


def test_threads_change_no_byte(quarry: Dataset) -> None:
    one, two = (EventLog.open(quarry, as_of=AS_OF, threads=n) for n in (1, 2))
    assert published(one) == published(two) == published(two)


EVENTS = pd.DataFrame(
    [(f"p{i % 40}", f"2024-0{1 + i % 6}-{1 + i % 28:02} 10:00", "complete", f"c{i % 5}")
     for i in range(300)],
    columns=["person_id", "occurred_at", "verb", "content_id"],
)  # fmt: skip
PEOPLE = pd.DataFrame(
    {"person_id": [f"p{i}" for i in range(40)], "valid_from_on": "2023-12-01",
     "hired_on": "2023-12-01", "unit_path": [["all", "ab"[i % 2]] for i in range(40)]}
)  # fmt: skip


def test_the_order_of_rows_changes_no_byte(tmp_path: Path) -> None:
    tables = {"event": EVENTS, "person": PEOPLE}
    shuffled = {n: t.sample(frac=1, random_state=7) for n, t in tables.items()}
    (tmp_path / "s").mkdir()
    one = log(tables, tmp_path, as_of="2024-12-01", public=False)
    two = log(shuffled, tmp_path / "s", as_of="2024-12-01", public=False)
    assert one.dataset.manifest.data_hash == two.dataset.manifest.data_hash
    for name in ("event", "person", "activity_day"):
        assert one.dataset.file(name).read_bytes() == two.dataset.file(name).read_bytes()
    assert published(one) == published(two)


def test_a_past_report_is_the_same_after_late_data(tmp_path: Path) -> None:
    frame = EVENTS.assign(recorded_at=EVENTS["occurred_at"])
    late = frame.head(60).assign(
        occurred_at="2024-02-14 12:00", recorded_at="2024-07-01 00:00", content_id="late"
    )
    (tmp_path / "s").mkdir()
    before = log({"event": frame, "person": PEOPLE}, tmp_path, as_of="2024-07-01", public=False)
    after = log(
        {"event": pd.concat([late, frame]), "person": PEOPLE}, tmp_path / "s", as_of="2024-07-01",
        public=False,
    )  # fmt: skip
    assert before.dataset.manifest.data_hash != after.dataset.manifest.data_hash
    assert published(before) == published(after)
    moved = EventLog.open(after.dataset, as_of="2024-07-02")
    assert moved.table("event").count().execute() > after.table("event").count().execute()


def test_importing_and_reading_is_quiet(quarry: Dataset) -> None:
    code = (
        "import sys\nfrom ldresearch.log import EventLog\n"
        "EventLog.open(sys.argv[1], as_of='2025-03-01').table('event').count().execute()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:ldresearch", "-c", code,
         str(quarry.path)], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
def test_the_second_to_come_waits(tmp_path: Path) -> None:
    """Another process waits for the lock, and gets it when its holder is killed."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom ldresearch.files import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "lock")]
    holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    entered = threading.Event()

    def enter() -> None:
        with files.locked(tmp_path / "lock"):
            entered.set()

    waiting = threading.Thread(target=enter, daemon=True)
    waiting.start()
    assert not entered.wait(0.5)
    holder.kill()
    holder.communicate()
    assert entered.wait(10)
    waiting.join()


def test_published_facts_hold_no_path(quarry: Dataset) -> None:
    from ldresearch.study import Run

    values = planned(quarry, Path("nowhere")).values  # noqa: PD011 - of a job, no frame
    facts = json.dumps(Run("20_adoption", values, EventLog.open(quarry, as_of=AS_OF)).facts())
    assert str(quarry.path) in str(values)
    for told in (str(quarry.path), str(Path.home()), str(quarry.path.parent)):
        assert told not in facts
