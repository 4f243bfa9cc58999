"""Numbers and dates as readers of other countries write them, everywhere on a page."""

from __future__ import annotations

import json
import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldresearch import cli, places, study, wording
from ldresearch.errors import ParameterError
from ldresearch.figures import style, svg
from ldresearch.report import index, page
from ldresearch.report._html import lead, typeset
from ldresearch.result import Estimate
from ldresearch.run.study_folder import lay_out
from ldresearch.sentences import words
from ldresearch.wording import LOCALES, written_in
from ldresearch.worlds import organisation

ENGLISH = re.compile(
    r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])"  # 1,234
    r"|(?<![\d.,])\d+\.\d(?!\d{2}(?!\d))\d*(?![\d.])"  # 0.5, but not 1.234
    r"|\d (?:January|February|March|May|June|July|October|December)\b"
)


def seen(html: str) -> str:
    """What a reader reads: no code, no versions, no coordinates."""
    body = html[html.index("<body>") : html.index("How this page was made")]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def seen_in(html: str) -> str:
    return " ".join(unescape(html).split())


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ["12,345.5", "1.23", "1,234.50", "1 May 2026", "May 2026", "2 May", "−1,235"]),
        ("de", ["12.345,5", "1,23", "1.234,50", "1. Mai 2026", "Mai 2026", "2. Mai", "−1.235"]),
        ("fr", ["12 345,5", "1,23", "1 234,50", "1er mai 2026", "mai 2026", "2 mai", "−1 235"]),
    ],
)
def test_numbers_and_dates(locale: str, said: list[str]) -> None:
    with written_in(locale):
        found = [
            wording.number(12345.5, 6), wording.number(1.2345), wording.fixed(1234.5, 2),
            wording.date("2026-05-01"), wording.short_month(date(2026, 5, 1)),
            wording.short_day(date(2026, 5, 2)), wording.fixed(-1234.6),
        ]  # fmt: skip
    assert [" ".join(one.split()) for one in found] == said
    assert wording.number(0.5) == "0.5"  # what is written in ends with the block


@given(st.floats(-1, 1), st.sampled_from(["index", "ratio", "", "hours"]))
def test_no_measured_number_is_told_finer_than_a_thousandth(x: float, unit: str) -> None:
    """Neither alone nor as an end of an interval; nothing but zero is told as zero."""
    said = words.value(x, unit)
    low, high = sorted((x, x / 3))
    ends = words.interval(Estimate("x", x, low, high, 100, unit))
    assert not re.search(r"0\.000", said + ends)
    assert bool(re.match(r"0(\s|$)", said)) == (x == 0)
    assert ("under" in said) == (0 < x < 0.001)


def test_each_locale_names_twelve_months_and_signs_that_differ() -> None:
    for one in LOCALES.values():
        assert len(set(one.months)) == len(set(one.short_months)) == 12
        assert one.thousands != one.decimal
    with pytest.raises(ParameterError, match="no such locale"):
        wording.checked_locale("tlh")


def test_no_sentence_ends_after_a_german_day() -> None:
    with written_in("de"):
        said = f"Decide by {wording.date('2026-05-31')} at the latest. Then look again."
    assert lead(said)[1] == "Then look again."
    assert typeset(said).count("\u00a0") == 2


def test_a_page_is_written_in_the_locale_of_its_run(maker: Any) -> None:
    english = page.render(maker())

    def german(facts: dict[str, Any]) -> dict[str, Any]:
        facts["provenance"]["locale"] = "de"
        return facts

    maker.facts = german
    html = page.render(maker())
    assert html == page.render(maker())
    assert "1. Juli 2025" in seen(html)
    assert "12.000 events" in seen(html)
    assert "12,000 events" in seen(english)
    # What the sample's own sentences say as they stand is theirs.
    assert set(ENGLISH.findall(seen(html))) <= {"1 August"}
    maker.facts = lambda facts: facts | {"provenance": {**facts["provenance"], "locale": "xx"}}
    with pytest.raises(ParameterError, match="no such locale"):
        page.render(maker())


def test_ticks_that_no_view_writes_follow_too() -> None:
    def drawn() -> str:
        ax = style.axes()
        ax.set_xlim(0, 1)
        ax.set_ylim(2000, 2004)
        return svg.render(ax, title="", desc="", prefix="f")

    with written_in("de"):
        assert "0,2</text>" in drawn()
        assert "2002</text>" in drawn()  # as years are written
    assert "0.2</text>" in drawn()


