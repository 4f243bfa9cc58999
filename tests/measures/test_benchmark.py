"""Published scores and one's own, counted by hand."""

from __future__ import annotations

from ldresearch.measures import benchmark as measures
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
    ben       | 2023-01-01    | 2023-01-01 | all/service
"""
ANSWER = """
    response_id | token         | instrument | item   | value | answered_at
    r1          | ada           | likert     | access | 4     | 2024-02-10
    r2          | ada           | likert     | access | 2     | 2024-05-10
    r2          | ada           | likert     | career | 5     | 2024-05-10
    r3          | ben           | likert     | access | 5     | 2024-05-10
    r4          | group Service | likert7    | access | 4     | 2024-05-10
    r5          | ben           | likert     | access | 1     | 2023-05-10
    r5          | ben           | likert     | lunch  | 5     | 2023-05-10
    r6          | group Service | likert     | access | 9     | 2024-05-10
"""


def test_the_last_answer_of_a_year_counts() -> None:
    found = measures.own(log({"person": PERSON, "survey_answer": ANSWER}, as_of="2024-08-01"))
    # Access in 2024: ada no, ben yes, a group's middle of seven no. Ada's theme is 50.
    assert found[["year", "item", "score", "n", "n_items"]].round(1).to_numpy().tolist() == [
        [2023, "access", 0.0, 1, 1], [2023, "theme", 0.0, 1, 1],
        [2024, "access", 33.3, 3, 1], [2024, "career", 100.0, 1, 1], [2024, "theme", 50.0, 3, 2],
    ]  # fmt: skip


def test_narrowed_to_some_people() -> None:
    whole = log({"person": PERSON, "survey_answer": ANSWER}, as_of="2024-08-01")
    found = measures.own(whole.where(unit="service")).set_index(["year", "item"])
    assert found.loc[(2024, "access"), ["score", "n"]].tolist() == [100.0, 1]


def test_nobody_asked_and_nothing_published() -> None:
    tiny = log({"person": PERSON, "survey_answer": ANSWER}, as_of="2024-08-01")
    assert measures.own(tiny, items="other").empty
    assert "benchmark" in measures.scores(tiny).attrs["missing"]
