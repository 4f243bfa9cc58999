"""Calendar arithmetic on local dates, from the pinned time-zone data, never from an engine.

Days are local calendar days: across a change of clocks a day has 23 or 25 hours and still counts
as one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ldresearch.errors import ParameterError, message

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_date(text: str | date, *, name: str = "date") -> date:
    """Read an ISO date (``YYYY-MM-DD``); nothing else is guessed.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> parse_date("2024-02-29")
    datetime.date(2024, 2, 29)
    """
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    try:
        if not (isinstance(text, str) and _ISO.fullmatch(text)):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ParameterError(
            message("not a date", where=name, got=text, allowed="YYYY-MM-DD")
        ) from None


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name, or say that it is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ParameterError(
            message("unknown time zone", where="time_zone", got=name,
                    allowed="an IANA name such as Europe/Berlin")
        ) from None  # fmt: skip


def midnight_utc(day: date, time_zone: str) -> datetime:
    """Return the instant a local day begins, as a naive UTC datetime.

    Examples
    --------
    >>> midnight_utc(date(2024, 7, 1), "Europe/Berlin")
    datetime.datetime(2024, 6, 30, 22, 0)
    """
    local = datetime(day.year, day.month, day.day, tzinfo=zone(time_zone))
    return local.astimezone(UTC).replace(tzinfo=None)


@lru_cache(maxsize=64)
def offsets(time_zone: str, first: date, last: date) -> tuple[tuple[datetime, int], ...]:
    """List the UTC offsets of a zone over a span.

    Parameters
    ----------
    time_zone : str
    first, last : date
        The span, both ends included.

    Returns
    -------
    tuple of (datetime, int)
        Naive UTC instant from which an offset holds, and the offset in seconds; the first entry
        holds from the start of the span.

    Examples
    --------
    >>> offsets("Europe/Berlin", date(2024, 1, 1), date(2024, 4, 30))
    ((datetime.datetime(2023, 12, 30, 0, 0), 3600), (datetime.datetime(2024, 3, 31, 1, 0), 7200))
    """
    tz = zone(time_zone)

    def offset(at: datetime) -> int:
        delta = at.replace(tzinfo=UTC).astimezone(tz).utcoffset()
        return int((delta or timedelta()).total_seconds())

    start = datetime(first.year, first.month, first.day) - timedelta(days=2)
    if time_zone == "UTC":
        return ((start, 0),)
    end = datetime(last.year, last.month, last.day) + timedelta(days=3)
    found = [(start, offset(start))]
    at = start
    while at < end:
        after = at + timedelta(days=1)
        if offset(after) != found[-1][1]:
            low, high = at, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                middle = middle.replace(microsecond=0)
                if middle <= low:
                    break
                if offset(middle) == found[-1][1]:
                    low = middle
                else:
                    high = middle
            found.append((high, offset(high)))
        at = after
    return tuple(found)


def week_of(day: date) -> date:
    """Return the Monday of a day's ISO week.

    Examples
    --------
    >>> week_of(date(2024, 3, 3))
    datetime.date(2024, 2, 26)
    """
    return day - timedelta(days=day.weekday())


STEPS = ("day", "week", "month", "quarter")
"""How far apart the days of a range may lie."""


def days(first: date, last: date, every: str) -> list[date]:
    """List the days of a range, both ends included where a step meets them.

    Parameters
    ----------
    first, last : date
    every : str
        One of ``STEPS``. A month from the 31st is the last day of a shorter month.

    Raises
    ------
    ParameterError
        For another step, or a range that ends before it begins.

    Examples
    --------
    >>> [str(day) for day in days(date(2024, 1, 31), date(2024, 4, 1), "month")]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    >>> len(days(date(2024, 1, 1), date(2024, 12, 29), "week"))
    52
    """
    if every not in STEPS:
        raise ParameterError(
            message("no such step", where="every", got=every, allowed=", ".join(STEPS))
        )
    if last < first:
        raise ParameterError(
            message("the range ends before it begins", where="to", got=str(last),
                    allowed=f"from {first} on")
        )  # fmt: skip
    found = []
    for i in range((last - first).days + 1):
        day = _after(first, i, every)
        if day > last:
            break
        found.append(day)
    return found


def _after(first: date, n: int, every: str) -> date:
    if every in ("day", "week"):
        return first + timedelta(days=n * (7 if every == "week" else 1))
    months = first.month - 1 + n * (3 if every == "quarter" else 1)
    year, month = first.year + months // 12, months % 12 + 1
    return date(year, month, min(first.day, monthrange(year, month)[1]))
