"""Gaps between two related O*NET occupations, against the published file read by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.log import EventLog
from ldresearch.measures import skill_gaps as m
from ldresearch.models import skill_gaps as g
from ldresearch.worlds.tables import KEY

HELD, ASKED = "43-3031.00", "13-2011.00"  # bookkeeping clerks, and accountants


@pytest.fixture(scope="module")
def log(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    folder = tmp_path_factory.mktemp("onet") / "dataset"
    done = sources.ingest("onet", shared_data / "onet", folder, key=KEY, public=True)
    return EventLog.open(done.dataset, as_of="2026-01-01")


def test_the_two_are_related(log: EventLog) -> None:
    related = log.collect(log.table("related_role"))
    pairs = set(zip(related["role_id"], related["related_role_id"], strict=True))
    assert {(HELD, ASKED), (ASKED, HELD)} & pairs


def test_gaps_are_those_of_the_published_file(log: EventLog, shared_data: Path) -> None:
    found = g.between_roles(m.profiles(log), HELD, ASKED)
    raw = pd.read_csv(shared_data / "onet" / "Skills.txt.gz", sep="\t", na_values="n/a",
                      keep_default_na=False)  # fmt: skip
    raw = raw[(raw["Recommend Suppress"] != "Y") & (raw["Not Relevant"] != "Y")]
    numbers = ["Data Value", "Standard Error"]
    raw[numbers] = raw[numbers].astype(float)
    level = raw[raw["Scale ID"] == "LV"].set_index(["O*NET-SOC Code", "Element Name"])
    weight = raw[raw["Scale ID"] == "IM"].set_index(["O*NET-SOC Code", "Element Name"])
    assert len(found.frame) >= 25
    top = bottom = 0.0
    for row in found.frame.to_dict("records"):
        a, b = (level.loc[(role, row["skill"])] for role in (HELD, ASKED))
        # Levels are published on 0 to 7, importance on 1 to 5.
        gap = (b["Data Value"] - a["Data Value"]) / 7
        se = math.hypot(a["Standard Error"], b["Standard Error"]) / 7
        assert row["gap"] == pytest.approx(gap, abs=1e-6)
        assert row["shortfall"] == pytest.approx(max(gap, 0), abs=1e-6)
        assert row["high"] - row["gap"] == pytest.approx(1.959964 * se, abs=1e-6)
        w = (weight.loc[(ASKED, row["skill"])]["Data Value"] - 1) / 4
        top += w * min(a["Data Value"] / b["Data Value"], 1)
        bottom += w
    assert found.estimate("readiness").value == pytest.approx(top / bottom, abs=1e-9)
    e = found.estimate("readiness")
    assert e.low < e.value < e.high
