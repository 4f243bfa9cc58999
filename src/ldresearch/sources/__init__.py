"""The readers of source systems, by name, and the one way in.

A reader is a module with ``OPTIONS`` (name to help) and ``read(connection, path, options)``, which
returns a :class:`ldresearch.ingest.Reading`. To add one, write the module and name it here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from ldresearch import places
from ldresearch.dataset import MANIFEST, Dataset
from ldresearch.errors import DataError, LdresearchError, ParameterError, did_you_mean, message
from ldresearch.ingest import MEMORY, REJECT_LIMIT, IngestReport, Reading, admit, connect
from ldresearch.privacy import keys
from ldresearch.privacy.pseudonym import key_file as stored_key_file
from ldresearch.privacy.pseudonym import key_for
from ldresearch.sources import _files

if TYPE_CHECKING:
    import duckdb

READERS: Mapping[str, str] = MappingProxyType(
    {
        "caliper": "Caliper 1.1 and 1.2 envelopes",
        "civil_service": "scores of organisations in the UK Civil Service People Survey",
        "cornerstone": "transcripts, trainings and users of Cornerstone's reporting views",
        "degreed": "dumps of Degreed's REST interface",
        "hris": "a file of people with or without history, by the usual names of columns",
        "initiatives": "launches described in one TOML file, beside a dataset that is there",
        "linkedin": "activity reports of LinkedIn Learning, aggregated over a period",
        "moodle": "the table of Moodle's standard log",
        "onet": "role profiles from the O*NET text files",
        "oulad": "the Open University Learning Analytics Dataset",
        "scorm": "lesson states of SCORM 1.2 and 2004",
        "successfactors": "learning histories and users of SAP SuccessFactors Learning",
        "survey": "answers to a survey, CSV with a mapping you write",
        "tabular": "CSV, TSV, Parquet or JSON with a mapping you write",
        "viva": "learner records of Viva Learning",
        "xapi": "xAPI 1.0.3 and 2.0 statements, cmi5 and the video profile among them",
    }
)
"""Name of each reader to what it reads; a module or a mapping in ``presets`` has that name."""

_PRESETS = frozenset(
    {"caliper", "cornerstone", "degreed", "hris", "linkedin", "moodle", "scorm",
     "successfactors", "viva"}
)  # fmt: skip
"""Readers that are a mapping of the package."""

_PUBLISHED = ("civil_service", "onet", "oulad")
"""Sources that are themselves the client when nobody names one."""

_BESIDE = ("initiatives",)
"""Sources that add to a dataset that is there, and take its public mark and time zone."""


class Reader(Protocol):
    """A module that reads one kind of source."""

    @property
    def OPTIONS(self) -> Mapping[str, str]:  # noqa: N802 - a module's constant
        """Name of each option to its help."""
        ...

    def read(
        self, connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]
    ) -> Reading: ...


def reader(source: str) -> Reader:
    """Return the reader of a source.

    Parameters
    ----------
    source : str
        A name in ``READERS``.

    Returns
    -------
    Reader
        A module or a preset, with its ``OPTIONS`` and ``read``.

    Raises
    ------
    ParameterError
        For a name that is not in ``READERS``.
    """
    if source not in READERS:
        raise ParameterError(
            message("no such source", where="source", got=source, do=did_you_mean(source, READERS))
        )
    if source in _PRESETS:
        from ldresearch.sources import _preset

        return _preset.named(source)
    return cast(Reader, importlib.import_module(f"ldresearch.sources.{source}"))


def key_store() -> Path:
    """Name the folder of this user's pseudonym keys; never inside a dataset or the checkout.

    Returns
    -------
    Path
        Not necessarily there yet.
    """
    return Path.home() / ".config" / "ldresearch" / "keys"


def ingest(
    source: str,
    path: Path,
    folder: Path,
    *,
    client: str = "",
    key: bytes | None = None,
    key_file: Path | None = None,
    public: bool = False,
    time_zone: str = "UTC",
    options: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[str], None] | None = None,
    reject_limit: float = REJECT_LIMIT,
    memory: str = MEMORY,
) -> IngestReport:
    """Read a source and let it through the door into a dataset.

    Parameters
    ----------
    source : str
        A name in ``READERS``.
    path : Path
        The file or folder to read.
    folder : Path
        The dataset; created, or merged with what is there.
    client : str
        Name of the organisation. Default: the client of the dataset already in ``folder``, else
        the name of a published source (``oulad``, ``onet``), else the name of ``folder``.
    key : bytes, optional
        Pseudonym key, 32 bytes. Default: the client's key in ``~/.config/ldresearch/keys``, made
        on first use with mode 0600.
    key_file : Path, optional
        File with the key, in place of ``key``: also the list of the forgotten beside it is heeded.
    public : bool
        Mark the dataset as public: reports on it need no suppression.
    time_zone : str
        IANA name in which the dataset's days are counted.
    options : mapping of str to str
        The reader's own, see its ``OPTIONS``.
    progress : callable, optional
        Told each step as a short text. Default: lines on stderr if that is a terminal.
    reject_limit : float
        Share of a table's rows that may be rejected before the whole ingest is refused.
    memory : str
        What the engine may use before it spills into the dataset's folder.

    Returns
    -------
    IngestReport
        The dataset, and the rows read, kept and rejected, by table and reason.

    Raises
    ------
    ParameterError
        For an unknown source or option.
    DataError
        If the source cannot be read; one sentence, without a cell of it. The old dataset stays.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> file = folder / "clicks.csv"
    >>> _ = file.write_text('''who,when,what
    ... ada,2024-01-03T09:00:00Z,view
    ... ada,someday,view
    ... ''')
    >>> _ = (folder / "clicks.csv.toml").write_text('''
    ... [[feed]]
    ... table = "event"
    ... [feed.columns]
    ... person_id = "who"
    ... occurred_at = "when"
    ... verb = "what"
    ... source = { value = "lms" }
    ... ''')
    >>> report = ingest("tabular", file, folder / "data", key=b"k" * 32, reject_limit=0.5)
    >>> report.rows_in, report.rows_out
    ({'event': 2}, {'event': 1})
    """
    module = reader(source)
    for name in options:
        if name not in module.OPTIONS:
            raise ParameterError(
                message("no such option", where=source, got=name,
                        do=did_you_mean(name, module.OPTIONS))
            )  # fmt: skip
    path, folder = Path(path), Path(folder)
    if not path.exists():
        raise DataError(
            message("no such file or folder", where=source, got=path.name, do="check the path")
        )
    if source in _BESIDE:
        public, time_zone = _as_there(source, folder)
        options = {"time_zone": time_zone, **options}
    who = client or _client(source, folder)
    retired: list[bytes] = []
    roots = [r for r in (places.checkout(), places.study()) if r]
    outside = [folder, path, *roots]
    if key is None and key_file is None:
        key = key_for(who, key_store(), outside=outside)
        key_file, retired = stored_key_file(who, key_store()), keys.retired(who, key_store())
    elif key is None and key_file is not None:
        key = keys.read_key(key_file, outside=outside)
    assert key is not None  # noqa: S101 - one of the three ways gave it
    forgotten = keys.forgotten(keys.beside(key_file)) if key_file else []
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _files.telling(progress or _on_terminal()):
        connection = connect(folder, [path], memory=memory)
        try:
            reading = module.read(connection, path, options)
            if options:
                entry = _files.option_entry(source, options)
                reading = _with_file(reading, entry)
            _files.step("checking, pseudonymising and writing")
            return admit(
                connection, reading, folder, client=who, key=key, public=public,
                time_zone=time_zone, reject_limit=reject_limit, retired=retired,
                forgotten=forgotten,
            )  # fmt: skip
        except LdresearchError:
            raise
        except Exception as error:
            if not _is_engine(error):
                raise
            if _files.is_out_of_memory(error):
                raise DataError(
                    message("the engine has too little memory for this", where=source,
                            got=f"a limit of {memory}",
                            do="give it more with --memory, for example 4GB, and see that the "
                            "disk of the dataset has room; nothing was changed")
                ) from None  # fmt: skip
            # The engine's own text may quote a cell.
            raise DataError(
                message("the engine could not read this", where=source, got=type(error).__name__,
                        do="check the source; nothing was changed")
            ) from None  # fmt: skip
        finally:
            connection.close()


def _with_file(reading: Reading, entry: dict[str, object]) -> Reading:
    from dataclasses import replace

    return replace(reading, files=(*reading.files, entry))


def _client(source: str, folder: Path) -> str:
    if (folder / MANIFEST).is_file():
        return Dataset.open(folder).manifest.client
    return source if source in _PUBLISHED else folder.resolve().name


def _as_there(source: str, folder: Path) -> tuple[bool, str]:
    """Return the public mark and the time zone of the dataset that a source adds to."""
    if not (folder / MANIFEST).is_file():
        raise DataError(
            message("no dataset to add to", where=source, got=folder.name,
                    do="ingest the log first, then describe its launches with the same --out")
        )  # fmt: skip
    manifest = Dataset.open(folder).manifest
    return manifest.public, manifest.time_zone


def _is_engine(error: Exception) -> bool:
    return type(error).__module__.split(".")[0] in ("_duckdb", "duckdb", "pyarrow")


def _on_terminal() -> Callable[[str], None] | None:
    """Speak on stderr only when somebody watches it: a scheduler's mail stays empty."""
    if not sys.stderr.isatty():
        return None

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    return say
