"""Worlds whose segments, rhythms and responses are known: found where they are, and only there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.log import EventLog
from ldresearch.measures import segments as measures
from ldresearch.models import _between, _bgnbd
from ldresearch.models import segments as models
from ldresearch.privacy.pseudonym import pseudonyms
from ldresearch.segment_rules import Rules, parse, read
from ldresearch.worlds.segmented import segmented

EVERYONE = parse('[[segment]]\nname = "often"\nwhen.actions.at_least = 4\n[[segment]]\nname="rest"')


def features(folder: Path, seed: int, ways: int, n_persons: int = 360) -> pd.DataFrame:
    """Features of a planted world, with the way of each person."""
    world = segmented(seed, ways=ways, n_persons=n_persons)
    log = EventLog.open(world.write(folder / f"{seed}-{ways}-{n_persons}"), as_of="2024-04-22")
    frame = measures.features(log)
    key = hashlib.sha256(f"{world.name} {world.seed}".encode()).digest()
    people = list(world.truth["way_of"])
    name_of = dict(zip(pseudonyms(people, key), people, strict=True))
    identity = pd.read_parquet(log.dataset.file("identity")).set_index("person_key")["person_id"]
    names = frame["person_key"].map(identity).map(name_of)
    return frame.assign(way=names.map(world.truth["way_of"]))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return features(tmp_path_factory.mktemp("ways"), 3, 4)


def labels(frame: pd.DataFrame) -> pd.Series:
    found = models.behaviour(frame, replicates=20)
    assert found.members is not None
    return found.members["segment"]


@pytest.mark.parametrize("ways", [2, 4])
def test_planted_ways_are_found(tmp_path: Path, ways: int) -> None:
    frame = features(tmp_path, 5, ways)
    found = models.behaviour(frame, replicates=20)
    assert found.parameters["k"] == ways
    assert found.members is not None
    of = pd.crosstab(found.members["segment"], frame.loc[found.members.index, "way"])
    assert of.max(axis=1).sum() / of.to_numpy().sum() > 0.97
    # The idle have no way of doing it.
    assert len(found.members) <= (frame["way"] != "").sum()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowd_without_ways_has_none(tmp_path: Path, seed: int) -> None:
    found = models.behaviour(features(tmp_path, seed, 0), replicates=20)
    assert found.is_empty
    assert "do not fall into segments" in found.missing


def test_one_more_person_moves_fewer_than_one_in_a_hundred(four: pd.DataFrame) -> None:
    before = labels(four)
    sorted_before = models.usage(four, read()).members
    scored_before = models.rfm(four).members
    assert sorted_before is not None and scored_before is not None  # noqa: PT018
    for seed in range(2):
        copied = four.sample(1, random_state=seed).assign(person_key=10**6)
        more = pd.concat([four, copied], ignore_index=True)
        after = labels(more).reindex(before.index)
        assert (after != before).mean() < 0.01
        sorted_after = models.usage(more, read()).members
        assert sorted_after is not None
        assert (sorted_after["segment"].iloc[: len(four)] == sorted_before["segment"]).all()
        scored = models.rfm(more)
        assert scored.members is not None
        moved = (scored.members.iloc[: len(four)] != scored_before).any(axis=1).mean()
        # Where fifths end within a block of people who are alike, the report says so.
        assert moved <= 3 * max(0.01, float(models.rfm(four).parameters["movable"] or 0))


def test_order_and_names_change_nothing(four: pd.DataFrame) -> None:
    before = labels(four)
    other = four.sample(frac=1, random_state=1).assign(
        unit=lambda f: f["unit"].map({u: f"unit {i}" for i, u in enumerate(f["unit"].unique())}),
        person_key=range(len(four)),
    )
    assert (labels(other).reindex(before.index) == before).all()
    one, two = (models.profiles(f, read()).frame.drop(columns="unit") for f in (four, other))
    pd.testing.assert_frame_equal(one, two)


def test_more_people_than_are_searched_are_all_placed(tmp_path: Path) -> None:
    frame = features(tmp_path, 7, 3, n_persons=2000)
    found = models.behaviour(frame, replicates=15, max_clusters=4)
    assert found.parameters["k"] == 3
    assert found.members is not None
    assert len(found.members) > 1200
    copied = pd.concat([frame, frame.sample(1, random_state=1)], ignore_index=True)
    after = models.behaviour(copied, replicates=15, max_clusters=4).members
    assert after is not None
    assert (after["segment"].reindex(found.members.index) != found.members["segment"]).mean() < 0.01


# Still active -------------------------------------------------------------------------------


def rhythms(seed: int, n: int, ahead: float = 12.0) -> pd.DataFrame:
    """People drawn from the model itself: rates are gamma, chances of stopping beta."""
    rng = np.random.default_rng(seed)
    rate, stops = rng.gamma(0.8, 1 / 2.0, n), rng.beta(1.0, 4.0, n)
    known = rng.uniform(20, 40, n)
    rows = []
    for i in range(n):
        life = rng.geometric(stops[i])
        times = np.cumsum(rng.exponential(1 / rate[i], min(life, 4000)))
        seen = times[times <= known[i]]
        later = times[(times > known[i]) & (times <= known[i] + ahead)]
        is_alive = len(seen) < life
        rows.append((len(seen), seen[-1] if len(seen) else 0.0, known[i], is_alive, len(later)))
    columns = ["repeats", "last_weeks", "known_weeks", "is_alive", "days_ahead"]
    return pd.DataFrame(rows, columns=columns).assign(actions=lambda f: f["repeats"])


def covered(seeds: range, n: int) -> tuple[float, float, float]:
    """How often the interval of those still active holds them, and what is foretold for what came.

    Returns
    -------
    float, float, float
        Coverage; mean error of the share that comes; ratio of foretold to observed days.
    """
    inside, errors, days = [], [], []
    for seed in seeds:
        frame = rhythms(seed, n)
        found = models.alive(frame, EVERYONE, seed=seed)
        each = frame.assign(segment=np.where(frame["actions"] >= 4, "often", "rest"))
        truth = each.groupby("segment")["is_alive"].mean()
        for row in found.frame.to_dict("records"):
            inside.append(row["low"] <= truth[row["segment"]] <= row["high"])
        held = models.foretold(frame, EVERYONE)
        own = held.frame
        errors.append(float(((own["predicted"] - own["share"]) * own["n"]).sum() / own["n"].sum()))
        days.append(held.estimate("alive_ratio").value)
    return float(np.mean(inside)), float(np.mean(errors)), float(np.mean(days))


def test_shares_still_active_are_those_that_are() -> None:
    inside, error, ratio = covered(range(5), 500)
    assert inside >= 0.7  # 10 intervals: fewer than 7 is one chance in 1,000
    assert abs(error) < 0.03
    assert 0.9 < ratio < 1.1


def test_the_clock_does_not_matter() -> None:
    frame = rhythms(2, 300)
    x, last, known = (
        frame[c].to_numpy(dtype=float) for c in ("repeats", "last_weeks", "known_weeks")
    )
    ones = np.ones(300)
    weeks, days = (_bgnbd.fit(x, last * f, known * f, ones) for f in (1.0, 7.0))
    assert isinstance(weeks, _bgnbd.Fit)
    assert isinstance(days, _bgnbd.Fit)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-4)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-4)
    # Kinds with weights are people one by one.
    twice = _bgnbd.fit(np.r_[x, x], np.r_[last, last], np.r_[known, known], np.r_[ones, ones] / 2)
    assert isinstance(twice, _bgnbd.Fit)
    assert twice.log_likelihood == pytest.approx(weeks.log_likelihood, rel=1e-6)


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say() -> None:
    inside, error, ratio = covered(range(100, 150), 500)
    print(f"still active: {inside:.3f} covered, error {error:.4f}, days {ratio:.3f}")
    assert 0.88 < inside <= 1.0  # 100 intervals
    assert abs(error) < 0.01
    assert 0.97 < ratio < 1.03


# Responses ----------------------------------------------------------------------------------


def trial(seed: int, gain: dict[str, float], n: int = 1600) -> pd.DataFrame:
    """Allocate people by chance in two weeks; a segment's share rises by what is planted."""
    rng = np.random.default_rng(seed)
    often = rng.random(n) < 0.5
    treated = rng.random(n) < 0.5
    chance = np.where(often, 0.5, 0.2) + treated * np.where(often, gain["often"], gain["rest"])
    return pd.DataFrame(
        {
            "initiative_id": "one", "label": "One", "arm": np.where(treated, "treated", "control"),
            "cluster": [f"p{i}" for i in range(n)], "is_randomised": True,
            "start_on": np.where(rng.random(n) < 0.5, "2024-01-01", "2024-01-08"),
            "has_responded": rng.random(n) < chance, "actions": np.where(often, 9, 0),
        }
    )  # fmt: skip


