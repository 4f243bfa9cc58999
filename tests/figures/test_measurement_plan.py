"""The views of a measurement plan: what is drawn, tabulated and said, under both kinds of rules."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import measurement_plan as figures
from ldresearch.models import measurement_plan as models
from ldresearch.plan import Plan, parse, template
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import measurement_plan as sentences
from ldresearch.tables import measurement_plan as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC, PRIVATE = Rules(k=1, base=1, public=True), Rules()
VIEWS = {
    "baseline": "shares", "scorecard": "scorecard", "trustworthy": "scorecard",
    "gameable": "scorecard", "curve": "curve", "likeness": "likeness", "ways": "ways",
    "designs": "designs", "outline": "outline", "rule": "outline",
}  # fmt: skip
DRAWN = ("scorecard", "curve", "designs")
FROZEN = {
    "hash": "a" * 64, "frozen_hash": "a" * 64, "frozen_on": "2025-02-20", "is_late": False,
    "changed": "", "why": "",
}  # fmt: skip
BAD = re.compile(r"\b(nan|None|inf|_)\b")


def plan(**changed: object) -> Plan:
    content = parse(template()).content
    return Plan.from_content(
        content | {name.replace("__", "."): value for name, value in changed.items()}
    )


def people(n: int, share: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    reach = (np.arange(n) < n * share).astype(float)
    weeks = reach * rng.integers(1, 8, n)
    frame = pd.DataFrame({
        "value_reach": reach, "value_reach_before": rng.permutation(reach),
        "value_reach_days": np.where(reach == 1, 9, 60), "active_weeks": weeks,
        "value_days": weeks, "learning_minutes": weeks * 30.0, "gave_up_share": 0.0,
        "return_share": (weeks > 1).astype(float), "assigned_minutes": 0.0,
    })  # fmt: skip
    return frame.assign(unit=[f"u{i % 12}" for i in range(n)], role="clerk")


def made(n: int = 3000, asked: Plan | None = None, **facts: object) -> dict[str, Result]:
    frame, weeks = people(n), pd.date_range("2024-01-01", periods=14, freq="7D")
    rng = np.random.default_rng(2)
    moving = pd.DataFrame({
        "metric": "value_reach", "week_on": weeks, "value": 0.2 + 0.02 * rng.random(14), "n": n,
    })  # fmt: skip
    records = pd.DataFrame({
        "metric": [m.id for m in models.candidates()], "n_missing": 1, "n_rows": 100,
        "lag_days": 61.0,
    })  # fmt: skip
    panel = pd.DataFrame(
        [(f"u{u}", w, 0.2 + 0.02 * rng.standard_normal(), n // 12)
         for u in range(12) for w in weeks],
        columns=["unit", "week", "value", "weight"],
    )  # fmt: skip
    alike = models.likeness(frame, asked, by=["unit", "role"])
    ways = models.ways(frame, alike, asked)
    return {
        "shares": models.shares(frame), "means": models.means(frame),
        "scorecard": models.scorecard(frame, moving, records, asked),
        "curve": models.curve(frame, asked, design_effect=2.0), "likeness": alike, "ways": ways,
        "designs": models.designs(panel, frame, asked, simulations=50),
        "outline": models.outline(asked, {**FROZEN, **facts} if asked else {"why": "none"}),
        "verdict": models.verdict(frame, ways, asked),
        "trust": models.trust(frame, records, {**FROZEN, **facts}, asked),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return made(3000, plan())


@pytest.fixture(params=[PUBLIC, PRIVATE], ids=["public", "k = 10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing() -> Published:
    return publish(not_enough("none", Family.CHECKS, "nobody is known before the launch"), PUBLIC)


def headline(results: dict[str, Result], rules: Rules = PUBLIC) -> Any:
    order = ("verdict", "outline", "shares", "means")
    return sentences.headline(*(publish(results[name], rules) for name in order))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    one = published[VIEWS[view]]
    said = getattr(sentences, view)(one, published["means"])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not BAD.search(said)
    table = getattr(tables, view)(one, published["means"])
    assert table.rows
    assert not BAD.search(str(table.rows))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_is_missing(view: str) -> None:
    said = getattr(sentences, view)(nothing())
    assert said.endswith(".")
    if view != "rule":
        assert "nobody is known before the launch" in said


@pytest.mark.parametrize("view", DRAWN)
def test_figures_draw_what_was_published(view: str, published: dict[str, Published]) -> None:
    ax = getattr(figures, view)(published[view])
    assert ax.get_xlabel()
    frame = published[view].frame
    if view == "curve":
        drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]
        own = [g["mde"].astype(float).to_numpy() for _, g in frame.groupby("way", sort=False)]
        for line, values in zip(drawn, own, strict=True):
            np.testing.assert_allclose(line.get_ydata(), 100 * values)
    elif view == "designs":
        dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(dots, frame["power"].astype(float))
    else:
        widths = [patch.get_width() for patch in ax.patches]
        known = frame["relative"].dropna().astype(float)
        np.testing.assert_allclose(widths, np.minimum(known, 1.0))


def test_everything_passes_the_gate(found: dict[str, Result]) -> None:
    for name, result in found.items():
        payload = {
            "v": 1, "kind": "table", "stem": "measurement_plan", "view": "any",
            "published": [to_payload(publish(result, PRIVATE))],
        }  # fmt: skip
        check_payload(payload)
        assert name


def test_the_whole_hash_is_told(found: dict[str, Result]) -> None:
    outline = publish(found["outline"], PUBLIC)
    assert "a" * 64 in sentences.outline(outline)
    assert " ".join(["a" * 16] * 4) in str(tables.outline(outline).rows)


def test_a_plan_that_is_not_frozen_is_said_so() -> None:
    outline = publish(models.outline(plan(), {**FROZEN, "frozen_on": ""}), PUBLIC)
    assert "is not frozen yet" in sentences.outline(outline)


def test_edits_are_named() -> None:
    results = made(6000, plan(), changed="owner: 'a' became 'b'")
    assert "owner: 'a' became 'b'" in sentences.outline(publish(results["outline"], PUBLIC))
    assert "Undo the edits" in headline(results).decision


@pytest.mark.parametrize(
    ("n", "asked", "title", "decision"),
    [
        (5600, plan(), r"^Launch: a rise of 5 points in people with a value event would .* 9\d %",
         "Launch on 3 March 2025 as frozen"),
        (9000, plan(), r"with a chance of more than 99 %$", "decide at the planned looks"),
        (1500, plan(), r"^Redesign first: the plan finds a rise of 5 points .* find is 8.5 points$",
         "longer window"),
        (150, plan(), r"^Do not measure with these people: .* is 2\d points, and 5 points matter",
         "without claiming an effect"),
        (3000, None, r"^There is no plan yet", "ldresearch plan new"),
        (3000, plan(roll_out__design="before_after"), r"^Redesign: everyone gets it at once",
         "Hold a share"),
        (8, plan(), r"^Do not measure yet: fewer than 20 people", "whole window"),
        (6000, plan(primary__metric="gave_up_share", guardrail={}),
         r"^Do not measure this: people who gave something up is the same f", "another metric"),
    ],
)  # fmt: skip
def test_headlines(n: int, asked: Plan | None, title: str, decision: str) -> None:
    said = headline(made(n, asked))
    assert re.search(title, said.title), said.title
    assert decision in said.decision
    assert not BAD.search(f"{said.title} {said.decision} {said.change_mind}")
    assert len(said.cards) <= 4


def test_cards_are_in_plain_units() -> None:
    said = headline(made(5600, plan()))
    assert [card.value for card in said.cards][:3] == ["20 %", "+4 points", "93 %"]


def test_every_check_has_its_words(found: dict[str, Result]) -> None:
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)
    for words in sentences.CHECKS.values():
        assert set(words) == {"title", "passed", "not passed", "not known"}


def test_metrics_in_words_are_short_enough_to_draw() -> None:
    for metric in models.candidates():
        assert len(metric.label) <= 34
        assert metrics()[metric.id].gameable_because


@pytest.mark.parametrize(
    ("n", "said"),
    [(4100, "is 5 points: just what matters"), (9000, "is enough for the 5 points that matter"),
     (1500, "is more than the 5 points that matter")],
)  # fmt: skip
def test_the_curve_is_held_against_what_matters(n: int, said: str) -> None:
    curve = models.curve(people(n), plan())
    assert said in sentences.curve(publish(curve, PUBLIC))
