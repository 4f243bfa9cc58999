"""Survival analysis over plain frames.

Every function takes a frame with the field's column names:

``duration``
    Days (or any one unit) as numbers; not time differences.
``event``
    ``True`` where it ended, ``False`` where it was still going on when last seen. For competing
    risks, text: the cause, and empty or missing where censored.
``entry``, optional
    Delayed entry: a row is at risk at t if ``entry < t <= duration``.
``weight``, optional
    How many identical rows a row stands for: an aggregated frame gives the same answer.
``person_key``, optional
    Counts distinct persons and clusters the rows of one person.

lifelines is the reference these are checked against; what it gets wrong (RMST variance, the test
of proportional hazards, ties in competing risks, robust errors with entry times) is computed here
and checked against R.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldresearch.errors import ParameterError, message
from ldresearch.models import _cox
from ldresearch.models._frame import (
    folded,
    groups,
    labelled,
    numbers,
    persons,
    persons_by,
    require,
    truth,
    weights,
)
from ldresearch.models._risk_table import RiskTable, risk_table
from ldresearch.result import Estimate, Result, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Role

Floats = NDArray[Any]
Z = 1.959963984540054
MIN_AT_RISK = 10
"""Fewest persons at risk at the end of a restricted mean; no curve is extrapolated."""
EVENTS_PER_TERM = 10
"""Fewest events for each term of a regression."""


def _missing(frame: pd.DataFrame, what: str) -> str:
    return str(frame.attrs.get("missing") or what)


def _tables(
    frame: pd.DataFrame, by: str | None, caller: str
) -> tuple[list[str], list[RiskTable], list[int]]:
    """Return the groups, their risk tables and the distinct persons behind each."""
    require(frame, ["duration", "event"], caller)
    duration = numbers(frame, "duration", caller, low=0)
    event, weight = truth(frame, "event", caller), weights(frame, caller)
    entry = numbers(frame, "entry", caller) if "entry" in frame.columns else None
    which, names = groups(frame, by, caller)
    tables = []
    for i in range(len(names)):
        rows = which == i if len(names) > 1 else slice(None)
        tables.append(
            risk_table(
                duration[rows], event[rows], weight[rows], None if entry is None else entry[rows]
            )
        )
    return names, tables, persons_by(frame, which, len(names))


# Kaplan-Meier -------------------------------------------------------------------------------


def _interval(survival: Floats, greenwood: Floats, kind: str) -> tuple[Floats, Floats]:
    """Pointwise 95 % interval of a survival curve."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        root = np.sqrt(greenwood)
        if kind == "log-log":
            width = Z * root / np.log(survival)
            low, high = survival ** np.exp(-width), survival ** np.exp(width)
        elif kind == "log":
            low, high = survival * np.exp(-Z * root), survival * np.exp(Z * root)
        elif kind == "plain":
            low, high = survival * (1 - Z * root), survival * (1 + Z * root)
        else:
            raise ParameterError(
                message("unknown kind of interval", where="interval", got=kind,
                        allowed="log-log, log, plain")
            )  # fmt: skip
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    untouched = greenwood == 0
    return np.where(untouched, 1.0, low), np.where(untouched, 1.0, high)


def _first_at_or_below(time: Floats, curve: Floats, level: float) -> float:
    """First time a falling curve is at or below a level; infinite where it never is."""
    below = np.flatnonzero(curve <= level + 1e-12)
    return float(time[below[0]]) if len(below) else math.inf


