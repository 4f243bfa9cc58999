"""Several ratings of one thing: their biases, their errors, and the level behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Bools, Floats

Ints = NDArray[np.intp]

MIN_OVERLAP = 30
"""Fewest pairs of ratings of the same thing from which two sources are told apart."""

_LEAST_VARIANCE = 1e-4
_PRIOR_PEOPLE = 5.0
_ROUNDS = 150
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Fit:
    """Biases by source against the reference, error variances, and a posterior for each cell."""

    bias: Floats
    bias_se: Floats
    variance: Floats
    tau2: Floats  # by cell: variance of true levels about what is expected of them
    mean: Floats
    se: Floats
    pull: Floats  # cells by sources: by how much a rating moves the mean


def connected(seen: Bools, reference: int) -> Bools:
    """Say which sources are tied to the reference by enough things that both rated."""
    both = (seen[:, :, None] & seen[:, None, :]).sum(axis=0)
    linked = np.zeros(seen.shape[1], dtype=bool)
    linked[reference] = True
    for _ in range(seen.shape[1]):
        linked |= (both[:, linked] >= MIN_OVERLAP).any(axis=1)
    return linked


def fit(
    y: Floats, inflation: Floats, reference: int, person: Ints, skill: Ints, expected: Ints,
    group: Ints,
) -> Fit:  # fmt: skip
    """Fit y = level + bias of the source + error, level ~ N(expected, tau2 of the skill).

    Parameters
    ----------
    y : array
        Cells (a person's skill) by sources; ``nan`` where not rated. Every source is tied to the
        reference.
    inflation : array
        Same shape: factor on the error variance of the source, 1 for a rating of today.
    reference : int
        Source whose bias is nought by definition.
    person, skill : array
        Index of each cell's person (or of whoever judged her: what errs together) and skill.
    expected : array
        Index of the cell's role and skill.
    group : array
        Index of the cell's unit and skill.

    Notes
    -----
    Biases come from differences within a cell alone, so that it does not matter who is rated by
    whom; their errors allow for ratings of one ``person`` going together. Variances and
    expected levels come from the EM algorithm given the biases.
    """
    seen = ~np.isnan(y)
    filled = np.where(seen, y, 0.0)
    variance = np.full(y.shape[1], 0.01)
    bias, bias_se = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    tau2 = np.full(int(skill.max()) + 1, 0.02)
    middle = np.full(len(y), float(y[seen].mean()))
    for _ in range(3):
        precision = np.where(seen, 1.0 / (variance * inflation), 0.0)
        bias, bias_se = _biases(filled, precision, reference, person)
        variance, tau2, middle = _em(
            filled - bias, seen, inflation, variance, tau2, middle, skill, expected, group
        )
    precision = np.where(seen, 1.0 / (variance * inflation), 0.0)
    each = tau2[skill]
    posterior = 1.0 / (1.0 / each + precision.sum(axis=1))
    mean = posterior * (middle / each + (precision * (filled - bias)).sum(axis=1))
    return Fit(
        bias, bias_se, variance, each, mean, np.sqrt(posterior), precision * posterior[:, None]
    )


def _biases(y: Floats, precision: Floats, reference: int, person: Ints) -> tuple[Floats, Floats]:
    """Weighted least squares on differences within a cell; errors clustered by person."""
    several = (precision > 0).sum(axis=1) > 1
    w, seen_y, who = precision[several], y[several], person[several]
    n_sources = y.shape[1]
    bias, se = np.zeros(n_sources), np.zeros(n_sources)
    free = [k for k in range(n_sources) if k != reference]
    if not len(w) or not free:
        return bias, se
    total = w.sum(axis=1)
    information = np.diag(w.sum(axis=0)) - np.einsum("ik,il->kl", w / total[:, None], w)
    centred = seen_y - (w * seen_y).sum(axis=1, keepdims=True) / total[:, None]
    score = (w * centred).sum(axis=0)
    inside = np.ix_(free, free)
    inverse = np.linalg.inv(information[inside])
    bias[free] = inverse @ score[free]
    left = seen_y - bias
    left = left - (w * left).sum(axis=1, keepdims=True) / total[:, None]
    _, index = np.unique(who, return_inverse=True)
    scores = np.stack([np.bincount(index, (w * left)[:, k]) for k in free], axis=1)
    n = len(scores)
    middle = np.einsum("ik,il->kl", scores, scores) * n / max(n - 1, 1)
    se[free] = np.sqrt(np.diag(inverse @ middle @ inverse))
    return bias, se


def _em(
    y: Floats, seen: Bools, inflation: Floats, variance: Floats, tau2: Floats, middle: Floats,
    skill: Ints, expected: Ints, group: Ints,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    n_rated = np.maximum(seen.sum(axis=0), 1)
    n_skill = np.bincount(skill, minlength=len(tau2))
    for _ in range(_ROUNDS):
        precision = np.where(seen, 1.0 / (variance * inflation), 0.0)
        each = tau2[skill]
        v = 1.0 / (1.0 / each + precision.sum(axis=1))
        mean = v * (middle / each + (precision * y).sum(axis=1))
        error = np.where(seen, ((y - mean[:, None]) ** 2 + v[:, None]) / inflation, 0.0)
        new = np.maximum(error.sum(axis=0) / n_rated, _LEAST_VARIANCE)
        middle = _expected(mean, expected, group)
        spread = (mean - middle) ** 2 + v
        pooled = spread.mean()
        # A skill that few are rated on borrows its spread from the others.
        tau2 = (np.bincount(skill, spread, len(tau2)) + _PRIOR_PEOPLE * pooled) / (
            n_skill + _PRIOR_PEOPLE
        )
        moved = np.abs(np.sqrt(new) - np.sqrt(variance)).max()
        variance = new
        if moved < _TOLERANCE:
            break
    return variance, tau2, middle


def _expected(mean: Floats, expected: Ints, group: Ints) -> Floats:
    """Mean level of a role in a skill, and by how much a unit departs from it, held back."""
    by_role = np.bincount(expected, mean) / np.maximum(np.bincount(expected), 1)
    base = by_role[expected]
    apart = np.bincount(group, mean - base) / (np.bincount(group) + _PRIOR_PEOPLE)
    return np.asarray(base + apart[group])
