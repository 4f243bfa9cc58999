"""How good people are by their ratings, how far from what roles ask, and what would close it.

Frames about persons go from one function here to the next and have no roles: the door refuses
them. What is published is about skills, units and cohorts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _ratings, _stability
from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Grade, RatingSource, Role

TRUSTED: Final = tuple(source.value for source in RatingSource)
"""Sources of ratings, the most trusted first."""
MIN_PEOPLE: Final = 10
"""Fewest rated people from whom a mean is told."""
WORTH: Final = 0.05
"""A shortfall below this is smaller than ratings can tell, and asks for no hours."""
NOT_A_JUDGE: Final = "self"
"""Nobody is placed by this source alone: it agrees with tests at r = .29 (Mabe & West 1982)."""

_Z95 = 1.959963984540054
_PRIVATE: Final = ("levels", "shortfalls")
_CELL = ["person_key", "skill_id"]


# Levels -------------------------------------------------------------------------------------


def levels(frame: pd.DataFrame, *, half_life_days: int = 365) -> Result:
    """Estimate each person's level in each skill from ratings by several sources.

    A rating is the level, plus the bias of its source, plus an error whose variance doubles with
    every half-life of its age. Bias is told from things that two sources both rated, against the
    most trusted source there is (review, certificate, manager, peer, inferred, self). A level is
    drawn towards what is usual for the role and unit, the more the less is known of it.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, skill and source: ``person_key, skill_id, source, level`` (0 to 1),
        ``age_days``; optional ``role, group``.
    half_life_days : int
        Age at which a rating counts half.

    Returns
    -------
    Result
        Family MODEL, private. One row a person and skill: ``level, se, bias_se, tau2, basis``;
        basis is ``several``, ``one``, ``self_only`` or ``not identified`` (rated only by sources
        that nothing ties to the reference; the level is then missing). Estimates:
        ``source_bias`` and ``source_error`` by source. Where no two sources rated the same, the
        most trusted is taken at its word, and ``parameters["is_identified"]`` is false.

    References
    ----------
    Dempster AP, Laird NM, Rubin DB (1977). J R Stat Soc B 39:1-38.
    Mabe PA, West SG (1982). Journal of Applied Psychology 67:280-296.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(p, "a", s, 0.5 + 0.01 * (p % 9) + up + 0.02 * (p * (i + 1) % 5 - 2), 0)
    ...         for p in range(60) for i, (s, up) in enumerate([("review", 0), ("self", 0.1)])]
    >>> columns = ["person_key", "skill_id", "source", "level", "age_days"]
    >>> found = levels(pd.DataFrame(rows, columns=columns))
    >>> round(found.estimate("source_bias", "self").value, 2)
    0.1
    """
    name = "levels"
    if frame.empty:
        return _nothing(name, frame, "nobody has been rated")
    require(frame, [*_CELL, "source", "level", "age_days"], name)
    order = {source: i for i, source in enumerate(TRUSTED)}
    sources = sorted(set(frame["source"]), key=lambda s: (order.get(s, len(order)), s))
    wide = _wide(frame, sources)
    cells, y, age = wide
    seen = ~np.isnan(y)
    reference, linked = _reference(seen, sources)
    if sources[reference] == NOT_A_JUDGE:
        return _nothing(
            name, frame,
            "people have been rated by themselves alone, and nobody is placed by that",
            by_source=_unidentified(frame, sources),
        )  # fmt: skip
    usable = seen[:, linked].any(axis=1)
    is_identified = bool(linked.sum() > 1)
    n_persons = int(cells["person_key"].nunique())
    if n_persons < MIN_PEOPLE:
        return _nothing(name, frame, f"fewer than {MIN_PEOPLE} people have been rated")
    out = cells[_CELL].copy()
    for column in ("level", "se", "bias_se", "tau2"):
        out[column] = np.nan
    bias = dict.fromkeys(sources, (math.nan, math.nan))
    error = dict.fromkeys(sources, math.nan)
    part = np.flatnonzero(usable)
    if is_identified:
        kept = [sources[i] for i in np.flatnonzero(linked)]
        fit = _fit(cells.iloc[part], y[part][:, linked], age[part][:, linked], half_life_days,
                   kept.index(sources[reference]))  # fmt: skip
        # The errors of the biases are the same for everyone: they do not average out.
        bias_se = fit.pull @ fit.bias_se
        found = np.column_stack([np.clip(fit.mean, 0, 1), fit.se, bias_se, fit.tau2])
        for i, source in enumerate(kept):
            bias[source] = float(fit.bias[i]), float(fit.bias_se[i])
            error[source] = float(np.sqrt(fit.variance[i]))
    else:
        found = np.column_stack([y[part, reference], np.zeros((len(part), 3))])
        bias[sources[reference]] = 0.0, 0.0
    out.loc[out.index[part], ["level", "se", "bias_se", "tau2"]] = found
    out["basis"] = _basis(seen, sources, usable)
    return Result(
        name, Family.MODEL, out, {}, _source_estimates(frame, bias, error, sources[reference]),
        "Levels by a measurement model: biases from things rated by two sources, variances and "
        "expected levels by maximum likelihood (EM), ratings halved in weight with each half-life.",
        {
            "reference": sources[reference], "is_identified": is_identified,
            "half_life_days": half_life_days, "n_several": int((seen.sum(axis=1) > 1).sum()),
        },
    )  # fmt: skip


def _wide(frame: pd.DataFrame, sources: Sequence[str]) -> tuple[pd.DataFrame, Floats, Floats]:
    """One row a person and skill, one column a source."""
    numbers(frame, "level", "levels", low=0)
    numbers(frame, "age_days", "levels", low=0)
    spread = frame.pivot_table(index=_CELL, columns="source", values=["level", "age_days"],
                               sort=True)  # fmt: skip
    y = spread[[("level", s) for s in sources]].to_numpy(dtype=float)
    age = spread[[("age_days", s) for s in sources]].fillna(0).to_numpy(dtype=float)
    cells = spread.index.to_frame(index=False)
    for column in ("role", "group"):
        if column in frame.columns:
            who = frame.drop_duplicates("person_key").set_index("person_key")[column]
            cells[column] = cells["person_key"].map(who).fillna("").astype(str)
        else:
            cells[column] = ""
    return cells, y, age


def _reference(seen: Any, sources: Sequence[str]) -> tuple[int, Any]:
    """The most trusted source that others can be held against; else the most trusted one."""
    for i in range(len(sources)):
        linked = _ratings.connected(seen, i)
        if linked.sum() > 1:
            return i, linked
    linked = np.zeros(len(sources), dtype=bool)
    linked[0] = True
    return 0, linked


def _fit(
    cells: pd.DataFrame, y: Floats, age: Floats, half_life_days: int, reference: int
) -> _ratings.Fit:
    def index(*columns: str) -> Any:
        return cells.groupby(list(columns), sort=True).ngroup().to_numpy(dtype=np.intp)

    inflation = np.exp2(np.minimum(age / half_life_days, 30.0))
    return _ratings.fit(
        y, inflation, reference, index("person_key"), index("skill_id"),
        index("role", "skill_id"), index("group", "skill_id"),
    )  # fmt: skip


def _basis(seen: Any, sources: Sequence[str], usable: Any) -> Any:
    n = seen.sum(axis=1)
    own = seen[:, list(sources).index(NOT_A_JUDGE)] if NOT_A_JUDGE in sources else n < 0
    kind = np.where(n > 1, "several", np.where(own, "self_only", "one"))
    return np.where(usable, kind, "not identified")


def _source_estimates(
    frame: pd.DataFrame,
    bias: dict[str, tuple[float, float]],
    error: dict[str, float],
    reference: str,
) -> tuple[Estimate, ...]:
    found = []
    for source, (value, se) in bias.items():
        n = persons(frame, frame["source"] == source)
        half = math.nan if source == reference else _Z95 * se
        found.append(Estimate("source_bias", value, value - half, value + half, n, "points",
                              Grade.ADJUSTED, source))  # fmt: skip
        found.append(Estimate("source_error", error[source], math.nan, math.nan, n, "points",
                              Grade.ADJUSTED, source))  # fmt: skip
    return tuple(found)


def _unidentified(frame: pd.DataFrame, sources: Sequence[str]) -> tuple[Estimate, ...]:
    nothing = dict.fromkeys(sources, (math.nan, math.nan))
    return _source_estimates(frame, nothing, dict.fromkeys(sources, math.nan), "")


def _nothing(
    name: str, frame: pd.DataFrame, otherwise: str, by_source: tuple[Estimate, ...] = ()
) -> Result:
    """A private result without rows that carries the reason along."""
    reason = str(frame.attrs.get("missing") or otherwise)
    empty = pd.DataFrame()
    empty.attrs["missing"] = reason
    return Result(name, Family.MODEL, empty, {}, by_source, missing=reason)


def sources(found: Result, frame: pd.DataFrame) -> Result:
    """Put the sources of ratings side by side: how much they flatter and how much they err.

    Parameters
    ----------
    found : Result
        Of :func:`levels`.
    frame : pandas.DataFrame
        The ratings it was given.

    Returns
    -------
    Result
        Family MODEL: ``source, standing`` (``reference``, ``told``, ``not told``), ``n_pairs``
        rated, ``bias, low, high, error`` (standard deviation of a rating of today), ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(p, "a", s, 0.5 + 0.01 * (p % 9) + up + 0.02 * (p * (i + 1) % 5 - 2), 0)
    ...         for p in range(60) for i, (s, up) in enumerate([("review", 0), ("self", 0.1)])]
    >>> columns = ["person_key", "skill_id", "source", "level", "age_days"]
    >>> rated = pd.DataFrame(rows, columns=columns)
    >>> sources(levels(rated), rated).frame[["source", "standing", "bias"]].round(2)
       source   standing  bias
    0  review  reference   0.0
    1    self       told   0.1
    """
    name = "sources"
    if not found.estimates:
        return not_enough(name, Family.MODEL, found.missing or "nobody has been rated")
    rows = []
    for e in (e for e in found.estimates if e.metric == "source_bias"):
        standing = "told"
        if not e.is_known:
            standing = "not told"
        elif e.label == found.parameters.get("reference"):
            standing = "reference"
        error = found.estimate("source_error", e.label).value
        pairs = int((frame["source"] == e.label).sum())
        rows.append((e.label, standing, pairs, e.value, e.low, e.high, error, e.n))
    columns = ["source", "standing", "n_pairs", "bias", "low", "high", "error", "n"]
    known = tuple(e for e in found.estimates if e.is_known)
    return Result(
        name, Family.MODEL, pd.DataFrame(rows, columns=columns),
        {
            "source": Role.KEY, "standing": Role.KEY, "n_pairs": Role.COUNT, "bias": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "error": Role.VALUE, "n": Role.N,
        },
        known, found.method, found.parameters,
    )  # fmt: skip


# Shortfalls ---------------------------------------------------------------------------------


def shortfalls(found: Result, required: pd.DataFrame) -> Result:
    """Set levels against what roles ask for.

    What is not known exactly is not taken as exact: the shortfall of a person is its mean over
    what her level may be, and an error of the target counts like one of the level.

    Parameters
    ----------
    found : Result
        Of :func:`levels`.
    required : pandas.DataFrame
        ``person_key, skill_id, skill, group, target, weight``; optional ``role``, ``target_se``.

    Returns
    -------
    Result
        Family MODEL, private. One row a person and required skill: ``gap`` (target less level),
        ``shortfall`` (mean of what is above nought), ``square`` (mean of its square), ``short``
        (chance that the level is below the target), ``noise`` (error variance of the rating),
        ``basis`` (as in :func:`levels`, or ``none``), ``reached`` (mean share of the target
        reached).

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": range(20), "skill_id": "a", "source": "manager",
    ...                       "level": [0.4] * 10 + [0.8] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(20), "skill_id": "a", "skill": "Sums",
    ...                       "group": "Sales", "target": 0.6, "weight": 1.0})
    >>> found = shortfalls(levels(rated), asked).frame
    >>> found.iloc[[0, 10]][["gap", "shortfall", "short"]].round(2).to_dict("list")
    {'gap': [0.2, -0.2], 'shortfall': [0.2, 0.0], 'short': [1.0, 0.0]}
    """
    name = "shortfalls"
    if required.empty:
        return _nothing(name, required, "no role of these people asks for a skill")
    if found.is_empty:
        return _nothing(name, found.frame, found.missing)
    require(required, [*_CELL, "skill", "group", "target", "weight"], name)
    joined = required.merge(found.frame, on=_CELL, how="left")
    joined["basis"] = joined["basis"].fillna("none")
    if not joined["level"].notna().any():
        return _nothing(name, required, "no skill that a role asks for has been rated")
    target, level = joined["target"].to_numpy(float), joined["level"].to_numpy(float)
    target_se = joined["target_se"].fillna(0.0) if "target_se" in joined.columns else 0.0
    spread = np.sqrt(joined["se"].to_numpy(float) ** 2 + np.asarray(target_se, float) ** 2)
    gap = target - level
    chance, height = _normal(gap, spread)
    first = gap * chance + spread * height
    joined["gap"] = gap
    joined["short"] = chance
    joined["shortfall"] = np.maximum(first, 0.0)
    joined["square"] = (gap**2 + spread**2) * chance + gap * spread * height
    with np.errstate(divide="ignore", invalid="ignore"):
        joined["reached"] = np.where(
            target > 0, 1.0 - np.minimum(first / target, 1.0), np.where(np.isnan(level), np.nan, 1)
        )
        # Variance of the rating behind a posterior: 1/V = 1/tau2 + 1/noise.
        v, tau2 = joined["se"].to_numpy(float) ** 2, joined["tau2"].to_numpy(float)
        joined["noise"] = np.where(tau2 > v, v * tau2 / (tau2 - v), v)
        joined["trust"] = np.where(tau2 > 0, 1.0 - v / tau2, 1.0)
    parameters: dict[str, Scalar] = dict(found.parameters)
    return Result(name, Family.MODEL, joined, {}, (), found.method, parameters)


def _normal(gap: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Chance that gap + spread Z is above nought, and the normal density there."""
    from scipy.stats import norm

    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap / spread
    exact = np.where(gap > 0, 1.0, np.where(np.isnan(gap), np.nan, 0.0))
    chance = np.where(spread > 0, norm.cdf(z), exact)
    height = np.where(spread > 0, norm.pdf(z), 0.0)
    return np.asarray(chance, dtype=float), np.asarray(height, dtype=float)


