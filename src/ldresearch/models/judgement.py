"""Holding an initiative against its plan, once it is over: kept or not, worth it or not, what now.

What was meant to happen comes from the measurement plan as it was frozen; where there is none,
from parameters, and then the answers say that nothing was fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ldresearch.models import _checks, impact
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Direction, Family, Grade, Role, metrics

if TYPE_CHECKING:
    from ldresearch.plan import Plan
    from ldresearch.plan_ledger import Standing

TREATED, CONTROL = "treated", "control"
IDENTIFIED: Final = (Grade.RANDOMISED, Grade.QUASI_EXPERIMENTAL)
"""Grades of a difference that may be called an effect."""
WITHIN_DAYS: Final = 7
"""A date counts as kept if it is missed by no more than this."""
MONTH_DAYS: Final = 30.44
PAYBACK_MONTHS: Final = 12.0
"""What is not earned back within a year at the pace on record is not worth its cost."""
FROZEN, LATE, EDITED, UNFROZEN, ABSENT = "frozen", "late", "edited", "unfrozen", "absent"
SCALE, RENEW, RETIRE, REPEAT, WAIT = "scale", "renew", "retire", "repeat", "wait"
"""Verdicts: more of it, as it is, no more; once more with someone left out; too early."""

_Z90, _Z95 = 1.2815515655446004, 1.959963984540054
_CHANCE_OF_MISMATCH: Final = 3.2905267314918945
"""z of p = .001, as for a sample-ratio mismatch."""

Row = tuple[Any, ...]


# What was meant -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Range:
    """The least, the expected and the most that something may be; all 0 where nobody said."""

    low: float = 0.0
    middle: float = 0.0
    high: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether anyone said what it is."""
        return self.high > 0

    @classmethod
    def of(cls, middle: float, low: float, high: float) -> Range:
        """Fill in what was not said: the least and the most as expected, the expected between.

        Examples
        --------
        >>> Range.of(40, 0, 0), Range.of(0, 30, 50).middle
        (Range(low=40, middle=40, high=40), 40.0)
        """
        if not middle and not high:
            return cls()
        expected = middle or (low + high) / 2
        return cls(min(low or expected, expected), expected, max(high or expected, expected))


@dataclass(frozen=True, slots=True)
class Aims:
    """What an initiative was meant to be and to bring.

    Attributes
    ----------
    state : str
        Where the plan stands: ``frozen`` before the launch, ``late``, ``edited``, ``unfrozen`` or
        ``absent``. An edited plan is judged by what was frozen.
    plan : Plan or None
    frozen_on : str
        ISO date; empty where nothing was frozen.
    edits : tuple of str
        What differs from what was frozen, and what amendments changed.
    population : mapping
        As ``EventLog.where`` takes it.
    launch : mapping
        ``initiative`` and ``since``, as the measures take them.
    window : mapping
        ``metrics, verbs, assigned, min_minutes, window_days``, as the measures take them.
    outcome : str
    cost, worth, isolation : Range
    currency : str
    """

    state: str
    plan: Plan | None
    frozen_on: str
    edits: tuple[str, ...]
    population: Mapping[str, str]
    launch: Mapping[str, str]
    window: Mapping[str, Any]
    outcome: str
    cost: Range
    worth: Range
    isolation: Range
    currency: str

    def unit(self, came: pd.DataFrame) -> str:
        """Return what the result is measured in; empty where nothing was."""
        return str(came["measured_in"].iloc[0] or "") if len(came) else ""

    @property
    def metric(self) -> str:
        """The one metric of what people did that decides."""
        return str(self.window["metrics"][0])

    @property
    def sign(self) -> int:
        """1 where more of that metric is better, -1 where less is."""
        return _sign(self.metric)


