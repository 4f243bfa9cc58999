"""Plans in made-up worlds: as many find the effect as was promised."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ldresearch.models import power as p


def n_of(share: float, mde: float, **how: float) -> int:
    return int(p.two_proportions(share, mde, power=0.8, **how).frame["n_control"].iloc[0])


def test_the_test_of_two_shares_has_its_power() -> None:
    """20,000 trials of 1,094 an arm at 20 and 25 %; the pooled z test finds it in 80 %."""
    rng = np.random.default_rng(1)
    n = n_of(0.20, 0.05)
    a, b = rng.binomial(n, 0.20, 20_000) / n, rng.binomial(n, 0.25, 20_000) / n
    middle = (a + b) / 2
    z = np.abs(b - a) / np.sqrt(middle * (1 - middle) * 2 / n)
    assert np.mean(z > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.012)


def test_the_test_of_two_means_has_its_power() -> None:
    rng = np.random.default_rng(2)
    n = int(p.two_means(0.5, power=0.8).frame["n_control"].iloc[0])
    found = stats.ttest_ind(rng.normal(0.5, 1, (20_000, n)), rng.normal(0, 1, (20_000, n)), axis=1)
    assert np.mean(found.pvalue < 0.05) == pytest.approx(0.8, abs=0.012)


def test_adjustment_has_the_power_it_was_planned_for() -> None:
    """A correlation of .7: analysis of covariance with half the people finds it in 80 %."""
    rng = np.random.default_rng(3)
    n = int(p.two_means(0.4, power=0.8, correlation=0.7).frame["n_control"].iloc[0])
    shape = (4000, 2 * n)
    x = rng.normal(size=shape)
    y = 0.7 * x + math.sqrt(0.51) * rng.normal(size=shape)
    d = np.tile(np.arange(2 * n) % 2, (4000, 1)).astype(float)
    y += 0.4 * d
    design = np.stack([np.ones(shape), d, x], axis=-1)
    cross = np.einsum("rni,rnj->rij", design, design)
    beta = np.linalg.solve(cross, np.einsum("rni,rn->ri", design, y)[..., None])[..., 0]
    left = ((y - np.einsum("rni,ri->rn", design, beta)) ** 2).sum(axis=1) / (2 * n - 3)
    t = beta[:, 1] / np.sqrt(left * np.linalg.inv(cross)[:, 1, 1])
    found = np.mean(np.abs(t) > stats.t.ppf(0.975, 2 * n - 3))
    assert found == pytest.approx(0.8, abs=0.025)


def test_the_logrank_test_has_its_power() -> None:
    """Times without memory, hazard ratio .6: as many find it as Schoenfeld promises."""
    from ldresearch.models.survival import logrank

    rng = np.random.default_rng(4)
    share = p.event_share(0.1, follow_up=12)
    n = int(p.survival_events(0.6, power=0.8, share_control=share).frame["n_control"].iloc[0])
    hits, runs = 0, 250
    for _ in range(runs):
        times = rng.exponential(1 / np.repeat([0.1, 0.06], n))
        frame = pd.DataFrame(
            {
                "duration": np.minimum(times, 12),
                "event": times < 12,
                "arm": np.repeat(["c", "t"], n),
            }
        )
        hits += float(logrank(frame, by="arm").frame["p"].iloc[0]) < 0.05
    assert hits / runs == pytest.approx(0.8, abs=0.08)


def teams(rng: np.random.Generator, k: int, size: int, mde: float, icc: float) -> float:
    """One trial by team; p of the t test on the means of teams."""
    a = (1 - icc) / icc
    shares = [rng.beta(m * a, (1 - m) * a, k) for m in (0.20, 0.20 + mde)]
    means = [rng.binomial(size, s) / size for s in shares]
    return float(stats.ttest_ind(*means).pvalue)


@pytest.mark.parametrize(("mde", "size"), [(0.05, 50), (0.25, 20)])
def test_teams_have_the_power_they_were_planned_for(mde: float, size: int) -> None:
    """ICC .05: many teams, and few, where the allowance matters."""
    rng = np.random.default_rng(5)
    alone = float(p.two_proportions(0.20, mde, power=0.8).parameters["n_exact"] or 0)
    k = int(p.design_effect(size, 0.05, n=alone).frame["n_clusters_small"].iloc[0])
    found = np.mean([teams(rng, k, size, mde, 0.05) < 0.05 for _ in range(1500)])
    assert found == pytest.approx(0.8, abs=0.05)


# Likeness -----------------------------------------------------------------------------------


def icc_coverage(runs: int, seed: int, *, binary: bool, uneven: bool, k: int = 30) -> float:
    rng = np.random.default_rng(seed)
    inside = 0
    for _ in range(runs):
        size = rng.integers(5, 40, k) if uneven else np.full(k, 20)
        unit = np.repeat(np.arange(k), size)
        if binary:
            value = (rng.random(len(unit)) < rng.beta(3, 6, k)[unit]) * 1.0
        else:
            value = 1 / 3 * rng.normal(size=k)[unit] + rng.normal(size=len(unit))
        row = p.icc(pd.DataFrame({"unit": unit, "value": value})).frame.iloc[0]
        inside += row["low"] <= 0.1 <= row["high"]
    return inside / runs


@pytest.mark.slow
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("uneven", [False, True])
def test_intervals_of_likeness_cover(
    binary: bool, uneven: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ICC of .1, 30 teams."""
    found = icc_coverage(2000, 6, binary=binary, uneven=uneven)
    with capsys.disabled():
        print(f"\nICC, binary {binary}, uneven {uneven}: {found:.3f}")
    assert found == pytest.approx(0.95, abs=0.02)


