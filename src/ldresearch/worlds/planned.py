"""The demo's planned initiative: its plan file, frozen before the launch, and when it is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldresearch import look_ledger, plan_ledger
from ldresearch.files import atomic_write
from ldresearch.plan import parse
from ldresearch.worlds.trial import trial

if TYPE_CHECKING:
    from ldresearch.dataset import Dataset
    from ldresearch.worlds.organisation import World

CLIENT: Final = "meadow"
"""Client of the demo that plans before it launches."""
TRIAL: Final[dict[str, Any]] = {"seed": 5, "started_on": "2024-10-07", "effect": 0.08}
"""What is true of it; what is not named is the default of :func:`trial`."""
FROZEN_ON: Final = date(2024, 9, 23)
FILE: Final = "sprint.toml"

PLAN: Final = """\
# The demo's measurement plan. Frozen on 23 September 2024, two weeks before the launch: change a
# value, and `ldresearch monitor` refuses it and says which.
name = "sprint"
objective = "More people find something of use within four weeks of being invited, unasked."
owner = "Head of learning"
initiative = "sprint"
launch_on = 2024-10-07
end_on = 2025-03-03
looks_on = [2024-11-18, 2024-12-09, 2025-01-06, 2025-01-27, 2025-02-17, 2025-03-03]
reviews_on = [2024-11-21, 2024-12-12, 2025-01-09, 2025-01-30, 2025-02-20, 2025-03-06]

[roll_out]
unit = "person"
design = "parallel"
share = 0.5

[value_event]
verbs = ["complete", "pass"]
assigned = "self_started"
window_days = 28

[primary]
metric = "value_reach"
minimum_effect = 0.075

[[guardrail]]
metric = "gave_up_share"
margin = 0.04

[[guardrail]]
metric = "learning_minutes"
margin = 30

[statistics]
alpha = 0.05
power = 0.8

[decision]
method = "confidence_sequence"

[cost]
amount = 24000
low = 20000
high = 32000
currency = "EUR"

[impact]
outcome = "cases_closed"
worth = 12
worth_low = 6
worth_high = 18
isolation_low = 0.7
isolation_high = 1.0
"""

_LOOKS: Final = tuple(day.isoformat() for day in parse(PLAN).looks_on)
OCCASIONS: Final[dict[str, tuple[str, ...]]] = {
    "10_measurement_plan": ("2024-10-01",),
    "70_monitor": _LOOKS,
    "80_impact": ("2025-07-01",),
}
"""Notebooks that read a plan, and as of when: before the launch, at each look, after the end."""


def laid(world: World) -> World:
    """Lay the initiative over the client that has it; other worlds stay as they are.

    Parameters
    ----------
    world : World
        A client of the demo.

    Returns
    -------
    World
        With the tables of the initiative, or the same.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = organisation(1, n_persons=20, name="meadow")
    >>> "trial" in world.truth, "trial" in laid(world).truth
    (False, True)
    """
    return trial(world, **TRIAL) if world.name == CLIENT else world


def recipe(client: str) -> list[Any]:
    """Return what a client's data rest on beyond its organisation.

    Parameters
    ----------
    client : str
        Its name.

    Returns
    -------
    list
        What is compared to tell whether the data are to be built anew; JSON can hold it.

    Examples
    --------
    >>> recipe("harbour"), recipe("meadow")[0]["started_on"]
    ([], '2024-10-07')
    """
    return [TRIAL, PLAN] if client == CLIENT else []


def prepare(folder: Path, dataset: Dataset) -> None:
    """Write the plan below the demo's folder, freeze it, and put its looks on record.

    Parameters
    ----------
    folder : Path
        The demo's folder; the plan goes to ``plans`` in it.
    dataset : Dataset
        Any client of the demo; only the one with a plan is touched.

    Examples
    --------
    >>> import tempfile
    >>> from ldresearch.worlds.organisation import organisation
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = Path(place)
    ...     dataset = laid(organisation(1, n_persons=20, name="meadow")).write(folder / "meadow")
    ...     prepare(folder, dataset)
    ...     frozen = plan_ledger.frozen(dataset)
    ...     (folder / "plans" / FILE).read_text() == PLAN, str(frozen.frozen_on)
    (True, '2024-09-23')
    """
    if dataset.manifest.client != CLIENT:
        return
    file = folder / "plans" / FILE
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, PLAN)
    plan = parse(PLAN, FILE)
    plan_ledger.freeze(plan, dataset, on=FROZEN_ON)
    for day in plan.looks_on:
        look_ledger.record(dataset, plan.name, day)


def forget(folder: Path) -> None:
    """Remove the plan and the ledgers of a client that is built anew.

    Parameters
    ----------
    folder : Path
        The client's folder, one below the demo's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     file = Path(place) / "plans" / FILE
    ...     file.parent.mkdir()
    ...     _ = file.write_text(PLAN)
    ...     forget(Path(place) / "meadow")
    ...     file.is_file()
    False
    """
    for ledger in (plan_ledger.LEDGER, look_ledger.LEDGER):
        (folder / ledger).unlink(missing_ok=True)
    (folder.parent / "plans" / FILE).unlink(missing_ok=True)


def occasions(client: str, notebook: str) -> list[dict[str, str]]:
    """Return the parameters with which the demo runs a notebook on a client, once for each.

    Parameters
    ----------
    client, notebook : str
        Their names.

    Returns
    -------
    list of dict of str to str
        ``as_of``, and ``plan`` where the notebook takes one; one empty for a notebook that reads no
        plan, nothing where there is no plan to read.

    Examples
    --------
    >>> occasions("meadow", "70_monitor")[0], occasions("harbour", "70_monitor")
    ({'as_of': '2024-11-18', 'plan': 'sprint'}, [])
    >>> occasions("harbour", "20_adoption")
    [{}]
    """
    if notebook not in OCCASIONS:
        return [{}]
    if client != CLIENT:
        return []
    named = {"plan": "sprint"} if notebook == "70_monitor" else {}
    return [{"as_of": day, **named} for day in OCCASIONS[notebook]]
