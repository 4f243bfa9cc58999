"""The campaign measures on worlds small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.log import EventLog
from ldresearch.measures import campaigns
from ldresearch.worlds.tables import from_text, log

INITIATIVE = """
    initiative_id | name   | started_on | strategy | goal_id | budget | currency
    i             | Spring | 2024-01-31 | broad    | safety  | 900    | EUR
    j             | Spring | 2024-02-10 | drip     | -       | -      | -
"""
PERSON = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on    | unit_path
    ada       | 2023-01-01    | -           | 2023-01-01 | -          | all/sales/s1
    ben       | 2023-01-01    | -           | 2023-01-01 | -          | all/sales/s2
    cleo      | 2023-01-01    | -           | 2023-01-01 | 2024-02-10 | all/sales/s2
    dan       | 2023-01-01    | 2024-02-05  | 2023-01-01 | -          | all/sales/s1
    dan       | 2024-02-05    | -           | 2023-01-01 | -          | all/service/v1
    ivy       | 2023-01-01    | -           | 2023-01-01 | -          | all/service/v1
    jon       | 2024-02-20    | -           | 2024-02-20 | -          | all/service/v1
"""
ARM = """
    initiative_id | unit_kind | unit_id | arm      | assigned_at         | is_randomised
    i             | unit      | s1      | launch   | 2024-01-31 08:00:00 | false
    i             | unit      | s2      | hold-out | 2024-01-31 08:00:00 | false
    i             | unit      | s2      | launch   | 2024-03-01 08:00:00 | false
    i             | unit      | s1      | hold-out | 2024-02-07 08:00:00 | false
"""
TOUCH = """
    touch_id | initiative_id | person_id | unit_id | sent_at    | opened_at  | clicked_at
    t1       | i             | ada       | -       | 2024-01-31 | 2024-01-31 | -
    t2       | i             | ada       | -       | 2024-02-02 | -          | -
    t3       | i             | dan       | -       | 2024-02-01 | 2024-05-01 | 2024-05-02
    t4       | j             | -         | service | 2024-02-12 | -          | -
    t5       | j             | ada       | -       | 2024-02-26 | -          | -
"""
EVENT = """
    person_id | occurred_at         | verb
    ivy       | 2024-01-01 09:00:00 | view
    ada       | 2024-02-05 09:00:00 | complete
    ada       | 2024-02-06 09:00:00 | complete
    dan       | 2024-03-10 09:00:00 | complete
    ben       | 2024-03-03 09:00:00 | complete
    ivy       | 2024-02-14 09:00:00 | complete
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """Two campaigns of one name. Dan moves to service after the launch; jon joins later."""
    tables = {"initiative": INITIATIVE, "person": PERSON, "arm": ARM, "touch": TOUCH,
              "event": EVENT}  # fmt: skip
    return log(tables, tmp_path_factory.mktemp("world"), as_of="2024-04-10")


def rows(frame: pd.DataFrame, campaign: str, *columns: str) -> list[tuple[object, ...]]:
    own = frame[frame["campaign"] == campaign]
    return list(own[list(columns)].itertuples(index=False, name=None))


def test_two_campaigns_of_one_name_are_told_apart(world: EventLog) -> None:
    assert campaigns.campaigns(world)["campaign"].tolist() == ["Spring (i)", "Spring (j)"]
    assert set(campaigns.panel(world, with_client=True)["campaign"]) == {
        "Text: Spring (i)", "Text: Spring (j)",
    }  # fmt: skip


def test_reached_counts_each_unit_from_its_own_launch(world: EventLog) -> None:
    """Dan counts where he was at the launch. Cleo leaves before s2 is launched."""
    frame = campaigns.reached(world)
    columns = ("unit", "arm", "is_treated", "n_eligible", "n_waiting", "n_reached")
    assert rows(frame, "Spring (i)", *columns) == [
        ("s1", "launch", True, 2, 2, 1), ("s2", "hold-out", True, 1, 1, 1),
        ("v1", "not launched", False, 1, 1, 1),
    ]  # fmt: skip
    assert rows(frame, "Spring (i)", "launched_on")[1] == (pd.Timestamp("2024-03-01"),)


def test_without_arms_messages_say_when_a_unit_was_launched(world: EventLog) -> None:
    """Dan had left s1 by then, so ada is all of it; of s2 nobody was ever written to."""
    frame = campaigns.reached(world)
    assert rows(frame, "Spring (j)", "unit", "arm", "launched_on") == [
        ("s1", "launch", pd.Timestamp("2024-02-26")),
        ("s2", "not launched", pd.Timestamp("2024-02-10")),
        ("v1", "launch", pd.Timestamp("2024-02-12")),
    ]


def test_a_few_stray_messages_launch_nobody(tmp_path: Path) -> None:
    """Half of those written to in a, on the second day; in b one of twenty."""
    names = [f"p{i:02d}" for i in range(40)]
    people = "\n".join(
        ["person_id | valid_from_on | hired_on | unit_path"]
        + [f"{n} | 2023-01-01 | 2023-01-01 | all/{'ab'[i >= 20]}" for i, n in enumerate(names)]
    )
    told = dict.fromkeys(names[:2], "2024-02-01") | dict.fromkeys(names[2:8], "2024-02-06")
    told |= {names[30]: "2024-02-03"}
    touches = "\n".join(
        ["touch_id | initiative_id | person_id | sent_at"]
        + [f"t{i} | i | {who} | {day}" for i, (who, day) in enumerate(told.items())]
    )
    tables = {"initiative": "initiative_id | started_on\n i | 2024-02-01", "person": people,
              "touch": touches, "event": EVENT}  # fmt: skip
    frame = campaigns.reached(log(tables, tmp_path, as_of="2024-04-10"))
    assert rows(frame, "i", "unit", "arm", "launched_on") == [
        ("a", "launch", pd.Timestamp("2024-02-06")),
        ("b", "not launched", pd.Timestamp("2024-02-01")),
    ]


def test_periods_are_whole_and_counted_from_the_launch(world: EventLog) -> None:
    frame = campaigns.panel(world)
    assert rows(frame[frame["unit"] == "s2"], "Spring (i)", "time", "first_treated", "n_waiting",
                "n_started") == [(-1, 1.0, 2, 0), (0, 1.0, 2, 0), (1, 1.0, 1, 1)]  # fmt: skip
    assert frame["period_on"].max() < pd.Timestamp("2024-04-10") - pd.Timedelta(days=29)
    assert rows(frame[frame["unit"] == "s2"], "Spring (i)", "offset_days")[0] == (0.0,)


def test_a_unit_taken_out_is_a_switch_and_a_later_launch_is_none(world: EventLog) -> None:
    assert rows(campaigns.switches(world), "Spring (i)", "unit", "arm", "later_arm") == [
        ("s1", "launch", "hold-out")
    ]


def test_touches_by_week_and_what_was_not_known_yet(world: EventLog) -> None:
    """Dan opened after the as-of date."""
    frame = campaigns.touches(world)
    columns = ("n_touches", "n_persons", "n_opened", "n_clicked")
    assert rows(frame, "Spring (i)", *columns) == [(3, 2, 1, 0)]
    assert rows(frame, "Spring (j)", *columns) == [(1, 0, 0, 0), (1, 1, 0, 0)]


def test_dose_is_that_of_the_first_week(world: EventLog) -> None:
    frame = campaigns.dose(world)
    assert rows(frame, "Spring (i)", "touches", "n_reached", "n") == [
        ("1", 0, 1), ("2", 1, 1), ("none", 1, 1),
    ]  # fmt: skip


def test_a_campaign_in_one_row(world: EventLog) -> None:
    first, second = campaigns.campaigns(world).to_dict("records")
    assert (first["n_units"], first["n_launched"], first["n_waves"]) == (3, 2, 2)
    assert (first["breadth"], first["has_touches"]) == (0.5, True)  # ada and dan of four
    assert (first["is_goal_tied"], second["is_goal_tied"]) == (True, None)
    assert (first["n_overlapping"], second["n_overlapping"]) == (1, 1)
    assert pd.isna(second["budget"])


def test_response_has_every_day_and_knows_who_was_there(world: EventLog) -> None:
    frame = campaigns.response(world, parts=1)
    own = frame[frame["campaign"] == "Spring (i)"]
    assert own["day"].tolist() == list(range(-30, 40))
    assert set(own["n"]) == {3}
    responded = own[own["n_responded"] > 0].set_index("day")["n_responded"].to_dict()
    assert responded == {2: 1, 5: 1, 6: 1, 39: 1}


def test_what_comes_later_is_not_known_yet(world: EventLog) -> None:
    """On 20 February s2 has no launch and nothing is whole; on 20 March the window of s1 is."""
    early = EventLog.open(world.dataset, as_of="2024-02-20")
    columns = ("unit", "is_treated", "is_complete")
    assert rows(campaigns.reached(early), "Spring (i)", *columns) == [
        ("s1", True, False), ("s2", False, False), ("v1", False, False),
    ]  # fmt: skip
    assert not campaigns.campaigns(early)["is_complete"].any()
    later = campaigns.campaigns(EventLog.open(world.dataset, as_of="2024-03-20")).iloc[0]
    assert later[["n_launched", "n_waiting", "n_reached", "is_complete"]].tolist() == [
        2,
        2,
        1,
        True,
    ]


def test_the_order_of_rows_changes_nothing(world: EventLog, tmp_path: Path) -> None:
    texts = {"initiative": INITIATIVE, "person": PERSON, "arm": ARM, "touch": TOUCH, "event": EVENT}
    turned = {name: from_text(text).iloc[::-1] for name, text in texts.items()}
    other = log(turned, tmp_path, as_of="2024-04-10")
    for name in ("campaigns", "panel", "reached", "touches", "dose"):
        measure = getattr(campaigns, name)
        pd.testing.assert_frame_equal(measure(other), measure(world))


def test_weeks_are_those_of_the_launched(world: EventLog) -> None:
    own = campaigns.weeks(world)
    own = own[own["campaign"] == "Spring (i)"].set_index("week")
    assert own.index.tolist() == list(range(-4, 10))
    assert own.loc[0, ["n_waiting", "n_started"]].tolist() == [4, 1]
    assert own.loc[2, "n_waiting"] == 2  # cleo has left


def daily(n_by_day: dict[str, int]) -> str:
    lines = [f"    p{i} | {day} 09:00:00 | view" for day, n in n_by_day.items() for i in range(n)]
    return "\n".join(["    person_id | occurred_at | verb", *lines])


def test_a_quiet_launch_day_is_found(tmp_path: Path) -> None:
    """Twenty come on Mondays, five on 1 April 2024: Easter Monday."""
    mondays = pd.date_range("2024-02-05", "2024-04-08", freq="7D")
    counts = {str(day.date()): 20 for day in mondays} | {"2024-04-01": 5}
    people = "\n".join(
        ["    person_id | valid_from_on | hired_on | unit_path"]
        + [f"    p{i} | 2023-01-01 | 2023-01-01 | all/a" for i in range(20)]
    )
    tables = {
        "initiative": """
            initiative_id | started_on
            easter        | 2024-04-01
            after         | 2024-04-08
            early         | 2024-02-12
        """,
        "person": people, "event": daily(counts),
    }  # fmt: skip
    found = campaigns.launch_days(log(tables, tmp_path, as_of="2024-05-01"))
    found = found.set_index("campaign")
    assert found["is_quiet"].to_dict() == {"after": False, "early": False, "easter": True}
    assert found.loc["easter", ["n_active", "usual"]].tolist() == [5, 20.0]
    assert pd.isna(found.loc["early", "usual"])  # one Monday is no yardstick


def test_persons_in_arms_have_pseudonyms_and_the_arm_is_their_unit(tmp_path: Path) -> None:
    arm = """
        initiative_id | unit_kind | unit_id | arm     | assigned_at         | is_randomised
        i             | person    | Ada     | launch  | 2024-01-31 08:00:00 | true
        i             | person    | ben     | control | 2024-01-31 08:00:00 | true
    """
    tables = {"initiative": INITIATIVE, "person": PERSON, "arm": arm, "event": EVENT}
    opened = log(tables, tmp_path, as_of="2024-04-10")
    stored = opened.collect(opened.table("arm"))["unit_id"]
    assert stored.str.fullmatch("[0-9a-f]{32}").all()
    found = campaigns.reached(opened)
    assert rows(found, "Spring (i)", "unit", "is_treated", "is_randomised", "n_reached") == [
        ("control", False, True, 0), ("launch", True, True, 1),
    ]  # fmt: skip


def test_each_person_counts_from_her_own_day(tmp_path: Path) -> None:
    """Ada has started before hers, ben was held out and then launched, ivy's window is not over."""
    arm = """
        initiative_id | unit_kind | unit_id | arm     | assigned_at         | is_randomised
        i             | person    | ada     | launch  | 2024-02-07 08:00:00 | true
        i             | person    | dan     | launch  | 2024-02-12 08:00:00 | true
        i             | person    | ben     | control | 2024-02-12 08:00:00 | true
        i             | person    | ben     | launch  | 2024-02-26 08:00:00 | true
        i             | person    | ivy     | launch  | 2024-03-18 08:00:00 | true
    """
    tables = {"initiative": INITIATIVE, "person": PERSON, "arm": arm, "event": EVENT}
    opened = log(tables, tmp_path, as_of="2024-04-10")
    found = campaigns.allocated(opened)
    assert found["campaign"].unique().tolist() == ["Spring (i)"]  # j allocated no persons
    names = ["is_launched", "n_reached", "n_waiting"]
    assert rows(found.assign(week_on=found["week_on"].dt.strftime("%m-%d")), "Spring (i)",
                "week_on", *names) == [
        ("02-05", True, 0, 0), ("02-12", False, 1, 1), ("02-12", True, 1, 1),
    ]  # fmt: skip
    sides = campaigns.reached(opened)
    assert rows(sides, "Spring (i)", "unit", "is_treated", "n_reached", "n_waiting") == [
        ("control", False, 1, 1), ("launch", True, 1, 1),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """The launch lies before the log, after everyone left, or names no unit there is."""
    tables = {
        "initiative": "initiative_id | started_on\n old | 2019-01-01\n gone | 2024-02-01",
        "person": "person_id | valid_from_on | hired_on | left_on | unit_path\n"
        " ada | 2023-01-01 | 2023-01-01 | 2024-01-15 | all/a",
        "event": "person_id | occurred_at | verb\n ada | 2024-01-03 09:00:00 | complete",
        "arm": "initiative_id | unit_kind | unit_id | arm | assigned_at | is_randomised\n"
        " old | unit | nowhere | launch | 2024-02-01 09:00:00 | false",
        "touch": "touch_id | initiative_id | person_id | sent_at\n"
        " t | gone | zoe | 2024-02-01 09:00:00",
    }
    return log(tables, tmp_path_factory.mktemp("nobody"), as_of="2024-05-01")


MEASURES = ("panel", "weeks", "reached", "allocated", "dose", "response", "launch_days",
            "campaigns", "touches", "switches")  # fmt: skip


@pytest.mark.parametrize("name", MEASURES)
def test_an_initiative_nobody_was_there_for(name: str, nobody: EventLog) -> None:
    frame = getattr(campaigns, name)(nobody)
    assert list(frame.columns) == list(getattr(campaigns, name).columns)
