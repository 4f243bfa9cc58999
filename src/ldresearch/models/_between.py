"""Effects of several groups read side by side, drawn towards each other as far as they are alike.

The largest of many effects is largest partly by chance. How much groups differ is not known with
few of them, so it is integrated over, not estimated.
"""

from __future__ import annotations

import numpy as np

from ldresearch.models._frame import Floats

_FEWEST = 3
_GRID = 400


def shrunk(effect: Floats, se: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the posterior mean of each group's effect and its 95 % interval.

    Effects are normal about a common mean; the prior is flat in that mean and in the standard
    deviation between groups. Fewer than three groups are left as they are.

    Parameters
    ----------
    effect, se : ndarray
        ``se > 0``.

    References
    ----------
    Gelman A, Carlin JB, Stern HS, Dunson DB, Vehtari A, Rubin DB (2013). Bayesian Data Analysis,
    3rd ed., section 5.4.

    Examples
    --------
    Coaching in eight schools: the best of them is not believed to be so good.

    >>> import numpy as np
    >>> effect = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    >>> se = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    >>> mean, low, high = shrunk(effect, se)
    >>> bool(9 < mean[0] < 13)
    True
    """
    from scipy.special import ndtri

    if len(effect) < _FEWEST:
        point = ndtri(0.975)
        return effect, effect - point * se, effect + point * se
    variance = se**2
    top = 10 * max(float(effect.std(ddof=1)), float(se.mean()))
    between = np.linspace(0, 1, _GRID) ** 2 * top
    width = np.gradient(between)
    weight = 1 / (variance + between[:, None] ** 2)
    total = weight.sum(axis=1)
    middle = weight @ effect / total
    log = 0.5 * (np.log(weight).sum(axis=1) - np.log(total))
    log = log - 0.5 * (weight * (effect - middle[:, None]) ** 2).sum(axis=1)
    chance = np.exp(log - log.max()) * width
    chance = chance / chance.sum()
    # Given the spread: each effect between its own estimate and the common mean.
    pull = variance * weight
    mean = (1 - pull) * effect + pull * middle[:, None]
    spread = np.sqrt((1 - pull) * variance + pull**2 / total[:, None])
    low, high = (_quantile(level, mean, spread, chance) for level in (0.025, 0.975))
    return chance @ mean, low, high


def _quantile(level: float, mean: Floats, spread: Floats, chance: Floats) -> Floats:
    """Quantiles of mixtures of normal distributions, one a column, by bisection."""
    from scipy.special import ndtr

    low = (mean - 10 * spread).min(axis=0)
    high = (mean + 10 * spread).max(axis=0)
    safe = np.maximum(spread, 1e-12)
    for _ in range(60):
        middle = (low + high) / 2
        is_below = chance @ ndtr((middle - mean) / safe) < level
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)
