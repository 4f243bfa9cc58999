"""Where things are when nobody says: never relative to the working directory.

Papermill runs in the caller's folder, JupyterLab in the notebook's, a scheduler in its own.
"""

from __future__ import annotations

from pathlib import Path

from ldresearch.errors import ParameterError, message


def checkout() -> Path | None:
    """Find the root of the checkout this package runs from, or ``None`` when it was installed."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "notebooks").is_dir() else None


def data_home() -> Path:
    """Name the folder that a relative dataset name is looked up in."""
    root = checkout()
    return root / "data" if root else Path.home() / ".local" / "share" / "ldresearch"


def notebooks_home() -> Path:
    """Name the folder of the notebooks: the checkout's, or those the wheel carries."""
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
    """Name the folder of the reports: the checkout's, or ``reports`` below the data folder."""
    root = checkout()
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
