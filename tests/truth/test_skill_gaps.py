"""Known worlds: planted cohorts, levels and biases are given back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.log import EventLog
from ldresearch.measures import skill_gaps as m
from ldresearch.models import skill_gaps as g
from ldresearch.worlds import organisation
from ldresearch.worlds.organisation import SOURCES


def shortfalls(tmp_path: Path, seed: int, k: int, n: int = 350) -> pd.DataFrame:
    world = organisation(seed, n_persons=n, n_months=8, n_gap_clusters=k)
    log = EventLog.open(world.write(tmp_path / f"{seed}-{k}"), as_of="2024-08-25")
    return g.shortfalls(g.levels(m.ratings(log, by="unit")), m.required(log)).frame


@pytest.mark.parametrize(("seed", "k"), [(21, 0), (22, 3), (23, 4), (24, 5)])
def test_as_many_cohorts_as_were_planted(tmp_path: Path, seed: int, k: int) -> None:
    found = g.cluster(shortfalls(tmp_path, seed, k), replicates=30)
    assert found.parameters["k"] == k
    assert found.members["cohort"].nunique() == k


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_cohorts(tmp_path: Path, seed: int) -> None:
    found = g.cluster(shortfalls(tmp_path, 100 + seed, 0), replicates=30)
    assert found.parameters["k"] == 0
    assert found.members.empty


def simulated(seed: int, n: int = 400) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """People with cells of known level, rated by the sources of the worlds without roundings."""
    rng = np.random.default_rng(seed)
    person, skill = np.repeat(np.arange(n), 6), np.tile(np.arange(6), n)
    truth = 0.5 + rng.normal(0, 0.1, len(person))
    parts = []
    for source, (share, bias, sd) in SOURCES.items():
        picked = rng.random(len(person)) < share
        value = truth + bias + rng.normal(0, sd, len(person))
        parts.append(
            pd.DataFrame(
                {"person_key": person, "skill_id": skill.astype(str), "source": source,
                 "level": value, "age_days": 0, "role": "r", "group": "u"}
            )[picked & (value > 0)]
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True), person, truth


def test_levels_and_biases_are_covered() -> None:
    inside, hits, runs = [], 0, 12
    for seed in range(runs):
        frame, person, truth = simulated(seed)
        found = g.levels(frame)
        true = pd.Series(truth, index=pd.MultiIndex.from_arrays(
            [person, np.tile(np.arange(6), 400).astype(str)]))  # fmt: skip
        cells = found.frame.set_index(["person_key", "skill_id"])
        error = cells["level"] - true.reindex(cells.index)
        inside.append(float((error.abs() <= 1.96 * np.hypot(cells["se"], cells["bias_se"])).mean()))
        for source in ("self", "manager", "peer"):
            e = found.estimate("source_bias", source)
            hits += e.low <= SOURCES[source][1] <= e.high
            assert found.estimate("source_error", source).value == pytest.approx(
                SOURCES[source][2], abs=0.02
            )
    assert abs(np.mean(inside) - 0.95) < 0.02
    assert hits >= 3 * runs - 5


def test_mean_shortfalls_are_covered() -> None:
    inside = []
    for seed in range(12):
        frame, person, _ = simulated(50 + seed)
        asked = pd.DataFrame(
            {"person_key": person, "skill_id": np.tile(np.arange(6), 400).astype(str),
             "group": "u", "target": 0.55, "weight": 1.0}
        ).assign(skill=lambda d: d["skill_id"])  # fmt: skip
        shown = g.gaps(g.shortfalls(g.levels(frame), asked).frame).frame
        z = 0.05 / 0.1
        from scipy.stats import norm

        true = 0.05 * norm.cdf(z) + 0.1 * norm.pdf(z)  # E max(0, .05 - N(0, .1))
        inside += list((shown["low"] <= true) & (true <= shown["high"]))
    assert np.mean(inside) >= 0.88


RATERS = {
    # share of skills rated, bias, error, standard deviation between raters
    "self": (0.75, 0.10, 0.15, 0.06),
    "manager": (0.45, 0.0, 0.10, 0.06),
    "peer": (0.20, 0.03, 0.12, 0.04),
    "review": (0.15, 0.0, 0.05, 0.0),
}


def with_raters(seed: int, n: int = 400, lift: float = 0.0) -> tuple[pd.DataFrame, pd.Series]:
    """People whose managers have eight reports each, with severities that are known."""
    rng = np.random.default_rng(seed)
    person, skill = np.repeat(np.arange(n), 6), np.tile(np.arange(6), n)
    truth = 0.5 + lift + rng.normal(0, 0.1, len(person))
    parts = []
    for source, (share, bias, error, spread) in RATERS.items():
        picked = rng.random(len(person)) < share
        rater = {"self": person, "manager": person // 8, "review": person % 12}.get(source)
        rater = rng.integers(0, n, len(person)) if rater is None else rater
        severity = rng.normal(0, spread, n)
        value = truth + bias - severity[rater] + rng.normal(0, error, len(person))
        parts.append(
            pd.DataFrame(
                {"person_key": person, "skill_id": skill.astype(str), "source": source,
                 "level": value, "age_days": 0, "role": "r", "group": "u",
                 "rater": [f"{source}{r}" for r in rater]}
            )[picked & (value > 0)]
        )  # fmt: skip
    index = pd.MultiIndex.from_arrays([person, skill.astype(str)], names=g._CELL)
    return pd.concat(parts, ignore_index=True), pd.Series(truth, index=index)


def recovered(runs: int) -> dict[str, float]:
    inside, error, naive, plain, hits, severity = [], [], [], [], [], []
    for seed in range(runs):
        frame, truth = with_raters(seed)
        found = g.levels(frame)
        cells = found.frame.set_index(g._CELL)
        true = truth.reindex(cells.index)
        inside.append(((cells["low"] <= true) & (true <= cells["high"])).mean())
        error.append(((cells["level"] - true) ** 2).mean())
        means = frame.groupby(g._CELL)["level"].mean()
        naive.append(((means - truth.reindex(means.index)) ** 2).mean())
        without = g.levels(frame.drop(columns="rater")).frame.set_index(g._CELL)
        plain.append(((without["level"] - true) ** 2).mean())
        for source in ("self", "manager", "peer"):
            e = found.estimate("source_bias", source)
            hits.append(e.low <= RATERS[source][1] <= e.high)
        severity.append(found.estimate("rater_severity", "manager").value)
    root = {"error": error, "naive": naive, "plain": plain}
    return {
        "inside": float(np.mean(inside)), "bias": float(np.mean(hits)),
        "severity": float(np.mean(severity)),
        **{name: float(np.sqrt(np.mean(values))) for name, values in root.items()},
    }  # fmt: skip


def check(found: dict[str, float]) -> None:
    assert abs(found["inside"] - 0.95) < 0.015
    assert found["error"] < found["plain"] < 0.6 * found["naive"]
    assert found["severity"] == pytest.approx(0.06, abs=0.012)


def test_levels_are_recovered_and_a_naive_mean_is_worse() -> None:
    check(recovered(4))


@pytest.mark.slow
def test_levels_are_recovered_in_many_worlds() -> None:
    found = recovered(100)
    check(found)
    assert found["bias"] >= 0.9
    print(found)


def test_severity_without_raters_differing_is_nought() -> None:
    frame, _ = with_raters(3)
    own = frame["source"] == "manager"
    frame.loc[own, "rater"] = np.random.default_rng(1).permutation(frame.loc[own, "rater"])
    assert g.levels(frame).estimate("rater_severity", "manager").value < 0.03


def test_change_is_told_and_none_is_not() -> None:
    """Half of the runs have a rise of 5 points, half have none."""
    hits = 0
    for seed in range(8):
        lift = 0.05 * (seed % 2)
        before, _ = with_raters(seed)
        since, _ = with_raters(100 + seed, lift=lift)
        both = pd.concat([before.assign(period="before"), since.assign(period="since")])
        names = pd.DataFrame({"skill_id": list("012345"), "skill": list("ABCDEF")})
        e = g.change(both, names).estimate("skill_change", "all")
        hits += e.low <= lift <= e.high
        assert (e.low > 0) or not lift
    assert hits >= 6


def test_cohorts_are_labelled_by_their_planted_skills(tmp_path: Path) -> None:
    world = organisation(22, n_persons=350, n_months=8, n_gap_clusters=3)
    log = EventLog.open(world.write(tmp_path / "w"), as_of="2024-08-25")
    short = g.shortfalls(g.levels(m.ratings(log, by="unit")), m.required(log)).frame
    found = g.cluster(short, replicates=20)
    supply = m.supply(log)
    closed = g.closing(short, supply)
    shown = g.cohorts(found, closed, supply, short).frame
    names = dict(zip(short["skill_id"], short["skill"], strict=True))
    planted = [{names[s] for s in deep} for deep in world.truth["deep_skills"]]
    for label in shown["cohort"].unique():
        skills = set(label.split(": ", 1)[1].split(" and "))
        assert any(skills <= deep for deep in planted)
    plan = g.cohort_plan(found, closed, supply, short).frame
    assert set(plan["cohort"]) == set(shown["cohort"])
    assert plan["hours"].gt(0).all()

    # A third of the ratings away at random: every profile stays within its interval.
    kept = m.ratings(log, by="unit").sample(frac=0.7, random_state=1)
    fewer = g.shortfalls(g.levels(kept), m.required(log)).frame
    again = g.cluster(fewer, replicates=20)
    assert again.parameters["k"] == found.parameters["k"]
    before, after = (
        f.merge(c.members, on="person_key") for f, c in ((short, found), (fewer, again))
    )
    outside = []
    for _, one in before.groupby("cohort"):
        near = after[after["person_key"].isin(one["person_key"])]["cohort"].mode()[0]
        other = after[after["cohort"] == near]
        for skill, part in one[one["level"].notna()].groupby("skill"):
            there = other[(other["skill"] == skill) & other["level"].notna()]
            if min(len(part), len(there)) >= 30:
                value, _, high = g._mean(part)
                rest, _, rest_high = g._mean(there)
                outside.append(abs(value - rest) > np.hypot(high - value, rest_high - rest))
    assert len(outside) >= 15
    assert np.mean(outside) <= 0.05
