"""What becomes of persons and of private runs: forgetting, and not keeping for too long."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldresearch import ingest, places
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError, message
from ldresearch.files import atomic_write, locked, remove_tree
from ldresearch.privacy import keys
from ldresearch.privacy.pseudonym import key_file as stored_key_file
from ldresearch.run import runner
from ldresearch.run.place import dumped
from ldresearch.sources import key_store

EMPTIED = (
    "The executed notebook was removed because a person was forgotten. The published page keeps "
    "its aggregates."
)
"""What the record of a run says once its private part is gone."""

_RUN = re.compile(r"[0-9a-f]{20}")
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What came of forgetting someone in one dataset.

    Attributes
    ----------
    dataset : str
        Folder of the dataset.
    client : str
    was_there : bool
        Whether the dataset held the person; if not, rows to come are refused all the same.
    n_runs : int
        Private runs whose executed notebooks were removed.
    """

    dataset: str
    client: str
    was_there: bool
    n_runs: int


def forget(
    person: str, datasets: Sequence[Dataset], runs: Path, *, key_file: Path | None = None
) -> list[Forgotten]:
    """Forget a person in datasets, and in the private runs that were made of them.

    A run cannot tell whom its notebook shows, so every run of such a dataset is emptied. Pages
    stay: they hold aggregates.

    Parameters
    ----------
    person : str
        The raw id, as the sources give it. It is neither printed nor written anywhere.
    datasets : sequence of Dataset
    runs : Path
        The private folder of runs.
    key_file : Path, optional
        Where the key was not taken from the key store.

    Raises
    ------
    ParameterError
        If a client has no key. Nothing is changed then.
    DataError
        If a dataset was made with another key.
    """
    # Every key is looked for before anything is changed.
    found = [_key(dataset, key_file) for dataset in datasets]
    for dataset, (key, _) in zip(datasets, found, strict=True):
        ingest.check_key(dataset, key)
    done = []
    for dataset, (key, file) in zip(datasets, found, strict=True):
        was_there = ingest.forget(dataset.path, person, key=key)
        # Beside the key as well, so that a dataset made anew elsewhere refuses the person too.
        keys.remember(keys.beside(file), keys.forgotten(dataset.path / keys.FORGOTTEN))
        n_runs = _empty_runs(dataset, runs)
        done.append(Forgotten(str(dataset.path), dataset.manifest.client, was_there, n_runs))
    return done


def _key(dataset: Dataset, given: Path | None) -> tuple[bytes, Path]:
    root = places.checkout()
    outside = [dataset.path, *([root] if root else [])]
    if given is not None:
        return keys.read_key(given, outside=outside), given.expanduser().resolve()
    file = stored_key_file(dataset.manifest.client, key_store())
    if not file.is_file():
        raise ParameterError(
            message("this client has no key in the key store", where="forget",
                    got=dataset.manifest.client, do="name the key with --key-file")
        )  # fmt: skip
    return keys.read_key(file, outside=outside), file


def _empty_runs(dataset: Dataset, runs: Path) -> int:
    here = dataset.path.resolve()
    emptied = 0
    for folder, record in records(runs):
        used = {Path(p) for p in (record.get("dataset", ""), *record.get("others", []))}
        # By name as well: the dataset may have been moved since.
        if here not in used and record.get("client", "") not in ("", dataset.manifest.client):
            continue
        # Waits for a run that is under way.
        with locked(runs / f".{folder.name}.lock"):
            record = runner.read(folder) or record
            for path in folder.iterdir():
                if path.name != "manifest.json":
                    _remove(path)
                    emptied += path.name == runner.EXECUTED
            if record.get("emptied") != EMPTIED:
                atomic_write(
                    folder / "manifest.json", dumped(record | {"emptied": EMPTIED}), mode=0o600
                )
    for file in runs.glob("*.ipynb"):
        if _dataset_of(file) in (here, None):
            file.unlink()
            emptied += 1
    return emptied


def _dataset_of(file: Path) -> Path | None:
    """Which dataset papermill itself ran a notebook on, if that can be told."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        given = content["metadata"]["papermill"]["parameters"]["dataset"]
        return places.dataset_folder(given).resolve()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def records(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Walk the runs that are kept, with what each wrote about itself."""
    for folder in sorted(runs.iterdir()) if runs.is_dir() else ():
        if folder.is_dir() and _RUN.fullmatch(folder.name):
            yield folder, runner.read(folder) or {}


def prune(runs: Path, older_than_days: float, *, now: float, dry_run: bool = False) -> list[Path]:
    """Remove private runs nobody wrote to for a while.

    Parameters
    ----------
    runs : Path
        The private folder of runs. Only what a run or papermill left is removed.
    older_than_days : float
    now : float
        Seconds since 1970.
    dry_run : bool
        Only say which.

    Returns
    -------
    list of Path
        Run folders and notebooks that were removed, or would be.
    """
    limit = now - older_than_days * _DAY_S
    found = [folder for folder, _ in records(runs) if _last_written(folder) < limit]
    found += [file for file in sorted(runs.glob("*.ipynb")) if _last_written(file) < limit]
    for path in () if dry_run else found:
        if path.is_dir():
            with locked(runs / f".{path.name}.lock"):
                # Someone may have run it again while we waited.
                if _last_written(path) < limit:
                    remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    return found


def _last_written(path: Path) -> float:
    inside = path.iterdir() if path.is_dir() else ()
    return max(float(p.stat().st_mtime) for p in (path, *inside))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
