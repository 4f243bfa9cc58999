"""The way, its times, paths and first weeks, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.measures import journey
from ldresearch.worlds import journeys, organisation
from ldresearch.worlds.tables import log

PERSON = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on    | unit_path | role_id
    ada       | 2023-01-01    | 2024-04-01  | 2023-01-01 | -          | all/Sales | analyst
    ada       | 2024-04-01    | -           | 2023-01-01 | -          | all/Sales | adviser
    ben       | 2023-01-01    | -           | 2023-01-01 | -          | all/Lab   | analyst
    cleo      | 2023-01-01    | -           | 2023-01-01 | 2024-02-10 | all/Lab   | analyst
"""
EVENT = """
    person_id | occurred_at | verb     | content_id | assignment_id | duration_s
    ada       | 2024-01-01  | complete | v1         | -             | 600
    ada       | 2024-01-02  | complete | v2         | -             | 600
    ada       | 2024-01-03  | view     | c1         | -             | 60
    ada       | 2024-01-07  | complete | c1         | -             | 1200
    ada       | 2024-01-08  | complete | a1         | -             | 300
    ada       | 2024-02-20  | complete | v1         | -             | 600
    ben       | 2024-01-05  | complete | c1         | -             | 1200
    ben       | 2024-01-06  | complete | m1         | x1            | 1200
    cleo      | 2024-01-05  | complete | v1         | -             | 600
"""
CONTENT = """
    content_id | kind
    v1         | video
    v2         | video
    c1         | course
    a1         | article
    m1         | course
"""
RATING = """
    person_id | skill_id | rated_at   | source  | raw | scale_id | rater_id
    ben       | s1       | 2024-01-01 | manager | 2   | five     | ada
    ben       | s1       | 2024-03-01 | manager | 3   | five     | ada
    ben       | s1       | 2024-03-01 | self    | 5   | five     | -
"""
SCALE = """
    scale_id | minimum | maximum
    five     | 1       | 5
"""
TABLES = {"person": PERSON, "event": EVENT, "content": CONTENT}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    rated = {"skill_rating": RATING, "skill_scale": SCALE}
    return log(TABLES | rated, tmp_path_factory.mktemp("whole"), as_of="2024-06-01")


def by_step(frame: pd.DataFrame, group: str = "") -> dict[str, tuple[int, int]]:
    rows = frame[frame["group"] == group]
    return {r["step"]: (r["n_reached"], r["n_of"]) for r in rows.to_dict("records")}


def test_a_role_or_a_skill_that_moved_later_is_an_outcome(whole) -> None:
    found = by_step(journey.funnel(whole))
    assert found["eligible"] == (2, 2)  # cleo has left
    assert "informed" not in found  # no touches: absent, not nought
    assert "passed_on" not in found
    assert found["stayed"] == (1, 2)
    assert found["gained"] == (1, 1)  # ada's new role; ben did not stay
    everyone = by_step(journey.funnel(whole, later_from=7, later_to=200), "")
    assert everyone["activated"] == (2, 2)
    assert everyone["stayed"] == (0, 0)  # nobody is followed so long


def test_groups_add_up_to_everyone(whole) -> None:
    for by in ("unit", "usage", "role"):
        split = journey.funnel(whole, by=by).groupby("step")[["n_reached", "n_of"]].sum()
        all_of_it = journey.funnel(whole).set_index("step")
        for step in all_of_it.index:
            assert tuple(split.loc[step]) == tuple(all_of_it.loc[step, ["n_reached", "n_of"]])


def test_usage_is_the_first_preset_that_matches(tmp_path) -> None:
    weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    rows = [("power", w + pd.Timedelta(minutes=i)) for w in weeks for i in range(15)]
    rows += [("habit", w) for w in weeks[:9]]
    rows += [("novice", weeks[0] + pd.Timedelta(minutes=i)) for i in range(12)]
    rows += [("low", weeks[0])]
    event = pd.DataFrame(rows, columns=["person_id", "occurred_at"]).assign(verb="view")
    names = ["power", "habit", "novice", "low", "none"]
    person = pd.DataFrame({"person_id": names, "valid_from_on": "2023-01-01",
                           "hired_on": "2023-01-01"})  # fmt: skip
    found = journey.funnel(
        log({"person": person, "event": event}, tmp_path, as_of="2024-03-25"), by="usage"
    )
    eligible = found[found["step"] == "eligible"]
    assert dict(zip(eligible["group"], eligible["n_of"], strict=True)) == dict.fromkeys(
        ("power", "habitual", "novice", "low", "none"), 1
    )


