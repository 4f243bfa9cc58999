"""BG/NBD: how often people come while they do, and when they silently stop.

While active, a person comes at a rate of her own (gamma over people); after each time she may stop
for good, with a chance of her own (beta over people). What is known of a person is three numbers:
``x`` repeats, ``t_x`` when the last of them was, ``T`` how long she has been known, all counted
from the first time. Whoever has not repeated has ``x = t_x = 0``, and is active by definition of
the model: one stops only after a repeat.

The likelihood is in logarithms, and the hypergeometric function of the paper is worked out as the
integral it stands for, so that thousands of repeats and parameters of any size do no harm.

References
----------
Fader PS, Hardie BGS, Lee KL (2005). Marketing Science 24:275-284.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ldresearch.models._frame import Floats

FEWEST = 30
"""Fewest people it is fitted to."""
FEWEST_REPEATS = 10
"""Fewest people who repeated, below which a rate of stopping is a guess."""

_POINTS = 64
"""Points of the quadrature over chances of stopping."""
_NAMES = ("r", "alpha", "a", "b")
_FLAT = 8.0
"""Logarithms of parameters beyond this are at the edge of the likelihood."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters, their standard errors by observed information, and what they rest on.

    Attributes
    ----------
    r, alpha : float
        Shape and rate of the gamma over rates; ``r / alpha`` is the mean rate while active.
    a, b : float
        Of the beta over chances of stopping; ``a / (a + b)`` is its mean.
    se : tuple of float
        Standard errors in the same order.
    covariance : ndarray
        Of the logarithms of the parameters.
    log_likelihood : float
    n : int
        People.
    """

    r: float
    alpha: float
    a: float
    b: float
    se: tuple[float, float, float, float]
    covariance: Floats
    log_likelihood: float
    n: int

    @property
    def logs(self) -> Floats:
        """Logarithms of the parameters."""
        return np.log([self.r, self.alpha, self.a, self.b])


def fit(x: Floats, t_x: Floats, known: Floats, weight: Floats) -> Fit | str:
    """Fit by maximum likelihood, or say why it cannot be.

    Parameters
    ----------
    x, t_x, known : ndarray
        A row a kind of history.
    weight : ndarray
        People with it.

    Returns
    -------
    Fit or str
        The reason where the four parameters are not identified.
    """
    from scipy.optimize import minimize

    n = float(weight.sum())
    if n < FEWEST:
        return f"fewer than {FEWEST} people have begun"
    if float(weight[x > 0].sum()) < FEWEST_REPEATS:
        return f"fewer than {FEWEST_REPEATS} people have come again"
    if len(np.unique(np.column_stack([x, t_x, known])[weight > 0], axis=0)) < 5:
        return "nearly everyone has the same history, so rates and stopping cannot be told apart"
    # Time in units in which people are known for about one: the starting values then fit any clock.
    scale = float(weight @ known / n)
    if not scale > 0:
        return "nobody has been known for any time yet"
    own = (x, t_x / scale, known / scale, weight)
    starts = ((0.0, 0.0, 0.0, 0.0), (-1.0, -1.0, -1.0, 1.0))
    tries = [
        minimize(_deviance, start, args=own, method="L-BFGS-B", bounds=[(-10, 10)] * 4)
        for start in starts
    ]
    best = min(tries, key=lambda one: float(one.fun))
    logs = np.asarray(best.x, dtype=float)
    for _ in range(3):  # the search stops short of the peak; Newton's steps go there
        logs = _stepped(logs, own)
    edge = [name for name, value in zip(_NAMES, logs, strict=True) if abs(value) > _FLAT]
    if edge:
        return (
            "the histories do not tell the parameters of coming and stopping: the likelihood has "
            f"no peak in {' and '.join(edge)}"
        )
    information = _hessian(logs, own) * n
    try:
        covariance = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return "the histories do not tell the parameters of coming and stopping apart"
    if not (np.diag(covariance) > 0).all() or np.diag(covariance).max() > 25:
        return "the histories do not tell the parameters of coming and stopping apart"
    peak, values = logs, np.exp(logs + np.array([0, math.log(scale), 0, 0]))
    se = values * np.sqrt(np.diag(covariance))
    at_peak = -_deviance(peak, *own) * n
    return Fit(
        float(values[0]),
        float(values[1]),
        float(values[2]),
        float(values[3]),
        (float(se[0]), float(se[1]), float(se[2]), float(se[3])),
        covariance,
        at_peak - float(weight @ x) * math.log(scale),
        round(n),
    )


def log_likelihood(logs: Floats, x: Floats, t_x: Floats, known: Floats) -> Floats:
    """Return the log-likelihood of each history."""
    from scipy.special import betaln, gammaln

    r, alpha, a, b = np.exp(logs)
    common = gammaln(r + x) - gammaln(r) + r * logs[1]
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + known)
    stopped = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b)
    stopped = stopped - (r + x) * np.log(alpha + t_x)
    return np.asarray(common + np.where(x > 0, np.logaddexp(alive, stopped), alive))


def _deviance(logs: Floats, x: Floats, t_x: Floats, known: Floats, weight: Floats) -> float:
    found = -float(weight @ log_likelihood(np.asarray(logs), x, t_x, known) / weight.sum())
    return found if math.isfinite(found) else 1e10


def _stepped(logs: Floats, own: tuple[Floats, ...]) -> Floats:
    """Take one step of Newton's, if it leads up."""
    step = np.eye(len(logs)) * 1e-4
    gradient = np.array(
        [(_deviance(logs + s, *own) - _deviance(logs - s, *own)) / 2e-4 for s in step]
    )
    try:
        new = logs - np.linalg.solve(_hessian(logs, own), gradient)
    except np.linalg.LinAlgError:
        return logs
    is_higher = np.abs(new).max() < 2 * _FLAT and _deviance(new, *own) <= _deviance(logs, *own)
    return np.asarray(new if is_higher else logs)


