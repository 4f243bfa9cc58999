"""Effects, sensitivity and returns against papers, R, statsmodels and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ldresearch.models import _ols
from ldresearch.models.impact import (
    adjusted,
    bounded,
    difference_in_differences,
    e_value,
    reaction,
    robustness,
    robustness_value,
    roi,
    tornado,
)

INPUTS = ["part", "item", "input", "distribution", "low", "middle", "high"]


def inputs(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=INPUTS)


# Return on investment -----------------------------------------------------------------------


def test_return_of_phillips_by_hand() -> None:
    """Phillips 1996, the literacy course: 321,600 of benefit at 38,233 are 741 %, ratio 8.4."""
    frame = inputs(
        ("benefit", "all", "benefit", "fixed", None, 321_600, None),
        ("cost", "all", "cost", "fixed", None, 38_233, None),
    )
    found = roi(frame)
    assert found.estimate("roi").value == pytest.approx(741, abs=0.5)
    assert found.estimate("benefit_cost_ratio").value == pytest.approx(8.4, abs=0.05)
    assert found.estimate("payback_months").value == pytest.approx(12 * 38_233 / 321_600)
    assert found.estimate("roi_chance").value == 1.0


def lognormal(low: float, high: float) -> tuple[float, float]:
    """Mean and deviation of the logarithm, from the 10 and 90 % points."""
    z = stats.norm.ppf(0.9)
    return (math.log(low) + math.log(high)) / 2, (math.log(high) - math.log(low)) / (2 * z)


def error(density: float, p: float, draws: int) -> float:
    """Four Monte Carlo errors of a quantile."""
    return 4 * math.sqrt(p * (1 - p) / draws) / density


def test_lognormal_interval_is_exact() -> None:
    """Ratios of log-normal inputs are log-normal: learners x hours x pay x share over two costs."""
    frame = inputs(
        ("benefit", "time", "learners", "lognormal", 800, None, 1200),
        ("benefit", "time", "hours", "lognormal", 1, None, 4),
        ("benefit", "time", "pay", "fixed", None, 40, None),
        ("isolation", "", "isolation", "fixed", None, 0.6, None),
        ("cost", "all", "licences", "lognormal", 20_000, None, 40_000),
    )
    draws = 200_000
    found = roi(frame, draws=draws).estimate("roi")
    parts = [lognormal(800, 1200), lognormal(1, 4), lognormal(20_000, 40_000)]
    middle = parts[0][0] + parts[1][0] + math.log(40 * 0.6) - parts[2][0]
    spread = math.sqrt(sum(sd**2 for _, sd in parts))
    ratio = stats.lognorm(s=spread, scale=math.exp(middle))
    for p, value in ((0.025, found.low), (0.5, found.value), (0.975, found.high)):
        exact = 100 * (float(ratio.ppf(p)) - 1)
        assert abs(value - exact) < 100 * error(float(ratio.pdf(ratio.ppf(p))), p, draws)
    chance = roi(frame, draws=draws).estimate("roi_chance").value
    assert chance == pytest.approx(float(ratio.sf(1.0)), abs=4 * math.sqrt(0.25 / draws))


def test_normal_interval_is_exact() -> None:
    """A sum of normal benefits over a known cost is normal."""
    frame = inputs(
        ("benefit", "sales", "sales", "normal", 60_000, None, 140_000),
        ("benefit", "errors", "errors", "normal", 10_000, None, 50_000),
        ("cost", "all", "cost", "fixed", None, 80_000, None),
    )
    draws = 200_000
    found = roi(frame, draws=draws).estimate("roi")
    z = stats.norm.ppf(0.9)
    total = stats.norm(130_000, math.hypot(40_000 / z, 20_000 / z))
    for p, value in ((0.025, found.low), (0.5, found.value), (0.975, found.high)):
        exact = 100 * (float(total.ppf(p)) / 80_000 - 1)
        allowed = 100 / 80_000 * error(float(total.pdf(total.ppf(p))), p, draws)
        assert abs(value - exact) < allowed


@pytest.mark.parametrize(
    ("kind", "low", "middle", "high", "exact"),
    [
        ("uniform", 2.0, None, 6.0, stats.uniform(2, 4)),
        ("triangular", 1.0, 2.0, 6.0, stats.triang(0.2, 1, 5)),
        ("lognormal", 2.0, None, 8.0,
         stats.lognorm(s=lognormal(2, 8)[1], scale=math.exp(lognormal(2, 8)[0]))),
        ("normal", 2.0, None, 8.0, stats.norm(5, 3 / stats.norm.ppf(0.9))),
    ],
)  # fmt: skip
def test_inputs_have_their_distributions(
    kind: str, low: float, middle: float, high: float, exact: Any
) -> None:
    frame = inputs(
        ("benefit", "b", "b", kind, low, middle, high), ("cost", "c", "c", "fixed", None, 1, None)
    )
    row = roi(frame, draws=100_000).frame.set_index("figure").loc["benefit"]
    for p, value in ((0.025, row["low"]), (0.5, row["value"]), (0.975, row["high"])):
        assert abs(value - exact.ppf(p)) < error(float(exact.pdf(exact.ppf(p))), p, 100_000)


def test_beta_has_its_points() -> None:
    """The isolation factor: 1 in 10 below .3, 1 in 10 above .7; by symmetry the mean is .5."""
    frame = inputs(
        ("benefit", "b", "b", "fixed", None, 1, None),
        ("isolation", "", "share", "beta", 0.3, None, 0.7),
        ("cost", "c", "c", "fixed", None, 1, None),
    )
    row = roi(frame).frame.set_index("figure").loc["isolation"]
    assert row["mean"] == pytest.approx(0.5, abs=0.003)
    low, high = tornado(frame).frame[["low_input", "high_input"]].iloc[0]
    assert (low, high) == (pytest.approx(0.3, abs=1e-6), pytest.approx(0.7, abs=1e-6))


def test_shares_of_variance_are_exact_where_inputs_add() -> None:
    """Net benefit is a sum here: variances 16, 4 and 1 of 21."""
    z = float(stats.norm.ppf(0.9))
    frame = inputs(
        ("benefit", "a", "a", "normal", 100 - 4 * z, None, 100 + 4 * z),
        ("benefit", "b", "b", "normal", 100 - 2 * z, None, 100 + 2 * z),
        ("cost", "c", "c", "normal", 100 - z, None, 100 + z),
    )
    found = tornado(frame, figure="net").frame
    assert found["input"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found["variance_share"], [16 / 21, 4 / 21, 1 / 21], atol=0.01)
    np.testing.assert_allclose(found["swing"], [8 * z, 4 * z, 2 * z], rtol=1e-9)


# E-values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        # VanderWeele and Ding 2017, smoking in mothers: 3.9 (1.8 to 8.7) gives 7.26 and 3.0.
        (3.9, 1.8, 8.7, (7.26, 3.0)),
        # The same paper, below 1: 0.80 (0.71 to 0.91) gives 1.81 and 1.43.
        (0.80, 0.71, 0.91, (1.81, 1.43)),
        (1.2, 0.9, 1.6, (1.69, 1.0)),
    ],
)
def test_e_values(estimate: float, low: float, high: float, expected: tuple[float, float]) -> None:
    found = e_value(estimate, low, high).frame["e_value"]
    np.testing.assert_allclose(found, expected, atol=0.005)


def test_e_value_of_a_difference() -> None:
    """VanderWeele and Ding 2017: exp(.91 d), interval exp(.91 d +- 1.78 s); d = .5, s = .25.

    R's EValue documents evalues.MD(.5, .25) for the same numbers.
    """
    half = 1.959963984540054 * 0.25
    found = e_value(0.5, 0.5 - half, 0.5 + half, scale="difference", sd=1.0).frame
    np.testing.assert_allclose(
        found["risk_ratio"], [math.exp(0.455), math.exp(0.455 - 0.445)], rtol=1e-9
    )
    rr = math.exp(0.455)
    assert found["e_value"].iloc[0] == pytest.approx(rr + math.sqrt(rr * (rr - 1)))


def test_e_values_of_other_ratios() -> None:
    """The conversions for common outcomes of the same paper."""
    assert e_value(4.0, scale="odds_ratio").frame["risk_ratio"].iloc[0] == pytest.approx(2.0)
    hr = 0.5
    expected = (1 - 0.5 ** math.sqrt(hr)) / (1 - 0.5 ** math.sqrt(1 / hr))
    assert e_value(hr, scale="hazard_ratio").frame["risk_ratio"].iloc[0] == pytest.approx(expected)


# Robustness ---------------------------------------------------------------------------------

DARFUR = {"estimate": 0.09731582, "se": 0.02325654, "freedom": 783}


def test_robustness_of_darfur() -> None:
    """Cinelli and Hazlett 2020; R's sensemakr prints .02187, .13878 and .07626."""
    partial, rv, rv_alpha = robustness_value(**DARFUR)
    assert partial == pytest.approx(0.02187, abs=5e-6)
    assert rv == pytest.approx(0.13878, abs=5e-6)
    assert rv_alpha == pytest.approx(0.07626, abs=5e-6)


