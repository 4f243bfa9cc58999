"""Growth against numbers from elsewhere: O*NET's own files, statsmodels, scikit-learn, papers."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.proportion import confint_proportions_2indep

from ldresearch import sources
from ldresearch.log import EventLog
from ldresearch.measures import growth as m
from ldresearch.models import _ratios
from ldresearch.models import growth as g
from ldresearch.result import Result
from ldresearch.worlds.tables import KEY

ACCOUNTANTS, BUDGET_ANALYSTS = "13-2011.00", "13-2031.00"
"""Each is among the other's nearest related occupations in O*NET 29.3."""

# Ratios -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", [(36, 40, 16, 80), (3, 20, 0, 15), (0, 20, 5, 30), (7, 9, 8, 9), (50, 50, 40, 50)]
)
def test_the_score_interval_is_that_of_statsmodels(table: tuple[int, int, int, int]) -> None:
    a, n, b, m_ = table
    with np.errstate(divide="ignore"):
        wanted = confint_proportions_2indep(
            a, n, b, m_, compare="ratio", method="score", correction=False
        )
    assert _ratios.score(a, n, b, m_) == pytest.approx(wanted, rel=1e-6)


def test_the_score_interval_is_that_of_koopman() -> None:
    """Koopman 1984, section 4: 36 of 40 against 16 of 80."""
    assert _ratios.score(36, 40, 16, 80) == pytest.approx((2.94, 7.15), abs=0.005)


def test_the_ratio_within_strata_is_that_of_greenland_and_robins() -> None:
    """Deaths under tolbutamide and placebo by age; Rothman & Greenland give 1.33, 0.80 to 2.20."""
    a, n, b, m_ = (np.array(x, dtype=float) for x in ([8, 22], [106, 98], [5, 16], [120, 85]))
    found = _ratios.stratified(a, n, b, m_)
    assert found == pytest.approx((1.33, 0.80, 2.20), abs=0.005)
    tables = [np.array([[8, 98], [5, 115]]), np.array([[22, 76], [16, 69]])]
    assert found[0] == pytest.approx(StratifiedTable(tables).riskratio_pooled, rel=1e-12)


def test_one_stratum_has_the_interval_of_katz() -> None:
    ratio, low, high = _ratios.stratified(*(np.array([x]) for x in (30.0, 100.0, 20.0, 90.0)))
    half = 1.959963984540054 * math.sqrt(1 / 30 - 1 / 100 + 1 / 20 - 1 / 90)
    assert ratio == pytest.approx(30 / 100 * 90 / 20)
    assert (low, high) == pytest.approx((ratio * math.exp(-half), ratio * math.exp(half)))


# Agreement ----------------------------------------------------------------------------------


def test_the_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    n = 12
    profiles = pd.DataFrame(
        {
            "role_id": np.repeat([f"r{i:02d}" for i in range(n)], 5),
            "skill_id": np.tile(list("abcde"), n),
            "target": rng.uniform(0.1, 0.9, 5 * n).round(1), "weight": rng.uniform(0.2, 1, 5 * n),
        }
    )  # fmt: skip
    pairs = g.between(profiles)
    chosen = pairs.frame[rng.random(len(pairs.frame)) < 0.3]
    related = pd.DataFrame(
        {"role_id": chosen["from_role"], "related_role_id": chosen["to_role"], "tier": "",
         "rank": np.nan}
    )  # fmt: skip
    keys = set(zip(related["role_id"], related["related_role_id"], strict=True))
    frame = pairs.frame.assign(
        is_near=[k in keys for k in zip(pairs.frame["from_role"], pairs.frame["to_role"],
                                        strict=True)]
    )  # fmt: skip
    areas = {"readiness": [], "nearness": []}  # type: dict[str, list[float]]
    for _, part in frame.groupby("from_role"):
        if part["is_near"].nunique() == 2:
            areas["readiness"].append(roc_auc_score(part["is_near"], part["readiness"]))
            areas["nearness"].append(roc_auc_score(part["is_near"], -part["distance"]))
    found = g.agreement(pairs, related, replicates=50)
    for likeness, each in areas.items():
        assert found.estimate("related_auc", likeness).value == pytest.approx(np.mean(each))


# O*NET --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onet(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    out = tmp_path_factory.mktemp("onet") / "dataset"
    report = sources.ingest("onet", shared_data / "onet", out, key=KEY, public=True)
    return EventLog.open(report.dataset, as_of="2026-01-01")


@pytest.fixture(scope="module")
def profiles(onet: EventLog) -> pd.DataFrame:
    return m.profiles(onet)


