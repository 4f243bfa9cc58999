"""What could be measured, whether an effect could be seen, and by which rule one would decide.

Numbers of a plan rest on baselines to two digits (shares to whole percents, people to tens): a
plan is no more exact than that, and it tells nothing exact about anyone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _checks, _looks
from ldresearch.models import power as planning
from ldresearch.models._frame import Floats, numbers, persons, require, two_largest
from ldresearch.models.rates import Z95, wilson
from ldresearch.plan import Plan
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Direction, Family, Grade, Metric, Role, metrics

FEWEST: Final = 20
"""People below which no baseline is told."""

POOR_RELATIVE: Final = 0.5
"""A metric whose smallest visible effect is half its baseline or more is blunt."""
GOOD_RELATIVE: Final = 0.2
MOST_MISSING: Final = 0.05
OUT_OF_REACH: Final = 3.0
"""Times the effect that matters; beyond it there is nothing to redesign."""

_BEFORE: Final = "_before"
_FEWEST_WEEKS: Final = 8


# What a plan asks ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a plan asks of its numbers; without a plan the usual."""

    metric: Metric
    effect: float
    alpha: float
    power: float
    share: float
    unit: str
    method: str = "lan_demets_pocock"
    fractions: tuple[float, ...] = (1.0,)

    @property
    def once(self) -> _Asked:
        """The same with a single look, at the end."""
        return replace(self, method="lan_demets_pocock", fractions=(1.0,))

    @property
    def times(self) -> float:
        """How many times the people of a single look the plan's looks take."""
        return _looks.times(self.method, self.fractions, self.alpha, self.power)

    def chance(self, single: float) -> float:
        """Chance to find at one of the looks what a single look finds with a chance."""
        return _looks.at_looks(single, self.method, self.fractions, self.alpha)

    @property
    def is_compared(self) -> bool:
        return 0 < self.share < 1

    @property
    def ratio(self) -> float:
        """People who get it for each who does not."""
        return self.share / (1 - self.share)

    @property
    def direction(self) -> str:
        return "down" if self.metric.direction is Direction.DOWN else "up"


def _asked(plan: Plan | None, share: float | None = None) -> _Asked:
    if plan is None:
        return _Asked(metrics()["value_reach"], math.nan, 0.05, 0.8, 0.5, "person")
    given = plan.roll_out.share
    if plan.roll_out.design == "before_after":
        given = 1.0
    if plan.roll_out.design == "stepped_wedge":
        given = 0.5
    return _Asked(
        metrics()[plan.metric], plan.minimum_effect, plan.alpha, plan.power,
        given if share is None else share, plan.roll_out.unit, plan.decision.method,
        _fractions(plan),
    )  # fmt: skip


def _fractions(plan: Plan) -> tuple[float, ...]:
    """Share of the people whose window is over by each look, coming evenly; all by the last."""
    window = plan.value_event.window_days
    days = [(day - plan.launch_on).days - window for day in plan.looks_on]
    if days[-1] <= 0:
        return (1.0,)
    return tuple(sorted({round(day / days[-1], 4) for day in days if day > 0}))


def candidates() -> tuple[Metric, ...]:
    """Return the metrics of the registry that a plan may follow.

    Returns
    -------
    tuple of Metric
        Those with a ``plan`` in the registry: how they are planned for.

    Examples
    --------
    >>> "value_reach" in [metric.id for metric in candidates()]
    True
    """
    return tuple(m for m in metrics().values() if m.plan)


def _none(frame: pd.DataFrame, otherwise: str) -> str:
    return str(frame.attrs.get("missing") or otherwise)


def _values(frame: pd.DataFrame, metric: str, caller: str) -> Floats:
    return numbers(frame[frame[metric].notna()], metric, caller)


def _coarse_share(share: float) -> float:
    return min(max(round(share, 2), 0.01), 0.99)


