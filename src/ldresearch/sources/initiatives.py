"""Launches described by hand: one small TOML file beside a dataset that has no record of them.

    [[initiative]]
    name = "Everyone learns for the goal"
    started_on = 2024-05-13
    strategy = "broad"
    goal = "new strategy"

    [initiative.units]
    Sales = 2024-05-13
    Operations = 2024-07-12

What a campaign was, and which units were launched when, is all that most organisations can say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldresearch import clock
from ldresearch.errors import DataError, did_you_mean, from_toml, message
from ldresearch.ingest import Reading
from ldresearch.sources import _files
from ldresearch.vocabulary import Strategy

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "time_zone": "IANA name of the zone the days are meant in (default: the dataset's)",
}

KEYS: Final[Mapping[str, str]] = {
    "name": "what the organisation calls it",
    "started_on": "the first day",
    "id": "its id, where messages name one; otherwise its name",
    "ended_on": "the last day",
    "strategy": "broad, phased, drip, pilot or always_on",
    "goal": 'the goal of the organisation it served; "" for none',
    "units": "the units launched: a list, or a table of unit and day; without it, everyone",
    "held_out": "units that were kept waiting",
    "randomised": "true where chance decided which units came when",
    "budget": "what it cost",
    "currency": "ISO 4217 code of the budget",
    "sponsor": "the level of who stood behind it",
}
"""Every word of the file and what it means."""


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read a file of initiatives.

    Parameters
    ----------
    connection : duckdb connection
    path : Path
        A TOML file with an ``[[initiative]]`` for each launch; its words are ``KEYS``.
    options : mapping

    Returns
    -------
    Reading
        ``initiative``, and ``arm`` where units are named. What the dataset held of the same
        initiatives gives way.

    Raises
    ------
    DataError
        For a file that cannot be read so: one sentence that says in which entry and what to write.
    """
    import pandas as pd

    entries = _entries(path)
    initiatives = [_initiative(entry, i, path.name) for i, entry in enumerate(entries, start=1)]
    ids = [one["initiative_id"] for one in initiatives]
    twice = [name for i, name in enumerate(ids) if name in ids[:i]]
    if twice:
        raise DataError(
            message("two initiatives of one name", where=path.name, got=twice[0],
                    do='give one of them an id of its own: id = "..."')
        )  # fmt: skip
    zone = options.get("time_zone") or "UTC"
    arms = [
        row
        for entry, one, i in zip(entries, initiatives, range(1, len(ids) + 1), strict=True)
        for row in _arms(entry, one, f"{path.name} initiative {i}", zone)
    ]
    tables: dict[str, list[Any]] = {"initiative": [pd.DataFrame(initiatives)]}
    if arms:
        tables["arm"] = [pd.DataFrame(arms)]
    return Reading(
        tables=tables, files=(_files.described(path, "initiatives"),),
        replaces={name: ("initiative_id", tuple(ids)) for name in ("initiative", "arm")},
    )  # fmt: skip


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        raw = from_toml(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(message("not UTF-8", where=path.name, do="save it as UTF-8")) from None
    except OSError as error:
        raise DataError(
            message("the file cannot be read", where=path.name, got=error.strerror,
                    do="name one TOML file")
        ) from None  # fmt: skip
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            message("this is no TOML", where=path.name, got=str(error),
                    do='write name = "text", days as 2024-05-13, lists as ["A", "B"]')
        ) from None  # fmt: skip
    _known(raw, ("initiative",), path.name)
    found = raw.get("initiative")
    if not isinstance(found, list) or not found or not all(isinstance(e, dict) for e in found):
        raise DataError(
            message("no initiative is described", where=path.name, allowed="[[initiative]] entries",
                    do="begin each launch with a line [[initiative]]")
        )  # fmt: skip
    return found


def _known(entry: Mapping[str, Any], words: Iterable[str], where: str) -> None:
    for name in entry:
        if name not in words:
            raise DataError(
                message("no such word", where=where, got=name, do=did_you_mean(name, words))
            )


