"""Recommending, judging and refusing on small frames; temporal leakage; poor data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError, ParameterError
from ldresearch.models import _policy_value, _uplift
from ldresearch.models import personalisation as g
from ldresearch.result import Result, not_enough
from ldresearch.vocabulary import Family, Grade


def world(n: int = 60) -> dict[str, pd.DataFrame]:
    """Two tastes: the even take a, b, c; the odd take x, y, z; afterwards the third of each."""
    rows, later = [], []
    for p in range(n):
        mine = "abc" if p % 2 == 0 else "xyz"
        rows += [(p, mine[0]), (p, mine[1])]
        later.append((p, mine[2]))
    # Others have taken all three of a taste, so that the third can be told from the first two.
    for p in range(n, n + 40):
        rows += [(p, c) for c in ("abc" if p % 2 == 0 else "xyz")]
    # And what most have taken belongs to no taste.
    rows += [(p, "pop") for p in range(n, n + 60)]
    columns = ["person_key", "content_id"]
    people = pd.DataFrame(
        {
            "person_key": range(n), "role": "clerk",
            "hours": ["part-time" if p % 3 == 0 else "full-time" for p in range(n)],
        }
    )  # fmt: skip
    return {
        "history": pd.DataFrame(rows, columns=columns), "people": people,
        "later": pd.DataFrame(later, columns=columns),
        "offer": pd.DataFrame({"content_id": ["a", "b", "c", "x", "y", "z", "pop", "new"]}),
    }  # fmt: skip


def lists(w: dict[str, pd.DataFrame], **given: object) -> Result:
    return g.recommend(
        w["history"], w["people"], w["offer"], k=int(given.pop("k", 1)), ridge=1.0,
        **given,  # type: ignore[arg-type]
    )  # fmt: skip


def judged(w: dict[str, pd.DataFrame], made: Result, **given: object) -> Result:
    return g.evaluate(made, w["later"], w["history"], w["people"], w["offer"], **given)  # type: ignore[arg-type]


# Recommending -------------------------------------------------------------------------------


def test_personal_lists_find_tastes_that_popular_ones_miss() -> None:
    w = world()
    found = judged(w, lists(w))
    recall = {e.label: e.value for e in found.estimates if e.metric == "recall_at_k"}
    assert recall["ease"] == recall["item_knn"] == 1.0
    assert recall["popular"] == recall["popular_in_role"] == 0.0
    standing = found.frame.set_index(["policy", "metric"])["standing"]
    assert standing["ease", "recall_at_k"] == "above"
    assert found.parameters["best"] in ("ease", "item_knn")


def test_what_was_taken_is_left_out_unless_asked_for() -> None:
    w = world()
    first = lists(w).frame
    popular = first[first["policy"] == "popular"].set_index("person_key")["place_1"]
    assert popular[0] == "pop"
    took = w["history"].assign(key=lambda d: d["person_key"].astype(str) + d["content_id"])
    shown = first["person_key"].astype(str) + first["place_1"]
    assert not shown.isin(took["key"]).any()
    again = lists(w, again=True).frame
    assert (again["person_key"].astype(str) + again["place_1"]).isin(took["key"]).any()


def test_only_what_is_on_offer_is_recommended() -> None:
    w = world()
    w["offer"] = w["offer"][~w["offer"]["content_id"].isin(["c", "pop"])]
    places = lists(w, k=4).frame.filter(like="place_")
    assert not places.isin(["c", "pop"]).to_numpy().any()


def test_lists_end_where_nothing_is_left() -> None:
    w = world()
    w["offer"] = pd.DataFrame({"content_id": ["a", "new"]})
    made = lists(w, k=3).frame
    own = made[(made["policy"] == "ease") & (made["person_key"] == 0)].iloc[0]
    assert own["place_1"] == "new"
    assert own[["place_2", "place_3"]].isna().all()


def test_a_future_that_would_win_changes_no_list() -> None:
    """Everyone will take `new`: no list may know, whatever comes after the split."""
    w = world()
    before = lists(w).frame
    w["later"] = pd.DataFrame({"person_key": range(60), "content_id": "new"})
    after = lists(w)
    pd.testing.assert_frame_equal(before, after.frame)
    found = judged(w, after)
    recall = [e.value for e in found.estimates if e.metric == "recall_at_k"]
    assert recall
    assert set(recall) == {0.0}


def test_the_re_ranker_goes_by_gaps_and_only_beyond_the_level() -> None:
    w = world()
    teaches = pd.DataFrame(
        {"content_id": ["new", "pop"], "skill_id": "sums", "level_to": [0.9, 0.2]}
    )
    short = pd.DataFrame(
        {"person_key": range(60), "skill_id": "sums", "shortfall": 0.3, "level": 0.4}
    )
    made = lists(w, teaches=teaches, shortfalls=short, gap_weight=2.0)
    own = made.frame[made.frame["policy"] == "gap_aware"]
    assert set(own["place_1"]) == {"new"}
    found = judged(w, made, teaches=teaches, shortfalls=short)
    assert found.estimate("gap_closing_at_k", "gap_aware").value == 1.0
    assert found.estimate("gap_closing_at_k", "popular").value == 0.0


def test_today_is_the_newest_list_in_its_order() -> None:
    w = world()
    on = pd.Timestamp("2024-03-01")
    shown = pd.DataFrame(
        [(0, "new", on, 2), (0, "c", on, 1), (0, "pop", on - pd.Timedelta(days=9), 1),
         (0, "a", on, 3), (1, "gone", on, 1)],
        columns=["person_key", "content_id", "shown_on", "rank"],
    )  # fmt: skip
    made = lists(w, shown=shown, k=3).frame
    today = made[made["policy"] == "today"].set_index("person_key")
    assert today.loc[0].tolist()[1:] == ["c", "new", "pop"]
    assert today.loc[1].isna().sum() == 3


def test_ties_and_order_of_rows_do_not_matter() -> None:
    w = world()
    one = lists(w, k=3).frame
    w["history"] = w["history"].sample(frac=1, random_state=3)
    w["people"] = w["people"].sample(frac=1, random_state=4)
    pd.testing.assert_frame_equal(one, lists(w, k=3).frame)


# Judging ------------------------------------------------------------------------------------


def test_recall_is_counted_by_hand() -> None:
    """Of two taken, one stood in the list: 1/2; for half of the people none did: mean 1/4."""
    w = world(40)
    w["later"] = pd.DataFrame(
        [(p, c) for p in range(40) for c in (("c", "new") if p % 2 == 0 else ("new", "c"))],
        columns=["person_key", "content_id"],
    )
    found = judged(w, lists(w))
    assert found.estimate("recall_at_k", "ease").value == 0.25
    assert found.estimate("catalogue_coverage", "ease").value == 2 / 8


def test_who_took_nothing_new_is_not_judged() -> None:
    w = world()
    w["later"] = w["history"].head(60)
    assert "could have been recommended" in judged(w, lists(w)).missing


def test_a_recommender_that_forgets_part_time_staff_is_marked() -> None:
    w = world(90)
    full = w["people"].loc[w["people"]["hours"] == "full-time", "person_key"]
    shown = w["later"][w["later"]["person_key"].isin(full)].assign(
        shown_on=pd.Timestamp("2024-03-01"), rank=1
    )
    found = g.fairness(judged(w, lists(w, shown=shown)), w["people"])
    worst = found.frame.iloc[0]
    assert (worst["policy"], worst["group"], worst["standing"]) == ("today", "part-time", "below")
    assert worst["served"] == 0.0
    assert found.estimate("recall_gap", "today: part-time").value == 1.0
    best = found.frame[found.frame["policy"] != "today"]
    assert set(best["standing"]) == {"in line"}


def test_small_groups_are_not_compared() -> None:
    w = world()
    w["people"]["hours"] = ["part-time"] * 5 + ["full-time"] * 55
    assert "no two groups" in g.fairness(judged(w, lists(w)), w["people"]).missing


def test_lists_and_people_stay_private() -> None:
    from ldresearch.errors import DisclosureError
    from ldresearch.privacy import publish

    w = world()
    made = lists(w)
    with pytest.raises(DisclosureError):
        publish(made)
    published = publish(judged(w, made))
    assert not {"person_key", "content_id"} & {c.name for c in published.columns}
    assert not hasattr(published, "members")


# Policy value -------------------------------------------------------------------------------


def impressions(n: int = 300, **changes: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "person_key": range(n), "content_id": ["a", "b", "c"] * (n // 3), "propensity": 1 / 3,
            "followed": [False, True, False] * (n // 3),
        }
    )  # fmt: skip
    return frame.assign(**changes)  # type: ignore[arg-type]


def one_list(content: str, n: int = 300) -> Result:
    frame = pd.DataFrame({"policy": "ease", "person_key": range(n), "place_1": content})
    return Result("lists", Family.MODEL, frame, {})


def test_values_are_counted_by_hand() -> None:
    found = g.value(impressions(), one_list("b"))
    assert found.estimate("policy_value", "shown").value == pytest.approx(1 / 3)
    for estimator in ("ips", "snips"):
        e = found.estimate("policy_value", f"ease, {estimator}")
        assert e.value == pytest.approx(1.0)
        assert e.grade is Grade.QUASI_EXPERIMENTAL
    assert found.estimate("policy_value_gain", "ease, ips").value == pytest.approx(2 / 3)
    assert g.value(impressions(), one_list("a")).estimate("policy_value", "ease, ips").value == 0


@pytest.mark.parametrize(
    ("frame", "content", "reason"),
    [
        (impressions(propensity=np.nan), "b", "not logged: none of 300"),
        (impressions().assign(propensity=[np.nan] + [0.3] * 299), "b", "only 299 of 300"),
        (impressions(propensity=0.0), "b", "not logged"),
        (impressions(), "never shown", "worth 0 impressions"),
        (impressions(60), "b", "worth 20 impressions"),
        (impressions().head(0), "b", "nothing has been recommended"),
        (impressions().head(9), "b", "fewer than 20 people"),
        (impressions(propensity=1.0), "b", "had a chance to be shown"),
        (impressions().assign(propensity=[1e-4] * 3 + [1 / 3] * 297), "b", "worth 1 impressions"),
    ],
)
def test_values_are_refused_with_the_reason(frame: pd.DataFrame, content: str, reason: str) -> None:
    assert reason in g.value(frame, one_list(content)).missing


def test_weights_of_a_short_list_add_up() -> None:
    """A list of two places shows each half of the time."""
    frame = pd.DataFrame(
        {"policy": "ease", "person_key": range(300), "place_1": "a", "place_2": "b",
         "place_3": None}
    )  # fmt: skip
    found = g.value(impressions(), Result("lists", Family.MODEL, frame, {}))
    assert found.estimate("policy_value", "ease, ips").value == pytest.approx(0.5)
    assert found.estimate("policy_value", "ease, doubly_robust").value == pytest.approx(
        0.5, abs=0.02
    )


def test_the_standard_error_takes_persons_as_independent() -> None:
    """Ten copies of each person's row are still as many persons."""
    rng = np.random.default_rng(1)
    reward = (rng.random(200) < 0.3).astype(float)
    person = np.arange(200)
    _, se = _policy_value.ratio(reward, np.ones(200), person)
    _, copied = _policy_value.ratio(np.repeat(reward, 10), np.ones(2000), np.repeat(person, 10))
    assert copied == pytest.approx(se)
    assert se == pytest.approx(reward.std(ddof=1) / np.sqrt(200))


