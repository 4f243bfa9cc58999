"""The one room that knows the query engine.

Two kinds of connection: the door in may read and write the folders it is told; an analysis reads
exactly the Parquet files of its dataset and nothing else, and cannot unlock itself.

An analysis may run in a Spark session instead, over the same files. What it may read there is for
whoever runs the cluster to say: Spark has no such lock.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch.errors import ParameterError, message

if TYPE_CHECKING:
    import duckdb
    import ibis
    import pyarrow as pa

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


def trimmed(text: str, *, is_ascii: bool = False) -> str:
    """Return the expression of a text without the spaces around it; null where nothing is left.

    Parameters
    ----------
    text : str
        Expression of a text.
    is_ascii : bool
        Whether all values are known to be ASCII.

    Returns
    -------
    str
        What ``nullif(trim(text), '')`` gives, several times faster where the text is ASCII.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql(f"SELECT {trimmed(repr(' a b '))}, {trimmed(repr(' '))}").fetchall()
    [('a b', None)]
    """
    is_clean = has_no_space_around(text)
    if not is_ascii:
        is_clean = f"strlen({text}) = length({text}) AND {is_clean}"
    return f"CASE WHEN {is_clean} THEN {text} ELSE nullif(trim({text}), '') END"


def has_no_space_around(text: str) -> str:
    """Write the condition that an ASCII text is not empty and has no space at either end.

    Parameters
    ----------
    text : str
        An expression.

    Returns
    -------
    str
        SQL.

    Examples
    --------
    >>> has_no_space_around("verb")
    "verb >= '!' AND NOT ends_with(verb, ' ')"
    """
    return f"{text} >= '!' AND NOT ends_with({text}, ' ')"


def _settings(connection: duckdb.DuckDBPyConnection, spill: Path | None) -> None:
    # Where no one could see a bar it is off already, and turning it off again is refused.
    [shown] = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() or [0]
    if shown:
        connection.execute("SET enable_progress_bar = false")
    connection.execute(
        "SET python_enable_replacements = false; SET autoinstall_known_extensions = false; "
        "SET autoload_known_extensions = false"
    )
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
        Column to type, as DuckDB names it.

    Returns
    -------
    ibis.Table
        Without rows; the one that is there already, if any has this name.
    """
    if is_spark(backend):
        import ibis
        from ibis.backends.sql.datatypes import DuckDBType

        typed = {column: DuckDBType.from_string(kind) for column, kind in columns.items()}
        return ibis.memtable([], schema=ibis.schema(typed))
    listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    backend.con.execute(f"CREATE TABLE IF NOT EXISTS {identifier(name)} ({listed})")
    return backend.table(name)


def kept(backend: Any, expression: ibis.Table) -> ibis.Table:
    """Work an expression out once; the table lasts as long as the connection.

    Parameters
    ----------
    backend : ibis backend
    expression : ibis.Table
        Over tables of this connection.

    Returns
    -------
    ibis.Table
        The same rows, stored.
    """
    from ibis.util import gen_name

    name = gen_name("kept")
    if is_spark(backend):
        backend._run_pre_execute_hooks(expression)
        rows = backend.raw_sql(backend.compile(expression)).persist()
        # Spark keeps stored rows until it is told otherwise, or needs the room.
        weakref.finalize(backend, rows.unpersist).atexit = False
        rows.createOrReplaceTempView(name)
        table: ibis.Table = backend.table(name)
        return table
    table = backend.create_table(name, expression, temp=True)
    return table


def streamed(backend: Any, expression: ibis.Table, n_rows: int) -> pa.RecordBatchReader:
    """Run an expression in DuckDB, to be read so many rows at a time as they are worked out.

    Parameters
    ----------
    backend : ibis backend
        Of :func:`analysis`; it can run nothing else until all rows are read.
    expression : ibis.Table
    n_rows : int
        Rows of a batch.

    Returns
    -------
    pyarrow.RecordBatchReader
        Batches in the order of the rows.
    """
    # Not ``to_pyarrow_batches``: it asks for a method that DuckDB 2.0 no longer has.
    backend._run_pre_execute_hooks(expression)
    return backend.con.sql(backend.compile(expression)).to_arrow_reader(n_rows)


