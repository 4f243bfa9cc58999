"""Campaigns with known truth, laid over a world that has none of its own.

A layer draws from a stream of its own and never touches what the world drew. It takes the
world's persons into teams, launches the teams in waves, writes to their people, and brings a
known share of those waiting to their first value event. Whoever is brought to it takes over the
history of a colleague of the same unit who began by herself earlier, moved to the new day: so
spells, weekdays and what is learned keep the distribution they were drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WINDOW_DAYS: Final = 30
"""Days after a launch within which its effect is planted."""

_WEEKS: Final = (0.45, 0.27, 0.17, 0.11)
"""When within four weeks of the launch people begin: the response fades."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign and its truth.

    Attributes
    ----------
    name : str
        Also its id.
    began : str
        ISO date of the first wave.
    strategy : str
        As in the vocabulary: ``broad``, ``drip`` and so on.
    goal : str
        The organisational goal it serves; empty: none.
    effect : float
        Of those waiting at their launch, the share that it brings to first value within 30 days
        who would not have come by themselves.
    wave_effect : tuple of float
        Effects wave by wave, where they differ.
    waves : int
        Launch waves; 1 launches everyone at once.
    gap_days : int
        Days between two waves.
    held_out : float
        Share of the teams that is never launched.
    breadth : float
        Share of the people of a launched team who are written to.
    is_randomised : bool
        Whether chance decides which team belongs to which wave; otherwise their number does.
    has_touches : bool
    budget : float
    switchers : int
        Launched teams that are taken out again after a week.
    """

    name: str
    began: str
    strategy: str = "broad"
    goal: str = ""
    effect: float = 0.15
    wave_effect: tuple[float, ...] = ()
    waves: int = 1
    gap_days: int = 30
    held_out: float = 0.0
    breadth: float = 1.0
    is_randomised: bool = False
    has_touches: bool = True
    budget: float = 20_000.0
    switchers: int = 0

    def effect_of(self, wave: int) -> float:
        """Return the planted effect of a wave."""
        return self.wave_effect[wave] if self.wave_effect else self.effect


@dataclass(slots=True)
class _Draft:
    """A world while campaigns are laid over it."""

    people: pd.DataFrame  # a row a person: person_id, unit, team, from_on, to_on, first_on
    events: pd.DataFrame
    rng: np.random.Generator
    client: str
    initiatives: list[dict[str, Any]] = field(default_factory=list)
    arms: list[pd.DataFrame] = field(default_factory=list)
    touches: list[pd.DataFrame] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)


def launched(
    world: World, campaigns: Sequence[Campaign], *, seed: int, team_size: int = 50
) -> World:
    """Lay campaigns over a world; what it had under ``initiative``, ``touch`` and ``arm`` goes.

    Parameters
    ----------
    world : World
        Best without a launch of its own (``lift=1``).
    campaigns : sequence of Campaign
        In the order of their launch.
    seed : int
    team_size : int
        Mean number of people in a team, the units that are launched.

    Returns
    -------
    World
        With ``truth["campaigns"]``: by name, the planted ``effect`` (mean over those launched),
        what chance made of it (``realised``), the ``launched_on`` of each launched team, the
        teams ``held_out`` and ``n_waiting``.

    Examples
    --------
    >>> from ldresearch.worlds import organisation
    >>> world = organisation(1, n_persons=200, n_months=6, lift=1.0)
    >>> layer = launched(world, [Campaign("spring", "2024-04-01", effect=0.2)], seed=1)
    >>> sorted(layer.truth["campaigns"]), len(layer.tables["initiative"])
    (['spring'], 1)
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 21])
    people = _people(world, rng, team_size)
    draft = _Draft(people, world.tables["event"].copy(), rng, world.name)
    for campaign in campaigns:
        _launch(draft, campaign)
    tables = {
        **world.tables,
        "person": _with_teams(world.tables["person"], people),
        "event": draft.events,
        "initiative": pd.DataFrame(draft.initiatives),
        "arm": pd.concat(draft.arms, ignore_index=True),
    }
    del tables["touch"]
    if draft.touches:
        touches = pd.concat(draft.touches, ignore_index=True)
        touches["touch_id"] = [f"t{i:07d}" for i in range(len(touches))]
        tables["touch"] = touches
    return replace(world, tables=tables, truth=world.truth | {"campaigns": draft.truth})


# People and teams ---------------------------------------------------------------------------


