"""Values about persons: quantiles, sums that one person makes, what is nobody's business."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch import segment_rules
from ldresearch.errors import DisclosureError
from ldresearch.models import measurement_plan, rates, segments, skill_gaps, survival
from ldresearch.privacy import check_payload, publish
from ldresearch.privacy.suppression import Told
from ldresearch.result import Estimate, Published, Result, Rules, to_payload
from ldresearch.tables._table import of
from ldresearch.vocabulary import Family, Role, metrics


def payload(published: Published, **changed: object) -> dict[str, object]:
    return {"v": 1, "kind": "table", "stem": "a", "view": "b",
            "published": [to_payload(published) | changed]}  # fmt: skip


# Quantiles ----------------------------------------------------------------------------------


def quartiles(values: list[float]) -> Result:
    frame = pd.DataFrame(
        {"step": ["all"], "median": [float(np.median(values))],
         "quarter": [float(np.quantile(values, 0.25))], "n": [len(values)]}
    )  # fmt: skip
    roles = {"step": Role.KEY, "median": Role.VALUE, "quarter": Role.VALUE, "n": Role.N}
    return Result("days", Family.QUANTILES, frame, roles,
                  quantiles={"median": 0.5, "quarter": 0.25})  # fmt: skip


@given(st.lists(st.floats(1, 400), min_size=1, max_size=90))
@settings(max_examples=60)
def test_a_quantile_has_ten_people_on_either_side(values: list[float]) -> None:
    [(_, median, quarter, n)] = publish(quartiles(values)).rows
    assert (median is not None) == (len(values) >= 20)
    assert (quarter is not None) == (len(values) >= 40)
    assert n is None or n >= 10


def test_a_quantile_says_which_one_it_is() -> None:
    with pytest.raises(DisclosureError, match="which one"):
        publish(quartiles([1.0] * 50).but(quantiles={"median": 0.5}))


@pytest.mark.parametrize(("n", "is_told"), [(19, False), (20, True)])
def test_a_median_time_of_few_is_not_told(n: int, is_told: bool) -> None:
    frame = pd.DataFrame({"duration": np.arange(1.0, n + 1), "event": True})
    published = publish(survival.kaplan_meier(frame))
    assert published.has("survival_median") is is_told


# Sums ---------------------------------------------------------------------------------------


def minutes(each: list[list[float]]) -> Result:
    ordered = [sorted(one, reverse=True) for one in each]
    frame = pd.DataFrame(
        {"step": [f"step {i}" for i in range(len(each))], "minutes": [sum(o) for o in ordered],
         "largest": [o[0] for o in ordered], "second": [o[1] for o in ordered],
         "n": [len(o) for o in ordered]}
    )  # fmt: skip
    roles = {"step": Role.KEY, "minutes": Role.VALUE, "n": Role.N}
    return Result("minutes", Family.MEANS, frame, roles,
                  sums={"minutes": ("largest", "second")})  # fmt: skip


def test_a_sum_that_one_or_two_people_make_is_hidden() -> None:
    even = [30.0] * 40
    one_makes_it = [9000.0, *[20.0] * 39]
    two_make_it = [600.0, 500.0, *[3.0] * 38]
    near_the_largest = [5000.0, 4000.0, *[10.0] * 38]
    published = publish(minutes([even, one_makes_it, two_make_it, near_the_largest]))
    assert [row[1] for row in published.rows] == [1200.0, None, None, None]
    assert published.n_suppressed == 3
    assert [c.name for c in published.columns] == ["step", "minutes", "n"]
    check_payload(payload(published), public=False)


@given(st.lists(st.floats(0, 1e4), min_size=10, max_size=40))
@settings(max_examples=60)
def test_the_second_largest_cannot_work_out_the_largest(each: list[float]) -> None:
    [(_, shown, _)] = publish(minutes([each])).rows
    largest, second = sorted(each, reverse=True)[:2]
    if shown is not None and sum(each) > 0:
        assert sum(each) - second - largest >= 0.1 * largest


def two_people_know(result: Result, column: str) -> list[float]:
    """What the second largest of each shown row learns of the largest: how far off at most."""
    shown = publish(result).frame[column]
    most, second, *whole = result.sums[column]
    total = result.frame[whole[0] if whole else column]
    rest = total - result.frame[most] - result.frame[second]
    return [
        float(r / m) for r, m, s, t in zip(rest, result.frame[most], shown, total, strict=True)
        if s is not None and s == s and t > 0
    ]  # fmt: skip


def learners(n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shortfalls in two skills; the first person alone takes the long way in the second."""
    rated = pd.DataFrame({"person_key": [*range(n)] * 2, "skill_id": ["a"] * n + ["b"] * n,
                          "source": "manager", "level": [0.4] * n + [0.1] + [0.5] * (n - 1),
                          "age_days": 0})  # fmt: skip
    asked = rated[["person_key", "skill_id"]].assign(
        skill=rated["skill_id"].map({"a": "Sums", "b": "Prose"}), group="Sales", target=0.6,
        weight=1.0,
    )  # fmt: skip
    frame = skill_gaps.shortfalls(skill_gaps.levels(rated), asked).frame
    supply = pd.DataFrame(
        {"skill_id": ["a", "b", "b"], "content_id": ["c1", "c2", "c3"],
         "title": ["Sums I", "Prose I", "Prose II"], "minutes": [90.0, 60000.0, 30.0],
         "cost": [20.0, 9000.0, 1.0], "currency": "EUR", "level_from": [0.3, 0.0, 0.4],
         "level_to": [0.6, 0.4, 0.6]}
    )  # fmt: skip
    return frame, supply


