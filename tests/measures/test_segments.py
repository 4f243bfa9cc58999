"""Features, quarters and responses on tables that can be counted by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import segments as measures
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales
    ben       | 2023-01-01    | 2023-01-01 | -          | all/lab
    cleo      | 2023-01-01    | 2023-01-01 | 2024-05-02 | all/lab
    dan       | 2024-02-20    | 2024-02-20 | -          | all/lab
"""
EVENT = """
    person_id | occurred_at         | recorded_at         | verb      | duration_s | assignment_id
    ada       | 2024-01-08 09:00:00 | 2024-01-08 09:00:00 | complete  | 600        | -
    ada       | 2024-01-08 10:00:00 | 2024-01-08 10:00:00 | share     | 60         | -
    ada       | 2024-01-14 09:00:00 | 2024-01-14 09:00:00 | search    | 60         | -
    ada       | 2024-01-15 09:00:00 | 2024-01-15 09:00:00 | complete  | 1200       | -
    ada       | 2024-03-20 09:00:00 | 2024-05-20 09:00:00 | complete  | 1200       | -
    ben       | 2024-02-01 09:00:00 | 2024-02-01 09:00:00 | complete  | 3600       | a1
    cleo      | 2024-01-09 09:00:00 | 2024-01-09 09:00:00 | view      | 300        | -
    cleo      | 2024-04-09 09:00:00 | 2024-04-09 09:00:00 | complete  | 300        | -
    dan       | 2024-03-01 09:00:00 | 2024-03-01 09:00:00 | complete  | 300        | -
"""


def at(as_of: str) -> EventLog:
    return log({"person": PERSON, "event": EVENT}, as_of=as_of)


def by_unit(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index("unit").sort_index()


def test_features_count_weeks_days_actions_minutes() -> None:
    """1 April: the window is 8 January to 31 March. Of March nothing of ada's was recorded yet."""
    frame = measures.features(at("2024-04-01"))
    assert len(frame) == 3  # dan is too new
    ada = frame[frame["unit"] == "sales"].iloc[0]
    assert (ada["active_weeks"], ada["active_days"], ada["actions"]) == (2, 3, 4)
    assert ada["minutes"] == 32
    assert (ada["social"], ada["searches"], ada["value_days"]) == (1, 1, 2)
    assert ada["silent_days"] == (date(2024, 4, 1) - date(2024, 1, 15)).days
    assert (ada["repeats"], ada["last_weeks"]) == (1, 1)
    assert ada["known_weeks"] == pytest.approx(83 / 7)  # 8 January to 31 March
    assert ada["actions_a_week"] == pytest.approx(4 / 12)
    assert [s.n_persons for s in frame.attrs["steps"]] == [4, 3]
    assert frame.attrs["is_whole"]


def test_assigned_activity_is_kept_apart() -> None:
    counts = {
        way: measures.features(at("2024-04-01"), assigned=way)["value_days"].sum()
        for way in ("self_started", "assigned", "all")
    }
    assert counts == {"self_started": 2, "assigned": 1, "all": 3}


def test_what_was_recorded_late_counts_from_then_on() -> None:
    frame = measures.features(at("2024-06-03"))
    ada = frame[frame["unit"] == "sales"].iloc[0]
    assert (ada["repeats"], ada["value_days"]) == (2, 1)
    assert len(frame) == 3  # cleo has left, dan is here for the window now


def test_looking_back_knows_only_what_was_known_then() -> None:
    """From 1 April to 3 June, nine weeks: ada's March was not known then, cleo has left since."""
    frame = measures.features(at("2024-06-03"), ahead_weeks=9)
    assert len(frame) == 2
    ada = frame[frame["unit"] == "sales"].iloc[0]
    assert (ada["repeats"], ada["days_ahead"]) == (1, 0)
    assert [s.n_persons for s in frame.attrs["steps"]] == [4, 3, 2]


def test_quarters_are_those_that_are_over() -> None:
    frame = measures.quarters(at("2024-08-15"), last_quarters=4)
    assert frame["quarter_on"].dt.strftime("%Y-%m-%d").unique().tolist() == [
        "2024-01-01", "2024-04-01",
    ]  # fmt: skip
    assert frame.attrs["under_way"] == "2024-07-01"
    # Of the first quarter as it was known at its end: without ada's late day.
    first = frame[frame["quarter_on"] == "2024-01-01"]
    assert first["value_days"].sum() == 2
    assert measures.quarters(at("2024-07-01")).attrs["under_way"] == ""


def test_a_quarter_that_begins_before_the_log_is_left_out() -> None:
    assert "no quarter is over" in measures.quarters(at("2024-03-20")).attrs["missing"]


INITIATIVE = """
    initiative_id | name   | started_on
    early         | Early  | 2024-01-10
    spring        | Spring | 2024-04-08
"""
ARM = """
    initiative_id | unit_kind | unit_id | arm     | assigned_at         | is_randomised
    spring        | person    | ada     | launch  | 2024-04-08 00:00:00 | true
    spring        | person    | cleo    | control | 2024-04-08 00:00:00 | true
    spring        | person    | dan     | launch  | 2024-04-08 00:00:00 | true
"""


def test_responses_are_of_those_followed_and_known_before() -> None:
    tiny = log(
        {"person": PERSON, "event": EVENT, "initiative": INITIATIVE, "arm": ARM},
        as_of="2024-06-03",
    )
    frame = measures.responses(tiny, within_days=14)
    # The early one began before twelve weeks were known; dan was too new for the window.
    assert frame["label"].tolist() == ["Spring", "Spring"]
    assert frame.attrs["too_early"] == 1
    assert frame.groupby("arm")["has_responded"].sum().to_dict() == {"control": 1, "treated": 0}
    assert frame["is_randomised"].all()
    # Whoever has not been followed for so long is left out.
    assert measures.responses(tiny, within_days=60).empty


@pytest.mark.parametrize("given", [{"assigned": "some"}, {"window_weeks": 0}, {"ahead_weeks": -1}])
def test_what_cannot_be_asked_for_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        measures.features(at("2024-04-01"), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("of", ["features", "quarters", "responses"])
def test_missing_tables_are_named(of: str) -> None:
    tiny = log({"event": EVENT}, as_of="2024-06-03")
    frame = getattr(measures, of)(tiny)
    assert frame.empty
    assert "“person”" in frame.attrs["missing"]


def test_nothing_was_known_so_long_ago() -> None:
    frame = measures.features(at("2024-01-20"), ahead_weeks=12)
    assert frame.empty
    assert "begins too late" in frame.attrs["missing"]
