"""Whether personalised recommendations would beat what is done, for whom, and how sure that is.

Time is split once, for everyone. What makes a list (:func:`recommend`) takes only frames of what
was known at the split; what came after goes to what judges it (:func:`evaluate`). Lists and numbers
about persons go from one function here to the next and have no roles: the door refuses them. What
is published judges a policy, never a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _checks, _policy_value, _ranking, _recommenders, _uplift
from ldresearch.models._asked import among, between, is_randomised, why_empty
from ldresearch.models._frame import Bools, Floats, numbers, require
from ldresearch.result import Estimate, Partition, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Grade, Role

POLICIES: Final = ("today", "popular", "popular_in_role", "item_knn", "ease", "gap_aware")
"""What is compared: what people got, three baselines, EASE, and EASE ranked anew by gaps."""
BASELINE: Final = "popular_in_role"
"""What every policy is held against: it needs no model, only an HR file."""
PERSONAL: Final = ("item_knn", "ease", "gap_aware")
"""Policies that look at what the person herself took or lacks."""
GROUPINGS: Final = ("hours", "level", "country", "unit")
"""Columns of people by which recall is compared."""
MIN_PEOPLE: Final = 20
"""Fewest people from whom a mean, or that of a group, is told."""
WORTH: Final = 0.05
"""A shortfall below this is smaller than ratings can tell."""
WORTH_GAP: Final = 0.03
"""A difference in recall below this is not marked, however sure it is."""
ESTIMATORS: Final = ("doubly_robust", "snips", "ips")
"""Doubly robust leads; the other two need no model of who follows what."""

_MOST_CONTENT = 4000
_BLOCK = 4096
_FOLDS = 5
_SPLITS = 11
_TIE = 1e-6

Row = tuple[Any, ...]


# Readiness ----------------------------------------------------------------------------------

_PARTS: Final = (
    # What there is, what it answers, share from which it is enough.
    ("taken", 0.3), ("catalogue", 0.9), ("tags", 0.6), ("roles", 0.9), ("shortfalls", 0.3),
    ("shown", 0.3), ("propensities", 1.0), ("drawn", 0.3),
)  # fmt: skip


def readiness(frame: pd.DataFrame) -> Result:
    """Say what the data hold of what personalisation, and a judgement of it, need.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``part, n_found, n_of, n_persons``.

    Returns
    -------
    Result
        Family COUNTS: ``part, standing`` (``there``, ``partly``, ``missing``), ``found`` of ``of``,
        ``share``, ``n``. Estimate ``personalisation_ready``: share of the parts that are there.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"part": ["taken", "tags"], "n_found": [60, 30], "n_of": [100, 80],
    ...                       "n_persons": 100})
    >>> readiness(frame).frame[["part", "standing"]].to_dict("list")
    {'part': ['taken', 'tags'], 'standing': ['there', 'partly']}
    """
    name = "readiness"
    if frame.empty:
        return not_enough(name, Family.COUNTS, why_empty(frame, "nobody is employed"))
    require(frame, ["part", "n_found", "n_of", "n_persons"], name)
    found = {str(r["part"]): r for r in frame.to_dict("records")}
    rows = []
    for part, enough in _PARTS:
        if part not in found:
            continue
        n, of = float(found[part]["n_found"]), float(found[part]["n_of"])
        share = n / of if of else 0.0
        standing = "there" if share >= enough else "partly" if n else "missing"
        rows.append((part, standing, int(n), int(of), share, int(found[part]["n_persons"])))
    out = pd.DataFrame(rows, columns=["part", "standing", "found", "of", "share", "n"])
    n_persons = int(out["n"].max())
    there = float((out["standing"] == "there").mean())
    return Result(
        name, Family.COUNTS, out,
        {
            "part": Role.KEY, "standing": Role.KEY, "found": Role.COUNT, "of": Role.COUNT,
            "share": Role.VALUE, "n": Role.N,
        },
        (Estimate("personalisation_ready", there, math.nan, math.nan, n_persons, "share"),),
        "Each part against a share set beforehand.",
        {"n_parts": len(out)},
    )  # fmt: skip


# What is recommended ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _World:
    """What was known at the split, as matrices."""

    persons: Any  # sorted keys, one row each
    content: Any  # sorted candidates, one column each
    role: Any  # index of each person's role
    took: Any  # sparse, rows as `persons`, columns as `modelled`
    everyone: Any  # sparse, rows everyone in the history
    modelled: Any  # contents that models learn from
    taken: Any  # sparse, rows as `persons`, columns as `content`
    n_took: Floats  # people who had taken each candidate
    n_people: int  # people in the history


def _world(history: pd.DataFrame, people: pd.DataFrame, catalogue: pd.DataFrame) -> _World:
    persons = np.sort(people["person_key"].unique())
    content = np.array(sorted(catalogue["content_id"].astype(str).unique()), dtype=object)
    past = history[["person_key"]].assign(content_id=history["content_id"].astype(str))
    past = past.drop_duplicates()
    size = past["content_id"].value_counts().sort_index()
    size = size.sort_values(ascending=False, kind="stable")
    modelled = np.array(sorted(size.index[:_MOST_CONTENT]), dtype=object)
    whole = np.sort(past["person_key"].unique())
    roles = people.drop_duplicates("person_key").set_index("person_key")
    named = roles["role"] if "role" in roles.columns else pd.Series("", index=roles.index)
    role = pd.factorize(named.reindex(persons).fillna("Unknown").astype(str), sort=True)[0]
    return _World(
        persons, content, role,
        _matrix(past, persons, modelled), _matrix(past, whole, modelled), modelled,
        _matrix(past, persons, content),
        size.reindex(content).fillna(0).to_numpy(dtype=float), len(whole),
    )  # fmt: skip


def _matrix(frame: pd.DataFrame, persons: Any, content: Any) -> Any:
    from scipy.sparse import csr_matrix

    rows = pd.Index(persons).get_indexer(frame["person_key"])
    columns = pd.Index(content).get_indexer(frame["content_id"])
    known = (rows >= 0) & (columns >= 0)
    ones = np.ones(int(known.sum()))
    return csr_matrix((ones, (rows[known], columns[known])), (len(persons), len(content)))


def recommend(
    history: pd.DataFrame,
    people: pd.DataFrame,
    catalogue: pd.DataFrame,
    *,
    teaches: pd.DataFrame | None = None,
    shortfalls: pd.DataFrame | None = None,
    shown: pd.DataFrame | None = None,
    k: int = 10,
    ridge: float = 100.0,
    gap_weight: float = 0.5,
    again: bool = False,
) -> Result:
    """Make the lists of every policy from what was known at the split.

    Parameters
    ----------
    history : pandas.DataFrame
        Who had taken what: ``person_key, content_id``.
    people : pandas.DataFrame
        Who gets a list: ``person_key``, optional ``role``.
    catalogue : pandas.DataFrame
        What may be recommended: ``content_id``.
    teaches : pandas.DataFrame, optional
        ``content_id, skill_id``, optional ``level_to``.
    shortfalls : pandas.DataFrame, optional
        Who lacks what: ``person_key, skill_id, shortfall``, optional ``level``.
    shown : pandas.DataFrame, optional
        What was recommended before: ``person_key, content_id, shown_on, rank``; the newest first.
    k : int
        Length of a list.
    ridge : float
        Penalty of EASE.
    gap_weight : float
        What the largest gap is worth in the re-ranker: 1 is the whole way from last to first.
    again : bool
        Whether what a person has taken may be recommended once more.

    Returns
    -------
    Result
        Family MODEL, private: one row a policy and person, ``place_1`` to ``place_k``.

    References
    ----------
    Steck H (2019). Embarrassingly shallow autoencoders for sparse data. WWW '19, 3251-3257.

    Examples
    --------
    >>> import pandas as pd
    >>> history = pd.DataFrame({"person_key": [1, 1, 2, 3], "content_id": list("abaa")})
    >>> people = pd.DataFrame({"person_key": [2, 3]})
    >>> lists = recommend(history, people, pd.DataFrame({"content_id": list("abc")}), k=2).frame
    >>> lists[lists["policy"] == "popular"][["place_1", "place_2"]].values.tolist()
    [['b', 'c'], ['b', 'c']]
    """
    name = "lists"
    told: dict[str, Scalar] = {"k": k, "ridge": ridge, "gap_weight": gap_weight, "again": again}
    between(k, "k", 0, 101)
    between(ridge, "ridge", 0, 1e6)
    for frame, why in (
        (people, "nobody is employed at the split"),
        (catalogue, "nothing is on offer at the split"),
        (history, "nobody has taken anything before the split"),
    ):
        if frame.empty:
            return _private(name, why_empty(frame, why), told)
    require(history, ["person_key", "content_id"], name)
    require(people, ["person_key"], name)
    require(catalogue, ["content_id"], name)
    world = _world(history, people, catalogue)
    lists = {policy: np.empty((len(world.persons), k), int) for policy in POLICIES[1:]}
    gaps = _Gaps.of(teaches, shortfalls, world)
    if gaps is None:
        del lists["gap_aware"]
    for rows, scores, barred in _scored(world, gaps, ridge, gap_weight, again=again):
        for policy in lists:
            lists[policy][rows] = _recommenders.top(scores[policy], barred, k)
    if shown is not None and len(shown):
        lists = {"today": _newest(shown, world, k, again=again), **lists}
    names = np.array([*world.content, None], dtype=object)  # the last place stands for -1
    places = [f"place_{i + 1}" for i in range(k)]
    out = pd.concat(
        [
            pd.DataFrame(names[found], columns=places)
            .assign(policy=policy, person_key=world.persons)
            for policy, found in lists.items()
        ],
        ignore_index=True,
    )[["policy", "person_key", *places]]  # fmt: skip
    return Result(name, Family.MODEL, out, {}, (), "One list a policy and person.", told)


def _private(name: str, reason: str, told: dict[str, Scalar]) -> Result:
    empty = pd.DataFrame()
    empty.attrs["missing"] = reason
    return Result(name, Family.MODEL, empty, {}, (), parameters=told, missing=reason)


def _scored(
    world: _World, gaps: _Gaps | None, ridge: float, gap_weight: float, *, again: bool
) -> Iterator[tuple[slice, dict[str, Floats], Bools]]:
    """Score every candidate for every person, some persons at a time."""
    columns = pd.Index(world.modelled).get_indexer(world.content)
    known = columns >= 0

    def candidates(weights: Floats) -> Floats:
        out = np.zeros((weights.shape[0], len(columns)))
        out[:, known] = weights[:, columns[known]]
        return out

    near = candidates(_recommenders.item_knn(world.everyone))
    weights = candidates(_recommenders.ease(world.everyone, ridge))
    share = world.n_took / max(world.n_people, 1)
    in_role = _recommenders.popular_in_role(world.taken, world.role)
    for start in range(0, len(world.persons), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(world.persons)))
        took, taken = world.took[rows], world.taken[rows].toarray() > 0
        own_role = in_role[world.role[rows]]
        scores = {
            "popular": np.broadcast_to(share, own_role.shape),
            "popular_in_role": own_role + _TIE * share,
            "item_knn": took @ near + _TIE * own_role,
            "ease": took @ weights + _TIE * own_role,
        }
        barred = np.zeros_like(taken) if again else taken
        if gaps is not None:
            relief = gaps.relief(rows)
            top = relief.max(axis=1, keepdims=True)
            relief = np.divide(relief, top, out=np.zeros_like(relief), where=top > 0)
            scores["gap_aware"] = _recommenders.ranks(scores["ease"], barred) + gap_weight * relief
        yield rows, scores, barred


def _newest(shown: pd.DataFrame, world: _World, k: int, *, again: bool) -> Any:
    """Return what people were shown last, the newest first; -1 where there was nothing."""
    require(shown, ["person_key", "content_id", "shown_on", "rank"], "shown")
    ordered = shown.sort_values(
        ["person_key", "shown_on", "rank", "content_id"], ascending=[True, False, True, True],
        kind="stable",
    )  # fmt: skip
    rows = pd.Index(world.persons).get_indexer(ordered["person_key"])
    columns = pd.Index(world.content).get_indexer(ordered["content_id"].astype(str))
    fits = (rows >= 0) & (columns >= 0)
    rows, columns = rows[fits], columns[fits]
    if not again:
        is_new = np.asarray(world.taken[rows, columns]).ravel() == 0
        rows, columns = rows[is_new], columns[is_new]
    kept = pd.DataFrame({"row": rows, "column": columns}).drop_duplicates()
    place = kept.groupby("row").cumcount().to_numpy()
    kept, place = kept[place < k], place[place < k]
    found = np.full((len(world.persons), k), -1)
    found[kept["row"].to_numpy(), place] = kept["column"].to_numpy()
    return found


@dataclass(frozen=True, slots=True)
class _Gaps:
    """Who lacks what, and which candidate teaches it."""

    short: Floats  # persons by skills; nought where nothing is lacking or nothing is known
    level: Floats  # missing where not known
    is_known: Bools  # persons of whom any shortfall is known
    teaching: tuple[tuple[int, int, float], ...]  # column of the content, skill, level it leads to
    n_content: int

    @classmethod
    def of(
        cls, teaches: pd.DataFrame | None, shortfalls: pd.DataFrame | None, world: _World
    ) -> _Gaps | None:
        """Return the gaps, or nothing where either side of them is not known."""
        if teaches is None or shortfalls is None or teaches.empty or shortfalls.empty:
            return None
        require(teaches, ["content_id", "skill_id"], "teaches")
        require(shortfalls, ["person_key", "skill_id", "shortfall"], "shortfalls")
        skills = pd.Index(sorted(teaches["skill_id"].astype(str).unique()))
        column = pd.Index(world.content).get_indexer(teaches["content_id"].astype(str))
        to = teaches.get("level_to", pd.Series(np.nan, teaches.index))
        taught = sorted(
            (int(c), int(s), float(up) if up == up else math.inf)
            for c, s, up in zip(column, skills.get_indexer(teaches["skill_id"].astype(str)), to,
                                strict=True)
            if c >= 0
        )  # fmt: skip
        row = pd.Index(world.persons).get_indexer(shortfalls["person_key"])
        known = (row >= 0) & shortfalls["shortfall"].notna().to_numpy()
        is_known = np.zeros(len(world.persons), dtype=bool)
        is_known[row[known]] = True
        if not taught or not is_known.any():
            return None
        skill = skills.get_indexer(shortfalls["skill_id"].astype(str))
        fits = known & (skill >= 0)
        size = (len(world.persons), len(skills))
        short, level = np.zeros(size), np.full(size, np.nan)
        value = shortfalls["shortfall"].to_numpy(dtype=float)
        short[row[fits], skill[fits]] = np.where(value[fits] >= WORTH, value[fits], 0.0)
        if "level" in shortfalls.columns:
            level[row[fits], skill[fits]] = shortfalls["level"].to_numpy(dtype=float)[fits]
        return cls(short, level, is_known, tuple(taught), len(world.content))

    def relief(self, rows: Any) -> Floats:
        """Largest gap of each person that each content teaches, leading beyond her level."""
        short, level = self.short[rows], self.level[rows]
        out = np.zeros((len(short), self.n_content))
        for column, skill, to in self.teaching:
            leads_on = ~(level[:, skill] >= to)
            out[:, column] = np.maximum(out[:, column], np.where(leads_on, short[:, skill], 0.0))
        return out


# How good it is -----------------------------------------------------------------------------

METRICS: Final = (
    "recall_at_k", "ndcg_at_k", "map_at_k", "gap_closing_at_k", "novelty", "catalogue_coverage",
)  # fmt: skip
_UNITS: Final = {
    "recall_at_k": "share", "ndcg_at_k": "index", "map_at_k": "index", "gap_closing_at_k": "share",
    "novelty": "index", "catalogue_coverage": "share",
}  # fmt: skip
_GAINS: Final = {"recall_at_k": "recall_gain", "gap_closing_at_k": "gap_closing_gain"}


def evaluate(
    lists: Result,
    later: pd.DataFrame,
    history: pd.DataFrame,
    people: pd.DataFrame,
    catalogue: pd.DataFrame,
    *,
    teaches: pd.DataFrame | None = None,
    shortfalls: pd.DataFrame | None = None,
) -> Result:
    """Hold the lists of every policy against what people took after the split.

    Counted is who took, after the split, anything that could have been recommended. Every number is
    a mean over these people with Student's interval; policies are compared person by person with
    popular in role, and the comparisons of recall are marked only if they hold over all policies
    together (Holm).

    Parameters
    ----------
    lists : Result
        Of :func:`recommend`.
    later : pandas.DataFrame
        What was taken after the split: ``person_key, content_id``.
    history, people, catalogue, teaches, shortfalls : pandas.DataFrame
        As given to :func:`recommend`.

    Returns
    -------
    Result
        Family MEANS: ``policy, metric, standing`` (``above``, ``below``, ``in line`` with popular
        in role; empty where it is not compared), ``value, low, high``, ``difference`` with its
        interval, ``n``. Estimates by policy; ``recall_gain`` and ``gap_closing_gain`` over popular
        in role. ``parameters["best"]``: the personal policy with the largest recall. The private
        ``members`` hold recall by person, for :func:`fairness`.

    References
    ----------
    Järvelin K, Kekäläinen J (2002). ACM Trans Inf Syst 20:422-446.
    Herlocker JL et al. (2004). ACM Trans Inf Syst 22:5-53.
    Holm S (1979). Scand J Stat 6:65-70.

    Examples
    --------
    All take what is most popular among what they have not taken.

    >>> import pandas as pd
    >>> keys = range(40)
    >>> history = pd.DataFrame({"person_key": [*keys, *range(100, 120)],
    ...                         "content_id": ["a"] * 40 + ["b"] * 20})
    >>> people = pd.DataFrame({"person_key": keys, "role": "clerk"})
    >>> offer = pd.DataFrame({"content_id": list("abc")})
    >>> later = pd.DataFrame({"person_key": keys, "content_id": "b"})
    >>> lists = recommend(history, people, offer, k=1)
    >>> evaluate(lists, later, history, people, offer).estimate("recall_at_k", "popular").value
    1.0
    """
    name = "evaluate"
    told = dict(lists.parameters)
    if lists.is_empty:
        return not_enough(name, Family.MEANS, lists.missing, parameters=told)
    if later.empty:
        reason = why_empty(later, "nobody has taken anything since the split")
        return not_enough(name, Family.MEANS, reason, parameters=told)
    world = _world(history, people, catalogue)
    gaps = _Gaps.of(teaches, shortfalls, world)
    wanted = _matrix(later.assign(content_id=later["content_id"].astype(str)), world.persons,
                     world.content)  # fmt: skip
    wanted.data[:] = 1.0
    if not told.get("again"):
        wanted = wanted - wanted.multiply(world.taken > 0)
        wanted.eliminate_zeros()
    rows = np.flatnonzero(np.asarray(wanted.sum(axis=1)).ravel() > 0)
    if len(rows) < MIN_PEOPLE:
        return not_enough(
            name, Family.MEANS,
            f"fewer than {MIN_PEOPLE} people have taken something since the split that could have "
            "been recommended",
            parameters=told,
        )  # fmt: skip
    found = {
        policy: _measured(places[rows], wanted[rows], world, gaps, rows)
        for policy, places in _places(lists, world)
    }
    best = max(
        (p for p in found if p in PERSONAL),
        key=lambda p: float(np.nanmean(found[p]["recall_at_k"])),
    )
    standing = _standings(found)
    table: list[Row] = []
    estimates: list[Estimate] = []
    for policy, each in found.items():
        for metric in METRICS:
            if metric not in each:
                continue
            value, low, high, n = _mean(each[metric])
            if _UNITS[metric] == "share":
                low, high = _within_a_share(low, high)
            gain = _gain(found, policy, metric)
            said = standing.get(policy, "") if metric == "recall_at_k" else ""
            table.append((policy, metric, said, value, low, high, *gain, n))
            if math.isnan(value):
                continue
            estimates.append(Estimate(metric, value, low, high, n, _UNITS[metric], label=policy))
            if metric in _GAINS and not math.isnan(gain[0]):
                estimates.append(Estimate(_GAINS[metric], *gain, n, "points", label=policy))
    columns = ["policy", "metric", "standing", "value", "low", "high", "difference",
               "difference_low", "difference_high", "n"]  # fmt: skip
    out = pd.DataFrame(table, columns=columns)
    members = pd.DataFrame({p: each["recall_at_k"] for p, each in found.items()})
    members.insert(0, "person_key", world.persons[rows])
    for policy, places in _places(lists, world):
        members[f"served {policy}"] = (places[rows] >= 0).any(axis=1)
    n_past = np.asarray(world.took[rows].sum(axis=1)).ravel()
    return Result(
        name, Family.MEANS, out[out["value"].notna()].reset_index(drop=True),
        {
            "policy": Role.KEY, "metric": Role.KEY, "standing": Role.KEY, "value": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "difference": Role.VALUE,
            "difference_low": Role.LOW, "difference_high": Role.HIGH, "n": Role.N,
        },
        tuple(estimates),
        "One split in time for everyone; means over people with Student's 95 % interval; paired "
        "differences to popular in role, marked after Holm.",
        told | {
            "best": best, "n_candidates": len(world.content),
            "n_evaluated": len(rows), "with_history": float((n_past >= 3).mean()),
        },
        members=members,
    )  # fmt: skip


def _places(lists: Result, world: _World) -> Iterator[tuple[str, Any]]:
    """Return each policy's lists as places in the catalogue, a row a person."""
    columns = [c for c in lists.frame.columns if c.startswith("place_")]
    index = pd.Index(world.content)
    for policy in [p for p in POLICIES if (lists.frame["policy"] == p).any()]:
        own = lists.frame[lists.frame["policy"] == policy].set_index("person_key")
        ids = own[columns].reindex(world.persons).to_numpy(dtype=object)
        yield policy, index.get_indexer(ids.ravel()).reshape(ids.shape)