def aims(
    standing: Standing,
    *,
    initiative: str = "",
    since: str = "",
    metric: str = "value_reach",
    value_verbs: str = "",
    window_days: int = 0,
    outcome: str = "",
    cost: Sequence[float] = (0.0, 0.0, 0.0),
    worth: Sequence[float] = (0.0, 0.0, 0.0),
    currency: str = "",
) -> Aims:
    """Read what was meant from the plan, and from parameters what the plan leaves open.

    Parameters
    ----------
    standing : Standing
        Of the plan as of the date.
    initiative, since, metric, value_verbs, window_days, outcome
        Used where there is no plan, or where it does not say. No verbs are ``complete``, no
        window is 60 days.
    cost, worth : sequence of float
        Expected, least and most. What was spent goes before what was planned, so these go before
        the plan where they are not 0.
    currency : str

    Returns
    -------
    Aims
        By the frozen plan, where there is one.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(parse(template())))
    >>> asked.state, asked.metric, asked.cost
    ('unfrozen', 'value_reach', Range(low=35000.0, middle=40000.0, high=55000.0))
    >>> aims(Standing(), cost=[500, 0, 0]).state
    'absent'
    """
    frozen = standing.entry.plan if standing.entry else None
    plan = frozen or standing.plan
    spent, valued = Range.of(*cost), Range.of(*worth)
    if plan is None:
        return Aims(
            ABSENT, None, "", (), {}, {"initiative": initiative, "since": since},
            {"metrics": (metric,), "verbs": value_verbs or "complete", "assigned": "self_started",
             "min_minutes": 0, "window_days": window_days or 60},
            outcome, spent, valued, Range(0.0, 1.0, 1.0), currency,
        )  # fmt: skip
    event, money, impact_ = plan.value_event, plan.cost, plan.impact
    entry = standing.entry
    edits = [*map(str, standing.changes), *(entry.changes if entry else ())]
    return Aims(
        _state(standing), plan, entry.frozen_on.isoformat() if entry else "", tuple(edits),
        plan.population,
        {"initiative": plan.initiative or initiative, "since": plan.launch_on.isoformat()},
        {"metrics": (plan.metric, *(g.metric for g in plan.guardrails)), "verbs": event.verbs,
         "assigned": event.assigned, "min_minutes": event.min_minutes,
         "window_days": event.window_days},
        outcome or impact_.outcome,
        spent if spent.is_known else Range.of(money.amount, money.low, money.high),
        valued if valued.is_known else Range.of(impact_.worth, impact_.worth_low,
                                                impact_.worth_high),
        Range(impact_.isolation_low, impact_.isolation_high, impact_.isolation_high),
        currency or money.currency,
    )  # fmt: skip


def _state(standing: Standing) -> str:
    if standing.entry is None:
        return UNFROZEN
    if standing.changes:
        return EDITED
    return LATE if standing.entry.is_late else FROZEN


def _sign(metric: str) -> int:
    known = metrics().get(metric)
    return -1 if known is not None and known.direction is Direction.DOWN else 1


# Effects ------------------------------------------------------------------------------------


def effect(frame: pd.DataFrame, *, metric: str, unit: str, seed: int = 1) -> Result:
    """Estimate what one side gained over the other, in the way that its design allows.

    Where chance decided, the sides are compared at equal values before; a value that is not known
    stands at the mean, since chance gave both sides the same. Where it did not, changes are
    compared. Where there is nobody to compare with, the plain change is told: it is no effect,
    and its grade says so.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person or unit: ``cluster, arm, is_randomised, before, after``.
    metric, unit : str
        Of the estimate.
    seed : int

    Returns
    -------
    Result
        Of :func:`impact.adjusted` or :func:`impact.difference_in_differences`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cluster": range(8), "arm": ["treated", "control"] * 4,
    ...     "is_randomised": True, "before": None, "after": [5.0, 3, 6, 4, 7, 5, 6, 4], "n": 1})
    >>> effect(frame, metric="effect", unit="cases").estimates[0].grade.value
    'randomised'
    """
    if frame.empty:
        why = str(frame.attrs.get("missing") or "nobody was measured")
        return not_enough("effect", Family.CONTRAST, why)
    if len(frame) > 1 and frame["after"].min() == frame["after"].max():
        return not_enough("effect", Family.CONTRAST, "the result is the same for everyone")
    sided = frame[frame["arm"].isin((TREATED, CONTROL))]
    is_drawn = len(sided) > 0 and bool(sided["is_randomised"].all())
    if is_drawn and sided["arm"].nunique() == 2:
        before = sided["before"].astype(float)
        filled = sided.assign(before=before.fillna(before.mean()))
        known = ("before",) if before.notna().any() else ()
        found = impact.adjusted(filled, covariates=known, metric=metric, unit=unit)
    else:
        found = impact.difference_in_differences(frame, metric=metric, unit=unit, seed=seed)
    return _without_counts(found)


def _without_counts(found: Result) -> Result:
    """Leave behind what would tell the exact number of people: what is published is rounded."""
    roles = {name: role for name, role in found.roles.items() if name != "n_clusters"}
    drawn = {k: v for k, v in found.parameters.items() if k == "is_randomised"}
    return found.but(roles=roles, parameters=drawn)


