"""What every reader does with files: find them, describe them, open them, follow progress."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, cast

from ldresearch.engine import literal
from ldresearch.errors import DataError, did_you_mean, message
from ldresearch.files import sha256

Progress = Callable[[str], None]

MAX_RATIO = 250
"""Largest growth of a compressed file beyond ``FREE_BYTES``; columns of text grow 5 to 60 times."""
FREE_BYTES = 512 * 1024 * 1024

_progress: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def telling(progress: Progress | None) -> Iterator[None]:
    """Let :func:`step` speak to ``progress`` while a source is read."""
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def step(text: str) -> None:
    """Say what is being done, to whoever listens."""
    progress = _progress.get()
    if progress is not None:
        progress(text)


def described(file: Path, kind: str) -> dict[str, Any]:
    """Return the manifest's entry of a source file: no folder, what it was, its hash."""
    step(f"hashing {file.name}")
    return _entry(file, kind, sha256(file))


def _entry(file: Path, kind: str, digest: str) -> dict[str, Any]:
    return {"kind": kind, "name": file.name, "sha256": digest, "bytes": file.stat().st_size}


@contextmanager
def describing(
    files: Sequence[Path], kind: str
) -> Iterator[Callable[[], tuple[dict[str, Any], ...]]]:
    """Hash files beside the reading of them; what is given tells the manifest's entries."""
    beside = ThreadPoolExecutor(max_workers=1)
    digests = [beside.submit(sha256, file) for file in files]
    try:
        yield lambda: tuple(
            _entry(file, kind, digest.result()) for file, digest in zip(files, digests, strict=True)
        )
    finally:
        beside.shutdown(wait=False, cancel_futures=True)


def plain_name(file: Path) -> str:
    """Return a file's name without ``.gz``."""
    return file.name[:-3] if file.name.endswith(".gz") else file.name


def find(folder: Path, name: str) -> Path | None:
    """Find a publisher's file in a folder, plain or compressed; case does not matter."""
    wanted = {name.casefold(), f"{name}.gz".casefold()}
    found = sorted(f for f in folder.iterdir() if f.is_file() and f.name.casefold() in wanted)
    return found[0] if found else None


def required(folder: Path, name: str, source: str) -> Path:
    """Find a publisher's file or say that it is not there."""
    file = find(folder, name) if folder.is_dir() else None
    if file is None:
        raise DataError(
            message("a file of the publisher is not here", where=source, got=folder.name,
                    allowed=f"a folder with {name} or {name}.gz",
                    do="name the unpacked folder")
        )  # fmt: skip
    return file


class _Guarded(io.RawIOBase):
    """A decompressed stream that refuses to grow without bounds."""

    def __init__(self, file: Path) -> None:
        self.name = file.name
        self.packed = max(file.stat().st_size, 1)
        self.stream = gzip.open(file, "rb")  # noqa: SIM115 - closed with this object
        self.n_bytes = 0
        self.failed: DataError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.stream.read(len(buffer))
        except (EOFError, OSError, zlib.error):
            raise self._refused(
                "the compressed file is damaged or breaks off", "copy or export it again"
            ) from None
        buffer[: len(data)] = data
        self.n_bytes += len(data)
        if self.n_bytes > FREE_BYTES and self.n_bytes > MAX_RATIO * self.packed:
            raise self._refused(
                f"the file grows more than {MAX_RATIO} times when unpacked",
                "unpack it yourself if you trust it",
            )
        return len(data)

    def _refused(self, what: str, do: str) -> DataError:
        """Keep the error too: libraries in between may wrap it and lose its sentence."""
        self.failed = DataError(message(what, where=self.name, do=do))
        return self.failed

    def close(self) -> None:
        self.stream.close()
        super().close()


def open_bytes(file: Path) -> IO[bytes]:
    """Open a file's bytes, unpacked when its name ends in ``.gz``."""
    if file.name.endswith(".gz"):
        return cast(IO[bytes], io.BufferedReader(_Guarded(file), 1 << 20))
    return file.open("rb", buffering=1 << 20)


