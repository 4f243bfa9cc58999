"""Each fault of a log, planted once by hand, is counted once."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from ldresearch import schema
from ldresearch.errors import ParameterError
from ldresearch.measures import intake
from ldresearch.questions import collect, questions, wanted_columns
from ldresearch.worlds import tables as world

EVENTS = """
    event_id | person_id | occurred_at | recorded_at | verb | content_id | source
    e1       | ada       | 2024-01-03 10:00:00 | 2024-01-03 10:01:00 | complete | c1         | lms
    e2       | ada       | 2024-01-03 10:00:00 | 2024-01-03 10:05:00 | complete | c1         | lms
    e3       | ben       | 2024-01-17 09:00:00 | 2024-01-20 09:00:00 | view     | c1         | lms
    e4       | ben       | 2024-01-30 09:00:00 | 2024-03-20 09:00:00 | view     | c9         | lms
    e5       | eve       | 2024-01-31 00:00:00 | 2024-01-31 00:00:00 | view     | -          | file
    e6       | cat       | 2024-01-02 08:00:00 | 2024-01-02 07:00:00 | view     | c1         | lms
"""
PERSONS = """
    person_id | valid_from_on | hired_on   | left_on    | unit_path | role_id | level
    ada       | 2023-01-01    | 2023-01-01 | -          | Co/Sales  | r1      | -
    ben       | 2023-01-01    | 2023-01-01 | 2024-01-20 | Co/Sales  | -       | -
    cat       | 2024-01-05    | 2024-01-05 | -          | Co/Ops    | r1      | -
    dan       | 2023-01-01    | 2023-01-01 | -          | -         | r1      | -
"""
CONTENT = """
    content_id | kind
    c1         | course
"""
ACCESS = """
    person_id | platform | granted_at | revoked_at
    ada       | lms      | 2023-01-01 | -
    cat       | lms      | 2023-01-01 | 2024-01-10
