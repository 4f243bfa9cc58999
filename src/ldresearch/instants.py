"""Reading instants from text: ISO 8601 with its offset, or local times of a stated zone.

The engine's own cast to ``TIMESTAMP`` drops the offset of ``2024-01-03T09:00+02:00`` in silence;
its zoned cast needs an extension. So the text is taken apart here and the offset subtracted, with
the pinned time-zone data of :mod:`ldresearch.clock`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from ldresearch import clock
from ldresearch.engine import literal

ISO = (
    r"^\s*(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)"
    r"\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?)?\s*$"
)
"""Date, time, offset."""

PLAIN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)"
"""The spelling of UTC that nearly every system writes: the engine's own cast reads it, faster."""

_USUAL = {24: "%Y-%m-%dT%H:%M:%S.%gZ", 20: "%Y-%m-%dT%H:%M:%SZ"}
"""Length to the spelling that has it only where no digit is missing: read in half the time."""

FORWARD = "does not exist: the clocks went forward"
BACK = "happens twice: the clocks went back"
NO_ZONE = "has no time zone"

_FIRST, _LAST = date(1970, 1, 1), date(2100, 1, 1)


def local(text: str) -> str:
    """Return the expression of an ISO text's own clock time; null where it is none."""
    return _soonest(text, _clock(text))


def _soonest(text: str, else_: str) -> str:
    """Read the usual spellings the fast way, UTC the engine's, and the rest by an expression."""
    utc = f"CASE WHEN {_is_plain(text)} THEN try_cast({text} AS TIMESTAMP) ELSE {else_} END"
    usual = " ".join(
        f"WHEN {length} THEN try_strptime({text}, {literal(form)})"
        for length, form in _USUAL.items()
    )
    # What comes before the digits in ASCII is a space or a sign, which the engine would take.
    is_strict = f"{text} >= '0' AND ends_with({text}, 'Z')"
    return f"coalesce(CASE WHEN {is_strict} THEN CASE strlen({text}) {usual} END END, {utc})"


def offset(text: str) -> str:
    """Return the expression of an ISO text's offset in seconds; null where it states none.

    Of a text that is no instant it says nothing of use: ask :func:`local` too.
    """
    return f"CASE WHEN ends_with({text}, 'Z') THEN 0 ELSE {_shift(text)} END"


def _is_plain(text: str) -> str:
    return f"regexp_full_match({text}, {literal(PLAIN)})"


def _clock(text: str) -> str:
    found = f"regexp_extract({text}, {literal(ISO)}, 1)"
    # Digits beyond the microsecond are cut.
    time = f"left(regexp_extract({text}, {literal(ISO)}, 2), 15)"
    return f"try_cast(trim({found} || ' ' || {time}) AS TIMESTAMP)"


def _shift(text: str) -> str:
    zone = f"regexp_extract({text}, {literal(ISO)}, 3)"
    hours = f"try_cast({zone}[2:3] AS INTEGER) * 3600"
    minutes = f"coalesce(try_cast(right({zone}, 2) AS INTEGER), 0) * 60"
    minutes = f"CASE WHEN length({zone}) > 3 THEN {minutes} ELSE 0 END"
    sign = f"CASE WHEN {zone}[1:1] = '-' THEN -1 ELSE 1 END"
    return (
        f"CASE WHEN {zone} = '' THEN NULL WHEN upper({zone}) = 'Z' THEN 0 "
        f"ELSE {sign} * ({hours} + {minutes}) END"
    )


def utc(text: str) -> str:
    """Return the expression of an ISO text as UTC; a text without an offset is taken as UTC.

    Examples
    --------
    >>> import duckdb
    >>> sql = utc("'2024-01-03T09:00:00.1234567+02:00'")
    >>> duckdb.sql(f"SELECT {sql}").fetchall()[0][0].isoformat()
    '2024-01-03T07:00:00.123456'
    """
    return _soonest(text, f"{_clock(text)} - to_seconds(coalesce({_shift(text)}, 0))")


DURATION = r"^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
"""An ISO 8601 duration of fixed length; years and months have none."""


def seconds(text: str) -> str:
    """Return the expression of an ISO 8601 duration in seconds; null where it is none.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql(f"SELECT {seconds(repr('PT1H2M3.5S'))}, {seconds(repr('P1M'))}").fetchall()
    [(3723.5, None)]
    """
    pattern = literal(DURATION)
    parts = " + ".join(
        f"coalesce(try_cast(regexp_extract({text}, {pattern}, {i}) AS DOUBLE), 0) * {n}"
        for i, n in ((1, 604800), (2, 86400), (3, 3600), (4, 60), (5, 1))
    )
    is_one = f"regexp_matches({text}, {pattern}) AND right({text}, 1) NOT IN ('P', 'T')"
    # Most systems write seconds alone; one look is enough then.
    plain = f"regexp_extract({text}, '^PT(\\d+(?:\\.\\d+)?)S$', 1)"
    return f"coalesce(try_cast({plain} AS DOUBLE), CASE WHEN {is_one} THEN {parts} END)"


def zone_offset(clock_time: str, time_zone: str, ambiguous: str = "reject") -> str:
    """Return the expression of the offset of a local time in a zone, in seconds.

    Parameters
    ----------
    clock_time : str
        Expression of a ``TIMESTAMP`` as the clocks of the zone showed it.
    time_zone : str
    ambiguous : {"reject", "first", "second"}
        Which of two instants is meant where the clocks went back; ``reject`` gives null.

    Returns
    -------
    str
        Null where the local time does not exist or, unless told, happens twice.
    """
    return _cases(clock_time, time_zone, ambiguous, is_reason=False)


def zone_trouble(clock_time: str, time_zone: str, ambiguous: str = "reject") -> str:
    """Return the expression of why a local time is no single instant; null where it is one."""
    return _cases(clock_time, time_zone, ambiguous, is_reason=True)


def _cases(clock_time: str, time_zone: str, ambiguous: str, *, is_reason: bool) -> str:
    steps = clock.offsets(time_zone, _FIRST, _LAST)

    def after(at: datetime, seconds: int) -> str:
        return f"{clock_time} >= TIMESTAMP {literal(str(at + timedelta(seconds=seconds)))}"

    starts = [("", "NULL" if is_reason else str(steps[0][1]))]
    for (_, before), (at, now) in pairwise(steps):
        chosen = {"first": before, "second": now}.get(ambiguous)
        trouble = FORWARD if now > before else BACK if chosen is None else None
        inside = None if now > before else chosen
        value = literal(trouble) if trouble else "NULL"
        starts.append(
            (
                after(at, min(before, now)),
                value if is_reason else "NULL" if inside is None else str(inside),
            )
        )
        starts.append((after(at, max(before, now)), "NULL" if is_reason else str(now)))
    return _halved(starts)


def _halved(starts: Sequence[tuple[str, str]]) -> str:
    """Return the value of the last start that a row has passed, in few steps for each row."""
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    return (
        f"CASE WHEN {starts[middle][0]} THEN {_halved(starts[middle:])} "
        f"ELSE {_halved(starts[:middle])} END"
    )
