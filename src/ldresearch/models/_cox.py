"""Cox regression with exact Efron ties on weighted rows, left truncation and robust errors.

A row may stand for many by its weight; the partial likelihood is that of the rows written out.
Where covariates take few patterns, each step works on a table of times by patterns, however many
rows there are. Nothing here loops over rows in Python; sums over many tied deaths have closed
forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[Any]
MAX_STEPS = 40
TOLERANCE = 1e-10
MAX_CELLS = 4_000_000
"""Largest table of times by patterns; beyond it, sums run over rows."""
MANY_TIES = 64
"""From this many tied deaths on, Efron's sums are taken in closed form."""
BLOCK = 8_192
"""Rows that are squared at a time."""
SMALL_PART = 0.03
"""Where the deaths are less of the risk than this, a series is exact, the closed form is not."""
_TERMS = 11


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    beta : ndarray of shape (n_terms,)
    covariance : ndarray of shape (n_terms, n_terms)
        Inverse information, or the robust sandwich.
    loglik0, loglik : float
        Log partial likelihood at zero and at the estimate.
    n_events : float
    is_converged : bool
    spread : ndarray of shape (n_terms,)
        Weighted standard deviation of each term.
    """

    beta: Floats
    covariance: Floats
    loglik0: float
    loglik: float
    n_events: float
    is_converged: bool
    spread: Floats


@dataclass(frozen=True, slots=True)
class _Data:
    """Rows sorted by descending duration, with the risk-set machinery precomputed."""

    x: Floats
    duration: Floats
    event: NDArray[np.bool_]
    weight: Floats
    entry: Floats | None
    times: Floats  # distinct event times, ascending
    deaths: Floats  # weighted events at each
    which: NDArray[np.intp]  # event time of each event row
    covered: NDArray[np.intp]  # event times up to the end of each row
    late: NDArray[np.intp] | None  # event times up to its entry
    grid: _Grid | None = None


@dataclass(frozen=True, slots=True)
class _Grid:
    """The same data by event time and pattern of covariates."""

    patterns: Floats  # distinct rows of x
    at_risk: Floats  # weight at risk, times by patterns
    died: Floats  # weight of events, times by patterns


def _prepare(
    x: Floats, duration: Floats, event: NDArray[np.bool_], weight: Floats, entry: Floats | None
) -> _Data:
    times, which = np.unique(duration[event], return_inverse=True)
    deaths = np.bincount(which, weights=weight[event], minlength=len(times))
    covered = np.searchsorted(times, duration, side="right")
    late = None if entry is None else np.searchsorted(times, entry, side="right")
    return _Data(x, duration, event, weight, entry, times, deaths, which.reshape(-1), covered, late)


def _gridded(data: _Data) -> _Data:
    """Add the table of times by patterns where it is small."""
    n, n_times = len(data.x), max(len(data.times), 1)
    most = min(n // 2, MAX_CELLS // n_times)
    pattern = np.zeros(n, dtype=np.int64)
    size = 1
    for column in data.x.T:
        if size == 1 and _is_varied(column, most):
            return data
        codes, values = pd.factorize(column)
        pattern, found = pd.factorize(pattern * len(values) + codes)
        size = len(found)
        if size > most:
            return data
    first = np.empty(size, dtype=np.intp)
    first[pattern[::-1]] = np.arange(n - 1, -1, -1)

    def table(times: NDArray[np.intp], patterns: NDArray[np.int64], weight: Floats) -> Floats:
        cells = np.bincount(times * size + patterns, weights=weight, minlength=(n_times + 1) * size)
        return cells.reshape(n_times + 1, size)

    counts = table(data.covered, pattern, data.weight)
    if data.late is not None:
        counts = counts - table(data.late, pattern, data.weight)
    at_risk = counts[::-1].cumsum(axis=0)[::-1][1:]
    died = table(data.which, pattern[data.event], data.weight[data.event])[:n_times]
    return replace(data, grid=_Grid(data.x[first], at_risk, died))


def _is_varied(column: Floats, most: int) -> bool:
    """Whether a column surely has more than so many values, by those met twice in a sample.

    Of k values that are as frequent, a sample of m holds about m^2 / 2k doubles; where values are
    not as frequent, more. Only speed hangs on the answer.
    """
    sample = column[:: max(len(column) // 4_000, 1)]
    m, distinct = len(sample), len(np.unique(sample))
    return distinct > most or (m >= 1_000 and 4 * most * (m - distinct) < m * m)


def _at_risk_sums(data: _Data, values: Floats) -> Floats:
    """Risk-set sums with the strict rule entry < t <= duration."""
    flat = values.reshape(len(values), -1)
    n_times = len(data.times)

    def up_to(index: NDArray[np.intp]) -> Floats:
        """Sum over rows with index > j, for each time j."""
        out = np.stack(
            [np.bincount(index, weights=flat[:, c], minlength=n_times + 1) for c in
             range(flat.shape[1])], axis=1,
        )  # fmt: skip
        return out[::-1].cumsum(axis=0)[::-1][1 : n_times + 1]

    sums = up_to(data.covered)
    if data.late is not None:
        sums = sums - up_to(data.late)
    return sums.reshape(n_times, *values.shape[1:])


def _death_sums(data: _Data, values: Floats) -> Floats:
    flat = values[data.event].reshape(int(data.event.sum()), -1)
    n_times = len(data.times)
    out = np.stack(
        [np.bincount(data.which, weights=flat[:, c], minlength=n_times) for c in
         range(flat.shape[1])], axis=1,
    )  # fmt: skip
    return out.reshape(n_times, *values.shape[1:])


def _efron_sums(deaths: Floats, s0: Floats, d0: Floats) -> tuple[Floats, ...]:
    """Sum over the tied deaths l = 0..d-1 of log phi, 1/phi, l/d / phi and their squares.

    phi = s0 - (l/d) d0. Weighted rows make d as large as the count of identical deaths; the sums
    are exact: written out for few ties, and by gamma functions for many.
    """
    size = np.maximum(np.round(deaths).astype(np.int64), 1)
    many = size >= MANY_TIES
    if not many.any():
        return _written_out(size, s0, d0)
    small = many & (d0 < SMALL_PART * s0)
    out = tuple(np.empty(len(size)) for _ in range(6))
    ways = ((~many, _written_out), (many & ~small, _closed), (small, _series))
    for rows, way in ways:
        for whole, part in zip(out, way(size[rows], s0[rows], d0[rows]), strict=True):
            whole[rows] = part
    return out


def _written_out(size: NDArray[np.int64], s0: Floats, d0: Floats) -> tuple[Floats, ...]:
    """Efron's sums laid out as one flat array over all tied deaths."""
    owner = np.repeat(np.arange(len(size)), size)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    share = offset / size[owner]
    phi = s0[owner] - share * d0[owner]
    inverse = 1.0 / phi

    def per_time(terms: Floats) -> Floats:
        return np.bincount(owner, weights=terms, minlength=len(size))

    return (
        per_time(np.log(phi)),
        per_time(inverse),
        per_time(share * inverse),
        per_time(inverse**2),
        per_time(share * inverse**2),
        per_time(share**2 * inverse**2),
    )


