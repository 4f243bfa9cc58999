"""What the campaigns report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import views
from ldresearch.figures import campaigns as figures
from ldresearch.figures import style
from ldresearch.models import campaign_effects, campaigns
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import campaigns as sentences
from ldresearch.tables import campaigns as tables
from ldresearch.vocabulary import Family, Grade

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("effects", "course", "series")
TABLES = (*FIGURES, "touches", "dose", "lift", "strategies", "pooled", "cost")
SENTENCES = (*TABLES, "remarks", "next_time")
HEADLINE = ("effects", "strategies", "cost")


def described() -> pd.DataFrame:
    """Four campaigns as the measure gives them: drawn, in waves, at once, and not yet over."""
    rows = [
        ("north", "North: Goal", "broad", True, 40, 20, 1, True, 0.5, 500.0),
        ("south", "South: Steps", "drip", False, 20, 20, 1, False, 0.3, 100.0),
        ("east", "East: Goal $1", "broad", True, 40, 30, 3, False, 0.7, 900.0),
        ("west", "West: Late", "drip", None, 20, 10, 1, False, 0.2, np.nan),
    ]
    names = ["client", "campaign", "strategy", "is_goal_tied", "n_units", "n_launched", "n_waves",
             "is_randomised", "breadth", "budget"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(
        currency="EUR", n_waiting=400, n_reached=100, n_eligible=900, n_there=500,
        has_touches=[True, True, True, False], is_complete=[True, True, True, False],
        n_overlapping=0,
    )  # fmt: skip


def panel(name: str, n_units: int, waves: tuple[int, ...], effect: float) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = []
    for unit in range(n_units):
        first = waves[unit % len(waves)] if unit % 2 else np.nan
        for time in range(-4, max(waves) + 3):
            share = 0.1 + 0.01 * rng.normal() + effect * (time == first)
            rows.append((name, f"u{unit:02d}", time, first, share, 20))
    columns = ["campaign", "unit", "time", "first_treated", "share", "n_waiting"]
    return pd.DataFrame(rows, columns=columns)


def results() -> dict[str, Result]:
    found = described()
    rng = np.random.default_rng(3)
    both = pd.concat(
        [panel("North: Goal", 40, (0,), 0.15), panel("East: Goal $1", 40, (0, 2), 0.2)]
    )
    weeks = pd.DataFrame({"campaign": "South: Steps", "week": range(-26, 8)})
    weeks = weeks.assign(
        share=0.01 + 0.001 * rng.normal(size=34) + 0.01 * (weeks["week"] >= 0), n_waiting=400
    )
    studies = campaign_effects.studies(both, weeks, found)
    effect = campaign_effects.effects(studies, found)
    known = campaign_effects.comparable(effect, found)
    days = pd.DataFrame({"campaign": ["North: Goal"], "launched_on": [pd.Timestamp("2024-05-01")],
                         "n_active": [12], "usual": [100.0], "is_quiet": [True]})  # fmt: skip
    moved = pd.DataFrame({"campaign": ["East: Goal $1"], "unit": ["u01"]})
    found.attrs["without"] = {"centre": "no rows in `initiative`"}
    sent = pd.DataFrame({"campaign": ["North: Goal"], "week_on": [pd.Timestamp("2024-04-29")],
                         "n_touches": [250], "n_persons": [240]})  # fmt: skip
    doses = pd.DataFrame({"campaign": ["North: Goal"] * 2, "touches": ["1", "none"],
                          "n_reached": [30, 4], "n": [200, 30]})  # fmt: skip
    response = pd.DataFrame(
        [
            ("North: Goal", day, part, int(2 + (day + part) % 3 + 2 * (day >= 0)), 20)
            for day in range(-56, 28) for part in range(12)
        ],
        columns=["campaign", "day", "part", "n_responded", "n"],
    )  # fmt: skip
    lift = campaigns.response(response)
    pooled = campaigns.pool(known, measured_in="points")
    return {
        "effects": effect, "course": campaign_effects.event_study(studies),
        "series": campaign_effects.series(studies), "touches": campaigns.touches(sent),
        "dose": campaigns.dose(doses), "lift": lift, "strategies": campaigns.strategies(known),
        "pooled": pooled, "cost": campaign_effects.costs(effect, found),
        "remarks": campaign_effects.remarks(found, days, moved, effect), "next_time": effect,
        "trust": campaign_effects.trust(studies, found, days, moved, pooled, lift),
    }  # fmt: skip


RESULTS = results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k = 10"])
def published(request: pytest.FixtureRequest) -> dict[str, Published]:
    return {view: publish(result, request.param) for view, result in RESULTS.items()}


@pytest.mark.parametrize("view", FIGURES)
def test_figures_draw(view: str, published: dict[str, Published]) -> None:
    style.fit(views.resolve("figure", "campaigns", view)(published[view]))


def test_the_forest_draws_exactly_the_numbers() -> None:
    axes = figures.effects(publish(RESULTS["effects"], PUBLIC))
    drawn = sorted(float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o")
    effects = RESULTS["effects"].frame["effect"].dropna()
    assert drawn == pytest.approx(sorted(effects))
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "East (broad, goal-tied)", "North (broad, goal-tied)", "South (drip)",
    ]  # fmt: skip


@pytest.mark.parametrize("view", TABLES)
def test_tables_say_every_cell(view: str, published: dict[str, Published]) -> None:
    table = getattr(tables, view)(published[view])
    assert table.rows
    assert "nan" not in str(table.rows).lower().split("'")


@pytest.mark.parametrize("view", SENTENCES)
def test_sentences_are_whole(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert said[0] == said[0].upper()
    assert said.endswith(".")
    assert "nan" not in said
    assert "None" not in said


def test_the_wire_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload = json.loads(json.dumps(to_payload(one), allow_nan=False))
        kind = "checks" if view == "trust" else "table"
        check_payload({"v": 1, "kind": kind, "stem": "campaigns", "view": view,
                       "published": [payload]})  # fmt: skip


@pytest.mark.parametrize("view", SENTENCES)
def test_nothing_is_said_with_its_reason(view: str) -> None:
    empty = publish(not_enough(view, Family.CHECKS, "no initiative is recorded"))
    said = getattr(sentences, view)(empty)
    assert said.endswith(".")


def test_every_check_has_its_words() -> None:
    frame = RESULTS["trust"].frame
    assert set(frame["check"]) == set(sentences.CHECKS)
    status = dict(zip(frame["check"], frame["status"], strict=True))
    assert {status[c] for c in ("touches", "holiday", "arms", "described")} == {"not passed"}
    for words in sentences.CHECKS.values():
        assert set(words) == {"title", "passed", "not passed", "not known"}


# The finding --------------------------------------------------------------------------------


def headline(**changes: Result) -> Any:
    found = RESULTS | changes
    return sentences.headline(*(publish(found[view], PUBLIC) for view in HEADLINE))


def test_the_headline_compares_strategies() -> None:
    said = headline()
    assert said.title.startswith("The broad, goal-tied launches brought 1")
    assert said.title.endswith("; adjusted)")
    assert len(said.cards) == 4
    assert "1 of 3" in said.change_mind


def test_every_grade_is_that_of_its_design() -> None:
    grades = {e.label: e.grade for e in RESULTS["effects"].estimates}
    assert grades == {
        "North: Goal": Grade.RANDOMISED, "East: Goal $1": Grade.QUASI_EXPERIMENTAL,
        "South: Steps": Grade.ADJUSTED,
    }  # fmt: skip
    late = RESULTS["effects"].frame.set_index("campaign").loc["West: Late"]
    assert late["why"] == "the 30 days after its launch are not over"


def test_what_stands_out_is_named() -> None:
    said = sentences.remarks(publish(RESULTS["remarks"], PUBLIC))
    for part in (
        "Centre has no initiative on record", "West’s “Late” cannot be judged",
        "North’s “Goal” was launched on 1 May 2024, when 12 % of the usual people",
        "In East’s “Goal $1” 1 unit had been launched and was then given another arm; it counts",
        "West’s “Late” has no recorded message", "West’s “Late” does not say its strategy",
    ):  # fmt: skip
        assert part in said


TITLES = {
    (0.14, 0.09, 0.19): (
        "The broad, goal-tied launches brought 14 of 100 more people to their first value within "
        "30 days than the drip campaign (95 % interval 9 to 19; adjusted)"
    ),
    (-0.05, -0.08, -0.02): (
        "The drip campaign brought 5 of 100 more people to their first value within 30 days than "
        "the broad, goal-tied launches (95 % interval 2 to 8; adjusted)"
    ),
    (0.02, -0.03, 0.07): (
        "Broad, goal-tied launches and drip campaign cannot be told apart: of 100 people the "
        "difference may be anything from −3 to 7 (adjusted)"
    ),
}


@pytest.mark.parametrize(("interval", "title"), TITLES.items())
def test_the_title_follows_the_interval(interval: tuple[float, float, float], title: str) -> None:
    value, low, high = interval
    compared = RESULTS["strategies"]
    first, *others = compared.estimates
    moved = replace(first, value=value, low=low, high=high)
    assert headline(strategies=compared.but(estimates=(moved, *others))).title == title


def test_without_a_comparison_the_launches_speak_for_themselves() -> None:
    none = not_enough("strategies", Family.RATES, "campaigns cannot be compared: of 3, ...")
    assert headline(strategies=none).title.startswith("Three campaigns cannot be compared as")
    effect = RESULTS["effects"]
    alone = effect.but(estimates=effect.estimates[:1])
    assert headline(strategies=none, effects=alone).title.startswith(
        "The broad, goal-tied launch brought 1"
    )
    nothing = headline(strategies=none, effects=effect.but(estimates=()))
    assert nothing.title == (
        "What the launch brought cannot be told: the 30 days after its launch are not over"
    )


def test_budgets_in_two_currencies_are_not_put_side_by_side() -> None:
    found = described().assign(currency=["EUR", "GBP", "EUR", "EUR"])
    assert "several currencies" in campaign_effects.costs(RESULTS["effects"], found).missing


def test_a_campaign_nobody_was_launched_in() -> None:
    found = described().assign(n_launched=0)
    studies = campaign_effects.studies(panel("x", 4, (0,), 0.1), pd.DataFrame(
        {"campaign": [], "week": [], "share": [], "n_waiting": []}), found)  # fmt: skip
    effect = campaign_effects.effects(studies, found)
    assert effect.estimates == ()
    assert set(effect.frame["why"]) == {"nobody was launched: no unit, no touch and no arm says so"}
    assert campaign_effects.comparable(effect, found).empty