def test_hours_and_cost_that_one_person_makes_are_hidden() -> None:
    frame, supply = learners(30)
    found = skill_gaps.supplied(skill_gaps.closing(frame, supply), supply, frame)
    published = publish(found)
    check_payload(payload(published), public=False)
    told = published.frame.set_index("skill")
    amounts = ["hours", "low", "high", "total_hours", "total_cost"]
    assert told.loc["Sums", amounts].notna().all()
    assert told.loc["Prose", amounts].isna().all()  # thirty are short, one of them makes the sum
    assert told.loc["Prose", "closable"] == 1.0
    # Of everyone's hours less those of the other skills the hidden one would follow.
    assert not published.has("hours_to_close")
    assert not published.has("cost_to_close")
    for column in found.sums:
        assert all(r >= 0.1 for r in two_people_know(found, column))
    even = publish(skill_gaps.supplied(
        skill_gaps.closing(frame[frame["skill_id"] == "a"], supply), supply, frame))  # fmt: skip
    assert even.has("hours_to_close")
    assert even.has("cost_to_close")


@pytest.mark.parametrize(("hers", "is_told"), [(30.0, True), (90_000.0, False)])
def test_minutes_of_a_segment_that_one_person_makes_are_hidden(hers: float, is_told: bool) -> None:
    frame = pd.DataFrame(
        {"active_weeks": [10.0] * 40, "actions": 60.0, "actions_a_week": 5.0,
         "minutes_a_week": [hers] + [30.0] * 39, "silent_days": 3.0, "unit": "Sales"}
    )  # fmt: skip
    found = segments.profiles(frame, segment_rules.read())
    published = publish(found)
    check_payload(payload(published), public=False)
    row = published.frame.iloc[0]
    assert bool(pd.notna(row["minutes"])) is is_told
    assert row["weeks"] == 10.0  # what stands beside it stays


def test_the_spread_of_minutes_is_hidden_with_them() -> None:
    frame = pd.DataFrame({"value_reach": [1, 0] * 200, "learning_minutes": [0.0] * 399 + [90_000]})
    none = pd.DataFrame(columns=["metric", "week_on", "value"])
    records = pd.DataFrame(columns=["metric", "n_missing", "n_rows", "lag_days"])
    published = publish(measurement_plan.scorecard(frame, none, records))
    check_payload(payload(published), public=False)
    told = published.frame.set_index("metric")[["mde", "relative", "adjusted"]]
    assert told.loc["learning_minutes"].isna().all()
    assert told.loc["value_reach"].notna().all()
    assert not publish(measurement_plan.means(frame)).has("learning_minutes")


