"""The engagement models on frames whose answer is known, and on frames that have none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import engagement_survival as models
from ldresearch.models import survival
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Result, Rules, to_payload
from ldresearch.vocabulary import Family, Role, metrics


def gaps(lengths: np.ndarray, is_open: np.ndarray, persons: np.ndarray) -> pd.DataFrame:
    """Fold single gaps into the frame of the measure."""
    frame = pd.DataFrame({"gap_days": lengths, "open": is_open, "person": persons})
    out = frame.groupby("gap_days").agg(n_open=("open", "sum"), n=("open", "size")).reset_index()
    out["n_returned"] = out["n"] - out["n_open"]
    longest = frame.groupby("person")["gap_days"].max().to_numpy()
    out["n"] = [(longest >= g).sum() for g in out["gap_days"]]
    return out


def watched(rng: np.random.Generator, n: int, share: float, longest: int) -> pd.DataFrame:
    """A share returns after 1 to ``longest`` days, each as likely; watched for 1 to 400 days."""
    length = np.where(rng.random(n) < share, rng.integers(1, longest + 1, n), 10_000)
    end = rng.integers(1, 401, n)
    seen = length < end
    return gaps(np.where(seen, length, end), ~seen, np.arange(n))


# The gap ------------------------------------------------------------------------------------


def test_the_gap_is_where_one_in_twenty_returns() -> None:
    """P(return | gap >= g) = s (L + 1 - g)/L / (1 - s + s (L + 1 - g)/L): solved for .05."""
    rng = np.random.default_rng(1)
    share, longest = 0.6, 90
    left = 0.05 / 0.95 * (1 - share) / share * longest
    true = math.ceil(longest + 1 - left)
    inside = 0
    for _ in range(20):
        found = models.gap_choice(watched(rng, 4000, share, longest))
        e = found.estimate("gap_days")
        inside += e.low <= true <= e.high
        assert abs(e.value - true) <= 3
        assert found.parameters["gap_days"] == e.value
        assert found.parameters["how"] == "chosen"
        assert found.estimate("return_after_gap").value <= 0.05
    assert inside >= 17


def test_a_gap_still_open_is_not_final() -> None:
    """Counting open gaps as ended for good makes returning look rarer than it is."""
    rng = np.random.default_rng(2)
    length = np.where(rng.random(6000) < 0.6, rng.integers(1, 91, 6000), 10_000)
    end = rng.integers(1, 201, 6000)
    seen = length < end
    frame = gaps(np.where(seen, length, end), ~seen, np.arange(6000))
    found = models.gap_choice(frame, gap_days=10).estimate("return_after_gap")
    left = 0.6 * 81 / 90
    true = left / (0.4 + left)
    naive = seen[np.minimum(length, end) >= 10].mean()
    assert found.low <= true <= found.high
    assert naive < true - 0.05


def test_the_curve_by_hand() -> None:
    """Of 100 gaps 50 end on day 2 and 25 on day 20; 25 are open on day 61."""
    frame = pd.DataFrame(
        {"gap_days": [2, 20, 61], "n_returned": [50, 25, 0], "n_open": [0, 0, 25],
         "n": [40, 30, 25]}
    )  # fmt: skip
    found = models.gap_choice(frame)
    assert found.parameters["watched_days"] == 60
    assert found.parameters["gap_days"] == 21
    assert found.estimate("silence_days").value == 3  # from then on 25 of 50 come back
    rows = found.frame.set_index("time")
    assert rows.loc[0, "returned"] == 0.75
    assert rows.loc[7, "returned"] == 0.5
    assert rows.loc[14, "n"] == 30
    assert rows.loc[21, "returned"] == 0
    assert rows["n_events"].tolist() == [0, 50, 0, 25, 0]  # to day 28: half of what was watched


def test_a_gap_may_be_given() -> None:
    found = models.gap_choice(watched(np.random.default_rng(3), 3000, 0.5, 60), gap_days=30)
    assert (found.parameters["gap_days"], found.parameters["how"]) == (30, "given")
    assert found.estimate("return_after_gap").label == "after 30 days"
    assert found.estimate("return_after_gap").value > 0.05


def test_no_gap_is_long_enough() -> None:
    """Half return after up to 300 days, watched for up to 400: nothing below 200 can be judged."""
    found = models.gap_choice(watched(np.random.default_rng(4), 5000, 0.5, 300))
    assert not found.is_empty
    assert not found.estimate("gap_days").is_known
    assert (found.parameters["gap_days"], found.parameters["how"]) == (28, "preset")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"gap_days": [], "n_returned": [], "n_open": [], "n": []}),
        pd.DataFrame({"gap_days": [3], "n_returned": [0], "n_open": [1], "n": [1]}),
        pd.DataFrame({"gap_days": [90], "n_returned": [0], "n_open": [50], "n": [50]}),
        pd.DataFrame({"gap_days": [4], "n_returned": [500], "n_open": [0], "n": [50]}),
    ],
    ids=["empty", "one", "nobody returned", "too short"],
)
def test_without_gaps_a_preset_is_named(frame: pd.DataFrame) -> None:
    found = models.gap_choice(frame)
    assert found.is_empty
    assert found.missing
    assert found.parameters["gap_days"] == 28


# Curves -------------------------------------------------------------------------------------


def spells(
    rng: np.random.Generator, n: int = 1200, means: tuple[float, ...] = (60, 60, 100)
) -> pd.DataFrame:
    """Spells of three units; two a person; a few leave; watched for 1 to 400 days."""
    unit = rng.integers(0, len(means), n)
    length = np.ceil(rng.exponential(np.array(means)[unit])).astype(float)
    leave, end = np.ceil(rng.exponential(900, n)), rng.integers(1, 400, n).astype(float)
    first = np.minimum(np.minimum(length, leave), end)
    cause = np.where(first == end, "", np.where(first == leave, "left", "disengaged"))
    day = (400 - end).astype(int)
    return pd.DataFrame(
        {
            "person_key": np.arange(n) // 2, "item": np.arange(n) % 2, "entry": 0.0,
            "duration": first, "cause": cause.astype(object), "event": cause == "disengaged",
            "started_on": np.datetime64("2024-01-01") + day.astype("timedelta64[D]"),
            "group": np.array(["A", "B", "C"], dtype=object)[unit],
            "level": rng.choice(np.array(["entry", "senior"], dtype=object), n),
            "is_manager": False, "tenure_years": np.nan,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return spells(np.random.default_rng(5))


def test_a_curve_on_its_grid_is_the_curve(frame: pd.DataFrame) -> None:
    exact = survival.kaplan_meier(frame, "group").frame
    shown = models.curve(frame, by="group", horizon_days=90)
    assert len(shown.frame) <= 120
    for row in shown.frame.to_dict("records"):
        before = exact[(exact["group"] == row["group"]) & (exact["time"] <= row["time"])]
        height = before["survival"].iloc[-1] if len(before) else 1.0
        assert row["survival"] == pytest.approx(height)
        there = frame[(frame["group"] == row["group"]) & (frame["duration"] >= row["time"])]
        assert row["n"] == there["person_key"].nunique()
    assert (shown.frame["n"] >= 10).all()


def test_estimates_are_labelled_by_group(frame: pd.DataFrame) -> None:
    found = models.curve(frame, by="group", horizon_days=90)
    for metric in ("survival_median", "survival_quartile", "survival_at"):
        assert [e.label for e in found.estimates if e.metric == metric] == ["A", "B", "C"]
    exact = survival.kaplan_meier(frame[frame["group"] == "C"], at=[90])
    assert found.estimate("survival_at", "C").value == exact.estimates[1].value
    everyone = models.curve(frame, horizon_days=90)
    assert {e.label for e in everyone.estimates} == {"all"}
    assert everyone.estimate("rmst", "all").value == pytest.approx(
        survival.rmst(frame, horizon=90).estimates[0].value
    )


def test_names_that_look_like_horizons_stay_names() -> None:
    odd = spells(np.random.default_rng(6), 400)
    odd["group"] = odd["group"].map({"A": "at 90 days", "B": "over 2 days", "C": "C at 1 days"})
    found = models.curve(odd, by="group", horizon_days=90)
    labels = {e.label for e in found.estimates if e.metric == "survival_at"}
    assert labels == {"at 90 days", "over 2 days", "C at 1 days"}
    means = [
        e.label for e in models.contrasts(odd, horizon_days=90).estimates if e.metric == "rmst"
    ]
    assert set(means) == labels


def test_a_median_that_is_not_reached_is_infinite() -> None:
    long = pd.DataFrame(
        {"duration": [10.0] * 20 + [200.0] * 80, "event": [True] * 20 + [False] * 80}
    )
    found = models.curve(long, horizon_days=90)
    assert math.isinf(found.estimate("survival_median").value)
    assert found.estimate("survival_at").value == pytest.approx(0.8)


def test_late_entrants_are_at_risk_from_entry_on() -> None:
    late = pd.DataFrame(
        {"person_key": range(40), "entry": [0.0] * 20 + [50.0] * 20, "duration": [100.0] * 40,
         "event": [True] * 40}
    )  # fmt: skip
    found = models.curve(late, horizon_days=90).frame.set_index("time")
    assert found.loc[49, "n"] == 20
    assert found.loc[56, "n"] == 40


def test_what_ended_on_day_nought_counts() -> None:
    now = pd.DataFrame({"duration": [0.0] * 30 + [60.0] * 70, "event": [True] * 30 + [False] * 70})
    found = models.curve(now, horizon_days=28)
    assert found.frame["survival"].iloc[0] == pytest.approx(0.7)
    assert found.estimate("survival_at").value == pytest.approx(0.7)


def test_ends_share_everyone_out(frame: pd.DataFrame) -> None:
    found = models.ends(frame, by="group", horizon_days=90).frame
    assert set(found["cause"]) == {"disengaged", "left", "still going"}
    assert found.groupby("group")["share"].sum().tolist() == pytest.approx([1, 1, 1])


# Contrasts and effects ----------------------------------------------------------------------


def test_groups_that_differ_stand_apart(frame: pd.DataFrame) -> None:
    found = models.contrasts(frame, horizon_days=90)
    rows = found.frame.set_index("group")
    assert rows.loc["C", "standing"] == "longer"
    assert sorted(rows["standing"])[:2] == ["in line", "longer"]
    true = 100 * (1 - math.exp(-0.9)) - 60 * (1 - math.exp(-1.5))
    if found.parameters["reference"] != "C":
        e = found.estimate("rmst_difference", f"C against {found.parameters['reference']}")
        assert e.low <= true <= e.high


def test_equal_groups_are_rarely_called_different() -> None:
    """Nine comparisons with the largest at once, 40 worlds: at most one in twenty calls one."""
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(40):
        n = 1200
        length, end = np.ceil(rng.exponential(60, n)), rng.integers(90, 300, n)
        same = pd.DataFrame(
            {"duration": np.minimum(length, end).astype(float), "event": length <= end,
             "group": rng.integers(0, 10, n).astype(str)}
        )  # fmt: skip
        standing = models.contrasts(same, horizon_days=90).frame["standing"]
        wrong += bool(standing.isin(["shorter", "longer"]).any())
    assert wrong <= 5


def test_small_and_young_groups_are_left_out(frame: pd.DataFrame) -> None:
    small = frame.assign(group=np.where(frame["person_key"] < 4, "tiny", frame["group"]))
    young = frame.iloc[:60].assign(
        group="young", person_key=range(9000, 9060), duration=np.arange(60) % 12 + 1.0, event=False
    )
    found = models.contrasts(pd.concat([small, young], ignore_index=True), horizon_days=90)
    assert set(found.frame["group"]) == {"A", "B", "C"}
    assert found.parameters["left_out"] == 2
    assert found.parameters["horizon"] == 90


def test_hazard_ratios_where_hazards_are_proportional(frame: pd.DataFrame) -> None:
    found = models.effects(frame, covariates="group,level,is_manager,tenure_years,shoe_size")
    assert found.parameters["model"] == "cox"
    base = str(found.parameters["group: reference"])
    e = found.estimate("hazard_ratio", "group: C" if base != "C" else "group: A")
    true = 0.6 if base != "C" else 1 / 0.6
    assert e.low <= true <= e.high
    assert {e.metric for e in found.estimates} == {"hazard_ratio"}


def test_time_ratios_where_they_are_not() -> None:
    """Log-normal times, a factor of two: hazards cross, and the time ratio is 2."""
    rng = np.random.default_rng(8)
    group = rng.integers(0, 2, 3000)
    length = np.exp(rng.normal(3.5, 0.8, 3000)) * np.where(group == 1, 2.0, 1.0)
    end = rng.uniform(30, 400, 3000)
    crossing = pd.DataFrame(
        {"duration": np.maximum(np.minimum(length, end), 0.1), "event": length <= end,
         "group": np.array(["a", "b"], dtype=object)[group]}
    )  # fmt: skip
    found = models.effects(crossing, covariates=["group"])
    assert found.parameters["model"] == "aft"
    assert "Log-normal" in found.method
    assert {e.metric for e in found.estimates} == {"time_ratio"}
    e = found.estimates[0]
    true = 2.0 if e.label == "group: b" else 0.5
    assert e.low <= true <= e.high


def test_what_others_say_already_is_left_out(frame: pd.DataFrame) -> None:
    twice = frame.assign(is_manager=frame["level"] == "senior", again=frame["group"].map(str.lower))
    found = models.effects(twice, covariates="group,level,is_manager,again,tenure_years")
    assert not found.is_empty
    assert found.parameters["left_out"] == "is_manager, again"
    day0 = frame.assign(duration=frame["duration"].where(frame.index > 20, 0.0))
    assert not models.effects(day0, covariates="group").is_empty


# Recurrence, sensitivity, calibration -------------------------------------------------------


def test_recurrence_counts_further_spells() -> None:
    back = pd.DataFrame(
        {"person_key": [*range(100), *range(0, 100, 4)], "duration": [200.0] * 100 + [90.0] * 25,
         "event": [False] * 100 + [True] * 25}
    )  # fmt: skip
    found = models.recurrence(back, horizon_days=200)
    e = found.estimate("mean_cumulative_at")
    assert e.value == pytest.approx(0.25)
    assert e.low < 0.25 < e.high
    assert found.frame["mean"].tolist() == pytest.approx([0, 0.25, 0.25, 0.25])
    assert (found.frame["n"] == 100).all()


def test_sensitivity_says_how_far_the_mean_moves(frame: pd.DataFrame) -> None:
    same = pd.concat([frame.assign(variant="14 days"), frame.assign(variant="28 days")])
    found = models.sensitivity(same, used="28 days", horizon_days=90)
    assert found.frame["rule"].tolist() == ["14 days", "28 days"]
    assert found.parameters["moved"] == pytest.approx(0)
    half = frame.assign(variant="14 days", duration=np.ceil(frame["duration"] / 2))
    other = models.sensitivity(
        pd.concat([frame.assign(variant="100 days"), half]), used="100 days", horizon_days=90
    )
    assert other.frame["rule"].tolist() == ["14 days", "100 days"]
    assert float(other.parameters["moved"] or 0) > 0.2


def in_time(rng: np.random.Generator, later_mean: float, gap: int = 20) -> pd.DataFrame:
    """Spells that begin over 500 days; those of the second half have their own mean."""
    n = 3000
    start = rng.integers(0, 500, n)
    length = np.ceil(rng.exponential(np.where(start < 260, 50.0, later_mean)))
    end = 500 - gap - start
    keep = end > 0
    found = pd.DataFrame(
        {
            "person_key": np.arange(n), "duration": np.minimum(length, end).astype(float),
            "event": length <= end, "entry": 0.0,
            "started_on": np.datetime64("2024-01-01") + start.astype("timedelta64[D]"),
        }
    )  # fmt: skip
    found["cause"] = np.where(found["event"], "disengaged", "")
    return found[keep].reset_index(drop=True)


def test_a_forecast_holds_where_nothing_changed_and_fails_where_it_did() -> None:
    rng = np.random.default_rng(9)
    calm = models.calibration(in_time(rng, 50.0), gap_days=20, horizon_days=120)
    assert calm.parameters["is_apart"] is False
    assert float(calm.parameters["largest_error"] or 0) < 0.06
    moved = models.calibration(in_time(rng, 110.0), gap_days=20, horizon_days=120)
    assert moved.parameters["is_apart"] is True
    assert float(moved.parameters["largest_error"] or 0) > 0.15
    assert moved.frame["observed"].iloc[-1] > moved.frame["predicted"].iloc[-1]


def test_a_forecast_uses_nothing_that_was_not_known() -> None:
    """Change what happens after the split: the forecast stays."""
    frame = in_time(np.random.default_rng(10), 50.0)
    found = models.calibration(frame, gap_days=20, horizon_days=120)
    split = pd.Timestamp(str(found.parameters["split_on"]))
    known = (split - pd.Timedelta(days=20) - frame["started_on"]).dt.days
    early = known > 0
    later = frame.assign(
        duration=frame["duration"].where(~early | (frame["duration"] <= known), known + 1.0),
        event=frame["event"].where(~early | (frame["duration"] <= known), True),
    )
    again = models.calibration(later, gap_days=20, horizon_days=120)
    assert again.frame["predicted"].tolist() == found.frame["predicted"].tolist()


# Trust, and nothing to go on ----------------------------------------------------------------


def everything(frame: pd.DataFrame) -> dict[str, Result]:
    gap = models.gap_choice(watched(np.random.default_rng(11), 3000, 0.5, 30))
    overall = models.curve(frame, horizon_days=90, gap_days=28)
    found = {
        "gap": gap,
        "curve": overall,
        "groups": models.curve(frame, by="group", horizon_days=90),
        "ends": models.ends(frame, horizon_days=90),
        "contrasts": models.contrasts(frame, horizon_days=90),
        "effects": models.effects(frame, covariates="group,level"),
        "recurrence": models.recurrence(frame[["person_key", "duration", "event"]]),
        "sensitivity": models.sensitivity(frame.assign(variant="28 days"), used="28 days"),
        "calibration": models.calibration(frame, gap_days=28),
    }
    found["trust"] = models.trust(
        frame, gap, overall, found["ends"], found["effects"], found["sensitivity"],
        found["calibration"],
    )  # fmt: skip
    return found


def test_everything_passes_the_door_and_the_gate(frame: pd.DataFrame) -> None:
    for name, result in everything(frame).items():
        assert not result.is_empty, name
        for rules in (Rules(), Rules(k=1, base=1, public=True)):
            one = publish(result, rules)
            payload = {"v": 1, "kind": "table", "stem": "engagement_survival", "view": name,
                       "published": [to_payload(one)]}  # fmt: skip
            check_payload(payload, public=rules.public)
            assert one.rows, name
        assert {e.metric for e in result.estimates} <= set(metrics()), name


def test_checks_tell_good_data_from_poor(frame: pd.DataFrame) -> None:
    status = everything(frame)["trust"].frame.set_index("check")["status"].to_dict()
    assert status["events"] == status["gap_rule"] == status["leaving"] == "passed"
    assert status["proportional"] == "passed"
    poor = frame.iloc[:40].assign(event=False, cause="")
    assert set(everything(poor)["trust"].frame["status"]) <= {"not known", "not passed", "passed"}
    checks = everything(poor)["trust"].frame.set_index("check")["status"]
    assert checks["events"] == checks["censored"] == "not passed"
    assert checks["proportional"] == "not known"


Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.iloc[:0],
        lambda f: f.iloc[:1],
        lambda f: f.assign(event=False, cause=""),
        lambda f: f.assign(person_key=1),
        lambda f: f.assign(duration=5.0),
        lambda f: f.assign(duration=0.0),
        lambda f: f.assign(group=None),
        lambda f: f.assign(started_on=pd.NaT),
    ],
    ids=["empty", "one row", "all censored", "one person", "one length", "no length", "no group",
         "no dates"],
)  # fmt: skip
def test_poor_frames_give_reasons_and_never_an_error(frame: pd.DataFrame, change: Change) -> None:
    for name, result in everything(change(frame)).items():
        if result.is_empty:
            assert result.missing[0].islower() or result.missing[0].isdigit(), name
        published = publish(result)
        assert result.family is Family.CHECKS or published.is_empty or any(
            c.role is Role.N for c in published.columns
        )  # fmt: skip


def test_the_reason_of_an_absent_table_is_handed_on() -> None:
    columns = ["person_key", "duration", "event", "cause", "group", "entry", "started_on"]
    empty = pd.DataFrame({c: [] for c in columns})
    empty.attrs["missing"] = "this dataset has no rows in `activity_day` as of 2024-01-01"
    calls: dict[str, Callable[[Any], Result]] = {
        "curve": models.curve, "ends": models.ends, "contrasts": models.contrasts,
        "effects": lambda f: models.effects(f, covariates="group"),
        "recurrence": models.recurrence, "gap": models.gap_choice,
        "sensitivity": lambda f: models.sensitivity(f, used="28 days"),
        "calibration": lambda f: models.calibration(f, gap_days=28),
    }  # fmt: skip
    for name, call in calls.items():
        assert "activity_day" in call(empty).missing, name
