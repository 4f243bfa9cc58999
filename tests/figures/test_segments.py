"""What the report of segments draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import segments as figures
from ldresearch.figures import style, svg
from ldresearch.models import segments as models
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.segment_rules import read
from ldresearch.sentences import segments as sentences
from ldresearch.tables import segments as tables
from ldresearch.vocabulary import Family

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("usage", "rfm_groups", "foretold", "moves", "responses")
VIEWS = (*FIGURES, "profiles", "rfm", "behaviour", "alive")


def people(seed: int = 1, n: int = 600) -> pd.DataFrame:
    """Features as the measure gives them: a rhythm for each, some long gone."""
    rng = np.random.default_rng(seed)
    weeks = np.where(rng.random(n) < 0.5, 0, rng.integers(1, 13, n)).astype(float)
    actions = np.round(weeks * rng.gamma(2.0, 4.0, n)) + (weeks > 0)
    known = rng.integers(100, 400, n) / 7
    times = rng.exponential(1 / rng.gamma(0.8, 0.6, n)[:, None], (n, 60)).cumsum(axis=1)
    life = rng.geometric(rng.beta(1, 4, n))
    seen = (times <= known[:, None]) & (np.arange(60) < life[:, None])
    repeats = seen.sum(axis=1).astype(float)
    last = np.where(seen, times, 0.0).max(axis=1)
    frame = pd.DataFrame(
        {
            "person_key": range(n), "active_weeks": weeks, "active_days": np.ceil(weeks * 1.5),
            "actions": actions, "actions_a_week": actions / 12, "minutes": actions * 7,
            "minutes_a_week": actions * 7 / 12, "value_days": np.minimum(repeats, weeks),
            "social": rng.binomial(actions.astype(int), 0.1),
            "searches": rng.binomial(actions.astype(int), 0.2),
            "silent_days": np.where(rng.random(n) < 0.1, np.nan, 7 * (known - last) + 1),
            "repeats": repeats, "last_weeks": last, "known_weeks": known,
            "days_ahead": rng.poisson(weeks * 0.4), "unit": rng.choice(["Sales", "Lab"], n),
        }
    )  # fmt: skip
    return frame


def campaigns(is_drawn: bool) -> pd.DataFrame:
    rng = np.random.default_rng(99)
    frame = people(3)
    n = len(frame)
    treated = rng.random(n) < 0.5
    return frame.assign(
        initiative_id="one", label="A month for the goal", cluster=range(n),
        arm=np.where(treated, "treated", "control"), is_randomised=is_drawn,
        start_on="2024-01-01",
        has_responded=rng.random(n) < 0.2 + 0.4 * treated * (frame["active_weeks"] == 0),
    )  # fmt: skip


def quarters() -> pd.DataFrame:
    starts = pd.date_range("2024-01-01", periods=4, freq="QS")
    frame = pd.concat(
        [people(seed).assign(quarter_on=start) for seed, start in enumerate(starts)],
        ignore_index=True,
    )
    frame = frame[(frame["person_key"] > 30) | (frame["quarter_on"] > starts[1])].copy()
    frame.attrs["under_way"] = "2025-01-01"
    return frame


@lru_cache(maxsize=2)
def results(is_drawn: bool = True) -> dict[str, Result]:
    frame, rules = people(), read()
    alive = models.alive(frame, rules)
    ways = pd.DataFrame(
        [("way 1", "minutes_a_day", 90.0, 10.0, 0.9, 120), ("way 1", "social_share", 0.1, 0.3, 0.9,
          120), ("way 2", "minutes_a_day", 10.0, 90.0, 0.8, 180),
         ("way 2", "social_share", 0.3, 0.1, 0.8, 180)],
        columns=["segment", "feature", "mean", "others", "jaccard", "n"],
    )  # fmt: skip
    parts = {"mean": ("most", "next"), "others": ("most_others", "next_others")}
    ways = ways.assign(**{c: 0.01 for pair in parts.values() for c in pair})
    template = models.cluster(two_blobs(), replicates=5, seed=1)
    scored, held = models.rfm(frame), models.foretold(frame, rules)
    return {
        "usage": models.usage(frame, rules), "alive": alive, "foretold": held,
        "profiles": models.profiles(frame, rules, alive), "rfm": scored,
        "rfm_groups": models.rfm_groups(scored),
        "behaviour": template.but(frame=ways, sums=parts, beside=("jaccard",)),
        "moves": models.moves(quarters(), rules),
        "responses": models.responses(campaigns(is_drawn), rules),
        "trust": models.trust(frame, scored, template, held),
    }  # fmt: skip


def two_blobs() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 2))
    x[:60] += 9
    return pd.DataFrame(x, columns=["a", "b"])


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in results().items()}


def nothing(why: str = "this dataset has no rows in `person` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.RATES, why))


def test_there_is_something_to_show() -> None:
    assert [name for name, result in results().items() if result.is_empty] == []


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    for width in (style.WIDTH, svg.NARROW):
        ax = getattr(figures, view)(published[view])
        drawn = svg.render(ax, title=view, desc="", prefix="f", width=width)
        assert len(drawn) < (13_000 if view == "moves" else 4_000)
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


def test_every_payload_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload = {"v": 1, "kind": "figure", "stem": "segments", "view": view,
                   "published": [to_payload(one)]}  # fmt: skip
        check_payload(json.loads(json.dumps(payload, allow_nan=False)))
        assert "person_key" not in [c.name for c in one.columns]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_said_to_be_missing(view: str) -> None:
    assert "no rows in `person`" in getattr(sentences, view)(nothing())


def test_small_segments_are_hidden_everywhere() -> None:
    """Four people of a segment: no share, no mean, no chance of theirs."""
    frame = people().assign(active_weeks=0.0, actions=0.0, actions_a_week=0.0)
    frame.loc[:3, ["active_weeks", "actions", "actions_a_week"]] = [10.0, 400.0, 33.0]
    rules = read()
    for result in (models.usage(frame, rules), models.profiles(frame, rules)):
        one = publish(result, Rules())
        [row] = [r for r in one.frame.to_dict("records") if r["segment"] == "power"]
        numbers = [v for k, v in row.items() if k not in ("segment", "says", "n", "offer", "unit")]
        assert all(v is None or pd.isna(v) or k == 0 for k, v in enumerate(numbers))
        assert row.get("offer") is None or pd.isna(row["offer"])


# The alluvial -------------------------------------------------------------------------------


def test_an_unfinished_quarter_is_not_drawn_and_said_so(published: dict[str, Published]) -> None:
    ax = figures.moves(published["moves"])
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "Q1 2024", "Q2 2024", "Q3 2024", "Q4 2024",
    ]  # fmt: skip
    assert "Q1 2025 is not over" in ax.get_xlabel()
    assert "the first quarter of 2025 is not over" in sentences.moves(published["moves"])


def test_columns_are_as_high_as_their_people() -> None:
    one = publish(results()["moves"], PUBLIC)
    ax = figures.moves(one)
    assert ax.get_ylim()[1] == pytest.approx(1.01 * 600)
    table = tables.moves(one)
    assert next(c.label for c in table.columns) == "was"
    assert "fourth" not in table.caption
    assert "Q4 2024" in table.caption


# The headline -------------------------------------------------------------------------------


def headline(found: dict[str, Result], rules: Rules = PUBLIC) -> Any:
    names = ("usage", "profiles", "alive", "moves", "responses")
    return sentences.headline(*(publish(found[name], rules) for name in names))


@pytest.mark.parametrize("rules", [PUBLIC, Rules()])
def test_the_headline_says_who_and_what_to_offer(rules: Rules) -> None:
    found = headline(results(), rules)
    assert "of the people were “non-user” (no activity at all) and " in found.title
    assert found.title.startswith("In the last 12 weeks ")
    assert "give “non-user” one reason to begin" in found.decision
    assert "Send what is like “A month for the goal” to “non-user” first." in found.decision
    assert len(found.cards) == 4
    assert found.cards[-1].estimate.metric == "segment_response"


def test_without_chance_nothing_is_called_an_effect() -> None:
    found = headline(results(is_drawn=False))
    assert "Send what is like" not in found.decision
    assert "drawn at random" in found.change_mind
    said = sentences.responses(publish(results(is_drawn=False)["responses"], PUBLIC))
    assert "this is no effect" in said


def test_the_headline_of_nothing_decides_nothing() -> None:
    empty = nothing()
    found = sentences.headline(empty, empty, empty, empty, empty)
    assert found.title.startswith("Who the learners are cannot be told yet")
    assert found.decision.startswith("Decide nothing")
    assert found.cards == ()


def test_checks_have_words_for_each_status() -> None:
    checks = set(publish(results()["trust"], PUBLIC).frame["check"])
    assert checks == set(sentences.CHECKS)
    for words in sentences.CHECKS.values():
        assert set(words) == {"title", "passed", "not passed", "not known"}
