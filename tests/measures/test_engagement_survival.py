"""Gaps, spells and enrolments on worlds small enough to count by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.measures import engagement_survival as measures
from ldresearch.worlds.tables import log

GAP = 10

PEOPLE = """
  person_id | valid_from_on | valid_to_on | hired_on   | left_on  | unit_path   | level | country
  ada     | 2023-01-01  | -       | 2023-01-01 | -      | all/sales   | lead  | DE
  ben     | 2023-01-01  | 2024-01-20  | 2023-01-01 | -      | all/sales   | entry | DE
  ben     | 2024-01-20  | -       | 2023-01-01 | -      | all/service | entry | DE
  cleo    | 2024-01-01  | -       | 2024-01-01 | 2024-01-13 | all/service | -   | -
  dan     | 2023-01-01  | -       | 2023-01-01 | -      | all/service | entry | -
"""
EVENTS = """
    person_id | occurred_at | verb     | assignment_id
    ada       | 2024-01-01  | complete | -
    ada       | 2024-01-11  | complete | -
    ben       | 2024-01-01  | complete | -
    ben       | 2024-01-10  | complete | -
    ben       | 2024-02-01  | complete | -
    ben       | 2024-02-10  | complete | -
    cleo      | 2024-01-02  | complete | -
    cleo      | 2024-01-05  | complete | -
    dan       | 2024-01-03  | complete | a1
    dan       | 2024-01-04  | view     | -
    dan       | 2024-02-19  | complete | -
    dan       | 2024-02-24  | complete | -
    zoe       | 2024-01-04  | complete | -
