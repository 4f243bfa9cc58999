"""Broken input of every shape into every reader: a dataset or one sentence, and every row counted.

A case is a file in which something was broken. The slow version breaks 10,000 for each reader.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import random
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ldresearch import engine, sources
from ldresearch.errors import LdresearchError, did_you_mean, message
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

ANN, NAME = f"{CANARY}7@birds.example", "Zsofia Canaryova"
WHEN = "2024-01-03T09:00:00Z"


def pages(*records: Mapping[str, Any], under: str = "data", **beside: Any) -> str:
    """A page of an interface, as JSON."""
    return json.dumps({under: list(records), **beside})


def degreed(kind: str, **attributes: Any) -> str:
    said = {k.replace("_", "-"): v for k, v in {"employee_id": ANN, **attributes}.items()}
    content = {"content": {"data": {"type": "content", "id": "c1"}}}
    return pages(
        *({"type": kind, "id": f"{kind}{i}", "attributes": said, "relationships": content}
          for i in range(3)),
        links={"next": "/x"},
        included=[{"type": "content", "id": "c1",
                   "attributes": {"content-type": "Video", "title": NAME}}],
    )  # fmt: skip


CALIPER = pages(
    *(
        {"@context": "http://purl.imsglobal.org/ctx/caliper/v1p2", "id": f"urn:uuid:{i}",
         "type": kind, "actor": {"id": ANN, "type": "Person", "name": NAME}, "action": action,
         "object": {"id": f"https://x.example/{i}", "type": "Page", "name": "A page"},
         "session": {"id": "s1"}, "eventTime": WHEN}
        for i, (kind, action) in enumerate(
            [("ViewEvent", "Viewed"), ("AssessmentItemEvent", "Submitted"),
             ("MessageEvent", "Posted")])
    ),
    {"id": ANN, "type": "Person", "name": NAME},
    sensor="https://x.example/s", sendTime=WHEN,
)  # fmt: skip
CORNERSTONE = {
    "t.csv": "reg_num,transc_user_id,transc_object_id,user_lo_status,user_lo_reg_dt,"
    "user_lo_start_dt,user_lo_comp_dt,user_lo_minutes_participated,user_lo_score,"
    "is_latest_reg_num,is_required\n"
    + "".join(f"{i},{CANARY}{i}@birds.example,c1,Completed,{WHEN},{WHEN},{WHEN},90,80,1,1\n"
              for i in range(3)),
    "u.csv": f"user_id,user_activation_dt,user_termination_dt,ou_id,job_code,user_name\n"
    f"{ANN},2022-05-01,,Sales,R1,{NAME}\n",
    "l.csv": f"lo_object_id,lo_title,lo_type,lo_hours\nc1,{NAME},Online Class,1.5\n",
}  # fmt: skip
HRIS = "Employee ID,Hire Date,Effective Date,Termination Date,Department,Manager ID,Job Title,FTE\n"
HRIS += "".join(
    f"{CANARY}{i}@birds.example,2020-01-0{i + 1},2021-01-01,{['', '2024-02-01'][i % 2]},"
    f'"Sales, north",{ANN},{NAME},0.8\n'
    for i in range(4)
)
LINKEDIN = pages(
    *({"learnerDetails": {"uniqueUserId": ANN}, "contentDetails": {"contentUrn": f"urn:{i}"},
       "activities": [{"engagementType": kind, "engagementMetricQualifier": "TOTAL",
                       "assetType": "COURSE", "engagementValue": 60}
                      for kind in ("SECONDS_VIEWED", "VIEWS")]}
      for i in range(2)),
    under="elements", paging={},
)  # fmt: skip
MOODLE = (
    "id;eventname;component;action;target;userid;courseid;contextinstanceid;relateduserid;"
    "timecreated;origin;ip;realuserid\n"
    + "".join(
        f"{i};\\core\\event\\{event};core;{action};course;{CANARY}{i}@birds.example;12;12;{ANN};"
        f"170427240{i};web;10.0.0.1;\n"
        for i, (event, action) in enumerate(
            [("course_viewed", "viewed"), ("course_completed", "completed")] * 2)
    )
)  # fmt: skip
SCORM = {
    "old.csv": "cmi.core.student_id,sco_id,cmi.core.lesson_status,cmi.core.score.raw,"
    f"cmi.core.session_time,stored_at\n{ANN},s1,passed,80,0001:30:00.25,{WHEN}\n"
    f"{ANN},s2,incomplete,,0000:05:00.00,{WHEN}\n",
    "new.csv": "learner_id,activity_id,cmi.completion_status,cmi.success_status,"
    f"cmi.score.scaled,cmi.session_time,timestamp\n{ANN},s1,completed,passed,-0.25,PT1H,{WHEN}\n",
}
SUCCESSFACTORS = pages(
    *({"StudentID": ANN, "ComponentTypeID": "COURSE", "ComponentID": "A", "RevisionDate": str(i),
       "ComponentTitle": NAME, "CompletionDate": f"/Date({1704272400000 + i}+0000)/",
       "CompletionStatusID": "COMPLETE", "TotalHours": 2} for i in range(3)),
    under="value",
)  # fmt: skip
VIVA = {
    "v.json": pages(
        *({"id": str(i), "learnerUserId": ANN, "learningContentId": "c1", "status": "completed",
           "assignmentType": "required", "assignedDateTime": WHEN, "startedDateTime": WHEN,
           "dueDateTime": {"dateTime": WHEN}, "completedDateTime": WHEN} for i in range(3)),
        under="value",
    ),
    "export.csv": f"User ID,Content title,Completion status\n{ANN},{NAME},Completed\n",
}  # fmt: skip
WIDE = "id;when;recommend;time;with;without;feel;why\n" + "".join(
    f"{CANARY}{i}@birds.example;0{i + 1}.05.2024 09:00;{i + 5};Agree;1;5;Very disappointed;{NAME}\n"
    for i in range(4)
)
WIDE_MAPPING = """
[read]
delimiter = ";"
time_zone = "Europe/Berlin"
[survey]
respondent = "id"
answered_at = { column = "when", format = "%d.%m.%Y %H:%M" }
free_text = ["why"]
[[question]]
column = "recommend"
instrument = "nps"
item = "recommend"
[[question]]
column = "time"
instrument = "likert"
item = "time"
points = 7
words = { Agree = 4 }
[[question]]
functional = "with"
dysfunctional = "without"
instrument = "kano"
item = "coach"
[[question]]
column = "feel"
instrument = "pmf"
item = "platform"
"""
LONG = "response,dept,when,question,answer\n" + "".join(
    f"r{i},{NAME},{WHEN},{question},{answer}\n"
    for i in range(3)
    for question, answer in (("Recommend?", i + 5), ("Why?", NAME), ("Shoe size?", 42))
)
LONG_MAPPING = """
[survey]
layout = "long"
group = "dept"
response = "response"
answered_at = "when"
question = "question"
answer = "answer"
free_text = ["Why?"]
[[question]]
column = "Recommend?"
instrument = "nps"
item = "recommend"
"""
CIVIL_SERVICE = "year,dept_group,organisation,org_code,question_measure,value\n" + "".join(
    f"202{i},A,{NAME} {i},X{i},Learning and development theme score (B22-B25),5{i}\n"
    for i in range(4)
)
NESTED = pages(
    *({"who": f"{CANARY}{i}@birds.example", "at": {"when": WHEN}, "what": "view",
       "tags": [{"name": NAME, "seconds": 60}, {"name": "b", "seconds": 5}]} for i in range(3)),
    under="rows",
)  # fmt: skip
NESTED_MAPPING = """
[[feed]]
table = "event"
records = "rows"
each = "tags"
[feed.columns]
person_id = "who"
occurred_at = "at.when"
verb = "what"
content_id = "item.name"
duration_s = { column = "item.seconds", unit = "seconds" }
source = { value = "lms" }
"""
CLICKS_MAPPING = (
    MAPPING.replace('source = { value = "lms" }\n', "")
    + """
