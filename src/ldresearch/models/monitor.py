"""An initiative at a look: from people and their plan to what the frozen rule says.

The numbers come from :mod:`ldresearch.models.sequential`; here they are put to the questions of a
plan, look by look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models import _checks, sequential
from ldresearch.plan import Plan
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Direction, Family, Grade, Role, metrics

TREATED, CONTROL = "treated", "control"
SEQUENCE: Final = "confidence_sequence"
REFUSED: Final = "refused"
"""Stands in place of a verdict where a plan is not kept or not there."""
MOST_WEEKS: Final = 26
"""Rows of the course that are told; others lie between them."""

Row = tuple[str, str, float, float]


# The plan -----------------------------------------------------------------------------------


def plan(kept: pd.DataFrame, asked: Plan | None, *, as_of: date) -> Result:
    """Tell the plan that everything is judged by, and whether it is what was frozen.

    Parameters
    ----------
    kept : pandas.DataFrame
        One row: ``is_kept, version, hash, frozen_on, is_late, why, reason``.
    asked : Plan or None
    as_of : datetime.date

    Returns
    -------
    Result
        Family CHECKS: ``item, value``. Empty where the plan is missing, edited or not frozen.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> kept = pd.DataFrame({"is_kept": [True], "version": 1, "hash": asked.hash, "why": "",
    ...                      "frozen_on": "2025-02-03", "is_late": False, "reason": ""})
    >>> stands = plan(kept, asked, as_of=asked.looks_on[0])
    >>> [stands.parameters[name] for name in ("look", "n_looks", "next_on")]
    [1, 3, '2025-06-02']
    """
    row = kept.iloc[0]
    if asked is None or not row["is_kept"]:
        return not_enough("plan", Family.CHECKS, _cut(str(row["why"])),
                          parameters={"reason": str(row["reason"])})  # fmt: skip
    ahead = [day for day in asked.looks_on if day >= as_of]
    items = {
        "name": asked.name, "objective": _cut(asked.objective),
        "frozen_on": str(row["frozen_on"]), "version": str(row["version"]),
        "hash": str(row["hash"])[:12], "launch_on": asked.launch_on.isoformat(),
        "end_on": asked.end_on.isoformat(), "metric": asked.metric,
        "minimum_effect": repr(float(asked.minimum_effect)), "method": asked.decision.method,
        "owner": asked.owner,
    }  # fmt: skip
    out = pd.DataFrame({"item": list(items), "value": list(items.values())})
    return Result(
        "plan", Family.CHECKS, out, {"item": Role.KEY, "value": Role.KEY},
        method="The plan as it was frozen, held against the ledger by its hash.",
        parameters={
            "name": asked.name, "metric": asked.metric, "version": int(row["version"]),
            "frozen_on": str(row["frozen_on"]), "is_late": bool(row["is_late"]),
            "look": sum(day <= as_of for day in asked.looks_on), "n_looks": len(asked.looks_on),
            "next_on": ahead[1].isoformat() if ahead and ahead[0] == as_of and len(ahead) > 1
            else ahead[0].isoformat() if ahead and ahead[0] > as_of else "",
            "launch_on": asked.launch_on.isoformat(), "end_on": asked.end_on.isoformat(),
            "window_days": asked.value_event.window_days,
        },
    )  # fmt: skip


def _cut(text: str, longest: int = 280) -> str:
    """Shorten what is longer than a page may carry in one cell."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


# Who is in it -------------------------------------------------------------------------------


def arms(people: pd.DataFrame, asked: Plan | None) -> Result:
    """Check whether the sides hold the shares that they were drawn with.

    Parameters
    ----------
    people : pandas.DataFrame
        One row a person in the comparison: ``person_key, cluster, arm``. What is counted is what
        was allocated: people, or units where whole units were.
    asked : Plan or None

    Returns
    -------
    Result
        Of :func:`sequential.sample_ratio`; empty where the plan holds nobody out.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> people = pd.DataFrame({"cluster": range(1000)})
    >>> people["arm"] = ["treated"] * 600 + ["control"] * 400
    >>> asked.roll_out.share, arms(people, asked).parameters["is_passed"]
    (0.5, False)
    """
    if asked is None or people.empty:
        return _nothing("sample_ratio", Family.CONTRAST, people)
    share = asked.roll_out.share
    if share >= 1:
        return not_enough("sample_ratio", Family.CONTRAST, "the plan holds nobody out")
    sizes = people.groupby("arm").agg(n=("cluster", "nunique"), n_people=("cluster", "size"))
    sizes = sizes.reindex([TREATED, CONTROL], fill_value=0)
    if asked.roll_out.unit == "person":
        sizes = sizes.drop(columns="n_people")
    return sequential.sample_ratio(sizes.assign(expected=[share, 1 - share]).reset_index())


