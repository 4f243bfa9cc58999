"""Exports of known systems: what is read, what is left out and counted, and their traps.

The samples are written for these tests, in the shapes that the systems' own documents describe.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import schema, sources
from ldresearch.errors import DataError, LdresearchError, ParameterError
from ldresearch.ingest import DERIVED, PERSON_ID, IngestReport
from ldresearch.log import EventLog
from ldresearch.sources import _PRESETS, _preset
from ldresearch.worlds.tables import KEY


def taken(
    source: str, tmp_path: Path, files: dict[str, Any], *, reject_limit: float = 1.0, **options: str
) -> IngestReport:
    """Ingest files given as text, or as what becomes JSON."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return sources.ingest(
        source, folder, tmp_path / "out", key=KEY, options=options, reject_limit=reject_limit
    )


def table(report: IngestReport, name: str) -> pd.DataFrame:
    log = EventLog.open(report.dataset, as_of="2030-01-01")
    return log.table(name).to_pandas()


def events(report: IngestReport) -> list[tuple[str, str]]:
    """Each event as its instant and verb, in order."""
    found = table(report, "event").sort_values(["occurred_at", "verb"])
    return [
        (at.isoformat(), verb) for at, verb in zip(found["occurred_at"], found["verb"], strict=True)
    ]


def left_out(report: IngestReport) -> int:
    notes = next((n for n in report.dataset.manifest.notes.values() if isinstance(n, dict)), {})
    return sum(notes.get("rows_left_out_by_the_mapping", {}).values())


def rejected(report: IngestReport) -> dict[str, int]:
    return {r: n for found in report.dataset.manifest.rejected.values() for r, n in found.items()}


# What holds for every preset ---------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(_PRESETS))
def test_a_preset_names_tables_and_columns_that_there_are(name: str) -> None:
    preset = _preset.named(name)
    assert preset.about == sources.READERS[name]
    for feed in preset.feeds:
        assert feed["table"] not in DERIVED
        known = {PERSON_ID if c.name == schema.PERSON_KEY else c.name: c
                 for c in schema.TABLES[feed["table"]].columns}  # fmt: skip
        assert set(feed["columns"]) <= set(known)
        for target, spec in feed["columns"].items():
            words = spec.get("words", {}) if isinstance(spec, dict) else {}
            allowed = known[target].values  # noqa: PD011 - a column of the schema, no frame
            assert not allowed or set(words.values()) <= set(allowed)


@pytest.mark.parametrize("name", sorted(_PRESETS))
def test_a_file_of_another_system_is_refused_with_what_was_expected(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"no file here has the columns of this system") as caught:
        taken(name, tmp_path, {"other.csv": "colour,shape\nred,round\n"})
    first = _preset.named(name).feeds[0]
    assert f"{first['table']} needs" in str(caught.value)
    assert "round" not in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("name", sorted(_PRESETS))
@pytest.mark.parametrize(
    "content", ["", "\n\n", "{", "[]", '{"data": 3}', "\ufeff", "a,b\n1\n", "\x00\x00"]
)
def test_a_broken_file_is_one_sentence(name: str, content: str, tmp_path: Path) -> None:
    for suffix in ("csv", "json"):
        file = tmp_path / f"x.{suffix}"
        file.write_text(content, encoding="utf-8")
        with pytest.raises(LdresearchError):
            sources.ingest(name, file, tmp_path / "out", key=KEY)


def test_an_empty_folder_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table in this folder"):
        taken("moodle", tmp_path, {"readme.md": "x"})


# Moodle ------------------------------------------------------------------------------------------

MOODLE = r"""id;eventname;component;action;target;userid;courseid;contextinstanceid;relateduserid;timecreated;origin;ip;realuserid
1;\core\event\course_viewed;core;viewed;course;7;12;12;;1704272400;web;10.0.0.1;
2;\mod_quiz\event\attempt_submitted;mod_quiz;submitted;attempt;7;12;55;7;1704272460;web;10.0.0.1;
3;\core\event\course_viewed;core;viewed;course;7;12;12;;1704272500;web;10.0.0.1;2
4;\core\event\course_viewed;core;viewed;course;7;12;12;;1704272500;cli;;
5;\core\event\course_viewed;core;viewed;course;0;12;12;;1704272500;web;10.0.0.1;
6;\core\event\course_completed;core;completed;course;0;12;12;7;1704358800;cli;;
7;\core\event\config_log_created;core;created;config_log;7;0;0;;1704358800;web;10.0.0.1;
8;\mod_forum\event\post_created;mod_forum;created;post;8;12;60;;NULL;web;10.0.0.1;
"""  # noqa: E501


