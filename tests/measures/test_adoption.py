"""The adoption measures on worlds small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import adoption
from ldresearch.worlds.tables import log

PEOPLE = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path   | level
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales   | senior
    ben       | 2023-01-01    | 2023-01-01 | -          | all/sales   | entry
    cleo      | 2024-01-10    | 2024-01-10 | -          | all/service | -
    dan       | 2023-01-01    | 2023-01-01 | 2024-01-20 | all/service | entry
    eve       | 2023-01-01    | 2023-01-01 | -          | all/service | entry
"""
ACCESS = """
    person_id | platform | granted_at | revoked_at
    ada       | p        | 2024-01-01 | -
    ben       | p        | 2024-01-01 | -
    cleo      | p        | 2024-01-10 | -
    dan       | p        | 2024-01-01 | 2024-01-20
"""
EVENTS = """
    person_id | occurred_at         | recorded_at         | verb     | duration_s | assignment_id
    zoe       | 2024-01-01 08:00:00 | 2024-01-01 08:00:00 | view     | 60         | -
    ada       | 2024-01-01 09:00:00 | 2024-01-01 09:00:00 | view     | 600        | -
    ada       | 2024-01-03 09:00:00 | 2024-01-03 09:00:00 | complete | 600        | -
    ada       | 2024-01-22 09:00:00 | 2024-01-22 09:00:00 | complete | 600        | -
    ben       | 2024-01-05 09:00:00 | 2024-01-05 09:00:00 | complete | 1800       | a1
    ben       | 2024-01-15 09:00:00 | 2024-01-15 09:00:00 | view     | 60         | -
    cleo      | 2024-01-12 09:00:00 | 2024-01-12 09:00:00 | complete | 60         | -
    eve       | 2024-01-16 09:00:00 | 2024-01-16 09:00:00 | complete | 600        | -
    dan       | 2024-01-18 09:00:00 | 2024-02-09 09:00:00 | complete | 600        | -
"""
TOUCHES = """
    touch_id | initiative_id | person_id | unit_id | sent_at    | channel | kind
    t1       | i             | ada       | -       | 2024-01-02 | mail    | launch
    t2       | i             | -         | service | 2024-01-02 | mail    | launch
"""


@pytest.fixture
def world(tmp_path: Path) -> EventLog:
    """Dan's completion was recorded after the as-of date; eve never had access; zoe is unknown."""
    tables = {"person": PEOPLE, "access": ACCESS, "event": EVENTS, "touch": TOUCHES}
    return log(tables, tmp_path, as_of="2024-01-31")


def by(frame: pd.DataFrame, key: str, value: str) -> dict[str, object]:
    return dict(zip(frame[key], frame[value], strict=True))


def test_eligible_from_access_to_leaving(world: EventLog) -> None:
    frame = adoption.eligibility(world)
    assert len(frame) == 5
    assert frame["eligible_from_on"].isna().sum() == 1  # eve
    assert frame["ended"].tolist().count("left") == 1
    assert set(frame["level"]) == {"senior", "entry", "Unknown"}


def test_time_to_first_value_by_oneself(world: EventLog) -> None:
    frame = adoption.time_to_value(world)
    rows = sorted(zip(frame["duration"], frame["event"], frame["entry"], strict=True))
    assert rows == [
        (2.0, "value", 0.0),  # ada: 1 to 3 January
        (2.0, "value", 0.0),  # cleo: hired 10, completed 12 January
        (19.0, "left", 0.0),  # dan: what he did is recorded too late to be known
        (29.0, "", 0.0),  # ben: only assigned; followed to 30 January
    ]
    reasons = [(s.reason, s.n_persons) for s in frame.attrs["steps"]]
    assert reasons[:2] == [("known to the HR file", 5), ("ever had access", 4)]


def test_assigned_value_is_another_question(world: EventLog) -> None:
    assigned = adoption.time_to_value(world, assigned="assigned")
    assert (assigned["event"] == "value").sum() == 1
    every = adoption.time_to_value(world, assigned="all")
    assert (every["event"] == "value").sum() == 3


