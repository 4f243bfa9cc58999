"""Running notebooks without a kernel, and organisations that attackers are planted in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from ldresearch import study
from ldresearch.dataset import Dataset
from ldresearch.ingest import write
from ldresearch.run import outcome, runner
from ldresearch.run.runner import Done, Job, Options
from ldresearch.run.template import Template
from ldresearch.worlds.organisation import organisation

Go = Callable[..., Done]


def executed(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Run the cells of a notebook here, and keep what each shows as a kernel would."""
    book = copy.deepcopy(dict(content))
    names: dict[str, Any] = {"__name__": "notebook"}
    shown: list[dict[str, Any]] = []
    kept = study._display, study._draws
    study._display, study._draws = shown.append, lambda: False
    try:
        for number, cell in enumerate(book["cells"], start=1):
            if cell["cell_type"] != "code":
                continue
            shown.clear()
            cell["execution_count"] = number
            cell["outputs"] = []
            try:
                exec("".join(cell["source"]), names)  # noqa: S102
            except BaseException as error:
                # A kernel keeps the text of an error, whatever it quotes.
                cell["outputs"] = [
                    {"output_type": "error", "ename": type(error).__name__, "evalue": str(error),
                     "traceback": [repr(error)]}
                ]  # fmt: skip
                break
            if "parameters" in cell["metadata"].get("tags", []):
                names.update(values)
            cell["outputs"] = [
                {"output_type": "display_data", "data": json.loads(json.dumps(bundle)),
                 "metadata": {}}
                for bundle in shown
            ]  # fmt: skip
    finally:
        study._display, study._draws = kept
    return book


@pytest.fixture(scope="session")
def in_this_process() -> Callable[..., dict[str, Any]]:
    """``in_this_process(content, values)``: the executed notebook."""
    return executed


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner run notebooks in this process: everything else stays as it is."""

    def run(job: Job, folder: Path, timeout_s: int, warm: object) -> tuple[dict[str, Any], Any]:
        book = nbformat.from_dict(executed(job.template.content, job.values))
        nbformat.write(book, folder / runner.EXECUTED)
        return book, outcome.stopped(book)

    monkeypatch.setattr(runner, "_execute", run)


@pytest.fixture
def go(tmp_path: Path, no_kernel: None) -> Go:
    """``go(template, dataset, **parameters)``: a run, its page in ``tmp_path / "reports"``."""

    def run(template: Template | str, dataset: Dataset, **given: Any) -> Done:
        options = Options(tmp_path / "reports", tmp_path / "runs", n_parallel=1)
        one = Template.find(template) if isinstance(template, str) else template
        [done] = runner.run([runner.plan(one, dataset, given, options)], options)
        return done

    return run


Change = Callable[[str, pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="session")
def planted() -> Callable[..., Dataset]:
    """``planted(folder, change, public=...)``: a small organisation, each table changed first."""

    def build(folder: Path, change: Change, *, public: bool, key: bytes, **options: Any) -> Dataset:
        world = organisation(5, name="text", n_persons=240, n_months=12, time_zone="UTC")
        tables = {name: change(name, frame.copy()) for name, frame in world.tables.items()}
        return write(tables, folder, client=options.pop("client", "text"), key=key, public=public,
                     **options)  # fmt: skip

    return build
