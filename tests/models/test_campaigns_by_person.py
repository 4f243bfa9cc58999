"""Persons launched beside persons held out: published numbers, sums by hand, chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import _two_shares, campaign_effects
from ldresearch.models.campaign_effects import by_person
from ldresearch.privacy import publish
from ldresearch.result import Rules, not_enough
from ldresearch.vocabulary import Family, Grade

Z90, Z95 = 1.6448536269514722, 1.959963984540054


def weeks(*rows: tuple[int, int, int, int], is_randomised: bool = True) -> pd.DataFrame:
    """Each row a week: reached of launched, reached of held out."""
    return pd.DataFrame(
        [
            (pd.Timestamp("2024-03-04") + pd.Timedelta(weeks=i), on, is_randomised, of, reached)
            for i, (a, n, b, m) in enumerate(rows)
            for on, reached, of in ((True, a, n), (False, b, m))
        ],
        columns=["week_on", "is_launched", "is_randomised", "n_waiting", "n_reached"],
    )


PUBLISHED = [
    ((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090),
    ((6, 7, 2, 7), 0.0582, 0.8062), ((5, 56, 0, 29), -0.0381, 0.1926),
    ((0, 10, 0, 20), -0.1611, 0.2775), ((10, 10, 0, 20), 0.6791, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "low", "high"), PUBLISHED)
def test_newcombe_as_published(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Newcombe 1998, Stat Med 17:873-890, table II, method 10."""
    assert _two_shares.newcombe(*counts) == pytest.approx((low, high), abs=5e-5)


def test_mantel_haenszel_as_published() -> None:
    """Deaths by tolbutamide in two ages (Rothman, Greenland & Lash 2008, table 15-1).

    R, metafor: rma.mh(measure="RD", level=90) gives .0349, 90 % interval -.0176 to .0874.
    """
    a, n, b, m = (np.array(x, dtype=float) for x in ([8, 22], [106, 98], [5, 16], [120, 85]))
    value, low, high = _two_shares.stratified(a, n, b, m)
    assert value == pytest.approx(0.0349, abs=5e-5)
    half = (high - low) / 2 * Z90 / Z95
    assert (value - half, value + half) == pytest.approx((-0.0176, 0.0874), abs=5e-5)


def test_two_weeks_by_hand() -> None:
    """Weights 10 and 10: (20 * .5 - 20 * .2) / 20 of one and (30 * .5 - 30 * .2) / 30 of the other.

    First week 10 of 20 beside 4 of 20, second 15 of 30 beside 3 of 15: both differ by .3. Weights
    20 * 20 / 40 = 10 and 30 * 15 / 45 = 10. Sato: P = (400 * 4 - 400 * 10 + 0) / 1600 = -1.5 and
    (900 * 3 - 225 * 15 + 450 * -7.5) / 2025 = -2; Q = (10 * 16 + 4 * 10) / 80 = 2.5 and
    (15 * 12 + 3 * 15) / 90 = 2.5. Variance (.3 * -3.5 + 5) / 400 = .009875.
    """
    found = by_person(weeks((10, 20, 4, 20), (15, 30, 3, 15)))
    e = found.estimate("campaign_effect")
    assert e.value == pytest.approx(0.3)
    assert (e.high - e.low) / 2 == pytest.approx(Z95 * 0.009875**0.5)
    assert (e.n, e.grade) == (85, Grade.RANDOMISED)


def test_weeks_that_differ_do_not_confound() -> None:
    """A good week with many launched beside a bad one with few: no effect in either."""
    e = by_person(weeks((48, 60, 16, 20), (4, 20, 12, 60))).estimate("campaign_effect")
    assert e.value == pytest.approx(0.0)
    assert e.low < 0 < e.high


def test_a_week_with_one_side_compares_nothing() -> None:
    with_one = weeks((10, 20, 4, 20), (7, 30, 0, 0))
    found = by_person(with_one)
    assert found.estimate("campaign_effect") == by_person(with_one[:2]).estimate("campaign_effect")
    assert found.frame["n"].tolist() == [40]
    shuffled = with_one.sample(frac=1, random_state=1)
    assert by_person(shuffled).estimates == found.estimates


@pytest.mark.parametrize("counts", [(0, 20), (20, 20)], ids=["nobody", "everybody"])
def test_shares_that_do_not_vary_have_an_interval(counts: tuple[int, int]) -> None:
    e = by_person(weeks((*counts, *counts), (*counts, *counts))).estimate("campaign_effect")
    assert e.value == 0
    assert e.low < 0 < e.high


def test_whom_somebody_chose_is_described() -> None:
    found = by_person(weeks((56, 70, 48, 80), is_randomised=False))
    assert found.estimate("campaign_effect").grade is Grade.DESCRIPTIVE


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(5, 20, 1, 9)], "20 were launched and 9 held out: it takes 10 of each"),
        ([(5, 20, 0, 0), (0, 0, 1, 30)], "0 were launched and 0 held out"),
        ([], "0 were launched and 0 held out"),
    ],
)
def test_too_few_persons_say_so(rows: list[tuple[int, int, int, int]], words: str) -> None:
    assert words in by_person(weeks(*rows)).missing


def test_the_interval_holds_the_truth_in_many_small_weeks() -> None:
    """Sixteen weeks of some eighteen persons, as in the demo: 95 of 100 intervals."""
    rng = np.random.default_rng(1)
    held = 0
    base = np.linspace(0.2, 0.5, 16)
    for _ in range(2000):
        n = rng.binomial(18, 0.5, 16).clip(1, 17)
        a, b = rng.binomial(n, base + 0.1), rng.binomial(18 - n, base)
        _, low, high = _two_shares.stratified(*(np.asarray(x, float) for x in (a, n, b, 18 - n)))
        held += low <= 0.1 <= high
    assert 0.935 <= held / 2000 <= 0.965


# Among the other campaigns -------------------------------------------------------------------


def test_a_campaign_by_persons_beside_others() -> None:
    """It has an interval, counts persons, is not followed by periods, and passes the check."""
    sprint = pd.DataFrame({
        "client": ["one"], "campaign": "Sprint", "strategy": "phased", "is_goal_tied": False,
        "breadth": 0.5, "n_units": 2, "n_launched": 1, "n_waves": 1, "is_randomised": True,
        "is_complete": True, "n_reached": 56, "n_waiting": 70, "has_touches": False,
        "n_overlapping": 0,
    })  # fmt: skip
    none = pd.DataFrame({"campaign": []})
    drawn = weeks((56, 70, 48, 80)).assign(campaign="Sprint")
    studies = campaign_effects.studies(none, none, sprint, allocated=drawn)
    found = campaign_effects.effects(studies, sprint)
    e = publish(found, Rules()).estimate("campaign_effect", "Sprint")
    assert (e.n, str(e.grade)) == (150, "randomised")
    assert found.frame[["low", "high", "n"]].round(4).to_numpy().tolist() == [[0.0524, 0.3339, 70]]
    assert "allocated one by one" in campaign_effects.event_study(studies).missing
    days = pd.DataFrame({"campaign": [], "is_quiet": []})
    unasked = not_enough("effects", Family.CONTRAST, "not asked")
    checks = campaign_effects.trust(studies, sprint, days, none, unasked, unasked)
    few = checks.frame.set_index("check").loc["few_units"]
    assert few.tolist() == ["passed", 70.0, 20.0]
