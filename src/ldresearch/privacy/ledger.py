"""The ledger of releases: what was published about whom, so that two reports tell no third thing.

Two reports about nearly the same people give away the difference: this week minus last week, a
unit with and without one person. The ledger remembers of each release its line, its rules and
whom it counted, and says before a new one is made whether it may be, and as of which day people
are counted in it.

It lies beside the private runs: one file of JSON lines, only ever added to, each naming the hash
of the line before it, and one small file for each set of people. A person stands in it as eight
bytes made under a key of the ledger from a pseudonym that is keyed itself. Nothing of it reaches
a page.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ldresearch.errors import DataError, DisclosureError, ParameterError, message
from ldresearch.files import atomic_write, locked
from ldresearch.result import Rules

FILE = "releases.jsonl"
KEY = "ledger.key"
MEMBERS = "members"
_BYTES = 8
NEW_KEY = "new key"
"""Name of the entry that lets a client's reports go on under another pseudonym key."""

PERIOD_DAYS = 31
"""Reports of one analysis whose dates are no further apart are of one period."""

People = frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Release:
    """One report as the ledger knows it.

    Attributes
    ----------
    client, name : str
        Whose it is, and which analysis.
    population : str
        How the people are narrowed, ``unit=Sales``; empty for everyone.
    parameters : str
        Hash of the other parameters: with client, name and population it is the line.
    as_of : str
        First day that is not known.
    people_as_of : str
        First day whose joiners and leavers are not counted yet; the as-of date, or an earlier
        one while fewer than ``k`` have joined or left since.
    k, base : int
        The rules it was published under.
    members : str
        Hash of the set of people.
    version : int
        Raised when a line goes on under other rules.
    payload : str
        Hash of the facts.
    before : str
        Hash of the line before it in the file.
    keys : str
        Which pseudonym keys its people were known under (never a key); empty: not known.
    """

    client: str
    name: str
    population: str
    parameters: str
    as_of: str
    people_as_of: str
    k: int
    base: int
    members: str = ""
    version: int = 1
    payload: str = ""
    before: str = ""
    keys: str = ""

    @property
    def line(self) -> tuple[str, str, str, str]:
        return self.client, self.name, self.population, self.parameters


