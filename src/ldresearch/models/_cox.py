"""Cox regression with exact Efron ties on weighted rows, left truncation and robust errors.

Rows are first folded: what is identical in (entry, duration, event, covariates) is one row with a
count, and the partial likelihood is the same. Nothing here loops over rows in Python; the loop
over tied deaths is as long as the largest tie, its terms are sums of powers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
MAX_STEPS = 40
TOLERANCE = 1e-10


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
    """

    beta: Floats
    covariance: Floats
    loglik0: float
    loglik: float
    n_events: float
    is_converged: bool


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


def _prepare(
    x: Floats, duration: Floats, event: NDArray[np.bool_], weight: Floats, entry: Floats | None
) -> _Data:
    times, which = np.unique(duration[event], return_inverse=True)
    deaths = np.bincount(which, weights=weight[event], minlength=len(times))
    return _Data(x, duration, event, weight, entry, times, deaths, which.reshape(-1))


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

    covered = np.searchsorted(data.times, data.duration, side="right")
    sums = up_to(covered)
    if data.entry is not None:
        not_yet = np.searchsorted(data.times, data.entry, side="right")
        sums = sums - up_to(not_yet)
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
    are exact, laid out as one flat array over all tied deaths.
    """
    size = np.maximum(np.round(deaths).astype(np.int64), 1)
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


def _derivatives(data: _Data, beta: Floats) -> tuple[float, Floats, Floats]:
    """Log partial likelihood, its gradient and the information."""
    x, p = data.x, data.x.shape[1]
    eta = x @ beta
    shift = eta.max() if len(eta) else 0.0
    risk = data.weight * np.exp(eta - shift)
    first = risk[:, None] * x
    upper = np.triu_indices(p)
    second = risk[:, None] * (x[:, upper[0]] * x[:, upper[1]])
    stacked = np.concatenate([risk[:, None], first, second], axis=1)
    s, d = _at_risk_sums(data, stacked), _death_sums(data, stacked)
    s0, s1, s2 = s[:, 0], s[:, 1 : p + 1], s[:, p + 1 :]
    d0, d1, d2 = d[:, 0], d[:, 1 : p + 1], d[:, p + 1 :]
    log_phi, a0, a1, b0, b1, b2 = _efron_sums(data.deaths, s0, d0)
    weighted_events = data.weight[data.event]
    loglik = float(weighted_events @ (eta[data.event] - shift) - log_phi.sum())
    gradient = weighted_events @ x[data.event] - (a0 @ s1 - a1 @ d1)
    information = np.zeros((p, p))
    information[upper] = a0 @ s2 - a1 @ d2
    information = information + np.triu(information, 1).T
    information -= np.einsum("t,ti,tj->ij", b0, s1, s1)
    cross = np.einsum("t,ti,tj->ij", b1, s1, d1)
    information += cross + cross.T
    information -= np.einsum("t,ti,tj->ij", b2, d1, d1)
    return loglik, gradient, information


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
    centre = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - centre) ** 2, axis=0, weights=weight))
    data = _prepare((x - centre) / spread, duration, event, weight, entry)
    beta = np.zeros(x.shape[1])
    loglik, gradient, information = _derivatives(data, beta)
    loglik0, is_converged = loglik, False
    for _ in range(MAX_STEPS):
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
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
        if abs(change) < TOLERANCE * (abs(loglik) + 0.1) and np.abs(scale * step).max() < 1e-7:
            is_converged = True
            break
    try:
        covariance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        covariance = np.full((x.shape[1], x.shape[1]), np.nan)
        is_converged = False
    if cluster is not None and is_converged:
        influence = _score_residuals(data, beta) @ covariance
        grouped = np.zeros((int(cluster.max()) + 1, x.shape[1]))
        np.add.at(grouped, cluster, influence)
        covariance = grouped.T @ grouped
    back = 1.0 / spread
    return Fit(
        beta * back, covariance * np.outer(back, back), loglik0, loglik,
        float(data.deaths.sum()), is_converged,
    )  # fmt: skip


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
        out = np.zeros((len(size), *values.shape[1:]))
        np.add.at(out, owner, values)
        return out

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
