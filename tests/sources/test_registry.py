"""The one way in: names, options, keys, what is already known, what is never said."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from ldresearch import sources
from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, ParameterError
from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY, from_text

EVENTS = "who,when,what\nada,2024-01-03T09:00:00Z,view\nada,2024-01-04T09:00:00Z,complete\n"
MAPPING = """
[[feed]]
table = "event"
[feed.columns]
person_id = "who"
occurred_at = "when"
verb = "what"
source = { value = "lms" }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "events.csv"
    file.write_text(EVENTS)
    (tmp_path / "events.csv.toml").write_text(MAPPING)
    return file


@pytest.mark.parametrize("name", sources.READERS)
def test_every_reader_is_there_and_says_what_its_options_are(name: str) -> None:
    module = sources.reader(name)
    assert callable(module.read)
    assert all(help_text.strip() for help_text in module.OPTIONS.values())
    assert module.__doc__


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("tabluar", {}, "did you mean tabular?"),
        ("tabular", {"maping": "x.toml"}, "did you mean mapping?"),
        ("oulad", {"start": "x"}, "did you mean starts?"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(
    source: Path, name: str, options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ParameterError, match=sentence.replace("?", r"\?")):
        sources.ingest(name, source, source.parent / "out", key=KEY, options=options)
    assert not (source.parent / "out").exists()


def test_a_missing_path_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        sources.ingest("tabular", tmp_path / "nothing.csv", tmp_path / "out", key=KEY)


def test_too_little_memory_is_said_as_that_and_changes_nothing(
    source: Path, tmp_path: Path
) -> None:
    first = sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    mapping = source.with_name("events.csv.toml")
    mapping.write_text(mapping.read_text() + 'content_id = "what"\n')
    with pytest.raises(DataError, match=r"too little memory.*1MB.*--memory.*nothing was changed"):
        sources.ingest("tabular", source, tmp_path / "out", key=KEY, memory="1MB")
    assert Dataset.open(tmp_path / "out").manifest == first.dataset.manifest
    with pytest.raises(ParameterError, match="no amount of memory"):
        sources.ingest("tabular", source, tmp_path / "out", key=KEY, memory="much")


def test_the_key_is_made_once_outside_the_data(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    first = sources.ingest("tabular", source, tmp_path / "harbour")
    assert first.dataset.manifest.client == "harbour"
    [file] = (home / ".config" / "ldresearch" / "keys").glob("harbour-*.key")
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
    second = sources.ingest("tabular", source, tmp_path / "other", client="harbour")
    assert ids(first.dataset) == ids(second.dataset)
    third = sources.ingest("tabular", source, tmp_path / "third")
    assert not ids(first.dataset) & ids(third.dataset)


def test_no_key_inside_the_dataset(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "out"))
    with pytest.raises(DataError, match="a key may not be kept"):
        sources.ingest("tabular", source, tmp_path / "out")


def ids(dataset: Dataset) -> set[str]:
    log = EventLog.open(dataset, as_of="2025-01-01")
    return set(log.table("identity").to_pandas()["person_id"])


def test_a_second_ingest_of_the_same_changes_nothing(source: Path, tmp_path: Path) -> None:
    first = sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    assert not first.is_unchanged
    second = sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    assert second.is_unchanged
    assert second.dataset.manifest == first.dataset.manifest


def test_another_mapping_is_another_reading(source: Path, tmp_path: Path) -> None:
    sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    mapping = source.with_name("events.csv.toml")
    mapping.write_text(mapping.read_text() + 'content_id = "what"\n')
    again = sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    assert not again.is_unchanged


def test_files_are_named_without_their_folder(source: Path, tmp_path: Path) -> None:
    done = sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    assert [f["name"] for f in done.dataset.manifest.sources] == ["events.csv", "events.csv.toml"]
    assert all(set(f) == {"kind", "name", "sha256", "bytes"} for f in done.dataset.manifest.sources)
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("is_watched", [True, False])
def test_progress_is_shown_only_on_a_terminal(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_watched: bool
) -> None:
    stream = Terminal() if is_watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sources.ingest("tabular", source, tmp_path / "out", key=KEY)
    assert ("reading events.csv" in stream.getvalue()) is is_watched


def test_progress_is_told_to_who_asks(source: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    sources.ingest("tabular", source, tmp_path / "out", key=KEY, progress=steps.append)
    assert steps[0] == "reading events.csv"
    assert "ada" not in " ".join(steps)


# The door in, where readers rely on it --------------------------------------------------------


def test_persons_of_a_lone_table_are_counted_once(tmp_path: Path) -> None:
    """Many rows of one person in the only table there is: no row may multiply."""
    rows = "\n".join(f"ada|2024-01-{d:02d}|view" for d in range(1, 21))
    dataset = write(
        {"event": from_text(f"person_id|occurred_at|verb\n{rows}")},
        tmp_path / "d", client="text", key=KEY,
    )  # fmt: skip
    assert dataset.manifest.rows("event") == 20
    assert dataset.manifest.rejected["event"] == {}


def test_the_offset_of_an_instant_in_text_is_heeded(tmp_path: Path) -> None:
    dataset = write(
        {
            "event": from_text(
                """
                person_id | occurred_at                     | verb
                ada       | 2024-01-03T09:00:00+02:00       | view
                ben       | 2024-01-03T09:00:00.1234567-0530 | view
                cleo      | 2024-01-03 09:00                | view
                dora      | 2024-01-03                      | view
                """
            )
        },
        tmp_path / "d", client="text", key=KEY,
    )  # fmt: skip
    found = EventLog.open(dataset, as_of="2025-01-01").table("event").to_pandas()["occurred_at"]
    assert sorted(at.isoformat(" ") for at in found) == [
        "2024-01-03 00:00:00", "2024-01-03 07:00:00", "2024-01-03 09:00:00",
        "2024-01-03 14:30:00.123456",
    ]  # fmt: skip


def test_persons_behind_outcomes_and_answers_are_pseudonymised_groups_are_not(
    tmp_path: Path,
) -> None:
    tables = {
        "outcome": from_text(
            """
            entity_kind | entity_id  | metric_id | period_start_on | period_end_on | value
            person      | Canary-One | tickets   | 2024-01-01      | 2024-02-01    | 3
            unit        | Sales      | tickets   | 2024-01-01      | 2024-02-01    | 5
            """
        ),
        "survey_answer": from_text(
            """
            response_id | token       | instrument | item | value | answered_at
            r1          | canary-one  | pulse      | q1   | 3     | 2024-01-01
            r2          | group Sales | pulse      | q1   | 4     | 2024-01-01
            """
        ),
    }
    dataset = write(tables, tmp_path / "d", client="text", key=KEY)
    log = EventLog.open(dataset, as_of="2025-01-01")
    entity = log.table("outcome").to_pandas().set_index("entity_kind")["entity_id"]
    token = log.table("survey_answer").to_pandas().set_index("response_id")["token"]
    assert entity["unit"] == "Sales"
    assert token["r2"] == "group Sales"
    assert entity["person"] == token["r1"]
    for file in (tmp_path / "d").rglob("*"):
        if file.is_file():
            assert b"anary" not in file.read_bytes(), file.name