def test_the_segment_that_responds_is_found() -> None:
    found = models.responses(trial(1, {"often": 0.0, "rest": 0.25}), EVERYONE).frame
    assert set(found["kind"]) == {"difference"}
    assert found["differ"].tolist() == ["yes", "yes"]
    value = found.set_index("segment")["value"]
    assert value["rest"] == pytest.approx(0.25, abs=0.09)
    assert abs(value["often"]) < 0.1


def test_alike_segments_are_seldom_said_to_differ() -> None:
    said = [
        models.responses(trial(s, {"often": 0.1, "rest": 0.1}, 500), EVERYONE)
        .frame["differ"]
        .iloc[0]
        for s in range(60)
    ]
    assert said.count("yes") <= 8  # one in twenty by chance: more than 8 is one chance in 300


def test_shrunk_intervals_hold_what_is_true() -> None:
    """Four segments that differ by .05, with errors of .1: held, and closer than plain ones."""
    rng = np.random.default_rng(1)
    inside, mine, plain = [], [], []
    for _ in range(300):
        true = 0.1 + rng.normal(0, 0.05, 4)
        effect = true + rng.normal(0, 0.1, 4)
        mean, low, high = _between.shrunk(effect, np.full(4, 0.1))
        inside += list((low <= true) & (true <= high))
        mine.append(((mean - true) ** 2).mean())
        plain.append(((effect - true) ** 2).mean())
    assert 0.93 <= np.mean(inside) <= 0.995
    assert np.mean(mine) < 0.75 * np.mean(plain)


def test_nothing_is_made_of_few(four: pd.DataFrame) -> None:
    rules: Rules = read()
    for n in (0, 1, 5):
        few = four.head(n)
        assert models.usage(few, rules).is_empty
        assert models.rfm(few).is_empty
        assert models.alive(few, rules).is_empty
