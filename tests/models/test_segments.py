"""Segments: found where they are, none where there are none, and nothing from too little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError
from ldresearch.models.segments import cluster
from ldresearch.privacy import publish
from ldresearch.result import Rules


def blobs(seed: int, k: int, n: int = 300, m: int = 4) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    of = rng.integers(0, k, n)
    x = rng.normal(0, 6, (k, m))[of] + rng.normal(size=(n, m))
    return pd.DataFrame(x, columns=list("abcdefgh")[:m]), of


def test_segments_are_found_with_values_missing() -> None:
    frame, of = blobs(3, 3)
    holes = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.1)
    found = cluster(holes, replicates=20)
    labels = found.members["segment"]
    assert found.parameters["k"] == 3
    agrees = pd.crosstab(labels.to_numpy(), of[labels.index]).max(axis=1).sum() / len(labels)
    assert agrees > 0.95
    sizes = labels.value_counts()
    assert list(sizes.index) == [1, 2, 3]
    assert not publish(found, Rules()).is_empty


def test_it_is_the_same_again() -> None:
    frame, _ = blobs(4, 3)
    one, two = cluster(frame, replicates=20), cluster(frame, replicates=20)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    pd.testing.assert_frame_equal(one.members, two.members)


@pytest.mark.parametrize("kind", ["normal", "skewed", "uniform"])
def test_one_cloud_has_no_segments(kind: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 1)) + 0.7 * rng.normal(size=(300, 4))
    x = np.exp(x) if kind == "skewed" else rng.random((300, 4)) if kind == "uniform" else x
    found = cluster(pd.DataFrame(x), replicates=20)
    assert found.is_empty
    assert "do not fall into segments" in found.missing
    assert found.members.empty


def test_a_small_group_is_no_segment() -> None:
    """Ten people far from 390 others: under 5 %."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(400, 3))
    x[:10] += 12
    found = cluster(pd.DataFrame(x), replicates=20)
    assert found.is_empty


def test_too_little_and_too_flat() -> None:
    assert "fewer than 60" in cluster(pd.DataFrame()).missing
    assert "fewer than 60" in cluster(pd.DataFrame({"a": [1.0] * 59, "b": 2.0})).missing
    flat = pd.DataFrame({"a": np.arange(100.0), "b": 1.0, "c": np.nan})
    assert "fewer than two features" in cluster(flat).missing


def test_text_and_infinity_are_refused() -> None:
    with pytest.raises(DataError, match="features are numbers"):
        cluster(pd.DataFrame({"a": ["x"] * 80}))
    with pytest.raises(DataError, match="infinite"):
        cluster(pd.DataFrame({"a": [np.inf] * 80}))
