"""The ledger of a dataset: which plan was frozen on which day, and what it said.

One file of JSON lines beside the manifest, private, only ever added to. Each line names the hash
of the line before it, so that a line changed or taken out later is found. An ingest replaces
tables and manifest and leaves the ledger where it is. Writing goes through a copy that is synced
and moved into place, under a lock: after a crash the old ledger stands or the new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ldresearch import places, wording
from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, ParameterError, message
from ldresearch.files import atomic_write, locked
from ldresearch.plan import Change, Plan, changes

LEDGER = "plans.jsonl"
_LOCK = ".plans.lock"


class PlanEditedError(ParameterError):
    """A plan says something else than what was frozen.

    Attributes
    ----------
    changes : tuple of Change
        Every key that differs, with what was frozen and what stands now.
    """

    def __init__(self, text: str, found: tuple[Change, ...]) -> None:
        super().__init__(text)
        self.changes = found


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a plan as it was frozen.

    Attributes
    ----------
    name, version, hash : str, int, str
    frozen_on : datetime.date
    recorded_at : str
        When the line was written, by the clock of the machine; empty: not told.
    is_late : bool
        Frozen on the launch day or after it.
    changes : tuple of str
        What differs from the version before, key by key.
    plan : Plan
    """

    name: str
    version: int
    hash: str
    frozen_on: date
    recorded_at: str
    is_late: bool
    changes: tuple[str, ...]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a plan stands: what it says, and whether that is what was frozen.

    Attributes
    ----------
    plan : Plan or None
    entry : Entry or None
        The version frozen before the as-of date, if there is one.
    changes : tuple of Change
        In which the plan differs from it; empty where it does not.
    why : str
        Empty, or the sentence why there is no plan.
    """

    plan: Plan | None = None
    entry: Entry | None = None
    changes: tuple[Change, ...] = ()
    why: str = ""

    @property
    def is_frozen(self) -> bool:
        """Whether what the plan says is what was frozen."""
        return self.entry is not None and not self.changes

    @property
    def facts(self) -> dict[str, str | int | bool]:
        """What a report says of it: plain values, empty where there is nothing to say."""
        entry = self.entry
        return {
            "hash": self.plan.hash if self.plan else "",
            "frozen_hash": entry.hash if entry else "",
            "frozen_on": entry.frozen_on.isoformat() if entry else "",
            "is_late": bool(entry and entry.is_late),
            "changed": "; ".join(str(change) for change in self.changes)[:280],
            "why": self.why,
        }


def read(folder: Path) -> tuple[Entry, ...]:
    """Read the ledger of a dataset folder, oldest first; none is empty.

    Parameters
    ----------
    folder : Path
        Of the dataset.

    Returns
    -------
    tuple of Entry
        Every version of every plan.

    Raises
    ------
    DataError
        If a line was changed, taken out or cut short.
    """
    file = folder / LEDGER
    if not file.is_file():
        return ()
    entries, before = [], ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        entries.append(_entry(line, before, f"{LEDGER}, line {number}"))
        before = _digest(line)
    return tuple(entries)


def _entry(line: str, before: str, where: str) -> Entry:
    try:
        raw = json.loads(line)
        plan = Plan.from_content(raw["content"])
        entry = Entry(
            name=raw["name"], version=raw["version"], hash=raw["hash"],
            frozen_on=date.fromisoformat(raw["frozen_on"]), recorded_at=raw["recorded_at"],
            is_late=raw["is_late"], changes=tuple(raw["changes"]), plan=plan,
        )  # fmt: skip
        is_whole = raw["before"] == before and plan.hash == entry.hash
    except (ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise DataError(
            message("this line is not what was written", where=where,
                    do="bring the ledger back from a backup; it is only ever added to")
        )  # fmt: skip
    return entry


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8")).hexdigest()


def freeze(
    plan: Plan,
    dataset: Dataset | Path,
    *,
    on: date,
    recorded_at: str = "",
    late: bool = False,
) -> Entry:
    """Record a plan in the ledger of a dataset; freezing the same plan again changes nothing.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset or Path
    on : datetime.date
        The day it is frozen.
    recorded_at : str, optional
        The instant it is written down.
    late : bool
        Freeze it although the launch is past; the ledger and every report say so.

    Returns
    -------
    Entry
        What stands in the ledger: as it was, where this version was frozen already.

    Raises
    ------
    ParameterError
        After the launch without ``late``; for a version out of turn; before the version before.
    PlanEditedError
        If this version was frozen with another content: each changed key is named.

    Examples
    --------
    >>> import tempfile
    >>> from ldresearch.plan import parse, template
    >>> plan = parse(template())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     entry = freeze(plan, Path(folder), on=date(2025, 2, 3))
    ...     freeze(plan, Path(folder), on=date(2025, 2, 10)) == entry
    True
    >>> entry.version, str(entry.frozen_on), entry.is_late
    (1, '2025-02-03', False)
    """
    folder = dataset.path if isinstance(dataset, Dataset) else dataset
    with locked(folder / _LOCK):
        entries = read(folder)
        last = _last(entries, plan.name)
        if last and plan.version == last.version:
            _refuse_edits(plan, last)
            return last
        _check_turn(plan, last, entries, on)
        is_late = on >= plan.launch_on
        if is_late and not late and last is None:
            raise ParameterError(
                message("the launch is past", where=f"plan {plan.name}",
                        got=f"frozen on {on}, launched on {plan.launch_on}",
                        do="freeze before the launch, or say --late; every report will then say"
                           " that it was frozen late")
            )  # fmt: skip
        _append(folder, plan, last, on, recorded_at, is_late)
        return read(folder)[-1]


def _last(entries: tuple[Entry, ...], name: str) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.name == name), None)


def _check_turn(plan: Plan, last: Entry | None, entries: tuple[Entry, ...], on: date) -> None:
    wanted = last.version + 1 if last else 1
    if plan.version != wanted:
        raise ParameterError(
            message("a version out of turn", where=f"plan {plan.name}, version", got=plan.version,
                    allowed=str(wanted))
        )  # fmt: skip
    if last and on < last.frozen_on:
        raise ParameterError(
            message("before the version it amends", where=f"plan {plan.name}", got=str(on),
                    allowed=f"{last.frozen_on} or later")
        )  # fmt: skip
    other = next(
        (e for e in entries
         if plan.initiative and e.plan.initiative == plan.initiative and e.name != plan.name),
        None,
    )  # fmt: skip
    if other:
        raise ParameterError(
            message("this initiative has a frozen plan under another name", where="plan, name",
                    got=plan.name, allowed=other.name, do="raise the version of that plan")
        )  # fmt: skip


def _append(
    folder: Path, plan: Plan, last: Entry | None, on: date, recorded_at: str, is_late: bool
) -> None:
    file = folder / LEDGER
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = before.splitlines()
    found = changes(last.plan.content, plan.content) if last else ()
    line = json.dumps(
        {
            "v": 1, "name": plan.name, "version": plan.version, "hash": plan.hash,
            "frozen_on": on.isoformat(), "recorded_at": recorded_at, "is_late": is_late,
            "changes": [str(c) for c in found if c.field not in ("version", "change")],
            "content": plan.content, "before": _digest(lines[-1]) if lines else "",
        },
        sort_keys=True, ensure_ascii=False, allow_nan=False,
    )  # fmt: skip
    atomic_write(file, "".join(f"{one}\n" for one in [*lines, line]), mode=0o600)


def frozen(dataset: Dataset | Path, name: str = "", *, as_of: date | None = None) -> Entry | None:
    """Return the newest version frozen before a date; without a name, of the newest plan.

    Parameters
    ----------
    dataset : Dataset or Path
    name : str
        Of the plan; empty: whichever was frozen last.
    as_of : datetime.date, optional
        Only what was frozen before this day is known.

    Returns
    -------
    Entry or None
        ``None`` where nothing was frozen before it.

    Examples
    --------
    >>> import tempfile
    >>> from ldresearch.plan import parse, template
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = Path(place)
    ...     _ = freeze(parse(template()), folder, on=date(2025, 2, 3))
    ...     frozen(folder, as_of=date(2025, 2, 3)), frozen(folder, as_of=date(2025, 2, 4)).version
    (None, 1)
    """
    folder = dataset.path if isinstance(dataset, Dataset) else dataset
    known = [
        entry
        for entry in read(folder)
        if (not name or entry.name == name) and (as_of is None or entry.frozen_on < as_of)
    ]
    return known[-1] if known else None


def check(plan: Plan, dataset: Dataset | Path, *, as_of: date | None = None) -> Entry:
    """Hold a plan against what was frozen.

    Parameters
    ----------
    plan : Plan
    dataset : Dataset or Path
    as_of : datetime.date, optional
        Only what was frozen before this day is known.

    Returns
    -------
    Entry
        The version that it is the same as.

    Raises
    ------
    PlanEditedError
        With each changed key, what was frozen and what stands now.
    ParameterError
        If no version was frozen before the date.

    Examples
    --------
    >>> import tempfile
    >>> from ldresearch.plan import parse, template
    >>> text = template()
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = freeze(parse(text), Path(place), on=date(2025, 2, 3))
    ...     try:
    ...         check(parse(text.replace("power = 0.8", "power = 0.9")), Path(place))
    ...     except PlanEditedError as error:
    ...         print(*error.changes)
    statistics.power: 0.8 became 0.9
    """
    entry = frozen(dataset, plan.name, as_of=as_of)
    if entry is None:
        when = f" before {as_of}" if as_of else ""
        raise ParameterError(
            message(f"not frozen{when}", where=f"plan {plan.name}",
                    do="freeze it with `ldresearch plan freeze`")
        )  # fmt: skip
    _refuse_edits(plan, entry)
    return entry


def _refuse_edits(plan: Plan, entry: Entry) -> None:
    found = changes(entry.plan.content, plan.content)
    if found:
        told = "; ".join(str(change) for change in found)
        raise PlanEditedError(
            message(f"edited since it was frozen on {entry.frozen_on} as version {entry.version}:"
                    f" {told}", where=f"plan {plan.name}",
                    do="undo it, or amend: raise version by one and say in change why"),
            found,
        )  # fmt: skip


# For notebooks ------------------------------------------------------------------------------


def standing(name: str, dataset: Dataset, *, as_of: date | None = None) -> Standing:
    """Find the plan a notebook names, and say whether it is what was frozen.

    Parameters
    ----------
    name : str
        An absolute path of a plan file, or one below the data folder, ending in ``.toml``; else
        the name of a plan in the dataset's ledger; empty: whichever was frozen last. A file that
        was frozen as a later version does not contradict what stood on the date: that is then
        the version of the date.
    dataset : Dataset
    as_of : datetime.date, optional
        Only what was frozen before this day is known.

    Returns
    -------
    Standing
        Without a plan it says why.

    Raises
    ------
    PlanError, ParameterError
        If the file named is not there or is no plan.
    """
    if not is_file(name):
        entry = frozen(dataset, name.strip(), as_of=as_of)
        if entry is None:
            when = f" before {wording.date(as_of)}" if as_of else ""
            what = f"no plan {name.strip()}" if name.strip() else "no plan"
            return Standing(why=f"{what} was frozen for this dataset{when}")
        return Standing(plan=entry.plan, entry=entry)
    plan = Plan.load(places.plan_file(name))
    entry = frozen(dataset, plan.name, as_of=as_of)
    if entry and any(later.hash == plan.hash for later in read(dataset.path)):
        return Standing(plan=entry.plan, entry=entry)
    found = changes(entry.plan.content, plan.content) if entry else ()
    return Standing(plan=plan, entry=entry, changes=found)


def is_file(name: str) -> bool:
    """Whether a plan parameter names a file, and not a plan of the ledger.

    Parameters
    ----------
    name : str
        As a notebook's parameter has it.

    Returns
    -------
    bool
        By its ending alone; the file need not be there.

    Examples
    --------
    >>> is_file("plans/spring.toml"), is_file("spring"), is_file("")
    (True, False, False)
    """
    return name.strip().endswith(".toml")


def facts(dataset: Dataset, as_of: date) -> list[Mapping[str, Any]]:
    """Return what every later report prints: the newest version of each plan, by name.

    Parameters
    ----------
    dataset : Dataset
    as_of : datetime.date
        Only what was frozen before this day is known.

    Returns
    -------
    list of mapping
        ``name, version, hash, frozen_on, is_late``.
    """
    newest = {e.name: e for e in read(dataset.path) if e.frozen_on < as_of}
    return [
        {
            "name": e.name, "version": e.version, "hash": e.hash,
            "frozen_on": e.frozen_on.isoformat(), "is_late": e.is_late,
        }
        for _, e in sorted(newest.items())
    ]  # fmt: skip