def test_time_runs_from_step_to_step(whole) -> None:
    found = journey.step_times(whole).set_index(["step", "person_key"])
    again = found.loc["again"].sort_values("duration")
    assert again["duration"].tolist() == [1.0, 36.0, 148.0]  # ada; cleo until she left; ben
    assert again["event"].tolist() == [True, False, False]
    first = found.loc["activated"]
    assert first["event"].all()
    # All were hired a year before the log begins, and enter when it does.
    assert (first["entry"].round() == 365).all()
    gained = found.loc["gained"].sort_values("duration")
    assert gained["duration"].tolist() == [36.0, 56.0, 91.0]
    assert gained["event"].tolist() == [False, True, True]


def test_a_path_is_the_first_kinds_in_their_order(whole) -> None:
    found = journey.paths(whole).set_index("path")["n_persons"].to_dict()
    assert found == {"course": 1, "video": 1, "video > course > article": 1}
    assert sum(journey.paths(whole, max_steps=1)["n_persons"]) == 3
    assert journey.paths(whole, assigned="assigned")["path"].tolist() == ["course"]


def test_the_first_week_is_seven_days(whole) -> None:
    found = journey.first_weeks(whole).sort_values("first_on")
    assert len(found) == 2  # cleo left before it was known
    ada, ben = found.to_dict("records")
    assert ada["active_days"] == 4.0  # the eighth day is not of it
    assert ada["value_days"] == 3.0
    assert ada["contents"] == 3.0
    assert ada["kinds"] == 2.0
    assert ada["minutes"] == 41.0
    assert ada["looked_around"] == 1.0
    assert ada["stayed"]
    assert not ben["stayed"]
    assert ben["assigned_too"] == 1.0
    assert [s.n_persons for s in journey.first_weeks(whole).attrs["steps"]] == [3, 3, 2]


def test_doubts_are_counted(whole) -> None:
    found = journey.doubts(whole).set_index("kind")["n_persons"].to_dict()
    assert found == {"began_early": 3, "no_kind": 0}


@pytest.mark.parametrize("case", ["empty", "no HR file", "one person"])
def test_poor_data_give_frames(case: str, tmp_path) -> None:
    event = EVENT if case != "empty" else pd.DataFrame({"person_id": [], "occurred_at": [],
                                                        "verb": []})  # fmt: skip
    tables = {"event": event} | ({"person": PERSON} if case == "one person" else {})
    poor = log(tables, tmp_path, as_of="2024-06-01")
    for made in (
        journey.funnel(poor), journey.step_times(poor), journey.paths(poor),
        journey.first_weeks(poor), journey.doubts(poor),
    ):  # fmt: skip
        assert list(made.columns)
        assert len(made) or "missing" in made.attrs or case == "empty"


def test_what_is_passed_on_changes_no_other_event(tmp_path) -> None:
    world = organisation(2, n_persons=150, n_months=9)
    told = journeys.passed_on(world, seed=2, telling=0.5)
    n = len(world.tables["event"])
    pd.testing.assert_frame_equal(told.tables["event"].head(n), world.tables["event"],
                                  check_dtype=False)  # fmt: skip
    opened = log(told.tables, tmp_path, as_of="2024-10-01")
    steps = by_step(journey.funnel(opened))
    assert 0 < steps["passed_on"][0] <= steps["passed_on"][1]


def test_a_window_that_cannot_be_is_refused(whole) -> None:
    with pytest.raises(ParameterError, match="later_to"):
        journey.funnel(whole, later_from=90, later_to=28)
    with pytest.raises(ParameterError, match="did you mean unit"):
        journey.funnel(whole, by="units")


# Steps and sittings, from the events themselves ---------------------------------------------

STEPS = """
    person_id | occurred_at         | verb     | assignment_id
    ada       | 2024-01-01 09:00:00 | view     | -
    ada       | 2024-01-01 09:00:00 | start    | -
    ada       | 2024-01-01 09:10:00 | start    | -
    ada       | 2024-01-02 09:00:00 | complete | -
    ben       | 2024-01-01 09:00:00 | view     | -
    ben       | 2024-01-09 09:00:00 | start    | x1
    zoe       | 2024-01-03 09:00:00 | view     | -
    zoe       | 2024-01-03 09:05:00 | start    | -
"""