def _coarse(value: float) -> float:
    """Two significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, 1 - math.floor(math.log10(abs(value))))


def _coarse_n(n: int) -> int:
    return n // 10 * 10


# Baselines ----------------------------------------------------------------------------------


def shares(frame: pd.DataFrame) -> Result:
    """Tell the baseline of each metric that is a share of people.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person; a column of 0 and 1 for each metric.

    Returns
    -------
    Result
        Family RATES: ``metric, n_reached, n, share, low, high``; Wilson's intervals. An estimate
        for each metric.

    Examples
    --------
    >>> frame = pd.DataFrame({"value_reach": [1, 0] * 20})
    >>> shares(frame).frame[["metric", "share"]].values.tolist()
    [['value_reach', 0.5]]
    """
    name = "shares"
    wanted = [m for m in candidates() if m.plan == "proportion" and m.id in frame.columns]
    if len(frame) < FEWEST:
        return _too_few(name, Family.RATES, frame)
    count = np.array([float(_values(frame, m.id, name).sum()) for m in wanted])
    n = np.array([int(frame[m.id].notna().sum()) for m in wanted])
    low, high = wilson(count, n)
    out = pd.DataFrame(
        {"metric": [m.id for m in wanted], "n_reached": count.astype(int), "n": n,
         "share": count / n, "low": low, "high": high}
    )  # fmt: skip
    roles = {
        "metric": Role.KEY, "n_reached": Role.COUNT, "n": Role.N, "share": Role.RATE,
        "low": Role.LOW, "high": Role.HIGH,
    }  # fmt: skip
    return Result(
        name, Family.RATES, out, roles,
        tuple(
            Estimate(m.id, float(s), float(lo), float(hi), int(k), m.unit)
            for m, s, lo, hi, k in zip(wanted, out["share"], low, high, n, strict=True)
        ),
        "Share of people over the last whole window before the launch, Wilson's interval.",
    )  # fmt: skip


def means(frame: pd.DataFrame) -> Result:
    """Tell the baseline of each metric that is a mean over people.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person; a column of numbers for each metric.

    Returns
    -------
    Result
        Family MEANS: ``metric, mean, low, high, sd, n``; the interval by the normal distribution
        of a mean. An estimate for each metric.

    Examples
    --------
    >>> frame = pd.DataFrame({"learning_minutes": [20, 40] * 50})
    >>> means(frame).frame[["mean", "low", "high"]].round(1).values.tolist()
    [[30.0, 28.0, 32.0]]
    """
    name = "means"
    wanted = [m for m in candidates() if m.plan in ("mean", "time") and m.id in frame.columns]
    if len(frame) < FEWEST:
        return _too_few(name, Family.MEANS, frame)
    rows, estimates = [], []
    for metric in wanted:
        values = _values(frame, metric.id, name)
        mean, sd, n = float(values.mean()), float(values.std(ddof=1)), len(values)
        half = Z95 * sd / math.sqrt(n)
        most = _largest(metric, values)
        rows.append((metric.id, mean, mean - half, mean + half, sd, n, *most))
        estimates.append(Estimate(metric.id, mean, mean - half, mean + half, n, metric.unit))
    return Result(
        name, Family.MEANS,
        pd.DataFrame(rows, columns=["metric", "mean", "low", "high", "sd", "n", "most", "next"]),
        {
            "metric": Role.KEY, "mean": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "sd": Role.VALUE, "n": Role.N,
        },
        tuple(estimates),
        "Mean over people of the last whole window before the launch, normal interval.",
        sums={"mean": ("most", "next"), "sd": ("most", "next", "mean")},
        largest={
            m.id: (float(frame[m.id].mean()), *_largest(m, frame[m.id].to_numpy(float)))
            for m in wanted
        },
    )  # fmt: skip


def _largest(metric: Metric, values: Floats) -> tuple[float, float]:
    """Return what the two largest persons have in the mean of minutes; days have no such."""
    return two_largest(values / len(values)) if metric.unit == "minutes" else (0.0, 0.0)


def _too_few(name: str, family: Family, frame: pd.DataFrame) -> Result:
    if frame.empty:
        return not_enough(name, family, _none(frame, "nobody is known before the launch"))
    return not_enough(
        name, family, f"fewer than {FEWEST} people are eligible on the first day of the last window"
    )


# The scorecard ------------------------------------------------------------------------------


def scorecard(
    frame: pd.DataFrame, weeks: pd.DataFrame, records: pd.DataFrame, plan: Plan | None = None
) -> Result:
    """Score every metric a plan could follow: what it would see, and how far it can be trusted.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person; each metric, and as ``<metric>_before`` the same over the window before.
    weeks : pandas.DataFrame
        ``metric, week_on, value``: each complete week.
    records : pandas.DataFrame
        ``metric, n_missing, n_rows, lag_days``.
    plan : Plan, optional
        Alpha, power and share of the roll-out.

    Returns
    -------
    Result
        Family MODEL, the most sensitive first: ``metric, mde`` (smallest effect found with the
        people there are), ``relative`` (to the baseline), ``adjusted`` (the same after allowing
        for activity before), ``moves`` (standard deviation of the change from week to week over
        the mean), ``autocorrelation`` (of neighbouring weeks), ``missing``, ``lag_days``,
        ``gameability``, ``standing`` (``good``, ``usable``, ``blunt``, ``flat``), ``n``.

    Examples
    --------
    >>> frame = pd.DataFrame({"value_reach": [1, 0] * 200, "learning_minutes": [0] * 399 + [600]})
    >>> weeks = pd.DataFrame(columns=["metric", "week_on", "value"])
    >>> records = pd.DataFrame(columns=["metric", "n_missing", "n_rows", "lag_days"])
    >>> found = scorecard(frame, weeks, records).frame
    >>> found[["metric", "standing"]].values.tolist()
    [['value_reach', 'usable'], ['learning_minutes', 'blunt']]
    """
    name = "scorecard"
    if len(frame) < FEWEST:
        return _too_few(name, Family.MODEL, frame)
    asked = _asked(plan) if _asked(plan).is_compared else _asked(plan, 0.5)
    rows = [
        _score(metric, frame, weeks, records, asked)
        for metric in candidates()
        if metric.id in frame.columns
    ]
    columns = ["metric", "mde", "relative", "adjusted", "moves", "autocorrelation", "missing",
               "lag_days", "gameability", "standing", "n", "total", "most", "next"]  # fmt: skip
    out = pd.DataFrame(rows, columns=columns)
    out = out.sort_values(["relative", "metric"], na_position="last", ignore_index=True)
    return Result(
        name, Family.MODEL, out,
        {
            "metric": Role.KEY, "mde": Role.VALUE, "relative": Role.VALUE, "adjusted": Role.VALUE,
            "moves": Role.VALUE, "autocorrelation": Role.VALUE, "missing": Role.VALUE,
            "lag_days": Role.VALUE, "gameability": Role.KEY, "standing": Role.KEY, "n": Role.N,
        },
        (),
        f"Smallest effect found with {asked.power:.0%} chance at alpha {asked.alpha:g}, person by "
        "person, over the baseline; weekly changes over the weekly mean.",
        {"primary": asked.metric.id if plan else "", "share": asked.share},
        # The spread of minutes that one person makes is that person's.
        sums=dict.fromkeys(("mde", "relative", "adjusted"), ("most", "next", "total")),
        beside=("moves", "autocorrelation", "missing", "lag_days"),
    )  # fmt: skip


def _score(
    metric: Metric, frame: pd.DataFrame, weeks: pd.DataFrame, records: pd.DataFrame, asked: _Asked
) -> tuple[Any, ...]:
    found = _Baseline.of(frame, metric)
    effect = found.mde(asked)
    relative = effect / found.mean if found.mean > 0 else math.nan
    moves, alike = _movement(weeks, metric.id)
    record = records[records["metric"] == metric.id]
    missing = lag = math.nan
    if len(record):
        row = record.iloc[0]
        lag = float(row["lag_days"])
        missing = float(row["n_missing"] / row["n_rows"]) if row["n_rows"] else math.nan
    return (
        metric.id, effect, relative, effect * math.sqrt(1 - found.correlation**2), moves, alike,
        missing, lag, metric.gameability, _standing(relative, found), found.n, found.mean,
        *_largest(metric, frame[metric.id].to_numpy(float)),
    )  # fmt: skip


def _standing(relative: float, found: _Baseline) -> str:
    if found.sd == 0 or math.isnan(relative):
        return "flat"
    if relative >= POOR_RELATIVE:
        return "blunt"
    return "good" if relative <= GOOD_RELATIVE else "usable"


def _movement(weeks: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Standard deviation of weekly changes over the mean; correlation of neighbouring weeks."""
    if weeks.empty:
        return math.nan, math.nan
    own = weeks[weeks["metric"] == metric].sort_values("week_on")
    values = own["value"].to_numpy(dtype=float)
    if len(values) < _FEWEST_WEEKS or values.mean() <= 0:
        return math.nan, math.nan
    moves = float(np.diff(values).std(ddof=1) / values.mean())
    before, after = values[:-1] - values.mean(), values[1:] - values.mean()
    total = float(((values - values.mean()) ** 2).sum())
    return moves, float((before * after).sum() / total) if total > 0 else math.nan