@pytest.fixture(scope="module")
def pairs(profiles: pd.DataFrame) -> Result:
    return g.between(profiles)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Level and importance as the publisher prints them: 0 to 7 and 1 to 5."""
    with gzip.open(shared_data / "onet" / "Skills.txt.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        one = out.setdefault((row["O*NET-SOC Code"], row["Element ID"]), {})
        one[row["Scale ID"]] = row
    return out


def test_the_gaps_between_two_related_occupations_are_those_by_hand(
    published: dict[tuple[str, str], dict[str, Any]], profiles: pd.DataFrame, onet: EventLog
) -> None:
    related = m.related(onet)
    both = related[(related["role_id"] == ACCOUNTANTS)
                   & (related["related_role_id"] == BUDGET_ANALYSTS)]  # fmt: skip
    assert len(both) == 1
    found = g.gaps(profiles, ACCOUNTANTS, BUDGET_ANALYSTS).frame.set_index("skill_id")
    asked = {
        skill: one for (role, skill), one in published.items()
        if role == BUDGET_ANALYSTS and one["LV"]["Recommend Suppress"] != "Y"
        and one["LV"]["Not Relevant"] != "Y" and float(one["LV"]["Data Value"]) > 0
        and float(one["IM"]["Data Value"]) > 1
    }  # fmt: skip
    assert set(found.index) == set(asked)
    for skill, one in asked.items():
        here, there = published[ACCOUNTANTS, skill]["LV"], one["LV"]
        gap = (float(there["Data Value"]) - float(here["Data Value"])) / 7
        se = math.hypot(float(there["Standard Error"]), float(here["Standard Error"])) / 7
        assert found.loc[skill, "gap"] == pytest.approx(gap, abs=1e-12)
        assert found.loc[skill, "high"] - gap == pytest.approx(1.959963984540054 * se, abs=1e-9)


def test_mathematics_from_accountants_to_budget_analysts(profiles: pd.DataFrame) -> None:
    """Written out: O*NET 29.3 prints levels of 3.75 and 3.88, errors of .1637 and .1250.

    The gap is .13 of 7, or .0186; its error .2060 of 7, or .0294; 1.96 times that is .0577.
    """
    row = g.gaps(profiles, ACCOUNTANTS, BUDGET_ANALYSTS).frame.set_index("skill").loc["Mathematics"]
    assert row[["gap", "low", "high"]].astype(float).tolist() == pytest.approx(
        [0.0186, -0.0391, 0.0762], abs=1e-4
    )


def test_readiness_and_distance_of_two_occupations_are_those_by_hand(
    published: dict[tuple[str, str], dict[str, Any]], pairs: Result
) -> None:
    reached = asked = squares = weights = 0.0
    for (role, skill), there in published.items():
        if role != BUDGET_ANALYSTS:
            continue
        here = published[ACCOUNTANTS, skill]
        a, b = (float(one["LV"]["Data Value"]) / 7 for one in (here, there))
        v = sum((float(one["LV"]["Standard Error"]) / 7) ** 2 for one in (here, there))
        w_a, w_b = ((float(one["IM"]["Data Value"]) - 1) / 4 for one in (here, there))
        in_a, in_b = (
            one["LV"]["Recommend Suppress"] != "Y" and one["LV"]["Not Relevant"] != "Y"
            and level > 0 and w > 0
            for one, level, w in ((here, a, w_a), (there, b, w_b))
        )  # fmt: skip
        if in_b:
            reached, asked = reached + w_b * min(a / b, 1), asked + w_b
        if in_a or in_b:
            both = (w_a + w_b) / 2
            squares, weights = squares + both * ((b - a) ** 2 - v), weights + both
    row = pairs.frame.set_index(["from_role", "to_role"]).loc[(ACCOUNTANTS, BUDGET_ANALYSTS)]
    assert row["readiness"] == pytest.approx(reached / asked, abs=1e-12)
    assert row["distance"] == pytest.approx(math.sqrt(max(squares / weights, 0)), abs=1e-12)
    assert row["readiness_low"] < row["readiness"] < row["readiness_high"]


def test_near_roles_are_those_onet_calls_related(pairs: Result, onet: EventLog) -> None:
    """docs/simulations.md gives these numbers."""
    found = g.agreement(pairs, m.related(onet))
    print(found.frame.round(3).to_string())
    for likeness in ("readiness", "there and back", "nearness"):
        e = found.estimate("related_auc", likeness)
        print(f"{likeness}: {e.value:.3f} ({e.low:.3f} to {e.high:.3f})")
        assert e.low > 0.5
    row = found.frame[found.frame["tier"] == "any"].set_index("likeness")
    assert (row["roles"] == 879).all()
    assert (row["first"] > row["first_by_chance"]).all()
    assert (row["order"] > 0).all()
    nearest = found.frame[found.frame["likeness"] == "nearness"].set_index("tier")["auc"]
    assert nearest["Primary-Short"] > nearest["Supplemental"]
