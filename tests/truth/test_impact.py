"""Effects in made-up worlds: intervals cover with few teams, and with what is adjusted for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import impact


def world(
    rng: np.random.Generator, treated: int, control: int, effect: float, *, likeness: float = 0.3
) -> pd.DataFrame:
    """Teams of 5 to 40 people with ups and downs of their own."""
    k = treated + control
    size = rng.integers(5, 40, k)
    team = np.repeat(np.arange(k), size)
    given = team < treated
    n = len(team)
    before = rng.normal(size=n) + rng.normal(size=k)[team]
    after = before + 0.2 + effect * given + likeness * rng.normal(size=k)[team] + rng.normal(size=n)
    return pd.DataFrame(
        {"cluster": team, "arm": np.where(given, "treated", "control"), "before": before,
         "after": after}
    )  # fmt: skip


def coverage(model: str, treated: int, control: int, runs: int, seed: int) -> tuple[float, float]:
    """Share of intervals that hold the effect; and of re-assignments that reject a true nought."""
    rng = np.random.default_rng(seed)
    inside = rejected = 0
    for _ in range(runs):
        found = getattr(impact, model)(world(rng, treated, control, 0.4))
        e = found.estimates[0]
        inside += e.low <= 0.4 <= e.high
        if model == "difference_in_differences":
            null = impact.difference_in_differences(world(rng, treated, control, 0.0))
            rejected += null.frame["p_reassigned"].iloc[-1] <= 0.05
    return inside / runs, rejected / runs


def test_intervals_cover_with_few_teams() -> None:
    inside, rejected = coverage("difference_in_differences", 4, 6, 80, seed=1)
    assert 0.89 <= inside <= 1.0
    assert rejected <= 0.125


@pytest.mark.slow
@pytest.mark.parametrize(("treated", "control"), [(2, 6), (4, 6), (10, 10)])
@pytest.mark.parametrize("model", ["difference_in_differences", "adjusted"])
def test_intervals_cover_in_many_worlds(
    model: str, treated: int, control: int, capsys: pytest.CaptureFixture[str]
) -> None:
    inside, rejected = coverage(model, treated, control, 1000, seed=2)
    with capsys.disabled():
        print(
            f"\n{model}, {treated} against {control}: covers {inside:.3f}, rejects {rejected:.3f}"
        )
    assert 0.93 <= inside <= 0.985
    assert rejected <= 0.07


def test_adjustment_removes_a_confounder_that_is_known() -> None:
    """People who were ahead joined: the raw difference misleads, the adjusted one does not."""
    rng = np.random.default_rng(3)
    inside = raw = 0
    for _ in range(100):
        before = rng.normal(size=300)
        given = rng.random(300) < 1 / (1 + np.exp(-before))
        frame = pd.DataFrame({"arm": np.where(given, "treated", "control"), "before": before})
        frame["after"] = 0.5 * before + 0.3 * given + rng.normal(size=300)
        e = impact.adjusted(frame).estimates[0]
        inside += e.low <= 0.3 <= e.high
        e = impact.adjusted(frame, covariates=[]).estimates[0]
        raw += e.low <= 0.3 <= e.high
    assert inside >= 89
    assert raw <= 30