def _closed(size: NDArray[np.int64], s0: Floats, d0: Floats) -> tuple[Floats, ...]:
    """Efron's sums in closed form: with a = s0 d/d0, phi = (d0/d)(a - l).

    So sums of log(a - l), 1/(a - l) and 1/(a - l)^2 are differences of log-gamma, digamma and
    trigamma; l/d = (s0 - phi)/d0 gives the others.
    """
    from scipy.special import digamma, gammaln, zeta

    d = size.astype(float)
    a, unit = s0 * d / d0, d0 / d
    low, high = np.maximum(a - d + 1, 1.0), a + 1
    log_phi = d * np.log(unit) + gammaln(high) - gammaln(low)
    a0 = (digamma(high) - digamma(low)) / unit
    b0 = (zeta(2.0, low) - zeta(2.0, high)) / unit**2
    return (
        log_phi,
        a0,
        (s0 * a0 - d) / d0,
        b0,
        (s0 * b0 - a0) / d0,
        (s0 * (s0 * b0 - 2 * a0) + d) / d0**2,
    )


def _series(size: NDArray[np.int64], s0: Floats, d0: Floats) -> tuple[Floats, ...]:
    """Efron's sums where few of those at risk die, and the closed form would lose digits.

    1/phi is a geometric series in (l/d) d0/s0; the sums over l of (l/d)^k are Faulhaber's.
    """
    d, x = size.astype(float), d0 / s0

    def powers(k: int) -> Floats:
        total = d / (k + 1) - 0.5 * (k > 0)
        if k > 1:
            total = total + k / (12 * d)
        if k > 3:
            total = total - k * (k - 1) * (k - 2) / (720 * d**3)
        if k > 5:
            total = total + k * (k - 1) * (k - 2) * (k - 3) * (k - 4) / (30240 * d**5)
        return total

    p = np.stack([powers(k) for k in range(_TERMS + 2)])
    xk = np.stack([x**k for k in range(_TERMS)])
    order = np.arange(_TERMS)[:, None]
    log_phi = d * np.log(s0) - (xk[1:] * p[1:_TERMS] / order[1:]).sum(axis=0)
    once = [(xk * p[m : m + _TERMS]).sum(axis=0) / s0 for m in range(2)]
    twice = [((order + 1) * xk * p[m : m + _TERMS]).sum(axis=0) / s0**2 for m in range(3)]
    return (log_phi, *once, *twice)


