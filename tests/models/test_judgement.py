"""Plan against actual, the price of an effect, and the verdict, by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import plan
from ldresearch.models import judgement as j
from ldresearch.plan_ledger import Entry, Standing
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade

LATER = date(2025, 10, 1)
PLAN = plan.parse(plan.template())  # 3 March to 1 September 2025; five points; cost 35 to 55,000


def standing(late: bool = False, frozen: bool = True, **content: Any) -> Standing:
    own = plan.Plan.from_content({**PLAN.content, **content})
    entry = Entry("p", 1, own.hash, date(2025, 2, 1), "", late, (), own)
    return Standing(own, entry if frozen else None)


def aims(**content: Any) -> j.Aims:
    return j.aims(standing(**content))


def found(value: float, se: float, grade: Grade = Grade.RANDOMISED, label: str = "") -> Result:
    e = Estimate("effect", value, value - 1.96 * se, value + 1.96 * se, 400, "points", grade, label)
    return Result("effect", Family.MODEL, pd.DataFrame({"n": [400]}), {}, (e,))


def conduct(**changed: Any) -> pd.DataFrame:
    row = {
        "started_on": pd.Timestamp("2025-03-05"), "ended_on": pd.Timestamp("2025-09-01"),
        "budget": 50000.0, "n_treated": 210, "n_control": 190, "n_clusters": 400,
        "is_randomised": True,
    }  # fmt: skip
    return pd.DataFrame([{**row, **changed}])


def came(n: int = 60, effect: float = 2.0, **changed: Any) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    treated = np.arange(n) % 2 == 0
    before = rng.normal(40, 5, n)
    return pd.DataFrame(
        {
            "cluster": np.arange(n).astype(str), "arm": np.where(treated, "treated", "control"),
            "is_randomised": True, "before": before,
            "after": before + effect * treated + rng.normal(0, 1, n), "n": 1, "n_after": 4,
            "days": 30.44, "metric_id": "cases", "measured_in": "cases",
        }
    ).assign(**changed)  # fmt: skip


def states(result: Result) -> dict[str, str]:
    return dict(zip(result.frame["item"], result.frame["state"], strict=True))


# Plan against actual ------------------------------------------------------------------------

GOOD = (found(0.07, 0.01), found(0.0, 0.005))


def test_everything_kept() -> None:
    looks = PLAN.looks_on
    result = j.kept(aims(), conduct(), GOOD, came(), looks=looks, as_of=LATER)
    assert set(states(result).values()) == {"kept"}
    assert result.estimate("plan_kept").value == 1


@pytest.mark.parametrize(
    ("item", "changed"),
    [
        ("launch", {"started_on": pd.Timestamp("2025-03-11")}),
        ("end", {"ended_on": pd.Timestamp("2025-08-24")}),
        ("design", {"is_randomised": False}),
        ("share", {"n_treated": 240, "n_control": 160}),
        ("cost", {"budget": 55001.0}),
    ],
)
def test_what_was_done_otherwise_is_not_kept(item: str, changed: dict[str, Any]) -> None:
    result = j.kept(aims(), conduct(**changed), GOOD, came(), looks=PLAN.looks_on, as_of=LATER)
    assert [name for name, state in states(result).items() if state == "not kept"] == [item]


@pytest.mark.parametrize(
    ("value", "se", "state"),
    [(0.07, 0.01, "kept"), (0.07, 0.04, "not told"), (0.04, 0.01, "not told"),
     (0.02, 0.01, "not kept"), (-0.07, 0.01, "not kept")],
)  # fmt: skip
def test_an_effect_is_kept_if_it_is_large_enough_and_no_chance(
    value: float, se: float, state: str
) -> None:
    did = (found(value, se), GOOD[1])
    assert states(j.kept(aims(), conduct(), did, came(), as_of=LATER))["primary"] == state


@pytest.mark.parametrize(
    ("value", "state"), [(0.0, "kept"), (0.02, "not told"), (0.05, "not kept"), (-0.1, "kept")]
)
def test_a_guardrail_of_which_less_is_better(value: float, state: str) -> None:
    did = (GOOD[0], found(value, 0.005))  # gave_up_share, margin .02
    assert states(j.kept(aims(), conduct(), did, came(), as_of=LATER))["guardrail"] == state


def test_a_description_keeps_no_promise() -> None:
    did = tuple(found(0.2, 0.01, Grade.DESCRIPTIVE) for _ in range(2))
    got = states(j.kept(aims(), conduct(), did, came(), as_of=LATER))
    assert got["primary"] == got["guardrail"] == "not told"


def test_looks_and_the_end_before_their_time() -> None:
    early = j.kept(aims(), conduct(), GOOD, came(), looks=(), as_of=date(2025, 4, 1))
    assert "looks" not in states(early)
    assert states(early)["end"] == "not told"
    late = j.kept(aims(), conduct(), GOOD, came(), looks=PLAN.looks_on[:1], as_of=LATER)
    assert states(late)["looks"] == "not kept"


def test_without_a_record_of_it_nothing_is_told() -> None:
    result = j.kept(aims(), pd.DataFrame(), (), pd.DataFrame(), as_of=LATER)
    told = {name for name, state in states(result).items() if state != "not told"}
    assert told == {"frozen", "looks"}


@pytest.mark.parametrize(
    ("where", "state"),
    [({}, "frozen"), ({"late": True}, "late"), ({"frozen": False}, "unfrozen")],
)
def test_where_a_plan_stands(where: dict[str, bool], state: str) -> None:
    assert j.aims(standing(**where)).state == state
    assert j.aims(Standing(why="none")).state == "absent"


def test_what_was_spent_goes_before_what_was_planned() -> None:
    assert j.aims(standing(), cost=(41000, 0, 0)).cost == j.Range(41000, 41000, 41000)
    assert j.aims(standing()).cost == j.Range(35000, 40000, 55000)
    assert not j.aims(Standing(why="none")).cost.is_known


# Effects ------------------------------------------------------------------------------------


def test_the_design_decides_how_it_is_estimated_and_graded() -> None:
    drawn = j.effect(came(), metric="effect", unit="cases").estimates[0]
    assert drawn.grade is Grade.RANDOMISED
    others = j.effect(came(is_randomised=False), metric="effect", unit="cases").estimates[0]
    assert others.grade is Grade.QUASI_EXPERIMENTAL
    alone = j.effect(came(arm=""), metric="effect", unit="cases").estimates[0]
    assert alone.grade is Grade.DESCRIPTIVE
    for e in (drawn, others):
        assert e.low < 2.0 < e.high


def test_where_chance_decided_an_unknown_before_costs_nobody() -> None:
    frame = came()
    frame.loc[:9, "before"] = np.nan
    assert j.effect(frame, metric="effect", unit="cases").estimates[0].n == 60
    frame["before"] = None
    assert j.effect(frame, metric="effect", unit="cases").estimates[0].n == 60
    frame["is_randomised"] = False
    assert j.effect(frame, metric="effect", unit="cases").is_empty


def test_every_value_alike_is_no_effect() -> None:
    assert (
        "the same for everyone" in j.effect(came(after=3.0), metric="effect", unit="cases").missing
    )


# Worth --------------------------------------------------------------------------------------

PRICED: dict[str, Any] = {"impact.outcome": "cases", "impact.worth": 100.0}


def priced(frame: pd.DataFrame, **content: Any) -> tuple[j.Aims, pd.DataFrame, Result]:
    own = aims(**PRICED, **content)
    effect = j.effect(frame, metric="effect", unit="cases")
    return own, j.inputs(own, frame, effect), effect


def test_the_benefit_is_counted_in_periods_of_those_with_it() -> None:
    _, inputs, _ = priced(came())
    assert inputs.attrs["quantity"] == 30 * 4
    assert inputs.attrs["months"] == pytest.approx(4)
    assert "isolation" not in set(inputs["part"])
    per_head = came(8, measured_in="a person").assign(n=25)
    assert priced(per_head)[1].attrs["quantity"] == 4 * 4 * 25


def test_what_chance_did_not_isolate_is_isolated_by_the_plan() -> None:
    _, inputs, _ = priced(
        came(is_randomised=False), **{"impact.isolation_low": 0.5, "impact.isolation_high": 0.9}
    )
    [row] = inputs[inputs["part"] == "isolation"].to_dict("records")
    assert (row["distribution"], row["low"], row["high"]) == ("uniform", 0.5, 0.9)


def test_no_return_without_an_effect_a_worth_or_a_cost() -> None:
    own, inputs, effect = priced(came(arm=""))
    assert "nobody was left out" in inputs.attrs["missing"]
    assert j.worth(own, inputs, effect).is_empty
    effect = j.effect(came(), metric="effect", unit="cases")
    assert "worth" in j.inputs(aims(), came(), effect).attrs["missing"]
    free = aims(**PRICED, **{"cost.amount": 0.0, "cost.low": 0.0, "cost.high": 0.0})
    assert "what it cost" in j.inputs(free, came(), effect).attrs["missing"]


def test_the_return_has_the_grade_of_its_effect() -> None:
    own, inputs, effect = priced(came(is_randomised=False))
    result = j.worth(own, inputs, effect)
    assert {e.grade for e in result.estimates} == {Grade.QUASI_EXPERIMENTAL}
    assert result.estimate("net_benefit").unit == "EUR"
    assert result.parameters["break_even"] == 3.33  # 40,000 over 120 periods at 100


# Verdict ------------------------------------------------------------------------------------


def returned(low: float, middle: float, high: float, payback: float) -> Result:
    rows = (
        Estimate("roi", middle, low, high, 200, "percent"),
        Estimate("roi_chance", 0.5 + 0.4 * np.sign(middle), 0, 0, 200, "probability"),
        Estimate("payback_months", payback, 0, 0, 200, "months"),
    )
    return Result("roi", Family.CHECKS, pd.DataFrame({"x": [1]}), {}, rows)


NO_MONEY = not_enough("roi", Family.CHECKS, "nobody said what it cost")
DESCRIBED = found(0.2, 0.01, Grade.DESCRIPTIVE)
VERDICTS = [
    ("wait", date(2025, 8, 31), GOOD, found(2, 0.1), returned(10, 50, 90, 3)),
    ("repeat", LATER, (DESCRIBED,), DESCRIBED, NO_MONEY),
    ("repeat", LATER, (), not_enough("effect", Family.MODEL, "none"), NO_MONEY),
    ("retire", LATER, (GOOD[0], found(0.05, 0.005, label="gave_up_share")), found(2, 0.1),
     returned(10, 50, 90, 3)),
    ("scale", LATER, GOOD, found(2, 0.1), returned(10, 50, 90, 3)),
    ("renew", LATER, GOOD, found(2, 0.1), returned(-10, 50, 90, 3)),
    ("renew", LATER, GOOD, found(2, 0.1), returned(-80, -50, -10, 9)),
    ("retire", LATER, GOOD, found(2, 0.1), returned(-80, -50, -10, 13)),
    ("retire", LATER, GOOD, found(-1, 0.1), returned(-180, -150, -110, np.inf)),
    ("renew", LATER, GOOD, DESCRIBED, NO_MONEY),
    ("renew", LATER, (found(0.05, 0.03), GOOD[1]), DESCRIBED, NO_MONEY),
    ("retire", LATER, (found(0.01, 0.01), GOOD[1]), DESCRIBED, NO_MONEY),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "day", "did", "effect", "worth"), VERDICTS)
def test_the_verdict_follows_its_rule(
    wanted: str, day: date, did: tuple[Result, ...], effect: Result, worth: Result
) -> None:
    result = j.verdict(aims(), did, effect, worth, as_of=day)
    assert result.parameters["verdict"] == wanted
    assert date.fromisoformat(str(result.parameters["decide_on"])) >= day


def test_hidden_causes_are_asked_after_only_where_there_is_an_effect() -> None:
    frame = came()
    result = j.hidden(frame, j.effect(frame, metric="effect", unit="cases"))
    labels = {(e.metric, e.label): e.value for e in result.estimates}
    assert labels["e_value", "effect"] > labels["e_value", "interval"] > 1
    assert labels["robustness_value", "effect"] > labels["robustness_value", "interval"] > 0
    alone = came(arm="")
    assert j.hidden(alone, j.effect(alone, metric="effect", unit="cases")).is_empty


def test_losses_on_one_side_are_a_warning() -> None:
    frame = came(400)
    kept = frame[(frame["arm"] == "treated") | (np.arange(400) % 4 == 1)]
    row = conduct(n_treated=200, n_control=200)
    checks = j.trust(aims(), row, pd.DataFrame(), kept, as_of=LATER).frame
    status = dict(zip(checks["check"], checks["status"], strict=True))
    assert status["lost"] == status["known"] == "not passed"
    whole = j.trust(aims(), row, pd.DataFrame(), frame, as_of=LATER).frame
    assert set(whole["status"]) == {"passed", "not known"}
