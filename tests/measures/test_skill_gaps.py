"""The skill gap measures on worlds small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import skill_gaps
from ldresearch.worlds.tables import log

PEOPLE = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path   | role_id | level
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales   | clerk   | senior
    ben       | 2023-01-01    | 2023-01-01 | -          | all/service | clerk   | entry
    cleo      | 2023-01-01    | 2023-01-01 | -          | all/service | pilot   | entry
    dan       | 2023-01-01    | 2023-01-01 | 2024-01-20 | all/service | clerk   | entry
"""
SCALES = """
    scale_id | minimum | maximum
    five     | 1       | 5
    eight    | 1       | 8
"""
RATINGS = """
    person_id | skill_id | rated_at            | source  | raw | scale_id | rater_id
    ada       | s1       | 2023-03-01 00:00:00 | manager | 2   | five     | ben
    ada       | s1       | 2024-05-01 00:00:00 | manager | 4   | five     | ben
    ada       | s1       | 2024-06-30 23:00:00 | self    | 5   | five     | -
    ada       | s1       | 2024-07-02 00:00:00 | review  | 8   | eight    | -
    ada       | s2       | 2024-01-01 00:00:00 | self    | 3   | five     | -
    ben       | s1       | 2023-06-01 00:00:00 | review  | 4.5 | eight    | -
    ben       | s9       | 2024-06-01 00:00:00 | peer    | 3   | five     | ada
    dan       | s1       | 2024-01-01 00:00:00 | manager | 1   | five     | ben
"""
TARGETS = """
    role_id | skill_id | target | target_se | weight | is_reliable | valid_from_on
    clerk   | s1       | 0.5    | -         | 1      | -           | 2023-01-01
    clerk   | s1       | 0.6    | 0.02      | 0.5    | true        | 2024-01-01
    clerk   | s1       | 0.9    | -         | 1      | true        | 2024-07-15
    clerk   | s2       | 0.7    | -         | -      | true        | 2024-01-01
    clerk   | s3       | 0.8    | -         | 1      | false       | 2024-01-01
"""
SKILLS = """
    skill_id | name
    s1       | Negotiation
"""
CONTENT = """
    content_id | title   | duration_s | published_at | retired_at | cost | currency
    c1         | Deals   | 3600       | 2023-01-01   | -          | 10   | EUR
    c2         | Retired | 3600       | 2023-01-01   | 2024-06-01 | -    | -
    c3         | Future  | 3600       | 2024-08-01   | -          | -    | -
    c4         | Other   | -          | -            | -          | -    | -
"""
TAGS = """
    content_id | skill_id | weight | level_from | level_to
    c1         | s1       | 1      | 0.2        | 0.6
    c2         | s1       | 1      | 0.2        | 0.6
    c3         | s1       | 1      | 0.2        | 0.6
    c4         | s2       | -      | -          | -
"""
ALL = {
    "person": PEOPLE, "skill_scale": SCALES, "skill_rating": RATINGS, "role_skill": TARGETS,
    "skill": SKILLS, "content": CONTENT, "content_skill": TAGS,
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> EventLog:
    """Dan has left; cleo's role asks for nothing; s9 is asked of nobody."""
    return log(ALL, tmp_path, as_of="2024-07-01")


def test_the_latest_rating_of_each_source_counts(world: EventLog) -> None:
    found = skill_gaps.ratings(world, by="unit")
    rows = found[["skill_id", "source", "raw", "level", "age_days", "group"]].to_records(
        index=False
    )
    assert sorted(map(tuple, rows.tolist())) == [
        ("s1", "manager", 4.0, 0.75, 61, "sales"),
        ("s1", "review", 4.5, 0.5, 396, "service"),
        ("s1", "self", 5.0, 1.0, 1, "sales"),
        ("s2", "self", 3.0, 0.5, 182, "sales"),
        ("s9", "peer", 3.0, 0.5, 30, "service"),
    ]
    assert not found.duplicated(["person_key", "skill_id", "source"]).any()


def test_raters_are_told_apart_and_not_named(world: EventLog) -> None:
    found = skill_gaps.ratings(world).set_index("source")["rater"]
    assert found["manager"] > 0
    assert found["peer"] > 0
    assert found["manager"] != found["peer"]
    assert (found["self"] == 0).all()


def test_a_later_date_knows_more(tmp_path: Path) -> None:
    later = skill_gaps.ratings(log(ALL, tmp_path, as_of="2024-07-20"))
    review = later[(later["source"] == "review") & (later["age_days"] < 60)]
    assert review["level"].tolist() == [1.0]
    asked = skill_gaps.required(log(ALL, tmp_path / "b", as_of="2024-07-20"))
    assert set(asked.loc[asked["skill_id"] == "s1", "target"]) == {0.9}


def test_the_target_valid_on_the_day_counts(world: EventLog) -> None:
    found = skill_gaps.required(world, by="unit")
    assert found.groupby("skill_id")["target"].unique().map(list).to_dict() == {
        "s1": [0.6], "s2": [0.7],
    }  # fmt: skip
    assert set(found["skill"]) == {"Negotiation", "s2"}
    assert found["person_key"].nunique() == 2
    assert found.loc[found["skill_id"] == "s1", "target_se"].tolist() == [0.02, 0.02]
    assert found.loc[found["skill_id"] == "s2", "weight"].tolist() == [1.0, 1.0]
    assert [s.n_persons for s in found.attrs["steps"]] == [4, 3, 2]


def test_roles_that_match_no_profile_are_said(tmp_path: Path) -> None:
    other = TARGETS.replace("clerk", "Clerk")
    found = skill_gaps.required(log(ALL | {"role_skill": other}, tmp_path, as_of="2024-07-01"))
    assert found.empty
    assert "`role_skill.role_id`" in found.attrs["missing"]


def test_coverage_counts_pairs_once_by_their_newest_rating(world: EventLog) -> None:
    """Four pairs are asked for: ada s1 s2, ben s1 s2. Rated: ada's both, ben's s1."""
    found = skill_gaps.coverage(world).set_index(["source", "age"])
    assert set(found["n_pairs_of"]) == {4}
    assert found.loc[("any", "all"), "n_pairs"] == 3
    assert found.loc[("any", "new"), "n_pairs"] == 2
    assert found.loc[("any", "old"), "n_pairs"] == 1
    assert found.loc[("self", "all"), "n_pairs"] == 2
    assert "peer" not in found.index.get_level_values("source")


def test_basis_says_who_rated(world: EventLog) -> None:
    found = skill_gaps.basis(world, by="unit").set_index(["group", "basis"])["n_pairs"]
    assert found.to_dict() == {
        ("sales", "several"): 1, ("sales", "self_only"): 1, ("service", "one"): 1,
        ("service", "none"): 1,
    }  # fmt: skip


def test_supply_is_what_is_on_offer(world: EventLog) -> None:
    found = skill_gaps.supply(world).set_index("content_id")
    assert list(found.index) == ["c1", "c4"]
    assert found.loc["c1", ["minutes", "cost"]].tolist() == [60.0, 10.0]
    assert pd.isna(found.loc["c4", "minutes"])


@pytest.mark.parametrize(
    ("name", "table"),
    [("ratings", "skill_rating"), ("required", "role_skill"), ("coverage", "role_skill"),
     ("basis", "person"), ("supply", "content_skill")],
)  # fmt: skip
def test_a_missing_table_is_named(name: str, table: str, tmp_path: Path) -> None:
    without = {k: v for k, v in ALL.items() if k != table}
    found = getattr(skill_gaps, name)(log(without, tmp_path, as_of="2024-07-01"))
    assert found.empty
    assert f"`{table}`" in found.attrs["missing"]


def test_ratings_need_no_hr_file(tmp_path: Path) -> None:
    without = {k: v for k, v in ALL.items() if k != "person"}
    found = skill_gaps.ratings(log(without, tmp_path, as_of="2024-07-01"))
    assert set(found["role"]) == {"Unknown"}
    assert len(found) == 6  # dan is not known to have left


def test_an_unknown_group_is_refused(world: EventLog) -> None:
    with pytest.raises(ParameterError):
        skill_gaps.ratings(world, by="manager")
