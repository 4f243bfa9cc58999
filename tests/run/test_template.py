"""A notebook before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from ldresearch.errors import ParameterError
from ldresearch.run.template import Template


def notebook(folder: Path, *cells: tuple[str, str]) -> Path:
    made = nbformat.v4.new_notebook()
    for tag, source in cells:
        made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}))
    path = folder / "99_made.ipynb"
    nbformat.write(made, path)
    return path


def test_is_found_by_name_stem_or_path(root: Path) -> None:
    by_name = Template.find("20_adoption")
    assert by_name == Template.find("adoption")
    assert by_name == Template.find(str(root / "notebooks" / "20_adoption.ipynb"))


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean 20_adoption"):
        Template.find("20_adoptoin")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"windw_days": 30}, "did you mean window_days"),
        ({"window_days": "soon"}, "whole number"),
        ({"window_days": 30.5}, "whole number"),
        ({"window_days": True}, "whole number"),
        ({"window_days": 0}, "out of range"),
        ({"window_days": float("nan")}, "whole number"),
        ({"assigned": "maybe"}, "self_started"),
        ({"x=1;print('no')": 1}, "no such parameter"),
        ({"unit": ("a",)}, "text"),
    ],
)
def test_a_bad_parameter_never_starts_a_kernel(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Template.find("20_adoption").resolve(given)


@pytest.mark.parametrize("text", ["007", "Ünit 'x' \"y\"\\n", "NO", "12:30", "{brace}", "$5"])
def test_text_stays_text(text: str) -> None:
    assert Template.find("20_adoption").resolve({"unit": text})["unit"] == text


def test_parameters_come_before_their_use(tmp_path: Path) -> None:
    path = notebook(tmp_path, ("data", "print(as_of)"), ("parameters", 'as_of = "2025-01-01"  # d'))
    with pytest.raises(ParameterError, match="before it is declared"):
        Template.find(str(path)).declared  # noqa: B018


@pytest.mark.parametrize("source", ["as_of = today()", "import os", "a = b = 1", "x: int = 3"])
def test_the_parameters_cell_holds_literals_only(source: str, tmp_path: Path) -> None:
    path = notebook(tmp_path, ("parameters", source))
    with pytest.raises(ParameterError, match="literals"):
        Template.find(str(path)).declared  # noqa: B018


def test_there_is_exactly_one_parameters_cell(tmp_path: Path) -> None:
    path = notebook(tmp_path, ("parameters", "a = 1  # a"), ("parameters", "b = 1  # b"))
    with pytest.raises(ParameterError, match="exactly one"):
        Template.find(str(path)).declared  # noqa: B018
