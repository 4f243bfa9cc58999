"""Laying out the files of a new analysis, beginning from one that works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ldresearch import places
from ldresearch.errors import ParameterError, message
from ldresearch.run.template import Template

ROOMS = ("measures", "figures", "tables", "sentences")
"""Rooms of the package in which every analysis has a file of its name."""

_NAME = re.compile(r"\d\d_[a-z][a-z0-9_]{1,40}")


def analysis(name: str, like: str) -> list[Path]:
    """Copy an analysis under a new name: it runs at once, and every line of it can be changed.

    Parameters
    ----------
    name : str
        Number and stem, ``45_mentoring``; the number says where in a study it belongs.
    like : str
        The analysis to begin from.

    Returns
    -------
    list of Path
        The new files, relative to the checkout.

    Raises
    ------
    ParameterError
        For a name that is no name or is taken, or outside a checkout.
    """
    root = places.checkout()
    if root is None:
        raise ParameterError(
            message("an analysis is added to a checkout of the project", where="new analysis",
                    do="clone it and run make install there")
        )  # fmt: skip
    if not _NAME.fullmatch(name):
        raise ParameterError(
            message("no name of an analysis", where="new analysis", got=name[:60],
                    allowed="two digits, an underscore, lower-case words: 45_mentoring")
        )  # fmt: skip
    pattern = Template.find(like)
    old, new = pattern.name.split("_", 1)[1], name.split("_", 1)[1]
    package = root / "src" / "ldresearch"
    planned = {package / room / f"{old}.py": package / room / f"{new}.py" for room in ROOMS}
    planned[pattern.path] = root / "notebooks" / f"{name}.ipynb"
    taken = [target.name for target in planned.values() if target.exists()]
    if taken:
        raise ParameterError(
            message("there are such files already", where="new analysis", got=taken,
                    do="choose another name")
        )  # fmt: skip
    written = []
    for source, target in planned.items():
        if source.is_file():
            target.write_text(_renamed(source, old, new, pattern.name, name), encoding="utf-8")
            written.append(target.relative_to(root))
    return written


def _renamed(source: Path, old: str, new: str, old_name: str, new_name: str) -> str:
    """Rename the analysis in a file: whole words that are its module or its notebook."""
    text = source.read_text(encoding="utf-8").replace(old_name, new_name)
    for room in ROOMS:
        text = re.sub(rf"\b{room}\.{old}\b", f"{room}.{new}", text)
    if source.suffix == ".ipynb":
        content = json.loads(text)
        for i, cell in enumerate(content["cells"]):
            cell["id"] = f"{new.replace('_', '-')[:40]}-{i:02d}"
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    return text
