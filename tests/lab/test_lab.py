"""What a person sees in JupyterLab: the welcome, a figure, a page by the menu, light and dark.

On demand: `pip install -e '.[browser]'`, then `pytest -m slow tests/lab`. With PICTURES naming a
folder, what was seen is left there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ldresearch.report import page as pages

pytestmark = pytest.mark.slow

READY_MS = 120_000
RUN_MS = 300_000
CONTRAST = 4.5
"""WCAG 2.2 AA for text of ordinary size."""

FAILED = "[data-mime-type*=error], [data-mime-type*=stderr]"
PROMPTS = ".jp-Notebook .jp-CodeCell .jp-InputPrompt"
STATUS = ".jp-Notebook-ExecutionIndicator"
SAID = f"""[...document.querySelectorAll("{PROMPTS}")].map(e => e.textContent)"""
BEGUN = f"() => {SAID}.some(s => /[\\d*]/.test(s))"
ENDED = f"() => {SAID}.every(s => /\\d/.test(s)) || !!document.querySelector('{FAILED}')"
"""Every code cell has a number, or one has an error."""

CONTRASTS = """() => {
  const parts = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const paper = e => { for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('.jp-OutputArea-output *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(e => e.getClientRects().length)
    .map(e => { const [a, b] = [parts(getComputedStyle(e).color), paper(e)].map(light);
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.textContent.slice(0, 40)]; });
}"""
"""Contrast of each piece of text below a cell, and the piece."""


@pytest.fixture
def tab(browser: Any, lab: Any) -> Iterator[Any]:
    """The page that JupyterLab opens; what it asks of other machines is refused and kept."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.asked_elsewhere = []

    def here(route: Any) -> None:
        is_here = route.request.url.startswith(("http://localhost:", "http://127.0.0.1:"))
        if not is_here:
            page.asked_elsewhere.append(route.request.url)
        (route.continue_ if is_here else route.abort)()

    context.route(lambda url: url.startswith("http"), here)
    page.goto(lab.address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=READY_MS)
    yield page
    keep(page, "last")
    context.close()


def keep(page: Any, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def whole(page: Any) -> None:
    """Make the window as high as a notebook: what is out of sight is not drawn."""
    page.set_viewport_size({"width": 1280, "height": 9000})
    counts: list[int] = []
    while len(counts) < 90 and (len(counts) < 5 or len(set(counts[-5:])) > 1):
        page.wait_for_timeout(1000)
        counts.append(page.locator(".jp-Notebook .jp-Cell, .jp-OutputArea-output").count())


def choose(page: Any, *words: str) -> None:
    """Go through a menu as a hand does."""
    page.click(f".lm-MenuBar-itemLabel:text-is('{words[0]}')")
    for word in words[1:-1]:
        page.hover(f".lm-Menu-itemLabel:text-is('{word}')")
    page.click(f".lm-Menu-itemLabel:text-is('{words[-1]}')")


def open_notebook(page: Any, path: str) -> None:
    """Open a notebook by its path below the root, alone."""
    root = page.url.split("/lab")[0]
    page.goto(f"{root}/lab/tree/{path}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=READY_MS)
    page.wait_for_function(
        "name => document.querySelector('.jp-mod-current')?.textContent.includes(name)"
        " && document.querySelectorAll('.jp-Notebook').length === 1",
        arg=path.rpartition("/")[2],
        timeout=READY_MS,
    )


def run_all(page: Any) -> None:
    """Choose it as often as it takes: while a kernel is starting a command may be lost."""
    for _ in range(10):
        page.wait_for_selector(f"{STATUS}[data-status='idle']", timeout=READY_MS)
        page.wait_for_timeout(1000)
        choose(page, "Run", "Run All Cells")
        page.wait_for_timeout(3000)
        if page.evaluate(BEGUN):
            break
    page.wait_for_function(ENDED, timeout=RUN_MS)


def errors(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(FAILED, "e => e.map(x => x.textContent)")
    return found


def figures(page: Any) -> list[tuple[int, int]]:
    """Width in its own dots and on the screen of each picture below a cell."""
    sizes = page.eval_on_selector_all(
        ".jp-OutputArea-output img", "e => e.map(x => [x.naturalWidth, x.clientWidth])"
    )
    return [tuple(size) for size in sizes]


def test_welcome_runs_to_its_end_and_shows_a_figure(tab: Any) -> None:
    assert tab.url.endswith("welcome.ipynb")
    whole(tab)
    run_all(tab)
    assert errors(tab) == []
    assert [natural > 300 and seen > 300 for natural, seen in figures(tab)] == [True]
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        if "Dark" in theme:
            choose(tab, "Settings", "Theme", theme)
            tab.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
        keep(tab, f"welcome-{theme.split()[1].lower()}")
        seen = tab.evaluate(CONTRASTS)
        assert len(seen) > 50
        assert [text for ratio, text in seen if ratio < CONTRAST] == [], theme
    assert tab.asked_elsewhere == []
    assert not tab.get_by_text("Jupyter news").is_visible()


@pytest.mark.parametrize(
    "name",
    ["1_first_study", "2_from_spells_to_a_decision", "3_an_analysis_of_your_own"],
)
def test_tutorials_run_to_their_end(tab: Any, name: str) -> None:
    open_notebook(tab, f"notebooks/tutorials/{name}.ipynb")
    whole(tab)
    run_all(tab)
    assert errors(tab) == []
    keep(tab, name)


def test_the_menu_makes_the_page(tab: Any, lab: Any) -> None:
    """What the menu saves is what the package draws from the same notebook."""
    open_notebook(tab, "notebooks/20_adoption.ipynb")
    run_all(tab)
    assert errors(tab) == []
    choose(tab, "File", "Save Notebook")
    # JupyterLab saves what is not saved before it exports; a browser opens no window long after a
    # click.
    tab.wait_for_selector(".jp-mod-dirty", state="detached", timeout=READY_MS)
    wanted = "/nbconvert/ldresearch/notebooks/20_adoption.ipynb"
    with tab.context.expect_event(
        "request", lambda request: wanted in request.url, timeout=READY_MS
    ) as asked:
        choose(tab, "File", "Save and Export Notebook As", "Ldresearch")
    # What the browser asks for, with its own cookies.
    saved = tab.context.request.get(asked.value.url, headers={"Referer": tab.url}, timeout=READY_MS)
    assert saved.headers["content-disposition"].startswith("attachment;")
    html = saved.text()
    notebook = nbformat.read(lab.study / "notebooks" / "20_adoption.ipynb", as_version=4)
    assert html == pages.render(notebook)
    assert "<h1>" in html


def test_a_notebook_that_a_run_left_shows_its_figures(tab: Any, lab: Any) -> None:
    """JupyterLab does not trust it, since it did not run it."""
    command = "from ldresearch.cli import main; main()"
    said = subprocess.run(
        [sys.executable, "-c", command, "run", "adoption", "--data", "demo/harbour",
         "--as-of", "2025-07-01", "--quiet"],
        cwd=lab.study, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    [executed] = (lab.study / "data" / "runs").glob("*/executed.ipynb")
    html = Path(said.split()[0]).read_text(encoding="utf-8")
    open_notebook(tab, executed.relative_to(lab.study).as_posix())
    whole(tab)
    keep(tab, "run")
    shown = figures(tab)
    assert len(shown) == html.count('<div class="wide">') > 2
    assert all(natural > 300 and seen > 300 for natural, seen in shown)
    assert tab.asked_elsewhere == []
    assert pages.render(nbformat.read(executed, as_version=4)).count("<svg") == html.count("<svg")
