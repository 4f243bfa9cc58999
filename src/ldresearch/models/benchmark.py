"""Where an organisation's score stands among others, and which way all of them go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.models import _checks, rates
from ldresearch.models._asked import between, why_empty
from ldresearch.models._frame import Floats, require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

OWN: Final = "this organisation"
"""What an organisation's own survey is called beside the published ones."""

_FEWEST: Final = 8
_DRAWS: Final = 4000


@dataclass(frozen=True, slots=True)
class _Held:
    """The score that is held against the others."""

    name: str
    year: int
    score: float
    error: float
    n: int
    is_own: bool


def standing(
    scores: pd.DataFrame,
    own: pd.DataFrame,
    *,
    organisation: str = "",
    item: str = "theme",
    size_factor: float = 2.0,
    seed: int = 1,
) -> Result:
    """Tell where a score stands among organisations of like size.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``organisation, year, item, score`` (0 to 100), ``n`` (who answered; may be missing) and
        ``is_summary``.
    own : pandas.DataFrame
        ``year, item, score, sd, n`` of the organisation's own survey; may be empty.
    organisation : str
        A published organisation to hold against the others; empty: the own survey.
    item : str
        A question, or ``theme``.
    size_factor : float
        Of like size is who has at least one part and at most so many times as many answers.
    seed : int
        Of the simulation of the interval.

    Returns
    -------
    Result
        Family MODEL, the year's organisations from the lowest score: ``organisation, standing``
        (``lower`` or ``higher`` where the difference is more than chance, ``within chance``, or
        ``held`` for the one that is compared), ``score, place`` (share of organisations at or
        below), ``n`` (0: not published). Estimates ``benchmark_score`` and
        ``benchmark_percentile``: the percentage of the others that score lower, a tie counting
        half, with a 95 % interval that allows for the errors of all scores together; without
        interval where nobody says how many answered. ``parameters``: ``peers`` (``like size`` or
        ``all``), ``why`` all, ``low`` and ``high`` bounds of size, ``year``.

    Raises
    ------
    ParameterError
        For an organisation that is not there.

    References
    ----------
    Mogstad M, Romano JP, Shaikh AM, Wilhelm D (2024). Rev Econ Stud 91:476-518 (sets for ranks
    from simultaneous intervals of differences).

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"organisation": [f"O{i}" for i in range(20)], "year": 2024,
    ...                        "item": "theme", "score": [40.0 + i for i in range(20)],
    ...                        "n": 400.0, "is_summary": False})
    >>> own = pd.DataFrame({"year": [2024], "item": "theme", "score": 55.5, "sd": 40.0, "n": 300})
    >>> found = standing(scores, own)
    >>> found.estimate("benchmark_percentile").value, found.parameters["peers"]
    (80.0, 'like size')
    """
    between(size_factor, "size_factor", 1.0, 1000.0)
    if scores.empty:
        return not_enough("standing", Family.MODEL, why_empty(scores, "no published scores"))
    require(scores, ["organisation", "year", "item", "score", "n", "is_summary"], "standing")
    each = scores[~scores["is_summary"].astype(bool) & (scores["item"] == item)]
    if each.empty:
        among = ", ".join(sorted(set(scores["item"].astype(str))))
        return not_enough("standing", Family.MODEL,
                          f"no scores of {item} are published; there are {among}")  # fmt: skip
    held = _held(scores, each, own, organisation, item)
    if isinstance(held, str):
        return not_enough("standing", Family.MODEL, held)
    years = each.loc[each["year"] <= held.year, "year"]
    if years.empty:
        return not_enough("standing", Family.MODEL,
                          f"scores are published from {int(each['year'].min())} on only, and the "
                          f"survey is of {held.year}")  # fmt: skip
    year = int(years.max())
    others = each[(each["year"] == year) & (each["organisation"] != held.name)]
    peers, why, low, high = _peers(others, held, size_factor)
    if len(peers) < _FEWEST:
        return not_enough(
            "standing", Family.MODEL,
            f"{len(peers)} organisations published {item} for {year}, and a place among them takes "
            f"{_FEWEST}",
        )  # fmt: skip
    return _placed(peers, held, item, year, seed, {
        "peers": "all" if why else "like size", "why": why, "low": low, "high": high,
        "year": year, "item": item, "held": held.name, "of_year": held.year, "others": len(peers),
    })  # fmt: skip