"""
ALL = {"event": EVENTS, "person": PERSONS, "content": CONTENT, "access": ACCESS}


def rows(frame, *keys):
    return {tuple(r[k] for k in keys) if len(keys) > 1 else r[keys[0]]: r
            for r in frame.to_dict("records")}  # fmt: skip


@pytest.fixture
def log(tmp_path: Path):
    return world.log(ALL, tmp_path, as_of="2024-04-01")


def test_weeks_without_events_are_rows_with_zero_and_the_ends_are_marked(tmp_path: Path) -> None:
    log = world.log(ALL, tmp_path, as_of="2024-02-01")
    weeks = intake.coverage(log)
    # e4 was recorded in March and does not exist yet; the log begins on Tuesday 2 January.
    assert weeks["week_on"].dt.strftime("%m-%d").tolist() == [
        "01-01", "01-08", "01-15", "01-22", "01-29",
    ]  # fmt: skip
    assert weeks["n_events"].tolist() == [3, 0, 1, 0, 1]
    assert weeks["n_persons"].tolist() == [2, 0, 1, 0, 1]
    assert weeks["is_complete"].tolist() == [False, True, True, True, False]
    assert weeks.attrs["n_persons"] == 4


def test_a_week_that_ends_on_the_as_of_date_is_complete(tmp_path: Path) -> None:
    log = world.log(ALL, tmp_path, as_of="2024-02-05")
    assert intake.coverage(log)["is_complete"].tolist()[-1]


def test_contradictions_are_counted_once_each(log) -> None:
    found = rows(intake.faults(log), "fault")
    counts = {k: (r["n_events"], r["n_persons"], r["of_events"]) for k, r in found.items()}
    assert counts["unknown_person"] == (1, 1, 6)  # eve
    assert counts["unknown_content"] == (1, 1, 5)  # c9; e5 names none
    assert counts["before_hire"] == (1, 1, 5)  # cat on 2 January
    assert counts["after_leaving"] == (1, 1, 5)  # ben on 30 January
    assert counts["repeated"] == (1, 1, 5)  # e2; the bare date is left out
    assert counts["clock_ahead"] == (1, 1, 6)  # e6
    assert counts["shifted_day"] == (0, 0, 6)  # UTC
    assert not found["unknown_assignment"]["is_checked"]


def test_a_bare_date_falls_on_the_day_before_west_of_greenwich_only(tmp_path: Path) -> None:
    for zone, expected in (("America/New_York", 1), ("Europe/Berlin", 0)):
        folder = tmp_path / zone.replace("/", "-")
        folder.mkdir()
        log = world.log({"event": EVENTS}, folder, as_of="2024-04-01", time_zone=zone)
        assert rows(intake.faults(log), "fault")["shifted_day"]["n_events"] == expected


def test_who_was_hired_again_is_not_active_before_being_hired(tmp_path: Path) -> None:
    person = """
        person_id | valid_from_on | valid_to_on | hired_on   | left_on
        ada       | 2022-01-01    | 2023-01-01  | 2022-01-01 | 2023-01-01
        ada       | 2024-02-01    | -           | 2024-02-01 | -
    """
    log = world.log({"event": EVENTS, "person": person}, tmp_path, as_of="2024-04-01")
    found = rows(intake.faults(log), "fault")
    assert found["before_hire"]["n_events"] == 0
    assert found["after_leaving"]["n_events"] == 0


def test_faults_are_those_of_the_whole_log_whoever_it_is_narrowed_to(log) -> None:
    assert intake.faults(log.where(unit="Sales")).equals(intake.faults(log))


def test_lags_by_bucket_and_a_source_that_gives_none(log) -> None:
    lags = rows(intake.lag(log), "lag")
    assert {k: r["n_events"] for k, r in lags.items()} == {
        "before": 1, "day": 2, "week": 1, "month": 0, "later": 1, "unknown": 1,
    }  # fmt: skip


def test_what_happened_last_has_had_no_time_to_be_late(tmp_path: Path) -> None:
    log = world.log(ALL, tmp_path, as_of="2024-04-01")
    young = intake.lag(log, settled_days=75)  # before 17 January: e1, e2, e6
    assert young["n_events"].sum() == 3
    assert young.attrs["is_settled"]
    none = intake.lag(log, settled_days=365)
    assert none["n_events"].sum() == 6
    assert not none.attrs["is_settled"]


def test_three_lists_are_held_against_one_another(tmp_path: Path) -> None:
    log = world.log(ALL, tmp_path, as_of="2024-02-01")
    found = intake.denominators(log, active_days=30)
    counts = {
        (r["employment"], r["access"], r["activity"]): r["n"] for r in found.to_dict("records")
    }
    assert counts[("employed", "open", "active")] == 1  # ada
    assert counts[("left", "none", "quiet")] == 1  # ben: nothing known since he left
    assert counts[("employed", "none", "quiet")] == 2  # cat since her access ended, dan
    assert counts[("unknown", "none", "active")] == 1  # eve
    assert sum(counts.values()) == 5


def test_a_leaver_is_active_only_by_what_comes_after(tmp_path: Path) -> None:
    log = world.log(ALL, tmp_path, as_of="2024-04-01")
    counts = rows(intake.denominators(log, active_days=80), "employment", "access", "activity")
    assert counts[("left", "none", "active")]["n"] == 1  # ben on 30 January, left on the 20th


def test_lists_that_are_not_there_are_said(tmp_path: Path) -> None:
    log = world.log({"event": EVENTS}, tmp_path, as_of="2024-02-01")
    found = intake.denominators(log)
    assert set(found["employment"]) == set(found["access"]) == {"no list"}


def test_blanks_are_counted_where_a_question_wants_the_column(log) -> None:
    found = rows(intake.missing(log), "table", "column")
    assert found[("person", "unit_path")]["n_missing"] == 1
    assert found[("person", "role_id")]["n_missing"] == 1
    assert found[("person", "level")]["n_missing"] == 4
    assert found[("person", "level")]["n_persons"] == 4
    assert ("person", "left_on") not in found


def test_blanks_by_group_leave_out_leavers(log) -> None:
    found = rows(intake.missing_by(log), "group", "column")
    assert (found[("Sales", "level")]["n_reached"], found[("Sales", "level")]["n"]) == (1, 1)
    assert found[("Sales", "access")]["n_reached"] == 0
    assert found[("Unknown", "access")]["n_reached"] == 1  # dan
    assert set(intake.missing_by(log, by="")["group"]) == {"everyone"}
    with pytest.raises(ParameterError, match="unit"):
        intake.missing_by(log, by="units")


def test_blanks_by_group_without_any_unit(tmp_path: Path) -> None:
    person = "person_id | valid_from_on | hired_on\nada | 2023-01-01 | 2023-01-01"
    log = world.log({"person": person}, tmp_path, as_of="2024-02-01")
    assert set(intake.missing_by(log)["group"]) == {"Unknown"}


def test_tables_and_how_fresh_they_are(log) -> None:
    found = rows(intake.tables(log), "table")
    assert set(found) == set(schema.TABLES) - {"identity", "activity_day"}
    event = found["event"]
    assert (event["n_rows"], event["n_persons"], event["days_since"]) == (6, 4, 60)
    assert found["skill"]["n_rows"] == 0
    assert found["person"]["n_questions"] == sum(
        "person" in {n.split(".")[0] for n in (*q.needs, *q.wants)} for q in questions()
    )


def test_the_last_known_day_is_fresh(tmp_path: Path) -> None:
    log = world.log({"event": EVENTS}, tmp_path, as_of="2024-02-01")
    assert rows(intake.tables(log), "table")["event"]["days_since"] == 0


def test_rejected_rows_by_reason(tmp_path: Path) -> None:
    bad = EVENTS + "    e7 | ada | 2024-01-03 10:00:00 | - | juggle | - | lms\n"
    bad += "    e1 | ada | 2024-01-03 10:00:00 | 2024-01-03 10:01:00 | complete | c1 | lms\n"
    log = world.log({"event": bad}, tmp_path, as_of="2024-04-01")
    found = rows(intake.rejects(log), "table", "reason")
    assert found[("event", "duplicate")]["kind"] == "duplicate"
    faults = [r for r in found.values() if r["kind"] == "fault"]
    assert [r["n_rows"] for r in faults] == [1]
    assert {r["n_in"] for r in found.values()} == {8}


def test_verbs_by_source(log) -> None:
    found = rows(intake.verbs(log), "verb", "source")
    assert found[("view", "lms")]["n_events"] == 3
    assert found[("view", "file")]["n_persons"] == 1


def test_nothing_after_the_as_of_date_is_read(tmp_path: Path) -> None:
    later = EVENTS + "    e8 | zoe | 2024-05-01 10:00:00 | 2024-05-01 10:00:00 | view | c7 | new\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    now = world.log(ALL, tmp_path / "a", as_of="2024-04-01")
    then = world.log(ALL | {"event": later}, tmp_path / "b", as_of="2024-04-01")
    for measure in (intake.coverage, intake.verbs, intake.lag, intake.faults, intake.denominators,
                    intake.missing, intake.missing_by, intake.tables, intake.needs):  # fmt: skip
        assert measure(now).equals(measure(then)), measure.__name__


@pytest.mark.parametrize("tables", [{}, {"person": PERSONS}, {"event": EVENTS}], ids=str)
def test_every_measure_bears_missing_tables(tables, tmp_path: Path) -> None:
    log = world.log(tables, tmp_path, as_of="2024-04-01")
    for name in ("tables", "rejects", "notes", "coverage", "verbs", "lag", "faults",
                 "denominators", "missing", "missing_by", "needs"):  # fmt: skip
        measure = getattr(intake, name)
        frame = measure(log)
        assert list(frame.columns) == list(measure.columns)
        assert not frame.duplicated(list(measure.grain)).any()


# The questions ------------------------------------------------------------------------------


def test_questions_are_held_against_the_tables(log) -> None:
    found = rows(intake.needs(log), "question", "need")
    assert found[("speed", "person")]["number"] == 4
    assert found[("speed", "value")]["number"] == 1  # one day of completing
    assert found[("speed", "weeks")]["number"] == 2  # of 12 complete weeks, those with an event
    assert found[("speed", "persons")]["number"] == 1  # one of them ever completed anything
    assert found[("gaps", "skill_rating")]["number"] == 0
    assert found[("laggards", "person.unit_path")]["number"] == 0.75
    viewed = rows(intake.needs(log, value_verbs="view"), "question", "need")
    assert viewed[("speed", "persons")]["number"] == 3


def test_every_notebook_has_its_questions_and_every_question_its_notebook(root: Path) -> None:
    notebooks = {file.stem for file in (root / "notebooks").glob("[0-9]*.ipynb")}
    assert {q.analysis for q in questions()} == notebooks - {"00_intake", "90_summary"}


def test_a_question_needs_what_its_measures_need() -> None:
    for question in questions():
        asked: set[str] = set()
        for name in question.measures:
            module, function = name.split(".")
            measure = getattr(importlib.import_module(f"ldresearch.measures.{module}"), function)
            asked |= {{"activity_day": "event"}.get(table, table) for table in measure.needs}
        assert asked <= set(question.needs), question.id
        # Whatever else is needed is who the answer is about.
        assert not question.measures or set(question.needs) - asked <= {"person"}, question.id


def test_what_questions_name_is_in_the_schema_and_can_be_collected() -> None:
    ids = [question.id for question in questions()]
    assert len(ids) == len(set(ids))
    for question in questions():
        for name in (*question.needs, *question.wants):
            table, _, column = name.partition(".")
            assert table in schema.TABLES
            assert not column or column in schema.TABLES[table].names
            assert name in collect()
    for table, column in wanted_columns():
        assert not schema.TABLES[table][column].required
    assert {"weeks", "value", "persons"} <= set(collect())


def test_the_notebook_counts_value_as_adoption_does(root: Path) -> None:
    """The same default verb, or the two reports would contradict each other."""
    defaults = {}
    for name in ("00_intake", "20_adoption"):
        notebook = json.loads((root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        [cell] = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
        [line] = [x for x in "".join(cell["source"]).splitlines() if x.startswith("value_verbs")]
        defaults[name] = line.split("#")[0].split("=")[1].strip()
    assert len(set(defaults.values())) == 1
