"""Runs and the ledger of releases: whom a report counts, and whether it may be published.

Only protected data are kept in the ledger; reports of public ones may be subtracted at will.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ldresearch.dataset import Dataset
from ldresearch.log import EventLog
from ldresearch.privacy.ledger import Ledger, People, Release, parameters, population
from ldresearch.result import Rules, Scalar
from ldresearch.run.place import dumped
from ldresearch.shelf import NARROWING

FOLDER = "releases"
_NO_LINE = ("dataset", "others", "as_of", "mode", *NARROWING)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about, as far as the ledger is concerned."""

    client: str
    name: str
    values: Mapping[str, Scalar]
    datasets: tuple[Dataset, ...]

    @property
    def is_public(self) -> bool:
        """Whether all of the data are public: then nothing is protected and nothing kept."""
        return all(dataset.manifest.public for dataset in self.datasets)

    @property
    def population(self) -> str:
        """How the people are narrowed."""
        return population(self.values, NARROWING)

    @property
    def as_of(self) -> str:
        """First day that is not known."""
        return str(self.values["as_of"])


def ledger(runs: Path) -> Ledger:
    """Return the ledger beside the runs of a private folder."""
    return Ledger(runs / FOLDER)


def people_as_of(subject: Subject, runs: Path) -> str:
    """Say as of which day a report is to count people; empty: as of its own date.

    Parameters
    ----------
    subject : Subject
    runs : Path
        The private folder of runs.

    Returns
    -------
    str
        An ISO date before the as-of date while fewer than ``k`` people joined or left since the
        report before, else empty.

    Raises
    ------
    DataError
        If the ledger is not whole.
    DisclosureError
        If it is plain already that the report may not be published.
    """
    if subject.is_public or "as_of" not in subject.values:
        return ""
    book, rules = ledger(runs), Rules()
    with book.locked():
        people = _people(subject, book, "")
        day = date.fromisoformat(subject.as_of)
        found = book.people_as_of(subject.client, subject.population, day, people, rules)
        held = "" if found == subject.as_of else found
        if held:
            people = _people(subject, book, held)
        book.check(_entry(subject, held, rules.k, rules.base), people)
    return held


def release(subject: Subject, facts: Mapping[str, Any], held: str, runs: Path) -> dict[str, Any]:
    """Enter a report in the ledger, before its page is moved into place.

    Parameters
    ----------
    subject : Subject
    facts : mapping
        Of the run; the rules in force are among them.
    held : str
        As of which day people were counted, where it is not the as-of date.
    runs : Path

    Returns
    -------
    dict
        What the report says of it: ``people_as_of``, ``version`` of its line, and what
        ``changed`` with that where it is not the first.

    Raises
    ------
    DisclosureError
        If another report makes this one tell about fewer than ``k`` people.
    """
    if subject.is_public or "as_of" not in subject.values:
        return {}
    book = ledger(runs)
    payload = hashlib.sha256(dumped(facts).encode()).hexdigest()
    k, base = int(facts["rules"]["k"]), int(facts["rules"]["base"])
    entry = _entry(subject, held, k, base, payload)
    with book.locked():
        entry = book.record(entry, _people(subject, book, held))
        changed = book.changed(entry)
    said: dict[str, Any] = {"people_as_of": entry.people_as_of, "version": entry.version}
    return said | ({"changed": changed} if changed else {})


def accept_key(dataset: Dataset, runs: Path) -> Release:
    """Let the reports of a dataset go on under its new pseudonym key, and write that down.

    Parameters
    ----------
    dataset : Dataset
    runs : Path
        The private folder of runs.

    Returns
    -------
    Release
        The entry: its ``as_of`` is the first date that may be published.

    Raises
    ------
    ParameterError
        If the last report has this key already, or there is none.
    """
    book = ledger(runs)
    with book.locked():
        return book.accept(dataset.manifest.client, dataset.manifest.key_id)


def _entry(subject: Subject, held: str, k: int, base: int, payload: str = "") -> Release:
    return Release(
        subject.client, subject.name, subject.population, parameters(subject.values, _NO_LINE),
        subject.as_of, held or subject.as_of, k, base, payload=payload,
        keys=",".join(dict.fromkeys(d.manifest.key_id for d in subject.datasets)),
    )  # fmt: skip


def _people(subject: Subject, book: Ledger, held: str) -> People:
    """Everyone employed as of the day, in this population; without an HR file everyone seen."""
    found: list[str] = []
    narrow = {n: str(subject.values[n]) for n in NARROWING if subject.values.get(n)}
    for dataset in subject.datasets:
        log = EventLog.open(
            dataset, as_of=subject.as_of, time_zone=str(subject.values.get("time_zone", "")),
            people_as_of=held,
        )  # fmt: skip
        client = dataset.manifest.client
        found += [f"{client}/{one}" for one in log.where(**narrow).members()]
    return book.people(found)
