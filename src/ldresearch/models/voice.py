"""What people say: who answers, weights for those who do not, and what the answers come to.

Scores carry an interval for chance, narrowed where most of a small population answered and
widened by unequal weights. Weights mend a bias only as far as what they are made of explains it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, message
from ldresearch.models import _checks, _raking, rates
from ldresearch.models._asked import among, between, why_empty
from ldresearch.models._frame import UNKNOWN, Floats, numbers, require
from ldresearch.models._holm import holm
from ldresearch.result import Estimate, Partition, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

PROMOTER: Final = 9
"""From this answer of 0 to 10 on someone is a promoter."""

DETRACTOR: Final = 6
"""Up to this answer someone is a detractor."""

RULE_OF_THUMB: Final = 0.4
"""Share of very disappointed from which a product is said to fit; nobody has tested it."""

_FEWEST: Final = 5
_FEWEST_IN_GROUP: Final = 10
_FEWEST_FOR_DRIVERS: Final = 50
_PER_DRIVER: Final = 10
_TOLD: Final = ("unit", "level", "tenure", "activity")
_MADE_FOR: Final = "made for those who were asked"


# Who answers --------------------------------------------------------------------------------


def response(asked: pd.DataFrame) -> Result:
    """Tell which share answered, and which groups answer more or less than the others.

    Parameters
    ----------
    asked : pandas.DataFrame
        ``wave, wave_on, by, group, n_asked, n_answered``: by ``all``, and by groups of those asked.

    Returns
    -------
    Result
        Family RATES: ``by, group, standing, n_answered, n, share, low, high``. Rows by ``wave``
        are of everyone; the others, by unit, level, tenure and activity, of the last wave, where
        ``standing`` is ``more`` or ``fewer`` if the group differs from all others by more than
        chance over all groups (Holm). Estimate ``response_rate`` of the last wave.

    Examples
    --------
    >>> import pandas as pd
    >>> asked = pd.DataFrame({"wave": 1, "wave_on": pd.Timestamp("2024-05-01"),
    ...                       "by": ["all", "unit", "unit"], "group": ["all", "A", "B"],
    ...                       "n_asked": [200, 100, 100], "n_answered": [90, 60, 30]})
    >>> found = response(asked)
    >>> found.frame[found.frame["by"] == "unit"]["standing"].tolist()
    ['more', 'fewer']
    """
    reason = "nobody has answered a survey"
    if asked.empty:
        return not_enough("response", Family.RATES, why_empty(asked, reason))
    require(asked, ["wave", "wave_on", "by", "group", "n_asked", "n_answered"], "response")
    last = asked["wave"].max()
    whole = asked[asked["by"] == "all"].sort_values("wave")
    known = whole[(whole["n_asked"] > 0) & (whole["n_answered"] <= whole["n_asked"])]
    if known.empty or known["wave"].iloc[-1] != last:
        return not_enough(
            "response", Family.RATES,
            "who could have answered is not known: the HR file holds nobody at that time, or "
            "fewer people than answered",
        )  # fmt: skip
    waves = known.assign(by="wave", group=known["wave_on"].map(_day))
    groups = asked[(asked["wave"] == last) & asked["by"].isin(_TOLD)]
    groups = groups[(groups["n_asked"] > 0) & (groups["n_answered"] <= groups["n_asked"])]
    # A grouping that parts nobody says nothing.
    groups = groups[groups.groupby("by")["group"].transform("size") > 1]
    rows = pd.concat([waves, groups], ignore_index=True)
    of, did = rows["n_asked"].to_numpy(dtype=float), rows["n_answered"].to_numpy(dtype=float)
    low, high = rates.wilson(did, of)
    out = pd.DataFrame(
        {
            "by": rows["by"].astype(str), "group": rows["group"].astype(str),
            "standing": "", "n_answered": did.astype(int), "n": of.astype(int),
            "share": did / of, "low": low, "high": high,
        }
    )  # fmt: skip
    everyone = known.iloc[-1]
    told = out["by"] != "wave"
    out.loc[told, "standing"] = _standing(out[told], everyone)
    m, a = int(everyone["n_asked"]), int(everyone["n_answered"])
    lo, hi = rates.wilson(a, m)
    return Result(
        "response", Family.RATES, out,
        {
            "by": Role.KEY, "group": Role.KEY, "standing": Role.KEY, "n_answered": Role.COUNT,
            "n": Role.N, "share": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
        },
        (Estimate("response_rate", a / m, float(lo), float(hi), m, "share", Grade.DESCRIPTIVE,
                  _day(everyone["wave_on"])),),
        "Those who answered over everyone eligible on the first day of the wave, with Wilson's "
        "interval; a group against all others by the difference of two shares, Holm over groups.",
        parts=Partition(("group",), apart=("by",)),
    )  # fmt: skip


def _standing(groups: pd.DataFrame, everyone: pd.Series) -> list[str]:
    """Hold each group against everyone else, over all groups at once."""
    from scipy.special import ndtr

    if groups.empty:
        return []
    n, a = groups["n"].to_numpy(dtype=float), groups["n_answered"].to_numpy(dtype=float)
    m, b = float(everyone["n_asked"]) - n, float(everyone["n_answered"]) - a
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (a + b) / (n + m)
        z = (a / n - b / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = np.where(np.isfinite(z), z, 0.0)
    p = holm(2 * ndtr(-np.abs(z)))
    return ["in line" if q >= 0.05 else "more" if x > 0 else "fewer"
            for q, x in zip(p, z, strict=True)]  # fmt: skip


# Weights ------------------------------------------------------------------------------------


def rake(
    answers: pd.DataFrame,
    asked: pd.DataFrame,
    *,
    margins: str | Sequence[str] = ("unit", "level"),
    trim: float = 5.0,
) -> Result:
    """Weight those who answered so that they are made up as those who were asked.

    Groups with fewer than ten responses in a wave share a weight with the next smallest ones.

    Parameters
    ----------
    answers : pandas.DataFrame
        ``wave, wave_on, response_id`` and a column for each margin; ``weight`` is where raking
        starts, if it is there.
    asked : pandas.DataFrame
        As :func:`response` takes it.
    margins : text with commas, or sequence of str
        What is made to agree.
    trim : float
        No weight is above this many times the mean, or below the mean over it.

    Returns
    -------
    Result
        Family MODEL, a row a wave: ``wave_on, standing, margins, n, asked, rounds, off`` (largest
        share by which a margin is missed, in points of 100), ``trimmed`` (share of the weights at
        a bound), ``widening`` (design effect of the weights) and ``effective`` (answers that
        weigh as much). ``standing`` is ``converged``, ``trimmed`` (a margin is missed by a point
        or more because of it), ``contradictory`` (the margins cannot be met together; weights of
        1) or ``unweighted``. Estimate ``weight_widening`` of the last wave. Private ``members``:
        the weight of each response.

    Raises
    ------
    ParameterError
        For a trim that is not above 1.

    Examples
    --------
    >>> import pandas as pd
    >>> wave = {"wave": 1, "wave_on": pd.Timestamp("2024-05-01")}
    >>> answers = pd.DataFrame({**wave, "response_id": range(80), "unit": ["A"] * 60 + ["B"] * 20})
    >>> asked = pd.DataFrame({**wave, "by": ["all", "unit", "unit"], "group": ["all", "A", "B"],
    ...                       "n_asked": [200, 100, 100], "n_answered": [80, 60, 20]})
    >>> raked = rake(answers, asked, margins="unit")
    >>> raked.frame[["standing", "effective"]].round(1).values.tolist()
    [['converged', 60.0]]
    """
    between(trim, "trim", 1.0, 1000.0)
    names = [m.strip() for m in margins.split(",")] if isinstance(margins, str) else list(margins)
    names = [m for m in names if m]
    if answers.empty:
        return not_enough("weights", Family.MODEL, why_empty(answers, "nobody has answered"))
    require(answers, ["wave", "wave_on", "response_id", *names], "rake")
    one = answers.drop_duplicates(["wave", "response_id"])
    found = [
        _wave_weights(part.reset_index(drop=True), asked[asked["wave"] == wave], names, trim)
        for wave, part in one.groupby("wave", sort=True)
    ]
    out = pd.DataFrame([row for row, _ in found])
    members = pd.concat([part for _, part in found], ignore_index=True)
    last = out.iloc[-1]
    return Result(
        "weights", Family.MODEL, out,
        {
            "wave_on": Role.TIME, "standing": Role.KEY, "margins": Role.KEY, "n": Role.N,
            "rounds": Role.VALUE, "off": Role.VALUE, "trimmed": Role.VALUE,
            "widening": Role.VALUE, "effective": Role.VALUE,
        },
        (Estimate("weight_widening", float(last["widening"]), math.nan, math.nan, int(last["n"]),
                  "ratio", Grade.DESCRIPTIVE, _day(last["wave_on"])),),
        "Iterative proportional fitting to the HR margins of those eligible on the first day of "
        "the wave; weights trimmed and raked again. Effective answers: n over Kish's effect.",
        {"trim": trim}, members=members,
    )  # fmt: skip


def _wave_weights(
    part: pd.DataFrame, asked: pd.DataFrame, names: list[str], trim: float
) -> tuple[dict[str, Any], pd.DataFrame]:
    usable: dict[str, tuple[Floats, Floats]] = {}
    for name in names:
        coded = _margin(part[name], asked[asked["by"] == name])
        if coded is not None:
            usable[name] = coded
    start = numbers(part.assign(weight=part["weight"].fillna(1.0)), "weight", "rake", low=0) if (
        "weight" in part.columns
    ) else np.ones(len(part))  # fmt: skip
    if not start.sum() > 0:
        start = np.ones(len(part))
    standing, weights = "unweighted", start * len(part) / start.sum()
    rounds, off, trimmed = 0, math.nan, 0.0
    if usable:
        codes, targets = zip(*usable.values(), strict=True)
        raked = _raking.rake(codes, targets, start=start, trim=trim)
        rounds, off, trimmed = raked.rounds, 100 * raked.off, raked.n_trimmed / len(part)
        if raked.is_converged:
            weights = raked.weights
            standing = "converged" if off < 1.0 else "trimmed"
        else:
            standing, usable = "contradictory", {}
    widening = _raking.design_effect(weights)
    row = {
        "wave_on": part["wave_on"].iloc[0], "standing": standing, "margins": ", ".join(usable),
        "n": len(part), "rounds": float(rounds), "off": off, "trimmed": trimmed,
        "widening": widening, "effective": len(part) / widening,
    }  # fmt: skip
    made = part[["wave", "response_id"]].assign(
        weight=weights, **{f"{_MADE_FOR} {n}": code for n, (code, _) in usable.items()}
    )
    return row, made


def _margin(answered: pd.Series, asked: pd.DataFrame) -> tuple[Floats, Floats] | None:
    """Return the group of each response and the share of each among those asked.

    ``None`` where the margin cannot be had: nobody is known, or all is one group.
    """
    people = asked.set_index("group")["n_asked"].astype(float)
    people = people[people > 0]
    n = answered.astype(str).value_counts()
    stray = n.index.difference(people.index)
    if people.sum() <= 0 or n[stray].sum() > 0.05 * len(answered):
        return None
    table = pd.DataFrame({"asked": people, "n": n.reindex(people.index).fillna(0)})
    table = table.sort_values(["n", "asked"], kind="stable")
    # The smallest groups are one until it has ten responses: a weight of one person says little.
    merged: list[str] = []
    total = 0.0
    for group, row in table.iterrows():
        if total >= _FEWEST_IN_GROUP or (not merged and row["n"] >= _FEWEST_IN_GROUP):
            break
        merged.append(str(group))
        total += float(row["n"])
    names = {str(g): (0 if str(g) in merged else i + bool(merged)) for i, g in
             enumerate([g for g in table.index if str(g) not in merged])}  # fmt: skip
    names |= dict.fromkeys(merged, 0)
    size = max(names.values()) + 1
    if size < 2:
        return None
    # The few whose group nobody was asked in go with the small ones.
    code = answered.astype(str).map(names).fillna(0).to_numpy(dtype=int)
    target = np.zeros(size)
    for group, row in table.iterrows():
        target[names[str(group)]] += float(row["asked"])
    return code, target / target.sum()


@dataclass(frozen=True, slots=True)
class _Part:
    """The answers of one wave to one question, weighted."""

    wave: int
    on: Any
    rows: pd.DataFrame
    weight: Floats
    codes: tuple[Floats, ...]
    population: float
    factor: Floats  # of each response's part in the variance, in a finite population

    @property
    def n(self) -> int:
        return len(self.rows)

    def mean(self, values: Floats) -> tuple[float, Floats]:
        """Return the weighted mean and each response's part in its error."""
        value = float(np.average(values, weights=self.weight))
        left = _raking.residuals(values, self.weight, self.codes)
        return value, self.weight * left / self.weight.sum()

    def error(self, values: Floats) -> tuple[float, float]:
        """Return the weighted mean and its standard error."""
        value, part = self.mean(values)
        return value, math.sqrt(float(np.sum(part**2 * self.factor)))

    @property
    def effective(self) -> float:
        """Answers that tell as much: fewer by the weights, more in a small population."""
        spread = float(np.sum(self.weight**2 * self.factor))
        return float(self.weight.sum()) ** 2 / spread if spread > 1e-9 else 1e12


