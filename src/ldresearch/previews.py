"""What JupyterLab shows of a published result: its sentence, its table, its figure.

A report never takes it: the page is drawn anew from what was published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ldresearch import views
from ldresearch.result import Published

Picture = Callable[[], dict[str, Any]]
"""Makes the entry of a figure: its media type and its content."""


def preview(
    kind: str, stem: str, view: str, published: Sequence[Published], picture: Picture
) -> dict[str, Any]:
    """Show one output of a study.

    Parameters
    ----------
    kind : str
        ``figure``, ``table``, ``sentence``, ``headline``, ``checks``, ``coverage``, ``attrition``.
    stem, view : str
        The analysis, and the function in it.
    published : sequence of Published
    picture : callable
        Called for a figure alone: drawing takes longest.

    Returns
    -------
    dict
        Media type to content, as a kernel displays it; everything escaped.
    """
    if kind == "headline":
        return _headline(stem, published)
    if kind == "checks":
        rows = [(r["check"], r["status"]) for p in published for r in p.frame.to_dict("records")]
        html = "".join(f"<li>{escape(str(c))}: <em>{escape(str(s))}</em></li>" for c, s in rows)
        return {"text/html": f"<ul>{html}</ul>", "text/plain": "\n".join(map(str, rows))}
    said = views.resolve("sentence", stem, view)(*published)
    bundle: dict[str, Any] = {"text/plain": said, "text/html": f"<p>{escape(said)}</p>"}
    if published[0].is_empty:
        return bundle
    if views.has("table", stem, view) and kind in ("table", "attrition", "coverage"):
        table = views.resolve("table", stem, view)(*published)
        bundle["text/html"] += table._repr_html_()
    if kind == "figure":
        return {"text/plain": said} | picture()
    return bundle


def _headline(stem: str, published: Sequence[Published]) -> dict[str, Any]:
    found = views.resolve("sentence", stem, "headline")(*published)
    cards = "".join(
        f"<li><strong>{escape(c.value)}</strong> {escape(c.label)} "
        f"<small>({escape(c.uncertainty)})</small></li>"
        for c in found.cards
    )
    html = f"<h2>{escape(found.title)}</h2><ul>{cards}</ul><p>{escape(found.decision)}</p>"
    return {"text/html": html, "text/plain": f"{found.title}\n{found.decision}"}
