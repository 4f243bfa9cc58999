"""Quarters, groups and answers, counted by hand."""

from __future__ import annotations

import pandas as pd

from ldresearch.measures import learner_brand
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/Sales
    ben       | 2023-01-01    | 2023-01-01 | all/Lab
"""
EVENT = """
    person_id | occurred_at | verb     | assignment_id
    ada       | 2024-01-01  | complete | -
    ben       | 2024-02-01  | complete | x1
    zoe       | 2024-02-01  | complete | -
    ada       | 2024-04-02  | complete | -
"""
ANSWER = """
    response_id | token | instrument | item      | value | answered_at
    r1          | ada   | nps        | recommend | 10    | 2024-02-01
    r2          | ben   | nps        | recommend | 6     | 2024-02-01
    r3          | Lab   | nps        | recommend | 8     | 2024-02-01
    r4          | Lab   | nps        | recommend | ten   | 2024-02-01
    r5          | Lab   | nps        | recommend | 11    | 2024-02-01
    r6          | Lab   | other      | recommend | 9     | 2024-02-01
"""


def test_groups_add_up_and_strangers_are_unknown(tmp_path) -> None:
    small = log({"person": PERSON, "event": EVENT}, tmp_path, as_of="2024-07-01")
    found = learner_brand.behaviour(small, by="unit")
    first = found[found["quarter_on"] == "2024-01-01"].set_index("group")
    assert first["n_learned"].to_dict() == {"Lab": 1, "Sales": 1, "Unknown": 1}
    assert first["n_voluntary"].to_dict() == {"Lab": 0, "Sales": 1, "Unknown": 1}
    assert found.attrs["untold"]
    whole = learner_brand.behaviour(small)
    assert whole["n_learned"].tolist() == [3, 1]


def test_a_quarter_that_is_not_whole_is_not_told(tmp_path) -> None:
    small = log({"event": EVENT.replace("2024-01-01", "2024-01-02")}, tmp_path, as_of="2024-06-30")
    found = learner_brand.behaviour(small)
    assert found.empty
    assert found.attrs["missing"]


def test_only_answers_from_0_to_10_count(tmp_path) -> None:
    tables = {"person": PERSON, "event": EVENT, "survey_answer": ANSWER}
    small = log(tables, tmp_path, as_of="2024-07-01")
    found = learner_brand.voice(small)
    columns = ["n_answers", "n_promoters", "n_detractors"]
    assert found[columns].to_numpy().tolist() == [[3, 1, 1]]


def test_nothing_asked_and_nothing_done(tmp_path) -> None:
    none = pd.DataFrame({"person_id": [], "occurred_at": [], "verb": []})
    small = log({"event": none}, tmp_path, as_of="2024-07-01")
    assert learner_brand.behaviour(small).attrs["missing"]
    assert learner_brand.voice(small).attrs["missing"]
