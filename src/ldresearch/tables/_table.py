"""A table as plain data, and the default way from a published result to one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from ldresearch.errors import ParameterError, message
from ldresearch.result import Column, Published, Scalar
from ldresearch.vocabulary import Family, Role
from ldresearch.wording import HIDDEN, NOT_KNOWN, NOT_REACHED, date, measured, percent

Align = Literal["left", "right"]

_NUMBERS = frozenset({Role.COUNT, Role.RATE, Role.VALUE, Role.LOW, Role.HIGH, Role.N})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Col:
    """One column of a table.

    Attributes
    ----------
    label : str
    align : {"left", "right"}
    is_header : bool
        Whether its cells name their rows.
    """

    label: str
    align: Align = "left"
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Words in rows and columns; the report escapes and draws them.

    Attributes
    ----------
    caption : str
    columns : tuple of Col
    rows : tuple of tuple of str
        One cell a column.

    Raises
    ------
    ParameterError
        If a row has another length than the columns.

    Examples
    --------
    >>> Table("People by unit", (Col("unit", is_header=True), Col("people", "right")),
    ...       (("Sales", "140"),)).rows
    (('Sales', '140'),)
    """

    caption: str
    columns: tuple[Col, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.rows} - {len(self.columns)}
        if lengths:
            raise ParameterError(
                message("a row of another length than the columns", where=self.caption,
                        got=sorted(lengths), allowed=str(len(self.columns)))
            )  # fmt: skip

    def _repr_html_(self) -> str:
        """Show the table in JupyterLab; the report draws its own from the published numbers."""
        head = "".join(f"<th>{escape(c.label)}</th>" for c in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f"<table><caption>{escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def of(
    published: Published,
    caption: str,
    labels: Mapping[str, str] | None = None,
    drop: Collection[str] = (),
    *,
    formats: Mapping[str, Callable[[Scalar], str]] | None = None,
    most: int = 0,
) -> Table:
    """Tabulate a published result as it stands, formatted by the roles of its columns.

    Parameters
    ----------
    published : Published
    caption : str
    labels : mapping of str to str, optional
        Column to the words above it; otherwise its name with spaces, and "people" for n.
    drop : collection of str
        Columns left out.
    formats : mapping of str to callable, optional
        Column to a function of its cell, where the role's format will not do. Never called with
        ``None``.
    most : int
        Rows that are kept of a long curve, evenly spaced, the first and the last among them, and
        twice as many in all where there are several curves; 0 keeps all. Columns that count
        since the row before are then to be dropped.

    Returns
    -------
    Table
        Shares as whole percents; "fewer than k" and "hidden" where a rule hid a number,
        "not known" where there was none, "not reached" for an infinite time. The leading key
        and time columns head their rows. A table without rows if nothing was published.

    Raises
    ------
    ParameterError
        If ``labels``, ``drop`` or ``formats`` name a column that is not there.
    """
    names = [c.name for c in published.columns]
    _check_names(names, {*(labels or {}), *drop, *(formats or {})}, published)
    kept = [i for i, name in enumerate(names) if name not in drop]
    columns = tuple(_head(published.columns[i], labels or {}) for i in kept)
    rows = tuple(
        tuple(_say(published, row, i, formats or {}) for i in kept)
        for row in _spread(published, most)
    )
    return Table(caption, _with_row_headers(columns, [published.columns[i] for i in kept]), rows)


def _spread(published: Published, most: int) -> list[tuple[Scalar, ...]]:
    """Keep so many rows of each group, evenly spaced, the first and the last among them.

    The more groups, the fewer rows of each, but three at least: a page is read, not searched.
    """
    if not most:
        return list(published.rows)
    keys = [i for i, c in enumerate(published.columns) if c.role is Role.KEY]
    groups: dict[tuple[Scalar, ...], list[tuple[Scalar, ...]]] = {}
    for row in published.rows:
        groups.setdefault(tuple(row[i] for i in keys), []).append(row)
    most = min(most, max(2 * most // max(len(groups), 1), 3))
    kept: list[tuple[Scalar, ...]] = []
    for rows in groups.values():
        step = max(math.ceil((len(rows) - 1) / max(most - 1, 1)), 1)
        kept += [row for i, row in enumerate(rows) if i % step == 0 or i == len(rows) - 1]
    return kept


def _check_names(names: Sequence[str], asked: Collection[str], published: Published) -> None:
    unknown = sorted(set(asked) - set(names))
    if unknown and names:
        raise ParameterError(
            message("no such column", where=published.name, got=unknown, allowed=", ".join(names))
        )


def _head(column: Column, labels: Mapping[str, str]) -> Col:
    default = "people" if column.role is Role.N else column.name.replace("_", " ")
    align: Align = "right" if column.role in _NUMBERS else "left"
    return Col(labels.get(column.name, default), align)


def _with_row_headers(columns: tuple[Col, ...], roles: Sequence[Column]) -> tuple[Col, ...]:
    """Key and time columns that come before any number name the row."""
    found, leading = [], True
    for col, column in zip(columns, roles, strict=True):
        leading = leading and column.role in (Role.KEY, Role.TIME)
        found.append(Col(col.label, col.align, leading))
    return tuple(found)


def _say(
    published: Published,
    row: Sequence[Scalar],
    i: int,
    formats: Mapping[str, Callable[[Scalar], str]],
) -> str:
    column, cell = published.columns[i], row[i]
    if cell is None:
        return _absent(published, row, i)
    if column.name in formats:
        return formats[column.name](cell)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return date(cell) if column.role is Role.TIME and _DATE.fullmatch(cell) else cell
    if math.isinf(cell):
        return NOT_REACHED
    is_end = column.role in (Role.LOW, Role.HIGH)
    if column.role is Role.RATE or (is_end and _is_share(published)):
        return percent(cell)
    return measured(cell)


def _is_share(published: Published) -> bool:
    roles = {c.role for c in published.columns}
    return Role.RATE in roles and Role.VALUE not in roles


def _absent(published: Published, row: Sequence[Scalar], i: int) -> str:
    """Tell a cell hidden by a rule from one that was never known."""
    rules, role = published.rules, published.columns[i].role
    if role in (Role.KEY, Role.TIME):
        return NOT_KNOWN
    if rules.public or published.family is Family.CHECKS:
        return NOT_KNOWN
    roles = [c.role for c in published.columns]
    if published.parameters.get("is_sensitive") and role is Role.RATE:
        return _bounded(row[i:], roles[i:])
    hidden = any(
        cell is None and r in (Role.N, Role.COUNT) for cell, r in zip(row, roles, strict=True)
    )
    if role in (Role.N, Role.COUNT) and not published.parameters.get("n_protected"):
        return f"fewer than {rules.k}"  # where others are hidden with them, no one may know which
    return HIDDEN if hidden else NOT_KNOWN


def _bounded(row: Sequence[Scalar], roles: Sequence[Role]) -> str:
    """Say of a sensitive share what may be said where nearly none or all have it."""
    low, high = (row[roles.index(r)] if r in roles else None for r in (Role.LOW, Role.HIGH))
    if isinstance(high, float) and low == 0 and high < 1:
        return f"at most {percent(high)}"
    if isinstance(low, float) and high == 1 and low > 0:
        return f"at least {percent(low)}"
    if isinstance(low, float) and high == 0 and -1 < low < 0:
        return f"at most {percent(-low)}"
    if isinstance(high, float) and low == -1 and high < 0:
        return f"at least {percent(-high)}"
    return HIDDEN
