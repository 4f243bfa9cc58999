"""Markup in every place where words come from outside: nothing of it is ever executed."""

from __future__ import annotations

import datetime
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import pytest

from ldresearch.privacy import publish
from ldresearch.privacy.gate import MIME
from ldresearch.report import about, index, page
from ldresearch.result import Result, Rules
from ldresearch.run.place import Place
from ldresearch.vocabulary import Family, Role

RUN = "document.documentElement.setAttribute('data-pwned',1)"
"""What every payload would do: leave a mark that can be seen from outside."""


def payloads() -> Iterator[str]:
    """Ways to have a browser run something, by the context each breaks out of."""
    scripts = [
        f"<script>{RUN}</script>", f"<ScRiPt>{RUN}</sCrIpT>", f"<script/x>{RUN}</script>",
        f"<script\n>{RUN}</script\n>", f"<script type=module>{RUN}</script>",
        f"<<script>{RUN}//<</script>", f"<script src=\"data:,{RUN}\"></script>",
        f"<svg><script>{RUN}</script></svg>", f"<svg><script href='data:,{RUN}' /></svg>",
        f"<math><mtext><script>{RUN}</script>",
    ]  # fmt: skip
    tags = {
        "img src=x": "onerror", "image src=x": "onerror", "svg": "onload", "body": "onload",
        "input autofocus": "onfocus", "select autofocus": "onfocus",
        "textarea autofocus": "onfocus", "video src=x": "onerror", "audio src=x": "onerror",
        "details open": "ontoggle", "marquee": "onstart", "iframe": "onload",
        "style": "onload", "link rel=stylesheet href=x": "onerror", "object data=x": "onerror",
        "embed src=x": "onload", "button autofocus": "onfocus", "a href=# autofocus": "onfocus",
        "div style='animation:x' ": "onanimationstart", "form": "onfocusin",
    }  # fmt: skip
    handlers = [
        f'<{tag} {event}{form}' for tag, event in tags.items()
        for form in (f'="{RUN}">', f"={RUN.replace(' ', '')}>")
    ]  # fmt: skip
    links = [
        f'<a href="javascript:{RUN}">x</a>', f"<a href=javascript&colon;{RUN}>x</a>",
        f"<a href='java\tscript:{RUN}'>x</a>", f"[x](javascript:{RUN})",
        f"![x](x\"onerror=\"{RUN})", f"<javascript:{RUN}>", f"[x]: javascript:{RUN}",
        f"<iframe src=\"javascript:parent.{RUN}\"></iframe>",
        f"<iframe srcdoc=\"<script>parent.{RUN}</script>\"></iframe>",
        f"<object data=\"javascript:{RUN}\"></object>", f"<form action=javascript:{RUN}><input>",
        f"<meta http-equiv=refresh content=\"0;url=javascript:{RUN}\">",
        f"<meta http-equiv=refresh content='0;url=data:text/html,<script>opener.{RUN}</script>'>",
        f"<base href=\"javascript:{RUN}//\">",
        f"<svg><a xlink:href=\"javascript:{RUN}\">x</a></svg>",
        f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
        f"<svg><set onbegin={RUN} attributeName=x>",
        f"<svg><use href=\"data:image/svg+xml,<svg id=x><script>{RUN}</script></svg>#x\"></use>",
        f"<svg><foreignObject><body onload={RUN}></foreignObject></svg>",
    ]  # fmt: skip
    closers = [
        '"', "'", ">", "-->", "</title>", "</style>", "</textarea>", "</svg>", "</td></table>",
        "]]>", "</pre></code>", "</summary></details>", "</script>", "`", '\\"', "*/",
    ]  # fmt: skip
    outs = [f"{closer}<img src=x onerror={RUN}>" for closer in closers]
    attributes = [
        f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" x="', f"' autofocus onfocus='{RUN}' x='",
        f"x onload={RUN} ", f"\" style=\"background:url(javascript:{RUN})",
    ]  # fmt: skip
    templates = ["{{ 7*7 }}", "{% raw %}", "${7*7}", "{{ ''.__class__ }}", "#{7*7}"]
    encoded = [
        f"&lt;script&gt;{RUN}&lt;/script&gt;", f"\u003cscript\u003e{RUN}", f"%3Cscript%3E{RUN}",
        f"&#60;img src=x onerror={RUN}&#62;", f"＜script＞{RUN}＜/script＞",
        f"<scr<script>ipt>{RUN}</scr</script>ipt>", f"<img src=x\x0conerror={RUN}>",
        f"<img/src=x/onerror={RUN}>", f"<img src='x' alt='>' onerror={RUN}>",
        f"<noscript><p title=\"</noscript><img src=x onerror={RUN}>\">",
        f"<listing>&lt;img src=1 onerror={RUN}&gt;</listing>",
        f"<math><mi xlink:href=\"data:x,<script>{RUN}</script>\">",
        f"<template><script>{RUN}</script></template>", f"<plaintext><img src=x onerror={RUN}>",
    ]  # fmt: skip
    yield from itertools.chain(scripts, handlers, links, outs, attributes, templates, encoded)


