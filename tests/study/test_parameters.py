"""Parameters are checked where the notebook runs: bare papermill and schedulers know no better."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldresearch import parameters
from ldresearch.errors import ParameterError

DECLARED = (
    'as_of = "2025-07-01"  # day\nwindow_days = 60  # days\nshare = 0.5  # s\nfull = True  # f'
)


def test_declared_and_injected_are_told_apart() -> None:
    cells = ["import ldresearch as ldr", DECLARED, "# Parameters\nwindow_days = 30\nas_off = 'x'\n"]
    own, injected = parameters.executed(cells)
    assert list(own) == ["as_of", "window_days", "share", "full"]
    assert injected == {"window_days": 30, "as_off": "x"}
    with pytest.raises(ParameterError, match=r"as_off.*did you mean as_of\?"):
        parameters.resolve(own, injected)


def test_running_the_parameters_cell_again_forgets_what_was_injected() -> None:
    own, injected = parameters.executed([DECLARED, "# Parameters\nwindow_days = 30", DECLARED])
    assert injected == {}
    assert own["window_days"].default == 60


@pytest.mark.parametrize("cell", ["window_days = 30\nas_off = 'x'", "as_off = 'x'"])
def test_a_cell_injected_without_a_mark_is_one_too(cell: str) -> None:
    own, injected = parameters.executed([DECLARED, cell])
    assert list(own) == ["as_of", "window_days", "share", "full"]
    with pytest.raises(ParameterError, match=r"as_off.*did you mean as_of\?"):
        parameters.resolve(own, injected)


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30), (" 30 ", 30), ("007", 7)],
)
def test_a_scheduler_hands_over_text(text: str, value: int) -> None:
    assert parameters.resolve(parameters.declared(DECLARED), {"window_days": text}) == {
        "as_of": "2025-07-01", "window_days": value, "share": 0.5, "full": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "bad", ["1_000", "1e3", "٣", "", "nan", "30.0", 30.0, True, None, [30], float("inf")]
)
def test_nothing_is_guessed_for_a_whole_number(bad: Any) -> None:
    with pytest.raises(ParameterError, match="whole number"):
        parameters.resolve(parameters.declared(DECLARED), {"window_days": bad})


@pytest.mark.parametrize(("text", "value"), [("no", False), ("True", True), ("0", False)])
def test_truth_is_read_from_words(text: str, value: bool) -> None:
    assert parameters.resolve(parameters.declared(DECLARED), {"full": text})["full"] is value


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r")))
def test_any_text_survives_the_way_papermill_takes(text: str) -> None:
    from papermill.translators import PythonTranslator

    cell = PythonTranslator.codify({"as_of": text})
    own, injected = parameters.executed([DECLARED, cell])
    assert injected["as_of"] == text
    assert ast.parse(cell)
    assert parameters.resolve(own, injected)["as_of"] == text