def _derivatives(data: _Data, beta: Floats) -> tuple[float, Floats, Floats]:
    """Log partial likelihood, its gradient and the information."""
    eta = (data.x if data.grid is None else data.grid.patterns) @ beta
    shift = eta.max() if len(eta) else 0.0
    if data.grid is None:
        return _over_rows(data, eta - shift)
    return _over_patterns(data.grid, data.deaths, eta - shift)


def _over_patterns(grid: _Grid, deaths: Floats, eta: Floats) -> tuple[float, Floats, Floats]:
    x, risk = grid.patterns, np.exp(eta)
    p = x.shape[1]
    upper = np.triu_indices(p)
    second = risk[:, None] * (x[:, upper[0]] * x[:, upper[1]])
    stacked = np.concatenate([risk[:, None], risk[:, None] * x, second], axis=1)
    s, d = grid.at_risk @ stacked, grid.died @ stacked
    n_died = grid.died.sum(axis=0)
    s1, d1 = s[:, 1 : p + 1], d[:, 1 : p + 1]
    log_phi, a0, a1, *b = _efron_sums(deaths, s[:, 0], d[:, 0])
    squares = np.zeros((p, p))
    squares[upper] = a0 @ s[:, p + 1 :] - a1 @ d[:, p + 1 :]
    squares += np.triu(squares, 1).T
    return (
        float(n_died @ eta - log_phi.sum()),
        n_died @ x - (a0 @ s1 - a1 @ d1),
        squares - _products(b, s1, d1),
    )


def _over_rows(data: _Data, eta: Floats) -> tuple[float, Floats, Floats]:
    """The same without a table of risk sets by pairs of covariates.

    The information needs, summed over the event times, the squares of everyone at risk: that is
    each row once, weighted by all a0 of the times it was at risk, less a1 where it died.
    """
    x, n_times, p = data.x, len(data.times), data.x.shape[1]
    risk = data.weight * np.exp(eta)
    covered, late = data.covered, data.late
    cell = 2 * covered + data.event  # those who die at a time apart from those who outlive it
    s, d = np.empty((n_times, p + 1)), np.empty((n_times, p + 1))
    for c in range(p + 1):
        values = risk if c == 0 else risk * x[:, c - 1]
        sums = np.bincount(cell, weights=values, minlength=2 * n_times + 2)
        parts = sums.reshape(n_times + 1, 2)
        d[:, c], ended = parts[1:, 1], parts.sum(axis=1)
        if late is not None:
            ended = ended - np.bincount(late, weights=values, minlength=n_times + 1)
        s[:, c] = ended[::-1].cumsum()[::-1][1:]
    s0, s1, d0, d1 = s[:, 0], s[:, 1:], d[:, 0], d[:, 1:]
    log_phi, a0, a1, *b = _efron_sums(data.deaths, s0, d0)
    seen = np.concatenate([[0.0], a0.cumsum()])
    each = seen[covered]
    if late is not None:
        each -= seen[np.minimum(late, covered)]
    each[data.event] -= a1[data.which]
    n_died = np.where(data.event, data.weight, 0.0)
    return (
        float(n_died @ eta - log_phi.sum()),
        n_died @ x - (a0 @ s1 - a1 @ d1),
        _squares(x, risk * each) - _products(b, s1, d1),
    )


