"""What a group did better than one to compare with: at the level at which it was allocated.

Chance, a comparison or neither: the design says how strong the answer is, and the answer says so.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

MIN_SIDE: Final = 2
"""Fewest people or units a side, below which there is no spread to take an interval from."""
TREATED, CONTROL = "treated", "control"
RANDOMISED, COMPARED, BEFORE_AFTER = "randomised", "compared", "before and after"
"""Designs, as they stand in ``parameters["design"]``."""


def effect(
    frame: pd.DataFrame, *, metric: str, unit: str, label: str = "", name: str = "effect"
) -> Result:
    """Estimate what the treated gained over the control, or only how everyone changed.

    Where chance decided, the means since are compared, adjusted for what was before (analysis of
    covariance). Where it did not, changes are compared (difference in differences). Where there
    is nobody to compare with, the change is told and is no effect. Rows of one cluster are
    averaged first: what was allocated together counts once. Errors are those of unequal variances
    (HC2) with the degrees of freedom of Bell and McCaffrey; without a covariate that is Welch's.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person or unit: ``cluster, arm`` (``treated``, ``control`` or empty),
        ``is_randomised, before`` (may be missing), ``after``; ``n`` people or ``person_key``.
    metric, unit, label : str
        Of the estimate.
    name : str
        Name of the result.

    Returns
    -------
    Result
        Family MEANS, a row a side: ``side, before, after, low, high, n``. Parameters: ``design``,
        ``is_identified`` (whether the estimate may be called an effect), ``standard_error``,
        ``df``, ``spread`` (standard deviation of the control's means since, of everyone's without
        a control), ``n_clusters``, ``is_adjusted``.

    References
    ----------
    Bell RM, McCaffrey DF (2002). Survey Methodology 28:169-181.
    Imbens GW, Kolesar M (2016). Review of Economics and Statistics 98:701-712.
    MacKinnon JG, White H (1985). Journal of Econometrics 29:305-325.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cluster": range(6), "arm": ["treated"] * 3 + ["control"] * 3,
    ...     "is_randomised": True, "before": None, "after": [5.0, 6, 7, 3, 4, 5], "n": 1})
    >>> found = effect(frame, metric="m", unit="score").estimate("m")
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2), found.grade.value
    (2.0, -0.27, 4.27, 'randomised')
    """
    if frame.empty:
        return not_enough(name, Family.MEANS, _why(frame, "nobody was measured"))
    require(frame, ["cluster", "arm", "is_randomised", "before", "after"], name)
    sided = frame[frame["arm"].isin((TREATED, CONTROL))]
    counts = sided.groupby("arm")["cluster"].nunique()
    if len(counts) == 2 and counts.min() >= MIN_SIDE:
        return _compared(sided, name, metric, unit, label)
    if len(counts) == 2:
        return not_enough(
            name, Family.MEANS,
            f"one side of the comparison has {int(counts.min())} person or unit, and it takes "
            f"{MIN_SIDE} to see how much they vary",
        )  # fmt: skip
    return _changed(frame, name, metric, unit, label)


def _why(frame: pd.DataFrame, otherwise: str) -> str:
    return str(frame.attrs.get("missing") or otherwise)


def _compared(frame: pd.DataFrame, name: str, metric: str, unit: str, label: str) -> Result:
    is_randomised = bool(frame["is_randomised"].all())
    if not is_randomised and frame["before"].notna().any():
        # Changes are compared: whoever was not measured before has none.
        frame = frame[frame["before"].notna()]
        if frame.groupby("arm")["cluster"].nunique().reindex([TREATED, CONTROL]).min() < MIN_SIDE:
            return not_enough(
                name, Family.MEANS, "on one side next to nobody was measured before as well"
            )
    means = _averaged(frame, name)
    # Chance gave both sides the same befores, so an unknown one may stand at the mean.
    means["before"] = means["before"].fillna(means["before"].mean())
    has_before = bool(means["before"].notna().all())
    treated = (means["arm"] == TREATED).to_numpy(dtype=float)
    after = means["after"].to_numpy(dtype=float)
    before = means["before"].to_numpy(dtype=float)
    columns = [np.ones(len(means)), treated]
    y = after
    if has_before and is_randomised and np.ptp(before) > 0 and len(means) > 4:
        columns.append(before - before.mean())
    elif has_before and not is_randomised:
        y = after - before
    value, se, df = _contrast(np.column_stack(columns), y)
    if not se > 0:
        return not_enough(name, Family.MEANS, "all values are alike: no interval can be told")
    grade = (
        Grade.RANDOMISED if is_randomised
        else Grade.QUASI_EXPERIMENTAL if has_before else Grade.DESCRIPTIVE
    )  # fmt: skip
    low, high = _interval(value, se, df)
    own = after[treated == 0]
    estimate = Estimate(metric, value, low, high, _people(frame), unit, grade, label)
    return _result(
        name, frame, means, estimate,
        design=RANDOMISED if is_randomised else COMPARED,
        is_identified=is_randomised or has_before,
        standard_error=se, df=df, spread=float(np.std(own, ddof=1)),
        is_adjusted=has_before and (not is_randomised or len(columns) == 3),
    )  # fmt: skip


def _changed(frame: pd.DataFrame, name: str, metric: str, unit: str, label: str) -> Result:
    """Tell how those who were measured twice changed: nobody was there to compare with."""
    means = _averaged(frame[frame["before"].notna()], name)
    if len(means) < MIN_SIDE:
        return not_enough(
            name, Family.MEANS,
            "nobody was there to compare with, and fewer than two people or units were measured "
            "both before and since",
        )  # fmt: skip
    change = (means["after"] - means["before"]).to_numpy(dtype=float)
    value, se, df = _contrast(np.ones((len(change), 1)), change)
    if not se > 0:
        return not_enough(name, Family.MEANS, "all values are alike: no interval can be told")
    low, high = _interval(value, se, df)
    kept = frame[frame["before"].notna()]
    estimate = Estimate(metric, value, low, high, _people(kept), unit, Grade.DESCRIPTIVE, label)
    return _result(
        name, kept, means, estimate, design=BEFORE_AFTER, is_identified=False, standard_error=se,
        df=df, spread=float(np.std(means["after"], ddof=1)), is_adjusted=False,
    )  # fmt: skip


def _averaged(frame: pd.DataFrame, caller: str) -> pd.DataFrame:
    """Return one row a cluster and side: means of its rows."""
    numbers(frame, "after", caller)
    return frame.groupby(["cluster", "arm"], as_index=False, sort=True).agg(
        before=("before", "mean"), after=("after", "mean")
    )


def _contrast(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Return the last but the covariates' coefficient, its HC2 error, and its degrees of freedom.

    The contrast is column 1, or column 0 of a single column.
    """
    n, k = x.shape
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    residual = y - x @ beta
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    row = bread[min(1, k - 1)] @ x.T
    spare = np.maximum(1 - leverage, 1e-12)
    se = math.sqrt(float(np.sum(row**2 * residual**2 / spare)))
    # With a = row / sqrt(1 - h): trace and trace of the square of a'(I - H)a, in k x k products.
    a2 = row**2 / spare
    weighted = (x * a2[:, None]).T @ x @ bread
    square = float(np.sum(a2**2 * (1 - 2 * leverage)) + np.trace(weighted @ weighted))
    df = float(np.sum(row**2)) ** 2 / square if square > 0 else float(n - k)
    return float(beta[min(1, k - 1)]), se, df


