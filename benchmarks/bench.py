"""Everything that is measured, by one command: ``make bench``.

    python benchmarks/bench.py [--events 1e6 1e7] [--only events.sessions survival] [--turns 3]
                               [--folder DIR] [--seed 9] [--all]

Writes ``results.json`` and, from it, ``RESULTS.md`` beside this file. A run with ``--only``
replaces the figures of what it ran and leaves the others, each with the day of its own run. With
``--seed`` the data are drawn anew; they and their results lie in a folder of their own.

A module of this folder takes part by naming these; it is found by its ``WORKS``:

``WORKS : Mapping[str, Work]``
    Pieces of work and who does them (``side_by_side.Work``). A contender is a function of the
    folder with the data. Two names have a meaning: ``ldresearch`` is this package, and ``limit``
    is what no one can be faster than (a scan of the columns, an import), which is no peer.
``prepare(folder: Path, size: int, seed: int = 0) -> None``
    Write the data of that size into the folder, which exists and is empty. Called once for each
    size: what is in a folder that was finished is used again. The same seed gives the same data;
    nothing is downloaded.

and, where they want to:

``SIZES : tuple[int, ...]``
    Sizes measured by default, in place of those of ``--events``.
``UNIT : str``
    What a size counts (``events`` by default): ``statements``, ``spells``.
``MOST : Mapping[tuple[str, str], int]``
    By work and contender, the largest size it is run at: beyond it, it is left out unless
    ``--all`` is given. For peers that take minutes.
``TITLE : str``
    Heading of the module in the results.
``about(figures) -> str``
    Markdown below its tables, from ``figures[size][work][contender]``, each a
    ``side_by_side.Figure`` or the reason why there is none.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import side_by_side  # noqa: E402 - found beside this file
from side_by_side import Figure  # noqa: E402

OWN, LIMIT = "ldresearch", "limit"
SIZES = (100_000, 1_000_000, 10_000_000)
ORDER = ("events", "ingest_speed", "survival", "clusters", "notebooks")
"""Modules in the order of the results; others follow by name."""
PACKAGES = (
    "ldresearch", "duckdb", "ibis-framework", "pandas", "pyarrow", "numpy", "polars",
    "retentioneering", "lifelines", "scikit-survival", "statsmodels", "scikit-learn", "papermill",
    "nbconvert", "pyspark",
)  # fmt: skip

ABOVE = """# Results