def _squares(x: Floats, weight: Floats) -> Floats:
    """Sum over rows of weight times x times its transpose, in blocks that fit into a cache.

    Of a product with its own transpose, half is worked out and mirrored; no weight is below nought.
    """
    total = np.zeros((x.shape[1], x.shape[1]))
    root = np.sqrt(np.maximum(weight, 0.0))
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK] * root[start : start + BLOCK, None]
        total += part.T @ part
    return total


def _products(b: Sequence[Floats], s1: Floats, d1: Floats) -> Floats:
    """Sum over times and tied deaths of the squared weighted means, by Efron's sums of 1/phi^2."""
    b0, b1, b2 = (one[:, None] for one in b)
    cross = (b1 * s1).T @ d1
    out: Floats = (b0 * s1).T @ s1 - cross - cross.T + (b2 * d1).T @ d1
    return out


def fit(
    x: Floats,
    duration: Floats,
    event: NDArray[np.bool_],
    weight: Floats,
    *,
    entry: Floats | None = None,
    cluster: NDArray[np.intp] | None = None,
) -> Fit:
    """Fit by Newton's method with step halving.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_terms)
    duration, weight : ndarray of shape (n_rows,)
    event : ndarray of bool of shape (n_rows,)
    entry : ndarray of shape (n_rows,), optional
        At risk at t if ``entry < t <= duration``.
    cluster : ndarray of int of shape (n_rows,), optional
        Rows of one cluster are not independent; the covariance is the grouped sandwich.
        Weights must then be one.
    """
    x, spread = _standardised(x, weight)
    data = _gridded(_prepare(x, duration, event, weight, entry))
    beta = np.zeros(x.shape[1])
    loglik, gradient, information = _derivatives(data, beta)
    loglik0, is_converged = loglik, False
    for _ in range(MAX_STEPS):
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        gain = float(gradient @ step) / 2
        if _is_settled(gain, step, loglik):
            # So close, a step doubles the digits: what it leads to need not be worked out.
            beta, loglik, is_converged = beta + step, loglik + gain, True
            break
        scale = 1.0
        while scale > 1e-4:
            candidate = _derivatives(data, beta + scale * step)
            if candidate[0] >= loglik - 1e-12 * abs(loglik):
                break
            scale /= 2
        change = candidate[0] - loglik
        beta = beta + scale * step
        loglik, gradient, information = candidate
        if _is_settled(change, scale * step, loglik):
            is_converged = True
            break
    try:
        covariance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        covariance = np.full((x.shape[1], x.shape[1]), np.nan)
        is_converged = False
    if cluster is not None and is_converged:
        influence = _score_residuals(data, beta) @ covariance
        sums = [np.bincount(cluster, weights=column) for column in influence.T]
        grouped: Floats = np.stack(sums, axis=1)
        covariance = grouped.T @ grouped
    back = 1.0 / spread
    return Fit(
        beta * back, covariance * np.outer(back, back), loglik0, loglik,
        float(data.deaths.sum()), is_converged, spread,
    )  # fmt: skip


def _is_settled(gain: float, step: Floats, loglik: float) -> bool:
    return bool(abs(gain) < TOLERANCE * (abs(loglik) + 0.1) and np.abs(step).max() < 1e-7)