def _parts(
    frame: pd.DataFrame,
    weights: Result | None,
    asked: pd.DataFrame | None,
    population: int,
    caller: str,
) -> list[_Part]:
    """Part the answers to one question into waves, each with weights and population."""
    frame = frame.reset_index(drop=True)
    if "wave" not in frame.columns:
        frame = frame.assign(wave=1)
    if "wave_on" not in frame.columns:
        frame = frame.assign(wave_on="")
    if "response_id" not in frame.columns:
        frame = frame.assign(response_id=np.arange(len(frame)))
    made: list[str] = []
    if weights is not None and weights.members is not None:
        frame = frame.drop(columns="weight", errors="ignore")
        frame = frame.merge(weights.members, on=["wave", "response_id"], how="left")
        made = [c for c in weights.members.columns if c.startswith(_MADE_FOR)]
    if "weight" not in frame.columns:
        frame = frame.assign(weight=1.0)
    frame["weight"] = frame["weight"].fillna(1.0)
    numbers(frame, "weight", caller, low=0)
    out = []
    for wave in sorted(set(frame["wave"])):
        part = frame[frame["wave"] == wave].reset_index(drop=True)
        weight = part["weight"].to_numpy(dtype=float)
        if not weight.sum() > 0:
            weight = np.ones(len(part))
        codes = tuple(part[c].to_numpy(dtype=int) for c in made if part[c].notna().all())
        people = float(population)
        if asked is not None and len(asked):
            whole = asked[(asked["wave"] == wave) & (asked["by"] == "all")]["n_asked"]
            people = float(whole.iloc[0]) if len(whole) else 0.0
        out.append(_Part(int(wave), part["wave_on"].iloc[0], part, weight, codes, people,
                         _raking.finite(weight, people)))  # fmt: skip
    return out


