"""Risk tables: all that a survival curve needs of ten million spells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Sufficient statistics of one group.

    Attributes
    ----------
    time : ndarray of shape (n_times,)
        Distinct times of events and censorings, ascending.
    at_risk, events, censored : ndarray of shape (n_times,)
        Weighted: at risk just before, events at, censored at each time.
    n : float
        Weighted rows.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    censored: Floats
    n: float

    @property
    def survival(self) -> Floats:
        """Kaplan-Meier estimate just after each time."""
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = 1.0 - np.where(self.at_risk > 0, self.events / self.at_risk, 0.0)
        return np.cumprod(factors)

    @property
    def greenwood(self) -> Floats:
        """Cumulated d / (n (n - d)); infinite once everyone at risk has had the event."""
        left = self.at_risk * (self.at_risk - self.events)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(self.events > 0, self.events / left, 0.0)
        return np.cumsum(terms)


def risk_table(
    duration: Floats, event: NDArray[np.bool_], weight: Floats, entry: Floats | None = None
) -> RiskTable:
    """Fold rows into a risk table.

    Parameters
    ----------
    duration : ndarray of shape (n_rows,)
    event : ndarray of bool of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
        Rows that each row stands for.
    entry : ndarray of shape (n_rows,), optional
        A row is at risk at t if ``entry < t <= duration``; an entry at 0 or before means from
        the start.
    """
    if len(duration) and np.all(duration == np.floor(duration)) and duration.max() < 1e6:
        # Whole days: counting beats sorting.
        whole = duration.astype(np.int64)
        size = int(whole.max()) + 1
        all_events = np.bincount(whole, weights=weight * event, minlength=size)
        gone = np.bincount(whole, weights=weight, minlength=size)
        there = np.flatnonzero(np.bincount(whole, minlength=size))
        time, events, leaving = there.astype(float), all_events[there], gone[there]
    else:
        time, inverse = np.unique(duration, return_inverse=True)
        events = np.bincount(inverse, weights=weight * event, minlength=len(time))
        leaving = np.bincount(inverse, weights=weight, minlength=len(time))
    total = float(weight.sum())
    before = np.concatenate([[0.0], np.cumsum(leaving)[:-1]]) if len(time) else leaving
    if entry is None:
        entered = np.full(len(time), total)
    else:
        start = np.where(entry <= 0, -np.inf, entry)
        order = np.argsort(start, kind="stable")
        cumulated = np.concatenate([[0.0], np.cumsum(weight[order])])
        entered = cumulated[np.searchsorted(start[order], time, side="left")]
    return RiskTable(time, entered - before, events, leaving - events, total)
