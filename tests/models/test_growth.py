"""Growth on frames small enough to count by hand, and on poor ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch.errors import LdresearchError
from ldresearch.models import _ratios
from ldresearch.models import growth as g
from ldresearch.privacy import publish
from ldresearch.result import Result, not_enough
from ldresearch.vocabulary import Family
from ldresearch.worlds.tables import from_text

NOBODY = not_enough("readiness", Family.MODEL, "nobody has been rated")
NONE = pd.DataFrame()


def typed(text: str) -> pd.DataFrame:
    frame = from_text(text)
    for column in frame.columns:
        if column not in ("role_id", "skill_id", "tier", "group", "to_role", "related_role_id"):
            frame[column] = pd.to_numeric(frame[column])
    return frame


PROFILES = typed("""
    role_id | skill_id | target | weight
    clerk   | a        | 0.4    | 1
    clerk   | b        | 0.6    | 1
    chief   | a        | 0.8    | 3
    chief   | b        | 0.3    | 1
    chief   | c        | 0.5    | 1
""")


def levels(**people: dict[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exact levels of people of the role clerk."""
    rows = [(i, s, x) for i, one in enumerate(people.values()) for s, x in one.items()]
    frame = pd.DataFrame(rows, columns=["person_key", "skill_id", "level"]).assign(se=0, bias_se=0)
    who = pd.DataFrame({"person_key": range(len(people)), "role": "clerk", "group": ""})
    return frame, who


def crowd(n: int, level: float, skill: str = "a") -> tuple[pd.DataFrame, pd.DataFrame]:
    return levels(**{f"p{i}": {skill: level} for i in range(n)})


# Between roles ------------------------------------------------------------------------------


def test_between_two_roles_by_hand() -> None:
    """To chief: (3 * .5 + 1 * 1 + 1 * 0) / 5; back: (1 + .5) / 2.

    Squares by mean weight: .16 * 2, .09 * 1, .25 * .5, over 3.5.
    """
    found = g.between(PROFILES).frame.set_index(["from_role", "to_role"])
    up, back = found.loc[("clerk", "chief")], found.loc[("chief", "clerk")]
    assert up["readiness"] == pytest.approx(0.5)
    assert back["readiness"] == pytest.approx(0.75)
    assert up["rise"] == pytest.approx((3 * 0.4 - 0.3 + 0.5) / 5)
    distance = math.sqrt((0.16 * 2 + 0.09 + 0.25 * 0.5) / 3.5)
    assert up["distance"] == pytest.approx(distance)
    assert back["distance"] == pytest.approx(distance)
    assert up["distance_low"] == pytest.approx(distance), "no errors, no width"


def test_what_a_publisher_does_not_stand_behind_is_not_asked_for() -> None:
    reliable = PROFILES.assign(is_reliable=[True, True, True, True, False])
    found = g.between(reliable).frame.set_index(["from_role", "to_role"])
    assert found.loc[("clerk", "chief"), "readiness"] == pytest.approx((3 * 0.5 + 1) / 4)
    assert "c" not in set(g.gaps(reliable, "clerk", "chief").frame["skill_id"])


def test_as_a_place_to_come_from_its_level_counts_as_published() -> None:
    """Not relevant to the clerk is no reason to call her ready for it."""
    reliable = PROFILES.assign(is_reliable=[False, True, True, True, True])
    found = g.between(reliable).frame.set_index(["from_role", "to_role"])
    assert found.loc[("clerk", "chief"), "readiness"] == pytest.approx(0.5)


def test_errors_of_targets_widen_every_interval() -> None:
    exact = g.between(PROFILES).frame.iloc[1]
    wide = g.between(PROFILES.assign(target_se=0.05, weight_se=0.1)).frame.iloc[1]
    assert wide["readiness_high"] - wide["readiness_low"] > 0.02
    assert exact["readiness_high"] == pytest.approx(exact["readiness_low"])
    assert wide["distance_high"] > wide["distance"] > wide["distance_low"]
    assert wide["rise_se"] > exact["rise_se"] == 0


