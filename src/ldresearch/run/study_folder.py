"""A folder for a study of one's own, for those who install the package and do not clone it."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from ldresearch import places
from ldresearch.errors import ParameterError, message
from ldresearch.plan import template

FOLDERS = ("data", "exports", "plans", "reports")
_WRITTEN = {
    "ldresearch.toml": places.MARK, "README.md": "README.md", "gitignore": ".gitignore",
    "crontab": "schedule/crontab",
}  # fmt: skip


def lay_out(folder: Path) -> list[Path]:
    """Lay out a study: what is there already stays as it is.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Returns
    -------
    list of Path
        The new files, relative to the folder.

    Raises
    ------
    ParameterError
        If the folder is a file, or lies in a checkout of the project or in another study.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ParameterError(
            message("not a folder", where="init", got=folder.name, do="name another")
        )
    outer = places.study(folder.parent)
    root = places.checkout()
    if outer is not None or (root is not None and folder.is_relative_to(root)):
        raise ParameterError(
            message("a study may not lie inside another, or in a checkout of the project",
                    where="init", got=folder.name, do="name a folder elsewhere")
        )  # fmt: skip
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "data").chmod(0o700)
    made = [_put(folder, target, _text(source, folder.name)) for source, target in _WRITTEN.items()]
    made.append(_put(folder, "plans/example.toml", template()))
    home = places.shipped_notebooks()
    made += [_copy(home, file, folder) for file in sorted(home.rglob("*.ipynb"))]
    return [path for path in made if path is not None]


def _text(source: str, name: str) -> str:
    file = resources.files("ldresearch.run").joinpath("scaffold", source)
    return file.read_text(encoding="utf-8").replace(
        "@NAME@", name.replace('"', "").replace("\\", "")
    )


def _put(folder: Path, target: str, text: str) -> Path | None:
    file = folder / target
    if file.exists():
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Path(target)


def _copy(home: Path, source: Path, folder: Path) -> Path | None:
    inside = source.relative_to(home)
    if any(part.startswith(".") for part in inside.parts):
        return None
    target = Path("notebooks") / inside
    if (folder / target).exists():
        return None
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / target)
    return target
