"""Statements out of JSON files of any shape, one at a time, whatever the size of the file.

One object a line, an array, or pages ``{"statements": [...], "more": "..."}``: a reader of text
parts them; the engine takes them apart. A line that is no JSON goes on with a number, so that it is
counted and not lost.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ldresearch.errors import DataError, message
from ldresearch.sources._files import open_bytes

CHUNK = 1 << 20
MAX_STATEMENT = 32 * 1024 * 1024
"""Longest single statement, in characters."""

_PAGE = re.compile(r'\{\s*(?:"more"\s*:\s*(?:null|"[^"]*")\s*,\s*)?"statements"\s*:\s*\[')
_MAY_BE_PAGE = re.compile(r'\{\s*"(?:more|statements)"')
_OPENS_PAGE = re.compile(rb'\{\s*"(?:more|statements)"')
_BLANK = re.compile(r"[\s,]*")
_LOOK = 50


def statements(file: Path) -> Iterator[str | None]:
    """Yield each statement's text; ``None`` for what cannot be decoded or breaks off.

    Raises
    ------
    DataError
        If the file is damaged in a way that would lose what follows.
    """
    if is_lines(file):
        yield from _lines(file)
    else:
        yield from _values(file)


def is_lines(file: Path) -> bool:
    """Whether some early line holds a whole object: one object a line.

    The first line may be damaged, so it does not decide alone, unless it plainly opens something
    that goes on below: an array, a page, a brace of its own.
    """
    with open_bytes(file) as stream:
        for _ in range(_LOOK):
            line = stream.readline(MAX_STATEMENT)
            if not line:
                return False
            text = line.removeprefix(codecs.BOM_UTF8).strip()
            try:
                if isinstance(json.loads(text), dict):
                    return True
            except (ValueError, RecursionError):
                if text.startswith(b"[") or text == b"{" or _OPENS_PAGE.match(text):
                    return False
    return False


def _lines(file: Path) -> Iterator[str | None]:
    with open_bytes(file) as stream:
        is_first = True
        while line := stream.readline(MAX_STATEMENT):
            if is_first:
                line, is_first = line.removeprefix(codecs.BOM_UTF8), False
            if not line.strip():
                continue
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError:
                yield None
                continue
            if _MAY_BE_PAGE.match(text) and (inner := _page(text)) is not None:
                yield from inner
            else:
                yield text


def _page(text: str) -> list[str] | None:
    """Return the statements of a page that stands on one line; ``None`` if it is no page."""
    try:
        page = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if "verb" in page or not isinstance(page.get("statements"), list):
        return None
    return [json.dumps(s, ensure_ascii=False) for s in page["statements"]]


class _Text:
    """A window on a file's text that grows at its end and is eaten from its front."""

    def __init__(self, stream: IO[bytes], file: Path) -> None:
        self.stream, self.file = stream, file
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at, self.is_over = "", 0, False
        self.n_read = 0

    def more(self, size: int = CHUNK) -> bool:
        data = self.stream.read(size)
        try:
            found = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            raise self.damaged() from None
        self.text = self.text[self.at :] + found
        self.at = 0
        self.is_over = not data
        return bool(data)

    def skip_blank(self) -> str:
        """Return the next character that is neither blank nor a comma; empty at the end."""
        while True:
            found = _BLANK.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def damaged(self) -> DataError:
        return DataError(
            message(f"the JSON is damaged after statement {self.n_read:,}", where=self.file.name,
                    do="export it again, one statement a line if you can")
        )  # fmt: skip


def _values(file: Path) -> Iterator[str | None]:
    """Part arrays, pages and objects that span lines."""
    decoder = json.JSONDecoder()
    with open_bytes(file) as stream:
        window = _Text(stream, file)
        depth: list[str] = []
        while True:
            char = window.skip_blank()
            if not char:
                if depth:
                    yield None
                return
            if char == "[":
                depth.append("array")
                window.at += 1
            elif char == "]" and depth:
                window.at += 1
                if depth.pop() == "page":
                    _leave_page(window)
            elif char == "{" and (found := _page_start(window)):
                depth.append("page")
                window.at = found
            else:
                text = _value(window, decoder)
                yield text
                if text is None:
                    return
                window.n_read += 1


def _page_start(window: _Text) -> int:
    """Return where the statements of a page begin, or 0 if this object is no page."""
    while len(window.text) - window.at < 4096 and window.more():
        pass
    found = _PAGE.match(window.text, window.at)
    return found.end() if found else 0


def _leave_page(window: _Text) -> None:
    """Skip what follows the statements of a page up to its closing brace."""
    while True:
        char = window.skip_blank()
        if not char:
            return
        if char == "}":
            window.at += 1
            return
        while len(window.text) - window.at < 4096 and window.more():
            pass
        found = re.compile(r'"[^"]*"\s*:\s*(?:null|"[^"]*")').match(window.text, window.at)
        if not found:
            raise window.damaged()
        window.at = found.end()


def _value(window: _Text, decoder: json.JSONDecoder) -> str | None:
    """Return the text of the value at the window's front; ``None`` if the file breaks off in it."""
    size = CHUNK
    while True:
        try:
            _, end = decoder.raw_decode(window.text, window.at)
            # A number at the very end of the window might go on.
            if end < len(window.text) or window.is_over:
                text = window.text[window.at : end]
                window.at = end
                return text
        except RecursionError:
            raise window.damaged() from None
        except json.JSONDecodeError as error:
            is_cut = error.pos >= len(window.text) - 8 or error.msg.startswith("Unterminated")
            if window.is_over and is_cut:
                return None
            if not is_cut:
                raise window.damaged() from None
        except ValueError:  # a number of thousands of digits
            raise window.damaged() from None
        if len(window.text) - window.at > MAX_STATEMENT:
            raise window.damaged()
        window.more(size)
        size *= 2
