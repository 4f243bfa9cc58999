"""Retention and lifecycle of AAA-2013J against plain SQL over the publisher's files.

Kuzilek J, Hlosta M, Zdrahal Z (2017). Open University Learning Analytics dataset. Scientific Data
4:170171, doi:10.1038/sdata.2017.171 (CC BY 4.0). The SQL on the right-hand side reads
``studentVle.csv`` itself and follows the definitions word by word, with subqueries where the
measures use windows and running sums; nothing of the package is used for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.log import EventLog
from ldresearch.measures import retention_lifecycle as measures
from ldresearch.models import retention_lifecycle as models

# A day on which week and month are under way, and one on which a week is and a month begins.
AS_OF = ("2013-12-20", "2014-03-01")
VALUE = {"verbs": "view", "assigned": "all"}


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The publisher's files, cut to one presentation."""
    source, out = shared_data / "oulad", tmp_path_factory.mktemp("aaa-2013j")
    for name in ("courses", "assessments", "vle", "studentInfo", "studentRegistration",
                 "studentVle"):  # fmt: skip
        [file] = source.glob(f"{name}.csv*")
        duckdb.sql(
            f"COPY (SELECT * FROM read_csv('{file}', all_varchar = true) WHERE code_module = 'AAA' "
            f"AND code_presentation = '2013J') TO '{out / name}.csv' (HEADER)"
        )
    own = f"SELECT id_assessment FROM read_csv('{out / 'assessments.csv'}', all_varchar = true)"
    duckdb.sql(
        f"COPY (SELECT * FROM read_csv('{source / 'studentAssessment.csv'}', all_varchar = true) "
        f"WHERE id_assessment IN ({own})) TO '{out / 'studentAssessment.csv'}' (HEADER)"
    )
    return out


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Any:
    done = sources.ingest("oulad", folder, folder.parent / "set", key=b"o" * 32, public=True)
    return done.dataset


@pytest.fixture(params=AS_OF)
def log(request: pytest.FixtureRequest, dataset: Any) -> EventLog:
    return EventLog.open(dataset, as_of=request.param)


# By hand ------------------------------------------------------------------------------------

CLICKS = """
    CREATE TABLE clicks AS
    SELECT id_student AS who, DATE '2013-10-01' + CAST(date AS INTEGER) AS day
    FROM read_csv('{file}') WHERE code_module = 'AAA' AND code_presentation = '2013J'
"""
ACTIVE = """
    CREATE OR REPLACE TABLE active AS SELECT DISTINCT who, date_trunc('{period}', day) AS spot
    FROM clicks WHERE day < DATE '{as_of}'
"""
COHORTS = """
    WITH began AS (SELECT who, min(spot) AS cohort FROM active GROUP BY who),
    cells AS (
        SELECT c.cohort, n, c.cohort + n * INTERVAL 1 {period} AS spot
        FROM (SELECT DISTINCT cohort FROM began) AS c, generate_series(0, 90) AS s(n)
        WHERE c.cohort + (n + 1) * INTERVAL 1 {period} <= DATE '{as_of}'
    )
    SELECT cohort, n, count(*) AS began,
        count(*) FILTER (EXISTS (
            SELECT 1 FROM active AS a WHERE a.who = b.who AND a.spot = cells.spot
        )) AS recurring,
        count(*) FILTER (EXISTS (
            SELECT 1 FROM active AS a WHERE a.who = b.who AND a.spot >= cells.spot
        )) AS unbounded,
        count(*) FILTER ((
            SELECT count(*) FROM active AS a
            WHERE a.who = b.who AND a.spot BETWEEN cells.cohort AND cells.spot
        ) = n + 1) AS rolling
    FROM cells JOIN began AS b USING (cohort) GROUP BY cohort, n ORDER BY cohort, n
"""
LIFECYCLE = """
    WITH span AS (
        SELECT unnest(generate_series(
            (SELECT min(spot) FROM active), DATE '{as_of}' - INTERVAL 1 DAY, INTERVAL 1 {period}
        )) AS spot
    ),
    people AS (SELECT DISTINCT who FROM active),
    seen AS (
        SELECT s.spot, p.who,
            EXISTS (SELECT 1 FROM active AS a WHERE a.who = p.who AND a.spot = s.spot) AS now,
            EXISTS (SELECT 1 FROM active AS a WHERE a.who = p.who
                    AND a.spot = s.spot - INTERVAL 1 {period}) AS before,
            EXISTS (SELECT 1 FROM active AS a WHERE a.who = p.who AND a.spot < s.spot) AS ever
        FROM span AS s, people AS p
    )
    SELECT spot, count(*) FILTER (now AND NOT ever) AS new,
        count(*) FILTER (now AND before) AS returning,
        count(*) FILTER (now AND ever AND NOT before) AS resurrected,
        count(*) FILTER (before AND NOT now) AS dormant,
        count(*) FILTER (ever AND NOT before AND NOT now) AS asleep,
        spot + INTERVAL 1 {period} <= DATE '{as_of}' AS is_over
    FROM seen GROUP BY spot ORDER BY spot
"""


