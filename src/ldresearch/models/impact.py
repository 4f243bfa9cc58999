"""After an initiative: what it changed, how sure that is, and whether it was worth it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldresearch.errors import DataError, ParameterError, message
from ldresearch.models import _ols
from ldresearch.models._asked import among, between, is_randomised, why_empty
from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Partition, Result, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Role

RUNGS: Final = {1: "reaction", 2: "learning", 3: "behaviour", 4: "result", 5: "return"}
"""Kirkpatrick's levels and Phillips's fifth."""
DISTRIBUTIONS: Final = ("fixed", "normal", "lognormal", "uniform", "triangular", "beta")
FEWEST_CLUSTERS: Final = 2

_Z90 = 1.2815515655446004
_BINS = 50
_MOST_ORDERS = 20_000
_MOST_CLUSTERS = 500
"""With more than these a test by re-assignment tells nothing that the t test does not."""


# Return on investment ----------------------------------------------------------------------


def roi(
    frame: pd.DataFrame,
    *,
    months: float = 12.0,
    n_persons: int = 0,
    draws: int = 100_000,
    seed: int = 1,
) -> Result:
    """Work out Phillips's return on investment from inputs that are not known exactly.

    ROI in percent is (benefit x isolation - cost) / cost x 100. Inputs of one ``item`` are
    multiplied (learners x hours saved x cost of an hour), items of one ``part`` are added, and
    every benefit is multiplied by the isolation factor: the share of it that the initiative
    caused.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an input: ``part`` (``benefit``, ``cost`` or ``isolation``), ``item``, ``input``,
        ``distribution`` and ``low, middle, high``. What these mean:

        ========== ==================================================
        fixed      ``middle`` is the value
        normal     ``low, high``: 1 in 10 is below, 1 in 10 above
        lognormal  the same, both above 0
        beta       the same, both between 0 and 1: shares
        uniform    ``low, high`` are the ends
        triangular ``low, middle, high``: end, most likely, end
        ========== ==================================================
    months : float
        Months over which the benefit comes evenly, for the payback.
    n_persons : int
        Persons whose benefit it is.
    draws, seed : int
        Of the simulation.

    Returns
    -------
    Result
        Family CHECKS; one row a figure (``benefit, isolation, cost, net, roi,
        benefit_cost_ratio, payback_months``): ``figure, value`` (median), ``mean, low, high``
        (2.5 and 97.5 % points). Estimates ``roi`` (percent), ``benefit_cost_ratio``,
        ``payback_months`` (infinite where there is no benefit), ``roi_chance`` (probability that
        the ROI is above 0).

    References
    ----------
    Phillips JJ, Phillips PP (2016). Handbook of Training Evaluation and Measurement Methods, 4th
    ed.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("benefit", "time", "hours", "fixed", None, 3000, None),
    ...         ("benefit", "time", "pay", "fixed", None, 50, None),
    ...         ("isolation", "", "isolation", "fixed", None, 0.5, None),
    ...         ("cost", "licences", "licences", "fixed", None, 50000, None)]
    >>> columns = ["part", "item", "input", "distribution", "low", "middle", "high"]
    >>> roi(pd.DataFrame(rows, columns=columns)).estimate("roi").value
    50.0
    """
    name = "roi"
    between(months, f"{name}: months", 0, math.inf)
    case = _simulated(frame, months, draws, seed, name)
    if isinstance(case, str):
        return not_enough(name, Family.CHECKS, case)
    inputs, _, figures = case
    rows = []
    for figure, values in figures.items():
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975], method="inverted_cdf")
        rows.append((figure, float(middle), float(np.mean(values)), float(low), float(high)))
    out = pd.DataFrame(rows, columns=["figure", "value", "mean", "low", "high"])
    by = out.set_index("figure")
    units = {"roi": "percent", "benefit_cost_ratio": "ratio", "payback_months": "months"}
    estimates = [
        Estimate(figure, float(by["value"][figure]), float(by["low"][figure]),
                 float(by["high"][figure]), n_persons, unit)
        for figure, unit in units.items()
    ]  # fmt: skip
    chance = float(np.mean(figures["roi"] > 0))
    estimates.append(Estimate("roi_chance", chance, math.nan, math.nan, n_persons, "probability"))
    return Result(
        name, Family.CHECKS, out,
        {
            "figure": Role.KEY, "value": Role.VALUE, "mean": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH,
        },
        tuple(estimates),
        f"Simulation of {draws:,} draws; intervals are 2.5 to 97.5 %.",
        {"months": months, "draws": draws, "seed": seed, "n_inputs": len(inputs)},
        beside=("benefit_cost_ratio",),
    )  # fmt: skip


def tornado(
    frame: pd.DataFrame, *, figure: str = "roi", draws: int = 100_000, seed: int = 1
) -> Result:
    """Tell which input drives a figure.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`roi`.
    figure : {"roi", "net", "benefit_cost_ratio"}
    draws, seed : int

    Returns
    -------
    Result
        Family CHECKS, widest first; one row an input that varies: ``input, part, low_input,
        high_input`` (its 10 and 90 % points), ``low, high`` (the figure there, all other inputs at
        their medians), ``swing`` (its size), ``variance_share`` (of the figure's variance that
        would go if the input were known; shares need not add up to 1 where inputs multiply).
        ``parameters["base"]``: the figure with all inputs at their medians.

    References
    ----------
    Saltelli A et al. (2008). Global Sensitivity Analysis. The Primer, chapter 1.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("benefit", "time", "hours", "uniform", 100, None, 300),
    ...         ("isolation", "", "isolation", "uniform", 0.5, None, 1.0),
    ...         ("cost", "licences", "licences", "fixed", None, 50, None)]
    >>> columns = ["part", "item", "input", "distribution", "low", "middle", "high"]
    >>> found = tornado(pd.DataFrame(rows, columns=columns))
    >>> found.parameters["base"]
    200.0
    >>> found.frame[["input", "low", "high", "swing"]].round(6).values.tolist()
    [['hours', 80.0, 320.0, 240.0], ['isolation', 120.0, 280.0, 160.0]]
    """
    name = "tornado"
    among(figure, f"{name}: figure", ("roi", "net", "benefit_cost_ratio"))
    case = _simulated(frame, 12.0, draws, seed, name)
    if isinstance(case, str):
        return not_enough(name, Family.CHECKS, case)
    inputs, drawn, figures = case
    values = figures[figure]
    points = np.array([_point(row, [0.5, 0.1, 0.9]) for row in _records(inputs)])
    middle = points[:, :1]

    def at(rows: Floats) -> float:
        return float(_figures(inputs, rows, 12.0)[figure][0])

    out = []
    for i, row in enumerate(_records(inputs)):
        if row["distribution"] == "fixed":
            continue
        ends = []
        for p in (1, 2):
            moved = middle.copy()
            moved[i] = points[i, p]
            ends.append(at(moved))
        share = _explained(drawn[i], values)
        out.append((row["input"], row["part"], *points[i, 1:], *ends, abs(ends[1] - ends[0]),
                    share))  # fmt: skip
    if not out:
        return not_enough(name, Family.CHECKS, "every input is taken as known exactly")
    columns = ["input", "part", "low_input", "high_input", "low", "high", "swing",
               "variance_share"]  # fmt: skip
    table = pd.DataFrame(out, columns=columns).sort_values(
        ["swing", "input"], ascending=[False, True], kind="stable", ignore_index=True
    )
    return Result(
        name, Family.CHECKS, table,
        {
            "input": Role.KEY, "part": Role.KEY, "low_input": Role.VALUE,
            "high_input": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "swing": Role.VALUE,
            "variance_share": Role.VALUE,
        },
        method="Each input at its 10 and 90 % points, the others at their medians; shares of "
        "variance from the simulation.",
        parameters={"figure": figure, "base": at(middle), "draws": draws, "seed": seed},
    )  # fmt: skip


def _simulated(
    frame: pd.DataFrame, months: float, draws: int, seed: int, caller: str
) -> tuple[pd.DataFrame, Floats, dict[str, Floats]] | str:
    """Return inputs, their draws and what follows from them; or why there is nothing."""
    if not 1_000 <= draws <= 10_000_000:
        raise ParameterError(
            message("out of range", where=f"{caller}: draws", got=draws,
                    allowed="1,000 to 10 million")
        )  # fmt: skip
    if frame.empty:
        return why_empty(frame, "no benefit and no cost is named")
    inputs = _inputs(frame, caller)
    lacking = [p for p in ("benefit", "cost") if p not in set(inputs["part"])]
    if lacking:
        return f"no {lacking[0]} is named"
    drawn = _draws(inputs, draws, seed)
    figures = _figures(inputs, drawn, months)
    if not (figures["cost"] > 0).all():
        raise ParameterError(
            message("some costs come out at 0 or below", where=f"{caller}: cost",
                    do="use a distribution that stays above 0, such as lognormal")
        )  # fmt: skip
    return inputs, drawn, figures


def _inputs(frame: pd.DataFrame, caller: str) -> pd.DataFrame:
    """Check the table of inputs, and bring it into one order."""
    require(frame, ["part", "item", "input", "distribution", "low", "middle", "high"], caller)
    named = frame.assign(item=frame["item"].fillna("").astype(str))
    inputs = named.sort_values(["part", "item", "input"], kind="stable", ignore_index=True)
    for column, allowed in (
        ("part", ("benefit", "cost", "isolation")),
        ("distribution", DISTRIBUTIONS),
    ):
        wrong = sorted(set(inputs[column].astype(str)) - set(allowed))
        if wrong:
            raise DataError(
                message("no such choice", where=f"{caller}: {column}", got=wrong[0],
                        allowed=", ".join(allowed))
            )  # fmt: skip
    if inputs["input"].duplicated().any():
        raise DataError(
            message("an input is named twice", where=caller,
                    got=str(inputs.loc[inputs["input"].duplicated(), "input"].iloc[0]))
        )  # fmt: skip
    for row in _records(inputs):
        _check_input(row, caller)
    return inputs


def _records(inputs: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in inputs.to_dict("records")]


def _check_input(row: Mapping[str, Any], caller: str) -> None:
    kind = row["distribution"]
    needed = {"fixed": ("middle",), "triangular": ("low", "middle", "high")}.get(
        kind, ("low", "high")
    )
    values = [_number(row[c]) for c in needed]
    above, below = {"lognormal": (0, math.inf), "beta": (0, 1)}.get(kind, (-math.inf, math.inf))
    is_fine = all(math.isfinite(v) and above < v < below for v in values)
    if kind in ("normal", "lognormal", "beta", "uniform"):
        is_fine &= values[0] < values[1]
    if kind == "triangular":
        is_fine &= values[0] <= values[1] <= values[2] and values[0] < values[2]
    if row["part"] == "isolation":
        ends = [v for v in values if math.isfinite(v)]
        is_fine &= all(0 <= v <= 1 for v in ends)
    if not is_fine:
        allowed = f"{', '.join(needed)} in order"
        if kind in ("lognormal", "beta"):
            allowed += " above 0" + (" and below 1" if kind == "beta" else "")
        if row["part"] == "isolation":
            allowed += ", from 0 to 1"
        raise DataError(
            message("the input is not what its distribution takes",
                    where=f"{caller}: {row['input']}", got=[kind, *values], allowed=allowed)
        )  # fmt: skip


def _number(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError):
        return math.nan


def _point(row: Mapping[str, Any], p: Any) -> Any:
    """Quantile of an input."""
    from scipy.special import betaincinv, ndtri

    p = np.asarray(p, dtype=float)
    low, middle, high = (_number(row[c]) for c in ("low", "middle", "high"))
    kind = row["distribution"]
    if kind == "fixed":
        return np.full(p.shape, middle)
    if kind == "uniform":
        return low + (high - low) * p
    if kind == "triangular":
        peak = (middle - low) / (high - low)
        return np.where(
            p < peak,
            low + np.sqrt(p * (high - low) * (middle - low)),
            high - np.sqrt((1 - p) * (high - low) * (high - middle)),
        )
    if kind == "beta":
        return betaincinv(*_beta(low, high), p)
    if kind == "lognormal":
        low, high = math.log(low), math.log(high)
    value = (low + high) / 2 + (high - low) / (2 * _Z90) * ndtri(p)
    return np.exp(value) if kind == "lognormal" else value


def _beta(low: float, high: float) -> tuple[float, float]:
    """Find the beta distribution with these 10 and 90 % points."""
    from scipy.optimize import root
    from scipy.special import betainc

    middle, spread = (low + high) / 2, (high - low) / (2 * _Z90)
    size = max(middle * (1 - middle) / spread**2 - 1, 0.5)

    def off(logs: Floats) -> list[float]:
        a, b = np.exp(logs)
        return [float(betainc(a, b, low)) - 0.1, float(betainc(a, b, high)) - 0.9]

    start = np.log([max(middle * size, 0.1), max((1 - middle) * size, 0.1)])
    found = root(off, start, tol=1e-12)
    if not found.success and max(map(abs, off(found.x))) > 1e-6:
        raise ParameterError(
            message("no beta distribution has these 10 and 90 % points", where="roi: beta",
                    got=[low, high], do="use a triangular one")
        )  # fmt: skip
    a, b = np.exp(found.x)
    return float(a), float(b)


def _draws(inputs: pd.DataFrame, draws: int, seed: int) -> Floats:
    """One row an input; each input has a stream of its own, whatever stands beside it."""
    rows = []
    for row in _records(inputs):
        own = [seed, *str(row["input"]).encode()]
        rows.append(_point(row, np.random.default_rng(own).random(draws)))
    out: Floats = np.array(rows)
    is_share = (inputs["part"] == "isolation").to_numpy()
    out[is_share] = np.clip(out[is_share], 0.0, 1.0)
    return out


def _figures(inputs: pd.DataFrame, drawn: Floats, months: float) -> dict[str, Floats]:
    totals = {}
    for part in ("benefit", "cost"):
        rows = inputs[inputs["part"] == part]
        totals[part] = np.sum(
            [np.prod(drawn[of.index], axis=0) for _, of in rows.groupby("item", sort=True)], axis=0
        )
    own = inputs.index[inputs["part"] == "isolation"]
    isolation = np.prod(drawn[own], axis=0) if len(own) else np.ones(drawn.shape[1])
    benefit, cost = totals["benefit"] * isolation, totals["cost"]
    with np.errstate(divide="ignore", invalid="ignore"):
        payback = np.where(benefit > 0, cost * months / benefit, math.inf)
        ratio = benefit / cost
    return {
        "benefit": totals["benefit"], "isolation": isolation, "cost": cost, "net": benefit - cost,
        "roi": 100 * (ratio - 1), "benefit_cost_ratio": ratio, "payback_months": payback,
    }  # fmt: skip


def _explained(x: Floats, y: Floats) -> float:
    """Share of the variance of y between groups of x, less what chance gives."""
    n = len(x)
    bins = np.empty(n, dtype=np.intp)
    bins[np.argsort(x, kind="stable")] = np.arange(n) * _BINS // n
    size = np.bincount(bins)
    means = np.bincount(bins, y) / size
    total = float(np.var(y))
    if total == 0:
        return 0.0
    between = float(np.sum(size * (means - y.mean()) ** 2)) / n
    chance = (_BINS - 1) / n * (total - between)
    return min(max((between - chance) / total, 0.0), 1.0)


# Effect on an outcome ----------------------------------------------------------------------


def difference_in_differences(
    frame: pd.DataFrame,
    *,
    control: str = "control",
    cluster: str = "cluster",
    metric: str = "effect",
    unit: str = "points",
    seed: int = 1,
) -> Result:
    """Compare how far the treated have come with how far the others have.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person or unit: ``before, after``, ``arm`` (blank or one arm only where nothing
        was compared); optional ``cluster`` (what was assigned or is alike), ``person_key``,
        ``is_randomised``, ``n`` (persons of a row that is a unit). Rows without both values are
        left out and counted.
    control : str
        Name of the control arm.
    cluster : str
        Column; each row is its own where it is absent.
    metric, unit : str
    seed : int
        Of the re-assignments, where there are too many to go through all.

    Returns
    -------
    Result
        Family CONTRAST; one row an arm (``before, after, change, n_clusters, n``) and, where two
        arms were compared, a row ``difference`` with ``change, se, low, high, p`` (t test with
        errors that allow for few clusters) and ``p_reassigned`` (share of assignments of the
        clusters that give as much; for 500 clusters at most). Estimate: the difference, graded
        randomised or quasi-experimental; without controls the plain change, descriptive.
        ``parameters["p_smallest"]``: what re-assignment can reach at best. Private: ``freedom``
        (degrees of the t test).

    References
    ----------
    Bell RM, McCaffrey DF (2002). Survey Methodology 28:169-181. Imbens GW, Kolesar M (2016).
    Review of Economics and Statistics 98:701-712.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"arm": ["treated"] * 6 + ["control"] * 6, "before": [1.0] * 12,
    ...                       "after": [3, 4, 3, 4, 3, 4.0] + [1, 2, 1, 2, 1, 2]})
    >>> round(difference_in_differences(frame).estimate("effect").value, 6)
    2.0
    """
    name = "difference_in_differences"
    kept, arms = _compared(frame, control, ["before", "after"], name)
    if isinstance(kept, str):
        return not_enough(name, Family.CONTRAST, kept)
    change = numbers(kept, "after", name) - numbers(kept, "before", name)
    codes = _clusters(kept, cluster)
    rows = [_arm_row(label, kept, change, codes, here) for label, here in arms.items()]
    n = _people(kept)
    if len(arms) == 1:
        return _plain_change(name, frame, kept, change, codes, rows, metric, unit, n)
    treated = next(iter(arms.values()))
    found = _ols.fit(np.column_stack([np.ones(len(kept)), treated]), change, codes)
    fewest = min(len(np.unique(codes[here])) for here in arms.values())
    if found is None or fewest < FEWEST_CLUSTERS or not found.se[1] > 0:
        reason = (
            "the change is the same for everyone"
            if fewest >= FEWEST_CLUSTERS
            else "one of the arms is a single team, whose own ups and downs cannot be told from an "
            "effect"
        )
        return not_enough(name, Family.CONTRAST, reason)
    beta, se, low, high, p = _read(found, 1)
    reassigned, smallest = _reassigned(change, treated, codes, seed)
    rows.append(
        ("difference", math.nan, math.nan, beta, se, low, high, p, reassigned,
         int(codes.max()) + 1, n, float(found.freedom[1]))
    )  # fmt: skip
    grade = Grade.RANDOMISED if is_randomised(kept) else Grade.QUASI_EXPERIMENTAL
    return _contrast(
        name, rows, Estimate(metric, beta, low, high, n, unit, grade),
        "Difference in differences; errors CR2 with Satterthwaite's degrees of freedom.",
        {
            "p_smallest": None if math.isnan(smallest) else smallest,
            "is_randomised": grade is Grade.RANDOMISED,
        },
        _left(frame, kept),
    )  # fmt: skip


_EFFECT_COLUMNS = ["arm", "before", "after", "change", "se", "low", "high", "p", "p_reassigned",
                   "n_clusters", "n", "freedom"]  # fmt: skip


def _left(frame: pd.DataFrame, kept: pd.DataFrame) -> tuple[Step, ...]:
    """How many there are, and how many of them have what is compared."""
    return (
        Step("followed", _people(frame), len(frame)),
        Step("on a side, all values known", _people(kept), len(kept)),
    )


def _contrast(
    name: str, rows: list[Any], estimate: Estimate, method: str, parameters: dict[str, Any],
    attrition: tuple[Step, ...],
) -> Result:  # fmt: skip
    return Result(
        name, Family.CONTRAST, pd.DataFrame(rows, columns=_EFFECT_COLUMNS),
        {
            "arm": Role.KEY, "before": Role.VALUE, "after": Role.VALUE, "change": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "p": Role.VALUE, "p_reassigned": Role.VALUE,
            "n_clusters": Role.VALUE, "n": Role.N,
        },
        (estimate,), method, parameters, attrition,
    )  # fmt: skip


def _compared(
    frame: pd.DataFrame, control: str, columns: list[str], name: str
) -> tuple[pd.DataFrame | str, dict[str, NDArray[np.bool_]]]:
    """Rows with all values and the rows of each arm, the treated first; or why there are none."""
    if frame.empty:
        return why_empty(frame, "nobody was followed"), {}
    require(frame, columns, name)
    kept = frame[frame[columns].notna().all(axis=1)].reset_index(drop=True)
    if "arm" in kept.columns:
        # Whoever is on no side is left out where there are sides.
        sided = kept["arm"].notna() & (kept["arm"].astype(str) != "")
        kept = kept[sided].reset_index(drop=True) if sided.any() else kept
    if len(kept) < 3:
        return f"{len(kept)} rows have all their values, too few to compare", {}
    if "arm" not in kept.columns:
        return kept, {"": np.ones(len(kept), dtype=bool)}
    arm = kept["arm"].astype(object).where(kept["arm"].notna(), "").astype(str).to_numpy()
    names = sorted(set(arm), key=lambda a: (a == control, a))
    if len(names) > 2:
        raise DataError(
            message("more than two arms", where=name, got=len(names), allowed="two",
                    do="compare one arm with the control at a time")
        )  # fmt: skip
    if len(names) == 2 and names[-1] != control:
        raise DataError(
            message("no arm is the control", where=f"{name}: control", got=control,
                    allowed=", ".join(names))
        )  # fmt: skip
    return kept, {label: arm == label for label in names}


def _clusters(kept: pd.DataFrame, cluster: str) -> NDArray[np.intp]:
    if cluster not in kept.columns:
        return np.arange(len(kept))
    codes = pd.factorize(kept[cluster], use_na_sentinel=False, sort=False)[0]
    return codes.astype(np.intp)


def _people(frame: pd.DataFrame) -> int:
    if "n" in frame.columns and "person_key" not in frame.columns:
        return int(frame["n"].sum())
    return persons(frame)


def _arm_row(
    label: str, kept: pd.DataFrame, change: Floats, codes: NDArray[np.intp], here: Any
) -> tuple[Any, ...]:
    before, after = (float(kept.loc[here, c].astype(float).mean()) for c in ("before", "after"))
    nothing = (math.nan,) * 5
    return (label or "all", before, after, float(change[here].mean()), *nothing,
            len(np.unique(codes[here])), _people(kept[here]), math.nan)  # fmt: skip


def _plain_change(
    name: str, frame: pd.DataFrame, kept: pd.DataFrame, change: Floats,
    codes: NDArray[np.intp], rows: list[Any], metric: str, unit: str, n: int,
) -> Result:  # fmt: skip
    found = _ols.fit(np.ones((len(kept), 1)), change, codes)
    if found is None or codes.max() < 1 or not found.se[0] > 0:
        return not_enough(name, Family.CONTRAST, "the change is the same for everyone")
    beta, se, low, high, p = _read(found, 0)
    label, before, after = rows[0][:3]
    row = (label, before, after, beta, se, low, high, p, math.nan, int(codes.max()) + 1, n,
           float(found.freedom[0]))  # fmt: skip
    return _contrast(
        name, [row], Estimate(metric, beta, low, high, n, unit, Grade.DESCRIPTIVE),
        "Change from before to after, without anyone to compare with.",
        {"p_smallest": None, "is_randomised": False}, _left(frame, kept),
    )  # fmt: skip


def _read(found: _ols.Fit, term: int) -> tuple[float, float, float, float, float]:
    """Estimate, error, 95 % interval and p of a coefficient, by the t distribution."""
    from scipy.special import stdtr, stdtrit

    beta, se, freedom = (float(v[term]) for v in (found.beta, found.se, found.freedom))
    half = float(stdtrit(freedom, 0.975)) * se
    return beta, se, beta - half, beta + half, 2 * float(stdtr(freedom, -abs(beta / se)))


def _reassigned(
    change: Floats, treated: NDArray[np.bool_], codes: NDArray[np.intp], seed: int
) -> tuple[float, float]:
    """Share of assignments of whole clusters that give as large a difference; and the least."""
    n_clusters = int(codes.max()) + 1
    if n_clusters > _MOST_CLUSTERS:
        return math.nan, math.nan
    size, total = np.bincount(codes).astype(float), np.bincount(codes, change)
    own = np.bincount(codes, treated) > 0
    if np.any(own != (np.bincount(codes, ~treated) == 0)):
        return math.nan, math.nan  # a cluster on both sides was not assigned as a whole
    k = int(own.sum())
    orders = math.comb(n_clusters, k)
    if orders <= _MOST_ORDERS:
        plans = np.zeros((orders, n_clusters))
        for i, chosen in enumerate(itertools.combinations(range(n_clusters), k)):
            plans[i, list(chosen)] = 1.0
    else:
        rng = np.random.default_rng(seed)
        first = np.tile(own.astype(float), (2_000, 1))
        plans = np.vstack([own.astype(float), rng.permuted(first, axis=1)])
    up, n_up = plans @ total, plans @ size
    differences = np.abs(up / n_up - (total.sum() - up) / (size.sum() - n_up))
    mine = abs(change[treated].mean() - change[~treated].mean())
    smallest = (2 if 2 * k == n_clusters else 1) / orders if orders <= _MOST_ORDERS else 1 / 2_001
    return float(np.mean(differences >= mine * (1 - 1e-9))), smallest


def adjusted(
    frame: pd.DataFrame,
    *,
    covariates: Sequence[str] = ("before",),
    outcome: str = "after",
    control: str = "control",
    cluster: str = "cluster",
    metric: str = "effect",
    unit: str = "points",
) -> Result:
    """Compare the arms at equal values of what is known about them.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``arm``, the outcome, covariates (numbers; text becomes one term a level); optional
        ``cluster, person_key, is_randomised, n``. Rows with a missing value are left out and
        counted.
    covariates : sequence of str
    outcome, control, cluster, metric, unit : str

    Returns
    -------
    Result
        Family MODEL; one row a term, the effect first (``treated``): ``term, coefficient, se,
        low, high, p, n``. Errors are CR2 with Satterthwaite's degrees of freedom. Estimate: the
        effect, graded randomised or adjusted. ``parameters["outcome_sd"]``. Private: ``freedom``
        of the t test; ``plain_se, residual_freedom`` of ordinary least squares.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"arm": ["treated", "control"] * 100, "before": rng.normal(size=200)})
    >>> frame["after"] = frame["before"] + (frame["arm"] == "treated") + rng.normal(size=200) / 10
    >>> round(adjusted(frame).estimate("effect").value, 1)
    1.0
    """
    name = "adjusted"
    kept, arms = _compared(frame, control, [outcome, *covariates], name)
    if isinstance(kept, str):
        return not_enough(name, Family.MODEL, kept)
    if len(arms) < 2:
        return not_enough(name, Family.MODEL, "there is nobody to compare with")
    terms = _terms(kept, covariates, name)
    treated = next(iter(arms.values()))
    codes = _clusters(kept, cluster)
    fewest = min(len(np.unique(codes[here])) for here in arms.values())
    x = np.column_stack([np.ones(len(kept)), treated, *[terms[c] for c in terms.columns]])
    y = numbers(kept, outcome, name)
    found = _ols.fit(x, y, codes)
    if found is None:
        return not_enough(
            name, Family.MODEL, "what is known about people tells who was treated, or there are "
            "too few of them"
        )  # fmt: skip
    if fewest < FEWEST_CLUSTERS or not found.se[1] > 0 or not found.is_identified:
        return not_enough(
            name, Family.MODEL, "one of the arms, or a group that is adjusted for, is a single "
            "team, or the outcome is the same for everyone"
        )  # fmt: skip
    n = _people(kept)
    rows = [
        (term, *_read(found, i), n, float(found.freedom[i]), float(found.plain_se[i]),
         found.residual_freedom)
        for i, term in enumerate(["treated", *terms.columns], start=1)
    ]  # fmt: skip
    grade = Grade.RANDOMISED if is_randomised(kept) else Grade.ADJUSTED
    _, beta, _, low, high, *_ = rows[0]
    return Result(
        name, Family.MODEL,
        pd.DataFrame(
            rows, columns=["term", "coefficient", "se", "low", "high", "p", "n", "freedom",
                           "plain_se", "residual_freedom"],
        ),
        {
            "term": Role.KEY, "coefficient": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "p": Role.VALUE, "n": Role.N,
        },
        (Estimate(metric, beta, low, high, n, unit, grade),),
        "Least squares on the arm and what is known; errors CR2 with Satterthwaite's degrees of "
        "freedom.",
        {
            "outcome_sd": float(np.std(y, ddof=1)), "is_randomised": grade is Grade.RANDOMISED,
        },
        _left(frame, kept),
    )  # fmt: skip


def _terms(kept: pd.DataFrame, covariates: Sequence[str], name: str) -> pd.DataFrame:
    parts: dict[str, Floats] = {}
    for covariate in covariates:
        column = kept[covariate]
        if pd.api.types.is_numeric_dtype(column):
            parts[covariate] = numbers(kept, covariate, name)
            continue
        texts = column.astype(str)
        # The commonest level is the one that others are compared with.
        levels = texts.value_counts().sort_index(kind="stable")
        reference = levels.idxmax()
        for level in levels.index:
            if level != reference:
                parts[f"{covariate}: {level}"] = (texts == level).to_numpy(dtype=float)
    varies = {label: v for label, v in parts.items() if np.ptp(v) > 0}
    return pd.DataFrame(varies, index=kept.index)


# Sensitivity to what is not known ----------------------------------------------------------


def e_value(
    estimate: float,
    low: float = math.nan,
    high: float = math.nan,
    *,
    scale: str = "risk_ratio",
    sd: float = math.nan,
    n: int = 0,
) -> Result:
    """Tell how strong an unmeasured cause would have to be to explain an effect away.

    Parameters
    ----------
    estimate, low, high : float
        The effect and its 95 % interval.
    scale : {"risk_ratio", "odds_ratio", "hazard_ratio", "difference"}
        Odds and hazard ratios are taken as of a common outcome (above 15 %) and brought to risk
        ratios; a difference of means or shares is first divided by ``sd``.
    sd : float
        Standard deviation of the outcome, for a difference.
    n : int
        Persons behind the estimate.

    Returns
    -------
    Result
        Family CHECKS; rows ``estimate`` and ``limit`` (of the interval, the one nearer to no
        effect): ``what, risk_ratio, e_value``. Estimates ``e_value`` with the same labels. An
        E-value of 1: it takes nothing. Of 3: a cause three times as common among the treated and
        three times as common with the outcome, beyond all that was adjusted for.

    References
    ----------
    VanderWeele TJ, Ding P (2017). Annals of Internal Medicine 167:268-274.

    Examples
    --------
    >>> e_value(3.9, 1.8, 8.7).frame["e_value"].round(2).tolist()
    [7.26, 3.0]
    """
    name = "e_value"
    among(scale, f"{name}: scale", ("risk_ratio", "odds_ratio", "hazard_ratio", "difference"))
    if math.isnan(estimate):
        return not_enough(name, Family.CHECKS, "there is no estimate")
    if scale == "difference":
        between(sd, f"{name}: sd", 0, math.inf)
    elif not min(v for v in (estimate, low, high) if not math.isnan(v)) > 0:
        raise ParameterError(
            message("a ratio is above 0", where=name, got=[estimate, low, high],
                    do='set scale="difference" for a difference')
        )  # fmt: skip
    point, ends = _risk_ratios(estimate, low, high, scale, sd)
    rows = [("estimate", point, _e(point))]
    if not any(math.isnan(e) for e in ends):
        near = ends[0] if point >= 1 else ends[1]
        crosses = (near < 1) if point >= 1 else (near > 1)
        rows.append(("limit", near, 1.0 if crosses else _e(near)))
    out = pd.DataFrame(rows, columns=["what", "risk_ratio", "e_value"])
    return Result(
        name, Family.CHECKS, out,
        {"what": Role.KEY, "risk_ratio": Role.VALUE, "e_value": Role.VALUE},
        tuple(
            Estimate("e_value", e, math.nan, math.nan, n, "ratio", label=what)
            for what, _, e in rows
        ),
        "E-value of VanderWeele and Ding.", {"scale": scale},
    )  # fmt: skip


def _risk_ratios(
    estimate: float, low: float, high: float, scale: str, sd: float
) -> tuple[float, tuple[float, float]]:
    if scale == "difference":
        # The interval: 1.78 standard errors on this scale (Chinn 2000; VanderWeele & Ding).
        d, se = estimate / sd, (high - low) / (2 * 1.959963984540054) / sd
        middle = 0.91 * d
        return math.exp(middle), (math.exp(middle - 1.78 * se), math.exp(middle + 1.78 * se))
    if scale == "odds_ratio":
        return math.sqrt(estimate), (_root(low), _root(high))
    if scale == "hazard_ratio":
        return _of_hazards(estimate), (_of_hazards(low), _of_hazards(high))
    return estimate, (low, high)


def _root(x: float) -> float:
    return x if math.isnan(x) else math.sqrt(x)


def _of_hazards(hr: float) -> float:
    if math.isnan(hr):
        return hr
    return float((1 - 0.5 ** math.sqrt(hr)) / (1 - 0.5 ** math.sqrt(1 / hr)))


def _e(rr: float) -> float:
    above = max(rr, 1 / rr)
    return above + math.sqrt(above * (above - 1))


def robustness_value(
    estimate: float, se: float, freedom: float, *, q: float = 1.0, alpha: float = 0.05
) -> tuple[float, float, float]:
    """Return the partial R2 of a treatment and how strong a confounder it withstands.

    Parameters
    ----------
    estimate, se : float
        Of ordinary least squares.
    freedom : float
        Its residual degrees of freedom.
    q : float
        Share of the estimate that is to be explained away.
    alpha : float
        Level at which it is to lose its significance.

    Returns
    -------
    partial_r2, rv, rv_alpha : float
        Robustness values: the share of what is left of treatment and outcome that a confounder
        would have to explain of both, to bring the estimate down, and its interval to 0.

    References
    ----------
    Cinelli C, Hazlett C (2020). JRSS B 82:39-67.

    Examples
    --------
    >>> tuple(round(v, 3) for v in robustness_value(0.09731582, 0.02325654, 783))
    (0.022, 0.139, 0.076)
    """
    from scipy.special import stdtrit

    between(se, "robustness_value: se", 0, math.inf)
    between(freedom, "robustness_value: freedom", 1, math.inf)
    between(q, "robustness_value: q", 0, math.inf)
    between(alpha, "robustness_value: alpha", 0, 1)
    t = estimate / se
    f = q * abs(t) / math.sqrt(freedom)
    critical = float(stdtrit(freedom - 1, 1 - alpha / 2)) / math.sqrt(freedom - 1)
    rest = f - critical
    if rest <= 0:
        with_error = 0.0
    elif f > 1 / critical:
        with_error = (f**2 - critical**2) / (1 + f**2)
    else:
        with_error = _rv(rest)
    return t**2 / (t**2 + freedom), _rv(f), with_error


def _rv(f: float) -> float:
    return 0.5 * (math.sqrt(f**4 + 4 * f**2) - f**2)


def bounded(
    estimate: float, se: float, freedom: float, r2_treatment: float, r2_outcome: float
) -> tuple[float, float]:
    """Return estimate and error had a confounder of a given strength been adjusted for.

    Parameters
    ----------
    estimate, se, freedom : float
        Of ordinary least squares.
    r2_treatment : float
        Share of what is left of the treatment that the confounder explains.
    r2_outcome : float
        Share of what is left of the outcome.

    Returns
    -------
    tuple of float
        The estimate, nearer to nought or beyond it, and its standard error.

    Examples
    --------
    >>> tuple(round(v, 4) for v in bounded(0.09731582, 0.02325654, 783, 0.009164, 0.124641))
    (0.0752, 0.0219)
    """
    between(r2_treatment, "bounded: r2_treatment", -1e-12, 1)
    between(r2_outcome, "bounded: r2_outcome", -1e-12, 1 + 1e-12)
    bias = se * math.sqrt(freedom) * math.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))
    spread = se * math.sqrt((1 - r2_outcome) / (1 - r2_treatment) * freedom / (freedom - 1))
    return estimate - math.copysign(bias, estimate), spread


def robustness(
    frame: pd.DataFrame,
    *,
    covariates: Sequence[str] = ("before",),
    outcome: str = "after",
    control: str = "control",
    cluster: str = "cluster",
    times: Sequence[float] = (1.0, 2.0, 3.0),
) -> Result:
    """Ask how an adjusted effect would stand up to a cause that nobody measured.

    Parameters
    ----------
    frame, covariates, outcome, control, cluster
        As in :func:`adjusted`.
    times : sequence of float
        How many times as strong as a covariate the unmeasured cause is taken to be.

    Returns
    -------
    Result
        Family MODEL; one row a covariate and strength: ``benchmark, times, r2_treatment,
        r2_outcome, estimate, low, high, n``: the effect had such a cause been adjusted for
        (missing where none can be so strong). Estimates ``robustness_value``, labelled ``effect``
        and ``interval``; ``parameters["partial_r2"]``.

    Notes
    -----
    Rows are taken as independent, as in the method; where teams were assigned, intervals are
    too narrow and the values for the interval too kind.

    References
    ----------
    Cinelli C, Hazlett C (2020). JRSS B 82:39-67.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"arm": ["treated", "control"] * 100})
    >>> frame["before"] = rng.normal(size=200) + 0.3 * (frame["arm"] == "treated")
    >>> frame["after"] = frame["before"] + (frame["arm"] == "treated") + rng.normal(size=200)
    >>> found = robustness(frame)
    >>> found.frame[["benchmark", "times", "estimate"]].round(2).values.tolist()
    [['before', 1.0, 0.47], ['before', 2.0, 0.35], ['before', 3.0, 0.24]]
    >>> round(found.estimate("robustness_value").value, 2)
    0.35
    """
    from scipy.special import stdtrit

    name = "robustness"
    kept, arms = _compared(frame, control, [outcome, *covariates], name)
    if isinstance(kept, str):
        return not_enough(name, Family.MODEL, kept)
    found = adjusted(
        frame, covariates=covariates, outcome=outcome, control=control, cluster=cluster
    )
    if found.is_empty:
        return not_enough(name, Family.MODEL, found.missing)
    terms = _terms(kept, covariates, name)
    treated = next(iter(arms.values())).astype(float)
    estimate, n = found.estimates[0].value, found.estimates[0].n
    se, freedom = (float(found.frame[c].iloc[0]) for c in ("plain_se", "residual_freedom"))
    partial, rv, rv_interval = robustness_value(estimate, se, freedom)
    rows = []
    for label, own in _benchmarks(covariates, terms).items():
        with_treatment = _partial(treated, terms, own, None)
        with_outcome = _partial(numbers(kept, outcome, name), terms, own, treated)
        for k in times:
            strength = _strength(with_treatment, with_outcome, k)
            if strength is None:
                rows.append((label, k, *(math.nan,) * 5, n))
                continue
            moved, error = bounded(estimate, se, freedom, *strength)
            half = float(stdtrit(freedom - 1, 0.975)) * error
            rows.append((label, k, *strength, moved, moved - half, moved + half, n))
    columns = ["benchmark", "times", "r2_treatment", "r2_outcome", "estimate", "low", "high", "n"]
    return Result(
        name, Family.MODEL, pd.DataFrame(rows, columns=columns),
        {
            "benchmark": Role.KEY, "times": Role.KEY, "r2_treatment": Role.VALUE,
            "r2_outcome": Role.VALUE, "estimate": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        (
            Estimate("robustness_value", rv, math.nan, math.nan, n, "probability", label="effect"),
            Estimate("robustness_value", rv_interval, math.nan, math.nan, n, "probability",
                     label="interval"),
        ),
        "Omitted-variable bounds of Cinelli and Hazlett.", {"partial_r2": partial},
    )  # fmt: skip


def _benchmarks(covariates: Sequence[str], terms: pd.DataFrame) -> dict[str, list[str]]:
    """Columns of each covariate; a text covariate has several."""
    found = {c: [t for t in terms.columns if t == c or t.startswith(f"{c}: ")] for c in covariates}
    return {c: own for c, own in found.items() if own}


def _partial(y: Floats, terms: pd.DataFrame, own: Sequence[str], treated: Floats | None) -> float:
    """Share of what the other terms leave of y that some terms explain."""
    others = [np.ones(len(y)), *[terms[c].to_numpy() for c in terms.columns if c not in own]]
    if treated is not None:
        others.append(treated)
    small = np.column_stack(others)
    large = np.column_stack([small, terms[list(own)].to_numpy()])

    def left(x: Floats) -> float:
        return float(np.sum((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2))

    without = left(small)
    # Rounding may leave a hair less than nothing.
    return max(1 - left(large) / without, 0.0) if without > 0 else 0.0


def _strength(with_treatment: float, with_outcome: float, k: float) -> tuple[float, float] | None:
    """Partial R2 of a cause k times as strong as a covariate; none where that cannot be."""
    treatment = k * with_treatment / (1 - with_treatment)
    bottom = (1 - k * with_treatment) * (1 - with_treatment)
    if treatment >= 1 or bottom <= 0:
        return None
    shared = k * with_treatment**2 / bottom
    if shared >= 1:
        return None
    factor = (math.sqrt(k) + math.sqrt(shared)) / math.sqrt(1 - shared)
    return treatment, min(factor**2 * with_outcome / (1 - with_outcome), 1.0)


# The ladder --------------------------------------------------------------------------------


def reaction(frame: pd.DataFrame, *, unit: str = "score") -> Result:
    """Average what people answered, with an interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an item: ``item, mean, sd, n``; optional ``instrument``.
    unit : str

    Returns
    -------
    Result
        Family MEANS; ``instrument, item, mean, low, high, n``. Estimates ``reaction_mean`` by
        item; descriptive: whoever did not answer may think otherwise.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": ["useful"], "mean": [4.0], "sd": [1.0], "n": [100]})
    >>> reaction(frame).frame[["low", "high"]].round(2).values.tolist()
    [[3.8, 4.2]]
    """
    from scipy.special import stdtrit

    name = "reaction"
    if frame.empty:
        return not_enough(name, Family.MEANS, why_empty(frame, "nobody was asked"))
    require(frame, ["item", "mean", "sd", "n"], name)
    kept = frame[(frame["n"] > 1) & frame["sd"].notna()].reset_index(drop=True)
    if kept.empty:
        return not_enough(name, Family.MEANS, "no item has two answers")
    n = numbers(kept, "n", name, low=0)
    half = stdtrit(n - 1, 0.975) * numbers(kept, "sd", name, low=0) / np.sqrt(n)
    mean = numbers(kept, "mean", name)
    out = pd.DataFrame(
        {
            "instrument": kept["instrument"].astype(str) if "instrument" in kept else "",
            "item": kept["item"].astype(str), "mean": mean, "low": mean - half,
            "high": mean + half, "n": n.astype(int),
        }
    )  # fmt: skip
    return Result(
        name, Family.MEANS, out,
        {
            "instrument": Role.KEY, "item": Role.KEY, "mean": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        tuple(
            Estimate("reaction_mean", float(r["mean"]), float(r["low"]), float(r["high"]),
                     int(r["n"]), unit, Grade.DESCRIPTIVE, str(r["item"]))
            for r in out.to_dict("records")
        ),
        "Mean of the answers, t interval.",
    )  # fmt: skip


def ladder(rungs: Mapping[int, Result]) -> Result:
    """Put the evidence of each rung in one table, with the grade that its design earned.

    Parameters
    ----------
    rungs : mapping of int to Result
        Of 1 (reaction), 2 (learning), 3 (behaviour), 4 (result), 5 (return): the first estimate
        is read, or why there is none. Rungs that are absent were not measured.

    Returns
    -------
    Result
        Family MODEL; one row a rung: ``rung, name, metric, value, low, high, unit, grade, state,
        missing, n``. ``state``: ``up`` or ``down`` where the interval leaves out nought,
        ``open`` where it does not, ``described`` for a rung without a comparison, ``unknown``.
        ``parameters["highest_shown"]``: the highest rung with a comparison that leaves out
        nought, 0 if none.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": ["useful"], "mean": [4.0], "sd": [1.0], "n": [100]})
    >>> ladder({1: reaction(frame)}).frame["state"].tolist()
    ['described', 'unknown', 'unknown', 'unknown', 'unknown']
    """
    name = "ladder"
    wrong = sorted(set(rungs) - set(RUNGS))
    if wrong:
        raise ParameterError(
            message("no such rung", where=name, got=wrong[0], allowed=", ".join(map(str, RUNGS)))
        )
    rows = []
    estimates = []
    for rung, label in RUNGS.items():
        result = rungs.get(rung)
        found = result.estimates[0] if result is not None and result.estimates else None
        if found is None or not found.is_known:
            why = "not measured" if result is None else result.missing or "not known"
            rows.append((rung, label, "", *(math.nan,) * 3, "", "", "unknown", why, 0))
            continue
        state = _state(found, rung)
        estimates.append(found)
        rows.append(
            (rung, label, found.metric, found.value, found.low, found.high, found.unit,
             found.grade.value, state, "", found.n)
        )  # fmt: skip
    columns = ["rung", "name", "metric", "value", "low", "high", "unit", "grade", "state",
               "missing", "n"]  # fmt: skip
    out = pd.DataFrame(rows, columns=columns)
    if not estimates:
        return not_enough(name, Family.MODEL, "nothing was measured on any rung")
    shown = out["state"].isin(["up", "down"]) & (out["grade"] != Grade.DESCRIPTIVE.value)
    return Result(
        name, Family.MODEL, out,
        {
            "rung": Role.KEY, "name": Role.KEY, "metric": Role.KEY, "value": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "unit": Role.KEY, "grade": Role.KEY,
            "state": Role.KEY, "missing": Role.KEY, "n": Role.N,
        },
        tuple(estimates),
        "Kirkpatrick's rungs and Phillips's, each with the grade of its design.",
        {"highest_shown": int(out.loc[shown, "rung"].max()) if shown.any() else 0},
        parts=Partition(()),  # the same people stand on several rungs; units are of measurement
    )  # fmt: skip


def _state(found: Estimate, rung: int) -> str:
    # What people say has no nought to be held against.
    if rung == 1 or math.isnan(found.low) or math.isnan(found.high):
        return "described"
    if found.low > 0:
        return "up"
    return "down" if found.high < 0 else "open"
