"""A randomised initiative laid over a synthetic organisation, with known effects.

The organisation stays as it was drawn: this layer has a random stream of its own and adds rows.
People who had access on the first day are invited over some weeks, in an order that chance decides;
chance also decides who is in the launch and who is held out. What a person does within the window
after being invited is the outcome, so that every look knows more people than the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch import clock
from ldresearch.plan import Plan, parse
from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]

LAUNCH: Final = "launch"
HOLD_OUT: Final = "hold-out"
ABANDONING: Final = 0.05
"""Share of everyone invited who abandons a course within the window, whatever the arm."""
OUTCOME: Final = "cases_closed"
"""What the outcome table measures: cases that a person closed in a month."""
_LEVEL, _BETWEEN, _WITHIN = 40.0, 6.0, 3.0
_TEAMS_DIFFER: Final = 0.12
_LATE = 0.02


@dataclass(frozen=True, slots=True)
class _Design:
    """The parameters of a trial, in one place."""

    initiative_id: str
    started: date
    n_weeks: int
    window_days: int
    by: str
    team_size: int
    share: float
    effect: float
    harm: float
    outcome_effect: float
    mismatch: float
    n_switched: int
    time_zone: str
    rng: np.random.Generator

    @property
    def ended(self) -> date:
        """First day on which the window of everyone invited is over."""
        return self.started + timedelta(days=7 * (self.n_weeks - 1) + self.window_days)


def trial(
    world: World,
    seed: int,
    *,
    initiative_id: str = "sprint",
    started_on: str = "2024-10-07",
    n_weeks: int = 16,
    window_days: int = 28,
    by: str = "person",
    team_size: int = 12,
    share: float = 0.5,
    effect: float = 0.08,
    harm: float = 0.0,
    outcome_effect: float = 0.8,
    mismatch: float = 0.0,
    n_switched: int = 0,
) -> World:
    """Lay a randomised initiative over a world.

    Parameters
    ----------
    world : World
        Made by :func:`organisation`; its rows stay as they are.
    seed : int
        Of this layer alone.
    initiative_id : str
    started_on : str
        First day on which people are invited, ISO.
    n_weeks : int
        Weeks over which they are.
    window_days : int
        Days after the invitation that count.
    by : {"person", "team"}
        What chance allocates. Teams are a new last step of the unit path, and differ.
    team_size : int
        People in a team.
    share : float
        Chance of being in the launch.
    effect : float
        Points by which the launch raises the share of people with a value event in the window.
    harm : float
        Points by which it raises the share that abandons a course in the window: a guardrail.
    outcome_effect : float
        Cases that each person of the launch closes more, in each month after the one of the
        invitation.
    mismatch : float
        Share of the launch that is lost from the ``arm`` table: a sample-ratio mismatch.
    n_switched : int
        Persons or teams that the table moves to the launch two weeks after they were held out.

    Returns
    -------
    World
        Rows added to ``initiative``, ``arm``, ``event`` and ``outcome``; ``truth["trial"]`` holds
        ``initiative_id, started_on, ended_on, window_days, by, share, effect, harm, baseline,
        n_invited, outcome, outcome_effect``.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = trial(organisation(1, n_persons=80), 5, effect=0.1)
    >>> world.truth["trial"]["effect"]
    0.1
    """
    started = clock.parse_date(started_on, name="started_on")
    design = _Design(
        initiative_id, started, n_weeks, window_days, by, team_size, share, effect, harm,
        outcome_effect, mismatch, n_switched, world.time_zone, np.random.default_rng(seed),
    )  # fmt: skip
    tables = dict(world.tables)
    if by == "team":
        tables["person"] = _in_teams(tables["person"], design)
    invited = _invited(tables, design)
    extra, baseline = _events(tables, invited, design)
    tables["event"] = _joined(tables["event"], extra)
    tables["initiative"] = _joined(tables["initiative"], _initiative(design, world.name))
    tables["arm"] = _joined(tables["arm"], _arm(invited, design))
    tables["outcome"] = _joined(tables["outcome"], _outcome(tables["event"], invited, design))
    truth = {
        "initiative_id": initiative_id, "started_on": started_on,
        "ended_on": design.ended.isoformat(), "window_days": window_days, "by": by,
        "share": share, "effect": effect,
        "harm": harm, "baseline": baseline, "n_invited": len(invited), "outcome": OUTCOME,
        "outcome_effect": outcome_effect,
    }  # fmt: skip
    return replace(world, tables=tables, truth={**world.truth, "trial": truth})


def plan_for(
    world: World, *, minimum_effect: float = 0.05, margin: float = 0.05, n_looks: int = 6
) -> Plan:
    """Return the measurement plan that fits a world's trial.

    Parameters
    ----------
    world : World
        Made by :func:`trial`.
    minimum_effect : float
        Smallest effect that matters.
    margin : float
        By how much the share that gives something up may rise.
    n_looks : int
        Evenly spaced, the last one two weeks after everyone's window is over.

    Returns
    -------
    Plan
        Checked, not frozen. Its primary metric is ``value_reach``, its guardrail ``gave_up_share``.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> plan_for(trial(organisation(1, n_persons=80), 5)).metric
    'value_reach'
    """
    truth = world.truth["trial"]
    started = date.fromisoformat(truth["started_on"])
    end = date.fromisoformat(truth["ended_on"]) + timedelta(days=14)
    opens = started + timedelta(days=truth["window_days"])
    step = (end - opens) / max(n_looks, 1)
    looks = [opens + step * (i + 1) for i in range(n_looks)]
    return parse(
        f"""
        name = "{truth["initiative_id"]}"
        objective = "More people find something of use."
        owner = "Head of learning"
        initiative = "{truth["initiative_id"]}"
        launch_on = {started}
        end_on = {end}
        looks_on = [{", ".join(str(look) for look in looks)}]
        [roll_out]
        unit = "{"person" if truth["by"] == "person" else "unit"}"
        design = "parallel"
        share = {truth["share"]}
        [value_event]
        verbs = ["complete", "pass"]
        window_days = {truth["window_days"]}
        [primary]
        metric = "value_reach"
        minimum_effect = {minimum_effect}
        [[guardrail]]
        metric = "gave_up_share"
        margin = {margin}
        """
    )


def _joined(before: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    parts = [frame for frame in (before, more) if len(frame)]
    return pd.concat(parts, ignore_index=True) if parts else before


# Who is invited, when, to what --------------------------------------------------------------


def _in_teams(person: pd.DataFrame, design: _Design) -> pd.DataFrame:
    """Add a team to each unit path; a person stays in the one team."""
    import pandas as pd

    first = person.drop_duplicates("person_id")
    order = pd.Series(design.rng.random(len(first)), index=first["person_id"])
    unit = pd.Series([path[-1] for path in first["unit_path"]], index=first["person_id"])
    number = order.groupby(unit.to_numpy()).rank(method="first").astype(int) - 1
    name = unit + " team " + (number // design.team_size + 1).astype(str)
    teams = name[person["person_id"]].tolist()
    paths = [[*path, team] for path, team in zip(person["unit_path"], teams, strict=True)]
    return person.assign(unit_path=pd.Series(paths, index=person.index, dtype=object))


def _invited(tables: Mapping[str, pd.DataFrame], design: _Design) -> pd.DataFrame:
    """Return one row a person invited: what was allocated, its arm, the day of the invitation."""
    import pandas as pd

    person, access = tables["person"], tables["access"]
    start = pd.Timestamp(design.started)
    latest = person[pd.to_datetime(person["valid_from_on"]) <= start]
    latest = latest.sort_values("valid_from_on", kind="stable").drop_duplicates(
        "person_id", keep="last"
    )
    left = pd.to_datetime(latest["left_on"])
    there = latest[left.isna() | (left > start)]
    has_access = access.loc[pd.to_datetime(access["granted_at"]) <= start, "person_id"]
    there = there[there["person_id"].isin(has_access)].sort_values("person_id", ignore_index=True)
    is_team = design.by == "team"
    unit = pd.Series([p[-1] for p in there["unit_path"]] if is_team else there["person_id"],
                     dtype=object)  # fmt: skip
    units = np.array(sorted(unit.unique()), dtype=object)
    wave = design.rng.permutation(len(units)) % max(design.n_weeks, 1)
    launch = design.rng.random(len(units)) < design.share
    place = pd.Series(np.arange(len(units)), index=units)[unit].to_numpy(dtype=int)
    return pd.DataFrame(
        {
            "person_id": there["person_id"],
            "unit_id": unit,
            "is_launch": launch[place],
            "invited_on": np.datetime64(design.started, "D")
            + (7 * wave[place]).astype("timedelta64[D]"),
        }
    )


def _initiative(design: _Design, client: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "initiative_id": [design.initiative_id], "client_id": [client],
            "name": ["A sprint of four weeks"],
            "started_on": [np.datetime64(design.started, "D")],
            "ended_on": [np.datetime64(design.ended, "D")],
            "strategy": ["phased"], "goal_id": [None], "is_goal_tied": [False],
            "sponsor_level": ["L&D"], "budget": [24000.0], "currency": ["EUR"],
        }
    )  # fmt: skip


def _arm(invited: pd.DataFrame, design: _Design) -> pd.DataFrame:
    import pandas as pd

    units = invited.drop_duplicates("unit_id")
    lost = units["is_launch"].to_numpy() & (design.rng.random(len(units)) < design.mismatch)
    units = units[~lost]
    arm = pd.DataFrame(
        {
            "initiative_id": design.initiative_id,
            "unit_kind": "person" if design.by == "person" else "unit",
            "unit_id": units["unit_id"],
            "arm": np.where(units["is_launch"], LAUNCH, HOLD_OUT),
            "assigned_at": _at(units["invited_on"].to_numpy(), np.full(len(units), 6.0), design),
            "is_randomised": True,
            "propensity": np.where(units["is_launch"], design.share, 1 - design.share),
        }
    )
    held = arm[arm["arm"] == HOLD_OUT].head(design.n_switched)
    moved = held.assign(arm=LAUNCH, assigned_at=held["assigned_at"] + pd.Timedelta(days=14))
    return _joined(arm, moved)


def _at(day: Any, hour: Any, design: _Design) -> Any:
    """Put local days and hours into UTC instants."""
    import pandas as pd

    local = pd.to_datetime(day) + pd.to_timedelta(hour, unit="h").round("s")
    zoned = pd.DatetimeIndex(local).tz_localize(design.time_zone)
    return zoned.tz_convert("UTC").tz_localize(None).as_unit("us")


# What they do -------------------------------------------------------------------------------


def _events(
    tables: Mapping[str, pd.DataFrame], invited: pd.DataFrame, design: _Design
) -> tuple[pd.DataFrame, float]:
    """Draw what the trial adds, and return it with the share that would have come to value anyway.

    The launch brings those to value who would not have come by themselves, each with the same
    chance, so that the share rises by ``effect`` whatever the organisation does.
    """
    n, rng = len(invited), design.rng
    is_launch = invited["is_launch"].to_numpy(dtype=bool)
    by_itself = _comes_anyway(tables["event"], invited, design)
    if design.by == "team":
        pushed = rng.random(n) < _team_push(invited, design)
        before = _some(invited, pushed & (rng.random(n) < 0.7), "complete", design, back=True)
        during = _some(invited, pushed, "complete", design)
        by_itself = by_itself | pushed
    else:
        before = during = _some(invited, np.zeros(n, dtype=bool), "complete", design)
    baseline = float(by_itself.mean()) if n else 0.0
    chance = min(design.effect / (1 - baseline), 1.0) if baseline < 1 else 0.0
    won = is_launch & ~by_itself & (rng.random(n) < chance)
    abandoned = rng.random(n) < ABANDONING + design.harm * is_launch
    parts = [
        before, during, _some(invited, won, "complete", design),
        _some(invited, abandoned, "abandon", design),
    ]  # fmt: skip
    extra = _joined(_joined(parts[0], parts[1]), _joined(parts[2], parts[3]))
    extra["event_id"] = [f"{design.initiative_id} {i:07d}" for i in range(len(extra))]
    return extra, baseline


def _comes_anyway(event: pd.DataFrame, invited: pd.DataFrame, design: _Design) -> Bools:
    """Whether a person has a self-started value event in her window without the trial."""
    import pandas as pd

    value = event[(event["verb"] == "complete") & event["assignment_id"].isna()]
    invited_at = pd.Series(
        _at(invited["invited_on"].to_numpy(), np.zeros(len(invited)), design),
        index=invited["person_id"],
    )
    since = pd.to_datetime(value["occurred_at"]) - value["person_id"].map(invited_at)
    inside = (since >= pd.Timedelta(0)) & (since < pd.Timedelta(days=design.window_days))
    found: Bools = invited["person_id"].isin(value.loc[inside, "person_id"]).to_numpy()
    return found


def _team_push(invited: pd.DataFrame, design: _Design) -> Floats:
    """Chance that a person comes to value because her team does, the same in both arms."""
    import pandas as pd

    teams = sorted(invited["unit_id"].unique())
    push = pd.Series(np.clip(design.rng.normal(0.15, _TEAMS_DIFFER, len(teams)), 0, 0.9), teams)
    pushed: Floats = np.asarray(push[invited["unit_id"]], dtype=np.float64)
    return pushed


def _some(
    invited: pd.DataFrame, who: Bools, verb: str, design: _Design, *, back: bool = False
) -> pd.DataFrame:
    """Give those named an event or more on days of their window, or of as many days before it."""
    import pandas as pd

    rng = design.rng
    rows = np.flatnonzero(who)
    rows = np.repeat(rows, 1 + rng.poisson(1.0, len(rows)) if verb == "complete" else 1)
    # The day of the invitation and the last day of the window are whole days within it.
    day = rng.integers(0, design.window_days, len(rows)) - design.window_days * back
    occurred = _at(
        invited["invited_on"].to_numpy()[rows] + day.astype("timedelta64[D]"),
        8 + 10 * rng.beta(2, 2, len(rows)),
        design,
    )
    lag = rng.exponential(20.0, len(rows)) + 1440.0 * (
        rng.integers(1, 10, len(rows)) * (rng.random(len(rows)) < _LATE)
    )
    return pd.DataFrame(
        {
            "person_id": invited["person_id"].to_numpy()[rows],
            "occurred_at": occurred,
            "recorded_at": occurred + pd.to_timedelta(lag, unit="min").round("s"),
            "verb": verb,
            "content_id": [f"c{i:04d}" for i in rng.integers(0, 240, len(rows))],
            "duration_s": rng.integers(300, 3600, len(rows)),
            "assignment_id": pd.array([None] * len(rows), dtype="string"),
            "initiative_id": design.initiative_id,
            "source": "platform",
        }
    )


# What the work shows ------------------------------------------------------------------------


def _outcome(event: pd.DataFrame, invited: pd.DataFrame, design: _Design) -> pd.DataFrame:
    """Draw cases closed by person and month: people differ, months are noisy, the launch adds."""
    import pandas as pd

    if event.empty or invited.empty:
        return pd.DataFrame()
    first = (pd.Timestamp(design.started) - pd.DateOffset(months=4)).replace(day=1)
    last = pd.to_datetime(event["occurred_at"]).max()
    months = pd.date_range(first, last, freq="MS")
    months = months[months + pd.offsets.MonthEnd(0) < last]
    n, rng = len(invited), design.rng
    usual = rng.normal(_LEVEL, _BETWEEN, n)
    value = usual[:, None] + rng.normal(0, _WITHIN, (n, len(months)))
    after = months.to_numpy()[None, :] > invited["invited_on"].to_numpy()[:, None]
    value += design.outcome_effect * (after & invited["is_launch"].to_numpy()[:, None])
    return pd.DataFrame(
        {
            "entity_kind": "person",
            "entity_id": np.repeat(invited["person_id"].to_numpy(), len(months)),
            "metric_id": OUTCOME,
            "period_start_on": np.tile(months.date, n),
            "period_end_on": np.tile((months + pd.offsets.MonthEnd(0)).date, n),
            "value": np.round(np.maximum(value, 0), 1).ravel(),
            "unit": "cases",
        }
    )
