"""An attacker with a linear program reads the tables of a report.

It knows every published number, that counts were rounded to 5, that small ones are hidden, and
which counts add up to which. It shares no code with what protects the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array

from ldresearch.errors import DisclosureError
from ldresearch.privacy import check_payload, publish
from ldresearch.privacy.suppression import Told
from ldresearch.result import Partition, Published, Result, Rules, to_payload
from ldresearch.vocabulary import Family, Role

K, BASE = 10, 5
COUNTS = {"started": "started", "n": "employed"}
Point = tuple[str, tuple[tuple[str, Any], ...]]


def people(seed: int, n_units: int, n_levels: int) -> pd.DataFrame:
    """Staff of an organisation: a few large units, a few tiny ones, as they are."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 700))
    units = rng.choice(n_units, size=n, p=rng.dirichlet(np.full(n_units, 0.7)))
    levels = rng.choice(n_levels, size=n, p=rng.dirichlet(np.full(n_levels, 0.9)))
    frame = pd.DataFrame({"unit": units, "level": levels, "one": 1})
    return frame.assign(started=rng.random(n) < rng.uniform(0.05, 0.9))


def counted(staff: pd.DataFrame, over: Sequence[str], *, with_margins: bool) -> Result:
    """Count staff in each combination of the keys, and in all of each, where asked for."""
    cells = staff.groupby(list(over)).agg(started=("started", "sum"), n=("one", "sum"))
    frame = cells.reset_index().astype(dict.fromkeys(over, object))
    if with_margins:
        for summed in product([False, True], repeat=len(over)):
            kept = [c for c, gone in zip(over, summed, strict=True) if not gone]
            if len(kept) == len(over):
                continue
            wide = (
                staff.groupby(kept).agg(started=("started", "sum"), n=("one", "sum")).reset_index()
                if kept
                else pd.DataFrame({"started": [staff["started"].sum()], "n": [len(staff)]})
            )
            frame = pd.concat([frame, wide.assign(**{c: "all" for c in over if c not in kept})])
    frame["share"] = frame["started"] / frame["n"]
    roles = dict.fromkeys(over, Role.KEY) | {
        "started": Role.COUNT, "n": Role.N, "share": Role.RATE,
    }  # fmt: skip
    return Result("staff", Family.RATES, frame.reset_index(drop=True), roles,
                  parts=Partition(tuple(over), COUNTS))  # fmt: skip


def one_way(staff: pd.DataFrame) -> list[Result]:
    return [counted(staff, ["unit"], with_margins=True)]


def two_way(staff: pd.DataFrame) -> list[Result]:
    return [counted(staff, ["unit", "level"], with_margins=True)]


def linked(staff: pd.DataFrame) -> list[Result]:
    """Three tables of the same people; none has all the margins of the one before."""
    return [
        counted(staff, ["unit", "level"], with_margins=False),
        counted(staff, ["unit"], with_margins=True),
        counted(staff, ["level"], with_margins=True),
    ]


SHAPES: dict[str, Callable[[pd.DataFrame], list[Result]]] = {
    "one way": one_way, "two way": two_way, "linked": linked,
}  # fmt: skip


def told(results: list[Result], rules: Rules) -> list[Published]:
    before = Told()
    return [publish(result, rules, before) for result in results]


