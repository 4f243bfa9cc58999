"""What leaves in files: pages and JSON, and nothing a spreadsheet would calculate."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

WRITERS = {"to_csv", "to_excel", "to_clipboard", "DictWriter", "writer", "writerow", "writerows"}


def test_nothing_is_exported_as_a_spreadsheet(root: Path) -> None:
    """A cell that begins with an equals sign is a formula in one; the facts are JSON."""
    strays = [
        f"{file.name}: {node.attr}"
        for file in (root / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in WRITERS
    ]
    assert strays == []


UNBOUNDED = {"tzdata", "pandas-stubs"}
"""Data that must stay fresh, and types that follow another package."""


def test_every_dependency_is_bounded_on_both_sides(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        every += extra
    for requirement in every:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert ">=" in requirement, requirement
        assert "<" in requirement or name in UNBOUNDED, requirement


def test_every_pin_is_exact_and_lies_within_no_two_lines(root: Path) -> None:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ;.*)?", pin) for pin in pins), pins
    names = [pin.split("==")[0].lower() for pin in pins]
    assert len(names) == len(set(names))
