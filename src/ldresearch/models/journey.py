"""Where learners are lost, how long the steps take, which paths are common, which beginnings last.

Everything here describes: who is lost at a step, or which first weeks go with staying, says
nothing of what would happen if the step or the week were changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _checks, rates, survival
from ldresearch.models._asked import between, why_empty
from ldresearch.models._frame import Floats, numbers, require, truth
from ldresearch.result import Estimate, Partition, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

FEWEST: Final = 50
"""Fewest people on either side of the split, and ten of each outcome, before a week is judged."""

_EACH: Final = 10
_DROP_STEPS: Final = ("informed", "activated", "stayed", "passed_on", "gained")
_STANDS_ON: Final = {
    "activated": "informed", "stayed": "activated", "passed_on": "stayed", "gained": "stayed",
}  # fmt: skip
_STEP_TIMES: Final = ("activated", "again", "passed_on", "gained")


# The funnel ---------------------------------------------------------------------------------


def funnel(frame: pd.DataFrame, *, later_from: int = 28, later_to: int = 90) -> Result:
    """Give each step its share of those it is counted among.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``step, order, n_reached, n_of``; one group.
    later_from, later_to : int
        Days after the first value event between which a return meant staying.

    Returns
    -------
    Result
        Family RATES in the order of the steps: ``step, n_reached, n, share, low, high`` (Wilson);
        an estimate ``way_step`` for each. The parameter ``weakest`` names the one with the lower
        share of activation and staying, the two steps that everyone is meant to take;
        ``absent`` the steps that the log cannot show.

    Examples
    --------
    >>> frame = pd.DataFrame({"step": ["eligible", "activated", "stayed"], "order": [0, 1, 2],
    ...                       "n_reached": [100, 60, 15], "n_of": [100, 100, 50]})
    >>> found = funnel(frame)
    >>> found.frame[["step", "share"]].values.tolist()
    [['eligible', 1.0], ['activated', 0.6], ['stayed', 0.3]]
    >>> found.parameters["weakest"]
    'stayed'
    """
    name = "way"
    if frame.empty:
        return not_enough(name, Family.RATES, why_empty(frame, "no one is eligible as of the date"))
    require(frame, ["step", "order", "n_reached", "n_of"], name)
    known = frame[frame["n_of"] > 0].sort_values("order", kind="stable")
    if known.empty:
        return not_enough(name, Family.RATES, "no one is eligible as of the date")
    found = rates.shares(
        known, count="n_reached", n="n_of", keys=("step",), metric="way_step", name=name
    )
    core = found.frame[found.frame["step"].isin(["activated", "stayed"])].sort_values("share")
    weakest = str(core["step"].iloc[0]) if len(core) else ""
    told = [str(step) for step in known["step"]]
    absent = ", ".join(step for step in _DROP_STEPS if step not in told)
    return found.but(
        parameters={"weakest": weakest, "absent": absent, "later_from": later_from,
                    "later_to": later_to}
    )  # fmt: skip


def drop_off(frame: pd.DataFrame, *, k: int = 1) -> Result:
    """Compare each group with everyone else at each step.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, step, order, n_reached, n_of``.
    k : int
        Fewest people on either side: a difference to fewer would tell about them.

    Returns
    -------
    Result
        Family CONTRAST: ``group, step, n_reached, n, share``, the ``difference`` to everyone else
        with ``low, high`` (Newcombe), and ``standing``: ``behind`` or ``ahead`` where the interval
        leaves out nought. Intervals hold for all comparisons at once (Bonferroni over
        ``parameters["n_compared"]``). Estimates ``way_difference`` where a group is behind or
        ahead.

    References
    ----------
    Newcombe RG (1998). Stat Med 17:873-890. Dunn OJ (1961). JASA 56:52-64.

    Examples
    --------
    >>> frame = pd.DataFrame({"group": ["A", "B"], "step": "activated", "order": 1,
    ...                       "n_reached": [80, 30], "n_of": [100, 100]})
    >>> drop_off(frame).frame[["group", "difference", "standing"]].round(2).values.tolist()
    [['A', 0.5, 'ahead'], ['B', -0.5, 'behind']]
    """
    name = "drop_off"
    if frame.empty:
        return not_enough(name, Family.CONTRAST, why_empty(frame, "no one is eligible"))
    require(frame, ["group", "step", "order", "n_reached", "n_of"], name)
    rows = frame[frame["step"].isin(_DROP_STEPS) & (frame["n_of"] > 0)]
    if rows["group"].nunique() < 2:
        return not_enough(name, Family.CONTRAST, "there are no two groups to compare")
    totals = rows.groupby("step")[["n_reached", "n_of"]].transform("sum")
    rest, rest_n = totals["n_reached"] - rows["n_reached"], totals["n_of"] - rows["n_of"]
    rows = rows.assign(rest=rest, rest_n=rest_n)
    rows = rows[rows["rest_n"] >= max(k, 1)].sort_values(["order", "group"], kind="stable")
    if rows.empty:
        return not_enough(name, Family.CONTRAST, "there are no two groups to compare")
    z = _normal_quantile(1 - 0.025 / len(rows))
    out = [_against_rest(row, z) for row in rows.to_dict("records")]
    columns = ["group", "step", "n_reached", "n", "share", "difference", "low", "high", "standing"]
    made = _whole_points(pd.DataFrame(out, columns=columns))
    estimates = tuple(
        Estimate("way_difference", float(r["difference"]), float(r["low"]), float(r["high"]),
                 int(r["n"]), "points", Grade.DESCRIPTIVE, f"{r['group']}, {r['step']}")
        for r in made[made["standing"] != "in line"].to_dict("records")
    )  # fmt: skip
    return Result(
        name, Family.CONTRAST, made,
        {
            "group": Role.KEY, "step": Role.KEY, "standing": Role.KEY, "n_reached": Role.COUNT,
            "n": Role.N, "share": Role.RATE, "difference": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH,
        },
        estimates,
        "Share of each group less that of everyone else, Newcombe's interval, widened so that all "
        "comparisons hold at once (Bonferroni).",
        {"n_compared": len(made)},
        parts=Partition(("group",), apart=("step",), among=_STANDS_ON),
    )  # fmt: skip


def _whole_points(made: pd.DataFrame) -> pd.DataFrame:
    """Round differences to whole points: finer ones would give back the counts behind them."""
    ends = ["difference", "low", "high"]
    made[ends] = made[ends].astype(float).round(2)
    return made


def _normal_quantile(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(level)


def _against_rest(row: Mapping[Any, Any], z: float) -> tuple[Any, ...]:
    a, n, b, m = (float(row[c]) for c in ("n_reached", "n_of", "rest", "rest_n"))
    low, high = newcombe(a, n, b, m, z)
    standing = "behind" if high < 0 else "ahead" if low > 0 else "in line"
    return (row["group"], row["step"], int(a), int(n), a / n, a / n - b / m, low, high, standing)


def newcombe(a: float, n: float, b: float, m: float, z: float) -> tuple[float, float]:
    """Return Newcombe's interval of ``a/n - b/m`` at any width.

    Parameters
    ----------
    a, n, b, m : float
    z : float
        Standard errors to either side: 1.96 for 95 %.

    Returns
    -------
    low, high : float
        Ends of the interval.

    Examples
    --------
    >>> [round(end, 4) for end in newcombe(56, 70, 48, 80, 1.959964)]
    [0.0524, 0.3339]
    """

    def wilson(count: float, of: float) -> tuple[float, float]:
        share = count / of
        middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
        half = z / (1 + z**2 / of) * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
        return max(middle - half, 0.0), min(middle + half, 1.0)

    (la, ua), (lb, ub) = wilson(a, n), wilson(b, m)
    p, q = a / n, b / m
    return p - q - math.hypot(p - la, ub - q), p - q + math.hypot(ua - p, q - lb)


# Time between steps -------------------------------------------------------------------------


def step_times(frame: pd.DataFrame, *, horizon_days: int = 365) -> Result:
    """Follow how many have taken each step by the day (one less Kaplan and Meier's curve).

    Parameters
    ----------
    frame : pandas.DataFrame
        ``step, duration, event``, optional ``entry`` and ``person_key``.
    horizon_days : int
        Curves are told up to this day.

    Returns
    -------
    Result
        Family CURVE: ``group`` (the step), ``time``, ``taken, low, high, n_events, n``. Estimates
        ``funnel_step_days``: the median by step, infinite where half have not taken it.

    Examples
    --------
    >>> frame = pd.DataFrame({"step": "again", "duration": [2.0, 3, 3, 5],
    ...                       "event": [True, True, False, True]})
    >>> found = step_times(frame)
    >>> found.frame["taken"].tolist(), found.estimate("funnel_step_days").value
    ([0.25, 0.5, 1.0], 3.0)
    """
    name = "step_times"
    if frame.empty:
        return not_enough(name, Family.CURVE, why_empty(frame, "nobody has taken a first step"))
    require(frame, ["step", "duration", "event"], name)
    between(horizon_days, "horizon_days", 0, 10**5)
    happened = frame[frame["step"].isin(frame.loc[frame["event"].astype(bool), "step"].unique())]
    if happened.empty:
        return not_enough(name, Family.CURVE, "nobody has taken any of the steps yet")
    curve = survival.kaplan_meier(happened, by="step", metric="funnel_step_days")
    out = curve.frame[curve.frame["time"] <= horizon_days]
    out = out.assign(
        taken=1 - out["survival"], swap=1 - out["high"], high=1 - out["low"]
    ).assign(low=lambda t: t["swap"])[
        ["group", "time", "taken", "low", "high", "n_events", "n"]
    ]  # fmt: skip
    order = {step: i for i, step in enumerate(_STEP_TIMES)}
    out = out.sort_values(
        ["group", "time"], key=lambda c: c.map(order) if c.name == "group" else c, kind="stable"
    )
    medians = tuple(e for e in curve.estimates if e.metric == "funnel_step_days")
    return Result(
        name, Family.CURVE, out.reset_index(drop=True),
        {
            "group": Role.KEY, "time": Role.TIME, "taken": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n_events": Role.COUNT, "n": Role.N,
        },
        tuple(sorted(medians, key=lambda e: order.get(e.label, 9))),
        "One less the Kaplan-Meier curve with log-log intervals; who has not taken the step is "
        "censored at the as-of date or when eligibility ends.",
        {"starts_at": 0.0, "horizon_days": horizon_days},
    )  # fmt: skip


# Paths --------------------------------------------------------------------------------------

OTHER: Final = "any other path"


def paths(frame: pd.DataFrame, *, least: int = 10, k: int = 1, most: int = 8) -> Result:
    """Keep the paths that enough people took; put all others together.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``path, n_steps, n_persons``; everyone is on one path.
    least : int
        Fewest people on a path that is shown.
    k : int
        Fewest people behind any number of the report: raises ``least``. Where fewer than so many
        would be left in "any other path", the smallest shown path joins them.
    most : int
        Paths that are shown.

    Returns
    -------
    Result
        Family RATES, most common first: ``path, n_reached, n`` (everyone on a path), ``share, low,
        high``; the last row is any other path. Estimates ``path_share``, and ``paths_covered``, the
        share of people on a path that is shown.

    Examples
    --------
    >>> frame = pd.DataFrame({"path": ["video", "video > course", "book"], "n_steps": [1, 2, 1],
    ...                       "n_persons": [50, 40, 10]})
    >>> found = paths(frame, least=20)
    >>> found.frame[["path", "n_reached"]].values.tolist()
    [['video', 50], ['video > course', 40], ['any other path', 10]]
    >>> found.estimate("paths_covered").value
    0.9
    """
    name = "paths"
    if frame.empty:
        return not_enough(name, Family.RATES, why_empty(frame, "nobody is on a path yet"))
    require(frame, ["path", "n_steps", "n_persons"], name)
    ranked = frame.sort_values(["n_persons", "path"], ascending=[False, True], kind="stable")
    counts = numbers(ranked, "n_persons", name, low=0)
    least = max(least, k)
    n_shown = min(int((counts >= least).sum()), most)
    total = int(counts.sum())
    while n_shown and 0 < total - counts[:n_shown].sum() < k:
        n_shown -= 1
    if not n_shown:
        return not_enough(
            name,
            Family.RATES,
            f"no path was taken by {least} people or more, of {len(frame)} paths",
        )
    shown = ranked.iloc[:n_shown]
    covered = float(counts[:n_shown].sum())
    rows = shown[["path"]].assign(n_reached=counts[:n_shown], n=total)
    if covered < total:
        other = pd.DataFrame({"path": [OTHER], "n_reached": [total - covered], "n": [total]})
        rows = pd.concat([rows, other], ignore_index=True)
    found = rates.shares(rows, keys=("path",), metric="path_share", name=name)
    low, high = rates.wilson(covered, total)
    share = Estimate("paths_covered", covered / total, float(low), float(high), total, "share")
    return found.but(
        estimates=(*found.estimates, share),
        parameters={"least": least, "n_paths": len(frame), "n_shown": n_shown},
        method="Distinct people by the kinds of content they took value from, in their order.",
    )


# Beginnings ---------------------------------------------------------------------------------


def split(frame: pd.DataFrame, *, held_out: float = 0.3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split people by time: learn from those whose outcome was known before the others began.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``first_on``, ``known_on``.
    held_out : float
        Share of people, the latest, that is held out.

    Returns
    -------
    earlier, later : pandas.DataFrame
        Whoever began before the cut and whose outcome was not known at it is in neither.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=10)
    >>> frame = pd.DataFrame({"first_on": days, "known_on": days + pd.Timedelta(days=2)})
    >>> [len(part) for part in split(frame)]
    [5, 3]
    """
    between(held_out, "held_out", 0, 1)
    ordered = frame.sort_values("first_on", kind="stable")
    if ordered.empty:
        return ordered, ordered
    cut = ordered["first_on"].iloc[min(round(len(ordered) * (1 - held_out)), len(ordered) - 1)]
    later = ordered[ordered["first_on"] >= cut]
    # What is known on a day was known before it began.
    earlier = ordered[ordered["known_on"] < cut]
    return earlier, later


def beginnings(
    frame: pd.DataFrame, features: Sequence[str], *, held_out: float = 0.3, seed: int = 1
) -> Result:
    """Ask whether a first week tells who stays, of people it was not learned from.

    A logistic regression with a ridge penalty (standardised logarithms, C = 1, nothing tuned)
    learns from the earlier people and is judged on the later ones, against the plain share of the
    earlier.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``stayed`` (bool), ``first_on``, ``known_on`` and the features.
    features : sequence of str
        Named before anything is estimated.
    held_out : float
        Share of people, the latest, it is judged on.
    seed : int
        Of the solver; the result does not depend on it.

    Returns
    -------
    Result
        Family HISTOGRAM: fifths of the held-out people by what was expected of them, with
        ``expected``, ``stayed, low, high`` (Wilson), ``n``. Estimates, all held out:
        ``beginning_auc`` (DeLong), ``beginning_gain`` (mean squared error of the plain share less
        that of the model, as a share of the former) and ``beginning_drift`` (observed less expected
        share). ``parameters["verdict"]``: ``evidence`` where the gain's interval lies above nought,
        else ``no evidence``.

    References
    ----------
    Brier GW (1950). Mon Weather Rev 78:1-3. DeLong ER, DeLong DM, Clarke-Pearson DL (1988).
    Biometrics 44:837-845. Hoerl AE, Kennard RW (1970). Technometrics 12:55-67.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> days = pd.date_range("2024-01-01", periods=600)
    >>> x = rng.normal(size=600)
    >>> frame = pd.DataFrame({"first_on": days, "known_on": days + pd.Timedelta(days=60), "x": x,
    ...                       "stayed": rng.random(600) < 1 / (1 + np.exp(-2 * x))})
    >>> beginnings(frame, ["x"]).parameters["verdict"]
    'evidence'
    """
    name = "beginnings"
    if frame.empty:
        return not_enough(name, Family.HISTOGRAM, why_empty(frame, "nobody can be followed yet"))
    require(frame, ["stayed", "first_on", "known_on", *features], name)
    earlier, later = split(frame, held_out=held_out)
    reason = _too_few(earlier, later)
    if reason:
        return not_enough(name, Family.HISTOGRAM, reason)
    kept = [f for f in features if np.ptp(earlier[f].to_numpy(dtype=float)) > 0]
    if not kept:
        return not_enough(name, Family.HISTOGRAM, "the first weeks of all people are the same")
    expected = _fitted(earlier, later, kept, seed)
    stayed = truth(later, "stayed", name).astype(float)
    plain = float(earlier["stayed"].astype(float).mean())
    auc = _auc(stayed, expected)
    gain = _gain(stayed, expected, plain)
    drift = stayed - expected
    half = rates.Z95 * float(drift.std(ddof=1)) / math.sqrt(len(drift))
    mean = float(drift.mean())
    n = len(later)
    is_told = gain[1] > 0
    return Result(
        name, Family.HISTOGRAM, _fifths(stayed, expected),
        {
            "fifth": Role.KEY, "expected": Role.RATE, "stayed": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        (
            Estimate("beginning_auc", *auc, n, "index"),
            Estimate("beginning_gain", *gain, n, "share"),
            Estimate("beginning_drift", mean, mean - half, mean + half, n, "points"),
        ),
        "Ridge logistic regression on standardised features, learned from the earlier people and "
        "judged on the later ones; DeLong's interval of the area, paired differences of squared "
        "errors.",
        {
            "verdict": "evidence" if is_told else "no evidence", "n_earlier": len(earlier),
            "n_later": n, "n_between": len(frame) - len(earlier) - n,
            "n_features": len(kept), "plain": round(plain, 2),
            "begins": str(later["first_on"].min())[:10],
        },
    )  # fmt: skip


def _too_few(earlier: pd.DataFrame, later: pd.DataFrame) -> str:
    for part, who in ((earlier, "to learn from"), (later, "to be held out")):
        n = len(part)
        if n < FEWEST:
            return f"{n} people can be followed {who}, and it takes {FEWEST}"
        least = int(min(part["stayed"].sum(), n - part["stayed"].sum()))
        if least < _EACH:
            return (
                f"of the people {who} {least} are on the rarer side of staying or not, and it "
                f"takes {_EACH}"
            )
    return ""


def _fitted(
    earlier: pd.DataFrame, later: pd.DataFrame, features: Sequence[str], seed: int
) -> Floats:
    from sklearn.linear_model import LogisticRegression

    x, new = (_tamed(part[list(features)].to_numpy(dtype=float)) for part in (earlier, later))
    middle, spread = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=1.0, max_iter=1000, random_state=seed)
    model.fit((x - middle) / spread, earlier["stayed"].astype(int).to_numpy())
    expected: Floats = model.predict_proba((new - middle) / spread)[:, 1]
    return expected


def _tamed(values: Floats) -> Floats:
    """Counts have long tails: one busy person should not bend the line for all."""
    tamed: Floats = np.sign(values) * np.log1p(np.abs(values))
    return tamed


def _auc(stayed: Floats, expected: Floats) -> tuple[float, float, float]:
    """Area under the curve with DeLong's interval, on the logit scale so that it stays below 1."""
    up, down = expected[stayed == 1], expected[stayed == 0]
    wins = (up[:, None] > down[None, :]) + 0.5 * (up[:, None] == down[None, :])
    area = float(wins.mean())
    by_up, by_down = wins.mean(axis=1), wins.mean(axis=0)
    variance = float(by_up.var(ddof=1) / len(up) + by_down.var(ddof=1) / len(down))
    if not 0 < area < 1:
        return area, area, area
    half = rates.Z95 * math.sqrt(variance) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return area, 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def _gain(stayed: Floats, expected: Floats, plain: float) -> tuple[float, float, float]:
    """Share of the plain share's squared error that the model takes away, and its interval."""
    base = (stayed - plain) ** 2
    saved = base - (stayed - expected) ** 2
    ratio = float(saved.mean() / base.mean())
    # Delta method: the error of a ratio of means.
    spread = (saved - ratio * base) / base.mean()
    half = rates.Z95 * float(spread.std(ddof=1)) / math.sqrt(len(stayed))
    return ratio, ratio - half, ratio + half


def _fifths(stayed: Floats, expected: Floats) -> pd.DataFrame:
    order = np.argsort(expected, kind="stable")
    names = ("lowest fifth", "second", "third", "fourth", "highest fifth")
    parts = np.array_split(order, len(names))
    counts = np.array([stayed[part].sum() for part in parts])
    n = np.array([len(part) for part in parts])
    low, high = rates.wilson(counts, n)
    return pd.DataFrame(
        {
            "fifth": names, "expected": [float(expected[part].mean()) for part in parts],
            "stayed": counts / n, "low": low, "high": high, "n": n,
        }
    )  # fmt: skip


def habits(frame: pd.DataFrame, features: Sequence[str], *, held_out: float = 0.3) -> Result:
    """Compare held-out people by what they did in their first week, one behaviour at a time.

    Where to cut is learned from the earlier people: above their median, or at all where the median
    is nought. The comparison is among the later ones.

    Parameters
    ----------
    frame, features, held_out
        As in :func:`beginnings`.

    Returns
    -------
    Result
        Family CONTRAST, the largest difference first: ``behaviour, at_least, n_reached`` (stayed),
        ``n`` (did it), ``share``, ``share_others``, ``difference, low, high`` (Newcombe, for all
        behaviours at once), ``standing``: ``more`` or ``fewer`` stayed, or ``no difference``.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=600)
    >>> frame = pd.DataFrame({"first_on": days, "known_on": days + pd.Timedelta(days=60),
    ...                       "x": [1, 2] * 300, "stayed": [False, True, True, True] * 150})
    >>> habits(frame, ["x"]).frame[["behaviour", "at_least", "standing"]].values.tolist()
    [['x', 2.0, 'more']]
    """
    name = "habits"
    if frame.empty:
        return not_enough(name, Family.CONTRAST, why_empty(frame, "nobody can be followed yet"))
    require(frame, ["stayed", "first_on", "known_on", *features], name)
    earlier, later = split(frame, held_out=held_out)
    reason = _too_few(earlier, later)
    if reason:
        return not_enough(name, Family.CONTRAST, reason)
    cuts = {f: _cut(earlier[f].to_numpy(dtype=float)) for f in features}
    sides = {f: later[f].to_numpy(dtype=float) >= cut for f, cut in cuts.items()}
    told = [f for f in features if _EACH <= sides[f].sum() <= len(later) - _EACH]
    if not told:
        return not_enough(name, Family.CONTRAST, "the first weeks of the people are too alike")
    z = _normal_quantile(1 - 0.025 / len(told))
    stayed = truth(later, "stayed", name)
    rows = [_side(f, cuts[f], sides[f], stayed, z) for f in told]
    columns = ["behaviour", "at_least", "n_reached", "n", "share", "share_others", "difference",
               "low", "high", "standing"]  # fmt: skip
    made = _whole_points(pd.DataFrame(rows, columns=columns))
    size = -made["difference"].abs()
    made = made.assign(size=size).sort_values(["size", "behaviour"], kind="stable")
    made = made.drop(columns="size").reset_index(drop=True)
    estimates = tuple(
        Estimate("beginning_difference", float(r["difference"]), float(r["low"]), float(r["high"]),
                 len(later), "points", Grade.DESCRIPTIVE, str(r["behaviour"]))
        for r in made.to_dict("records")
    )  # fmt: skip
    return Result(
        name, Family.CONTRAST, made,
        {
            "behaviour": Role.KEY, "standing": Role.KEY, "at_least": Role.TIME,
            "n_reached": Role.COUNT, "n": Role.N, "share": Role.RATE, "share_others": Role.RATE,
            "difference": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
        },
        estimates,
        "Held-out people who did it against those who did not, Newcombe's interval for all "
        "behaviours at once (Bonferroni); cuts from the earlier people.",
        {"n_compared": len(told), "n_later": len(later)},
    )  # fmt: skip


def _cut(values: Floats) -> float:
    """Return the least value that lies above the median, or above nought where that is more."""
    above = values[values > max(float(np.median(values)), 0.0)]
    return float(above.min()) if len(above) else math.inf


def _side(name: str, cut: float, side: Any, stayed: Any, z: float) -> tuple[Any, ...]:
    a, n = float(stayed[side].sum()), float(side.sum())
    b, m = float(stayed[~side].sum()), float((~side).sum())
    low, high = newcombe(a, n, b, m, z)
    standing = "fewer" if high < 0 else "more" if low > 0 else "no difference"
    return name, cut, int(a), int(n), a / n, b / m, a / n - b / m, low, high, standing


# May it be trusted --------------------------------------------------------------------------


def trust(doubts: pd.DataFrame, way: Result, began: Result) -> Result:
    """Check what the answers rest on.

    Parameters
    ----------
    doubts : pandas.DataFrame
        ``kind, n_persons, n_of``: ``began_early``, ``no_kind``.
    way, began : Result
        Of :func:`funnel` and :func:`beginnings`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> odd = pd.DataFrame({"kind": ["began_early", "no_kind"], "n_persons": [30, 0], "n_of": 100})
    >>> nothing = not_enough("way", Family.RATES, "no one is eligible")
    >>> trust(odd, nothing, nothing).frame[["check", "status"]].values.tolist()[:2]
    [['began_early', 'not passed'], ['kinds', 'passed']]
    """
    followed = math.nan
    if not way.is_empty:
        rows = way.frame[way.frame["step"] == "stayed"]
        followed = float(rows["n"].iloc[0]) if len(rows) else 0.0
    drift, holds = math.nan, math.nan
    if not began.is_empty:
        e = began.estimate("beginning_drift")
        drift = round(100 * abs(e.value), 1)
        holds = float(e.low <= 0 <= e.high)
    rows_ = [
        _checks.at_most("began_early", _percent(doubts, "began_early"), 20.0),
        _checks.at_most("kinds", _percent(doubts, "no_kind"), 20.0),
        _checks.at_least("followed", followed, 30.0),
        ("calibrated", "not known" if math.isnan(holds) else "passed" if holds else "not passed",
         drift, 0.0),
    ]  # fmt: skip
    return _checks.trust(rows_)


def _percent(frame: pd.DataFrame, kind: str) -> float:
    rows = frame[frame["kind"] == kind] if "kind" in frame.columns else frame
    if rows.empty or not rows["n_of"].iloc[0]:
        return math.nan
    return float(100 * rows["n_persons"].iloc[0] / rows["n_of"].iloc[0])


Row = tuple[str, str, float, float]
