"""The questions the notebooks answer, as data: what each takes, and what to collect without it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """One question that a notebook answers.

    Attributes
    ----------
    id : str
    analysis : str
        The notebook, ``20_adoption``.
    asks : str
        The question in words.
    needs : tuple of str
        Canonical tables without which there is no answer.
    wants : tuple of str
        A table, or ``table.column``, without which the answer is partial.
    weeks : int
        Fewest complete weeks of activity.
    value : bool
        Whether the answer rests on value events.
    measures : tuple of str
        ``module.function`` of the measures that answer it.
    """

    id: str
    analysis: str
    asks: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    weeks: int
    value: bool
    measures: tuple[str, ...]


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    text = resources.files("ldresearch").joinpath("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def questions() -> tuple[Question, ...]:
    """Read the questions in the order they are asked.

    Examples
    --------
    >>> questions()[0].analysis, questions()[0].needs
    ('10_measurement_plan', ('person', 'event'))
    """
    return tuple(
        Question(
            id=entry["id"],
            analysis=entry["analysis"],
            asks=entry["asks"],
            needs=tuple(entry["needs"]),
            wants=tuple(entry["wants"]),
            weeks=entry["weeks"],
            value=entry["value"],
            measures=tuple(entry["measures"]),
        )
        for entry in _file()["question"]
    )


@lru_cache(maxsize=1)
def collect() -> Mapping[str, str]:
    """Say what to collect, by what is missing: a table, column, ``weeks``, ``value``, ``persons``.

    Examples
    --------
    >>> collect()["skill"]
    'the list of skills with their names'
    """
    return MappingProxyType(_file()["collect"])


def wanted_columns() -> tuple[tuple[str, str], ...]:
    """List the columns some question wants, as (table, column), each once and in order.

    Examples
    --------
    >>> wanted_columns()[0]
    ('person', 'unit_path')
    """
    named = [want for question in questions() for want in question.wants if "." in want]
    return tuple((t, c) for t, c in (want.split(".") for want in dict.fromkeys(named)))