def expected_values(people: pd.DataFrame, asked: Plan | None, *, as_of: date) -> int:
    """Say for how many people the window will be over at the end, if invitations go on as they did.

    Parameters
    ----------
    people : pandas.DataFrame
        One row a person in the comparison: ``start_on, due_on``; ``attrs["is_inviting"]``:
        whether invitations go on; ``attrs["n_eligible"]``: how many could be invited.
    asked : Plan or None
    as_of : datetime.date

    Returns
    -------
    int
        Those whose window is over by the end; where invitations go on, at the pace so far, at most
        those who could be invited.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> days = pd.to_datetime([asked.launch_on] * 60)
    >>> people = pd.DataFrame({"start_on": days, "due_on": days + pd.Timedelta(days=60)})
    >>> expected_values(people, asked, as_of=asked.launch_on + timedelta(days=40))
    60
    """
    if asked is None or people.empty:
        return 0
    known = int((people["due_on"] <= pd.Timestamp(asked.end_on)).sum())
    if not people.attrs.get("is_inviting"):
        return known
    last_start = asked.end_on - timedelta(days=asked.value_event.window_days)
    passed = max((as_of - asked.launch_on).days, 1)
    whole = max((last_start - asked.launch_on).days, 1)
    pace = round(len(people) * max(whole / passed, 1.0))
    return max(known, min(pace, int(people.attrs.get("n_eligible", pace))))


# The primary metric -------------------------------------------------------------------------


def course(outcomes: pd.DataFrame, asked: Plan | None, *, n_planned: int = 0) -> Result:
    """Estimate the effect on the primary metric week by week, at every look at once.

    Adjusted for the same metric in the window before, where it is known (CUPED). Where whole
    units were allocated, errors allow for likeness within them.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        One row a metric and person: ``metric, person_key, cluster, arm, is_randomised, look,
        value, before``.
    asked : Plan or None
    n_planned : int
        Values at which the sequence is narrowest. It must not change from look to look: those who
        were eligible at the launch.

    Returns
    -------
    Result
        Of :func:`sequential.confidence_sequence`, with ``look`` as the day on which it was known.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> found = course(outcomes, asked)
    >>> found.frame[["look", "difference", "n"]].tail(1).values.tolist()
    [['2025-05-26', 0.5, 400]]
    """
    if asked is None or outcomes.empty:
        return _nothing("course", Family.CONTRAST, outcomes)
    frame = outcomes[outcomes["metric"] == asked.metric]
    found = sequential.confidence_sequence(
        frame, **_how(frame, asked), tightest_at=n_planned, unit=_unit(asked.metric), name="course"
    )
    return found if found.is_empty else found.but(
        frame=_dated(found.frame, asked),
        parameters={**found.parameters, "metric": asked.metric, "mde": asked.minimum_effect,
                    "direction": _direction(asked.metric)},
    )  # fmt: skip


def _how(frame: pd.DataFrame, asked: Plan) -> dict[str, Any]:
    is_known = frame["before"].notna().mean() > 0.5
    return {
        "control": CONTROL, "alpha": asked.alpha,
        "covariates": ["before"] if is_known else [],
        "cluster": "" if asked.roll_out.unit == "person" else "cluster",
    }  # fmt: skip


def _dated(frame: pd.DataFrame, asked: Plan) -> pd.DataFrame:
    """Turn weeks since the launch into the day on which their values were known."""
    weeks = [(asked.launch_on + timedelta(days=7 * int(w))).isoformat() for w in frame["look"]]
    return frame.assign(look=weeks)


