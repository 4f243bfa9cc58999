"""Labels that tell of a person by themselves: what nobody's business is, is told in general words.

The name of a course can say more than any number beside it: who took "Return after burnout" is
known to have had one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from importlib import resources

GENERAL = "a sensitive topic"
"""What is told instead."""


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    file = resources.files("ldresearch.privacy").joinpath("sensitive.toml")
    words = tomllib.loads(file.read_text(encoding="utf-8"))["words"]
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(w) for w in dict.fromkeys(words)) + ")")


def is_sensitive(text: str) -> bool:
    """Whether a label tells of health, family, belief, union or orientation.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
        Whether one of the words begins a word of it.

    Examples
    --------
    >>> is_sensitive("Return after burnout"), is_sensitive("Health and safety at work")
    (True, False)
    """
    return _pattern().search(text.casefold()) is not None


def generalise(texts: Iterable[str], known: MutableMapping[str, str]) -> dict[str, str]:
    """Give each sensitive label a general one, the same throughout a report.

    Parameters
    ----------
    texts : iterable of str
        Labels in the order in which they stand.
    known : mapping of str to str
        What the report said before; added to.

    Returns
    -------
    dict of str to str
        The sensitive ones among the labels, and what is told instead.

    Examples
    --------
    >>> generalise(["Sums", "Pregnancy and work", "Coping with grief"], {})
    {'Pregnancy and work': 'a sensitive topic', 'Coping with grief': 'a sensitive topic (2)'}
    """
    found = {}
    for text in dict.fromkeys(texts):
        if text not in known and is_sensitive(text):
            known[text] = f"{GENERAL} ({len(known) + 1})" if known else GENERAL
        if text in known:
            found[text] = known[text]
    return found
