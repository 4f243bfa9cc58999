"""Levels, gaps, ways up and cohorts by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import skill_gaps as g
from ldresearch.result import Result


def rated(
    seed: int = 1, n: int = 200, sources: tuple[str, ...] = ("review", "self"), lift: float = 0.1
) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.5, 0.12, (n, 3))
    rows = [
        (p, f"s{j}", s, float(np.clip(truth[p, j] + lift * (s == "self") + rng.normal(0, 0.08),
                                      0, 1)), 30, "clerk", "A" if p % 2 else "B")
        for p in range(n) for j in range(3) for s in sources
    ]  # fmt: skip
    columns = ["person_key", "skill_id", "source", "level", "age_days", "role", "group"]
    return pd.DataFrame(rows, columns=columns), truth


def asked(n: int = 200, target: float = 0.6) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (p, f"s{j}", f"Skill {j}", "clerk", "A" if p % 2 else "B", target, np.nan, 1.0)
            for p in range(n)
            for j in range(3)
        ],
        columns=[
            "person_key", "skill_id", "skill", "role", "group", "target", "target_se", "weight",
        ],
    )  # fmt: skip


def short(**given: object) -> pd.DataFrame:
    frame, _ = rated()
    return g.shortfalls(g.levels(frame), asked()).frame


def test_an_old_rating_counts_less() -> None:
    frame, _ = rated(sources=("review", "manager"), lift=0)
    old = frame.copy()
    old.loc[old["source"] == "manager", "age_days"] = 3650
    apart = []
    for one in (frame, old):
        level = g.levels(one).frame.set_index(["person_key", "skill_id"])["level"]
        manager = one[one["source"] == "manager"].set_index(["person_key", "skill_id"])["level"]
        apart.append(float((level - manager).abs().mean()))
    assert apart[1] > 1.3 * apart[0]


def test_self_ratings_alone_place_nobody() -> None:
    frame, _ = rated(sources=("self",))
    found = g.levels(frame)
    assert found.is_empty
    assert "themselves alone" in found.missing
    assert "themselves alone" in g.shortfalls(found, asked()).missing


def test_one_source_is_taken_at_its_word() -> None:
    frame, _ = rated(sources=("manager",))
    found = g.levels(frame)
    assert found.parameters["is_identified"] is False
    assert found.frame["level"].to_numpy() == pytest.approx(frame["level"].to_numpy())
    gaps = g.gaps(g.shortfalls(found, asked()).frame)
    assert gaps.parameters["is_upper_bound"] is True


def test_a_shortfall_is_the_mean_of_what_is_above_nought() -> None:
    """gap 0, error s: s / sqrt(2 pi); by hand .1 * .39894."""
    level = pd.DataFrame(
        {"person_key": [1], "skill_id": ["a"], "level": [0.6], "se": [0.1], "bias_se": [0.0],
         "tau2": [0.04], "basis": ["several"]}
    )  # fmt: skip
    wanted = asked(1).head(1).assign(person_key=1, skill_id="a")
    found = g.shortfalls(g.levels(rated()[0]).but(frame=level), wanted).frame.iloc[0]
    assert found["shortfall"] == pytest.approx(0.1 * 0.398942, abs=1e-6)
    assert found["short"] == pytest.approx(0.5)
    assert found["square"] == pytest.approx(0.005)
    assert found["noise"] == pytest.approx(0.04 * 0.01 / 0.03)


def test_gaps_map_and_readiness() -> None:
    frame = short()
    gaps = g.gaps(frame).frame
    assert (gaps["low"] <= gaps["shortfall"]).all()
    assert (gaps["shortfall"] <= gaps["high"]).all()
    assert gaps["shortfall"].is_monotonic_decreasing
    shown = g.gap_map(frame).frame
    assert set(shown["group"]) == {"A", "B"}
    assert set(shown["standing"]) == {"in line"}
    ready = g.readiness(frame)
    lost = 1 - ready.estimate("readiness").value
    assert ready.frame["gain"].sum() == pytest.approx(lost, abs=1e-4)


def test_a_group_that_is_worse_is_marked() -> None:
    frame, _ = rated(n=400)
    worse = (frame["group"] == "A") & (frame["skill_id"] == "s0")
    frame.loc[worse, "level"] = (frame.loc[worse, "level"] - 0.25).clip(0)
    shown = g.gap_map(g.shortfalls(g.levels(frame), asked(400)).frame).frame
    marked = shown.set_index(["skill", "group"])["standing"]
    assert marked["Skill 0", "A"] == "above"
    assert marked["Skill 1", "A"] == "in line"


WAYS = pd.DataFrame(
    {
        "skill_id": "s0", "content_id": list("wxyz"), "title": list("WXYZ"),
        "minutes": [30.0, 30, 90, 600], "cost": [10.0, 0, 0, 0], "currency": "EUR",
        "level_from": [0.2, 0.4, 0.2, 0.0], "level_to": [0.4, 0.6, 0.6, 0.3],
    }
)  # fmt: skip


def test_the_shortest_way_up() -> None:
    """From .2: w and x, 60 minutes, not y with 90; from .0 z leads to .3, then w."""
    minutes, cost, reach = g.path(WAYS, 0.6)
    assert (minutes[20], cost[20], reach[20]) == (60, 10, 0.6)
    assert (minutes[40], cost[40]) == (30, 0)
    assert (minutes[0], reach[0]) == (660, 0.6)
    assert minutes[60] == 0
    half = g.path(WAYS, 0.5)
    assert half[2][40] == 0.5  # no farther than the target


def test_what_no_content_teaches_is_not_closed() -> None:
    frame = short()
    closed = g.closing(frame, WAYS)
    by_skill = closed.frame.groupby("skill_id")["closable"].mean()
    assert by_skill["s0"] == pytest.approx(1, abs=0.02)
    assert by_skill["s1"] == 0
    found = g.supplied(closed, WAYS, frame)
    assert 0.2 < found.estimate("gap_closable").value < 0.5
    assert found.frame["hours"].ge(0).all()


@pytest.mark.parametrize("case", ["none", "no levels"])
def test_no_supply_says_so(case: str) -> None:
    frame = short()
    supply = WAYS.iloc[:0] if case == "none" else WAYS.assign(level_from=np.nan)
    found = g.supplied(g.closing(frame, supply), supply, frame)
    assert found.is_empty
    assert "content" in found.missing


def test_self_bias_is_drawn_together() -> None:
    frame, _ = rated(sources=("manager", "self"))
    found = g.self_bias(frame)
    assert found.estimate("self_difference", "all").value == pytest.approx(-0.1, abs=0.02)
    raw = frame.pivot_table(index=["group", "person_key", "skill_id"], columns="source",
                            values="level")  # fmt: skip
    plain = (raw["manager"] - raw["self"]).groupby("group").mean()
    assert np.ptp(found.frame["difference"]) <= np.ptp(plain) + 1e-6
    assert "manager" in g.self_bias(rated()[0]).missing


def test_nothing_comes_of_nothing() -> None:
    empty = pd.DataFrame()
    empty.attrs["missing"] = "this dataset has no rows in `skill_rating` as of 2024-01-01"
    found = g.levels(empty)
    frame = g.shortfalls(found, asked()).frame
    clusters = g.cluster(frame)
    closed = g.closing(frame, WAYS)
    results: list[Result] = [
        found, g.gaps(frame), g.gap_map(frame), g.readiness(frame), g.coverage(empty),
        g.basis(empty), g.self_bias(empty), clusters, closed, g.supplied(closed, WAYS, frame),
        g.cohorts(clusters, closed, WAYS, frame),
    ]  # fmt: skip
    assert all(r.is_empty for r in results)
    assert "skill_rating" in g.gaps(frame).missing
    checks = g.trust(g.coverage(empty), g.basis(empty), found, clusters, empty)
    assert set(checks.frame["status"]) == {"not known"}


def test_a_severe_rater_is_told_from_others_of_the_same() -> None:
    """Two managers of a hundred people each; reviews see all; one manager is 20 points severe."""
    rng = np.random.default_rng(1)
    truth = rng.normal(0.5, 0.1, 200)
    rows = []
    for p in range(200):
        boss = p // 20
        severe = 0.2 if boss == 3 else 0.0
        rows.append((p, "review", truth[p] + rng.normal(0, 0.03), "x"))
        rows.append((p, "manager", truth[p] - severe + rng.normal(0, 0.03), f"m{boss}"))
    frame = pd.DataFrame(rows, columns=["person_key", "source", "level", "rater"])
    frame = frame.assign(skill_id="a", age_days=0)
    found = g.levels(frame).frame
    alone = g.levels(frame.drop(columns="rater")).frame
    there = slice(60, 80)
    off = (found["level"].to_numpy() - truth)[there].mean()
    assert abs(off) < 0.02 < abs((alone["level"].to_numpy() - truth)[there].mean())


def test_every_level_has_an_interval_and_where_nothing_is_known_it_says_so() -> None:
    frame, _ = rated(sources=("review", "manager"), lift=0)
    frame = frame[~((frame["person_key"] == 7) & (frame["skill_id"] == "s1"))]
    found = g.levels(frame).frame
    assert (found["low"] <= found["level"]).all()
    assert (found["level"] <= found["high"]).all()
    assert (found["high"] - found["low"]).gt(0).all()
    short = g.shortfalls(g.levels(frame), asked()).frame
    one = short[(short["person_key"] == 7) & (short["skill_id"] == "s1")].iloc[0]
    assert one["basis"] == "none"
    assert np.isnan(one["level"])
    assert np.isnan(one["shortfall"])
    none = frame[(frame["skill_id"] != "s2") | (frame["person_key"] < 5)]
    said = g.gaps(g.shortfalls(g.levels(none), asked()).frame).parameters
    assert (said["n_unknown"], said["unknown"]) == (1, "Skill 2")


def test_the_error_of_a_target_does_not_average_out() -> None:
    """200 people share a target with a standard error of .1: half an interval is .196 at least."""
    frame, _ = rated()
    low = asked(target=0.95)
    sure, unsure = (
        g.gaps(g.shortfalls(g.levels(frame), low.assign(target_se=se)).frame).frame
        for se in (0.0, 0.1)
    )
    half = (unsure["gap_high"] - unsure["gap_low"]) / 2
    assert half.min() > 0.196
    assert ((sure["gap_high"] - sure["gap_low"]) / 2).max() < 0.05
    ready = g.readiness(g.shortfalls(g.levels(frame), low.assign(target_se=0.1)).frame)
    e = ready.estimate("readiness")
    plain = g.readiness(g.shortfalls(g.levels(frame), low).frame).estimate("readiness")
    assert e.high - e.low > 1.5 * (plain.high - plain.low)


def test_a_map_by_role() -> None:
    frame, _ = rated()
    required = asked().assign(role=lambda d: np.where(d["person_key"] < 100, "clerk", "chief"))
    short = g.shortfalls(g.levels(frame), required).frame
    assert set(g.gap_map(short, across="role").frame["group"]) == {"clerk", "chief"}
    same = g.gap_map(short.assign(group=short["role"]), across="role")
    assert "are roles" in same.missing


def test_agreement_needs_two_sources() -> None:
    frame, _ = rated(sources=("manager",))
    assert "no two sources" in g.agreement(frame).missing
    both, _ = rated()
    found = g.agreement(both.assign(scale_id=both["source"], raw=both["level"])).frame
    assert found["kappa"].isna().all()  # two scales
    assert (found["low"] < found["same"]).all()
    assert found["order"].iloc[0] > found["same"].iloc[0]  # self is ten points kinder


def test_change_by_hand_and_where_it_cannot_be_told() -> None:
    frame, _ = rated(sources=("review", "manager"), lift=0)
    later = frame.assign(level=frame["level"] + 0.1)
    both = pd.concat([frame.assign(period="before"), later.assign(period="since")])
    e = g.change(both, asked()).estimate("skill_change", "all")
    assert e.value == pytest.approx(0.1, abs=1e-3)
    assert "since the earlier date" in g.change(frame.assign(period="before"), asked()).missing
    assert "before the earlier date" in g.change(frame.assign(period="since"), asked()).missing
    few = both[(both["period"] == "before") | (both["person_key"] < 5)]
    assert "at both times" in g.change(few, asked()).missing


def test_roles_that_share_nothing() -> None:
    frame = pd.DataFrame(
        {"role_id": ["a", "b"], "skill_id": ["x", "y"], "skill": ["X", "Y"], "target": 0.5,
         "weight": 1.0}
    )  # fmt: skip
    assert "no skill in common" in g.between_roles(frame, "a", "b").missing
    assert g.between_roles(frame.head(0), "a", "b").is_empty
