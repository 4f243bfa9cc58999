"""The rule of the five, and that relabelling or order of rows changes nothing."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd
import pytest

from ldresearch.errors import DisclosureError
from ldresearch.models import summary
from ldresearch.privacy import pass_on
from ldresearch.result import Rules
from ldresearch.shelf import SENTENCES

DAY = date(2025, 7, 1)


def card(report: str, idea: str, **changes: object) -> dict[str, object]:
    return {
        "report": report, "place": 0, "as_of": "2025-07-01", "title": f"{report} found this",
        "decision": "Do it.", "state": "fresh", "verdict": "", "old_verdict": "",
        "old_as_of": "2025-06-01", "idea": idea, "metric": "adoption_share", "text": "have started",
        "label": "", "value": 0.5, "low": 0.45, "high": 0.55, "n": 400, "unit": "share",
        "grade": "descriptive", "old_value": 0.5, "old_low": 0.45, "old_high": 0.55,
        "old_unit": "share",
    } | changes  # fmt: skip


def five(*cards: dict[str, object]) -> list[tuple[str, str, str]]:
    found = summary.five(pd.DataFrame(list(cards)), as_of=DAY).frame
    return list(found[["idea", "why", "report"]].itertuples(index=False, name=None))


def test_the_name_is_the_one_that_the_index_looks_for() -> None:
    assert summary.five(pd.DataFrame([card("a", "voice")]), as_of=DAY).name == SENTENCES


def test_one_sentence_for_each_idea_and_what_moved_first() -> None:
    moved = {"value": 0.8, "low": 0.75, "high": 0.85}
    said = five(card("a", "adoption"), card("b", "engagement", **moved), card("c", "engagement"))
    assert said[:2] == [("engagement", "moved", "b"), ("adoption", "less", "a")]
    assert [idea for idea, why, _ in said if why == "none"] == ["skills", "voice", "worth"]


def test_a_verdict_that_changed_comes_before_any_number() -> None:
    moved = {"value": 0.8, "low": 0.75, "high": 0.85}
    said = five(card("a", "adoption", **moved),
                card("m", "worth", verdict="stop", old_verdict="continue"))  # fmt: skip
    assert said[0] == ("worth", "verdict", "m")
    same = five(card("a", "adoption", **moved),
                card("m", "worth", verdict="stop", old_verdict="stop"))  # fmt: skip
    assert same[0] == ("adoption", "moved", "a")


def test_what_is_old_waits_behind_what_is_fresh() -> None:
    moved = {"value": 0.8, "low": 0.75, "high": 0.85, "as_of": "2025-03-01", "state": "stale"}
    said = five(card("a", "adoption", **moved), card("b", "voice"))
    assert [report for _, _, report in said][:2] == ["b", "a"]


def test_a_report_tells_of_the_idea_of_its_first_number() -> None:
    moved = {"value": 0.8, "low": 0.75, "high": 0.85}
    said = five(card("a", "adoption"), card("a", "engagement", place=1, **moved))
    assert said[0] == ("adoption", "less", "a")
    assert ("engagement", "none", "") in said


def test_within_a_report_the_first_number_unless_another_moved() -> None:
    tiny = {"value": 0.51, "low": 0.46, "high": 0.56, "label": "b", "place": 1}
    frame = pd.DataFrame([card("a", "adoption"), card("a", "adoption", **tiny)])
    assert summary.five(frame, as_of=DAY).estimates[0].label == ""
    big = {**tiny, "value": 0.8, "low": 0.75, "high": 0.85}
    frame = pd.DataFrame([card("a", "adoption"), card("a", "adoption", **big)])
    assert summary.five(frame, as_of=DAY).estimates[0].label == "b"


def test_the_order_of_reports_read_decides_nothing_but_ties() -> None:
    cards = [card("a", "adoption", value=0.8, low=0.75, high=0.85), card("b", "voice"),
             card("c", "worth", old_value=math.nan)]  # fmt: skip
    assert five(*cards) == five(*reversed(cards))


@pytest.mark.parametrize(
    ("old", "moved"),
    [((0.5, 0.45, 0.55), 0.0), ((0.4, 0.35, 0.45), 2.77), ((math.nan,) * 3, math.nan),
     ((0.4, math.nan, math.nan), math.nan), ((0.4, 0.35, math.inf), math.nan)],
)  # fmt: skip
def test_shift_is_in_standard_errors_of_the_difference(
    old: tuple[float, float, float], moved: float
) -> None:
    found = summary.shift(0.5, 0.45, 0.55, *old)
    assert found == pytest.approx(moved, abs=0.005, nan_ok=True)


def test_another_unit_is_not_the_same_number() -> None:
    said = five(card("a", "adoption", old_unit="days"))
    assert said[0] == ("adoption", "new", "a")


def test_no_report_is_a_sentence() -> None:
    empty = summary.five(pd.DataFrame(), as_of=DAY)
    assert empty.missing == "no report has published a headline number yet"
    unknown = summary.five(pd.DataFrame([card("a", "")]), as_of=DAY)
    assert unknown.is_empty


def test_numbers_are_passed_on_as_they_stand_or_not_at_all() -> None:
    made = summary.five(pd.DataFrame([card("a", "adoption", n=405)]), as_of=DAY)
    known = {0.5, 0.45, 0.55, 405.0}
    told = pass_on(made, Rules(), known)
    e = told.estimates[0]
    assert (e.value, e.low, e.high, e.n) == (0.5, 0.45, 0.55, 405)
    with pytest.raises(DisclosureError, match="no published fact holds"):
        pass_on(made, Rules(), known - {0.55})
    # Seven people, or finer than whole percents: published nowhere under these rules.
    few = summary.five(pd.DataFrame([card("a", "adoption", n=7)]), as_of=DAY)
    with pytest.raises(DisclosureError):
        pass_on(few, Rules(), known | {7.0})
    fine = summary.five(pd.DataFrame([card("a", "adoption", value=0.503)]), as_of=DAY)
    with pytest.raises(DisclosureError):
        pass_on(fine, Rules(), known | {0.503, 400.0})
