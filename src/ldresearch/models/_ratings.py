"""Several ratings of one thing: their biases, their raters' severity, their errors, the level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Bools, Floats

Ints = NDArray[Any]

MIN_OVERLAP = 30
"""Fewest pairs of ratings of the same thing from which two sources are told apart."""
MIN_RATERS = 8
"""Fewest raters of a source, each seen beside others, from whom their spread is told."""

_LEAST_VARIANCE = 1e-4
_PRIOR_PEOPLE = 5.0
_ROUNDS = 150
_TOLERANCE = 1e-6
_MOST_CELLS = 300_000
"""Beyond this, variances are told from some of the people; biases and levels from all."""
_BLOCK = 1_000_000


@dataclass(frozen=True, slots=True)
class Fit:
    """Biases by source against the reference, error variances, and a posterior for each cell."""

    bias: Floats
    bias_se: Floats
    variance: Floats
    severity: Floats  # by source: standard deviation between its raters, nan where not told
    n_raters: Ints  # by source: raters seen beside others
    tau2: Floats  # by cell: variance of true levels about what is expected of them
    mean: Floats
    se: Floats
    shared_se: Floats  # by cell: error of the biases, the same for everyone
    judge: Ints  # by cell: the rater, not the person herself, who pulls most; -1: none
    judge_se: Floats  # by cell: the error of that rater's severity, as far as it pulls
    rated: Floats  # by cell: the ratings alone, without bias and severity


@dataclass(frozen=True, slots=True)
class Cells:
    """Ratings of things: one row a person's skill, one column a source.

    Attributes
    ----------
    y : array
        Ratings; ``nan`` where there is none. Every source is tied to the reference.
    inflation : array
        Factor on the error variance of the source, 1 for a rating of today.
    rater : array
        Who gave each rating, counted through over all sources; -1 where it is not known.
    person, skill, expected, group : array
        Index of the person, of the skill, of role and skill, and of unit and skill.
    own : int
        Column of what people say of themselves; -1: none.
    """

    y: Floats
    inflation: Floats
    rater: Ints
    person: Ints
    skill: Ints
    expected: Ints
    group: Ints
    own: int = -1

    def some(self, rows: Any) -> Cells:
        return Cells(
            self.y[rows], self.inflation[rows], self.rater[rows], self.person[rows],
            self.skill[rows], self.expected[rows], self.group[rows], self.own,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Severity:
    of: Floats  # by rater
    var: Floats  # by rater: what is left unknown of it
    spread: Floats  # by source: variance between raters
    n_raters: Ints


def connected(seen: Bools, reference: int) -> Bools:
    """Say which sources are tied to the reference by enough things that both rated."""
    n = seen.shape[1]
    both = np.array([[(seen[:, i] & seen[:, j]).sum() for j in range(n)] for i in range(n)])
    linked = np.zeros(n, dtype=bool)
    linked[reference] = True
    for _ in range(n):
        linked |= (both[:, linked] >= MIN_OVERLAP).any(axis=1)
    return linked


def fit(cells: Cells, reference: int) -> Fit:
    """Fit y = level + bias of the source - severity of the rater + error.

    Levels are N(expected, tau2 of the skill), severities of a source's raters N(0, spread).

    Parameters
    ----------
    cells : Cells
    reference : int
        Source whose bias is nought by definition.

    Notes
    -----
    Biases and severities come from differences within a cell alone, so that it does not matter who
    is rated by whom: a rater is severe if she rates lower than others who rated the same. What is
    said of a rater is drawn towards nought, the more the less she has rated beside others. Errors
    of biases allow for ratings of one person going together, and for their raters being a few.
    Variances and expected levels come from the EM algorithm given those two.
    """
    part = _sample(cells)
    small = cells if part is None else cells.some(part)
    n_raters = int(cells.rater.max(initial=-1)) + 1
    source_of = _sources_of(cells.rater, n_raters)
    n_sources = cells.y.shape[1]
    seen = ~np.isnan(small.y)
    variance = np.full(n_sources, 0.01)
    tau2 = np.full(int(cells.skill.max()) + 1, 0.02)
    middle = np.full(len(small.y), float(np.nanmean(small.y)))
    zero = np.zeros(n_raters)
    severity = _Severity(zero, zero, np.full(n_sources, np.nan), np.zeros(n_sources, dtype=int))
    for _ in range(3):
        bias = _biases(small, variance, reference)[0]
        spread = _spread(small, bias, variance, source_of)
        severity = _severities(small, bias, variance, source_of, spread)
        y = np.where(seen, _without(small, severity.of) - bias, 0.0)
        left = np.append(severity.var, 0.0)[small.rater] if n_raters else np.zeros_like(y)
        variance, tau2, middle = _em(y, seen, small, left, variance, tau2, middle)
    if part is not None:
        severity = _severities(cells, bias, variance, source_of, severity.spread)
    bias, bias_se, panel = _biases(cells, variance, reference, severity.spread)
    middle = _everyone(cells, part, middle, bias, severity, variance, tau2)
    return _posterior(cells, middle, bias, bias_se, panel, severity, variance, tau2)


def _sample(cells: Cells) -> Ints | None:
    """Rows of every so manieth person, where there are more than are needed for variances."""
    every = -(-len(cells.y) // _MOST_CELLS)
    return None if every <= 1 else np.flatnonzero(cells.person % every == 0)


def _sources_of(rater: Ints, n: int) -> Ints:
    out = np.zeros(n, dtype=np.intp)
    for k in range(rater.shape[1]):
        given = rater[:, k]
        out[given[given >= 0]] = k
    return out


def _blocks(n: int) -> Iterator[slice]:
    return (slice(i, min(i + _BLOCK, n)) for i in range(0, n, _BLOCK))


def _without(cells: Cells, severity: Floats) -> Floats:
    """Ratings as a rater of usual severity would have given them."""
    if not len(severity):
        return cells.y
    return np.asarray(cells.y + np.append(severity, 0.0)[cells.rater], dtype=cells.y.dtype)


# Biases and severities ----------------------------------------------------------------------


def _biases(
    cells: Cells, variance: Floats, reference: int, spread: Floats | None = None
) -> tuple[Floats, Floats, float]:
    """Weighted least squares on differences within a cell; errors clustered by person.

    The third is the error that the raters of the reference put on every level: they are a few, and
    as severe on average as chance would have it.
    """
    n_sources = cells.y.shape[1]
    free = [k for k in range(n_sources) if k != reference]
    bias, se = np.zeros(n_sources), np.zeros(n_sources)
    rows = np.flatnonzero((~np.isnan(cells.y)).sum(axis=1) > 1)
    if not len(rows) or not free:
        return bias, se, 0.0
    information, score = np.zeros((n_sources, n_sources)), np.zeros(n_sources)
    for w, e, _ in _differences(cells, variance, np.zeros(n_sources), rows):
        total = w.sum(axis=1)
        information += np.diag(w.sum(axis=0)) - (w / total[:, None]).T @ w
        score += e.sum(axis=0)
    inside = np.ix_(free, free)
    inverse = np.linalg.inv(information[inside])
    bias[free] = inverse @ score[free]
    n_persons = int(cells.person.max()) + 1
    by_person = np.zeros((len(free), n_persons))
    for _, e, at in _differences(cells, variance, bias, rows):
        who = cells.person[at]
        for i, k in enumerate(free):
            by_person[i] += np.bincount(who, e[:, k], n_persons)
    n = len(np.unique(cells.person[rows]))
    middle = by_person @ by_person.T * n / max(n - 1, 1)
    found = np.diag(inverse @ middle @ inverse).copy()
    panel = np.zeros(n_sources)
    if spread is not None:
        # How kind people are to themselves is in the errors by person already.
        for k in (k for k in range(n_sources) if k != cells.own):
            panel[k] = np.nan_to_num(spread[k]) / _effective(cells.rater[rows, k])
        found += panel[free] + panel[reference]
    se[free] = np.sqrt(found)
    return bias, se, float(np.sqrt(panel[reference]))


def _effective(rater: Ints) -> float:
    """As how many raters, each with the same share, these count."""
    n = np.bincount(rater[rater >= 0]).astype(float)
    return float(n.sum() ** 2 / (n**2).sum()) if n.sum() else np.inf


def _differences(
    cells: Cells, variance: Floats, bias: Floats, rows: Ints
) -> Iterator[tuple[Floats, Floats, Ints]]:
    """Weights of ratings, and their weighted distance to the mean of their cell."""
    for block in _blocks(len(rows)):
        at = rows[block]
        here = cells.y[at].astype(float)
        seen = ~np.isnan(here)
        w = np.where(seen, 1.0 / (variance * cells.inflation[at]), 0.0)
        e = np.where(seen, here - bias, 0.0)
        e -= ((w * e).sum(axis=1) / w.sum(axis=1))[:, None]
        yield w, w * e, at


def _severities(
    cells: Cells, bias: Floats, variance: Floats, source_of: Ints, spread: Floats
) -> _Severity:
    """Best linear prediction of each rater's severity from differences within cells."""
    n, n_sources = len(source_of), cells.y.shape[1]
    rows = np.flatnonzero((~np.isnan(cells.y)).sum(axis=1) > 1)
    told = ~np.isnan(spread)
    if not n or not len(rows) or not told.any():
        nought = np.zeros(n)
        return _Severity(nought, nought, spread, np.zeros(n_sources, dtype=int))
    seen = ~np.isnan(cells.y[rows])
    w = np.where(seen, 1.0 / (variance * cells.inflation[rows]), 0.0).astype(cells.y.dtype)
    total = w.sum(axis=1)
    rater = np.where(told & (cells.rater[rows] >= 0), cells.rater[rows], n)
    columns = np.flatnonzero(told)

    def gathered(value: Floats) -> Floats:
        out = np.zeros(n + 1)
        for k in columns:
            out += np.bincount(rater[:, k], value[:, k], n + 1)
        return out[:n]

    def within(value: Floats) -> Floats:
        return np.asarray(w * (value - ((w * value).sum(axis=1) / total)[:, None]))

    # The severity stands against the rating: whoever is severe rates lower.
    score = -gathered(within(np.where(seen, cells.y[rows] - bias, 0.0).astype(w.dtype)))
    penalty = 1.0 / np.maximum(np.nan_to_num(spread), 1e-8)[source_of]
    diagonal = gathered(w - w * w / total[:, None]) + penalty

    def product(u: Floats) -> Floats:
        moved = gathered(within(np.append(u, 0.0).astype(w.dtype)[rater]))
        return np.asarray(moved + penalty * u)

    of = _solved(product, score, diagonal)
    is_used = told[source_of]
    n_raters = np.bincount(source_of[is_used & (diagonal > penalty)], minlength=n_sources)
    return _Severity(
        np.where(is_used, of, 0.0), np.where(is_used, 1.0 / diagonal, 0.0), spread, n_raters
    )