def test_minutes_and_verbs_decide_what_is_value(world: EventLog) -> None:
    long = adoption.time_to_value(world, min_minutes=5)
    assert (long["event"] == "value").sum() == 1  # cleo's minute is too short
    views = adoption.time_to_value(world, verbs="view")
    assert (views["event"] == "value").sum() == 2
    with pytest.raises(ParameterError, match="did you mean complete"):
        adoption.time_to_value(world, verbs="complet")


def test_a_launch_starts_the_clock_for_those_who_had_not_begun(world: EventLog) -> None:
    frame = adoption.time_to_value(world, since="2024-01-08")
    rows = sorted(zip(frame["duration"], frame["event"], strict=True))
    # Ada had started before it; ben and dan count from 8 January, cleo from her own start.
    assert rows == [(2.0, "value"), (12.0, "left"), (22.0, "")]
    assert frame.attrs["steps"][-1].reason == "not started before the launch"
    assert frame.attrs["steps"][-1].n_persons == 3
    weeks = adoption.adopters(world, since="2024-01-08")
    assert str(weeks["week_on"].iloc[0].date()) == "2024-01-08"
    assert weeks["adopters"].tolist() == [1, 0, 0, 0]


def test_late_entry_where_eligibility_precedes_the_log(tmp_path: Path) -> None:
    """Without an access table employment decides: ada was hired a year before the log begins."""
    late = log({"person": PEOPLE, "event": EVENTS}, tmp_path, as_of="2024-01-31")
    frame = adoption.time_to_value(late)
    ada = frame[(frame["event"] == "value") & (frame["duration"] == 367)]
    assert ada["entry"].tolist() == [364.5]


def test_value_before_access_is_marked(tmp_path: Path) -> None:
    access = ACCESS.replace(
        "ada       | p        | 2024-01-01", "ada       | p        | 2024-01-09"
    )
    early = log({"person": PEOPLE, "access": access, "event": EVENTS}, tmp_path, as_of="2024-01-31")
    frame = adoption.time_to_value(early)
    assert frame.loc[frame["is_early"], ["duration", "event"]].to_numpy().tolist() == [
        [0.0, "value"]
    ]
    assert by(adoption.reconciliation(early), "kind", "n_persons")["early"] == 1


def test_funnel_counts_the_employed_of_today(world: EventLog) -> None:
    frame = adoption.funnel(world)
    assert by(frame, "step", "n_reached") == {
        "employed": 4, "informed": 3, "access": 3, "active": 3, "value": 2,
    }  # fmt: skip
    assert by(frame, "step", "n_of") == {
        "employed": 4, "informed": 4, "access": 4, "active": 3, "value": 3,
    }  # fmt: skip
    split = adoption.funnel(world, by="unit")
    assert set(split["group"]) == {"sales", "service"}


def test_funnel_without_touches_has_no_such_step(tmp_path: Path) -> None:
    quiet = log({"person": PEOPLE, "access": ACCESS, "event": EVENTS}, tmp_path, as_of="2024-01-31")
    assert "informed" not in set(adoption.funnel(quiet)["step"])


def test_ways_are_kept_apart(world: EventLog) -> None:
    frame = adoption.ways(world)
    assert frame["way"].tolist() == ["assigned", "both", "neither", "self_started"]
    assert by(frame, "way", "n_persons") == {
        "assigned": 1, "both": 0, "neither": 0, "self_started": 2,
    }  # fmt: skip
    assert set(frame["n_eligible"]) == {3}


def test_groups_count_only_those_with_the_whole_window(world: EventLog) -> None:
    frame = adoption.groups(world, window_days=10).set_index("group")
    assert frame.loc["sales"].tolist() == [1, 2, 2, 1]
    assert frame.loc["service"].tolist() == [1, 2, 1, 0]  # cleo and dan; dan has left
    longer = adoption.groups(world, window_days=25).set_index("group")
    assert longer.loc["service", "n_followed"] == 1  # cleo has been there for 21 days
    assert adoption.groups(world, window_days=10, by="").to_numpy().tolist() == [["", 2, 4, 3, 1]]
    with pytest.raises(ParameterError, match="cannot be grouped"):
        adoption.groups(world, by="units")


