"""Whether a log is fit to answer anything: counts become results, checks and a verdict.

Every threshold is a constant here, with its reason. They are rules of thumb for a first look, not
laws: each check shows its number beside its threshold.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from ldresearch.models._frame import Floats, require
from ldresearch.models.rates import wilson
from ldresearch.result import Estimate, Result, Scalar, not_enough
from ldresearch.vocabulary import Family, Grade, Role

ENOUGH_PERSONS: Final = 10
"""As many as the disclosure rule asks for: a number about fewer describes persons, not a group."""

ENOUGH_FILLED: Final = 0.8
"""With a fifth blank, a group seen as 30 % of those known can truly be 24 to 44 % of all."""

MOST_BLANK: Final = round(1 - ENOUGH_FILLED, 3)
"""The same, as the share of blanks."""

MOST_REJECTED: Final = 0.01
"""The door refuses a table at 5 %. From one row in a hundred on, a rate can be a point off."""

MOST_REPEATED: Final = 0.01
"""As for rejected rows: repeated events inflate every count of activity by as much."""

MOST_UNKNOWN: Final = 0.05
"""Joins that match less than 95 % say that the ids of two systems are spelt differently."""

MOST_OUTSIDE: Final = 0.01
"""One active person in a hundred outside employment: dates of another time zone or of another
spell; more of them, and the hire dates cannot carry a time to first value."""

MOST_UNENTITLED: Final = 0.05
"""Active persons without access or employment stand in a numerator and in no denominator."""

MOST_LATE: Final = 0.05
"""Events recorded after more than a week are missing from the last full week when it is read."""

MOST_CLOCKS_OFF: Final = 0.01
"""Events recorded before they happened, or dates that fall on the day before: a wrong clock or zone
moves them all, a few are chance."""

LONGEST_SILENCE_DAYS: Final = 7
"""A week without a single event of anyone: the feed has stopped, or everyone has."""

OLDEST_STAFF_DAYS: Final = 62
"""An HR file without a change for two months: even at 10 % turnover a year, more than one person in
a hundred has come or gone meanwhile."""

FEWEST_WEEKS: Final = 9
"""The usual activation window of 60 days, whole."""

BREAK_SHARE: Final = 0.25
"""A week with less than a quarter of the usual events is a break, not a quiet week: in the weeks
around public holidays about half the usual activity is left."""

BREAK_USUAL: Final = 20
"""Below this many usual events a week, a quarter of them is in reach of chance (a Poisson count of
mean 20 falls under 5 once in 60,000 weeks)."""

NEIGHBOURS: Final = 6
"""Weeks with events on either side that say what is usual: half a quarter each, so that growth
within them stays small against a factor of four."""

STRAY_SILENCE_WEEKS: Final = 26
STRAY_SHARE: Final = 0.01
"""Half a year of silence after less than one event in a hundred: dates that a clock or a default
made up (1970, 2000), not the beginning of the log."""

CHECKS: Final[Mapping[str, float]] = {
    "has_answers": 1.0,
    "is_fresh": LONGEST_SILENCE_DAYS,
    "few_rejected": MOST_REJECTED,
    "persons_known": MOST_UNKNOWN,
    "no_repeats": MOST_REPEATED,
    "right_day": MOST_CLOCKS_OFF,
    "clocks_agree": MOST_CLOCKS_OFF,
    "recorded_in_time": MOST_LATE,
    "within_employment": MOST_OUTSIDE,
    "active_are_entitled": MOST_UNENTITLED,
    "content_known": MOST_UNKNOWN,
    "no_breaks": 0.0,
    "long_enough": FEWEST_WEEKS,
    "staff_is_fresh": OLDEST_STAFF_DAYS,
    "attributes_filled": MOST_BLANK,
}
"""Check to its threshold, in the order in which faults are worth mending."""

BLOCKING: Final = frozenset(
    {
        "has_answers", "is_fresh", "few_rejected", "persons_known", "no_repeats", "right_day",
        "clocks_agree", "recorded_in_time", "within_employment",
    }
)  # fmt: skip
"""Faults that make numbers wrong. The others make them partial, and are said beside the numbers."""

_AT_LEAST = frozenset({"has_answers", "long_enough"})
_WHOLE = frozenset({"has_answers", "is_fresh", "no_breaks", "long_enough", "staff_is_fresh"})
_NO_N = 0


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan


def _estimate(metric: str, value: float, n: int, unit: str, label: str = "") -> Estimate:
    nan = math.nan
    return Estimate(metric, float(value), nan, nan, int(n), unit, Grade.DESCRIPTIVE, label)


def _why(frame: pd.DataFrame, otherwise: str) -> str:
    return str(frame.attrs.get("missing") or otherwise)


# What there is ------------------------------------------------------------------------------


def tables(frame: pd.DataFrame) -> Result:
    """Say which tables there are, how long they run and how fresh they are.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``table, n_rows, n_persons, first_on, last_on, days_since, n_questions``.

    Returns
    -------
    Result
        Family COUNTS, the tables questions ask for first: ``table``, ``state`` (``here`` or
        ``absent``), ``n_questions``, ``n_rows``, ``days_covered``, ``days_since``, ``n``. The
        estimate is ``freshness_days`` of the activity, and of the HR file under that label.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"table": ["event", "access"], "n_rows": [500, 0],
    ...                       "n_persons": [40, 0], "first_on": ["2024-01-01", None],
    ...                       "last_on": ["2024-01-31", None],
    ...                       "days_since": [2.0, None], "n_questions": [9, 3]})
    >>> found = tables(frame)
    >>> found.frame[["table", "state", "n_rows"]].to_dict("list")
    {'table': ['event', 'access'], 'state': ['here', 'absent'], 'n_rows': [500, 0]}
    >>> found.estimate("freshness_days", "activity").value
    2.0
    """
    require(frame, ["table", "n_rows", "n_persons", "days_since", "n_questions"], "tables")
    span = pd.to_datetime(frame["last_on"]) - pd.to_datetime(frame["first_on"])
    out = pd.DataFrame(
        {
            "table": frame["table"],
            "state": np.where(frame["n_rows"] > 0, "here", "absent"),
            "n_questions": frame["n_questions"].astype(str),
            "n_rows": frame["n_rows"],
            "days_covered": span.dt.days + 1.0,
            "days_since": frame["days_since"],
            "n": frame["n_persons"],
        }
    )
    order = frame["n_questions"].rank(ascending=False) * 1000 + np.arange(len(frame))
    out = out.iloc[order.argsort(kind="stable")].reset_index(drop=True)
    estimates = tuple(
        _estimate("freshness_days", row["days_since"], row["n_persons"], "days", label)
        for row in frame.to_dict("records")
        for table, label in (("event", "activity"), ("person", "HR file"))
        if row["table"] == table and row["n_rows"] and not math.isnan(row["days_since"])
    )
    roles = {
        "table": Role.KEY, "state": Role.KEY, "n_questions": Role.KEY, "n_rows": Role.COUNT,
        "days_covered": Role.VALUE, "days_since": Role.VALUE, "n": Role.N,
    }  # fmt: skip
    return Result("tables", Family.COUNTS, out, roles, estimates, "Rows known as of the date.")


def rejects(frame: pd.DataFrame) -> Result:
    """Say which rows did not pass the door in, and why.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``table, reason, kind, n_rows, n_in``, one row with an empty reason for a clean table.

    Returns
    -------
    Result
        Family COUNTS: tables with rejected rows. How many persons stand behind rejected rows is not
        known, so the rows themselves stand for them. Estimates ``share_rejected`` (rows with a
        fault) and ``share_duplicates``, of all rows read.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"table": "event", "reason": ["no such day", "same id"],
    ...                       "kind": ["fault", "duplicate"], "n_rows": [5, 20], "n_in": 100})
    >>> found = rejects(frame)
    >>> found.estimate("share_rejected").value, found.estimate("share_duplicates").value
    (0.05, 0.2)
    """
    if frame.empty:
        return not_enough("rejects", Family.COUNTS, _why(frame, "nothing was ever read in"))
    require(frame, ["table", "reason", "kind", "n_rows", "n_in"], "rejects")
    n_in = int(frame.groupby("table")["n_in"].first().sum())
    sums = frame.groupby("kind")["n_rows"].sum()
    n_persons = int(frame.attrs.get("n_persons", 0))
    estimates = tuple(
        _estimate(metric, _share(int(sums.get(kind, 0)), n_in), n_persons, "share")
        for metric, kind in (("share_rejected", "fault"), ("share_duplicates", "duplicate"))
        if n_in
    )
    bad = frame[frame["n_rows"] > 0].sort_values(
        ["n_rows", "table", "reason"], ascending=[False, True, True], kind="stable"
    )
    out = bad[["table", "reason", "kind", "n_rows"]].assign(n=bad["n_rows"]).reset_index(drop=True)
    roles = {
        "table": Role.KEY, "reason": Role.KEY, "kind": Role.KEY, "n_rows": Role.COUNT,
        "n": Role.N,
    }  # fmt: skip
    return Result(
        "rejects", Family.COUNTS, out, roles, estimates,
        "Rows rejected or merged at the door in; the data hold none of them.",
        {"n_tables": int(bad["table"].nunique()), "is_clean": bad.empty},
    )  # fmt: skip


def notes(frame: pd.DataFrame) -> Result:
    """Pass on what the sources noted while reading.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``note, said, number``.

    Returns
    -------
    Result
        Family COUNTS. A count stands for its persons, since those are not known.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"note": ["recorded at", "rows without a verb"],
    ...                       "said": ["not in the source", ""], "number": [None, 12.0]})
    >>> notes(frame).frame[["note", "n"]].to_dict("list")
    {'note': ['recorded at', 'rows without a verb'], 'n': [0, 12]}
    """
    if frame.empty:
        return not_enough("notes", Family.COUNTS, _why(frame, "the sources left no notes"))
    require(frame, ["note", "said", "number"], "notes")
    out = frame[["note", "said", "number"]].assign(
        n=frame["number"].abs().fillna(_NO_N).astype("int64")
    )
    roles = {"note": Role.KEY, "said": Role.KEY, "number": Role.COUNT, "n": Role.N}
    return Result("notes", Family.COUNTS, out.reset_index(drop=True), roles)


# When ---------------------------------------------------------------------------------------


def coverage(frame: pd.DataFrame) -> Result:
    """Mark the weeks that are incomplete, silent, or far below the usual.

    What is usual in a week is the smaller of two medians: of the nearest :data:`NEIGHBOURS` weeks
    with events before it, and after it. So a launch that grows fast and a fall that stays are no
    breaks. The last weeks have nothing after them and are held against those before; the first ones
    against nothing. The week of Christmas and that of New Year are named ``year end``, since every
    log falls then. Dates long before the rest of the log are stray and left out.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``week_on, n_events, n_persons, is_complete``, one row a week without gaps.

    Returns
    -------
    Result
        Family TREND: ``week_on, standing`` (``usual``, ``low``, ``silent``, ``quiet``: no event
        where few are usual, ``year end``, ``incomplete``), ``usual`` (events), ``n_events, n``. The
        estimate is ``log_coverage_weeks``, complete weeks with events. ``parameters`` count the
        breaks and say whether there are stray dates.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=20, freq="7D")
    >>> frame = pd.DataFrame({"week_on": weeks, "n_events": 100, "n_persons": 30,
    ...                       "is_complete": True})
    >>> frame.loc[12, "n_events"] = 10
    >>> coverage(frame).parameters["n_low"]
    1
    """
    if frame.empty:
        return not_enough("coverage", Family.TREND, _why(frame, "the log holds no week"))
    require(frame, ["week_on", "n_events", "n_persons", "is_complete"], "coverage")
    n = int(frame.attrs.get("n_persons", frame["n_persons"].max()))
    if n < ENOUGH_PERSONS:
        # Which weeks are silent would say when these few were there.
        return not_enough(
            "coverage", Family.TREND, f"the log holds the activity of fewer than {ENOUGH_PERSONS} "
            "people, too few to show by week",
        )  # fmt: skip
    frame = frame.sort_values("week_on", kind="stable", ignore_index=True)
    events = frame["n_events"].to_numpy(dtype=float)
    begin = _begin(events)
    frame, events = frame.iloc[begin:].reset_index(drop=True), events[begin:]
    complete = frame["is_complete"].to_numpy(dtype=bool)
    usual = _usual(events, complete)
    standing = _standing(pd.to_datetime(frame["week_on"]), events, complete, usual)
    out = pd.DataFrame(
        {
            "week_on": pd.to_datetime(frame["week_on"]).dt.strftime("%Y-%m-%d"),
            "standing": standing,
            "n_events": frame["n_events"],
            "usual": usual,
            "n": frame["n_persons"],
        }
    )
    parameters: dict[str, Scalar] = {
        **{f"n_{name}": int((standing == name).sum()) for name in ("low", "silent")},
        "has_stray": begin > 0,
        "break_share": BREAK_SHARE,
    }
    roles = {
        "week_on": Role.TIME, "standing": Role.KEY, "n_events": Role.COUNT,
        "usual": Role.VALUE, "n": Role.N,
    }  # fmt: skip
    return Result(
        "coverage", Family.TREND, out, roles,
        (_estimate("log_coverage_weeks", int((complete & (events > 0)).sum()), n, "weeks"),),
        f"A break is a complete week with less than {BREAK_SHARE:.0%} of the usual events: of the "
        f"smaller median of the {NEIGHBOURS} nearest weeks with events before and after it.",
        parameters,
    )  # fmt: skip


def _begin(events: Floats) -> int:
    """First week of the log's main body, behind a long silence that follows almost nothing."""
    alive = np.flatnonzero(events > 0)
    begin = int(alive[0]) if len(alive) else 0
    total = events.sum()
    for before, after in itertools.pairwise(alive):
        is_long = after - before > STRAY_SILENCE_WEEKS
        if is_long and events[: before + 1].sum() < STRAY_SHARE * total:
            begin = int(after)
    return begin


