"""Before and after one day, on tables that can be counted by hand; the future reaches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.measures import personalisation as m
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | left_on    | fte | role_id | unit_path
    ada       | 2023-01-01    | 2023-01-01 | -          | 1   | clerk   | all/Sales
    ben       | 2023-01-01    | 2023-01-01 | -          | 0.5 | clerk   | all/Lab
    cleo      | 2023-01-01    | 2023-01-01 | 2024-02-01 | 1   | -       | all/Lab
    dan       | 2024-03-20    | 2024-03-20 | -          | -   | clerk   | all/Lab
"""
EVENT = """
    person_id | occurred_at | recorded_at | verb     | content_id | assignment_id
    ada       | 2024-01-03  | 2024-01-03  | complete | a          | -
    ada       | 2024-01-04  | 2024-01-04  | view     | b          | -
    ada       | 2024-02-20  | 2024-03-05  | complete | late       | -
    ada       | 2024-03-10  | 2024-03-10  | complete | b          | -
    ben       | 2024-01-03  | 2024-01-03  | complete | duty       | as1
    ben       | 2024-03-11  | 2024-03-11  | complete | a          | -
"""
CONTENT = """
    content_id | published_at | retired_at | is_mandatory
    a          | 2023-01-01   | -          | false
    b          | 2023-01-01   | 2024-03-15 | false
    gone       | 2023-01-01   | 2024-02-01 | false
    later      | 2024-03-10   | -          | false
    duty       | 2023-01-01   | -          | true
    undated    | -            | -          | -
"""
RECOMMENDATION = """
    recommendation_id | person_id | content_id | shown_at   | rank | propensity | clicked_at
    1                 | ada       | a          | 2024-01-02 | 2    | 0.5        | 2024-01-02
    2                 | ada       | a          | 2024-02-02 | 1    | 0.5        | -
    3                 | ada       | b          | 2024-03-03 | 1    | 0.25       | 2024-03-05
    4                 | ben       | b          | 2024-03-03 | 1    | -          | 2024-03-25
    5                 | ben       | a          | 2024-03-25 | 1    | 0.5        | 2024-03-25
"""
ARM = """
    initiative_id   | unit_kind | unit_id | arm          | assigned_at | is_randomised | propensity
    recommendations | person    | ada     | personalised | 2024-03-01  | true          | 0.6
    recommendations | person    | ben     | hold-out     | 2024-03-01  | true          | 0.4
    recommendations | person    | dan     | personalised | 2024-03-28  | true          | 0.6
    other           | person    | cleo    | personalised | 2024-01-01  | true          | 0.5
    recommendations | unit      | Sales   | personalised | 2024-01-01  | true          | 0.5
"""
TABLES = {
    "person": PERSON, "event": EVENT, "content": CONTENT, "recommendation": RECOMMENDATION,
    "arm": ARM,
}  # fmt: skip
SPLIT = 31  # days before 1 April: 1 March


def opened(tables: Mapping[str, str] = TABLES, **but: str) -> m.EventLog:
    return log({**tables, **but}, as_of="2024-04-01")


def test_before_and_after_the_split() -> None:
    whole = opened()
    known = m.at_split(whole, test_days=SPLIT)
    assert known.as_of == date(2024, 3, 1)
    assert m.taken(known)["content_id"].tolist() == ["a"]
    later = m.taken(whole, test_days=SPLIT)
    assert sorted(later["content_id"]) == ["a", "b"]
    # Known only afterwards, and done before: neither in what lists learn from, nor a target.
    assert "late" in set(m.taken(whole)["content_id"])


def test_the_future_does_not_reach_what_was_known() -> None:
    """Whatever is added after the split, every frame that a list is made of stays the same."""
    more = {
        "event": EVENT + "    ben | 2024-03-02 | 2024-03-02 | complete | later | -\n" * 1,
        "content": CONTENT + "    hit | 2024-03-02 | - | false\n",
        "recommendation": RECOMMENDATION + "    9 | ada | hit | 2024-03-02 | 1 | 1 | -\n",
        "person": PERSON.replace("2024-02-01 | 1   | -       | all/Lab", "2024-02-01 | 1   | - "
                                 "| all/Lab")
        + "    eve | 2024-03-02 | 2024-03-02 | - | 1 | clerk | all/Lab\n",
    }  # fmt: skip
    one = m.at_split(opened(), test_days=SPLIT)
    two = m.at_split(opened(**more), test_days=SPLIT)
    for measure in (m.taken, m.people, m.catalogue, m.shown):
        before, after = measure(one), measure(two)
        assert len(before)
        frames = [f.drop(columns="person_key", errors="ignore") for f in (before, after)]
        by = list(frames[0].columns)
        pd.testing.assert_frame_equal(
            *(f.sort_values(by, ignore_index=True) for f in frames)  # type: ignore[call-overload]
        )


