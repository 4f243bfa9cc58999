"""JupyterLab, opened as `ldresearch lab` opens it, in a browser that a test drives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldresearch.run.study_folder import lay_out

STARTING_S = 300
"""The demo organisations are built first."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab: the study it was opened in, and the page it opened."""

    study: Path
    address: str


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study laid out by `ldresearch init`."""
    folder = tmp_path_factory.mktemp("lab") / "acme"
    lay_out(folder)
    return folder


@pytest.fixture(scope="session")
def lab(study: Path, chromium: str) -> Iterator[Lab]:
    """`ldresearch lab` in the study; what it would show its user is in the file it leaves."""
    home = study.parent / "home"
    config, runtime = home / "config", home / "runtime"
    config.mkdir(parents=True)
    # A browser of the person at this machine stays closed; all else is as it is.
    told = {"ServerApp": {"open_browser": False, "allow_root": True}}
    (config / "jupyter_server_config.json").write_text(json.dumps(told), encoding="utf-8")
    environment = os.environ | {
        "HOME": str(home), "JUPYTER_CONFIG_DIR": str(config), "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_DATA_DIR": str(home / "data"), "IPYTHONDIR": str(home / "ipython"),
    }  # fmt: skip
    with (home / "log").open("w") as log:
        command = [sys.executable, "-c", "from ldresearch.cli import main; main(['lab'])"]
        server = subprocess.Popen(
            command, cwd=study, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield Lab(study, _opened(server, runtime, home / "log"))
        finally:
            server.terminate()
            server.wait(30)


def _opened(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait for the page that JupyterLab would open in the browser of its user."""
    end = time.monotonic() + STARTING_S
    while time.monotonic() < end and server.poll() is None:
        found = list(runtime.glob(f"jpserver-file-to-run-{server.pid}-open.html"))
        if found and found[0].stat().st_size:
            return found[0].as_uri()
        time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -e '.[browser]'"
    )
    with playwright.sync_playwright() as driven:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = driven.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()