def behaviours(frame: pd.DataFrame, aims: Aims, *, seed: int = 1) -> tuple[Result, ...]:
    """Estimate the effect on each metric of what people did, the one that decides first.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of the measure ``behaviour``.
    aims : Aims
    seed : int

    Returns
    -------
    tuple of Result
        Of :func:`effect`, one a metric; the guardrails' estimates are labelled with their metric.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(parse(template())))
    >>> frame = pd.DataFrame({"metric": "value_reach", "cluster": range(80), "before": 0.0, "n": 1,
    ...     "arm": ["treated", "control"] * 40, "is_randomised": True,
    ...     "after": [1.0, 0, 1, 0, 1, 0, 0, 1] * 10})
    >>> primary, guardrail = behaviours(frame, asked)
    >>> round(primary.estimates[0].value, 6), guardrail.is_empty
    (0.5, True)
    """
    found = []
    for i, name in enumerate(aims.window["metrics"]):
        own = frame[frame["metric"] == name] if len(frame) else frame
        own.attrs.update(frame.attrs)
        unit = metrics()[name].unit if name in metrics() else ""
        of = effect(
            own, metric="guardrail_effect" if i else "behaviour_effect",
            unit="points" if unit == "share" else unit, seed=seed,
        )  # fmt: skip
        label = name if i else ""
        estimates = tuple(replace(e, label=label) for e in of.estimates)
        found.append(of.but(estimates=estimates))
    return tuple(found)


def is_identified(result: Result) -> bool:
    """Whether a result holds a difference that may be called an effect.

    Parameters
    ----------
    result : Result
        Its first estimate is read.

    Returns
    -------
    bool
        Whether its grade is one of :data:`IDENTIFIED`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"cluster": range(4), "arm": "treated", "is_randomised": False,
    ...                       "before": [1.0, 2, 3, 4], "after": [3.0, 5, 4, 6]})
    >>> change = effect(frame, metric="outcome_effect", unit="cases")
    >>> round(change.estimates[0].value, 6), is_identified(change)
    (2.0, False)
    """
    return bool(result.estimates) and result.estimates[0].grade in IDENTIFIED


# Plan against actual ------------------------------------------------------------------------


def kept(
    aims: Aims,
    conduct: pd.DataFrame,
    did: Sequence[Result],
    came: pd.DataFrame,
    *,
    looks: Sequence[date] = (),
    as_of: date,
) -> Result:
    """Hold what was done against what was planned, item by item.

    Parameters
    ----------
    aims : Aims
    conduct : pandas.DataFrame
        Of the measure ``conduct``.
    did : sequence of Result
        Of :func:`behaviours`: the primary metric, then the guardrails.
    came : pandas.DataFrame
        Of the measure ``result``.
    looks : sequence of datetime.date
        Looks that were held.
    as_of : datetime.date

    Returns
    -------
    Result
        Family MEANS; one row an item: ``item, what`` (the metric, where it is about one),
        ``planned_on, actual_on`` (dates and words), ``planned, actual, low, high`` (numbers, the
        planned effect in the direction in which it is better), ``unit``, ``state`` (``kept``,
        ``not kept``, ``not told``), ``n``. A date is kept if missed by a week or less, a share if
        what was found is likely (p of .001 or more) under what was planned, a cost if it was no
        more than the most that was planned, the effect if it is as large as planned or larger and
        not by chance, a guardrail if the whole interval is better than its margin.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(parse(template())))
    >>> conduct = pd.DataFrame({"started_on": ["2025-03-05"], "ended_on": "2025-10-01",
    ...     "n_treated": 100, "n_control": 100, "n_clusters": 200, "is_randomised": True})
    >>> found = kept(asked, conduct, [], pd.DataFrame(), as_of=date(2025, 11, 1)).frame
    >>> found = found.set_index("item").loc[["launch", "end"], ["planned_on", "actual_on", "state"]]
    >>> found.values.tolist()
    [['2025-03-03', '2025-03-05', 'kept'], ['2025-09-01', '2025-10-01', 'not kept']]
    """
    name, plan = "kept", aims.plan
    if plan is None:
        return not_enough(name, Family.MEANS, "there is no measurement plan to hold it against")
    row = _one(conduct)
    rows = [
        _frozen_row(aims, plan),
        _date_row("launch", plan.launch_on, row.get("started_on")),
        _date_row("end", plan.end_on, row.get("ended_on"), still=plan.end_on > as_of),
        _design_row(plan, row),
        _share_row(plan, row),
        _looks_row(plan, looks, as_of),
        _effect_row("primary", plan.metric, plan.minimum_effect, did[0] if did else None),
        *(
            _guardrail_row(g.metric, g.margin, found)
            for g, found in zip(plan.guardrails, did[1:], strict=False)
        ),
        _outcome_row(aims, came),
        _cost_row(aims, plan, row),
    ]
    out = pd.DataFrame([r for r in rows if r is not None], columns=list(_KEPT_ROLES))
    told = int((out["state"] != "not told").sum())
    n_kept = int((out["state"] == "kept").sum())
    n = int(row.get("n_treated", 0)) + int(row.get("n_control", 0))
    return Result(
        name, Family.MEANS, out, _KEPT_ROLES,
        (Estimate("plan_kept", n_kept / told if told else math.nan, math.nan, math.nan, n,
                  "ratio"),),
        "Each item of the plan beside what the data show.",
        {"state": aims.state, "frozen_on": aims.frozen_on, "n_kept": n_kept, "n_told": told,
         "edits": "; ".join(aims.edits)[:280], "name": plan.name},
    )  # fmt: skip


