"""An initiative while it runs: sequences, guardrails, forecast, drift, the verdict."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import publish
from ldresearch.errors import DataError, ParameterError
from ldresearch.models import sequential as s
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import Grade, Reason, Verdict


def initiative(effect: float = 0.0, n: int = 2000, looks: int = 20, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"person_key": np.arange(n), "arm": np.where(np.arange(n) % 2, "treated", "control")}
    )
    frame["look"] = np.arange(n) * looks // n
    frame["before"] = rng.normal(size=n)
    noise = 0.8 * frame["before"] + 0.6 * rng.normal(size=n)
    return frame.assign(value=10 + noise + effect * (frame["arm"] == "treated"))


def sequence(frame: pd.DataFrame, **how: Any) -> Result:
    return s.confidence_sequence(frame, control="control", **how)


# Confidence sequences ----------------------------------------------------------------------


def test_the_last_row_is_the_estimate() -> None:
    found = sequence(initiative(0.3))
    last, e = found.frame.iloc[-1], found.estimate("primary_difference")
    assert (e.value, e.low, e.high) == (last["difference"], last["low"], last["high"])
    assert e.n == 2000
    assert last["mean_treated"] - last["mean_control"] == pytest.approx(last["difference"])


def test_a_look_knows_nothing_of_later_ones() -> None:
    frame = initiative(0.3)
    early = sequence(frame[frame["look"] <= 9], tightest_at=2000).frame
    late = sequence(frame, tightest_at=2000).frame
    pd.testing.assert_frame_equal(
        early, late[late["look"] <= 9].reset_index(drop=True), rtol=1e-9, atol=1e-12
    )


def test_order_of_rows_does_not_matter() -> None:
    frame = initiative(0.3)
    shuffled = frame.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(
        sequence(frame, covariates=["before"]).frame,
        sequence(shuffled, covariates=["before"]).frame,
        rtol=1e-9,
    )


def test_a_sequence_is_wider_than_one_look_and_narrows() -> None:
    frame = sequence(initiative()).frame
    width, once = frame["high"] - frame["low"], frame["fixed_high"] - frame["fixed_low"]
    assert (width > 1.2 * once).all()
    assert width.is_monotonic_decreasing


def test_what_was_known_before_narrows_it() -> None:
    """Correlation .8: width times .6, as CUPED's theory says."""
    frame = initiative(0.3)
    plain, adjusted = sequence(frame), sequence(frame, covariates=["before"])
    widths = [f.estimates[0].high - f.estimates[0].low for f in (plain, adjusted)]
    assert widths[1] / widths[0] == pytest.approx(0.6, abs=0.03)
    assert adjusted.parameters["narrowing"] == pytest.approx(0.4, abs=0.03)
    assert s.cuped(frame, covariate="before", control="control").frame["width_left"].iloc[
        0
    ] == pytest.approx(0.6, abs=0.03)


def test_missing_activity_before_stands_at_the_mean() -> None:
    frame = initiative(0.3)
    frame.loc[frame.index % 5 == 0, "before"] = np.nan
    found = sequence(frame, covariates=["before"])
    assert abs(found.estimates[0].value - 0.3) < 0.1
    assert 0.2 < float(found.parameters["narrowing"] or 0) < 0.4


def test_nobody_known_before_changes_nothing() -> None:
    frame = initiative(0.3).assign(before=np.nan)
    adjusted, plain = sequence(frame, covariates=["before"]), sequence(frame)
    assert adjusted.estimates[0].value == pytest.approx(plain.estimates[0].value)


def test_a_covariate_that_is_the_same_for_all_changes_nothing() -> None:
    frame = initiative(0.3).assign(before=1.0)
    adjusted, plain = sequence(frame, covariates=["before"]), sequence(frame)
    assert adjusted.estimates[0].value == pytest.approx(plain.estimates[0].value)


def test_a_mean_without_arms() -> None:
    found = s.confidence_sequence(initiative().drop(columns="arm"), metric="primary_difference")
    e = found.estimates[0]
    assert e.low < 10 < e.high
    assert e.grade is Grade.DESCRIPTIVE


def test_dates_may_be_looks_and_pass_the_door() -> None:
    frame = initiative(0.3)
    frame["look"] = pd.Timestamp("2025-01-06") + pd.to_timedelta(7 * frame["look"], unit="D")
    shown = publish(sequence(frame), Rules()).frame
    assert shown["look"].iloc[-1] == "2025-05-19"
    assert set(shown["n_treated"].dropna() % 5) == {0}


