"""The door in: person ids become keyed pseudonyms.

A plain hash of an id falls to enumeration in under a second; HMAC-SHA256 under a key that is kept
outside data and repository does not. One key a client, so that clients cannot be linked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from ldresearch.errors import DataError, message
from ldresearch.files import sync_folder

KEY_BYTES = 32
DIGITS = 32
"""Hexadecimal digits of a pseudonym: 128 bits."""


def pseudonyms(ids: Iterable[str], key: bytes) -> list[str]:
    """Turn normalised ids into pseudonyms.

    Parameters
    ----------
    ids : iterable of str
    key : bytes
        32 bytes.

    Returns
    -------
    list of str
        32 hexadecimal digits each, in the order of ``ids``.

    Examples
    --------
    >>> one, other = pseudonyms(["e1"], b"a" * 32), pseudonyms(["e1"], b"b" * 32)
    >>> one == other, len(one[0])
    (False, 32)
    """
    if len(key) != KEY_BYTES:
        raise DataError(
            message("the key of a client has another length", got=f"{len(key)} bytes",
                    allowed=f"{KEY_BYTES} bytes", do="let ldresearch make the key")
        )  # fmt: skip
    return [hmac.digest(key, text.encode("utf-8"), "sha256").hex()[:DIGITS] for text in ids]


def key_for(client: str, folder: Path, *, outside: Iterable[Path] = ()) -> bytes:
    """Read the key of a client, or make it on first use.

    Parameters
    ----------
    client : str
    folder : Path
        The key store; created with mode 0700.
    outside : iterable of Path
        Folders the store may not lie in: the dataset and the repository.

    Returns
    -------
    bytes
        32 bytes, the same at every call.

    Raises
    ------
    DataError
        If the store lies inside one of them, or others can read the key.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> store = Path(mkdtemp())
    >>> first = key_for("harbour", store)
    >>> len(first), key_for("harbour", store) == first, key_for("meadow", store) == first
    (32, True, False)
    """
    store = folder.expanduser().resolve()
    for place in outside:
        if store.is_relative_to(place.expanduser().resolve()):
            raise DataError(
                message("a key may not be kept with the data or the code", where="key store",
                        do="name a folder outside of both")
            )  # fmt: skip
    file = key_file(client, store)
    if not file.exists():
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(file)
    if os.name != "nt" and file.stat().st_mode & 0o077:
        raise DataError(
            message("others can read the key of this client", where=file.name,
                    got=oct(file.stat().st_mode & 0o777), allowed="0o600",
                    do="chmod 600 the file")
        )  # fmt: skip
    return bytes.fromhex(file.read_text(encoding="ascii").strip())


def key_file(client: str, store: Path) -> Path:
    """Name the file of a client's key.

    Parameters
    ----------
    client : str
    store : Path
        The key store.

    Returns
    -------
    Path
        Not necessarily there.

    Examples
    --------
    >>> from pathlib import Path
    >>> key_file("R&D", Path("keys")).name
    'r-d-1d168db4.key'
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", client.casefold()).strip("-")[:200] or "client"
    told_apart = hashlib.sha256(client.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return store.expanduser().resolve() / f"{name}-{told_apart}.key"


def make_key(file: Path) -> None:
    """Put a new key in place of the one that is there.

    Parameters
    ----------
    file : Path
        Its folder is there.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "own.key"
    >>> make_key(file)
    >>> len(file.read_text())
    64
    """
    os.replace(_draft(file), file)
    sync_folder(file.parent)


def _draft(file: Path) -> Path:
    draft = file.with_suffix(f".{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(secrets.token_hex(KEY_BYTES))
        out.flush()
        os.fsync(out.fileno())
    return draft


def _create(file: Path) -> None:
    """Write a new key so that two processes end up with the same one."""
    draft = _draft(file)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(file.parent)
