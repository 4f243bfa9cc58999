"""Forgetting a person: every table, every version, every later ingest; and the keys of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ldresearch import ingest, schema, sources
from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, LdresearchError, ParameterError
from ldresearch.ingest import forget, write
from ldresearch.privacy import keys
from ldresearch.privacy.pseudonym import key_for, pseudonyms
from ldresearch.worlds.tables import KEY, from_text

WHO = "zoë"
TABLES = {
    "person": """
        person_id | valid_from_on | hired_on   | manager_id
        ada       | 2023-01-01    | 2023-01-01 | Zoë
        Zoë       | 2023-01-01    | 2023-01-01 | -
    """,
    "access": """
        person_id | platform | granted_at
        ada       | lms      | 2023-01-01
        zoë       | lms      | 2023-01-01
    """,
    "event": """
        person_id | occurred_at | verb | content_id | duration_s
        ada       | 2024-01-03  | view | c1         | 60
        zoë       | 2024-01-03  | view | c1         | 70
        zoë       | 2024-01-04  | view | c1         | 80
    """,
    "usage_period": """
        person_id | period_start_on | period_end_on | metric  | value | source
        ada       | 2024-01-01      | 2024-01-31    | minutes | 3     | lms
        zoë       | 2024-01-01      | 2024-01-31    | minutes | 4     | lms
    """,
    "assignment": """
        assignment_id | person_id | content_id
        a1            | ada       | c1
        a2            | zoë       | c1
    """,
    "touch": """
        touch_id | initiative_id | person_id | unit_id | sent_at
        t1       | i1            | ada       | -       | 2024-01-01
        t2       | i1            | zoë       | -       | 2024-01-01
        t3       | i1            | -         | sales   | 2024-01-01
    """,
    "arm": """
        initiative_id | unit_kind | unit_id | arm    | assigned_at | is_randomised
        i1            | person    | zoë     | launch | 2024-01-01  | true
        i1            | person    | ada     | launch | 2024-01-01  | true
        i1            | unit      | zoë     | launch | 2024-01-01  | true
    """,
    "skill": """
        skill_id | name
        s1       | Talking
    """,
    "skill_scale": """
        scale_id | minimum | maximum
        x        | 1       | 5
    """,
    "skill_rating": """
        person_id | skill_id | rated_at   | source  | raw | scale_id | rater_id
        ada       | s1       | 2024-01-01 | manager | 3   | x        | zoë
        zoë       | s1       | 2024-01-01 | manager | 4   | x        | ada
    """,
    "survey_answer": """
        response_id | token       | instrument | item | value | answered_at
        r1          | zoë         | nps        | nps  | 9     | 2024-01-01
        r2          | ada         | nps        | nps  | 8     | 2024-01-01
        r3          | group sales | nps        | nps  | 7     | 2024-01-01
    """,
    "recommendation": """
        recommendation_id | person_id | content_id | shown_at
        q1                | ada       | c1         | 2024-01-01
        q2                | zoë       | c1         | 2024-01-01
    """,
    "application": """
        application_id | opportunity_id | person_id | applied_at
        p1             | o1             | ada       | 2024-01-01
        p2             | o1             | zoë       | 2024-01-01
    """,
    "outcome": """
        entity_kind | entity_id | metric_id | period_start_on | period_end_on | value
        person      | zoë       | sales     | 2024-01-01      | 2024-01-31    | 5
        unit        | sales     | sales     | 2024-01-01      | 2024-01-31    | 6
    """,
}
"""Someone in every table that can hold a person, in every way it can."""


def frames(tables: dict[str, str] = TABLES) -> dict[str, pd.DataFrame]:
    return {name: from_text(text) for name, text in tables.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(frames(), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    return tmp_path / "d"


def rows(dataset: Dataset, table: str) -> pd.DataFrame:
    return duckdb.sql(f"FROM '{dataset.file(table)}'").df()


def stored(folder: Path) -> str:
    """Everything in a dataset as text, Parquet read."""
    parts = []
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".parquet":
            parts.append(duckdb.sql(f"FROM '{file}'").df().to_csv())
        elif file.is_file():
            parts.append(file.read_text(encoding="utf-8"))
    return "\n".join(parts)


def test_the_world_has_everyone_everywhere(folder: Path) -> None:
    held = {name for name, table in schema.TABLES.items() if table.has_person}
    assert held - set(TABLES) == {"identity", "activity_day"}
    assert set(schema.PSEUDONYM_COLUMNS) | set(ingest._PERSON_OR_GROUP) <= set(TABLES)
    dataset = Dataset.open(folder)
    assert not any(n for t in dataset.manifest.rejected.values() for n in t.values())
    assert pseudonyms([WHO], KEY)[0] in stored(folder)


def test_every_table_is_without_the_person_and_others_stay(folder: Path) -> None:
    before = Dataset.open(folder)
    assert forget(folder, " ZOE\u0308 ", key=KEY) is True
    after = Dataset.open(folder)
    text = stored(folder)
    assert pseudonyms([WHO], KEY)[0] not in text
    assert "zo" not in text.casefold().replace("time_zone", "").replace("i1,unit,zoë", "")
    # A unit that is called the same is no person.
    assert list(rows(after, "arm").unit_kind) == ["person", "unit"]
    gone = {n: before.manifest.rows(n) - after.manifest.rows(n) for n in before.manifest.tables}
    assert {n for n, lost in gone.items() if not lost} == {"skill", "skill_scale"}
    assert gone["event"] == 2
    assert gone["activity_day"] == 2
    assert after.manifest.n_persons == before.manifest.n_persons - 1
    assert rows(after, "person").manager_id.isna().all()
    assert rows(after, "skill_rating").rater_id.isna().all()
    assert ingest.differing(after) == []


def test_no_older_version_keeps_the_person(folder: Path) -> None:
    more = {"event": from_text(TABLES["event"].replace("c1", "c2"))}
    write(more, folder, client="text", key=KEY)
    assert len(list(folder.glob("v-*"))) == 2
    forget(folder, WHO, key=KEY)
    assert len(list(folder.glob("v-*"))) == 1


def test_twice_is_once(folder: Path) -> None:
    forget(folder, WHO, key=KEY)
    first = Dataset.open(folder).manifest.data_hash, stored(folder)
    assert forget(folder, WHO, key=KEY) is False
    assert (Dataset.open(folder).manifest.data_hash, stored(folder)) == first


def test_later_records_are_refused_and_counted(folder: Path) -> None:
    forget(folder, WHO, key=KEY)
    kept = {n: rows(Dataset.open(folder), n) for n in Dataset.open(folder).manifest.tables}
    again = write(frames(), folder, client="text", key=KEY)
    refused = {t: r["forgotten"] for t, r in again.manifest.rejected.items() if "forgotten" in r}
    assert refused["event"] == 2
    assert set(refused) == set(TABLES) - {"skill", "skill_scale"}
    for table, frame in kept.items():
        pd.testing.assert_frame_equal(rows(again, table), frame)
    for table, n_in in again.manifest.rows_in.items():
        n_rejected = sum(again.manifest.rejected[table].values())
        assert n_in == again.manifest.rows_out[table] + n_rejected
    assert pseudonyms([WHO], KEY)[0] not in stored(folder)


def test_someone_unknown_is_remembered_all_the_same(folder: Path) -> None:
    before = Dataset.open(folder).manifest.data_hash
    assert forget(folder, "nobody yet", key=KEY) is False
    assert Dataset.open(folder).manifest.data_hash == before
    frame = from_text(TABLES["event"].replace("ada      ", "nobody yet"))
    again = write({"event": frame}, folder, client="text", key=KEY)
    assert again.manifest.rejected["event"]["forgotten"] == 1


def test_the_list_names_no_one_and_joins_with_nothing(folder: Path) -> None:
    pseudonym = pseudonyms([WHO], KEY)[0]
    forget(folder, WHO, key=KEY)
    file = folder / keys.FORGOTTEN
    text = file.read_text()
    assert WHO not in text
    assert pseudonym not in text
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_list_that_cannot_be_read_lets_nobody_in(folder: Path) -> None:
    forget(folder, WHO, key=KEY)
    (folder / keys.FORGOTTEN).write_text("{broken")
    with pytest.raises(DataError, match="list of the forgotten"):
        write(frames(), folder, client="text", key=KEY)


@pytest.mark.parametrize("bad", ["", "  ", "\x00", "\u200e"])
def test_nobody_is_no_person(folder: Path, bad: str) -> None:
    before = stored(folder)
    with pytest.raises(LdresearchError):
        forget(folder, bad, key=KEY)
    assert stored(folder) == before


def test_another_key_is_refused_before_anything_is_done(folder: Path) -> None:
    before = stored(folder)
    for call in (
        lambda: forget(folder, WHO, key=b"x" * 32),
        lambda: write(frames(), folder, client="text", key=b"x" * 32),
    ):
        with pytest.raises(DataError, match="made with another key"):
            call()
        assert stored(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
@pytest.mark.parametrize(
    "places", [(1, 27), pytest.param(tuple(range(40)), marks=pytest.mark.slow)], ids=["two", "all"]
)
def test_killed_anywhere_the_person_is_refused_or_gone_and_again_finishes(
    tmp_path: Path, places: tuple[int, ...]
) -> None:
    """Whichever file was about to be written: the dataset opens, and a second call ends it."""
    code = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from ldresearch import files, ingest
        from ldresearch.privacy import keys
        from ldresearch.worlds.tables import KEY
        left = int(sys.argv[2])
        def counting(real):
            def call(*given, **named):
                global left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), 9)
                return real(*given, **named)
            return call
        os.replace, os.fsync = counting(os.replace), counting(os.fsync)
        ingest.remove_tree = counting(ingest.remove_tree)
        ingest.forget(Path(sys.argv[1]), "zoë", key=KEY)
        """
    )
    killed = 0
    for n in places:
        folder = tmp_path / f"d{n}"
        write(frames(), folder, client="text", key=KEY, reject_limit=1.0)
        done = subprocess.run([sys.executable, "-c", code, str(folder), str(n)], check=False)
        killed += done.returncode == -9
        assert ingest.differing(Dataset.open(folder)) == []
        forget(folder, WHO, key=KEY)
        assert pseudonyms([WHO], KEY)[0] not in stored(folder)
        assert sorted(p.name[:2] for p in folder.iterdir()) == ["fo", "ma", "v-"]
    assert killed >= 2


