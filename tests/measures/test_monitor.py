"""70_monitor's measures on tables small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from ldresearch import plan_ledger
from ldresearch.log import EventLog
from ldresearch.measures import monitor as m
from ldresearch.plan import Plan, parse
from ldresearch.plan_ledger import Standing
from ldresearch.worlds.tables import from_text, log

PLAN = """
name = "sprint"
objective = "More people find something of use."
owner = "Head of learning"
initiative = "sprint"
launch_on = 2024-03-04
end_on = 2024-06-03
looks_on = [2024-04-01, 2024-05-06, 2024-06-03]
[roll_out]
unit = "person"
design = "parallel"
[value_event]
verbs = ["complete"]
window_days = 10
[primary]
metric = "value_reach"
minimum_effect = 0.05
[[guardrail]]
metric = "gave_up_share"
margin = 0.05
"""
PERSON = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path | level
    ada       | 2023-01-01    | 2023-01-01 | -          | all/sales | one
    ben       | 2023-01-01    | 2023-01-01 | -          | all/sales | one
    cleo      | 2023-01-01    | 2023-01-01 | 2024-03-20 | all/lab   | two
    dan       | 2023-01-01    | 2023-01-01 | -          | all/lab   | two
    eve       | 2024-03-25    | 2024-03-25 | -          | all/lab   | two
"""
INITIATIVE = """
    initiative_id | started_on
    sprint        | 2024-03-04
"""
ARM = """
    initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
    sprint        | person    | ada     | launch   | 2024-03-04  | true
    sprint        | person    | ben     | hold-out | 2024-03-04  | true
    sprint        | person    | cleo    | hold-out | 2024-03-11  | true
    sprint        | person    | ben     | launch   | 2024-03-18  | true
    other         | person    | dan     | launch   | 2024-03-04  | true
"""
EVENT = """
    person_id | occurred_at | recorded_at | verb     | content_id
    ada       | 2024-01-02  | 2024-01-02  | view     | a
    ada       | 2024-03-13  | 2024-03-13  | complete | a
    ada       | 2024-03-12  | 2024-03-12  | abandon  | a
    ben       | 2024-02-26  | 2024-02-26  | complete | a
    ben       | 2024-03-14  | 2024-03-14  | complete | -
    cleo      | 2024-03-12  | 2024-04-20  | complete | a
"""
TABLES = {"person": PERSON, "event": EVENT, "arm": ARM, "initiative": INITIATIVE}


def standing(plan: Plan | None = None, **entry: object) -> Standing:
    asked = plan or parse(PLAN)
    kept = plan_ledger.Entry(
        "sprint", 1, asked.hash, date(2024, 2, 1), "", False, (), asked
    )  # fmt: skip
    return Standing(plan=asked, entry=replace(kept, **entry))  # type: ignore[arg-type]


def known(folder: Path, as_of: str = "2024-04-01", **tables: str) -> EventLog:
    return log(TABLES | tables, folder, as_of=as_of)


