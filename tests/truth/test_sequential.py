"""Made-up initiatives: sequences miss the truth seldom, forecasts cover, verdicts are right."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import sequential as s

LOOKS = 12


@pytest.fixture(scope="module")
def peeking() -> ModuleType:
    """The benchmark, whose simulation is looked at here too."""
    file = Path(__file__).resolve().parents[2] / "benchmarks" / "peeking.py"
    spec = importlib.util.spec_from_file_location("peeking", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["peeking"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", [0, 1])
def test_peeking_daily_misleads_a_test_and_not_a_sequence(peeking: ModuleType, kind: int) -> None:
    parts = list(peeking.simulate(peeking.KINDS[kind], 400, 90, 20, seed=7))
    found = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    assert found["naive"].mean() > 0.20
    assert found["sequence"].mean() <= 0.05
    assert found["cuped"].mean() <= 0.05
    assert found["boundaries"].mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    theory = math.sqrt(1 - peeking.KINDS[kind].correlation ** 2)
    assert found["narrowing"].mean() == pytest.approx(theory, abs=0.02)


def test_the_benchmark_uses_the_lines_that_ship(peeking: ModuleType) -> None:
    assert peeking.agrees(seed=3) < 1e-9


def initiative(rng: np.random.Generator, effect: float, harm: float = 0.0) -> pd.DataFrame:
    """2,400 people over twelve looks: a share of 25 % and an effect; minutes for a guardrail."""
    n = 2400
    frame = pd.DataFrame({"look": np.arange(n) * LOOKS // n})
    treated = rng.random(n) < 0.5
    frame["arm"] = np.where(treated, "treated", "control")
    frame["value"] = (rng.random(n) < 0.25 + effect * treated) * 1.0
    frame["minutes"] = rng.gamma(2.0, 15.0, n) - harm * treated
    return frame


def path(frame: pd.DataFrame, mde: float = 0.08) -> list[tuple[str, str]]:
    """Verdict and reason at each look, up to the one that ends it."""
    found: list[tuple[str, str]] = []
    for look in range(LOOKS):
        part = frame[frame["look"] <= look]
        guard = s.guardrail(
            part.assign(value=part["minutes"]), margin=3.0, control="control", tightest_at=2400
        )
        sizes = part.groupby("arm").size().reset_index(name="n")
        verdict = s.verdict(
            s.confidence_sequence(part, control="control", tightest_at=2400),
            mde=mde, guardrails=[guard], sample_ratio=s.sample_ratio(sizes),
            is_at_end=look == LOOKS - 1,
        ).parameters  # fmt: skip
        found.append((str(verdict["verdict"]), str(verdict["reason"])))
        if found[-1][0] != "iterate":
            break
    return found


def ends(effect: float, harm: float, runs: int, seed: int) -> list[tuple[str, str, int]]:
    """Last verdict, its reason and its look, of several initiatives."""
    rng = np.random.default_rng(seed)
    paths = [path(initiative(rng, effect, harm)) for _ in range(runs)]
    return [(*p[-1], len(p)) for p in paths]


def share(found: list[tuple[str, str, int]], *verdicts: str) -> float:
    return sum(v in verdicts for v, _, _ in found) / len(found)


def test_verdicts_follow_the_truth() -> None:
    """Above the minimum: continue. Nothing: stop, mostly before the last look. Harm: stop."""
    above = ends(0.12, 0.0, 12, seed=1)
    assert share(above, "continue") >= 10 / 12
    nothing = ends(0.0, 0.0, 12, seed=2)
    assert share(nothing, "stop") >= 8 / 12
    assert share(nothing, "continue") == 0
    assert sum(v == "stop" and look < LOOKS for v, _, look in nothing) >= 7
    harm = ends(0.0, 9.0, 8, seed=3)
    assert share(harm, "stop") == 1.0
    assert sum(why == "guardrail" for _, why, _ in harm) >= 6


@pytest.mark.slow
def test_verdicts_follow_the_truth_in_many_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    shares = {}
    for name, effect, harm in (("above", 0.12, 0.0), ("nothing", 0.0, 0.0), ("harm", 0.0, 9.0)):
        found = ends(effect, harm, 150, seed=11)
        early = sum(v == "stop" and look < LOOKS for v, _, look in found) / len(found)
        shares[name] = {v: share(found, v) for v in ("continue", "stop", "pivot")} | {
            "stopped early": early,
            "guardrail": sum(why == "guardrail" for _, why, _ in found) / len(found),
            "uneven": sum(why == "sample_ratio" for _, why, _ in found) / len(found),
        }
    with capsys.disabled():
        print("\n", pd.DataFrame(shares).T.round(3).to_string())
    assert shares["above"]["continue"] >= 0.9
    assert shares["nothing"]["stop"] >= 0.8
    assert shares["nothing"]["stopped early"] > 0.5
    assert shares["nothing"]["continue"] <= 0.05
    assert shares["harm"]["guardrail"] >= 0.8


# Coverage -----------------------------------------------------------------------------------


def missed(kind: str, runs: int, seed: int) -> tuple[float, float]:
    """Share of initiatives with an effect in which some look misses it: sequence, single look."""
    rng = np.random.default_rng(seed)
    sequence = once = 0
    for _ in range(runs):
        n, effect = 3000, 0.3
        treated = rng.random(n) < 0.3
        frame = pd.DataFrame({"look": np.arange(n) * 30 // n})
        team = rng.integers(0, 60, n)
        cluster = ""
        if kind == "skewed":
            frame["value"] = rng.gamma(0.3, 1.0, n) + effect * treated
        else:
            cluster, treated = "team", team < 20
            frame["team"] = team
            frame["value"] = 0.3 * rng.normal(size=60)[team] + rng.normal(size=n) + effect * treated
        frame["arm"] = np.where(treated, "treated", "control")
        found = s.confidence_sequence(
            frame, control="control", cluster=cluster, tightest_at=n
        ).frame
        sequence += int(((found["low"] > effect) | (found["high"] < effect)).any())
        once += int(((found["fixed_low"] > effect) | (found["fixed_high"] < effect)).any())
    return sequence / runs, once / runs


def test_an_effect_is_missed_seldom() -> None:
    sequence, once = missed("skewed", 150, seed=5)
    assert sequence <= 0.05
    assert once > sequence


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["skewed", "teams"])
def test_an_effect_is_missed_seldom_in_many_worlds(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sequence, once = missed(kind, 1500, seed=6)
    with capsys.disabled():
        print(f"\n{kind}: sequence misses {sequence:.3f}, single looks {once:.3f}")
    assert sequence <= 0.05


# Forecast -----------------------------------------------------------------------------------


def covered(runs: int, seed: int) -> tuple[float, float, float]:
    """How often the final estimate lies in the forecast of a third; and how true chances are."""
    rng = np.random.default_rng(seed)
    inside, told, came = [], [], []
    for _ in range(runs):
        frame = initiative(rng, float(rng.normal(0.05, 0.05)))
        part = frame[frame["look"] < LOOKS // 3]
        early = s.confidence_sequence(part, control="control", tightest_at=2400)
        whole = s.confidence_sequence(frame, control="control", tightest_at=2400)
        ahead = s.forecast(early, n_end=2400, mde=0.08)
        e, final = ahead.estimates[0], whole.estimates[0]
        inside.append(e.low <= final.value <= e.high)
        told.append(float(ahead.parameters["chance_above"] or 0))
        came.append(final.low > 0)
    return float(np.mean(inside)), float(np.mean(told)), float(np.mean(came))


def test_forecasts_cover() -> None:
    inside, told, came = covered(120, seed=8)
    assert 0.88 <= inside <= 1.0
    assert told == pytest.approx(came, abs=0.12)


@pytest.mark.slow
def test_forecasts_cover_in_many_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    inside, told, came = covered(2000, seed=9)
    with capsys.disabled():
        print(
            f"\nforecast covers {inside:.3f}; chance above nought told {told:.3f}, came {came:.3f}"
        )
    assert inside == pytest.approx(0.95, abs=0.015)
    assert told == pytest.approx(came, abs=0.04)
