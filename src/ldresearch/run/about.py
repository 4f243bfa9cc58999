"""Filling the papers about all reports of a client from its datasets and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ldresearch import schema
from ldresearch.dataset import Dataset
from ldresearch.errors import ParameterError, from_toml, message
from ldresearch.files import LOCK, atomic_write, locked
from ldresearch.report import about
from ldresearch.result import Rules
from ldresearch.shelf import slug
from ldresearch.study import clients

SETTINGS = "about.toml"
"""File of settings beside a dataset's manifest."""

PAGE = "about.html"

_LARGEST = 100_000


def subject(datasets: Sequence[Dataset], settings: Path | None = None) -> about.Subject:
    """Gather what is known.

    Parameters
    ----------
    datasets : sequence of Dataset
        Of one report: usually one.
    settings : Path, optional
        A TOML file; by default ``about.toml`` beside the manifest of the first dataset.

    Raises
    ------
    ParameterError
        If the settings cannot be read.
    """
    file = settings or datasets[0].path / SETTINGS
    given = _read(file) if settings or file.is_file() else {}
    manifests = [dataset.manifest for dataset in datasets]
    kinds = {str(s.get("kind", "")) for m in manifests for s in m.sources}
    held = {n for m in manifests for n, entry in m.tables.items() if entry.rows}
    return about.Subject(
        client=clients(datasets),
        public=all(m.public for m in manifests),
        time_zone=", ".join(dict.fromkeys(m.time_zone for m in manifests)),
        n_persons=sum(m.n_persons for m in manifests),
        tables=tuple((n, t.doc) for n, t in schema.TABLES.items() if n in held),
        sources=tuple(sorted(kinds - {""})),
        settings=given,
    )  # fmt: skip


def _read(file: Path) -> dict[str, str]:
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError("too large")
        return about.checked(from_toml(file.read_text(encoding="utf-8")))
    except ParameterError:
        raise
    except (OSError, ValueError) as error:
        raise ParameterError(
            message("the settings cannot be read", where=file.name, got=type(error).__name__,
                    do="write one with: ldresearch about --template")
        ) from None  # fmt: skip


def write(datasets: Sequence[Dataset], reports: Path, settings: Path | None = None) -> Path:
    """Write the page "about these reports" where the client's reports lie.

    Returns
    -------
    Path
        Unchanged where it says the same already.
    """
    found = subject(datasets, settings)
    text = about.page(found, Rules(public=found.public))
    target = reports / slug(found.client) / PAGE
    with locked(reports / LOCK):
        if not target.is_file() or target.read_bytes() != text.encode("utf-8"):
            atomic_write(target, text, mode=0o644)
    return target
