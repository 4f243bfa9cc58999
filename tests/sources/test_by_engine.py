"""Large files are read by the engine, others by hand: both make the same dataset."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ldresearch import ingest, sources
from ldresearch.engine import trimmed
from ldresearch.errors import LdresearchError
from ldresearch.sources import _csv, xapi
from ldresearch.worlds.tables import KEY

ADL = "http://adlnet.gov/expapi/verbs/"
GOOD = [
    json.dumps(
        {
            "id": f"00000000-0000-4000-8000-{i:012d}",
            "actor": {"account": {"name": f"ada{i % 3}", "homePage": "https://hr.example"}},
            "verb": {"id": ADL + ("experienced", "completed", "scored")[i % 3]},
            "object": {"id": f"https://c.example/{i}", "definition": {"name": {"en": "Zo\u00eb"}}},
            "result": {"score": {"scaled": 0.5}, "duration": "PT1M2.5S"},
            "timestamp": ("2024-01-03T09:00:00Z", "2024-01-03T09:00:00.123+02:00")[i % 2],
        },
        ensure_ascii=bool(i % 2),
    ).encode()
    for i in range(8)
]
PAGE = b'{"statements": [' + GOOD[6] + b"," + GOOD[7] + b'], "more": ""}'
ODD = [
    b"", b"  ", b"\t", b"\x0b", b"\xc2\xa0", b"5", b"null", b"[1]", b'"x"', b'{"id": "x"}', b"{",
    GOOD[0][:-9], GOOD[1] + b"\xc2\xa0", b" " + GOOD[2] + b" ", GOOD[3] + b"\r", GOOD[4] + b" x",
    b'{"id": "\xff"}', b'{"id": "\x01"}', b'{"id": "\x00"}', b'{"id": "\\ud800"}', b'{"a": NaN}',
    GOOD[5].replace(b"ada", b"\\u0000ada"), GOOD[5].replace(b'"id"', b'"id": "y", "id"', 1),
    b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", PAGE, b" " + PAGE,
    GOOD[6].replace(b"0.5", b"1e999"), GOOD[7].replace(b'"actor"', b'"actress"'),
]  # fmt: skip


def outcome(source: str, file: Path, out: Path) -> Any:
    """What became of a file: everything the manifest says, or the sentence."""
    try:
        report = sources.ingest(source, file, out, client="x", key=KEY, reject_limit=1.0)
    except LdresearchError as error:
        return str(error)
    kept = asdict(report.dataset.manifest)
    rejected = report.dataset.path / report.dataset.manifest.version / "_rejected.parquet"
    return {**kept, "rejected rows": rejected.read_bytes()}


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``both(source, name, data)``: what becomes of a file either way, and who read it."""
    taken: list[bool] = []
    count = iter(range(10**6))

    def watch(module: Any) -> None:
        inner = module._by_engine

        def watched(*args: Any) -> bool:
            taken.append(inner(*args))
            return taken[-1]

        monkeypatch.setattr(module, "_by_engine", watched)

    watch(xapi)
    watch(_csv)

    def run(source: str, name: str, data: bytes, mapping: str = "") -> tuple[Any, Any, bool]:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        (folder / name).write_bytes(data)
        if mapping:
            (folder / f"{name}.toml").write_text(mapping)
        found = []
        for size in (0, 1 << 40):
            monkeypatch.setattr(xapi, "BY_ENGINE", size)
            monkeypatch.setattr(_csv, "BY_ENGINE", size)
            taken.clear()
            found.append(outcome(source, folder / name, folder / f"out{size}"))
            if size == 0:
                is_engine = any(taken)
        return found[0], found[1], is_engine

    return run


def test_a_clean_file_is_read_by_the_engine(both: Any) -> None:
    for end in (b"\n", b"\r\n"):
        fast, slow, is_engine = both("xapi", "s.jsonl", end.join([*GOOD, b"", GOOD[0], b""]))
        assert is_engine
        assert fast == slow
        assert sum(fast["rejected"]["event"].values()) + fast["rows_out"]["event"] == 9


@pytest.mark.parametrize("number", range(len(ODD)))
def test_one_odd_line(both: Any, number: int) -> None:
    fast, slow, _ = both("xapi", "s.jsonl", b"\n".join([*GOOD[:4], ODD[number], *GOOD[4:]]))
    assert fast == slow


def test_broken_lines_do_not_stop_the_engine(both: Any) -> None:
    lines = [GOOD[0], GOOD[1][:-9], b"5", b"[1]", *GOOD[2:]]
    fast, slow, is_engine = both("xapi", "s.jsonl", b"\n".join(lines))
    assert is_engine
    assert fast == slow
    assert fast["rejected"]["event"][xapi.BROKEN] == 1


