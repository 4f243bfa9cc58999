"""Roll-outs simulated on a panel of units by weeks; every estimate is linear in the panel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Floats

DETECTABLE: Final = 1.959963984540054 + 0.8416212335729143
"""Effects of so many standard errors are found with 80 % chance at 5 %."""


def shrinkage(panel: Floats) -> tuple[float, float]:
    """Return how far unit means are taken out, and the share of variance that is theirs.

    Variance components by analysis of variance after the week effects. The first number is that
    of the random-effects transformation: 0 where units are alike, 1 where only changes within
    units count.
    """
    units, weeks = panel.shape
    rest = panel - panel.mean(axis=0)
    means = rest.mean(axis=1)
    noise = float(np.sum((rest - means[:, None]) ** 2)) / ((units - 1) * (weeks - 1))
    between = max(float(np.sum(means**2)) / (units - 1) - noise / weeks, 0.0)
    if noise + between == 0:
        return 0.0, 0.0
    theta = 1.0 - np.sqrt(noise / (noise + weeks * between))
    return float(theta), between / (between + noise)


def assignments(
    rng: np.random.Generator, design: str, units: int, weeks: int, baseline: int, steps: int,
    hold_out: float, how_many: int,
) -> Floats:  # fmt: skip
    """Return ``how_many`` random plans: 1 where a unit is treated in a week."""
    first = np.full(units, weeks)
    if design == "stepped_wedge":
        # Spread evenly: the last step still leaves a week in which all are treated.
        starts = baseline + np.floor(np.arange(steps) * (weeks - baseline) / steps).astype(int)
        first = starts[np.arange(units) * steps // units]
    else:
        waiting = units // 2 if design == "parallel" else max(round(hold_out * units), 1)
        first[: units - min(waiting, units - 1)] = baseline
    order = rng.permuted(np.tile(first, (how_many, 1)), axis=1)
    plans: Floats = (np.arange(weeks) >= order[:, :, None]).astype(float)
    return plans


def _transformed(plans: Floats, theta: float) -> Floats:
    """Take week means out, then unit means by the share theta; twice, since both sides are."""
    rest = plans - plans.mean(axis=1, keepdims=True)
    moved: Floats = rest - (1 - (1 - theta) ** 2) * rest.mean(axis=2, keepdims=True)
    return moved


def rejections(
    rng: np.random.Generator, panel: Floats, plans: Floats, theta: float, effect: float,
    alpha: float, simulations: int,
) -> tuple[NDArray[np.bool_], float]:  # fmt: skip
    """Simulate the design; return which simulations found the effect and the estimate's spread.

    With M the transformation, the estimate of a plan D on a panel Y is ``D'M Y / D'M D``.
    """
    how_many, units, weeks = plans.shape
    moved = _transformed(plans, theta)
    own = np.einsum("rgt,rgt->r", moved, plans)
    flat = (moved / own[:, None, None]).reshape(how_many, units * weeks)
    # Units drawn with replacement vary less than new ones would: this makes up for it.
    middle = panel.mean(axis=0)
    wider = middle + (panel - middle) * np.sqrt(units / (units - 1))
    drawn = wider[rng.integers(0, units, (simulations, units))]
    chosen = rng.integers(0, how_many, simulations)
    treated = plans[chosen]
    # Estimates of every plan on every panel, without the effect and what the effect adds.
    none = drawn.reshape(simulations, -1) @ flat.T
    added = effect * (treated.reshape(simulations, -1) @ flat.T)
    all_plans = np.abs(none + added)
    own_estimate = all_plans[np.arange(simulations), chosen]
    p = np.mean(all_plans >= own_estimate[:, None] * (1 - 1e-12), axis=1)
    return p <= alpha, float(none.std())
