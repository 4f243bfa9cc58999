"""Many questions asked at once: p-values that hold for all of them together."""

from __future__ import annotations

import numpy as np

from ldresearch.models._frame import Floats


def holm(p: Floats) -> Floats:
    """Return Holm's adjusted p-values: any of the true nulls is called with 5 % in all.

    References
    ----------
    Holm S (1979). Scand J Stat 6:65-70.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out
