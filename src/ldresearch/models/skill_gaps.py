"""How good people are by their ratings, how far from what roles ask, and what would close it.

Frames about persons go from one function here to the next and have no roles: the door refuses
them. What is published is about skills, units and cohorts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _agreement, _checks, _ratings, _stability
from ldresearch.models._frame import Floats, numbers, persons, require, two_largest
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
_CELL = ["person_key", "skill_id"]
_MANY = 2_000_000


# Levels -------------------------------------------------------------------------------------


def levels(frame: pd.DataFrame, *, half_life_days: int = 365) -> Result:
    """Estimate each person's level in each skill from ratings by several sources.

    A rating is the level, plus the bias of its source, less the severity of its rater, plus an
    error whose variance doubles with every half-life of its age. Bias and severity are told from
    things that two have rated: a source against the most trusted there is (review, certificate,
    manager, peer, inferred, self), a rater against others of the same things, drawn towards nought
    the more the less she has rated beside them. A level is drawn towards what is usual for the
    role and unit, the more the less is known of it.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person, skill and source: ``person_key, skill_id, source, level`` (0 to 1),
        ``age_days``; optional ``role, group, rater`` (who gave it; empty where not known. What
        people say of themselves is always their own).
    half_life_days : int
        Age at which a rating counts half.

    Returns
    -------
    Result
        Family MODEL, private. One row a person and skill: ``level, low, high`` (95 % interval),
        ``se, bias_se`` (error of the biases, which all share), ``judge, judge_se`` (the rater who
        counts most, and the error of her severity), ``tau2, rated`` (the ratings alone),
        ``basis``; basis is ``several``, ``one``, ``self_only`` or ``not identified`` (rated only
        by sources that nothing ties to the reference; the level is then missing). Whoever is not
        rated has no row. Estimates: ``source_bias``, ``source_error`` and ``rater_severity`` (the
        standard deviation between raters) by source. Where no two sources rated the same, the
        most trusted is taken at its word, the interval has no width, and
        ``parameters["is_identified"]`` is false.

    References
    ----------
    Dempster AP, Laird NM, Rubin DB (1977). J R Stat Soc B 39:1-38.
    Robinson GK (1991). Statistical Science 6:15-32.
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
    >>> found.frame[["level", "low", "high"]].head(1).round(2).to_dict("list")
    {'level': [0.47], 'low': [0.45], 'high': [0.5]}
    """
    name = "levels"
    if frame.empty:
        return _nothing(name, frame, "nobody has been rated")
    require(frame, [*_CELL, "source", "level", "age_days"], name)
    order = {source: i for i, source in enumerate(TRUSTED)}
    sources = sorted(frame["source"].unique(), key=lambda s: (order.get(s, len(order)), s))
    by_source = frame.groupby("source", observed=True)["person_key"].nunique()
    people = {str(source): int(n) for source, n in by_source.items()}
    out, cells = _wide(frame, sources, half_life_days)
    seen = ~np.isnan(cells.y)
    reference, linked = _reference(seen, sources)
    if sources[reference] == NOT_A_JUDGE:
        return _nothing(
            name, frame,
            "people have been rated by themselves alone, and nobody is placed by that",
            by_source=_unidentified(people, sources),
        )  # fmt: skip
    if frame["person_key"].nunique() < MIN_PEOPLE:
        return _nothing(name, frame, f"fewer than {MIN_PEOPLE} people have been rated")
    usable = seen[:, linked].any(axis=1)
    is_identified = bool(linked.sum() > 1)
    told = _Told(sources, people, sources[reference])
    columns = ["level", "se", "bias_se", "judge_se", "tau2", "rated"]
    judge: Any
    if is_identified:
        kept = [sources[i] for i in np.flatnonzero(linked)]
        part = None if usable.all() and linked.all() else np.flatnonzero(usable)
        fit = _ratings.fit(_of(cells, part, linked, kept), kept.index(sources[reference]))
        values = [np.clip(fit.mean, 0, 1), fit.se, fit.shared_se, fit.judge_se, fit.tau2, fit.rated]
        judge = fit.judge
        told.fill(kept, fit)
    else:
        part = np.flatnonzero(usable)
        nought = np.zeros(len(part))
        own = cells.y[part, reference].astype(float)
        values = [own, nought, nought, nought, nought, own]
        judge = np.full(len(part), -1, dtype=np.int32)
        told.bias[sources[reference]] = 0.0, 0.0
    filled = {
        column: _spread_out(value, part, len(out), np.nan)
        for column, value in zip(columns, values, strict=True)
    }
    wide = _Z95 * np.hypot(filled["se"], filled["bias_se"])
    filled["low"] = np.maximum(filled["level"] - wide, 0)
    filled["high"] = np.minimum(filled["level"] + wide, 1)
    filled["judge"] = _spread_out(judge, part, len(out), -1)
    filled["basis"] = _basis(seen, sources, usable)
    out = _beside(out, filled)
    return Result(
        name, Family.MODEL, out, {}, told.estimates(),
        "Levels by a measurement model: biases and severities from things rated by two, variances "
        "and expected levels by maximum likelihood (EM), ratings halved in weight with each "
        "half-life.",
        {
            "reference": sources[reference], "is_identified": is_identified,
            "half_life_days": half_life_days, "n_several": int((seen.sum(axis=1) > 1).sum()),
            "has_raters": bool(told.has_raters),
        },
    )  # fmt: skip


class _Told:
    """What is told of each source."""

    def __init__(
        self, sources: Sequence[str], people: Mapping[str, int], reference: str = ""
    ) -> None:
        self.people, self.reference = people, reference
        self.bias = dict.fromkeys(sources, (math.nan, math.nan))
        self.error = dict.fromkeys(sources, math.nan)
        self.severity: dict[str, float] = {}

    @property
    def has_raters(self) -> bool:
        """Whether anyone but people themselves is known by who rated."""
        return any(source != NOT_A_JUDGE for source in self.severity)

    def fill(self, sources: Sequence[str], fit: _ratings.Fit) -> None:
        for i, source in enumerate(sources):
            self.bias[source] = float(fit.bias[i]), float(fit.bias_se[i])
            self.error[source] = float(np.sqrt(fit.variance[i]))
            if not math.isnan(fit.severity[i]):
                self.severity[source] = float(fit.severity[i])

    def estimates(self) -> tuple[Estimate, ...]:
        found = []
        for source, (value, se) in self.bias.items():
            n = self.people.get(source, 0)
            half = math.nan if source == self.reference else _Z95 * se
            found.append(Estimate("source_bias", value, value - half, value + half, n, "points",
                                  Grade.ADJUSTED, source))  # fmt: skip
            found.append(Estimate("source_error", self.error[source], math.nan, math.nan, n,
                                  "points", Grade.ADJUSTED, source))  # fmt: skip
            if source in self.severity:
                found.append(Estimate("rater_severity", self.severity[source], math.nan, math.nan,
                                      n, "points", Grade.ADJUSTED, source))  # fmt: skip
        return tuple(found)


def _unidentified(people: Mapping[str, int], sources: Sequence[str]) -> tuple[Estimate, ...]:
    return _Told(sources, people).estimates()


def _spread_out(values: Any, rows: Any, n: int, otherwise: float) -> Any:
    if rows is None:
        return values
    out = np.full(n, otherwise, dtype=values.dtype)
    out[rows] = values
    return out


def _wide(
    frame: pd.DataFrame, sources: Sequence[str], half_life_days: int
) -> tuple[pd.DataFrame, _ratings.Cells]:
    """One row a person and skill, sorted; one column a source."""
    level = numbers(frame, "level", "levels", low=0)
    age = numbers(frame, "age_days", "levels", low=0)
    person, people = pd.factorize(frame["person_key"], sort=True)
    skill, skills = pd.factorize(frame["skill_id"], sort=True)
    key = person.astype(np.int64) * len(skills) + skill
    there, at = _distinct(key, len(people) * len(skills))
    column = pd.Index(sources).get_indexer(pd.Index(frame["source"]))
    shape = (len(there), len(sources))
    # Of many millions of ratings seven digits are enough; the sums are in full.
    kind = np.float32 if len(there) > _MANY else float
    y = np.full(shape, np.nan, dtype=kind)
    inflation, rater = np.ones(shape, dtype=kind), np.full(shape, -1, dtype=np.int32)
    # Of two ratings by one source the newer one counts; the measure gives one anyway.
    last = np.argsort(-age, kind="stable") if _has_twins(at, column, shape) else slice(None)
    place = at[last], column[last]
    y[place] = level[last]
    inflation[place] = np.exp2(np.minimum(age[last] / half_life_days, 30.0))
    rater[place] = _raters(frame, person, column)[last]
    cell_person, cell_skill = np.divmod(there, len(skills))
    role, group = (_attribute(frame, person, c, len(people)) for c in ("role", "group"))
    out = pd.DataFrame(
        {"person_key": people.take(cell_person), "skill_id": skills.take(cell_skill)}
    )
    return out, _ratings.Cells(
        y, inflation, rater, cell_person, cell_skill,
        role[cell_person] * len(skills) + cell_skill,
        group[cell_person] * len(skills) + cell_skill,
        list(sources).index(NOT_A_JUDGE) if NOT_A_JUDGE in sources else -1,
    )  # fmt: skip


def _distinct(key: Any, n: int) -> tuple[Any, Any]:
    """Distinct keys in order, and which of them each row has."""
    if n <= 8 * len(key) + 1000:
        # Few enough possible ones: marking beats sorting.
        marked = np.zeros(n, dtype=bool)
        marked[key] = True
        place = np.cumsum(marked, dtype=np.int32) - 1
        return np.flatnonzero(marked), place[key]
    found = np.unique(key, return_inverse=True)
    return found[0], found[1]


def _has_twins(at: Any, column: Any, shape: tuple[int, int]) -> bool:
    marked = np.zeros(shape, dtype=bool)
    marked[at, column] = True
    return int(marked.sum()) < len(at)


def _raters(frame: pd.DataFrame, person: Any, column: Any) -> Any:
    """Who gave each rating, counted through over all sources; the same one in two is two."""
    own = column == _column_of_self(frame, column)
    if "rater" in frame.columns:
        who, names = pd.factorize(frame["rater"].where(frame["rater"] != ""))
        n_names = len(names)
    else:
        who, n_names = np.full(len(frame), -1), 0
    known = who >= 0
    who = np.where(own, n_names + person, who)
    known |= own
    out = np.full(len(frame), -1, dtype=np.int32)
    if known.any():
        size = int(who.max()) + 1
        codes, _ = pd.factorize(column[known].astype(np.int64) * size + who[known])
        out[known] = codes
    return out


def _column_of_self(frame: pd.DataFrame, column: Any) -> int:
    own = np.flatnonzero((frame["source"] == NOT_A_JUDGE).to_numpy(bool))
    return int(column[own[0]]) if len(own) else -1


def _attribute(frame: pd.DataFrame, person: Any, column: str, n: int) -> Any:
    """Code of a person's attribute, by person."""
    if column not in frame.columns:
        return np.zeros(n, dtype=np.int64)
    codes, _ = pd.factorize(frame[column].astype(object).where(frame[column].notna(), ""))
    out = np.zeros(n, dtype=np.int64)
    out[person[::-1]] = codes[::-1]  # the first row of a person counts
    return out


