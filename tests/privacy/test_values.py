"""Values about persons: quantiles, sums that one person makes, what is nobody's business."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch.errors import DisclosureError
from ldresearch.models import rates, survival
from ldresearch.privacy import check_payload, publish
from ldresearch.privacy.suppression import Told
from ldresearch.result import Estimate, Published, Result, Rules, to_payload
from ldresearch.tables._table import of
from ldresearch.vocabulary import Family, Role


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


# Curves -------------------------------------------------------------------------------------


def followed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    life = np.ceil(rng.exponential(60, n))
    until = rng.integers(60, 181, n)
    return pd.DataFrame({"duration": np.minimum(life, until), "event": life <= until})


def worked_out(published: Published) -> list[tuple[float, float, float]]:
    """Read a curve backwards (Guyot 2012): between which times how many events lie, at least."""
    found, held, since = [], 1.0, 0.0
    for row in published.frame.to_dict("records"):
        if row["survival"] is not None and row["survival"] < held:
            at_risk = float(row["n"]) + float(row["n_events"])
            least = at_risk * (held - row["survival"] - 0.01) / held - 5
            found.append((since, float(row["time"]), least))
            held, since = float(row["survival"]), float(row["time"])
    return found


@pytest.mark.parametrize("n", [20, 50, 200, 1000])
def test_a_curve_read_backwards_gives_no_time_of_anyone(n: int) -> None:
    """Every stretch it can be narrowed to is a week at least and holds ten events or more."""
    for seed in range(5):
        frame = followed(n, seed)
        published = publish(survival.kaplan_meier(frame))
        own = frame.loc[frame["event"], "duration"]
        for since, until, _ in worked_out(published):
            assert until - since >= 7
            assert ((own > since) & (own <= until)).sum() >= 10
        shown = {row[1] for row in published.rows}
        assert not shown - {7 * week for week in range(60)}


@pytest.mark.parametrize("n", [200, 500, 1000])
def test_a_safe_curve_is_within_a_standard_error(n: int) -> None:
    """What it costs: along the curve less than chance does anyway, in every organisation.

    Not at every point: the largest difference is up to 1.7 times the largest standard error.
    """
    for seed in range(10):
        frame = followed(n, seed)
        exact = survival.kaplan_meier(frame).frame
        safe = publish(survival.kaplan_meier(frame)).frame
        at = np.searchsorted(exact["time"], safe["time"].astype(float), side="right") - 1
        begun, at = at >= 0, np.maximum(at, 0)
        true = exact["survival"].to_numpy()[at]
        chance = (exact["high"] - exact["low"]).to_numpy()[at] / (2 * 1.96)
        error = np.abs(true - safe["survival"].astype(float))
        assert error[begun].mean() <= np.nanmean(chance[begun])


def test_an_estimate_of_a_hidden_group_is_hidden_with_it() -> None:
    frame = pd.DataFrame({"group": ["A", "B"], "n_reached": [20, 3], "n": [57, 8]})
    published = publish(rates.shares(frame, metric="unit_waiting"))
    assert [row[1:] for row in published.rows] == [(None,) * 5] * 2
    assert published.estimates == ()
    assert isinstance(rates.shares(frame, metric="unit_waiting").estimates[0], Estimate)
