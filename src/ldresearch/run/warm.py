"""Warm kernels, seen from the runner: forked from one process that has done the imports.

A notebook spends most of its seconds on imports. Where several are run, one process imports what
they need and each kernel is a fork of it (``warm_process``): still a process, a folder and an
environment of its own. Where that cannot be, a kernel is started as always.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Instance

PROVISIONER = "ldresearch-warm"
"""Name of the entry point by which jupyter_client finds the provisioner below."""

_PATIENCE_S = 120.0
"""Seconds to wait for an answer: the first comes when all imports are done."""

_QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Arrow's allocator starts a thread when it is imported, and a process with threads never forks."""


class WarmProcess:
    """The process that has done the imports; started when the first kernel is asked for.

    Parameters
    ----------
    environment : mapping of str to str
        Of the process; each kernel is given its own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, **_QUIET}
        self._process: subprocess.Popen[bytes] | None = None
        self._asks: Any = None
        self._tells: Any = None
        self._is_broken = not is_possible()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Begin with the imports, without waiting for them; a second call does nothing."""
        with self._turn:
            if self._is_broken or self._process is not None:
                return
            asks, self_asks = os.pipe()
            self_tells, tells = os.pipe()
            command = [sys.executable, "-m", f"{__package__}.warm_process", str(asks), str(tells)]
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
                command, stdin=subprocess.DEVNULL, pass_fds=[asks, tells],
                env=self._environment, cwd="/", start_new_session=True,
            )  # fmt: skip
            os.close(asks)
            os.close(tells)
            self._asks = os.fdopen(self_asks, "w", encoding="utf-8")
            self._tells = os.fdopen(self_tells, encoding="utf-8")

    def fork(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: str
    ) -> Forked | None:
        """Make a kernel, or say that there can be none.

        Parameters
        ----------
        argv : sequence of str
            What follows ``python -m ipykernel_launcher``.
        environment : mapping of str to str
        folder : str
            Where it works.
        """
        self.start()
        answer = self._ask({"argv": list(argv), "environment": dict(environment), "folder": folder})
        pid = answer.get("pid")
        return None if pid is None else Forked(self, pid)

    def status(self, pid: int) -> int | None:
        """Return how a kernel ended; ``None`` while it runs."""
        # A kernel without this process ends by itself within a second.
        status: int | None = self._ask({"pid": pid}).get("status", 1)
        return status

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            if self._is_broken or self._asks is None:
                return {}
            try:
                self._asks.write(json.dumps(what) + "\n")
                self._asks.flush()
                if not select.select([self._tells], [], [], _PATIENCE_S)[0]:
                    raise TimeoutError
                answer: dict[str, Any] = json.loads(self._tells.readline())
            except (OSError, ValueError):
                self._is_broken = True
                return {}
            return answer

    def close(self) -> None:
        """End it, and with it what it forked."""
        with self._turn:
            self._is_broken = True
            if self._process is None:
                return
            for end in (self._asks, self._tells):
                with contextlib.suppress(OSError):
                    end.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def is_possible() -> bool:
    """Whether warm kernels work here: on Linux, with this package's entry points in place."""
    if sys.platform != "linux":
        return False
    known = importlib.metadata.entry_points(group="jupyter_client.kernel_provisioners")
    return PROVISIONER in known.names


class Forked:
    """A forked kernel, to whoever expects a ``subprocess.Popen``.

    Attributes
    ----------
    pid : int
    returncode : int or None
    """

    stdin = stdout = stderr = None

    def __init__(self, origin: WarmProcess, pid: int) -> None:
        self._origin = origin
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; ``None`` while it runs."""
        if self.returncode is None:
            self.returncode = self._origin.status(self.pid)
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        while (status := self.poll()) is None:
            time.sleep(0.05)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class WarmProvisioner(LocalProvisioner):  # type: ignore[misc, unused-ignore]
    """Fork a kernel where that is possible, start one where it is not."""

    origin = Instance(WarmProcess)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Make the kernel; ``cmd`` is the command that would start it."""
        argv = cmd[cmd.index("ipykernel_launcher") + 1 :]
        forked = self.origin.fork(
            argv, kwargs.get("env") or os.environ, str(kwargs.get("cwd") or os.getcwd())
        )
        if forked is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked
        # It leads a session, so its process group has its number.
        self.pid = self.pgid = forked.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info
