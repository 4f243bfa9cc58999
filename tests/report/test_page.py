"""What a page holds, what it never holds, and when there is none."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ldresearch import study
from ldresearch.errors import DisclosureError, RunError
from ldresearch.privacy.gate import MIME
from ldresearch.report import _content, page
from ldresearch.report._html import templates
from ldresearch.result import Rules
from ldresearch.tables import Col, Table
from ldresearch.tables import study as tables

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "path", "circle"}
LEFT_OPEN = {"tr", "th", "td", "thead", "tbody", "li", "p", "dt", "dd"}


class Outline(HTMLParser):
    """Tags, their attributes and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID | LEFT_OPEN:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID | LEFT_OPEN:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def raw_outputs(made: Any) -> list[Any]:
    canary = made.CANARY
    v4 = nbformat.v4
    pixels = "aGVsbG8" + canary
    return [
        v4.new_output("stream", name="stdout", text=f"printed {canary}"),
        v4.new_output("stream", name="stderr", text=f"warned {canary}"),
        v4.new_output("execute_result", execution_count=9, data={
            "text/html": f"<table><tr><td>{canary}</table>", "text/plain": f"df.head() {canary}"}),
        v4.new_output("display_data", data={"image/png": pixels, "image/svg+xml": canary}),
        v4.new_output("display_data", data={"text/html": f"<script>{canary}</script>"}),
        v4.new_output("display_data", data={"text/latex": f"${canary}$", "text/markdown": canary}),
        v4.new_output("display_data", data={"application/javascript": f"alert('{canary}')"}),
        v4.new_output("display_data", data={"application/vnd.other+json": {"who": canary}}),
        v4.new_output("error", ename="KeyError", evalue=canary, traceback=[canary]),
    ]  # fmt: skip


def test_nothing_raw_reaches_the_page(maker: Any, made: Any) -> None:
    maker.extra = [
        nbformat.v4.new_code_cell("df.head()", id="raw", execution_count=1,
                                  outputs=raw_outputs(made),
                                  metadata={"tags": ["raises-exception"], "who": made.CANARY})
    ]  # fmt: skip
    notebook = maker()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):  # what JupyterLab shows beside a payload
                output["data"] |= {"text/plain": made.CANARY, "image/png": made.CANARY}
    html = page.render(notebook)
    assert made.CANARY not in html
    assert "df.head()" in html  # the code itself is shown


def test_has_no_script_and_loads_nothing(maker: Any) -> None:
    html = page.render(maker())
    outline = Outline(html)
    assert not {"script", "link", "iframe", "object", "img", "base"} & {t for t, _ in outline.tags}
    loads = re.compile(r"@import|url\((?!#)|https?:|\bsrc=|\bon[a-z]+=|javascript:", re.IGNORECASE)
    assert not loads.findall(html)
    [policy] = [a["content"] for t, a in outline.tags if a.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_is_a_whole_document(maker: Any) -> None:
    html = page.render(maker())
    outline = Outline(html)
    assert outline.open == []
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert outline.count("h1") == outline.count("main") == 1
    assert ("a", {"class": "skip", "href": "#main"}) in outline.tags
    assert outline.count("table") == outline.count("caption") >= 6
    assert all(a.get("scope") in ("col", "row") for t, a in outline.tags if t == "th")
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    svgs = [a for t, a in outline.tags if t == "svg"]
    assert len(svgs) == 2 * 3  # one for screens, one for telephones
    for svg in svgs:
        assert svg["role"] == "img"
        assert set(str(svg["aria-labelledby"]).split()) <= set(ids)


def test_keeps_the_order_of_a_page(maker: Any) -> None:
    html = page.render(maker())
    marks = [
        "Three in four of those", "started within 60", "What to do", "How good are the data?",
        "When do people start?", "Who are they?", "May we trust it?", "Method, limits, references",
        "How this page was made", "Nobody is named here",
    ]  # fmt: skip
    body = html[html.index("<body>") :]
    places = [body.index(mark) for mark in marks]
    assert places == sorted(places)


def test_says_what_is_in_the_payload(maker: Any) -> None:
    text = Outline(page.render(maker())).text.replace("\u00a0", " ")
    for said in ("75 %", "95 % interval 70 to 80 %", "about 400 people", "1 July 2025",
                 "1 July 2024 to 30 June 2025", "window 60 days",
                 "fewer than 10 people is hidden", "2 numbers are hidden", "fewer than 10",
                 "380 people were followed", "Counted by week of first value.",
                 "Days within which a start counts."):  # fmt: skip
        assert said in text, said


def test_is_small_and_the_same_each_time(maker: Any) -> None:
    html = page.render(maker())
    assert len(html.encode()) <= 60_000
    assert page.render(copy.deepcopy(maker())) == html


def test_is_the_same_in_another_process(maker: Any, tmp_path: Path, root: Path) -> None:
    """Hash seeds and locales of a process leave no mark."""
    folder = tmp_path / "tests"
    folder.mkdir()
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('c', sys.argv[1]);"
        "m = u.module_from_spec(s); sys.modules['c'] = m; s.loader.exec_module(m);"
        "import pytest; p = pytest.MonkeyPatch(); f = getattr(m.sample, '__wrapped__', None);"
        "(f or m.sample._get_wrapped_function())(p);"
        "from ldresearch.report import page; sys.stdout.write(page.render(m.Maker()()))"
    )
    here = page.render(maker())
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code, str(root / "tests" / "report" / "conftest.py")],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode("utf-8") == here


