"""The door in: what becomes of rows on their way into a dataset."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ldresearch import engine, ingest
from ldresearch.dataset import Dataset
from ldresearch.errors import DataError
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.privacy.pseudonym import key_for, pseudonyms
from ldresearch.worlds.tables import KEY, from_text, log

EVENTS = """
    person_id | occurred_at         | verb     | content_id
    ada       | 2024-01-03 09:00:00 | complete | c1
    ben       | 2024-01-03 10:00:00 | view     | c1
    ben       | 2024-01-05 10:00:00 | complete | c2
"""
PEOPLE = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
    ben       | 2023-01-01    | 2023-01-01 | all/service
"""


def put(folder: Path, events: str = EVENTS, people: str = PEOPLE, **options: object) -> Dataset:
    tables = {"event": from_text(events), "person": from_text(people)}
    return write(tables, folder / "d", client="text", key=KEY, reject_limit=1.0, **options)  # type: ignore[arg-type]


def hashes(dataset: Dataset) -> dict[str, str]:
    return {name: entry.content_hash for name, entry in dataset.manifest.tables.items()}


def test_the_same_rows_in_any_order_give_the_same_hashes(tmp_path: Path) -> None:
    one = put(tmp_path / "a")
    shuffled = {
        "event": from_text(EVENTS).iloc[::-1], "person": from_text(PEOPLE).iloc[::-1],
    }  # fmt: skip
    two = write(shuffled, tmp_path / "b" / "d", client="text", key=KEY)
    assert hashes(one) == hashes(two)


def test_twice_is_once(tmp_path: Path) -> None:
    first, second = put(tmp_path), put(tmp_path)
    assert hashes(first) == hashes(second)
    assert second.manifest.rejected["event"]["duplicate"] == 3


def test_keys_are_told_apart_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few keys are looked at together, each one that stands twice is found."""
    n = 500
    frame = pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)], "person_id": [f"p{i % 9}" for i in range(n)],
            "occurred_at": pd.Timestamp("2024-01-03"), "verb": "view",
        }
    )  # fmt: skip
    again = {"event": pd.concat([frame, frame[::7], frame[::14].assign(verb="complete")])}
    whole = write(again, tmp_path / "a" / "d", client="text", key=KEY, reject_limit=1.0)
    monkeypatch.setattr(ingest, "_HASHES_AT_ONCE", 40)
    parts = write(again, tmp_path / "b" / "d", client="text", key=KEY, reject_limit=1.0)
    assert hashes(parts) == hashes(whole)
    assert parts.manifest.rejected == whole.manifest.rejected
    assert sum(parts.manifest.rejected["event"].values()) == len(frame[::7]) + len(frame[::14])
    assert parts.manifest.rows("event") == n


def test_days_are_folded_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few events are folded together, and with no event of some of the people."""
    n = 700
    frame = pd.DataFrame(
        {
            "person_id": [f"p{i * i % 61}" for i in range(n)], "verb": ["view", "complete"] * 350,
            "occurred_at": pd.Timestamp("2024-03-30 23:30") + pd.to_timedelta(range(n), "h") / 4,
        }
    )  # fmt: skip
    people = pd.DataFrame(
        {"person_id": [f"p{i}" for i in range(80)], "valid_from_on": pd.Timestamp("2024-01-01"),
         "hired_on": pd.Timestamp("2024-01-01"), "unit_path": [["all"]] * 80}
    )  # fmt: skip
    given: dict[str, object] = {"client": "text", "key": KEY, "time_zone": "Europe/Berlin"}
    tables = {"event": frame, "person": people}
    whole = write(tables, tmp_path / "a" / "d", **given)  # type: ignore[arg-type]
    monkeypatch.setattr(ingest, "_EVENTS_AT_ONCE", 60)
    parts = write(tables, tmp_path / "b" / "d", **given)  # type: ignore[arg-type]
    assert hashes(parts) == hashes(whole)
    assert whole.manifest.rows("activity_day") > 60


def test_a_second_file_is_merged_and_keys_stay_dense(tmp_path: Path) -> None:
    put(tmp_path)
    more = EVENTS.replace("ada  ", "cleo ")
    dataset = put(tmp_path, more, PEOPLE.replace("ada  ", "cleo "))
    assert dataset.manifest.n_persons == 3
    whole = EventLog.open(dataset, as_of="2025-01-01")
    keys = set(whole.table("event").to_pandas()["person_key"])
    assert keys == {1, 2, 3}
    assert dataset.manifest.rows("event") == 4


