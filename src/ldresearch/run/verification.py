"""Doing a published run again: does the same come out?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError, message
from ldresearch.files import sha256
from ldresearch.run import runner
from ldresearch.run.place import Place
from ldresearch.run.template import Template
from ldresearch.study import data_hash


@dataclass(frozen=True, slots=True)
class Verification:
    """What a second run found.

    Attributes
    ----------
    run : str
    is_same : bool
    findings : tuple of str
        A line each.
    """

    run: str
    is_same: bool
    findings: tuple[str, ...]


def verify(run_id: str, runs: Path) -> Verification:
    """Run what a manifest describes once more, elsewhere, and compare.

    Parameters
    ----------
    run_id : str
        Key of a run or its beginning; the identifier a report prints also finds it.
    runs : Path
        The private folder of runs.

    Raises
    ------
    ParameterError
        If no run, or more than one, begins so.
    """
    record = _find(run_id, runs)
    paths = [record["dataset"], *record.get("others", [])]
    datasets = [Dataset.open(Path(path)) for path in paths]
    findings = [
        _compared("data", record["data_hash"] == data_hash(datasets)),
        _compared("code", record["code_hash"] == runner.code_hash()),
    ]
    place = Place(Path(record["reports"]), record["client"], record["as_of"], record["name"])
    hashes = record.get("published", {})
    findings += [
        _compared(f"{path.name} as published", path.is_file() and sha256(path) == hashes[path.name])
        for path in (place.page, place.facts)
    ]
    findings.append(_compared("facts of a second run", _again(record, datasets, place)))
    return Verification(record["key"], all(f.startswith("same") for f in findings), tuple(findings))


def _compared(what: str, is_same: bool) -> str:
    return f"{'same' if is_same else 'DIFFERENT'}: {what}"


def _find(run_id: str, runs: Path) -> dict[str, Any]:
    wanted = run_id.strip()
    found = []
    for folder in sorted(runs.glob("*")) if wanted else []:
        record = runner.read(folder)
        if record and record.get("status") == "published" and (
            folder.name.startswith(wanted) or str(record.get("run_id", "")).startswith(wanted)
        ):  # fmt: skip
            found.append(record)
    if len(found) != 1:
        raise ParameterError(
            message("no such published run" if not found else "more than one run begins so",
                    where="RUN", got=run_id[:40], do="copy the run from the foot of a report")
        )  # fmt: skip
    return found[0]


def _again(record: dict[str, Any], datasets: Sequence[Dataset], place: Place) -> bool:
    with tempfile.TemporaryDirectory(prefix="ldr-verify-") as folder:
        options = runner.Options(Path(folder) / "reports", Path(folder) / "runs", n_parallel=1)
        template = Template.find(record["notebook"])
        home = {"reports": record["reports"]} if template.reads_reports else {}
        given = {**record["parameters"], **home}
        job = runner.plan(template, datasets[0], given, options, datasets[1:])
        [done] = runner.run([job], options)
        if done.status != "published" or not place.facts.is_file():
            return False
        fresh = json.loads(Path(done.facts).read_text(encoding="utf-8"))
        kept = json.loads(place.facts.read_text(encoding="utf-8"))
        return all(fresh[part] == kept[part] for part in ("facts", "checks", "headline", "missing"))