def test_hostile_words_stay_words(maker: Any, made: Any) -> None:
    maker.unit = maker.client = made.HOSTILE
    maker.population = {"unit": made.HOSTILE}
    maker.parameters = {"window_days": 60, "by": made.HOSTILE}
    maker.extra = [
        nbformat.v4.new_markdown_cell(f"## {made.HOSTILE}\n\n<b onclick='x()'>raw</b> "
                                      "[a](javascript:alert(1)) ![p](https://x.test/p.png) "
                                      "[paper](https://doi.org/10.1)", id="x"),
        nbformat.v4.new_code_cell(f"'{made.HOSTILE}'", id="y", execution_count=1),
    ]  # fmt: skip
    html = page.render(maker())
    outline = Outline(html)
    assert outline.open == []
    assert outline.count("script") == 0
    assert outline.count("img") == 0
    assert not [a for _, a in outline.tags if any(k.startswith("on") for k in a)]
    away = [a for t, a in outline.tags if t == "a" and "//" in str(a.get("href"))]
    assert away == [{"href": "https://doi.org/10.1", "rel": "noreferrer noopener"}]
    assert "javascript:" not in html


def test_marks_a_check_that_did_not_pass(maker: Any) -> None:
    good = page.render(maker())
    assert "The check passed." in good
    maker.status = "not passed"
    bad = page.render(maker())
    assert '<section class="box warn" aria-labelledby="quality">' in bad
    assert "Not passed: Followed for long enough." in bad.replace("</b>", "")
    assert "✗ Not passed" in bad
    assert "(wanted: 300)" in bad


def test_what_is_shown_beside_the_checks_stands_beside_them(maker: Any, made: Any) -> None:
    notebook = maker()
    cell = next(c for c in notebook.cells if c.source == "run.checks(c)")
    cell.outputs.insert(0, made.display({MIME: made.payload("table", "units", made.units())}))
    html = page.render(notebook)
    assert html.count("May we trust it?") == 1
    trust = html[html.index('id="trust"') :]
    assert trust.index("Sales is the largest unit.") < trust.index("✓ Passed")


def test_says_the_change_since_the_last_run(maker: Any, made: Any) -> None:
    main, seen, judged = made.course(), made.coverage(), made.checks()
    before = maker.all_facts(main, seen, judged)
    before["report"]["as_of"] = "2025-06-01"
    fact = before["headline"]["cards"][0] | {"value": 0.6, "low": 0.55, "high": 0.65}
    before["headline"]["cards"], before["facts"] = [fact], [fact]
    html = page.render(maker(), previous=before).replace("\u00a0", " ")
    assert "up 15 points, which is better" in html
    assert "since the report of 1 June 2025" in html
    before["report"]["parameters"]["window_days"] = 90
    assert "not compared: other settings" in page.render(maker(), previous=before)


