"""Numbers behind confidence sequences: moments that grow look by look, and their half-widths.

Arrays end in one axis a look; what stands before it is free, so that thousands of simulated
initiatives go through the same lines as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ldresearch.models._frame import Floats


def tightest(alpha: float) -> float:
    """Return the ratio of mixing variance to squared error that makes the sequence narrowest.

    The half-width over its standard error is ``sqrt((1 + 1/x) log((1 + x) / alpha**2))``; its
    minimum over x is where ``x = log((1 + x) / alpha**2)``.

    Examples
    --------
    >>> round(tightest(0.05), 4)
    8.212
    """
    x = -2 * math.log(alpha)
    for _ in range(100):
        x = math.log1p(x) - 2 * math.log(alpha)
    return x


def half_width(se: Floats, tau: Floats | float, alpha: float) -> Floats:
    """Return half the width of the normal-mixture confidence sequence.

    Parameters
    ----------
    se : ndarray
        Standard error of the estimate at each look.
    tau : float or ndarray
        Standard deviation of the mixing distribution, on the scale of the estimate.
    alpha : float
        Chance of ever missing the truth.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (tau / se) ** 2
        wide = se * np.sqrt((1 + 1 / x) * (np.log1p(x) - 2 * math.log(alpha)))
    out: Floats = np.where(se > 0, wide, np.where(np.isnan(se), np.nan, 0.0))
    return out


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known of one arm at each look.

    Attributes
    ----------
    n : ndarray of shape (..., n_looks)
    mean : ndarray of shape (..., n_looks, q)
        Of the outcome, then of each covariate.
    scatter : ndarray of shape (..., n_looks, q, q)
        Sums of squares and products about the mean.
    """

    n: Floats
    mean: Floats
    scatter: Floats


def moments(columns: Floats, look: Floats, n_looks: int) -> Moments:
    """Add up rows look by look.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, q)
        Outcome, then covariates; best centred before, so that nothing cancels.
    look : ndarray of int of shape (n_rows,)
        At which look the row became known.
    n_looks : int
    """
    q = columns.shape[1]
    n = np.cumsum(np.bincount(look, minlength=n_looks)).astype(float)
    total = np.empty((n_looks, q))
    cross = np.empty((n_looks, q, q))
    for i in range(q):
        total[:, i] = np.cumsum(np.bincount(look, columns[:, i], minlength=n_looks))
        for j in range(i, q):
            product = columns[:, i] * columns[:, j]
            cross[:, i, j] = np.cumsum(np.bincount(look, product, minlength=n_looks))
            cross[:, j, i] = cross[:, i, j]
    return centred(n, total, cross)


def centred(n: Floats, total: Floats, cross: Floats) -> Moments:
    """Turn running sums into means and scatter about them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n[..., None]
        scatter = cross - total[..., :, None] * mean[..., None, :]
    return Moments(n, mean, scatter)


@dataclass(frozen=True, slots=True)
class Contrast:
    """Estimate and standard error at each look, and the slopes on covariates."""

    estimate: Floats
    se: Floats
    slope: Floats


def slopes(scatter: Floats) -> Floats:
    """Regress the outcome on the covariates within arms; a covariate that is constant gets 0."""
    xx, xy = scatter[..., 1:, 1:], scatter[..., 1:, 0]
    if xx.shape[-1] == 0:
        return np.zeros(xy.shape)
    if xx.shape[-1] == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            one = xy / xx[..., 0]
        slope: Floats = np.where(xx[..., 0] > 0, one, 0.0)
        return slope
    usable = np.where(np.isfinite(xx), xx, 0.0)
    right = np.where(np.isfinite(xy), xy, 0.0)
    several: Floats = np.einsum("...ij,...j->...i", np.linalg.pinv(usable), right)
    return several


def _leverage(xx: Floats, apart: Floats) -> Floats:
    """How far covariates lie apart, in units of what is known of their slopes."""
    if xx.shape[-1] == 1:
        return np.where(xx[..., 0, 0] > 0, apart[..., 0] ** 2 / xx[..., 0, 0], 0.0)
    xx, apart = (np.where(np.isfinite(v), v, 0.0) for v in (xx, apart))
    lever: Floats = np.einsum("...i,...ij,...j->...", apart, np.linalg.pinv(xx), apart)
    return lever


def difference(treated: Moments, control: Moments) -> Contrast:
    """Return the difference of two means, adjusted for covariates with one slope in both arms.

    The error allows for unequal variances and for covariates that lie apart by chance.
    """
    slope = slopes(treated.scatter + control.scatter)
    apart = treated.mean - control.mean
    estimate = apart[..., 0] - np.sum(slope * apart[..., 1:], axis=-1)
    q = apart.shape[-1]
    variance = np.zeros(estimate.shape)
    pooled = np.zeros(estimate.shape)
    direction = np.concatenate([np.ones((*slope.shape[:-1], 1)), -slope], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for arm in (treated, control):
            left = np.einsum("...i,...ij,...j->...", direction, arm.scatter, direction)
            left = np.maximum(left, 0.0)
            pooled = pooled + left
            variance = variance + left / (arm.n - 1) / arm.n
        if q > 1:
            freedom = treated.n + control.n - 2
            lever = _leverage((treated.scatter + control.scatter)[..., 1:, 1:], apart[..., 1:])
            variance = (variance + lever * pooled / freedom) * freedom / (freedom - q + 1)
    known = (treated.n > 1) & (control.n > 1)
    return Contrast(
        np.where(known, estimate, np.nan), np.where(known, np.sqrt(variance), np.nan), slope
    )


def mean(arm: Moments) -> Contrast:
    """Return the mean of the outcome and its standard error at each look."""
    with np.errstate(divide="ignore", invalid="ignore"):
        se = np.sqrt(np.maximum(arm.scatter[..., 0, 0], 0.0) / (arm.n - 1) / arm.n)
    known = arm.n > 1
    return Contrast(
        np.where(known, arm.mean[..., 0], np.nan), np.where(known, se, np.nan), np.empty(0)
    )


def clustered(
    columns: Floats, look: Floats, cluster: Floats, arm: Moments, slope: Floats
) -> tuple[Floats, Floats]:
    """Return the squared error of one arm's adjusted mean, robust to likeness within clusters.

    Returns
    -------
    variance, n_clusters : ndarray of shape (n_looks,)
    """
    n_looks, n_clusters, q = len(arm.n), int(cluster.max()) + 1, columns.shape[1]
    place = look * n_clusters + cluster
    size = n_looks * n_clusters

    def running(weights: Floats | None) -> Floats:
        sums = np.bincount(place, weights, minlength=size).reshape(n_looks, n_clusters)
        return np.cumsum(sums, axis=0)

    n = running(None)
    totals = np.stack([running(columns[:, i]) for i in range(q)], axis=-1)
    residual = totals - n[..., None] * arm.mean[:, None, :]
    direction = np.concatenate([np.ones((n_looks, 1)), -slope], axis=-1)
    score = np.einsum("lcq,lq->lc", residual, direction)
    there = (n > 0).sum(axis=1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = there / (there - 1) * np.sum(score**2, axis=1) / arm.n**2
    return variance, there
