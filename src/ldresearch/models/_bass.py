"""The Bass diffusion model: its curve, least squares, and interval-censored likelihood.

Time counts in periods (weeks, years); ``p`` is the push of the campaign, ``q`` the pull of peers:
the hazard of starting is ``p + q F`` where ``F`` is the share of eventual adopters who have.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHI2_95 = 3.841458820694124
"""95 % point of chi-square with one degree of freedom."""

DIRECTIONS = 800
"""Rays sent out from the estimate to the edge of its likelihood region."""


# The curve ----------------------------------------------------------------------------------


def share(time: Any, p: float, q: float) -> Floats:
    """Return F(t), the share of eventual adopters who have started by ``time``.

    Examples
    --------
    >>> round(float(share(6.1925, 0.03, 0.38)), 3)
    0.461
    """
    decay = np.exp(-(p + q) * np.asarray(time, dtype=float))
    grown: Floats = (1.0 - decay) / (1.0 + (q / p) * decay)
    return grown


def density(time: Any, p: float, q: float) -> Floats:
    """Return f(t), the rate at which eventual adopters start."""
    decay = np.exp(-(p + q) * np.asarray(time, dtype=float))
    rate: Floats = ((p + q) ** 2 / p) * decay / (1.0 + (q / p) * decay) ** 2
    return rate


def peak_time(p: Any, q: Any) -> Floats:
    """Return t*, when most start at once; 0 where it is the launch (``q <= p``).

    Examples
    --------
    >>> round(float(peak_time(0.03, 0.38)), 2)
    6.19
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.log(q / p) / (p + q)
    found: Floats = np.where(q > p, at, 0.0)
    return found


def peak_share(p: Any, q: Any) -> Floats:
    """Return F(t*), the share that has started at the peak; 0 where it is the launch."""
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = 0.5 - p / (2.0 * q)
    found: Floats = np.where(q > p, at, 0.0)
    return found


def step(before: Any, p: Any, q: Any, periods: Any = 1.0) -> Floats:
    """Return the chance to start within the next periods, given the share that has so far.

    Exact for the continuous curve: with u = (1 - F)/(p + q F), u decays at the rate p + q.

    Examples
    --------
    >>> exact = (share(3, 0.03, 0.38) - share(2, 0.03, 0.38)) / (1 - share(2, 0.03, 0.38))
    >>> bool(abs(step(share(2, 0.03, 0.38), 0.03, 0.38) - exact) < 1e-12)
    True
    """
    before = np.asarray(before, dtype=float)
    u = (1.0 - before) / (p + q * before)
    decay = np.exp(-(np.asarray(p) + q) * periods)
    chance: Floats = 1.0 - decay * (1.0 + q * u) / (1.0 + q * u * decay)
    return chance


# Least squares: the market is unknown -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """Nonlinear least squares.

    Attributes
    ----------
    m, p, q : float
        Eventual adopters and coefficients.
    se : tuple of float
        Standard errors of m, p, q, as R's ``nls`` gives them.
    residual_se : float
    df : int
    """

    m: float
    p: float
    q: float
    se: tuple[float, float, float]
    residual_se: float
    df: int


def least_squares(time: Floats, adopters: Floats, form: str) -> LeastSquares | None:
    """Fit m, p and q to counts by period.

    Parameters
    ----------
    time : ndarray of shape (n_periods,)
        End of each period since the launch.
    adopters : ndarray of shape (n_periods,)
    form : {"periods", "density"}
        ``periods`` fits m (F(t) - F(t - 1)) as Srinivasan & Mason (1986); ``density`` fits m f(t).

    Returns
    -------
    LeastSquares or None
        ``None`` where the sum of squares has no minimum the data determine.
    """
    from scipy.optimize import least_squares as minimise

    width = np.diff(time, prepend=2 * time[0] - time[1])

    def fitted(theta: Floats) -> Floats:
        m, p, q = (float(v) for v in np.exp(theta))
        if form == "density":
            return m * density(time, p, q)
        return m * (share(time, p, q) - share(time - width, p, q))

    total = float(adopters.sum())
    scale = 1.0 / max(float(adopters.max()), 1.0)

    def scaled(theta: Floats) -> Floats:
        return (fitted(theta) - adopters) * scale

    best: Any = None
    for factor in (1.2, 2.0, 5.0):
        for q in (0.1, 0.4, 0.8):
            start = np.log([total * factor, 0.02, q])
            found = minimise(
                scaled, start, method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=4000
            )
            if found.success and (best is None or found.cost < best.cost * (1 - 1e-12)):
                best = found
    if best is None or not np.all(np.isfinite(best.x)) or np.any(np.abs(best.x) > 40):
        return None
    return _summary(best.x, fitted, adopters)


def _summary(
    theta: Floats, fitted: Callable[[Floats], Floats], adopters: Floats
) -> LeastSquares | None:
    values = np.exp(theta)
    jacobian = _jacobian(fitted, theta) / values
    df = len(adopters) - 3
    residual = fitted(theta) - adopters
    variance = float(residual @ residual) / df
    try:
        covariance = np.linalg.inv(jacobian.T @ jacobian) * variance
    except np.linalg.LinAlgError:
        return None
    squares = np.diag(covariance)
    if not np.all(np.isfinite(squares)) or np.any(squares < 0):
        return None
    se = tuple(float(v) for v in np.sqrt(squares))
    m, p, q = (float(v) for v in values)
    return LeastSquares(m, p, q, (se[0], se[1], se[2]), math.sqrt(variance), df)


def _jacobian(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Central differences: one column a parameter."""
    columns = []
    for i in range(len(at)):
        h = np.zeros(len(at))
        h[i] = 1e-5
        columns.append((function(at + h) - function(at - h)) / 2e-5)
    return np.column_stack(columns)