_KEPT_ROLES: Final = {
    "item": Role.KEY, "what": Role.KEY, "planned_on": Role.FLAG, "actual_on": Role.FLAG,
    "planned": Role.VALUE, "actual": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
    "unit": Role.KEY, "state": Role.FLAG, "n": Role.N,
}  # fmt: skip


def _one(conduct: pd.DataFrame) -> dict[str, Any]:
    return {str(k): v for k, v in conduct.iloc[0].items()} if len(conduct) else {}


def _kept_row(item: str, state: str, **given: Any) -> Row:
    blank: dict[str, Any] = dict.fromkeys(_KEPT_ROLES, "")
    blank |= dict.fromkeys(("planned", "actual", "low", "high"), math.nan) | {"n": 0}
    return tuple({**blank, "item": item, "state": state, **given}[c] for c in _KEPT_ROLES)


def _frozen_row(aims: Aims, plan: Plan) -> Row:
    return _kept_row(
        "frozen", "kept" if aims.state == FROZEN else "not kept",
        planned_on=f"before {plan.launch_on.isoformat()}", actual_on=aims.frozen_on or aims.state,
    )  # fmt: skip


def _date_row(item: str, planned: date, actual: Any, *, still: bool = False) -> Row:
    text = planned.isoformat()
    if still or actual is None or pd.isna(actual):
        return _kept_row(item, "not told", planned_on=text,
                         actual_on="still to come" if still else "not recorded")  # fmt: skip
    found = pd.Timestamp(actual).date()
    is_kept = abs((found - planned).days) <= WITHIN_DAYS
    return _kept_row(item, "kept" if is_kept else "not kept", planned_on=text,
                     actual_on=found.isoformat())  # fmt: skip


def _design_row(plan: Plan, row: Mapping[str, Any]) -> Row:
    if not row:
        return _kept_row("design", "not told", planned_on=plan.roll_out.design,
                         actual_on="not recorded")  # fmt: skip
    has_both = row["n_treated"] > 0 and row["n_control"] > 0
    actual = "randomised" if has_both and row["is_randomised"] else (
        "compared" if has_both else "before_after"
    )  # fmt: skip
    is_kept = plan.roll_out.design == "before_after" or actual == "randomised"
    return _kept_row("design", "kept" if is_kept else "not kept", planned_on=plan.roll_out.design,
                     actual_on=actual)  # fmt: skip


def _share_row(plan: Plan, row: Mapping[str, Any]) -> Row | None:
    n = int(row.get("n_treated", 0)) + int(row.get("n_control", 0))
    if plan.roll_out.design == "before_after" or not n:
        return None
    planned, actual = plan.roll_out.share, row["n_treated"] / n
    error = math.sqrt(max(planned * (1 - planned), 1e-9) / max(int(row["n_clusters"]), 1))
    is_kept = abs(actual - planned) <= _CHANCE_OF_MISMATCH * error
    return _kept_row("share", "kept" if is_kept else "not kept", planned=round(planned, 2),
                     actual=round(actual, 2), unit="share", n=n)  # fmt: skip


def _looks_row(plan: Plan, looks: Sequence[date], as_of: date) -> Row | None:
    due = {day for day in plan.looks_on if day < as_of}
    if not due:
        return None
    held = len(due & set(looks))
    return _kept_row("looks", "kept" if held == len(due) else "not kept", planned=float(len(due)),
                     actual=float(held), unit="looks")  # fmt: skip


def _effect_row(item: str, metric: str, least: float, found: Result | None) -> Row:
    unit = metrics()[metric].unit if metric in metrics() else ""
    planned = _sign(metric) * least
    if found is None or not is_identified(found):
        return _kept_row(item, "not told", what=metric, planned=planned, unit=unit)
    e = found.estimates[0]
    ends = sorted((_sign(metric) * e.low, _sign(metric) * e.high))
    better = _sign(metric) * e.value
    state = (
        "kept" if better >= least and ends[0] > 0
        else "not kept" if ends[1] < least else "not told"
    )  # fmt: skip
    return _kept_row(item, state, what=metric, planned=planned, unit=unit, **_told(e))


def _told(e: Estimate) -> dict[str, Any]:
    digits = 2 if e.unit == "points" else 6
    return {"actual": round(e.value, digits), "low": round(e.low, digits),
            "high": round(e.high, digits), "n": e.n}  # fmt: skip


def _guardrail_row(metric: str, margin: float, found: Result) -> Row:
    unit = metrics()[metric].unit if metric in metrics() else ""
    planned = -_sign(metric) * margin
    if not is_identified(found):
        return _kept_row("guardrail", "not told", what=metric, planned=planned, unit=unit)
    e = found.estimates[0]
    least, most = _harm(e, metric)
    state = "kept" if most < margin else "not kept" if least > margin else "not told"
    return _kept_row("guardrail", state, what=metric, planned=planned, unit=unit, **_told(e))


