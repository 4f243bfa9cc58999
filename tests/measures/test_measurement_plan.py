"""What was there before a launch, on a world small enough to count by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import measurement_plan as measures
from ldresearch.measures._outcomes import METRICS, outcomes, starting
from ldresearch.plan import Plan, parse, template
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import log

PEOPLE = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path      | manager_id | role_id
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales/a    | eve        | clerk
    ben       | 2023-01-01    | 2023-01-01 | -          | all/sales/b    | eve        | clerk
    cleo      | 2024-01-10    | 2024-01-10 | -          | all/service    | fay        | -
    dan       | 2023-01-01    | 2023-01-01 | 2024-01-20 | all/service    | -          | clerk
    eve       | 2023-01-01    | 2023-01-01 | -          | all/sales      | -          | lead
"""
EVENTS = """
    person_id | occurred_at         | recorded_at         | verb     | duration_s | assignment_id
    ada       | 2023-12-04 09:00:00 | 2023-12-04 09:00:00 | complete | 600        | -
    ada       | 2024-01-02 09:00:00 | 2024-01-02 09:00:00 | complete | 1200       | -
    ada       | 2024-01-03 09:00:00 | 2024-01-03 09:00:00 | view     | 60         | -
    ada       | 2024-01-10 09:00:00 | 2024-01-10 09:00:00 | pass     | 600        | -
    ada       | 2024-01-16 09:00:00 | 2024-01-16 09:00:00 | pass     | 600        | -
    ben       | 2024-01-05 09:00:00 | 2024-01-05 09:00:00 | complete | 1800       | a1
    ben       | 2024-01-06 09:00:00 | 2024-01-06 09:00:00 | abandon  | -          | -
    cleo      | 2024-01-12 09:00:00 | 2024-01-12 09:00:00 | complete | 60         | -
    dan       | 2024-01-04 09:00:00 | 2024-01-14 09:00:00 | complete | 600        | -
    zoe       | 2024-01-04 09:00:00 | 2024-01-04 09:00:00 | complete | 600        | -
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """Cleo comes later, dan leaves, ben learns what he was told to, zoe is unknown."""
    folder = tmp_path_factory.mktemp("world")
    return log({"person": PEOPLE, "event": EVENTS}, folder, as_of="2024-02-20")


def plan(**changed: object) -> Plan:
    text = template()
    dates = {
        "launch_on": date(2024, 1, 15), "end_on": date(2024, 6, 1), "window_days": 14,
        "looks_on": ["2024-02-01"], "reviews_on": [],
    }  # fmt: skip
    for name, value in (dates | changed).items():
        said = f'"{value}"' if isinstance(value, str) else str(value).replace("'", '"')
        lines = [f"{name} = {said}" if line.startswith(f"{name} = ") else line
                 for line in text.splitlines()]  # fmt: skip
        text = "\n".join(lines)
    return parse(text)


def test_each_metric_by_hand(world: EventLog) -> None:
    """Window 1 to 14 January: cleo is not there yet, dan is, and what he did was known late."""
    frame = measures.baseline(world, plan())
    assert frame.attrs["first_on"] == "2024-01-01"
    assert len(frame) == 4  # ada, ben, dan, eve
    found = {m: sorted(frame[m].tolist(), reverse=True) for m in METRICS if m != "value_reach_days"}
    # Dan's completion was recorded on the 14th, before the launch: it counts.
    assert found == {
        "value_reach": [1, 1, 0, 0], "value_days": [2, 1, 0, 0], "active_weeks": [2, 1, 0, 0],
        "learning_minutes": [31, 10, 0, 0], "return_share": [1, 0, 0, 0],
        "gave_up_share": [1, 0, 0, 0], "assigned_minutes": [30, 0, 0, 0],
    }  # fmt: skip
    assert sorted(frame["value_reach_days"].tolist()) == [1, 3, 14, 14]


def test_the_window_before_is_there_where_the_log_reaches(world: EventLog) -> None:
    frame = measures.baseline(world, plan())
    assert frame["value_reach_before"].sum() == 0  # 18 to 31 December: nobody did anything
    earlier = measures.baseline(world, plan(window_days=25))
    assert earlier["value_reach_before"].isna().all()  # the log begins on 4 December


def test_nothing_from_the_launch_on_is_read(world: EventLog) -> None:
    frame = measures.baseline(world, plan())
    later = measures.baseline(
        EventLog.open(world.dataset, as_of="2024-01-15"), plan(launch_on=date(2024, 1, 15))
    )
    pd.testing.assert_frame_equal(frame, later)
    weeks = measures.weeks(world, plan())
    assert weeks["week_on"].max() == pd.Timestamp("2024-01-08")


def test_assigned_learning_counts_where_the_plan_says_so(world: EventLog) -> None:
    frame = measures.baseline(world, plan(assigned="all"))
    assert sorted(frame["value_reach"].tolist()) == [0, 1, 1, 1]


def test_groups_to_roll_out_by(world: EventLog) -> None:
    frame = measures.baseline(world, plan()).set_index("value_days")
    assert frame.loc[2, ["unit", "team"]].tolist() == ["sales", "a"]
    assert frame["manager"].nunique() == 2  # eve's people, and those without a manager
    assert set(frame["role"]) == {"clerk", "lead"}


def test_weeks_by_hand(world: EventLog) -> None:
    weeks = measures.weeks(world, plan()).set_index(["metric", "week_on"])
    first, second = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-08")
    assert weeks.loc[("value_reach", first), "n"] == 4
    assert weeks.loc[("value_reach", first), "value"] == pytest.approx(2 / 4)
    assert weeks.loc[("return_share", second), "value"] == pytest.approx(1 / 4)  # ada again
    assert weeks.loc[("learning_minutes", second), "value"] == pytest.approx(10 / 4)
    assert weeks.loc[("gave_up_share", first), "value"] == pytest.approx(1 / 4)
    # A quiet week is a row with nought, not a missing one.
    assert weeks.loc[("value_reach", pd.Timestamp("2023-12-11")), "value"] == 0


def test_records_by_hand(world: EventLog) -> None:
    records = measures.records(world, plan()).set_index("metric")
    assert records.loc["value_reach", ["n_missing", "n_rows"]].tolist() == [1, 9]  # zoe
    assert records.loc["learning_minutes", "n_missing"] == 1  # ben's abandon has no duration
    assert records.loc["value_reach", "lag_days"] >= 14


def test_the_panel_has_a_row_a_group_and_week(world: EventLog) -> None:
    panel = measures.panel(world, plan(), by="unit")
    ada = panel[(panel["unit"] == "sales") & (panel["week"] == "2024-01-08")]
    assert ada[["value", "weight"]].to_numpy().tolist() == [[pytest.approx(1 / 3), 3]]
    assert not panel.duplicated(["unit", "week"]).any()
    with pytest.raises(ParameterError, match="did you mean"):
        measures.panel(world, plan(), by="units")


def test_the_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    dataset = organisation(3, n_persons=120, n_months=4).write(tmp_path / "d")
    own = EventLog.open(dataset, as_of="2024-04-20")
    weeks = measures.weeks(own)
    for by in ("unit", "manager"):
        panel = measures.panel(own, by=by)
        total = (panel["value"] * panel["weight"]).groupby(panel["week"]).sum()
        whole = weeks[weeks["metric"] == "value_reach"].set_index("week_on")
        whole = (whole["value"] * whole["n"]).loc[total.index]
        assert (total <= whole + 1e-9).all()
        if by != "manager":  # whoever leads has no manager
            assert total.to_numpy() == pytest.approx(whole.to_numpy())


@pytest.mark.parametrize("name", ["baseline", "weeks", "records", "panel"])
def test_nobody_in_the_population_is_an_answer(name: str, world: EventLog) -> None:
    frame = getattr(measures, name)(world, plan(country="Nowhere"))
    assert frame.empty
    assert "nobody of the plan's population" in frame.attrs["missing"]


def test_too_short_a_log_is_an_answer(world: EventLog) -> None:
    frame = measures.baseline(world, plan(window_days=200))
    assert "less than one whole window (200 days)" in frame.attrs["missing"]


def test_row_order_does_not_matter(world: EventLog, tmp_path: Path) -> None:
    lines = EVENTS.strip().splitlines()
    again = log({"person": PEOPLE, "event": "\n".join([lines[0], *reversed(lines[1:])])},
                tmp_path / "again", as_of="2024-02-20")  # fmt: skip
    columns = list(METRICS)
    one = measures.baseline(world, plan())[columns].sort_values(columns, ignore_index=True)
    two = measures.baseline(again, plan())[columns].sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(one, two)


def test_a_window_that_is_not_over_is_told(world: EventLog) -> None:
    """Started ten days before the as-of date: ten days are followed, and it says so."""
    start = starting(world, date(2024, 2, 10))
    frame = world.collect(outcomes(world, start, window_days=14, verbs=("complete", "pass")))
    assert frame["followed_days"].tolist() == [10] * len(frame)
    assert not frame["is_complete"].any()
