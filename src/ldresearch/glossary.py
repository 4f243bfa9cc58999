"""Words of the reports in plain words, as data; a page lists those that stand on it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a reader may not know.

    Attributes
    ----------
    word : str
    said : str
        What it means.
    forms : tuple of str
        Further ways in which it appears.
    """

    word: str
    said: str
    forms: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def words() -> tuple[Word, ...]:
    """Return every word, in the order of the alphabet."""
    text = resources.files("ldresearch").joinpath("glossary.toml").read_text(encoding="utf-8")
    found = [
        Word(one["word"], one["said"], tuple(one.get("forms", ())))
        for one in tomllib.loads(text)["word"]
    ]
    return tuple(sorted(found, key=lambda one: one.word.casefold()))


def found(text: str) -> tuple[Word, ...]:
    """Return the words that stand in a text, in the order of the alphabet.

    Examples
    --------
    >>> [one.word for one in found("Hazard ratios, with their 95 % intervals; not an intervall.")]
    ['hazard', 'interval']
    """
    plain = " ".join(text.casefold().split())
    return tuple(word for word, pattern in _patterns() if pattern.search(plain))


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Word, re.Pattern[str]], ...]:
    return tuple((one, _pattern(one)) for one in words())


def _pattern(one: Word) -> re.Pattern[str]:
    forms = sorted({form.casefold() for form in (one.word, *one.forms)}, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(form) for form in forms)})(?!\w)")