def told(found: Result) -> Result:
    """Keep of a course what a page shows: fewer weeks, and no single week's means.

    Parameters
    ----------
    found : Result
        Of :func:`course`.

    Returns
    -------
    Result
        The same with ``look, difference, low, high, fixed_low, fixed_high, n``: the last look, and
        before it each or every second, third, ... so that :data:`MOST_WEEKS` are not passed.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> told(course(outcomes, asked)).frame[["look", "n"]].values.tolist()
    [['2025-05-05', 100], ['2025-05-12', 200], ['2025-05-19', 300], ['2025-05-26', 400]]
    """
    if found.is_empty:
        return found
    keep = ["look", "difference", "low", "high", "fixed_low", "fixed_high", "n"]
    last = len(found.frame) - 1
    step = max(math.ceil(len(found.frame) / MOST_WEEKS), 1)
    rows = [i for i in range(last + 1) if (last - i) % step == 0]
    return found.but(
        frame=found.frame.iloc[rows][keep].reset_index(drop=True),
        roles={name: found.roles[name] for name in keep},
    )


def before(outcomes: pd.DataFrame, asked: Plan | None) -> Result:
    """Tell how much narrower the activity before the launch makes the interval (CUPED).

    Parameters
    ----------
    outcomes : pandas.DataFrame
        As in :func:`course`.
    asked : Plan or None

    Returns
    -------
    Result
        Of :func:`sequential.cuped`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked = parse(template())
    >>> was = np.arange(200) % 4 == 0
    >>> outcomes = pd.DataFrame({"metric": "value_reach", "person_key": range(200)})
    >>> outcomes["arm"], outcomes["before"] = ["treated", "control"] * 100, was * 1.0
    >>> outcomes["value"] = np.where(np.arange(200) < 180, was, ~was) * 1.0
    >>> before(outcomes, asked).frame[["correlation", "width_left"]].round(2).values.tolist()
    [[0.69, 0.73]]
    """
    if asked is None or outcomes.empty:
        return _nothing("cuped", Family.MODEL, outcomes)
    frame = outcomes[outcomes["metric"] == asked.metric]
    return sequential.cuped(frame, covariate="before", control=CONTROL)


def looks(found: Result, asked: Plan | None, *, as_of: date, n_end: int) -> Result:
    """Hold the effect at each planned look against group-sequential boundaries.

    Parameters
    ----------
    found : Result
        Of :func:`course`.
    asked : Plan or None
    as_of : datetime.date
    n_end : int
        Values that are planned for the last look: the information at a look is its share of them.

    Returns
    -------
    Result
        Family TREND; a row a look that was held: ``look, difference, low, high`` (estimate and
        boundary times its error), ``z``, ``bound``, ``is_crossed``, ``n``. Estimate
        ``boundary_difference`` at the last of them.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> found = course(outcomes, asked)
    >>> held = looks(found, asked, as_of=asked.looks_on[1], n_end=800)
    >>> held.frame[["look", "difference", "is_crossed", "n"]].values.tolist()
    [['2025-06-02', 0.5, True, 400]]
    """
    name = "looks"
    if asked is None or found.is_empty:
        return not_enough(name, Family.TREND, found.missing)
    held = [day for day in asked.looks_on if day <= as_of]
    rows = [_at(found.frame, day) for day in held]
    known = [(day, row) for day, row in zip(held, rows, strict=True) if row is not None]
    known = [pair for i, pair in enumerate(known) if not i or pair[1]["n"] > known[i - 1][1]["n"]]
    if not known:
        return not_enough(name, Family.TREND, "no planned look had enough people yet")
    most = max(n_end, int(known[-1][1]["n"]))
    share = [float(row["n"]) / most for _, row in known]
    if known[-1][0] >= asked.looks_on[-1]:
        share[-1] = 1.0  # what is left of the error is spent at the last look, come what may
    kind = asked.decision.method
    kind = "lan_demets_obrien_fleming" if kind == SEQUENCE else kind
    bound = sequential.boundaries(share, kind=kind, alpha=asked.alpha).frame["z"].to_numpy()
    value = np.array([float(row["difference"]) for _, row in known])
    se = np.array([float(row["se"]) for _, row in known])
    out = pd.DataFrame(
        {
            "look": [day.isoformat() for day, _ in known], "difference": value,
            "low": value - bound * se, "high": value + bound * se, "z": value / se, "bound": bound,
            "is_crossed": np.abs(value / se) >= bound, "n": [int(row["n"]) for _, row in known],
        }
    )  # fmt: skip
    last, first = out.iloc[-1], found.estimates[0]
    return Result(
        name, Family.TREND, out,
        {
            "look": Role.TIME, "difference": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "z": Role.VALUE, "bound": Role.VALUE, "is_crossed": Role.FLAG, "n": Role.N,
        },
        (
            Estimate("boundary_difference", float(last["difference"]), float(last["low"]),
                     float(last["high"]), int(last["n"]), first.unit, first.grade),
        ),
        "Group-sequential boundaries at the planned looks, by an error-spending function.",
        {"kind": kind, "alpha": asked.alpha, "n_end": most, "metric": asked.metric,
         "is_used": asked.decision.method != SEQUENCE},
    )  # fmt: skip


