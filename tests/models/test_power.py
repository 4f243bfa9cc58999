"""Plans: each of effect, persons and power from the other two; teams; roll-outs compared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import publish
from ldresearch.errors import ParameterError
from ldresearch.models import power as p
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import Grade

# Three ways round ---------------------------------------------------------------------------


@pytest.mark.parametrize("formula", p.FORMULAS)
@pytest.mark.parametrize("mde", [0.08, -0.08])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("sides", [1, 2])
def test_proportions_agree_with_themselves(
    formula: str, mde: float, ratio: float, sides: int
) -> None:
    how: dict[str, Any] = {"formula": formula, "ratio": ratio, "sides": sides, "alpha": 0.02}
    n = p.two_proportions(0.3, mde, power=0.85, **how).parameters["n_exact"]
    assert isinstance(n, float)
    assert p.two_proportions(0.3, mde, n=n, **how).estimate("planned_power").value == pytest.approx(
        0.85, abs=1e-9
    )
    direction = "up" if mde > 0 else "down"
    back = p.two_proportions(0.3, n=n, power=0.85, direction=direction, **how)
    assert back.estimate("mde").value == pytest.approx(mde, abs=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("sides", [1, 2])
def test_means_agree_with_themselves(correlation: float, sides: int) -> None:
    how: dict[str, Any] = {"sd": 3.0, "ratio": 2.0, "sides": sides, "correlation": correlation}
    n = p.two_means(0.4, power=0.9, **how).parameters["n_exact"]
    assert isinstance(n, float)
    assert p.two_means(0.4, n=n, **how).estimate("planned_power").value == pytest.approx(0.9)
    assert p.two_means(n=n, power=0.9, **how).estimate("mde").value == pytest.approx(0.4)


@pytest.mark.parametrize("formula", ["schoenfeld", "freedman"])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("hazard_ratio", [0.6, 1.5])
def test_events_agree_with_themselves(formula: str, ratio: float, hazard_ratio: float) -> None:
    how: dict[str, Any] = {"formula": formula, "ratio": ratio}
    events = p.survival_events(hazard_ratio, power=0.8, **how).parameters["events_exact"]
    assert isinstance(events, float)
    power = p.survival_events(hazard_ratio, events=events, **how).estimate("planned_power").value
    assert power == pytest.approx(0.8)
    direction = "up" if hazard_ratio > 1 else "down"
    back = p.survival_events(events=events, power=0.8, direction=direction, **how)
    assert back.estimate("hazard_ratio_mde").value == pytest.approx(hazard_ratio)


def test_what_was_known_before_saves_people() -> None:
    """A correlation of .7 takes 49 % off the variance, and so off the people."""
    plain, adjusted = (
        float(p.two_means(0.2, power=0.8, correlation=r).parameters["n_exact"] or 0)
        for r in (0.0, 0.7)
    )
    assert adjusted / plain == pytest.approx(0.51, abs=0.005)


def test_persons_are_rounded_up_in_each_arm() -> None:
    row = p.two_proportions(0.2, 0.05, power=0.8, ratio=1.7).frame.iloc[0]
    exact = float(p.two_proportions(0.2, 0.05, power=0.8, ratio=1.7).parameters["n_exact"] or 0)
    assert row["n_control"] == math.ceil(exact)
    assert row["n_treated"] == math.ceil(1.7 * exact)
    assert row["n_total"] == row["n_control"] + row["n_treated"]


def test_a_plan_passes_the_door() -> None:
    shown = publish(p.two_proportions(0.2, 0.05, power=0.8), Rules())
    assert shown.frame["n_control"].tolist() == [1094]
    assert shown.estimate("planned_n", "control").value == 1095  # people are told in fives
    assert shown.estimate("mde").unit == "points"


def test_persons_of_times_follow_from_the_share_with_an_event() -> None:
    """Treated share from control share and hazard ratio: 1 - (1 - .5)^.5."""
    found = p.survival_events(0.5, power=0.8, share_control=0.5)
    assert found.parameters["share_treated"] == pytest.approx(1 - 0.5**0.5)
    shares = 0.5 + 1 - 0.5**0.5
    assert found.frame["n_control"].iloc[0] == math.ceil(65.3457 / shares)
    assert math.isnan(p.survival_events(0.5, power=0.8).frame["n_control"].iloc[0])


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: p.two_proportions(0.5, n=2, power=0.999), "no effect that is possible"),
        (lambda: p.two_proportions(0.2, 1e-7, power=0.8), "no number of people"),
        (lambda: p.survival_events(events=3, power=0.9, formula="freedman"), "too few"),
    ],
)
def test_plans_that_cannot_be(call: Any, why: str) -> None:
    found: Result = call()
    assert why in found.missing
    assert publish(found, Rules()).is_empty


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: p.two_proportions(0.2, 0.05), "all but one of"),
        (lambda: p.two_proportions(0.2, 0.05, n=100, power=0.8), "all but one of"),
        (lambda: p.two_proportions(1.2, 0.05, power=0.8), "share"),
        (lambda: p.two_proportions(math.nan, 0.05, power=0.8), "share"),
        (lambda: p.two_proportions(0.2, 0.9, power=0.8), "share . mde"),
        (lambda: p.two_proportions(0.2, 0.0, power=0.8), "no effect"),
        (lambda: p.two_proportions(0.2, math.nan, power=0.8), "no effect"),
        (lambda: p.two_proportions(0.2, 0.05, power=0.01), "power"),
        (lambda: p.two_proportions(0.2, 0.05, power=1.0), "power"),
        (lambda: p.two_proportions(0.2, 0.05, power=0.8, alpha=0), "alpha"),
        (lambda: p.two_proportions(0.2, 0.05, power=0.8, sides=3), "sides"),
        (lambda: p.two_proportions(0.2, 0.05, power=0.8, ratio=0), "ratio"),
        (lambda: p.two_proportions(0.2, 0.05, power=0.8, formula="x"), "formula"),
        (lambda: p.two_proportions(0.2, 0.05, n=-3), "n"),
        (lambda: p.two_means(0.2, sd=0, power=0.8), "sd"),
        (lambda: p.two_means(0.2, power=0.8, correlation=1.0), "correlation"),
        (lambda: p.survival_events(1.0, power=0.8), "hazard_ratio"),
        (lambda: p.survival_events(-0.5, power=0.8), "hazard_ratio"),
        (lambda: p.design_effect(0, 0.05), "size"),
        (lambda: p.design_effect(20, 1.5), "icc"),
        (lambda: p.event_share(0.0, follow_up=3), "hazard"),
        (lambda: p.event_share(0.1, follow_up=0), "nobody is followed"),
        (lambda: p.non_inferiority(0.0, share=0.5, power=0.8), "margin"),
        (lambda: p.non_inferiority(0.1, share=0.5, sd=1.0, power=0.8), "one of share and sd"),
        (lambda: p.mde_curve([100]), "one of share and sd"),
    ],
)
def test_one_sentence_says_what_is_wrong(call: Any, name: str) -> None:
    with pytest.raises(ParameterError, match=name) as refused:
        call()
    assert "\n" not in str(refused.value)


# Curves -------------------------------------------------------------------------------------


def test_mde_falls_with_people_and_power_rises_with_effects() -> None:
    curve = p.mde_curve([4000, 250, 1000], share=0.2, design_effect=2.0).frame
    assert curve["n"].tolist() == [250, 1000, 4000]
    assert curve["mde"].is_monotonic_decreasing
    assert curve["mde"].iloc[1] == pytest.approx(
        p.two_proportions(0.2, n=500, power=0.8).estimate("mde").value
    )
    rising = p.power_curve([0.05, 0.01, 0.1], n=1000, share=0.2).frame["power"]
    assert rising.is_monotonic_increasing
    means = p.mde_curve([100, 400], sd=2.0).frame["mde"]
    assert means.iloc[0] / means.iloc[1] == pytest.approx(2.0, abs=0.02)


def test_a_point_beyond_reach_is_missing() -> None:
    assert p.mde_curve([2, 500], share=0.5, power=0.99).frame["mde"].isna().tolist() == [
        True,
        False,
    ]
    assert p.mde_curve([], share=0.5).is_empty


# Teams --------------------------------------------------------------------------------------


def people(between: float, teams: int = 40, size: int = 20, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(teams), size)
    value = between * rng.normal(size=teams)[unit] + rng.normal(size=teams * size)
    return pd.DataFrame({"unit": [f"team {u}" for u in unit], "value": value})


def test_icc_is_found_and_covered() -> None:
    """Variance .25 between and 1 within: an ICC of .2; intervals of 40 worlds."""
    inside = 0
    for seed in range(40):
        row = p.icc(people(0.5, seed=seed)).frame.iloc[0]
        inside += row["low"] <= 0.2 <= row["high"]
    assert inside >= 35


def test_teams_less_alike_than_chance_are_set_to_nought() -> None:
    frame = pd.DataFrame({"unit": list("aabbccddee"), "value": [0, 1] * 5})
    found = p.icc(frame)
    assert found.frame["icc"].iloc[0] == 0.0
    assert found.frame["raw"].iloc[0] < 0
    assert found.parameters["is_truncated"] is True
    assert "set to 0" in found.method


def test_binary_values_have_an_icc() -> None:
    rng = np.random.default_rng(2)
    share = rng.beta(2, 6, 200)  # ICC 1 / (1 + 2 + 6)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(200), 30)})
    frame["value"] = rng.random(6000) < share[frame["unit"]]
    assert p.icc(frame).frame["icc"].iloc[0] == pytest.approx(1 / 9, abs=0.03)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.iloc[:0],
        lambda f: f.iloc[:1],
        lambda f: f[f["unit"] == "team 1"],
        lambda f: f.drop_duplicates("unit"),
        lambda f: f.assign(value=1.0),
        lambda f: f.assign(unit=None),
    ],
)
def test_too_little_for_an_icc_is_said(change: Any) -> None:
    assert p.icc(change(people(0.5))).missing


def test_people_without_a_team_are_counted_out() -> None:
    frame = people(0.5)
    frame.loc[:9, "unit"] = None
    found = p.icc(frame)
    assert [step.n_rows for step in found.attrition] == [800, 790]
    assert found.estimates[0].n == 790
    assert found.estimates[0].grade is Grade.DESCRIPTIVE


def test_few_teams_need_more() -> None:
    """Six teams by the normal distribution are one or more too few by the t distribution."""
    row = p.design_effect(50, 0.05, n=80).frame.iloc[0]
    assert row["n_clusters"] == 6
    assert row["n_clusters_small"] > row["n_clusters"]
    many = p.design_effect(50, 0.05, n=8000).frame.iloc[0]
    assert many["n_clusters_small"] - many["n_clusters"] <= 2


def test_teams_of_one_change_nothing() -> None:
    assert p.design_effect(1, 0.5).estimate("design_effect").value == 1.0
    assert p.design_effect([1, 1, 1], 0.5, n=100).frame["n"].tolist() == [100]
    assert p.design_effect([], 0.5).is_empty


# Designs ------------------------------------------------------------------------------------


def weeks(
    between: float = 0.04, units: int = 24, n_weeks: int = 20, size: int = 15, seed: int = 3
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit, week, person = (
        a.ravel() for a in np.meshgrid(*map(np.arange, (units, n_weeks, size)), indexing="ij")
    )
    share = np.clip(0.25 + between * rng.normal(size=units)[unit] + 0.002 * week, 0.02, 0.98)
    return pd.DataFrame(
        {"unit": unit, "week": week, "value": (rng.random(len(unit)) < share) * 1.0,
         "person_key": unit * size + person}
    )  # fmt: skip


def test_designs_are_compared_on_the_same_weeks() -> None:
    found = p.designs(weeks(), effect=0.03, simulations=300, assignments=300)
    frame = found.frame.set_index("design")
    assert list(frame.index) == list(p.DESIGNS)
    assert (frame["n"] == 24 * 15).all()
    assert (frame["weeks_observed"] == 24 * 15 * 20).all()
    # Half the teams for 16 weeks; 80 % of them; all of them in the end, 10 weeks on average.
    assert frame.loc["parallel", "n_treated"] == 12
    assert frame.loc["hold_out", "n_treated"] == 19
    assert frame.loc["stepped_wedge", "n_treated"] == 24
    assert frame.loc["parallel", "weeks_treated"] == pytest.approx(12 * 15 * 16, rel=0.01)
    assert frame.loc["stepped_wedge", "weeks_treated"] == pytest.approx(24 * 15 * 10, rel=0.01)
    # A fifth held out tells less than a half.
    assert frame.loc["hold_out", "power"] < frame.loc["parallel", "power"]
    assert frame.loc["hold_out", "mde"] > frame.loc["parallel", "mde"]
    for row in frame.itertuples():
        assert row.low < row.power < row.high


def test_designs_hold_their_level() -> None:
    """With next to no effect each test finds it in about 5 % of the simulations."""
    found = p.designs(weeks(), effect=1e-9, simulations=2000, assignments=400)
    assert found.frame["power"].between(0.03, 0.075).all()


def test_a_larger_effect_is_found_more_often_and_a_seed_repeats() -> None:
    small, large, again = (
        p.designs(weeks(), effect=e, simulations=200, assignments=200).frame["power"]
        for e in (0.02, 0.10, 0.10)
    )
    assert (large > small).all()
    assert large.tolist() == again.tolist()
    assert (large > 0.9).all()


def test_teams_apart_favour_changes_within_them() -> None:
    """The more teams differ, the more a stepped wedge gains on a parallel design."""
    gains = []
    for between in (0.0, 0.2):
        frame = p.designs(weeks(between), effect=0.05, simulations=200).frame.set_index("design")
        gains.append(frame.loc["parallel", "mde"] / frame.loc["stepped_wedge", "mde"])
    assert gains[1] > gains[0]


def test_order_and_weights_do_not_matter() -> None:
    frame = weeks()
    folded = frame.groupby(["unit", "week"], as_index=False)["value"].mean().assign(weight=15)
    asked: dict[str, Any] = {"effect": 0.05, "simulations": 100, "assignments": 100}
    expected = p.designs(frame, **asked).frame["power"].tolist()
    assert (
        p.designs(frame.sample(frac=1, random_state=1), **asked).frame["power"].tolist() == expected
    )
    assert p.designs(folded, **asked).frame["power"].tolist() == expected


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f.iloc[:0], "nobody"),
        (lambda f: f.head(1), "0 teams|1 teams"),
        (lambda f: f[f["unit"] < 5], "5 teams"),
        (lambda f: f[f["week"] < 5], "weeks are known"),
        (lambda f: f.assign(value=1.0), "the same in all teams"),
    ],
)
def test_too_little_for_designs_is_said(change: Any, why: str) -> None:
    import re

    assert re.search(why, p.designs(change(weeks()), effect=0.05).missing)


def test_a_week_without_a_name_is_left_out() -> None:
    frame = weeks().astype({"week": float})
    frame.loc[:4, "week"] = np.nan
    assert not p.designs(frame, effect=0.05, simulations=50).is_empty


def test_teams_with_an_empty_week_are_left_out_and_counted() -> None:
    frame = weeks()
    frame = frame[~((frame["unit"] == 3) & (frame["week"] == 7))]
    assert p.designs(frame, effect=0.05, simulations=50).parameters["n_units_dropped"] == 1


@pytest.mark.parametrize(
    "how",
    [{"effect": 0.0}, {"effect": math.nan}, {"effect": 0.1, "names": ["x"]},
     {"effect": 0.1, "hold_out": 1.0}, {"effect": 0.1, "steps": 0}, {"effect": 0.1, "alpha": 0.9}],
)  # fmt: skip
def test_designs_out_of_range(how: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        p.designs(weeks(), **how)