def _of(cells: _ratings.Cells, rows: Any, linked: Any, kept: Sequence[str]) -> _ratings.Cells:
    """Cells and sources that can be placed."""
    if rows is None:
        return cells
    some = cells.some(rows)
    rater = some.rater[:, linked]
    codes, _ = pd.factorize(np.where(rater < 0, -1, rater).ravel(), use_na_sentinel=False)
    absent = codes[np.flatnonzero(rater.ravel() < 0)[:1]] if (rater < 0).any() else [-1]
    # Codes are counted through again, those of unknown raters staying -1.
    again = np.where(rater.ravel() < 0, -1, codes - (codes > absent[0])).reshape(rater.shape)
    own = list(kept).index(NOT_A_JUDGE) if NOT_A_JUDGE in kept else -1
    return _ratings.Cells(
        some.y[:, linked], some.inflation[:, linked], again.astype(np.int32), some.person,
        some.skill, some.expected, some.group, own,
    )  # fmt: skip


def _reference(seen: Any, sources: Sequence[str]) -> tuple[int, Any]:
    """The most trusted source that others can be held against; else the most trusted one."""
    for i in range(len(sources)):
        linked = _ratings.connected(seen, i)
        if linked.sum() > 1:
            return i, linked
    linked = np.zeros(len(sources), dtype=bool)
    linked[0] = True
    return 0, linked


def _basis(seen: Any, sources: Sequence[str], usable: Any) -> Any:
    n = seen.sum(axis=1)
    own = seen[:, list(sources).index(NOT_A_JUDGE)] if NOT_A_JUDGE in sources else n < 0
    kind = np.where(n > 1, 0, np.where(own, 2, 1)).astype(np.int8)
    kind[~usable] = 3
    names = ["several", "one", "self_only", "not identified"]
    if len(kind) > _MANY:
        return pd.Categorical.from_codes(kind, categories=pd.Index(names))
    return np.array(names, dtype=object)[kind]


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
        rated, ``bias, low, high, error`` (standard deviation of a rating of today), ``severity``
        (standard deviation between its raters; missing where it is not known who rated, or too
        few are seen beside others), ``n``.

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
    severities = {e.label: e.value for e in found.estimates if e.metric == "rater_severity"}
    for e in (e for e in found.estimates if e.metric == "source_bias"):
        standing = "told"
        if not e.is_known:
            standing = "not told"
        elif e.label == found.parameters.get("reference"):
            standing = "reference"
        error = found.estimate("source_error", e.label).value
        severity = severities.get(e.label, math.nan)
        pairs = int((frame["source"] == e.label).sum())
        rows.append((e.label, standing, pairs, e.value, e.low, e.high, error, severity, e.n))
    columns = ["source", "standing", "n_pairs", "bias", "low", "high", "error", "severity", "n"]
    known = tuple(e for e in found.estimates if e.is_known)
    return Result(
        name, Family.MODEL, pd.DataFrame(rows, columns=columns),
        {
            "source": Role.KEY, "standing": Role.KEY, "n_pairs": Role.COUNT, "bias": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "error": Role.VALUE, "severity": Role.VALUE,
            "n": Role.N,
        },
        known, found.method, found.parameters,
    )  # fmt: skip


