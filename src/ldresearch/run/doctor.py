"""Is this installation fit to make reports, is this dataset whole: and what to mend."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ldresearch import clock, engine, ingest, places, schema
from ldresearch.dataset import MANIFEST, Dataset
from ldresearch.errors import DataError, LdresearchError
from ldresearch.privacy import keys
from ldresearch.privacy.pseudonym import key_file
from ldresearch.run import releases
from ldresearch.sources import key_store

FINE, NOTE, MEND = "fine", "note", "mend"

_LEAST_FREE = 2 * 2**30
"""Bytes below which a run may not end."""

_OURS = {MANIFEST, keys.FORGOTTEN, "plans.jsonl", "looks.jsonl", "about.toml", ".recipe"}
"""What stands in a dataset's folder beside its versions."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it stands and what to do.

    Attributes
    ----------
    about : str
        ``installation``, or the name of a dataset.
    name : str
    state : str
        ``fine``, ``note`` (good to know) or ``mend``.
    said : str
    do : str
        Empty unless something can be done.
    """

    about: str
    name: str
    state: str
    said: str
    do: str = ""


_Found = tuple[str, str, str]


def installation(*, reports: Path, runs: Path) -> list[Check]:
    """Look at Python, packages, kernel, fonts, places, ledger, keys, engine and time zones.

    Parameters
    ----------
    reports, runs : Path
        Where pages and private runs go.
    """
    steps: dict[str, Callable[[], Iterator[_Found]]] = {
        "Python": _python,
        "packages": _packages,
        "kernel": _kernel,
        "fonts": _fonts,
        "places": lambda: _places(reports, runs),
        "private runs": lambda: _private(runs),
        "ledger of releases": lambda: _ledger(runs),
        "keys": _keys,
        "engine": _engine,
        "time zones": _zones,
    }
    return [check for name, step in steps.items() for check in _asked("installation", name, step)]


def dataset(path: Path) -> list[Check]:
    """Look at a dataset: manifest, tables against their hashes, leftovers, modes, key.

    Parameters
    ----------
    path : Path
    """
    name = path.name
    try:
        found = Dataset.open(path)
    except LdresearchError as error:
        said, _, do = str(error).partition(" Do: ")
        return [Check(name, "manifest", MEND, said.rstrip("."), do.rstrip("."))]
    steps: dict[str, Callable[[], Iterator[_Found]]] = {
        "tables": lambda: _tables(found),
        "leftovers": lambda: _leftovers(found),
        "lock": lambda: _lock(found),
        "modes": lambda: _modes(found),
        "key": lambda: _key(found),
        "counts": lambda: _counts(found),
        "time zone": lambda: _zone(found),
    }
    fine = Check(name, "manifest", FINE, f"schema version {found.manifest.schema_version}")
    return [fine, *(c for what, step in steps.items() for c in _asked(name, what, step))]


def summary(checks: list[Check]) -> dict[str, Any]:
    """Say it as data."""
    return {"is_fine": all(c.state != MEND for c in checks), "checks": [asdict(c) for c in checks]}


def _asked(about: str, name: str, step: Callable[[], Iterator[_Found]]) -> list[Check]:
    """Take a step's findings; a step that fails is itself a finding."""
    try:
        return [Check(about, name, *found) for found in step()]
    except Exception as error:
        return [Check(about, name, MEND, f"could not be looked at: {type(error).__name__}",
                      "run it again with --debug on a healthy machine to compare")]  # fmt: skip


# Installation -------------------------------------------------------------------------------


def _python() -> Iterator[_Found]:
    said = ".".join(map(str, sys.version_info[:3]))
    wanted = importlib.metadata.metadata("ldresearch")["Requires-Python"] or ""
    least = tuple(int(n) for n in re.findall(r"\d+", wanted)[:2])
    if sys.version_info[:2] < least:
        yield MEND, said, f"install Python {wanted} and make the environment anew"
    else:
        yield FINE, said, ""


