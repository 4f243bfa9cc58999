"""The one room that knows the query engine.

Two kinds of connection: the door in may read and write the folders it is told; an analysis reads
exactly the Parquet files of its dataset and nothing else, and cannot unlock itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.errors import ParameterError, message

if TYPE_CHECKING:
    import duckdb
    import ibis

DEFAULT_MEMORY = "2GB"
"""Memory limit of a connection unless told otherwise."""


def literal(text: str) -> str:
    """Quote a text as an SQL literal; the only way text enters a statement.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        In single quotes, with those inside it doubled.

    Raises
    ------
    ParameterError
        If there is a NUL character in it.

    Examples
    --------
    >>> literal("O'Neil")
    "'O''Neil'"
    """
    if "\x00" in text:
        raise ParameterError(message("there is a NUL character in a text", do="take it out"))
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Quote a name as an SQL identifier.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        In double quotes, with those inside it doubled.

    Examples
    --------
    >>> identifier('day"on')
    '"day""on"'
    """
    return '"' + name.replace('"', '""') + '"'


def _settings(connection: duckdb.DuckDBPyConnection, spill: Path | None) -> None:
    # Where no one could see a bar it is off already, and turning it off again is refused.
    [shown] = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() or [0]
    if shown:
        connection.execute("SET enable_progress_bar = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    if spill is not None:
        connection.execute(f"SET temp_directory = {literal(str(spill))}")


def intake(
    folders: Iterable[Path],
    *,
    spill: Path | None = None,
    memory: str = DEFAULT_MEMORY,
    threads: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open the connection of the door in: it reads and writes the named folders only.

    Parameters
    ----------
    folders : iterable of Path
        Folders (or single files) it may touch.
    spill : Path, optional
        Where it may spill to disk; inside one of ``folders``.
    memory : str
        Memory limit, for example ``"2GB"``.
    threads : int, optional
        All cores by default.

    Returns
    -------
    duckdb.DuckDBPyConnection
        With its configuration locked.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    _settings(connection, spill)
    connection.execute(f"SET memory_limit = {literal(memory)}")
    if threads is not None:
        connection.execute(f"SET threads = {int(threads)}")
    folders = [Path(f).resolve() for f in folders]
    directories = [f for f in folders if f.is_dir()]
    files = [f for f in folders if not f.is_dir()]
    listed = ", ".join(literal(str(d)) for d in directories)
    connection.execute(f"SET allowed_directories = [{listed}]")
    listed = ", ".join(literal(str(f)) for f in files)
    connection.execute(f"SET allowed_paths = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def empty(backend: Any, name: str, columns: Mapping[str, str]) -> ibis.Table:
    """Make a table without rows, for one that a dataset lacks.

    Parameters
    ----------
    backend : ibis backend
    name : str
    columns : mapping of str to str
        Column to type, as the engine names it.

    Returns
    -------
    ibis.Table
        Without rows; the one that is there already, if any has this name.
    """
    typed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    backend.con.execute(f"CREATE TABLE IF NOT EXISTS {identifier(name)} ({typed})")
    return backend.table(name)


IN_MEMORY = 8 * 2**20
"""Bytes of a file up to which a table is read into memory when it is first used."""


def analysis(
    files: Mapping[str, Path], *, memory: str = DEFAULT_MEMORY, threads: int | None = None
) -> tuple[Any, Mapping[str, ibis.Table]]:
    """Open the connection of an analysis over the Parquet files of one dataset.

    Parameters
    ----------
    files : mapping of str to Path
        Table name to Parquet file.
    memory : str
        Memory limit.
    threads : int, optional
        All cores by default.

    Returns
    -------
    backend : ibis backend
        Without external access, its configuration locked; keep it alive with the tables.
    tables : mapping of str to ibis.Table
        One a file, by the same names, opened when it is first asked for.
    """
    import ibis

    backend = ibis.duckdb.connect(":memory:")
    raw = backend.con
    _settings(raw, None)
    # The files of a dataset never change: their footers are read once, not with each query.
    raw.execute("SET parquet_metadata_cache = true")
    raw.execute(f"SET memory_limit = {literal(memory)}")
    if threads is not None:
        raw.execute(f"SET threads = {int(threads)}")
    listed = ", ".join(literal(str(Path(f).resolve())) for f in files.values())
    raw.execute(f"SET allowed_paths = [{listed}]")
    raw.execute("SET enable_external_access = false")
    raw.execute("SET lock_configuration = true")
    return backend, _Opening(backend, files)


class _Opening(Mapping[str, Any]):
    """Tables by name, each opened when it is first asked for."""

    def __init__(self, backend: Any, files: Mapping[str, Path]) -> None:
        self._backend = backend
        self._files = {name: Path(file).resolve() for name, file in files.items()}
        self._open: dict[str, ibis.Table] = {}

    def __getitem__(self, name: str) -> ibis.Table:
        if name not in self._open:
            self._open[name] = _opened(self._backend, name, self._files[name])
        return self._open[name]

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _opened(backend: Any, name: str, file: Path) -> ibis.Table:
    """Read a small file into memory; leave a large one where it is, to be read in parts.

    Beside being read once, text from memory has no dictionary. DuckDB 2.0 now and then fails in
    a join whose text comes from Parquet ("dict-surviving join: ... build pipeline is not
    single-source"), and the names that joins carry come from small tables: people and content.
    """
    if file.stat().st_size > IN_MEMORY:
        return backend.read_parquet(str(file), table_name=name)
    backend.raw_sql(
        f"CREATE TABLE {identifier(name)} AS SELECT * FROM read_parquet({literal(str(file))})"  # noqa: S608
    )
    return backend.table(name)


def unlocked(allowed: Path, secret: Path) -> list[str]:
    """Try what a connection must refuse; return what it did not.

    Parameters
    ----------
    allowed : Path
        A folder that the connection may touch.
    secret : Path
        A file outside of it.

    Returns
    -------
    list of str
        Empty where the engine holds to its settings.
    """
    import duckdb

    climbing = allowed / ".." / secret.name
    attempts = {
        "reading another file": f"FROM read_csv({literal(str(secret))})",
        "writing another file": f"COPY (SELECT 1) TO {literal(str(secret) + '.copy')}",
        "climbing out of its folder": f"FROM read_csv({literal(str(climbing))})",
        "unlocking itself": "SET enable_external_access = true",
        "loading an extension": "LOAD httpfs",
    }
    connection = intake([allowed])
    found = []
    try:
        for name, statement in attempts.items():
            try:
                connection.execute(statement)
            except duckdb.Error:
                continue
            found.append(name)
    finally:
        connection.close()
    return found