def _day(on: Any) -> str:
    return on.date().isoformat() if hasattr(on, "date") else str(on)


def _chosen(frame: pd.DataFrame, kind: str, item: str) -> pd.DataFrame:
    """Return the answers to one question of a kind: the one named, or the most answered."""
    if "kind" in frame.columns:
        frame = frame[frame["kind"] == kind]
    if "item" not in frame.columns or frame.empty:
        return frame
    counts = frame["item"].value_counts()
    if item and item not in counts.index:
        among(item, f"{kind} item", sorted(map(str, counts.index)))
    name = item or min(counts.index, key=lambda i: (-counts[i], str(i)))
    return frame[frame["item"] == name]


# Net promoter score -------------------------------------------------------------------------


def nps(
    frame: pd.DataFrame,
    *,
    weights: Result | None = None,
    asked: pd.DataFrame | None = None,
    population: int = 0,
    item: str = "",
    method: str = "",
) -> Result:
    """Work out the net promoter score of each wave: promoters less detractors, in points of 100.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``score`` of 0 to 10, one row a response; optional ``wave, wave_on, response_id``,
        ``weight``, and ``kind`` and ``item`` where it holds other questions too.
    weights : Result, optional
        Of :func:`rake`.
    asked : pandas.DataFrame, optional
        Those asked in each wave, for the correction of small populations.
    population : int
        The same where there is one wave only; 0: large.
    item : str
        Which of several such questions; empty: the one most people answered.
    method : {"", "wald", "adjusted"}
        How the interval comes about. Empty: Wald's, and the adjusted one where there are fewer
        than five promoters or five detractors, which draws the score to the middle a little.

    Returns
    -------
    Result
        Family MODEL, a row a wave: ``wave_on, nps, low, high, raw`` (unweighted), ``n``, and
        counts of promoters, passives and detractors. Estimate ``nps`` of the last wave.

    Raises
    ------
    DataError, ParameterError
        For answers outside 0 to 10, or an unknown method.

    References
    ----------
    Rocks B (2016). Am Stat 70:365-372 (the adjusted rule: three answers more, three quarters of
    one a promoter and as much a detractor).

    Examples
    --------
    90 promoters and 50 detractors of 200.

    >>> import pandas as pd
    >>> found = nps(pd.DataFrame({"score": [10] * 90 + [8] * 60 + [3] * 50})).estimate("nps")
    >>> round(found.value, 1), round(found.high - found.value, 1), found.n
    (20.0, 11.3, 200)
    """
    among(method, "method", ("", "wald", "adjusted"))
    rows = _chosen(frame, "nps", item)
    if rows.empty:
        return not_enough("nps", Family.MODEL, why_empty(frame, "nobody was asked, or answered, "
                          "whether they would recommend"))  # fmt: skip
    require(rows, ["score"], "nps")
    score = numbers(rows, "score", "nps", low=0)
    if score.max() > 10:
        raise ParameterError(
            message("answers above 10", where="nps: score", allowed="whole numbers from 0 to 10")
        )
    parts = _parts(rows, weights, asked, population, "nps")
    out = pd.DataFrame([_nps_row(part, method) for part in parts])
    last = out.iloc[-1]
    name = str(rows["item"].iloc[0]) if "item" in rows.columns else ""
    return Result(
        "nps", Family.MODEL, out,
        {
            "wave_on": Role.TIME, "nps": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "raw": Role.VALUE, "n": Role.N, "promoters": Role.COUNT, "passives": Role.COUNT,
            "detractors": Role.COUNT, "interval": Role.KEY,
        },
        (Estimate("nps", float(last["nps"]), float(last["low"]), float(last["high"]),
                  int(last["n"]), "score", _grade(weights), _day(last["wave_on"])),),
        "100 times promoters (9, 10) less detractors (0 to 6); linearised error with the "
        "finite-population correction; the adjusted rule where either side has fewer than five.",
        {"item": name, "n_asked": parts[-1].population, "is_weighted": weights is not None},
        scores=dict.fromkeys(("nps", "raw"), ("others", "most")),
    )  # fmt: skip


