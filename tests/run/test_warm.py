"""Warm kernels: the same report, nothing carried over, ended like any other."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ldresearch.dataset import Dataset
from ldresearch.run import runner
from ldresearch.run.runner import Options
from ldresearch.run.template import Template

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

STATE = """
import json, locale, os, random, signal, sys, threading
import numpy as np, pandas as pd
import ldresearch.models.adoption as adoption
known = {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"}
print(json.dumps({
    "environment": known, "folder": os.path.basename(os.getcwd()), "path": sys.path,
    "argv": [a for a in sys.argv if not a.endswith(".json")], "main": __name__,
    "umask": os.umask(0o077) and os.umask(0o077), "option": pd.get_option("display.max_rows"),
    "handled": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGHUP)],
    "flagged": hasattr(adoption, "flagged"), "names": sorted(n for n in dir() if n[0] != "_"),
    "locale": locale.setlocale(locale.LC_ALL), "numbers": np.geterr(),
    "leads": os.getsid(0) == os.getpid(),
    "parent": os.environ["JPY_PARENT_PID"] == str(os.getppid()),
    "figures": len(sys.modules["matplotlib.pyplot"].get_fignums())
    if "matplotlib.pyplot" in sys.modules else 0,
}))
"""  # fmt: skip
DIRT = """
import os, random, signal
import numpy as np, pandas as pd, matplotlib.pyplot as plt
import ldresearch.models.adoption as adoption
os.environ["LEFT_BEHIND"] = "1"
os.chdir("/")
os.umask(0)
random.seed(1); np.random.seed(1); np.seterr(all="raise")
pd.set_option("display.max_rows", 7)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
adoption.flagged = True
plt.figure()
"""
CHANCE = "import random, numpy as np; print(random.random(), np.random.random())"


@pytest.fixture(scope="module")
def warm() -> Iterator[Any]:
    import papermill  # noqa: F401 - it loads the engine when it is imported itself

    from ldresearch.run.engine import environment
    from ldresearch.run.warm import WarmProcess

    process = WarmProcess(environment())
    yield process
    process.close()


def said(folder: Path, source: str, warm: Any = None, timeout_s: int = 60) -> str:
    """Run one cell in a kernel of its own and return what it prints."""
    import papermill

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    place = folder / "place"
    place.mkdir(exist_ok=True)
    done = papermill.execute_notebook(
        book, str(folder / "done.ipynb"), engine_name="ldresearch", kernel_name="python3",
        language="python", progress_bar=False, warm=warm, execution_timeout=timeout_s,
        resources={"metadata": {"path": str(place)}},
    )  # fmt: skip
    return "".join(out.get("text", "") for out in done.cells[-1].outputs)


def test_a_warm_kernel_is_in_the_state_of_a_cold_one(warm: Any, tmp_path: Path) -> None:
    cold = json.loads(said(tmp_path, STATE))
    assert json.loads(said(tmp_path, STATE, warm)) == cold
    said(tmp_path, DIRT, warm)
    assert json.loads(said(tmp_path, STATE, warm)) == cold


def test_warm_kernels_draw_different_numbers(warm: Any, tmp_path: Path) -> None:
    first, second = (said(tmp_path, CHANCE, warm).split() for _ in range(2))
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_a_warm_kernel_is_a_fork_and_ends_with_its_notebook(warm: Any, tmp_path: Path) -> None:
    pid, parent = map(
        int, said(tmp_path, "import os; print(os.getpid(), os.getppid())", warm).split()
    )
    assert parent == warm._process.pid
    assert not (Path("/proc") / str(pid)).exists()


def test_a_warm_kernel_that_hangs_is_killed(warm: Any, tmp_path: Path) -> None:
    from nbclient.exceptions import CellTimeoutError

    file = str(tmp_path / "pid")
    source = f"import os, time; open({file!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(CellTimeoutError):
        said(tmp_path, source, warm, timeout_s=2)
    assert not (Path("/proc") / (tmp_path / "pid").read_text()).exists()


def test_a_warm_kernel_that_dies_is_noticed(warm: Any, tmp_path: Path) -> None:
    from nbclient.exceptions import DeadKernelError

    with pytest.raises(DeadKernelError):
        said(tmp_path, "import os; os._exit(3)", warm)


def test_what_a_cell_shows_may_come_late(
    warm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine it does; the cell did not take too long."""
    from papermill.clientwrap import PapermillNotebookClient as Client

    made, polled = Client.__init__, Client._async_poll_output_msg

    async def late(self: Any, *told: Any) -> None:
        await asyncio.sleep(0.3)
        await polled(self, *told)

    # The client's own patience of four seconds is taken away, so that 0.3 are late.
    monkeypatch.setattr(
        Client, "__init__", lambda self, *a, **kw: made(self, *a, **{"iopub_timeout": 0, **kw})
    )
    monkeypatch.setattr(Client, "_async_poll_output_msg", late)
    assert said(tmp_path, "print('shown')", warm) == "shown\n"


def test_a_process_with_threads_is_never_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    from ldresearch.run import warm_process

    monkeypatch.setattr(warm_process, "n_threads", lambda: 2)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    told = io.StringIO()
    asked = io.StringIO('{"argv": [], "environment": {}, "folder": "/"}\n')
    assert warm_process.serve(asked, told, iter(())) is None
    assert json.loads(told.getvalue()) == {"pid": None}


def test_without_the_warm_process_a_kernel_starts_as_always(tmp_path: Path) -> None:
    from ldresearch.run.engine import environment
    from ldresearch.run.warm import WarmProcess

    process = WarmProcess(environment())
    process.start()
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    assert said(tmp_path, "print('ran')", process).strip() == "ran"
    process.close()


def test_warm_runs_publish_the_bytes_of_cold_ones(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ldresearch.run.warm import WarmProcess

    dataset = Dataset.open(demo / "quarry")
    forked: list[Any] = []
    fork = WarmProcess.fork

    def counted(self: WarmProcess, *given: Any) -> Any:
        forked.append(fork(self, *given))
        return forked[-1]

    monkeypatch.setattr(WarmProcess, "fork", counted)
    pages: dict[bool, list[bytes]] = {}
    for is_warm in (True, False):
        home = tmp_path / str(is_warm)
        options = Options(home / "reports", home / "runs", timeout_s=120, is_warm=is_warm)
        jobs = [
            runner.plan(Template.find(name), dataset, {"as_of": "2025-07-01"}, options)
            for name in ("00_intake", "30_engagement_survival")
        ]
        done = runner.run(jobs, options)
        assert [one.status for one in done] == ["published"] * 2, [one.reason for one in done]
        pages[is_warm] = [Path(p).read_bytes() for one in done for p in (one.page, one.facts)]
    assert pages[True] == pages[False]
    assert len(forked) == 2
    assert None not in forked


def test_warm_kernels_end_with_the_runner(warm: Any) -> None:
    # The last test of this file: it ends what the others use.
    from ldresearch.run.engine import environment

    kernel = warm.fork(["-f", "nowhere.json"], environment(), "/")
    assert kernel is not None
    warm.close()
    for _ in range(100):
        if not (Path("/proc") / str(kernel.pid)).exists():
            break
        time.sleep(0.1)
    assert not (Path("/proc") / str(kernel.pid)).exists()
