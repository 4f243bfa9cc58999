"""An attacker with a linear program reads whole reports of a protected organisation.

Not made-up tables but what the notebooks publish: every count by unit, role, level or place of
every result, all of them together. It knows the rules, each total as if it were printed, that
the counts of a row are among its people, and which tables count the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from ldresearch import study
from ldresearch.ingest import write
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, to_payload
from ldresearch.vocabulary import Family, Role
from ldresearch.worlds import mobility, organisation, recommended, surveyed
from ldresearch.worlds.tables import KEY

K, BASE = 10, 5
GROUPED = {"group", "unit", "role", "level", "country", "location"}
REPORTS = ("20_adoption", "32_journey", "43_learner_brand", "50_skill_gaps", "61_growth")
Pairs = list[tuple[Result, Published]]
Reader = Callable[..., Pairs]


@pytest.fixture
def read(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """``read(seed, n, *stems)``: what the reports of an organisation say, and what is true."""

    def run(seed: int, n: int, *stems: str) -> Pairs:
        world = organisation(seed, name="harbour", n_persons=n, n_months=12, p=0.05)
        world = mobility.laid(recommended.laid(surveyed.asked(world)))
        folder = tmp_path / f"org-{seed}"
        write(world.tables, folder, client="harbour", key=KEY, public=False, reject_limit=1.0)
        found: Pairs = []

        def spy(result: Result, *others: Any) -> Published:
            found.append((result, published := publish(result, *others)))
            return published

        monkeypatch.setattr(study, "_publish", spy)
        monkeypatch.setattr(study, "_display", lambda _: None)
        monkeypatch.setattr(study, "_draws", lambda: False)
        for stem in stems:
            names: dict[str, Any] = {"__name__": "notebook"}
            book = json.loads((root / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))
            for cell in book["cells"]:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]), names)  # noqa: S102
                    if "parameters" in cell["metadata"]["tags"]:
                        names.update(dataset=str(folder), as_of="2024-12-01")
        return found

    return run


# The attacker -------------------------------------------------------------------------------


def window(shown: Any) -> tuple[float, float]:
    """What a published count may have been."""
    if shown is None or shown != shown:
        return 0.0, np.inf
    return (0.0, 0.0) if shown == 0 else (max(shown - BASE // 2, K), shown + BASE // 2)


class Book:
    """Every count by group; tables whose true counts are all the same are known to be one."""

    def __init__(self) -> None:
        self.cells: dict[tuple[Any, ...], list[float]] = {}
        self.true: dict[tuple[Any, ...], float] = {}
        self.sums: list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]] = []
        self.within: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []

    def add(self, result: Result, published: Published) -> None:
        told = [c for c, r in result.roles.items() if r in (Role.N, Role.COUNT)]
        keys = [c for c, r in result.roles.items() if r is Role.KEY and c in GROUPED]
        rest = [c for c, r in result.roles.items() if r in (Role.KEY, Role.TIME) and c not in keys]
        is_counted = result.family not in (Family.CURVE, Family.CHECKS, Family.TREND)
        overlaps = result.parts is not None and not result.parts.over
        if result.is_empty or not keys or not is_counted or overlaps:
            return
        rest = list(result.parts.apart) if result.parts and result.parts.apart else rest
        true, shown = result.frame.reset_index(drop=True), published.frame
        for _, part in true.groupby(rest, dropna=False) if rest else [((), true)]:
            labels = [tuple(map(str, part.loc[i, keys])) for i in part.index]
            if len(part) < 2 or len(set(labels)) < len(labels):
                continue
            cells = {c: self._table(labels, part[c], shown.loc[part.index, c]) for c in told}
            n = next(c for c in told if result.roles[c] is Role.N)
            for column in told:
                if column != n and (part[column] <= part[n]).all():
                    self.within += zip(cells[column], cells[n], strict=True)

    def _table(self, labels: list[tuple[str, ...]], true: Any, shown: Any) -> list[Any]:
        """Enter the groups of one table and their total, which is known rounded."""
        values = [0.0 if v != v else float(v) for v in true]
        concept = tuple(sorted(zip(labels, values, strict=True)))
        found = [(concept, label) for label in labels]
        for cell, value, told in zip(found, values, shown, strict=True):
            self._know(cell, value, *window(told))
        total = (concept, "all")
        if sum(values) >= K:
            rounded = BASE * round(sum(values) / BASE)
            self._know(total, sum(values), *window(rounded))
            self.sums.append((total, found))
        return found

    def _know(self, cell: tuple[Any, ...], value: float, low: float, high: float) -> None:
        was = self.cells.setdefault(cell, [0.0, np.inf])
        self.cells[cell], self.true[cell] = [max(low, was[0]), min(high, was[1])], value

    def attack(self) -> dict[tuple[Any, ...], tuple[float, float]]:
        number = {cell: i for i, cell in enumerate(self.cells)}
        equal, below = np.zeros((2, 0, len(number)))
        if self.sums:
            equal = np.zeros((len(self.sums), len(number)))
            for line, (total, parts) in zip(equal, self.sums, strict=True):
                line[[number[p] for p in parts]], line[number[total]] = 1.0, -1.0
        if self.within:
            below = np.zeros((len(self.within), len(number)))
            for line, (less, more) in zip(below, self.within, strict=True):
                if less != more:
                    line[number[less]], line[number[more]] = 1.0, -1.0
        found = {}
        ties = {"A_ub": csr_array(below), "A_eq": csr_array(equal)}
        for cell, (_, high) in self.cells.items():
            if np.isfinite(high) or not 0 < self.true[cell] < K:
                continue
            ends = []
            for sign in (1.0, -1.0):
                aim = np.zeros(len(number))
                aim[number[cell]] = sign
                done = linprog(aim, b_ub=np.zeros(len(below)), b_eq=np.zeros(len(equal)),
                               bounds=list(self.cells.values()), method="highs",
                               **ties)  # fmt: skip
                assert done.status in (0, 3), "the attacker of this test reasons wrongly"
                ends.append(sign * done.fun if done.status == 0 else -sign * np.inf)
            found[cell] = (ends[0], ends[1])
        return found


def given_away(pairs: Pairs) -> tuple[int, list[Any]]:
    """Return how many small counts are hidden, and those that were narrowed to under ten."""
    book = Book()
    for result, published in pairs:
        book.add(result, published)
        check_payload({"v": 1, "kind": "table", "stem": "a", "view": "b",
                       "published": [to_payload(published)]}, public=False)  # fmt: skip
    found = book.attack()
    for cell, (low, high) in found.items():
        assert low - 1e-6 <= book.true[cell] <= high + 1e-6, "the attacker reasons wrongly"
    narrow = [
        (cell[1], book.true[cell], low, high)
        for cell, (low, high) in found.items()
        if high - low < K - 1e-6
    ]
    return len(found), narrow


def test_a_whole_report_gives_no_small_group_away(read: Reader) -> None:
    n_hidden, narrow = given_away(read(1, 90, "20_adoption"))
    assert n_hidden > 3
    assert narrow == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_all_reports_of_an_organisation_give_no_small_group_away(read: Reader, seed: int) -> None:
    n_hidden, narrow = given_away(read(100 + seed, 110 + 20 * (seed % 5), *REPORTS))
    assert n_hidden > 3
    assert narrow == []
