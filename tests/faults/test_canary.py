"""An organisation of canaries: nothing that names one of them leaves, wherever one looks."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import nbformat
import pandas as pd
import pytest

from ldresearch.dataset import Dataset
from ldresearch.errors import DataError, LdresearchError
from ldresearch.ingest import write
from ldresearch.run.template import Template

KEY = bytes(range(100, 132))
SECRET = "hunter2-canary-password"  # noqa: S105 - what is looked for
NAME = "Zsofia Canaryova"
AS_OF = "2025-01-01"

FREE = {
    "person": ("leave_reason",),
    "event": ("session_id", "attempt_id"),
    "survey_answer": ("response_id", "value"),
}
"""Free text about a person, and ids that a source may build from a name."""


def plant(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Give everyone a mail address for an id, and write a name into every free text."""
    for column in ("person_id", "manager_id", "rater_id"):
        if column in frame:
            frame[column] = frame[column].map(mail, na_action="ignore")
    persons = {"arm": ("unit_id", "unit_kind"), "outcome": ("entity_id", "entity_kind")}
    if name in persons and len(frame):
        column, kind = persons[name]
        frame.loc[frame[kind] == "person", column] = frame[column].map(mail)
    for column in FREE.get(name, ()):
        number = pd.Series(range(len(frame)), index=frame.index).astype(str)
        frame[column] = f"{NAME} " + number
    return frame


def mail(person: object) -> str:
    return f"Canary.{person}@Birds.example"


FORBIDDEN = re.compile(
    r"canary[.%]|canary\W|birds\.example|birds%2e|zsofia|canaryova|hunter2", re.IGNORECASE
)


def encoded(word: str) -> Iterator[bytes]:
    """Ways a word may hide in bytes."""
    yield from (word.encode(), word.encode("utf-16-le"), quote(word).encode())
    yield html.escape(word).encode()
    yield json.dumps(word)[1:-1].encode()
    # Two bytes in front move base64 to another frame; its ends depend on what stands beside.
    for shift in range(3):
        yield base64.b64encode(b"x" * shift + word.encode())[4:-4]


@pytest.fixture(scope="module")
def canaries(
    tmp_path_factory: pytest.TempPathFactory, planted: Callable[..., Dataset]
) -> tuple[Dataset, tuple[bytes, ...]]:
    dataset = planted(tmp_path_factory.mktemp("canary") / "d", plant, public=False, key=KEY)
    pseudonym = [p for (p,) in duckdb.sql(
        f"SELECT person_id FROM '{dataset.file('identity')}'"
    ).fetchall()]  # fmt: skip
    words = [*pseudonym, KEY.hex(), SECRET, NAME, "birds.example"]
    return dataset, tuple(code for word in words for code in encoded(word) if len(code) > 8)


def search(where: str, data: bytes, words: tuple[bytes, ...]) -> None:
    """Look for every canary in some bytes, in any of its spellings."""
    lower = data.lower()
    assert not FORBIDDEN.search(data.decode("utf-8", "replace")), where
    found = [word for word in words if word in data or word.lower() in lower]
    assert not found, where


def look_through(folder: Path, words: tuple[bytes, ...], *, but: tuple[str, ...] = ()) -> int:
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in but]
    for path in files:
        search(str(path), path.name.encode() + b"\n" + path.read_bytes(), words)
    return len(files)