def value(backend: Any, expression: Any) -> Any:
    """Run an expression of a single value.

    Parameters
    ----------
    backend : ibis backend
        Of :func:`analysis` or :func:`spark`.
    expression : ibis.Scalar

    Returns
    -------
    object
        ``None`` where it is missing.
    """
    if is_spark(backend):
        found = backend.execute(expression)
        return None if found is None or found != found else found
    # Not as a frame, which takes longer to make than a look at a table does.
    backend._run_pre_execute_hooks(expression)
    [(found,)] = backend.con.execute(backend.compile(expression)).fetchall()
    return found


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
    # Named, for ``ibis.duckdb`` reads what every installed package offers, to find this one.
    from ibis.backends.duckdb import Backend

    backend = Backend().connect(":memory:")
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
    return backend, _Opening(files, partial(_opened, backend))


class _Opening(Mapping[str, Any]):
    """Tables by name, each opened when it is first asked for."""

    def __init__(
        self, files: Mapping[str, Path], opened: Callable[[str, Path], ibis.Table]
    ) -> None:
        self._files = {name: Path(file).resolve() for name, file in files.items()}
        self._opened = opened
        self._open: dict[str, ibis.Table] = {}

    def __getitem__(self, name: str) -> ibis.Table:
        if name not in self._open:
            self._open[name] = self._opened(name, self._files[name])
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
    kind = "VIEW" if file.stat().st_size > IN_MEMORY else "TABLE"
    backend.con.execute(
        f"CREATE {kind} {identifier(name)} AS FROM read_parquet({literal(str(file))})"
    )
    return backend.table(name)


@dataclass(frozen=True, slots=True)
class Spark:
    """Where to run an analysis instead of DuckDB.

    Parameters
    ----------
    session : pyspark.sql.SparkSession, optional
        By default the active one, or a local one on all cores. Analyses get a session of their
        own beside it, so that neither their settings nor their names reach anybody else's.
    folder : str
        Where the tables are, as Spark is to read them: a folder or the address of one, with
        ``<table>.parquet`` files or folders. Empty: in the dataset.

    Examples
    --------
    >>> Spark(folder="s3a://learning/v-0123456789ab").folder
    's3a://learning/v-0123456789ab'
    """

    session: Any = None
    folder: str = ""


def spark(files: Mapping[str, Path], where: Spark) -> tuple[Any, Mapping[str, ibis.Table]]:
    """Open the tables of one dataset in Spark.

    Parameters
    ----------
    files : mapping of str to Path
        Table name to Parquet file, as on this machine.
    where : Spark

    Returns
    -------
    backend : ibis backend
        In a session of its own.
    tables : mapping of str to ibis.Table
        One a file, by the same names, opened when it is first asked for.

    Raises
    ------
    ParameterError
        If a session is to be started here, and pyspark or Java is missing.
    """
    import ibis

    session = (where.session or _local_session()).newSession()
    # Instants are UTC without a zone, in the files and in every literal compared with them.
    session.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
    # A sum that overflows or a text that is no number is an error, as in DuckDB.
    session.conf.set("spark.sql.ansi.enabled", "true")
    session.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    backend = ibis.pyspark.connect(session)
    return backend, _Opening(files, partial(_read, backend, where))


def _local_session() -> Any:
    """Return the session that is active, or start one on this machine."""
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError:
        raise ParameterError(
            message("pyspark is not installed", where="spark", do="pip install 'ldresearch[spark]'")
        ) from None
    try:
        return SparkSession.builder.getOrCreate()
    except PySparkRuntimeError:
        raise ParameterError(
            message("Spark does not start", where="spark",
                    do="install Java 17 or newer; if it is there, let JAVA_HOME name its folder")
        ) from None  # fmt: skip


def _read(backend: Any, where: Spark, name: str, file: Path) -> ibis.Table:
    # Spark takes an address as it is written (%20 is no space), and some letters for a pattern.
    path = file.resolve().as_posix().lstrip("/")
    own = "file:///" + re.sub(r"([*?{}[\]\\])", r"\\\1", path)
    place = f"{where.folder.rstrip('/')}/{file.name}" if where.folder else own
    backend._session.read.parquet(place).createOrReplaceTempView(name)
    table: ibis.Table = backend.table(name)
    return table


def is_spark(backend: Any) -> bool:
    """Tell whether an analysis runs in Spark.

    Parameters
    ----------
    backend : ibis backend
        Of :func:`analysis` or :func:`spark`.

    Returns
    -------
    bool
        False in DuckDB.

    Examples
    --------
    >>> backend, _ = analysis({})
    >>> is_spark(backend)
    False
    """
    return bool(backend.name == "pyspark")


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