def _camp(score: Floats) -> tuple[int, int]:
    """Return how many answered otherwise than the largest camp, and which that is: 1, 0 or -1."""
    up, down = int((score >= PROMOTER).sum()), int((score <= DETRACTOR).sum())
    sizes = {1: up, 0: len(score) - up - down, -1: down}
    most = max(sizes, key=lambda side: sizes[side])
    return len(score) - sizes[most], most


def _nps_row(part: _Part, method: str) -> dict[str, Any]:
    score = part.rows["score"].to_numpy(dtype=float)
    up, down = score >= PROMOTER, score <= DETRACTOR
    sign = up.astype(float) - down.astype(float)
    how = method or ("wald" if min(up.sum(), down.sum()) >= _FEWEST else "adjusted")
    if how == "wald":
        value, error = part.error(sign)
    else:
        n = part.n / _raking.design_effect(part.weight)
        p = (float(np.average(up, weights=part.weight)) * n + 0.75) / (n + 3)
        d = (float(np.average(down, weights=part.weight)) * n + 0.75) / (n + 3)
        value, error = p - d, math.sqrt((p + d - (p - d) ** 2) / (n + 3) * n / part.effective)
    half = rates.Z95 * error
    return {
        "wave_on": part.on, "nps": 100 * value, "low": 100 * max(value - half, -1.0),
        "high": 100 * min(value + half, 1.0), "raw": 100 * float(sign.mean()), "n": part.n,
        "promoters": int(up.sum()), "passives": int((~up & ~down).sum()),
        "detractors": int(down.sum()), "interval": how, "wave": part.wave,
        **dict(zip(("others", "most"), _camp(score), strict=True)),
    }  # fmt: skip


def _grade(weights: Result | None) -> Grade:
    """Weighted to known differences, or as it came."""
    is_made = weights is not None and not weights.is_empty and bool(
        weights.frame["standing"].iloc[-1] in ("converged", "trimmed")
    )  # fmt: skip
    return Grade.ADJUSTED if is_made else Grade.DESCRIPTIVE


def change(
    frame: pd.DataFrame,
    *,
    weights: Result | None = None,
    asked: pd.DataFrame | None = None,
    item: str = "",
) -> Result:
    """Work out how the net promoter score moved from each wave to the next.

    People who answered both waves are compared with themselves: their answers go together, and
    the interval is narrower for it.

    Parameters
    ----------
    frame : pandas.DataFrame
        As :func:`nps` takes it, with ``person_key`` where persons are known.
    weights, asked, item
        As in :func:`nps`.

    Returns
    -------
    Result
        Family MODEL, a row a wave but the first: ``wave_on, before_on, change, low, high,
        standing, n`` (answers in the smaller of the two waves). ``standing`` is ``up`` or
        ``down`` where it is more than chance over all changes (Holm). Estimate ``nps_change`` of
        the last wave.

    Examples
    --------
    >>> import pandas as pd
    >>> waves = pd.DataFrame({"wave": [1] * 200 + [2] * 200,
    ...                       "score": ([10] * 90 + [8] * 60 + [3] * 50) * 2})
    >>> moved = change(waves).estimate("nps_change")
    >>> moved.value, round(moved.high, 1)
    (0.0, 15.9)
    """
    rows = _chosen(frame, "nps", item)
    parts = _parts(rows, weights, asked, 0, "change") if len(rows) else []
    if len(parts) < 2:
        reason = "it was asked in one wave only, and a change takes two"
        if not parts:
            reason = why_empty(frame, "nobody was asked whether they would recommend")
        return not_enough("change", Family.MODEL, reason)
    found = [_moved(a, b) for a, b in itertools.pairwise(parts)]
    out = pd.DataFrame(found)
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        z = (out["change"] / out["error"]).fillna(0.0).to_numpy(dtype=float)
    p = holm(2 * ndtr(-np.abs(z)))
    out["standing"] = [
        "in line" if q >= 0.05 else "up" if x > 0 else "down" for q, x in zip(p, z, strict=True)
    ]
    last = out.iloc[-1]
    return Result(
        "change", Family.MODEL, out,
        {
            "wave_on": Role.TIME, "before_on": Role.TIME, "standing": Role.KEY,
            "change": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        (Estimate("nps_change", float(last["change"]), float(last["low"]), float(last["high"]),
                  int(last["n"]), "score", _grade(weights),
                  f"{_day(last['before_on'])} to {_day(last['wave_on'])}"),),
        "Difference of two waves; the error holds that people who answered both are the same.",
        scores={"change": ("others",)},
    )  # fmt: skip


def _moved(one: _Part, two: _Part) -> dict[str, Any]:
    values, shares = [], []
    for part in (one, two):
        score = part.rows["score"].to_numpy(dtype=float)
        sign = (score >= PROMOTER).astype(float) - (score <= DETRACTOR)
        value, each = part.mean(sign)
        values.append(value)
        shares.append(each * np.sqrt(part.factor))
    variance = float(np.sum(shares[0] ** 2) + np.sum(shares[1] ** 2))
    if "person_key" in one.rows.columns:
        a = pd.Series(shares[0], index=one.rows["person_key"].to_numpy())
        b = pd.Series(shares[1], index=two.rows["person_key"].to_numpy())
        a, b = a[a.index.notna()], b[b.index.notna()]
        both = pd.concat([a.groupby(level=0).sum(), b.groupby(level=0).sum()], axis=1).dropna()
        variance -= 2 * float((both[0] * both[1]).sum())
    error = 100 * math.sqrt(max(variance, 0.0))
    moved = 100 * (values[1] - values[0])
    return {
        "wave_on": two.on, "before_on": one.on, "change": moved, "error": error,
        "low": moved - rates.Z95 * error, "high": moved + rates.Z95 * error,
        "n": min(one.n, two.n),
        "others": min(_camp(p.rows["score"].to_numpy(dtype=float))[0] for p in (one, two)),
    }  # fmt: skip


# Product-market fit and scales --------------------------------------------------------------


def pmf(
    frame: pd.DataFrame,
    *,
    weights: Result | None = None,
    asked: pd.DataFrame | None = None,
    population: int = 0,
) -> Result:
    """Work out which share would be very disappointed if they could no longer use it.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``value``: very, somewhat, not, or gone (no longer uses it; not counted), one row an
        answer; optional as for :func:`nps`.
    weights, asked, population
        As in :func:`nps`.

    Returns
    -------
    Result
        Family MODEL, a row for each thing asked about, of its last wave: ``item, wave_on,
        standing`` (against the rule of thumb of 40 %: ``above``, ``below`` or ``open``),
        ``share, low, high, n``. Estimate ``pmf_share`` of each.

    Raises
    ------
    ParameterError
        For another answer.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"value": ["very"] * 15 + ["somewhat"] * 10 + ["gone"] * 5})
    >>> found = pmf(frame).estimate("pmf_share")
    >>> found.value, round(found.low, 4), round(found.high, 4), found.n
    (0.6, 0.4074, 0.766, 25)
    """
    rows = frame[frame["kind"] == "pmf"] if "kind" in frame.columns else frame
    if rows.empty:
        return not_enough("pmf", Family.MODEL, why_empty(frame, "nobody was asked how they would "
                          "feel without it"))  # fmt: skip
    require(rows, ["value"], "pmf")
    for word in sorted(set(rows["value"].astype(str))):
        among(word, "pmf: value", ("very", "somewhat", "not", "gone"))
    rows = rows[rows["value"] != "gone"]
    if rows.empty:
        return not_enough("pmf", Family.MODEL, "everyone who answered no longer uses it")
    found = []
    for item, part in _last_by_item(rows, weights, asked, population, "pmf"):
        very = (part.rows["value"] == "very").to_numpy(dtype=float)
        share, low, high = _share(part, very)
        standing = "above" if low > RULE_OF_THUMB else "below" if high < RULE_OF_THUMB else "open"
        found.append((item, part.on, standing, share, low, high, part.n))
    out = pd.DataFrame(
        found, columns=["item", "wave_on", "standing", "share", "low", "high", "n"]
    ).sort_values(["share", "item"], ascending=[False, True], ignore_index=True)
    return Result(
        "pmf", Family.MODEL, out,
        {
            "item": Role.KEY, "wave_on": Role.TIME, "standing": Role.KEY, "share": Role.RATE,
            "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("pmf_share", float(r["share"]), float(r["low"]), float(r["high"]),
                     int(r["n"]), "share", _grade(weights), str(r["item"]))
            for r in out.to_dict("records")
        ),
        "Share of very disappointed among those who use it; Wilson's interval on the effective "
        "number of answers, with the finite-population correction.",
        shares={"share": ("low", "high")},
    )  # fmt: skip


