"""Segments: found where they are, refused where they are not, missing is not nought."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError, DisclosureError
from ldresearch.models import segments
from ldresearch.privacy import publish
from ldresearch.result import Rules


def three(seed: int = 1, n: int = 80, gone: float = 0.0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0, 4], [4, 4, 0, 0], [0, 4, 4, 4]])
    truth = np.repeat([0, 1, 2], [n, n + 20, n + 40])
    x = rng.normal(centres[truth], 0.6)
    x[rng.random(x.shape) < gone] = np.nan
    return pd.DataFrame(x, columns=list("abcd")), truth


def cloud(seed: int, n: int = 300) -> pd.DataFrame:
    """One long, skewed cloud: no segments, however easily k-means cuts it in two."""
    rng = np.random.default_rng(seed)
    general = rng.normal(0, 2, n)
    x = np.exp(0.3 * (general[:, None] + rng.normal(0, 1, (n, 4))))
    return pd.DataFrame(x, columns=list("abcd"))


@pytest.mark.parametrize("gone", [0.0, 0.25])
def test_three_are_found_whether_or_not_values_are_missing(gone: float) -> None:
    frame, truth = three(gone=gone)
    found = segments.cluster(frame, replicates=20, max_clusters=5)
    assert found.parameters["k"] == 3
    sizes = [120, 100, 80]
    assert found.frame["n"].tolist() == pytest.approx(sizes, abs=12 if gone else 0)
    placed = segments.members(frame, replicates=20, max_clusters=5).fillna(0)
    right = {2: 1, 1: 2, 0: 3}
    agree = np.mean([placed.iloc[i] == right[t] for i, t in enumerate(truth)])
    assert agree > (0.93 if gone else 0.99)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_skewed_cloud_has_none(seed: int) -> None:
    found = segments.cluster(cloud(seed), replicates=20, max_clusters=4)
    assert found.is_empty
    assert "there are no segments" in found.missing
    assert segments.members(cloud(seed), replicates=20, max_clusters=4).isna().all()


def test_missing_is_not_nought() -> None:
    """Blanks in half the rows of one cloud are no segment of their own."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(5, 1, (240, 4)), columns=list("abcd"))
    frame.loc[::2, ["a", "b"]] = np.nan
    assert segments.cluster(frame, replicates=20, max_clusters=4).is_empty


def test_small_segments_are_not_published() -> None:
    rng = np.random.default_rng(5)
    x = np.vstack([rng.normal(0, 0.5, (300, 3)), rng.normal(8, 0.5, (9, 3))])
    found = segments.cluster(pd.DataFrame(x, columns=list("abc")), replicates=20, max_clusters=3)
    assert found.is_empty or found.frame["n"].min() >= 16  # 5 % of 309


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pd.DataFrame({"a": [1.0] * 100, "b": [2.0] * 100}), "fewer than two features"),
        (pd.DataFrame({"a": range(20), "b": range(20)}), "20 people are known"),
        (pd.DataFrame({"a": [], "b": []}), "no one"),
    ],
)
def test_too_little_is_a_reason(frame: pd.DataFrame, why: str) -> None:
    assert why in segments.cluster(frame).missing


def test_words_are_no_features() -> None:
    with pytest.raises(DataError):
        segments.cluster(pd.DataFrame({"a": ["x"] * 99, "b": [1.0] * 99}), ["a", "b"])


def test_what_is_published_holds_no_person() -> None:
    frame, _ = three()
    shown = publish(segments.cluster(frame, replicates=20, max_clusters=4), Rules())
    assert all(row % 5 == 0 for row in shown.frame["n"])
    with pytest.raises(DisclosureError):
        publish(segments.cluster(frame, replicates=20).but(roles={}), Rules())


def test_the_same_seed_finds_the_same() -> None:
    frame, _ = three(gone=0.1)
    first, second = (segments.cluster(frame, replicates=20, max_clusters=4) for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, second.frame, check_exact=True)
