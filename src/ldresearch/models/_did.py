"""Group-time effects of a staggered roll-out, their averages and their uncertainty.

Callaway & Sant'Anna (2021): each cohort of units is compared, from its last period before the
launch to period t, with units that are not treated by then; nothing is ever compared with units
that were treated earlier. Every effect comes with its influence function, one number a unit; all
averages, errors, bands and tests follow from those.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldresearch.models._frame import Bools, Floats

Ints = NDArray[np.intp]

TRIM = 0.995
"""Controls likelier than this to be treated have nothing to compare with and are left out."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Units by periods, complete.

    Attributes
    ----------
    y : ndarray of shape (n_units, n_times)
    x : ndarray of shape (n_units, n_times, n_covariates)
    first : ndarray of shape (n_units,)
        First treated period; infinite where never.
    weight : ndarray of shape (n_units,)
        With mean 1.
    cluster : ndarray of shape (n_units,)
        Index of the cluster.
    times : ndarray of shape (n_times,)
    """

    y: Floats
    x: Floats
    first: Floats
    weight: Floats
    cluster: Ints
    times: Floats

    @property
    def cohorts(self) -> Floats:
        """First treated periods that occur, in order."""
        found: Floats = np.unique(self.first[np.isfinite(self.first)])
        return found


@dataclass(frozen=True, slots=True)
class Rules:
    """How controls and base periods are chosen."""

    is_not_yet: bool = False
    is_universal: bool = False
    anticipation: float = 0.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What one group-time effect compares: indices of periods, and the units of both sides."""

    group: float
    time: float
    now: int
    base: int
    treated: Bools
    control: Bools

    @property
    def is_before(self) -> bool:
        """Whether the period lies before the launch."""
        return self.time < self.group


def cells(first: Floats, times: Floats, rules: Rules) -> Iterator[Cell]:
    """Yield the comparisons that can be made, by group and time.

    Parameters
    ----------
    first : ndarray
        First treated period of each unit.
    times : ndarray
        Periods, in order.
    rules : Rules
    """
    for group in np.unique(first[np.isfinite(first)]):
        before = np.flatnonzero(times + rules.anticipation < group)
        if not len(before):
            continue
        treated = first == group
        for now, time in enumerate(times):
            base = int(before[-1])
            if time < group and not rules.is_universal:
                base = now - 1
            if base < 0:
                continue
            control = ~np.isfinite(first)
            if rules.is_not_yet:
                latest = times[max(now, base)] + rules.anticipation
                control |= (first > latest) & ~treated
            if control.any():
                yield Cell(float(group), float(time), now, base, treated, control)


# One effect ---------------------------------------------------------------------------------


def effect(panel: Panel, cell: Cell) -> tuple[float, Floats] | None:
    """Return a group-time effect and its influence function; None where it cannot be told.

    The influence function sums to the error: ``se**2 == (influence ** 2).sum()``.
    """
    influence = np.zeros(len(panel.first))
    if cell.now == cell.base:
        return 0.0, influence
    used = cell.treated | cell.control
    change = (panel.y[:, cell.now] - panel.y[:, cell.base])[used]
    is_treated, weight = cell.treated[used], panel.weight[used]
    if panel.x.shape[2] == 0:
        value, psi = _plain(change, is_treated, weight)
    else:
        x = panel.x[used, min(cell.now, cell.base)]
        found = _doubly_robust(change, is_treated, weight, np.column_stack([np.ones(len(x)), x]))
        if found is None:
            return None
        value, psi = found
    influence[used] = psi
    return value, influence


def _plain(change: Floats, is_treated: Bools, weight: Floats) -> tuple[float, Floats]:
    """Difference of two weighted means."""
    one, none = weight * is_treated, weight * ~is_treated
    mean_one, mean_none = one @ change / one.sum(), none @ change / none.sum()
    psi = one * (change - mean_one) / one.sum() - none * (change - mean_none) / none.sum()
    return float(mean_one - mean_none), psi


