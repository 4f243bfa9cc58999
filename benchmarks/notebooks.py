"""Six reports, run and converted: the command line of this package, and papermill with nbconvert.

Everyone runs the same six notebooks of this package over the same small dataset. The peers do it
as shipped: papermill's command, then nbconvert's, one notebook after another, with ordinary
kernels; they draw the same figures in the kernel that this package draws on the page. Compared are
the facts each notebook ends with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from side_by_side import Timed, Work

NOTEBOOKS = (
    "00_intake", "20_adoption", "30_engagement_survival", "31_retention_lifecycle", "32_journey",
    "41_learner_voice",
)  # fmt: skip
AS_OF = "2025-07-01"
TITLE = "Notebooks"
UNIT = "persons"
SIZES = (1_000,)
HERE = Path(sys.executable).parent


def prepare(folder: Path, size: int, seed: int = 0) -> None:
    """Write an organisation.

    Parameters
    ----------
    folder : Path
    size : int
        Its persons.
    seed : int
    """
    from ldresearch.worlds import organisation

    made = organisation(seed=14 + seed, name="bench", n_persons=size, p=0.01, q=0.05)
    made.write(folder / "dataset")


def ours(*options: str) -> Any:
    """Make a contender of the command ``ldresearch run`` with options."""

    def contender(folder: Path) -> Timed:
        def timed() -> dict[str, Any]:
            with _place() as place:
                _call(
                    "ldresearch", "run", *NOTEBOOKS, "--data", str(folder / "dataset"),
                    "--as-of", AS_OF, "--out", str(place / "reports"), "--runs",
                    str(place / "runs"), "--quiet", *options,
                )  # fmt: skip
                pages = (place / "reports").glob(f"*/{AS_OF}/*.facts.json")
                return _told(json.loads(page.read_text(encoding="utf-8")) for page in sorted(pages))

        return timed

    return contender


def as_shipped(folder: Path) -> Timed:
    """Run and convert one after another."""

    def timed() -> dict[str, Any]:
        with _place() as place:
            for name in NOTEBOOKS:
                _executed(name, folder, place)
                _call("jupyter", "nbconvert", "--to", "html", str(place / f"{name}.ipynb"))
            return _told(_facts(place / f"{name}.ipynb") for name in NOTEBOOKS)

    return timed


def papermill_alone(folder: Path) -> Timed:
    """Run one after another, convert nothing."""

    def timed() -> dict[str, Any]:
        with _place() as place:
            for name in NOTEBOOKS:
                _executed(name, folder, place)
            return _told(_facts(place / f"{name}.ipynb") for name in NOTEBOOKS)

    return timed


def own_computing(folder: Path) -> Timed:
    """Run the cells of each notebook, in a process that has done its imports: no kernel, no page.

    What is left when everything around it costs nothing: the sum over all notebooks, on one core.
    So with two cores the least is half of it.
    """
    from ldresearch import places, study
    from ldresearch.run import engine, warm_process

    os.environ.update(engine.environment())
    warm_process.preload()
    shown: list[dict[str, Any]] = []
    study._display = shown.append
    study._draws = lambda: False

    def timed() -> dict[str, Any]:
        for name in NOTEBOOKS:
            names: dict[str, Any] = {"__name__": "notebook"}
            file = places.shipped_notebooks() / f"{name}.ipynb"
            for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]), names)
                    if "parameters" in cell["metadata"]["tags"]:
                        names.update(dataset=str(folder / "dataset"), as_of=AS_OF)
        return _told(b[study.FACTS_MIME] for b in shown if study.FACTS_MIME in b)

    return timed


@contextmanager
def _place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


def _call(*command: str) -> None:
    environment = {**os.environ, "PATH": f"{HERE}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [str(HERE / command[0]), *command[1:]], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr.strip()[-2000:]}")


def _executed(name: str, folder: Path, place: Path) -> None:
    from ldresearch import places

    _call(
        "papermill", str(places.shipped_notebooks() / f"{name}.ipynb"),
        str(place / f"{name}.ipynb"), "-p", "dataset", str(folder / "dataset"), "-p", "as_of",
        AS_OF, "--no-progress-bar",
    )  # fmt: skip


def _facts(executed: Path) -> dict[str, Any]:
    from ldresearch.study import FACTS_MIME

    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    bundles = (out.get("data", {}) for cell in cells for out in cell.get("outputs", []))
    [facts] = [bundle[FACTS_MIME] for bundle in bundles if FACTS_MIME in bundle]
    return facts


def _told(every: Any) -> dict[str, Any]:
    """Every published number of every report."""
    return {
        f"{facts['report']['name']} {fact['metric']} {fact['label']}": [
            fact["value"], fact["low"], fact["high"], fact["n"],
        ]
        for facts in every for fact in facts["facts"]
    }  # fmt: skip


WORKS = {
    "six reports": Work(
        "six reports, run and converted",
        {
            "ldresearch": ours(),
            "ldresearch, ordinary kernels": ours("--cold"),
            "papermill and nbconvert as shipped, one after another": as_shipped,
            "papermill alone, one after another": papermill_alone,
            "limit": own_computing,
        },
    )
}


# The demo suite -----------------------------------------------------------------------------


def demo() -> None:
    """Time the demo's suite against what its notebooks compute, divided by the cores.

    ``python benchmarks/notebooks.py`` runs ``ldresearch demo --force`` over the demo's datasets,
    then the cells of the same runs in a process that has done its imports, one after another.
    """
    import time

    from ldresearch import places, study, worlds
    from ldresearch.run import engine, runner, warm_process
    from ldresearch.run.template import Template

    datasets = worlds.demo(places.data_home() / "demo")
    with _place() as place:
        where = ["--out", str(place / "reports"), "--runs", str(place / "runs")]
        start = time.perf_counter()
        _call("ldresearch", "demo", "--force", "--quiet", *where)
        suite = time.perf_counter() - start
        os.environ.update(engine.environment())
        warm_process.preload()
        study._display = lambda bundle: None
        study._draws = lambda: False
        options = runner.Options(place / "reports", place / "runs")
        jobs = [
            runner.plan(template, dataset, given, options)
            for dataset in datasets
            for template in Template.every()
            for given in worlds.occasions(dataset.manifest.client, template.name)
        ] + [
            runner.plan(template, datasets[0], {}, options, datasets[1:])
            for template in Template.every()
            if template.reads_several
        ]
        own = sum(_computing(job) for job in jobs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{len(jobs)} reports: {suite:.0f} s; their own computing {own:.0f} s, divided by "
          f"{cores} cores {own / cores:.0f} s; ratio {suite / (own / cores):.2f}")  # fmt: skip


def _computing(job: Any) -> float:
    """Seconds of a notebook's cells."""
    import time

    names: dict[str, Any] = {"__name__": "notebook"}
    start = time.perf_counter()
    for cell in job.template.content["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            if "parameters" in cell["metadata"]["tags"]:
                names.update(job.values)
    return time.perf_counter() - start


if __name__ == "__main__":
    demo()