@pytest.mark.parametrize(
    ("randomised", "covariates", "grade"),
    [
        (True, [], Grade.RANDOMISED),
        (False, [], Grade.DESCRIPTIVE),
        (False, ["before"], Grade.ADJUSTED),
        (None, [], Grade.DESCRIPTIVE),
    ],
)
def test_grade_comes_from_the_design(
    randomised: bool | None, covariates: list[str], grade: Grade
) -> None:
    frame = initiative()
    if randomised is not None:
        frame["is_randomised"] = True
        frame.loc[3, "is_randomised"] = randomised
    assert sequence(frame, covariates=covariates).estimates[0].grade is grade


def test_teams_make_it_wider() -> None:
    frame = initiative(0.0)
    team = frame["person_key"] % 40
    frame = frame.assign(team=team, value=frame["value"] + np.sin(17.0 * (team // 2)))
    e, by_team = sequence(frame).estimates[0], sequence(frame, cluster="team").estimates[0]
    assert by_team.value == pytest.approx(e.value)
    assert by_team.high - by_team.low > 1.3 * (e.high - e.low)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f.iloc[:0], "no value is known"),
        (lambda f: f.iloc[:1], "one of the two arms"),
        (lambda f: f[f["arm"] == "control"], "one of the two arms"),
        (lambda f: f.head(60), "30 values are known in the smaller arm, and 50 are needed"),
        (lambda f: f.assign(value=1.0), "all values are the same"),
    ],
)
def test_too_little_is_said(change: Any, why: str) -> None:
    found = sequence(change(initiative()))
    assert why in found.missing
    assert publish(found, Rules()).is_empty


def test_too_few_teams_are_said() -> None:
    frame = initiative().assign(team=lambda f: f["person_key"] % 8)
    assert "fewer than 10 team in an arm" in sequence(frame, cluster="team").missing


def test_what_is_refused() -> None:
    frame = initiative()
    with pytest.raises(ParameterError, match="alpha"):
        sequence(frame, alpha=1.0)
    with pytest.raises(DataError, match="missing or infinite"):
        sequence(frame.assign(value=np.nan))
    with pytest.raises(DataError, match="not numbers"):
        sequence(frame.assign(value="many"))
    with pytest.raises(DataError, match="not numbers"):
        sequence(frame.assign(before="many"), covariates=["before"])
    with pytest.raises(DataError, match="more than two arms"):
        sequence(frame.assign(arm=frame["person_key"] % 3))
    with pytest.raises(DataError, match="columns are missing"):
        sequence(frame.drop(columns="look"))
    with pytest.raises(DataError, match="no look"):
        sequence(frame.assign(look=None))


# Boundaries ---------------------------------------------------------------------------------


def test_one_look_is_the_usual_test() -> None:
    found = s.boundaries(1)
    assert found.frame["z"].iloc[0] == pytest.approx(1.959964, abs=1e-6)
    assert found.parameters["inflation"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["obrien_fleming", "pocock", "lan_demets_pocock"])
@pytest.mark.parametrize("sides", [1, 2])
def test_all_of_alpha_is_spent(kind: str, sides: int) -> None:
    found = s.boundaries([0.1, 0.4, 0.7, 1.0], kind=kind, alpha=0.04, sides=sides).frame
    assert found["alpha_spent"].iloc[-1] == pytest.approx(0.04, abs=1e-6)
    assert found["alpha_spent"].is_monotonic_increasing
    assert found["chance_of_stop"].iloc[-1] == pytest.approx(0.8, abs=1e-6)


def test_a_look_that_adds_nothing_is_the_look_before() -> None:
    z = s.boundaries([0.5, 0.50001, 1.0]).frame["z"]
    assert z.iloc[1] == z.iloc[0]
    assert z.iloc[2] == pytest.approx(s.boundaries(2).frame["z"].iloc[1], abs=1e-4)


def test_many_looks() -> None:
    found = s.boundaries(60, kind="lan_demets_pocock").frame
    assert found["alpha_spent"].iloc[-1] == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize("information", [[], [0.5, 0.4], [0.0, 1.0], [0.5, 1.2], [math.nan], 0])
def test_looks_that_cannot_be(information: Any) -> None:
    with pytest.raises(ParameterError, match="information"):
        s.boundaries(information)


@pytest.mark.parametrize(
    "how", [{"alpha": 0.0}, {"alpha": 0.7}, {"sides": 3}, {"kind": "x"}, {"power": 0.01}]
)
def test_boundaries_out_of_range(how: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        s.boundaries(3, **how)


# Sample ratio, CUPED ------------------------------------------------------------------------


def arms(a: int, b: int, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"arm": ["control", "treated"], "n": [a, b], **more})