# Keys ---------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sources, "key_store", lambda: tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    file = tmp_path / "in" / "clicks.csv"
    file.parent.mkdir()
    file.write_text("who,when\nada,2024-01-03T09:00:00Z\nzoë,2024-01-03T09:00:00Z\n", "utf-8")
    Path(f"{file}.toml").write_text(
        '[[feed]]\ntable = "event"\n[feed.columns]\nperson_id = "who"\noccurred_at = "when"\n'
        'verb = { value = "view" }\nsource = { value = "lms" }\n'
    )
    return file


def test_a_new_folder_and_a_new_key_still_refuse_the_forgotten(
    store: Path, clicks: Path, tmp_path: Path
) -> None:
    from ldresearch.run import custody

    def read(name: str) -> Dataset:
        return sources.ingest("tabular", clicks, tmp_path / name, client="ours").dataset

    custody_store = pytest.MonkeyPatch()
    custody_store.setattr(custody, "key_store", lambda: store)
    try:
        [done] = custody.forget(WHO, [read("one")], tmp_path / "runs")
    finally:
        custody_store.undo()
    assert done.was_there
    assert read("two").manifest.rejected["event"] == {"forgotten": 1}
    first = key_for("ours", store)
    old = keys.rotate("ours", store)
    assert key_for("ours", store) != first
    assert keys.retired("ours", store) == [first]
    with pytest.raises(DataError, match="made with another key"):
        sources.ingest("tabular", clicks, tmp_path / "one", client="ours")
    third = read("three")
    assert third.manifest.rejected["event"] == {"forgotten": 1}
    assert third.manifest.key_id == keys.key_id(key_for("ours", store))
    old.unlink()
    with pytest.raises(DataError, match="under a key that is not here"):
        read("four")