def agreement(frame: pd.DataFrame) -> Result:
    """Say how far sources agree on skills of the same persons that both have rated.

    Parameters
    ----------
    frame : pandas.DataFrame
        Ratings: ``person_key, skill_id, source, level``; optional ``raw, scale_id``.

    Returns
    -------
    Result
        Family MEANS, the most trusted first: ``first, second, n_pairs, same`` (ICC(2,1): whether
        they give the same number), ``low, high, order`` (ICC(3,1): whether they agree once a
        difference of their means is taken out), ``order_low, order_high, kappa`` (quadratic
        weights; where all was rated on one scale), ``n``. Intervals are those of persons, whose
        skills go together. Estimates ``source_agreement``.

    References
    ----------
    Shrout PE, Fleiss JL (1979). Psychological Bulletin 86:420-428.
    Fleiss JL, Cohen J (1973). Educational and Psychological Measurement 33:613-619.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(p, "a", s, 0.1 * (p % 9) + up) for p in range(60)
    ...         for s, up in (("manager", 0.0), ("self", 0.1))]
    >>> found = agreement(pd.DataFrame(rows, columns=["person_key", "skill_id", "source", "level"]))
    >>> found.frame[["first", "second", "n_pairs", "same", "order"]].round(2).to_dict("records")
    [{'first': 'manager', 'second': 'self', 'n_pairs': 60, 'same': 0.93, 'order': 1.0}]
    """
    name = "agreement"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "nobody has been rated")
    require(frame, [*_CELL, "source", "level"], name)
    order = {source: i for i, source in enumerate(TRUSTED)}
    here = sorted(frame["source"].unique(), key=lambda s: (order.get(s, len(order)), s))
    columns = [c for c in (*_CELL, "level", "raw", "scale_id") if c in frame.columns]
    of = {source: frame.loc[frame["source"] == source, columns] for source in here}
    rows, estimates = [], []
    for i, first in enumerate(here):
        for second in here[i + 1 :]:
            both = of[first].merge(of[second], on=_CELL, suffixes=("", "_second"))
            n = persons(both)
            if len(both) < _ratings.MIN_OVERLAP or n < MIN_PEOPLE:
                continue
            found = _agreement.pairs(
                both["level"].to_numpy(float), both["level_second"].to_numpy(float),
                both["person_key"].to_numpy(),
            )  # fmt: skip
            same, alike = found["same"], found["order"]
            kappa = found["kappa"].value if _is_one_scale(both) else math.nan
            rows.append((str(first), str(second), len(both), same.value, same.low, same.high,
                         alike.value, alike.low, alike.high, kappa, n))  # fmt: skip
            estimates.append(
                Estimate("source_agreement", same.value, same.low, same.high, n, "index",
                         Grade.DESCRIPTIVE, f"{first} and {second}")
            )  # fmt: skip
    if not rows:
        return not_enough(name, Family.MEANS, "no two sources have rated the same skills of "
                          f"{MIN_PEOPLE} people")  # fmt: skip
    names = ["first", "second", "n_pairs", "same", "low", "high", "order", "order_low",
             "order_high", "kappa", "n"]  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(pd.DataFrame(rows, columns=names)),
        {
            "first": Role.KEY, "second": Role.KEY, "n_pairs": Role.COUNT, "same": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "order": Role.VALUE, "order_low": Role.LOW,
            "order_high": Role.HIGH, "kappa": Role.VALUE, "n": Role.N,
        },
        tuple(estimates), "Intraclass correlations of one rating, intervals by the spread between "
        "persons (jackknife, Fisher's z); ratings as given, whatever their age.",
    )  # fmt: skip


def _is_one_scale(both: pd.DataFrame) -> bool:
    if "scale_id" not in both.columns:
        return False
    scales = {*both["scale_id"].unique(), *both["scale_id_second"].unique()}
    return len(scales) == 1


# Change -------------------------------------------------------------------------------------


def change(frame: pd.DataFrame, asked: pd.DataFrame, *, half_life_days: int = 365) -> Result:
    """Say how levels have changed since an earlier date, on the same persons and skills.

    A level by the ratings before the date is set against one by the ratings since, each without
    the bias of its sources and the severity of its raters, which are taken to be those of both
    times. Whoever has no new rating is not part of it: nothing is known of her change.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`levels`, with ``period``: ``before`` or ``since``.
    asked : pandas.DataFrame
        ``skill_id, skill``: the names of skills.
    half_life_days : int

    Returns
    -------
    Result
        Family MEANS, the largest change first: ``skill, before, since`` (mean levels),
        ``change, low, high, n``. The estimate ``skill_change`` labelled ``all`` is the mean over
        persons of the change in their skills; ``rated_again`` is the share of the persons and
        skills known before that have been rated since.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(p, "a", s, min(0.5 + 0.02 * (p % 9) + up, 1), 0, when) for p in range(60)
    ...         for when, up in (("before", 0.0), ("since", 0.1)) for s in ("manager", "peer")]
    >>> columns = ["person_key", "skill_id", "source", "level", "age_days", "period"]
    >>> names = pd.DataFrame({"skill_id": ["a"], "skill": ["Sums"]})
    >>> found = change(pd.DataFrame(rows, columns=columns), names)
    >>> round(found.estimate("skill_change", "all").value, 3)
    0.1
    """
    name = "change"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "nobody has been rated")
    require(frame, [*_CELL, "source", "level", "age_days", "period"], name)
    frame = frame.reset_index(drop=True)
    periods = frame["period"].astype(str)
    if periods.nunique() < 2:
        when = "before the earlier date" if "since" in set(periods) else "since the earlier date"
        return not_enough(name, Family.MEANS, f"nobody has been rated {when}")
    both = frame.assign(skill_id=frame["skill_id"].astype(str) + _MARK + periods)
    found = levels(both, half_life_days=half_life_days)
    if found.is_empty:
        return not_enough(name, Family.MEANS, found.missing)
    placed = found.frame[found.frame["level"].notna() & (found.frame["basis"] != "self_only")]
    parted = placed["skill_id"].str.rsplit(_MARK, n=1, expand=True)
    placed = placed.assign(skill_id=parted[0], period=parted[1])
    columns = [*_CELL, "rated", "judge"]
    before, since = (placed.loc[placed["period"] == p, columns] for p in ("before", "since"))
    paired = before.merge(since, on=_CELL, suffixes=("_before", ""))
    n = persons(paired)
    if n < MIN_PEOPLE:
        why = f"fewer than {MIN_PEOPLE} people were rated by others in the same skill at both times"
        return not_enough(name, Family.MEANS, why)
    names = dict(zip(asked["skill_id"], asked["skill"], strict=True)) if len(asked) else {}
    paired["skill"] = [str(names.get(s, s)) for s in paired["skill_id"]]
    paired["change"] = paired["rated"] - paired["rated_before"]
    tie = _mix(both, found, paired)
    rows = []
    for skill, part in paired.groupby("skill", sort=True):
        if persons(part) < MIN_PEOPLE:
            continue
        value, low, high = _clustered(part, tie)
        rows.append((skill, float(part["rated_before"].mean()), float(part["rated"].mean()),
                     value, low, high, persons(part)))  # fmt: skip
    names_of = ["skill", "before", "since", "change", "low", "high", "n"]
    out = pd.DataFrame(rows, columns=names_of)
    out = out.sort_values(["change", "skill"], ascending=[False, True], kind="stable",
                          ignore_index=True)  # fmt: skip
    value, low, high = _clustered(paired, tie)
    n_before = persons(before)
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "before": Role.VALUE, "since": Role.VALUE, "change": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        (
            Estimate("skill_change", value, low, high, n, "points", Grade.DESCRIPTIVE, "all"),
            Estimate("rated_again", len(paired) / len(before), math.nan, math.nan, n_before,
                     "share", Grade.DESCRIPTIVE),
        ),
        "Ratings since the date less ratings before it of the same persons and skills, without "
        "bias and severity; the interval holds persons, raters and the biases.",
        {"has_raters": found.parameters["has_raters"]},
    )  # fmt: skip