def by_name(file: Path) -> str | None:
    """Return a file as the engine is to name it; ``None`` if it would take the name for a pattern.

    Compressed files are not the engine's: their growth is watched here.
    """
    name = str(file.resolve())
    return None if name.endswith(".gz") or re.search(r"[*?\[\]{}]", name) else literal(name)


def lines(file: Path, *, longest: int, buffer: int) -> str | None:
    """Return the relation of a file's lines as the engine reads them, in their order.

    Its one column ``text`` is null for an empty line. The engine refuses a file whose lines do
    not all end alike, that is not UTF-8, or that has a line longer than ``longest`` bytes.
    """
    name = by_name(file)
    return name and (
        f"read_csv({name}, columns = {{'text': 'VARCHAR'}}, auto_detect = false, header = false, "
        "delim = '\x01', quote = '', escape = '', compression = 'none', "
        f"max_line_size = {longest}, buffer_size = {buffer})"
    )


def failure(stream: IO[bytes]) -> DataError | None:
    """Return why a stream of :func:`open_bytes` refused to go on."""
    return getattr(getattr(stream, "raw", None), "failed", None)


def is_out_of_memory(error: Exception) -> bool:
    """Whether the engine needs more memory than it was given; the file may be fine."""
    return type(error).__name__ == "OutOfMemoryException"


def first_undecodable(file: Path, encoding: str) -> int | None:
    """Return the offset of the first byte that is not of the encoding."""
    import codecs

    decoder = codecs.getincrementaldecoder(encoding)()
    seen = 0
    with open_bytes(file) as stream:
        while True:
            chunk = stream.read(1 << 20)
            held = len(cast(Any, decoder).getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return seen - held + error.start
            except UnicodeError:  # some encodings do not say where
                return None
            if not chunk:
                return None
            seen += len(chunk)


def pairs(text: str, option: str) -> dict[str, str]:
    """Read an option of the form ``a=b,c=d``.

    Raises
    ------
    DataError
        If a part has no equals sign or a name stands twice.
    """
    found: dict[str, str] = {}
    for part in (p.strip() for p in text.split(",") if p.strip()):
        # IRIs may hold an equals sign; the last one parts name and value.
        name, sign, value = part.rpartition("=")
        if not sign or not name.strip() or not value.strip() or name.strip() in found:
            raise DataError(
                message("not a list of pairs", where=option, got=part, allowed="a=b,c=d")
            )
        found[name.strip()] = value.strip()
    return found


LIKE_DATA = r"@|\d{4}-\d\d|\d{5}|^[^a-zA-Z]*$|^.{61,}$|[\x00-\x1f]"
"""What a cell has and a name of a column, or a word, hardly ever."""


def column_hint(name: str, columns: Iterable[str]) -> str:
    """Suggest the column nearest to a missing one, unless the header looks like a row of data.

    A file without a line of names gives its first row as names, and an error must not quote it.

    Examples
    --------
    >>> column_hint("who", ["whom", "when"])
    'did you mean whom?'
    >>> column_hint("who", ["ann@example.org", "2024-01-03"])
    'give the file a first line of column names: it looks like data'
    """
    names = list(columns)
    if is_like_data(names):
        return "give the file a first line of column names: it looks like data"
    return did_you_mean(name, names)


def is_like_data(names: Iterable[str]) -> bool:
    """Whether what should be the names of columns looks like a row of data."""
    return any(re.search(LIKE_DATA, name) for name in names)


def option_entry(source: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the manifest's entry of the options, so that other options are another reading."""
    import hashlib
    import json

    text = json.dumps(dict(sorted(options.items()))).encode()
    return {
        "kind": f"{source} options", "name": ",".join(sorted(options)),
        "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text),
    }  # fmt: skip
