"""Campaigns over plain frames: what a launch brought, and how strong the answer is.

- :func:`touches`, :func:`dose`: what was sent, to how many, and who then reached first value.
- :func:`response`, :func:`decay`: one campaign against the same weekdays before it.
- :func:`interrupted`: a single launch without controls, as an interrupted time series.
- :func:`att`: units that start at different times, against units that have not (yet) started.
- :func:`pool`: one effect from each of several clients or campaigns.
- :func:`strategies`: goal-tied and broad against drip, across campaigns.
- :func:`permutation_bound`: the smallest p-value that so few campaigns can give.
- :func:`cost_per_activated`: money for each person who would not have started otherwise.
- :func:`twfe`: the regression that is not used, shown as a contrast.

Every effect carries the grade of evidence that follows from its design (:func:`grade`), and comes
with a 95 % interval or with the sentence that says why there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.models import _checks, _did, _lift, _pooling, _series, rates
from ldresearch.models._design import Bound, Design, bound, grade, weakest
from ldresearch.models._frame import Floats, numbers, require
from ldresearch.result import Estimate, Result, Scalar, Step, not_enough
from ldresearch.vocabulary import Family, Grade, Role

__all__ = [
    "Bound", "Design", "att", "bound", "cost_per_activated", "decay", "dose", "grade",
    "interrupted", "permutation_bound", "pool", "response", "strategies", "touches", "trust",
    "twfe", "weakest",
]  # fmt: skip

Z95: Final = rates.Z95


def _missing(frame: pd.DataFrame, name: str, family: Family, otherwise: str) -> Result:
    return not_enough(name, family, str(frame.attrs.get("missing") or otherwise))


def _one_of(value: str, allowed: Sequence[str], where: str) -> str:
    if value not in allowed:
        raise ParameterError(
            message("not one of the choices", where=where, got=value, allowed=", ".join(allowed),
                    do=did_you_mean(value, allowed))
        )  # fmt: skip
    return value


# What was sent ------------------------------------------------------------------------------


def touches(frame: pd.DataFrame) -> Result:
    """Put the send-outs of each campaign on one line of weeks.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``campaign, week_on, n_touches, n_persons``.

    Returns
    -------
    Result
        Family COUNTS: ``campaign, week_on, n_touches, n``.

    Examples
    --------
    >>> import pandas as pd
    >>> sent = pd.DataFrame({"campaign": ["Spring"], "week_on": [pd.Timestamp("2024-03-04")],
    ...                      "n_touches": [40], "n_persons": [20]})
    >>> touches(sent).frame["n"].tolist()
    [20]
    """
    name = "touches"
    if frame.empty:
        return _missing(frame, name, Family.COUNTS, "no touches are recorded")
    require(frame, ["campaign", "week_on", "n_touches", "n_persons"], name)
    out = frame.rename(columns={"n_persons": "n"})[["campaign", "week_on", "n_touches", "n"]]
    return Result(
        name, Family.COUNTS, out.sort_values(["campaign", "week_on"], ignore_index=True),
        {"campaign": Role.KEY, "week_on": Role.TIME, "n_touches": Role.COUNT, "n": Role.N},
        method="Touches sent and distinct persons reached, by week.",
    )  # fmt: skip


def dose(frame: pd.DataFrame) -> Result:
    """Give the share that reached first value by the number of touches.

    People who were written to more often differ in other ways, so this is descriptive.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``campaign, touches`` (text or number: how many), ``n_reached, n``.

    Returns
    -------
    Result
        Family RATES: ``campaign, touches, n_reached, n, share, low, high``; estimates
        ``dose_response``.

    Examples
    --------
    >>> import pandas as pd
    >>> sent = pd.DataFrame({"campaign": ["Spring", "Spring"], "touches": ["1", "2"],
    ...                      "n_reached": [30, 50], "n": [100, 100]})
    >>> dose(sent).frame["share"].tolist()
    [0.3, 0.5]
    """
    return rates.shares(frame, keys=("campaign", "touches"), metric="dose_response", name="dose")


# One campaign against the days before it ----------------------------------------------------


def response(frame: pd.DataFrame, *, window_days: int = 28, baseline_weeks: int = 8) -> Result:
    """Compare the days after a campaign began with the same weekdays before it.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a ``campaign``, ``day`` (0 is the first day of the campaign or touch, negative
        before) and ``part`` (a person, or an arbitrary group of the persons): ``n_responded``
        (persons with a value event that day), ``n`` (persons there). Optional ``is_holiday``
        (bool, the same for all rows of a day). Days without a row count as days without response
        as long as the part has a row at all.
    window_days : int
        Days from the start that are compared. Fewer where the log ends earlier.
    baseline_weeks : int
        Whole weeks before the start; of each weekday the lowest and the highest are set aside, so
        that one odd day (a holiday, an outage) moves nothing.

    Returns
    -------
    Result
        Family MEANS, one row a campaign: ``campaign, response, baseline`` (share of persons who
        respond on an average day), ``lift`` with ``low, high`` (response less baseline),
        ``ratio``, ``extra`` (person-days of response beyond the baseline), ``half_life,
        half_life_low, half_life_high`` (days; ``nan`` where it cannot be told, ``inf`` where no
        upper end), ``is_on_holiday``, ``note`` (empty or a sentence), ``n``. Estimates
        ``campaign_lift`` and ``lift_half_life``, labelled by campaign.

        The interval adds what varies between persons (delete-one jackknife over parts) and what
        all have in common from week to week before the start, with t by Welch and Satterthwaite.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [{"campaign": "Spring", "day": d, "part": p, "n": 10,
    ...          "n_responded": 2 + (d + p) % 3 + 3 * (d >= 0)}
    ...         for d in range(-56, 28) for p in range(12)]
    >>> round(response(pd.DataFrame(rows)).estimate("campaign_lift").value, 2)
    0.3
    """
    name = "response"
    if frame.empty:
        return _missing(frame, name, Family.MEANS, "no campaign has begun yet")
    require(frame, ["campaign", "day", "part", "n_responded", "n"], name)
    rows, estimates = [], []
    for campaign, own in frame.groupby(frame["campaign"].astype(str), sort=True):
        found = _lift.lift(_days(own, name), window_days, baseline_weeks)
        row = {"campaign": str(campaign), **found.row()}
        rows.append(row)
        graded = grade(
            Design(n_treated=1, n_before=found.n_weeks, n_after=found.n_days, is_adjusted=False)
        )
        if not found.note_is_fatal:
            estimates += [
                Estimate("campaign_lift", found.lift, found.low, found.high, found.n, "points",
                         graded, str(campaign)),
                Estimate("lift_half_life", found.half_life, found.half_life_low,
                         found.half_life_high, found.n, "days", graded, str(campaign)),
            ]  # fmt: skip
    out = pd.DataFrame(rows)
    if not estimates:
        return not_enough(name, Family.MEANS, str(out["note"].iloc[0]))
    return Result(
        name, Family.MEANS, out,
        {
            "campaign": Role.KEY, "response": Role.RATE, "baseline": Role.RATE,
            "lift": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "ratio": Role.VALUE,
            "extra": Role.VALUE, "half_life": Role.VALUE, "half_life_low": Role.LOW,
            "half_life_high": Role.HIGH, "is_on_holiday": Role.FLAG, "note": Role.KEY,
            "n": Role.N,
        },
        tuple(estimates),
        "Mean response in the window less the mean of the same weekdays before, lowest and highest "
        "set aside; errors from persons (jackknife) and from weeks.",
        {"window_days": window_days, "baseline_weeks": baseline_weeks},
    )  # fmt: skip


def decay(frame: pd.DataFrame, *, weeks: int = 12, baseline_weeks: int = 8) -> Result:
    """Follow the excess of each campaign over its baseline from week to week.

    Parameters
    ----------
    frame : pandas.DataFrame
        As for :func:`response`.
    weeks : int
        Weeks after the start, at most.
    baseline_weeks : int
        Whole weeks before the start, as for :func:`response`.

    Returns
    -------
    Result
        Family TREND: ``campaign, week`` (0 is the first), ``excess, low, high`` (share of persons
        on an average day, above the baseline), ``fitted`` (exponential decay; ``nan`` where no
        half-life is told), ``n``.

    Examples
    --------
    Of ten people two come on a day, and six in the week of the launch; a week later all is as
    before.

    >>> import pandas as pd
    >>> rows = [{"campaign": "Spring", "day": d, "part": p, "n": 10,
    ...          "n_responded": 6 if 0 <= d < 7 else 2}
    ...         for d in range(-56, 21) for p in range(12)]
    >>> decay(pd.DataFrame(rows), weeks=3).frame["excess"].round(2).tolist()
    [0.4, 0.0, 0.0]
    """
    name = "decay"
    if frame.empty:
        return _missing(frame, name, Family.TREND, "no campaign has begun yet")
    require(frame, ["campaign", "day", "part", "n_responded", "n"], name)
    parts = []
    note = ""
    for campaign, own in frame.groupby(frame["campaign"].astype(str), sort=True):
        found = _lift.weekly(_days(own, name), weeks, baseline_weeks)
        if found is None:
            note = note or "no campaign has a whole week after its start and three before it"
            continue
        parts.append(found.assign(campaign=str(campaign)))
    if not parts:
        return not_enough(name, Family.TREND, note)
    columns = ["campaign", "week", "excess", "low", "high", "fitted", "n"]
    return Result(
        name, Family.TREND, pd.concat(parts, ignore_index=True)[columns],
        {
            "campaign": Role.KEY, "week": Role.TIME, "excess": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "fitted": Role.VALUE, "n": Role.N,
        },
        method="Weekly response above the same weekdays before the start.",
        parameters={"weeks": weeks, "baseline_weeks": baseline_weeks},
    )  # fmt: skip


def _days(own: pd.DataFrame, name: str) -> _lift.Days:
    numbers(own, "n_responded", name, low=0)
    numbers(own, "n", name, low=0)
    numbers(own, "day", name)
    return _lift.days(own)


# A single launch ----------------------------------------------------------------------------


def interrupted(
    frame: pd.DataFrame, *, start: float, time: str = "time", outcome: str = "outcome",
    season: int = 0, measured_in: str = "points",
) -> Result:  # fmt: skip
    """Measure what changed when a launch began, from one series and without controls.

    A straight line before, a jump and a new slope after; what neighbouring periods have in common
    is modelled (AR(1), restricted likelihood) and its strength integrated out, so that the
    interval holds in short series.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a period. Optional ``n``: persons behind the period.
    start : float
        First period after the launch.
    time, outcome : str
        Columns: whole numbers of periods, and what was measured.
    season : int
        Length of a season in periods, 0 for none: 7 for days with weekdays.
    measured_in : str
        Unit of the outcome.

    Returns
    -------
    Result
        Family TREND: ``time, part`` (``before`` or ``after``), ``outcome, fitted, expected`` (had
        the line before gone on) with ``low, high``, ``n``. Estimates ``level_change`` (at the
        start), ``slope_change`` (a period) and ``mean_change`` (outcome less expected, over all
        periods after). Grade: adjusted, as nothing tells the launch from what else happened then.

    References
    ----------
    Turner SL et al. (2021). BMC Med Res Methodol 21:181 (restricted likelihood covers best).

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.DataFrame({"time": range(40),
    ...     "outcome": [0.1 + 0.001 * (i % 5) + 0.2 * (i >= 20) for i in range(40)]})
    >>> round(interrupted(weeks, start=20).estimate("level_change").value, 2)
    0.2
    """
    name, family = "interrupted", Family.TREND
    if frame.empty:
        return _missing(frame, name, family, "no period was seen")
    require(frame, [time, outcome], name)
    ordered = frame.sort_values(time, kind="stable", ignore_index=True)
    at, y = numbers(ordered, time, name), numbers(ordered, outcome, name)
    reason = _series.refused(at, y, start, season)
    if reason:
        return not_enough(name, family, reason)
    fit = _series.interrupted(at, y, start, season)
    n_by = numbers(ordered, "n", name, low=0) if "n" in ordered.columns else np.ones(len(at))
    n = int(n_by.max())
    n_before = int((at < start).sum())
    graded = grade(
        Design(n_treated=1, n_before=n_before, n_after=len(at) - n_before, is_adjusted=True)
    )
    per = f"{measured_in} per period"
    estimates = tuple(
        Estimate(metric, *fit.term(metric), n, unit, graded)
        for metric, unit in (
            ("level_change", measured_in), ("slope_change", per), ("mean_change", measured_in),
        )
    )  # fmt: skip
    after = at >= start
    out = pd.DataFrame(
        {
            "time": at, "part": np.where(after, "after", "before"), "outcome": y,
            "fitted": fit.fitted, "expected": fit.expected,
            "low": fit.expected_low, "high": fit.expected_high, "n": n_by.astype(int),
        }
    )  # fmt: skip
    return Result(
        name, family, out,
        {
            "time": Role.TIME, "part": Role.KEY, "outcome": Role.VALUE, "fitted": Role.VALUE,
            "expected": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "n": Role.N,
        },
        estimates,
        "Segmented regression with AR(1) errors; restricted likelihood, the autocorrelation "
        "integrated out; 95 % intervals.",
        {
            "start": start, "season": season, "autocorrelation": round(fit.rho, 3),
            "n_before": n_before, "n_after": len(at) - n_before,
        },
    )  # fmt: skip


# Staggered roll-outs ------------------------------------------------------------------------

_ATT_COLUMNS: Final = [
    "kind", "group", "time", "event", "estimate", "se", "low", "high", "band_low", "band_high",
    "is_before", "n",
]  # fmt: skip
_AVERAGE_LABELS: Final[Mapping[str, str]] = {
    "simple": "simple", "first": "first", "event_overall": "event", "group_overall": "group",
    "calendar_overall": "calendar",
}  # fmt: skip


def att(
    frame: pd.DataFrame,
    *,
    unit: str = "unit",
    time: str = "time",
    outcome: str = "outcome",
    first_treated: str = "first_treated",
    control: str = "never_treated",
    covariates: Sequence[str] = (),
    base: str = "varying",
    cluster: str = "",
    weight: str = "",
    persons: str = "",
    anticipation: int = 0,
    balance: int | None = None,
    is_randomised: bool = False,
    measured_in: str = "points",
    replicates: int = 999,
    seed: int = 1,
) -> Result:
    """Estimate the effect of a roll-out that reached units at different times.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a unit and period.
    unit, time, outcome : str
        Columns: who, in which period (a number), and what was measured.
    first_treated : str
        Column: first treated period of the unit; 0, missing or infinite where never.
    control : {"never_treated", "not_yet_treated"}
        With whom the treated are compared.
    covariates : sequence of str
        Numeric columns; the comparison is then doubly robust (logit and least squares), and with
        few units its interval is t's, as dates cannot be dealt anew among units that differ.
    base : {"varying", "universal"}
        Effects before the launch are measured from the period before each, or all from the last
        period before the launch.
    cluster : str
        Column of groups within which units are not independent; the unit itself by default.
    weight : str
        Column of sizes of the units; all alike by default.
    persons : str
        Column of persons behind a row; one a unit by default.
    anticipation : int
        Periods before the launch in which it may already act.
    balance : int, optional
        The event study keeps groups that are seen this many periods after their launch.
    is_randomised : bool
        Whether chance decided when a unit starts.
    measured_in : str
        Unit of the outcome.
    replicates, seed : int
        Of the bootstrap of the band and of the permutations.

    Returns
    -------
    Result
        Family CONTRAST. ``kind`` is ``group_time`` (with ``group, time``), ``event`` (``event``:
        periods since the launch), ``group``, ``calendar`` (``time``), and ``simple``,
        ``event_overall``, ``group_overall``, ``calendar_overall``. ``estimate, se, low, high``
        pointwise, ``band_low, band_high`` simultaneous within a kind, ``is_before``, ``n`` persons.
        Estimates ``campaign_att`` labelled ``simple`` (all units and periods), ``first`` (period
        of the launch), ``event, group, calendar``; ``pretrend_p``;
        ``pretrend_slope`` (steady divergence a period that the test finds with 80 % power).
        Parameters say how many units there are, how the interval was made (``interval``: ``t`` or
        ``permutation``), ``smallest_p``, ``permutation_p``, ``pretrend_drift`` (what such a
        divergence, unseen, would add to the effect), and units left out (``n_switched,
        n_incomplete, n_always``).

    Raises
    ------
    DataError
        If a column is missing or holds what it may not.
    ParameterError
        For an unknown ``control`` or ``base``.

    References
    ----------
    Callaway B, Sant'Anna PHC (2021). J Econometrics 225:200-230. Roth J (2022). AER: Insights
    4:305-322.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [{"unit": u, "time": t, "first_treated": 3 if u < 30 else 0,
    ...          "outcome": u % 7 + t + u % 5 * t / 50 + 2 * (u < 30 and t >= 3)}
    ...         for u in range(60) for t in range(1, 5)]
    >>> round(att(pd.DataFrame(rows)).estimate("campaign_att", "simple").value, 3)
    2.0
    """
    name, family = "att", Family.CONTRAST
    _one_of(control, ("never_treated", "not_yet_treated"), f"{name}: control")
    _one_of(base, ("varying", "universal"), f"{name}: base")
    if frame.empty:
        return _missing(frame, name, family, "no unit was seen")
    made = _panel(
        frame, unit, time, outcome, first_treated, tuple(covariates), cluster, weight, name
    )
    if isinstance(made, str):
        return not_enough(name, family, made)
    panel, left_out, kept = made
    rules = _did.Rules(control == "not_yet_treated", base == "universal", float(anticipation))
    reason = _not_identified(panel, rules)
    if reason:
        return not_enough(name, family, reason)
    effects = _did.group_time(panel, rules)
    if not [r for r in effects if not r.is_before]:
        reason = "no effect can be told: launched and other units do not overlap in covariates"
        return not_enough(name, family, reason)
    rows = [*effects, *_did.averages(panel, effects, balance)]
    spread = _did.spread(panel, rows)
    n_treated, n_control = _did.sides(panel)
    dealt: dict[str, _did.Permuted] = {}
    is_few = min(n_treated, n_control or n_treated) < _did.FEW
    if is_few and not covariates:
        dealt = _did.permuted(panel, rules, _did.AVERAGES, replicates=replicates, seed=seed)
    n_by_unit = _persons(kept, unit, persons, len(panel.first))
    out = _att_frame(rows, spread, dealt, n_by_unit)
    for kind in ("group_time", "event", "group", "calendar"):
        which = np.array([r.kind == kind for r in rows])
        half = _did.band(spread, which, is_few=is_few, replicates=replicates, seed=seed)
        out.loc[which, "band_low"] = (out["estimate"] - half)[which]
        out.loc[which, "band_high"] = (out["estimate"] + half)[which]
    test = _did.pretrend(panel, rows, rules)
    before = int((panel.times < panel.cohorts.max()).sum())
    controls = n_control or n_treated - _last_cohort(panel)
    facts = Design(
        n_treated=n_treated, n_control=controls, n_before=before, is_randomised=is_randomised
    )
    graded = grade(facts)
    n = int(n_by_unit.sum())
    estimates = [
        Estimate("campaign_att", float(r["estimate"]), float(r["low"]), float(r["high"]),
                 int(r["n"]), measured_in, graded, _AVERAGE_LABELS[str(r["kind"])])
        for r in out.to_dict("records") if r["kind"] in _AVERAGE_LABELS
    ]  # fmt: skip
    nan = math.nan
    estimates += [
        Estimate("pretrend_p", test.p, nan, nan, n, "probability", graded),
        Estimate("pretrend_slope", test.slope, nan, nan, n, f"{measured_in} per period", graded),
    ]
    simple = dealt.get("simple")
    return Result(
        name, family, out,
        {
            "kind": Role.KEY, "group": Role.TIME, "time": Role.TIME, "event": Role.TIME,
            "estimate": Role.VALUE, "se": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "band_low": Role.LOW, "band_high": Role.HIGH, "is_before": Role.FLAG, "n": Role.N,
        },
        tuple(estimates),
        _att_method(control, tuple(covariates), simple, is_few=is_few),
        {
            "control": control, "base": base, "n_units": len(panel.first),
            "n_treated": n_treated, "n_control": n_control,
            "n_cohorts": len(panel.cohorts),
            "interval": "permutation" if simple else "t",
            "smallest_p": bound(n_treated, n_treated + controls).two_sided,
            "permutation_p": simple.p if simple else None,
            "pretrend_df": test.df, "pretrend_drift": test.drift,
            **{f"n_{k}": v for k, v in left_out.items()},
        },
        attrition=_left_out_steps(left_out, len(panel.first)),
    )  # fmt: skip


def _att_method(
    control: str, covariates: tuple[str, ...], simple: _did.Permuted | None, *, is_few: bool
) -> str:
    how = "doubly robust for " + ", ".join(covariates) if covariates else "without covariates"
    with_whom = control.replace("_", " ")
    text = f"Callaway and Sant'Anna's ATT(g,t), {with_whom} controls, {how}; "
    if simple:
        return text + (
            "with so few units the interval holds every effect that dealing the launch dates anew "
            "does not reject."
        )
    if is_few:
        return text + "t over few units (Welch), bands by Sidak's bound."
    return text + "t over units or clusters (Welch), bands by multiplier bootstrap."


def _panel(
    frame: pd.DataFrame, unit: str, time: str, outcome: str, first_treated: str,
    covariates: tuple[str, ...], cluster: str, weight: str, name: str,
) -> tuple[_did.Panel, dict[str, int], pd.DataFrame] | str:  # fmt: skip
    """Make the frame a complete panel; a sentence where nothing is left."""
    optional = [c for c in (cluster, weight) if c]
    require(frame, [unit, time, outcome, first_treated, *covariates, *optional], name)
    numbers(frame, time, name)
    frame = frame.sort_values([unit, time], kind="stable", ignore_index=True)
    began = pd.to_numeric(frame[first_treated]).to_numpy(dtype=float, na_value=np.inf)
    frame = frame.assign(_began=np.where(began <= 0, np.inf, began))
    per_unit = frame.groupby(unit, sort=True)["_began"].nunique()
    switched = set(per_unit.index[per_unit > 1])
    kept = frame[~frame[unit].isin(switched)]
    times = np.sort(kept[time].unique().astype(float)) if len(kept) else np.array([])
    known = kept[[outcome, *covariates]].apply(pd.to_numeric).notna().all(axis=1)
    counts = kept[known].groupby(unit, sort=True)[time].agg(["nunique", "size"])
    if (counts["nunique"] < counts["size"]).any():
        return "a unit has two rows for one period: add them up first"
    complete = set(counts.index[counts["size"] == len(times)])
    n_incomplete = int(kept[unit].nunique()) - len(complete)
    kept = kept[kept[unit].isin(complete)]
    always = set(kept.loc[kept["_began"] <= (times[0] if len(times) else 0), unit])
    if always and len(always) == kept[unit].nunique():
        return "every unit was launched before the first period seen: there is no time before it"
    kept = kept[~kept[unit].isin(always)]
    left_out = {"switched": len(switched), "incomplete": n_incomplete, "always": len(always)}
    if kept.empty:
        return (
            f"no unit is seen in every period: {n_incomplete} have gaps and {len(switched)} "
            "change their launch date"
        )
    n, size = int(kept[unit].nunique()), len(times)
    first = kept.groupby(unit, sort=True)
    w = numbers(kept, weight, name, low=0).reshape(n, size).mean(axis=1) if weight else np.ones(n)
    groups = first[cluster].first() if cluster else None
    codes = np.arange(n) if groups is None else pd.factorize(groups)[0]
    x = np.stack([numbers(kept, c, name).reshape(n, size) for c in covariates], axis=2) \
        if covariates else np.zeros((n, size, 0))  # fmt: skip
    panel = _did.Panel(
        y=numbers(kept, outcome, name).reshape(n, size), x=x,
        first=first["_began"].first().to_numpy(dtype=float), weight=w / w.mean(),
        cluster=codes.astype(np.intp), times=times,
    )  # fmt: skip
    return panel, left_out, kept


def _not_identified(panel: _did.Panel, rules: _did.Rules) -> str:
    """Say why no effect can be told, in one sentence; empty where it can."""
    n = len(panel.first)
    never = int((~np.isfinite(panel.first)).sum())
    seen = panel.cohorts[panel.cohorts <= panel.times[-1]]
    if n < 2:
        return "one unit alone has nothing to be compared with"
    if not len(seen):
        return "no unit was launched within the periods seen"
    if not never and len(panel.cohorts) == 1:
        return "all units were launched at once, so no one is left to compare with"
    if not never and not rules.is_not_yet:
        return "every unit is launched in the end: compare with those not yet launched"
    if not len(panel.times[panel.times + rules.anticipation < panel.cohorts.max()]):
        return "no period before the launch was seen"
    if float(np.ptp(panel.y)) == 0:
        return "the outcome is the same in every unit and period"
    return ""


def _last_cohort(panel: _did.Panel) -> int:
    return len(np.unique(panel.cluster[panel.first == panel.cohorts.max()]))


def _persons(kept: pd.DataFrame, unit: str, persons: str, n: int) -> Floats:
    """Persons behind each unit: the most seen in one period."""
    if not persons:
        return np.ones(n)
    require(kept, [persons], "att")
    return kept.groupby(unit, sort=True)[persons].max().to_numpy(dtype=float)


def _att_frame(
    rows: Sequence[_did.Row], spread: _did.Spread, dealt: Mapping[str, _did.Permuted],
    persons: Floats,
) -> pd.DataFrame:  # fmt: skip
    out = []
    for row, se, half in zip(rows, spread.se, spread.half, strict=True):
        low, high = row.value - half, row.value + half
        if row.kind in dealt:
            low, high = dealt[row.kind].low, dealt[row.kind].high
        out.append(
            {
                "kind": row.kind, "group": row.group, "time": row.time, "event": row.event,
                "estimate": row.value, "se": float(se), "low": low, "high": high,
                "band_low": math.nan, "band_high": math.nan, "is_before": bool(row.is_before),
                "n": int(persons[row.units].sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(out, columns=_ATT_COLUMNS)


def _left_out_steps(left_out: Mapping[str, int], n: int) -> tuple[Step, ...]:
    words = {
        "switched": "units whose launch date changes",
        "incomplete": "units with gaps",
        "always": "units launched before the first period",
    }
    total = n + sum(left_out.values())
    steps = [Step("units", total, total)]
    for key, text in words.items():
        if left_out[key]:
            total -= left_out[key]
            steps.append(Step(f"without {text}", total, total))
    return tuple(steps)


def twfe(
    frame: pd.DataFrame, *, unit: str = "unit", time: str = "time", outcome: str = "outcome",
    first_treated: str = "first_treated", cluster: str = "", measured_in: str = "points",
) -> Result:  # fmt: skip
    """Fit two-way fixed effects, as a contrast only: biased where effects grow or differ.

    Parameters
    ----------
    frame : pandas.DataFrame
    unit, time, outcome, first_treated, cluster, measured_in : str
        As for :func:`att`.

    Returns
    -------
    Result
        Family MODEL, one row: ``term, estimate, se, low, high, n``. Its estimate ``twfe_effect``
        is graded descriptive, whatever the design.

    References
    ----------
    Goodman-Bacon A (2021). J Econometrics 225:254-277.

    Examples
    --------
    In one unit the launch comes in period 2, in the other in period 4, and each period after it
    brings one more. No unit ever loses, yet the regression says so; compared with those not yet
    launched, the early unit has gained 1 and then 2.

    >>> import pandas as pd
    >>> rows = [{"unit": u, "time": t, "first_treated": g, "outcome": max(t - g + 1, 0)}
    ...         for u, g in enumerate([2, 4]) for t in range(1, 9)]
    >>> twfe(pd.DataFrame(rows)).estimate("twfe_effect").value < 0
    True
    >>> found = att(pd.DataFrame(rows), control="not_yet_treated")
    >>> found.frame.loc[found.frame["kind"] == "event", "estimate"].tolist()
    [1.0, 2.0]
    """
    from scipy.special import stdtrit

    name = "twfe"
    if frame.empty:
        return _missing(frame, name, Family.MODEL, "no unit was seen")
    made = _panel(frame, unit, time, outcome, first_treated, (), cluster, "", name)
    if isinstance(made, str):
        return not_enough(name, Family.MODEL, made)
    panel = made[0]
    value, se = _did.two_way(panel)
    if not math.isfinite(value):
        return not_enough(name, Family.MODEL, "no unit was launched within the periods seen")
    half = float(stdtrit(max(len(np.unique(panel.cluster)) - 1, 1), 0.975)) * se
    out = pd.DataFrame(
        {
            "term": ["treated"], "estimate": value, "se": se, "low": value - half,
            "high": value + half, "n": len(panel.first),
        }
    )  # fmt: skip
    return Result(
        name, Family.MODEL, out,
        {
            "term": Role.KEY, "estimate": Role.VALUE, "se": Role.VALUE, "low": Role.LOW,
            "high": Role.HIGH, "n": Role.N,
        },
        (Estimate("twfe_effect", value, value - half, value + half, len(panel.first),
                  measured_in, Grade.DESCRIPTIVE),),
        "Two-way fixed effects, errors by cluster; a contrast, not an answer.",
    )  # fmt: skip


# Several clients ----------------------------------------------------------------------------


def pool(
    estimates: pd.DataFrame,
    *,
    effect: str = "effect",
    se: str = "se",
    label: str = "label",
    method: str = "reml",
    is_guarded: bool = True,
    measured_in: str = "points",
) -> Result:
    """Pool one effect from each of several clients by random effects.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One row a client or campaign: its effect, standard error and name; optional ``n`` (persons)
        and ``grade``. Without ``se``, columns ``low`` and ``high`` (95 %) do.
    effect, se, label : str
        Columns.
    method : {"reml", "dl", "pm"}
        Variance between clients: restricted likelihood, DerSimonian-Laird, Paule-Mandel.
    is_guarded : bool
        Hartung-Knapp never narrower than with a known variance (factor at least 1).
    measured_in : str
        Unit of the effect.

    Returns
    -------
    Result
        Family CONTRAST: one row a client (``kind`` ``client``: ``label, effect, se, low, high,
        share_of_weight, n``), one ``pooled`` and one ``next`` (where the effect of the next client
        would lie, 95 %). Estimates ``pooled_effect``, ``next_effect``, ``between_sd`` (spread
        between clients, interval by the Q-profile), ``between_share`` (I²). The grade is the
        weakest of the clients'. Parameters: ``k, q, q_df, q_p, tau2, tau2_low, tau2_high, i2,
        method, p, se`` and ``note``: what so few clients cannot tell.

    References
    ----------
    Hartung J, Knapp G (2001). Stat Med 20:3875-3889. IntHout J et al. (2014). BMC Med Res
    Methodol 14:25.

    Examples
    --------
    >>> import pandas as pd
    >>> four = pd.DataFrame({"label": list("ABCD"), "effect": [0.10, 0.15, 0.08, 0.12],
    ...                      "se": [0.02, 0.03, 0.02, 0.03]})
    >>> round(pool(four).estimate("pooled_effect").value, 3)
    0.106
    """
    name, family = "pool", Family.CONTRAST
    _one_of(method, _pooling.METHODS, f"{name}: method")
    if estimates.empty:
        return _missing(estimates, name, family, "no client has an effect to pool")
    frame = _with_errors(estimates, effect, se, label, name)
    n_dropped = len(estimates) - len(frame)
    if len(frame) < 2:
        reason = f"{len(frame)} client has an effect with an interval, and pooling takes two"
        return not_enough(name, family, reason)
    y, errors = numbers(frame, effect, name), numbers(frame, se, name)
    found = _pooling.random_effects(y, errors, method=method, is_guarded=is_guarded)
    persons = frame["n"].to_numpy(dtype=int) if "n" in frame.columns else np.ones(len(y), int)
    n, k = int(persons.sum()), len(y)
    graded = weakest(*frame["grade"]) if "grade" in frame.columns else Grade.DESCRIPTIVE
    each = pd.DataFrame(
        {
            "kind": "client", "label": frame[label].astype(str), "effect": y, "se": errors,
            "low": y - Z95 * errors, "high": y + Z95 * errors,
            "share_of_weight": found.weights, "n": persons,
        }
    )  # fmt: skip
    nan = math.nan
    both = pd.DataFrame(
        [
            ("pooled", "all", found.mean, found.se, found.low, found.high, 1.0, n),
            ("next", "next client", found.mean, nan, found.predicted_low, found.predicted_high,
             nan, n),
        ],
        columns=each.columns,
    )  # fmt: skip
    spread = [math.sqrt(v) for v in (found.tau2, found.tau2_low, found.tau2_high)]
    return Result(
        name, family, pd.concat([each, both], ignore_index=True),
        {
            "kind": Role.KEY, "label": Role.KEY, "effect": Role.VALUE, "se": Role.VALUE,
            "low": Role.LOW, "high": Role.HIGH, "share_of_weight": Role.VALUE, "n": Role.N,
        },
        (
            Estimate("pooled_effect", found.mean, found.low, found.high, n, measured_in, graded),
            Estimate("next_effect", found.mean, found.predicted_low, found.predicted_high, n,
                     measured_in, graded),
            Estimate("between_sd", spread[0], spread[1], spread[2], n, measured_in, graded),
            Estimate("between_share", found.i2, nan, nan, n, "share", graded),
        ),
        f"Random effects ({method.upper()}), Hartung-Knapp interval with {k - 1} degrees of "
        "freedom" + (", never narrower than with a known variance." if is_guarded else "."),
        {
            "k": k, "q": found.q, "q_df": k - 1, "q_p": found.q_p, "tau2": found.tau2,
            "tau2_low": found.tau2_low, "tau2_high": found.tau2_high, "i2": found.i2,
            "method": method, "p": found.p, "se": found.se, "n_dropped": n_dropped,
            "note": _pool_note(k),
        },
    )  # fmt: skip


def _pool_note(k: int) -> str:
    if k == 2:
        return (
            "two clients cannot tell how much clients differ: the interval is twelve standard "
            "errors wide on either side"
        )
    if k < 5:
        return f"{k} clients say little of how much clients differ"
    return ""


def _with_errors(frame: pd.DataFrame, effect: str, se: str, label: str, name: str) -> pd.DataFrame:
    """Return the rows with an effect and an error, which may be read off an interval."""
    require(frame, [effect, label], name)
    if se not in frame.columns:
        require(frame, ["low", "high"], name)
        frame = frame.assign(**{se: (frame["high"] - frame["low"]) / (2 * Z95)})
    known = np.isfinite(frame[[effect, se]].apply(pd.to_numeric).to_numpy(dtype=float))
    positive = frame[se].to_numpy(dtype=float, na_value=np.nan) > 0
    kept: pd.DataFrame = frame[known.all(axis=1) & positive]
    return kept.reset_index(drop=True)


def permutation_bound(n_treated: int, n: int, *, n_persons: int = 0) -> Result:
    """Say what so few campaigns can show at best.

    Parameters
    ----------
    n_treated, n : int
        How many of how many campaigns (clients, units) had the strategy.
    n_persons : int
        People in those campaigns, for the disclosure rules.

    Returns
    -------
    Result
        Family CHECKS: ``test`` (``one-sided``, ``two-sided``, ``wild bootstrap``), ``fraction``
        (text, ``1/6``), ``value``, ``can_reject``. Estimate ``smallest_p`` (two-sided).
        Parameters ``n_treated, n, n_assignments, can_reject, note`` (a sentence without full stop).

    Examples
    --------
    >>> permutation_bound(2, 4).frame["fraction"].tolist()
    ['1/6', '1/3', '1/8']
    """
    name = "permutation_bound"
    if n < 2 or not 0 < n_treated < n:
        reason = f"{n_treated} of {n} campaigns had the strategy, so there is nothing to compare"
        return not_enough(name, Family.CHECKS, reason)
    found = bound(n_treated, n)
    values = (found.one_sided, found.two_sided, found.wild)
    out = pd.DataFrame(
        {
            "test": ["one-sided", "two-sided", "wild bootstrap"],
            "fraction": [f"1/{round(1 / v)}" for v in values],
            "value": values,
            "can_reject": [v <= 0.05 for v in values],
        }
    )
    note = (
        f"with {n_treated} of {n} campaigns there are {found.n_assignments:,} ways to share them "
        f"out, so the smallest possible p is {out['fraction'].iloc[0]} one-sided and "
        f"{out['fraction'].iloc[1]} two-sided"
    )
    nan = math.nan
    return Result(
        name, Family.CHECKS, out,
        {
            "test": Role.KEY, "fraction": Role.KEY, "value": Role.VALUE, "can_reject": Role.FLAG,
        },
        (Estimate("smallest_p", found.two_sided, nan, nan, n_persons or n, "probability"),),
        "Counted: every way to choose which campaigns had the strategy.",
        {
            "n_treated": n_treated, "n": n, "n_assignments": found.n_assignments,
            "can_reject": found.can_reject, "note": note,
        },
    )  # fmt: skip


# Which strategy -----------------------------------------------------------------------------

_ARMS: Final = ("broad, goal-tied", "drip")


def strategies(frame: pd.DataFrame, *, within_days: int = 30) -> Result:
    """Compare broad, goal-tied campaigns with drip campaigns.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a campaign: ``campaign, client, strategy`` (``broad``, ``phased``, ``drip``,
        ``pilot``, ``always_on``), ``is_goal_tied`` (bool), ``n_reached`` (reached first value
        within the days), ``n`` (followed that long). Optional ``effect, se`` (over what would have
        happened without the campaign, a share) and ``grade``: then effects are compared, not plain
        shares. Rows without a strategy are set aside and counted.
    within_days : int
        Written into the parameters.

    Returns
    -------
    Result
        Family RATES: ``arm`` (strategy and whether goal-tied), ``n_campaigns, n_clients,
        n_reached, n, share, low, high``. Estimates ``strategy_difference``, shares from -1 to 1,
        broad and goal-tied less drip: labelled ``these campaigns`` (people are what varies; within
        the clients that ran both where there are any) and
        ``such campaigns`` (campaigns are what varies: what to expect of others like them), graded
        each by its own design; and ``smallest_p`` of a comparison of so many campaigns. Parameters
        ``n_broad, n_drip, n_unknown, is_within_clients`` (some client ran both), ``fraction``
        (smallest p as text), ``note``.

    Examples
    --------
    >>> import pandas as pd
    >>> four = pd.DataFrame({"campaign": list("ABCD"), "client": ["one", "one", "two", "two"],
    ...                      "strategy": ["broad", "broad", "drip", "drip"],
    ...                      "is_goal_tied": [True, True, False, False],
    ...                      "n_reached": [30, 34, 11, 13], "n": [100] * 4})
    >>> found = strategies(four)
    >>> found.frame[["arm", "share"]].to_dict("list")
    {'arm': ['broad, goal-tied', 'drip'], 'share': [0.32, 0.12]}

    The people of these campaigns differ by 20 points; two campaigns of each kind say less of
    others like them.

    >>> for label in ("these campaigns", "such campaigns"):
    ...     found.estimate("strategy_difference", label).low > 0.1
    True
    False
    >>> found.parameters["fraction"]
    '1/6'
    """
    name, family = "strategies", Family.RATES
    if frame.empty:
        return _missing(frame, name, family, "no campaign was seen")
    require(frame, ["campaign", "client", "strategy", "is_goal_tied", "n_reached", "n"], name)
    named = frame[frame["strategy"].notna() & frame["is_goal_tied"].notna() & (frame["n"] > 0)]
    n_unknown = len(frame) - len(named)
    named = named.assign(arm=_arm(named))
    one, other = (named[named["arm"] == arm] for arm in _ARMS)
    if named.empty:
        return not_enough(name, family, "no campaign says which strategy it followed")
    reason = _cannot_compare(len(named), len(one), len(other))
    if reason:
        return not_enough(name, family, reason)
    arms = named.groupby("arm", as_index=False, sort=True).agg(
        n_campaigns=("campaign", "nunique"), n_clients=("client", "nunique"),
        n_reached=("n_reached", "sum"), n=("n", "sum"),
    )  # fmt: skip
    shares = rates.shares(arms, keys=("arm",), name=name)
    out = shares.frame.merge(arms[["arm", "n_campaigns", "n_clients"]], on="arm", how="left")
    both = set(one["client"]) & set(other["client"])
    people, campaigns = _people_difference(one, other), _campaign_difference(one, other)
    least = bound(len(one), len(one) + len(other))
    n = int(one["n"].sum() + other["n"].sum())
    is_effect = "effect" in frame.columns
    by_people = weakest(*pd.concat([one, other])["grade"]) if "grade" in frame.columns else \
        grade(Design(n_treated=len(one), n_control=len(other), is_adjusted=bool(both)))  # fmt: skip
    by_campaigns = grade(
        Design(n_treated=len(one), n_control=len(other), n_before=1 if is_effect else 0)
    ) if least.can_reject else Grade.DESCRIPTIVE  # fmt: skip
    fraction = f"1/{round(1 / least.one_sided)}"
    nan = math.nan
    roles = dict(shares.roles) | {"n_campaigns": Role.VALUE, "n_clients": Role.VALUE}
    return Result(
        name, family, out, roles,
        (
            Estimate("strategy_difference", *people, n, "points", by_people, "these campaigns"),
            Estimate("strategy_difference", *campaigns, n, "points", by_campaigns,
                     "such campaigns"),
            Estimate("smallest_p", least.one_sided, nan, nan, n, "probability"),
        ),
        "Broad and goal-tied less drip: over the people of these campaigns, and with campaigns "
        "as the units (pooled t).",
        {
            "within_days": within_days, "n_broad": len(one), "n_drip": len(other),
            "n_unknown": n_unknown, "is_within_clients": bool(both), "fraction": fraction,
            "note": "" if both else "no client ran both, so what differs between clients may be "
            "taken for the strategy",
        },
    )  # fmt: skip


def _arm(frame: pd.DataFrame) -> pd.Series:
    breadth = frame["strategy"].astype(str)
    tied = np.where(frame["is_goal_tied"].astype(bool), ", goal-tied", ", not goal-tied")
    return (breadth + tied).where(breadth != "drip", "drip")


def _cannot_compare(n: int, n_broad: int, n_drip: int) -> str:
    if n_broad + n_drip < 3 or not n_broad or not n_drip:
        what = "one campaign was" if n_broad == 1 else f"{n_broad} campaigns were"
        return (
            f"campaigns cannot be compared: of {n}, {what} broad and goal-tied and {n_drip} drip, "
            "and it takes three with at least one of each"
        )
    return ""


def _values(arm: pd.DataFrame) -> tuple[Floats, Floats]:
    """Effect and error of each campaign: its own, or the plain share."""
    if "effect" in arm.columns and "se" in arm.columns:
        return arm["effect"].to_numpy(dtype=float), arm["se"].to_numpy(dtype=float)
    count, n = arm["n_reached"].to_numpy(dtype=float), arm["n"].to_numpy(dtype=float)
    smooth = (count + 1) / (n + 2)  # Agresti and Caffo: no error of nought where all or none did
    return count / n, np.sqrt(smooth * (1 - smooth) / (n + 2))


def _people_difference(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float, float]:
    """Difference over people: within the clients that ran both where there are any."""
    both = sorted(set(one["client"]) & set(other["client"]))
    pairs = [(one[one["client"] == c], other[other["client"] == c]) for c in both]
    pairs = pairs or [(one, other)]
    parts = [_arm_difference(*pair) for pair in pairs]
    size = np.array([1 / (1 / a["n"].sum() + 1 / b["n"].sum()) for a, b in pairs])
    share = size / size.sum()
    difference = float(share @ np.array([value for value, _ in parts]))
    half = Z95 * math.sqrt(float(share**2 @ np.array([variance for _, variance in parts])))
    return difference, difference - half, difference + half


def _arm_difference(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """Difference of means over people, and its variance."""
    means, variance = [], 0.0
    for arm in (one, other):
        value, se = _values(arm)
        share = arm["n"].to_numpy(dtype=float) / arm["n"].sum()
        means.append(float(share @ value))
        variance += float(share**2 @ se**2)
    return means[0] - means[1], variance


def _campaign_difference(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float, float]:
    """Difference of plain means over campaigns, never surer than the people allow."""
    from scipy.special import stdtrit

    (a, a_se), (b, b_se) = _values(one), _values(other)
    df = len(a) + len(b) - 2
    within = float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / df
    between = within * (1 / len(a) + 1 / len(b))
    sampling = float((a_se**2).sum()) / len(a) ** 2 + float((b_se**2).sum()) / len(b) ** 2
    difference = float(a.mean() - b.mean())
    half = float(stdtrit(df, 0.975)) * math.sqrt(max(between, sampling))
    return difference, difference - half, difference + half


# What it costs ------------------------------------------------------------------------------


def cost_per_activated(frame: pd.DataFrame, *, currency: str = "") -> Result:
    """Divide what a campaign cost by the people it brought to first value.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a campaign: ``campaign, cost, activated`` (people beyond those who would have
        started anyway), ``se`` (its standard error), ``n`` (people reached). Optional ``cost_se``,
        ``grade``.
    currency : str
        Unit of the cost.

    Returns
    -------
    Result
        Family MEANS: ``campaign, cost, activated, cost_each, low, high, note, n``; estimates
        ``cost_per_activated``. The interval is Fieller's: where the campaign may have brought no
        one, the upper end is infinite and ``note`` says so; where it may as well have lost
        people, there is no value at all.

    References
    ----------
    Fieller EC (1954). J R Stat Soc B 16:175-185.

    Examples
    --------
    >>> import pandas as pd
    >>> spent = pd.DataFrame({"campaign": ["Spring"], "cost": [5000.0], "activated": [100.0],
    ...                       "se": [10.0], "n": [400]})
    >>> round(cost_per_activated(spent).estimate("cost_per_activated").value)
    50
    """
    name, family = "cost_per_activated", Family.MEANS
    if frame.empty:
        return _missing(frame, name, family, "no campaign has a cost")
    require(frame, ["campaign", "cost", "activated", "se", "n"], name)
    known = frame[frame[["cost", "activated", "se"]].notna().all(axis=1)]
    if known.empty:
        return not_enough(name, family, "no campaign has both a cost and an effect")
    rows, estimates = [], []
    for r in known.to_dict("records"):
        each = fieller(
            float(r["cost"]), float(r.get("cost_se") or 0.0), float(r["activated"]), float(r["se"])
        )
        note = _cost_note(each)
        rows.append((str(r["campaign"]), r["cost"], r["activated"], *each, note, int(r["n"])))
        graded = Grade(r.get("grade") or Grade.DESCRIPTIVE)
        estimates.append(
            Estimate("cost_per_activated", *each, int(r["n"]), currency or "money", graded,
                     str(r["campaign"]))
        )  # fmt: skip
    columns = ["campaign", "cost", "activated", "cost_each", "low", "high", "note", "n"]
    return Result(
        name, family, pd.DataFrame(rows, columns=columns),
        {
            "campaign": Role.KEY, "cost": Role.VALUE, "activated": Role.VALUE,
            "cost_each": Role.VALUE, "low": Role.LOW, "high": Role.HIGH, "note": Role.KEY,
            "n": Role.N,
        },
        tuple(estimates),
        "Cost over people brought to first value beyond the baseline; Fieller's 95 % interval.",
        {"currency": currency},
        beside=("cost", "cost_each", "cost_per_activated"),
    )  # fmt: skip


def fieller(
    top: float, top_se: float, bottom: float, bottom_se: float
) -> tuple[float, float, float]:
    """Return a ratio of two independent estimates and its 95 % interval.

    The upper end is infinite where the bottom may be nought; all three are ``nan`` where it is
    not above nought.

    Parameters
    ----------
    top, top_se : float
        What is divided, and its standard error.
    bottom, bottom_se : float
        What it is divided by, and its standard error.

    Returns
    -------
    tuple of float
        The ratio, and the low and high end of its interval.

    Examples
    --------
    >>> [round(v, 2) for v in fieller(5000, 0, 100, 10)]
    [50.0, 41.81, 62.19]
    """
    if bottom <= 0 or top < 0:
        return math.nan, math.nan, math.nan
    a = bottom**2 - (Z95 * bottom_se) ** 2
    c = top**2 - (Z95 * top_se) ** 2
    middle = top * bottom
    root = math.sqrt(max(middle**2 - a * c, 0.0))
    low = max(c / (middle + root), 0.0) if middle + root > 0 else 0.0
    return top / bottom, low, (middle + root) / a if a > 0 else math.inf


def _cost_note(each: tuple[float, float, float]) -> str:
    if math.isnan(each[0]):
        return "the campaign brought no one beyond those who would have started anyway"
    if math.isinf(each[2]):
        return "the campaign may have brought no one, so the cost has no upper end"
    return ""


# May it be trusted --------------------------------------------------------------------------


def trust(
    effect: Result | None = None, lifts: Result | None = None, pooled: Result | None = None,
    series: Result | None = None,
) -> Result:  # fmt: skip
    """Check what the answers rest on.

    Parameters
    ----------
    effect, lifts, pooled, series : Result, optional
        Of :func:`att`, :func:`response`, :func:`pool` and :func:`interrupted`.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``. Checks ``pretrend`` (p at least .05),
        ``pretrend_power`` (an unseen divergence would add less than half of the effect),
        ``few_units`` (launched and other units, at least twenty each), ``switched`` (units left
        out, percent), ``holiday`` (campaigns begun on one), ``heterogeneity`` (I² in percent, at
        most 75), ``autocorrelation`` (at most .8).

    Examples
    --------
    One campaign began on a public holiday; of what was not asked, nothing is known.

    >>> import pandas as pd
    >>> rows = [{"campaign": "Spring", "day": d, "part": p, "n": 10, "n_responded": 2,
    ...          "is_holiday": d == 0} for d in range(-56, 28) for p in range(12)]
    >>> checks = trust(lifts=response(pd.DataFrame(rows))).frame.set_index("check")
    >>> checks.loc[["holiday", "pretrend"], "status"].tolist()
    ['not passed', 'not known']
    """
    rows = [
        *_att_checks(effect), *_lift_checks(lifts), *_pool_checks(pooled), *_series_checks(series),
    ]  # fmt: skip
    return _checks.trust(rows)


def _att_checks(found: Result | None) -> list[_checks.Row]:
    nan = math.nan
    p = drift = few = out = nan
    if found is not None and not found.is_empty:
        get = found.parameters
        p = found.estimate("pretrend_p").value
        value = found.estimate("campaign_att", "simple").value
        drift = _number(get["pretrend_drift"]) / abs(value) if value else nan
        few = min(_number(get["n_treated"]), _number(get["n_control"]))
        gone = sum(_number(get[f"n_{k}"]) for k in ("switched", "incomplete", "always"))
        out = 100 * gone / (gone + _number(get["n_units"]))
    return [
        _checks.at_least("pretrend", p, 0.05),
        _checks.at_most("pretrend_power", 100 * drift, 50.0),
        _checks.at_least("few_units", few, float(_did.FEW)),
        _checks.at_most("switched", out, 5.0),
    ]


def _lift_checks(found: Result | None) -> list[_checks.Row]:
    value = math.nan
    if found is not None and not found.is_empty:
        value = float(found.frame["is_on_holiday"].sum())
    return [_checks.at_most("holiday", value, 0.0)]


def _pool_checks(found: Result | None) -> list[_checks.Row]:
    value = math.nan
    if found is not None and not found.is_empty:
        value = 100 * _number(found.parameters["i2"])
    return [_checks.at_most("heterogeneity", value, 75.0)]


def _series_checks(found: Result | None) -> list[_checks.Row]:
    value = math.nan
    if found is not None and not found.is_empty:
        value = _number(found.parameters["autocorrelation"])
    return [_checks.at_most("autocorrelation", value, 0.8)]


def _number(value: Scalar) -> float:
    return math.nan if value is None else float(value)