def _measured(
    places: Any, wanted: Any, world: _World, gaps: _Gaps | None, rows: Any
) -> dict[str, Floats]:
    """Measure the lists of one policy, person by person; coverage is one number for all."""
    parts: list[dict[str, Floats]] = []
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, start + _BLOCK)
        one = _ranking.accuracy(places[some], wanted[some].toarray() > 0)
        part = {
            "recall_at_k": one.recall, "ndcg_at_k": one.ndcg, "map_at_k": one.average_precision,
            "novelty": _ranking.novelty(places[some], world.n_took, world.n_people),
        }  # fmt: skip
        if gaps is not None:
            lacking = gaps.relief(rows[some]) > 0
            closing = _ranking.share(places[some], lacking)
            part["gap_closing_at_k"] = np.where(gaps.is_known[rows[some]], closing, np.nan)
        parts.append(part)
    found = {metric: np.concatenate([p[metric] for p in parts]) for metric in parts[0]}
    covered = _ranking.coverage(places, len(world.content))
    return found | {"catalogue_coverage": np.full(len(rows), covered)}


def _mean(values: Floats) -> tuple[float, float, float, int]:
    """Mean with Student's interval; what is the same for everyone has none."""
    known = values[~np.isnan(values)]
    n = len(known)
    if n < MIN_PEOPLE:
        return math.nan, math.nan, math.nan, n
    mean = float(known.mean())
    se = float(known.std(ddof=1)) / math.sqrt(n)
    if se <= 1e-15:
        return mean, math.nan, math.nan, n
    half = _t(0.975, n - 1) * se
    return mean, mean - half, mean + half, n