def test_rows_in_are_rows_out_and_rejected(tmp_path: Path) -> None:
    dataset = put(
        tmp_path,
        """
        person_id | occurred_at         | recorded_at         | verb
        ada       | 2024-01-03          | 2024-01-03          | complete
        ada       | 2024-01-03          | 2024-01-03          | complete
        -         | 2024-01-03          | 2024-01-03          | complete
        ben       | 2024-13-45          | 2024-01-03          | complete
        ben       | 2024-01-03          | 2024-01-03          | VIEWED
        ben       | 2031-01-01          | 2024-01-03          | view
        ben       | 1799-01-01          | 2024-01-03          | view
        """,
    )
    rejected = dataset.manifest.rejected["event"]
    assert rejected == {
        "duplicate": 1,
        "occurred_at is no instant": 1,
        "occurred_at is outside 1900 to 2100": 1,
        "occurred after it was recorded": 1,
        "person_id is missing": 1,
        "verb: unknown word": 1,
    }
    counts = dataset.manifest
    assert counts.rows_in["event"] == counts.rows_out["event"] + sum(rejected.values()) == 7
    file = dataset.path / dataset.manifest.version / "_rejected.parquet"
    text = str(duckdb.sql(f"SELECT * FROM '{file}'").fetchall())
    assert "ada" not in text
    assert "ben" not in text


def test_too_many_rejected_rows_refuse_the_ingest_and_keep_the_old(tmp_path: Path) -> None:
    before = hashes(put(tmp_path))
    with pytest.raises(DataError, match="would be rejected, most because verb"):
        write(
            {"event": from_text(EVENTS.replace("view", "VIEWED"))}, tmp_path / "d",
            client="text", key=KEY,
        )  # fmt: skip
    assert hashes(Dataset.open(tmp_path / "d")) == before


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"events": from_text(EVENTS)}, "did you mean event?"),
        ({"event": from_text(EVENTS).rename(columns={"verb": "verbs"})}, "did you mean verb?"),
        ({"event": from_text(EVENTS).drop(columns="verb")}, "required column is missing"),
    ],
)
def test_misuse_is_one_sentence(
    tmp_path: Path, tables: dict[str, pd.DataFrame], sentence: str
) -> None:
    with pytest.raises(DataError) as error:
        write(tables, tmp_path / "d", client="text", key=KEY)
    assert sentence in str(error.value)
    assert "ada" not in str(error.value)


def test_ids_keep_leading_zeros_and_lose_case_and_blanks(tmp_path: Path) -> None:
    dataset = put(
        tmp_path,
        """
        person_id | occurred_at | verb
        00012     | 2024-01-03  | view
        12        | 2024-01-03  | view
        Zoe       | 2024-01-03  | view
        zoe       | 2024-01-04  | view
        """,
        """
        person_id | valid_from_on | hired_on
        00012     | 2023-01-01    | 2023-01-01
        """,
    )
    assert dataset.manifest.n_persons == 3
    assert dataset.manifest.rows("person") == 1


def test_text_is_normalised(tmp_path: Path) -> None:
    titles = ["Zoe\u0308\u202e x", " Zo\u00eb x "]
    tables = {"content": pd.DataFrame({"content_id": ["a", "b"], "title": titles})}
    dataset = write(tables, tmp_path / "d", client="text", key=KEY)
    kept = EventLog.open(dataset, as_of="2025-01-01").table("content").to_pandas()["title"]
    assert set(kept) == {"Zo\u00eb x"}


def test_a_person_in_an_arm_is_known_by_her_pseudonym_alone(tmp_path: Path) -> None:
    arms = from_text(
        """
        initiative_id | unit_kind | unit_id | arm      | assigned_at | is_randomised
        sprint        | person    | Ada     | launch   | 2024-01-02  | true
        sprint        | unit      | Sales   | hold-out | 2024-01-02  | true
        """
    )
    dataset = write({"arm": arms, "person": from_text(PEOPLE)}, tmp_path / "d", client="text",
                    key=KEY)  # fmt: skip
    seen = EventLog.open(dataset, as_of="2025-01-01")
    known = dict(seen.table("identity").to_pandas()[["person_id", "person_key"]].to_numpy())
    units = seen.table("arm").to_pandas().set_index("unit_kind")["unit_id"]
    assert units["unit"] == "Sales"
    assert units["person"] in known


def test_open_ends_and_history(tmp_path: Path) -> None:
    dataset = put(
        tmp_path,
        EVENTS,
        """
        person_id | valid_from_on | valid_to_on | hired_on   | left_on
        ada       | 2023-01-01    | -           | 2023-01-01 | 9999-12-31
        ada       | 2024-01-01    | 9999-12-31  | 2023-01-01 | -
        ben       | 2023-01-01    | 2024-06-01  | 2023-01-01 | -
        ben       | 2024-03-01    | -           | 2023-01-01 | -
        """,
    )
    assert dataset.manifest.rejected["person"] == {"interval overlaps an earlier one": 1}
    person = EventLog.open(dataset, as_of="2025-01-01").table("person").to_pandas()
    assert person["left_on"].isna().all()
    assert str(person["valid_to_on"].dropna().min()).startswith("2024-01-01")


