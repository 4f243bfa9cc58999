"""Numbers of R's survival 3.5 (survival.R writes survival.json) and of print."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_lung, load_rossi
from statsmodels.duration.survfunc import CumIncidenceRight

from ldresearch.models import survival

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def r() -> Mapping[str, np.ndarray]:
    file = Path(__file__).with_name("survival.json")
    return {name: np.array(values) for name, values in json.loads(file.read_text()).items()}


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    frame = load_lung()
    return frame.assign(duration=frame["time"], event=frame["status"] == 1)


@pytest.fixture(scope="module")
def rossi() -> pd.DataFrame:
    frame = load_rossi()
    return frame.assign(duration=frame["week"], event=frame["arrest"] == 1)


@pytest.fixture(scope="module")
def again(r: Mapping[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_key": r["again_id"].astype(int),
            "entry": r["again_start"],
            "duration": r["again_stop"],
            "event": r["again_event"] == 1,
            "x": r["again_x"],
            "z": r["again_z"],
        }
    )


@pytest.fixture(scope="module")
def veteran() -> pd.DataFrame:
    from sksurv.datasets import load_veterans_lung_cancer

    x, y = load_veterans_lung_cancer()
    return pd.DataFrame(
        {
            "duration": y["Survival_in_days"],
            "event": y["Status"],
            "karno": x["Karnofsky_score"].astype(float),
            "age": x["Age_in_years"].astype(float),
            "trt": (x["Treatment"] == "test").astype(float),
            "cell": x["Celltype"].astype(str),
        }
    )


def test_lung_curve(lung: pd.DataFrame, r: Mapping[str, np.ndarray]) -> None:
    result = survival.kaplan_meier(lung, at=[100, 365, 730])
    found = [e for e in result.estimates if e.metric == "survival_at"]
    np.testing.assert_allclose([e.value for e in found], r["lung_km_surv"], rtol=1e-9)
    np.testing.assert_allclose([e.low for e in found], r["lung_km_low"], rtol=1e-9)
    np.testing.assert_allclose([e.high for e in found], r["lung_km_high"], rtol=1e-9)
    # S(365) as printed by survfit: .4092416, .3387143 to .4783808.
    assert found[1].value == pytest.approx(0.4092416, abs=5e-8)


def test_lung_median_by_two_kinds_of_interval(
    lung: pd.DataFrame, r: Mapping[str, np.ndarray]
) -> None:
    median = survival.kaplan_meier(lung).estimates[0]
    assert [median.value, median.low, median.high] == r["lung_median"].tolist() == [310, 284, 361]
    log = survival.kaplan_meier(lung, interval="log").estimates[0]
    assert (log.low, log.high) == (285, 363)


def test_lung_restricted_mean(lung: pd.DataFrame, r: Mapping[str, np.ndarray]) -> None:
    whole = survival.rmst(lung, horizon=365).frame.iloc[0]
    # survfit rmean: 263.2218665 (7.7988591).
    assert whole["rmst"] == pytest.approx(263.2218665, abs=1e-6)
    assert whole["se"] == pytest.approx(7.7988591, abs=1e-6)
    by_sex = survival.rmst(lung, by="sex", horizon=365, reference="1").frame
    np.testing.assert_allclose([*by_sex["rmst"], *by_sex["se"]], r["lung_rmst_sex"], rtol=1e-9)
    assert by_sex["difference"].iloc[1] == pytest.approx(297.4654 - 241.4951, abs=1e-3)


def test_log_rank(lung: pd.DataFrame, veteran: pd.DataFrame, r: Mapping[str, np.ndarray]) -> None:
    assert survival.logrank(lung, by="sex").frame["chi2"].iloc[0] == pytest.approx(10.32674195)
    weighted = survival.logrank(lung, by="sex", rho=1).frame["chi2"].iloc[0]
    assert weighted == pytest.approx(12.7141514, abs=1e-6)
    cells = survival.logrank(veteran, by="cell").frame
    assert cells["chi2"].iloc[0] == pytest.approx(r["veteran_logrank"][0], rel=1e-9)
    assert cells["df"].iloc[0] == 3


def test_cox_on_rossi(rossi: pd.DataFrame) -> None:
    fit = survival.cox(rossi, ROSSI)
    # coxph; Allison 1995, Fox 2002.
    beta = [-0.37942, -0.05744, 0.31390, -0.14980, -0.43370, -0.08487, 0.09150]
    se = [0.19138, 0.02200, 0.30799, 0.21222, 0.38187, 0.19576, 0.02865]
    np.testing.assert_allclose(fit.frame["coefficient"], beta, atol=5e-6)
    np.testing.assert_allclose(fit.frame["se"], se, atol=5e-6)
    assert fit.parameters["loglik"] == pytest.approx(-658.7476594, abs=1e-6)


def test_proportional_hazards_on_rossi(rossi: pd.DataFrame) -> None:
    # cox.zph of survival 3: lifelines gives 11.03 for age, an older approximation.
    wanted = [0.0624, 5.9740, 2.0683, 4.2246, 1.0110, 0.0184, 0.5206, 17.6944]
    found = survival.proportional_hazards(rossi, ROSSI).frame["chi2"]
    np.testing.assert_allclose(found, wanted, atol=5e-5)


def test_cox_and_proportional_hazards_on_veteran(
    veteran: pd.DataFrame, r: Mapping[str, np.ndarray]
) -> None:
    terms = ["karno", "age", "trt"]
    fit = survival.cox(veteran, terms)
    np.testing.assert_allclose(fit.frame["coefficient"], r["veteran_cox"][:3], rtol=1e-7)
    np.testing.assert_allclose(fit.frame["se"], r["veteran_cox"][3:6], rtol=1e-7)
    zph = survival.proportional_hazards(veteran, terms).frame["chi2"]
    np.testing.assert_allclose(zph, r["veteran_zph"], rtol=1e-6)


def test_cox_on_lung(lung: pd.DataFrame) -> None:
    fit = survival.cox(lung.dropna(subset=["ph.ecog"]), ["age", "sex", "ph.ecog"])
    beta, se = [0.01106676, -0.5526124, 0.4637285], [0.0092674, 0.1677390, 0.1135773]
    np.testing.assert_allclose(fit.frame["coefficient"], beta, atol=5e-7)
    np.testing.assert_allclose(fit.frame["se"], se, atol=5e-7)
    assert fit.parameters["loglik0"] == pytest.approx(-744.4804558, abs=1e-6)


def test_recurrent_spells_with_robust_errors(
    again: pd.DataFrame, r: Mapping[str, np.ndarray]
) -> None:
    fit = survival.cox(again, ["x", "z"], cluster="person_key")
    np.testing.assert_allclose(fit.frame["coefficient"], r["again_cox"][:2], rtol=1e-7)
    np.testing.assert_allclose(fit.frame["se"], r["again_cox"][2:4], rtol=1e-6)
    naive = survival.cox(again, ["x", "z"])
    np.testing.assert_allclose(naive.frame["se"], r["again_naive"], rtol=1e-7)
    zph = survival.proportional_hazards(again, ["x", "z"]).frame["chi2"]
    np.testing.assert_allclose(zph, r["again_zph"], rtol=1e-5)


def test_delayed_entry(again: pd.DataFrame, r: Mapping[str, np.ndarray]) -> None:
    found = survival.kaplan_meier(again, at=[6, 12, 24]).estimates[1:]
    np.testing.assert_allclose([e.value for e in found], r["again_km"][:3], rtol=1e-9)
    fitter = KaplanMeierFitter().fit(again["duration"], again["event"], entry=again["entry"])
    own = survival.kaplan_meier(again).frame.set_index("time")["survival"]
    theirs = fitter.survival_function_["KM_estimate"].reindex(own.index)
    np.testing.assert_allclose(own, theirs, atol=1e-12)


def test_competing_risks(r: Mapping[str, np.ndarray]) -> None:
    cause = np.array(["", "value", "left"])[r["risks_event"].astype(int)]
    frame = pd.DataFrame({"duration": r["risks_time"], "event": cause})
    result = survival.cumulative_incidence(frame, cause="value", at=[5, 15, 30])
    found = [e.value for e in result.estimates]
    np.testing.assert_allclose(found, r["risks_value"], rtol=1e-9)
    curve = result.frame[result.frame["cause"] == "value"].set_index("time")
    theirs = CumIncidenceRight(r["risks_time"], np.array([0, 1, 2])[r["risks_event"].astype(int)])
    np.testing.assert_allclose(curve.loc[theirs.times, "incidence"], theirs.cinc[0], rtol=1e-9)
    np.testing.assert_allclose(curve.loc[theirs.times, "se"], theirs.cinc_se[0], rtol=1e-6)
    np.testing.assert_allclose(curve.loc[[5, 15, 30], "se"], r["risks_value_se"], rtol=0.02)


def test_weibull_accelerated_failure_time(lung: pd.DataFrame) -> None:
    # survreg: coefficients of age, sex, ph.ecog; intercept 6.27344, log scale -.31319.
    fit = survival.aft(lung.dropna(subset=["ph.ecog"]), ["age", "sex", "ph.ecog"])
    wanted = [-0.00748, 0.40109, -0.33964]
    np.testing.assert_allclose(fit.frame["coefficient"], wanted, atol=5e-5)
    assert fit.parameters["intercept"] == pytest.approx(6.27344, abs=1e-3)
    assert fit.parameters["shape"] == pytest.approx(np.exp(0.31319), abs=1e-3)


def test_lung_regression_leaves_out_who_lacks_a_value(lung: pd.DataFrame) -> None:
    """coxph(Surv(time, status) ~ age + sex + ph.ecog, lung): 227 of 228, as R's na.omit does."""
    result = survival.cox(lung, ["age", "sex", "ph.ecog"])
    frame = result.frame
    np.testing.assert_allclose(
        frame["coefficient"], [0.01106676, -0.5526124, 0.4637285], rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(frame["se"], [0.0092674, 0.1677390, 0.1135773], rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        [result.parameters["loglik0"], result.parameters["loglik"]],
        [-744.4804558, -729.2301214], rtol=1e-9,
    )  # fmt: skip
    [step] = result.attrition
    assert (step.reason, step.n_persons, step.n_rows) == ("not known: ph.ecog", 227, 227)
    assert set(frame["n"]) == {227}


_IN_R = """
suppressMessages(library(survival))
d <- read.csv(commandArgs(TRUE)[1])
# R's weights are not counts where there are ties, so the rows are written out.
d <- d[rep(seq_len(nrow(d)), d$weight), ]
m <- coxph(Surv(duration, event) ~ a + b + g + x + z, data = d, ties = "efron",
           control = coxph.control(eps = 1e-14))
cat(sprintf("%.15g", coef(m)), sep = "\n")
m <- coxph(Surv(entry, duration, event) ~ a + x, data = d, ties = "efron",
           control = coxph.control(eps = 1e-14))
cat("\n"); cat(sprintf("%.15g", coef(m)), sep = "\n")
"""


@pytest.mark.parametrize("days", [9, 300])
def test_cox_is_exact_efron(tmp_path: Path, days: int) -> None:
    """Coefficients of R, which iterates until nothing changes, to eight digits."""
    command = shutil.which("Rscript")
    if command is None:
        pytest.skip("there is no Rscript here")
    rng = np.random.default_rng(days)
    n = 2_000
    a, b, g = (rng.integers(0, k, n) for k in (2, 3, 4))
    x, z = rng.normal(size=n), rng.gamma(2, 1, n)
    lasted = rng.exponential(days / 2, n) / np.exp(0.4 * a - 0.2 * g + 0.3 * x)
    followed = rng.uniform(1, days, n)
    frame = pd.DataFrame(
        {
            "duration": np.ceil(np.minimum(lasted, followed)), "event": lasted <= followed, "a": a,
            "b": b, "g": g, "x": x, "z": z, "weight": rng.integers(1, 4, n),
        }
    )  # fmt: skip
    frame["entry"] = np.where(rng.random(n) < 0.3, frame["duration"] - 1, 0)
    frame.assign(event=frame["event"].astype(int)).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "cox.R").write_text(_IN_R, encoding="utf-8")
    done = subprocess.run(
        [command, str(tmp_path / "cox.R"), str(tmp_path / "rows.csv")], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if "no package called" in done.stderr:
        pytest.skip("R has no package survival here")
    told = np.array(done.stdout.split(), dtype=float)
    whole = frame.loc[frame.index.repeat(frame["weight"])].drop(columns="weight")
    for rows in (whole.drop(columns="entry"), frame.drop(columns="entry")):
        found = survival.cox(rows, ["a", "b", "g", "x", "z"]).frame["coefficient"]
        np.testing.assert_allclose(found, told[:5], atol=1e-8)
    late = survival.cox(whole, ["a", "x"]).frame["coefficient"]
    np.testing.assert_allclose(late, told[5:], atol=1e-8)