@dataclass(frozen=True, slots=True)
class _Baseline:
    """What is there before: to two digits, as a plan uses it."""

    kind: str
    mean: float
    sd: float
    correlation: float
    n: int

    @classmethod
    def of(cls, frame: pd.DataFrame, metric: Metric) -> _Baseline:
        values = _values(frame, metric.id, "baseline")
        n, mean, sd = len(values), float(values.mean()), float(values.std(ddof=1))
        rho = _correlation(frame, metric.id)
        if metric.plan == "proportion":
            share = _coarse_share(mean)
            spread = math.sqrt(share * (1 - share)) if sd > 0 else 0.0
            return cls(metric.plan, share if sd > 0 else mean, spread, rho, n)
        return cls(metric.plan, _coarse(mean), _coarse(sd), rho, n)

    def plan(
        self,
        asked: _Asked,
        *,
        mde: float | None = None,
        n: float | None = None,
        power: float | None = None,
    ) -> Result:
        """Work out effect, persons in the control arm or power, whichever is not given."""
        if self.kind != "proportion":
            return planning.two_means(
                mde, sd=self.sd, n=n, power=power, alpha=asked.alpha, ratio=asked.ratio
            )
        if mde is not None and not 0 < self.mean + mde < 1:
            return not_enough("plan", Family.CHECKS, "the effect is larger than there is room")
        return planning.two_proportions(
            self.mean, mde, n=n, power=power, alpha=asked.alpha, ratio=asked.ratio,
            direction=asked.direction,
        )  # fmt: skip

    def mde(self, asked: _Asked, design_effect: float = 1.0) -> float:
        """Smallest effect found, as a size; ``nan`` where none is."""
        n = _coarse_n(self.n) * (1 - asked.share) / design_effect / asked.times
        if self.sd == 0 or n < 3 or n * asked.ratio < 3:
            return math.nan
        found = self.plan(asked, n=n, power=asked.power)
        return math.nan if found.is_empty else abs(found.estimate("mde").value)


def _correlation(frame: pd.DataFrame, metric: str) -> float:
    """Correlation with the same metric over the window before; 0 where it is not known."""
    before = metric + _BEFORE
    if before not in frame.columns:
        return 0.0
    both = frame[[metric, before]].dropna()
    if len(both) < FEWEST or both.std(ddof=0).min() == 0:
        return 0.0
    return round(float(both[metric].corr(both[before])), 2)


# Whether the plan would see what matters ------------------------------------------------------


