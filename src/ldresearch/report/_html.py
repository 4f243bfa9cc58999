"""Templates of pages, and how words become HTML: escaped, with spaces that do not break."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ldresearch import glossary
from ldresearch.report import frame
from ldresearch.tables import Table
from ldresearch.wording import LOCALES, Link

_UNIT = re.compile(
    r"(?<=[\d.,]) (?=(?:%|percent|points?|days?|weeks?|months?|years?|hours?|minutes?|people|person"
    r"|events?|rows?|reports?|headlines?)(?!\w))"
)
_MONTHS = "|".join(dict.fromkeys(m for one in LOCALES.values() for m in one.months))
_DAY = re.compile(rf"(?<!\d)(1er|\d{{1,2}}\.?)[ \xa0]({_MONTHS})\b(?: (?=\d{{4}}\b))?")

_SENTENCE = 28
"""Characters from which a cell of words is a sentence."""

_SHORT = 14
"""Characters up to which a cell of words is kept on one line."""


def typeset(said: object) -> str:
    """Tie a number to its unit and a day to its month, so that no line ends between them.

    Examples
    --------
    >>> typeset("95 % of 1,400 people on 3 May")
    '95\\xa0% of 1,400\\xa0people on 3\\xa0May'
    """
    tied = _UNIT.sub("\u00a0", str(said))
    return _DAY.sub(lambda day: day[0].replace(" ", "\u00a0"), tied)


def cell(said: str) -> str:
    """Typeset a cell of words; a short one stays on one line, one that leads to a report leads.

    Examples
    --------
    >>> cell("day 104")
    'day\\xa0104'
    """
    if isinstance(said, Link) and said.href:
        return Markup('<a href="{}">{}</a>').format(said.href, typeset(said))
    return said.replace(" ", "\u00a0") if len(said) <= _SHORT else typeset(said)


def lead(said: str) -> tuple[str, str]:
    """Cut a caption into its first sentence and the rest.

    Examples
    --------
    >>> lead("Half start by day 26. The interval is 23 to 29 days.")
    ('Half start by day 26.', 'The interval is 23 to 29 days.')
    """
    cut = re.search(r"(?<=[a-z0-9%)][.!?])[ \n]+(?=[A-Z\d])", said)
    return (said[: cut.start()], said[cut.end() :]) if cut else (said, "")


def glossary_of(html: str) -> tuple[glossary.Word, ...]:
    """Return the words of the glossary that a reader sees in a piece of a page.

    Examples
    --------
    >>> [one.word for one in glossary_of("<p>The <b>95&nbsp;% interval</b></p><svg>hazard</svg>")]
    ['hazard', 'interval']
    """
    return glossary.found(unescape(re.sub(r"<[^>]*>", " ", html)))


def words_of(name: str) -> str:
    """Turn a report's or parameter's name into words.

    Examples
    --------
    >>> words_of("30_engagement_survival")
    'Engagement survival'
    """
    plain = re.sub(r"^\d+_", "", name).replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def columns_left(table: Table) -> str:
    """Classes that align the columns of words to the left; numbers stand to the right."""
    left = [f"l{i}" for i, c in enumerate(table.columns, start=1) if c.align == "left"]
    return " ".join(left)


def columns_wide(table: Table) -> set[int]:
    """Columns of whole sentences, which need room when others would take it."""
    return {
        i
        for i, column in enumerate(table.columns)
        if column.align == "left" and any(len(row[i]) > _SENTENCE for row in table.rows)
    }


def said_of(key: str, **values: object) -> Markup:
    """Say words of the frame, whose own marks are HTML; what is filled in is escaped.

    Examples
    --------
    >>> print(said_of("page.only", population="R&D"))
    Only <b>R&amp;D</b>.
    """
    shown = {
        name: v if isinstance(v, int | Markup) else escape(typeset(v)) for name, v in values.items()
    }
    return Markup(frame.say(key, **shown))  # noqa: S704 - from this package; values are escaped


def link_to(href: str, said: str) -> Markup:
    """Make a link of words."""
    return Markup('<a href="{}">{}</a>').format(href, said)


@lru_cache(maxsize=1)
def templates() -> jinja2.Environment:
    """Environment of the templates: everything is escaped, an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ldresearch.report", "templates"),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {
        "plain": frame.say, "say": said_of, "link_to": link_to, "language": frame.language,
    }  # fmt: skip
    environment.filters["t"] = lambda said: (
        said if isinstance(said, Markup) else escape(typeset(said))
    )
    environment.filters["cell"] = cell
    environment.filters["glossary"] = glossary_of
    environment.filters["columns_left"] = columns_left
    environment.filters["columns_wide"] = columns_wide
    return environment


@lru_cache(maxsize=1)
def style_sheet() -> Markup:
    """The style sheet of every page, without comments and needless space."""
    source, _, _ = templates().loader.get_source(templates(), "page.css")  # type: ignore[union-attr]
    plain = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    plain = re.sub(r"\s+", " ", plain)
    plain = re.sub(r"\s*([{};,>])\s*", r"\1", plain)
    plain = re.sub(r":\s+", ":", plain)
    return Markup(plain.replace(";}", "}").strip())  # noqa: S704 - from this package


def fill(template: str, **context: Any) -> str:
    """Fill a template; the same input gives the same bytes."""
    return templates().get_template(template).render(css=style_sheet(), **context).strip() + "\n"
