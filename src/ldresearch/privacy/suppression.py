"""Hidden cells that stay hidden: what tables of one report give away together.

A small group that is hidden can often be worked out: the total minus the groups that are shown.
So further cells are hidden with it, until an attacker who knows every number of the report, how
it was rounded and which counts add up to which, cannot narrow a hidden one down to fewer than
``k`` persons. The attacker is a linear program, and nothing is published that it can break.
Totals are never computed again from what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ldresearch.privacy import rounding
from ldresearch.result import Partition, Result, Rules
from ldresearch.vocabulary import Family, Role

GROUPS = frozenset({"unit", "group", "role", "level", "country", "location", "team", "manager"})
"""Key columns that are taken to part the people where a result does not say what its rows do."""

SEPARATOR = " / "
"""Stands between the steps of a path."""

_PARTED = frozenset(
    {Family.COUNTS, Family.RATES, Family.MEANS, Family.QUANTILES, Family.HISTOGRAM,
     Family.CONTRAST, Family.MODEL, Family.SEGMENTS}
)  # fmt: skip
_NEAR = 1e-6

Label = tuple[str, str]
Cell = tuple[str, frozenset[tuple[str, Label]]]
"""What is counted, and for whom: an empty set of labels is everyone."""


@dataclass(slots=True)
class _Known:
    """What is true of a cell, and what a reader knows of it."""

    value: float
    low: float
    high: float
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """Cells of one count over the same keys, none of which holds another."""

    concept: str
    over: tuple[str, ...]
    paths: tuple[str, ...]
    leaves: tuple[Cell, ...]


@dataclass(slots=True)
class Told:
    """What a report has told so far; tables that come later are protected with it."""

    cells: dict[Cell, _Known] = field(default_factory=dict)
    tables: list[_Table] = field(default_factory=list)
    within: list[tuple[Cell, Cell]] = field(default_factory=list)
    n_results: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    """Sensitive labels, and what the report says instead."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is to be hidden besides the small ones.

    Attributes
    ----------
    rows : frozenset of int
        Positions of rows that lose all their numbers.
    counts : frozenset of (int, str)
        Positions and columns of single counts.
    """

    rows: frozenset[int] = frozenset()
    counts: frozenset[tuple[int, str]] = frozenset()

    def __len__(self) -> int:
        return len(self.rows) + len(self.counts)


def complement(
    result: Result,
    small_rows: Sequence[bool],
    small_counts: Mapping[str, Sequence[bool]],
    rules: Rules,
    told: Told,
) -> Hidden:
    """Find what else has to be hidden so that the small cells stay hidden.

    Parameters
    ----------
    result : Result
        Of any family with persons behind its rows.
    small_rows : sequence of bool
        Rows that are hidden because fewer than ``k`` persons stand behind them.
    small_counts : mapping of str to sequence of bool
        The same of each COUNT column, for rows that are not hidden.
    rules : Rules
    told : Told
        What the report told before; this result is added to it.

    Returns
    -------
    Hidden
        Rows and counts of this result. Everything, where nothing less would do.

    References
    ----------
    Fischetti M, Salazar JJ (2001). Solving the cell suppression problem on tabular data with
    linear constraints. Management Science 47:1008-1027.

    Examples
    --------
    Of two teams one is hidden: with the total known, the other would give it away.

    >>> import pandas as pd
    >>> from ldresearch.vocabulary import Family, Role
    >>> frame = pd.DataFrame({"team": ["A", "B"], "n": [57, 4]})
    >>> teams = Result("teams", Family.COUNTS, frame, {"team": Role.KEY, "n": Role.N})
    >>> sorted(complement(teams, [False, True], {}, Rules(), Told()).rows)
    [0]
    """
    told.n_results += 1
    work = _Work(result, rules, told)
    for partition in _partitions(result):
        work.lay(partition, small_rows, small_counts)
    return work.repair()


def _partitions(result: Result) -> list[Partition]:
    if result.parts is not None:
        return [result.parts] if result.parts.over else []
    if result.family not in _PARTED:
        return []
    over = tuple(c for c, r in result.roles.items() if r is Role.KEY and c in GROUPS)
    return [Partition(over)] if over else []


def label(value: Any) -> Label:
    """Tell labels apart by kind and text, so that ``1``, ``"1"`` and ``True`` are three.

    Parameters
    ----------
    value : object
        A cell of a key column.

    Returns
    -------
    tuple of (str, str)
        Its kind and its text; both empty where there is none.

    Examples
    --------
    >>> label(1) == label(True), label(float("nan")) == label(None)
    (False, True)
    """
    value = value.item() if hasattr(value, "item") else value
    is_null = value is None or value is pd.NA or value is pd.NaT or value != value
    return ("", "") if is_null else (type(value).__name__, str(value))


class _Work:
    """One result while it is being protected."""

    def __init__(self, result: Result, rules: Rules, told: Told) -> None:
        self.result, self.rules, self.told = result, rules, told
        self.where: dict[Cell, tuple[int, str]] = {}
        """Row and column of each cell of this result."""
        self.in_row: dict[int, list[Cell]] = {}
        self.n_column = next(c for c, r in result.roles.items() if r is Role.N)
        self.fixed: set[Cell] = set()
        """Cells that an earlier table showed: hiding them now would hide nothing."""
        self.rows: set[int] = set()
        self.counts: set[tuple[int, str]] = set()

    # What there is ---------------------------------------------------------------------------

    def lay(
        self,
        partition: Partition,
        small_rows: Sequence[bool],
        small_counts: Mapping[str, Sequence[bool]],
    ) -> None:
        """Enter the cells of this result, and the totals that a reader is taken to know."""
        frame, roles = self.result.frame, self.result.roles
        columns = [c for c, r in roles.items() if r in (Role.N, Role.COUNT)]
        keys = [self._key(partition, row) for row in frame[list(partition.over)].to_numpy(object)]
        slices = self._slices(partition, keys)
        if slices is None:  # the same group stands in two rows: no parts of anything
            return
        values = {c: pd.to_numeric(frame[c]).fillna(0).to_numpy(float) for c in columns}
        for column in columns:
            word = partition.counts.get(column) or f"{self.told.n_results}.{column}"
            for part in dict.fromkeys(slices):
                concept = word + "".join(f"|{kind}:{text}" for kind, text in part)
                rows = [i for i, one in enumerate(slices) if one == part]
                few = small_counts.get(column)
                hidden = {i: bool(small_rows[i]) or bool(few is not None and few[i]) for i in rows}
                self._enter(concept, partition, rows, keys, values[column], hidden, column)
        for column in columns:
            if column != self.n_column and (values[column] <= values[self.n_column]).all():
                self._bound_by_people(column)

    def _slices(
        self, partition: Partition, keys: Sequence[frozenset[tuple[str, Label]]]
    ) -> list[tuple[Label, ...]] | None:
        """Tell apart tables that stand below each other, such as one for each skill."""
        frame, roles = self.result.frame, self.result.roles
        other = [c for c, r in roles.items() if r in (Role.KEY, Role.TIME)]
        other = [c for c in other if c not in partition.over]
        tried = [[], *([c] for c in other), other]
        for columns in [list(partition.apart), other] if partition.apart else tried:
            if columns:
                found = [tuple(map(label, row)) for row in frame[columns].to_numpy(object)]
            else:
                found = [()] * len(frame)
            if len(set(zip(found, keys, strict=True))) == len(frame):
                return found
        return None

    def _key(self, partition: Partition, row: Iterable[Any]) -> frozenset[tuple[str, Label]]:
        return frozenset(
            (column, label(value))
            for column, value in zip(partition.over, row, strict=True)
            if not (isinstance(value, str) and value == partition.total)
        )

    def _enter(
        self,
        concept: str,
        partition: Partition,
        rows: Sequence[int],
        keys: Sequence[frozenset[tuple[str, Label]]],
        values: Any,
        hidden: Mapping[int, bool],
        column: str,
    ) -> None:
        cells = {i: (concept, keys[i]) for i in rows}
        for i, cell in cells.items():
            before = self.told.cells.get(cell)
            if before is None:
                self.told.cells[cell] = self._known(float(values[i]), hidden[i])
            elif not before.is_hidden:
                self.fixed.add(cell)
            elif not hidden[i]:  # an earlier table hid it, so this one may not show it
                self._lose(i, column)
            self.where[cell] = (i, column)
            self.in_row.setdefault(i, []).append(cell)
        full = [c for c in cells.values() if len(c[1]) == len(partition.over)]
        leaves = tuple(c for c in full if not any(_holds(c, d, partition.paths) for d in full))
        roots = [c for c in full if not any(_holds(d, c, partition.paths) for d in full)]
        self.told.tables.append(_Table(concept, partition.over, partition.paths, leaves))
        everyone = (concept, frozenset[tuple[str, Label]]())
        total = sum(self.told.cells[c].value for c in roots)
        if everyone not in self.told.cells and total >= self.rules.k and len(roots) > 1:
            self.told.cells[everyone] = self._known(total, False)

    def _known(self, value: float, is_hidden: bool) -> _Known:
        if is_hidden:
            return _Known(value, 0.0, math.inf, True)
        if value == 0:  # a small count is never shown, so a nought is one
            return _Known(value, 0.0, 0.0, False)
        shown, half = rounding.to_base(value, self.rules.base), self.rules.base // 2
        low = max(shown - half, min(self.rules.k, value))
        return _Known(value, float(low), float(shown + half), False)

    def _bound_by_people(self, column: str) -> None:
        for cells in self.in_row.values():
            people = [c for c in cells if self.where[c][1] == self.n_column]
            counted = [c for c in cells if self.where[c][1] == column]
            self.told.within += [(c, n) for c in counted for n in people]

    # What is given away ----------------------------------------------------------------------

    def repair(self) -> Hidden:
        """Hide more until no hidden cell can be narrowed down."""
        # Where nothing is hidden here, this result may still open an older one.
        if not any(known.is_hidden for known in self.told.cells.values()):
            return Hidden()
        attacker = _Attacker(self.told)
        for row in self.rows:
            self._forget(self.in_row[row])
        mine = {cell[0] for cell in self.where}
        queue = [c for c, known in self.told.cells.items() if known.is_hidden and c[0] in mine]
        for cell in queue:  # grows while it is gone through
            while not attacker.is_lost(cell, self.rules.k):
                chosen = self._next(cell, attacker)
                if chosen is None:
                    if self.told.cells[cell].value < self.rules.k:  # nothing less would do
                        queue += self._hide_all()
                    break
                queue += self._hide(chosen)
        return Hidden(frozenset(self.rows), frozenset(self.counts))

    def _next(self, cell: Cell, attacker: _Attacker) -> Cell | None:
        """Choose the cheapest cell whose loss may help.

        First of the sum that tells most of the weak one, then of any sum with it, then of all.
        """
        pools = [*attacker.sums_with(cell, self.rules.k), attacker.beside(cell)]
        for pool in (*pools, attacker.reach(cell)):
            open_ones = [
                c for c in pool
                if c in self.where and c not in self.fixed and self.told.cells[c].value > 0
                and not self.told.cells[c].is_hidden
            ]  # fmt: skip
            if open_ones:
                size = max(len(c[1]) for c in self.where)
                return min(
                    open_ones,
                    key=lambda c: (size - len(c[1]), self.told.cells[c].value, self.where[c]),
                )
        return None

    def _hide(self, cell: Cell) -> list[Cell]:
        row, column = self.where[cell]
        self._lose(row, column)
        return self._forget(self.in_row[row] if column == self.n_column else [cell])

    def _hide_all(self) -> list[Cell]:
        self.rows |= set(self.in_row)
        return self._forget(self.where)

    def _lose(self, row: int, column: str) -> None:
        if column == self.n_column:
            self.rows.add(row)
        else:
            self.counts.add((row, column))

    def _forget(self, cells: Iterable[Cell]) -> list[Cell]:
        """Take cells from what is told, unless an earlier table told them."""
        known = self.told.cells
        fresh = [c for c in cells if not known[c].is_hidden and c not in self.fixed]
        for cell in fresh:
            known[cell] = _Known(known[cell].value, 0.0, math.inf, True)
        return fresh


def _holds(upper: Cell, lower: Cell, paths: Sequence[str]) -> bool:
    """Whether a cell's path holds another's, with the same labels otherwise."""
    if upper == lower or not paths:
        return False
    above, below = dict(upper[1]), dict(lower[1])
    return above.keys() == below.keys() and all(
        above[c] == below[c] or (c in paths and _is_above(above[c], below[c])) for c in above
    )


def _is_above(upper: Label, lower: Label) -> bool:
    return lower[1].startswith(upper[1] + SEPARATOR)


class _Attacker:
    """Knows all that was told and what adds up to what; asks how large a hidden cell can be."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.sums: list[tuple[Cell, tuple[Cell, ...], bool]] = []
        """A total, its parts, and whether they are all of it."""
        by_concept: dict[str, list[Cell]] = {}
        for cell in told.cells:
            by_concept.setdefault(cell[0], []).append(cell)
        seen = set()
        for table in told.tables:
            for cell in by_concept[table.concept]:
                parts = self._parts(cell, table)
                if parts and (cell, parts) not in seen:
                    seen.add((cell, parts))
                    self._add(cell, parts)
        self.seen = {c: (known.value, known.value) for c, known in told.cells.items()}
        """Least and most that a cell was in any way the attacker found all of it to fit."""
        self.systems: dict[Cell, tuple[list[Cell], dict[str, Any]]] = {}
        self.beside_of: dict[Cell, set[Cell]] = {}
        self.sums_of: dict[Cell, list[tuple[Cell, tuple[Cell, ...], bool]]] = {}
        for one_sum in self.sums:
            total, parts, _ = one_sum
            for one in (total, *parts):
                self.sums_of.setdefault(one, []).append(one_sum)
                self.beside_of.setdefault(one, set()).update((total, *parts))
        for less, more in told.within:
            self.beside_of.setdefault(less, set()).add(more)
            self.beside_of.setdefault(more, set()).add(less)

    def _parts(self, cell: Cell, table: _Table) -> tuple[Cell, ...]:
        wanted = dict(cell[1])
        if not set(wanted) <= set(table.over) or cell in table.leaves:
            return ()
        found = []
        for leaf in table.leaves:
            labels = dict(leaf[1])
            if all(
                labels[c] == v or (c in table.paths and _is_above(v, labels[c]))
                for c, v in wanted.items()
            ):
                found.append(leaf)
        return tuple(found)

    def _add(self, total: Cell, parts: tuple[Cell, ...]) -> None:
        """Enter a sum if it is one: parts that overlap say nothing of their total."""
        whole = self.told.cells[total].value
        added = sum(self.told.cells[c].value for c in parts)
        if added <= whole + _NEAR:
            self.sums.append((total, parts, added >= whole - _NEAR))

    def sums_with(self, cell: Cell, k: int) -> list[list[Cell]]:
        """Return the sums that tell a cell too well each by itself, the tightest first."""
        found = []
        for total, parts, is_all in self.sums_of.get(cell, ()):
            low, high = self._by_sum(cell, total, parts, is_all)
            if high - low < k:
                found.append((high - low, [total, *parts]))
        return [cells for _, cells in sorted(found, key=lambda one: one[0])]

    def beside(self, cell: Cell) -> list[Cell]:
        """Cells in a sum with this one, in the order in which they were told."""
        near = self.beside_of.get(cell, set())
        return [c for c in self.told.cells if c in near]

    def reach(self, cell: Cell) -> list[Cell]:
        """Everything that is tied to a cell by sums, however far."""
        found, ahead = {cell}, [cell]
        while ahead:
            for one in self.beside_of.get(ahead.pop(), ()):
                if one not in found:
                    found.add(one)
                    ahead.append(one)
        return [c for c in self.told.cells if c in found]

    def is_lost(self, cell: Cell, k: int) -> bool:
        """Whether the attacker is at a loss: the cell may be anything over ``k`` wide."""
        if cell not in self.beside_of or self._is_seen(cell, k):
            return True
        low, high = self._by_single_sums(cell)  # what one sum at a time tells is known anyway
        if high - low < k - _NEAR:
            return False
        return any(self._looks(cell, sign, k) for sign in (-1.0, 1.0))

    def _is_seen(self, cell: Cell, k: int) -> bool:
        low, high = self.seen[cell]
        return high - low >= k - _NEAR

    def _by_single_sums(self, cell: Cell) -> tuple[float, float]:
        known, low, high = self.told.cells, 0.0, math.inf
        for total, parts, is_all in self.sums_of.get(cell, ()):
            least, most = self._by_sum(cell, total, parts, is_all)
            low, high = max(low, least), min(high, most)
        for less, more in self.told.within:
            if cell == less:
                high = min(high, known[more].high)
            elif cell == more:
                low = max(low, known[less].low)
        return low, high

    def _by_sum(
        self, cell: Cell, total: Cell, parts: tuple[Cell, ...], is_all: bool
    ) -> tuple[float, float]:
        """Return what one sum alone tells of a cell in it."""
        known = self.told.cells
        if cell == total:
            most = sum(known[p].high for p in parts) if is_all else math.inf
            return sum(known[p].low for p in parts), most
        rest = [known[p] for p in parts if p != cell]
        least = known[total].low - sum(p.high for p in rest) if is_all else 0.0
        return max(least, 0.0), known[total].high - sum(p.low for p in rest)

    def _looks(self, cell: Cell, sign: float, k: int) -> bool:
        """Find the most (or least) a cell can be; whether its range is wide enough by now.

        Every solution is a way in which all the cells could be, so the range of each is widened
        by it. Hiding more takes no way away: what was seen once stays possible.
        """
        import numpy as np
        from scipy.optimize import linprog

        cells, tied = self._tied(cell)
        at = cells.index(cell)
        # A hidden cell has no upper end; some way above its value is as good as none.
        limits = [
            (known.low, min(known.high, known.value + 4 * k)) if known.is_hidden
            else (known.low, known.high)
            for known in (self.told.cells[c] for c in cells)
        ]  # fmt: skip
        aim = np.zeros(len(cells))
        aim[at] = sign
        found = linprog(aim, bounds=limits, method="highs", **tied)
        if found.status != 0:  # fail closed: not knowing is as good as being found out
            return False
        for c, value in zip(cells, found.x, strict=True):
            low, high = self.seen[c]
            self.seen[c] = min(low, float(value)), max(high, float(value))
        return self._is_seen(cell, k)

    def _tied(self, cell: Cell) -> tuple[list[Cell], dict[str, Any]]:
        """Return all cells that a cell is tied to, and what holds between them."""
        from scipy.sparse import csr_array

        if cell in self.systems:
            return self.systems[cell]
        cells = self.reach(cell)
        index = {c: i for i, c in enumerate(cells)}
        equal: list[list[tuple[int, float]]] = []
        below: list[list[tuple[int, float]]] = []
        for total, parts, is_all in self.sums:
            if total in index:
                line = [(index[total], -1.0), *((index[p], 1.0) for p in parts)]
                (equal if is_all else below).append(line)
        below += [
            [(index[less], 1.0), (index[more], -1.0)]
            for less, more in self.told.within if less in index
        ]  # fmt: skip
        tied: dict[str, Any] = {}
        for name, lines in (("eq", equal), ("ub", below)):
            if lines:
                at = [(i, j) for i, line in enumerate(lines) for j, _ in line]
                values = [value for line in lines for _, value in line]
                shape = (len(lines), len(cells))
                tied[f"A_{name}"] = csr_array((values, tuple(zip(*at, strict=True))), shape=shape)
                tied[f"b_{name}"] = [0.0] * len(lines)
        self.systems |= dict.fromkeys(cells, (cells, tied))
        return cells, tied