def _spread(cells: Cells, bias: Floats, variance: Floats, source_of: Ints) -> Floats:
    """Variance between the raters of each source; nan where it cannot be told.

    A rating less the mean of the others of its cell holds its rater's severity, theirs, and errors
    that no other cell has. So products over two cells of one rater hold severities alone: hers,
    and those of whoever else rated both. That gives one equation a source.
    """
    n_sources = cells.y.shape[1]
    rows = np.flatnonzero((~np.isnan(cells.y)).sum(axis=1) > 1)
    nothing = np.full(n_sources, np.nan)
    if not len(source_of) or not len(rows):
        return nothing
    seen = ~np.isnan(cells.y[rows])
    y = np.where(seen, cells.y[rows] - bias, 0.0)
    w = np.where(seen, 1.0 / (variance * cells.inflation[rows]), 0.0)
    rater = np.where(seen, cells.rater[rows], -1)
    square, left = np.zeros((n_sources, n_sources)), np.zeros(n_sources)
    for k in range(n_sources):
        there = np.flatnonzero(rater[:, k] >= 0)
        if len(np.unique(rater[there, k])) < MIN_RATERS:
            continue
        others = w[there].copy()
        others[:, k] = 0.0
        rest = others.sum(axis=1)
        weight = w[there, k] * rest / (w[there, k] + rest)
        apart = y[there, k] - (others * y[there]).sum(axis=1) / rest
        left[k] = _products(rater[there, k], weight * apart)
        square[k, k] = _products(rater[there, k], weight)
        for other in range(n_sources):
            both = rater[there, other] >= 0
            if other == k or not both.any():
                continue
            who = rater[there, k][both].astype(np.int64) * len(source_of)
            share = weight[both] * others[both, other] / rest[both]
            square[k, other] = _products(who + rater[there, other][both], share)
    told = np.diag(square) > 0
    inside = np.ix_(told, told)
    if told.any():
        nothing[told] = np.maximum(np.linalg.lstsq(square[inside], left[told], rcond=None)[0], 0.0)
    return nothing


