"""What the report on personalisation draws, tabulates and says: public, ruled, and with nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import personalisation as figures
from ldresearch.figures import style
from ldresearch.models import personalisation as g
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import personalisation as sentences
from ldresearch.tables import personalisation as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("accuracy", "uplift")
VIEWS = ("readiness", "accuracy", "policies", "fairness", "value", "uplift", "responders",
         "engagement")  # fmt: skip
HEADLINE = ("accuracy", "fairness", "value", "uplift", "responders", "engagement", "readiness")
SOURCE = {"policies": "accuracy"}


def results(gain: float = 0.4, n: int = 400, forgotten: bool = True) -> dict[str, Result]:
    """Results of every view; two tastes, part-time staff forgotten, Sales gains."""
    rng = np.random.default_rng(1)
    content = np.array([f"c{i}" for i in range(12)], dtype=object)
    taste = rng.integers(0, 2, n)
    history = pd.DataFrame(
        [(p, content[6 * taste[p] + c]) for p in range(n) for c in rng.permutation(6)[:3]],
        columns=["person_key", "content_id"],
    )
    later = pd.DataFrame(
        [(p, content[6 * taste[p] + c]) for p in range(n) for c in rng.permutation(6)[:2]],
        columns=["person_key", "content_id"],
    )
    part = np.arange(n) % 4 == 0
    people = pd.DataFrame(
        {"person_key": range(n), "role": "clerk", "unit": np.where(taste == 0, "Lab $1", "Sales"),
         "hours": np.where(part, "part-time", "full-time")}
    )  # fmt: skip
    offer = pd.DataFrame({"content_id": content, "is_dated": True})
    teaches = pd.DataFrame({"content_id": content, "skill_id": [f"s{i % 3}" for i in range(12)]})
    short = pd.DataFrame({"person_key": range(n), "skill_id": "s1", "shortfall": 0.2})
    shown = later[~later["person_key"].isin(np.flatnonzero(part) if forgotten else [])]
    shown = shown.assign(shown_on=pd.Timestamp("2024-03-01"), rank=1)
    made = g.recommend(history, people, offer, teaches=teaches, shortfalls=short, shown=shown, k=3)
    judged = g.evaluate(made, later, history, people, offer, teaches=teaches, shortfalls=short)
    person = np.repeat(np.arange(n), 4)
    seen = pd.DataFrame(
        {"person_key": person, "content_id": content[rng.integers(0, 12, len(person))],
         "propensity": 1 / 12, "followed": rng.random(len(person)) < 0.2}
    )  # fmt: skip
    treated = rng.random(n) < 0.5
    trial = people.assign(
        is_treated=treated, is_randomised=True, propensity=0.5,
        outcome=(rng.random(n) < 0.2 + gain * (treated & (taste == 1))).astype(float),
    )  # fmt: skip
    on = pd.Timestamp("2024-03-01")
    spells = pd.DataFrame(
        {"person_key": range(n), "started_on": on, "duration": rng.integers(1, 90, n),
         "event": True}
    )  # fmt: skip
    exposed = trial[["person_key", "is_treated", "is_randomised"]].assign(arm="x", from_on=on)
    parts = pd.DataFrame(
        {"part": ["taken", "tags", "drawn"], "n_found": [n, 6, 0], "n_of": [n, 12, n],
         "n_persons": n}
    )  # fmt: skip
    ready, valued = g.readiness(parts), g.value(seen, made)
    gained = g.uplift(trial, replicates=30)
    return {
        "readiness": ready, "accuracy": judged, "fairness": g.fairness(judged, people),
        "value": valued, "uplift": gained, "responders": g.responders(trial),
        "engagement": g.engagement(spells, exposed),
        "trust": g.trust(ready, judged, valued, gained, offer),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `event` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.MEANS, why))


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    ax = getattr(figures, view)(published[view])
    assert style.fit(ax).get_size_inches()[0] == style.WIDTH
    assert ax.get_xlabel()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    one = published[SOURCE.get(view, view)]
    said = getattr(sentences, view)(one)
    assert not said[0].islower()
    assert said.endswith(".")
    table = getattr(tables, view)(one)
    assert table.rows
    for text in (said, str(table.rows)):
        assert not re.search(r"\b(nan|None|inf)\b", text)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_is_missing(view: str) -> None:
    said = getattr(sentences, view)(nothing())
    assert "no rows in `event`" in said
    assert said.endswith(".")
    assert getattr(tables, view)(nothing()).rows == ()


def test_everything_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload: dict[str, Any] = {
            "v": 1, "kind": "table", "stem": "personalisation", "view": view,
            "published": [to_payload(one)],
        }  # fmt: skip
        check_payload(payload)


def test_every_estimate_is_in_the_registry(found: dict[str, Result]) -> None:
    for result in found.values():
        for e in result.estimates:
            assert metrics()[e.metric].unit == e.unit
            assert metrics()[e.metric].status == "reported"


def headline(of: dict[str, Result], **but: Published) -> sentences.Headline:
    return sentences.headline(*(but.get(name) or publish(of[name], PUBLIC) for name in HEADLINE))


def test_who_is_left_behind_comes_first_and_then_who_gains(found: dict[str, Result]) -> None:
    said = headline(found)
    assert "leaves part-time staff behind: it held 0 %" in said.title
    assert "above all in Sales" in said.title
    assert said.decision.startswith("Mend first what is recommended to part-time staff (0 %")
    assert "Deploy personalised recommendations in Sales" in said.decision
    assert "part-time staff" in said.cards[0].label
    assert len(said.cards) == 4


def test_a_draw_without_a_gain_says_leave() -> None:
    said = headline(results(gain=0.0, forgotten=False))
    assert "no evidence" in said.title
    assert said.decision.startswith("Leave it")


def test_without_a_draw_it_is_to_be_tested_and_never_deployed(found: dict[str, Result]) -> None:
    none = nothing("nobody was drawn")
    of = results(forgotten=False)
    own = of["accuracy"]
    rows = own.frame[own.frame["policy"] != "today"]
    kept = tuple(e for e in own.estimates if e.label != "today")
    of["accuracy"] = own.but(frame=rows, estimates=kept)
    said = headline(of, uplift=none, responders=none, engagement=none)
    assert "more of what people took" in said.title
    assert said.decision.startswith("Test it")
    assert "Deploy" not in said.decision


def test_a_good_recommender_of_today_is_left_in_place() -> None:
    none = nothing("nobody was drawn")
    of = results(forgotten=False)
    best = str(of["accuracy"].parameters["best"])
    recall = {"today": 0.6, best: 0.3}
    estimates = tuple(
        replace(e, value=recall[e.label], low=recall[e.label] - 0.1, high=recall[e.label] + 0.1)
        if e.metric == "recall_at_k" and e.label in recall else e
        for e in of["accuracy"].estimates
    )  # fmt: skip
    of["accuracy"] = of["accuracy"].but(estimates=estimates)
    said = headline(of, uplift=none, responders=none)
    assert said.title.startswith("What people get today held more of what they took (60 %)")
    assert "Leave the rest as it is" in said.decision


def test_the_headline_without_anything() -> None:
    said = sentences.headline(*(nothing() for _ in HEADLINE))
    assert "not known" in said.title
    assert "Decide nothing yet" in said.decision
    assert said.cards == ()


def test_every_check_has_its_words(found: dict[str, Result]) -> None:
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)
    for texts in sentences.CHECKS.values():
        assert set(texts) == {"title", "passed", "not passed", "not known"}
