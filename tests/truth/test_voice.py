"""Surveys whose truth is known: weights remove a planted bias, intervals hold what they promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ldresearch.log import EventLog
from ldresearch.measures import learner_voice as measures
from ldresearch.models import voice
from ldresearch.worlds.organisation import organisation
from ldresearch.worlds.surveyed import STATEMENTS, surveyed

SHARES = np.array([0.5, 0.3, 0.2])


def one_survey(rng: np.random.Generator, n: int = 1500) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Answers, those asked, and the true score: three units of unlike mood that answer unlike."""
    unit = rng.choice(3, n, p=SHARES)
    level = rng.integers(0, 2, n)
    mood = np.array([-1.5, 0.0, 1.5])[unit] + 0.8 * level
    score = np.clip(np.round(rng.normal(7 + mood, 2)), 0, 10)
    truth = 100 * float((score >= 9).mean() - (score <= 6).mean())
    chance = np.array([0.15, 0.3, 0.5])[unit] * np.where(level, 1.2, 0.8)
    who = rng.random(n) < chance
    people = pd.DataFrame({"unit": unit.astype(str), "level": level.astype(str), "answered": who})
    parts = [
        people.groupby(by)["answered"].agg(n_asked="size", n_answered="sum").rename_axis("group")
        .reset_index().assign(by=by)
        for by in ("unit", "level")
    ]  # fmt: skip
    whole = pd.DataFrame({"group": ["all"], "by": "all", "n_asked": n, "n_answered": who.sum()})
    asked = pd.concat([*parts, whole]).assign(wave=1, wave_on=pd.Timestamp("2024-05-01"))
    said = people[who].assign(score=score[who], wave=1, wave_on=pd.Timestamp("2024-05-01"),
                              response_id=np.flatnonzero(who))  # fmt: skip
    return said, asked, truth


def coverage(draws: int) -> tuple[float, float, float]:
    """Bias as answered, bias weighted, and how often the interval holds the truth."""
    rng = np.random.default_rng(6)
    raw, made, hits = [], [], 0
    for _ in range(draws):
        said, asked, truth = one_survey(rng)
        found = voice.nps(said, weights=voice.rake(said, asked), asked=asked)
        e = found.estimate("nps")
        raw.append(found.frame["raw"].iloc[0] - truth)
        made.append(e.value - truth)
        hits += e.low <= truth <= e.high
    return float(np.mean(raw)), float(np.mean(made)), hits / draws


def test_raking_removes_the_planted_bias_and_the_interval_holds() -> None:
    raw, made, held = coverage(50)
    assert raw > 10
    assert abs(made) < 1.5
    assert held >= 0.88


@pytest.mark.slow
def test_raking_over_many_surveys() -> None:
    raw, made, held = coverage(800)
    assert raw > 10
    assert abs(made) < 0.5
    assert 0.92 <= held <= 0.975


def gap_coverage(draws: int) -> float:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(draws):
        score = rng.integers(0, 11, 300)
        mean = np.where(score >= 9, 4.0, np.where(score <= 6, 2.5, 3.0))
        frame = pd.DataFrame({"score": score, "before": 0.0,
                              "after": rng.negative_binomial(2, 2 / (2 + mean))})  # fmt: skip
        e = voice.behaviour(frame).estimate("voice_gap")
        hits += e.low <= 1.5 <= e.high
    return hits / draws


def test_what_promoters_do_is_held() -> None:
    assert gap_coverage(200) >= 0.91


@pytest.mark.slow
def test_what_promoters_do_over_many_draws() -> None:
    assert 0.935 <= gap_coverage(4000) <= 0.965


# How a score moves --------------------------------------------------------------------------


def fewest_held(n: int, chance: float) -> int:
    """Fewest of ``n`` intervals of 95 % that hold, but for one in ``1 / chance`` honest tries."""
    return int(binom.ppf(chance, n, 0.95))


