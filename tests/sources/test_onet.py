"""The O*NET reader on a small folder and against rows read straight from the published files."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import LdresearchError
from ldresearch.ingest import IngestReport
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY

HEADER = (
    "O*NET-SOC Code|Title|Element ID|Element Name|Scale ID|Data Value|N|Standard Error|"
    "Lower CI Bound|Upper CI Bound|Recommend Suppress|Not Relevant|Date|Domain Source\n"
)
SKILLS = """\
1|A|2.A.1.a|Reading|IM|3|8|0.4|1|5|N||08/2023|Analyst
1|A|2.A.1.a|Reading|LV|3.5|7|0.7|1|5|N|N|07/2023|Analyst
1|A|2.A.1.b|Listening|IM|1|8|0|1|1|N||08/2023|Analyst
1|A|2.A.1.b|Listening|LV|0|8|0|0|0|N|Y|08/2023|Analyst
2|B|2.A.1.a|Reading|LV|7|n/a|n/a|n/a|n/a|Y|N|08/2023|Analyst
"""
FILES = {
    "Skills": HEADER + SKILLS,
    "Occupation Data": 'O*NET-SOC Code|Title|Description\n1|Chief "A"|x\n2|B|y\n3|No data|z\n',
    "Scales Reference": "Scale ID|Scale Name|Minimum|Maximum\nIM|Importance|1|5\nLV|Level|0|7\n",
    "Content Model Reference": "Element ID|Element Name|Description\n2|Requirements|x\n"
    "2.A|Basic Skills|x\n2.A.1|Content|x\n2.B|Other|x\n",
    "Related Occupations": "O*NET-SOC Code|Title|Related O*NET-SOC Code|Related Title|"
    "Relatedness Tier|Index\n1|A|2|B|Primary-Short|1\n",
    "Job Zones": "O*NET-SOC Code|Title|Job Zone|Date|Domain Source\n1|A|5|08/2023|Analyst\n",
}


def taken(tmp_path: Path, without: str = "", **options: str) -> IngestReport:
    folder = tmp_path / "onet"
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        if name != without:
            (folder / f"{name}.txt").write_text(text.replace("|", "\t"))
    return sources.ingest("onet", folder, tmp_path / "out", key=KEY, public=True, options=options)


def table(report: IngestReport, name: str) -> pd.DataFrame:
    return EventLog.open(report.dataset, as_of="2026-01-01").table(name).to_pandas()


def test_levels_and_importance_are_on_0_to_1_with_their_errors(tmp_path: Path) -> None:
    report = taken(tmp_path)
    rows = table(report, "role_skill").set_index(["role_id", "skill_id"])
    row = rows.loc[("1", "2.A.1.a")]
    assert row["target"] == pytest.approx(0.5)
    assert row["target_se"] == pytest.approx(0.1)
    assert row["weight"] == pytest.approx(0.5)
    assert row["weight_se"] == pytest.approx(0.1)
    assert row["n_raters"] == 7
    assert bool(row["is_reliable"])
    assert str(row["valid_from_on"])[:10] == "2023-08-01"
    assert not rows.loc[("1", "2.A.1.b"), "is_reliable"], "not relevant to the occupation"
    alone = rows.loc[("2", "2.A.1.a")]
    assert alone["target"] == 1.0
    assert pd.isna(alone["weight"])
    assert not alone["is_reliable"], "the publisher recommends to suppress it"
    assert report.dataset.manifest.notes["onet"]["occupations_with_levels"] == 2


def test_roles_skills_and_relations(tmp_path: Path) -> None:
    report = taken(tmp_path)
    role = table(report, "role").set_index("role_id")
    assert role.loc["1", "title"] == 'Chief "A"'
    assert role.loc["1", "job_zone"] == 5
    assert pd.isna(role.loc["3", "job_zone"])
    skill = table(report, "skill").set_index("skill_id")
    assert set(skill.index) == {"2", "2.A", "2.A.1", "2.A.1.a", "2.A.1.b"}
    assert skill.loc["2.A.1.a", "parent_id"] == "2.A.1"
    assert pd.isna(skill.loc["2", "parent_id"])
    related = table(report, "related_role").iloc[0]
    assert (related["related_role_id"], related["tier"], related["rank"]) == (
        "2",
        "Primary-Short",
        1,
    )
    assert report.dataset.manifest.n_persons == 0


@pytest.mark.parametrize("without", ["Related Occupations", "Content Model Reference", "Job Zones"])
def test_what_is_not_needed_may_be_missing(tmp_path: Path, without: str) -> None:
    report = taken(tmp_path, without)
    assert report.rows_out["role_skill"] == 3


@pytest.mark.parametrize("without", ["Skills", "Occupation Data", "Scales Reference"])
def test_what_is_needed_is_named(tmp_path: Path, without: str) -> None:
    with pytest.raises(LdresearchError, match=f"{without}.txt"):
        taken(tmp_path, without)


def test_unknown_domains_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LdresearchError, match="did you mean Skills"):
        taken(tmp_path, domains="Skill")


def test_the_published_files(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "onet"
    report = sources.ingest("onet", folder, tmp_path / "out", key=KEY, public=True)
    with gzip.open(folder / "Skills.txt.gz", "rt", encoding="utf-8") as file:
        raw = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    level = {(r["O*NET-SOC Code"], r["Element ID"]): r for r in raw if r["Scale ID"] == "LV"}
    importance = {(r["O*NET-SOC Code"], r["Element ID"]): r for r in raw if r["Scale ID"] == "IM"}
    rows = table(report, "role_skill").set_index(["role_id", "skill_id"])
    assert set(rows.index) == set(level)
    assert rows.index.get_level_values(0).nunique() == 879
    assert report.dataset.manifest.notes["onet"]["occupations_with_levels"] == 879
    for key in list(level)[:: len(level) // 25]:
        row, lv, im = rows.loc[key], level[key], importance[key]
        assert row["target"] == pytest.approx(float(lv["Data Value"]) / 7, abs=1e-12)
        assert row["target_se"] == pytest.approx(float(lv["Standard Error"]) / 7, abs=1e-12)
        assert row["weight"] == pytest.approx((float(im["Data Value"]) - 1) / 4, abs=1e-12)
        assert row["weight_se"] == pytest.approx(float(im["Standard Error"]) / 4, abs=1e-12)
        assert row["n_raters"] == min(int(lv["N"]), int(im["N"]))
        is_good = lv["Recommend Suppress"] != "Y" and im["Recommend Suppress"] != "Y"
        assert bool(row["is_reliable"]) == (is_good and lv["Not Relevant"] != "Y")
    assert len(table(report, "role")) == 1016
    assert len(table(report, "related_role")) == 18460
