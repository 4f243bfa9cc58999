"""The door out: what a published result may show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch.errors import DisclosureError
from ldresearch.models import rates as models_rates
from ldresearch.models import survival
from ldresearch.privacy import check_payload, publish
from ldresearch.result import Estimate, Published, Result, Rules, from_payload, to_payload
from ldresearch.vocabulary import Family, Role

ROLES = {"unit": Role.KEY, "started": Role.COUNT, "rate": Role.RATE, "n": Role.N}


def payload(published: Published) -> dict[str, object]:
    return {"v": 1, "kind": "table", "stem": "adoption", "view": "funnel",
            "published": [to_payload(published)]}  # fmt: skip


def rates(rows: list[tuple[int, int]]) -> Result:
    frame = pd.DataFrame(rows, columns=["started", "n"])
    frame["rate"] = frame["started"] / frame["n"].clip(lower=1)
    frame["unit"] = [f"unit {i}" for i in range(len(frame))]
    return Result("rates", Family.RATES, frame, ROLES)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_every_released_cell_is_empty_or_about_ten_or_more(rows: list[tuple[int, int]]) -> None:
    result = rates([(min(pair), max(pair)) for pair in rows])
    published = publish(result)
    for (_, started, rate, n), (true, total) in zip(
        published.rows, result.frame[["started", "n"]].to_numpy(), strict=True
    ):
        assert n is None or n == 0 or (n >= 10 and n % 5 == 0)
        assert started is None or started == 0 or (started >= 10 and started % 5 == 0)
        if 0 < true < 10 or 0 < total < 10:
            assert started is None
            assert rate is None
        if rate is not None:
            assert rate == round(rate, 2)
    check_payload(payload(published), public=False)


def test_a_rate_does_not_give_back_its_numerator() -> None:
    """137 of 311 is 44.05 %: from 135 of 310, rounded, many numerators fit."""
    published = publish(rates([(137, 311)]))
    assert published.rows[0][1:] == (135, 0.44, 310)


def test_nothing_but_publish_makes_a_published_result() -> None:
    with pytest.raises(DisclosureError, match="publish"):
        Published(object())
    published = publish(rates([(30, 60)]))
    with pytest.raises(AttributeError):
        published.rows = ()  # type: ignore[misc]


@pytest.mark.parametrize("column", ["person_key", "person_id", "rater_id"])
def test_a_column_about_one_person_is_refused(column: str) -> None:
    frame = pd.DataFrame({column: [1], "n": [50]})
    result = Result("list", Family.COUNTS, frame, {column: Role.KEY, "n": Role.N})
    with pytest.raises(DisclosureError, match="one person"):
        publish(result)


def test_persons_behind_each_row_are_needed() -> None:
    frame = pd.DataFrame({"unit": ["a"], "mean": [1.0]})
    result = Result("means", Family.MEANS, frame, {"unit": Role.KEY, "mean": Role.VALUE})
    with pytest.raises(DisclosureError, match="how many persons"):
        publish(result)


def test_k_has_a_floor() -> None:
    with pytest.raises(DisclosureError, match="5 or more"):
        publish(rates([(30, 60)]), Rules(k=4))


def test_columns_without_a_role_stay_behind() -> None:
    result = rates([(30, 60)])
    result.frame["note"] = "secret"
    assert "secret" not in str(to_payload(publish(result)))


@pytest.mark.parametrize(
    ("share", "n", "told"),
    [(0.0, 2000, (0.0, 0.0, 0.01)), (0.002, 2000, (0.0, 0.0, 0.01)), (1.0, 2000, (1.0, 0.99, 1.0)),
     (0.02, 100, (0.05, 0.0, 0.17)), (0.5, 12, (0.5, 0.0, 1.0))],
)  # fmt: skip
def test_a_share_of_few_is_told_as_few(
    share: float, n: int, told: tuple[float, float, float]
) -> None:
    low, high = max(share - 0.001, 0), min(share + 0.001, 1)
    estimate = Estimate("a", share, low, high, n, "share")
    [kept] = publish(rates([(30, 60)]).but(estimates=(estimate,))).estimates
    assert (kept.value, kept.low, kept.high) == told


@pytest.mark.parametrize("n", [40, 100, 103, 200, 780, 2000])
def test_a_share_tells_no_small_count_from_another(n: int) -> None:
    def told(count: int) -> tuple[float, float, float]:
        frame = pd.DataFrame({"way": ["a", "b"], "count": [count, n - count], "n": n})
        found = models_rates.shares(
            frame, count="count", n="n", keys=("way",), metric="started_way", name="ways"
        )
        e = publish(found).estimate("started_way", "a")
        return e.value, e.low, e.high

    few, nearly_all = range(10), range(n - 9, n + 1)
    assert len({told(count) for count in few}) == 1
    assert len({told(count) for count in nearly_all}) == 1
    assert told(10) != told(9)


def test_small_estimates_are_dropped_and_the_others_rounded() -> None:
    estimates = (
        Estimate("a", 0.4267, 0.381, 0.4712, 123, "share"),
        Estimate("b", 26.4, 22.2, 31.9, 123, "days"),
        Estimate("c", 0.5, 0.1, 0.9, 9, "share"),
    )
    kept = publish(rates([(30, 60)]).but(estimates=estimates)).estimates
    assert [e.metric for e in kept] == ["a", "b"]
    # 52.5 of 123 are told as 50 of 125: a share follows from its rounded count.
    assert (kept[0].value, kept[0].low, kept[0].n) == (0.4, 0.36, 125)
    assert (kept[1].value, kept[1].high) == (26.0, 32.0)


def test_public_data_pass_as_they_are() -> None:
    published = publish(rates([(3, 7)]), Rules(public=True))
    assert published.rows[0][1:] == (3, 3 / 7, 7)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_a_curve_shows_no_single_event(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"duration": rng.integers(1, 200, n), "event": rng.random(n) < 0.7})
    published = publish(survival.kaplan_meier(frame))
    check_payload(payload(published), public=False)
    shown = published.frame
    if n < 10:
        assert shown.empty
        return
    assert (shown["time"] % 7 == 0).all()
    before = 0
    for row in shown.index[shown["n_events"].astype(int) > 0]:
        at = shown.loc[row, "time"]
        happened = (frame["event"] & (frame["duration"] <= at) & (frame["duration"] > before)).sum()
        assert happened >= 10
        before = at
    assert (shown.loc[shown["time"] > before, "survival"].astype(float).diff().fillna(0) == 0).all()
    assert (shown["n"].astype(int) % 5 == 0).all()


def test_the_wire_keeps_everything() -> None:
    published = publish(rates([(30, 60), (4, 20)]).but(parameters={"by": "unit"}))
    again = from_payload(to_payload(published))
    assert to_payload(again) == to_payload(published)


def test_the_gate_refuses_what_the_door_would_not_have_let_out() -> None:
    good = payload(publish(rates([(30, 60)])))
    check_payload(good, public=False)

    def changed(**fields: object) -> dict[str, object]:
        published = {**good["published"][0], **fields}  # type: ignore[index]
        return {**good, "published": [published]}

    broken = {
        "small count": changed(rows=[["unit 0", 3, 0.05, 60]]),
        "unrounded count": changed(rows=[["unit 0", 31, 0.52, 60]]),
        "fine rate": changed(rows=[["unit 0", 30, 0.5012, 60]]),
        "small group": changed(rows=[["unit 0", None, 0.5, 4]]),
        "hidden group with a rate": changed(rows=[["unit 0", None, 0.5, None]]),
        "a pseudonym": changed(rows=[["0123456789abcdef0123456789abcdef", 30, 0.5, 60]]),
        "a mail address": changed(rows=[["someone@example.org", 30, 0.5, 60]]),
        "k under the floor": changed(rules=[2, 1, False]),
        "public by its own word": changed(rules=[1, 1, True]),
        "a column of persons": changed(
            columns=[["person_key", "key"], ["started", "count"], ["rate", "rate"], ["n", "n"]]
        ),
        "an unknown field": changed(html="<b>"),
        "another kind": {**good, "kind": "html"},
        "a path for a name": {**good, "stem": "../etc"},
    }
    passed = []
    for what, bad in broken.items():
        try:
            check_payload(bad, public=False)
        except DisclosureError:
            continue
        passed.append(what)
    assert passed == []


def test_relabelling_changes_nothing() -> None:
    """Labels as numbers, truth values or text: the same cells are hidden."""
    base = rates([(30, 60), (4, 20), (12, 13)])
    shown = [row[1:] for row in publish(base).rows]
    for labels in ([0, 1, 2], [True, False, None], ["0", "1", "None"]):
        relabelled = base.but(frame=base.frame.assign(unit=pd.Series(labels, dtype=object)))
        assert [row[1:] for row in publish(relabelled).rows] == shown
