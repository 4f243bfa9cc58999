"""Values about persons: sums that one of them makes, quantiles that are one of them, and shares
of a property that is nobody's business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from ldresearch.errors import DisclosureError, message
from ldresearch.privacy import rounding
from ldresearch.result import Estimate, Result, Rules
from ldresearch.vocabulary import Family, Role, metrics

DOMINANCE = 0.9
"""The two largest may not make more than this of a sum."""

NEARNESS = 0.1
"""What the rest adds has to be at least this share of the largest: or the second largest, who
knows their own, would know the largest almost exactly."""

QUANTILES = {
    "time_to_first_value": 0.5, "survival_median": 0.5, "survival_quartile": 0.25,
    "lift_half_life": 0.5, "rfm_recency": 0.5, "rfm_frequency": 0.5, "rfm_minutes": 0.5,
}  # fmt: skip
"""Metrics of the registry that are a quantile of times of persons."""

_ADDED_UP = frozenset({"minutes", "hours", "seconds", "cost", "costs", "money", "price"})
_UNITS = frozenset({"minutes", "hours", "money"})


def hide(shown: pd.DataFrame, result: Result, rules: Rules) -> int:
    """Blank sums that one or two persons make, and quantiles near the ends.

    Parameters
    ----------
    shown : pandas.DataFrame
        The rows to be published; changed in place.
    result : Result
        With the shares of the largest (``sums``) and the levels of quantiles.
    rules : Rules

    Returns
    -------
    int
        Cells that were hidden.

    Raises
    ------
    DisclosureError
        If a result of quantiles does not say which, or one of minutes, hours or money not what
        the largest persons have in it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unit": ["A", "B"], "minutes": [1000.0, 1000.0],
    ...                       "most": [880.0, 90.0], "next": [60.0, 80.0], "n": [40, 40]})
    >>> roles = {"unit": Role.KEY, "minutes": Role.VALUE, "n": Role.N}
    >>> minutes = Result("m", Family.MEANS, frame, roles, sums={"minutes": ("most", "next")})
    >>> shown = frame.astype(object)
    >>> hide(shown, minutes, Rules()), shown["minutes"].tolist()
    (1, [None, 1000.0])
    """
    values = [c for c, role in result.roles.items() if role is Role.VALUE]
    _check_sums(result, values)
    if result.family is Family.QUANTILES and not set(values) <= set(result.quantiles):
        raise DisclosureError(
            message("a quantile must say which one it is", where=result.name,
                    got=sorted(set(values) - set(result.quantiles)),
                    do='name it in quantiles={"column": 0.5}')
        )  # fmt: skip
    hidden = 0
    for column in result.sums:
        lost = dominated(result, column)
        # What else is said of it, its interval and spread, would say it again.
        alike = [c for c, r in result.roles.items() if r in (Role.VALUE, Role.LOW, Role.HIGH)]
        alike = [column, *(c for c in alike if c not in result.beside)]
        hidden += sum(_blank(shown, c, lost) for c in dict.fromkeys(alike))
    n = next(c for c, role in result.roles.items() if role is Role.N)
    ends = [c for c, role in result.roles.items() if role in (Role.LOW, Role.HIGH)]
    for column, level in result.quantiles.items():
        lost = [_beyond(persons, level) < rules.k for persons in result.frame[n].fillna(0)]
        hidden += _blank(shown, column, lost)
        if result.family is Family.QUANTILES:
            hidden += sum(_blank(shown, end, lost) for end in ends)
    return hidden


def _check_sums(result: Result, values: list[str]) -> None:
    known = {*result.sums, *result.quantiles, *result.beside}
    told = {*result.sums, *result.largest, *result.quantiles, *result.beside, *QUANTILES}
    forgotten = [c for c in values if _ADDED_UP.intersection(c.split("_")) and c not in known]
    if result.family is Family.CHECKS:
        forgotten = []  # what was typed in, and what is made of it
    of = metrics()
    forgotten += [
        e.metric for e in result.estimates
        if e.metric not in told
        and (e.unit in _UNITS or (e.metric in of and of[e.metric].unit in _UNITS))
    ]  # fmt: skip
    if forgotten:
        raise DisclosureError(
            message("a sum or mean must say what the largest persons have in it",
                    where=result.name, got=sorted(set(forgotten)),
                    do="name it in sums or largest, or in beside if no person adds to it")
        )  # fmt: skip


def is_made_by_few(result: Result, metric: str) -> bool:
    """Tell whether one or two persons make an estimate, or a row of what it is the total of.

    Parameters
    ----------
    result : Result
    metric : str
        Of an estimate.

    Returns
    -------
    bool
        False for what adds nothing up.

    Examples
    --------
    >>> frame = pd.DataFrame({"n": [40]})
    >>> result = Result("m", Family.MEANS, frame, {"n": Role.N},
    ...                 largest={"learning_minutes": (1000.0, 980.0, 10.0)})
    >>> is_made_by_few(result, "learning_minutes")
    True
    """
    if metric not in result.largest:
        return False
    # Of a total and all rows but one, the hidden one is the rest.
    rows = any(any(dominated(result, column)) for column in result.sums)
    return rows or _is_dominated(*result.largest[metric])


def dominated(result: Result, column: str) -> list[bool]:
    """Tell the rows of which one or two persons make the sum.

    Parameters
    ----------
    result : Result
    column : str
        One of its ``sums``.

    Returns
    -------
    list of bool
        Whether it is so, row by row.

    Examples
    --------
    >>> frame = pd.DataFrame({"minutes": [1000.0], "most": [980.0], "next": [10.0], "n": [40]})
    >>> result = Result("m", Family.MEANS, frame, {"minutes": Role.VALUE, "n": Role.N},
    ...                 sums={"minutes": ("most", "next")})
    >>> dominated(result, "minutes")
    [True]
    """
    largest, second, *rest = result.sums[column]
    cells = result.frame[[rest[0] if rest else column, largest, second]]
    return [_is_dominated(*map(float, one)) for one in cells.itertuples(index=False)]


def _is_dominated(total: float, largest: float, second: float) -> bool:
    """Whether two persons make the sum, or the rest hides the largest too little."""
    if not total > 0:
        return False
    rest = total - largest - second
    return not (largest + second <= DOMINANCE * total and rest >= NEARNESS * largest)


def _beyond(n: float, level: float) -> float:
    """Persons on the thinner side of a quantile."""
    return math.floor(float(n) * min(level, 1 - level) + 1e-9)


def _blank(shown: pd.DataFrame, column: str, lost: list[bool]) -> int:
    was = shown[column].notna().to_numpy()
    shown.loc[lost, [column]] = None
    return int((was & shown[column].isna().to_numpy()).sum())


def has_both_sides(estimate: Estimate, k: int) -> bool:
    """Whether at least ``k`` persons lie on each side of what is a quantile of persons.

    Parameters
    ----------
    estimate : Estimate
    k : int

    Returns
    -------
    bool
        True also for what is no quantile.

    Examples
    --------
    >>> median = Estimate("survival_median", 41.0, 30.0, 55.0, 19, "days")
    >>> has_both_sides(median, 10)
    False
    """
    level = QUANTILES.get(estimate.metric)
    return level is None or _beyond(estimate.n, level) >= k


def blur(
    shown: pd.DataFrame, true: pd.DataFrame, names: Mapping[Role, list[str]], rules: Rules
) -> int:
    """Tell of a sensitive property only "at most" and "at least" where nearly none or all have it.

    Parameters
    ----------
    shown : pandas.DataFrame
        Rounded rows; changed in place.
    true : pandas.DataFrame
        The rows before the rules.
    names : mapping of Role to list of str
    rules : Rules

    Returns
    -------
    int
        Cells that were hidden: the count and the share. The interval stays, from 0 or up to 1.

    Raises
    ------
    DisclosureError
        Unless there is one count, of the persons of its row.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"count": [0, 200], "low": 0.0, "high": 1.0, "n": [400, 400]})
    >>> names = {role: [] for role in Role}
    >>> names |= {Role.COUNT: ["count"], Role.LOW: ["low"], Role.HIGH: ["high"], Role.N: ["n"]}
    >>> shown = frame.astype(object)
    >>> blur(shown, frame, names, Rules()), shown["count"].tolist(), shown["high"].tolist()
    (1, [None, 200], [0.03, 1.0])
    """
    if len(names[Role.COUNT]) != 1 or len(names[Role.RATE]) > 1:
        raise DisclosureError(
            message("a sensitive property is told by one count and its share", where="sensitive",
                    got=names[Role.COUNT] + names[Role.RATE])
        )  # fmt: skip
    [count], [n] = names[Role.COUNT], names[Role.N]
    has = pd.to_numeric(true[count]).fillna(0).to_numpy(dtype=float)
    people = pd.to_numeric(true[n]).fillna(0).to_numpy(dtype=float)
    is_told = pd.to_numeric(shown[n]).fillna(0).to_numpy(dtype=float) > 0
    low, high = is_told & (has < rules.k), is_told & (people - has < rules.k)
    lost: list[bool] = (low | high).tolist()
    hidden = sum(_blank(shown, column, lost) for column in [count, *names[Role.RATE]])
    bounds = [_share_of_few(rules.k, float(of)) if of else 1.0 for of in shown[n]]
    both = low & high
    lower = [1 - b if is_near else 0.0 for b, is_near in zip(bounds, high & ~both, strict=True)]
    upper = [b if is_near else 1.0 for b, is_near in zip(bounds, low & ~both, strict=True)]
    for role, ends in ((Role.LOW, lower), (Role.HIGH, upper)):
        for column in names[role]:
            _replace(shown, column, lost, ends)
    return hidden


def blur_shares(
    shown: pd.DataFrame, true: pd.DataFrame, result: Result, n: str, rules: Rules
) -> int:
    """Do the same for sensitive shares that have no count of their own.

    Parameters
    ----------
    shown : pandas.DataFrame
        Rounded rows; changed in place.
    true : pandas.DataFrame
        The rows before the rules.
    result : Result
        With its sensitive ``shares``.
    n : str
        The column of persons.
    rules : Rules

    Returns
    -------
    int
        Shares that were hidden. Their interval stays, from 0 or up to 1.

    Examples
    --------
    >>> frame = pd.DataFrame({"skill": ["a", "b"], "at": [0.0, 0.5], "low": [0.0, 0.4],
    ...                       "high": [0.1, 0.6], "n": [100, 100]})
    >>> roles = {"skill": Role.KEY, "at": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
    ...          "n": Role.N}
    >>> result = Result("a", Family.MEANS, frame, roles, shares={"at": ("low", "high")})
    >>> shown = frame.astype(object)
    >>> blur_shares(shown, frame, result, "n", Rules()), shown["at"].tolist()
    (1, [None, 0.5])
    """
    hidden = 0
    people = pd.to_numeric(true[n]).fillna(0).to_numpy(dtype=float)
    for column, (low, high, *again) in result.shares.items():
        share = pd.to_numeric(true[column]).to_numpy(dtype=float)
        lowest = pd.to_numeric(true[low]).to_numpy(dtype=float)
        sign = -1.0 if (share < 0).any() or (lowest < 0).any() else 1.0
        if sign < 0:
            share, low, high = -share, high, low
        told = pd.to_numeric(shown[n]).fillna(0).to_numpy(dtype=float)
        few, most = share * people < rules.k, (1 - share) * people < rules.k
        lost = ((told > 0) & (few | most)).tolist()
        bounds = [_share_of_few(rules.k, of) if of else 1.0 for of in told]
        hidden += sum(_blank(shown, c, lost) for c in (column, *again))
        one_sided = list(zip(bounds, few, most, strict=True))
        ends = ((low, [1 - b if m and not f else 0.0 for b, f, m in one_sided]),
                (high, [b if f and not m else 1.0 for b, f, m in one_sided]))  # fmt: skip
        for end, said in ends:
            _replace(shown, end, lost, [sign * x if x else 0.0 for x in said])
    return hidden


def coded(result: Result, rules: Rules) -> dict[int, tuple[float, float, float] | None]:
    """Return what is told of scores where fewer than ``k`` said otherwise than most.

    It is told as if ``k`` had, with an interval from twice as many on: so a hundred looks like
    whatever fewer than ``k`` can change, and no one's answer follows from it.

    Parameters
    ----------
    result : Result
        With its ``scores``.
    rules : Rules

    Returns
    -------
    dict of int to tuple of float, or None
        Row to value and interval; ``None`` where the score is not told.

    Examples
    --------
    >>> frame = pd.DataFrame({"nps": [100.0, 20.0], "others": [0, 24], "most": [1, 1],
    ...                       "n": [40, 60]})
    >>> said = Result("nps", Family.MODEL, frame, {"nps": Role.VALUE, "n": Role.N},
    ...               scores={"nps": ("others", "most")})
    >>> coded(said, Rules())
    {0: (75.0, 50.0, 100.0)}
    """
    if not result.scores:
        return {}
    others, *side = next(iter(result.scores.values()))
    n = next(c for c, role in result.roles.items() if role is Role.N)
    told: dict[int, tuple[float, float, float] | None] = {}
    for i, row in enumerate(result.frame.to_dict("records")):
        if not row[others] < rules.k:
            continue
        people = rounding.to_base(float(row[n]), rules.base)
        far = 100.0 - farthest(people, rules.k)
        if not side:
            told[i] = None
        elif row[side[0]] == 0:
            told[i] = (0.0, -far, far)
        else:
            ends = sorted((row[side[0]] * (100 - 2 * far), row[side[0]] * 100.0))
            told[i] = (row[side[0]] * (100 - far), *ends)
    return told


def farthest(n: float, k: int) -> float:
    """Return the farthest a score may be told from nought: as if ``k`` answers were opposite.

    Parameters
    ----------
    n : float
        People who answered.
    k : int
        Fewest people that may be told apart.

    Returns
    -------
    float
        0 to 100; 0 where nobody, or no more than ``k``, answered.

    Examples
    --------
    >>> farthest(40, 10), farthest(1000, 10), farthest(8, 10)
    (75.0, 99.0, 0.0)
    """
    return 100.0 - math.ceil(100 * min(k / n, 1.0) - 1e-9) if n else 0.0


def code_scores(
    shown: pd.DataFrame, result: Result, names: Mapping[Role, list[str]], rules: Rules
) -> int:
    """Code the scores of rows in which nearly all said the same, and hide counts of none and all.

    Parameters
    ----------
    shown : pandas.DataFrame
        Rounded rows; changed in place.
    result : Result
        With its ``scores``.
    names : mapping of Role to list of str
    rules : Rules

    Returns
    -------
    int
        Cells that were changed or hidden.

    Examples
    --------
    >>> frame = pd.DataFrame({"nps": [100.0, 20.0], "others": [0, 24], "most": [1, 1],
    ...                       "n": [40, 60]})
    >>> said = Result("nps", Family.MODEL, frame, {"nps": Role.VALUE, "n": Role.N},
    ...               scores={"nps": ("others", "most")})
    >>> shown = frame.astype(object)
    >>> names = {role: [] for role in Role} | {Role.N: ["n"]}
    >>> code_scores(shown, said, names, Rules()), shown["nps"].tolist()
    (1, [75.0, 20.0])
    """
    told = coded(result, rules)
    [n] = names[Role.N]
    changed = 0
    for i, instead in told.items():
        at = shown.index[i]
        if shown.loc[at, n] is None:
            continue
        value, low, high = instead or (None, None, None)
        for cells, new in ((list(result.scores), value), (names[Role.LOW], low),
                           (names[Role.HIGH], high)):  # fmt: skip
            for column in cells:
                shown.loc[at, column] = new
                changed += 1
    for column in names[Role.COUNT] if result.scores else ():
        count = pd.to_numeric(result.frame[column]).fillna(0).to_numpy(dtype=float)
        people = pd.to_numeric(result.frame[n]).fillna(0).to_numpy(dtype=float)
        changed += _blank(shown, column, ((count < rules.k) | (people - count < rules.k)).tolist())
    for i, (at, people) in enumerate(zip(shown.index, shown[n], strict=True)):
        if people and i not in told:
            most = farthest(people, rules.k)
            for column in result.scores:
                value = shown.loc[at, column]
                if value is not None and len(result.scores[column]) > 1:
                    shown.loc[at, column] = max(min(float(value), most), -most)
    return changed


def _share_of_few(k: int, n: float) -> float:
    return min(math.ceil(100 * k / n - 1e-9) / 100, 1.0)


def _replace(shown: pd.DataFrame, column: str, lost: list[bool], ends: list[float]) -> None:
    told = [end if gone else was for was, gone, end in zip(shown[column], lost, ends, strict=True)]
    shown[column] = pd.Series(told, index=shown.index, dtype=object)
