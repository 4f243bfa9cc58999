"""Returns, effects, sensitivity and the ladder: what they say, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import publish
from ldresearch.errors import DataError, ParameterError
from ldresearch.models import impact
from ldresearch.result import Result, Rules, not_enough
from ldresearch.vocabulary import Family, Grade

COLUMNS = ["part", "item", "input", "distribution", "low", "middle", "high"]
CASE = [
    ("benefit", "time", "learners", "triangular", 700, 900, 1000),
    ("benefit", "time", "hours", "lognormal", 1, None, 4),
    ("benefit", "time", "pay", "fixed", None, 45, None),
    ("benefit", "leavers", "saved", "normal", 5_000, None, 25_000),
    ("isolation", "", "isolation", "beta", 0.3, None, 0.7),
    ("cost", "licences", "licences", "fixed", None, 30_000, None),
    ("cost", "time", "hours spent", "uniform", 5_000, None, 15_000),
]


def case(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows) or CASE, columns=COLUMNS)


# Return -------------------------------------------------------------------------------------


def test_items_are_multiplied_and_parts_added() -> None:
    """(10 x 5 + 30) x .5 over 16 + 4: a ratio of 2, 100 % return."""
    found = impact.roi(
        case(
            ("benefit", "a", "x", "fixed", None, 10, None),
            ("benefit", "a", "y", "fixed", None, 5, None),
            ("benefit", "b", "z", "fixed", None, 30, None),
            ("isolation", "", "i", "fixed", None, 0.5, None),
            ("cost", "c", "c", "fixed", None, 16, None),
            ("cost", "d", "d", "fixed", None, 4, None),
        )
    )
    by = found.frame.set_index("figure")["value"]
    assert by["benefit"] == 80
    assert by["net"] == 20
    assert by["benefit_cost_ratio"] == 2
    assert by["roi"] == 100
    assert by["payback_months"] == 6
    assert (found.frame["low"] == found.frame["high"]).all()


def test_a_seed_repeats_and_another_differs_a_little() -> None:
    one, two, other = (impact.roi(case(), seed=s).estimate("roi") for s in (1, 1, 2))
    assert one == two
    assert one != other
    assert one.value == pytest.approx(other.value, abs=3)
    assert one.low < one.value < one.high


def test_an_input_is_drawn_the_same_whatever_stands_beside_it() -> None:
    shuffled = case(*reversed(CASE))
    assert impact.roi(shuffled).estimate("roi") == impact.roi(case()).estimate("roi")


def test_no_benefit_is_never_paid_back() -> None:
    found = impact.roi(
        case(("benefit", "b", "b", "fixed", None, 0, None),
             ("cost", "c", "c", "fixed", None, 9, None))
    )  # fmt: skip
    assert found.estimate("roi").value == -100
    assert math.isinf(found.estimate("payback_months").value)
    assert found.estimate("roi_chance").value == 0
    assert publish(found, Rules()).frame["figure"].tolist()[-1] == "payback_months"


def test_the_persons_behind_it_pass_the_door() -> None:
    shown = publish(impact.roi(case(), n_persons=900), Rules())
    assert shown.estimate("roi").n == 900
    assert not publish(impact.roi(case(), n_persons=3), Rules()).has("roi")


def test_an_item_without_a_name_counts() -> None:
    frame = case(("benefit", None, "b", "fixed", None, 6, None),
                 ("cost", None, "c", "fixed", None, 3, None))  # fmt: skip
    assert impact.roi(frame).estimate("roi").value == 100


@pytest.mark.parametrize("rows", [[], CASE[:5], CASE[5:]])
def test_half_a_case_is_no_case(rows: list[Any]) -> None:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    assert "is named" in impact.roi(frame).missing
    assert impact.tornado(frame).is_empty


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("gain", "a", "a", "fixed", None, 1, None), "part"),
        (("benefit", "a", "a", "gamma", 1, None, 2), "distribution"),
        (("benefit", "a", "a", "fixed", 1, None, 2), "roi: a"),
        (("benefit", "a", "a", "normal", 3, None, 2), "in order"),
        (("benefit", "a", "a", "lognormal", 0, None, 2), "above 0"),
        (("benefit", "a", "a", "beta", 0.2, None, 1.2), "below 1"),
        (("benefit", "a", "a", "triangular", 1, 5, 4), "in order"),
        (("benefit", "a", "a", "normal", math.nan, None, 2), "in order"),
        (("isolation", "", "a", "uniform", 0.5, None, 1.5), "from 0 to 1"),
        (("benefit", "a", "hours", "fixed", None, 1, None), "named twice"),
    ],
)
def test_inputs_that_cannot_be(row: tuple[Any, ...], what: str) -> None:
    with pytest.raises(DataError, match=what):
        impact.roi(case(*CASE, row))


def test_costs_may_not_vanish() -> None:
    frame = case(("benefit", "b", "b", "fixed", None, 1, None),
                 ("cost", "c", "c", "normal", -1, None, 5))  # fmt: skip
    with pytest.raises(ParameterError, match="0 or below"):
        impact.roi(frame)


def test_tornado_is_widest_first() -> None:
    found = impact.tornado(case())
    frame = found.frame
    assert frame["swing"].is_monotonic_decreasing
    assert set(frame["input"]) == {"learners", "hours", "saved", "isolation", "hours spent"}
    assert frame["input"].iloc[0] == "hours"
    assert frame["variance_share"].between(0, 1).all()
    assert 0.7 < frame["variance_share"].sum() <= 1.02
    # What costs more brings less.
    spent = frame.set_index("input").loc["hours spent"]
    assert spent["high"] < float(found.parameters["base"] or 0) < spent["low"]


def test_nothing_to_swing() -> None:
    frame = case(("benefit", "b", "b", "fixed", None, 1, None),
                 ("cost", "c", "c", "fixed", None, 1, None))  # fmt: skip
    assert "known exactly" in impact.tornado(frame).missing
    with pytest.raises(ParameterError, match="figure"):
        impact.tornado(case(), figure="payback")


# Effects ------------------------------------------------------------------------------------


def followed(effect: float = 1.0, teams: int = 12, size: int = 10, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = teams * size
    team = np.repeat(np.arange(teams), size)
    treated = team < teams // 2
    frame = pd.DataFrame(
        {"person_key": np.arange(n), "cluster": [f"t{i}" for i in team],
         "arm": np.where(treated, "treated", "control"), "before": rng.normal(size=n)}
    )  # fmt: skip
    shared = 0.3 * rng.normal(size=teams)[team]
    return frame.assign(
        after=frame["before"] + 0.5 + shared + effect * treated + rng.normal(size=n)
    )


def test_arms_and_their_difference() -> None:
    found = impact.difference_in_differences(followed(2.0))
    by = found.frame.set_index("arm")
    assert list(by.index) == ["treated", "control", "difference"]
    row = by.loc["difference"]
    assert row["change"] == pytest.approx(by.loc["treated", "change"] - by.loc["control", "change"])
    assert row["low"] < 2.0 < row["high"]
    assert row["n_clusters"] == 12
    assert row["n"] == 120
    assert 0 < row["p_reassigned"] <= 0.01
    assert found.parameters["p_smallest"] == pytest.approx(2 / math.comb(12, 6))


@pytest.mark.parametrize("how", ["difference_in_differences", "adjusted"])
def test_grade_comes_from_the_assignment(how: str) -> None:
    model = getattr(impact, how)
    drawn = followed().assign(is_randomised=True)
    assert model(drawn).estimates[0].grade is Grade.RANDOMISED
    unsaid = drawn.astype({"is_randomised": object})
    unsaid.loc[5, "is_randomised"] = None
    drawn.loc[5, "is_randomised"] = False
    other = Grade.ADJUSTED if how == "adjusted" else Grade.QUASI_EXPERIMENTAL
    assert model(drawn).estimates[0].grade is other
    assert model(unsaid).estimates[0].grade is other


def test_without_controls_it_is_a_description() -> None:
    frame = followed()
    for lone in (frame[frame["arm"] == "treated"], frame.assign(arm=""), frame.drop(columns="arm")):
        found = impact.difference_in_differences(lone)
        assert found.estimates[0].grade is Grade.DESCRIPTIVE
        assert len(found.frame) == 1
        assert found.frame["p_reassigned"].isna().all()
    assert "nobody to compare with" in impact.adjusted(frame[frame["arm"] == "treated"]).missing


def test_whoever_is_on_no_side_is_left_out_of_a_comparison() -> None:
    frame = followed()
    frame.loc[frame["cluster"] == "t3", "arm"] = ""
    found = impact.difference_in_differences(frame)
    assert found.estimates[0].n == 110
    assert [step.n_persons for step in found.attrition] == [120, 110]


def test_units_stand_for_their_people() -> None:
    frame = followed().groupby(["cluster", "arm"], as_index=False)[["before", "after"]].mean()
    found = impact.difference_in_differences(frame.assign(n=40))
    assert found.estimates[0].n == 12 * 40


def test_teams_are_not_people() -> None:
    """Ten of one team are not ten pieces of evidence."""
    frame = followed()
    by_team = impact.difference_in_differences(frame).frame.iloc[-1]
    alone = impact.difference_in_differences(frame.drop(columns="cluster")).frame.iloc[-1]
    assert by_team["change"] == pytest.approx(alone["change"])
    assert by_team["high"] - by_team["low"] > alone["high"] - alone["low"]


def test_order_of_rows_does_not_matter() -> None:
    frame = followed()
    shuffled = frame.sample(frac=1, random_state=1)
    for model in (impact.difference_in_differences, impact.adjusted, impact.robustness):
        pd.testing.assert_frame_equal(model(frame).frame, model(shuffled).frame, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f.iloc[:0], "nobody was followed"),
        (lambda f: f.head(2), "too few to compare"),
        (lambda f: f.assign(after=np.nan), "too few to compare"),
        (lambda f: f[f["cluster"].isin(["t0", "t7", "t8"])], "a single team"),
        (lambda f: f.assign(after=1.0, before=0.0), "the same for everyone"),
    ],
)
def test_too_little_is_said(change: Any, why: str) -> None:
    frame = change(followed())
    assert why in impact.difference_in_differences(frame).missing
    assert impact.adjusted(frame).is_empty
    assert impact.robustness(frame).is_empty


def test_arms_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match="no arm is the control"):
        impact.difference_in_differences(followed(), control="usual")
    with pytest.raises(DataError, match="more than two arms"):
        impact.difference_in_differences(followed().assign(arm=lambda f: f["cluster"]))
    with pytest.raises(DataError, match="columns are missing"):
        impact.difference_in_differences(followed().drop(columns="before"))


def test_text_is_adjusted_for_by_level() -> None:
    frame = followed().assign(level=lambda f: np.where(f["person_key"] % 3, "junior", "senior"))
    found = impact.adjusted(frame, covariates=["before", "level"])
    assert found.frame["term"].tolist() == ["treated", "before", "level: senior"]


def test_what_tells_the_arm_leaves_nothing_to_compare() -> None:
    frame = followed().assign(own=lambda f: (f["arm"] == "treated") * 1.0)
    assert "tells who was treated" in impact.adjusted(frame, covariates=["own"]).missing


# Sensitivity --------------------------------------------------------------------------------


def test_e_value_of_nothing_is_one() -> None:
    assert impact.e_value(1.0).frame["e_value"].tolist() == [1.0]
    crossing = impact.e_value(0.0, -1.0, 1.0, scale="difference", sd=2.0)
    assert crossing.frame["e_value"].tolist() == [1.0, 1.0]


def test_e_value_is_the_same_upside_down() -> None:
    up, down = impact.e_value(2.0, 1.5, 3.0), impact.e_value(1 / 2.0, 1 / 3.0, 1 / 1.5)
    assert up.frame["e_value"].tolist() == pytest.approx(down.frame["e_value"].tolist())


@pytest.mark.parametrize(
    "call",
    [
        lambda: impact.e_value(-0.5),
        lambda: impact.e_value(2.0, scale="x"),
        lambda: impact.e_value(2.0, 1.0, 3.0, scale="difference"),
        lambda: impact.robustness_value(1.0, 0.0, 20),
        lambda: impact.bounded(1.0, 0.5, 20, 1.2, 0.1),
    ],
)
def test_sensitivity_out_of_range(call: Any) -> None:
    with pytest.raises(ParameterError):
        call()


def test_no_estimate_has_no_e_value() -> None:
    assert impact.e_value(math.nan).is_empty


def test_a_weak_effect_withstands_nothing() -> None:
    partial, rv, rv_alpha = impact.robustness_value(0.5, 0.4, 100)
    assert 0 < partial < rv
    assert rv_alpha == 0.0


def test_a_stronger_cause_takes_more() -> None:
    found = impact.robustness(followed(2.0).assign(cluster=lambda f: f["person_key"]))
    assert found.frame["estimate"].is_monotonic_decreasing
    assert (
        found.estimate("robustness_value", "effect").value
        > found.estimate("robustness_value", "interval").value
    )


def test_a_cause_that_cannot_be_so_strong_is_missing() -> None:
    frame = followed().assign(cluster=lambda f: f["person_key"])
    frame["before"] += 3.0 * (frame["arm"] == "treated")
    found = impact.robustness(frame, times=[1.0, 3.0]).frame
    assert found["estimate"].isna().tolist()[-1]


# The ladder ---------------------------------------------------------------------------------


def test_a_ladder_of_five() -> None:
    behaviour = impact.difference_in_differences(followed(2.0))
    result = impact.difference_in_differences(followed(0.0).assign(is_randomised=True))
    found = impact.ladder(
        {
            1: impact.reaction(
                pd.DataFrame({"item": ["useful"], "mean": [4.1], "sd": [0.8], "n": [60]})
            ),
            2: not_enough("learning", Family.CONTRAST, "nobody was rated both times"),
            3: behaviour,
            4: result,
        }
    )
    frame = found.frame.set_index("name")
    assert frame["state"].tolist() == ["described", "unknown", "up", "open", "unknown"]
    assert frame.loc["learning", "missing"] == "nobody was rated both times"
    assert frame.loc["return", "missing"] == "not measured"
    assert frame.loc["behaviour", "grade"] == "quasi-experimental"
    assert frame.loc["result", "grade"] == "randomised"
    assert found.parameters["highest_shown"] == 3
    assert len(publish(found, Rules()).rows) == 5


def test_an_uncompared_rise_is_not_shown() -> None:
    alone = impact.difference_in_differences(followed(2.0).drop(columns="arm"))
    found = impact.ladder({3: alone})
    assert found.frame.set_index("name").loc["behaviour", "state"] == "up"
    assert found.parameters["highest_shown"] == 0


def test_an_empty_ladder_and_a_sixth_rung() -> None:
    empty: dict[int, Result] = {}
    assert "nothing was measured" in impact.ladder(empty).missing
    with pytest.raises(ParameterError, match="rung"):
        impact.ladder({6: impact.reaction(pd.DataFrame())})


def test_one_answer_has_no_interval() -> None:
    frame = pd.DataFrame({"item": ["useful"], "mean": [4.1], "sd": [math.nan], "n": [1]})
    assert "no item has two answers" in impact.reaction(frame).missing
