"""A notebook before it runs: found by name, its parameters checked, its shape looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ldresearch import parameters, places
from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.result import Scalar


@dataclass(frozen=True)
class Template:
    """A notebook to be run with parameters.

    Attributes
    ----------
    name : str
        File name without its ending, ``20_adoption``: the report's name and address.
    path : Path
    """

    name: str
    path: Path

    @classmethod
    def find(cls, name: str) -> Template:
        """Find a notebook by its name or path.

        Parameters
        ----------
        name : str
            ``20_adoption``, ``adoption``, or the path of a notebook.

        Raises
        ------
        ParameterError
            If there is none, with the nearest name there is.
        """
        given = Path(name)
        if given.suffix == ".ipynb":
            if given.is_file():
                return cls(given.stem, given.resolve())
            raise ParameterError(message("no such notebook", where=name, do="check the path"))
        known = {path.stem: path for path in sorted(places.notebooks_home().glob("[0-9]*.ipynb"))}
        by_stem = {stem.split("_", 1)[-1]: path for stem, path in known.items()}
        path = known.get(name) or by_stem.get(name)
        if path is None:
            raise ParameterError(
                message("no such notebook", where="run", got=name[:60],
                        do=did_you_mean(name[:60], known))
            )  # fmt: skip
        return cls(path.stem, path)

    @classmethod
    def every(cls) -> list[Template]:
        """Return every notebook of the project, in the order of a study."""
        return [cls(p.stem, p) for p in sorted(places.notebooks_home().glob("[0-9]*.ipynb"))]

    @cached_property
    def content(self) -> dict[str, Any]:
        """The notebook as JSON data."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise ParameterError(
                message("the notebook cannot be read", where=self.name, got=type(error).__name__,
                        do="open it in JupyterLab and save it again")
            ) from None  # fmt: skip
        return found

    @cached_property
    def declared(self) -> dict[str, parameters.Parameter]:
        """The parameters, from the one cell tagged so.

        Raises
        ------
        ParameterError
            Unless there is exactly one such cell and nothing but the import stands before it.
        """
        cells = [c for c in self.content.get("cells", []) if c.get("cell_type") == "code"]
        tagged = [
            (i, _source(c))
            for i, c in enumerate(cells)
            if "parameters" in c.get("metadata", {}).get("tags", [])
        ]
        if len(tagged) != 1:
            raise ParameterError(
                message("a notebook needs exactly one cell tagged parameters", where=self.name,
                        got=len(tagged))
            )  # fmt: skip
        position, source = tagged[0]
        early = [_source(c) for c in cells[:position]]
        if any(line.strip() and not line.startswith(("import ", "from ", "#", "%"))
               for cell in early for line in cell.splitlines()):  # fmt: skip
            raise ParameterError(
                message("a parameter would be used before it is declared", where=self.name,
                        do="put the cell tagged parameters right behind the import")
            )  # fmt: skip
        return parameters.declared(source)

    @property
    def reads_several(self) -> bool:
        """Whether one run can read several datasets."""
        return "others" in self.declared

    @property
    def reads_reports(self) -> bool:
        """Whether a run reads what other reports said, so that it is run when they are done."""
        return "reports" in self.declared

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Scalar]:
        """Check given parameters by name, type and range, and fill in the defaults."""
        return parameters.resolve(self.declared, given)

    @cached_property
    def code_hash(self) -> str:
        """Hash of the notebook's cells."""
        cells = [(c.get("cell_type"), _source(c)) for c in self.content.get("cells", [])]
        return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
