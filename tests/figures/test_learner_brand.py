"""What the page of the learner brand says first."""

from __future__ import annotations

import pandas as pd
import pytest

from ldresearch.models import learner_brand as models
from ldresearch.privacy import publish
from ldresearch.result import Rules
from ldresearch.sentences import learner_brand as sentences
from ldresearch.sentences._headline import Headline

QUARTERS = pd.date_range("2024-01-01", periods=6, freq="QS")


def course(again: list[int], of: int = 500) -> pd.DataFrame:
    """Six quarters in which only what comes again changes, of ``of`` people."""
    return pd.DataFrame(
        {"quarter_on": QUARTERS, "n_learned": 600, "n_voluntary": 570, "n_active": 600,
         "n_passed_on": 120, "n_before": of, "n_again": again}
    )  # fmt: skip


def headline(frame: pd.DataFrame, rules: Rules) -> Headline:
    nothing = publish(models.groups(pd.DataFrame()), rules)
    silent = publish(models.voice(pd.DataFrame()), rules)
    return sentences.headline(publish(models.course(frame), rules), nothing, silent)


@pytest.mark.parametrize("rules", [Rules(public=True), Rules()])
def test_a_fall_since_the_year_before_stands_in_the_finding(rules: Rules) -> None:
    said = headline(course([350, 350, 340, 330, 300, 250]), rules)
    assert said.title.endswith("fewer come again than a year before (50 % against 70 %)")
    assert said.decision.startswith("Find out why fewer come back")


@pytest.mark.parametrize("again", [[350] * 6, [50, 345, 350, 350, 300, 340], [250, *[350] * 5]])
def test_what_chance_or_the_season_makes_is_no_fall(again: list[int]) -> None:
    said = headline(course(again), Rules(public=True))
    assert "fewer" not in said.title
    assert said.decision.startswith("Keep it up")


def test_a_fall_of_few_people_is_not_told() -> None:
    said = headline(course([14, 14, 14, 14, 14, 6], of=20), Rules())
    assert "fewer" not in said.title
