"""The table of cases: complete, and every test it names exists."""

from __future__ import annotations

import ast
import tomllib
from functools import lru_cache
from pathlib import Path

import pytest

NUMBERS = {"A": 34, "B": 32, "C": 28, "D": 36, "E": 19, "F": 9}
EVERY = [f"{letter}{i:02}" for letter, n in NUMBERS.items() for i in range(1, n + 1)]
MAY_WAIT: frozenset[str] = frozenset()
"""What may still be ``later``; for every other case that would be a step back."""

CASES = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))


@lru_cache
def defined_in(file: Path) -> frozenset[str]:
    """Names of the tests that a file defines."""
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(n.name for n in tree.body if isinstance(n, ast.FunctionDef))


MOST_OPEN = 5


def states() -> dict[str, int]:
    """How many cases are tested, decided and open."""
    n_open = sum("later" in case for case in CASES.values())
    n_tested = sum("holds" in case for case in CASES.values())
    return {"tested": n_tested, "decided": len(CASES) - n_tested - n_open, "open": n_open}


def test_few_cases_are_open_and_the_page_says_how_many(root: Path) -> None:
    found = states()
    assert found["open"] <= MOST_OPEN
    told = ", ".join(f"{n} {state}" for state, n in found.items())
    page = (root / "docs" / "faults.md").read_text(encoding="utf-8")
    assert f"case by case: {told}." in page
    for state, n in found.items():
        assert page.count(f" | {state} | ") == n


def test_every_case_stands_once() -> None:
    """A key that stands twice is an error of TOML itself."""
    assert list(CASES) == EVERY
    assert len(EVERY) == 158


@pytest.mark.parametrize("case", EVERY)
def test_a_case_is_held_or_says_why_not(case: str, root: Path) -> None:
    entry = CASES[case]
    assert entry["what"]
    assert len(entry) == 2
    if "later" in entry:
        assert entry["later"]
        assert case in MAY_WAIT
    elif "decided" in entry:
        assert len(entry["decided"].split()) > 8, "a decision says why"
    elif "not_code" in entry:
        assert (root / entry["not_code"]).is_file()
    else:
        assert entry["holds"]
        for node in entry["holds"]:
            file, _, name = node.partition("::")
            assert name.startswith("test_")
            assert name in defined_in(root / file), node
