"""Cohorts, states, moves, the ladder and silences on worlds small enough to count by hand.

The definitions (tests/spec/16 to 19) hold the plain cases; here stand the edges.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import retention_lifecycle as measures
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import log

STATES = ("new", "returning", "resurrected", "dormant", "left", "asleep", "gone")


def events(*days: str, verb: str = "complete") -> str:
    """One line a person and day: "ada 2024-01-03"."""
    lines = [" | ".join([*day.split(" "), verb]) for day in days]
    return "\n".join(["person_id | occurred_at | verb", *lines])


def cells(frame: pd.DataFrame, column: str) -> dict[tuple[str, int], int]:
    days = frame["cohort_on"].dt.strftime("%Y-%m-%d")
    return dict(zip(zip(days, frame["n"], strict=True), frame[column], strict=True))


# Cohorts ------------------------------------------------------------------------------------


def test_the_first_value_ever_makes_the_cohort_whatever_the_study_is_narrowed_to(
    tmp_path: Path,
) -> None:
    """Ada moved to sales in March: narrowed to sales she is still of the January cohort."""
    people = """
        person_id | valid_from_on | valid_to_on | hired_on   | unit_path
        ada       | 2023-01-01    | 2024-03-01  | 2023-01-01 | all/service
        ada       | 2024-03-01    | -           | 2023-01-01 | all/sales
        ben       | 2023-01-01    | -           | 2023-01-01 | all/service
    """
    told = events("ada 2024-01-05", "ada 2024-03-05", "ben 2024-02-01")
    there = log({"person": people, "event": told}, tmp_path, as_of="2024-05-01")
    frame = measures.cohorts(there.where(unit="sales"), verbs="complete", period="month")
    assert set(frame["cohort_on"].dt.month[frame["n_began"] > 0]) == {1}
    assert cells(frame, "n_recurring")["2024-01-01", 2] == 1


def test_weeks_begin_on_monday_in_the_reporting_time_zone(tmp_path: Path) -> None:
    """Sunday 23:30 UTC is Monday in Berlin."""
    told = events("ada 2024-01-03", "ada 2024-01-14T23:30:00+00:00")
    utc = log({"event": told}, tmp_path, as_of="2024-02-01")
    berlin = EventLog.open(utc.dataset, as_of="2024-02-01", time_zone="Europe/Berlin")
    at = [
        cells(measures.cohorts(one, verbs="complete", period="week"), "n_recurring")
        for one in (utc, berlin)
    ]
    assert [at[0]["2024-01-01", n] for n in (1, 2)] == [1, 0]
    assert [at[1]["2024-01-01", n] for n in (1, 2)] == [0, 1]


def test_months_are_as_long_as_they_are_and_years_turn(tmp_path: Path) -> None:
    told = events("ada 2023-12-31", "ada 2024-01-01", "ada 2024-02-29", "ada 2024-03-31")
    there = log({"event": told}, tmp_path, as_of="2024-04-01")
    found = cells(measures.cohorts(there, verbs="complete"), "n_rolling")
    assert [found["2023-12-01", n] for n in range(4)] == [1, 1, 1, 1]
    assert ("2023-12-01", 4) not in found


def test_a_cell_is_told_once_its_period_is_over(tmp_path: Path) -> None:
    told = events("ada 2024-01-03", "ada 2024-01-10")
    for as_of, last in (("2024-01-14", 0), ("2024-01-15", 1), ("2024-01-21", 1)):
        there = log({"event": told}, tmp_path / as_of, as_of=as_of)
        assert measures.cohorts(there, verbs="complete", period="week")["n"].max() == last


def test_later_activity_counts_for_unbounded_though_its_period_is_not_over(tmp_path: Path) -> None:
    told = events("ada 2024-01-03", "ada 2024-03-02")
    found = measures.cohorts(log({"event": told}, tmp_path, as_of="2024-03-05"), verbs="complete")
    assert cells(found, "n_unbounded")["2024-01-01", 1] == 1
    assert cells(found, "n_recurring")["2024-01-01", 1] == 0


def test_what_is_recorded_later_or_assigned_does_not_count(tmp_path: Path) -> None:
    told = """
        person_id | occurred_at | recorded_at | verb     | assignment_id
        ada       | 2024-01-03  | 2024-01-03  | complete | -
        ada       | 2024-02-03  | 2024-04-10  | complete | -
        ada       | 2024-03-03  | 2024-03-03  | complete | a1
    """
    there = log({"event": told}, tmp_path, as_of="2024-04-01")
    own = cells(measures.cohorts(there, verbs="complete"), "n_recurring")
    assert [own["2024-01-01", n] for n in range(3)] == [1, 0, 0]
    duty = cells(measures.cohorts(there, verbs="complete", assigned="assigned"), "n_recurring")
    assert duty == {("2024-03-01", 0): 1}
    every = cells(measures.cohorts(there, verbs="complete", assigned="all"), "n_recurring")
    assert [every["2024-01-01", n] for n in range(3)] == [1, 0, 1]


def test_whoever_left_is_in_neither_part_of_a_share(tmp_path: Path) -> None:
    """Left on 1 March is employed to the end of February; on 29 February she is not."""
    told = events("ada 2024-01-03", "ada 2024-02-03", "ben 2024-01-03", "ben 2024-02-03")
    people = """
        person_id | valid_from_on | hired_on   | left_on
        ada       | 2023-01-01    | 2023-01-01 | 2024-03-01
        ben       | 2023-01-01    | 2023-01-01 | 2024-02-29
    """
    there = log({"event": told, "person": people}, tmp_path, as_of="2024-04-01")
    frame = measures.cohorts(there, verbs="complete")
    for column in ("n_there", "n_recurring", "n_unbounded", "n_rolling"):
        assert cells(frame, column)["2024-01-01", 1] == 1
        assert cells(frame, column)["2024-01-01", 2] == 0
    assert set(frame["n_began"][frame["cohort_on"] == "2024-01-01"]) == {2}


# States -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    made = organisation(5, n_persons=300, n_months=9, scale=30.0, leave_rate=0.6)
    return EventLog.open(made.write(tmp_path_factory.mktemp("w")), as_of="2024-09-18")


@pytest.mark.parametrize("period", ["week", "month"])
def test_states_add_up(world: EventLog, period: str) -> None:
    frame = measures.lifecycle(world, verbs="complete", period=period)
    ever = frame["new"].cumsum()
    assert (frame[list(STATES)].sum(axis=1) == ever).all()
    active = frame[["new", "returning", "resurrected"]].sum(axis=1)
    after = frame[["returning", "dormant", "left"]].sum(axis=1)
    assert (after.iloc[1:].to_numpy() == active.iloc[:-1].to_numpy()).all()
    assert frame[list(STATES)].min(axis=None) >= 0
    assert (frame[["dormant", "left", "asleep", "gone"]].sum() > 0).all()
    assert frame["is_complete"].tolist() == [True] * (len(frame) - 1) + [False]


@pytest.mark.parametrize("period", ["week", "month"])
def test_kinds_of_retention_and_states_agree(world: EventLog, period: str) -> None:
    cohorts = measures.cohorts(world, verbs="complete", period=period)
    rolling, recurring, unbounded, there = (
        cohorts[c] for c in ("n_rolling", "n_recurring", "n_unbounded", "n_there")
    )
    assert (rolling <= recurring).all()
    assert (recurring <= unbounded).all()
    assert (unbounded <= there).all()
    states = measures.lifecycle(world, verbs="complete", period=period).set_index("period_on")
    began = cohorts[cohorts["n"] == 0].set_index("cohort_on")["n_began"]
    assert (began == states["new"].reindex(began.index)).all()


def test_moves_of_persons_add_up_to_the_states(world: EventLog) -> None:
    frame = measures.lifecycle(world, verbs="complete", period="week")
    whole = frame[frame["is_complete"]]
    moved = measures.turnover(world, verbs="complete", period="week", last_periods=4)
    sums = {c: (moved[c] * moved["n_persons"]).sum() for c in moved.columns[:4]}
    now, before = whole.tail(4), whole.tail(8).head(4)
    for name, part in (("now", now), ("before", before)):
        assert sums[f"in_{name}"] == (part["new"] + part["resurrected"]).sum()
        assert sums[f"out_{name}"] == part["dormant"].sum()
    assert moved.attrs["n_periods"] == len(whole) - 1
    assert (moved[moved.columns[:4]].sum(axis=1) > 0).all()


def test_a_period_without_activity_is_a_row(tmp_path: Path) -> None:
    there = log({"event": events("ada 2024-01-03", "ada 2024-01-24")}, tmp_path, as_of="2024-02-05")
    frame = measures.lifecycle(there, verbs="complete", period="week")
    assert frame["resurrected"].tolist() == [0, 0, 0, 1, 0]
    assert frame["asleep"].tolist() == [0, 0, 1, 0, 0]
    assert frame["dormant"].tolist() == [0, 1, 0, 0, 1]


def test_a_log_that_begins_within_a_period_has_not_seen_it_whole(tmp_path: Path) -> None:
    there = log({"event": events("ada 2024-01-03", "ada 2024-01-09")}, tmp_path, as_of="2024-01-22")
    frame = measures.lifecycle(there, verbs="complete", period="week")
    assert frame["is_complete"].tolist() == [False, True, True]


def test_activity_after_leaving_is_activity(tmp_path: Path) -> None:
    people = """
        person_id | valid_from_on | hired_on   | left_on
        ada       | 2023-01-01    | 2023-01-01 | 2024-01-05
    """
    told = events("ada 2024-01-03", "ada 2024-01-17")
    there = log({"event": told, "person": people}, tmp_path, as_of="2024-01-29")
    frame = measures.lifecycle(there, verbs="complete", period="week")
    assert frame["left"].tolist() == [0, 1, 0, 1]
    assert frame["resurrected"].tolist() == [0, 0, 1, 0]
    assert (frame[list(STATES)].sum(axis=1) == 1).all()


def test_the_cohort_says_who_ever_began_and_who_is_there(world: EventLog) -> None:
    ever, here = measures.lifecycle(world, verbs="complete").attrs["steps"]
    assert 0 < here.n_persons < ever.n_persons
    assert ever.n_persons == measures.lifecycle(world, verbs="complete")["new"].sum()


# The ladder ---------------------------------------------------------------------------------


def test_the_ladder_of_weeks_counts_complete_iso_weeks(tmp_path: Path) -> None:
    """As of Wednesday 27 March: the last week counted is that of 18 March, the window twelve."""
    mondays = pd.date_range("2023-10-02", "2024-03-25", freq="7D").strftime("%Y-%m-%d")
    told = events(*(f"ada {day}" for day in mondays), "ben 2024-01-01", "ben 2024-01-02")
    there = log({"event": told}, tmp_path, as_of="2024-03-27")
    frame = measures.ladder(there, verbs="complete", rungs="weeks")
    assert frame[["n_before", "n_now", "is_settled"]].to_numpy().tolist() == [
        [0, 1, False],  # ben: two days of one week
        [12, 12, True],  # ada: every week, and the week under way is not counted
    ]
    assert frame.attrs["has_before"] is True


def test_a_short_log_has_no_window_before(tmp_path: Path) -> None:
    told = events("ada 2024-01-20", "ada 2024-02-03")
    frame = measures.ladder(log({"event": told}, tmp_path, as_of="2024-02-10"), verbs="complete")
    assert frame.attrs["has_before"] is False


# Silences -----------------------------------------------------------------------------------


def test_each_person_is_followed_once(world: EventLog) -> None:
    frame = measures.reactivation(world, verbs="complete", silent_days=20)
    people = frame.groupby("silent_days")["weight"].sum()
    assert people.index.tolist() == [10, 20, 40]
    assert people.is_monotonic_decreasing
    begun = measures.lifecycle(world, verbs="complete")["new"].sum()
    assert people.max() <= begun
    assert set(frame["event"]) == {"returned", "left", ""}
    assert frame["duration"].min() >= 0


# Edges of all -------------------------------------------------------------------------------

EVERY = ("cohorts", "lifecycle", "turnover", "ladder", "reactivation")


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EventLog]:
    """Nobody active, nobody with value, and the same rows in two orders."""
    days = pd.date_range("2024-01-01", periods=150)
    rng = np.random.default_rng(3)
    rows = [f"p{i} {days[j]:%Y-%m-%d}" for i in range(25) for j in rng.integers(0, 150, 12)]
    made = {
        "nobody": {"person": "person_id | valid_from_on | hired_on\nada | 2023-01-01 | 2023-01-01"},
        "no value": {"event": events("ada 2024-01-03", verb="view")},
        "rows": {"event": events(*rows)},
        "shuffled": {"event": events(*rng.permutation(rows))},
    }
    folder = tmp_path_factory.mktemp("poor")
    return {name: log(t, folder / name, as_of="2024-05-20") for name, t in made.items()}


@pytest.mark.parametrize("name", EVERY)
def test_without_activity_or_value_there_is_an_empty_frame(
    name: str, poor: dict[str, EventLog]
) -> None:
    measure = getattr(measures, name)
    nobody = measure(poor["nobody"], verbs="complete")
    assert nobody.empty
    assert "activity_day" in nobody.attrs["missing"]
    none = measure(poor["no value"], verbs="complete")
    assert none.empty
    assert list(none.columns) == list(measure.columns)


@pytest.mark.parametrize("name", EVERY)
def test_the_order_of_rows_changes_nothing(name: str, poor: dict[str, EventLog]) -> None:
    measure = getattr(measures, name)
    frames = [measure(poor[order], verbs="complete") for order in ("rows", "shuffled")]
    pd.testing.assert_frame_equal(*frames)
    assert len(frames[0])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("cohorts", {"period": "fortnight"}), ("lifecycle", {"period": "weeks"}),
        ("turnover", {"last_periods": 0}), ("turnover", {"period": ""}),
        ("ladder", {"rungs": "hours"}), ("reactivation", {"silent_days": 0}),
    ],
)  # fmt: skip
def test_a_bad_choice_is_refused_in_one_sentence(
    name: str, given: dict[str, object], poor: dict[str, EventLog]
) -> None:
    with pytest.raises(ParameterError, match=next(iter(given))):
        getattr(measures, name)(poor["no value"], verbs="complete", **given)


def test_as_of_before_the_first_period_is_over(tmp_path: Path) -> None:
    there = log({"event": events("ada 2024-01-03")}, tmp_path, as_of="2024-01-10")
    frame = measures.cohorts(there, verbs="complete")
    assert frame.empty
    assert frame.attrs["missing"] == "the first month with value is not over yet"
