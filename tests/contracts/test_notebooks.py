"""The shape of a notebook: thin, without outputs, declared from top to bottom."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
REQUIRED = ["setup", "parameters", "data", "cohort", "check", "headline", "finish"]
KNOWN = {*REQUIRED, "result"}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return content


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 4


def test_is_committed_without_outputs(notebook: dict[str, Any]) -> None:
    for cell in code_cells(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_is_thin(notebook: dict[str, Any]) -> None:
    cells = code_cells(notebook)
    lines = [
        line
        for cell in cells
        for line in source(cell).splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assert len(cells) <= 14
    assert len(lines) <= 80


def test_holds_no_function_class_or_clock(notebook: dict[str, Any]) -> None:
    for cell in code_cells(notebook):
        tree = ast.parse(source(cell))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        assert ".now(" not in source(cell)
        assert ".today(" not in source(cell)


def test_tags_come_in_their_order(notebook: dict[str, Any]) -> None:
    found = [tag for cell in code_cells(notebook) for tag in tags(cell)]
    assert set(found) <= KNOWN
    assert [tag for tag in found if tag in REQUIRED] == REQUIRED
    assert "result" in found


def test_parameters_are_literals_with_help(notebook: dict[str, Any]) -> None:
    [cell] = [c for c in code_cells(notebook) if "parameters" in tags(c)]
    for line in source(cell).splitlines():
        statement = ast.parse(line).body[0]
        assert isinstance(statement, ast.Assign), line
        value = ast.literal_eval(statement.value)
        assert isinstance(value, str | int | float | bool), line
        assert "#" in line.split("=", 1)[1], f"{line}: no help behind it"
        assert line.count("=") == 1, f"{line}: papermill skips a line with two ="


def test_begins_with_its_question_and_ends_with_its_limits(notebook: dict[str, Any]) -> None:
    first, last = notebook["cells"][0], notebook["cells"][-1]
    assert first["cell_type"] == last["cell_type"] == "markdown"
    assert source(first).startswith("# ")
    assert source(first).splitlines()[0].endswith("?")


def test_names_its_kernel(notebook: dict[str, Any]) -> None:
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