def _mean(part: pd.DataFrame, of: str = "shortfall") -> tuple[float, float, float]:
    """Mean of a group and its 95 % interval.

    Between persons, the error of their ratings, and the error of the biases, which all persons
    share.
    """
    x = part[of].to_numpy(float)
    n = len(x)
    mean = float(x.mean())
    slope = part["short"].to_numpy(float) if of == "shortfall" else np.ones(n)
    square = part["square"].mean() if of == "shortfall" else float((x**2 + part["se"] ** 2).mean())
    between = max(float(square) - mean**2, 0.0)
    noise = float((slope**2 * part["noise"].to_numpy(float)).mean())
    shared = float((slope * part["bias_se"].to_numpy(float)).mean())
    se = math.sqrt((between + noise) / n + shared**2)
    return mean, mean - _Z95 * se, mean + _Z95 * se


def gaps(frame: pd.DataFrame) -> Result:
    """Put skills side by side: how far those who need them are below what is asked.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.

    Returns
    -------
    Result
        Family MEANS, largest shortfall first: ``skill, gap, shortfall, low, high, at_target``
        (share of people), ``rated`` (share of those who need it), ``n`` rated people. Estimates
        ``skill_shortfall`` by skill.

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": range(20), "skill_id": "a", "source": "manager",
    ...                       "level": [0.2] * 10 + [0.8] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(20), "skill_id": "a", "skill": "Sums",
    ...                       "group": "Sales", "target": 0.6, "weight": 1.0})
    >>> found = gaps(shortfalls(levels(rated), asked).frame)
    >>> found.frame[["skill", "gap", "shortfall", "at_target"]].to_dict("list")
    {'skill': ['Sums'], 'gap': [0.1], 'shortfall': [0.2], 'at_target': [0.5]}
    """
    name = "gaps"
    if frame.empty:
        return _missing(frame, name, Family.MEANS)
    rows = []
    for skill, part in frame.groupby("skill", sort=True):
        known = part[part["level"].notna()]
        n = persons(known)
        if n < MIN_PEOPLE:
            continue
        value, low, high = _mean(known)
        rows.append(
            (skill, float(known["gap"].mean()), value, max(low, 0.0), high,
             float(1 - known["short"].mean()), n / persons(part), n)
        )  # fmt: skip
    columns = ["skill", "gap", "shortfall", "low", "high", "at_target", "rated", "n"]
    if not rows:
        return not_enough(name, Family.MEANS, f"no skill has {MIN_PEOPLE} rated people")
    out = pd.DataFrame(rows, columns=columns).sort_values(
        ["shortfall", "skill"], ascending=[False, True], kind="stable", ignore_index=True
    )
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "gap": Role.VALUE, "shortfall": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "at_target": Role.RATE, "rated": Role.RATE, "n": Role.N,
        },
        tuple(_each("skill_shortfall", r, str(r["skill"])) for r in out.to_dict("records")),
        "Mean shortfall of those rated; the interval holds people, rating errors and biases.",
        _flags(frame),
    )  # fmt: skip


