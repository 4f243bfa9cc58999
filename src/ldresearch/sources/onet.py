"""O*NET: what a role asks for, with the publisher's own standard errors.

Reads the tab separated text files of the O*NET database (U.S. Department of Labor, CC BY 4.0).
Importance (``IM``) and level (``LV``) are put on 0 to 1 by ``Scales Reference.txt``, and their
standard errors are divided by the same range.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.engine import literal
from ldresearch.errors import DataError, did_you_mean, message
from ldresearch.ingest import Reading
from ldresearch.sources import _csv, _files

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "domains": "files of ratings to read, separated by commas: Skills, Knowledge, Abilities "
    "(default: Skills)",
}
DOMAINS = ("Skills", "Knowledge", "Abilities")

_DIALECT = _csv.Dialect(delimiter="\t", nulls=("", "n/a"), quote=None)
_RATING = (
    "O*NET-SOC Code", "Element ID", "Element Name", "Scale ID", "Data Value", "N",
    "Standard Error", "Recommend Suppress", "Not Relevant", "Date",
)  # fmt: skip


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read a folder of O*NET text files.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        Folder with ``Skills.txt``, ``Occupation Data.txt`` and ``Scales Reference.txt``, plain or
        ``.gz``; ``Related Occupations.txt``, ``Content Model Reference.txt`` and
        ``Job Zones.txt`` are read when they are there.
    options : mapping

    Returns
    -------
    Reading
        ``role``, ``skill``, ``role_skill`` (one row an occupation and element with a level) and
        ``related_role``.
    """
    files = _Files(connection, path)
    files.load("Occupation Data", ("O*NET-SOC Code", "Title"))
    files.load("Scales Reference", ("Scale ID", "Minimum", "Maximum"))
    domains = _domains(options)
    for domain in domains:
        files.load(domain, _RATING)
    has_related = files.load(
        "Related Occupations",
        ("O*NET-SOC Code", "Related O*NET-SOC Code", "Relatedness Tier", "Index"), is_needed=False,
    )  # fmt: skip
    has_model = files.load(
        "Content Model Reference", ("Element ID", "Element Name"), is_needed=False
    )
    has_zones = files.load("Job Zones", ("O*NET-SOC Code", "Job Zone"), is_needed=False)
    _profile(connection, domains)
    tables: dict[str, list[str]] = {
        "role": [_roles(has_zones)],
        "skill": [_skills(domains, has_model)],
        "role_skill": ["SELECT * FROM _onet_profile"],
    }
    if has_related:
        related = (
            'SELECT "O*NET-SOC Code" AS role_id, "Related O*NET-SOC Code" AS related_role_id, '
            '"Relatedness Tier" AS tier, "Index" AS rank, '
            "'Related Occupations' AS _file, _row FROM \"Related Occupations\""
        )
        tables["related_role"] = [related]
    return Reading(
        tables=tables,
        rejected=files.rejected(domains),
        files=tuple(files.described),
        notes={"onet": {**_notes(connection, domains), **_csv.broken_note(files.loaded)}},
    )


def _domains(options: Mapping[str, str]) -> list[str]:
    wanted = [d.strip() for d in options.get("domains", "Skills").split(",") if d.strip()]
    for name in wanted:
        if name not in DOMAINS:
            raise DataError(
                message("no such file of ratings", where="onet domains", got=name,
                        do=did_you_mean(name, DOMAINS))
            )  # fmt: skip
    return wanted or ["Skills"]


