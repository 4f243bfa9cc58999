"""Known worlds: the intervals of the adoption models cover what the data were drawn from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

from ldresearch.log import EventLog
from ldresearch.measures import adoption as measures
from ldresearch.models import _bass, adoption, survival
from ldresearch.result import Result
from ldresearch.worlds import organisation


def starts(
    rng: np.random.Generator, n: int, p: float, q: float, ceiling: float, weeks: int
) -> tuple[pd.DataFrame, float]:
    """Weekly starts of n people from the continuous curve, and the share that ever will."""
    will = rng.random(n) < ceiling
    u = rng.random(n)
    time = -np.log((1 - u) / (1 + u * q / p)) / (p + q)
    week = np.where(will, np.ceil(time), np.inf)
    counts = [int((week == w).sum()) for w in range(1, weeks + 1)]
    return pd.DataFrame({"time": range(1, weeks + 1), "adopters": counts}), float(will.mean())


def holds(found: Result, metric: str, truth: float) -> bool:
    e = found.estimate(metric)
    return e.low - 1e-9 <= truth <= e.high + 1e-9


def test_push_pull_and_ceiling_are_covered() -> None:
    rng = np.random.default_rng(4)
    p, q, runs = 0.012, 0.08, 20
    hits = dict.fromkeys(("bass_p", "bass_q", "bass_ceiling", "adoption_peak"), 0)
    for _ in range(runs):
        frame, ends_at = starts(rng, 1500, p, q, 0.7, 45)
        found = adoption.bass(frame, 1500)
        truth = {"bass_p": p, "bass_q": q, "bass_ceiling": ends_at,
                 "adoption_peak": float(_bass.peak_time(p, q))}  # fmt: skip
        for metric, value in truth.items():
            hits[metric] += holds(found, metric, value)
    assert min(hits.values()) >= runs - 3, hits


def test_the_forecast_is_covered() -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(15):
        whole, _ = starts(rng, 1500, 0.012, 0.08, 0.7, 140)
        found = adoption.bass(whole.iloc[:40], 1500).frame
        share = whole["adopters"].cumsum() / 1500
        ahead = found[found["part"] == "ahead"]
        truth = share.iloc[(ahead["time"] - 1).astype(int)].to_numpy()
        inside.append(np.mean((ahead["low"] <= truth) & (truth <= ahead["high"])))
    assert np.mean(inside) >= 0.88


def test_before_the_turn_the_end_is_open() -> None:
    """With a headcount: the ceiling reaches up to everyone, the peak has no upper end."""
    rng = np.random.default_rng(6)
    for _ in range(5):
        frame, ends_at = starts(rng, 2000, 0.012, 0.08, 0.7, 12)
        found = adoption.bass(frame, 2000)
        assert found.parameters["is_early"] is True
        assert found.estimate("bass_ceiling").high == 1.0
        assert math.isinf(found.estimate("adoption_peak").high)
        assert holds(found, "bass_ceiling", ends_at)
        assert found.frame["time"].max() <= 24


def test_before_the_turn_there_is_no_market() -> None:
    """Without a headcount least squares refuses, whatever the noise."""
    rng = np.random.default_rng(7)
    for _ in range(5):
        frame, _ = starts(rng, 20_000, 0.012, 0.08, 0.7, 12)
        found = adoption.bass(frame)
        assert found.is_empty
        assert "too early" in found.missing
    whole, ends_at = starts(rng, 20_000, 0.012, 0.08, 0.7, 60)
    assert adoption.bass(whole).estimate("bass_market").value == pytest.approx(
        ends_at * 20_000, rel=0.03
    )


def test_nobody_starts() -> None:
    frame = pd.DataFrame({"time": range(1, 30), "adopters": 0})
    assert "fewer than 30" in adoption.bass(frame, 500).missing
    assert "fewer than 30" in adoption.bass(frame).missing


def test_steady_starts_without_any_pull() -> None:
    """q = 0: the launch is the peak, and the pull's interval holds nought."""
    rng = np.random.default_rng(8)
    n, left, counts = 1500, 1500, []
    for _ in range(60):
        new = rng.binomial(left, 0.03)
        counts.append(int(new))
        left -= new
    found = adoption.bass(pd.DataFrame({"time": range(1, 61), "adopters": counts}), n)
    assert found.estimate("bass_q").low <= 0.003
    assert holds(found, "bass_ceiling", 1.0)


def test_bursts_widen_the_intervals() -> None:
    """Every fourth week has all the starts of four: the same counts, less is known."""
    rng = np.random.default_rng(9)
    frame, _ = starts(rng, 1500, 0.012, 0.08, 0.7, 48)
    bursts = frame.copy()
    sums = frame["adopters"].to_numpy().reshape(-1, 4).sum(axis=1)
    bursts["adopters"] = np.where(np.arange(48) % 4 == 3, np.repeat(sums, 4), 0)
    even, rough = adoption.bass(frame, 1500), adoption.bass(bursts, 1500)
    assert float(rough.parameters["dispersion"] or 0) > 2
    width = [r.estimate("bass_q").high - r.estimate("bass_q").low for r in (even, rough)]
    assert width[1] > 1.3 * width[0]