content_id = { first_of = ["title", "what"] }
is_success = { column = "what", true = ["view"], false = ["x"] }
score = { column = "minutes", minimum = 0, maximum = 100 }
source = { value = "lms" }
"""
)


def parquet(text: str) -> bytes:
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pc.read_csv(io.BytesIO(text.encode())), out)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of a reader that are fine before something in them is broken.

    ``file`` is what is read, the folder where it is empty. ``apart`` are files that can do without
    the others, and settings that begin entries a mapping can do without: most cases have only the
    broken one, or one of them, for nothing takes as long as planning them all.
    """

    source: str
    files: Mapping[str, str | bytes]
    file: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False
    entry: str = ""

    def some(self, which: str, chance: random.Random) -> Mapping[str, str | bytes]:
        """Return the files without what the sample can do without."""
        files = {which: self.files[which]} if self.apart else dict(self.files)
        for name, text in files.items():
            if self.entry and isinstance(text, str) and self.entry in text:
                head, *entries = text.split(self.entry)
                files[name] = f"{head}{self.entry}{chance.choice(entries)}"
        return files


PERIOD = {"from": "2024-01-01", "to": "2024-01-31"}
SUMMER, STEADY = "Europe/Berlin", "Etc/GMT-1"
"""All but one case in 100 have clocks that never change: planning 260 changes of the clocks takes
ten times as long as reading a small file, and no broken file changes them.
"""
ZONE = {"time_zone": SUMMER}
SAMPLES: Mapping[str, Sample] = {
    "tabular": Sample("tabular", {"c.csv": CLICKS, "c.csv.toml": CLICKS_MAPPING}, "c.csv"),
    "tabular json": Sample("tabular", {"n.json": NESTED, "n.json.toml": NESTED_MAPPING}, "n.json"),
    "tabular parquet": Sample(
        "tabular", {"c.parquet": parquet(CLICKS), "c.parquet.toml": MAPPING}, "c.parquet"
    ),
    "tabular packed": Sample(
        "tabular",
        {"c.csv.gz": gzip.compress(CLICKS.encode(), mtime=0), "c.csv.gz.toml": MAPPING},
        "c.csv.gz",
    ),
    "survey wide": Sample("survey", {"a.csv": WIDE, "a.csv.toml": WIDE_MAPPING}, "a.csv",
                          entry="[[question]]"),
    "survey long": Sample("survey", {"a.csv": LONG, "a.csv.toml": LONG_MAPPING}, "a.csv"),
    "xapi": Sample("xapi", {"s.jsonl": STATEMENTS}, "s.jsonl"),
    "xapi page": Sample(
        "xapi",
        {"s.json": pages(*map(json.loads, STATEMENTS.splitlines()), under="statements", more="")},
        "s.json",
    ),
    "oulad": Sample("oulad", {n: textwrap.dedent(t).lstrip() for n, t in OULAD.items()}),
    "onet": Sample("onet", {n: t.replace("|", "\t") for n, t in ONET.items()}),
    "initiatives": Sample("initiatives", {"spring.toml": SPRING}, "spring.toml"),
    "civil_service": Sample("civil_service", {"scores.csv": CIVIL_SERVICE}, "scores.csv"),
    "caliper": Sample("caliper", {"e.json": CALIPER}),
    "cornerstone": Sample("cornerstone", CORNERSTONE, options=ZONE, apart=True),
    "degreed": Sample(
        "degreed",
        {
            "a.json": degreed("completions", completed_at=WHEN, added_at=WHEN),
            "b.json": degreed("logins", logged_in_at=WHEN),
            "c.json": degreed("skill-ratings", skill_name="SQL", rating=8, rating_type="Manager",
                              rated_at=WHEN),
            "d.json": degreed("required", assignment_type="x", due_at=WHEN, created_at=WHEN),
        },
        apart=True,
    ),
    "hris": Sample("hris", {"people.csv": HRIS}),
    "linkedin": Sample("linkedin", {"r.json": LINKEDIN, "s.csv":
        "Name,Email,Unique User ID,Days Logged In,Hours Viewed (H:M:S),Course Views\n"
        f"{NAME},{ANN},u7,3,1:30:00,2\n"}, options=PERIOD, apart=True),
    "moodle": Sample("moodle", {"mdl_logstore_standard_log.csv": MOODLE}),
    "scorm": Sample("scorm", SCORM, apart=True),
    "successfactors": Sample("successfactors", {"h.json": SUCCESSFACTORS},
                             options={"format": "odata"}),
    "viva": Sample("viva", VIVA, options=PERIOD, apart=True),
}  # fmt: skip


