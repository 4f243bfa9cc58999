"""Worlds whose truth is known: logged policies, draws, and the demo's recommenders."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import measures, models
from ldresearch.log import EventLog
from ldresearch.models import personalisation as g
from ldresearch.privacy.pseudonym import pseudonyms
from ldresearch.result import Result
from ldresearch.vocabulary import Family
from ldresearch.worlds import recommended
from ldresearch.worlds.demo import CLIENTS
from ldresearch.worlds.organisation import World, organisation

# A logged policy ----------------------------------------------------------------------------

CONTENT = 8


def logged(seed: int, n: int = 400, each: int = 3) -> tuple[pd.DataFrame, Result, float]:
    """What a stochastic policy showed, another policy's lists, and that policy's true value.

    People like different contents; what is shown depends on the person, and so does what is
    followed, so that a plain mean of what was followed is wrong.
    """
    rng = np.random.default_rng(seed)
    taste = rng.integers(0, 3, n)
    like = np.array([0.08, 0.2, 0.4])[(np.arange(CONTENT)[None, :] + taste[:, None]) % 3]
    score = rng.gamma(1.0, 1.0, (n, CONTENT)) * (1 + 2 * like)
    chance = 0.9 * score / score.sum(axis=1, keepdims=True) + 0.1 / CONTENT
    judged = np.argsort(-like, axis=1, kind="stable")[:, :2]
    truth = float(np.take_along_axis(like, judged, axis=1).mean())
    person = np.repeat(np.arange(n), each)
    shown = (chance[person].cumsum(axis=1) < rng.random((n * each, 1))).sum(axis=1)
    shown = np.minimum(shown, CONTENT - 1)
    names = np.array([f"c{i}" for i in range(CONTENT)], dtype=object)
    frame = pd.DataFrame(
        {
            "person_key": person, "content_id": names[shown],
            "propensity": chance[person, shown],
            "followed": rng.random(n * each) < like[person, shown],
        }
    )  # fmt: skip
    lists = pd.DataFrame(names[judged], columns=["place_1", "place_2"])
    lists = lists.assign(policy="ease", person_key=range(n))
    return frame, Result("lists", Family.MODEL, lists, {}), truth


def covered(runs: int) -> dict[str, tuple[float, float, float]]:
    """Mean error, its standard error and coverage of each estimator."""
    errors: dict[str, list[float]] = {e: [] for e in g.ESTIMATORS}
    inside: dict[str, list[bool]] = {e: [] for e in g.ESTIMATORS}
    for seed in range(runs):
        frame, lists, truth = logged(seed)
        found = g.value(frame, lists)
        for estimator in g.ESTIMATORS if not found.is_empty else ():
            e = found.estimate("policy_value", f"ease, {estimator}")
            errors[estimator].append(e.value - truth)
            inside[estimator].append(e.low <= truth <= e.high)
    assert len(inside["ips"]) >= 0.99 * runs  # overlap holds, and is seldom doubted
    return {
        e: (float(np.mean(errors[e])), float(np.std(errors[e]) / np.sqrt(runs)),
            float(np.mean(inside[e])))
        for e in g.ESTIMATORS
    }  # fmt: skip


def test_values_of_a_policy_are_unbiased() -> None:
    for bias, se, inside in covered(30).values():
        assert abs(bias) < 3 * se + 1e-3
        assert inside >= 0.85


@pytest.mark.slow
def test_values_of_a_policy_are_covered() -> None:
    for bias, se, inside in covered(400).values():
        assert abs(bias) < 3 * se + 5e-4
        assert 0.92 <= inside <= 0.98


def test_what_was_followed_says_little_of_another_policy() -> None:
    """The estimators mend what the plain mean gets wrong by more than ten standard errors."""
    frame, lists, truth = logged(1, n=2000)
    shown = g.value(frame, lists).estimate("policy_value", "shown")
    assert shown.high < truth - 0.05


# A draw -------------------------------------------------------------------------------------


def drawn(seed: int, gain: float, n: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit = rng.choice(["Sales", "Lab", "Office"], n)
    treated = rng.random(n) < 0.5
    chance = 0.2 + 0.1 * (unit == "Lab") + gain * (treated & (unit == "Sales"))
    return pd.DataFrame(
        {
            "unit": unit, "hours": rng.choice(["part-time", "full-time"], n),
            "tenure_days": rng.integers(1, 3000, n), "is_treated": treated, "is_randomised": True,
            "propensity": 0.5, "outcome": (rng.random(n) < chance).astype(float),
        }
    )  # fmt: skip


def test_responders_are_found_and_nobody_else() -> None:
    found = 0
    for seed in range(4):
        result = g.uplift(drawn(seed, 0.35), replicates=40)
        groups = g.responders(drawn(seed, 0.35)).frame
        above = set(groups.loc[groups["standing"] == "above", "group"])
        found += result.estimate("qini").low > 0 and above == {"Sales"}
    assert found >= 3


@pytest.mark.slow
def test_no_evidence_under_no_gain() -> None:
    """Qini above nought at most as often as its level allows; marks of groups at most 5 in 100."""
    runs = 60
    qini = marks = mean = 0
    for seed in range(runs):
        frame = drawn(1000 + seed, 0.0)
        found = g.uplift(frame, replicates=60)
        qini += found.estimate("qini").low > 0
        e = found.estimate("average_uplift")
        mean += not e.low <= 0 <= e.high
        marks += bool((g.responders(frame).frame["standing"] != "in line").any())
    assert qini <= 0.06 * runs
    assert mean <= 0.09 * runs
    assert marks <= 0.09 * runs


# Lists --------------------------------------------------------------------------------------


def test_equal_groups_are_seldom_marked() -> None:
    """Recall with many noughts, as it is: groups that are alike are marked at most by chance."""
    marked = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 500
        recall = np.where(rng.random(n) < 0.4, rng.random(n) * 0.6, 0.0)
        made = pd.DataFrame({"person_key": range(n), "today": recall, "served today": True})
        people = pd.DataFrame(
            {"person_key": range(n), "hours": rng.choice(["p", "f"], n, p=[0.2, 0.8]),
             "level": rng.choice(list("abcd"), n), "unit": rng.choice(list("uvwxy"), n)}
        )  # fmt: skip
        result = Result("evaluate", Family.MEANS, made, {}, members=made)
        marked += bool((g.fairness(result, people).frame["standing"] != "in line").any())
    assert marked <= 5


# The demo -----------------------------------------------------------------------------------


def client(name: str, n_persons: int) -> World:
    """A smaller client of the demo, with the recommendations of the real one."""
    given = CLIENTS[name] | {"n_persons": n_persons}
    return recommended.laid(organisation(name=name, **given))


def opened(world: World, folder: Path) -> EventLog:
    return EventLog.open(world.write(folder / world.name), as_of="2025-07-01")


def frames(log: EventLog) -> dict[str, Any]:
    m = measures.personalisation
    known = m.at_split(log)
    return {
        "history": m.taken(known), "people": m.people(known), "catalogue": m.catalogue(known),
        "shown": m.shown(known), "teaches": m.teaches(known), "later": m.taken(log, test_days=90),
        "known": known,
    }  # fmt: skip


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, EventLog]:
    world = client("harbour", 2600)
    return world, opened(world, tmp_path_factory.mktemp("harbour"))


def test_the_draw_of_harbour_is_recovered(harbour: tuple[World, EventLog]) -> None:
    world, log = harbour
    truth = world.truth["recommended"]
    trial = measures.personalisation.trial(log)
    assert len(trial) == truth["n"]
    found = g.uplift(trial, replicates=40)
    mean = found.estimate("average_uplift")
    assert mean.low <= truth["uplift"]["all"] <= mean.high
    assert found.estimate("qini").low > 0
    groups = g.responders(trial).frame.set_index("group")
    above = groups[groups["standing"] == "above"]
    assert set(above.index) == set(truth["responders"])
    assert (above["low"] <= truth["uplift"]["responders"]).all()
    assert (above["high"] >= truth["uplift"]["responders"]).all()


def test_the_value_of_pointing_at_gaps_in_harbour(harbour: tuple[World, EventLog]) -> None:
    """A policy that shows only what each cohort lacks, by the truth, has the value it should."""
    world, log = harbour
    truth = world.truth["recommended"]["value"]
    deep = [set(skills) for skills in world.truth["deep_skills"]]
    taught = world.tables["content_skill"]
    content = [sorted(taught.loc[taught["skill_id"].isin(one), "content_id"]) for one in deep]
    key = hashlib.sha256(f"{world.name} {world.seed}".encode()).digest()
    people = sorted(world.truth["cluster_of"])
    cohort = {
        name: world.truth["cluster_of"][person]
        for name, person in zip(pseudonyms(people, key), people, strict=True)
    }
    identity = pd.read_parquet(log.dataset.file("identity"))
    places = pd.DataFrame([content[cohort[one]] for one in identity["person_id"]])
    places.columns = [f"place_{i + 1}" for i in range(places.shape[1])]
    lists = places.assign(policy="gap_aware", person_key=identity["person_key"])
    found = g.value(measures.personalisation.impressions(log),
                    Result("lists", Family.MODEL, lists, {}))  # fmt: skip
    now = found.estimate("policy_value", "shown")
    assert now.low <= truth["shown"] <= now.high
    for estimator in g.ESTIMATORS:
        e = found.estimate("policy_value", f"gap_aware, {estimator}")
        assert e.low <= truth["pointed"] <= e.high
        assert found.estimate("policy_value_gain", f"gap_aware, {estimator}").low > 0


def test_meadow_overlooks_part_time_staff(tmp_path: Path) -> None:
    world = client("meadow", 1000)
    f = frames(opened(world, tmp_path))
    made = g.recommend(f["history"], f["people"], f["catalogue"], shown=f["shown"])
    judged = g.evaluate(made, f["later"], f["history"], f["people"], f["catalogue"])
    found = g.fairness(judged, f["people"]).frame
    worst = found.iloc[0]
    assert (worst["policy"], worst["group"], worst["standing"]) == ("today", "part-time", "below")
    assert worst["recall"] == world.truth["recommended"]["recall_part_time"] == 0.0
    full = found[(found["policy"] == "today") & (found["group"] == "full-time")].iloc[0]
    # Contents taken both before and after are no targets, nor is what came last of many.
    assert full["low"] <= world.truth["recommended"]["recall_full_time"] <= full["high"] + 0.02


def test_orchard_tells_no_values(tmp_path: Path) -> None:
    log = opened(client("orchard", 150), tmp_path)
    f = frames(log)
    made = g.recommend(f["history"], f["people"], f["catalogue"])
    assert "not logged" in g.value(measures.personalisation.impressions(log), made).missing
    assert "nobody was drawn" in g.uplift(measures.personalisation.trial(log)).missing


def test_the_layer_leaves_everything_else_as_it_was() -> None:
    plain = organisation(name="harbour", **CLIENTS["harbour"] | {"n_persons": 200})
    laid = recommended.laid(plain)
    for name, table in plain.tables.items():
        if name not in ("recommendation", "arm"):
            assert laid.tables[name] is table
    assert models.personalisation.POLICIES[0] == "today"