_MARK = "\x1f"


def _mix(frame: pd.DataFrame, found: Result, paired: pd.DataFrame) -> float:
    """Error of a mean change from the biases, as far as other sources rated than before."""
    keys = set(map(tuple, paired[_CELL].to_numpy()))
    skill = frame["skill_id"].str.rsplit(_MARK, n=1).str[0]
    is_in = [pair in keys for pair in zip(frame["person_key"], skill, strict=True)]
    counts = pd.crosstab(frame.loc[is_in, "period"], frame.loc[is_in, "source"], normalize="index")
    moved = {str(source): abs(float(counts[source].diff().iloc[-1])) for source in counts.columns}
    variance = 0.0
    for e in found.estimates:
        if e.metric == "source_bias" and not math.isnan(e.low):
            variance += (moved.get(e.label, 0.0) * (e.high - e.low) / (2 * _Z95)) ** 2
    return math.sqrt(variance)


def _clustered(part: pd.DataFrame, shared: float) -> tuple[float, float, float]:
    """Mean over persons of the mean of their rows; the larger error of persons and of raters."""
    each = part.groupby("person_key")["change"].mean()
    mean, n = float(each.mean()), len(each)
    size = part.groupby("person_key")["change"].transform("size")
    left = (part["change"] - mean) / size / n
    variance = 0.0
    alone = -1 - part["person_key"].to_numpy()
    judge = np.where(part["judge"] >= 0, part["judge"], alone)
    for who in (part["person_key"], judge):
        sums = left.groupby(np.asarray(who)).sum()
        if len(sums) > 1:
            variance = max(variance, float((sums**2).sum()) * len(sums) / (len(sums) - 1))
    half = _Z95 * math.hypot(math.sqrt(variance), shared)
    return mean, mean - half, mean + half


# Shortfalls ---------------------------------------------------------------------------------


def shortfalls(found: Result, required: pd.DataFrame) -> Result:
    """Set levels against what roles ask for.

    What is not known exactly is not taken as exact: the shortfall of a person is its mean over
    what her level may be, and an error of the target counts like one of the level. Of means over
    people it does not average out: all of whom a role asks something share it.

    Parameters
    ----------
    found : Result
        Of :func:`levels`.
    required : pandas.DataFrame
        ``person_key, skill_id, skill, group, target, weight``; optional ``role``, ``target_se``,
        ``weight_se``.

    Returns
    -------
    Result
        Family MODEL, private. One row a person and required skill: ``gap`` (target less level),
        ``shortfall`` (mean of what is above nought), ``square`` (mean of its square), ``short``
        (chance that the level is below the target), ``steep`` (by how much that chance moves with
        the target), ``noise`` (error variance of the rating),
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
    joined = _joined(required, found.frame)
    if not joined["level"].notna().any():
        return _nothing(name, required, "no skill that a role asks for has been rated")
    kind = joined["level"].to_numpy().dtype
    names = ("gap", "short", "shortfall", "square", "steep", "reached", "noise", "trust")
    filled = {column: np.empty(len(joined), dtype=kind) for column in names}
    for i in range(0, len(joined), _MANY):
        rows = slice(i, i + _MANY)
        for column, value in _short(joined.iloc[rows]).items():
            filled[column][rows] = value
    joined = _beside(joined, filled)
    parameters: dict[str, Scalar] = dict(found.parameters)
    return Result(name, Family.MODEL, joined, {}, (), found.method, parameters)


def _short(joined: pd.DataFrame) -> dict[str, Floats]:
    """Set known levels against targets, row by row."""
    target, level = joined["target"].to_numpy(float), joined["level"].to_numpy(float)
    error = joined["se"].to_numpy(float)
    gap = target - level
    spread = np.hypot(error, _column(joined, "target_se"))
    chance, height = _normal(gap, spread)
    first = np.maximum(gap * chance + spread * height, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = np.where(spread > 0, height / spread, 0.0)
        reached = np.where(
            target > 0, 1.0 - np.minimum(first / target, 1.0), np.where(np.isnan(level), np.nan, 1)
        )
        # Variance of the rating behind a posterior: 1/V = 1/tau2 + 1/noise.
        v, tau2 = error**2, joined["tau2"].to_numpy(float)
        noise = np.where(tau2 > v, v * tau2 / (tau2 - v), v)
        trust = np.where(tau2 > 0, np.maximum(1.0 - v / tau2, 0.0), 1.0)
    return {
        "gap": gap, "short": chance, "shortfall": first,
        "square": (gap**2 + spread**2) * chance + gap * spread * height, "steep": steep,
        "reached": reached, "noise": noise, "trust": trust,
    }  # fmt: skip


def _joined(required: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """What is asked, with what is known of it; every row of what is asked stays."""
    person, people = pd.factorize(levels["person_key"])
    skill, skills = pd.factorize(levels["skill_id"])
    wide = max(len(skills), 1)
    key = person.astype(np.int64) * wide + skill
    order = np.argsort(key, kind="stable")
    ours = pd.Index(people).get_indexer(pd.Index(required["person_key"])).astype(np.int64)
    codes, asked = pd.factorize(required["skill_id"])
    theirs = pd.Index(skills).get_indexer(asked)[codes].astype(np.int64)
    wanted = np.where((ours >= 0) & (theirs >= 0), ours * wide + theirs, -1)
    place = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    row = order[place]
    is_there = key[row] == wanted
    filled: dict[str, Any] = {}
    for column in ("level", "se", "bias_se", "tau2", "judge_se"):
        value = levels[column].to_numpy() if column in levels.columns else np.zeros(len(key))
        value = value[row] if value.dtype.kind == "f" else value[row].astype(float)
        value[~is_there] = 0.0 if column == "judge_se" else np.nan
        filled[column] = value
    judge = levels["judge"].to_numpy() if "judge" in levels.columns else np.full(len(key), -1)
    filled["judge"] = np.where(is_there, judge[row], -1).astype(np.int32)
    basis = pd.Categorical(levels["basis"])
    kinds = [*basis.categories, "none"]
    filled["basis"] = pd.Categorical.from_codes(
        np.where(is_there, basis.codes[row], len(kinds) - 1).astype(np.int8),
        categories=pd.Index(kinds),
    )
    role = pd.factorize(required["role"])[0] if "role" in required.columns else 0
    # An error of a target is shared by all of whom the role asks it.
    filled["asked"] = (role * max(len(asked), 1) + codes).astype(np.int32)
    if not isinstance(levels["basis"].dtype, pd.CategoricalDtype):
        filled["basis"] = np.asarray(filled["basis"], dtype=object)
    return _beside(required.reset_index(drop=True), filled)


def _beside(frame: pd.DataFrame, more: Mapping[str, Any]) -> pd.DataFrame:
    """Put columns beside those of a frame without copying either."""
    return pd.DataFrame({**{str(c): frame[c] for c in frame.columns}, **more}, copy=False)


def _column(frame: pd.DataFrame, name: str) -> Floats:
    """Give a column of numbers that may be absent, missing being nought only in errors of
    targets and weights."""
    if name not in frame.columns:
        return np.zeros(len(frame))
    value = frame[name].to_numpy(float)
    return np.nan_to_num(value) if name.startswith(("target_se", "weight_se")) else value


def _normal(gap: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Chance that gap + spread Z is above nought, and the normal density there."""
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        z = gap / spread
    exact = np.where(gap > 0, 1.0, np.where(np.isnan(gap), np.nan, 0.0))
    chance = np.where(spread > 0, ndtr(z), exact)
    height = np.where(spread > 0, np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi), 0.0)
    return np.asarray(chance, dtype=float), np.asarray(height, dtype=float)


