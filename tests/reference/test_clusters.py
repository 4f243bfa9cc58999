"""Clusters against R: stats::kmeans and cluster::silhouette on iris."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import silhouette_score

from ldresearch.models import _stability

# R 4: kmeans(iris[, 1:4], k, nstart = 50)$tot.withinss and mean silhouette width.
R = {2: (152.348, 0.6810462), 3: (78.85144, 0.552819), 4: (57.22847, 0.4980505)}


@pytest.mark.parametrize("k", R)
def test_iris_is_partitioned_as_by_r(k: int) -> None:
    x = load_iris().data
    found = _stability.k_means(x, np.ones_like(x), k, np.random.default_rng(1), starts=30)
    within, silhouette = R[k]
    assert found.within == pytest.approx(within, abs=1e-3)
    assert silhouette_score(x, found.labels) == pytest.approx(silhouette, abs=1e-6)


def test_jaccard_of_partitions_by_hand() -> None:
    """{0 1 2} {3 4 5} against {0 1} {2 3 4 5}: 2/3 and 3/4."""
    before, after = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    assert _stability.jaccards(before, after, 2) == pytest.approx([2 / 3, 3 / 4])
