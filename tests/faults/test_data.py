"""What sources get wrong, and what the door in makes of it (cases.toml, D)."""

from __future__ import annotations

import time
import warnings
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldresearch import clock
from ldresearch.errors import DataError
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY, from_text, log

AS_OF = "2025-01-01"


def events(rows: list[tuple[str, str]], **columns: object) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["person_id", "occurred_at"]).assign(
        **({"verb": "view"} | columns)
    )


def test_a_duplicated_person_row_adds_no_minutes(tmp_path: Path) -> None:
    person = "ada | 2023-01-01 | 2023-01-01 | sales\n"
    whole = log(
        {"person": "person_id|valid_from_on|hired_on|unit_path\n" + person * 3,
         "event": events([("ada", "2024-01-01 10:00")], duration_s=6000)},
        tmp_path, as_of=AS_OF,
    )  # fmt: skip
    assert whole.where(unit="sales").table("event").duration_s.sum().execute() == 6000
    assert whole.dataset.manifest.rejected["person"] == {"duplicate": 2}
    assert whole.table("person").to_pandas()["valid_to_on"].isna().all()


def test_a_duplicated_row_of_history_is_no_overlap(tmp_path: Path) -> None:
    people = """
    person_id | valid_from_on | valid_to_on | hired_on
    ada       | 2023-01-01    | 2024-01-01  | 2023-01-01
    ada       | 2023-01-01    | 2024-01-01  | 2023-01-01
    ada       | 2024-01-01    | -           | 2023-01-01
    """
    whole = log({"person": people}, tmp_path, as_of=AS_OF)
    assert whole.dataset.manifest.rejected["person"] == {"duplicate": 1}
    assert whole.table("person").count().execute() == 2


def test_ids_are_text(tmp_path: Path) -> None:
    ids = ["00012", "12", "9007199254740993", "9007199254740992", "1e5", "100000"]
    whole = log({"event": events([(i, "2024-01-01") for i in ids])}, tmp_path, as_of=AS_OF)
    assert whole.dataset.manifest.n_persons == len(ids)


def test_namibia_is_a_country(tmp_path: Path) -> None:
    countries = ["NA", "None", "null", "nan", "N/A", "NaN"]
    people = pd.DataFrame(
        {"person_id": [f"p{i}" for i in range(6)], "valid_from_on": "2023-01-01",
         "hired_on": "2023-01-01", "country": countries}
    )  # fmt: skip
    whole = log({"person": people}, tmp_path, as_of=AS_OF)
    assert whole.where(country="NA").persons().count().execute() == 1
    assert set(whole.table("person").to_pandas()["country"]) == set(countries)


def test_nobody_is_lost_for_want_of_a_unit(tmp_path: Path) -> None:
    people = "person_id|valid_from_on|hired_on|unit_path\na|2023-01-01|2023-01-01|-\n"
    people += "b|2023-01-01|2023-01-01|-\nc|2023-01-01|2023-01-01|sales"
    whole = log(
        {"person": people, "event": events([(p, "2024-01-01") for p in "abc"])}, tmp_path,
        as_of=AS_OF,
    )  # fmt: skip
    assert whole.persons().count().execute() == 3
    joined = whole.table("event").join(whole.persons(), "person_key")
    assert joined.count().execute() == 3


@pytest.mark.parametrize("bad", ["03/04/2024", "2024-1-3", "20240103", "Jan 3 2024", "1704067200"])
def test_a_date_that_is_not_iso_is_rejected_not_guessed(tmp_path: Path, bad: str) -> None:
    whole = log({"event": events([("a", bad), ("a", "2024-01-03")])}, tmp_path, as_of=AS_OF)
    assert whole.table("event").count().execute() == 1
    assert whole.dataset.manifest.rejected["event"] == {"occurred_at is no instant": 1}


@pytest.mark.parametrize("bad", ["1700-01-01", "2150-01-01", "9999-12-31"])
def test_an_implausible_instant_is_rejected(tmp_path: Path, bad: str) -> None:
    whole = log({"event": events([("a", bad), ("a", "2024-01-03")])}, tmp_path, as_of="2090-01-01")
    assert whole.table("event").count().execute() == 1


