"""Openings, applications and moves with known truth, laid over a world.

Two ways. :func:`mobile` plays it forward: people apply, are chosen and move from then on.
:func:`laid` plays it backward, for the demo: those who moved came from elsewhere to the role they
hold today, so that everything that is told of today stays as it was. Both draw from a stream of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

DEMO: Final[Mapping[str, Mapping[str, Any]]] = {
    "harbour": {
        "seed": 61, "started_on": "2025-01-02", "days": 150, "favoured": "DE", "factor": 0.2,
    },
}  # fmt: skip
"""Clients of the demo that have moves: applicants from the favoured country are chosen more often,
the others ``factor`` times as often."""

READY: Final = 0.8
"""True readiness from which people apply more often."""


def mobile(
    world: World,
    *,
    seed: int,
    started_on: str,
    days: int = 150,
    apply_rate: float = 0.02,
    times: float = 3.0,
    chosen_rate: float = 0.5,
    favoured: str = "",
    factor: float = 1.0,
    takes_up: float = 0.8,
) -> World:
    """Let people apply for other roles by how ready they truly are, be chosen, and move.

    Parameters
    ----------
    world : World
        What it had under ``opportunity`` and ``application`` goes.
    seed : int
    started_on : str
        First day on which someone applies, ISO; every role is open from it on.
    days : int
        Days within which people apply, are chosen (four weeks later) and move (two weeks later).
    apply_rate : float
        Chance that a person applies for a role she is not ready for.
    times : float
        By what it is multiplied for a role she is ready for.
    chosen_rate : float
        Chance that an applicant is chosen, in the favoured country.
    favoured : str
        Country whose applicants are chosen more often; empty: none.
    factor : float
        By what the chance is multiplied elsewhere.
    takes_up : float
        Share of the chosen who move.

    Returns
    -------
    World
        With ``truth["mobility"]``: ``apply_ratio`` and ``selection_ratio`` as planted, and
        ``readiness``, a frame of ``person_id, to_role, readiness`` by true levels over the skills
        that both roles ask for.

    Examples
    --------
    >>> from ldresearch.worlds import organisation
    >>> world = mobile(organisation(1, n_persons=300, n_months=9), seed=1,
    ...                started_on="2024-04-01", times=4.0)
    >>> world.truth["mobility"]["apply_ratio"], "application" in world.tables
    (4.0, True)
    """
    rng = np.random.default_rng([seed, 61])
    ready = _true_readiness(world)
    there = _steady(world, started_on, days)
    pairs = ready[ready["person_id"].isin(there.index)].reset_index(drop=True)
    rate = apply_rate * np.where(pairs["readiness"] >= READY, times, 1.0)
    applied = pairs[rng.random(len(pairs)) < rate].drop_duplicates("person_id")
    country = applied["person_id"].map(there["country"])
    chance = chosen_rate * np.where((country == favoured) | (favoured == ""), 1.0, factor)
    applied = applied.assign(chosen=rng.random(len(applied)) < chance)
    moves = applied["chosen"] & (rng.random(len(applied)) < takes_up)
    applied = applied.assign(day=rng.integers(0, max(days - 42, 1), len(applied)), moved=moves)
    movers = applied[applied["moved"]]
    person = _split(world.tables["person"], movers, started_on, "to_role")
    return _written(world, applied, person, started_on, days, {
        "apply_ratio": times, "selection_ratio": factor if favoured else 1.0,
        "favoured": favoured, "readiness": ready,
    })  # fmt: skip


def laid(world: World) -> World:
    """Lay moves over the client of the demo that has them; other worlds stay as they are.

    Parameters
    ----------
    world : World
        A client of the demo.

    Returns
    -------
    World
        With the history of those who moved, or the same.

    Examples
    --------
    >>> from ldresearch.worlds import organisation
    >>> world = organisation(1, n_persons=50, name="orchard")
    >>> laid(world) is world
    True
    """
    given = DEMO.get(world.name)
    return _backward(world, **given) if given else world


def recipe(client: str) -> list[Any]:
    """Return what a client's moves rest on.

    Parameters
    ----------
    client : str
        Its name.

    Returns
    -------
    list
        Empty for a client without moves.

    Examples
    --------
    >>> recipe("orchard")
    []
    """
    return [{"mobility": dict(DEMO[client])}] if client in DEMO else []


def _backward(
    world: World, *, seed: int, started_on: str, days: int, favoured: str, factor: float
) -> World:
    """Give some of today's people a former role, and declined applications to others."""
    rng = np.random.default_rng([seed, 62])
    there = _steady(world, started_on, days)
    pairs = _true_readiness(world, own=True)
    pairs = pairs[pairs["person_id"].isin(there.index)].reset_index(drop=True)
    is_favoured = (pairs["person_id"].map(there["country"]) == favoured).to_numpy()
    is_own = (pairs["to_role"] == pairs["person_id"].map(there["role_id"])).to_numpy()
    ready = np.where(pairs["readiness"] >= READY, 4.0, 1.0)
    rate = np.where(is_own, 0.05 * ready * np.where(is_favoured, 1.0, factor), 0.008 * ready)
    applied = pairs.assign(chosen=is_own)[rng.random(len(pairs)) < rate]
    applied = applied.sort_values(["person_id", "chosen"], ascending=[True, False])
    applied = applied.drop_duplicates("person_id").reset_index(drop=True)
    applied["day"] = rng.integers(0, max(days - 42, 1), len(applied))
    movers = applied[applied["chosen"]]
    roles = np.array(sorted(set(there["role_id"])), dtype=object)
    step = rng.integers(1, max(len(roles), 2), len(movers))
    now = np.searchsorted(roles, movers["to_role"].to_numpy(dtype=object).astype(str))
    former = roles[(now + step) % len(roles)]
    person = _split(world.tables["person"], movers.assign(former=former), started_on, "former")
    return _written(world, applied, person, started_on, days,
                    {"factor": factor, "favoured": favoured})  # fmt: skip


