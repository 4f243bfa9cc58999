"""Words of the frame: all in one file a language, and a translation says the same things."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from ldresearch.report import frame, index
from ldresearch.report._html import said_of
from ldresearch.wording import ENGLISH, LOCALES, written_in

REPORT = Path(str(resources.files("ldresearch.report")))
PAGES = sorted((REPORT / "templates").glob("*.j2"))
KEY = re.compile(r"""["']([a-z]+\.(?!html\b|css\b)[a-z_]+)["']""")
NOT_TRANSLATED = "about.html.j2"
"""What counsel reads as well; its sentences stand in ``about.py``."""


def forms(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said.values())


def braces(said: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(said) if name is not None}


def faults(own: frame.Words) -> list[str]:
    """Say where a translation is not one of the English words."""
    found = []
    for key, said in own.items():
        english = frame.words(ENGLISH).get(key)
        if english is None:
            found.append(f"{key}: not in en.toml")
        elif isinstance(said, str) != isinstance(english, str) or (
            not isinstance(said, str) and set(said) != {"one", "many"}
        ):
            found.append(f"{key}: other forms")
        else:
            wanted = set().union(*map(braces, forms(english)))
            # "one" may leave the number out: "the check".
            missing = [f for f in forms(said) if not wanted - {"n"} <= braces(f) <= wanted]
            found += [f"{key}: other braces: {text}" for text in missing]
    return found


def test_every_key_that_is_used_is_there_and_no_other() -> None:
    tables = {key.partition(".")[0] for key in frame.words(ENGLISH)}
    used = {
        key
        for path in [*REPORT.glob("*.py"), *PAGES]
        for key in KEY.findall(path.read_text(encoding="utf-8"))
        if key.partition(".")[0] in tables
    }
    assert used == set(frame.words(ENGLISH))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_template_holds_words_of_its_own(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == NOT_TRANSLATED:
        text = text[text.index('<footer class="foot">') :]
    labels = re.findall(r'(?:aria-label|title|alt)="([^"{]+)"', text)
    shown = re.sub(r"\{[{%].*?[}%]\}|<[^>]*>", " ", text, flags=re.DOTALL)
    assert (re.findall(r"\w\w+", shown), labels) == ([], [])


def test_english_is_whole() -> None:
    assert faults(frame.words(ENGLISH)) == []


@pytest.mark.parametrize("locale", sorted({*LOCALES} - {ENGLISH}))
def test_a_translation_says_what_english_says(locale: str) -> None:
    assert faults(frame.words(locale)) == []


def test_every_file_is_named_by_a_locale() -> None:
    assert {path.stem for path in (REPORT / "frame").glob("*.toml")} <= {*LOCALES}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("page.no_such", "So"), ("quality.passed", "Alle {n}"), ("page.skip", {"one": "Zu"}),
        ("page.as_of", "Stand: <b>heute</b>."), ("page.as_of", "Stand: {day}, {client}."),
        ("quality.passed", {"one": "Eine.", "few": "{n}"}),
    ],
)  # fmt: skip
def test_a_fault_in_a_translation_is_found(key: str, said: Any) -> None:
    assert faults({key: said})


def test_what_is_filled_in_is_escaped_and_marks_are_kept() -> None:
    assert said_of("page.only", population="<i>R&D</i> 3 days") == (
        "Only <b>&lt;i&gt;R&amp;D&lt;/i&gt; 3\u00a0days</b>."
    )


def test_a_translation_is_a_file_and_what_it_lacks_is_english(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = {
        "index.title": "Berichte der Lernforschung", "links.all": "Alle Berichte",
        "digest.title": "{told} seit {day}",
    }  # fmt: skip
    english = frame.words(ENGLISH)
    monkeypatch.setattr(frame, "words", lambda name: {"en": english, "de": own}.get(name, {}))
    with written_in("fr"):
        assert (frame.language(), frame.say("links.all")) == ("en", "All reports")
    for locale, said in (("de", "Berichte der Lernforschung"), ("", "Learning research reports")):
        html = index.build(tmp_path, today=date(2025, 7, 3), locale=locale).read_text("utf-8")
        assert f'<html lang="{locale or "en"}">' in html
        assert f"<h1>{said}</h1>" in html
        assert "No report has been published yet." in html
    index.build(tmp_path, today=date(2025, 7, 3), locale="de")
    digest = (tmp_path / "digest.html").read_text("utf-8")
    assert "Nothing new seit 26.\u00a0Juni\u00a02025" in digest
    assert ">Alle Berichte</a>" in digest
