"""What JupyterLab shows of each object: escaped, short, in its own colours."""

from __future__ import annotations

import pandas as pd
import pytest

from ldresearch import models, publish
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import Family, Role
from ldresearch.worlds.tables import log

HOSTILE = "<script>alert(1)</script>"
EVENT = """
    person_id | occurred_at | verb
    ada       | 2024-01-03  | complete
    ben       | 2024-01-04  | view
"""
PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2024-01-01    | 2024-01-01 | Sales
    ben       | 2024-01-01    | 2024-01-01 | Lab
"""


def result(n_rows: int = 3) -> Result:
    frame = pd.DataFrame({"unit": [HOSTILE] * n_rows, "n": [40] * n_rows})
    return Result("people", Family.COUNTS, frame, {"unit": Role.KEY, "n": Role.N})


def test_a_log_says_as_of_when_for_whom_and_what_there_is() -> None:
    whole = log({"person": PERSON, "event": EVENT}, as_of="2024-02-01")
    shown = whole.where(unit="Sales")._repr_html_()
    for told in ("2024-02-01", "Sales", "event", "unit is Sales", "not for distribution"):
        assert told in shown
    assert repr(whole.where(unit="Sales")).endswith("as of 2024-02-01, unit Sales)")


def test_a_dataset_says_what_it_holds() -> None:
    shown = log({"person": PERSON, "event": EVENT}, as_of="2024-02-01").dataset._repr_html_()
    assert "persons" in shown
    assert "activity_day" in shown


def test_a_result_is_private_and_a_published_one_says_its_rules() -> None:
    assert "not for distribution" in result()._repr_html_()
    shown = publish(result(), Rules(k=12))._repr_html_()
    assert "groups of 12 or more" in shown
    assert "not for distribution" not in shown


@pytest.mark.parametrize("n_rows", [0, 3, 50])
def test_everything_is_escaped_and_long_frames_are_cut(n_rows: int) -> None:
    found = result(n_rows)
    for shown in (
        found._repr_html_(),
        publish(found, Rules(public=True, k=1, base=1))._repr_html_(),
    ):
        assert "<script" not in shown
        assert shown.count("&lt;script") == min(n_rows, 20)
    assert ("30 more rows" in found._repr_html_()) is (n_rows == 50)


def test_not_enough_data_is_shown_as_such() -> None:
    empty = models.survival.kaplan_meier(pd.DataFrame({"duration": [], "event": []}))
    assert "Not enough data" in empty._repr_html_()
    assert "Not enough data" in publish(empty)._repr_html_()


def test_no_colour_is_fixed_so_both_themes_can_be_read() -> None:
    shown = result()._repr_html_()
    assert "--jp-ui-font-color2" in shown
    assert "#" not in shown