# Likelihood: the population is known --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Weeks:
    """What the likelihood needs of each period.

    Attributes
    ----------
    adopters, at_risk : ndarray of shape (n_periods,)
        Who started in it, of those who could.
    before : ndarray of shape (n_periods,)
        Share of the eligible who had started when it began.
    """

    adopters: Floats
    at_risk: Floats
    before: Floats


def chance(weeks_before: Any, p: Any, q: Any, ceiling: Any) -> Floats:
    """Return the chance to start within a period of someone who has not, by the share that has.

    A share ``ceiling`` of the population will ever start; nobody can tell beforehand who. Of
    those who have not started, (ceiling - share) / (1 - share) still will.
    """
    before = np.minimum(np.asarray(weeks_before, dtype=float), ceiling)
    with np.errstate(divide="ignore", invalid="ignore"):
        will = np.where(before < 1.0, (ceiling - before) / (1.0 - before), 0.0)
        found: Floats = will * step(before / ceiling, p, q)
    return found


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A fit with the edge of its 95 % likelihood region.

    Attributes
    ----------
    theta : ndarray of shape (3,)
        p, q and the ceiling.
    region : ndarray of shape (n_points, 3)
        Points on the edge, the estimate first. The smallest and largest value of any function of
        the parameters over it is that function's profile-likelihood interval.
    dispersion : float
        Pearson's chi-square over its degrees of freedom; 1 where starts are as random as a coin.
    df : int
    """

    theta: Floats
    region: Floats
    dispersion: float
    df: int

    def interval(self, function: Callable[[Floats], Any]) -> tuple[float, float]:
        """Return the ends of a function of (n, 3) parameters over the region."""
        values = np.asarray(function(self.region), dtype=float)
        return float(values.min()), float(values.max())


def maximum_likelihood(weeks: Weeks, *, fixed_ceiling: bool = False) -> Likelihood | None:
    """Fit p, q and (unless fixed at 1) the share that will ever start.

    Each period is a binomial draw among those at risk, whose chance follows exactly from the
    continuous curve that begins at the share observed: starts are known by period only (interval
    censoring), leavers and late entrants are at risk while they are there.

    Parameters
    ----------
    weeks : Weeks
    fixed_ceiling : bool
        Everyone will start, sooner or later.

    Returns
    -------
    Likelihood or None
        ``None`` where nobody started or no maximum was found.
    """
    from scipy.optimize import minimize

    if weeks.adopters.sum() <= 0 or np.all(weeks.at_risk <= 0):
        return None
    floor = min(float(weeks.before.max()) + 1e-6, 1.0)

    def deviance(theta: Floats) -> Floats:
        """Twice the negative log-likelihood of (n, 3) rows of log p, q and ceiling."""
        p, q, ceiling = (column[:, None] for column in _natural(theta, floor).T)
        return _deviance(weeks, chance(weeks.before[None, :], p, q, ceiling))

    free = 2 if fixed_ceiling else 3
    best: Any = None
    for p, q, ceiling in _starts(weeks, floor, fixed=fixed_ceiling):
        start = np.array([math.log(p), q, ceiling])

        def objective(x: Floats, start: Floats = start) -> float:
            return float(deviance(np.concatenate([x, start[free:]])[None, :])[0])

        moves = np.vstack([np.zeros(free), np.diag([0.3, 0.05, -0.05][:free])])
        options = {"xatol": 1e-7, "fatol": 1e-7, "maxiter": 2000}
        found = minimize(
            objective, start[:free], method="Nelder-Mead",
            options=options | {"initial_simplex": start[:free] + moves},
        )  # fmt: skip
        if best is None or found.fun < best[0]:
            best = (float(found.fun), np.concatenate([found.x, start[free:]]))
    theta = _clipped(best[1][None, :], floor)
    estimate = _natural(theta, floor)[0]
    if not np.all(np.isfinite(estimate)):
        return None
    expected = weeks.at_risk * chance(weeks.before, *estimate)
    dispersion = _dispersion(weeks, expected, free)
    df = max(int((expected > 0).sum()) - free, 1)
    threshold = CHI2_95 * max(dispersion, 1.0)
    region = _edge(deviance, theta[0], floor, threshold, free)
    points = np.vstack([estimate[None, :], _natural(region, floor)])
    return Likelihood(estimate, points, dispersion, df)


def _starts(weeks: Weeks, floor: float, *, fixed: bool) -> list[tuple[float, float, float]]:
    exposed = max(float(weeks.at_risk.sum()), 1.0)
    rate = max(float(weeks.adopters.sum()) / exposed, 1e-6)
    ceilings = [1.0] if fixed else [floor + (1 - floor) * f for f in (0.05, 0.4, 0.95)]
    return [
        (max(rate * part, 1e-8), q, ceiling)
        for ceiling in ceilings
        for part, q in ((0.3, 2 * rate), (1.0, 0.2 * rate))
    ]


def _natural(theta: Floats, floor: float) -> Floats:
    """Turn rows of log p, q, ceiling into p, q, ceiling within their bounds."""
    kept = _clipped(theta, floor)
    return np.column_stack([np.exp(kept[:, 0]), kept[:, 1], kept[:, 2]])


def _clipped(theta: Floats, floor: float) -> Floats:
    return np.column_stack(
        [
            np.clip(theta[:, 0], -20.0, 2.0),
            np.clip(theta[:, 1], 0.0, 20.0),
            np.clip(theta[:, 2], floor, 1.0),
        ]
    )


def _deviance(weeks: Weeks, chances: Floats) -> Floats:
    kept = np.clip(chances, 1e-12, 1 - 1e-12)
    stay = np.maximum(weeks.at_risk - weeks.adopters, 0.0)
    found: Floats = -2.0 * (np.log(kept) @ weeks.adopters + np.log1p(-kept) @ stay)
    return found


def _dispersion(weeks: Weeks, expected: Floats, free: int) -> float:
    """Pearson's chi-square per degree of freedom, neighbours pooled until 5 are expected."""
    bins = np.floor(np.cumsum(expected) / 5.0).astype(int)
    observed = np.bincount(bins, weights=weeks.adopters)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(weeks.at_risk > 0, expected * (1 - expected / weeks.at_risk), 0.0)
    variance = np.bincount(bins, weights=spread)
    mean = np.bincount(bins, weights=expected)
    used = variance > 1.0
    df = int(used.sum()) - free
    if df < 1:
        return 1.0
    return float(((observed - mean)[used] ** 2 / variance[used]).sum() / df)


