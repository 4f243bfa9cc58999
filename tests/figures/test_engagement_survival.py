"""What the engagement report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import views
from ldresearch.figures import engagement_survival as figures
from ldresearch.figures import style
from ldresearch.models import engagement_survival as models
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import engagement_survival as sentences
from ldresearch.tables import engagement_survival as tables
from ldresearch.vocabulary import Family

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("gap", "everyone", "groups", "contrast")
VIEWS = (*FIGURES, "ends", "drivers", "recurrence", "sensitivity", "calibration")
MISSING = "this dataset has no rows in `activity_day` as of 2024-01-01"


def spells(
    n: int = 1500, means: tuple[float, ...] = (40, 40, 90), names: str = "ABC"
) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    unit = np.minimum(rng.integers(0, 2 * len(means), n), len(means) - 1)
    length = np.ceil(rng.exponential(np.array(means)[unit]))
    leave, end = np.ceil(rng.exponential(900, n)), rng.integers(1, 400, n)
    first = np.minimum(np.minimum(length, leave), end).astype(float)
    cause = np.where(first == end, "", np.where(first == leave, "left", "disengaged"))
    return pd.DataFrame(
        {
            "person_key": np.arange(n), "entry": 0.0, "duration": first,
            "cause": cause.astype(object), "event": cause == "disengaged",
            "started_on": np.datetime64("2024-01-01") + (400 - end).astype("timedelta64[D]"),
            "group": np.array(list(names), dtype=object)[unit],
        }
    )  # fmt: skip


def gaps() -> pd.DataFrame:
    frame = pd.DataFrame({"gap_days": range(1, 301)})
    frame["n_returned"] = np.where(frame["gap_days"] <= 40, 60, 0)
    frame["n_open"] = np.where(frame["gap_days"] > 40, 3, 0)
    frame["n"] = 800 - frame["gap_days"] * 2
    return frame


def results(frame: pd.DataFrame, **told: Any) -> dict[str, Result]:
    again = pd.DataFrame(
        {"person_key": [*range(200), *range(0, 200, 4)], "duration": [300.0] * 200 + [90.0] * 50,
         "event": [False] * 200 + [True] * 50}
    )  # fmt: skip
    rules = pd.concat([frame.assign(variant="14 days"), frame.assign(variant="28 days")])
    found = {
        "gap": models.gap_choice(gaps()),
        "everyone": models.curve(frame, horizon_days=90, **told),
        "groups": models.curve(frame, by="group", horizon_days=90, **told),
        "ends": models.ends(frame, horizon_days=90),
        "contrast": models.contrasts(frame, horizon_days=90),
        "drivers": models.effects(frame, covariates="group"),
        "recurrence": models.recurrence(again),
        "sensitivity": models.sensitivity(rules, used="28 days", horizon_days=90),
        "calibration": models.calibration(frame, gap_days=28, horizon_days=90),
    }
    found["trust"] = models.trust(
        frame, found["gap"], found["everyone"], found["ends"], found["drivers"],
        found["sensitivity"], found["calibration"],
    )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results(spells())


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = MISSING, **told: Any) -> Published:
    return publish(not_enough("nothing", Family.CURVE, why, parameters=told))


def texts(ax: Any) -> list[str]:
    return [t.get_text() for t in ax.texts] + [t.get_text() for t in ax.get_yticklabels()]


def lead(published: dict[str, Published]) -> Any:
    return sentences.headline(*(published[v] for v in ("everyone", "contrast", "gap")))


# Every view ---------------------------------------------------------------------------------


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    ax = getattr(figures, view)(published[view])
    assert style.fit(ax).get_size_inches()[0] == style.WIDTH
    assert ax.get_xlabel()
    assert len(published[view].rows) <= 120


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not re.search(r"\b(nan|None|inf)\b", said)
    table = getattr(tables, view)(published[view])
    assert table.caption
    assert table.rows
    assert "nan" not in " ".join(cell for row in table.rows for cell in row)


@pytest.mark.parametrize("view", VIEWS)
def test_with_nothing_every_view_says_why(view: str) -> None:
    said = getattr(sentences, view)(nothing())
    assert "activity_day" in said
    assert said.endswith(".")
    assert getattr(tables, view)(nothing()).rows == ()


def test_figures_have_tables_and_sentences_of_the_same_name() -> None:
    for kind in ("table", "sentence"):
        assert set(views.views("figure", "engagement_survival")) <= set(
            views.views(kind, "engagement_survival")
        )
    assert set(views.views("table", "engagement_survival")) == set(VIEWS)


def test_payloads_pass_the_gate(published: dict[str, Published]) -> None:
    for view in VIEWS:
        payload = {"v": 1, "kind": "figure", "stem": "engagement_survival", "view": view,
                   "published": [to_payload(published[view])]}  # fmt: skip
        check_payload(json.loads(json.dumps(payload)), public=published[view].rules.public)


# What is drawn ------------------------------------------------------------------------------


def style_of(published: Published) -> str:
    """An exact curve is a step; one of protected data is straight between its points."""
    return "steps-post" if published.rules.public else "default"


def test_the_curve_drawn_is_the_one_published(published: dict[str, Published]) -> None:
    one = published["everyone"]
    ax = figures.everyone(one)
    drawn = [line for line in ax.lines if line.get_drawstyle() == style_of(one)]
    drawn = [line for line in drawn if len(line.get_xdata()) == len(one.rows)]
    assert len(drawn) == 1
    np.testing.assert_allclose(np.asarray(drawn[0].get_ydata(), float), one.frame["survival"])
    assert "people at risk" in texts(ax)
    first = f"{one.frame['n'].iloc[0]:,}"
    assert first in texts(ax)


def test_the_gap_in_use_is_marked(published: dict[str, Published]) -> None:
    one = published["gap"]
    assert f"{one.parameters['gap_days']} days" in texts(figures.gap(one))


def test_every_group_is_named_with_its_people(published: dict[str, Published]) -> None:
    ax = figures.groups(published["groups"])
    for group in "ABC":
        assert group in texts(ax)
    drawn = [line.get_drawstyle() for line in ax.lines if len(np.atleast_1d(line.get_xdata())) > 2]
    assert drawn.count(style_of(published["groups"])) == 3


def test_of_many_groups_only_the_ends_are_named() -> None:
    many = spells(4000, tuple(20.0 + 10 * i for i in range(12)), "ABCDEFGHIJKL")
    one = publish(models.curve(many, by="group", horizon_days=60), PUBLIC)
    ax = figures.groups(one)
    named = [g for g in "ABCDEFGHIJKL" if g in texts(ax)]
    assert len(named) == 5
    assert len([line for line in ax.lines if line.get_drawstyle() == "steps-post"]) == 12


# What is said -------------------------------------------------------------------------------


def test_the_median_is_said_as_it_is(published: dict[str, Published]) -> None:
    median = published["everyone"].estimate("survival_median")
    said = sentences.everyone(published["everyone"])
    assert f"Half of all learning spells end within {median.value:.0f} days" in said
    assert f"{median.low:.0f} to {median.high:.0f} days" in said


def test_a_median_not_reached_says_so_and_names_no_day() -> None:
    frame = spells(800, (900, 900, 2000))
    told = {name: publish(r, PUBLIC) for name, r in results(frame).items()}
    for said in (sentences.everyone(told["everyone"]), lead(told).title):
        assert "not reached" in said
        assert "Half of all" not in said
    assert "No general push" in lead(told).decision


def test_the_origin_of_enrolments_is_said_in_words() -> None:
    frame = spells().assign(cause=lambda f: np.where(f["event"], "withdrawn", ""))
    words = {
        "start": "the offer's first day",
        "registration": "each person's own registration",
        "delayed_entry": "at risk from registration on",
    }
    for origin, said in words.items():
        told = results(frame, subject="enrolment", origin=origin)
        one, each = (publish(told[v], PUBLIC) for v in ("everyone", "groups"))
        assert said in sentences.everyone(one)
        assert said in sentences.groups(each)
        assert "withdrawn" in sentences.everyone(one)
        assert figures.everyone(one).get_ylabel() == "still enrolled"


def test_the_headline_names_what_the_numbers_say(published: dict[str, Published]) -> None:
    found = lead(published)
    median = published["everyone"].estimate("survival_median").value
    quarter = published["everyone"].estimate("survival_quartile").value
    silence = published["gap"].estimate("silence_days").value
    assert f"{median:.0f} days" in found.title
    assert f"before day {quarter:.0f}" in found.decision
    assert f"silent for {silence:.0f} days" in found.decision
    assert 3 <= len(found.cards) <= 4
    standing = published["contrast"].frame.set_index("group")["standing"].to_dict()
    assert standing == {"A": "shorter", "B": "shorter", "C": "reference"}
    assert "First for A and B" in found.decision or "First for B and A" in found.decision
    assert "less than C" in found.title
    assert found.change_mind


def test_a_group_that_ends_sooner_comes_first() -> None:
    frame = spells(1500, (90, 90, 90), "AAB")
    frame.loc[frame["person_key"] % 3 == 0, "group"] = "Quick"
    quick = frame["group"] == "Quick"
    frame.loc[quick, "duration"] = np.ceil(frame.loc[quick, "duration"] / 3)
    told = {name: publish(r, PUBLIC) for name, r in results(frame).items()}
    found = lead(told)
    assert "soonest in Quick" in found.title
    assert "First for Quick" in found.decision
    assert any("Quick" in card.label for card in found.cards)


def test_a_ratio_is_told_by_the_model_that_holds(published: dict[str, Published]) -> None:
    assert "hazard ratios" in sentences.drivers(published["drivers"])
    rng = np.random.default_rng(2)
    group = rng.integers(0, 2, 3000)
    length = np.exp(rng.normal(3.5, 0.8, 3000)) * np.where(group == 1, 2.0, 1.0)
    crossing = pd.DataFrame(
        {"person_key": range(3000), "duration": length, "event": True,
         "group": np.array(["a", "b"], dtype=object)[group]}
    )  # fmt: skip
    other = publish(models.effects(crossing, covariates="group"), published["drivers"].rules)
    assert "time ratios" in sentences.drivers(other)
    assert "hazard ratios" not in sentences.drivers(other)
    assert tables.drivers(other).caption.startswith("Time ratios")


def test_the_headline_with_nothing_decides_nothing() -> None:
    for why in (MISSING, "none of the spells followed has ended yet"):
        found = sentences.headline(nothing(why), nothing(why), nothing(why, gap_days=28))
        assert why in found.title
        assert found.cards == ()
        assert "Decide nothing" in found.decision


def test_too_few_people_under_rules_are_not_shown() -> None:
    few = {name: publish(r) for name, r in results(spells(12)).items()}
    found = lead(few)
    assert found.title
    assert found.decision
    for view in VIEWS:
        said = getattr(sentences, view)(few[view])
        assert not re.search(r"\b(nan|None|inf)\b", said), view


def test_every_check_has_its_words(found: dict[str, Result]) -> None:
    checks = found["trust"].frame["check"].tolist()
    assert set(checks) | {"undated"} == set(sentences.CHECKS)
    for texts_of in sentences.CHECKS.values():
        assert set(texts_of) == {"title", "passed", "not passed", "not known"}
        for said in texts_of.values():
            assert said.format(value="1", threshold="2")
