"""Ingest of one log in three forms: seconds and peak memory, from a file to a dataset.

``prepare`` writes the same events as xAPI statements (one a line, about 640 bytes each), as CSV and
as Parquet: 100 events a person over two years, one in a hundred sent twice. Everyone reads, names
people by a keyed hash, drops what was sent twice, sorts by person and time, writes Parquet and
counts the days of activity; what is summed up of the result has to be the same. ``scan`` is the
limit: the engine's bare read of the file with declared columns, nothing made of it.
"""

from __future__ import annotations

import argparse
import hmac
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import Timed, UnavailableError, Work, compare

if TYPE_CHECKING:
    import pandas as pd

KEY = b"k" * 32
START = "2023-01-02"
DAYS = 728
VERBS = {
    "experienced": "view", "progressed": "progress", "completed": "complete", "launched": "access",
    "passed": "pass", "failed": "fail", "shared": "share",
}  # fmt: skip
SITTING = 10
"""Events of one person one after another, a minute and a half apart."""
SENT_TWICE = 100
"""One event in so many is sent again."""

_EVENTS = f"""
WITH numbered AS (
    SELECT unnest(CASE WHEN range % {SENT_TWICE} = 7 THEN [range, range] ELSE [range] END) AS i
    FROM range({{n}})
), drawn AS (
    SELECT i, i + {{seed}} * 10_000_000_000 AS s,
        (hash(s // {SITTING}, 1) >> 11) / 9007199254740992.0 AS u, hash(s, 2) % 90000 AS late_ms,
        {list(VERBS)!r}[(1 + least(hash(s, 3) % 13, hash(s, 4) % 7, hash(s, 8) % 7))::INTEGER] AS spoken,
        format('c-{{{{:04d}}}}', (hash(s // {SITTING}, 5) % 400)::INTEGER) AS content,
        format('{{{{:016x}}}}{{{{:016x}}}}', hash(s, 6), i)::UUID::TEXT AS id,
        format('emp-{{{{:07d}}}}', 1000000 + (u ** 1.5 * {{persons}})::INTEGER) AS person,
        hash(s, 7) AS h
    FROM numbered
)
SELECT id, person, spoken, content,
    TIMESTAMP '{START}' + to_milliseconds((i // {SITTING} * {SITTING} / {{n}} * {DAYS * 86_400_000} + i % {SITTING} * 90_000 + h % 60_000)::BIGINT)
        AS occurred_at,
    occurred_at + to_milliseconds(late_ms::BIGINT) AS recorded_at,
    CASE WHEN spoken IN ('progressed', 'completed', 'passed') THEN (10 + h % 3000)::INTEGER END
        AS seconds,
    CASE WHEN spoken IN ('completed', 'passed', 'failed') THEN (h % 101)::INTEGER / 100.0 END
        AS score,
    format('{{{{:08x}}}}-0000-4000-8000-{{{{:012x}}}}', hash(person, content) >> 32, i // 100000)
        AS attempt
FROM drawn
"""
_INSTANT = "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')"
# ruff: noqa: E501 - statements are spelled out in one piece
_STATEMENT = f"""
SELECT concat(
    '{{{{"id": "', id, '", "actor": {{{{"account": {{{{"name": "', person,
    '", "homePage": "https://hr.example.org"}}}}}}}}, "verb": {{{{"id": "http://adlnet.gov/expapi/verbs/',
    spoken, '"}}}}, "object": {{{{"id": '
    '"https://learn.example.org/xapi/activities/', content, '", "definition": {{{{"type": '
    '"http://adlnet.gov/expapi/activities/module", "name": {{{{"en-US": "Course ', content,
    '"}}}}}}}}}}}}, ',
    CASE WHEN seconds IS NOT NULL OR score IS NOT NULL THEN concat('"result": {{{{',
        CASE WHEN seconds IS NOT NULL THEN concat('"duration": "PT', seconds, 'S"') END,
        CASE WHEN seconds IS NOT NULL AND score IS NOT NULL THEN ', ' END,
        CASE WHEN score IS NOT NULL THEN concat('"score": {{{{"scaled": ', score, '}}}}, "success": ',
            CASE WHEN spoken = 'failed' THEN 'false' ELSE 'true' END) END, '}}}}, ') END,
    '"context": {{{{"registration": "', attempt, '", "extensions": {{{{'
    '"https://w3id.org/xapi/video/extensions/session-id": "', attempt[:13], '"}}}}}}}}, "timestamp": "',
    {_INSTANT.format("occurred_at")}, '", "stored": "', {_INSTANT.format("recorded_at")},
    '", "version": "1.0.3"}}}}') AS t
FROM ({_EVENTS})
"""


