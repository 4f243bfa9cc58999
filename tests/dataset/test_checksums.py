"""Sums over stored tables: the values count, not how or by whom they were written down."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ldresearch import checksums, engine, ingest, schema

PERSON = pa.table(
    {
        "person_key": pa.array([1, 2, 3], pa.int32()),
        "valid_from_on": pa.array([19000, 19001, 19002], pa.date32()),
        "valid_to_on": pa.array([None, 19500, None], pa.date32()),
        "hired_on": pa.array([1, 2, 3], pa.date32()),
        "left_on": pa.array([None] * 3, pa.date32()),
        "leave_reason": pa.array(["", None, "ü"]),
        "unit_path": pa.array([["a", "b"], None, []], pa.list_(pa.string())),
        **{
            n: pa.array([None, "x", "yy"])
            for n in ("manager_id", "role_id", "level", "location", "country", "time_zone")
        },
        "fte": pa.array([0.5, None, 1.0]),
        "is_manager": pa.array([True, None, False]),
    }
)


def told(file: Path, table: pa.Table = PERSON, **how: object) -> tuple[int, str]:
    pq.write_table(table, file, **how)
    return checksums.of(schema.PERSON, file)


@pytest.mark.parametrize(
    "how",
    [{"compression": "zstd"}, {"row_group_size": 1}, {"use_dictionary": False},
     {"data_page_size": 1}],
)  # fmt: skip
def test_how_a_table_is_written_does_not_matter(tmp_path: Path, how: dict[str, object]) -> None:
    assert told(tmp_path / "one", **how) == told(tmp_path / "other")


def test_where_a_batch_ends_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = told(tmp_path / "person.parquet")
    monkeypatch.setattr(checksums, "_ROWS_AT_ONCE", 2)
    assert checksums.of(schema.PERSON, tmp_path / "person.parquet") == whole


@pytest.mark.parametrize("name", PERSON.column_names)
def test_every_value_counts(tmp_path: Path, name: str) -> None:
    """Rows two and three of one column change places; so do a null and what is empty."""
    values = PERSON.column(name)
    swapped = values.take(pa.array([0, 2, 1]))
    if swapped.equals(values):
        swapped = pa.chunked_array([pa.array([1, None, None], values.type)])
    changed = PERSON.set_column(PERSON.column_names.index(name), name, swapped)
    assert told(tmp_path / "one", changed) != told(tmp_path / "other")


def test_texts_do_not_run_into_each_other(tmp_path: Path) -> None:
    names = PERSON.column_names
    at = names.index("role_id")
    one, other = (
        PERSON.set_column(at, "role_id", pa.array(texts)) for texts in (["ab", "c", ""],
                                                                       ["a", "bc", ""])
    )  # fmt: skip
    assert told(tmp_path / "one", one) != told(tmp_path / "other", other)


def test_every_stored_order_is_total() -> None:
    for table in schema.TABLES.values():
        assert set(table.key) <= set(table.order), table.name


def test_what_an_earlier_version_summed_by_rows_is_still_known(tmp_path: Path) -> None:
    """The sum of rows, worked out here from its definition, is what the package expects."""
    file = tmp_path / "identity.parquet"
    duckdb.execute(f"COPY (SELECT 7 AS person_key, 'ab' AS person_id) TO '{file}'")
    row = int.from_bytes(hashlib.md5(b"7\x1fab", usedforsecurity=False).digest(), "little")
    connection = engine.intake([tmp_path])
    found = ingest._entry_by_rows(connection, schema.IDENTITY, f"read_parquet('{file}')")
    connection.close()
    halves = f"{row >> 64} {row & (1 << 64) - 1}"
    expected = hashlib.sha256(f"identity 1 {halves}".encode()).hexdigest()
    assert (found.rows, found.content_hash) == (1, expected)