def test_the_index_takes_the_locale_of_the_newest_report(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    facts = maker.all_facts(made.course(), made.coverage(), made.checks())
    facts["provenance"]["locale"] = "fr"
    path = tmp_path / "harbour" / "2025-07-01" / "25_sample.facts.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(facts), encoding="utf-8")
    for locale, said in (("", "1er\u00a0juillet\u00a02025"), ("en", "1\u00a0July\u00a02025")):
        made_at = index.build(tmp_path, today=date(2025, 7, 3), locale=locale)
        assert said in made_at.read_text("utf-8")


def test_a_study_has_a_locale_of_its_own(
    tmp_path: Path, maker: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "acme")
    monkeypatch.chdir(tmp_path / "acme" / "notebooks")
    mark = tmp_path / "acme" / places.MARK
    path = tmp_path / "acme" / "reports" / "harbour" / "2025-07-01" / "25_sample.facts.json"
    path.parent.mkdir(parents=True)
    facts = maker.all_facts(made.course(), made.coverage(), made.checks())
    path.write_text(json.dumps(facts), encoding="utf-8")

    def page_of(*command: str) -> str:
        with pytest.raises(SystemExit, match="0"):
            cli.main(command)
        return seen_in((tmp_path / "acme" / "reports" / "index.html").read_text("utf-8"))

    assert places.locale() == ""
    assert "1 July 2025" in page_of("index")
    written = mark.read_text("utf-8").replace('# locale = "en"', 'locale = "de"')
    mark.write_text(written, encoding="utf-8")
    assert "1. Juli 2025" in page_of("index")
    assert "1er juillet 2025" in page_of("index", "--locale", "fr")
    assert cli._options(None, None, 1, force=False).locale == "de"
    assert cli._options(None, None, 1, force=False, locale="en").locale == "en"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ('[study]\nlocale = "tlh"', "locale: no such locale (got 'tlh'; allowed: en, de, fr)"),
        ('[study]\nlocal = "de"', "no such setting (got 'local'). Do: did you mean locale?"),
        ('locale = "de"', "no such setting (got 'locale')"),
        ('study = "de"', "not a table (got 'study'). Do: write [study]"),
        ("[study", "not TOML"),
    ],
)
def test_a_wrong_setting_of_a_study_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str, said: str
) -> None:
    (tmp_path / places.MARK).write_text(held, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError) as refused:
        places.locale()
    assert said in str(refused.value)
    assert places.MARK in str(refused.value)


def test_the_finding_in_the_facts_is_in_the_locale_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    """A kernel is told as it is told of other settings; without a runner it is English."""
    data = organisation(4, n_persons=200, n_months=3).write(tmp_path / "ours")
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(study, "_display", shown.append)
    monkeypatch.setattr(study, "_setting", lambda name: "de" if name == "locale" else "")
    cells = json.loads((root / "notebooks" / "20_adoption.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102
            if "parameters" in cell["metadata"]["tags"]:
                names |= {"dataset": str(data.path), "as_of": "2024-04-01"}
    facts = shown[-1][study.FACTS_MIME]
    assert facts["provenance"]["locale"] == "de"
    said = " ".join(str(facts["headline"][k]) for k in ("title", "decision", "change_mind"))
    assert not ENGLISH.search(said), said
    values = [fact["value"] for fact in facts["facts"] if fact["value"] != "inf"]
    assert all(isinstance(value, float | int | None) for value in values)


def test_views_write_numbers_through_one_module(root: Path) -> None:
    """An f-string with decimals or thousands of its own would stay English."""
    own = re.compile(r"\{[^{}]*:[+,.0-9]*(?:,|\.[1-9])[0-9]*[fg]?\}")
    kept = {"figures/svg.py", "figures/style.py"}  # coordinates
    package = root / "src" / "ldresearch"
    found = [
        f"{file.parent.name}/{file.name}: {line.strip()}"
        for room in ("sentences", "tables", "figures", "report")
        for file in sorted((package / room).glob("*.py"))
        if f"{room}/{file.name}" not in kept
        for line in file.read_text("utf-8").splitlines()
        if own.search(line) and "float(f" not in line
    ]
    assert found == []
