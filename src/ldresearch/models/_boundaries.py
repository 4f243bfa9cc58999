"""Group-sequential boundaries by the recursion of Armitage, McPherson and Rowe (1969).

The density of the score process among those still going is carried from look to look on a grid;
Simpson's rule on the grid of Jennison and Turnbull (2000, chapter 19) makes it exact to about
1e-7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from ldresearch.models._frame import Floats

_R = 32
"""Fineness of the grid: 12 r - 3 points before the boundary cuts it."""
_FINE_TO = 0.07
"""Steps of the process down to this many standard deviations are seen by that grid."""
_NO_STEP = 1e-4
"""A look that adds a smaller part of the information is the look before."""
_FAR = 12.0


@dataclass(slots=True)
class _State:
    """Where those still going may be (on the z scale of the last look) and with what density."""

    z: Floats
    mass: Floats
    information: float


def _grid(middle: float, low: float, high: float, r: int) -> tuple[Floats, Floats]:
    """Return Jennison and Turnbull's points and Simpson weights between two boundaries."""
    i = np.arange(1, 6 * r)
    x = np.where(
        i < r,
        -3 - 4 * np.log(r / i),
        np.where(i <= 5 * r, -3 + 3 * (i - r) / (2 * r), 3 + 4 * np.log(r / (6 * r - i))),
    )
    x = x + middle
    inside = x[(x > low) & (x < high)]
    ends = np.array([max(low, x[0]), min(high, x[-1])])
    odd = np.unique(np.concatenate([ends, inside]))
    if len(odd) < 2:
        return odd, np.zeros(len(odd))
    points = np.empty(2 * len(odd) - 1)
    points[::2] = odd
    points[1::2] = (odd[1:] + odd[:-1]) / 2
    width = np.diff(odd)
    weights = np.zeros(len(points))
    weights[:-1:2] += width / 6
    weights[2::2] += width / 6
    weights[1::2] = 4 * width / 6
    return points, weights


def _advance(state: _State | None, information: float, drift: float) -> Callable[[float], float]:
    """Return the chance to be above a z at the next look, for those still going."""
    if state is None:
        shift = drift * np.sqrt(information)
        return lambda z: float(ndtr(shift - z))
    step = information - state.information
    base = state.z * np.sqrt(state.information) + drift * step
    scale = np.sqrt(information)

    def above(z: float) -> float:
        return float(state.mass @ ndtr((base - z * scale) / np.sqrt(step)))

    return above


def _fineness(information: Floats, k: int) -> int:
    """How fine the grid of a look has to be for the step to the next look that is one."""
    ahead = information[k + 1 :]
    shares = (ahead - information[k]) / ahead
    shares = shares[shares > _NO_STEP]
    return _R if not len(shares) else int(_R * max(_FINE_TO / np.sqrt(shares[0]), 1.0))


def _is_same(state: _State | None, information: float) -> bool:
    return state is not None and information - state.information <= _NO_STEP * information


def _next(
    state: _State | None, information: float, low: float, high: float, drift: float, r: int
) -> _State:
    z, weight = _grid(drift * np.sqrt(information), low, high, r)
    if state is None:
        density = np.exp(-0.5 * (z - drift * np.sqrt(information)) ** 2) / np.sqrt(2 * np.pi)
        return _State(z, weight * density, information)
    step = information - state.information
    from_, to = state.z * np.sqrt(state.information), z * np.sqrt(information)
    apart = (to[:, None] - from_[None, :] - drift * step) / np.sqrt(step)
    kernel = np.exp(-0.5 * apart**2) * np.sqrt(information / step) / np.sqrt(2 * np.pi)
    return _State(z, weight * (kernel @ state.mass), information)


def crossing(
    information: Floats, upper: Floats, drift: float = 0.0, *, sides: int = 2
) -> tuple[Floats, Floats]:
    """Return the chance to cross each boundary first at each look.

    Parameters
    ----------
    information : ndarray of shape (n_looks,)
        Increasing, any unit; the drift is per root of that unit.
    upper : ndarray of shape (n_looks,)
        Boundaries of z; with two sides the lower ones mirror them.
    drift : float
        Expected z at information 1.

    Returns
    -------
    above, below : ndarray of shape (n_looks,)
    """
    state: _State | None = None
    above, below = np.zeros(len(information)), np.zeros(len(information))
    for k, (t, c) in enumerate(zip(information, upper, strict=True)):
        if _is_same(state, t):
            continue
        over = _advance(state, t, drift)
        total = 1.0 if state is None else float(state.mass.sum())
        above[k] = over(c)
        low = -c if sides == 2 else -_FAR + min(drift * np.sqrt(t), 0.0)
        if sides == 2:
            below[k] = total - over(-c)
        state = _next(state, t, low, c, drift, _fineness(information, k))
    return above, below


def spend(information: Floats, spent: Floats, *, sides: int) -> Floats:
    """Return the boundaries that use up the error as a spending function says.

    Parameters
    ----------
    information : ndarray of shape (n_looks,)
        Fractions, increasing.
    spent : ndarray of shape (n_looks,)
        Error spent up to each look, both sides together.
    """
    state: _State | None = None
    upper = np.empty(len(information))
    used = 0.0
    for k, (t, total) in enumerate(zip(information, spent, strict=True)):
        if _is_same(state, t):
            upper[k] = upper[k - 1]
            continue
        over = _advance(state, t, 0.0)
        share = (total - used) / sides
        if share <= 1e-14:
            c = _FAR
        elif state is None:
            c = float(-ndtri(share))
        else:
            c = brentq(lambda z, f=over, s=share: f(z) - s, -_FAR, _FAR, xtol=1e-12)
        upper[k] = c
        used = max(used, total) if share > 1e-14 else used
        low = -c if sides == 2 else -_FAR
        state = _next(state, t, low, c, 0.0, _fineness(information, k))
    return upper


def constant(information: Floats, alpha: float, shape: NDArray[np.float64], *, sides: int) -> float:
    """Return the constant by which a boundary of a given shape has the error alpha."""

    def excess(c: float) -> float:
        above, below = crossing(information, c * shape, sides=sides)
        return float(above.sum() + below.sum()) - alpha

    return float(brentq(excess, 0.5, 10.0, xtol=1e-10))


def drift_for(information: Floats, upper: Floats, power: float, *, sides: int) -> float:
    """Return the drift at which the boundaries are crossed upwards with the given chance."""

    def excess(drift: float) -> float:
        return float(crossing(information, upper, drift, sides=sides)[0].sum()) - power

    return float(brentq(excess, 0.0, 12.0 / np.sqrt(information[-1]), xtol=1e-10))