def _harm(e: Estimate, metric: str) -> tuple[float, float]:
    """Return the least and the most by which a metric got worse."""
    ends = sorted(-_sign(metric) * x for x in (e.low, e.high))
    return ends[0], ends[1]


def _outcome_row(aims: Aims, came: pd.DataFrame) -> Row | None:
    if not aims.outcome:
        return None
    state = "kept" if len(came) else "not kept"
    return _kept_row("outcome", state, what=aims.outcome, planned_on="measured",
                     actual_on="measured" if len(came) else "not measured")  # fmt: skip


def _cost_row(aims: Aims, plan: Plan, row: Mapping[str, Any]) -> Row | None:
    planned = Range.of(plan.cost.amount, plan.cost.low, plan.cost.high)
    if not planned.is_known:
        return None
    spent = aims.cost.middle if aims.cost != planned else float(row.get("budget", math.nan))
    if math.isnan(spent):
        return _kept_row("cost", "not told", planned=planned.middle, unit=aims.currency)
    is_kept = spent <= planned.high
    return _kept_row("cost", "kept" if is_kept else "not kept", planned=planned.middle,
                     actual=spent, unit=aims.currency)  # fmt: skip


# What came of it ----------------------------------------------------------------------------


def sides(came: pd.DataFrame, effect: Result) -> Result:
    """Put the sides side by side, before and since, with the effect between them.

    Parameters
    ----------
    came : pandas.DataFrame
        Of the measure ``result``.
    effect : Result
        Of :func:`effect` on it.

    Returns
    -------
    Result
        Family MEANS; a row a side (``treated``, ``control``, or ``everyone``): ``side, before,
        after, low, high`` (of the mean since), ``n``. Estimates: of the effect.
        ``parameters``: ``outcome, unit, is_identified, design``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> sides(came, gained).frame[["side", "before", "after"]].values.tolist()
    [['treated', 20.0, 25.0], ['control', 20.0, 20.0]]
    """
    name = "sides"
    if effect.is_empty:
        return not_enough(name, Family.MEANS, effect.missing)
    kept = came[came["arm"].isin((TREATED, CONTROL))]
    named = kept.assign(side=kept["arm"]) if kept["arm"].nunique() == 2 else came.assign(
        side="everyone"
    )  # fmt: skip
    rows = []
    for side in (TREATED, CONTROL, "everyone"):
        own = named[named["side"] == side]
        if own.empty:
            continue
        mean = float(own["after"].mean())
        half = _Z95 * float(own["after"].std()) / math.sqrt(len(own)) if len(own) > 1 else math.nan
        rows.append((side, float(own["before"].mean()), mean, mean - half, mean + half,
                     int(own["n"].sum())))  # fmt: skip
    grade = effect.estimates[0].grade
    return Result(
        name, Family.MEANS,
        pd.DataFrame(rows, columns=["side", "before", "after", "low", "high", "n"]),
        {"side": Role.KEY, "before": Role.VALUE, "after": Role.VALUE, "low": Role.LOW,
         "high": Role.HIGH, "n": Role.N},
        effect.estimates, effect.method,
        {"outcome": str(came["metric_id"].iloc[0]), "unit": str(came["measured_in"].iloc[0] or ""),
         "is_identified": is_identified(effect), "design": grade.value},
    )  # fmt: skip


# Worth --------------------------------------------------------------------------------------


