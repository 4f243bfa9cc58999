"""The folder of Parquet with its manifest.

Layout of a dataset::

    <dataset>/manifest.json            what is here; replaced atomically, last
    <dataset>/v-<12 hex>/<table>.parquet   one folder a version, never changed once named
    <dataset>/v-<12 hex>/_rejected.parquet  rejected rows: line numbers and reasons, no ids

An interrupted ingest leaves the old manifest and the old folder whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ldresearch import reprs, schema
from ldresearch.errors import DataError, message

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table of a manifest."""

    rows: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dataset holds and where it came from.

    Attributes
    ----------
    client : str
        Name of the organisation; the pseudonym key belongs to it.
    public : bool
        Marked public or synthetic: may be published with ``k = 1`` and no rounding.
    time_zone : str
        In which ``activity_day`` was built.
    version : str
        Folder of the tables.
    tables : mapping of str to TableEntry
    n_persons : int
    rows_in, rows_out : mapping of str to int
        Rows read and kept, by table.
    rejected : mapping of str to mapping of str to int
        Rejected rows by table and reason.
    sources : tuple of mapping
        ``kind``, ``name`` (no folder), ``sha256`` and ``bytes`` of each source file.
    key_id : str
        Which key the pseudonyms were made with, without saying anything about it; empty in
        datasets written before this was kept.
    """

    client: str
    public: bool
    time_zone: str
    version: str
    tables: Mapping[str, TableEntry]
    n_persons: int = 0
    rows_in: Mapping[str, int] = field(default_factory=dict)
    rows_out: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sources: tuple[Mapping[str, Any], ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    key_id: str = ""
    schema_version: int = schema.SCHEMA_VERSION

    def rows(self, table: str) -> int:
        """Rows of a table; 0 where the dataset lacks it."""
        entry = self.tables.get(table)
        return entry.rows if entry else 0

    @property
    def data_hash(self) -> str:
        """One hash over the contents of all tables."""
        import hashlib

        text = json.dumps({n: t.content_hash for n, t in sorted(self.tables.items())})
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset on disk."""

    path: Path
    manifest: Manifest

    def __repr__(self) -> str:
        return f"Dataset({self.manifest.client}, {self.manifest.n_persons:,} persons)"

    def _repr_html_(self) -> str:
        """Show in JupyterLab what the dataset holds and what was rejected on the way in."""
        manifest = self.manifest
        rejected = {n: sum(why.values()) for n, why in manifest.rejected.items()}
        rows = [
            (n, f"{entry.rows:,}", f"{rejected.get(n, 0):,}")
            for n, entry in sorted(manifest.tables.items())
        ]
        about = [
            ("client", manifest.client), ("persons", f"{manifest.n_persons:,}"),
            ("time zone", manifest.time_zone), ("public", "yes" if manifest.public else "no"),
        ]  # fmt: skip
        return reprs.page(
            "Dataset", reprs.pairs(about), reprs.table(["table", "rows", "rejected"], rows),
            note="Private: not for distribution.",
        )  # fmt: skip

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a dataset folder.

        Raises
        ------
        DataError
            If it is no dataset, or of another schema version.
        """
        file = path / MANIFEST
        if not file.is_file():
            raise DataError(
                message("no dataset here", where=str(path),
                        do="build one with `ldresearch ingest` or `ldresearch demo`")
            )  # fmt: skip
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            tables = {n: TableEntry(**t) for n, t in raw.pop("tables").items()}
            raw["sources"] = tuple(raw.get("sources", ()))
            manifest = Manifest(tables=tables, **raw)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                message("the manifest cannot be read", where=str(file), got=type(error).__name__,
                        do="ingest again; the sources are untouched")
            ) from None  # fmt: skip
        if manifest.schema_version != schema.SCHEMA_VERSION:
            raise DataError(
                message("written for another schema version", where=str(file),
                        got=manifest.schema_version, allowed=str(schema.SCHEMA_VERSION),
                        do="ingest the sources again")
            )  # fmt: skip
        return cls(path=path, manifest=manifest)

    def file(self, table: str) -> Path:
        """Parquet file of a table."""
        return self.path / self.manifest.version / f"{table}.parquet"
