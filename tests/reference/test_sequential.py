"""Boundaries, sequences and checks against tables, rpact and papers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ldresearch.models import _sequence
from ldresearch.models.sequential import (
    boundaries,
    confidence_sequence,
    cuped,
    drift,
    forecast,
    quality,
    sample_ratio,
)

# Boundaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (2, [2.9626, 1.9686]),
        (3, [3.7103, 2.5114, 1.9930]),
        (4, [4.3326, 2.9631, 2.3590, 2.0141]),
        (5, [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_lan_demets_obrien_fleming(looks: int, expected: list[float]) -> None:
    """Two-sided .05, the O'Brien-Fleming type; ldbounds, gsDesign and rpact give these."""
    np.testing.assert_allclose(boundaries(looks).frame["z"], expected, atol=1e-4)


def test_lan_demets_pocock() -> None:
    """Two-sided .05, the Pocock type, five looks; gsDesign."""
    found = boundaries(5, kind="lan_demets_pocock").frame["z"]
    np.testing.assert_allclose(found, [2.438, 2.427, 2.410, 2.397, 2.386], atol=1e-3)


@pytest.mark.parametrize(
    ("looks", "obrien_fleming", "pocock"),
    [(2, 1.977, 2.178), (3, 2.004, 2.289), (4, 2.024, 2.361), (5, 2.040, 2.413)],
)
def test_classical_constants(looks: int, obrien_fleming: float, pocock: float) -> None:
    """Jennison and Turnbull 2000, tables 2.3 and 2.1."""
    z = boundaries(looks, kind="obrien_fleming").frame["z"]
    assert z.iloc[-1] == pytest.approx(obrien_fleming, abs=5e-4)
    np.testing.assert_allclose(z, z.iloc[-1] * np.sqrt(looks / np.arange(1, looks + 1)))
    assert boundaries(looks, kind="pocock").frame["z"].iloc[0] == pytest.approx(pocock, abs=5e-4)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # Jennison and Turnbull 2000, tables 2.2 and 2.4: five looks, power .9.
        ("pocock", 1.207),
        ("obrien_fleming", 1.026),
    ],
)
def test_price_in_persons(kind: str, expected: float) -> None:
    found = boundaries(5, kind=kind, power=0.9).parameters["inflation"]
    assert found == pytest.approx(expected, abs=5e-4)


def test_unequal_looks_as_rpact() -> None:
    """rpact, getDesignGroupSequential, one-sided .025 (= two-sided .05 here).

    Its tests: informationRates = c(.4, .7), "asP": 2.223875, 2.3050796, spent .013078429 and
    .0197432. Printed elsewhere for c(.33, .66, 1), "asOF": 3.7307, 2.5262, 1.9917.
    """
    pocock = boundaries([0.4, 0.7], kind="lan_demets_pocock", alpha=0.025, sides=1).frame
    np.testing.assert_allclose(pocock["z"], [2.223875, 2.3050796], atol=1e-6)
    np.testing.assert_allclose(pocock["alpha_spent"], [0.013078429, 0.0197432], atol=1e-7)
    np.testing.assert_allclose(pocock["p"], [0.013078429, 0.010581057], atol=1e-7)
    fleming = boundaries([0.33, 0.66, 1.0], alpha=0.025, sides=1).frame
    np.testing.assert_allclose(fleming["z"], [3.7307, 2.5262, 1.9917], atol=5e-5)


def test_one_side_spends_half_of_two() -> None:
    two = boundaries([0.2, 0.5, 1.0]).frame["z"]
    one = boundaries([0.2, 0.5, 1.0], alpha=0.025, sides=1).frame["z"]
    np.testing.assert_allclose(one, two, atol=1e-3)


@pytest.mark.parametrize(("looks", "error"), [([0.3, 0.55, 1.0], 1e-6), ([0.5, 0.502, 1.0], 1e-4)])
def test_boundaries_spend_alpha_as_integrated_by_scipy(looks: list[float], error: float) -> None:
    """The recursion against the multivariate normal distribution, looks apart and close by.

    scipy integrates over random points: where looks are close by it is off by 1e-5 now and then.
    """
    t = np.array(looks)
    found = boundaries(looks).frame
    z = found["z"].to_numpy()
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    for k in (1, 2, 3):
        inside = stats.multivariate_normal.cdf(
            z[:k], cov=covariance[:k, :k], lower_limit=-z[:k], abseps=1e-8, releps=1e-8
        )
        assert found["alpha_spent"].iloc[k - 1] == pytest.approx(1 - inside, abs=error)


