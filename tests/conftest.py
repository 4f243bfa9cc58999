"""Fixtures that every layer of tests may use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no fault of the code, and a failure should come again when it is looked for.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent

_LONG = ("docs", "notebooks", "run", "faults", "test_cli.py", "contracts", "truth")
"""Where the files that take longest are: first, or one process waits for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that processes side by side end together."""
    place = {name: i for i, name in enumerate(_LONG)}

    def turn(item: pytest.Item) -> int:
        parts = item.path.parts
        room = parts[parts.index("tests") + 1] if "tests" in parts else ""
        return place.get(room, len(_LONG))

    items.sort(key=turn)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data(root: Path) -> Path:
    """Real, published data beside the checkout; tests that need it are skipped without it."""
    folder = root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of published data (../shared/data) is not here")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """A browser to look at pages with."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no chromium on this machine")
    return found


@pytest.fixture(scope="session")
def demo() -> Path:
    """The four demo organisations below the data folder; built if they are not there."""
    from ldresearch import places, worlds

    folder = places.data_home() / "demo"
    worlds.demo(folder)
    return folder
