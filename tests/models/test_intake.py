"""Counts become checks and a verdict; each threshold is crossed once."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ldresearch.models import intake
from ldresearch.vocabulary import metrics


def weeks(events, *, start="2024-02-05", complete=None, n_persons=50):
    n = len(events)
    frame = pd.DataFrame(
        {
            "week_on": pd.date_range(start, periods=n, freq="7D"),
            "n_events": events,
            "n_persons": [min(e, n_persons) for e in events],
            "is_complete": [True] * n if complete is None else complete,
        }
    )
    frame.attrs["n_persons"] = n_persons
    return frame


def standings(events, **kw):
    return intake.coverage(weeks(events, **kw)).frame["standing"].tolist()


# Weeks --------------------------------------------------------------------------------------


def test_an_outage_is_a_break() -> None:
    found = standings([100] * 8 + [0, 0, 10] + [100] * 8)
    assert found[8:11] == ["silent", "silent", "low"]
    assert set(found[:8] + found[11:]) == {"usual"}


def test_an_outage_that_lasts_to_the_end_is_a_break() -> None:
    assert standings([100] * 8 + [100, 5])[-1] == "low"


def test_a_fast_launch_and_a_fall_that_stays_are_no_breaks() -> None:
    assert set(standings([2, 4, 9, 20, 45, 100, 210, 400, 600, 700])) == {"usual"}
    assert "low" not in standings([800] * 10 + [150] * 10)[13:]


def test_few_events_make_no_break_by_chance() -> None:
    assert set(standings([4, 3, 0, 5, 4, 0, 3, 4, 4, 1, 4, 30])) == {"usual", "quiet"}


def test_the_turn_of_the_year_is_expected() -> None:
    found = intake.coverage(weeks([100] * 8 + [5, 3] + [100] * 8, start="2024-10-28"))
    assert found.frame.loc[found.frame["standing"] == "year end", "week_on"].tolist() == [
        "2024-12-23", "2024-12-30",
    ]  # fmt: skip
    assert found.parameters["n_low"] == 0


def test_incomplete_weeks_are_named_and_not_judged() -> None:
    complete = [False] + [True] * 8 + [False]
    found = standings([100] * 9 + [3], complete=complete)
    assert [found[0], found[-1]] == ["incomplete", "incomplete"]
    result = intake.coverage(weeks([100] * 9 + [3], complete=complete))
    assert result.estimate("log_coverage_weeks").value == 8


def test_dates_from_long_before_the_log_are_left_out() -> None:
    result = intake.coverage(weeks([3] + [0] * 60 + [100] * 12))
    assert result.parameters["has_stray"] is True
    assert len(result.frame) == 12
    assert result.estimate("log_coverage_weeks").value == 12


def test_a_long_summer_is_no_stray_beginning() -> None:
    result = intake.coverage(weeks([100] * 10 + [0] * 30 + [100] * 12))
    assert result.parameters["has_stray"] is False
    assert result.parameters["n_silent"] == 30


def test_a_log_of_two_weeks_is_not_said_to_have_no_breaks() -> None:
    result = found(events=[100, 100])
    assert result.frame.set_index("check").loc["no_breaks", "status"] == "not known"


def test_weeks_of_too_few_people_are_not_shown() -> None:
    assert intake.coverage(weeks([100] * 20, n_persons=9)).is_empty


# Verdict ------------------------------------------------------------------------------------


def needs(**numbers):
    """One question that needs people and events, and wants a filled unit."""
    have = {"person": 500.0, "event": 9000.0, "unit": 0.95, "persons": 500.0, "weeks": 40.0}
    have |= numbers
    spec = [
        ("person", "table", True, 1.0), ("event", "table", True, 1.0),
        ("person.unit_path", "column", False, math.nan), ("persons", "persons", True, math.nan),
        ("weeks", "weeks", True, 9.0),
    ]  # fmt: skip
    number = [have["person"], have["event"], have["unit"], have["persons"], have["weeks"]]
    return pd.DataFrame(
        [
            {"question": "q", "analysis": "20_adoption", "asks": "Who?", "need": need,
             "kind": kind, "order": i, "is_needed": needed, "number": x, "wanted": wanted,
             "collect": f"collect {need}", "n": int(have["persons"])}
            for i, ((need, kind, needed, wanted), x) in enumerate(zip(spec, number, strict=True))
        ]
    )  # fmt: skip


def answer(**numbers):
    return intake.questions(needs(**numbers)).frame.iloc[0]


def test_a_question_is_answered_in_part_or_not_and_says_what_is_missing() -> None:
    assert answer()["answer"] == "yes"
    assert answer(unit=0.8)["answer"] == "yes"
    part = answer(unit=0.79)
    assert (part["answer"], part["collect"]) == ("in part", "collect person.unit_path")
    assert part["lacks"] == "unit path in the person table is 79 % filled"
    assert answer(weeks=8.0)["lacks"] == "8 complete weeks of 9"
    assert answer(weeks=9.0)["answer"] == "yes"
    assert answer(persons=9.0)["lacks"] == "fewer than 10 people"
    assert answer(persons=10.0)["answer"] == "yes"


def test_without_a_table_its_persons_need_no_words_but_weeks_of_activity_do() -> None:
    none = answer(person=0.0, event=0.0, persons=0.0, weeks=0.0)
    assert none["lacks"] == "no person table; no event table"
    short = answer(person=0.0, persons=0.0, weeks=1.0)
    assert short["lacks"] == "no person table; 1 complete weeks of 9"


def test_what_opens_most_for_what_has_to_be_collected() -> None:
    one = needs(person=0.0, persons=0.0)
    two = needs(person=0.0, event=0.0, persons=0.0).assign(question="r", order=range(5, 10))
    three = needs(person=0.0, persons=0.0).assign(question="s", order=range(10, 15))
    found = intake.questions(pd.concat([one, two, three])).parameters
    assert (found["collect_first"], found["n_opened"]) == ("collect person", 2)
    assert found["n_no"] == 3


def faults(**counts):
    names = ["unknown_person", "unknown_content", "before_hire", "after_leaving", "repeated",
             "clock_ahead", "shifted_day"]  # fmt: skip
    rows = []
    for name in names:
        n_events, n_persons = counts.get(name, (0, 0))
        rows.append(
            {"fault": name, "is_checked": name not in counts.get("unchecked", ()),
             "n_events": n_events, "n_persons": n_persons, "of_events": 10_000,
             "of_persons": counts.get("people", 1_000)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def found(
    *, questions=None, fault=None, days=0.0, staff_days=0.0, rejected=0, late=0, unentitled=0,
    blank=0, events=None,
):  # fmt: skip
    tables = pd.DataFrame(
        {"table": ["person", "event"], "n_rows": [1000, 10_000], "n_persons": [1000, 1000],
         "first_on": pd.Timestamp("2024-01-01"), "last_on": pd.Timestamp("2025-01-01"),
         "days_since": [staff_days, days], "n_questions": [8, 7]}
    )  # fmt: skip
    rejects = pd.DataFrame(
        {"table": ["event"], "reason": ["verb: unknown word"], "kind": ["fault"],
         "n_rows": [rejected], "n_in": [10_000]}
    )  # fmt: skip
    rejects.attrs["n_persons"] = 1000
    lags = ["before", "day", "week", "month", "later", "unknown"]
    lag = pd.DataFrame(
        {"lag": lags, "order": range(6), "n_events": [0, 10_000 - late, 0, late, 0, 0],
         "n_persons": [0, 900, 0, 900 if late else 0, 0, 0]}
    )  # fmt: skip
    lists = pd.DataFrame(
        {"employment": ["employed", "employed"], "access": ["open", "none"],
         "activity": ["active", "active"], "n": [1000 - unentitled, unentitled]}
    )  # fmt: skip
    missing = pd.DataFrame(
        {"table": ["person"], "column": ["unit_path"], "n_missing": [blank], "n_rows": [1000],
         "n_persons": [1000]}
    )  # fmt: skip
    return intake.checks(
        intake.questions(needs() if questions is None else questions),
        intake.tables(tables),
        intake.coverage(weeks([100] * 20 if events is None else events)),
        intake.rejects(rejects),
        intake.faults(faults() if fault is None else fault),
        intake.lag(lag),
        intake.denominators(lists),
        intake.missing(missing),
    )


def failed(result) -> list[str]:
    frame = result.frame
    return frame.loc[frame["status"] == "not passed", "check"].tolist()


def test_a_clean_log_goes() -> None:
    result = found()
    assert failed(result) == []
    assert set(result.frame["status"]) == {"passed"}
    assert result.parameters["verdict"] == "go"


CROSSINGS = [
    ("is_fresh", "fix", {"days": 7.0}, {"days": 8.0}),
    ("few_rejected", "fix", {"rejected": 100}, {"rejected": 120}),
    ("persons_known", "fix", {"fault": {"unknown_person": (60, 50)}},
     {"fault": {"unknown_person": (60, 60)}}),
    ("no_repeats", "fix", {"fault": {"repeated": (100, 50)}}, {"fault": {"repeated": (120, 50)}}),
    ("right_day", "fix", {"fault": {"shifted_day": (100, 50)}},
     {"fault": {"shifted_day": (120, 50)}}),
    ("clocks_agree", "fix", {"fault": {"clock_ahead": (100, 50)}},
     {"fault": {"clock_ahead": (120, 50)}}),
    ("recorded_in_time", "fix", {"late": 500}, {"late": 510}),
    ("within_employment", "fix", {"fault": {"before_hire": (60, 10)}},
     {"fault": {"after_leaving": (60, 12)}}),
    ("active_are_entitled", "care", {"unentitled": 50}, {"unentitled": 52}),
    ("content_known", "care", {"fault": {"unknown_content": (500, 50)}},
     {"fault": {"unknown_content": (510, 50)}}),
    ("no_breaks", "care", {"events": [100] * 20}, {"events": [100] * 10 + [1] + [100] * 9}),
    ("long_enough", "care", {"events": [100] * 9}, {"events": [100] * 8}),
    ("staff_is_fresh", "care", {"staff_days": 62.0}, {"staff_days": 63.0}),
    ("attributes_filled", "care", {"blank": 200}, {"blank": 210}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "verdict", "good", "bad"), CROSSINGS, ids=[c[0] for c in CROSSINGS]
)
def test_each_threshold_is_crossed_once(check, verdict, good, bad) -> None:
    def given(kw):
        return kw | ({"fault": faults(**kw["fault"])} if "fault" in kw else {})

    assert failed(found(**given(good))) == []
    result = found(**given(bad))
    assert failed(result) == [check]
    assert result.parameters["verdict"] == verdict
    assert result.parameters["first"] == check


def test_every_check_has_a_crossing_but_the_one_that_stops() -> None:
    assert {c[0] for c in CROSSINGS} | {"has_answers"} == set(intake.CHECKS)
    assert set(intake.CHECKS) >= intake.BLOCKING


def test_nothing_to_answer_stops_everything() -> None:
    result = found(questions=needs(person=0.0))
    assert result.parameters["verdict"] == "stop"


def test_wrong_numbers_are_mended_before_partial_ones() -> None:
    result = found(staff_days=400.0, rejected=300)
    assert result.parameters["verdict"] == "fix"
    assert result.parameters["first"] == "few_rejected"
    assert result.parameters["n_failed"] == 2


def test_nothing_is_said_of_fewer_than_ten_people() -> None:
    result = found(fault=faults(people=9, unknown_person=(900, 9), clock_ahead=(900, 9)))
    status = dict(zip(result.frame["check"], result.frame["status"], strict=True))
    assert status["persons_known"] == status["clocks_agree"] == "not known"
    assert "events_clock_ahead" not in intake.faults(faults(people=9)).parameters


def test_one_to_nine_people_count_as_ten() -> None:
    def row(n_bad, people):
        result = found(fault=faults(people=people, unknown_person=(n_bad, n_bad)))
        return result.frame.set_index("check").loc["persons_known"]

    assert row(3, 1000)["value"] == row(9, 1000)["value"] == 1.0  # per cent
    assert row(3, 1000)["status"] == "passed"
    assert row(3, 50)["status"] == "not known"


def test_what_cannot_be_checked_is_not_known() -> None:
    result = found(fault=faults(unchecked=("unknown_person", "before_hire", "after_leaving")))
    status = dict(zip(result.frame["check"], result.frame["status"], strict=True))
    assert status["persons_known"] == status["within_employment"] == "not known"
    assert result.parameters["verdict"] == "go"


# Parts --------------------------------------------------------------------------------------


def test_lag_leaves_out_what_has_no_time_of_recording() -> None:
    frame = pd.DataFrame(
        {"lag": ["before", "day", "week", "month", "later", "unknown"], "order": range(6),
         "n_events": [0, 60, 20, 15, 5, 100], "n_persons": [0, 30, 20, 15, 5, 40]}
    )  # fmt: skip
    result = intake.lag(frame)
    assert [result.estimate("recording_lag", label).value for label in
            ("1 day", "7 days", "30 days")] == [0.4, 0.2, 0.05]  # fmt: skip
    assert result.parameters["share_unknown"] == 0.5
    assert intake.lag(frame.assign(n_events=[0, 0, 0, 0, 0, 100])).is_empty


@pytest.mark.parametrize(
    ("lists", "reading"),
    [
        (("employed", "open", "active"), "learning"),
        (("employed", "no list", "active"), "learning"),
        (("employed", "none", "active"), "active, not entitled"),
        (("left", "none", "active"), "active, not entitled"),
        (("left", "open", "quiet"), "access left open"),
        (("unknown", "open", "active"), "active, not in the HR file"),
        (("employed", "none", "quiet"), "no access"),
    ],
)
def test_three_lists_read_together(lists, reading) -> None:
    frame = pd.DataFrame([[*lists, 20]], columns=["employment", "access", "activity", "n"])
    assert intake.denominators(frame).frame["reading"].tolist() == [reading]


def test_blanks_have_an_interval() -> None:
    frame = pd.DataFrame(
        {"table": ["person"], "column": ["unit_path"], "n_missing": [15], "n_rows": [25],
         "n_persons": [25]}
    )  # fmt: skip
    unit = intake.missing(frame).estimate("share_missing_unit")
    # Wilson's interval of 15 of 25, as in tests of rates.
    assert (unit.value, round(unit.low, 4), round(unit.high, 4)) == (0.6, 0.4074, 0.7660)


def test_blanks_by_group_leave_out_what_is_blank_for_all() -> None:
    frame = pd.DataFrame(
        {"group": ["A", "B", "A", "B"], "column": ["role", "role", "country", "country"],
         "n_reached": [0, 15, 30, 25], "n": [30, 25, 30, 25]}
    )  # fmt: skip
    assert set(intake.missing_by(frame).frame["column"]) == {"role"}
    assert intake.missing_by(frame[frame["column"] == "country"]).is_empty


def test_every_metric_is_in_the_registry() -> None:
    known = metrics()
    for metric in ("questions_answerable", "log_coverage_weeks", "freshness_days",
                   "share_rejected", "share_duplicates", "share_orphan_events", "recording_lag",
                   "share_unentitled", "share_missing", "share_missing_unit"):  # fmt: skip
        assert metric in known


@pytest.mark.parametrize("name", ["coverage", "rejects", "notes", "verbs", "lag", "faults",
                                  "denominators", "missing", "missing_by"])  # fmt: skip
def test_an_empty_frame_is_a_result_with_its_reason(name) -> None:
    frame = pd.DataFrame()
    frame.attrs["missing"] = "there is nothing"
    result = getattr(intake, name)(frame)
    assert result.is_empty
    assert result.missing == "there is nothing"