def gap_map(frame: pd.DataFrame, *, skills: int = 5) -> Result:
    """Say where the largest gaps are: shortfall by skill and group.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    skills : int
        How many skills, the largest shortfalls first.

    Returns
    -------
    Result
        Family MEANS: ``skill, group, shortfall, low, high, standing, n``; a group stands
        ``above`` or ``below`` where its interval leaves out the shortfall of everyone else.

    Examples
    --------
    >>> import pandas as pd
    >>> unit = ["Sales"] * 20 + ["Lab"] * 20
    >>> rated = pd.DataFrame({"person_key": range(40), "skill_id": "a", "source": "manager",
    ...                       "level": [0.2, 0.4] * 10 + [0.5, 0.6] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(40), "skill_id": "a", "skill": "Sums",
    ...                       "group": unit, "target": 0.6, "weight": 1.0})
    >>> found = gap_map(shortfalls(levels(rated), asked).frame)
    >>> found.frame[["group", "shortfall", "standing"]].to_dict("list")
    {'group': ['Lab', 'Sales'], 'shortfall': [0.05, 0.3], 'standing': ['below', 'above']}
    """
    name = "gap_map"
    if frame.empty:
        return _missing(frame, name, Family.MEANS)
    known = frame[frame["level"].notna()]
    first = gaps(frame)
    if first.is_empty or known["group"].nunique() < 2:
        why = first.missing or "everyone is in one group"
        return not_enough(name, Family.MEANS, why)
    wanted = first.frame["skill"].head(skills).tolist()
    # As many comparisons as cells: an interval is widened for those it stands among.
    n_cells = max(known.loc[known["skill"].isin(wanted), ["skill", "group"]].drop_duplicates()
                  .shape[0], 1)  # fmt: skip
    from scipy.stats import norm

    wide = float(norm.ppf(1 - 0.025 / n_cells)) / _Z95
    rows = []
    for skill in wanted:
        part = known[known["skill"] == skill]
        for group, here in part.groupby("group", sort=True):
            others = part[part["group"] != group]
            n = persons(here)
            if n < MIN_PEOPLE or persons(others) < MIN_PEOPLE:
                continue
            value, low, high = _mean(here)
            rest, rest_low, _ = _mean(others)
            apart = wide * math.hypot((value - low), (rest - rest_low))
            standing = "in line"
            if abs(value - rest) > apart:
                standing = "above" if value > rest else "below"
            rows.append((skill, group, value, max(low, 0.0), high, standing, n))
    columns = ["skill", "group", "shortfall", "low", "high", "standing", "n"]
    if not rows:
        return not_enough(name, Family.MEANS, f"no group has {MIN_PEOPLE} rated people")
    return Result(
        name, Family.MEANS, _tidy(pd.DataFrame(rows, columns=columns)),
        {
            "skill": Role.KEY, "group": Role.KEY, "standing": Role.KEY, "shortfall": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        (), "Mean shortfall by skill and group; a group is called above or below the others only "
        "if the difference is beyond chance over all cells shown (Bonferroni).",
        _flags(frame),
    )  # fmt: skip


def readiness(frame: pd.DataFrame) -> Result:
    """Say how ready people are for their roles, and which skill moves it most.

    Readiness of a person is the weighted mean share of the target reached, over her rated skills.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.

    Returns
    -------
    Result
        Family MEANS, the skill that moves it most first: ``skill, gain`` (by how much mean
        readiness rises if everyone reaches the target in it), ``low, high, n``. Estimates
        ``readiness`` and ``target_coverage`` (share of rated required skills at target).

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": range(20), "skill_id": "a", "source": "manager",
    ...                       "level": [0.3] * 10 + [0.8] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(20), "skill_id": "a", "skill": "Sums",
    ...                       "group": "Sales", "target": 0.6, "weight": 1.0})
    >>> found = readiness(shortfalls(levels(rated), asked).frame)
    >>> found.estimate("readiness").value, found.estimate("target_coverage").value
    (0.75, 0.5)
    """
    name = "readiness"
    if frame.empty:
        return _missing(frame, name, Family.MEANS)
    known = frame[frame["level"].notna() & (frame["weight"] > 0)]
    n = persons(known)
    if n < MIN_PEOPLE:
        return not_enough(name, Family.MEANS, f"fewer than {MIN_PEOPLE} people have been rated")
    total = known.groupby("person_key")["weight"].transform("sum")
    share = (known["weight"] / total).to_numpy(float)
    lost = pd.Series(share * (1 - known["reached"].to_numpy(float)), index=known.index)
    ready = 1 - lost.groupby(known["person_key"]).sum()
    met = (1 - known["short"]).groupby(known["person_key"]).mean()
    rows = []
    for skill, part in lost.groupby(known["skill"], sort=True):
        value, half = float(part.sum()) / n, _half(part.to_numpy(float), n)
        n_here = persons(known.loc[part.index])
        if n_here >= MIN_PEOPLE:
            rows.append((skill, value, max(value - half, 0.0), value + half, n_here))
    out = pd.DataFrame(rows, columns=["skill", "gain", "low", "high", "n"]).sort_values(
        ["gain", "skill"], ascending=[False, True], kind="stable", ignore_index=True
    )
    estimates = tuple(
        Estimate(metric, float(x.mean()), max(float(x.mean()) - h, 0.0),
                 min(float(x.mean()) + h, 1.0), n, "share", Grade.ADJUSTED)
        for metric, x in (("readiness", ready), ("target_coverage", met))
        for h in [_half(x.to_numpy(float) - float(x.mean()), n)]
    )  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "gain": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        estimates,
        "Weighted mean share of the target reached over rated required skills; the interval is "
        "over people, not over the errors of their ratings.",
        _flags(frame),
    )  # fmt: skip


