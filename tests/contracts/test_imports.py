"""What never happens (docs/architecture.md), as far as imports can tell."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = {
    "duckdb": {"engine", "dataset", "ingest", "sources", "worlds", "log"},
    "ibis": {"engine", "log", "measures"},
    "lifelines": {"models"},
    "sklearn": {"models"},
    "statsmodels": {"models"},
    "diff_diff": set(),  # a second opinion in tests, needed by nothing
    "seaborn": {"figures"},
    "matplotlib": {"figures"},
    "nbconvert": {"report"},
    "papermill": {"run"},
    "typer": {"cli"},
    "click": {"cli"},
}
CLOCKS = {("datetime", "now"), ("datetime", "today"), ("date", "today"), ("time", "time")}


def modules(root: Path) -> list[Path]:
    return sorted((root / "src" / "ldresearch").rglob("*.py"))


def room(root: Path, file: Path) -> str:
    return file.relative_to(root / "src" / "ldresearch").parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level packages imported anywhere but under ``if TYPE_CHECKING``."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_each_library_stays_in_its_room(root: Path) -> None:
    strays = [
        f"{file.name}: {library}"
        for file in modules(root)
        for library in set(imported(ast.parse(file.read_text(encoding="utf-8"))))
        if library in ROOMS and room(root, file) not in ROOMS[library]
    ]
    assert strays == []


def test_nothing_pickles_and_nothing_reaches_out(root: Path) -> None:
    banned = {"pickle", "joblib", "shelve", "marshal", "requests", "httpx", "urllib3", "socket"}
    strays = [
        f"{file.name}: {library}"
        for file in modules(root)
        for library in set(imported(ast.parse(file.read_text(encoding="utf-8"))))
        if library in banned
    ]
    assert strays == []


def test_only_the_runner_and_the_command_line_read_clock_and_environment(root: Path) -> None:
    strays = []
    for file in modules(root):
        if room(root, file) in {"run", "cli"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            reads_clock = (owner, node.attr) in CLOCKS
            reads_environment = owner == "os" and node.attr in {"environ", "getenv"}
            if reads_clock or reads_environment:
                strays.append(f"{file.name}:{node.lineno} {owner}.{node.attr}")
    assert strays == []


@pytest.mark.parametrize("heavy", ["seaborn", "lifelines", "sklearn", "papermill", "pandas"])
def test_importing_the_package_loads_nothing_heavy(heavy: str) -> None:
    code = f"import sys, ldresearch; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("n_rows", [3, 300_000])
def test_taking_a_file_in_does_without_pandas(tmp_path: Path, n_rows: int) -> None:
    """It takes longer to load than most exports take to read; a long file goes another way."""
    rows = "".join(f"person-{i},2024-01-03T09:00:{i % 60:02}Z,{i % 7}\n" for i in range(n_rows))
    (tmp_path / "clicks.csv").write_text("who,when,minutes\n" + rows, encoding="utf-8")
    (tmp_path / "clicks.csv.toml").write_text(
        '[[feed]]\ntable = "event"\n[feed.columns]\nperson_id = "who"\noccurred_at = "when"\n'
        'verb = { value = "view" }\nduration_s = { column = "minutes", unit = "minutes" }\n',
        encoding="utf-8",
    )
    code = (
        "import sys; from pathlib import Path; from ldresearch import sources;"
        "place = Path(sys.argv[1]);"
        "sources.ingest('tabular', place / 'clicks.csv', place / 'd', key=b'k' * 32);"
        "sys.exit('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_analysis_imports_another(root: Path) -> None:
    """An analysis is a stem that has a notebook; what they share has a room of its own."""
    stems = {file.stem.split("_", 1)[1] for file in (root / "notebooks").glob("[0-9]*.ipynb")}
    strays = []
    for layer in ("measures", "models", "figures", "tables", "sentences"):
        for file in (root / "src" / "ldresearch" / layer).glob("*.py"):
            if file.stem not in stems:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [f"{node.module}.{a.name}" for a in node.names]
                elif isinstance(node, ast.Import):
                    names = [a.name for a in node.names]
                for name in names:
                    parts = name.split(".")
                    if parts[0] == "ldresearch" and (set(parts[1:]) & stems) - {file.stem}:
                        strays.append(f"{layer}/{file.name}: {name}")
    assert strays == []