Written by `make bench`; how to read it: [benchmarks](../docs/benchmarks.md). The contenders of each
work ran side by side, in turns, and had to agree first. Medians, if there was more than one turn.
Seconds are of the work, without imports; memory is the most the whole process held."""

Cell = Mapping[str, Figure | str]
Figures = Mapping[int, Mapping[str, Cell]]


# Finding and running ------------------------------------------------------------------------


def modules() -> list[str]:
    """Return the modules of this folder that name works, in the order of the results."""
    found = [
        file.stem
        for file in sorted(HERE.glob("*.py"))
        if file != Path(__file__) and re.search(r"^WORKS\b", file.read_text("utf-8"), re.MULTILINE)
    ]
    rank = {name: i for i, name in enumerate(ORDER)}
    return sorted(found, key=lambda name: (rank.get(name, len(rank)), name))


def chosen(only: Sequence[str]) -> dict[str, list[str]]:
    """Return the works to run by module; ``only`` names modules, or works as ``module.work``."""
    every = {name: list(importlib.import_module(name).WORKS) for name in modules()}
    if not only:
        return every
    picked: dict[str, list[str]] = {}
    for entry in only:
        name, _, work = entry.partition(".")
        if name not in every or (work and work not in every[name]):
            known = [*every, *(f"{n}.{w}" for n, works in every.items() for w in works)]
            sys.exit(f"nothing is called {entry}; there is {', '.join(known)}")
        picked.setdefault(name, []).extend([work] if work else every[name])
    return picked


def prepared(module: ModuleType, folder: Path, size: int, seed: int = 0) -> Path:
    """Return the folder with the data of a size; made once, whole as soon as it has its name."""
    place = folder / module.__name__ / str(size)
    if not place.exists():
        draft = place.with_name(f".{size}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        module.prepare(draft, size, seed)
        draft.rename(place)
    return place


def run(module: ModuleType, works: Sequence[str], size: int, given: argparse.Namespace) -> None:
    """Measure works of a module at a size, and write each result as soon as it is there."""
    folder = prepared(module, given.folder, size, given.seed)
    most = {} if given.all else getattr(module, "MOST", {})
    for work in works:
        contenders = module.WORKS[work].contenders
        late = frozenset(c for c in contenders if size > most.get((work, c), size))
        print(f"{module.__name__}.{work}, {size:,}", flush=True)
        cell = side_by_side.compare(module.__name__, work, folder, turns=given.turns, without=late)
        left_out = dict.fromkeys(late, "takes too long at this size; run with --all")
        record(given.results, module.__name__, size, work, {**cell, **left_out})
        for name, figure in cell.items():
            print(f"  {name}: {said(figure)}", flush=True)


def said(figure: Figure | str) -> str:
    if isinstance(figure, str):
        return figure
    used = f"{figure.processor:.2f} s of processors, {figure.megabytes:.0f} MB"
    return f"{figure.seconds:.3f} s, {used}"


# Keeping ------------------------------------------------------------------------------------


def record(file: Path, module: str, size: int, work: str, cell: Cell) -> None:
    """Replace one result in the file of results."""
    known = json.loads(file.read_text("utf-8")) if file.exists() else {}
    place = known.setdefault(module, {}).setdefault(str(size), {})
    place[work] = {
        "on": f"{date.today():%d %B %Y}",
        "machine": machine(),
        "figures": {n: f if isinstance(f, str) else asdict(f) for n, f in cell.items()},
    }
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Name the processor, the cores and the memory, and how busy they are."""
    import os

    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", info.read_text("utf-8")) if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    name = names[0] if names else platform.machine()
    busy = os.getloadavg()[0]
    return f"{name}, {cores} cores, {memory:.0f} GB, load {busy:.1f}"


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def figures_of(entries: Mapping[str, Any]) -> dict[int, dict[str, dict[str, Figure | str]]]:
    """Read the results of a module back, by size and work."""
    return {
        int(size): {
            work: {
                name: f if isinstance(f, str) else Figure(**f)
                for name, f in entry["figures"].items()
            }
            for work, entry in works.items()
        }
        for size, works in sorted(entries.items(), key=lambda item: int(item[0]))
    }


# Telling ------------------------------------------------------------------------------------


def page(known: Mapping[str, Any]) -> str:
    """Return the page of results."""
    parts = [f"{ABOVE}\n\n{versions()}."]
    rank = {name: i for i, name in enumerate(ORDER)}
    for name in sorted(known, key=lambda n: (rank.get(n, len(rank)), n)):
        module = importlib.import_module(name)
        parts.append(_section(module, known[name]))
    return "\n\n".join(parts) + "\n"


def _section(module: ModuleType, entries: Mapping[str, Any]) -> str:
    figures = figures_of(entries)
    unit = getattr(module, "UNIT", "events")
    parts = [f"## {getattr(module, 'TITLE', module.__name__)}"]
    for size, works in figures.items():
        parts.append(f"### {size:,} {unit}\n\n" + summary(module, works))
    if hasattr(module, "about"):
        parts.append(module.about(figures))
    for size, works in figures.items():
        when = sorted({(e["on"], e["machine"].rpartition(", load")[0])
                       for e in entries[str(size)].values()})  # fmt: skip
        told = "; ".join(f"{on}: {what}" for on, what in when)
        turns = sorted({one.turns for cell in works.values() for one in cell.values()
                        if isinstance(one, Figure)})  # fmt: skip
        told += f"; turns of each: {' or '.join(map(str, turns))}"
        parts.append(
            f"<details><summary>Everyone, {size:,} {unit}</summary>\n\n"
            f"{details(module, works)}\n\n{told}\n\n</details>"
        )
    return "\n\n".join(parts)


