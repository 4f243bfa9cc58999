"""What the adoption report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import adoption as figures
from ldresearch.figures import style
from ldresearch.models import adoption
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import adoption as sentences
from ldresearch.tables import adoption as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC = Rules(k=1, base=1, public=True)
VIEWS = ("reach", "speed", "course", "active", "habit", "units")
HEADLINE = ("speed", "course", "units", "waiting", "stickiness", "active")


def results(n: int = 900, weeks: int = 60) -> dict[str, Result]:
    """Results of every view, from frames as the measures give them."""
    rng = np.random.default_rng(1)
    duration = np.minimum(rng.exponential(120, n), 7.0 * weeks).round()
    event = np.where(duration < 7 * weeks, rng.choice(["value", "left"], n, p=[0.9, 0.1]), "")
    followed = pd.DataFrame({"duration": duration, "event": event, "entry": 0.0})
    counts = np.bincount((duration[event == "value"] // 7).astype(int), minlength=weeks)[:weeks]
    started = np.cumsum(counts)
    course = pd.DataFrame(
        {
            "time": range(1, weeks + 1), "adopters": counts, "n_started": started,
            "week_on": pd.date_range("2024-01-01", periods=weeks, freq="7D"),
            "n_eligible": n, "at_risk": n - started + counts,
            "is_complete": [True] * (weeks - 1) + [False],
        }
    )  # fmt: skip
    days = pd.date_range("2024-01-01", periods=200)
    active = pd.concat(
        pd.DataFrame(
            {
                "day_on": days, "part": i, "dau": 5 + i % 2, "wau": 12, "mau": 20 + i,
                "is_full_month": np.arange(200) >= 27,
            }
        )
        for i in range(4)
    )  # fmt: skip
    habit = pd.DataFrame({"n_days": range(1, 29), "n_persons": [40, 30, 20, 10] + [1] * 24})
    steps = ("employed", "informed", "access", "active", "value")
    funnel = pd.DataFrame(
        {
            "group": "", "step": steps, "order": range(5), "n_reached": [900, 700, 880, 610, 7],
            "n_of": [900, 900, 900, 880, 610],
        }
    )  # fmt: skip
    groups = pd.DataFrame(
        {
            "group": ["Sales", "Service", "Finance", "Lab $1"], "n_reached": [90, 85, 12, 3],
            "n_followed": [200, 200, 100, 8], "n_eligible": [210, 210, 110, 8],
            "n_waiting": [30, 40, 70, 5],
        }
    )  # fmt: skip
    ways = pd.DataFrame(
        {
            "way": ["self_started", "both", "assigned", "neither"],
            "n_persons": [100, 500, 200, 100], "n_eligible": 900,
        }
    )  # fmt: skip
    apart = pd.DataFrame({"kind": ["unknown", "no_access", "early"], "n_persons": 3, "n_of": 900})
    speed, curve = adoption.activation(followed), adoption.bass(course)
    return {
        "reach": adoption.funnel(funnel), "ways": adoption.ways(ways), "speed": speed,
        "course": curve, "active": adoption.active(active), "habit": adoption.habit(habit),
        "stickiness": adoption.stickiness(active), "units": adoption.units(groups),
        "waiting": adoption.waiting(groups), "trust": adoption.trust(followed, apart, speed, curve),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `event` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.RATES, why))


def texts(ax: Any) -> list[str]:
    return [t.get_text() for t in ax.texts] + [t.get_text() for t in ax.get_yticklabels()]


@pytest.mark.parametrize("view", VIEWS)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    draw: Callable[..., Any] = getattr(figures, view)
    ax = draw(published[view], published["waiting"])
    size = style.fit(ax).get_size_inches()
    assert size[0] == style.WIDTH
    assert ax.get_xlabel() or ax.get_ylabel()


@pytest.mark.parametrize("view", [*VIEWS, "ways", "stickiness", "waiting"])
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view], published["waiting"])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not re.search(r"\b(nan|None|inf)\b", said)
    table = getattr(tables, view)(published[view])
    assert 0 < len(table.rows) <= len(published[view].rows)


@pytest.mark.parametrize(
    ("n_neither", "said"),
    [(0, "0 %"), (1, "fewer than 10 people"), (9, "fewer than 10 people"), (25, "under 1 %"),
     (60, "1 %")],
)  # fmt: skip
def test_few_people_are_not_said_to_be_nobody(n_neither: int, said: str) -> None:
    frame = pd.DataFrame(
        {
            "way": ["self_started", "both", "assigned", "neither"],
            "n_persons": [3000, 1500, 1500 - n_neither, n_neither], "n_eligible": 6000,
        }
    )  # fmt: skip
    assert f"and {said} neither." in sentences.ways(publish(adoption.ways(frame), Rules()))


def test_every_payload_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload = {"v": 1, "kind": "figure", "stem": "adoption", "view": view,
                   "published": [to_payload(one)]}  # fmt: skip
        check_payload(json.loads(json.dumps(payload, allow_nan=False)))


def test_every_estimate_is_in_the_registry(found: dict[str, Result]) -> None:
    for result in found.values():
        for estimate in result.estimates:
            assert metrics()[estimate.metric].unit == estimate.unit


def test_the_course_draws_the_numbers_it_was_given(found: dict[str, Result]) -> None:
    one = publish(found["course"], PUBLIC)
    frame, ax = one.frame, figures.course(one)
    seen = frame[frame["part"] == "seen"]
    drawn = [line.get_ydata() for line in ax.lines]
    assert any(np.array_equal(y, seen["share"].to_numpy(float)) for y in drawn)
    ahead = frame[frame["part"] == "ahead"]["expected"].to_numpy(float)
    assert any(np.array_equal(y, ahead) for y in drawn)
    assert ax.get_ylim() == (0, 1)


def test_an_incomplete_week_is_hatched_and_joins_no_line(found: dict[str, Result]) -> None:
    one = publish(found["course"], PUBLIC)
    ax = figures.course(one)
    assert [p for p in ax.patches if p.get_gid() == style.INCOMPLETE]
    open_week = one.frame[one.frame["part"] == "incomplete"]
    assert len(open_week) == 1
    n_seen = int((one.frame["part"] == "seen").sum())
    assert max(len(line.get_ydata()) for line in ax.lines) <= n_seen
    assert "week not over" in {row[1] for row in tables.course(one).rows}


def test_a_page_stays_small(found: dict[str, Result]) -> None:
    for view in ("speed", "course", "active"):
        assert len(found[view].frame) <= 82


def test_the_shrunk_share_survives_the_rules(found: dict[str, Result]) -> None:
    """The door puts plain shares in place of rates; a shrunk share must stay what it is."""
    exact = found["units"].frame.set_index("group")
    shown = publish(found["units"]).frame.set_index("group")
    assert shown.loc["Finance", "share"] == round(exact.loc["Finance", "share"], 2)
    assert shown.loc["Finance", "share"] != round(12 / 100, 2)
    assert shown.loc["Lab $1", ["share", "low", "high", "n"]].isna().all()


def test_a_small_group_is_never_named_as_lagging(found: dict[str, Result]) -> None:
    groups, waiting = publish(found["units"]), publish(found["waiting"])
    said = sentences.units(groups, waiting)
    assert "Finance" in said
    assert "Lab" not in said


def test_the_headline_names_the_lagging_group_and_a_date(published: dict[str, Published]) -> None:
    head = sentences.headline(*(published[name] for name in HEADLINE))
    assert "on their own" in head.title
    assert len(head.cards) == 4
    assert head.decision.startswith("Push next in Finance, by ")
    assert "2025" in head.decision
    assert "then the course has changed" in head.change_mind


def test_too_early_is_said() -> None:
    slow = pd.DataFrame(
        {"time": range(1, 13), "adopters": [4, 5, 6, 7, 9, 10, 12, 14, 17, 20, 23, 27]}
    )
    one = publish(adoption.bass(slow, 3000), PUBLIC)
    assert one.parameters["is_early"] is True
    assert "too early" in sentences.course(one)
    head = sentences.headline(nothing(), one, *[nothing()] * 4)
    assert "too early to say where it will end" in head.title
    assert [card.estimate.metric for card in head.cards] == ["adoption_share"]


@pytest.mark.parametrize(
    ("n_persons", "weeks"), [(1030, 52), (1052, 52), (1010, 16)], ids=["97", "95", "still rising"]
)
def test_where_all_have_started_nobody_is_pushed(n_persons: int, weeks: int) -> None:
    """Whatever is still to come, and whether the fastest week is over or not."""
    started = 1000 * np.arange(1, weeks + 1) ** 2 // weeks**2
    course = pd.DataFrame(
        {"time": range(1, weeks + 1), "adopters": np.diff(started, prepend=0)}
    )  # fmt: skip
    one = publish(adoption.bass(course, n_persons), PUBLIC)
    head = sentences.headline(nothing(), one, *[nothing()] * 4)
    assert "hardly anyone is left to start" in head.title
    assert head.decision.startswith("Stop pushing people to start: nearly all have.")
    fewer = publish(adoption.bass(course, n_persons + 100), PUBLIC)
    assert "Push everywhere" in sentences.headline(nothing(), fewer, *[nothing()] * 4).decision


@pytest.mark.parametrize("view", [*VIEWS, "ways", "stickiness", "waiting"])
def test_nothing_is_said_to_be_missing(view: str) -> None:
    said = getattr(sentences, view)(nothing(), nothing())
    assert "no rows in `event`" in said


def test_the_headline_is_true_when_everything_is_missing() -> None:
    head = sentences.headline(*[nothing()] * len(HEADLINE))
    assert head.title.startswith("Adoption cannot be told yet: this dataset has no rows")
    assert head.cards == ()
    assert "Decide nothing" in head.decision


def test_the_headline_says_that_nobody_has_started() -> None:
    frame = pd.DataFrame({"duration": np.full(50, 90.0), "event": ""})
    nobody = publish(adoption.activation(frame))
    head = sentences.headline(nobody, *[nothing()] * 5)
    assert head.title == "Nobody has reached first value yet"
    assert head.decision.startswith("Push nobody yet")


def started(n_started: int, n: int) -> Published:
    """So many of n people reach first value, the others are followed for 90 days."""
    rest = n - n_started
    duration = np.r_[np.full(n_started, 5.0), np.full(rest, 90.0)]
    frame = pd.DataFrame({"duration": duration, "event": ["value"] * n_started + [""] * rest})
    return publish(adoption.activation(frame))


def test_steps_are_said_as_the_table_shows_them() -> None:
    frame = pd.DataFrame(
        {
            "group": "", "step": ["employed", "informed", "access", "active", "value"],
            "order": range(5), "n_reached": [105, 96, 105, 100, 88],
            "n_of": [105, 105, 105, 105, 100],
        }
    )  # fmt: skip
    said = sentences.reach(publish(adoption.funnel(frame)))
    assert "90 % of the employed were sent something about it" in said
    assert "100 % of the employed have access" in said
    assert said.endswith("Most are lost between activity and value: 10 % of about 100 people.")


@pytest.mark.parametrize("n_started", [2, 9])
def test_the_headline_does_not_say_none_of_a_few(n_started: int) -> None:
    head = sentences.headline(started(n_started, 2000), *[nothing()] * 5)
    assert head.title.startswith("Hardly any of those with access start on their own")


@pytest.mark.parametrize("n_started", [1, 5, 9, 10])
def test_of_twenty_people_no_share_is_said(n_started: int) -> None:
    few = started(n_started, 20)
    head = sentences.headline(few, *[nothing()] * 5)
    assert "those with access" not in head.title
    assert "activation_rate" not in [card.estimate.metric for card in head.cards]
    assert sentences.speed(few) == "How fast people start is hidden: too few people."


def test_checks_have_a_sentence_for_each_status(found: dict[str, Result]) -> None:
    for row in found["trust"].frame.to_dict("records"):
        words = sentences.CHECKS[str(row["check"])]
        assert set(words) == {"title", "passed", "not passed", "not known"}
        assert words[str(row["status"])].format(value="1", threshold="2")
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)


def test_checks_of_nothing_are_not_known() -> None:
    empty = not_enough("x", Family.CURVE, "nothing")
    found = adoption.trust(pd.DataFrame(), pd.DataFrame(), empty, empty)
    assert set(found.frame["status"]) == {"not known"}


def test_an_assigned_report_never_says_on_their_own() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"duration": rng.exponential(50, 200).round(), "event": "value"})
    duty = publish(adoption.activation(frame, way="assigned"), PUBLIC)
    assert "because it was assigned" in sentences.speed(duty)
    assert "on their own" not in sentences.speed(duty)


def test_counts_without_a_headcount_are_drawn() -> None:
    video = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
    one = publish(adoption.bass(pd.DataFrame({"time": range(1, 11), "adopters": video})), PUBLIC)
    assert len(figures.course(one).lines) == 2
    assert len(tables.course(one).rows) == 10
    assert "68," in sentences.course(one) or "67," in sentences.course(one)
