"""Effects of roll-outs and pooled effects against R's did and metafor and other libraries."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.models import _pooling, _series
from ldresearch.models.campaigns import att, pool, twfe
from ldresearch.result import Result


@pytest.fixture(scope="module")
def counties(shared_data: Path) -> pd.DataFrame:
    """Minimum wages and teen employment, 500 counties, 2003-07 (``mpdta`` of R's did)."""
    return pd.read_csv(shared_data / "reference" / "mpdta.csv")


def effect(counties: pd.DataFrame, **options: object) -> Result:
    return att(
        counties, unit="countyreal", time="year", outcome="lemp", first_treated="first_treat",
        replicates=200, **options,
    )  # fmt: skip


def rows(found: Result, kind: str) -> pd.DataFrame:
    return found.frame[found.frame["kind"] == kind].reset_index(drop=True)


def one(found: Result, kind: str) -> tuple[float, float]:
    row = rows(found, kind).iloc[0]
    return float(row["estimate"]), float(row["se"])


# R's did 2.5.1, bstrap = FALSE; points and p also in its vignette and README -----------------

GROUP_TIME = {
    (2004, 2004): (-0.0105032, 0.0232510), (2004, 2005): (-0.0704232, 0.0309848),
    (2004, 2006): (-0.1372587, 0.0364357), (2004, 2007): (-0.1008114, 0.0343592),
    (2006, 2006): (-0.0045946, 0.0177552), (2006, 2007): (-0.0412245, 0.0202292),
    (2007, 2007): (-0.0260544, 0.0166554),
}  # fmt: skip
BEFORE_VARYING = {
    (2006, 2004): 0.0065201, (2006, 2005): -0.0027508, (2007, 2004): 0.0305067,
    (2007, 2005): -0.0027259, (2007, 2006): -0.0310871,
}  # fmt: skip
OVERALL = {
    "simple": (-0.0399513, 0.0120340), "event_overall": (-0.0772398, 0.0199650),
    "group_overall": (-0.0310183, 0.0124461), "calendar_overall": (-0.0417004, 0.0159719),
}  # fmt: skip
OVERALL_LPOP = {
    "simple": (-0.0417518, 0.0115028), "event_overall": (-0.0803539, 0.0189576),
    "group_overall": (-0.0328196, 0.0118982), "calendar_overall": (-0.0441774, 0.0150382),
}  # fmt: skip


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_effects_by_group_and_time(counties: pd.DataFrame, base: str) -> None:
    frame = rows(effect(counties, base=base), "group_time").set_index(["group", "time"])
    for key, (value, se) in GROUP_TIME.items():
        assert frame.loc[key, "estimate"] == pytest.approx(value, abs=1e-7)
        assert frame.loc[key, "se"] == pytest.approx(se, abs=1e-7)


def test_effects_before_the_launch_from_the_period_before(counties: pd.DataFrame) -> None:
    found = effect(counties)
    frame = rows(found, "group_time").set_index(["group", "time"])
    before = frame[frame["is_before"]]["estimate"]
    assert before.to_dict() == pytest.approx(BEFORE_VARYING, abs=1e-7)
    assert found.estimate("pretrend_p").value == pytest.approx(0.16812, abs=1e-5)


def test_effects_before_the_launch_from_the_last_period_before_it(counties: pd.DataFrame) -> None:
    """README of R's twfeweights, which prints ``att_gt`` of did with a universal base period."""
    printed = {
        (2004, 2003): 0.0, (2006, 2003): -0.003769294, (2006, 2004): 0.002750819, (2006, 2005): 0.0,
        (2007, 2003): 0.003306357, (2007, 2004): 0.033813012, (2007, 2005): 0.031087119,
        (2007, 2006): 0.0,
    }  # fmt: skip
    found = effect(counties, base="universal")
    frame = rows(found, "group_time").set_index(["group", "time"])
    before = frame[frame["is_before"]]
    assert before["estimate"].to_dict() == pytest.approx(printed, abs=1e-9)
    assert before.loc[(2006, 2005), ["se", "low", "band_low"]].isna().all()
    assert found.estimate("pretrend_p").value == pytest.approx(0.16812, abs=1e-5)


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_averages(counties: pd.DataFrame, base: str) -> None:
    found = effect(counties, base=base)
    for kind, wanted in OVERALL.items():
        assert one(found, kind) == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_averages_doubly_robust_for_population(counties: pd.DataFrame, base: str) -> None:
    found = effect(counties, covariates=["lpop"], base=base)
    for kind, wanted in OVERALL_LPOP.items():
        assert one(found, kind) == pytest.approx(wanted, abs=1e-7)
    assert found.estimate("pretrend_p").value == pytest.approx(0.23267, abs=1e-5)


def test_event_study_groups_and_calendar(counties: pd.DataFrame) -> None:
    found = effect(counties)
    events = rows(found, "event").set_index("event")["estimate"].to_dict()
    assert events == pytest.approx(
        {-3: 0.0305067, -2: -0.0005631, -1: -0.0244587, 0: -0.0199318, 1: -0.0509574,
         2: -0.1372587, 3: -0.1008114}, abs=1e-7,
    )  # fmt: skip
    groups = rows(found, "group").set_index("group")["estimate"].to_dict()
    assert groups == pytest.approx({2004: -0.0797491, 2006: -0.0229095, 2007: -0.0260544}, abs=1e-7)
    calendar = rows(found, "calendar").set_index("time")["estimate"].to_dict()
    assert calendar == pytest.approx(
        {2004: -0.0105032, 2005: -0.0704232, 2006: -0.0488160, 2007: -0.0370593}, abs=1e-7
    )


def test_balanced_event_study(counties: pd.DataFrame) -> None:
    """``balance_e = 1``; the points of each event time are printed in did's vignette."""
    found = effect(counties, balance=1)
    assert one(found, "event_overall") == pytest.approx((-0.0287608, 0.0136856), abs=1e-7)
    events = rows(found, "event").set_index("event")["estimate"].to_dict()
    printed = {-2: 0.0065, -1: -0.0028, 0: -0.0066, 1: -0.0510}
    assert events == pytest.approx(printed, abs=5e-5)


def test_the_band_is_about_as_wide_as_printed(counties: pd.DataFrame) -> None:
    """did's vignette: critical value 2.485 (event -3: .0305 +- .0389, bootstrapped se .0157)."""
    frame = rows(effect(counties), "event").set_index("event")
    width = float((frame["band_high"] - frame["estimate"]).loc[-3] / frame["se"].loc[-3])
    assert 2.3 < width < 2.8


def test_two_way_fixed_effects(counties: pd.DataFrame) -> None:
    """pyfixest; printed by fixest in the README of R's twfeweights: -0.036549 (0.013265)."""
    found = twfe(
        counties, unit="countyreal", time="year", outcome="lemp", first_treated="first_treat"
    )
    assert one(found.but(frame=found.frame.assign(kind="x")), "x") == pytest.approx(
        (-0.0365489, 0.0132652), abs=1e-7
    )


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("covariates", [[], ["lpop"]])
def test_another_library_agrees(
    counties: pd.DataFrame, control: str, base: str, covariates: list[str]
) -> None:
    """diff-diff, every group and period; with covariates its logit stops a little earlier."""
    near = 1e-5 if covariates else 1e-9
    library = pytest.importorskip("diff_diff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = library.CallawaySantAnna(control_group=control, base_period=base).fit(
            counties, outcome="lemp", unit="countyreal", time="year", first_treat="first_treat",
            covariates=covariates or None,
        )  # fmt: skip
    ours = rows(effect(counties, control=control, base=base, covariates=covariates), "group_time")
    ours = ours.set_index(["group", "time"])
    for key, cell in theirs.group_time_effects.items():
        assert ours.loc[key, "estimate"] == pytest.approx(float(cell["effect"]), abs=near)
        if math.isfinite(cell["se"]) and cell["se"] > 0:
            assert ours.loc[key, "se"] == pytest.approx(float(cell["se"]), abs=near)
    assert one(effect(counties, control=control, covariates=covariates), "simple") == pytest.approx(
        (theirs.overall_att, theirs.overall_se), abs=near
    )


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_another_library_agrees_when_launches_cast_their_shadow(
    counties: pd.DataFrame, base: str
) -> None:
    """diff-diff with one period of anticipation."""
    library = pytest.importorskip("diff_diff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = library.CallawaySantAnna(
            control_group="not_yet_treated", base_period=base, anticipation=1
        ).fit(counties, outcome="lemp", unit="countyreal", time="year", first_treat="first_treat")
    ours = rows(
        effect(counties, control="not_yet_treated", base=base, anticipation=1), "group_time"
    ).set_index(["group", "time"])
    cells = {k: float(c["effect"]) for k, c in theirs.group_time_effects.items()}
    wanted = {k: value for k, value in cells.items() if math.isfinite(value)}
    assert wanted
    assert {k: ours.loc[k, "estimate"] for k in wanted} == pytest.approx(wanted, abs=1e-9)


def test_errors_by_cluster_agree_with_another_library(counties: pd.DataFrame) -> None:
    """States as clusters; the library adds the finite-sample factor of its sandwich."""
    library = pytest.importorskip("diff_diff")
    states = counties.assign(state=counties["countyreal"] // 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = library.CallawaySantAnna(cluster="state").fit(
            states, outcome="lemp", unit="countyreal", time="year", first_treat="first_treat"
        )
    clusters = states["state"].nunique()
    factor = math.sqrt(clusters / (clusters - 1))
    found = one(effect(states, cluster="state"), "simple")
    assert found == pytest.approx((theirs.overall_att, theirs.overall_se / factor), abs=1e-6)


# Pooling ------------------------------------------------------------------------------------

BCG = np.array(
    [
        [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619],
        [33, 5036, 47, 5761], [180, 1361, 372, 1079], [8, 2537, 10, 619],
        [505, 87886, 499, 87892], [29, 7470, 45, 7232], [17, 1699, 65, 1600],
        [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825],
    ],
    dtype=float,
)  # fmt: skip
"""Trials of a vaccine (Colditz et al. 1994): cases and others, vaccinated and not."""


def trials(k: int = 13) -> pd.DataFrame:
    a, b, c, d = BCG[:k].T
    risk = np.log(a / (a + b)) - np.log(c / (c + d))
    variance = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    return pd.DataFrame({"label": range(k), "effect": risk, "se": np.sqrt(variance)})


def test_thirteen_trials_as_metafor() -> None:
    """metafor, ``method = "DL"``; Hartung-Knapp with ``test = "knha"``."""
    found = pool(trials(), method="dl", is_guarded=False)
    mean, ahead = found.estimate("pooled_effect"), found.estimate("next_effect")
    assert mean.value == pytest.approx(-0.7141172, abs=1e-7)
    assert found.parameters["tau2"] == pytest.approx(0.3087603, abs=1e-6)
    assert found.parameters["q"] == pytest.approx(152.233, abs=1e-3)
    assert found.parameters["i2"] == pytest.approx(0.92117, abs=1e-5)
    assert found.parameters["se"] == pytest.approx(0.1806966, abs=1e-7)
    assert (mean.low, mean.high) == pytest.approx((-1.107821, -0.3204131), abs=1e-6)
    assert (ahead.low, ahead.high) == pytest.approx((-1.987207, 0.5589725), abs=1e-6)
    plain = _pooling.random_effects(*trials()[["effect", "se"]].to_numpy().T)
    assert plain.se_plain == pytest.approx(0.1787421, abs=1e-7)


def test_four_trials_need_the_guard() -> None:
    """metafor ``knha`` and ``adhoc``: without a guard the interval is narrower than plain."""
    bare, guarded = (pool(trials(4), method="dl", is_guarded=g) for g in (False, True))
    assert bare.estimate("pooled_effect").value == pytest.approx(-1.422044, abs=1e-6)
    assert bare.parameters["se"] == pytest.approx(0.0756747, abs=1e-7)
    ends = bare.estimate("pooled_effect")
    assert (ends.low, ends.high) == pytest.approx((-1.662875, -1.181214), abs=1e-6)
    assert guarded.parameters["se"] == pytest.approx(0.1284661, abs=1e-7)
    ends = guarded.estimate("pooled_effect")
    assert (ends.low, ends.high) == pytest.approx((-1.830881, -1.013208), abs=1e-6)
    assert bare.parameters["tau2"] == 0.0  # statsmodels: -0.1048, not truncated


def test_restricted_likelihood_as_printed_in_metafor() -> None:
    """README of metafor, ``rma(yi, vi, data = dat, test = "knha")``, and ``predict``."""
    found = pool(trials(), method="reml", is_guarded=False)
    mean, ahead = found.estimate("pooled_effect"), found.estimate("next_effect")
    assert mean.value == pytest.approx(-0.7145, abs=5e-5)
    assert found.parameters["se"] == pytest.approx(0.1808, abs=5e-5)
    assert found.parameters["p"] == pytest.approx(0.0019, abs=5e-5)
    assert (mean.low, mean.high) == pytest.approx((-1.1084, -0.3206), abs=5e-5)
    assert found.parameters["tau2"] == pytest.approx(0.3132, abs=5e-5)
    assert found.parameters["i2"] == pytest.approx(0.9222, abs=5e-5)
    assert (math.exp(ahead.low), math.exp(ahead.high)) == pytest.approx((0.14, 1.76), abs=5e-3)


def test_spread_between_trials_as_printed_in_metafor() -> None:
    """Viechtbauer (2010), J Stat Softw 36(3), ``confint(res)``: .5597 (.3460, 1.0543)."""
    spread = pool(trials(), method="reml").estimate("between_sd")
    wanted = (0.5597, 0.3460, 1.0543)
    assert (spread.value, spread.low, spread.high) == pytest.approx(wanted, abs=5e-5)


def test_paule_mandel_solves_its_own_equation() -> None:
    """Q at the estimate is k - 1, by definition (Paule & Mandel 1982); statsmodels agrees."""
    pytest.importorskip("statsmodels")
    from statsmodels.stats.meta_analysis import combine_effects

    frame = trials()
    tau2 = pool(frame, method="pm").parameters["tau2"]
    theirs = combine_effects(frame["effect"], frame["se"] ** 2, method_re="pm", atol=1e-12)
    assert tau2 == pytest.approx(theirs.tau2, abs=1e-6)


# Interrupted series -------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.4, 0.8])
def test_regression_with_known_autocorrelation(rho: float) -> None:
    """statsmodels GLS with the covariance written out."""
    models = pytest.importorskip("statsmodels.regression.linear_model")
    rng = np.random.default_rng(5)
    time = np.arange(30.0)
    design, _ = _series._design(time, 18.0, 4)
    y = rng.normal(size=30).cumsum()
    ours = _series.gls(time, design, y, rho)
    sigma = rho ** np.abs(np.subtract.outer(time, time)) if rho else np.eye(30)
    theirs = models.GLS(y, design, sigma=sigma).fit()
    np.testing.assert_allclose(ours.beta, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-8)


def test_restricted_likelihood_written_out() -> None:
    """Patterson & Thompson (1971), from the determinants, with periods missing."""
    rng = np.random.default_rng(6)
    time = np.delete(np.arange(26.0), [3, 4, 11])
    design, _ = _series._design(time, 15.0, 0)
    y = rng.normal(size=len(time))
    differences = []
    for rho in (0.2, 0.7):
        v = rho ** np.abs(np.subtract.outer(time, time))
        inverse = np.linalg.inv(v)
        gram = design.T @ inverse @ design
        residual = y - design @ np.linalg.solve(gram, design.T @ inverse @ y)
        rss = residual @ inverse @ residual
        df = len(y) - design.shape[1]
        full = -0.5 * (
            np.linalg.slogdet(v)[1] + np.linalg.slogdet(gram)[1] + df * math.log(rss)
        )  # fmt: skip
        differences.append(_series.gls(time, design, y, rho).log_likelihood - full)
    assert differences[0] == pytest.approx(differences[1], abs=1e-9)
