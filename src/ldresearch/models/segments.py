"""Segments of people: by recency, frequency and minutes, by rules, by behaviour, and what follows.

What a segment is good for is told out of sample: who comes later, who moves on, who responds. No
number here is about one person; which person is where is private (``members``).
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldresearch.errors import DataError, message
from ldresearch.models import _between, _bgnbd, _checks, _stability, rates
from ldresearch.models._asked import among, why_empty
from ldresearch.models._frame import Bools, Floats, numbers, require, two_largest
from ldresearch.models._two_shares import newcombe, stratified
from ldresearch.result import Estimate, Partition, Result, Scalar, Step, not_enough
from ldresearch.segment_rules import Condition, Rules
from ldresearch.vocabulary import Family, Grade, Role

MIN_PEOPLE: Final = 20
"""Fewest people that are sorted into segments."""

# Clusters -----------------------------------------------------------------------------------

_MOST_ROWS = 1200
"""People among whom clusters are sought; the others are then put to the nearest."""


def cluster(
    frame: pd.DataFrame,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = 10,
    scaling: str = "deviation",
    is_strict: bool = False,
    name: str = "segments",
) -> Result:
    """Search for segments, and say that there are none where there are none.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, one number column a feature; missing values are left out, not filled in.
        Features are brought to one scale; one that does not vary is dropped. The order of rows
        does not matter.
    max_clusters : int
        Largest number that is tried.
    replicates : int
        Bootstrap samples in which segments must be found again.
    seed : int
    min_size : int
        Fewest people of a segment; 5 % of them at least.
    scaling : {"deviation", "robust"}
        Mean 0 and standard deviation 1; or median 0, on the scale of quartiles and of the middle 98
        of 100, cut off at 3, so that a few extreme people do not set the scale.
    is_strict : bool
        Cut no segment into more that come back less well.
    name : str
        Name of the result.

    Returns
    -------
    Result
        Family SEGMENTS: ``segment, feature, mean`` (in the feature's own unit), ``others`` (mean of
        everyone else), ``jaccard``, ``n``. Without segments it has no rows and says why. Estimates
        ``cluster_stability`` and ``cohort_size`` by segment. ``members`` has the ``segment`` (1,
        2, ... the largest first) under the index of the frame, empty where there are none; rows
        without any value are not placed.

    Raises
    ------
    DataError
        If a column holds no numbers, or an infinite one.

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.
    Tibshirani R, Walther G, Hastie T (2001). J R Stat Soc B 63:411-423.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> found = cluster(pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc")))
    >>> found.is_empty, len(found.members)
    (True, 0)
    """
    among(scaling, "scaling", ("deviation", "robust"))
    nobody = pd.DataFrame({"segment": pd.Series(dtype="int64")})
    try:
        values = frame.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise DataError(
            message("features are numbers", where="segments.cluster",
                    got=[str(t) for t in frame.dtypes][:8])
        ) from None  # fmt: skip
    if np.isinf(values).any():
        raise DataError(message("a feature is infinite", where="segments.cluster"))
    placed = (~np.isnan(values)).any(axis=1) if values.size else np.zeros(len(frame), dtype=bool)
    n = int(placed.sum())
    if n < _stability.MIN_ROWS:
        why = f"fewer than {_stability.MIN_ROWS} people have any of the features"
        return not_enough(name, Family.SEGMENTS, why).but(members=nobody)
    here = values[placed]
    some = (~np.isnan(here)).any(axis=0)
    middle, spread = np.zeros(here.shape[1]), np.zeros(here.shape[1])
    middle[some], spread[some] = np.nanmean(here[:, some], axis=0), np.nanstd(here[:, some], axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(middle), 1.0)
    if varies.sum() < 2:
        why = "fewer than two features differ between people"
        return not_enough(name, Family.SEGMENTS, why).but(members=nobody)
    scaled = (here[:, varies] - middle[varies]) / spread[varies]
    if scaling == "robust":
        scaled = _robust(here[:, varies])
    w = (~np.isnan(scaled)).astype(float)
    found = _searched(
        np.nan_to_num(scaled), w, max_clusters=max_clusters, replicates=replicates, seed=seed,
        min_size=min_size, is_strict=is_strict,
    )  # fmt: skip
    if not found.k:
        why = (
            "people do not fall into segments that are found again in other samples and are more "
            "than chance"
        )
        nothing = not_enough(name, Family.SEGMENTS, why, parameters={"k": 0})
        return nothing.but(members=nobody)
    size = np.bincount(found.labels, minlength=found.k)
    order = np.argsort(-size, kind="stable")
    rank = np.empty(found.k, dtype=int)
    rank[order] = np.arange(1, found.k + 1)
    labels = rank[found.labels]
    result = _profiles(frame.loc[placed], labels, found.jaccard[order], found, name)
    return result.but(members=pd.DataFrame({"segment": labels}, index=frame.index[placed]))


def _robust(values: Floats) -> Floats:
    """Scale columns by their median, and by quartiles or the spread of the middle 98 of 100.

    The larger of the two: where most people share a value quartiles meet, and small differences
    among the others would be blown up to kinds.
    """
    first, low, middle, high, last = np.nanquantile(values, (0.01, 0.25, 0.5, 0.75, 0.99), axis=0)
    inner = np.nanstd(np.clip(values, first, last), axis=0)
    spread = np.maximum((high - low) / 1.349, np.where(inner > 0, inner, np.nanstd(values, axis=0)))
    return np.asarray(np.clip((values - middle) / spread, -3.0, 3.0))


def _searched(
    x: Floats,
    w: Floats,
    *,
    max_clusters: int,
    replicates: int,
    seed: int,
    min_size: int,
    is_strict: bool,
) -> _stability.Clusters:
    """Search among so many rows, whatever their order, and put the others to the nearest.

    Which rows are taken hangs on what they hold alone: one more person takes the place of one at
    most, and the others stay.
    """
    rows = pd.DataFrame(np.column_stack([x, w])) + 0.0
    alike = rows.groupby(list(rows.columns), sort=False).cumcount()
    draw = pd.util.hash_pandas_object(rows.assign(alike=alike), index=False).to_numpy()
    taken = np.argsort(draw, kind="stable")[:_MOST_ROWS]
    found = _stability.clusters(
        x[taken], w[taken], max_clusters=max_clusters, replicates=replicates, seed=seed,
        min_size=min_size, is_strict=is_strict,
    )  # fmt: skip
    if not found.k:
        return found
    labels = _stability.assign(x, w, found.centres)
    return _stability.Clusters(found.k, labels, found.centres, found.jaccard, found.tried)


def _profiles(
    frame: pd.DataFrame, labels: _stability.Labels, jaccard: Floats,
    found: _stability.Clusters, name: str,
) -> Result:  # fmt: skip
    rows, estimates = [], []
    n = len(frame)
    chosen = next(t for t in found.tried if t.k == found.k)
    for segment in range(1, found.k + 1):
        inside = labels == segment
        size = int(inside.sum())
        for feature in frame.columns:
            value = frame[feature].astype(float)
            mean, others = value[inside].mean(), value[~inside].mean()
            rows.append(
                (f"segment {segment}", str(feature), round(float(mean), 6),
                 round(float(others), 6), round(float(jaccard[segment - 1]), 4), size)
            )  # fmt: skip
        estimates.append(
            Estimate("cohort_size", size / n, math.nan, math.nan, size, "share",
                     Grade.DESCRIPTIVE, f"segment {segment}")
        )  # fmt: skip
    columns = ["segment", "feature", "mean", "others", "jaccard", "n"]
    return Result(
        name, Family.SEGMENTS, pd.DataFrame(rows, columns=columns),
        {
            "segment": Role.KEY, "feature": Role.KEY, "mean": Role.VALUE, "others": Role.VALUE,
            "jaccard": Role.VALUE, "n": Role.N,
        },
        (
            Estimate("cluster_stability", round(chosen.jaccard, 4), math.nan, math.nan, n, "index",
                     Grade.DESCRIPTIVE, f"{found.k} segments"),
            *estimates,
        ),
        "k-means over the features there are (k-POD), on standard deviations; as many segments as "
        "bootstrap samples and data without segments bear out.",
        {"k": found.k, "n_placed": n},
    )  # fmt: skip


FEWEST_DAYS: Final = 5
"""Active days from which a way of learning can be seen; shares of fewer are 0, a half or 1."""


def behaviour(
    frame: pd.DataFrame,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = 10,
) -> Result:
    """Search for ways of learning among the active: how, not how much alone.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: ``active_weeks, active_days, actions, minutes, value_days, social,
        searches`` of a window.
    max_clusters, replicates, seed, min_size
        As in :func:`cluster`.

    Returns
    -------
    Result
        As of :func:`cluster`, of ``active_weeks``, ``days_a_week`` (active days in an active week),
        ``actions_a_day``, ``minutes_a_day`` (of active days), ``value_share`` (days of value among
        active days), ``social_share`` and ``search_share`` (of actions). Numbers that can be large
        are compared by their logarithm, all on a robust scale. Whoever came on fewer than
        :data:`FEWEST_DAYS` days has shown no way of doing it and is left out. ``way 1`` is of those
        who learn longest.

    Examples
    --------
    >>> import pandas as pd
    >>> behaviour(pd.DataFrame()).missing
    'nobody was active in the window'
    """
    name = "behaviour"
    nobody = pd.DataFrame({"segment": pd.Series(dtype="int64")})
    if frame.empty or not (frame["actions"] > 0).any():
        why = why_empty(frame, "nobody was active in the window")
        return not_enough(name, Family.SEGMENTS, why).but(members=nobody)
    require(frame, ["active_weeks", "active_days", "actions", "minutes", "value_days", "social",
                    "searches"], name)  # fmt: skip
    own = frame[(frame["actions"] > 0) & (frame["active_days"] >= FEWEST_DAYS)]
    ways = pd.DataFrame(
        {
            "active_weeks": own["active_weeks"],
            "days_a_week": own["active_days"] / own["active_weeks"],
            "actions_a_day": own["actions"] / own["active_days"],
            "minutes_a_day": own["minutes"] / own["active_days"],
            "value_share": own["value_days"] / own["active_days"],
            "social_share": own["social"] / own["actions"],
            "search_share": own["searches"] / own["actions"],
        }
    )
    logs = ways.assign(**{c: np.log1p(ways[c]) for c in _LOGGED})
    found = cluster(
        logs, max_clusters=max_clusters, replicates=replicates, seed=seed, min_size=min_size,
        scaling="robust", is_strict=True, name=name,
    )  # fmt: skip
    if found.is_empty or found.members is None:
        return found.but(parameters={**found.parameters, "n_active": len(own)})
    return _renumbered(found, ways, own["minutes"])


def _renumbered(found: Result, ways: pd.DataFrame, minutes: pd.Series) -> Result:
    """Number ways by how long people learn, and tell each feature in its own unit.

    Sizes would number them anew whenever two are nearly of one size and somebody joins.
    """
    assert found.members is not None  # noqa: S101 - a search that found something says where
    labels = found.members["segment"]
    long = minutes.reindex(labels.index).groupby(labels).mean()
    rank = {old: new for new, old in enumerate(long.sort_values(ascending=False).index, 1)}
    names = {f"segment {old}": f"way {new}" for old, new in rank.items()}
    rows = found.frame.copy()
    for i, row in enumerate(rows.to_dict("records")):
        inside = labels == int(str(row["segment"]).split()[1])
        # Logarithms were for the search alone.
        values = ways.loc[labels.index, str(row["feature"])]
        rows.loc[i, ["mean", "others"]] = [values[inside].mean(), values[~inside].mean()]
        is_time = row["feature"] == "minutes_a_day"
        for name, own in (("mean", values[inside]), ("others", values[~inside])):
            most = two_largest(own / len(own)) if is_time else (0.0, 0.0)
            rows.loc[i, list(_TWO[name])] = most
    rows["segment"] = rows["segment"].map(names)
    rows = rows.sort_values("segment", kind="stable", ignore_index=True)
    estimates = tuple(replace(e, label=names.get(e.label, e.label)) for e in found.estimates)
    return found.but(
        frame=rows, estimates=estimates, members=pd.DataFrame({"segment": labels.map(rank)}),
        sums=_TWO, beside=("jaccard",),
    )  # fmt: skip


_TWO: Final = {"mean": ("most", "next"), "others": ("most_others", "next_others")}

_LOGGED: Final = ("days_a_week", "actions_a_day", "minutes_a_day")


# Recency, frequency, minutes ----------------------------------------------------------------

_RFM: Final = {"silent_days": "rfm_recency", "active_weeks": "rfm_frequency",
               "minutes": "rfm_minutes"}  # fmt: skip
_UNITS: Final = {"silent_days": "days", "active_weeks": "weeks", "minutes": "minutes"}
_HIGH: Final = 4
"""Score from which on a person is among the recent, or the frequent."""


def rfm(frame: pd.DataFrame) -> Result:
    """Score everyone from 1 to 5 by recency, frequency and minutes; ties stay together.

    A score of s says that at least 20 (s - 1) % of the people did less. So people who are alike
    have one score, and where many are alike some scores are empty.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an eligible person: ``silent_days`` (missing: never had value), ``active_weeks``,
        ``minutes``.

    Returns
    -------
    Result
        Family SEGMENTS: ``feature, score, begins`` (fewest weeks or minutes, most silent days, with
        which one has the score; none for the lowest), ``n``. Estimates ``rfm_recency``,
        ``rfm_frequency`` and ``rfm_minutes``: medians with the interval of order statistics; of
        recency, among those who ever had value. ``members`` has the scores and ``group``:
        ``keen`` (recent and frequent: 4 or 5 in both), ``fresh`` (recent only), ``slipping``
        (frequent only) or ``quiet``. Parameter ``movable``: largest share of the people whose score
        one more person could change.

    Examples
    --------
    Ten people; half did nothing and share a score, so nobody has a 2 or a 3.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"silent_days": [float(d) for d in range(1, 11)] * 2,
    ...                       "active_weeks": ([0.0] * 5 + [1, 2, 3, 4, 5]) * 2, "minutes": 1.0})
    >>> scored = rfm(frame).members
    >>> scored["active_weeks"].tolist()[:10]
    [1, 1, 1, 1, 1, 3, 4, 4, 5, 5]
    """
    name = "rfm"
    if len(frame) < MIN_PEOPLE:
        why = why_empty(frame, f"fewer than {MIN_PEOPLE} people are eligible")
        return not_enough(name, Family.SEGMENTS, why).but(members=_nobody())
    require(frame, list(_RFM), name)
    n = len(frame)
    scores, rows, estimates, movable = {}, [], [], 0.0
    for feature, metric in _RFM.items():
        values = frame[feature].to_numpy(dtype=float)
        better = -np.where(np.isnan(values), np.inf, values) if feature == "silent_days" else values
        if np.isnan(better).any():
            raise DataError(message("some numbers are missing", where=f"{name}: {feature}"))
        order = np.sort(better)
        below = np.searchsorted(order, better, side="left")
        score = 5 * below // n + 1
        scores[feature] = score
        movable = max(movable, _movable(better))
        for s in range(1, 6):
            inside = score == s
            least = abs(float(better[inside].min())) if inside.any() and s > 1 else math.nan
            rows.append((feature, s, least, int(inside.sum())))
        estimates.append(_median(metric, values[~np.isnan(values)], _UNITS[feature]))
    members = pd.DataFrame(scores, index=frame.index)
    recent, often = members["silent_days"] >= _HIGH, members["active_weeks"] >= _HIGH
    members["group"] = np.select(
        [recent & often, recent, often], ["keen", "fresh", "slipping"], "quiet"
    )
    return Result(
        name, Family.SEGMENTS, pd.DataFrame(rows, columns=["feature", "score", "begins", "n"]),
        {"feature": Role.KEY, "score": Role.KEY, "begins": Role.VALUE, "n": Role.N},
        tuple(estimates),
        "Scores by the share of the eligible who did less, in steps of a fifth; ties together.",
        {"movable": round(movable, 4)}, members=members,
        beside=("begins", *_RFM.values()),
    )  # fmt: skip


def _nobody() -> pd.DataFrame:
    return pd.DataFrame({"segment": pd.Series(dtype="object")})


def _median(metric: str, values: Floats, unit: str) -> Estimate:
    """Median with the 95 % interval of order statistics."""
    from scipy.stats import binom

    n = len(values)
    order = np.sort(values)
    if n < MIN_PEOPLE:
        return Estimate(metric, math.nan, math.nan, math.nan, n, unit)
    rank = int(binom.ppf(0.025, n, 0.5))
    ends = order[max(rank - 1, 0)], order[min(n - rank, n - 1)]
    return Estimate(metric, float(np.median(order)), float(ends[0]), float(ends[1]), n, unit)


def _movable(better: Floats) -> float:
    """Return the largest share of the people whose score one more person could change.

    A block of equal values moves as one: up where somebody comes in below it, down where somebody
    comes in at its height or above.
    """
    n = len(better)
    _, first, size = np.unique(np.sort(better), return_index=True, return_counts=True)
    now = 5 * first // n
    up = np.where(5 * (first + 1) // (n + 1) != now, size, 0)
    down = np.where(5 * first // (n + 1) != now, size, 0)
    at = np.concatenate([[0], np.cumsum(down)]) + np.concatenate([np.cumsum(up[::-1])[::-1], [0]])
    return float(at.max()) / n


def rfm_groups(scored: Result) -> Result:
    """Count who is keen, fresh, slipping and quiet.

    Parameters
    ----------
    scored : Result
        Of :func:`rfm`.

    Returns
    -------
    Result
        Family RATES: ``group``, ``n_in`` of ``n``, ``share, low, high``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"silent_days": range(100), "active_weeks": range(100, 0, -1),
    ...                       "minutes": 1.0})
    >>> rfm_groups(rfm(frame)).frame["n_in"].tolist()
    [40, 0, 0, 60]
    """
    name = "rfm_groups"
    if scored.is_empty or scored.members is None:
        return not_enough(name, Family.RATES, scored.missing)
    return _shares(scored.members["group"], ("keen", "fresh", "slipping", "quiet"), name, "group")


# Rules --------------------------------------------------------------------------------------


def usage(frame: pd.DataFrame, rules: Rules, *, window_weeks: int = 12) -> Result:
    """Sort everyone by rules, the first that fits, and count the segments.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an eligible person, with the features the rules speak of.
    rules : Rules
        Of :func:`ldresearch.segment_rules.read`.
    window_weeks : int
        Weeks the features are made of.

    Returns
    -------
    Result
        Family RATES, in the order of the rules: ``segment, says``, ``n_in`` of ``n``, ``share,
        low, high`` (Wilson). Estimates ``usage_segment_share``. ``members`` has the ``segment``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> frame = pd.DataFrame({"active_weeks": [10, 10, 3, 1, 0] * 8, "actions": [200, 30, 20, 2, 0]
    ...                       * 8})
    >>> frame["actions_a_week"] = frame["actions"] / 12
    >>> found = usage(frame, read())
    >>> found.frame["n_in"].tolist(), found.members["segment"].tolist()[:2]
    ([8, 8, 8, 8, 8], ['power', 'habitual'])
    """
    name = "usage"
    told: dict[str, Scalar] = {"is_preset": rules.is_preset, "window_weeks": window_weeks}
    if len(frame) < MIN_PEOPLE:
        why = why_empty(frame, f"fewer than {MIN_PEOPLE} people are eligible")
        found = not_enough(name, Family.RATES, why, parameters=told)
        return found.but(members=_nobody())
    labels = _sorted(frame, rules)
    found = _shares(labels, rules.names, name, "segment", metric="usage_segment_share")
    out = found.frame
    out.insert(1, "says", [segment.says for segment in rules.segments])
    return found.but(
        frame=out, roles={"segment": Role.KEY, "says": Role.KEY, **found.roles}, parameters=told,
        parts=Partition(("segment",)),
        members=pd.DataFrame({"segment": labels}), method="The first rule that fits; shares of the "
        "eligible with Wilson's 95 % interval.",
    )  # fmt: skip


def _sorted(frame: pd.DataFrame, rules: Rules) -> pd.Series:
    """Return each row's segment: the first whose every condition holds."""
    require(frame, {c.feature for s in rules.segments for c in s.when}, "segments.usage")
    out = np.full(len(frame), rules.segments[-1].name, dtype=object)
    is_free = np.ones(len(frame), dtype=bool)
    for segment in rules.segments[:-1]:
        fits = is_free.copy()
        for condition in segment.when:
            fits &= _holds(frame, condition)
        out[fits] = segment.name
        is_free &= ~fits
    return pd.Series(out, index=frame.index, name="segment")


