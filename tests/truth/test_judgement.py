"""The demo's initiative, judged after its end, and others like it: the truth is what is found."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ldresearch.log import EventLog
from ldresearch.measures import impact as measures
from ldresearch.models import judgement as j
from ldresearch.plan import Plan, parse
from ldresearch.plan_ledger import Entry, Standing
from ldresearch.result import Result
from ldresearch.worlds import organisation, planned
from ldresearch.worlds.demo import client
from ldresearch.worlds.trial import trial


def judged(log: EventLog, plan: Plan) -> tuple[float, tuple[Result, ...], Result, Result, Result]:
    """Judge as the notebook does; first the periods of those with the initiative."""
    entry = Entry(plan.name, 1, plan.hash, planned.FROZEN_ON, "", False, (), plan)
    aims = j.aims(Standing(plan, entry))
    did = j.behaviours(measures.behaviour(log, **aims.launch, **aims.window), aims)
    came = measures.result(log, **aims.launch, metric=aims.outcome)
    effect = j.effect(came, metric="effect", unit="cases")
    inputs = j.inputs(aims, came, effect)
    worth = j.worth(aims, inputs, effect)
    return (
        inputs.attrs["quantity"],
        did,
        effect,
        worth,
        j.verdict(aims, did, effect, worth, as_of=log.as_of),
    )


def true_net(plan: Plan, quantity: float, per_period: float) -> float:
    """What it truly earned: no interval, every input at its true or expected value."""
    mean_worth = (plan.impact.worth_low + plan.impact.worth + plan.impact.worth_high) / 3
    mean_cost = (plan.cost.low + plan.cost.amount + plan.cost.high) / 3
    return quantity * per_period * mean_worth - mean_cost


def test_the_demo_is_judged_as_it_truly_was(demo: Path) -> None:
    """The demo's plan, read after its end, against the world it was drawn from."""
    truth = demo_truth()
    plan = parse(planned.PLAN)
    [day] = planned.OCCASIONS["80_impact"]
    log = EventLog.open(demo / planned.CLIENT, as_of=day)
    quantity, did, effect, worth, verdict = judged(log, plan)
    on_work, on_people = effect.estimates[0], did[0].estimates[0]
    assert on_work.low < truth["outcome_effect"] < on_work.high
    assert on_people.low < truth["effect"] < on_people.high
    assert on_work.grade == on_people.grade == "randomised"
    net = worth.estimate("net_benefit")
    assert net.low < true_net(plan, quantity, truth["outcome_effect"]) < net.high
    # It truly earned more than it cost, so more of it is the true answer.
    assert true_net(plan, quantity, truth["outcome_effect"]) > 0
    assert verdict.parameters["verdict"] == j.SCALE


def demo_truth() -> dict[str, float]:
    found: dict[str, float] = client(planned.CLIENT).truth["trial"]
    return found


@pytest.mark.parametrize(
    ("outcome_effect", "verdicts"), [(0.0, {j.RETIRE, j.RENEW}), (20.0, {j.SCALE})]
)
def test_nothing_is_not_scaled_and_much_is(
    outcome_effect: float, verdicts: set[str], tmp_path: Path
) -> None:
    world = trial(
        organisation(31, n_persons=260, n_months=10), 8, started_on="2024-06-03", n_weeks=8,
        effect=0.1, outcome_effect=outcome_effect,
    )  # fmt: skip
    log = EventLog.open(world.write(tmp_path / "w"), as_of="2024-10-20")
    _, _, effect, worth, verdict = judged(log, moved())
    assert verdict.parameters["verdict"] in verdicts
    e = effect.estimates[0]
    assert abs(e.value - outcome_effect) < 4 * (e.high - e.low) / (2 * 1.96)
    assert worth.estimate("roi").high < 0 or outcome_effect > 0


def moved() -> Plan:
    """The demo's plan for an initiative of another time and size."""

    plan = parse(planned.PLAN)
    return replace(plan, launch_on=date(2024, 6, 3), end_on=date(2024, 9, 9), looks_on=())


@pytest.mark.slow
def test_intervals_of_effect_and_return_cover(tmp_path: Path) -> None:
    inside_effect = inside_net = 0
    runs = 40
    plan = moved()
    for seed in range(runs):
        world = trial(
            organisation(100 + seed, n_persons=160, n_months=10), 200 + seed,
            started_on="2024-06-03", n_weeks=8, outcome_effect=1.0,
        )  # fmt: skip
        log = EventLog.open(world.write(tmp_path / str(seed)), as_of="2024-10-20")
        quantity, _, effect, worth, _ = judged(log, plan)
        e, net = effect.estimates[0], worth.estimate("net_benefit")
        inside_effect += e.low < 1.0 < e.high
        inside_net += net.low < true_net(plan, quantity, 1.0) < net.high
    fewest = 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)
    print(f"{inside_effect} and {inside_net} of {runs} intervals hold the truth")
    assert inside_effect / runs >= fewest
    assert inside_net / runs >= fewest
