"""A notebook's code cells in this process, and what they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldresearch import study
from ldresearch.privacy.gate import MIME


@pytest.fixture
def run_cells(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]]:
    """``run_cells(stem, **parameters)``: the published payloads and the facts."""

    def run(stem: str, **given: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        monkeypatch.setattr(study, "_display", shown.append)
        monkeypatch.setattr(study, "_draws", lambda: False)
        file = root / "notebooks" / f"{stem}.ipynb"
        names: dict[str, Any] = {"__name__": "notebook"}
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)  # noqa: S102
                if "parameters" in cell["metadata"]["tags"]:
                    names.update(given)
        payloads = [bundle[MIME] for bundle in shown if MIME in bundle]
        return payloads, shown[-1][study.FACTS_MIME]

    return run