profile_of = st.lists(
    st.tuples(st.floats(0.05, 1), st.floats(0.1, 1), st.floats(0, 0.1)), min_size=3, max_size=3
)


@settings(max_examples=30)
@given(profile_of, profile_of)
def test_readiness_and_distance_stay_in_their_bounds(here: object, there: object) -> None:
    rows = [
        (role, f"s{i}", *one)
        for role, profile in (("a", here), ("b", there))
        for i, one in enumerate(profile)  # type: ignore[arg-type, var-annotated]
    ]
    frame = pd.DataFrame(rows, columns=["role_id", "skill_id", "target", "weight", "target_se"])
    found = g.between(frame).frame
    for name in ("readiness", "readiness_low", "readiness_high", "distance", "distance_low"):
        assert found[name].between(0, 1).all()
    assert (found["readiness_low"] <= found["readiness"] + 1e-12).all()
    assert (found["readiness"] <= found["readiness_high"] + 1e-12).all()
    assert found["distance"].iloc[0] == pytest.approx(found["distance"].iloc[1], abs=1e-9)


def test_gaps_without_published_errors_have_no_interval() -> None:
    found = g.gaps(PROFILES, "clerk", "chief").frame.set_index("skill_id")
    assert found["gap"].round(6).to_dict() == {"a": 0.4, "b": -0.3, "c": 0.5}
    assert found["low"].isna().all()


# Agreement ----------------------------------------------------------------------------------


def line() -> tuple[Result, pd.DataFrame]:
    """Four roles along one skill; each is related to its nearest."""
    profiles = pd.DataFrame({"role_id": list("abcd"), "skill_id": "s", "weight": 1.0,
                             "target": [0.2, 0.3, 0.7, 0.9]})  # fmt: skip
    related = typed("""
        role_id | related_role_id | tier | rank
        a       | b               | near | 1
        b       | a               | near | 1
        c       | d               | far  | 1
        d       | b               | far  | 1
        x       | a               | near | 1
    """)
    return g.between(profiles), related


