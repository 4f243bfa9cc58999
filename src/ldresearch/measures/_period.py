"""Calendar periods by number, so that the engine can subtract them: ISO weeks and months."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from ldresearch.errors import ParameterError, did_you_mean, message

if TYPE_CHECKING:
    import numpy as np

PERIODS: Final = ("week", "month")
"""What cohorts and states are counted by: ISO weeks or calendar months."""

_MONDAY = date(1990, 1, 1)


def checked(period: str) -> str:
    """Return the period, or say that there is no such one."""
    if period not in PERIODS:
        raise ParameterError(
            message("no such period", where="period", got=period, allowed=", ".join(PERIODS),
                    do=did_you_mean(period, PERIODS))
        )  # fmt: skip
    return period


def number(day: Any, period: str) -> Any:
    """Return the number of the period that holds a day column, as an expression."""
    import ibis

    if period == "week":
        return day.delta(ibis.literal(_MONDAY, type="date"), unit="day").cast("int64") // 7
    return (day.year() * 12 + day.month() - 1).cast("int64")


def numbers(days: np.ndarray, period: str) -> np.ndarray:
    """Return the numbers of the periods that hold days, which count from 1970.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.array(["2024-01-07", "2024-01-08"], dtype="datetime64[D]").astype("int32")
    >>> np.diff(numbers(days, "week")).tolist(), np.diff(numbers(days, "month")).tolist()
    ([1], [0])
    """
    import numpy as np

    if not len(days):
        return days.astype(np.int32)
    # Days are few, however many rows: each is worked out once and looked up.
    begin = int(days.min())
    each = np.arange(begin, int(days.max()) + 1)
    if period == "week":
        numbered = (each - (_MONDAY - date(1970, 1, 1)).days) // 7
    else:
        months = each.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        numbered = months + 1970 * 12
    found: np.ndarray = numbered.astype(np.int32)[days - begin]
    return found


def number_of(day: date, period: str) -> int:
    """Return the number of the period that holds a day.

    Examples
    --------
    >>> number_of(date(2024, 1, 7), "week") + 1 == number_of(date(2024, 1, 8), "week")
    True
    """
    return (day - _MONDAY).days // 7 if period == "week" else day.year * 12 + day.month - 1


def first_day(n: int, period: str) -> date:
    """Return the first day of a period by its number.

    Examples
    --------
    >>> first_day(number_of(date(2024, 2, 29), "month"), "month")
    datetime.date(2024, 2, 1)
    """
    return _MONDAY + timedelta(days=7 * n) if period == "week" else date(n // 12, n % 12 + 1, 1)


def last_complete(as_of: date, period: str) -> int:
    """Return the number of the last period that was over by the as-of date.

    Examples
    --------
    >>> [first_day(last_complete(date(2024, 3, day), "month"), "month").month for day in (1, 31)]
    [2, 2]
    """
    return number_of(as_of, period) - 1
