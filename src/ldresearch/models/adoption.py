"""Who has started, how fast, and where it will end.

The population of a learning offer is its headcount, so the market that marketing has to guess is
known here: each week is a draw among those who have not started. Where the headcount is not
known, least squares on the counts, as in marketing, and no answer before the turning point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, message
from ldresearch.models import _bass, _checks, _incidence, rates, survival
from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Partition, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Grade, Role

MIN_PEOPLE: Final = 10
"""Fewest people followed from whom a share is told."""
MIN_STARTS: Final = 30
"""Fewest starts from which push, pull and ceiling are told apart: ten for each."""
MIN_PERIODS: Final = 8
"""Fewest complete periods for a curve of three parameters."""
WIDEST_MARKET: Final = 0.5
"""Largest relative standard error of a market estimated without a headcount."""

_AHEAD = 104
_FIRST_WEEK = 7
_POINTS = 40
_MONTH = 28


# How fast -----------------------------------------------------------------------------------


def activation(frame: pd.DataFrame, *, window_days: int = 60, way: str = "self_started") -> Result:
    """Estimate who reaches first value by when; leaving competes and is not censoring.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: ``duration`` in days, ``event`` (``value``, ``left`` or empty), optional
        ``entry``, ``weight``, ``person_key``.
    window_days : int
        Days within which a first value event counts as activation.
    way : str
        How the value counted came about (``self_started``, ``assigned``, ``all``); for the words.

    Returns
    -------
    Result
        Family CURVE on a grid of whole weeks: ``time, incidence, low, high, n_events, n``
        (persons still followed just before). Estimates: ``activation_rate`` by the end of the
        window, ``activation_naive`` (those who reached it over everyone who began, however short
        they were followed), ``time_to_first_value`` (the median; ``inf``: not reached).

    References
    ----------
    Aalen OO, Johansen S (1978). Scand J Statist 5:141-150.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"duration": [10.0, 20, 30, 90], "weight": 25,
    ...                        "event": ["value", "left", "value", ""]})
    >>> activation(people, window_days=60).estimate("activation_rate").value
    0.5
    """
    name = "activation"
    if frame.empty:
        return _missing(frame, name, Family.CURVE, "no one was eligible as of this date")
    require(frame, ["duration", "event"], name)
    if persons(frame) < MIN_PEOPLE:
        return not_enough(
            name, Family.CURVE,
            f"fewer than {MIN_PEOPLE} people could be followed",
        )  # fmt: skip
    if not (frame["event"].astype(object) == "value").any():
        return not_enough(
            name, Family.CURVE,
            "nobody who was followed has reached first value yet",
            parameters={"is_nobody": True},
        )  # fmt: skip
    found = survival.cumulative_incidence(
        frame, at=[window_days], cause="value", metric="activation_rate",
        metric_median="time_to_first_value",
    )  # fmt: skip
    curve = found.frame[found.frame["cause"] == "value"]
    if "entry" in frame.columns and (frame["entry"] <= _FIRST_WEEK).any():
        # Shown as far as anyone was followed from the start; later heights rest on late entrants.
        seen = frame.loc[frame["entry"] <= _FIRST_WEEK, "duration"]
        curve = curve[curve["time"] <= seen.max()]
    grid = _incidence.width(float(curve["time"].max()))
    rate, median = found.estimates
    if rate.value in (0.0, 1.0):
        # At the ends the variance is nought, and the interval would be too.
        low, high = rates.wilson(rate.value * rate.n, rate.n)
        rate = replace(rate, low=float(low), high=float(high))
    return Result(
        name,
        Family.CURVE,
        _incidence.on_grid(curve, grid)[["time", "incidence", "low", "high", "n_events", "n"]],
        {
            "time": Role.TIME, "incidence": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n_events": Role.COUNT, "n": Role.N,
        },
        (rate, _naive(frame, window_days, rate.label), median),
        found.method,
        {"starts_at": 0.0, "grid": grid, "window_days": window_days, "way": way},
    )  # fmt: skip


def _naive(frame: pd.DataFrame, window_days: int, label: str) -> Estimate:
    weight = numbers(frame, "weight", "activation", low=0) if "weight" in frame.columns else 1.0
    within = (frame["event"].astype(object) == "value") & (frame["duration"] <= window_days)
    count = float((within.to_numpy() * weight).sum())
    n = float((np.ones(len(frame)) * weight).sum())
    low, high = rates.wilson(count, n)
    return Estimate(
        "activation_naive", count / n, float(low), float(high), persons(frame), "share",
        Grade.DESCRIPTIVE, label,
    )  # fmt: skip


# Where it will end --------------------------------------------------------------------------


def bass(
    frame: pd.DataFrame,
    population: int | None = None,
    *,
    form: str = "periods",
    way: str = "self_started",
) -> Result:
    """Fit the Bass curve and carry it on to its end.

    With a known population (``at_risk`` in the frame, or ``population``) each period is a
    binomial draw among those who have not started (interval-censored maximum likelihood): push
    ``p``, pull ``q`` and the ceiling, the share that will ever start, each with the interval over
    the 95 % likelihood region, widened where starts come in bursts. Before the turning point the
    data cannot tell a low ceiling from a slow start, so as long as the interval of the peak reaches
    beyond the last week seen, the peak has no upper end, the ceiling's interval reaches up to
    everyone, and the curve is carried on for no longer than was seen.

    Without a population, least squares on the counts. Before the turning point that has no
    usable answer, and none is given.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a period: ``time`` (1, 2, ...), ``adopters``; optionally ``at_risk``,
        ``n_started`` and ``n_eligible`` (at its end), ``week_on``, ``is_complete`` (periods that
        are not are shown and not fitted).
    population : int, optional
        Headcount, where the frame has no ``at_risk``.
    form : {"periods", "density"}
        For least squares: m (F(t) - F(t - 1)) as Srinivasan and Mason, or m f(t).
    way : str
        As in :func:`activation`.

    Returns
    -------
    Result
        Family TREND. Known population: one row a period seen and, thinned, ahead: ``part``
        (``seen``, ``incomplete``, ``ahead``), ``n_started, share, expected, low, high, n``;
        estimates ``adoption_share`` (so far), ``bass_ceiling, bass_p, bass_q, adoption_peak``.
        Otherwise ``time, adopters, expected``; estimates ``bass_market, bass_p, bass_q,
        adoption_peak``, standard errors in the parameters.

    Raises
    ------
    DataError
        If a column is missing or holds what it may not.

    References
    ----------
    Bass FM (1969). Management Science 15:215-227. Schmittlein DC, Mahajan V (1982). Marketing
    Science 1:57-78. Srinivasan V, Mason CH (1986). Marketing Science 5:169-178.

    Examples
    --------
    >>> import pandas as pd
    >>> video = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
    >>> found = bass(pd.DataFrame({"time": range(1, 11), "adopters": video}), form="density")
    >>> round(found.estimate("bass_market").value, -1)
    67980.0
    """
    name = "bass"
    if form not in ("periods", "density"):
        raise ParameterError(
            message("no such form", where="form", got=form, allowed="periods, density")
        )
    if frame.empty:
        return _missing(frame, name, Family.TREND, "no one was eligible as of this date")
    require(frame, ["time", "adopters"], name)
    whole = frame[frame["is_complete"].astype(bool)] if "is_complete" in frame.columns else frame
    if len(whole) < MIN_PERIODS:
        return not_enough(
            name, Family.TREND,
            f"{len(whole)} complete weeks have been seen, and a curve takes {MIN_PERIODS}",
        )  # fmt: skip
    adopters = numbers(whole, "adopters", name, low=0)
    if adopters.sum() < MIN_STARTS:
        return not_enough(
            name, Family.TREND,
            f"fewer than {MIN_STARTS} people have started in the weeks seen",
        )  # fmt: skip
    if "at_risk" not in frame.columns and population is None:
        return _least_squares(whole, adopters, form)
    return _known(_with_population(frame, population), name, way)


def _least_squares(frame: pd.DataFrame, adopters: Floats, form: str) -> Result:
    name = "bass"
    time = numbers(frame, "time", name)
    fit = _bass.least_squares(time, adopters, form)
    too_early = "it is too early to say where it will end: "
    if fit is None or fit.se[0] / fit.m > WIDEST_MARKET:
        return not_enough(
            name, Family.TREND, f"{too_early}the counts fit a small market and a large one alike"
        )
    peak = float(_bass.peak_time(fit.p, fit.q))
    if peak >= time[-1]:
        return not_enough(
            name, Family.TREND,
            f"{too_early}most would start in period {peak:.0f}, and the data end with period "
            f"{time[-1]:.0f}",
        )  # fmt: skip
    from scipy.special import stdtrit

    width = float(stdtrit(fit.df, 0.975))
    n = int(adopters.sum())
    found = [
        Estimate(metric, value, max(value - width * se, 0.0), value + width * se, n, unit)
        for metric, value, se, unit in (
            ("bass_market", fit.m, fit.se[0], "persons"),
            ("bass_p", fit.p, fit.se[1], "coefficient"),
            ("bass_q", fit.q, fit.se[2], "coefficient"),
        )
    ]
    found.append(Estimate("adoption_peak", peak, math.nan, math.nan, n, "weeks"))
    before = np.diff(time, prepend=2 * time[0] - time[1])
    expected = fit.m * (
        _bass.density(time, fit.p, fit.q)
        if form == "density"
        else _bass.share(time, fit.p, fit.q) - _bass.share(time - before, fit.p, fit.q)
    )
    out = pd.DataFrame(
        {"time": time, "adopters": adopters, "expected": expected, "n": adopters.astype(int)}
    )
    return Result(
        name, Family.TREND, out,
        {"time": Role.TIME, "adopters": Role.COUNT, "expected": Role.VALUE, "n": Role.N},
        tuple(found),
        "Bass curve by nonlinear least squares, "
        + ("density form." if form == "density" else "counts of whole periods."),
        {
            "form": form, "residual_se": fit.residual_se, "df": fit.df, "market_se": fit.se[0],
            "p_se": fit.se[1], "q_se": fit.se[2],
            "peak_share": float(_bass.peak_share(fit.p, fit.q)),
        },
    )  # fmt: skip


def _with_population(frame: pd.DataFrame, population: int | None) -> pd.DataFrame:
    """Fill in who could start and who has, where only the headcount is known."""
    adopters = numbers(frame, "adopters", "bass", low=0)
    started = np.cumsum(adopters)
    filled = frame.copy()
    if "at_risk" not in frame.columns:
        filled["at_risk"] = np.maximum(float(population or 0) - (started - adopters), 0.0)
    if "n_started" not in frame.columns:
        filled["n_started"] = started
    if "n_eligible" not in frame.columns:
        filled["n_eligible"] = filled["at_risk"] + (started - adopters)
    return filled


def _known(frame: pd.DataFrame, name: str, way: str) -> Result:
    whole = (
        frame["is_complete"].astype(bool).to_numpy()
        if "is_complete" in frame.columns
        else np.ones(len(frame), dtype=bool)
    )
    started = numbers(frame, "n_started", name, low=0)
    eligible = numbers(frame, "n_eligible", name, low=0)
    share = np.divide(started, eligible, out=np.zeros(len(frame)), where=eligible > 0)
    before = np.concatenate([[0.0], share[:-1]])
    weeks = _bass.Weeks(
        numbers(frame, "adopters", name, low=0)[whole],
        numbers(frame, "at_risk", name, low=0)[whole],
        before[whole],
    )
    now, n = float(share[whole][-1]), int(eligible[whole][-1])
    if n <= 0:
        return not_enough(name, Family.TREND, "no one is eligible any more")
    fit = _bass.maximum_likelihood(weeks)
    if fit is None:
        return not_enough(name, Family.TREND, "no Bass curve fits these weeks")
    n_weeks = int(whole.sum())
    estimates, is_early = _bass_estimates(fit, now, n, n_weeks)
    ahead = _ahead(fit, now, n, n_weeks if is_early else _AHEAD)
    seen = _seen(frame, whole, share, before, fit)
    roles: dict[str, Role] = {"week_on" if "week_on" in frame.columns else "time": Role.TIME}
    roles |= {
        "part": Role.KEY, "n_started": Role.COUNT, "share": Role.RATE, "expected": Role.RATE,
        "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
    }  # fmt: skip
    return Result(
        name,
        Family.TREND,
        _joined(_thinned(seen), ahead, frame),
        roles,
        (_so_far(now, n), *estimates),
        "Bass curve by interval-censored maximum likelihood among those who had not started, "
        "intervals over the 95 % likelihood region, and chance among the people of today on top.",
        {
            "is_early": is_early, "n_weeks": n_weeks, "way": way,
            "dispersion": round(fit.dispersion, 2),
            "peak_share": round(float(_bass.peak_share(fit.theta[0], fit.theta[1])), 2),
        },
    )  # fmt: skip


def _so_far(now: float, n: int) -> Estimate:
    low, high = rates.wilson(round(now * n), n)
    return Estimate("adoption_share", now, float(low), float(high), n, "share")


def _bass_estimates(
    fit: _bass.Likelihood, now: float, n: int, n_weeks: int
) -> tuple[tuple[Estimate, ...], bool]:
    """Say p, q, ceiling and peak; whether the peak may still lie ahead."""
    p, q, ceiling = (float(v) for v in fit.theta)
    peak = float(_bass.peak_time(p, q))
    soonest, latest = fit.interval(lambda t: _bass.peak_time(t[:, 0], t[:, 1]))
    is_early = latest > n_weeks
    low, high = fit.interval(lambda t: t[:, 2])
    low, high = _with_chance(ceiling, low, high, now, n, fit.dispersion)
    if is_early:
        high = 1.0
    ends = {
        "bass_p": fit.interval(lambda t: t[:, 0]),
        "bass_q": fit.interval(lambda t: t[:, 1]),
    }
    return (
        Estimate("bass_ceiling", ceiling, low, high, n, "share"),
        Estimate("bass_p", p, *ends["bass_p"], n, "coefficient"),
        Estimate("bass_q", q, *ends["bass_q"], n, "coefficient"),
        Estimate("adoption_peak", peak, soonest, math.inf if is_early else latest, n, "weeks"),
    ), is_early


def _with_chance(
    middle: Any, low: Any, high: Any, now: float, n: int, dispersion: float
) -> tuple[Any, Any]:
    """Widen the interval of an expected share by the chance among those still to start."""
    rest = max(1.0 - now, 1e-9)
    still = np.clip((np.asarray(middle) - now) / rest, 0.0, 1.0)
    spread = rates.Z95 * np.sqrt(max(dispersion, 1.0) * rest * still * (1 - still) / n)
    lower = np.maximum(middle - np.hypot(middle - low, spread), now)
    upper = np.minimum(middle + np.hypot(high - middle, spread), 1.0)
    if np.ndim(middle) == 0:
        return float(lower), float(upper)
    return lower, upper


def _ahead(fit: _bass.Likelihood, now: float, n: int, longest: int) -> pd.DataFrame:
    """Carry the curve on until nearly everyone who ever will has started, or as far as allowed."""
    paths = _bass.forecast(now, fit.region, _AHEAD)
    middle = paths[0]
    low, high = _with_chance(middle, paths.min(axis=0), paths.max(axis=0), now, n, fit.dispersion)
    near = np.flatnonzero(middle >= 0.99 * fit.theta[2])
    last = int(np.clip(near[0] + 1 if len(near) else _AHEAD, MIN_PERIODS, min(longest, _AHEAD)))
    every = math.ceil(last / 13)
    picked = np.arange(every, last + 1, every) - 1
    return pd.DataFrame(
        {
            "after": picked + 1, "n_started": np.round(middle[picked] * n),
            "expected": middle[picked], "low": low[picked], "high": high[picked], "n": n,
        }
    )  # fmt: skip


def _seen(
    frame: pd.DataFrame, whole: Any, share: Floats, before: Floats, fit: _bass.Likelihood
) -> pd.DataFrame:
    """Put what was seen beside what the curve gives from the first week's start on."""
    eligible = numbers(frame, "n_eligible", "bass")
    expected = _bass.forecast(float(before[0]), fit.theta[None, :], len(frame))[0]
    keys = [c for c in ("time", "week_on") if c in frame.columns]
    return frame[keys].assign(
        part=np.where(whole, "seen", "incomplete"),
        n_started=numbers(frame, "n_started", "bass"),
        share=np.where(eligible > 0, share, np.nan),
        expected=np.where(whole, expected, np.nan),
        n=eligible.astype(int),
    )


