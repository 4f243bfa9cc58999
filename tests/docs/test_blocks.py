"""Blocks of code in the documents: each is run by a test, or says in its first line why not."""

from __future__ import annotations

import ast
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ldresearch import worlds
from ldresearch.run.study_folder import lay_out

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

ELSEWHERE = {
    "own-csv.md": "tests/docs/test_own_csv.py",
    "scheduling.md": "tests/run/test_scheduling.py",
    "definitions.md": "tests/spec/test_definitions.py",
}
"""Pages with a test of their own for every block."""

FAILING = {"window_days=0": 2}
"""What a page shows to be refused, and the exit code."""

RUN, OTHER = "0f3a9c", ("64ff2b50", "207b6d8f")
"""Stand for a run of one's own."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it stands, its language, what its first line adds, its text."""

    page: str
    number: int
    language: str
    added: str
    text: str


def documents() -> list[Path]:
    return sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def blocks(file: Path) -> Iterator[Block]:
    for i, (language, added, text) in enumerate(_BLOCK.findall(file.read_text(encoding="utf-8"))):
        yield Block(file.name, i, language, added.strip(), text)


EVERY = [block for file in documents() for block in blocks(file)]


[MAPPING] = [b.text for b in EVERY if b.page == "tutorial.md" and b.language == "toml"]


def is_run(block: Block) -> bool:
    runs = block.language in ("sh", "python")
    return runs and block.page not in ELSEWHERE and not block.added


def test_every_block_is_found() -> None:
    fences = sum(
        line.startswith("```") for f in documents() for line in f.read_text("utf-8").splitlines()
    )
    assert 2 * len(EVERY) == fences
    assert sum(map(is_run, EVERY)) > 15


def test_every_other_block_says_why_it_is_not_run() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / "docs" / page).is_file()
        assert (ROOT / test).exists(), test
    for block in EVERY:
        where = f"{block.page}, block {block.number + 1}"
        if block.added:
            assert re.fullmatch(r"not run: \w.{8,}", block.added), where
        elif block.page not in ELSEWHERE:
            # Texts, tables and drawings have no language.
            assert block.language in ("", "sh", "toml", "python", "csv"), where


@pytest.mark.parametrize("language", ["toml", "python"])
def test_settings_and_programs_can_be_read(language: str) -> None:
    found = [block for block in EVERY if block.language == language]
    assert found
    for block in found:
        (tomllib.loads if language == "toml" else ast.parse)(block.text)


# Running them -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with what the pages take for granted: exports, a dataset, launches, some runs."""
    folder = tmp_path_factory.mktemp("documents") / "acme"
    lay_out(folder)
    [launches] = [b.text for b in EVERY if b.page == "sources.md" and "[[initiative]]" in b.text]
    (folder / "launches.toml").write_text(launches, encoding="utf-8")
    for part, first in (("", 0), ("north", 1000), ("south", 2000)):
        exports = folder / "exports" / part
        exports.mkdir(exist_ok=True)
        (exports / "completions.csv").write_text(completions(first), encoding="utf-8")
        (exports / "people.csv").write_text(people(first), encoding="utf-8")
        (exports / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    worlds.demo(folder / "data" / "demo")
    ingested = "ldresearch ingest tabular exports --out data/ours --client 'Our company'"
    twice = "--from 2025-04-01 --to 2025-07-01 --every quarter"
    for command in (
        f"{ingested} --time-zone Europe/Berlin",
        f"ldresearch run adoption --data demo/harbour {twice}",
    ):
        assert typed(command, folder).returncode == 0, command
    [executed, *_] = (folder / "data" / "runs").glob("*/executed.ipynb")
    shutil.copyfile(executed, folder / "executed.ipynb")
    return folder


def typed(text: str, study: Path, *program: str) -> subprocess.CompletedProcess[str]:
    """Run a text as the shell does, or another program, in the folder of the study."""
    bin_folder = Path(sys.executable).parent
    told = {"HOME": str(study.parent), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    return subprocess.run(
        [*(program or ("sh", "-ec")), text], cwd=study, env=os.environ | told,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def people(first: int) -> str:
    rows = ["Employee ID,Hire date,Division,Team,Country"]
    for i in range(first, first + 120):
        rows.append(f"{i:05},{1 + i % 28:02}.03.2023,{('Sales', 'Operations')[i % 2]},T{i % 4},DE")
    return "\n".join(rows) + "\n"


def completions(first: int) -> str:
    rows = ["Employee ID,Completed,Course,Minutes"]
    for i in range(first, first + 120):
        for k in range(i % 7):
            day = dt.date(2024, 7, 8) + dt.timedelta(days=(37 * i + 41 * k) % 350)
            rows.append(f"{i:05},{day:%d.%m.%Y} 09:30,C{k},25")
    return "\n".join(rows) + "\n"


def filled_in(text: str, reports: Path) -> str:
    """Put in what a reader has and a page cannot know; run two notebooks where it says all.

    Every notebook is run by the demo.
    """
    facts = [json.loads(p.read_text("utf-8")) for p in sorted(reports.rglob("*adoption*.json"))]
    runs = {f["report"]["as_of"]: f["run_id"] for f in facts if f["report"]["client"] == "harbour"}
    for name, run in zip((*OTHER, RUN), [*runs.values(), *runs.values()][-3:], strict=False):
        text = text.replace(name, run)
    return text.replace(" run all ", " run intake adoption ")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the pages are written for a POSIX shell")
@pytest.mark.parametrize("page", sorted({block.page for block in EVERY if is_run(block)}))
def test_every_block_does_what_its_page_says(study: Path, page: str) -> None:
    for block in [b for b in EVERY if b.page == page and is_run(b)]:
        script = filled_in(block.text, study / "reports")
        program = () if block.language == "sh" else (sys.executable, "-c")
        done = typed(script, study, *program)
        expected = next((code for mark, code in FAILING.items() if mark in script), 0)
        where = f"{block.page}, block {block.number + 1}: {script}"
        assert done.returncode == expected, f"{where}\n{done.stderr[-2000:]}"
        if "--sketch" in script:  # what a person does with it
            (study / "exports" / "mapping.toml").write_text(MAPPING, encoding="utf-8")