def curve(frame: pd.DataFrame, plan: Plan | None = None, *, design_effect: float = 1.0) -> Result:
    """Give the smallest effect that would be found, by the number of people in both arms.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, as in :func:`scorecard`.
    plan : Plan, optional
    design_effect : float
        Of the roll-out by whole groups, drawn beside the one by persons where it is above 1.

    Returns
    -------
    Result
        Family CHECKS: ``way`` (``persons``, ``adjusted``, ``groups``), ``n_total``, ``mde``.
        ``parameters``: ``metric``, ``unit``, ``minimum_effect``, ``there`` (people there are),
        ``planned`` (the way the plan's looks go).

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> frame = pd.DataFrame({"person_key": range(10_000), "value_reach": [1, 1, 0, 0, 0] * 2000})
    >>> found = curve(frame, asked).frame
    >>> found[found["n_total"].isin([2000, 8000])].round(2).values.tolist()
    [['persons', 2000, 0.09], ['persons', 8000, 0.04]]
    """
    name = "curve"
    if len(frame) < FEWEST:
        return _too_few(name, Family.CHECKS, frame)
    asked = _asked(plan) if _asked(plan).is_compared else _asked(plan, 0.5)
    found = _Baseline.of(frame, asked.metric)
    if found.sd == 0:
        return not_enough(name, Family.CHECKS, _flat(asked.metric))
    there = _coarse_n(found.n)
    ns = sorted({round(there * part / 10) * 10 for part in np.linspace(0.1, 1.5, 15)} - {0})
    ways = {"persons": (1.0, 0.0)}
    if found.correlation > 0.1:
        ways["adjusted"] = (1.0, found.correlation)
    if design_effect > 1.005:
        ways["groups"] = (design_effect, 0.0)
    rows = [
        (way, n, _effect_at(found, asked, n, deff) * math.sqrt(1 - rho**2))
        for way, (deff, rho) in ways.items()
        for n in ns
    ]
    out = pd.DataFrame(rows, columns=["way", "n_total", "mde"])
    return Result(
        name, Family.CHECKS, out, {"way": Role.KEY, "n_total": Role.TIME, "mde": Role.VALUE}, (),
        "Smallest effect found by the number of people, from the baseline before the launch.",
        {
            "metric": asked.metric.id, "unit": asked.metric.unit, "there": there,
            "planned": "groups" if asked.unit == "unit" and "groups" in ways else (
                "adjusted" if "adjusted" in ways else "persons"),
            "minimum_effect": None if math.isnan(asked.effect) else asked.effect,
            "power": asked.power, "alpha": asked.alpha, "share": asked.share,
        },
    )  # fmt: skip


def _effect_at(found: _Baseline, asked: _Asked, n_total: float, design_effect: float) -> float:
    sized = _Baseline(found.kind, found.mean, found.sd, found.correlation, int(n_total))
    return sized.mde(asked, design_effect)


def _flat(metric: Metric) -> str:
    return f"the metric ({metric.label}) is the same for everyone, so nothing could be seen in it"


def likeness(frame: pd.DataFrame, plan: Plan | None = None, *, by: Sequence[str] = ()) -> Result:
    """Estimate how alike people of one group are, for each way to roll out by groups.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: a column for each way, and the primary metric.
    plan : Plan, optional
    by : sequence of str
        The columns; all text columns by default.

    Returns
    -------
    Result
        Family MODEL: ``by, n_groups, size, icc, low, high, design_effect, n``. Ways with fewer
        than five groups have no ICC. Estimates ``icc`` and ``design_effect`` by way.

    Examples
    --------
    >>> frame = pd.DataFrame({"unit": [u for u in "abcdef" for _ in range(20)],
    ...                       "value_reach": [1] * 10 + [0] * 10 + [1] * 60 + [0] * 40})
    >>> found = likeness(frame, by=["unit"]).frame
    >>> found[["by", "n_groups", "size", "icc"]].round(2).values.tolist()
    [['unit', 6, 20.0, 0.85]]
    """
    name = "likeness"
    if len(frame) < FEWEST:
        return _too_few(name, Family.MODEL, frame)
    metric = _asked(plan).metric.id
    require(frame, [metric, *by], name)
    if frame[metric].nunique() < 2:
        return not_enough(name, Family.MODEL, _flat(metrics()[metric]))
    rows: list[tuple[Any, ...]] = []
    estimates: list[Estimate] = []
    for way in _distinct(frame, by):
        placed = frame[frame[way].notna() & (frame[way] != "Unknown")]
        found = planning.icc(placed, cluster=way, value=metric)
        sizes = placed[way].value_counts()
        size = _coarse(float(sizes.mean())) if len(sizes) else math.nan
        if found.is_empty:
            rows.append((way, len(sizes), size, *[math.nan] * 4, len(placed)))
            continue
        row = found.frame.iloc[0]
        size_cv, icc = float(row["size_cv"]), float(row["icc"])
        spread = planning.design_effect(float(row["size"]), icc, cv=size_cv)
        effect = spread.estimate("design_effect")
        rows.append((way, len(sizes), size, row["icc"], row["low"], row["high"], effect.value,
                     len(placed)))  # fmt: skip
        estimates += [
            Estimate("icc", float(row["icc"]), float(row["low"]), float(row["high"]), len(placed),
                     "index", Grade.DESCRIPTIVE, way),
            Estimate("design_effect", effect.value, math.nan, math.nan, len(placed), "ratio",
                     Grade.DESCRIPTIVE, way),
        ]  # fmt: skip
    columns = ["by", "n_groups", "size", "icc", "low", "high", "design_effect", "n"]
    out = pd.DataFrame(rows, columns=columns)
    return Result(
        name, Family.MODEL, out,
        {
            "by": Role.KEY, "n_groups": Role.VALUE, "size": Role.VALUE, "icc": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "design_effect": Role.VALUE, "n": Role.N,
        },
        tuple(estimates),
        "Intraclass correlation of the primary metric by the analysis of variance; design effect "
        "with the spread of the groups' sizes.",
        {"metric": metric},
    )  # fmt: skip