def kaplan_meier(
    frame: pd.DataFrame,
    by: str | None = None,
    *,
    interval: str = "log-log",
    quantile: float = 0.5,
    at: Sequence[float] = (),
    metric: str = "survival_median",
    metric_at: str = "survival_at",
    grade: Grade = Grade.DESCRIPTIVE,
) -> Result:
    """Estimate survival curves with pointwise intervals and the time to a quantile.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``duration``, ``event`` (bool), optional ``entry``, ``weight``, ``person_key``.
    by : str, optional
        Column of groups; missing values form the group ``Unknown``.
    interval : {"log-log", "log", "plain"}
    quantile : float
        Survival level whose time is estimated; 0.5 is the median.
    at : sequence of float
        Times at which survival is estimated.
    metric, metric_at : str
        Registry ids of the two kinds of estimates.
    grade : Grade

    Returns
    -------
    Result
        Family CURVE; columns ``group, time, survival, low, high, n_events, n_censored, n``
        (persons at risk just before). Estimates: the median (``inf``: not reached) and survival
        at each time of ``at``, labelled by group.

    Raises
    ------
    DataError
        If a column is missing or holds what it may not.

    References
    ----------
    Kaplan EL, Meier P (1958). JASA 53:457-481. Kalbfleisch & Prentice (1980), log-log interval.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [2, 3, 3, 5], "event": [True, True, False, True]})
    >>> kaplan_meier(spells).frame["survival"].tolist()
    [0.75, 0.5, 0.0]
    """
    if frame.empty:
        return not_enough("kaplan_meier", Family.CURVE, _missing(frame, "there are no spells"))
    names, tables, sizes = _tables(frame, by, "kaplan_meier")
    parts: list[pd.DataFrame] = []
    estimates: list[Estimate] = []
    for name, table, n in zip(names, tables, sizes, strict=True):
        survival = table.survival
        low, high = _interval(survival, table.greenwood, interval)
        parts.append(
            pd.DataFrame(
                {
                    "group": name, "time": table.time, "survival": survival, "low": low,
                    "high": high, "n_events": table.events, "n_censored": table.censored,
                    "n": np.round(table.at_risk).astype(int),
                }
            )
        )  # fmt: skip
        known_low, known_high = np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=1.0)
        estimates.append(
            Estimate(
                metric, _first_at_or_below(table.time, survival, quantile),
                _first_at_or_below(table.time, known_low, quantile),
                _first_at_or_below(table.time, known_high, quantile), n, "days", grade, name,
            )
        )  # fmt: skip
        estimates.extend(
            _survival_at(table, survival, known_low, known_high, t, n, metric_at, grade, name)
            for t in at
        )
    return Result(
        "kaplan_meier",
        Family.CURVE,
        pd.concat(parts, ignore_index=True),
        {
            "group": Role.KEY, "time": Role.TIME, "survival": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(estimates),
        f"Kaplan-Meier estimate with pointwise 95 % intervals ({interval}).",
        {"starts_at": 1.0, "interval": interval, "by": by or ""},
    )  # fmt: skip


def _survival_at(
    table: RiskTable, survival: Floats, low: Floats, high: Floats, t: float, n: int, metric: str,
    grade: Grade, name: str,
) -> Estimate:  # fmt: skip
    """Survival at one time; unknown beyond the last time anyone was followed."""
    if not len(table.time) or t > table.time[-1]:
        value, lower, upper = math.nan, math.nan, math.nan
    else:
        i = int(np.searchsorted(table.time, t, side="right")) - 1
        value, lower, upper = (1.0, 1.0, 1.0) if i < 0 else (survival[i], low[i], high[i])
    label = f"{name} at {t:g} days".strip()
    return Estimate(metric, float(value), float(lower), float(upper), n, "share", grade, label)


# Competing risks ----------------------------------------------------------------------------


def cumulative_incidence(
    frame: pd.DataFrame,
    by: str | None = None,
    *,
    at: Sequence[float] = (),
    cause: str = "",
    metric: str = "cumulative_incidence",
    metric_median: str = "",
    grade: Grade = Grade.DESCRIPTIVE,
) -> Result:
    """Estimate cumulative incidence by cause (Aalen-Johansen), exact at ties.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``duration``, ``event`` (text: the cause; empty or missing where censored), optional
        ``entry``, ``weight``, ``person_key``.
    by : str, optional
        Column of groups.
    at : sequence of float
        Times at which the incidence of ``cause`` is estimated.
    cause : str
        The cause the estimates are about; the first in alphabetical order by default.
    metric : str
        Registry id of the incidence at a time.
    metric_median : str
        Registry id of the time by which half of everyone has had ``cause``; none if empty.
    grade : Grade

    Returns
    -------
    Result
        Family CURVE; columns ``group, cause, time, incidence, se, low, high, n_events, n``.

    References
    ----------
    Aalen OO, Johansen S (1978). Scand J Statist 5:141-150. Variance as in Marubini & Valsecchi
    (1995), equal to R's ``survfit`` for competing risks.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [1, 2, 3, 4], "event": ["value", "left", "value", ""]})
    >>> cumulative_incidence(spells, at=[3], cause="value").estimates[0].value
    0.5
    """
    name = "cumulative_incidence"
    if frame.empty:
        return not_enough(name, Family.CURVE, _missing(frame, "no one was followed"))
    require(frame, ["duration", "event"], name)
    cause_of, labels = labelled(frame["event"])
    labels[-1] = ""  # missing is censored
    causes = sorted(set(labels[np.unique(cause_of)]) - {""})
    if not causes:
        return not_enough(
            name, Family.CURVE, f"none of {persons(frame):,} persons had an event yet"
        )
    cause = cause or causes[0]
    if cause not in causes:
        causes = sorted({*causes, cause})
    duration, weight = numbers(frame, "duration", name, low=0), weights(frame, name)
    entry = numbers(frame, "entry", name) if "entry" in frame.columns else None
    which, names = groups(frame, by, name)
    sizes = persons_by(frame, which, len(names))
    had = {c: np.isin(cause_of, np.flatnonzero(labels == c)) for c in causes}
    parts: list[pd.DataFrame] = []
    estimates: list[Estimate] = []
    for i, group in enumerate(names):
        rows = which == i
        tables = [
            risk_table(
                duration[rows], had[c][rows], weight[rows],
                None if entry is None else entry[rows],
            )
            for c in causes
        ]  # fmt: skip
        n = sizes[i]
        for c, curve in zip(causes, _aalen_johansen(tables), strict=True):
            parts.append(curve.assign(group=group, cause=c))
            if c == cause:
                estimates.extend(_incidence_at(curve, t, n, metric, grade, group) for t in at)
                if metric_median:
                    estimates.append(_incidence_median(curve, n, metric_median, grade, group))
    columns = ["group", "cause", "time", "incidence", "se", "low", "high", "n_events", "n"]
    return Result(
        name,
        Family.CURVE,
        pd.concat(parts, ignore_index=True)[columns],
        {
            "group": Role.KEY, "cause": Role.KEY, "time": Role.TIME, "incidence": Role.RATE,
            "low": Role.LOW, "high": Role.HIGH, "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(estimates),
        "Aalen-Johansen cumulative incidence with log-log 95 % intervals; "
        "other causes compete and are not treated as censoring.",
        {"starts_at": 0.0, "cause": cause, "by": by or ""},
    )  # fmt: skip


def _aalen_johansen(tables: Sequence[RiskTable]) -> list[pd.DataFrame]:
    """Return one curve a cause from the cause-specific risk tables of one group."""
    n = tables[0].at_risk
    deaths = np.sum([t.events for t in tables], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = 1.0 - np.where(n > 0, deaths / n, 0.0)
        left = n * (n - deaths)
        a = np.where(left > 0, deaths / left, 0.0)
    before = np.concatenate([[1.0], np.cumprod(factors)[:-1]]) if len(n) else n
    curves = []
    for table in tables:
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(n > 0, table.events / n, 0.0)
            own = np.where(n > 0, (n - table.events) * table.events / n**3, 0.0)
            cross = np.where(n > 0, table.events / n**2, 0.0)
        incidence = np.cumsum(before * rate)
        f = incidence
        # Var F(t) = sum over s of (F(t)-F(s))^2 a + S^2 (n-d)d/n^3 - 2 (F(t)-F(s)) S d/n^2,
        # written as a polynomial in F(t) so that running sums do.
        variance = (
            f**2 * np.cumsum(a) - 2 * f * np.cumsum(f * a) + np.cumsum(f**2 * a)
            + np.cumsum(before**2 * own)
            - 2 * f * np.cumsum(before * cross) + 2 * np.cumsum(f * before * cross)
        )  # fmt: skip
        se = np.sqrt(np.maximum(variance, 0.0))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            width = Z * se / (f * np.log(f))
            low, high = f ** np.exp(-width), f ** np.exp(width)
        # A sum of rates ends a rounding error short of 1 where everyone had the event.
        flat = (f <= 0) | (f >= 1 - 1e-12) | (se == 0)
        curves.append(
            pd.DataFrame(
                {
                    "time": table.time, "incidence": f, "se": se,
                    "low": np.where(flat, f, low), "high": np.where(flat, f, high),
                    "n_events": table.events, "n": np.round(n).astype(int),
                }
            )
        )  # fmt: skip
    return curves


def _incidence_at(
    curve: pd.DataFrame, t: float, n: int, metric: str, grade: Grade, group: str
) -> Estimate:
    time = curve["time"].to_numpy()
    label = f"{group} within {t:g} days".strip()
    if not len(time) or t > time[-1]:
        return Estimate(metric, math.nan, math.nan, math.nan, n, "share", grade, label)
    i = int(np.searchsorted(time, t, side="right")) - 1
    if i < 0:
        return Estimate(metric, 0.0, 0.0, 0.0, n, "share", grade, label)
    row = curve.iloc[i]
    return Estimate(
        metric, float(row["incidence"]), float(row["low"]), float(row["high"]), n, "share", grade,
        label,
    )  # fmt: skip


def _incidence_median(
    curve: pd.DataFrame, n: int, metric: str, grade: Grade, group: str
) -> Estimate:
    time = curve["time"].to_numpy()
    value, late, early = (
        _first_at_or_below(time, -curve[c].to_numpy(), -0.5) for c in ("incidence", "low", "high")
    )
    return Estimate(metric, value, early, late, n, "days", grade, group)


# Restricted mean ----------------------------------------------------------------------------


def _rmst(table: RiskTable, horizon: float) -> tuple[float, float]:
    """Area under the curve to the horizon and its standard error."""
    inside = table.time < horizon
    time = np.concatenate([[0.0], table.time[inside], [horizon]])
    height = np.concatenate([[1.0], table.survival[inside]])
    areas = height * np.diff(time)
    remaining = areas[::-1].cumsum()[::-1]  # from each step's start to the horizon
    at_risk, events = table.at_risk[inside], table.events[inside]
    left = at_risk * (at_risk - events)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(left > 0, remaining[1:] ** 2 * events / left, 0.0)
    return float(areas.sum()), math.sqrt(float(terms.sum()))


def _supported(tables: Sequence[RiskTable], horizon: float, at_least: int) -> float:
    """Reduce a horizon to the last time enough are at risk in every group."""
    for table in tables:
        enough = table.time[table.at_risk >= at_least]
        last = float(enough[-1]) if len(enough) else 0.0
        horizon = min(horizon, last)
    return horizon


def rmst(
    frame: pd.DataFrame,
    by: str | None = None,
    *,
    horizon: float,
    reference: str = "",
    min_at_risk: int = MIN_AT_RISK,
    metric: str = "rmst",
    metric_difference: str = "rmst_difference",
    grade: Grade = Grade.DESCRIPTIVE,
) -> Result:
    """Estimate the restricted mean survival time and its differences between groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``duration``, ``event`` (bool), optional ``entry``, ``weight``, ``person_key``.
    by : str, optional
        Column of groups.
    horizon : float
        Days; reduced to the last time at which ``min_at_risk`` persons are at risk in every group
        (never extrapolated). What was used stands in ``parameters["horizon"]``.
    reference : str
        Group that the others are compared with; the largest by default.
    min_at_risk : int
    metric, metric_difference : str
        Registry ids.
    grade : Grade

    Returns
    -------
    Result
        Family CONTRAST; columns ``group, rmst, se, low, high, difference, difference_low,
        difference_high, ratio, p, n``; the differences of the reference row are missing.

    References
    ----------
    Royston P, Parmar MKB (2013). BMC Med Res Methodol 13:152. Uno H et al. (2014). J Clin Oncol
    32:2380-2385.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [1, 2, 3, 4], "event": [True] * 4})
    >>> rmst(spells, horizon=4, min_at_risk=1).estimates[0].value
    2.5
    """
    if frame.empty:
        return not_enough("rmst", Family.CONTRAST, _missing(frame, "there are no spells"))
    names, tables, sizes = _tables(frame, by, "rmst")
    sized = [
        one for one in zip(names, tables, sizes, strict=True) if one[1].at_risk.max() >= min_at_risk
    ]
    if not sized:
        return not_enough(
            "rmst", Family.CONTRAST,
            f"no group has {min_at_risk} persons; the largest has {max(t.n for t in tables):.0f}",
        )  # fmt: skip
    names, tables, sizes = (list(part) for part in zip(*sized, strict=True))
    used = _supported(tables, float(horizon), min_at_risk)
    if used <= 0:
        return not_enough("rmst", Family.CONTRAST, "no one was followed long enough")
    found = [_rmst(table, used) for table in tables]
    if reference not in names:
        reference = names[int(np.argmax(sizes))]
    base, base_se = found[names.index(reference)]
    rows: list[Any] = []
    estimates: list[Estimate] = []
    for name, (mean, se), n in zip(names, found, sizes, strict=True):
        row: dict[str, Any] = {
            "group": name, "rmst": mean, "se": se, "low": mean - Z * se, "high": mean + Z * se,
            "n": n,
        } | _difference(mean, se, base, base_se, is_reference=name == reference)  # fmt: skip
        rows.append(row)
        label = f"{name} over {used:g} days".strip()
        estimates.append(Estimate(metric, mean, row["low"], row["high"], n, "days", grade, label))
        if name != reference:
            estimates.append(
                Estimate(
                    metric_difference, row["difference"], row["difference_low"],
                    row["difference_high"], n, "days", grade, f"{name} against {reference}",
                )
            )  # fmt: skip
    columns = [
        "group", "rmst", "se", "low", "high", "difference", "difference_low", "difference_high",
        "ratio", "p", "n",
    ]  # fmt: skip
    return Result(
        "rmst",
        Family.CONTRAST,
        pd.DataFrame(rows)[columns],
        {
            "group": Role.KEY, "rmst": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "difference": Role.VALUE, "difference_low": Role.LOW, "difference_high": Role.HIGH,
            "p": Role.VALUE, "n": Role.N,
        },
        tuple(estimates),
        f"Restricted mean over the first {used:g} days: the area under the Kaplan-Meier curve, "
        "with Greenwood's variance.",
        {"horizon": used, "asked": float(horizon), "reference": reference, "by": by or ""},
    )  # fmt: skip


def _difference(
    mean: float, se: float, base: float, base_se: float, *, is_reference: bool
) -> dict[str, float]:
    if is_reference:
        return dict.fromkeys(
            ("difference", "difference_low", "difference_high", "ratio", "p"), math.nan
        )
    difference, width = mean - base, math.hypot(se, base_se)
    z = abs(difference) / width if width > 0 else math.inf
    return {
        "difference": difference,
        "difference_low": difference - Z * width,
        "difference_high": difference + Z * width,
        "ratio": mean / base if base > 0 else math.nan,
        "p": math.erfc(z / math.sqrt(2)),
    }


# Log-rank -----------------------------------------------------------------------------------


def logrank(frame: pd.DataFrame, by: str, *, rho: float = 0.0) -> Result:
    """Test whether survival curves differ between groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``duration``, ``event`` (bool), optional ``entry``, ``weight``.
    by : str
        Column of groups; missing values form the group ``Unknown``, and are counted.
    rho : float
        Fleming-Harrington weight S(t-)^rho; 0 is the log-rank test.

    Returns
    -------
    Result
        Family MODEL; one row: ``test, chi2, df, p, n``.

    References
    ----------
    Harrington DP, Fleming TR (1982). Biometrika 69:553-566.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [1, 2, 3, 4, 5, 6], "event": [True] * 6,
    ...                        "unit": ["a", "a", "a", "b", "b", "b"]})
    >>> round(float(logrank(spells, by="unit").frame["chi2"].iloc[0]), 3)
    5.052
    """
    if frame.empty:
        return not_enough("logrank", Family.MODEL, _missing(frame, "there are no spells"))
    names, tables, _ = _tables(frame, by, "logrank")
    if len(names) < 2:
        return not_enough("logrank", Family.MODEL, f"there is only one group of {by}")
    times = np.unique(np.concatenate([t.time[t.events > 0] for t in tables]))
    if not len(times):
        return not_enough("logrank", Family.MODEL, "no events yet: nothing to compare")
    at_risk = _at_risk(frame, by, tables, times)
    events = np.stack([_on_grid(t, times) for t in tables])
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.cumprod(1 - np.where(n > 0, d / n, 0.0))
        scale = np.where(n > 1, d * (n - d) / (n - 1), 0.0) / n**2
    height = np.concatenate([[1.0], pooled[:-1]]) ** rho
    score = (height * (events - at_risk * d / n)).sum(axis=1)[:-1]
    w2 = height**2 * scale
    covariance = np.diag((w2 * at_risk * n).sum(axis=1)) - (w2 * at_risk) @ at_risk.T
    covariance = covariance[:-1, :-1]
    chi2 = float(score @ np.linalg.pinv(covariance) @ score)
    df = len(names) - 1
    frame_out = pd.DataFrame(
        {"test": ["log-rank"], "chi2": [chi2], "df": [float(df)], "p": [_chi2_p(chi2, df)],
         "n": [persons(frame)]}
    )  # fmt: skip
    return Result(
        "logrank",
        Family.MODEL,
        frame_out,
        {"test": Role.KEY, "chi2": Role.VALUE, "df": Role.VALUE, "p": Role.VALUE, "n": Role.N},
        method="Log-rank test." if rho == 0 else f"Fleming-Harrington test, rho = {rho:g}.",
        parameters={"by": by, "rho": rho, "groups": len(names)},
    )


def _chi2_p(chi2: float, df: float) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, chi2))


def _on_grid(table: RiskTable, times: Floats) -> Floats:
    out = np.zeros(len(times))
    place = np.searchsorted(times, table.time)
    inside = (place < len(times)) & (table.events > 0)
    out[place[inside]] = table.events[inside]
    return out


def _at_risk(frame: pd.DataFrame, by: str, tables: Sequence[RiskTable], times: Floats) -> Floats:
    """Return who is at risk at each time, one row a group."""
    out = np.empty((len(tables), len(times)))
    for i, table in enumerate(tables):
        gone = np.concatenate([[0.0], np.cumsum(table.events + table.censored)])
        out[i] = table.n - gone[np.searchsorted(table.time, times, side="left")]
    if "entry" in frame.columns:
        which, _ = groups(frame, by, "logrank")
        entry, weight = frame["entry"].to_numpy(dtype=float), weights(frame, "logrank")
        entry = np.where(entry <= 0, -np.inf, entry)
        for i in range(len(tables)):
            start = entry[which == i]
            late = np.argsort(start, kind="stable")
            entered = np.concatenate([[0.0], np.cumsum(weight[which == i][late])])
            out[i] -= tables[i].n - entered[np.searchsorted(start[late], times, side="left")]
    return out


# Regression ---------------------------------------------------------------------------------


def _complete(
    frame: pd.DataFrame, covariates: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Step, ...]]:
    """Leave out rows that lack a number, as R does, and count them; a blank text is a level."""
    found = [c for c in covariates if c in frame.columns]
    # Column by column: many rows of many columns are not copied to find that nothing is missing.
    absent = {c: frame[c].isna() for c in found if pd.api.types.is_numeric_dtype(frame[c])}
    lacks = {c: rows for c, rows in absent.items() if rows.any()}
    if not lacks:
        return frame, ()
    kept = frame[~np.logical_or.reduce(list(lacks.values()))]
    if kept.empty:
        raise _RefusedError(f"no row has {' and '.join(lacks)}")
    return kept, (Step(f"not known: {', '.join(lacks)}", persons(kept), len(kept)),)


