"""The process that warm kernels are forked from: it imports what notebooks need, and no more.

It runs no notebook, opens no data and starts no thread, so every fork begins as a kernel of its
own would after its imports. A fork copies memory but no threads: whatever a thread held would
stay locked for ever, so a process of more than one thread is never forked.

    python -m ldresearch.run.warm_process ASKS TELLS

It answers the runner over two pipes, a line of JSON each way: ``{"argv": [...], "environment":
{...}, "folder": "..."}`` makes a kernel and gives its ``pid``; ``{"pid": 1}`` gives its
``status``, ``null`` while it runs. When the runner closes its pipe, or dies, its kernels end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

FIRST = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "ldresearch.study",
    "ibis.backends.duckdb",
    "pyarrow.pandas_compat",
)
"""What every notebook loads, so no kernel is forked before it is there."""

WHOLE = ("ldresearch.measures", "ldresearch.models", "ldresearch.sentences", "ldresearch.tables")
"""Packages whose modules are all imported next."""

LAST = (
    "scipy.optimize",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.metrics",
)
"""What many notebooks load sooner or later; the rest is loaded by those that need it."""

Asked = dict[str, Any]


def main(asks: int, tells: int) -> None:
    """Serve the runner over two descriptors; in a fork, be the kernel that was asked for."""
    # As ipykernel's launcher does: nothing is imported from the folder one happens to be in.
    if sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]
    for name in FIRST:
        importlib.import_module(name)
    gc.collect()
    # Both are closed in a fork, so that each side sees at once when the other is gone.
    with open(asks, encoding="utf-8") as asked_for, open(tells, "w", encoding="utf-8") as told:
        asked = serve(asked_for, told, later())
    if asked is not None:
        be_kernel(asked)


def preload() -> None:
    """Import what notebooks need, all of it."""
    for name in (*FIRST, *later()):
        importlib.import_module(name)


def later() -> Iterator[str]:
    """Name the modules that can wait until nobody asks for a kernel."""
    for package in WHOLE:
        found = importlib.import_module(package)
        yield from (module.name for module in pkgutil.iter_modules(found.__path__, f"{package}."))
    yield from LAST


def serve(asks: TextIO, tells: TextIO, modules: Iterator[str]) -> Asked | None:
    """Answer until the runner is gone; import modules while it asks nothing.

    Returns
    -------
    dict or None
        In a fork what was asked for; in this process nothing, once all its kernels have ended.
    """
    kernels: set[int] = set()
    name = next(modules, None)
    while True:
        while name and not _is_asked(asks):
            # What cannot be imported is said by the notebook that needs it.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
            name = next(modules, None)
        if not (line := asks.readline()):
            break
        asked: Asked = json.loads(line)
        if "argv" in asked:
            # What is there by now is never freed, so the forks go on sharing its memory.
            gc.freeze()
            pid = os.fork() if n_threads() == 1 else None
            if pid == 0:
                return asked
            if pid is not None:
                kernels.add(pid)
            answer = {"pid": pid}
        else:
            answer = {"status": _status(asked["pid"], kernels)}
        tells.write(json.dumps(answer) + "\n")
        tells.flush()
    for pid in kernels:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    return None


def _is_asked(asks: TextIO) -> bool:
    """Whether a line waits. The runner waits for each answer, so none is left in the buffer."""
    return bool(select.select([asks], [], [], 0)[0])


def n_threads() -> int:
    """Count the threads of this process, those of libraries among them."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()


def _status(pid: int, kernels: set[int]) -> int | None:
    """Return how a kernel ended; ``None`` while it runs. Until it is asked, no one has its pid."""
    if pid not in kernels:
        return 1
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    kernels.discard(pid)
    return os.waitstatus_to_exitcode(status)


def be_kernel(asked: Asked) -> None:
    """Take on session, folder, environment and chance of a process of its own, and run IPython."""
    import numpy as np
    from ipykernel import kernelapp

    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"], JPY_PARENT_PID=str(os.getppid()))
    np.random.seed()  # noqa: NPY002 - Python seeds its own numbers anew in a fork, numpy does not
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), *asked["argv"]]
    kernelapp.launch_new_instance(
        argv=[*asked["argv"], f"--IPKernelApp.parent_handle={os.getppid()}"]
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
    sys.stdout.flush()
    # What libraries do at the end of a process is made for memory that was not frozen.
    os._exit(0)
