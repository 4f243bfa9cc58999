"""Where a report lies, and how it gets there: in one move, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldresearch.files import LOCK, atomic_write, locked, remove_drafts
from ldresearch.result import Scalar
from ldresearch.shelf import FACTS, FAILED, part, slug


@dataclass(frozen=True, slots=True)
class Place:
    """Address of a report: ``<reports>/<client>/<as_of>/<stem>.html``.

    Attributes
    ----------
    reports : Path
    client : str
        As in the manifest; its folder is the slug of it.
    as_of : str
    name : str
        ``20_adoption``, and ``20_adoption--sales`` for a part of the organisation.
    """

    reports: Path
    client: str
    as_of: str
    name: str

    @classmethod
    def of(cls, reports: Path, client: str, name: str, values: Mapping[str, Scalar]) -> Place:
        """Work out the address from what is run."""
        return cls(reports, client, str(values["as_of"]), name + part(values))

    @property
    def folder(self) -> Path:
        return self.reports / slug(self.client)

    @property
    def page(self) -> Path:
        return self.folder / self.as_of / f"{self.name}.html"

    @property
    def facts(self) -> Path:
        return self.folder / self.as_of / f"{self.name}{FACTS}"

    @property
    def failed(self) -> Path:
        return self.folder / f"{self.name}{FAILED}"

    @property
    def lock(self) -> Path:
        return self.reports / LOCK

    def previous(self) -> dict[str, Any] | None:
        """Return the facts of the latest report of this name before this as-of date."""
        earlier = sorted(
            path
            for path in self.folder.glob(f"*/{self.name}{FACTS}")
            if path.parent.name < self.as_of
        )
        for path in reversed(earlier):
            try:
                found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            return found
        return None

    def publish(self, page: str, facts: Mapping[str, Any]) -> None:
        """Move a page and its facts into place; whatever fails leaves the old ones whole."""
        with locked(self.lock):
            for path in (self.page, self.facts, self.failed):
                remove_drafts(path)
            atomic_write(self.page, page, mode=0o644)
            atomic_write(self.facts, dumped(facts), mode=0o644)
            self.failed.unlink(missing_ok=True)

    def mark_failed(self, reason: str) -> None:
        """Say beside the old report that a newer one failed, and why."""
        with locked(self.lock):
            atomic_write(self.failed, dumped({"as_of": self.as_of, "reason": reason}), mode=0o644)


def dumped(data: Mapping[str, Any]) -> str:
    """Write JSON the same way each time."""
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
