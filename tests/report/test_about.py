"""The page about the reports and the draft assessment: what is known is told, nothing made up."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ldresearch.cli import _run
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError
from ldresearch.ingest import write
from ldresearch.report import about
from ldresearch.result import Rules
from ldresearch.run import about as filling
from ldresearch.worlds.tables import KEY, from_text

EVENTS = "person_id | occurred_at | verb\nada | 2024-01-03 | view\nben | 2024-01-03 | view"
ANSWERS = {name: f"Answer about {name}" for name in about.SETTINGS}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write({"event": from_text(EVENTS)}, tmp_path / "d", client="ours", key=KEY)


def answered(folder: Path, **answers: str) -> Path:
    file = folder / "about.toml"
    file.write_text("".join(f'{k} = "{v}"\n' for k, v in answers.items()))
    return file


def test_what_nobody_filled_in_says_so(dataset: Dataset) -> None:
    subject = filling.subject([dataset])
    html, text = about.page(subject), about.assessment(subject)
    assert html.count("not filled in yet") >= 8
    assert "10\u00a0answers are" in html or "10 answers are" in html
    assert text.count("not filled in yet") == len(about.SETTINGS) + 1
    assert "What a learner did" in html
    assert "`event`" in text


def test_what_is_filled_in_stands_there(dataset: Dataset) -> None:
    answered(dataset.path, **ANSWERS)
    subject = filling.subject([dataset])
    html, text = about.page(subject), about.assessment(subject)
    assert "not filled in yet" not in html
    assert "Draft" not in html
    assert text.count("not filled in yet") == 1
    for name in about.SETTINGS:
        assert f"Answer about {name}" in html + text, name
        assert f"Answer about {name.replace('_', chr(92) + '_')}" in text or name in html


def test_the_rules_in_force_are_those_of_the_data(dataset: Dataset, tmp_path: Path) -> None:
    subject = filling.subject([dataset])
    assert "fewer than 12" in about.page(subject, Rules(k=12)).replace("\u00a0", " ")
    public = write({"event": from_text(EVENTS)}, tmp_path / "p", client="p", key=KEY, public=True)
    html = about.page(filling.subject([public]))
    assert "published or made up" in html
    assert "fewer than" not in html


def test_no_person_is_counted_exactly(dataset: Dataset) -> None:
    assert re.search(r"\babout 0 people\b", about.assessment(filling.subject([dataset])))


def test_the_intended_use_is_said(dataset: Dataset) -> None:
    html = about.page(filling.subject([dataset]))
    for said in (*about.MAY, *about.MAY_NOT):
        assert said.split(",")[0][:30] in html


def test_the_template_can_be_read(tmp_path: Path) -> None:
    found = tomllib.loads(about.template())
    assert list(found) == list(about.SETTINGS)
    assert about.checked(found) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('contcat = "x"', "did you mean contact"),
        ("contact = 3", "not a text"),
        ("contact = ", "cannot be read"),
        ('contact = "' + "x" * 3000 + '"', "not a text"),
        ('contact = "a"\ncontact = "b"', "cannot be read"),
    ],
)
def test_a_slip_in_the_settings_is_one_sentence(
    text: str, said: str, dataset: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=said):
        filling.subject([dataset], file)


def test_written_once_and_the_same_again(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["about", "--data", str(dataset.path), "--out", str(tmp_path / "r")]
    assert _run([*words, "--dpia", str(tmp_path / "dpia.md")], debug=False) == 0
    page, draft = map(Path, capsys.readouterr().out.split())
    assert page == tmp_path / "r" / "ours" / "about.html"
    before = page.stat().st_mtime_ns
    assert draft.read_text().startswith("# Data protection impact assessment")
    assert _run(words, debug=False) == 0
    assert page.stat().st_mtime_ns == before
    assert _run(["about"], debug=False) == 2
    assert _run(["about", "--template"], debug=False) == 0