def _half(x: Floats, n: int) -> float:
    """Half a 95 % interval of a mean over n people of whom those not in x have nought."""
    mean = float(x.sum()) / n
    return _Z95 * math.sqrt(max(float((x**2).sum()) / n - mean**2, 0.0) / n)


def self_bias(frame: pd.DataFrame) -> Result:
    """Set what people say of themselves against what their managers say, by group.

    Parameters
    ----------
    frame : pandas.DataFrame
        Ratings: ``person_key, skill_id, source, level, group``.

    Returns
    -------
    Result
        Family MEANS: ``group, difference`` (manager less self, drawn towards the mean of all
        groups), ``low, high, standing, n``; the estimate ``self_difference`` labelled ``all`` is
        the mean of everyone.

    References
    ----------
    DerSimonian R, Laird N (1986). Controlled Clinical Trials 7:177-188.

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": [*range(20)] * 2, "skill_id": "a", "group": "Sales",
    ...                       "source": ["manager"] * 20 + ["self"] * 20,
    ...                       "level": [0.5, 0.6] * 10 + [0.75] * 20})
    >>> round(self_bias(rated).estimate("self_difference", "all").value, 2)
    -0.2
    """
    name = "self_bias"
    if frame.empty:
        return _missing(frame, name, Family.MEANS)
    require(frame, [*_CELL, "source", "level", "group"], name)
    two = frame[frame["source"].isin(["self", "manager"])]
    wide = two.pivot_table(index=["group", *_CELL], columns="source", values="level")
    if not {"self", "manager"} <= set(wide.columns) or not wide.notna().all(axis=1).any():
        return not_enough(
            name, Family.MEANS, "no skill has been rated by a person and by her manager"
        )
    both = wide.dropna()
    each = (both["manager"] - both["self"]).groupby(["group", "person_key"]).mean()
    n_all = len(each)
    if n_all < MIN_PEOPLE:
        return not_enough(
            name, Family.MEANS, f"fewer than {MIN_PEOPLE} people and their managers rated the same"
        )
    overall, half = float(each.mean()), _Z95 * float(each.std(ddof=1)) / math.sqrt(n_all)
    estimate = Estimate("self_difference", overall, overall - half, overall + half, n_all,
                        "points", Grade.DESCRIPTIVE, "all")  # fmt: skip
    by_group = each.groupby("group").agg(["mean", "var", "size"])
    by_group = by_group[by_group["size"] >= MIN_PEOPLE]
    if by_group.empty:
        return not_enough(name, Family.MEANS, f"no group has {MIN_PEOPLE} people rated by both")
    mean, low, high = _shrunk(
        by_group["mean"].to_numpy(float), (by_group["var"] / by_group["size"]).to_numpy(float)
    )
    standing = np.where(low > overall, "above", np.where(high < overall, "below", "in line"))
    out = pd.DataFrame(
        {
            "group": by_group.index.astype(str), "difference": mean, "low": low, "high": high,
            "standing": standing, "n": by_group["size"].to_numpy(int),
        }
    ).sort_values(["difference", "group"], kind="stable", ignore_index=True)  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "group": Role.KEY, "standing": Role.KEY, "difference": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        (estimate,), "Manager less self, averaged within a person; means of groups drawn towards "
        "their common mean (random effects).",
    )  # fmt: skip


def _shrunk(mean: Floats, variance: Floats) -> tuple[Floats, Floats, Floats]:
    """Means of groups as draws about a common mean (DerSimonian-Laird)."""
    variance = np.maximum(variance, 1e-12)
    w = 1 / variance
    centre = (w * mean).sum() / w.sum()
    q, c = (w * (mean - centre) ** 2).sum(), w.sum() - (w**2).sum() / w.sum()
    between = max((q - (len(mean) - 1)) / c, 0.0) if c > 0 else 0.0
    weight = 1 / (variance + between)
    centre, centre_var = (weight * mean).sum() / weight.sum(), 1 / weight.sum()
    keep = between / (between + variance)
    found = centre + keep * (mean - centre)
    half = _Z95 * np.sqrt(keep * variance + (1 - keep) ** 2 * centre_var)
    return found, found - half, found + half


# What closes them ---------------------------------------------------------------------------

_STEPS = 100


def path(content: pd.DataFrame, target: float) -> tuple[Floats, Floats, Floats]:
    """Find the shortest way up to a target from every level, in steps of a hundredth.

    Parameters
    ----------
    content : pandas.DataFrame
        ``minutes, cost, level_from, level_to``: what can be taken from ``level_from`` on leads to
        ``level_to``.
    target : float

    Returns
    -------
    minutes, cost, reach : arrays
        For each level 0, .01, ... 1: what the way takes and how far it leads (not beyond the
        target).

    Examples
    --------
    >>> import pandas as pd
    >>> content = pd.DataFrame({"minutes": [30, 30, 90], "cost": [10, 0, 0],
    ...                         "level_from": [0.2, 0.4, 0.2], "level_to": [0.4, 0.6, 0.6]})
    >>> minutes, cost, reach = path(content, target=0.6)
    >>> float(minutes[20]), float(cost[20]), float(reach[20])
    (60.0, 10.0, 0.6)
    """
    goal = round(target * _STEPS)
    minutes, cost = np.zeros(_STEPS + 1), np.zeros(_STEPS + 1)
    reach = np.arange(_STEPS + 1).astype(float)
    begins = np.ceil(content["level_from"].to_numpy(float) * _STEPS - 1e-9)
    ends = np.floor(content["level_to"].to_numpy(float) * _STEPS + 1e-9)
    takes, costs = content["minutes"].to_numpy(float), content["cost"].to_numpy(float)
    for level in range(goal - 1, -1, -1):
        usable = np.flatnonzero((begins <= level) & (ends > level))
        if not len(usable):
            continue
        to = np.minimum(ends[usable], goal).astype(int)
        farthest = reach[to].max()
        way = np.where(reach[to] == farthest, takes[usable] + minutes[to], np.inf)
        best = int(way.argmin())
        minutes[level], reach[level] = float(way[best]), farthest
        cost[level] = costs[usable[best]] + cost[to[best]]
    return minutes, cost, np.minimum(reach, goal) / _STEPS


