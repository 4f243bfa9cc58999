"""An initiative while it runs: looks at any time that may not mislead, and what to do then.

Whoever looks often sees an effect sooner or later, though there is none. A confidence sequence
holds at all looks at once; group-sequential boundaries hold at the looks that were planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldresearch.errors import DataError, ParameterError, message
from ldresearch.models import _sequence
from ldresearch.models._asked import among, between, is_randomised, why_empty
from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Result, Scalar, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Reason, Role, Verdict

MIN_ARM: Final = 50
"""Fewest values in each arm from which a sequence is told: it rests on a limit theorem."""
MIN_CLUSTERS: Final = 10
"""Fewest clusters in each arm for errors that allow for likeness within clusters."""
SRM_ALPHA: Final = 0.001
"""Below this p the arms do not hold the shares they were drawn with."""

_Z95 = 1.959963984540054


# What a frame says --------------------------------------------------------------------------


def _grade(frame: pd.DataFrame, is_adjusted: bool) -> Grade:
    if is_randomised(frame):
        return Grade.RANDOMISED
    return Grade.ADJUSTED if is_adjusted else Grade.DESCRIPTIVE


def _looks(frame: pd.DataFrame, caller: str) -> tuple[NDArray[np.intp], pd.Index]:
    """Return the look of each row as an index into the sorted looks."""
    if frame["look"].isna().any():
        raise DataError(
            message("some rows have no look", where=caller, do="say when each value became known")
        )
    codes, looks = pd.factorize(frame["look"], sort=True)
    return codes.astype(np.intp), pd.Index(looks)


# Confidence sequences ----------------------------------------------------------------------


def confidence_sequence(
    frame: pd.DataFrame,
    *,
    control: str = "",
    covariates: Sequence[str] = (),
    cluster: str = "",
    alpha: float = 0.05,
    tightest_at: int = 0,
    min_arm: int = MIN_ARM,
    metric: str = "primary_difference",
    unit: str = "points",
    name: str = "confidence_sequence",
) -> Result:
    """Estimate a mean, or the difference of two arms, at every look with an always-valid interval.

    The intervals of all looks together hold the truth with chance ``1 - alpha``, however often and
    for whatever reason one looks (asymptotically: they rest on a limit theorem, so none is told
    before ``min_arm`` values are in each arm).

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a value, each of which enters once, at the look it became known: ``look`` (a date,
        a week, a number: anything that sorts), ``value``; ``arm`` for a difference of two arms;
        optional ``person_key``, ``is_randomised`` (bool), covariates.
    control : str
        The arm the other is compared with. Without it, and without a column ``arm``, the mean of
        all values is estimated.
    covariates : sequence of str
        Columns measured before the start (CUPED, regression adjustment with one slope for both
        arms); missing ones are filled with the mean of those known.
    cluster : str
        Column of the unit of roll-out where teams, not persons, were assigned.
    alpha : float
        Chance of ever missing the truth.
    tightest_at : int
        Number of values at which the sequence is narrowest; the planned end by default unknown,
        so twice of what is there at the first look that is told.
    min_arm : int
    metric, unit, name : str
        Registry id and unit of the estimates: ``points`` for shares.

    Returns
    -------
    Result
        Family CONTRAST; one row a look: ``look, difference, se, low, high`` (the sequence),
        ``fixed_low, fixed_high`` (an interval for a single look, to see what peeking does),
        ``mean_treated, mean_control, n_treated, n_control, n``. Looks before ``min_arm`` are left
        out. Two estimates of the last look: the difference (label ``""``), and the treated arm's
        and the control's mean are in the frame. ``parameters``: ``tau`` (mixing spread),
        ``alpha, narrowing`` (share of the width that the covariates saved), ``treated, control``.

    Raises
    ------
    DataError
        If a column is missing or holds no numbers, or there are not two arms.
    ParameterError
        If alpha is out of range.

    References
    ----------
    Waudby-Smith I, Arbour D, Sinha R, Kennedy EH, Ramdas A (2024). Annals of Statistics
    52:2613-2640. Deng A, Xu Y, Kohavi R, Walker T (2013). WSDM '13:123-132.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"look": np.arange(2000) // 100, "arm": ["new", "usual"] * 1000})
    >>> frame["value"] = (rng.random(2000) < np.where(frame["arm"] == "new", 0.4, 0.2)) * 1.0
    >>> found = confidence_sequence(frame, control="usual")
    >>> bool(found.estimate("primary_difference").low > 0)
    True
    """
    between(alpha, f"{name}: alpha", 0, 1)
    if frame.empty:
        return not_enough(name, Family.CONTRAST, why_empty(frame, "no value is known yet"))
    is_difference = bool(control)
    require(frame, ["look", "value", *(["arm"] if is_difference else []), *covariates], name)
    if cluster:
        require(frame, [cluster], name)
    look, looks = _looks(frame, name)
    middle = _middle(frame, covariates, name)
    columns = _columns(frame, covariates, middle, name)
    arms = _arms(frame, control, name) if is_difference else {"": np.ones(len(frame), dtype=bool)}
    if is_difference and len(arms) < 2:
        return not_enough(name, Family.CONTRAST, "one of the two arms has no values yet")
    parts = {
        label: _sequence.moments(columns[here], look[here], len(looks))
        for label, here in arms.items()
    }
    each = list(parts.values())
    found = _sequence.difference(*each) if is_difference else _sequence.mean(each[0])
    plain = _sequence.difference(*[_outcome_only(m) for m in each]) if is_difference else found
    se, told = found.se, np.all([m.n >= min_arm for m in each], axis=0)
    if cluster:
        codes = pd.factorize(frame[cluster], use_na_sentinel=False)[0]
        slope = found.slope if is_difference else np.zeros((len(looks), columns.shape[1] - 1))
        robust = [
            _sequence.clustered(columns[here], look[here], codes[here], m, slope)
            for here, m in zip(arms.values(), each, strict=True)
        ]
        se = np.sqrt(sum(v for v, _ in robust))
        told &= np.all([n >= MIN_CLUSTERS for _, n in robust], axis=0)
    told &= se > 0
    if not told.any():
        return not_enough(name, Family.CONTRAST, _too_early(each, se, cluster, min_arm))
    tau = _tau(se, np.sum([m.n for m in each], axis=0), told, alpha, tightest_at)
    half = _sequence.half_width(se, tau, alpha)
    first = float(middle[0])
    offset = 0.0 if is_difference else first
    estimate = found.estimate + offset
    rows = np.flatnonzero(told)
    out = pd.DataFrame(
        {
            "look": looks[rows],
            "difference" if is_difference else "mean": estimate[rows],
            "se": se[rows],
            "low": (estimate - half)[rows],
            "high": (estimate + half)[rows],
            "fixed_low": (estimate - _Z95 * se)[rows],
            "fixed_high": (estimate + _Z95 * se)[rows],
        }
    )
    roles = {
        "look": Role.TIME, out.columns[1]: Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
        "fixed_low": Role.LOW, "fixed_high": Role.HIGH,
    }  # fmt: skip
    if is_difference:
        for label, arm in zip(("treated", "control"), each, strict=True):
            out[f"mean_{label}"] = arm.mean[rows, 0] + first
            out[f"n_{label}"] = arm.n[rows].astype(int)
            roles |= {f"mean_{label}": Role.VALUE, f"n_{label}": Role.COUNT}
    out["n"] = _persons_to(frame, look, len(looks))[rows]
    roles["n"] = Role.N
    last = out.iloc[-1]
    grade = _grade(frame, bool(covariates)) if is_difference else Grade.DESCRIPTIVE
    narrowing = 1 - float(found.se[rows[-1]] / plain.se[rows[-1]]) if covariates else 0.0
    names = list(arms)
    return Result(
        name, Family.CONTRAST, out, roles,
        (
            Estimate(metric, float(last.iloc[1]), float(last["low"]), float(last["high"]),
                     int(last["n"]), unit, grade),
        ),
        "Normal-mixture asymptotic confidence sequence"
        + (", adjusted for what was known before the start" if covariates else "")
        + (f", errors robust to likeness within {cluster}" if cluster else "") + ".",
        {
            "alpha": alpha, "tau": tau, "narrowing": narrowing,
            "treated": names[0], "control": names[1] if is_difference else "",
        },
    )  # fmt: skip


def _arms(frame: pd.DataFrame, control: str, caller: str) -> dict[str, NDArray[np.bool_]]:
    """The treated arm, then the control; an arm without rows is left out."""
    arm = frame["arm"].astype(str).to_numpy()
    others = sorted(set(arm) - {control})
    if len(others) > 1:
        raise DataError(
            message("more than two arms", where=caller, got=len(others) + 1, allowed="two",
                    do="compare one arm with the control at a time")
        )  # fmt: skip
    found = {name: arm == name for name in [*others, control]}
    return {name: here for name, here in found.items() if here.any()}


def _middle(frame: pd.DataFrame, covariates: Sequence[str], caller: str) -> Floats:
    """Means of the outcome and of what is known of each covariate."""
    means = [numbers(frame, "value", caller).mean()]
    for covariate in covariates:
        known = numbers(frame[[covariate]].dropna(), covariate, caller)
        means.append(known.mean() if len(known) else 0.0)
    return np.array(means)


def _columns(frame: pd.DataFrame, covariates: Sequence[str], middle: Floats, caller: str) -> Floats:
    """Outcome and covariates about their means; unknown covariates at the mean."""
    parts = [numbers(frame, "value", caller) - middle[0]]
    for covariate, m in zip(covariates, middle[1:], strict=True):
        parts.append(numbers(frame[[covariate]].fillna(m), covariate, caller) - m)
    return np.column_stack(parts)


def _outcome_only(m: _sequence.Moments) -> _sequence.Moments:
    return _sequence.Moments(m.n, m.mean[..., :1], m.scatter[..., :1, :1])


def _too_early(each: Sequence[_sequence.Moments], se: Floats, cluster: str, min_arm: int) -> str:
    fewest = int(min(m.n[-1] for m in each))
    if fewest < min_arm:
        return f"{fewest:,} values are known in the smaller arm, and {min_arm} are needed"
    if not se[-1] > 0:
        return "all values are the same: there is nothing to compare"
    return f"fewer than {MIN_CLUSTERS} {cluster} in an arm, too few to allow for their likeness"


def _tau(se: Floats, n: Floats, told: Any, alpha: float, tightest_at: int) -> float:
    """Mixing spread, from the first look that is told and never changed after it."""
    first = int(np.flatnonzero(told)[0])
    aim = tightest_at or 2 * int(n[first])
    return float(se[first] * math.sqrt(_sequence.tightest(alpha) * n[first] / aim))


def _persons_to(frame: pd.DataFrame, look: NDArray[np.intp], n_looks: int) -> Any:
    """Distinct persons up to each look."""
    if "person_key" in frame.columns:
        first = pd.Series(look).groupby(frame["person_key"].to_numpy()).min()
        return np.cumsum(np.bincount(first, minlength=n_looks))
    return np.cumsum(np.bincount(look, minlength=n_looks))


# Boundaries --------------------------------------------------------------------------------

_KINDS = ("obrien_fleming", "pocock", "lan_demets_obrien_fleming", "lan_demets_pocock")


def boundaries(
    information: int | Sequence[float],
    *,
    kind: str = "lan_demets_obrien_fleming",
    alpha: float = 0.05,
    sides: int = 2,
    power: float = 0.8,
) -> Result:
    """Give the z values that stop an initiative at planned looks, at a total error of alpha.

    Parameters
    ----------
    information : int or sequence of float
        Number of looks, evenly spaced; or the fraction of the information (persons, events) at
        each, increasing to at most 1.
    kind : {"lan_demets_obrien_fleming", "lan_demets_pocock", "obrien_fleming", "pocock"}
        Spending functions, or the classical boundaries.
    alpha : float
    sides : {1, 2}
    power : float
        At which the price in persons is told.

    Returns
    -------
    Result
        Family CHECKS; one row a look: ``look, information, z, p`` (nominal, of one look with the
        same number of sides), ``alpha_spent`` (up to it), ``chance_of_stop`` (up to it, where the
        effect is as planned). ``parameters``: ``inflation``, how many times the persons of a plan
        with one look. Compare z at a look with estimate over standard error.

    References
    ----------
    Armitage P, McPherson CK, Rowe BC (1969). JRSS A 132:235-244. Lan KKG, DeMets DL (1983).
    Biometrika 70:659-663. Jennison C, Turnbull BW (2000). Group Sequential Methods.

    Examples
    --------
    >>> boundaries(3).frame["z"].round(4).tolist()
    [3.7103, 2.5114, 1.993]
    >>> boundaries(5, kind="pocock").frame["z"].round(3).tolist()
    [2.413, 2.413, 2.413, 2.413, 2.413]
    """
    from scipy.special import ndtr, ndtri

    from ldresearch.models import _boundaries

    among(kind, "boundaries: kind", _KINDS)
    among(sides, "boundaries: sides", (1, 2))
    between(alpha, "boundaries: alpha", 0, 0.5)
    between(power, "boundaries: power", alpha, 1)
    t = _fractions(information)
    if kind.startswith("lan_demets"):
        spent = _spent(kind, t, alpha, sides)
        z = _boundaries.spend(t, spent, sides=sides)
    else:
        # O'Brien and Fleming's falls with the root of information, of the last look.
        shape = np.sqrt(t[-1] / t) if kind == "obrien_fleming" else np.ones(len(t))
        z = _boundaries.constant(t, alpha, shape, sides=sides) * shape
    above, below = _boundaries.crossing(t, z, sides=sides)
    drift = _boundaries.drift_for(t, z, power, sides=sides)
    planned = _boundaries.crossing(t, z, drift, sides=sides)[0]
    once = float(ndtri(1 - alpha / sides) + ndtri(power))
    frame = pd.DataFrame(
        {
            "look": np.arange(1, len(t) + 1), "information": t, "z": z,
            "p": sides * ndtr(-z), "alpha_spent": np.cumsum(above + below),
            "chance_of_stop": np.cumsum(planned),
        }
    )  # fmt: skip
    return Result(
        "boundaries", Family.CHECKS, frame,
        {
            "look": Role.TIME, "information": Role.VALUE, "z": Role.VALUE, "p": Role.VALUE,
            "alpha_spent": Role.VALUE, "chance_of_stop": Role.VALUE,
        },
        method="Group-sequential boundaries by recursive integration (Armitage, McPherson and "
        "Rowe).",
        parameters={
            "kind": kind, "alpha": alpha, "sides": sides, "power": power,
            "inflation": float((drift * math.sqrt(t[-1]) / once) ** 2),
        },
    )  # fmt: skip


def _fractions(information: int | Sequence[float]) -> Floats:
    if isinstance(information, int):
        if not 1 <= information <= 500:
            raise ParameterError(
                message("no such number of looks", where="boundaries: information",
                        got=information, allowed="1 to 500")
            )  # fmt: skip
        return np.arange(1, information + 1) / information
    t = np.asarray(information, dtype=float)
    is_fine = len(t) > 0 and np.all(np.isfinite(t)) and t[0] > 0 and t[-1] <= 1
    if not (is_fine and np.all(np.diff(t) > 0)):
        raise ParameterError(
            message("fractions of information do not increase from above 0 to at most 1",
                    where="boundaries: information", got=[round(float(x), 4) for x in t][:8])
        )  # fmt: skip
    return t


def _spent(kind: str, t: Floats, alpha: float, sides: int) -> Floats:
    """Error spent by each fraction; two sides share it equally, each by its own function."""
    from scipy.special import ndtr, ndtri

    share = alpha / sides
    if kind == "lan_demets_pocock":
        one = share * np.log1p((math.e - 1) * t)
    else:
        one = 2 * ndtr(-ndtri(1 - share / 2) / np.sqrt(t))
    return np.asarray(sides * one, dtype=float)


# Sample ratio ------------------------------------------------------------------------------


def sample_ratio(frame: pd.DataFrame, *, alpha: float = SRM_ALPHA) -> Result:
    """Check whether the arms hold the shares of people they were drawn with.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an arm: ``arm, n`` (what was assigned: people, or teams); optional ``expected``
        (share or any weight; equal without it) and ``n_people`` (in those teams).
    alpha : float
        The p below which the plan is stopped: something decides who is counted.

    Returns
    -------
    Result
        Family CONTRAST; ``arm, share, expected, n`` (people) and, where teams were assigned,
        ``assigned``. Estimate ``sample_ratio_p`` is the p value of
        Pearson's chi-squared test; ``parameters``: ``p`` (to three digits), ``df``,
        ``is_passed``.

    References
    ----------
    Fabijan A et al. (2019). KDD '19:2156-2164. Kohavi R, Tang D, Xu Y (2020). Trustworthy Online
    Controlled Experiments, chapter 21.

    Examples
    --------
    >>> import pandas as pd
    >>> found = sample_ratio(pd.DataFrame({"arm": ["a", "b"], "n": [821_588, 815_482]}))
    >>> f'{found.parameters["p"]:.2g}', found.parameters["is_passed"]
    ('1.8e-06', False)
    """
    from scipy.special import chdtrc

    name = "sample_ratio"
    between(alpha, "sample_ratio: alpha", 0, 1)
    if frame.empty:
        return not_enough(name, Family.CONTRAST, why_empty(frame, "nobody is in any arm yet"))
    require(frame, ["arm", "n"], name)
    n = numbers(frame, "n", name, low=0)
    aim = numbers(frame, "expected", name, low=0) if "expected" in frame else np.ones(len(n))
    if len(n) < 2 or n.sum() == 0:
        return not_enough(name, Family.CONTRAST, "fewer than two arms hold anybody yet")
    if (aim <= 0).any():
        raise DataError(
            message("an arm is expected to hold nobody", where=f"{name}: expected",
                    allowed="above 0", do="leave that arm out")
        )  # fmt: skip
    share = aim / aim.sum()
    if (share * n.sum()).min() < 5:
        return not_enough(
            name, Family.CONTRAST, f"{int(n.sum())} were assigned, too few to tell whether arms "
            "are as they were drawn"
        )  # fmt: skip
    chi2 = float(np.sum((n - share * n.sum()) ** 2 / (share * n.sum())))
    p = float(chdtrc(len(n) - 1, chi2))
    people = numbers(frame, "n_people", name, low=0) if "n_people" in frame else n
    out = pd.DataFrame(
        {
            "arm": frame["arm"].astype(str).to_numpy(), "share": n / n.sum(), "expected": share,
            "n": people.astype(int),
        }
    )  # fmt: skip
    roles = {"arm": Role.KEY, "share": Role.RATE, "expected": Role.VALUE, "n": Role.N}
    if "n_people" in frame:
        out.insert(1, "assigned", n.astype(int))
        roles["assigned"] = Role.VALUE
    return Result(
        name, Family.CONTRAST, out, roles,
        (Estimate("sample_ratio_p", p, math.nan, math.nan, int(people.sum()), "probability"),),
        "Pearson's chi-squared test of the arms' sizes.",
        # Told to three digits: exact ones would give the difference of the counts back.
        {"p": float(f"{p:.3g}"), "df": len(n) - 1, "alpha": alpha, "is_passed": p >= alpha},
    )  # fmt: skip


# CUPED -------------------------------------------------------------------------------------


def cuped(frame: pd.DataFrame, *, covariate: str = "covariate", control: str = "") -> Result:
    """Tell what activity from before the start explains, and how much narrower intervals get.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``value`` and a covariate measured before the start; ``arm`` where ``control`` is named
        (the correlation is then taken within arms).
    covariate : str
    control : str

    Returns
    -------
    Result
        Family MODEL; one row: ``theta`` (slope), ``correlation``, ``variance_left`` (one less the
        squared correlation: the factor of theory), ``width_left`` (its root), ``n``. Rows without
        the covariate are counted in the attrition and left out.

    References
    ----------
    Deng A, Xu Y, Kohavi R, Walker T (2013). WSDM '13:123-132.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"value": [1, 2, 3, 4, 5.0] * 12, "covariate": [2, 1, 4, 3, 5.0] * 12})
    >>> cuped(frame).frame["variance_left"].round(2).tolist()
    [0.36]
    """
    name = "cuped"
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "no value is known yet"))
    require(frame, ["value", covariate, *(["arm"] if control else [])], name)
    kept = frame[frame[covariate].notna() & frame["value"].notna()]
    if len(kept) < MIN_ARM:
        return not_enough(
            name, Family.MODEL,
            f"{len(kept)} people have activity before the start, and {MIN_ARM} are needed",
        )  # fmt: skip
    y, x = numbers(kept, "value", name), numbers(kept, covariate, name)
    if control:
        arm = kept["arm"].astype(str)
        y = y - pd.Series(y, index=kept.index).groupby(arm).transform("mean").to_numpy()
        x = x - pd.Series(x, index=kept.index).groupby(arm).transform("mean").to_numpy()
    y, x = y - y.mean(), x - x.mean()
    if not (x @ x > 0 and y @ y > 0):
        return not_enough(
            name, Family.MODEL, "activity before the start, or the value, is the same for everyone"
        )
    theta, squared = float(x @ y / (x @ x)), float((x @ y) ** 2 / (x @ x) / (y @ y))
    row = {
        "covariate": covariate, "theta": theta,
        "correlation": math.copysign(math.sqrt(squared), theta), "variance_left": 1 - squared,
        "width_left": math.sqrt(1 - squared), "n": persons(kept),
    }  # fmt: skip
    return Result(
        name, Family.MODEL, pd.DataFrame([row]),
        {
            "covariate": Role.KEY, "theta": Role.VALUE, "correlation": Role.VALUE,
            "variance_left": Role.VALUE, "width_left": Role.VALUE, "n": Role.N,
        },
        method="Regression of the value on activity before the start (CUPED).",
        attrition=(
            Step("a value known", persons(frame), len(frame)),
            Step("activity before the start known", persons(kept), len(kept)),
        ),
    )  # fmt: skip


# Guardrails --------------------------------------------------------------------------------


def guardrail(
    frame: pd.DataFrame,
    *,
    margin: float,
    control: str,
    direction: str = "up",
    metric: str = "guardrail_difference",
    label: str = "",
    **how: Any,
) -> Result:
    """Check that a metric that must not suffer has not got worse by more than a margin.

    Parameters
    ----------
    frame : pandas.DataFrame
        As in :func:`confidence_sequence`.
    margin : float
        The worsening that is still borne, above 0, in the unit of the values.
    control : str
    direction : {"up", "down"}
        Which way of the metric is better.
    metric, label : str
        Registry id, and what tells this guardrail from another.
    **how
        Passed to :func:`confidence_sequence`.

    Returns
    -------
    Result
        As of :func:`confidence_sequence`; ``parameters["state"]`` at the last look: ``breached``
        (the whole sequence is worse than the margin), ``safe`` (none of it is), else ``open``.
        ``parameters``: ``margin, direction, label``, and ``since``, the first look in that state
        without a break.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"look": np.arange(4000) // 400, "arm": ["new", "usual"] * 2000})
    >>> frame["value"] = rng.normal(size=4000) - (frame["arm"] == "new") * 0.5
    >>> guardrail(frame, margin=0.1, control="usual").parameters["state"]
    'breached'
    """
    among(direction, "guardrail: direction", ("up", "down"))
    between(margin, "guardrail: margin", 0, math.inf)
    found = confidence_sequence(frame, control=control, metric=metric, name="guardrail", **how)
    asked: dict[str, Scalar] = {"margin": margin, "direction": direction, "label": label}
    if found.is_empty:
        return found.but(parameters={**found.parameters, **asked, "state": "open", "since": None})
    low, high = found.frame["low"], found.frame["high"]
    if direction == "down":
        low, high = -high, -low
    states = np.where(high < -margin, "breached", np.where(low > -margin, "safe", "open"))
    same = np.flatnonzero(states != states[-1])
    since = found.frame["look"].iloc[int(same[-1]) + 1 if len(same) else 0]
    named = tuple(
        Estimate(e.metric, e.value, e.low, e.high, e.n, e.unit, e.grade, label)
        for e in found.estimates
    )
    return found.but(
        estimates=named,
        parameters={
            **found.parameters, **asked, "state": str(states[-1]), "since": _plain(since),
        },
    )  # fmt: skip


def _plain(look: Any) -> Scalar:
    """A look as a scalar that may be published."""
    if hasattr(look, "isoformat"):
        return str(look.isoformat()).removesuffix("T00:00:00")
    plain: Scalar = look.item() if hasattr(look, "item") else look
    return plain


# Forecast ----------------------------------------------------------------------------------


def forecast(sequence: Result, *, n_end: int, mde: float = 0.0, level: float = 0.95) -> Result:
    """Predict the estimate at the planned end from what is known today.

    The effect is taken as constant and nothing is known of it but the data; what is still to come
    varies as what came did.

    Parameters
    ----------
    sequence : Result
        Of :func:`confidence_sequence`.
    n_end : int
        Values that are to be known at the end.
    mde : float
        The smallest effect that matters.
    level : float
        Of the prediction interval.

    Returns
    -------
    Result
        Family TREND; the looks so far and the end: ``look, expected, low, high, n``. The look of
        the end is blank. Estimate ``forecast_difference``; ``parameters``: the chances that the
        sequence ends above nought (``chance_above``) and below the smallest effect that matters
        (``chance_below_mde``).

    References
    ----------
    Spiegelhalter DJ, Freedman LS, Blackburn PR (1986). Controlled Clinical Trials 7:8-17.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"look": np.arange(400) // 100, "arm": ["new", "usual"] * 200})
    >>> frame["value"] = np.random.default_rng(1).normal(size=400) + 0.3 * (frame["arm"] == "new")
    >>> ahead = forecast(confidence_sequence(frame, control="usual"), n_end=800, mde=0.2)
    >>> ahead.frame[["expected", "n"]].tail(2).round(2).values.tolist()
    [[0.19, 400.0], [0.19, 800.0]]
    >>> round(ahead.parameters["chance_above"], 2)
    0.43
    """
    from scipy.special import ndtr, ndtri

    name = "forecast"
    between(level, "forecast: level", 0, 1)
    if sequence.is_empty:
        return not_enough(name, Family.TREND, sequence.missing)
    frame = sequence.frame
    what = str(frame.columns[1])
    last = frame.iloc[-1]
    n, value, se = float(last["n"]), float(last[what]), float(last["se"])
    if n_end <= n:
        return not_enough(name, Family.TREND, "the planned end is reached: nothing is to come")
    se_end = se * math.sqrt(n / n_end)
    spread = math.sqrt(max(se**2 - se_end**2, 0.0))
    z = float(ndtri(0.5 + level / 2))
    alpha, tau = float(sequence.parameters["alpha"] or 0), float(sequence.parameters["tau"] or 0)
    half = float(_sequence.half_width(np.array(se_end), tau, alpha))
    low, high = value - z * spread, value + z * spread
    out = pd.DataFrame(
        {
            "look": [*map(_plain, frame["look"]), None], "expected": [*frame[what], value],
            "low": [*frame["low"], low], "high": [*frame["high"], high],
            "n": [*frame["n"], n_end],
        }
    )  # fmt: skip
    known = sequence.estimates[0]
    return Result(
        name, Family.TREND, out,
        {
            "look": Role.TIME, "expected": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "n": Role.N,
        },
        (
            Estimate("forecast_difference", value, low, high, int(n), known.unit, known.grade),
        ),
        "Predictive distribution of the final estimate: normal, the effect constant.",
        {
            "n_end": n_end, "level": level,
            "chance_above": float(ndtr((value - half) / spread)),
            "chance_below_mde": float(ndtr((mde - half - value) / spread)),
        },
    )  # fmt: skip


# Drift -------------------------------------------------------------------------------------

PSI_SOME: Final = 0.1
PSI_MUCH: Final = 0.25


def drift(frame: pd.DataFrame) -> Result:
    """Check whether the people of today are the kind of people the plan was made for.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a level of an attribute: ``attribute, level, n_before, n_now`` persons.

    Returns
    -------
    Result
        Family MODEL; one row an attribute: ``attribute, psi`` (population stability index),
        ``chance`` (what it stays below in 95 of 100 samples of the same people), ``state``, ``n``
        (persons now). ``state`` is ``much`` (0.25 or more) or ``some`` (0.1 or more), where more
        than chance, else ``none``. Estimates ``population_stability`` by attribute.

    Notes
    -----
    The marks 0.1 and 0.25 are a custom of credit scoring, without a theory behind them: small
    samples pass them by chance. So what chance alone would give is held against it.

    References
    ----------
    Siddiqi N (2006). Credit Risk Scorecards. Yurdakul B, Naranjo J (2020). Journal of Risk Model
    Validation 14(4):89-100.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"attribute": "unit", "level": ["a", "b"],
    ...                       "n_before": [500, 500], "n_now": [700, 300]})
    >>> drift(frame).frame[["psi", "state"]].round(3).values.tolist()
    [[0.169, 'some']]
    """
    from scipy.special import chdtri

    name = "drift"
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "nobody is known before or now"))
    require(frame, ["attribute", "level", "n_before", "n_now"], name)
    numbers(frame, "n_before", name, low=0)
    numbers(frame, "n_now", name, low=0)
    rows = []
    for attribute, part in frame.groupby("attribute", sort=True):
        before, now = part["n_before"].to_numpy(float), part["n_now"].to_numpy(float)
        there = before + now > 0
        before, now = before[there], now[there]
        if before.sum() == 0 or now.sum() == 0:
            continue
        # Half a person in each level, so that an empty one does not make it infinite.
        p, q = (before + 0.5) / (before + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
        psi = float(np.sum((q - p) * np.log(q / p)))
        scale = 1 / before.sum() + 1 / now.sum()
        chance = float(chdtri(len(p) - 1, 0.05) * scale) if len(p) > 1 else 0.0
        state = "none"
        if psi > chance:
            state = "much" if psi >= PSI_MUCH else "some" if psi >= PSI_SOME else "none"
        rows.append((str(attribute), psi, chance, state, int(now.sum())))
    if not rows:
        return not_enough(name, Family.MODEL, "nobody is known both before and now")
    out = pd.DataFrame(rows, columns=["attribute", "psi", "chance", "state", "n"])
    return Result(
        name, Family.MODEL, out,
        {
            "attribute": Role.KEY, "psi": Role.VALUE, "chance": Role.VALUE, "state": Role.KEY,
            "n": Role.N,
        },
        tuple(
            Estimate("population_stability", float(r["psi"]), math.nan, math.nan, int(r["n"]),
                     "index", Grade.DESCRIPTIVE, str(r["attribute"]))
            for r in out.to_dict("records")
        ),
        "Population stability index, with what chance alone would give.",
    )  # fmt: skip


def quality(frame: pd.DataFrame, *, tolerance: float = 0.02, alpha: float = 0.001) -> Result:
    """Check whether rates of faulty data have risen since the plan was made.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a check: ``check, n_bad_before, n_before, n_bad_now, n_now``.
    tolerance : float
        A rise of the rate up to this is borne.
    alpha : float
        Below this p a rise is not chance.

    Returns
    -------
    Result
        Family MODEL; ``check, before, now, low, high`` (95 % interval of the rise, Newcombe's),
        ``state`` (``worse`` or ``as before``), ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"check": ["late"], "n_bad_before": [20], "n_before": [1000],
    ...                       "n_bad_now": [200], "n_now": [1000]})
    >>> quality(frame).frame["state"].tolist()
    ['worse']
    """
    from scipy.special import ndtr

    from ldresearch.models.rates import wilson

    name = "quality"
    between(alpha, "quality: alpha", 0, 1)
    columns = ["n_bad_before", "n_before", "n_bad_now", "n_now"]
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "no rows were checked"))
    require(frame, ["check", *columns], name)
    x0, n0, x1, n1 = (numbers(frame, c, name, low=0) for c in columns)
    kept = (n0 > 0) & (n1 > 0)
    if not kept.any():
        return not_enough(name, Family.MODEL, "no rows were checked both before and now")
    x0, n0, x1, n1 = (v[kept] for v in (x0, n0, x1, n1))
    p0, p1 = x0 / n0, x1 / n1
    (l0, u0), (l1, u1) = wilson(x0, n0), wilson(x1, n1)
    rise = p1 - p0
    pooled = (x0 + x1) / (n0 + n1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num(rise / np.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1)))
    is_worse = (ndtr(-z) < alpha) & (rise > tolerance)
    out = pd.DataFrame(
        {
            "check": frame.loc[kept, "check"].astype(str).to_numpy(), "before": p0, "now": p1,
            "low": rise - np.sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2),
            "high": rise + np.sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2),
            "state": np.where(is_worse, "worse", "as before"), "n": n1.astype(int),
        }
    )  # fmt: skip
    return Result(
        name, Family.MODEL, out,
        {
            "check": Role.KEY, "before": Role.VALUE, "now": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "state": Role.KEY, "n": Role.N,
        },
        method="Difference of two rates, Newcombe's interval; one-sided test of a rise.",
        parameters={"tolerance": tolerance, "alpha": alpha},
    )  # fmt: skip


# The verdict -------------------------------------------------------------------------------


def verdict(
    sequence: Result,
    *,
    mde: float,
    guardrails: Sequence[Result] = (),
    sample_ratio: Result | None = None,
    is_at_end: bool = False,
    direction: str = "up",
) -> Result:
    """Apply the frozen rule: continue, iterate, pivot or stop, and why.

    In this order: arms that are not as drawn stop; a breached guardrail stops; then the sequence
    of the primary metric, turned so that up is better: above nought and not all below the
    smallest effect that matters continues; above nought but all below it pivots (it works, too
    little); all below it stops; else iterate until the planned end, then pivot.

    Parameters
    ----------
    sequence : Result
        Of :func:`confidence_sequence`.
    mde : float
        Smallest effect that matters, above 0.
    guardrails : sequence of Result
        Of :func:`guardrail`.
    sample_ratio : Result, optional
        Of :func:`sample_ratio`.
    is_at_end : bool
        Whether the planned end is reached.
    direction : {"up", "down"}
        Which way of the primary metric is better.

    Returns
    -------
    Result
        Family CHECKS; one row a rule in the order of the rules: ``rule`` (a ``Reason``),
        ``verdict`` it leads to, ``is_met``, ``is_decisive`` (the first that is met).
        ``parameters``: ``verdict`` and ``reason`` (values of ``Verdict`` and ``Reason``),
        ``guardrail`` (label of the breached one), ``mde``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"look": np.arange(4000) // 400, "arm": ["new", "usual"] * 2000})
    >>> frame["value"] = rng.normal(size=4000) + (frame["arm"] == "new") * 0.5
    >>> found = verdict(confidence_sequence(frame, control="usual"), mde=0.2)
    >>> found.parameters["verdict"], found.parameters["reason"]
    ('continue', 'effect_shown')
    """
    between(mde, "verdict: mde", 0, math.inf)
    among(direction, "verdict: direction", ("up", "down"))
    low = high = math.nan
    if not sequence.is_empty:
        low, high = (float(sequence.frame[c].iloc[-1]) for c in ("low", "high"))
        if direction == "down":
            low, high = -high, -low
    breached = [
        str(g.parameters.get("label") or "")
        for g in guardrails
        if g.parameters.get("state") == "breached"
    ]
    ratio = sample_ratio.parameters.get("is_passed", True) if sample_ratio is not None else True
    is_known = not math.isnan(low)
    rules = [
        (Reason.SAMPLE_RATIO, Verdict.STOP, ratio is False),
        (Reason.GUARDRAIL, Verdict.STOP, bool(breached)),
        (Reason.HARM, Verdict.STOP, high < 0),
        (Reason.TOO_SMALL, Verdict.PIVOT, low > 0 and high < mde),
        (Reason.EFFECT_SHOWN, Verdict.CONTINUE, low > 0),
        (Reason.NO_EFFECT, Verdict.STOP, high < mde),
        (Reason.UNDECIDED_AT_END, Verdict.PIVOT, is_at_end and is_known),
        (Reason.NOTHING_AT_END, Verdict.PIVOT, is_at_end),
        (Reason.TOO_EARLY, Verdict.ITERATE, not is_known),
        (Reason.UNDECIDED, Verdict.ITERATE, True),
    ]
    met = [bool(is_met) for _, _, is_met in rules]
    first = met.index(True)
    out = pd.DataFrame(
        {
            "rule": [r.value for r, _, _ in rules], "verdict": [v.value for _, v, _ in rules],
            "is_met": met, "is_decisive": [i == first for i in range(len(rules))],
        }
    )  # fmt: skip
    reason, decided, _ = rules[first]
    return Result(
        "verdict", Family.CHECKS, out,
        {
            "rule": Role.KEY, "verdict": Role.KEY, "is_met": Role.FLAG, "is_decisive": Role.FLAG,
        },
        method="The rule of the plan, in its order; the first that is met decides.",
        parameters={
            "verdict": decided.value, "reason": reason.value, "mde": mde,
            "direction": direction, "guardrail": breached[0] if breached else "",
            "n_breached": len(breached), "is_at_end": is_at_end,
        },
    )  # fmt: skip
