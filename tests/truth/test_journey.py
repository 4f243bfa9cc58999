"""A planted beginning is found out of sample; noise is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.measures import journey as measures
from ldresearch.models import journey as models
from ldresearch.worlds import journeys
from ldresearch.worlds.tables import log

FEATURES = ["a", "b", "c"]


def told(effect: float, tmp_path, seed: int = 3) -> tuple:
    world = log(journeys.beginners(seed, effect=effect), tmp_path, as_of="2025-01-01")
    weeks = measures.first_weeks(world)
    assert len(weeks) == 600
    return (models.beginnings(weeks, measures.FEATURES), models.habits(weeks, measures.FEATURES))


def test_a_planted_beginning_is_found(tmp_path) -> None:
    began, did = told(1.5, tmp_path)
    assert began.parameters["verdict"] == "evidence"
    assert began.estimate("beginning_auc").low > 0.7
    drift = began.estimate("beginning_drift")
    assert drift.low < 0 < drift.high
    clear = did.frame[did.frame["standing"] == "more"]["behaviour"].tolist()
    assert "value_days" in clear
    assert "passed_on" not in clear  # nobody did


def test_noise_is_not_evidence(tmp_path) -> None:
    began, did = told(0.0, tmp_path)
    assert began.parameters["verdict"] == "no evidence"
    assert (did.frame["standing"] == "no difference").all()


def noise(seed: int, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 8])
    days = pd.date_range("2024-01-01", periods=n, freq="12h").normalize()
    frame = pd.DataFrame(rng.poisson(3, (n, 3)).astype(float), columns=FEATURES)
    return frame.assign(first_on=days, known_on=days + pd.Timedelta(days=40),
                        stayed=rng.random(n) < 0.5)  # fmt: skip


def false_alarms(n: int) -> tuple[float, float]:
    began = [models.beginnings(noise(i), FEATURES).parameters["verdict"] for i in range(n)]
    did = [(models.habits(noise(i), FEATURES).frame["standing"] != "no difference").any()
           for i in range(n)]  # fmt: skip
    return float(np.mean([v == "evidence" for v in began])), float(np.mean(did))


def test_noise_seldom_looks_like_evidence() -> None:
    verdicts, behaviours = false_alarms(40)
    assert verdicts <= 0.1  # expected 0.025 or less: a gain over a plain share is mostly negative
    assert behaviours <= 0.15  # expected 0.05


@pytest.mark.slow
def test_noise_looks_like_evidence_as_often_as_said() -> None:
    verdicts, behaviours = false_alarms(1000)
    assert verdicts <= 0.035
    assert 0.01 <= behaviours <= 0.065


@pytest.mark.slow
def test_intervals_of_groups_hold_all_at_once() -> None:
    rng = np.random.default_rng(5)
    shares, n = np.array([0.3, 0.5, 0.7, 0.6]), np.array([60, 120, 200, 90])
    missed = 0
    for _ in range(2000):
        frame = pd.DataFrame({"group": list("ABCD"), "step": "activated", "order": 1,
                              "n_reached": rng.binomial(n, shares), "n_of": n})  # fmt: skip
        found = models.drop_off(frame).frame
        total, count = (n * shares).sum(), n.sum()
        truth = shares - (total - n * shares) / (count - n)
        # Differences are told in whole points.
        low, high = found["low"].to_numpy() - 0.005, found["high"].to_numpy() + 0.005
        missed += bool(((truth < low) | (truth > high)).any())
    assert missed / 2000 <= 0.06
