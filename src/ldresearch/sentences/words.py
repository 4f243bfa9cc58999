"""Estimates, people and grades in plain words; how numbers are written comes with it."""

from __future__ import annotations

import math

from ldresearch.result import Estimate
from ldresearch.vocabulary import Direction, Grade, metrics
from ldresearch.wording import (
    HIDDEN,
    LEAST,
    MINUS,
    NOT_KNOWN,
    NOT_REACHED,
    date,
    days,
    fixed,
    listing,
    measured,
    number,
    percent,
    period,
    plural,
    points,
    proportion,
    quantity,
    rounded,
    sentence,
)

__all__ = [
    "HIDDEN", "MINUS", "NOT_KNOWN", "NOT_REACHED", "change", "date", "days", "estimate",
    "estimate_with_interval", "fixed", "grade", "interval", "listing", "measured", "number",
    "percent", "period", "persons", "plural", "points", "proportion", "quantity", "rounded",
    "sentence", "shown", "supported", "value",
]  # fmt: skip

_GRADES = {
    Grade.RANDOMISED: "strong evidence: groups were drawn at random",
    Grade.QUASI_EXPERIMENTAL: "fair evidence: compared with a similar group",
    Grade.ADJUSTED: "limited evidence: adjusted for known differences",
    Grade.DESCRIPTIVE: "a description: it does not say why",
}


def persons(n: float | None, *, exact: bool = False) -> str:
    """Say how many people; "about", since published counts are rounded.

    Parameters
    ----------
    n : float or None
        ``None`` for a hidden count.
    exact : bool
        For public data, which are not rounded.

    Examples
    --------
    >>> persons(1400), persons(1, exact=True), persons(0)
    ('about 1,400 people', '1 person', 'no people')
    """
    if n is None or math.isnan(n):
        return "too few people to show"
    whole = round(n)
    if whole == 0:
        return "no people"
    said = f"{number(whole)} {'person' if whole == 1 else 'people'}"
    return said if exact else f"about {said}"


def grade(strength: Grade | str) -> str:
    """Say how strong the evidence is.

    Examples
    --------
    >>> grade("adjusted")
    'limited evidence: adjusted for known differences'
    """
    return _GRADES[Grade(strength)]


def value(x: float | None, unit: str) -> str:
    """Say a number by its unit, as in the registry.

    Examples
    --------
    >>> value(0.72, "share"), value(26, "days"), value(1.83, "ratio"), value(0.09, "points")
    ('72 %', '26 days', '1.83', '+9 points')
    >>> value(0.0000579, "index")
    'under 0.001'
    """
    if x is None or not math.isfinite(x):
        return number(x)
    if unit in ("share", "probability"):
        return percent(x)
    if unit == "percent":
        return f"{fixed(x)} %"
    if unit == "points":
        return points(x)
    if unit == "days":
        return days(x)
    if unit == "persons":
        return f"{fixed(x)} {'person' if round(x) == 1 else 'people'}"
    if unit in ("", "ratio", "score", "index", "coefficient"):
        return measured(x)
    return quantity(x, unit)


def shown(x: float, unit: str) -> float:
    """Round a number as :func:`value` writes it.

    Examples
    --------
    >>> shown(0.7249, "share"), shown(26.2, "days"), shown(1.8349, "ratio"), shown(12345.0, "ratio")
    (0.72, 26, 1.83, 12345.0)
    """
    if not math.isfinite(x) or x == round(x):
        return x
    if unit in ("share", "probability", "points"):
        return round(x * 100) / 100
    if unit in ("days", "persons", "percent"):
        return round(x)
    return rounded(x) if abs(x) >= LEAST else 0.0


def supported(e: Estimate, x: float) -> float:
    """Round a number to what the interval of an estimate supports: two digits of its width.

    Parameters
    ----------
    e : Estimate
    x : float
        Its value, or an end of its interval.

    Examples
    --------
    >>> wide = Estimate("quick_ratio", 1.832, 1.213, 2.748, 400, "ratio")
    >>> supported(wide, 1.832), supported(wide, 1.213)
    (1.8, 1.2)
    """
    width = e.high - e.low
    if not (math.isfinite(x) and math.isfinite(width) and width > 0):
        return x
    kept = round(x, max(0, 1 - math.floor(math.log10(width))))
    # A share is written in percent: its second decimal is a whole one.
    return x if e.unit in ("share", "probability", "points") else kept


