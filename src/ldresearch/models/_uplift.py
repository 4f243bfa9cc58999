"""Who gains from being treated: predicted on other people than it is judged on.

Predictions order people; they are never shown and never leave. What is told is what the order is
worth, on people the predictions have not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ldresearch.models._frame import Bools, Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """Gain by share treated, those with the largest predicted gain first.

    Attributes
    ----------
    share : array
        From 0 to 1.
    gain : array
        Outcomes won, for each person there is, if that share were treated.
    """

    share: Floats
    gain: Floats

    @property
    def auuc(self) -> float:
        """Area under the curve."""
        return float((np.diff(self.share) * (self.gain[1:] + self.gain[:-1])).sum() / 2)

    @property
    def qini(self) -> float:
        """Area between the curve and the straight line of choosing at random."""
        return self.auuc - float(self.gain[-1]) / 2


GRID = np.linspace(0, 1, 101)


def curve(order: Any, treated: Bools, outcome: Floats, weight: Floats) -> Curve:
    """Draw the uplift curve of an order.

    At each share it is the difference in outcome between treated and not among those that come
    first, times the share. ``weight`` is one over the chance of the arm a person is in, times how
    often she counts.

    Examples
    --------
    Of four people the first two gain: the treated of them succeeds, the other does not.

    >>> found = curve(np.array([0, 1, 2, 3]), np.array([True, False, True, False]),
    ...               np.array([1.0, 0, 0, 0]), np.full(4, 2.0))
    >>> found.gain[[0, 50, 100]].tolist()
    [0.0, 0.5, 0.5]
    """
    t, y, w = treated[order], outcome[order], weight[order]
    wt, wc = np.where(t, w, 0.0), np.where(t, 0.0, w)
    sums = [np.concatenate([[0.0], np.cumsum(x)]) for x in (wt, wt * y, wc, wc * y)]
    # How much of the people a place stands for, so that those who count twice take twice the room.
    p = np.cumsum(wt / max(wt.sum(), 1e-12) + wc / max(wc.sum(), 1e-12)) / 2
    at = np.searchsorted(p, GRID - 1e-9) + 1
    at[0] = 0
    at = np.minimum(at, len(order))
    nt, yt, nc, yc = (s[at] for s in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = yt / nt - yc / nc
    # Until both arms are seen, nothing is known: nothing is counted as won.
    return Curve(GRID, GRID * np.nan_to_num(difference, nan=0.0, posinf=0.0, neginf=0.0))


def predicted(
    x: Floats, treated: Bools, outcome: Floats, propensity: Floats, learner: str, new: Floats
) -> Floats:
    """Predict the gain of new people from a model of others."""
    gain: Floats = _LEARNERS[learner](x, treated, outcome, propensity, new)
    return gain


def _t(x: Floats, t: Bools, y: Floats, e: Floats, new: Floats) -> Floats:
    """Two models, one an arm; the gain is the difference of what they say."""
    gain: Floats = _fit(x[t], y[t])(new) - _fit(x[~t], y[~t])(new)
    return gain


def _x(x: Floats, t: Bools, y: Floats, e: Floats, new: Floats) -> Floats:
    """Impute each person's gain by the other arm's model, model that, and mix (Künzel 2019)."""
    on, off = _fit(x[t], y[t]), _fit(x[~t], y[~t])
    of_treated = _fit(x[t], y[t] - off(x[t]), is_outcome=False)
    of_control = _fit(x[~t], on(x[~t]) - y[~t], is_outcome=False)
    share = float(e[t].mean()) if t.any() else 0.5
    found: Floats = share * of_control(new) + (1 - share) * of_treated(new)
    return found


_LEARNERS = {"t": _t, "x": _x}
LEARNERS = tuple(_LEARNERS)


def _fit(x: Floats, y: Floats, *, is_outcome: bool = True) -> Any:
    """Fit a model with shrunk coefficients: logistic where the outcome is yes or no."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if not len(y) or np.ptp(y) == 0:
        mean = float(y.mean()) if len(y) else 0.0
        return lambda new: np.full(len(new), mean)
    if is_outcome and set(np.unique(y)) <= {0.0, 1.0}:
        logistic = LogisticRegression(C=0.3, max_iter=500).fit(x, y)
        return lambda new: logistic.predict_proba(new)[:, 1]
    return Ridge(alpha=10.0).fit(x, y).predict


def encoded(columns: list[Any]) -> Floats:
    """Turn attributes into numbers: categories into 0 and 1, numbers on one scale.

    Missing categories are one of their own; missing numbers are the median.
    """
    import pandas as pd

    parts: list[Floats] = []
    for column in columns:
        series = pd.Series(column)
        if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
            values = series.to_numpy(dtype=float, na_value=np.nan)
            known = values[np.isfinite(values)]
            middle = float(np.median(known)) if len(known) else 0.0
            values = np.where(np.isfinite(values), values, middle)
            scale = float(values.std()) or 1.0
            parts.append(((values - values.mean()) / scale)[:, None])
            continue
        code, names = pd.factorize(series.astype("string").fillna("Unknown"), sort=True)
        size = np.bincount(code, minlength=len(names))
        kept = np.flatnonzero(size >= max(10, 0.01 * len(series)))
        parts.append((code[:, None] == kept[None, :]).astype(float))
    return np.hstack(parts) if parts else np.zeros((0, 0))