def test_links_lead_to_neighbours_and_index_only_if_given(maker: Any) -> None:
    assert "<nav" not in page.render(maker())
    links = page.Links.within("25_sample", previous="2025-06-01")
    html = page.render(maker(), links=links)
    assert 'href="../2025-06-01/25_sample.html"' in html
    assert 'href="../../index.html"' in html
    assert 'href="../25_sample.history.html"' in html
    assert "Next run" not in html


def test_a_result_without_data_is_said_not_drawn(maker: Any, made: Any) -> None:
    empty = made.units("nobody has a unit")
    maker.extra = [
        nbformat.v4.new_markdown_cell("## And the units?", id="e1"),
        nbformat.v4.new_code_cell("run.figure('units', e)", id="e2", execution_count=1, outputs=[
            made.display({MIME: made.payload("sentence", "units", empty)})]),
    ]  # fmt: skip
    html = page.render(maker())
    assert "Units cannot be compared: nobody has a unit." in html
    assert 'class="lead missing"' in html


def test_code_is_shown_without_what_a_runner_put_in(maker: Any, made: Any) -> None:
    html = page.render(maker())
    assert "run = ldr.begin(&#39;25_sample&#39;, globals())" in html
    assert made.CANARY not in html


@pytest.mark.parametrize(
    "source", ["x = '0123456789abcdef0123456789abcdef'", "who = 'a.b@example.org'"]
)
def test_code_that_names_a_person_is_refused(maker: Any, source: str) -> None:
    maker.extra = [nbformat.v4.new_code_cell(source, id="x", execution_count=1)]
    with pytest.raises(DisclosureError, match="key or address"):
        page.render(maker())


def test_a_blank_cell_heads_no_row_and_an_empty_table_is_a_sentence() -> None:
    make = templates().get_template("macros.html.j2").module
    columns = (Col("unit", is_header=True), Col("note", is_header=True), Col("people", "right"))
    drawn = str(make.table(Table("Notes", columns, (("Sales", "", "140"),))))
    assert "<th scope=row>Sales<td><td>140" in drawn
    empty = str(make.table(Table("Notes", columns, ())))
    assert "<table" not in empty
    assert "Notes: nothing to list." in empty


# No page ------------------------------------------------------------------------------------


def forged(made: Any, change: Any) -> Any:
    body = made.payload("figure", "course", made.course())
    change(body)
    return nbformat.v4.new_code_cell("forged", id="f", execution_count=1,
                                     outputs=[made.display({MIME: body})])  # fmt: skip


FORGERIES = {
    "public in a private run": lambda b: b["published"][0]["rules"].__setitem__(2, True),
    "few people": lambda b: b["published"][0]["rows"][0].__setitem__(5, 3),
    "a person's column": lambda b: b["published"][0]["columns"][0].__setitem__(0, "person_key"),
    "a pseudonym": lambda b: b["published"][0]["rows"][0].__setitem__(0, "ab" * 16),
    "unknown kind": lambda b: b.__setitem__("kind", "html"),
    "another field": lambda b: b.__setitem__("html", "<b>x</b>"),
    "rows that are no rows": lambda b: b["published"][0].__setitem__("rows", 7),
    "no rules": lambda b: b["published"][0].__setitem__("rules", None),
    "unknown family": lambda b: b["published"][0].__setitem__("family", "people"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_output_means_no_page(maker: Any, made: Any, name: str) -> None:
    maker.extra = [forged(made, FORGERIES[name])]
    with pytest.raises(DisclosureError) as refused:
        page.render(maker())
    assert "ab" * 16 not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.update(stem="nowhere"),
        lambda b: b.update(view="nothing"),
        lambda b: b.update(view="broken"),
    ],
)
def test_an_unknown_or_broken_view_means_no_page(maker: Any, made: Any, change: Any) -> None:
    maker.extra = [forged(made, change)]
    with pytest.raises(RunError) as refused:
        page.render(maker())
    assert made.CANARY not in str(refused.value)


def test_a_check_without_words_means_no_page(maker: Any, made: Any) -> None:
    maker.extra = [
        nbformat.v4.new_code_cell("run.checks(c)", id="x", execution_count=1, outputs=[
            made.display({MIME: made.payload("checks", "checks", made.checks(check="other"))})])
    ]  # fmt: skip
    with pytest.raises(RunError, match="without words"):
        page.render(maker())


def not_run(notebook: Any) -> None:
    notebook.cells[5]["execution_count"] = None


