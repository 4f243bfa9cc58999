"""Tables of long curves: fewer rows, the first and the last always among them."""

from __future__ import annotations

import pandas as pd
import pytest

from ldresearch import tables
from ldresearch.privacy import publish
from ldresearch.result import Published, Result, Rules
from ldresearch.vocabulary import Family, Role


def curve(points: int, groups: tuple[str, ...] = ("a", "b")) -> Published:
    rows = [(g, 7 * i, 1 - i / 100, 100 - i) for g in groups for i in range(points)]
    frame = pd.DataFrame(rows, columns=["group", "time", "share", "n"])
    roles = {"group": Role.KEY, "time": Role.TIME, "share": Role.RATE, "n": Role.N}
    return publish(Result("curve", Family.RATES, frame, roles), Rules(k=1, base=1, public=True))


@pytest.mark.parametrize("points", [1, 2, 3, 14, 15, 57])
@pytest.mark.parametrize("most", [2, 7, 14])
def test_a_long_curve_keeps_its_ends(points: int, most: int) -> None:
    table = tables.of(curve(points), "Curve", most=most)
    for group in ("a", "b"):
        days = [row[1] for row in table.rows if row[0] == group]
        assert days[0] == "0"
        assert days[-1] == str(7 * (points - 1))
        assert len(days) <= most + 1
        assert len(set(days)) == len(days)


def test_nothing_is_left_out_unless_asked() -> None:
    assert len(tables.of(curve(57), "Curve").rows) == 114