def test_ratings_are_put_on_their_scale(tmp_path: Path) -> None:
    tables = {
        "skill_scale": from_text("scale_id|minimum|maximum\nfive|1|5"),
        "skill_rating": from_text(
            """
            person_id | skill_id | rated_at   | source | raw | scale_id
            ada       | s1       | 2024-01-01 | self   | 4   | five
            ada       | s2       | 2024-01-01 | self   | 7   | five
            ada       | s3       | 2024-01-01 | self   | 3   | ten
            """
        ),
    }
    dataset = write(tables, tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    rating = EventLog.open(dataset, as_of="2025-01-01").table("skill_rating").to_pandas()
    assert rating["level"].tolist() == [0.75]
    assert dataset.manifest.rejected["skill_rating"] == {
        "raw is outside its scale": 1, "scale_id is not in skill_scale": 1,
    }  # fmt: skip


def test_days_are_local_across_a_change_of_clocks(tmp_path: Path) -> None:
    """30 March 2024 23:30 UTC is already the 31st in Berlin, a day of 23 hours."""
    whole = log(
        {
            "event": """
            person_id | occurred_at         | verb
            ada       | 2024-03-30 22:30:00 | view
            ada       | 2024-03-30 23:30:00 | view
            ada       | 2024-03-31 21:59:59 | view
            ada       | 2024-03-31 22:00:00 | view
            """
        },
        tmp_path,
        as_of="2025-01-01",
        time_zone="Europe/Berlin",
    )
    days = whole.table("activity_day").to_pandas()
    assert dict(zip(days["day_on"].astype(str), days["n_events"], strict=True)) == {
        "2024-03-30": 1, "2024-03-31": 2, "2024-04-01": 1,
    }  # fmt: skip
    other = EventLog.open(whole.dataset, as_of="2025-01-01", time_zone="UTC")
    assert other.table("activity_day").n_events.sum().execute() == 4
    assert other.table("activity_day").day_on.nunique().execute() == 2


def test_only_what_was_known_as_of_the_date(tmp_path: Path) -> None:
    """Late rows stay out of an earlier report for ever: both times count."""
    whole = log(
        {
            "person": """
            person_id | valid_from_on | hired_on   | left_on
            ada       | 2023-01-01    | 2023-01-01 | 2024-06-01
            """,
            "event": """
            person_id | occurred_at | recorded_at | verb
            ada       | 2024-01-03  | 2024-01-03  | view
            ada       | 2024-01-04  | 2024-02-10  | view
            ada       | 2024-03-01  | 2024-03-01  | view
            """,
        },
        tmp_path,
        as_of="2024-02-01",
    )
    assert whole.table("event").count().execute() == 1
    assert whole.table("activity_day").count().execute() == 1
    assert whole.table("person").to_pandas()["left_on"].isna().all()


def test_two_keys_have_no_pseudonym_in_common(tmp_path: Path) -> None:
    ids = [f"e{i}" for i in range(200)]
    assert not set(pseudonyms(ids, b"a" * 32)) & set(pseudonyms(ids, b"b" * 32))
    first = key_for("R&D / EMEA", tmp_path / "keys")
    assert first == key_for("R&D / EMEA", tmp_path / "keys")
    assert first != key_for("other", tmp_path / "keys")
    [file] = (tmp_path / "keys").glob("r-d-emea-*.key")
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(DataError, match="others can read"):
        key_for("R&D / EMEA", tmp_path / "keys")


def test_a_key_does_not_live_with_the_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="outside"):
        key_for("x", tmp_path / "data" / "keys", outside=[tmp_path / "data"])


def test_no_raw_id_in_any_byte_of_a_dataset(tmp_path: Path) -> None:
    name = "canary-person-4711"
    put(tmp_path, EVENTS.replace("ada  ", name + " "), PEOPLE.replace("ada  ", name + " "))
    for file in (tmp_path / "d").rglob("*"):
        if file.is_file():
            assert name.encode() not in file.read_bytes(), file.name
    if os.name != "nt":
        assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("point", ["_identify", "_write_table", "_manifest", "_write_rejects"])
def test_killed_at_any_point_the_old_dataset_stays_whole(tmp_path: Path, point: str) -> None:
    before = hashes(put(tmp_path))
    code = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        import ldresearch.ingest as ingest
        from ldresearch.worlds.tables import KEY, from_text
        def die(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)
        setattr(ingest._Intake, {point!r}, die)
        events = from_text('''person_id|occurred_at|verb
        new|2024-05-05|view''')
        ingest.write({{"event": events}}, Path(sys.argv[1]), client="text", key=KEY)
        """
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert hashes(Dataset.open(tmp_path / "d")) == before
    repaired = put(tmp_path)
    assert hashes(repaired) == before
    assert not list((tmp_path / "d").glob(".draft-*"))


def test_an_analysis_reads_its_files_and_nothing_else(tmp_path: Path) -> None:
    dataset = put(tmp_path)
    backend, _ = engine.analysis({"event": dataset.file("event")})
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1")
    frame = pd.DataFrame({"a": [1]})
    assert len(frame) == 1
    for statement in (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        f"ATTACH '{tmp_path / 'x.db'}'",
        "SELECT * FROM frame",
    ):
        with pytest.raises(duckdb.Error):
            backend.con.execute(statement)
