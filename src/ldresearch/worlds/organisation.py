"""A whole synthetic client with known truth, made from the schema and a seed.

What is true is a parameter or follows from one in closed form; the data are drawn from it. So a
measure or model can be asked for a number whose right answer is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ldresearch import clock
from ldresearch.ingest import write

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ldresearch.dataset import Dataset

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

UNITS = ("Operations", "Sales", "Engineering", "Service", "Finance")
UNIT_SHARES = (0.34, 0.22, 0.2, 0.16, 0.08)
ROLES = ("analyst", "specialist", "engineer", "adviser", "coordinator", "team lead")
LEVELS = ("entry", "professional", "senior", "lead")
COUNTRIES = ("DE", "GB", "FR", "NL")
CORE_SKILLS = (
    "Data literacy", "Communication", "Project planning", "Digital tools", "Problem solving",
    "Feedback", "Negotiation", "Information security", "Customer focus", "Process improvement",
)  # fmt: skip
ROLE_SKILLS = (
    "Financial modelling", "Facilitation", "Systems design", "Consulting", "Scheduling",
    "Coaching", "Statistics", "Technical writing", "Vendor management", "Change management",
    "Testing", "Presentation",
)  # fmt: skip
SOURCES: dict[str, tuple[float, float, float]] = {
    # share of person-skill pairs rated, bias, standard deviation
    "self": (0.75, 0.10, 0.15),
    "manager": (0.45, 0.00, 0.10),
    "peer": (0.20, 0.03, 0.12),
    "review": (0.15, 0.00, 0.05),
}
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class World:
    """A synthetic client.

    Attributes
    ----------
    name : str
    time_zone : str
    tables : dict of str to pandas.DataFrame
        Canonical tables with raw ``person_id``.
    truth : dict
        What the tables were drawn from: ``p``, ``q`` (weekly Bass coefficients), ``population``,
        ``survival`` (mapping of segment to a function of days), ``rmst`` (same, of a horizon),
        ``gap_clusters`` (planted number), ``cluster_of`` (person_id to cluster), ``levels``
        (person_id, skill_id, level), ``source_bias``, ``lift`` (per initiative).
    seed : int
    """

    name: str
    time_zone: str
    tables: dict[str, pd.DataFrame]
    truth: dict[str, Any]
    seed: int

    def write(self, folder: Path) -> Dataset:
        """Write the world as a public dataset; its key follows from its name and seed."""
        key = hashlib.sha256(f"{self.name} {self.seed}".encode()).digest()
        return write(
            self.tables, folder, client=self.name, key=key, public=True, time_zone=self.time_zone,
            notes={"synthetic": True, "seed": self.seed},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Plan:
    """The parameters of a world, in one place."""

    n_persons: int
    start: date
    n_days: int
    time_zone: str
    p: float
    q: float
    waves: int
    lagging: float
    leave_rate: float
    shape: float
    scale: Mapping[str, float]
    return_share: float
    n_gap_clusters: int
    shortfall: float
    strategy: str
    lift: float
    rng: np.random.Generator = field(repr=False)

    def at(self, days: Any) -> NDArray[np.datetime64]:
        """Turn whole days since the start into dates."""
        return np.datetime64(self.start, "D") + np.asarray(days).astype("timedelta64[D]")


def organisation(
    seed: int,
    *,
    name: str = "harbour",
    n_persons: int = 2000,
    started_on: str = "2024-01-01",
    n_months: int = 18,
    time_zone: str = "Europe/Berlin",
    p: float = 0.012,
    q: float = 0.08,
    waves: int = 1,
    lagging: float = 1.0,
    leave_rate: float = 0.10,
    shape: float = 0.9,
    scale: float = 80.0,
    unit_scale: Mapping[str, float] | None = None,
    return_share: float = 0.35,
    n_gap_clusters: int = 4,
    shortfall: float = 0.35,
    strategy: str = "broad",
    lift: float = 1.0,
) -> World:
    """Make a synthetic client.

    Parameters
    ----------
    seed : int
    name : str
        Client and platform name.
    n_persons : int
        Persons ever employed; 0 and 1 are allowed.
    started_on : str
        First day of the log, ISO.
    n_months : int
        Length of the log.
    time_zone : str
        Local time of the client.
    p, q : float
        Weekly Bass coefficients of the first self-started value event among the eligible.
    waves : int
        Roll-out waves by unit, four weeks apart; 1 gives everyone access on the first day.
    lagging : float
        Factor on the adoption hazard of the last unit (``Finance``).
    leave_rate : float
        Yearly hazard of leaving employment.
    shape, scale : float
        Weibull spell length in days: S(t) = exp(-(t/scale)^shape).
    unit_scale : mapping of str to float, optional
        Factor on ``scale`` by unit.
    return_share : float
        Chance that a spell is followed by another, after a gap of 60 to 120 days.
    n_gap_clusters : int
        Planted skill-gap clusters; 0 gives pure noise.
    shortfall : float
        Depth of a planted gap on 0 to 1.
    strategy : str
        ``broad`` (goal-tied) or ``drip``.
    lift : float
        Factor on the adoption hazard in the eight weeks after an initiative starts.

    Returns
    -------
    World
        The tables in memory, with the truth they were drawn from; the same for the same arguments.

    Examples
    --------
    >>> world = organisation(1, n_persons=50, n_months=3)
    >>> sorted(world.tables)[:3]
    ['access', 'application', 'arm']
    """
    import pandas as pd

    start = clock.parse_date(started_on)
    end = (pd.Timestamp(start) + pd.DateOffset(months=n_months)).date()
    factors = dict.fromkeys(UNITS, 1.0) | dict(unit_scale or {})
    plan = _Plan(
        n_persons, start, (end - start).days, time_zone, p, q, waves, lagging, leave_rate, shape,
        {unit: scale * factor for unit, factor in factors.items()}, return_share, n_gap_clusters,
        shortfall, strategy, lift, np.random.default_rng(seed),
    )  # fmt: skip
    people = _people(plan)
    content = _content(plan)
    first = _adoption(plan, people)
    spells = _spells(plan, people, first)
    events = _events(plan, people, spells, content)
    skills = _skills(plan, people, content)
    tables = {
        **_hr(plan, people, name),
        **content,
        **events,
        **skills.tables,
        **_initiative(plan, people, name),
        **_voice(plan, people, first),
        **_market(plan, people, content),
    }
    truth = {
        "p": p,
        "q": q,
        "population": n_persons,
        "survival": {u: _weibull_survival(shape, s) for u, s in plan.scale.items()},
        "rmst": {u: _weibull_rmst(shape, s) for u, s in plan.scale.items()},
        "gap_clusters": n_gap_clusters,
        "source_bias": {source: bias for source, (_, bias, _) in SOURCES.items()},
        "lift": lift,
        **skills.truth,
    }
    return World(name, time_zone, tables, truth, seed)


def _weibull_survival(shape: float, scale: float) -> Any:
    return lambda days: np.exp(-((np.asarray(days, dtype=float) / scale) ** shape))


def _weibull_rmst(shape: float, scale: float) -> Any:
    """Restricted mean of a spell whose length is rounded up to whole days."""

    def rmst(horizon: int) -> float:
        days = np.arange(horizon)
        return float(np.exp(-((days / scale) ** shape)).sum())

    return rmst


# People -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _People:
    ids: NDArray[np.object_]
    unit: Ints
    role: Ints
    level: Ints
    country: Ints
    hired: Ints
    left: Ints  # day index; plan.n_days or later: still employed
    manager: Ints
    granted: Ints


def _people(plan: _Plan) -> _People:
    n, rng = plan.n_persons, plan.rng
    unit = rng.choice(len(UNITS), n, p=UNIT_SHARES)
    role = rng.integers(0, len(ROLES), n)
    level = rng.choice(len(LEVELS), n, p=(0.3, 0.4, 0.2, 0.1))
    country = rng.choice(len(COUNTRIES), n, p=(0.5, 0.25, 0.15, 0.1))
    is_new = rng.random(n) < 0.12
    hired = np.where(is_new, rng.integers(1, max(plan.n_days, 2), n), -rng.integers(1, 3000, n))
    stay = rng.exponential(365.0 / plan.leave_rate, n) if plan.leave_rate else np.full(n, 1e6)
    left = np.maximum(hired, 0) + 1 + np.minimum(stay, 1e6).astype(np.int64)
    granted = np.maximum(hired, (unit % plan.waves) * 28 if plan.waves > 1 else 0)
    ids = np.array([f"e{i:06d}" for i in range(n)], dtype=object)
    leads = np.flatnonzero(level == len(LEVELS) - 1)
    manager = rng.choice(leads, n) if len(leads) else np.full(n, -1)
    return _People(ids, unit, role, level, country, hired, left, manager, granted)


def _hr(plan: _Plan, who: _People, name: str) -> dict[str, pd.DataFrame]:
    import pandas as pd

    n = plan.n_persons
    has_left = who.left < plan.n_days
    moved = (plan.rng.random(n) < 0.06) & (who.hired < 0) & (who.left > 250) & (plan.n_days > 250)
    move_day = np.where(moved, plan.rng.integers(120, 240, n), plan.n_days)
    frame = pd.DataFrame(
        {
            "person_id": who.ids,
            "valid_from_on": plan.at(who.hired),
            "valid_to_on": pd.Series(plan.at(move_day)).where(pd.Series(moved)),
            "hired_on": plan.at(who.hired),
            "left_on": pd.Series(plan.at(np.minimum(who.left, plan.n_days))).where(
                pd.Series(has_left)
            ),
            "leave_reason": ["resigned" if gone else None for gone in has_left],
            "unit_path": [[name, UNITS[u]] for u in who.unit],
            "manager_id": [who.ids[m] if m >= 0 else None for m in who.manager],
            "role_id": [ROLES[r] for r in who.role],
            "level": [LEVELS[v] for v in who.level],
            "location": [f"{COUNTRIES[c]} {1 + u % 2}" for c, u in zip(who.country, who.unit,
                                                                         strict=True)],
            "country": [COUNTRIES[c] for c in who.country],
            "time_zone": plan.time_zone,
            "fte": plan.rng.choice([1.0, 0.8, 0.5], n, p=[0.8, 0.12, 0.08]),
            "is_manager": who.level == len(LEVELS) - 1,
        }
    )  # fmt: skip
    later = frame[moved].assign(
        valid_from_on=plan.at(move_day[moved]), location=f"{COUNTRIES[0]} 1"
    )
    later["valid_to_on"] = pd.Series(pd.NaT, index=later.index, dtype=frame["valid_to_on"].dtype)
    access = pd.DataFrame(
        {
            "person_id": who.ids,
            "platform": f"{name} learning",
            "granted_at": plan.at(who.granted),
            "revoked_at": pd.Series(plan.at(np.minimum(who.left, plan.n_days))).where(
                pd.Series(has_left)
            ),
            "licence_cost": 40.0,
        }
    )
    is_granted = (who.granted < plan.n_days) & (who.granted < who.left)
    employed = who.hired < plan.n_days
    return {
        "person": pd.concat([f for f in (frame[employed], later) if len(f)], ignore_index=True)
        if n
        else frame,
        "access": access[is_granted & employed].reset_index(drop=True),
    }


# Content ------------------------------------------------------------------------------------


def _content(plan: _Plan) -> dict[str, pd.DataFrame]:
    import pandas as pd

    rng, n = plan.rng, 240
    skills = len(CORE_SKILLS) + len(ROLE_SKILLS)
    kinds = rng.choice(["course", "video", "article", "book"], n, p=(0.3, 0.4, 0.25, 0.05))
    minutes = {"course": 90, "video": 12, "article": 8, "book": 240}
    duration = np.array([minutes[k] for k in kinds]) * rng.uniform(0.5, 1.6, n)
    first = rng.integers(0, skills - 1, n)  # the last skill has no content: a gap in supply
    content = pd.DataFrame(
        {
            "content_id": [f"c{i:04d}" for i in range(n)],
            "title": [f"{_skill_names()[s]}, part {i % 9 + 1}" for i, s in enumerate(first)],
            "kind": kinds,
            "provider": rng.choice(["in-house", "library"], n, p=(0.4, 0.6)),
            "language": rng.choice(["en", "de"], n, p=(0.7, 0.3)),
            "duration_s": (duration * 60).astype(int),
            "published_at": plan.at(-rng.integers(1, 700, n)),
            "cost": np.where(kinds == "course", 45.0, 0.0),
            "currency": "EUR",
            "is_mandatory": False,
        }
    )
    mandatory = content.iloc[:2].assign(
        content_id=["m0001", "m0002"], title=["Code of conduct", "Fire safety"],
        is_mandatory=True, kind="course", duration_s=1800,
    )  # fmt: skip
    level_from = np.round(rng.uniform(0, 0.5, n), 2)
    content_skill = pd.DataFrame(
        {
            "content_id": content["content_id"],
            "skill_id": [f"s{s:02d}" for s in first],
            "weight": 1.0,
            "level_from": level_from,
            "level_to": np.minimum(level_from + 0.3, 1.0),
        }
    )
    return {
        "content": pd.concat([content, mandatory], ignore_index=True),
        "content_skill": content_skill,
    }


def _skill_names() -> tuple[str, ...]:
    return CORE_SKILLS + ROLE_SKILLS


# Adoption and engagement --------------------------------------------------------------------


def _adoption(plan: _Plan, who: _People) -> Ints:
    """Draw the day of each person's first value event: weekly hazard p + q F among the eligible.

    F is the share of the *population* (everyone ever eligible so far) that has adopted, so that
    without leavers and with one wave the counts follow the discrete Bass model exactly.
    """
    n = plan.n_persons
    first = np.full(n, -1)
    factor = np.where(who.unit == len(UNITS) - 1, plan.lagging, 1.0)
    launch = plan.n_days // 4
    for week in range(plan.n_days // 7):
        day = week * 7
        eligible = (who.granted <= day) & (who.left > day + 7)
        known = int((who.granted <= day).sum())
        if not known:
            continue
        share = float((first >= 0).sum()) / known
        hazard = (plan.p + plan.q * share) * factor
        if launch <= day < launch + 56:
            hazard = hazard * plan.lift
        starts = eligible & (first < 0) & (plan.rng.random(n) < hazard)
        first[starts] = day + plan.rng.choice(7, int(starts.sum()), p=_WEEKDAYS)
    return first


_WEEKDAYS = np.array([0.22, 0.22, 0.2, 0.18, 0.14, 0.02, 0.02])
"""From the first day of a week; worlds start on a Monday."""


@dataclass(frozen=True, slots=True)
class _Spells:
    person: Ints
    start: Ints
    length: Ints  # days from the first to the last value event, both counted, at least 1


def _spells(plan: _Plan, who: _People, first: Ints) -> _Spells:
    """Draw spells: Weibull length, then with a known chance another after a long gap."""
    persons, starts, lengths = [], [], []
    scale = np.array([plan.scale[unit] for unit in UNITS])
    person = np.flatnonzero(first >= 0)
    start = first[person]
    while len(person):
        drawn = scale[who.unit[person]] * plan.rng.weibull(plan.shape, len(person))
        length = np.maximum(np.ceil(drawn), 1).astype(np.int64)
        persons.append(person)
        starts.append(start)
        lengths.append(length)
        gap = plan.rng.integers(60, 121, len(person))
        again = plan.rng.random(len(person)) < plan.return_share
        start = start + length + gap
        keep = again & (start < np.minimum(plan.n_days, who.left[person]))
        person, start = person[keep], start[keep]
    empty = np.zeros(0, dtype=np.int64)
    return _Spells(
        np.concatenate([*persons, empty]), np.concatenate([*starts, empty]),
        np.concatenate([*lengths, empty]),
    )  # fmt: skip


def _events(
    plan: _Plan, who: _People, spells: _Spells, content: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    import pandas as pd

    person, day, is_value = _active_days(plan, who, spells)
    n_views = 1 + plan.rng.poisson(1.2, len(person))
    view_person, view_day = np.repeat(person, n_views), np.repeat(day, n_views)
    ids = content["content"]["content_id"].to_numpy()[:-2]
    minutes = content["content"]["duration_s"].to_numpy()[:-2]
    values = _event_frame(plan, who, person[is_value], day[is_value], "complete", ids, minutes)
    views = _event_frame(plan, who, view_person, view_day, "view", ids, minutes)
    duties, assignments = _duties(plan, who)
    events = pd.concat([values, views, duties], ignore_index=True)
    events["event_id"] = [f"v{i:08d}" for i in range(len(events))]
    lag = plan.rng.exponential(20 * 60_000_000, len(events)).astype(np.int64)
    late = plan.rng.random(len(events)) < 0.02
    lag[late] += plan.rng.integers(1, 10, int(late.sum())) * DAY_US
    events["recorded_at"] = events["occurred_at"] + lag.astype("timedelta64[us]")
    events["source"] = "platform"
    return {"event": events, "assignment": assignments}


def _active_days(plan: _Plan, who: _People, spells: _Spells) -> tuple[Ints, Ints, Bools]:
    """List active person-days; value days never lie more than 14 days apart within a spell."""
    n_days = spells.length
    spell = np.repeat(np.arange(len(spells.person)), n_days)
    offset = np.arange(len(spell)) - np.repeat(np.cumsum(n_days) - n_days, n_days)
    day = spells.start[spell] + offset
    jitter = plan.rng.integers(0, 4, len(spell))
    is_kept = (offset == 0) | (offset == spells.length[spell] - 1) | (offset % 10 == jitter % 4)
    weekend = (day % 7) >= 5
    chance = np.where(weekend, 0.02, 0.16)
    is_extra = plan.rng.random(len(spell)) < chance
    block = offset // 10
    # One value day in each block of ten keeps gaps under 20 days, whatever chance does.
    forced = block * 10 + (spells.person[spell] + block) % 4 == offset
    is_value = (offset == 0) | (offset == spells.length[spell] - 1) | forced
    is_value |= is_extra & (plan.rng.random(len(spell)) < 0.5)
    active = is_value | is_extra | (is_kept & ~weekend & is_extra)
    person = spells.person[spell]
    inside = active & (day < plan.n_days) & (day < who.left[person]) & (day >= 0)
    return person[inside], day[inside], is_value[inside]


def _event_frame(
    plan: _Plan, who: _People, person: Ints, day: Ints, verb: str, ids: Any, seconds: Any
) -> pd.DataFrame:
    import pandas as pd

    n = len(person)
    pick = (plan.rng.beta(1, 3, n) * len(ids)).astype(int)
    return pd.DataFrame(
        {
            "person_id": who.ids[person],
            "occurred_at": _instants(plan, day),
            "verb": verb,
            "content_id": ids[pick] if n else np.zeros(0, dtype=object),
            "duration_s": (seconds[pick] * plan.rng.uniform(0.3, 1.0, n)).astype(int),
            "progress": np.where(verb == "complete", 1.0, np.nan),
            "is_success": pd.array([True if verb == "complete" else None] * n, dtype="boolean"),
            "assignment_id": pd.array([None] * n, dtype="string"),
        }
    )


def _instants(plan: _Plan, day: Ints) -> NDArray[np.datetime64]:
    """Put local days into UTC instants of working hours."""
    local = plan.at(day).astype("datetime64[us]")
    hours = 8 * 3600 + plan.rng.beta(2, 2, len(day)) * 10 * 3600
    local = local + (hours * 1e6).astype(np.int64).astype("timedelta64[us]")
    end = plan.start.toordinal() + plan.n_days + 3
    shifts = clock.offsets(plan.time_zone, plan.start, date.fromordinal(end))
    starts = np.array([np.datetime64(at, "us") for at, _ in shifts])
    seconds = np.array([s for _, s in shifts])
    which = np.maximum(np.searchsorted(starts, local, side="right") - 1, 0)
    instants: NDArray[np.datetime64] = local - (seconds[which] * 1_000_000).astype(
        "timedelta64[us]"
    )
    return instants


def _duties(plan: _Plan, who: _People) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mandatory training, once, with a due date: compliance, not adoption."""
    import pandas as pd

    set_on = np.maximum(who.granted, 30)
    there = np.flatnonzero((set_on + 45 < plan.n_days) & (who.left > set_on + 45))
    done = plan.rng.random(len(there)) < 0.93
    took = np.minimum(plan.rng.exponential(18, len(there)).astype(int), 44)
    day = set_on[there] + took
    ids = np.array([f"a{i:06d}" for i in there], dtype=object)
    events = pd.DataFrame(
        {
            "person_id": who.ids[there][done],
            "occurred_at": _instants(plan, day[done]),
            "verb": "complete",
            "content_id": "m0001",
            "duration_s": 1800,
            "progress": 1.0,
            "is_success": pd.array([True] * int(done.sum()), dtype="boolean"),
            "assignment_id": pd.array(ids[done], dtype="string"),
        }
    )
    assignments = pd.DataFrame(
        {
            "assignment_id": ids,
            "person_id": who.ids[there],
            "content_id": "m0001",
            "assigned_at": plan.at(set_on[there]),
            "due_at": plan.at(set_on[there] + 45),
            "is_required": True,
            "assigned_by": "admin",
            "status": np.where(done, "completed", "assigned"),
            "status_at": plan.at(np.where(done, day + 1, set_on[there])),
        }
    )
    return events, assignments