def test_the_area_by_hand() -> None:
    """Nearest: a, b and c have it first of three; d has b, the third from the top: 1/2."""
    found = g.agreement(*line(), replicates=200)
    row = found.frame[found.frame["tier"] == "any"].set_index("likeness").loc["nearness"]
    assert row["auc"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert row["first"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    assert row["first_by_chance"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert row["roles"] == 4
    near = found.frame[found.frame["tier"] == "near"].set_index("likeness").loc["nearness"]
    assert near["roles"] == 2


@pytest.mark.parametrize(("k", "n"), [(1, 5), (2, 5), (5, 5), (3, 10)])
def test_the_first_place_by_chance(k: int, n: int) -> None:
    rng = np.random.default_rng(1)
    firsts = [1 / (rng.permutation(n)[:k].min() + 1) for _ in range(20_000)]
    assert g._first_by_chance(k, n) == pytest.approx(np.mean(firsts), abs=0.01)


def test_everyone_related_to_everyone_says_nothing() -> None:
    pairs, _ = line()
    related = pairs.frame.rename(columns={"from_role": "role_id", "to_role": "related_role_id"})
    found = g.agreement(pairs, related.assign(tier="", rank=1.0))
    assert found.missing == "every role is related to every other"


# People -------------------------------------------------------------------------------------


def test_readiness_leaves_out_what_is_not_rated() -> None:
    """Ada is rated in a and b of chief: (3 * .5 + 1) / 4, of 4/5 known. Ben in c alone: 1/5."""
    frame, who = levels(ada={"a": 0.4, "b": 0.9}, ben={"c": 0.5})
    found = g.readiness(frame, who, PROFILES).frame
    assert found["to_role"].tolist() == ["chief"], "nobody is placed for her own role"
    assert found["readiness"].tolist() == pytest.approx([0.625])
    assert found["known"].tolist() == pytest.approx([0.8])


def test_a_level_that_is_an_estimate_is_averaged_over() -> None:
    """At the target by an estimate with an error of .1, she is short by .04 on average."""
    frame, who = levels(ada={"a": 0.8, "b": 0.9})
    found = g.readiness(frame.assign(se=[0.1, 0.0]), who, PROFILES).frame
    assert found["readiness"].iloc[0] == pytest.approx(1 - 0.75 * 0.0399 / 0.8, abs=1e-4)
    assert found["noise"].iloc[0] == pytest.approx((0.75 * 0.5 / 0.8) ** 2 * 0.01)


def test_what_is_missing_is_said() -> None:
    frame, who = crowd(3, 0.5)
    missing = pd.DataFrame()
    missing.attrs["missing"] = "this dataset has no rows in `skill_rating` as of 2024-01-01"
    assert g.readiness(missing, who, PROFILES).missing == missing.attrs["missing"]
    assert "no role asks" in g.readiness(frame, who, NONE).missing
    assert "nobody is employed" in g.readiness(frame, who.iloc[:0], PROFILES).missing
    none = g.readiness(*crowd(3, 0.5, "z"), PROFILES)
    assert "half of what another role asks for" in none.missing


def test_private_frames_are_refused_at_the_door() -> None:
    frame, who = levels(ada={"a": 0.4, "b": 0.9})
    ready = g.readiness(frame, who, PROFILES)
    for private in (ready, g.between(PROFILES), g.profile(ready, PROFILES)):
        with pytest.raises(LdresearchError, match="how many persons"):
            publish(private)


def test_one_profile_is_looked_at_by_number() -> None:
    ready = g.readiness(*levels(ada={"a": 0.4, "b": 0.9}, eve={"a": 0.8, "b": 0.9}), PROFILES)
    assert g.profile(ready, PROFILES, number=1).frame["readiness"].tolist() == [1.0]
    assert "2 people" in g.profile(ready, PROFILES, number=2).missing


# Roles within reach -------------------------------------------------------------------------


def test_the_mean_of_a_role_and_its_interval() -> None:
    frame, who = levels(**{f"p{i}": {"a": 0.4 if i % 2 else 0.8, "b": 0.9} for i in range(20)})
    ready = g.readiness(frame, who, PROFILES)
    found = g.reachable(ready, g.between(PROFILES), PROFILES, NONE)
    row = found.frame.iloc[0]
    assert row["readiness"] == pytest.approx((0.625 + 1) / 2)
    assert row["within_reach"] == 0.5
    half = 1.959963984540054 * 0.1875 / math.sqrt(20)
    assert row["high"] - row["readiness"] == pytest.approx(half)
    assert (row["from"], row["to"], row["asks"]) == ("clerk", "chief", "more")
    assert found.estimate("reachable_roles").value == 0.5


def test_few_people_of_a_role_are_not_told() -> None:
    ready = g.readiness(*levels(ada={"a": 0.4, "b": 0.9}), PROFILES)
    found = g.reachable(ready, g.between(PROFILES), PROFILES, NONE)
    assert found.parameters["basis"] == "roles"
    assert found.frame["n"].tolist() == [0]


def test_a_misspelt_role_is_refused() -> None:
    with pytest.raises(LdresearchError, match="did you mean chief"):
        g.reachable(NOBODY, g.between(PROFILES), PROFILES, NONE, from_role="cheif")


def test_roles_that_ask_for_less_are_no_growth() -> None:
    found = g.reachable(NOBODY, g.between(PROFILES), PROFILES, NONE, from_role="chief")
    assert found.is_empty


def test_two_roles_of_one_name_are_told_apart() -> None:
    profiles = PROFILES.assign(role="Lead")
    found = g.reachable(NOBODY, g.between(profiles), profiles, NONE)
    assert found.frame["to"].tolist() == ["Lead (chief)"]


def test_one_role_or_none_is_not_enough() -> None:
    alone = PROFILES[PROFILES["role_id"] == "clerk"]
    assert g.between(alone).missing == "there is only one role with a profile"
    for step in (
        g.reachable(NOBODY, g.between(NONE), NONE, NONE),
        g.agreement(g.between(NONE), NONE),
        g.steps(NONE, g.reachable(NOBODY, g.between(NONE), NONE, NONE), NONE, NONE),
        g.doors(NONE, NONE, NONE),
    ):
        assert step.is_empty


# Doors --------------------------------------------------------------------------------------


def test_a_door_by_hand() -> None:
    """At .5 and .3 she has (3 * .625 + 1) / 4 = .72 of chief; a alone brings it to 1."""
    frame, who = levels(**{f"p{i}": {"a": 0.5, "b": 0.3} for i in range(12)})
    found = g.doors(frame, who, PROFILES).frame.set_index("skill")
    assert found.loc["a", "gain"] == 1.0
    assert found.loc["b", "gain"] == 0.0
    assert "c" not in found.index, "nobody is rated in it"


def test_a_door_that_is_open_is_not_opened_again() -> None:
    frame, who = levels(**{f"p{i}": {"a": 0.8, "b": 0.3} for i in range(12)})
    assert g.doors(frame, who, PROFILES).frame["gain"].max() == 0.0


def test_without_people_the_roles_take_their_place() -> None:
    found = g.doors(NONE, NONE, PROFILES, ready_at=0.6)
    assert found.parameters["basis"] == "roles"
    assert found.frame["n"].eq(0).all()
    assert found.frame.set_index("skill").loc["a", "gain"] > 0


# Moves --------------------------------------------------------------------------------------


def followed(n: int = 40) -> Result:
    frame = pd.DataFrame(
        {"person_key": [*range(n)] * 2, "to_role": ["chief"] * n + ["cook"] * n,
         "readiness": [0.95] * (n // 2) + [0.5] * (n // 2) + [0.5] * n}
    )  # fmt: skip
    return Result("readiness", Family.MODEL, frame, {})


def test_applications_are_held_against_open_roles_and_moves_against_all() -> None:
    applied = pd.DataFrame({"person_key": [0, 1, 2, 30], "to_role": "chief",
                            "is_selected": [True, False, False, False]})  # fmt: skip
    moved = pd.DataFrame({"person_key": [0, 31], "to_role": ["chief", "cook"]})
    openings = pd.DataFrame({"to_role": ["chief", ""]})
    found = g.moves(followed(), openings, applied, moved).frame.set_index("band")
    assert found.loc["90 % or more", ["applied", "chosen", "moved"]].tolist() == [
        3 / 20, 1 / 20, 1 / 20,
    ]  # fmt: skip
    assert found.loc["under 60 %", ["applied", "moved"]].tolist() == [1 / 20, 1 / 60]
    assert found["n"].tolist() == [40, 20]


def test_an_interval_of_pairs_takes_persons_as_independent() -> None:
    """Everyone is there three times over: three times the pairs tell no more."""
    one = pd.DataFrame({"person_key": range(50), "to_role": "a", "readiness": 0.5})
    three = pd.concat([one.assign(to_role=x) for x in "abc"], ignore_index=True)
    moved = pd.DataFrame({"person_key": range(10), "to_role": "a"})
    thrice = pd.concat([moved.assign(to_role=x) for x in "abc"], ignore_index=True)
    rows = [
        g.moves(Result("readiness", Family.MODEL, pairs, {}), NONE, NONE, events).frame.iloc[0]
        for pairs, events in ((one, moved), (three, thrice))
    ]
    for end in ("moved", "moved_low", "moved_high"):
        assert rows[0][end] == pytest.approx(rows[1][end])


def test_rates_of_few_people_are_left_out_and_counts_rounded() -> None:
    moved = pd.DataFrame({"person_key": [*range(12), 35], "to_role": "chief"})
    found = g.moves(followed(), NONE, NONE, moved, k=10, base=5).frame.set_index("band")
    assert found.loc["90 % or more", "moved"] == 10 / 20
    assert math.isnan(found.loc["under 60 %", "moved"]), "one person"


def test_few_who_did_it_give_no_ratio() -> None:
    moved = pd.DataFrame({"person_key": [0, 31], "to_role": ["chief", "cook"]})
    assert not g.moves(followed(), NONE, NONE, moved).estimate("move_ratio", "moved").is_known


def test_nothing_happened_is_an_answer() -> None:
    assert "nobody applied" in g.moves(followed(), NONE, NONE, NONE).missing
    assert g.moves(NOBODY, NONE, NONE, NONE).missing == "nobody has been rated"


# Selection ----------------------------------------------------------------------------------


def applicants(**groups: tuple[int, int]) -> pd.DataFrame:
    rows = [
        (name, i < chosen)
        for name, (chosen, n) in groups.items()
        for i in range(n)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["group", "is_selected"])
    return frame.assign(person_key=range(len(frame)), to_role="chief", is_decided=True)


@pytest.mark.parametrize(
    ("b", "standing"),
    [((45, 100), "in line"), ((38, 100), "below"), ((15, 100), "beyond chance"),
     ((1, 6), "not known"), ((0, 6), "not known")],
)  # fmt: skip
def test_standings(b: tuple[int, int], standing: str) -> None:
    found = g.selection(applicants(A=(50, 100), B=b), NOBODY).frame.set_index("group")
    assert found.loc["B", "standing"] == standing
    assert math.isnan(found.loc["B", "ratio"]) == (standing == "not known")


def test_nobody_chosen_of_many_is_a_warning_with_an_interval() -> None:
    found = g.selection(applicants(A=(50, 100), B=(0, 60)), NOBODY)
    row = found.frame.set_index("group").loc["B"]
    assert (row["ratio"], row["ratio_low"], row["standing"]) == (0.0, 0.0, "beyond chance")
    assert 0 < row["ratio_high"] < 0.3


def test_more_groups_widen_the_interval() -> None:
    two = g.selection(applicants(A=(50, 100), B=(30, 100)), NOBODY).estimate("selection_ratio")
    four = g.selection(
        applicants(A=(50, 100), B=(30, 100), C=(45, 100), D=(44, 100)), NOBODY
    ).estimate("selection_ratio")
    assert two.value == four.value == 0.6
    assert two.high < four.high
    assert (two.low, two.high) == pytest.approx(_ratios.score(30, 100, 50, 100), abs=1e-9)


def test_an_applicant_counts_once_and_the_undecided_not_at_all() -> None:
    frame = pd.concat([applicants(A=(20, 40), B=(20, 40)), applicants(A=(0, 40))])
    frame = pd.concat([frame, frame.head(1).assign(person_key=900, is_decided=False)])
    found = g.selection(frame, NOBODY).frame.set_index("group")
    assert found.loc["A", ["chosen", "n"]].tolist() == [20, 40]


def test_within_the_same_roles_a_paradox_dissolves() -> None:
    """B applies for the role that few get: chosen half as often, alike within each role."""
    parts = [
        applicants(A=(64, 80), B=(16, 20)).assign(to_role="easy"),
        applicants(A=(4, 20), B=(16, 80)).assign(to_role="hard"),
    ]
    frame = pd.concat(parts, ignore_index=True).assign(person_key=range(200))
    row = g.selection(frame, NOBODY).frame.set_index("group").loc["B"]
    assert row["ratio"] < 0.5
    assert row["same_roles"] == pytest.approx(1.0)


def test_ratios_are_those_of_rounded_counts() -> None:
    found = g.selection(applicants(A=(52, 103), B=(23, 98)), NOBODY, k=10, base=5)
    assert found.estimate("selection_ratio").value == (25 / 100) / (50 / 105)


def test_one_group_says_nothing() -> None:
    found = g.selection(applicants(A=(20, 60)), NOBODY)
    assert found.frame["standing"].tolist() == ["not known"]
    assert not found.estimates
    assert g.selection(NONE, NOBODY).missing == "nobody applied for an internal opening"
    undecided = applicants(A=(0, 9)).assign(is_decided=False)
    assert g.selection(undecided, NOBODY).missing == "no application has a result yet"


def test_nobody_or_everybody_chosen_says_nothing() -> None:
    for chosen in (0, 50):
        found = g.selection(applicants(A=(chosen, 50), B=(chosen, 50)), NOBODY)
        assert set(found.frame["standing"]) == {"not known"}