def _holds(frame: pd.DataFrame, condition: Condition) -> Bools:
    """Whether a condition holds for each row; what is missing fits nothing."""
    values = frame[condition.feature].to_numpy(dtype=float)
    # Sums of minutes are sums of seconds: what is 60 on paper is 60 here.
    near = np.isclose(values, condition.number, rtol=1e-9, atol=1e-9)
    with np.errstate(invalid="ignore"):
        if condition.comparison == "at_least":
            return np.asarray((values > condition.number) | near)
        if condition.comparison == "at_most":
            return np.asarray((values < condition.number) | near)
        if condition.comparison == "more_than":
            return np.asarray((values > condition.number) & ~near)
        return np.asarray((values < condition.number) & ~near)


def _shares(
    labels: pd.Series, names: tuple[str, ...], name: str, key: str, *, metric: str = ""
) -> Result:
    counts = labels.value_counts()
    frame = pd.DataFrame({key: list(names), "n_reached": [int(counts.get(k, 0)) for k in names]})
    found = rates.shares(frame.assign(n=len(labels)), keys=(key,), metric=metric, name=name)
    roles = {("n_in" if c == "n_reached" else c): role for c, role in found.roles.items()}
    return found.but(frame=found.frame.rename(columns={"n_reached": "n_in"}), roles=roles)