# Designs ------------------------------------------------------------------------------------


def panel(rng: np.random.Generator, units: int = 24, n_weeks: int = 20) -> np.ndarray:
    """Means of teams and weeks: teams apart, weeks that move together, noise."""
    return (
        0.25 + 0.04 * rng.normal(size=(units, 1)) + 0.01 * rng.normal(size=n_weeks)
        + 0.08 * rng.normal(size=(units, n_weeks))
    )  # fmt: skip


def as_frame(means: np.ndarray) -> pd.DataFrame:
    unit, week = np.indices(means.shape)
    return pd.DataFrame(
        {"unit": unit.ravel(), "week": week.ravel(), "value": means.ravel(), "weight": 20}
    )


def fresh(seed: int, effect: float, runs: int) -> dict[str, float]:
    """Power in new worlds: each drawn anew, assigned, and tested by re-assignment."""
    from ldresearch.models import _designs

    found = {}
    for one in p.DESIGNS:
        rng = np.random.default_rng(seed)
        hits = 0
        for _ in range(runs):
            means = panel(rng)
            theta, _ = _designs.shrinkage(means)
            plans = _designs.assignments(rng, one, 24, 20, 4, 4, 0.2, 200)
            moved = _designs._transformed(plans, theta)
            weight = moved / np.einsum("rgt,rgt->r", moved, plans)[:, None, None]
            estimates = np.abs(np.einsum("rgt,gt->r", weight, means + effect * plans[0]))
            hits += np.mean(estimates >= estimates[0] * (1 - 1e-12)) <= 0.05
        found[one] = hits / runs
    return found


def told(seed: int, effect: float, worlds: int) -> dict[str, float]:
    """Power as told from one world's weeks, averaged over worlds."""
    rng = np.random.default_rng(seed)
    parts = [
        p.designs(as_frame(panel(rng)), effect=effect, simulations=200, assignments=200).frame
        for _ in range(worlds)
    ]
    return dict(pd.concat(parts).groupby("design")["power"].mean())


@pytest.mark.slow
def test_designs_tell_the_power_of_new_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    came, said = fresh(7, 0.025, 1500), told(8, 0.025, 60)
    table = pd.DataFrame({"told": said, "came": came})
    with capsys.disabled():
        print("\n", table.round(3).to_string())
    assert (table["told"] - table["came"]).abs().max() < 0.06


def test_designs_hold_their_level_in_new_worlds() -> None:
    found = fresh(9, 0.0, 250)
    assert max(found.values()) <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 250)