def _usual(events: Floats, complete: Any) -> Floats:
    """Usual events of each week; ``nan`` where too few weeks lie before it."""
    usual = np.full(len(events), np.nan)
    judged = np.flatnonzero(complete & (events > 0))
    for i in range(len(events)):
        before = events[judged[judged < i][-NEIGHBOURS:]]
        after = events[judged[judged > i][:NEIGHBOURS]]
        if len(before) < NEIGHBOURS // 2:
            continue
        medians = [np.median(side) for side in (before, after) if len(side) >= NEIGHBOURS // 2]
        usual[i] = min(medians)
    return usual


def _standing(mondays: pd.Series, events: Floats, complete: Any, usual: Floats) -> Any:
    holiday = [
        any((day + pd.Timedelta(days=d)).strftime("%m-%d") in ("12-25", "01-01") for d in range(7))
        for day in mondays
    ]
    with np.errstate(invalid="ignore"):
        is_low = (usual >= BREAK_USUAL) & (events < BREAK_SHARE * usual)
    named = np.select(
        [~complete, is_low & np.array(holiday, dtype=bool), is_low & (events == 0), is_low,
         events == 0],
        ["incomplete", "year end", "silent", "low", "quiet"],
        default="usual",
    )  # fmt: skip
    return named


def verbs(frame: pd.DataFrame) -> Result:
    """Say what was done, recorded by which system, and when last.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``verb, source, n_events, n_persons, days_since``.

    Returns
    -------
    Result
        Family COUNTS, most frequent first.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"verb": ["complete", "view"], "source": "lms", "n_events": [50, 400],
    ...                       "n_persons": [30, 40], "days_since": [9.0, 2.0]})
    >>> verbs(frame).frame["verb"].tolist()
    ['view', 'complete']
    """
    if frame.empty:
        return not_enough("verbs", Family.COUNTS, _why(frame, "the log holds no event"))
    require(frame, ["verb", "source", "n_events", "n_persons", "days_since"], "verbs")
    out = frame.sort_values(
        ["n_events", "verb", "source"], ascending=[False, True, True], kind="stable"
    )
    out = out[["verb", "source", "n_events", "days_since"]].assign(n=out["n_persons"])
    roles = {
        "verb": Role.KEY, "source": Role.KEY, "n_events": Role.COUNT, "days_since": Role.VALUE,
        "n": Role.N,
    }  # fmt: skip
    return Result("verbs", Family.COUNTS, out.reset_index(drop=True), roles)


def lag(frame: pd.DataFrame) -> Result:
    """Say how long after an event it was recorded.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``lag`` (``before, day, week, month, later, unknown``), ``order, n_events, n_persons``.

    Returns
    -------
    Result
        Family COUNTS: ``lag, n_events, share`` (of events with a time of recording), ``n``. The
        estimate ``recording_lag`` is the share of events recorded later than labelled: ``1 day``,
        ``7 days``, ``30 days``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"lag": ["before", "day", "week", "month", "later", "unknown"],
    ...                       "order": range(6), "n_events": [0, 70, 20, 10, 0, 100],
    ...                       "n_persons": [0, 30, 20, 10, 0, 30]})
    >>> found = lag(frame)
    >>> [round(found.estimate("recording_lag", label).value, 2) for label in ("1 day", "7 days")]
    [0.3, 0.1]
    """
    if frame.empty:
        return not_enough("lag", Family.COUNTS, _why(frame, "the log holds no event"))
    require(frame, ["lag", "order", "n_events", "n_persons"], "lag")
    frame = frame.sort_values("order", kind="stable", ignore_index=True)
    events = frame.set_index("lag")["n_events"]
    timed = int(events.sum() - events["unknown"])
    if timed == 0:
        return not_enough(
            "lag", Family.COUNTS,
            "no source gives a time of recording beside the time of the event",
        )  # fmt: skip
    known = frame[frame["lag"] != "unknown"]
    out = known[["lag", "n_events"]].assign(
        share=(known["n_events"] / timed).round(3), n=known["n_persons"]
    )
    later = {
        "1 day": events[["week", "month", "later"]].sum(),
        "7 days": events[["month", "later"]].sum(),
        "30 days": events["later"],
    }
    n = int(known["n_persons"].max())
    estimates = tuple(
        _estimate("recording_lag", _share(count, timed), n, "share", label)
        for label, count in later.items()
    )
    roles = {"lag": Role.KEY, "n_events": Role.COUNT, "share": Role.VALUE, "n": Role.N}
    return Result(
        "lag", Family.COUNTS, out.reset_index(drop=True), roles, estimates,
        "Time from happening to recording, of events old enough to have been recorded late.",
        {
            "is_settled": bool(frame.attrs.get("is_settled", True)),
            "share_unknown": round(_share(events["unknown"], events.sum()), 2),
        },
    )  # fmt: skip


# What contradicts itself --------------------------------------------------------------------


def faults(frame: pd.DataFrame) -> Result:
    """Give the share of persons that each contradiction touches.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``fault, is_checked, n_events, n_persons, of_events, of_persons``.

    Returns
    -------
    Result
        Family RATES: ``fault, n_reached`` (persons with it), ``n, share, low, high``, only where
        there was something to check against. ``parameters`` hold the share of events by fault.
        Estimate ``share_orphan_events``, labelled ``person`` and ``content``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"fault": ["unknown_person", "unknown_content"],
    ...                       "is_checked": [True, False], "n_events": [50, 0],
    ...                       "n_persons": [20, 0], "of_events": [1000, 0], "of_persons": [100, 0]})
    >>> found = faults(frame)
    >>> found.frame[["fault", "share"]].to_dict("list")
    {'fault': ['unknown_person'], 'share': [0.2]}
    >>> found.estimate("share_orphan_events", "person").value
    0.05
    """
    if frame.empty:
        return not_enough("faults", Family.RATES, _why(frame, "the log holds no event"))
    require(
        frame,
        ["fault", "is_checked", "n_events", "n_persons", "of_events", "of_persons"],
        "faults",
    )
    seen = frame[frame["is_checked"] & (frame["of_persons"] > 0)]
    low, high = wilson(seen["n_persons"], seen["of_persons"])
    out = pd.DataFrame(
        {
            "fault": seen["fault"],
            "n_reached": seen["n_persons"],
            "n": seen["of_persons"],
            "share": seen["n_persons"] / seen["of_persons"],
            "low": low,
            "high": high,
        }
    ).sort_values(["share", "fault"], ascending=[False, True], kind="stable", ignore_index=True)
    shares = {
        row["fault"]: (_of_events(row), int(row["of_persons"])) for row in seen.to_dict("records")
    }
    estimates = tuple(
        _estimate("share_orphan_events", *shares[f"unknown_{kind}"], "share", kind)
        for kind in ("person", "content")
        if f"unknown_{kind}" in shares
    )
    roles = {
        "fault": Role.KEY, "n_reached": Role.COUNT, "n": Role.N, "share": Role.RATE,
        "low": Role.LOW, "high": Role.HIGH,
    }  # fmt: skip
    skipped = ", ".join(frame.loc[~frame["is_checked"].astype(bool), "fault"])
    parameters: dict[str, Scalar] = {
        f"events_{fault}": share for fault, (share, n) in shares.items() if n >= ENOUGH_PERSONS
    }
    return Result(
        "faults", Family.RATES, out, roles, estimates,
        "Share of the persons it could befall, with Wilson's 95 % interval.",
        {**parameters, "not_checked": skipped},
    )  # fmt: skip


def _of_events(row: Mapping[Any, Any]) -> float:
    """Share of events; in whole percents where fewer than ten people stand behind it."""
    is_few = 0 < row["n_persons"] < ENOUGH_PERSONS
    return round(_share(row["n_events"], row["of_events"]), 2 if is_few else 3)


def denominators(frame: pd.DataFrame) -> Result:
    """Say where the HR file, the access list and the activity contradict each other.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``employment, access, activity, n``.

    Returns
    -------
    Result
        Family COUNTS, with ``reading``: ``learning``, ``reachable`` (entitled, quiet), ``no
        access``, ``gone``, ``access left open``, ``active, not entitled`` or ``not in the HR
        file``. The estimate ``share_unentitled`` is the share of the active who are not employed
        or have no access; there is none where neither list is there.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"employment": ["employed", "employed", "left"],
    ...                       "access": ["open", "none", "open"],
    ...                       "activity": ["active", "active", "quiet"], "n": [90, 10, 20]})
    >>> found = denominators(frame)
    >>> found.frame[["reading", "n"]].to_dict("list")
    {'reading': ['learning', 'access left open', 'active, not entitled'], 'n': [90, 20, 10]}
    >>> found.estimate("share_unentitled").value
    0.1
    """
    if frame.empty:
        return not_enough("denominators", Family.COUNTS, _why(frame, "no list names a person"))
    require(frame, ["employment", "access", "activity", "n"], "denominators")
    out = frame.assign(reading=[_reading(*row) for row in _triples(frame)])
    out = out[["employment", "access", "activity", "reading", "n"]].sort_values(
        ["n", "employment", "access", "activity"], ascending=[False, True, True, True],
        kind="stable", ignore_index=True,
    )  # fmt: skip
    active = out[out["activity"] == "active"]
    n_active = int(active["n"].sum())
    bad = int(active.loc[active["reading"].isin(_UNENTITLED), "n"].sum())
    has_lists = bool((out[["employment", "access"]] != "no list").any(axis=None))
    low, high = wilson(bad, n_active)
    estimates = (
        (
            Estimate(
                "share_unentitled", bad / n_active, float(low), float(high), n_active, "share",
                Grade.DESCRIPTIVE,
            ),
        )
        if has_lists and n_active
        else ()
    )  # fmt: skip
    roles = {
        "employment": Role.KEY, "access": Role.KEY, "activity": Role.KEY, "reading": Role.KEY,
        "n": Role.N,
    }  # fmt: skip
    return Result("denominators", Family.COUNTS, out, roles, estimates)


_UNENTITLED = ("active, not entitled", "active, not in the HR file")


def _triples(frame: pd.DataFrame) -> Any:
    return frame[["employment", "access", "activity"]].itertuples(index=False, name=None)


def _reading(employment: str, access: str, activity: str) -> str:
    is_active = activity == "active"
    if employment == "unknown":
        return "active, not in the HR file" if is_active else "not in the HR file"
    if employment == "left" and is_active:
        return "active, not entitled"
    if employment == "left":
        return "access left open" if access == "open" else "gone"
    if access == "none":
        return "active, not entitled" if is_active else "no access"
    return "learning" if is_active else "reachable, quiet"


# What is blank ------------------------------------------------------------------------------


def missing(frame: pd.DataFrame) -> Result:
    """Give the share of blanks in the columns that questions want.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``table, column, n_missing, n_rows, n_persons``.

    Returns
    -------
    Result
        Family COUNTS, emptiest first: ``table, column, share`` (whole percents), ``n``. Estimates
        ``share_missing`` by column of the HR file, and ``share_missing_unit``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"table": "person", "column": ["level", "unit_path"],
    ...                       "n_missing": [40, 0], "n_rows": 100, "n_persons": 100})
    >>> missing(frame).frame[["column", "share"]].to_dict("list")
    {'column': ['level', 'unit_path'], 'share': [0.4, 0.0]}
    """
    if frame.empty:
        return not_enough("missing", Family.COUNTS, _why(frame, "no table with such columns"))
    require(frame, ["table", "column", "n_missing", "n_rows", "n_persons"], "missing")
    out = pd.DataFrame(
        {
            "table": frame["table"],
            "column": frame["column"],
            "share": (frame["n_missing"] / frame["n_rows"]).round(2),
            "n": frame["n_persons"],
        }
    ).sort_values(["share", "table", "column"], ascending=[False, True, True], kind="stable")
    staff = frame[frame["table"] == "person"]
    estimates = [
        _with_wilson("share_missing", row["n_missing"], row["n_persons"], row["column"])
        for row in staff.to_dict("records")
    ]
    unit = staff[staff["column"] == "unit_path"]
    estimates += [
        _with_wilson("share_missing_unit", r["n_missing"], r["n_persons"])
        for r in unit.to_dict("records")
    ]
    roles = {"table": Role.KEY, "column": Role.KEY, "share": Role.VALUE, "n": Role.N}
    return Result(
        "missing", Family.COUNTS, out.reset_index(drop=True), roles, tuple(estimates),
        "Share of rows without a value; of persons, on the last day known.",
    )  # fmt: skip


def _with_wilson(metric: str, count: int, n: int, label: str = "") -> Estimate:
    low, high = wilson(count, n)
    return Estimate(
        metric, _share(count, n), float(low), float(high), int(n), "share", Grade.DESCRIPTIVE, label
    )


def missing_by(frame: pd.DataFrame) -> Result:
    """Give the share of blanks by group, of columns blank for some and filled for others.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, column, n_reached, n``.

    Returns
    -------
    Result
        Family RATES: ``column, group, n_reached, n, share, low, high``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"group": ["Lab", "Sales"], "column": "level", "n_reached": [40, 0],
    ...                       "n": [50, 50]})
    >>> missing_by(frame).frame[["column", "group", "share"]].to_dict("list")
    {'column': ['level', 'level'], 'group': ['Lab', 'Sales'], 'share': [0.8, 0.0]}
    """
    if frame.empty:
        return not_enough("missing_by", Family.RATES, _why(frame, "no one is employed today"))
    require(frame, ["group", "column", "n_reached", "n"], "missing_by")
    blank = frame.groupby("column")["n_reached"].transform("sum")
    some = (blank > 0) & (blank < frame.groupby("column")["n"].transform("sum"))
    out = frame[some].sort_values(["column", "group"], kind="stable", ignore_index=True)
    if out.empty:
        reason = "no attribute is blank for some and filled for others"
        return not_enough("missing_by", Family.RATES, reason)
    low, high = wilson(out["n_reached"], out["n"])
    out = out[["column", "group", "n_reached", "n"]].assign(
        share=out["n_reached"] / out["n"], low=low, high=high
    )
    roles = {
        "column": Role.KEY, "group": Role.KEY, "n_reached": Role.COUNT, "n": Role.N,
        "share": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
    }  # fmt: skip
    return Result("missing_by", Family.RATES, out, roles, (), "Wilson's 95 % interval.")


# What it is good for ------------------------------------------------------------------------


def questions(frame: pd.DataFrame) -> Result:
    """Say which questions the data can answer, and what is missing for the rest.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a question and need: ``question, analysis, asks, need, kind, order, is_needed,
        number, wanted, collect, n``.

    Returns
    -------
    Result
        Family COUNTS, in the order the questions are asked: ``analysis, asks, answer`` (``yes``,
        ``in part``, ``no``), ``lacks``, ``collect``, ``n``. ``parameters`` count the answers;
        ``collect_first`` opens most questions for what has to be collected, ``n_opened`` of them.

    Examples
    --------
    >>> import pandas as pd
    >>> reach = {"question": "reach", "analysis": "20_adoption", "asks": "Who has started?",
    ...          "order": 0, "is_needed": True, "n": 40}
    >>> frame = pd.DataFrame([
    ...     reach | {"need": "event", "kind": "table", "number": 500.0, "wanted": None,
    ...              "collect": "a log"},
    ...     reach | {"need": "persons", "kind": "persons", "number": 40.0, "wanted": 10.0,
    ...              "collect": "more people"},
    ... ])
    >>> questions(frame).frame[["asks", "answer"]].to_dict("list")
    {'asks': ['Who has started?'], 'answer': ['yes']}
    >>> frame.loc[0, "number"] = 0.0
    >>> questions(frame).frame[["answer", "collect"]].to_dict("list")
    {'answer': ['no'], 'collect': ['a log']}
    """
    require(
        frame,
        ["question", "analysis", "asks", "need", "kind", "order", "is_needed", "number", "wanted",
         "collect", "n"],
        "questions",
    )  # fmt: skip
    frame = frame.sort_values("order", kind="stable", ignore_index=True)
    wanted = frame["wanted"].copy()
    defaults = {"persons": ENOUGH_PERSONS, "column": ENOUGH_FILLED, "table": 1.0}
    wanted = wanted.where(wanted.notna(), frame["kind"].map(defaults)).astype(float)
    frame = frame.assign(wanted=wanted, is_met=frame["number"] >= wanted)
    rows = [_answer(part) for _, part in frame.groupby("question", sort=False)]
    out = pd.DataFrame(rows)
    counts = out["answer"].value_counts()
    n_yes, n_part = int(counts.get("yes", 0)), int(counts.get("in part", 0))
    n = int(frame["n"].max()) if len(frame) else 0
    roles = {
        "analysis": Role.KEY, "asks": Role.KEY, "answer": Role.KEY, "lacks": Role.KEY,
        "collect": Role.KEY, "n": Role.N,
    }  # fmt: skip
    return Result(
        "questions", Family.COUNTS, out, roles,
        (_estimate("questions_answerable", n_yes + n_part, n, "questions"),),
        "A question is answered in part where a table or column it wants is missing, and not at "
        "all where one it needs is.",
        {
            "n_questions": len(out), "n_yes": n_yes, "n_part": n_part,
            "n_no": len(out) - n_yes - n_part, **_opening(out),
        },
    )  # fmt: skip


def _answer(part: pd.DataFrame) -> dict[str, Any]:
    absent = part[part["is_needed"] & ~part["is_met"]]
    stands = _own(set(absent["need"]))
    blocking = absent[np.array([stands(kind) for kind in absent["kind"]], dtype=bool)]
    partial = part[~part["is_needed"] & ~part["is_met"]]
    lacking = blocking if len(blocking) else partial
    answer = "no" if len(blocking) else "in part" if len(partial) else "yes"
    needed = part[part["is_needed"]]
    return {
        "question": part["question"].iloc[0],
        "analysis": part["analysis"].iloc[0],
        "asks": part["asks"].iloc[0],
        "answer": answer,
        "lacks": "; ".join(_lack(row) for row in lacking.to_dict("records")),
        "collect": "; ".join(lacking["collect"]),
        "closed_by": tuple(blocking["collect"]),
        "n": int(needed.loc[needed["kind"] == "persons", "n"].min()),
    }


def _own(absent: set[str]) -> Callable[[str], bool]:
    """Say which needs stand for themselves: without a table there are no persons and no weeks."""
    tables = absent - {"persons", "weeks", "value"}

    def stands(kind: str) -> bool:
        return kind == "table" or not tables or (kind != "persons" and "event" not in tables)

    return stands


def _lack(row: Any) -> str:
    if row["kind"] == "table":
        return f"no {str(row['need']).replace('_', ' ')} table"
    if row["kind"] == "column":
        table, column = str(row["need"]).split(".")
        place = f"{column.replace('_', ' ')} in the {table.replace('_', ' ')} table"
        return f"{place} is {math.floor(row['number'] * 100)} % filled"
    if row["kind"] == "weeks":
        return f"{row['number']:.0f} complete weeks of {row['wanted']:.0f}"
    if row["kind"] == "value":
        return "no value events"
    return f"fewer than {row['wanted']:.0f} people"


def _opening(out: pd.DataFrame) -> dict[str, Scalar]:
    """Return what opens most questions for what has to be collected, and how many it opens."""
    closed = [set(names) for names in out["closed_by"] if names]
    best: tuple[float, int, tuple[str, ...]] = (0.0, 0, ())
    for names in out["closed_by"]:
        n_opened = sum(one <= set(names) for one in closed)
        if names and (n_opened / len(names), n_opened) > best[:2]:
            best = (n_opened / len(names), n_opened, names)
    return {"collect_first": "; ".join(best[2]), "n_opened": best[1]}


# May we trust it ----------------------------------------------------------------------------


def checks(
    answers: Result,
    there: Result,
    weeks: Result,
    rejected: Result,
    contradictions: Result,
    recorded: Result,
    lists: Result,
    blanks: Result,
) -> Result:
    """Hold what was found against the thresholds, and reach a verdict.

    Parameters
    ----------
    answers, there, weeks, rejected, contradictions, recorded, lists, blanks : Result
        Of :func:`questions`, :func:`tables`, :func:`coverage`, :func:`rejects`, :func:`faults`,
        :func:`lag`, :func:`denominators` and :func:`missing`.

    Returns
    -------
    Result
        Family CHECKS, shares in percent. ``parameters["verdict"]`` is ``go``, ``care`` (numbers
        are partial), ``fix`` (numbers would be wrong) or ``stop`` (nothing can be answered);
        ``first`` names the check to mend first, ``n_failed`` counts those not passed.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import not_enough
    >>> from ldresearch.vocabulary import Family
    >>> none = not_enough("none", Family.COUNTS, "no data")
    >>> answers = none.but(parameters={"n_yes": 3, "n_part": 1})
    >>> frame = pd.DataFrame({"table": "event", "reason": ["no such day"],
    ...                       "kind": ["fault"], "n_rows": [30], "n_in": 100})
    >>> frame.attrs["n_persons"] = 50
    >>> found = checks(answers, none, none, rejects(frame), none, none, none, none)
    >>> found.parameters["verdict"], found.parameters["first"]
    ('fix', 'few_rejected')
    """
    found = {
        "has_answers": _answers(answers),
        "is_fresh": _of(there, "freshness_days", "activity"),
        "few_rejected": _of(rejected, "share_rejected"),
        "persons_known": _persons_share(contradictions, "unknown_person", MOST_UNKNOWN),
        "no_repeats": _events_share(contradictions, "repeated"),
        "right_day": _events_share(contradictions, "shifted_day"),
        "clocks_agree": _events_share(contradictions, "clock_ahead"),
        "recorded_in_time": _of(recorded, "recording_lag", "7 days"),
        "within_employment": _outside(contradictions),
        "active_are_entitled": _unentitled(lists),
        "content_known": _events_share(contradictions, "unknown_content"),
        "no_breaks": _breaks(weeks),
        "long_enough": _of(weeks, "log_coverage_weeks"),
        "staff_is_fresh": _of(there, "freshness_days", "HR file"),
        "attributes_filled": _blank(blanks),
    }
    rows = [
        {"check": check, "status": _status(check, found[check]),
         "value": _shown(check, found[check]), "threshold": _shown(check, CHECKS[check])}
        for check in CHECKS
    ]  # fmt: skip
    failed = [row["check"] for row in rows if row["status"] == "not passed"]
    roles = {
        "check": Role.KEY, "status": Role.KEY, "value": Role.VALUE, "threshold": Role.VALUE,
    }  # fmt: skip
    return Result(
        "checks", Family.CHECKS, pd.DataFrame(rows), roles, (),
        "Each number beside the threshold it is held against.",
        {
            "verdict": _verdict(failed),
            "first": str(failed[0]) if failed else "",
            "n_failed": len(failed),
            "failed": ", ".join(map(str, failed)),
        },
    )  # fmt: skip


def _verdict(failed: list[Any]) -> str:
    if "has_answers" in failed:
        return "stop"
    if BLOCKING.intersection(failed):
        return "fix"
    return "care" if failed else "go"


def _shown(check: str, value: float) -> float:
    """Shares as percents, since the words beside them say per cent."""
    return value if check in _WHOLE or math.isnan(value) else round(100 * value, 1)


def _status(check: str, value: float) -> str:
    if math.isnan(value):
        return "not known"
    threshold = CHECKS[check]
    is_met = value >= threshold if check in _AT_LEAST else value <= threshold
    return "passed" if is_met else "not passed"


def _of(result: Result, metric: str, label: str | None = None) -> float:
    """Value of an estimate; not known where too few people stand behind it."""
    try:
        estimate = result.estimate(metric, label)
    except KeyError:
        return math.nan
    return _enough(estimate) if estimate.unit == "share" else _known(estimate)


def _known(estimate: Estimate) -> float:
    return math.nan if 0 < estimate.n < ENOUGH_PERSONS else estimate.value


def _enough(estimate: Estimate) -> float:
    return round(_known(estimate), 3)


def _people(share: float, n: int, threshold: float) -> float:
    """Share of people; one to nine of them count as ten, and are not known if that would fail."""
    if n < ENOUGH_PERSONS:
        return math.nan
    if 0 < share * n < ENOUGH_PERSONS - 0.5:
        bound = ENOUGH_PERSONS / n
        return round(bound, 3) if bound <= threshold else math.nan
    return round(share, 3)


def _answers(answers: Result) -> float:
    return float(int(answers.parameters["n_yes"] or 0) + int(answers.parameters["n_part"] or 0))


def _events_share(result: Result, fault: str) -> float:
    value = result.parameters.get(f"events_{fault}")
    return float(value) if isinstance(value, int | float) else math.nan


def _persons_share(result: Result, fault: str, threshold: float) -> float:
    if result.is_empty:
        return math.nan
    found = result.frame[result.frame["fault"] == fault].to_dict("records")
    return _people(found[0]["share"], int(found[0]["n"]), threshold) if found else math.nan


def _outside(result: Result) -> float:
    found = [_persons_share(result, f, MOST_OUTSIDE) for f in ("before_hire", "after_leaving")]
    known = [share for share in found if not math.isnan(share)]
    return max(known) if known else math.nan


def _unentitled(lists: Result) -> float:
    found = [e for e in lists.estimates if e.metric == "share_unentitled"]
    return _people(found[0].value, found[0].n, MOST_UNENTITLED) if found else math.nan


def _breaks(weeks: Result) -> float:
    if weeks.is_empty or not weeks.frame["usual"].notna().any():
        return math.nan
    return float(
        sum(int(weeks.parameters[name] or 0) for name in ("n_low", "n_silent", "has_stray"))
    )


def _blank(blanks: Result) -> float:
    shares = [
        _people(e.value, e.n, MOST_BLANK) for e in blanks.estimates if e.metric == "share_missing"
    ]
    known = [share for share in shares if not math.isnan(share)]
    return round(max(known), 2) if known else math.nan
