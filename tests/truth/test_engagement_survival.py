"""Worlds whose spells are drawn from a known curve: the rule and the models give it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.log import EventLog
from ldresearch.measures import engagement_survival as measures
from ldresearch.models import survival
from ldresearch.worlds import organisation
from ldresearch.worlds.tables import log

GAP = 28
AT = (30, 60, 90, 180)
TRUE = (0.722, 0.558, 0.436, 0.217)
"""S(30), S(60), S(90), S(180) of the simulation in methods.md, "Disengagement, the rule"."""


# The rule against its rivals ----------------------------------------------------------------


def lengths(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw whole days with P(length > d) through the four points, exponential between them."""
    hazard = -np.log([1.0, *TRUE])
    days = np.array([0.0, *AT])
    drawn = rng.exponential(size=n)
    beyond = days[-1] + (drawn - hazard[-1]) * (days[-1] - days[-2]) / (hazard[-1] - hazard[-2])
    inside = np.interp(drawn, hazard, days)
    return np.maximum(np.ceil(np.where(drawn < hazard[-1], inside, beyond)), 1).astype(np.int64)


def value_days(seed: int, n: int, n_days: int = 365) -> pd.DataFrame:
    """Days of value: people begin in the first 300 days, a quarter return after 30 to 120 days."""
    rng = np.random.default_rng(seed)
    person, start, parts = np.arange(n), rng.integers(0, 300, n), []
    while len(person):
        length = lengths(rng, len(person))
        spell = np.repeat(np.arange(len(person)), length)
        offset = np.arange(len(spell)) - np.repeat(np.cumsum(length) - length, length)
        came = (offset == 0) | (offset == length[spell] - 1) | (offset % 10 == 0)
        came |= rng.random(len(spell)) < 0.15
        parts.append(np.column_stack([person[spell], start[spell] + offset])[came])
        again = rng.random(len(person)) < 0.25
        start = start + length + rng.integers(GAP + 2, 121, len(person))
        again &= start < n_days
        person, start = person[again], start[again]
    found = pd.DataFrame(np.concatenate(parts), columns=["person", "day"])
    return found[found["day"] < n_days].drop_duplicates().sort_values(["person", "day"])


def as_log(days: pd.DataFrame, folder: Path) -> EventLog:
    begin = np.datetime64("2024-01-01", "us")
    at = begin + days["day"].to_numpy().astype("timedelta64[D]") + np.timedelta64(9, "h")
    events = pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in days["person"]], "occurred_at": at,
            "verb": "complete", "event_id": [f"v{i}" for i in range(len(days))],
        }
    )  # fmt: skip
    return log({"event": events}, folder, as_of="2024-12-31")  # day 365


def survived(duration: Any, event: Any) -> np.ndarray:
    frame = pd.DataFrame({"duration": np.asarray(duration, dtype=float), "event": event})
    found = survival.kaplan_meier(frame, at=AT).estimates
    return np.array([e.value for e in found if e.metric == "survival_at"])


def rivals(days: pd.DataFrame, n_days: int = 365) -> dict[str, np.ndarray]:
    """The three rules that look as plausible, on each person's first spell."""
    following = days.groupby("person")["day"].shift(-1)
    days = days.assign(ends=following.isna() | (following - days["day"] >= GAP))
    first = days.groupby("person")["day"].min()
    end = days[days["ends"]].groupby("person")["day"].min()
    last = days.groupby("person")["day"].max()
    is_open, still = end >= n_days - GAP, last >= n_days - GAP
    return {
        "censored at last activity": survived(end - first + 1, ~is_open),
        "censored at as_of": survived(
            (end - first + 1).where(~is_open, n_days - first), ~is_open
        ),
        "last activity ever": survived((last - first + 1).where(~still, n_days - first), ~still),
    }  # fmt: skip


def rule(days: pd.DataFrame, folder: Path) -> np.ndarray:
    frame = measures.spells(as_log(days, folder), verbs="complete", gap_days=GAP)
    frame = frame[frame["spell"] == 1]
    return survived(frame["duration"], frame["event"])