def test_uneven_by_chance_passes() -> None:
    assert s.sample_ratio(arms(512, 488)).parameters["is_passed"] is True
    assert s.sample_ratio(arms(200, 800, expected=[1, 4])).parameters["is_passed"] is True
    assert s.sample_ratio(arms(300, 700, expected=[1, 4])).parameters["is_passed"] is False


def test_teams_are_tested_and_people_counted() -> None:
    found = s.sample_ratio(arms(9, 11, n_people=[400, 520]))
    assert found.frame["n"].tolist() == [400, 520]
    assert found.parameters["df"] == 1
    shown = publish(found, Rules()).frame
    assert shown["assigned"].tolist() == [9, 11]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (arms(1, 1).iloc[:0], "nobody"),
        (arms(5, 5).iloc[:1], "fewer than two arms"),
        (arms(0, 0), "fewer than two arms"),
        (arms(3, 4), "too few"),
    ],
)
def test_too_few_for_a_ratio(frame: pd.DataFrame, why: str) -> None:
    assert why in s.sample_ratio(frame).missing


def test_an_arm_for_nobody_is_refused() -> None:
    with pytest.raises(DataError, match="expected"):
        s.sample_ratio(arms(10, 10, expected=[0, 1]))


def test_cuped_says_what_is_missing() -> None:
    frame = initiative().rename(columns={"before": "covariate"})
    assert "and 50 are needed" in s.cuped(frame.assign(covariate=np.nan)).missing
    assert "the same for everyone" in s.cuped(frame.assign(covariate=2.0)).missing
    assert s.cuped(frame.iloc[:0]).is_empty
    frame.loc[:99, "covariate"] = np.nan
    assert [step.n_persons for step in s.cuped(frame).attrition] == [2000, 1900]


# Guardrails ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "direction", "state"),
    [
        (-0.6, "up", "breached"),
        (0.0, "up", "safe"),
        (-0.3, "up", "open"),
        (0.6, "down", "breached"),
        (-0.6, "down", "safe"),
    ],
)
def test_states_of_a_guardrail(effect: float, direction: str, state: str) -> None:
    found = s.guardrail(initiative(effect), margin=0.3, control="control", direction=direction,
                        label="minutes")  # fmt: skip
    assert found.parameters["state"] == state
    assert found.estimates[0].label == "minutes"


def test_a_breach_has_a_first_look() -> None:
    found = s.guardrail(initiative(-0.8), margin=0.3, control="control")
    frame = found.frame
    since = found.parameters["since"]
    assert (frame.loc[frame["look"] >= since, "high"] < -0.3).all()
    assert frame.loc[frame["look"] == since - 1, "high"].ge(-0.3).all()


def test_an_unknown_guardrail_is_open() -> None:
    found = s.guardrail(initiative().head(10), margin=0.3, control="control")
    assert found.is_empty
    assert found.parameters["state"] == "open"


def test_a_margin_is_above_nought() -> None:
    with pytest.raises(ParameterError, match="margin"):
        s.guardrail(initiative(), margin=0.0, control="control")


# Forecast -----------------------------------------------------------------------------------


def test_a_forecast_ends_where_the_plan_does() -> None:
    found = s.forecast(sequence(initiative(0.3)), n_end=6000, mde=0.2)
    assert found.frame["n"].tolist()[-2:] == [2000, 6000]
    assert 0.9 < float(found.parameters["chance_above"] or 0) <= 1
    assert 0 <= float(found.parameters["chance_below_mde"] or 0) < 0.05


def test_nothing_to_come() -> None:
    assert "the planned end is reached" in s.forecast(sequence(initiative()), n_end=2000).missing
    assert s.forecast(sequence(initiative().head(4)), n_end=2000).is_empty


# Drift and quality --------------------------------------------------------------------------


def population(now: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {"attribute": "unit", "level": list("abc"), "n_before": [400, 300, 300], "n_now": now}
    )


@pytest.mark.parametrize(
    ("now", "state"),
    [([400, 300, 300], "none"), ([260, 240, 500], "some"), ([100, 200, 700], "much")],
)
def test_states_of_drift(now: list[int], state: str) -> None:
    assert s.drift(population(now)).frame["state"].tolist() == [state]


def test_few_people_drift_by_chance() -> None:
    """24 people in six levels: the index is above 0.1, and that is nothing but chance."""
    frame = pd.DataFrame({"attribute": "unit", "level": list("abcdef"), "n_before": 4,
                          "n_now": [8, 2, 3, 5, 4, 2]})  # fmt: skip
    row = s.drift(frame).frame.iloc[0]
    assert row["psi"] > 0.1
    assert row["state"] == "none"


