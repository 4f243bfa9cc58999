"""The index, the history pages, comparisons of two runs and the digest."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ldresearch.errors import ParameterError
from ldresearch.report import digest, index
from ldresearch.result import Estimate
from ldresearch.sentences import words

TODAY = date(2025, 7, 10)


def put(
    reports: Path, maker: Any, made: Any, as_of: str, *, client: str = "harbour",
    name: str = "25_sample", value: float = 0.75, page: bool = True, **provenance: Any,
) -> Path:  # fmt: skip
    maker.as_of = as_of
    facts = maker.all_facts(made.course(), made.coverage(), made.checks())
    facts["report"]["client"] = client
    for fact in (facts["facts"][0], facts["headline"]["cards"][0]):
        fact.update(value=value, low=round(value - 0.02, 2), high=round(value + 0.02, 2))
    facts["provenance"].update(provenance)
    path = reports / client / as_of / f"{name}.facts.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts), encoding="utf-8")
    if page:
        path.with_name(f"{name}.html").write_text("<!doctype html>", encoding="utf-8")
    return path


def text(path: Path) -> str:
    html = path.read_text(encoding="utf-8").replace("\u00a0", " ")
    cells = re.sub(r"<t[dh][^>]*>", " ", html[html.index("<body>") :])
    plain = re.sub(r"<[^>]+>", "", cells)
    return " ".join(plain.replace("&#39;", "'").split())


def history(reports: Path, name: str = "25_sample") -> str:
    return text(reports / "harbour" / f"{name}.history.html")


def test_shows_the_newest_finding_its_change_and_how_it_went(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-05-01", value=0.6)
    put(tmp_path, maker, made, "2025-06-01", value=0.65)
    put(tmp_path, maker, made, "2025-07-01", value=0.75)
    made_at = index.build(tmp_path, today=TODAY)
    html = made_at.read_text(encoding="utf-8")
    assert made_at == tmp_path / "index.html"
    assert 'href="harbour/2025-07-01/25_sample.html"' in html
    assert 'href="harbour/25_sample.history.html"' in html
    said = text(made_at)
    assert "Harbour Sample · as of 1 July 2025 Three in four" in said
    assert "Up 10 points since 1 June 2025, which is better." in said
    assert "Fresh until 3 August 2025." in said  # usual gap of 30 days and three
    assert 'aria-label="1\u00a0May\u00a02025: 60\u00a0%; 1\u00a0June\u00a02025: 65\u00a0%' in html


def test_one_run_has_no_trend(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-07-01")
    html = index.build(tmp_path, today=TODAY).read_text(encoding="utf-8")
    assert "First run." in html
    assert "<svg" not in html


def test_says_when_a_report_is_stale(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-05-01")
    assert "Stale since 5 June 2025: run it again." in text(index.build(tmp_path, today=TODAY))


def test_says_when_the_latest_run_failed(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-06-01")
    note = tmp_path / "harbour" / "25_sample.failed.json"
    note.write_text(json.dumps({"as_of": "2025-07-01", "reason": "schema: a column is gone."}))
    said = text(index.build(tmp_path, today=TODAY))
    assert "Failed. The run as of 1 July 2025 failed: schema: a column is gone. " in said
    assert "The page below is of 1 June 2025." in said
    put(tmp_path, maker, made, "2025-08-01")  # a later run succeeded
    assert "Failed" not in text(index.build(tmp_path, today=TODAY))


@pytest.mark.parametrize(
    "reason", ["0123456789abcdef0123456789abcdef is twice there", "a.b@example.org left",
               "Traceback (most recent call last):\n  row 7", "x" * 400, ""]
)  # fmt: skip
def test_a_reason_that_may_name_someone_is_withheld(
    tmp_path: Path, maker: Any, made: Any, reason: str
) -> None:
    put(tmp_path, maker, made, "2025-06-01")
    note = tmp_path / "harbour" / "25_sample.failed.json"
    note.write_text(json.dumps({"as_of": "2025-07-01", "reason": reason}))
    said = text(index.build(tmp_path, today=TODAY))
    assert "the reason stands in the private run folder" in said
    assert not reason or reason not in said


def test_a_report_that_never_ran_is_listed(tmp_path: Path) -> None:
    (tmp_path / "harbour").mkdir()
    (tmp_path / "harbour" / "30_engagement_survival.failed.json").write_text("not json")
    said = text(index.build(tmp_path, today=TODAY))
    assert "Engagement survival Failed. The run failed: its note cannot be read. " in said
    assert "There is no page yet." in said


def test_unreadable_facts_are_counted_not_hidden(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-07-01")
    bad = tmp_path / "harbour" / "2025-08-01" / "25_sample.facts.json"
    bad.parent.mkdir()
    bad.write_text('{"facts": []}')
    said = text(index.build(tmp_path, today=TODAY))
    assert "1 file of facts cannot be read" in said
    assert "as of 1 July 2025" in said


def test_an_empty_folder_has_an_index(tmp_path: Path) -> None:
    assert "No report has been published yet." in text(index.build(tmp_path, today=TODAY))


def test_what_a_killed_process_was_writing_goes(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-07-01", value=0.75)
    left = [
        tmp_path / ".index.html.ab12cd34.tmp",
        tmp_path / "harbour" / ".25_sample.history.html.ab12cd34.tmp",
        tmp_path / "harbour" / "2025-07-01" / ".25_sample.facts.json.ab12cd34.tmp",
    ]
    own = tmp_path / "harbour" / "notes.tmp"
    for file in (*left, own):
        file.touch()
    index.build(tmp_path, today=TODAY)
    assert not any(file.exists() for file in left)
    assert own.exists()


def test_history_tells_new_data_from_changed_code(tmp_path: Path, maker: Any, made: Any) -> None:
    new_code = {"git": {"revision": "fff000fff000", "is_dirty": False}}
    put(tmp_path, maker, made, "2025-05-01", value=0.6)
    put(tmp_path, maker, made, "2025-06-01", value=0.7, data_hash="e" * 64)
    put(tmp_path, maker, made, "2025-07-01", value=0.75, data_hash="e" * 64, **new_code)
    index.build(tmp_path, today=TODAY)
    said = history(tmp_path)
    assert "New data." in said
    assert (
        "Same data, different number: the code changed (0.1.0 at abc123abc123 before, "
        "0.1.0 at fff000fff000 now)" in said
    )
    assert said.index("1 July 2025") < said.index("1 June 2025") < said.index("1 May 2025")
    assert "people who reached first value 60 % 70 %" in said
    assert "70 % 75 %" in said


def test_history_tells_other_settings(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.7)
    maker.parameters = {"window_days": 90}
    put(tmp_path, maker, made, "2025-07-01", value=0.75)
    said_index = text(index.build(tmp_path, today=TODAY))
    assert "Not compared since 1 June 2025: other settings." in said_index
    said = history(tmp_path)
    assert "other settings: window days." in said
    assert "window days 60 90" in said


def test_history_tells_a_later_day_and_the_same_numbers(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-05-01")
    put(tmp_path, maker, made, "2025-06-01")
    put(tmp_path, maker, made, "2025-07-01", value=0.8)
    index.build(tmp_path, today=TODAY)
    assert "Same data, same numbers." in history(tmp_path)
    assert "The same data, read as of a later day." in history(tmp_path)


def test_history_of_a_removed_report_goes(tmp_path: Path, maker: Any, made: Any) -> None:
    path = put(tmp_path, maker, made, "2025-07-01")
    index.build(tmp_path, today=TODAY)
    path.unlink()
    index.build(tmp_path, today=TODAY)
    assert not list(tmp_path.glob("*/*.history.html"))


def look(path: Path, verdict: str, *, is_last: bool = False) -> None:
    facts = json.loads(path.read_text())
    facts["verdict"] = {"verdict": verdict, "look": 1, "is_at_end": is_last}
    facts["report"]["parameters"]["plan"] = "sprint"
    facts["provenance"]["plans"] = [{"name": "sprint", "version": 1}]
    path.write_text(json.dumps(facts))


def test_shows_the_verdict_of_each_look(tmp_path: Path, maker: Any, made: Any) -> None:
    look(put(tmp_path, maker, made, "2025-05-01"), "iterate")
    look(put(tmp_path, maker, made, "2025-06-01"), "continue")
    html = index.build(tmp_path, today=TODAY).read_text(encoding="utf-8")
    assert 'aria-label="Verdict at each look"' in html
    said = text(tmp_path / "index.html")
    assert "1 May 2025 iterate 1 June 2025 continue" in said
    assert "Stale" in text(index.build(tmp_path, today=date(2026, 1, 1)))


def test_a_plan_that_has_ended_asks_for_no_later_run(tmp_path: Path, maker: Any, made: Any) -> None:
    look(put(tmp_path, maker, made, "2025-05-01"), "stop", is_last=True)
    said = text(index.build(tmp_path, today=date(2026, 1, 1)))
    assert "Complete: its plan asks for no later run." in said
    assert "1 report: 1 complete" in said


def test_a_verdict_that_is_no_look_has_no_path(tmp_path: Path, maker: Any, made: Any) -> None:
    path = put(tmp_path, maker, made, "2025-07-01")
    facts = json.loads(path.read_text()) | {"verdict": {"verdict": "redesign"}}
    path.write_text(json.dumps(facts))
    assert "Verdict at each look" not in index.build(tmp_path, today=TODAY).read_text()


def test_hostile_words_stay_words(tmp_path: Path, maker: Any, made: Any) -> None:
    path = put(tmp_path, maker, made, "2025-06-01", value=0.6)
    facts = json.loads(path.read_text())
    facts["headline"]["title"] = made.HOSTILE
    facts["headline"]["cards"][0]["text"] = made.HOSTILE
    facts["report"]["client"] = made.HOSTILE
    path.write_text(json.dumps(facts))
    put(tmp_path, maker, made, "2025-07-01", client='har"bour <x>', name="25_sample--r&d")
    index.build(tmp_path, today=TODAY)
    for page in [tmp_path / "index.html", *tmp_path.glob("*/*.history.html")]:
        html = page.read_text(encoding="utf-8")
        assert "<script" not in html
        assert 'href="har"bour' not in html
        assert not re.findall(r"https?:|\bsrc=|@import", html)
    assert 'href="har%22bour%20%3Cx%3E/2025-07-01/25_sample--r%26d.html"' in (
        tmp_path / "index.html"
    ).read_text(encoding="utf-8")


def test_same_input_same_bytes(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.6)
    put(tmp_path, maker, made, "2025-07-01", client="meadow")
    pages = [index.build(tmp_path, today=TODAY), *sorted(tmp_path.glob("*/*.history.html"))]
    before = [page.read_bytes() for page in pages]
    index.build(tmp_path, today=TODAY)
    assert [page.read_bytes() for page in pages] == before
    assert len(pages) == 3


# Two runs side by side, and what changed lately ----------------------------------------------

LATER = date(2025, 7, 3)
SINCE = "harbour/2025-07-01/25_sample.since-2025-06-01.html"


def edit(path: Path, **changes: Any) -> None:
    facts = json.loads(path.read_text("utf-8"))
    for key, value in changes.items():
        place, _, name = key.partition("__")
        if name:
            facts[place][name] = value
        else:
            facts[place] = value
    path.write_text(json.dumps(facts), encoding="utf-8")


# Comparison ---------------------------------------------------------------------------------


def test_history_leads_to_a_comparison_with_the_run_before(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.65)
    put(tmp_path, maker, made, "2025-07-01", value=0.75, data_hash="other")
    index.build(tmp_path, today=LATER)
    history = (tmp_path / "harbour" / "25_sample.history.html").read_text("utf-8")
    assert f'href="../{SINCE}"' in history
    assert history.count("with the run before</a>") == 1
    said = text(tmp_path / SINCE)
    assert "The number moved between 1 June 2025 and 1 July 2025" in said
    assert "65 % (63 to 67 %) 75 % (73 to 77 %) up 10 points, which is better" in said
    assert "Why they may differ. New data." in said
    assert "The settings are the same, but for the date." in said
    html = (tmp_path / SINCE).read_text("utf-8")
    assert 'href="../../harbour/2025-06-01/25_sample.html"' in html
    assert "<script" not in html


def test_it_tells_no_finer_difference_than_the_two_pages(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.6451)
    put(tmp_path, maker, made, "2025-07-01", value=0.7549)
    index.build(tmp_path, today=LATER)
    said = text(tmp_path / SINCE)
    assert "65 % (" in said
    assert "up 10 points" in said  # not 11, as the numbers behind would give
    assert not re.search(r"\d\.\d+", said.split("What else differs")[0])


def test_numbers_under_other_settings_are_not_compared(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.65)
    path = put(tmp_path, maker, made, "2025-07-01", value=0.75)
    facts = json.loads(path.read_text("utf-8"))
    facts["report"]["parameters"]["window_days"] = 90
    edit(path, report=facts["report"])
    index.build(tmp_path, today=LATER)
    said = text(tmp_path / SINCE)
    assert "Settings differ between" in said
    assert "window days" in said
    assert "up 10 points" not in said


def test_two_runs_are_found_by_what_a_report_prints(tmp_path: Path, maker: Any, made: Any) -> None:
    for month, run_id in ((5, "aaa1"), (6, "bbb2"), (7, "ccc3")):
        edit(put(tmp_path, maker, made, f"2025-0{month}-01", value=0.1 * month), run_id=run_id)
    edit(put(tmp_path, maker, made, "2025-07-01", name="26_other"), run_id="ddd4")
    asked = index.compare(tmp_path, ("ccc", "aaa1"))
    assert asked.name == "25_sample.against-2025-05-01.html"
    assert index.compare(tmp_path, ("bbb", "ccc")).name == "25_sample.since-2025-06-01.html"
    index.build(tmp_path, today=LATER)
    assert asked.is_file()  # kept as long as both are there
    (tmp_path / "harbour" / "2025-05-01" / "25_sample.facts.json").unlink()
    index.build(tmp_path, today=LATER)
    assert not asked.exists()
    for pair, why in (
        (("ccc3", "ddd4"), "not two runs of one report"), (("ccc3", "zzz"), "no such run"),
        (("ccc3", "ccc3"), "twice the same"), (("ccc3", ""), "no such run"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=why):
            index.compare(tmp_path, pair)


def test_a_change_is_that_of_the_numbers_shown() -> None:
    def one(value: float, unit: str) -> Estimate:
        return Estimate("x", value, float("nan"), float("nan"), 100, unit)

    assert words.change(one(0.7251, "share"), one(0.7249, "share")) == "up 1 point"
    assert words.change(one(26.4, "days"), one(24.6, "days")) == "up 1 day"
    assert words.change(one(1.2345, "ratio"), one(1.2, "ratio")) == "up 0.03"


# Digest -------------------------------------------------------------------------------------


def test_the_digest_tells_what_changed_in_its_days(tmp_path: Path, maker: Any, made: Any) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.65)
    edit(put(tmp_path, maker, made, "2025-07-01", value=0.75), headline__title="Now it is more")
    put(tmp_path, maker, made, "2025-06-25", name="26_quiet")
    for month, verdict in ((6, "continue"), (7, "pivot")):
        path = put(tmp_path, maker, made, f"2025-0{month}-01", name="27_judged")
        edit(path, verdict={"verdict": verdict, "look": 1})
    failed = tmp_path / "harbour" / "28_gone.failed.json"
    failed.write_text(json.dumps({"as_of": "2025-07-01", "reason": "schema: a column is gone"}))
    index.build(tmp_path, today=LATER)
    said = text(tmp_path / "digest.html")
    assert (
        "Judged at Harbour now says pivot and 1 finding changed since 26 June 2025; "
        "1 report wants attention" in said
    )
    assert "Judged, as of 1 July 2025: continue → pivot" in said
    assert "Sample · as of 1 July 2025 Now it is more 75 % " in said
    assert "up 10 points, which is better." in said
    assert "Gone: Failed. The run as of 1 July 2025 failed: schema: a column is gone." in said
    assert "1 report was not run in these days." in said
    html = (tmp_path / "digest.html").read_text("utf-8")
    assert f'href="{SINCE}"' in html
    assert "<script" not in html
    assert not re.search(r'href="(?!index|harbour/|#)', html)


def test_a_digest_of_an_earlier_day_knows_nothing_later(
    tmp_path: Path, maker: Any, made: Any
) -> None:
    put(tmp_path, maker, made, "2025-06-01", value=0.65)
    edit(put(tmp_path, maker, made, "2025-07-01", value=0.75), headline__title="Now it is more")
    said = text(digest.build(tmp_path, today=date(2025, 6, 3), days=30))
    assert "Now it is more" not in said
    assert "first report" in said
    assert "1 finding is new since 4 May 2025" in said
    assert "changed since" not in said


def test_a_digest_of_nothing_says_so(tmp_path: Path) -> None:
    said = text(digest.build(tmp_path, today=LATER))
    assert "Nothing new since 26 June 2025" in said


@pytest.mark.parametrize(
    ("before", "now", "title", "heading"),
    [
        (None, 0.75, "1 finding is new", "New findings"),
        (float("nan"), 0.75, "1 finding is new", "New findings"),
        (0.65, 0.75, "1 finding changed", "Findings that changed"),
        (0.65, float("nan"), "1 finding is gone", "Findings that are gone"),
        (0.65, 0.65, "Nothing new", ""),
    ],
)
def test_a_finding_is_new_changed_or_gone(
    before: float | None, now: float, title: str, heading: str,
    tmp_path: Path, maker: Any, made: Any,
) -> None:  # fmt: skip
    """A number that is not told any more takes its finding along; the first report is new."""
    for as_of, value in (("2025-06-01", before), ("2025-07-01", now)):
        if value is not None:
            path = put(tmp_path, maker, made, as_of)
            cards = json.loads(path.read_text())["headline"]["cards"]
            cards[0]["value"] = None if value != value else value
            edit(path, headline__cards=cards[:1], headline__title=f"It is {value}")
    said = text(digest.build(tmp_path, today=LATER))
    assert f"{title} since 26 June 2025" in said
    headings = ("New findings", "Findings that changed", "Findings that are gone")
    assert [h for h in headings if h in said] == [heading] * bool(heading)
    assert ("first report" in said) == (before is None)
    assert ("1 report says what was said before" in said) == (not heading)


def test_the_title_tells_new_changed_and_gone_apart(tmp_path: Path, maker: Any, made: Any) -> None:
    names = ("26_a", "27_b", "28_c", "29_d")
    for name in names[:3]:
        put(tmp_path, maker, made, "2025-06-01", name=name)
    for name in names:
        edit(put(tmp_path, maker, made, "2025-07-01", name=name), headline__title="Now another")
    edit(tmp_path / "harbour" / "2025-07-01" / "26_a.facts.json", headline__cards=[])
    said = text(digest.build(tmp_path, today=LATER))
    assert "2 findings changed, 1 is new and 1 is gone since 26 June 2025" in said