class Ledger:
    """The ledger in a private folder; whoever writes holds its lock.

    Parameters
    ----------
    folder : Path
        Created with mode 0700 at the first release.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> ledger = Ledger(Path(mkdtemp()))
    >>> people = ledger.people(f"person {i}" for i in range(40))
    >>> first = Release("harbour", "20_adoption", "", "", "2025-06-02", "2025-06-02", 10, 5)
    >>> ledger.record(first, people).version
    1
    >>> one_more = ledger.people(f"person {i}" for i in range(41))
    >>> ledger.people_as_of("harbour", "", date(2025, 6, 9), one_more, Rules())
    '2025-06-02'
    >>> len(ledger.read())
    1
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sets: dict[str, People] = {}

    # Reading and writing ---------------------------------------------------------------------

    def locked(self) -> Any:
        """Hold the ledger while something is decided and written."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return locked(self.folder / ".lock")

    def read(self) -> tuple[Release, ...]:
        """Return every release, oldest first.

        Raises
        ------
        DataError
            If a line was changed, taken out or cut short: nothing is published until the ledger
            is whole again.
        """
        file = self.folder / FILE
        if not file.is_file():
            return ()
        found, before = [], ""
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                release = Release(**json.loads(line))
                date.fromisoformat(release.as_of)
                date.fromisoformat(release.people_as_of)
            except (ValueError, TypeError):
                release = None
            if release is None or release.before != before:
                raise DataError(
                    message("this line is not what was written", where=f"{FILE}, line {number}",
                            do="bring the ledger back from a backup; it is only ever added to")
                )  # fmt: skip
            found.append(release)
            before = _digest(line.encode())
        return tuple(found)

    def people(self, ids: Iterable[str]) -> People:
        """Turn pseudonyms into what the ledger keeps of them."""
        key = self._key()
        return frozenset(
            hmac.new(key, one.encode("utf-8"), hashlib.sha256).digest()[:_BYTES] for one in ids
        )

    def _key(self) -> bytes:
        file = self.folder / KEY
        if not file.is_file():
            if (self.folder / FILE).is_file():
                raise DataError(
                    message("the key of the ledger is gone", where=KEY,
                            do="bring it back from a backup; without it no one is known again")
                )  # fmt: skip
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self.folder / ".key.lock"):
                if not file.is_file():
                    atomic_write(file, secrets.token_hex(32), mode=0o600)
        return bytes.fromhex(file.read_text(encoding="ascii"))

    def members(self, release: Release) -> People:
        """Return the set of people of a release.

        Raises
        ------
        DataError
            If it is gone or was changed.
        """
        if release.members not in self._sets:
            file = self.folder / MEMBERS / f"{release.members}.bin"
            packed = file.read_bytes() if file.is_file() else b""
            if _digest(packed)[:32] != release.members:
                raise DataError(
                    message("whom a release counted is not known any more", where=file.name,
                            do="bring the ledger back from a backup")
                )  # fmt: skip
            self._sets[release.members] = frozenset(
                packed[i : i + _BYTES] for i in range(0, len(packed), _BYTES)
            )
        return self._sets[release.members]

    # Before a run ----------------------------------------------------------------------------

    def people_as_of(
        self, client: str, population: str, as_of: date, people: People, rules: Rules
    ) -> str:
        """Say as of which day people are to be counted.

        Parameters
        ----------
        client, population : str
        as_of : datetime.date
            Of the report that is to be made.
        people : frozenset of bytes
            Who would be counted as of that day.
        rules : Rules

        Returns
        -------
        str
            The as-of date; or that of the last release about this population, as long as fewer
            than ``k`` people have joined or left since.
        """
        known = [r for r in _comparable(self.read(), client) if r.population == population]
        known = _beside(known, as_of)
        earlier = [r for r in known if r.as_of <= as_of.isoformat()]
        if not earlier:
            return as_of.isoformat()
        last = max(earlier, key=lambda r: r.as_of)
        changed = [(len(self.members(r) ^ people), max(rules.k, r.k)) for r in known]
        is_close = any(0 < n < k for n, k in changed)
        return last.people_as_of if is_close else as_of.isoformat()

    # Before a page ---------------------------------------------------------------------------

    def check(self, release: Release, people: People) -> Release:
        """Hold a release against all that were published, and give it its version.

        Parameters
        ----------
        release : Release
        people : frozenset of bytes
            Whom it counts.

        Returns
        -------
        Release
            With its version.

        Raises
        ------
        DisclosureError
            If it differs from another in fewer than ``k`` people, or in its rules for the same
            dates.
        DataError
            If the ledger is not whole.
        """
        entries = [r for r in self.read() if r.client == release.client]
        self._same_keys(release, entries)
        comparable = _comparable(entries, release.client)
        for other in self._near(release, comparable):
            theirs = self.members(other)
            if theirs & people and 0 < len(theirs ^ people) < max(release.k, other.k):
                self._refuse(release, other)
        mine = [r for r in entries if r.line == release.line]
        if not mine:
            return release
        newest = max(mine, key=lambda r: (r.version, r.as_of))
        if newest not in comparable:
            return _changed(release, version=newest.version + 1)
        is_other = (release.k, release.base) != (newest.k, newest.base)
        if is_other and release.as_of <= max(r.as_of for r in mine):
            raise DisclosureError(
                message("other rules for a date that is published already", where="ledger",
                        got=f"k = {release.k}, base {release.base}",
                        allowed=f"k = {newest.k}, base {newest.base}",
                        do="keep the rules of this line, or begin them with its next date")
            )  # fmt: skip
        return _changed(release, version=newest.version + int(is_other))

    @staticmethod
    def _same_keys(release: Release, entries: Sequence[Release]) -> None:
        """Under another key nobody is known again, and everyone would seem to have changed."""
        known = [r.keys for r in entries if r.keys]
        if release.keys and known and known[-1] != release.keys:
            raise DisclosureError(
                message("people stand under another pseudonym key than in the last report, so "
                        "nobody is known again", where="ledger", got=f"key {release.keys}",
                        allowed=f"key {known[-1]}",
                        do="ingest under the earlier key, or let the reports go on under the new "
                        "one with ldresearch keys accept")
            )  # fmt: skip
        marks = [r.as_of for r in entries if r.name == NEW_KEY]
        if marks and release.as_of < max(marks):
            raise DisclosureError(
                message("reports of one period under two keys could not be held against each other",
                        where="ledger", got=release.as_of, allowed=f"{max(marks)} or later",
                        do="wait until then")
            )  # fmt: skip

    @staticmethod
    def _near(release: Release, entries: Sequence[Release]) -> list[Release]:
        """Return the releases from which this one can be subtracted."""
        as_of = date.fromisoformat(release.as_of)
        same = [r for r in entries if r.population == release.population]
        other = [
            r for r in entries
            if r.population != release.population
            and (r.as_of == release.as_of or (r.name == release.name and _apart(r, as_of)))
        ]  # fmt: skip
        return _beside(same, as_of) + other

    @staticmethod
    def _refuse(release: Release, other: Release) -> None:
        fewest = max(release.k, other.k)
        if release.population == other.population:
            what = f"fewer than {fewest} people tell this report from the one as of {other.as_of}"
            do = "wait until more people have joined or left, or run the dates in their order"
        else:
            told = other.population or "everyone"
            what = (
                f"fewer than {fewest} people tell this population from that of a published report"
                f" ({told}, as of {other.as_of}); the difference would be about them"
            )
            do = "narrow or widen it by more people"
        raise DisclosureError(message(what, where="ledger", do=do))

    def accept(self, client: str, keys: str) -> Release:
        """Let the reports of a client go on under another pseudonym key, and write that down.

        Nobody is known again, so what is published under the new key cannot be held against what
        was published before. It begins a period after the last report, and every line as a new
        version.

        Parameters
        ----------
        client : str
        keys : str
            Of the dataset from now on, as in its releases.

        Returns
        -------
        Release
            The entry: its ``as_of`` is the first date that may be published.

        Raises
        ------
        ParameterError
            If there is no report of this client, or its last one has this key.
        """
        known = [r for r in self.read() if r.client == client]
        if not known:
            raise ParameterError(
                message("there is no report of this client", where="ledger", got=client,
                        do="name the folder of its runs with --runs; if it had no report yet, "
                        "nothing needs to be accepted")
            )  # fmt: skip
        if known[-1].keys == keys:
            since = f" from {known[-1].as_of} on" if known[-1].name == NEW_KEY else ""
            raise ParameterError(
                message(f"this is the key in use{since}", where="ledger",
                        do="nothing needs to be accepted")
            )  # fmt: skip
        last = max(date.fromisoformat(r.as_of) for r in known)
        first = (last + timedelta(days=PERIOD_DAYS + 1)).isoformat()
        k, base = known[-1].k, known[-1].base
        return self._add(Release(client, NEW_KEY, "", "", first, first, k, base, keys=keys), b"")

    def changed(self, release: Release) -> list[str]:
        """Tell what is not as in the earlier versions of a line: its ``rules``, the ``key``.

        Parameters
        ----------
        release : Release
            As it stands in the ledger.

        Returns
        -------
        list of str
        """
        earlier = [r for r in self.read() if r.line == release.line and r.version < release.version]
        found = {
            "rules": any((r.k, r.base) != (release.k, release.base) for r in earlier),
            "key": any(r.keys != release.keys for r in earlier),
        }
        return [name for name, is_other in found.items() if is_other]

    def record(self, release: Release, people: People) -> Release:
        """Check a release and add it; the same release again adds nothing.

        Parameters
        ----------
        release : Release
        people : frozenset of bytes

        Returns
        -------
        Release
            As it stands in the ledger.
        """
        return self._add(self.check(release, people), b"".join(sorted(people)))

    def _add(self, release: Release, packed: bytes) -> Release:
        checked = _changed(release, members=_digest(packed)[:32])
        file = self.folder / FILE
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        lines = text.splitlines()
        for known in self.read():
            if _changed(known, before="") == checked:
                return known
        checked = _changed(checked, before=_digest(lines[-1].encode()) if lines else "")
        store = self.folder / MEMBERS
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = store / f"{checked.members}.bin"
        if not target.is_file():
            atomic_write(target, packed, mode=0o600)
        line = json.dumps(asdict(checked), sort_keys=True, ensure_ascii=False)
        atomic_write(file, "".join(f"{one}\n" for one in [*lines, line]), mode=0o600)
        return checked