def _packages() -> Iterator[_Found]:
    needed = [_name(r) for r in importlib.metadata.requires("ldresearch") or () if ";" not in r]
    missing = sorted(n for n in needed if _version(n) is None)
    if missing:
        yield MEND, f"missing: {', '.join(missing)}", "make install"
    root = places.checkout()
    if root is None:
        yield NOTE, "no checkout here, so there are no pins to compare with", ""
        return
    pins = {
        _name(line): line.split("==", 1)[1].split(";")[0].strip()
        for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if re.match(r"[A-Za-z0-9]", line) and "==" in line
    }
    other = sorted(
        f"{n} {_version(n)} ({pins[n]} is pinned)"
        for n in needed
        if n in pins and _version(n) not in (None, pins[n])
    )
    if other:
        yield NOTE, f"other than pinned: {', '.join(other)}", "make install takes the pins"
    elif not missing:
        yield FINE, f"{len(needed)} as pinned", ""


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0] if found else "").lower()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel() -> Iterator[_Found]:
    missing = [n for n in ("ipykernel_launcher", "papermill") if not importlib.util.find_spec(n)]
    points = {
        (p.group, p.name)
        for group in ("papermill.engine", "nbconvert.exporters")
        for p in importlib.metadata.entry_points(group=group)
    }
    wanted = {("papermill.engine", "ldresearch"), ("nbconvert.exporters", "ldresearch")}
    if missing:
        yield MEND, f"cannot be started: no {', '.join(missing)}", "make install"
    elif not wanted <= points:
        yield MEND, "the package is not registered with papermill and nbconvert", "make install"
    else:
        yield FINE, "the interpreter that runs this", ""


def _fonts() -> Iterator[_Found]:
    from ldresearch.figures import style

    path = style.measuring_font()
    if not path.is_file():
        yield MEND, "the font that figures are measured with is missing", "reinstall matplotlib"
    elif path.stem != "DejaVuSans":
        yield NOTE, f"figures are measured with {path.stem}", "reinstall matplotlib"
    else:
        yield FINE, "DejaVu Sans measures the figures", ""


def _places(reports: Path, runs: Path) -> Iterator[_Found]:
    for what, folder in (("data", places.data_home()), ("reports", reports), ("runs", runs)):
        there = folder
        while not there.exists():
            there = there.parent
        try:
            with tempfile.TemporaryDirectory(prefix=".doctor-", dir=there) as draft:
                if not _locks(Path(draft) / "lock"):
                    yield MEND, f"{what}: files cannot be locked here", "use a local disk"
                    continue
        except OSError as error:
            yield (MEND, f"{what}: nothing can be written ({error.strerror})",
                   "give this user the right to write there, or name another folder")  # fmt: skip
            continue
        if shutil.disk_usage(there).free < _LEAST_FREE:
            yield MEND, f"{what}: less than 2 GB are free", "free some space"
        else:
            yield FINE, f"{what} can be written", ""


def _locks(file: Path) -> bool:
    """Whether a lock that is held is seen to be held."""
    from ldresearch.files import is_held, locked

    with locked(file):
        return is_held(file)


def _private(runs: Path) -> Iterator[_Found]:
    if os.name == "nt" or not runs.is_dir():
        yield FINE, "none yet" if not runs.is_dir() else "modes do not apply here", ""
        return
    found = [p for p in (runs, *runs.glob("*/")) if _is_open(p)]
    if found:
        yield MEND, f"others can look into {len(found)} folders", f"chmod -R go-rwx {runs}"
    else:
        yield FINE, "closed to others", ""


def _ledger(runs: Path) -> Iterator[_Found]:
    book = releases.ledger(runs)
    if not book.folder.is_dir():
        yield FINE, "none yet; the first report of protected data begins it", ""
        return
    kept = (p for p in book.folder.rglob("*") if not p.name.startswith("."))
    wrong = [p.name for p in (book.folder, *kept) if _is_open(p)]
    if wrong:
        yield MEND, f"others can look into {len(wrong)} files", f"chmod -R go-rwx {book.folder}"
    try:
        known = book.read()
        for entry in known:
            book.members(entry)
        if known:
            book.people([])
    except DataError as error:
        yield MEND, str(error), "bring the folder back from a backup: no report is made until then"
        return
    if not wrong:
        yield FINE, f"{len(known)} kept, whole", ""


def _keys() -> Iterator[_Found]:
    store = key_store()
    root = places.checkout()
    if root and store.resolve().is_relative_to(root):
        yield MEND, "the key store lies in the checkout", "move it out"
    if not store.is_dir():
        yield FINE, "none yet; the first ingest makes one", ""
        return
    wrong = [p.name for p in store.iterdir() if p.is_file() and _is_open(p)]
    if _is_open(store):
        wrong.insert(0, "the key store itself")
    if wrong:
        yield MEND, f"others can read {', '.join(wrong)}", f"chmod -R go-rwx {store}"
    broken = [p.name for p in [*store.glob("*.key"), *store.glob("*.retired")] if not _is_key(p)]
    if broken:
        yield MEND, f"no key any more: {', '.join(broken)}", "restore it from a backup"
    if not wrong and not broken:
        yield FINE, f"{len(list(store.glob('*.key')))} kept, closed to others", ""