def _distinct(frame: pd.DataFrame, by: Sequence[str]) -> list[str]:
    """Ways that part people differently: of two that part them alike, the first."""
    seen: dict[bytes, str] = {}
    for way in by:
        seen.setdefault(pd.factorize(frame[way])[0].tobytes(), way)
    return list(seen.values())


def design_effect(found: Result, by: str) -> float:
    """Return the design effect of one way, 1 where it is not known.

    Parameters
    ----------
    found : Result
        Of :func:`likeness`.
    by : str
        The way: a column of what could be rolled out by.

    Returns
    -------
    float
        How many people it takes for each one that it takes person by person.

    Examples
    --------
    >>> frame = pd.DataFrame({"unit": [u for u in "abcdef" for _ in range(20)],
    ...                       "value_reach": [1] * 60 + [0] * 60})
    >>> found = likeness(frame, by=["unit"])
    >>> round(design_effect(found, "unit"), 6), design_effect(found, "manager")
    (20.0, 1.0)
    """
    known = [e for e in found.estimates if e.metric == "design_effect" and e.label == by]
    return known[0].value if known else 1.0


def ways(
    frame: pd.DataFrame, alike: Result, plan: Plan | None = None, *, by: str = "unit"
) -> Result:
    """Tell for each way to run the initiative how many people it needs and what it would see.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, as in :func:`scorecard`.
    alike : Result
        Of :func:`likeness`.
    plan : Plan, optional
        Without one there is no effect to plan for.
    by : str
        Which groups the plan rolls out by, where it does so by units.

    Returns
    -------
    Result
        Family CHECKS: ``way`` (``once``: a single look at the end, ``persons`` and all others by
        the looks of the plan: ``adjusted``, ``equal``, ``events`` or a group),
        ``needed`` (people in both arms), ``there``, ``power``, ``mde``, ``is_enough``,
        ``is_planned``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> frame = pd.DataFrame({"person_key": range(10_000), "value_reach": [1, 1, 0, 0, 0] * 2000})
    >>> found = ways(frame, likeness(frame, asked), asked).frame
    >>> found["needed"] = found["needed"].round(-2)
    >>> found[["way", "needed", "is_enough", "is_planned"]].values.tolist()
    [['once', 3100, True, False], ['persons', 5800, True, True], ['events', 5700, True, False]]
    """
    name = "ways"
    if len(frame) < FEWEST:
        return _too_few(name, Family.CHECKS, frame)
    if plan is None:
        return not_enough(name, Family.CHECKS, "there is no plan, so no effect to plan for")
    asked = _asked(plan)
    found = _Baseline.of(frame, asked.metric)
    if found.sd == 0:
        return not_enough(name, Family.CHECKS, _flat(asked.metric))
    if not asked.is_compared:
        return not_enough(
            name, Family.CHECKS, "everyone gets it at once, so there is nobody to compare with"
        )
    # Looks are adjusted for activity before wherever that is known.
    planned = "adjusted" if found.correlation > 0.1 else "persons"
    planned = planned if asked.unit == "person" else by
    rows = [_way("once", found, asked.once, 1.0), _way("persons", found, asked, 1.0)]
    if found.correlation > 0.1:
        rows.append(_way("adjusted", found, asked, 1 - found.correlation**2))
    if abs(asked.share - 0.5) > 0.01:
        rows.append(_way("equal", found, _asked(plan, 0.5), 1.0))
    if asked.metric.id in ("value_reach", "value_reach_days"):
        rows += _by_events(frame, found, asked)
    groups = {} if alike.is_empty else alike.frame.set_index("by")["n_groups"].to_dict()
    rows += [
        _way(e.label, found, asked, e.value, int(groups[e.label]))
        for e in alike.estimates
        if e.metric == "design_effect"
    ]
    out = pd.DataFrame(rows, columns=["way", "needed", "there", "power", "mde", "is_enough"])
    out["is_planned"] = out["way"] == planned
    return Result(
        name, Family.CHECKS, out,
        {
            "way": Role.KEY, "needed": Role.VALUE, "there": Role.VALUE, "power": Role.VALUE,
            "mde": Role.VALUE, "is_enough": Role.FLAG, "is_planned": Role.FLAG,
        },
        (),
        "Persons, effect and power worked out from one another; whole groups by their design "
        "effect, times by the number of events (Schoenfeld).",
        {"metric": asked.metric.id, "unit": asked.metric.unit, "effect": asked.effect,
         "power": asked.power, "alpha": asked.alpha},
    )  # fmt: skip