EVERY = list(payloads())
ALLOWED = frozenset(
    """html head meta title style body a main header p b h1 h2 h3 section nav ul li ol div table
    caption thead tbody tr th td figure figcaption span details summary pre code svg g path text
    tspan rect line circle polyline polygon defs clippath pattern use footer dl dt dd strong br em
    i small desc image ellipse""".split()  # noqa: SIM905
)


def in_chromium(chromium: str, file: Path, html: str) -> str:
    """Load a page without its content security policy, and return what became of it."""
    policy = r"<meta http-equiv=\"?Content-Security-Policy\"?[^>]*>"
    bare, n = re.subn(policy, "", html)
    assert n == (1 if "Content-Security-Policy" in html else 0)
    file.write_text(bare, encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000",
         f"--user-data-dir={file.parent / 'profile'}", "--dump-dom", f"file://{file}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "<html" in done.stdout, done.stderr[-400:]
    return done.stdout


def is_marked(dom: str) -> bool:
    start = re.search(r"<html[^>]*>", dom)
    return start is not None and "data-pwned" in start[0]


def has_only_our_tags(html: str) -> None:
    """Whatever a browser does: no element, handler or address that the templates do not have."""
    from html.parser import HTMLParser

    strays: list[str] = []

    class Look(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in ALLOWED:
                strays.append(tag)
            for name, value in attrs:
                if name.startswith("on") or name in ("srcdoc", "formaction", "background"):
                    strays.append(f"{tag} {name}")
                is_address = name in ("href", "src", "xlink:href", "action")
                scheme = re.match(r"\s*[a-z]+:", (value or "").lower())
                if is_address and scheme and not (value or "").startswith("data:image/"):
                    strays.append(f"{tag} {name}={value}")
                if tag == "meta" and (value or "").lower() == "refresh":
                    strays.append("refresh")

    look = Look()
    look.feed(html)
    look.close()
    assert strays == []


def test_there_are_enough_of_them() -> None:
    assert len(set(EVERY)) >= 100


def test_the_browser_shows_when_something_is_executed(chromium: str, tmp_path: Path) -> None:
    """Without escaping many of them do execute: the search finds what it looks for."""
    for payload in (EVERY[0], f"<img src=x onerror={RUN}>", f"<svg onload={RUN}>"):
        html = f"<!doctype html><html><head><title>x</title></head><body>{payload}</body></html>"
        assert is_marked(in_chromium(chromium, tmp_path / "bare.html", html)), payload


def chunk(words: list[str]) -> Any:
    """A figure, a table and a sentence about groups that are called so."""
    from types import SimpleNamespace

    short = [word[:250] for word in words]
    frame = pd.DataFrame({"unit": short, "people": [140] * len(short), "n": [140] * len(short)})
    roles = {"unit": Role.KEY, "people": Role.COUNT, "n": Role.N}
    units = publish(Result("units", Family.COUNTS, frame, roles), Rules())
    return SimpleNamespace(units=units)


def hostile_page(maker: Any, made: ModuleType, words: list[str]) -> str:
    first = words[0]
    maker.unit = first[:250]
    maker.client = first
    maker.figures = 1
    maker.parameters = {f"p{i}": word for i, word in enumerate(words)}
    maker.population = {"unit": first, "role": words[-1]}
    table = chunk(words).units
    maker.extra = [
        nbformat.v4.new_markdown_cell("## Units\n\nBy name.", id="x1"),
        nbformat.v4.new_code_cell(
            f"# {words[-1]}".replace("\n", " "), id="x2", execution_count=90,
            outputs=[made.display({MIME: made.payload("table", "units", table)})],
        ),
    ]  # fmt: skip
    # Settings have a name of their own; the maker numbers them.
    return page.render(maker(), links=page.Links.within("25_sample"))


def test_no_payload_in_any_text_of_a_page_is_executed(
    maker: Any, made: ModuleType, chromium: str, tmp_path: Path
) -> None:
    """Every payload as a group, a setting and code; some as the client and in a figure."""
    html = hostile_page(maker, made, EVERY)
    has_only_our_tags(html)
    assert not is_marked(in_chromium(chromium, tmp_path / "page.html", html))
    shown = re.sub(r"\s", "", html)
    assert "&lt;script&gt;" in shown
    assert "49" not in re.findall(r"<td>(49)</td>", html)


@pytest.mark.slow
def test_each_payload_as_client_group_and_label(
    maker: Any, made: ModuleType, chromium: str, tmp_path: Path
) -> None:
    for start in range(0, len(EVERY), 3):
        html = hostile_page(maker, made, EVERY[start : start + 3])
        has_only_our_tags(html)
        if start % 15 == 0:
            assert not is_marked(in_chromium(chromium, tmp_path / "page.html", html))


def test_no_payload_in_settings_reasons_or_names_is_executed(
    maker: Any, made: ModuleType, chromium: str, tmp_path: Path
) -> None:
    """The page about the reports, the index and a history, with a failed run's reason."""
    names = list(about.SETTINGS)
    written = []
    for start in range(0, len(EVERY), len(names)):
        some = dict(zip(names, EVERY[start:] + EVERY, strict=False))
        subject = about.Subject(
            some["contact"], False, some["officer"], 100,
            (("event", some["retention"]),), (some["recipients"],), some,
        )  # fmt: skip
        written.append(about.page(subject))
        has_only_our_tags(written[-1])
        assert "<script" not in about.assessment(subject).replace("\\<script", "")
    bodies = [re.search(r"<body>(.*)</body>", html, re.DOTALL) for html in written]
    together = written[0].replace("</body>", "".join(b[1] for b in bodies if b) + "</body>")
    assert not is_marked(in_chromium(chromium, tmp_path / "about.html", together))
    reports = tmp_path / "reports"
    for i, word in enumerate(EVERY[::6]):
        place = Place.of(reports, word, "25_sample", {"as_of": "2025-07-01", "unit": word})
        facts = json.loads(
            json.dumps(maker.all_facts(made.course(), made.coverage(), made.checks()))
        )
        facts["report"] |= {"client": word, "parameters": {"unit": word}}
        facts["headline"]["title"] = facts["headline"]["decision"] = word
        place.publish("<!doctype html><html></html>\n", facts)
        if i % 2:
            place.mark_failed(word)
    index.build(reports, today=datetime.date(2025, 7, 2))
    pages = [reports / "index.html", *sorted(reports.rglob("*.history.html"))]
    assert len(pages) > 10
    for path in pages:
        has_only_our_tags(path.read_text(encoding="utf-8"))
    for path in pages[:2]:
        html = path.read_text(encoding="utf-8")
        assert not is_marked(in_chromium(chromium, tmp_path / "index.html", html))


def test_names_of_folders_and_files_stay_plain(tmp_path: Path) -> None:
    for word in EVERY:
        place = Place.of(tmp_path, word, "25_sample", {"as_of": "2025-07-01", "unit": word})
        parts = place.page.relative_to(tmp_path).parts
        assert len(parts) == 3
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", part) for part in parts), parts