def test_the_end_of_time_is_an_open_end(tmp_path: Path) -> None:
    people = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on
    ada       | 2023-01-01    | 9999-12-31  | 2023-01-01 | 2999-12-31
    """
    found = log({"person": people}, tmp_path, as_of="2090-01-01").table("person").to_pandas()
    assert found[["valid_to_on", "left_on"]].isna().all().all()


def test_the_future_is_rejected_by_a_day_and_kept_within_one(tmp_path: Path) -> None:
    frame = events(
        [("a", "2024-01-02 00:00"), ("a", "2024-01-02 00:01")], recorded_at="2024-01-01 00:00"
    )
    whole = log({"event": frame}, tmp_path, as_of=AS_OF)
    assert whole.table("event").count().execute() == 1
    assert whole.dataset.manifest.rejected["event"] == {"occurred after it was recorded": 1}


def test_offsets_of_each_row_are_heeded(tmp_path: Path) -> None:
    frame = events(
        [("a", "2024-01-01T12:00:00+02:00"), ("b", "2024-01-01T10:00:00Z"),
         ("c", "2024-01-01 05:00:00-05:00")]
    )  # fmt: skip
    found = log({"event": frame}, tmp_path, as_of=AS_OF).table("event").to_pandas()
    assert set(found["occurred_at"].astype(str)) == {"2024-01-01 10:00:00"}


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), 23), ("Europe/Berlin", date(2024, 10, 27), 25),
        ("America/New_York", date(2024, 3, 10), 23), ("Asia/Kolkata", date(2024, 3, 31), 24),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
    ],
)  # fmt: skip
def test_a_day_of_any_length_holds_its_own_events(
    tmp_path: Path, zone: str, day: date, hours: float
) -> None:
    following = date.fromordinal(day.toordinal() + 1)
    start, end = clock.midnight_utc(day, zone), clock.midnight_utc(following, zone)
    assert (end - start).total_seconds() == hours * 3600
    second = pd.Timedelta(seconds=1)
    instants = [start - second, start, end - second, end]
    frame = events([("a", pd.Timestamp(i).isoformat(" ")) for i in instants])
    whole = log({"event": frame}, tmp_path, as_of=AS_OF, time_zone=zone)
    found = whole.table("activity_day").to_pandas()
    counted = dict(zip(found["day_on"].astype(str), found["n_events"], strict=True))
    assert counted[str(day)] == 2
    again = EventLog.open(whole.dataset, as_of=AS_OF, time_zone="UTC")
    moved = EventLog(again.dataset, again.as_of, zone)
    assert moved.table("event").mutate(d=moved.day(moved.table("event").occurred_at)).filter(
        lambda t: t.d == day
    ).count().execute() == 2  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.rename(columns={"occurred_at": "ocurred_at"}), "did you mean occurred_at"),
        (lambda f: f.drop(columns="occurred_at"), "required column is missing"),
        (lambda f: f.assign(extra="x"), "no such column"),
    ],
)
def test_a_changed_file_is_one_sentence(tmp_path: Path, change, said: str) -> None:
    with pytest.raises(DataError, match=said):
        log({"event": change(events([("a", "2024-01-01")]))}, tmp_path, as_of=AS_OF)


@given(order=st.permutations(range(6)), again=st.lists(st.integers(0, 5), max_size=4))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_order_and_redelivery_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], again: list[int]
) -> None:
    rows = [("a", "2024-01-01"), ("b", "2024-01-01"), ("a", "2024-01-02 10:00"),
            ("c", "2024-01-03"), ("00a", "2024-01-03"), ("b", "2024-01-09")]  # fmt: skip
    one = log({"event": events(rows)}, tmp_path_factory.mktemp("x"), as_of=AS_OF)
    mixed = [rows[i] for i in [*order, *again]]
    two = log({"event": events(mixed)}, tmp_path_factory.mktemp("y"), as_of=AS_OF)
    assert one.dataset.manifest.data_hash == two.dataset.manifest.data_hash


def test_rehired_people_have_spells_not_negative_tenure(tmp_path: Path) -> None:
    people = """
    person_id | valid_from_on | valid_to_on | hired_on   | left_on
    ada       | 2022-01-01    | 2023-01-01  | 2022-01-01 | 2023-01-01
    ada       | 2024-01-01    | -           | 2024-01-01 | -
    ben       | 2024-01-01    | -           | 2024-01-01 | 2023-01-01
    """
    whole = log({"person": people}, tmp_path, as_of=AS_OF)
    assert whole.dataset.manifest.rejected["person"] == {"left before being hired": 1}
    assert whole.table("person").count().execute() == 2
    assert str(whole.persons().to_pandas()["hired_on"].iloc[0])[:10] == "2024-01-01"


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"event": events([("a", "2024-01-01")]).iloc[:0]},
        {"person": from_text("person_id|valid_from_on|hired_on\na|2023-01-01|2023-01-01")},
        {"event": events([("a", "2024-01-01")])},
    ],
    ids=["nothing", "no events", "one person", "one event"],
)
def test_an_organisation_of_nobody_or_one_is_opened(
    tmp_path: Path, tables: dict[str, pd.DataFrame]
) -> None:
    from ldresearch.measures import adoption, intake

    whole = log(tables, tmp_path, as_of=AS_OF, public=False)
    assert whole.table("event").count().execute() <= 1
    for frame in (adoption.funnel(whole), adoption.time_to_value(whole), intake.tables(whole)):
        assert isinstance(frame, pd.DataFrame)
    for name in ("event", "person", "skill_rating", "touch"):
        assert whole.has(name) == (whole.table(name).count().execute() > 0)


def test_orphans_are_met_and_counted_not_lost(tmp_path: Path) -> None:
    whole = log(
        {"person": "person_id|valid_from_on|hired_on\nada|2023-01-01|2023-01-01",
         "event": events([("ada", "2024-01-01"), ("stranger", "2024-01-01")], content_id="none")},
        tmp_path, as_of=AS_OF,
    )  # fmt: skip
    assert whole.dataset.manifest.n_persons == 2
    assert whole.table("event").count().execute() == 2
    assert whole.persons().count().execute() == 1


HOSTILE = [
    "costs $5 or $6", "{$x^{$}", "部門 研修 🎓", "_private", "a" * 200_000,
    '</svg><script>alert("x")</script>', "a\x01b\u202ec", "R&D <b>", "%s %(x)s {0}", "\\frac{1}{2}",
]  # fmt: skip


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_any_title_goes_from_file_to_figure(tmp_path: Path, title: str) -> None:
    from ldresearch import tables
    from ldresearch.figures import style, svg
    from ldresearch.privacy import publish
    from ldresearch.result import Result
    from ldresearch.vocabulary import Family, Role

    content = pd.DataFrame({"content_id": ["c"], "title": [title]})
    whole = log({"content": content}, tmp_path, as_of=AS_OF)
    [stored] = whole.table("content").to_pandas()["title"]
    began = time.monotonic()
    frame = pd.DataFrame({"title": [stored, "other"], "n": [50, 60]})
    published = publish(Result("r", Family.COUNTS, frame, {"title": Role.KEY, "n": Role.N}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = style.bars(None, [r[0] for r in published.rows], [r[1] for r in published.rows])
        drawn = svg.render(ax, title=stored, desc=stored, prefix="f")
    html = tables.of(published, "x")._repr_html_()
    assert time.monotonic() - began < 5
    assert "<script" not in drawn + html
    assert "\x01" not in drawn
    tree = ElementTree.fromstring(drawn.replace("<svg ", '<svg xmlns="s" ', 1))  # noqa: S314
    words = ["".join(t.itertext()) for t in tree.iter("{s}text")]
    assert any(w.strip("… \u200a") and stored.startswith(w.strip().rstrip("…")[:8]) for w in words)


def test_half_a_letter_is_refused_in_one_sentence(tmp_path: Path) -> None:
    content = pd.DataFrame({"content_id": ["c"], "title": ["a\ud800b"]}, dtype=object)
    with pytest.raises(DataError):
        write({"content": content}, tmp_path / "d", client="c", key=KEY)