def _way(
    way: str, found: _Baseline, asked: _Asked, times: float, n_groups: int = 0
) -> tuple[Any, ...]:
    """One row; ``times`` as many people are needed as person by person."""
    there = _coarse_n(found.n)
    sign = -1 if asked.direction == "down" else 1
    planned = found.plan(asked, mde=sign * asked.effect, power=asked.power)
    n_control = there * (1 - asked.share) / times
    if planned.is_empty or n_control < 3 or (n_groups and n_groups < 4):
        return way, math.nan, there, math.nan, math.nan, False
    needed = float(planned.parameters["n_exact"] or 0) * asked.times
    total = math.ceil(needed * times * (1 + asked.ratio))
    chance = found.plan(asked, mde=sign * asked.effect, n=n_control)
    reached = math.nan if chance.is_empty else chance.estimate("planned_power").value
    if n_groups:
        reached = _few_groups(reached, asked.alpha, n_groups)
    reached = asked.chance(reached)
    return way, total, there, reached, found.mde(asked, times), _reaches(reached, asked)


def _reaches(chance: float, asked: _Asked) -> bool:
    """Whether a chance is the one asked for, in whole percents: a plan is no more exact."""
    return not math.isnan(chance) and round(chance, 2) >= asked.power - 1e-9


def _few_groups(power: float, alpha: float, n_groups: int) -> float:
    """Power by the t distribution: with few groups their spread is not known but estimated."""
    from scipy.special import nctdtr, ndtri, stdtrit

    shift = float(ndtri(1 - alpha / 2) + ndtri(min(power, 1 - 1e-12)))
    df = n_groups - 2
    return float(1 - nctdtr(df, shift, stdtrit(df, 1 - alpha / 2)))


def _by_events(frame: pd.DataFrame, found: _Baseline, asked: _Asked) -> list[tuple[Any, ...]]:
    """Times to value, compared by the number of events; the effect as a rise of the share."""
    share = _coarse_share(float(_values(frame, "value_reach", "events").mean()))
    rise = asked.effect
    if asked.metric.id == "value_reach_days":
        # Days saved of the window, as the rise of the share that would save as many.
        window = float(frame["value_reach_days"].max())
        rise = asked.effect / window if window else math.nan
    if not 0 < share + rise < 1:
        return []
    ratio = math.log(1 - share - rise) / math.log(1 - share)
    there = _coarse_n(found.n)
    n_control = there * (1 - asked.share)
    needed = planning.survival_events(
        ratio, power=asked.power, alpha=asked.alpha, ratio=asked.ratio, direction="up",
        share_control=share, share_treated=share + rise,
    )  # fmt: skip
    events = n_control * (share + asked.ratio * (share + rise))
    chance = planning.survival_events(ratio, events=events, alpha=asked.alpha, ratio=asked.ratio,
                                   direction="up")  # fmt: skip
    total = math.ceil(int(needed.frame["n_total"].iloc[0]) * asked.times)
    reached = asked.chance(chance.estimate("planned_power").value)
    return [("events", total, there, reached, math.nan, _reaches(reached, asked))]


# Roll-outs ----------------------------------------------------------------------------------


def designs(
    panel: pd.DataFrame, frame: pd.DataFrame, plan: Plan | None = None, *, seed: int = 1,
    simulations: int = 300,
) -> Result:  # fmt: skip
    """Compare roll-outs on the organisation's own weeks, with the planned effect planted.

    Parameters
    ----------
    panel : pandas.DataFrame
        ``unit, week, value, weight``: what could be rolled out, by week.
    frame : pandas.DataFrame
        One row a person, for the baseline over a whole window.
    plan : Plan, optional
    seed, simulations : int

    Returns
    -------
    Result
        Of :func:`ldresearch.models.power.designs`. The effect is in proportion: as large a part
        of the weekly mean as the minimum effect is of the window's.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> frame = pd.DataFrame({"person_key": range(10_000), "value_reach": [1, 1, 0, 0, 0] * 2000})
    >>> rng = np.random.default_rng(1)
    >>> panel = pd.DataFrame({"unit": np.repeat(range(20), 12), "week": np.tile(range(12), 20),
    ...                       "value": rng.uniform(0.1, 0.3, 240), "weight": 200})
    >>> found = designs(panel, frame, asked, simulations=50)
    >>> found.parameters["effect"], found.frame["design"].tolist()
    (0.025, ['parallel', 'stepped_wedge', 'hold_out'])
    """
    name = "designs"
    if panel.empty:
        return not_enough(name, Family.MODEL, _none(panel, "no weeks are known before the launch"))
    if plan is None or len(frame) < FEWEST:
        why = "there is no plan, so no effect to plant" if plan is None else _too_few(
            name, Family.MODEL, frame).missing  # fmt: skip
        return not_enough(name, Family.MODEL, why)
    asked = _asked(plan)
    found = _Baseline.of(frame, asked.metric)
    weight = numbers(panel, "weight", name, low=0)
    weekly = float(np.average(numbers(panel, "value", name), weights=weight))
    if found.mean <= 0 or weekly <= 0:
        return not_enough(name, Family.MODEL, _flat(asked.metric))
    sign = -1 if asked.direction == "down" else 1
    effect = sign * _coarse(asked.effect / found.mean * weekly)
    made = planning.designs(
        panel, effect=effect, alpha=asked.alpha, simulations=simulations, seed=seed
    )
    if made.is_empty:
        return made
    last = panel[panel["week"] == panel["week"].max()]
    n = int(last["weight"].sum())
    return made.but(
        frame=made.frame.assign(n=n),
        estimates=tuple(
            Estimate(e.metric, e.value, e.low, e.high, n, e.unit, e.grade, e.label)
            for e in made.estimates
        ),
        parameters={
            **made.parameters, "metric": asked.metric.id, "unit": asked.metric.unit,
            "planned": plan.roll_out.design, "minimum_effect": asked.effect,
            "icc": _coarse(float(made.parameters["icc"] or 0.0)),
        },
    )  # fmt: skip