def test_moodle_counts_learners_not_the_site_nor_who_logs_in_as_someone(tmp_path: Path) -> None:
    report = taken("moodle", tmp_path, {"mdl_logstore_standard_log.csv": MOODLE})
    assert events(report) == [
        ("2024-01-03T09:00:00", "view"),
        ("2024-01-03T09:01:00", "complete"),
        # Written by the site's clock, about a learner.
        ("2024-01-04T09:00:00", "complete"),
    ]
    assert report.rows_in["event"] == 4
    assert rejected(report) == {"occurred_at is missing": 1}
    # Two feeds look at each of the 8 lines: 3 + 1 lines became rows.
    assert left_out(report) == 2 * 8 - 4
    assert b"10.0.0.1" not in b"".join(
        f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file()
    )


# Cornerstone -------------------------------------------------------------------------------------

TRANSCRIPT = """reg_num,transc_user_id,transc_object_id,user_lo_status,user_lo_reg_dt,user_lo_start_dt,user_lo_comp_dt,user_lo_withdrawal_date,user_lo_minutes_participated,user_lo_score,is_latest_reg_num,user_lo_min_due_date,is_required
1,7,c1,Completed,2024-01-02T08:00:00,2024-01-03T09:00:00,2024-01-05T10:30:00.123456,,90,80,1,2024-02-01T00:00:00,1
2,7,c1,Completed,2023-01-02T08:00:00,,2023-01-05T10:30:00,,30,70,0,,0
3,8,c2,Withdrawn,2024-01-02T08:00:00,,,2024-01-09T08:00:00,,,1,,0
"""  # noqa: E501
USERS = """user_id,user_activation_dt,user_termination_dt,ou_id,job_code,user_name
7,2022-05-01,,Sales,R1,Somebody
8,2022-06-01,2024-02-01,Sales,R2,Somebody else
"""
TRAINING = (
    "lo_object_id,lo_title,lo_type,lo_hours\nc1,First aid,Online Class,1.5\nc2,Other,Strange,\n"
)


def test_a_transcript_is_unpivoted_into_events(tmp_path: Path) -> None:
    report = taken(
        "cornerstone", tmp_path,
        {"t.csv": TRANSCRIPT, "u.csv": USERS, "l.csv": TRAINING}, time_zone="Europe/Berlin",
    )  # fmt: skip
    assert events(report) == [
        ("2024-01-02T07:00:00", "enrol"),
        ("2024-01-02T07:00:00", "enrol"),
        ("2024-01-03T08:00:00", "start"),
        ("2024-01-05T09:30:00.123456", "complete"),
        ("2024-01-09T07:00:00", "withdraw"),
    ]
    done = table(report, "event").query("verb == 'complete'").iloc[0]
    assert (done["duration_s"], done["score"]) == (5400, 0.8)
    assert table(report, "assignment").set_index("assignment_id")["status"].to_dict() == {
        "1": "completed", "3": "withdrawn"
    }  # fmt: skip
    assert table(report, "content").set_index("content_id")["duration_s"]["c1"] == 5400
    assert sum(report.rows_out.values()) == sum(report.rows_in.values())


def test_people_who_left_stay_in_the_log(tmp_path: Path) -> None:
    report = taken("cornerstone", tmp_path, {"u.csv": USERS})
    people = table(report, "person")
    assert len(people) == 2
    assert people["left_on"].notna().sum() == 1


def test_a_transcript_without_the_latest_mark_says_that_every_registration_counts(
    tmp_path: Path,
) -> None:
    text = TRANSCRIPT.replace("is_latest_reg_num", "something_else")
    report = taken("cornerstone", tmp_path, {"t.csv": text}, time_zone="UTC")
    lacking = report.dataset.manifest.notes["cornerstone"]["columns_that_are_not_there"]
    assert all("is_latest_reg_num" in names for names in lacking.values())
    assert [v for _, v in events(report)].count("complete") == 2


