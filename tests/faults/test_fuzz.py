"""Broken input of every shape into every reader: a dataset or one sentence, and every row counted.

A case is a file in which something was broken. The slow version breaks 10,000 for each reader.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ldresearch import sources
from ldresearch.errors import LdresearchError
from ldresearch.ingest import IngestReport, write
from ldresearch.worlds.tables import KEY, from_text

CANARY = "canary.ann"

CLICKS = "who,when,what,minutes,title\n" + "".join(
    f"{CANARY}{i}@birds.example,2024-01-0{1 + i % 9}T09:00:00Z,view,{i},Course {i}\n"
    for i in range(6)
)
MAPPING = """
[[feed]]
table = "event"
[feed.columns]
person_id = "who"
occurred_at = "when"
verb = "what"
duration_s = { column = "minutes", unit = "minutes" }
source = { value = "lms" }
"""
STATEMENTS = "".join(
    json.dumps(
        {
            "id": f"00000000-0000-4000-8000-{i:012d}",
            "actor": {"mbox": f"mailto:{CANARY}{i}@birds.example", "name": "Zsofia Canaryova"},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/" + ["experienced", "scored"][i % 2]},
            "object": {"id": "https://c.example/1", "definition": {"name": {"en": "One"}}},
            "result": {"score": {"scaled": 0.5}, "duration": "PT1M", "success": True},
            "timestamp": "2024-01-03T09:00:00Z",
            "stored": "2024-01-03T09:00:05Z",
        }
    )
    + "\n"
    for i in range(5)
)
OULAD = {
    "courses.csv": """
        code_module,code_presentation,module_presentation_length
        AAA,2013J,268
    """,
    "assessments.csv": """
        code_module,code_presentation,id_assessment,assessment_type,date,weight
        AAA,2013J,1,TMA,19,10
    """,
    "vle.csv": """
        id_site,code_module,code_presentation,activity_type,week_from,week_to
        10,AAA,2013J,resource,?,?
    """,
    "studentInfo.csv": """
        code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result
        AAA,2013J,7001,M,Wales,A Level,10-20%,0-35,0,60,N,Pass
        AAA,2013J,7002,F,Wales,A Level,?,0-35,0,60,N,Withdrawn
    """,
    "studentRegistration.csv": """
        code_module,code_presentation,id_student,date_registration,date_unregistration
        AAA,2013J,7001,-10,?
        AAA,2013J,7002,-20,-3
    """,
    "studentAssessment.csv": """
        id_assessment,id_student,date_submitted,is_banked,score
        1,7001,18,0,78
    """,
    "studentVle.csv": """
        code_module,code_presentation,id_student,id_site,date,sum_click
        AAA,2013J,7001,10,-1,4
        AAA,2013J,7002,10,3,1
    """,
}
ONET = {
    "Skills.txt": "O*NET-SOC Code|Title|Element ID|Element Name|Scale ID|Data Value|N|"
    "Standard Error|Lower CI Bound|Upper CI Bound|Recommend Suppress|Not Relevant|Date|"
    "Domain Source\n1|A|2.A.1.a|Reading|IM|3|8|0.4|1|5|N||08/2023|Analyst\n"
    "1|A|2.A.1.a|Reading|LV|3.5|7|0.7|1|5|N|N|07/2023|Analyst\n",
    "Occupation Data.txt": "O*NET-SOC Code|Title|Description\n1|A|x\n",
    "Scales Reference.txt": "Scale ID|Scale Name|Minimum|Maximum\nIM|Importance|1|5\n"
    "LV|Level|0|7\n",
    "Content Model Reference.txt": "Element ID|Element Name|Description\n2|Requirements|x\n"
    "2.A|Basic Skills|x\n2.A.1|Content|x\n",
    "Related Occupations.txt": "O*NET-SOC Code|Title|Related O*NET-SOC Code|Related Title|"
    "Relatedness Tier|Index\n1|A|1|A|Primary-Short|1\n",
    "Job Zones.txt": "O*NET-SOC Code|Title|Job Zone|Date|Domain Source\n1|A|5|08/2023|Analyst\n",
}
SPRING = """
[[initiative]]
name = "Spring"
started_on = 2024-03-04
ended_on = "2024-04-30"
strategy = "broad"
budget = 8000
currency = "EUR"
held_out = ["finance"]

[initiative.units]
sales = 2024-03-04
"""
PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
    ben       | 2023-01-01    | 2023-01-01 | all/finance
"""

READERS: Mapping[str, Mapping[str, str]] = {
    "tabular": {"clicks.csv": CLICKS, "clicks.csv.toml": MAPPING},
    "xapi": {"s.jsonl": STATEMENTS},
    "oulad": {n: textwrap.dedent(t).lstrip() for n, t in OULAD.items()},
    "onet": {n: t.replace("|", "\t") for n, t in ONET.items()},
    "initiatives": {"spring.toml": SPRING},
}
"""Files of each reader that are fine before something in them is broken."""