def _at(frame: pd.DataFrame, day: date) -> Any:
    """Return the last row of a course that was known by a day."""
    known = frame[frame["look"] <= day.isoformat()]
    return known.iloc[-1] if len(known) else None


# Guardrails ---------------------------------------------------------------------------------


def guardrails(outcomes: pd.DataFrame, asked: Plan | None) -> list[Result]:
    """Check for each guardrail whether it may have got worse by more than its margin.

    Parameters
    ----------
    outcomes : pandas.DataFrame
        As in :func:`course`, with rows for the metric of each guardrail.
    asked : Plan or None

    Returns
    -------
    list of Result
        Of :func:`sequential.guardrail`, in the order of the plan; nothing without a plan.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> [one.metric for one in asked.guardrails]
    ['gave_up_share']
    >>> found = guardrails(outcomes.assign(metric="gave_up_share"), asked)
    >>> [one.parameters["state"] for one in found]
    ['breached']
    """
    if asked is None or outcomes.empty:
        return []
    found = []
    for one in asked.guardrails:
        frame = outcomes[outcomes["metric"] == one.metric]
        result = sequential.guardrail(
            frame, margin=one.margin, direction=_direction(one.metric), label=one.metric,
            unit=_unit(one.metric), **_how(frame, asked),
        )  # fmt: skip
        found.append(result if result.is_empty else result.but(frame=_dated(result.frame, asked)))
    return found


def guarded(found: Sequence[Result], outcomes: pd.DataFrame, asked: Plan | None) -> Result:
    """Put all guardrails into one table.

    Parameters
    ----------
    found : sequence of Result
        Of :func:`guardrails`.
    outcomes : pandas.DataFrame
        As in :func:`course`; says why, where nothing is known.
    asked : Plan or None

    Returns
    -------
    Result
        Family CONTRAST: ``metric, difference, low, high, margin, state, n``; ``state`` is
        ``breached`` (all of the interval is worse than the margin), ``safe`` (none of it) or
        ``open``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> outcomes["metric"] = "gave_up_share"
    >>> table = guarded(guardrails(outcomes, asked), outcomes, asked).frame
    >>> table[["metric", "difference", "margin", "state"]].values.tolist()
    [['gave_up_share', 0.5, 0.02, 'breached']]
    """
    name = "guardrails"
    if asked is not None and not asked.guardrails:
        return not_enough(name, Family.CONTRAST, "the plan names no guardrail")
    known = [one for one in found if not one.is_empty]
    if not known:
        why = found[0].missing if found else str(outcomes.attrs.get("missing") or "nobody is known")
        return not_enough(name, Family.CONTRAST, why)
    rows = [
        {
            "metric": one.parameters["label"],
            **{c: float(one.frame[c].iloc[-1]) for c in ("difference", "low", "high")},
            "margin": float(one.parameters["margin"] or 0), "state": one.parameters["state"],
            "direction": one.parameters["direction"], "n": int(one.frame["n"].iloc[-1]),
        }
        for one in known
    ]  # fmt: skip
    return Result(
        name, Family.CONTRAST, pd.DataFrame(rows),
        {
            "metric": Role.KEY, "difference": Role.VALUE, "low": Role.LOW, "high": Role.HIGH,
            "margin": Role.VALUE, "state": Role.FLAG, "direction": Role.KEY, "n": Role.N,
        },
        tuple(one.estimates[0] for one in known),
        known[0].method,
        {"alpha": asked.alpha if asked else 0.05},
    )  # fmt: skip


