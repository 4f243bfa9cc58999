"""A look at an initiative by its frozen plan, for whoever acts on exit codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ldresearch import clock, look_ledger, places, plan_ledger
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError, message
from ldresearch.plan import Plan
from ldresearch.run import runner
from ldresearch.run.runner import Done, Options
from ldresearch.run.template import Template
from ldresearch.vocabulary import Verdict

NOTEBOOK: Final = "70_monitor"
REFUSED: Final = "refused"
CODES: Final[Mapping[str, int]] = {
    Verdict.CONTINUE.value: 0,
    Verdict.ITERATE.value: 10,
    Verdict.PIVOT.value: 11,
    Verdict.STOP.value: 12,
    REFUSED: 13,
}
"""Exit code of each verdict; codes below 10 are those of every command."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a look came to.

    Attributes
    ----------
    verdict : str
        ``continue, iterate, pivot, stop, refused``; empty where the run failed.
    reason : str
        The rule that decided, a ``Reason``; why, where it was refused or failed.
    said : str
        One sentence for a log.
    done : Done
        What came of the run.
    exit_code : int
    """

    verdict: str
    reason: str
    said: str
    done: Done
    exit_code: int


def monitor(name: str, dataset: Dataset, as_of: str, options: Options) -> Judged:
    """Run the notebook for a plan as of a date, and read its verdict.

    A plan that was edited, or that no ledger knows, is refused before anything is run: the page
    before it stays, and the index says that the look was refused.

    Parameters
    ----------
    name : str
        A plan file, or the name of a plan in the ledger.
    dataset : Dataset
    as_of : str
    options : Options

    Raises
    ------
    PlanError
        If the file is no plan.
    ParameterError
        For a date that is none.
    """
    day = clock.parse_date(as_of, name="as_of")
    plan = Plan.load(_file(name)) if plan_ledger.is_file(name) else None
    known = plan.name if plan else name.strip()
    if not known:
        raise ParameterError(
            message("no plan named", where="PLAN", do="give its file, or its name in the ledger")
        )
    job = runner.plan(Template.find(NOTEBOOK), dataset, {"plan": known, "as_of": as_of}, options)
    nothing = Done(job.place.name, dataset.manifest.client, job.place.as_of, "refused")
    try:
        if plan is not None:
            plan_ledger.check(plan, dataset)
        if plan_ledger.frozen(dataset, known, as_of=day) is None:
            raise ParameterError(
                message(f"not frozen before {day}", where=f"plan {known}",
                        do="freeze it with `ldresearch plan freeze` before its launch")
            )  # fmt: skip
    except ParameterError as refusal:
        job.place.mark_failed(str(refusal))
        return Judged(REFUSED, str(refusal), f"refused: {refusal}", nothing, CODES[REFUSED])
    [done] = runner.run([job], options)
    if not done.facts:
        return Judged("", done.reason, done.reason, done, done.exit_code)
    return _read(done, dataset, known)


def _file(name: str) -> Path:
    """Return a plan file as a shell names it, or else below the data folder."""
    path = Path(name.strip())
    return path if path.is_file() else places.plan_file(name.strip())


def _read(done: Done, dataset: Dataset, plan: str) -> Judged:
    facts = json.loads(Path(done.facts).read_text(encoding="utf-8"))
    verdict, reason = str(facts["verdict"]["verdict"]), str(facts["verdict"]["reason"])
    if verdict != REFUSED:
        look_ledger.record(dataset, plan, clock.parse_date(done.as_of))
    return Judged(verdict, reason, str(facts["headline"]["title"]), done, CODES[verdict])


def summary(found: Judged) -> dict[str, Any]:
    """Say what a look came to, as data."""
    return {"verdict": found.verdict, "reason": found.reason, "said": found.said,
            "exit_code": found.exit_code, "run": asdict(found.done)}  # fmt: skip
