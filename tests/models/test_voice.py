"""What people say, model by model: known numbers, poor data, what weights can and cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import LdresearchError
from ldresearch.models import _raking, voice
from ldresearch.result import Result
from ldresearch.vocabulary import Grade

WAVE = {"wave": 1, "wave_on": pd.Timestamp("2024-05-01")}


def scores(promoters: int, passives: int, detractors: int, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"score": [9] * promoters + [7] * passives + [6] * detractors, **more})


def asked(groups: dict[str, tuple[int, int]], by: str = "unit", **more: Any) -> pd.DataFrame:
    """Those asked and those who answered, by group and of everyone."""
    rows = [(by, g, n, a) for g, (n, a) in groups.items()]
    rows += [("all", "all", sum(n for n, _ in groups.values()),
              sum(a for _, a in groups.values()))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["by", "group", "n_asked", "n_answered"])
    return frame.assign(**{**WAVE, **more})


def answered(groups: dict[str, tuple[int, int]], by: str = "unit") -> pd.DataFrame:
    units = [g for g, (_, a) in groups.items() for _ in range(a)]
    return pd.DataFrame({**WAVE, "response_id": range(len(units)), by: units})


# Net promoter score -------------------------------------------------------------------------


def test_small_populations_narrow_the_interval() -> None:
    whole = scores(90, 60, 50)
    wide = voice.nps(whole).estimate("nps")
    half = voice.nps(whole, population=400).estimate("nps")
    everyone = voice.nps(whole, population=200).estimate("nps")
    assert half.high - half.value == pytest.approx(
        (wide.high - wide.value) * np.sqrt((400 - 200) / 399)
    )
    assert everyone.low == everyone.value == everyone.high
    # Up to 5 % of the population it is not worth it.
    assert voice.nps(whole, population=4000).estimate("nps") == wide


def test_all_of_one_mind_is_not_certain() -> None:
    found = voice.nps(scores(30, 0, 0))
    e = found.estimate("nps")
    assert found.frame["interval"].iloc[0] == "adjusted"
    assert found.frame["raw"].iloc[0] == 100
    assert e.value == pytest.approx(100 * 30 / 33)
    assert e.low < e.value < e.high <= 100
    assert voice.nps(scores(0, 0, 1)).estimate("nps").n == 1


def test_unequal_weights_widen_the_interval() -> None:
    equal = voice.nps(scores(90, 60, 50, weight=2.0)).estimate("nps")
    assert equal == voice.nps(scores(90, 60, 50)).estimate("nps")
    rng = np.random.default_rng(1)
    uneven = voice.nps(scores(90, 60, 50, weight=rng.lognormal(0, 1, 200))).estimate("nps")
    assert uneven.high - uneven.low > 1.2 * (equal.high - equal.low)


def test_the_question_most_people_answered_is_taken_or_the_one_named() -> None:
    one = scores(20, 20, 20, item="course", kind="nps")
    two = scores(40, 20, 20, item="platform", kind="nps")
    both = pd.concat([one, two])
    assert voice.nps(both).parameters["item"] == "platform"
    assert voice.nps(both, item="course").estimate("nps").n == 60
    with pytest.raises(LdresearchError, match="course, platform"):
        voice.nps(both, item="coarse")


@pytest.mark.parametrize("score", [[11], [-1], [float("nan")]])
def test_other_answers_are_refused(score: list[float]) -> None:
    with pytest.raises(LdresearchError):
        voice.nps(pd.DataFrame({"score": score}))


# Change -------------------------------------------------------------------------------------


def test_people_who_answer_twice_are_compared_with_themselves() -> None:
    first = scores(40, 30, 30, **WAVE, person_key=range(100), response_id=range(100))
    second = first.assign(wave=2, wave_on=pd.Timestamp("2024-09-01"))
    same = voice.change(pd.concat([first, second])).estimate("nps_change")
    assert same.value == same.low == same.high == 0
    others = second.assign(person_key=range(100, 200))
    apart = voice.change(pd.concat([first, others])).estimate("nps_change")
    error = np.sqrt(2) * (voice.nps(first).estimate("nps").high - 10)
    assert apart.high == pytest.approx(error)
    assert same.label == "2024-05-01 to 2024-09-01"


def test_one_wave_has_no_change() -> None:
    assert "one wave only" in voice.change(scores(5, 5, 5, **WAVE)).missing


# Weights ------------------------------------------------------------------------------------


def test_weights_meet_the_margins_and_say_what_they_cost() -> None:
    groups = {"A": (100, 60), "B": (200, 30), "C": (100, 30)}
    raked = voice.rake(answered(groups), asked(groups), margins="unit")
    assert raked.members is not None
    weight = raked.members["weight"].groupby(answered(groups)["unit"]).sum()
    assert (weight / weight.sum()).round(6).tolist() == [0.25, 0.5, 0.25]
    row = raked.frame.iloc[0]
    assert row["standing"] == "converged"
    assert row["effective"] == pytest.approx(120 / _raking.design_effect(
        raked.members["weight"].to_numpy(dtype=float)))  # fmt: skip


def test_extreme_weights_are_cut_and_it_is_said() -> None:
    groups = {"A": (200, 190), "B": (900, 10)}
    whole = voice.rake(answered(groups), asked(groups), margins="unit", trim=100)
    cut = voice.rake(answered(groups), asked(groups), margins="unit", trim=3)
    assert whole.frame["standing"].iloc[0] == "converged"
    assert cut.frame["standing"].iloc[0] == "trimmed"
    assert cut.frame["off"].iloc[0] > 1
    assert cut.members is not None
    # Cut before the mean is brought back to 1.
    assert cut.members["weight"].max() / cut.members["weight"].min() <= 9.001
    assert cut.frame["widening"].iloc[0] < whole.frame["widening"].iloc[0]


def test_margins_that_contradict_each_other_weight_nothing() -> None:
    """Everyone of A is young and everyone of B old among the answers, not among those asked."""
    said = pd.DataFrame({**WAVE, "response_id": range(40), "unit": ["A"] * 20 + ["B"] * 20,
                         "level": ["young"] * 20 + ["old"] * 20})  # fmt: skip
    units = asked({"A": (70, 20), "B": (30, 20)})
    levels = asked({"young": (40, 20), "old": (60, 20)}, by="level")
    both = pd.concat([units, levels[levels["by"] == "level"]])
    raked = voice.rake(said, both, margins="unit,level")
    assert raked.frame["standing"].iloc[0] == "contradictory"
    assert raked.members is not None
    assert raked.members["weight"].eq(1).all()
    score = voice.nps(scores(20, 10, 10, **WAVE, response_id=range(40)), weights=raked)
    assert score.estimate("nps").value == 25
    assert score.estimate("nps").grade is Grade.DESCRIPTIVE


def test_small_groups_share_a_weight_and_silent_ones_are_said() -> None:
    groups = {"A": (100, 40), "B": (100, 40), "C": (40, 4), "D": (30, 0)}
    raked = voice.rake(answered(groups), asked(groups), margins="unit")
    assert raked.members is not None
    weight = raked.members["weight"].groupby(answered(groups)["unit"]).first()
    assert weight["C"] != weight["A"] or weight["C"] != weight["B"]
    assert raked.members["weight"].nunique() == 2
    checks = voice.trust(asked(groups), voice.response(asked(groups)), raked, answered(groups))
    silent = checks.frame.set_index("check").loc["silent"]
    assert silent["status"] == "not passed"
    assert silent["value"] == pytest.approx(100 * 30 / 270, abs=0.1)


def test_without_margins_answers_are_not_weighted() -> None:
    groups = {"A": (100, 40), "B": (100, 20)}
    for margins in ("", "level"):
        said = answered(groups).assign(level="Unknown")
        raked = voice.rake(said, asked(groups), margins=margins)
        assert raked.frame["standing"].iloc[0] == "unweighted"
    nobody = asked(groups).assign(n_asked=0)
    assert voice.rake(answered(groups), nobody, margins="unit").frame["widening"].iloc[0] == 1


def test_a_sampling_weight_is_where_raking_starts() -> None:
    groups = {"A": (100, 50), "B": (100, 50)}
    said = answered(groups).assign(weight=[1.0, 3.0] * 50)
    raked = voice.rake(said, asked(groups), margins="unit")
    assert raked.members is not None
    assert raked.members["weight"].round(6).unique().tolist() == [0.5, 1.5]


# Who answers --------------------------------------------------------------------------------


def test_groups_are_told_apart_over_all_of_them() -> None:
    quiet = {f"u{i}": (100, 50) for i in range(18)} | {"low": (100, 38), "lower": (100, 20)}
    found = voice.response(asked(quiet)).frame.set_index("group")["standing"]
    assert found["lower"] == "fewer"
    # Alone it would be called, beside nineteen others it is not.
    assert found["low"] == "in line"
    assert found["u0"] == "in line"


def test_more_answers_than_people_is_no_rate() -> None:
    found = voice.response(asked({"A": (10, 12), "B": (10, 12)}))
    assert "who could have answered is not known" in found.missing


# The others ---------------------------------------------------------------------------------


def test_kano_table_is_kanos() -> None:
    """Every pair of the 5 x 5 table, by its letter."""
    letters = ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]
    for f, row in enumerate(letters, start=1):
        for d, letter in enumerate(row, start=1):
            both = pd.DataFrame({"response_id": [1, 1], "score": [f, d],
                                 "item": ["x:functional", "x:dysfunctional"]})  # fmt: skip
            found = voice.kano(both)
            if letter in "RQ":
                assert found.is_empty
            else:
                assert found.frame["category"].iloc[0] == {
                    "A": "attractive", "O": "one-dimensional", "M": "must-be", "I": "indifferent",
                }[letter]  # fmt: skip


def test_half_a_pair_is_no_answer() -> None:
    half = pd.DataFrame({"response_id": [1, 2], "score": [1, 1], "item": "x:functional"})
    assert "pair" in voice.kano(half).missing


def test_drivers_say_why_there_are_none() -> None:
    few = pd.DataFrame({"kind": "nps", "item": "r", "response_id": [1], "score": [5]})
    assert "no statement" in voice.drivers(few).missing
    n = 100
    rng = np.random.default_rng(1)
    x = rng.integers(1, 6, n)

    def frame(score: Any, **statements: Any) -> pd.DataFrame:
        parts = [("nps", "r", score), *(("likert", k, v) for k, v in statements.items())]
        columns = ("kind", "item", "score")
        each = (dict(zip(columns, part, strict=True)) for part in parts)
        return pd.concat([pd.DataFrame({**one, "response_id": range(n)}) for one in each])

    assert "same answer" in voice.drivers(frame(5, a=x)).missing
    assert "alike" in voice.drivers(frame(x, a=x, b=x)).missing
    constant = voice.drivers(frame(x + rng.integers(0, 3, n), a=x, b=3))
    assert constant.parameters["dropped"] == "b"
    small = frame(x, a=x).query("response_id < 20")
    assert "it takes 50" in voice.drivers(small).missing


def test_too_few_on_a_side_are_not_compared() -> None:
    frame = scores(40, 10, 9, before=0.0, after=1.0)
    assert "not 10 each" in voice.behaviour(frame).missing
    alike = voice.behaviour(scores(10, 0, 10, before=0.0, after=1.0)).estimate("voice_gap")
    assert (alike.value, alike.low, alike.high, alike.n) == (0, 0, 0, 10)


@pytest.mark.parametrize(
    "found",
    [
        voice.response(pd.DataFrame()), voice.rake(pd.DataFrame(), pd.DataFrame()),
        voice.nps(pd.DataFrame()), voice.change(pd.DataFrame()), voice.pmf(pd.DataFrame()),
        voice.likert(pd.DataFrame()), voice.kano(pd.DataFrame()), voice.drivers(pd.DataFrame()),
        voice.behaviour(pd.DataFrame()), voice.pmf(pd.DataFrame({"value": ["gone"]})),
    ],
    ids=lambda found: found.name,
)  # fmt: skip
def test_nothing_is_a_result_with_a_reason(found: Result) -> None:
    assert found.is_empty
    assert len(found.missing) > 10
