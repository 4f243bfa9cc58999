"""Survey statistics against published examples and against other ways to the same number.

Net promoter score, adjusted rule: Rocks B (2016), Am Stat 70:365-372, three answers more, of which
three quarters of one are promoters and as many detractors. Kano: Matzler K, Hinterhuber HH (1998),
Technovation 18:25-38, shares of skiers' answers on three properties of a ski and their
coefficients. Raking: the closed form of a 2 x 2 table (the odds ratio stays), and the constrained
minimum of the Kullback-Leibler divergence by a general optimiser. Relative weights: Johnson's
closed form for two predictors, and the mean over orders of entry (Lindeman, Merenda & Gold).
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import _raking, voice
from ldresearch.models._frame import Floats


def answers(promoters: int, passives: int, detractors: int) -> pd.DataFrame:
    return pd.DataFrame({"score": [10] * promoters + [7] * passives + [2] * detractors})


@pytest.mark.parametrize(
    ("counts", "method", "value", "low", "high"),
    [
        ((90, 60, 50), "", 20.0, 20 - 11.3, 20 + 11.3),
        ((40, 40, 20), "wald", 20.0, 5.33, 34.67),
        ((40, 40, 20), "adjusted", 19.42, 4.97, 33.86),
    ],
)
def test_net_promoter_scores(
    counts: tuple[int, int, int], method: str, value: float, low: float, high: float
) -> None:
    e = voice.nps(answers(*counts), method=method).estimate("nps")
    digits = 0.05 if method == "" else 0.005
    assert [e.value, e.low, e.high] == pytest.approx([value, low, high], abs=digits + 1e-9)


SKIS = {
    "edge grip": ((7.0, 32.3, 49.3, 9.5, 0.3, 1.5), "must-be", 0.40, -0.83),
    "ease of turn": ((10.4, 45.1, 31.5, 11.5, 1.2, 0.3), "one-dimensional", 0.56, -0.78),
    "service": ((63.8, 21.6, 2.9, 8.5, 0.7, 2.5), "attractive", 0.88, -0.25),
}
PAIRS = ((1, 3), (1, 5), (3, 5), (3, 3), (5, 1), (1, 1))


@pytest.mark.parametrize("item", SKIS)
def test_kano_coefficients_of_a_ski(item: str) -> None:
    shares, category, better, worse = SKIS[item]
    pairs = [p for p, share in zip(PAIRS, shares, strict=True) for _ in range(round(10 * share))]
    frame = pd.DataFrame(
        [(i, f"{item}:{side}", score) for i, pair in enumerate(pairs)
         for side, score in zip(("functional", "dysfunctional"), pair, strict=True)],
        columns=["response_id", "item", "score"],
    )  # fmt: skip
    found = voice.kano(frame)
    assert found.frame["category"].iloc[0] == category
    assert found.estimate("kano_better", item).value == pytest.approx(better, abs=0.005)
    assert found.estimate("kano_worse", item).value == pytest.approx(worse, abs=0.005)


def test_wilson_through_the_product_market_fit() -> None:
    """R's prop.test of 15 of 25."""
    e = voice.pmf(pd.DataFrame({"value": ["very"] * 15 + ["somewhat"] * 10})).estimate("pmf_share")
    assert [e.low, e.high] == pytest.approx([0.40739457, 0.76596698], abs=5e-9)


# Raking -------------------------------------------------------------------------------------


def raked(seed: Floats, rows: Floats, columns: Floats) -> Floats:
    r, c = np.indices(seed.shape)
    found = _raking.rake(
        [r.ravel(), c.ravel()], [rows / rows.sum(), columns / columns.sum()], start=seed.ravel()
    )
    assert found.is_converged
    return np.asarray(found.weights * rows.sum() / seed.size).reshape(seed.shape)


