"""From the names in a payload to the function that draws, tabulates or says it.

A payload names a stem and a view, never a module or a path. Only public functions that are
defined in the module of that stem, inside the package of that kind, can be reached.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from ldresearch.errors import ParameterError, did_you_mean, message

PACKAGES: Final = {"figure": "figures", "table": "tables", "sentence": "sentences"}
"""Kind of view to the package its functions live in."""

SHARED: Final = frozenset({"style", "svg", "words"})
"""Modules of those packages that serve all analyses and hold no views."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@lru_cache(maxsize=len(PACKAGES))
def stems(kind: str) -> tuple[str, ...]:
    """Name the analyses that have views of a kind.

    Parameters
    ----------
    kind : {"figure", "table", "sentence"}
    """
    package = importlib.import_module(f"ldresearch.{_package(kind)}")
    names = (m.name for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(n for n in names if not n.startswith("_") and n not in SHARED))


def resolve(kind: str, stem: str, view: str) -> Callable[..., Any]:
    """Find the function of a view.

    Parameters
    ----------
    kind : {"figure", "table", "sentence"}
    stem : str
        Name of the analysis, ``adoption``.
    view : str
        Name of a public function in that module.

    Returns
    -------
    callable
        Takes published results; returns Axes, ``Table`` or ``str``.

    Raises
    ------
    ParameterError
        If there is no such view, with the nearest name there is.
    """
    package = _package(kind)
    if not _NAME.fullmatch(stem) or stem not in stems(kind):
        raise ParameterError(
            message("no such analysis", where=package, got=stem[:60],
                    do=did_you_mean(stem[:60], stems(kind)))
        )  # fmt: skip
    found = views(kind, stem)
    if view not in found:
        raise ParameterError(
            message("no such view", where=f"{package}.{stem}", got=view[:60],
                    do=did_you_mean(view[:60], found))
        )  # fmt: skip
    return found[view]


def has(kind: str, stem: str, view: str) -> bool:
    """Tell whether there is such a view."""
    return stem in stems(kind) and view in views(kind, stem)


def views(kind: str, stem: str) -> dict[str, Callable[..., Any]]:
    """Return the public functions a module of views defines itself, by name."""
    module = importlib.import_module(f"ldresearch.{_package(kind)}.{stem}")
    return {
        name: function
        for name, function in vars(module).items()
        if not name.startswith("_")
        and inspect.isfunction(function)
        and function.__module__ == module.__name__
    }


def _package(kind: str) -> str:
    if kind not in PACKAGES:
        raise ParameterError(
            message("no such kind of view", got=kind[:60], allowed=", ".join(PACKAGES))
        )
    return PACKAGES[kind]
