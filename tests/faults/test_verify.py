"""Doing a run again: the same where nothing was touched, and what was touched is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ldresearch.dataset import Dataset
from ldresearch.run import verification


@pytest.fixture
def dataset(tmp_path: Path, planted: Callable[..., Dataset]) -> Dataset:
    return planted(tmp_path / "d", lambda name, frame: frame, public=True, key=b"k" * 32)


@pytest.mark.slow
def test_a_page_or_facts_that_were_changed_are_found(
    dataset: Dataset, tmp_path: Path, go: Callable[..., Any]
) -> None:
    go("20_adoption", dataset, as_of="2024-11-01")
    done = go("20_adoption", dataset, as_of="2025-01-01")
    page, facts = Path(done.page), Path(done.facts)
    before = page.read_bytes(), facts.read_bytes()

    def found() -> tuple[bool, set[str]]:
        one = verification.verify(Path(done.run).name[:8], tmp_path / "runs")
        return one.is_same, {f.split(": ", 1)[1] for f in one.findings if f[:4] == "DIFF"}

    # Compared with the report before, as it was then: the page comes out byte for byte.
    assert found() == (True, set())
    again = verification.verify(Path(done.run).name[:8], tmp_path / "runs").findings
    assert "same: page of a second run" in again
    page.write_bytes(before[0] + b"<!-- -->")
    assert found() == (False, {"20_adoption.html as published", "page of a second run"})
    page.write_bytes(before[0])
    forged = json.loads(before[1])
    forged["facts"][0]["value"] = 0.99
    facts.write_text(json.dumps(forged))
    assert found() == (False, {"20_adoption.facts.json as published", "facts of a second run"})