def two_surveys(
    rng: np.random.Generator, n: int = 1200
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Answers to two waves, those asked, and by how much the score of everyone really moved.

    Units differ in mood, in how much it moves and in how many answer; whoever answered the first
    wave answers the second more often.
    """
    unit = rng.choice(3, n, p=SHARES)
    mood = 7 + np.array([-1.5, 0.0, 1.5])[unit] + rng.normal(0, 1.5, n)
    chance = np.array([0.15, 0.3, 0.5])[unit]
    said, asked, scores = [], [], []
    answered = np.zeros(n, dtype=bool)
    for wave in (1, 2):
        shift = np.array([0.8, 0.0, -0.3])[unit] * (wave - 1)
        score = np.clip(np.round(rng.normal(mood + shift, 1.2)), 0, 10)
        scores.append(100 * float((score >= 9).mean() - (score <= 6).mean()))
        answered = rng.random(n) < np.where(answered, chance + 0.3, chance)
        on = {"wave": wave, "wave_on": pd.Timestamp(2024, 3 * wave, 1)}
        people = pd.DataFrame({"unit": unit.astype(str), "answered": answered})
        counted = people.groupby("unit")["answered"].agg(n_asked="size", n_answered="sum")
        asked.append(counted.rename_axis("group").reset_index().assign(by="unit", **on))
        asked.append(pd.DataFrame({"group": ["all"], "by": "all", "n_asked": n,
                                   "n_answered": answered.sum(), **on}))  # fmt: skip
        who = np.flatnonzero(answered)
        own = {"unit": unit[who].astype(str), "score": score[who], "person_key": who}
        said.append(pd.DataFrame({**own, **on, "response_id": 10_000 * wave + who}))
    return pd.concat(said, ignore_index=True), pd.concat(asked), scores[1] - scores[0]


def change_coverage(draws: int, seed: int = 9) -> tuple[int, float]:
    """How often the interval of a change holds it, and the mean error."""
    rng = np.random.default_rng(seed)
    hits, errors = 0, []
    for _ in range(draws):
        said, asked, truth = two_surveys(rng)
        weights = voice.rake(said, asked, margins="unit")
        e = voice.change(said, weights=weights, asked=asked).estimate("nps_change")
        hits += e.low <= truth <= e.high
        errors.append(e.value - truth)
    return hits, float(np.mean(errors))


def test_the_interval_of_a_change_holds_it() -> None:
    hits, error = change_coverage(40)
    assert hits >= fewest_held(40, 0.003)
    assert abs(error) < 3


@pytest.mark.slow
def test_the_interval_of_a_change_over_many_surveys() -> None:
    hits, error = change_coverage(800)
    assert 0.93 <= hits / 800 <= 0.98
    assert abs(error) < 0.7


def changes_held(log: EventLog, truth: np.ndarray) -> tuple[int, int]:
    """How many changes of an organisation's score are held, and of how many."""
    said, asked = measures.answers(log), measures.asked(log)
    moved = voice.change(said, weights=voice.rake(said, asked), asked=asked).frame
    true = np.diff(truth)
    return int(((moved["low"] <= true) & (true <= moved["high"])).sum()), len(true)


@pytest.mark.slow
def test_changes_of_many_organisations_are_held(tmp_path: Path) -> None:
    held = n_changes = 0
    for seed in range(1, 17):
        made = surveyed(organisation(seed, n_persons=500), seed=seed + 1, drift=0.8)
        log = EventLog.open(made.write(tmp_path / str(seed)), as_of="2025-07-01")
        one, of = changes_held(log, np.array(made.truth["nps"]))
        held, n_changes = held + one, n_changes + of
    assert n_changes == 32
    assert held >= fewest_held(n_changes, 0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("p", "d"), [(0.45, 0.25), (0.9, 0.02), (0.05, 0.05), (0.97, 0.0)])
@pytest.mark.parametrize("n", [15, 40, 200])
def test_the_interval_of_the_score_at_the_edges(p: float, d: float, n: int) -> None:
    rng = np.random.default_rng(8)
    hits = 0
    for up, side, down in rng.multinomial(n, [p, 1 - p - d, d], 2000):
        frame = pd.DataFrame({"score": [10] * up + [8] * side + [2] * down})
        e = voice.nps(frame).estimate("nps")
        hits += e.low - 1e-9 <= 100 * (p - d) <= e.high + 1e-9
    assert hits / 2000 >= 0.91


# The whole way, from a made-up organisation -------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[EventLog, dict[str, object]]:
    made = surveyed(organisation(2, n_persons=1500), seed=3, drift=0.8)
    folder: Path = tmp_path_factory.mktemp("voice") / "d"
    return EventLog.open(made.write(folder), as_of="2025-07-01"), made.truth


def test_an_organisation_is_told_as_it_is(world: tuple[EventLog, dict[str, object]]) -> None:
    log, truth = world
    said, asked = measures.answers(log), measures.asked(log)
    weights = voice.rake(said, asked)
    found = voice.nps(said, weights=weights, asked=asked).frame
    true = np.array(truth["nps"])
    assert (found["raw"] - true).min() > 4
    assert ((found["low"] <= true) & (true <= found["high"])).sum() >= 2
    assert np.abs(found["nps"] - true).max() < 7
    held, n_changes = changes_held(log, true)
    assert held >= fewest_held(n_changes, 0.003)
    drive = voice.drivers(said[said["wave"] == 3]).frame.set_index("item")
    assert {i for i in drive.index if drive.loc[i, "standing"] == "told"} == {
        name for name, weight in STATEMENTS.items() if weight
    }
    assert drive.index[0] == "time"
    kinds = voice.kano(said, weights=weights, asked=asked).frame.set_index("item")["category"]
    assert kinds.to_dict() == {
        "a coach": "attractive", "time in the calendar": "one-dimensional",
        "a search that finds": "must-be", "badges": "indifferent", "a leaderboard": "reverse",
    }  # fmt: skip
    gap = voice.behaviour(measures.behaviour(log)).estimate("voice_gap")
    assert isinstance(truth["voice_gap"], float)
    assert gap.low <= truth["voice_gap"] <= gap.high
