"""Tabulate who answers, weights, scores, what people want and what promoters do."""

from __future__ import annotations

from collections.abc import Callable

from ldresearch import tables
from ldresearch.result import Published, Scalar
from ldresearch.tables import Table
from ldresearch.wording import number, percent

CATEGORIES = {
    "attractive": "a delight: not expected, and it adds",
    "one-dimensional": "the more the better",
    "must-be": "taken for granted: only its absence is felt",
    "indifferent": "nobody minds",
    "reverse": "unwanted",
    "questionable": "answers contradict themselves",
}
"""Kano's categories in plain words."""

_STANDING = {"more": "answer more", "fewer": "answer less", "in line": "", "": ""}
_BY = {"wave": "survey of"}
_WEIGHTED = {
    "converged": "all margins met", "trimmed": "margins missed a little: weights were cut",
    "contradictory": "margins contradict each other: not weighted", "unweighted": "not weighted",
}  # fmt: skip


def response(published: Published, *_: Published) -> Table:
    """Tabulate which share answered, by wave and group."""
    labels = {
        "by": "by", "standing": "against the others", "n_answered": "answered", "n": "eligible",
        "share": "share", "low": "from", "high": "to",
    }  # fmt: skip
    formats = {"standing": _of(_STANDING), "by": _of(_BY)} if published.rows else None
    return tables.of(published, "Who answers: those who answered, of those eligible on the first "
                     "day", labels=labels, formats=formats)  # fmt: skip


def weights(published: Published, *_: Published) -> Table:
    """Tabulate what the weights come to, by wave."""
    labels = {
        "wave_on": "survey of", "standing": "outcome", "margins": "weighted by", "n": "answers",
        "off": "margin missed by, points", "trimmed": "weights cut",
        "widening": "variance is wider by", "effective": "worth so many answers",
    }  # fmt: skip
    formats = {
        "standing": _of(_WEIGHTED), "off": _short,
        "trimmed": lambda c: percent(float(c or 0)), "widening": lambda c: f"× {number(_f(c))}",
        "effective": lambda c: number(round(_f(c))),
        "margins": lambda c: str(c) or "nothing",
    } if published.rows else None  # fmt: skip
    return tables.of(published, "Weights: those who answered, made up as those who were asked",
                     labels=labels, formats=formats,
                     drop=["rounds"] if published.rows else [])  # fmt: skip


def nps(published: Published, *_: Published) -> Table:
    """Tabulate the score of each wave."""
    labels = {
        "wave_on": "survey of", "nps": "score", "low": "from", "high": "to", "raw": "as answered",
        "n": "answers",
    }  # fmt: skip
    whole = dict.fromkeys(("nps", "low", "high", "raw"), _whole) if published.rows else None
    drop = ["interval"] if published.rows else []
    return tables.of(published, "Net promoter score, with 95 % intervals", labels=labels,
                     formats=whole, drop=drop)  # fmt: skip


def pmf(published: Published, *_: Published) -> Table:
    """Tabulate which share would be very disappointed without it."""
    labels = {
        "item": "without", "wave_on": "survey of", "standing": "against 40 %",
        "share": "very disappointed", "low": "from", "high": "to", "n": "who use it",
    }  # fmt: skip
    formats = {"standing": lambda c: {"open": "cannot be told"}.get(str(c), str(c))}
    return tables.of(published, "Who would be very disappointed without it", labels=labels,
                     formats=formats if published.rows else None)  # fmt: skip


def likert(published: Published, *_: Published) -> Table:
    """Tabulate which share agrees with each statement."""
    labels = {
        "item": "statement", "wave_on": "survey of", "share": "agree", "low": "from",
        "high": "to", "n": "answers",
    }  # fmt: skip
    return tables.of(published, "Statements and how many agree", labels=labels)


def kano(published: Published, *_: Published) -> Table:
    """Tabulate what each feature would add and what its absence would cost."""
    labels = {
        "item": "feature", "category": "what it is to most", "standing": "for sure",
        "better": "would add", "better_low": "from", "better_high": "to",
        "worse": "absence would cost", "worse_low": "from ", "worse_high": "to ", "n": "answers",
    }  # fmt: skip
    formats = {
        "category": _of(CATEGORIES),
        "standing": lambda c: "yes" if c == "clear" else "no: close to another",
    }
    return tables.of(published, "Features: what they would add, and cost by their absence",
                     labels=labels, formats=formats if published.rows else None,
                     drop=["wave_on"] if published.rows else [])  # fmt: skip


def drivers(published: Published, *_: Published) -> Table:
    """Tabulate how much each statement goes with recommending."""
    labels = {
        "item": "statement", "standing": "more than chance", "weight": "share of what is explained",
        "low": "from", "high": "to", "slope": "points of 10 for one step", "slope_low": "from ",
        "slope_high": "to ", "n": "answers",
    }  # fmt: skip
    shares = dict.fromkeys(("weight", "low", "high"), lambda c: percent(_f(c)))
    formats = {**shares, "standing": lambda c: "yes" if c == "told" else "no",
               **dict.fromkeys(("slope", "slope_low", "slope_high"), _short)}  # fmt: skip
    return tables.of(published, "What goes with recommending", labels=labels,
                     formats=formats if published.rows else None)  # fmt: skip


def behaviour(published: Published, *_: Published) -> Table:
    """Tabulate the days with value of promoters, passives and detractors."""
    labels = {
        "group": "answer", "mean": "days after", "low": "from", "high": "to",
        "before": "days before",
    }  # fmt: skip
    short = dict.fromkeys(("mean", "low", "high", "before"), _short) if published.rows else None
    return tables.of(published, "Days with value a person, after the answer and before",
                     labels=labels, formats=short)  # fmt: skip


def _of(words: dict[str, str]) -> Callable[[Scalar], str]:
    return lambda cell: words.get(str(cell), str(cell))


def _f(cell: Scalar) -> float:
    return float(cell or 0)


def _whole(cell: Scalar) -> str:
    return number(round(_f(cell)))


def _short(cell: Scalar) -> str:
    return number(round(_f(cell), 2), 2)
