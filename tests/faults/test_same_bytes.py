"""Rows in any order, one thread or two, any hash seed, another process: the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ldresearch.run.template import Template

CHILD = textwrap.dedent(
    """
    import hashlib, importlib.util, json, sys, tempfile
    from functools import partial
    from pathlib import Path

    helpers, folder, names, order, threads = sys.argv[1:6]
    spec = importlib.util.spec_from_file_location("helpers", helpers)
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)

    from ldresearch import engine, log, parameters
    from ldresearch.ingest import write
    from ldresearch.report import page
    from ldresearch.run import outcome
    from ldresearch.run.place import dumped
    from ldresearch.run.template import Template
    from ldresearch.worlds.organisation import organisation

    engine.analysis = partial(engine.analysis, threads=int(threads))
    engine.intake = partial(engine.intake, threads=int(threads))
    world = organisation(5, name="text", n_persons=150, n_months=8, time_zone="Europe/Berlin")
    tables = dict(world.tables)
    if int(order):
        tables = {n: t.sample(frac=1, random_state=int(order)) for n, t in reversed(tables.items())}
    dataset = write(tables, Path(folder) / "d", client="text", key=b"k" * 32,
                    time_zone="Europe/Berlin")
    found = {"data": dataset.manifest.data_hash}
    for name in names.split(","):
        template = Template.find(name)
        given = {"dataset": str(dataset.path), "as_of": "2024-09-01"}
        book = conftest.executed(template.content, parameters.resolve(template.declared, given))
        stopped = outcome.stopped(book)
        if stopped:
            found[name] = stopped.reason
            continue
        facts = outcome.facts_of(book)
        html = page.render(book)
        parts = hashlib.sha256(html.encode()), hashlib.sha256(dumped(facts).encode())
        found[name] = [part.hexdigest() for part in parts]
    print(json.dumps(found))
    """
)

VARIANTS = ((0, 1, "0"), (7, 2, "random"), (3, 1, "random"), (0, 2, "random"))


def found(folder: Path, names: tuple[str, ...], order: int, threads: int, seed: str) -> object:
    helpers = Path(__file__).with_name("conftest.py")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(helpers), str(folder), ",".join(names), str(order),
         str(threads)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": str(threads)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow  # test_runs.py holds the order of rows and threads in small
@pytest.mark.parametrize("name", [t.name for t in Template.every()])
def test_order_threads_and_hash_seed_change_no_byte_of_page_and_facts(
    name: str, tmp_path: Path
) -> None:
    results = []
    for i, variant in enumerate(VARIANTS):
        (tmp_path / str(i)).mkdir()
        results.append(found(tmp_path / str(i), (name,), *variant))
    assert all(one == results[0] for one in results), results
    # A notebook that stops says the same each time and shows nothing.
    assert isinstance(results[0][name], list), results[0]  # type: ignore[index]
