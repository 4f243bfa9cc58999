"""Running notebooks: what is published, what never is, and what a scheduler can rely on."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ldresearch.dataset import Dataset
from ldresearch.run import runner
from ldresearch.run.runner import Done, Options
from ldresearch.run.template import Template
from ldresearch.study import FACTS_MIME

CANARY = "canary.ann@example.org"

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def dataset(demo: Path) -> Dataset:
    return Dataset.open(demo / "quarry")


@pytest.fixture
def run(dataset: Dataset, tmp_path: Path) -> Run:
    def go(template: Template, **given: Any) -> Done:
        options = Options(tmp_path / "reports", tmp_path / "runs", timeout_s=120)
        options = given.pop("options", options)
        values = {"as_of": "2025-07-01", **given}
        [done] = runner.run([runner.plan(template, dataset, values, options)], options)
        return done

    return go


def changed(folder: Path, *extra: str, at: str = "headline") -> Template:
    """Copy 20_adoption with cells put before the one of a tag."""
    book = nbformat.read(Template.find("20_adoption").path, as_version=4)
    [place] = [
        i for i, c in enumerate(book.cells) if at in c.metadata.get("tags", [])
    ]  # fmt: skip
    for offset, source in enumerate(extra):
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["result"]})
        book.cells.insert(place + offset, cell)
    path = folder / "20_adoption.ipynb"
    nbformat.write(book, path)
    return Template("20_adoption", path)


def everything_in(folder: Path) -> str:
    return "\n".join(
        p.read_text(encoding="utf-8", errors="replace") for p in folder.rglob("*") if p.is_file()
    )


def test_publishes_once_and_the_same_bytes(run: Run, tmp_path: Path) -> None:
    template = Template.find("20_adoption")
    first = run(template)
    assert first.status == "published", first.reason
    page, facts = Path(first.page).read_bytes(), Path(first.facts).read_bytes()
    assert run(template).status == "unchanged"
    options = Options(tmp_path / "reports", tmp_path / "runs", is_forced=True)
    assert run(template, options=options).status == "published"
    assert Path(first.page).read_bytes() == page
    assert Path(first.facts).read_bytes() == facts
    if os.name != "nt":
        assert Path(first.run).stat().st_mode & 0o077 == 0
        assert (Path(first.run) / "executed.ipynb").stat().st_mode & 0o077 == 0


def test_the_runner_and_bare_papermill_give_the_same_facts(
    run: Run, dataset: Dataset, tmp_path: Path
) -> None:
    done = run(Template.find("20_adoption"), window_days=30)
    elsewhere = tmp_path / "somewhere else"
    elsewhere.mkdir()
    subprocess.run(
        [str(Path(sys.executable).parent / "papermill"), str(Template.find("20_adoption").path),
         "out.ipynb", "-p", "dataset", str(dataset.path), "-p", "window_days", "30"],
        cwd=elsewhere, check=True, capture_output=True,
    )  # fmt: skip
    bare = nbformat.read(elsewhere / "out.ipynb", as_version=4)
    [facts] = [
        out["data"][FACTS_MIME]
        for cell in bare.cells
        for out in cell.get("outputs", [])
        if FACTS_MIME in out.get("data", {})
    ]
    published = json.loads(Path(done.facts).read_text(encoding="utf-8"))
    assert without_revision(published) == without_revision(json.loads(json.dumps(facts)))


SPELT = "'canary.ann' + '@example.org'"
"""As code writes it: code stands on the page, so the gate refuses addresses in it."""


def without_revision(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts without the checkout's revision: someone may commit between two runs."""
    kept = {key: value for key, value in facts.items() if key != "run_id"}
    kept["provenance"] = {k: v for k, v in facts["provenance"].items() if k != "git"}
    return kept


LEAKS = [
    "import pandas as pd\nleak = pd.DataFrame({'mail': [CANARY]})\nleak.head()",
    "print(CANARY)",
    "import sys\nprint(CANARY, file=sys.stderr)",
    "from IPython.display import HTML, Image, Markdown, display\ndisplay(HTML('<b>' + CANARY))",
    "display(Markdown(CANARY))",
    "import base64\ndisplay({'image/png': base64.b64encode((CANARY).encode()).decode()}, raw=True)",
    "display({'text/latex': CANARY, 'application/json': {'a': CANARY}}, raw=True)",
]