# Uplift -------------------------------------------------------------------------------------


def trial(n: int = 800, gain: float = 0.4, **changes: object) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    unit = np.where(rng.random(n) < 0.4, "Sales", "Lab")
    treated = rng.random(n) < 0.5
    chance = 0.2 + gain * (treated & (unit == "Sales"))
    frame = pd.DataFrame(
        {
            "person_key": range(n), "unit": unit, "is_treated": treated, "is_randomised": True,
            "propensity": 0.5, "outcome": (rng.random(n) < chance).astype(float),
            "tenure_days": rng.integers(1, 3000, n),
        }
    )  # fmt: skip
    return frame.assign(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("learner", ["t", "x"])
def test_planted_responders_are_found(learner: str) -> None:
    found = g.uplift(trial(), learner=learner, replicates=40)
    assert found.estimate("qini").low > 0
    top = found.estimate("uplift_at_k")
    assert top.low < 0.4 < top.high
    assert found.estimate("average_uplift").grade is Grade.RANDOMISED
    value = {e.label: e.value for e in found.estimates if e.metric == "policy_value"}
    assert value["chosen"] > value["nobody"]
    groups = g.responders(trial()).frame.set_index("group")
    assert groups.loc["Sales", "standing"] == "above"
    assert groups.loc["Lab", "low"] < 0 < groups.loc["Lab", "high"]


def test_without_a_gain_there_is_no_evidence() -> None:
    frame = trial(gain=0.0)
    found = g.uplift(frame, replicates=40)
    mean, qini = found.estimate("average_uplift"), found.estimate("qini")
    assert mean.low < 0 < mean.high
    assert qini.low < 0
    assert set(g.responders(frame).frame["standing"]) == {"in line"}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (trial(is_randomised=False), "chance did not decide"),
        (trial().assign(is_randomised=[None] + [True] * 799), "chance did not decide"),
        (trial().head(0), "nobody was drawn"),
        (trial(is_treated=True), "fewer than 40 people"),
        (trial().head(30), "fewer than 40 people"),
    ],
)
def test_uplift_is_refused_without_a_draw(frame: pd.DataFrame, reason: str) -> None:
    assert reason in g.uplift(frame).missing
    assert reason in g.responders(frame).missing