OFFERS: Final = ("begin", "win_back", "carry", "next")
"""What to offer: to whoever did nothing; to whoever has probably stopped; to whoever comes in two
weeks of three and can carry others along; to everyone else, a next step."""


def profiles(
    frame: pd.DataFrame, rules: Rules, still: Result | None = None, *, window_weeks: int = 12
) -> Result:
    """Say what people of each segment did, where they are found more than elsewhere, what to offer.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`usage`, with ``minutes_a_week, active_weeks, actions_a_week, silent_days``
        and ``unit``.
    rules : Rules
    still : Result, optional
        Of :func:`alive`.
    window_weeks : int
        Length of the window.

    Returns
    -------
    Result
        Family MEANS: ``segment``; ``offer``, one of :data:`OFFERS`, for a segment of twenty or
        more; means of ``weeks`` (active weeks), ``actions`` and ``minutes`` a
        week; ``silent`` (median of days since value, of those who ever had it); ``unit``: the one
        that is over-represented most, where it is so by more than chance among all units and
        segments looked at (Newcombe's interval at a level divided by their number), else missing;
        ``unit_share`` of the segment and ``unit_elsewhere``; ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> frame = pd.DataFrame({"active_weeks": [10.0, 0.0] * 40, "actions": [60.0, 0.0] * 40,
    ...     "actions_a_week": [5.0, 0.0] * 40, "minutes_a_week": [30.0, 0.0] * 40,
    ...     "silent_days": [3.0, None] * 40, "unit": ["Sales", "Lab"] * 40})
    >>> found = profiles(frame, read()).frame
    >>> found["unit"].tolist()[0], found["weeks"].tolist()[0]
    ('Sales', 10.0)
    """
    name = "profiles"
    if len(frame) < MIN_PEOPLE:
        why = why_empty(frame, f"fewer than {MIN_PEOPLE} people are eligible")
        return not_enough(name, Family.MEANS, why)
    labels = _sorted(frame, rules)
    units = frame["unit"] if "unit" in frame.columns else pd.Series("", index=frame.index)
    rows = []
    looks = units.nunique() * len(rules.names)
    told = () if still is None else still.estimates
    chances = {e.label: e.value for e in told if e.metric == "p_alive"}
    for segment in rules.names:
        inside = (labels == segment).to_numpy()
        own = frame[inside]
        if own.empty:
            continue
        silent = own["silent_days"].dropna()
        mean = own[["active_weeks", "actions_a_week", "minutes_a_week"]].mean()
        weeks = float(mean["active_weeks"]) / window_weeks
        offer = _offer(weeks, chances.get(segment, 1.0)) if len(own) >= MIN_PEOPLE else None
        rows.append(
            (segment, offer, *(float(v) for v in mean),
             float(silent.median()) if len(silent) >= MIN_PEOPLE else math.nan,
             *_over(units, inside, looks), int(inside.sum()),
             *two_largest(own["minutes_a_week"] / len(own)))
        )  # fmt: skip
    columns = ["segment", "offer", "weeks", "actions", "minutes", "silent", "unit", "unit_share",
               "unit_elsewhere", "n", "most", "next"]  # fmt: skip
    roles = dict.fromkeys(("weeks", "actions", "minutes", "silent"), Role.VALUE)
    return Result(
        name, Family.MEANS, pd.DataFrame(rows, columns=columns),
        {"segment": Role.KEY, "offer": Role.KEY, **roles, "unit": Role.KEY, "unit_share": Role.RATE,
         "unit_elsewhere": Role.RATE, "n": Role.N},
        method="Means over the people of the segment; a unit is named where it is over-represented "
        "by more than chance, with all units and segments looked at counted.",
        parameters={"n_looks": looks, "window_weeks": window_weeks},
        parts=Partition(("segment",)), sums={"minutes": ("most", "next")},
        beside=("weeks", "actions", "silent"),
    )  # fmt: skip


