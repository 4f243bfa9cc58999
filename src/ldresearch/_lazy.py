"""Load a package's modules when they are first named, so that a notebook pays for what it uses."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any


def modules(package: str, path: list[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Build the module-level ``__getattr__`` and ``__dir__`` of a package of analyses.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    path : list of str
        The package's ``__path__``.

    Returns
    -------
    getattr, dir : callables
    """
    names = {m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}

    def get(name: str) -> Any:
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted(names)
