"""Where things are when nobody says: beside the study, in the checkout, or in the user's folder.

Papermill runs in the caller's folder, JupyterLab in the notebook's, a scheduler in its own. So a
name is never looked up in the working folder itself; only the mark of a study is, upwards from it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ldresearch.errors import ParameterError, did_you_mean, from_toml, message
from ldresearch.wording import checked_locale

MARK = "ldresearch.toml"
"""A folder that holds this file is a study: see ``ldresearch init``."""
_KNOWN = ("name", "locale")


def study(start: Path | None = None) -> Path | None:
    """Find the study that a folder lies in, or ``None``.

    Parameters
    ----------
    start : Path, optional
        Default: the working folder.
    """
    here = (start or Path.cwd()).resolve()
    return next((f for f in (here, *here.parents) if (f / MARK).is_file()), None)


def checkout() -> Path | None:
    """Find the root of the checkout this package runs from, or ``None`` when it was installed."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "notebooks").is_dir() else None


def locale() -> str:
    """Name the locale that the study asks for; empty where it asks for none.

    Raises
    ------
    ParameterError
        If the study's file is no TOML, or holds a setting or a locale that is not known.
    """
    root = study()
    named = _settings(root / MARK).get("locale", "") if root else ""
    return checked_locale(str(named), where=f"{MARK}, locale") if named else ""


def _settings(file: Path) -> dict[str, Any]:
    """Read the settings of a study; one that is misspelt would else be left out in silence."""
    try:
        held = from_toml(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(
            message("not TOML", where=MARK, got=str(error), do="mend that line")
        ) from None
    own = held.get("study", {})
    if not isinstance(own, dict):
        raise ParameterError(message("not a table", where=MARK, got="study", do="write [study]"))
    unknown = [name for name in held if name != "study"] + [n for n in own if n not in _KNOWN]
    if unknown:
        raise ParameterError(
            message("no such setting", where=MARK, got=unknown[0],
                    do=did_you_mean(unknown[0], _KNOWN))
        )  # fmt: skip
    return own


def data_home() -> Path:
    """Name the folder that a relative dataset name is looked up in."""
    root = study() or checkout()
    return root / "data" if root else Path.home() / ".local" / "share" / "ldresearch"


def notebooks_home() -> Path:
    """Name the folder of the notebooks: the study's, the checkout's, or those the wheel carries."""
    root = study()
    own = root / "notebooks" if root else None
    return own if own is not None and own.is_dir() else shipped_notebooks()


def shipped_notebooks() -> Path:
    """Name the folder of the project's notebooks: the checkout's, or those the wheel carries."""
    root = checkout()
    return root / "notebooks" if root else Path(__file__).resolve().parent / "_notebooks"


def dataset_folder(name: str) -> Path:
    """Turn a dataset parameter into a folder.

    Parameters
    ----------
    name : str
        An absolute path, or a name below the data folder such as ``demo/harbour``.

    Raises
    ------
    ParameterError
        For an empty name, one that leads out of the data folder, or a folder that is not there.
    """
    if not name.strip() or "\x00" in name:
        raise ParameterError(
            message("no dataset named", where="dataset", do="name one, for example demo/harbour")
        )
    path = Path(name)
    if not path.is_absolute():
        home = data_home().resolve()
        path = (home / name).resolve()
        if not path.is_relative_to(home):
            raise ParameterError(
                message("a relative name may not lead out of the data folder", where="dataset",
                        got=name, do="give an absolute path")
            )  # fmt: skip
    if not path.is_dir():
        hint = "run `ldresearch demo` first" if name.startswith("demo/") else (
            "give the absolute path of a dataset, or a name below the data folder"
        )  # fmt: skip
        raise ParameterError(message("no such dataset", where="dataset", got=name, do=hint))
    return path


def runs_home() -> Path:
    """Name the private folder of executed notebooks: they hold what the reports hide."""
    return data_home() / "runs"


def reports_home() -> Path:
    """Name the folder of the reports: beside the data, or below the user's data folder."""
    root = study() or checkout()
    return root / "reports" if root else data_home() / "reports"


def plan_file(name: str) -> Path:
    """Turn a plan parameter into a file.

    Parameters
    ----------
    name : str
        An absolute path, or a name below the data folder such as ``plans/spring.toml``.

    Raises
    ------
    ParameterError
        For a name that leads out of the data folder, or a file that is not there.
    """
    path = Path(name)
    if "\x00" in name or not path.is_absolute():
        home = data_home().resolve()
        path = (home / name.replace("\x00", "")).resolve()
        if not path.is_relative_to(home):
            raise ParameterError(
                message("a relative name may not lead out of the data folder", where="plan",
                        got=name, do="give an absolute path")
            )  # fmt: skip
    if not path.is_file():
        raise ParameterError(
            message("no such plan file", where="plan", got=name,
                    do="give its absolute path, or a name below the data folder")
        )  # fmt: skip
    return path
