"""Segments of people by what they do or have: found only where they are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import DataError, message
from ldresearch.models import _stability
from ldresearch.models._frame import Floats, require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

MIN_PEOPLE: Final = 10
"""Fewest people of a segment; 5 % of everyone at least."""

_KEY = "person_key"


def cluster(
    frame: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = MIN_PEOPLE,
) -> Result:
    """Search for segments in a table of people by features.

    Columns are put on one scale by median and interquartile range; take logarithms of long-tailed
    ones first. A missing value adds nothing to any distance: it is not nought. k-means looks for
    round segments: a feature that varies within segments as much as between them cuts them up, so
    leave out what does not belong to the question.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, numeric features; an optional ``person_key`` is no feature.
    columns : sequence of str, optional
        Features; every numeric column but ``person_key`` by default.
    max_clusters, replicates, seed : int
    min_size : int
        Fewest people of a segment; 5 % of everyone at least.

    Returns
    -------
    Result
        Family SEGMENTS, the largest segment first: ``segment, share`` of people, ``jaccard`` (how
        well it comes back in bootstrap samples), ``n``, and the mean of each feature. Where data
        without clusters look the same, ``missing`` says that there are no segments: that is an
        answer. Estimate ``cluster_stability``; ``parameters["k"]``.

    Raises
    ------
    DataError
        If a feature is not there or not a number.

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> x = np.vstack([rng.normal(at, 0.5, (80, 2)) for at in ([0, 0], [5, 0], [0, 5])])
    >>> cluster(pd.DataFrame(x, columns=["days", "minutes"]), replicates=20).parameters["k"]
    3
    """
    found = _searched(frame, columns, max_clusters, replicates, seed, min_size)
    if isinstance(found, str):
        return not_enough("segments", Family.SEGMENTS, found)
    features, values, clusters = found
    parameters = {"k": clusters.k, "replicates": replicates, "stable": _stability.STABLE}
    best = max(clusters.tried, key=lambda t: t.jaccard)
    if not clusters.k:
        return not_enough(
            "segments", Family.SEGMENTS,
            "there are no segments: the clearest partition is no clearer than in data without any "
            f"(its clusters come back with a mean Jaccard similarity of {best.jaccard:.2f})",
            parameters=parameters,
        )  # fmt: skip
    chosen = next(t for t in clusters.tried if t.k == clusters.k)
    order = np.argsort(-np.bincount(clusters.labels, minlength=clusters.k), kind="stable")
    rows: list[dict[str, Any]] = []
    for place, label in enumerate(order, start=1):
        mine = clusters.labels == label
        means = values.loc[mine, features].mean()
        rows.append(
            {
                "segment": f"segment {place}", "share": float(mine.mean()),
                "jaccard": round(float(clusters.jaccard[label]), 4), "n": int(mine.sum()),
            }
            | {c: float(means[c]) for c in features}
        )  # fmt: skip
    roles = {"segment": Role.KEY, "share": Role.RATE, "jaccard": Role.VALUE, "n": Role.N}
    stability, n = round(chosen.jaccard, 4), len(values)
    estimate = Estimate(
        "cluster_stability", stability, math.nan, math.nan, n, "index", Grade.DESCRIPTIVE,
        f"{clusters.k} segments",
    )  # fmt: skip
    return Result(
        "segments", Family.SEGMENTS, pd.DataFrame(rows),
        roles | dict.fromkeys(features, Role.VALUE), (estimate,),
        "k-means over the values there are, on robust scales; stability over bootstrap samples "
        "without duplicates, against data without clusters.",
        parameters,
    )  # fmt: skip


def members(
    frame: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = MIN_PEOPLE,
) -> pd.Series:
    """Say which segment each row is in, as :func:`cluster` numbers them; private.

    Parameters
    ----------
    frame, columns, max_clusters, replicates, seed, min_size
        As in :func:`cluster`.

    Returns
    -------
    pandas.Series
        1, 2, ... on the index of ``frame``; missing where a row has no value at all, and for
        everyone where there are no segments.
    """
    nobody = pd.Series(pd.NA, index=frame.index, dtype="Int64", name="segment")
    found = _searched(frame, columns, max_clusters, replicates, seed, min_size)
    if isinstance(found, str) or not found[2].k:
        return nobody
    _, values, clusters = found
    order = np.argsort(-np.bincount(clusters.labels, minlength=clusters.k), kind="stable")
    place = np.empty(clusters.k, dtype=int)
    place[order] = np.arange(1, clusters.k + 1)
    nobody.loc[values.index] = place[clusters.labels]
    return nobody


def _searched(
    frame: pd.DataFrame,
    columns: Sequence[str] | None,
    max_clusters: int,
    replicates: int,
    seed: int,
    min_size: int,
) -> str | tuple[list[str], pd.DataFrame, _stability.Clusters]:
    if frame.empty:
        return str(frame.attrs.get("missing") or "there is no one to put into segments")
    numeric = [str(c) for c in frame.select_dtypes("number").columns if c != _KEY]
    features = list(columns) if columns is not None else numeric
    require(frame, features, "cluster")
    text = [c for c in features if not pd.api.types.is_numeric_dtype(frame[c])]
    if text:
        raise DataError(message("not numbers", where="cluster", got=sorted(text)))
    values = frame[features].astype(float).replace([np.inf, -np.inf], np.nan)
    spread = values.quantile(0.75) - values.quantile(0.25)
    # A feature that half the people share has no quartiles apart: its spread is taken instead.
    spread = spread.where(spread > 0, values.std(ddof=0))
    features = [c for c in features if spread[c] > 0]
    values = values[features].dropna(how="all")
    if len(features) < 2:
        return "fewer than two features tell people apart"
    if len(values) < _stability.MIN_ROWS:
        return (
            f"{len(values)} people are known, and telling segments from chance takes "
            f"{_stability.MIN_ROWS}"
        )
    x: Floats = ((values - values.median()) / spread[features]).to_numpy(float)
    w = np.isfinite(x).astype(float)
    found = _stability.clusters(
        np.where(w > 0, x, 0.0), w, max_clusters=max_clusters, replicates=replicates, seed=seed,
        min_size=min_size,
    )  # fmt: skip
    return features, values, found
