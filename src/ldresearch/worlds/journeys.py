"""What people pass on, and beginnings that go with staying, each with known truth.

A layer adds events of its own and changes none. The demo is not laid with it: every event counts
in what a report says of its log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd

SHARE_OF_RECOMMENDATIONS: Final = 0.3
"""Of what is passed on, how much is recommended to someone and not shared with all."""


def passed_on(world: World, *, seed: int, telling: float = 0.08) -> World:
    """Let people pass on what they have just completed.

    Parameters
    ----------
    world : World
        It is left as it is; events are added on days on which the same person was active.
    seed : int
    telling : float
        Chance that a self-started completion is passed on.

    Returns
    -------
    World
        With events of the verbs ``share`` and ``recommend``, a minute after the completion, and
        ``truth["telling"]``.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = organisation(1, n_persons=100, n_months=6)
    >>> told = passed_on(world, seed=1).tables["event"]
    >>> sorted(set(told["verb"]) - set(world.tables["event"]["verb"]))
    ['recommend', 'share']
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 32])
    event = world.tables["event"]
    done = event[(event["verb"] == "complete") & event["assignment_id"].isna()]
    kept = done[rng.random(len(done)) < telling]
    verbs = np.where(rng.random(len(kept)) < SHARE_OF_RECOMMENDATIONS, "recommend", "share")
    minute = pd.Timedelta(minutes=1)
    told = kept.assign(
        verb=verbs, occurred_at=kept["occurred_at"] + minute,
        recorded_at=kept["recorded_at"] + minute, duration_s=0, progress=np.nan,
        is_success=pd.array([None] * len(kept), dtype="boolean"),
        event_id=[f"w{i:08d}" for i in range(len(kept))],
    )  # fmt: skip
    events = pd.concat([event, told], ignore_index=True)
    return replace(world, tables={**world.tables, "event": events},
                   truth=world.truth | {"telling": telling})  # fmt: skip


def beginners(
    seed: int, *, n_persons: int = 600, effect: float = 1.5, began_on: str = "2024-01-01",
    n_days: int = 240,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Make people whose days of value in the first week go with staying, or do not.

    Parameters
    ----------
    seed : int
    n_persons : int
    effect : float
        Rise of the log odds of staying with each further day of value in the first week; 0 is
        noise.
    began_on : str
        First day, ISO.
    n_days : int
        Days over which people begin, evenly.

    Returns
    -------
    dict of str to pandas.DataFrame
        The table ``event``: one to four days of value in the first week, and one day between day
        30 and 80 of whoever stays.

    Examples
    --------
    >>> beginners(1, n_persons=10)["event"]["person_id"].nunique()
    10
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 33])
    begin = np.datetime64(began_on, "D") + np.sort(rng.integers(0, n_days, n_persons))
    rows: list[tuple[str, Any]] = []
    for i, first in enumerate(begin):
        days = int(rng.integers(1, 5))
        more = rng.choice(np.arange(1, 7), days - 1, replace=False)
        later = [int(rng.integers(30, 80))] if rng.random() < _chance(effect, days) else []
        rows += [(f"b{i:05d}", first + np.timedelta64(int(d), "D")) for d in [0, *more, *later]]
    frame = pd.DataFrame(rows, columns=["person_id", "occurred_at"])
    return {"event": frame.assign(occurred_at=pd.to_datetime(frame["occurred_at"]),
                                  verb="complete")}  # fmt: skip


def _chance(effect: float, days: int) -> float:
    """Chance of staying: one half for a person with two and a half days."""
    return float(1 / (1 + np.exp(-effect * (days - 2.5))))