def _offer(weeks: float, chance: float) -> str:
    """Choose the offer from the share of weeks with activity and the chance of being active."""
    if weeks < 0.005:
        return "begin"
    if chance < 0.5:
        return "win_back"
    return "carry" if weeks >= 2 / 3 else "next"


def _over(units: pd.Series, inside: Bools, looks: int) -> tuple[str | None, float, float]:
    """Return the unit that is over-represented most inside, if by more than chance."""
    from scipy.special import ndtri

    n, m = int(inside.sum()), int((~inside).sum())
    if n < MIN_PEOPLE or m < MIN_PEOPLE or units.nunique() < 2:
        return None, math.nan, math.nan
    here, there = units[inside].value_counts(), units[~inside].value_counts()
    stretch = float(ndtri(1 - 0.025 / looks)) / rates.Z95
    best: tuple[str | None, float, float] = (None, math.nan, math.nan)
    most = 0.0
    for unit in sorted(here.index):
        a, b = int(here[unit]), int(there.get(unit, 0))
        gap = a / n - b / m
        low, _ = newcombe(a, n, b, m)
        if a >= MIN_PEOPLE and gap > most and gap - stretch * (gap - low) > 0:
            best, most = (str(unit), a / n, b / m), gap
    return best


# Who is still active ------------------------------------------------------------------------