def _held(
    scores: pd.DataFrame, each: pd.DataFrame, own: pd.DataFrame, organisation: str, item: str
) -> _Held | str:
    """Find the score that is compared, or say why there is none."""
    if organisation:
        names = sorted(set(scores.loc[~scores["is_summary"].astype(bool), "organisation"]))
        if organisation not in names:
            raise ParameterError(
                message("no such organisation", where="organisation", got=organisation[:80],
                        do=did_you_mean(organisation[:80], names))
            )  # fmt: skip
        rows = each[each["organisation"] == organisation]
        if rows.empty:
            return f"{organisation} published no score of {item}"
        row = rows.sort_values("year").iloc[-1]
        n = 0 if pd.isna(row["n"]) else int(row["n"])
        value = float(row["score"])
        return _Held(organisation, int(row["year"]), value, _error(value, n), n, False)
    rows = own[own["item"] == item] if len(own) else own
    if not len(rows):
        return (
            "there is no survey of its own with these questions, and no organisation is named: "
            "name one, or ask the same questions"
        )
    row = rows.sort_values("year").iloc[-1]
    n, value = int(row["n"]), float(row["score"])
    spread = float(row["sd"]) if pd.notna(row["sd"]) else 0.0
    # Everyone of one mind: what chance would leave of it is told by Wilson, not by a spread of 0.
    low, high = rates.wilson(value / 100 * n, n)
    error = max(spread / math.sqrt(n), 100 * float(high - low) / (2 * rates.Z95)
                if spread == 0 else 0.0)  # fmt: skip
    return _Held(OWN, int(row["year"]), value, error, n, True)


def _error(score: float, n: float) -> float:
    """Return the standard error of a published score; nought where n is not published.

    Of a mean over several questions it is the most it can be: that of one question.
    """
    share = min(max(score / 100, 0.0), 1.0)
    return 100 * math.sqrt(share * (1 - share) / n) if n and n == n else 0.0


def _peers(
    others: pd.DataFrame, held: _Held, factor: float
) -> tuple[pd.DataFrame, str, float, float]:
    """Return those of like size, or all with the reason."""
    if not held.n:
        return others, "how many answered is not published", math.nan, math.nan
    low, high = held.n / factor, held.n * factor
    near = others[(others["n"] >= low) & (others["n"] <= high)]
    if others["n"].notna().sum() < _FEWEST:
        return others, "how many answered is not published", low, high
    if len(near) < _FEWEST:
        return others, f"fewer than {_FEWEST} organisations are of like size", low, high
    return near, "", low, high