def _interval(value: float, se: float, df: float) -> tuple[float, float]:
    from scipy.stats import t

    half = float(t.ppf(0.975, df)) * se
    return value - half, value + half


def _people(frame: pd.DataFrame) -> int:
    return int(frame["n"].sum()) if "n" in frame.columns else persons(frame)


def _result(
    name: str, frame: pd.DataFrame, means: pd.DataFrame, estimate: Estimate, **told: Any
) -> Result:
    rows = []
    for side, part in means.groupby("arm", sort=False):
        after = part["after"].to_numpy(dtype=float)
        own = frame[frame["arm"] == side]
        spread = (
            float(np.std(after, ddof=1)) / math.sqrt(len(after)) if len(after) > 1 else math.nan
        )
        low, high = _interval(float(after.mean()), spread, len(after) - 1 or math.nan)
        rows.append(
            {
                "side": str(side) or "everyone",
                "before": float(part["before"].mean()),
                "after": float(after.mean()),
                "low": low,
                "high": high,
                "n": _people(own),
            }
        )
    rows.sort(key=lambda row: row["side"] != TREATED)
    told = {key: round(v, 6) if isinstance(v, float) else v for key, v in told.items()}
    return Result(
        name, Family.MEANS, pd.DataFrame(rows),
        {"side": Role.KEY, "before": Role.VALUE, "after": Role.VALUE, "low": Role.LOW,
         "high": Role.HIGH, "n": Role.N},
        (estimate,), _METHODS[told["design"]], {**told, "n_clusters": len(means)},
    )  # fmt: skip


_METHODS: Final = {
    RANDOMISED: "Analysis of covariance at the level chance decided at; HC2 errors, Bell-McCaffrey "
    "degrees of freedom.",
    COMPARED: "Difference in differences at the level that was allocated; HC2 errors, "
    "Bell-McCaffrey degrees of freedom.",
    BEFORE_AFTER: "Mean change since before; no comparison, so no effect.",
}
