"""Are there clusters at all: partitions that ratings missing here and there cannot break.

Every observation carries a weight for each of its values; a missing value has weight nought. With
all weights 1 this is k-means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Floats

Labels = NDArray[np.intp]

_ROUNDS = 60
_LARGE = 5_000
_STILL = 0.0005
"""Share of the rows whose change of cluster is let be, where there are many rows."""
_FEW_ROUNDS = 30
_BLOCK = 200_000


@dataclass(frozen=True, slots=True)
class Partition:
    """Labels, centres and the weighted sum of squares within."""

    labels: Labels
    centres: Floats
    within: float


def distances(x: Floats, w: Floats, centres: Floats) -> Floats:
    """Weighted squared distance of each row to each centre; what is missing adds nothing."""
    own = (w * x * x).sum(axis=1)
    apart = own[:, None] + w @ (centres * centres).T - 2.0 * (w * x) @ centres.T
    return np.asarray(np.maximum(apart, 0.0))


def k_means(
    x: Floats, w: Floats, k: int, rng: np.random.Generator, *, starts: int = 5,
    rounds: int = _ROUNDS,
) -> Partition:  # fmt: skip
    """Partition rows into k clusters: k-means over the values that are there (k-POD).

    Parameters
    ----------
    x : array
        Rows by values; anything finite where the weight is 0.
    w : array
        Weights of the values, 0 where missing.
    k : int
    rng : numpy.random.Generator
    starts : int
        Times it is begun anew; the best is kept.
    rounds : int
        Most rounds of a start.

    References
    ----------
    Chi JT, Chi EC, Baraniuk RG (2016). The American Statistician 70:91-99.
    """
    best: Partition | None = None
    for _ in range(starts):
        found = _lloyd(x, w, _seeds(x, w, k, rng), rounds)
        if best is None or found.within < best.within:
            best = found
    assert best is not None  # noqa: S101 - starts is at least 1
    return best


def assign(x: Floats, w: Floats, centres: Floats) -> Labels:
    """Nearest centre of each row."""
    labels = np.empty(len(x), dtype=np.intp)
    for i in range(0, len(x), _BLOCK):
        rows = slice(i, i + _BLOCK)
        labels[rows] = distances(x[rows], w[rows], centres).argmin(axis=1)
    return labels


def _seeds(x: Floats, w: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k-means++; a missing value of a seed is the mean of its column."""
    total = w.sum(axis=0)
    mean = np.divide((w * x).sum(axis=0), total, out=np.zeros(x.shape[1]), where=total > 0)
    filled = np.where(w > 0, x, mean)
    centres = filled[[int(rng.integers(len(x)))]]
    for _ in range(k - 1):
        near = distances(x, w, centres).min(axis=1)
        sum_near = near.sum()
        chance = near / sum_near if sum_near > 0 else np.full(len(x), 1 / len(x))
        centres = np.vstack([centres, filled[[int(rng.choice(len(x), p=chance))]]])
    return centres


def _lloyd(x: Floats, w: Floats, centres: Floats, rounds: int = _ROUNDS) -> Partition:
    k, weighted = len(centres), w * x
    labels = np.full(len(x), -1, dtype=np.intp)
    rows = np.arange(len(x))
    still = int(_STILL * len(x)) if len(x) > _LARGE else 0
    for _ in range(rounds):
        # What a row's own values add is the same for every centre.
        new = (w @ (centres * centres).T - 2.0 * weighted @ centres.T).argmin(axis=1)
        if np.count_nonzero(new != labels) <= still:
            break
        labels = new
        member = np.zeros((len(x), k), dtype=x.dtype)
        member[rows, labels] = 1.0
        weight = member.T @ w
        # Where no row of a cluster has a value its centre stays.
        centres = np.divide(member.T @ weighted, weight, out=centres.copy(), where=weight > 0)
    within = distances(x, w, centres)[rows, labels].sum()
    return Partition(labels, centres, float(within))


# Stability ----------------------------------------------------------------------------------


