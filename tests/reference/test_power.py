"""Sizes of plans against R, JMP, textbooks; the source stands beside each number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from ldresearch.models.power import (
    design_effect,
    event_share,
    icc,
    non_inferiority,
    survival_events,
    two_means,
    two_proportions,
)
from ldresearch.result import Result


def n_of(plan: Result) -> float:
    """Persons in the control arm before rounding up."""
    return float(plan.parameters["n_exact"] or 0)


def power_of(plan: Result) -> float:
    return plan.estimate("planned_power").value


# Proportions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "mde", "how", "expected", "tolerance"),
    [
        # R: power.prop.test(p1 = .2, p2 = .25, power = .8)$n, printed as 1093.739.
        (0.20, 0.05, {}, 1093.739, 5e-4),
        # R: power.prop.test(p1 = .55, p2 = .50, power = .8)$n, as the vignette of pwr runs it.
        (0.50, 0.05, {}, 1564.672, 5e-4),
        # JMP 13.2 documentation, Two Sample Proportions: .08 and .06 take 2554 each.
        (0.08, -0.02, {}, 2554, 1.0),
        # Zar 1999, example 24.26 (run in Unistat): .45 and .25, power .9, n2/n1 of 1 and of 3.
        (0.45, -0.20, {"power": 0.9, "formula": "continuity"}, 127.2343, 5e-5),
        (0.45, -0.20, {"power": 0.9, "formula": "continuity", "ratio": 3}, 83.1527, 5e-5),
        # R: pwr.2p.test(h = ES.h(.5, .4), power = .8)$n and ES.h(.12, .10).
        (0.50, -0.10, {"formula": "arcsine"}, 387.1677, 5e-5),
        # R's solver stops within 1e-4.
        (0.10, 0.02, {"formula": "arcsine"}, 3834.5958, 1e-4),
        # Vignette of pwr: 55 and 50 % take 1,565 a group, 10 and 5 % take 424.
        (0.50, 0.05, {"formula": "arcsine"}, 1565, 1.0),
        (0.05, 0.05, {"formula": "arcsine"}, 424, 1.0),
    ],
)
def test_persons_for_two_proportions(
    share: float, mde: float, how: dict[str, Any], expected: float, tolerance: float
) -> None:
    plan = two_proportions(share, mde, **{"power": 0.8, **how})
    assert abs(n_of(plan) - expected) < tolerance
    if tolerance == 1.0:
        assert plan.frame["n_control"].iloc[0] == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("pooled", 1094), ("unpooled", 1091), ("arcsine", 1092), ("continuity", 1134)],
)
def test_twenty_to_twenty_five_percent(formula: str, expected: int) -> None:
    """1,094 is the pooled formula; the others are what their formulae give by hand."""
    plan = two_proportions(0.20, 0.05, power=0.8, formula=formula)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    by_hand = {
        "pooled": (
            stats.norm.ppf(0.975) * math.sqrt(2 * 0.225 * 0.775)
            + stats.norm.ppf(0.8) * math.sqrt(0.2 * 0.8 + 0.25 * 0.75)
        )
        ** 2
        / 0.05**2,
        "unpooled": z**2 * (0.2 * 0.8 + 0.25 * 0.75) / 0.05**2,
        "arcsine": 2 * z**2 / (2 * math.asin(0.5) - 2 * math.asin(math.sqrt(0.2))) ** 2,
    }
    if formula in by_hand:
        # The test on h may reject on the wrong side too, as R's does: a chance of a millionth.
        exact = 1e-5 if formula == "arcsine" else 1e-9
        assert n_of(plan) == pytest.approx(by_hand[formula], rel=exact)
    assert plan.frame["n_control"].iloc[0] == expected


def test_a_small_effect_by_h() -> None:
    """Vignette of pwr: h = .2 takes about 393 a group; 543 and 675 have a power of 93 %."""
    other = math.sin(math.asin(math.sqrt(0.5)) + 0.1) ** 2  # .2 above .5 on the scale of h
    plan = two_proportions(0.5, other - 0.5, power=0.8, formula="arcsine")
    assert math.ceil(n_of(plan)) == 393
    uneven = two_proportions(0.5, other - 0.5, n=543, ratio=675 / 543, formula="arcsine")
    assert power_of(uneven) == pytest.approx(0.93, abs=0.005)
    found = NormalIndPower().power(0.2, 543, 0.05, ratio=675 / 543)
    assert power_of(uneven) == pytest.approx(found, abs=1e-10)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("ratio", [0.25, 1.0, 2.0])
def test_arcsine_as_statsmodels(sides: int, ratio: float) -> None:
    h = 2 * math.asin(math.sqrt(0.4)) - 2 * math.asin(math.sqrt(0.3))
    alternative = "larger" if sides == 1 else "two-sided"
    expected = NormalIndPower().solve_power(h, power=0.9, alpha=0.01, ratio=ratio,
                                            alternative=alternative)  # fmt: skip
    plan = two_proportions(0.3, 0.1, power=0.9, alpha=0.01, ratio=ratio, sides=sides,
                           formula="arcsine")  # fmt: skip
    assert n_of(plan) == pytest.approx(expected, rel=1e-6)


# Means --------------------------------------------------------------------------------------


def test_persons_for_two_means() -> None:
    """R: pwr.t.test(d = .5, power = .8)$n = 63.76561; vignette: 64, and 143 for .75 of 2.25."""
    assert n_of(two_means(0.5, power=0.8)) == pytest.approx(63.76561, abs=5e-6)
    assert two_means(0.75, sd=2.25, power=0.8).frame["n_control"].iloc[0] == 143


def test_power_of_two_means() -> None:
    """Vignette of pwr: pwr.t.test(n = 30, d = .5) has a power of 48 %."""
    assert round(power_of(two_means(0.5, n=30)), 2) == 0.48


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("d", "n"), [(0.1, 2000), (0.5, 20), (1.5, 4), (2.0, 12)])
def test_t_as_statsmodels(d: float, n: float, ratio: float, sides: int) -> None:
    alternative = "larger" if sides == 1 else "two-sided"
    expected = TTestIndPower().power(d, n, 0.05, ratio=ratio, alternative=alternative)
    plan = two_means(d, n=n, ratio=ratio, sides=sides)
    assert power_of(plan) == pytest.approx(expected, abs=1e-8)


# Events -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hazard_ratio", "schoenfeld", "freedman"),
    [
        (0.5, 65.35, 70.64),
        (0.6, 120.32, 125.58),
        (0.7, 246.79, 252.04),
        (0.75, 379.35, 384.60),
        (0.8, 630.52, 635.76),
    ],
)
def test_events(hazard_ratio: float, schoenfeld: float, freedman: float) -> None:
    """Schoenfeld 1983: 4 (z / ln HR)^2. Freedman 1982: (z (1 + HR) / (1 - HR))^2."""
    for formula, expected in (("schoenfeld", schoenfeld), ("freedman", freedman)):
        plan = survival_events(hazard_ratio, power=0.8, formula=formula)
        assert float(plan.parameters["events_exact"] or 0) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("hazard_ratio", "ratio", "control", "treated", "expected"),
    [
        # powerSurvEpi: ssizeCT.default(.8, k = .5, pE = .14, pC = .63, RR = .05) prints 14 27.
        (0.05, 0.5, 0.63, 0.14, (14, 27)),
        # powerSurvEpi: ssizeCT.default(.8, k = 1, pE = 1, pC = 1, RR = 1.5) prints 99 99.
        (1.5, 1.0, 1.0, 1.0, (99, 99)),
    ],
)
def test_persons_for_events(
    hazard_ratio: float, ratio: float, control: float, treated: float, expected: tuple[int, int]
) -> None:
    plan = survival_events(hazard_ratio, power=0.8, ratio=ratio, formula="freedman",
                           share_control=control, share_treated=treated)  # fmt: skip
    assert tuple(plan.frame[["n_treated", "n_control"]].iloc[0]) == expected


def test_a_study_without_drawn_arms() -> None:
    """Formula of Latouche 2004 as documented for powerSurvEpi's ssizeEpi.default, its example."""
    plan = survival_events(2.0, power=0.8, ratio=0.39 / 0.61, correlation=0.132)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    by_hand = z**2 / (math.log(2) ** 2 * 0.39 * 0.61 * (1 - 0.132**2))
    assert float(plan.parameters["events_exact"] or 0) == pytest.approx(by_hand, rel=1e-9)
    assert math.ceil(by_hand / 0.505) == 139