def test_chance_of_stopping_as_integrated_by_scipy() -> None:
    found = boundaries(2, power=0.9)
    drift_at_end = math.sqrt(float(found.parameters["inflation"] or 0)) * float(
        stats.norm.ppf(0.975) + stats.norm.ppf(0.9)
    )
    t, z = np.array([0.5, 1.0]), found.frame["z"].to_numpy()
    mean = drift_at_end * np.sqrt(t)
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    # Not above either: below the lower boundary at the first look is stopped too, and harms nobody.
    below = stats.norm.cdf(-z[0] - mean[0])
    under = stats.multivariate_normal(mean, covariance).cdf(z)
    assert 1 - found.frame["chance_of_stop"].iloc[1] == pytest.approx(under, abs=1e-6 + below)


# Sequences ----------------------------------------------------------------------------------


def test_half_width_as_published() -> None:
    """Waudby-Smith et al. 2024, the asymptotic confidence sequence in their notation:

    sqrt(2 (t rho^2 + 1) / (t^2 rho^2) log(sqrt(t rho^2 + 1) / alpha)) times the deviation.
    """
    t, rho, sigma, alpha = np.array([50.0, 500.0, 5000.0]), 0.08, 2.5, 0.05
    expected = sigma * np.sqrt(
        2 * (t * rho**2 + 1) / (t**2 * rho**2) * np.log(np.sqrt(t * rho**2 + 1) / alpha)
    )
    found = _sequence.half_width(sigma / np.sqrt(t), rho * sigma, alpha)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_tightest_is_the_minimum(alpha: float) -> None:
    """Over all mixing spreads; the paper's closed form comes near it."""
    ratio = np.geomspace(0.01, 1000, 200_001)
    width = (1 + 1 / ratio) * np.log((1 + ratio) / alpha**2)
    assert _sequence.tightest(alpha) == pytest.approx(ratio[np.argmin(width)], rel=1e-3)
    closed = -2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)
    assert _sequence.tightest(alpha) == pytest.approx(closed, rel=0.08)


def trial(seed: int, n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.choice(["treated", "control"], n, p=[0.6, 0.4])})
    frame["before"], frame["age"] = rng.normal(size=n), rng.normal(40, 10, n)
    effect = 0.3 * (frame["arm"] == "treated")
    frame["value"] = 5 + effect + frame["before"] + 0.02 * frame["age"] + rng.normal(size=n)
    return frame.assign(look=1)


def test_difference_as_welch() -> None:
    frame = trial(1)
    last = confidence_sequence(frame, control="control").frame.iloc[-1]
    treated, control = (frame.loc[frame["arm"] == a, "value"] for a in ("treated", "control"))
    expected = stats.ttest_ind(treated, control, equal_var=False)
    assert last["difference"] / last["se"] == pytest.approx(expected.statistic, rel=1e-9)


@pytest.mark.parametrize("covariates", [["before"], ["before", "age"]])
def test_adjustment_as_least_squares(covariates: list[str]) -> None:
    """One slope in both arms is analysis of covariance: the same estimate to the last digit.

    Errors differ a little: here each arm has its own variance (statsmodels' HC1 stands near).
    """
    import statsmodels.api as sm

    frame = trial(2)
    found = confidence_sequence(frame, control="control", covariates=covariates).frame.iloc[-1]
    x = sm.add_constant(
        np.column_stack([frame["arm"] == "treated", *[frame[c] for c in covariates]]).astype(float)
    )
    fit = sm.OLS(frame["value"].to_numpy(), x).fit(cov_type="HC1")
    assert found["difference"] == pytest.approx(fit.params[1], rel=1e-9)
    assert found["se"] == pytest.approx(fit.bse[1], rel=0.02)


