"""Rules that sort people into segments: a preset, or an organisation's own as a TOML file.

The first segment whose every condition holds is a person's segment. The last one has no conditions
and takes everyone else. A rule speaks of what people did in the window, never of who they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ldresearch import places
from ldresearch.errors import ParameterError, did_you_mean, from_toml, message

FEATURES: Final[Mapping[str, str]] = {
    "active_weeks": "weeks of the window with any activity",
    "active_days": "days of the window with any activity",
    "actions": "actions in the window",
    "actions_a_week": "actions a week, over all weeks of the window",
    "minutes": "learning minutes in the window",
    "minutes_a_week": "learning minutes a week, over all weeks of the window",
    "value_days": "days of the window with value",
    "silent_days": "days since the last day of value; nobody who never had one has such a number",
}
"""What a condition may be about, and what it means."""

COMPARISONS: Final = ("at_least", "at_most", "more_than", "less_than")
MOST_SEGMENTS: Final = 8
"""More are no groups that one could make an offer to, and no figure shows them."""
LARGEST: Final = 100_000
"""Bytes of a file of rules."""

_LONGEST_NAME, _LONGEST_TEXT = 24, 120

PRESET: Final = """\
# Usage over twelve weeks; the first that fits counts.
[[segment]]
name = "power"
says = "active in nine weeks of twelve or more, with 15 actions a week or more"
when.active_weeks.at_least = 9
when.actions_a_week.at_least = 15

[[segment]]
name = "habitual"
says = "active in nine weeks of twelve or more"
when.active_weeks.at_least = 9

[[segment]]
name = "novice"
says = "an action a week or more, in fewer than nine weeks"
when.actions_a_week.at_least = 1

[[segment]]
name = "low"
says = "active, with less than an action a week"
when.actions.at_least = 1

