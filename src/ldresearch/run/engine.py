"""A papermill engine whose kernels keep to themselves.

Papermill reads no Jupyter configuration, so by default its kernels talk over TCP without
encryption, write IPython's history to the user's home and take whatever interpreter a kernel
specification names. Here they talk over sockets in a private folder, keep no history, and run the
interpreter that runs this.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from ldresearch.run.warm import PROVISIONER, WarmProcess, is_possible

QUIET = (
    "--HistoryManager.enabled=False",
    "--Ldresearch.draw=False",
    "--IPKernelApp.log_level=50",
)
"""No history, no pictures for eyes that are not there, no chatter."""

_LAST_WORDS_S = 600
"""Seconds to wait for what an ended cell shows where no time is set; papermill waits 4."""

_LONGEST_SOCKET = 80
"""Characters a folder of sockets may have: systems allow about 104 for the whole path."""


class _ThisInterpreter(KernelSpecManager):  # type: ignore[misc, unused-ignore]
    """Only one kernel: the interpreter of this process, which has the packages it needs."""

    warm: WarmProcess | None = None

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = KernelSpec(argv=argv, display_name="Python 3", language="python", name=kernel_name)
        if self.warm is not None:
            spec.metadata = {
                "kernel_provisioner": {
                    "provisioner_name": PROVISIONER, "config": {"origin": self.warm},
                }
            }  # fmt: skip
        return spec


class PrivateEngine:
    """Run a notebook in a kernel that nobody else can reach.

    Papermill imports this class while it is itself being imported, so its own classes are looked
    up when a notebook is run and not before.
    """

    live: ClassVar[set[AsyncKernelManager]] = set()
    """Kernels running now, so that an interrupted process can end them."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Run all cells as papermill's own engine does, with a kernel manager made here."""
        from papermill.engines import Engine

        class Managed(Engine):  # type: ignore[misc, unused-ignore]
            execute_managed_notebook = cls._execute

        return Managed.execute_notebook(nb, kernel_name, **kwargs)

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """Name of the kernel that a notebook asks for."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """Language that a notebook is written in."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))

    @classmethod
    def _execute(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        people_as_of: str = "",
        locale: str = "",
        warm: WarmProcess | None = None,
        turn: AbstractContextManager[Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        from papermill.clientwrap import PapermillNotebookClient
        from papermill.utils import merge_kwargs, remove_args

        class Client(PapermillNotebookClient):  # type: ignore[misc, unused-ignore]
            def papermill_execute_cells(self) -> None:
                with turn or nullcontext():
                    super().papermill_execute_cells()

        del stdout_file, stderr_file, log_output  # what cells print stays in the private notebook
        options = remove_args(["input_path", "timeout", "startup_timeout"], **kwargs)
        longest = execution_timeout or kwargs.get("timeout")
        with _kernel(kernel_name, warm) as manager:
            cls.live.add(manager)
            try:
                client = Client(
                    nb_man,
                    km=manager,
                    **merge_kwargs(
                        options,
                        timeout=longest,
                        # What a cell shows may come seconds after its end on a busy machine.
                        iopub_timeout=longest or _LAST_WORDS_S,
                        startup_timeout=start_timeout,
                        kernel_name=kernel_name,
                        extra_arguments=[*QUIET, *_told(people_as_of=people_as_of, locale=locale)],
                        shutdown_kernel="immediate",
                    ),
                )
                # The client did not make this manager, so it would leave the kernel running.
                return client.execute(env=environment(), cleanup_kc=True)
            finally:
                cls.live.discard(manager)

    @classmethod
    def stop_all(cls) -> None:
        """Kill the kernels that are running now; their runs fail and nothing is published."""
        for manager in list(cls.live):
            provisioner = manager.provisioner
            pid = getattr(provisioner, "pid", None)
            if pid:
                try:
                    os.kill(pid, 9)
                except OSError:
                    continue


def _told(**settings: str) -> list[str]:
    """Tell a kernel the settings of a run that are no parameters of its notebook."""
    return [f"--Ldresearch.{name}={value}" for name, value in settings.items() if value]


def environment() -> dict[str, str]:
    """Environment of a kernel: one numerical thread a run, since runs go side by side."""
    limited = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        limited.setdefault(name, "1")
    # What the debugger says and sets where it is imported: in a fork it was imported before.
    limited.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    limited["PYDEVD_USE_FRAME_EVAL"] = "NO"
    return limited


@contextmanager
def _kernel(kernel_name: str, warm: WarmProcess | None = None) -> Iterator[AsyncKernelManager]:
    """Make a manager whose sockets lie in a private folder of a short name."""
    base = None if len(tempfile.gettempdir()) < _LONGEST_SOCKET else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="ldr-", dir=base, ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        options: dict[str, Any] = {"connection_file": str(place / "kernel.json")}
        if os.name != "nt":
            options |= {"transport": "ipc", "ip": str(place / "k")}
        specs = _ThisInterpreter()
        specs.warm = warm if warm is not None and is_possible() else None
        yield AsyncKernelManager(kernel_name=kernel_name, kernel_spec_manager=specs, **options)