_DRAWS = 400


def alive(frame: pd.DataFrame, rules: Rules, *, ahead_weeks: int = 12, seed: int = 1) -> Result:
    """Estimate how many of each segment are still active, and how often they will come.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`usage`, with ``repeats, last_weeks, known_weeks``; missing for whoever has not
        begun, who is left out.
    rules : Rules
    ahead_weeks : int
        Weeks for which days of value are expected.
    seed : int

    Returns
    -------
    Result
        Family MEANS: ``segment``, mean ``p_alive`` with ``low, high``, ``comes`` (chance of a day
        of value in the weeks ahead), ``days`` (expected number of them), ``n``. Estimates
        ``p_alive`` by segment and for ``all``, and ``expected_days``. The interval is that of the
        share of these very people that is still active: it holds what is not known of the
        parameters, and that each person is or is not. Parameters ``r, alpha, a, b``.

    References
    ----------
    Fader PS, Hardie BGS, Lee KL (2005). Marketing Science 24:275-284.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> once = pd.DataFrame({"repeats": [0.0] * 60, "last_weeks": 0.0, "known_weeks": 20.0,
    ...                      "active_weeks": 1.0, "actions": 1.0, "actions_a_week": 0.1})
    >>> alive(once, read()).missing
    'fewer than 10 people have come again'
    """
    name = "alive"
    told: dict[str, Scalar] = {"ahead_weeks": ahead_weeks}
    fitted, own = _fitted(frame)
    if isinstance(fitted, str):
        return not_enough(name, Family.MEANS, fitted, parameters=told)
    labels = _sorted(own, rules)
    kinds, weight, names = _kinds(own, labels, rules)
    x, t_x, known = kinds.T
    now = _bgnbd.p_alive(fitted.logs, x, t_x, known)
    comes = _bgnbd.p_comes(fitted.logs, x, t_x, known, float(ahead_weeks))
    days = _bgnbd.expected(fitted.logs, x, t_x, known, float(ahead_weeks))
    rng = np.random.default_rng(seed)
    logs = _bgnbd.draws(fitted, x, t_x, known, weight.sum(axis=0), _DRAWS, rng)
    drawn = np.array([_bgnbd.p_alive(one, x, t_x, known) for one in logs])
    rows = []
    estimates = [_all_alive(now, drawn, weight.sum(axis=0), rng)]
    for segment, w in zip(names, weight, strict=True):
        n = int(w.sum())
        if not n:
            continue  # nobody of it has begun
        low, high = _ends(drawn, w, rng)
        share = float(w @ now / n)
        rows.append((segment, share, low, high, float(w @ comes / n), float(w @ days / n), n))
        if n >= MIN_PEOPLE:
            estimates.append(Estimate("p_alive", share, low, high, n, "share", label=segment))
    total = weight.sum(axis=0)
    n = int(total.sum())
    few = logs[:_FEW]
    ahead = [
        float(total @ _bgnbd.expected(one, x, t_x, known, float(ahead_weeks)) / n) for one in few
    ]
    low, high = np.quantile(ahead, (0.025, 0.975))
    estimates.append(
        Estimate("expected_days", float(total @ days / n), float(low), float(high), n, "days a "
                 "person", label=f"next {ahead_weeks} weeks")
    )  # fmt: skip
    columns = ["segment", "p_alive", "low", "high", "comes", "days", "n"]
    return Result(
        name, Family.MEANS, pd.DataFrame(rows, columns=columns),
        {"segment": Role.KEY, "p_alive": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
         "comes": Role.RATE, "days": Role.VALUE, "n": Role.N},
        tuple(estimates),
        "BG/NBD by maximum likelihood over days of value after the first, in weeks; 95 % intervals "
        "by draws of the parameters and of who is active.",
        {**told, **{p: round(getattr(fitted, p), 4) for p in ("r", "alpha", "a", "b")},
         "n_begun": len(own)},
    )  # fmt: skip


