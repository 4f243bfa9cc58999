"""What the report on voices draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import learner_voice as figures
from ldresearch.figures import style
from ldresearch.models import voice as models
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import learner_voice as sentences
from ldresearch.tables import learner_voice as tables
from ldresearch.vocabulary import Family

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("response", "nps", "kano", "drivers", "behaviour")
VIEWS = ("response", "weights", "nps", "change", "pmf", "likert", "kano", "drivers", "behaviour")
TABLES = tuple(v for v in VIEWS if v != "change")
HEADLINE = ("nps", "change", "response", "pmf", "likert", "kano", "drivers", "behaviour")
Build = dict[str, Published]


def frames(size: int, mood: float = 0.5, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two surveys among two units: answers, and those asked."""
    rng = np.random.default_rng(seed)
    said, asked = [], []
    for wave in (1, 2):
        on = pd.Timestamp("2024-03-04") + pd.Timedelta(days=120 * wave)
        unit = np.where(np.arange(size) < 0.7 * size, "Sales", "Service")
        agree = np.clip(np.round(rng.normal(3 + mood, 1, (3, size))), 1, 5)
        score = np.clip(np.round(4.5 + agree[0] + mood + rng.normal(0, 1.5, size)), 0, 10)
        pair = rng.choice(3, size, p=[0.7, 0.2, 0.1])
        columns: list[tuple[str, str, Any, Any]] = [
            ("nps", "recommend", score, ""),
            ("pmf", "platform", np.nan, np.where(score > 8, "very", "not")),
            *(("likert", name, a, "") for name, a in zip(("time", "fit", "use"), agree,
                                                           strict=True)),
            ("kano", "coach:functional", np.array([1, 1, 3])[pair], ""),
            ("kano", "coach:dysfunctional", np.array([3, 5, 3])[pair], ""),
            ("kano", "badges:functional", np.full(size, 3), ""),
            ("kano", "badges:dysfunctional", np.full(size, 3), ""),
        ]  # fmt: skip
        base = {"wave": wave, "wave_on": on, "response_id": np.arange(size), "unit": unit,
                "level": "one", "person_key": np.arange(size)}  # fmt: skip
        said += [
            pd.DataFrame({**base, "kind": k, "item": i, "score": s, "value": v, "points": 5.0})
            for k, i, s, v in columns
        ]
        n = pd.Series(unit).value_counts()
        rows = [
            ("unit", "Sales", size), ("unit", "Service", size), ("all", "all", 2 * size),
            ("activity", "active before", size), ("activity", "not active before", size),
        ]  # fmt: skip
        did = [n.get("Sales", 0), n.get("Service", 0), size, size // 2, size - size // 2]
        asked.append(
            pd.DataFrame(rows, columns=["by", "group", "n_asked"]).assign(
                n_answered=did, wave=wave, wave_on=on
            )
        )
    return pd.concat(said, ignore_index=True), pd.concat(asked, ignore_index=True)


@lru_cache(maxsize=8)
def results(size: int = 300, mood: float = 0.5) -> dict[str, Result]:
    said, asked = frames(size, mood)
    weights = models.rake(said, asked, margins="unit")
    basis: dict[str, Any] = {"weights": weights, "asked": asked}
    one = said[(said["kind"] == "nps") & (said["wave"] == 1)]
    days = one.assign(before=1.0, after=np.where(one["score"] >= 9, 4.0, 1.0) + one.index % 3)
    return {
        "response": models.response(asked), "weights": weights,
        "nps": models.nps(said, **basis), "change": models.change(said, **basis),
        "pmf": models.pmf(said, **basis), "likert": models.likert(said, **basis),
        "kano": models.kano(said, **basis), "drivers": models.drivers(said, replicates=50),
        "behaviour": models.behaviour(days),
    }  # fmt: skip


def build(size: int = 300, rules: Rules | None = None, mood: float = 0.5) -> Build:
    return {name: publish(r, rules) for name, r in results(size, mood).items()}


def nothing() -> Build:
    return {name: publish(not_enough(name, Family.MODEL, "nobody was asked")) for name in VIEWS}


CASES: dict[str, Callable[[], Build]] = {
    "public": lambda: build(rules=PUBLIC), "k 10": build, "few": lambda: build(8),
    "one, public": lambda: build(1, PUBLIC), "content": lambda: build(40, mood=4.0),
    "nothing": nothing,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_view_draws_tabulates_and_says(case: str) -> None:
    found = CASES[case]()
    for name in VIEWS:
        p = found[name]
        said = getattr(sentences, name)(p)
        assert said.endswith(".")
        assert "nan" not in said
        assert "None" not in said
        if name in TABLES and not p.is_empty:
            table = getattr(tables, name)(p)
            assert len(table.rows) == len(p.rows)
        if name in FIGURES and not p.is_empty:
            ax = getattr(figures, name)(p)
            assert style.fit(ax)
        check_payload(
            {"v": 1, "kind": "table", "stem": "learner_voice", "view": name,
             "published": [json.loads(json.dumps(to_payload(p), allow_nan=False))]}
        )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_headline_is_a_finding_a_decision_and_what_would_change_it(case: str) -> None:
    found = CASES[case]()
    said = sentences.headline(*(found[name] for name in HEADLINE))
    assert not said.title.endswith(".")
    assert said.decision.endswith(".")
    assert said.change_mind.endswith(".")
    assert len(said.cards) <= 4


def test_what_is_said_is_true() -> None:
    found = build(rules=PUBLIC)
    assert "50 % of 600 people answered" in sentences.response(found["response"])
    assert "Sales answer more than others, Service less" in sentences.response(found["response"])
    assert "is worth" not in sentences.weights(found["weights"])
    assert "oach: not expected, and a delight" in sentences.kano(found["kano"])
    assert "badges: nobody minds either way" in sentences.kano(found["kano"])
    assert "“time”" in sentences.drivers(found["drivers"])
    said = sentences.headline(*(found[name] for name in HEADLINE))
    assert "build coach" in said.decision
    assert "Drop badges." in said.decision
    assert "recommend" in said.title


def test_small_groups_are_hidden() -> None:
    found = build(8)
    for name in ("nps", "likert", "kano"):
        assert found[name].estimates == ()
    assert "hidden" in sentences.nps(found["nps"])
    said = sentences.headline(*(found[name] for name in HEADLINE))
    assert "hidden" in said.title
    assert [card.label for card in said.cards] == ["answered"]


def test_everyone_a_promoter_is_said_with_its_doubt() -> None:
    content = pd.DataFrame({"score": [10] * 40})
    said = sentences.nps(publish(models.nps(content)))
    assert "drawn to the middle" in said
    assert "100 (" not in said


def test_no_score_gives_back_who_answered_what() -> None:
    """Counts of promoters are rounded, and hidden where they are few."""
    p = build(40)["nps"].frame
    for column in ("promoters", "passives", "detractors"):
        assert all(v is None or v != v or v % 5 == 0 for v in p[column])
