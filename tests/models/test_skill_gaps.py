"""The skill gap models on frames small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError, DisclosureError
from ldresearch.models import skill_gaps
from ldresearch.privacy import publish
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import metrics


def ratings(
    n: int = 60, skills: int = 3, sources: tuple[str, ...] = ("review", "self"), seed: int = 1
) -> pd.DataFrame:
    """Levels about .5; people rate themselves .1 higher than reviews do."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.5, 0.12, (n, skills))
    noise = {"review": 0.04, "manager": 0.08, "self": 0.12, "peer": 0.1}
    rows = [
        (p, f"s{s}", source, float(np.clip(level[p, s] + 0.1 * (source == "self")
                                           + rng.normal(0, noise[source]), 0, 1)), 0, "clerk",
         ("north", "south")[p % 2])
        for p in range(n) for s in range(skills) for source in sources
    ]  # fmt: skip
    columns = ["person_key", "skill_id", "source", "level", "age_days", "role", "group"]
    return pd.DataFrame(rows, columns=columns)


def required(frame: pd.DataFrame, target: float = 0.6, **more: object) -> pd.DataFrame:
    cells = frame[["person_key", "skill_id", "role", "group"]].drop_duplicates()
    return cells.assign(skill=cells["skill_id"].str.upper(), target=target, weight=1.0, **more)


def exact(levels: list[float], target: float = 0.6) -> Result:
    """Shortfalls of levels that one reviewer gave, taken at her word."""
    frame = pd.DataFrame(
        {
            "person_key": range(len(levels)), "skill_id": "s0", "source": "review",
            "level": levels, "age_days": 0, "role": "clerk", "group": "north",
        }
    )  # fmt: skip
    return skill_gaps.shortfalls(skill_gaps.levels(frame), required(frame, target))


# Levels -------------------------------------------------------------------------------------


def test_the_most_trusted_source_is_the_reference() -> None:
    found = skill_gaps.levels(ratings(sources=("self", "manager", "peer")))
    assert found.parameters["reference"] == "manager"
    assert found.estimate("source_bias", "manager").value == 0
    assert found.estimate("source_bias", "self").value == pytest.approx(0.1, abs=0.04)


def test_a_source_that_nothing_ties_to_the_others_is_left_out() -> None:
    first, other = ratings(), ratings(sources=("peer",)).assign(skill_id="s9")
    found = skill_gaps.levels(pd.concat([first, other], ignore_index=True))
    assert math.isnan(found.estimate("source_bias", "peer").value)
    rows = found.frame.set_index("skill_id")
    assert set(rows.loc["s9", "basis"]) == {"not identified"}
    assert rows.loc["s9", "level"].isna().all()
    shown = skill_gaps.sources(found, pd.concat([first, other]))
    assert shown.frame.set_index("source").loc["peer", "standing"] == "not told"


def test_one_source_is_taken_at_its_word_and_said_so() -> None:
    found = skill_gaps.levels(ratings(sources=("manager",)))
    assert found.parameters["is_identified"] is False
    assert (found.frame["se"] == 0).all()
    short = skill_gaps.shortfalls(found, required(ratings()))
    assert skill_gaps.gaps(short.frame).parameters["is_upper_bound"] is True


def test_self_ratings_alone_give_no_level() -> None:
    """Mabe & West 1982: they agree with tests at r = .29."""
    own = ratings(sources=("self",))
    found = skill_gaps.levels(own)
    assert found.is_empty
    assert "by themselves alone" in found.missing
    short = skill_gaps.shortfalls(found, required(own))
    assert "by themselves alone" in skill_gaps.gaps(short.frame).missing
    assert skill_gaps.sources(found, own).frame["standing"].tolist() == ["not told"]


def test_an_old_rating_counts_less() -> None:
    """One person's review says .9, her manager .5; the older of the two gives way."""
    base = ratings(n=80, skills=1, sources=("review", "manager"))
    which = base["person_key"] == 0
    base.loc[which & (base["source"] == "review"), "level"] = 0.9
    base.loc[which & (base["source"] == "manager"), "level"] = 0.5

    def level(age: int) -> float:
        frame = base.copy()
        frame.loc[which & (frame["source"] == "review"), "age_days"] = age
        out = skill_gaps.levels(frame, half_life_days=365).frame
        return float(out.loc[out["person_key"] == 0, "level"].iloc[0])

    assert level(0) > level(365) > level(3650)
    assert level(3650) == pytest.approx(0.5, abs=0.08)


def test_what_is_known_from_more_is_known_better() -> None:
    frame = ratings(n=80, sources=("review", "manager", "self"))
    drop = (frame["person_key"] < 40) & (frame["source"] != "self")
    found = skill_gaps.levels(frame[~drop]).frame
    alone = found["person_key"] < 40
    assert set(found.loc[alone, "basis"]) == {"self_only"}
    assert found.loc[alone, "se"].min() > found.loc[~alone, "se"].max()