def _initiative(entry: Mapping[str, Any], number: int, file: str) -> dict[str, Any]:
    where = f"{file} initiative {number}"
    _known(entry, KEYS, where)
    name = _text(entry, "name", where)
    started = _day(entry.get("started_on"), f"{where}: started_on")
    if not name or started is None:
        missing = "started_on" if name else "name"
        raise DataError(
            message(f"{missing} is missing", where=where,
                    do=f"write {missing}: {KEYS[missing]}")
        )  # fmt: skip
    ended = _day(entry.get("ended_on"), f"{where}: ended_on")
    if ended is not None and ended < started:
        raise DataError(
            message("it ends before it starts", where=where, got=f"{started} to {ended}",
                    do="check the two days")
        )  # fmt: skip
    goal = entry.get("goal")
    return {
        "initiative_id": _text(entry, "id", where) or name,
        "name": name,
        "started_on": started,
        "ended_on": ended,
        "strategy": _strategy(entry, where),
        "goal_id": _text(entry, "goal", where) or None,
        "is_goal_tied": None if goal is None else bool(goal),
        "sponsor_level": _text(entry, "sponsor", where) or None,
        "budget": _money(entry, where),
        "currency": _text(entry, "currency", where) or None,
    }


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise DataError(
            message("not a text", where=f"{where}: {key}", got=str(value)[:40],
                    do="put it in quotation marks")
        )  # fmt: skip
    return value.strip()


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            value = value[:40]
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise DataError(
        message("not a day", where=where, got=str(value), allowed="a day such as 2024-05-13",
                do="write year, month and day")
    )  # fmt: skip


def _strategy(entry: Mapping[str, Any], where: str) -> str | None:
    value = _text(entry, "strategy", where).lower().replace("-", "_").replace(" ", "_")
    known = [one.value for one in Strategy]
    if value and value not in known:
        raise DataError(
            message("no such strategy", where=f"{where}: strategy", got=value,
                    allowed=", ".join(known), do=did_you_mean(value, known))
        )  # fmt: skip
    return value or None


def _money(entry: Mapping[str, Any], where: str) -> float | None:
    value = entry.get("budget")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        raise DataError(
            message("not an amount", where=f"{where}: budget", got=str(value)[:40],
                    allowed="a number from 0", do="write it without currency or separators")
        )  # fmt: skip
    if not _text(entry, "currency", where):
        raise DataError(
            message("a budget without its currency", where=where, allowed='such as "EUR"',
                    do="write currency")
        )  # fmt: skip
    return float(value)


# Units --------------------------------------------------------------------------------------


def _arms(
    entry: Mapping[str, Any], initiative: Mapping[str, Any], where: str, zone: str
) -> list[dict[str, Any]]:
    """Return a row for each unit that was launched or kept waiting."""
    launched = _launched(entry, initiative["started_on"], where)
    waiting = _names(entry.get("held_out", []), f"{where}: held_out")
    both = sorted(set(launched) & set(waiting))
    if both:
        raise DataError(
            message("a unit is both launched and held out", where=where, got=both[0],
                    do="name it once")
        )  # fmt: skip
    randomised = entry.get("randomised", False)
    if not isinstance(randomised, bool):
        raise DataError(
            message("neither true nor false", where=f"{where}: randomised",
                    got=str(randomised)[:40], do="write true or false without quotation marks")
        )  # fmt: skip
    rows = [(unit, "launch", on) for unit, on in launched.items()]
    rows += [(unit, "hold-out", initiative["started_on"]) for unit in waiting]
    return [
        {
            "initiative_id": initiative["initiative_id"], "unit_kind": "unit", "unit_id": unit,
            "arm": arm, "assigned_at": clock.midnight_utc(on, zone), "is_randomised": randomised,
        }
        for unit, arm, on in rows
    ]  # fmt: skip


def _launched(entry: Mapping[str, Any], started: date, where: str) -> dict[str, date]:
    units = entry.get("units", [])
    if not isinstance(units, dict):
        return dict.fromkeys(_names(units, f"{where}: units"), started)
    found = {}
    for unit, value in units.items():
        on = _day(value, f"{where}: units: {unit}")
        if on is None or on < started:
            raise DataError(
                message("a unit is launched before the initiative starts", where=where, got=unit,
                        allowed=f"{started} or later", do="check the two days")
            )  # fmt: skip
        found[unit.strip()] = on
    return found


def _names(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise DataError(
            message("not a list of units", where=where, allowed='such as ["Sales", "Service"]',
                    do="write the names as in the HR file, in square brackets")
        )  # fmt: skip
    return [v.strip() for v in value]
