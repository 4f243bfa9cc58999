"""What the benchmark draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import benchmark as figures
from ldresearch.figures import style
from ldresearch.models import benchmark as models
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Rules, to_payload
from ldresearch.sentences import benchmark as sentences
from ldresearch.tables import benchmark as tables

PUBLIC = Rules(k=1, base=1, public=True)
NONE = pd.DataFrame()


def scores(n: float = 400.0) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"organisation": [f"O{i:02d}" for i in range(20)], "year": year,
                          "item": "theme", "score": np.linspace(40, 60, 20) + year - 2023,
                          "n": n, "is_summary": False})
            for year in (2023, 2024)
        ]
    )  # fmt: skip


def own(n: int = 300, score: float = 60.0) -> pd.DataFrame:
    return pd.DataFrame({"year": [2024], "item": "theme", "score": score, "sd": 10.0, "n": n,
                         "n_items": 4})  # fmt: skip


CASES: dict[str, tuple[pd.DataFrame, pd.DataFrame, dict[str, Any], Rules | None]] = {
    "own, private": (scores(), own(), {}, None),
    "own, few": (scores(), own(7), {}, None),
    "no sizes, private": (scores(np.nan), own(), {}, None),
    "published, public": (scores(np.nan), NONE, {"organisation": "O03"}, PUBLIC),
    "published, private": (scores(np.nan), NONE, {"organisation": "O03"}, None),
    "sector only": (scores(), NONE, {}, None),
    "nothing": (NONE, NONE, {}, None),
}


def views(case: str) -> tuple[Published, Published]:
    published, mine, given, rules = CASES[case]
    return (publish(models.standing(published, mine, **given), rules),
            publish(models.trend(published, mine, **given), rules))  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_view_draws_tabulates_and_says(case: str) -> None:
    for name, p in zip(("standing", "trend"), views(case), strict=True):
        said = getattr(sentences, name)(p)
        assert said.endswith(".")
        assert "nan" not in said
        assert "None" not in said
        if not p.is_empty:
            assert getattr(tables, name)(p).rows
            style.fit(getattr(figures, name)(p))
        check_payload(
            {"v": 1, "kind": "figure", "stem": "benchmark", "view": name,
             "published": [json.loads(json.dumps(to_payload(p), allow_nan=False))]}
        )  # fmt: skip
    said = sentences.headline(*views(case))
    assert not said.title.endswith(".")
    assert said.decision.endswith(".")


def test_what_is_said_is_true() -> None:
    placed, through = views("own, private")
    said = sentences.standing(placed)
    assert "60 of 100" in said
    assert "20 organisations with 150 to 600 answers" in said
    assert "upper half of organisations of like size" in sentences.headline(placed, through).title
    assert "up 1 points from 2023 to 2024" in sentences.trend(through)


def test_a_place_without_sizes_is_a_first_impression() -> None:
    placed, through = views("published, public")
    assert "how many answered is not published" in sentences.standing(placed)
    assert "first impression" in sentences.headline(placed, through).decision


def test_few_answers_are_hidden_and_others_scores_are_not() -> None:
    placed, through = views("own, few")
    assert placed.estimates == ()
    assert "hidden" in sentences.standing(placed)
    [held] = [r for r in placed.frame.to_dict("records") if r["standing"] == "held"]
    assert held["score"] is None or held["score"] != held["score"]
    assert sum(r["score"] == r["score"] for r in placed.frame.to_dict("records")) >= 20
    assert sentences.headline(placed, through).cards
