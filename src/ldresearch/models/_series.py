"""One interrupted series: level and slope before and after, with errors that are alike in a row.

Errors follow AR(1). Its strength is never known in short series, and taking an estimate for the
truth makes intervals too narrow; so the restricted likelihood weighs every strength, and the
interval is that of the mixture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ldresearch.models._frame import Floats

MIN_BEFORE, MIN_AFTER = 8, 4
"""Fewest periods before and after. Penfold & Zhang (2013) ask for eight before."""
_GRID = np.linspace(-0.5, 0.99, 75)
_TERMS = ("level_change", "slope_change")


def refused(time: Floats, y: Floats, start: float, season: int) -> str:
    """Say why a series cannot be told from its past, in one sentence; empty where it can."""
    if len(np.unique(time)) < len(time):
        return "a period appears twice: add the rows of a period up first"
    if (time != np.round(time)).any():
        return "periods must be whole numbers"
    n_before, n_after = int((time < start).sum()), int((time >= start).sum())
    need = max(MIN_BEFORE, season + 4 if season > 1 else 0)
    if n_before < need or n_after < MIN_AFTER:
        return (
            f"{n_before} periods were seen before the launch and {n_after} after it, and a change "
            f"can be told from {need} before and {MIN_AFTER} after"
        )
    if float(np.ptp(y)) == 0:
        return "the outcome is the same in every period"
    design, _ = _design(time, start, season)
    if float(_residual(design, y) @ _residual(design, y)) <= 1e-18 * float(y @ y):
        return "the series lies on a straight line, so there is no error to judge a change by"
    return ""


def _residual(design: Floats, y: Floats) -> Floats:
    found: Floats = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return found


@dataclass(frozen=True, slots=True)
class Fit:
    """An interrupted series, fitted.

    Attributes
    ----------
    rho : float
        Autocorrelation, mean of its weights.
    terms : dict
        Value and 95 % interval of ``level_change``, ``slope_change`` and ``mean_change``.
    fitted : ndarray of shape (n_periods,)
    expected, expected_low, expected_high : ndarray of shape (n_periods,)
        Had the line before gone on.
    """

    rho: float
    terms: dict[str, tuple[float, float, float]]
    fitted: Floats
    expected: Floats
    expected_low: Floats
    expected_high: Floats

    def term(self, name: str) -> tuple[float, float, float]:
        """Return value, low and high of one term."""
        return self.terms[name]


def _design(time: Floats, start: float, season: int) -> tuple[Floats, Floats]:
    """Return the columns of the regression, and the same had there been no launch."""
    since = time - start
    after = (since >= 0).astype(float)
    columns = [np.ones(len(time)), since, after, after * since]
    if season > 1:
        phase = np.mod(time, season)
        columns += [(phase == k).astype(float) for k in range(1, season)]
    design = np.column_stack(columns)
    without = design.copy()
    without[:, 2:4] = 0.0
    return design, without


@dataclass(frozen=True, slots=True)
class Gls:
    """Generalised least squares at one autocorrelation; covariance with the scale estimated."""

    beta: Floats
    covariance: Floats
    log_likelihood: float


def gls(time: Floats, design: Floats, y: Floats, rho: float) -> Gls:
    """Fit at a known autocorrelation; gaps between periods are allowed for.

    Parameters
    ----------
    time : ndarray of shape (n,)
        Whole, increasing.
    design : ndarray of shape (n, p)
    y : ndarray of shape (n,)
    rho : float
    """
    gap = np.diff(time)
    keep = rho**gap
    scale = np.sqrt(1 - keep**2)

    def white(z: Floats) -> Floats:
        step = (z[1:].T - keep * z[:-1].T) / scale
        found: Floats = np.concatenate([z[:1], step.T])
        return found

    x, v = white(design), white(y)
    gram = x.T @ x
    beta = np.linalg.solve(gram, x.T @ v)
    residual = v - x @ beta
    rss, df = float(residual @ residual), len(y) - design.shape[1]
    _, logdet = np.linalg.slogdet(gram)
    log_likelihood = -(float(np.log(scale).sum()) + 0.5 * float(logdet) + 0.5 * df * math.log(rss))
    return Gls(beta, np.linalg.inv(gram) * rss / df, log_likelihood)


def interrupted(time: Floats, y: Floats, start: float, season: int = 0) -> Fit:
    """Fit level and slope before and after.

    Parameters
    ----------
    time, y : ndarray of shape (n,)
        In order of time.
    start : float
        First period after the launch.
    season : int
        Periods of a season; 0 for none.
    """
    from scipy.special import stdtrit

    design, without = _design(time, start, season)
    df = len(y) - design.shape[1]
    fits = [gls(time, design, y, float(rho)) for rho in _GRID]
    log = np.array([f.log_likelihood for f in fits])
    weight = np.exp(log - log.max())
    weight = weight / weight.sum()
    betas = np.array([f.beta for f in fits])
    after = time >= start
    contrasts = np.zeros((3, design.shape[1]))
    contrasts[0, 2] = contrasts[1, 3] = contrasts[2, 2] = 1.0
    contrasts[2, 3] = float((time[after] - start).mean())
    terms = {}
    for name, c in zip((*_TERMS, "mean_change"), contrasts, strict=True):
        means = betas @ c
        errors = np.sqrt([c @ f.covariance @ c for f in fits])
        terms[name] = (
            float(weight @ means),
            _quantile(0.025, weight, means, errors, df),
            _quantile(0.975, weight, means, errors, df),
        )
    lines = betas @ without.T
    expected = weight @ lines
    within = np.array([np.einsum("ij,jk,ik->i", without, f.covariance, without) for f in fits])
    error = np.sqrt(weight @ (within + (lines - expected) ** 2))
    half = float(stdtrit(df, 0.975)) * error
    return Fit(
        float(weight @ _GRID), terms, weight @ (betas @ design.T), expected,
        expected - half, expected + half,
    )  # fmt: skip


def _quantile(level: float, weight: Floats, means: Floats, errors: Floats, df: int) -> float:
    """Quantile of a mixture of t distributions, by bisection."""
    from scipy.special import stdtr

    reach = 400 * float(errors.max())
    low, high = float(means.min()) - reach, float(means.max()) + reach
    for _ in range(80):
        middle = (low + high) / 2
        if float(weight @ stdtr(df, (middle - means) / errors)) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
