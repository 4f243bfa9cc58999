"""Measures of 80_impact by hand: who was on which side, since when, and what was measured then."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import impact as m
from ldresearch.worlds.tables import from_text, log

PERSON = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on    | unit_path
    ada       | 2023-01-01    | 2024-03-01  | 2023-01-01 | -          | all/sales
    ada       | 2024-03-01    | -           | 2023-01-01 | -          | all/lab
    ben       | 2023-01-01    | -           | 2023-01-01 | -          | all/lab
    cem       | 2023-01-01    | -           | 2023-01-01 | 2024-01-15 | all/lab
    dee       | 2023-01-01    | -           | 2023-01-01 | -          | all/sales
    eve       | 2024-02-20    | -           | 2024-02-20 | -          | all/sales
"""
INITIATIVE = """
    initiative_id | started_on | ended_on   | budget | currency
    old           | 2023-05-01 | 2023-06-01 | 10     | EUR
    sprint        | 2024-02-01 | 2024-04-01 | 500    | EUR
"""
ARM = """
    initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    sprint        | person    | ada     | launch   | 2024-02-05  | true
    sprint        | person    | ben     | hold-out | 2024-02-05  | true
    sprint        | person    | ben     | launch   | 2024-02-19  | true
    sprint        | person    | cem     | launch   | 2024-02-05  | true
    old           | person    | dee     | launch   | 2023-05-01  | true
"""
EVENT = """
    person_id | occurred_at | recorded_at | verb     | content_id | source
    ada       | 2024-01-10  | 2024-01-10  | view     | c1         | lms
    ada       | 2024-02-05  | 2024-02-05  | complete | c1         | lms
    ben       | 2024-02-04  | 2024-02-04  | complete | c1         | lms
    ben       | 2024-02-15  | 2024-02-15  | complete | c1         | lms
"""
ANSWER = """
    response_id | token       | instrument | item | value | answered_at
    r1          | group sales | pulse      | use  | 4     | 2024-02-10
    r2          | group sales | pulse      | use  | 2     | 2024-02-11
    r3          | group lab   | pulse      | use  | often | 2024-02-11
    r4          | group lab   | pulse      | use  | 5     | 2024-01-11
"""
SCALE = "scale_id | minimum | maximum\nfive | 1 | 5"
RATING = """
    person_id | skill_id | rated_at   | source  | raw | scale_id
    ada       | a        | 2023-05-01 | manager | 1   | five
    ada       | a        | 2024-02-04 | manager | 2   | five
    ada       | a        | 2024-02-05 | manager | 3   | five
    ada       | a        | 2024-03-05 | manager | 4   | five
    ada       | a        | 2024-01-05 | self    | 1   | five
    ada       | a        | 2024-03-05 | self    | 5   | five
    ada       | b        | 2024-01-05 | peer    | 3   | five
    ben       | a        | 2024-01-05 | manager | 3   | five
    ben       | a        | 2024-03-05 | manager | 3   | five
"""
OUTCOME = """
    entity_kind | entity_id | metric_id | period_start_on | period_end_on | value | unit
    person      | ada       | cases     | 2023-12-01      | 2023-12-31    | 10    | cases
    person      | ada       | cases     | 2024-01-01      | 2024-01-31    | 12    | cases
    person      | ada       | cases     | 2024-02-01      | 2024-02-29    | 90    | cases
    person      | ada       | cases     | 2024-03-01      | 2024-03-31    | 15    | cases
    person      | ben       | cases     | 2024-01-01      | 2024-01-31    | 11    | cases
    person      | ben       | cases     | 2024-03-01      | 2024-03-31    | 13    | cases
    person      | dee       | cases     | 2024-01-01      | 2024-01-31    | 11    | cases
    person      | dee       | cases     | 2024-03-01      | 2024-03-31    | 13    | cases
    unit        | lab       | sick      | 2024-01-01      | 2024-01-31    | 3     | days
    unit        | lab       | sick      | 2024-03-01      | 2024-03-31    | 2     | days
    unit        | sales     | sick      | 2024-01-01      | 2024-01-31    | 3     | days
    unit        | sales     | sick      | 2024-03-01      | 2024-03-31    | 4     | days
    unit        | all       | sick      | 2024-01-01      | 2024-01-31    | 6     | days
    unit        | all       | sick      | 2024-03-01      | 2024-03-31    | 6     | days
"""
TABLES = {
    "person": PERSON, "initiative": INITIATIVE, "arm": ARM, "event": EVENT,
    "survey_answer": ANSWER, "skill_scale": SCALE, "skill_rating": RATING, "outcome": OUTCOME,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    return log(TABLES, tmp_path_factory.mktemp("impact"), as_of="2024-06-01")


def without(*names: str) -> dict[str, str]:
    return {name: table for name, table in TABLES.items() if name not in names}


def test_conduct_counts_people_on_the_side_they_were_first_put_on(data: EventLog) -> None:
    [row] = m.conduct(data).to_dict("records")
    assert (row["initiative_id"], row["budget"]) == ("sprint", 500)
    # Cem had left before the launch; ben was held out first and moved later.
    assert (row["n_treated"], row["n_control"], row["n_clusters"]) == (1, 1, 2)
    assert row["is_randomised"]
    assert str(row["ended_on"])[:10] == "2024-04-01"


def test_an_end_that_lies_ahead_is_no_fact_yet(tmp_path: Path) -> None:
    [row] = m.conduct(log(TABLES, tmp_path, as_of="2024-03-15")).to_dict("records")
    assert row["ended_on"] != row["ended_on"]


def test_an_initiative_nobody_recorded(data: EventLog) -> None:
    with pytest.raises(ParameterError, match="did you mean sprint"):
        m.conduct(data, initiative="sprnt")
    assert m.conduct(data, initiative="planned", since="2024-02-01").empty


def test_reaction_averages_numbers_since_the_launch(data: EventLog) -> None:
    [row] = m.reaction(data).to_dict("records")
    assert (row["item"], row["mean"], row["n"]) == ("use", 3.0, 2)
    assert round(row["sd"], 3) == 1.414
    assert m.reaction(data, instrument="other").empty


def test_learning_pairs_the_last_ratings_by_the_same_kind_of_rater(data: EventLog) -> None:
    found = m.learning(data).set_index("arm")
    # Ada by her manager: 2 of 1 to 5 before her own start, 4 since; her own words do not count.
    assert found.loc["treated", ["before", "after"]].tolist() == [0.25, 0.75]
    assert found.loc["control", ["before", "after"]].tolist() == [0.5, 0.5]


def test_behaviour_counts_from_each_persons_own_day(data: EventLog) -> None:
    found = m.behaviour(data, window_days=20).set_index("arm")
    assert found.loc["treated", "after"] == 1
    assert found.loc["control", "after"] == 1
    # The log begins 26 days before the day on which both were put on a side.
    assert found["before"].tolist() == [1.0, 0.0]
    assert m.behaviour(data, window_days=30)["before"].isna().all()
    ten = m.behaviour(data, window_days=10).set_index("arm")
    assert ten.loc["control", "after"] == 0


def test_a_window_that_is_not_over_is_not_counted(tmp_path: Path) -> None:
    early = log(TABLES, tmp_path, as_of="2024-02-20")
    found = m.behaviour(early, window_days=20)
    assert found.empty
    assert found.attrs["n_open"] == 2
    assert [step.n_persons for step in found.attrs["steps"]] == [2, 0]


def test_several_metrics_make_a_row_each(data: EventLog) -> None:
    found = m.behaviour(data, metrics=("value_reach", "value_days"), window_days=20)
    assert found.groupby("metric")["person_key"].nunique().to_dict() == {
        "value_days": 2, "value_reach": 2,
    }  # fmt: skip
    with pytest.raises(ParameterError, match="did you mean value_reach"):
        m.behaviour(data, metrics=("value_rech",))


def test_result_leaves_out_the_period_of_the_start(data: EventLog) -> None:
    found = m.result(data, metric="cases").set_index("arm")
    assert found.loc["treated", ["before", "after", "n_before", "n_after"]].tolist() == [
        11,
        15,
        2,
        1,
    ]
    assert found.loc["control", ["before", "after"]].tolist() == [11, 13]
    assert set(found["measured_in"]) == {"cases"}
    assert len(found) == 2  # dee was on no side
    assert m.result(data, metric="cases", lag_days=30).empty


def test_a_unit_with_both_sides_is_on_none(data: EventLog) -> None:
    found = m.result(data, metric="sick").set_index("cluster")
    # At the launch ada was in sales, ben in the lab, and nobody else was on a side.
    assert found["arm"].to_dict() == {"all": "", "lab": "control", "sales": "treated"}
    assert found["n"].to_dict() == {"all": 2, "lab": 1, "sales": 1}
    assert found["is_randomised"].to_dict() == {"all": False, "lab": True, "sales": True}
    assert set(found["days"]) == {31.0}


def test_the_result_told_of_most_is_taken(data: EventLog) -> None:
    assert set(m.result(data)["metric_id"]) == {"cases"}
    with pytest.raises(ParameterError, match="did you mean cases"):
        m.result(data, metric="case")


def test_whole_units_may_be_allocated(tmp_path: Path) -> None:
    arm = """
        initiative_id | unit_kind | unit_id | arm     | assigned_at | is_randomised
        sprint        | unit      | all     | control | 2024-02-01  | false
        sprint        | unit      | lab     | launch  | 2024-02-01  | false
    """
    found = m.behaviour(log(without("arm") | {"arm": arm}, tmp_path, as_of="2024-06-01"))
    # The deepest unit counts, as it was at the launch.
    assert found["cluster"].value_counts().to_dict() == {"all": 2, "lab": 1}
    assert not found["is_randomised"].any()


def test_without_arms_everyone_employed_is_followed(tmp_path: Path) -> None:
    whole = log(without("arm"), tmp_path, as_of="2024-06-01")
    found = m.behaviour(whole)
    assert len(found) == 3
    assert set(found["arm"]) == {""}
    assert m.conduct(whole)["n_treated"].tolist() == [0]


def test_nothing_after_the_date_and_no_order_of_rows_matters(tmp_path: Path) -> None:
    late = {
        "event": EVENT + "    ada | 2024-07-05 | 2024-07-05 | complete | c1 | lms\n",
        "outcome": OUTCOME + "    person | ada | cases | 2024-05-15 | 2024-06-15 | 99 | cases\n",
    }
    shuffled = {
        name: from_text(table).sample(frac=1, random_state=3, ignore_index=True)
        for name, table in (TABLES | late).items()
    }
    one = log(TABLES, tmp_path / "one", as_of="2024-06-01")
    two = log(shuffled, tmp_path / "two", as_of="2024-06-01")
    for measure in (m.conduct, m.reaction, m.learning, m.behaviour, m.result):
        a, b = measure(one), measure(two)
        kept = [c for c in a.columns if c not in ("person_key", "cluster", "entity")]
        assert sorted(map(str, a[kept].to_numpy().tolist())) == sorted(
            map(str, b[kept].to_numpy().tolist())
        )


@pytest.mark.parametrize("kept", [(), ("person",), ("person", "event"), ("outcome",)])
def test_missing_tables_are_named(kept: tuple[str, ...], tmp_path: Path) -> None:
    tables = {name: TABLES[name] for name in kept} or {"person": from_text(PERSON).iloc[:0]}
    bare = log(tables, tmp_path, as_of="2024-06-01")
    for measure in (m.conduct, m.reaction, m.learning, m.behaviour, m.result):
        frame = measure(bare)
        assert frame.empty
        assert frame.attrs["missing"]
