"""UK Civil Service People Survey: every score equals the published file.

Cabinet Office, Civil Service People Survey 2009 to 2024, learning and development by organisation
(Open Government Licence v3.0).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.log import EventLog
from ldresearch.measures import benchmark as measures
from ldresearch.models import benchmark as models


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> pd.DataFrame:
    folder = shared_data / "civil_service"
    return pd.read_csv(folder / "learning_development_by_organisation.csv.gz")


@pytest.fixture(scope="module")
def scores(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    out = tmp_path_factory.mktemp("benchmark") / "d"
    done = sources.ingest("civil_service", shared_data / "civil_service", out, key=b"c" * 32,
                          public=True)  # fmt: skip
    assert done.rows_out["benchmark"] == done.rows_in["benchmark"]
    return measures.scores(EventLog.open(done.dataset, as_of="2025-06-01"))


def test_theme_scores_by_organisation_and_year(raw: pd.DataFrame, scores: pd.DataFrame) -> None:
    asked = raw["question_measure"]
    is_theme = asked.str.contains("theme score") | (asked == "Learning and development")
    theme = raw[is_theme].set_index(["organisation", "year"])["value"].sort_index()
    found = scores[scores["item"] == "theme"].set_index(["organisation", "year"])["score"]
    assert len(theme) == 1550
    pd.testing.assert_series_equal(found.sort_index(), theme, check_names=False)


def test_every_question_and_nothing_else(raw: pd.DataFrame, scores: pd.DataFrame) -> None:
    assert len(scores) == len(raw) == 4910
    assert scores["score"].sum() == pytest.approx(raw["value"].sum())
    words = {"access": "access the right", "performance": "improve my performance",
             "career": "develop my career"}  # fmt: skip
    for item, part in words.items():
        published = raw[raw["question_measure"].str.contains(part)]
        found = scores[scores["item"] == item]
        assert len(found) == len(published) == 1120
        assert found["score"].sum() == pytest.approx(published["value"].sum())
    assert scores["is_summary"].sum() == raw["organisation"].str.contains(
        "enchmark|All civil servants").sum()  # fmt: skip


def test_a_place_equals_counting_by_hand(scores: pd.DataFrame, raw: pd.DataFrame) -> None:
    is_theme = raw["question_measure"].str.contains("ld_ts") & (raw["year"] == 2024)
    theme = raw[is_theme & ~raw["organisation"].str.contains("enchmark|All civil servants")]
    name = theme.sort_values("value")["organisation"].iloc[30]
    mine = theme.set_index("organisation")["value"][name]
    others = theme[theme["organisation"] != name]["value"]
    by_hand = 100 * ((others < mine).sum() + 0.5 * (others == mine).sum()) / len(others)
    found = models.standing(scores, pd.DataFrame(), organisation=name)
    assert found.estimate("benchmark_percentile").value == pytest.approx(by_hand)
    through = models.trend(scores, pd.DataFrame(), organisation=name).frame
    middle = through[(through["year"] == 2024) & (through["series"] == "all")]["value"].iloc[0]
    assert middle == pytest.approx(theme["value"].median())
