"""Whoever is measured beside this package answers the same; nothing is timed here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("resource", reason="there is no peak of memory to read on this system")

SIZE = 3_000


@pytest.fixture(scope="module")
def folder(root: Path) -> Iterator[Path]:
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(root / "benchmarks")
    yield root / "benchmarks"
    patch.undo()


@pytest.fixture(scope="module")
def events(folder: Path) -> ModuleType:
    return importlib.import_module("events")


@pytest.fixture(scope="module")
def small(events: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("log")
    events.prepare(place, SIZE)
    return place


def test_a_log_has_its_size_and_is_the_same_each_time(events: ModuleType) -> None:
    first, again = (list(events.logs.blocks(SIZE)) for _ in range(2))
    assert sum(len(block) for block in first) == SIZE
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    [other] = events.logs.blocks(SIZE, seed=1)
    assert len(other) == SIZE
    assert not other.equals(first[0])


@pytest.mark.parametrize("name", ["weekly", "cohorts", "lifecycle", "spells", "funnel", "sessions"])
def test_everyone_gives_the_same_answer(events: ModuleType, small: Path, name: str) -> None:
    from side_by_side import UnavailableError, _apart

    work = events.WORKS[name]
    answers: dict[str, Any] = {}
    for contender, of in work.contenders.items():
        if contender in (work.apart or {}):
            continue
        try:
            answers[contender] = json.loads(json.dumps(of(small)()))
        except UnavailableError:
            continue
    own = answers.pop("ldresearch")
    assert {"pandas, naive", "pandas, tuned", "DuckDB"} <= set(answers)
    assert sum(_numbers(own)) > 0
    for contender, answer in answers.items():
        assert _apart(own, answer) <= work.tolerance, contender


def _numbers(answer: Any) -> Iterator[float]:
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            yield from _numbers(part)
    else:
        yield answer


def test_a_module_is_found_by_its_works_and_its_figures_are_told(
    folder: Path, events: ModuleType, tmp_path: Path
) -> None:
    bench = importlib.import_module("bench")
    assert bench.modules()[0] == "events"
    for name in bench.modules():
        module = importlib.import_module(name)
        assert callable(module.prepare), name
        assert all("ldresearch" in work.contenders for work in module.WORKS.values()), name
    figure = bench.Figure
    cell = {
        "ldresearch": figure(0.5, 200, 50, 3, 0.8), "DuckDB": figure(1.0, 400, 300, 3, 1.9),
        "limit": figure(0.25, 90, 20, 3, 0.3), "polars": "polars is not installed",
        "scan of the export": figure(0.1, 90, 20, 3, 0.2),
    }  # fmt: skip
    file = tmp_path / "results.json"
    for size in (1_000, 10_000):
        for work in ("weekly", "six"):
            bench.record(file, "events", size, work, cell)
    told = bench.page(json.loads(file.read_text(encoding="utf-8")))
    row = "| Weekly active people | 0.500 s, 200 MB | DuckDB | 1.00 s | 2.00 | 400 MB, this 0.50 of"
    assert row in told
    assert "| polars | polars is not installed |" in told
    assert "slope" in told
    assert "| 10,000 | 0.50 s | – | – | 1.00 s | 0.50 | – |" in told


def test_what_nobody_measures_is_refused(folder: Path) -> None:
    bench = importlib.import_module("bench")
    with pytest.raises(SystemExit, match=r"events\.nothing"):
        bench.chosen(["events.nothing"])
    assert bench.chosen(["events.six"]) == {"events": ["six"]}


def test_cost_that_doubles_with_the_size_has_slope_one(folder: Path) -> None:
    bench = importlib.import_module("bench")
    assert bench.slope([1e5, 1e6, 1e7], [0.1, 1, 10]) == pytest.approx(1)
    assert bench.slope([1e5, 1e6], [1, 1]) == pytest.approx(0)
