"""An attacker reads a published triangle: hidden cells by subtraction, kinds and columns compared.

What is published of cohorts are rounded counts, the same rows for every kind, and the sum over
cohorts. The attacker knows the rules, and narrows down each hidden count by all of it at once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import retention_lifecycle as models
from ldresearch.privacy import publish
from ldresearch.result import Published, Rules

K, BASE = 10, 5
FEWEST = 4
"""Candidates that must be left for a hidden count: half of those that hiding leaves by itself."""


def cohorts(seed: int, people: int = 60) -> pd.DataFrame:
    """Ten small monthly cohorts whose members come by chance, in less and less of the months."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2024-01-01", periods=10, freq="MS")
    rows = []
    for i, begin in enumerate(months):
        size = int(rng.integers(people // 3, people))
        came = rng.random((size, 10 - i)) < 0.9 ** np.arange(10 - i) * 0.6
        came[:, 0] = True
        later = came[:, ::-1].cumsum(axis=1)[:, ::-1] > 0
        always = came.cumprod(axis=1) > 0
        rows += [
            (begin, n, size, size, came[:, n].sum(), later[:, n].sum(), always[:, n].sum())
            for n in range(10 - i)
        ]
    columns = ["cohort_on", "n", "n_began", "n_there", *models.KINDS.values()]
    return pd.DataFrame(rows, columns=columns)


Bounds = dict[tuple[str, str, int], tuple[int, int]]


def window(told: Any) -> tuple[int, int]:
    """What a published count may have been: hidden is 1 to k - 1, rounded half a base around."""
    if told is None or told != told:
        return 1, K - 1
    if told == 0:
        return 0, BASE // 2
    return max(int(told) - BASE // 2, K if told >= K else 0), int(told) + BASE // 2


def read(kinds: dict[str, Published]) -> Bounds:
    found: Bounds = {}
    for kind, one in kinds.items():
        for row in one.frame.to_dict("records"):
            found[kind, str(row["cohort_on"]), int(row["after"])] = window(row["n_active"])
    return found


def squeezed(bounds: Bounds, pooled: Published) -> Bounds:
    """Narrow the windows until nothing moves: kinds, neighbours and sums."""
    sums = {
        (str(r["kind"]), int(r["after"])): window(r["n_active"])
        for r in pooled.frame.to_dict("records")
    }
    now = dict(bounds)
    for _ in range(20):
        before = dict(now)
        for (kind, row, n), (low, high) in list(now.items()):
            # rolling <= recurring <= unbounded; rolling and unbounded never rise.
            for less, more in pairwise(("rolling", "recurring", "unbounded")):
                if kind == less and (more, row, n) in now:
                    high = min(high, now[more, row, n][1])
                if kind == more and (less, row, n) in now:
                    low = max(low, now[less, row, n][0])
            if kind != "recurring":
                beside = [now[k] for k in now if k[:2] == (kind, row) and k[2] < n]
                high = min([high, *(b[1] for b in beside)])
                beside = [now[k] for k in now if k[:2] == (kind, row) and k[2] > n]
                low = max([low, *(b[0] for b in beside)])
            # The sum holds all rows, and in some columns cohorts whose row is not shown.
            others = [now[k] for k in now if k[0] == kind and k[2] == n and k[1] != row]
            if (kind, n) in sums:
                high = min(high, sums[kind, n][1] - sum(b[0] for b in others))
            now[kind, row, n] = (low, high)
        if now == before:
            break
    return now


def truth(frame: pd.DataFrame) -> dict[tuple[str, str, int], int]:
    found = {}
    for kind in models.KINDS:
        for row in models.triangle(frame, kind=kind).frame.to_dict("records"):
            found[kind, str(row["cohort_on"])[:10], int(row["after"])] = int(row["n_active"])
    return found


@pytest.mark.parametrize("seed", range(12))
def test_no_hidden_cell_is_given_away(seed: int) -> None:
    frame = cohorts(seed)
    kinds = {kind: publish(models.triangle(frame, kind=kind), Rules()) for kind in models.KINDS}
    bounds = read(kinds)
    known = squeezed(bounds, publish(models.pooled(frame), Rules()))
    true = truth(frame)
    hidden = [key for key, value in true.items() if 0 < value < K]
    assert hidden, "the world has no small cell to look for"
    for key in hidden:
        low, high = known[key]
        assert low <= true[key] <= high, "the attacker of this test reasons wrongly"
        assert high - low + 1 >= FEWEST, key


def test_the_attacker_can_succeed() -> None:
    """With exact sums and exact other cells, a hidden one is their difference."""
    frame = cohorts(1)
    exact = publish(models.triangle(frame), Rules(k=1, base=1, public=True))
    rows = exact.frame[exact.frame["after"] == 1]
    total = publish(models.pooled(frame), Rules(k=1, base=1, public=True)).frame
    total = total[(total["kind"] == "recurring") & (total["after"] == 1)]["n_active"].iloc[0]
    assert total - rows["n_active"].iloc[1:].sum() == rows["n_active"].iloc[0]


def test_every_kind_has_the_same_rows() -> None:
    """Other rows for another kind would be other sums of the same cohorts."""
    frame = cohorts(2)
    rows = [
        models.triangle(frame, kind=kind).frame[["cohort_on", "until_on", "after", "n"]]
        for kind in models.KINDS
    ]
    for other in rows[1:]:
        pd.testing.assert_frame_equal(rows[0], other)


@pytest.mark.parametrize("seed", range(4))
def test_no_row_of_the_triangle_is_small(seed: int) -> None:
    found = models.triangle(cohorts(seed, people=24))
    assert found.frame["n"].min() >= models.MIN_COHORT
    shown = publish(found, Rules()).frame
    assert shown["n"].notna().all()


def test_a_ratio_tells_no_count() -> None:
    """The ratio of a month is published as a share of rounded counts; several fit it."""
    periods = pd.DataFrame(
        {
            "period_on": pd.date_range("2024-01-01", periods=3, freq="MS"), "new": 20,
            "returning": 30, "resurrected": 10, "dormant": [0, 18, 23], "left": 0,
            "is_complete": True,
        }
    )  # fmt: skip

    def told(dormant: int, came: int) -> Any:
        frame = periods.assign(dormant=[0, 18, dormant], resurrected=[10, 10, came - 20])
        return publish(models.quick_ratio(frame, pd.DataFrame()), Rules()).rows[-1]

    seen = told(23, 30)
    fitting = {(d, c) for d in range(19, 28) for c in range(26, 35) if told(d, c) == seen}
    assert (23, 30) in fitting
    assert len(fitting) >= 8