def failed(notebook: Any) -> None:
    notebook.cells[5]["outputs"].append(
        nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=["x"])
    )


def no_facts(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code" and "finish" in cell.source:
            cell["outputs"] = []


@pytest.mark.parametrize("spoil", [not_run, failed, no_facts])
def test_a_run_that_did_not_end_means_no_page(maker: Any, spoil: Any) -> None:
    notebook = maker()
    spoil(notebook)
    with pytest.raises(RunError):
        page.render(notebook)


def test_no_finding_means_no_page(maker: Any) -> None:
    maker.finding = False
    with pytest.raises(RunError, match="one finding"):
        page.render(maker())


def lie_value(facts: dict[str, Any]) -> dict[str, Any]:
    facts["headline"]["cards"][0]["value"] = 0.99
    return facts


def lie_small(facts: dict[str, Any]) -> dict[str, Any]:
    facts["facts"].append(facts["facts"][0] | {"label": "Legal", "n": 3})
    return facts


def lie_coverage(facts: dict[str, Any]) -> dict[str, Any]:
    facts["coverage"][0][1] = "2020-01-01"
    return facts


@pytest.mark.parametrize("lie", [lie_value, lie_small, lie_coverage])
def test_facts_that_were_not_published_mean_no_page(maker: Any, lie: Any) -> None:
    maker.facts = lie
    with pytest.raises(DisclosureError, match="facts"):
        page.render(maker())


def test_facts_that_tell_another_finding_mean_no_page(maker: Any) -> None:
    def lie(facts: dict[str, Any]) -> dict[str, Any]:
        facts["headline"]["title"] = "All is well"
        return facts

    maker.facts = lie
    with pytest.raises(RunError, match="another finding"):
        page.render(maker())


def test_public_data_say_so(maker: Any) -> None:
    maker.rules = Rules(k=1, base=1, public=True)
    assert "public or synthetic" in page.render(maker())


def test_facts_have_the_type_the_study_gives_them() -> None:
    assert _content.FACTS_MIME == study.FACTS_MIME


# In a browser -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_sideways_scroll(maker: Any, chromium: str, tmp_path: Path, width: int) -> None:
    """The page stands in a frame as wide as a telephone; the frame tells how wide it became."""
    maker.unit = "A department with a rather long name, and then some more of it"
    html = json.dumps(page.render(maker())).replace("</", "<\\/")
    holder = tmp_path / "holder.html"
    holder.write_text(
        f"<body><script>const f = document.createElement('iframe'); f.width = {width};"
        f"f.height = 800; f.style.border = 0; f.srcdoc = {html}; f.onload = () => {{"
        "const d = f.contentDocument; for (const e of d.querySelectorAll('details')) e.open = true;"
        "document.title = d.documentElement.scrollWidth + ' ' + d.querySelectorAll('svg').length;"
        "}; document.body.append(f);</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", holder.as_uri()],
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
    assert found, done.stderr[-500:]
    assert int(found[2]) == 6
    assert int(found[1]) <= width


def test_a_day_of_the_coverage_has_no_rows_and_is_written_as_days_are(made: Any) -> None:
    rows = {row[0]: row[1:3] for row in tables.coverage(made.coverage()).rows}
    assert rows["first day"] == ("1 July 2024", "–")
    assert rows["events"][0] == ""
    assert "fewer" not in rows["last day"][1]


@pytest.mark.parametrize(
    ("release", "told"),
    [
        ({"people_as_of": "2025-07-01", "version": 1}, []),
        ({"people_as_of": "2025-06-01", "version": 1}, ["have joined"]),
        ({"version": 2, "changed": ["key"]}, ["pseudonym key"]),
        ({"version": 3, "changed": ["rules", "key"]}, ["pseudonym key", "other rules"]),
        ({"version": 2}, ["other rules"]),
    ],
)
def test_a_page_says_whom_it_counts_and_what_changed_since_the_earlier_ones(
    release: dict[str, Any], told: list[str]
) -> None:
    facts = {"report": {"as_of": "2025-07-01"}, "rules": {"k": 10, "base": 5}, "release": release}
    said = page.release_said(facts)
    assert len(said) == len(told)
    for sentence, word in zip(said, told, strict=True):
        assert word in sentence
