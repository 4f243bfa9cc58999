"""Which looks of a plan were held: one line each, beside the ledger of plans.

A look that is made up for later must not change the page of a look that was held before it. So
each line carries the day on which it became known: the look's own day, or the latest day of any
look recorded before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, message
from ldresearch.files import atomic_write, locked

LEDGER = "looks.jsonl"
_LOCK = ".looks.lock"


@dataclass(frozen=True, slots=True)
class Look:
    """A look that was held.

    Attributes
    ----------
    plan : str
        Name of the plan.
    held_on : datetime.date
        As of when the numbers were looked at.
    known_on : datetime.date
        Since when the ledger knows of it, in the days of the looks.
    """

    plan: str
    held_on: date
    known_on: date


def read(dataset: Dataset) -> tuple[Look, ...]:
    """Read every look of a dataset, in the order they were recorded.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    tuple of Look
        Of every plan.

    Raises
    ------
    DataError
        If a line cannot be read.
    """
    file = dataset.path / LEDGER
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return tuple(_look(line, number) for number, line in enumerate(lines, start=1))


def _look(line: str, number: int) -> Look:
    try:
        raw = json.loads(line)
        return Look(str(raw["plan"]), date.fromisoformat(raw["held_on"]),
                    date.fromisoformat(raw["known_on"]))  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise DataError(
            message("this line is not what was written", where=f"{LEDGER}, line {number}",
                    do="bring it back from a backup; it is only ever added to")
        ) from None  # fmt: skip


def record(dataset: Dataset, plan: str, held_on: date) -> Look:
    """Record that a look was held; the same look again changes nothing.

    Parameters
    ----------
    dataset : Dataset
    plan : str
        Name of the plan.
    held_on : datetime.date
        As of when the numbers were looked at.

    Returns
    -------
    Look
        As it stands in the ledger; known of from the day on which it was held, or on which a later
        one of the same plan was.
    """
    with locked(dataset.path / _LOCK):
        every = read(dataset)
        known = [look for look in every if look.plan == plan]
        for look in known:
            if look.held_on == held_on:
                return look
        new = Look(plan, held_on, max([held_on, *(look.known_on for look in known)]))
        lines = "".join(f"{_line(look)}\n" for look in [*every, new])
        atomic_write(dataset.path / LEDGER, lines, mode=0o600)
    return new


def _line(look: Look) -> str:
    return json.dumps(
        {"plan": look.plan, "held_on": look.held_on.isoformat(),
         "known_on": look.known_on.isoformat()},
        sort_keys=True, ensure_ascii=False,
    )  # fmt: skip


def held(dataset: Dataset, plan: str, *, as_of: date) -> tuple[date, ...]:
    """Return the days of the looks that were held, and known of, before a day.

    Parameters
    ----------
    dataset : Dataset
    plan : str
    as_of : datetime.date

    Returns
    -------
    tuple of datetime.date
        In order, each once.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> dataset = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-06-01").dataset
    >>> for day in (date(2024, 4, 1), date(2024, 5, 6)):
    ...     _ = record(dataset, "sprint", day)
    >>> [str(day) for day in held(dataset, "sprint", as_of=date(2024, 5, 6))]
    ['2024-04-01']
    """
    found = {
        look.held_on
        for look in read(dataset)
        if look.plan == plan and look.held_on < as_of and look.known_on < as_of
    }
    return tuple(sorted(found))
