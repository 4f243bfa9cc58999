"""Records out of JSON exports: pages of an interface become one table of text.

A page wraps its records (``{"data": [...], "links": ...}``); which list is meant is said by the
mapping. A cell is named by its path (``attributes.completed-at``); what a record does not have is
missing. Files stream; a value that is no record is counted, not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import handover
from ldresearch.engine import identifier, literal, trimmed
from ldresearch.errors import DataError
from ldresearch.sources import _files, _json
from ldresearch.sources._csv import Loaded

if TYPE_CHECKING:
    import duckdb

BROKEN = "a record is broken JSON"
SUFFIXES = (".json", ".jsonl", ".ndjson")
ITEM = "item"
"""Under this name stands an entry of the list that ``each`` names."""
WHOLE = "."
_LISTS = ("data", "value", "elements", "items", "results")
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the records of a page are.

    Attributes
    ----------
    records : str
        Name of the list; ``.``: every object is a record; empty: the first of ``data``, ``value``,
        ``elements``, ``items`` and ``results`` that is there, else every object.
    each : str
        A list inside a record: each of its entries becomes a row, under ``item``.
    """

    records: str = ""
    each: str = ""


def is_records(file: Path) -> bool:
    """Whether a file's name says that it holds JSON."""
    return _files.plain_name(file).lower().endswith(SUFFIXES)


def load(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    table: str,
    shape: Shape,
    keep: Sequence[str],
) -> Loaded:
    """Load the records of a file into a temporary table of text, trimmed; null if empty.

    Parameters
    ----------
    connection : duckdb connection
    file : Path
    table : str
        Name of the temporary table.
    shape : Shape
    keep : sequence of str
        Paths of the cells wanted; everything else never enters the engine.

    Raises
    ------
    DataError
        If the file is damaged in a way that would lose what follows.
    """
    import numpy as np
    import pyarrow as pa

    _files.step(f"reading {file.name}")
    broken: list[int] = []
    failed: list[DataError] = []

    def batches() -> Iterator[Any]:
        # The engine would wrap the error and lose its sentence.
        try:
            for first, texts in _batched(_rows(file, shape, broken)):
                rows = np.arange(first, first + len(texts), dtype=np.int64)
                yield pa.record_batch(
                    {
                        "_row": handover.numbers(rows),
                        "text": handover.texts(texts),
                    }
                )
        except DataError as error:
            failed.append(error)

    kinds = pa.schema([("_row", pa.int64()), ("text", pa.string())])
    paths = ", ".join(literal(_path(name)) for name in keep)
    picked = "".join(f"{trimmed(f'p[{i}]')} AS {identifier(n)}, " for i, n in enumerate(keep, 1))
    connection.register("_stream", pa.RecordBatchReader.from_batches(kinds, batches()))
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS SELECT {picked}_row FROM "
            f"(SELECT _row, json_extract_string(text, [{paths}]) AS p FROM _stream)"
        )
    finally:
        connection.unregister("_stream")
    if failed:
        raise failed[0]
    return Loaded(table, tuple(keep), len(broken), tuple(broken[:20]))


def peek(file: Path, shape: Shape) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file as they are read; what is no record is passed over."""
    for text in _json.statements(file):
        for record in _opened(text, shape):
            if isinstance(record, dict):
                yield from (r for r in _parted(record, shape) if r is not None)


def _path(name: str) -> str:
    """Return the engine's path of a dotted name; every part is quoted."""
    return "$" + "".join('."' + part.replace('"', '\\"') + '"' for part in name.split("."))


def _rows(file: Path, shape: Shape, broken: list[int]) -> Iterator[str]:
    """Yield each row's text; the numbers of those that are no record go into ``broken``."""
    number = 0
    for text in _json.statements(file):
        for record in _opened(text, shape):
            rows = _parted(record, shape) if isinstance(record, dict) else [None]
            for row in rows:
                number += 1
                written = None if row is None else _written(row)
                if written is None:
                    broken.append(number)
                else:
                    yield written


def _opened(text: str | None, shape: Shape) -> list[Any]:
    """Return the records of a page, or the record that stands alone."""
    try:
        value = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return [None]
    if not isinstance(value, dict):
        return [None]
    if shape.records == WHOLE:
        return [value]
    if shape.records:
        inner = value.get(shape.records, [])
        return inner if isinstance(inner, list) else [None]
    for name in _LISTS:
        if isinstance(value.get(name), list):
            return list(value[name])
    return [value]


def _parted(record: dict[str, Any], shape: Shape) -> list[Any]:
    """Return a record, or one row for each entry of the list it is asked for."""
    if not shape.each:
        return [record]
    entries = record.get(shape.each)
    if not isinstance(entries, list):
        return []
    rest = {k: v for k, v in record.items() if k != shape.each}
    return [{**rest, ITEM: e} if isinstance(e, dict) else None for e in entries]


def _written(row: dict[str, Any]) -> str | None:
    """Return a record as the engine will read it; ``None`` for what is no JSON to it."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except (ValueError, RecursionError):  # no number, half a surrogate pair, too deep
        return None
    return text


def _batched(rows: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    first, held = 1, []
    for row in rows:
        held.append(row)
        if len(held) == _BATCH:
            yield first, held
            first, held = first + len(held), []
    if held:
        yield first, held
