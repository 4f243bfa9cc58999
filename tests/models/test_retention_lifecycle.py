"""Shares, ratios and moves against hand counts, statsmodels and published intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from ldresearch.errors import DataError, ParameterError
from ldresearch.models import rates
from ldresearch.models import retention_lifecycle as models
from ldresearch.models._two_shares import newcombe
from ldresearch.result import Result
from ldresearch.vocabulary import metrics


def cohorts(
    sizes: list[int], shares: tuple[float, ...] = (1.0, 0.6, 0.4, 0.3, 0.25), last: int = 0
) -> pd.DataFrame:
    """Monthly cohorts of given sizes, with retention falling as given and then level."""
    months = pd.date_range("2024-01-01", periods=len(sizes), freq="MS")
    rows = [
        (months[i], n, size, size, round(size * (shares[n] if n < len(shares) else shares[-1])))
        for i, size in enumerate(sizes)
        for n in range(len(sizes) - i + last)
    ]
    frame = pd.DataFrame(rows, columns=["cohort_on", "n", "n_began", "n_there", "n_recurring"])
    return frame.assign(n_unbounded=frame["n_recurring"], n_rolling=frame["n_recurring"])


def rows_of(result: Result) -> list[tuple[str, str, int]]:
    first = result.frame.groupby("cohort_on").first()
    return [
        (f"{begin:%y-%m}", f"{row['until_on']:%y-%m}", int(row["n"]))
        for begin, row in first.iterrows()
    ]


# The triangle -------------------------------------------------------------------------------


def test_cohorts_that_are_large_and_few_stand_alone() -> None:
    found = models.triangle(cohorts([100, 80, 60, 40]))
    assert rows_of(found) == [
        ("24-01", "24-01", 100),
        ("24-02", "24-02", 80),
        ("24-03", "24-03", 60),
    ]
    cells = found.frame.set_index(["cohort_on", "after"])["share"]
    assert len(cells) == 3 + 2 + 1
    assert cells[pd.Timestamp("2024-02-01"), 2] == 0.4
    low, high = proportion_confint(32, 80, method="wilson")
    one = found.frame[found.frame["after"] == 2].iloc[1]
    assert (one["low"], one["high"]) == pytest.approx((low, high))


def test_small_cohorts_share_a_row_and_none_is_lost() -> None:
    found = models.triangle(cohorts([100, 12, 9, 15, 40, 7, 5]))
    # The fourth brings the small ones to 36; the sixth has too few and no next one of its own.
    assert rows_of(found) == [
        ("24-01", "24-01", 100),
        ("24-02", "24-04", 36),
        ("24-05", "24-06", 47),
    ]
    merged = found.frame[found.frame["cohort_on"] == "2024-02-01"]
    # Its youngest cohort is of April: three periods are over for all of it, not five.
    assert merged["after"].tolist() == [1, 2, 3]
    assert merged["n_active"].tolist() == [7 + 5 + 9, 5 + 4 + 6, 4 + 3 + 4]


def test_many_cohorts_share_rows_evenly_from_the_newest() -> None:
    found = models.triangle(cohorts([50] * 30), rows=12)
    names = rows_of(found)
    assert len(names) <= 12
    assert sum(n for _, _, n in names) == 29 * 50  # the last has no period after its first
    assert names[-1][1] == "26-05"
    assert names[0][0] == "24-01"


def test_a_cell_of_an_empty_cohort_is_not_told() -> None:
    frame = cohorts([50, 0, 50, 20])
    found = models.triangle(frame)
    assert sum(n for _, _, n in rows_of(found)) == 100
    assert found.frame["n"].min() > 0


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (cohorts([]), "nobody has begun yet"),
        (cohorts([40]), "no cohort's next month is over yet"),
        (cohorts([4, 3]), "no cohort has 10 people yet"),
    ],
)
def test_no_triangle_is_a_result_with_its_reason(frame: pd.DataFrame, why: str) -> None:
    assert models.triangle(frame).missing == why


def test_the_reason_of_the_measure_is_told() -> None:
    frame = cohorts([])
    frame.attrs["missing"] = "this dataset has no rows in `activity_day` as of 2024-01-01"
    for result in (models.triangle(frame), models.pooled(frame)):
        assert result.missing == frame.attrs["missing"]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ParameterError, match="unbounded"):
        models.triangle(cohorts([50, 50]), kind="unbound")
    with pytest.raises(DataError, match="columns are missing"):
        models.triangle(cohorts([50, 50]).drop(columns="n_there"))


# All cohorts --------------------------------------------------------------------------------


def test_pooled_shares_count_each_cohort_whose_period_is_over() -> None:
    found = models.pooled(cohorts([100, 80, 60]), told_at=2)
    assert found.estimate("retention_at", "recurring, month 2").n == 100
    first = found.estimate("retention_at", "recurring, month 1")
    assert (first.n, first.value) == (180, 0.6)
    assert (first.low, first.high) == pytest.approx(proportion_confint(108, 180, method="wilson"))


def test_told_at_is_as_late_as_was_seen_and_no_later() -> None:
    found = models.pooled(cohorts([100, 80, 60]), told_at=9)
    assert found.parameters["told_at"] == 2
    assert {e.label for e in found.estimates} == {
        f"{kind}, month {n}" for kind in models.KINDS for n in (1, 2)
    }


def test_the_curve_ends_where_ten_are_left() -> None:
    found = models.pooled(cohorts([9, 80, 60]))
    assert found.frame["after"].max() == 1
    nobody = models.pooled(cohorts([4, 3]))
    assert "fewer than 10 people" in nobody.missing


def test_later_cohorts_that_stay_less_are_found() -> None:
    early, late = cohorts([200] * 4), cohorts([200] * 4, (1.0, 0.3))
    late["cohort_on"] = late["cohort_on"] + pd.DateOffset(months=4)
    found = models.pooled(pd.concat([early, late])).parameters
    assert found["drift"] == pytest.approx(-0.3)
    assert found["is_drifting"] is True
    assert models.pooled(cohorts([200] * 4)).parameters["is_drifting"] is False
    assert "drift" not in models.pooled(cohorts([20, 20])).parameters


def test_newcombe_equals_statsmodels_and_his_paper() -> None:
    """56/70 against 48/80: .0524 to .3339 (Newcombe 1998, method 10)."""
    low, high = newcombe(56, 70, 48, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    ours = newcombe(33, 70, 20, 90)
    theirs = confint_proportions_2indep(33, 70, 20, 90, method="newcomb", compare="diff")
    assert ours == pytest.approx(theirs)


# States and ratio ---------------------------------------------------------------------------


def states(came: list[int], went: list[int], *, n_open: int = 0) -> pd.DataFrame:
    size = len(came)
    return pd.DataFrame(
        {
            "period_on": pd.date_range("2024-01-01", periods=size, freq="MS"),
            "new": [c // 2 for c in came], "returning": 20,
            "resurrected": [c - c // 2 for c in came], "dormant": went, "left": 1,
            "is_complete": [True] * (size - n_open) + [False] * n_open,
        }
    )  # fmt: skip


def moved(*rows: tuple[int, int, int, int, int], n_periods: int = 9) -> pd.DataFrame:
    names = ["in_now", "out_now", "in_before", "out_before", "n_persons"]
    frame = pd.DataFrame(rows, columns=names)
    frame.attrs["n_periods"] = n_periods
    return frame


def test_a_period_that_is_not_over_has_no_numbers() -> None:
    found = models.lifecycle(states([30, 40, 50], [0, 10, 20], n_open=1))
    assert found.frame["part"].tolist() == ["seen", "seen", "incomplete"]
    assert found.frame[list(models.STATES)].iloc[-1].isna().all()
    assert found.estimate("lifecycle_active").value == 60
    assert found.estimate("lifecycle_dormant").value == 10
    assert found.frame["n"].tolist() == [51, 71, 0]


def test_a_period_at_the_front_that_was_not_seen_whole_is_left_out() -> None:
    frame = states([30, 40, 50], [0, 10, 20])
    frame.loc[0, "is_complete"] = False
    assert models.lifecycle(frame).frame["period_on"].tolist() == frame["period_on"].tolist()[1:]


def test_the_ratio_of_single_periods_is_wilsons_share() -> None:
    found = models.quick_ratio(states([50, 30, 24], [0, 20, 0]), moved(), last_periods=1)
    # The first period has none before it: nobody can have fallen silent.
    assert found.frame["n_in"].tolist() == [30, 24]
    assert found.frame["share"].tolist() == [0.6, 1.0]
    assert models.odds(found.frame["share"].iloc[0]) == pytest.approx(1.5)
    low, high = proportion_confint(30, 50, method="wilson")
    assert found.frame[["low", "high"]].iloc[0].tolist() == pytest.approx([low, high])


def test_a_window_takes_persons_as_independent_not_moves() -> None:
    """The same moves: by one person each, or all by people who came and went alike."""
    alone = models.ratio([1, 0], [0, 1], [60, 60])
    both = models.ratio([1, 1, 0], [1, 0, 1], [50, 10, 10])
    assert alone[0] == both[0] == 1.0
    low, high = (rates.wilson(60, 120)[i] for i in (0, 1))
    effect = 120 / 119  # the variance between persons is that of a sample
    narrow = rates.wilson(60 / effect, 120 / effect)
    assert alone[1:] == pytest.approx([models.odds(float(x)) for x in narrow])
    assert models.odds(float(low)) >= alone[1]
    assert models.odds(float(high)) <= alone[2]
    assert alone[1] < both[1] < 1 < both[2] < alone[2]


def test_a_ratio_at_the_edges() -> None:
    assert models.ratio([1], [0], [20])[0] == math.inf
    value, low, high = models.ratio([0], [1], [20])
    assert (value, low) == (0.0, 0.0)
    assert 0 < high < 0.3
    assert math.isnan(models.ratio([0], [0], [20])[0])
    # Everyone in and out once: the ratio is 1, and not known beyond doubt.
    _, low, high = models.ratio([1], [1], [40])
    assert low < 1 < high


def test_nobody_silent_is_said_and_no_ratio_told() -> None:
    found = models.quick_ratio(
        states([50, 30, 24], [0, 0, 0]), moved((1, 0, 0, 0, 54)), last_periods=2
    )
    assert found.estimates == ()
    assert found.parameters["is_without_loss"] is True


def test_too_few_movers_or_periods_tell_no_ratio() -> None:
    frame = states([50, 30, 24], [0, 20, 10])
    few = models.quick_ratio(frame, moved((1, 0, 0, 0, 15), (0, 1, 0, 0, 14)), last_periods=2)
    assert few.estimates == ()
    short = models.quick_ratio(frame, moved((1, 1, 0, 0, 90), n_periods=2), last_periods=3)
    assert short.estimates == ()
    assert not short.is_empty
    nobody = models.quick_ratio(states([5, 3], [0, 2]), moved())
    assert "fewer than 30 people" in nobody.missing


def test_now_is_held_against_as_many_periods_before() -> None:
    frame = states([60] * 8, [40] * 8)
    turnover = moved((1, 0, 0, 0, 80), (0, 1, 0, 0, 40), (0, 0, 1, 0, 60), (0, 0, 0, 1, 60))
    found = models.quick_ratio(frame, turnover, last_periods=3)
    change = found.estimate("quick_ratio_change")
    assert change.value == 2.0
    # No person in two of the four: the variance of the logarithm is the sum of their reciprocals.
    n = 240
    half = 1.959964 * math.sqrt((1 / 80 + 1 / 40 + 2 / 60) * n / (n - 1))
    assert (change.low, change.high) == pytest.approx(
        (2 * math.exp(-half), 2 * math.exp(half)), abs=0.005
    )
    assert found.estimate("quick_ratio", "the 3 months before").value == 1.0


def test_periods_that_swing_widen_the_interval_and_a_trend_does_not() -> None:
    turnover = moved((1, 0, 0, 0, 60), (0, 1, 0, 0, 60))
    calm = models.quick_ratio(states([60] * 10, [60] * 10), turnover)
    trend = models.quick_ratio(
        states([90, 85, 80, 75, 70, 65, 60, 55, 50, 45], [45, 50, 55, 60, 65, 70, 75, 80, 85, 90]),
        turnover,
    )
    wild = models.quick_ratio(states([20, 100] * 5, [100, 20] * 5), turnover)
    widths = [
        math.log(e.high / e.low)
        for e in (r.estimate("quick_ratio", "last 3 months") for r in (calm, trend, wild))
    ]
    assert widths[0] == widths[1] < widths[2] / 3
    assert [r.parameters["swing"] for r in (calm, trend)] == [0.0, 0.0]
    assert wild.parameters["swing"] > 1


# The ladder ---------------------------------------------------------------------------------


def rungs(*rows: tuple[int, int, int, bool], has_before: bool = True) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["n_before", "n_now", "n_persons", "is_settled"])
    frame.attrs["has_before"] = has_before
    return frame


def test_every_number_of_days_has_one_rung() -> None:
    for kind, longest in (("days", 28), ("weeks", 12)):
        edges = list(models.LADDERS[kind].values())
        assert [n for low, high in edges for n in range(low, high + 1)] == list(
            range(1, longest + 1)
        )


def test_shares_are_of_those_active_in_the_window() -> None:
    found = models.ladder(rungs((0, 1, 30, True), (3, 0, 50, True), (2, 8, 10, True)))
    now = found.frame[found.frame["window"] == "now"].set_index("rung")["n"]
    before = found.frame[found.frame["window"] == "before"].set_index("rung")["n"]
    assert now.to_dict() | {"1 day": 30, "8 to 15 days": 10} == now.to_dict()
    assert before["2 or 3 days"] == 60
    assert found.estimate("habit_share").value == 0.25
    weekly = models.ladder(rungs((9, 9, 30, True), (3, 5, 30, True)), rungs="weeks")
    assert weekly.estimate("habit_share").value == 0.5


def test_a_log_too_short_for_two_windows_shows_one() -> None:
    frame = rungs((0, 1, 30, True), (3, 2, 50, True), has_before=False)
    assert set(models.ladder(frame).frame["window"]) == {"now"}
    assert models.moves(frame).missing == "the log is shorter than two windows"
    assert "fewer than 10" in models.ladder(rungs((3, 0, 50, True))).missing
    assert "fewer than 10" in models.moves(rungs((3, 0, 50, False))).missing


def test_moves_are_from_rung_to_rung_of_those_who_had_begun() -> None:
    found = models.moves(
        rungs((2, 3, 40, True), (0, 1, 25, True), (28, 15, 15, True), (0, 28, 500, False))
    )
    assert found.frame.set_index("move")["n_reached"].to_dict() == {
        "up": 25,
        "same": 40,
        "down": 15,
    }
    net = found.estimate("ladder_net")
    assert net.value == 0.125
    # Agresti & Min: half a person on each of the four cells.
    n, up, down = 82, 25.5, 15.5
    half = 1.959964 * math.sqrt(up + down - (up - down) ** 2 / n) / n
    assert (net.low, net.high) == pytest.approx(((up - down) / n - half, (up - down) / n + half))


# Silences -----------------------------------------------------------------------------------


def silences(silent_days: int = 28, n: int = 120, leave: float = 0.1) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "silent_days": silent_days, "duration": rng.integers(0, 150, n).astype(float),
            "event": rng.choice(["returned", "left", ""], n, p=[0.4, leave, 0.6 - leave]),
            "weight": 1,
        }
    )  # fmt: skip
    return frame


def test_returns_equal_statsmodels_cumulative_incidence() -> None:
    from statsmodels.duration.survfunc import CumIncidenceRight

    frame = silences()
    found = models.reactivation(frame).estimate("return_within")
    status = frame["event"].map({"returned": 1, "left": 2, "": 0})
    theirs = CumIncidenceRight(frame["duration"], status)
    at = np.searchsorted(theirs.times, 90, side="right") - 1
    assert found.value == pytest.approx(theirs.cinc[0][at])
    assert found.label == "90 days after 28 of silence"
    assert found.n == 120


def test_leaving_is_not_waiting_longer() -> None:
    """Were the leavers censored, as if they could still return, more would seem to."""
    frame = silences(n=400, leave=0.4)
    competing = models.reactivation(frame).estimate("return_within").value
    censored = frame.assign(event=frame["event"].replace("left", ""))
    assert models.reactivation(censored).estimate("return_within").value > competing + 0.02


def test_the_horizon_is_no_later_than_ten_are_followed() -> None:
    frame = silences(n=400)
    frame["duration"] = frame["duration"].clip(upper=60)
    found = models.reactivation(frame)
    assert found.parameters["within_days"] == 60
    assert found.frame["time"].max() <= 60


@pytest.mark.parametrize(
    "frame",
    [
        silences(n=9), silences().assign(event=""), silences().assign(event="left"),
        silences(silent_days=14),
    ],
    ids=["few", "none ended", "all left", "another silence"],
)  # fmt: skip
def test_no_curve_where_there_is_nothing_to_follow(frame: pd.DataFrame) -> None:
    assert "28 silent days" in models.reactivation(frame).missing


# What it rests on ---------------------------------------------------------------------------


def status(**given: Any) -> dict[str, str]:
    frame, periods = given["cohorts"], given["periods"]
    found = models.trust(
        frame, periods, models.pooled(frame), models.quick_ratio(periods, given["turnover"])
    ).frame
    return dict(zip(found["check"], found["status"], strict=True))


GOOD: dict[str, Any] = {
    "cohorts": cohorts([200] * 8), "periods": states([60] * 8, [0] + [40] * 7),
    "turnover": moved((1, 0, 0, 0, 80), (0, 1, 0, 0, 40)),
}  # fmt: skip


def test_every_check_passes_on_good_data_and_can_fail() -> None:
    assert set(status(**GOOD).values()) == {"passed"}
    at_once = GOOD["periods"].assign(new=[500] + [30] * 7)
    assert status(**GOOD | {"periods": at_once})["beginning"] == "not passed"
    hole = GOOD["periods"].copy()
    hole.loc[3, ["new", "returning", "resurrected"]] = 0
    assert status(**GOOD | {"periods": hole})["silence"] == "not passed"
    late = cohorts([200] * 8, (1.0, 0.3)).assign(
        cohort_on=lambda f: f["cohort_on"] + pd.DateOffset(months=8)
    )
    both = pd.concat([GOOD["cohorts"], late])
    assert status(**GOOD | {"cohorts": both})["drift"] == "not passed"
    assert status(**GOOD | {"cohorts": cohorts([20] * 8)})["alone"] == "not passed"
    assert status(**GOOD | {"turnover": moved((1, 0, 0, 0, 9))})["movers"] == "not known"


def test_checks_of_nothing_are_not_known() -> None:
    nothing = {"cohorts": cohorts([]), "periods": states([], []), "turnover": moved()}
    assert set(status(**nothing).values()) == {"not known"}


def test_every_estimate_is_in_the_registry_with_its_unit() -> None:
    results = [
        models.pooled(GOOD["cohorts"]), models.lifecycle(GOOD["periods"]),
        models.quick_ratio(GOOD["periods"], GOOD["turnover"]),
        models.ladder(rungs((0, 1, 30, True))), models.moves(rungs((0, 1, 30, True))),
        models.reactivation(silences()),
    ]  # fmt: skip
    for result in results:
        assert result.estimates
        for estimate in result.estimates:
            assert metrics()[estimate.metric].unit == estimate.unit
