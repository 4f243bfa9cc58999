"""Run notebooks over datasets and publish their reports.

A run happens in a private folder. Only when the notebook ran to its end, its outputs passed the
gate and the page is drawn, page and facts are moved into place. The same run is not done twice:
its key is the notebook, the parameters, the data, the code and the packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import __version__, clock, parameters, shelf
from ldresearch.dataset import Dataset
from ldresearch.errors import LdresearchError, ParameterError, RunError, message
from ldresearch.files import atomic_write, locked, sha256
from ldresearch.result import Scalar
from ldresearch.run import about, outcome, releases
from ldresearch.run.place import Place, dumped
from ldresearch.run.template import Template
from ldresearch.study import clients, data_hash
from ldresearch.vocabulary import Mode
from ldresearch.wording import ENGLISH, checked_locale

if TYPE_CHECKING:
    from ldresearch.run.warm import WarmProcess

STOPPED = "Stopped; nothing of what was running is published."
EXECUTED = "executed.ipynb"
"""The notebook in the private folder of its run."""
TIMEOUT_S = 1800
"""Seconds one cell may take."""


@dataclass(frozen=True, slots=True)
class Job:
    """One notebook over one dataset, or over several together.

    Attributes
    ----------
    template : Template
    dataset : Dataset
    values : mapping
        Every parameter, checked.
    place : Place
    key : str
        Identity of the run: same key, same report.
    others : tuple of Dataset
        Further datasets of the same study.
    people_as_of : str
        As of which day people are counted, where that is not the as-of date.
    locale : str
        How numbers and dates are written.
    """

    template: Template
    dataset: Dataset
    values: Mapping[str, Scalar]
    place: Place
    key: str
    others: tuple[Dataset, ...] = ()
    people_as_of: str = ""
    locale: str = ENGLISH

    @property
    def client(self) -> str:
        """The organisation, or all of them."""
        return self.place.client

    @property
    def subject(self) -> releases.Subject:
        """What the ledger of releases asks of it."""
        return releases.Subject(
            self.client, self.template.name, self.values, (self.dataset, *self.others)
        )

    def counting(self, people_as_of: str) -> Job:
        """Return the same run with people counted as of another day: another run."""
        if not people_as_of:
            return self
        key = hashlib.sha256(f"{self.key} {people_as_of}".encode()).hexdigest()[:20]
        return replace(self, key=key, people_as_of=people_as_of)

    @property
    def label(self) -> str:
        """What progress calls it."""
        return f"{self.client} {self.place.name}"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job.

    Attributes
    ----------
    name, client, as_of : str
    status : str
        ``published``, ``unchanged`` (it was already there) or ``failed``.
    seconds : float
    page, facts, run : str
        Paths; empty where there is none.
    reason : str
        Why it failed.
    exit_code : int
        0 unless it failed.
    """

    name: str
    client: str
    as_of: str
    status: str
    seconds: float = 0.0
    page: str = ""
    facts: str = ""
    run: str = ""
    reason: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, for a log.

    Attributes
    ----------
    event : str
        ``started``, ``unchanged``, ``published``, ``failed`` or ``stopped``.
    said : str
        One line for people.
    is_error : bool
    fields : mapping
        The same for programs: client, report, as-of date and what else there is.
    """

    event: str
    said: str
    is_error: bool = False
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How jobs are run.

    Attributes
    ----------
    reports, runs : Path
        Where pages go; where private run folders are kept.
    n_parallel : int
        Notebooks side by side. Where it is more than one, the kernel of the next is started
        meanwhile, and waits.
    is_forced : bool
        Run again what is already published.
    timeout_s : int
        Seconds a cell may take.
    tell : callable
        Called with a note when a job starts or ends, in whatever thread it runs.
    locale : str
        How numbers and dates are written: a name of ``wording.LOCALES``.
    is_warm : bool
        Where several notebooks are run, fork their kernels from one process that has done the
        imports.
    """

    reports: Path
    runs: Path
    n_parallel: int = 2
    is_forced: bool = False
    timeout_s: int = TIMEOUT_S
    tell: Callable[[Note], None] = field(default=lambda note: None)
    locale: str = ENGLISH
    is_warm: bool = True


