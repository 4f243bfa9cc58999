"""UK Civil Service People Survey: learning and development scores of organisations by year.

Reads the table ``year, dept_group, organisation, org_code, question_measure, value`` (Open
Government Licence v3, CC BY 4.0). A score is the share, in percent, of those who answered that
agree or strongly agree; the theme is the mean of its questions. There are no persons in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldresearch.engine import literal
from ldresearch.errors import DataError, message
from ldresearch.ingest import Reading
from ldresearch.sources import _csv, _files

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "sizes": "a CSV of how many answered: year, organisation, responses, and response_rate (0 to "
    "1) where known",
}

SOURCE: Final = "Civil Service People Survey"

ITEMS: Final[Mapping[str, str]] = {
    "theme": "%theme score%",
    "access": "%access the right learning and development opportunities%",
    "performance": "%have helped to improve my performance%",
    "career": "%are helping me to develop my career%",
    "opportunities": "%there are opportunities for me to develop my career%",
}
"""Short name of each question to the words that it is known by, in small letters."""

_COLUMNS = ("year", "dept_group", "organisation", "question_measure", "value")
_SIZES = ("year", "organisation", "responses")
_SUMMARY = ("%benchmark%", "all civil servants%")


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read the published table.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        The CSV, plain or ``.gz``, or a folder with exactly one.
    options : mapping
        See ``OPTIONS``.

    Returns
    -------
    Reading
        ``benchmark``. Scores count as known from the first day of the year after the survey.

    Raises
    ------
    DataError
        If the file lacks a column of the publisher, or a folder holds several files.
    """
    file = _only(path)
    dialect = _csv.Dialect(nulls=("", "NA"))
    loaded = _csv.load(connection, file, "_scores", dialect)
    _csv.need(loaded, _COLUMNS, file.name)
    described = [_files.described(file, "civil_service")]
    sizes = "SELECT NULL::TEXT AS year, NULL::TEXT AS organisation, NULL::TEXT AS responses, "
    sizes += "NULL::TEXT AS response_rate WHERE false"
    notes: dict[str, Any] = {}
    parts = {file.name: loaded}
    if options.get("sizes"):
        other = Path(options["sizes"])
        if not other.is_file():
            raise DataError(message("no such file", where="civil_service sizes", got=other.name,
                                    do="check the path"))  # fmt: skip
        counted = _csv.load(connection, other, "_sizes", dialect)
        _csv.need(counted, _SIZES, other.name)
        rate = "response_rate" if "response_rate" in counted.columns else "NULL::TEXT"
        # Two sizes of one organisation and year contradict each other: neither is taken.
        sizes = (
            f"SELECT year, organisation, any_value(responses) AS responses, any_value({rate}) "
            "AS response_rate FROM _sizes GROUP BY 1, 2 HAVING count(*) = 1"
        )
        described.append(_files.described(other, "civil_service sizes"))
        parts[other.name] = counted
    n_broken = sum(part.n_broken for part in parts.values())
    notes |= _csv.broken_note(parts)
    return Reading(
        tables={"benchmark": [_query(file.name, sizes)]},
        rejected={"benchmark": {_csv.BROKEN: n_broken}} if n_broken else {},
        files=tuple(described), notes={"civil_service": notes} if notes else {},
    )  # fmt: skip


def _only(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(f for f in path.iterdir() if _files.plain_name(f).lower().endswith(".csv"))
    if len(found) != 1:
        raise DataError(
            message("not exactly one CSV in the folder", where="civil_service",
                    got=f"{len(found)} files", do="name the file with the scores")
        )  # fmt: skip
    return found[0]


def _query(file: str, sizes: str) -> str:
    asked = "lower(s.question_measure)"
    whens = " ".join(
        f"WHEN {asked} LIKE {literal(pattern)} THEN {literal(item)}"
        for item, pattern in ITEMS.items()
    )
    # From 2017 to 2020 the theme goes by its name alone.
    item = f"CASE {whens} WHEN {asked} = 'learning and development' THEN 'theme' END"
    summary = " OR ".join(f"lower(s.organisation) LIKE {literal(pattern)}" for pattern in _SUMMARY)
    year = "try_cast(s.year AS INTEGER)"
    return (
        f"SELECT {literal(SOURCE)} AS source, s.organisation, {year} AS year, "
        f"coalesce({item}, 'other') AS item, try_cast(s.value AS DOUBLE) AS score, "
        f"make_date({year} + 1, 1, 1) AS known_on, s.dept_group AS sector, "
        "try_cast(z.responses AS INTEGER) AS n, "
        "try_cast(z.response_rate AS DOUBLE) AS response_rate, "
        f"({summary}) AS is_summary, {literal(file)} AS _file, s._row, "
        f"CASE WHEN {item} IS NULL THEN 'a question that is not of learning and development' "
        f"WHEN {year} IS NULL THEN 'year is no whole number' "
        "WHEN s.value IS NULL THEN 'no score was published' "
        "WHEN try_cast(s.value AS DOUBLE) IS NULL THEN 'score is no number' END AS _reason "
        f"FROM _scores AS s LEFT JOIN ({sizes}) AS z "
        "ON z.year = s.year AND z.organisation = s.organisation"
    )
