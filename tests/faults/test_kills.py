"""Killed at any moment, started twice, out of order: readers see whole pages only."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldresearch.dataset import Dataset
from ldresearch.report import index
from ldresearch.run.template import Template

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems"),
    # Whole processes; test_runs.py holds the same in small.
    pytest.mark.slow,
]

AS_OF = "2025-01-01"

WORKER = textwrap.dedent(
    """
    import json, os, random, sys, time
    from pathlib import Path
    import nbformat
    from ldresearch.dataset import Dataset
    from ldresearch.report import index, page  # loaded once, before any fork
    from ldresearch.run import outcome, runner
    from ldresearch.run.runner import Options
    from ldresearch.run.template import Template
    import datetime

    here = Path(sys.argv[1])
    task = json.loads((here / "task.json").read_text())
    books = {seed: (here / f"book-{seed}.json").read_text() for seed in ("1", "2")}
    dataset = Dataset.open(Path(task["dataset"]))

    def execute(job, folder, timeout_s, warm):
        text = books[str(job.values["seed"])]
        (folder / "executed.ipynb").write_text(text)
        if task.get("pause"):
            time.sleep(float(task["pause"]))
        return nbformat.reads(text, as_version=4), None

    runner._execute = execute

    def once(seed, as_of=task["as_of"]):
        options = Options(here / "reports", here / "runs", n_parallel=1, is_forced=task["forced"])
        job = runner.plan(
            Template.find("20_adoption"), dataset, {"as_of": as_of, "seed": seed}, options
        )
        [done] = runner.run([job], options)
        with runner.locked(here / "reports" / ".lock"):
            index.build(here / "reports", today=datetime.date(2025, 1, 2))
        return done

    def forked(seed):
        child = os.fork()
        if not child:
            code = 1
            try:
                code = 0 if once(seed).status in ("published", "unchanged") else 2
            finally:
                os._exit(code)
        return child
    """
)

KILLING = WORKER + textwrap.dedent(
    """
    chance = random.Random(task["chance"])
    page.render(json.loads(books["1"]))  # whatever is loaded for it is there before the forks
    begun = time.monotonic()
    for seed in (1, 2, 1):
        assert os.waitpid(forked(seed), 0)[1] == 0
    usual = (time.monotonic() - begun) / 3
    print("ready", flush=True)
    n_killed = n_ended = n_repaired = 0
    for i in range(task["kills"]):
        child = forked(1 + i % 2)
        time.sleep(chance.random() * usual * 1.2)
        try:
            os.kill(child, 9)
        except ProcessLookupError:
            pass
        status = os.waitpid(child, 0)[1]
        n_killed, n_ended = n_killed + (status == 9), n_ended + (status == 0)
        if i % 10 == 9:
            assert os.waitpid(forked(1 + i % 2), 0)[1] == 0
            n_repaired += 1
    assert os.waitpid(forked(2), 0)[1] == 0
    told = {"killed": n_killed, "ended": n_ended, "repaired": n_repaired + 1}
    print(json.dumps(told), flush=True)
    """
)


@pytest.fixture(scope="module")
def books(
    tmp_path_factory: pytest.TempPathFactory, planted: Callable[..., Dataset]
) -> tuple[Dataset, dict[str, Any]]:
    """A small organisation, and 20_adoption with two seeds to be run on it."""
    from ldresearch import parameters

    folder = tmp_path_factory.mktemp("kills")
    dataset = planted(folder / "d", lambda name, frame: frame, public=True, key=b"k" * 32)
    template = Template.find("20_adoption")
    found: dict[str, Any] = {}
    for seed in (1, 2):
        values = parameters.resolve(
            template.declared, {"dataset": str(dataset.path), "as_of": AS_OF, "seed": seed}
        )
        found[str(seed)] = (template, values)
    return dataset, found


@pytest.fixture(scope="module")
def bench(books: Any, in_this_process: Callable[..., Any]) -> Callable[..., Path]:
    dataset, asked = books
    texts = {
        seed: json.dumps(in_this_process(template.content, values))
        for seed, (template, values) in asked.items()
    }

    def lay(folder: Path, **task: Any) -> Path:
        for seed, text in texts.items():
            (folder / f"book-{seed}.json").write_text(text)
        told = {"dataset": str(dataset.path), "as_of": AS_OF, "forced": True, **task}
        (folder / "task.json").write_text(json.dumps(told))
        return folder

    return lay


def started(script: str, folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), *words], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


class Readers:
    """Threads that read page, facts and index over and over, and note what is not whole."""

    def __init__(self, reports: Path) -> None:
        self.wrong: list[str] = []
        self.pages: set[str] = set()
        self.n_reads = 0
        self._stop = threading.Event()
        day = reports / "text" / AS_OF
        self._threads = [
            threading.Thread(target=self._look, args=args)
            for args in (
                (day / "20_adoption.html", self._page),
                (day / "20_adoption.facts.json", json.loads),
                (reports / "index.html", self._html),
            )
        ]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def _look(self, path: Path, whole: Callable[[str], object]) -> None:
        while not self._stop.wait(0.002):
            self.n_reads += 1
            try:
                whole(path.read_text(encoding="utf-8"))
            except Exception as error:
                self.wrong.append(f"{path.name}: {type(error).__name__}")

    @staticmethod
    def _html(text: str) -> None:
        assert text.startswith("<!doctype html>")
        assert text.endswith("</html>\n")

    def _page(self, text: str) -> None:
        self._html(text)
        self.pages.add(text)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("kills", [200])
def test_killed_at_random_no_page_is_torn_or_lost_and_the_next_run_repairs(
    kills: int, bench: Callable[..., Path], tmp_path: Path
) -> None:
    folder = bench(tmp_path, kills=kills, chance=7)
    worker = started(KILLING, folder)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    readers = Readers(folder / "reports")
    said, _ = worker.communicate()
    readers.end()
    assert worker.returncode == 0
    told = json.loads(said)
    print(f"{told}, {readers.n_reads} reads, {len(readers.pages)} pages")
    assert told["killed"] >= kills // 3
    assert told["killed"] + told["ended"] == kills
    assert readers.n_reads > kills
    assert readers.wrong == []
    # Two seeds, two pages: nobody ever saw a third.
    assert 1 <= len(readers.pages) <= 2
    left = [p.name for p in (folder / "reports").rglob("*") if p.name.endswith(".tmp")]
    assert left == []
    day = folder / "reports" / "text" / AS_OF
    facts = json.loads((day / "20_adoption.facts.json").read_text())
    assert facts["report"]["parameters"]["seed"] == 2
    assert facts["run_id"] in (day / "20_adoption.html").read_text()


ONCE = WORKER + textwrap.dedent(
    """
    sys.stdin.readline()
    done = once(int(sys.argv[2]), sys.argv[3])
    print(json.dumps([done.status, done.reason]), flush=True)
    """
)


def test_of_two_schedulers_one_runs_and_the_other_finds_it_done(
    bench: Callable[..., Path], tmp_path: Path
) -> None:
    folder = bench(tmp_path, forced=False, pause=1.0)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", ONCE, str(folder), "1", AS_OF], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for one in both:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [json.loads(one.communicate()[0])[0] for one in both]
    assert sorted(said) == ["published", "unchanged"]
    assert len(list((folder / "runs").glob("*/executed.ipynb"))) == 1
    text = (folder / "reports" / "text" / AS_OF / "20_adoption.html").read_text()
    assert text.endswith("</html>\n")


def test_the_older_of_two_runs_ends_last_and_the_latest_stays(
    bench: Callable[..., Path], tmp_path: Path
) -> None:
    """As-of never goes back: each date has its address, and the index shows the newest."""
    newer, older = "2025-01-01", "2024-06-01"
    folder = bench(tmp_path, forced=False)
    for as_of in (newer, older):
        done = subprocess.run(
            [sys.executable, "-c", ONCE, str(folder), "1", as_of], input="go\n",
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout)[0] == "published"
        # The book is of the newer date; its facts are moved to the older one for this test.
        facts = folder / "reports" / "text" / older / "20_adoption.facts.json"
        if facts.is_file():
            facts.write_text(facts.read_text().replace(newer, older))
    page = folder / "reports" / "text" / newer / "20_adoption.html"
    before = page.read_bytes()
    index.build(folder / "reports", today=datetime.date(2025, 1, 2))
    assert page.read_bytes() == before
    shown = (folder / "reports" / "index.html").read_text()
    assert f"text/{newer}/20_adoption.html" in shown
    assert f"text/{older}/20_adoption.html" not in shown
