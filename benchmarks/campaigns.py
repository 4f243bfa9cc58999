"""Do the intervals of the campaigns analysis hold? Worlds whose effect is known, many seeds each.

    python benchmarks/campaigns.py [--seeds 1000] [--only NAME] [--figure docs/twfe_bias.svg]

Prints the table of docs/simulations.md; with ``--figure`` it draws the picture there as well.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ldresearch.models import campaigns

Interval = tuple[float, float, float]
"""Estimate less truth, and the ends of the interval less truth."""


def less(truth: float, value: float, low: float, high: float) -> Interval:
    return value - truth, low - truth, high - truth


# Staggered roll-outs ------------------------------------------------------------------------


def rollout(
    rng: np.random.Generator, sizes: dict[float, int], effect: Callable[[float, float], float],
    *, n_times: int = 8, n_persons: int = 80, spread: float = 0.02, rho: float = 0.5,
) -> pd.DataFrame:  # fmt: skip
    """Shares of units that start at different times; a size of ``inf`` never starts.

    Units differ in level, share a trend, drift by AR(1), differ in their effect (standard
    deviation ``spread``), and are seen through ``n_persons`` persons each.
    """
    first = np.repeat(list(sizes), list(sizes.values()))
    n, time = len(first), np.arange(1, n_times + 1)
    level, own = rng.normal(0.3, 0.05, n), rng.normal(0, spread, n)
    trend = np.cumsum(rng.normal(0.005, 0.01, n_times))
    drift = np.empty((n, n_times))
    drift[:, 0] = rng.normal(0, 0.03, n)
    for t in range(1, n_times):
        drift[:, t] = rho * drift[:, t - 1] + rng.normal(0, 0.03 * math.sqrt(1 - rho**2), n)
    share = level[:, None] + trend + drift
    for i, g in enumerate(first):
        after = time >= g
        share[i, after] += own[i] + np.array([effect(g, t - g) for t in time[after]])
    seen = rng.binomial(n_persons, np.clip(share, 0, 1)) / n_persons
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), n_times), "time": np.tile(time, n),
            "outcome": seen.ravel(), "first_treated": np.repeat(first, n_times),
        }
    )  # fmt: skip


def true_att(
    sizes: dict[float, int], effect: Callable[[float, float], float], n_times: int = 8
) -> float:
    cells = [
        (size, effect(g, t - g))
        for g, size in sizes.items() if math.isfinite(g)
        for t in range(int(g), n_times + 1)
    ]  # fmt: skip
    weights, values = zip(*cells, strict=True)
    return float(np.average(values, weights=weights))


MANY = {3.0: 25, 5.0: 25, 7.0: 25, math.inf: 50}
SOME = {4.0: 6, 6.0: 6, math.inf: 10}
FEW = {4.0: 4, math.inf: 6}


def none(g: float, e: float) -> float:
    return 0.0


def growing(g: float, e: float) -> float:
    return 0.04 + 0.02 * e + 0.02 * (g == 3)


def steady(g: float, e: float) -> float:
    return 0.08


def att_world(
    sizes: dict[float, int], effect: Callable[[float, float], float], **options: float
) -> Callable[[int], Interval]:
    def once(seed: int) -> Interval:
        spread = 0.0 if effect is none else 0.02
        frame = rollout(np.random.default_rng(seed), sizes, effect, spread=spread)
        found = campaigns.att(frame, replicates=199, **options).estimate("campaign_att", "simple")
        return less(true_att(sizes, effect), found.value, found.low, found.high)

    return once


def band_world(
    sizes: dict[float, int], effect: Callable[[float, float], float], n_times: int = 8
) -> Callable[[int], Interval]:
    """Whether the band of the event study holds the truth of all event times at once."""

    def truth(event: float) -> float:
        seen = {g: n for g, n in sizes.items() if math.isfinite(g) and g + event <= n_times}
        if event < 0:
            return 0.0
        return float(np.average([effect(g, event) for g in seen], weights=list(seen.values())))

    def once(seed: int) -> Interval:
        found = campaigns.att(rollout(np.random.default_rng(seed), sizes, effect)).frame
        events = found[found["kind"] == "event"].dropna(subset=["band_low"])
        true = events["event"].map(truth)
        return (
            float((events["estimate"] - true).mean()), float((events["band_low"] - true).max()),
            float((events["band_high"] - true).min()),
        )  # fmt: skip

    return once


def before_world(sizes: dict[float, int], n_times: int) -> Callable[[int], Interval]:
    """Whether the check before the launch passes where nothing differed before it."""

    def once(seed: int) -> Interval:
        rng = np.random.default_rng(seed)
        frame = rollout(rng, sizes, steady, n_times=n_times, n_persons=33)
        p = campaigns.att(frame, replicates=1).estimate("pretrend_p").value
        return 0.0, -1.0 if p >= 0.05 else 1.0, 1.0

    return once


# Lift ---------------------------------------------------------------------------------------


def crowd(
    rng: np.random.Generator, lift: float, half_life: float, *, n: int = 150, weekly: float = 0.15,
    days_after: int = 56, is_odd: bool = True,
) -> tuple[pd.DataFrame, float]:  # fmt: skip
    """Persons who come on some days; all of them more in some weeks, and once hardly anyone.

    Persons differ by a gamma factor in what they do and in how they respond.
    """
    day = np.arange(-56, days_after)
    rate = 0.12 * np.array([1.2, 1.2, 1.1, 1.1, 0.9, 0.3, 0.2])[day % 7]
    factor, answer = rng.gamma(2, 0.5, n), rng.gamma(2, 0.5, n)
    common = np.repeat(rng.normal(1, weekly, len(day) // 7 + 1), 7)[: len(day)]
    if is_odd:
        common[rng.integers(0, 56)] *= 0.1
    excess = np.where(day >= 0, lift * 0.5 ** (np.maximum(day, 0) / half_life), 0.0)
    chance = (factor[:, None] * rate + answer[:, None] * excess) * common
    came = rng.random((n, len(day))) < np.clip(chance, 0, 1)
    frame = pd.DataFrame(
        {
            "campaign": "A", "day": np.tile(day, n), "part": np.repeat(np.arange(n), len(day)),
            "n_responded": came.ravel().astype(int), "n": 1,
        }
    )  # fmt: skip
    return frame, float(excess[(day >= 0) & (day < 28)].mean())


def lift_world(lift: float, half_life: float = 21.0) -> Callable[[int], Interval]:
    def once(seed: int) -> Interval:
        frame, truth = crowd(np.random.default_rng(seed), lift, half_life)
        found = campaigns.response(frame).estimate("campaign_lift")
        return less(truth, found.value, found.low, found.high)

    return once


def half_life_world(lift: float, half_life: float) -> Callable[[int], Interval]:
    def once(seed: int) -> Interval:
        frame, _ = crowd(np.random.default_rng(seed), lift, half_life)
        found = campaigns.response(frame).estimate("lift_half_life")
        return less(half_life, found.value, found.low, found.high)

    return once


# One series, several clients ----------------------------------------------------------------


def series_world(rho: float, n: int, start: int, term: str) -> Callable[[int], Interval]:
    truth = {"level_change": 0.05, "slope_change": 0.004}
    truth["mean_change"] = 0.05 + 0.004 * (n - start - 1) / 2

    def once(seed: int) -> Interval:
        rng = np.random.default_rng(seed)
        noise = np.empty(n)
        noise[0] = rng.normal()
        for t in range(1, n):
            noise[t] = rho * noise[t - 1] + rng.normal() * math.sqrt(1 - rho**2)
        time = np.arange(n)
        since = np.maximum(time - start, 0)
        y = 0.2 + 0.001 * time + (time >= start) * 0.05 + 0.004 * since + 0.02 * noise
        frame = pd.DataFrame({"time": time, "outcome": y})
        found = campaigns.interrupted(frame, start=start).estimate(term)
        return less(truth[term], found.value, found.low, found.high)

    return once


def pool_world(
    k: int, between: float, mean: float = 0.1, *, is_guarded: bool = True
) -> Callable[[int], Interval]:
    def once(seed: int) -> Interval:
        rng = np.random.default_rng(seed)
        se = rng.uniform(0.015, 0.04, k)
        effect = rng.normal(mean, between, k) + rng.normal(0, se)
        frame = pd.DataFrame({"label": [f"C{i}" for i in range(k)], "effect": effect, "se": se})
        found = campaigns.pool(frame, is_guarded=is_guarded).estimate("pooled_effect")
        return less(mean, found.value, found.low, found.high)

    return once


# All of them --------------------------------------------------------------------------------

WORLDS: dict[str, Callable[[int], Interval]] = {
    "effect, 75 units launched in three waves, 50 not": att_world(MANY, growing),
    "the same, not-yet-launched as controls": att_world(MANY, growing, control="not_yet_treated"),
    "effect, 12 units launched in two waves, 10 not": att_world(SOME, steady),
    "effect, 4 units launched, 6 not": att_world(FEW, steady),
    "no effect, 75 units launched, 50 not": att_world(MANY, none),
    "no effect, 12 units launched, 10 not": att_world(SOME, none),
    "no effect, 4 units launched, 6 not": att_world(FEW, none),
    "band of the event study, 75 units launched, 50 not": band_world(MANY, growing),
    "band of the event study, 12 units launched, 10 not": band_world(SOME, steady),
    "check before the launch, three waves of 13 units, 13 not": before_world(
        {5.0: 13, 7.0: 13, 9.0: 13, math.inf: 13}, 9
    ),
    "lift of a campaign": lift_world(0.06),
    "no lift": lift_world(0.0),
    "half-life of 21 days": half_life_world(0.15, 21.0),
    "pooled effect, 4 clients that differ": pool_world(4, 0.05),
    "pooled effect, 8 clients that differ": pool_world(8, 0.05),
    "pooled effect, 4 clients alike": pool_world(4, 0.0),
    "the same, without the guard": pool_world(4, 0.0, is_guarded=False),
    "no pooled effect, 4 clients that differ": pool_world(4, 0.05, 0.0),
    "jump, 26 and 12 weeks, autocorrelation 0": series_world(0.0, 38, 26, "level_change"),
    "jump, 26 and 12 weeks, autocorrelation .3": series_world(0.3, 38, 26, "level_change"),
    "jump, 26 and 12 weeks, autocorrelation .6": series_world(0.6, 38, 26, "level_change"),
    "slope, 26 and 12 weeks, autocorrelation .6": series_world(0.6, 38, 26, "slope_change"),
    "mean change, 26 and 12 weeks, autocorrelation .6": series_world(0.6, 38, 26, "mean_change"),
}


@dataclass(frozen=True)
class Outcome:
    """What the seeds of one world gave; ``n_told`` of them gave an interval."""

    n: int
    n_told: int
    covered: float
    bias: float
    width: float


def run(once: Callable[[int], Interval], seeds: int) -> Outcome:
    rows = np.array([once(seed) for seed in range(seeds)])
    told = rows[~np.isnan(rows).any(axis=1)]
    covered = float(((told[:, 1] <= 0) & (told[:, 2] >= 0)).mean()) if len(told) else math.nan
    return Outcome(
        seeds, len(told), covered, float(told[:, 0].mean()),
        float(np.median(told[:, 2] - told[:, 1])),
    )  # fmt: skip


# The picture --------------------------------------------------------------------------------


def two_ways(seeds: int) -> pd.DataFrame:
    """Estimates of both, with effects that grow and with effects that do not."""
    sizes = {3.0: 60, 6.0: 40, math.inf: 20}
    rows = []
    for name, effect in (("effects that grow", growing_fast), ("steady effects", steady)):
        truth = true_att(sizes, effect)
        for seed in range(seeds):
            frame = rollout(np.random.default_rng(seed), sizes, effect)
            ours = campaigns.att(frame, replicates=1).estimate("campaign_att", "simple").value
            theirs = campaigns.twfe(frame).estimate("twfe_effect").value
            rows.append((name, truth, ours, theirs))
    return pd.DataFrame(rows, columns=["world", "truth", "ours", "theirs"])


def growing_fast(g: float, e: float) -> float:
    return 0.02 + 0.04 * e


def draw(found: pd.DataFrame, file: Path) -> None:
    """One row a world: where the estimates of both fall, and the truth."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "twfe", "font.size": 9})
    figure, axes = plt.subplots(2, 1, figsize=(6.4, 3.2), sharex=True, layout="constrained")
    for axis, (world, own) in zip(axes, found.groupby("world", sort=True), strict=True):
        truth = 100 * own["truth"].iloc[0]
        for y, (column, colour) in enumerate((("theirs", "#b5532c"), ("ours", "#1f5f8b"))):
            low, middle, high = 100 * own[column].quantile([0.025, 0.5, 0.975])
            axis.plot(
                [low, high], [y, y], color=colour, linewidth=6, alpha=0.35, solid_capstyle="butt"
            )
            axis.plot(middle, y, "o", color=colour, markersize=6)
        axis.axvline(truth, color="#444", linewidth=1)
        axis.annotate(
            "truth", (truth, 1.5), (4, 0), textcoords="offset points", fontsize=8, color="#444"
        )
        axis.set(yticks=[0, 1], ylim=(-0.6, 1.85), title="")
        axis.set_yticklabels(["two-way fixed effects", "group-time effects"])
        axis.set_title(world, loc="left", fontsize=9, fontweight="bold")
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(length=0)
    axes[-1].set_xlabel("more people of 100, as estimated; bar: middle 95 % of the seeds")
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    lines = (line.rstrip() for line in file.read_text(encoding="utf-8").splitlines())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--figure", default="")
    given = parser.parse_args()
    if given.figure:
        found = two_ways(given.seeds)
        draw(found, Path(given.figure))
        print(found.groupby("world").mean().round(4).to_string())
        return
    print("| world | seeds | covers | mean error | width |")
    print("| --- | --- | --- | --- | --- |")
    for name, once in WORLDS.items():
        if given.only in name:
            got = run(once, given.seeds)
            told = f"{got.n_told:,}" if got.n_told == got.n else f"{got.n_told:,} of {got.n:,}"
            print(
                f"| {name} | {told} | {100 * got.covered:.1f} % | {got.bias:+.4f} | "
                f"{got.width:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