def test_adopters_by_iso_week(world: EventLog) -> None:
    frame = adoption.adopters(world)
    assert frame["week_on"].dt.dayofweek.eq(0).all()
    assert frame["adopters"].tolist() == [1, 1, 0, 0, 0]
    assert frame["n_started"].tolist() == [1, 2, 2, 2, 2]
    assert frame["n_eligible"].tolist() == [3, 4, 3, 3, 3]  # cleo comes, dan leaves on the 20th
    assert frame["at_risk"].tolist() == [3, 3, 2, 1, 1]
    assert frame["is_complete"].tolist() == [True] * 4 + [False]


def test_a_week_without_events_is_a_row_with_zero(world: EventLog) -> None:
    frame = adoption.adopters(world)
    assert len(frame) == 5
    assert frame["time"].tolist() == [1, 2, 3, 4, 5]


def test_trailing_active_people(world: EventLog) -> None:
    frame = adoption.active(world).set_index("day_on")
    assert frame.loc["2024-01-01", ["dau", "wau", "mau"]].tolist() == [2, 2, 2]  # zoe, ada
    assert frame.loc["2024-01-07", ["dau", "wau", "mau"]].tolist() == [0, 3, 3]
    assert frame.loc["2024-01-16", ["dau", "wau", "mau"]].tolist() == [1, 3, 5]
    assert not frame.loc["2024-01-27", "is_full_month"]
    assert frame.loc["2024-01-28", "is_full_month"]
    # 28 days back from the 29th is the 2nd: zoe, who came on the 1st alone, is out.
    assert frame.loc["2024-01-28", "mau"] == 5
    assert frame.loc["2024-01-29", "mau"] == 4


def test_parts_add_up(world: EventLog) -> None:
    whole = adoption.active(world)[["dau", "wau", "mau"]]
    parts = adoption.active(world, parts=3).groupby("day_on")[["dau", "wau", "mau"]].sum()
    assert (parts.to_numpy() == whole.to_numpy()).all()


def test_active_days_of_the_last_28(world: EventLog) -> None:
    frame = adoption.active_days(world)
    assert len(frame) == 28
    assert frame["n_persons"].tolist()[:3] == [2, 2, 0]  # cleo, eve: one; ada, ben: two
    assert set(frame["n_active"]) == {4}


def test_reconciliation_names_who_does_not_fit(world: EventLog) -> None:
    frame = adoption.reconciliation(world)
    assert by(frame, "kind", "n_persons") == {"early": 0, "no_access": 1, "unknown": 1}
    assert set(frame["n_of"]) == {5}


MEASURES = [
    adoption.eligibility, adoption.time_to_value, adoption.funnel, adoption.ways, adoption.groups,
    adoption.adopters, adoption.active, adoption.active_days, adoption.reconciliation,
]  # fmt: skip


@pytest.mark.parametrize("one", MEASURES, ids=lambda m: m.__name__)
def test_a_missing_table_is_named(one: object, tmp_path: Path) -> None:
    empty = log({"touch": TOUCHES}, tmp_path, as_of="2024-01-31")
    frame = one(empty)  # type: ignore[operator]
    assert frame.empty
    assert "no rows yet in" in frame.attrs["missing"]


@pytest.mark.parametrize("one", MEASURES, ids=lambda m: m.__name__)
def test_before_anything_is_known(one: object, tmp_path: Path) -> None:
    tables = {"person": PEOPLE, "access": ACCESS, "event": EVENTS}
    frame = one(log(tables, tmp_path, as_of="2020-01-01"))  # type: ignore[operator]
    assert not len(frame) or one is adoption.eligibility
