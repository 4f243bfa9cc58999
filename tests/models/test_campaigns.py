"""Campaigns on small frames whose answers one can work out, and on frames that have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError, ParameterError
from ldresearch.models import _did, _lift
from ldresearch.models.campaigns import (
    Design,
    att,
    cost_per_activated,
    decay,
    dose,
    fieller,
    grade,
    interrupted,
    permutation_bound,
    pool,
    response,
    strategies,
    touches,
    trust,
    twfe,
)
from ldresearch.privacy import publish
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import Grade

PUBLIC = Rules(k=1, base=1, public=True)


def panel(text: str) -> pd.DataFrame:
    """One row a unit: name, first treated period (or -), outcomes of periods 1, 2, ..."""
    rows = []
    for line in text.strip().splitlines():
        unit, first, *values = line.split()
        start = math.nan if first == "-" else float(first)
        rows += [
            {"unit": unit, "time": t, "first_treated": start, "outcome": float(v)}
            for t, v in enumerate(values, 1)
        ]
    return pd.DataFrame(rows)


def units(n_treated: int, n_control: int, *, effect: float = 0.0, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        {"unit": f"u{u:02}", "time": t, "first_treated": 4 if u < n_treated else 0,
         "outcome": 0.3 + 0.01 * t + effect * (u < n_treated and t >= 4) + rng.normal(0, 0.02)}
        for u in range(n_treated + n_control) for t in range(1, 7)
    ]  # fmt: skip
    return pd.DataFrame(rows)


# Staggered roll-outs ------------------------------------------------------------------------


BY_HAND = """
a  2  1  5  6
b  2  2  8  7
c  3  1  2  7
d  3  3  4  9
e  -  1  2  3
f  -  2  3  4
"""


def test_effects_by_hand() -> None:
    """a and b rise by 5 where e and f rise by 1: effect 4; a period later 5 less 2."""
    found = att(panel(BY_HAND)).frame
    cells = found[found["kind"] == "group_time"].set_index(["group", "time"])["estimate"]
    assert cells.to_dict() == {(2, 2): 4.0, (2, 3): 3.0, (3, 2): 0.0, (3, 3): 4.0}
    simple = found.loc[found["kind"] == "simple", "estimate"].iloc[0]
    assert simple == pytest.approx((4 + 3 + 4) / 3)
    events = found[found["kind"] == "event"].set_index("event")["estimate"].to_dict()
    assert events == {-1: 0.0, 0: 4.0, 1: 3.0}
    assert found.loc[found["kind"] == "first", "estimate"].iloc[0] == 4.0


def test_those_not_yet_launched_as_controls() -> None:
    """In period 2, c and d are still to come and rise by 1 as e and f do: the same effect."""
    found = att(panel(BY_HAND), control="not_yet_treated").frame
    cells = found[found["kind"] == "group_time"].set_index(["group", "time"])["estimate"]
    assert cells[(2, 2)] == 4.0


def test_growing_effects_mislead_two_way_fixed_effects() -> None:
    """Effects of 1, then 2, 3 and 4: two-way fixed effects make a sixth of them.

    Least squares with a dummy for each unit and period (statsmodels) gives 1/6 as well.
    """
    frame = panel("""
        a 2 0 1 2 3 4
        b 2 0 1 2 3 4
        c 4 0 0 0 1 2
        d 4 0 0 0 1 2
        """)
    assert twfe(frame).estimate("twfe_effect").value == pytest.approx(1 / 6)
    found = att(frame, control="not_yet_treated").estimate("campaign_att", "first")
    assert found.value == pytest.approx(1.0)


def test_order_of_rows_and_names_of_units_do_not_matter() -> None:
    frame = units(25, 25, effect=0.1)
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(att(frame).frame, att(shuffled).frame)


def test_the_same_seed_gives_the_same_band() -> None:
    frame = units(25, 25, effect=0.1)
    first, again, other = (att(frame, seed=s).frame["band_low"] for s in (1, 1, 2))
    pd.testing.assert_series_equal(first, again)
    assert not first.equals(other)


def test_the_band_holds_the_interval() -> None:
    found = att(units(25, 25)).frame.dropna(subset=["band_low"])
    assert (found["band_low"] <= found["low"] + 1e-12).all()
    assert (found["band_high"] >= found["high"] - 1e-12).all()


def test_weights_count_units_as_often() -> None:
    """A unit of weight 2 is two units alike."""
    frame = panel(BY_HAND).assign(size=1.0)
    frame.loc[frame["unit"] == "a", "size"] = 2.0
    twin = frame[frame["unit"] == "a"].assign(unit="z")
    doubled = pd.concat([frame, twin])
    weighed = att(frame, weight="size").estimate("campaign_att", "simple").value
    assert weighed == pytest.approx(att(doubled).estimate("campaign_att", "simple").value)


def test_persons_are_counted_by_row() -> None:
    frame = panel(BY_HAND).assign(n_waiting=10)
    found = att(frame, persons="n_waiting").frame
    cells = found[found["kind"] == "group_time"].set_index(["group", "time"])["n"]
    assert cells[(2, 2)] == 40
    assert found.loc[found["kind"] == "simple", "n"].iloc[0] == 60


def test_few_units_are_judged_by_permutation() -> None:
    """4 of 8 launched: 70 deals; none but the real one and its mirror is as extreme."""
    found = att(units(4, 4, effect=0.5))
    assert found.parameters["interval"] == "permutation"
    assert found.parameters["permutation_p"] == pytest.approx(2 / 70)
    value = found.estimate("campaign_att", "simple")
    assert value.low < 0.5 < value.high
    assert value.low > 0
    assert "dealing the launch dates anew" in found.method


def test_covariates_and_few_units_keep_their_estimate_within_the_interval() -> None:
    frame = units(7, 8, effect=0.3).assign(x=lambda f: f["unit"].str[1:].astype(int) % 3)
    found = att(frame, covariates=["x"])
    value = found.estimate("campaign_att", "simple")
    assert value.low < value.value < value.high
    assert found.parameters["interval"] == "t"
    assert "few units (Welch)" in found.method


def test_permutation_p_by_counting() -> None:
    frame = units(3, 5, effect=0.02)
    wide = frame.pivot_table(index="unit", columns="time", values="outcome")
    change = (wide[[4, 5, 6]].mean(axis=1) - wide[3]).to_numpy()
    deals = [
        change[list(c)].mean() - np.delete(change, list(c)).mean()
        for c in combinations(range(8), 3)
    ]
    expected = float(np.mean(np.abs(deals) >= abs(deals[0]) - 1e-12))
    assert att(frame).parameters["permutation_p"] == pytest.approx(expected)


def test_the_interval_is_what_the_test_does_not_reject() -> None:
    """Taking off either end of the interval from the treated leaves the test at its edge."""
    frame = units(5, 6, effect=0.1)
    value = att(frame).estimate("campaign_att", "simple")
    treated = (frame["first_treated"] > 0) & (frame["time"] >= 4)
    for end, step in ((value.low, 1e-6), (value.high, -1e-6)):
        inside, outside = (
            att(frame.assign(outcome=frame["outcome"] - (end + s) * treated)).parameters[
                "permutation_p"
            ]
            for s in (step, -step)
        )
        assert inside > 0.05 >= outside


def test_too_few_units_have_no_interval_and_the_grade_says_so() -> None:
    found = att(units(2, 2, effect=0.5))
    value = found.estimate("campaign_att", "simple")
    assert (value.low, value.high) == (-math.inf, math.inf)
    assert found.parameters["smallest_p"] == pytest.approx(1 / 3)
    assert value.grade is Grade.DESCRIPTIVE
    assert publish(found, PUBLIC).estimate("campaign_att", "simple").high == math.inf


def test_each_unit_on_a_date_of_its_own() -> None:
    """No spread within a cohort of one: errors come from the spread between cohorts."""
    rng = np.random.default_rng(8)
    rows = [
        {"unit": u, "time": t, "first_treated": 3 + u if u < 5 else 0,
         "outcome": 0.1 * (u < 5 and t >= 3 + u) + rng.normal(0, 0.02)}
        for u in range(30) for t in range(1, 10)
    ]  # fmt: skip
    found = att(pd.DataFrame(rows))
    cells = found.frame[found.frame["kind"] == "group_time"]
    assert cells[["se", "low", "band_low"]].isna().all(axis=None)
    simple = found.estimate("campaign_att", "simple")
    assert simple.low < 0.1 < simple.high
    assert simple.high - simple.low < 0.2


def test_slope_that_the_test_before_the_launch_finds() -> None:
    """One effect before the launch: (1.96 + .84) errors for 80 % power, a little more with t."""
    found = att(units(25, 25).query("time > 1"), replicates=1)
    assert found.parameters["pretrend_df"] == 1
    row = found.frame[(found.frame["kind"] == "event") & (found.frame["event"] == -1)].iloc[0]
    slope = found.estimate("pretrend_slope").value
    assert slope == pytest.approx(2.8016 * row["se"], rel=0.06)
    assert slope > 2.8016 * row["se"]
    # First periods after the launch are 1, 2 and 3 away from the last before it.
    assert found.parameters["pretrend_drift"] == pytest.approx(2 * slope)


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_slope_is_told_in_the_unit_of_time(base: str) -> None:
    """The same panel in weeks and in days: a seventh of the divergence a day, the same drift."""
    frame = units(25, 25)
    in_days = frame.assign(time=7 * frame["time"], first_treated=7 * frame["first_treated"])
    weekly, daily = (att(f, base=base, replicates=1) for f in (frame, in_days))
    slopes = [f.estimate("pretrend_slope").value for f in (weekly, daily)]
    assert slopes[0] == pytest.approx(7 * slopes[1])
    drifts = [f.parameters["pretrend_drift"] for f in (weekly, daily)]
    assert drifts[0] == pytest.approx(drifts[1])


# What cannot be told ------------------------------------------------------------------------


def test_everyone_at_once() -> None:
    frame = units(10, 0)
    assert "all units were launched at once" in att(frame).missing
    assert "all units were launched at once" in att(frame, control="not_yet_treated").missing


def test_no_controls_left() -> None:
    frame = panel("a 2 1 2 3\nb 3 1 2 3")
    assert "not yet launched" in att(frame).missing
    assert not att(frame, control="not_yet_treated").is_empty


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 2 1 2 3", "one unit alone"),
        ("a - 1 2 3\nb - 1 2 3", "no unit was launched"),
        ("a 1 1 2 3\nb 1 1 2 3", "before the first period"),
        ("a 2 5 5 5\nb - 5 5 5", "the same in every unit"),
    ],
)
def test_designs_without_an_answer(text: str, words: str) -> None:
    assert words in att(panel(text)).missing


def test_an_empty_frame() -> None:
    frame = pd.DataFrame(columns=["unit", "time", "outcome", "first_treated"])
    frame.attrs["missing"] = "no initiative is recorded"
    assert att(frame).missing == "no initiative is recorded"
    assert twfe(frame).missing == "no initiative is recorded"


def test_units_that_change_their_date_are_left_out_and_counted() -> None:
    frame = panel(BY_HAND + "g 2 1 9 9\ng 3 1 9 9")
    switching = frame[(frame["unit"] != "g") | frame.index.isin(frame.index[-6:])]
    switching = switching.drop_duplicates(["unit", "time", "first_treated"])
    found = att(switching)
    assert found.parameters["n_switched"] == 1
    assert [s.reason for s in found.attrition][-1] == "without units whose launch date changes"
    assert found.estimate("campaign_att", "first").value == 4.0


def test_units_with_gaps_are_left_out_and_counted() -> None:
    frame = panel(BY_HAND + "g - 1 2 3")
    found = att(frame.drop(frame.index[-1]))
    assert found.parameters["n_incomplete"] == 1
    assert found.parameters["n_units"] == 6


def test_a_unit_twice_in_a_period() -> None:
    frame = panel(BY_HAND)
    assert "two rows for one period" in att(pd.concat([frame, frame])).missing


def test_covariates_that_part_the_two_sides() -> None:
    """Where a covariate tells launched units from others, there is nothing to compare with."""
    frame = units(25, 25)
    frame["x"] = (frame["first_treated"] > 0).astype(float)
    assert "do not overlap" in att(frame, covariates=["x"]).missing


def test_words_that_are_no_choices() -> None:
    with pytest.raises(ParameterError, match="never_treated, not_yet_treated"):
        att(panel(BY_HAND), control="never")
    with pytest.raises(DataError, match="columns are missing"):
        att(panel(BY_HAND), outcome="share")


# Grades -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "wanted"),
    [
        (Design(20, 20, 4, is_randomised=True), Grade.RANDOMISED),
        (Design(20, 20, 4), Grade.QUASI_EXPERIMENTAL),
        (Design(20, 20, 0), Grade.DESCRIPTIVE),
        (Design(2, 2, 4), Grade.DESCRIPTIVE),
        (Design(1, 0, 26, 12, is_adjusted=True), Grade.ADJUSTED),
        (Design(1, 0, 26, 0, is_adjusted=True), Grade.DESCRIPTIVE),
        (Design(1, 0, 26, 12), Grade.DESCRIPTIVE),
    ],
)
def test_the_grade_follows_from_the_design(design: Design, wanted: Grade) -> None:
    assert grade(design) is wanted


def test_estimates_carry_the_grade_of_their_design() -> None:
    assert att(units(25, 25)).estimates[0].grade is Grade.QUASI_EXPERIMENTAL
    assert att(units(25, 25), is_randomised=True).estimates[0].grade is Grade.RANDOMISED


# Permutation bound --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_treated", "n", "fractions"),
    [(2, 4, ["1/6", "1/3", "1/8"]), (1, 4, ["1/4", "1/4", "1/8"]), (3, 4, ["1/4", "1/4", "1/8"]),
     (1, 2, ["1/2", "1/1", "1/2"]), (4, 8, ["1/70", "1/35", "1/128"])],
)  # fmt: skip
def test_the_smallest_p(n_treated: int, n: int, fractions: list[str]) -> None:
    """methods.md 76: 2 of 4 -> 1/6 and 1/3, 1 of 4 -> 1/4, wild bootstrap 2/16."""
    found = permutation_bound(n_treated, n)
    assert found.frame["fraction"].tolist() == fractions
    assert found.parameters["can_reject"] is (n == 8)
    assert f"{n_treated} of {n} campaigns" in str(found.parameters["note"])


def test_nothing_to_share_out() -> None:
    assert "nothing to compare" in permutation_bound(4, 4).missing
    assert "nothing to compare" in permutation_bound(0, 0).missing


# Lift ---------------------------------------------------------------------------------------


def days(
    after: Callable[[int], float], *, parts: int = 12, last: int = 56, first: int = -56
) -> pd.DataFrame:
    """Ten persons a part; two respond on a weekday, none on a Sunday, and some more after."""
    rows = [
        {"campaign": "Spring", "day": d, "part": p, "n": 10,
         "n_responded": 2.0 * (d % 7 != 6) + (after(d) if d >= 0 else 0.0)}
        for d in range(first, last) for p in range(parts)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_lift_by_hand() -> None:
    """Two of ten on six days of seven: 12/70; three more on each day: .3 above it."""
    row = response(days(lambda d: 3.0)).frame.iloc[0]
    assert row["baseline"] == pytest.approx(12 / 70)
    assert row["response"] == pytest.approx(12 / 70 + 0.3)
    assert row["lift"] == pytest.approx(0.3)
    assert row["extra"] == pytest.approx(0.3 * 120 * 28)
    assert row["low"] == pytest.approx(0.3)
    assert row["n"] == 120


def test_one_odd_day_before_moves_nothing() -> None:
    frame = days(lambda d: 3.0)
    frame.loc[frame["day"] == -9, "n_responded"] = 9.0
    found = response(frame).estimate("campaign_lift")
    assert found.value == pytest.approx(0.3)


def test_half_life_of_a_clean_decay() -> None:
    """Half as much every two weeks. The excess is known without error, so its ends are near."""
    rng = np.random.default_rng(4)
    frame = days(lambda d: 4.0 * 0.5 ** (d / 14))
    frame["n_responded"] += rng.normal(0, 0.1, len(frame)).clip(-0.2, 0.2) * (frame["day"] % 7 != 6)
    found = response(frame.assign(n_responded=frame["n_responded"].clip(lower=0)))
    half = found.estimate("lift_half_life")
    assert half.value == pytest.approx(14, rel=0.05)
    assert half.low < 14 < half.high < 20


def test_no_half_life_without_a_lift_or_without_a_decay() -> None:
    rng = np.random.default_rng(4)
    for after, words in ((0.0, "cannot be told from none"), (3.0, "does not fade")):
        frame = days(lambda d, after=after: after)
        frame["n_responded"] = (frame["n_responded"] + rng.normal(0, 0.5, len(frame))).clip(0)
        found = response(frame)
        assert words in found.frame["note"].iloc[0]
        assert math.isnan(found.estimate("lift_half_life").value)


def test_the_excess_of_each_week() -> None:
    found = decay(days(lambda d: 3.0 if d < 7 else 1.0), weeks=3).frame
    assert found["excess"].tolist() == pytest.approx([0.3, 0.1, 0.1])


def test_a_start_on_a_public_holiday_is_flagged() -> None:
    frame = days(lambda d: 1.0).assign(is_holiday=lambda f: f["day"] == 0)
    found = response(frame)
    assert bool(found.frame["is_on_holiday"].iloc[0])
    assert "public holiday" in found.frame["note"].iloc[0]
    checks = trust(lifts=found).frame.set_index("check")
    assert checks.loc["holiday", "status"] == "not passed"


def test_a_campaign_without_touches_has_its_sentence() -> None:
    silent = days(lambda d: 0.0).assign(campaign="Autumn", n=0, n_responded=0)
    assert "no touches are recorded" in response(silent).missing
    both = response(pd.concat([silent, days(lambda d: 1.0)]))
    assert both.frame.set_index("campaign").loc["Autumn", "note"].startswith("no touches")
    assert [e.label for e in both.estimates] == ["Spring", "Spring"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"last": 5}, "5 days are seen after"), ({"first": -14}, "14 days are seen before")],
)
def test_too_short_a_log(options: dict[str, int], words: str) -> None:
    assert words in response(days(lambda d: 1.0, **options)).missing


def test_very_few_people_have_no_interval() -> None:
    found = response(days(lambda d: 1.0, parts=3))
    assert math.isnan(found.estimate("campaign_lift").low)
    assert "no interval" in found.frame["note"].iloc[0]


def test_no_baseline_at_all() -> None:
    frame = days(lambda d: 1.0)
    frame.loc[frame["day"] < 0, "n_responded"] = 0.0
    row = response(frame).frame.iloc[0]
    assert row["baseline"] == 0
    assert math.isnan(row["ratio"])


def test_order_of_rows_does_not_matter_to_lift() -> None:
    frame = days(lambda d: 3.0 * 0.9**d)
    shuffled = frame.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(response(frame).frame, response(shuffled).frame)


def test_parts_of_the_people_vary_by_themselves() -> None:
    """Independent parts have no week in common: nothing is counted twice."""
    rng = np.random.default_rng(0)
    shared = []
    for _ in range(200):
        y = rng.poisson(3, (40, 8 * 7)).astype(float)
        found = _lift.baseline(_lift.Days(y, np.ones(40), 56, False), 8)
        assert found is not None
        shared.append(found.common)
    assert np.mean(shared) < 0.5 * 40 * 7 * 3


# Interrupted series -------------------------------------------------------------------------


def weeks(n: int = 40, start: int = 26, jump: float = 0.2, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    y = 0.2 + 0.002 * t + jump * (t >= start) + rng.normal(0, 0.01, n)
    return pd.DataFrame({"time": t, "outcome": y, "n": 500})


def test_a_jump_is_found_where_it_is() -> None:
    found = interrupted(weeks(), start=26)
    level = found.estimate("level_change")
    assert level.low < 0.2 < level.high
    assert level.high - level.low < 0.08
    slope = found.estimate("slope_change")
    assert slope.low < 0 < slope.high
    assert level.grade is Grade.ADJUSTED
    assert found.frame.loc[found.frame["part"] == "before", "fitted"].to_numpy() == pytest.approx(
        found.frame.loc[found.frame["part"] == "before", "expected"].to_numpy()
    )


def test_a_season_is_no_change() -> None:
    """Weekly pattern in days: the same answer with and without it, once it is modelled."""
    frame = weeks(70, 42)
    wave = np.array([0, 0, 0, 0, 0, -0.1, -0.15])[np.arange(70) % 7]
    with_season = interrupted(frame.assign(outcome=frame["outcome"] + wave), start=42, season=7)
    without = interrupted(frame, start=42, season=7)
    assert with_season.estimate("level_change").value == pytest.approx(
        without.estimate("level_change").value, abs=1e-9
    )


@pytest.mark.parametrize(
    ("frame", "start", "words"),
    [
        (weeks(12, 5), 5, "5 periods were seen before the launch"),
        (weeks(20, 18), 18, "2 after it"),
        (weeks().assign(outcome=1.0), 26, "the same in every period"),
        (weeks().assign(outcome=lambda f: f["time"] * 0.1), 26, "straight line"),
        (pd.concat([weeks(), weeks()]), 26, "appears twice"),
        (weeks().iloc[:0], 26, "no period was seen"),
    ],
)
def test_series_that_cannot_be_told(frame: pd.DataFrame, start: int, words: str) -> None:
    assert words in interrupted(frame, start=start).missing


def test_missing_periods_are_allowed_for() -> None:
    found = interrupted(weeks().drop([3, 9, 30]), start=26)
    assert found.estimate("level_change").low > 0


# Pooling ------------------------------------------------------------------------------------


def clients(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"label": list("ABCD"), **columns})


def test_equal_clients_pool_to_their_mean() -> None:
    """k = 4, equal errors: mean, and t with 3 degrees of freedom (3.182) over two."""
    found = pool(clients(effect=[0.1, 0.2, 0.3, 0.4], se=[0.01] * 4), is_guarded=False)
    mean = found.estimate("pooled_effect")
    spread = np.std([0.1, 0.2, 0.3, 0.4], ddof=1)
    assert mean.value == pytest.approx(0.25)
    assert mean.high - mean.value == pytest.approx(3.182446 * spread / 2, rel=1e-6)
    assert found.frame["share_of_weight"].iloc[:4].tolist() == pytest.approx([0.25] * 4)


def test_one_client_is_not_pooled_and_two_are_told_to_be_two() -> None:
    four = clients(effect=[0.1, 0.2, 0.3, 0.4], se=[0.01, 0.02, 0.03, 0.04])
    assert "pooling takes two" in pool(four.iloc[:1]).missing
    two = pool(four.iloc[:2])
    assert "two clients cannot tell" in str(two.parameters["note"])
    mean = two.estimate("pooled_effect")
    assert mean.low < 0 < mean.high
    assert pool(four.iloc[:0]).is_empty


def test_clients_without_an_error_are_set_aside_and_counted() -> None:
    found = pool(clients(effect=[0.1, 0.2, math.nan, 0.3], se=[0.1, 0.1, 0.1, 0.0]))
    assert found.parameters["k"] == 2
    assert found.parameters["n_dropped"] == 2


def test_errors_are_read_off_intervals_and_the_weakest_grade_counts() -> None:
    frame = clients(effect=[0.1, 0.2, 0.3, 0.4], grade=["randomised"] * 3 + ["adjusted"])
    by_ends = pool(frame.assign(low=frame["effect"] - 0.196, high=frame["effect"] + 0.196))
    by_error = pool(frame.assign(se=0.1 * 1.96 / 1.959963984540054))
    ends, errors = (f.estimate("pooled_effect") for f in (by_ends, by_error))
    assert (ends.low, ends.high) == pytest.approx((errors.low, errors.high))
    assert by_ends.estimates[0].grade is Grade.ADJUSTED


def test_clients_that_agree_to_the_last_digit() -> None:
    found = pool(clients(effect=[0.1] * 4, se=[0.05] * 4))
    assert found.parameters["tau2"] == 0
    assert found.estimate("pooled_effect").low < 0.1


# Strategies ---------------------------------------------------------------------------------


def campaigns_of(strategies_: list[str], tied: list[bool], reached: list[int]) -> pd.DataFrame:
    k = len(reached)
    return pd.DataFrame(
        {
            "campaign": [f"C{i}" for i in range(k)], "client": [f"K{i}" for i in range(k)],
            "strategy": strategies_, "is_goal_tied": tied, "n_reached": reached, "n": [1000] * k,
        }
    )  # fmt: skip


FOUR = campaigns_of(["broad", "broad", "drip", "drip"], [True, True, False, True],
                    [420, 380, 280, 240])  # fmt: skip


def test_broad_and_goal_tied_against_drip_by_hand() -> None:
    """40 of 100 against 26: 14 more. People alone: about +- 3; campaigns: t with 2 df."""
    found = strategies(FOUR)
    people = found.estimate("strategy_difference", "these campaigns")
    such = found.estimate("strategy_difference", "such campaigns")
    assert people.value == pytest.approx(0.14)
    assert people.high - people.value == pytest.approx(
        1.96 * math.sqrt((0.42 * 0.58 + 0.38 * 0.62 + 0.28 * 0.72 + 0.24 * 0.76) / 4000), rel=1e-3
    )
    spread = math.sqrt((0.02**2 * 2 + 0.02**2 * 2) / 2)
    assert such.high - such.value == pytest.approx(4.302653 * spread, rel=1e-6)
    assert found.parameters["fraction"] == "1/6"
    assert such.grade is Grade.DESCRIPTIVE
    assert "no client ran both" in str(found.parameters["note"])


def test_two_campaigns_cannot_be_compared() -> None:
    assert strategies(FOUR.iloc[[0, 2]]).missing.startswith("campaigns cannot be compared")
    assert strategies(FOUR.iloc[:2]).missing.startswith("campaigns cannot be compared")
    assert not strategies(FOUR.iloc[:3]).is_empty


def test_effects_are_compared_where_there_are_any() -> None:
    found = strategies(
        FOUR.assign(effect=[0.2, 0.16, 0.05, 0.03], se=0.02, grade="quasi-experimental")
    )
    people = found.estimate("strategy_difference", "these campaigns")
    assert people.value == pytest.approx(0.14)
    assert people.grade is Grade.QUASI_EXPERIMENTAL
    such = found.estimate("strategy_difference", "such campaigns")
    assert such.grade is Grade.DESCRIPTIVE


def test_a_client_without_an_initiative_is_set_aside_and_counted() -> None:
    nothing = FOUR.iloc[:1].assign(campaign=None, client="K9", strategy=None)
    found = strategies(pd.concat([FOUR, nothing], ignore_index=True))
    assert found.parameters["n_unknown"] == 1
    assert "which strategy" in strategies(nothing).missing
    assert "no campaign was seen" in strategies(FOUR.iloc[:0]).missing


def test_clients_that_ran_both_are_compared_within() -> None:
    """K0: .42 less .28; K1, half as many people: .40 less .20 - and K2, which ran one only."""
    more = FOUR.iloc[:1].assign(campaign="C9", client="K2", n_reached=900)
    frame = pd.concat([FOUR.assign(client=["K0", "K1", "K0", "K1"]), more], ignore_index=True)
    frame.loc[[1, 3], ["n_reached", "n"]] = [[200, 500], [100, 500]]
    found = strategies(frame)
    people = found.estimate("strategy_difference", "these campaigns")
    assert people.value == pytest.approx((1000 * 0.14 + 500 * 0.20) / 1500)
    assert people.grade is Grade.ADJUSTED
    assert found.parameters["is_within_clients"] is True


# Cost ---------------------------------------------------------------------------------------


def test_fieller_solves_its_own_equation() -> None:
    """(top - r bottom)^2 = z^2 (var top + r^2 var bottom) at both ends."""
    top, top_se, bottom, bottom_se = 5000.0, 400.0, 100.0, 12.0
    _, low, high = fieller(top, top_se, bottom, bottom_se)
    for r in (low, high):
        left = (top - r * bottom) ** 2
        assert left == pytest.approx(1.959963984540054**2 * (top_se**2 + (r * bottom_se) ** 2))


@pytest.mark.parametrize(
    ("activated", "se", "words"),
    [(10.0, 20.0, "no upper end"), (-5.0, 10.0, "brought no one"), (100.0, 5.0, "")],
)
def test_cost_of_a_campaign_that_may_have_brought_no_one(
    activated: float, se: float, words: str
) -> None:
    frame = pd.DataFrame(
        {"campaign": ["A"], "cost": [1000.0], "activated": [activated], "se": [se], "n": [400]}
    )
    found = cost_per_activated(frame, currency="EUR")
    value = found.estimate("cost_per_activated")
    assert words in found.frame["note"].iloc[0]
    assert math.isnan(value.value) == (activated < 0)
    if activated == 10.0:
        assert value.low == pytest.approx(1000 / (10 + 1.959964 * 20))
        assert value.high == math.inf
    assert value.unit == "EUR"


def test_no_cost_known() -> None:
    frame = pd.DataFrame({"campaign": ["A"], "cost": [math.nan], "activated": [1.0], "se": [1.0],
                          "n": [4]})  # fmt: skip
    assert "both a cost and an effect" in cost_per_activated(frame).missing
    assert cost_per_activated(frame.iloc[:0]).is_empty


# Sent, trusted, published -------------------------------------------------------------------


def test_touches_and_dose() -> None:
    sent = pd.DataFrame({"campaign": ["B", "A"], "week_on": pd.to_datetime(["2024-03-04"] * 2),
                         "n_touches": [40, 30], "n_persons": [20, 30]})  # fmt: skip
    assert touches(sent).frame["campaign"].tolist() == ["A", "B"]
    by_touches = pd.DataFrame({"campaign": ["A", "A"], "touches": ["1", "2 or more"],
                               "n_reached": [10, 30], "n": [50, 60]})  # fmt: skip
    assert dose(by_touches).frame["share"].tolist() == [0.2, 0.5]
    assert touches(sent.iloc[:0]).is_empty


def test_checks_are_not_known_where_nothing_was_estimated() -> None:
    assert set(trust().frame["status"]) == {"not known"}


def test_checks_read_the_results() -> None:
    checks = trust(effect=att(units(25, 25, effect=0.2))).frame.set_index("check")["status"]
    assert checks["few_units"] == "passed"
    assert checks["pretrend_power"] == "passed"
    assert checks["switched"] == "passed"
    assert checks["heterogeneity"] == "not known"


def everything() -> list[Result]:
    return [
        att(units(25, 25, effect=0.1), persons=""), att(units(4, 4)), twfe(units(25, 25)),
        response(days(lambda d: 3.0 * 0.95**d)), decay(days(lambda d: 3.0 * 0.95**d)),
        interrupted(weeks(), start=26), strategies(FOUR), permutation_bound(2, 4),
        pool(clients(effect=[0.1, 0.2, 0.3, 0.4], se=[0.01] * 4, n=[100] * 4)),
        trust(),
    ]  # fmt: skip


@pytest.mark.parametrize("rules", [PUBLIC, Rules()], ids=["public", "k = 10"])
def test_every_result_passes_the_door(rules: Rules) -> None:
    for result in everything():
        published = publish(result, rules)
        assert published.columns, result.name
        assert not published.is_empty, result.name


def test_signs_of_differences_survive_the_door() -> None:
    """A difference is in points, not a share of persons: its interval is not cut off at nought."""
    found = publish(att(units(25, 25, effect=0.0).assign(n=40), persons="n"), Rules())
    assert found.estimate("campaign_att", "simple").low < 0


def test_arrangements_are_all_and_once() -> None:
    starts = np.array([2.0, 2.0, 3.0, math.inf, math.inf])
    deals, is_exact = _did._deals(starts, 999, np.random.default_rng(0))
    assert is_exact
    assert len(deals) == len(np.unique(deals, axis=0)) == math.factorial(5) // (2 * 2)
    assert (deals[0] == starts).all()
