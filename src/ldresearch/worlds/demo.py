"""Four clients that make the demo: different sizes, strategies and truths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.dataset import MANIFEST, Dataset
from ldresearch.files import atomic_write
from ldresearch.worlds import planned
from ldresearch.worlds.organisation import organisation

if TYPE_CHECKING:
    from ldresearch.worlds.organisation import World

RECIPE = 2
"""Raised when the worlds change, so that an old demo is built anew."""

CLIENTS: dict[str, dict[str, Any]] = {
    "harbour": {
        "seed": 11, "n_persons": 2600, "time_zone": "Europe/Berlin", "p": 0.012, "q": 0.06,
        "lift": 1.8, "lagging": 0.45, "unit_scale": {"Sales": 1.5, "Operations": 0.75},
    },
    "meadow": {
        "seed": 12, "n_persons": 2200, "time_zone": "Europe/London", "p": 0.010, "q": 0.07,
        "lift": 1.6, "scale": 60.0, "n_gap_clusters": 3,
    },
    "orchard": {
        "seed": 13, "n_persons": 1700, "time_zone": "UTC", "p": 0.008, "q": 0.03,
        "strategy": "drip", "lift": 1.1, "scale": 45.0, "n_gap_clusters": 5,
    },
    "quarry": {
        "seed": 14, "n_persons": 1500, "time_zone": "America/New_York", "p": 0.006, "q": 0.02,
        "strategy": "drip", "lift": 1.1, "scale": 50.0, "n_gap_clusters": 0,
    },
}  # fmt: skip
"""Every client's parameters; what is not named is the default of :func:`organisation`."""


def client(name: str) -> World:
    """Make one client of the demo."""
    return planned.laid(organisation(name=name, **CLIENTS[name]))


def demo(folder: Path) -> list[Dataset]:
    """Write the four clients, or leave them where they are already written.

    Parameters
    ----------
    folder : Path
        One dataset a client is written below it.

    Returns
    -------
    list of Dataset
    """
    datasets = [_one(name, folder / name) for name in CLIENTS]
    for dataset in datasets:
        planned.prepare(folder, dataset)
    return datasets


def _one(name: str, folder: Path) -> Dataset:
    stamp = folder / ".recipe"
    recipe = json.dumps([RECIPE, CLIENTS[name], *planned.recipe(name)], sort_keys=True)
    built = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if (folder / MANIFEST).is_file():
        if built == recipe:
            return Dataset.open(folder)
        (folder / MANIFEST).unlink()
        planned.forget(folder)
    dataset = client(name).write(folder)
    atomic_write(stamp, recipe)
    return dataset
