"""Speed side by side with the peers, in one run: ``make bench``.

Everyone starts from the same Parquet files and has to give the same answer, which is checked
before anything is printed. Only the ratios count: the machine may be busy. By default about a
minute on two cores and within 8 GB; ``--rows`` scales the spells, ``--events`` the log.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ldresearch import ingest
from ldresearch.log import EventLog
from ldresearch.measures import adoption, engagement_survival
from ldresearch.models import survival
from ldresearch.worlds.tables import KEY

COVARIATES = ["unit", "level", "is_manager", "cohort", "tenure"]
PEER_COX_ROWS = 10_000_000
"""Beyond this the peer's regression takes minutes and more memory than 8 GB allow."""
GAP = 28


def timed(function: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the median seconds of some runs, and what the last gave."""
    seconds, found = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        found = function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), found


def line(
    work: str, size: str, peer: str, theirs: float | None, ours: float, difference: str
) -> None:
    other = "-" if theirs is None else f"{theirs:.2f} s"
    ratio = "-" if theirs is None else f"{theirs / ours:.1f}"
    print(
        f"| {work} | {size} | {peer} | {other} | {ours:.2f} s | {ratio} | {difference} |",
        flush=True,
    )


# Spells -------------------------------------------------------------------------------------


def write_spells(file: Path, rows: int) -> None:
    """Write spells in whole days with five grouped covariates, three of which matter."""
    duckdb.sql("SELECT setseed(0.5)")
    duckdb.sql(
        f"""
        COPY (
            WITH who AS (
                SELECT floor(random() * 4)::TINYINT AS unit, floor(random() * 3)::TINYINT AS level,
                    (random() < 0.2)::TINYINT AS is_manager, floor(random() * 4)::TINYINT AS cohort,
                    floor(random() * 2)::TINYINT AS tenure, random() AS u, random() AS c
                FROM range({rows})
            ), lasted AS (
                SELECT *, -180 * ln(1 - u) / exp(0.1 * unit - 0.2 * level + 0.3 * is_manager) AS t,
                    30 + 335 * c AS followed
                FROM who
            )
            SELECT ceil(least(t, followed))::INTEGER AS duration, t <= followed AS event,
                unit, level, is_manager, cohort, tenure
            FROM lasted WHERE least(t, followed) > 0
        ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
        """
    )


def grouped(file: Path, columns: list[str]) -> pd.DataFrame:
    """Fold spells in the engine: alike ones are one row with a weight."""
    names = ", ".join(columns)
    return duckdb.sql(f"SELECT {names}, count(*)::DOUBLE AS weight FROM '{file}' GROUP BY ALL").df()


def curves(file: Path, size: str) -> None:
    from lifelines import KaplanMeierFitter

    base = ["duration", "event"]

    def peer() -> Any:
        frame = pd.read_parquet(file, columns=base)
        return KaplanMeierFitter().fit(frame["duration"], frame["event"])

    theirs, fitted = timed(peer)
    ours, found = timed(lambda: survival.kaplan_meier(grouped(file, base)))
    whole, _ = timed(lambda: survival.kaplan_meier(pd.read_parquet(file, columns=base)))
    expected = fitted.survival_function_at_times(found.frame["time"]).to_numpy()
    off = float(np.abs(expected - found.frame["survival"].to_numpy()).max())
    if off > 1e-9:
        sys.exit(f"Kaplan-Meier differs from lifelines by {off:.1e}")
    line("Kaplan–Meier, engine folds", size, "lifelines", theirs, ours, f"{off:.0e}")
    line("Kaplan–Meier, plain frame", size, "lifelines", theirs, whole, f"{off:.0e}")
    ours, _ = timed(lambda: survival.rmst(grouped(file, [*base, "unit"]), "unit", horizon=180))
    line("RMST by group, engine folds", size, "none", None, ours, "-")


def regression(file: Path, rows: int, size: str) -> None:
    columns = ["duration", "event", *COVARIATES]
    ours, found = timed(lambda: survival.cox(grouped(file, columns), COVARIATES))
    theirs, off, said = None, None, "-"
    if rows <= PEER_COX_ROWS:
        from lifelines import CoxPHFitter

        def peer() -> Any:
            frame = pd.read_parquet(file, columns=columns)
            # Its own choice between two ways is 10 times slower here: this is the tuned one.
            return CoxPHFitter().fit(
                frame, "duration", event_col="event", fit_options={}, batch_mode=True
            )

        theirs, fitted = timed(peer, 1)
        expected = fitted.params_[found.frame["term"]].to_numpy()
        off = float(np.abs(expected - found.frame["coefficient"].to_numpy()).max())
        if off > 1e-5:
            sys.exit(f"Cox differs from lifelines by {off:.1e}")
        said = f"{off:.0e}"
    peer_name = "lifelines, `batch_mode=True`" if theirs else "not run"
    line("Cox, 5 grouped covariates, engine folds", size, peer_name, theirs, ours, said)
    if rows <= PEER_COX_ROWS:
        whole, _ = timed(lambda: survival.cox(pd.read_parquet(file, columns=columns), COVARIATES))
        line("Cox, plain frame", size, peer_name, theirs, whole, said)


# The log ------------------------------------------------------------------------------------


def write_log(folder: Path, events: int) -> EventLog:
    """Write a log of two years: persons come in bursts of days, with ten events a day."""
    rng = np.random.default_rng(5)
    n_persons = max(events // 100, 100)
    days = -(-events // 10)
    who = rng.integers(0, n_persons, days)
    middle = rng.integers(0, 730, (n_persons, 4))[who, rng.integers(0, 4, days)]
    on = np.clip(middle + np.round(rng.normal(0, 20, days)), 0, 729).astype(int)
    person, day = np.repeat(who, 10)[:events], np.repeat(on, 10)[:events]
    at = pd.Timestamp("2023-01-01") + pd.to_timedelta(day * 86_400 + rng.integers(
        25_000, 65_000, events), unit="s")  # fmt: skip
    names = np.array([f"p{i}" for i in range(n_persons)], dtype=object)
    frame = pd.DataFrame(
        {
            "person_id": names[person], "occurred_at": at, "recorded_at": at,
            "verb": np.where(rng.random(events) < 0.3, "complete", "view"), "source": "bench",
        }
    )  # fmt: skip
    dataset = ingest.write(
        {"event": frame}, folder / "log", client="bench", key=KEY, public=True, time_zone="UTC",
        reject_limit=1.0,
    )  # fmt: skip
    return EventLog.open(dataset, as_of="2025-01-01")


def read_days(log: EventLog) -> pd.DataFrame:
    """Read the events as a notebook in pandas would: the columns it needs, then the day."""
    frame = pd.read_parquet(
        log.dataset.file("event"), columns=["person_key", "occurred_at", "verb"]
    )
    frame["day"] = frame["occurred_at"].dt.normalize()
    return frame


def pandas_active(log: EventLog) -> pd.DataFrame:
    """Distinct persons in the 1, 7 and 28 days to each day, by slicing person-days."""
    days = read_days(log)[["person_key", "day"]].drop_duplicates().sort_values("day")
    at, who = days["day"].to_numpy(), days["person_key"].to_numpy()
    rows = []
    for last in pd.date_range(at.min(), "2024-12-31"):
        end = np.searchsorted(at, last.to_datetime64(), side="right")
        counts = []
        for width in (1, 7, 28):
            first = last - pd.Timedelta(days=width - 1)
            start = np.searchsorted(at, first.to_datetime64(), side="left")
            counts.append(len(pd.unique(who[start:end])))
        rows.append((last, *counts))
    return pd.DataFrame(rows, columns=["day_on", "dau", "wau", "mau"])


def pandas_active_tuned(log: EventLog) -> np.ndarray:
    """Monthly active people by what the measure does too: each day lasts until the next one."""
    days = read_days(log)[["person_key", "day"]].drop_duplicates()
    days = days.sort_values(["person_key", "day"])
    start = days["day"].min()
    at = (days["day"] - start).dt.days
    gap = at.groupby(days["person_key"]).shift(-1) - at
    length = (pd.Timestamp("2024-12-31") - start).days + 1
    comes = np.bincount(at, minlength=length + 29)
    goes = np.bincount(at + gap.fillna(28).clip(upper=28).astype(int), minlength=length + 29)
    return np.cumsum(comes - goes)[:length]


def pandas_spells(log: EventLog) -> pd.DataFrame:
    """Spells between gaps, by sorted person-days and shifted columns."""
    frame = read_days(log)
    days = frame.loc[frame["verb"] == "complete", ["person_key", "day"]].drop_duplicates()
    days = days.sort_values(["person_key", "day"])
    gap = days.groupby("person_key")["day"].diff()
    days["spell"] = (gap.isna() | (gap >= pd.Timedelta(days=GAP))).cumsum()
    ends = days.groupby("spell").agg(start=("day", "min"), end=("day", "max"))
    limit = pd.Timestamp("2025-01-01") - pd.Timedelta(days=GAP)
    ends = ends[ends["start"] < limit]
    event = ends["end"] < limit
    stop = ends["end"].where(event, limit)
    return pd.DataFrame(
        {"duration": (stop - ends["start"]).dt.days + event, "event": event}
    )  # fmt: skip


def activity(folder: Path, events: int) -> None:
    log = write_log(folder, events)
    size = f"{events:,} events"
    ours, found = timed(lambda: adoption.active(log))
    theirs, expected = timed(lambda: pandas_active(log), 1)
    for column in ("dau", "wau", "mau"):
        if found[column].tolist() != expected[column].tolist():
            sys.exit(f"{column} differs from pandas")
    line(
        "daily, weekly, monthly active on every day", size, "pandas, day by day", theirs, ours, "0"
    )
    theirs, again = timed(lambda: pandas_active_tuned(log))
    if again.tolist() != expected["mau"].tolist():
        sys.exit("the tuned pandas way differs")
    line("the same", size, "pandas, tuned, monthly alone", theirs, ours, "0")
    ours, found = timed(
        lambda: engagement_survival.spells(log, verbs=["complete"], gap_days=GAP, assigned="all")
    )
    theirs, expected = timed(lambda: pandas_spells(log))
    pairs = [sorted(zip(f["duration"].astype(int), f["event"], strict=True))
             for f in (found, expected)]  # fmt: skip
    if pairs[0] != pairs[1]:
        sys.exit("spells differ from pandas")
    line(f"spells, gap of {GAP} days, with attributes", size, "pandas", theirs, ours, "0")


# Imports ------------------------------------------------------------------------------------


def imports() -> None:
    def seconds(module: str) -> float:
        command = [sys.executable, "-c", f"import {module}"]
        return timed(lambda: subprocess.run(command, check=True), 5)[0]

    theirs, ours, bare = seconds("pandas"), seconds("ldresearch"), seconds("sys")
    line("import, in a new process", "-", "pandas", theirs, ours, "-")
    print(f"\nA new process that imports nothing takes {bare:.2f} s of both imports.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e6, 1e7], help="spells")
    parser.add_argument("--events", type=float, default=3e6, help="events of the log; 0: none")
    given = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        print("| work | size | peer | peer takes | this takes | times faster | difference |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for rows in map(int, given.rows):
            file = Path(place) / f"spells-{rows}.parquet"
            write_spells(file, rows)
            curves(file, f"{rows:,} spells")
            regression(file, rows, f"{rows:,} spells")
            file.unlink()
        if given.events:
            activity(Path(place), int(given.events))
        imports()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"All of it took {time.perf_counter() - started:.0f} s and {peak:.1f} GB at most.")


if __name__ == "__main__":
    main()
