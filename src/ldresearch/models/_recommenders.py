"""Recommenders as score matrices: popular, popular in role, item-kNN, EASE, and a re-ranker.

Each takes who took what before the split (a matrix of 0 and 1, a row a person, a column a content)
and returns a score for each person and content; nothing here can see what came after.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ldresearch.models._frame import Bools, Floats

NEIGHBOURS = 20
"""Contents that item-kNN keeps beside each."""
SHRINK = 10.0
"""People taken off a similarity: two contents that few took look alike by chance."""


def popular(took: Any) -> Floats:
    """Share of people who had taken each content; the same row for everyone."""
    share: Floats = np.asarray(took.sum(axis=0), dtype=float).ravel() / max(took.shape[0], 1)
    return share


def popular_in_role(took: Any, role: Any) -> Floats:
    """Share of each role's people who had taken each content, drawn towards that of everyone.

    A role of few people is worth as much as ten of everyone, so that one person's taste does not
    become her role's.

    Returns
    -------
    array
        A row a role.
    """
    from scipy.sparse import csr_matrix

    n_roles = int(role.max()) + 1 if len(role) else 0
    of = csr_matrix((np.ones(len(role)), (role, np.arange(len(role)))), (n_roles, len(role)))
    counts = np.asarray((of @ took).todense(), dtype=float)
    size = np.asarray(of.sum(axis=1), dtype=float)
    shares: Floats = (counts + 10.0 * popular(took)) / (size + 10.0)
    return shares


def item_knn(took: Any) -> Floats:
    """Similarity of contents: shrunk cosine between their takers, the nearest of each kept."""
    together: Floats = np.asarray((took.T @ took).todense(), dtype=float)
    n = np.diag(together).copy()
    np.fill_diagonal(together, 0.0)
    scale = np.sqrt(np.outer(n, n)) + SHRINK
    near: Floats = together / scale
    if near.shape[0] > NEIGHBOURS:
        edge = np.partition(near, -NEIGHBOURS, axis=0)[-NEIGHBOURS]
        near[near < edge] = 0.0
    return near


def ease(took: Any, ridge: float) -> Floats:
    """Solve the linear model that tells each content from the others and never from itself.

    B = I - P / diag(P), P = (X'X + ridge I)^-1 (Steck 2019): the ridge regression of each column on
    all others, in closed form.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> took = csr_matrix(np.array([[1., 1, 0], [1, 1, 0], [0, 1, 1]]))
    >>> found = ease(took, 1.0)
    >>> bool(found[0, 1] > found[2, 1]), np.diag(found).tolist()
    (True, [0.0, 0.0, 0.0])
    """
    gram = np.asarray((took.T @ took).todense(), dtype=float)
    precision = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    weights: Floats = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0.0)
    return weights


def top(scores: Floats, barred: Bools, k: int) -> Any:
    """Return the k best places of each row, the best first; -1 where fewer may be recommended.

    Ties go to the content that comes first, so that the same data give the same lists.
    """
    score = np.where(barred, -np.inf, scores)
    order = np.argsort(-score, axis=1, kind="stable")[:, :k]
    found = np.where(np.isneginf(np.take_along_axis(score, order, axis=1)), -1, order)
    if found.shape[1] < k:
        found = np.pad(found, ((0, 0), (0, k - found.shape[1])), constant_values=-1)
    return found


def ranks(scores: Floats, barred: Bools) -> Floats:
    """Turn scores into 1 for the best of each row down to 0, so that scales can be added."""
    score = np.where(barred, -np.inf, scores)
    order = np.argsort(-score, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(score.shape[1])[None, :], axis=1)
    found: Floats = 1.0 - place / max(score.shape[1] - 1, 1)
    return found