def test_share_with_an_event_as_integrated() -> None:
    """Lachin and Foulkes 1986: entries even over the accrual, losses competing."""
    from scipy.integrate import quad

    hazard, loss, accrual, follow_up = 0.08, 0.03, 6.0, 12.0

    def one(entry: float) -> float:
        time = accrual + follow_up - entry
        return hazard / (hazard + loss) * (1 - math.exp(-(hazard + loss) * time))

    expected = quad(one, 0, accrual)[0] / accrual
    found = event_share(hazard, follow_up=follow_up, accrual=accrual, loss_hazard=loss)
    assert found == pytest.approx(expected, rel=1e-9)


# Teams --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "likeness", "expected"), [(50, 0.05, 3.45), (50, 0.02, 1.98), (20, 0.05, 1.95)]
)
def test_design_effect(size: float, likeness: float, expected: float) -> None:
    """Donner and Klar 2000: 1 + (m - 1) ICC."""
    found = design_effect(size, likeness).estimate("design_effect").value
    assert found == pytest.approx(expected, abs=1e-12)


def test_twenty_to_twenty_five_percent_by_team() -> None:
    """1,094 an arm, 50 in a team, ICC .05: 3,774 an arm."""
    alone = two_proportions(0.20, 0.05, power=0.8)
    assert design_effect(50, 0.05, n=n_of(alone)).frame["n"].iloc[0] == 3774


