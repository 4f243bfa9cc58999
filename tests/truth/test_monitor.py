"""70_monitor on initiatives whose effect is known: does the frozen rule come to what is true?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from ldresearch import plan_ledger
from ldresearch.log import EventLog
from ldresearch.measures import monitor as measures
from ldresearch.models import monitor as models
from ldresearch.plan import Plan
from ldresearch.result import Result
from ldresearch.worlds import World, organisation, trial
from ldresearch.worlds.trial import plan_for

NEEDED = ("person", "access", "event", "initiative", "arm")


@lru_cache(maxsize=1)
def _organisation(seed: int) -> World:
    return organisation(100 + seed, name="acme", n_persons=2200, n_months=14, q=0.07, scale=60.0)


def looked_at(
    folder: Path, seed: int, *, minimum_effect: float = 0.08, looks: slice = slice(None),
    edit: dict[str, Any] | None = None, **truth: Any,
) -> Iterator[tuple[date, Result, Result]]:  # fmt: skip
    """Yield each look with the verdict and the course of an initiative with that truth."""
    world = trial(_organisation(seed), seed, started_on="2024-08-05", **truth)
    needed = {name: table for name, table in world.tables.items() if name in NEEDED}
    world = replace(world, tables=needed)
    dataset = world.write(folder / f"d{seed}")
    plan = plan_for(world, minimum_effect=minimum_effect)
    plan_ledger.freeze(plan, dataset, on=plan.launch_on - timedelta(days=7))
    for look in plan.looks_on[looks]:
        log = EventLog.open(dataset, as_of=look)
        standing = plan_ledger.standing("", dataset, as_of=look)
        if edit:
            edited = replace(plan, **edit)
            found = plan_ledger.changes(plan.content, edited.content)
            standing = replace(standing, plan=edited, changes=found)
        yield look, *judged(log, standing, look)


def judged(log: EventLog, standing: plan_ledger.Standing, look: date) -> tuple[Result, Result]:
    plan: Plan | None = standing.plan
    held = measures.plan_check(log, standing=standing)
    people = measures.enrolled(log, standing=standing)
    seen = measures.outcomes(log, people, standing=standing)
    n_end = models.expected_values(people, plan, as_of=look)
    course = models.course(seen, plan, n_planned=people.attrs.get("n_eligible", 0))
    rule = models.verdict(
        models.plan(held, plan, as_of=look), course,
        models.looks(course, plan, as_of=look, n_end=n_end), models.guardrails(seen, plan),
        models.arms(people, plan), plan, as_of=look,
    )  # fmt: skip
    return rule, course


def last(found: Iterator[tuple[date, Result, Result]]) -> tuple[Result, Result]:
    *_, (_, rule, course) = found
    return rule, course


LAST = slice(-1, None)


def test_an_effect_above_the_minimum_ends_in_continue(tmp_path: Path) -> None:
    rule, course = last(looked_at(tmp_path, 1, effect=0.14, looks=LAST))
    assert rule.parameters["verdict"] == "continue"
    known = course.estimates[0]
    assert known.low < 0.14 < known.high
    assert known.grade == "randomised"


def test_no_effect_ends_in_stop_before_the_last_look(tmp_path: Path) -> None:
    rule, _ = last(looked_at(tmp_path, 1, effect=0.0, looks=slice(4, 5)))
    assert (rule.parameters["verdict"], rule.parameters["reason"]) == ("stop", "no_effect")


def test_a_breached_guardrail_stops_though_the_launch_works(tmp_path: Path) -> None:
    rule, _ = last(looked_at(tmp_path, 1, effect=0.14, harm=0.14, looks=LAST))
    assert (rule.parameters["verdict"], rule.parameters["reason"]) == ("stop", "guardrail")
    assert rule.parameters["guardrail"] == "gave_up_share"


def test_sides_that_are_not_as_drawn_stop(tmp_path: Path) -> None:
    rule, _ = last(looked_at(tmp_path, 1, effect=0.14, mismatch=0.25, looks=LAST))
    assert (rule.parameters["verdict"], rule.parameters["reason"]) == ("stop", "sample_ratio")


def test_an_edited_plan_is_refused_by_the_name_of_the_field(tmp_path: Path) -> None:
    rule, course = last(looked_at(tmp_path, 1, looks=LAST, edit={"minimum_effect": 0.01}))
    assert rule.parameters["verdict"] == "refused"
    assert "primary.minimum_effect: 0.08 became 0.01" in rule.missing
    assert course.is_empty


def test_teams_are_compared_as_teams(tmp_path: Path) -> None:
    rule, course = last(looked_at(tmp_path, 1, by="team", effect=0.14, looks=LAST))
    assert "likeness within cluster" in course.method
    known = course.estimates[0]
    assert known.low < 0.14 < known.high
    assert rule.parameters["reason"] != "sample_ratio"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "wanted"),
    [
        ({"effect": 0.14}, "continue"),
        ({"effect": 0.0}, "stop"),
        ({"effect": 0.14, "harm": 0.14}, "stop"),
        ({"effect": 0.14, "mismatch": 0.25}, "stop"),
    ],
    ids=["effect", "none", "guardrail", "mismatch"],
)
def test_the_verdict_over_many_initiatives(
    tmp_path: Path, truth: dict[str, Any], wanted: str
) -> None:
    """Ten initiatives each; docs/benchmarks.md tells how many came to it."""
    ends, early, misses = 0, 0, 0
    for seed in range(10):
        path = list(looked_at(tmp_path, seed, looks=slice(4, None), **truth))
        ends += path[-1][1].parameters["verdict"] == wanted
        early += path[0][1].parameters["verdict"] == wanted
        misses += any(
            not c.is_empty
            and not ((c.frame["low"] < truth["effect"]) & (c.frame["high"] > truth["effect"])).all()
            for _, _, c in path
        )
    print(f"{truth}: {wanted} at the end {ends} of 10, before it {early} of 10, missed {misses}")
    assert ends >= 9
    if wanted == "stop":
        assert early >= 6
    assert misses <= 2