def inputs(aims: Aims, came: pd.DataFrame, effect: Result) -> pd.DataFrame:
    """Write down what the return is worked out from: a row an input, as :func:`impact.roi` takes.

    The benefit is what happened in the periods on record since the launch, nothing beyond them:
    the effect a period, times the periods of everyone treated, times what one unit is worth. Where
    chance decided, the difference is the initiative's own and the isolation factor is 1; else it
    is the range of the plan.

    Parameters
    ----------
    aims : Aims
    came : pandas.DataFrame
        Of the measure ``result``.
    effect : Result
        Of :func:`effect` on it.

    Returns
    -------
    pandas.DataFrame
        Empty, with the reason in ``attrs["missing"]``, where there is no effect that may be
        called one, no worth or no cost. ``attrs``: ``quantity`` (periods of all treated),
        ``months`` (over which they came), ``n`` (people treated).

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> found = inputs(asked, came, gained)
    >>> list(zip(found["input"], found["middle"].round(6), strict=True))
    [('effect', 5.0), ('periods', 8.0), ('worth', 10.0), ('cost', 100.0)]
    """
    columns = ["part", "item", "input", "distribution", "low", "middle", "high"]
    out = pd.DataFrame(columns=columns)
    why = _no_return(aims, effect)
    if why:
        out.attrs["missing"] = why
        return out
    e = effect.estimates[0]
    treated = came[came["arm"] == TREATED]
    # Told a person, a unit's result counts once for each of its people.
    each = treated["n"] if _is_a_person(came) else 1
    quantity = float((treated["n_after"] * each).sum())
    error = (e.high - e.low) / (2 * _Z95)
    worth = aims.worth
    rows: list[Row] = [
        ("benefit", "result", "effect", "normal", e.value - _Z90 * error, e.value,
         e.value + _Z90 * error),
        ("benefit", "result", "periods", "fixed", math.nan, quantity, math.nan),
        _input("benefit", "result", "worth", worth),
        _input("cost", "cost", "cost", aims.cost),
    ]  # fmt: skip
    if e.grade is not Grade.RANDOMISED:
        low, high = aims.isolation.low, aims.isolation.high
        if low < high:
            rows.append(("isolation", "", "isolation", "uniform", low, math.nan, high))
        else:
            rows.append(("isolation", "", "isolation", "fixed", math.nan, high, math.nan))
    out = pd.DataFrame(rows, columns=columns)
    lasted = treated["n_after"] * treated["days"] / MONTH_DAYS
    out.attrs.update(
        quantity=quantity,
        months=max(float(lasted.mean()), 0.1),
        n=int(treated["n"].sum()),
        currency=aims.currency,
    )
    return out


def _input(part: str, item: str, name: str, given: Range) -> Row:
    if given.low < given.high:
        return (part, item, name, "triangular", given.low, given.middle, given.high)
    return (part, item, name, "fixed", math.nan, given.middle, math.nan)


def _is_a_person(came: pd.DataFrame) -> bool:
    unit = str(came["measured_in"].iloc[0] or "").lower() if len(came) else ""
    return unit.startswith(("a person", "per person"))


def _no_return(aims: Aims, effect: Result) -> str:
    if effect.is_empty:
        return f"the effect on a result of the work is not known: {effect.missing}"
    if not is_identified(effect):
        return (
            "nobody was left out to compare with, so what happened afterwards cannot be put down "
            "to the initiative"
        )
    if not aims.worth.is_known:
        return "nobody said what one unit of the result is worth"
    if not aims.cost.is_known:
        return "nobody said what it cost"
    return ""


def worth(aims: Aims, priced: pd.DataFrame, effect: Result, *, seed: int = 1) -> Result:
    """Work out the return, in percent and in money, at the grade of the effect it rests on.

    Parameters
    ----------
    aims : Aims
    priced : pandas.DataFrame
        Of :func:`inputs`.
    effect : Result
    seed : int

    Returns
    -------
    Result
        Of :func:`impact.roi`, with the estimate ``net_benefit`` in money, and that of the plain
        benefit, ``benefit``, and ``cost``. ``parameters["break_even"]``: the effect at which it
        would have paid for itself.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> found = worth(asked, inputs(asked, came, gained), gained)
    >>> round(found.estimate("roi").value), found.parameters["break_even"]
    (300, 1.25)
    """
    if priced.empty:
        return not_enough("roi", Family.CHECKS, str(priced.attrs.get("missing")))
    n, months = int(priced.attrs["n"]), float(priced.attrs["months"])
    found = impact.roi(priced, months=months, n_persons=n, seed=seed)
    if found.is_empty:
        return found
    grade = effect.estimates[0].grade
    by = found.frame.set_index("figure")
    unit = aims.currency or "units of money"

    def money(figure: str, metric: str, label: str = "") -> Estimate:
        value, low, high = (_rounded(float(by[c][figure])) for c in ("value", "low", "high"))
        return Estimate(metric, value, low, high, n, unit, grade, label)

    estimates = (
        *(replace(e, grade=grade) for e in found.estimates),
        money("net", "net_benefit"), money("benefit", "money", "benefit"),
        money("cost", "money", "cost"),
    )  # fmt: skip
    even = aims.cost.middle / (float(priced.attrs["quantity"]) * aims.worth.middle)
    return found.but(
        estimates=estimates,
        parameters={**found.parameters, "currency": unit, "break_even": _rounded(even)},
    )  # fmt: skip


def drivers(priced: pd.DataFrame, *, seed: int = 1) -> Result:
    """Say which input moves most what is earned beyond the cost: :func:`impact.tornado`.

    Parameters
    ----------
    priced : pandas.DataFrame
        Of :func:`inputs`.
    seed : int

    Returns
    -------
    Result
        Of :func:`impact.tornado`, for what is earned beyond the cost.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> drivers(inputs(asked, came, gained)).frame["input"].tolist()
    ['effect']
    """
    if priced.empty:
        return not_enough("tornado", Family.CHECKS, str(priced.attrs.get("missing")))
    found = impact.tornado(priced, figure="net", seed=seed)
    currency = str(priced.attrs.get("currency") or "")
    return found.but(parameters={**found.parameters, "currency": currency})