def test_severe_managers_widen_the_error_of_a_bias() -> None:
    rng = np.random.default_rng(3)
    frame = ratings(n=200, sources=("review", "manager"))
    team = frame["person_key"] % 8
    frame["rater"] = np.where(frame["source"] == "manager", team + 1, 0)
    frame["level"] -= np.where(frame["source"] == "manager", rng.normal(0, 0.08, 8)[team], 0)
    frame["level"] = frame["level"].clip(0, 1)
    with_raters = skill_gaps.levels(frame).estimate("source_bias", "manager")
    without = skill_gaps.levels(frame.drop(columns="rater")).estimate("source_bias", "manager")
    assert with_raters.value == without.value
    assert with_raters.high - with_raters.low > 2 * (without.high - without.low)


def test_row_order_does_not_matter() -> None:
    frame = ratings()
    mixed = frame.sample(frac=1, random_state=2)
    first, second = skill_gaps.levels(frame).frame, skill_gaps.levels(mixed).frame
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_people_are_a_reason(n: int) -> None:
    found = skill_gaps.levels(ratings(n=n))
    assert found.is_empty
    assert found.missing


def test_broken_frames_are_refused() -> None:
    with pytest.raises(DataError):
        skill_gaps.levels(ratings().drop(columns="age_days"))
    with pytest.raises(DataError):
        skill_gaps.levels(ratings().assign(level=np.nan))


@pytest.mark.parametrize("step", ["levels", "shortfalls", "closing"])
def test_frames_about_persons_never_pass_the_door(step: str) -> None:
    levels = skill_gaps.levels(ratings())
    short = skill_gaps.shortfalls(levels, required(ratings()))
    closing = skill_gaps.closing(short.frame, pd.DataFrame())
    with pytest.raises(DisclosureError):
        publish({"levels": levels, "shortfalls": short, "closing": closing}[step], Rules())


# Gaps ---------------------------------------------------------------------------------------


def test_gap_shortfall_and_coverage_by_hand() -> None:
    """Target .6: twelve at .4 are short by .2, twelve at .8 by nothing; the mean gap is nought."""
    row = skill_gaps.gaps(exact([0.4] * 12 + [0.8] * 12).frame).frame.iloc[0]
    assert row["gap"] == pytest.approx(0.0, abs=1e-9)
    assert row["shortfall"] == pytest.approx(0.1)
    assert row["at_target"] == pytest.approx(0.5)
    half = 1.96 * 0.1 / math.sqrt(24)
    assert row["high"] - row["shortfall"] == pytest.approx(half, rel=0.02)


def test_readiness_by_hand() -> None:
    """Half at two thirds of the target, half beyond it, which counts once."""
    found = skill_gaps.readiness(exact([0.4] * 12 + [0.8] * 12).frame)
    assert found.estimate("readiness").value == pytest.approx((2 / 3 + 1) / 2)
    assert found.estimate("target_coverage").value == pytest.approx(0.5)
    assert found.frame["gain"].iloc[0] == pytest.approx(1 / 6, abs=1e-6)


def test_readiness_weighs_by_importance() -> None:
    frame = ratings(sources=("review",))
    frame["level"] = np.where(frame["skill_id"] == "s0", 0.3, 0.9)
    asked = required(frame)
    asked["weight"] = np.where(asked["skill_id"] == "s0", 2.0, 1.0)
    short = skill_gaps.shortfalls(skill_gaps.levels(frame), asked)
    found = skill_gaps.readiness(short.frame)
    assert found.estimate("readiness").value == pytest.approx((2 * 0.5 + 1 + 1) / 4)
    assert found.frame["skill"].iloc[0] == "S0"


def test_an_unrated_skill_is_not_a_gap_of_nought() -> None:
    frame = ratings()
    gone = (frame["skill_id"] == "s0") & (frame["person_key"] < 30)
    short = skill_gaps.shortfalls(skill_gaps.levels(frame[~gone]), required(frame))
    row = skill_gaps.gaps(short.frame).frame.set_index("skill").loc["S0"]
    assert row["n"] == 30
    assert row["rated"] == 0.5


def test_an_error_of_the_target_is_an_error_of_the_gap() -> None:
    """O*NET publishes one; at a mean gap of nought it makes shortfalls where there were none."""
    frame = ratings(n=40, sources=("review",)).assign(level=0.6)
    levels = skill_gaps.levels(frame)
    sure = skill_gaps.shortfalls(levels, required(frame, 0.6)).frame
    unsure = skill_gaps.shortfalls(levels, required(frame, 0.6, target_se=0.05)).frame
    assert sure["shortfall"].max() == pytest.approx(0.0)
    assert unsure["shortfall"].mean() == pytest.approx(0.05 / math.sqrt(2 * math.pi), rel=1e-6)
    assert skill_gaps.gaps(unsure).parameters["has_target_error"] is True