def test_keys_are_kept_private_and_told_apart(store: Path) -> None:
    key_for("ours", store)
    for _ in range(3):
        keys.rotate("ours", store)
    assert len({*keys.retired("ours", store), key_for("ours", store)}) == 4
    assert keys.retired("our", store) == []
    if os.name != "nt":
        assert {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in store.glob("*.*[yd]")} == {0}
        assert stat.S_IMODE(store.stat().st_mode) == 0o700
    told = json.dumps(keys.listed(store))
    assert not any(key.hex() in told for key in keys.retired("ours", store))
    assert [one["said"] for one in keys.listed(store)] == ["retired"] * 3 + ["in use"]
    with pytest.raises(ParameterError, match="no key"):
        keys.rotate("nobody", store)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX systems")
def test_a_key_file_others_can_read_or_beside_the_data_is_refused(
    clicks: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.key"
    file.write_text("ab" * 32)
    file.chmod(0o640)
    with pytest.raises(ParameterError, match="others can read this key"):
        sources.ingest("tabular", clicks, tmp_path / "d", key_file=file)
    file.chmod(0o600)
    assert sources.ingest("tabular", clicks, tmp_path / "d", key_file=file).rows_out["event"] == 2
    inside = tmp_path / "d" / "own.key"
    inside.write_text("ab" * 32)
    inside.chmod(0o600)
    with pytest.raises(ParameterError, match="with the data or the code"):
        sources.ingest("tabular", clicks, tmp_path / "d", key_file=inside)


# Private runs -------------------------------------------------------------------------------


def a_run(runs: Path, name: str, dataset: Path, **more: object) -> Path:
    folder = runs / (name * 20)
    folder.mkdir(parents=True)
    record = {"key": name * 20, "client": more.pop("client", "x"), "dataset": str(dataset), **more}
    (folder / "manifest.json").write_text(json.dumps(record))
    (folder / "executed.ipynb").write_text("{}")
    return folder


def test_runs_of_the_dataset_are_emptied_and_others_stay(folder: Path, tmp_path: Path) -> None:
    from ldresearch.run import custody

    runs, file = tmp_path / "runs", tmp_path / "own.key"
    file.write_bytes(KEY)
    file.chmod(0o600)
    own = a_run(runs, "a", folder.resolve())
    together = a_run(runs, "b", tmp_path, others=[str(folder.resolve())])
    moved = a_run(runs, "c", tmp_path / "elsewhere", client="text")
    other = a_run(runs, "d", tmp_path / "other")
    bare = runs / "bare.ipynb"
    bare.write_text(
        json.dumps({"metadata": {"papermill": {"parameters": {"dataset": str(folder)}}}})
    )
    dataset = Dataset.open(folder)
    [done] = custody.forget(WHO, [dataset], runs, key_file=file)
    assert (done.was_there, done.n_runs) == (True, 4)
    for emptied in (own, together, moved):
        assert [p.name for p in emptied.iterdir()] == ["manifest.json"]
        assert "keeps its aggregates" in (emptied / "manifest.json").read_text()
    assert (other / "executed.ipynb").is_file()
    assert not bare.exists()
    [again] = custody.forget(WHO, [dataset], runs, key_file=file)
    assert (again.was_there, again.n_runs) == (False, 0)


def test_old_runs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    from ldresearch.run import custody

    runs = tmp_path / "runs"
    old, new = a_run(runs, "a", tmp_path), a_run(runs, "b", tmp_path)
    (runs / "notes").mkdir()
    (runs / "readme.txt").write_text("mine")
    now = time.time()
    for path in (old, *old.iterdir(), runs / "notes", runs / "readme.txt"):
        os.utime(path, (now - 91 * 86400,) * 2)
    assert custody.prune(runs, 90, now=now, dry_run=True) == [old]
    assert old.is_dir()
    assert custody.prune(runs, 90, now=now) == [old]
    assert not old.exists()
    assert new.is_dir()
    assert (runs / "notes").is_dir()
    assert custody.prune(tmp_path / "absent", 1, now=now) == []
