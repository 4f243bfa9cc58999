"""Answers, those asked, and what those do who answered: counted by hand."""

from __future__ import annotations

import pandas as pd

from ldresearch.measures import learner_voice as measures
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path   | level
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales   | senior
    ben       | 2023-01-01    | 2023-01-01 | 2024-06-20 | all/service | junior
    cleo      | 2024-04-01    | 2024-04-01 | -          | all/sales   | junior
"""
ANSWER = """
    response_id | token         | instrument | item             | value    | answered_at
    r1          | ada           | nps        | recommend        | 9        | 2024-02-10
    r2          | ada           | nps        | recommend        | 4        | 2024-05-02
    r2          | ada           | likert     | time             | 6        | 2024-05-02
    r2          | ada           | likert7    | access           | 6        | 2024-05-02
    r3          | cleo          | nps        | recommend        | 10       | 2024-05-20
    r3          | cleo          | pmf        | platform         | somewhat | 2024-05-20
    r3          | cleo          | kano       | coach:functional | 1        | 2024-05-20
    r4          | group Service | nps        | recommend        | 7        | 2024-05-21
    r5          | ben           | mood       | today            | fine     | 2024-05-21
"""
EVENT = """
    person_id | occurred_at | verb
    ada       | 2024-04-20  | view
    ada       | 2024-05-10  | complete
    ada       | 2024-05-10  | complete
    ada       | 2024-06-27  | complete
    ada       | 2024-06-28  | complete
    cleo      | 2024-05-19  | complete
    cleo      | 2024-05-20  | complete
"""
TABLES = {"person": PERSON, "survey_answer": ANSWER, "event": EVENT}


def test_a_pause_parts_two_waves_and_instruments_say_what_an_answer_may_be() -> None:
    found = measures.answers(log(TABLES, as_of="2024-08-01"))
    rows = found[["wave", "response_id", "instrument", "item", "value", "unit"]].to_numpy().tolist()
    assert rows == [
        [1, "r1", "nps", "recommend", "9", "sales"],
        [2, "r2", "likert7", "access", "6", "sales"],
        [2, "r2", "nps", "recommend", "4", "sales"],
        [2, "r3", "kano", "coach:functional", "1", "sales"],
        [2, "r3", "nps", "recommend", "10", "sales"],
        [2, "r3", "pmf", "platform", "somewhat", "sales"],
        [2, "r4", "nps", "recommend", "7", "Service"],
    ]
    assert found.attrs["n_unread"] == 1  # a 6 on five points
    assert found["points"].dropna().tolist() == [7.0]
    assert found.groupby("response_id")["tenure"].first().to_dict() == {
        "r1": "1 to 3 years", "r2": "1 to 3 years", "r3": "under 1 year", "r4": "Unknown",
    }  # fmt: skip
    assert found.groupby("response_id")["activity"].first()["r2"] == "active before"
    assert found.groupby("response_id")["activity"].first()["r3"] == "not active before"


def test_a_longer_pause_makes_one_wave_of_two() -> None:
    found = measures.answers(log(TABLES, as_of="2024-08-01"), gap_days=90)
    assert set(found["wave"]) == {1}
    # Cleo was not employed on its first day.
    assert "r3" not in set(found["response_id"])
    assert found.attrs["n_outside"] == 1


def test_who_was_asked_and_who_answered() -> None:
    found = measures.asked(log(TABLES, as_of="2024-08-01")).set_index(["wave", "by", "group"])
    sizes = found[["n_asked", "n_answered"]]
    assert sizes.loc[(1, "all", "all")].tolist() == [2, 1]
    # Ben answered a question of no instrument; the group's answer counts for its unit.
    assert sizes.loc[(2, "all", "all")].tolist() == [3, 4]
    assert sizes.loc[(2, "unit", "sales")].tolist() == [2, 2]
    assert sizes.loc[(2, "unit", "Service")].tolist() == [0, 1]
    assert sizes.loc[(2, "level", "junior")].tolist() == [2, 2]
    assert sizes.loc[(2, "activity", "active before")].tolist() == [1, 1]


def test_what_was_not_known_yet_is_not_there() -> None:
    assert set(measures.answers(log(TABLES, as_of="2024-05-15"))["response_id"]) == {"r1", "r2"}


def test_narrowed_to_some_people() -> None:
    whole = log(TABLES, as_of="2024-08-01")
    assert set(measures.answers(whole.where(unit="sales"))["response_id"]) == {"r1", "r2", "r3"}
    assert set(measures.answers(whole.where(level="junior"))["response_id"]) == {"r3"}
    asked = measures.asked(whole.where(level="junior"))
    assert asked[(asked["wave"] == 2) & (asked["by"] == "all")]["n_asked"].tolist() == [2]


def test_days_with_value_after_the_answer_and_before() -> None:
    found = measures.behaviour(log(TABLES, as_of="2024-08-01"))
    rows = found[["score", "before", "after"]].to_numpy().tolist()
    # Ada: 10 May and day 56, not day 57. Cleo: not the day of her answer.
    assert sorted(rows) == [[4.0, 0.0, 2.0], [10.0, 1.0, 0.0]]
    assert found["wave"].tolist() == [2, 2]


def test_the_days_to_follow_must_be_over() -> None:
    found = measures.behaviour(log(TABLES, as_of="2024-07-10"))
    assert found["wave"].tolist() == [1]
    assert measures.behaviour(log(TABLES, as_of="2024-03-01")).empty


def test_without_an_hr_file_answers_are_still_read() -> None:
    found = log({"survey_answer": ANSWER}, as_of="2024-08-01")
    assert len(measures.answers(found)) == 7
    assert set(measures.answers(found)["level"]) == {"Unknown"}
    asked = measures.asked(found)
    known = asked[["by", "n_asked"]].drop_duplicates().to_numpy().tolist()
    assert known == [["all", 0], ["unit", 0]]
    assert "person" in measures.behaviour(found).attrs["missing"]


def test_without_a_survey_it_says_so() -> None:
    empty = log({"person": PERSON}, as_of="2024-08-01")
    for measure in (measures.answers, measures.asked, measures.behaviour):
        frame: pd.DataFrame = measure(empty)
        assert frame.empty
        assert "survey_answer" in frame.attrs["missing"]