# The decision -------------------------------------------------------------------------------


def outline(plan: Plan | None, standing: Mapping[str, Scalar]) -> Result:
    """Say what the plan says, as a published result, with the hash it was frozen under.

    Parameters
    ----------
    plan : Plan or None
    standing : mapping
        ``hash``, ``version``, ``frozen_on``, ``is_late``, ``changed`` (keys, with commas), ``why``.

    Returns
    -------
    Result
        Family CHECKS: ``what, says``.

    Examples
    --------
    >>> from ldresearch.plan import parse, template
    >>> found = outline(parse(template()), {"frozen_on": "2025-02-03", "version": 1})
    >>> dict(found.frame.values.tolist())["share"], found.parameters["frozen_on"]
    ('0.5', '2025-02-03')
    """
    name = "outline"
    if plan is None:
        return not_enough(name, Family.CHECKS, str(standing.get("why") or "there is no plan"))
    event = plan.value_event
    rows: list[tuple[str, str]] = [
        ("objective", plan.objective), ("owner", plan.owner),
        ("population", ", ".join(f"{k} {v}" for k, v in plan.population.items()) or "everyone"),
        ("launch", plan.launch_on.isoformat()), ("end", plan.end_on.isoformat()),
        ("looks", ", ".join(day.isoformat() for day in plan.looks_on)),
        ("reviews", ", ".join(day.isoformat() for day in plan.reviews_on)),
        ("verbs", ", ".join(event.verbs)), ("assigned", event.assigned),
        ("min_minutes", str(event.min_minutes)), ("window_days", str(event.window_days)),
        ("unit", plan.roll_out.unit), ("design", plan.roll_out.design),
        ("share", f"{plan.roll_out.share:g}"), ("method", plan.decision.method),
        ("rule", plan.decision.rule),
    ]  # fmt: skip
    rows += [("guardrail", f"{g.metric} {g.margin:g}") for g in plan.guardrails]
    return Result(
        name, Family.CHECKS, pd.DataFrame(rows, columns=["what", "says"]),
        {"what": Role.KEY, "says": Role.KEY}, (), "",
        {
            "name": plan.name, "version": plan.version, "metric": plan.metric,
            "minimum_effect": plan.minimum_effect, "unit": metrics()[plan.metric].unit,
            "alpha": plan.alpha, "power": plan.power, "n_guardrails": len(plan.guardrails),
            "method": plan.decision.method, "end_on": plan.end_on.isoformat(),
            "launch_on": plan.launch_on.isoformat(), **standing,
        },
    )  # fmt: skip


def verdict(frame: pd.DataFrame, ways: Result, plan: Plan | None = None) -> Result:
    """Decide between launch, redesign and do not measure.

    In this order: without a plan, a baseline or a metric that differs between people there is
    nothing to launch; where nobody is left to compare with, redesign; where the planned way finds
    the effect with the planned chance, launch; where another way does, or the smallest effect
    found is at most three times the one that matters, redesign; else do not measure.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, as in :func:`scorecard`.
    ways : Result
        Of :func:`ways`.
    plan : Plan, optional

    Returns
    -------
    Result
        Family CHECKS; one row. ``parameters``: ``verdict``, ``reason``, ``power``, ``mde``,
        ``needed``, ``there``, ``best_way`` (another way that finds it). Estimates: the baseline,
        ``mde``, ``planned_power``, ``planned_n``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> frame = pd.DataFrame({"person_key": range(10_000), "value_reach": [1, 1, 0, 0, 0] * 2000})
    >>> for people in (frame, frame.head(1000), frame.head(100)):
    ...     found = ways(people, likeness(people, asked), asked)
    ...     print(verdict(people, found, asked).parameters["verdict"])
    launch
    redesign
    do not measure
    """
    rows = {} if ways.is_empty else {str(r["way"]): r for r in ways.frame.to_dict("records")}
    own = next((r for r in rows.values() if r["is_planned"]), None)
    other = next((w for w, r in rows.items() if r["is_enough"] and not r["is_planned"]), "")
    asked = _asked(plan)
    least = min((r["mde"] for r in rows.values() if r["mde"] == r["mde"]), default=math.nan)
    if plan is None:
        said, why = "redesign", "no_plan"
    elif len(frame) < FEWEST:
        said, why = "do not measure", "no_baseline"
    elif _values(frame, plan.metric, "verdict").std() == 0:
        said, why = "do not measure", "flat"
    elif not asked.is_compared:
        said, why = "redesign", "no_comparison"
    elif own is None:
        said, why = "redesign", "few_groups"
    elif own["is_enough"]:
        said, why = "launch", "enough"
    elif other:
        said, why = "redesign", "other_way"
    elif least <= OUT_OF_REACH * asked.effect:
        said, why = "redesign", "too_weak"
    else:
        said, why = "do not measure", "out_of_reach"
    return _verdict(said, why, frame, own, other, asked, is_planned=plan is not None)