def _within_a_share(low: float, high: float) -> tuple[float, float]:
    """Cut an interval of a share where there are no shares."""
    return (low, high) if math.isnan(low) else (max(low, 0.0), min(high, 1.0))


def _t(level: float, df: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, level))


def _gain(
    found: dict[str, dict[str, Floats]], policy: str, metric: str
) -> tuple[float, float, float]:
    if policy == BASELINE or metric == "catalogue_coverage":
        return math.nan, math.nan, math.nan
    return _mean(found[policy][metric] - found[BASELINE][metric])[:3]


def _standings(found: dict[str, dict[str, Floats]]) -> dict[str, str]:
    """Mark recall above or below the baseline where that holds over all policies together."""
    others = [p for p in found if p != BASELINE]
    differences = [found[p]["recall_at_k"] - found[BASELINE]["recall_at_k"] for p in others]
    return dict(zip(others, _marked([_test(d) for d in differences]), strict=True))


def _test(values: Floats) -> tuple[float, float]:
    """Return a paired difference and its two-sided p value (t test against nought)."""
    from scipy.special import stdtr

    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread <= 1e-15:
        return mean, 1.0 if abs(mean) <= 1e-15 else 0.0
    return mean, float(2 * stdtr(len(values) - 1, -abs(mean) * math.sqrt(len(values)) / spread))