def _people(world: World, rng: np.random.Generator, team_size: int) -> pd.DataFrame:
    """Take everyone into a team of her unit; say from and to when she is eligible."""
    import pandas as pd

    person = world.tables["person"].drop_duplicates("person_id")
    access = world.tables["access"].set_index("person_id")
    frame = person[["person_id", "hired_on", "left_on"]].reset_index(drop=True)
    frame["unit"] = [str(path[-1]) for path in person["unit_path"]]
    granted = pd.to_datetime(frame["person_id"].map(access["granted_at"]))
    hired = pd.to_datetime(frame.pop("hired_on"))
    frame["from_on"] = granted.where(granted >= hired, hired).where(granted.notna())
    frame["to_on"] = pd.to_datetime(frame.pop("left_on"))
    own = world.tables["event"]
    own = own[(own["verb"] == "complete") & own["assignment_id"].isna()]
    first = own.groupby("person_id")["occurred_at"].min()
    frame["first_on"] = pd.to_datetime(frame["person_id"].map(first)).dt.normalize()
    sizes = frame.groupby("unit")["person_id"].transform("size")
    n_teams = np.maximum((sizes / team_size).round().astype(int), 1)
    number = (rng.random(len(frame)) * n_teams).astype(int) + 1
    frame["team"] = [f"{u} {i:02d}" for u, i in zip(frame["unit"], number, strict=True)]
    return frame