def _verdict(
    said: str, why: str, frame: pd.DataFrame, own: Mapping[Any, Any] | None, other: str,
    asked: _Asked, *, is_planned: bool,
) -> Result:  # fmt: skip
    nothing = {"power": math.nan, "mde": math.nan, "needed": math.nan, "there": math.nan}
    row = nothing | {k: own[k] for k in nothing} if own else nothing
    row["needed"] = _coarse(row["needed"])
    there = _coarse_n(persons(frame)) if len(frame) else 0
    estimates = []
    if own:
        unit = "points" if asked.metric.unit == "share" else asked.metric.unit
        pairs = [("mde", row["mde"], unit), ("planned_power", row["power"], "probability"),
                 ("planned_n", row["needed"], "persons")]  # fmt: skip
        estimates = [
            Estimate(
                metric,
                float(value),
                math.nan,
                math.nan,
                there,
                unit,
                label="both arms" if metric == "planned_n" else "",
            )
            for metric, value, unit in pairs
            if value == value
        ]
    parameters: dict[str, Scalar] = {
        "verdict": said, "reason": why, "best_way": other, "is_planned": is_planned,
        "metric": asked.metric.id, "label": asked.metric.label, "unit": asked.metric.unit,
        "direction": asked.direction, "alpha": asked.alpha, "planned_power": asked.power,
        "minimum_effect": None if math.isnan(asked.effect) else asked.effect,
        "there": there, "unit_of_roll_out": asked.unit, "share": asked.share,
        **{k: None if v != v else float(v) for k, v in row.items() if k != "there"},
    }  # fmt: skip
    out = pd.DataFrame([{"verdict": said, "reason": why}])
    return Result(
        "verdict", Family.CHECKS, out, {"verdict": Role.KEY, "reason": Role.KEY},
        tuple(estimates), "A fixed rule over the power of the plan.", parameters,
    )  # fmt: skip


# Whether it may be trusted -------------------------------------------------------------------


def trust(
    frame: pd.DataFrame, records: pd.DataFrame, standing: Mapping[str, Scalar],
    plan: Plan | None = None,
) -> Result:  # fmt: skip
    """Check what the plan and its numbers rest on.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, as in :func:`scorecard`.
    records : pandas.DataFrame
        As in :func:`scorecard`.
    standing : mapping
        As in :func:`outline`.
    plan : Plan, optional

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> frame = pd.DataFrame({"person_key": range(10_000), "value_reach": [1, 1, 0, 0, 0] * 2000})
    >>> records = pd.DataFrame({"metric": ["value_reach"], "n_missing": 2, "n_rows": 100,
    ...                         "lag_days": 61.0})
    >>> found = trust(frame, records, {"frozen_on": "2025-03-10", "is_late": True}, asked).frame
    >>> said = found[["check", "status"]].values.tolist()
    >>> [row for row in said if row[0] in ("people", "missing", "in_time")]
    [['people', 'passed'], ['missing', 'passed'], ['in_time', 'not passed']]
    """
    metric = _asked(plan).metric
    record = records[records["metric"] == metric.id] if len(records) else records
    missing = math.nan
    if len(record) and record["n_rows"].iloc[0]:
        missing = 100 * float(record["n_missing"].iloc[0] / record["n_rows"].iloc[0])
    n = len(frame)
    has_before = (
        bool(frame[metric.id + _BEFORE].notna().any())
        if n and metric.id + _BEFORE in frame.columns
        else None
    )
    is_known = bool(standing.get("frozen_on"))
    in_time = (not standing.get("is_late")) if is_known else None
    same = (not standing.get("changed")) if is_known else None
    late = (plan.end_on - plan.launch_on).days - plan.value_event.window_days if plan else math.nan
    rows = [
        ("people", _status(n >= 100 if n else None), float(_coarse_n(n)), 100.0),
        ("window_before", _status(has_before), math.nan, math.nan),
        ("missing", _status(None if missing != missing else missing <= 100 * MOST_MISSING),
         round(missing, 1), 100 * MOST_MISSING),
        ("gameable", _status(metric.gameability != "high" if plan else None), math.nan, math.nan),
        ("whole_window", _status(late >= 0 if late == late else None), float(late), 0.0),
        ("frozen", _status(is_known if plan else None), math.nan, math.nan),
        ("in_time", _status(in_time), math.nan, math.nan),
        ("unchanged", _status(same), math.nan, math.nan),
    ]  # fmt: skip
    return _checks.trust(rows)


def _status(passed: bool | None) -> str:
    return "not known" if passed is None else "passed" if passed else "not passed"