def test_nothing_but_published_results_reaches_a_report(run: Run, tmp_path: Path) -> None:
    leaks = [source.replace("CANARY", SPELT) for source in LEAKS]
    done = run(changed(tmp_path, *leaks))
    assert done.status == "published", done.reason
    page = Path(done.page).read_text(encoding="utf-8")
    assert CANARY not in page
    assert CANARY not in Path(done.facts).read_text(encoding="utf-8")
    assert "<script" not in page
    assert base64.b64encode(CANARY.encode()).decode()[:8] not in page
    assert CANARY in everything_in(Path(done.run))


@pytest.mark.parametrize(
    ("cell", "at", "said"),
    [
        (f"raise KeyError({SPELT})", "cohort", "KeyError"),
        ("import sys\nsys.exit(0)", "cohort", "ended|stopped"),
        ("run.headline(speed, course, units, waiting, sticky, trend)", "headline", "one finding"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "cohort", "kernel died"),
        ("run.publish('no result')", "cohort", "AttributeError"),
    ],
    ids=["error", "early exit", "two findings", "killed", "wrong type"],
)
def test_a_failed_run_publishes_nothing(
    cell: str, at: str, said: str, run: Run, tmp_path: Path
) -> None:
    done = run(changed(tmp_path, cell, at=at))
    assert done.status == "failed"
    assert done.exit_code == 5
    assert re.search(said, done.reason), done.reason
    reports = tmp_path / "reports"
    assert not list(reports.rglob("*.html"))
    assert CANARY not in everything_in(reports)
    assert CANARY not in done.reason
    [mark] = reports.rglob("*.failed.json")
    assert json.loads(mark.read_text())["reason"] == done.reason


def test_a_cell_that_hangs_is_stopped(run: Run, tmp_path: Path) -> None:
    options = Options(tmp_path / "reports", tmp_path / "runs", timeout_s=3)
    done = run(changed(tmp_path, "import time\ntime.sleep(600)", at="cohort"), options=options)
    assert done.status == "failed"
    assert "too long" in done.reason


def test_a_failure_leaves_the_old_report(run: Run, tmp_path: Path) -> None:
    good = run(Template.find("20_adoption"))
    before = Path(good.page).read_bytes()
    assert run(changed(tmp_path, "1 / 0", at="cohort")).status == "failed"
    assert Path(good.page).read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_half_way_publishes_nothing_and_leaves_no_kernel(
    number: int, dataset: Dataset, tmp_path: Path
) -> None:
    template = changed(tmp_path, "import time\ntime.sleep(600)", at="cohort")
    command = [
        str(Path(sys.executable).parent / "ldresearch"), "run", str(template.path),
        "--data", str(dataset.path), "--as-of", "2025-07-01",
        "--out", str(tmp_path / "reports"), "--runs", str(tmp_path / "runs"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    kernels: list[int] = []
    for _ in range(200):
        time.sleep(0.1)
        kernels = children(process.pid)
        if kernels:
            break
    time.sleep(2)
    process.send_signal(number)
    assert process.wait(20) != 0
    for _ in range(100):
        if not any(is_alive(pid) for pid in kernels):
            break
        time.sleep(0.1)
    assert not any(is_alive(pid) for pid in kernels)
    assert not list((tmp_path / "reports").rglob("*.html"))


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            line = (stat.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == pid and "ipykernel" in line:
            found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return "ipykernel" in (Path("/proc") / str(pid) / "cmdline").read_text()
    except OSError:
        return False


def test_what_reads_other_reports_is_run_when_they_are_done(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(tmp_path / "reports", tmp_path / "runs", n_parallel=2)
    names = ("90_summary", "20_adoption", "31_retention_lifecycle")
    jobs = [runner.plan(Template.find(n), dataset, {}, options) for n in names]
    seen: list[str] = []

    def attempt(job: runner.Job, *_: object) -> None:
        seen.append(job.template.name)
        if not job.template.reads_reports:
            job.place.facts.parent.mkdir(parents=True, exist_ok=True)
            job.place.facts.write_text("{}", encoding="utf-8")

    monkeypatch.setattr(runner, "_attempt", attempt)
    done = runner.run(jobs, options)
    assert [one.name for one in done] == list(names)
    assert seen[-1] == "90_summary"
    # Its key holds what it read, which was not there when it was planned.
    assert Path(done[0].run).name != jobs[0].key