# Skills -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Skills:
    tables: dict[str, pd.DataFrame]
    truth: dict[str, Any]


def _skills(plan: _Plan, who: _People, content: dict[str, pd.DataFrame]) -> _Skills:
    import pandas as pd

    rng, n = plan.rng, plan.n_persons
    names = _skill_names()
    n_core, n_skills = len(CORE_SKILLS), len(names)
    targets = np.round(rng.uniform(0.55, 0.85, (len(ROLES), n_skills)), 2)
    required = np.zeros((len(ROLES), n_skills), dtype=bool)
    required[:, :n_core] = True
    for role in range(len(ROLES)):
        required[role, n_core + (2 * role + np.arange(3)) % len(ROLE_SKILLS)] = True
    cluster = rng.integers(0, max(plan.n_gap_clusters, 1), n)
    deep = np.zeros((max(plan.n_gap_clusters, 1), n_skills))
    for k in range(plan.n_gap_clusters):
        deep[k, (np.arange(3) + 3 * k) % n_core] = plan.shortfall
    gaps = deep[cluster] + rng.normal(0.06, 0.07, (n, n_skills))
    levels = np.clip(targets[who.role] - gaps, 0.02, 0.98)
    person, skill = np.nonzero(required[who.role]) if n else (np.zeros(0, int), np.zeros(0, int))
    ratings = _ratings(plan, who, person, skill, levels)
    tables = {
        "skill": pd.DataFrame(
            {"skill_id": [f"s{i:02d}" for i in range(n_skills)], "name": list(names)}
        ),
        "skill_scale": pd.DataFrame(
            {"scale_id": ["five", "eight"], "minimum": [1.0, 1.0], "maximum": [5.0, 8.0]}
        ),
        "skill_rating": ratings,
        "role": pd.DataFrame({"role_id": ROLES, "title": [r.capitalize() for r in ROLES]}),
        "role_skill": pd.DataFrame(
            [
                {
                    "role_id": ROLES[r], "skill_id": f"s{s:02d}", "target": targets[r, s],
                    "weight": 1.0 if s < n_core else 0.7, "valid_from_on": plan.start,
                }
                for r in range(len(ROLES)) for s in np.flatnonzero(required[r])
            ]
        ),
        "related_role": pd.DataFrame(
            [
                {"role_id": ROLES[a], "related_role_id": ROLES[b], "tier": "near", "rank": 1}
                for a in range(len(ROLES)) for b in ((a + 1) % len(ROLES),)
            ]
        ),
    }  # fmt: skip
    truth = {
        "cluster_of": dict(zip(who.ids, cluster.tolist(), strict=True)),
        "levels": pd.DataFrame(
            {
                "person_id": who.ids[person],
                "skill_id": [f"s{s:02d}" for s in skill],
                "level": levels[person, skill],
                "target": targets[who.role[person], skill],
            }
        ),
        "deep_skills": [
            [f"s{s:02d}" for s in np.flatnonzero(row)] for row in deep[: plan.n_gap_clusters]
        ],
    }
    return _Skills(tables, truth)


