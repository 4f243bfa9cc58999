"""The OULAD reader on small files with every trap, and on the published ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import LdresearchError
from ldresearch.ingest import IngestReport
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY

FILES = {
    "courses": """
        code_module,code_presentation,module_presentation_length
        AAA,2013J,268
        BBB,2014B,240
    """,
    "assessments": """
        code_module,code_presentation,id_assessment,assessment_type,date,weight
        AAA,2013J,1,TMA,19,10
        AAA,2013J,2,Exam,?,100
    """,
    "vle": """
        id_site,code_module,code_presentation,activity_type,week_from,week_to
        10,AAA,2013J,resource,?,?
        11,AAA,2013J,quiz,?,?
    """,
    "studentInfo": """
        code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result
        AAA,2013J,7001,M,Wales,A Level,10-20%,0-35,0,60,canary-disabled,Pass
        AAA,2013J,7002,F,Wales,A Level,?,0-35,0,60,N,Withdrawn
        AAA,2013J,7003,F,Wales,A Level,?,0-35,0,60,N,Withdrawn
        AAA,2013J,7004,F,Wales,A Level,?,0-35,0,60,N,Fail
        BBB,2014B,7001,M,Scotland,HE,?,0-35,0,60,N,Fail
    """,
    "studentRegistration": """
        code_module,code_presentation,id_student,date_registration,date_unregistration
        AAA,2013J,7001,-10,?
        AAA,2013J,7002,-20,-3
        AAA,2013J,7003,?,
        AAA,2013J,7004,5,100
        BBB,2014B,7001,-7,?
    """,
    "studentAssessment": """
        id_assessment,id_student,date_submitted,is_banked,score
        1,7001,18,0,78
        1,7002,-1,1,60
        1,7004,20,0,?
        2,7001,267,0,39
    """,
    "studentVle": """
        code_module,code_presentation,id_student,id_site,date,sum_click
        AAA,2013J,7001,10,-5,7
        AAA,2013J,7001,10,-5,4
        AAA,2013J,7001,11,-5,1
        AAA,2013J,7001,10,3,2
    """,
}


def lay(folder: Path, **changes: str | None) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in {**FILES, **changes}.items():
        if text is None:
            continue
        lines = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
        if name == "studentVle":
            (folder / f"{name}.csv.gz").write_bytes(gzip.compress(lines.encode()))
        else:
            (folder / f"{name}.csv").write_text(lines)
    return folder


def taken(
    tmp_path: Path, options: dict[str, str] | None = None, **changes: str | None
) -> IngestReport:
    return sources.ingest(
        "oulad", lay(tmp_path / "oulad", **changes), tmp_path / "out", key=KEY, public=True,
        options=options or {}, reject_limit=1.0,
    )  # fmt: skip


def table(report: IngestReport, name: str) -> pd.DataFrame:
    return EventLog.open(report.dataset, as_of="2016-01-01").table(name).to_pandas()


def test_a_presentation_is_a_course_with_its_dates(tmp_path: Path) -> None:
    report = taken(tmp_path)
    content = table(report, "content").set_index("content_id")
    course = content.loc["AAA-2013J"]
    assert (course["topic"], course["kind"]) == ("AAA", "course")
    assert str(course["published_at"]) == "2013-10-01 00:00:00"
    assert str(course["retired_at"]) == "2014-06-26 00:00:00"
    assert str(content.loc["BBB-2014B", "published_at"]) == "2014-02-01 00:00:00"
    assert content.loc["site-11", "parent_id"] == "AAA-2013J"
    assert content.loc["site-11", "kind"] == "assessment"
    assert content.loc["assessment-2", "title"] == "Exam"
    assert report.dataset.manifest.client == "oulad"
    assert report.dataset.manifest.public


def test_statuses_of_enrolments(tmp_path: Path) -> None:
    report = taken(tmp_path)
    rows = table(report, "assignment").sort_values(["content_id", "status", "status_at"])
    found = [
        (r.content_id, r.status, str(r.assigned_at)[:10], str(r.status_at)[:10])
        for r in rows.itertuples()
    ]
    assert found == [
        ("AAA-2013J", "completed", "2013-09-21", "2014-06-26"),
        ("AAA-2013J", "withdrawn", "2013-09-11", "2013-09-28"),
        # A Fail with an unregistration date is a withdrawal on that date.
        ("AAA-2013J", "withdrawn", "2013-10-06", "2014-01-09"),
        # Withdrawn without any date: no date is invented.
        ("AAA-2013J", "withdrawn", "NaT", "NaT"),
        ("BBB-2014B", "failed", "2014-01-25", "2014-09-29"),
    ]
    assert set(rows["assigned_by"]) == {"self"}
    notes = report.dataset.manifest.notes["oulad"]
    assert notes["failed_with_an_unregistration_date_counted_as_withdrawn"] == 1
    assert notes["withdrawn_without_a_date"] == 1
    assert notes["registration_date_missing"] == 1
    assert notes["unregistered_at_or_before_the_start"] == 1
    assert notes["registered_after_the_start"] == 1


def test_events_and_clicks(tmp_path: Path) -> None:
    report = taken(tmp_path)
    event = table(report, "event")
    assert event["verb"].value_counts().to_dict() == {
        "enrol": 4, "withdraw": 2, "pass": 1, "fail": 1, "complete": 3, "view": 3,
    }  # fmt: skip
    assert (event["occurred_at"] == event["recorded_at"]).all()
    done = event[event["verb"] == "complete"].sort_values("score")
    assert done["score"].tolist()[:2] == [0.39, 0.78]
    assert done["is_success"].tolist()[:2] == [False, True]
    assert done["score"].isna().sum() == 1
    assert report.rejected["event"] == {"banked": 1}
    assert report.rows_in["event"] == report.rows_out["event"] + 1
    clicks = table(report, "usage_period")
    assert dict(zip(clicks["period_start_on"].astype(str), clicks["value"], strict=True)) == {
        "2013-09-26": 12.0, "2013-10-04": 2.0,
    }  # fmt: skip
    assert report.dataset.manifest.notes["oulad"]["click_rows"] == 4


def test_persons_have_a_history_and_nothing_sensitive(tmp_path: Path) -> None:
    report = taken(tmp_path)
    person = table(report, "person").sort_values(["person_key", "valid_from_on"])
    moved = person[person["person_key"].duplicated(keep=False)]
    assert [list(p) for p in moved["unit_path"]] == [["Wales"], ["Scotland"]]
    assert str(moved["valid_to_on"].iloc[0])[:10] == "2014-01-25"
    assert set(moved["hired_on"].astype(str).str[:10]) == {"2013-09-21"}
    assert len(table(report, "access")) == 5
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"canary-disabled" not in data
            assert b"7001" not in data, file.name


def test_starts_can_be_told(tmp_path: Path) -> None:
    report = taken(tmp_path, {"starts": "2013J=2013-10-05,BBB-2014B=2014-02-03"})
    content = table(report, "content").set_index("content_id")["published_at"].astype(str)
    assert content["AAA-2013J"] == "2013-10-05"
    assert content["BBB-2014B"] == "2014-02-03"


def test_without_clicks_nobody_views(tmp_path: Path) -> None:
    report = taken(tmp_path, studentVle=None, vle=None)
    assert "view" not in set(table(report, "event")["verb"])
    assert "usage_period" not in report.dataset.manifest.tables


def test_what_belongs_to_no_course_is_rejected_with_its_reason(tmp_path: Path) -> None:
    report = taken(
        tmp_path,
        studentRegistration=FILES["studentRegistration"] + "\nZZZ,2013J,7009,-1,?",
        studentAssessment=FILES["studentAssessment"] + "\n99,7001,1,0,50\n1,7003,2,0,much",
        studentVle=FILES["studentVle"] + "\nAAA,2013J,7001,10,3\nAAA,2013J,7001,10,x,3",
    )
    assert report.rejected["assignment"] == {
        "its module and presentation are not in courses.csv": 1
    }
    assert report.rejected["event"] == {
        "banked": 1,
        "its assessment is not in assessments.csv": 1,
        "score is no number": 1,
        "date is no whole number": 1,
        "a line has another number of columns than the header": 1,
    }
    assert report.dataset.manifest.notes["oulad"]["broken_lines"]["studentVle"]["n_lines"] == 1


@pytest.mark.parametrize(
    ("changes", "options", "sentence"),
    [
        ({"courses": None}, {}, "courses.csv"),
        ({"courses": FILES["courses"].replace("_length", "_len")}, {}, "did you mean"),
        ({"courses": FILES["courses"].replace("2014B", "2014X")}, {}, "starts=2014X="),
        ({}, {"starts": "2015J=2015-10-01"}, "no such presentation"),
        ({}, {"starts": "2013J"}, "not a list of pairs"),
        ({}, {"starts": "2013J=first"}, "not a date"),
    ],
)
def test_misuse_is_one_sentence(
    tmp_path: Path, changes: dict[str, str | None], options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(LdresearchError) as error:
        taken(tmp_path, options, **changes)
    assert sentence in str(error.value)
    assert "700" not in str(error.value)


def test_the_published_files(shared_data: Path, tmp_path: Path) -> None:
    """The counts of the traps as published, read with the clicks."""
    report = sources.ingest("oulad", shared_data / "oulad", tmp_path / "out", key=KEY, public=True)
    notes = report.dataset.manifest.notes["oulad"]
    expected = {
        "enrolments": 32593, "students": 28785, "registration_date_missing": 45,
        "registered_after_the_start": 234, "unregistered_at_or_before_the_start": 3097,
        "withdrawn_without_a_date": 93, "unregistered_after_the_end": 1, "click_rows": 753564,
        "failed_with_an_unregistration_date_counted_as_withdrawn": 9,
    }  # fmt: skip
    assert {k: notes[k] for k in expected} == expected
    assert report.rejected["event"] == {"banked": 1909}
    assert report.rows_out["assignment"] == 32593
    raw = pd.read_csv(shared_data / "oulad" / "studentVle.csv.gz")
    clicks = table(report, "usage_period")
    assert clicks["value"].sum() == raw["sum_click"].sum()
    keys = ["code_module", "code_presentation", "id_student", "id_site", "date"]
    views = (table(report, "event")["verb"] == "view").sum()
    assert views == len(raw.drop_duplicates(keys))