def test_the_rule_has_no_bias_and_its_rivals_do(tmp_path: Path) -> None:
    days = value_days(1, 5000)
    found = rule(days, tmp_path)
    assert np.abs(found - TRUE).max() < 0.015
    others = rivals(days)
    assert (others["last activity ever"] - TRUE).min() > 0.04
    late = [others[name][3] - TRUE[3] for name in ("censored at last activity",
                                                   "censored at as_of")]  # fmt: skip
    assert late[1] > late[0] > abs(found[3] - TRUE[3])
    assert late[0] > 0.01


@pytest.mark.slow
def test_the_table_of_the_four_rules(tmp_path: Path) -> None:
    """n = 40,000, as in methods.md; .0025 is the standard error of each number."""
    days = value_days(2, 40_000)
    assert np.abs(rule(days, tmp_path) - TRUE).max() < 0.006
    others = rivals(days)
    printed = {
        "censored at last activity": (0.722, 0.562, 0.448, 0.239),
        "censored at as_of": (0.722, 0.563, 0.451, 0.246),
    }
    for name, numbers in printed.items():
        assert np.abs(others[name] - numbers).max() < 0.01, name
    # How much merging returners adds hangs on how many return; that it adds does not.
    assert (others["last activity ever"] - TRUE).min() > 0.05


# Organisations ------------------------------------------------------------------------------

WORLD = {"n_persons": 1500, "n_months": 15, "unit_scale": {"Sales": 1.5, "Operations": 0.75}}
HORIZON = 90


def spells_of(seed: int, folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    world = organisation(seed, **WORLD)  # type: ignore[arg-type]
    there = EventLog.open(world.write(folder / str(seed)), as_of="2025-04-01")
    frame = measures.subjects(there, verbs="complete,pass", gap_days=GAP, by="unit")
    return frame, world.truth


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("worlds")
    return [spells_of(seed, folder) for seed in (1, 2, 3, 4)]


def test_restricted_means_are_covered(
    worlds: list[tuple[pd.DataFrame, dict[str, Any]]],
) -> None:
    """Twenty intervals of 95 %: more than three misses would be one chance in sixty."""
    misses, errors = 0, []
    for frame, truth in worlds:
        found = survival.rmst(frame, "group", horizon=HORIZON)
        assert found.parameters["horizon"] == HORIZON
        for row in found.frame.to_dict("records"):
            true = truth["rmst"][row["group"]](HORIZON)
            misses += not row["low"] <= true <= row["high"]
            errors.append((row["rmst"] - true) / row["se"])
    assert len(errors) == 20
    assert misses <= 3
    assert abs(np.mean(errors)) < 0.6  # no bias either: the mean of twenty has an error of .22


def test_contrasts_are_covered(worlds: list[tuple[pd.DataFrame, dict[str, Any]]]) -> None:
    """Sales spells are twice as long as those of Operations: each interval says so, and holds."""
    misses = 0
    for frame, truth in worlds:
        found = survival.rmst(frame, "group", horizon=HORIZON, reference="Operations")
        true = truth["rmst"]["Sales"](HORIZON) - truth["rmst"]["Operations"](HORIZON)
        e = found.estimate("rmst_difference", "Sales against Operations")
        misses += not e.low <= true <= e.high
        assert e.low > 0
    assert misses <= 1


def test_curves_are_covered(worlds: list[tuple[pd.DataFrame, dict[str, Any]]]) -> None:
    inside = []
    for frame, truth in worlds:
        found = survival.kaplan_meier(frame, "group", at=(15, 30, 60, 90))
        for e in found.estimates:
            if e.metric != "survival_at":
                continue
            group, _, when = e.label.partition(" at ")
            true = float(truth["survival"][group](float(when.split(" ")[0])))
            inside.append(e.low <= true <= e.high)
    assert len(inside) == 80
    assert np.mean(inside) >= 0.88


def test_twice_the_scale_is_twice_as_long(
    worlds: list[tuple[pd.DataFrame, dict[str, Any]]],
) -> None:
    """Accelerated failure times of a Weibull world: Sales against Operations is a factor of 2."""
    frame = pd.concat([f for f, _ in worlds], ignore_index=True)
    two = frame[frame["group"].isin(["Sales", "Operations"])].drop(columns="person_key")
    found = survival.aft(two, ["group"])
    e = found.estimate("time_ratio", "group: Sales")
    assert e.low <= 2.0 <= e.high
