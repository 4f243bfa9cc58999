"""Survival models beside lifelines, scikit-survival, statsmodels and R's survival.

Everyone reads the same spells: whole days, a year at most, five grouped covariates of which three
matter, or twenty continuous ones. R has no reader of Parquet here, so it reads the same columns as
raw numbers, which is the fastest it has; its start and the loading of its package are not timed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import Timed, UnavailableError, Work

GROUPED = ("unit", "level", "is_manager", "cohort", "tenure")
CONTINUOUS = tuple(f"x{i:02d}" for i in range(20))
BASE = ("duration", "event")
HORIZON = 180
AT = (30, 90, 180)
MOST_CONTINUOUS = 1_000_000
"""Spells with twenty continuous covariates, at any size: nothing there can be folded."""

TITLE = "Survival"
UNIT = "spells"
SIZES = (1_000_000, 10_000_000)
MOST = {
    ("cox_grouped", "lifelines"): 1_000_000,
    ("cox_grouped", "scikit-survival"): 1_000_000,
    ("cox_grouped", "statsmodels"): 1_000_000,
    ("cox_continuous", "scikit-survival"): 100_000,
}
"""Beyond these a peer takes minutes, or more memory than a laptop has."""


# Data ---------------------------------------------------------------------------------------


def prepare(folder: Path, size: int, seed: int = 0) -> None:
    """Write spells with grouped covariates, and a million at most with continuous ones.

    Parameters
    ----------
    folder : Path
    size : int
        Spells.
    seed : int
    """
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = 1; SELECT setseed({(0.5 + 0.618034 * seed) % 1})")
    connection.execute(
        f"""
        COPY (
            WITH who AS (
                SELECT floor(random() * 4)::TINYINT AS unit, floor(random() * 3)::TINYINT AS level,
                    (random() < 0.2)::TINYINT AS is_manager, floor(random() * 4)::TINYINT AS cohort,
                    floor(random() * 2)::TINYINT AS tenure, random() AS u, random() AS c
                FROM range({size})
            ), lasted AS (
                SELECT *, -180 * ln(1 - u) / exp(0.1 * unit - 0.2 * level + 0.3 * is_manager) AS t,
                    30 + 335 * c AS followed
                FROM who
            )
            SELECT ceil(least(t, followed))::INTEGER AS duration, t <= followed AS event,
                unit, level, is_manager, cohort, tenure
            FROM lasted WHERE least(t, followed) > 0
        ) TO '{folder / "grouped.parquet"}' (FORMAT parquet, COMPRESSION zstd)
        """
    )
    _continuous(folder / "continuous.parquet", min(size, MOST_CONTINUOUS))


def _continuous(file: Path, size: int) -> None:
    import pandas as pd

    rng = np.random.default_rng(2)
    x = rng.normal(size=(size, len(CONTINUOUS)))
    risk = np.exp(x @ rng.normal(0, 0.15, len(CONTINUOUS)))
    lasted, followed = rng.exponential(180, size) / risk, rng.uniform(30, 365, size)
    frame = pd.DataFrame(x, columns=CONTINUOUS)
    frame["duration"] = np.ceil(np.minimum(lasted, followed)).astype(np.int32)
    frame["event"] = lasted <= followed
    frame.to_parquet(file)


# This package -------------------------------------------------------------------------------


def _spells(folder: Path, columns: Sequence[str], file: str = "grouped") -> Any:
    import pandas as pd

    return pd.read_parquet(folder / f"{file}.parquet", columns=list(columns))


def _folded(folder: Path, columns: Sequence[str]) -> Any:
    """Fold spells in the engine: those that are alike are one row with a weight."""
    import duckdb

    names = ", ".join(columns)
    file = folder / "grouped.parquet"
    return duckdb.sql(f"SELECT {names}, count(*)::DOUBLE AS weight FROM '{file}' GROUP BY ALL").df()


def _ours(model: Callable[[Any], Any], columns: Sequence[str], read: Any = _folded) -> Any:
    def contender(folder: Path) -> Timed:
        # Imports are not timed, and some are done when they are needed.
        import duckdb  # noqa: F401
        import pyarrow.parquet  # noqa: F401
        import scipy.special  # noqa: F401

        from ldresearch.models import survival  # noqa: F401

        return lambda: model(read(folder, columns))

    return contender


def _our_curve(frame: Any) -> list[float]:
    from ldresearch.models import survival

    found = survival.kaplan_meier(frame, at=AT)
    mean = survival.rmst(frame, horizon=HORIZON).frame["rmst"].iloc[0]
    return [*(found.estimates[1 + i].value for i in range(len(AT))), float(mean)]


def _our_logrank(frame: Any) -> float:
    from ldresearch.models import survival

    return float(survival.logrank(frame, "unit").frame["chi2"].iloc[0])


def _our_cox(covariates: Sequence[str]) -> Callable[[Any], list[float]]:
    def model(frame: Any) -> list[float]:
        from ldresearch.models import survival

        found = survival.cox(frame, list(covariates)).frame.set_index("term")["coefficient"]
        return [float(found[name]) for name in covariates]

    return model


def _continuous_spells(folder: Path, columns: Sequence[str]) -> Any:
    return _spells(folder, columns, "continuous")


# Peers --------------------------------------------------------------------------------------


def lifelines_curve(folder: Path) -> Timed:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    def timed() -> list[float]:
        frame = _spells(folder, BASE)
        fitted = KaplanMeierFitter().fit(frame["duration"], frame["event"])
        mean = restricted_mean_survival_time(fitted, t=HORIZON)
        return [*map(float, fitted.survival_function_at_times(AT)), float(mean)]

    return timed


def sksurv_curve(folder: Path) -> Timed:
    from sksurv.nonparametric import kaplan_meier_estimator

    def timed() -> list[float]:
        frame = _spells(folder, BASE)
        return _read_off(*kaplan_meier_estimator(frame["event"], frame["duration"]))

    return timed


def statsmodels_curve(folder: Path) -> Timed:
    from statsmodels.duration.survfunc import SurvfuncRight

    def timed() -> list[float]:
        frame = _spells(folder, BASE)
        fitted = SurvfuncRight(frame["duration"], frame["event"])
        return _read_off(fitted.surv_times, fitted.surv_prob)

    return timed


def _read_off(time: Any, survival: Any) -> list[float]:
    """Survival at the days that are asked for, and the area below the curve."""
    height = np.concatenate([[1.0], survival])
    at = [float(height[np.searchsorted(time, t, side="right")]) for t in AT]
    inside = np.asarray(time)[np.asarray(time) < HORIZON]
    widths = np.diff(np.concatenate([[0.0], inside, [HORIZON]]))
    return [*at, float(height[: len(widths)] @ widths)]


def lifelines_logrank(folder: Path) -> Timed:
    from lifelines.statistics import multivariate_logrank_test

    def timed() -> float:
        frame = _spells(folder, [*BASE, "unit"])
        found = multivariate_logrank_test(frame["duration"], frame["unit"], frame["event"])
        return float(found.test_statistic)

    return timed


def sksurv_logrank(folder: Path) -> Timed:
    from sksurv.compare import compare_survival

    def timed() -> float:
        frame = _spells(folder, [*BASE, "unit"])
        spells = np.empty(len(frame), dtype=[("event", bool), ("duration", float)])
        spells["event"], spells["duration"] = frame["event"], frame["duration"]
        return float(compare_survival(spells, frame["unit"].to_numpy())[0])

    return timed


def statsmodels_logrank(folder: Path) -> Timed:
    from statsmodels.duration.survfunc import survdiff

    def timed() -> float:
        frame = _spells(folder, [*BASE, "unit"])
        return float(survdiff(frame["duration"], frame["event"], frame["unit"])[0])

    return timed


def lifelines_cox(file: str, covariates: Sequence[str], *, batch_mode: bool | None) -> Any:
    """Make a contender; ``batch_mode=None`` leaves the choice to lifelines."""

    def contender(folder: Path) -> Timed:
        from lifelines import CoxPHFitter

        def timed() -> list[float]:
            frame = _spells(folder, [*BASE, *covariates], file)
            fitted = CoxPHFitter().fit(frame, "duration", event_col="event", batch_mode=batch_mode)
            return [float(fitted.params_[name]) for name in covariates]

        return timed

    return contender


def sksurv_cox(file: str, covariates: Sequence[str]) -> Any:
    def contender(folder: Path) -> Timed:
        from sksurv.linear_model import CoxPHSurvivalAnalysis

        def timed() -> list[float]:
            frame = _spells(folder, [*BASE, *covariates], file)
            spells = np.empty(len(frame), dtype=[("event", bool), ("duration", float)])
            spells["event"], spells["duration"] = frame["event"], frame["duration"]
            x = frame[list(covariates)].to_numpy(dtype=float)
            return CoxPHSurvivalAnalysis(ties="efron").fit(x, spells).coef_.tolist()

        return timed

    return contender


def statsmodels_cox(file: str, covariates: Sequence[str]) -> Any:
    def contender(folder: Path) -> Timed:
        from statsmodels.duration.hazard_regression import PHReg

        def timed() -> list[float]:
            frame = _spells(folder, [*BASE, *covariates], file)
            x = frame[list(covariates)].to_numpy(dtype=float)
            model = PHReg(frame["duration"], x, status=frame["event"], ties="efron")
            return model.fit(disp=0).params.tolist()

        return timed

    return contender


# R ------------------------------------------------------------------------------------------

_READ = """
suppressMessages(library(survival))
given <- commandArgs(TRUE)
cat("ready\\n"); flush.console()
invisible(readLines(file("stdin"), 1))
d <- as.data.frame(lapply(setNames(nm = given[-1]), function(name) {{
  path <- file.path(given[1], paste0(name, ".bin"))
  readBin(path, "double", file.size(path) / 8)
}}))
cat("[", paste(formatC(as.numeric({expression}), digits = 17, format = "g"), collapse = ","),
    "]\\n")