def test_unequal_teams() -> None:
    """Eldridge 2006: 1 + ((1 + cv^2) m - 1) ICC, with the sizes themselves."""
    sizes = [10, 20, 30, 40, 100]
    cv = np.std(sizes) / np.mean(sizes)
    expected = 1 + ((1 + cv**2) * 40 - 1) * 0.05
    assert design_effect(sizes, 0.05).estimate("design_effect").value == pytest.approx(expected)
    # The same by sums of squares: 1 + (sum m^2 / sum m - 1) ICC.
    squares = sum(m**2 for m in sizes) / sum(sizes)
    assert expected == pytest.approx(1 + (squares - 1) * 0.05)


SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
                 [6, 2, 4, 7]]  # fmt: skip


def test_icc_of_shrout_and_fleiss() -> None:
    """Shrout and Fleiss 1979, table 4: ICC(1,1) = .17; pingouin prints .1657."""
    rows = [(str(i), v) for i, row in enumerate(SHROUT_FLEISS) for v in row]
    found = icc(pd.DataFrame(rows, columns=["unit", "value"])).frame
    assert found["raw"].iloc[0] == pytest.approx(0.1657, abs=5e-5)
    # By the F distribution, from R's psych::ICC: -.133 to .723 (the lower end is set to 0).
    assert found["low"].iloc[0] == 0.0
    assert found["high"].iloc[0] == pytest.approx(0.723, abs=5e-4)


# Guardrails ---------------------------------------------------------------------------------


def test_non_inferiority_of_a_share() -> None:
    """Chow, Shao and Wang, example 4.2.4 (TrialSize): .65 and .85 held against .05 take 98.

    It asks that a difference of .20 is above .05; here the same 15 points lie between a fall of
    20 points and a margin of 35.
    """
    plan = non_inferiority(0.35, share=0.85, difference=-0.20, alpha=0.05, power=0.8)
    assert plan.frame["n_control"].iloc[0] == 98


def test_non_inferiority_of_a_mean_as_statsmodels() -> None:
    expected = TTestIndPower().solve_power(0.25, power=0.9, alpha=0.025, alternative="larger")
    assert n_of(non_inferiority(0.5, sd=2.0, power=0.9)) == pytest.approx(expected, rel=1e-6)


# Designs ------------------------------------------------------------------------------------


def test_estimate_of_a_roll_out_is_generalised_least_squares() -> None:
    """Hussey and Hughes 2007: weeks fixed, teams random; here with the whole matrices."""
    from ldresearch.models import _designs

    rng = np.random.default_rng(1)
    panel = rng.normal(size=(8, 1)) + rng.normal(size=(8, 10))
    theta, likeness = _designs.shrinkage(panel)
    plan = _designs.assignments(rng, "stepped_wedge", 8, 10, 2, 4, 0.2, 1)
    moved = _designs._transformed(plan, theta)[0]
    found = float((moved * panel).sum() / (moved * plan[0]).sum())
    block = (1 - likeness) * np.eye(10) + likeness
    inverse = np.kron(np.eye(8), np.linalg.inv(block))
    x = np.column_stack([plan[0].ravel(), np.kron(np.ones((8, 1)), np.eye(10))])
    expected = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ panel.ravel())[0]
    assert found == pytest.approx(expected, rel=1e-9)
