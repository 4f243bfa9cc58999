"""Hostile values on their way through parameters, files and pages (cases.toml, B)."""

from __future__ import annotations

import ast
import gzip
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldresearch import engine, parameters, sources
from ldresearch.errors import LdresearchError, ParameterError
from ldresearch.files import atomic_write
from ldresearch.log import EventLog
from ldresearch.run.template import Template
from ldresearch.worlds.tables import log

KNOWN = parameters.declared('as_of = "2025-07-01"  # d\nn = 5  # n\nfull = True  # f\nx = 0.5  # x')


@pytest.mark.parametrize(
    "name",
    ["x=1;print('PWNED')", "n ", "N", "__class__", "as_of\n", "n=5\nimport os", "", "ｎ"],
)
def test_a_name_that_is_not_declared_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="no such parameter"):
        parameters.resolve(KNOWN, {name: 1})


@pytest.mark.parametrize(
    "value",
    [('a"+str(1+1)+"',), {"a"}, Path('a"b'), b"a", ValueError("x"), pd.DataFrame(), None, [1],
     {"a": 1}, pd.NaT, pd.Timestamp("2024-01-01"), pd.NA],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
@pytest.mark.parametrize("name", ["as_of", "n", "full", "x"])
def test_what_is_no_scalar_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match="not of its type"):
        parameters.resolve(KNOWN, {name: value})


