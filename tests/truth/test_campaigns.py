"""Launches with a planted effect: what is found through ingest, log, measures and models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.log import EventLog
from ldresearch.measures import campaigns as measures
from ldresearch.models import campaign_effects, campaigns
from ldresearch.result import Result
from ldresearch.worlds import CLIENTS, organisation, planned, trial
from ldresearch.worlds.campaigns import Campaign, launched
from ldresearch.worlds.demo import CAMPAIGNS, client
from ldresearch.worlds.organisation import World

AS_OF = "2024-11-01"


def base(seed: int, n_persons: int = 1400) -> World:
    """Short spells, so that few events are written."""
    return organisation(
        seed, n_persons=n_persons, n_months=10, p=0.015, q=0.02, lift=1.0, scale=15.0
    )


def judged(logs: list[EventLog]) -> tuple[Result, pd.DataFrame]:
    """Measure and judge the campaigns of some clients, as the notebook does."""

    def all_of(measure: Any) -> pd.DataFrame:
        frames = [measure(log, with_client=True) for log in logs]
        names = [log.dataset.manifest.client for log in logs]
        return pd.concat(
            [f.assign(client=n) for f, n in zip(frames, names, strict=True)], ignore_index=True
        )

    found = all_of(measures.campaigns)
    studies = campaign_effects.studies(
        all_of(measures.panel), all_of(measures.weeks), found, allocated=all_of(measures.allocated)
    )
    return campaign_effects.effects(studies, found), found


DESIGNS = {
    "drawn": Campaign("drawn", "2024-05-06", effect=0.15, held_out=0.5, is_randomised=True),
    "waves": Campaign("waves", "2024-05-06", effect=0.15, waves=2, gap_days=60, held_out=0.3),
    "once": Campaign("once", "2024-07-01", effect=0.15),
    "nothing": Campaign("nothing", "2024-05-06", effect=0.0, held_out=0.5, is_randomised=True),
}
GRADES = {"drawn": "randomised", "waves": "quasi-experimental", "once": "adjusted",
          "nothing": "randomised"}  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_the_planted_effect_is_found_and_graded(name: str, tmp_path: Path) -> None:
    world = launched(base(5), [DESIGNS[name]], seed=7, team_size=25)
    truth = world.truth["campaigns"][name]
    assert truth["realised"] == pytest.approx(truth["effect"], abs=0.01)
    found, _ = judged([EventLog.open(world.write(tmp_path), as_of=AS_OF)])
    [row] = found.frame.to_dict("records")
    assert row["grade"] == GRADES[name]
    assert row["low"] <= truth["effect"] <= row["high"]
    assert (row["low"] > 0) == (name != "nothing")


def test_waves_that_differ_are_told_by_their_mean(tmp_path: Path) -> None:
    """The first wave brings 25 of 100, the second none: the mean over those launched is told."""
    uneven = Campaign("uneven", "2024-05-06", wave_effect=(0.25, 0.0), waves=2, gap_days=60,
                      held_out=0.3)  # fmt: skip
    world = launched(base(6), [uneven], seed=3, team_size=25)
    truth = world.truth["campaigns"]["uneven"]["effect"]
    assert 0.1 < truth < 0.16
    found, _ = judged([EventLog.open(world.write(tmp_path), as_of=AS_OF)])
    e = found.estimate("campaign_effect")
    assert e.low <= truth <= e.high


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_persons_drawn_one_by_one_over_weeks(seed: int, tmp_path: Path) -> None:
    """The trial wins the same part of those who would not have come: .08 of everyone.

    Of those waiting more would not have come, so it wins more of them; how many would have come is
    counted in the same world without an effect.
    """
    world = base(seed, 900)
    given: dict[str, Any] = {"started_on": "2024-05-06", "n_weeks": 8}
    logs = [
        EventLog.open(trial(world, seed, effect=e, **given).write(tmp_path / str(e)), as_of=AS_OF)
        for e in (0.08, 0.0)
    ]
    drawn, without = (measures.allocated(log, window_days=28) for log in logs)
    truth = trial(world, seed, **given).truth["trial"]
    come_anyway = without["n_reached"].sum() / without["n_waiting"].sum()
    planted = truth["effect"] * (1 - come_anyway) / (1 - truth["baseline"])
    assert 0.08 <= planted < 0.12
    e = campaign_effects.by_person(drawn).estimate("campaign_effect")
    assert e.low <= planted <= e.high
    assert str(e.grade) == "randomised"
    assert e.n == drawn["n_waiting"].sum()
    assert e.high - e.low < 0.2


def test_teams_drawn_are_units_and_not_persons(tmp_path: Path) -> None:
    world = trial(base(1, 300), 1, started_on="2024-05-06", n_weeks=4, by="team")
    assert measures.allocated(EventLog.open(world.write(tmp_path), as_of=AS_OF)).empty


# The layer ----------------------------------------------------------------------------------


def test_the_layer_leaves_alone_what_it_does_not_launch() -> None:
    """Same draws of the world; only those brought have another history, a colleague's, moved."""
    world = base(5, 400)
    before = {name: frame.copy() for name, frame in world.tables.items()}
    layer = launched(world, [DESIGNS["drawn"]], seed=7)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(world.tables[name], frame)
        if name not in ("person", "event", "initiative", "arm", "touch"):
            pd.testing.assert_frame_equal(layer.tables[name], frame)
    again = launched(base(5, 400), [DESIGNS["drawn"]], seed=7)
    pd.testing.assert_frame_equal(again.tables["event"], layer.tables["event"])
    own = [histories(t["event"]) for t in (world.tables, layer.tables)]
    changed = [who for who, days in own[1].items() if own[0].get(who) != days]
    truth = layer.truth["campaigns"]["drawn"]
    assert len(changed) == round(truth["realised"] * truth["n_waiting"])
    for who in changed[:10]:
        first = own[1][who][0]
        assert any(moved(days, first, own[1][who]) for days in own[0].values())


