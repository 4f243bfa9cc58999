"""Run learning like a business: measures, models and reports over a learning log.

Everything loads when it is first used: ``import ldresearch`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldresearch import figures, measures, models, privacy, sentences, sources, tables, worlds
    from ldresearch.dataset import Dataset
    from ldresearch.log import EventLog, open_log
    from ldresearch.plan import Plan
    from ldresearch.privacy import publish
    from ldresearch.result import Estimate, Published, Result, Rules, Step
    from ldresearch.study import begin

__version__ = "0.1.0"

_MODULES = ("figures", "measures", "models", "privacy", "sentences", "sources", "tables", "worlds")
_NAMES = {
    "Dataset": "dataset",
    "Estimate": "result",
    "EventLog": "log",
    "Plan": "plan",
    "Published": "result",
    "Result": "result",
    "Rules": "result",
    "Step": "result",
    "begin": "study",
    "open_log": "log",
    "publish": "privacy",
}

__all__ = [  # noqa: RUF022 - modules first, then names
    "figures", "measures", "models", "privacy", "sentences", "sources", "tables", "worlds",
    "Dataset", "Estimate", "EventLog", "Plan", "Published", "Result", "Rules", "Step", "begin",
    "open_log", "publish",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"ldresearch.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"ldresearch.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'ldresearch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, *_NAMES])
