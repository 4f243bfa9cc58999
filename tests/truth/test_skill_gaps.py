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