"""


def in_r(file: str, columns: Sequence[str], expression: str) -> Any:
    """Make a contender of an R expression over the data frame ``d``."""

    def contender(folder: Path) -> Timed:
        command = shutil.which("Rscript")
        if not command:
            raise UnavailableError("there is no Rscript here")
        looked = subprocess.run(
            [command, "-e", "suppressMessages(library(survival))"], capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if looked.returncode:
            raise UnavailableError("R has no package survival here")
        raw = folder / f"{file}-raw"
        raw.mkdir(exist_ok=True)
        for name in columns:
            if not (raw / f"{name}.bin").is_file():
                values = _spells(folder, [name], file)[name].to_numpy(dtype=float)
                values.tofile(raw / f"{name}.bin")
        script = raw / "work.R"
        script.write_text(_READ.format(expression=expression), encoding="utf-8")
        process = subprocess.Popen(
            [command, str(script), str(raw), *columns], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()

        def timed() -> Any:
            told, _ = process.communicate("go\n")
            found = json.loads(told)
            return found[0] if len(found) == 1 else found

        return timed

    return contender


_R_CURVE = f"""{{
  f <- survfit(Surv(duration, event) ~ 1, data = d)
  c(summary(f, times = c({", ".join(map(str, AT))}))$surv,
    summary(f, rmean = {HORIZON})$table["rmean"])
}}"""
_R_LOGRANK = "survdiff(Surv(duration, event) ~ unit, data = d)$chisq"


def _r_cox(covariates: Sequence[str]) -> str:
    """Efron is R's own default; the tight limit makes it the one the others are held to."""
    return (
        f"coef(coxph(Surv(duration, event) ~ {' + '.join(covariates)}, data = d, "
        'ties = "efron", control = coxph.control(eps = 1e-14)))'
    )


