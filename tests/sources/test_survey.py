"""Surveys by a mapping: what is read, what is dropped at the door, what is said of a slip."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import ParameterError
from ldresearch.ingest import IngestReport
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY

WIDE = """\
id;when;recommend;time;with;without;feel;why
e1;01.05.2024 09:00;9;Agree;1;5;Very disappointed;my boss said so
e2;01.05.2024 10:00;11;7;2;5;n/a;
e3;02.05.2024 09:00;;Strongly agree;3;9;I could not work;secret words
"""
MAPPING = """
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
LONG = """\
response,dept,when,question,answer
r1,Sales,2024-05-01T09:00:00Z,Recommend?,9
r1,Sales,2024-05-01T09:00:00Z,Why?,because
r2,Service,2024-05-02T09:00:00Z,Recommend?,4
r2,Service,2024-05-02T09:00:00Z,Shoe size?,42
r2,Service,2024-05-02T09:00:00Z,Time?,
"""
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
[[question]]
column = "Time?"
instrument = "likert"
item = "time"
"""


def read(folder: Path, text: str, mapping: str) -> IngestReport:
    file = folder / "answers.csv"
    file.write_text(text, encoding="utf-8")
    (folder / "answers.csv.toml").write_text(mapping, encoding="utf-8")
    return sources.ingest("survey", file, folder / "d", client="text", key=KEY, reject_limit=0.9)


def answers(report: IngestReport) -> pd.DataFrame:
    log = EventLog.open(report.dataset, as_of="2025-01-01")
    return log.collect(log.table("survey_answer")).sort_values(["response_id", "item"])


def test_a_wide_file(tmp_path: Path) -> None:
    report = read(tmp_path, WIDE, MAPPING)
    found = answers(report)
    rows = found[["response_id", "instrument", "item", "value"]].to_numpy().tolist()
    assert rows == [
        ["answers.csv 1", "kano", "coach:dysfunctional", "5"],
        ["answers.csv 1", "kano", "coach:functional", "1"],
        ["answers.csv 1", "pmf", "platform", "very"],
        ["answers.csv 1", "nps", "recommend", "9"],
        ["answers.csv 1", "likert7", "time", "4"],
        ["answers.csv 2", "kano", "coach:dysfunctional", "5"],
        ["answers.csv 2", "kano", "coach:functional", "2"],
        ["answers.csv 2", "pmf", "platform", "gone"],
        ["answers.csv 2", "likert7", "time", "7"],
        ["answers.csv 3", "kano", "coach:functional", "3"],
        ["answers.csv 3", "likert7", "time", "5"],
    ]
    assert str(found["answered_at"].iloc[0]) == "2024-05-01 07:00:00"
    assert report.rejected["survey_answer"] == {
        "kano answer is not a whole number from 1 to 5": 1,
        "nps answer is not a whole number from 0 to 10": 1,
        "pmf answer is not very, somewhat, not or gone": 1,
    }
    assert report.rows_in["survey_answer"] == 14
    assert report.rows_out["survey_answer"] == 11


def test_people_are_pseudonyms_and_their_words_are_counted_only(tmp_path: Path) -> None:
    report = read(tmp_path, WIDE, MAPPING)
    assert report.dataset.manifest.notes["survey"] == {
        "blank_answers": 1, "free_text_answers_counted_and_dropped": 2,
    }  # fmt: skip
    assert answers(report)["token"].str.fullmatch("[0-9a-f]{32}").all()
    stored = b"".join(f.read_bytes() for f in (tmp_path / "d").rglob("*") if f.is_file())
    frames = [pd.read_parquet(f) for f in (tmp_path / "d").rglob("*.parquet")]
    text = " ".join(frame.to_csv() for frame in frames)
    for word in ("secret", "boss", "could not work", "e3"):
        assert word not in text
        assert word == "e3" or word.encode() not in stored


def test_a_long_file_of_groups(tmp_path: Path) -> None:
    report = read(tmp_path, LONG, LONG_MAPPING)
    found = answers(report)
    assert found[["token", "item", "value"]].to_numpy().tolist() == [
        ["group Sales", "recommend", "9"], ["group Service", "recommend", "4"],
    ]  # fmt: skip
    assert report.dataset.manifest.notes["survey"] == {
        "blank_answers": 1, "free_text_answers_counted_and_dropped": 1,
        "answers_to_questions_not_in_the_mapping": 1,
    }  # fmt: skip


def test_reading_twice_changes_nothing(tmp_path: Path) -> None:
    read(tmp_path, WIDE, MAPPING)
    assert read(tmp_path, WIDE, MAPPING).is_unchanged


def test_words_of_a_question_go_before_the_usual_ones(tmp_path: Path) -> None:
    mapping = MAPPING + 'words = { "I could not work" = "very" }\n'
    assert (answers(read(tmp_path, WIDE, mapping))["value"] == "very").sum() == 2


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('respondent = "id"', 'respondant = "id"', "did you mean respondent?"),
        ('respondent = "id"', "", "who answered comes from exactly one column"),
        ('respondent = "id"', 'respondent = "id"\nresponse = "id"', "named by its person"),
        ('instrument = "nps"', 'instrument = "npr"', "did you mean nps?"),
        ('column = "recommend"', 'column = "recomend"', "did you mean recommend?"),
        ('dysfunctional = "without"', "", "write dysfunctional ="),
        ("points = 7", "points = 1", "2 to 11"),
        ('item = "platform"', "", "the question has no item"),
        ('free_text = ["why"]', 'free_text = ["wy"]', "did you mean why?"),
        ("[survey]", '[survey]\nlayout = "long"', "a long survey lacks a column"),
        ("answered_at = {", "answered = {", "no such setting"),
    ],
)
def test_a_slip_is_answered_with_one_sentence(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    assert old in MAPPING
    with pytest.raises(ParameterError) as caught:
        read(tmp_path, WIDE, MAPPING.replace(old, new, 1))
    assert sentence in str(caught.value)
    assert not (tmp_path / "d" / "manifest.json").exists()


def test_a_person_named_like_a_group_is_refused(tmp_path: Path) -> None:
    report = read(tmp_path, WIDE.replace("e1;", "group x;"), MAPPING.replace("points = 7", ""))
    assert report.rejected["survey_answer"]["a person is named like a group"] == 5
