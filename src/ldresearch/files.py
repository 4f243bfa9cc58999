"""Writing so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"
"""Held by whoever changes a folder of reports."""


def sync_folder(folder: Path) -> None:
    """Make renames within a folder survive a loss of power; a no-op where folders cannot sync."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def atomic_write(path: Path, content: bytes | str, *, mode: int = 0o640) -> None:
    """Write a file next to its place, sync it and move it into place.

    Parameters
    ----------
    path : Path
        Its folder is created if absent.
    content : bytes or str
        Text is written as UTF-8.
    mode : int
        Permissions of the file.

    Raises
    ------
    OSError
        With the old file untouched, for example when the disk is full.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.name != "nt":
            os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_tree(folder: Path) -> None:
    """Sync every file of a new folder, then the folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                if os.name != "nt":
                    os.fsync(handle)
            finally:
                os.close(handle)
    sync_folder(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file while a folder is changed; freed by the system if the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Whether someone holds a lock file just now; a file that merely lies there is free."""
    if os.name == "nt" or not path.exists():
        return False
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


def remove_drafts(path: Path) -> None:
    """Remove what a killed process left of a file it was writing; call it under the lock."""
    if path.parent.is_dir():
        for draft in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
            draft.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Hash a file's bytes (SHA-256)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(path: Path) -> None:
    """Remove a folder and what is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)
