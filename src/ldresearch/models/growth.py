"""Which roles are within reach of which, what opens them, and who applies, is chosen and moves.

Frames about persons go from one function here to the next and have no roles: the door refuses
them. What is published is about roles, skills and groups. Where nobody is rated, the answers are
those of the roles: of someone who is exactly at what her role asks for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.models import _asked, _checks, _ratios, _role_gaps, rates
from ldresearch.models._frame import Floats, persons, require
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Grade, Role

MIN_PEOPLE: Final = 10
"""Fewest people of a role from whom its readiness for another is told."""
MIN_KNOWN: Final = 0.5
"""Share of what a role asks for, by importance, that must be rated for a person to be placed."""
MIN_EXPECTED: Final = 5.0
"""Chosen and not chosen that a group must have at the common rate; below it nothing is said."""
MIN_EVENTS: Final = 5
"""Fewest people who did it, on either side, for a ratio of rates."""
FOUR_FIFTHS: Final = 0.8
"""Ratio of selection rates below which the Uniform Guidelines ask for a look (EEOC 1978)."""
A_LITTLE: Final = 0.02
"""A mean rise of what is asked for that is no more than this is none."""
BANDS: Final = (0.6, 0.7, 0.8, 0.9)
"""Readiness at which one band ends and the next begins."""

_Z95 = 1.959963984540054
_DRAWS = 200
_BAND_NAMES = ("under 60 %", "60 to 69 %", "70 to 79 %", "80 to 89 %", "90 % or more")
_SIMILAR = ("readiness", "there and back", "nearness")
_SUM_UP = ("applied", "chosen", "moved")


# Between roles ------------------------------------------------------------------------------


def between(profiles: pd.DataFrame) -> Result:
    """Compare each role with each other by what they ask for; private.

    Parameters
    ----------
    profiles : pandas.DataFrame
        One row a role and skill: ``role_id, skill_id, target, weight``; optional ``target_se,
        weight_se, is_reliable``.

    Returns
    -------
    Result
        Family MODEL, private. One row an ordered pair of roles: ``from_role, to_role``,
        ``readiness`` of someone exactly at the first for the second with ``readiness_low`` and
        ``readiness_high``, ``rise`` (mean by which the second asks for more) and ``rise_se``,
        ``distance`` with ``distance_low`` and ``distance_high``. All intervals hold the published
        standard errors, and nothing else.

    Examples
    --------
    >>> import pandas as pd
    >>> profiles = pd.DataFrame({"role_id": ["clerk", "clerk", "chief", "chief"],
    ...                          "skill_id": ["a", "b", "a", "b"],
    ...                          "target": [0.4, 0.6, 0.8, 0.6], "weight": [1.0, 1, 3, 1]})
    >>> found = between(profiles).frame.set_index(["from_role", "to_role"])
    >>> found.loc[("clerk", "chief"), ["readiness", "rise", "distance"]].round(3).tolist()
    [0.625, 0.3, 0.327]
    """
    name = "between"
    if profiles.empty:
        return _nothing(name, profiles, "no role asks for a skill")
    require(profiles, ["role_id", "skill_id", "target", "weight"], name)
    g = _role_gaps.grid(profiles)
    n = len(g.roles)
    if n < 2:
        return _nothing(name, profiles, "there is only one role with a profile")
    found = _role_gaps.between(g)
    roles = np.array(g.roles, dtype=object)
    here, there = np.nonzero(~np.eye(n, dtype=bool))
    frame = pd.DataFrame({"from_role": roles[here], "to_role": roles[there]})
    for column in ("readiness", "readiness_low", "readiness_high", "rise", "rise_se", "distance",
                   "distance_low", "distance_high"):  # fmt: skip
        frame[column] = getattr(found, column)[here, there]
    has_errors = bool((g.variance > 0).any())
    return Result(name, Family.MODEL, frame, {}, parameters={"has_errors": has_errors})


def agreement(
    between: Result, related: pd.DataFrame, *, replicates: int = 2000, seed: int = 1
) -> Result:
    """Say whether roles that look alike here are those that their publisher calls related.

    For each role, its related roles are set against all others by the area under the ROC curve
    (Mann-Whitney): the chance that a related role looks nearer than one that is not.

    Parameters
    ----------
    between : Result
        Of :func:`between`.
    related : pandas.DataFrame
        ``role_id, related_role_id, tier, rank``.
    replicates : int
        Bootstrap samples of roles.
    seed : int

    Returns
    -------
    Result
        Family MEANS: ``likeness`` (``readiness``; ``there and back``, the mean of both ways;
        ``nearness``, by the distance), ``tier`` (``any``, then each), ``auc, low, high``,
        ``first`` (mean reciprocal place of the first related role) and ``first_by_chance``,
        ``order`` (mean rank correlation with the publisher's order), ``roles``; ``n`` is 0:
        nobody stands behind it. Estimates ``related_auc`` by likeness.

    References
    ----------
    Mann HB, Whitney DR (1947). Ann Math Stat 18:50-60.

    Examples
    --------
    >>> import pandas as pd
    >>> profiles = pd.DataFrame({"role_id": list("abcd"), "skill_id": "s", "weight": 1.0,
    ...                          "target": [0.2, 0.3, 0.7, 0.8]})
    >>> related = pd.DataFrame({"role_id": list("abcd"), "related_role_id": list("badc"),
    ...                         "tier": "near", "rank": 1.0})
    >>> agreement(globals()["between"](profiles), related).estimate("related_auc", "nearness").value
    1.0
    """
    name = "agreement"
    if between.is_empty:
        return not_enough(name, Family.MEANS, between.missing)
    if related.empty:
        why = _asked.why_empty(related, "nobody says which roles are related")
        return not_enough(name, Family.MEANS, why)
    require(related, ["role_id", "related_role_id", "tier", "rank"], name)
    roles = sorted(set(between.frame["from_role"]))
    place = {role: i for i, role in enumerate(roles)}
    known = related[related["role_id"].isin(place) & related["related_role_id"].isin(place)]
    known = known[known["role_id"] != known["related_role_id"]]
    if known.empty:
        return not_enough(name, Family.MEANS, "no related role has a profile")
    alike = _likenesses(between.frame, len(roles))
    rng = np.random.default_rng(seed)
    rows = []
    tiers = ["any", *sorted(t for t in set(known["tier"]) if t)]
    for likeness in _SIMILAR:
        ranks = _ranks(alike[likeness])
        for tier in tiers if len(tiers) > 2 else tiers[:1]:
            part = known if tier == "any" else known[known["tier"] == tier]
            told = _agrees(alike[likeness], ranks, part, place, rng, replicates)
            rows.append((likeness, tier, *told))
    columns = ["likeness", "tier", "auc", "low", "high", "first", "first_by_chance", "order",
               "roles"]  # fmt: skip
    out = pd.DataFrame(rows, columns=columns).assign(n=0)
    if not out["auc"].notna().any():
        return not_enough(name, Family.MEANS, "every role is related to every other")
    estimates = tuple(
        Estimate("related_auc", float(r["auc"]), float(r["low"]), float(r["high"]), 0,
                 "probability", Grade.DESCRIPTIVE, str(r["likeness"]))
        for r in out[out["tier"] == "any"].to_dict("records")
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out,
        {
            "likeness": Role.KEY, "tier": Role.KEY, "auc": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "first": Role.VALUE, "first_by_chance": Role.VALUE,
            "order": Role.VALUE, "roles": Role.VALUE, "n": Role.N,
        },
        estimates,
        "Mean over roles of the Mann-Whitney area, related roles against all others; percentile "
        "bootstrap over roles.",
        {"replicates": replicates},
    )  # fmt: skip


def _likenesses(frame: pd.DataFrame, n: int) -> dict[str, Floats]:
    """Square arrays of each likeness, larger is nearer; rows and columns in order of the ids."""
    off = ~np.eye(n, dtype=bool)

    def square(column: str) -> Floats:
        out = np.full((n, n), -np.inf)
        values = frame.sort_values(["from_role", "to_role"])[column].to_numpy(dtype=float)
        out[off] = values
        return np.where(np.isnan(out), -np.inf, out)

    ready = square("readiness")
    near = np.where(off, -np.where(np.isinf(square("distance")), np.inf, square("distance")),
                    -np.inf)  # fmt: skip
    return {"readiness": ready, "there and back": ready + ready.T, "nearness": near}


def _ranks(alike: Floats) -> Floats:
    """Places of the others from the farthest (1) up; a role itself is 0 and counts for nothing."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(alike, axis=1) - 1, dtype=float)


def _agrees(
    alike: Floats, low_to_high: Floats, part: pd.DataFrame, place: dict[str, int],
    rng: np.random.Generator, replicates: int,
) -> tuple[float, float, float, float, float, float, int]:  # fmt: skip
    n = len(place)
    is_near = np.zeros((n, n), dtype=bool)
    here = part["role_id"].map(place).to_numpy(dtype=int)
    there = part["related_role_id"].map(place).to_numpy(dtype=int)
    is_near[here, there] = True
    near, far = is_near.sum(axis=1), n - 1 - is_near.sum(axis=1)
    used = (near > 0) & (far > 0)
    if not used.any():
        return (math.nan,) * 6 + (0,)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = (np.where(is_near, low_to_high, 0).sum(axis=1) - near * (near + 1) / 2) / (
            near * far
        )
    area = area[used]
    drawn = area[rng.integers(0, len(area), (replicates, len(area)))].mean(axis=1)
    low, high = (float(np.quantile(drawn, q)) for q in (0.025, 0.975))
    first = np.where(is_near, n - low_to_high, np.inf).min(axis=1)[used]
    by_chance = float(np.mean([_first_by_chance(int(k), n - 1) for k in near[used]]))
    order = _order(alike[here, there], part)
    return (float(area.mean()), low, high, float((1 / first).mean()), by_chance, order,
            int(used.sum()))  # fmt: skip


def _first_by_chance(k: int, n: int) -> float:
    """Mean reciprocal place of the first of k among n in random order."""
    left, total = 1.0, 0.0
    for place in range(1, n - k + 2):
        hit = k / (n - place + 1)
        total += left * hit / place
        left *= 1 - hit
    return total


def _order(alike: Floats, part: pd.DataFrame) -> float:
    """Mean over roles of Spearman's correlation between likeness and the publisher's order."""
    if not part["rank"].notna().any():
        return math.nan
    both = pd.DataFrame({"role": part["role_id"].to_numpy(), "alike": alike,
                         "rank": -part["rank"].to_numpy(dtype=float)})  # fmt: skip
    both = both[np.isfinite(both["alike"]) & both["rank"].notna()]
    both = both[both.groupby("role")["role"].transform("size") > 2]
    if both.empty:
        return math.nan
    ranked = both.groupby("role")[["alike", "rank"]].rank().assign(role=both["role"])
    centred = ranked[["alike", "rank"]] - ranked.groupby("role")[["alike", "rank"]].transform(
        "mean"
    )
    by = ranked["role"]
    top = (centred["alike"] * centred["rank"]).groupby(by).sum()
    bottom = np.sqrt(
        (centred["alike"] ** 2).groupby(by).sum() * (centred["rank"] ** 2).groupby(by).sum()
    )
    found = (top / bottom)[bottom > 0]
    return float(found.mean()) if len(found) else math.nan


# Readiness of people ------------------------------------------------------------------------


def readiness(levels: pd.DataFrame, people: pd.DataFrame, profiles: pd.DataFrame) -> Result:
    """Work out how ready each person is for each role but her own; private.

    Readiness is the weighted mean share of the target reached, at most 1 a skill, over the skills
    that are rated. A skill that is not rated is not one of nought: it is left out, and whoever is
    rated in less than half of what a role asks for is not placed for it.

    Parameters
    ----------
    levels : pandas.DataFrame
        One row a person and skill: ``person_key, skill_id, level, se, bias_se``.
    people : pandas.DataFrame
        One row a person: ``person_key, role, group``.
    profiles : pandas.DataFrame
        As in :func:`between`.

    Returns
    -------
    Result
        Family MODEL, private. One row a person and role: ``person_key, from_role, group, to_role,
        readiness``, ``known`` (share of what is asked for that is rated), ``noise`` (variance from
        her ratings), ``shared`` and ``asked`` (standard errors that all share: of the sources'
        biases, of the targets).

    Examples
    --------
    >>> import pandas as pd
    >>> levels = pd.DataFrame({"person_key": 1, "skill_id": ["a", "b"], "level": [0.4, 0.9],
    ...                        "se": 0.0, "bias_se": 0.0})
    >>> people = pd.DataFrame({"person_key": [1], "role": ["clerk"], "group": [""]})
    >>> profiles = pd.DataFrame({"role_id": "chief", "skill_id": ["a", "b", "c"],
    ...                          "target": [0.8, 0.6, 0.7], "weight": [2.0, 1, 1]})
    >>> found = readiness(levels, people, profiles).frame
    >>> found[["to_role", "readiness", "known"]].round(3).values.tolist()
    [['chief', 0.667, 0.75]]
    """
    name = "readiness"
    for frame, otherwise in (
        (profiles, "no role asks for a skill"), (people, "nobody is employed"),
        (levels, "nobody has been rated"),
    ):  # fmt: skip
        if frame.empty:
            return _nothing(name, frame, otherwise)
    require(profiles, ["role_id", "skill_id", "target", "weight"], name)
    require(people, ["person_key", "role", "group"], name)
    require(levels, ["person_key", "skill_id", "level", "se", "bias_se"], name)
    g, who = _role_gaps.grid(profiles), _People.of(levels, people, profiles)
    parts = []
    for i, role in enumerate(g.roles):
        one = _Toward.of(g, i, who.level, who.variance)
        placed = (one.known >= MIN_KNOWN) & (who.role != role)
        at = np.flatnonzero(placed)
        share, slope = one.share[at], np.nan_to_num(one.slope[at])
        pull = share * slope
        part = pd.DataFrame(
            {
                "person_key": who.key[at], "from_role": who.role[at], "group": who.group[at],
                "readiness": one.ready[at], "known": one.known[at],
                "noise": (pull**2 * np.nan_to_num(who.variance[at])).sum(axis=1),
                "shared": (pull * np.nan_to_num(who.bias_se[at])).sum(axis=1),
                "asked": np.sqrt((pull**2 * g.variance[i]).sum(axis=1)),
            }
        )  # fmt: skip
        part.insert(3, "to_role", role)
        parts.append(part)
    found = pd.concat(parts, ignore_index=True)
    if found.empty:
        return _nothing(name, found, "nobody is rated in half of what another role asks for")
    return Result(name, Family.MODEL, found, {},
                  parameters={"n_people": len(people), "n_placed": persons(found)})  # fmt: skip


class _People:
    """Levels as arrays: a row a person, a column a skill of the profiles; nan where not known."""

    def __init__(
        self, key: Any, role: Any, group: Any, level: Floats, variance: Floats, bias_se: Floats
    ) -> None:
        self.key, self.role, self.group = key, role, group
        self.level, self.variance, self.bias_se = level, variance, bias_se

    @classmethod
    def of(cls, levels: pd.DataFrame, people: pd.DataFrame, profiles: pd.DataFrame) -> _People:
        skills = np.unique(profiles["skill_id"].astype(str))
        rated = levels[levels["level"].notna() & levels["person_key"].isin(people["person_key"])]
        rated = rated[rated["skill_id"].isin(skills)]
        who = people[people["person_key"].isin(rated["person_key"])].sort_values("person_key")
        row = np.searchsorted(who["person_key"].to_numpy(), rated["person_key"].to_numpy())
        column = np.searchsorted(skills, rated["skill_id"].astype(str).to_numpy())

        def laid(values: Any) -> Floats:
            out = np.full((len(who), len(skills)), np.nan)
            out[row, column] = values
            return out

        return cls(
            who["person_key"].to_numpy(), who["role"].astype(str).to_numpy(dtype=object),
            who["group"].astype(str).to_numpy(dtype=object),
            laid(rated["level"].to_numpy(dtype=float)),
            laid(rated["se"].fillna(0).to_numpy(dtype=float) ** 2),
            laid(rated["bias_se"].fillna(0).to_numpy(dtype=float)),
        )  # fmt: skip

    @classmethod
    def at_target(cls, g: _role_gaps.Grid) -> _People:
        """Someone in each role who is exactly at what it asks for."""
        none = np.zeros_like(g.target)
        roles = np.array(g.roles, dtype=object)
        return cls(np.arange(len(roles)), roles, np.full(len(roles), ""), g.target, none, none)


class _Toward:
    """People on their way to one role: readiness, and what each skill has to do with it."""

    def __init__(self, ready: Floats, known: Floats, share: Floats, reached: Floats,
                 slope: Floats) -> None:  # fmt: skip
        self.ready, self.known, self.share = ready, known, share
        self.reached, self.slope = reached, slope

    @classmethod
    def of(cls, g: _role_gaps.Grid, i: int, level: Floats, variance: Floats) -> _Toward:
        target, of_target, weight = g.role(i)
        reached, slope = _role_gaps.expected_reached(level, variance, target, of_target)
        w = np.where(np.isnan(level), 0.0, weight)
        total = w.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(total[:, None] > 0, w / total[:, None], 0.0)
            known = total / weight.sum() if weight.sum() > 0 else np.zeros(len(level))
        ready = (share * np.nan_to_num(reached)).sum(axis=1)
        return cls(ready, known, share, reached, slope)


# Roles within reach -------------------------------------------------------------------------


def reachable(
    ready: Result,
    between: Result,
    profiles: pd.DataFrame,
    related: pd.DataFrame,
    *,
    from_role: str = "",
    ready_at: float = 0.8,
    roles: int = 5,
    each: int = 3,
) -> Result:
    """Put the roles that are nearest by readiness beside each role.

    Parameters
    ----------
    ready : Result
        Of :func:`readiness`. Where it is empty, the readiness is that of someone exactly at what
        her role asks for, those within reach come by their distance, and roles that ask for less
        on the whole are left out: to be ready for those is no growth.
    between : Result
        Of :func:`between`.
    profiles, related : pandas.DataFrame
        As in :func:`between` and :func:`agreement`; ``role`` holds the name of a role.
    from_role : str
        Id of the role one comes from; empty: the ``roles`` with most people, or without people
        those from which most roles that ask for more are within reach, with such roles alone.
    ready_at : float
        Readiness from which a role counts as within reach.
    roles, each : int
        How many roles to come from, and to go to from each; three times as many from a single one.

    Returns
    -------
    Result
        Family MEANS: ``from, to, tier`` (as its publisher relates them; empty: not), ``asks``
        (``more``, ``less`` or ``the same``, on the whole), ``readiness, low, high``,
        ``within_reach`` (share of the people), ``distance, distance_low, distance_high``, ``n``.
        The private ``members`` hold the ids of the pairs. Estimates ``role_readiness`` by pair and
        ``reachable_roles`` (mean over people).

    Raises
    ------
    ParameterError
        If no profile has the id ``from_role``.

    Examples
    --------
    >>> import pandas as pd
    >>> profiles = pd.DataFrame({"role_id": ["clerk", "chief"], "role": ["Clerk", "Chief"],
    ...                          "skill_id": "a", "target": [0.4, 0.5], "weight": 1.0})
    >>> nobody = not_enough("readiness", Family.MODEL, "nobody has been rated")
    >>> found = reachable(nobody, globals()["between"](profiles), profiles, pd.DataFrame())
    >>> found.frame[["from", "to", "asks", "readiness"]].values.tolist()
    [['Clerk', 'Chief', 'more', 0.8]]
    """
    name = "reachable"
    if between.is_empty:
        return not_enough(name, Family.MEANS, between.missing)
    _asked.between(ready_at, "ready_at", 0, 1)
    titles = _titles(profiles)
    _check_role(from_role, titles)
    pairs = between.frame.copy()
    pairs["asks"] = _asks(pairs)
    counted = _by_role(ready.frame, ready_at) if not ready.is_empty else pd.DataFrame()
    if from_role and len(counted):
        counted = counted[counted["from_role"] == from_role]
    has_people = bool(len(counted))
    if has_people:
        joined = counted.merge(pairs, on=["from_role", "to_role"], how="left",
                               suffixes=("", "_of_roles"))  # fmt: skip
        joined["asks"] = joined["asks"].fillna("")
        most = joined.groupby("from_role")["n"].max().sort_values(ascending=False, kind="stable")
    else:
        # Most pairs of roles that ask for as much are neighbours by their errors alone.
        grows = pairs["asks"] != "less" if from_role else pairs["asks"] == "more"
        joined = pairs[grows].assign(
            low=pairs["readiness_low"], high=pairs["readiness_high"], within_reach=math.nan, n=0
        )
        is_open = (joined["asks"] == "more") & (joined["readiness"] >= ready_at)
        most = is_open.groupby(joined["from_role"]).sum().sort_values(ascending=False,
                                                                      kind="stable")  # fmt: skip
    if joined.empty:
        why = (
            "nobody of a role with enough people is placed for another"
            if not ready.is_empty
            else "no other role asks for as much"
        )
        return not_enough(name, Family.MEANS, why)
    chosen = [from_role] if from_role else most.index[:roles].tolist()
    each = 3 * each if len(chosen) == 1 else each
    order = {role: i for i, role in enumerate(chosen)}
    kept = joined[joined["from_role"].isin(order)].assign(place=lambda f: f["from_role"].map(order))
    kept = kept.assign(
        far=kept["readiness"] < ready_at,
        by=-kept["readiness"] if has_people else kept["distance"],
    ).sort_values(["place", "far", "by", "to_role"], kind="stable")
    kept = kept.groupby("from_role", sort=False).head(each)
    if kept.empty:
        return not_enough(name, Family.MEANS, "no other role asks for as much as this one")
    kept = kept.reset_index(drop=True)
    kept["tier"] = _tiers(kept, related)
    out = kept.assign(**{"from": kept["from_role"].map(lambda r: titles.get(r, r)),
                         "to": kept["to_role"].map(titles)})  # fmt: skip
    columns = {
        "from": Role.KEY, "to": Role.KEY, "tier": Role.KEY, "asks": Role.KEY,
        "readiness": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "within_reach": Role.RATE,
        "distance": Role.VALUE, "distance_low": Role.LOW, "distance_high": Role.HIGH, "n": Role.N,
    }  # fmt: skip
    estimates = tuple(
        Estimate("role_readiness", r["readiness"], r["low"], r["high"], int(r["n"]), "share",
                 Grade.ADJUSTED, f"{r['from']} to {r['to']}")
        for r in out.to_dict("records")
    )  # fmt: skip
    reach = _reach(ready.frame, from_role, ready_at) if has_people else _reach_of_roles(
        pairs, from_role, ready_at
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out[list(columns)], columns, (reach, *estimates),
        "Mean readiness of the people of a role for another; the interval holds people, their "
        "ratings, the sources' biases and the errors of the targets."
        if has_people
        else "Readiness of someone exactly at what a role asks for; the interval holds the "
        "published errors of levels and importance.",
        {
            "basis": "people" if has_people else "roles", "ready_at": ready_at,
            "from_role": titles.get(from_role, ""), "has_errors": between.parameters["has_errors"],
            "n_roles": len(titles),
        },
        members=kept[["from_role", "to_role"]],
    )  # fmt: skip


def _asks(pairs: pd.DataFrame) -> Any:
    least = np.maximum(_Z95 * pairs["rise_se"].to_numpy(float), A_LITTLE)
    rise = pairs["rise"].to_numpy(float)
    return np.where(rise > least, "more", np.where(rise < -least, "less", "the same"))


def _by_role(frame: pd.DataFrame, ready_at: float) -> pd.DataFrame:
    """Readiness of the people of each role for each other, where there are enough of them."""
    keyed = frame.assign(
        at=frame["readiness"] >= ready_at, square=frame["readiness"] ** 2
    ).groupby(["from_role", "to_role"], sort=True)  # fmt: skip
    found = keyed.agg(
        readiness=("readiness", "mean"), square=("square", "mean"), noise=("noise", "mean"),
        shared=("shared", "mean"), asked=("asked", "mean"), within_reach=("at", "mean"),
        n=("person_key", "nunique"),
    ).reset_index()  # fmt: skip
    found = found[found["n"] >= MIN_PEOPLE]
    between = np.maximum(found["square"] - found["readiness"] ** 2, 0.0) + found["noise"]
    se = np.sqrt(between / found["n"] + found["shared"] ** 2 + found["asked"] ** 2)
    return found.assign(
        low=np.maximum(found["readiness"] - _Z95 * se, 0.0),
        high=np.minimum(found["readiness"] + _Z95 * se, 1.0),
    ).drop(columns=["square", "noise", "shared", "asked"])


def _reach(frame: pd.DataFrame, from_role: str, ready_at: float) -> Estimate:
    part = frame[frame["from_role"] == from_role] if from_role else frame
    each = (part["readiness"] >= ready_at).groupby(part["person_key"]).sum().to_numpy(float)
    return _mean_of("reachable_roles", each, len(each), "people")


def _reach_of_roles(pairs: pd.DataFrame, from_role: str, ready_at: float) -> Estimate:
    if from_role:
        part = pairs[pairs["from_role"] == from_role]
        value, low, high = (
            float((part[c] >= ready_at).sum())
            for c in ("readiness", "readiness_low", "readiness_high")
        )
        return Estimate("reachable_roles", value, low, high, 0, "roles", Grade.ADJUSTED, "roles")
    each = (pairs["readiness"] >= ready_at).groupby(pairs["from_role"]).sum().to_numpy(float)
    return _mean_of("reachable_roles", each, 0, "roles")


def _mean_of(metric: str, each: Floats, n: int, label: str) -> Estimate:
    value = float(each.mean())
    half = _Z95 * float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else math.nan
    return Estimate(metric, value, max(value - half, 0.0), value + half, n, "roles",
                    Grade.ADJUSTED, label)  # fmt: skip


def _tiers(kept: pd.DataFrame, related: pd.DataFrame) -> list[str]:
    if related.empty:
        return [""] * len(kept)
    keys = zip(related["role_id"], related["related_role_id"], strict=True)
    tier = dict(zip(keys, related["tier"].where(related["tier"] != "", "related"), strict=True))
    return [tier.get(pair, "") for pair in zip(kept["from_role"], kept["to_role"], strict=True)]


def _titles(profiles: pd.DataFrame) -> dict[str, str]:
    """Names of roles by id; a name that several have is told apart by its id."""
    if "role" not in profiles.columns:
        return {str(r): str(r) for r in profiles["role_id"]}
    named = profiles.drop_duplicates("role_id")
    twice = named["role"].duplicated(keep=False)
    return {
        str(i): f"{name} ({i})" if again else str(name)
        for i, name, again in zip(named["role_id"], named["role"], twice, strict=True)
    }


def _check_role(role: str, titles: dict[str, str]) -> None:
    if role and role not in titles:
        raise ParameterError(
            message("no profile has this role id", where="from_role", got=role,
                    do=did_you_mean(role, titles) or "write an id of the table role_skill")
        )  # fmt: skip


# What a move takes --------------------------------------------------------------------------


def steps(
    profiles: pd.DataFrame, reach: Result, levels: pd.DataFrame, people: pd.DataFrame, *,
    most: int = 3,
) -> Result:  # fmt: skip
    """Say which skills a move takes: what the two roles ask for, and the gap between.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in :func:`between`; ``role`` and ``skill`` hold names.
    reach : Result
        Of :func:`reachable`: the first pair of each role is shown, or three of a single role.
    levels, people : pandas.DataFrame
        As in :func:`readiness`; may be empty.
    most : int
        Skills a pair, the largest gaps by importance first.

    Returns
    -------
    Result
        Family MEANS: ``from, to, skill, target_from, target_to, gap`` (second less first) with
        ``low, high`` from their published standard errors (missing where there are none),
        ``importance``, ``level`` (mean of those of the first role who are rated) and their
        ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> profiles = pd.DataFrame({"role_id": ["clerk", "chief"], "role": ["Clerk", "Chief"],
    ...                          "skill_id": "a", "skill": "Sums", "target": [0.4, 0.5],
    ...                          "target_se": [0.03, 0.04], "weight": 1.0})
    >>> none, nobody = pd.DataFrame(), not_enough("readiness", Family.MODEL, "nobody is rated")
    >>> reach = reachable(nobody, between(profiles), profiles, none)
    >>> steps(profiles, reach, none, none).frame[["skill", "gap", "low", "high"]].round(3).iloc[0]
    skill     Sums
    gap        0.1
    low      0.002
    high     0.198
    Name: 0, dtype: object
    """
    name = "steps"
    if reach.is_empty or reach.members is None:
        return not_enough(name, Family.MEANS, reach.missing)
    titles = _titles(profiles)
    pairs = reach.members
    firsts = pairs.drop_duplicates("from_role")
    pairs = pairs.head(3) if len(firsts) == 1 else firsts
    means = _mean_levels(levels, people)
    parts = []
    for here, there in pairs.itertuples(index=False):
        gap = gaps(profiles, str(here), str(there)).frame
        gap = gap[gap["gap"] > 0].assign(cost=lambda f: f["gap"] * f["importance"])
        gap = gap.sort_values(["cost", "skill"], ascending=[False, True], kind="stable").head(most)
        parts.append(gap.assign(**{"from": titles.get(here, here),
                                   "to": titles[there], "from_role": here}))  # fmt: skip
    out = pd.concat(parts, ignore_index=True).drop(columns="n")
    if out.empty:
        return not_enough(name, Family.MEANS, "the roles within reach ask for nothing more")
    if len(means):
        out = out.merge(means, on=["from_role", "skill_id"], how="left")
    else:
        out = out.assign(level=math.nan, n=0)
    out["n"] = out["n"].fillna(0).astype(int)
    columns = {
        "from": Role.KEY, "to": Role.KEY, "skill": Role.KEY, "target_from": Role.VALUE,
        "target_to": Role.VALUE, "gap": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
        "importance": Role.VALUE, "level": Role.VALUE, "n": Role.N,
    }  # fmt: skip
    # What roles ask for is no number about people: it stays where few of them are rated.
    few = out["n"] < MIN_PEOPLE
    out.loc[few, "level"] = math.nan
    out.loc[few, "n"] = 0
    return Result(
        name, Family.MEANS, out[list(columns)], columns, (),
        "What the role one goes to asks for less what the role one comes from asks for; the "
        "interval from the published standard errors of both.",
        {"basis": reach.parameters["basis"], "has_errors": reach.parameters["has_errors"]},
    )  # fmt: skip


def gaps(profiles: pd.DataFrame, from_role: str, to_role: str) -> Result:
    """Put what two roles ask for side by side, skill by skill.

    Parameters
    ----------
    profiles : pandas.DataFrame
        As in :func:`between`; ``skill`` holds the name of a skill.
    from_role, to_role : str
        Ids.

    Returns
    -------
    Result
        Family MEANS, one row a skill that the second role asks for: ``skill_id, skill,
        target_from, target_to, gap, low, high, importance, n`` (0: no persons). Where neither has
        a published standard error, there is no interval.

    Examples
    --------
    >>> import pandas as pd
    >>> profiles = pd.DataFrame({"role_id": ["clerk", "chief", "chief"], "skill_id": list("aab"),
    ...                          "target": [0.5, 0.75, 0.25], "weight": 1.0})
    >>> gaps(profiles, "clerk", "chief").frame[["skill_id", "gap"]].values.tolist()
    [['a', 0.25], ['b', 0.25]]
    """
    name = "gaps"
    if profiles.empty:
        return not_enough(
            name, Family.MEANS, _asked.why_empty(profiles, "no role asks for a skill")
        )
    require(profiles, ["role_id", "skill_id", "target", "weight"], name)
    g = _role_gaps.grid(profiles)
    for role in (from_role, to_role):
        if role not in g.roles:
            return not_enough(name, Family.MEANS, "one of the roles has no profile")
    here, there = g.roles.index(from_role), g.roles.index(to_role)
    at = np.flatnonzero(g.asked[there])
    if not len(at):
        return not_enough(name, Family.MEANS, "the role asks for nothing that is reliably known")
    gap = g.target[there, at] - g.target[here, at]
    se = np.sqrt(g.variance[there, at] + g.variance[here, at])
    half = np.where(se > 0, _Z95 * se, np.nan)
    named = profiles.drop_duplicates("skill_id").set_index("skill_id")
    skills = [g.skills[i] for i in at]
    out = pd.DataFrame(
        {
            "skill_id": skills,
            "skill": named["skill"].reindex(skills).to_numpy() if "skill" in named else skills,
            "target_from": g.target[here, at], "target_to": g.target[there, at], "gap": gap,
            "low": gap - half, "high": gap + half, "importance": g.weight[there, at], "n": 0,
        }
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out,
        {
            "skill": Role.KEY, "target_from": Role.VALUE, "target_to": Role.VALUE,
            "gap": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "importance": Role.VALUE,
            "n": Role.N,
        },
    )  # fmt: skip


def _mean_levels(levels: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    if levels.empty or people.empty:
        return pd.DataFrame()
    rated = levels[levels["level"].notna()].merge(people, on="person_key")
    found = rated.groupby(["role", "skill_id"])["level"].agg(level="mean", n="size").reset_index()
    return found.rename(columns={"role": "from_role"})


# Doors --------------------------------------------------------------------------------------


def doors(
    levels: pd.DataFrame,
    people: pd.DataFrame,
    profiles: pd.DataFrame,
    *,
    from_role: str = "",
    ready_at: float = 0.8,
    seed: int = 1,
) -> Result:
    """Say which skill opens most roles: how many more come within reach by it alone.

    Each person is brought up to what each role asks for in one skill, and the roles that she then
    becomes ready for are counted. Only people who are rated in the skill count.

    Parameters
    ----------
    levels, people, profiles : pandas.DataFrame
        As in :func:`readiness`; where nobody is rated, someone at the targets of each role takes
        the place of people.
    from_role : str
        Only from this role; empty: from all.
    ready_at : float
        Readiness from which a role is within reach.
    seed : int
        Of the draws of one role's levels from their published errors.

    Returns
    -------
    Result
        Family MEANS, the skill that opens most first: ``skill, gain`` (roles a person), ``low,
        high, opened`` (share of the people for whom it opens at least one), ``n``. Estimates
        ``door_gain`` by skill.

    Examples
    --------
    >>> import pandas as pd
    >>> levels = pd.DataFrame({"person_key": [*range(20)] * 2, "skill_id": ["a"] * 20 + ["b"] * 20,
    ...                        "level": [0.2] * 20 + [0.5] * 20, "se": 0.0, "bias_se": 0.0})
    >>> people = pd.DataFrame({"person_key": range(20), "role": "clerk", "group": ""})
    >>> profiles = pd.DataFrame({"role_id": "chief", "skill_id": ["a", "b"], "skill": ["A", "B"],
    ...                          "target": [0.4, 0.5], "weight": 1.0})
    >>> found = doors(levels, people, profiles).frame
    >>> found[["skill", "gain", "opened"]].values.tolist()
    [['A', 1.0, 1.0], ['B', 0.0, 0.0]]
    """
    name = "doors"
    if profiles.empty:
        why = _asked.why_empty(profiles, "no role asks for a skill")
        return not_enough(name, Family.MEANS, why)
    _asked.between(ready_at, "ready_at", 0, 1)
    _check_role(from_role, _titles(profiles))
    g = _role_gaps.grid(profiles)
    who = _People.of(levels, people, profiles) if len(levels) and len(people) else None
    if who is None or not len(who.key):
        who, has_people = _People.at_target(g), False
    else:
        has_people = True
    here = who.role == from_role if from_role else np.ones(len(who.key), dtype=bool)
    opened, could = _opened(g, who, here, ready_at)
    drawn = _drawn_doors(g, from_role, ready_at, seed) if from_role and not has_people else None
    names = profiles.drop_duplicates("skill_id").set_index("skill_id")
    rows = []
    for s, skill in enumerate(g.skills):
        each = opened[could[:, s], s].astype(float)
        if len(each) < (MIN_PEOPLE if has_people else 1):
            continue
        e = _mean_of("door_gain", each, len(each) if has_people else 0, "")
        if drawn is not None:
            low, high = (float(np.quantile(drawn[:, s], q)) for q in (0.025, 0.975))
            e = replace(e, low=min(low, e.value), high=max(high, e.value))
        title = str(names["skill"][skill]) if "skill" in names else skill
        rows.append((title, e.value, e.low, e.high, float((each > 0).mean()), e.n))
    if not rows:
        return not_enough(name, Family.MEANS, f"no skill has {MIN_PEOPLE} rated people")
    out = pd.DataFrame(rows, columns=["skill", "gain", "low", "high", "opened", "n"]).sort_values(
        ["gain", "skill"], ascending=[False, True], kind="stable", ignore_index=True
    )
    estimates = tuple(
        Estimate("door_gain", r["gain"], r["low"], r["high"], int(r["n"]), "roles", Grade.ADJUSTED,
                 str(r["skill"]))
        for r in out.to_dict("records")
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out,
        {
            "skill": Role.KEY, "gain": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "opened": Role.RATE, "n": Role.N,
        },
        estimates,
        "Roles that come within reach if one skill alone is brought to what each asks for; the "
        + ("interval is over people." if has_people else "interval is over roles, or for one role "
           "over what its level may be by its published errors."),
        {
            "basis": "people" if has_people else "roles", "ready_at": ready_at,
            "is_of_one_role": bool(from_role) and not has_people,
        },
    )  # fmt: skip


def _drawn_doors(g: _role_gaps.Grid, from_role: str, ready_at: float, seed: int) -> Any:
    """Count doors again for levels that one role may have by its errors, a row a draw."""
    i, rng = g.roles.index(from_role), np.random.default_rng(seed)
    n = _DRAWS if (g.variance[i] > 0).any() else 1
    level = g.target[i] + rng.normal(0, 1, (n, len(g.skills))) * np.sqrt(g.variance[i])
    none = np.zeros_like(level)
    role = np.full(n, from_role, dtype=object)
    who = _People(np.arange(n), role, role, np.clip(level, 0, 1), none, none)
    return _opened(g, who, np.ones(n, dtype=bool), ready_at)[0]


def _opened(g: _role_gaps.Grid, who: _People, here: Any, ready_at: float) -> tuple[Any, Any]:
    """Count by person and skill the roles that it opens; say where it could open any."""
    opened = np.zeros(who.level.shape, dtype=np.int32)
    could = np.zeros(who.level.shape, dtype=bool)
    for i, role in enumerate(g.roles):
        one = _Toward.of(g, i, who.level, who.variance)
        open_to = here & (who.role != role) & (one.known >= MIN_KNOWN)
        wants = open_to[:, None] & (one.share > 0)
        gain = one.share * (1 - np.nan_to_num(one.reached, nan=1.0))
        reaches = (one.ready[:, None] + gain >= ready_at - 1e-12) & (one.ready < ready_at)[:, None]
        opened += wants & reaches
        could |= wants
    return opened, could


# Openings, applications and moves -----------------------------------------------------------


def moves(
    ready: Result,
    openings: pd.DataFrame,
    applied: pd.DataFrame,
    moved: pd.DataFrame,
    *,
    ready_at: float = 0.8,
    k: int = 1,
    base: int = 1,
) -> Result:
    """Follow people by how ready they were: who applied, was chosen and moved.

    What is counted are pairs of a person and a role other than her own. Applications are held
    against the roles that were open, moves against all.

    Parameters
    ----------
    ready : Result
        Of :func:`readiness` at the start of the window.
    openings : pandas.DataFrame
        ``to_role`` of what was open within the window.
    applied : pandas.DataFrame
        ``person_key, to_role, is_selected`` of the applications within it.
    moved : pandas.DataFrame
        ``person_key, to_role`` of the changes of role within it.
    ready_at : float
        Readiness that parts those who are ready from those who are not.
    k, base : int
        Rates behind which fewer than ``k`` people stand are left out, and counts are rounded to
        ``base`` before a rate is worked out, so that no rate tells an exact count.

    Returns
    -------
    Result
        Family MEANS, a row a band of readiness: ``band``, then for each of ``applied``, ``chosen``
        and ``moved`` the share of the pairs with ``_low`` and ``_high``; ``n`` people. Estimates
        ``application_rate`` and ``move_rate`` (shares of the people), and ``move_ratio`` by
        what was done: the rate of pairs that were ready over that of those that were not.

    Examples
    --------
    >>> import pandas as pd
    >>> ready = pd.DataFrame({"person_key": range(40), "to_role": "chief", "from_role": "clerk",
    ...                       "readiness": [0.95] * 20 + [0.5] * 20})
    >>> moved = pd.DataFrame({"person_key": [*range(10), *range(20, 25)], "to_role": "chief"})
    >>> none = pd.DataFrame()
    >>> found = moves(Result("readiness", Family.MODEL, ready, {}), none, none, moved)
    >>> found.frame[["band", "moved", "n"]].values.tolist()
    [['under 60 %', 0.25, 20], ['90 % or more', 0.5, 20]]
    >>> found.estimate("move_ratio", "moved").value
    2.0
    """
    name = "moves"
    if ready.is_empty:
        return not_enough(name, Family.MEANS, ready.missing)
    if applied.empty and moved.empty:
        why = [f.attrs["missing"] for f in (applied, moved) if f.attrs.get("missing")]
        return not_enough(
            name, Family.MEANS,
            str(why[0]) if why else "nobody applied for another role or moved to one",
        )  # fmt: skip
    pairs = ready.frame[["person_key", "to_role", "readiness"]].copy()
    pairs["band"] = np.digitize(pairs["readiness"].to_numpy(float), BANDS)
    pairs["is_ready"] = pairs["readiness"] >= ready_at
    is_open = _is_open(pairs, openings)
    done = {
        "applied": (_happened(pairs, applied), is_open),
        "chosen": (_happened(pairs, applied, "is_selected"), is_open),
        "moved": (_happened(pairs, moved), np.ones(len(pairs), dtype=bool)),
    }
    given = {"applied": applied, "chosen": applied, "moved": moved}
    rows = []
    for i, label in enumerate(_BAND_NAMES):
        inside = (pairs["band"] == i).to_numpy()
        if not inside.any():
            continue
        row: dict[str, Any] = {"band": label}
        for what, (event, among) in done.items():
            told = (math.nan,) * 3
            if len(given[what]):
                told = _pair_rate(pairs, event, inside & among, k, base)
            row |= dict(zip((what, f"{what}_low", f"{what}_high"), told, strict=True))
        rows.append(row | {"n": persons(pairs, inside)})
    roles = {"band": Role.KEY}
    for what in _SUM_UP:
        roles |= {what: Role.VALUE, f"{what}_low": Role.LOW, f"{what}_high": Role.HIGH}
    roles["n"] = Role.N
    found = []
    everyone = persons(pairs)
    for metric, what in (("application_rate", "applied"), ("move_rate", "moved")):
        if len(given[what]):
            who = persons(pairs, done[what][0] & done[what][1])
            low, high = rates.wilson(who, everyone)
            found.append(Estimate(metric, who / everyone, float(low), float(high), everyone,
                                  "share", Grade.DESCRIPTIVE))  # fmt: skip
    for what, (event, among) in done.items():
        found.append(_ratio(pairs, what, event, among, max(k, MIN_EVENTS), base))
    return Result(
        name, Family.MEANS, pd.DataFrame(rows, columns=list(roles)), roles, tuple(found),
        "Shares of pairs of a person and a role; intervals take persons, not pairs, as "
        "independent.",
        {"ready_at": ready_at, "n_openings": _round(len(openings), base)},
    )  # fmt: skip


def _is_open(pairs: pd.DataFrame, openings: pd.DataFrame) -> Any:
    if openings.empty or not (openings["to_role"] != "").any():
        return np.ones(len(pairs), dtype=bool)
    return pairs["to_role"].isin(set(openings["to_role"])).to_numpy()


def _happened(pairs: pd.DataFrame, frame: pd.DataFrame, flag: str = "") -> Any:
    if frame.empty:
        return np.zeros(len(pairs), dtype=bool)
    part = frame[frame[flag]] if flag else frame
    keys = pd.MultiIndex.from_frame(part[["person_key", "to_role"]])
    return pd.MultiIndex.from_frame(pairs[["person_key", "to_role"]]).isin(keys)


def _pair_rate(
    pairs: pd.DataFrame, event: Any, among: Any, k: int, base: int
) -> tuple[float, float, float]:
    """Share of pairs with Wilson's interval at the number of pairs that persons are worth."""
    n_pairs, n_events = int(among.sum()), int((event & among).sum())
    n_people = persons(pairs, among)
    if n_people < max(k, 1) or 0 < persons(pairs, event & among) < k:
        return (math.nan,) * 3
    share = _round(n_events, base) / max(_round(n_pairs, base), 1)
    worth = float(n_people)
    exact = n_events / n_pairs
    if 0 < n_events < n_pairs:
        left = pd.Series((event - exact)[among]).groupby(pairs["person_key"].to_numpy()[among])
        variance = float((left.sum() ** 2).sum()) / n_pairs**2
        worth = min(exact * (1 - exact) / variance, n_pairs) if variance > 0 else float(n_people)
    low, high = rates.wilson(share * worth, worth)
    return share, float(low), float(high)


def _ratio(
    pairs: pd.DataFrame, what: str, event: Any, among: Any, least: int, base: int
) -> Estimate:
    """Rate among pairs that were ready over that among those that were not, by persons."""
    ready = pairs["is_ready"].to_numpy()
    sides = [among & ready, among & ~ready]
    n = persons(pairs, among) if among.any() else 0
    unknown = Estimate("move_ratio", math.nan, math.nan, math.nan, n, "ratio",
                       Grade.DESCRIPTIVE, what)  # fmt: skip
    if any(persons(pairs, event & side) < least for side in sides):
        return unknown
    shares, pull = [], np.zeros(len(pairs))
    for side, sign in zip(sides, (1.0, -1.0), strict=True):
        n_events, n_pairs = int((event & side).sum()), int(side.sum())
        shares.append(_round(n_events, base) / _round(n_pairs, base))
        pull[side] += sign * (event[side] - n_events / n_pairs) / n_events
    by_person = pd.Series(pull).groupby(pairs["person_key"].to_numpy()).sum()
    half = _Z95 * math.sqrt(float((by_person**2).sum()))
    ratio = shares[0] / shares[1]
    return Estimate("move_ratio", ratio, ratio * math.exp(-half), ratio * math.exp(half), n,
                    "ratio", Grade.DESCRIPTIVE, what)  # fmt: skip


def _round(count: float, base: int) -> int:
    return int(base * round(count / base))


# Selection ----------------------------------------------------------------------------------


def selection(applied: pd.DataFrame, ready: Result, *, k: int = 1, base: int = 1) -> Result:
    """Set the selection rates of groups against that of the group that is chosen most.

    An applicant counts once, as chosen if any of her applications was. A ratio below four fifths
    is a warning and no proof: groups apply for other roles and are not equally ready, and the
    group chosen most is partly so by chance. The interval allows for that: it is widened for all
    pairs of groups that could have been compared.

    Parameters
    ----------
    applied : pandas.DataFrame
        ``person_key, to_role, group, is_decided, is_selected``, a row an application.
    ready : Result
        Of :func:`readiness` at the start of the window.
    k, base : int
        As in :func:`moves`: ratios are those of rounded counts, and their intervals hold whatever
        the counts were before.

    Returns
    -------
    Result
        Family RATES, a row a group, most applicants first: ``group, chosen`` (people), ``rate``
        with ``low, high`` (Wilson); then in ``ratio, ratio_low, ratio_high`` its rate over that of
        the group chosen most, ``same_roles`` the ratio among applicants for the same roles
        (Mantel-Haenszel), ``readiness`` (mean of the applicants for what they applied for),
        ``standing`` and ``n`` applicants. A standing is ``most``, ``in line``, ``below`` (below
        four fifths, by chance perhaps), ``beyond chance`` or ``not known``: at the common rate
        fewer than five would have been chosen, or not. Estimate ``selection_ratio``: least over
        most.

    References
    ----------
    EEOC (1978). Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D.
    Koopman PAR (1984). Biometrics 40:513-517.
    Greenland S, Robins JM (1985). Biometrics 41:55-68.

    Examples
    --------
    >>> import pandas as pd
    >>> applied = pd.DataFrame({"person_key": range(200), "to_role": "chief",
    ...                         "group": ["A"] * 100 + ["B"] * 100, "is_decided": True,
    ...                         "is_selected": [True] * 60 + [False] * 40 + [True] * 30
    ...                                        + [False] * 70})
    >>> nobody = not_enough("readiness", Family.MODEL, "nobody has been rated")
    >>> found = selection(applied, nobody)
    >>> found.frame[["group", "rate", "ratio", "standing"]].values.tolist()
    [['A', 0.6, 1.0, 'most'], ['B', 0.3, 0.5, 'beyond chance']]
    """
    name = "selection"
    if applied.empty:
        why = _asked.why_empty(applied, "nobody applied for an internal opening")
        return not_enough(name, Family.RATES, why)
    require(applied, ["person_key", "to_role", "group", "is_decided", "is_selected"], name)
    decided = applied[applied["is_decided"]]
    if decided.empty:
        return not_enough(name, Family.RATES, "no application has a result yet")
    who = decided.groupby(["group", "person_key"])["is_selected"].any().reset_index()
    counts = who.groupby("group")["is_selected"].agg(chosen="sum", n="size").reset_index()
    counts = counts.sort_values(["n", "group"], ascending=[False, True], kind="stable",
                                ignore_index=True)  # fmt: skip
    low, high = rates.wilson(counts["chosen"], counts["n"])
    out = counts.assign(rate=counts["chosen"] / counts["n"], low=low, high=high)
    told = _told(out, k)
    out["standing"] = np.where(told, "in line", "not known")
    for column in ("ratio", "ratio_low", "ratio_high", "same_roles"):
        out[column] = math.nan
    out["readiness"] = _readiness_of(decided, ready, out["group"].tolist())
    worst = _compare(out, told, decided, base)
    roles = {
        "group": Role.KEY, "chosen": Role.COUNT, "rate": Role.RATE, "low": Role.LOW,
        "high": Role.HIGH, "ratio": Role.VALUE, "ratio_low": Role.VALUE, "ratio_high": Role.VALUE,
        "same_roles": Role.VALUE, "readiness": Role.VALUE, "standing": Role.KEY, "n": Role.N,
    }  # fmt: skip
    n_groups = int(told.sum())
    return Result(
        name, Family.RATES, out[list(roles)], roles, (worst,) if worst else (),
        "Applicants with a result, each once; ratios with score intervals, widened for all pairs "
        "of groups (Bonferroni); a warning, never proof.",
        {"n_groups": n_groups, "n_untold": len(out) - n_groups},
        is_sensitive=True,
    )  # fmt: skip


def _told(out: pd.DataFrame, k: int) -> Any:
    """Groups large enough to say something of: five expected on either side at the common rate."""
    n = out["n"].to_numpy(float)
    common = float(out["chosen"].sum()) / float(n.sum())
    enough = (n * common >= MIN_EXPECTED) & (n * (1 - common) >= MIN_EXPECTED)
    chosen = out["chosen"].to_numpy(float)
    # Whom nobody chose, or everybody, is told of no group: it would be told of each in it.
    hidden = (chosen < k) | (n - chosen < k) if k > 1 else n < k
    return enough & ~hidden


def _compare(out: pd.DataFrame, told: Any, decided: pd.DataFrame, base: int) -> Estimate | None:
    """Fill in the ratios to the group chosen most; return that of the group chosen least."""
    from scipy.special import ndtri

    groups = out["group"].astype(str).tolist()
    chosen = [_round(x, base) for x in out["chosen"]]
    n = [max(_round(x, base), 1) for x in out["n"]]
    share = [c / m for c, m in zip(chosen, n, strict=True)]
    at = [int(i) for i in np.flatnonzero(told)]
    if len(at) < 2:
        out["standing"] = "not known"
        return None
    top = max(at, key=lambda i: (share[i], -i))
    z = float(ndtri(1 - 0.025 / (len(at) * (len(at) - 1) / 2)))
    filled: dict[str, dict[int, Any]] = {name: {} for name in (
        "ratio", "ratio_low", "ratio_high", "same_roles", "standing")}  # fmt: skip
    for i in at:
        low, high = math.nan, math.nan
        ratio, standing, same = share[i] / share[top], "most", math.nan
        if i != top:
            low, high = _ends(chosen[i], n[i], chosen[top], n[top], z, base)
            standing = "in line"
            if ratio < FOUR_FIFTHS:
                standing = "beyond chance" if high < 1 else "below"
            same = _same_roles(decided, groups[i], groups[top], base)
        for name, value in zip(filled, (ratio, low, high, same, standing), strict=True):
            filled[name][i] = value
    for name, values in filled.items():
        out[name] = [values.get(i, before) for i, before in enumerate(out[name])]
    least = min((i for i in at if i != top), key=lambda i: (share[i], i))
    e = [float(filled[name][least]) for name in ("ratio", "ratio_low", "ratio_high")]
    both = int(out["n"].tolist()[least] + out["n"].tolist()[top])
    return Estimate("selection_ratio", e[0], e[1], e[2], both, "ratio", Grade.DESCRIPTIVE,
                    f"{groups[least]} to {groups[top]}")  # fmt: skip


def _ends(a: int, n: int, b: int, m: int, z: float, base: int) -> tuple[float, float]:
    """Interval of a ratio that holds whatever the counts were before they were rounded."""
    slack = (base - 1) / 2
    low, _ = _ratios.score(max(a - slack, 0), n, min(b + slack, m), m, z=z)
    _, high = _ratios.score(min(a + slack, n), n, max(b - slack, 0), m, z=z)
    return low, high


def _same_roles(decided: pd.DataFrame, group: str, top: str, base: int) -> float:
    """Ratio within the roles applied for; rounded to a tenth where counts are rounded."""
    part = decided[decided["group"].isin([group, top])]
    each = part.groupby(["to_role", "group", "person_key"])["is_selected"].any()
    counts = each.groupby(level=["to_role", "group"]).agg(["sum", "size"])
    wide = counts.unstack("group", fill_value=0)  # noqa: PD010 - a row a role
    ratio, _, _ = _ratios.stratified(
        *(wide[(what, g)].to_numpy(float) for g in (group, top) for what in ("sum", "size"))
    )
    return ratio if base == 1 else round(ratio, 1)


def _readiness_of(decided: pd.DataFrame, ready: Result, groups: list[str]) -> list[float]:
    if ready.is_empty:
        return [math.nan] * len(groups)
    each = decided.merge(
        ready.frame[["person_key", "to_role", "readiness"]], on=["person_key", "to_role"]
    )
    found = each.groupby("group").agg(mean=("readiness", "mean"), n=("person_key", "nunique"))
    found = found[found["n"] >= MIN_PEOPLE]
    return [float(found["mean"].get(group, math.nan)) for group in groups]


# One person ---------------------------------------------------------------------------------


def profile(ready: Result, profiles: pd.DataFrame, *, number: int = 0) -> Result:
    """Return the roles of one pseudonymous person by readiness, for a researcher; private.

    Parameters
    ----------
    ready : Result
        Of :func:`readiness`.
    profiles : pandas.DataFrame
        As in :func:`between`.
    number : int
        Which of the people who are placed, from 0.

    Returns
    -------
    Result
        Family MODEL, private: it has no column that may be published. ``from_role, to, readiness,
        known``, the readiest first.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"person_key": [7, 7], "from_role": "clerk", "readiness": [0.5, 0.8],
    ...                       "to_role": ["chief", "seller"], "known": 1.0})
    >>> profiles = pd.DataFrame({"role_id": ["chief", "seller"], "role": ["Chief", "Seller"]})
    >>> profile(Result("readiness", Family.MODEL, frame, {}), profiles).frame["to"].tolist()
    ['Seller', 'Chief']
    """
    name = "profile"
    if ready.is_empty:
        return _nothing(name, ready.frame, ready.missing)
    keys = np.unique(ready.frame["person_key"])
    if not 0 <= number < len(keys):
        return _nothing(name, pd.DataFrame(), f"there are {len(keys):,} people who are placed")
    one = ready.frame[ready.frame["person_key"] == keys[number]]
    one = one.assign(to=one["to_role"].map(_titles(profiles)))
    one = one.sort_values(["readiness", "to"], ascending=[False, True], kind="stable")
    return Result(name, Family.MODEL, one[["from_role", "to", "readiness", "known"]]
                  .reset_index(drop=True), {})  # fmt: skip


# Trust --------------------------------------------------------------------------------------


def trust(
    ready: Result, people: pd.DataFrame, between: Result, agreed: Result, applied: pd.DataFrame,
    followed: Result,
) -> Result:  # fmt: skip
    """Check what the answers rest on.

    Parameters
    ----------
    ready : Result
        Of :func:`readiness`.
    people : pandas.DataFrame
        The employed.
    between, agreed : Result
        Of :func:`between` and :func:`agreement`.
    applied : pandas.DataFrame
        The applications.
    followed : Result
        Of :func:`moves`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> no = not_enough("x", Family.MODEL, "nothing")
    >>> found = trust(no, pd.DataFrame(), no, no, pd.DataFrame(), no).frame
    >>> set(found["status"])
    {'not known'}
    """
    placed = math.nan
    if len(people):
        placed = 100 * (0 if ready.is_empty else persons(ready.frame)) / len(people)
    known = math.nan if ready.is_empty else 100 * float(ready.frame["known"].mean())
    errors = math.nan if between.is_empty else 100.0 * bool(between.parameters["has_errors"])
    area = math.nan
    if not agreed.is_empty:
        area = max(e.low for e in agreed.estimates if e.label == "nearness")
    results = math.nan if applied.empty else 100 * float(applied["is_decided"].mean())
    moved = math.nan
    if not followed.is_empty:
        seen = [e for e in followed.estimates if e.metric == "move_rate"]
        moved = float(bool(seen and seen[0].value > 0))
    rows = [
        _checks.at_least("placed", placed, 60.0), _checks.at_least("known", known, 80.0),
        _checks.at_least("errors", errors, 50.0), _checks.at_least("agreement", area, 0.5),
        _checks.at_least("results", results, 80.0), _checks.at_least("moves", moved, 1.0),
    ]  # fmt: skip
    return _checks.trust(rows)


def _nothing(name: str, frame: pd.DataFrame, otherwise: str) -> Result:
    """A private result without rows that carries the reason along."""
    reason = _asked.why_empty(frame, otherwise)
    empty = pd.DataFrame()
    empty.attrs["missing"] = reason
    parameters: dict[str, Scalar] = {}
    return Result(name, Family.MODEL, empty, {}, (), parameters=parameters, missing=reason)
