"""50_skill_gaps from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import study
from ldresearch.ingest import write
from ldresearch.privacy.gate import MIME, check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import skill_gaps as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import KEY

AS_OF = "2024-07-01"
SKILLS = ("skill", "skill_scale", "skill_rating", "role_skill", "role", "content_skill")


@pytest.fixture(scope="module")
def world() -> dict[str, pd.DataFrame]:
    return organisation(3, n_persons=300, n_months=6).tables


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    rating = whole["skill_rating"]
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", *SKILLS)}
    if case == "one person":
        one = whole["person"]["person_id"].iloc[0]
        return {
            name: t[t["person_id"] == one] if "person_id" in t.columns else t
            for name, t in whole.items()
        }
    changed: dict[str, dict[str, pd.DataFrame]] = {
        "self only": {"skill_rating": rating[rating["source"] == "self"]},
        "managers only": {"skill_rating": rating[rating["source"] == "manager"]},
        "one skill": {"skill_rating": rating[rating["skill_id"] == "s00"]},
        "other roles": {"role_skill": whole["role_skill"].assign(role_id="pilot")},
        "constant": {"skill_rating": rating.assign(raw=3.0, scale_id="five")},
        "content without levels": {
            "content_skill": whole["content_skill"].drop(columns=["level_from", "level_to"])
        },
    }
    without = {
        "no HR file": ("person",), "no ratings": ("skill_rating",), "no profiles": ("role_skill",),
        "no skills at all": SKILLS, "no content": ("content", "content_skill"),
        "no names": ("skill", "role"),
    }  # fmt: skip
    kept = {name: t for name, t in whole.items() if name not in without.get(case, ())}
    return kept | changed.get(case, {})


def run(
    root: Path, monkeypatch: pytest.MonkeyPatch, **given: object
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run the code cells in this process and collect what they show."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(study, "_display", shown.append)
    monkeypatch.setattr(study, "_draws", lambda: False)
    notebook = json.loads((root / "notebooks" / "50_skill_gaps.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102
            if "parameters" in cell["metadata"]["tags"]:
                names.update({"replicates": 20, "max_clusters": 5} | given)
    return [b[MIME] for b in shown if MIME in b], shown[-1][study.FACTS_MIME]


GAPS = ("whole", "managers only", "one skill", "no content", "no names", "constant",
        "content without levels")  # fmt: skip
NONE = ("empty", "one person", "self only", "other roles", "no HR file", "no ratings",
        "no profiles", "no skills at all")  # fmt: skip


@pytest.mark.parametrize("case", [*GAPS, *NONE])
def test_ends_in_a_report(
    case: str,
    world: dict[str, pd.DataFrame],
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tables(case, world), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run(root, monkeypatch, dataset=str(tmp_path / "d"), as_of=AS_OF)
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert facts["headline"]["title"] == said.title
    assert said.decision
    known = {fact["metric"] for fact in facts["facts"]}
    assert ("skill_shortfall" in known) == (case in GAPS)
    assert ("cannot be told yet" in said.title) == (case in NONE)
    for payload in payloads:
        check_payload(payload, public=False)


def test_what_is_missing_is_named(
    world: dict[str, pd.DataFrame], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tables("no skills at all", world), tmp_path / "d", client="text", key=KEY)
    _, facts = run(root, monkeypatch, dataset=str(tmp_path / "d"), as_of=AS_OF)
    decision = facts["headline"]["decision"]
    assert "Collect first" in decision
    assert "skill ratings with their source" in decision
    assert "target profiles" in decision


def test_self_ratings_alone_place_nobody(
    world: dict[str, pd.DataFrame], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tables("self only", world), tmp_path / "d", client="text", key=KEY)
    _, facts = run(root, monkeypatch, dataset=str(tmp_path / "d"), as_of=AS_OF)
    assert "by themselves alone" in facts["headline"]["title"]
    metrics = {fact["metric"] for fact in facts["facts"]}
    assert not metrics & {"skill_shortfall", "readiness", "cohort_size", "hours_to_close"}


def test_the_same_seed_gives_the_same_bytes(
    world: dict[str, pd.DataFrame], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tables("whole", world), tmp_path / "d", client="text", key=KEY)
    given = {"dataset": str(tmp_path / "d"), "as_of": AS_OF, "by": "role"}
    first, second = (run(root, monkeypatch, **given)[0] for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