def _doubly_robust(
    change: Floats, is_treated: Bools, weight: Floats, x: Floats
) -> tuple[float, Floats] | None:
    """Sant'Anna & Zhao (2020), equation 3.1 with logit and least squares; as R's ``drdid_panel``.

    None where the regression has fewer controls than terms or the two sides do not overlap.
    """
    n, terms = x.shape
    if min(int((~is_treated).sum()), int(is_treated.sum())) < terms:
        return None
    d = is_treated.astype(float)
    found = _logit(d, x, weight)
    own = weight * (1 - d)
    gram = (x * own[:, None]).T @ x / n
    if found is None or np.linalg.matrix_rank(gram) < terms:
        return None
    score, bread = found
    keep = (d == 1) | (score < TRIM)
    score = np.minimum(score, 1 - 1e-6)
    inverse = np.linalg.inv(gram)
    residual = change - x @ (inverse @ (x.T @ (own * change) / n))
    treat = weight * d * keep
    cont = weight * keep * score * (1 - d) / (1 - score)
    if cont.mean() <= 0:
        return None
    eta_treat, eta_cont = treat @ residual / treat.sum(), cont @ residual / cont.sum()
    line_ols = (own * residual)[:, None] * x @ inverse
    line_score = (weight * (d - score))[:, None] * x @ bread
    psi_treat = treat * (residual - eta_treat) - line_ols @ (treat @ x / n)
    psi_cont = cont * (residual - eta_cont)
    psi_cont = psi_cont + line_score @ ((cont * (residual - eta_cont)) @ x / n)
    psi_cont = psi_cont - line_ols @ (cont @ x / n)
    psi = psi_treat / treat.mean() - psi_cont / cont.mean()
    return float(eta_treat - eta_cont), psi / n


def _logit(d: Floats, x: Floats, weight: Floats) -> tuple[Floats, Floats] | None:
    """Fitted chances of treatment and the inverse of the information (times n), by Newton steps."""
    n, terms = x.shape
    beta = np.zeros(terms)
    for _ in range(50):
        score = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        information = (x * (weight * score * (1 - score))[:, None]).T @ x / n
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, x.T @ (weight * (d - score)) / n)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-10:
            return score, np.linalg.inv(information)
    return None