def _shared(part: pd.DataFrame, by_level: Floats, by_target: Floats) -> float:
    """Variance of a sum from errors that rows have in common.

    The biases are everyone's; a rater's severity is that of all whom she rated; the error of a
    target is that of all of whom the role asks it. ``by_level`` and ``by_target`` say by how much
    the sum moves with each row's level and target.
    """
    found = float((by_level * part["bias_se"].to_numpy(float)).sum()) ** 2
    if "judge" in part.columns:
        judge = part["judge"].to_numpy()
        moved = (by_level * part["judge_se"].to_numpy(float))[judge >= 0]
        if len(moved):
            _, index = np.unique(judge[judge >= 0], return_inverse=True)
            # That of a single row is in its own error already.
            found += float((np.bincount(index, moved) ** 2).sum() - (moved**2).sum())
    if "target_se" in part.columns and "asked" in part.columns:
        found += _by_target(part, by_target * _column(part, "target_se"))
    return found


def _by_target(part: pd.DataFrame, moved: Floats) -> float:
    asked = part["asked"].to_numpy()
    return float((np.bincount(asked - asked.min(), moved) ** 2).sum()) if len(asked) else 0.0


def _mean(part: pd.DataFrame, of: str = "shortfall") -> tuple[float, float, float]:
    """Mean of a group's rows of one skill and its 95 % interval.

    ``of`` is ``shortfall``, ``gap`` or ``at_target``. The error is that between persons, of their
    ratings, and of what they have in common.
    """
    n = len(part)
    chance = part["short"].to_numpy(float)
    if of == "shortfall":
        x, square, by_level = part["shortfall"].to_numpy(float), part["square"], -chance
    elif of == "gap":
        x = part["gap"].to_numpy(float)
        square, by_level = pd.Series(x**2 + part["se"].to_numpy(float) ** 2), -np.ones(n)
    else:
        x = 1 - chance
        # Whoever is at target or not is so wholly.
        square, by_level = pd.Series(x), part["steep"].to_numpy(float)
    mean = float(x.mean())
    between = max(float(square.mean()) - mean**2, 0.0)
    noise = float((by_level**2 * part["noise"].to_numpy(float)).mean())
    shared = _shared(part, by_level / n, -by_level / n)
    se = math.sqrt((between + noise) / n + shared)
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
        Family MEANS, largest shortfall first: ``skill, shortfall, low, high, gap, gap_low,
        gap_high, at_target`` (share of people), ``at_low, at_high, rated`` (share of those who
        need it), ``n`` rated people. Estimates ``skill_shortfall`` and ``skill_gap`` by skill.
        ``parameters["unknown"]`` names skills of which too little is known to be a row.

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
            (skill, value, max(low, 0.0), high, *_mean(known, "gap"),
             *(min(max(x, 0.0), 1.0) for x in _mean(known, "at_target")), n / persons(part), n)
        )  # fmt: skip
    columns = ["skill", "shortfall", "low", "high", "gap", "gap_low", "gap_high", "at_target",
               "at_low", "at_high", "rated", "n"]  # fmt: skip
    if not rows:
        return not_enough(name, Family.MEANS, f"no skill has {MIN_PEOPLE} rated people")
    out = pd.DataFrame(rows, columns=columns).sort_values(
        ["shortfall", "skill"], ascending=[False, True], kind="stable", ignore_index=True
    )
    ends = {c: Role.LOW if c.endswith("low") else Role.HIGH for c in columns
            if c.endswith(("low", "high"))}  # fmt: skip
    unknown = sorted(set(frame["skill"]) - set(out["skill"]))
    records = out.to_dict("records")
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "shortfall": Role.VALUE, "gap": Role.VALUE, "at_target": Role.RATE,
            **ends, "rated": Role.RATE, "n": Role.N,
        },
        (
            *(_each("skill_shortfall", r, "shortfall", "low", "high") for r in records),
            *(_each("skill_gap", r, "gap", "gap_low", "gap_high") for r in records),
        ),
        "Mean shortfall of those rated; the interval holds people, rating errors, biases, the "
        "severity of raters and the published errors of targets.",
        {**_flags(frame), "n_unknown": len(unknown), "unknown": ", ".join(unknown[:8])[:400]},
        shares={"at_target": ("at_low", "at_high")},
    )  # fmt: skip