def _products(who: Ints, value: Floats) -> float:
    """Sum of products over all pairs of different rows of one rater."""
    _, index = np.unique(who, return_inverse=True)
    return float((np.bincount(index, value) ** 2).sum() - (value**2).sum())


def _solved(product: Any, score: Floats, diagonal: Floats, rounds: int = 40) -> Floats:
    """Conjugate gradients."""
    x = np.zeros(len(score))
    residual = score.copy()
    z = residual / diagonal
    direction, length = z.copy(), float(residual @ z)
    goal = 1e-9 * max(float(score @ (score / diagonal)), 1e-300)
    for _ in range(rounds):
        if length <= goal:
            break
        moved = product(direction)
        step = length / float(direction @ moved)
        x += step * direction
        residual -= step * moved
        z = residual / diagonal
        new = float(residual @ z)
        direction = z + (new / length) * direction
        length = new
    return x


# Levels -------------------------------------------------------------------------------------


def _em(
    y: Floats, seen: Bools, cells: Cells, left: Floats, variance: Floats, tau2: Floats,
    middle: Floats,
) -> tuple[Floats, Floats, Floats]:  # fmt: skip
    """Maximum likelihood given biases and severities, ``left`` being what is left of these."""
    skill, inflation = cells.skill, cells.inflation
    n_rated = np.maximum(seen.sum(axis=0), 1)
    n_skill = np.bincount(skill, minlength=len(tau2))
    for _ in range(_ROUNDS):
        precision = np.where(seen, 1.0 / (variance * inflation), 0.0)
        each = tau2[skill]
        v = 1.0 / (1.0 / each + precision.sum(axis=1))
        mean = v * (middle / each + (precision * y).sum(axis=1))
        error = (y - mean[:, None]) ** 2 + v[:, None] + left
        error = np.where(seen, error / inflation, 0.0)
        new = np.maximum(error.sum(axis=0) / n_rated, _LEAST_VARIANCE)
        middle = _expected(mean, cells.expected, cells.group)
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