def _is_open(path: Path) -> bool:
    return os.name != "nt" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _is_key(file: Path) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}\s*", file.read_text(encoding="latin-1")) is not None


def _engine() -> Iterator[_Found]:
    with tempfile.TemporaryDirectory(prefix="ldr-doctor-") as draft:
        secret = Path(draft) / "secret.csv"
        secret.write_text("a\n1\n", encoding="utf-8")
        allowed = Path(draft) / "allowed"
        allowed.mkdir()
        for name in engine.unlocked(allowed, secret):
            yield MEND, f"not held back: {name}", "install the pinned DuckDB: make install"
            return
    yield FINE, f"DuckDB {_version('duckdb')}, locked", ""


def _zones() -> Iterator[_Found]:
    """Two offsets that any time-zone data of the last years has."""
    offsets = dict(clock.offsets("Europe/Berlin", date(2024, 3, 1), date(2024, 4, 30)))
    if sorted(offsets.values()) != [3600, 7200]:
        yield MEND, "the time-zone data are wrong", "pip install --upgrade tzdata"
    else:
        yield FINE, f"tzdata {_version('tzdata') or 'of the system'}", ""


# A dataset ----------------------------------------------------------------------------------


def _tables(found: Dataset) -> Iterator[_Found]:
    again = "ingest the sources again, into another folder"
    unknown = sorted(set(found.manifest.tables) - set(schema.TABLES))
    if unknown:
        yield MEND, f"no such table: {', '.join(unknown)}", again
    missing = [n for n in found.manifest.tables if not found.file(n).is_file()]
    if missing:
        yield MEND, f"no file for {', '.join(missing)}", again
    changed = [n for n in ingest.differing(found) if n not in missing]
    if changed:
        yield MEND, f"not what was written: {', '.join(changed)}", again
    if not (unknown or missing or changed):
        yield FINE, f"{len(found.manifest.tables)} as written", ""


def _leftovers(found: Dataset) -> Iterator[_Found]:
    versions = [p.name for p in found.path.glob("v-*") if p.name != found.manifest.version]
    forgotten = keys.forgotten(found.path / keys.FORGOTTEN)
    if forgotten and versions:
        yield (NOTE, "the version before the last ingest is kept",
               "if it may hold someone who was forgotten: ldresearch forget once more")  # fmt: skip
    elif len(versions) > 1:
        yield NOTE, f"{len(versions)} older versions", "the next ingest removes them"
    known = _OURS | {found.manifest.version, *versions}
    strange = sorted(
        p.name for p in found.path.iterdir() if p.name not in known and not _is_lock(p)
    )
    if strange:
        yield (MEND, f"files that are no part of it: {', '.join(strange[:5])}",
               "remove them, if nothing is being ingested just now")  # fmt: skip
    else:
        yield FINE, "nothing that does not belong here", ""


def _is_lock(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".lock")


def _lock(found: Dataset) -> Iterator[_Found]:
    from ldresearch.files import is_held

    if is_held(found.path.parent / f".{found.path.name}.lock"):
        yield NOTE, "something is being ingested just now", "wait, and look again"
    else:
        yield FINE, "free", ""


def _modes(found: Dataset) -> Iterator[_Found]:
    if _is_open(found.path):
        yield MEND, "others can look into it", f"chmod -R go-rwx {found.path}"
    else:
        yield FINE, "closed to others", ""


def _key(found: Dataset) -> Iterator[_Found]:
    kept = found.manifest.key_id
    file = key_file(found.manifest.client, key_store())
    if not kept:
        yield NOTE, "written before it was kept with which key", "the next ingest writes it"
    elif not file.is_file():
        yield NOTE, "its key is not in this key store", "needed to add to it: --key-file"
    elif _is_key(file) and keys.key_id(bytes.fromhex(file.read_text().strip())) == kept:
        yield FINE, "made with the client's key", ""
    else:
        yield (NOTE, "made with another key than the client's own",
               "after keys rotate: ingest every source anew into another folder")  # fmt: skip


def _counts(found: Dataset) -> Iterator[_Found]:
    manifest = found.manifest
    wrong = [
        table
        for table, n_in in manifest.rows_in.items()
        if n_in != manifest.rows_out.get(table, 0) + sum(manifest.rejected.get(table, {}).values())
    ]
    if wrong:
        yield MEND, f"rows read are not rows kept and rejected: {', '.join(wrong)}", "ingest anew"
    else:
        yield FINE, "rows read are rows kept and rows rejected", ""


def _zone(found: Dataset) -> Iterator[_Found]:
    clock.zone(found.manifest.time_zone)
    yield FINE, found.manifest.time_zone, ""
