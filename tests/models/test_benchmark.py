"""Where a score stands: places, ties, likes, and intervals that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.models import benchmark
from ldresearch.models.benchmark import standing, trend

NONE = pd.DataFrame()


def published(score: Any, n: Any = 400.0, year: int = 2024) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "organisation": [f"O{i:02d}" for i in range(len(score))], "year": year,
            "item": "theme", "score": score, "n": n, "is_summary": False,
        }
    )  # fmt: skip


def own(score: float, n: int = 300, year: int = 2024, sd: float = 40.0) -> pd.DataFrame:
    return pd.DataFrame({"year": [year], "item": "theme", "score": score, "sd": sd, "n": n,
                         "n_items": 4})  # fmt: skip


def test_a_tie_counts_half_and_summaries_do_not_count() -> None:
    scores = published([40.0] * 4 + [50.0] * 2 + [60.0] * 4)
    summary = published([0.0]).assign(organisation="all", is_summary=True)
    found = standing(pd.concat([scores, summary]), own(50.0))
    assert found.estimate("benchmark_percentile").value == 50.0
    assert found.parameters["others"] == 10


def test_only_those_of_like_size_and_else_all_with_the_reason() -> None:
    scores = published(np.arange(20.0) + 40, [300.0] * 10 + [5000.0] * 10)
    found = standing(scores, own(49.5))
    assert (found.parameters["peers"], found.parameters["others"]) == ("like size", 10)
    assert found.estimate("benchmark_percentile").value == 100.0
    few = standing(scores, own(49.5, n=20))
    assert (few.parameters["peers"], few.parameters["others"]) == ("all", 20)
    assert "like size" in str(few.parameters["why"])
    unknown = standing(scores.assign(n=np.nan), own(49.5))
    assert unknown.parameters["why"] == "how many answered is not published"


def test_a_published_organisation_without_sizes_has_a_place_and_no_interval() -> None:
    scores = published(np.arange(20.0) + 40, np.nan)
    found = standing(scores, NONE, organisation="O15")
    e = found.estimate("benchmark_percentile")
    assert e.value == pytest.approx(100 * 15 / 19)
    assert np.isnan(e.low)
    assert e.n == 0
    with pytest.raises(ParameterError, match="did you mean O15"):
        standing(scores, NONE, organisation="O155")


def test_the_last_year_that_is_not_after_the_survey() -> None:
    scores = pd.concat([published([50.0] * 9, year=2022), published([60.0] * 9, year=2025)])
    found = standing(scores, own(55.0, year=2024))
    assert found.parameters["year"] == 2022
    assert found.estimate("benchmark_percentile").value == 100
    assert "published from 2022 on" in standing(scores, own(55.0, year=2020)).missing


def test_more_answers_make_the_place_surer() -> None:
    scores = published(np.linspace(30, 70, 40))
    wide, narrow = (
        standing(scores, own(55.0, n=n), size_factor=100).estimate("benchmark_percentile")
        for n in (50, 20000)
    )
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_everyone_of_one_mind_is_not_certain() -> None:
    found = standing(published(np.linspace(60, 99, 20)), own(100.0, n=20, sd=0.0), size_factor=50)
    assert found.estimate("benchmark_score").low < 95


def test_changes_are_of_the_same_organisations() -> None:
    before, after = published([50.0] * 10, year=2023), published([52.0] * 10)
    late = published([90.0] * 5).assign(organisation=[f"N{i}" for i in range(5)])
    found = trend(pd.concat([before, after, late]), NONE)
    assert found.estimate("benchmark_change").value == 2.0
    assert found.estimate("benchmark_change").n == 4000
    assert found.frame["value"].tolist() == [50.0, 52.0]


@pytest.mark.parametrize(
    ("scores", "mine", "given", "missing"),
    [
        (NONE, NONE, {}, "no published scores"),
        (published([50.0] * 9), NONE, {}, "no organisation is named"),
        (published([50.0] * 9), own(50.0), {"item": "career"}, "there are theme"),
        (published([50.0] * 3), own(50.0), {}, "takes 8"),
    ],
)
def test_nothing_is_a_result_with_a_reason(
    scores: pd.DataFrame, mine: pd.DataFrame, given: dict[str, str], missing: str
) -> None:
    assert missing in standing(scores, mine, **given).missing


def test_the_interval_holds_the_true_place() -> None:
    """100 draws of scores and the own one about true levels that lie close together."""
    rng = np.random.default_rng(1)
    true = np.linspace(0.45, 0.55, 24)
    hits = 0
    for _ in range(100):
        score = 100 * rng.binomial(400, true) / 400
        mine = rng.binomial(1, 0.5, 300)
        frame = own(100 * mine.mean(), sd=100 * mine.std(ddof=1))
        e = standing(published(score), frame).estimate("benchmark_percentile")
        hits += e.low <= 50.0 <= e.high
    assert hits >= 93


def test_checks_know_what_they_do_not_know() -> None:
    scores = published([50.0] * 9)
    placed = standing(scores, own(50.0, year=2026).assign(n_items=3))
    found = benchmark.trust(scores, own(50.0).assign(n_items=3), placed).frame
    assert found.set_index("check")["status"].to_dict() == {
        "like_size": "passed", "same_year": "not passed", "same_questions": "not passed",
    }  # fmt: skip
