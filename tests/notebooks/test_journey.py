"""32_journey and 43_learner_brand from first cell to last on poor data: a report, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import views
from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.worlds import journeys, organisation
from ldresearch.worlds.tables import KEY, from_text

AS_OF = "2024-10-01"
PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
EVENT = """
    person_id | occurred_at         | verb
    ada       | 2024-01-03 09:00:00 | complete
    ada       | 2024-03-03 09:00:00 | complete
"""
Made = Callable[[str, bool], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Write a dataset the first time it is asked for."""
    folder = tmp_path_factory.mktemp("made")
    world = organisation(3, n_persons=250, n_months=9, p=0.1, scale=40.0)
    told = journeys.passed_on(world, seed=3, telling=0.3).tables

    def write_once(case: str, public: bool) -> Path:
        there = folder / f"{case.replace(' ', '-')}-{public}"
        if not there.exists():
            write(tables(case, told), there, client="text", key=KEY, reject_limit=1.0,
                  public=public)  # fmt: skip
        return there

    return write_once


def tables(case: str, world: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "empty":
        return {name: world[name].iloc[:0] for name in ("person", "event")}
    if case == "no HR file":
        return {"event": world["event"]}
    if case == "one unit":
        person = world["person"].assign(unit_path=[["all"]] * len(world["person"]))
        return {"person": person, "event": world["event"], "content": world["content"]}
    names = ("person", "event", "content", "access", "touch", "skill_rating", "skill_scale",
             "application", "survey_answer")  # fmt: skip
    return {name: world[name] for name in names}


CASES = ["empty", "one person", "no HR file", "one unit", "whole"]


def said(payloads: list[dict[str, Any]]) -> dict[str, str]:
    """What every view says, drawn and tabulated on the way."""
    told = {}
    for p in payloads:
        if p["kind"] in ("figure", "table", "sentence") and p["stem"] != "study":
            published = [from_payload(one) for one in p["published"]]
            told[p["view"]] = str(views.resolve("sentence", p["stem"], p["view"])(*published))
            for kind in ("table", "figure"):
                if not published[0].is_empty and views.has(kind, p["stem"], p["view"]):
                    views.resolve(kind, p["stem"], p["view"])(*published)
    return told


@pytest.mark.parametrize("stem", ["32_journey", "43_learner_brand"])
@pytest.mark.parametrize(("case", "public"), [(c, False) for c in CASES] + [("whole", True)])
def test_ends_in_a_report(
    stem: str, case: str, public: bool, made: Made, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells(stem, dataset=str(made(case, public)), as_of=AS_OF)
    for payload in payloads:
        check_payload(payload, public=public)
    told = said(payloads)
    assert all(told.values())
    assert facts["headline"]["title"]
    assert facts["headline"]["decision"]
    known = {fact["metric"] for fact in facts["facts"]}
    if case in ("empty", "one person"):
        assert known == set()
        assert "cannot be told yet" in facts["headline"]["title"]
        assert "100 %" not in " ".join(told.values())
    if case == "whole" and stem == "32_journey":
        assert {"way_step", "funnel_step_days", "path_share"} <= known
        assert "passed something on" in told["funnel"]
    if case == "whole" and stem == "43_learner_brand":
        assert {"voluntary_share", "referral_share", "again_share", "brand_nps"} <= known


@pytest.mark.parametrize(
    "given",
    [
        {"segment": "usage", "later_from": 14, "later_to": 60, "path_steps": 2},
        {"segment": "level", "unit": "Sales", "assigned": "all", "value_verbs": "",
         "min_minutes": 5, "time_zone": "America/New_York", "horizon_days": 60,
         "path_people": 40},
    ],
    ids=["usage", "sales, anything, elsewhere"],
)  # fmt: skip
def test_every_parameter_reaches_the_report(
    given: dict[str, Any], made: Made, run_cells: Callable[..., Any]
) -> None:
    payloads, facts = run_cells("32_journey", dataset=str(made("whole", False)), as_of=AS_OF,
                                **given)  # fmt: skip
    for payload in payloads:
        check_payload(payload, public=False)
    assert all(said(payloads).values())
    if given.get("segment") == "usage":
        [groups] = [p for p in payloads if p["view"] == "drop_off"]
        assert {row[0] for row in groups["published"][0]["rows"]} <= {
            "power", "habitual", "novice", "low", "none",
        }  # fmt: skip
        assert (
            "after day 14" in facts["headline"]["title"]
            or "first value" in (facts["headline"]["title"])
        )