def _everyone(
    cells: Cells, part: Ints | None, middle: Floats, bias: Floats, severity: _Severity,
    variance: Floats, tau2: Floats,
) -> Floats:  # fmt: skip
    """Carry what is expected of some people's cells over to everyone's."""
    if part is None:
        return middle
    n = int(cells.expected.max()) + 1
    some = cells.expected[part]
    count = np.bincount(some, minlength=n)
    usual = np.where(count > 0, np.bincount(some, middle, n) / np.maximum(count, 1), middle.mean())
    found = usual[cells.expected]
    for _ in range(8):
        mean = np.empty(len(found))
        for block in _blocks(len(found)):
            mean[block] = _cell(cells, block, found, bias, severity, variance, tau2)[0]
        found = _expected(mean, cells.expected, cells.group)
    return found


def _cell(
    cells: Cells, at: slice, middle: Floats, bias: Floats, severity: _Severity, variance: Floats,
    tau2: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:  # fmt: skip
    """Mean, variance, pull of each rating and mean of the ratings alone, of a block of cells."""
    y = cells.y[at].astype(float)
    if len(severity.of):
        y += np.append(severity.of, 0.0)[cells.rater[at]]
    seen = ~np.isnan(y)
    precision = np.where(seen, 1.0 / (variance * cells.inflation[at]), 0.0)
    y = np.where(seen, y - bias, 0.0)
    each = tau2[cells.skill[at]]
    total = precision.sum(axis=1)
    v = 1.0 / (1.0 / each + total)
    sum_y = (precision * y).sum(axis=1)
    return v * (middle[at] / each + sum_y), v, precision * v[:, None], sum_y / total


def _posterior(
    cells: Cells, middle: Floats, bias: Floats, bias_se: Floats, panel: float,
    severity: _Severity, variance: Floats, tau2: Floats,
) -> Fit:  # fmt: skip
    n = len(middle)
    mean, se, shared, judge_se, rated = (np.empty(n, dtype=cells.y.dtype) for _ in range(5))
    judge = np.full(n, -1, dtype=np.int32)
    left = np.append(severity.var, 0.0)
    # The reference's own panel is in every bias's error too; it is not counted twice.
    apart = np.sqrt(np.maximum(bias_se**2 - panel**2, 0.0))
    for block in _blocks(n):
        mean[block], v, pull, rated[block] = _cell(
            cells, block, middle, bias, severity, variance, tau2
        )
        shared[block] = np.hypot(pull @ apart, pull.sum(axis=1) * panel)
        if not len(severity.of):
            se[block], judge_se[block] = np.sqrt(v), 0.0
            continue
        rater = cells.rater[block]
        each = pull**2 * left[rater]
        se[block] = np.sqrt(v + each.sum(axis=1))
        others = np.where(rater >= 0, each, 0.0)
        if cells.own >= 0:
            others[:, cells.own] = 0.0
        most = others.argmax(axis=1)
        rows = np.arange(len(most))
        judge_se[block] = np.sqrt(others[rows, most])
        judge[block] = np.where(others[rows, most] > 0, rater[rows, most], -1)
    return Fit(
        bias, bias_se, variance, np.sqrt(severity.spread), severity.n_raters,
        tau2[cells.skill].astype(cells.y.dtype), mean, se, shared, judge, judge_se, rated,
    )  # fmt: skip
