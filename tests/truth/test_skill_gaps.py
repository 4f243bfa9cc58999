"""Known worlds: levels, biases, gaps and cohorts are what the ratings were drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.measures import skill_gaps as measures
from ldresearch.models import skill_gaps
from ldresearch.result import Result
from ldresearch.worlds import organisation
from ldresearch.worlds.organisation import World
from ldresearch.worlds.tables import KEY

AS_OF = "2025-01-01"


def scaled(world: World) -> pd.DataFrame:
    """Ratings of a world as the measure gives them, without the way through a dataset."""
    frame = world.tables["skill_rating"].merge(world.tables["skill_scale"], on="scale_id")
    person = world.tables["person"].drop_duplicates("person_id").set_index("person_id")
    frame["level"] = (frame["raw"] - frame["minimum"]) / (frame["maximum"] - frame["minimum"])
    frame["age_days"] = (pd.Timestamp(AS_OF) - pd.to_datetime(frame["rated_at"])).dt.days
    frame["rater"] = pd.factorize(frame["rater_id"])[0] + 1
    frame["role"] = frame["person_id"].map(person["role_id"])
    frame["group"] = frame["person_id"].map(person["unit_path"].str[-1])
    frame["person_key"] = frame["person_id"].str[1:].astype(int)
    return frame.dropna(subset=["role"])


def asked(world: World) -> pd.DataFrame:
    person = world.tables["person"].drop_duplicates("person_id")
    frame = person.merge(world.tables["role_skill"], on="role_id").rename(
        columns={"role_id": "role"}
    )
    frame["person_key"] = frame["person_id"].str[1:].astype(int)
    frame["group"], frame["skill"] = frame["unit_path"].str[-1], frame["skill_id"]
    columns = ["person_key", "skill_id", "skill", "role", "group", "target", "weight"]
    return frame[columns]


def true_levels(world: World) -> pd.DataFrame:
    truth: pd.DataFrame = world.truth["levels"]
    return truth.assign(person_key=truth["person_id"].str[1:].astype(int))


def gap_world(seed: int, k: int, n: int = 500) -> World:
    return organisation(seed, n_persons=n, n_months=12, n_gap_clusters=k)


def clusters_of(world: World) -> tuple[Result, pd.DataFrame]:
    short = skill_gaps.shortfalls(skill_gaps.levels(scaled(world)), asked(world))
    return skill_gaps.cluster(short.frame, replicates=20, max_clusters=6)


@pytest.mark.parametrize("k", [0, 4])
def test_intervals_cover_true_levels(k: int) -> None:
    world = gap_world(5, k, n=900)
    found = skill_gaps.levels(scaled(world)).frame
    both = found.merge(true_levels(world), on=["person_key", "skill_id"], suffixes=("", "_true"))
    error = (both["level"] - both["level_true"]).abs()
    inside = error < 1.96 * np.hypot(both["se"], both["bias_se"])
    assert 0.92 < inside.mean() < 0.98
    for basis in ("several", "one", "self_only"):
        assert 0.90 < inside[both["basis"] == basis].mean() < 0.99


def test_levels_are_nearer_the_truth_than_any_plain_average() -> None:
    world = gap_world(6, 4, n=900)
    ratings = scaled(world)
    found = skill_gaps.levels(ratings).frame
    plain = ratings.groupby(["person_key", "skill_id"])["level"].mean().rename("plain")
    both = found.merge(true_levels(world), on=["person_key", "skill_id"], suffixes=("", "_true"))
    both = both.merge(plain.reset_index(), on=["person_key", "skill_id"])
    error, naive = ((both[c] - both["level_true"]).pow(2).mean() for c in ("level", "plain"))
    assert error < 0.6 * naive


def test_source_biases_are_recovered() -> None:
    """Ratings end at the top of their scale, which hides up to a point of a flattering bias."""
    inside = dict.fromkeys(("manager", "peer", "self"), 0)
    for seed in range(12):
        world = gap_world(100 + seed, 4)
        found = skill_gaps.levels(scaled(world))
        assert found.parameters["reference"] == "review"
        for source in inside:
            bias, e = world.truth["source_bias"][source], found.estimate("source_bias", source)
            inside[source] += e.low - 0.01 <= bias <= e.high + 0.01
            assert e.value == pytest.approx(bias, abs=0.025)
    assert min(inside.values()) >= 11, inside


def test_the_order_of_errors_is_recovered() -> None:
    found = skill_gaps.levels(scaled(gap_world(7, 4, n=900)))
    error = {s: found.estimate("source_error", s).value for s in ("review", "manager", "self")}
    assert error["review"] < error["manager"] < error["self"]


def test_mean_shortfalls_are_covered() -> None:
    """Against the mean of max(0, target - level) of those rated, over skills and worlds."""
    inside = []
    for seed in range(3):
        world = gap_world(20 + seed, 4, n=700)
        short = skill_gaps.shortfalls(skill_gaps.levels(scaled(world)), asked(world))
        known = short.frame[short.frame["level"].notna()][["person_key", "skill_id", "skill"]]
        truth = known.merge(true_levels(world), on=["person_key", "skill_id"])
        truth["short"] = (truth["target"] - truth["level"]).clip(lower=0)
        true = truth.groupby("skill")["short"].mean()
        for row in skill_gaps.gaps(short.frame).frame.to_dict("records"):
            inside.append(row["low"] - 0.005 <= true[row["skill"]] <= row["high"] + 0.005)
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize(("k", "seed"), [(3, 1), (4, 2), (5, 3)])
def test_planted_cohorts_are_found(k: int, seed: int) -> None:
    world = gap_world(seed, k, n=600)
    found, members = clusters_of(world)
    assert found.parameters["k"] == k
    truth = {int(p[1:]): c for p, c in world.truth["cluster_of"].items()}
    table = pd.crosstab(members["cohort"], members["person_key"].map(truth))
    # Cohorts share skills, and some people are rated by others in few: those are placed amiss.
    assert table.max(axis=1).sum() / table.to_numpy().sum() > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_cohorts(seed: int) -> None:
    found, members = clusters_of(gap_world(seed, 0, n=600))
    assert found.parameters["k"] == 0
    assert members.empty


@pytest.mark.slow
def test_noise_has_no_cohorts_in_nineteen_of_twenty() -> None:
    none = sum(
        clusters_of(gap_world(300 + seed, 0, n=600))[0].parameters["k"] == 0 for seed in range(20)
    )
    assert none >= 19


@pytest.mark.slow
@pytest.mark.parametrize("k", [3, 4, 5])
def test_planted_cohorts_are_found_on_many_seeds(k: int) -> None:
    right = [
        clusters_of(gap_world(400 + 10 * k + seed, k, n=600))[0].parameters["k"] == k
        for seed in range(6)
    ]
    assert sum(right) >= 5


def test_the_way_through_a_dataset_says_the_same(tmp_path: Path) -> None:
    world = gap_world(8, 4, n=300)
    dataset = write(world.tables, tmp_path / "d", client="text", key=KEY, public=True)
    ratings = measures.ratings(EventLog.open(dataset, as_of=AS_OF), by="unit")
    found = skill_gaps.levels(ratings)
    direct = skill_gaps.levels(scaled(world))
    for source in ("manager", "self"):
        both = [f.estimate("source_bias", source).value for f in (found, direct)]
        # Whoever has left by then is in one and not in the other.
        assert both[0] == pytest.approx(both[1], abs=0.01)