def _placed(
    peers: pd.DataFrame, held: _Held, item: str, year: int, seed: int,
    parameters: dict[str, str | int | float],
) -> Result:  # fmt: skip
    score = peers["score"].to_numpy(dtype=float)
    n = peers["n"].to_numpy(dtype=float)
    error = np.array([_error(s, m) for s, m in zip(score, n, strict=True)])
    below = (score < held.score).sum() + 0.5 * (score == held.score).sum()
    percentile = 100 * float(below) / len(score)
    is_known = held.error > 0
    lower, higher = np.zeros(len(score), dtype=bool), np.zeros(len(score), dtype=bool)
    low = high = math.nan
    if is_known:
        difference = held.score - score
        spread = np.hypot(held.error, error)
        bound = _bound(held.error, error, seed) * spread
        lower, higher = difference > bound, difference < -bound
        low = 100 * float(lower.mean())
        high = 100 * float(1 - higher.mean())
    told = np.select([lower, higher], ["lower", "higher"], "within chance" if is_known else "")
    rows = pd.DataFrame(
        {
            "organisation": [*peers["organisation"].astype(str), held.name],
            "standing": [*told, "held"],
            "score": [*score, held.score],
            "n": [*np.nan_to_num(n).astype(int), held.n],
        }
    ).sort_values(["score", "organisation"], kind="stable", ignore_index=True)  # fmt: skip
    rows["place"] = 100 * rows["score"].rank(method="max") / len(rows)
    half = rates.Z95 * held.error if is_known else math.nan
    return Result(
        "standing", Family.MODEL, rows,
        {
            "organisation": Role.KEY, "standing": Role.KEY, "score": Role.VALUE,
            "place": Role.VALUE, "n": Role.N,
        },
        (
            Estimate("benchmark_score", held.score, max(held.score - half, 0.0) if is_known
                     else math.nan, min(held.score + half, 100.0) if is_known else math.nan,
                     held.n, "score", Grade.DESCRIPTIVE, item),
            Estimate("benchmark_percentile", percentile, low, high, held.n, "percent",
                     Grade.DESCRIPTIVE, item),
        ),
        "Percentage of the other organisations with a lower score; its interval from simultaneous "
        "95 % intervals of all differences.",
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in parameters.items()},
    )  # fmt: skip


def _bound(own: float, others: Floats, seed: int) -> float:
    """Return the 95 % point of the largest of all differences, in their standard errors.

    All differences share the error of the one score: they hang together.
    """
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((_DRAWS, 1)) * own
    each = rng.standard_normal((_DRAWS, len(others))) * others
    largest = np.abs((common - each) / np.hypot(own, others)).max(axis=1)
    return float(np.quantile(largest, 0.95))


def trend(
    scores: pd.DataFrame,
    own: pd.DataFrame,
    *,
    organisation: str = "",
    item: str = "theme",
) -> Result:
    """Follow a score through the years beside the middle half of all organisations.

    Parameters
    ----------
    scores, own, organisation, item
        As in :func:`standing`.

    Returns
    -------
    Result
        Family MODEL, a row a year and series (``all``, and the one compared): ``year, series,
        value`` (of all: the median), ``lower`` and ``upper`` (of all: quartiles; of the one
        compared: the 95 % interval), ``organisations``, ``n``. Estimates ``benchmark_change``:
        the mean change of organisations that published both years, from the year before and from
        the first, with t intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"organisation": [f"O{i}" for i in range(10)] * 2,
    ...                        "year": [2023] * 10 + [2024] * 10, "item": "theme",
    ...                        "score": [50.0] * 10 + [52.0, 54.0] * 5, "n": float("nan"),
    ...                        "is_summary": False})
    >>> trend(scores, pd.DataFrame()).estimate("benchmark_change").value
    3.0
    """
    if scores.empty:
        return not_enough("trend", Family.MODEL, why_empty(scores, "no published scores"))
    require(scores, ["organisation", "year", "item", "score", "n", "is_summary"], "trend")
    each = scores[~scores["is_summary"].astype(bool) & (scores["item"] == item)]
    rows = []
    for year in sorted(set(each["year"])):
        part = each[each["year"] == year]
        if len(part) < _FEWEST:
            continue
        lower, middle, upper = np.quantile(part["score"], [0.25, 0.5, 0.75])
        rows.append((int(year), "all", middle, lower, upper, len(part), 0))
    if not rows:
        return not_enough("trend", Family.MODEL,
                          f"no year has {_FEWEST} organisations that published {item}")  # fmt: skip
    years = [row[0] for row in rows]
    estimates = _changes(each, years, item)
    rows += _series(each, own, organisation, item)
    out = pd.DataFrame(
        rows, columns=["year", "series", "value", "lower", "upper", "organisations", "n"]
    )
    return Result(
        "trend", Family.MODEL, out,
        {
            "year": Role.TIME, "series": Role.KEY, "value": Role.VALUE, "lower": Role.VALUE,
            "upper": Role.VALUE, "organisations": Role.VALUE, "n": Role.N,
        },
        estimates,
        "Median and quartiles of all organisations by year; changes of those that published both "
        "years, with t intervals.",
        {"item": item, "held": organisation or OWN},
    )  # fmt: skip