_FEW = 100


def _all_alive(now: Floats, drawn: Floats, weight: Floats, rng: np.random.Generator) -> Estimate:
    n = int(weight.sum())
    low, high = _ends(drawn, weight, rng)
    return Estimate("p_alive", float(weight @ now / n), low, high, n, "share", label="all")


def _ends(drawn: Floats, weight: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Return the ends within which the share of these people that is active lies."""
    n = weight.sum()
    mean = drawn @ weight / n
    spread = np.sqrt((drawn * (1 - drawn)) @ weight) / n
    shares = np.clip(mean + spread * rng.standard_normal(len(mean)), 0, 1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)


def _fitted(frame: pd.DataFrame) -> tuple[_bgnbd.Fit | str, pd.DataFrame]:
    """Fit the model of repeats to whoever has begun."""
    if frame.empty:
        return why_empty(frame, "nobody has begun yet"), frame
    columns = ["repeats", "last_weeks", "known_weeks"]
    require(frame, columns, "segments.alive")
    own = frame[frame["known_weeks"].notna()]
    if own.empty:
        return "nobody has begun yet", own
    kinds = own.groupby(columns).size().reset_index(name="weight")
    x, t_x, known, weight = (numbers(kinds, c, "segments.alive", low=0) for c in kinds.columns)
    return _bgnbd.fit(x, t_x, known, weight), own


def _kinds(
    own: pd.DataFrame, labels: pd.Series, rules: Rules
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return distinct histories, how many of each segment have each, and the segments."""
    columns = ["repeats", "last_weeks", "known_weeks"]
    counts = own[columns].assign(segment=labels).groupby([*columns, "segment"]).size()
    wide = counts.unstack(fill_value=0).reindex(columns=list(rules.names), fill_value=0)  # noqa: PD010
    kinds = wide.index.to_frame(index=False).to_numpy(dtype=float)
    return kinds, wide.to_numpy(dtype=float).T, rules.names


def foretold(frame: pd.DataFrame, rules: Rules, *, ahead_weeks: int = 12) -> Result:
    """Hold what was foretold of each segment against what came.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`alive`, as it stood ``ahead_weeks`` before the last known day, with
        ``days_ahead``: days of value since. The model is fitted to what was known then.
    rules : Rules
    ahead_weeks : int

    Returns
    -------
    Result
        Family RATES: ``segment``, ``n_came`` (had a day of value since) of ``n``, ``share, low,
        high``, ``predicted`` share. Estimate ``alive_ratio``: expected over observed days of value.
        Parameter ``error``: mean distance of predicted from observed shares over segments, weighted
        by people.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> foretold(pd.DataFrame(), read()).missing
    'nobody has begun yet'
    """
    name = "foretold"
    told: dict[str, Scalar] = {"ahead_weeks": ahead_weeks}
    fitted, own = _fitted(frame)
    if isinstance(fitted, str):
        return not_enough(name, Family.RATES, fitted, parameters=told)
    require(own, ["days_ahead"], "segments.foretold")
    labels = _sorted(own, rules)
    x, t_x, known = (own[c].to_numpy(dtype=float) for c in ("repeats", "last_weeks", "known_weeks"))
    came = own["days_ahead"].to_numpy(dtype=float)
    ahead = float(ahead_weeks)
    chance = _bgnbd.p_comes(fitted.logs, x, t_x, known, ahead)
    days = float(_bgnbd.expected(fitted.logs, x, t_x, known, ahead).sum())
    each = pd.DataFrame(
        {"segment": labels.to_numpy(), "came": came > 0, "predicted": chance, "n": 1}
    )
    found = each.groupby("segment").agg(
        n_came=("came", "sum"), n=("n", "sum"), predicted=("predicted", "mean")
    )
    out = found.reindex([s for s in rules.names if s in found.index]).reset_index()
    out["n_came"] = out["n_came"].astype(int)
    out["share"] = out["n_came"] / out["n"]
    out["low"], out["high"] = rates.wilson(out["n_came"], out["n"])
    n = int(out["n"].sum())
    error = float((np.abs(out["share"] - out["predicted"]) * out["n"]).sum() / n)
    total = float(came.sum())
    told["error"] = round(error, 4)
    estimates = []
    if total:
        low, high = _ratio_ends(came, days)
        estimates.append(Estimate("alive_ratio", days / total, low, high, n, "ratio"))
    return Result(
        name, Family.RATES,
        out[["segment", "n_came", "n", "share", "low", "high", "predicted"]],
        {"segment": Role.KEY, "n_came": Role.COUNT, "n": Role.N, "share": Role.RATE,
         "low": Role.LOW, "high": Role.HIGH, "predicted": Role.VALUE},
        tuple(estimates),
        "BG/NBD fitted to what was known then; observed shares with Wilson's 95 % interval.", told,
    )  # fmt: skip


def _ratio_ends(came: Floats, days: float) -> tuple[float, float]:
    """Interval of expected over observed days, people being independent."""
    total = float(came.sum())
    half = rates.Z95 * float(came.std(ddof=1)) * math.sqrt(len(came)) / total
    return days / total * math.exp(-half), days / total * math.exp(half)


# Moves --------------------------------------------------------------------------------------

ELSEWHERE: Final = "not counted"
"""Who was not eligible throughout a quarter: not there yet, too new, or gone."""


def moves(frame: pd.DataFrame, rules: Rules) -> Result:
    """Follow people from segment to segment, from each complete quarter to the next.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person and quarter that is over: ``quarter_on, person_key`` and features.
        ``attrs["under_way"]``: first day of the quarter that is not.
    rules : Rules

    Returns
    -------
    Result
        Family RATES: ``quarter_on`` (the later one), ``start``, ``end`` (segments, or ``not
        counted``), ``n_moved`` of the ``n`` at the start, ``share``. Estimates ``segment_stay``:
        the share of each segment that is in it a quarter later, of those still counted, latest
        quarter. Parameter ``under_way``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> frame = pd.DataFrame({"quarter_on": pd.to_datetime(["2024-01-01"] * 30 + ["2024-04-01"]
    ...     * 30), "person_key": [*range(30)] * 2, "active_weeks": 10.0, "actions": 20.0,
    ...     "actions_a_week": [2.0] * 50 + [20.0] * 10})
    >>> moves(frame, read()).frame[["start", "end", "n_moved"]].to_dict("list")
    {'start': ['habitual', 'habitual'], 'end': ['power', 'habitual'], 'n_moved': [10, 20]}
    """
    name = "moves"
    told: dict[str, Scalar] = {"under_way": str(frame.attrs.get("under_way") or "")}
    if frame.empty:
        why = why_empty(frame, "no quarter is over yet")
        return not_enough(name, Family.RATES, why, parameters=told)
    require(frame, ["quarter_on", "person_key"], name)
    quarters = sorted(frame["quarter_on"].unique())
    if len(quarters) < 2:
        return not_enough(
            name, Family.RATES, "only one quarter is over, and a move takes two", parameters=told
        )
    wide = (
        frame.assign(segment=_sorted(frame, rules))
        .pivot_table(index="person_key", columns="quarter_on", values="segment", aggfunc="first")
        .reindex(columns=quarters)
        .fillna(ELSEWHERE)
    )
    names = (*rules.names, ELSEWHERE)
    parts = []
    for before, after in pairwise(quarters):
        counts = wide.groupby([before, after]).size().rename_axis(["start", "end"])
        part = counts.reset_index(name="n_moved").assign(quarter_on=after)
        part = part[(part["start"] != ELSEWHERE) | (part["end"] != ELSEWHERE)]
        part["n"] = part.groupby("start")["n_moved"].transform("sum")
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    rank = {segment: i for i, segment in enumerate(names)}
    out = out.sort_values(
        ["quarter_on", "start", "end"], ignore_index=True,
        key=lambda c: c if c.name == "quarter_on" else c.map(rank),
    )  # fmt: skip
    out["share"] = out["n_moved"] / out["n"]
    last = out[(out["quarter_on"] == quarters[-1]) & (out["end"] != ELSEWHERE)]
    estimates = []
    for segment in rules.names:
        own = last[last["start"] == segment]
        n = int(own["n_moved"].sum())
        if n >= MIN_PEOPLE:
            stayed = int(own.loc[own["end"] == segment, "n_moved"].sum())
            low, high = rates.wilson(stayed, n)
            estimates.append(
                Estimate("segment_stay", stayed / n, float(low), float(high), n, "share",
                         label=segment)
            )  # fmt: skip
    return Result(
        name, Family.RATES, out[["quarter_on", "start", "end", "n_moved", "n", "share"]],
        {"quarter_on": Role.TIME, "start": Role.KEY, "end": Role.KEY, "n_moved": Role.COUNT,
         "n": Role.N, "share": Role.RATE},
        tuple(estimates),
        "The same rules at the end of each complete quarter, as it was known then.",
        {**told, **{f"segment_{i}": name for i, name in enumerate(names, 1)}},
    )  # fmt: skip


# Campaigns ----------------------------------------------------------------------------------

_FEWEST_EACH = 10
"""Fewest people of a segment on each side of a comparison."""


def responses(frame: pd.DataFrame, rules: Rules) -> Result:
    """Say which segment responds to which campaign: the difference by arm where chance drew it.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a campaign and person: ``initiative_id, label, arm`` (``treated``, ``control``),
        ``cluster`` (what was allocated), ``is_randomised, start_on, has_responded``, and features
        before the campaign.
    rules : Rules

    Returns
    -------
    Result
        Family MODEL: ``campaign``, ``kind`` (``difference`` of shares who responded where every
        allocation was drawn at random; ``share`` of those addressed elsewhere, which is no effect),
        ``segment``, ``value, low, high`` drawn towards each other over the segments of a campaign,
        ``n``, and ``differ``: whether segments differ by more than chance (Cochran's Q, its level
        divided by the number of campaigns). Estimates ``segment_response`` and
        ``segment_response_share``.

    References
    ----------
    Cochran WG (1954). Biometrics 10:101-129.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> responses(pd.DataFrame(), read()).missing
    'no campaign is known'
    """
    name = "responses"
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "no campaign is known"))
    require(frame, ["initiative_id", "label", "arm", "cluster", "is_randomised", "start_on",
                    "has_responded"], name)  # fmt: skip
    own = frame.assign(segment=_sorted(frame, rules))
    campaigns = list(own.groupby("initiative_id", sort=True))
    rows: list[dict[str, Any]] = []
    for _, part in campaigns:
        rows += _campaign(part, rules.names, len(campaigns))
    if not rows:
        why = f"no segment has {_FEWEST_EACH} people on each side of a campaign"
        return not_enough(name, Family.MODEL, why)
    out = pd.DataFrame(rows)
    estimates = tuple(
        Estimate(
            "segment_response" if r["kind"] == "difference" else "segment_response_share",
            r["value"], r["low"], r["high"], r["n"],
            "points" if r["kind"] == "difference" else "share",
            Grade.RANDOMISED if r["kind"] == "difference" else Grade.DESCRIPTIVE,
            f"{r['campaign']}, {r['segment']}",
        )
        for r in rows
    )  # fmt: skip
    return Result(
        name, Family.MODEL, out,
        {"campaign": Role.KEY, "kind": Role.KEY, "segment": Role.KEY, "differ": Role.KEY,
         "value": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N},
        estimates,
        "Difference of shares within weeks of allocation (Mantel-Haenszel; between clusters where "
        "groups were drawn), or shares; drawn towards each other over segments, 95 % intervals.",
        {"n_compared": len(rows)},
    )  # fmt: skip


