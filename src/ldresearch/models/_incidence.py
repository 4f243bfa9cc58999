"""Curves of incidence on a grid of whole weeks: what a page can show and the door lets out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ldresearch.models.survival import MIN_AT_RISK

_CURVE_POINTS = 80
_LONGEST_GRID = 364


def width(longest: float) -> int:
    """Return the width in days of the coarsest of a few grids that shows enough of a curve."""
    widths = (7, 14, 28, 56, 91)
    return next((w for w in widths if longest / w <= _CURVE_POINTS), _LONGEST_GRID)


def on_grid(curve: pd.DataFrame, grid: int) -> pd.DataFrame:
    """Keep a curve's height at the points of a grid, and sum the events between them.

    It ends where fewer than ten are followed: what comes after moves by a tenth with each person.
    """
    time = curve["time"].to_numpy(dtype=float)
    at_risk = curve["n"].to_numpy(dtype=float)
    events = np.concatenate([[0.0], np.cumsum(curve["n_events"].to_numpy(dtype=float))])
    points = np.arange(0, math.floor(time[-1] / grid) + 1) * float(grid)
    seen = np.searchsorted(time, points, side="right")
    here = np.searchsorted(time, points, side="left")
    remaining = at_risk[np.minimum(here, len(time) - 1)]
    kept = (remaining >= min(MIN_AT_RISK, at_risk.max())) | (points == 0)
    out = pd.DataFrame(
        {"time": points, "n": remaining.astype(int), "n_events": np.diff(events[seen], prepend=0)}
    )
    for column in ("incidence", "low", "high"):
        heights = np.concatenate([[0.0], curve[column].to_numpy(dtype=float)])
        out[column] = heights[seen]
    shown: pd.DataFrame = out[kept].reset_index(drop=True)
    return shown