@pytest.mark.parametrize(("t", "freedom"), [(4.18, 783), (2.5, 30), (6.5, 10), (12.0, 8)])
def test_a_cause_of_the_robustness_value_is_just_enough(t: float, freedom: float) -> None:
    """By its definition: no weaker one, however it divides, takes the interval to nought."""
    _, _, rv = robustness_value(t, 1.0, freedom)
    critical = float(stats.t.ppf(0.975, freedom - 1))

    def least(r2_treatment: float) -> float:
        found = [
            bounded(t, 1.0, freedom, r2_treatment, r2) for r2 in np.linspace(0, r2_treatment, 4001)
        ]
        return min(moved / se for moved, se in found)

    assert least(rv) == pytest.approx(critical, rel=1e-4)
    assert least(0.98 * rv) > critical


@pytest.mark.parametrize(
    ("r2_treatment", "r2_outcome", "estimate", "se", "t"),
    [
        # sensemakr, darfur, bounds of 1, 2 and 3 times "female" (R2 printed to four digits).
        (0.0092, 0.1246, 0.0752, 0.0219, 3.4389),
        (0.0183, 0.2493, 0.0529, 0.0204, 2.6002),
        (0.0275, 0.3741, 0.0304, 0.0187, 1.6281),
    ],
)
def test_bounds_of_darfur(
    r2_treatment: float, r2_outcome: float, estimate: float, se: float, t: float
) -> None:
    moved, error_ = bounded(**DARFUR, r2_treatment=r2_treatment, r2_outcome=r2_outcome)
    assert moved == pytest.approx(estimate, abs=1e-4)
    assert error_ == pytest.approx(se, abs=5e-5)
    assert moved / error_ == pytest.approx(t, abs=0.01)