# The end, and the verdict -------------------------------------------------------------------


def forecast(found: Result, asked: Plan | None, *, n_end: int) -> Result:
    """Carry the primary metric on to the end, with what chance may still do to it.

    Parameters
    ----------
    found : Result
        Of :func:`course`.
    asked : Plan or None
    n_end : int
        Values that are to be known at the end: :func:`expected_values`.

    Returns
    -------
    Result
        Of :func:`sequential.forecast`, with the end alone: ``look`` is its day,
        ``part`` is ``ahead``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> ahead = forecast(course(outcomes, asked), asked, n_end=800)
    >>> ahead.frame[["look", "expected", "n"]].values.tolist()
    [['2025-09-01', 0.5, 800]]
    """
    if asked is None:
        return not_enough("forecast", Family.TREND, found.missing)
    ahead = sequential.forecast(found, n_end=n_end, mde=asked.minimum_effect)
    if ahead.is_empty:
        return ahead
    frame = ahead.frame.assign(look=ahead.frame["look"].fillna(asked.end_on.isoformat()))
    frame["part"] = ["seen"] * (len(frame) - 1) + ["ahead"]
    return ahead.but(
        frame=frame.tail(1).reset_index(drop=True), roles={**ahead.roles, "part": Role.KEY},
        parameters={**ahead.parameters, "mde": asked.minimum_effect, "metric": asked.metric,
                    "end_on": asked.end_on.isoformat()},
    )  # fmt: skip


def verdict(
    stands: Result,
    found: Result,
    planned: Result,
    guards: Sequence[Result],
    ratio: Result,
    asked: Plan | None,
    *,
    as_of: date,
) -> Result:
    """Apply the frozen rule: continue, iterate, pivot or stop; refused without a plan that is kept.

    Parameters
    ----------
    stands : Result
        Of :func:`plan`.
    found, planned : Result
        Of :func:`course` and :func:`looks`; the plan says which of them decides.
    guards : sequence of Result
        Of :func:`guardrails`.
    ratio : Result
        Of :func:`arms`.
    asked : Plan or None
    as_of : datetime.date

    Returns
    -------
    Result
        Of :func:`sequential.verdict`. Refused: empty, with ``parameters["verdict"]`` of
        ``refused`` and the reason.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ldresearch.plan import parse, template
    >>> asked, person = parse(template()), np.arange(400)
    >>> is_treated = person % 2 == 0
    >>> outcomes = pd.DataFrame({
    ...     "metric": "value_reach", "person_key": person, "cluster": person,
    ...     "arm": np.where(is_treated, "treated", "control"), "is_randomised": True,
    ...     "look": 9 + person // 100, "before": np.nan,
    ...     "value": np.where(is_treated, person % 8 != 0, person % 8 == 1).astype(float),
    ... })
    >>> day = asked.looks_on[1]
    >>> kept = pd.DataFrame({"is_kept": [True], "version": 1, "hash": asked.hash, "why": "",
    ...                      "frozen_on": "2025-02-03", "is_late": False, "reason": ""})
    >>> stands, found = plan(kept, asked, as_of=day), course(outcomes, asked)
    >>> held, ratio = looks(found, asked, as_of=day, n_end=800), arms(outcomes, asked)
    >>> said = verdict(stands, found, held, [], ratio, asked, as_of=day)
    >>> said.parameters["verdict"], said.parameters["reason"]
    ('continue', 'effect_shown')
    >>> edited = kept.assign(is_kept=False, why="the plan was edited", reason="edited")
    >>> stands = plan(edited, asked, as_of=day)
    >>> verdict(stands, found, held, [], ratio, asked, as_of=day).parameters["verdict"]
    'refused'
    """
    if asked is None or stands.is_empty:
        return not_enough(
            "verdict", Family.CHECKS, stands.missing,
            parameters={"verdict": REFUSED, "reason": stands.parameters.get("reason", "")},
        )  # fmt: skip
    decides = found if asked.decision.method == SEQUENCE else planned
    result = sequential.verdict(
        decides, mde=asked.minimum_effect, guardrails=guards,
        sample_ratio=None if ratio.is_empty else ratio,
        is_at_end=as_of >= min(asked.looks_on[-1], asked.end_on),
        direction=_direction(asked.metric),
    )  # fmt: skip
    more: dict[str, Scalar] = {
        "metric": asked.metric, "missing": _cut(decides.missing), "plan": asked.name,
        "look": stands.parameters["look"], "n_looks": stands.parameters["n_looks"],
        "method": asked.decision.method,
    }  # fmt: skip
    return result.but(parameters={**result.parameters, **more})