def test_a_group_that_lags_is_told_and_alike_ones_are_not() -> None:
    frame = ratings(n=200)
    asked = required(frame)
    alike = skill_gaps.shortfalls(skill_gaps.levels(frame), asked)
    assert set(skill_gaps.gap_map(alike.frame).frame["standing"]) == {"in line"}
    frame.loc[frame["group"] == "north", "level"] = (
        frame.loc[frame["group"] == "north", "level"] - 0.2
    ).clip(lower=0)
    apart = skill_gaps.gap_map(skill_gaps.shortfalls(skill_gaps.levels(frame), asked).frame)
    standing = apart.frame.groupby("group")["standing"].unique().map(list).to_dict()
    assert standing == {"north": ["above"], "south": ["below"]}


def test_self_bias_is_manager_less_self() -> None:
    found = skill_gaps.self_bias(ratings(n=120, sources=("manager", "self")))
    assert found.estimate("self_difference", "all").value == pytest.approx(-0.1, abs=0.02)
    assert "nobody" not in found.missing
    none = skill_gaps.self_bias(ratings(sources=("review", "self")))
    assert "by her manager" in none.missing


# What closes them ---------------------------------------------------------------------------


def content(**more: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "skill_id": "s0", "content_id": ["a", "b", "c"], "title": ["A", "B", "C"],
            "minutes": [60.0, 30.0, 20.0], "cost": [10.0, 0.0, 0.0], "currency": "EUR",
            "level_from": [0.2, 0.3, 0.5], "level_to": [0.6, 0.5, 0.7],
        }
    ).assign(**more)  # fmt: skip


def test_the_shortest_way_by_hand() -> None:
    """From .4 to .6: B then C take 50 minutes, A alone takes 60. From .25 only A begins."""
    minutes, cost, reach = skill_gaps.path(content(), 0.6)
    assert minutes[40] == 50
    assert cost[40] == 0
    assert minutes[25] == 60
    assert cost[25] == 10
    assert reach[25] == 0.6
    assert reach[10] == 0.1  # nothing begins so low


def test_hours_and_cost_of_everyone_by_hand() -> None:
    short = exact([0.4] * 12 + [0.25] * 12 + [0.8] * 12).frame
    ways = skill_gaps.closing(short, content())
    found = skill_gaps.supplied(ways, content(), short)
    row = found.frame.iloc[0]
    assert row["n"] == 24
    assert row["total_hours"] == pytest.approx(12 * 50 / 60 + 12)
    assert row["total_cost"] == 120
    assert row["closable"] == 1
    assert found.estimate("hours_to_close").value == pytest.approx(22 / 36)


def test_no_content_is_said_and_no_price_is_made_up() -> None:
    short = exact([0.4] * 20).frame
    none = pd.DataFrame()
    none.attrs["missing"] = "this dataset has no rows in `content_skill`"
    ways = skill_gaps.closing(short, none)
    assert "`content_skill`" in skill_gaps.supplied(ways, none, short).missing
    mixed = content(currency=["EUR", "USD", "USD"], cost=[1.0, 2.0, 3.0])
    found = skill_gaps.supplied(skill_gaps.closing(short, mixed), mixed, short)
    assert not [e for e in found.estimates if e.metric == "cost_to_close"]
    other = content(skill_id="s7")
    row = skill_gaps.supplied(skill_gaps.closing(short, other), other, short).frame.iloc[0]
    assert row["closable"] == 0
    assert row["n_content"] == 0


# The rest -----------------------------------------------------------------------------------


def test_every_estimate_is_in_the_registry() -> None:
    frame = ratings(n=120, sources=("review", "manager", "self"))
    levels = skill_gaps.levels(frame)
    short = skill_gaps.shortfalls(levels, required(frame)).frame
    ways = skill_gaps.closing(short, content())
    tried, members = skill_gaps.cluster(short, replicates=20, max_clusters=3)
    found = [
        skill_gaps.sources(levels, frame), skill_gaps.gaps(short), skill_gaps.readiness(short),
        skill_gaps.self_bias(frame), skill_gaps.supplied(ways, content(), short), tried,
        skill_gaps.cohorts(members, ways, content(), short),
    ]  # fmt: skip
    estimates = [e for result in found for e in result.estimates]
    assert {e.metric for e in estimates} >= {"source_bias", "skill_shortfall", "hours_to_close"}
    for e in estimates:
        assert metrics()[e.metric].unit == e.unit


def test_self_rated_skills_place_nobody_in_a_cohort() -> None:
    frame = ratings(n=150, sources=("review", "self"))
    drop = (frame["person_key"] < 75) & (frame["source"] == "review")
    short = skill_gaps.shortfalls(skill_gaps.levels(frame[~drop]), required(frame)).frame
    tried, _ = skill_gaps.cluster(short, replicates=20, max_clusters=3)
    assert set(tried.frame["n"]) == {75}


def test_checks_of_nothing_are_not_known() -> None:
    empty = skill_gaps.levels(pd.DataFrame())
    nothing = skill_gaps.gaps(pd.DataFrame())
    found = skill_gaps.trust(nothing, nothing, empty, nothing, pd.DataFrame())
    assert set(found.frame["status"]) == {"not known"}