def test_times_without_a_zone_are_not_guessed(tmp_path: Path) -> None:
    report = taken("cornerstone", tmp_path, {"t.csv": TRANSCRIPT})
    assert report.rows_out["event"] == 0
    assert "occurred_at has no time zone" in rejected(report)


# Degreed -----------------------------------------------------------------------------------------


def page(kind: str, *attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "links": {"next": "/x"},
        "data": [
            {"type": kind, "id": f"{kind}{i}", "attributes": a,
             "relationships": {"content": {"data": {"type": "content", "id": "c1"}}}}
            for i, a in enumerate(attributes)
        ],
        **more,
    }  # fmt: skip


def test_degreed_reads_each_endpoint_by_what_it_holds(tmp_path: Path) -> None:
    who = {"employee-id": "E7"}
    included = [
        {"type": "content", "id": "c1", "attributes": {"content-type": "Video", "title": "T"}}
    ]
    files = {
        "a.json": page("completions", who | {"completed-at": "2020-02-12T21:05:55.8954545",
                                             "added-at": "2020-02-13T00:00:00"},
                       included=included),
        "b.json": page("logins", who | {"logged-in-at": "2020-02-12T08:00:00"}),
        "c.json": page("recommendations", who | {"recipient-employee-id": "E8",
                                                 "recommended-at": "2020-02-14T08:00:00"}),
        "d.json": page("skill-ratings", *(
            who | {"skill-name": "SQL", "rating": r, "rating-type": t,
                   "rated-at": "2020-03-01T00:00:00"}
            for r, t in ((8, "Manager"), (1, "Self"), (4.5, "Horoscope")))),
        "e.json": page("required-learning", who | {
            "assignment-type": "x", "due-at": "2020-04-01T00:00:00",
            "created-at": "2020-03-01T00:00:00"}),
    }  # fmt: skip
    report = taken("degreed", tmp_path, files, time_zone="UTC")
    assert events(report) == [
        ("2020-02-12T08:00:00", "access"),
        ("2020-02-12T21:05:55.895454", "complete"),
        ("2020-02-14T08:00:00", "recommend"),
    ]
    ratings = table(report, "skill_rating").set_index("source")["level"]
    assert ratings.to_dict() == {"manager": 1.0, "self": 0.0}
    assert report.rows_in["skill_rating"] == 3
    assert sum(report.dataset.manifest.rejected["skill_rating"].values()) == 1
    assert table(report, "content")["kind"].tolist() == ["video"]
    assert len(table(report, "assignment")) == 1


def test_the_scale_of_degreed_is_an_option(tmp_path: Path) -> None:
    rated = {"employee-id": "E7", "skill-name": "SQL", "rating": 3, "rating-type": "Peer",
             "rated-at": "2020-03-01T00:00:00Z"}  # fmt: skip
    report = taken("degreed", tmp_path, {"r.json": page("r", rated)}, scale_maximum="5")
    assert table(report, "skill_rating")["level"].tolist() == [0.5]


# Caliper -----------------------------------------------------------------------------------------


def caliper(number: int, action: str, **changes: Any) -> dict[str, Any]:
    return {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "id": f"urn:uuid:{number:08d}-0000-4000-8000-000000000000",
        "type": "ViewEvent",
        "actor": {"id": "https://x.example/users/7", "type": "Person", "name": "canary"},
        "action": action,
        "object": {"id": "https://x.example/page/1", "type": "Page", "name": "A page"},
        "eventTime": f"2024-01-03T09:00:0{number}.250Z",
        **changes,
    }


def test_a_caliper_envelope_holds_events_and_descriptions(tmp_path: Path) -> None:
    envelope = {
        "sensor": "https://x.example/s", "sendTime": "2024-01-03T10:00:00.000Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p2",
        "data": [
            caliper(1, "Viewed"),
            caliper(2, "Submitted", actor="https://x.example/users/7", object="https://x.example/page/1"),
            caliper(3, "Graded", type="GradeEvent"),
            caliper(4, "Posted", object={"id": "https://x.example/m/1", "type": "Message",
                                         "name": "canary words"}),
            caliper(5, "Completed", type="AssessmentItemEvent"),
            caliper(6, "Invented"),
            {"id": "https://x.example/users/7", "type": "Person", "name": "canary"},
        ],
    }  # fmt: skip
    report = taken("caliper", tmp_path, {"e.json": envelope})
    assert [v for _, v in events(report)] == ["view", "complete", "comment", "progress"]
    found = table(report, "event")
    assert found["occurred_at"].min().isoformat() == "2024-01-03T09:00:01.250000"
    assert (found["recorded_at"] == pd.Timestamp("2024-01-03T10:00:00")).all()
    assert len(set(found["person_key"])) == 1  # written out, or an identifier alone
    assert table(report, "content")["title"].tolist() == ["A page"]
    assert report.rows_in["event"] == 4
    assert all(
        b"canary" not in f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file()
    )