def summary(module: ModuleType, works: Mapping[str, Cell]) -> str:
    """Set this package beside the fastest peer, each named peer and the limit."""
    rows = head("work", "this", "fastest peer", "it takes", "times faster", "its memory", "limit",
                "times the limit")  # fmt: skip
    for key, cell in works.items():
        work = module.WORKS.get(key)
        own = cell.get(OWN)
        if work is None or not isinstance(own, Figure):
            continue
        not_peers = {OWN, LIMIT, *(work.apart or {})} | {n for n in cell if n.startswith(OWN)}
        peers = {n: f for n, f in cell.items() if isinstance(f, Figure) and n not in not_peers}
        limit = cell.get(LIMIT)
        said_limit = ["–", "–"]
        if isinstance(limit, Figure):
            said_limit = [seconds(limit.seconds), ratio(own.seconds / limit.seconds)]
        said_peer = ["–"] * 4
        if peers:
            best = min(peers, key=lambda name: peers[name].seconds)
            peer = peers[best]
            share = own.megabytes / peer.megabytes
            said_peer = [best, seconds(peer.seconds), ratio(peer.seconds / own.seconds),
                         f"{peer.megabytes:,.0f} MB, this {share:.2f} of it"]  # fmt: skip
        cells = [work.title, f"{seconds(own.seconds)}, {own.megabytes:,.0f} MB", *said_peer,
                 *said_limit]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def details(module: ModuleType, works: Mapping[str, Cell]) -> str:
    rows = head("work", "who", "seconds", "processor seconds", "memory, MB", "beyond imports, MB",
                "this is so many times faster", "this holds of its memory",
                "of that beyond imports")  # fmt: skip
    for key, cell in works.items():
        title = module.WORKS[key].title if key in module.WORKS else key
        own = cell.get(OWN)
        for name, figure in cell.items():
            if isinstance(figure, str):
                rows.append(f"| {title} | {name} | {figure} | | | | | | |")
                continue
            shares = ["", "", ""]
            if isinstance(own, Figure) and name != OWN:
                beyond = own.beyond_imports / max(figure.beyond_imports, 1)
                shares = [ratio(figure.seconds / own.seconds),
                          f"{own.megabytes / figure.megabytes:.2f}", f"{beyond:.2f}"]  # fmt: skip
            held = [f"{figure.megabytes:,.0f}", f"{figure.beyond_imports:,.0f}"]
            cells = [title, name, seconds(figure.seconds)[:-2], f"{figure.processor:.2f}", *held,
                     *shares]  # fmt: skip
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", "| --- |" + " --- |" * (len(names) - 1)]


def seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 100 else f"{value:,.0f} s"


def ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the power of the size that values grow with: 1 where twice the size costs twice."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--events", type=float, nargs="+", default=SIZES, help="sizes of the logs")
    parser.add_argument("--only", nargs="+", default=(), help="modules, or works: events.sessions")
    parser.add_argument("--turns", type=int, default=3, help="runs of each contender")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "data" / "benchmarks",
                        help="where the data is written, and found the next time")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="draw other data, kept apart")
    parser.add_argument("--results", type=Path,
                        help="where figures are kept; RESULTS.md is written beside it")  # fmt: skip
    parser.add_argument("--all", action="store_true", help="run the slowest peers at every size")
    given = parser.parse_args()
    given.folder = given.folder.resolve()
    if given.seed:
        given.folder /= f"seed-{given.seed}"
    if given.results is None:
        given.results = (given.folder if given.seed else HERE) / "results.json"
    given.results.parent.mkdir(parents=True, exist_ok=True)
    for name, works in chosen(given.only).items():
        module = importlib.import_module(name)
        for size in map(int, getattr(module, "SIZES", given.events)):
            run(module, works, size, given)
    known = json.loads(given.results.read_text("utf-8"))
    given.results.with_name("RESULTS.md").write_text(page(known), encoding="utf-8")


if __name__ == "__main__":
    main()
