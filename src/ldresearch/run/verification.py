"""Doing a published run again: does the same come out?"""

from __future__ import annotations

import json
import shutil
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

_DIFFERENT = "DIFFERENT"


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
    findings += _again(record, datasets, place)
    if record.get("emptied"):
        findings.append(f"note: {record['emptied']}")
    is_same = not any(f.startswith(_DIFFERENT) for f in findings)
    return Verification(record["key"], is_same, tuple(findings))


def _compared(what: str, is_same: bool) -> str:
    return f"{'same' if is_same else _DIFFERENT}: {what}"


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


def _again(record: dict[str, Any], datasets: Sequence[Dataset], place: Place) -> list[str]:
    """Run it once more, elsewhere, beside the report it was compared with then."""
    what = "facts of a second run", "page of a second run"
    with tempfile.TemporaryDirectory(prefix="ldr-verify-") as folder:
        options = runner.Options(
            Path(folder) / "reports", Path(folder) / "runs", n_parallel=1,
            locale=str(record.get("locale", "")),
        )  # fmt: skip
        template = Template.find(record["notebook"])
        home = {"reports": record["reports"]} if template.reads_reports else {}
        given = {**record["parameters"], **home}
        job = runner.plan(template, datasets[0], given, options, datasets[1:])
        job = job.counting(str(record.get("people_as_of", "")))
        _lay_previous(record, place, job.place)
        [done] = runner.run([job], options)
        if done.status != "published" or not place.facts.is_file():
            return [_compared(what[0], False)]
        try:
            kept = json.loads(place.facts.read_text(encoding="utf-8"))
        except ValueError:
            return [_compared(what[0], False)]
        fresh = json.loads(Path(done.facts).read_text(encoding="utf-8"))
        found = [_compared(what[0], all(fresh[part] == kept.get(part) for part in _PARTS))]
        if "previous" not in record or fresh["provenance"] != kept.get("provenance"):
            # A page tells the revision of the checkout it was made from.
            return [*found, f"not compared: {what[1]}; it was made elsewhere or before"]
        is_same = place.page.is_file() and place.page.read_bytes() == Path(done.page).read_bytes()
        return [*found, _compared(what[1], is_same)]


_PARTS = ("facts", "checks", "headline", "missing")


def _lay_previous(record: dict[str, Any], place: Place, again: Place) -> None:
    """Put the facts of the report before where the second run looks for them."""
    if record.get("previous"):
        there = Place(place.reports, place.client, record["previous"], place.name).facts
        if there.is_file():
            target = Place(again.reports, again.client, record["previous"], again.name).facts
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there, target)