def test_unequal_chances_are_weighed() -> None:
    """Sales was drawn more often and succeeds more often: the plain difference would be biased."""
    rng = np.random.default_rng(3)
    n = 4000
    sales = rng.random(n) < 0.5
    chance = np.where(sales, 0.8, 0.2)
    treated = rng.random(n) < chance
    outcome = (rng.random(n) < 0.1 + 0.5 * sales).astype(float)
    frame = pd.DataFrame(
        {"is_treated": treated, "is_randomised": True, "outcome": outcome,
         "propensity": np.where(treated, chance, 1 - chance), "unit": np.where(sales, "s", "l")}
    )  # fmt: skip
    assert outcome[treated].mean() - outcome[~treated].mean() > 0.2
    mean = g.uplift(frame, replicates=40).estimate("average_uplift")
    assert mean.low < 0 < mean.high


def test_the_curve_is_drawn_by_hand() -> None:
    """Two gain, two lose: the gain is one in two at half, nought at the end; Qini is 1/4."""
    order, treated = np.arange(4), np.array([True, False, True, False])
    outcome, weight = np.array([1.0, 0, 0, 1]), np.full(4, 2.0)
    found = _uplift.curve(order, treated, outcome, weight)
    assert found.gain[[50, 100]].tolist() == [0.5, 0.0]
    assert found.qini == found.auuc
    backwards = _uplift.curve(order[::-1], treated, outcome, weight)
    assert backwards.gain[50] == -0.5


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two = (g.uplift(trial(), replicates=20, seed=4) for _ in range(2))
    assert one.estimates == two.estimates


