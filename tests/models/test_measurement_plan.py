"""Baselines, the scorecard, power by way, and the decision, on frames with known answers."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import _looks, power, sequential
from ldresearch.models import measurement_plan as models
from ldresearch.plan import Plan, parse, template
from ldresearch.vocabulary import metrics

WAYS = ("unit", "team", "manager")


def plan(**changed: object) -> Plan:
    """The template with other values; a key's table stands before two underscores."""
    content = parse(template()).content
    return Plan.from_content(
        content | {name.replace("__", "."): value for name, value in changed.items()}
    )


ONCE: dict[str, object] = {
    "decision__method": "lan_demets_pocock", "looks_on": ["2025-09-01"],
}  # fmt: skip
"""A single look, at the end: the power that textbooks tell."""


def people(n: int = 2188, share: float = 0.2, seed: int = 1, same: float = 0.8) -> pd.DataFrame:
    """So many people, exactly so large a share, of whom so many do as they did before."""
    rng = np.random.default_rng(seed)
    reach = np.zeros(n)
    reach[: round(n * share)] = 1
    rng.shuffle(reach)
    before = np.where(rng.random(n) < same, reach, rng.permutation(reach))
    weeks = reach * rng.integers(1, 8, n)
    frame = pd.DataFrame({
        "person_key": range(n), "value_reach": reach, "value_reach_before": before,
        "value_reach_days": np.where(reach == 1, rng.integers(0, 60, n), 60),
        "active_weeks": weeks, "value_days": weeks * 1.5, "learning_minutes": weeks * 30.0,
        "return_share": (weeks > 1).astype(float), "gave_up_share": 0.0, "assigned_minutes": 0.0,
    })  # fmt: skip
    frame["unit"] = [f"u{i % 20}" for i in range(n)]
    frame["team"] = frame["unit"]
    frame["manager"] = [f"m{i % 200}" for i in range(n)]
    return frame


def weekly(n: int = 30, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "metric": "value_reach", "week_on": pd.date_range("2024-01-01", periods=n, freq="7D"),
        "value": 0.2 + 0.02 * rng.standard_normal(n), "n": 100,
    })  # fmt: skip


def records() -> pd.DataFrame:
    return pd.DataFrame({
        "metric": [m.id for m in models.candidates()], "n_missing": 1, "n_rows": 100,
        "lag_days": 61.0,
    })  # fmt: skip


# Power --------------------------------------------------------------------------------------


def test_twenty_to_twenty_five_percent_takes_1094_an_arm() -> None:
    """Fleiss, no continuity correction (R's power.prop.test)."""
    found = models.ways(people(), power.icc(pd.DataFrame()), plan()).frame.set_index("way")
    assert abs(found.loc["once", "needed"] - 2 * 1094) <= 1
    assert found.loc["once", "power"] == pytest.approx(0.8, abs=0.01)
    assert found.loc["once", "mde"] == pytest.approx(0.05, abs=0.0005)


def test_adjusting_takes_the_squared_correlation_off() -> None:
    frame = people()
    found = models.ways(frame, power.icc(pd.DataFrame()), plan()).frame.set_index("way")
    rho = frame["value_reach"].corr(frame["value_reach_before"])
    factor = found.loc["adjusted", "needed"] / found.loc["persons", "needed"]
    assert factor == pytest.approx(1 - round(rho, 2) ** 2, rel=1e-3)


def test_groups_cost_their_design_effect() -> None:
    """1 + (m - 1) ICC with m = 109.4: planted by giving units shares of their own."""
    frame = people()
    rng = np.random.default_rng(4)
    level = dict(zip(frame["unit"].unique(), rng.uniform(0.05, 0.4, 20), strict=True))
    frame["value_reach"] = (rng.random(len(frame)) < frame["unit"].map(level)).astype(float)
    alike = models.likeness(frame, plan(), by=WAYS)
    row = alike.frame.set_index("by").loc["unit"]
    size = len(frame) / 20
    assert row["design_effect"] == pytest.approx(1 + (size - 1) * row["icc"], rel=0.01)
    ways = models.ways(frame, alike, plan(roll_out__unit="unit")).frame.set_index("way")
    ratio = ways.loc["unit", "needed"] / ways.loc["persons", "needed"]
    assert ratio == pytest.approx(row["design_effect"], rel=0.01)
    assert ways.loc["unit", "is_planned"]
    assert "team" not in ways.index  # the same groups under another name


def test_few_groups_have_less_power_than_the_normal_distribution_says() -> None:
    """Against simulation: two arms of 4 groups each, a t test on their means."""
    from scipy import stats

    rng = np.random.default_rng(1)
    told = models._few_groups(0.8, 0.05, 8)
    shift = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    means = rng.standard_normal((20000, 8))
    means[:, 4:] += shift / math.sqrt(2)
    p = stats.ttest_ind(means[:, 4:], means[:, :4], axis=1).pvalue
    assert told == pytest.approx(float((p < 0.05).mean()), abs=0.012)
    assert models._few_groups(0.8, 0.05, 5000) == pytest.approx(0.8, abs=0.001)


