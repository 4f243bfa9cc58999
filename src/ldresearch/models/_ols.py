"""Least squares whose errors allow for few and unequal clusters (CR2, Satterthwaite's t).

Bell and McCaffrey (2002), as in Imbens and Kolesar (2016) and Pustejovsky and Tipton (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients, their errors robust to likeness within clusters, and the usual ones.

    Attributes
    ----------
    beta, se, freedom : ndarray of shape (n_terms,)
        ``freedom`` are Satterthwaite's degrees for ``se``.
    plain_se : ndarray of shape (n_terms,)
        The usual ones, which sensitivity to confounding is reckoned with.
    residual_freedom : int
    is_identified : bool
        Whether no cluster alone decides a coefficient.
    """

    beta: Floats
    se: Floats
    freedom: Floats
    plain_se: Floats
    residual_freedom: int
    is_identified: bool


def fit(x: Floats, y: Floats, cluster: NDArray[np.intp]) -> Fit | None:
    """Fit ``y`` on ``x``; ``None`` where columns are collinear or rows too few."""
    n, k = x.shape
    if n <= k or np.linalg.matrix_rank(x) < k:
        return None
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ y)
    residual = y - x @ beta
    plain = np.sqrt(np.diag(bread) * float(residual @ residual) / (n - k))
    order = np.argsort(cluster, kind="stable")
    edges = np.flatnonzero(np.diff(cluster[order])) + 1
    root = np.linalg.cholesky(bread)
    meat = np.zeros((k, k))
    weight, pull = [], []
    is_identified = True
    for rows in np.split(order, edges):
        own = x[rows]
        # The hat block is Z Z' with Z = X_g L; its inverse root acts within Z's columns alone.
        u, s, _ = np.linalg.svd(own @ root, full_matrices=False)
        left = 1.0 - s**2
        is_identified &= bool((left > 1e-9).all())
        scale = np.where(left > 1e-9, 1.0 / np.sqrt(np.maximum(left, 1e-12)), 0.0) - 1.0
        score = own.T @ (residual[rows] + u @ (scale * (u.T @ residual[rows])))
        meat += np.outer(score, score)
        moved = own + u @ (scale[:, None] * (u.T @ own))
        a = moved @ bread
        weight.append(np.sum(a**2, axis=0))
        pull.append(own.T @ a)
    covariance = bread @ meat @ bread
    freedom = _satterthwaite(np.array(weight), np.array(pull), bread)
    return Fit(beta, np.sqrt(np.diag(covariance)), freedom, plain, n - k, is_identified)


def _satterthwaite(weight: Floats, pull: Floats, bread: Floats) -> Floats:
    """Degrees of freedom of each coefficient's variance, were errors alike and independent."""
    freedom = np.empty(weight.shape[1])
    for term in range(weight.shape[1]):
        d, v = weight[:, term], pull[:, :, term]
        own = np.einsum("gi,ij,gj->g", v, bread, v)
        cross = v.T @ v @ bread
        squared = float(np.sum(d**2) - 2 * np.sum(d * own) + np.trace(cross @ cross))
        freedom[term] = float(np.sum(d - own)) ** 2 / squared if squared > 0 else np.nan
    return freedom
