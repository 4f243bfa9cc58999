"""Every measure gives the same frame in Spark as in DuckDB, and can be asked in other engines.

Spark is asked on demand (``make test-spark``). For other engines queries are written, never run.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import engine, measures, plan_ledger
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError
from ldresearch.log import EventLog
from ldresearch.plan_ledger import Standing
from ldresearch.worlds import mobility, recommended, surveyed
from ldresearch.worlds.campaigns import Campaign, launched
from ldresearch.worlds.organisation import World, organisation
from ldresearch.worlds.tables import log
from ldresearch.worlds.trial import plan_for, trial


def registry() -> dict[str, Any]:
    """Every measure by the name of its module and its own."""
    found = {}
    for module in pkgutil.iter_modules(measures.__path__):
        if module.name.startswith("_"):
            continue
        path = f"{measures.__name__}.{module.name}"
        for name, thing in vars(importlib.import_module(path)).items():
            if hasattr(thing, "grain") and thing.__module__ == path:
                found[f"{module.name}.{name}"] = thing
    return found


MEASURES = registry()

ASKED: dict[str, dict[str, Any]] = {
    "adoption.active": {"parts": 3},
    "adoption.adopters": {"since": "2024-03-04"},
    "adoption.time_to_value": {"min_minutes": 10},
    "campaigns.switches": {"with_client": True},
    "engagement_survival.spell_lengths": {"verbs": "complete", "gap_days": 28, "by": "unit"},
    "engagement_survival.gaps": {"verbs": "complete"},
    "engagement_survival.spells": {"verbs": "complete", "gap_days": 28},
    "growth.applications": {"by": "unit"},
    "impact.result": {"metric": "cases_closed"},
    "journey.funnel": {"by": "level"},
    "retention_lifecycle.lifecycle": {"period": "week"},
    "retention_lifecycle.ladder": {"rungs": "weeks"},
    "skill_gaps.rated_twice": {"days": 90},
}
"""What a measure is asked where that is not what it takes by itself."""

VIEWS: dict[str, dict[str, str]] = {
    "everyone": {"as_of": "2025-06-20"},
    "some, in the past, elsewhere": {
        "as_of": "2025-02-10", "time_zone": "America/New_York", "people_as_of": "2025-01-27",
        "unit": "Operations",
    },
}  # fmt: skip
"""The second has another time zone than the dataset, a population and a past as-of date."""


def world() -> World:
    """A small client with a row in every table a source may deliver, and answers to compare."""
    made = organisation(3, name="harbour", n_persons=160, waves=2)
    made = launched(
        made,
        [Campaign("spring", "2024-05-13", goal="safe work", effect=0.2, waves=2, gap_days=60,
                  held_out=0.25, budget=1_000)],
        seed=4, team_size=15,
    )  # fmt: skip
    made = surveyed.surveyed(trial(made, 5, n_switched=2), seed=6)
    made = mobility.mobile(recommended.trial(made, 7), seed=8, started_on="2025-01-06")
    rating = made.tables["skill_rating"]
    again = rating[rating["source"] == "manager"].assign(
        rated_at=lambda r: pd.to_datetime(r["rated_at"]) + pd.Timedelta(days=200)
    )
    again = again[again["rated_at"] < "2025-07-01"]
    arm = made.tables["arm"]
    back = arm[(arm["initiative_id"] == "spring") & (arm["arm"] == "launch")].tail(1)
    later = pd.to_datetime(back["assigned_at"]) + pd.Timedelta(days=10)
    back = back.assign(arm="hold-out", assigned_at=later)
    usage = pd.DataFrame({
        "person_id": made.tables["person"]["person_id"].unique()[:20],
        "period_start_on": "2024-03-01", "period_end_on": "2024-03-31", "metric": "minutes",
        "value": 12.5, "source": "old system",
    })  # fmt: skip
    return replace(made, tables={
        **made.tables, "usage_period": usage, "benchmark": surveyed.published(6).head(200),
        "skill_rating": pd.concat([rating, again], ignore_index=True),
        "arm": pd.concat([arm, back], ignore_index=True),
    })  # fmt: skip


@pytest.fixture(scope="module")
def made() -> World:
    return world()


@pytest.fixture(scope="module")
def standing(made: World) -> Standing:
    plan = plan_for(made)
    entry = plan_ledger.Entry(plan.name, 1, plan.hash, date(2024, 9, 2), "", False, (), plan)
    return Standing(plan=plan, entry=entry)


@pytest.fixture(scope="module")
def dataset(made: World, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made.write(tmp_path_factory.mktemp("engines") / "dataset")


@pytest.fixture(scope="module", params=VIEWS)
def logs(request: pytest.FixtureRequest, dataset: Dataset, spark: Any) -> tuple[EventLog, EventLog]:
    """The same log in both engines."""
    view = dict(VIEWS[request.param])
    unit = view.pop("unit", "")

    def opened(where: engine.Spark | None) -> EventLog:
        return EventLog.open(dataset, **view, spark=where).where(unit=unit)

    return opened(None), opened(engine.Spark(spark))


def asked(name: str, log: EventLog, standing: Standing) -> dict[str, Any]:
    """What a measure is called with."""
    takes = inspect.signature(MEASURES[name].__wrapped__).parameters
    also = {"standing": standing, "plan": standing.plan}
    found = {**ASKED.get(name, {}), **{k: v for k, v in also.items() if k in takes}}
    if "people" in takes:
        found["people"] = MEASURES["monitor.enrolled"](log, standing=standing)
    return found


def told(attrs: Any) -> Any:
    """Attributes of a frame as plain values, floats to nine digits."""
    if isinstance(attrs, pd.DataFrame):
        return told(attrs.to_dict("records"))
    if isinstance(attrs, dict):
        return {key: told(value) for key, value in attrs.items()}
    if isinstance(attrs, list | tuple):
        return [told(value) for value in attrs]
    return f"{attrs:.9g}" if isinstance(attrs, float) else repr(attrs)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_gives_the_same_frame(
    name: str, logs: tuple[EventLog, EventLog], standing: Standing
) -> None:
    duck, spark = logs
    with_what = asked(name, duck, standing)
    ours, theirs = (MEASURES[name](log, **with_what) for log in (duck, spark))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9, atol=1e-9)
    assert told(ours.attrs) == told(theirs.attrs)
    assert duck.population or len(ours), f"{name}: there is nothing to compare"


@pytest.mark.slow
def test_a_log_says_the_same_of_itself(logs: tuple[EventLog, EventLog]) -> None:
    duck, spark = logs
    assert duck.attrition == spark.attrition
    assert duck.members() == spark.members()
    # The digest is the engine's own; what it counts is not.
    assert duck.known()[0] == spark.known()[0]
    assert duck.as_of.year > 2024
    assert spark.before(date(2024, 6, 3)).known() == spark.before(date(2024, 6, 3)).known()


@pytest.mark.slow
def test_a_table_that_is_not_there_is_empty(spark: Any) -> None:
    tiny = log({"event": "person_id | occurred_at | verb\nada | 2024-01-03 | view"},
               as_of="2024-02-01")  # fmt: skip
    there = EventLog.open(tiny.dataset, as_of="2024-02-01", spark=engine.Spark(spark))
    for name in ("person", "survey_answer", "assignment"):
        ours, theirs = (one.collect(one.table(name)) for one in (tiny, there))
        assert list(ours.columns) == list(theirs.columns)
        assert len(theirs) == 0
    assert not there.has("person")


def test_without_pyspark_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    tiny = log({"event": "person_id | occurred_at | verb\nada | 2024-01-03 | view"},
               as_of="2024-02-01")  # fmt: skip
    there = EventLog.open(tiny.dataset, as_of="2024-02-01", spark=engine.Spark())
    with pytest.raises(ParameterError, match="pyspark is not installed"):
        there.table("event")


@pytest.mark.slow
def test_spark_finds_a_folder_whatever_its_name(
    dataset: Dataset, spark: Any, tmp_path: Path
) -> None:
    copied = tmp_path / "of us [1] {a} 100%20*"
    shutil.copytree(dataset.path, copied)
    there = EventLog.open(copied, as_of="2024-06-01", spark=engine.Spark(spark))
    here = EventLog.open(copied, as_of="2024-06-01")
    n_events = here.value(here.table("event").count())
    assert there.value(there.table("event").count()) == n_events > 0


@pytest.mark.slow
def test_the_recipe_of_the_page_works(
    dataset: Dataset, spark: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / "docs" / "beyond-one-machine.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```python[^\n]*\n(from.*?|where.*?)```", page, re.DOTALL)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ours").symlink_to(dataset.path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"session": spark}
    exec(first, names)  # noqa: S102
    assert names["active"]["dau"].sum() > 0
    assert len(names["cohorts"])
    folder = dataset.file("event").parent.as_uri()
    exec(re.sub(r's3a://[^"]+', folder, second), names)  # noqa: S102
    pd.testing.assert_frame_equal(names["adoption"].active(names["log"]), names["active"])


# Other engines ------------------------------------------------------------------------------

DIALECTS = ("databricks", "clickhouse", "bigquery", "snowflake")


@contextmanager
def queries() -> Iterator[list[Any]]:
    """Keep every query that DuckDB is asked meanwhile."""
    from ibis.backends.duckdb import Backend

    asked: list[Any] = []
    compile_ = Backend.compile

    def compiled(self: Any, query: Any, /, **settings: Any) -> Any:
        asked.append(query)
        return compile_(self, query, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backend, "compile", compiled)
        # Where rows are not on this machine, the engine counts all there is to count.
        patch.setattr(EventLog, "is_here", False)
        yield asked


def why_not(query: Any, dialect: str) -> str:
    """Say why a query cannot be written in a dialect; empty where it can."""
    import ibis.backends.sql.compilers as compilers
    from ibis.common.exceptions import IbisError

    compiler = getattr(compilers, dialect).compiler
    try:
        compiler.to_sqlglot(query.as_table()).sql(dialect=compiler.dialect)
    except IbisError as error:
        return str(error)
    return ""


def test_the_kernels_can_be_asked_elsewhere() -> None:
    tiny = log({"person": """
        person_id | valid_from_on | hired_on
        ada       | 2024-01-01    | 2024-01-01
    """, "event": """
        person_id | occurred_at | verb
        ada       | 2024-01-03  | complete
        ada       | 2024-01-09  | view
    """}, as_of="2024-02-01")  # fmt: skip
    names = ("adoption.active", "adoption.funnel", "adoption.time_to_value",
             "retention_lifecycle.cohorts", "retention_lifecycle.lifecycle",
             "journey.ordered_funnel", "journey.sessions")  # fmt: skip
    with queries() as asked:
        for name in names:
            MEASURES[name](tiny)
        MEASURES["engagement_survival.spells"](tiny, verbs="complete", gap_days=28)
    assert len(asked) > len(names)
    assert {(d, why) for d in DIALECTS for q in asked if (why := why_not(q, d))} == set()