class _Files:
    """The publisher's files, loaded under their own names."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        self.loaded: dict[str, _csv.Loaded] = {}
        self.described: list[dict[str, Any]] = []

    def load(self, name: str, columns: tuple[str, ...], *, is_needed: bool = True) -> bool:
        file = _files.find(self.folder, f"{name}.txt") if self.folder.is_dir() else None
        if file is None:
            if not is_needed:
                return False
            file = _files.required(self.folder, f"{name}.txt", "onet")
        loaded = _csv.load(self.connection, file, name, _DIALECT, columns)
        _csv.need(loaded, columns, file.name)
        self.loaded[name] = loaded
        self.described.append(_files.described(file, "onet"))
        return True

    def rejected(self, domains: list[str]) -> dict[str, dict[str, int]]:
        """Broken lines by the table they would have fed; ratings feed one row from two lines."""
        found = {"role": self.loaded["Occupation Data"].n_broken}
        found["role_skill"] = sum(self.loaded[d].n_broken for d in domains)
        if "Related Occupations" in self.loaded:
            found["related_role"] = self.loaded["Related Occupations"].n_broken
        return {table: {_csv.BROKEN: n} for table, n in found.items() if n}


def _ratings(domains: list[str]) -> str:
    return " UNION ALL BY NAME ".join(
        f'SELECT *, {literal(d)} AS _file FROM "{d}"' for d in domains
    )


def _profile(connection: duckdb.DuckDBPyConnection, domains: list[str]) -> None:
    """Pair level and importance of each occupation and element, both on 0 to 1."""
    connection.execute(
        f"""
        CREATE TEMP TABLE _onet_rating AS
        SELECT r."O*NET-SOC Code" AS role_id, r."Element ID" AS skill_id, r."Scale ID" AS scale,
            (try_cast(r."Data Value" AS DOUBLE) - s.low) / s.span AS value,
            try_cast(r."Standard Error" AS DOUBLE) / s.span AS se,
            try_cast(r."N" AS INTEGER) AS n_raters,
            coalesce(r."Recommend Suppress", 'N') = 'Y' AS is_suppressed,
            coalesce(r."Not Relevant", 'N') = 'Y' AS is_irrelevant,
            try_strptime('01/' || r."Date", '%d/%m/%Y')::DATE AS dated_on,
            r._file, r._row
        FROM ({_ratings(domains)}) AS r
        JOIN (
            SELECT "Scale ID" AS scale, try_cast("Minimum" AS DOUBLE) AS low,
                try_cast("Maximum" AS DOUBLE) - try_cast("Minimum" AS DOUBLE) AS span
            FROM "Scales Reference"
        ) AS s ON s.scale = r."Scale ID"
        """
    )
    connection.execute(
        """
        CREATE TEMP TABLE _onet_profile AS
        SELECT level.role_id, level.skill_id, level.value AS target, level.se AS target_se,
            importance.value AS weight, importance.se AS weight_se,
            least(level.n_raters, importance.n_raters) AS n_raters,
            NOT (level.is_suppressed OR level.is_irrelevant
                 OR coalesce(importance.is_suppressed, false)) AS is_reliable,
            greatest(level.dated_on, importance.dated_on) AS valid_from_on,
            level._file, level._row
        FROM (SELECT * FROM _onet_rating WHERE scale = 'LV') AS level
        LEFT JOIN (SELECT * FROM _onet_rating WHERE scale = 'IM') AS importance
            USING (role_id, skill_id)
        """
    )


def _roles(has_zones: bool) -> str:
    zone = 'z."Job Zone"' if has_zones else "NULL"
    join = 'LEFT JOIN "Job Zones" AS z USING ("O*NET-SOC Code")' if has_zones else ""
    return (
        f'SELECT o."O*NET-SOC Code" AS role_id, o."Title" AS title, {zone} AS job_zone, '
        f"'Occupation Data' AS _file, o._row FROM \"Occupation Data\" AS o {join}"
    )


def _skills(domains: list[str], has_model: bool) -> str:
    """Elements with ratings and, where the content model is there, the headings above them."""
    elements = (
        'SELECT "Element ID" AS id, min("Element Name") AS name '
        f"FROM ({_ratings(domains)}) GROUP BY 1"
    )
    if has_model:
        elements = (
            f"WITH leaf AS ({elements}) SELECT id, name FROM leaf UNION "
            'SELECT m."Element ID", m."Element Name" FROM "Content Model Reference" AS m '
            'WHERE m."Element ID" NOT IN (SELECT id FROM leaf) AND EXISTS '
            "(SELECT 1 FROM leaf WHERE starts_with(leaf.id, m.\"Element ID\" || '.'))"
        )
    return (
        "SELECT id AS skill_id, name, id AS onet_element, "
        "CASE WHEN contains(id, '.') THEN regexp_replace(id, '\\.[^.]+$', '') END AS parent_id "
        f"FROM ({elements})"
    )


def _notes(connection: duckdb.DuckDBPyConnection, domains: list[str]) -> dict[str, Any]:
    rows = connection.execute(
        "SELECT count(DISTINCT role_id), count(DISTINCT skill_id), count(*), "
        "count(*) FILTER (NOT is_reliable), count(*) FILTER (weight IS NULL) FROM _onet_profile"
    ).fetchall()
    n_roles, n_elements, n_rows, n_unreliable, n_unweighted = rows[0]
    [(n_listed,)] = connection.execute('SELECT count(*) FROM "Occupation Data"').fetchall()
    return {
        "files_of_ratings": domains,
        "occupations": int(n_listed),
        "occupations_with_levels": int(n_roles),
        "elements": int(n_elements),
        "profiles": int(n_rows),
        "not_reliable": int(n_unreliable),
        "without_importance": int(n_unweighted),
        "scaling": "(value - minimum) / (maximum - minimum) by Scales Reference",
    }