# LinkedIn Learning -------------------------------------------------------------------------------

LEARNERS = """Name,Email,Unique User ID,Days Logged In,Hours Viewed (H:M:S),Course Views,Course Completions
Somebody,a@x.example,u7,3,1:30:00,2,1
Somebody else,b@x.example,u8,0,0:00:00,0,0
"""  # noqa: E501


def test_linkedin_sums_never_become_events(tmp_path: Path) -> None:
    report = taken(
        "linkedin", tmp_path, {"s.csv": LEARNERS}, **{"from": "2024-01-01", "to": "2024-01-31"}
    )
    assert "event" not in report.rows_in
    sums = table(report, "usage_period")
    first = sums[sums["person_key"] == sums.loc[sums["value"].idxmax(), "person_key"]]
    assert first.set_index("metric")["value"].to_dict() == {
        "course completions": 1, "course views": 2, "days logged in": 3, "seconds viewed": 5400,
    }  # fmt: skip
    assert len(sums) == 8


def test_linkedin_asks_for_the_period_of_the_report(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="-o from="):
        taken("linkedin", tmp_path, {"s.csv": LEARNERS})


def test_linkedin_interface_is_read_per_learner_content_and_number(tmp_path: Path) -> None:
    one = {
        "engagementType": "SECONDS_VIEWED",
        "engagementMetricQualifier": "TOTAL",
        "assetType": "COURSE",
    }
    report = taken(
        "linkedin", tmp_path,
        {"r.json": {"paging": {}, "elements": [
            {"learnerDetails": {"uniqueUserId": "u7"}, "contentDetails": {"contentUrn": f"urn:{c}"},
             "activities": [one | {"engagementValue": v},
                            one | {"engagementType": "VIEWS", "engagementValue": 1}]}
            for c, v in (("a", 60), ("b", 30))]}},
        **{"from": "2024-01-01", "to": "2024-01-14"},
    )  # fmt: skip
    assert sorted(table(report, "usage_period")["value"]) == [1, 1, 30, 60]


# Viva Learning -----------------------------------------------------------------------------------


def test_viva_activities_are_assignments_starts_and_completions(tmp_path: Path) -> None:
    base = {"learnerUserId": "u7", "learningContentId": "c1"}
    records = [
        base | {"id": "1", "status": "completed", "assignmentType": "required",
                "assignedDateTime": "2024-01-01T00:00:00Z",
                "dueDateTime": {"dateTime": "2024-02-01T00:00:00Z"},
                "completedDateTime": "2024-01-05T00:00:00Z"},
        base | {"id": "2", "status": "inProgress", "startedDateTime": "2024-01-07T00:00:00Z"},
    ]  # fmt: skip
    report = taken("viva", tmp_path, {"v.json": {"value": records}})
    assert events(report) == [("2024-01-05T00:00:00", "complete"), ("2024-01-07T00:00:00", "start")]
    [assigned] = table(report, "assignment").to_dict("records")
    assert assigned["status"] == "completed"
    assert assigned["due_at"] == pd.Timestamp("2024-02-01")


# SCORM -------------------------------------------------------------------------------------------


def test_scorm_1_2_browsing_is_no_progress(tmp_path: Path) -> None:
    text = (
        "cmi.core.student_id,sco_id,cmi.core.lesson_status,cmi.core.score.raw,cmi.core.session_time,stored_at\n"
        "7,s1,passed,80,0001:30:00.25,2024-01-03T09:00:00Z\n"
        "7,s2,browsed,,0000:10:00.00,2024-01-03T10:00:00Z\n"
        "7,s3,not attempted,,,2024-01-03T11:00:00Z\n"
        "7,s4,incomplete,,0000:05:00.00,2024-01-03T12:00:00Z\n"
    )
    report = taken("scorm", tmp_path, {"s.csv": text})
    assert [v for _, v in events(report)] == ["pass", "progress"]
    found = table(report, "event").query("verb == 'pass'").iloc[0]
    assert (found["score"], found["duration_s"]) == (0.8, 5400)
    assert left_out(report) == 2


