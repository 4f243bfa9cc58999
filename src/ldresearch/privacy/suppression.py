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

_Numbers = tuple[int, frozenset[tuple[frozenset[tuple[int, Label]], float]]]
"""A table without the names of its keys: how many, and each count with the labels by place."""


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
    steps: set[Cell] = field(default_factory=set)
    """Counts that stand below or above another of the same group, step by step."""
    n_results: int = 0
    alike: dict[_Numbers, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """The numbers of each table, and the name and keys under which they were first told."""
    names: dict[str, str] = field(default_factory=dict)
    """What a result calls a count, and the name that it goes by here."""
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
        self.where: dict[Cell, list[tuple[int, str]]] = {}
        """Rows and columns of each cell of this result: a count may stand in two of its tables."""
        self.in_row: dict[int, dict[str, Cell]] = {}
        self.n_column = next(c for c, r in result.roles.items() if r is Role.N)
        self.torn: dict[Cell, None] = {}
        """Cells that another table hid, this result's own or an earlier one, and one would show."""
        self.fixed: set[Cell] = set()
        """Cells that an earlier table showed: hiding them now would hide nothing."""
        self.small: set[tuple[int, str]] = set()
        """Where something is hidden for being small."""
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
        if partition.among:
            self._bound_by_steps(partition, slices, keys)

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
        cells, over, paths = self._named(concept, partition, {i: keys[i] for i in rows}, values)
        concept = next(iter(cells.values()))[0]
        torn = []
        for i, cell in cells.items():
            before, is_here = self.told.cells.get(cell), cell in self.where
            if before is None:
                self.told.cells[cell] = self._known(float(values[i]), hidden[i])
            elif is_here:
                torn += [cell] if hidden[i] != before.is_hidden else []
            elif not before.is_hidden:
                self.fixed.add(cell)
            elif not hidden[i]:  # an earlier table hid it, so this one may not show it
                torn.append(cell)
            self.where.setdefault(cell, []).append((i, column))
            self.small |= {(i, column)} if hidden[i] else set()
            self.in_row.setdefault(i, {})[column] = cell
        self.torn |= dict.fromkeys(torn)
        full = [c for c in cells.values() if len(c[1]) == len(over)]
        leaves = tuple(c for c in full if not any(_holds(c, d, paths) for d in full))
        roots = [c for c in full if not any(_holds(d, c, paths) for d in full)]
        self.told.tables.append(_Table(concept, over, paths, leaves))
        everyone = (concept, frozenset[tuple[str, Label]]())
        total = sum(self.told.cells[c].value for c in roots)
        if everyone not in self.told.cells and total >= self.rules.k and len(roots) > 1:
            self.told.cells[everyone] = self._known(total, False)

    def _named(
        self,
        concept: str,
        partition: Partition,
        keys: Mapping[int, frozenset[tuple[str, Label]]],
        values: Any,
    ) -> tuple[dict[int, Cell], tuple[str, ...], tuple[str, ...]]:
        """Name the cells of a table; one with the numbers of an earlier table is that table.

        A reader who meets the same numbers of the same groups twice takes them for the same
        people: those who reached one step are those counted at the next. What hides one of them
        has to hide the other, and what is known of one is known of the other.
        """
        told, over = self.told, partition.over
        at = {column: i for i, column in enumerate(over)}
        counted = frozenset(
            (frozenset((at[c], text) for c, text in key), float(values[i]))
            for i, key in keys.items() if values[i]
        )  # fmt: skip
        first, first_over = concept, over
        if counted:  # of noughts nobody knows whose they are
            first, first_over = told.alike.setdefault((len(over), counted), (concept, over))
        name = told.names.setdefault(concept, first)
        if name != first:  # it is known by a name of its own, given to it by its result
            first_over = over
        called = dict(zip(over, first_over, strict=True))
        cells = {
            i: (name, frozenset((called[c], text) for c, text in key)) for i, key in keys.items()
        }
        return cells, first_over, tuple(called[c] for c in partition.paths)

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
            self._bound(cells[column], cells[self.n_column])

    def _bound_by_steps(
        self,
        partition: Partition,
        slices: Sequence[tuple[Label, ...]],
        keys: Sequence[frozenset[tuple[str, Label]]],
    ) -> None:
        """The people of a step are among those counted at the one it stands on."""
        counts = [c for c, r in self.result.roles.items() if r is Role.COUNT]
        places = list(zip(slices, keys, strict=True))
        rows = {((part[0][1], *part[1:]), key): i for i, (part, key) in enumerate(places)}
        for i, (part, key) in enumerate(places):
            above = rows.get(((partition.among.get(part[0][1], ""), *part[1:]), key))
            if above is not None:
                for column in counts:
                    ends = self.in_row[i][self.n_column], self.in_row[above][column]
                    self.told.steps |= set(ends)
                    self._bound(*ends)

    def _bound(self, less: Cell, more: Cell) -> None:
        known = self.told.cells
        if less != more and known[less].value <= known[more].value:
            self.told.within.append((less, more))

    # What is given away ----------------------------------------------------------------------

    def repair(self) -> Hidden:
        """Hide more until no hidden cell can be narrowed down."""
        # Where nothing is hidden here, this result may still open an older one.
        if not any(known.is_hidden for known in self.told.cells.values()):
            return Hidden()
        attacker = _Attacker(self.told)
        for cell in self.torn:
            self._hide([cell], again=True)
        queue = [c for c in attacker.reach(*self.where) if self.told.cells[c].is_hidden]
        for cell in queue:  # grows while it is gone through
            is_small = self.told.cells[cell].value < self.rules.k
            if cell in self.told.steps and not is_small:
                continue  # large, and between two steps that are shown: no secret of its own
            while not attacker.is_lost(cell, self.rules.k):
                chosen = self._next(cell, attacker)
                if chosen is None:
                    if is_small:  # nothing less would do
                        queue += self._hide_all()
                    break
                queue += self._hide([chosen])
        return Hidden(frozenset(self.rows), frozenset(self.counts))

    def _next(self, cell: Cell, attacker: _Attacker) -> Cell | None:
        """Choose the cheapest cell whose loss may help.

        First of the sum that tells most of the weak one, then of what holds it from above or
        below, then of any sum with it, then of all. A count of a step is helped by counts of
        steps, if they can: how many people a group has stands in other reports too.
        """
        if cell in self.told.steps:
            *near, _ = attacker.pools(cell, self.rules.k)
            for pool in map(self._open, near):
                if steps := [c for c in pool if not self._is_size(c) and attacker.is_free(c)]:
                    return min(steps, key=lambda c: (self._is_row(c), self._cost(c)))
        pools = map(self._open, attacker.pools(cell, self.rules.k))
        return next((min(pool, key=self._cost) for pool in pools if pool), None)

    def _open(self, cells: Iterable[Cell]) -> list[Cell]:
        """Cells that this result shows and may hide."""
        known = self.told.cells
        return [
            c for c in cells
            if c in self.where and c not in self.fixed
            and known[c].value > 0 and not known[c].is_hidden
        ]  # fmt: skip

    def _cost(self, cell: Cell) -> tuple[int, float, tuple[int, str]]:
        """Rather a part than a total, rather a small one than a large one."""
        size = max(len(c[1]) for c in self.where)
        return size - len(cell[1]), self.told.cells[cell].value, self.where[cell][0]

    def _is_row(self, cell: Cell) -> bool:
        """Whether a whole row would go with it."""
        return any(column == self.n_column for _, column in self.where[cell])

    def _is_size(self, cell: Cell) -> bool:
        """Whether this is how many people a group has, not how many of them reached a step."""
        return self._is_row(cell) and cell not in self.told.steps

    def _hide_all(self) -> list[Cell]:
        self.rows |= set(self.in_row)
        return self._hide(self.where)

    def _lose(self, row: int, column: str) -> None:
        if (row, column) in self.small:
            return
        if column == self.n_column:
            self.rows.add(row)
        else:
            self.counts.add((row, column))

    def _hide(self, cells: Iterable[Cell], *, again: bool = False) -> list[Cell]:
        """Take cells from what is told, wherever they stand, unless an earlier table told them."""
        known, fresh, ahead = self.told.cells, [], list(cells)
        while ahead:
            cell = ahead.pop(0)
            if cell in self.fixed or (known[cell].is_hidden and not again):
                continue
            again = False
            known[cell] = _Known(known[cell].value, 0.0, math.inf, True)
            fresh.append(cell)
            for row, column in self.where.get(cell, ()):
                self._lose(row, column)
                if column == self.n_column:  # a row goes with its people
                    ahead += self.in_row[row].values()
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
        self.above: dict[Cell, list[Cell]] = {}
        self.below: dict[Cell, list[Cell]] = {}
        for less, more in told.within:
            self.above.setdefault(less, []).append(more)
            self.below.setdefault(more, []).append(less)
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

    def pools(self, cell: Cell, k: int) -> Iterable[list[Cell]]:
        """Cells whose loss may help a weak one, those that are most to blame first."""
        yield from self.sums_with(cell, k)
        yield self.holding(cell, k)
        yield self.beside(cell)
        yield self.reach(cell)

    def holding(self, cell: Cell, k: int) -> list[Cell]:
        """Cells that a weak one would be larger or smaller without: what is known of them binds."""
        found = []
        cells = self._tied(cell)[0]
        for sign in (-1.0, 1.0):
            end = self._end(cell, sign, k)
            if end.status == 0:
                force = abs(end.lower.marginals) + abs(end.upper.marginals)
                found += [c for c, x in zip(cells, force, strict=True) if x > _NEAR and c != cell]
        return found

    def beside(self, cell: Cell) -> list[Cell]:
        """Cells in a sum with this one, in the order in which they were told."""
        near = self.beside_of.get(cell, set())
        return [c for c in self.told.cells if c in near]

    def reach(self, *cells: Cell) -> list[Cell]:
        """Everything that is tied to cells by sums, however far."""
        found, ahead = set(cells), list(cells)
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
        low, high = 0.0, math.inf
        for total, parts, is_all in self.sums_of.get(cell, ()):
            least, most = self._by_sum(cell, total, parts, is_all)
            low, high = max(low, least), min(high, most)
        least, most = self._by_others(cell)
        return max(low, least), min(high, most)

    def _by_others(self, cell: Cell) -> tuple[float, float]:
        """Return what is known of a cell by those that it holds and those that hold it."""
        known = self.told.cells
        low = max((known[c].low for c in self.below.get(cell, ())), default=0.0)
        return low, min((known[c].high for c in self.above.get(cell, ())), default=math.inf)

    def is_free(self, cell: Cell) -> bool:
        """Whether anything is won by hiding a cell: others may tell as much of it."""
        low, high = self._by_others(cell)
        known = self.told.cells[cell]
        return low < known.low or high > known.high

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
        found = self._end(cell, sign, k)
        if found.status != 0:  # fail closed: not knowing is as good as being found out
            return False
        for c, value in zip(self._tied(cell)[0], found.x, strict=True):
            low, high = self.seen[c]
            self.seen[c] = min(low, float(value)), max(high, float(value))
        return self._is_seen(cell, k)

    def _end(self, cell: Cell, sign: float, k: int) -> Any:
        """Solve for the most (a sign of -1) or the least that a cell can be."""
        import numpy as np
        from scipy.optimize import linprog

        cells, tied = self._tied(cell)
        # A hidden cell has no upper end; some way above its value is as good as none.
        limits = [
            (known.low, min(known.high, known.value + 4 * k)) if known.is_hidden
            else (known.low, known.high)
            for known in (self.told.cells[c] for c in cells)
        ]  # fmt: skip
        aim = np.zeros(len(cells))
        aim[cells.index(cell)] = sign
        return linprog(aim, bounds=limits, method="highs", **tied)

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