def reached(frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    rows = zip(frame["step"], frame["n_reached"], frame["n_of"], strict=True)
    return {step: (int(n), int(of)) for step, n, of in rows}


def test_a_step_is_later_than_the_one_before_and_within_the_window() -> None:
    there = log({"event": STEPS}, as_of="2024-02-01")
    week = journey.ordered_funnel(there, window_days=7)
    assert reached(week) == {"view": (3, 3), "start": (2, 3), "complete": (1, 2)}
    longer = journey.ordered_funnel(there, steps="view, start", window_days=10)
    assert reached(longer) == {"view": (3, 3), "start": (3, 3)}
    own = journey.ordered_funnel(there, window_days=10, assigned="self_started")
    assert reached(own)["start"] == (2, 3)


def test_steps_count_in_the_order_given_and_by_group() -> None:
    there = log({"event": STEPS, "person": PERSON}, as_of="2024-02-01")
    found = journey.ordered_funnel(there, window_days=10, by="unit")
    groups = {g: reached(rows) for g, rows in found.groupby("group")}
    assert groups == {
        "Lab": {"view": (1, 1), "start": (1, 1), "complete": (0, 1)},
        "Sales": {"view": (1, 1), "start": (1, 1), "complete": (1, 1)},
        "Unknown": {"view": (1, 1), "start": (1, 1), "complete": (0, 1)},
    }
    back = journey.ordered_funnel(there, steps=["complete", "view"], window_days=10)
    assert reached(back) == {"complete": (1, 1), "view": (0, 1)}


def test_nobody_whose_window_is_over_is_told_as_such() -> None:
    there = log({"event": STEPS}, as_of="2024-01-07")
    assert journey.ordered_funnel(there, window_days=28).attrs["missing"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"steps": ["view"]}, "steps"), ({"steps": ["view", "view"]}, "steps"),
        ({"steps": ["view", "buy"]}, "verbs"), ({"window_days": 0}, "window_days"),
        ({"by": "colour"}, "by"), ({"assigned": "some"}, "assigned"),
    ],
)  # fmt: skip
def test_a_funnel_without_sense_is_refused(options: dict[str, object], word: str) -> None:
    there = log({"event": STEPS, "person": PERSON}, as_of="2024-02-01")
    with pytest.raises(ParameterError, match=word):
        journey.ordered_funnel(there, **options)


def test_a_funnel_of_this_kind_goes_into_the_model_of_funnels() -> None:
    from ldresearch.models import journey as models

    there = log({"event": STEPS}, as_of="2024-02-01")
    found = models.funnel(journey.ordered_funnel(there, window_days=7))
    assert found.frame.set_index("step")["share"]["complete"] == pytest.approx(0.5)


def test_sessions_end_at_the_gap_wherever_the_clock_stands() -> None:
    """Events 29 minutes apart are one session, however they lie to the half hours of the clock."""
    base = pd.Timestamp("2024-01-03 09:00")
    for shift in range(0, 60, 7):
        for pause, n_sessions in ((29, 1), (30, 4)):
            at = [base + pd.Timedelta(minutes=shift + i * pause) for i in range(4)]
            events = pd.DataFrame({"person_id": "ada", "occurred_at": at, "verb": "view"})
            found = journey.sessions(log({"event": events}, as_of="2024-01-08"))
            assert found["n_sessions"].tolist() == [n_sessions], (shift, pause)
            assert found["minutes"].tolist() == [(4 - n_sessions) * 29.0]


def test_a_session_belongs_to_the_local_week_it_began_in() -> None:
    told = """
        person_id | occurred_at         | verb
        ada       | 2024-01-07 22:50:00 | view
        ada       | 2024-01-07 23:10:00 | view
        ben       | 2024-01-03 10:00:00 | view
    """
    utc = journey.sessions(log({"event": told}, as_of="2024-01-15"))
    assert utc["n_sessions"].tolist() == [2, 0]
    tokyo = journey.sessions(log({"event": told}, as_of="2024-01-15", time_zone="Asia/Tokyo"))
    assert tokyo["n_sessions"].tolist() == [1, 1]


def test_parts_of_the_people_add_up_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from ldresearch import log as logs
    from ldresearch.measures import adoption, engagement_survival, retention_lifecycle

    people = [f"p{i}" for i in range(30)]
    rows = [
        {"person_id": p, "occurred_at": pd.Timestamp("2024-01-01") + pd.Timedelta(days=d * (i % 7)),
         "verb": "complete"}
        for i, p in enumerate(people) for d in range(12)
    ]  # fmt: skip
    staff = [
        {"person_id": p, "valid_from_on": "2023-01-01", "hired_on": "2023-01-01",
         "unit_path": ["all", f"U{i % 3}", "x"]}
        for i, p in enumerate(people)
    ]  # fmt: skip
    tables = {"event": pd.DataFrame(rows), "person": pd.DataFrame(staff)}
    there = log(tables, as_of="2024-06-01")

    def every() -> list[pd.DataFrame]:
        return [
            journey.sessions(there),
            adoption.active(there),
            retention_lifecycle.cohorts(there, period="week"),
            retention_lifecycle.lifecycle(there, period="week"),
            engagement_survival.spell_lengths(there, verbs="complete", gap_days=4, by="unit"),
        ]

    whole = every()
    assert {"U0", "U1", "U2"} == set(whole[-1]["group"])
    monkeypatch.setattr(logs, "PART_ROWS", 12)
    assert len(there.parts("event")) > 20
    for before, after in zip(whole, every(), strict=True):
        pd.testing.assert_frame_equal(before, after)