def jaccards(before: Labels, after: Labels, k: int) -> Floats:
    """Jaccard similarity of each cluster to the cluster of the other partition nearest to it.

    Both label the same rows. A cluster that has no row is ``nan``.
    """
    table = np.zeros((k, k))
    np.add.at(table, (before, after), 1.0)
    own, other = table.sum(axis=1), table.sum(axis=0)
    either = own[:, None] + other[None, :] - table
    best = (table / np.where(either > 0, either, 1.0)).max(axis=1)
    return np.asarray(np.where(own > 0, best, np.nan))


def rand(before: Labels, after: Labels) -> float:
    """Adjusted Rand index of two partitions (Hubert & Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(before, after))


def bootstrap(
    x: Floats, w: Floats, whole: Partition, k: int, rng: np.random.Generator, replicates: int,
    *, starts: int = 2,
) -> tuple[Floats, float]:  # fmt: skip
    """Mean Jaccard similarity of each cluster over bootstrap samples, and the mean ARI.

    A person drawn twice is one person: duplicates are dropped, otherwise copies of a point form
    clusters of their own.

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.
    """
    n = len(x)
    each, same = [], []
    for _ in range(replicates):
        drawn = np.unique(rng.integers(0, n, n))
        found = k_means(x[drawn], w[drawn], k, rng, starts=starts)
        each.append(jaccards(whole.labels[drawn], found.labels, k))
        same.append(rand(whole.labels[drawn], found.labels))
    table = np.array(each)
    seen = ~np.isnan(table)
    # A cluster that no sample has drawn has not come back once.
    mean = np.where(seen, table, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return np.asarray(mean), float(np.mean(same))


def of_many(
    x: Floats, w: Floats, k: int, rng: np.random.Generator, replicates: int
) -> tuple[Partition, Floats, float]:
    """Partition many rows, and say how stable each cluster is, by samples of them.

    Centres are sought in a sample, begun anew twenty times in a smaller one of it. A replicate does
    the same with 20,000 rows of its own, and both label the same 20,000 other rows: what is
    compared does not grow with the rows. Of clusters that overlap, so many rows find the edges less
    exactly than all of them would, and the similarity is a little lower: by .01 where it is .99.

    Parameters
    ----------
    x, w : array
        As for :func:`k_means`.
    k : int
    rng : numpy.random.Generator
    replicates : int

    Returns
    -------
    Partition
        Its labels are those of all rows.
    jaccard : array
        Mean Jaccard similarity of each cluster.
    ari : float

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.
    """
    n = len(x)
    whole = _seeded(x, w, k, rng, min(_SAMPLE, n))
    probe = _drawn(rng, n)
    x_probe, w_probe = x[probe], w[probe]
    before = assign(x_probe, w_probe, whole.centres)
    each, same = np.empty((replicates, k)), np.empty(replicates)
    for i in range(replicates):
        drawn = _drawn(rng, n)
        found = _seeded(x[drawn], w[drawn], k, rng, len(drawn))
        after = assign(x_probe, w_probe, found.centres)
        each[i], same[i] = jaccards(before, after, k), rand(before, after)
    labels = assign(x, w, whole.centres)
    seen = ~np.isnan(each)
    mean = np.where(seen, each, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    whole = Partition(labels, whole.centres, math.nan)
    return whole, np.asarray(mean), float(same.mean())


def _drawn(rng: np.random.Generator, n: int) -> Labels:
    """A bootstrap sample of at most 20,000 rows, each once, in order."""
    return np.unique(rng.integers(0, n, min(n, _REPLICATE)))


def _seeded(x: Floats, w: Floats, k: int, rng: np.random.Generator, size: int) -> Partition:
    """k-means in a sample, from the best of twenty beginnings in a small part of it."""
    part = np.arange(len(x)) if size >= len(x) else np.unique(rng.integers(0, len(x), size))
    few = part if len(part) <= _SEEDS else np.sort(rng.choice(part, _SEEDS, replace=False))
    first = k_means(x[few], w[few], k, rng, starts=20, rounds=10)
    return _lloyd(x[part], w[part], first.centres.astype(x.dtype), _FEW_ROUNDS)


# Against nothing ----------------------------------------------------------------------------


def without_clusters(x: Floats, w: Floats, rng: np.random.Generator) -> Floats:
    """Draw data with the same values in each column and the same ties between columns, one cloud.

    A Gaussian copula: ranks of a normal cloud with the rank correlations of the data. Skewed
    columns, and skills that rise and fall together, are no clusters yet; both are kept.
    """
    n, m = x.shape
    correlation = _correlation(x, w)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    cloud = rng.standard_normal((n, m)) @ root.T
    out = np.zeros_like(x)
    for j in range(m):
        there = np.flatnonzero(w[:, j] > 0)
        order = there[np.argsort(cloud[there, j], kind="stable")]
        out[order, j] = np.sort(x[there, j])
    return out


def _correlation(x: Floats, w: Floats) -> Floats:
    """Correlation of normal scores over the rows that have both values; a usable matrix."""
    from scipy.special import ndtri

    seen = (w > 0).astype(float)
    scores = np.zeros_like(x)
    for j in range(x.shape[1]):
        there = np.flatnonzero(w[:, j] > 0)
        rank = np.empty(len(there))
        rank[np.argsort(x[there, j], kind="stable")] = np.arange(1, len(there) + 1)
        scores[there, j] = ndtri(rank / (len(there) + 1))
    both = seen.T @ seen
    square = np.maximum((scores**2).T @ seen, 1e-12)
    found = np.where(both > 2, (scores.T @ scores) / np.sqrt(square * square.T), 0.0)
    np.fill_diagonal(found, 1.0)
    values, vectors = np.linalg.eigh(found)
    mended = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(mended))
    return np.asarray(mended / np.outer(scale, scale))


def gap_statistic(
    x: Floats, ks: list[int], rng: np.random.Generator, *, draws: int = 50, starts: int = 5
) -> tuple[Floats, Floats]:
    """Gap statistic of complete data against uniform boxes along the principal axes.

    Parameters
    ----------
    x : array
    ks : list of int
    rng : numpy.random.Generator
    draws : int
    starts : int

    Returns
    -------
    gap, se : arrays
        One value a k. Dispersion is the sum of squares within (``d.power = 2`` of R's clusGap).

    References
    ----------
    Tibshirani R, Walther G, Hastie T (2001). J R Stat Soc B 63:411-423.
    """
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned = centred @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)

    def logs(data: Floats) -> Floats:
        ones = np.ones_like(data)
        within = [k_means(data, ones, k, rng, starts=starts).within for k in ks]
        # R sums squared distances of pairs over twice the cluster's size: the same number.
        return np.log(np.maximum(within, 1e-300))

    here = logs(x)
    drawn = np.array([logs(rng.uniform(low, high, x.shape)) for _ in range(draws)])
    spread = drawn.std(axis=0) * np.sqrt(1 + 1 / draws)
    return np.asarray(drawn.mean(axis=0) - here), np.asarray(spread)


# How many -----------------------------------------------------------------------------------

STABLE = 0.6
"""Least mean Jaccard similarity over bootstrap samples; below it clusters are called dissolved."""
APART = 3.0
"""Standard errors by which clusters must be tighter than data without clusters."""
NEARLY = 0.03
"""Jaccard similarity by which a number of clusters may be less stable than the most stable one."""
MIN_ROWS = 60
"""Fewest rows that are searched for clusters."""

_NULLS = 20
_MOST_ROWS = 1200
"""Rows that are held against data without clusters: of more, a trifle would be beyond chance."""
_FEW_REPLICATES = 20
_SAMPLE, _REPLICATE, _SEEDS = 100_000, 20_000, 1_000
_SMALLEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found for one number of clusters."""

    k: int
    jaccard: float
    lowest: float
    ari: float
    gap: float  # log sum of squares within: data without clusters less the data
    gap_se: float
    smallest: int
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class Clusters:
    """The partition of the accepted number of clusters; ``k`` 0 where there is none."""

    k: int
    labels: Labels
    centres: Floats
    jaccard: Floats  # by cluster
    tried: tuple[Tried, ...]


def clusters(
    x: Floats, w: Floats, *, max_clusters: int = 6, replicates: int = 50, seed: int = 1,
    min_size: int = 10, is_strict: bool = False,
) -> Clusters:  # fmt: skip
    """Search for clusters, and say that there are none where there are none.

    A number of clusters is accepted if its clusters come back in bootstrap samples (mean Jaccard
    similarity of 0.6 or more), leave less within than data without clusters do (by three standard
    errors), and none is too small. Of those accepted, the number is kept with the largest product
    of stability and distance below data without clusters. Neither will do alone: two cohorts that
    share a gap come back as well when taken as one, but leave more within; and halves of one long
    cloud come back in every sample, but leave no less within than chance.

    Parameters
    ----------
    x, w : arrays
        Rows by values, and their weights (0: missing).
    max_clusters, replicates, seed : int
    min_size : int
        Fewest rows of a cluster; 5 % of the rows at least.
    is_strict : bool
        Take the number only from those whose least stable cluster is nearly as stable as the best
        number's. Values that are few and far between, such as shares of small counts, let any
        cluster be cut into more that come back fairly well.
    """
    rng = np.random.default_rng(seed)
    n = len(x)
    fewest = max(min_size, int(np.ceil(_SMALLEST_SHARE * n)))
    part = np.sort(rng.permutation(n)[:_MOST_ROWS])
    xs, ws = x[part], w[part]
    if n > _MOST_ROWS:
        x, w = x.astype(np.float32), w.astype(np.float32)
    ks = list(range(2, max_clusters + 1))
    found = {k: k_means(xs, ws, k, rng, starts=8) for k in ks}
    null_within = _nulls(xs, ws, ks, rng)
    tried, each, whole = [], {}, {}
    for i, k in enumerate(ks):
        gap = float(null_within[:, i].mean() - np.log(max(found[k].within, 1e-300)))
        gap_se = float(null_within[:, i].std(ddof=1) * np.sqrt(1 + 1 / _NULLS))
        is_beyond = gap > APART * gap_se
        if n > _MOST_ROWS:
            # Of what is refused anyway it need not be known as well how often it comes back.
            enough = replicates if is_beyond else min(replicates, _FEW_REPLICATES)
            whole[k], by_cluster, ari = of_many(x, w, k, rng, enough)
        else:
            by_cluster, ari = bootstrap(xs, ws, found[k], k, rng, replicates)
            whole[k] = Partition(assign(x, w, found[k].centres), found[k].centres, math.nan)
        each[k] = by_cluster
        smallest = int(np.bincount(whole[k].labels, minlength=k).min())
        jaccard = float(by_cluster.mean())
        is_accepted = jaccard >= STABLE and is_beyond and smallest >= fewest
        tried.append(
            Tried(k, jaccard, float(by_cluster.min()), ari, gap, gap_se, smallest, is_accepted)
        )
    accepted = [t for t in tried if t.is_accepted]
    if not accepted:
        return Clusters(
            0, np.zeros(n, dtype=np.intp), np.zeros((0, x.shape[1])), np.zeros(0), tuple(tried)
        )
    best = max(t.lowest for t in accepted)
    accepted = [t for t in accepted if not is_strict or t.lowest >= best - NEARLY]
    k = max(accepted, key=lambda t: t.jaccard * t.gap).k
    return Clusters(k, whole[k].labels, whole[k].centres, each[k], tuple(tried))


def _nulls(x: Floats, w: Floats, ks: list[int], rng: np.random.Generator) -> Floats:
    """Log sums of squares within of data without clusters, one row a draw."""
    within = np.zeros((_NULLS, len(ks)))
    for r in range(_NULLS):
        drawn = without_clusters(x, w, rng)
        for i, k in enumerate(ks):
            within[r, i] = np.log(max(k_means(drawn, w, k, rng, starts=3).within, 1e-300))
    return within
