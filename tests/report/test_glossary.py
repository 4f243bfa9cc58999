"""Words that a reader may not know: which stand on a page, and that none goes unexplained."""

from __future__ import annotations

import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ldresearch import glossary
from ldresearch.report import index, page
from ldresearch.vocabulary import metrics

JARGON = (
    "95 % interval", "activation rate", "as-of date", "average precision", "Bass", "bootstrap",
    "censored", "cohort", "competing risk", "confidence sequence", "covariate",
    "cumulative incidence", "difference in differences", "doubly robust", "eligible", "E-value",
    "event study", "first value", "four fifths", "funnel", "hazard", "hazard ratio", "held out",
    "heterogeneity", "Holm", "horizon", "ICC", "intention to treat", "intraclass", "Jaccard",
    "Kaplan-Meier", "kappa", "likelihood", "MDE", "median", "NDCG", "net promoter", "off-policy",
    "p value", "person-weeks", "pooled", "propensity", "randomised", "readiness", "recall",
    "regression", "restricted mean", "retention", "return on investment", "RFM", "RMST",
    "self-normalised", "self-started", "shrunk", "skill gap", "spell", "standard error",
    "stickiness", "uplift", "value event", "variance",
)  # fmt: skip


def test_a_page_lists_the_words_on_it_and_no_others(maker: Any, made: Any) -> None:
    html = page.render(maker())
    listed = re.findall(r"<dt>(.*?)</dt>", html[html.index("Words on this page") :])
    assert "interval" in listed
    assert "hazard" not in listed
    assert listed == sorted(listed, key=str.casefold)
    assert f"What {len(listed)} of them mean" in html


def test_words_in_code_and_in_a_longer_word_are_no_words() -> None:
    assert glossary.found("intervals") == glossary.found("an INTERVAL.")
    assert glossary.found("intervallic, already, powerful") == ()


def test_every_word_is_explained_in_other_words_and_once() -> None:
    known = [one.word for one in glossary.words()]
    forms = [f.casefold() for one in glossary.words() for f in (one.word, *one.forms)]
    assert len(set(known)) == len(known)
    assert len(set(forms)) == len(forms)
    for one in glossary.words():
        assert 20 < len(one.said) <= 200, one.word
        assert one.said[0].isupper()
        assert one.said.endswith(".")


def prose(root: Path) -> str:
    """Everything that may be read on a page: views, methods, notebooks, names of metrics."""
    package = root / "src" / "ldresearch"
    parts = [p.read_text("utf-8") for r in ("sentences", "tables", "models")
             for p in sorted((package / r).glob("*.py"))]  # fmt: skip
    for file in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        cells = json.loads(file.read_text("utf-8"))["cells"]
        parts += ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    parts += [metric.label for metric in metrics().values()]
    return " ".join(" ".join(parts).casefold().split())


@pytest.fixture(scope="module")
def read(root: Path) -> str:
    return prose(root)


@pytest.mark.parametrize("word", JARGON)
def test_jargon_that_pages_use_has_an_entry(read: str, word: str) -> None:
    if re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", read):
        assert glossary.found(word), f"glossary.toml does not explain {word}"


def test_the_index_and_what_hangs_on_it_explain_their_words(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    facts = maker.all_facts(made.course(), made.coverage(), made.checks())
    path = tmp_path / "harbour" / "2025-07-01" / "25_sample.facts.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(facts), encoding="utf-8")
    index.build(tmp_path, today=date(2025, 7, 3))
    for name in ("index.html", "digest.html", "harbour/25_sample.history.html"):
        html = (tmp_path / name).read_text("utf-8")
        body, _, end = html[html.index("<body>") :].partition("<h2>Words on this page")
        expected = [one.word for one in glossary.found(unescape(re.sub(r"<[^>]*>", " ", body)))]
        assert re.findall(r"<dt>(.*?)</dt>", end) == expected, name
    assert "<dt>interval</dt>" in (tmp_path / "index.html").read_text("utf-8")
    assert "<script" not in html