WORDS = [
    b"", b"NaN", b"-1", b"9" * 40, b"1e309", b"2024-13-45", b"9999-12-31", b"null", b"\x00",
    b"\xff\xfe", b"\xed\xa0\x80", b'"', b"'", b",", b"\t", b"\n", b"\r", b"{", b"}", b"[" * 300,
    b"\\u0000", b"=1+1", b"' OR 1=1 --", b"<script>", "٣".encode(), "\u202e".encode(),
    b"\xef\xbb\xbf",
    b"true", b"P1Y", b"{}", b"[]", b"0", b"1.5", b"../../etc/passwd", b"9" * 5000, b"\x00" * 40,
    b"-", b"inf", b"1e-400", b"0001-01-01T00:00:00Z", b"group x", b"/Date(99999999999999999)/",
    b"99:99:99", b"a" * 100_000,
]  # fmt: skip
DEEP: Any = []
for _ in range(150):
    DEEP = [DEEP]
WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 3.7, 10**25, -(10**400), float("nan"), float("inf"), "", " ", "x",
    "\x00", "\ud800", "\u202e", "9" * 60, [], {}, [[]], ["a", "b"], [1, None], {"a": {"b": 1}},
    {"": ""}, {"id": ["x"]}, {"a.b": 1}, {'"': "'"}, DEEP, "x" * 70_000,
)  # fmt: skip
"""What no reader expects where it expects a text, a number or an object."""
TOML = (
    b"1", b"-1", b"true", b"1.5", b"nan", b"inf", b"[]", b"{}", b'""', b'" "', b"[1]", b'["a"]',
    b'["who", "who"]', b"[[]]", b"{ value = 1 }", b"{ column = [] }", b"{ column = 3 }",
    b'{ value = "x", column = "who" }', b"2024-01-01", b"09:00:00", b"2024-01-01T00:00:00Z",
    b'"../x"', b'"*"', b'"["', b'"\\u0000"', b"99999999999999999999", b"-5", b"0", b"1e400",
    b"{ unit = true }", b'{ columns = ["who"], separator = 3 }', b'{ first_of = "who" }',
    b'{ column = "when", format = 3 }', b'{ column = "when", format = "%" }', b"{ words = [] }",
    b'{ column = "what", words = { view = ["x"] } }', b'{ column = "what", true = 1 }',
    b'{ column = "minutes", minimum = "a", maximum = [] }',
)  # fmt: skip
"""Right sides of a setting that are none of its kind."""