def test_scalars_of_other_libraries_never_become_another_value() -> None:
    import numpy as np

    for name, value in (("full", np.bool_(False)), ("n", np.int64(5)), ("as_of", np.int64(5))):
        try:
            found = parameters.resolve(KNOWN, {name: value})[name]
        except ParameterError:
            continue
        assert found == value
        assert type(found) is type(KNOWN[name].default)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("as_of", "007", "007"), ("as_of", "1e5", "1e5"), ("as_of", "NO", "NO"),
        ("as_of", "on", "on"), ("as_of", "12:30", "12:30"), ("as_of", "nan", "nan"),
        ("n", "010", 10), ("full", "no", False), ("x", "1e-1", 0.1), ("x", "nan", None),
        ("x", "inf", None), ("n", "1_000", None), ("n", "0x10", None), ("full", "off", None),
        ("n", "٣", None), ("x", "1,5", None),
    ],
)  # fmt: skip
def test_text_is_read_by_the_declared_type_only(name: str, text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(ParameterError):
            parameters.resolve(KNOWN, {name: text})
    else:
        assert parameters.resolve(KNOWN, {name: text})[name] == value


def test_settings_are_toml_where_a_repeated_key_is_an_error(root: Path) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads("k = 10\nk = 1")
    for file in (root / "src" / "ldresearch").rglob("*.py"):
        assert "import yaml" not in file.read_text(encoding="utf-8"), file.name


def test_no_parameter_is_a_secret(root: Path) -> None:
    secret = re.compile(r"pass(word|wd)|secret|token|credential|api_?key|url", re.IGNORECASE)
    named = {n for t in Template.every() for n in t.declared} | set(parameters.rules())
    assert named
    assert not {n for n in named if secret.search(n)}


@pytest.mark.parametrize(
    "name",
    ["http://example.org/a.ipynb", "https://x/y", "s3://b/a.ipynb", "gs://b/a", "adl://a",
     "../../etc/passwd", "/etc/passwd", "20_adoption\x00", "{x.__class__}", "file:///etc/passwd"],
)  # fmt: skip
def test_a_notebook_comes_from_the_project_and_from_nowhere_else(name: str) -> None:
    with pytest.raises(LdresearchError):
        Template.find(name)


def test_nothing_of_a_value_is_formatted_or_built_into_a_query(root: Path) -> None:
    """Text enters SQL by engine.literal or a parameter; rooms of the engine aside, none is made."""
    calls = {"execute", "sql", "raw_sql"}
    for file in (root / "src" / "ldresearch").rglob("*.py"):
        part = file.relative_to(root / "src" / "ldresearch").parts[0].removesuffix(".py")
        if part in {"engine", "ingest", "sources", "worlds", "dataset"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_query = node.func.attr in calls and node.args
                assert not (is_query and isinstance(node.args[0], ast.JoinedStr)), file.name


INJECTIONS = [
    "x' UNION ALL SELECT * FROM read_text('/etc/hostname') --",
    "x'; COPY (SELECT 1) TO '/tmp/pwned.csv'; --",
    "x'); ATTACH '/tmp/pwned.db'; --",
    "\\'; DROP TABLE event; --",
    '"; SELECT 1; --',
    "%' OR '1'='1",
]
PERSON = """
person_id | valid_from_on | hired_on | unit_path
ada | 2023-01-01 | 2023-01-01 | all
"""


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_unit_is_a_value_whatever_it_looks_like(tmp_path: Path, text: str) -> None:
    people = pd.DataFrame(
        {"person_id": ["ada", "ben"], "valid_from_on": "2023-01-01", "hired_on": "2023-01-01",
         "unit_path": [["all", text], ["all"]]}
    )  # fmt: skip
    whole = log({"person": people}, tmp_path, as_of="2024-01-01")
    assert whole.where(unit=text).persons().count().execute() == 1
    with pytest.raises(ParameterError, match="no person has"):
        whole.where(unit=text + "x")


@given(st.text(max_size=80).filter(lambda t: "\x00" not in t and t.isprintable()))
def test_a_quoted_text_comes_back_as_it_was(text: str) -> None:
    [(back,)] = duckdb.sql(f"SELECT {engine.literal(text)}").fetchall()
    assert back == text


def test_the_door_in_touches_its_folders_only(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "secret.csv").write_text("a\n1\n")
    (here / "link.csv").symlink_to(there / "secret.csv")
    connection = engine.intake([here])
    (here / "own.csv").write_text("a\n1\n")
    assert connection.execute(f"SELECT * FROM read_csv('{here / 'own.csv'}')").fetchall() == [(1,)]
    secret_frame = pd.DataFrame({"a": [1]})
    assert len(secret_frame) == 1
    for statement in (
        f"SELECT * FROM read_csv('{there / 'secret.csv'}')",
        f"SELECT * FROM read_csv('{here}/../there/secret.csv')",
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{there / 'out.csv'}'",
        f"ATTACH '{there / 'x.db'}'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "INSTALL httpfs",
        "SELECT * FROM secret_frame",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)


def test_deep_json_is_a_rejected_line(tmp_path: Path) -> None:
    good = {"actor": {"mbox": "mailto:canary@example.org"}, "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"id": "c1"}, "timestamp": "2024-01-01T00:00:00Z"}  # fmt: skip
    lines = [json.dumps({**good, "timestamp": f"2024-01-{d:02}T00:00:00Z"}) for d in range(1, 29)]
    deep = '{"actor":' + "[" * 5000 + "]" * 5000 + "}"
    file = tmp_path / "s.ndjson"
    file.write_text("\n".join([*lines, deep]) + "\n")
    report = sources.ingest("xapi", file, tmp_path / "out", key=b"k" * 32)
    assert report.rows_out["event"] == 28
    assert sum(report.rejected["event"].values()) == 1


def test_a_bomb_of_gzip_is_refused_or_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "s.ndjson.gz"
    file.write_bytes(gzip.compress(b'{"a":"' + b"0" * 60_000_000 + b'"}\n'))
    with pytest.raises(LdresearchError):
        sources.ingest("xapi", file, tmp_path / "out", key=b"k" * 32)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX systems")
def test_files_are_not_for_everyone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        atomic_write(tmp_path / "page.html", "x")
        whole = log({"person": PERSON}, tmp_path, as_of="2024-01-01")
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").stat().st_mode & 0o007 == 0
    folder = whole.dataset.path
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "manifest.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "title",
    ["a\u202eb", "a\u2066b", "a\x00b".replace("\x00", "\x01"), "a\x9bb", "a\u200fb", "a\x7fb"],
)
def test_control_and_direction_marks_are_taken_out(tmp_path: Path, title: str) -> None:
    whole = log(
        {"content": pd.DataFrame({"content_id": ["c"], "title": [title]})}, tmp_path,
        as_of="2025-01-01",
    )  # fmt: skip
    assert whole.table("content").to_pandas()["title"].tolist() == ["ab"]


def test_two_ways_of_writing_a_letter_are_one_unit(tmp_path: Path) -> None:
    people = pd.DataFrame(
        {"person_id": ["Zoe\u0308", "Zo\u00eb"], "valid_from_on": ["2023-01-01", "2024-01-01"],
         "hired_on": "2023-01-01", "level": ["Zoe\u0308", "Zo\u00eb"]}
    )  # fmt: skip
    found = log({"person": people}, tmp_path, as_of="2025-01-01")
    assert found.dataset.manifest.n_persons == 1
    assert set(found.table("person").to_pandas()["level"]) == {"Zo\u00eb"}


def test_two_ways_of_writing_a_letter_are_one_step_of_a_path(tmp_path: Path) -> None:
    people = pd.DataFrame(
        {"person_id": ["a", "b"], "valid_from_on": "2023-01-01", "hired_on": "2023-01-01",
         "unit_path": [["Zoe\u0308"], [" Zo\u00eb\u202e "]]}
    )  # fmt: skip
    found = log({"person": people}, tmp_path, as_of="2025-01-01")
    assert found.where(unit="Zo\u00eb").persons().count().execute() == 2


def test_the_notebook_is_part_of_the_identity_of_a_run(tmp_path: Path) -> None:
    there = Template.find("20_adoption")
    book = nbformat.read(there.path, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell("print('hello')"))
    nbformat.write(book, tmp_path / "20_adoption.ipynb")
    assert Template("20_adoption", tmp_path / "20_adoption.ipynb").code_hash != there.code_hash


def test_a_table_is_escaped_where_it_is_shown() -> None:
    from ldresearch import tables
    from ldresearch.privacy import publish
    from ldresearch.result import Result
    from ldresearch.vocabulary import Family, Role

    hostile = "</td><script>alert(1)</script><img src=x onerror=alert(1)>"
    frame = pd.DataFrame({"unit": [hostile, "=HYPERLINK(1)"], "n": [50, 60]})
    published = publish(Result("r", Family.COUNTS, frame, {"unit": Role.KEY, "n": Role.N}))
    html = tables.of(published, hostile)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html


def test_opened_again_under_a_name_with_signs(tmp_path: Path) -> None:
    folder = tmp_path / "R&D ' {x} $y"
    folder.mkdir()
    whole = log({"person": PERSON}, folder, as_of="2024-01-01")
    assert EventLog.open(whole.dataset.path, as_of="2024-01-01").persons().count().execute() == 1


@pytest.mark.skipif(os.name == "nt", reason="sockets in a folder are of POSIX systems")
def test_the_kernel_has_no_port() -> None:
    """Sockets in a folder that only its owner enters, never TCP."""
    import papermill  # noqa: F401 - it loads the engine when it is imported itself

    from ldresearch.run import engine as kernels

    with kernels._kernel("python3") as manager:
        assert manager.transport == "ipc"
        folder = Path(manager.ip).parent
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
