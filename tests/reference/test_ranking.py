"""Ranking metrics and EASE against libraries that others rely on.

trec_eval (NIST) by way of pytrec_eval-terrier 0.5 (MIT): recall, NDCG cut, MAP cut. scikit-learn
1.x: ndcg_score, average_precision_score. EASE against scikit-learn's Ridge, one column at a time.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from ldresearch.models import _ranking, _recommenders


def random_lists(seed: int, people: int = 60, content: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Whole orders of a catalogue, and what each person wanted: one content or more."""
    rng = np.random.default_rng(seed)
    wanted = rng.random((people, content)) < rng.uniform(0.02, 0.5, (people, 1))
    wanted[np.arange(people), rng.integers(0, content, people)] = True
    return np.array([rng.permutation(content) for _ in range(people)]), wanted


@pytest.mark.parametrize("k", [1, 5, 10, 40])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_trec_eval(seed: int, k: int) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    lists, wanted = random_lists(seed)
    people, content = lists.shape
    truth = {f"p{p}": {f"c{c}": int(wanted[p, c]) for c in range(content)} for p in range(people)}
    run = {
        f"p{p}": {f"c{c}": float(content - place) for place, c in enumerate(lists[p])}
        for p in range(people)
    }
    names = {f"recall.{k}", f"ndcg_cut.{k}", f"map_cut.{k}"}
    oracle = pytrec_eval.RelevanceEvaluator(truth, names).evaluate(run)
    found = _ranking.accuracy(lists[:, :k], wanted)
    for name, ours in (
        (f"recall_{k}", found.recall), (f"ndcg_cut_{k}", found.ndcg),
        (f"map_cut_{k}", found.average_precision),
    ):  # fmt: skip
        theirs = np.array([oracle[f"p{p}"][name] for p in range(people)])
        assert np.abs(ours - theirs).max() < 1e-12


@pytest.mark.parametrize("k", [1, 5, 10, 40])
def test_equals_scikit_learn(k: int) -> None:
    from sklearn.metrics import average_precision_score, ndcg_score

    lists, wanted = random_lists(7)
    people, content = lists.shape
    scores = np.empty(lists.shape)
    np.put_along_axis(scores, lists, np.arange(content, 0, -1.0)[None, :], axis=1)
    found = _ranking.accuracy(lists[:, :k], wanted)
    for p in range(people):
        theirs = ndcg_score([wanted[p].astype(int)], [scores[p]], k=k)
        assert abs(found.ndcg[p] - theirs) < 1e-12
        if k == content:
            theirs = average_precision_score(wanted[p], scores[p])
            assert abs(found.average_precision[p] - theirs) < 1e-12


def test_a_short_list_counts_what_it_holds() -> None:
    found = _ranking.accuracy(np.array([[2, -1, -1]]), np.array([[True, False, True]]))
    assert found.recall[0] == 0.5
    assert found.ndcg[0] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_the_published_example_of_ndcg() -> None:
    """One relevant content in the second place of two: 1 / log2(3) = 0.6309 (scikit-learn docs)."""
    found = _ranking.accuracy(np.array([[0, 1]]), np.array([[False, True]]))
    assert found.ndcg[0] == pytest.approx(0.63093, abs=1e-5)


@pytest.mark.parametrize("ridge", [1.0, 30.0])
def test_ease_is_the_ridge_regression_of_each_column_on_the_others(ridge: float) -> None:
    from sklearn.linear_model import Ridge

    x = (np.random.default_rng(4).random((80, 9)) < 0.3).astype(float)
    found = _recommenders.ease(csr_matrix(x), ridge)
    for j in range(9):
        others = np.delete(np.arange(9), j)
        fit = Ridge(alpha=ridge, fit_intercept=False).fit(x[:, others], x[:, j])
        assert found[others, j] == pytest.approx(fit.coef_, abs=1e-9)
        assert found[j, j] == 0
