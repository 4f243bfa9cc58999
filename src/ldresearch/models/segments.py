"""Segments of people by any features: as many as are found again, or none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ldresearch.errors import DataError, message
from ldresearch.models import _stability
from ldresearch.models._frame import Floats
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role


def cluster(
    frame: pd.DataFrame,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = 10,
) -> Result:
    """Search for segments, and say that there are none where there are none.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, one number column a feature; missing values are left out, not filled in.
        Features are brought to mean 0 and standard deviation 1; one that does not vary is dropped.
    max_clusters : int
        Largest number that is tried.
    replicates : int
        Bootstrap samples in which segments must be found again.
    seed : int
    min_size : int
        Fewest people of a segment; 5 % of them at least.

    Returns
    -------
    Result
        Family SEGMENTS: ``segment, feature, mean`` (in the feature's own unit), ``others`` (mean of
        everyone else), ``jaccard``, ``n``. Without segments it has no rows and says why. Estimates
        ``cluster_stability`` and ``cohort_size`` by segment. ``members`` has the ``segment`` (1,
        2, ... the largest first) under the index of the frame, empty where there are none; rows
        without any value are not placed.

    Raises
    ------
    DataError
        If a column holds no numbers, or an infinite one.

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.
    Tibshirani R, Walther G, Hastie T (2001). J R Stat Soc B 63:411-423.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> found = cluster(pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc")))
    >>> found.is_empty, len(found.members)
    (True, 0)
    """
    name = "segments"
    nobody = pd.DataFrame({"segment": pd.Series(dtype="int64")})
    try:
        values = frame.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise DataError(
            message("features are numbers", where="segments.cluster",
                    got=[str(t) for t in frame.dtypes][:8])
        ) from None  # fmt: skip
    if np.isinf(values).any():
        raise DataError(message("a feature is infinite", where="segments.cluster"))
    placed = (~np.isnan(values)).any(axis=1) if values.size else np.zeros(len(frame), dtype=bool)
    n = int(placed.sum())
    if n < _stability.MIN_ROWS:
        why = f"fewer than {_stability.MIN_ROWS} people have any of the features"
        return not_enough(name, Family.SEGMENTS, why).but(members=nobody)
    here = values[placed]
    some = (~np.isnan(here)).any(axis=0)
    middle, spread = np.zeros(here.shape[1]), np.zeros(here.shape[1])
    middle[some], spread[some] = np.nanmean(here[:, some], axis=0), np.nanstd(here[:, some], axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(middle), 1.0)
    if varies.sum() < 2:
        why = "fewer than two features differ between people"
        return not_enough(name, Family.SEGMENTS, why).but(members=nobody)
    scaled = (here[:, varies] - middle[varies]) / spread[varies]
    w = (~np.isnan(scaled)).astype(float)
    found = _stability.clusters(
        np.nan_to_num(scaled), w, max_clusters=max_clusters, replicates=replicates, seed=seed,
        min_size=min_size,
    )  # fmt: skip
    if not found.k:
        why = (
            "people do not fall into segments that are found again in other samples and are more "
            "than chance"
        )
        nothing = not_enough(name, Family.SEGMENTS, why, parameters={"k": 0})
        return nothing.but(members=nobody)
    size = np.bincount(found.labels, minlength=found.k)
    order = np.argsort(-size, kind="stable")
    rank = np.empty(found.k, dtype=int)
    rank[order] = np.arange(1, found.k + 1)
    labels = rank[found.labels]
    result = _profiles(frame.loc[placed], labels, found.jaccard[order], found, name)
    return result.but(members=pd.DataFrame({"segment": labels}, index=frame.index[placed]))


def _profiles(
    frame: pd.DataFrame, labels: _stability.Labels, jaccard: Floats,
    found: _stability.Clusters, name: str,
) -> Result:  # fmt: skip
    rows, estimates = [], []
    n = len(frame)
    chosen = next(t for t in found.tried if t.k == found.k)
    for segment in range(1, found.k + 1):
        inside = labels == segment
        size = int(inside.sum())
        for feature in frame.columns:
            value = frame[feature].astype(float)
            mean, others = value[inside].mean(), value[~inside].mean()
            rows.append(
                (f"segment {segment}", str(feature), round(float(mean), 6),
                 round(float(others), 6), round(float(jaccard[segment - 1]), 4), size)
            )  # fmt: skip
        estimates.append(
            Estimate("cohort_size", size / n, math.nan, math.nan, size, "share",
                     Grade.DESCRIPTIVE, f"segment {segment}")
        )  # fmt: skip
    columns = ["segment", "feature", "mean", "others", "jaccard", "n"]
    return Result(
        name, Family.SEGMENTS, pd.DataFrame(rows, columns=columns),
        {
            "segment": Role.KEY, "feature": Role.KEY, "mean": Role.VALUE, "others": Role.VALUE,
            "jaccard": Role.VALUE, "n": Role.N,
        },
        (
            Estimate("cluster_stability", round(chosen.jaccard, 4), math.nan, math.nan, n, "index",
                     Grade.DESCRIPTIVE, f"{found.k} segments"),
            *estimates,
        ),
        "k-means over the features there are (k-POD), on standard deviations; as many segments as "
        "bootstrap samples and data without segments bear out.",
        {"k": found.k, "n_placed": n},
    )  # fmt: skip
