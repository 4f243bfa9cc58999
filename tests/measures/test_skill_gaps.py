"""Measures of 50_skill_gaps by hand: who is rated, what is asked, what teaches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import skill_gaps as m
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path | role_id
    ada       | 2023-01-01    | 2023-01-01 |            | all/sales | clerk
    bob       | 2023-01-01    | 2023-01-01 |            | all/lab   | clerk
    cem       | 2023-01-01    | 2023-01-01 | 2023-12-01 | all/lab   | clerk
    dee       | 2023-01-01    | 2023-01-01 |            | all/lab   |
"""
SCALE = """
    scale_id | minimum | maximum
    five     | 1       | 5
"""
RATING = """
    person_id | skill_id | rated_at   | source  | raw | scale_id
    ada       | a        | 2024-01-10 | self    | 5   | five
    ada       | a        | 2024-05-31 | self    | 3   | five
    ada       | a        | 2023-03-01 | manager | 2   | five
    ada       | a        | 2024-07-01 | review  | 1   | five
    ada       | b        | 2023-10-01 | self    | 4   | five
    bob       | a        | 2024-01-10 | peer    | 4   | five
    bob       | x        | 2024-01-10 | peer    | 4   | five
    cem       | a        | 2024-01-10 | peer    | 4   | five
"""
ROLE_SKILL = """
    role_id | skill_id | target | weight | valid_from_on | is_reliable
    clerk   | a        | 0.5    | 1      | 2023-01-01    | true
    clerk   | a        | 0.75   | 2      | 2024-01-01    | true
    clerk   | a        | 0.9    | 2      | 2024-07-01    | true
    clerk   | b        | 0.6    |        | 2023-01-01    | true
    clerk   | c        | 0.6    |        | 2023-01-01    | false
"""
SKILL = """
    skill_id | name
    a        | Arithmetic
"""
CONTENT = """
    content_id | title | published_at | retired_at | duration_s
    c1         | One   | 2023-01-01   |            | 1800
    c2         | Old   | 2023-01-01   | 2024-01-01 | 600
    c3         | Later | 2024-09-01   |            | 600
"""
CONTENT_SKILL = """
    content_id | skill_id | level_from | level_to
    c1         | a        | 0.25       | 0.75
    c2         | a        | 0.25       | 0.75
    c3         | a        | 0.25       | 0.75
"""


@pytest.fixture
def data(tmp_path: Path) -> EventLog:
    tables = {
        "person": PERSON, "skill_scale": SCALE, "skill_rating": RATING, "skill": SKILL,
        "role_skill": ROLE_SKILL, "content": CONTENT, "content_skill": CONTENT_SKILL,
    }  # fmt: skip
    return log(tables, tmp_path, as_of="2024-06-01")


def test_the_latest_rating_of_each_source_counts(data: EventLog) -> None:
    found = m.ratings(data, by="unit")
    rows = found[found["skill_id"] == "a"].set_index(["group", "source"])
    assert rows["level"].to_dict() == {
        ("sales", "manager"): 0.25, ("sales", "self"): 0.5, ("lab", "peer"): 0.75,
    }  # fmt: skip
    assert rows.loc[("sales", "self"), "age_days"] == 1
    assert set(found["role"]) == {"clerk"}
    assert len(found) == 5  # who has left is not part of it, nor what comes after the date


def test_targets_are_those_valid_and_reliable(data: EventLog) -> None:
    found = m.required(data, by="unit")
    assert len(found) == 4  # two clerks, two skills; dee has no role
    one = found.set_index(["group", "skill"]).loc[("lab", "Arithmetic")]
    assert (one["target"], one["weight"]) == (0.75, 2)
    assert found[found["skill"] == "b"]["weight"].tolist() == [1, 1]


def test_coverage_counts_pairs_once(data: EventLog) -> None:
    found = m.coverage(data).set_index(["source", "age"])
    assert found.loc[("any", "all"), "n_pairs"] == 3
    assert found.loc[("any", "new"), "n_pairs"] == 2
    assert found.loc[("self", "middle"), "n_pairs"] == 1
    assert found.loc[("manager", "old"), "n_pairs"] == 1
    assert set(found["n_pairs_of"]) == {4}


def test_basis_tells_self_alone_from_others(data: EventLog) -> None:
    found = m.basis(data).set_index(["group", "basis"])["n_pairs"].to_dict()
    assert found == {
        ("sales", "several"): 1, ("sales", "self_only"): 1, ("lab", "one"): 1, ("lab", "none"): 1,
    }  # fmt: skip


def test_supply_is_what_is_on_offer(data: EventLog) -> None:
    found = m.supply(data)
    assert found["content_id"].tolist() == ["c1"]
    assert found["minutes"].tolist() == [30]


def test_a_rater_is_a_number_and_no_name(tmp_path: Path) -> None:
    rows = RATING.replace("| scale_id", "| scale_id | rater_id").replace("| five", "| five | zoe")
    data = log({"skill_scale": SCALE, "skill_rating": rows}, tmp_path, as_of="2024-06-01")
    found = m.ratings(data)
    assert found["rater"].nunique() == 1
    assert found["rater"].dtype == "float64"


def test_ratings_before_and_since(data: EventLog) -> None:
    """92 days before June 1 is March 1: ada's second self-rating is the only one since."""
    found = m.rated_twice(data, days=92, by="unit")
    assert found["period"].value_counts().to_dict() == {"before": 5, "since": 1}
    since = found[found["period"] == "since"].iloc[0]
    assert (since["source"], since["level"], since["age_days"]) == ("self", 0.5, 1)
    own = found[(found["period"] == "before") & (found["source"] == "self")]
    assert sorted(own["level"]) == [0.75, 1.0]
    assert own["age_days"].min() == 51  # January 10 to March 1
    assert "since_days is 0" in m.rated_twice(data, days=0).attrs["missing"]


def test_profiles_are_of_roles_whoever_holds_them(data: EventLog) -> None:
    found = m.profiles(data).set_index("skill_id")
    assert found["target"].to_dict() == {"a": 0.75, "b": 0.6}
    assert found["weight"].to_dict() == {"a": 2, "b": 1}


def test_missing_tables_are_named(tmp_path: Path) -> None:
    bare = log({"person": PERSON}, tmp_path, as_of="2024-06-01")
    for measure in (m.ratings, m.required, m.coverage, m.basis, m.supply):
        frame = measure(bare)
        assert frame.empty
        assert "no rows yet in" in frame.attrs["missing"]


def test_an_unknown_group_is_refused(data: EventLog) -> None:
    with pytest.raises(ParameterError, match="grouped"):
        m.required(data, by="shoe")
