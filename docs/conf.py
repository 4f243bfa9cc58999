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


def setup(app: Sphinx) -> dict[str, Any]:
    """Let every page pass through :func:`_read`."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