def another_value(data: bytes, chance: random.Random) -> bytes:
    """Put a wrong value somewhere in JSON: in the whole, or in one line of it."""
    lines = data.split(b"\n")
    line = chance.randrange(len(lines))
    try:
        whole = json.loads(data)
    except ValueError:
        try:
            lines[line] = changed(json.loads(lines[line]), chance)
        except ValueError:
            return data
        return b"\n".join(lines)
    return changed(whole, chance)


def changed(value: Any, chance: random.Random) -> bytes:
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    if not isinstance(value, dict | list):
        return json.dumps(chance.choice(WRONG)).encode()
    walk(value)
    if not places or chance.random() < 0.02:
        return json.dumps(chance.choice(WRONG)).encode()
    node, key = chance.choice(places)
    how = chance.randrange(6)
    if how == 0:
        del node[key]
    elif how == 1 and isinstance(node, dict):
        node[chance.choice(("", "x", '"', "a.b", "\x00", "é", str(key).upper()))] = node.pop(key)
    elif how == 2:
        node[key] = [node[key]]
    elif how == 3:
        node[key] = {"id": node[key]}
    else:
        node[key] = chance.choice(WRONG)
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.1:
        text = text.replace("{", '{"type": 1, "id": 2, ', 1)  # one name twice
    return text.encode("utf-8", "surrogatepass")


