"""The models of the journey on plain frames."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from ldresearch.models import _two_shares, journey
from ldresearch.privacy import publish
from ldresearch.result import Rules
from ldresearch.vocabulary import Family


def weeks(n: int = 800, slope: float = 1.0, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=n, freq="8h").normalize()
    x = rng.integers(1, 6, n).astype(float)
    stayed = rng.random(n) < 1 / (1 + np.exp(-slope * (x - 3)))
    return pd.DataFrame({"person_key": range(n), "first_on": days, "stayed": stayed, "x": x,
                         "known_on": days + pd.Timedelta(days=60), "flat": 1.0})  # fmt: skip


def test_the_area_and_the_error_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    stayed = (rng.random(300) < 0.4).astype(float)
    expected = np.round(np.clip(0.4 + 0.2 * stayed + rng.normal(0, 0.2, 300), 0.01, 0.99), 1)
    area, low, high = journey._auc(stayed, expected)
    assert area == pytest.approx(roc_auc_score(stayed, expected))
    assert low < area < high <= 1
    gain, _, _ = journey._gain(stayed, expected, 0.4)
    plain = brier_score_loss(stayed, np.full(300, 0.4))
    assert gain == pytest.approx(1 - brier_score_loss(stayed, expected) / plain)


def test_the_interval_of_the_area_is_delongs() -> None:
    # Hanley & McNeil's ranking by hand: 3 up, 2 down, one pair of six lost.
    area, low, high = journey._auc(np.array([1, 1, 1, 0, 0.0]), np.array([0.9, 0.8, 0.3, 0.4, 0.1]))
    assert area == pytest.approx(5 / 6)
    variance = np.var([1, 1, 0.5], ddof=1) / 3 + np.var([2 / 3, 1], ddof=1) / 2
    logit = math.log(5)
    half = 1.959964 * math.sqrt(variance) / (5 / 36)
    assert low == pytest.approx(1 / (1 + math.exp(half - logit)), abs=1e-5)
    assert high == pytest.approx(1 / (1 + math.exp(-half - logit)), abs=1e-5)


def test_nobody_is_learned_from_whose_end_was_not_known() -> None:
    frame = weeks()
    earlier, later = journey.split(frame)
    assert earlier["known_on"].max() < later["first_on"].min()
    assert len(later) == pytest.approx(0.3 * len(frame), abs=3)
    assert not set(earlier["person_key"]) & set(later["person_key"])


def test_what_comes_after_the_cut_changes_nothing_that_was_learned() -> None:
    frame = weeks()
    _, later = journey.split(frame)
    other = frame.copy()
    other.loc[later.index, "stayed"] = ~other.loc[later.index, "stayed"]
    one, two = (journey.beginnings(f, ["x"]) for f in (frame, other))
    assert one.frame["expected"].tolist() == two.frame["expected"].tolist()
    assert two.parameters["verdict"] == "no evidence"
    assert two.estimate("beginning_auc").value == pytest.approx(
        1 - one.estimate("beginning_auc").value
    )


def test_a_feature_that_is_the_same_for_all_is_left_out() -> None:
    with_it = journey.beginnings(weeks(), ["x", "flat"])
    assert with_it.parameters["n_features"] == 1
    assert journey.beginnings(weeks(), ["flat"]).is_empty


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (weeks().iloc[:0], "nobody can be followed"),
        (weeks(1), "0 people can be followed to learn from"),
        (weeks(120), "it takes 50"),
        (weeks().assign(stayed=True), "on the rarer side"),
    ],
    ids=["empty", "one", "few", "all stayed"],
)
def test_too_few_is_said(frame: pd.DataFrame, said: str) -> None:
    assert said in journey.beginnings(frame, ["x"]).missing
    assert said in journey.habits(frame, ["x"]).missing


def test_a_behaviour_is_cut_by_the_earlier_people() -> None:
    found = journey.habits(weeks(), ["x"])
    [row] = found.frame.to_dict("records")
    assert row["at_least"] == 4.0
    assert row["standing"] == "more"
    _, later = journey.split(weeks())
    did = later[later["x"] >= 4]
    assert row["n"] == len(did)
    assert row["share"] == pytest.approx(did["stayed"].mean())


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_newcombe_at_95_percent_is_the_shared_one(n: int, m: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    wide = journey.newcombe(a, n, b, m, 1.959963984540054)
    assert wide == pytest.approx(_two_shares.newcombe(a, n, b, m), abs=1e-9)
    assert wide[0] - 1e-9 <= a / n - b / m <= wide[1] + 1e-9


def test_a_group_is_not_held_against_too_few() -> None:
    frame = pd.DataFrame({"group": ["A", "B"], "step": "activated", "order": 1,
                          "n_reached": [80, 3], "n_of": [100, 6]})  # fmt: skip
    assert journey.drop_off(frame, k=10).frame["group"].tolist() == ["B"]
    shown = publish(journey.drop_off(frame, k=10), Rules()).frame
    assert shown["share"].isna().all()  # and B itself is hidden
    alone = frame.iloc[:1]
    assert "no two groups" in journey.drop_off(alone).missing


def test_step_times_are_one_less_the_survival_curve() -> None:
    frame = pd.DataFrame({"step": ["again"] * 4 + ["gained"], "duration": [2.0, 3, 3, 5, 9],
                          "event": [True, True, False, True, False]})  # fmt: skip
    found = journey.step_times(frame)
    assert set(found.frame["group"]) == {"again"}  # a step nobody took has no curve
    known = found.frame.dropna()  # where all have taken it the log-log interval has no ends
    assert (known["low"] <= known["taken"]).all()
    assert (known["taken"] <= known["high"]).all()
    assert "any of the steps yet" in journey.step_times(frame.assign(event=False)).missing


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(1, 20))
def test_no_path_and_no_rest_of_few_people_is_shown(counts: list[int], k: int) -> None:
    frame = pd.DataFrame({"path": [f"p{i:02d}" for i in range(len(counts))], "n_steps": 1,
                          "n_persons": counts})  # fmt: skip
    found = journey.paths(frame, least=5, k=k)
    if found.is_empty:
        return
    assert found.frame["n_reached"].min() >= k
    assert found.frame["n_reached"].sum() == sum(counts)
    covered = found.estimate("paths_covered").value
    rest = found.frame[found.frame["path"] == journey.OTHER]["n_reached"].sum()
    assert covered == pytest.approx(1 - rest / sum(counts))


def test_the_weakest_step_is_one_that_everyone_is_meant_to_take() -> None:
    frame = pd.DataFrame({"step": ["eligible", "activated", "stayed", "passed_on"],
                          "order": range(4), "n_reached": [100, 60, 40, 2],
                          "n_of": [100, 100, 50, 40]})  # fmt: skip
    found = journey.funnel(frame)
    assert found.family is Family.RATES
    assert found.parameters["weakest"] == "activated"
    assert found.parameters["absent"] == "informed, gained"
    assert journey.funnel(frame.iloc[:0]).is_empty