def test_scorm_2004_says_completion_and_success_apart(tmp_path: Path) -> None:
    text = (
        "learner_id,activity_id,cmi.completion_status,cmi.success_status,cmi.score.scaled,cmi.session_time,timestamp\n"
        "7,s1,completed,passed,-0.25,PT1H,2024-01-03T09:00:00Z\n"
        "7,s2,incomplete,unknown,,PT5M,2024-01-03T10:00:00Z\n"
    )
    report = taken("scorm", tmp_path, {"s.csv": text})
    assert [v for _, v in events(report)] == ["complete", "pass", "progress"]


# SAP SuccessFactors ------------------------------------------------------------------------------


def test_successfactors_item_is_type_id_and_revision(tmp_path: Path) -> None:
    rows = [
        {"StudentID": "7", "ComponentTypeID": "COURSE", "ComponentID": "A", "RevisionDate": r,
         "CompletionDate": "/Date(1704272400000+0000)/", "CompletionStatusID": s, "TotalHours": 2}
        for r, s in (("1", "COMPLETE"), ("2", "COMPLETE"), ("3", "INCOMPLETE"))
    ]  # fmt: skip
    report = taken("successfactors", tmp_path, {"h.json": {"value": rows}}, format="odata",
                   completed="COMPLETE")  # fmt: skip
    found = table(report, "event")
    assert sorted(found["content_id"]) == ["COURSE/A/1", "COURSE/A/2"]
    assert (found["occurred_at"] == pd.Timestamp("2024-01-03T09:00:00")).all()
    assert (found["duration_s"] == 7200).all()


def test_learning_outside_successfactors_is_not_counted_twice(tmp_path: Path) -> None:
    both = "StudentID,ComponentTypeID,ComponentID,Description,CreditHours,CompletionDate\n"
    report = taken(
        "successfactors", tmp_path,
        {"h.csv": both + "7,COURSE,A,x,1,2024-01-03T09:00:00Z\n",
         "e.csv": "StudentID,Description,CreditHours,CompletionDate\n"
                  "8,canary,1,2024-01-03T09:00:00Z\n"},
    )  # fmt: skip
    assert len(table(report, "event")) == 2


# People ------------------------------------------------------------------------------------------


def test_people_with_history_by_the_names_of_an_hr_system(tmp_path: Path) -> None:
    text = (
        "Employee ID;Hire Date;Effective Date;Division;Department;Job Title;Termination Date;"
        "Date of Birth;Country\n"
        "007;01.05.2020;01.05.2020;Sales;North;Clerk;;01.01.1980;NA\n"
        "007;01.05.2020;01.01.2024;Sales;South;Lead;30.06.2024;01.01.1980;NA\n"
    )
    report = taken("hris", tmp_path, {"p.csv": text}, format="%d.%m.%Y")
    people = table(report, "person").sort_values("valid_from_on")
    assert [list(p) for p in people["unit_path"]] == [["Sales", "North"], ["Sales", "South"]]
    assert people["country"].tolist() == ["NA", "NA"]  # a country, and not "missing"
    assert people["role_id"].tolist() == ["Clerk", "Lead"]
    assert str(people["valid_to_on"].iloc[0])[:10] == "2024-01-01"
    assert b"1980" not in b"".join(
        f.read_bytes() for f in (tmp_path / "out").rglob("*") if f.is_file()
    )


def test_names_of_columns_are_compared_by_letters_and_digits(tmp_path: Path) -> None:
    report = taken("hris", tmp_path, {"p.csv": "employeeNumber,hireDate\n7,2020-05-01\n"})
    other = tmp_path / "again"
    other.mkdir()
    same = taken("hris", other, {"p.csv": "EMPLOYEE_NUMBER,hire date\n7,2020-05-01\n"})
    assert table(report, "person").equals(table(same, "person"))