def estimate(e: Estimate) -> str:
    """Say an estimate by its unit, without its interval, to as many digits as that supports.

    Examples
    --------
    >>> estimate(Estimate("activation_rate", 0.72, 0.68, 0.76, 400, "share"))
    '72 %'
    >>> estimate(Estimate("quick_ratio", 1.832, 1.213, 2.748, 400, "ratio"))
    '1.8'
    """
    return value(supported(e, e.value), e.unit)


def interval(e: Estimate) -> str:
    """Say the 95 % interval of an estimate; empty where it has none.

    Examples
    --------
    >>> interval(Estimate("activation_rate", 0.72, 0.68, 0.76, 400, "share"))
    '95 % interval 68 to 76 %'
    >>> interval(Estimate("survival_median", 40, 23, float("inf"), 400, "days"))
    '95 % interval from 23 days, upper end not reached'
    >>> interval(Estimate("population_stability", 0.00002, 0.00001, 0.00008, 400, "index"))
    '95 % interval under 0.001'
    """
    if math.isnan(e.low) or math.isnan(e.high):
        return ""
    if math.isinf(e.low):
        return f"95 % interval {NOT_REACHED}"
    if math.isinf(e.high):
        return f"95 % interval from {value(e.low, e.unit)}, upper end {NOT_REACHED}"
    low, high = (value(supported(e, end), e.unit) for end in (e.low, e.high))
    if low == high and max(abs(e.low), abs(e.high)) < LEAST:
        return f"95 % interval {low}"
    number_of_low, _, unit_of_low = low.partition(" ")
    number_of_high, _, unit_of_high = high.partition(" ")
    shared = unit_of_low.rstrip("s") == unit_of_high.rstrip("s")
    begin = number_of_low if shared else low
    return f"95 % interval {begin} to {number_of_high} {unit_of_high}".rstrip()


def estimate_with_interval(e: Estimate) -> str:
    """Say an estimate and, in brackets, its interval.

    Examples
    --------
    >>> estimate_with_interval(Estimate("activation_rate", 0.72, 0.68, 0.76, 400, "share"))
    '72 % (95 % interval 68 to 76 %)'
    """
    said = interval(e)
    return f"{estimate(e)} ({said})" if said else estimate(e)


def change(now: Estimate, before: Estimate) -> str:
    """Say how a number moved since an earlier run, and whether the intervals still overlap.

    Parameters
    ----------
    now, before : Estimate
        Of the same metric and unit.

    Examples
    --------
    >>> before = Estimate("activation_rate", 0.68, 0.66, 0.70, 400, "share")
    >>> change(Estimate("activation_rate", 0.72, 0.71, 0.74, 420, "share"), before)
    'up 4 points, which is better'
    >>> change(Estimate("activation_rate", 0.69, 0.66, 0.72, 420, "share"), before)
    'up 1 point; the intervals overlap'
    >>> change(before, before)
    'no change'
    """
    if not now.is_known or not before.is_known:
        return "not comparable"
    if now.unit != before.unit:
        return "not comparable: the unit changed"
    if estimate(now) == estimate(before):
        return "no change"
    if math.isinf(now.value) or math.isinf(before.value):
        return f"was {estimate(before)}"
    # Of what is shown, and no finer: a reader can work it out, and it tells nothing that is not.
    difference = _shown(now, now.value) - _shown(before, before.value)
    said = f"{'up' if difference > 0 else 'down'} {_size(difference, now.unit)}"
    if _overlap(now, before):
        return f"{said}; the intervals overlap"
    return said + _verdict(now.metric, difference)


def _size(difference: float, unit: str) -> str:
    size = abs(difference)
    if unit in ("share", "points"):
        return points(size).lstrip("+")
    return value(size, unit)


def _shown(e: Estimate, x: float) -> float:
    return shown(supported(e, x), e.unit)


def _overlap(now: Estimate, before: Estimate) -> bool:
    ends = [_shown(e, end) for e in (now, before) for end in (e.low, e.high)]
    if any(math.isnan(end) for end in ends):
        return False
    return ends[0] <= ends[3] and ends[2] <= ends[1]


def _verdict(metric: str, difference: float) -> str:
    known = metrics().get(metric)
    if known is None or known.direction is Direction.NEITHER:
        return ""
    better = (difference > 0) == (known.direction is Direction.UP)
    return f", which is {'better' if better else 'worse'}"