def span(shown: Any, base: int) -> tuple[float, float]:
    """What a published count may have been."""
    if shown is None or shown != shown:
        return 0.0, np.inf
    if shown == 0:
        return 0.0, 0.0
    return max(shown - base // 2, K), shown + base // 2


def attack(reports: list[Published], base: int) -> dict[Point, tuple[float, float]]:
    """Return the interval of every hidden count."""
    cells: dict[Point, tuple[float, float]] = {}
    finest: dict[tuple[str, ...], list[Point]] = {}
    below: list[tuple[Point, Point]] = []
    for one in reports:
        keys = tuple(c.name for c in one.columns if c.role is Role.KEY)
        for row in one.frame.to_dict("records"):
            at = tuple((c, row[c]) for c in keys if row[c] != "all")
            for count in COUNTS:
                point = (count, at)
                low, high = span(row[count], base)
                was = cells.get(point, (0.0, np.inf))
                cells[point] = (max(low, was[0]), min(high, was[1]))
                if len(at) == len(keys):
                    finest.setdefault(keys, []).append(point)
            below.append((("started", at), ("n", at)))
    number = {point: i for i, point in enumerate(cells)}
    sums, limits = [], []
    for keys, parts in finest.items():
        for point in cells:
            inside = [p for p in parts if p[0] == point[0] and set(point[1]) < set(p[1])]
            if inside and {c for c, _ in point[1]} < set(keys):
                line = np.zeros(len(cells))
                line[[number[p] for p in inside]], line[number[point]] = 1.0, -1.0
                sums.append(line)
    for less, more in below:
        line = np.zeros(len(cells))
        line[number[less]], line[number[more]] = 1.0, -1.0
        limits.append(line)
    found = {}
    for point, (_, high) in cells.items():
        if np.isfinite(high):
            continue
        ends = []
        for sign in (1.0, -1.0):
            aim = np.zeros(len(cells))
            aim[number[point]] = sign
            done = linprog(
                aim, A_ub=csr_array(np.array(limits)), b_ub=np.zeros(len(limits)),
                A_eq=csr_array(np.array(sums)) if sums else None, b_eq=[0.0] * len(sums) or None,
                bounds=list(cells.values()), method="highs",
            )  # fmt: skip
            assert done.status in (0, 3), "the attacker of this test reasons wrongly"
            ends.append(sign * done.fun if done.status == 0 else -sign * np.inf)
        found[point] = (ends[0], ends[1])
    return found


def truth(results: list[Result]) -> dict[Point, float]:
    return {
        (count, tuple((c, row[c]) for c in result.parts.over if row[c] != "all")): row[count]
        for result in results
        if result.parts
        for row in result.frame.to_dict("records")
        for count in COUNTS
    }


def narrowed(shape: str, seeds: range, rules: Rules) -> tuple[int, int, int]:
    """Return how many counts were hidden, how many of them recovered, how many narrowed."""
    n_hidden = n_recovered = n_narrow = 0
    for seed in seeds:
        staff = people(seed, 3 + seed % 4, 2 + seed % 3)
        results = SHAPES[shape](staff)
        reports = told(results, rules)
        true = truth(results)
        for point, (low, high) in attack(reports, rules.base).items():
            assert low - 1e-6 <= true[point] <= high + 1e-6, "the attacker reasons wrongly"
            n_hidden += 1
            # In linked tables a sum of shown cells may be hidden: no more is known by that.
            is_small = 0 < true[point] < K or true["n", point[1]] < K or shape != "linked"
            n_recovered += is_small and high - low < 1
            n_narrow += is_small and high - low < K - 1e-6
        for one in reports:
            check_payload({"v": 1, "kind": "table", "stem": "a", "view": "b",
                           "published": [to_payload(one)]}, public=False)  # fmt: skip
    return n_hidden, n_recovered, n_narrow


@pytest.mark.parametrize("base", [1, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_hidden_count_is_narrowed_down(shape: str, base: int) -> None:
    n_hidden, *given_away = narrowed(shape, range(5), Rules(k=K, base=base))
    assert n_hidden > 8
    assert given_away == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_no_hidden_count_of_five_hundred_organisations(shape: str, part: int) -> None:
    seeds = range(1000 + 56 * part, 1056 + 56 * part)
    n_hidden, *given_away = narrowed(shape, seeds, Rules(k=K, base=BASE))
    assert n_hidden > 50
    assert given_away == [0, 0]


# Labels -------------------------------------------------------------------------------------

LABELS: dict[str, list[Any]] = {
    "numbers": [0, 1, 2, 3],
    "other numbers": [1.5, 0, -1, 7],
    "text": ["0", "1", "2", "3"],
    "truth values": [False, True, "0", "1"],
    "nothing": [None, "None", 0, False],
}


def pattern(results: list[Result]) -> list[list[tuple[bool, ...]]]:
    return [
        [tuple(v is None for v in row[-3:]) for row in one.rows] for one in told(results, Rules())
    ]


@pytest.mark.parametrize("kind", LABELS)
def test_other_labels_hide_the_same_cells(kind: str) -> None:
    names = dict(enumerate(LABELS[kind]))
    for seed in range(2):
        results = linked(people(seed, 4, 3))
        renamed = [
            r.but(frame=r.frame.assign(**{c: pd.Series([names.get(v, v) if v != "all" else v
                                                        for v in r.frame[c]], dtype=object)
                                          for c in r.parts.over}))
            for r in results if r.parts
        ]  # fmt: skip
        assert pattern(renamed) == pattern(results)


# Hierarchies and what is not told -----------------------------------------------------------


def test_a_hidden_team_is_not_its_unit_minus_the_others() -> None:
    """Sales / South has 4 people: Sales and Sales / North together would tell of them."""
    frame = pd.DataFrame(
        [("Sales", 64), ("Sales / North", 60), ("Sales / South", 4), ("Lab", 90),
         ("Lab / One", 50), ("Lab / Two", 40)],
        columns=["unit", "n"],
    )  # fmt: skip
    result = Result("units", Family.COUNTS, frame, {"unit": Role.KEY, "n": Role.N},
                    parts=Partition(("unit",), paths=("unit",)))  # fmt: skip
    shown = publish(result).frame.set_index("unit")["n"]
    assert shown[["Sales / North", "Sales / South"]].isna().all()
    assert shown[["Sales", "Lab", "Lab / One", "Lab / Two"]].tolist() == [65, 90, 50, 40]


def test_a_result_that_says_nothing_is_protected_all_the_same() -> None:
    """Whoever forgets to say what the rows are: units part the people."""
    frame = pd.DataFrame({"unit": ["A", "B"], "n": [57, 4]})
    result = Result("units", Family.COUNTS, frame, {"unit": Role.KEY, "n": Role.N})
    published = publish(result)
    assert published.frame["n"].isna().sum() == 2
    assert published.parameters["n_protected"] == 1
    # Where rounding leaves a hidden one uncertain enough, no more is hidden.
    three = result.but(frame=pd.DataFrame({"unit": ["A", "B", "C"], "n": [57, 4, 80]}))
    assert publish(three).frame["n"].isna().sum() == 1
    assert publish(three, Rules(k=K, base=1)).frame["n"].isna().sum() == 2
    overlapping = result.but(parts=Partition(()))
    assert publish(overlapping).frame["n"].isna().sum() == 1


def test_totals_are_never_computed_again_from_what_is_left() -> None:
    staff = people(3, 5, 3)
    results = two_way(staff)
    [published] = told(results, Rules(k=K, base=1))
    everyone = published.frame.query("unit == 'all' and level == 'all'")["n"]
    assert everyone.tolist() == [len(staff)]


def test_a_lone_hidden_group_does_not_pass_the_gate() -> None:
    """The gate does not trust that anything was hidden besides."""
    published = publish(
        Result("units", Family.COUNTS, pd.DataFrame({"unit": ["A", "B"], "n": [57, 4]}),
               {"unit": Role.KEY, "n": Role.N})
    )  # fmt: skip
    careless = to_payload(published) | {"rows": [["A", 55], ["B", None]], "parameters": {}}
    with pytest.raises(DisclosureError, match="give away"):
        check_payload({"v": 1, "kind": "table", "stem": "a", "view": "b",
                       "published": [careless]}, public=False)  # fmt: skip


def test_the_gate_looks_at_each_of_the_tables_that_a_result_tells_apart() -> None:
    """Two tables below each other, each with one hidden group: together they would be two."""
    frame = pd.DataFrame({"by": ["unit"] * 2 + ["level"] * 2, "group": list("ABXY"),
                          "n": [57, 4, 53, 8]})  # fmt: skip
    roles = {"by": Role.KEY, "group": Role.KEY, "n": Role.N}
    parts = Partition(("group",), apart=("by",))
    published = publish(Result("units", Family.COUNTS, frame, roles, parts=parts))
    assert published.frame["n"].isna().all()
    assert published.parameters["apart"] == "by"
    one = to_payload(published)

    def passes(rows: list[list[Any]], **parameters: str) -> None:
        changed = one | {"rows": rows, "parameters": {"parts": "group", **parameters}}
        check_payload({"v": 1, "kind": "table", "stem": "a", "view": "b",
                       "published": [changed]}, public=False)  # fmt: skip

    rows = [["unit", "A", 55], ["unit", "B", None], ["level", "X", 55], ["level", "Y", None]]
    passes(rows)  # which tables there are is not told: it cannot be seen
    with pytest.raises(DisclosureError, match="give away"):
        passes(rows, apart="by")
    with pytest.raises(DisclosureError, match="twice"):
        passes([*rows, ["unit", "A", 55]], apart="by")
    with pytest.raises(DisclosureError, match="not there"):
        passes(rows, apart="wave")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_attacker_can_succeed(shape: str) -> None:
    """With the small counts hidden and nothing else, most of them are given away."""
    n_hidden = n_narrow = 0
    for seed in range(6):
        reports = [
            publish(r.but(parts=Partition(())), Rules(k=K, base=1))
            for r in SHAPES[shape](people(seed, 4, 3))
        ]
        found = attack(reports, 1)
        n_hidden += len(found)
        n_narrow += sum(high - low < K - 1e-6 for low, high in found.values())
    assert n_narrow > n_hidden / 3