def likert(
    frame: pd.DataFrame,
    *,
    weights: Result | None = None,
    asked: pd.DataFrame | None = None,
    population: int = 0,
) -> Result:
    """Work out which share agrees with each statement.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``item``, ``score`` of 1 to ``points`` (5 where there is no such column).
    weights, asked, population
        As in :func:`nps`.

    Returns
    -------
    Result
        Family MODEL, a row a statement, of its last wave, least agreed first: ``item, wave_on,
        share`` (answers above the middle of the scale), ``low, high, mean`` (from 0 to 100 of
        the scale), ``n``. Estimate ``agree_share`` of each.

    Examples
    --------
    >>> import pandas as pd
    >>> found = likert(pd.DataFrame({"item": "time", "score": [1, 2, 3, 4, 5]}))
    >>> float(found.frame["share"].iloc[0]), float(found.frame["mean"].iloc[0])
    (0.4, 50.0)
    """
    rows = frame[frame["kind"] == "likert"] if "kind" in frame.columns else frame
    if rows.empty:
        return not_enough("likert", Family.MODEL,
                          why_empty(frame, "nobody was asked to agree or disagree"))  # fmt: skip
    require(rows, ["item", "score"], "likert")
    numbers(rows, "score", "likert", low=1)
    found = []
    for item, part in _last_by_item(rows, weights, asked, population, "likert"):
        score = part.rows["score"].to_numpy(dtype=float)
        points = part.rows["points"].to_numpy(dtype=float) if "points" in part.rows else 5.0
        share, low, high = _share(part, (score > (points + 1) / 2).astype(float))
        mean = 100 * float(np.average((score - 1) / (points - 1), weights=part.weight))
        found.append((item, part.on, share, low, high, mean, part.n))
    out = pd.DataFrame(
        found, columns=["item", "wave_on", "share", "low", "high", "mean", "n"]
    ).sort_values(["share", "item"], ignore_index=True)
    return Result(
        "likert", Family.MODEL, out.assign(mean=out["mean"].round()),
        {
            "item": Role.KEY, "wave_on": Role.TIME, "share": Role.RATE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("agree_share", float(r["share"]), float(r["low"]), float(r["high"]),
                     int(r["n"]), "share", _grade(weights), str(r["item"]))
            for r in out.to_dict("records")
        ),
        "Share of answers above the middle of the scale; interval as for the other shares.",
        shares={"share": ("low", "high")},
    )  # fmt: skip


def _last_by_item(
    rows: pd.DataFrame,
    weights: Result | None,
    asked: pd.DataFrame | None,
    population: int,
    caller: str,
) -> list[tuple[str, _Part]]:
    if "item" not in rows.columns:
        return [("", _parts(rows, weights, asked, population, caller)[-1])]
    return [
        (str(item), _parts(part, weights, asked, population, caller)[-1])
        for item, part in rows.groupby("item", sort=True)
    ]


def _share(part: _Part, values: Floats) -> tuple[float, float, float]:
    """Return a weighted share with Wilson's interval on the effective number of answers."""
    share = float(np.average(values, weights=part.weight))
    n = part.effective
    low, high = rates.wilson(share * n, n)
    return share, float(low), float(high)


# Kano ---------------------------------------------------------------------------------------

CATEGORIES: Final = ("attractive", "one-dimensional", "must-be", "indifferent", "reverse",
                     "questionable")  # fmt: skip
"""What a feature is to someone, in the order of Kano's letters A, O, M, I, R, Q."""

_TABLE: Final = np.array([
    [5, 0, 0, 0, 1],
    [4, 3, 3, 3, 2],
    [4, 3, 3, 3, 2],
    [4, 3, 3, 3, 2],
    [4, 4, 4, 4, 5],
])  # fmt: skip
"""Category by the answer with the feature (row) and without it (column), like to dislike."""