def test_the_closed_form_of_four_cells() -> None:
    """x solves x (N - r - c + x) = OR (r - x) (c - x), where OR is the odds ratio of the seed."""
    seed = np.array([[7.0, 9.0], [12.0, 7.0]])
    r, c, total = 5.0, 10.0, 20.0
    odds = seed[0, 0] * seed[1, 1] / (seed[0, 1] * seed[1, 0])
    a, b, d = 1 - odds, total - r - c + odds * (r + c), -odds * r * c
    x = (-b + np.sqrt(b * b - 4 * a * d)) / (2 * a)
    found = raked(seed, np.array([5.0, 15.0]), np.array([10.0, 10.0]))
    assert found[0, 0] == pytest.approx(x, abs=1e-5)
    assert found.sum(axis=1) == pytest.approx([5, 15], abs=1e-5)
    assert found.sum(axis=0) == pytest.approx([10, 10], abs=1e-5)


def test_the_nearest_table_by_another_way() -> None:
    """Schools by type and by whether they met a target: counts and margins of R's api data."""
    from scipy.optimize import minimize

    seed = np.array([[12.0, 132.0], [3.0, 11.0], [8.0, 17.0]])
    rows, columns = np.array([4421.0, 755.0, 1018.0]), np.array([1072.0, 5122.0])
    found = raked(seed, rows, columns)
    p, q = rows / rows.sum(), columns / columns.sum()
    start = seed / seed.sum()

    def dual(z: Floats) -> float:
        a, b = z[:3], z[3:]
        return float((start * np.exp(a[:, None] + b[None, :])).sum() - a @ p - b @ q)

    best = minimize(dual, np.zeros(5), method="BFGS", options={"gtol": 1e-12})
    nearest = start * np.exp(best.x[:3, None] + best.x[None, 3:])
    assert found / rows.sum() == pytest.approx(nearest, abs=1e-6)


# Relative weights ---------------------------------------------------------------------------


def test_relative_weights_of_two_that_are_alike() -> None:
    """Of two predictors correlated r: root = [[c, s], [s, c]] with c^2 + s^2 = 1, 2cs = r."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    y = x @ [1.0, 0.3] + rng.normal(size=400)
    weight, r2 = voice._relative(x, y)
    r = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    c = np.sqrt((1 + np.sqrt(1 - r[0, 1] ** 2)) / 2)
    s = r[0, 1] / (2 * c)
    root = np.array([[c, s], [s, c]])
    raw = root**2 @ np.linalg.solve(root, r[:2, 2]) ** 2
    assert weight == pytest.approx(raw / raw.sum())
    slope = np.linalg.lstsq(x - x.mean(0), y - y.mean(), rcond=None)[0]
    assert r2 == pytest.approx(np.var((x - x.mean(0)) @ slope) / np.var(y))


def test_relative_weights_are_near_the_mean_over_orders_of_entry() -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(size=(500, 1))
    x = common + rng.normal(size=(500, 4))
    y = x @ [0.8, 0.4, 0.2, 0.0] + rng.normal(size=500) * 2

    def r2(which: tuple[int, ...]) -> float:
        if not which:
            return 0.0
        part = x[:, which] - x[:, which].mean(0)
        slope = np.linalg.lstsq(part, y - y.mean(), rcond=None)[0]
        return float(np.var(part @ slope) / np.var(y))

    orders = list(itertools.permutations(range(4)))
    mean = np.zeros(4)
    for order in orders:
        for i, one in enumerate(order):
            mean[one] += r2(order[: i + 1]) - r2(order[:i])
    weight, _ = voice._relative(x, y)
    assert weight == pytest.approx(mean / mean.sum(), abs=0.02)


def test_slopes_and_their_errors_equal_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = rng.integers(1, 6, (120, 3)).astype(float)
    y = x @ [1.0, 0.5, 0.0] + rng.normal(size=120) * x[:, 0]
    slope, error = voice._slopes(x, y)
    fitted = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC3")
    assert slope == pytest.approx(fitted.params[1:])
    assert error == pytest.approx(fitted.bse[1:])


def test_holm_equals_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    from ldresearch.models._holm import holm

    p = np.random.default_rng(4).uniform(0, 0.2, 12)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_welch_equals_scipy() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(5)
    a, b = rng.poisson(4, 30), rng.poisson(2, 50)
    frame = pd.DataFrame({"score": [10] * 30 + [1] * 50, "before": 0.0, "after": [*a, *b]})
    e = voice.behaviour(frame).estimate("voice_gap")
    low, high = ttest_ind(a, b, equal_var=False).confidence_interval()
    assert [e.low, e.high] == pytest.approx([low, high])
