"""The site made of these pages: `make site` writes it to build/site, without the internet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.highlighting import lexers

project = "ldresearch"
author = "the ldresearch project"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "ldresearch"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 4
exclude_patterns = ["images"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

for name in ("csv", "crontab"):
    lexers[name] = TextLexer()

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
_PAGES = sorted(p.stem for p in Path(__file__).parent.glob("*.md") if p.stem != "index")


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Name what lies outside the pages instead of linking it, and list the pages once."""
    source[0] = _OUTSIDE.sub(r"\1", source[0])
    if docname == app.config.root_doc:
        listed = "\n".join(_PAGES)
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


_ACCESSIBLE = (
    # What scrolls can be reached with the keyboard, and two landmarks have two names.
    ("<pre>", '<pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ('<aside class="sidebar-drawer"', '<aside aria-label="Pages" class="sidebar-drawer"'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
)


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Mend what the theme leaves out for those who use a keyboard or a screen reader."""
    if error:
        return
    for page in Path(app.outdir).glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for before, after in _ACCESSIBLE:
            text = text.replace(before, after)
        if "<h1" not in text:
            text = text.replace("<noscript>", "<h1>Search</h1>\n<noscript>", 1)
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Let every page pass through :func:`_read` before, and :func:`_finish` after."""
    app.connect("source-read", _read)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True}
