"""The models of the learner brand on plain frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import learner_brand
from ldresearch.models.rates import wilson

COLUMNS = ["n_learned", "n_voluntary", "n_active", "n_passed_on", "n_before", "n_again"]


def frame(**changes: object) -> pd.DataFrame:
    quarters = pd.to_datetime(["2024-01-01", "2024-04-01"])
    made = pd.DataFrame([[100, 60, 120, 6, 0, 0], [80, 72, 90, 9, 50, 40]], columns=COLUMNS)
    return made.assign(quarter_on=quarters, **changes)


def test_shares_are_of_their_own_people() -> None:
    found = learner_brand.course(frame())
    told = {e.metric: (e.value, e.n) for e in found.estimates}
    assert told == {"voluntary_share": (0.9, 80), "referral_share": (0.1, 90),
                    "again_share": (0.8, 50)}  # fmt: skip
    low, high = wilson(72, 80)
    e = found.estimate("voluntary_share")
    assert (e.low, e.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_what_no_log_holds_is_absent_not_nought() -> None:
    made = frame(n_passed_on=0)
    made.attrs["untold"] = "no share and no recommendation is in the log"
    found = learner_brand.course(made)
    assert "passed_on" not in set(found.frame["kind"])
    assert found.parameters["untold"]


def test_groups_are_put_beside_their_quarter_before() -> None:
    both = pd.concat([frame(group="A"), frame(group="B")], ignore_index=True)
    found = learner_brand.groups(both).frame
    assert set(found["quarter"]) == {"now", "before"}
    assert learner_brand.groups(frame(group="A")).is_empty


def test_the_published_example_of_a_score() -> None:
    value, low, high = learner_brand.nps(np.array([90.0]), np.array([50.0]), np.array([200.0]))
    assert value[0] == pytest.approx(20)
    assert (high[0] - low[0]) / 2 == pytest.approx(11.3, abs=0.05)


@pytest.mark.parametrize(("promoters", "detractors", "score"), [(50, 0, 100), (0, 50, -100)])
def test_everyone_alike(promoters: int, detractors: int, score: int) -> None:
    made = pd.DataFrame({"group": "", "quarter_on": pd.to_datetime(["2024-01-01"]),
                         "n_answers": [50], "n_promoters": promoters,
                         "n_detractors": detractors})  # fmt: skip
    e = learner_brand.voice(made).estimate("brand_nps")
    assert (e.value, e.low, e.high) == (score, score, score)
    few = made.assign(n_answers=5)
    assert "a score takes 10" in learner_brand.voice(few).missing


def test_an_empty_frame_says_why() -> None:
    assert learner_brand.course(frame().iloc[:0]).missing == "nobody has learned anything yet"
    trust = learner_brand.trust(
        learner_brand.course(frame().iloc[:0]), learner_brand.voice(pd.DataFrame())
    )
    assert trust.frame["status"].tolist() == ["not passed", "not known", "not known"]
