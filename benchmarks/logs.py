"""A log of two years as a learning system exports it, of any size, made in bounded memory.

People differ a hundredfold in how much they do. They come in bursts of weeks, on some days of
them, a sitting or two on such a day, and a sitting is some events a few minutes apart. A tenth of
the activity was assigned. Rows are written in the order of time, as they are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

AS_OF = "2025-01-01"
DAYS = 731
"""From 2023-01-01 to the day before ``AS_OF``."""

EVENTS_A_PERSON = 100
EVENTS_A_SITTING = 12
BURSTS, BURST_DAYS = 5, 18
PEOPLE_AT_ONCE = 20_000
SEED = 5

VERBS = ("view", "progress", "start", "complete", "access", "search", "save", "share")
SHARES = (0.5, 0.3, 0.06, 0.05, 0.05, 0.02, 0.01, 0.01)

RAW, DATASET = "events.parquet", "dataset"
"""What :func:`prepare` leaves in its folder: the export, and the dataset made of it."""

KEY = b"a key of 32 bytes for benchmarks"

MAPPING = """
[[feed]]
table = "event"
[feed.columns]
event_id = "event_id"
person_id = "person_id"
occurred_at = { column = "occurred_at", format = "iso", time_zone = "UTC" }
verb = "verb"
content_id = "content_id"
duration_s = { column = "duration_s", unit = "seconds" }
assignment_id = "assignment_id"
source = { value = "lms" }
"""


def prepare(folder: Path, size: int, seed: int = 0) -> None:
    """Write the export and the dataset."""
    write(folder / RAW, size, seed)
    ingest(folder / RAW, folder / DATASET)


def write(file: Path, size: int, seed: int = 0) -> None:
    """Write a log of so many events as Parquet.

    Blocks of people go to a rough file, one after another; the engine then sorts by time, and
    spills what does not fit.
    """
    import duckdb
    import pyarrow.parquet as pq

    rough = file.with_suffix(".rough.parquet")
    writer = None
    for block in blocks(size, seed):
        if writer is None:
            writer = pq.ParquetWriter(rough, block.schema, compression="zstd")
        writer.write_table(block)
    assert writer is not None
    writer.close()
    engine = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(file.parent)})
    engine.execute(
        f"COPY (SELECT 'e' || row_number() OVER () AS event_id, * FROM (FROM '{rough}' "
        f"ORDER BY occurred_at)) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
    )
    rough.unlink()


def ingest(raw: Path, dataset: Path) -> None:
    """Make the dataset, by the way every Parquet file goes that a person maps by hand."""
    from ldresearch import sources

    mapping = raw.with_suffix(".parquet.toml")
    mapping.write_text(MAPPING, encoding="utf-8")
    sources.ingest("tabular", raw, dataset, client="bench", key=KEY, public=True)


def blocks(size: int, seed: int = 0) -> Iterator[Any]:
    """Give the events of 20,000 people at a time, each block from a seed of its own."""
    n_people = max(size // EVENTS_A_PERSON, 1)
    begins = range(0, n_people, PEOPLE_AT_ONCE)
    left = size
    for i, begin in enumerate(begins):
        people = min(PEOPLE_AT_ONCE, n_people - begin)
        rows = left if i == len(begins) - 1 else round(size * people / n_people)
        left -= rows
        yield _block(np.random.default_rng([SEED + seed, i]), begin, people, rows)


def _block(rng: np.random.Generator, begin: int, people: int, rows: int) -> Any:
    import pyarrow as pa

    sittings = -(-2 * rows // EVENTS_A_SITTING) + 10
    share = rng.gamma(0.7, 1.0, people) + 0.05
    who = rng.choice(people, sittings, p=share / share.sum())
    # Each person's bursts lie anywhere in the two years or before; what falls outside is moved in.
    middle = rng.integers(-60, DAYS, (people, BURSTS))
    burst = (rng.random(sittings) ** 2 * BURSTS).astype(int)
    day = np.round(middle[who, burst] + rng.normal(0, BURST_DAYS, sittings)).astype(int) % DAYS
    day -= ((day + 6) % 7 >= 5) & (rng.random(sittings) < 0.7) & (day > 1)
    start = rng.integers(7 * 3600, 19 * 3600, sittings)
    length = rng.geometric(1 / EVENTS_A_SITTING, sittings)
    of = np.repeat(np.arange(sittings), length)[:rows]
    assert len(of) == rows
    pause = np.where(rng.random(rows) < 0.02, rng.exponential(2400, rows),
                     rng.exponential(120, rows)).astype(np.int64) + 1  # fmt: skip
    first = np.r_[True, of[1:] != of[:-1]]
    run = np.cumsum(pause)
    since = run - np.repeat(run[first], np.diff(np.r_[np.flatnonzero(first), rows]))
    at = np.datetime64("2023-01-01", "s").astype(np.int64) + day[of] * 86_400 + start[of] + since
    at = np.minimum(at, np.datetime64(AS_OF, "s").astype(np.int64) - 1)
    verb = rng.choice(len(VERBS), rows, p=SHARES)
    content = np.minimum(rng.pareto(1.1, rows) * 40, 4999).astype(np.int32)
    number = np.char.mod("E%07d", np.arange(begin + 1, begin + people + 1))
    course = np.char.mod("c%04d", np.arange(5000))
    assigned = np.where(rng.random(sittings) < 0.1, rng.integers(0, 5000, sittings), -1)[of]
    return pa.table(
        {
            "person_id": pa.DictionaryArray.from_arrays(who[of].astype(np.int32), number),
            "occurred_at": pa.array(at * 1_000_000, pa.timestamp("us")),
            "verb": pa.DictionaryArray.from_arrays(verb.astype(np.int32), list(VERBS)),
            "content_id": pa.DictionaryArray.from_arrays(content, course),
            "duration_s": pa.array(np.minimum(pause, 3600).astype(np.int32)),
            "assignment_id": pa.DictionaryArray.from_arrays(
                pa.array(np.maximum(assigned, 0), pa.int32(), mask=assigned < 0),
                np.char.mod("a%04d", np.arange(5000)),
            ),
        }
    )