def test_the_curve_falls_and_crosses_what_matters_where_it_should() -> None:
    frame = models.curve(people(), plan(**ONCE)).frame
    own = frame[frame["way"] == "persons"].sort_values("n_total")
    assert (np.diff(own["mde"]) < 0).all()
    assert np.interp(2188, own["n_total"], own["mde"]) == pytest.approx(0.05, abs=0.001)


# Looks --------------------------------------------------------------------------------------


def test_looks_cost_what_group_sequential_tables_say() -> None:
    """Inflation of the sample by five looks at alpha .05 and power .8, against the recursion."""
    even = tuple(k / 5 for k in range(1, 6))
    found = _looks.times("lan_demets_pocock", even, 0.05, 0.8)
    told = power_of_boundaries("lan_demets_pocock", 5)
    assert found == pytest.approx(told, abs=0.02)
    found = _looks.times("lan_demets_obrien_fleming", even, 0.05, 0.8)
    assert found == pytest.approx(power_of_boundaries("lan_demets_obrien_fleming", 5), abs=0.02)


def power_of_boundaries(kind: str, looks: int) -> float:
    """By the recursion, not by simulation."""
    return float(sequential.boundaries(looks, kind=kind).parameters["inflation"])


def test_a_sequence_finds_what_it_is_said_to_find() -> None:
    """Fresh courses of a mean: found at any look of six as often as told."""
    looks = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    z = _looks.limits("confidence_sequence", looks, 0.05)
    shift = _looks.shift_for(0.8, z, looks)
    rng = np.random.default_rng(99)
    steps = np.sqrt(np.diff(looks, prepend=0))
    walks = np.cumsum(rng.standard_normal((20000, 6)) * steps, axis=1) / np.sqrt(looks)
    seen = (walks + shift * np.sqrt(looks) > z).any(axis=1).mean()
    assert seen == pytest.approx(0.8, abs=0.012)
    assert (np.abs(walks) > z).any(axis=1).mean() < 0.05


# Baselines and scores -----------------------------------------------------------------------


def test_baselines_are_shares_and_means_with_their_intervals() -> None:
    frame = people(1000, 0.2)
    share = models.shares(frame).frame.set_index("metric").loc["value_reach"]
    assert share[["n_reached", "n", "share"]].tolist() == [200, 1000, 0.2]
    # Wilson's interval of 200 of 1,000, by hand.
    assert (round(share["low"], 4), round(share["high"], 4)) == (0.1764, 0.2259)
    mean = models.means(frame).frame.set_index("metric").loc["active_weeks"]
    half = 1.96 * frame["active_weeks"].std() / math.sqrt(1000)
    assert mean["high"] - mean["mean"] == pytest.approx(half, rel=1e-3)


def test_scores_put_the_sharpest_first_and_say_what_shows_nothing() -> None:
    card = models.scorecard(people(), weekly(), records(), plan()).frame
    known = card["relative"].dropna().to_numpy()
    assert (np.diff(known) >= 0).all()
    rows = card.set_index("metric")
    assert rows.loc["gave_up_share", "standing"] == "flat"
    assert rows.loc["value_reach", "missing"] == 0.01
    assert rows.loc["learning_minutes", "gameability"] == "high"
    # The change between two independent weeks has the square root of two times the sd of one.
    assert rows.loc["value_reach", "moves"] == pytest.approx(math.sqrt(2) * 0.1, rel=0.25)
    assert abs(rows.loc["value_reach", "autocorrelation"]) < 0.4


def test_plans_rest_on_two_digits_only() -> None:
    """One person more or less changes nothing that is planned: no exact count can be read off."""
    one, two = people(2188), people(2188)
    two.loc[two.index[two["value_reach"] == 0][0], "value_reach"] = 1
    cells = ["way", "needed", "there", "power", "mde"]
    for frame in (one, two):
        frame["value_reach_before"] = one["value_reach_before"]
    left, right = (models.ways(f, power.icc(pd.DataFrame()), plan()).frame for f in (one, two))
    pd.testing.assert_frame_equal(left.loc[left["way"] == "persons", cells],
                                  right.loc[right["way"] == "persons", cells])  # fmt: skip


# The decision -------------------------------------------------------------------------------


WEEKS = plan(primary__metric="active_weeks", primary__minimum_effect=0.3)


def decide(frame: pd.DataFrame, asked: Plan | None, by: str = "unit") -> tuple[str, str]:
    alike = models.likeness(frame, asked, by=WAYS)
    p = models.verdict(frame, models.ways(frame, alike, asked, by=by), asked).parameters
    return str(p["verdict"]), str(p["reason"])


