"""What every measure declares: its grain, the tables it needs and the columns it returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol

import pandas as pd

from ldresearch.log import EventLog

P = ParamSpec("P")


class Measure(Protocol[P]):
    """A function from a log to a frame of one declared grain."""

    grain: tuple[str, ...]
    needs: tuple[str, ...]
    columns: dict[str, str]
    __name__: str

    def __call__(self, log: EventLog, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame: ...


def measure(
    *, grain: tuple[str, ...], needs: tuple[str, ...], columns: dict[str, str]
) -> Callable[[Callable[Concatenate[EventLog, P], pd.DataFrame]], Measure[P]]:
    """Declare a measure.

    Where a needed table is absent, the measure is not run: an empty frame of the declared columns
    comes back with ``frame.attrs["missing"]`` naming the table. The frame always has exactly the
    declared columns, in order and of the declared pandas types, sorted by its grain.

    Parameters
    ----------
    grain : tuple of str
        Columns that are unique together.
    needs : tuple of str
        Canonical tables without which the question cannot be answered.
    columns : dict of str to str
        Column name to pandas dtype.
    """

    def declare(function: Callable[Concatenate[EventLog, P], pd.DataFrame]) -> Measure[P]:
        @functools.wraps(function)
        def measured(log: EventLog, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
            absent = [table for table in needs if not log.has(table)]
            if absent:
                frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in columns.items()})
                tables = " and ".join(f"“{t}”" for t in absent)
                frame.attrs["missing"] = f"the data have no rows yet in {tables}"
                return frame
            frame = function(log, *args, **kwargs)
            frame = frame[list(columns)].astype(columns)
            return frame.sort_values(list(grain), kind="stable", ignore_index=True)

        declared: Any = measured
        declared.grain, declared.needs, declared.columns = grain, needs, dict(columns)
        return declared  # type: ignore[no-any-return]

    return declare
