"""Tiny worlds written as text: the definitions and their tests are ASCII tables.

    person_id | occurred_at | verb
    ada       | 2024-01-03  | complete
    ben       | -           | view

A dash is a missing value.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ldresearch.ingest import write
from ldresearch.log import EventLog

if TYPE_CHECKING:
    import pandas as pd

KEY = b"k" * 32
"""The key of worlds that hold nobody."""


def from_text(text: str) -> pd.DataFrame:
    """Parse an ASCII table; columns are parted by ``|``, ``-`` is missing.

    Parameters
    ----------
    text : str
        A line of column names, then a line a row. Lines of dashes and blank lines are passed over.

    Returns
    -------
    pandas.DataFrame
        Text as written; ``unit_path`` and ``labels`` are lists, parted by ``/``.

    Examples
    --------
    >>> from_text('''
    ...     person_id | verb
    ...     ada       | view
    ... ''').to_dict("records")
    [{'person_id': 'ada', 'verb': 'view'}]
    """
    import pandas as pd

    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    lines = [line for line in lines if set(line) - set("-+| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    cells = [[None if cell == "-" else cell for cell in row] for row in rows[1:]]
    frame = pd.DataFrame(cells, columns=rows[0], dtype="object")
    for column in frame.columns.intersection(["unit_path", "labels"]):
        frame[column] = [None if c is None else c.split("/") for c in frame[column]]
    return frame


def log(
    tables: Mapping[str, str | pd.DataFrame],
    folder: Path | None = None,
    *,
    as_of: str,
    time_zone: str = "UTC",
    public: bool = True,
) -> EventLog:
    """Build a log from ASCII tables.

    Parameters
    ----------
    tables : mapping of str to str or DataFrame
    folder : Path, optional
        Where the dataset is written, such as a test's temporary folder. By default a new one that
        is removed when the program ends.
    as_of, time_zone, public
        As in :meth:`EventLog.open` and ``ingest.write``.

    Returns
    -------
    EventLog
        Of a dataset with the client ``text``. Rows that are refused are left out, however many.

    Raises
    ------
    DataError
        If a table lacks a required column.

    Examples
    --------
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | complete
    ...     ben       | 2024-01-09  | complete
    ... '''}, as_of="2024-01-08")
    >>> tiny.collect(tiny.table("event"))["verb"].tolist()
    ['complete']
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="ldresearch-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    frames = {n: from_text(t) if isinstance(t, str) else t for n, t in tables.items()}
    dataset = write(
        frames, folder / "dataset", client="text", key=KEY, public=public, time_zone=time_zone,
        reject_limit=1.0,
    )  # fmt: skip
    return EventLog.open(dataset, as_of=as_of)
