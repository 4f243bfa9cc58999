"""Keys of clients beyond their first use: read, told apart, changed; and who was forgotten.

A forgotten person is remembered as a keyed mark, so that rows about the person are refused later.
The mark is made under the key of the day, as a pseudonym is, but of another text: it joins with
nothing in a dataset. When a key is changed, the old one stays as *retired*: it makes no
pseudonyms any more and only serves to know old marks.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ldresearch.errors import DataError, ParameterError, message
from ldresearch.files import atomic_write, locked
from ldresearch.privacy.pseudonym import KEY_BYTES, key_file, make_key, pseudonyms

FORGOTTEN = "forgotten.jsonl"
"""File of marks beside a dataset's manifest; ``<key>.forgotten.jsonl`` beside a key."""

_ID_DIGITS = 16


def key_id(key: bytes) -> str:
    """Tell one key from another without saying anything about it.

    Parameters
    ----------
    key : bytes
        32 bytes.

    Returns
    -------
    str
        16 hexadecimal digits; what a manifest keeps of the key its pseudonyms were made with.

    Examples
    --------
    >>> key_id(b"a" * 32) == key_id(b"a" * 32), key_id(b"a" * 32) == key_id(b"b" * 32)
    (True, False)
    """
    # No id begins with a NUL: the door in takes control characters out.
    return pseudonyms(["\x00key"], key)[0][:_ID_DIGITS]


def marks(ids: Iterable[str], key: bytes) -> list[str]:
    """Turn normalised ids into the marks by which the forgotten are known.

    Parameters
    ----------
    ids : iterable of str
    key : bytes
        32 bytes.

    Returns
    -------
    list of str
        Of the same shape as a pseudonym, and never equal to one.

    Examples
    --------
    >>> marks(["e1"], b"a" * 32) == pseudonyms(["e1"], b"a" * 32)
    False
    """
    return pseudonyms((f"\x00forgotten\x1f{text}" for text in ids), key)


def read_key(file: Path, *, outside: Iterable[Path] = ()) -> bytes:
    """Read a key from a file that somebody else made.

    Parameters
    ----------
    file : Path
        64 hexadecimal digits, or 32 bytes.
    outside : iterable of Path
        Folders it may not lie in: dataset and repository.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    ParameterError
        If it cannot be read, has another length, lies in one of them, or others can read it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "own.key"
    >>> _ = file.write_text("ab" * 32)
    >>> file.chmod(0o600)
    >>> len(read_key(file))
    32
    """
    try:
        place, raw = file.expanduser().resolve(), file.expanduser().read_bytes()
    except OSError as error:
        raise ParameterError(
            message("the key cannot be read", where="--key-file", got=error.strerror)
        ) from None
    try:
        key = bytes.fromhex(raw.decode("ascii").strip())
    except ValueError:
        key = raw
    if len(key) != KEY_BYTES:
        raise ParameterError(
            message("a key has another length", where="--key-file", got=f"{len(key)} bytes",
                    allowed="32 bytes, raw or as 64 hexadecimal digits",
                    do="make one with: python -c 'import secrets; print(secrets.token_hex(32))'")
        )  # fmt: skip
    for folder in outside:
        if place.is_relative_to(folder.expanduser().resolve()):
            raise ParameterError(
                message("a key may not be kept with the data or the code", where="--key-file",
                        do="move it to a folder outside of both")
            )  # fmt: skip
    mode = place.stat().st_mode & 0o777
    if os.name != "nt" and mode & 0o077:
        raise ParameterError(
            message("others can read this key", where="--key-file", got=oct(mode), allowed="0o600",
                    do="chmod 600 the file")
        )  # fmt: skip
    return key


def listed(store: Path) -> list[dict[str, str]]:
    """Describe every key of a store, without a key.

    Parameters
    ----------
    store : Path
        The key store.

    Returns
    -------
    list of dict
        ``file``, ``id`` (:func:`key_id`) and ``said``: in use, retired, or what is amiss.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ldresearch.privacy.pseudonym import key_for
    >>> store = Path(mkdtemp())
    >>> _ = key_for("harbour", store)
    >>> [one["said"] for one in listed(store)]
    ['in use']
    """
    found = []
    files = sorted([*store.glob("*.key"), *store.glob("*.retired")]) if store.is_dir() else []
    for file in files:
        text = file.read_text(encoding="latin-1").strip()
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            said, name = "no key any more: restore it from a backup", ""
        else:
            said = "retired" if file.suffix == ".retired" else "in use"
            name = key_id(bytes.fromhex(text))
        if os.name != "nt" and file.stat().st_mode & 0o077:
            said += "; others can read it: chmod 600"
        found.append({"file": file.name, "id": name, "said": said})
    return found


# Changing a key -----------------------------------------------------------------------------


