"""Welcome and tutorials: they run from their first cell to their last on the demo data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ldresearch import study

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[!0-9]*.ipynb")) + sorted(
    (ROOT / "notebooks" / "tutorials").glob("*.ipynb")
)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    content = json.loads(request.param.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = content["cells"]
    return found


def test_every_cell_runs(
    cells: list[dict[str, Any]], demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(study, "_display", shown.append)
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102


def test_committed_without_outputs_and_told_in_prose(cells: list[dict[str, Any]]) -> None:
    code = [c for c in cells if c["cell_type"] == "code"]
    assert all(not c["outputs"] and c["execution_count"] is None for c in code)
    assert cells[0]["cell_type"] == cells[-1]["cell_type"] == "markdown"
    assert len(cells) - len(code) >= 4


def test_links_between_notebooks_lead_somewhere() -> None:
    import re

    for notebook in NOTEBOOKS:
        text = notebook.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (notebook.parent / target).exists(), (notebook.name, target)