def test_the_search_would_find_them(canaries: tuple[Dataset, tuple[bytes, ...]]) -> None:
    _, words = canaries
    for leak in (
        "Canary.p0001@Birds.example",
        NAME.lower(), KEY.hex().upper(), base64.b64encode(f"ab {NAME} cd".encode()).decode(),
        quote(NAME), SECRET,
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            search("a leak", leak.encode(), words)
    with pytest.raises(AssertionError):
        search("a pseudonym", b"..." + words[0], words)


def test_a_dataset_holds_neither_id_nor_secret(canaries: tuple[Dataset, tuple[bytes, ...]]) -> None:
    """Names in free text of a source stay in the private dataset; ids do not."""
    dataset, _ = canaries
    for path in dataset.path.rglob("*"):
        if path.is_file():
            said = path.read_bytes()
            if path.suffix == ".parquet":
                said += duckdb.sql(f"FROM '{path}'").df().to_csv().encode()
            assert b"birds.example" not in said.lower(), path.name
            assert KEY.hex().encode() not in said, path.name
    search("manifest", (dataset.path / "manifest.json").read_bytes(), ())


def notebooks() -> list[str]:
    return [t.name for t in Template.every()]


FAST = ("20_adoption",)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in notebooks()],
)
def test_no_canary_in_a_report_its_facts_or_its_record(
    name: str,
    canaries: tuple[Dataset, tuple[bytes, ...]],
    tmp_path: Path,
    go: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LDR_DATABASE_URL", f"postgres://canary:{SECRET}@db")
    dataset, words = canaries
    done = go(name, dataset, as_of=AS_OF)
    said = capfd.readouterr()
    assert done.status == "published", done.reason
    if name in FAST:
        assert "hidden" in Path(done.page).read_text(encoding="utf-8")
    n_files = look_through(tmp_path / "reports", words)
    n_files += look_through(tmp_path / "runs", words, but=("executed.ipynb",))
    assert n_files >= 3
    search("said", (said.out + said.err + done.reason).encode(), words)


FAILING = {
    "key error": "raise KeyError('canary.' + 'p1@birds' + '.example')",
    "merge": "import pandas as pd; f = pd.DataFrame({'a': ['Canary' + '.x@birds.example'] * 2}); "
    "f.merge(f, on='a', validate='1:1')",
    "our own": "from ldresearch import ldr_missing",
    "unit": "import ldresearch; log.where(unit='Canary' + '.p1@birds.' + 'example')",
    "secret": "import os; raise ValueError(os.environ['LDR_DATABASE_URL'])",
    "print": "print('canary' + '.p1@birds.' + 'example'); 1 / 0",
    "exit": "raise SystemExit('canary' + '.p1@birds.' + 'example')",
}


@pytest.mark.parametrize("name", FAILING)
def test_no_canary_in_what_a_failing_run_leaves(
    name: str,
    canaries: tuple[Dataset, tuple[bytes, ...]],
    tmp_path: Path,
    go: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ldresearch.report import index

    monkeypatch.setenv("LDR_DATABASE_URL", f"postgres://canary:{SECRET}@db")
    dataset, words = canaries
    book = nbformat.read(Template.find("20_adoption").path, as_version=4)
    [at] = [i for i, c in enumerate(book.cells) if "cohort" in c.metadata.get("tags", [])]
    book.cells.insert(at, nbformat.v4.new_code_cell(FAILING[name], metadata={"tags": ["result"]}))
    file = tmp_path / "20_adoption.ipynb"
    nbformat.write(book, file)
    capfd.readouterr()
    done = go(Template("20_adoption", file), dataset, as_of=AS_OF)
    assert done.status == "failed"
    assert not list((tmp_path / "reports").rglob("20_adoption.html"))
    index.build(tmp_path / "reports", today=pd.Timestamp(AS_OF).date())
    look_through(tmp_path / "reports", words)
    look_through(tmp_path / "runs", words, but=("executed.ipynb",))
    search("reason", done.reason.encode(), words)
    if name != "print":  # what a cell prints goes to the executed notebook, not to this process
        said = capfd.readouterr()
        search("said", (said.out + said.err).encode(), words)


@pytest.mark.parametrize("bad", ["date", "verb", "column", "surrogate", "overlap"])
def test_no_canary_in_what_a_failing_ingest_says(bad: str, tmp_path: Path) -> None:
    event = pd.DataFrame(
        {"person_id": ["canary.p1@birds.example"] * 3, "occurred_at": "2024-01-03", "verb": "view"}
    )
    changes = {
        "date": {"occurred_at": "Canary.p1@birds.example"},
        "verb": {"verb": "Canary.p1@birds.example"},
        "column": {"Canary": "x"},
        "surrogate": {"person_id": "canary.p1@birds.example\ud800"},
        "overlap": {"duration_s": "canary.p1@birds.example"},
    }
    with pytest.raises(DataError) as refused:
        write({"event": event.assign(**changes[bad])}, tmp_path / "d", client="x", key=KEY)
    if bad != "column":
        search(bad, str(refused.value).encode(), ())
    assert not (tmp_path / "d" / "manifest.json").exists()


@pytest.mark.parametrize("row", ["Ann Canary,2024-01-03T09:00:00Z", "Ann Canary,Ann Canary,12345"])
def test_a_file_without_a_header_is_refused_without_its_first_row(row: str, tmp_path: Path) -> None:
    """Its first row would be the names of the columns, and those are suggested elsewhere."""
    from ldresearch import sources

    file = tmp_path / "clicks.csv"
    Path(f"{file}.toml").write_text(
        '[[feed]]\ntable = "event"\n[feed.columns]\nperson_id = "who"\noccurred_at = "when"\n'
        'verb = { value = "view" }\nsource = { value = "lms" }\n'
    )
    file.write_text(f"{row}\n{row}\n")
    with pytest.raises(LdresearchError) as refused:
        sources.ingest("tabular", file, tmp_path / "d", key=KEY)
    assert "Canary" not in str(refused.value)


@pytest.mark.slow
def test_no_canary_on_the_command_line(
    canaries: tuple[Dataset, tuple[bytes, ...]], tmp_path: Path
) -> None:
    """A real process: ingest, forget and doctor, with a secret in the environment."""
    _, words = canaries
    file = tmp_path / "in" / "clicks.csv"
    file.parent.mkdir()
    rows = [f"Canary.p{i}@birds.example,2024-01-{1 + i % 28:02}T09:00:00Z" for i in range(40)]
    rows += ["Canary.bad@birds.example,Zsofia Canaryova"]
    file.write_text("\n".join(["who,when", *rows]) + "\n", encoding="utf-8")
    Path(f"{file}.toml").write_text(
        '[[feed]]\ntable = "event"\n[feed.columns]\nperson_id = "who"\noccurred_at = "when"\n'
        'verb = { value = "view" }\nsource = { value = "lms" }\n'
    )
    key = tmp_path / "own.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    out = tmp_path / "out" / "d"
    program = [sys.executable, "-c", "from ldresearch.cli import main; main()"]
    calls = [
        ["ingest", "tabular", str(file), "--out", str(out), "--client", "ours", "--key-file",
         str(key)],
        ["forget", "-", "--data", str(out), "--key-file", str(key), "--runs", str(tmp_path / "r")],
        ["doctor", "--data", str(out), "--json"],
        ["run", "20_adoption", "--data", str(out), "--as-of", AS_OF, "-p",
         "unit=" + "nobody", "-p", f"windw={SECRET}"],
    ]  # fmt: skip
    said = []
    for call in calls:
        done = subprocess.run(
            [*program, *call], input=b"Canary.p7@birds.example\n", capture_output=True, check=False,
            env=dict(os.environ, LDR_DATABASE_URL=SECRET, HOME=str(tmp_path)),
        )  # fmt: skip
        said.append(done.stdout + done.stderr)
    assert b"40 of 41 rows kept" in said[0]
    assert b"taken out" in said[1]
    search("ingest, forget, doctor", b"".join(said[:3]), words)
    assert b"windw" in said[3]
    look_through(tmp_path / "out", words, but=())


def test_no_canary_in_what_the_other_commands_say(
    canaries: tuple[Dataset, tuple[bytes, ...]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings, keys, plans and checks, also where an id was typed in the wrong place."""
    from ldresearch.cli import main
    from ldresearch.privacy.pseudonym import key_file
    from ldresearch.sources import key_store

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LDR_DATABASE_URL", SECRET)
    dataset, words = canaries
    key = key_file("text", key_store())
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_text(KEY.hex())
    key.chmod(0o600)
    plan = tmp_path / "plan.toml"
    plan.write_text(f'name = "{NAME}"\nwho = ["Canary.p0001@Birds.example"]\n')
    people = tmp_path / "people.csv"
    rows = [f"Canary.p{i}@birds.example,2020-01-01,{NAME}" for i in range(40)]
    people.write_text("\n".join(["Employee ID,Hire Date,Job Title", *rows]) + "\n")
    settings = tmp_path / "about.toml"
    settings.write_text('contact = "The works council"\nkey = "x"\n')
    data, out, runs = str(dataset.path), str(tmp_path / "o"), str(tmp_path / "r")
    calls = (
        ["init", str(tmp_path / "study")],
        ["about", "--data", data, "--out", out, "--dpia", str(tmp_path / "dpia.md")],
        ["about", "--data", data, "--out", out, "--settings", str(settings)],
        ["about", "--template"],
        ["keys", "list"],
        ["keys", "rotate", "text"],
        ["keys", "list"],
        ["doctor", "--data", data, "--out", out, "--runs", runs, "--json"],
        ["plan", "check", str(plan), "--data", data],
        ["monitor", str(plan), "--data", data, "--out", out, "--runs", runs],
        ["verify", "no-such-run", "--runs", runs],
        ["prune", "--older-than", "1", "--runs", runs],
        ["index", "--out", out],
        ["ingest", "hris", data, "--out", str(tmp_path / "new")],
        ["ingest", "hris", str(people), "--out", str(tmp_path / "hr"), "--client", "ours"],
        ["forget", "-", "--data", str(tmp_path / "hr"), "--runs", runs],
        ["doctor", "--data", str(tmp_path / "hr")],
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("Canary.p7@birds.example\n"))
    codes = {}
    for call in calls:
        with pytest.raises(SystemExit) as ended:
            main(call)
        said = capfd.readouterr()
        search(" ".join(call[:2]), (said.out + said.err).encode(), words)
        assert "Traceback" not in said.err
        codes[" ".join(call[:2])] = ended.value.code
    assert codes["init " + str(tmp_path / "study")] in (0, None)
    assert codes["keys rotate"] in (0, None)
    assert codes["keys list"] in (0, None)
    kept = [p.name for p in key.parent.iterdir()]
    assert {p.rsplit(".")[-1] for p in kept} >= {"key", "retired"}
    assert codes["forget -"] in (0, None)
    look_through(tmp_path, words, but=("plan.toml", "people.csv", "person.parquet", *kept))