def _ratings(plan: _Plan, who: _People, person: Ints, skill: Ints, levels: Floats) -> pd.DataFrame:
    import pandas as pd

    rng, parts = plan.rng, []
    severity = rng.normal(0, 0.04, max(plan.n_persons, 1))
    for source, (share, bias, sd) in SOURCES.items():
        picked = rng.random(len(person)) < share
        who_is, what = person[picked], skill[picked]
        value = levels[who_is, what] + bias + rng.normal(0, sd, len(who_is))
        rater = who.manager[who_is]
        if source == "peer":
            rater = rng.integers(0, plan.n_persons, len(who_is))
        has_rater = source in ("manager", "peer")
        if has_rater:
            value = value - severity[rater]
        scale, low, high = ("eight", 1, 8) if source == "review" else ("five", 1, 5)
        raw = np.clip(np.round(low + np.clip(value, 0, 1) * (high - low), 1), low, high)
        earliest = np.maximum(who.hired[who_is], 0)
        when = earliest + rng.random(len(who_is)) * np.maximum(plan.n_days - earliest, 1)
        parts.append(
            pd.DataFrame(
                {
                    "person_id": who.ids[who_is],
                    "skill_id": [f"s{s:02d}" for s in what],
                    "rated_at": plan.at(when.astype(int)),
                    "source": source,
                    "raw": raw,
                    "scale_id": scale,
                    "rater_id": who.ids[rater] if has_rater else None,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame[frame["rated_at"] < plan.at(plan.n_days)].reset_index(drop=True)


# Initiatives, voice, market -----------------------------------------------------------------


def _initiative(plan: _Plan, who: _People, name: str) -> dict[str, pd.DataFrame]:
    import pandas as pd

    launch = plan.n_days // 4
    is_broad = plan.strategy == "broad"
    there = np.flatnonzero((who.granted <= launch) & (who.left > launch))
    rounds = np.array([0, 14]) if is_broad else np.arange(0, 84, 14)
    person = np.repeat(there, len(rounds))
    day = launch + np.tile(rounds, len(there))
    sent = _instants(plan, day)
    opened = plan.rng.random(len(person)) < (0.55 if is_broad else 0.35)
    delay = plan.rng.exponential(6 * 3600, len(person)) * 1e6
    opened_at = sent + delay.astype(np.int64).astype("timedelta64[us]")
    touch = pd.DataFrame(
        {
            "touch_id": [f"t{i:07d}" for i in range(len(person))],
            "initiative_id": f"{name} launch",
            "person_id": who.ids[person],
            "sent_at": sent,
            "channel": "mail",
            "kind": "launch" if is_broad else "tip",
            "opened_at": pd.Series(opened_at).where(pd.Series(opened)),
        }
    )
    initiative = pd.DataFrame(
        {
            "initiative_id": [f"{name} launch"],
            "client_id": [name],
            "name": ["Everyone learns for the goal" if is_broad else "A tip a fortnight"],
            "started_on": [plan.at(launch)],
            "ended_on": [plan.at(launch + 84)],
            "strategy": ["broad" if is_broad else "drip"],
            "goal_id": ["strategy" if is_broad else None],
            "is_goal_tied": [is_broad],
            "sponsor_level": ["board" if is_broad else "L&D"],
            "budget": [60000.0 if is_broad else 15000.0],
            "currency": ["EUR"],
        }
    )
    arm = pd.DataFrame(
        {
            "initiative_id": f"{name} launch",
            "unit_kind": "unit",
            "unit_id": list(UNITS),
            "arm": "treated",
            "assigned_at": [plan.at(launch)] * len(UNITS),
            "is_randomised": False,
        }
    )
    return {"initiative": initiative, "touch": touch, "arm": arm}


def _voice(plan: _Plan, who: _People, first: Ints) -> dict[str, pd.DataFrame]:
    import pandas as pd

    asked = np.flatnonzero((who.left > plan.n_days - 30) & (who.granted < plan.n_days - 60))
    answered = asked[plan.rng.random(len(asked)) < np.where(first[asked] >= 0, 0.5, 0.25)]
    score = np.clip(np.round(plan.rng.normal(7.2 + (first[answered] >= 0), 2.0)), 0, 10)
    answer = pd.DataFrame(
        {
            "response_id": [f"r{i:06d}" for i in answered],
            "token": [f"group {u}" for u in who.unit[answered]],
            "instrument": "nps",
            "item": "recommend",
            "value": score.astype(int).astype(str),
            "answered_at": _instants(plan, np.full(len(answered), plan.n_days - 30)),
        }
    )
    return {"survey_answer": answer}


def _market(plan: _Plan, who: _People, content: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Recommendations with logged propensities, openings, applications and unit outcomes."""
    import pandas as pd

    rng = plan.rng
    there = np.flatnonzero((who.granted < plan.n_days - 100) & (who.left > plan.n_days - 100))
    shown = np.repeat(there, 3)
    ids = content["content"]["content_id"].to_numpy()[:-2]
    at = _instants(plan, np.full(len(shown), max(plan.n_days - 100, 0)))
    clicked = rng.random(len(shown)) < 0.12
    recommendation = pd.DataFrame(
        {
            "recommendation_id": [f"p{i:07d}" for i in range(len(shown))],
            "person_id": who.ids[shown],
            "content_id": rng.choice(ids, len(shown)),
            "shown_at": at,
            "rank": np.tile([1, 2, 3], len(there)),
            "policy": "random",
            "propensity": 1.0 / len(ids),
            "clicked_at": pd.Series(at + np.timedelta64(3600, "s")).where(pd.Series(clicked)),
        }
    )
    opened = np.linspace(30, max(plan.n_days - 40, 31), 12).astype(int)
    opportunity = pd.DataFrame(
        {
            "opportunity_id": [f"o{i:02d}" for i in range(12)],
            "kind": "role",
            "role_id": [ROLES[i % len(ROLES)] for i in range(12)],
            "opened_on": plan.at(opened),
            "closed_on": plan.at(opened + 30),
        }
    )
    seekers = there[rng.random(len(there)) < 0.05]
    which = rng.integers(0, 12, len(seekers))
    application = pd.DataFrame(
        {
            "application_id": [f"q{i:06d}" for i in seekers],
            "opportunity_id": [f"o{i:02d}" for i in which],
            "person_id": who.ids[seekers],
            "applied_at": plan.at(opened[which] + 10),
            "result": rng.choice(["offered", "declined"], len(seekers), p=(0.3, 0.7)),
            "result_at": plan.at(opened[which] + 28),
        }
    )
    months = pd.date_range(plan.start, periods=max(plan.n_days // 30, 1), freq="MS")
    outcome = pd.DataFrame(
        [
            {
                "entity_kind": "unit", "entity_id": unit, "metric_id": "tickets_solved",
                "period_start_on": month.date(),
                "period_end_on": (month + pd.offsets.MonthEnd(0)).date(),
                "value": float(np.round(100 + 5 * u + rng.normal(0, 4), 1)), "unit": "a person",
            }
            for u, unit in enumerate(UNITS) for month in months
        ]
    )  # fmt: skip
    return {
        "recommendation": recommendation,
        "opportunity": opportunity,
        "application": application,
        "outcome": outcome,
    }
