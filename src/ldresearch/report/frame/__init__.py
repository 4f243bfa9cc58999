"""The words around the findings: headings, labels, notes, foot; one file for each language.

The findings themselves are sentences of an analysis and are not here. A language is a file named
by its locale beside this module; what it leaves out is said in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from ldresearch.wording import ENGLISH, locale_in_use, number

Words = Mapping[str, str | Mapping[str, str]]
"""By "table.key"; two forms, "one" and "many", where a number decides."""


def say(key: str, **values: object) -> str:
    """Say something in the language that is written in now.

    Parameters
    ----------
    key : str
        As in ``en.toml``: ``quality.heading``.
    **values
        What the braces hold; ``n`` decides between "one" and "many".

    Examples
    --------
    >>> say("quality.passed", n=1), say("quality.passed", n=12)
    ('The check passed.', 'All 12 checks passed.')
    """
    said = _known(locale_in_use())[key]
    if not isinstance(said, str):
        said = said["one" if values["n"] == 1 else "many"]
    shown = {name: number(v) if isinstance(v, int) else v for name, v in values.items()}
    return said.format(**shown)


def language() -> str:
    """Name the language of the words: that of the locale, or English where it has no file.

    Examples
    --------
    >>> language()
    'en'
    """
    return locale_in_use() if words(locale_in_use()) else ENGLISH


@lru_cache(maxsize=8)
def words(locale: str) -> Words:
    """Read the words of a language; none where it has no file."""
    file = resources.files(__package__).joinpath(f"{locale}.toml")
    if not file.is_file():
        return {}
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {f"{name}.{key}": said for name, table in tables.items() for key, said in table.items()}


def _known(locale: str) -> Words:
    return {**words(ENGLISH), **words(locale)}
