"""The same notebook, unchanged, wherever people run notebooks: the same facts."""

from __future__ import annotations

import json
import subprocess
import sys
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

TEMPLATES = Template.every()
NAMES = [template.name for template in TEMPLATES]


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("everywhere") / "reports"


@pytest.fixture(scope="module")
def published(demo: Path, published_home: Path) -> dict[str, dict[str, Any]]:
    """Facts of every notebook, run with its own defaults by the project's runner."""
    options = Options(published_home, published_home.parent / "runs")
    homes = [str(template.declared["dataset"].default) for template in TEMPLATES]
    datasets = [Dataset.open(demo.parent / home) for home in homes]
    pairs = zip(TEMPLATES, datasets, strict=True)
    done = runner.run([runner.plan(t, dataset, {}, options) for t, dataset in pairs], options)
    assert [one.reason for one in done] == [""] * len(done)
    return {
        template.name: json.loads(Path(one.facts).read_text(encoding="utf-8"))
        for template, one in zip(TEMPLATES, done, strict=True)
    }


def without_revision(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts without the checkout's revision: someone may commit between two runs."""
    kept = {key: value for key, value in facts.items() if key != "run_id"}
    kept["provenance"] = {k: v for k, v in facts["provenance"].items() if k != "git"}
    return kept


@pytest.mark.parametrize("template", TEMPLATES, ids=NAMES)
def test_run_all_in_jupyterlab(
    template: Template, published: dict[str, dict[str, Any]], published_home: Path
) -> None:
    """As JupyterLab does: in the notebook's folder, nothing injected, pictures drawn."""
    book = nbformat.read(template.path, as_version=4)
    if template.reads_reports:
        [cell] = [c for c in book.cells if "parameters" in c.metadata.get("tags", [])]
        cell.source = cell.source.replace('reports = ""', f'reports = "{published_home}"')
    folder = {"metadata": {"path": str(template.path.parent)}}
    NotebookClient(book, timeout=300, kernel_name="python3", resources=folder).execute()
    shown = [out for c in book.cells for out in c.get("outputs", []) if "data" in out]
    [facts] = [out["data"][FACTS_MIME] for out in shown if FACTS_MIME in out["data"]]
    assert without_revision(facts) == without_revision(published[template.name])
    assert template.reads_reports or any("image/png" in out["data"] for out in shown)


def test_nbval(demo: Path, root: Path) -> None:
    """As the README says: ``pytest --nbval-lax notebooks``."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider",
         "--nbval-lax", "notebooks"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_parameter_stops_bare_papermill(name: str, tmp_path: Path) -> None:
    [template] = [t for t in TEMPLATES if t.name == name]
    done = subprocess.run(
        [str(Path(sys.executable).parent / "papermill"), str(template.path), "out.ipynb",
         "-p", "as_off", "2025-01-01"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "did you mean as_of?" in done.stderr
