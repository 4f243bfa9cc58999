"""Ingest of one log in three forms: seconds and peak memory, from a file to a dataset.

``prepare`` writes the same events as xAPI statements (one a line, about 640 bytes each), as CSV and
as Parquet: 100 events a person over two years, one in a hundred sent twice. Everyone reads, names
people by a keyed hash, drops what was sent twice, sorts by person and time, writes Parquet and
counts the days of activity; what is summed up of the result has to be the same. ``scan`` is the
limit: the engine's bare read of the file with declared columns, nothing made of it.
"""

from __future__ import annotations

from pathlib import Path

START = "2023-01-02"
DAYS = 728
VERBS = ("experienced", "progressed", "completed", "launched", "passed", "failed", "shared")
SITTING = 10
"""Events of one person one after another, a minute and a half apart."""
SENT_TWICE = 100
"""One event in so many is sent again."""

_EVENTS = f"""
WITH numbered AS (
    SELECT unnest(CASE WHEN range % {SENT_TWICE} = 7 THEN [range, range] ELSE [range] END) AS i
    FROM range({{n}})
), drawn AS (
    SELECT i, (hash(i // {SITTING}, 1) >> 11) / 9007199254740992.0 AS u, hash(i, 2) % 90000 AS late_ms,
        {list(VERBS)!r}[(1 + least(hash(i, 3) % 13, hash(i, 4) % 7, hash(i, 8) % 7))::INTEGER] AS spoken,
        format('c-{{{{:04d}}}}', (hash(i // {SITTING}, 5) % 400)::INTEGER) AS content,
        format('{{{{:016x}}}}{{{{:016x}}}}', hash(i, 6), i)::UUID::TEXT AS id,
        format('emp-{{{{:07d}}}}', 1000000 + (u ** 1.5 * {{persons}})::INTEGER) AS person,
        hash(i, 7) AS h
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


def prepare(folder: Path, size: int, persons: int = 0) -> None:
    import duckdb
    c = duckdb.connect()
    p = persons or max(size // 100, 10)
    c.execute(f"COPY ({_STATEMENT.format(n=size, persons=p)}) TO '{folder}/s.jsonl' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01')")
    rows = f"""SELECT id, person, {_INSTANT.format("occurred_at")} AS "when", {_INSTANT.format("recorded_at")} AS noted, spoken, content, seconds, score FROM ({_EVENTS.format(n=size, persons=p)})"""
    c.execute(f"COPY ({rows}) TO '{folder}/c.csv'")

if __name__ == "__main__":
    import sys
    prepare(Path(sys.argv[1]), int(sys.argv[2]))