def _rounded(value: float, digits: int = 3) -> float:
    if not math.isfinite(value) or value == 0:
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def hidden(came: pd.DataFrame, effect: Result) -> Result:
    """Ask what a cause that nobody measured would have to be to explain the effect away.

    Parameters
    ----------
    came : pandas.DataFrame
    effect : Result

    Returns
    -------
    Result
        Family CHECKS: ``measure, of, value``. Estimates ``e_value`` and ``robustness_value``, each
        labelled ``effect`` and ``interval``; ``parameters["benchmark"]``: the share that what was
        measured before explains of what came after, among those with the same initiative.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> came["after"], came["before"] = [26.0, 23, 22, 24, 28, 20, 25, 21], range(16, 24)
    >>> found = hidden(came, effect(came, metric="outcome_effect", unit="cases"))
    >>> own = found.frame[found.frame["of"] == "effect"]
    >>> own[["measure", "value"]].round(1).values.tolist()
    [['e_value', 6.8], ['robustness_value', 0.5]]
    """
    name = "hidden"
    if effect.is_empty or not is_identified(effect):
        return not_enough(name, Family.CHECKS, "there is no effect that could be explained away")
    e = effect.estimates[0]
    kept = came[came["arm"].isin((TREATED, CONTROL))]
    spread = float(kept.groupby("arm")["after"].std().mean())
    if not spread > 0:
        return not_enough(name, Family.CHECKS, "the result is the same for everyone")
    by_ratio = impact.e_value(e.value, e.low, e.high, scale="difference", sd=spread, n=e.n)
    covariates = ("before",) if kept["before"].notna().all() else ()
    by_share = impact.robustness(kept, covariates=covariates)
    names = {"estimate": "effect", "limit": "interval"}
    estimates = [replace(x, label=names[x.label]) for x in by_ratio.estimates]
    estimates += list(by_share.estimates)
    estimates = [replace(x, grade=e.grade) for x in estimates]
    both = kept[["before", "after"]].astype(float)
    shared = float(both["before"].corr(both["after"]) ** 2) if covariates else math.nan
    out = pd.DataFrame(
        [(x.metric, x.label, x.value) for x in estimates], columns=["measure", "of", "value"]
    )
    return Result(
        name, Family.CHECKS, out,
        {"measure": Role.KEY, "of": Role.KEY, "value": Role.VALUE}, tuple(estimates),
        "E-value of VanderWeele and Ding; robustness value of Cinelli and Hazlett.",
        {"benchmark": shared, "is_randomised": e.grade is Grade.RANDOMISED},
    )  # fmt: skip


# Verdict ------------------------------------------------------------------------------------


def verdict(
    aims: Aims, did: Sequence[Result], effect: Result, worth: Result, *, as_of: date
) -> Result:
    """Say what to do with it: scale, renew, retire; repeat with someone left out; or wait.

    In this order: before its end, wait; where nothing that it did may be called an effect, repeat
    it with someone left out; where a guardrail got worse by more than its margin, retire. Then
    money: a return whose whole interval is above nought, scale; else renew if what it cost would
    be earned back within a year at this pace, retire if not. Without money, by the metric of the
    plan: renew unless the whole interval is below the least effect that matters.

    Parameters
    ----------
    aims : Aims
    did : sequence of Result
        Of :func:`behaviours`.
    effect : Result
        Of :func:`effect` on the result of the work.
    worth : Result
        Of :func:`worth`.
    as_of : datetime.date

    Returns
    -------
    Result
        Family CHECKS: ``verdict, because, decide_on`` in one row, and in the parameters.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> returned = worth(asked, inputs(asked, came, gained), gained)
    >>> said = verdict(asked, [], gained, returned, as_of=date(2025, 11, 1))
    >>> said.frame[["verdict", "because"]].values.tolist()
    [['scale', 'pays']]
    """
    said, because = _judged(aims, did, effect, worth, as_of)
    days = aims.plan.reviews_on if aims.plan else ()
    on = next((d for d in days if d >= as_of), as_of + timedelta(days=28))
    parameters: dict[str, Scalar] = {
        "verdict": said, "because": because, "decide_on": on.isoformat(),
        "is_at_end": said != WAIT,
        "metric": aims.metric, "minimum_effect": aims.plan.minimum_effect if aims.plan else None,
        "outcome": aims.outcome, "state": aims.state,
        "ends_on": aims.plan.end_on.isoformat() if aims.plan else "",
    }  # fmt: skip
    out = pd.DataFrame([(said, because, on.isoformat())],
                       columns=["verdict", "because", "decide_on"])  # fmt: skip
    return Result(
        "verdict", Family.CHECKS, out, dict.fromkeys(out.columns, Role.KEY), (),
        "By the rule in the definitions.", parameters,
    )  # fmt: skip