# What changed -------------------------------------------------------------------------------

_OF_PEOPLE: Final = ("not_in_an_arm", "not_eligible", "arms_switched", "other_unit", "not_drawn",
                     "late_data")  # fmt: skip


def process(found: pd.DataFrame) -> Result:
    """List what was done otherwise than planned, as far as it is about the plan and its looks.

    Parameters
    ----------
    found : pandas.DataFrame
        One row a kind: ``deviation, count, of, n, detail``.

    Returns
    -------
    Result
        Family CHECKS: ``deviation, count, detail``; a row a kind that there was.

    Examples
    --------
    >>> import pandas as pd
    >>> found = pd.DataFrame([("looks_missed", 1, 2, 0, "2025-04-07"),
    ...                       ("arms_switched", 3, 200, 3, "")],
    ...                      columns=["deviation", "count", "of", "n", "detail"])
    >>> process(found).frame.values.tolist()
    [['looks_missed', 1, '2025-04-07']]
    """
    rows = found[~found["deviation"].isin(_OF_PEOPLE) & (found["count"] > 0)]
    if found.empty:
        return _nothing("process", Family.CHECKS, found)
    out = rows[["deviation", "count", "detail"]].reset_index(drop=True)
    out["detail"] = [_cut(str(detail)) for detail in out["detail"]]
    return Result(
        "process", Family.CHECKS, out,
        {"deviation": Role.KEY, "count": Role.VALUE, "detail": Role.KEY},
        method="The plan held against what the log and the ledger show.",
    )  # fmt: skip


def roll_out(found: pd.DataFrame) -> Result:
    """List what was done otherwise than planned, as far as it is about people.

    Parameters
    ----------
    found : pandas.DataFrame
        One row a kind: ``deviation, count, of, n, detail``.

    Returns
    -------
    Result
        Family COUNTS: ``deviation, count, of, n, detail``; a row a kind, also where there was none.

    Examples
    --------
    >>> import pandas as pd
    >>> found = pd.DataFrame([("looks_missed", 1, 2, 0, "2025-04-07"),
    ...                       ("arms_switched", 3, 200, 3, "")],
    ...                      columns=["deviation", "count", "of", "n", "detail"])
    >>> roll_out(found).frame[["deviation", "count", "of"]].values.tolist()
    [['arms_switched', 3, 200]]
    """
    if found.empty:
        return _nothing("roll_out", Family.COUNTS, found)
    rows = found[found["deviation"].isin(_OF_PEOPLE)].reset_index(drop=True)
    if rows.empty:
        return not_enough("roll_out", Family.COUNTS, "no arm is known yet")
    out = rows.assign(n=rows["n"].astype(int))[["deviation", "count", "of", "n", "detail"]]
    return Result(
        "roll_out", Family.COUNTS, out,
        {
            "deviation": Role.KEY, "count": Role.COUNT, "of": Role.COUNT, "n": Role.N,
            "detail": Role.KEY,
        },
        method="The plan held against what the log shows.",
    )  # fmt: skip


def drift(people: pd.DataFrame) -> Result:
    """Check whether the people of today are those whom the plan was made for.

    Parameters
    ----------
    people : pandas.DataFrame
        One row a level of an attribute: ``attribute, level, n_before, n_now``.

    Returns
    -------
    Result
        Of :func:`sequential.drift`.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"attribute": "unit", "level": ["sales", "lab"],
    ...                        "n_before": [500, 500], "n_now": [501, 499]})
    >>> drift(people).frame["state"].tolist()
    ['none']
    """
    return sequential.drift(people)