def kano(
    frame: pd.DataFrame,
    *,
    weights: Result | None = None,
    asked: pd.DataFrame | None = None,
    population: int = 0,
) -> Result:
    """Sort features by what they would add and what their absence would cost.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``response_id, item, score``: answers of 1 (like) to 5 (dislike) to
        ``<feature>:functional`` and ``<feature>:dysfunctional``.
    weights, asked, population
        As in :func:`nps`.

    Returns
    -------
    Result
        Family MODEL, a row a feature, of its last wave, the most wanted first: ``item, category``
        (the most frequent), ``standing`` (``clear``, or ``open`` where the second most frequent
        is within chance), ``better, better_low, better_high, worse, worse_low, worse_high, n``
        (pairs that are neither reverse nor questionable). Estimates ``kano_better`` and
        ``kano_worse`` of each.

    References
    ----------
    Kano N et al. (1984). J Jpn Soc Qual Control 14(2):39-48. Berger C et al. (1993). Center for
    Quality of Management Journal 2(4):3-36. Fong D (1996). Same journal 5(3):21-23 (most
    frequent against second).

    Examples
    --------
    Six like having it and dislike its absence; four like it and can do without.

    >>> import pandas as pd
    >>> both = pd.DataFrame({"response_id": list(range(10)) * 2, "score": [1] * 10 + [5] * 6 +
    ...                      [3] * 4, "item": ["m:functional"] * 10 + ["m:dysfunctional"] * 10})
    >>> found = kano(both)
    >>> found.estimate("kano_better").value, found.estimate("kano_worse").value
    (1.0, -0.6)
    """
    rows = frame[frame["kind"] == "kano"] if "kind" in frame.columns else frame
    pairs = _pairs(rows) if len(rows) else rows
    if pairs.empty:
        return not_enough("kano", Family.MODEL, why_empty(frame, "nobody answered a pair of "
                          "questions: how it is with a feature, and without"))  # fmt: skip
    found = []
    for item, part in _last_by_item(pairs, weights, asked, population, "kano"):
        row = _kano_row(item, part)
        if row is not None:
            found.append(row)
    if not found:
        return not_enough("kano", Family.MODEL, "all answers to pairs of questions contradict "
                          "themselves, or nobody wants the features")  # fmt: skip
    out = pd.DataFrame(found).sort_values(
        ["better", "item"], ascending=[False, True], ignore_index=True
    )
    estimates = []
    for r in out.to_dict("records"):
        tail = (int(r["n"]), "share", _grade(weights), str(r["item"]))
        estimates.append(Estimate("kano_better", r["better"], r["better_low"], r["better_high"],
                                  *tail))  # fmt: skip
        estimates.append(Estimate("kano_worse", r["worse"], r["worse_low"], r["worse_high"],
                                  *tail))  # fmt: skip
    return Result(
        "kano", Family.MODEL, out,
        {
            "item": Role.KEY, "wave_on": Role.TIME, "category": Role.KEY, "standing": Role.KEY,
            "better": Role.RATE, "better_low": Role.LOW, "better_high": Role.HIGH,
            "worse": Role.RATE, "worse_low": Role.LOW, "worse_high": Role.HIGH, "n": Role.N,
        },
        tuple(estimates),
        "Kano's table of pairs; better = (A + O) / (A + O + M + I), worse = -(O + M) / the same, "
        "with Wilson's intervals on the effective number of answers.",
        shares={name: (f"{name}_low", f"{name}_high") for name in ("better", "worse")},
    )  # fmt: skip