def _standardised(x: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return x with each column centred and divided by its standard deviation, and those."""
    total = weight.sum()
    x = x - weight @ x / total
    spread = np.sqrt(np.array([weight @ np.square(column) for column in x.T]) / total)
    x /= spread
    return x, spread


def _score_residuals(data: _Data, beta: Floats) -> Floats:
    """Efron score residuals, one row each; they sum to the gradient.

    Each tied death l of a time contributes to everyone at risk the increment 1/phi_l, those who
    die at that time weighted 1 - l/d.
    """
    x = data.x
    risk = np.exp(x @ beta)
    weighted = data.weight * risk
    stacked = np.concatenate([weighted[:, None], weighted[:, None] * x], axis=1)
    s, d = _at_risk_sums(data, stacked), _death_sums(data, stacked)
    size = np.maximum(np.round(data.deaths).astype(np.int64), 1)
    owner = np.repeat(np.arange(len(size)), size)
    share = (np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)) / size[owner]
    phi = s[owner, 0] - share * d[owner, 0]
    mean = (s[owner, 1:] - share[:, None] * d[owner, 1:]) / phi[:, None]
    step = 1.0 / phi

    def per_time(values: Floats) -> Floats:
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(owner, weights=column, minlength=len(size)) for column in flat.T]
        return np.stack(sums, axis=1).reshape(len(size), *values.shape[1:])

    hazard = per_time(step)
    hazard_mean = per_time(step[:, None] * mean)
    dying = per_time((1 - share) * step)
    dying_mean = per_time(((1 - share) * step)[:, None] * mean)
    mean_at_death = per_time(mean) / size[:, None]
    cum, cum_mean = np.cumsum(hazard), np.cumsum(hazard_mean, axis=0)
    last = np.searchsorted(data.times, data.duration, side="right") - 1
    whole = np.where(last >= 0, cum[np.maximum(last, 0)], 0.0)
    whole_mean = np.where(last[:, None] >= 0, cum_mean[np.maximum(last, 0)], 0.0)
    if data.entry is not None:
        start = np.searchsorted(data.times, data.entry, side="right") - 1
        whole = whole - np.where(start >= 0, cum[np.maximum(start, 0)], 0.0)
        whole_mean = whole_mean - np.where(start[:, None] >= 0, cum_mean[np.maximum(start, 0)], 0.0)
    residual = np.zeros_like(x)
    rows = np.flatnonzero(data.event)
    whole[rows] += dying[data.which] - hazard[data.which]
    whole_mean[rows] += dying_mean[data.which] - hazard_mean[data.which]
    residual -= risk[:, None] * (x * whole[:, None] - whole_mean)
    residual[rows] += x[rows] - mean_at_death[data.which]
    return residual * data.weight[:, None]


def schoenfeld(
    x: Floats,
    duration: Floats,
    event: NDArray[np.bool_],
    weight: Floats,
    beta: Floats,
    transform: Floats,
    *,
    entry: Floats | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Score test of a time-varying coefficient, the current formula of R's ``cox.zph``.

    Parameters
    ----------
    transform : ndarray of shape (n_event_times,)
        g(t) at each distinct event time.

    Returns
    -------
    chi2 : ndarray of shape (n_terms + 1,)
        One degree of freedom each, the global test last.
    df : ndarray of shape (n_terms + 1,)
    slope : ndarray of shape (n_terms,)
        Score for the interaction, for the sign of the change.

    References
    ----------
    Grambsch PM, Therneau TM (1994). Biometrika 81:515-526. Therneau T, survival 3.x, cox.zph.
    """
    data = _prepare(x, duration, event, weight, entry)
    p = x.shape[1]
    risk = weight * np.exp(x @ beta)
    upper = np.triu_indices(p)
    second = risk[:, None] * (x[:, upper[0]] * x[:, upper[1]])
    stacked = np.concatenate([risk[:, None], risk[:, None] * x, second], axis=1)
    s, d = _at_risk_sums(data, stacked), _death_sums(data, stacked)
    _, a0, a1, b0, b1, b2 = _efron_sums(data.deaths, s[:, 0], d[:, 0])
    s1, d1 = s[:, 1 : p + 1], d[:, 1 : p + 1]
    flat = a0[:, None] * s[:, p + 1 :] - a1[:, None] * d[:, p + 1 :]
    variance = np.zeros((len(data.times), p, p))
    variance[:, upper[0], upper[1]] = flat
    variance[:, upper[1], upper[0]] = flat
    variance -= b0[:, None, None] * s1[:, :, None] * s1[:, None, :]
    cross = b1[:, None, None] * s1[:, :, None] * d1[:, None, :]
    variance += cross + cross.transpose(0, 2, 1)
    variance -= b2[:, None, None] * d1[:, :, None] * d1[:, None, :]
    observed = _death_sums(data, weight[:, None] * x)
    score = observed - (a0[:, None] * s1 - a1[:, None] * d1)
    g = transform - np.average(transform, weights=data.deaths)
    u = g @ score
    v11 = variance.sum(axis=0)
    v12 = np.einsum("t,tij->ij", g, variance)
    v22 = np.einsum("t,tij->ij", g**2, variance)
    conditional = v22 - v12 @ np.linalg.solve(v11, v12)
    # R tests a term with all other interactions at zero: the score of one term given beta.
    chi2 = [float(u[j] ** 2 / conditional[j, j]) for j in range(p)]
    chi2.append(float(u @ np.linalg.solve(conditional, u)))
    return np.array(chi2), np.array([1.0] * p + [float(p)]), u