def _thinned(seen: pd.DataFrame) -> pd.DataFrame:
    """Keep at most some forty weeks, evenly, always with the last complete and any incomplete."""
    every = math.ceil(len(seen) / _POINTS)
    complete = np.flatnonzero((seen["part"] == "seen").to_numpy())
    kept = set(complete[::-1][::every]) | {0}
    kept |= set(np.flatnonzero((seen["part"] == "incomplete").to_numpy()))
    return seen.iloc[sorted(kept)]


def _joined(seen: pd.DataFrame, ahead: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Put what is expected behind what was seen; time runs from the last complete period."""
    last = seen[seen["part"] == "seen"].iloc[-1]
    later = ahead.assign(part="ahead", time=float(last["time"]) + ahead["after"])
    if "week_on" in frame.columns:
        weeks = pd.to_timedelta(7 * ahead["after"], unit="D")
        later["week_on"] = (pd.Timestamp(last["week_on"]) + weeks).astype("datetime64[us]")
    columns = [c for c in ("time", "week_on") if c in frame.columns]
    columns += ["part", "n_started", "share", "expected", "low", "high", "n"]
    rows = seen.to_dict("records") + later.to_dict("records")
    joined = pd.DataFrame(rows, columns=columns)
    return joined.sort_values("time", kind="stable", ignore_index=True)


# How many are active ------------------------------------------------------------------------


def stickiness(frame: pd.DataFrame, *, days: int = _MONTH) -> Result:
    """Average the share of the month's active people who come on a working day.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``day_on, part, dau, wau, mau, is_full_month``: trailing counts of distinct persons, split
        into arbitrary parts of the persons.
    days : int
        How many of the last days are averaged.

    Returns
    -------
    Result
        Family MEANS, one row: ``period, dau, wau, mau, stickiness, low, high, n``. The interval
        leaves out one part of the persons at a time (delete-a-group jackknife), so that a person
        who comes daily counts once and not twenty times.

    References
    ----------
    Kott PS (2001). J Official Statistics 17:521-526.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=28)
    >>> parts = [pd.DataFrame({"day_on": days, "part": i, "dau": 5, "wau": 10, "mau": 20,
    ...                        "is_full_month": True}) for i in range(4)]
    >>> stickiness(pd.concat(parts)).estimate("stickiness").value
    0.25
    """
    name = "stickiness"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "no one has been active yet")
    require(frame, ["day_on", "part", "dau", "wau", "mau", "is_full_month"], name)
    recent = frame[frame["is_full_month"].astype(bool)]
    if recent.empty:
        return not_enough(name, Family.MEANS, "the log is shorter than 28 days")
    last = recent["day_on"].max()
    recent = recent[recent["day_on"] > last - pd.Timedelta(days=days)]
    working = recent[recent["day_on"].dt.dayofweek < 5]
    table = {
        c: working.pivot_table(index="day_on", columns="part", values=c, aggfunc="sum").to_numpy(
            dtype=float
        )
        for c in ("dau", "mau")
    }
    mau = table["mau"].sum(axis=1)
    if not len(mau) or not (mau > 0).any():
        return not_enough(name, Family.MEANS, f"no one was active in the last {days} days")
    value = _mean_ratio(table["dau"].sum(axis=1), mau)
    low, high = _jackknife(table["dau"], table["mau"], value)
    end = recent[recent["day_on"] == last]
    weekly, monthly = int(end["wau"].sum()), int(end["mau"].sum())
    out = pd.DataFrame(
        {
            "period": f"last {days} days", "dau": [table["dau"].sum(axis=1).mean()],
            "wau": weekly, "mau": monthly, "stickiness": value, "low": low, "high": high,
            "n": monthly,
        }
    )  # fmt: skip
    nan = math.nan
    return Result(
        name, Family.MEANS, out,
        {
            "period": Role.KEY, "dau": Role.COUNT, "wau": Role.COUNT, "mau": Role.COUNT,
            "stickiness": Role.RATE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        (
            Estimate("stickiness", value, low, high, monthly, "share"),
            Estimate("wau", weekly, nan, nan, weekly, "persons"),
            Estimate("mau", monthly, nan, nan, monthly, "persons"),
        ),
        "Mean of daily over monthly active people on working days; delete-a-group jackknife.",
        {"days": days},
    )  # fmt: skip


def _mean_ratio(dau: Floats, mau: Floats) -> float:
    known = mau > 0
    return float((dau[known] / mau[known]).mean()) if known.any() else math.nan


def _jackknife(dau: Floats, mau: Floats, value: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    used = np.flatnonzero(mau.sum(axis=0) > 0)
    if len(used) < 3:
        return math.nan, math.nan
    all_dau, all_mau = dau.sum(axis=1), mau.sum(axis=1)
    without = np.array([_mean_ratio(all_dau - dau[:, i], all_mau - mau[:, i]) for i in used])
    groups = len(used)
    se = math.sqrt((groups - 1) / groups * float(((without - without.mean()) ** 2).sum()))
    width = float(stdtrit(groups - 1, 0.975)) * se
    return max(value - width, 0.0), min(value + width, 1.0)


def active(frame: pd.DataFrame, *, weeks: int = 53) -> Result:
    """Follow weekly and monthly active people from week to week.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`stickiness`.
    weeks : int
        How many of the last weeks are shown. Each point ends a stretch of whole days that lies
        within the log, so no point stands for part of a week.

    Returns
    -------
    Result
        Family TREND; ``day_on`` (last day of the stretch), ``wau``, ``mau`` (the persons behind
        the row).

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=56)
    >>> frame = pd.DataFrame({"day_on": days, "part": 0, "dau": 5, "wau": 10, "mau": 20,
    ...                       "is_full_month": [False] * 27 + [True] * 29})
    >>> active(frame, weeks=2).frame
          day_on  wau  mau
    0 2024-02-18   10   20
    1 2024-02-25   10   20
    """
    name = "active"
    if frame.empty:
        return _missing(frame, name, Family.TREND, "no one has been active yet")
    require(frame, ["day_on", "wau", "mau", "is_full_month"], name)
    whole = frame[frame["is_full_month"].astype(bool)]
    if whole.empty:
        return not_enough(name, Family.TREND, "the log is shorter than 28 days")
    sums = whole.groupby("day_on", as_index=False)[["wau", "mau"]].sum()
    out = sums.iloc[::-1].iloc[: 7 * weeks : 7].iloc[::-1].reset_index(drop=True)
    if not out["mau"].any():
        return not_enough(name, Family.TREND, f"no one was active in the last {weeks} weeks")
    return Result(
        name, Family.TREND, out, {"day_on": Role.TIME, "wau": Role.COUNT, "mau": Role.N},
        method="Distinct people active in the 7 and 28 days that end with each day.",
    )  # fmt: skip


_BINS: Final[Mapping[str, tuple[int, int]]] = {
    "1 day": (1, 1),
    "2 or 3 days": (2, 3),
    "4 to 7 days": (4, 7),
    "8 to 15 days": (8, 15),
    "16 days or more": (16, _MONTH),
}
HABIT_DAYS: Final = 8
"""Active days of 28 from which learning is a habit: two a week."""


def habit(frame: pd.DataFrame) -> Result:
    """Put the active people of the last 28 days side by side by how many days they came.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``n_days`` (1 to 28), ``n_persons``.

    Returns
    -------
    Result
        Family HISTOGRAM: ``days, share, n``; the estimate ``habitual_share`` is the share with
        eight days or more.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n_days": range(1, 29), "n_persons": [30] + [0] * 26 + [10]})
    >>> float(habit(frame).estimate("habitual_share").value)
    0.25
    """
    name = "habit"
    if frame.empty:
        return _missing(frame, name, Family.HISTOGRAM, "no one has been active yet")
    require(frame, ["n_days", "n_persons"], name)
    days, counts = numbers(frame, "n_days", name, low=0), numbers(frame, "n_persons", name, low=0)
    total = counts.sum()
    if total <= 0:
        return not_enough(name, Family.HISTOGRAM, "no one was active in the last 28 days")
    binned = [float(counts[(days >= a) & (days <= b)].sum()) for a, b in _BINS.values()]
    out = pd.DataFrame({"days": list(_BINS), "share": np.array(binned) / total, "n": binned})
    regular = float(counts[days >= HABIT_DAYS].sum())
    low, high = rates.wilson(regular, total)
    return Result(
        name, Family.HISTOGRAM, out.astype({"n": int}),
        {"days": Role.KEY, "share": Role.RATE, "n": Role.N},
        (
            Estimate(
                "habitual_share", regular / total, float(low), float(high), int(total), "share"
            ),
        ),
        "Active days of the last 28, of those with at least one.",
        parts=Partition(("days",)),
    )  # fmt: skip


# How far they have come ---------------------------------------------------------------------


def funnel(frame: pd.DataFrame) -> Result:
    """Give each step its share of those it is counted among.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``step, order, n_reached, n_of``; a column ``group`` that is the same everywhere is left
        out.

    Returns
    -------
    Result
        Family RATES in the order of the steps: ``step, n_reached, n, share, low, high``; an
        estimate ``funnel_step`` for each.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"step": ["employed", "active", "value"], "order": [0, 1, 2],
    ...                       "n_reached": [100, 60, 15], "n_of": [100, 100, 60]})
    >>> funnel(frame).frame[["step", "share"]].to_dict("list")
    {'step': ['employed', 'active', 'value'], 'share': [1.0, 0.6, 0.25]}
    """
    name = "funnel"
    if frame.empty:
        return _missing(frame, name, Family.RATES, "no one is employed as of this date")
    require(frame, ["step", "order", "n_reached", "n_of"], name)
    if not frame["n_of"].max():
        return not_enough(name, Family.RATES, "no one is employed as of this date")
    is_split = "group" in frame.columns and (frame["group"] != frame["group"].iloc[0]).any()
    keys = ("group", "step") if is_split else ("step",)
    ordered = frame.sort_values([*keys[:-1], "order"], kind="stable")
    return rates.shares(
        ordered[ordered["n_of"] > 0], count="n_reached", n="n_of", keys=keys, metric="funnel_step",
        name=name,
    )  # fmt: skip


def ways(frame: pd.DataFrame) -> Result:
    """Give each way to value its share of the eligible.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``way, n_persons, n_eligible``.

    Returns
    -------
    Result
        Family RATES: ``way, n_reached, n, share, low, high``; estimates ``started_way``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"way": ["self_started", "both", "assigned", "neither"],
    ...                       "n_persons": [20, 5, 25, 50], "n_eligible": 100})
    >>> ways(frame).frame[["way", "share"]].to_dict("list")
    {'way': ['self_started', 'both', 'assigned', 'neither'], 'share': [0.2, 0.05, 0.25, 0.5]}
    """
    if not frame.empty and not frame["n_eligible"].max():
        return not_enough("ways", Family.RATES, "no one is eligible as of this date")
    return rates.shares(
        frame, count="n_persons", n="n_eligible", keys=("way",), metric="started_way", name="ways"
    )


def units(frame: pd.DataFrame, *, window_days: int = 60) -> Result:
    """Put groups side by side: who reached first value within the window, shrunk.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, n_reached, n_followed, n_eligible``.
    window_days : int

    Returns
    -------
    Result
        As :func:`ldresearch.models.rates.shrunk_shares`; estimates ``unit_activation``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"group": ["Sales", "Lab", "Plant"], "n_reached": [90, 50, 2],
    ...                       "n_followed": [100, 100, 10], "n_eligible": [100, 100, 10]})
    >>> found = units(frame).frame
    >>> found[["group", "raw", "share", "standing"]].round(2)
       group  raw  share standing
    0  Plant  0.2   0.27   behind
    1    Lab  0.5   0.50   behind
    2  Sales  0.9   0.89    ahead
    """
    named = frame.rename(columns={"n_followed": "n"})
    named.attrs.update(frame.attrs)
    found = rates.shrunk_shares(named, metric="unit_activation", name="units")
    return found.but(parameters={**found.parameters, "window_days": window_days})


def waiting(frame: pd.DataFrame) -> Result:
    """Say who of today's eligible has not started yet, by group.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, n_waiting, n_eligible``.

    Returns
    -------
    Result
        Family RATES, most first: ``group, n_reached`` (those who wait), ``n, share, low, high``;
        estimates ``unit_waiting``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"group": ["Sales", "Lab"], "n_waiting": [10, 30],
    ...                       "n_eligible": [100, 60]})
    >>> waiting(frame).frame[["group", "n_reached", "share"]].to_dict("list")
    {'group': ['Lab', 'Sales'], 'n_reached': [30, 10], 'share': [0.5, 0.1]}
    """
    here = frame if frame.empty else frame[frame["n_eligible"] > 0]
    if not here.empty:
        here = here.sort_values(["n_waiting", "group"], ascending=[False, True], kind="stable")
    return rates.shares(
        here, count="n_waiting", n="n_eligible", metric="unit_waiting", name="waiting"
    )


# May it be trusted --------------------------------------------------------------------------


def trust(
    followed: pd.DataFrame, contradictions: pd.DataFrame, reached: Result, curve: Result
) -> Result:
    """Check what the answers rest on.

    Parameters
    ----------
    followed : pandas.DataFrame
        What :func:`activation` was given.
    contradictions : pandas.DataFrame
        ``kind, n_persons, n_of``: ``unknown``, ``no_access``, ``early``.
    reached, curve : Result
        Of :func:`activation` and :func:`bass`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> people = pd.DataFrame({"duration": [10.0, 20, 30, 90] * 25, "is_early": False,
    ...                        "event": ["value", "left", "value", ""] * 25,
    ...                        "person_key": range(100)})
    >>> odd = pd.DataFrame({"kind": ["unknown", "no_access", "early"], "n_persons": [20, 0, 0],
    ...                     "n_of": 100})
    >>> curve = not_enough("bass", Family.TREND, "too few weeks")
    >>> found = trust(people, odd, activation(people), curve).frame.set_index("check")
    >>> found.loc[["denominators", "follow_up", "past_peak"], "status"].to_dict()
    {'denominators': 'not passed', 'follow_up': 'passed', 'past_peak': 'not known'}
    >>> found.loc["denominators", ["value", "threshold"]].to_dict()
    {'value': 20.0, 'threshold': 2.0}
    """
    rows = [
        _checks.at_most(
            "denominators", _contradicting(contradictions, "unknown", "no_access"), 2.0
        ),
        _checks.at_most("early_value", _contradicting(contradictions, "early"), 2.0),
        _checks.at_most("seen_from_start", _late(followed), 10.0),
        _checks.at_least("follow_up", _still_followed(followed, reached), 30),
        _checks.at_most("naive", _apart(reached), 2.0),
        _checks.at_most("past_peak", *_latest_peak(curve)),
        _checks.at_most("bass_fit", _dispersion(curve), 2.0),
    ]
    return _checks.trust(rows)


Row = tuple[str, str, float, float]


def _contradicting(frame: pd.DataFrame, *kinds: str) -> float:
    rows = frame[frame["kind"].isin(kinds)] if "kind" in frame.columns else frame
    of = rows["n_of"].max() if len(rows) else 0
    return float(100 * rows["n_persons"].sum() / of) if of else math.nan


def _late(followed: pd.DataFrame) -> float:
    if followed.empty or "entry" not in followed.columns:
        return math.nan
    return float(100 * (followed["entry"] > _FIRST_WEEK).mean())


def _still_followed(followed: pd.DataFrame, reached: Result) -> float:
    """How many were followed past the window or reached first value before it ended."""
    if reached.is_empty or followed.empty:
        return math.nan
    window = float(reached.parameters["window_days"] or 0)
    return float(((followed["duration"] >= window) | (followed["event"] != "")).sum())


def _apart(reached: Result) -> float:
    if reached.is_empty:
        return math.nan
    rate, naive = (reached.estimate(m).value for m in ("activation_rate", "activation_naive"))
    return 100 * abs(rate - naive)


def _latest_peak(curve: Result) -> tuple[float, float]:
    if curve.is_empty or "n_weeks" not in curve.parameters:
        return math.nan, math.nan
    return float(np.ceil(curve.estimate("adoption_peak").high)), float(
        curve.parameters["n_weeks"] or 0
    )


def _dispersion(curve: Result) -> float:
    found: Scalar = curve.parameters.get("dispersion")
    return math.nan if found is None else float(found)


def _missing(frame: pd.DataFrame, name: str, family: Family, otherwise: str) -> Result:
    return not_enough(name, family, str(frame.attrs.get("missing") or otherwise))