# All effects and their averages -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One effect or average: its value, influence function, and the units it is about.

    ``fewest`` is the least number of treated clusters behind any part of which the spread between
    clusters is needed; below two there is no error to be had.
    """

    kind: str
    group: float
    time: float
    event: float
    value: float
    influence: Floats
    units: Bools
    fewest: int
    is_reference: bool = False

    @property
    def is_before(self) -> bool:
        """Whether it is about periods before the launch."""
        return self.event < 0 if self.kind in ("group_time", "event") else False


def group_time(panel: Panel, rules: Rules) -> list[Row]:
    """Return every group-time effect that can be told."""
    rows = []
    for cell in cells(panel.first, panel.times, rules):
        found = effect(panel, cell)
        if found is None or not math.isfinite(found[0]):
            continue
        rows.append(
            Row(
                "group_time", cell.group, cell.time, cell.time - cell.group, *found,
                cell.treated | cell.control, _clusters(panel, cell.treated),
                cell.now == cell.base,
            )
        )  # fmt: skip
    return rows


def _clusters(panel: Panel, units: Bools) -> int:
    return len(np.unique(panel.cluster[units]))


def averages(panel: Panel, effects: Sequence[Row], balance: float | None = None) -> list[Row]:
    """Average group-time effects by event time, group, calendar time, and over all.

    Parameters
    ----------
    panel : Panel
    effects : sequence of Row
        Of :func:`group_time`.
    balance : float, optional
        Only groups seen this many periods after their launch enter the event study, and only
        event times that all of them reach.
    """
    after = [r for r in effects if not r.is_before]
    if not after:
        return []
    events = _by_event(panel, effects, balance)
    groups = [
        _mean(panel, "group", [r for r in after if r.group == g], group=g)
        for g in sorted({r.group for r in after})
    ]
    calendar = [
        _weighted(panel, "calendar", [r for r in after if r.time == t], time=t)
        for t in sorted({r.time for r in after})
    ]
    out = [*events, *groups, *calendar]
    later = [r for r in events if r.event >= 0]
    if later:
        out.append(_mean(panel, "event_overall", later))
    at_once = [r for r in after if r.event == min(r.event for r in after)]
    out.append(_weighted(panel, "first", at_once))
    out.append(_weighted(panel, "group_overall", groups))
    out.append(_mean(panel, "calendar_overall", calendar))
    out.append(_weighted(panel, "simple", after))
    return out


def _by_event(panel: Panel, effects: Sequence[Row], balance: float | None) -> list[Row]:
    used, span = list(effects), sorted({r.event for r in effects})
    if balance is not None:
        last, first = panel.times[-1], panel.times[0]
        used = [r for r in effects if last - r.group >= balance]
        span = [e for e in span if balance - last + first <= e <= balance]
    parts = ((e, [r for r in used if r.event == e]) for e in span)
    return [_weighted(panel, "event", rows, event=e) for e, rows in parts if rows]


def _mean(panel: Panel, kind: str, rows: Sequence[Row], **where: float) -> Row:
    """Plain mean of rows."""
    value = float(np.mean([r.value for r in rows]))
    influence = np.mean([r.influence for r in rows], axis=0)
    return _joined(kind, rows, value, influence, min(r.fewest for r in rows), where)


def _weighted(panel: Panel, kind: str, rows: Sequence[Row], **where: float) -> Row:
    """Mean of rows weighted by the size of their groups; the sizes are estimates too."""
    size = np.array([(panel.weight * (panel.first == r.group)).mean() for r in rows])
    share = size / size.sum()
    values = np.array([r.value for r in rows])
    value = float(share @ values)
    n = len(panel.first)
    drift = np.zeros(n)
    for row, one in zip(rows, values, strict=True):
        drift += panel.weight * (panel.first == row.group) * (one - value)
    influence = share @ np.array([r.influence for r in rows]) + drift / (size.sum() * n)
    treated = np.isin(panel.first, [r.group for r in rows])
    return _joined(kind, rows, value, influence, _clusters(panel, treated), where)


def _joined(
    kind: str, rows: Sequence[Row], value: float, influence: Floats, fewest: int,
    where: Mapping[str, float],
) -> Row:  # fmt: skip
    units = np.logical_or.reduce([r.units for r in rows])
    nan = math.nan
    return Row(
        kind, where.get("group", nan), where.get("time", nan), where.get("event", nan), value,
        influence, units, fewest, all(r.is_reference for r in rows),
    )  # fmt: skip


# Errors, intervals, bands -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Errors of rows.

    Attributes
    ----------
    se : ndarray of shape (n_rows,)
        As R's ``did``: the root of the sum of squares of the influence function over clusters.
    half : ndarray of shape (n_rows,)
        Half the width of the 95 % interval: t with Welch's degrees of freedom, and a correction
        for the number of clusters on either side, so that it holds with few.
    df : ndarray of shape (n_rows,)
        Those degrees of freedom.
    by_cluster : ndarray of shape (n_clusters, n_rows)
    """

    se: Floats
    half: Floats
    df: Floats
    by_cluster: Floats


def spread(panel: Panel, rows: Sequence[Row]) -> Spread:
    """Return errors and half-widths of rows; ``nan`` where one cluster alone was treated."""
    from scipy.special import stdtrit

    n_clusters = int(panel.cluster.max()) + 1
    psi = np.array([r.influence for r in rows]).T
    by_cluster = np.zeros((n_clusters, len(rows)))
    np.add.at(by_cluster, panel.cluster, psi)
    se = np.sqrt((by_cluster**2).sum(axis=0))
    arms = _arms(panel)
    half, freedom = np.full((2, len(rows)), np.nan)
    for i, row in enumerate(rows):
        if row.is_reference or row.fewest < 2:
            se[i] = np.nan
            continue
        there = np.zeros(n_clusters, dtype=bool)
        there[panel.cluster[row.units]] = True
        variance, degrees = 0.0, 0.0
        for arm in arms:
            m = int((there & arm).sum())
            part = float((by_cluster[there & arm, i] ** 2).sum())
            if m == 1:
                part = math.nan
            elif m > 1:
                part *= m / (m - 1)
                degrees += part**2 / (m - 1)
            variance += part
        freedom[i] = variance**2 / degrees if degrees > 0 else math.nan
        half[i] = float(stdtrit(freedom[i], 0.975)) * math.sqrt(variance)
    return Spread(se, half, freedom, by_cluster)