def _judged(
    aims: Aims, did: Sequence[Result], effect: Result, worth: Result, as_of: date
) -> tuple[str, str]:
    if aims.plan and as_of < aims.plan.end_on:
        return WAIT, "not over"
    primary = did[0] if did and is_identified(did[0]) else None
    if primary is None and not is_identified(effect):
        return REPEAT, "not identified"
    margins = {g.metric: g.margin for g in aims.plan.guardrails} if aims.plan else {}
    for found in did[1:]:
        if is_identified(found):
            e = found.estimates[0]
            if _harm(e, e.label)[0] > margins.get(e.label, math.inf):
                return RETIRE, "guardrail"
    if not worth.is_empty:
        return _by_money(worth)
    if primary is None:
        return RENEW, "no money, an effect" if effect.estimates[0].low > 0 else "no money, open"
    least = aims.plan.minimum_effect if aims.plan else 0.0
    e = primary.estimates[0]
    ends = sorted((aims.sign * e.low, aims.sign * e.high))
    if ends[1] < least or ends[1] < 0:
        return RETIRE, "too little"
    return RENEW, "no money, an effect" if ends[0] > 0 else "no money, open"


def _by_money(worth: Result) -> tuple[str, str]:
    if worth.estimate("roi").low > 0:
        return SCALE, "pays"
    if worth.estimate("payback_months").value > PAYBACK_MONTHS:
        return RETIRE, "costs more"
    is_likely = worth.estimate("roi_chance").value >= 0.5
    return RENEW, "likely pays" if is_likely else "not yet"


# May we trust it? ---------------------------------------------------------------------------


def trust(
    aims: Aims,
    conduct: pd.DataFrame,
    behaviour: pd.DataFrame,
    came: pd.DataFrame,
    *,
    as_of: date,
) -> Result:
    """Check what the answers rest on.

    Parameters
    ----------
    aims : Aims
    conduct : pandas.DataFrame
        Of the measure ``conduct``.
    behaviour : pandas.DataFrame
        Of the measure ``behaviour``.
    came : pandas.DataFrame
        Of the measure ``result``.
    as_of : datetime.date

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan_ledger import Standing
    >>> asked = aims(Standing(), cost=[100, 0, 0], worth=[10, 0, 0], currency="EUR")
    >>> came = pd.DataFrame({"entity": range(8), "cluster": list("abcdefgh"),
    ...     "arm": ["treated", "control"] * 4, "is_randomised": True, "before": 20.0,
    ...     "after": [26, 20, 25, 21, 24, 19, 25, 20.0], "n_after": 2, "n": 1, "days": 30.0,
    ...     "metric_id": "cases", "measured_in": "cases"})
    >>> gained = effect(came, metric="outcome_effect", unit="cases")
    >>> conduct = pd.DataFrame({"n_treated": [5], "n_control": 4, "is_randomised": True})
    >>> found = trust(asked, conduct, pd.DataFrame(), came, as_of=date(2025, 11, 1)).frame
    >>> found.set_index("check")["value"][["drawn", "known", "lost"]].to_dict()
    {'drawn': 1.0, 'known': 80.0, 'lost': 20.0}
    """
    row = _one(conduct)
    n_sides = sum(row.get(f"n_{side}", 0) > 0 for side in (TREATED, CONTROL)) if row else math.nan
    n_open = float(behaviour.attrs.get("n_open", math.nan)) if len(behaviour) else math.nan
    known = _known_shares(row, came)
    over = math.nan if aims.plan is None else float((as_of - aims.plan.end_on).days)
    rows = [
        _checks.at_least("frozen", float(aims.state == FROZEN) if aims.plan else math.nan, 1.0),
        _checks.at_least("over", over, 0.0),
        _checks.at_least("sides", float(n_sides), 2.0),
        _checks.at_least("drawn", float(row["is_randomised"]) if row else math.nan, 1.0),
        _checks.at_most("windows", n_open, 0.0),
        _checks.at_least("known", min(known) if known else math.nan, 80.0),
        _checks.at_most("lost", abs(known[0] - known[1]) if len(known) == 2 else math.nan, 5.0),
        _checks.at_least(
            "periods", float(came["n_after"].median()) if len(came) else math.nan, 2.0
        ),
    ]
    return _checks.trust(rows)


def _known_shares(row: Mapping[str, Any], came: pd.DataFrame) -> list[float]:
    """Percent of each side's people whose result is known."""
    if not row or came.empty:
        return []
    return [
        round(100 * float(came.loc[came["arm"] == side, "n"].sum()) / row[f"n_{side}"])
        for side in (TREATED, CONTROL)
        if row[f"n_{side}"]
    ]
