"""Weights that bring those who answered to the make-up of those who were asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ldresearch.models._frame import Floats

TOLERANCE: Final = 1e-7
"""Largest share by which a margin may be missed when raking has converged."""

_ROUNDS: Final = 500
_TRIMS: Final = 50


@dataclass(frozen=True, slots=True)
class Raked:
    """What raking came to.

    Attributes
    ----------
    weights : ndarray of shape (n,)
        With a mean of 1.
    rounds : int
        Passes over all margins, trimming included.
    off : float
        Largest difference between a margin's share and its target that is left.
    is_converged : bool
        Whether the margins can be met at all: raking without trimming met them.
    n_trimmed : int
        Weights at a bound.
    """

    weights: Floats
    rounds: int
    off: float
    is_converged: bool
    n_trimmed: int


def rake(
    codes: Sequence[Floats],
    targets: Sequence[Floats],
    *,
    start: Floats | None = None,
    trim: float = 0.0,
) -> Raked:
    """Fit the margins one after the other until all are met (iterative proportional fitting).

    Parameters
    ----------
    codes : sequence of ndarray of shape (n,)
        Group of each response, one array a margin.
    targets : sequence of ndarray
        Share of each group among those asked; sums to 1. Every group has a response.
    start : ndarray, optional
        Sampling weights; 1 by default.
    trim : float
        No weight is above this many times the mean, or below the mean over it; what is cut off
        is spread by raking again. 0 trims nothing.

    References
    ----------
    Deming WE, Stephan FF (1940). Ann Math Stat 11:427-444. Ireland CT, Kullback S (1968).
    Biometrika 55:179-188. Potter FJ (1990). Proc Surv Res Meth Sect ASA 225-230.

    Examples
    --------
    Half of those asked are of each kind; 3 of 4 who answered are of the first.

    >>> raked = rake([np.array([0, 0, 0, 1])], [np.array([0.5, 0.5])])
    >>> raked.weights.round(3).tolist(), raked.is_converged
    ([0.667, 0.667, 0.667, 2.0], True)
    """
    n = len(codes[0])
    weights = np.ones(n) if start is None else np.asarray(start, dtype=float) * n / np.sum(start)
    weights, rounds, off = _fit(weights, codes, targets)
    is_converged = off <= TOLERANCE
    n_trimmed = 0
    if trim > 1:
        for _ in range(_TRIMS):
            cut = np.clip(weights, 1 / trim, trim)
            n_trimmed = int((np.abs(cut - weights) > 1e-12).sum())
            if not n_trimmed:
                break
            weights, more, off = _fit(cut, codes, targets)
            rounds += more
        weights = np.clip(weights, 1 / trim, trim)
        weights = weights * n / weights.sum()
        n_trimmed = int(((weights >= trim * 0.999) | (weights <= 1.001 / trim)).sum())
        off = _off(weights, codes, targets)
    return Raked(weights, rounds, off, is_converged, n_trimmed)


def _fit(
    weights: Floats, codes: Sequence[Floats], targets: Sequence[Floats]
) -> tuple[Floats, int, float]:
    n = len(weights)
    off = _off(weights, codes, targets)
    for done in range(_ROUNDS):
        if off <= TOLERANCE:
            return weights, done, off
        for code, target in zip(codes, targets, strict=True):
            have = np.bincount(code, weights=weights, minlength=len(target))
            weights = weights * (target * n / have)[code]
        before, off = off, _off(weights, codes, targets)
        # Margins that contradict each other go round in a circle: no pass brings them nearer.
        if done > 20 and off > TOLERANCE and abs(before - off) < 1e-3 * TOLERANCE:
            return weights, done + 1, off
    return weights, _ROUNDS, off


def _off(weights: Floats, codes: Sequence[Floats], targets: Sequence[Floats]) -> float:
    total = weights.sum()
    return max(
        float(
            np.abs(np.bincount(code, weights=weights, minlength=len(target)) / total - target).max()
        )
        for code, target in zip(codes, targets, strict=True)
    )


def design_effect(weights: Floats) -> float:
    """Return by how much unequal weights widen a variance (Kish): 1 + their squared variation.

    Examples
    --------
    >>> design_effect(np.ones(5)), round(design_effect(np.array([1.0, 1.0, 4.0])), 3)
    (1.0, 1.5)
    """
    return float(len(weights) * np.sum(weights**2) / np.sum(weights) ** 2)


def residuals(values: Floats, weights: Floats, codes: Sequence[Floats]) -> Floats:
    """Return what the margins do not explain of some values, by weighted least squares.

    The error of a raked mean is that of the mean of these residuals.

    References
    ----------
    Deville JC, Sarndal CE (1992). J Am Stat Assoc 87:376-382.

    Examples
    --------
    >>> residuals(np.array([1.0, 3.0, 5.0]), np.ones(3), [np.array([0, 0, 1])]).round(6).tolist()
    [-1.0, 1.0, 0.0]
    """
    centred = values - np.average(values, weights=weights)
    if not codes:
        return np.asarray(centred)
    columns = [np.ones(len(values))]
    for code in codes:
        columns += [(code == level).astype(float) for level in range(1, int(code.max()) + 1)]
    root = np.sqrt(weights)
    design = np.column_stack(columns)
    slope = np.linalg.lstsq(design * root[:, None], centred * root, rcond=None)[0]
    left = centred - design @ slope
    return np.asarray(np.where(np.abs(left) < 1e-12, 0.0, left))


def finite(weights: Floats, population: float) -> Floats:
    """Return each response's factor of a variance in a finite population; 1 up to 5 % of it.

    Whoever stands for herself only adds no error; whoever stands for many adds nearly all of it.
    With equal weights this is (N - n) / (N - 1).

    Examples
    --------
    >>> finite(np.ones(2), 0).tolist(), finite(np.ones(200), 400)[:1].round(3).tolist()
    ([1.0, 1.0], [0.501])
    >>> finite(np.array([0.5, 1.5]), 4).round(3).tolist()
    [0.0, 0.889]
    """
    n = len(weights)
    if population <= 1 or n / population <= 0.05:
        return np.ones(n)
    stands_for = np.maximum(weights, 1e-12) * population / weights.sum()
    kept = np.clip(1 - 1 / stands_for, 0.0, None) * population / (population - 1)
    return np.asarray(kept)