@dataclass(frozen=True, slots=True)
class _Shared:
    """What jobs side by side have in common.

    Attributes
    ----------
    warm : WarmProcess, optional
        What their kernels are forked from.
    turn : context manager
        Held while a job keeps a core busy: while its cells run, while its page is drawn. A kernel
        that starts or ends mostly waits, and another job has the core.
    """

    warm: WarmProcess | None
    turn: AbstractContextManager[Any]


def plan(
    template: Template,
    dataset: Dataset,
    given: Mapping[str, Any],
    options: Options,
    others: Sequence[Dataset] = (),
) -> Job:
    """Check a job before anything is started.

    Parameters
    ----------
    template : Template
    dataset : Dataset
    given : mapping of str to scalar
        Parameters; ``dataset`` and ``others`` are set here.
    options : Options
    others : sequence of Dataset
        Further datasets that the same run reads, each a client of its own.

    Raises
    ------
    ParameterError
        For an unknown, mistyped or out-of-range parameter, for two datasets of one client, or
        where the notebook reads one dataset only.
    """
    home = {"reports": str(options.reports.resolve())} if template.reads_reports else {}
    values = template.resolve(
        {**home, **given, "dataset": str(dataset.path.resolve()), **_together(template, others)}
    )
    if values.get("mode") == Mode.EXPLORE:
        raise ParameterError(
            message("a run publishes, and what is explored is never published", where="mode",
                    do='open the notebook in JupyterLab for mode = "explore"')
        )  # fmt: skip
    if "as_of" in values:
        values["as_of"] = clock.parse_date(str(values["as_of"]), name="as_of").isoformat()
    datasets = [dataset, *others]
    place = Place.of(options.reports, clients(datasets), template.name, values)
    locale = checked_locale(options.locale)
    return _keyed(Job(template, dataset, values, place, "", tuple(others), locale=locale))


def _keyed(job: Job) -> Job:
    """Give a job its key, from what it rests on as of now."""
    datasets = [job.dataset, *job.others]
    identity = [job.template.code_hash, _shown(job.values), data_hash(datasets), code_hash(),
                _packages(), job.locale]  # fmt: skip
    identity += _plans(job.values, job.dataset)
    identity += _reports(job)
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    return replace(job, key=key)