def by_start(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    start = frame["start_on"].dt.date.astype(str)
    rows = zip(frame["arm"], start, frame["is_due"], strict=True)
    return sorted((str(a), s, bool(d)) for a, s, d in rows)


def test_people_stay_on_the_side_they_were_first_on(tmp_path: Path) -> None:
    people = m.enrolled(known(tmp_path), standing=standing())
    assert by_start(people) == [
        ("control", "2024-03-04", True), ("control", "2024-03-11", True),
        ("treated", "2024-03-04", True),
    ]  # fmt: skip
    assert people.attrs["n_eligible"] == 4
    assert [s.n_persons for s in people.attrs["steps"]] == [4, 3, 3]


def test_a_window_counts_once_it_is_over(tmp_path: Path) -> None:
    seen = known(tmp_path, "2024-03-14")
    people = m.enrolled(seen, standing=standing())
    assert by_start(people)[1] == ("control", "2024-03-11", False)
    due = m.outcomes(seen, people, standing=standing())
    assert len(due) == 4  # two people, two metrics


def test_who_may_still_be_invited_is_not_left_out(tmp_path: Path) -> None:
    seen = known(tmp_path, "2024-03-14")
    people = m.enrolled(seen, standing=standing())
    assert people.attrs["is_inviting"]
    found = m.deviations(seen, people, standing=standing(), looks=[])
    assert "not_in_an_arm" not in set(found["deviation"])


def test_outcomes_are_those_of_each_own_window(tmp_path: Path) -> None:
    seen = known(tmp_path)
    people = m.enrolled(seen, standing=standing())
    found = m.outcomes(seen, people, standing=standing())
    reach = found[found["metric"] == "value_reach"]
    # Ada on the last day of her window, the tenth; Ben the day after it; Cleo's came too late.
    rows = zip(reach["arm"], reach["value"], reach["before"], reach["look"], strict=True)
    assert sorted(rows) == [
        ("control", 0.0, 0.0, 3), ("control", 0.0, 1.0, 2), ("treated", 1.0, 0.0, 2),
    ]  # fmt: skip
    gave_up = found[found["metric"] == "gave_up_share"].groupby("arm")["value"].sum()
    assert gave_up.to_dict() == {"control": 0.0, "treated": 1.0}


def test_what_is_recorded_later_counts_then(tmp_path: Path) -> None:
    seen = known(tmp_path, "2024-05-06")
    found = m.outcomes(seen, m.enrolled(seen, standing=standing()), standing=standing())
    reach = found[found["metric"] == "value_reach"]
    assert reach["value"].sum() == 2


def test_activity_before_is_unknown_where_the_log_begins_later(tmp_path: Path) -> None:
    late = EVENT.replace("2024-01-02  | 2024-01-02", "2024-02-25  | 2024-02-25")
    seen = known(tmp_path, event=late)
    found = m.outcomes(seen, m.enrolled(seen, standing=standing()), standing=standing())
    reach = found[found["metric"] == "value_reach"].sort_values("look")
    assert reach["before"].isna().tolist() == [True, True, False]


def test_a_plan_that_is_not_kept_is_not_measured_by(tmp_path: Path) -> None:
    seen = known(tmp_path)
    asked = parse(PLAN)
    edited = parse(PLAN.replace("minimum_effect = 0.05", "minimum_effect = 0.01"))
    changes = plan_ledger.changes(asked.content, edited.content)
    cases = {
        "edited": Standing(plan=edited, entry=standing().entry, changes=changes),
        "unfrozen": Standing(plan=asked),
        "absent": Standing(why="no plan was frozen for this dataset"),
    }
    for reason, stands in cases.items():
        people = m.enrolled(seen, standing=stands)
        assert people.empty
        assert "without a plan that was frozen" in people.attrs["missing"]
        assert m.outcomes(seen, people, standing=stands).empty
        assert m.population(seen, standing=stands).empty
        assert m.quality(seen, standing=stands).empty
        assert m.deviations(seen, people, standing=stands).empty
        row = m.plan_check(seen, standing=stands).iloc[0]
        assert (row["reason"], row["is_kept"]) == (reason, False)
    assert "primary.minimum_effect: 0.05 became 0.01" in m.why_not(cases["edited"])[1]


def test_the_people_then_and_now(tmp_path: Path) -> None:
    found = m.population(known(tmp_path), standing=standing())
    unit = found[found["attribute"] == "unit"].set_index("level")
    assert unit["n_before"].to_dict() == {"lab": 2, "sales": 2}
    assert unit["n_now"].to_dict() == {"lab": 2, "sales": 2}  # Cleo left, Eve came
    assert set(found["attribute"]) == {"unit", "level", "role", "country", "location"}


def test_faults_before_the_launch_and_since(tmp_path: Path) -> None:
    found = m.quality(known(tmp_path, "2024-05-06"), standing=standing()).set_index("check")
    assert found.loc["recorded late", ["n_bad_before", "n_bad_now"]].tolist() == [0, 1]
    assert found.loc["without content", ["n_before", "n_bad_now", "n_now"]].tolist() == [2, 1, 4]
    assert found.loc["without content", "n_people"] == 3


def counts(frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    rows = frame[frame["count"] > 0]
    pairs = zip(rows["count"], rows["of"], strict=True)
    return dict(zip(rows["deviation"], [(int(c), int(o)) for c, o in pairs], strict=True))


def test_deviations_are_counted(tmp_path: Path) -> None:
    seen = known(tmp_path, "2024-05-06")
    people = m.enrolled(seen, standing=standing())
    found = m.deviations(seen, people, standing=standing(), looks=[])
    assert counts(found) == {
        "arms_switched": (1, 3), "late_data": (1, 4), "looks_missed": (1, 1),
        "not_in_an_arm": (1, 4),
    }  # fmt: skip
    assert not people.attrs["is_inviting"]
    held = m.deviations(seen, people, standing=standing(), looks=[date(2024, 4, 1)])
    assert "looks_missed" not in counts(held)


def test_a_launch_on_another_day_and_an_amendment_are_told(tmp_path: Path) -> None:
    seen = known(tmp_path, initiative=INITIATIVE.replace("03-04", "03-01"))
    late = standing(version=2, frozen_on=date(2024, 3, 10), changes=("end_on: a became b",))
    people = m.enrolled(seen, standing=late)
    found = m.deviations(seen, people, standing=late, looks=[]).set_index("deviation")
    assert found.loc["launch_moved", "detail"] == "2024-03-01"
    assert found.loc["amended", "detail"] == "end_on: a became b"
    assert found.loc["frozen_late", "count"] == 0


def test_units_are_allocated_as_units(tmp_path: Path) -> None:
    arm = """
        initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
        sprint        | unit      | sales   | launch   | 2024-03-04  | true
        sprint        | unit      | lab     | hold-out | 2024-03-04  | false
    """
    seen = known(tmp_path, arm=arm)
    people = m.enrolled(seen, standing=standing())
    assert people.groupby("cluster").size().to_dict() == {"lab": 2, "sales": 2}
    found = counts(m.deviations(seen, people, standing=standing(), looks=[]))
    assert found["other_unit"] == (4, 4)
    assert found["not_drawn"] == (2, 4)


def test_row_order_does_not_matter(tmp_path: Path) -> None:
    turned = {name: from_text(text).iloc[::-1] for name, text in TABLES.items()}
    found = []
    for name, tables in (("a", TABLES), ("b", turned)):
        seen = log(tables, tmp_path / name, as_of="2024-04-01")
        people = m.enrolled(seen, standing=standing())
        found.append(m.outcomes(seen, people, standing=standing()))
    pd.testing.assert_frame_equal(*found)


def test_before_the_launch_there_is_nothing_yet(tmp_path: Path) -> None:
    seen = known(tmp_path, str(parse(PLAN).launch_on - timedelta(days=1)))
    people = m.enrolled(seen, standing=standing())
    assert people.attrs["missing"] == "the data have no rows yet in “arm”"
    drawn_early = ARM.replace("2024-03-04", "2024-03-01")
    seen = known(tmp_path / "early", "2024-03-03", arm=drawn_early)
    people = m.enrolled(seen, standing=standing())
    assert people.attrs["missing"] == "the launch on 2024-03-04 is still to come"
    assert (
        m.deviations(seen, people, standing=standing()).set_index("deviation")["count"].sum() == 0
    )