def rotate(client: str, store: Path) -> Path:
    """Give a client a new key; the old one is retired.

    Parameters
    ----------
    client : str
    store : Path
        The key store.

    Returns
    -------
    Path
        The retired key.

    Raises
    ------
    ParameterError
        If the client has no key.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ldresearch.privacy.pseudonym import key_for
    >>> store = Path(mkdtemp())
    >>> before = key_for("harbour", store)
    >>> _ = rotate("harbour", store)
    >>> key_for("harbour", store) == before, retired("harbour", store) == [before]
    (False, True)
    """
    file = key_file(client, store)
    with locked(file.with_suffix(".lock")):
        if not file.is_file():
            raise ParameterError(
                message("this client has no key", where="keys", got=client,
                        do="see what there is with ldresearch keys list")
            )  # fmt: skip
        old = file.with_name(f"{file.stem}.{len(_retired_files(file)) + 1:03}.retired")
        # Linked before it is replaced: whatever happens, no key is lost.
        os.link(file, old)
        make_key(file)
    return old


def retired(client: str, store: Path) -> list[bytes]:
    """Return the keys a client had before.

    Parameters
    ----------
    client : str
    store : Path
        The key store.

    Returns
    -------
    list of bytes
        Oldest first.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> retired("harbour", Path(mkdtemp()))
    []
    """
    files = _retired_files(key_file(client, store))
    return [bytes.fromhex(file.read_text(encoding="ascii").strip()) for file in files]


def _retired_files(file: Path) -> list[Path]:
    name = re.compile(re.escape(file.stem) + r"\.\d{3,}\.retired")
    there = file.parent.iterdir() if file.parent.is_dir() else ()
    return sorted(path for path in there if name.fullmatch(path.name))


# Who was forgotten --------------------------------------------------------------------------


def beside(file: Path) -> Path:
    """Name the list of the forgotten that belongs to a key.

    Parameters
    ----------
    file : Path
        The key.

    Returns
    -------
    Path
        Not necessarily there.

    Examples
    --------
    >>> from pathlib import Path
    >>> beside(Path("own.key")).name
    'own.key.forgotten.jsonl'
    """
    return file.with_name(f"{file.name}.{FORGOTTEN}")


def forgotten(file: Path) -> list[dict[str, str]]:
    """Read a list of marks.

    Parameters
    ----------
    file : Path

    Returns
    -------
    list of dict
        ``key`` (:func:`key_id`) and ``mark``; empty where there is no list.

    Raises
    ------
    DataError
        If a line cannot be read: refusing is better than letting a forgotten person in again.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> forgotten(Path(mkdtemp()) / FORGOTTEN)
    []
    """
    if not file.is_file():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            found.append({"key": str(entry["key"]), "mark": str(entry["mark"])})
        except (ValueError, KeyError, TypeError):
            raise DataError(
                message("the list of the forgotten cannot be read", where=file.name,
                        do="restore it from a backup; nothing is read in until then")
            ) from None  # fmt: skip
    return found


def remember(file: Path, entries: Sequence[Mapping[str, str]]) -> None:
    """Add marks to a list; one that stands there already is not added again.

    Parameters
    ----------
    file : Path
    entries : sequence of mapping
        Of :func:`forgotten`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / FORGOTTEN
    >>> for _ in range(2):
    ...     remember(file, [{"key": "k", "mark": "m"}])
    >>> forgotten(file)
    [{'key': 'k', 'mark': 'm'}]
    """
    there = forgotten(file)
    new = [dict(entry) for entry in entries if dict(entry) not in there]
    if new:
        lines = [json.dumps(entry, sort_keys=True) for entry in (*there, *new)]
        atomic_write(file, "\n".join(lines) + "\n", mode=0o600)


def among_forgotten(
    ids: Sequence[str], entries: Sequence[Mapping[str, str]], keys: Iterable[bytes]
) -> set[str]:
    """Tell which normalised ids are those of forgotten persons.

    Parameters
    ----------
    ids : sequence of str
    entries : sequence of mapping
        Of :func:`forgotten`.
    keys : iterable of bytes
        The client's key and the retired ones.

    Returns
    -------
    set of str
        Those of ``ids``.

    Raises
    ------
    DataError
        If some marks were made with a key that is not among ``keys``.

    Examples
    --------
    >>> key = b"a" * 32
    >>> entries = [{"key": key_id(key), "mark": marks(["e1"], key)[0]}]
    >>> among_forgotten(["e1", "e2"], entries, [key])
    {'e1'}
    """
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(entry["key"], set()).add(entry["mark"])
    found: set[str] = set()
    for key in keys:
        known = wanted.pop(key_id(key), None)
        if known:
            found |= {i for i, mark in zip(ids, marks(ids, key), strict=True) if mark in known}
    if wanted:
        raise DataError(
            message("someone was forgotten under a key that is not here", where=FORGOTTEN,
                    do="put the retired key back into the key store")
        )  # fmt: skip
    return found