def _with_teams(person: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    team = people.set_index("person_id")["team"]
    import pandas as pd

    paths = [
        [*path, team[who]]
        for path, who in zip(person["unit_path"], person["person_id"], strict=True)
    ]
    return person.assign(unit_path=pd.Series(paths, index=person.index, dtype="object"))


# One campaign -------------------------------------------------------------------------------


def _launch(draft: _Draft, campaign: Campaign) -> None:
    teams = sorted(draft.people["team"].unique())
    wave_of = _allocated(draft, campaign, teams)
    began = date.fromisoformat(campaign.began)
    day_of = {
        team: began + timedelta(days=campaign.gap_days * wave)
        for team, wave in wave_of.items()
        if wave >= 0
    }
    draft.truth[campaign.name] = _convert(draft, campaign, wave_of, day_of) | {
        "launched_on": {team: day.isoformat() for team, day in day_of.items()},
        "held_out": sorted(set(teams) - set(day_of)),
    }
    draft.initiatives.append(_initiative(draft, campaign, max(day_of.values(), default=began)))
    draft.arms.append(_arm(campaign, teams, day_of))
    if campaign.has_touches:
        draft.touches.append(_touches(draft, campaign, day_of))


def _allocated(draft: _Draft, campaign: Campaign, teams: Sequence[str]) -> dict[str, int]:
    """Give each team its wave; -1 is held out."""
    order = list(teams)
    if campaign.is_randomised:
        order = [teams[i] for i in draft.rng.permutation(len(teams))]
    n_out = round(campaign.held_out * len(order))
    # Every so many teams one is held out, so that each part of the organisation has some.
    out = set(np.linspace(0, len(order) - 1, n_out).round().astype(int)) if n_out else set()
    launched_teams = [team for i, team in enumerate(order) if i not in out]
    waves = dict.fromkeys((order[i] for i in out), -1)
    return waves | {team: i % campaign.waves for i, team in enumerate(launched_teams)}


def _convert(
    draft: _Draft, campaign: Campaign, wave_of: Mapping[str, int], day_of: Mapping[str, date]
) -> dict[str, Any]:
    """Bring the planted share of those waiting to first value; say what chance made of it."""
    import pandas as pd

    people = draft.people
    launch = pd.to_datetime(people["team"].map(day_of))
    ends = launch + pd.Timedelta(days=WINDOW_DAYS)
    waiting = (
        launch.notna() & (people["from_on"] <= launch)
        & (people["to_on"].isna() | (people["to_on"] > launch))
        & (people["first_on"].isna() | (people["first_on"] >= launch))
    )  # fmt: skip
    alone = waiting & (people["first_on"] < ends)
    wave = people["team"].map(wave_of).fillna(-1).astype(int)
    drawn = [_drawn(draft, waiting & (wave == w), ~alone, campaign.effect_of(w))
             for w in range(campaign.waves)]  # fmt: skip
    n_brought = _take_over(draft, np.concatenate(drawn), launch)
    n_waiting = int(waiting.sum())
    return {
        "effect": float(np.mean([campaign.effect_of(w) for w in wave[waiting]]))
        if n_waiting
        else campaign.effect,
        "realised": n_brought / n_waiting if n_waiting else float("nan"),
        "n_waiting": n_waiting,
    }


def _drawn(draft: _Draft, waiting: Any, is_open: Any, effect: float) -> NDArray[np.int64]:
    """Choose those who are brought: exactly the planted share of those waiting."""
    n = min(round(effect * int(waiting.sum())), int((waiting & is_open).sum()))
    return draft.rng.choice(np.flatnonzero(waiting & is_open), n, replace=False)


def _take_over(draft: _Draft, who: NDArray[np.int64], launch: pd.Series) -> int:
    """Give each person the history of a colleague who began earlier, moved to the new day."""
    import pandas as pd

    people, rng = draft.people, draft.rng
    is_own = draft.events["assignment_id"].isna()
    firsts = people["first_on"]
    may_give = firsts.notna() & people["to_on"].isna()
    pairs = []
    for i in who:
        opens = launch.iloc[i] + pd.Timedelta(weeks=int(rng.choice(len(_WEEKS), p=_WEEKS)))
        donors = np.flatnonzero(may_give & (people["unit"] == people["unit"].iloc[i])
                                & (firsts <= opens))  # fmt: skip
        if not len(donors):
            continue
        donor = int(rng.choice(donors))
        weeks = -((firsts.iloc[donor] - opens).days // 7)
        pairs.append((people["person_id"].iloc[i], people["person_id"].iloc[donor], i, weeks * 7))
    if not pairs:
        return 0
    given = pd.DataFrame(pairs, columns=["person_id", "donor", "row", "shift"])
    kept = draft.events[~(is_own & draft.events["person_id"].isin(given["person_id"]))]
    history = draft.events[is_own].rename(columns={"person_id": "donor"})
    copies = given.merge(history, on="donor")
    moved = pd.to_timedelta(copies["shift"], unit="D")
    copies["occurred_at"] = copies["occurred_at"] + moved
    copies["recorded_at"] = copies["recorded_at"] + moved
    leaves = copies["person_id"].map(people.set_index("person_id")["to_on"])
    ends = pd.Timestamp(draft.events["occurred_at"].max()).normalize() + pd.Timedelta(days=1)
    inside = (copies["occurred_at"] < ends) & (leaves.isna() | (copies["occurred_at"] < leaves))
    copies = copies[inside].drop(columns=["donor", "row", "shift"])
    events = pd.concat([kept, copies[kept.columns]], ignore_index=True)
    draft.events = events.assign(event_id=[f"v{i:08d}" for i in range(len(events))])
    own = copies[copies["verb"] == "complete"].groupby("person_id")["occurred_at"].min()
    new = people["person_id"].map(own).dt.normalize()
    draft.people = people.assign(first_on=new.where(new.notna(), firsts))
    return len(given)


# What is written down of it -----------------------------------------------------------------


def _initiative(draft: _Draft, campaign: Campaign, last: date) -> dict[str, Any]:
    return {
        "initiative_id": campaign.name,
        "client_id": draft.client,
        "name": campaign.name,
        "started_on": date.fromisoformat(campaign.began),
        "ended_on": last + timedelta(days=60),
        "strategy": campaign.strategy,
        "goal_id": campaign.goal or None,
        "is_goal_tied": bool(campaign.goal),
        "sponsor_level": "board" if campaign.goal else "L&D",
        "budget": campaign.budget,
        "currency": "EUR",
    }


def _arm(campaign: Campaign, teams: Sequence[str], day_of: Mapping[str, date]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (team, "launch" if team in day_of else "hold-out", day_of.get(team, campaign.began))
        for team in teams
    ]
    taken_out = sorted(day_of)[: campaign.switchers]
    rows += [(team, "hold-out", day_of[team] + timedelta(days=7)) for team in taken_out]
    frame = pd.DataFrame(rows, columns=["unit_id", "arm", "assigned_at"])
    frame["assigned_at"] = pd.to_datetime(frame["assigned_at"]) + pd.Timedelta(hours=12)
    return frame.assign(
        initiative_id=campaign.name, unit_kind="team", is_randomised=campaign.is_randomised
    )


def _touches(draft: _Draft, campaign: Campaign, day_of: Mapping[str, date]) -> pd.DataFrame:
    """Write to people of the launched teams: at once when broad, every fortnight when drip."""
    import pandas as pd

    people = draft.people
    launch = pd.to_datetime(people["team"].map(day_of))
    there = launch.notna() & (people["from_on"] <= launch)
    there &= people["to_on"].isna() | (people["to_on"] > launch)
    there &= draft.rng.random(len(people)) < campaign.breadth
    is_drip = campaign.strategy == "drip"
    rounds = np.arange(0, 84, 14) if is_drip else np.array([0, 2, 14])
    rows = np.repeat(np.flatnonzero(there), len(rounds))
    days = np.tile(rounds, int(there.sum()))
    sent = launch.iloc[rows].to_numpy() + (days * 24 + 10).astype("timedelta64[h]")
    opened = draft.rng.random(len(rows)) < (0.35 if is_drip else 0.55)
    clicked = opened & (draft.rng.random(len(rows)) < 0.3)
    delay = (draft.rng.exponential(6 * 3600, len(rows))).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "initiative_id": campaign.name,
            "person_id": people["person_id"].iloc[rows].to_numpy(),
            "sent_at": sent,
            "channel": "mail",
            "kind": "tip" if is_drip else "launch",
            "opened_at": pd.Series(sent + delay).where(pd.Series(opened)),
            "clicked_at": pd.Series(sent + delay + np.timedelta64(90, "s")).where(
                pd.Series(clicked)
            ),
        }
    )