def _shown(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Leave out where data and reports lie: that is no part of what was run."""
    return {name: value for name, value in values.items() if name not in parameters.PLACES}


def _reports(job: Job) -> list[Any]:
    """What a run rests on where it reads other reports: their facts, and which there could be."""
    if not job.template.reads_reports:
        return []
    found = shelf.digests(
        shelf.folder(str(job.values["reports"])), job.client,
        clock.parse_date(job.place.as_of), population=shelf.part(job.values),
        leave_out=job.template.name,
    )  # fmt: skip
    return [found, [template.name for template in Template.every()]]


def _together(template: Template, others: Sequence[Dataset]) -> dict[str, str]:
    """Write further datasets as a parameter, where the notebook has one for them."""
    if not others:
        return {}
    if "others" not in template.declared:
        raise ParameterError(
            message("this notebook reads one dataset", where=template.name,
                    do="run it over each, without --together")
        )  # fmt: skip
    paths = [str(dataset.path.resolve()) for dataset in others]
    if any("," in path for path in paths):
        raise ParameterError(
            message("a comma in the path of a dataset", where="--data",
                    do="rename the folder: names of several datasets are parted by commas")
        )  # fmt: skip
    return {"others": ",".join(paths)}


def _plans(values: Mapping[str, Any], dataset: Dataset) -> list[Any]:
    """What a run rests on beside its data: plans and looks of the ledgers, the file it names."""
    from ldresearch import look_ledger, places, plan_ledger

    found: list[Any] = []
    if values.get("as_of"):
        as_of = clock.parse_date(str(values["as_of"]))
        found += plan_ledger.facts(dataset, as_of)
        if "plan" in values:
            found += [str(look) for look in look_ledger.read(dataset) if look.known_on < as_of]
    if plan_ledger.is_file(str(values.get("plan", ""))):
        found.append(sha256(places.plan_file(str(values["plan"]))))
    return found


def run(jobs: Sequence[Job], options: Options) -> list[Done]:
    """Run jobs side by side; one that fails leaves the others alone.

    Those that read other reports are run when all others are done.

    Parameters
    ----------
    jobs : sequence of Job
    options : Options

    Returns
    -------
    list of Done
        In the order of the jobs.
    """
    return run_in_order([jobs], options)


def run_in_order(groups: Sequence[Sequence[Job]], options: Options) -> list[Done]:
    """Run group after group: a report compares with the one before, so that has to be there.

    Parameters
    ----------
    groups : sequence of sequence of Job
        Each is run as :func:`run` does.
    options : Options

    Returns
    -------
    list of Done
        In the order of the groups and their jobs.
    """
    options.runs.mkdir(parents=True, exist_ok=True, mode=0o700)
    options.reports.mkdir(parents=True, exist_ok=True)
    is_warm = options.is_warm and sum(map(len, groups)) > 1
    with _ends_kernels(options.tell), _warmed(is_warm=is_warm) as warm:
        return [one for jobs in groups for one in _side_by_side(jobs, options, warm)]


@contextmanager
def _warmed(*, is_warm: bool) -> Iterator[WarmProcess | None]:
    """Keep the process that warm kernels are forked from; it starts when one is wanted."""
    if not is_warm:
        yield None
        return
    from ldresearch.run.engine import environment
    from ldresearch.run.warm import WarmProcess

    with closing(WarmProcess(environment())) as warm:
        yield warm


def _side_by_side(jobs: Sequence[Job], options: Options, warm: WarmProcess | None) -> list[Done]:
    n = max(1, options.n_parallel)
    shared = _Shared(warm, threading.BoundedSemaphore(n))
    # One by one means one: who asks for that has little memory.
    with ThreadPoolExecutor(n + 1 if n > 1 else 1) as pool:
        futures: dict[int, Future[Done]] = {}
        try:
            for is_last in (False, True):
                for i, job in enumerate(jobs):
                    if job.template.reads_reports is is_last:
                        # What it reads may be new since it was planned, so its key is too.
                        ready = _keyed(job) if is_last else job
                        futures[i] = pool.submit(_one, ready, options, shared)
                for future in futures.values():
                    future.result()
            return [futures[i].result() for i in range(len(jobs))]
        except BaseException:
            for future in futures.values():
                future.cancel()
            _stop_kernels()
            raise


def _one(job: Job, options: Options, shared: _Shared) -> Done:
    begun = time.monotonic()
    unheld: outcome.Failure | None = None
    if not job.people_as_of:
        try:
            job = job.counting(releases.people_as_of(job.subject, options.runs))
        except LdresearchError as error:
            unheld = outcome.Failure(str(error), error.exit_code)
    folder = options.runs / job.key
    done = Done(job.place.name, job.client, job.place.as_of, "failed",
                run=str(folder))  # fmt: skip
    there = replace(done, page=str(job.place.page), facts=str(job.place.facts))
    with locked(options.runs / f".{job.key}.lock"):
        if not options.is_forced and _is_published(folder, job):
            options.tell(_note(job, "unchanged", "unchanged"))
            return replace(there, status="unchanged")
        options.tell(_note(job, "started", "running"))
        failed = unheld or _attempt(job, folder, options, shared)
    seconds = round(time.monotonic() - begun, 1)
    if failed:
        job.place.mark_failed(failed.reason)
        options.tell(_note(job, "failed", f"failed. {failed.reason}", seconds=seconds,
                           reason=failed.reason, exit_code=failed.exit_code))  # fmt: skip
        return replace(done, seconds=seconds, reason=failed.reason, exit_code=failed.exit_code)
    options.tell(
        _note(job, "published", f"published in {seconds:.0f} s", seconds=seconds,
              page=str(job.place.page))
    )  # fmt: skip
    return replace(there, status="published", seconds=seconds)


def _note(job: Job, event: str, said: str, **fields: Scalar) -> Note:
    about = {"client": job.client, "report": job.place.name, "as_of": job.place.as_of}
    return Note(event, f"{job.label}: {said}", event == "failed", {**about, **fields})


def _attempt(job: Job, folder: Path, options: Options, shared: _Shared) -> outcome.Failure | None:
    """Execute, check, draw, publish; say why if any of it fails."""
    if shared.warm is not None:
        # It imports what notebooks need on another core, while this one does what pages need.
        shared.warm.start()
    with _without_grammar():
        import nbformat

    from ldresearch.report import page
    from ldresearch.report.illustrated import illustrate

    page.preload()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    record = _record(job)
    _write(folder, record | {"status": "running"})
    try:
        notebook, failed = _execute(job, folder, options.timeout_s, shared)
        if failed:
            _write(folder, record | {"status": "failed", "reason": failed.reason})
            return failed
        facts = outcome.facts_of(notebook)
        before = job.place.previous()
        earlier = before["report"]["as_of"] if before else ""
        links = page.Links.within(job.place.name, previous=earlier)
        told = releases.release(job.subject, facts, job.people_as_of, options.runs)
        if told:
            facts["release"] = told
        with shared.turn:
            html = page.render(notebook, previous=before, links=links)
        illustrate(notebook, html, public=facts["rules"]["public"] is True)
        atomic_write(folder / EXECUTED, nbformat.writes(notebook), mode=0o600)
        # The page links to it, so it stands there first.
        about.write([job.dataset, *job.others], job.place.reports)
        job.place.publish(html, facts)
    except LdresearchError as error:
        _write(folder, record | {"status": "failed", "reason": str(error)})
        return outcome.Failure(str(error), error.exit_code)
    except OSError as error:
        reason = message("the report could not be written", where=job.place.name,
                         got=error.strerror or type(error).__name__,
                         do="free space or permissions; the old report is untouched")  # fmt: skip
        return outcome.Failure(reason, RunError.exit_code)
    published = {path.name: sha256(path) for path in (job.place.page, job.place.facts)}
    _write(folder, record | {"status": "published", "published": published,
                             "run_id": facts.get("run_id", ""), "previous": earlier})  # fmt: skip
    return None


def _execute(
    job: Job, folder: Path, timeout_s: int, shared: _Shared
) -> tuple[Mapping[str, Any], outcome.Failure | None]:
    """Run the notebook in its private folder; return it, and why it stopped if it did."""
    import logging

    with _without_grammar():
        import nbformat
        import papermill
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill.exceptions import PapermillException

    for name in ("papermill", "traitlets", "blib2to3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    target = folder / EXECUTED
    target.unlink(missing_ok=True)
    failed: outcome.Failure | None = None
    try:
        papermill.execute_notebook(
            nbformat.from_dict(job.template.content),
            # Papermill puts paths through str.format.
            str(target).replace("{", "{{").replace("}", "}}"),
            parameters=dict(job.values),
            engine_name="ldresearch",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            execution_timeout=timeout_s,
            people_as_of=job.people_as_of,
            locale=job.locale,
            warm=shared.warm,
            turn=shared.turn,
            resources={"metadata": {"path": str(folder)}},
        )
    except CellTimeoutError:
        failed = outcome.Failure(
            message("a cell took too long", where=job.template.name, got=f"{timeout_s} s",
                    do="give more time with --timeout, or look at the run folder"),
            RunError.exit_code,
        )  # fmt: skip
    except DeadKernelError:
        failed = outcome.Failure(
            message("the kernel died", where=job.template.name,
                    do="too little memory is the usual reason; run one at a time: --jobs 1"),
            RunError.exit_code,
        )  # fmt: skip
    except PapermillException as error:
        failed = outcome.failure(getattr(error, "ename", type(error).__name__),
                                 getattr(error, "evalue", ""))  # fmt: skip
    notebook: Mapping[str, Any] = {}
    if target.is_file():
        target.chmod(0o600)
        notebook = nbformat.read(target, as_version=4)
        failed = failed and (outcome.stopped(notebook) or failed)
    elif failed is None:
        failed = outcome.Failure(message("the notebook left nothing", where=job.template.name),
                                 RunError.exit_code)  # fmt: skip
    return notebook, failed


@contextmanager
def _without_grammar() -> Iterator[None]:
    """Let jsonschema be imported without its check of international addresses.

    It builds their grammar when it is imported, which takes a second, and no schema of notebooks
    asks for it. Where the package is absent, jsonschema does without by itself.
    """
    grammar = "rfc3987_syntax"
    if grammar in sys.modules or "jsonschema" in sys.modules:
        yield
        return
    sys.modules[grammar] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop(grammar, None)


# What is remembered of a run ----------------------------------------------------------------


def _record(job: Job) -> dict[str, Any]:
    return {
        "v": 1,
        "key": job.key,
        "notebook": job.template.name,
        "client": job.client,
        "as_of": job.place.as_of,
        "name": job.place.name,
        "parameters": _shown(job.values),
        "people_as_of": job.people_as_of,
        "locale": job.locale,
        "dataset": str(job.dataset.path.resolve()),
        "others": [str(other.path.resolve()) for other in job.others],
        "reports": str(job.place.reports.resolve()),
        "data_hash": data_hash([job.dataset, *job.others]),
        "code_hash": code_hash(),
        "notebook_hash": job.template.code_hash,
        "packages": _packages(),
    }


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    atomic_write(folder / "manifest.json", dumped(record), mode=0o600)


def read(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a run folder, if there is one that can be read."""
    try:
        found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def _is_published(folder: Path, job: Job) -> bool:
    record = read(folder)
    if not record or record.get("status") != "published":
        return False
    hashes = record.get("published", {})
    return all(
        path.is_file() and hashes.get(path.name) == sha256(path)
        for path in (job.place.page, job.place.facts)
    )


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of the package's own files: another code, another run."""
    root = Path(__file__).resolve().parents[1]
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in (".py", ".toml", ".j2", ".css") and "__pycache__" not in path.parts:
            total.update(path.relative_to(root).as_posix().encode())
            total.update(path.read_bytes())
    return total.hexdigest()


@lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"ldresearch": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    names = ("pandas", "numpy", "scipy", "duckdb", "ibis-framework", "lifelines", "scikit-learn",
             "statsmodels", "matplotlib")  # fmt: skip
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


# Being stopped ------------------------------------------------------------------------------


def _stop_kernels() -> None:
    engine = sys.modules.get("ldresearch.run.engine")
    if engine is not None:
        engine.PrivateEngine.stop_all()


class _ends_kernels:  # noqa: N801 - used as a word: with _ends_kernels()
    """While inside, a polite request to stop ends the kernels as well."""

    def __init__(self, tell: Callable[[Note], None]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        self._before: Any = None
        try:
            self._before = signal.signal(signal.SIGTERM, self._stop)
        except ValueError:  # not in the main thread: whoever runs us there takes care of signals
            self._before = None

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _stop(self, number: int, _: object) -> None:
        _stop_kernels()
        self._tell(Note("stopped", STOPPED, is_error=True, fields={"exit_code": 128 + number}))
        sys.stderr.flush()
        os._exit(128 + number)


def summary(done: Sequence[Done]) -> list[dict[str, Any]]:
    """Say what came of jobs, as data."""
    return [asdict(one) for one in done]