def _pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Put both answers of a response to a feature in one row, with its category."""
    require(rows, ["response_id", "item", "score"], "kano")
    numbers(rows, "score", "kano", low=1)
    names = rows["item"].astype(str).str.rpartition(":")
    rows = rows.assign(item=names[0], side=names[2])
    keys = [c for c in ("wave", "wave_on") if c in rows.columns] + ["response_id", "item"]
    wide = rows.pivot_table(index=keys, columns="side", values="score", aggfunc="first")
    if not {"functional", "dysfunctional"} <= set(wide.columns):
        return rows.iloc[:0]
    wide = wide.dropna(subset=["functional", "dysfunctional"]).reset_index()
    among(bool((wide[["functional", "dysfunctional"]] <= 5).all().all()), "kano: score of 1 to 5",
          (True,))  # fmt: skip
    code = _TABLE[wide["functional"].astype(int) - 1, wide["dysfunctional"].astype(int) - 1]
    return wide.assign(category=code)


def _kano_row(item: str, part: _Part) -> dict[str, Any] | None:
    code = part.rows["category"].to_numpy(dtype=int)
    counted = code < 4
    if not counted.any():
        return None
    # Told over pairs that say what they want: the others are left out of n too.
    kept = _Part(part.wave, part.on, part.rows[counted], part.weight[counted],
                 tuple(c[counted] for c in part.codes), part.population,
                 part.factor[counted])  # fmt: skip
    which = code[counted]
    up, up_low, up_high = _share(kept, ((which == 0) | (which == 1)).astype(float))
    down, down_low, down_high = _share(kept, ((which == 1) | (which == 2)).astype(float))
    counts = np.bincount(code, weights=part.weight, minlength=6)
    counts = counts / part.weight.sum() * part.n / _raking.design_effect(part.weight)
    first, second = np.argsort(-counts, kind="stable")[:2]
    a, b, n = counts[first], counts[second], counts.sum()
    is_clear = a - b > rates.Z95 * math.sqrt((a + b) * (2 * n - a - b) / (2 * n))
    return {
        "item": item, "wave_on": part.on, "category": CATEGORIES[first],
        "standing": "clear" if is_clear else "open",
        "better": up, "better_low": up_low, "better_high": up_high,
        "worse": -down, "worse_low": -down_high, "worse_high": -down_low, "n": kept.n,
    }  # fmt: skip


# What goes with recommending ----------------------------------------------------------------


def drivers(frame: pd.DataFrame, *, item: str = "", seed: int = 1, replicates: int = 300) -> Result:
    """Tell which statements go with recommending, each beside the others.

    Statements that people answer alike share what they explain: Johnson's relative weights part
    it without favouring any. Whether a statement goes with the answer at all is told by its slope
    in a regression on all of them, with errors that allow for unequal spread (HC3), over all
    statements at once (Holm).

    Parameters
    ----------
    frame : pandas.DataFrame
        Answers as :func:`nps` and :func:`likert` take them, with ``wave`` and ``response_id``.
    item : str
        Which question on recommending; empty: the one most people answered.
    seed : int
        Of the bootstrap.
    replicates : int
        Bootstrap samples.

    Returns
    -------
    Result
        Family MODEL, a row a statement, the heaviest first: ``item, standing`` (``told`` where
        the slope is more than chance), ``weight`` (share of what all explain), ``low, high,
        slope`` (points of the answer for one step of agreement), ``slope_low, slope_high,
        n``. Estimates ``driver_weight`` of each; ``parameters["r2"]`` is what all explain.

    References
    ----------
    Johnson JW (2000). Multivar Behav Res 35:1-19. Holm S (1979). Scand J Stat 6:65-70. MacKinnon
    JG, White H (1985). J Econom 29:305-325.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.integers(1, 6, (2, 300))
    >>> score = np.clip(a + rng.integers(0, 6, 300), 0, 10)
    >>> frame = pd.concat([pd.DataFrame({"response_id": range(300), "kind": k, "item": i,
    ...     "score": s}) for k, i, s in [("nps", "recommend", score), ("likert", "time", a),
    ...                                  ("likert", "fit", b)]])
    >>> drivers(frame).frame[["item", "standing"]].values.tolist()
    [['time', 'told'], ['fit', 'not told']]
    """
    score, wide, dropped = _with_statements(frame, item)
    p = wide.shape[1]
    needed = max(_FEWEST_FOR_DRIVERS, _PER_DRIVER * (p + 1))
    if p == 0 or len(score) < needed:
        why = "no statement was asked beside it"
        if p:
            why = (f"{len(score)} people answered it and all {p} statements in one wave, and it "
                   f"takes {needed}")  # fmt: skip
        return not_enough("drivers", Family.MODEL, why_empty(frame, why))
    y, x = score.to_numpy(dtype=float), wide.to_numpy(dtype=float)
    if np.ptp(y) == 0:
        return not_enough("drivers", Family.MODEL, "everyone gave the same answer")
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(y)), x])) < p + 1:
        return not_enough("drivers", Family.MODEL, "some statements were answered alike by "
                          "everyone, so they cannot be told apart")  # fmt: skip
    weight, r2 = _relative(x, y)
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, len(y), (replicates, len(y)))
    tried = [_relative(x[s], y[s])[0] for s in samples]
    low, high = np.nanquantile(np.array(tried), [0.025, 0.975], axis=0)
    slope, error = _slopes(x, y)
    from scipy.special import stdtr, stdtrit

    points = stdtrit(len(y) - p - 1, 0.975)
    told = holm(2 * stdtr(len(y) - p - 1, -np.abs(slope / error))) < 0.05
    out = pd.DataFrame(
        {
            "item": [str(c) for c in wide.columns],
            "standing": np.where(told, "told", "not told"),
            "weight": weight, "low": low, "high": high,
            "slope": slope, "slope_low": slope - points * error,
            "slope_high": slope + points * error, "n": len(y),
        }
    ).sort_values(["weight", "item"], ascending=[False, True], ignore_index=True)  # fmt: skip
    return Result(
        "drivers", Family.MODEL, out,
        {
            "item": Role.KEY, "standing": Role.KEY, "weight": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "slope": Role.VALUE, "slope_low": Role.LOW,
            "slope_high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("driver_weight", float(r["weight"]), float(r["low"]), float(r["high"]),
                     int(r["n"]), "ratio", Grade.ADJUSTED, str(r["item"]))
            for r in out.to_dict("records")
        ),
        "Johnson's relative weights as shares of what all statements explain, bootstrap "
        "intervals; slopes by least squares with HC3 errors, Holm over statements.",
        {"r2": round(r2, 3), "dropped": ", ".join(dropped)},
    )  # fmt: skip


def _with_statements(frame: pd.DataFrame, item: str) -> tuple[pd.Series, pd.DataFrame, list[str]]:
    """Return the last wave's answers that have every statement, and statements left out.

    Left out is what hardly anyone was asked or everyone answered alike.
    """
    rows = _chosen(frame, "nps", item) if len(frame) else frame
    if rows.empty or "kind" not in frame.columns:
        return pd.Series(dtype=float), pd.DataFrame(), []
    if "wave" not in frame.columns:
        frame, rows = frame.assign(wave=1), rows.assign(wave=1)
    last = rows["wave"].max()
    score = rows[rows["wave"] == last].drop_duplicates("response_id").set_index("response_id")
    said = frame[(frame["kind"] == "likert") & (frame["wave"] == last)]
    wide = said.pivot_table(index="response_id", columns="item", values="score", aggfunc="first")
    wide = wide.reindex(score.index)
    thin = [c for c in wide.columns if wide[c].notna().mean() < 0.5]
    whole = wide.drop(columns=thin).dropna()
    same = [c for c in whole.columns if whole[c].nunique() < 2]
    whole = whole.drop(columns=same)
    return score.loc[whole.index, "score"], whole, sorted(map(str, [*thin, *same]))


def _relative(x: Floats, y: Floats) -> tuple[Floats, float]:
    """Return Johnson's relative weights as shares of R squared, and R squared itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.corrcoef(np.column_stack([x, y]), rowvar=False)
    if not np.isfinite(r).all():
        return np.full(x.shape[1], np.nan), math.nan
    value, vector = np.linalg.eigh(r[:-1, :-1])
    root = vector @ np.diag(np.sqrt(np.clip(value, 0, None))) @ vector.T
    beta = np.linalg.pinv(root) @ r[:-1, -1]
    raw = root**2 @ beta**2
    total = float(raw.sum())
    return np.asarray(raw / total if total > 0 else np.full(len(raw), np.nan)), total


