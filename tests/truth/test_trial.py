"""The made-up trial: it adds to an organisation, and what it plants is there."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ldresearch import worlds
from ldresearch.worlds import World, organisation, planned, trial
from ldresearch.worlds.trial import ABANDONING, LAUNCH, plan_for


@pytest.fixture(scope="module")
def plain() -> World:
    return organisation(8, n_persons=2500, n_months=14, q=0.07)


def shares(world: World, verb: str) -> pd.Series:
    """Share of each arm with an event of a verb in the window after the invitation."""
    arm = world.tables["arm"]
    arm = arm[arm["initiative_id"] == "sprint"].drop_duplicates("unit_id")
    event = world.tables["event"]
    event = event[(event["verb"] == verb) & event["assignment_id"].isna()]
    joined = event.merge(arm, left_on="person_id", right_on="unit_id")
    since = (joined["occurred_at"] - joined["assigned_at"].dt.normalize()).dt.days
    hit = joined.loc[(since >= 0) & (since < 28), "person_id"].unique()
    return arm["unit_id"].isin(hit).groupby(arm["arm"]).mean()


def test_what_the_organisation_drew_stays_as_it_was(plain: World) -> None:
    laid = trial(plain, 3)
    for name, table in plain.tables.items():
        if len(table):
            same = [c for c in table.columns if c in laid.tables[name].columns]
            pd.testing.assert_frame_equal(
                laid.tables[name].head(len(table))[same], table[same], check_dtype=False
            )
    again = organisation(8, n_persons=2500, n_months=14, q=0.07)
    pd.testing.assert_frame_equal(again.tables["event"], plain.tables["event"])


def test_the_same_seed_gives_the_same_trial(plain: World) -> None:
    one, two, other = trial(plain, 3), trial(plain, 3), trial(plain, 4)
    pd.testing.assert_frame_equal(one.tables["event"], two.tables["event"])
    assert not one.tables["arm"].equals(other.tables["arm"])


@pytest.mark.parametrize(("effect", "harm"), [(0.15, 0.0), (0.0, 0.12)])
def test_effect_and_harm_are_as_planted(plain: World, effect: float, harm: float) -> None:
    found = [trial(plain, seed, effect=effect, harm=harm) for seed in range(6)]
    reach = np.mean([s[LAUNCH] - s["hold-out"] for s in (shares(w, "complete") for w in found)])
    gave_up = [shares(w, "abandon") for w in found]
    assert abs(reach - effect) < 0.025  # about two errors of the mean of six
    assert abs(np.mean([s["hold-out"] for s in gave_up]) - ABANDONING) < 0.01
    assert abs(np.mean([s[LAUNCH] - s["hold-out"] for s in gave_up]) - harm) < 0.015


def test_a_mismatch_loses_people_of_the_launch(plain: World) -> None:
    arm = trial(plain, 3, mismatch=0.3).tables["arm"]
    counts = arm.loc[arm["initiative_id"] == "sprint", "arm"].value_counts()
    assert counts[LAUNCH] < 0.8 * counts["hold-out"]


def test_teams_are_whole_and_differ(plain: World) -> None:
    laid = trial(plain, 3, by="team", n_switched=2)
    arm = laid.tables["arm"]
    arm = arm[arm["initiative_id"] == "sprint"]
    assert set(arm["unit_kind"]) == {"unit"}
    assert len(arm) - len(arm.drop_duplicates("unit_id")) == 2
    person = laid.tables["person"].drop_duplicates("person_id")
    team = person["unit_path"].str[-1]
    assert team.str.contains("team").all()
    assert team.value_counts().between(1, 12).all()


def test_the_outcome_holds_its_effect_from_the_month_after(plain: World) -> None:
    laid = trial(plain, 3, outcome_effect=2.0)
    outcome = laid.tables["outcome"]
    outcome = outcome[outcome["entity_kind"] == "person"]
    arm = laid.tables["arm"].set_index("unit_id")["arm"]
    side = outcome["entity_id"].map(arm)
    last = outcome["period_start_on"] == outcome["period_start_on"].max()
    first = outcome["period_start_on"] == outcome["period_start_on"].min()
    means = outcome["value"].groupby([side, last]).mean()
    assert abs(means[LAUNCH, True] - means["hold-out", True] - 2.0) < 0.6
    before = outcome.loc[first, "value"].groupby(side[first]).mean()
    assert abs(before[LAUNCH] - before["hold-out"]) < 0.8


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_and_one_person_are_a_trial_too(n: int) -> None:
    laid = trial(organisation(1, n_persons=n, n_months=12), 1)
    assert laid.truth["trial"]["n_invited"] <= n
    assert plan_for(laid).metric == "value_reach"


def test_the_demo_plans_before_it_launches() -> None:
    plan = planned.parse(planned.PLAN)
    assert plan.launch_on > planned.FROZEN_ON
    assert plan.launch_on == date.fromisoformat(planned.TRIAL["started_on"])
    assert plan.minimum_effect < planned.TRIAL["effect"]
    looks = [given["as_of"] for given in worlds.occasions(planned.CLIENT, "70_monitor")]
    assert looks == [day.isoformat() for day in plan.looks_on]
    assert len(looks) == 6
    before = worlds.occasions(planned.CLIENT, "10_measurement_plan")[0]["as_of"]
    after = worlds.occasions(planned.CLIENT, "80_impact")[0]["as_of"]
    assert str(planned.FROZEN_ON) < before <= str(plan.launch_on)
    assert after > str(plan.end_on)