class _RefusedError(Exception):
    """There is not enough data for this regression; the text says why."""


def _design(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    event: NDArray[np.bool_],
    weight: Floats,
    caller: str,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return numeric terms and notes: what was dropped, merged, or is the reference."""
    require(frame, covariates, caller)
    notes: dict[str, str] = {}
    terms: dict[str, Any] = {}
    for name in covariates:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            values = column.to_numpy(dtype=float, na_value=np.nan)
            if np.ptp(values) == 0:
                notes[name] = "constant, left out"
                continue
            terms[name] = values
        else:
            terms |= _levels(column, name, event, weight, notes)
    if not terms:
        raise _RefusedError("every covariate is constant")
    return pd.DataFrame(terms, index=frame.index), notes


def _levels(
    column: pd.Series, name: str, event: NDArray[np.bool_], weight: Floats, notes: dict[str, str]
) -> dict[str, Floats]:
    """One-hot terms against the largest level; levels with few events are merged.

    Weights are counted: an aggregated frame has the same levels.
    """
    codes, texts = labelled(column)
    n_events = np.bincount(codes[event], weights=weight[event], minlength=len(texts))
    sizes = np.bincount(codes, weights=weight, minlength=len(texts))
    seen = sorted({texts[i] for i in np.unique(codes)})
    events_of = {v: float(n_events[texts == v].sum()) for v in seen}
    rare = [v for v in seen if events_of[v] < EVENTS_PER_TERM]
    counts = {v: float(sizes[texts == v].sum()) for v in seen if v not in rare}
    merged = np.isin(texts, [*rare, "other"])
    if rare:
        counts["other"] = float(sizes[merged].sum())
        notes[f"{name}: other"] = f"{len(rare)} levels with fewer than {EVENTS_PER_TERM} events"
    order = sorted(counts, key=lambda v: (-counts[v], v))
    if len(order) < 2:
        notes[name] = "one level only, left out"
        return {}
    notes[f"{name}: reference"] = order[0]
    if "other" in order and rare and not sum(events_of[v] for v in rare):
        raise _RefusedError(f"the rare levels of {name} have no event: they cannot be compared")
    return {
        f"{name}: {v}": (merged if v == "other" else texts == v)[codes].astype(float)
        for v in sorted(order[1:])
    }


def cox(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    cluster: str = "",
    metric: str = "hazard_ratio",
    grade: Grade = Grade.ADJUSTED,
    events_per_term: int = EVENTS_PER_TERM,
) -> Result:
    """Fit a Cox regression with exact Efron ties.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``duration``, ``event`` (bool), covariates; optional ``entry``, ``weight``. Numbers enter
        as they are; text is one-hot coded against its largest level, levels with fewer than ten
        events are merged as ``other``, constant columns are left out; all of it is noted in
        ``parameters``. Rows that lack a number are left out and counted in ``attrition``.
    covariates : sequence of str
    cluster : str
        Column whose equal values are not independent (a person with several spells): robust
        standard errors.
    metric : str
    grade : Grade
    events_per_term : int
        With fewer events a term, the regression is refused.

    Returns
    -------
    Result
        Family MODEL; one row a term: ``term, coefficient, se, hazard_ratio, low, high, p,
        n_events, n``. ``parameters`` has ``loglik0`` and ``loglik``.

    References
    ----------
    Cox DR (1972). JRSS B 34:187-220. Efron B (1977). JASA 72:557-565. Lin DY, Wei LJ (1989).
    JASA 84:1074-1078.

    Examples
    --------
    >>> from lifelines.datasets import load_rossi
    >>> rossi = load_rossi()
    >>> spells = rossi.assign(duration=rossi["week"], event=rossi["arrest"] == 1)
    >>> fit = cox(spells, ["fin", "age", "prio"])
    >>> fit.frame["coefficient"].round(4).tolist()
    [-0.347, -0.0671, 0.0969]
    """
    try:
        frame, steps = _complete(frame, covariates)
        # Rows of one cluster are not alike: its robust errors need each of them.
        rows = frame if cluster else _folded(frame, covariates)
        terms, notes, fit, n_events = _fitted(rows, covariates, cluster, events_per_term)
    except _RefusedError as why:
        return not_enough("cox", Family.MODEL, str(why))
    se = np.sqrt(np.diag(fit.covariance))
    n = persons(frame)
    lines: list[Any] = []
    estimates: list[Estimate] = []
    for term, b, s in zip(terms.columns, fit.beta, se, strict=True):
        low, high = math.exp(b - Z * s), math.exp(b + Z * s)
        p = math.erfc(abs(b / s) / math.sqrt(2))
        lines.append((term, b, s, math.exp(b), low, high, p, n_events, n))
        estimates.append(Estimate(metric, math.exp(b), low, high, n, "ratio", grade, term))
    columns = [
        "term", "coefficient", "se", "hazard_ratio", "low", "high", "p", "n_events", "n",
    ]  # fmt: skip
    return Result(
        "cox",
        Family.MODEL,
        pd.DataFrame(lines, columns=columns),
        {
            "term": Role.KEY, "hazard_ratio": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "p": Role.VALUE, "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(estimates),
        "Cox regression, Efron's method for ties"
        + (f", standard errors robust to repeats within {cluster}." if cluster else "."),
        {"loglik0": fit.loglik0, "loglik": fit.loglik, **notes},
        steps,
    )  # fmt: skip


def _folded(frame: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """Fold spells that are alike: the partial likelihood, ties included, is the same."""
    entry = [c for c in ("entry",) if c in frame.columns]
    return folded(frame, ["duration", "event", *entry, *covariates])


def _fitted(
    frame: pd.DataFrame, covariates: Sequence[str], cluster: str, events_per_term: int
) -> tuple[pd.DataFrame, Mapping[str, str], _cox.Fit, float]:
    if frame.empty:
        raise _RefusedError(_missing(frame, "there are no spells"))
    require(frame, ["duration", "event"], "cox")
    duration, event = numbers(frame, "duration", "cox", low=0), truth(frame, "event", "cox")
    weight = weights(frame, "cox")
    if (duration == 0).any():
        raise _RefusedError(
            f"{int(weight[duration == 0].sum()):,} spells have no length: count days from 1"
        )
    n_events = float(weight[event].sum())
    if not n_events:
        raise _RefusedError("no events yet: nothing to estimate")
    terms, notes = _design(frame, covariates, event, weight, "cox")
    if n_events < events_per_term * terms.shape[1]:
        raise _RefusedError(
            f"{n_events:.0f} events are too few for {terms.shape[1]} terms; "
            f"{events_per_term * terms.shape[1]} are needed"
        )
    entry = numbers(frame, "entry", "cox") if "entry" in frame.columns else None
    labels = None
    if cluster:
        labels = np.unique(frame[cluster].to_numpy(), return_inverse=True)[1].reshape(-1)
    fit = _cox.fit(
        terms.to_numpy(dtype=float), duration, event, weight, entry=entry, cluster=labels
    )
    if not fit.is_converged or np.abs(fit.beta * fit.spread).max() > 10:
        worst = terms.columns[int(np.nanargmax(np.abs(fit.beta * fit.spread)))]
        raise _RefusedError(f"{worst} separates those with an event from those without")
    return terms, notes, fit, n_events


def proportional_hazards(frame: pd.DataFrame, covariates: Sequence[str]) -> Result:
    """Test whether hazard ratios are constant over time.

    Parameters
    ----------
    frame, covariates
        As in :func:`cox`.

    Returns
    -------
    Result
        Family MODEL; one row a term and one ``GLOBAL``: ``term, chi2, df, p, n``.

    References
    ----------
    Grambsch PM, Therneau TM (1994). Biometrika 81:515-526; the formula of R's survival since
    version 3 with the Kaplan-Meier transform.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [*range(1, 101), *range(2, 201, 2)], "event": True,
    ...                        "senior": [0.0] * 100 + [1.0] * 100})
    >>> found = proportional_hazards(spells, ["senior"]).frame
    >>> found[["term", "df"]].to_dict("list"), bool(found["p"].max() < 0.001)
    ({'term': ['senior', 'GLOBAL'], 'df': [1.0, 1.0]}, True)
    """
    name = "proportional_hazards"
    try:
        frame, steps = _complete(frame, covariates)
        rows = _folded(frame, covariates)
        terms, _, fit, _ = _fitted(rows, covariates, "", EVENTS_PER_TERM)
    except _RefusedError as why:
        return not_enough(name, Family.MODEL, str(why))
    duration, event = numbers(rows, "duration", name), truth(rows, "event", name)
    weight = weights(rows, name)
    entry = numbers(rows, "entry", name) if "entry" in rows.columns else None
    table = risk_table(duration, event, weight, entry)
    if (table.events > 0).sum() < 3:
        return not_enough(name, Family.MODEL, "events fall on fewer than three different times")
    left = np.concatenate([[1.0], table.survival[:-1]])
    transform = 1.0 - left[table.events > 0]
    chi2, df, _ = _cox.schoenfeld(
        terms.to_numpy(dtype=float), duration, event, weight, fit.beta, transform, entry=entry
    )
    tests = [
        (term, float(c), float(k), _chi2_p(float(c), float(k)), persons(frame))
        for term, c, k in zip([*terms.columns, "GLOBAL"], chi2, df, strict=True)
    ]
    return Result(
        name,
        Family.MODEL,
        pd.DataFrame(tests, columns=["term", "chi2", "df", "p", "n"]),
        {"term": Role.KEY, "chi2": Role.VALUE, "df": Role.VALUE, "p": Role.VALUE, "n": Role.N},
        method="Score test of time-varying coefficients on the Kaplan-Meier scale.",
        attrition=steps,
    )


_DISTRIBUTIONS = {
    "weibull": ("WeibullAFTFitter", "lambda_", "rho_"),
    "log-normal": ("LogNormalAFTFitter", "mu_", "sigma_"),
    "log-logistic": ("LogLogisticAFTFitter", "alpha_", "beta_"),
}


def aft(
    frame: pd.DataFrame,
    covariates: Sequence[str],
    *,
    distribution: str = "weibull",
    metric: str = "time_ratio",
) -> Result:
    """Fit an accelerated failure time model (lifelines).

    Parameters
    ----------
    frame, covariates
        As in :func:`cox`; ``entry`` and ``weight`` are used where present.
    distribution : {"weibull", "log-normal", "log-logistic"}
        Of the times. A Weibull model has proportional hazards as well; the others have not.
    metric : str
        Registry id of the estimates.

    Returns
    -------
    Result
        Family MODEL; one row a term: ``term, coefficient, se, time_ratio, low, high, p, n``; a
        time ratio of 1.2 means spells 20 % longer. ``parameters`` has ``loglik``,
        ``intercept`` and ``shape``.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"duration": [*range(1, 101), *range(2, 201, 2)], "event": True,
    ...                        "senior": [0.0] * 100 + [1.0] * 100})
    >>> found = aft(spells, ["senior"], distribution="log-normal")
    >>> found.frame[["term", "time_ratio"]].round(1).to_dict("list")
    {'term': ['senior'], 'time_ratio': [2.0]}
    """
    if distribution not in _DISTRIBUTIONS:
        raise ParameterError(
            message("no such distribution", where="aft", got=distribution,
                    allowed=", ".join(_DISTRIBUTIONS))
        )  # fmt: skip
    try:
        frame, steps = _complete(frame, covariates)
        terms, notes, _, _ = _fitted(frame, covariates, "", EVENTS_PER_TERM)
    except _RefusedError as why:
        return not_enough("aft", Family.MODEL, str(why))
    import lifelines
    from lifelines.exceptions import ConvergenceError

    fitter_name, place, ancillary = _DISTRIBUTIONS[distribution]

    names = [f"x{i}" for i in range(terms.shape[1])]
    data = pd.DataFrame(terms.to_numpy(), columns=names)
    data["duration"] = frame["duration"].to_numpy(dtype=float)
    data["event"] = frame["event"].to_numpy(dtype=bool)
    extra: dict[str, str] = {}
    for column, argument in (("entry", "entry_col"), ("weight", "weights_col")):
        if column in frame.columns:
            data[column] = frame[column].to_numpy(dtype=float)
            extra[argument] = column
    fitter = getattr(lifelines, fitter_name)()
    try:
        fitter.fit(data, "duration", event_col="event", robust=False, **extra)
    except ConvergenceError:
        return not_enough(
            "aft", Family.MODEL, f"the {distribution} model did not converge on these spells"
        )
    summary = fitter.summary
    rows, estimates, n = [], [], persons(frame)
    for name, term in zip(names, terms.columns, strict=True):
        b, s = (float(summary.loc[(place, name), c]) for c in ("coef", "se(coef)"))
        low, high = math.exp(b - Z * s), math.exp(b + Z * s)
        rows.append((term, b, s, math.exp(b), low, high, math.erfc(abs(b / s) / math.sqrt(2)), n))
        estimates.append(Estimate(metric, math.exp(b), low, high, n, "ratio", Grade.ADJUSTED, term))
    columns = ["term", "coefficient", "se", "time_ratio", "low", "high", "p", "n"]
    return Result(
        "aft",
        Family.MODEL,
        pd.DataFrame(rows, columns=columns),
        {
            "term": Role.KEY, "time_ratio": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "p": Role.VALUE, "n": Role.N,
        },
        tuple(estimates),
        f"{distribution.capitalize()} accelerated failure time model.",
        {
            "loglik": float(fitter.log_likelihood_),
            "intercept": float(summary.loc[(place, "Intercept"), "coef"]),
            "shape": float(np.exp(summary.loc[(ancillary, "Intercept"), "coef"])),
            **notes,
        },
        steps,
    )  # fmt: skip


# Recurrence ---------------------------------------------------------------------------------


def mean_cumulative(frame: pd.DataFrame) -> Result:
    """Estimate the mean number of recurrences per person over time.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``person_key``, ``duration`` (time since the person's origin), ``event`` (bool): one row
        with ``True`` for each recurrence and one with ``False`` at the end of follow-up.

    Returns
    -------
    Result
        Family CURVE; columns ``time, mean, se, low, high, n_events, n`` with the robust variance
        of Lawless and Nadeau.

    References
    ----------
    Lawless JF, Nadeau C (1995). Technometrics 37:158-168.

    Examples
    --------
    >>> import pandas as pd
    >>> spells = pd.DataFrame({"person_key": [1, 1, 2], "duration": [3, 9, 9],
    ...                        "event": [True, False, False]})
    >>> mean_cumulative(spells).frame["mean"].tolist()
    [0.5, 0.5]
    """
    name = "mean_cumulative"
    if frame.empty:
        return not_enough(name, Family.CURVE, _missing(frame, "there are no spells"))
    require(frame, ["person_key", "duration", "event"], name)
    duration, event = numbers(frame, "duration", name, low=0), truth(frame, "event", name)
    if not event.any():
        return not_enough(name, Family.CURVE, "no one has come back yet")
    person = np.unique(frame["person_key"].to_numpy(), return_inverse=True)[1].reshape(-1)
    times, place = np.unique(duration, return_inverse=True)
    n_persons = int(person.max()) + 1
    end = np.zeros(n_persons)
    np.maximum.at(end, person, duration)
    at_risk = n_persons - np.searchsorted(np.sort(end), times, side="left")
    events = np.bincount(place.reshape(-1), weights=event, minlength=len(times))
    step = events / at_risk
    mean = np.cumsum(step)
    variance = _mcf_variance(person, place.reshape(-1), event, end, times, at_risk, step)
    se = np.sqrt(variance)
    out = pd.DataFrame(
        {
            "time": times, "mean": mean, "se": se, "low": np.maximum(mean - Z * se, 0),
            "high": mean + Z * se, "n_events": events, "n": at_risk,
        }
    )  # fmt: skip
    return Result(
        name,
        Family.CURVE,
        out,
        {
            "time": Role.TIME, "mean": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "n_events": Role.COUNT, "n": Role.N,
        },
        method="Mean cumulative number of recurrences (Nelson), robust variance.",
        parameters={"starts_at": 0.0},
    )  # fmt: skip


def _mcf_variance(
    person: NDArray[np.intp], place: NDArray[np.intp], event: NDArray[np.bool_], end: Floats,
    times: Floats, at_risk: NDArray[Any], step: Floats,
) -> Floats:  # fmt: skip
    """Sum over persons of the squared running residual, without a person-by-time matrix.

    A person's residual at t is A(t) - B(min(t, end)): A counts own recurrences by 1/n, B is the
    same for everyone at risk. Squares expand into running sums over time.
    """
    weight = 1.0 / at_risk
    common = np.cumsum(step * weight)  # B(t)
    last = np.searchsorted(times, end, side="right") - 1
    n_times = len(times)
    # Own part A_i(t): a step of weight[place] at each recurrence.
    order = np.lexsort((place[event], person[event]))
    who, when = person[event][order], place[event][order]
    jump = weight[when]
    total = np.cumsum(jump)
    first = np.concatenate([[True], who[1:] != who[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(len(who)), 0))
    before = total - jump - np.where(start > 0, total[start - 1], 0.0)
    # sum_i A_i(t)^2 grows at a recurrence by (A+w)^2 - A^2.
    own = np.cumsum(np.bincount(when, weights=(before + jump) ** 2 - before**2,
                                minlength=n_times))  # fmt: skip
    # sum_i A_i(t) C_i(t), C_i(t) = B(min(t, end_i)): those still there share B(t).
    amount = np.bincount(when, weights=jump, minlength=n_times)
    here = np.cumsum(amount)
    a_final = np.bincount(who, weights=jump, minlength=len(end))
    leaving_a = np.bincount(last, weights=a_final, minlength=n_times)
    leaving_ab = np.bincount(last, weights=a_final * common[last], minlength=n_times)
    gone = np.concatenate([[0.0], np.cumsum(leaving_a)[:-1]])
    gone_ab = np.concatenate([[0.0], np.cumsum(leaving_ab)[:-1]])
    mixed = (here - gone) * common + gone_ab
    leaving = np.bincount(last, minlength=n_times)
    gone_n = np.concatenate([[0.0], np.cumsum(leaving)[:-1]])
    gone_bb = np.concatenate(
        [[0.0], np.cumsum(np.bincount(last, weights=common[last] ** 2, minlength=n_times))[:-1]]
    )
    squared = (len(end) - gone_n) * common**2 + gone_bb
    variance: Floats = np.maximum(own - 2 * mixed + squared, 0.0)
    return variance