def _changes(each: pd.DataFrame, years: list[int], item: str) -> tuple[Estimate, ...]:
    """Return the mean change of the same organisations, from the last year and from the first."""
    from scipy.special import stdtrit

    wide = each.pivot_table(index="organisation", columns="year", values="score")
    people = each[each["year"] == years[-1]].set_index("organisation")["n"]
    last, found = years[-1], []
    for first in dict.fromkeys(years[-2:-1] + years[:1]):
        if first == last:
            continue
        both = (wide[last] - wide[first]).dropna()
        moved = both.to_numpy(dtype=float)
        if len(moved) < _FEWEST:
            continue
        n = people.reindex(both.index).sum()
        half = float(stdtrit(len(moved) - 1, 0.975) * moved.std(ddof=1) / math.sqrt(len(moved)))
        value = float(moved.mean())
        found.append(
            Estimate("benchmark_change", value, value - half, value + half, int(n), "score",
                     Grade.DESCRIPTIVE, f"{first} to {last}")
        )  # fmt: skip
    return tuple(found)


def _series(
    each: pd.DataFrame, own: pd.DataFrame, organisation: str, item: str
) -> list[tuple[int, str, float, float, float, int, int]]:
    found = []
    if organisation:
        for r in each[each["organisation"] == organisation].sort_values("year").to_dict("records"):
            n = 0 if pd.isna(r["n"]) else int(r["n"])
            half = rates.Z95 * _error(float(r["score"]), n) if n else math.nan
            found.append((int(r["year"]), organisation, float(r["score"]),
                          float(r["score"]) - half, float(r["score"]) + half, 1, n))  # fmt: skip
        return found
    rows = own[own["item"] == item].sort_values("year") if len(own) else own
    for r in rows.to_dict("records"):
        n = int(r["n"])
        half = rates.Z95 * float(r["sd"]) / math.sqrt(n) if n > 1 else math.nan
        value = float(r["score"])
        found.append((int(r["year"]), OWN, value, max(value - half, 0.0),
                      min(value + half, 100.0), 1, n))  # fmt: skip
    return found


def trust(scores: pd.DataFrame, own: pd.DataFrame, placed: Result, *, wanted: int = 4) -> Result:
    """Check what the comparison rests on.

    Parameters
    ----------
    scores, own : pandas.DataFrame
        What :func:`standing` was given.
    placed : Result
        Of :func:`standing`.
    wanted : int
        Statements that make the theme.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``.

    Examples
    --------
    >>> import pandas as pd
    >>> none = pd.DataFrame()
    >>> trust(none, none, standing(none, none)).frame["status"].unique().tolist()
    ['not known']
    """
    held = placed.parameters.get("held")
    is_own = held == OWN
    of_year, year = placed.parameters.get("of_year"), placed.parameters.get("year")
    asked = math.nan
    if is_own and len(own):
        theme = own[own["item"] == "theme"].sort_values("year")
        asked = float(theme["n_items"].iloc[-1]) if len(theme) and "n_items" in theme else math.nan
    size = math.nan
    if not placed.is_empty:
        size = 1.0 if placed.parameters.get("peers") == "like size" else 0.0
    age = math.nan
    if isinstance(of_year, int) and isinstance(year, int):
        age = float(of_year - year)
    rows = [
        _checks.at_least("like_size", size, 1.0),
        _checks.at_most("same_year", age, 1.0),
        _checks.at_least("same_questions", asked, float(wanted)),
    ]
    return _checks.trust(rows)
