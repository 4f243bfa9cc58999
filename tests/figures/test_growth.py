"""What the growth report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import growth as figures
from ldresearch.figures import style
from ldresearch.models import growth as g
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import growth as sentences
from ldresearch.tables import growth as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("reachable", "doors")
VIEWS = ("reachable", "near", "steps", "doors", "agreement", "moves", "selection")
HEADLINE = ("reachable", "doors", "moves", "selection", "agreement")


def profiles(rng: np.random.Generator, se: float = 0.02) -> pd.DataFrame:
    roles = ["clerk", "chief", "cook", "a $cout", "driver"]
    frame = pd.DataFrame(
        {
            "role_id": np.repeat(roles, 6), "skill_id": np.tile([f"s{i}" for i in range(6)], 5),
            "target": rng.uniform(0.4, 0.8, 30), "target_se": se, "weight": 1.0, "weight_se": se,
            "is_reliable": True,
        }
    )  # fmt: skip
    return frame.assign(role=frame["role_id"].str.title(), skill="Skill " + frame["skill_id"])


def results(rules: Rules, *, people: bool = True, n: int = 400) -> dict[str, Result]:
    """Results of every view; the group B is chosen half as often, C is small."""
    rng = np.random.default_rng(3)
    asked = profiles(rng)
    related = pd.DataFrame(
        {"role_id": ["clerk", "chief", "cook"], "related_role_id": ["chief", "cook", "clerk"],
         "tier": "near", "rank": [1.0, 1, 1]}
    )  # fmt: skip
    levels, who = pd.DataFrame(), pd.DataFrame()
    if people:
        who = pd.DataFrame(
            {"person_key": range(n), "group": "",
             "role": np.where(np.arange(n) < 7, "driver", np.tile(["clerk", "cook"], n // 2))}
        )  # fmt: skip
        levels = pd.DataFrame(
            {"person_key": np.repeat(range(n), 6), "skill_id": np.tile(sorted(set(
                asked["skill_id"])), n), "level": rng.uniform(0.2, 0.9, 6 * n), "se": 0.05,
             "bias_se": 0.01}
        )  # fmt: skip
    ready, between = g.readiness(levels, who, asked), g.between(asked)
    reach = g.reachable(ready, between, asked, related)
    applied = pd.DataFrame(
        {"person_key": range(220), "to_role": "chief", "is_decided": True,
         "group": ["A"] * 110 + ["B"] * 100 + ["C"] * 10,
         "is_selected": rng.random(220) < np.array([0.6] * 110 + [0.25] * 110)}
    )  # fmt: skip
    moved = applied[applied["is_selected"]][["person_key", "to_role"]]
    rule = {"k": rules.k, "base": rules.base}
    followed = g.moves(ready, pd.DataFrame(), applied, moved, **rule)
    agreed = g.agreement(between, related, replicates=100)
    return {
        "reachable": reach, "near": reach, "steps": g.steps(asked, reach, levels, who),
        "doors": g.doors(levels, who, asked), "agreement": agreed, "moves": followed,
        "selection": g.selection(applied, ready, **rule),
        "trust": g.trust(ready, who, between, agreed, applied, followed),
    }  # fmt: skip


@pytest.fixture(scope="module", params=[PUBLIC, Rules()], ids=["public", "k10"])
def rules(request: pytest.FixtureRequest) -> Rules:
    found: Rules = request.param
    return found


@pytest.fixture(scope="module")
def published(rules: Rules) -> dict[str, Published]:
    return {name: publish(result, rules) for name, result in results(rules).items()}


@pytest.fixture(scope="module")
def of_roles(rules: Rules) -> dict[str, Published]:
    found = results(rules, people=False)
    return {name: publish(result, rules) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `role_skill` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.MEANS, why))


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(
    view: str, published: dict[str, Published], of_roles: dict[str, Published]
) -> None:
    for found in (published, of_roles):
        ax = getattr(figures, view)(found[view])
        assert style.fit(ax).get_size_inches()[0] == style.WIDTH
        assert ax.get_xlabel()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(
    view: str, published: dict[str, Published], of_roles: dict[str, Published]
) -> None:
    for found in (published, of_roles):
        said = getattr(sentences, view)(found[view])
        assert not said[0].islower()
        assert said.endswith(".")
        table = getattr(tables, view)(found[view])
        assert len(table.rows) == len(found[view].rows)
        assert not re.search(r"\b(nan|None|inf)\b", said + str(table.rows))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_is_missing(view: str) -> None:
    said = getattr(sentences, view)(nothing())
    assert "no rows in `role_skill`" in said
    assert said.endswith(".")
    assert getattr(tables, view)(nothing()).rows == ()


def test_everything_passes_the_gate(
    published: dict[str, Published], of_roles: dict[str, Published]
) -> None:
    for found in (published, of_roles):
        for view, one in found.items():
            payload: dict[str, Any] = {
                "v": 1, "kind": "table", "stem": "growth", "view": view,
                "published": [to_payload(one)],
            }  # fmt: skip
            check_payload(payload)


def test_every_estimate_is_in_the_registry() -> None:
    for result in results(PUBLIC).values():
        for e in result.estimates:
            assert metrics()[e.metric].unit == e.unit


def test_seven_drivers_are_not_told(published: dict[str, Published]) -> None:
    assert "Driver" not in set(published["reachable"].frame["from"])


def test_the_warning_is_a_warning(published: dict[str, Published]) -> None:
    said = sentences.selection(published["selection"])
    assert said.startswith("A warning, no proof")
    assert "those of B" in said
    assert "Not known, for too few: C" in said


def test_the_headline_names_a_move_a_skill_and_a_group(published: dict[str, Published]) -> None:
    said = sentences.headline(*(published[name] for name in HEADLINE))
    assert "other roles on average" in said.title
    assert "selection must be looked at for B" in said.title
    assert "Skill s" in said.decision
    assert "Within four weeks" in said.decision
    assert len(said.cards) == 4


def test_about_roles_alone_it_promises_nothing_to_people(of_roles: dict[str, Published]) -> None:
    said = sentences.headline(*(of_roles[name] for name in HEADLINE))
    assert "People are ready" not in said.title
    assert "from_role" in said.decision
    assert "about roles, not about your people" in said.decision
    assert "people" not in [c.label for c in tables.reachable(of_roles["reachable"]).columns]


def test_the_headline_without_anything() -> None:
    said = sentences.headline(*[nothing()] * 5)
    assert "not known" in said.title
    assert "four weeks" in said.decision


def test_every_check_has_its_words(published: dict[str, Published]) -> None:
    checks = published["trust"].frame["check"].tolist()
    assert checks == list(sentences.CHECKS)
    for one in sentences.CHECKS.values():
        assert set(one) == {"title", "passed", "not passed", "not known"}
