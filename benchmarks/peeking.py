"""What peeking does, and what it does not do to a confidence sequence.

``python benchmarks/peeking.py``: 2,000 made-up initiatives of two arms between which there is no
difference are looked at every day for 180 days. Printed is the share in which some look says that
there is one: by a test that is made anew each day, by the confidence sequence, by the same after
adjustment for activity before the start (CUPED), and by group-sequential boundaries at six looks.
A minute on one core.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ldresearch.models import _sequence, sequential

ALPHA = 0.05
Z = 1.959963984540054
CHUNK = 100


@dataclass(frozen=True)
class Kind:
    """How values are drawn."""

    name: str
    is_share: bool
    correlation: float


KINDS = (
    Kind("share of people, 25 %", is_share=True, correlation=0.0),
    Kind("minutes (log-normal, skewness 6), correlation 0.7", is_share=False, correlation=0.7),
)


def values(
    rng: np.random.Generator, kind: Kind, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw values and what was known before, the same in both arms."""
    if kind.is_share:
        return (rng.random(shape) < 0.25).astype(float), rng.random(shape)
    # Log-normal values with this correlation on their own scale.
    sd = 1.0
    log_scale = math.log1p(kind.correlation * math.expm1(sd**2)) / sd**2
    before = rng.standard_normal(shape)
    after = log_scale * before + math.sqrt(1 - log_scale**2) * rng.standard_normal(shape)
    return np.exp(sd * after), np.exp(sd * before)


def arm(
    rng: np.random.Generator, kind: Kind, initiatives: int, days: int, daily: int
) -> _sequence.Moments:
    """Moments of one arm of many initiatives, day by day."""
    y, x = values(rng, kind, (initiatives, days, daily))
    columns = np.stack([y, x], axis=-1)
    total = np.cumsum(columns.sum(axis=2), axis=1)
    cross = np.cumsum(np.einsum("idnp,idnq->idpq", columns, columns), axis=1)
    n = np.broadcast_to(daily * np.arange(1, days + 1.0), (initiatives, days))
    return _sequence.centred(n, total, cross)


def plain(moments: _sequence.Moments) -> _sequence.Moments:
    return _sequence.Moments(moments.n, moments.mean[..., :1], moments.scatter[..., :1, :1])


def outside(found: _sequence.Contrast, first: int, n_end: float, n: np.ndarray) -> np.ndarray:
    """Which initiatives have a look whose sequence leaves out nought."""
    half = widths(found, first, n_end, n)
    return (np.abs(found.estimate[:, first:]) > half[:, first:]).any(axis=1)


def widths(found: _sequence.Contrast, first: int, n_end: float, n: np.ndarray) -> np.ndarray:
    factor = math.sqrt(_sequence.tightest(ALPHA) * n[first] / n_end)
    return _sequence.half_width(found.se, found.se[:, first : first + 1] * factor, ALPHA)


def simulate(
    kind: Kind, initiatives: int, days: int, daily: int, seed: int
) -> Iterator[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    n = 2.0 * daily * np.arange(1, days + 1)
    first = math.ceil(sequential.MIN_ARM / daily) - 1
    looks = np.linspace(days / 6, days, 6).astype(int) - 1
    bounds = sequential.boundaries(6, alpha=ALPHA).frame["z"].to_numpy()
    for start in range(0, initiatives, CHUNK):
        size = min(CHUNK, initiatives - start)
        arms = [arm(rng, kind, size, days, daily) for _ in range(2)]
        adjusted = _sequence.difference(*arms)
        raw = _sequence.difference(*[plain(one) for one in arms])
        z = raw.estimate / raw.se
        yield {
            "naive": (np.abs(z[:, first:]) > Z).any(axis=1),
            "sequence": outside(raw, first, n[-1], n),
            "cuped": outside(adjusted, first, n[-1], n),
            "boundaries": (np.abs(z[:, looks]) > bounds).any(axis=1),
            "narrowing": widths(adjusted, first, n[-1], n)[:, -1]
            / widths(raw, first, n[-1], n)[:, -1],
            "last": raw.estimate[:, -1] / raw.se[:, -1],
        }


def agrees(seed: int) -> float:
    """How far the public function is from the lines above, on one initiative."""
    rng = np.random.default_rng(seed)
    kind, days, daily = KINDS[1], 30, 20
    y, x = values(rng, kind, (2, days, daily))
    frame = pd.DataFrame(
        {
            "arm": np.repeat(["treated", "control"], days * daily),
            "look": np.tile(np.repeat(np.arange(days), daily), 2),
            "value": y.ravel(),
            "before": x.ravel(),
        }
    )
    found = sequential.confidence_sequence(
        frame, control="control", covariates=["before"], tightest_at=2 * days * daily
    ).frame
    moments = []
    for side in range(2):
        columns = np.stack([y[side], x[side]], axis=-1)[None]
        total = np.cumsum(columns.sum(axis=2), axis=1)
        cross = np.cumsum(np.einsum("idnp,idnq->idpq", columns, columns), axis=1)
        n = daily * np.arange(1, days + 1.0)[None]
        moments.append(_sequence.centred(n, total, cross))
    contrast = _sequence.difference(*moments)
    first = math.ceil(sequential.MIN_ARM / daily) - 1
    half = widths(contrast, first, 2 * days * daily, 2 * daily * np.arange(1, days + 1.0))
    low = (contrast.estimate - half)[0, first:]
    return float(np.abs(found["low"].to_numpy() - low).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--initiatives", type=int, default=2000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--daily", type=int, default=20, help="people an arm and day")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    start = time.perf_counter()
    off = agrees(given.seed)
    if off > 1e-9:
        sys.exit(f"the public function differs by {off:.1e}")
    print(
        f"{given.initiatives:,} initiatives without an effect, a look on each of {given.days} days,"
        f" {given.daily} people an arm and day.\n"
    )
    print("| values | test anew each day | sequence | sequence, CUPED | six planned looks |"
          " width with CUPED | theory | test once, at the end |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    failed = False
    for kind in KINDS:
        parts = list(simulate(kind, given.initiatives, given.days, given.daily, given.seed))
        found = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        theory = math.sqrt(1 - kind.correlation**2)
        narrow = float(found["narrowing"].mean())
        once = float((np.abs(found["last"]) > Z).mean())
        shares = [found[k].mean() for k in ("naive", "sequence", "cuped", "boundaries")]
        print(f"| {kind.name} | {' | '.join(f'{s:.1%}' for s in shares)} | {narrow:.3f} |"
              f" {theory:.3f} | {once:.1%} |")  # fmt: skip
        failed |= shares[0] <= 0.20 or max(shares[1:3]) > ALPHA or abs(narrow - theory) > 0.02
    print(f"\n{time.perf_counter() - start:.0f} s.")
    if failed:
        sys.exit("a promise is broken: see the table")


if __name__ == "__main__":
    main()