def closing(frame: pd.DataFrame, supply: pd.DataFrame) -> Result:
    """Work out the hours and the cost of closing what content can close; private.

    Each person takes the shortest way from her level to the target, skill by skill.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    supply : pandas.DataFrame
        ``skill_id, content_id, title, minutes, cost, currency, level_from, level_to``.

    Returns
    -------
    Result
        Family MODEL, private: the rows of ``frame`` that are short by 0.05 or more, with
        ``hours``, ``cost``, ``closable`` (share of the gap that content leads over). Without
        content all are missing and the reason is in the parameters.

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": range(20), "skill_id": "a", "source": "manager",
    ...                       "level": [0.4] * 10 + [0.8] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(20), "skill_id": "a", "skill": "Sums",
    ...                       "group": "Sales", "target": 0.6, "weight": 1.0})
    >>> supply = pd.DataFrame({"skill_id": ["a"], "content_id": "c1", "title": "Sums I",
    ...                        "minutes": 90.0, "cost": 20.0, "currency": "EUR",
    ...                        "level_from": 0.2, "level_to": 0.5})
    >>> found = closing(shortfalls(levels(rated), asked).frame, supply).frame
    >>> len(found)
    10
    >>> found[["hours", "cost", "closable"]].head(1).round(2).to_dict("list")
    {'hours': [1.5], 'cost': [20.0], 'closable': [0.5]}
    """
    name = "closing"
    if frame.empty:
        return _nothing(name, frame, "nothing is known of the levels")
    short = frame[(frame["gap"] >= WORTH) & frame["level"].notna()].copy()
    for column in ("hours", "cost", "closable"):
        short[column] = np.nan
    why = str(supply.attrs.get("missing") or "") if supply.empty else ""
    parameters: dict[str, Scalar] = {**_flags(frame), "no_supply": why, "currency": ""}
    if supply.empty:
        parameters["no_supply"] = why or "no content on offer is tagged with a skill"
        return Result(name, Family.MODEL, short, {}, parameters=parameters)
    tagged = supply.dropna(subset=["level_from", "level_to", "minutes"])
    if tagged.empty:
        parameters["no_supply"] = (
            "no content says from which level to which it leads, and its length"
        )
        return Result(name, Family.MODEL, short, {}, parameters=parameters)
    currencies = sorted(set(tagged.loc[tagged["cost"].fillna(0) > 0, "currency"]))
    parameters["currency"] = currencies[0] if len(currencies) == 1 else ""
    priced = tagged["cost"].notna().all() and len(currencies) <= 1
    content = {
        str(skill): part.assign(cost=part["cost"].fillna(0.0))
        for skill, part in tagged.groupby("skill_id")
    }
    taught = set(supply["skill_id"])
    for _, part in short.groupby(["skill_id", "target"], sort=True):
        skill, target = str(part["skill_id"].iloc[0]), float(part["target"].iloc[0])
        if skill not in content:
            # Content without levels may close it or not; no content closes nothing.
            if skill not in taught:
                short.loc[part.index, ["hours", "cost", "closable"]] = 0.0
            continue
        minutes, cost, reach = path(content[skill], target)
        level = part["level"].to_numpy(float)
        at = np.clip(np.round(level * _STEPS), 0, _STEPS).astype(int)
        gap = part["gap"].to_numpy(float)
        short.loc[part.index, "hours"] = minutes[at] / 60
        short.loc[part.index, "cost"] = cost[at] if priced else np.nan
        short.loc[part.index, "closable"] = np.clip((reach[at] - level) / gap, 0, 1)
    return Result(name, Family.MODEL, short, {}, parameters=parameters)


def supplied(
    found: Result, supply: pd.DataFrame, frame: pd.DataFrame, *, skills: int = 12
) -> Result:
    """Put skills side by side: what there is to close their gaps, and what it takes.

    Parameters
    ----------
    found : Result
        Of :func:`closing`.
    supply : pandas.DataFrame
        What it was given.
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    skills : int
        How many skills are shown, those with the most people short first.

    Returns
    -------
    Result
        Family MEANS: ``skill, n_content, hours`` (a person who is short), ``low, high,
        total_hours, total_cost, closable`` (mean share of their gap that content leads over),
        ``n`` people short. Estimates ``hours_to_close``, ``cost_to_close`` (of everyone) and
        ``gap_closable``.

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"person_key": range(20), "skill_id": "a", "source": "manager",
    ...                       "level": [0.4] * 10 + [0.8] * 10, "age_days": 0})
    >>> asked = pd.DataFrame({"person_key": range(20), "skill_id": "a", "skill": "Sums",
    ...                       "group": "Sales", "target": 0.6, "weight": 1.0})
    >>> supply = pd.DataFrame({"skill_id": ["a"], "content_id": "c1", "title": "Sums I",
    ...                        "minutes": 90.0, "cost": 20.0, "currency": "EUR",
    ...                        "level_from": 0.2, "level_to": 0.5})
    >>> frame = shortfalls(levels(rated), asked).frame
    >>> found = supplied(closing(frame, supply), supply, frame)
    >>> found.frame[["n", "hours", "total_hours", "closable"]].round(2).to_dict("list")
    {'n': [10], 'hours': [1.5], 'total_hours': [15.0], 'closable': [0.5]}
    """
    name = "supply"
    if found.is_empty:
        return not_enough(name, Family.MEANS, found.missing)
    if found.parameters.get("no_supply"):
        return not_enough(name, Family.MEANS, str(found.parameters["no_supply"]))
    short = found.frame
    n_rated = persons(frame[frame["level"].notna()])
    if persons(short) < MIN_PEOPLE:
        return not_enough(name, Family.MEANS, f"fewer than {MIN_PEOPLE} people are short")
    content = supply.groupby("skill_id")["content_id"].nunique()
    rows = []
    for (skill_id, skill), part in short.groupby(["skill_id", "skill"], sort=True):
        n = persons(part)
        if n < MIN_PEOPLE:
            continue
        hours = part["hours"].to_numpy(float)
        half = _Z95 * float(np.std(hours, ddof=1)) / math.sqrt(n)
        mean = float(hours.mean())
        rows.append(
            (skill, int(content.get(skill_id, 0)), mean, max(mean - half, 0.0), mean + half,
             float(hours.sum()), float(part["cost"].sum(skipna=False)),
             float(part["closable"].mean()), n)
        )  # fmt: skip
    columns = ["skill", "n_content", "hours", "low", "high", "total_hours", "total_cost",
               "closable", "n"]  # fmt: skip
    if not rows:
        return not_enough(name, Family.MEANS, f"no skill has {MIN_PEOPLE} people who are short")
    out = pd.DataFrame(rows, columns=columns).sort_values(
        ["n", "skill"], ascending=[False, True], kind="stable"
    ).head(skills).reset_index(drop=True)  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "n_content": Role.VALUE, "hours": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "total_hours": Role.VALUE, "total_cost": Role.VALUE,
            "closable": Role.RATE, "n": Role.N,
        },
        _closing_estimates(short, n_rated),
        "Shortest way through the content on offer from each level to the target.",
        {**found.parameters},
    )  # fmt: skip


