"""Six questions to a log: this package, its peers, and a bare scan of the columns.

Peers read the export, this package the dataset that the door in made of it (see ``logs.py``); what
making it costs is a work of its own. All count any activity of anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import logs
from side_by_side import Figure, Timed, UnavailableError, Work

TITLE = "Events"
UNIT = "events"

MONDAY = "2022-12-26"
"""Of the week that holds the first day of the log; weeks count from it."""
WEEKS = range(1, 105)
"""Weeks that lie wholly in the log."""
N_WEEKS = 106
GAP_DAYS, GAP_MINUTES, WINDOW_DAYS = 28, 30, 28
STEPS = ("view", "start", "complete")
STATES = ("new", "returning", "resurrected", "dormant")

prepare = logs.prepare


# What is compared ---------------------------------------------------------------------------


def by_week(weeks: Any, counts: Any) -> list[int]:
    """Put counts on the whole weeks; a week without is nought."""
    found = dict(zip((int(w) for w in weeks), (int(c) for c in counts), strict=True))
    return [found.get(w, 0) for w in WEEKS]


def triangle(cells: Any) -> dict[str, int]:
    """Name the cells of cohorts by ``first`` week and weeks since, whole weeks only."""
    return {
        f"{int(first)} {int(n)}": int(persons)
        for first, n, persons in cells
        if first in WEEKS and first + n in WEEKS and persons
    }


def lengths(rows: Any) -> dict[str, int]:
    """Name counts of spells by duration and whether they ended."""
    return {f"{int(days)} {'ended' if ended else 'open'}": int(n) for days, ended, n in rows}


# This package -------------------------------------------------------------------------------


def measured(work: Callable[[Any, Any], Any]) -> Callable[[Path], Timed]:
    """Open the dataset and measure, as a notebook does."""

    def contender(folder: Path) -> Timed:
        # Imported with the first answer otherwise.
        import ibis.backends.duckdb.converter  # noqa: F401
        import pyarrow.pandas_compat
        import pyarrow_hotfix  # noqa: F401

        from ldresearch import measures
        from ldresearch.log import EventLog

        if work in (own_funnel, own_spells, own_together):
            import pyarrow.dataset  # noqa: F401 - for what is handed to the engine
        for stem in ("adoption", "engagement_survival", "journey", "retention_lifecycle"):
            getattr(measures, stem)
        return lambda: work(EventLog.open(folder / logs.DATASET, as_of=logs.AS_OF), measures)

    return contender


def week_of(days: Any) -> Any:
    """Return the number of the week of each day of a pandas column."""
    import pandas as pd

    return (days - pd.Timestamp(MONDAY)).dt.days // 7


def own_weekly(log: Any, measures: Any) -> Any:
    found = measures.adoption.active(log)
    sundays = found[found["day_on"].dt.dayofweek == 6]
    return by_week(week_of(sundays["day_on"]), sundays["wau"])


def own_cohorts(log: Any, measures: Any) -> Any:
    found = measures.retention_lifecycle.cohorts(log, verbs="", assigned="all", period="week")
    first = week_of(found["cohort_on"])
    return triangle(zip(first, found["n"], found["n_recurring"], strict=True))


def own_lifecycle(log: Any, measures: Any) -> Any:
    found = measures.retention_lifecycle.lifecycle(log, verbs="", assigned="all", period="week")
    return {state: by_week(week_of(found["period_on"]), found[state]) for state in STATES}


def own_funnel(log: Any, measures: Any) -> Any:
    found = measures.journey.ordered_funnel(log, steps=STEPS, window_days=WINDOW_DAYS)
    return found.sort_values("order")["n_reached"].tolist()


def own_sessions(log: Any, measures: Any) -> Any:
    found = measures.journey.sessions(log, gap_minutes=GAP_MINUTES)
    weeks = week_of(found["week_on"])
    return {
        "sessions": by_week(weeks, found["n_sessions"]),
        "persons": by_week(weeks, found["n_persons"]),
        "seconds": by_week(weeks, (found["minutes"] * 60).round()),
    }


def own_spells(log: Any, measures: Any) -> Any:
    found = measures.engagement_survival.spell_lengths(
        log, verbs="", assigned="all", gap_days=GAP_DAYS
    )
    return lengths(zip(found["duration"], found["event"], found["weight"], strict=True))


# pandas, as usually written -----------------------------------------------------------------


def naive(work: Callable[[Any], Any], *columns: str) -> Callable[[Path], Timed]:
    def contender(folder: Path) -> Timed:
        import pandas as pd
        import pyarrow.dataset
        import pyarrow.parquet  # noqa: F401

        read = ["person_id", "occurred_at", *columns]
        return lambda: work(pd.read_parquet(folder / logs.RAW, columns=read))

    return contender


def naive_weekly(events: Any) -> Any:
    events["week"] = week_of(events["occurred_at"])
    found = events.groupby("week")["person_id"].nunique()
    return by_week(found.index, found)


def naive_cohorts(events: Any) -> Any:
    events["week"] = week_of(events["occurred_at"])
    events["first"] = events.groupby("person_id")["week"].transform("min")
    events["n"] = events["week"] - events["first"]
    found = events.groupby(["first", "n"])["person_id"].nunique()
    return triangle((*key, n) for key, n in found.items())


def naive_lifecycle(events: Any) -> Any:
    events["week"] = week_of(events["occurred_at"])
    rows = events[["person_id", "week"]].drop_duplicates().sort_values(["person_id", "week"])
    return pandas_states(rows.groupby("person_id")["week"], rows["week"])


def pandas_states(people: Any, week: Any) -> Any:
    before, after = people.shift(1), people.shift(-1)
    flags = {
        "new": before.isna(), "returning": week - before == 1, "resurrected": week - before > 1,
    }  # fmt: skip
    found = {state: week[flag].value_counts() for state, flag in flags.items()}
    found["dormant"] = (week[~(after - week == 1)] + 1).value_counts()
    return {state: by_week(found[state].index, found[state]) for state in STATES}


def naive_funnel(events: Any) -> Any:
    import pandas as pd

    window, reached = pd.Timedelta(days=WINDOW_DAYS), [0] * len(STEPS)
    for _, own in events.sort_values("occurred_at").groupby("person_id"):
        views = own.loc[own["verb"] == STEPS[0], "occurred_at"]
        if views.empty or views.iloc[0] + window > pd.Timestamp(logs.AS_OF):
            continue
        first = now = views.iloc[0]
        reached[0] += 1
        for i, step in enumerate(STEPS[1:], 1):
            at = own.loc[own["verb"] == step, "occurred_at"]
            at = at[(at > now) & (at < first + window)]
            if at.empty:
                break
            now = at.iloc[0]
            reached[i] += 1
    return reached


def naive_sessions(events: Any) -> Any:
    import pandas as pd

    events = events.sort_values(["person_id", "occurred_at"])
    gap = events.groupby("person_id")["occurred_at"].diff()
    events["session"] = (gap.isna() | (gap >= pd.Timedelta(minutes=GAP_MINUTES))).cumsum()
    each = events.groupby("session").agg(
        person=("person_id", "first"), first=("occurred_at", "min"), last=("occurred_at", "max"),
    )  # fmt: skip
    return pandas_sessions(each)


def pandas_sessions(each: Any) -> Any:
    each["week"] = week_of(each["first"])
    each["seconds"] = (each["last"] - each["first"]).dt.total_seconds()
    found = each.groupby("week").agg(
        sessions=("person", "size"), persons=("person", "nunique"), seconds=("seconds", "sum"),
    )  # fmt: skip
    return {name: by_week(found.index, found[name]) for name in found.columns}


def naive_spells(events: Any) -> Any:
    import pandas as pd

    events["day"] = events["occurred_at"].dt.floor("D")
    rows = []
    for _, days in events[["person_id", "day"]].drop_duplicates().groupby("person_id")["day"]:
        days = days.sort_values()
        spell = (days.diff() >= pd.Timedelta(days=GAP_DAYS)).cumsum()
        for _, own in days.groupby(spell):
            rows.append((own.iloc[0], own.iloc[-1]))
    return pandas_lengths(pd.DataFrame(rows, columns=["first", "last"]))


def pandas_lengths(ends: Any) -> Any:
    import pandas as pd

    limit = pd.Timestamp(logs.AS_OF) - pd.Timedelta(days=GAP_DAYS)
    ends = ends[ends["first"] < limit]
    event = ends["last"] < limit
    days = (ends["last"].where(event, limit) - ends["first"]).dt.days + event
    found = pd.DataFrame({"days": days, "event": event}).value_counts()
    return lengths((*key, n) for key, n in found.items())


# pandas, tuned: only the columns needed, ids as numbers, no group-wise Python ---------------


def tuned(work: Callable[[Any], Any], *columns: str) -> Callable[[Path], Timed]:
    def contender(folder: Path) -> Timed:
        import numpy as np
        import pandas as pd
        import pyarrow.dataset  # noqa: F401 - imported with the first read otherwise
        import pyarrow.parquet as pq

        def numbers(column: Any) -> Any:
            return column.combine_chunks().indices.to_numpy().astype(np.int32, copy=False)

        def timed() -> Any:
            texts = ["person_id", *columns]
            table = pq.read_table(
                folder / logs.RAW, columns=[*texts, "occurred_at"], read_dictionary=texts
            ).unify_dictionaries()
            frame = pd.DataFrame(
                {
                    "person": numbers(table["person_id"]),
                    "at": table["occurred_at"].to_numpy().astype("datetime64[s]"),
                }
            )
            if columns:
                words = table["verb"].chunk(0).dictionary.to_pylist()
                frame["verb"] = numbers(table["verb"]).astype(np.int8)
                frame.attrs["words"] = {word: i for i, word in enumerate(words)}
            del table
            return work(frame)

        return timed

    return contender


def weeks_of(events: Any) -> Any:
    """Return distinct people and weeks."""
    import numpy as np

    events["week"] = ((events.pop("at").to_numpy().astype("datetime64[D]")
                       - np.datetime64(MONDAY)).astype(np.int32) // 7).astype(np.int16)  # fmt: skip
    return events.drop_duplicates(["person", "week"], ignore_index=True).copy()


def tuned_weekly(events: Any) -> Any:
    found = weeks_of(events)["week"].value_counts()
    return by_week(found.index, found)


def tuned_cohorts(events: Any) -> Any:
    rows = weeks_of(events)
    rows["first"] = rows.groupby("person")["week"].transform("min")
    rows["n"] = rows["week"] - rows["first"]
    found = rows.groupby(["first", "n"], sort=False).size()
    return triangle((*key, n) for key, n in found.items())


def tuned_lifecycle(events: Any) -> Any:
    rows = weeks_of(events).sort_values(["person", "week"])
    return pandas_states(rows.groupby("person", sort=False)["week"], rows["week"])


def tuned_funnel(events: Any) -> Any:
    import pandas as pd

    words = events.attrs["words"]

    def of(step: str) -> Any:
        return events.loc[events["verb"] == words[step], ["person", "at"]]

    window = pd.Timedelta(days=WINDOW_DAYS)
    first = of(STEPS[0]).groupby("person")["at"].min()
    first = first[first + window <= pd.Timestamp(logs.AS_OF)]
    now, reached = first, [len(first)]
    for step in STEPS[1:]:
        own = of(step)
        begun, before = own["person"].map(first), own["person"].map(now)
        own = own[(own["at"] > before) & (own["at"] < begun + window)]
        now = own.groupby("person")["at"].min()
        reached.append(len(now))
    return reached


def tuned_sessions(events: Any) -> Any:
    import numpy as np
    import pandas as pd

    events = events.sort_values(["person", "at"], ignore_index=True)
    person, at = events["person"].to_numpy(), events["at"].to_numpy()
    gap = np.timedelta64(GAP_MINUTES, "m")
    starts = np.r_[True, (person[1:] != person[:-1]) | (at[1:] - at[:-1] >= gap)]
    first = np.flatnonzero(starts)
    last = np.r_[first[1:], len(at)] - 1
    return pandas_sessions(
        pd.DataFrame({"person": person[first], "first": at[first], "last": at[last]})
    )


def tuned_spells(events: Any) -> Any:
    import numpy as np
    import pandas as pd

    events["day"] = events.pop("at").to_numpy().astype("datetime64[D]").astype(np.int32)
    rows = events.drop_duplicates().sort_values(["person", "day"], ignore_index=True)
    person, day = rows["person"].to_numpy(), rows["day"].to_numpy()
    starts = np.r_[True, (person[1:] != person[:-1]) | (day[1:] - day[:-1] >= GAP_DAYS)]
    first = np.flatnonzero(starts)
    last = np.r_[first[1:], len(day)] - 1
    at = day.astype("datetime64[D]").astype("datetime64[s]")
    return pandas_lengths(pd.DataFrame({"first": at[first], "last": at[last]}))


# polars -------------------------------------------------------------------------------------


def polars(work: Callable[[Any, Any], Any]) -> Callable[[Path], Timed]:
    def contender(folder: Path) -> Timed:
        try:
            import polars as pl
        except ImportError:
            raise UnavailableError("polars is not installed") from None
        return lambda: work(pl, pl.scan_parquet(folder / logs.RAW))

    return contender


def collected(lazy: Any) -> Any:
    return lazy.collect(engine="streaming")


def polars_week(pl: Any) -> Any:
    monday = pl.lit(MONDAY).str.to_date()
    return ((pl.col("occurred_at").dt.date() - monday).dt.total_days() // 7).cast(pl.Int16)


def polars_weeks(pl: Any, events: Any) -> Any:
    return events.select("person_id", week=polars_week(pl)).unique()


def polars_weekly(pl: Any, events: Any) -> Any:
    found = collected(polars_weeks(pl, events).group_by("week").len())
    return by_week(found["week"], found["len"])


def polars_cohorts(pl: Any, events: Any) -> Any:
    people = polars_weeks(pl, events).group_by("person_id").agg(pl.col("week"))
    first = pl.col("week").list.min()
    rows = people.select("week", first=first).explode("week")
    cells = rows.group_by("first", n=pl.col("week") - pl.col("first")).len()
    return triangle(collected(cells).select("first", "n", "len").iter_rows())


def polars_lifecycle(pl: Any, events: Any) -> Any:
    people = polars_weeks(pl, events).group_by("person_id").agg(pl.col("week").sort())
    rows = people.select(
        week="week", before=pl.col("week").list.eval(pl.element().shift(1)),
        after=pl.col("week").list.eval(pl.element().shift(-1)),
    ).explode("week", "before", "after")  # fmt: skip
    week, before = pl.col("week"), pl.col("before")
    found = collected(rows.group_by("week").agg(
        new=before.is_null().sum(), returning=(week - before == 1).sum(),
        resurrected=(week - before > 1).sum(),
        dormant=(pl.col("after").is_null() | (pl.col("after") - week > 1)).sum(),
    ))  # fmt: skip
    weeks = {state: found["week"] + (state == "dormant") for state in STATES}
    return {state: by_week(weeks[state], found[state]) for state in STATES}


def polars_funnel(pl: Any, events: Any) -> Any:
    at, window = pl.col("occurred_at"), pl.duration(days=WINDOW_DAYS)
    as_of = pl.lit(logs.AS_OF).str.to_datetime()
    of = [events.filter(pl.col("verb") == step).select("person_id", "occurred_at")
          for step in STEPS]  # fmt: skip
    first = of[0].group_by("person_id").agg(first=at.min(), now=at.min())
    steps = [first.filter(pl.col("first") + window <= as_of)]
    for own in of[1:]:
        joined = own.join(steps[-1], on="person_id")
        joined = joined.filter((at > pl.col("now")) & (at < pl.col("first") + window))
        steps.append(joined.group_by("person_id").agg(pl.col("first").first(), now=at.min()))
    counts = pl.collect_all([step.select(pl.len()) for step in steps], engine="streaming")
    return [count.item() for count in counts]


def polars_sessions(pl: Any, events: Any) -> Any:
    at, gap = pl.col("occurred_at"), pl.duration(minutes=GAP_MINUTES)
    rows = events.select("person_id", "occurred_at").sort("person_id", "occurred_at")
    is_new = (pl.col("person_id") != pl.col("person_id").shift(1)) | (at - at.shift(1) >= gap)
    rows = rows.with_columns(session=is_new.fill_null(True).cum_sum())
    each = rows.group_by("session").agg(
        pl.col("person_id").first(), occurred_at=at.min(), last=at.max()
    )
    found = collected(each.group_by(week=polars_week(pl)).agg(
        sessions=pl.len(), persons=pl.col("person_id").n_unique(),
        seconds=(pl.col("last") - at).dt.total_seconds().sum(),
    ))  # fmt: skip
    return {name: by_week(found["week"], found[name]) for name in found.columns if name != "week"}


def polars_spells(pl: Any, events: Any) -> Any:
    day = pl.col("day")
    days = events.select("person_id", day=pl.col("occurred_at").dt.date().cast(pl.Int32)).unique()
    people = days.group_by("person_id").agg(day.sort())
    rows = people.select(
        "day", before=day.list.eval(pl.element().shift(1)),
        after=day.list.eval(pl.element().shift(-1)),
    ).explode("day", "before", "after")  # fmt: skip
    starts = (day - pl.col("before") >= GAP_DAYS).fill_null(True)
    stops = (pl.col("after") - day >= GAP_DAYS).fill_null(True)
    edges = rows.filter(starts | stops).select(day, starts=starts, stops=stops)
    # Rows stand in the order of people and days, so the end of a spell is the next edge.
    end = pl.when("stops").then(day).otherwise(day.shift(-1))
    limit = (pl.lit(logs.AS_OF).str.to_date().cast(pl.Int32)) - GAP_DAYS
    ends = edges.select("starts", first=day, last=end)
    ends = ends.filter(pl.col("starts") & (pl.col("first") < limit))
    event = pl.col("last") < limit
    length = pl.min_horizontal(pl.col("last"), limit) - pl.col("first") + event.cast(pl.Int32)
    return lengths(collected(ends.group_by(days=length, event=event).len()).iter_rows())


# DuckDB, plain SQL --------------------------------------------------------------------------


def duckdb(work: Callable[[Any], Any]) -> Callable[[Path], Timed]:
    def contender(folder: Path) -> Timed:
        import duckdb as engine

        def timed() -> Any:
            connection = engine.connect()
            connection.execute(f"CREATE VIEW events AS FROM read_parquet('{folder / logs.RAW}')")
            return work(lambda query: connection.execute(query).fetchall())

        return timed

    return contender


SQL_WEEK = f"((occurred_at::DATE - DATE '{MONDAY}') // 7)::SMALLINT"
SQL_WEEKS = f"SELECT DISTINCT person_id, {SQL_WEEK} AS week FROM events"


def duckdb_weekly(sql: Any) -> Any:
    rows = sql(f"SELECT week, count(*) FROM ({SQL_WEEKS}) GROUP BY week")
    return by_week(*zip(*rows, strict=True))


def duckdb_cohorts(sql: Any) -> Any:
    return triangle(sql(
        f"WITH weeks AS ({SQL_WEEKS}), first AS (SELECT person_id, min(week) AS first FROM weeks "
        "GROUP BY ALL) SELECT first, week - first AS n, count(*) FROM weeks JOIN first "
        "USING (person_id) GROUP BY ALL"
    ))  # fmt: skip


def duckdb_lifecycle(sql: Any) -> Any:
    rows = sql(
        f"WITH weeks AS ({SQL_WEEKS}), moves AS (SELECT week, lag(week) OVER person AS before, "
        "lead(week) OVER person AS after FROM weeks WINDOW person AS (PARTITION BY person_id "
        "ORDER BY week)) SELECT week, count(*) FILTER (before IS NULL), "
        "count(*) FILTER (week - before = 1), count(*) FILTER (week - before > 1), "
        "count(*) FILTER (after IS NULL OR after - week > 1) FROM moves GROUP BY week"
    )
    week, *counts = zip(*rows, strict=True)
    weeks = {state: [w + (state == "dormant") for w in week] for state in STATES}
    return {s: by_week(weeks[s], n) for s, n in zip(STATES, counts, strict=True)}


def duckdb_funnel(sql: Any) -> Any:
    window = f"INTERVAL {WINDOW_DAYS} DAY"
    steps = ", ".join(
        f"s{i} AS (SELECT person_id, any_value(first) AS first, min(occurred_at) AS now "
        f"FROM events JOIN s{i - 1} USING (person_id) WHERE verb = '{step}' "
        f"AND occurred_at > now AND occurred_at < first + {window} GROUP BY person_id)"
        for i, step in enumerate(STEPS[1:], 1)
    )
    counts = " UNION ALL ".join(f"SELECT {i} AS i, count(*) AS n FROM s{i}" for i in range(3))
    rows = sql(
        "WITH s0 AS (SELECT person_id, min(occurred_at) AS first, min(occurred_at) AS now "
        f"FROM events WHERE verb = '{STEPS[0]}' GROUP BY person_id "
        f"HAVING min(occurred_at) + {window} <= TIMESTAMP '{logs.AS_OF}'), {steps} "
        f"SELECT n FROM ({counts}) ORDER BY i"
    )
    return [n for (n,) in rows]


def duckdb_sessions(sql: Any) -> Any:
    rows = sql(
        "WITH marked AS (SELECT person_id, occurred_at, coalesce(occurred_at - lag(occurred_at) "
        f"OVER person >= INTERVAL {GAP_MINUTES} MINUTE, true) AS is_new FROM events "
        "WINDOW person AS (PARTITION BY person_id ORDER BY occurred_at)), "
        "numbered AS (SELECT person_id, occurred_at, sum(is_new::INTEGER) OVER (PARTITION BY "
        "person_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS session FROM marked), "
        "each AS (SELECT person_id, session, min(occurred_at) AS occurred_at, "
        "max(occurred_at) AS last FROM numbered GROUP BY ALL) "
        f"SELECT {SQL_WEEK} AS week, count(*), count(DISTINCT person_id), "
        "sum(epoch(last) - epoch(occurred_at)) FROM each GROUP BY week"
    )
    week, *counts = zip(*rows, strict=True)
    names = ("sessions", "persons", "seconds")
    return {name: by_week(week, n) for name, n in zip(names, counts, strict=True)}


def duckdb_spells(sql: Any) -> Any:
    limit = f"DATE '{logs.AS_OF}' - {GAP_DAYS}"
    return lengths(sql(
        "WITH days AS (SELECT DISTINCT person_id, occurred_at::DATE AS day FROM events), "
        "near AS (SELECT person_id, day, lag(day) OVER person AS before, lead(day) OVER person "
        "AS after FROM days WINDOW person AS (PARTITION BY person_id ORDER BY day)), "
        f"edges AS (SELECT *, coalesce(day - before >= {GAP_DAYS}, true) AS starts, "
        f"coalesce(after - day >= {GAP_DAYS}, true) AS stops FROM near), "
        "ends AS (SELECT starts, day AS first, CASE WHEN stops THEN day ELSE lead(day) OVER "
        "(PARTITION BY person_id ORDER BY day) END AS last FROM edges WHERE starts OR stops) "
        f"SELECT least(last, {limit}) - first + (last < {limit})::INTEGER AS days, "
        f"last < {limit} AS event, count(*) FROM ends WHERE starts AND first < {limit} GROUP BY ALL"
    ))  # fmt: skip


# retentioneering ----------------------------------------------------------------------------


def retentioneering(work: Callable[[Any], Any]) -> Callable[[Path], Timed]:
    """Load the log as its event stream; only where it is installed, which no command here does."""

    def contender(folder: Path) -> Timed:
        import os

        os.environ["RETENTIONEERING_NO_TRACK"] = "1"
        try:
            from retentioneering.eventstream.eventstream import Eventstream
        except ImportError:
            raise UnavailableError("retentioneering is not installed") from None
        import pandas as pd

        roles = {
            "path_cols": ["person_id"], "event_col": "verb", "timestamp_col": "occurred_at",
        }  # fmt: skip

        def timed() -> Any:
            columns = ["person_id", "verb", "occurred_at"]
            events = pd.read_parquet(folder / logs.RAW, columns=columns)
            return work(Eventstream(events, schema=roles))

        return timed

    return contender


def retentioneering_funnel(stream: Any) -> Any:
    return [step["unique_paths"] for step in stream.funnel_data(steps=list(STEPS))["steps"]]


def retentioneering_sessions(stream: Any) -> Any:
    # A pause of exactly so long does not end its sessions; times are whole seconds.
    parted = stream.split_sessions(timeout=f"{60 * GAP_MINUTES - 1}s").df
    each = parted.groupby("session_id", observed=True).agg(
        person=("person_id", "first"), first=("occurred_at", "min"), last=("occurred_at", "max")
    )
    return pandas_sessions(each)


# Limits -------------------------------------------------------------------------------------


def scan(table: str, *columns: str) -> Callable[[Path], Timed]:
    """Look at every value of some columns, and do nothing with them; of the export by default."""

    def contender(folder: Path) -> Timed:
        import duckdb as engine

        from ldresearch.dataset import Dataset

        file = Dataset.open(folder / logs.DATASET).file(table) if table else folder / logs.RAW
        seen = ", ".join(columns)

        def timed() -> Any:
            connection = engine.connect()
            return connection.execute(
                f"SELECT count(*) FROM (SELECT hash({seen}) AS h FROM read_parquet('{file}')) "
                "WHERE h = 0"
            ).fetchall()[0][0]

        return timed

    return contender


EXPORT = "scan of the export"


def work(title: str, name: str, reads: tuple[str, ...], *columns: str) -> Work:
    """Gather everyone who does one kind of work."""
    known = globals()
    contenders = {
        "ldresearch": measured(known[f"own_{name}"]),
        "pandas, naive": naive(known[f"naive_{name}"], *columns),
        "pandas, tuned": tuned(known[f"tuned_{name}"], *columns),
        "polars": polars(known[f"polars_{name}"]),
        "DuckDB": duckdb(known[f"duckdb_{name}"]),
        "limit": scan(*reads),
        EXPORT: scan("", "person_id", "occurred_at", *columns),
    }
    why = "a scan answers nothing"
    apart = {"limit": why, EXPORT: why}
    if f"retentioneering_{name}" in known:
        contenders["retentioneering"] = retentioneering(known[f"retentioneering_{name}"])
        if name == "funnel":
            apart["retentioneering"] = "its funnel has no window"
    return Work(title, contenders, apart=apart)


DAYS = ("activity_day", "person_key", "day_on")
TIMES = ("event", "person_key", "occurred_at")

SIX: Mapping[str, Work] = {
    "weekly": work("Weekly active people", "weekly", DAYS),
    "cohorts": work("Cohorts, retention by week", "cohorts", DAYS),
    "lifecycle": work("Lifecycle by week", "lifecycle", DAYS),
    "spells": work("Spells, 28-day gap", "spells", DAYS),
    "funnel": work("Ordered funnel within 28 days", "funnel", (*TIMES, "verb"), "verb"),
    "sessions": work("Sessions, 30-minute gap", "sessions", TIMES),
}

# All six ------------------------------------------------------------------------------------


def together(contender: str) -> Callable[[Path], Timed]:
    """Ask all six questions, one after another."""

    def of(folder: Path) -> Timed:
        each = {name: work.contenders[contender](folder) for name, work in SIX.items()}
        return lambda: {name: timed() for name, timed in each.items()}

    return of


def own_together(log: Any, measures: Any) -> Any:
    return {name: globals()[f"own_{name}"](log, measures) for name in SIX}


def with_preparation(folder: Path) -> Timed:
    """Make the dataset first, then ask."""
    import shutil
    import tempfile

    import ldresearch.sources  # noqa: F401 - imported before time is taken

    place = Path(tempfile.mkdtemp(dir=folder))
    (place / logs.RAW).symlink_to(folder / logs.RAW)
    ask = measured(own_together)(place)

    def timed() -> Any:
        try:
            logs.ingest(place / logs.RAW, place / logs.DATASET)
            return ask()
        finally:
            shutil.rmtree(place)

    return timed


def bare_preparation(folder: Path) -> Timed:
    """Let the engine number people, sort the events and fold their days, and nothing else.

    No check, no pseudonym, no duplicate, no sum: the limit of what making a dataset can take.
    """
    import shutil
    import tempfile

    import duckdb

    def timed() -> None:
        place = Path(tempfile.mkdtemp(dir=folder))
        event, options = place / "event.parquet", "(COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        try:
            with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(place)}) as db:
                db.execute(
                    "CREATE TEMP TABLE who AS SELECT person_id, "
                    "row_number() OVER (ORDER BY person_id)::INTEGER AS person_key "
                    f"FROM (SELECT DISTINCT person_id FROM '{folder / logs.RAW}')"
                )
                db.execute(
                    "COPY (SELECT person_key, e.* EXCLUDE (person_id) "
                    f"FROM '{folder / logs.RAW}' AS e JOIN who USING (person_id) "
                    f"ORDER BY person_key, occurred_at) TO '{event}' {options}"
                )
                db.execute(
                    "COPY (SELECT person_key, occurred_at::DATE AS day_on, verb, "
                    "assignment_id IS NOT NULL AS is_assigned, count(*), sum(duration_s) "
                    f"FROM '{event}' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4) "
                    f"TO '{place / 'day.parquet'}' {options}"
                )
        finally:
            shutil.rmtree(place)

    return timed


PREPARED, BARE = "ldresearch, preparation included", "bare preparation"

WORKS: Mapping[str, Work] = {
    **SIX,
    "six": Work(
        "All six",
        {
            "ldresearch": measured(own_together),
            PREPARED: with_preparation,
            BARE: bare_preparation,
            **{name: together(name) for name in ("pandas, tuned", "polars", "DuckDB")},
            "limit": scan(*TIMES, "verb"),
            EXPORT: scan("", "person_id", "occurred_at", "verb"),
        },
        apart={
            "limit": "a scan answers nothing", EXPORT: "a scan answers nothing",
            BARE: "it only makes the dataset",
        },
    ),
}  # fmt: skip

MOST = {
    ("funnel", "pandas, naive"): 1_000_000,
    ("spells", "pandas, naive"): 1_000_000,
    **{(name, "pandas, naive"): 10_000_000 for name in ("weekly", "cohorts", "lifecycle",
                                                        "sessions")},
    **{(name, "pandas, tuned"): 10_000_000 for name in ("funnel", "sessions", "six")},
    ("six", "polars"): 10_000_000,
    ("six", PREPARED): 10_000_000,
    ("six", BARE): 10_000_000,
    ("funnel", "retentioneering"): 10_000_000,
    ("sessions", "retentioneering"): 10_000_000,
}  # fmt: skip
"""Beyond these, minutes or more memory than a laptop has."""


# Growth -------------------------------------------------------------------------------------


def about(figures: Mapping[int, Mapping[str, Mapping[str, Figure | str]]]) -> str:
    """Tell how cost grows with the log, and what re-use brings."""
    return "\n\n".join(part for part in (_growth(figures), _reuse(figures)) if part)


def _growth(figures: Mapping[int, Mapping[str, Mapping[str, Figure | str]]]) -> str:
    from bench import slope

    sizes = sorted(figures)
    if len(sizes) < 2:
        return ""
    heads = ["work", *(f"{size:,}" for size in sizes), "slope", f"slope from {sizes[-2]:,} on"]
    rows = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * (len(sizes) + 2)]
    for key, work in WORKS.items():
        own = {size: figures[size].get(key, {}).get("ldresearch") for size in sizes}
        seen = {size: f for size, f in own.items() if isinstance(f, Figure)}
        if len(seen) < 2:
            continue
        costs = [f"{own[s].processor / s * 1e9:,.0f} ns" if s in seen else "–" for s in sizes]
        used = [f.processor for f in seen.values()]
        slopes = [f"{slope(list(seen), used):.2f}", f"{slope(list(seen)[-2:], used[-2:]):.2f}"]
        rows.append(f"| {work.title} | {' | '.join([*costs, *slopes])} |")
    return (
        "### Growth\n\nProcessor time of this package for each event, by the size of the log; for "
        f"each person it is {logs.EVENTS_A_PERSON} times as much, since every log has "
        f"{logs.EVENTS_A_PERSON} events a person. A slope of 1 is a cost that grows as the log "
        "does; below 1 a fixed part (opening, writing the query) still shows.\n\n" + "\n".join(rows)
    )


def _reuse(figures: Mapping[int, Mapping[str, Mapping[str, Figure | str]]]) -> str:
    heads = ["events", "all six, dataset there", "with making it", "the engine's bare making",
             "DuckDB on the export", "times DuckDB's", "with making it"]  # fmt: skip
    rows = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * 6]
    for size in sorted(figures):
        cell = figures[size].get("six", {})
        own, made, bare, peer = (cell.get(n) for n in ("ldresearch", PREPARED, BARE, "DuckDB"))
        if not isinstance(own, Figure) or not isinstance(peer, Figure):
            continue
        whole = [f"{made.seconds:.2f} s", f"{made.seconds / peer.seconds:.2f}"] if isinstance(
            made, Figure) else ["–", "–"]  # fmt: skip
        rows.append(
            f"| {size:,} | {own.seconds:.2f} s | {whole[0]} | "
            f"{f'{bare.seconds:.2f} s' if isinstance(bare, Figure) else '–'} | "
            f"{peer.seconds:.2f} s | "
            f"{own.seconds / peer.seconds:.2f} | {whole[1]} |"
        )
    if len(rows) == 2:
        return ""
    return (
        "### Six questions, one dataset\n\nThe dataset is made once and every report reads it; the "
        "export would be read anew each time. The engine's bare making numbers people, sorts all "
        "columns and folds days, and checks nothing.\n\n" + "\n".join(rows)
    )