def test_clusters_as_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    team = np.repeat(np.arange(60), 15)
    frame = pd.DataFrame({"team": team, "arm": np.where(team % 2 == 0, "treated", "control")})
    frame["value"] = rng.normal(size=60)[team] + rng.normal(size=len(team))
    found = confidence_sequence(frame.assign(look=1), control="control", cluster="team")
    x = sm.add_constant((frame["arm"] == "treated").to_numpy(float))
    fit = sm.OLS(frame["value"].to_numpy(), x).fit(
        cov_type="cluster", cov_kwds={"groups": team}, use_t=False
    )
    # Theirs multiplies by (n - 1) / (n - k) too, and by 60 / 59 where each arm has 30 / 29.
    factor = math.sqrt((30 / 29) / (60 / 59) * (len(team) - 2) / (len(team) - 1))
    assert found.frame["se"].iloc[-1] == pytest.approx(fit.bse[1] * factor, rel=1e-9)


# Checks -------------------------------------------------------------------------------------


def test_sample_ratio_of_kohavi() -> None:
    """Kohavi, Tang and Xu 2020, chapter 21: 821,588 against 815,482 has p = 1.8e-6."""
    found = sample_ratio(pd.DataFrame({"arm": ["a", "b"], "n": [821_588, 815_482]}))
    assert found.parameters["p"] == pytest.approx(1.8e-6, abs=5e-8)
    assert found.parameters["is_passed"] is False


def test_sample_ratio_as_scipy() -> None:
    n, expected = np.array([310, 290, 610]), np.array([1, 1, 2])
    found = sample_ratio(pd.DataFrame({"arm": list("abc"), "n": n, "expected": expected}))
    by_scipy = stats.chisquare(n, n.sum() * expected / expected.sum())
    assert found.estimates[0].value == pytest.approx(by_scipy.pvalue, rel=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_cuped_leaves_one_less_the_squared_correlation(rho: float) -> None:
    """Deng et al. 2013, equation 4; on a sample with exactly this correlation."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(400, 2))
    z = (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    frame = pd.DataFrame({"covariate": z[:, 0], "value": rho * z[:, 0]})
    frame["value"] += math.sqrt(1 - rho**2) * z[:, 1]
    row = cuped(frame).frame.iloc[0]
    assert row["variance_left"] == pytest.approx(1 - rho**2, abs=1e-9)
    assert row["theta"] == pytest.approx(rho, abs=1e-9)


def test_stability_index_by_hand() -> None:
    """Siddiqi 2006: sum of (now - before) ln(now / before); 40/60 to 55/45 is .0910."""
    frame = pd.DataFrame(
        {"attribute": "unit", "level": ["a", "b"], "n_before": [4e6, 6e6], "n_now": [5.5e6, 4.5e6]}
    )
    by_hand = 0.15 * math.log(0.55 / 0.4) - 0.15 * math.log(0.45 / 0.6)
    assert drift(frame).frame["psi"].iloc[0] == pytest.approx(by_hand, rel=1e-5)
    assert by_hand == pytest.approx(0.0909, abs=1e-4)


def test_rise_of_faults_as_newcombe() -> None:
    """Newcombe 1998, method 10: 56/70 against 48/80 is .0524 to .3339."""
    frame = pd.DataFrame(
        {
            "check": ["late"],
            "n_bad_before": [48],
            "n_before": [80],
            "n_bad_now": [56],
            "n_now": [70],
        }
    )
    row = quality(frame).frame.iloc[0]
    assert row["low"] == pytest.approx(0.0524, abs=5e-5)
    assert row["high"] == pytest.approx(0.3339, abs=5e-5)


def test_forecast_by_hand() -> None:
    """A quarter of the values in: the final estimate has se^2 (1 - 1/4) about today's."""
    frame = trial(5)
    sequence = confidence_sequence(frame, control="control")
    last = sequence.frame.iloc[-1]
    found = forecast(sequence, n_end=4 * len(frame)).estimates[0]
    half = stats.norm.ppf(0.975) * last["se"] * math.sqrt(1 - 1 / 4)
    assert found.high - found.value == pytest.approx(half, rel=1e-9)
