"""How objects look in JupyterLab: small tables that follow its colours, everything escaped.

What is shown here is for whoever holds the data. A report never takes it: the page is drawn from
published results alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from html import escape

_MUTED = "color:var(--jp-ui-font-color2,GrayText)"
_LEFT = "text-align:left"
MOST = 20
"""Rows of a frame that are shown."""


def page(title: str, *parts: str, note: str = "") -> str:
    """Put a title, parts and a note below each other.

    Parameters
    ----------
    title : str
    *parts : str
        HTML.
    note : str
        A line in muted words.

    Examples
    --------
    >>> page("A & B")
    '<div><strong>A &amp; B</strong></div>'
    """
    said = f'<div style="{_MUTED}">{escape(note)}</div>' if note else ""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}{said}</div>"


def pairs(rows: Iterable[tuple[str, object]]) -> str:
    """Return names and values as a table without a head.

    Examples
    --------
    >>> pairs([("client", "harbour")]).count("<tr>")
    1
    """
    body = "".join(
        f'<tr><th scope="row" style="{_LEFT}">{escape(name)}</th>'
        f'<td style="{_LEFT}">{escape(str(value))}</td></tr>'
        for name, value in rows
    )
    return f"<table><tbody>{body}</tbody></table>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], n_rows: int = 0) -> str:
    """Return rows under their columns; says how many more there are.

    Examples
    --------
    >>> "1 more row" in table(["unit"], [["Sales"]], n_rows=2)
    True
    """
    shown = [list(row) for row in rows]
    head = "".join(f'<th scope="col">{escape(str(c))}</th>' for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(v))}</td>" for v in row) + "</tr>" for row in shown
    )
    more = n_rows - len(shown)
    rest = f'<div style="{_MUTED}">{more:,} more row{"s" if more > 1 else ""}</div>'
    return (
        f'<div style="overflow-x:auto"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{rest if more > 0 else ''}"
    )


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return str(value.date())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