def _campaign(part: pd.DataFrame, names: tuple[str, ...], n_campaigns: int) -> list[dict[str, Any]]:
    """Return the rows of one campaign, shrunk over its segments."""
    from scipy.special import chdtrc

    is_drawn = bool(part["is_randomised"].astype(bool).all()) and part["arm"].nunique() == 2
    kept, effects, errors, sizes, counts = [], [], [], [], []
    for segment in names:
        own = part[part["segment"] == segment]
        if is_drawn:
            found = _difference(own)
        else:
            own = own[own["arm"] == "treated"]
            came = int(own["has_responded"].sum())
            found = (came / len(own), 0.0) if len(own) >= _FEWEST_EACH else None
            counts += [came] if found else []
        if found:
            kept.append(segment)
            effects.append(found[0])
            errors.append(found[1])
            sizes.append(len(own))
    if not kept:
        return []
    effect, se = np.array(effects), np.array(errors)
    if is_drawn:
        value, low, high = _between.shrunk(effect, se)
    elif len(kept) > 2:
        value, low, high, _ = rates.shrunk(counts, sizes)
    else:
        value = effect
        low, high = rates.wilson(counts, sizes)
    spread = se if is_drawn else np.sqrt(_share_variance(np.array(counts), np.array(sizes)))
    weight = 1 / spread**2
    q = float(weight @ (effect - weight @ effect / weight.sum()) ** 2)
    p = float(chdtrc(len(kept) - 1, max(q, 0.0))) if len(kept) > 1 else 1.0
    return [
        {
            "campaign": str(part["label"].iloc[0]), "kind": "difference" if is_drawn else "share",
            "segment": segment, "differ": "yes" if p < 0.05 / n_campaigns else "no",
            "value": float(v), "low": float(lo), "high": float(hi), "n": int(size),
        }
        for segment, v, lo, hi, size in zip(kept, value, low, high, sizes, strict=True)
    ]  # fmt: skip


