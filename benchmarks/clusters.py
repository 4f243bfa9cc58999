"""How stable clusters are: samples of many rows, beside the usual bootstrap of all of them.

Rows of 40 skills from six planted clusters; 100 replicates. The usual bootstrap fits scikit-learn's
k-means, with ten beginnings, to the data and to every sample of it: 101 fits. At a million rows
that is ten minutes, so two of them are run and timed, the first and a replicate; all others take
what the replicate takes. A single beginning would be faster and is no peer: it measures bad seeds.
"""

from __future__ import annotations

import os

# Threads of small matrices get in each other's way where a machine is shared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Timed, Work

COLUMNS, CLUSTERS, REPLICATES = 40, 6, 100
APART = {"far apart": 1.0, "close together": 0.5}
"""Standard deviation of the clusters' centres, in those of the rows around them."""

TITLE = "Stability of clusters"
UNIT = "rows"
SIZES = (1_000_000,)
USUAL = "the usual bootstrap: 2 of its 101 fits"


def prepare(folder: Path, size: int, seed: int = 0) -> None:
    """Write the skills of people who fall into six clusters.

    Parameters
    ----------
    folder : Path
    size : int
        People.
    seed : int
    """
    for name, apart in APART.items():
        rng = np.random.default_rng(1 + seed)
        of = rng.integers(0, CLUSTERS, size)
        x = rng.normal(0, apart, (CLUSTERS, COLUMNS)).astype(np.float32)[of]
        x += rng.standard_normal((size, COLUMNS), dtype=np.float32)
        np.save(folder / f"{name}.npy", x)


def ours(name: str) -> Callable[[Path], Timed]:
    """All of it: the clusters, and 100 replicates."""

    def contender(folder: Path) -> Timed:
        import sklearn.metrics  # noqa: F401 - imports are not timed, and it is loaded when needed

        from ldresearch.models import _stability

        def timed() -> float:
            x = np.load(folder / f"{name}.npy")
            rng = np.random.default_rng(1)
            _, jaccard, _ = _stability.of_many(x, np.ones_like(x), CLUSTERS, rng, REPLICATES)
            return float(jaccard.mean())

        return timed

    return contender


def usual(name: str) -> Callable[[Path], Timed]:
    """Two fits: of the data and of one bootstrap sample."""

    def contender(folder: Path) -> Timed:
        from sklearn.cluster import KMeans

        from ldresearch.models import _stability

        def timed() -> float:
            x = np.load(folder / f"{name}.npy")
            whole = KMeans(CLUSTERS, n_init=10, random_state=1).fit_predict(x)
            drawn = np.unique(np.random.default_rng(1).integers(0, len(x), len(x)))
            again = KMeans(CLUSTERS, n_init=10, random_state=2).fit_predict(x[drawn])
            return float(np.nanmean(_stability.jaccards(whole[drawn], again, CLUSTERS)))

        return timed

    return contender


WORKS = {
    name.replace(" ", "_"): Work(
        f"six clusters {name}, {COLUMNS} skills, {REPLICATES} replicates",
        {"ldresearch": ours(name), USUAL: usual(name)},
        # The mean Jaccard similarity: the usual one is of a single replicate.
        tolerance=0.02,
    )
    for name in APART
}


def about(figures: Mapping[int, Mapping[str, Any]]) -> str:
    """Say what the whole of the usual bootstrap would take."""
    lines = []
    for size, works in figures.items():
        for work, cell in works.items():
            own, two = cell.get("ldresearch"), cell.get(USUAL)
            if hasattr(own, "seconds") and hasattr(two, "seconds"):
                whole = two.seconds / 2 * (REPLICATES + 1)
                lines.append(
                    f"- {size:,} rows, {WORKS[work].title}: the usual bootstrap takes "
                    f"{whole:,.0f} s, worked out from two of its {REPLICATES + 1} fits, "
                    f"{whole / own.seconds:.0f} times as long."
                )
    return "\n".join(lines)