def gap_map(frame: pd.DataFrame, *, across: str = "group", skills: int = 5) -> Result:
    """Say where the largest gaps are: shortfall by skill and group, or by skill and role.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    across : str
        ``group`` or ``role``.
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
    require(frame, [across], name)
    if across != "group":
        if (frame[across].astype(str) == frame["group"].astype(str)).all():
            return not_enough(name, Family.MEANS, f"the groups of the map above are {across}s")
        frame = frame.assign(group=frame[across].astype(str))
    known = frame[frame["level"].notna()]
    first = gaps(frame)
    if first.is_empty or known["group"].nunique() < 2:
        why = first.missing or "everyone is in one group"
        return not_enough(name, Family.MEANS, why)
    wanted = first.frame["skill"].head(skills).tolist()
    # As many comparisons as cells: an interval is widened for those it stands among.
    n_cells = max(known.loc[known["skill"].isin(wanted), ["skill", "group"]].drop_duplicates()
                  .shape[0], 1)  # fmt: skip
    from scipy.special import ndtri

    wide = float(ndtri(1 - 0.025 / n_cells)) / _Z95
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
        {**_flags(frame), "across": across},
    )  # fmt: skip


def readiness(frame: pd.DataFrame, *, skills: int = 12) -> Result:
    """Say how ready people are for their roles, and which skill moves it most.

    Readiness of a person is the weighted mean share of the target reached, over her rated skills.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`shortfalls`.
    skills : int
        How many skills are shown, those that move it most first.

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
    person = pd.factorize(known["person_key"])[0]
    weight, target = known["weight"].to_numpy(float), known["target"].to_numpy(float)
    share = weight / np.bincount(person, weight)[person]
    lost = share * (1 - known["reached"].to_numpy(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        # By how much the share reached moves with the level, and with the target.
        steep = np.where(target > 0, known["short"].to_numpy(float) / target, 0.0)
        drop = np.where(target > 0, steep - known["shortfall"].to_numpy(float) / target**2, 0.0)
    equal = 1.0 / np.bincount(person)[person]
    ready = 1 - np.bincount(person, lost)
    met = np.bincount(person, equal * (1 - known["short"].to_numpy(float)))
    density = known["steep"].to_numpy(float) if "steep" in known.columns else np.zeros(len(known))
    weighed = (share * (ready[person] - (1 - lost / share)), weight)
    estimates = tuple(
        _person_mean(metric, x, person, known, by_level, by_target, by_weight)
        for metric, x, by_level, by_target, by_weight in (
            ("readiness", ready, share * steep, -share * drop, weighed),
            ("target_coverage", met, equal * density, -equal * density, None),
        )
    )
    rows = []
    for skill, at in known.groupby("skill", sort=True, observed=True).indices.items():
        if len(at) < MIN_PEOPLE:
            continue
        part, here = known.iloc[at], lost[at]
        value = float(here.sum()) / n
        variance = (_half(here, n) / _Z95) ** 2 + _own(part, share[at] * steep[at]) / n**2
        variance += _shared(part, -share[at] * steep[at] / n, share[at] * drop[at] / n)
        half = _Z95 * math.sqrt(variance)
        rows.append((skill, value, max(value - half, 0.0), value + half, len(at)))
    out = (
        pd.DataFrame(rows, columns=["skill", "gain", "low", "high", "n"])
        .sort_values(["gain", "skill"], ascending=[False, True], kind="stable", ignore_index=True)
        .head(skills)
    )
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "gain": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        estimates,
        "Weighted mean share of the target reached over rated required skills; the interval holds "
        "people, rating errors, biases, the severity of raters and the published errors of "
        "targets and weights.",
        _flags(frame),
    )  # fmt: skip


def _own(part: pd.DataFrame, by_level: Floats) -> float:
    """Variance of a sum from what each row alone has: what its level may be, and its rating."""
    v = part["se"].to_numpy(float) ** 2 + part["noise"].to_numpy(float)
    return float((by_level**2 * v).sum())


def _person_mean(
    metric: str, x: Floats, person: Any, known: pd.DataFrame, by_level: Floats, by_target: Floats,
    by_weight: tuple[Floats, Floats] | None,
) -> Estimate:  # fmt: skip
    """Mean over persons of something made of all of their rows, with its interval."""
    n = len(x)
    mean = float(x.mean())
    variance = float(x.var()) / n + _own(known, by_level) / n**2
    variance += _shared(known, by_level / n, by_target / n)
    if by_weight is not None and "weight_se" in known.columns and "asked" in known.columns:
        moved, weight = by_weight
        variance += _by_target(known, moved / n * _column(known, "weight_se") / weight)
    half = _Z95 * math.sqrt(variance)
    return Estimate(metric, mean, max(mean - half, 0.0), min(mean + half, 1.0), n, "share",
                    Grade.ADJUSTED)  # fmt: skip


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


# From role to role --------------------------------------------------------------------------


def between_roles(frame: pd.DataFrame, held: str, asked: str) -> Result:
    """Say what a role asks beyond another: gaps between two profiles, with published errors.

    Whoever is at the targets of the role held would have these gaps in the role asked.

    Parameters
    ----------
    frame : pandas.DataFrame
        Profiles: ``role_id, skill_id, skill, target, weight``; optional ``target_se, weight_se``
        (standard errors, as O*NET publishes them) and ``n_raters``.
    held, asked : str
        ``role_id`` of the two.

    Returns
    -------
    Result
        Family MEANS, the largest gap first: ``skill, held, asked`` (levels), ``gap`` (asked less
        held, signed), ``low, high, shortfall`` (the gap where it is above nought), ``gain`` (by
        how much readiness rises if the skill reaches its target), ``n`` raters behind it. Estimates
        ``readiness`` (weighted share of what is asked that is held) and ``target_coverage``
        (weightless share of skills at target), with the errors of levels and weights.
        ``parameters["n_unknown"]`` skills are asked of which the other profile says nothing.

    References
    ----------
    Casella G, Berger RL (2002). Statistical Inference, section 5.5.4.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"role_id": ["clerk", "clerk", "chief", "chief"],
    ...                       "skill_id": ["a", "b"] * 2, "skill": ["Sums", "Prose"] * 2,
    ...                       "target": [0.3, 0.8, 0.6, 0.5], "target_se": [0.03] * 2 + [0.04] * 2,
    ...                       "weight": [1.0, 1.0, 3.0, 1.0]})
    >>> found = between_roles(frame, "clerk", "chief")
    >>> found.frame[["skill", "gap", "low", "high"]].round(3)
       skill  gap    low   high
    0   Sums  0.3  0.202  0.398
    1  Prose -0.3 -0.398 -0.202
    >>> found.estimate("readiness").value
    0.625
    """
    name = "between_roles"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "no role asks for a skill")
    require(frame, ["role_id", "skill_id", "skill", "target", "weight"], name)
    wanted = frame[(frame["role_id"] == asked) & (frame["weight"] > 0)]
    own = frame[frame["role_id"] == held]
    extra = [c for c in ("target_se", "n_raters") if c in frame.columns]
    both = wanted.merge(own[["skill_id", "target", *extra]], on="skill_id", suffixes=("", "_held"))
    if both.empty:
        return not_enough(name, Family.MEANS, "the two roles ask for no skill in common")
    level, target = both["target_held"].to_numpy(float), both["target"].to_numpy(float)
    level_se, target_se = _column(both, "target_se_held"), _column(both, "target_se")
    weight, weight_se = both["weight"].to_numpy(float), _column(both, "weight_se")
    gap = target - level
    half = _Z95 * np.hypot(level_se, target_se)
    reached = np.minimum(np.divide(level, target, out=np.ones_like(level), where=target > 0), 1.0)
    share = weight / weight.sum()
    ready = float((share * reached).sum())
    is_short = gap > 0
    by_level = np.divide(share * is_short, target, out=np.zeros_like(level), where=target > 0)
    variance = (by_level * level_se) ** 2 + (by_level * reached * target_se) ** 2
    variance += ((reached - ready) / weight.sum() * weight_se) ** 2
    half_ready = _Z95 * math.sqrt(float(variance.sum()))
    met = _normal(-gap, np.hypot(level_se, target_se))[0]
    covered = float((gap <= 0).mean())
    half_met = _Z95 * math.sqrt(float((met * (1 - met)).sum())) / len(met)
    raters = both[[c for c in ("n_raters", "n_raters_held") if c in both.columns]]
    n = raters.min(axis=1).fillna(0).to_numpy(int) if raters.shape[1] else np.zeros(len(both), int)
    out = pd.DataFrame(
        {
            "skill": both["skill"].astype(str), "held": level, "asked": target, "gap": gap,
            "low": gap - half, "high": gap + half, "shortfall": np.maximum(gap, 0.0),
            "gain": share * (1 - reached), "n": n,
        }
    )  # fmt: skip
    out = out.sort_values(["gap", "skill"], ascending=[False, True], kind="stable",
                          ignore_index=True)  # fmt: skip
    return Result(
        name, Family.MEANS, _tidy(out),
        {
            "skill": Role.KEY, "held": Role.VALUE, "asked": Role.VALUE, "gap": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "shortfall": Role.VALUE, "gain": Role.VALUE,
            "n": Role.N,
        },
        (
            Estimate("readiness", ready, max(ready - half_ready, 0.0), min(ready + half_ready, 1.0),
                     int(n.min()), "share", Grade.DESCRIPTIVE),
            Estimate("target_coverage", covered, max(covered - half_met, 0.0),
                     min(covered + half_met, 1.0), int(n.min()), "share", Grade.DESCRIPTIVE),
        ),
        "Targets of one role less those of another; standard errors as published, taken as "
        "independent.",
        {"held": held, "asked": asked, "n_unknown": len(wanted) - len(both)},
    )  # fmt: skip


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
             float(part["closable"].mean()), n, *_largest(part))
        )  # fmt: skip
    columns = ["skill", "n_content", "hours", "low", "high", "total_hours", "total_cost",
               "closable", "n", *_LARGEST]  # fmt: skip
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
        {**found.parameters}, sums=_SUMS, largest=_largest_of_all(short), beside=("n_content",),
    )  # fmt: skip


