"""Before an initiative: how many people, how large an effect, how sure.

Of persons, effect and power each is worked out from the other two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, message
from ldresearch.models._asked import among, between, why_empty
from ldresearch.models._frame import Floats, numbers, persons, require
from ldresearch.result import Estimate, Result, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Role

FORMULAS: Final = ("pooled", "unpooled", "arcsine", "continuity")
DESIGNS: Final = ("parallel", "stepped_wedge", "hold_out")


# Checks of what is asked -------------------------------------------------------------------


def _asked(name: str, alpha: float, sides: int, ratio: float, **three: float | None) -> str:
    """Check what all plans take, and return which of effect, persons and power is sought."""
    between(alpha, f"{name}: alpha", 0, 0.5)
    among(sides, f"{name}: sides", (1, 2))
    between(ratio, f"{name}: ratio", 0, math.inf)
    sought = [key for key, value in three.items() if value is None]
    if len(sought) != 1:
        given = [key for key, value in three.items() if value is not None]
        raise ParameterError(
            message("one of three is worked out from the other two", where=name, got=given,
                    allowed=f"all but one of {', '.join(three)}")
        )  # fmt: skip
    for key, value in three.items():
        if value is None:
            continue
        if key == "power":
            between(value, f"{name}: power", alpha, 1)
        elif key in ("n", "events"):
            between(value, f"{name}: {key}", 1, math.inf)
        elif value == 0 or not math.isfinite(value):
            raise ParameterError(
                message("no effect cannot be planned for", where=f"{name}: {key}", got=value)
            )
    return sought[0]


def _up(n: float) -> float:
    """Whole persons, upwards; a number that is whole but for rounding stays."""
    return math.ceil(n - 1e-6) if math.isfinite(n) else n


def _plan(
    name: str, effect: float, n: float, power: float, method: str, *, ratio: float, unit: str,
    metric: str = "mde", **more: Any,
) -> Result:  # fmt: skip
    """One row: what was asked and what was found."""
    if not math.isfinite(n):
        return not_enough(name, Family.CHECKS, "no number of people up to a billion is enough")
    if math.isnan(effect):
        return not_enough(name, Family.CHECKS, "no effect that is possible would be found")
    control, treated = _up(n), _up(n * ratio)
    row = {
        "effect": effect, "n_control": int(control), "n_treated": int(treated),
        "n_total": int(control + treated), "power": power,
    }  # fmt: skip
    total = int(control + treated)
    return Result(
        name, Family.CHECKS, pd.DataFrame([row]),
        {
            "effect": Role.VALUE, "n_control": Role.COUNT, "n_treated": Role.COUNT,
            "n_total": Role.COUNT, "power": Role.VALUE,
        },
        (
            Estimate(metric, effect, math.nan, math.nan, total, unit),
            Estimate("planned_n", control, math.nan, math.nan, total, "persons", label="control"),
            Estimate("planned_n", treated, math.nan, math.nan, total, "persons", label="treated"),
            Estimate("planned_power", power, math.nan, math.nan, total, "probability"),
        ),
        method,
        {"n_exact": float(n), "ratio": ratio, **more},
    )  # fmt: skip


# Two proportions ---------------------------------------------------------------------------


def two_proportions(
    share: float,
    mde: float | None = None,
    *,
    n: float | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    ratio: float = 1.0,
    sides: int = 2,
    formula: str = "pooled",
    direction: str = "up",
) -> Result:
    """Plan the comparison of a share in two arms.

    Leave out one of ``mde``, ``n`` and ``power``; it is worked out.

    Parameters
    ----------
    share : float
        In the control arm, between 0 and 1.
    mde : float, optional
        The difference that matters, treated less control: 0.05 is five points up.
    n : float, optional
        Persons in the control arm.
    power : float, optional
        Chance to find the effect.
    alpha : float
    ratio : float
        Persons in the treated arm for each in the control.
    sides : {1, 2}
    formula : {"pooled", "unpooled", "arcsine", "continuity"}
        ``pooled`` is Fleiss's without the continuity correction (R's ``power.prop.test``; 20 to
        25 % takes 1,094 an arm), ``continuity`` with it (1,134); ``unpooled`` lets each arm have
        its own variance under no effect too (1,091); ``arcsine`` is Cohen's h (R's
        ``pwr.2p.test``; 1,092).
    direction : {"up", "down"}
        Of the effect, where it is worked out.

    Returns
    -------
    Result
        Family CHECKS; one row: ``effect, n_control, n_treated, n_total, power``. Estimates ``mde``
        (points), ``planned_n`` (labels ``control`` and ``treated``), ``planned_power``.
        ``parameters["n_exact"]`` is the control arm before rounding up, for
        :func:`design_effect`.

    References
    ----------
    Fleiss JL, Levin B, Paik MC (2003). Statistical Methods for Rates and Proportions, 3rd ed.
    Cohen J (1988). Statistical Power Analysis for the Behavioral Sciences.

    Examples
    --------
    >>> two_proportions(0.20, 0.05, power=0.8).frame["n_control"].tolist()
    [1094]
    >>> round(two_proportions(0.20, n=1094, power=0.8).estimate("mde").value, 4)
    0.05
    """
    name = "two_proportions"
    between(share, f"{name}: share", 0, 1)
    among(formula, f"{name}: formula", FORMULAS)
    among(direction, f"{name}: direction", ("up", "down"))
    sought = _asked(name, alpha, sides, ratio, mde=mde, n=n, power=power)
    power_of = _proportions_power(formula, alpha, ratio, sides)
    if mde is not None:
        between(share + mde, f"{name}: share + mde", 0, 1)
    if sought == "power":
        power = power_of(share, share + _given(mde), _given(n))
    elif sought == "n":
        other = share + _given(mde)
        n = _solved_n(lambda k: power_of(share, other, k), _given(power))
    else:
        sign, room = (1, 1 - share) if direction == "up" else (-1, share)
        size = _solved_effect(
            lambda d: power_of(share, share + sign * d, _given(n)), _given(power), room * 0.999999
        )
        mde = sign * size
    return _plan(
        name, _given(mde), _given(n), _given(power),
        f"Two proportions, normal approximation ({formula}), {_sides(sides)}.",
        ratio=ratio, unit="points", share=share, alpha=alpha, sides=sides, formula=formula,
        sought=sought,
    )  # fmt: skip


def _given(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _sides(sides: int) -> str:
    return "two-sided" if sides == 2 else "one-sided"


def _solved_n(power_at: Callable[[float], float], power: float) -> float:
    from ldresearch.models import _power

    return _power.persons_for(power_at, power)


def _solved_effect(power_at: Callable[[float], float], power: float, largest: float) -> float:
    from ldresearch.models import _power

    return _power.effect_for(power_at, power, largest)


def _proportions_power(
    formula: str, alpha: float, ratio: float, sides: int
) -> Callable[[float, float, float], float]:
    from ldresearch.models import _power

    z = _power.quantile(alpha, sides)
    if formula == "arcsine":
        return lambda a, b, n: _power.arcsine(a, b, n, ratio, z, sides)
    of = {"pooled": _power.pooled, "continuity": _power.corrected}.get(formula, _power.unpooled)
    return lambda a, b, n: of(a, b, n, ratio, z)


# Two means ---------------------------------------------------------------------------------


def two_means(
    mde: float | None = None,
    *,
    sd: float = 1.0,
    n: float | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    ratio: float = 1.0,
    sides: int = 2,
    correlation: float = 0.0,
) -> Result:
    """Plan the comparison of a mean in two arms, by the exact power of the t test.

    Parameters
    ----------
    mde : float, optional
        The difference that matters, in the unit of ``sd``.
    sd : float
        Standard deviation within arms.
    n : float, optional
        Persons in the control arm.
    power, alpha, ratio, sides
        As in :func:`two_proportions`.
    correlation : float
        Of the value with activity before the start, which the analysis will adjust for (CUPED):
        it takes ``correlation**2`` off the variance and one degree of freedom.

    Returns
    -------
    Result
        As of :func:`two_proportions`; ``effect`` in the unit of ``sd``.

    References
    ----------
    Cohen J (1988). Statistical Power Analysis for the Behavioral Sciences, chapter 2.

    Examples
    --------
    >>> two_means(0.5, power=0.8).frame["n_control"].tolist()
    [64]
    """
    name = "two_means"
    between(sd, f"{name}: sd", 0, math.inf)
    between(correlation, f"{name}: correlation", -1, 1)
    sought = _asked(name, alpha, sides, ratio, mde=mde, n=n, power=power)
    from ldresearch.models import _power

    spread, used = sd * math.sqrt(1 - correlation**2), int(correlation != 0)

    def power_of(d: float, k: float) -> float:
        return _power.student(d / spread, k, ratio, alpha, sides, used)

    # At least one degree of freedom.
    fewest = max(_power.FEWEST, (3.001 + used) / (1 + ratio))
    if n is not None:
        between(n, f"{name}: n", fewest - 1e-9, math.inf)
    if sought == "power":
        power = power_of(_given(mde), _given(n))
    elif sought == "n":
        n = _power.persons_for(lambda k: power_of(_given(mde), k), _given(power), fewest)
    else:
        mde = _power.effect_for(lambda d: power_of(d, _given(n)), _given(power), 50 * spread)
    return _plan(
        name, _given(mde), _given(n), _given(power),
        f"Two means, noncentral t distribution, {_sides(sides)}.",
        ratio=ratio, unit="", sd=sd, alpha=alpha, sides=sides, correlation=correlation,
        sought=sought,
    )  # fmt: skip


# Survival by events ------------------------------------------------------------------------


def survival_events(
    hazard_ratio: float | None = None,
    *,
    events: float | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    ratio: float = 1.0,
    sides: int = 2,
    formula: str = "schoenfeld",
    direction: str = "down",
    share_control: float | None = None,
    share_treated: float | None = None,
    correlation: float = 0.0,
) -> Result:
    """Plan a comparison of times by the number of events it takes, and of persons for them.

    Parameters
    ----------
    hazard_ratio : float, optional
        Treated over control, not 1.
    events : float, optional
        In both arms together.
    power, alpha, ratio, sides
        As in :func:`two_proportions`.
    formula : {"schoenfeld", "freedman"}
    direction : {"down", "up"}
        Of the hazard ratio, where it is worked out.
    share_control, share_treated : float, optional
        Share of each arm that will have had the event by the end (:func:`event_share`); persons
        follow from them. Without the second it follows from the first and the hazard ratio.
    correlation : float
        Multiple correlation of the arm with the covariates of a Cox model (0 where arms are
        drawn at random); Schoenfeld's formula only.

    Returns
    -------
    Result
        Family CHECKS; one row: ``hazard_ratio, events, n_control, n_treated, n_total, power``
        (persons missing without ``share_control``). Estimates ``planned_events``,
        ``hazard_ratio_mde``, ``planned_power`` and, where known, ``planned_n``.

    References
    ----------
    Schoenfeld DA (1983). Biometrics 39:499-503. Freedman LS (1982). Statistics in Medicine
    1:121-129. Hsieh FY, Lavori PW (2000). Controlled Clinical Trials 21:552-560.

    Examples
    --------
    >>> survival_events(0.7, power=0.8).frame["events"].tolist()
    [247]
    >>> plan = survival_events(0.05, power=0.8, ratio=0.5, formula="freedman",
    ...                        share_control=0.63, share_treated=0.14)
    >>> plan.frame[["n_treated", "n_control"]].values.tolist()
    [[14, 27]]
    """
    from scipy.special import ndtr, ndtri

    name = "survival_events"
    among(formula, f"{name}: formula", ("schoenfeld", "freedman"))
    among(direction, f"{name}: direction", ("down", "up"))
    between(correlation, f"{name}: correlation", -1, 1)
    sought = _asked(name, alpha, sides, ratio, hazard_ratio=hazard_ratio, events=events,
                    power=power)  # fmt: skip
    if hazard_ratio is not None and (hazard_ratio <= 0 or hazard_ratio == 1):
        raise ParameterError(
            message("out of range", where=f"{name}: hazard_ratio", got=hazard_ratio,
                    allowed="above 0, not 1")
        )  # fmt: skip
    for label, share in (("share_control", share_control), ("share_treated", share_treated)):
        if share is not None:
            between(share, f"{name}: {label}", 0, 1 + 1e-12)
    z = float(ndtri(1 - alpha / sides))
    informative = 1 - correlation**2 if formula == "schoenfeld" else 1.0

    def unit_effect(hr: float) -> float:
        """Expected z of one event."""
        if formula == "schoenfeld":
            return abs(math.log(hr)) * math.sqrt(ratio * informative) / (1 + ratio)
        return math.sqrt(ratio) * abs(1 - hr) / (1 + ratio * hr)

    if sought == "power":
        power = float(ndtr(unit_effect(_given(hazard_ratio)) * math.sqrt(_given(events)) - z))
    elif sought == "events":
        events = ((z + float(ndtri(_given(power)))) / unit_effect(_given(hazard_ratio))) ** 2
    else:
        hazard_ratio = _hazard_ratio(
            (z + float(ndtri(_given(power)))) / math.sqrt(_given(events)),
            formula, ratio, informative, direction,
        )  # fmt: skip
        if math.isnan(hazard_ratio):
            return not_enough(
                name, Family.CHECKS, f"{_given(events):,.0f} events are too few for any hazard "
                "ratio to be found"
            )  # fmt: skip
    return _survival_plan(
        name, _given(hazard_ratio), _given(events), _given(power), ratio, share_control,
        share_treated, f"Comparison of times by events ({formula.capitalize()}), {_sides(sides)}.",
        {"alpha": alpha, "sides": sides, "formula": formula, "sought": sought},
    )  # fmt: skip


def _hazard_ratio(
    x: float, formula: str, ratio: float, informative: float, direction: str
) -> float:
    """Solve the expected z of one event for the hazard ratio."""
    sign = -1 if direction == "down" else 1
    if formula == "schoenfeld":
        return math.exp(sign * x * (1 + ratio) / math.sqrt(ratio * informative))
    x /= math.sqrt(ratio)
    bottom = 1 - sign * x * ratio
    found = (1 + sign * x) / bottom if bottom > 0 else math.nan
    return found if found > 0 else math.nan


def _survival_plan(
    name: str, hr: float, events: float, power: float, ratio: float, share_control: float | None,
    share_treated: float | None, method: str, parameters: dict[str, Any],
) -> Result:  # fmt: skip
    control = treated = math.nan
    if share_control is not None:
        other = 1 - (1 - share_control) ** hr if share_treated is None else share_treated
        exact = events / (share_control + ratio * other)
        control, treated = _up(exact), _up(exact * ratio)
        parameters |= {"n_exact": exact, "share_control": share_control, "share_treated": other}
    total = control + treated
    about = int(_up(events)) if math.isnan(total) else int(total)
    estimates = [
        Estimate("planned_events", _up(events), math.nan, math.nan, about, "events"),
        Estimate("hazard_ratio_mde", hr, math.nan, math.nan, about, "ratio"),
        Estimate("planned_power", power, math.nan, math.nan, about, "probability"),
    ]
    if not math.isnan(total):
        estimates += [
            Estimate("planned_n", n, math.nan, math.nan, about, "persons", label=label)
            for n, label in ((control, "control"), (treated, "treated"))
        ]
    row = {
        "hazard_ratio": hr, "events": int(_up(events)), "n_control": control,
        "n_treated": treated, "n_total": total, "power": power,
    }  # fmt: skip
    frame = pd.DataFrame([row])
    if not math.isnan(total):
        frame = frame.astype({"n_control": int, "n_treated": int, "n_total": int})
    return Result(
        name, Family.CHECKS, frame,
        {
            "hazard_ratio": Role.VALUE, "events": Role.COUNT, "n_control": Role.COUNT,
            "n_treated": Role.COUNT, "n_total": Role.COUNT, "power": Role.VALUE,
        },
        tuple(estimates), method, {"events_exact": events, "ratio": ratio, **parameters},
    )  # fmt: skip


def event_share(
    hazard: float, *, follow_up: float, accrual: float = 0.0, loss_hazard: float = 0.0
) -> float:
    """Return the share that will have had the event, for times without memory.

    Parameters
    ----------
    hazard : float
        Events a person and unit of time: ``log(2) / median``.
    follow_up : float
        Time for which the last to come is followed.
    accrual : float
        Time over which people come, evenly.
    loss_hazard : float
        Losses (people who leave) a person and unit of time.

    Returns
    -------
    float
        Between 0 and 1: of those who come, lost ones among them.

    References
    ----------
    Lachin JM, Foulkes MA (1986). Biometrics 42:507-519.

    Examples
    --------
    >>> round(event_share(0.1, follow_up=10), 3)
    0.632
    """
    between(hazard, "event_share: hazard", 0, math.inf)
    between(follow_up, "event_share: follow_up", -1e-12, math.inf)
    between(accrual, "event_share: accrual", -1e-12, math.inf)
    between(loss_hazard, "event_share: loss_hazard", -1e-12, math.inf)
    if follow_up + accrual <= 0:
        raise ParameterError(message("nobody is followed", where="event_share", got=follow_up))
    rate = hazard + loss_hazard
    if accrual == 0:
        still = math.exp(-rate * follow_up)
    else:
        still = math.exp(-rate * follow_up) * -math.expm1(-rate * accrual) / (rate * accrual)
    return hazard / rate * (1 - still)


# Clusters ----------------------------------------------------------------------------------


def design_effect(
    size: float | Sequence[float],
    icc: float,
    *,
    cv: float = 0.0,
    n: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Result:
    """Tell how many more people it takes where teams, not persons, are assigned.

    Parameters
    ----------
    size : float or sequence of float
        Persons a team, on average; or the sizes of the teams, from which mean and ``cv`` follow.
    icc : float
        Likeness within teams (intraclass correlation), from 0 to 1.
    cv : float
        Coefficient of variation of the sizes.
    n : float, optional
        Persons an arm without teams: ``parameters["n_exact"]`` of a plan.
    alpha, power : float
        Of the plan, for the allowance that few teams need.

    Returns
    -------
    Result
        Family CHECKS; one row: ``size, icc, cv, design_effect, n_alone, n, n_clusters`` an arm (by
        the normal distribution) and ``n_clusters_small`` (by the t distribution with as many
        degrees of freedom as there are teams less two, which few teams need). Estimates
        ``design_effect`` and, with ``n``, ``planned_n`` (label ``clustered``) and
        ``planned_clusters``.

    References
    ----------
    Donner A, Klar N (2000). Design and Analysis of Cluster Randomization Trials. Eldridge SM,
    Ashby D, Kerry S (2006). Int J Epidemiol 35:1292-1300.

    Examples
    --------
    >>> n = two_proportions(0.20, 0.05, power=0.8).parameters["n_exact"]
    >>> found = design_effect(50, 0.05, n=n)
    >>> round(found.estimate("design_effect").value, 2), found.frame["n"].tolist()
    (3.45, [3774])
    """
    name = "design_effect"
    if not isinstance(size, int | float):
        sizes = np.asarray(size, dtype=float)
        if len(sizes) == 0 or not np.isfinite(sizes).all():
            return not_enough(name, Family.CHECKS, "there are no teams whose sizes are known")
        size, cv = float(sizes.mean()), float(sizes.std() / sizes.mean())
    between(size, f"{name}: size", 1 - 1e-12, math.inf)
    between(icc, f"{name}: icc", -1e-12, 1 + 1e-12)
    between(cv, f"{name}: cv", -1e-12, math.inf)
    between(alpha, f"{name}: alpha", 0, 0.5)
    between(power, f"{name}: power", alpha, 1)
    # A team of one is no likeness, whatever the formula gives for sizes below one.
    effect = max(1 + ((1 + cv**2) * size - 1) * icc, 1.0)
    row: dict[str, Any] = {"size": size, "icc": icc, "cv": cv, "design_effect": effect}
    estimates = [Estimate("design_effect", effect, math.nan, math.nan, _whole(n), "ratio")]
    roles = {
        "size": Role.VALUE, "icc": Role.VALUE, "cv": Role.VALUE, "design_effect": Role.VALUE,
    }  # fmt: skip
    if n is not None:
        between(n, f"{name}: n", 1, math.inf)
        total, clusters = n * effect, n * effect / size
        small = _few_clusters(clusters, alpha, power)
        row |= {
            "n_alone": int(_up(n)), "n": int(_up(total)), "n_clusters": int(_up(clusters)),
            "n_clusters_small": small,
        }  # fmt: skip
        roles |= dict.fromkeys(("n_alone", "n", "n_clusters", "n_clusters_small"), Role.COUNT)
        estimates += [
            Estimate("planned_n", _up(total), math.nan, math.nan, int(2 * total), "persons",
                     label="clustered"),
            Estimate("planned_clusters", small, math.nan, math.nan, int(2 * total), "clusters"),
        ]  # fmt: skip
    return Result(
        name, Family.CHECKS, pd.DataFrame([row]), roles, tuple(estimates),
        "Design effect 1 + ((1 + cv^2) m - 1) ICC.", {"cv": cv},
    )  # fmt: skip


def _whole(n: float | None) -> int:
    return 0 if n is None else int(2 * _up(n))


def _few_clusters(clusters: float, alpha: float, power: float) -> int:
    """Clusters an arm where the t distribution stands in for the normal one."""
    from scipy.special import ndtri, stdtrit

    needed = clusters / float(ndtri(1 - alpha / 2) + ndtri(power)) ** 2
    k = max(math.ceil(clusters), 2)
    while k < needed * float(stdtrit(2 * k - 2, 1 - alpha / 2) + stdtrit(2 * k - 2, power)) ** 2:
        k += 1
    return k


def icc(frame: pd.DataFrame, *, cluster: str = "unit", value: str = "value") -> Result:
    """Estimate how alike people of one team are.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person: the team, and a value (0/1 for shares).
    cluster, value : str
        Columns.

    Returns
    -------
    Result
        Family MODEL; one row: ``icc`` (at least 0), ``low, high, raw`` (the estimate as it is,
        which may be negative), ``n_clusters, size`` (mean), ``size_cv, n``. Estimate ``icc``.
        ``parameters["is_truncated"]``: whether the raw estimate was below 0.

    References
    ----------
    Donner A, Koval JJ (1980). Biometrics 36:19-25. Thomas JD, Hultquist RA (1978). Annals of
    Statistics 6:582-587. Ridout MS, Demetrio CGB, Firth D (1999). Biometrics 55:137-148 (binary
    values).

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"unit": list("aabbccddee"), "value": [1, 2, 5, 6, 3, 3, 9, 8, 2, 1]})
    >>> icc(frame).frame["icc"].round(3).tolist()
    [0.957]
    """
    name = "icc"
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "nobody is known"))
    require(frame, [cluster, value], name)
    kept = frame[frame[cluster].notna() & frame[value].notna()]
    y = numbers(kept, value, name)
    codes, labels = pd.factorize(kept[cluster])
    k, n = len(labels), len(kept)
    if k < 5 or n <= k:
        return not_enough(
            name, Family.MODEL, f"{k} teams of {n / max(k, 1):.0f} people on average are too few "
            "to tell how alike people of one team are; 5 teams of several are needed"
        )  # fmt: skip
    size = np.bincount(codes).astype(float)
    y = y - y.mean()
    sums = np.bincount(codes, y)
    between = float(np.sum(sums**2 / size)) / (k - 1)
    within = float(np.sum(y**2) - np.sum(sums**2 / size)) / (n - k)
    if within <= 1e-12 * max(between, 1e-300) and between <= 0:
        return not_enough(name, Family.MODEL, "the value is the same for everyone")
    n0 = (n - float(np.sum(size**2)) / n) / (k - 1)
    raw = (between - within) / (between + (n0 - 1) * within)
    low, high = _icc_interval(sums / size, size, within)
    is_truncated = raw < 0
    found = max(raw, 0.0)
    row = {
        "icc": found, "low": low, "high": high, "raw": raw, "n_clusters": k,
        "size": n / k, "size_cv": float(size.std() / size.mean()), "n": persons(kept),
    }  # fmt: skip
    return Result(
        name, Family.MODEL, pd.DataFrame([row]),
        {
            "icc": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n_clusters": Role.VALUE,
            "size": Role.VALUE, "size_cv": Role.VALUE, "n": Role.N,
        },
        (Estimate("icc", found, low, high, persons(kept), "index", Grade.DESCRIPTIVE),),
        "Analysis of variance between and within teams; interval from the F distribution"
        + (", the estimate set to 0, since teams were less alike than chance" if is_truncated
           else "") + ".",
        {"is_truncated": bool(is_truncated)},
        (
            Step("all", persons(frame), len(frame)),
            Step("team and value known", persons(kept), len(kept)),
        ),
    )  # fmt: skip


def _icc_interval(mean: Floats, size: Floats, within: float) -> tuple[float, float]:
    """Interval by the F distribution, from the plain means of teams (Thomas and Hultquist).

    Exact for normal values in teams of one size, where it is Searle's.
    """
    from scipy.special import fdtri

    if within <= 0:
        return 1.0, 1.0
    k, n = len(size), size.sum()
    usual = k / float(np.sum(1 / size))
    f = usual * float(np.var(mean, ddof=1)) / within
    ends = []
    for level in (0.975, 0.025):
        g = f / float(fdtri(k - 1, n - k, level))
        ends.append(min(max((g - 1) / (g + usual - 1), 0.0), 1.0))
    return ends[0], ends[1]


# Curves ------------------------------------------------------------------------------------


def mde_curve(
    ns: Sequence[float],
    *,
    share: float | None = None,
    sd: float | None = None,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
    ratio: float = 1.0,
    direction: str = "up",
    **how: Any,
) -> Result:
    """Give the smallest effect that would be found, by persons an arm.

    Parameters
    ----------
    ns : sequence of float
        Persons in the control arm.
    share : float, optional
        Share in the control arm, for a metric that is one.
    sd : float, optional
        Standard deviation, for a metric that is a mean. One of the two.
    design_effect : float
        How many people count as one, where teams are assigned.
    power, alpha, ratio, direction
        As in :func:`two_proportions`.
    **how
        Passed to :func:`two_proportions` or :func:`two_means`.

    Returns
    -------
    Result
        Family CHECKS; one row a number of persons: ``n`` (control arm), ``mde``; missing where no
        possible effect would be found.

    Examples
    --------
    >>> mde_curve([500, 1094], share=0.2).frame["mde"].round(3).tolist()
    [0.075, 0.05]
    """
    name = "mde_curve"
    between(design_effect, f"{name}: design_effect", 1 - 1e-12, math.inf)
    rows = []
    for n in sorted(ns):
        plan = _either(
            name, share, sd, n=max(n / design_effect, 2.0), power=power, alpha=alpha, ratio=ratio,
            direction=direction, **how,
        )  # fmt: skip
        rows.append((n, math.nan if plan.is_empty else plan.estimate("mde").value))
    if not rows:
        return not_enough(name, Family.CHECKS, "no number of people was named")
    return Result(
        name, Family.CHECKS, pd.DataFrame(rows, columns=["n", "mde"]),
        {"n": Role.TIME, "mde": Role.VALUE}, (), plan.method,
        {"power": power, "alpha": alpha, "design_effect": design_effect, "share": share, "sd": sd},
    )  # fmt: skip


def power_curve(
    effects: Sequence[float],
    *,
    n: float,
    share: float | None = None,
    sd: float | None = None,
    design_effect: float = 1.0,
    alpha: float = 0.05,
    ratio: float = 1.0,
    **how: Any,
) -> Result:
    """Give the chance to find each of several effects with the people there are.

    Parameters
    ----------
    effects : sequence of float
        Treated less control, not 0.
    n : float
        Persons in the control arm.
    share, sd, design_effect, alpha, ratio
        As in :func:`mde_curve`.
    **how
        Passed to :func:`two_proportions` or :func:`two_means`.

    Returns
    -------
    Result
        Family CHECKS; one row an effect: ``effect, power``.

    Examples
    --------
    >>> power_curve([0.03, 0.05], n=1094, share=0.2).frame["power"].round(2).tolist()
    [0.4, 0.8]
    """
    name = "power_curve"
    between(design_effect, f"{name}: design_effect", 1 - 1e-12, math.inf)
    rows = []
    for effect in sorted(effects):
        plan = _either(
            name, share, sd, mde=effect, n=max(n / design_effect, 2.0), alpha=alpha, ratio=ratio,
            **how,
        )  # fmt: skip
        rows.append((effect, plan.estimate("planned_power").value))
    if not rows:
        return not_enough(name, Family.CHECKS, "no effect was named")
    return Result(
        name, Family.CHECKS, pd.DataFrame(rows, columns=["effect", "power"]),
        {"effect": Role.TIME, "power": Role.VALUE}, (), plan.method,
        {"n": n, "alpha": alpha, "design_effect": design_effect, "share": share, "sd": sd},
    )  # fmt: skip


def _either(name: str, share: float | None, sd: float | None, **how: Any) -> Result:
    if (share is None) == (sd is None):
        raise ParameterError(
            message("the metric is a share or a mean", where=name, got=(share, sd),
                    allowed="one of share and sd")
        )  # fmt: skip
    if share is not None:
        return two_proportions(share, **how)
    how.pop("direction", None)
    return two_means(sd=sd if sd is not None else 1.0, **how)


# Non-inferiority ---------------------------------------------------------------------------


def non_inferiority(
    margin: float,
    *,
    share: float | None = None,
    sd: float | None = None,
    n: float | None = None,
    power: float | None = None,
    alpha: float = 0.025,
    ratio: float = 1.0,
    difference: float = 0.0,
) -> Result:
    """Plan to show that a guardrail has not got worse by more than a margin.

    Parameters
    ----------
    margin : float
        The worsening that is still borne, above 0.
    share, sd : float, optional
        Share in the control arm, or standard deviation of a mean. One of the two.
    n : float, optional
        Persons in the control arm. Leave out ``n`` or ``power``.
    power : float, optional
    alpha : float
        One-sided.
    ratio : float
    difference : float
        True difference that is hoped for, treated less control, better above 0.

    Returns
    -------
    Result
        As of :func:`two_proportions`; ``effect`` is the margin.

    References
    ----------
    Blackwelder WC (1982). Controlled Clinical Trials 3:345-353. Julious SA (2004). Statistics in
    Medicine 23:1921-1986.

    Examples
    --------
    >>> non_inferiority(0.1, share=0.8, power=0.9).frame["n_control"].tolist()
    [337]
    """
    from ldresearch.models import _power

    name = "non_inferiority"
    between(margin, f"{name}: margin", 0, math.inf)
    between(margin + difference, f"{name}: margin + difference", 0, math.inf)
    sought = _asked(name, alpha, 1, ratio, n=n, power=power)
    if (share is None) == (sd is None):
        raise ParameterError(
            message("the guardrail is a share or a mean", where=name, got=(share, sd),
                    allowed="one of share and sd")
        )  # fmt: skip
    z = _power.quantile(alpha, 1)
    if share is not None:
        between(share, f"{name}: share", 0, 1)
        between(share + difference, f"{name}: share + difference", 0, 1)
    if sd is not None:
        between(sd, f"{name}: sd", 0, math.inf)

    def power_at(k: float) -> float:
        if share is not None:
            return _power.shifted(share, share + difference, k, ratio, z, margin)
        return _power.student((margin + difference) / _given(sd), k, ratio, alpha, 1)

    if sought == "power":
        power = power_at(_given(n))
    else:
        n = _power.persons_for(power_at, _given(power))
    return _plan(
        name, margin, _given(n), _given(power), "Non-inferiority, one-sided.",
        ratio=ratio, unit="points" if share is not None else "", alpha=alpha, share=share, sd=sd,
        difference=difference, sought=sought,
    )  # fmt: skip


# Designs of a roll-out ---------------------------------------------------------------------


def designs(
    frame: pd.DataFrame,
    *,
    effect: float,
    baseline_weeks: int = 4,
    steps: int = 4,
    hold_out: float = 0.2,
    names: Sequence[str] = DESIGNS,
    alpha: float = 0.05,
    simulations: int = 500,
    assignments: int = 500,
    seed: int = 1,
) -> Result:
    """Compare ways to roll out, by planting an effect in the organisation's own weeks.

    Each simulation draws teams anew from those there are, assigns them at random as the design
    says, adds the effect where a team is treated, and tests for it. The test is the same for all
    designs and respects teams: the estimate of the Hussey-Hughes model (weeks fixed, teams random)
    is held against what it would have been under other assignments.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person and week: ``unit`` (the team that is assigned), ``week``, ``value``;
        optional ``person_key``, or ``weight`` (persons of a row that is a mean).
    effect : float
        On the mean of a team and week, not 0.
    baseline_weeks : int
        First weeks in which nobody is treated.
    steps : int
        Of the stepped wedge, after the baseline.
    hold_out : float
        Share of teams that waits to the end.
    names : sequence of {"parallel", "stepped_wedge", "hold_out"}
    alpha : float
    simulations, assignments : int
    seed : int

    Returns
    -------
    Result
        Family MODEL; one row a design: ``design, power, low, high`` (of the simulation: Wilson's),
        ``mde`` (found with 80 % chance, by the spread of the estimate), ``n_units, n_treated``
        (teams treated at the end), ``weeks_treated`` and ``weeks_observed`` (person-weeks),
        ``power_per_1000`` (power for 1,000 person-weeks observed), ``n`` (persons). Estimates
        ``design_power`` by design. ``parameters["icc"]``: share of the variance of team means
        that stays from week to week.

    References
    ----------
    Hussey MA, Hughes JP (2007). Contemporary Clinical Trials 28:182-191. Thompson J et al. (2018).
    Statistics in Medicine 37:2479-2500 (permutation tests in stepped wedge trials).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"unit": np.repeat(range(20), 12), "week": np.tile(range(12), 20)})
    >>> frame["value"] = np.random.default_rng(1).normal(size=240)
    >>> found = designs(frame, effect=0.4, simulations=100, assignments=100)
    >>> found.frame[["design", "power", "n_treated"]].round(1).values.tolist()
    [['parallel', 0.7, 10], ['stepped_wedge', 0.6, 20], ['hold_out', 0.5, 16]]
    """
    from ldresearch.models import _designs
    from ldresearch.models.rates import wilson

    name = "designs"
    for one in names:
        among(one, f"{name}: names", DESIGNS)
    between(alpha, f"{name}: alpha", 0, 0.5)
    between(hold_out, f"{name}: hold_out", 0, 1)
    if effect == 0 or not math.isfinite(effect):
        raise ParameterError(
            message("no effect cannot be planned for", where=f"{name}: effect", got=effect)
        )
    if min(baseline_weeks, steps, simulations, assignments) < 1:
        raise ParameterError(
            message("numbers of weeks, steps and simulations are at least 1", where=name,
                    got=[baseline_weeks, steps, simulations, assignments])
        )  # fmt: skip
    if frame.empty:
        return not_enough(name, Family.MODEL, why_empty(frame, "nobody is known"))
    require(frame, ["unit", "week", "value"], name)
    panel, weight, dropped = _panel(frame, name)
    n_units, n_weeks = panel.shape
    if n_units < 6:
        return not_enough(
            name, Family.MODEL, f"{n_units} teams have people in every week, and 6 are needed to "
            "compare designs"
        )  # fmt: skip
    if n_weeks - baseline_weeks < 2:
        return not_enough(
            name, Family.MODEL, f"{n_weeks} weeks are known, and two more than the "
            f"{baseline_weeks} of the baseline are needed"
        )  # fmt: skip
    if np.ptp(panel) == 0:
        return not_enough(name, Family.MODEL, "the value is the same in all teams and weeks")
    theta, likeness = _designs.shrinkage(panel)
    rows, estimates = [], []
    n = persons(frame)
    observed = float(weight.sum())
    for one in names:
        rng = np.random.default_rng([seed, DESIGNS.index(one)])
        plans = _designs.assignments(
            rng, one, n_units, n_weeks, baseline_weeks, steps, hold_out, assignments
        )
        found, spread = _designs.rejections(rng, panel, plans, theta, effect, alpha, simulations)
        share = float(found.mean())
        low, high = wilson(found.sum(), simulations)
        treated = float(np.einsum("rgt,gt->r", plans, weight).mean())
        rows.append(
            (one, share, float(low), float(high), _designs.DETECTABLE * spread, n_units,
             round(float(plans[:, :, -1].sum(axis=1).mean())), round(treated),
             round(observed), 1000 * share / observed, n)
        )  # fmt: skip
        estimates.append(
            Estimate("design_power", share, float(low), float(high), n, "probability", label=one)
        )
    columns = ["design", "power", "low", "high", "mde", "n_units", "n_treated", "weeks_treated",
               "weeks_observed", "power_per_1000", "n"]  # fmt: skip
    return Result(
        name, Family.MODEL, pd.DataFrame(rows, columns=columns),
        {
            "design": Role.KEY, "power": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "mde": Role.VALUE, "n_units": Role.VALUE, "n_treated": Role.VALUE,
            "weeks_treated": Role.VALUE, "weeks_observed": Role.VALUE,
            "power_per_1000": Role.VALUE, "n": Role.N,
        },
        tuple(estimates),
        "Simulation on the organisation's own weeks: teams drawn anew, assigned at random, an "
        "effect added; Hussey-Hughes estimate tested by re-assignment.",
        {
            "effect": effect, "baseline_weeks": baseline_weeks, "steps": steps,
            "hold_out": hold_out, "simulations": simulations, "seed": seed, "icc": likeness,
            "n_units_dropped": dropped, "alpha": alpha,
        },
    )  # fmt: skip


def _panel(frame: pd.DataFrame, name: str) -> tuple[Floats, Floats, int]:
    """Means and persons by unit and week; units without people in some week are left out."""
    value = numbers(frame, "value", name)
    weight = numbers(frame, "weight", name, low=0) if "weight" in frame else np.ones(len(frame))
    kept = (frame["unit"].notna() & frame["week"].notna()).to_numpy()
    units, unit_names = pd.factorize(frame.loc[kept, "unit"], sort=True)
    weeks, week_names = pd.factorize(frame.loc[kept, "week"], sort=True)
    shape = (len(unit_names), len(week_names))
    place = units * shape[1] + weeks
    size = shape[0] * shape[1]
    n = np.bincount(place, weight[kept], minlength=size).reshape(shape)
    total = np.bincount(place, weight[kept] * value[kept], minlength=size).reshape(shape)
    full = (n > 0).all(axis=1)
    return total[full] / n[full], n[full], int((~full).sum())