def observational(seed: int, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(-(0.6 * x + 0.6 * z)))
    frame = pd.DataFrame({"arm": np.where(treated, "treated", "control"), "x": x, "z": z})
    return frame.assign(after=0.3 * treated + 0.5 * x + 0.5 * z + rng.normal(size=n))


def test_bounds_are_the_estimate_with_the_confounder() -> None:
    """Told the true strength of a left-out z, the bounds give the regression with z exactly."""
    import statsmodels.api as sm

    frame = observational(1)
    d = (frame["arm"] == "treated").to_numpy(float)
    short = sm.OLS(frame["after"], sm.add_constant(np.column_stack([d, frame["x"]]))).fit()
    long = sm.OLS(
        frame["after"], sm.add_constant(np.column_stack([d, frame["x"], frame["z"]]))
    ).fit()
    of_d = sm.OLS(d, sm.add_constant(frame[["x", "z"]].to_numpy())).fit()
    r2_outcome = long.tvalues.iloc[3] ** 2 / (long.tvalues.iloc[3] ** 2 + long.df_resid)
    r2_treatment = of_d.tvalues[2] ** 2 / (of_d.tvalues[2] ** 2 + of_d.df_resid)
    moved, error_ = bounded(
        float(short.params.iloc[1]), float(short.bse.iloc[1]), float(short.df_resid),
        float(r2_treatment), float(r2_outcome),
    )  # fmt: skip
    assert moved == pytest.approx(long.params.iloc[1], rel=1e-9)
    assert error_ == pytest.approx(long.bse.iloc[1], rel=1e-9)


def test_benchmark_strength_by_hand() -> None:
    """Cinelli and Hazlett 2020, section 4.4: as strong as one covariate."""
    import statsmodels.api as sm

    frame = observational(2)
    found = robustness(frame, covariates=["x", "z"]).frame.set_index(["benchmark", "times"])
    d = (frame["arm"] == "treated").to_numpy(float)
    y = sm.OLS(frame["after"], sm.add_constant(np.column_stack([d, frame[["x", "z"]]]))).fit()
    t = sm.OLS(d, sm.add_constant(frame[["x", "z"]].to_numpy())).fit()
    r_d = t.tvalues[1] ** 2 / (t.tvalues[1] ** 2 + t.df_resid)
    r_y = y.tvalues.iloc[2] ** 2 / (y.tvalues.iloc[2] ** 2 + y.df_resid)
    row = found.loc[("x", 1.0)]
    assert row["r2_treatment"] == pytest.approx(r_d / (1 - r_d), rel=1e-9)
    shared = r_d**2 / ((1 - r_d) * (1 - r_d))
    factor = ((1 + math.sqrt(shared)) / math.sqrt(1 - shared)) ** 2
    assert row["r2_outcome"] == pytest.approx(factor * r_y / (1 - r_y), rel=1e-9)


# Effects ------------------------------------------------------------------------------------


def test_errors_without_clusters_are_hc2() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    y = x @ [1, 2, 3] + rng.normal(size=40) * (1 + np.abs(x[:, 1]))
    found = _ols.fit(x, y, np.arange(40))
    fit = sm.OLS(y, x).fit(cov_type="HC2")
    assert found is not None
    np.testing.assert_allclose(found.beta, fit.params)
    np.testing.assert_allclose(found.se, fit.bse)
    np.testing.assert_allclose(found.plain_se, sm.OLS(y, x).fit().bse)