def test_a_new_level_is_drift_and_not_infinite() -> None:
    row = s.drift(population([0, 500, 500])).frame.iloc[0]
    assert math.isfinite(row["psi"])
    assert row["state"] == "much"


def test_nobody_drifts() -> None:
    assert s.drift(population([0, 0, 0])).is_empty
    assert s.drift(population([1, 1, 1]).iloc[:0]).is_empty


@pytest.mark.parametrize(("bad", "state"), [(30, "as before"), (60, "as before"), (120, "worse")])
def test_quality(bad: int, state: str) -> None:
    frame = pd.DataFrame({"check": ["late"], "n_bad_before": [20], "n_before": [1000],
                          "n_bad_now": [bad], "n_now": [1000]})  # fmt: skip
    tolerance = 0.05
    assert s.quality(frame, tolerance=tolerance).frame["state"].tolist() == [state]
    assert s.quality(frame.assign(n_now=0, n_bad_now=0)).is_empty


def test_no_faults_at_all_are_no_rise() -> None:
    frame = pd.DataFrame({"check": ["late"], "n_bad_before": [0], "n_before": [10],
                          "n_bad_now": [0], "n_now": [10]})  # fmt: skip
    assert s.quality(frame).frame["state"].tolist() == ["as before"]


# The verdict --------------------------------------------------------------------------------


def bounds(low: float, high: float) -> Result:
    """A sequence with these ends."""
    found = sequence(initiative())
    return found.but(frame=found.frame.assign(low=low, high=high))


MDE = 0.2


@pytest.mark.parametrize(
    ("low", "high", "at_end", "verdict", "reason"),
    [
        (0.1, 0.6, False, Verdict.CONTINUE, Reason.EFFECT_SHOWN),
        (0.05, 0.15, False, Verdict.PIVOT, Reason.TOO_SMALL),
        (-0.1, 0.15, False, Verdict.STOP, Reason.NO_EFFECT),
        (-0.5, -0.1, False, Verdict.STOP, Reason.HARM),
        (-0.1, 0.6, False, Verdict.ITERATE, Reason.UNDECIDED),
        (-0.1, 0.6, True, Verdict.PIVOT, Reason.UNDECIDED_AT_END),
        (0.1, 0.6, True, Verdict.CONTINUE, Reason.EFFECT_SHOWN),
    ],
)
def test_the_rule(low: float, high: float, at_end: bool, verdict: str, reason: str) -> None:
    found = s.verdict(bounds(low, high), mde=MDE, is_at_end=at_end)
    assert (found.parameters["verdict"], found.parameters["reason"]) == (verdict, reason)
    assert found.frame.loc[found.frame["is_decisive"], "rule"].tolist() == [reason]


def test_down_may_be_better() -> None:
    found = s.verdict(bounds(-0.6, -0.1), mde=MDE, direction="down")
    assert found.parameters["reason"] == Reason.EFFECT_SHOWN


def test_a_breach_comes_before_an_effect() -> None:
    guard = s.guardrail(initiative(-0.8), margin=0.3, control="control", label="minutes")
    found = s.verdict(bounds(0.1, 0.6), mde=MDE, guardrails=[guard])
    assert found.parameters["verdict"] == "stop"
    assert found.parameters["guardrail"] == "minutes"


def test_uneven_arms_come_before_all() -> None:
    guard = s.guardrail(initiative(-0.8), margin=0.3, control="control")
    ratio = s.sample_ratio(arms(300, 700))
    found = s.verdict(bounds(0.1, 0.6), mde=MDE, guardrails=[guard], sample_ratio=ratio)
    assert found.parameters["reason"] == Reason.SAMPLE_RATIO
    unknown = s.sample_ratio(arms(1, 2))
    assert s.verdict(bounds(0.1, 0.6), mde=MDE, sample_ratio=unknown).parameters["reason"] == (
        Reason.EFFECT_SHOWN
    )


def test_too_early_is_no_verdict_against_anyone() -> None:
    nothing = sequence(initiative().head(10))
    assert s.verdict(nothing, mde=MDE).parameters["reason"] == Reason.TOO_EARLY
    assert s.verdict(nothing, mde=MDE, is_at_end=True).parameters["reason"] == Reason.NOTHING_AT_END


def test_a_verdict_can_be_published() -> None:
    shown = publish(s.verdict(bounds(0.1, 0.6), mde=MDE), Rules())
    assert shown.parameters["verdict"] == "continue"
    assert len(shown.rows) == len(Reason)


def test_an_mde_is_above_nought() -> None:
    with pytest.raises(ParameterError, match="mde"):
        s.verdict(bounds(0, 1), mde=0)
