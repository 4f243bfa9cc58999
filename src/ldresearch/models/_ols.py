"""Least squares whose errors allow for few and unequal clusters (CR2, Satterthwaite's t).

Bell and McCaffrey (2002), as in Imbens and Kolesar (2016) and Pustejovsky and Tipton (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Floats

_LEAST = 1e-9
"""What the fit leaves of a row or cluster; below this it alone decides a coefficient."""


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
    root = np.linalg.cholesky(bread)
    scores, moved, is_identified = _scores(x, residual, cluster, root)
    covariance = bread @ (scores.T @ scores) @ bread
    freedom = _satterthwaite(x, moved @ bread, cluster, bread)
    return Fit(beta, np.sqrt(np.diag(covariance)), freedom, plain, n - k, is_identified)


def _scores(
    x: Floats, residual: Floats, cluster: NDArray[np.intp], root: Floats
) -> tuple[Floats, Floats, bool]:
    """Return each cluster's score, the rows moved by the inverse root of what the fit leaves them.

    The hat block of a cluster is Z Z' with Z = X_g L; its inverse root acts within Z's columns.
    """
    place = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    size = np.bincount(place)
    alone = size[place] == 1
    moved, pulled = x.copy(), residual.copy()
    left = 1.0 - np.sum((x @ root) ** 2, axis=1)
    is_identified = bool((left[alone] > _LEAST).all())
    scale = np.where(left > _LEAST, 1.0 / np.sqrt(np.maximum(left, _LEAST)), 0.0)[alone]
    moved[alone] *= scale[:, None]
    pulled[alone] *= scale
    rest = np.flatnonzero(~alone)
    order = rest[np.argsort(place[rest], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(place[order])) + 1) if len(order) else []:
        u, s, _ = np.linalg.svd(x[rows] @ root, full_matrices=False)
        gap = 1.0 - s**2
        is_identified &= bool((gap > _LEAST).all())
        scale = np.where(gap > _LEAST, 1.0 / np.sqrt(np.maximum(gap, _LEAST)), 0.0) - 1.0
        moved[rows] += u @ (scale[:, None] * (u.T @ x[rows]))
        pulled[rows] += u @ (scale * (u.T @ residual[rows]))
    return _summed(x * pulled[:, None], place), moved, is_identified


def _summed(rows: Floats, place: NDArray[np.intp]) -> Floats:
    """Add rows up by cluster."""
    columns = [np.bincount(place, weights=column) for column in rows.T]
    return np.column_stack(columns)


def _satterthwaite(x: Floats, a: Floats, cluster: NDArray[np.intp], bread: Floats) -> Floats:
    """Degrees of freedom of each coefficient's variance, were errors alike and independent."""
    place = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    weight = _summed(a**2, place)
    freedom = np.empty(a.shape[1])
    for term in range(a.shape[1]):
        d, v = weight[:, term], _summed(x * a[:, term : term + 1], place)
        own = np.einsum("gi,ij,gj->g", v, bread, v)
        cross = v.T @ v @ bread
        squared = float(np.sum(d**2) - 2 * np.sum(d * own) + np.trace(cross @ cross))
        freedom[term] = float(np.sum(d - own)) ** 2 / squared if squared > 0 else np.nan
    return freedom