def _closing_estimates(short: pd.DataFrame, n_rated: int) -> tuple[Estimate, ...]:
    n = persons(short)
    hours = short.groupby("person_key")["hours"].sum(min_count=1)
    mean = float(hours.sum()) / n_rated
    half = _half(hours.dropna().to_numpy(float), n_rated)
    nan = math.nan
    closable = (short["closable"] * short["gap"]).sum() / short["gap"][
        short["closable"].notna()
    ].sum()
    found = [
        Estimate("hours_to_close", mean, max(mean - half, 0.0), mean + half, n_rated, "hours",
                 Grade.ADJUSTED),
        Estimate("gap_closable", float(closable), nan, nan, n, "share", Grade.ADJUSTED),
    ]  # fmt: skip
    if short["cost"].notna().all():
        found.append(
            Estimate("cost_to_close", float(short["cost"].sum()), nan, nan, n, "money",
                     Grade.ADJUSTED)
        )  # fmt: skip
    return tuple(found)


# Clusters -----------------------------------------------------------------------------------

_SHARED = 0.5
_FEWEST_RATED = 0.25


def cluster(
    frame: pd.DataFrame,
    *,
    max_clusters: int = 6,
    replicates: int = 50,
    seed: int = 1,
    min_size: int = MIN_PEOPLE,
) -> Result:
    """Search for cohorts of people who lack the same skills.

    A person is her shortfalls in the skills asked of at least half of the people. A skill that
    was not rated, or by herself alone, has weight nought and is not a shortfall of nought; the
    others weigh by how much their rating tells. Whoever is rated in less than a quarter of the
    skills is not placed.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    max_clusters, replicates, seed : int
    min_size : int
        Fewest people of a cohort; 5 % of the people at least.

    Returns
    -------
    Result
        Family MODEL, one row a number of cohorts tried: ``cohorts, jaccard, lowest, ari, gap,
        gap_se, smallest, standing`` (``chosen``, ``possible``, ``refused``), ``n``.
        ``parameters["k"]`` is 0 where there are no segments. Estimate ``cluster_stability``.
        ``members`` has ``person_key, cohort`` (1, 2, ... the largest first; empty: no segments).

    References
    ----------
    Hennig C (2007). Computational Statistics & Data Analysis 52:258-271.
    Chi JT, Chi EC, Baraniuk RG (2016). The American Statistician 70:91-99.

    Examples
    --------
    >>> import pandas as pd
    >>> lacks = [(0.1, 0.5, 0.5), (0.5, 0.1, 0.5), (0.5, 0.5, 0.1)]
    >>> rows = [(p, s, lacks[p % 3][s] + 0.01 * (p * (s + 3) % 7))
    ...         for p in range(90) for s in range(3)]
    >>> frame = pd.DataFrame(rows, columns=["person_key", "skill_id", "shortfall"])
    >>> frame = frame.assign(level=0.6 - frame["shortfall"], basis="several", trust=1.0)
    >>> found = cluster(frame, max_clusters=4, replicates=20)
    >>> found.parameters["k"]
    3
    >>> found.members["cohort"].value_counts().tolist()
    [30, 30, 30]
    """
    name = "clusters"
    nobody = pd.DataFrame({"person_key": pd.Series(dtype="int64"),
                           "cohort": pd.Series(dtype="int64")})  # fmt: skip
    if frame.empty:
        return _missing(frame, name, Family.MODEL).but(members=nobody)
    keys, x, w = _vectors(frame)
    if len(keys) < _stability.MIN_ROWS or x.shape[1] < 2:
        why = (
            f"fewer than {_stability.MIN_ROWS} people are rated, by others than themselves, in "
            "skills that most people need"
        )
        return not_enough(name, Family.MODEL, why).but(members=nobody)
    found = _stability.clusters(
        x, w, max_clusters=max_clusters, replicates=replicates, seed=seed, min_size=min_size
    )
    rows = [
        (t.k, t.jaccard, t.lowest, t.ari, t.gap, t.gap_se, t.smallest,
         "chosen" if t.k == found.k else "possible" if t.is_accepted else "refused", len(keys))
        for t in found.tried
    ]  # fmt: skip
    columns = ["cohorts", "jaccard", "lowest", "ari", "gap", "gap_se", "smallest", "standing", "n"]
    chosen = next((t for t in found.tried if t.k == found.k), None)
    best = chosen or max(found.tried, key=lambda t: t.jaccard)
    result = Result(
        name, Family.MODEL, _tidy(pd.DataFrame(rows, columns=columns)),
        {
            "cohorts": Role.KEY, "standing": Role.KEY, "jaccard": Role.VALUE,
            "lowest": Role.VALUE, "ari": Role.VALUE, "gap": Role.VALUE, "gap_se": Role.VALUE,
            "smallest": Role.COUNT, "n": Role.N,
        },
        (
            Estimate("cluster_stability", round(best.jaccard, 4), math.nan, math.nan, len(keys),
                     "index", Grade.DESCRIPTIVE, f"{best.k} cohorts"),
        ),
        "k-means over the ratings there are (k-POD); stability as mean Jaccard similarity over "
        "bootstrap samples without duplicates; tightness against data without clusters that keep "
        "every skill's distribution and the ties between skills.",
        {
            "k": found.k, "replicates": replicates, "n_skills": x.shape[1],
            "stable": _stability.STABLE,
            "best": best.k, **_flags(frame),
        },
    )  # fmt: skip
    if not found.k:
        return result.but(members=nobody)
    size = np.bincount(found.labels, minlength=found.k)
    rank = np.empty(found.k, dtype=int)
    rank[np.argsort(-size, kind="stable")] = np.arange(1, found.k + 1)
    members = pd.DataFrame({"person_key": keys, "cohort": rank[found.labels]})
    return result.but(members=members)


def _vectors(frame: pd.DataFrame) -> tuple[Any, Floats, Floats]:
    """Persons by skills: shortfalls and how much each is worth; 0 where it is not known."""
    everyone = persons(frame)
    needed = frame.groupby("skill_id")["person_key"].nunique()
    shared = sorted(needed[needed >= _SHARED * everyone].index)
    usable = frame[
        frame["level"].notna() & (frame["basis"] != "self_only") & frame["skill_id"].isin(shared)
    ]
    wide = usable.pivot_table(index="person_key", columns="skill_id", values=["shortfall", "trust"])
    if wide.empty:
        return np.zeros(0, dtype=int), np.zeros((0, 0)), np.zeros((0, 0))
    x, w = wide["shortfall"].to_numpy(float), wide["trust"].to_numpy(float)
    kept = (~np.isnan(x)).sum(axis=1) >= max(_FEWEST_RATED * len(shared), 1)
    x, w = x[kept], w[kept]
    w = np.where(np.isnan(x), 0.0, np.nan_to_num(w))
    return wide.index.to_numpy()[kept], np.where(np.isnan(x), 0.0, x), w


