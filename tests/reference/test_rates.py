"""Shares against R and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from ldresearch.models.rates import shares, shrunk, shrunk_shares, wilson


def test_wilson_15_of_25() -> None:
    """R: prop.test(15, 25, correct = FALSE)$conf.int."""
    low, high = wilson(15, 25)
    assert float(low) == pytest.approx(0.40739457, abs=1e-8)
    assert float(high) == pytest.approx(0.76596698, abs=1e-8)


@pytest.mark.parametrize(("count", "n"), [(0, 10), (10, 10), (1, 3), (682, 925), (3, 4000)])
def test_wilson_as_statsmodels(count: int, n: int) -> None:
    low, high = wilson(count, n)
    expected = proportion_confint(count, n, method="wilson")
    np.testing.assert_allclose([float(low), float(high)], expected, atol=1e-12)


def test_wilson_of_nobody_is_not_known() -> None:
    low, high = wilson(0, 0)
    assert np.isnan(low)
    assert np.isnan(high)


def test_shares_of_nobody_are_typed() -> None:
    frame = pd.DataFrame({"group": [], "n_reached": [], "n": []})
    frame.attrs["missing"] = "no table"
    assert shares(frame).missing == "no table"


def test_shrinking_moves_the_small_group_most_and_the_large_hardly() -> None:
    count, n = np.array([3, 300, 330, 280]), np.array([4, 1000, 1000, 1000])
    share, low, high, _ = shrunk(count, n)
    assert abs(share[0] - 0.75) > 0.3
    assert np.all(np.abs(share[1:] - (count / n)[1:]) < 0.02)
    assert np.all((low < share) & (share < high))
    assert high[0] - low[0] > high[1] - low[1]


def test_shrunk_intervals_cover() -> None:
    """Shares of 12 groups drawn from Beta(6, 14), 14 worlds: 95 % intervals cover."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(14):
        truth = rng.beta(6, 14, 12)
        n = rng.integers(5, 200, 12)
        _, low, high, _ = shrunk(rng.binomial(n, truth), n)
        inside.append(np.mean((low <= truth) & (truth <= high)))
    assert 0.91 <= np.mean(inside) <= 0.99


def test_equal_groups_are_rarely_told_apart() -> None:
    """With one true share, hardly any of 80 groups of 80 is called behind or ahead."""
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(8):
        frame = pd.DataFrame({"group": list("ABCDEFGHIJ"), "n": 80})
        frame["n_reached"] = rng.binomial(80, 0.3, 10)
        called += int((shrunk_shares(frame).frame["standing"] != "in line").sum())
    assert called <= 2


@pytest.mark.parametrize("reached", [0, 50])
def test_nobody_lags_where_all_are_alike(reached: int) -> None:
    frame = pd.DataFrame({"group": list("ABC"), "n_reached": reached, "n": 50})
    assert set(shrunk_shares(frame).frame["standing"]) == {"in line"}


def test_two_groups_are_too_few() -> None:
    frame = pd.DataFrame({"group": list("AB"), "n_reached": [1, 2], "n": [5, 5]})
    assert "takes 3" in shrunk_shares(frame).missing
