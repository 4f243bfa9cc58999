"""Instants from text: whatever is written, the engine reads what Python's calendar says."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from ldresearch import instants

SPELLINGS = (
    "2024-02-29T09:00:00.123Z", "2023-12-31T23:59:59Z", "2024-01-03T09:00:00.123456Z",
    "2024-01-03T09:00:00.123456+00:00", "2024-01-03 09:00:00+05:30", "2024-01-03T09:00-0330",
    "2024-01-03T09:00:00.1234567Z", "2024-01-03", "2024-02-30T09:00:00.123Z",
    "2024-1-03T09:00:00.123Z", "2024-1-3T9:5:1.1Z", "12024-01-03T9:00:00.00Z",
    " 2024-1-03T09:00:00.123Z", "2024-01-03T9:00:00.12Z ", "2024-01-03T23:59:60Z",
    "1900-02-29T00:00:00Z", "-024-01-03T09:00:00.123Z",
)  # fmt: skip
FORM = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*"
    r"([Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?\s*", re.ASCII,
)  # fmt: skip


def by_the_calendar(text: str) -> datetime | None:
    """Read an instant with Python's own calendar; as UTC where no offset is stated."""
    found = FORM.fullmatch(text)
    if not found:
        return None
    day, clock, second, fraction, _, sign, hours, minutes = found.groups()
    try:
        at = datetime.strptime(
            f"{day} {clock or '00:00'}:{second or '00'}.{((fraction or '') + '000000')[:6]}",
            "%Y-%m-%d %H:%M:%S.%f",
        )  # fmt: skip
        shift = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return at + shift if sign == "-" else at - shift
    except (ValueError, OverflowError):
        return None


def written(n: int, seed: int) -> list[str]:
    """Misspell what systems write, by one to three characters."""
    draw = random.Random(seed)
    texts = list(SPELLINGS)
    for _ in range(n):
        letters = list(draw.choice(SPELLINGS))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(letters))
            new = draw.choice("0123456789-:TtZz .+/\t")
            letters[at : at + draw.choice((0, 1, 1, 1))] = draw.choice((new, new, new, ""))
        texts.append("".join(letters) or "-")
    # The first minutes of the calendar have no year before them to fall into.
    return [t for t in texts if not t.lstrip().startswith(("0000", "0001", "9999"))]


@pytest.mark.parametrize("seed", range(3))
def test_every_spelling_is_read_as_the_calendar_reads_it(seed: int) -> None:
    texts = written(30_000, seed)
    given = pa.table({"text": texts})
    with duckdb.connect() as engine:
        engine.register("given", given)
        found = engine.execute(f"SELECT {instants.utc('text')} FROM given").fetchall()
    expected = [by_the_calendar(t) for t in texts]
    differing = [(t, f, e) for t, (f,), e in zip(texts, found, expected, strict=True) if f != e]
    assert not differing, differing[:5]
    assert sum(e is not None for e in expected) > 1000