def cohorts(clusters: Result, found: Result, supply: pd.DataFrame, frame: pd.DataFrame) -> Result:
    """Describe each cohort: its size, what it lacks most, what teaches that, and the hours.

    Parameters
    ----------
    clusters : Result
        Of :func:`cluster`.
    found : Result
        Of :func:`closing`.
    supply : pandas.DataFrame
    frame : pandas.DataFrame
        Of :func:`shortfalls`.

    Returns
    -------
    Result
        Family SEGMENTS, three rows a cohort: ``cohort, place, skill, shortfall, low, high, others``
        (shortfall of everyone else), ``content`` (what most of its people could take next),
        ``hours`` a person to close the skill, ``n``. Estimates ``cohort_size`` by cohort.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family
    >>> lacks = [(0.1, 0.5), (0.5, 0.1)]
    >>> rows = [(p, str(s), ["Sums", "Prose"][s], lacks[p % 2][s])
    ...         for p in range(60) for s in range(2)]
    >>> frame = pd.DataFrame(rows, columns=["person_key", "skill_id", "skill", "shortfall"])
    >>> frame = frame.assign(level=0.3, target=0.6, gap=0.3, short=1.0, noise=0.0, bias_se=0.0,
    ...                      square=frame["shortfall"] ** 2)
    >>> members = pd.DataFrame({"person_key": range(60), "cohort": [1, 2] * 30})
    >>> found = Result("clusters", Family.MODEL, members, {}, members=members)
    >>> supply = pd.DataFrame({"skill_id": ["0"], "content_id": "c1", "title": "Sums I",
    ...                        "minutes": 90.0, "cost": 20.0, "currency": "EUR",
    ...                        "level_from": 0.2, "level_to": 0.6})
    >>> shown = cohorts(found, closing(frame, supply), supply, frame).frame
    >>> shown[["cohort", "place", "skill", "shortfall", "others", "content", "hours"]]
         cohort  place  skill  shortfall  others content  hours
    0  cohort 1      1  Prose        0.5     0.1            0.0
    1  cohort 1      2   Sums        0.1     0.5  Sums I    1.5
    2  cohort 2      1   Sums        0.5     0.1  Sums I    1.5
    3  cohort 2      2  Prose        0.1     0.5            0.0
    """
    name, members = "cohorts", clusters.members
    if members is None or members.empty:
        return not_enough(name, Family.SEGMENTS, "people do not fall into "
                          "groups that lack the same skills")  # fmt: skip
    joined = frame[frame["level"].notna()].merge(members, on="person_key")
    n_all = len(members)
    hours = found.frame.set_index(_CELL)["hours"] if len(found.frame) else pd.Series(dtype=float)
    rows, estimates = [], []
    for cohort, part in joined.groupby("cohort", sort=True):
        n = int((members["cohort"] == cohort).sum())
        others = joined[joined["cohort"] != cohort]
        lacking = part.groupby("skill")["shortfall"].mean()
        usual = others.groupby("skill")["shortfall"].mean()
        counted = part.groupby("skill")["person_key"].nunique()
        lacking = lacking[counted[lacking.index] >= MIN_PEOPLE]
        # Ties are broken by name, so that the same data give the same page.
        top = lacking.sort_index().sort_values(ascending=False, kind="stable").head(3)
        for place, skill in enumerate(top.index, start=1):
            here = part[part["skill"] == skill]
            value, low, high = _mean(here)
            need = here.set_index(_CELL).index
            takes = float(hours.reindex(need).fillna(0.0).mean()) if hours.notna().any() else np.nan
            rows.append(
                (f"cohort {cohort}", place, skill, value, max(low, 0.0), high,
                 float(usual.get(skill, math.nan)), _next_content(here, supply), takes, n)
            )  # fmt: skip
        estimates.append(
            Estimate("cohort_size", n / n_all, math.nan, math.nan, n, "share", Grade.DESCRIPTIVE,
                     f"cohort {cohort}")
        )  # fmt: skip
    columns = ["cohort", "place", "skill", "shortfall", "low", "high", "others", "content",
               "hours", "n"]  # fmt: skip
    return Result(
        name, Family.SEGMENTS, _tidy(pd.DataFrame(rows, columns=columns)),
        {
            "cohort": Role.KEY, "place": Role.KEY, "skill": Role.KEY, "shortfall": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "others": Role.VALUE, "content": Role.FLAG,
            "hours": Role.VALUE, "n": Role.N,
        },
        tuple(estimates), "Mean shortfalls of each cohort.", {"n_placed": n_all},
    )  # fmt: skip


def _next_content(part: pd.DataFrame, supply: pd.DataFrame) -> str:
    """Title that fits the levels of most who are short; the shorter one of equals."""
    if supply.empty:
        return ""
    teaches = supply[supply["skill_id"] == part["skill_id"].iloc[0]]
    teaches = teaches.dropna(subset=["level_from", "level_to"])
    short = part[part["gap"] >= WORTH]
    if teaches.empty or short.empty:
        return ""
    level, target = short["level"].to_numpy(float), short["target"].to_numpy(float)
    begins, ends = (teaches[c].to_numpy(float)[:, None] for c in ("level_from", "level_to"))
    fits = (begins <= level) & (ends > level)
    gain = np.where(fits, np.minimum(ends, target) - level, 0.0).mean(axis=1)
    ranked = teaches.assign(gain=np.round(gain, 6)).sort_values(
        ["gain", "minutes", "content_id"], ascending=[False, True, True], kind="stable"
    )
    return str(ranked["title"].iloc[0])[:120] if ranked["gain"].iloc[0] > 0 else ""


# Coverage -----------------------------------------------------------------------------------


def coverage(frame: pd.DataFrame) -> Result:
    """Say which share of the required skills is rated, by source and age.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``source, age, n_pairs, n_persons, n_pairs_of, n_persons_of``.

    Returns
    -------
    Result
        Family MEANS, the most trusted source first, ``any`` on top: ``source, new, middle, old``
        (shares of all required skills by age of the rating), ``share`` (all ages), ``n`` people.
        Estimate ``rating_coverage`` (any source).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"source": ["any", "any", "manager", "manager"],
    ...                       "age": ["new", "all"] * 2, "n_pairs": [50, 60, 20, 30],
    ...                       "n_persons": 40, "n_pairs_of": 100, "n_persons_of": 50})
    >>> coverage(frame).frame[["source", "new", "share"]].to_dict("list")
    {'source': ['any', 'manager'], 'new': [0.5, 0.2], 'share': [0.6, 0.3]}
    """
    name = "coverage"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "no role of these people asks for a skill")
    of = float(frame["n_pairs_of"].max())
    share = frame.assign(share=frame["n_pairs"] / of).pivot_table(
        index="source", columns="age", values="share"
    )
    share = share.reindex(columns=["new", "middle", "old", "all"]).fillna(0.0)
    order = {source: i for i, source in enumerate(("any", *TRUSTED))}
    share = share.loc[sorted(share.index, key=lambda s: (order.get(s, len(order)), s))]
    n = frame[frame["age"] == "all"].set_index("source")["n_persons"].reindex(share.index)
    out = share.rename(columns={"all": "share"}).reset_index().assign(n=n.to_numpy(int))
    out.columns.name = None
    if "any" not in share.index:
        return not_enough(name, Family.MEANS, "no skill that a role asks for has been rated")
    whole = Estimate("rating_coverage", float(share["all"].to_numpy()[0]), math.nan, math.nan,
                     int(frame["n_persons_of"].max()), "share")  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "source": Role.KEY, "new": Role.RATE, "middle": Role.RATE, "old": Role.RATE,
            "share": Role.RATE, "n": Role.N,
        },
        (whole,), "Required skills with a rating, over all skills that roles ask for.",
        {"n_pairs": int(of)},
    )  # fmt: skip


