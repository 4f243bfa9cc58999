"""Properties of survival models, and what they say when there is too little."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_rossi

from ldresearch.errors import DataError
from ldresearch.models import _cox, survival
from ldresearch.models._frame import folded

MODELS = [
    lambda f: survival.kaplan_meier(f),
    lambda f: survival.kaplan_meier(f, by="unit"),
    lambda f: survival.cumulative_incidence(f.assign(event=f["event"].map({True: "x"}))),
    lambda f: survival.rmst(f, by="unit", horizon=30),
    lambda f: survival.logrank(f, by="unit"),
    lambda f: survival.cox(f, ["unit"]),
    lambda f: survival.proportional_hazards(f, ["unit"]),
    lambda f: survival.aft(f, ["unit"]),
    lambda f: survival.mean_cumulative(f),
]


def spells(n: int, *, ended: float = 0.7, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person_key": np.arange(n),
            "duration": rng.integers(1, 60, n).astype(float),
            "event": rng.random(n) < ended,
            "unit": rng.choice(["a", "b"], n),
        }
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "frame",
    [spells(0), spells(1), spells(50, ended=0.0), spells(50).assign(unit="a"),
     spells(40).assign(duration=7.0)],
    ids=["empty", "one person", "all censored", "one group", "one time"],
)  # fmt: skip
def test_too_little_is_a_result_not_a_crash(model, frame: pd.DataFrame) -> None:
    result = model(frame)
    assert result.is_empty == result.frame.empty
    if result.is_empty:
        assert result.missing
        assert not result.missing.endswith(".")


@given(
    st.lists(
        st.tuples(st.integers(1, 20), st.booleans(), st.integers(0, 5)), min_size=1, max_size=40
    )
)
@settings(max_examples=60, deadline=None)
def test_curve_equals_lifelines_and_expansion(rows: list[tuple[int, bool, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["duration", "event", "weight"])
    frame["weight"] += 1
    expanded = frame.loc[frame.index.repeat(frame["weight"])].drop(columns="weight")
    own = survival.kaplan_meier(frame).frame
    whole = survival.kaplan_meier(expanded).frame
    pd.testing.assert_frame_equal(own, whole)
    theirs = KaplanMeierFitter().fit(expanded["duration"], expanded["event"])
    curve = theirs.survival_function_["KM_estimate"].reindex(own["time"])
    np.testing.assert_allclose(own["survival"], curve, atol=1e-12)
    assert own["survival"].is_monotonic_decreasing


def test_row_order_does_not_matter() -> None:
    frame = spells(200)
    shuffled = frame.sample(frac=1, random_state=1)
    for model in MODELS:
        pd.testing.assert_frame_equal(model(frame).frame, model(shuffled).frame)


def test_weighted_cox_is_the_expanded_cox() -> None:
    rossi = load_rossi()
    frame = rossi.assign(duration=rossi["week"], event=rossi["arrest"] == 1)
    frame = frame[["duration", "event", "fin", "paro", "mar"]]
    folded = frame.groupby(list(frame.columns), as_index=False).size()
    folded = folded.rename(columns={"size": "weight"})
    one = survival.cox(frame, ["fin", "paro", "mar"]).frame
    two = survival.cox(folded, ["fin", "paro", "mar"]).frame
    assert len(folded) < len(frame)
    np.testing.assert_allclose(one["coefficient"], two["coefficient"], atol=1e-10)
    np.testing.assert_allclose(one["se"], two["se"], atol=1e-10)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.031, 0.029, 1e-3, 1e-6])
def test_many_ties_sum_as_if_written_out(share: float) -> None:
    size = np.array([3, 63, 64, 200, 5_000])
    died = np.random.default_rng(0).uniform(0.5, 2, len(size)) * size
    there = died / share * (1 + 1e-12)
    wanted = _cox._written_out(size, there, died)
    found = _cox._efron_sums(size.astype(float), there, died)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("late", [False, True])
def test_spells_folded_by_pattern_give_the_sums_over_rows(late: bool) -> None:
    frame = spells(3_000, ended=0.9).assign(level=lambda f: f["person_key"] % 5)
    frame["duration"] = np.ceil(frame["duration"] / 12)
    if late:
        frame["entry"] = np.where(frame["person_key"] % 3 == 0, frame["duration"] - 1, 0)
    small = folded(frame, [c for c in frame if c != "person_key"])
    assert len(small) < len(frame) / 10
    x = np.column_stack([frame["unit"] == "b", frame["level"]]).astype(float)
    entry = frame["entry"].to_numpy(dtype=float) if late else None
    data = _cox._prepare(
        x, frame["duration"].to_numpy(), frame["event"].to_numpy(), np.ones(len(frame)), entry
    )
    beta = np.array([0.3, -0.1])
    gridded = _cox._gridded(data)
    assert gridded.grid is not None
    for one, other in zip(
        _cox._derivatives(gridded, beta), _cox._derivatives(data, beta), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    whole, part = survival.cox(frame, ["unit", "level"]), survival.cox(small, ["unit", "level"])
    for column in ("coefficient", "se", "n"):
        np.testing.assert_allclose(whole.frame[column], part.frame[column], rtol=1e-9)


def test_rare_levels_are_counted_by_weight() -> None:
    frame = spells(300).assign(event=True)
    frame["unit"] = np.where(frame["person_key"] % 10 == 0, "c", frame["unit"])
    frame["duration"] = np.ceil(frame["duration"] / 20)
    small = folded(frame, ["duration", "event", "unit"])
    assert len(small) < 12
    whole, part = survival.cox(frame, ["unit"]), survival.cox(small, ["unit"])
    assert whole.frame["term"].tolist() == part.frame["term"].tolist()
    assert dict(whole.parameters)["unit: reference"] == dict(part.parameters)["unit: reference"]


def test_a_median_that_is_not_reached_is_infinite() -> None:
    frame = pd.DataFrame({"duration": [1.0, 5, 5, 5], "event": [True, False, False, False]})
    assert survival.kaplan_meier(frame).estimates[0].value == math.inf


def test_no_restricted_mean_beyond_follow_up() -> None:
    frame = spells(200)
    result = survival.rmst(frame, by="unit", horizon=1000)
    assert result.parameters["horizon"] < 60
    assert result.frame["rmst"].max() < 60


@pytest.mark.parametrize(
    "broken",
    [
        {"event": [1, 2]}, {"event": [1, -1]}, {"event": ["yes", "no"]},
        {"duration": [-1.0, 2]}, {"duration": [np.nan, 2]}, {"duration": [np.inf, 2]},
        {"duration": pd.to_timedelta(["1D", "2D"])},
    ],
    ids=["coded 1/2", "coded -1", "text", "negative", "missing", "infinite", "time difference"],
)  # fmt: skip
def test_bad_input_is_one_sentence(broken: dict[str, object]) -> None:
    frame = pd.DataFrame({"duration": [1.0, 2.0], "event": [True, False]}).assign(**broken)
    with pytest.raises(DataError, match="kaplan_meier"):
        survival.kaplan_meier(frame)


def test_missing_groups_are_named() -> None:
    frame = spells(40).assign(unit=["a", None] * 20)
    assert set(survival.kaplan_meier(frame, by="unit").frame["group"]) == {"a", "Unknown"}


def test_separation_is_named_not_estimated() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat([0.0, 1.0], 100)
    frame = pd.DataFrame({"duration": rng.integers(1, 30, 200), "event": x == 1, "x": x})
    assert "x separates" in survival.cox(frame, ["x"]).missing


def test_recurrence_variance_equals_the_double_sum() -> None:
    """Lawless & Nadeau 1995, written out person by person."""
    rng = np.random.default_rng(3)
    rows = []
    for person in range(25):
        end = int(rng.integers(5, 30))
        times = np.unique(rng.integers(1, end + 1, rng.integers(0, 5)))
        rows += [(person, float(t), True) for t in times] + [(person, float(end), False)]
    frame = pd.DataFrame(rows, columns=["person_key", "duration", "event"])
    found = survival.mean_cumulative(frame).frame.set_index("time")
    times = found.index.to_numpy()
    end = frame.groupby("person_key")["duration"].max()
    at_risk = np.array([(end >= t).sum() for t in times])
    step = np.array([(frame["event"] & (frame["duration"] == t)).sum() for t in times]) / at_risk
    total = np.zeros(len(times))
    for person, part in frame.groupby("person_key"):
        own = np.array([(part["event"] & (part["duration"] == t)).sum() for t in times])
        there = (times <= end[person]).astype(float)
        total += np.cumsum((own - there * step) / at_risk) ** 2
    np.testing.assert_allclose(found["se"], np.sqrt(total), atol=1e-12)


def test_intervals_cover() -> None:
    """95 % intervals of S(20) and of RMST(20) under an exponential law, 400 samples."""
    rng = np.random.default_rng(5)
    truth_s, truth_m = math.exp(-1), 20 * (1 - math.exp(-1))
    inside = np.zeros(2)
    for _ in range(400):
        life, end = rng.exponential(20, 120), rng.uniform(10, 60, 120)
        frame = pd.DataFrame({"duration": np.minimum(life, end), "event": life <= end})
        at = survival.kaplan_meier(frame, at=[20]).estimates[1]
        mean = survival.rmst(frame, horizon=20).estimates[0]
        inside += [at.low <= truth_s <= at.high, mean.low <= truth_m <= mean.high]
    assert (np.abs(inside / 400 - 0.95) < 0.03).all()
