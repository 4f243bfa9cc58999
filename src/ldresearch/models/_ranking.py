"""How good a list is for one person: recall, NDCG, average precision; and what lists are made of.

Lists are rows of a matrix of places in the catalogue, the best first, -1 where a list is shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ldresearch.models._frame import Bools, Floats

Ints = Any


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One number a person for each of three; missing where nothing was wanted."""

    recall: Floats
    ndcg: Floats
    average_precision: Floats


def accuracy(lists: Ints, wanted: Bools) -> Accuracy:
    """Hold the first places of lists against what was wanted.

    As trec_eval does: recall and average precision are divided by all that was wanted, also where
    it is more than a list can hold; the ideal order of NDCG is cut where the list is.

    Parameters
    ----------
    lists : array of int
        A row a person, a column a place; -1 for an empty place.
    wanted : array of bool
        A row a person, a column a content.

    Examples
    --------
    The first and the third of three recommendations were taken, of two that were taken in all.

    >>> found = accuracy(np.array([[0, 1, 2]]), np.array([[True, False, True, False]]))
    >>> found.recall, found.average_precision.round(3)
    (array([1.]), array([0.833]))
    """
    k = lists.shape[1]
    hits = hit(lists, wanted)
    n_wanted = wanted.sum(axis=1)
    place = np.arange(1, k + 1)
    discount = 1.0 / np.log2(place + 1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_wanted, k)]
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = hits.sum(axis=1) / n_wanted
        ndcg = (hits * discount).sum(axis=1) / ideal
        precision = np.cumsum(hits, axis=1) / place
        average = (precision * hits).sum(axis=1) / n_wanted
    return Accuracy(recall, ndcg, average)


def hit(lists: Ints, marked: Bools) -> Bools:
    """Tell of each place whether it holds a content that is marked for the person."""
    rows = np.arange(len(lists))[:, None]
    found: Bools = np.where(lists >= 0, marked[rows, np.maximum(lists, 0)], False)
    return found


def novelty(lists: Ints, n_took: Floats, n_people: int) -> Floats:
    """Mean of minus the base-2 logarithm of the share of people who had taken what is listed.

    What nobody had taken counts as if one person had.

    Examples
    --------
    >>> novelty(np.array([[0, 1], [1, -1]]), np.array([4, 1]), 8)
    array([2., 3.])
    """
    bits = -np.log2(np.maximum(n_took, 1) / max(n_people, 1))
    return _mean(bits[np.maximum(lists, 0)], lists >= 0)


def share(lists: Ints, marked: Bools) -> Floats:
    """Share of each list that is marked for the person; missing where there is no list."""
    return _mean(hit(lists, marked).astype(float), lists >= 0)


def coverage(lists: Ints, n_content: int) -> float:
    """Share of the catalogue that stands in any of the lists."""
    return len(np.unique(lists[lists >= 0])) / n_content if n_content else float("nan")


def _mean(values: Floats, there: Bools) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1)
    return mean