def basis(frame: pd.DataFrame) -> Result:
    """Say what is known of the required skills, by group.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, basis, n_pairs, n_pairs_of, n_persons_of``.

    Returns
    -------
    Result
        Family MEANS: ``group, several, one, self_only, none`` (shares of the required skills),
        ``n`` people. Estimate ``self_only_share`` (of what is rated at all).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"group": "Sales", "basis": ["several", "self_only", "none"],
    ...                       "n_pairs": [10, 30, 60], "n_pairs_of": 100, "n_persons_of": 50})
    >>> found = basis(frame)
    >>> found.frame[["group", "several", "self_only", "none"]].to_dict("list")
    {'group': ['Sales'], 'several': [0.1], 'self_only': [0.3], 'none': [0.6]}
    >>> found.estimate("self_only_share").value
    0.75
    """
    name = "basis"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "no role of these people asks for a skill")
    kinds = ["several", "one", "self_only", "none"]
    counts = frame.pivot_table(index="group", columns="basis", values="n_pairs", aggfunc="sum")
    counts = counts.reindex(columns=kinds).fillna(0.0)
    n = frame.groupby("group")["n_persons_of"].max()
    total = counts.to_numpy(float).sum(axis=1, keepdims=True)
    out = pd.DataFrame(counts.to_numpy(float) / total, columns=kinds)
    out.insert(0, "group", counts.index.astype(str))
    out["n"] = n.reindex(counts.index).to_numpy(int)
    out = out.sort_values(["none", "group"], ascending=[False, True], kind="stable",
                          ignore_index=True)  # fmt: skip
    rated = float(counts[["several", "one", "self_only"]].to_numpy().sum())
    alone = float(counts["self_only"].sum()) / rated if rated else math.nan
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "group": Role.KEY, "several": Role.RATE, "one": Role.RATE, "self_only": Role.RATE,
            "none": Role.RATE, "n": Role.N,
        },
        (Estimate("self_only_share", alone, math.nan, math.nan, int(out["n"].sum()), "share"),),
        "Required skills by who has rated them.",
    )  # fmt: skip


# May it be trusted --------------------------------------------------------------------------

Row = tuple[str, str, float, float]


def trust(
    covered: Result, known: Result, found: Result, clusters: Result, ratings: pd.DataFrame
) -> Result:
    """Check what the answers rest on.

    Parameters
    ----------
    covered, known, found, clusters : Result
        Of :func:`coverage`, :func:`basis`, :func:`levels` and :func:`cluster`.
    ratings : pandas.DataFrame

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> pairs = pd.DataFrame({"source": "any", "age": ["new", "all"], "n_pairs": [50, 60],
    ...                       "n_persons": 40, "n_pairs_of": 100, "n_persons_of": 50})
    >>> known = pd.DataFrame({"group": "Sales", "basis": ["one", "self_only", "none"],
    ...                       "n_pairs": [15, 45, 40], "n_pairs_of": 100, "n_persons_of": 50})
    >>> none = not_enough("levels", Family.MODEL, "too few ratings")
    >>> ratings = pd.DataFrame({"age_days": [30, 60, 90]})
    >>> found = trust(coverage(pairs), basis(known), none, none, ratings).frame.set_index("check")
    >>> found.loc[["rating_coverage", "self_only", "stability"], "status"].to_dict()
    {'rating_coverage': 'passed', 'self_only': 'not passed', 'stability': 'not known'}
    >>> found.loc["self_only", ["value", "threshold"]].to_dict()
    {'value': 75.0, 'threshold': 50.0}
    """
    half_life = float(found.parameters.get("half_life_days") or 365)
    age = float(ratings["age_days"].median()) if len(ratings) else math.nan
    rows = [
        _at_least("rating_coverage", _percent(covered, "rating_coverage"), 60.0),
        _at_most("rating_age", age, half_life),
        _at_most("self_only", _percent(known, "self_only_share"), 50.0),
        _at_most("bias_told", _sources_untold(found), 0.0),
        _at_most("flattery", _largest_bias(found), 15.0),
        _at_least("stability", _stability_of(clusters), _stability.STABLE),
        _at_least("beyond_null", _beyond(clusters), _stability.APART),
    ]
    out = pd.DataFrame(rows, columns=["check", "status", "value", "threshold"])
    return Result(
        "trust", Family.CHECKS, out,
        {"check": Role.KEY, "status": Role.KEY, "value": Role.VALUE, "threshold": Role.VALUE},
        method="Each number against a threshold set beforehand.",
    )  # fmt: skip


def _at_most(check: str, value: float, threshold: float) -> Row:
    status = "not known" if math.isnan(value) else "passed" if value <= threshold else "not passed"
    return check, status, round(value, 2), threshold


def _at_least(check: str, value: float, threshold: float) -> Row:
    status = "not known" if math.isnan(value) else "passed" if value >= threshold else "not passed"
    return check, status, round(value, 2), threshold


def _percent(result: Result, metric: str) -> float:
    return math.nan if result.is_empty else round(100 * result.estimate(metric).value, 0)


def _sources_untold(found: Result) -> float:
    told = [e for e in found.estimates if e.metric == "source_bias"]
    if not told:
        return math.nan
    if found.is_empty or not found.parameters.get("is_identified"):
        return float(len(told))
    return float(sum(not e.is_known for e in told))


def _largest_bias(found: Result) -> float:
    told = [abs(e.value) for e in found.estimates if e.metric == "source_bias" and e.is_known]
    if found.is_empty or not found.parameters.get("is_identified"):
        return math.nan
    return round(100 * max(told), 0)


def _stability_of(clusters: Result) -> float:
    """Of the cohorts shown; that there are none is an answer, and no failed check."""
    if clusters.is_empty or not clusters.parameters["k"]:
        return math.nan
    return clusters.estimate("cluster_stability").value


def _beyond(clusters: Result) -> float:
    """How many standard errors the cohorts are tighter than data without clusters."""
    if clusters.is_empty or not clusters.parameters["k"]:
        return math.nan
    frame = clusters.frame[clusters.frame["cohorts"] == clusters.parameters["best"]]
    gap, se = float(frame["gap"].iloc[0]), float(frame["gap_se"].iloc[0])
    return gap / se if se > 0 else math.nan


# Shared -------------------------------------------------------------------------------------


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Round far below what is shown, so that the last bit of a sum changes no page."""
    numeric = frame.select_dtypes("float").columns
    return frame.assign(**{c: frame[c].round(6) for c in numeric})


def _each(metric: str, row: dict[Any, Any], label: str) -> Estimate:
    value, low, high = (round(float(row[c]), 6) for c in ("shortfall", "low", "high"))
    return Estimate(metric, value, low, high, int(row["n"]), "points", Grade.ADJUSTED, label)


def _flags(frame: pd.DataFrame) -> dict[str, Scalar]:
    has_se = "target_se" in frame.columns and frame["target_se"].notna().any()
    is_exact = bool("se" in frame.columns and not (frame["se"].fillna(0) > 0).any())
    return {"has_target_error": bool(has_se), "is_upper_bound": is_exact}


def _missing(
    frame: pd.DataFrame, name: str, family: Family, otherwise: str = "nothing has been rated"
) -> Result:
    return not_enough(name, family, str(frame.attrs.get("missing") or otherwise))
