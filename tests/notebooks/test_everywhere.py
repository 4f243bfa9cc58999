"""The same notebook, unchanged, wherever people run notebooks: the same facts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from ldresearch.dataset import Dataset
from ldresearch.run import runner
from ldresearch.run.runner import Options
from ldresearch.run.template import Template
from ldresearch.study import FACTS_MIME

QUICK = {"00_intake", "20_adoption", "40_segments", "90_summary"}
"""Those that every run of the tests takes; the others carry the mark ``slow``."""

TEMPLATES = [
    pytest.param(t, id=t.name, marks=[] if t.name in QUICK else pytest.mark.slow)
    for t in Template.every()
]
Published = Callable[[Template], dict[str, Any]]


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("everywhere") / "reports"


@pytest.fixture(scope="module")
def published(demo: Path, published_home: Path) -> Published:
    """Facts of a notebook, run with its own defaults by the project's runner."""
    options = Options(published_home, published_home.parent / "runs")

    def facts(template: Template) -> dict[str, Any]:
        dataset = Dataset.open(demo.parent / str(template.declared["dataset"].default))
        [done] = runner.run([runner.plan(template, dataset, {}, options)], options)
        assert done.reason == ""
        found: dict[str, Any] = json.loads(Path(done.facts).read_text(encoding="utf-8"))
        return found

    return facts


def without_revision(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts without the checkout's revision: someone may commit between two runs."""
    kept = {key: value for key, value in facts.items() if key != "run_id"}
    kept["provenance"] = {k: v for k, v in facts["provenance"].items() if k != "git"}
    return kept


@pytest.mark.parametrize("template", TEMPLATES)
def test_run_all_in_jupyterlab(
    template: Template, published: Published, published_home: Path
) -> None:
    """As JupyterLab does: in the notebook's folder, nothing injected, pictures drawn."""
    by_runner = published(template)
    book = nbformat.read(template.path, as_version=4)
    if template.reads_reports:
        [cell] = [c for c in book.cells if "parameters" in c.metadata.get("tags", [])]
        cell.source = cell.source.replace('reports = ""', f'reports = "{published_home}"')
    folder = {"metadata": {"path": str(template.path.parent)}}
    NotebookClient(book, timeout=300, kernel_name="python3", resources=folder).execute()
    shown = [out for c in book.cells for out in c.get("outputs", []) if "data" in out]
    [facts] = [out["data"][FACTS_MIME] for out in shown if FACTS_MIME in out["data"]]
    assert without_revision(facts) == without_revision(by_runner)
    assert template.reads_reports or any("image/png" in out["data"] for out in shown)


@pytest.mark.parametrize(
    "notebooks",
    [
        ["welcome.ipynb", "31_retention_lifecycle.ipynb"],
        pytest.param(["."], id="all", marks=pytest.mark.slow),
    ],
)
def test_nbval(notebooks: list[str], demo: Path, root: Path) -> None:
    """As the README says: ``pytest --nbval-lax notebooks``."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider",
         "--nbval-lax", *(str(Path("notebooks") / name) for name in notebooks)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_misspelt_parameter_stops_bare_papermill(template: Template, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "papermill"), str(template.path), "out.ipynb",
         "-p", "as_off", "2025-01-01"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "did you mean as_of?" in done.stderr