def another_setting(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    settings = [i for i, text in enumerate(lines) if b"=" in text]
    if settings:
        line = chance.choice(settings)
        lines[line] = lines[line].split(b"=")[0] + b"= " + chance.choice(TOML)
    return b"\n".join(lines)


def another_header(data: bytes, chance: random.Random) -> bytes:
    """Name a column twice, not at all, or like another; or add a thousand."""
    first, _, rest = data.partition(b"\n")
    by = max((b",", b";", b"\t", b"|"), key=first.count)
    names = first.split(by)
    names[chance.randrange(len(names))] = chance.choice(
        (chance.choice(names), b"", b" ", b"_row", b"_file", b'"', b"\x00", b"a" * 300,
         by.join(b"c%d" % i for i in range(1000)), chance.choice(names).upper())
    )  # fmt: skip
    return by.join(names) + b"\n" + rest


def in_another_code(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    how = chance.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"))
    return text.encode(how, "replace")


def broken(data: bytes, chance: random.Random) -> bytes:
    """Break a file once or a few times: bytes, words, lines, its end."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if not data:
            return data
        at = chance.randrange(len(data))
        to = min(len(data), at + chance.choice((0, 1, 1, 3, 20)))
        lines = data.split(b"\n")
        line = chance.randrange(len(lines))
        how = chance.randrange(12)
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
        elif how == 7:
            by = max((b",", b";", b"\t", b"|"), key=lines[line].count)
            cells = lines[line].split(by)
            cells[chance.randrange(len(cells))] = chance.choice(WORDS)
            lines[line] = by.join(cells)
            data = b"\n".join(lines)
        elif data.lstrip()[:1] in (b"{", b"["):
            toml = data.lstrip()[:2] == b"[[" or b"\n[" in data
            data = (another_setting if toml else another_value)(data, chance)
        elif how == 11:
            data = in_another_code(data, chance)
        else:
            data = another_header(data, chance)
    return data


@pytest.fixture
def one_engine(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all but one ingest in a hundred a connection to one engine instead of an engine each.

    Opening an engine takes as long as reading a small file. Temporary tables, views and what is
    registered belong to a connection, so the cases see nothing of each other; what the door in
    may touch is the folder of all of them.
    """
    shared, intake, n = (
        engine.intake([memory], spill=memory / ".spill", threads=1),
        engine.intake,
        count(),
    )

    def opened(*folders: Any, **settings: Any) -> Any:
        return shared.cursor() if next(n) % 100 else intake(*folders, **settings)

    monkeypatch.setattr(engine, "intake", opened)


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """Break a file; of a packed one as often what is packed, for a broken packing hides it."""
    if data.startswith(b"\x1f\x8b") and chance.random() < 0.75:
        return gzip.compress(broken(gzip.decompress(data), chance), mtime=0)
    return broken(data, chance)


def fed(name: str, seed: int, base: Path) -> IngestReport | None:
    """Break a file of a sample and ingest it; a refusal is None, and everything else fails."""
    sample = SAMPLES[name]
    chance = random.Random(f"{name} {seed}")
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        place, out = folder / "in", folder / "out"
        place.mkdir()
        which = chance.choice(sorted(sample.files))
        files = sample.files if seed % 10 == 1 else sample.some(which, chance)
        zone = SUMMER if seed % 100 == 0 else STEADY
        options = {n: v.replace(SUMMER, zone) for n, v in sample.options.items()}
        for file, content in files.items():
            data = content.replace(SUMMER, zone).encode() if isinstance(content, str) else content
            (place / file).write_bytes(spoilt(data, chance) if file == which else data)
        if sample.source == "initiatives":
            shutil.copytree(people(base), out)
        before = manifest(out)
        try:
            report = sources.ingest(
                sample.source, place / sample.file, out, key=KEY, reject_limit=1.0,
                options=options,
            )  # fmt: skip
        except LdresearchError as refused:
            one_sentence(str(refused))
            assert manifest(out) == before
            return None
        counted(report)
        without_canary(manifest(out).decode())
        return report
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def people(base: Path) -> Path:
    """Write a dataset of people, which initiatives need to be there before them."""
    folder = base / "people"
    write({"person": from_text(PERSON)}, folder, client="out", key=KEY)
    return folder


def fed_together(name: str, seeds: Sequence[int], base: Path) -> None:
    """Break a file for each seed and ingest them as one folder; where it is refused, one by one.

    For a reader that takes most broken files: ten of them take as long as one.
    """
    [(file, content)] = SAMPLES[name].files.items()
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        (folder / "in").mkdir()
        for seed in seeds:
            # Statements of an id that was there are left out: each file has its own.
            own = str(content).replace('"id": "00000000-', f'"id": "{seed:08x}-').encode()
            (folder / "in" / f"{seed}-{file}").write_bytes(
                spoilt(own, random.Random(f"{name} {seed}"))
            )
        report = sources.ingest(
            SAMPLES[name].source, folder / "in", folder / "out", key=KEY, reject_limit=1.0
        )
        counted(report)
        without_canary(manifest(folder / "out").decode())
    except LdresearchError as refused:
        one_sentence(str(refused))
        assert not manifest(folder / "out")
        for seed in seeds:
            fed(name, seed, base)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def manifest(folder: Path) -> bytes:
    file = folder / "manifest.json"
    return file.read_bytes() if file.exists() else b""


def one_sentence(said: str) -> None:
    assert said
    assert "Traceback" not in said
    assert len(said) < 1500
    without_canary(said)


def without_canary(said: str) -> None:
    assert "birds.example" not in said
    assert "Canaryova" not in said


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


def test_every_reader_has_a_sample() -> None:
    assert {sample.source for sample in SAMPLES.values()} == set(sources.READERS)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_broken_file_is_a_dataset_or_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as whole:
        whole.setitem(globals(), "broken", lambda data, chance: data)
        report = fed(name, 1, tmp_path)
    assert report is not None
    assert all(report.rows_out.values()), report.rejected

    @given(seed=st.integers(0, 2**40))
    @settings(
        max_examples=4, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def look(seed: int) -> None:
        fed(name, seed, tmp_path)

    look()


HARD = {
    "a number of thousands of digits": b'{"value": [{"n": ' + b"9" * 5000 + b"}]}",
    "no number": b'{"value": [{"id": NaN}, {"id": Infinity}]}',
    "half a letter": b'{"value": [{"id": "\\ud800"}]}',
    "very deep": b'{"value": ' * 3000 + b"1" + b"}" * 3000,
    "a name twice": b'{"value": 1, "value": [1, {}, null]}',
    "nothing but marks": codecs.BOM_UTF8 * 3,
    "NUL": b"\x00" * 2000,
}


@pytest.mark.parametrize("name", HARD)
def test_what_json_can_hold_at_worst_is_one_sentence(name: str, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_bytes(HARD[name])
    for source in ("viva", "xapi"):
        try:
            report = sources.ingest(source, file, tmp_path / source, key=KEY, reject_limit=1.0)
            counted(report)
        except LdresearchError as refused:
            one_sentence(str(refused))


@pytest.mark.parametrize("content", [b"a = " + b"9" * 5000, b"a = " + b"[" * 5000])
@pytest.mark.parametrize("name", ["tabular", "survey wide", "initiatives"])
def test_what_toml_can_hold_at_worst_is_one_sentence(
    name: str, content: bytes, tmp_path: Path
) -> None:
    sample = SAMPLES[name]
    for file in sample.files:
        (tmp_path / file).write_bytes(content)
    shutil.copytree(people(tmp_path), tmp_path / "out")
    with pytest.raises(LdresearchError, match="beyond all measure") as refused:
        sources.ingest(sample.source, tmp_path / sample.file, tmp_path / "out", key=KEY)
    one_sentence(str(refused.value))


def test_a_message_stays_a_sentence_whatever_is_found() -> None:
    assert len(message("x", got="a" * 10_000)) < 300
    assert len(did_you_mean("a" * 5000, [f"c{i}" for i in range(1000)])) < 300
    assert did_you_mean("whn", ["when", "a" * 5000]) == "did you mean when?"


CASES = int(os.environ.get("LDRESEARCH_FUZZ_CASES", "10000"))
"""Broken files for each reader in the slow suite; one in a hundred with an engine of its own.

Where a reader has several samples they share them.
"""
TOGETHER = ("xapi",)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory where there is one: a case writes dozens of files and syncs them."""
    shared = Path("/dev/shm")  # noqa: S108
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.usefixtures("one_engine")
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("name", SAMPLES)
def test_ten_thousand_broken_files(name: str, part: int, memory: Path) -> None:
    alike = sum(s.source == SAMPLES[name].source for s in SAMPLES.values())
    seeds = range(part * CASES // 10 // alike, (part + 1) * CASES // 10 // alike)
    step = 10 if name in TOGETHER and part else 1
    wrong = {}
    for first in seeds[::step]:
        try:
            if step == 1:
                fed(name, first, memory)
            else:
                fed_together(name, [s for s in seeds if first <= s < first + step], memory)
        except Exception as error:  # all are told: fed(name, seed, ...) shows one again
            wrong[first] = f"{type(error).__name__}: {str(error)[:200]}"
    assert wrong == {}