_LARGEST: Final = ("most_hours", "next_hours", "all_hours", "most_cost", "next_cost")
_SUMS: Final = {
    "hours": ("most_hours", "next_hours", "all_hours"),
    "total_hours": ("most_hours", "next_hours"), "total_cost": ("most_cost", "next_cost"),
}  # fmt: skip


def _largest(part: pd.DataFrame) -> tuple[float, ...]:
    """Return the two largest persons in the hours, all hours, and the two largest in the cost."""
    each = part.groupby("person_key")[["hours", "cost"]].sum()
    return (
        *two_largest(each["hours"]), float(each["hours"].sum()), *two_largest(each["cost"]),
    )  # fmt: skip


def _largest_of_all(short: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    each = short.groupby("person_key")[["hours", "cost"]].sum()
    return {
        f"{of}_to_close": (float(each[of].sum()), *two_largest(each[of]))
        for of in ("hours", "cost")
    }


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
    skill, skills = pd.factorize(frame["skill_id"], sort=True)
    n_asked = np.bincount(skill, minlength=len(skills))
    is_shared = n_asked >= _SHARED * persons(frame)
    is_usable = frame["level"].notna().to_numpy() & (frame["basis"] != "self_only").to_numpy()
    at = np.flatnonzero(is_usable & is_shared[skill])
    if not len(at):
        return np.zeros(0, dtype=int), np.zeros((0, 0)), np.zeros((0, 0))
    person, people = pd.factorize(frame["person_key"].to_numpy()[at], sort=True)
    column = (np.cumsum(is_shared) - 1)[skill[at]]
    x, w = (np.zeros((len(people), int(is_shared.sum()))) for _ in range(2))
    seen = np.zeros(x.shape, dtype=bool)
    x[person, column] = frame["shortfall"].to_numpy(float)[at]
    w[person, column] = frame["trust"].to_numpy(float)[at]
    seen[person, column] = True
    some = seen.any(axis=0)
    x, w, seen = x[:, some], w[:, some], seen[:, some]
    kept = seen.sum(axis=1) >= max(_FEWEST_RATED * int(is_shared.sum()), 1)
    return np.asarray(people)[kept], x[kept], w[kept]


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
        Family SEGMENTS, three rows a cohort: ``cohort`` (its number and its skills: those in which
        it is shorter than everyone else by more than chance), ``place, skill, shortfall, low, high,
        others`` (shortfall of everyone else), ``content`` (what most of its people could take
        next), ``hours`` a person to close the skill, ``n``. Estimates ``cohort_size`` by cohort.

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
    0  1: Prose      1  Prose        0.5     0.1            0.0
    1  1: Prose      2   Sums        0.1     0.5  Sums I    1.5
    2   2: Sums      1   Sums        0.5     0.1  Sums I    1.5
    3   2: Sums      2  Prose        0.1     0.5            0.0
    """
    name, members = "cohorts", clusters.members
    if members is None or members.empty:
        return not_enough(name, Family.SEGMENTS, "people do not fall into "
                          "groups that lack the same skills")  # fmt: skip
    joined = frame[frame["level"].notna()].merge(members, on="person_key")
    n_all = len(members)
    hours = found.frame.set_index(_CELL)["hours"] if len(found.frame) else pd.Series(dtype=float)
    rows, estimates = [], []
    labels = _labels(joined)
    for cohort in sorted(labels):
        part, label = joined[joined["cohort"] == cohort], labels[cohort]
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
            each = hours.reindex(need).fillna(0.0)
            takes = float(each.mean()) if hours.notna().any() else np.nan
            rows.append(
                (label, place, skill, value, max(low, 0.0), high,
                 float(usual.get(skill, math.nan)), _next_content(here, supply), takes, n,
                 *two_largest(each.groupby(level=0).sum()), float(each.sum()))
            )  # fmt: skip
        estimates.append(
            Estimate("cohort_size", n / n_all, math.nan, math.nan, n, "share", Grade.DESCRIPTIVE,
                     label)
        )  # fmt: skip
    columns = ["cohort", "place", "skill", "shortfall", "low", "high", "others", "content",
               "hours", "n", *_LARGEST[:3]]  # fmt: skip
    return Result(
        name, Family.SEGMENTS, _tidy(pd.DataFrame(rows, columns=columns)),
        {
            "cohort": Role.KEY, "place": Role.KEY, "skill": Role.KEY, "shortfall": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "others": Role.VALUE, "content": Role.FLAG,
            "hours": Role.VALUE, "n": Role.N,
        },
        tuple(estimates), "Mean shortfalls of each cohort.", {"n_placed": n_all},
        sums={"hours": _SUMS["hours"]}, beside=("shortfall", "low", "high", "others"),
    )  # fmt: skip


def _labels(joined: pd.DataFrame) -> dict[int, str]:
    """Name each cohort by the skills in which it is shorter than all others, two at most."""
    labels = {}
    skills = sorted(set(joined["skill"]))
    for cohort in sorted(set(joined["cohort"])):
        apart = []
        for skill in skills:
            part = joined[joined["skill"] == skill]
            here, others = part[part["cohort"] == cohort], part[part["cohort"] != cohort]
            if min(persons(here), persons(others)) < MIN_PEOPLE:
                continue
            value, low, _ = _mean(here)
            rest, rest_low, _ = _mean(others)
            more = value - rest
            if more > max(math.hypot(value - low, rest - rest_low), WORTH):
                apart.append((more, skill))
        apart.sort(key=lambda pair: (-pair[0], pair[1]))
        words = " and ".join(skill for _, skill in apart[:2]) or "nothing of their own"
        labels[int(cohort)] = f"{cohort}: {words}"[:120]
    return labels


def cohort_plan(
    clusters: Result, found: Result, supply: pd.DataFrame, frame: pd.DataFrame
) -> Result:
    """Say for each cohort what closing its gaps takes, and which skills nothing on offer teaches.

    Parameters
    ----------
    clusters, found, supply, frame
        As for :func:`cohorts`.

    Returns
    -------
    Result
        Family SEGMENTS, a row a cohort: ``cohort, hours`` (a person, over all skills), ``low,
        high, total_hours, total_cost, closable`` (share of its gaps that content leads over),
        ``untaught`` (skills in which at least ten are short and that no content teaches), ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family
    >>> rows = [(p, str(s), ["Sums", "Prose"][s], [(0.1, 0.5), (0.5, 0.1)][p % 2][s])
    ...         for p in range(60) for s in range(2)]
    >>> frame = pd.DataFrame(rows, columns=["person_key", "skill_id", "skill", "shortfall"])
    >>> frame = frame.assign(level=0.6 - frame["shortfall"], target=0.6, gap=frame["shortfall"],
    ...                      short=1.0, noise=0.0, bias_se=0.0, square=frame["shortfall"] ** 2)
    >>> members = pd.DataFrame({"person_key": range(60), "cohort": [1, 2] * 30})
    >>> found = Result("clusters", Family.MODEL, members, {}, members=members)
    >>> supply = pd.DataFrame({"skill_id": ["0"], "content_id": "c1", "title": "Sums I",
    ...                        "minutes": 90.0, "cost": 20.0, "currency": "EUR",
    ...                        "level_from": 0.0, "level_to": 0.6})
    >>> shown = cohort_plan(found, closing(frame, supply), supply, frame).frame
    >>> shown[["cohort", "hours", "total_cost", "closable", "untaught"]].round(2)
         cohort  hours  total_cost  closable untaught
    0  1: Prose    1.5       600.0      0.17    Prose
    1   2: Sums    1.5       600.0      0.83    Prose
    """
    name, members = "cohort_plan", clusters.members
    if members is None or members.empty:
        return not_enough(name, Family.SEGMENTS, "people do not fall into "
                          "groups that lack the same skills")  # fmt: skip
    if found.is_empty:
        return not_enough(name, Family.SEGMENTS, found.missing)
    if found.parameters.get("no_supply"):
        return not_enough(name, Family.SEGMENTS, str(found.parameters["no_supply"]))
    labels = _labels(frame[frame["level"].notna()].merge(members, on="person_key"))
    short = found.frame.merge(members, on="person_key")
    taught = set(supply["skill_id"])
    rows = []
    for cohort, label in labels.items():
        part, n = short[short["cohort"] == cohort], int((members["cohort"] == cohort).sum())
        hours = part.groupby("person_key")["hours"].sum(min_count=1).to_numpy(float)
        known = hours[~np.isnan(hours)]
        mean = float(known.sum()) / n if len(known) or part.empty else math.nan
        half = _half(known, n)
        gap = part["gap"].where(part["closable"].notna())
        closable = float((gap * part["closable"]).sum() / gap.sum()) if gap.sum() > 0 else math.nan
        nobody = part[~part["skill_id"].isin(taught)].groupby("skill")["person_key"].nunique()
        untaught = sorted(nobody[nobody >= MIN_PEOPLE].index)
        rows.append(
            (label, mean, max(mean - half, 0.0), mean + half, float(known.sum()),
             float(part["cost"].sum(skipna=False)), closable, ", ".join(untaught)[:200], n,
             *_largest(part))
        )  # fmt: skip
    columns = ["cohort", "hours", "low", "high", "total_hours", "total_cost", "closable",
               "untaught", "n", *_LARGEST]  # fmt: skip
    return Result(
        name, Family.SEGMENTS, _tidy(pd.DataFrame(rows, columns=columns)),
        {
            "cohort": Role.KEY, "hours": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "total_hours": Role.VALUE, "total_cost": Role.VALUE, "closable": Role.RATE,
            "untaught": Role.FLAG, "n": Role.N,
        },
        (), "Shortest way through the content on offer, summed over each person's skills.",
        {**found.parameters}, sums=_SUMS,
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
        _checks.at_least("rating_coverage", _percent(covered, "rating_coverage"), 60.0),
        _checks.at_most("rating_age", age, half_life),
        _checks.at_most("self_only", _percent(known, "self_only_share"), 50.0),
        _checks.at_most("bias_told", _sources_untold(found), 0.0),
        _checks.at_most("flattery", _largest_bias(found), 15.0),
        _checks.at_least("stability", _stability_of(clusters), _stability.STABLE),
        _checks.at_least("beyond_null", _beyond(clusters), _stability.APART),
    ]
    return _checks.trust(rows)


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


def _each(metric: str, row: dict[Any, Any], *columns: str) -> Estimate:
    value, low, high = (round(float(row[c]), 6) for c in columns)
    label = str(row["skill"])
    return Estimate(metric, value, low, high, int(row["n"]), "points", Grade.ADJUSTED, label)


def _flags(frame: pd.DataFrame) -> dict[str, Scalar]:
    has_se = "target_se" in frame.columns and frame["target_se"].notna().any()
    is_exact = bool("se" in frame.columns and not (frame["se"].fillna(0) > 0).any())
    return {"has_target_error": bool(has_se), "is_upper_bound": is_exact}


def _missing(
    frame: pd.DataFrame, name: str, family: Family, otherwise: str = "nothing has been rated"
) -> Result:
    return not_enough(name, family, str(frame.attrs.get("missing") or otherwise))
