"""How JupyterLab is started; tests/lab drives it in a browser."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ldresearch.run import lab


def test_it_opens_the_welcome_with_the_study_and_asks_nobody_else(root: Path) -> None:
    command = lab.command(root / "notebooks")
    assert command[1:5] == ["-m", "jupyter", "lab", str(root / "notebooks" / "welcome.ipynb")]
    assert f"--ServerApp.root_dir={root}" in command
    assert "--LabApp.news_url=None" in command
    environment = lab.environment({"JUPYTER_CONFIG_PATH": "mine", "HOME": "there"})
    first, second = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert (second, environment["HOME"]) == ("mine", "there")
    settings = Path(first) / "labconfig" / "default_setting_overrides.json"
    [told] = json.loads(settings.read_text(encoding="utf-8")).values()
    assert told == {"checkForUpdates": False, "fetchNews": "false"}