def test_the_door_and_the_gate_ask_for_the_largest() -> None:
    frame = pd.DataFrame({"unit": ["A", "B"], "total_hours": [100.0, 80.0], "n": [40, 40]})
    roles = {"unit": Role.KEY, "total_hours": Role.VALUE, "n": Role.N}
    bare = Result("hours", Family.MEANS, frame, roles)
    with pytest.raises(DisclosureError, match="largest persons"):
        publish(bare)
    estimate = Estimate("hours_to_close", 3.0, 2.0, 4.0, 40, "hours")
    with pytest.raises(DisclosureError, match="hours_to_close"):
        publish(bare.but(beside=("total_hours",), estimates=(estimate,)))
    published = publish(bare.but(beside=("total_hours",)))
    check_payload(payload(published), public=False)
    with pytest.raises(DisclosureError, match="nobody asked who the largest are"):
        check_payload(payload(published, parameters={}), public=False)
    with pytest.raises(DisclosureError, match="nobody asked who the largest are"):
        check_payload(payload(published, estimates=[["learning_minutes", 3.0, None, None, 40,
                                                     "minutes", "descriptive", ""]]),
                      public=False)  # fmt: skip
    hidden = payload(published, parameters={"sums": "total_hours"}, rows=[["A", None, 40]])
    check_payload(hidden, public=False)
    again = {"columns": [["unit", "key"], ["total_hours", "value"], ["low", "low"], ["n", "n"]],
             "rows": [["A", None, 2.0, 40]], "parameters": {"sums": "total_hours"}}  # fmt: skip
    with pytest.raises(DisclosureError, match="the interval of a sum that is hidden"):
        check_payload(payload(published, **again), public=False)


# What is nobody's business ------------------------------------------------------------------


def counselled(groups: list[tuple[int, int]]) -> Result:
    frame = pd.DataFrame(groups, columns=["n_reached", "n"])
    frame["group"] = [f"unit {i}" for i in range(len(groups))]
    return rates.shares(frame, metric="activation_rate").but(is_sensitive=True)


def test_of_something_sensitive_neither_all_nor_none_is_told() -> None:
    groups = [(0, 15), (0, 400), (15, 15), (400, 400), (396, 400), (150, 400), (7, 400)]
    published = publish(counselled(groups))
    told = published.frame.set_index("group")
    assert told["share"].dropna().tolist() == [0.38]
    assert told.loc["unit 1", ["low", "high"]].tolist() == [0.0, 0.03]
    assert told.loc["unit 3", ["low", "high"]].tolist() == [0.97, 1.0]
    # None, seven and all but four look the same as one another.
    assert told.loc["unit 1"].equals(told.loc["unit 6"].rename("unit 1"))
    assert told.loc["unit 3"].equals(told.loc["unit 4"].rename("unit 3"))
    assert all(0 < e.value < 1 for e in published.estimates)
    said = of(published, "", drop=["low", "high"]).rows
    assert [row[3] for row in said[1:4]] == ["at most 3 %", "at least 33 %", "at least 97 %"]
    check_payload(payload(published), public=False)


def test_of_anything_else_all_and_none_may_be_told() -> None:
    published = publish(counselled([(0, 400), (400, 400)]).but(is_sensitive=False))
    assert published.frame["share"].tolist() == [0.0, 1.0]
    with pytest.raises(DisclosureError, match="all or none"):
        check_payload(payload(published, parameters={"is_sensitive": True}), public=False)


# Labels -------------------------------------------------------------------------------------


def courses(*titles: str) -> Result:
    frame = pd.DataFrame({"course": titles, "n_reached": 30, "n": 80})
    result = rates.shares(frame, keys=("course",), metric="activation_rate", name="courses")
    return result.but(method=f"Takers of {titles[0]}.")


def test_a_title_that_tells_of_health_is_told_in_general_words() -> None:
    told = Told()
    published = publish(courses("Return after burnout", "Sums", "Coping with grief"), None, told)
    labels = [row[0] for row in published.rows]
    assert labels == ["a sensitive topic", "Sums", "a sensitive topic (2)"]
    assert [e.label for e in published.estimates] == labels
    again = publish(courses("Coping with grief", "More sums"), None, told)
    assert again.rows[0][0] == "a sensitive topic (2)"
    everything = str([to_payload(published), to_payload(again)])
    assert "burnout" not in everything
    assert "grief" not in everything
    check_payload(payload(published), public=False)


@pytest.mark.parametrize(
    "title",
    ["Pregnancy and work", "Back after sick leave", "Works council: new members",
     "Wiedereingliederung", "Living with diabetes", "LGBTQ+ network", "Burn-out voorkomen"],
)  # fmt: skip
def test_the_gate_knows_such_titles_by_itself(title: str) -> None:
    published = publish(courses("Sums"))
    [row] = published.rows
    with pytest.raises(DisclosureError, match="sensitive") as refusal:
        check_payload(payload(published, rows=[[title, *row[1:]]]), public=False)
    assert title not in str(refusal.value)
    assert publish(courses(title)).rows[0][0] == "a sensitive topic"


