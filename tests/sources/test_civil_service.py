"""Scores of organisations: questions that change their number, summaries, sizes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import DataError
from ldresearch.ingest import IngestReport
from ldresearch.log import EventLog
from ldresearch.measures.benchmark import scores
from ldresearch.worlds.tables import KEY

FILE = """\
year,dept_group,organisation,org_code,question_measure,value
2015,All,Civil Service benchmark (median),,Learning and development theme score (B22-B25),50
2018,A,Harbour Office,X1,Learning and development,49.5
2024,A,Harbour Office,X1,"ld_ts Learning and development theme score (% positive, B21 to B24)",52.1
2024,A,Harbour Office,X1,B21 I am able to access the right learning and development opportunities,61
2024,A,Harbour Office,X1,B01 I am interested in my work,90
2024,A,Quay Office,X2,Learning and development theme score (B22-B25),none
"""


def read(folder: Path, text: str = FILE, **options: str) -> IngestReport:
    file = folder / "scores.csv"
    file.write_text(text, encoding="utf-8")
    return sources.ingest("civil_service", file, folder / "d", key=KEY, public=True,
                          reject_limit=0.5, options=options)  # fmt: skip


def measured(report: IngestReport, as_of: str = "2025-06-01") -> pd.DataFrame:
    return scores(EventLog.open(report.dataset, as_of=as_of))


def test_questions_are_known_by_their_words(tmp_path: Path) -> None:
    report = read(tmp_path)
    found = measured(report)
    assert found[["organisation", "year", "item", "score"]].to_numpy().tolist() == [
        ["Civil Service benchmark (median)", 2015, "theme", 50.0],
        ["Harbour Office", 2018, "theme", 49.5],
        ["Harbour Office", 2024, "access", 61.0],
        ["Harbour Office", 2024, "theme", 52.1],
    ]
    assert found["is_summary"].tolist() == [True, False, False, False]
    assert found["n"].isna().all()
    assert report.rejected["benchmark"] == {
        "a question that is not of learning and development": 1, "score is no number": 1,
    }  # fmt: skip
    assert report.dataset.manifest.client == "civil_service"


def test_a_year_is_known_from_the_first_day_of_the_next(tmp_path: Path) -> None:
    report = read(tmp_path)
    assert measured(report, "2025-01-01")["year"].max() == 2018
    assert measured(report, "2025-01-02")["year"].max() == 2024


def test_sizes_may_be_added_and_must_not_contradict(tmp_path: Path) -> None:
    sizes = tmp_path / "sizes.csv"
    sizes.write_text(
        "year,organisation,responses,response_rate\n2024,Harbour Office,420,0.7\n"
        "2018,Harbour Office,100,0.5\n2018,Harbour Office,300,0.5\n"
    )
    found = measured(read(tmp_path, sizes=str(sizes))).set_index(["year", "item"])
    assert found.loc[(2024, "theme"), "n"] == 420
    assert found.loc[(2024, "theme"), "response_rate"] == 0.7
    assert pd.isna(found.loc[(2018, "theme"), "n"])


def test_another_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a column of the publisher is missing"):
        read(tmp_path, FILE.replace("question_measure", "question"))
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path, sizes=str(tmp_path / "none.csv"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="not exactly one CSV"):
        sources.ingest("civil_service", empty, tmp_path / "e", key=KEY)
