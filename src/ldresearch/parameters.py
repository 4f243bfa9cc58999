"""Parameters of a notebook: declared once in its own cell, checked wherever it runs.

Papermill warns of an unknown name and runs with the default; schedulers hand everything over as
text. So names, types and ranges are checked inside the notebook, and by the command line before
a kernel is started, with the same functions.
"""

from __future__ import annotations

import ast
import io
import math
import tokenize
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.result import Scalar

INJECTED = "# Parameters"
"""First line of the cell that papermill puts behind the declared one; other schedulers put none."""

PLACES = frozenset({"dataset", "others", "reports"})
"""Parameters that say where something lies: no part of what is run, and nobody's business."""

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter: its name, default (which gives the type) and help."""

    name: str
    default: Scalar
    help: str = ""


def assignments(source: str) -> dict[str, Any] | None:
    """Return a cell's assignments if it holds nothing but literal ones, else ``None``.

    Examples
    --------
    >>> assignments("a = 1  # one")
    {'a': 1}
    >>> assignments("a = f()") is None
    True
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    found: dict[str, Any] = {}
    for statement in body:
        if not (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and isinstance(statement.targets[0], ast.Name)
        ):
            return None
        try:
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return found or None


def declared(source: str) -> dict[str, Parameter]:
    """Read the parameters cell of a notebook.

    Parameters
    ----------
    source : str
        Literal assignments, one a line, with help behind ``#``.

    Raises
    ------
    ParameterError
        If it holds anything else.

    Examples
    --------
    >>> declared('as_of = "2025-07-01"  # first day that is not known')["as_of"].help
    'first day that is not known'
    """
    found = assignments(source)
    if found is None:
        raise ParameterError(
            message("the parameters cell may hold nothing but literals, one a line",
                    where="notebook", do="move everything else to another cell")
        )  # fmt: skip
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = {
        statement.targets[0].id: statement.lineno  # type: ignore[attr-defined]
        for statement in ast.parse(source).body
    }
    return {
        name: Parameter(name, value, comments.get(lines[name], "")) for name, value in found.items()
    }


def executed(cells: Sequence[str]) -> tuple[dict[str, Parameter], dict[str, Any]]:
    """Find what a running notebook declared and what was injected behind it.

    A cell of literals that declares everything once more is the same cell, run again; one that
    does not was injected.

    Parameters
    ----------
    cells : sequence of str
        Sources of the cells executed so far, oldest first.

    Returns
    -------
    declared : dict of str to Parameter
    injected : dict of str to value
    """
    own: dict[str, Parameter] = {}
    injected: dict[str, Any] = {}
    for source in cells:
        found = assignments(source)
        if found is None:
            continue
        is_marked = source.lstrip().startswith(INJECTED)
        if own and (is_marked or not own.keys() <= found.keys()):
            injected = found
        else:
            own, injected = declared(source), {}
    return own, injected


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Mapping[str, Any]]:
    """Read ranges, choices and help by parameter name."""
    text = resources.files("ldresearch").joinpath("parameters.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def resolve(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Scalar]:
    """Check given values against what is declared, and fill in the defaults.

    Parameters
    ----------
    known : mapping of str to Parameter
    given : mapping of str to value
        JSON scalars; text is read as the type of the default.

    Returns
    -------
    dict of str to scalar
        In the order of declaration.

    Raises
    ------
    ParameterError
        For an unknown name, another type, or a value out of range.

    Examples
    --------
    >>> known = declared("window_days = 60")
    >>> resolve(known, {"window_days": "30"})
    {'window_days': 30}
    >>> resolve(known, {"windw_days": 30})
    Traceback (most recent call last):
    ...
    ldresearch.errors.ParameterError: windw_days: no such parameter. Do: did you mean window_days?
    """
    for name in given:
        if name not in known:
            raise ParameterError(
                message("no such parameter", where=str(name)[:60],
                        do=did_you_mean(str(name)[:60], known))
            )  # fmt: skip
    return {
        name: _in_range(name, _typed(name, given.get(name, parameter.default), parameter.default))
        for name, parameter in known.items()
    }


def _typed(name: str, value: Any, default: Scalar) -> Scalar:
    """Read a value as the type of its default; nothing is guessed across types."""
    kind = type(default)
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
    if type(value) is kind and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    if isinstance(value, str):
        read = _read(value.strip(), kind)
        if read is not None:
            return read
    elif kind is float and type(value) is int:
        return float(value)
    raise ParameterError(
        message("not of its type", where=name, got=value if _is_scalar(value) else type(value),
                allowed=wanted)
    )  # fmt: skip


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and len(str(value)) < 80


def _read(text: str, kind: type) -> Scalar:
    """Read text as a type; ``None`` where it is none."""
    if kind is bool:
        return _TRUTH.get(text.lower())
    if not text.isascii() or "_" in text:
        return None
    try:
        value: Scalar = int(text) if kind is int else float(text)
    except ValueError:
        return None
    return value if math.isfinite(float(value or 0)) else None


def _in_range(name: str, value: Scalar) -> Scalar:
    rule = rules().get(name, {})
    choices = rule.get("choices")
    if choices is not None and value not in choices:
        allowed = ", ".join(repr(c) for c in choices)
        raise ParameterError(
            message("not one of the choices", where=name, got=value, allowed=allowed,
                    do=did_you_mean(str(value), choices))
        )  # fmt: skip
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = rule.get("min", -math.inf), rule.get("max", math.inf)
        if not low <= value <= high:
            raise ParameterError(
                message("out of range", where=name, got=value, allowed=f"{low} to {high}")
            )
    return value
