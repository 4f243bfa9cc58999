"""What came of a run, read from the executed notebook: complete, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ldresearch.errors import (
    DataError,
    DisclosureError,
    LdresearchError,
    ParameterError,
    RunError,
    message,
)
from ldresearch.privacy.gate import MIME
from ldresearch.study import FACTS_MIME

_OURS: dict[str, type[LdresearchError]] = {
    kind.__name__: kind for kind in (ParameterError, DataError, DisclosureError, RunError)
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not end in a report, fit for anyone's eyes.

    Attributes
    ----------
    reason : str
        One sentence. The text of an error is quoted only when it is one of our own: others may
        carry rows.
    exit_code : int
    """

    reason: str
    exit_code: int


def failure(kind: str, text: str, cell: str = "") -> Failure:
    """Turn an error raised in a notebook into what may be said of it."""
    if kind in _OURS:
        return Failure(text.strip(), _OURS[kind].exit_code)
    where = f"the cell {cell}" if cell else "the notebook"
    return Failure(
        message("stopped with an error", where=where, got=kind[:60],
                do="look at the executed notebook in the private run folder"),
        RunError.exit_code,
    )  # fmt: skip


def facts_of(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a notebook that ran to its end.

    A run counts only if every code cell was executed without an error, and a finding and the facts
    came out once: a cell that calls ``sys.exit(0)`` looks like a success to papermill.

    Raises
    ------
    RunError
        With the first thing that is missing.
    """
    for number, cell in enumerate(_code(notebook), start=1):
        tags = ", ".join(cell.get("metadata", {}).get("tags", [])) or str(number)
        if any(out.get("output_type") == "error" for out in cell.get("outputs", [])):
            raise RunError(message("a cell stopped with an error", where=f"cell {tags}"))
        if _text(cell).strip() and cell.get("execution_count") is None:
            raise RunError(
                message("the notebook ended before its last cell", where=f"cell {tags}",
                        do="look for an early exit in the cells before it")
            )  # fmt: skip
    found = _bundles(notebook, FACTS_MIME)
    if len(found) != 1:
        raise RunError(
            message("a run must end in one set of facts", got=len(found),
                    do="end the notebook with run.finish()")
        )  # fmt: skip
    kinds = [payload.get("kind") for payload in _bundles(notebook, MIME)]
    if kinds.count("headline") != 1:
        raise RunError(
            message("a report needs one finding", got=kinds.count("headline"),
                    do="call run.headline(...) once")
        )  # fmt: skip
    facts: dict[str, Any] = found[0]
    return facts


def stopped(notebook: Mapping[str, Any]) -> Failure | None:
    """Return why a notebook stopped, if an error stands in its outputs."""
    for number, cell in enumerate(_code(notebook), start=1):
        for out in cell.get("outputs", []):
            if out.get("output_type") == "error":
                tags = cell.get("metadata", {}).get("tags", [])
                name = f"{number} ({', '.join(tags)})" if tags else str(number)
                return failure(str(out.get("ename", "")), str(out.get("evalue", "")), name)
    return None


def _code(notebook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cell for cell in notebook.get("cells", []) if cell.get("cell_type") == "code"]


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _bundles(notebook: Mapping[str, Any], mime: str) -> list[dict[str, Any]]:
    return [
        out["data"][mime]
        for cell in _code(notebook)
        for out in cell.get("outputs", [])
        if mime in out.get("data", {})
    ]
