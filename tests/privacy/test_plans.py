"""Every kind of result of planning, monitoring and impact passes the door and the gate."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ldresearch import publish
from ldresearch.models import impact, power, sequential
from ldresearch.privacy import gate
from ldresearch.result import Result, Rules, from_payload, to_payload


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"person_key": np.arange(n), "look": np.arange(n) * 8 // n})
    frame["arm"] = np.where(np.arange(n) % 2, "treated", "control")
    frame["cluster"] = [f"team {i}" for i in np.arange(n) % 40]
    frame["unit"], frame["week"] = frame["cluster"], 0
    frame["before"] = rng.normal(size=n)
    frame["value"] = frame["before"] + rng.normal(size=n)
    return frame.assign(after=frame["value"])


def weeks() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    unit, week, person = (a.ravel() for a in np.indices((12, 10, 5)))
    return pd.DataFrame(
        {"unit": unit, "week": week, "person_key": unit * 5 + person,
         "value": rng.random(len(unit))}
    )  # fmt: skip


def case() -> pd.DataFrame:
    return pd.DataFrame(
        [("benefit", "a", "a", "lognormal", 10, None, 30),
         ("isolation", "", "share", "uniform", 0.2, None, 0.8),
         ("cost", "c", "c", "fixed", None, 5, None)],
        columns=["part", "item", "input", "distribution", "low", "middle", "high"],
    )  # fmt: skip


def sequence() -> Result:
    return sequential.confidence_sequence(people(), control="control", covariates=["before"])


SIZES = pd.DataFrame({"arm": ["a", "b"], "n": [203, 197]})
DRIFT = pd.DataFrame({"attribute": "unit", "level": ["a", "b", "c"], "n_before": [300, 97, 3],
                      "n_now": [280, 110, 4]})  # fmt: skip
FAULTS = pd.DataFrame({"check": ["late"], "n_bad_before": [7], "n_before": [203],
                       "n_bad_now": [41], "n_now": [197]})  # fmt: skip
ASKED = pd.DataFrame({"item": ["useful", "new"], "mean": [4.0, 3.1], "sd": [1.0, 1.2],
                      "n": [63, 7]})  # fmt: skip

RESULTS: dict[str, Callable[[], Result]] = {
    "two_proportions": lambda: power.two_proportions(0.2, 0.05, power=0.8),
    "two_means": lambda: power.two_means(0.2, power=0.8),
    "survival_events": lambda: power.survival_events(0.7, power=0.8),
    "design_effect": lambda: power.design_effect(50, 0.05, n=1093.7),
    "icc": lambda: power.icc(people()),
    "mde_curve": lambda: power.mde_curve([100, 200], share=0.2),
    "power_curve": lambda: power.power_curve([0.1, 0.2], n=100, share=0.2),
    "non_inferiority": lambda: power.non_inferiority(0.1, share=0.5, power=0.8),
    "designs": lambda: power.designs(weeks(), effect=0.1, simulations=20, assignments=50),
    "confidence_sequence": sequence,
    "boundaries": lambda: sequential.boundaries(4),
    "sample_ratio": lambda: sequential.sample_ratio(SIZES),
    "cuped": lambda: sequential.cuped(people(), covariate="before", control="control"),
    "guardrail": lambda: sequential.guardrail(people(), margin=0.5, control="control"),
    "forecast": lambda: sequential.forecast(sequence(), n_end=1000),
    "drift": lambda: sequential.drift(DRIFT),
    "quality": lambda: sequential.quality(FAULTS),
    "verdict": lambda: sequential.verdict(sequence(), mde=0.5),
    "roi": lambda: impact.roi(case(), n_persons=403, draws=2000),
    "tornado": lambda: impact.tornado(case(), draws=2000),
    "difference_in_differences": lambda: impact.difference_in_differences(people()),
    "adjusted": lambda: impact.adjusted(people()),
    "robustness": lambda: impact.robustness(people()),
    "e_value": lambda: impact.e_value(1.5, 1.2, 1.9, n=403),
    "reaction": lambda: impact.reaction(ASKED),
    "ladder": lambda: impact.ladder({1: impact.reaction(ASKED), 3: impact.adjusted(people())}),
}


@pytest.mark.parametrize(
    "rules", [Rules(), Rules(k=1, base=1, public=True)], ids=["k=10", "public"]
)
@pytest.mark.parametrize("name", RESULTS)
def test_it_passes_the_door_and_the_gate(name: str, rules: Rules) -> None:
    found = RESULTS[name]()
    assert not found.is_empty, found.missing
    shown = to_payload(publish(found, rules))
    json.dumps(shown, allow_nan=False)
    gate.check_payload(
        {"v": 1, "kind": "table", "stem": "plans", "view": "all", "published": [shown]},
        public=rules.public,
    )
    assert len(from_payload(shown).rows) == len(found.frame)


@pytest.mark.parametrize("module", [power, sequential, impact])
def test_none_is_forgotten(module: object) -> None:
    """Whatever gives a Result stands in the list above."""
    for name, function in vars(module).items():
        returns = getattr(function, "__annotations__", {}).get("return")
        if returns == "Result" and not name.startswith("_") and name != "not_enough":
            assert name in RESULTS
