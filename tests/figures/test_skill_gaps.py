"""What the skill report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import skill_gaps as figures
from ldresearch.figures import style
from ldresearch.models import skill_gaps as g
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import skill_gaps as sentences
from ldresearch.tables import skill_gaps as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("coverage", "gaps", "self_bias")
VIEWS = (
    "coverage", "basis", "sources", "self_bias", "gaps", "gap_map", "readiness", "supply",
    "clusters", "cohorts", "cohort_plan", "agreement", "change",
)  # fmt: skip
HEADLINE = ("gaps", "gap_map", "readiness", "supply", "cohorts", "coverage")


def results(n: int = 240, split: float = 0.3) -> dict[str, Result]:
    """Results of every view; three cohorts lack two skills each."""
    rng = np.random.default_rng(2)
    of = rng.integers(0, 3, n)
    level = 0.68 + rng.normal(0, 0.06, (n, 6))
    for k in range(3):
        level[of == k, 2 * k : 2 * k + 2] -= split
    rows, asked = [], []
    for p in range(n):
        unit = "Lab $1" if p < 8 else ("Sales", "Service")[p % 2]
        for j in range(6):
            for source, bias, sd in (("manager", 0, 0.05), ("self", 0.1, 0.1)):
                value = float(np.clip(level[p, j] + bias + rng.normal(0, sd), 0, 1))
                rows.append((p, f"s{j}", source, value, 20, "clerk", unit))
            asked.append((p, f"s{j}", f"Skill {j}", "clerk", unit, 0.7, 1.0))
    rated = pd.DataFrame(
        rows, columns=["person_key", "skill_id", "source", "level", "age_days", "role", "group"]
    )
    required = pd.DataFrame(
        asked, columns=["person_key", "skill_id", "skill", "role", "group", "target", "weight"]
    )
    supply = pd.DataFrame(
        {
            "skill_id": ["s0", "s1", "s2", "s3"], "content_id": list("abcd"),
            "title": ["A", "B", "C", "D"], "minutes": [60.0, 90, 30, 30], "cost": [20.0, 0, 0, 0],
            "currency": "EUR", "level_from": 0.0, "level_to": [0.8, 0.8, 0.8, 0.4],
        }
    )  # fmt: skip
    pairs = {"n_pairs_of": 6 * n, "n_persons_of": n}
    covered = pd.DataFrame(
        [(s, a, 6 * n, n) for s in ("any", "manager", "self") for a in ("new", "all")],
        columns=["source", "age", "n_pairs", "n_persons"],
    ).assign(**pairs)
    known = pd.DataFrame(
        {"group": ["Sales", "Service", "Lab $1"], "basis": "several", "n_pairs": [700, 690, 48],
         "n_persons": [116, 116, 8], "n_pairs_of": [700, 690, 48], "n_persons_of": [116, 116, 8]}
    )  # fmt: skip
    levels = g.levels(rated)
    short = g.shortfalls(levels, required).frame
    clusters = g.cluster(short, replicates=20)
    closed = g.closing(short, supply)
    coverage, basis = g.coverage(covered), g.basis(known)
    later = rated.assign(level=(rated["level"] + 0.1).clip(upper=1))
    twice = pd.concat([rated.assign(period="before"), later.assign(period="since")])
    return {
        "coverage": coverage, "basis": basis, "sources": g.sources(levels, rated),
        "self_bias": g.self_bias(rated), "gaps": g.gaps(short), "gap_map": g.gap_map(short),
        "readiness": g.readiness(short), "supply": g.supplied(closed, supply, short),
        "clusters": clusters, "cohorts": g.cohorts(clusters, closed, supply, short),
        "agreement": g.agreement(rated.assign(scale_id="five", raw=rated["level"])),
        "change": g.change(twice, required),
        "cohort_plan": g.cohort_plan(clusters, closed, supply, short),
        "trust": g.trust(coverage, basis, levels, clusters, rated),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `skill_rating` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.MEANS, why))


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    ax = getattr(figures, view)(published[view])
    assert style.fit(ax).get_size_inches()[0] == style.WIDTH
    assert ax.get_xlabel()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not re.search(r"\b(nan|None|inf)\b", said)
    table = getattr(tables, view)(published[view])
    assert table.rows
    assert not re.search(r"\b(nan|None|inf)\b", str(table.rows))
    if view != "gap_map":
        assert len(table.rows) == len(published[view].rows)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_is_missing(view: str) -> None:
    said = getattr(sentences, view)(nothing())
    assert "no rows in `skill_rating`" in said
    assert said.endswith(".")
    assert getattr(tables, view)(nothing()).rows == ()


def test_everything_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload: dict[str, Any] = {
            "v": 1, "kind": "table", "stem": "skill_gaps", "view": view,
            "published": [to_payload(one)],
        }  # fmt: skip
        check_payload(payload)


def test_every_estimate_is_in_the_registry(found: dict[str, Result]) -> None:
    for result in found.values():
        for e in result.estimates:
            assert e.metric in metrics()
            assert metrics()[e.metric].unit == e.unit


def test_the_map_has_a_row_a_skill_and_a_column_a_group(found: dict[str, Result]) -> None:
    table = tables.gap_map(publish(found["gap_map"], PUBLIC))
    assert [c.label for c in table.columns] == ["skill", "Sales", "Service"]
    assert len(table.rows) == 5


def test_the_headline_names_skills_hours_and_a_date(published: dict[str, Published]) -> None:
    said = sentences.headline(*(published[name] for name in HEADLINE))
    assert "Skill" in said.title
    assert re.search(r"by \d+ to \d+ points of 100", said.title)
    assert "week" in said.decision
    assert "3 groups of people" in said.decision
    assert len(said.cards) == 4
    assert said.change_mind


def test_the_headline_without_anything() -> None:
    said = sentences.headline(*(nothing() for _ in HEADLINE))
    assert "not known" in said.title
    assert "within four weeks" in said.decision
    assert said.cards == ()


def test_skills_that_nobody_teaches_are_bought_first(found: dict[str, Result]) -> None:
    shown = {name: publish(found[name], PUBLIC) for name in HEADLINE}
    frame = found["supply"].frame.assign(closable=0.2)
    shown["supply"] = publish(found["supply"].but(frame=frame), PUBLIC)
    said = sentences.headline(*(shown[name] for name in HEADLINE))
    assert "Buy or make content" in said.decision


def test_no_cohorts_is_an_answer() -> None:
    one = results(split=0.0)
    assert one["clusters"].parameters["k"] == 0
    assert "no cohorts" in sentences.clusters(publish(one["clusters"], PUBLIC))
    said = sentences.headline(*(publish(one[name], PUBLIC) for name in HEADLINE))
    assert "cohort" not in said.decision


def test_every_check_has_its_words(found: dict[str, Result]) -> None:
    frame = found["trust"].frame
    assert set(frame["check"]) == set(sentences.CHECKS)
    for texts in sentences.CHECKS.values():
        assert set(texts) == {"title", "passed", "not passed", "not known"}
