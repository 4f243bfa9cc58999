"""One sentence for everything that is refused: what, where, got, allowed, what to do.

No message carries a person's id or a row's content. Values quoted in ``got`` are parameters,
names and counts, which the caller typed or which describe the file, never cells of an id column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class LdresearchError(Exception):
    """Base of every error raised on purpose; ``str(error)`` is fit for a user's eyes."""

    exit_code = 2


class ParameterError(LdresearchError, ValueError):
    """A parameter of a notebook, command or function is not what it may be."""


class DataError(LdresearchError, ValueError):
    """A source, a dataset or a frame is not what its schema says."""

    exit_code = 3


class DisclosureError(LdresearchError):
    """A publication was refused because it could identify a person."""

    exit_code = 4


class RunError(LdresearchError):
    """A notebook did not run to its end, or its report could not be published."""

    exit_code = 5


def from_toml(text: str) -> dict[str, Any]:
    """Read TOML that someone else wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict

    Raises
    ------
    tomllib.TOMLDecodeError
        For everything that is amiss. The library itself has other errors for a number of thousands
        of digits and for lists within lists without end.

    Examples
    --------
    >>> from_toml('name = "Spring"')
    {'name': 'Spring'}
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError):
        raise tomllib.TOMLDecodeError("a number or a list is beyond all measure") from None


def message(
    what: str,
    *,
    where: str = "",
    got: object = None,
    allowed: str = "",
    do: str = "",
) -> str:
    """Build the one sentence every error of this package consists of.

    Parameters
    ----------
    what : str
        What is wrong, without a full stop.
    where : str, optional
        The file, table, column or parameter.
    got : object, optional
        What was found. Never a value of an id column.
    allowed : str, optional
        What would have been accepted.
    do : str, optional
        The next thing to do.

    Returns
    -------
    str

    Examples
    --------
    >>> message("not a date", where="as_of", got="2024-13-01",
    ...         allowed="YYYY-MM-DD", do="write the month first")
    "as_of: not a date (got '2024-13-01'; allowed: YYYY-MM-DD). Do: write the month first."
    """
    inside = []
    if got is not None:
        inside.append(f"got {_short(repr(got), LONGEST)}")
    if allowed:
        inside.append(f"allowed: {allowed}")
    text = f"{where}: {what}" if where else what
    if inside:
        text += f" ({'; '.join(inside)})"
    if not do:
        return f"{text}."
    return f"{text}. Do: {do}" + ("" if do.endswith("?") else ".")


LONGEST = 240
"""So much of what was found is quoted: a message stays a sentence whatever a file holds."""
_MOST_NAMES = 30


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 20]}... ({len(text):,} characters)"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the known name nearest to a misspelt one, or list what there is.

    Examples
    --------
    >>> did_you_mean("windw_days", ["window_days", "as_of"])
    'did you mean window_days?'
    """
    names = sorted(known)
    close = get_close_matches(name[:LONGEST], [n for n in names if len(n) <= LONGEST], n=1)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return "none is known"
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return "known are " + ", ".join(_short(n, 80) for n in names[:_MOST_NAMES]) + more