def _marked(tests: Sequence[tuple[float, float]], alpha: float = 0.05) -> list[str]:
    """Name each difference above, below or in line, after Holm (1979)."""
    order = sorted(range(len(tests)), key=lambda i: tests[i][1])
    said = ["in line"] * len(tests)
    for place, i in enumerate(order):
        if not tests[i][1] <= alpha / (len(tests) - place):
            break
        said[i] = "above" if tests[i][0] > 0 else "below"
    return said


# For whom -----------------------------------------------------------------------------------


def fairness(evaluated: Result, people: pd.DataFrame, *, by: Sequence[str] = GROUPINGS) -> Result:
    """Compare recall between groups of people, for what they get today and for the best policy.

    Parameters
    ----------
    evaluated : Result
        Of :func:`evaluate`, with its private members.
    people : pandas.DataFrame
        ``person_key`` and the columns of ``by``.
    by : sequence of str
        Columns that are not there are passed over.

    Returns
    -------
    Result
        Family CONTRAST: ``policy, grouping, group, standing`` (``below``: the list serves the group
        worse than everyone else, by three points or more, and by more than chance over all groups
        of the policy together), ``recall, low, high``, ``gap`` to everyone else with its interval
        (Welch), ``served``: share that got any recommendation, ``n``.
        Estimates ``recall_gap``, labelled ``today: part-time``.

    References
    ----------
    Welch BL (1947). Biometrika 34:28-35. Holm S (1979). Scand J Stat 6:65-70.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.vocabulary import Family
    >>> recall = pd.DataFrame({"person_key": range(80), "today": [0.4, 0.6] * 20 + [0.0] * 40,
    ...                        "served today": [True] * 40 + [False] * 40})
    >>> people = pd.DataFrame({"person_key": range(80),
    ...                        "hours": ["full-time"] * 40 + ["part-time"] * 40})
    >>> made = Result("evaluate", Family.MEANS, recall, {}, members=recall)
    >>> found = fairness(made, people).frame.iloc[0]
    >>> found["group"], found["standing"], float(found["gap"]), float(found["served"])
    ('part-time', 'below', 0.5, 0.0)
    """
    name = "fairness"
    if evaluated.is_empty or evaluated.members is None:
        return not_enough(name, Family.CONTRAST, evaluated.missing or "nothing was evaluated")
    require(people, ["person_key"], name)
    columns = [c for c in by if c in people.columns]
    known = people.drop_duplicates("person_key").set_index("person_key")[columns]
    each = evaluated.members.join(known, on="person_key")
    best = str(evaluated.parameters.get("best") or "")
    rows: list[Row] = []
    for policy in [p for p in ("today", best) if p in each.columns]:
        found = [
            (policy, column, *row) for column in columns for row in _by_group(each, policy, column)
        ]
        marks = [
            mark if abs(r[7]) >= WORTH_GAP else "in line"
            for mark, r in zip(_marked([(-r[7], r[-1]) for r in found]), found, strict=True)
        ]
        rows += [(*r[:3], mark, *r[3:-1]) for r, mark in zip(found, marks, strict=True)]
    if not rows:
        return not_enough(
            name, Family.CONTRAST, f"no two groups have {MIN_PEOPLE} people to compare"
        )
    out = pd.DataFrame(
        rows,
        columns=["policy", "grouping", "group", "standing", "recall", "low", "high", "served",
                 "gap", "gap_low", "gap_high", "n"],
    )  # fmt: skip
    out["_order"] = [POLICIES.index(p) if p in POLICIES else -1 for p in out["policy"]]
    out = out.sort_values(["_order", "gap"], ascending=[True, False], kind="stable")
    out = out.drop(columns="_order").reset_index(drop=True)
    return Result(
        name, Family.CONTRAST, out,
        {
            "policy": Role.KEY, "grouping": Role.KEY, "group": Role.KEY, "standing": Role.KEY,
            "recall": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "served": Role.VALUE,
            "gap": Role.VALUE, "gap_low": Role.LOW, "gap_high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("recall_gap", r["gap"], r["gap_low"], r["gap_high"], int(r["n"]), "points",
                     label=f"{r['policy']}: {r['group']}")
            for r in out.to_dict("records")
        ),
        "Recall of everyone else less that of the group (Welch), marked after Holm over all groups "
        "of a policy.",
        {"best": best, "k": evaluated.parameters.get("k")},
        parts=Partition(("group",), apart=("policy", "grouping")),
    )  # fmt: skip


def _by_group(each: pd.DataFrame, policy: str, column: str) -> Iterator[Row]:
    from scipy.special import stdtr

    value = each[policy].to_numpy(dtype=float)
    served = each[f"served {policy}"].to_numpy(dtype=bool)
    group = each[column].fillna("Unknown").astype(str).to_numpy()
    for name in sorted(set(group)):
        own, other = value[group == name], value[group != name]
        if min(len(own), len(other)) < MIN_PEOPLE:
            continue
        mean, low, high, n = _mean(own)
        low, high = _within_a_share(low, high)
        a, b = own.var(ddof=1) / len(own), other.var(ddof=1) / len(other)
        gap, se = float(other.mean() - own.mean()), math.sqrt(a + b)
        share = float(served[group == name].mean())
        if se <= 1e-15:
            p = 0.0 if abs(gap) > 1e-15 else 1.0
            yield name, mean, low, high, share, gap, gap, gap, n, p
            continue
        df = (a + b) ** 2 / (a**2 / (len(own) - 1) + b**2 / (len(other) - 1))
        half = _t(0.975, df) * se
        p = float(2 * stdtr(df, -abs(gap) / se))
        yield name, mean, low, high, share, gap, gap - half, gap + half, n, p


