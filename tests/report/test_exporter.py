"""The page as an nbconvert format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import get_exporter

from ldresearch.errors import RunError
from ldresearch.report import page


def test_is_registered_and_gives_the_same_page(maker: Any) -> None:
    exporter = get_exporter("ldresearch")()
    html, resources = exporter.from_notebook_node(maker())
    assert html == page.render(maker())
    assert resources["output_extension"] == ".html"


def test_says_its_name_in_a_menu() -> None:
    assert get_exporter("ldresearch")().export_from_notebook == "Ldresearch report"


def test_a_notebook_that_was_not_run_is_refused(maker: Any) -> None:
    notebook = maker()
    notebook.cells[5]["execution_count"] = None
    with pytest.raises(RunError, match="not run to its end"):
        get_exporter("ldresearch")().from_notebook_node(notebook)


def test_the_command_refuses_in_one_sentence(maker: Any, tmp_path: Path) -> None:
    notebook = maker()
    notebook.cells[5]["execution_count"] = None
    nbformat.write(notebook, tmp_path / "a.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "ldresearch", "a.ipynb"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == RunError.exit_code
    assert "No report: cell 4: the notebook was not run to its end" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.html").exists()


def test_loading_the_format_loads_nothing_heavy() -> None:
    """nbconvert loads every format there is, whichever is asked for."""
    code = "import ldresearch.report.exporter, sys; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
