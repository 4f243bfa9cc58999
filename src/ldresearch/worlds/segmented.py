"""People who learn in different ways, and people who do not: which way each has is known.

Each way has a rhythm of its own: days a week, actions and minutes a day, how often something is
finished, shared, searched. With ``ways = 0`` everyone is drawn about one middle, as broadly as the
ways lie apart, so that there is spread enough and nothing to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ldresearch import clock
from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Way:
    """A way of learning.

    Attributes
    ----------
    days : float
        Chance of being active on a day.
    actions, minutes : float
        Means of an active day.
    finishing, sharing, searching : float
        Chance that an active day ends with something finished; shares of actions.
    """

    days: float
    actions: float
    minutes: float
    finishing: float
    sharing: float
    searching: float


WAYS: Final[dict[str, Way]] = {
    "snacker": Way(0.55, 2.5, 7, 0.15, 0.05, 0.05),
    "diver": Way(0.08, 5, 150, 0.60, 0.02, 0.10),
    "scout": Way(0.25, 14, 20, 0.05, 0.03, 0.75),
    "sharer": Way(0.30, 7, 30, 0.50, 0.60, 0.05),
}
"""Ways that are planted; the first so many of them."""

_UNITS = ("North", "South", "East")


def segmented(
    seed: int,
    *,
    n_persons: int = 400,
    ways: int = 4,
    idle: float = 0.2,
    n_weeks: int = 16,
    started_on: str = "2024-01-01",
) -> World:
    """Make a world in which people learn in a few ways.

    Parameters
    ----------
    seed : int
    n_persons : int
    ways : int
        How many of :data:`WAYS` there are, in equal shares; 0: none, everyone about one middle.
    idle : float
        Share of the people who never do anything.
    n_weeks : int
        Length of the log.
    started_on : str
        First day of the log, ISO.

    Returns
    -------
    World
        Tables ``person`` and ``event``; ``truth["way_of"]`` has the way of each person_id, empty
        for the idle; ``truth["ways"]`` how many there are.

    Examples
    --------
    >>> world = segmented(1, n_persons=40)
    >>> sorted(set(world.truth["way_of"].values()))
    ['', 'diver', 'scout', 'sharer', 'snacker']
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    start = clock.parse_date(started_on)
    ids = np.array([f"p{i:05d}" for i in range(n_persons)], dtype=object)
    is_idle = np.arange(n_persons) < round(idle * n_persons)
    names = list(WAYS)[:ways]
    way = np.arange(n_persons) % max(ways, 1)
    rows = [
        _events(rng, str(ids[i]), _person(rng, names[way[i]] if ways else ""), n_weeks)
        for i in np.flatnonzero(~is_idle)
    ]
    day0 = np.datetime64(start, "us")
    event = pd.concat(rows, ignore_index=True) if rows else _nothing()
    event["occurred_at"] = day0 + event.pop("minute").to_numpy().astype("timedelta64[m]")
    event["event_id"] = [f"e{i}" for i in range(len(event))]
    person = pd.DataFrame(
        {
            "person_id": ids, "valid_from_on": np.datetime64("2020-01-01"),
            "hired_on": np.datetime64("2020-01-01"),
            "unit_path": [["all", _UNITS[k]] for k in rng.integers(0, len(_UNITS), n_persons)],
        }
    )  # fmt: skip
    truth = {
        "ways": ways,
        "way_of": {
            person_id: "" if idle_one or not ways else names[k]
            for person_id, idle_one, k in zip(ids, is_idle, way, strict=True)
        },
    }
    return World("segmented", "UTC", {"person": person, "event": event}, truth, seed)


def _person(rng: np.random.Generator, name: str) -> Way:
    """Draw one person: close to her way, or anywhere about the middle of them all."""
    if name:
        middle, spread = WAYS[name], 0.12
    else:
        middle, spread = Way(0.25, 5, 25, 0.3, 0.12, 0.2), 0.6
    scale = np.exp(rng.normal(0, spread, 6))
    shares = [
        min(share * s, 0.9)
        for share, s in zip(
            (middle.days, middle.finishing, middle.sharing, middle.searching), scale[:4],
            strict=True,
        )
    ]  # fmt: skip
    return Way(
        shares[0], middle.actions * scale[4], middle.minutes * scale[5], shares[1], shares[2],
        shares[3],
    )  # fmt: skip


def _events(rng: np.random.Generator, person_id: str, own: Way, n_weeks: int) -> pd.DataFrame:
    """Draw the events of one person."""
    import pandas as pd

    days = np.flatnonzero(rng.random(7 * n_weeks) < own.days)
    n = 1 + rng.poisson(max(own.actions - 1, 0.1), len(days))
    day = np.repeat(days, n)
    order = np.arange(len(day)) - np.repeat(np.cumsum(n) - n, n)
    verb: NDArray[np.object_] = rng.choice(
        np.array(["share", "search", "view"], dtype=object), len(day),
        p=_parts(own.sharing, own.searching),
    )  # fmt: skip
    is_done = np.repeat(rng.random(len(days)) < own.finishing, n) & (order == np.repeat(n, n) - 1)
    verb[is_done] = "complete"
    minutes = np.repeat(own.minutes * rng.uniform(0.6, 1.4, len(days)) / n, n)
    return pd.DataFrame(
        {
            "person_id": person_id, "verb": verb, "minute": day * 1440 + 540 + order * 3,
            "duration_s": np.maximum(minutes * 60, 1).astype(int),
        }
    )  # fmt: skip


def _parts(sharing: float, searching: float) -> list[float]:
    total = max(sharing + searching, 1.0)
    first, second = sharing / total, searching / total
    return [first, second, max(1 - first - second, 0.0)]


def _nothing() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {"person_id": pd.Series(dtype=object), "verb": pd.Series(dtype=object),
         "minute": pd.Series(dtype="int64"), "duration_s": pd.Series(dtype="int64")}
    )  # fmt: skip
