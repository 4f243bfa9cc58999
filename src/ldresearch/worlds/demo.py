"""Four clients that make the demo: different sizes, strategies and truths."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.dataset import MANIFEST, Dataset
from ldresearch.files import atomic_write, locked
from ldresearch.worlds import journeys, mobility, planned, recommended, surveyed
from ldresearch.worlds.campaigns import Campaign, launched
from ldresearch.worlds.organisation import organisation

if TYPE_CHECKING:
    from ldresearch.worlds.organisation import World

RECIPE = 3
"""Raised when the worlds change, so that an old demo is built anew."""

CLIENTS: dict[str, dict[str, Any]] = {
    "harbour": {
        "seed": 11, "n_persons": 2600, "time_zone": "Europe/Berlin", "p": 0.012, "q": 0.06,
        "lift": 1.0, "lagging": 0.45, "unit_scale": {"Sales": 1.5, "Operations": 0.75},
    },
    "meadow": {
        "seed": 12, "n_persons": 2200, "time_zone": "Europe/London", "p": 0.010, "q": 0.07,
        "lift": 1.0, "scale": 60.0, "n_gap_clusters": 3,
    },
    "orchard": {
        "seed": 13, "n_persons": 1700, "time_zone": "UTC", "p": 0.008, "q": 0.03,
        "lift": 1.0, "scale": 45.0, "n_gap_clusters": 5,
    },
    "quarry": {
        "seed": 14, "n_persons": 1500, "time_zone": "America/New_York", "p": 0.006, "q": 0.02,
        "lift": 1.0, "scale": 50.0, "n_gap_clusters": 0,
    },
}  # fmt: skip
"""Every client's parameters; what is not named is the default of :func:`organisation`."""

CAMPAIGNS: dict[str, Campaign] = {
    "harbour": Campaign(
        "Everyone learns for the goal", "2024-05-13", goal="new strategy", effect=0.16, waves=3,
        gap_days=60, held_out=0.25, budget=60_000,
    ),
    "meadow": Campaign(
        "One goal, one month", "2024-06-03", goal="safe operations", effect=0.18, held_out=0.5,
        is_randomised=True, budget=40_000,
    ),
    "orchard": Campaign(
        "A tip a fortnight", "2024-05-27", strategy="drip", effect=0.03, waves=2, gap_days=60,
        held_out=0.3, breadth=0.3, budget=12_000,
    ),
    "quarry": Campaign(
        "Small steps", "2024-06-10", strategy="drip", effect=0.03, breadth=0.3, budget=9_000,
    ),
}  # fmt: skip
"""The one launch of each client. Broad and tied to a goal brings 17 of 100 more to first value,
drip 3: a difference of 14. Harbour and orchard are staggered with teams held out, meadow is
randomised, quarry launched everyone on one day."""

TELLING: dict[str, float] = {"harbour": 0.03, "meadow": 0.015, "orchard": 0.01}
"""Chance that a self-started completion is passed on; the system of quarry does not record it."""


def client(name: str) -> World:
    """Make one client of the demo.

    Parameters
    ----------
    name : str
        A name in ``CLIENTS``.

    Returns
    -------
    World
        In memory, nothing is written; the same at every call.

    Raises
    ------
    KeyError
        If there is no such client.

    Examples
    --------
    >>> world = client("quarry")
    >>> world.name, world.time_zone
    ('quarry', 'America/New_York')
    """
    world = organisation(name=name, **CLIENTS[name])
    world = launched(world, [CAMPAIGNS[name]], seed=CLIENTS[name]["seed"])
    world = mobility.laid(recommended.laid(surveyed.asked(planned.laid(world))))
    if name not in TELLING:
        return world
    return journeys.passed_on(world, seed=CLIENTS[name]["seed"], telling=TELLING[name])


def demo(folder: Path) -> list[Dataset]:
    """Write the four clients, or leave them where they are already written.

    Parameters
    ----------
    folder : Path
        One dataset a client is written below it.

    Returns
    -------
    list of Dataset
        In the order of ``CLIENTS``.

    Examples
    --------
    >>> list(CLIENTS)
    ['harbour', 'meadow', 'orchard', 'quarry']
    """
    with locked(folder / ".lock"):  # two processes may want it at once, and one is to build it
        datasets = [_one(name, folder / name) for name in CLIENTS]
        for dataset in datasets:
            planned.prepare(folder, dataset)
    return datasets


def _one(name: str, folder: Path) -> Dataset:
    stamp = folder / ".recipe"
    made_of = [RECIPE, CLIENTS[name], asdict(CAMPAIGNS[name]), TELLING.get(name)]
    made_of += planned.recipe(name)
    made_of += [*surveyed.recipe(name), *mobility.recipe(name), *recommended.recipe(name)]
    recipe = json.dumps(made_of, sort_keys=True)
    built = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if (folder / MANIFEST).is_file():
        if built == recipe:
            return Dataset.open(folder)
        (folder / MANIFEST).unlink()
        planned.forget(folder)
    dataset = client(name).write(folder)
    atomic_write(stamp, recipe)
    return dataset
