"""Profiles, people, moves, openings and applications on tables that can be counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from ldresearch.errors import LdresearchError
from ldresearch.measures import growth as m
from ldresearch.measures._measure import Measure
from ldresearch.worlds.tables import log

ROLE_SKILL = """
    role_id | skill_id | target | target_se | weight | weight_se | valid_from_on | is_reliable
    clerk   | a        | 0.5    | 0.02      | 0.5    | 0.1       | 2023-01-01    | true
    clerk   | a        | 0.6    | 0.03      | 0.7    | -         | 2024-01-10    | true
    clerk   | b        | 0.4    | -         | -      | -         | 2023-01-01    | false
    chief   | a        | 0.9    | -         | -      | -         | 2024-03-01    | true
"""
PERSON = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on    | role_id | country
    ada       | 2023-01-01    | 2024-01-20  | 2023-01-01 | -          | clerk   | DE
    ada       | 2024-01-20    | -           | 2023-01-01 | -          | chief   | FR
    ben       | 2023-01-01    | 2023-06-01  | 2023-01-01 | -          | clerk   | DE
    ben       | 2023-06-01    | -           | 2023-01-01 | -          | chief   | DE
    cleo      | 2023-01-01    | 2024-01-21  | 2023-01-01 | -          | -       | DE
    cleo      | 2024-01-21    | -           | 2023-01-01 | -          | chief   | DE
    dan       | 2023-01-01    | -           | 2023-01-01 | 2024-01-25 | clerk   | DE
    eve       | 2024-01-22    | -           | 2024-01-22 | -          | clerk   | GB
    fay       | 2023-01-01    | 2024-02-20  | 2023-01-01 | -          | clerk   | DE
    fay       | 2024-02-20    | -           | 2023-01-01 | -          | chief   | DE
"""
OPPORTUNITY = """
    opportunity_id | kind | role_id | opened_on  | closed_on
    o1             | role | chief   | 2023-12-01 | 2024-01-10
    o2             | role | chief   | 2024-01-05 | 2024-01-20
    o3             | -    | -       | 2024-01-20 | -
    o4             | role | clerk   | 2024-02-05 | -
"""
APPLICATION = """
    application_id | opportunity_id | person_id | applied_at | result   | result_at
    q1             | o1             | ada       | 2023-12-20 | declined | 2024-01-05
    q2             | o2             | ada       | 2024-01-12 | HIRED    | 2024-01-19
    q3             | o2             | dan       | 2024-01-13 | declined | 2024-01-19
    q4             | o3             | eve       | 2024-01-25 | offered  | 2024-01-30
    q5             | o2             | fay       | 2024-01-13 | offered  | 2024-02-10
"""
AS_OF = "2024-02-01"
TABLES = {"person": PERSON, "role_skill": ROLE_SKILL, "opportunity": OPPORTUNITY,
          "application": APPLICATION}  # fmt: skip


def test_the_newest_valid_profile_counts() -> None:
    tiny = log({"role_skill": ROLE_SKILL, "role": """
        role_id | title
        clerk   | Clerk
    """, "skill": """
        skill_id | name
        a        | Sums
    """}, as_of=AS_OF)  # fmt: skip
    found = m.profiles(tiny)
    assert found["role_id"].tolist() == ["clerk", "clerk"], "the chief is not known yet"
    assert found["role"].tolist() == ["Clerk", "Clerk"]
    assert found["skill"].tolist() == ["Sums", "b"]
    assert found["target"].tolist() == [0.6, 0.4]
    assert found["weight"].tolist() == [0.7, 1.0]
    assert found["is_reliable"].tolist() == [True, False]
    assert found["target_se"].isna().tolist() == [False, True]


def test_the_employed_with_the_role_and_group_of_the_day() -> None:
    tiny = log(TABLES, as_of=AS_OF)
    now = m.people(tiny, by="country")
    assert sorted(zip(now["role"], now["group"], strict=True)) == [
        ("chief", "DE"), ("chief", "DE"), ("chief", "FR"), ("clerk", "DE"), ("clerk", "GB"),
    ]  # fmt: skip
    then = m.people(m.at_start(tiny, days=22), by="country")
    assert sorted(zip(then["role"], then["group"], strict=True)) == [
        ("Unknown", "DE"), ("chief", "DE"), ("clerk", "DE"), ("clerk", "DE"), ("clerk", "DE"),
    ]  # fmt: skip


def test_a_move_is_a_change_between_two_known_roles_within_the_window() -> None:
    """Ada moved on 20 January. Ben moved before, cleo from an unknown role, fay afterwards."""
    found = m.moves(log(TABLES, as_of=AS_OF), days=22)
    assert found[["from_role", "to_role"]].to_numpy().tolist() == [["clerk", "chief"]]
    assert str(found["moved_on"].iloc[0])[:10] == "2024-01-20"
    assert len(m.moves(log(TABLES, as_of=AS_OF), days=300)) == 2


def test_an_opening_counts_if_it_was_open_on_a_day_of_the_window() -> None:
    """From 10 January: o1 closed on its first day, o4 opens after the as-of date."""
    found = m.openings(log(TABLES, as_of=AS_OF), days=22)
    assert found.to_numpy().tolist() == [["o2", "role", "chief"], ["o3", "", ""]]


def test_applications_have_the_group_of_the_start_and_the_result_of_today() -> None:
    found = m.applications(log(TABLES, as_of=AS_OF), by="country", days=22)
    found = found.drop(columns="person_key").set_index("application_id")
    assert found.index.tolist() == ["q2", "q3", "q4", "q5"], "q1 came before the window"
    assert found.loc["q2"].tolist() == ["chief", "DE", True, True], "in FR only afterwards"
    assert found.loc["q3"].tolist() == ["chief", "DE", True, False]
    assert found.loc["q4"].tolist() == ["", "Unknown", True, True], "was not there at the start"
    assert found.loc["q5"].tolist() == ["chief", "DE", False, False], "not known yet"


@pytest.mark.parametrize(("words", "n"), [("hired", 1), ("Hired, offered ", 2), ("", 0)])
def test_which_words_mean_chosen_is_said(words: str, n: int) -> None:
    found = m.applications(log(TABLES, as_of=AS_OF), days=22, selected=words)
    assert found["is_selected"].sum() == n


def test_without_an_hr_file_applicants_have_no_group() -> None:
    tiny = log({"opportunity": OPPORTUNITY, "application": APPLICATION}, as_of=AS_OF)
    assert set(m.applications(tiny, by="country", days=22)["group"]) == {"Unknown"}
    assert set(m.applications(tiny, days=22)["group"]) == {""}


@pytest.mark.parametrize(
    ("measure", "table"),
    [(m.profiles, "role_skill"), (m.related, "related_role"), (m.people, "person"),
     (m.moves, "person"), (m.openings, "opportunity"), (m.applications, "application")],
)  # fmt: skip
def test_a_missing_table_is_named(measure: Measure[[]], table: str) -> None:
    tiny = log({"event": """
        person_id | occurred_at | verb
        ada       | 2024-01-03  | view
    """}, as_of=AS_OF)  # fmt: skip
    found = measure(tiny)
    assert found.empty
    assert f"“{table}”" in found.attrs["missing"]


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(LdresearchError, match="did you mean country"):
        m.people(log(TABLES, as_of=AS_OF), by="contry")


def test_frames_have_their_types() -> None:
    found = m.related(log({"related_role": """
        role_id | related_role_id
        clerk   | chief
    """}, as_of=AS_OF))  # fmt: skip
    assert found["tier"].tolist() == [""]
    assert pd.isna(found["rank"].iloc[0])
