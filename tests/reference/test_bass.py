"""The Bass curve against published fits and against R's ``nls``."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import _bass
from ldresearch.models.adoption import bass

VIDEO = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
"""Video recorders 1980-89. Cowpertwait & Metcalfe (2009), Introductory Time Series with R, 3.3."""
AIR = [96, 195, 238, 380, 1045, 1230, 1267, 1828, 1586, 1673, 1800, 1580, 1500]
"""Room air conditioners 1949-61. Srinivasan & Mason (1986): p .0094, q .3748; R nls."""
COLOUR = [747, 1480, 2646, 5118, 5777, 5982, 5962, 4631]
"""Colour television 1963-70. Srinivasan & Mason (1986): p .0185, q .6159; R nls."""


def fitted(counts: list[int], form: str) -> dict[str, float]:
    found = bass(pd.DataFrame({"time": range(1, len(counts) + 1), "adopters": counts}), form=form)
    values = {m: found.estimate(f"bass_{m}").value for m in ("market", "p", "q")}
    return values | {k: float(v) for k, v in found.parameters.items() if isinstance(v, float | int)}


def test_video_recorders_by_density() -> None:
    found = fitted(VIDEO, "density")
    assert found["market"] == pytest.approx(67_980, abs=10)
    assert found["p"] == pytest.approx(0.006594, abs=1e-6)
    assert found["q"] == pytest.approx(0.6381, abs=1e-4)
    assert found["market_se"] == pytest.approx(3_128, abs=1)
    assert found["p_se"] == pytest.approx(0.001430, abs=1e-6)
    assert found["q_se"] == pytest.approx(0.0414, abs=1e-4)
    assert found["residual_se"] == pytest.approx(727.2, abs=0.1)
    assert found["df"] == 7


@pytest.mark.parametrize(
    ("counts", "m", "p", "q", "m_se", "p_se", "q_se"),
    [
        (AIR, 18_713, 0.009442, 0.374763, 1_411, 0.002038, 0.040219),
        (COLOUR, 39_659, 0.018466, 0.615863, 2_267, 0.003222, 0.054203),
    ],
)
def test_whole_periods_as_srinivasan_and_mason(
    counts: list[int], m: float, p: float, q: float, m_se: float, p_se: float, q_se: float
) -> None:
    found = fitted(counts, "periods")
    assert found["market"] == pytest.approx(m, abs=1)
    assert found["p"] == pytest.approx(p, abs=1e-6)
    assert found["q"] == pytest.approx(q, abs=1e-6)
    assert found["market_se"] == pytest.approx(m_se, abs=1)
    assert found["p_se"] == pytest.approx(p_se, abs=1e-6)
    assert found["q_se"] == pytest.approx(q_se, abs=1e-6)


def test_peak_of_the_textbook_case() -> None:
    """p = .03, q = .38: t* = 6.19, F(t*) = .461 (Bass 1969)."""
    assert float(_bass.peak_time(0.03, 0.38)) == pytest.approx(math.log(0.38 / 0.03) / 0.41)
    assert round(float(_bass.peak_time(0.03, 0.38)), 2) == 6.19
    assert round(float(_bass.peak_share(0.03, 0.38)), 3) == 0.461


def test_density_is_the_slope_of_the_share() -> None:
    t = np.linspace(0.1, 20, 50)
    slope = (_bass.share(t + 1e-5, 0.02, 0.4) - _bass.share(t - 1e-5, 0.02, 0.4)) / 2e-5
    np.testing.assert_allclose(_bass.density(t, 0.02, 0.4), slope, rtol=1e-6)


def test_a_step_composes() -> None:
    """Starting within two weeks is starting in the first, or staying and starting in the second."""
    one = _bass.step(_bass.share(5, 0.02, 0.4), 0.02, 0.4)
    two = _bass.step(_bass.share(6, 0.02, 0.4), 0.02, 0.4)
    both = _bass.step(_bass.share(5, 0.02, 0.4), 0.02, 0.4, periods=2)
    assert float(both) == pytest.approx(float(1 - (1 - one) * (1 - two)), abs=1e-12)


def test_a_forecast_is_the_curve_itself() -> None:
    theta = np.array([[0.012, 0.08, 0.7]])
    now = 0.7 * float(_bass.share(20, 0.012, 0.08))
    later = 0.7 * _bass.share(np.arange(21, 31), 0.012, 0.08)
    np.testing.assert_allclose(_bass.forecast(now, theta, 10)[0], later, rtol=1e-10)


def test_likelihood_of_exact_counts_gives_the_parameters_back() -> None:
    """Expected counts of a known curve among 1e6 people have their maximum at the truth."""
    time = np.arange(61)
    share = 0.7 * _bass.share(time, 0.012, 0.08)
    weeks = _bass.Weeks(np.diff(share) * 1e6, (1 - share[:-1]) * 1e6, share[:-1])
    found = _bass.maximum_likelihood(weeks)
    assert found is not None
    np.testing.assert_allclose(found.theta, [0.012, 0.08, 0.7], rtol=2e-3)
