"""What people answered to surveys, who was asked, and what those who answered do.

A wave is a run of days with answers: a new one begins after a pause. Answers belong to a person
where the survey says whose they are, else to a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import pandas as pd

from ldresearch.log import EventLog
from ldresearch.measures._measure import measure
from ldresearch.measures._people import GROUPS, UNKNOWN, eligible
from ldresearch.measures._value import value_days
from ldresearch.result import Step

if TYPE_CHECKING:
    import ibis

_DAY: Final = "datetime64[us]"
_GROUP: Final = "group "
_MOST_WAVES: Final = 24
_BEFORE_DAYS: Final = 28
_BY: Final = (*GROUPS, "tenure", "activity")
"""What is known of people who were asked, whether they answered or not."""


@dataclass(frozen=True, slots=True)
class _Wave:
    number: int
    first_on: date
    last_on: date


def _waves(log: EventLog, gap_days: int) -> list[_Wave]:
    """Find the waves of all surveys together; the last ones where there are very many."""
    answer = log.table("survey_answer")
    found = log.collect(answer.select(day=log.day(answer.answered_at)).distinct())
    days = sorted(pd.to_datetime(found["day"]).dt.date)
    runs: list[list[date]] = []
    for day in days:
        if runs and (day - runs[-1][-1]).days <= gap_days:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [_Wave(i, run[0], run[-1]) for i, run in enumerate(runs, 1)][-_MOST_WAVES:]


def _answers(log: EventLog, waves: list[_Wave]) -> ibis.Table:
    """Return every answer with its wave, person and group, for the population of the log."""
    import ibis

    answer = log.table("survey_answer")
    day = log.day(answer.answered_at)
    later = [(day >= ibis.literal(w.first_on, type="date"), w.number) for w in reversed(waves)]
    answer = answer.mutate(wave=ibis.cases(*later, else_=0).cast("int64"))
    answer = answer.filter(answer.wave > 0)
    identity = log.table("identity")
    found = answer.left_join(identity, answer.token == identity.person_id).drop("person_id")
    is_group = found.token.lower().startswith(_GROUP)
    found = found.mutate(
        group_unit=ibis.ifelse(is_group, found.token.substr(len(_GROUP)), ibis.null("string"))
    )
    if log.population:
        inside = log.persons().select("person_key").mutate(_inside=True)
        found = found.left_join(inside, "person_key").drop("person_key_right")
        # A group is known by its unit alone: narrowed by anything else, it is out.
        unit = str(log.population.get("unit") or "")
        by_unit = (found.group_unit == unit) if set(log.population) == {"unit"} else False
        found = found.filter(found._inside.notnull() | by_unit).drop("_inside")
    return found


def _people(log: EventLog, waves: list[_Wave]) -> ibis.Table | None:
    """Return who was eligible on the first day of each wave, and what is known of them then."""
    import ibis

    if not log.has("person") or not waves:
        return None
    named = pd.DataFrame(
        {"wave": [w.number for w in waves], "wave_day": [w.first_on for w in waves]}
    )
    every = ibis.memtable(named, schema={"wave": "int64", "wave_day": "date"})
    person = eligible(log).cross_join(every)
    day = person.wave_day
    is_there = person.eligible_to_on.isnull() | (person.eligible_to_on > day)
    here = person.filter((person.eligible_from_on <= day) & is_there)
    years = here.wave_day.delta(here.hired_on, unit="day").cast("float64") / 365.25
    tenure = ibis.cases((years < 1, "under 1 year"), (years < 3, "1 to 3 years"),
                        else_="3 years or more")  # fmt: skip
    here = here.select("person_key", "wave", *GROUPS, tenure=tenure)
    if not log.has("activity_day"):
        return here.mutate(activity=ibis.literal(UNKNOWN))
    days = log.table("activity_day").select("person_key", "day_on").cross_join(every)
    ago = days.wave_day.delta(days.day_on, unit="day")
    seen = days.filter((ago > 0) & (ago <= _BEFORE_DAYS)).select("person_key", "wave").distinct()
    joined = here.left_join(seen.mutate(_seen=True), ["person_key", "wave"])
    joined = joined.drop(*(c for c in joined.columns if c.endswith("_right")))
    active = ibis.ifelse(joined._seen.notnull(), "active before", "not active before")
    return joined.mutate(activity=active).drop("_seen")


# What was answered --------------------------------------------------------------------------


@measure(
    grain=("wave", "response_id", "instrument", "item"),
    needs=("survey_answer",),
    columns={
        "wave": "int64",
        "wave_on": _DAY,
        "response_id": "object",
        "person_key": "float64",
        "kind": "object",
        "instrument": "object",
        "item": "object",
        "value": "object",
        "score": "float64",
        "points": "float64",
        "unit": "object",
        "level": "object",
        "role": "object",
        "country": "object",
        "location": "object",
        "tenure": "object",
        "activity": "object",
        "weight": "float64",
    },
)
def answers(log: EventLog, *, gap_days: int = 30) -> pd.DataFrame:
    """Return what was answered, wave by wave, with what the HR file knows of who answered.

    Answers that no instrument allows are left out, as are those of people who were not eligible
    on the first day of the wave. Of two answers of a person to one question in a wave the later
    one counts.

    Parameters
    ----------
    log : EventLog
    gap_days : int
        Days without any answer after which a new wave begins.

    Returns
    -------
    pandas.DataFrame
        One row an answer. ``kind`` is nps, pmf, kano or likert; ``score`` its number where it has
        one, of ``points`` (likert). ``person_key`` is missing where only a group is known.
        ``attrs``: ``n_unread`` answers that could not be read, ``n_outside`` responses of people
        who were not eligible.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"survey_answer": '''
    ...     response_id | token       | instrument | item      | value | answered_at
    ...     r1          | group Sales | nps        | recommend | 9     | 2024-02-10
    ...     r2          | group Sales | nps        | recommend | 4     | 2024-05-11
    ...     r3          | group Sales | nps        | recommend | often | 2024-05-11
    ... '''}, as_of="2024-06-01")
    >>> found = answers(tiny)
    >>> found[["wave", "kind", "score", "unit"]].values.tolist()
    [[1, 'nps', 9.0, 'Sales'], [2, 'nps', 4.0, 'Sales']]
    >>> found.attrs["n_unread"]
    1
    """
    import ibis

    waves = _waves(log, gap_days)
    if not waves:
        return pd.DataFrame(columns=list(answers.columns))
    found = _answers(log, waves)
    name = found.instrument.lower()
    kind = ibis.cases(
        (name == "nps", "nps"), (name == "pmf", "pmf"), (name == "kano", "kano"),
        (name.re_search(r"^likert\d*$"), "likert"), else_="",
    )  # fmt: skip
    points = ibis.ifelse(
        kind == "likert", ibis.coalesce(name.re_extract(r"(\d+)$", 1).try_cast("float64"), 5.0),
        ibis.null("float64"),
    )  # fmt: skip
    found = found.mutate(kind=kind, points=points, score=found.value.try_cast("float64"))
    found = found.filter(found.kind != "")
    is_whole = found.score == found.score.floor()
    low = ibis.ifelse(found.kind == "nps", 0, 1)
    high = ibis.cases((found.kind == "nps", 10.0), (found.kind == "kano", 5.0),
                      else_=found.points)  # fmt: skip
    is_number = is_whole & found.score.between(low, high)
    is_word = found.value.isin(["very", "somewhat", "not", "gone"])
    is_read = ibis.ifelse(found.kind == "pmf", is_word, is_number).fill_null(False)
    people = _people(log, waves)
    rows = found.mutate(is_read=is_read)
    if people is not None:
        rows = rows.left_join(people, ["person_key", "wave"])
        rows = rows.mutate(is_asked=rows.tenure.notnull() | rows.group_unit.notnull())
    else:
        rows = rows.mutate(is_asked=ibis.literal(True), **{c: ibis.null("string") for c in _BY})
    known = {c: ibis.coalesce(rows[c], UNKNOWN) for c in _BY if c != "unit"}
    rows = rows.mutate(unit=ibis.coalesce(rows.unit, rows.group_unit, UNKNOWN), **known)
    who = ibis.coalesce(rows.person_key.cast("string"), rows.response_id)
    latest = ibis.row_number().over(
        ibis.window(
            group_by=[who, rows.wave, rows.instrument, rows.item],
            order_by=[rows.answered_at.desc(), rows.response_id],
        )
    )
    rows = rows.mutate(_latest=latest)
    n_unread, n_outside = log.collect(
        rows.aggregate(
            unread=(~rows.is_read).sum(), outside=rows.response_id.nunique(where=~rows.is_asked)
        )
    ).fillna(0).iloc[0].astype(int)  # fmt: skip
    kept = rows.filter(rows.is_read & rows.is_asked & (rows._latest == 0))
    frame = log.collect(kept.select(*(c for c in answers.columns if c != "wave_on")))
    frame["wave_on"] = frame["wave"].map({w.number: pd.Timestamp(w.first_on) for w in waves})
    frame.loc[frame["kind"] == "pmf", "score"] = float("nan")
    frame.attrs.update(n_unread=int(n_unread), n_outside=int(n_outside))
    return frame


# Who was asked ------------------------------------------------------------------------------


@measure(
    grain=("wave", "by", "group"),
    needs=("survey_answer",),
    columns={
        "wave": "int64",
        "wave_on": _DAY,
        "by": "object",
        "group": "object",
        "n_asked": "int64",
        "n_answered": "int64",
    },
)
def asked(log: EventLog, *, gap_days: int = 30) -> pd.DataFrame:
    """Count who could have answered each wave and who did, by what the HR file knows of them.

    Asked is whoever was eligible on the first day of the wave: no table says who was invited.

    Parameters
    ----------
    log : EventLog
    gap_days : int
        As in :func:`answers`.

    Returns
    -------
    pandas.DataFrame
        One row a wave and group: by ``all``, unit, level, role, country, location, tenure, and
        activity in the 28 days before. Answers of a group count for their unit. ``n_asked`` is
        nought where no HR file is there. ``attrs["steps"]``: the attrition of the last wave.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on   | unit_path
    ...     ada       | 2023-01-01    | 2023-01-01 | all/sales
    ...     ben       | 2023-01-01    | 2023-01-01 | all/service
    ... ''', "survey_answer": '''
    ...     response_id | token | instrument | item      | value | answered_at
    ...     r1          | ada   | nps        | recommend | 9     | 2024-05-10
    ... '''}, as_of="2024-06-01")
    >>> found = asked(tiny)
    >>> found[found["by"] == "unit"][["group", "n_asked", "n_answered"]].values.tolist()
    [['sales', 1, 1], ['service', 1, 0]]
    """
    waves = _waves(log, gap_days)
    if not waves:
        return pd.DataFrame(columns=list(asked.columns))
    found = _answers(log, waves)
    parts = [*_by_person(log, found, waves), *_by_group(log, found)]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.groupby(["wave", "by", "group"], as_index=False)[["n_asked", "n_answered"]].sum()
    frame["wave_on"] = frame["wave"].map({w.number: pd.Timestamp(w.first_on) for w in waves})
    whole = frame[(frame["by"] == "all") & (frame["wave"] == waves[-1].number)]
    if len(whole):
        n_asked, n_answered = (int(whole[c].iloc[0]) for c in ("n_asked", "n_answered"))
        frame.attrs["steps"] = (
            Step("eligible on the first day of the last wave", n_asked, n_asked),
            Step("answered it", n_answered, n_answered),
        )
    return frame


def _by_person(log: EventLog, found: ibis.Table, waves: list[_Wave]) -> list[pd.DataFrame]:
    """Count those eligible, and of them those with an answer, by everything known of them."""

    people = _people(log, waves)
    if people is None:
        whole = found.filter(found.group_unit.isnull()).group_by("wave").agg(
            n_answered=found.token.nunique(where=found.group_unit.isnull())
        )  # fmt: skip
        return [log.collect(whole).assign(by="all", group="all", n_asked=0)]
    did = found.filter(found.person_key.notnull()).select("person_key", "wave").distinct()
    joined = people.left_join(did.mutate(_did=True), ["person_key", "wave"])
    joined = joined.drop(*(c for c in joined.columns if c.endswith("_right")))
    cells = log.collect(
        joined.group_by("wave", *_BY).agg(
            n_asked=joined.count(), n_answered=joined._did.notnull().sum()
        )
    ).assign(all="all")
    sizes = ["n_asked", "n_answered"]
    return [
        cells.groupby(["wave", by], as_index=False)[sizes].sum().rename(columns={by: "group"})
        .assign(by=by)
        for by in ("all", *_BY)
    ]  # fmt: skip


def _by_group(log: EventLog, found: ibis.Table) -> list[pd.DataFrame]:
    """Count the responses that name a unit and no person."""
    grouped = found.filter(found.group_unit.notnull())
    counted = grouped.group_by("wave", "group_unit").agg(n_answered=grouped.response_id.nunique())
    unit = log.collect(counted).rename(columns={"group_unit": "group"})
    if unit.empty:
        return []
    unit = unit.assign(by="unit", n_asked=0)
    whole = unit.groupby("wave", as_index=False)["n_answered"].sum()
    return [unit, whole.assign(by="all", group="all", n_asked=0)]


# What those do who answered -----------------------------------------------------------------


@measure(
    grain=("person_key",),
    needs=("survey_answer", "event", "person"),
    columns={
        "person_key": "int64",
        "wave": "int64",
        "wave_on": _DAY,
        "score": "float64",
        "before": "float64",
        "after": "float64",
    },
)
def behaviour(
    log: EventLog,
    *,
    gap_days: int = 30,
    verbs: str | tuple[str, ...] = "complete",
    assigned: str = "self_started",
    min_minutes: int = 0,
    follow_days: int = 56,
    item: str = "",
) -> pd.DataFrame:
    """Count the days of value of whoever said whether they would recommend, after they said it.

    The last wave counts of which the days to follow are over. Who left or lost access within them
    is not followed.

    Parameters
    ----------
    log : EventLog
    gap_days : int
        As in :func:`answers`.
    verbs, assigned, min_minutes
        What counts as value; see the definitions.
    follow_days : int
        Days after the answer, and as many before it.
    item : str
        Which of several questions of this kind; empty: the one most people answered.

    Returns
    -------
    pandas.DataFrame
        One row a person: the answer of 0 to 10, and the days with value ``before`` and ``after``.
        ``attrs["n_left"]``: people who answered and were not followed to the end.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"person": '''
    ...     person_id | valid_from_on | hired_on
    ...     ada       | 2023-01-01    | 2023-01-01
    ... ''', "survey_answer": '''
    ...     response_id | token | instrument | item      | value | answered_at
    ...     r1          | ada   | nps        | recommend | 9     | 2024-02-10
    ... ''', "event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-02-12  | complete
    ...     ada       | 2024-02-20  | complete
    ... '''}, as_of="2024-06-01")
    >>> behaviour(tiny)[["score", "before", "after"]].values.tolist()
    [[9.0, 0.0, 2.0]]
    """
    import ibis

    empty = pd.DataFrame(columns=list(behaviour.columns))
    every = _waves(log, gap_days)
    if not every:
        return empty
    found = _answers(log, every)
    found = found.filter((found.instrument.lower() == "nps") & found.person_key.notnull())
    found = found.mutate(score=found.value.try_cast("float64"), on=log.day(found.answered_at))
    found = found.filter((found.score == found.score.floor()) & found.score.between(0, 10))
    until = log.as_of - timedelta(days=follow_days)
    over = [w.number for w in every if w.last_on < until]
    found = found.filter(found.wave.isin(over)) if over else found.limit(0)
    counted = log.collect(found.group_by("wave", "item").agg(n=found.person_key.nunique()))
    if item:
        counted = counted[counted["item"] == item]
    if counted.empty:
        return empty
    last = counted[counted["wave"] == counted["wave"].max()]
    chosen = last.sort_values(["n", "item"], ascending=[False, True]).iloc[0]
    wave = next(w for w in every if w.number == int(chosen["wave"]))
    found = found.filter((found.wave == wave.number) & (found.item == str(chosen["item"])))
    one = found.group_by("person_key").agg(
        score=found.score.argmax(found.answered_at), on=found.on.max()
    )
    one = one.mutate(person_key=one.person_key.cast("int64"))
    person = eligible(log).select("person_key", "eligible_from_on", "eligible_to_on")
    joined = one.inner_join(person, "person_key")
    days = ibis.interval(days=follow_days)
    is_there = joined.eligible_to_on.isnull() | (joined.eligible_to_on > joined.on + days)
    kept = joined.filter((joined.eligible_from_on <= joined.on) & is_there)
    value = value_days(log, verbs, assigned, min_minutes)
    both = kept.left_join(value, "person_key").drop("person_key_right")
    is_after = (both.day_on > both.on) & (both.day_on <= both.on + days)
    is_before = (both.day_on < both.on) & (both.day_on >= both.on - days)
    frame = log.collect(
        both.group_by("person_key", "score").agg(
            before=is_before.fill_null(False).sum(), after=is_after.fill_null(False).sum()
        )
    )
    frame = frame.assign(wave=wave.number, wave_on=pd.Timestamp(wave.first_on))
    frame.attrs["n_left"] = int(chosen["n"]) - len(frame)
    return frame
