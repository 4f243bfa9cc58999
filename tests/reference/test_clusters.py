"""Clustering against published numbers: R's kmeans, cluster and fpc.

Sums of squares and silhouettes of iris come from R (stats::kmeans, cluster::silhouette). R's
``clusGap`` uses half the sum of squares for ``d.power = 2``, which moves its logarithm by a
constant and leaves the gap as it is.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from ldresearch.models import _stability

IRIS = np.asarray(load_iris().data, dtype=float)
R_KMEANS = [(2, 152.348, 0.6810462), (3, 78.85144, 0.552819), (4, 57.22847, 0.4980505)]


def ones(x: np.ndarray) -> np.ndarray:
    return np.ones_like(x)


def best(x: np.ndarray, k: int, seed: int = 1, starts: int = 25) -> _stability.Partition:
    return _stability.k_means(x, ones(x), k, np.random.default_rng(seed), starts=starts)


@pytest.mark.parametrize(("k", "within", "silhouette"), R_KMEANS)
def test_iris_as_in_r(k: int, within: float, silhouette: float) -> None:
    found = best(IRIS, k)
    assert found.within == pytest.approx(within, rel=2e-6)
    assert silhouette_score(IRIS, found.labels) == pytest.approx(silhouette, abs=1e-6)


def test_missing_values_do_not_enter_the_sum_of_squares() -> None:
    """A value of weight nought may hold anything finite."""
    rng = np.random.default_rng(2)
    w = (rng.random(IRIS.shape) > 0.2).astype(float)
    noise = np.where(w > 0, IRIS, 1e3)
    first = _stability.k_means(noise, w, 3, np.random.default_rng(1), starts=10)
    again = _stability.k_means(
        np.where(w > 0, IRIS, -50.0), w, 3, np.random.default_rng(1), starts=10
    )
    by_hand = sum(
        float((w[i] * (IRIS[i] - first.centres[first.labels[i]]) ** 2).sum())
        for i in range(len(IRIS))
    )
    assert first.within == pytest.approx(by_hand, rel=1e-9)
    assert first.within == pytest.approx(again.within, rel=1e-6)


def test_jaccard_by_hand() -> None:
    """Two of {0,1,2} stay together; 3 joins 4: best matches are 2/3 and 2/3."""
    before, after = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(_stability.jaccards(before, after, 2), [2 / 3, 2 / 3])
    moved = _stability.jaccards(np.array([0, 0, 1]), np.array([1, 1, 0]), 2)
    np.testing.assert_allclose(moved, [1.0, 1.0])


def test_clear_clusters_come_back_and_a_cut_cloud_does_not() -> None:
    x, _ = make_blobs(240, centers=[[0, 0], [8, 0], [0, 8]], cluster_std=0.6, random_state=1)
    rng = np.random.default_rng(1)
    clear, same = _stability.bootstrap(x, ones(x), best(x, 3), 3, rng, 30)
    assert clear.min() > 0.98
    assert same > 0.98
    cloud = rng.standard_normal((240, 6))
    cut, _ = _stability.bootstrap(cloud, ones(cloud), best(cloud, 4), 4, rng, 30)
    assert cut.mean() < 0.6


def test_bootstrap_jaccard_as_in_fpc() -> None:
    """iris in three: fpc::clusterboot gives a mean of .96; copies of a point are used once.

    With copies kept the same clusters come back less often.
    """
    whole = best(IRIS, 3)
    found, _ = _stability.bootstrap(
        IRIS, ones(IRIS), whole, 3, np.random.default_rng(2), 100, starts=10
    )
    assert found.mean() == pytest.approx(0.96, abs=0.012)
    rng = np.random.default_rng(3)
    kept = []
    for _ in range(100):
        rows = rng.integers(0, len(IRIS), len(IRIS))
        again = _stability.k_means(IRIS[rows], ones(IRIS), 3, rng, starts=5)
        kept.append(_stability.jaccards(whole.labels[rows], again.labels, 3))
    assert np.nanmean(kept) < found.mean()


def test_gap_statistic_as_with_scikit_learn() -> None:
    """The same statistic from another k-means and other draws, within their errors.

    The largest gap is at the three clusters there are, and at one where there are none.
    """
    ks = [1, 2, 3, 4, 5]
    x, _ = make_blobs(150, centers=[[0, 0], [6, 0], [0, 6]], cluster_std=0.7, random_state=1)
    gap, se = _stability.gap_statistic(x, ks, np.random.default_rng(1), draws=20)
    turned = (x - x.mean(axis=0)) @ np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2].T
    low, high = turned.min(axis=0), turned.max(axis=0)

    def logs(data: np.ndarray) -> list[float]:
        return [np.log(KMeans(k, n_init=5, random_state=0).fit(data).inertia_) for k in ks]

    rng = np.random.default_rng(2)
    other = np.mean([logs(rng.uniform(low, high, x.shape)) for _ in range(20)], axis=0) - logs(x)
    assert (np.abs(gap - other) < 2 * se).all()
    assert ks[int(gap.argmax())] == 3
    flat = np.random.default_rng(1).random((150, 2))
    none, _ = _stability.gap_statistic(flat, ks, np.random.default_rng(1), draws=20)
    assert none.max() < 0.2 < gap.max()


def test_gaussian_mixtures_agree_on_how_many() -> None:
    """BIC of scikit-learn's mixtures (equal to mclust's, other sign) picks as many clusters."""
    x, _ = make_blobs(200, centers=[[0, 0], [9, 0], [0, 9], [9, 9]], random_state=2)
    bic = [GaussianMixture(k, random_state=0, n_init=2).fit(x).bic(x) for k in range(1, 7)]
    found = _stability.clusters(x, ones(x), max_clusters=6, replicates=20)
    assert found.k == 1 + int(np.argmin(bic)) == 4
