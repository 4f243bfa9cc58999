"""Everything that is measured, by one command: ``make bench``.

    python benchmarks/bench.py [--events 1e6 1e7] [--only events.sessions survival] [--turns 3]
                               [--folder DIR] [--all]

Writes ``results.json`` and, from it, ``RESULTS.md`` beside this file. A run with ``--only``
replaces the figures of what it ran and leaves the others, each with the day of its own run.

A module of this folder takes part by naming these; it is found by its ``WORKS``:

``WORKS : Mapping[str, Work]``
    Pieces of work and who does them (``side_by_side.Work``). A contender is a function of the
    folder with the data. Two names have a meaning: ``ldresearch`` is this package, and ``limit``
    is what no one can be faster than (a scan of the columns, an import), which is no peer.
``prepare(folder: Path, size: int) -> None``
    Write the data of that size into the folder, which exists and is empty. Called once for each
    size: what is in a folder that was finished is used again. Seeded; nothing is downloaded.

and, where they want to:

``SIZES : tuple[int, ...]``
    Sizes measured by default, in place of those of ``--events``.
``UNIT : str``
    What a size counts (``events`` by default): ``statements``, ``spells``.
``MOST : Mapping[tuple[str, str], int]``
    By work and contender, the largest size it is run at: beyond it, it is left out unless
    ``--all`` is given. For peers that take minutes.
``TITLE : str``
    Heading of the module in the results.
``about(figures) -> str``
    Markdown below its tables, from ``figures[size][work][contender]``, each a
    ``side_by_side.Figure`` or the reason why there is none.
"""

from __future__ import annotations