def test_errors_with_clusters_by_the_matrices() -> None:
    """Bell and McCaffrey 2002 with whole matrices: (I - H_gg)^(-1/2), Satterthwaite's degrees."""
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(9), [2, 3, 9, 4, 6, 1, 7, 5, 8])
    n = len(cluster)
    x = np.column_stack([np.ones(n), (cluster < 4).astype(float), rng.normal(size=n)])
    y = x @ [1, 0.5, 1] + rng.normal(size=9)[cluster] + rng.normal(size=n)
    found = _ols.fit(x, y, cluster)
    assert found is not None
    bread = np.linalg.inv(x.T @ x)
    rest = np.eye(n) - x @ bread @ x.T
    meat, moved = np.zeros((3, 3)), []
    for g in range(9):
        rows = cluster == g
        values, vectors = np.linalg.eigh(rest[np.ix_(rows, rows)])
        root = vectors @ np.diag(values**-0.5) @ vectors.T
        score = x[rows].T @ root @ (rest @ y)[rows]
        meat += np.outer(score, score)
        moved.append(rest[:, rows] @ root @ x[rows] @ bread)
    np.testing.assert_allclose(found.se, np.sqrt(np.diag(bread @ meat @ bread)), rtol=1e-9)
    for term in range(3):
        b = np.column_stack([m[:, term] for m in moved])
        eigenvalues = np.linalg.eigvalsh(b.T @ b)
        expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        assert found.freedom[term] == pytest.approx(expected, rel=1e-9)


def test_two_means_have_the_degrees_of_imbens_and_kolesar() -> None:
    """Imbens and Kolesar 2016, section 3: a closed form for one dummy variable."""
    n1, n0 = 3, 27
    frame = pd.DataFrame({"arm": ["treated"] * n1 + ["control"] * n0, "before": 0.0})
    frame["after"] = np.random.default_rng(5).normal(size=n1 + n0)
    found = difference_in_differences(frame)
    expected = (n0 + n1) ** 2 * (n0 - 1) * (n1 - 1) / (n1**2 * (n1 - 1) + n0**2 * (n0 - 1))
    assert found.frame["freedom"].iloc[-1] == pytest.approx(expected, rel=1e-9)
    a, b = (frame.loc[frame["arm"] == arm, "after"] for arm in ("treated", "control"))
    row = found.frame.set_index("arm").loc["difference"]
    welch = stats.ttest_ind(a, b, equal_var=False).statistic
    assert row["change"] / row["se"] == pytest.approx(welch, rel=1e-9)


def test_two_of_four_teams_reach_no_p_below_a_third() -> None:
    """Permutation of 2 of 4 has a smallest two-sided p of .333, of 1 of 4 of .25."""
    frame = pd.DataFrame({"cluster": list("abcd"), "arm": ["treated"] * 2 + ["control"] * 2,
                          "before": 0.0, "after": [9.0, 8.0, 1.0, 0.5]})  # fmt: skip
    found = difference_in_differences(frame)
    assert found.parameters["p_smallest"] == pytest.approx(1 / 3)
    assert found.frame["p_reassigned"].iloc[-1] == pytest.approx(1 / 3)


def test_reassignment_as_scipy() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.normal(0.5, size=7), rng.normal(size=6)
    frame = pd.DataFrame({"arm": ["treated"] * 7 + ["control"] * 6, "before": 0.0,
                          "after": np.concatenate([a, b])})  # fmt: skip
    found = difference_in_differences(frame).frame["p_reassigned"].iloc[-1]
    exact = stats.permutation_test(
        (a, b), lambda x, y: abs(x.mean() - y.mean()), n_resamples=np.inf, alternative="greater"
    )
    assert found == pytest.approx(exact.pvalue, abs=1e-12)


def test_adjusted_as_statsmodels() -> None:
    import statsmodels.api as sm

    frame = observational(7)
    found = adjusted(frame, covariates=["x", "z"])
    d = (frame["arm"] == "treated").to_numpy(float)
    fit = sm.OLS(
        frame["after"].to_numpy(), sm.add_constant(np.column_stack([d, frame[["x", "z"]]]))
    ).fit(cov_type="HC2")
    np.testing.assert_allclose(found.frame["coefficient"], fit.params[1:], rtol=1e-9)
    np.testing.assert_allclose(found.frame["se"], fit.bse[1:], rtol=1e-9)


def test_answers_by_the_t_interval() -> None:
    frame = pd.DataFrame({"item": ["useful"], "mean": [4.2], "sd": [0.9], "n": [12]})
    row = reaction(frame).frame.iloc[0]
    expected = stats.t.interval(0.95, 11, 4.2, 0.9 / math.sqrt(12))
    assert (row["low"], row["high"]) == pytest.approx(expected)