def histories(events: pd.DataFrame) -> dict[str, list[pd.Timestamp]]:
    own = events[events["assignment_id"].isna() & (events["verb"] == "complete")]
    days = own["occurred_at"].dt.normalize().groupby(own["person_id"])
    return {str(who): sorted(set(found)) for who, found in days}


def moved(days: list[pd.Timestamp], first: pd.Timestamp, wanted: list[pd.Timestamp]) -> bool:
    shift = first - days[0]
    shifted = [day + shift for day in days]
    return shift.days % 7 == 0 and shifted[: len(wanted)] == wanted


def test_a_world_of_nobody_can_be_launched() -> None:
    layer = launched(organisation(1, n_persons=0, n_months=3), [DESIGNS["once"]], seed=1)
    assert layer.truth["campaigns"]["once"]["n_waiting"] == 0
    assert len(layer.tables["initiative"]) == 1


# The demo -----------------------------------------------------------------------------------


def test_the_demo_tells_its_planted_truth(demo: Path) -> None:
    """Broad and goal-tied brings 17 of 100 more, drip 3; each graded by its design."""
    logs = [EventLog.open(demo / name, as_of="2025-07-01") for name in CLIENTS]
    found, frame = judged(logs)
    assert dict(zip(found.frame["client"], found.frame["grade"], strict=True)) == {
        "harbour": "quasi-experimental", "meadow": "randomised", "orchard": "quasi-experimental",
        "quarry": "adjusted",
    }  # fmt: skip
    for row in found.frame.to_dict("records"):
        is_sprint = row["campaign"] == "Meadow: A sprint of four weeks"
        planted = planned.TRIAL["effect"] if is_sprint else CAMPAIGNS[row["client"]].effect
        assert row["low"] <= planted <= row["high"], row["campaign"]
    compared = campaigns.strategies(campaign_effects.comparable(found, frame))
    for label in ("these campaigns", "such campaigns"):
        e = compared.estimate("strategy_difference", label)
        assert 0 < e.low <= 0.14 <= e.high < 0.3, label
    assert str(compared.estimate("strategy_difference", "these campaigns").grade) == "adjusted"
    assert str(compared.estimate("strategy_difference", "such campaigns").grade) == "descriptive"
    assert compared.parameters["fraction"] == "1/6"


def test_the_demo_is_planted_as_it_says() -> None:
    effects = {name: campaign.effect for name, campaign in CAMPAIGNS.items()}
    broad = [effects[n] for n in effects if CAMPAIGNS[n].goal]
    drip = [effects[n] for n in effects if not CAMPAIGNS[n].goal]
    assert sum(broad) / 2 - sum(drip) / 2 == pytest.approx(0.14)
    [truth] = client("quarry").truth["campaigns"].values()
    assert truth["realised"] == pytest.approx(0.03, abs=0.001)
