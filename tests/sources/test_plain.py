"""Whether a file is printable ASCII: one look at all of it says what a look at each value would."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ldresearch.sources import _plain

LINES = b"who,what\r\nada,view\tb\r\n" * 3


@pytest.mark.parametrize("code", range(256))
def test_one_character_decides(tmp_path: Path, code: int) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(LINES + bytes([code]) + LINES)
    # A carriage return beside a quotation mark may be part of a cell.
    fine = (0x20 <= code < 0x7F and code != 0x22) or code in b"\t\n\r"
    assert _plain.of_lines(file) == fine


def test_what_stands_where_two_reads_meet_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_plain, "_AT_ONCE", 4)
    file = tmp_path / "a.csv"
    file.write_bytes(b"abc\ndef\n")
    assert _plain.of_lines(file)
    file.write_bytes(b'a"c\nd\rf\n')
    assert not _plain.of_lines(file)
    file.write_bytes(b"abc\ndef\x7f")
    assert not _plain.of_lines(file)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("coded", [True, False])
@pytest.mark.parametrize(
    ("odd", "fine"), [("", True), ("~ ", True), ("é", False), ("\x7f", False), ("\n", False)]
)
def test_texts_of_parquet(
    tmp_path: Path, kind: pa.DataType, coded: bool, odd: str, fine: bool
) -> None:
    file = tmp_path / "a.parquet"
    values = pa.array(["a", None, "bc", odd], kind)
    table = pa.table({"text": values, "other": pa.array(["é"] * 4), "n": [1, 2, 3, 4]})
    pq.write_table(table, file, use_dictionary=coded, row_group_size=3)
    assert _plain.of_parquet(file, ["text"]) == fine
    assert not _plain.of_parquet(file, ["text", "other"])
    assert not _plain.of_parquet(file, ["n"])
    assert not _plain.of_parquet(file, ["absent"])


def test_a_name_of_parquet_that_is_no_text_is_not_plain(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a"], "other": ["b"]}), file)
    file.write_bytes(file.read_bytes().replace(b"other", b"othe\xbd"))
    assert not _plain.of_parquet(file, ["text"])