def _comparable(entries: Sequence[Release], client: str) -> list[Release]:
    """Return the releases of a client since its last new key: people of others are not known."""
    own = [r for r in entries if r.client == client]
    marks = [i for i, r in enumerate(own) if r.name == NEW_KEY]
    return own[marks[-1] + 1 :] if marks else own


def _apart(release: Release, day: date) -> bool:
    """Whether a release is of the same period as a day."""
    return abs((date.fromisoformat(release.as_of) - day).days) <= PERIOD_DAYS


def _beside(releases: Sequence[Release], day: date) -> list[Release]:
    """Return those of the period of a day, and the last before and the first after it."""
    before = [r for r in releases if r.as_of < day.isoformat()]
    after = [r for r in releases if r.as_of > day.isoformat()]
    edges = {max((r.as_of for r in before), default=""), min((r.as_of for r in after), default="")}
    return [r for r in releases if r.as_of in edges or _apart(r, day)]


def _changed(release: Release, **fields: Any) -> Release:
    return Release(**(asdict(release) | fields))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def population(values: Mapping[str, Any], by: Sequence[str]) -> str:
    """Write how people are narrowed, the same way each time.

    Parameters
    ----------
    values : mapping
        Parameters of a run.
    by : sequence of str
        Those that narrow, in their order.

    Returns
    -------
    str
        Empty for everyone.

    Examples
    --------
    >>> population({"unit": "Sales", "role": "", "seed": 1}, ("unit", "role", "level"))
    'unit=Sales'
    """
    return ", ".join(f"{name}={values[name]}" for name in by if values.get(name))


def parameters(values: Mapping[str, Any], without: Sequence[str]) -> str:
    """Hash the parameters that make a line, but for those named.

    Parameters
    ----------
    values : mapping
        Parameters of a run.
    without : sequence of str
        Those that do not make another line.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> june, july = {"as_of": "2025-06-02", "by": "unit"}, {"as_of": "2025-07-07", "by": "unit"}
    >>> parameters(june, ["as_of"]) == parameters(july, ["as_of"])
    True
    """
    kept = {name: value for name, value in values.items() if name not in without}
    return _digest(json.dumps(kept, sort_keys=True, default=str).encode())[:16]