"""
AS_OF = "2024-03-01"  # so what happens from 20 February on cannot be seen to end


def world(tmp_path: Path, events: str = EVENTS, **given: str) -> EventLog:
    return log({"person": PEOPLE, "event": events}, tmp_path, as_of=given.pop("as_of", AS_OF),
               **given)  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture
def spells(tmp_path: Path) -> pd.DataFrame:
    return measures.spells(world(tmp_path), verbs="complete", gap_days=GAP)


def shown(frame: pd.DataFrame) -> list[tuple[str, float, str]]:
    days = frame["started_on"].dt.strftime("%m-%d")
    return sorted(zip(days, frame["duration"], frame["cause"], strict=True))


def test_every_spell_by_hand(spells: pd.DataFrame) -> None:
    assert shown(spells) == [
        ("01-01", 1.0, "disengaged"),  # ada: the gap is exactly ten days, so it ends the spell
        ("01-01", 10.0, "disengaged"),  # ben: nine days do not; 1 to 10 January, both counted
        ("01-02", 11.0, "left"),  # cleo left inside the gap: lost to the firm, not to learning
        ("01-04", 1.0, "disengaged"),  # zoe, unknown to HR
        ("01-11", 1.0, "disengaged"),  # ada again
        ("02-01", 10.0, "disengaged"),  # ben again
        ("02-19", 1.0, ""),  # dan was last seen learning on a day too late to judge
    ]
    assert (spells["event"] == (spells["cause"] == "disengaged")).all()


def test_a_spell_that_began_too_late_is_not_followed(tmp_path: Path) -> None:
    late = world(tmp_path, as_of="2024-02-26")  # 16 February is the last day that can be judged
    frame = measures.spells(late, verbs="complete", gap_days=GAP)
    assert frame["started_on"].max() == pd.Timestamp("2024-02-01")
    [ben] = frame[frame["started_on"] == "2024-02-01"].to_dict("records")
    assert (ben["duration"], ben["event"]) == (10.0, True)


def test_what_is_open_is_censored_a_gap_before_the_as_of_date(tmp_path: Path) -> None:
    """Neither at the last activity nor at the as-of date: both would make spells too long."""
    frame = measures.spells(world(tmp_path, as_of="2024-02-20"), verbs="complete", gap_days=GAP)
    [ben] = frame[frame["started_on"] == "2024-02-01"].to_dict("records")
    assert (ben["duration"], ben["cause"]) == (9.0, "")  # 1 to 10 February, not to the 20th


def test_spells_recur_and_are_counted(spells: pd.DataFrame) -> None:
    twice = spells.groupby("person_key")["spell"].agg(list)
    assert sorted(twice) == [[1], [1], [1], [1, 2], [1, 2]]


def test_attributes_are_those_of_the_first_day(spells: pd.DataFrame) -> None:
    ben = spells[spells["duration"] == 10].set_index("started_on")
    assert ben["unit"].tolist() == ["sales", "service"]  # he moved on 20 January
    zoe = spells[spells["unit"].isna()].iloc[0]
    assert (zoe["level"], zoe["country"], zoe["is_manager"]) == (None, None, False)


def test_assigned_value_makes_spells_of_its_own(tmp_path: Path) -> None:
    there = world(tmp_path)
    duty = measures.spells(there, verbs="complete", gap_days=GAP, assigned="assigned")
    assert shown(duty) == [("01-03", 1.0, "disengaged")]
    every = measures.spells(there, verbs="complete,view", gap_days=GAP, assigned="all")
    assert ("01-03", 2.0, "disengaged") in shown(every)
    assert ("01-03", 1.0, "disengaged") not in shown(every)


def test_a_leaver_before_the_gap_begins_and_one_after_it_ended(tmp_path: Path) -> None:
    people = PEOPLE.replace("2024-01-13 | all/service", "{left} | all/service")
    causes = {}
    for left in ("2024-01-04", "2024-01-15", "2024-01-16"):
        tables = {"person": people.format(left=left), "event": EVENTS}
        frame = measures.spells(
            log(tables, tmp_path / left, as_of=AS_OF), verbs="complete", gap_days=GAP
        )
        [cleo] = frame[frame["started_on"] == "2024-01-02"].to_dict("records")
        causes[left] = (cleo["cause"], cleo["duration"])
    assert causes == {
        "2024-01-04": ("left", 2.0),  # an event after leaving does not bring her back
        "2024-01-15": ("left", 13.0),  # the last day of the gap
        "2024-01-16": ("disengaged", 4.0),  # the gap was over
    }


def test_the_gap_counts_local_days(tmp_path: Path) -> None:
    """23:30 in Berlin on the 10th is still the 10th; in UTC the same instant is earlier that day.

    00:30 in Berlin on the 11th is 23:30 UTC on the 10th: ten local days after the 1st, nine in UTC.
    """
    events = """
        person_id | occurred_at         | verb
        ada       | 2024-01-01 12:00:00 | complete
        ada       | 2024-01-10 23:30:00 | complete
    """
    utc = log({"event": events}, tmp_path / "utc", as_of=AS_OF)
    berlin = log({"event": events}, tmp_path / "de", as_of=AS_OF, time_zone="Europe/Berlin")
    moved = EventLog.open(utc.dataset, as_of=AS_OF, time_zone="Europe/Berlin")
    lengths = [
        measures.spells(one, verbs="complete", gap_days=GAP)["duration"].tolist()
        for one in (utc, berlin, moved)
    ]
    assert lengths == [[10.0], [1.0, 1.0], [1.0, 1.0]]


def test_gaps_by_length_with_the_persons_who_ever_had_one(tmp_path: Path) -> None:
    frame = measures.gaps(world(tmp_path), verbs="complete")
    rows = {r["gap_days"]: (r["n_returned"], r["n_open"], r["n"]) for r in frame.to_dict("records")}
    assert rows == {
        3: (1, 0, 5),  # cleo
        5: (1, 0, 5),  # dan
        6: (0, 1, 5),  # dan, open
        9: (2, 0, 4),  # ben, twice
        10: (1, 0, 4),  # ada
        20: (0, 1, 4),  # ben, open
        22: (1, 0, 4),  # ben
        50: (0, 1, 3),  # ada, open
        56: (0, 1, 2),  # cleo, open: she left, so she has not come back
        57: (0, 1, 1),  # zoe, open
    }
    assert measures.gaps(world(tmp_path / "e"), verbs="complete", subject="enrolment").empty


def test_a_gap_of_no_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="one day or more"):
        measures.spells(world(tmp_path), verbs="complete", gap_days=0)


def test_without_people_or_events(tmp_path: Path) -> None:
    alone = log({"event": EVENTS}, tmp_path / "a", as_of=AS_OF)
    frame = measures.spells(alone, verbs="complete", gap_days=GAP)
    assert len(frame) == 7
    assert frame["unit"].isna().all()
    assert set(frame["cause"]) == {"disengaged", ""}  # nobody can be seen to leave
    nobody = log({"person": PEOPLE}, tmp_path / "b", as_of=AS_OF)
    missing = measures.subjects(nobody, verbs="complete", gap_days=GAP)
    assert missing.empty
    assert "activity_day" in missing.attrs["missing"]


# Subjects, variants, returns ----------------------------------------------------------------


def test_subjects_are_spells_with_a_group(tmp_path: Path) -> None:
    there = world(tmp_path)
    frame = measures.subjects(there, verbs="complete", gap_days=GAP, by="unit")
    assert frame["group"].value_counts().to_dict() == {"sales": 3, "service": 3, "Unknown": 1}
    assert (frame["entry"] == 0).all()
    [step] = frame.attrs["steps"]
    assert (step.n_persons, step.n_rows) == (5, 7)
    everyone = measures.subjects(there, verbs="complete", gap_days=GAP, by="")
    assert set(everyone["group"]) == {""}
    with pytest.raises(ParameterError, match="unknown choice"):
        measures.subjects(there, verbs="complete", gap_days=GAP, by="shoe size")


def test_variants_cut_by_half_and_twice_the_gap(tmp_path: Path) -> None:
    frame = measures.variants(world(tmp_path), verbs="complete", gap_days=GAP)
    lengths = frame.groupby("variant")["duration"].apply(sorted).to_dict()
    assert lengths["10 days"] == [1, 1, 1, 1, 10, 10, 11]
    # Ben's nine days end a spell of five; dan's of 19 and 24 February are one day apart from it.
    assert lengths["5 days"] == [1, 1, 1, 1, 1, 1, 1, 1, 1, 4]
    # Ada's two are one, and dan cannot be judged any more.
    assert lengths["20 days"] == [1, 9, 10, 11, 11]


def test_returns_from_the_first_day_of_the_first_spell(tmp_path: Path) -> None:
    frame = measures.returns(world(tmp_path), verbs="complete", gap_days=GAP)
    assert sorted(frame.loc[frame["event"], "duration"]) == [10.0, 31.0]
    ends = frame[~frame["event"]]
    assert len(ends) == 5
    # To 20 February from 1, 1, 4 January and 19 February; cleo to the day she left.
    assert sorted(ends["duration"]) == [1.0, 11.0, 47.0, 50.0, 50.0]
    assert "do not recur" in measures.returns(world(tmp_path / "e"), subject="enrolment").attrs[
        "missing"
    ]  # fmt: skip


# Enrolments ---------------------------------------------------------------------------------

CONTENT = """
    content_id | title  | topic | published_at | retired_at
    m1         | Maths  | AAA   | 2024-01-10   | 2024-02-09
    m2         | Prose  | BBB   | 2024-01-10   | 2024-02-09
