"""Days and events as arrays, person by person, for what looks at each beside the next.

``activity_day`` is stored by person and day, and ``event`` by person and time, so a look at each
row beside its neighbour tells what an engine would put into that order once more to find. Rows are
folded while the engine reads on, some persons at a time, so that memory does not grow with the log.
Where rows are elsewhere (on Spark) the engine counts, and only what it counted comes here; tests
hold both ways to the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from ldresearch.log import EventLog
from ldresearch.measures import _period
from ldresearch.measures._value import value_days, value_rows

if TYPE_CHECKING:
    import ibis

FOLD_ROWS: Final = 1 << 18
"""Rows from which on they are folded."""

MOST_CELLS: Final = 1 << 23
"""Cells up to which combinations of values are counted in a grid."""

_EPOCH_SHIFT: Final = 1 << 20
"""More days than lie between the first year and 1970."""

_DAY_SPAN: Final = 1 << 22
"""More days than any two dates lie apart, so that a person and a day fit into one number."""


class Rows(NamedTuple):
    """Rows in order of person and number, no two of them alike.

    Parameters
    ----------
    person : numpy.ndarray of int32
        The person's key.
    number : numpy.ndarray of int32 or int64
        Of a day, counted from 1970, of a period, or of a microsecond since 1970.
    """

    person: np.ndarray
    number: np.ndarray


class Acts(NamedTuple):
    """Events in order of person and time.

    Parameters
    ----------
    person : numpy.ndarray of int32
        The person's key.
    number : numpy.ndarray of int64
        Microseconds since 1970, UTC.
    what : numpy.ndarray of int8
        Number of what was done.
    """

    person: np.ndarray
    number: np.ndarray
    what: np.ndarray


_NO_DAYS: Final = Rows(np.empty(0, np.int32), np.empty(0, np.int32))
_NO_INSTANTS: Final = Rows(np.empty(0, np.int32), np.empty(0, np.int64))
_NO_ACTS: Final = Acts(*_NO_INSTANTS, np.empty(0, np.int8))


def folded(
    log: EventLog,
    verbs: str | Iterable[str],
    assigned: str,
    fold: Callable[[Rows], Any],
    *,
    min_minutes: int = 0,
    period: str = "",
) -> Any:
    """Fold the distinct days or periods with value, and add up what comes of it.

    Parameters
    ----------
    log : EventLog
        On this machine.
    verbs, assigned, min_minutes
        As in :func:`~ldresearch.measures._value.value_days`.
    fold : callable
        Makes of all rows of some persons what can be added with ``+``: an array, a list.
    period : {"", "week", "month"}
        Rows are days, or periods.

    Returns
    -------
    object
        What ``fold`` makes of no rows, where there are none.

    Raises
    ------
    ParameterError
    """

    def numbered(person: np.ndarray, day: np.ndarray) -> Rows:
        days = distinct(person, day)
        return distinct(days.person, _period.numbers(days.number, period)) if period else days

    if min_minutes <= 0:
        folding = _Folding(fold, _NO_DAYS)
        rows = value_rows(log, verbs, assigned).select("person_key", "day_on")
        log.streamed(rows, lambda person, day: folding.take(numbered(person, day)))
        total = folding.ended()
        if folding.is_in_order:
            return total
    # A sum, another time zone or a join may mix rows, which are put in order then.
    folding = _Folding(fold, _NO_DAYS)
    for part in log.parts("activity_day"):
        days = value_days(part, verbs, assigned, min_minutes).select("person_key", "day_on")
        folding.take(_sorted(_joined(part.streamed(days, numbered), _NO_DAYS)))
    return folding.ended()


def folded_events(
    log: EventLog, event: ibis.Table, fold: Callable[[Any], Any], what: Any = None
) -> Any:
    """Fold events as they are stored, and add up what comes of it.

    Parameters
    ----------
    log : EventLog
        On this machine.
    event : ibis.Table
        Of the table ``event``, with conditions at most.
    fold : callable
        As in :func:`folded`; is given :class:`Acts`, or the distinct instants of each person as
        :class:`Rows` where it is not asked what was done.
    what : ibis.Column, optional
        A whole number below 128 that says what was done.

    Returns
    -------
    object
        ``None`` where rows did not come by person and time: a join may have mixed them.
    """
    columns = {"person": event.person_key, "number": event.occurred_at}
    if what is None:
        folding = _Folding(fold, _NO_INSTANTS)
        log.streamed(event.select(**columns), lambda *rows: folding.take(distinct(*rows)))
    else:
        folding = _Folding(fold, _NO_ACTS)
        rows = event.select(**columns, what=what.cast("int8"))
        log.streamed(rows, lambda *rows: folding.take(Acts(*rows)))
    total = folding.ended()
    return total if folding.is_in_order else None


class _Folding:
    """Folds rows of whole persons as soon as there are enough of them."""

    def __init__(self, fold: Callable[[Any], Any], nothing: Rows | Acts) -> None:
        self.is_in_order = True
        self._fold = fold
        self._nothing = nothing
        self._kept: list[Any] = []
        self._n_kept = 0
        self._total: Any = None

    def take(self, rows: Rows | Acts) -> None:
        """Take rows that follow those before."""
        if not self.is_in_order:
            return
        self._kept.append(rows)
        self._n_kept += len(rows.person)
        if self._n_kept >= FOLD_ROWS:
            rows = self._joined()
            # The last person may have more rows to come.
            self._add(rows, int(np.searchsorted(rows.person, rows.person[-1])))

    def ended(self) -> Any:
        """Fold what is left, and return the sum of it all; of no use if rows were not in order."""
        rows = self._joined()
        if len(rows.person) or self._total is None:
            self._add(rows, len(rows.person))
        return self._total

    def _joined(self) -> Any:
        rows = _joined(self._kept, self._nothing)
        self.is_in_order = self.is_in_order and _is_ascending(rows)
        return rows

    def _add(self, rows: Any, n: int) -> None:
        self._kept = [rows._make(column[n:] for column in rows)]
        self._n_kept = len(rows.person) - n
        if self.is_in_order:
            found = self._fold(rows._make(column[:n] for column in rows))
            self._total = found if self._total is None else self._total + found


def day_number(day: date) -> int:
    """Return how many days after 1 January 1970 a day is.

    Examples
    --------
    >>> day_number(date(1970, 1, 31))
    30
    """
    return (day - date(1970, 1, 1)).days


def distinct(person: np.ndarray, at: np.ndarray) -> Rows:
    """Keep the last of rows in a row that are alike.

    Examples
    --------
    >>> distinct(np.array([1, 1, 1, 2]), np.array([5, 5, 8, 8]))
    Rows(person=array([1, 1, 2]), number=array([5, 8, 8]))
    """
    is_last = np.ones(len(person), dtype=bool)
    np.not_equal(person[1:], person[:-1], out=is_last[:-1])
    is_last[:-1] |= at[1:] != at[:-1]
    kept = np.flatnonzero(is_last)
    return Rows(person[kept], at[kept])


def _joined(pieces: list[Any], nothing: Any) -> Any:
    """Put pieces one after another; of rows that are alike there is one."""
    pieces = [piece for piece in pieces if len(piece.person)] or [nothing]
    if len(pieces) == 1:
        return pieces[0]
    again = [0] * (len(pieces) - 1)
    if isinstance(nothing, Rows):
        # A row may lie on the edge of two pieces, once in each.
        again = [
            int(before.person[-1] == piece.person[0] and before.number[-1] == piece.number[0])
            for before, piece in pairwise(pieces)
        ]
    kept = [[c[n:] for c in piece] for piece, n in zip(pieces, [0, *again], strict=True)]
    return nothing._make(np.concatenate(column) for column in zip(*kept, strict=True))


def _is_ascending(rows: Rows | Acts) -> bool:
    person, at = rows.person, rows.number
    # Two events may have one instant, but a day stands once.
    is_fine = at[1:] >= at[:-1] if isinstance(rows, Acts) else at[1:] > at[:-1]
    is_fine &= person[1:] == person[:-1]
    is_fine |= person[1:] > person[:-1]
    return bool(is_fine.all())


def _sorted(rows: Rows) -> Rows:
    keys = rows.person.astype(np.int64) * _DAY_SPAN + (rows.number.astype(np.int64) + _EPOCH_SHIFT)
    keys.sort()
    keys = keys[np.flatnonzero(np.diff(keys, append=-1))]
    person, at = keys // _DAY_SPAN, keys % _DAY_SPAN - _EPOCH_SHIFT
    return Rows(person.astype(rows.person.dtype), at.astype(rows.number.dtype))


def ordered(rows: Rows) -> Rows:
    """Return distinct rows in order of person and number, whatever order they come in.

    Examples
    --------
    >>> ordered(Rows(np.array([1, 1, 1]), np.array([6, 5, 6])))
    Rows(person=array([1, 1]), number=array([5, 6]))
    """
    rows = distinct(*rows)
    return rows if _is_ascending(rows) else _sorted(rows)


def first_rows(person: np.ndarray) -> np.ndarray:
    """Return where each person's rows begin.

    Examples
    --------
    >>> first_rows(np.array([4, 4, 7])).tolist()
    [0, 2]
    """
    begins = np.ones(len(person), dtype=bool)
    np.not_equal(person[1:], person[:-1], out=begins[1:])
    return np.flatnonzero(begins)


def until_next(rows: Rows, never: int) -> np.ndarray:
    """Return how far each row is from the person's next; ``never`` where there is none.

    Examples
    --------
    >>> until_next(Rows(np.array([4, 4, 7]), np.array([10, 13, 2])), never=99).tolist()
    [3, 99, 99]
    """
    person, at = rows
    gap = np.empty_like(at)
    np.subtract(at[1:], at[:-1], out=gap[:-1])
    gap[first_rows(person) - 1] = never
    return gap


def alike(persons: np.ndarray | None = None, /, **columns: np.ndarray) -> pd.DataFrame:
    """Count rows that are alike.

    Parameters
    ----------
    persons : numpy.ndarray of int, optional
        What each row counts; 1 by default.
    **columns : numpy.ndarray of int
        Of the same length.

    Returns
    -------
    pandas.DataFrame
        A row a combination that occurs, with the count in ``persons``.

    Examples
    --------
    >>> print(alike(at=np.array([2, 3, 2]), back=np.array([7, 9, 7])).to_string(index=False))
     at  back  persons
      2     7        2
      3     9        1
    """
    if not len(next(iter(columns.values()))):
        return pd.DataFrame(columns=[*columns, "persons"], dtype="int64")
    lowest = {name: int(column.min()) for name, column in columns.items()}
    sizes = {name: int(column.max()) - lowest[name] + 1 for name, column in columns.items()}
    if math.prod(sizes.values()) > MOST_CELLS:
        frame = pd.DataFrame(columns).assign(persons=1 if persons is None else persons)
        return frame.groupby(list(columns), sort=False)["persons"].sum().reset_index()
    varied = [name for name, size in sizes.items() if size > 1] or [next(iter(sizes))]
    # In place, for there may be millions of rows.
    cell = columns[varied[0]] - lowest[varied[0]]
    for name in varied[1:]:
        cell *= sizes[name]
        cell += columns[name]
        cell -= lowest[name]
    counts = np.bincount(cell, weights=persons)
    found = np.flatnonzero(counts)
    values = np.unravel_index(found, tuple(sizes.values()))
    named = {n: v + lowest[n] for n, v in zip(columns, values, strict=True)}
    return pd.DataFrame({**named, "persons": counts[found].astype(np.int64)})