def _arms(panel: Panel) -> list[Bools]:
    """Clusters that were launched together, group by group, and those that never were.

    Each group has a mean of its own and costs a degree of freedom. Where a group is one cluster,
    or the units of a cluster differ, all that were launched are one arm: the spread between groups
    then stands for the spread within.
    """
    starts = _starts(panel)
    is_treated = np.zeros(int(panel.cluster.max()) + 1, dtype=bool)
    is_treated[panel.cluster[np.isfinite(panel.first)]] = True
    arms = [is_treated]
    if starts is not None:
        by_start = [starts == g for g in np.unique(starts[is_treated])]
        arms = by_start if min(int(arm.sum()) for arm in by_start) > 1 else arms
    return [arm for arm in (*arms, ~is_treated) if arm.any()]


def band(found: Spread, which: Bools, *, is_few: bool, replicates: int, seed: int) -> Floats:
    """Return the half-widths of a band that holds all rows at once, never within the interval.

    With many clusters by multiplier bootstrap (normal weights), of the largest standardised
    deviation among the rows; with few clusters by Sidak's bound.

    Parameters
    ----------
    found : Spread
    which : ndarray of bool
        Rows of the band; the others are ``nan``.
    is_few : bool
    replicates, seed : int
    """
    from scipy.special import ndtr, stdtrit

    half = np.full(len(which), np.nan)
    used = np.flatnonzero(which & np.isfinite(found.half) & (found.se > 0))
    if not len(used):
        return half
    if is_few:
        tail = (1 - 0.95 ** (1 / len(used))) / 2
    else:
        scaled = found.by_cluster[:, used] / found.se[used]
        drawn = np.random.default_rng(seed).normal(size=(replicates, len(scaled)))
        largest = np.abs(drawn @ scaled).max(axis=1)
        tail = min(float(ndtr(-np.quantile(largest, 0.95))), 0.025)
    # The same chance in either tail, but each row with its own degrees of freedom.
    freedom = found.df[used]
    half[used] = found.half[used] * stdtrit(freedom, tail) / stdtrit(freedom, 0.025)
    return half


# Before the launch --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pretrend:
    """The joint test that nothing differed before the launch, and what it could have found.

    Attributes
    ----------
    statistic, df, p : float
    slope : float
        Steady divergence a period that the test finds with 80 % power.
    drift : float
        What such a divergence, going on, would add to the average effect.
    """

    statistic: float
    df: int
    p: float
    slope: float
    drift: float


NO_PRETREND = Pretrend(math.nan, 0, math.nan, math.nan, math.nan)


