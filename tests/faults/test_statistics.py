"""Where statistics silently go wrong (cases.toml, E)."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError
from ldresearch.models import _stability, rates, survival

TAKES = {
    "kaplan_meier": lambda f: survival.kaplan_meier(f),
    "rmst": lambda f: survival.rmst(f, by="unit", horizon=30),
    "logrank": lambda f: survival.logrank(f, by="unit"),
    "cox": lambda f: survival.cox(f, ["x"]),
    "aft": lambda f: survival.aft(f, ["x"]),
    "proportional_hazards": lambda f: survival.proportional_hazards(f, ["x"]),
}


def frame(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "duration": rng.integers(1, 60, n).astype(float), "event": rng.random(n) < 0.7,
            "unit": rng.choice(["a", "b"], n), "x": rng.normal(size=n),
        }
    )  # fmt: skip


@pytest.mark.parametrize("name", TAKES)
@pytest.mark.parametrize(
    "broken",
    [
        {"event": 1}, {"event": 2}, {"event": -1}, {"event": 1.0}, {"event": "yes"},
        {"event": pd.Series([True, None] * 100, dtype="boolean")}, {"duration": -5.0},
        {"duration": np.nan}, {"duration": np.inf}, {"duration": pd.Timedelta(days=2)},
        {"duration": "five"},
    ],
    ids=["1", "2", "-1", "1.0", "text", "unknown", "negative", "nan", "inf", "delta", "words"],
)  # fmt: skip
def test_every_model_refuses_what_is_no_event_or_duration(
    name: str, broken: dict[str, object]
) -> None:
    with pytest.raises(DataError) as error:
        TAKES[name](frame().assign(**broken))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", TAKES)
def test_an_event_column_is_never_assumed(name: str) -> None:
    with pytest.raises(DataError, match="columns are missing"):
        TAKES[name](frame().drop(columns="event"))


@pytest.mark.parametrize("name", TAKES)
def test_durations_of_zero_do_not_break_a_model(name: str) -> None:
    """Someone who ends on the first day counts; no number becomes NaN in silence."""
    result = TAKES[name](frame().assign(duration=lambda f: f["duration"].where(f.index > 20, 0.0)))
    if not result.is_empty:
        for estimate in result.estimates:
            assert not np.isnan(estimate.value)


@pytest.mark.parametrize("name", TAKES)
def test_without_events_nothing_is_tested(name: str) -> None:
    result = TAKES[name](frame().assign(event=False))
    if name in ("logrank", "cox", "aft", "proportional_hazards"):
        assert result.is_empty
        assert "event" in result.missing


def test_one_group_is_not_compared() -> None:
    assert survival.logrank(frame().assign(unit="a"), by="unit").is_empty


def test_people_without_a_group_are_a_group() -> None:
    data = frame().assign(unit=["a", "b", None, None] * 50)
    result = survival.rmst(data, by="unit", horizon=20)
    assert "Unknown" in set(result.frame["group"])
    assert result.frame["n"].sum() == len(data)


def test_a_constant_column_is_left_out_by_name() -> None:
    result = survival.cox(frame().assign(c=3.0), ["x", "c"])
    assert result.frame["term"].tolist() == ["x"]
    assert "c" in result.parameters
    assert survival.cox(frame().assign(c=3.0), ["c"]).is_empty


def test_the_same_column_twice_is_a_reason_not_a_number() -> None:
    result = survival.cox(frame().assign(y=lambda f: f["x"]), ["x", "y"])
    assert result.is_empty
    assert result.missing


def test_scale_changes_no_finding() -> None:
    data = frame(400)
    one = survival.cox(data, ["x"]).frame.iloc[0]
    two = survival.cox(data.assign(x=data["x"] * 1e12), ["x"]).frame.iloc[0]
    assert two["coefficient"] * 1e12 == pytest.approx(one["coefficient"], rel=1e-6)
    assert two["p"] == pytest.approx(one["p"], rel=1e-6)


def test_separation_by_a_level_is_refused_or_merged() -> None:
    rng = np.random.default_rng(1)
    data = frame(300).assign(unit=rng.choice(["a", "b", "never"], 300))
    data["event"] &= data["unit"] != "never"
    result = survival.cox(data, ["unit"])
    if not result.is_empty:
        assert result.frame["coefficient"].abs().max() < 5
        assert not result.frame["term"].str.contains("never").any()


def test_no_mean_beyond_the_follow_up_of_the_shortest_group() -> None:
    data = frame(300)
    data.loc[data["unit"] == "b", "duration"] = data["duration"].clip(upper=9)
    result = survival.rmst(data, by="unit", horizon=100)
    assert result.parameters["horizon"] <= 9
    assert result.parameters["asked"] == 100


@pytest.mark.parametrize("n", [6, 10, 41, 300])
def test_an_incidence_of_everyone_has_no_wide_interval(n: int) -> None:
    """The sum of rates ends at 1 or a rounding error below it: never an interval of 0 to 1."""
    data = frame(n).assign(event=pd.Series(["done"] * n, dtype=object))
    last = survival.cumulative_incidence(data).frame.iloc[-1]
    assert last["incidence"] == pytest.approx(1)
    assert last["low"] == pytest.approx(1)
    assert last["high"] == pytest.approx(1)


def test_no_model_predicts_for_a_person() -> None:
    """An unseen category has no baseline to fall back on: nothing predicts."""
    public = [n for n, f in vars(survival).items() if inspect.isfunction(f) and n[0] != "_"]
    assert public
    assert not [n for n in public if "predict" in n or "score" in n]


def test_noise_has_no_segments() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 4))
    found = _stability.clusters(x, np.ones_like(x), max_clusters=3, replicates=10)
    assert found.k == 0


def test_planted_segments_come_back_with_any_seed() -> None:
    rng = np.random.default_rng(5)
    true = np.repeat([0, 1, 2], 40)
    x = rng.normal(size=(120, 3)) * 0.3 + 4 * np.eye(3)[true]
    for seed in (1, 2):
        found = _stability.clusters(x, np.ones_like(x), max_clusters=4, replicates=10, seed=seed)
        assert found.k == 3
        pairs = {(int(a), int(b)) for a, b in zip(true, found.labels, strict=True)}
        assert len(pairs) == 3


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("n", [11, 40])
def test_alike_rows_have_no_segments(n: int) -> None:
    x = np.ones((n, 3))
    with np.errstate(all="ignore"):
        found = _stability.clusters(x, np.ones_like(x), max_clusters=3, replicates=5)
    assert found.k == 0


def test_many_equal_groups_are_rarely_told_apart() -> None:
    """Of 25 organisations of twelve equal units, few are said to have one that lags or leads."""
    rng = np.random.default_rng(4)
    false = 0
    for _ in range(25):
        data = pd.DataFrame(
            {"group": list("abcdefghijkl"), "n_reached": rng.binomial(80, 0.4, 12), "n": 80}
        )
        false += bool((rates.shrunk_shares(data).frame["standing"] != "in line").any())
    assert false <= 4  # of 25 at 5 %, more than 4 come up once in 140
