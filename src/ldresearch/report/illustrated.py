"""Put what a page shows into the private notebook it was made from, for whoever opens it.

The runner's kernels draw nothing: the page is drawn once, and its figures are taken from there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from ldresearch.figures.style import FONT, PALETTE
from ldresearch.previews import Picture, preview
from ldresearch.privacy.gate import MIME
from ldresearch.report._content import bundles, locale_of, output_of
from ldresearch.wording import written_in

_DRAWN = re.compile(
    r'<div class="wide"><svg class="fig" viewBox="0 0 ([^ "]*) ([^"]*)"[^>]*>'
    r'<title id="f([0-9a-f]+)x*t">(.*?)</title>(.*?)</svg></div>',
    re.DOTALL,
)


def illustrate(notebook: Mapping[str, Any], page: str, *, public: bool) -> None:
    """Show sentences, tables and figures in an executed notebook.

    Parameters
    ----------
    notebook : mapping
        As ``nbformat.read`` gives it; changed in place. What it has published stays as it is, so
        the same page can be drawn from it again.
    page : str
        The page that was drawn from it.
    public : bool
        Whether its data are: by which rules its outputs were published.
    """
    drawn = {
        digest: _image(wide, high, title, inside)
        for wide, high, digest, title, inside in _DRAWN.findall(page)
    }
    with written_in(locale_of(notebook)):
        for bundle in (b for cell in notebook["cells"] for b in bundles(cell) if MIME in b):
            output = output_of(bundle[MIME], public)
            image = next((i for d, i in drawn.items() if output.digest.startswith(d)), "")
            if output.kind != "figure" or image or output.published[0].is_empty:
                shown: Picture = partial(dict, {"text/html": image})
                bundle.update(
                    preview(output.kind, output.stem, output.view, output.published, shown)
                )


def _image(wide: str, high: str, title: str, inside: str) -> str:
    """Make a picture on paper: as an image it knows nothing of the colours around it.

    Inline SVG would be taken out of a notebook that is not trusted; an image is not.
    """
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" '
        f'height="{high}" font-family="sans-serif" font-size="{FONT}" fill="none">'
        f'<rect width="100%" height="100%" fill="{PALETTE["paper"]}"/>{inside}</svg>'
    )
    coded = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img alt="{title}" width="680" src="data:image/svg+xml;base64,{coded}">'
