"""Segments of BBB-2013B's learners twelve weeks into the module, and who withdraws later.

Kuzilek J, Hlosta M, Zdrahal Z (2017). Open University Learning Analytics dataset. Scientific Data
4:170171, doi:10.1038/sdata.2017.171 (CC BY 4.0). Half of the learners say how many of a segment
withdraw; the other half says whether that is so.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from ldresearch import segment_rules, sources
from ldresearch.log import EventLog
from ldresearch.measures import segments as measures
from ldresearch.models import rates
from ldresearch.models import segments as models
from ldresearch.privacy.pseudonym import pseudonyms

KEY = b"o" * 32
AS_OF = "2013-05-06"  # a Monday, thirteen weeks into the module
VALUE = {"verbs": "view", "assigned": "all"}


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The publisher's files, cut to one presentation."""
    source, out = shared_data / "oulad", tmp_path_factory.mktemp("bbb-2013b")
    # Clicks after the day on which segments are told play no part.
    until = {"studentVle": " AND date::INTEGER < 94"}
    for name in ("courses", "assessments", "vle", "studentInfo", "studentRegistration",
                 "studentVle"):  # fmt: skip
        [file] = source.glob(f"{name}.csv*")
        duckdb.sql(
            f"COPY (SELECT * FROM read_csv('{file}', all_varchar = true) WHERE code_module = 'BBB' "
            f"AND code_presentation = '2013B'{until.get(name, '')}) TO '{out / name}.csv' (HEADER)"
        )
    own = f"SELECT id_assessment FROM read_csv('{out / 'assessments.csv'}', all_varchar = true)"
    duckdb.sql(
        f"COPY (SELECT * FROM read_csv('{source / 'studentAssessment.csv'}', all_varchar = true) "
        f"WHERE id_assessment IN ({own})) TO '{out / 'studentAssessment.csv'}' (HEADER)"
    )
    return out


@pytest.fixture(scope="module")
def learners(folder: Path) -> pd.DataFrame:
    """Features as known thirteen weeks in, and whether each withdrew after that."""
    done = sources.ingest("oulad", folder, folder.parent / "set", key=KEY, public=True)
    log = EventLog.open(done.dataset, as_of=AS_OF)
    frame = measures.features(log, **VALUE)
    whole = EventLog.open(done.dataset, as_of="2014-06-01")
    event = whole.table("event")
    gone = whole.collect(event.filter(event.verb == "withdraw").select("person_key").distinct())
    people = duckdb.sql(
        f"SELECT id_student FROM read_csv('{folder / 'studentInfo.csv'}', all_varchar = true)"
    ).df()["id_student"]
    name_of = dict(zip(pseudonyms(people.tolist(), KEY), people, strict=True))
    identity = pd.read_parquet(log.dataset.file("identity")).set_index("person_key")["person_id"]
    return frame.assign(
        has_left=frame["person_key"].isin(gone["person_key"]),
        id_student=frame["person_key"].map(identity).map(name_of),
    )


def test_who_is_counted_is_who_was_registered_throughout(
    learners: pd.DataFrame, folder: Path
) -> None:
    """By hand, in SQL over the publisher's files: days are counted from 1 February 2013."""
    first, last = (pd.Timestamp(d) - pd.Timestamp("2013-02-01") for d in ("2013-02-11", AS_OF))
    sql = f"""
        SELECT count(*), count(*) FILTER (
            try_cast(date_unregistration AS INTEGER) >= {last.days}
        ) FROM read_csv('{folder / "studentRegistration.csv"}', all_varchar = true)
        WHERE coalesce(try_cast(date_registration AS INTEGER), 0) <= {first.days}
          AND coalesce(try_cast(date_unregistration AS INTEGER), 9999) >= {last.days}
    """
    [(n, later)] = duckdb.sql(sql).fetchall()
    assert len(learners) == n
    assert int(learners["has_left"].sum()) == later
    assert later > 100


def test_days_with_value_are_those_of_the_clicks(learners: pd.DataFrame, folder: Path) -> None:
    sql = f"""
        SELECT id_student, count(DISTINCT date) AS days
        FROM read_csv('{folder / "studentVle.csv"}', all_varchar = true)
        WHERE date::INTEGER BETWEEN 10 AND 93 GROUP BY id_student
    """
    clicks = duckdb.sql(sql).df().set_index("id_student")["days"]
    by_hand = clicks.reindex(learners["id_student"]).fillna(0).to_numpy()
    np.testing.assert_array_equal(learners["value_days"], by_hand)


def halves(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    is_first = np.random.default_rng(1).permutation(len(frame)) < len(frame) // 2
    return frame[is_first], frame[~is_first]


def test_segments_foretell_who_withdraws_out_of_sample(learners: pd.DataFrame) -> None:
    rules = segment_rules.read()
    found = models.usage(learners, rules).members
    assert found is not None
    frame = learners.assign(segment=found["segment"])
    learn, check = halves(frame)
    by = learn.groupby("segment")["has_left"].agg(["sum", "size"])
    assert len(by) >= 4
    share, _, _, _ = rates.shrunk(by["sum"], by["size"])
    told = dict(zip(by.index, share, strict=True))
    # The less somebody came, the likelier she leaves.
    assert told["power"] < told["habitual"] < told["novice"]
    there = check.groupby("segment")["has_left"].agg(["sum", "size"])
    # Calibration: what is foretold lies in the 95 % interval of what came, bar one segment.
    low, high = rates.wilson(there["sum"], there["size"])
    expected = np.array([told[segment] for segment in there.index])
    inside = (low <= expected) & (expected <= high)
    assert inside.sum() >= len(there) - 1
    weight = there["size"] / there["size"].sum()
    error = float((np.abs(there["sum"] / there["size"] - expected) * weight).sum())
    assert error < 0.04
    in_all = float((expected * weight).sum()) - float(check["has_left"].mean())
    assert abs(in_all) < 0.03
    # And it is worth having: a lower Brier score than the share of everybody.
    own = check["segment"].map(told)
    brier = float(((own - check["has_left"]) ** 2).mean())
    plain = float(((learn["has_left"].mean() - check["has_left"]) ** 2).mean())
    assert brier < plain


def test_relabelled_levels_and_shuffled_rows_change_nothing(learners: pd.DataFrame) -> None:
    rules = segment_rules.read()
    other = learners.sample(frac=1, random_state=2).assign(unit="x")
    one, two = models.usage(learners, rules), models.usage(other, rules)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.members is not None and two.members is not None  # noqa: PT018
    assert (two.members["segment"].reindex(one.members.index) == one.members["segment"]).all()
