"""30_engagement_survival from its first cell to its last, on poor data and on enrolments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import engagement_survival as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
EVENT = """
    person_id | occurred_at         | verb
    ada       | 2024-01-03 09:00:00 | complete
"""


def tables(case: str) -> dict[str, pd.DataFrame]:
    if case == "one person":
        return {"person": from_text(PERSON), "event": from_text(EVENT)}
    if case == "no activity":
        return {"person": from_text(PERSON)}
    whole = organisation(3, n_persons=400, n_months=12, scale=20.0).tables
    if case == "all censored":
        values = whole["event"][whole["event"]["verb"] == "complete"]
        days = pd.date_range("2024-12-20", "2024-12-31")
        late = values.drop_duplicates("person_id")
        return {
            "event": pd.concat(
                [late.assign(occurred_at=day, recorded_at=day, event_id=late["event_id"] + str(i))
                 for i, day in enumerate(days)]
            )
        }  # fmt: skip
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "event", "access")}
    if case == "no HR file":
        return {"event": whole["event"]}
    return whole


def enrolments(n: int = 300) -> dict[str, pd.DataFrame]:
    """Two offers of 200 days; a third of the one and none of the other withdraw."""
    start = pd.Timestamp("2024-02-01")
    i = pd.Series(range(n))
    gone = (i % 3 == 0) & (i % 2 == 0)
    at = start + pd.to_timedelta(i % 150, unit="D")
    return {
        "content": pd.DataFrame(
            {"content_id": ["m1", "m2"], "title": ["One", "Two"], "topic": ["AAA", "BBB"],
             "published_at": start, "retired_at": start + pd.Timedelta(days=200)}
        ),
        "assignment": pd.DataFrame(
            {
                "assignment_id": [f"a{k}" for k in i], "person_id": [f"p{k}" for k in i],
                "content_id": (i % 2).map({0: "m1", 1: "m2"}),
                "assigned_at": start - pd.to_timedelta(i % 40 - 5, unit="D"),
                "status": gone.map({True: "withdrawn", False: "completed"}),
                "status_at": at.where(gone, start + pd.Timedelta(days=200)),
            }
        ),
    }  # fmt: skip


def told(payloads: list[dict[str, Any]], view: str) -> str:
    [found] = [p for p in payloads if p["view"] == view]
    published = [from_payload(one) for one in found["published"]]
    said: str = getattr(sentences, view)(*published)
    return said


CASES = ["empty", "one person", "no HR file", "no activity", "all censored", "whole"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("public", [False, True], ids=["k10", "public"])
def test_ends_in_a_report(
    case: str, public: bool, tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    write(tables(case), tmp_path / "d", client="text", key=KEY, reject_limit=1.0, public=public)
    payloads, facts = run_cells(
        "30_engagement_survival", dataset=str(tmp_path / "d"), as_of="2025-01-01"
    )
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("survival_median" in known) == (case in ("whole", "no HR file"))
    for payload in payloads:
        check_payload(payload, public=public)


def test_facts_hold_every_group(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(tables("whole"), tmp_path / "d", client="text", key=KEY, public=True)
    given = {"dataset": str(tmp_path / "d"), "as_of": "2025-01-01", "gap_days": 28}
    _, facts = run_cells("30_engagement_survival", **given, by="level", horizon_days=60)
    for metric in ("survival_at", "survival_median", "rmst"):
        labels = {f["label"] for f in facts["facts"] if f["metric"] == metric}
        assert {"all", "entry", "professional", "senior"} <= labels
    _, alone = run_cells("30_engagement_survival", **given, by="")
    assert {f["label"] for f in alone["facts"] if f["metric"] == "survival_at"} == {"all"}


@pytest.mark.parametrize("origin", ["start", "registration", "delayed_entry"])
def test_enrolments_by_offer_and_origin(
    origin: str, tmp_path: Path, run_cells: Callable[..., Any]
) -> None:
    write(enrolments(), tmp_path / "d", client="text", key=KEY, public=True)
    payloads, facts = run_cells(
        "30_engagement_survival",
        dataset=str(tmp_path / "d"),
        as_of="2025-01-01",
        subject="enrolment",
        origin=origin,
        horizon_days=180,
    )
    at = {f["label"]: f["value"] for f in facts["facts"] if f["metric"] == "survival_at"}
    assert set(at) == {"all", "AAA", "BBB"}
    assert at["BBB"] == 1.0
    assert 0.6 < at["AAA"] < 0.75
    assert sentences.ORIGINS[origin] in told(payloads, "everyone")
    assert "not reached" in told(payloads, "everyone")
    assert "not with a gap" in told(payloads, "gap")
    medians = {f["label"]: f["value"] for f in facts["facts"] if f["metric"] == "survival_median"}
    assert set(medians.values()) == {"inf"}


def test_enrolments_where_there_are_none(tmp_path: Path, run_cells: Callable[..., Any]) -> None:
    write(tables("no HR file"), tmp_path / "d", client="text", key=KEY)
    payloads, facts = run_cells(
        "30_engagement_survival",
        dataset=str(tmp_path / "d"),
        as_of="2025-01-01",
        subject="enrolment",
    )
    assert "assignment" in told(payloads, "everyone")
    assert "cannot be told" in facts["headline"]["title"]