def test_ordinary_titles_and_public_data_keep_their_words() -> None:
    titles = ("Health and safety", "Data literacy", "Ethics", "Grammar", "Crankshafts")
    assert tuple(row[0] for row in publish(courses(*titles)).rows) == titles
    public = Rules(k=1, base=1, public=True)
    assert publish(courses("Coping with grief"), public).rows[0][0] == "Coping with grief"


# Declared by data ---------------------------------------------------------------------------


def of_metric(metric: str, count: int, n: int) -> Result:
    frame = pd.DataFrame({"group": ["A"], "n_reached": [count], "n": [n]})
    return rates.shares(frame, metric=metric)


@pytest.mark.parametrize("metric", [m for m in metrics() if metrics()[m].sensitive])
def test_a_sensitive_metric_makes_its_result_sensitive(metric: str) -> None:
    """Whoever writes an analysis need not think of it."""
    for count in (0, 60):
        published = publish(of_metric(metric, count, 60))
        assert published.parameters["is_sensitive"] is True
        assert published.frame[["n_reached", "share"]].isna().all(axis=None)
        assert 0 < published.estimates[0].value < 1
        check_payload(payload(published), public=False)
    assert "is_sensitive" not in publish(of_metric("activation_rate", 0, 60)).parameters


def test_a_share_without_a_count_is_told_one_sided_too() -> None:
    frame = pd.DataFrame(
        {"skill": list("abc"), "at": [0.0, 0.5, 1.0], "low": [0.0, 0.4, 0.93],
         "high": [0.07, 0.6, 1.0], "n": 50}
    )  # fmt: skip
    roles = {"skill": Role.KEY, "at": Role.RATE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N}
    published = publish(Result("gaps", Family.MEANS, frame, roles, shares={"at": ("low", "high")}))
    assert published.frame["at"].isna().tolist() == [True, False, True]
    assert [row[2:4] for row in published.rows] == [(0.0, 0.2), (0.4, 0.6), (0.8, 1.0)]
    careless = [["a", 0.0, *published.rows[0][2:]], *published.rows[1:]]
    with pytest.raises(DisclosureError, match="something sensitive"):
        check_payload(payload(published, rows=careless), public=False)


def test_a_mean_that_one_person_makes_is_hidden_with_its_interval_and_estimate() -> None:
    each = np.full(60, 1.0)
    for most, is_told in ((1.0, True), (9000.0, False)):
        each[0] = most
        published = publish(measurement_plan.means(pd.DataFrame({"learning_minutes": each})))
        [row] = published.rows
        assert (row[1] is not None) is is_told
        assert all((value is not None) is is_told for value in row[1:5])
        assert published.has("learning_minutes") is is_told


# Curves -------------------------------------------------------------------------------------


def followed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    life = np.ceil(rng.exponential(60, n))
    until = rng.integers(60, 181, n)
    return pd.DataFrame({"duration": np.minimum(life, until), "event": life <= until})


def points(published: Published) -> list[dict[str, float]]:
    """Places where a curve says something: where it begins, and after ten events each."""
    rows = published.frame.astype({"survival": float}).to_dict("records")
    return [row for i, row in enumerate(rows) if not i or row["n_events"]]


def worked_out(published: Published) -> list[tuple[float, float, float]]:
    """Read a curve backwards (Guyot 2012): between which times how many events lie, at least.

    Only the points tell: everything between is on the line from one to the next.
    """
    found = []
    for begin, end in pairwise(points(published)):
        at_risk = float(end["n"]) + float(end["n_events"])
        fallen = begin["survival"] - end["survival"] - 0.01
        found.append((begin["time"], end["time"], at_risk * fallen / begin["survival"] - 5))
    return found


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_a_curve_read_backwards_gives_no_time_of_anyone(n: int) -> None:
    """Every stretch it can be narrowed to is a week at least and holds ten events or more."""
    for seed in range(5):
        frame = followed(n, seed)
        published = publish(survival.kaplan_meier(frame))
        own = frame.loc[frame["event"], "duration"]
        for since, until, least in worked_out(published):
            inside = ((own > since) & (own <= until)).sum()
            assert until - since >= 7
            assert inside >= 10
            assert least <= inside + 5
        shown = {row[1] for row in published.rows}
        assert not shown - {7 * week for week in range(60)}


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_a_curve_says_no_more_than_its_points(n: int) -> None:
    """Whoever has the points has the curve: all else is drawn between them with a ruler."""
    for seed in range(5):
        published = publish(survival.kaplan_meier(followed(n, seed)))
        shown, at = published.frame, pd.DataFrame(points(published))
        for height in ("survival", "low", "high"):
            ruled = np.interp(shown["time"].astype(float), at["time"], at[height].astype(float))
            assert np.abs(ruled - shown[height].astype(float)).max() <= 0.0006
        check_payload(payload(published), public=False)