@pytest.mark.parametrize(
    ("frame", "asked", "expected"),
    [
        (people(4000), plan(), ("launch", "enough")),
        (people(2500, same=0), plan(), ("redesign", "other_way")),
        (people(1000, same=0), plan(), ("redesign", "too_weak")),
        (people(120, same=0), plan(), ("do not measure", "out_of_reach")),
        (people(4000), None, ("redesign", "no_plan")),
        (people(4000), plan(roll_out__design="before_after"), ("redesign", "no_comparison")),
        (people(4000, 0.0), plan(), ("do not measure", "flat")),
        (people(4000, 1.0), plan(), ("do not measure", "flat")),
        (people(5), plan(), ("do not measure", "no_baseline")),
        (people(0), plan(), ("do not measure", "no_baseline")),
        (people(4000), WEEKS, ("launch", "enough")),
    ],
)  # fmt: skip
def test_verdicts(frame: pd.DataFrame, asked: Plan | None, expected: tuple[str, str]) -> None:
    assert decide(frame, asked) == expected


def test_units_that_are_too_few_are_told() -> None:
    frame = people(4000)
    frame["unit"] = frame["team"] = ["a", "b"] * 2000
    assert decide(frame, plan(roll_out__unit="unit")) == ("redesign", "few_groups")


def test_a_metric_that_should_fall_is_planned_for_falling() -> None:
    asked = plan(primary__metric="gave_up_share", guardrail={"active_weeks": 0.1})
    frame = people(4000)
    frame["gave_up_share"] = frame["value_reach"]
    found = models.ways(frame, power.icc(pd.DataFrame()), asked).frame.set_index("way")
    # 20 to 15 % takes 906 an arm (R: power.prop.test(p1 = .2, p2 = .15, power = .8): 905.3).
    assert found.loc["once", "needed"] == pytest.approx(2 * 905.3, abs=2)


def test_designs_find_a_planted_effect_more_often_than_none() -> None:
    rng = np.random.default_rng(2)
    weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    panel = pd.DataFrame(
        [(f"u{u}", w, 0.2 + 0.02 * rng.standard_normal(), 50) for u in range(12) for w in weeks],
        columns=["unit", "week", "value", "weight"],
    )
    big = models.designs(panel, people(), plan(primary__minimum_effect=0.1), simulations=60)
    small = models.designs(panel, people(), plan(primary__minimum_effect=0.001), simulations=60)
    assert (big.frame["power"] > small.frame["power"] + 0.3).all()
    assert set(big.frame["design"]) == {"parallel", "stepped_wedge", "hold_out"}
    assert big.frame["n"].tolist() == [600] * 3


@pytest.mark.parametrize("frame", [people(0), people(1), people(19)], ids=["0", "1", "19"])
def test_too_few_people_is_an_answer(frame: pd.DataFrame) -> None:
    empty = pd.DataFrame(columns=["metric", "week_on", "value", "n"])
    alike = models.likeness(frame, plan(), by=WAYS)
    for result in (
        models.shares(frame), models.means(frame), models.curve(frame, plan()), alike,
        models.scorecard(frame, empty, records().iloc[:0], plan()),
        models.ways(frame, alike, plan()), models.designs(pd.DataFrame(), frame, plan()),
    ):  # fmt: skip
        assert result.is_empty
        assert result.missing[0].islower()


def test_estimates_are_in_the_registry_with_its_units() -> None:
    frame = people()
    alike = models.likeness(frame, plan(), by=WAYS)
    ways = models.ways(frame, alike, plan())
    found = [*models.shares(frame).estimates, *models.means(frame).estimates, *alike.estimates,
             *models.verdict(frame, ways, plan()).estimates]  # fmt: skip
    assert len(found) > 12
    for e in found:
        assert metrics()[e.metric].unit == e.unit, e.metric


def test_checks_know_what_they_cannot_know() -> None:
    facts = {"hash": "", "frozen_hash": "", "frozen_on": "", "is_late": False, "changed": ""}
    status = models.trust(people(0), records().iloc[:0], facts).frame.set_index("check")["status"]
    assert set(status) == {"not known"}
    frozen = facts | {"frozen_on": "2025-02-20", "is_late": True, "changed": "owner: a became b"}
    status = models.trust(people(), records(), frozen, plan()).frame.set_index("check")["status"]
    assert status[["frozen", "in_time", "unchanged"]].tolist() == [
        "passed", "not passed", "not passed",
    ]  # fmt: skip


def test_dates_in_the_outline_are_those_of_the_plan() -> None:
    asked = plan()
    found = models.outline(asked, {"hash": asked.hash})
    says = dict(found.frame.itertuples(index=False))
    assert says["launch"] == date(2025, 3, 3).isoformat()
    assert found.parameters["hash"] == asked.hash