# Parts --------------------------------------------------------------------------------------


def _steady(world: World, started_on: str, days: int) -> pd.DataFrame:
    """People with one row of history, there from before the first day to after the last."""
    import pandas as pd

    person = world.tables["person"]
    first = pd.Timestamp(started_on)
    last = first + pd.Timedelta(days=days + 60)
    once = ~person["person_id"].duplicated(keep=False)
    stays = (pd.to_datetime(person["hired_on"]) < first) & (
        person["left_on"].isna() | (pd.to_datetime(person["left_on"]) > last)
    )
    return person[once & stays].set_index("person_id")


def _true_readiness(world: World, *, own: bool = False) -> pd.DataFrame:
    """Readiness by true levels for each other role, over the skills that both roles ask for."""
    import pandas as pd

    target = world.tables["role_skill"][["role_id", "skill_id", "target", "weight"]]
    level = world.truth["levels"][["person_id", "skill_id", "level"]]
    role = world.tables["person"].drop_duplicates("person_id").set_index("person_id")["role_id"]
    both = level.merge(target, on="skill_id")
    both["reached"] = np.minimum(both["level"] / both["target"], 1.0) * both["weight"]
    summed = both.groupby(["person_id", "role_id"], sort=True)[["reached", "weight"]].sum()
    found = (summed["reached"] / summed["weight"]).rename("readiness").reset_index()
    found = found.rename(columns={"role_id": "to_role"})
    if not own:
        found = found[found["to_role"] != found["person_id"].map(role)]
    return pd.DataFrame(found.reset_index(drop=True))


def _split(
    person: pd.DataFrame, movers: pd.DataFrame, started_on: str, column: str
) -> pd.DataFrame:
    """Part the history of those who move in two on the day: the role of one part is another's."""
    import pandas as pd

    day = pd.Timestamp(started_on) + pd.to_timedelta(movers["day"] + 42, unit="D")
    moved_on = pd.Series(day.to_numpy(), index=movers["person_id"].to_numpy())
    other = pd.Series(movers[column].to_numpy(), index=movers["person_id"].to_numpy())
    is_mover = person["person_id"].isin(moved_on.index)
    kept, here = person[~is_mover], person[is_mover]
    on = here["person_id"].map(moved_on).astype("datetime64[s]")
    role = here["person_id"].map(other)
    before = here.assign(valid_to_on=on.to_numpy())
    after = here.assign(valid_from_on=on.to_numpy())
    if column == "former":
        before = before.assign(role_id=role.to_numpy())
    else:
        after = after.assign(role_id=role.to_numpy())
    return pd.concat([kept, before, after], ignore_index=True)


def _written(
    world: World, applied: pd.DataFrame, person: pd.DataFrame, started_on: str, days: int,
    truth: dict[str, Any],
) -> World:  # fmt: skip
    import pandas as pd

    first = np.datetime64(started_on, "D")
    roles = sorted(set(world.tables["role_skill"]["role_id"]))
    opening = {role: f"o{i:02d}" for i, role in enumerate(roles)}
    opportunity = pd.DataFrame(
        {
            "opportunity_id": [opening[r] for r in roles], "kind": "role", "role_id": roles,
            "opened_on": [first] * len(roles),
            "closed_on": [first + np.timedelta64(days, "D")] * len(roles),
        }
    )  # fmt: skip
    day: NDArray[np.int64] = applied["day"].to_numpy(dtype=np.int64)
    application = pd.DataFrame(
        {
            "application_id": [f"q{i:06d}" for i in range(len(applied))],
            "opportunity_id": [opening[r] for r in applied["to_role"]],
            "person_id": applied["person_id"].to_numpy(),
            "applied_at": first + day.astype("timedelta64[D]"),
            "result": np.where(applied["chosen"], "offered", "declined"),
            "result_at": first + (day + 28).astype("timedelta64[D]"),
        }
    )
    tables = {**world.tables, "person": person, "opportunity": opportunity,
              "application": application}  # fmt: skip
    return replace(world, tables=tables, truth=world.truth | {"mobility": truth})