[[segment]]
name = "non-user"
says = "no activity at all"
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: a feature of :data:`FEATURES`, a word of :data:`COMPARISONS`, a number."""

    feature: str
    comparison: str
    number: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: its name, what it says in words, and all that has to hold."""

    name: str
    says: str
    when: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Segments in the order in which they are tried.

    Attributes
    ----------
    segments : tuple of Segment
        The last has no conditions.
    is_preset : bool
    """

    segments: tuple[Segment, ...]
    is_preset: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(segment.name for segment in self.segments)


def read(name: str = "") -> Rules:
    """Read rules by the name of a file; without one the preset.

    Parameters
    ----------
    name : str
        A TOML file, absolute or below the data folder.

    Returns
    -------
    Rules

    Raises
    ------
    ParameterError
        For a file that is not there, or the first thing in it that is not as it may be.

    Examples
    --------
    >>> read().names
    ('power', 'habitual', 'novice', 'low', 'non-user')
    """
    if not name.strip():
        return parse(PRESET, is_preset=True)
    path = _file(name)
    if path.stat().st_size > LARGEST:
        raise ParameterError(message("too large for a file of rules", where=path.name,
                                     allowed=f"{LARGEST:,} bytes"))  # fmt: skip
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ParameterError(
            message("not text in UTF-8", where=path.name, do="save it as UTF-8")
        ) from None
    return parse(text, path.name)


def _file(name: str) -> Path:
    path = Path(name)
    if "\x00" in name or not path.is_absolute():
        home = places.data_home().resolve()
        path = (home / name.replace("\x00", "")).resolve()
        if not path.is_relative_to(home):
            raise ParameterError(
                message("a relative name may not lead out of the data folder", where="rules",
                        got=name, do="give an absolute path")
            )  # fmt: skip
    if not path.is_file():
        raise ParameterError(
            message("no such file of rules", where="rules", got=name,
                    do="give its absolute path, or a name below the data folder")
        )  # fmt: skip
    return path


def parse(text: str, where: str = "rules", *, is_preset: bool = False) -> Rules:
    """Read rules from text.

    Parameters
    ----------
    text : str
        TOML: a table ``[[segment]]`` each, with ``name``, ``says`` and ``when``.
    where : str
        What errors call it.
    is_preset : bool

    Returns
    -------
    Rules

    Raises
    ------
    ParameterError
        One sentence on the first fault.

    Examples
    --------
    >>> parse('''
    ... [[segment]]
    ... name = "deep"
    ... when.minutes_a_week.at_least = 60
    ... [[segment]]
    ... name = "others"
    ... ''').segments[0].when
    (Condition(feature='minutes_a_week', comparison='at_least', number=60.0),)
    """
    try:
        given = from_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(message(f"no TOML: {error}", where=where)) from None
    _known(given, ("segment",), where)
    rows = given.get("segment")
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise ParameterError(
            message("no segments", where=where, do="write a table [[segment]] for each")
        )
    if len(rows) > MOST_SEGMENTS:
        raise ParameterError(
            message("too many segments", where=where, got=len(rows),
                    allowed=f"{MOST_SEGMENTS} or fewer", do="put some together")
        )  # fmt: skip
    segments = tuple(_segment(row, f"{where}, segment {i}") for i, row in enumerate(rows, 1))
    names = [segment.name.casefold() for segment in segments]
    for i, segment in enumerate(segments, 1):
        here = f"{where}, segment {i}"
        if segment.name.casefold() in names[: i - 1]:
            raise ParameterError(
                message("a name that another segment has", where=here, got=segment.name)
            )
        if i < len(segments) and not segment.when:
            raise ParameterError(
                message("only the last segment may be without conditions: it takes everyone else, "
                        "and nobody is left for those below it", where=here, got=segment.name,
                        do="give it a when, or move it to the end")
            )  # fmt: skip
    if segments[-1].when:
        raise ParameterError(
            message("nothing takes those whom no rule fits", where=where,
                    do="end with a segment without conditions")
        )  # fmt: skip
    return Rules(segments, is_preset)


def _segment(row: Mapping[str, Any], where: str) -> Segment:
    _known(row, ("name", "says", "when"), where)
    name = _text(row.get("name"), f"{where}: name", _LONGEST_NAME)
    says = _text(row.get("says", name), f"{where}: says", _LONGEST_TEXT)
    when = row.get("when", {})
    if not isinstance(when, dict):
        raise ParameterError(
            message("conditions are feature, comparison and number", where=f"{where}: when",
                    do="write for example when.active_weeks.at_least = 9")
        )  # fmt: skip
    return Segment(name, says, tuple(_conditions(when, where)))


def _conditions(when: Mapping[str, Any], where: str) -> Iterator[Condition]:
    _known(when, tuple(FEATURES), f"{where}: when")
    for feature, asked in when.items():
        here = f"{where}: when.{feature}"
        if not isinstance(asked, dict) or not asked:
            raise ParameterError(
                message("a feature needs a comparison", where=here, allowed=", ".join(COMPARISONS),
                        do=f"write for example when.{feature}.at_least = 1")
            )  # fmt: skip
        _known(asked, COMPARISONS, here)
        for comparison, number in asked.items():
            is_number = isinstance(number, int | float) and not isinstance(number, bool)
            if not is_number or not 0 <= number < 1e9:
                raise ParameterError(
                    message("no number that could be compared", where=f"{here}.{comparison}",
                            got=number, allowed="a number from 0 on")
                )  # fmt: skip
            yield Condition(feature, comparison, float(number))


def _known(given: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in known:
            raise ParameterError(
                message("no such key", where=where, got=name[:40], do=did_you_mean(name, known))
            )


def _text(value: Any, where: str, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ParameterError(message("a text is needed", where=where, got=value))
    said = " ".join(value.split())
    if len(said) > longest:
        raise ParameterError(
            message("too long to be shown", where=where, got=len(said),
                    allowed=f"{longest} characters")
        )  # fmt: skip
    return said