WORDS = [
    b"", b"NaN", b"-1", b"9" * 40, b"1e309", b"2024-13-45", b"9999-12-31", b"null", b"\x00",
    b"\xff\xfe", b"\xed\xa0\x80", b'"', b"'", b",", b"\t", b"\n", b"\r", b"{", b"}", b"[" * 300,
    b"\\u0000", b"=1+1", b"' OR 1=1 --", b"<script>", "٣".encode(), "\u202e".encode(),
    b"\xef\xbb\xbf",
    b"true", b"P1Y", b"{}", b"[]", b"0", b"1.5", b"../../etc/passwd",
]  # fmt: skip


def broken(data: bytes, chance: random.Random) -> bytes:
    """Break a file once or a few times: bytes, words, lines, its end."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not data:
            return data
        at = chance.randrange(len(data))
        to = min(len(data), at + chance.choice((0, 1, 1, 3, 20)))
        lines = data.split(b"\n")
        line = chance.randrange(len(lines))
        how = chance.randrange(8)
        if how == 0:
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        elif how in (1, 2):
            data = data[:at] + chance.choice(WORDS) + data[to:]
        elif how == 3:
            data = data[:at]
        elif how == 4:
            data = b"\n".join([*lines[:line], *lines[line : line + 1] * 2, *lines[line + 1 :]])
        elif how == 5:
            data = b"\n".join(lines[:line] + lines[line + 1 :])
        elif how == 6:
            chance.shuffle(lines)
            data = b"\n".join(lines)
        else:
            cells = lines[line].split(b",")
            cells[chance.randrange(len(cells))] = chance.choice(WORDS)
            lines[line] = b",".join(cells)
            data = b"\n".join(lines)
    return data


def fed(source: str, seed: int, base: Path) -> IngestReport | None:
    """Break a file of a reader and ingest it; a refusal is None, and everything else fails."""
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        place, out = folder / "in", folder / "out"
        place.mkdir()
        files = READERS[source]
        which = chance.choice(sorted(files))
        for name, text in files.items():
            data = text.encode()
            (place / name).write_bytes(broken(data, chance) if name == which else data)
        single = {"tabular": "clicks.csv", "xapi": "s.jsonl", "initiatives": "spring.toml"}
        path = place / single[source] if source in single else place
        if source == "initiatives":
            write({"person": from_text(PERSON)}, out, client="out", key=KEY)
        before = manifest(out)
        try:
            report = sources.ingest(source, path, out, key=KEY, reject_limit=1.0)
        except LdresearchError as refused:
            one_sentence(str(refused))
            there = (
                (out / "manifest.json").read_bytes() if (out / "manifest.json").exists() else b""
            )
            assert there == before
            return None
        counted(report)
        return report
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def manifest(folder: Path) -> bytes:
    file = folder / "manifest.json"
    return file.read_bytes() if file.exists() else b""


def one_sentence(said: str) -> None:
    assert said
    assert "Traceback" not in said
    assert "birds.example" not in said
    assert "Canaryova" not in said
    assert len(said) < 1500


def counted(report: IngestReport) -> None:
    """Rows in are rows kept and rows rejected, of this reading and of the whole dataset."""
    whole = report.dataset.manifest
    for rows_in, rows_out, rejected in (
        (report.rows_in, report.rows_out, report.rejected),
        (whole.rows_in, whole.rows_out, whole.rejected),
    ):
        for table, n in rows_in.items():
            assert n == rows_out[table] + sum(rejected.get(table, {}).values()), table
            assert rows_out[table] >= 0
    for table, entry in whole.tables.items():
        if table in whole.rows_out:
            assert entry.rows <= whole.rows_out[table], table


@pytest.mark.parametrize("source", READERS)
def test_unbroken_files_are_read(source: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(globals(), "broken", lambda data, chance: data)
    report = fed(source, 1, tmp_path)
    assert report is not None
    assert sum(report.rows_out.values()) > 0


@pytest.mark.parametrize("source", READERS)
def test_a_broken_file_is_a_dataset_or_one_sentence(source: str, tmp_path: Path) -> None:
    @given(seed=st.integers(0, 2**40))
    @settings(
        max_examples=12, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def look(seed: int) -> None:
        fed(source, seed, tmp_path)

    look()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("source", READERS)
def test_ten_thousand_broken_files(source: str, part: int, tmp_path: Path) -> None:
    for seed in range(part * 1000, (part + 1) * 1000):
        try:
            fed(source, seed, tmp_path)
        except BaseException:
            print(f"seed {seed}")  # run fed(source, seed, ...) to see it again
            raise