def _share_variance(count: NDArray[Any], n: NDArray[Any]) -> Floats:
    """Return the variance of shares, half a person added on each side so that none is nought."""
    share = (count + 0.5) / (n + 1)
    return np.asarray(share * (1 - share) / n)


def _difference(own: pd.DataFrame) -> tuple[float, float] | None:
    """Return the difference of shares who responded, treated less control, and its error."""
    treated = (own["arm"] == "treated").to_numpy()
    if treated.sum() < _FEWEST_EACH or (~treated).sum() < _FEWEST_EACH:
        return None
    if own["cluster"].nunique() < len(own):
        return _between_clusters(own, treated)
    week = pd.to_datetime(own["start_on"]).dt.to_period("W").astype(str)
    came = own["has_responded"].astype(float)
    table = pd.DataFrame({"week": week, "t": treated.astype(float), "y": came})
    table["ty"] = table["t"] * table["y"]
    sums = table.groupby("week").agg(
        n=("t", "sum"), a=("ty", "sum"), size=("t", "size"), y=("y", "sum")
    )
    sums["m"] = sums["size"] - sums["n"]
    sums["b"] = sums["y"] - sums["a"]
    both = sums[(sums["n"] > 0) & (sums["m"] > 0)]
    if both["n"].sum() < _FEWEST_EACH or both["m"].sum() < _FEWEST_EACH:
        return None
    value, low, high = stratified(*(both[c].to_numpy(dtype=float) for c in "anbm"))
    return value, max((high - low) / (2 * rates.Z95), 1e-6)


def _between_clusters(own: pd.DataFrame, treated: Bools) -> tuple[float, float] | None:
    """Return the difference where groups were drawn: errors from groups, by their number."""
    from scipy.special import stdtrit

    sides, groups = [], 0
    for is_treated in (True, False):
        side = own[treated == is_treated]
        by = side.groupby("cluster")["has_responded"].agg(["sum", "size"]).to_numpy(dtype=float)
        if len(by) < 3:
            return None
        share = by[:, 0].sum() / by[:, 1].sum()
        apart = by[:, 0] - share * by[:, 1]
        variance = len(by) / (len(by) - 1) * float(apart @ apart) / by[:, 1].sum() ** 2
        sides.append((share, variance))
        groups += len(by)
    error = math.sqrt(sides[0][1] + sides[1][1])
    # Few groups tell little of their own spread: as wide as t would be.
    return sides[0][0] - sides[1][0], max(
        error * float(stdtrit(groups - 2, 0.975)) / rates.Z95, 1e-6
    )


# What it rests on ---------------------------------------------------------------------------

_WORST_ERROR = 10.0
"""Points by which foretold shares may miss on average."""
_WORST_MOVE = 1.0
"""Percent of the people whose score one more person may change."""
_NEW = 20.0
"""Percent of the eligible that may be too new to be sorted."""


def trust(frame: pd.DataFrame, scored: Result, ways: Result, foretold: Result) -> Result:
    """Check what the answer rests on.

    Parameters
    ----------
    frame : pandas.DataFrame
        What :func:`usage` was given; ``attrs["steps"]`` and ``attrs["is_whole"]``.
    scored, ways, foretold : Result
        Of :func:`rfm`, :func:`behaviour` and :func:`foretold`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.segment_rules import read
    >>> nothing = pd.DataFrame()
    >>> found = trust(nothing, rfm(nothing), behaviour(nothing), foretold(nothing, read()))
    >>> found.frame["status"].unique().tolist()
    ['not known']
    """
    whole = frame.attrs.get("is_whole")
    rows = [
        _checks.at_most(
            "window", math.nan if frame.empty or whole is None else float(not whole), 0.0
        ),
        _checks.at_most("new", _too_new(frame), _NEW),
        _checks.at_most("edges", _number(scored, "movable"), _WORST_MOVE),
        # Where no ways of learning are told, there is nothing to trust.
        *([] if ways.is_empty else [_checks.at_least("ways", _stable(ways), _stability.STABLE)]),
        _checks.at_most("foretold", _number(foretold, "error"), _WORST_ERROR),
    ]
    return _checks.trust(rows)


def _too_new(frame: pd.DataFrame) -> float:
    steps: tuple[Step, ...] = frame.attrs.get("steps") or ()
    if len(steps) < 2 or not steps[0].n_persons:
        return math.nan
    return 100 * (1 - steps[1].n_persons / steps[0].n_persons)


def _number(result: Result, parameter: str) -> float:
    found = result.parameters.get(parameter)
    return math.nan if result.is_empty or found is None else 100 * float(found)


def _stable(ways: Result) -> float:
    found = [e.value for e in ways.estimates if e.metric == "cluster_stability"]
    return found[0] if found else math.nan