def continuous(p: float, q: float) -> tuple[float, float]:
    """Push and pull of the continuous curve whose weekly chance comes nearest to p + q F.

    The worlds hold the hazard constant within a week; the curve lets it grow.
    """
    share = np.linspace(0, 0.95, 20)
    found = least_squares(lambda x: _bass.step(share, x[0], x[1]) - (p + q * share), [p, q])
    return float(found.x[0]), float(found.x[1])


def test_organisations_give_their_push_and_pull_back(tmp_path: Path) -> None:
    """Through ingest, log, measure and model: six intervals of 95 %, at most one of them misses."""
    hits = 0
    for seed in range(1, 4):
        world = organisation(seed, n_persons=1200, n_months=14, p=0.012, q=0.08)
        log = EventLog.open(world.write(tmp_path / str(seed)), as_of="2025-02-24")
        weeks = measures.adopters(log)
        found = adoption.bass(weeks)
        p, q = continuous(world.truth["p"], world.truth["q"])
        hits += holds(found, "bass_p", p) + holds(found, "bass_q", q)
        assert found.estimate("bass_p").value == pytest.approx(p, rel=0.3)
        assert found.estimate("bass_q").value == pytest.approx(q, rel=0.15)
        assert found.estimate("bass_ceiling").high >= 0.99
        last = weeks[weeks["is_complete"]].iloc[-1]
        assert found.estimate("adoption_share").value == last["n_started"] / last["n_eligible"]
        assert last["n_eligible"] <= world.truth["population"]
    assert hits >= 5


def test_activation_with_leavers_has_its_closed_form() -> None:
    """Constant hazards a (value) and b (leaving): a/(a+b) (1 - exp(-(a+b) t)), 200 samples."""
    rng = np.random.default_rng(10)
    a, b, window = 1 / 40, 1 / 120, 60
    truth = a / (a + b) * (1 - math.exp(-(a + b) * window))
    inside, error, naive = 0, [], []
    for _ in range(200):
        value, left, end = (
            rng.exponential(40, 150),
            rng.exponential(120, 150),
            rng.uniform(20, 200, 150),
        )
        time = np.minimum(np.minimum(value, left), end)
        event = np.where(time == value, "value", np.where(time == left, "left", ""))
        found = adoption.activation(
            pd.DataFrame({"duration": time, "event": event}), window_days=window
        )
        e = found.estimate("activation_rate")
        inside += e.low <= truth <= e.high
        error.append(e.value - truth)
        naive.append(found.estimate("activation_naive").value - truth)
    assert abs(inside / 200 - 0.95) < 0.04
    assert abs(np.mean(error)) < 0.01
    assert np.mean(naive) < -0.02  # the plain ratio holds a short follow-up against people


def test_late_entry_does_not_bias_activation() -> None:
    """Whoever is seen only from some day on is at risk from then, and those who had it are not."""
    rng = np.random.default_rng(11)
    value, entry = rng.exponential(40, 4000), rng.uniform(-30, 60, 4000)
    kept = value > entry
    frame = pd.DataFrame(
        {"duration": value[kept], "entry": np.maximum(entry[kept], 0.0), "event": "value"}
    )
    found = adoption.activation(frame, window_days=60).estimate("activation_rate")
    assert found.value == pytest.approx(1 - math.exp(-1.5), abs=0.03)


def test_the_curve_on_its_grid_is_the_curve() -> None:
    rng = np.random.default_rng(12)
    frame = pd.DataFrame({"duration": rng.integers(0, 400, 500).astype(float)})
    frame["event"] = rng.choice(["value", "left", ""], 500, p=[0.6, 0.1, 0.3])
    exact = survival.cumulative_incidence(frame, cause="value").frame
    exact = exact[exact["cause"] == "value"]
    shown = adoption.activation(frame).frame
    for _, row in shown.iterrows():
        before = exact[exact["time"] <= row["time"]]
        assert row["incidence"] == pytest.approx(before["incidence"].iloc[-1] if len(before) else 0)
    assert shown["n_events"].sum() <= exact["n_events"].sum()
    assert (shown["n"] >= 10).all()


def test_stickiness_interval_covers() -> None:
    """People who come on a working day with chances of their own; 60 worlds of 400 people."""
    rng = np.random.default_rng(13)
    days = pd.date_range("2024-01-01", periods=56)
    working = days.dayofweek < 5
    big = daily(rng, 40_000, days, working)
    truth = adoption.stickiness(big).estimate("stickiness").value
    inside = sum(
        holds(adoption.stickiness(daily(rng, 400, days, working)), "stickiness", truth)
        for _ in range(60)
    )
    assert inside >= 52


def daily(
    rng: np.random.Generator, n: int, days: pd.DatetimeIndex, working: np.ndarray
) -> pd.DataFrame:
    chance = rng.beta(0.8, 4, n)
    came = (rng.random((n, len(days))) < chance[:, None]) & np.asarray(working)
    seen = np.cumsum(came, axis=1)
    month = seen - np.pad(seen, ((0, 0), (28, 0)))[:, : len(days)] > 0
    week = seen - np.pad(seen, ((0, 0), (7, 0)))[:, : len(days)] > 0
    parts = [
        pd.DataFrame(
            {
                "day_on": days, "part": part, "dau": came[part::20].sum(axis=0),
                "wau": week[part::20].sum(axis=0), "mau": month[part::20].sum(axis=0),
                "is_full_month": np.arange(len(days)) >= 27,
            }
        )
        for part in range(20)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)
