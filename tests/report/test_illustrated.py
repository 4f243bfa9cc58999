"""What an executed notebook shows of its page, for whoever opens it in JupyterLab."""

from __future__ import annotations

import base64
import copy
import re
from typing import Any
from xml.etree import ElementTree

from ldresearch.privacy.gate import MIME
from ldresearch.report import page
from ldresearch.report.illustrated import illustrate


def test_a_notebook_shows_every_figure_of_its_page(maker: Any) -> None:
    notebook = maker()
    html = page.render(notebook)
    published = [b[MIME] for b in bundles(notebook) if MIME in b]
    public = "public or synthetic" in html
    illustrate(notebook, html, public=public)
    shown = [str(b.get("text/html", "")) for b in bundles(notebook) if MIME in b]
    images = [
        m for text in shown for m in re.findall(r'src="data:image/svg\+xml;base64,(.+?)"', text)
    ]
    assert len(images) == html.count('<div class="wide">') > 0
    for image in images:
        drawn = ElementTree.fromstring(base64.b64decode(image))  # noqa: S314 - made here
        assert float(drawn.attrib["width"]) > 300
        assert "script" not in "".join(element.tag for element in drawn.iter())
    assert all(shown), "an output has nothing to show"
    # What is published stays, so the page comes out the same.
    assert [b[MIME] for b in bundles(notebook) if MIME in b] == published
    assert page.render(notebook) == html


def test_a_page_of_another_notebook_gives_no_figure(maker: Any) -> None:
    notebook = maker()
    before = copy.deepcopy(notebook)
    illustrate(notebook, "<html></html>", public="public or synthetic" in page.render(before))
    assert "data:image" not in str(notebook)


def bundles(notebook: Any) -> list[Any]:
    return [o["data"] for c in notebook["cells"] for o in c.get("outputs", []) if "data" in o]
