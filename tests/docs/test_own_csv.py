"""The page that leads from a CSV to a report: each of its commands, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_BLOCK = re.compile(r"(?:`([^`\n]+)`\n\n)?```(\w+)\n(.*?)```", re.DOTALL)


def blocks(root: Path) -> list[tuple[str, str, str]]:
    """Name before it, language and text of each block of the page."""
    page = (root / "docs" / "own-csv.md").read_text(encoding="utf-8")
    return [(name, kind, text) for name, kind, text in _BLOCK.findall(page)]


def commands(root: Path) -> list[str]:
    return [
        line for _, kind, text in blocks(root) if kind == "sh" for line in text.splitlines() if line
    ]


def test_fewer_than_ten_commands(root: Path) -> None:
    assert len(commands(root)) < 10


@pytest.mark.skipif(os.name == "nt", reason="the page is written for a POSIX shell")
def test_from_a_csv_to_a_report(root: Path, tmp_path: Path) -> None:
    mapping = ""
    for name, kind, text in blocks(root):
        if kind == "csv":
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif kind == "toml":
            mapping = text
    (tmp_path / "mapping").write_text(mapping, encoding="utf-8")
    script = "set -e\n"
    for command in commands(root):
        script += f"{command}\n"
        if "--sketch" in command:  # what a person does in between
            script += "cp ../mapping mapping.toml\n"
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"HOME": str(tmp_path), "PATH": f"{bin_folder}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reports = tmp_path / "acme" / "reports"
    assert (reports / "index.html").is_file()
    assert {p.name for p in reports.rglob("*.facts.json")} == {
        "00_intake.facts.json", "20_adoption.facts.json", "31_retention_lifecycle.facts.json",
    }  # fmt: skip
    assert "00017" not in "".join(p.read_text("utf-8") for p in reports.rglob("*.html"))
    assert "00017" not in done.stdout + done.stderr