# What it would have brought -----------------------------------------------------------------


def value(impressions: pd.DataFrame, lists: Result, *, seed: int = 1) -> Result:
    """Estimate which share of recommendations would be followed under each policy.

    A policy is judged as if it chose one of the places of its list, each with the same chance. What
    was really shown was chosen with a logged propensity; recommendations that the policy would
    have made count by one over it. Where propensities are missing, or what was shown hardly covers
    what the policy would show, nothing is told.

    Parameters
    ----------
    impressions : pandas.DataFrame
        One row a recommendation shown after the split: ``person_key, content_id, propensity,
        followed`` (true or false).
    lists : Result
        Of :func:`recommend`.
    seed : int
        Of the folds in which the model behind the doubly robust estimate is fitted.

    Returns
    -------
    Result
        Family CONTRAST: ``policy, estimator`` (``shown``: what was in force; ``doubly_robust``,
        ``snips``, ``ips``; ``refused``), ``reason``, ``value, low, high``, ``difference`` to what
        was in force with its interval, ``effective`` impressions, ``n``. Estimates ``policy_value``
        and ``policy_value_gain``, labelled ``ease, doubly_robust``.

    References
    ----------
    Horvitz DG, Thompson DJ (1952). J Am Stat Assoc 47:663-685. Swaminathan A, Joachims T (2015).
    NeurIPS 28. Dudík M, Langford J, Li L (2011). ICML 28, 1097-1104.

    Examples
    --------
    Two contents were shown with the same chance. Only b is followed, and b is what the policy
    would show.

    >>> import pandas as pd
    >>> n = 400
    >>> shown = pd.DataFrame({"person_key": range(n), "content_id": ["a", "b"] * (n // 2),
    ...                       "propensity": 0.5, "followed": [False, True] * (n // 2)})
    >>> frame = pd.DataFrame({"policy": "ease", "person_key": range(n), "place_1": "b"})
    >>> found = value(shown, Result("lists", Family.MODEL, frame, {}))
    >>> [found.estimate("policy_value", f"ease, {e}").value for e in ("ips", "snips")]
    [1.0, 1.0]
    >>> found.estimate("policy_value", "shown").value
    0.5
    """
    name = "value"
    if impressions.empty:
        reason = why_empty(impressions, "nothing has been recommended since the split")
        return not_enough(name, Family.CONTRAST, reason)
    if lists.is_empty:
        return not_enough(name, Family.CONTRAST, lists.missing)
    require(impressions, ["person_key", "content_id", "propensity", "followed"], name)
    chance = impressions["propensity"].to_numpy(dtype=float, na_value=np.nan)
    missing = int((~(chance > 0)).sum())
    if missing:
        told = "none" if missing == len(chance) else f"only {len(chance) - missing:,}"
        return not_enough(
            name, Family.CONTRAST,
            f"the chance with which a recommendation was chosen is not logged: {told} of "
            f"{len(chance):,} recommendations have it",
        )  # fmt: skip
    shown = impressions[impressions["person_key"].isin(lists.frame["person_key"])]
    if shown["person_key"].nunique() < MIN_PEOPLE:
        return not_enough(
            name, Family.CONTRAST,
            f"fewer than {MIN_PEOPLE} people have been shown a recommendation since the split",
        )  # fmt: skip
    log = _Impressions.of(shown, seed)
    rows: list[Row] = [log.in_force()]
    for policy in [p for p in POLICIES[1:] if (lists.frame["policy"] == p).any()]:
        rows += log.judge(policy, lists.frame[lists.frame["policy"] == policy])
    columns = ["policy", "estimator", "reason", "value", "low", "high", "difference",
               "difference_low", "difference_high", "effective", "n"]  # fmt: skip
    out = pd.DataFrame(rows, columns=columns)
    told_rows = out[out["estimator"].isin(ESTIMATORS)]
    if told_rows.empty:
        best = out.iloc[1:].sort_values("effective", ascending=False, kind="stable").iloc[0]
        return not_enough(
            name, Family.CONTRAST,
            "what was shown does not cover what the policies would show: even for the best "
            f"covered, {best['reason']}",
            parameters={"effective": float(best["effective"])},
        )  # fmt: skip
    estimates: list[Estimate] = []
    grade = Grade.QUASI_EXPERIMENTAL
    for r in out.to_dict("records"):
        if r["estimator"] == "refused":
            continue
        is_shown = r["estimator"] == "shown"
        label = "shown" if is_shown else f"{r['policy']}, {r['estimator']}"
        estimates.append(
            Estimate("policy_value", r["value"], r["low"], r["high"], int(r["n"]), "share",
                     Grade.DESCRIPTIVE if is_shown else grade, label)
        )  # fmt: skip
        if not is_shown:
            estimates.append(
                Estimate("policy_value_gain", r["difference"], r["difference_low"],
                         r["difference_high"], int(r["n"]), "points", grade, label)
            )  # fmt: skip
    return Result(
        name, Family.CONTRAST, out,
        {
            "policy": Role.KEY, "estimator": Role.KEY, "reason": Role.KEY, "value": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "difference": Role.VALUE,
            "difference_low": Role.LOW, "difference_high": Role.HIGH, "effective": Role.VALUE,
            "n": Role.N,
        },
        tuple(estimates),
        "Inverse propensity weighting, self-normalised, and doubly robust with a model of the "
        "other folds; intervals by persons, after Hall's correction for skewness.",
        {"n_impressions": len(shown), "effective": float(told_rows["effective"].max())},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Impressions:
    """What was shown, as arrays, with a model of what is followed."""

    keys: Any  # of persons, sorted
    person: Any  # index into `keys`
    content: Any  # index into `names`
    names: Any
    chance: Floats
    reward: Floats
    fold: Any
    guess: Floats  # a row a fold, a column a content; the last column for what was never shown

    @classmethod
    def of(cls, frame: pd.DataFrame, seed: int) -> _Impressions:
        content, names = pd.factorize(frame["content_id"].astype(str), sort=True)
        keys, person = np.unique(frame["person_key"].to_numpy(), return_inverse=True)
        rng = np.random.default_rng(seed)
        fold = (rng.permutation(len(keys)) % _FOLDS)[person]
        reward = frame["followed"].astype(float).to_numpy()
        guess = _policy_value.guesses(content, reward, fold, len(names) + 1, _FOLDS)
        chance = numbers(frame, "propensity", "value", low=0)
        return cls(keys, person, content, pd.Index(names), chance, reward, fold, guess)

    def in_force(self) -> Row:
        """Describe what was really shown."""
        nan = math.nan
        ones = np.ones(len(self.reward))
        mean, low, high = self._interval(self.reward, ones, len(self.keys))
        return ("shown", "shown", "", mean, low, high, nan, nan, nan, float(len(self.reward)),
                len(self.keys))  # fmt: skip

    def judge(self, policy: str, lists: pd.DataFrame) -> list[Row]:
        """Estimate the value of a policy, or say in one row why there is none."""
        columns = [c for c in lists.columns if c.startswith("place_")]
        own = lists.set_index("person_key")[columns].reindex(self.keys)
        ids = own.to_numpy(dtype=object)
        size = (~pd.isna(ids)).sum(axis=1)
        place = self.names.get_indexer(ids.ravel()).reshape(ids.shape)
        # A place that is filled by what was never shown is known to the model as such.
        column = np.where(place >= 0, place, len(self.names))
        there = ~pd.isna(ids)
        listed = ((place[self.person] == self.content[:, None]) & there[self.person]).any(axis=1)
        weight = listed / np.maximum(size[self.person], 1) / self.chance
        seen = _policy_value.overlap(weight, self.person)
        nan = math.nan
        if seen.refusal:
            return [(policy, "refused", seen.refusal, *[nan] * 6, seen.effective, len(self.keys))]
        of_shown = self.guess[self.fold, self.content]
        guessed = self.guess[self.fold[:, None], column[self.person]] * there[self.person]
        of_policy = guessed.sum(axis=1) / np.maximum(size[self.person], 1)
        terms = {
            "doubly_robust": _policy_value.doubly_robust(weight, self.reward, of_shown, of_policy),
            "snips": _policy_value.snips(weight, self.reward),
            "ips": _policy_value.ips(weight, self.reward),
        }
        shown, _ = _policy_value.ratio(self.reward, np.ones(len(weight)), self.person)
        rows: list[Row] = []
        for estimator in ESTIMATORS:
            top, below = terms[estimator]
            mean, low, high = self._interval(top, below, seen.effective)
            # The difference to what was in force, linearised, so that persons stay paired.
            scale = float(below.sum()) / len(below)
            residual = (top - mean * below) / scale - (self.reward - shown)
            gain = mean - shown
            ends = _policy_value.interval(
                residual, np.ones(len(residual)), self.person, _t(0.975, seen.effective - 1)
            )
            apart = [gain + end - ends[0] for end in ends[2:]]
            rows.append((policy, estimator, "", mean, low, high, gain, *apart, seen.effective,
                         len(self.keys)))  # fmt: skip
        return rows

    def _interval(self, top: Floats, below: Floats, effective: float) -> tuple[float, float, float]:
        """Interval by persons; heavy weights leave fewer degrees of freedom than there are rows."""
        quantile = _t(0.975, max(effective - 1, 1))
        mean, _, low, high = _policy_value.interval(top, below, self.person, quantile)
        return mean, *_within_a_share(low, high)


# Where chance decided -----------------------------------------------------------------------

FEATURES: Final = (
    "role", "unit", "level", "country", "hours", "tenure_days", "active_days", "gap",
)  # fmt: skip
"""Columns of the trial that predict who gains; those that are not there are passed over."""


def uplift(
    frame: pd.DataFrame,
    *,
    share: float = 0.3,
    learner: str = "t",
    outcome: str = "followed",
    replicates: int = 200,
    seed: int = 1,
) -> Result:
    """Estimate who gains from personalised recommendations, where chance decided who got them.

    Gains are predicted from one half of the people, and the order of predictions is judged on the
    outcomes of the other half, with intervals over bootstrap samples of persons within their arm.
    Told are medians over many halves. Without chance there is no answer.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: ``is_treated, is_randomised, propensity`` (of the arm she is in; may be
        missing), ``outcome``, and any of ``FEATURES``.
    share : float
        Share of people that is treated, those with the largest predicted gain first.
    learner : {"t", "x"}
        Two models, one an arm; or the X-learner, which also models what each would have gained.
    outcome : str
        What the outcome stands for; kept for those who say it.
    replicates : int
        Bootstrap samples.
    seed : int

    Returns
    -------
    Result
        Family CONTRAST, one row a share of people treated: ``share, gain, low, high`` (outcomes
        won for 100 persons), ``at_random``, ``n``. Estimates: ``average_uplift``, ``uplift_at_k``,
        ``qini``, ``auuc`` and ``policy_value`` for treating ``nobody``, ``everyone`` and
        ``chosen``. ``parameters``: ``n_treated``, ``n_control``, ``ratio_p`` (whether the arms have
        the sizes they were drawn with).

    References
    ----------
    Radcliffe NJ (2007). Direct Marketing Analytics Journal 1:14-21. Künzel SR et al. (2019).
    PNAS 116:4156-4165. Chernozhukov V et al. (2018). NBER working paper 24678 (medians of splits).

    Examples
    --------
    In sales half gain, elsewhere nobody.

    >>> import pandas as pd
    >>> n = 800
    >>> frame = pd.DataFrame({"unit": ["Sales", "Lab"] * (n // 2), "is_randomised": True})
    >>> frame["is_treated"] = [i // 2 % 2 == 0 for i in range(n)]
    >>> frame["propensity"] = 0.5
    >>> frame["outcome"] = [float(t and u == "Sales" and i % 8 < 4) for i, (t, u) in
    ...                     enumerate(zip(frame["is_treated"], frame["unit"]))]
    >>> found = uplift(frame, share=0.5, replicates=50)
    >>> [round(found.estimate(m).value, 1) for m in ("average_uplift", "uplift_at_k")]
    [0.2, 0.5]
    """
    name = "uplift"
    between(share, "share", 0, 1)
    among(learner, "learner", _uplift.LEARNERS)
    told: dict[str, Scalar] = {"share": share, "learner": learner, "outcome": outcome}
    trial, refusal = _trial(frame)
    if trial is None:
        return not_enough(name, Family.CONTRAST, refusal, parameters=told)
    rng = np.random.default_rng(seed)
    x = _uplift.encoded([frame[c].reset_index(drop=True) for c in FEATURES if c in frame.columns])
    if not x.shape[1]:
        x = np.zeros((len(frame), 1))
    arms = _Draws.of(lambda weight: _both_arms(trial, weight), trial, replicates, rng, 5.0)
    splits = [_split(trial, x, share, learner, replicates, rng) for _ in range(_SPLITS)]
    value = arms.value | _median([one.value for one in splits])
    low = arms.low | _median([one.low for one in splits])
    high = arms.high | _median([one.high for one in splits])
    at = np.arange(0, 101, 10)
    part = _uplift.GRID[at]
    out = pd.DataFrame(
        {
            "share": part, "gain": value["gain"][at], "low": low["gain"][at],
            "high": high["gain"][at], "at_random": part * value["average"],
            "n": np.round(part * len(frame)).astype(int),
        }
    )  # fmt: skip
    n, grade = len(frame), Grade.RANDOMISED

    def estimate(metric: str, key: str, unit: str, label: str = "") -> Estimate:
        ends = float(low[key]), float(high[key])
        return Estimate(metric, float(value[key]), *ends, n, unit, grade, label)

    return Result(
        name, Family.CONTRAST, out,
        {
            "share": Role.TIME, "gain": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "at_random": Role.VALUE, "n": Role.N,
        },
        (
            estimate("average_uplift", "average", "points"),
            estimate("uplift_at_k", "top", "points"), estimate("qini", "qini", "index"),
            estimate("auuc", "auuc", "index"),
            estimate("policy_value", "nobody", "share", "nobody"),
            estimate("policy_value", "everyone", "share", "everyone"),
            estimate("policy_value", "chosen", "share", "chosen"),
        ),
        f"{learner.upper()}-learner, fitted on half of the people and judged on the other half; "
        f"medians over {_SPLITS} such halves, of intervals over {replicates} bootstrap samples.",
        told | {
            "n_treated": int(trial.treated.sum()), "n_control": int((~trial.treated).sum()),
            "ratio_p": trial.ratio_p, "n_features": int(x.shape[1]),
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Trial:
    treated: Bools
    outcome: Floats
    propensity: Floats
    ratio_p: float

    def part(self, rows: Bools) -> _Trial:
        """Return some of its people."""
        return _Trial(self.treated[rows], self.outcome[rows], self.propensity[rows], self.ratio_p)


def _trial(frame: pd.DataFrame) -> tuple[_Trial | None, str]:
    """Read a trial, or say why it is none."""
    if frame.empty:
        return None, why_empty(frame, "nobody was drawn to get personalised recommendations or not")
    require(frame, ["is_treated", "is_randomised", "propensity", "outcome"], "uplift")
    if not is_randomised(frame):
        return None, (
            "chance did not decide who got personalised recommendations, so who gains from them "
            "cannot be told from who is keen anyway"
        )
    treated = frame["is_treated"].to_numpy(dtype=bool)
    few = int(min(treated.sum(), (~treated).sum()))
    if few < 2 * MIN_PEOPLE:
        return None, f"fewer than {2 * MIN_PEOPLE} people with an outcome are in one of the arms"
    logged = frame["propensity"].to_numpy(dtype=float, na_value=np.nan)
    mean = float(treated.mean())
    usual = np.where(treated, mean, 1 - mean)
    is_logged = bool((logged > 0).all() and (logged < 1).all())
    chance = logged if is_logged else usual
    of_treatment = np.where(treated, chance, 1 - chance)
    expected, spread = float(of_treatment.sum()), float((of_treatment * (1 - of_treatment)).sum())
    p = math.nan
    if is_logged and spread > 0:
        p = math.erfc(abs(float(treated.sum()) - expected) / math.sqrt(2 * spread))
    return _Trial(treated, numbers(frame, "outcome", "uplift"), chance, p), ""


@dataclass(frozen=True, slots=True)
class _Draws:
    """Numbers by name, with the ends of their bootstrap intervals."""

    value: dict[str, Any]
    low: dict[str, Any]
    high: dict[str, Any]

    @classmethod
    def of(
        cls, judge: Callable[[Floats], dict[str, Any]], trial: _Trial, replicates: int,
        rng: np.random.Generator, alpha: float,
    ) -> _Draws:  # fmt: skip
        """Judge a trial, and bootstrap samples of its persons within their arms."""
        weight = 1.0 / trial.propensity
        value = judge(weight)
        drawn = [judge(weight * _resampled(trial.treated, rng)) for _ in range(replicates)]
        ends = {
            key: np.percentile([one[key] for one in drawn], [alpha / 2, 100 - alpha / 2], axis=0)
            for key in value
        }
        return cls(value, {k: e[0] for k, e in ends.items()}, {k: e[1] for k, e in ends.items()})


def _median(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: np.median([one[key] for one in found], axis=0) for key in found[0]}


def _split(
    trial: _Trial, x: Floats, share: float, learner: str, replicates: int,
    rng: np.random.Generator,
) -> _Draws:  # fmt: skip
    """Learn who gains from one half of each arm, and judge it on the other.

    Intervals leave out half as much as they are to do in the end: medians of them over many halves
    then hold the level (Chernozhukov et al. 2018).
    """
    learns = np.zeros(len(x), dtype=bool)
    for arm in (True, False):
        own = np.flatnonzero(trial.treated == arm)
        learns[rng.permutation(own)[: len(own) // 2]] = True
    of, on = trial.part(learns), trial.part(~learns)
    gain = _uplift.predicted(x[learns], of.treated, of.outcome, of.propensity, learner, x[~learns])
    # Ties are broken by chance: an order of the table must not stand in for a prediction.
    order = np.lexsort((rng.random(len(gain)), -gain))
    chosen = np.zeros(len(gain), dtype=bool)
    chosen[order[: max(round(share * len(gain)), 1)]] = True
    return _Draws.of(lambda w: _ordered(order, chosen, on, w), on, replicates, rng, 2.5)


def _resampled(treated: Bools, rng: np.random.Generator) -> Floats:
    """How often each person is drawn into a bootstrap sample, within her arm."""
    times = np.zeros(len(treated))
    for arm in (True, False):
        own = np.flatnonzero(treated == arm)
        times[own] = np.bincount(rng.integers(0, len(own), len(own)), minlength=len(own))
    return times


def _both_arms(trial: _Trial, weight: Floats) -> dict[str, Any]:
    everyone = np.ones(len(weight), dtype=bool)
    on, off = (_arm(everyone, trial, weight, arm) for arm in (True, False))
    return {"average": on - off, "nobody": off, "everyone": on}


def _ordered(order: Any, chosen: Bools, trial: _Trial, weight: Floats) -> dict[str, Any]:
    curve = _uplift.curve(order, trial.treated, trial.outcome, weight)
    top_on, top_off = (_arm(chosen, trial, weight, arm) for arm in (True, False))
    # Weights of both arms add up to the people there are, so that shares are those of persons.
    part = float(weight[chosen].sum() / weight.sum())
    rest = _arm(~chosen, trial, weight, False)
    return {
        "gain": curve.gain, "qini": curve.qini, "auuc": curve.auuc, "top": top_on - top_off,
        "chosen": part * top_on + (1 - part) * rest,
    }  # fmt: skip


def _arm(who: Bools, trial: _Trial, weight: Floats, arm: bool) -> float:
    own = who & (trial.treated == arm)
    total = float(weight[own].sum())
    return float((weight[own] * trial.outcome[own]).sum()) / total if total > 0 else 0.0


def responders(frame: pd.DataFrame, *, by: Sequence[str] = GROUPINGS) -> Result:
    """Compare the gain between groups of people, where chance decided who was treated.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`uplift`.
    by : sequence of str
        Columns of groups; those that are not there are passed over.

    Returns
    -------
    Result
        Family CONTRAST: ``grouping, group, standing`` (whether the gain of the group differs from
        that of everyone else, over all groups together), ``gain`` with its interval, ``n``.
        Estimates ``group_uplift`` by group.

    Examples
    --------
    >>> import pandas as pd
    >>> n = 800
    >>> frame = pd.DataFrame({"unit": ["Sales", "Lab"] * (n // 2), "is_randomised": True})
    >>> frame["is_treated"] = [i // 2 % 2 == 0 for i in range(n)]
    >>> frame["propensity"] = 0.5
    >>> frame["outcome"] = [float(t and u == "Sales" and i % 8 < 4) for i, (t, u) in
    ...                     enumerate(zip(frame["is_treated"], frame["unit"]))]
    >>> responders(frame).frame[["group", "standing", "gain"]].to_dict("list")
    {'group': ['Sales', 'Lab'], 'standing': ['above', 'below'], 'gain': [0.5, 0.0]}
    """
    name = "responders"
    trial, refusal = _trial(frame)
    if trial is None:
        return not_enough(name, Family.CONTRAST, refusal)
    weight = 1.0 / trial.propensity
    rows: list[Row] = []
    tests: list[tuple[float, float]] = []
    for column in [c for c in by if c in frame.columns]:
        group = frame[column].fillna("Unknown").astype(str).to_numpy()
        for one in sorted(set(group)):
            own = _contrast(group == one, trial, weight)
            other = _contrast(group != one, trial, weight)
            if own is None or other is None:
                continue
            difference, se = own[0] - other[0], math.hypot(own[1], other[1])
            p = math.erfc(abs(difference) / se / math.sqrt(2)) if se > 0 else 1.0
            tests.append((difference, p))
            half = _t(0.975, max(own[2], 1.0)) * own[1]
            n = int((group == one).sum())
            rows.append((column, one, own[0], own[0] - half, own[0] + half, n))
    if not rows:
        return not_enough(
            name, Family.CONTRAST,
            f"no two groups have {MIN_PEOPLE} people in each arm to compare",
        )  # fmt: skip
    columns = ["grouping", "group", "gain", "low", "high", "n"]
    out = pd.DataFrame(rows, columns=columns)
    out.insert(2, "standing", _marked(tests))
    out = out.sort_values("gain", ascending=False, kind="stable").reset_index(drop=True)
    return Result(
        name, Family.CONTRAST, out,
        {
            "grouping": Role.KEY, "group": Role.KEY, "standing": Role.KEY, "gain": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("group_uplift", r["gain"], r["low"], r["high"], int(r["n"]), "points",
                     Grade.RANDOMISED, str(r["group"]))
            for r in out.to_dict("records")
        ),
        "Difference of the arms within each group; marked after Holm where it differs from that of "
        "everyone else.",
        parts=Partition(("group",), apart=("grouping",)),
    )  # fmt: skip


def _contrast(who: Bools, trial: _Trial, weight: Floats) -> tuple[float, float, float] | None:
    """Difference of the arms among some people, its standard error and degrees of freedom."""
    means, variances, sizes = [], [], []
    for arm in (True, False):
        own = who & (trial.treated == arm)
        n = int(own.sum())
        if n < MIN_PEOPLE:
            return None
        w, y = weight[own], trial.outcome[own]
        mean = float((w * y).sum() / w.sum())
        spread = float((w**2 * (y - mean) ** 2).sum() / w.sum() ** 2) * n / (n - 1)
        if spread == 0:
            # Nobody differs here, yet chance could have had it otherwise: half a person more.
            share = (n * mean + 0.5) / (n + 1)
            spread = abs(share * (1 - share)) / n
        means.append(mean)
        variances.append(spread)
        sizes.append(n)
    total = sum(variances)
    df = total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    return means[0] - means[1], math.sqrt(total), df


# Engagement ---------------------------------------------------------------------------------


def engagement(spells: pd.DataFrame, exposed: pd.DataFrame, *, horizon_days: int = 90) -> Result:
    """Compare how long people stay engaged with personalised recommendations and without.

    Followed are those who were engaged on the day they were drawn (or, without a draw, on the day
    of the split), from that day on: who starts later may start because of it. The difference is
    that of restricted mean survival times.

    Parameters
    ----------
    spells : pandas.DataFrame
        ``person_key, started_on, duration`` (days, the first and last counted), ``event`` (bool).
    exposed : pandas.DataFrame
        One row a person: ``person_key, arm, is_treated, is_randomised, from_on``.
    horizon_days : int
        Days over which it is averaged; fewer where people were not followed so long.

    Returns
    -------
    Result
        Family CONTRAST: ``group, rmst, low, high, difference`` with its interval, ``n``. Estimates
        ``rmst`` and ``rmst_difference``. Graded ``randomised`` where chance decided, else
        ``descriptive``; ``parameters["is_randomised"]``.

    References
    ----------
    Royston P, Parmar MKB (2013). BMC Med Res Methodol 13:152.

    Examples
    --------
    >>> import pandas as pd
    >>> n = 80
    >>> on = pd.Timestamp("2024-03-01")
    >>> spells = pd.DataFrame({"person_key": range(n), "started_on": on - pd.Timedelta(days=4),
    ...                        "duration": [15 if i % 4 == 2 else 35 for i in range(n)],
    ...                        "event": True})
    >>> exposed = pd.DataFrame({"person_key": range(n), "arm": ["b", "a"] * (n // 2),
    ...                         "is_treated": [False, True] * (n // 2), "is_randomised": True,
    ...                         "from_on": on})
    >>> found = engagement(spells, exposed)
    >>> told = next(e for e in found.estimates if e.metric == "rmst_difference")
    >>> told.value, told.grade
    (10.0, <Grade.RANDOMISED: 'randomised'>)
    """
    from ldresearch.models import survival

    name = "engagement"
    between(horizon_days, "horizon_days", 0, 3651)
    if exposed.empty:
        return not_enough(
            name, Family.CONTRAST, why_empty(exposed, "nobody was shown recommendations")
        )
    if spells.empty:
        return not_enough(name, Family.CONTRAST, why_empty(spells, "there are no spells"))
    require(spells, ["person_key", "started_on", "duration", "event"], name)
    require(exposed, ["person_key", "arm", "is_treated", "is_randomised", "from_on"], name)
    drawn = is_randomised(exposed)
    both = spells.merge(exposed, on="person_key", suffixes=("", "_exposed"))
    since = (pd.to_datetime(both["from_on"]) - pd.to_datetime(both["started_on"])).dt.days
    rest = both["duration"].to_numpy(dtype=float) - since.to_numpy(dtype=float)
    kept = (since >= 0).to_numpy() & (rest > 0)
    frame = pd.DataFrame(
        {
            "person_key": both["person_key"], "duration": rest, "event": both["event"].astype(bool),
            "arm": np.where(both["is_treated"], "with", "without"),
        }
    )[kept].drop_duplicates("person_key")  # fmt: skip
    if frame["arm"].value_counts().reindex(["with", "without"]).fillna(0).min() < MIN_PEOPLE:
        return not_enough(
            name, Family.CONTRAST,
            f"fewer than {MIN_PEOPLE} people were engaged on that day with personalised "
            "recommendations, or without",
        )  # fmt: skip
    found = survival.rmst(
        frame, "arm", horizon=horizon_days, reference="without",
        grade=Grade.RANDOMISED if drawn else Grade.DESCRIPTIVE,
    )  # fmt: skip
    return found.but(name=name, parameters={**found.parameters, "is_randomised": drawn})


# May we trust it? ---------------------------------------------------------------------------


def trust(
    ready: Result, evaluated: Result, valued: Result, gained: Result, catalogue: pd.DataFrame
) -> Result:
    """Check what the answers rest on.

    Parameters
    ----------
    ready, evaluated, valued, gained : Result
        Of :func:`readiness`, :func:`evaluate`, :func:`value` and :func:`uplift`.
    catalogue : pandas.DataFrame
        ``content_id, is_dated``.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> none = not_enough("uplift", Family.CONTRAST, "nobody was drawn")
    >>> offer = pd.DataFrame({"content_id": ["a", "b"], "is_dated": [True, False]})
    >>> found = trust(none, none, none, none, offer).frame.set_index("check")
    >>> found.loc[["dated", "arms"], "status"].to_dict()
    {'dated': 'not passed', 'arms': 'not known'}
    """
    dated = float(catalogue["is_dated"].mean()) if len(catalogue) else math.nan
    tagged = _share(ready, "tags")
    rows = [
        _checks.at_least("evaluated", _told(evaluated, "n_evaluated"), 100.0),
        _checks.at_least("dated", _hundred(dated), 90.0),
        _checks.at_least("tagged", _hundred(tagged), 60.0),
        _checks.at_least("history", _hundred(_told(evaluated, "with_history")), 50.0),
        _checks.at_least("overlap", round(_told(valued, "effective"), 0),
                  _policy_value.FEWEST_EFFECTIVE),
        _checks.at_least("arms", _told(gained, "ratio_p"), 0.001),
    ]  # fmt: skip
    return _checks.trust(rows)


def _told(result: Result, name: str) -> float:
    found = result.parameters.get(name)
    return math.nan if found is None else float(found)


def _share(ready: Result, part: str) -> float:
    if ready.is_empty:
        return math.nan
    own = ready.frame.loc[ready.frame["part"] == part, "share"]
    return float(own.iloc[0]) if len(own) else math.nan


def _hundred(share: float) -> float:
    return math.nan if math.isnan(share) else round(100 * share, 0)
