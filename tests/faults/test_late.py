"""Late, future and back-dated rows, and the two times of every event, at the change of clocks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.dataset import Dataset
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY

COLUMNS = ["person_id", "occurred_at", "recorded_at"]


def put(folder: Path, rows: list[tuple[str, str, str]], zone: str = "UTC") -> Dataset:
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(verb="view")
    return write({"event": frame}, folder / "d", client="text", key=KEY, time_zone=zone,
                 reject_limit=1.0)  # fmt: skip


def n_events(dataset: Dataset, as_of: str) -> int:
    return int(EventLog.open(dataset, as_of=as_of).table("event").count().execute())


@pytest.mark.parametrize(
    ("occurred", "recorded", "counts_from"),
    [
        ("2024-01-03 09:00", "2024-01-03 09:00", "2024-01-04"),
        ("2024-01-03 09:00", "2024-03-01 09:00", "2024-03-02"),  # late: known in March
        ("2020-01-03 09:00", "2024-03-01 09:00", "2024-03-02"),  # back-dated by years
        ("2024-01-03 23:59", "2024-01-04 00:00", "2024-01-05"),
        ("2024-01-04 00:00", "2024-01-03 23:59", "2024-01-05"),  # a clock a minute ahead
    ],
)
def test_an_event_counts_once_both_its_times_have_passed(
    tmp_path: Path, occurred: str, recorded: str, counts_from: str
) -> None:
    dataset = put(tmp_path, [("ada", occurred, recorded)])
    before = str(pd.Timestamp(counts_from).date() - pd.Timedelta(days=1))[:10]
    assert (n_events(dataset, before), n_events(dataset, counts_from)) == (0, 1)
    found = EventLog.open(dataset, as_of=before)
    assert found.table("activity_day").count().execute() == 0


@pytest.mark.parametrize(
    ("zone", "day", "last_of_day", "first_of_next"),
    [
        # Clocks go forward: the day ends at 22:00 UTC, it began at 23:00.
        ("Europe/Berlin", "2024-04-01", "2024-03-31 21:59:59", "2024-03-31 22:00:00"),
        # Clocks go back: the day has 25 hours.
        ("Europe/Berlin", "2024-10-28", "2024-10-27 22:59:59", "2024-10-27 23:00:00"),
        ("America/New_York", "2024-11-04", "2024-11-04 04:59:59", "2024-11-04 05:00:00"),
        ("Australia/Lord_Howe", "2024-04-08", "2024-04-07 13:29:59", "2024-04-07 13:30:00"),
        # A day that was left out altogether.
        ("Pacific/Apia", "2011-12-31", "2011-12-30 09:59:59", "2011-12-30 10:00:00"),
    ],
)
def test_as_of_is_local_midnight_on_both_times(
    tmp_path: Path, zone: str, day: str, last_of_day: str, first_of_next: str
) -> None:
    rows = [
        ("ada", last_of_day, last_of_day),
        ("ben", first_of_next, first_of_next),
        ("cleo", last_of_day, first_of_next),
    ]
    dataset = put(tmp_path, rows, zone)
    log = EventLog.open(dataset, as_of=day)
    assert log.table("event").count().execute() == 1
    days = log.table("activity_day").to_pandas()
    assert days["n_events"].tolist() == [1]
    following = str(pd.Timestamp(day) + pd.Timedelta(days=1))[:10]
    assert n_events(dataset, following) == 3


def test_files_of_any_order_delivered_in_parts_or_twice_end_in_the_same_data(
    tmp_path: Path,
) -> None:
    rows = [
        (f"p{i % 7}", f"2024-01-{1 + i % 28:02} 09:00", f"2024-02-{1 + i % 20:02} 09:00")
        for i in range(60)
    ]
    whole = put(tmp_path / "a", rows)
    for part in (rows[40:], rows[:25], rows[20:45], rows[40:]):
        parts = put(tmp_path / "b", part[::-1])
    assert parts.manifest.data_hash == whole.manifest.data_hash
    for as_of in ("2024-02-02", "2024-02-10", "2024-03-01"):
        assert n_events(parts, as_of) == n_events(whole, as_of)


def test_a_past_report_stands_whatever_arrives_later(tmp_path: Path) -> None:
    rows = [("ada", "2024-01-03 09:00", "2024-01-03 09:00")]
    dataset = put(tmp_path, rows)
    before = EventLog.open(dataset, as_of="2024-02-01").table("event").to_pandas()
    later = put(
        tmp_path,
        [("ben", "2024-01-02 09:00", "2024-02-01 00:00"), ("cy", "2019-01-02", "2024-06-01")],
    )
    after = EventLog.open(later, as_of="2024-02-01").table("event").to_pandas()
    assert len(after) == len(before) == 1
    assert after["event_id"].tolist() == before["event_id"].tolist()
    assert n_events(later, "2024-02-02") == 2
    assert n_events(later, "2024-06-02") == 3