"""
ENROLLED = """
    assignment_id | person_id | content_id | assigned_at | status     | status_at
    e1            | ada       | m1         | 2024-01-01  | withdrawn  | 2024-01-20
    e2            | ben       | m1         | 2024-01-15  | completed  | 2024-02-09
    e3            | cleo      | m1         | 2023-12-01  | withdrawn  | 2024-01-05
    e4            | dan       | m2         | 2024-01-02  | withdrawn  | -
    e5            | zoe       | m2         | -           | withdrawn  | 2024-01-12
"""


def enrolled(tmp_path: Path, origin: str, **given: str) -> pd.DataFrame:
    there = log({"content": CONTENT, "assignment": ENROLLED}, tmp_path, as_of="2024-03-01")
    return measures.subjects(there, subject="enrolment", origin=origin, **given)  # type: ignore[arg-type]


def rows(frame: pd.DataFrame) -> list[tuple[float, float, bool]]:
    return sorted(zip(frame["entry"], frame["duration"], frame["event"], strict=True))


def test_time_from_the_first_day_keeps_everyone(tmp_path: Path) -> None:
    frame = enrolled(tmp_path, "start")
    assert rows(frame) == [
        (0.0, 0.0, True),  # cleo was gone before it began: day 0
        (0.0, 2.0, True),  # zoe
        (0.0, 10.0, True),  # ada
        (0.0, 30.0, False),  # ben finished with the offer
        (0.0, 30.0, False),  # dan withdrew, nobody knows when
    ]
    assert frame.attrs["n_undated"] == 1
    assert set(frame["cause"]) == {"withdrawn", ""}
    assert frame["group"].value_counts().to_dict() == {"AAA": 3, "BBB": 2}


def test_time_from_registration_needs_its_date(tmp_path: Path) -> None:
    frame = enrolled(tmp_path, "registration", group_by="content_id")
    assert rows(frame) == [
        (0.0, 19.0, True),  # ada, from 1 January
        (0.0, 25.0, False),  # ben, to 9 February
        (0.0, 35.0, True),  # cleo, from 1 December
        (0.0, 38.0, False),  # dan
    ]
    assert frame["group"].value_counts().to_dict() == {"m1": 3, "m2": 1}
    assert [s.n_rows for s in frame.attrs["steps"]] == [5, 4]


def test_delayed_entry_is_at_risk_from_registration_on(tmp_path: Path) -> None:
    frame = enrolled(tmp_path, "delayed_entry")
    assert rows(frame) == [
        (0.0, 10.0, True),  # ada registered before it began
        (0.0, 30.0, False),  # dan
        (5.0, 30.0, False),  # ben came five days late
    ]
    assert [s.n_rows for s in frame.attrs["steps"]] == [5, 4, 3]


def test_variants_of_enrolments_are_the_origins(tmp_path: Path) -> None:
    there = log({"content": CONTENT, "assignment": ENROLLED}, tmp_path, as_of="2024-03-01")
    frame = measures.variants(there, subject="enrolment")
    assert frame["variant"].value_counts().to_dict() == {
        "start": 5, "registration": 4, "delayed_entry": 3,
    }  # fmt: skip


def test_without_enrolments(tmp_path: Path) -> None:
    there = log({"content": CONTENT}, tmp_path, as_of="2024-03-01")
    frame = measures.subjects(there, subject="enrolment")
    assert frame.empty
    assert "assignment" in frame.attrs["missing"]