def prepare(folder: Path, size: int, seed: int = 0) -> None:
    """Write ``size`` events (and one in a hundred twice) in three forms, and the mapping of two.

    Parameters
    ----------
    folder : Path
        There already; the files go into its folder ``ingest``.
    size : int
    seed : int
    """
    import duckdb

    place = _place(folder)
    place.mkdir(exist_ok=True)
    values = {"n": size, "persons": max(size // 100, 10), "seed": seed}
    table = f"""
        SELECT id, person, {_INSTANT.format("occurred_at")} AS "when",
            {_INSTANT.format("recorded_at")} AS noted, spoken, content, seconds, score
        FROM ({_EVENTS})
    """
    typed = f"SELECT * EXCLUDE (attempt) FROM ({_EVENTS})"
    plain = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01'"
    with duckdb.connect(
        config={"memory_limit": "1GB", "temp_directory": str(place / "spill")}
    ) as db:
        db.execute("SET enable_progress_bar = false")
        for query, name, options in (
            (_STATEMENT, "statements.jsonl", plain),
            (table, "clicks.csv", "FORMAT csv, HEADER"),
            (typed, "clicks.parquet", "FORMAT parquet, COMPRESSION zstd"),
        ):
            db.execute(f"COPY ({query.format(**values)}) TO '{place / name}' ({options})")
    words = ", ".join(f'{spoken} = "{verb}"' for spoken, verb in VERBS.items())
    for name, when, noted in (
        ("clicks.csv", "when", "noted"),
        ("clicks.parquet", "occurred_at", "recorded_at"),
    ):
        zone = "" if name == "clicks.csv" else ', time_zone = "UTC"'
        (place / f"{name}.toml").write_text(
            MAPPING.format(when=when, noted=noted, words=words, zone=zone)
        )


MAPPING = """[[feed]]
table = "event"
[feed.columns]
event_id = "id"
person_id = "person"
occurred_at = {{ column = "{when}"{zone} }}
recorded_at = {{ column = "{noted}"{zone} }}
verb = {{ column = "spoken", words = {{ {words} }} }}
content_id = "content"
duration_s = "seconds"
score = "score"
source = {{ value = "lms" }}
"""


def _place(folder: Path) -> Path:
    return folder / "ingest"


def _emptied(folder: Path, name: str) -> Path:
    out = _place(folder) / f"out-{name}-{os.getpid()}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return out


# Contenders ------------------------------------------------------------------------------------


def ldresearch(source: str, name: str) -> Callable[[Path], Timed]:
    """Take a file through the door: ``ldresearch ingest``, whole."""

    def prepared(folder: Path) -> Timed:
        # All is imported before the clock runs.
        import duckdb
        import pyarrow.compute
        import pyarrow.parquet  # noqa: F401

        from ldresearch import ingest, sources  # noqa: F401
        from ldresearch.sources import tabular, xapi  # noqa: F401

        def timed() -> Any:
            out = _emptied(folder, "ldresearch")
            try:
                report = sources.ingest(source, _place(folder) / name, out / "d", key=KEY)
                events, days = (report.dataset.file(t) for t in ("event", "activity_day"))
                return _answer_of(duckdb, events, days, report.dataset.manifest.n_persons)
            finally:
                shutil.rmtree(out)

        return timed

    return prepared


def _answer_of(duckdb: Any, events: Path, days: Path, n_persons: int) -> dict[str, Any]:
    [(n, ms, seconds, score)] = duckdb.sql(
        f"SELECT count(*), sum(epoch_ms(occurred_at) - epoch_ms(TIMESTAMP '{START}'))::BIGINT, "
        f"sum(duration_s)::BIGINT, sum(score) FROM '{events}'"
    ).fetchall()
    verbs = duckdb.sql(f"SELECT verb, count(*) FROM '{events}' GROUP BY 1 ORDER BY 1").fetchall()
    [(n_days, n_in_days)] = duckdb.sql(
        f"SELECT count(*), sum(n_events)::BIGINT FROM '{days}'"
    ).fetchall()
    return {
        "events": n, "persons": n_persons, "ms": ms, "seconds": seconds, "score": score,
        "days": n_days, "events in days": n_in_days, "verbs": dict(verbs),
    }  # fmt: skip


_STRUCTS = {
    "id": "VARCHAR", "actor": "STRUCT(account STRUCT(name VARCHAR, homePage VARCHAR))",
    "verb": "STRUCT(id VARCHAR)", "object": "STRUCT(id VARCHAR)",
    "result": "STRUCT(duration VARCHAR, score STRUCT(scaled DOUBLE), success BOOLEAN)",
    "context": "STRUCT(registration VARCHAR)", "timestamp": "VARCHAR", "stored": "VARCHAR",
}  # fmt: skip
_COLUMNS = {
    "id": "VARCHAR", "person": "VARCHAR", "when": "VARCHAR", "noted": "VARCHAR",
    "spoken": "VARCHAR", "content": "VARCHAR", "seconds": "INTEGER", "score": "DOUBLE",
}  # fmt: skip


def bare_read(reader: str, name: str) -> Callable[[Path], Timed]:
    """Let the engine read a file with declared columns and write Parquet: the limit."""

    def prepared(folder: Path) -> Timed:
        import duckdb

        def timed() -> Any:
            out = _emptied(folder, "bare")
            source = reader.format(file=_place(folder) / name)
            try:
                with duckdb.connect() as db:
                    db.execute(f"COPY (FROM {source}) TO '{out / 'x.parquet'}' (COMPRESSION zstd)")
            finally:
                shutil.rmtree(out)

        return timed

    return prepared


def pandas_frame(read: Callable[[Path], pd.DataFrame]) -> Callable[[Path], Timed]:
    """Do the work as a careful person would with pandas, once the file is a frame."""

    def prepared(folder: Path) -> Timed:
        import pandas as pd
        import pyarrow.parquet  # noqa: F401

        if read is _from_orjson:
            try:
                import orjson  # noqa: F401
            except ImportError:
                raise UnavailableError("orjson is not installed") from None

        def timed() -> Any:
            out = _emptied(folder, "pandas")
            frame = read(_place(folder))
            frame["verb"] = frame["verb"].map(VERBS)
            codes, persons = pd.factorize(frame.pop("person"))
            keyed = pd.Series([_keyed(p) for p in persons])
            frame["person_key"] = keyed.rank().astype("int32").to_numpy()[codes]
            frame = frame.drop_duplicates("event_id")
            frame = frame.sort_values(["person_key", "occurred_at", "event_id"])
            frame.to_parquet(out / "event.parquet", compression="zstd", index=False)
            day = frame["occurred_at"].dt.floor("D"), frame["recorded_at"].dt.floor("D")
            days = (
                frame.assign(day_on=day[0], recorded_on=day[1])
                .groupby(["person_key", "day_on", "verb", "recorded_on"], observed=True)
                .agg(n_events=("event_id", "size"), duration_s=("duration_s", "sum"))
                .reset_index()
            )
            days.to_parquet(out / "activity_day.parquet", compression="zstd", index=False)
            shutil.rmtree(out)
            since = frame["occurred_at"] - pd.Timestamp(START, tz="UTC")
            return {
                "events": len(frame), "persons": len(persons),
                "ms": int((since // pd.Timedelta(milliseconds=1)).sum()),
                "seconds": int(frame["duration_s"].sum()), "score": float(frame["score"].sum()),
                "days": len(days), "events in days": int(days["n_events"].sum()),
                "verbs": frame["verb"].value_counts().sort_index().to_dict(),
            }  # fmt: skip

        return timed

    return prepared


def _keyed(person: str) -> str:
    return hmac.digest(KEY, person.lower().encode(), "sha256").hex()[:32]


def _from_orjson(place: Path) -> pd.DataFrame:
    import orjson
    import pandas as pd

    rows = []
    with (place / "statements.jsonl").open("rb") as file:
        for line in file:
            s = orjson.loads(line)
            result = s.get("result", {})
            context = s.get("context", {})
            rows.append(
                (
                    s["id"], s["actor"]["account"]["name"], s["timestamp"], s["stored"],
                    s["verb"]["id"], s["object"]["id"], context.get("registration"),
                    result.get("duration"), result.get("score", {}).get("scaled"),
                    result.get("success"),
                )
            )  # fmt: skip
    names = ["event_id", "person", "occurred_at", "recorded_at", "verb", "content_id",
             "attempt_id", "duration", "score", "is_success"]  # fmt: skip
    return _typed(pd.DataFrame(rows, columns=names))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    for name in ("occurred_at", "recorded_at"):
        frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=True)
    if "duration" in frame:
        frame["verb"] = frame["verb"].str.removeprefix("http://adlnet.gov/expapi/verbs/")
        frame["duration_s"] = pd.to_numeric(frame.pop("duration").str.slice(2, -1))
    return frame


def _naive(place: Path) -> pd.DataFrame:
    """Read as usually written: json.loads, then json_normalize."""
    import json

    import pandas as pd

    size = (place / "statements.jsonl").stat().st_size
    if size > 200_000_000:
        raise UnavailableError("minutes and many gigabytes at this size; run it with fewer events")
    with (place / "statements.jsonl").open(encoding="utf-8") as file:
        flat = pd.json_normalize([json.loads(line) for line in file])
    names = {
        "id": "event_id", "actor.account.name": "person", "timestamp": "occurred_at",
        "stored": "recorded_at", "verb.id": "verb", "object.id": "content_id",
        "context.registration": "attempt_id", "result.duration": "duration",
        "result.score.scaled": "score", "result.success": "is_success",
    }  # fmt: skip
    return _typed(flat[list(names)].rename(columns=names))


_NAMES = {
    "id": "event_id", "when": "occurred_at", "noted": "recorded_at", "spoken": "verb",
    "content": "content_id", "seconds": "duration_s",
}  # fmt: skip


def _from_csv(place: Path) -> pd.DataFrame:
    import pandas as pd

    return _typed(pd.read_csv(place / "clicks.csv", engine="pyarrow").rename(columns=_NAMES))


def _from_parquet(place: Path) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_parquet(place / "clicks.parquet").rename(columns=_NAMES)
    for name in ("occurred_at", "recorded_at"):
        frame[name] = frame[name].dt.tz_localize("UTC")
    return frame


def polars(name: str) -> Callable[[Path], Timed]:
    """Do the work in polars, lazily."""

    def prepared(folder: Path) -> Timed:
        try:
            import polars as pl
        except ImportError:
            raise UnavailableError("polars is not installed") from None

        def timed() -> Any:
            out = _emptied(folder, "polars")
            frame = _polars_frame(pl, _place(folder) / name)
            frame = frame.with_columns(pl.col("verb").replace(VERBS)).collect(engine="streaming")
            persons = frame["person"].unique()
            keys = pl.DataFrame({"person": persons, "keyed": [_keyed(p) for p in persons]})
            keys = keys.with_columns(person_key=pl.col("keyed").rank().cast(pl.Int32))
            frame = (
                frame.lazy().join(keys.lazy().drop("keyed"), on="person").drop("person")
                .unique("event_id").sort("person_key", "occurred_at", "event_id")
                .collect(engine="streaming")
            )  # fmt: skip
            frame.write_parquet(out / "event.parquet", compression="zstd")
            days = frame.group_by(
                "person_key", pl.col("occurred_at").dt.date(), "verb",
                pl.col("recorded_at").dt.date(),
            ).agg(n_events=pl.len(), duration_s=pl.col("duration_s").sum())  # fmt: skip
            days.sort("person_key", "occurred_at", "verb", "recorded_at").write_parquet(
                out / "activity_day.parquet", compression="zstd"
            )
            shutil.rmtree(out)
            start = pl.lit(START).str.to_datetime("%Y-%m-%d", time_unit="us")
            return {
                "events": len(frame), "persons": len(persons),
                "ms": frame.select((pl.col("occurred_at") - start).dt.total_milliseconds().sum())
                .item(),
                # Of narrow integers polars makes a narrow sum, which 10^7 events do not fit into.
                "seconds": frame["duration_s"].cast(pl.Int64).sum(), "score": frame["score"].sum(),
                "days": len(days), "events in days": days["n_events"].sum(),
                "verbs": dict(frame["verb"].value_counts().sort("verb").iter_rows()),
            }  # fmt: skip

        return timed

    return prepared


def _polars_frame(pl: Any, file: Path) -> Any:
    instant = [
        pl.col(c).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us")
        for c in ("occurred_at", "recorded_at")
    ]
    if file.suffix == ".parquet":
        return pl.scan_parquet(file).rename(_NAMES, strict=False)
    if file.suffix == ".csv":
        return pl.scan_csv(file).rename(_NAMES, strict=False).with_columns(instant)
    text = pl.String
    schema = {
        "id": text, "actor": pl.Struct({"account": pl.Struct({"name": text})}),
        "verb": pl.Struct({"id": text}), "object": pl.Struct({"id": text}),
        "result": pl.Struct({"duration": text, "score": pl.Struct({"scaled": pl.Float64}),
                             "success": pl.Boolean}),
        "context": pl.Struct({"registration": text}), "timestamp": text, "stored": text,
    }  # fmt: skip
    result = pl.col("result").struct
    return (
        pl.scan_ndjson(file, schema=schema)
        .select(
            event_id="id", person=pl.col("actor").struct["account"].struct["name"],
            verb=pl.col("verb").struct["id"].str.strip_prefix("http://adlnet.gov/expapi/verbs/"),
            content_id=pl.col("object").struct["id"],
            attempt_id=pl.col("context").struct["registration"],
            duration_s=result["duration"].str.slice(2).str.strip_suffix("S").cast(pl.Int32),
            score=result["score"].struct["scaled"], is_success=result["success"],
            occurred_at="timestamp", recorded_at="stored",
        )
        .with_columns(instant)
    )  # fmt: skip


def _declared(columns: Mapping[str, str]) -> str:
    return "{{" + ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items()) + "}}"


_LIMIT = {"bare read": "the limit: reads and writes, nothing else"}

WORKS = {
    "xapi": Work(
        "xAPI statements to a dataset",
        {
            "ldresearch": ldresearch("xapi", "statements.jsonl"),
            "bare read": bare_read(
                "read_json('{file}', format = 'newline_delimited', columns = "
                + _declared(_STRUCTS) + ")", "statements.jsonl",
            ),
            "polars": polars("statements.jsonl"),
            "pandas with orjson": pandas_frame(_from_orjson),
            "naive pandas": pandas_frame(_naive),
        },
        apart=_LIMIT,
    ),
    "csv": Work(
        "CSV to a dataset",
        {
            "ldresearch": ldresearch("tabular", "clicks.csv"),
            "bare read": bare_read(
                "read_csv('{file}', header = true, columns = " + _declared(_COLUMNS) + ")",
                "clicks.csv",
            ),
            "polars": polars("clicks.csv"),
            "pandas": pandas_frame(_from_csv),
        },
        apart=_LIMIT,
    ),
    "parquet": Work(
        "Parquet to a dataset",
        {
            "ldresearch": ldresearch("tabular", "clicks.parquet"),
            "bare read": bare_read("read_parquet('{file}')", "clicks.parquet"),
            "polars": polars("clicks.parquet"),
            "pandas": pandas_frame(_from_parquet),
        },
        apart=_LIMIT,
    ),
}  # fmt: skip


def main() -> None:
    """Write the files of so many events and run everyone, or those who are named."""
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--size", type=int, default=1_000_000)
    given.add_argument("--folder", type=Path, default=Path("data/bench"))
    given.add_argument("--turns", type=int, default=3)
    given.add_argument("--only", help="names of contenders, separated by commas")
    given.add_argument("works", nargs="*", default=list(WORKS))
    asked = given.parse_args()
    place = asked.folder / str(asked.size)
    if not (_place(place) / "clicks.parquet.toml").exists():
        place.mkdir(parents=True, exist_ok=True)
        prepare(place, asked.size)
    for work in asked.works:
        out = set(WORKS[work].contenders) - set((asked.only or "").split(","))
        found = compare("ingest_speed", work, place, turns=asked.turns,
                        without=frozenset(out if asked.only else ()))  # fmt: skip
        for name, figure in found.items():
            said = figure if isinstance(figure, str) else (
                f"{figure.seconds:7.2f} s {figure.processor:7.2f} s of processors "
                f"{figure.megabytes:7,.0f} MB"
            )  # fmt: skip
            print(f"{work:8} {name:20} {said}", flush=True)


if __name__ == "__main__":
    main()
