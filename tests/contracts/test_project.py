"""The project's own files agree with one another."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "ibis-framework[duckdb]": "ibis-duckdb",
    "matplotlib": "matplotlib-base",
    "tzdata": "python-tzdata",
}


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def ranges(requirements: list[str]) -> dict[str, str]:
    found = {}
    for requirement in requirements:
        match = re.fullmatch(r"([A-Za-z0-9_.\-]+(?:\[[a-z]+\])?)(.*)", requirement)
        assert match, requirement
        found[match[1]] = match[2]
    return found


def test_conda_users_get_the_same_ranges(root: Path, pyproject: dict[str, Any]) -> None:
    text = (root / "environment.yml").read_text(encoding="utf-8")
    lines = [m[1] for m in re.finditer(r"^  - ([a-z].*[^:])$", text, re.MULTILINE)]
    conda = ranges([line for line in lines if line not in ("conda-forge", "nodefaults", "pip")])
    for name, wanted in ranges(pyproject["project"]["dependencies"]).items():
        assert conda[CONDA_NAMES.get(name, name)] == wanted, name
    assert conda["python"] == pyproject["project"]["requires-python"]


def test_every_dependency_has_a_pin_and_a_reason(root: Path, pyproject: dict[str, Any]) -> None:
    pins = (root / "constraints.txt").read_text(encoding="utf-8").lower()
    reasons = (root / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    extras = pyproject["project"]["optional-dependencies"]
    for requirement in pyproject["project"]["dependencies"] + extras["development"]:
        name = re.split(r"[\[<>=]", requirement)[0].lower()
        assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE), f"{name} is not pinned"
        assert f"| {name} |" in reasons, f"{name} has no reason"


def test_every_pin_can_be_installed_with_the_oldest_python(
    root: Path, pyproject: dict[str, Any]
) -> None:
    """A release may ask for a later 3.11 than systems ship: Debian 12 has 3.11.2."""
    oldest = pyproject["project"]["requires-python"].removeprefix(">=") + ".0"
    pins = re.findall(
        r"^([\w.\-]+)==", (root / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    asked = {}
    for name in pins:
        with suppress(metadata.PackageNotFoundError):  # of another extra
            asked[name] = metadata.metadata(name).get("Requires-Python") or ""
    assert len(asked) > 50
    assert [n for n, r in asked.items() if not SpecifierSet(r).contains(oldest)] == []


def test_no_address_of_a_registry_and_no_path_of_a_machine(root: Path) -> None:
    pattern = re.compile(r"pypi\.org|pythonhosted|index-url|(?<![\w.])/(?:home|Users|work|root)/")
    for folder in ("src", "docs", "notebooks", "."):
        files = (root / folder).rglob("*") if folder != "." else root.glob("*")
        for file in files:
            if file.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".ipynb"}:
                assert not pattern.search(file.read_text(encoding="utf-8")), file.name
