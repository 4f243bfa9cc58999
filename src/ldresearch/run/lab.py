"""JupyterLab on the notebooks of a study, asking nothing of the internet."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_SETTINGS = Path(__file__).parent / "jupyter"
"""Settings of JupyterLab that a user's own ones go before."""


def command(notebooks: Path) -> list[str]:
    """Return the command that opens the welcome notebook, with the whole study beside it.

    JupyterLab would look for news and for a newer version of itself; it is told not to.

    Parameters
    ----------
    notebooks : Path
        The study's folder of notebooks.
    """
    welcome = notebooks / "welcome.ipynb"
    opened = welcome if welcome.is_file() else notebooks
    return [
        sys.executable, "-m", "jupyter", "lab", str(opened),
        f"--ServerApp.root_dir={notebooks.parent}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip


def environment(before: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of that command: it does not even ask whether news are wanted.

    Parameters
    ----------
    before : mapping of str to str
        The one it is started from.
    """
    paths = filter(None, [str(_SETTINGS), before.get("JUPYTER_CONFIG_PATH", "")])
    return {**before, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