Hand = Callable[[str, str, Any], pd.DataFrame]


@pytest.fixture(scope="module")
def by_hand(shared_data: Path) -> Iterator[Hand]:
    """Put a question to the publisher's own file, as of a day."""
    [file] = (shared_data / "oulad").glob("studentVle.csv*")
    with duckdb.connect() as connection:
        connection.execute(CLICKS.format(file=file))

        def ask(query: str, period: str, as_of: Any) -> pd.DataFrame:
            words = {"period": period, "as_of": as_of}
            connection.execute(ACTIVE.format(**words))
            return connection.execute(query.format(**words)).df()

        yield ask


@pytest.mark.parametrize("period", ["week", "month"])
def test_every_cell_of_the_triangle(log: EventLog, by_hand: Hand, period: str) -> None:
    theirs = by_hand(COHORTS, period, log.as_of)
    assert len(theirs) > 5
    ours = measures.cohorts(log, **VALUE, period=period)
    # The SQL knows no cohort that nobody belongs to; the measure has it as rows of zeros.
    assert not ours.loc[ours["n_began"] == 0, ["n_there", "n_unbounded"]].any(axis=None)
    ours = ours[ours["n_began"] > 0].reset_index(drop=True)
    assert ours["cohort_on"].tolist() == pd.to_datetime(theirs["cohort"]).tolist()
    for mine, hand in (
        ("n", "n"), ("n_began", "began"), ("n_there", "began"), ("n_recurring", "recurring"),
        ("n_unbounded", "unbounded"), ("n_rolling", "rolling"),
    ):  # fmt: skip
        np.testing.assert_array_equal(ours[mine], theirs[hand], err_msg=mine)


@pytest.mark.parametrize("period", ["week", "month"])
def test_every_state_of_every_period(log: EventLog, by_hand: Hand, period: str) -> None:
    theirs = by_hand(LIFECYCLE, period, log.as_of)
    ours = measures.lifecycle(log, **VALUE, period=period)
    assert ours["period_on"].tolist() == pd.to_datetime(theirs["spot"]).tolist()
    for state in ("new", "returning", "resurrected", "dormant", "asleep"):
        np.testing.assert_array_equal(ours[state], theirs[state], err_msg=state)
    assert not ours[["left", "gone"]].any(axis=None)  # the publisher dates no leaving for good
    # The log begins before its first period does, so all that are over are whole but that one.
    np.testing.assert_array_equal(ours["is_complete"].iloc[1:], theirs["is_over"].iloc[1:])


def test_the_shares_and_the_ratio_follow_from_them(dataset: Any, by_hand: Hand) -> None:
    log = EventLog.open(dataset, as_of="2014-03-01")
    cells = by_hand(COHORTS, "week", log.as_of)
    pooled = models.pooled(measures.cohorts(log, **VALUE, period="week"), period="week", told_at=8)
    for kind in ("recurring", "unbounded", "rolling"):
        hand = cells[cells["n"] == 8]
        told = pooled.estimate("retention_at", f"{kind}, week 8")
        assert told.value == hand[kind].sum() / hand["began"].sum()
        assert told.n == hand["began"].sum()
    states = by_hand(LIFECYCLE, "week", log.as_of)
    last = states[states["is_over"]].tail(4)
    ratio = (last["new"] + last["resurrected"]).sum() / last["dormant"].sum()
    told = models.quick_ratio(
        measures.lifecycle(log, **VALUE, period="week"),
        measures.turnover(log, **VALUE, period="week", last_periods=4),
        period="week", last_periods=4,
    ).estimate("quick_ratio", "last 4 weeks")  # fmt: skip
    assert told.value == round(ratio, 2)
    assert told.low < told.value < told.high
