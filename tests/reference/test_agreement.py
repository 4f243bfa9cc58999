"""Agreement against printed numbers and another library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ldresearch.models import _agreement

# Shrout & Fleiss 1979, table 2: six things rated by four judges.
RATINGS = np.array([
    [9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7],
], dtype=float)  # fmt: skip

# Their coefficients, and the intervals that psych::ICC of R prints for them.
PRINTED = {
    "1,1": (0.17, -0.13, 0.72), "2,1": (0.29, 0.02, 0.76), "3,1": (0.71, 0.34, 0.95),
    "1,k": (0.44, -0.88, 0.91), "2,k": (0.62, 0.07, 0.93), "3,k": (0.91, 0.68, 0.99),
}  # fmt: skip


@pytest.mark.parametrize("which", PRINTED)
def test_shrout_and_fleiss(which: str) -> None:
    found = _agreement.intraclass(RATINGS)[which]
    assert (found.value, found.low, found.high) == pytest.approx(PRINTED[which], abs=0.0051)


def test_two_sources_as_two_judges_and_as_kappa() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(1, 6, 300)
    y = np.clip(x + rng.integers(-1, 3, 300), 1, 5)
    found = _agreement.pairs(x.astype(float), y.astype(float), np.arange(300))
    table = _agreement.intraclass(np.stack([x, y], axis=1).astype(float))
    assert found["same"].value == pytest.approx(table["2,1"].value, abs=1e-12)
    assert found["order"].value == pytest.approx(table["3,1"].value, abs=1e-12)
    kappa = cohen_kappa_score(x, y, weights="quadratic")
    assert found["kappa"].value == pytest.approx(kappa, abs=1e-12)


def test_intervals_hold_where_skills_of_a_person_go_together() -> None:
    """True ICC(2,1) .5556 and ICC(3,1) .5970, from the variances of the simulation."""
    hits, runs = np.zeros(2), 200
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(150), 4)
        level = rng.normal(0, 0.1, 150)[person] + rng.normal(0, 0.1, 600)
        x = level + rng.normal(0, 0.1, 600) - rng.normal(0, 0.05, 150)[person]
        y = level + 0.05 + rng.normal(0, 0.12, 600)
        found = _agreement.pairs(x, y, person)
        total = 2 * 0.02 + 0.01 + 0.0025 + 0.0144
        for i, (name, true) in enumerate(
            (("same", 0.04 / (total + 0.0025)), ("order", 0.04 / total))
        ):
            hits[i] += found[name].low <= true <= found[name].high
    assert (hits / runs >= 0.92).all()
