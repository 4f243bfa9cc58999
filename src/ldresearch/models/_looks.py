"""What looking more than once costs: the chance to find an effect at one of several looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ldresearch.models import _sequence
from ldresearch.models._frame import Floats

_PATHS = 20_000
_SEED = 20_240_917


def limits(method: str, fractions: Sequence[float], alpha: float) -> Floats:
    """Return how many standard errors an effect has to be away from nought at each look.

    Parameters
    ----------
    method : {"confidence_sequence", "lan_demets_obrien_fleming", "lan_demets_pocock"}
    fractions : sequence of float
        Share of the information known at each look, rising to 1.
    alpha : float
        Two-sided.

    Examples
    --------
    >>> limits("lan_demets_obrien_fleming", [0.5, 1.0], 0.05).round(3).tolist()
    [2.963, 1.969]
    >>> limits("confidence_sequence", [1.0], 0.05).round(3).tolist()
    [3.035]
    """
    t = np.asarray(fractions, dtype=float)
    if method == "confidence_sequence":
        # Narrowest at the planned end; in standard errors of the look.
        tau = math.sqrt(_sequence.tightest(alpha))
        se = 1 / np.sqrt(t)
        wide: Floats = _sequence.half_width(se, tau, alpha) / se
        return wide
    from ldresearch.models import sequential

    found = sequential.boundaries(list(t), kind=method, alpha=alpha)
    return found.frame["z"].to_numpy(dtype=float)


@lru_cache(maxsize=64)
def _limits(method: str, fractions: tuple[float, ...], alpha: float) -> Floats:
    """Keep the limits of a plan: boundaries of many looks take a while."""
    return limits(method, fractions, alpha)


@lru_cache(maxsize=8)
def _walks(fractions: tuple[float, ...]) -> Floats:
    """Standardised estimates at each look where there is no effect; the same for every plan."""
    t = np.asarray(fractions)
    steps = np.diff(t, prepend=0.0)
    rng = np.random.default_rng(_SEED)
    half = rng.standard_normal((_PATHS // 2, len(t)))
    sums = np.cumsum(np.concatenate([half, -half]) * np.sqrt(steps), axis=1)
    walks: Floats = sums / np.sqrt(t)
    return walks


def chance(shift: float, z: Floats, fractions: Sequence[float]) -> float:
    """Return the chance that the effect is found, the right way round, at one look or another.

    Parameters
    ----------
    shift : float
        Effect over its standard error at the end.
    z : ndarray
        Of :func:`limits`.
    fractions : sequence of float

    Examples
    --------
    >>> one = limits("lan_demets_pocock", [1.0], 0.05)
    >>> round(chance(1.96 + 0.8416, one, [1.0]), 2)
    0.8
    """
    t = np.asarray(fractions, dtype=float)
    above = _walks(tuple(t)) + shift * np.sqrt(t) > z
    return float(above.any(axis=1).mean())


def shift_for(power: float, z: Floats, fractions: Sequence[float]) -> float:
    """Return the effect over its standard error that is found with a chance of ``power``."""
    t = np.asarray(fractions, dtype=float)
    # A path crosses once the shift exceeds the least it lacks at any look.
    lacks = ((z - _walks(tuple(t))) / np.sqrt(t)).min(axis=1)
    return float(np.quantile(lacks, power))


@lru_cache(maxsize=64)
def times(method: str, fractions: tuple[float, ...], alpha: float, power: float) -> float:
    """Return how many times the people of a single look, at the end, these looks take.

    Examples
    --------
    >>> round(times("lan_demets_pocock", (1.0,), 0.05, 0.8), 2)
    1.0
    >>> round(times("confidence_sequence", (1.0,), 0.05, 0.8), 1)
    1.9
    """
    if fractions == (1.0,) and method != "confidence_sequence":
        return 1.0
    z = _limits(method, fractions, alpha)
    return max((shift_for(power, z, fractions) / _single(alpha, power)) ** 2, 1.0)


def at_looks(single: float, method: str, fractions: tuple[float, ...], alpha: float) -> float:
    """Return the chance to find at one of the looks what a single look finds with a chance."""
    if math.isnan(single) or (fractions == (1.0,) and method != "confidence_sequence"):
        return single
    shift = _single(alpha, min(single, 1 - 1e-12))
    return chance(shift, _limits(method, fractions, alpha), fractions)


def _single(alpha: float, power: float) -> float:
    """Effect over its standard error that a single look finds with a chance of ``power``."""
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power))
