"""Random-effects pooling with few studies: heterogeneity, Hartung-Knapp, prediction.

Numbers equal R's metafor; what is written here is short, and the library at hand does not truncate
a negative variance between studies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ldresearch.models._frame import Floats

_WIDEST = 1e6
"""Variances between studies are sought up to this many times the largest within."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect and what it rests on.

    Attributes
    ----------
    mean, se : float
        Pooled effect; its standard error (Hartung-Knapp, with the guard where asked for).
    se_plain : float
        Standard error as if the variance between studies were known.
    low, high : float
        95 % interval from t with k - 1 degrees of freedom.
    p : float
    tau2, tau2_low, tau2_high : float
        Variance between studies; its interval by the Q-profile.
    q, q_p, i2 : float
        Cochran's Q, its p-value, and the share of variance that lies between studies (0 to 1).
    predicted_low, predicted_high : float
        Where the effect of the next study would lie, 95 %.
    weights : ndarray
        Share of each study in the pooled effect.
    """

    mean: float
    se: float
    se_plain: float
    low: float
    high: float
    p: float
    tau2: float
    tau2_low: float
    tau2_high: float
    q: float
    q_p: float
    i2: float
    predicted_low: float
    predicted_high: float
    weights: Floats


def random_effects(
    effect: Floats, se: Floats, *, method: str = "dl", is_guarded: bool = True
) -> Pooled:
    """Pool effects of two studies or more.

    Parameters
    ----------
    effect, se : ndarray of shape (k,)
        ``k >= 2``, ``se > 0``.
    method : {"dl", "reml", "pm"}
        DerSimonian-Laird, restricted maximum likelihood, Paule-Mandel.
    is_guarded : bool
        Never let Hartung-Knapp make the interval narrower than with a known variance:
        its factor is at least 1.

    References
    ----------
    Hartung J, Knapp G (2001). Stat Med 20:3875-3889. Roever C, Knapp G, Friede T (2015). BMC Med
    Res Methodol 15:99 (the guard). Viechtbauer W (2007). Stat Med 26:37-52 (Q-profile).
    """
    from scipy.special import chdtrc, stdtr, stdtrit

    variance = se**2
    k = len(effect)
    tau2 = _TAU2[method](effect, variance)
    weight = 1 / (variance + tau2)
    mean = float(weight @ effect / weight.sum())
    se_plain = math.sqrt(1 / float(weight.sum()))
    factor = math.sqrt(float(weight @ (effect - mean) ** 2) / (k - 1))
    used = max(factor, 1.0) if is_guarded else factor
    se_used = se_plain * used
    point = float(stdtrit(k - 1, 0.975))
    q = _q(effect, variance, 0.0)
    spread = point * math.sqrt(tau2 + se_used**2)
    low, high = _q_profile(effect, variance)
    fixed = 1 / variance
    typical = (k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum())
    return Pooled(
        mean=mean,
        se=se_used,
        se_plain=se_plain,
        low=mean - point * se_used,
        high=mean + point * se_used,
        p=float(2 * stdtr(k - 1, -abs(mean) / se_used)) if se_used > 0 else math.nan,
        tau2=tau2,
        tau2_low=low,
        tau2_high=high,
        q=q,
        q_p=float(chdtrc(k - 1, max(q, 0.0))),
        i2=float(tau2 / (tau2 + typical)),
        predicted_low=mean - spread,
        predicted_high=mean + spread,
        weights=weight / weight.sum(),
    )


def _q(effect: Floats, variance: Floats, tau2: float) -> float:
    """Return the weighted sum of squares about the pooled effect; falls as ``tau2`` grows."""
    weight = 1 / (variance + tau2)
    mean = weight @ effect / weight.sum()
    return float(weight @ (effect - mean) ** 2)


def _dersimonian_laird(effect: Floats, variance: Floats) -> float:
    weight = 1 / variance
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    return max(0.0, (_q(effect, variance, 0.0) - (len(effect) - 1)) / float(scale))


def _paule_mandel(effect: Floats, variance: Floats) -> float:
    return _tau2_where_q_is(effect, variance, len(effect) - 1)


def _restricted_likelihood(effect: Floats, variance: Floats) -> float:
    from scipy.optimize import minimize_scalar

    def deviance(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        return float(-np.log(weight).sum() + math.log(weight.sum()) + _q(effect, variance, tau2))

    top = max(float(np.var(effect)) * 10, float(variance.max()))
    found = minimize_scalar(
        deviance, bounds=(0.0, top), method="bounded", options={"xatol": 1e-12 * (1 + top)}
    )
    return 0.0 if deviance(0.0) <= found.fun else float(found.x)


_TAU2: dict[str, Callable[[Floats, Floats], float]] = {
    "dl": _dersimonian_laird,
    "pm": _paule_mandel,
    "reml": _restricted_likelihood,
}
METHODS = tuple(_TAU2)


def _tau2_where_q_is(effect: Floats, variance: Floats, target: float) -> float:
    """Return the variance between studies at which Q takes a value; 0 where Q is below it."""
    from scipy.optimize import brentq

    if _q(effect, variance, 0.0) <= target:
        return 0.0
    top = float(variance.max() + np.var(effect)) or 1.0
    for _ in range(60):
        if _q(effect, variance, top) < target:
            return float(brentq(lambda x: _q(effect, variance, x) - target, 0.0, top, xtol=1e-14))
        if top > _WIDEST * float(variance.max()):
            return math.inf
        top *= 4
    return math.inf


def _q_profile(effect: Floats, variance: Floats) -> tuple[float, float]:
    from scipy.stats import chi2

    df = len(effect) - 1
    return (
        _tau2_where_q_is(effect, variance, float(chi2.ppf(0.975, df))),
        _tau2_where_q_is(effect, variance, float(chi2.ppf(0.025, df))),
    )