def test_a_lost_arm_is_seen() -> None:
    frame = trial(2000)
    kept = frame[~(frame["is_treated"] & (frame["person_key"] % 4 == 0))]
    found = g.uplift(kept, replicates=20)
    assert float(found.parameters["ratio_p"] or 0) < 0.001


# Engagement, poor data ----------------------------------------------------------------------


def test_engagement_is_graded_by_the_draw() -> None:
    n, on = 120, pd.Timestamp("2024-03-01")
    rng = np.random.default_rng(2)
    spells = pd.DataFrame(
        {"person_key": range(n), "started_on": on - pd.Timedelta(days=3),
         "duration": 4 + rng.integers(0, 60, n), "event": True}
    )  # fmt: skip
    who = pd.DataFrame(
        {"person_key": range(n), "arm": "x", "is_treated": [i % 2 == 0 for i in range(n)],
         "is_randomised": True, "from_on": on}
    )  # fmt: skip
    drawn = g.engagement(spells, who)
    assert {e.grade for e in drawn.estimates} == {Grade.RANDOMISED}
    plain = g.engagement(spells, who.assign(is_randomised=False))
    assert {e.grade for e in plain.estimates} == {Grade.DESCRIPTIVE}
    late = g.engagement(spells.assign(started_on=on + pd.Timedelta(days=1)), who)
    assert "engaged on that day" in late.missing


def test_nothing_is_an_answer() -> None:
    w = world()
    for empty in ("history", "people", "offer"):
        poor = w | {empty: w[empty].head(0)}
        made = lists(poor)
        assert made.is_empty
        assert judged(poor, made).missing == made.missing
        assert g.value(impressions(), made).missing == made.missing
    nobody = judged(w | {"later": w["later"].head(0)}, lists(w))
    assert "since the split" in nobody.missing
    assert g.fairness(nobody, w["people"]).missing == nobody.missing
    assert g.readiness(pd.DataFrame()).is_empty
    none = pd.DataFrame()
    assert g.engagement(none, none).is_empty


def test_one_person_and_everyone_alike() -> None:
    w = world()
    one = {name: f.head(1) for name, f in w.items()}
    assert "fewer than 20" in judged(one, lists(one)).missing
    alike = w | {"history": pd.DataFrame({"person_key": range(60), "content_id": "a"})}
    alike["later"] = pd.DataFrame({"person_key": range(60), "content_id": "b"})
    found = judged(alike, lists(alike))
    assert found.estimate("recall_at_k", "popular").value == 1.0
    assert np.isnan(found.estimate("recall_at_k", "popular").low)


def test_what_makes_no_sense_is_refused() -> None:
    w = world()
    with pytest.raises(ParameterError):
        lists(w, k=0)
    with pytest.raises(ParameterError):
        g.uplift(trial(), learner="z")
    with pytest.raises(ParameterError):
        g.uplift(trial(), share=1.0)
    with pytest.raises(DataError):
        g.uplift(trial().drop(columns="outcome"))


def test_checks_are_told_or_not_known() -> None:
    w = world()
    none = not_enough("uplift", Family.CONTRAST, "nobody was drawn")
    offer = w["offer"].assign(is_dated=True)
    found = g.trust(none, judged(w, lists(w)), none, none, offer).frame.set_index("check")
    assert found.loc["evaluated", "status"] == "not passed"
    assert found.loc["dated", "status"] == "passed"
    assert found.loc["arms", "status"] == "not known"
