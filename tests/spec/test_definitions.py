"""Every definition is a file of this folder: words, small tables, a call, and what it gives.

``docs/generate.py`` renders the same files as ``docs/definitions.md``, so that the words, the
worked example and the code cannot part. A file reads:

``title``, ``rule``
    The words.
``[[example]]``
    ``says``, and either ``as_of`` with ``[example.tables]`` (canonical tables, opened as a log),
    or ``frame`` or ``[example.frames]`` (plain frames), or neither; ``call``, an expression over
    them; ``gives``, the table that comes back, and ``estimates``, that of its estimates;
    ``missing`` is the reason where there is no answer. With ``same_tables`` the tables are those
    of the example before. With ``is_part``, ``gives`` shows the rows named by its first column
    and not the others.

Numbers are held to the digits that are written. A dash is a missing value.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import measures, models, segment_rules
from ldresearch.log import EventLog
from ldresearch.models import _bass
from ldresearch.privacy import publish
from ldresearch.privacy.pseudonym import pseudonyms
from ldresearch.result import Published, Result, Rules
from ldresearch.vocabulary import Family
from ldresearch.worlds import tables

FOLDER = Path(__file__).parent
DEFINITIONS = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted(FOLDER.glob("*.toml"))
}


def worlds(examples: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give each example its tables, its own or those of the one before."""
    before: dict[str, str] = {}
    for example in examples:
        before = before if example.get("same_tables") else example.get("tables", {})
        yield example | {"tables": before}


EXAMPLES = [
    pytest.param(example, id=f"{stem}-{i}")
    for stem, definition in DEFINITIONS.items()
    for i, example in enumerate(worlds(definition["example"]), start=1)
]
WORDS = {
    "measures": measures, "models": models, "publish": publish, "Rules": Rules, "bass": _bass,
    "DataFrame": pd.DataFrame, "date": date, "Result": Result, "Family": Family,
    "segment_rules": segment_rules,
}  # fmt: skip


# Reading ------------------------------------------------------------------------------------


def typed(text: str) -> pd.DataFrame:
    """Read a plain frame: yes and no are truth values, what looks like a number is one."""
    frame = tables.from_text(text)
    for column in frame.columns:
        values = frame[column]
        if values.isin(["yes", "no"]).all():
            frame[column] = values == "yes"
        elif all(v is None or re.fullmatch(r"-?\d+(\.\d+)?", v) for v in values):
            frame[column] = pd.to_numeric(values)
    return frame


def named(log: EventLog, texts: Mapping[str, str], frame: pd.DataFrame) -> pd.DataFrame:
    """Give persons back the names the example calls them by."""
    if "person_key" not in frame.columns:
        return frame
    parsed = [tables.from_text(text) for text in texts.values()]
    people = sorted({p for t in parsed if "person_id" in t for p in t["person_id"].dropna()})
    by_pseudonym = dict(zip(pseudonyms(people, tables.KEY), people, strict=True))
    identity = pd.read_parquet(log.dataset.file("identity"))
    names = dict(zip(identity["person_key"], identity["person_id"].map(by_pseudonym), strict=True))
    people_of = frame["person_key"].map(names)
    return frame.drop(columns="person_key").assign(person_id=people_of).sort_values("person_id")


def run(example: Mapping[str, Any], folder: Path) -> tuple[Any, EventLog | None]:
    log = None
    scope: dict[str, Any] = dict(WORDS)
    if example["tables"]:
        zone = example.get("time_zone", "UTC")
        log = tables.log(example["tables"], folder, as_of=example["as_of"], time_zone=zone)
        scope["log"] = log
    frames = example.get("frames", {})
    frames = frames | ({"frame": example["frame"]} if "frame" in example else {})
    scope |= {name: typed(text) for name, text in frames.items()}
    return eval(example["call"], {"__builtins__": {}}, scope), log  # noqa: S307


# Comparing ----------------------------------------------------------------------------------


def reads(value: Any, text: str | None) -> bool:
    """Whether a value is what the text says, to the digits that are written."""
    if text is None:
        return value is None or value == "" or bool(pd.isna(value))
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return False
    if text in ("yes", "no"):
        return bool(value) is (text == "yes")
    if text == "not reached":
        return value == float("inf")
    if isinstance(value, date):
        return str(value)[:10] == text
    if isinstance(value, str):
        return value == text
    digits = len(text.partition(".")[2])
    return abs(float(value) - float(text)) <= 0.5 * 10**-digits + 1e-9


def compare(found: pd.DataFrame, text: str, *, is_part: bool = False) -> None:
    wanted = tables.from_text(text)
    assert set(wanted.columns) <= set(found.columns)
    key = wanted.columns[0]
    if is_part:
        shown = [any(reads(v, w) for w in wanted[key]) for v in found[key]]
        found = found[shown]
    elif "person_id" in wanted.columns:
        by = [c for c in ("person_id", "spell") if c in wanted.columns]
        found = found.sort_values(by, kind="stable")
    found = found[list(wanted.columns)]
    assert len(found) == len(wanted), f"\n{found.to_string()}"
    rows = zip(found.astype(object).to_numpy(), wanted.to_numpy(), strict=True)
    for got, asked in rows:
        assert all(reads(v, t) for v, t in zip(got, asked, strict=True)), f"\n{found.to_string()}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_code_gives_what_the_definition_says(
    example: Mapping[str, Any], tmp_path: Path
) -> None:
    result, log = run(example, tmp_path)
    if "missing" in example:
        assert example["missing"] in result.missing
    if isinstance(result, Result | Published):
        assert result.is_empty is ("missing" in example), result.missing
    if "gives" in example:
        frame = result if isinstance(result, pd.DataFrame) else result.frame
        if log is not None:
            frame = named(log, example["tables"], frame)
        compare(frame, example["gives"], is_part=example.get("is_part", False))
    if "estimates" in example:
        fields = ("metric", "label", "value", "low", "high", "n", "unit")
        rows = [[getattr(e, f) for f in fields] for e in result.estimates]
        compare(pd.DataFrame(rows, columns=fields), example["estimates"], is_part=True)


@pytest.mark.parametrize("stem", DEFINITIONS)
def test_a_definition_has_words_and_something_to_hold_it_to(stem: str) -> None:
    definition = DEFINITIONS[stem]
    assert definition["title"].strip()
    assert definition["rule"].strip()
    for example in definition["example"]:
        assert {"gives", "estimates", "missing"} & set(example)
        assert set(example) <= {
            "says", "as_of", "time_zone", "tables", "frame", "frames", "call", "gives", "estimates",
            "missing", "is_part", "same_tables",
        }  # fmt: skip


# The comparison itself ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text", "is_same"),
    [
        (0.4614, "0.461", True), (0.4614, "0.462", False), (float("inf"), "not reached", True),
        (0.0, None, False), (float("nan"), None, True), (float("nan"), "0", False),
        ("", None, True), (True, "no", False), (pd.Timestamp("2024-01-08"), "2024-01-09", False),
    ],
)  # fmt: skip
def test_the_comparison_can_fail(value: Any, text: str | None, is_same: bool) -> None:
    assert reads(value, text) is is_same


def test_a_wrong_table_is_found() -> None:
    frame = pd.DataFrame({"week": ["a", "b"], "n": [1, 2]})
    compare(frame, "week | n\na | 1\nb | 2")
    compare(frame, "week | n\nb | 2", is_part=True)
    for wrong in ("week | n\na | 1\nb | 3", "week | n\na | 1", "week | m\na | 1\nb | 2"):
        with pytest.raises(AssertionError):
            compare(frame, wrong)