def _cox(title: str, file: str, covariates: Sequence[str], ours: Any) -> Work:
    return Work(
        title,
        {
            **ours,
            "lifelines, `batch_mode=True`": lifelines_cox(file, covariates, batch_mode=True),
            "lifelines": lifelines_cox(file, covariates, batch_mode=None),
            "scikit-survival": sksurv_cox(file, covariates),
            "statsmodels": statsmodels_cox(file, covariates),
            "R survival": in_r(file, [*BASE, *covariates], _r_cox(covariates)),
        },
        tolerance=1e-8,
        # These stop iterating earlier.
        looser=dict.fromkeys(
            ("lifelines, `batch_mode=True`", "lifelines", "scikit-survival", "statsmodels"), 1e-5
        ),
    )  # fmt: skip


WORKS = {
    "curve": Work(
        "Kaplan–Meier and restricted mean",
        {
            "ldresearch": _ours(_our_curve, BASE),
            "ldresearch, a frame of all spells": _ours(_our_curve, BASE, _spells),
            "lifelines": lifelines_curve,
            "scikit-survival": sksurv_curve,
            "statsmodels": statsmodels_curve,
            "R survival": in_r("grouped", BASE, _R_CURVE),
        },
    ),
    "logrank": Work(
        "log-rank test of four groups",
        {
            "ldresearch": _ours(_our_logrank, [*BASE, "unit"]),
            "ldresearch, a frame of all spells": _ours(_our_logrank, [*BASE, "unit"], _spells),
            "lifelines": lifelines_logrank,
            "scikit-survival": sksurv_logrank,
            "statsmodels": statsmodels_logrank,
            "R survival": in_r("grouped", [*BASE, "unit"], _R_LOGRANK),
        },
        tolerance=1e-6,
    ),
    "cox_grouped": _cox(
        "Cox regression, five grouped covariates", "grouped", GROUPED,
        {
            "ldresearch": _ours(_our_cox(GROUPED), [*BASE, *GROUPED]),
            "ldresearch, a frame of all spells": _ours(
                _our_cox(GROUPED), [*BASE, *GROUPED], _spells
            ),
        },
    ),
    "cox_continuous": _cox(
        "Cox regression, twenty continuous covariates, a million spells at most", "continuous",
        CONTINUOUS,
        {
            "ldresearch": _ours(
                _our_cox(CONTINUOUS), [*BASE, *CONTINUOUS], _continuous_spells
            ),
        },
    ),
}  # fmt: skip
