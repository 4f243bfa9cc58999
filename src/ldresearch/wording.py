"""How numbers, dates and lists are written, the same in sentences, tables and figures.

Ordinary spaces before units; the report turns those into ones that do not break. Signs and names of
months are those of a locale: whoever writes says which with :func:`written_in`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ldresearch.errors import ParameterError, message

NOT_KNOWN = "not known"
NOT_REACHED = "not reached"
HIDDEN = "hidden"

MINUS = "\u2212"

LEAST = 0.001
"""What was measured is told no finer than this near zero, as p values and stability indices are."""


@dataclass(frozen=True, slots=True)
class Locale:
    """How a part of the world writes numbers and dates; the words between them stay English.

    Attributes
    ----------
    thousands, decimal : str
        Signs between digits.
    months, short_months : tuple of str
        From January; the short ones are for axes and labels.
    after_day : str
        What stands between a day and its month.
    first_day : str
        How the first of a month is written.
    """

    thousands: str
    decimal: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    after_day: str = " "
    first_day: str = "1"


def _names(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# No sentence ends after the stop behind a German day, so an ordinary space does not follow it.
LOCALES: dict[str, Locale] = {
    "en": Locale(
        ",", ".",
        _names("January February March April May June July August September October November "
               "December"),
        _names("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    ),
    "de": Locale(
        ".", ",",
        _names("Januar Februar März April Mai Juni Juli August September Oktober November "
               "Dezember"),
        _names("Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez"),
        after_day=".\u00a0",
    ),
    "fr": Locale(
        "\u202f", ",",
        _names("janvier février mars avril mai juin juillet août septembre octobre novembre "
               "décembre"),
        _names("janv févr mars avr mai juin juil août sept oct nov déc"),
        first_day="1er",
    ),
}  # fmt: skip
"""Names are those of ISO 639-1. A percent sign stands behind a space in all of them."""

ENGLISH = "en"
_IN_USE: ContextVar[str] = ContextVar("locale", default=ENGLISH)


def checked_locale(name: str, where: str = "locale") -> str:
    """Return the name of a locale; empty means English.

    Parameters
    ----------
    name : str
    where : str, optional
        Where it was named, for the message.

    Raises
    ------
    ParameterError
        For one that is not known.

    Examples
    --------
    >>> checked_locale("de"), checked_locale("")
    ('de', 'en')
    """
    known = name.strip() or ENGLISH
    if known not in LOCALES:
        raise ParameterError(
            message("no such locale", where=where, got=name[:20], allowed=", ".join(LOCALES))
        )
    return known


@contextmanager
def written_in(locale: str) -> Iterator[None]:
    """Write numbers and dates as a locale does, as long as this lasts.

    Parameters
    ----------
    locale : str
        Of ``LOCALES``; empty means English.

    Examples
    --------
    >>> with written_in("de"):
    ...     number(12345.6), percent(0.72), date("2026-05-31").replace("\xa0", " ")
    ('12.346', '72 %', '31. Mai 2026')
    >>> with written_in("fr"):
    ...     number(0.5), date("2026-05-01"), points(-0.01)
    ('0,5', '1er mai 2026', '−1 point')
    """
    token = _IN_USE.set(checked_locale(locale))
    try:
        yield
    finally:
        _IN_USE.reset(token)


def locale_in_use() -> str:
    """Name the locale that is written in now."""
    return _IN_USE.get()


def _locale() -> Locale:
    return LOCALES[_IN_USE.get()]


def _signs(said: str) -> str:
    """Give digits that were written in English the signs of the locale."""
    here = _locale()
    return said.translate({ord(","): here.thousands, ord("."): here.decimal})


_PROPORTIONS = (
    (1 / 10, "one in ten"), (1 / 5, "one in five"), (1 / 4, "one in four"),
    (1 / 3, "one in three"), (2 / 5, "two in five"), (1 / 2, "half"), (3 / 5, "three in five"),
    (2 / 3, "two in three"), (3 / 4, "three in four"), (4 / 5, "four in five"),
    (9 / 10, "nine in ten"),
)  # fmt: skip

_IRREGULAR = {"person": "people", "persons": "people"}


def _signed(text: str, x: float) -> str:
    return f"{MINUS}{text}" if x < 0 else text


def percent(x: float | None) -> str:
    """Say a share of 0..1 as a whole percentage.

    Examples
    --------
    >>> percent(0.7249), percent(None)
    ('72 %', 'not known')
    """
    if x is None or not math.isfinite(x):
        return NOT_KNOWN
    return _signed(_signs(f"{abs(round(x * 100)):,} %"), round(x * 100))


def points(x: float | None) -> str:
    """Say a difference of two shares in percentage points, with its sign.

    Examples
    --------
    >>> points(0.09), points(-0.01), points(0.001)
    ('+9 points', '−1 point', '0 points')
    """
    if x is None or not math.isfinite(x):
        return NOT_KNOWN
    whole = round(x * 100)
    sign = "+" if whole > 0 else MINUS if whole < 0 else ""
    return f"{sign}{plural(abs(whole), 'point')}"


def number(x: float | None, digits: int = 3) -> str:
    """Say a number: whole ones in full, others to ``digits`` significant digits.

    Examples
    --------
    >>> number(12345), number(1.2345), number(0.00123456), number(float("inf"))
    ('12,345', '1.23', '0.00123', 'not reached')
    """
    if x is None or math.isnan(x):
        return NOT_KNOWN
    if math.isinf(x):
        return NOT_REACHED
    size = abs(x)
    if size == round(size):
        return _signed(_signs(f"{size:,.0f}"), x)
    text = f"{size:,.{_places(size, digits)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return _signed(_signs(text), x) if text.strip("0.,") else "0"


def measured(x: float | None, digits: int = 3) -> str:
    """Say a number that was measured: one nearer to zero than anyone reads is bounded.

    Settings and the ticks of an axis are exact: :func:`number` writes them.

    Examples
    --------
    >>> measured(0.0000579), measured(-0.0000579), measured(0.00123456), measured(0.0)
    ('under 0.001', 'over −0.001', '0.00123', '0')
    """
    if x is None or not 0 < abs(x) < LEAST:
        return number(x, digits)
    return f"{'under' if x > 0 else 'over'} {number(math.copysign(LEAST, x))}"


def _places(size: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(size)))


def rounded(x: float, digits: int = 3) -> float:
    """Round as :func:`number` writes.

    Examples
    --------
    >>> rounded(1.23456), rounded(0.00123456), rounded(1234.56), rounded(7.0)
    (1.23, 0.00123, 1235.0, 7.0)
    """
    if not math.isfinite(x) or x == round(x):
        return x
    return round(x, _places(abs(x), digits))


def fixed(x: float | None, places: int = 0) -> str:
    """Say a number with so many decimals, also where they are zeros: a column lines up.

    Examples
    --------
    >>> fixed(1234.5, 2), fixed(-0.04, 1), fixed(1250), fixed(None)
    ('1,234.50', '0.0', '1,250', 'not known')
    """
    if x is None or not math.isfinite(x):
        return number(x)
    said = f"{abs(x):,.{places}f}"
    return _signed(_signs(said), x) if said.strip("0.") else _signs(said)


def quantity(x: float | None, unit: str) -> str:
    """Say a number with its unit in the singular or plural.

    Parameters
    ----------
    x : float or None
    unit : str
        Plural, as in the registry: ``days``, ``hours``.

    Examples
    --------
    >>> quantity(1, "hours"), quantity(2.5, "hours"), quantity(float("inf"), "days")
    ('1 hour', '2.5 hours', 'not reached')
    """
    if x is None or not math.isfinite(x):
        return number(x)
    said = measured(x)
    return f"{said} {unit.removesuffix('s') if said in ('1', MINUS + '1') else unit}"


def days(x: float | None) -> str:
    """Say a duration in whole days.

    Examples
    --------
    >>> days(26.2), days(1), days(float("inf")), days(float("nan"))
    ('26 days', '1 day', 'not reached', 'not known')
    """
    return quantity(x if x is None or not math.isfinite(x) else round(x), "days")


def plural(n: float, noun: str, nouns: str = "") -> str:
    """Say a number of things.

    Parameters
    ----------
    n : float
    noun : str
        Singular.
    nouns : str, optional
        Plural, where adding an "s" does not make it.

    Examples
    --------
    >>> plural(1, "week"), plural(3, "week"), plural(0, "person"), plural(2, "entry", "entries")
    ('1 week', '3 weeks', '0 people', '2 entries')
    """
    said = number(n)
    return f"{said} {noun if said == '1' else nouns or _IRREGULAR.get(noun, noun + 's')}"


def proportion(x: float | None) -> str:
    """Say a share the way a newspaper would; within three points, or as a percentage.

    Examples
    --------
    >>> proportion(0.75), proportion(0.73), proportion(0.77), proportion(0.02)
    ('three in four', 'nearly three in four', 'more than three in four', '2 %')
    """
    if x is None or not math.isfinite(x):
        return NOT_KNOWN
    share, said = min(_PROPORTIONS, key=lambda pair: abs(pair[0] - x))
    if abs(share - x) > 0.03:
        return percent(x)
    if abs(share - x) < 0.0075:
        return said
    return f"nearly {said}" if x < share else f"more than {said}"


def in_for_out(share: float | None) -> float:
    """Turn the share who came in, of all who came or went, into comings for each going.

    Published as a share, because a share of rounded counts tells no exact count; read as a ratio.

    Examples
    --------
    >>> in_for_out(0.75), in_for_out(1.0), in_for_out(None)
    (3.0, inf, nan)
    """
    if share is None or math.isnan(share):
        return math.nan
    return share / (1 - share) if share < 1 else math.inf


def date(day: dt.date | str) -> str:
    """Write a day out.

    Parameters
    ----------
    day : date or str
        ``YYYY-MM-DD``, or the beginning of an ISO instant; ``YYYY-MM`` is a month.

    Examples
    --------
    >>> date("2026-05-31"), date("2026-05")
    ('31 May 2026', 'May 2026')
    """
    if isinstance(day, str) and len(day) == len("2026-05"):
        year, month = day.split("-")
        return f"{_locale().months[int(month) - 1]} {int(year)}"
    parsed = dt.date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return f"{_day(parsed)}{_locale().months[parsed.month - 1]} {parsed.year}"


def _day(day: dt.date) -> str:
    here = _locale()
    return f"{here.first_day if day.day == 1 else day.day}{here.after_day}"


def short_month(day: dt.date) -> str:
    """Name a month on an axis.

    Examples
    --------
    >>> short_month(dt.date(2026, 5, 1))
    'May 2026'
    """
    return f"{_locale().short_months[day.month - 1]} {day.year}"


def short_day(day: dt.date) -> str:
    """Name a day of a year on an axis.

    Examples
    --------
    >>> short_day(dt.date(2026, 5, 3))
    '3 May'
    """
    return f"{_day(day)}{_locale().short_months[day.month - 1]}"


def period(first: dt.date | str, last: dt.date | str) -> str:
    """Write a period out, both ends included.

    Examples
    --------
    >>> period("2026-01-01", "2026-05-31")
    '1 January to 31 May 2026'
    """
    begin, end = date(first), date(last)
    shared = begin.rsplit(" ", 1)[1] == end.rsplit(" ", 1)[1]
    return f"{begin.rsplit(' ', 1)[0] if shared else begin} to {end}"


def span(first: str, last: str, unit: str, *, short: bool = False) -> str:
    """Name the weeks or months from one to another by their first days.

    Parameters
    ----------
    first, last : str
        First day of the first and of the last of them, ``YYYY-MM-DD``.
    unit : {"week", "month"}
    short : bool
        Months as three letters, for a label.

    Examples
    --------
    >>> span("2024-01-01", "2024-01-01", "month"), span("2024-01-01", "2024-03-01", "month")
    ('January 2024', 'January to March 2024')
    >>> span("2024-01-01", "2024-03-04", "week"), span("2024-11-01", "2025-01-01", "month",
    ...                                                short=True)
    ('the weeks of 1 January to 4 March 2024', 'Nov 24–Jan 25')
    """
    begin, end = (dt.date.fromisoformat(day[:10]) for day in (first, last))
    if short:
        return _short_span(begin, end, unit)
    if unit == "month":
        begin_said, end_said = date(first[:7]), date(last[:7])
        same_year = begin.year == end.year
        head = begin_said.rsplit(" ", 1)[0] if same_year else begin_said
        return end_said if begin == end else f"{head} to {end_said}"
    return f"the week of {date(end)}" if begin == end else f"the weeks of {period(first, last)}"


def _short_span(begin: dt.date, end: dt.date, unit: str) -> str:
    def said(day: dt.date, *, with_year: bool) -> str:
        name = _locale().short_months[day.month - 1] if unit == "month" else short_day(day)
        return f"{name} {day.year % 100:02d}" if with_year else name

    tail = said(end, with_year=True)
    return tail if begin == end else f"{said(begin, with_year=begin.year != end.year)}–{tail}"


def listing(items: Iterable[str], *, last: str = "and") -> str:
    """Join names as a sentence does.

    Examples
    --------
    >>> listing(["Sales", "R&D", "Operations"]), listing(["Sales"]), listing([])
    ('Sales, R&D and Operations', 'Sales', 'none')
    """
    names = list(items)
    if len(names) < 2:
        return names[0] if names else "none"
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def sentence(text: str) -> str:
    """Begin with a capital and end with a stop.

    Examples
    --------
    >>> sentence("no one has started yet"), sentence("Is it so?")
    ('No one has started yet.', 'Is it so?')
    """
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


class Link(str):
    """Words whose first part leads to another report; everywhere else it is plain text.

    Attributes
    ----------
    lead : str
        The part that leads there.
    rest : str
        What is said after it; may be empty.
    href : str
        Relative address of the report: ``../2025-07-01/20_adoption.html``.

    Examples
    --------
    >>> said = Link.to("20_adoption", "2025-07-01", "Seven in ten have started", "As of July.")
    >>> print(said)
    Seven in ten have started. As of July.
    >>> said.href, Link.to("<script>", "2025-07-01", "Started").href
    ('../2025-07-01/20_adoption.html', '')
    """

    __slots__ = ("href", "lead", "rest")

    lead: str
    rest: str
    href: str

    @classmethod
    def to(cls, report: str, as_of: str, lead: str, rest: str = "") -> Link:
        """Make words that lead to a report beside the one they stand in.

        Parameters
        ----------
        report, as_of : str
            Its name and date. Where they are not what a report's may be, the words lead nowhere.
        lead, rest : str
        """
        ended = lead if lead[-1:] in ".!?…" else f"{lead}."
        made = cls(f"{ended} {rest}" if rest else lead)
        made.lead, made.rest = ended if rest else lead, rest
        is_safe = re.fullmatch(r"[a-z0-9_-]{1,160} \d{4}-\d\d-\d\d", f"{report} {as_of}")
        made.href = f"../{as_of}/{report}.html" if is_safe else ""
        return made
