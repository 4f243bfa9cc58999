"""Docstrings follow numpydoc, and every example in them gives what it says."""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
import pkgutil
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numpydoc.validate import validate

import ldresearch
from ldresearch.log import EventLog
from ldresearch.study import Run

# Figures, tables and sentences are views: they share one signature, told once in the package's
# docstring. Of them, as of everything public, the summary is checked.
SUMMARY = {
    "GL08": "write a docstring",
    "SS01": "begin the docstring with a summary",
    "SS03": "end the summary with a full stop",
    "SS05": "begin the summary with a verb in the imperative (Count, not Counts)",
    "SS06": "fit the summary on one line",
}
SECTIONS = {
    "PR01": "name every parameter under Parameters",
    "PR02": "take out of Parameters what the signature has not",
    "PR03": "put the parameters in the order of the signature",
    "RT01": "say what comes back under Returns",
    "RT03": "describe what comes back, not only its type",
    "YD01": "say what is yielded under Yields",
}
EXAMPLE = {"EX01": "add a section Examples with a few lines that run and show the point"}

NEXT_SENTENCE = re.compile(r"[.?!] [A-Z]")

# By the first word of the name below the package.
TOLD = frozenset(
    {"models", "measures", "sources", "privacy", "study", "worlds", "log", "dataset", "ingest",
     "result", "engine"}
)  # fmt: skip
SHOWN = frozenset({"models", "measures", "privacy", "worlds"})
ALSO_SHOWN = frozenset({"study.begin", "sources.ingest", "log.EventLog"})
METHODS: dict[str, type] = {"log.EventLog": EventLog, "study.Run": Run}


def modules() -> Iterator[str]:
    """Every module of the package, the private ones too."""
    yield ldresearch.__name__
    for found in pkgutil.walk_packages(ldresearch.__path__, f"{ldresearch.__name__}."):
        yield found.name


def own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a module defines, whatever decorates them; no aliases."""
    for name, found in vars(module).items():
        is_code = inspect.isclass(found) or (callable(found) and hasattr(found, "__name__"))
        # Universal functions of numpy and scipy are callable and belong to no module.
        home = getattr(found, "__module__", "")
        if is_code and home == module.__name__ and found.__name__ == name:
            yield name, found


def public() -> dict[str, Any]:
    """Return what is public by its name below the package, with the methods of ``METHODS``."""
    found: dict[str, Any] = {}
    for path in modules():
        if any(part.startswith("_") for part in path.split(".")):
            continue
        for name, thing in own(importlib.import_module(path)):
            if not name.startswith("_"):
                found[f"{path}.{name}".split(".", 1)[1]] = thing
    for path, kind in METHODS.items():
        for name, method in vars(kind).items():
            if not name.startswith("_") and callable(getattr(kind, name)):
                found[f"{path}.{name}"] = method
    return found


PUBLIC = public()


def room(name: str) -> str:
    return name.split(".")[0]


def is_function(name: str) -> bool:
    return not inspect.isclass(PUBLIC[name])


def functions(rooms: frozenset[str]) -> list[str]:
    return sorted(name for name in PUBLIC if room(name) in rooms and is_function(name))


def examples_wanted() -> list[str]:
    also = {name for name in PUBLIC for stem in ALSO_SHOWN if f"{name}.".startswith(f"{stem}.")}
    return sorted({*functions(SHOWN), *also})


@functools.cache
def faults(name: str) -> dict[str, str]:
    return dict(validate(f"ldresearch.{name}")["errors"])


def hold(name: str, rules: dict[str, str]) -> None:
    """Fail with what to do, in one sentence."""
    todo = [f"{do} ({code}: {faults(name)[code]})" for code, do in rules.items()
            if code in faults(name)]  # fmt: skip
    assert not todo, f"ldresearch.{name}: {'; '.join(todo)}."


# What is said -------------------------------------------------------------------------------


def test_the_search_finds_the_package() -> None:
    assert len(PUBLIC) > 300
    assert {"measures.adoption.funnel", "study.begin", "log.EventLog.where"} <= set(PUBLIC)
    assert {f"sources.{n}" for n in ("ingest", "reader")} <= set(functions(TOLD))


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_summary_is_one_sentence(name: str) -> None:
    hold(name, SUMMARY)
    summary = (inspect.getdoc(PUBLIC[name]) or "").split("\n")[0]
    assert not NEXT_SENTENCE.search(summary), (
        f"ldresearch.{name}: put what follows the first sentence below an empty line."
    )


@pytest.mark.parametrize("name", functions(TOLD))
def test_what_goes_in_and_what_comes_out_is_said(name: str) -> None:
    hold(name, SECTIONS)


@pytest.mark.parametrize("name", examples_wanted())
def test_there_is_an_example(name: str) -> None:
    hold(name, EXAMPLE)


# What is shown ------------------------------------------------------------------------------


def examples(path: str) -> list[doctest.DocTest]:
    """Find the examples of a module, and those doctest passes over because of a decorator."""
    module = importlib.import_module(path)
    finder = doctest.DocTestFinder()
    found = {test.name: test for test in finder.find(module)}
    for name, thing in own(module):
        if hasattr(thing, "__wrapped__"):
            plain = inspect.unwrap(thing)
            # What an example calls is the function as decorated.
            for test in finder.find(plain, f"{path}.{name}", module, vars(module).copy()):
                found.setdefault(test.name, test)
    return [test for test in found.values() if test.examples]


@pytest.mark.parametrize("path", sorted(modules()))
def test_examples_give_what_they_say(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for test in examples(path):
        skipped = [one.source for one in test.examples if one.options.get(doctest.SKIP)]
        assert not skipped, f"{test.name}: make this example run, or take it out: {skipped[0]}"
        said: list[str] = []
        runner = doctest.DocTestRunner(verbose=False)
        runner.run(test, out=said.append)
        assert not runner.failures, f"{test.name}: make the example say what comes back.\n" + (
            "".join(said)
        )


@pytest.mark.parametrize("layer", ["figures", "tables", "sentences"])
def test_the_views_are_explained_once(layer: str) -> None:
    found = {test.name for test in examples(f"ldresearch.{layer}")}
    assert f"ldresearch.{layer}" in found, (
        f"ldresearch.{layer}: show one view in an example in the docstring of the package."
    )


def test_examples_of_decorated_functions_are_found() -> None:
    found = {test.name for test in examples("ldresearch.measures.adoption")}
    assert "ldresearch.measures.adoption.eligibility" in found