def _edge(
    deviance: Callable[[Floats], Floats],
    theta: Floats,
    floor: float,
    threshold: float,
    free: int,
) -> Floats:
    """Walk from the estimate along fixed directions to where the deviance has risen enough.

    Bounds are kept by projection, so that a parameter at its bound leaves the others room.
    """
    base = float(deviance(theta[None, :])[0])
    scales = _scales(deviance, theta, floor, base, threshold, free)
    directions = _sphere(free) * scales[:free]
    directions = np.column_stack([directions, np.zeros((len(directions), 3 - free))])
    low = np.zeros(len(directions))
    high = np.full(len(directions), 0.5)
    for _ in range(12):
        outside = deviance(theta + high[:, None] * directions) - base >= threshold
        low = np.where(outside, low, high)
        high = np.where(outside, high, high * 2.0)
    for _ in range(40):
        middle = (low + high) / 2
        inside = deviance(theta + middle[:, None] * directions) - base < threshold
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return _clipped(theta + low[:, None] * directions, floor)


def _scales(
    deviance: Callable[[Floats], Floats],
    theta: Floats,
    floor: float,
    base: float,
    threshold: float,
    free: int,
) -> Floats:
    """How far each parameter alone may move, so that rays spread evenly over the region."""
    scales = np.zeros(3)
    for i in range(free):
        reach = []
        for sign in (-1.0, 1.0):
            unit = np.zeros(3)
            unit[i] = sign
            lengths = np.geomspace(1e-6, 10.0, 120)
            rises = deviance(_clipped(theta + lengths[:, None] * unit, floor)) - base
            beyond = np.flatnonzero(rises >= threshold)
            if len(beyond):
                reach.append(float(lengths[beyond[0]]))
        scales[i] = max(reach) if reach else max(1.0 - floor, 1e-3)
    return scales


def _sphere(dimensions: int) -> Floats:
    """Evenly spread unit vectors, the same every time: a circle, or a Fibonacci sphere."""
    i = np.arange(DIRECTIONS, dtype=np.float64) + 0.5
    if dimensions == 2:
        angle = 2 * np.pi * i / DIRECTIONS
        return np.column_stack([np.cos(angle), np.sin(angle)])
    height = 1 - 2 * i / DIRECTIONS
    angle = np.pi * (1 + math.sqrt(5)) * i
    radius: Floats = np.sqrt(1 - height**2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


def forecast(before: float, theta: Floats, periods: int) -> Floats:
    """Return the share that has started after each of the next periods.

    Parameters
    ----------
    before : float
        Share that has started by now.
    theta : ndarray of shape (n, 3)
        p, q, ceiling.
    periods : int

    Returns
    -------
    ndarray of shape (n, periods)
    """
    p, q, ceiling = (column[:, None] for column in theta.T)
    start = np.minimum(before / ceiling, 1.0)
    ahead = np.arange(1, periods + 1, dtype=float)[None, :]
    path = start + (1 - start) * step(start, p, q, ahead)
    shares: Floats = np.maximum(path * ceiling, before)
    return shares