def _slopes(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return least-squares slopes and their HC3 errors."""
    design = np.column_stack([np.ones(len(y)), x])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    leverage = np.einsum("ij,jk,ik->i", design, bread, design)
    left = (y - design @ beta) / np.clip(1 - leverage, 1e-9, None)
    cover = bread @ (design.T * left**2) @ design @ bread
    return beta[1:], np.sqrt(np.diag(cover))[1:]


# What those do who would recommend ----------------------------------------------------------

CAMPS: Final = ("promoters", "passives", "detractors")


def behaviour(frame: pd.DataFrame) -> Result:
    """Compare the days with value of promoters and detractors, after they answered.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: ``score`` of 0 to 10, days ``before`` and ``after`` the answer.

    Returns
    -------
    Result
        Family MEANS: ``group, mean`` (days after), ``low, high, before, n``. Estimates
        ``voice_days`` of each group and ``voice_gap``: promoters less detractors, with Welch's
        interval, whose n is that of the smaller group; ``voice_gap_change``: the same of the days
        after less those before.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"score": [10] * 20 + [2] * 20, "before": 1.0,
    ...                       "after": [4.0, 6.0] * 10 + [1.0, 3.0] * 10})
    >>> gap = behaviour(frame).estimate("voice_gap")
    >>> gap.value, round(gap.low, 2), round(gap.high, 2)
    (3.0, 2.34, 3.66)
    """
    if not frame.empty:
        require(frame, ["score", "before", "after"], "behaviour")
    camp = _camps(frame)
    sizes = {c: int((camp == c).sum()) for c in CAMPS}
    if min(sizes["promoters"], sizes["detractors"]) < _FEWEST_IN_GROUP:
        why = why_empty(frame, "no person's answer can be followed to the end of the days")
        if len(frame):
            why = (f"promoters and detractors are not {_FEWEST_IN_GROUP} each, so there is no "
                   "telling them apart by what they do")  # fmt: skip
        return not_enough("behaviour", Family.MEANS, why)
    rows = []
    for name in CAMPS:
        after = frame.loc[camp == name, "after"].to_numpy(dtype=float)
        before = frame.loc[camp == name, "before"].to_numpy(dtype=float)
        mean, error, _ = _mean(after)
        rows.append((name, mean, mean - error, mean + error,
                     float(before.mean()) if len(before) else math.nan, len(after)))  # fmt: skip
    out = pd.DataFrame(rows, columns=["group", "mean", "low", "high", "before", "n"])
    n = min(sizes["promoters"], sizes["detractors"])
    gaps = []
    moved = frame["after"] - frame["before"]
    for metric, values in (("voice_gap", frame["after"]), ("voice_gap_change", moved)):
        up = values[camp == "promoters"].to_numpy(dtype=float)
        down = values[camp == "detractors"].to_numpy(dtype=float)
        value, half = _welch(up, down)
        gaps.append(_gap(metric, value, half, n))
    each = tuple(
        Estimate("voice_days", float(r["mean"]), float(r["low"]), float(r["high"]), int(r["n"]),
                 "active days", Grade.DESCRIPTIVE, str(r["group"]))
        for r in out.to_dict("records") if r["n"]
    )  # fmt: skip
    return Result(
        "behaviour", Family.MEANS, out,
        {"group": Role.KEY, "mean": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
         "before": Role.VALUE, "n": Role.N},
        (*gaps, *each),
        "Mean days with value after the answer, with t intervals; the difference by Welch.",
    )  # fmt: skip


def _gap(metric: str, value: float, half: float, n: int) -> Estimate:
    return Estimate(metric, value, value - half, value + half, n, "active days",
                    Grade.DESCRIPTIVE)  # fmt: skip


def _camps(frame: pd.DataFrame) -> Any:
    if frame.empty:
        return np.array([], dtype=object)
    score = numbers(frame, "score", "behaviour", low=0)
    return np.select([score >= PROMOTER, score <= DETRACTOR], ["promoters", "detractors"],
                     "passives")  # fmt: skip


def _mean(values: Floats) -> tuple[float, float, float]:
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return (float(values.mean()) if n else math.nan), math.nan, math.nan
    error = float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()), float(stdtrit(n - 1, 0.975)) * error, error


def _welch(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the difference of two means and half of its 95 % interval."""
    from scipy.special import stdtrit

    va, vb = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    value = float(a.mean() - b.mean())
    if va + vb == 0:
        return value, 0.0
    df = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return value, float(stdtrit(df, 0.975)) * math.sqrt(va + vb)


# May we trust it? ---------------------------------------------------------------------------


def trust(asked: pd.DataFrame, responded: Result, weights: Result, answers: pd.DataFrame) -> Result:
    """Check what the answer rests on.

    Parameters
    ----------
    asked : pandas.DataFrame
        What :func:`response` was given.
    responded, weights : Result
        Of :func:`response` and :func:`rake`.
    answers : pandas.DataFrame
        As the measure gave them, with its counts of what it left out.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``.

    Examples
    --------
    >>> import pandas as pd
    >>> none = pd.DataFrame()
    >>> trust(none, response(none), rake(none, none), none).frame["status"].unique().tolist()
    ['not known']
    """
    rate = responded.estimate("response_rate").value if responded.estimates else math.nan
    last = None if weights.is_empty else weights.frame.iloc[-1]
    off = widening = unread = math.nan
    if last is not None:
        widening = float(last["widening"])
        if last["standing"] != "unweighted":
            off = 100.0 if last["standing"] == "contradictory" else float(last["off"])
    n_unread = int(answers.attrs.get("n_unread", 0))
    if len(answers) + n_unread:
        unread = 100 * n_unread / (len(answers) + n_unread)
    rows = [
        _checks.at_least("response", 100 * rate, 30.0),
        _checks.at_most("activity", _activity_gap(asked), 10.0),
        _checks.at_most("weights", off, 1.0),
        _checks.at_most("widening", widening, 2.0),
        _checks.at_most("silent", _silent(asked), 5.0),
        _checks.at_most("unread", unread, 5.0),
    ]
    return _checks.trust(rows)


def _last(asked: pd.DataFrame, by: str) -> pd.DataFrame:
    if asked.empty:
        return asked
    rows: pd.DataFrame = asked[(asked["wave"] == asked["wave"].max()) & (asked["by"] == by)]
    return rows


def _activity_gap(asked: pd.DataFrame) -> float:
    """Points by which the active are more among those who answered than among those asked.

    Who uses it is no margin of the HR file: weights need not mend it.
    """
    rows = _last(asked, "activity")
    if rows.empty or not rows["n_answered"].sum() or not rows["n_asked"].sum():
        return math.nan
    rows = rows.set_index("group")
    if "active before" not in rows.index:
        return math.nan
    a = rows["n_answered"] / rows["n_answered"].sum() - rows["n_asked"] / rows["n_asked"].sum()
    return 100 * abs(float(a["active before"]))


def _silent(asked: pd.DataFrame) -> float:
    """Percent of those asked that are in a unit or level of which nobody answered."""
    shares = []
    for by in ("unit", "level"):
        rows = _last(asked, by)
        rows = rows[(rows["group"] != UNKNOWN)] if len(rows) else rows
        if len(rows) and rows["n_asked"].sum() and rows["n_answered"].sum():
            quiet = rows.loc[rows["n_answered"] == 0, "n_asked"].sum()
            shares.append(100 * float(quiet / rows["n_asked"].sum()))
    return max(shares) if shares else math.nan
