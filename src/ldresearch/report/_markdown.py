"""Prose of a notebook as HTML: no raw HTML, no pictures, safe links, headings below the page's."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

import mistune
from markupsafe import Markup

_SCHEMES = frozenset({"https", "http", "mailto"})


def markdown(source: str) -> Markup:
    """Turn markdown into HTML that cannot carry a script, load anything or break the outline.

    Examples
    --------
    >>> str(markdown("**Read** <b>this</b>, [here](javascript:x)"))
    '<p><strong>Read</strong> &lt;b&gt;this&lt;/b&gt;, here</p>\\n'
    """
    return Markup(_parser()(source))  # noqa: S704 - escaped by the renderer below


@lru_cache(maxsize=1)
def _parser() -> Any:
    return mistune.create_markdown(renderer=_Renderer(escape=True))


class _Renderer(mistune.HTMLRenderer):  # type: ignore[misc, unused-ignore]
    def heading(self, text: str, level: int, **attrs: Any) -> str:
        level = min(max(level, 3), 4)
        return f"<h{level}>{text}</h{level}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        is_local = url.startswith("#")
        try:
            is_safe = is_local or urlsplit(url).scheme.lower() in _SCHEMES
        except ValueError:
            is_safe = False
        if not is_safe:
            return text
        away = "" if is_local else ' rel="noreferrer noopener"'
        return f'<a href="{escape(url)}"{away}>{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text

    def block_code(self, code: str, info: str | None = None) -> str:
        return f'<pre tabindex="0"><code>{escape(code, quote=False)}</code></pre>\n'
