"""Contenders side by side: each turn in a process of its own, in turns, answers compared first.

A benchmark module names its works in ``WORKS``. A contender is a function of the folder with the
data: it imports what it needs and returns the function that is timed. So seconds are of the work,
and the peak of memory is of the whole process.
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Timed = Callable[[], Any]
"""Does the work; returns its answer as numbers: a number, or lists or a mapping of them."""


@dataclass(frozen=True)
class Work:
    """One piece of work and everyone who does it.

    Parameters
    ----------
    title : str
        As it stands in the results.
    contenders : mapping of str to callable
        By name; this package's own is called ``ldresearch``.
    tolerance : float
        How far two answers may lie apart, relative to the larger (absolute below 1).
    looser : mapping of str to float
        The same for contenders that are not exact.
    apart : mapping of str to str
        Contenders whose answer is another one by their definition, with the reason.
    """

    title: str
    contenders: Mapping[str, Callable[[Path], Timed]]
    tolerance: float = 1e-9
    apart: Mapping[str, str] | None = None
    looser: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Figure:
    """What one contender needed: medians of several turns.

    Attributes
    ----------
    seconds, processor : float
        Of the work by the clock, and of all its threads and processes: what a busy machine
        changes least.
    megabytes, beyond_imports : float
        The most the process held, and how much of that the work added to the imports.
    turns : int
    """

    seconds: float
    megabytes: float
    beyond_imports: float
    turns: int
    processor: float = 0.0


class UnavailableError(Exception):
    """A contender that is not installed here, with the reason."""


def compare(
    module: str, work: str, data: Path, *, turns: int = 3, without: frozenset[str] = frozenset()
) -> dict[str, Figure | str]:
    """Run everyone in turns; raise if two answers differ.

    Parameters
    ----------
    module : str
        A file of this folder, without its ending.
    work : str
        A key of its ``WORKS``.
    data : Path
        Folder with the data.
    turns : int
        Runs of each, one after another: a, b, c, a, b, c.
    without : frozenset of str
        Contenders left out.

    Returns
    -------
    dict
        By contender: its figure, or why there is none.
    """  # fmt: skip
    job = _works(module)[work]
    names = [name for name in job.contenders if name not in without]
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    missing: dict[str, str] = {}
    for turn in range(turns):
        for name in [n for n in names if n not in missing]:
            told = _turn(module, work, name, data)
            if "unavailable" in told:
                missing[name] = told["unavailable"]
                continue
            if turn == 0:
                _same(job, work, name, told["answer"], seen)
            seen[name].append(told)
    return {name: missing.get(name) or _figure(seen[name]) for name in names}


def _works(module: str) -> Mapping[str, Work]:
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    works: Mapping[str, Work] = importlib.import_module(module).WORKS
    return works


def _turn(module: str, work: str, name: str, data: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, module, work, name, str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module}.{work}, {name}: {done.stderr.strip()[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _same(job: Work, work: str, name: str, answer: Any, seen: Mapping[str, Any]) -> None:
    if name in (job.apart or {}):
        return
    for other, turns in seen.items():
        if turns and other not in (job.apart or {}):
            gap = _apart(answer, turns[0]["answer"])
            if gap > (job.looser or {}).get(name, job.tolerance):
                sys.exit(f"{work}: {name} and {other} differ by {gap:g}")
            return


def _apart(one: Any, other: Any) -> float:
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return float("inf")
        return max((_apart(one[k], other[k]) for k in one), default=0.0)
    if isinstance(one, list):
        if len(one) != len(other):
            return float("inf")
        return max((_apart(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, str):
        return 0.0 if one == other else float("inf")
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return abs(one - other) / max(1.0, abs(one), abs(other))


def _figure(turns: list[dict[str, Any]]) -> Figure:
    return Figure(
        statistics.median(t["seconds"] for t in turns),
        statistics.median(t["megabytes"] for t in turns),
        statistics.median(t["beyond_imports"] for t in turns),
        len(turns),
        statistics.median(t["processor"] for t in turns),
    )


def _peak() -> float:
    """Return the most memory this process or a child of it held so far, in megabytes.

    Linux keeps the peak of the process that started this one in ``ru_maxrss``, so it is asked for
    the peak of this program's own memory.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        own = int(re.findall(r"VmHWM:\s*(\d+)", status.read_text("utf-8"))[0])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _used() -> float:
    """Return the processor seconds of this process and its children so far."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _one(module: str, work: str, name: str, data: Path) -> dict[str, Any]:
    try:
        timed = _works(module)[work].contenders[name](data)
        before, used = _peak(), _used()
        start = time.perf_counter()
        answer = timed()
        seconds = time.perf_counter() - start
    except UnavailableError as why:
        return {"unavailable": str(why)}
    peak = _peak()
    return {
        "seconds": seconds, "processor": _used() - used, "megabytes": peak,
        "beyond_imports": peak - before, "answer": answer,
    }  # fmt: skip


if __name__ == "__main__":
    # Imported under its own name, so that a contender's UnavailableError is the one caught here.
    sys.path.insert(0, str(HERE))
    import side_by_side

    print(json.dumps(side_by_side._one(*sys.argv[1:4], Path(sys.argv[4]))))
