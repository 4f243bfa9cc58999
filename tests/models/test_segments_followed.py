"""Scores, profiles, moves and responses on frames that can be worked out by hand; poor data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldresearch.errors import DataError
from ldresearch.models import _between
from ldresearch.models import segments as models
from ldresearch.result import Step
from ldresearch.segment_rules import parse, read

TWO = parse('[[segment]]\nname = "busy"\nwhen.actions.at_least = 5\n[[segment]]\nname = "calm"')


def people(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    base = {"active_weeks": 1.0, "actions": 1.0, "actions_a_week": 0.1, "minutes_a_week": 1.0,
            "silent_days": 9.0, "minutes": 10.0}  # fmt: skip
    return frame.assign(**{k: v for k, v in base.items() if k not in frame})


# Scores -------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 12), min_size=20, max_size=80))
def test_scores_keep_ties_together_and_order(weeks: list[int]) -> None:
    frame = pd.DataFrame({"silent_days": 1.0, "active_weeks": np.array(weeks, float), "minutes": 1})
    members = models.rfm(frame).members
    assert members is not None
    score = members["active_weeks"].to_numpy()
    for i in range(len(weeks)):
        below = sum(w < weeks[i] for w in weeks)
        assert score[i] == 5 * below // len(weeks) + 1
    # All alike: one score for everybody.
    assert set(members["minutes"]) == {1}


@given(st.lists(st.integers(0, 6), min_size=20, max_size=40), st.integers(-1, 7))
def test_movable_is_what_one_more_person_moves_at_most(weeks: list[int], extra: int) -> None:
    frame = pd.DataFrame({"silent_days": 1.0, "active_weeks": np.array(weeks, float), "minutes": 1})
    more = pd.concat([frame, frame.head(1).assign(active_weeks=float(extra))], ignore_index=True)
    one, two = models.rfm(frame), models.rfm(more)
    assert one.members is not None and two.members is not None  # noqa: PT018
    moved = (one.members["active_weeks"] != two.members["active_weeks"].iloc[:-1]).mean()
    assert moved <= float(one.parameters["movable"] or 0) + 1e-3


def test_groups_by_recency_and_frequency() -> None:
    frame = people(silent_days=np.arange(100.0), active_weeks=np.r_[np.arange(50.0), np.arange(50)])
    scored = models.rfm(frame)
    found = models.rfm_groups(scored).frame.set_index("group")["n_in"]
    assert found.sum() == 100
    assert (
        found["keen"] == ((np.arange(100) < 40) & (np.r_[np.arange(50), np.arange(50)] >= 30)).sum()
    )


def test_missing_numbers_are_refused_where_they_mean_nothing() -> None:
    with pytest.raises(DataError, match="missing"):
        models.rfm(people(minutes=[None] * 30))


# Profiles -----------------------------------------------------------------------------------


def test_offers_follow_what_people_do() -> None:
    frame = people(
        actions=[9.0] * 40 + [0.0] * 40, active_weeks=[10.0] * 40 + [0.0] * 40,
        unit=["Sales"] * 30 + ["Lab"] * 50,
    )  # fmt: skip
    found = models.profiles(frame, TWO).frame.set_index("segment")
    assert found["offer"].to_dict() == {"busy": "carry", "calm": "begin"}
    assert found.loc["busy", "unit"] == "Sales"
    assert found.loc["busy", "unit_share"] == 0.75


def test_a_unit_is_not_named_for_chance() -> None:
    rng = np.random.default_rng(1)
    named = 0
    for _ in range(60):
        frame = people(actions=rng.choice([9.0, 1.0], 400), unit=rng.choice(list("abcde"), 400))
        named += int(models.profiles(frame, TWO).frame["unit"].notna().any())
    assert named <= 7  # one in twenty over all units and segments


# Moves --------------------------------------------------------------------------------------


def quarters(*actions: list[float]) -> pd.DataFrame:
    starts = pd.date_range("2024-01-01", periods=len(actions), freq="QS")
    parts = [
        pd.DataFrame({"quarter_on": start, "person_key": range(len(own)), "actions": own})
        for start, own in zip(starts, actions, strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True).dropna(subset="actions")
    frame.attrs["under_way"] = "2024-07-01"
    return frame


def test_moves_are_counted_with_those_who_come_and_go() -> None:
    """30 busy of whom 20 stay, 6 calm down, 4 leave; 10 calm who stay; 5 come in."""
    before = [9.0] * 30 + [1.0] * 10 + [np.nan] * 5
    after = [9.0] * 20 + [1.0] * 6 + [np.nan] * 4 + [1.0] * 10 + [9.0] * 5
    found = models.moves(quarters(before, after), TWO)
    flows = found.frame.set_index(["start", "end"])["n_moved"].to_dict()
    assert flows == {
        ("busy", "busy"): 20, ("busy", "calm"): 6, ("busy", "not counted"): 4,
        ("calm", "calm"): 10, ("not counted", "busy"): 5,
    }  # fmt: skip
    stay = found.estimate("segment_stay", "busy")
    assert (stay.value, stay.n) == (20 / 26, 26)
    assert found.parameters["under_way"] == "2024-07-01"


def test_one_quarter_is_no_move() -> None:
    assert "takes two" in models.moves(quarters([1.0] * 30), TWO).missing


# Responses ----------------------------------------------------------------------------------


def campaign(is_randomised: bool = True, n: int = 400, clusters: int = 0) -> pd.DataFrame:
    half = np.arange(n) % 2 == 0
    return pd.DataFrame(
        {
            "initiative_id": "one", "label": "One", "arm": np.where(half, "treated", "control"),
            "cluster": np.arange(n) % clusters if clusters else np.arange(n),
            "is_randomised": is_randomised, "start_on": "2024-01-01",
            "has_responded": np.arange(n) % 4 == 0, "actions": np.where(np.arange(n) < n / 2, 9, 0),
        }
    )  # fmt: skip


def test_a_difference_is_told_where_chance_drew() -> None:
    found = models.responses(campaign(), TWO)
    # Half of the treated came and none of the others.
    assert found.frame["value"].tolist() == pytest.approx([0.5, 0.5])
    assert {e.grade.value for e in found.estimates} == {"randomised"}
    plain = models.responses(campaign(is_randomised=False), TWO)
    assert plain.frame["kind"].tolist() == ["share", "share"]
    assert {e.grade.value for e in plain.estimates} == {"descriptive"}


def test_groups_drawn_are_compared_as_groups() -> None:
    people_wise = models.responses(campaign(), TWO).frame
    frame = campaign(clusters=8).assign(
        has_responded=lambda f: (f["cluster"].isin([0, 4, 6])) | (np.arange(400) % 9 == 0)
    )
    by_group = models.responses(frame, TWO).frame
    width = (by_group["high"] - by_group["low"]).mean()
    assert width > 3 * (people_wise["high"] - people_wise["low"]).mean()
    # Two groups on a side tell nothing of how groups differ.
    assert "no segment has" in models.responses(campaign(clusters=4), TWO).missing


def test_a_small_segment_is_left_out() -> None:
    assert "no segment has 10 people" in models.responses(campaign(n=16), TWO).missing


def test_eight_schools_as_in_the_book() -> None:
    """Gelman et al. (2013), table 5.3: medians and 95 % of the effects in schools A and C."""
    effect = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    se = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    mean, low, high = _between.shrunk(effect, se)
    # The book's are of 200 draws: A 10 (-2 to 31), C 7 (-11 to 19).
    assert low[[0, 2]] == pytest.approx([-2, -11], abs=2.0)
    assert high[[0, 2]] == pytest.approx([31, 19], abs=2.5)
    assert mean[0] == pytest.approx(11.4, abs=1.0)


def test_two_groups_are_not_drawn_together() -> None:
    mean, low, _ = _between.shrunk(np.array([0.1, 0.3]), np.array([0.1, 0.1]))
    assert mean.tolist() == [0.1, 0.3]
    assert low[0] == pytest.approx(0.1 - 0.196, abs=1e-3)


# Still active -------------------------------------------------------------------------------


def histories(n: int, repeats: object, last: object, known: object = 20.0) -> pd.DataFrame:
    return pd.DataFrame(
        {"repeats": repeats, "last_weeks": last, "known_weeks": known, "actions": 1.0},
        index=range(n),
    ).astype(float)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (histories(1, 3, 9), "fewer than 30 people"),
        (histories(60, 0, 0), "fewer than 10 people have come again"),
        (histories(60, 3, 9), "the same history"),
        (histories(60, 3, 9, None), "nobody has begun"),
        (pd.DataFrame(), "nobody has begun"),
        (histories(60, [0.0] * 30 + [1.0] * 30, 0.0, 0.0), "same history"),
    ],
)
def test_what_tells_nothing_is_refused(frame: pd.DataFrame, why: str) -> None:
    assert why in models.alive(frame, TWO).missing
    held = frame.assign(days_ahead=0.0) if len(frame) else frame
    assert why in models.foretold(held, TWO).missing


def test_everyone_who_never_stops_has_no_peak() -> None:
    """All come each week to the end: nothing is known of stopping."""
    rng = np.random.default_rng(1)
    known = rng.integers(10, 30, 80).astype(float)
    frame = histories(80, known, known, known)
    found = models.alive(frame, TWO)
    assert found.is_empty
    assert "do not tell" in found.missing


# Trust --------------------------------------------------------------------------------------


def test_each_check_can_fail() -> None:
    frame = people(silent_days=[1.0] * 30)
    frame.attrs = {"steps": (Step("a", 100, 100), Step("b", 60, 60)), "is_whole": False}
    scored = models.rfm(frame).but(parameters={"movable": 0.3})
    held = models.foretold(pd.DataFrame(), TWO)
    found = models.trust(frame, scored, models.behaviour(pd.DataFrame()), held).frame
    status = found.set_index("check")["status"].to_dict()
    assert status == {
        "window": "not passed", "new": "not passed", "edges": "not passed", "foretold": "not known",
    }  # fmt: skip


def test_all_in_one_group() -> None:
    frame = people(actions=[0.0] * 40, unit=["a"] * 40)
    found = models.usage(frame, read())
    assert found.frame["n_in"].tolist() == [0, 0, 0, 0, 40]
    assert models.profiles(frame, read()).frame["segment"].tolist() == ["non-user"]