def pretrend(panel: Panel, rows: Sequence[Row], rules: Rules, *, power: float = 0.8) -> Pretrend:
    """Test the effects before the launch jointly and say what the test can find.

    With many clusters to each effect tested, all group-time effects by Wald's test, as in R's
    ``did``. With fewer that test finds differences where there are none; then the averages by
    event time, the nearest to the launch first and no more than the clusters bear, by the
    two-sample form of Hotelling's test.

    References
    ----------
    Roth J (2022). American Economic Review: Insights 4:305-322. Krishnamoorthy K, Yu J (2004).
    Statistics & Probability Letters 66:161-169.
    """
    from scipy.special import chdtrc, fdtrc

    fewest = min(n for n in sides(panel) if n)
    cells = _before(rows, "group_time")
    tested, is_plenty = cells, bool(cells) and fewest >= PLENTY * len(cells)
    if not is_plenty:
        events = sorted(_before(rows, "event"), key=lambda r: -r.event)
        tested = events[: max(fewest // PER_TEST, 1)]
    if not tested or min(r.fewest for r in tested) < 2:
        return NO_PRETREND
    by_cluster = spread(panel, tested).by_cluster
    q = len(tested)
    parts = [by_cluster.T @ by_cluster] if is_plenty else list(_by_arm(panel, by_cluster))
    covariance = np.sum(parts, axis=0)
    if np.linalg.matrix_rank(covariance) < q:
        return NO_PRETREND
    inverse = np.linalg.inv(covariance)
    values = np.array([r.value for r in tested])
    wald = float(values @ inverse @ values)
    if is_plenty:
        p = float(chdtrc(q, max(wald, 0.0)))
        found = _noncentral(q, power)
    else:
        df = _hotelling_df(panel, parts, inverse)
        rest = df - q + 1
        if rest <= 0:
            return NO_PRETREND
        p = float(fdtrc(q, rest, max(wald, 0.0) * rest / (df * q)))
        found = _noncentral(q, power, rest)
    distance = _distances(panel, tested, rules)
    slope = math.sqrt(found / float(distance @ inverse @ distance))
    return Pretrend(wald, q, p, slope, slope * _mean_distance(panel, rows))


PLENTY = 30
"""Clusters on the smaller side for each effect tested, from which Wald's test keeps its size."""
PER_TEST = 4
"""Clusters on the smaller side for each effect tested, otherwise."""


def _before(rows: Sequence[Row], kind: str) -> list[Row]:
    return [r for r in rows if r.kind == kind and r.is_before and not r.is_reference]


def _by_arm(panel: Panel, by_cluster: Floats) -> Iterator[Floats]:
    """Covariance of the tested effects from each arm, corrected for its clusters."""
    for arm in _arms(panel):
        m, own = int(arm.sum()), by_cluster[arm]
        yield own.T @ own * m / max(m - 1, 1)


def _hotelling_df(panel: Panel, parts: Sequence[Floats], inverse: Floats) -> float:
    q = len(inverse)
    share = 0.0
    for arm, part in zip(_arms(panel), parts, strict=True):
        own = part @ inverse
        share += float(np.trace(own @ own) + np.trace(own) ** 2) / max(int(arm.sum()) - 1, 1)
    return (q + q**2) / share


def _noncentral(df: int, power: float, rest: float = math.inf) -> float:
    """Noncentrality at which a chi-squared test, or F test with ``rest``, at 5 % has a power."""
    from scipy.optimize import brentq
    from scipy.stats import chi2, f, ncf, ncx2

    def reached(noncentral: float) -> float:
        if math.isinf(rest):
            return float(ncx2.sf(chi2.ppf(0.95, df), df, noncentral))
        return float(ncf.sf(f.ppf(0.95, df, rest), df, rest, noncentral))

    return float(brentq(lambda x: reached(x) - power, 1e-9, 2e3))


def _distances(panel: Panel, tested: Sequence[Row], rules: Rules) -> Floats:
    """Time between the period of each tested effect and the one it is measured from."""
    gaps = np.diff(panel.times)
    usual = float(np.median(gaps))
    if rules.is_universal:
        return np.array([r.event + usual + rules.anticipation for r in tested])
    before = np.searchsorted(panel.times, [r.time for r in tested]) - 1
    return np.array(
        [
            gaps[i] if math.isfinite(r.time) else usual
            for r, i in zip(tested, before, strict=True)
        ]
    )  # fmt: skip


def _mean_distance(panel: Panel, rows: Sequence[Row]) -> float:
    """Average time between the effects after the launch and the last period before it."""
    after = [r for r in rows if r.kind == "group_time" and not r.is_before]
    size = np.array([(panel.weight * (panel.first == r.group)).sum() for r in after])
    distance = np.array([r.event for r in after]) + float(np.median(np.diff(panel.times)))
    return float(size @ distance / size.sum()) if len(after) else math.nan


FEW = 20
"""Below this many treated or control clusters, chance is judged by permutation."""


def sides(panel: Panel) -> tuple[int, int]:
    """Return the clusters that are ever treated and those that never are."""
    treated = np.unique(panel.cluster[np.isfinite(panel.first)])
    every = np.unique(panel.cluster)
    return len(treated), len(every) - len(treated)


# Few units: permutation ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Permuted:
    """A permutation test of one average and the interval of effects it does not reject."""

    p: float
    low: float
    high: float
    n_draws: int
    is_exact: bool


def permuted(
    panel: Panel, rules: Rules, kinds: Sequence[str], *, replicates: int, seed: int
) -> dict[str, Permuted]:
    """Deal the launch dates anew among clusters and see how far chance alone goes.

    The interval holds every constant effect that the test, two-sided at 5 %, does not reject;
    infinite ends mean that so few clusters cannot bound the effect.

    Parameters
    ----------
    panel : Panel
    rules : Rules
    kinds : sequence of str
        Some of ``AVERAGES``.
    replicates : int
        Draws; all assignments are used where there are no more than this.
    seed : int
    """
    starts = _starts(panel)
    if starts is None:
        return {}
    dealt, is_exact = _deals(starts, replicates, np.random.default_rng(seed))
    treated = (panel.times[None, :] >= panel.first[:, None]).astype(float)
    both = np.stack([panel.y, treated], axis=2)
    plan = _plan(panel, rules)
    drawn = np.array([_recomputed(both, panel, plan, deal[panel.cluster]) for deal in dealt])
    return {
        kind: _inverted(drawn[:, i, 0], drawn[:, i, 1], is_exact)
        for i, kind in enumerate(AVERAGES)
        if kind in kinds
    }


AVERAGES = ("simple", "first", "event_overall", "group_overall", "calendar_overall")


def _starts(panel: Panel) -> Floats | None:
    """First treated period of each cluster; None where the units of one differ."""
    out = np.full(int(panel.cluster.max()) + 1, np.nan)
    for i in range(len(out)):
        own = np.unique(panel.first[panel.cluster == i])
        if len(own) != 1:
            return None
        out[i] = own[0]
    return out


def _deals(starts: Floats, replicates: int, rng: np.random.Generator) -> tuple[Floats, bool]:
    """Return assignments of launch dates to clusters, the real one first."""
    cohorts = np.unique(starts)
    counts = [int((starts == c).sum()) for c in cohorts]
    ways = math.factorial(len(starts))
    for c in counts:
        ways //= math.factorial(c)
    if ways <= replicates + 1:
        every = np.array(list(_arrangements(len(starts), list(zip(cohorts, counts, strict=True)))))
        own = (every == starts).all(axis=1)
        return np.concatenate([every[own], every[~own]]), True
    return np.array([starts, *(rng.permutation(starts) for _ in range(replicates))]), False


def _arrangements(n: int, left: list[tuple[Any, int]]) -> Iterator[Floats]:
    def place(free: tuple[int, ...], kinds: list[tuple[Any, int]]) -> Iterator[dict[int, float]]:
        if not kinds:
            yield {}
            return
        (value, count), rest = kinds[0], kinds[1:]
        for chosen in combinations(free, count):
            others = tuple(i for i in free if i not in chosen)
            for tail in place(others, rest):
                yield dict.fromkeys(chosen, float(value)) | tail

    for found in place(tuple(range(n)), left):
        yield np.array([found[i] for i in range(n)])


@dataclass(frozen=True, slots=True)
class _Plan:
    """The comparisons after the launch by cohort: the same however the dates are dealt.

    ``group`` is the cohort of each cell among ``values``, ``controls`` (cells by cohorts) with
    whom it is compared; the others say which event time, calendar time and group a cell is in.
    """

    values: Floats
    group: Ints
    now: Ints
    base: Ints
    controls: Floats
    by_event: Floats
    by_time: Floats
    by_group: Floats


def _plan(panel: Panel, rules: Rules) -> _Plan:
    values = np.unique(panel.first)
    after = [c for c in cells(values, panel.times, rules) if not c.is_before]
    group = np.array([c.group for c in after])
    time = np.array([c.time for c in after])

    def members(of: Floats) -> Floats:
        found: Floats = (np.unique(of)[:, None] == of[None, :]).astype(float)
        return found

    return _Plan(
        values, np.searchsorted(values, group).astype(np.intp),
        np.array([c.now for c in after]), np.array([c.base for c in after]),
        np.array([c.control for c in after], dtype=float),
        members(time - group), members(time), members(group),
    )  # fmt: skip


def _recomputed(both: Floats, panel: Panel, plan: _Plan, first: Floats) -> Floats:
    """Averages of outcome and of treatment under other launch dates, without covariates."""
    weight = (plan.values[:, None] == first[None, :]) * panel.weight
    size = weight.sum(axis=1)
    total = np.tensordot(weight, both, axes=1)
    change = total[:, plan.now] - total[:, plan.base]
    own = change[plan.group, np.arange(len(plan.group))] / size[plan.group][:, None]
    others = np.einsum("cg,gck->ck", plan.controls, change) / (plan.controls @ size)[:, None]
    table, share = own - others, size[plan.group]

    def mean(members: Floats, by: Floats) -> Floats:
        found: Floats = (members * by) @ table / (members @ by)[:, None]
        return found

    events = mean(plan.by_event, share)
    groups = mean(plan.by_group, np.ones(len(share)))
    sizes = size[plan.group[plan.by_group.argmax(axis=1)]]
    return np.array(
        [
            share @ table / share.sum(), events[0], events.mean(axis=0),
            sizes @ groups / sizes.sum(), mean(plan.by_time, share).mean(axis=0),
        ]
    )  # fmt: skip


def _inverted(value: Floats, dose: Floats, is_exact: bool) -> Permuted:
    """Test no effect, and invert the test over constant effects.

    Taking off an effect ``x`` from the treated changes the average under a deal by ``x`` times
    the average treatment under that deal, so every test is a comparison of two straight lines.
    """
    known = np.isfinite(value) & np.isfinite(dose)
    value, dose = value[known], dose[known]
    if len(value) < 2:
        return Permuted(math.nan, -math.inf, math.inf, len(value), is_exact)
    own = value[0]
    slack = 1e-12 * (1 + np.abs(value).max())

    def p(x: Floats) -> Floats:
        shifted = np.abs(value[None, :] - x[:, None] * dose[None, :])
        found: Floats = (shifted >= np.abs(own - x)[:, None] - slack).mean(axis=1)
        return found

    with np.errstate(divide="ignore", invalid="ignore"):
        edges = np.concatenate([(own - value) / (1 - dose), (own + value) / (1 + dose)])
    edges = np.unique(edges[np.isfinite(edges)])
    low, high = -math.inf, math.inf
    if len(edges) > 1:
        step = max(float(edges[-1] - edges[0]), 1e-9)
        points = np.concatenate(
            [[edges[0] - step], (edges[1:] + edges[:-1]) / 2, [edges[-1] + step]]
        )
        kept = np.concatenate([p(part) for part in np.array_split(points, len(points) // 200 + 1)])
        inside = np.flatnonzero(kept > 0.05)
        if len(inside):
            low = -math.inf if inside[0] == 0 else float(edges[inside[0] - 1])
            high = math.inf if inside[-1] == len(points) - 1 else float(edges[inside[-1]])
    return Permuted(float(p(np.zeros(1))[0]), low, high, len(value), is_exact)


# The contrast -------------------------------------------------------------------------------


def two_way(panel: Panel) -> tuple[float, float]:
    """Two-way fixed effects: the coefficient of being treated, and its error over clusters.

    Shown as a contrast only. With effects that grow or differ it compares later with earlier
    launches, which subtracts effect from effect.
    """
    treated = (panel.times[None, :] >= panel.first[:, None]).astype(float)
    weight = panel.weight

    def within(z: Floats) -> Floats:
        by_time = weight @ z / weight.sum()
        by_unit = z.mean(axis=1)
        found: Floats = z - by_unit[:, None] - by_time[None, :] + by_time.mean()
        return found

    d, y = within(treated), within(panel.y)
    total = float((weight[:, None] * d**2).sum())
    if total <= 0:
        return math.nan, math.nan
    value = float((weight[:, None] * d * y).sum() / total)
    scores = (weight[:, None] * d * (y - value * d)).sum(axis=1)
    by_cluster = np.bincount(panel.cluster, weights=scores)
    g = len(by_cluster)
    n_rows, n_terms = panel.y.size, panel.y.shape[1] + 1
    # Units nested in clusters count as no terms, as in fixest.
    factor = g / (g - 1) * (n_rows - 1) / (n_rows - n_terms) if g > 1 else math.nan
    return value, math.sqrt(factor * float((by_cluster**2).sum())) / total