def quality(found: pd.DataFrame) -> Result:
    """Check whether the data have become worse since the launch.

    Parameters
    ----------
    found : pandas.DataFrame
        One row a check: ``check, n_bad_before, n_before, n_bad_now, n_now, n_people``.

    Returns
    -------
    Result
        Of :func:`sequential.quality`; ``n`` is the people behind the rows of today.

    Examples
    --------
    >>> import pandas as pd
    >>> found = pd.DataFrame({"check": ["recorded late"], "n_bad_before": [20], "n_before": [1000],
    ...                       "n_bad_now": [200], "n_now": [1000], "n_people": [90]})
    >>> quality(found).frame[["state", "n"]].values.tolist()
    [['worse', 90]]
    """
    result = sequential.quality(found)
    if result.is_empty:
        return result
    people = found.set_index("check")["n_people"].reindex(result.frame["check"])
    return result.but(frame=result.frame.assign(n=people.to_numpy(dtype=int)))


# May we trust it? ---------------------------------------------------------------------------


def trust(
    stands: Result, ratio: Result, found: Result, changed: Result, faults: Result,
    process: Result, roll_out: Result,
) -> Result:  # fmt: skip
    """Check what the verdict rests on.

    Parameters
    ----------
    stands : Result
        Of :func:`plan`.
    ratio : Result
        Of :func:`arms`.
    found : Result
        Of :func:`course`.
    changed : Result
        Of :func:`drift`.
    faults : Result
        Of :func:`quality`.
    process, roll_out : Result
        Of the functions of these names.

    Returns
    -------
    Result
        Family CHECKS: ``check, status, value, threshold``; shares in percent.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"deviation": ["late_data"], "count": [8], "of": [100], "n": [6],
    ...                      "detail": [""]})
    >>> late, unknown = roll_out(rows), not_enough("unknown", Family.CHECKS, "nothing is known yet")
    >>> found = trust(unknown, unknown, unknown, unknown, unknown, unknown, late).frame
    >>> found[found["status"] != "not known"].values.tolist()
    [['late_data', 'not passed', 8.0, 5.0]]
    """
    is_late = stands.parameters.get("is_late")
    rows: list[Row] = [
        _checks.at_most(
            "frozen_before", math.nan if is_late is None else float(bool(is_late)), 0.0
        ),
        _checks.at_least("sample_ratio", _p(ratio), sequential.SRM_ALPHA),
        _checks.at_least("drawn_by_chance", _drawn(found), 1.0),
        _checks.at_most("looks_held", _count(process, "looks_missed"), 0.0),
        _checks.at_most("arms_kept", _percent(roll_out, "arms_switched"), 1.0),
        _checks.at_most("everyone_in", _percent(roll_out, "not_in_an_arm"), 5.0),
        _checks.at_most("late_data", _percent(roll_out, "late_data"), 5.0),
        _checks.at_most("same_people", _worst(changed, "much"), 0.0),
        _checks.at_most("data_as_good", _worst(faults, "worse"), 0.0),
    ]
    return _checks.trust(rows)


def _p(ratio: Result) -> float:
    return math.nan if ratio.is_empty else float(ratio.parameters["p"] or 0)


def _drawn(found: Result) -> float:
    return math.nan if found.is_empty else float(found.estimates[0].grade is Grade.RANDOMISED)


def _count(process: Result, name: str) -> float:
    if process.is_empty:
        return math.nan
    return float(process.frame.loc[process.frame["deviation"] == name, "count"].sum())


def _percent(roll_out: Result, name: str) -> float:
    if roll_out.is_empty:
        return math.nan
    row = roll_out.frame[roll_out.frame["deviation"] == name]
    of = float(row["of"].sum())
    return round(100 * float(row["count"].sum()) / of, 1) if of else math.nan


def _worst(found: Result, state: str) -> float:
    return math.nan if found.is_empty else float((found.frame["state"] == state).sum())


def _nothing(name: str, family: Family, frame: pd.DataFrame) -> Result:
    why = str(frame.attrs.get("missing") or "nothing is known yet")
    return not_enough(name, family, why)


def _direction(metric: str) -> str:
    return "down" if metrics()[metric].direction is Direction.DOWN else "up"


def _unit(metric: str) -> str:
    unit = metrics()[metric].unit
    return "points" if unit == "share" else unit
