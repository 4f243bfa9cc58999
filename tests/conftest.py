"""Fixtures that every layer of tests may use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A slow machine is no fault of the code, and a failure should come again when it is looked for.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent

_FIRST = ("docs", "notebooks", "run", "faults", "test_cli.py", "contracts", "truth")
"""Where the files that take longest are: first, or one process waits for the other at the end."""

_LONG = (
    "notebooks/", "truth/",
    "contracts/test_docstrings.py", "dataset/test_forget.py", "docs/test_own_csv.py",
    "faults/test_fuzz.py", "faults/test_markup.py", "measures/test_by_person.py",
    "run/test_monitoring.py", "run/test_range.py", "run/test_releases.py", "run/test_runner.py",
    "run/test_scheduling.py", "run/test_warm.py", "sources/test_by_engine.py",
)  # fmt: skip
"""Whole runs, worlds of known truth and the like: half of the time. They are marked ``long``."""

_SOME = ("notebooks/test_adoption.py", "notebooks/test_summary.py")
"""Of those, the ones that every run of the tests takes."""


def _place(item: pytest.Item) -> str:
    """Return where a test's file is below this folder."""
    tests = ROOT / "tests"
    return item.path.relative_to(tests).as_posix() if item.path.is_relative_to(tests) else ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long, before marks are chosen by, and begin with what takes longest.

    Processes side by side end together then.
    """
    turns = {room: i for i, room in enumerate(_FIRST)}
    for item in items:
        if _place(item).startswith(_LONG) and _place(item) not in _SOME:
            item.add_marker("long")
    items.sort(key=lambda item: turns.get(_place(item).split("/")[0], len(_FIRST)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--spark", action="store_true", help="analyse in Spark instead of in DuckDB")


_ONE_AT_A_TIME = {
    "spark.log.level": "ERROR", "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    "spark.default.parallelism": "1", "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}  # fmt: skip
"""For tables of a few rows: what Spark does for large ones takes longer than the query."""


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A local Spark session; tests that need it are skipped without pyspark or Java."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install '.[spark]'")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("no Java on this machine: Spark needs 17 or newer")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]")
    session = builder.config(map=_ONE_AT_A_TIME).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session", autouse=True)
def _in_spark(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--spark``, open every log in Spark: each test is then one of Spark too."""
    if not request.config.getoption("--spark"):
        yield
        return
    from ldresearch import engine

    where = engine.Spark(request.getfixturevalue("spark"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "analysis", lambda files, **_: engine.spark(files, where))
        yield


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