def test_the_gate_refuses_a_curve_that_moves_between_its_points() -> None:
    published = publish(survival.kaplan_meier(followed(80, 2)))
    rows = [list(row) for row in published.rows]
    [between, *_] = [i for i, row in enumerate(rows) if i and not row[-2]]
    rows[between][2] = round(rows[between][2] - 0.01, 3)
    with pytest.raises(DisclosureError, match="more than its points"):
        check_payload(payload(published, rows=rows), public=False)


SHAPES = [(0.7, 60.0), (0.7, 200.0), (1.0, 60.0), (1.0, 200.0), (1.5, 60.0), (1.5, 200.0)]
"""Shape and scale in days of a Weibull distribution: early, even and late events, many and few."""


def lives(n: int, shape: float, scale: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    life = np.ceil(scale * rng.weibull(shape, n))
    until = rng.integers(60, 181, n)
    return pd.DataFrame({"duration": np.minimum(life, until), "event": life <= until})


def greenwood(exact: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the standard error of a Kaplan-Meier curve at each of its times."""
    d, n = exact["n_events"].to_numpy(), exact["n"].to_numpy()
    terms = np.divide(d, n * (n - d), out=np.zeros(len(d)), where=(d > 0) & (n > d))
    return np.asarray(exact["survival"].to_numpy() * np.sqrt(terms.cumsum()))


def how_far(frame: pd.DataFrame) -> tuple[float, float, float]:
    """Return the largest distance of the curve published from the exact one, on any day.

    In standard errors of that day, from the first point on; in parts of one; and how often it is
    within one standard error. Before the first point fewer than ten events have happened, and the
    standard error begins at nought.
    """
    exact = survival.kaplan_meier(frame).frame
    shown = publish(survival.kaplan_meier(frame))
    at = points(shown)
    safe = shown.frame.astype({"time": float, "survival": float})
    days = np.arange(0.0, float(safe["time"].iloc[-1]) + 1)
    place = np.searchsorted(exact["time"], days, side="right") - 1
    true = np.where(place < 0, 1.0, exact["survival"].to_numpy()[place])
    se = np.where(place < 0, 0.0, greenwood(exact)[place])
    error = np.abs(np.interp(days, safe["time"], safe["survival"]) - true)
    told = days >= (at[1]["time"] if len(at) > 1 else days[-1] + 1)
    if not told.any():
        return 0.0, float(error.max()), 1.0
    ratio = error[told] / se[told]
    return float(ratio.max()), float(error.max()), float((ratio <= 1).mean())


def distances(n: int, seeds: range) -> npt.NDArray[np.float64]:
    """Quantiles over organisations: median and 95th percentile of each distance."""
    found = [how_far(lives(n, *one, seed)) for one in SHAPES for seed in seeds]
    return np.quantile(np.array(found), [0.5, 0.95, 0.05], axis=0)


@pytest.mark.parametrize("n", [200, 500, 1000])
def test_a_safe_curve_is_within_a_standard_error(n: int) -> None:
    """At its worst day in the middle organisation, and on nearly all days in nearly all."""
    median, most, _ = distances(n, range(5))
    assert median[0] <= 1
    assert most[0] <= 1.75
    assert median[1] <= {200: 0.035, 500: 0.025, 1000: 0.02}[n]


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 500, 1000])
def test_a_safe_curve_is_within_a_standard_error_in_six_hundred_organisations(n: int) -> None:
    median, most, least = distances(n, range(100, 200))
    assert median[0] <= 1
    assert most[0] <= 1.6
    assert median[1] <= {200: 0.03, 500: 0.02, 1000: 0.017}[n]
    assert least[2] >= 0.9
    print(median, most, least)


def test_an_estimate_of_a_hidden_group_is_hidden_with_it() -> None:
    frame = pd.DataFrame({"group": ["A", "B"], "n_reached": [20, 3], "n": [57, 8]})
    published = publish(rates.shares(frame, metric="unit_waiting"))
    assert [row[1:] for row in published.rows] == [(None,) * 5] * 2
    assert published.estimates == ()
    assert isinstance(rates.shares(frame, metric="unit_waiting").estimates[0], Estimate)