def test_assigned_and_self_started_are_kept_apart() -> None:
    known = m.at_split(opened(), test_days=SPLIT)
    assert m.taken(known, assigned="assigned")["content_id"].tolist() == ["duty"]
    assert len(m.taken(known, verbs="", assigned="all")) == 3
    with pytest.raises(ParameterError, match="no such way"):
        m.taken(known, assigned="both")


def test_people_are_those_employed_at_the_split() -> None:
    found = m.people(m.at_split(opened(), test_days=SPLIT))
    assert sorted(found["hours"]) == ["full-time", "part-time"]
    assert sorted(found["unit"]) == ["Lab", "Sales"]
    today = m.people(opened())
    assert sorted(today["hours"]) == ["Unknown", "full-time", "part-time"]


def test_the_catalogue_is_that_of_the_split() -> None:
    found = m.catalogue(m.at_split(opened(), test_days=SPLIT))
    assert found["content_id"].tolist() == ["a", "b", "undated"]
    assert found["is_dated"].tolist() == [True, True, False]
    assert m.catalogue(opened())["content_id"].tolist() == ["a", "later", "undated"]


def test_shown_keeps_the_newest_place() -> None:
    found = m.shown(m.at_split(opened(), test_days=SPLIT))
    assert found[["content_id", "rank"]].to_numpy().tolist() == [["a", 1]]
    assert found["shown_on"][0] == pd.Timestamp("2024-02-02")


def test_impressions_are_those_whose_window_is_over() -> None:
    found = m.impressions(opened(), test_days=SPLIT, follow_days=14)
    assert found["recommendation_id"].tolist() == ["3", "4"]
    assert found["followed"].tolist() == [True, False]
    assert found["propensity"].isna().tolist() == [False, True]


def test_the_trial_is_of_persons_whose_window_is_over() -> None:
    found = m.trial(opened(), window_days=14)
    columns = ["arm", "is_treated", "outcome", "n_shown"]
    assert found.sort_values("arm")[columns].to_numpy().tolist() == [
        ["hold-out", False, 0.0, 1], ["personalised", True, 1.0, 1],
    ]  # fmt: skip
    taken = m.trial(opened(), window_days=14, outcome="taken").set_index("arm")
    assert taken["outcome"].tolist() == [1.0, 1.0]
    ada = taken.loc["personalised"]
    assert ada["active_days"] == 2
    assert ada["tenure_days"] == (date(2024, 3, 1) - date(2023, 1, 1)).days
    assert ada["hours"] == "full-time"
    assert ada["propensity"] == 0.6


def test_no_draw_is_said() -> None:
    assert "names no persons" in m.trial(opened(), initiative="elsewhere").attrs["missing"]
    assert (
        "no rows yet in “arm”"
        in m.trial(opened({k: v for k, v in TABLES.items() if k != "arm"})).attrs["missing"]
    )
    assert "days since the draw" in m.trial(opened(), window_days=60).attrs["missing"]
    with pytest.raises(ParameterError, match="no such outcome"):
        m.trial(opened(), outcome="happy")


def test_exposed_by_the_draw_or_by_what_was_shown() -> None:
    assert m.exposed(opened())["is_randomised"].tolist() == [True] * 3
    found = m.exposed(opened(), initiative="none", test_days=SPLIT)
    assert sorted(zip(found["arm"], found["is_treated"], strict=True)) == [
        ("not shown", False), ("shown", True),
    ]  # fmt: skip
    bare = opened({"person": PERSON, "event": EVENT})
    assert "no recommendation is logged" in m.exposed(bare).attrs["missing"]


def test_readiness_is_counted_by_hand() -> None:
    found = m.readiness(opened()).set_index("part")
    assert found.loc["taken", ["n_found", "n_of"]].tolist() == [2, 3]
    assert found.loc["catalogue", ["n_found", "n_of"]].tolist() == [2, 3]
    assert found.loc["tags", "n_found"] == 0
    assert found.loc["roles", "n_found"] == 3
    assert found.loc["propensities", ["n_found", "n_of"]].tolist() == [4, 5]
    assert found.loc["drawn", "n_found"] == 3
    assert m.readiness(opened({"event": EVENT})).attrs["missing"]


def test_a_population_narrows_both_sides() -> None:
    lab = opened().where(unit="Lab")
    assert len(m.people(m.at_split(lab, test_days=SPLIT))) == 1
    assert m.taken(lab, test_days=SPLIT)["content_id"].tolist() == ["a"]
    assert len(m.trial(lab, window_days=14)) == 1
    with pytest.raises(ParameterError):
        m.at_split(lab, test_days=0)
