"""Own rules: read as written, and refused in one sentence that says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ldresearch.errors import ParameterError
from ldresearch.models.segments import usage
from ldresearch.segment_rules import parse, read

OWN = """
[[segment]]
name = "evening learners"
says = "an hour a week, on few days"
when.minutes_a_week.at_least = 60
when.active_days.less_than = 24

[[segment]]
name = "everyone else"
"""


def test_own_rules_sort_people(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    rules = read(str(file))
    assert rules.names == ("evening learners", "everyone else")
    assert not rules.is_preset
    frame = pd.DataFrame(
        {"minutes_a_week": [59.9, 60.0, 80.0] * 10, "active_days": [5, 23, 24] * 10}
    )
    found = usage(frame, rules)
    assert found.frame["n_in"].tolist() == [10, 20]
    assert found.frame["says"].tolist() == ["an hour a week, on few days", "everyone else"]


def test_renamed_segments_hold_the_same_people() -> None:
    frame = pd.DataFrame({"minutes_a_week": range(0, 120, 3), "active_days": 5})
    one = usage(frame, parse(OWN)).members
    two = usage(frame, parse(OWN.replace("evening learners", "owls"))).members
    assert one is not None and two is not None  # noqa: PT018
    renamed = one["segment"].replace({"evening learners": "owls"})
    pd.testing.assert_series_equal(renamed, two["segment"])


def test_what_is_missing_fits_no_condition() -> None:
    rules = parse(
        '[[segment]]\nname = "lately"\nwhen.silent_days.at_most = 9\n[[segment]]\nname = "rest"'
    )
    frame = pd.DataFrame({"silent_days": [3.0, None] * 15})
    assert usage(frame, rules).frame["n_in"].tolist() == [15, 15]


LAST = '[[segment]]\nname = "rest"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "no TOML"),
        ("", "no segments"),
        ("segment = 3", "no segments"),
        ("segments = []", "no such key (got 'segments'). Do: did you mean segment?"),
        ('[[segment]]\nname = "a"\nwhen.active_week.at_least = 1\n' + LAST,
         "segment 1: when: no such key (got 'active_week'). Do: did you mean active_weeks?"),
        ('[[segment]]\nname = "a"\nwhen.active_weeks.atleast = 1\n' + LAST, "mean at_least?"),
        ('[[segment]]\nname = "a"\nwhen.active_weeks = 9\n' + LAST, "needs a comparison"),
        ('[[segment]]\nname = "a"\nwhen.active_weeks.at_least = "9"\n' + LAST, "no number"),
        ('[[segment]]\nname = "a"\nwhen.active_weeks.at_least = true\n' + LAST, "no number"),
        ('[[segment]]\nname = "a"\nwhen = 3\n' + LAST, "conditions are"),
        ('[[segment]]\nname = "a"\n' + LAST, "only the last segment may be without conditions"),
        ('[[segment]]\nname = "a"\nwhen.actions.at_least = 1\n', "nothing takes those"),
        ('[[segment]]\nname = "Rest"\nwhen.actions.at_least = 1\n' + LAST, "another segment has"),
        ("[[segment]]\nname = 3\n", "a text is needed"),
        (f'[[segment]]\nname = "{"a" * 25}"\n', "too long"),
        (('[[segment]]\nname = "x"\nwhen.actions.at_least = 1\n' * 9) + LAST, "too many segments"),
    ],
)  # fmt: skip
def test_a_fault_is_one_clear_sentence(text: str, said: str) -> None:
    with pytest.raises(ParameterError) as error:
        parse(text, "own.toml")
    told = str(error.value)
    assert told.startswith("own.toml")
    assert said in told
    assert "\n" not in told


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such file of rules"):
        read(str(tmp_path / "none.toml"))
    with pytest.raises(ParameterError, match="may not lead out of the data folder"):
        read("../own.toml")
    (tmp_path / "big.toml").write_text("#" * 100_001)
    with pytest.raises(ParameterError, match="too large"):
        read(str(tmp_path / "big.toml"))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ParameterError, match="UTF-8"):
        read(str(tmp_path / "latin.toml"))
