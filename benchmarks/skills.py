"""Skill levels and cohorts of many people: seconds and peak memory.

``python benchmarks/skills.py`` makes ratings of 200,000 people in 60 skills by four sources with
known biases, severities and three planted cohorts, estimates every level, sets it against a target,
and searches for cohorts with 100 bootstrap replicates. What was planted has to be found, otherwise
nothing is printed. The stability of clusters beside the usual bootstrap is in ``clusters.py``.
"""

from __future__ import annotations

import os

# Threads of small matrices get in each other's way where a machine is shared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ldresearch.models import _stability, skill_gaps

SOURCES = {
    # share of skills rated, bias, error, standard deviation between raters
    "self": (0.6, 0.10, 0.15, 0.05),
    "manager": (0.4, 0.0, 0.10, 0.05),
    "peer": (0.1, 0.03, 0.12, 0.04),
    "review": (0.05, 0.0, 0.05, 0.0),
}
TARGET, DEEP, SPAN = 0.7, 0.25, 10


def write(folder: Path, persons: int, skills: int) -> None:
    """Write ratings, requirements and the truth, in a process of its own."""
    rng = np.random.default_rng(1)
    cohort = rng.integers(0, 3, persons)
    truth = TARGET - rng.normal(0.06, 0.07, (persons, skills)).astype(np.float32)
    for k in range(3):
        truth[np.ix_(cohort == k, np.arange(5) + 5 * k)] -= DEEP
    truth = np.clip(truth, 0.02, 0.98)
    names = pd.Index([f"s{i:02d}" for i in range(skills)])
    parts = []
    for source, (share, bias, error, spread) in SOURCES.items():
        at = np.flatnonzero(rng.random(truth.size, dtype=np.float32) < share)
        person, skill = np.divmod(at, skills)
        raters = {"self": person, "manager": person // SPAN}.get(source)
        if raters is None:
            raters = rng.integers(0, max(persons // SPAN, 1), len(at))
        severity = rng.normal(0, spread, int(raters.max()) + 1)
        level = truth.ravel()[at] + bias - severity[raters] + rng.normal(0, error, len(at))
        parts.append(
            pd.DataFrame(
                {
                    "person_key": person.astype(np.int32),
                    "skill_id": pd.Categorical.from_codes(skill.astype(np.int8), names),
                    "source": pd.Categorical([source] * len(at), categories=list(SOURCES)),
                    "level": np.clip(level, 0, 1.2).astype(np.float32),
                    "age_days": rng.integers(0, 700, len(at)).astype(np.int16),
                    "rater": raters.astype(np.int32),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    role = frame["person_key"].to_numpy() % 20
    unit = frame["person_key"].to_numpy() // 1000 % 30
    roles, units = ([f"{c}{i:02d}" for i in range(n)] for c, n in (("r", 20), ("u", 30)))
    frame["role"] = pd.Categorical.from_codes(role.astype(np.int8), roles)
    frame["group"] = pd.Categorical.from_codes(unit.astype(np.int8), units)
    frame.to_parquet(folder / "rated.parquet")
    person, skill = np.divmod(np.arange(truth.size), skills)
    pd.DataFrame(
        {
            "person_key": person.astype(np.int32),
            "skill_id": pd.Categorical.from_codes(skill.astype(np.int8), names),
            "skill": pd.Categorical.from_codes(skill.astype(np.int8), names),
            "role": pd.Categorical.from_codes((person % 20).astype(np.int8), roles),
            "group": pd.Categorical.from_codes((person // 1000 % 30).astype(np.int8), units),
            "target": np.float32(TARGET), "weight": np.float32(1.0),
        }
    ).to_parquet(folder / "asked.parquet")  # fmt: skip
    np.savez(folder / "truth.npz", truth=truth, cohort=cohort)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def levels(persons: int, skills: int, replicates: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        child = multiprocessing.get_context("spawn").Process(
            target=write, args=(folder, persons, skills)
        )
        child.start()
        child.join()
        started = time.perf_counter()
        busy = time.process_time()
        lap, marks = busy, {}

        def mark(what: str) -> None:
            nonlocal lap
            now = time.process_time()
            marks[what], lap = now - lap, now

        rated = pd.read_parquet(folder / "rated.parquet")
        n_ratings = len(rated)
        mark("ratings read")
        found = skill_gaps.levels(rated)
        del rated
        mark("levels with intervals")
        short = skill_gaps.shortfalls(found, pd.read_parquet(folder / "asked.parquet")).frame
        mark("shortfalls")
        clusters = skill_gaps.cluster(short, replicates=replicates)
        mark(f"cohorts, {replicates} replicates")
        seconds, memory = time.perf_counter() - started, peak()
        used = time.process_time() - busy
        with np.load(folder / "truth.npz") as known:
            check(found.frame, known["truth"], clusters.members, known["cohort"])
    print("| work | processor time |\n| --- | --- |")
    for what, took in marks.items():
        print(f"| {what} | {took:.1f} s |")
    print(f"| all, {persons:,} people, {skills} skills, {n_ratings:,} ratings | {used:.0f} s |")
    print(f"| the same by the clock | {seconds:.0f} s |")
    print(f"| peak memory | {memory:.1f} GB |")


def check(
    found: pd.DataFrame, truth: np.ndarray, members: pd.DataFrame, cohort: np.ndarray
) -> None:
    """Stop unless levels are within their intervals and the planted cohorts are the found ones."""
    skill = pd.factorize(found["skill_id"], sort=True)[0]
    true = truth[found["person_key"].to_numpy(), skill]
    inside = float(((found["low"] <= true) & (true <= found["high"])).mean())
    error = float(np.sqrt(((found["level"] - true) ** 2).mean()))
    if not 0.93 < inside < 0.97:
        sys.exit(f"intervals hold {inside:.1%} of the levels")
    if members["cohort"].nunique() != 3:
        sys.exit(f"{members['cohort'].nunique()} cohorts were found, 3 were planted")
    agree = _stability.rand(members["cohort"].to_numpy(), cohort[members["person_key"].to_numpy()])
    if agree < 0.9:
        sys.exit(f"cohorts are not those planted: {agree:.2f}")
    print(
        f"Intervals hold {inside:.1%} of the levels, typical error {error:.3f}; cohorts agree "
        f"with those planted by {agree:.3f}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=float, default=2e5)
    parser.add_argument("--skills", type=int, default=60)
    parser.add_argument("--replicates", type=int, default=100)
    given = parser.parse_args()
    levels(int(given.persons), given.skills, given.replicates)


if __name__ == "__main__":
    main()