def _hessian(logs: Floats, own: tuple[Floats, ...]) -> Floats:
    """Second derivatives by central differences of the mean deviance."""
    step, size = 1e-3, len(logs)
    eye, out = np.eye(size) * step, np.zeros((size, size))
    for i in range(size):
        for j in range(i, size):
            corners = [
                sign_i * sign_j * _deviance(logs + sign_i * eye[i] + sign_j * eye[j], *own)
                for sign_i in (1, -1)
                for sign_j in (1, -1)
            ]
            out[i, j] = out[j, i] = sum(corners) / (4 * step**2)
    return np.asarray(out)


def draws(
    fitted: Fit, x: Floats, t_x: Floats, known: Floats, weight: Floats, size: int,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Draw logarithms of parameters as the likelihood has them, a row a draw.

    The normal distribution about the peak is only where they are looked for: draws are taken again
    in proportion to how much more likely they are than it says, since ``a`` and ``b`` together
    often have a long ridge.
    """
    root = np.linalg.cholesky(fitted.covariance)
    normal = rng.standard_normal((4 * size, 4))
    looked = fitted.logs + normal @ root.T
    tall = np.array(
        [float(weight @ log_likelihood(one, x, t_x, known)) for one in looked]
    ) + 0.5 * (normal**2).sum(axis=1)
    chance = np.exp(np.where(np.isfinite(tall), tall, -np.inf) - np.nanmax(tall))
    return np.asarray(looked[rng.choice(len(looked), size, p=chance / chance.sum())])


# What follows from it -----------------------------------------------------------------------


def p_alive(logs: Floats, x: Floats, t_x: Floats, known: Floats) -> Floats:
    """Return the chance that whoever has a history has not stopped."""
    r, alpha, a, b = np.exp(logs)
    repeats = np.maximum(x, 1)
    odds = np.log(a / (b + repeats - 1)) + (r + x) * np.log((alpha + known) / (alpha + t_x))
    return np.asarray(np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0))


def p_comes(logs: Floats, x: Floats, t_x: Floats, known: Floats, ahead: float) -> Floats:
    """Return the chance of at least one repeat in the time ahead.

    Whoever has not stopped has a rate with a gamma distribution of ``r + x`` and ``alpha + T``.
    """
    r, alpha, _, _ = np.exp(logs)
    none = np.exp(-(r + x) * np.log1p(ahead / (alpha + known)))
    return np.asarray(p_alive(logs, x, t_x, known) * (1 - none))


def expected(logs: Floats, x: Floats, t_x: Floats, known: Floats, ahead: float) -> Floats:
    """Return the expected number of repeats in the time ahead, given a history."""
    x, known = np.asarray(x, dtype=float), np.asarray(known, dtype=float)
    return np.asarray(_ahead(logs, x, known, ahead) * p_alive(logs, x, t_x, known))


def expectation(logs: Floats, time: Floats) -> Floats:
    """Return the expected number of repeats of a newcomer in so much time."""
    time = np.asarray(time, dtype=float)
    nought = np.zeros_like(time)
    return _ahead(logs, nought, nought, time)


def _ahead(logs: Floats, x: Floats, known: Floats, ahead: float | Floats) -> Floats:
    """Return the expected number of repeats ahead of whoever has not stopped.

    Formula (10) of the paper as the integral that its hypergeometric function stands for: over the
    chance of stopping, which is then beta with ``a`` and ``b + x``, of (1 - (A / (A + p t))^(r + x)
    ) / p, with ``A = alpha + T``. Nothing in it cancels or overflows, which the series does where
    ``a`` and ``b`` are large.
    """
    from scipy.special import betaincinv

    r, alpha, a, b = np.exp(logs)
    point, weight = np.polynomial.legendre.leggauss(_POINTS)
    level, weight = (point + 1) / 2, weight / 2
    reach = np.broadcast_to(np.asarray(ahead, dtype=float), x.shape) / (alpha + known)
    out: Floats = np.zeros(x.shape)
    for repeats in np.unique(x):
        rows = x == repeats
        stops = np.maximum(betaincinv(a, b + repeats, level), 1e-12)
        some = -np.expm1(-(r + repeats) * np.log1p(stops * reach[rows][:, None]))
        out[rows] = (some / stops) @ weight
    return np.asarray(out, dtype=float)