def test_any_mixture_of_lines(both: Any) -> None:
    rng = random.Random(5)
    for _ in range(12):
        lines = rng.choices(GOOD, k=6) + rng.choices(ODD, k=rng.randint(0, 2))
        rng.shuffle(lines)
        start, end = rng.choice([b"", b"\xef\xbb\xbf"]), rng.choice([b"\n", b"\n", b"\r\n"])
        fast, slow, _ = both("xapi", "s.jsonl", start + end.join(lines) + rng.choice([b"", end]))
        assert fast == slow


def test_rows_keep_their_places_across_what_is_read_at_once(
    both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken line is named by its place, however many threads read."""
    monkeypatch.setattr(xapi, "_BUFFER", 1 << 16)
    monkeypatch.setattr(xapi, "_LONGEST_LINE", 1 << 12)
    lines = [
        GOOD[i % 8].replace(b"0000-0000000", b"%04d-0000000" % (i % 9999)) for i in range(6000)
    ]
    for i in (17, 2500, 5999):
        lines[i] = lines[i][:-3]
    fast, slow, is_engine = both("xapi", "s.jsonl", b"\n".join(lines))
    assert is_engine
    assert fast == slow


MAPPING = """
[[feed]]
table = "event"
[feed.columns]
person_id = "who"
occurred_at = "when"
verb = "what"
content_id = "title"
source = { value = "lms" }
"""
HEAD = b"who,when,what,title"
ROWS = [b"ada,2024-01-0%dT09:00:00Z,view,Course %d" % (1 + i, i) for i in range(6)]
ODD_ROWS = [
    b"", b" ", b"ada,2024-01-03T09:00:00Z,view", ROWS[0] + b",more",
    b'"ada","2024-01-03","view",""',
    b'ada,2024-01-03T09:00:00Z,view,"a, b"', b'ada,2024-01-03T09:00:00Z,view,"a ""b"""',
    b'ada,2024-01-03T09:00:00Z,view,a "b"', b'ada,2024-01-03T09:00:00Z,view,"a" b',
    b'ada,2024-01-03T09:00:00Z,view,"a\nb"', b'ada,2024-01-03T09:00:00Z,view,"a\r\nb"',
    b'ada,2024-01-03T09:00:00Z,view,"open', b"ada,2024-01-03T09:00:00Z,view,\xff", ROWS[1] + b"\r",
    b"ada,2024-01-03T09:00:00Z,view,a\x00b", b"ada\rben,2024-01-03T09:00:00Z,view,x", b'"', b"#,,,",
    b"ada,2024-01-03T09:00:00Z,view,\xc3\xab ", b" ada , 2024-01-03T09:00:00Z , view , x ",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(ODD_ROWS)))
def test_one_odd_row(both: Any, number: int) -> None:
    data = b"\n".join([HEAD, *ROWS[:3], ODD_ROWS[number], *ROWS[3:], b""])
    fast, slow, _ = both("tabular", "c.csv", data, MAPPING)
    assert fast == slow


@pytest.mark.parametrize(
    "head", [HEAD, b"\xef\xbb\xbf" + HEAD, b"\n" + HEAD, b'"who",when,what,title']
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_headers_and_line_ends(both: Any, head: bytes, end: bytes) -> None:
    fast, slow, is_engine = both("tabular", "c.csv", end.join([head, *ROWS, b""]), MAPPING)
    assert fast == slow
    assert is_engine or head.startswith(b"\n") or end == b"\r"


def test_fast_ways_with_text_give_what_the_slow_ones_do() -> None:
    letters = " \t\na!~\x01\x7f\xa0\xe9\u2003\u200e\u3000"
    texts = ["".join(t) for n in range(4) for t in itertools.product(letters, repeat=n)]
    slow, fast = ingest._clean_text("x"), ingest._clean_text("x", "regexp_full_match(x, '[ -~]*')")
    query = (
        f"SELECT count(*), count(*) FILTER ({trimmed('x')} IS DISTINCT FROM nullif(trim(x), '')), "
        f"count(*) FILTER ({slow} IS DISTINCT FROM {fast}), count(DISTINCT {slow}) "
        "FROM (SELECT unnest(?) AS x)"
    )
    [found] = duckdb.connect().execute(query, [[*texts, None]]).fetchall()
    assert found[:3] == (len(texts) + 1, 0, 0)
    assert found[3] > 100
