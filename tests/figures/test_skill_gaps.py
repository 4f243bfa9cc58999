"""What the skill gap report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import skill_gaps as figures
from ldresearch.figures import style
from ldresearch.models import skill_gaps
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import skill_gaps as sentences
from ldresearch.tables import skill_gaps as tables
from ldresearch.vocabulary import Family

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("coverage", "gaps", "gap_map", "readiness", "self_bias")
VIEWS = (*FIGURES, "basis", "sources", "supply", "clusters", "cohorts")
HEADLINE = ("gaps", "gap_map", "readiness", "supply", "cohorts", "coverage")
SKILLS = ("Coaching", "Data_1", "Save $5", "Testing", "Writing", "Selling")


def frames(n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two planted cohorts, in Coaching and Data_1 or in Testing and Writing; a unit of seven."""
    rng = np.random.default_rng(1)
    lacks = np.array([[0.4, 0.4, 0.05, 0, 0, 0.05], [0, 0, 0.05, 0.3, 0.3, 0.05]])
    level = 0.75 - lacks[np.arange(n) % 2] + rng.normal(0, 0.06, (n, len(SKILLS)))
    units = np.where(np.arange(n) < 7, "Lab", np.array(["North", "South"])[(np.arange(n) // 2) % 2])
    rows = []
    for source, share, bias, sd in (
        ("review", 0.5, 0, 0.04), ("manager", 0.7, 0, 0.08), ("self", 0.8, 0.1, 0.12),
    ):  # fmt: skip
        picked = rng.random(level.shape) < share
        for p, s in zip(*np.nonzero(picked), strict=True):
            value = float(np.clip(level[p, s] + bias + rng.normal(0, sd), 0, 1))
            rows.append((int(p), f"s{s}", source, value, int(rng.integers(0, 600)), "clerk",
                         units[p]))  # fmt: skip
    columns = ["person_key", "skill_id", "source", "level", "age_days", "role", "group"]
    ratings = pd.DataFrame(rows, columns=columns)
    cells = [(p, f"s{s}", SKILLS[s], "clerk", units[p], 0.7, 1.0)
             for p in range(n) for s in range(len(SKILLS))]  # fmt: skip
    columns = ["person_key", "skill_id", "skill", "role", "group", "target", "weight"]
    return ratings, pd.DataFrame(cells, columns=columns)


def results() -> dict[str, Result]:
    ratings, required = frames()
    ages = {"new": 400, "middle": 300, "old": 200, "all": 900}
    coverage = pd.DataFrame(
        [(s, a, c, 395, 2400, 400) for s in ("any", "review", "self") for a, c in ages.items()],
        columns=["source", "age", "n_pairs", "n_persons", "n_pairs_of", "n_persons_of"],
    )
    basis = pd.DataFrame(
        [(g, b, c, 100, 1000, p) for g, p in (("North", 190), ("South", 200), ("Lab", 7))
         for b, c in (("several", 500), ("one", 100), ("self_only", 300), ("none", 100))],
        columns=["group", "basis", "n_pairs", "n_persons", "n_pairs_of", "n_persons_of"],
    )  # fmt: skip
    supply = pd.DataFrame(
        [(f"s{s}", f"c{s}{i}", f"{SKILLS[s]}, part {i}", 45.0 + 10 * i, 5.0 * i, "EUR", 0.2 * i,
          0.2 * i + 0.3) for s in range(5) for i in range(3)],
        columns=["skill_id", "content_id", "title", "minutes", "cost", "currency", "level_from",
                 "level_to"],
    )  # fmt: skip
    levels = skill_gaps.levels(ratings)
    short = skill_gaps.shortfalls(levels, required).frame
    ways = skill_gaps.closing(short, supply)
    tried, members = skill_gaps.cluster(short, replicates=20, max_clusters=4)
    found = {
        "coverage": skill_gaps.coverage(coverage), "basis": skill_gaps.basis(basis),
        "sources": skill_gaps.sources(levels, ratings), "gaps": skill_gaps.gaps(short),
        "gap_map": skill_gaps.gap_map(short), "readiness": skill_gaps.readiness(short),
        "self_bias": skill_gaps.self_bias(ratings),
        "supply": skill_gaps.supplied(ways, supply, short), "clusters": tried,
        "cohorts": skill_gaps.cohorts(members, ways, supply, short),
    }  # fmt: skip
    checks = (found["coverage"], found["basis"], levels, tried, ratings)
    return found | {"trust": skill_gaps.trust(*checks)}


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `skill_rating` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.MEANS, why))


def test_the_world_of_these_tests_has_its_cohorts(found: dict[str, Result]) -> None:
    assert found["clusters"].parameters["k"] == 2
    top = found["cohorts"].frame.groupby("cohort")["skill"].apply(lambda s: set(s.head(2)))
    assert sorted(map(sorted, top)) == [["Coaching", "Data_1"], ["Testing", "Writing"]]


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    draw: Callable[..., Any] = getattr(figures, view)
    ax = draw(published[view])
    assert style.fit(ax).get_size_inches()[0] == style.WIDTH
    assert ax.get_xlabel()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not re.search(r"\b(nan|None|inf)\b", said)
    table = getattr(tables, view)(published[view])
    assert len(table.rows) == len(published[view].rows) > 0
    assert not [cell for row in table.rows for cell in row if cell in ("nan", "None", "inf")]


def test_every_payload_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload = {"v": 1, "kind": "table", "stem": "skill_gaps", "view": view,
                   "published": [to_payload(one)]}  # fmt: skip
        check_payload(json.loads(json.dumps(payload, allow_nan=False)))


def test_the_forest_draws_the_numbers_it_was_given(found: dict[str, Result]) -> None:
    one = publish(found["gaps"], PUBLIC)
    drawn = [float(line.get_xdata()[0]) for line in figures.gaps(one).lines
             if line.get_marker() == "o"]  # fmt: skip
    np.testing.assert_allclose(drawn, 100 * one.frame["shortfall"].to_numpy(float))


def test_the_map_writes_every_cell(found: dict[str, Result]) -> None:
    one = publish(found["gap_map"], PUBLIC)
    said = [t.get_text() for t in figures.gap_map(one).texts]
    assert said == [f"{round(100 * v)}" for v in one.frame["shortfall"]]


def test_a_small_unit_is_never_shown(found: dict[str, Result]) -> None:
    assert "Lab" not in set(found["gap_map"].frame["group"])
    row = publish(found["basis"]).frame.set_index("group").loc["Lab"]
    assert row.isna().all()
    assert "Lab" not in sentences.basis(publish(found["basis"]))


def test_the_headline_names_the_gap_and_what_to_do(published: dict[str, Published]) -> None:
    head = sentences.headline(*(published[name] for name in HEADLINE))
    assert "Coaching" in head.title
    assert "points of 100 short" in head.title
    assert len(head.cards) == 4
    assert head.decision.startswith("Invest in ")
    assert "2 cohorts" in head.decision
    assert "hours of learning a person" in head.decision
    assert head.change_mind


def test_no_cohorts_is_an_answer(found: dict[str, Result]) -> None:
    none = not_enough("cohorts", Family.SEGMENTS, "there are no cohorts: people do not fall into "
                      "groups that lack the same skills")  # fmt: skip
    parts = [publish(found[name], PUBLIC) for name in HEADLINE]
    parts[4] = publish(none)
    head = sentences.headline(*parts)
    assert "cohort" not in head.decision
    assert sentences.cohorts(parts[4]).startswith("There are no cohorts")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_said_to_be_missing(view: str) -> None:
    assert "no rows in `skill_rating`" in getattr(sentences, view)(nothing()).replace("No", "no", 1)


def test_the_headline_is_true_when_everything_is_missing() -> None:
    head = sentences.headline(*[nothing()] * len(HEADLINE))
    assert head.title.startswith("Skill gaps cannot be told yet: this dataset has no rows")
    assert head.cards == ()
    assert "Collect first: skill ratings with their source" in head.decision


def test_one_source_is_called_an_upper_limit(found: dict[str, Result]) -> None:
    gaps = found["gaps"].but(parameters={"is_upper_bound": True})
    parts = [publish(found[name] if name != "gaps" else gaps, PUBLIC) for name in HEADLINE]
    assert "up to" in sentences.headline(*parts).title
    assert "upper limits" in sentences.gaps(parts[0])


def test_checks_have_a_sentence_for_each_status(found: dict[str, Result]) -> None:
    for row in found["trust"].frame.to_dict("records"):
        words = sentences.CHECKS[str(row["check"])]
        assert set(words) == {"title", "passed", "not passed", "not known"}
        assert words[str(row["status"])].format(value="1", threshold="2")
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)
