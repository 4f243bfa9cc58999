"""The command line: thin verbs over one function each, and one sentence for every refusal."""

from __future__ import annotations

import json
import os
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldresearch.errors import LdresearchError, ParameterError, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ldresearch.dataset import Dataset
    from ldresearch.plan import Plan
    from ldresearch.plan_ledger import Entry
    from ldresearch.run.runner import Done, Job, Note, Options

UNEXPECTED = 70
"""Exit code of what should never happen."""

app = typer.Typer(
    name="ldresearch",
    help="Run learning like a business: from a log of learning to reports that protect people.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
new = typer.Typer(help="Lay out the files of something new.", no_args_is_help=True)
app.add_typer(new, name="new")
plan = typer.Typer(help="Write, check and freeze a measurement plan.", no_args_is_help=True)
app.add_typer(plan, name="plan")
key_commands = typer.Typer(help="Look at the keys of clients, or change one.", no_args_is_help=True)
app.add_typer(key_commands, name="keys")


class LogForm(StrEnum):
    """How progress and errors are written: for people, or an object a line for programs."""

    TEXT = "text"
    JSON = "json"


Reports = Annotated[Path | None, typer.Option("--out", help="folder of the reports")]
Runs = Annotated[Path | None, typer.Option("--runs", help="private folder of executed notebooks")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, max=64, help="notebooks side by side; one a core"),
]
Cold = Annotated[
    bool, typer.Option("--cold", help="start Python anew for each notebook, instead of forking it")
]
Force = Annotated[bool, typer.Option("--force", help="run again what is already published")]
Locale = Annotated[
    str,
    typer.Option("--locale", help="numbers and dates: en, de or fr; the study's, else en"),
]
PageLocale = Annotated[
    str,
    typer.Option("--locale", help="en, de or fr; the study's, else as in the newest report"),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="nothing on stderr but errors", expose_value=False)
]
Log = Annotated[
    LogForm, typer.Option("--log", help="how stderr is written: text or json", expose_value=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="say what came of it as JSON on stdout")]


# Verbs --------------------------------------------------------------------------------------


@app.command()
def demo(
    out: Reports = None,
    runs: Runs = None,
    jobs: Jobs = None,
    force: Force = False,
    cold: Cold = False,
    locale: Locale = "",
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
) -> None:
    """Build the four demo organisations, run every notebook on them, write the index."""
    from ldresearch import places, worlds
    from ldresearch.run import runner
    from ldresearch.run.template import Template

    _say("Four made-up organisations: building them, or finding them built")
    datasets = worlds.demo(places.data_home() / "demo")
    options = _options(out, runs, jobs, force, locale=locale, is_warm=not cold)
    planned = [
        runner.plan(template, dataset, given, options)
        for dataset in datasets
        for template in Template.every()
        for given in worlds.occasions(dataset.manifest.client, template.name)
    ] + [
        runner.plan(template, datasets[0], {}, options, datasets[1:])
        for template in Template.every()
        if template.reads_several
    ]
    # The made-up calendar ends where it ends: its reports are fresh on the day after.
    done = _finish([planned], options, today=max(job.place.as_of for job in planned))
    typer.echo(str(options.reports / "index.html"))
    _exit_with(done)


@app.command()
def ingest(
    source: Annotated[
        str,
        typer.Argument(help="civil_service, initiatives, onet, oulad, survey, tabular or xapi"),
    ],
    path: Annotated[Path, typer.Argument(help="file or folder to read")],
    out: Annotated[Path | None, typer.Option("--out", help="folder of the dataset")] = None,
    client: Annotated[str, typer.Option(help="name of the organisation")] = "",
    key_file: Annotated[Path | None, typer.Option(help="file with the pseudonym key")] = None,
    public: Annotated[bool, typer.Option("--public", help="published or synthetic data")] = False,
    time_zone: Annotated[str, typer.Option(help="reporting time zone, IANA name")] = "UTC",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="name=value for the source")
    ] = None,
    sketch: Annotated[
        bool, typer.Option("--sketch", help="tabular: print a mapping to edit, read nothing in")
    ] = False,
    memory: Annotated[
        str, typer.Option(help="what the engine may use before it writes to disk: 1500MB, 4GB")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read a source into a dataset: validate, pseudonymise, deduplicate, write."""
    from ldresearch import sources
    from ldresearch.ingest import MEMORY

    if sketch:
        typer.echo(_sketch(source, path))
        return
    if out is None:
        raise ParameterError(message("no folder to write to", where="--out",
                                     do="name the dataset's folder"))  # fmt: skip
    options = dict(_pair(text) for text in option or [])
    report = sources.ingest(
        source, path, out, client=client, key_file=key_file, public=public, time_zone=time_zone,
        options=options, memory=memory or MEMORY,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps({
            "dataset": str(out), "is_unchanged": report.is_unchanged,
            "rows_in": dict(report.rows_in), "rows_out": dict(report.rows_out),
            "rejected": {t: dict(r) for t, r in report.rejected.items()},
            "notes": dict(report.dataset.manifest.notes),
        }, indent=1, sort_keys=True, default=str))  # fmt: skip
        return
    for line in _ingest_lines(report):
        typer.echo(line)


@app.command()
def run(
    notebooks: Annotated[list[str], typer.Argument(help="names such as 20_adoption, or all")],
    data: Annotated[list[Path], typer.Option("--data", help="a dataset; may be repeated")],
    as_of: Annotated[str, typer.Option("--as-of", help="first day not known, YYYY-MM-DD")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value for the notebook")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="one report over all datasets, clients kept apart")
    ] = False,
    first: Annotated[
        str, typer.Option("--from", help="first of several as-of dates, in place of --as-of")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="last of several as-of dates")] = "",
    every: Annotated[
        str, typer.Option("--every", help="step between them: day, week, month or quarter")
    ] = "week",
    out: Reports = None,
    runs: Runs = None,
    jobs: Jobs = None,
    force: Force = False,
    cold: Cold = False,
    timeout: Annotated[int, typer.Option(min=1, help="seconds a cell may take")] = 1800,
    locale: Locale = "",
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
    as_json: AsJson = False,
) -> None:
    """Run notebooks over datasets and publish their reports."""
    from ldresearch.run import runner
    from ldresearch.run.template import Template

    datasets = [_dataset(path) for path in data]
    days = _days(as_of, first, last, every)
    if not days:
        raise ParameterError(
            message("every study is as of a date", where="--as-of", allowed="YYYY-MM-DD",
                    do=_first_unknown_day(datasets))
        )  # fmt: skip
    given: dict[str, Any] = dict(_pair(text) for text in parameter or [])
    if {"dataset", "others", "as_of"} & set(given):
        raise ParameterError(
            message("this parameter has an option of its own", where="-p",
                    do="use --data, --together and --as-of")
        )  # fmt: skip
    fitting = [t.name for t in Template.every() if t.reads_several or not together]
    names = dict.fromkeys(fitting if notebooks == ["all"] else notebooks)
    options = _options(out, runs, jobs, force, timeout, locale, is_warm=not cold)
    studies = [datasets] if together else [[dataset] for dataset in datasets]
    planned = [
        [
            runner.plan(Template.find(name), study[0], {**given, "as_of": day}, options, study[1:])
            for study in studies
            for name in names
        ]
        for day in days
    ]
    done = _finish(planned, options)
    if as_json:
        typer.echo(json.dumps(runner.summary(done), indent=1))
    else:
        for one in done:
            if one.page:
                typer.echo(one.page)
        typer.echo(str(options.reports / "index.html"))
    _exit_with(done)


@app.command()
def monitor(
    plan_name: Annotated[
        str, typer.Argument(metavar="PLAN", help="a plan file, or a plan's name in the ledger")
    ],
    data: Annotated[Path, typer.Option("--data", help="the dataset whose ledger keeps the plan")],
    as_of: Annotated[str, typer.Option("--as-of", help="first day not known, YYYY-MM-DD")] = "",
    out: Reports = None,
    runs: Runs = None,
    force: Force = False,
    timeout: Annotated[int, typer.Option(min=1, help="seconds a cell may take")] = 1800,
    locale: Locale = "",
    quiet: Quiet = False,
    log: Log = LogForm.TEXT,
    as_json: AsJson = False,
) -> None:
    """Look at an initiative by its frozen plan; the exit code says what the plan asks for."""
    from ldresearch.run import monitoring

    dataset = _dataset(data)
    if not as_of:
        raise ParameterError(
            message("every look is as of a date", where="--as-of", allowed="YYYY-MM-DD",
                    do=_first_unknown_day([dataset]))
        )  # fmt: skip
    options = _options(out, runs, 1, force, timeout, locale)
    found = monitoring.monitor(plan_name, dataset, as_of, options)
    _index(options.reports, locale=options.locale)
    if as_json:
        typer.echo(json.dumps(monitoring.summary(found), indent=1, ensure_ascii=False))
    else:
        typer.echo(found.said)
        if found.done.page:
            typer.echo(found.done.page)
    if found.verdict == monitoring.REFUSED:
        _VOICE.get().refuse(f"ldresearch: {found.reason}", found.exit_code)
    _VOICE.get().sum_up(verdict=found.verdict, reason=found.reason, exit_code=found.exit_code)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


@app.command()
def index(
    out: Reports = None,
    locale: PageLocale = "",
) -> None:
    """Write the index and history pages of a folder of reports anew."""
    from ldresearch import places

    typer.echo(str(_index(out or places.reports_home(), "", locale or places.locale())))


@app.command()
def digest(
    on: Annotated[str, typer.Option("--on", help="last day it tells of, YYYY-MM-DD; today")] = "",
    days: Annotated[int, typer.Option("--days", min=1, help="days it looks back")] = 7,
    out: Reports = None,
    locale: PageLocale = "",
) -> None:
    """Write one page of what changed lately: verdicts, findings, reports that want attention."""
    import datetime as dt

    from ldresearch import clock, places
    from ldresearch.report import digest as pages

    day = clock.parse_date(on, name="--on") if on else dt.datetime.now(dt.UTC).date()
    home = _there(out or places.reports_home())
    typer.echo(str(pages.build(home, today=day, days=days, locale=locale or places.locale())))


@app.command()
def compare(
    run_id: Annotated[
        str, typer.Argument(metavar="RUN", help="a run as its report prints it, or its beginning")
    ],
    other: Annotated[str, typer.Argument(help="another run of the same report")],
    out: Reports = None,
    locale: PageLocale = "",
) -> None:
    """Set two runs of one report side by side: what moved, and what may have moved it."""
    from ldresearch import places
    from ldresearch.report import index as pages

    home = _there(out or places.reports_home())
    typer.echo(str(pages.compare(home, (run_id, other), locale=locale or places.locale())))


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="the folder of the study")],
) -> None:
    """Lay out a folder for a study of your own: notebooks, plan, schedule, what git ignores."""
    from ldresearch.run import study_folder

    for path in study_folder.lay_out(folder):
        typer.echo(str(folder / path))
    _say(f"Next: cd {folder}, then read its README.md")


@app.command()
def lab() -> None:
    """Open the welcome notebook in JupyterLab; builds the demo organisations the first time."""
    from ldresearch import places, worlds
    from ldresearch.run import lab as starting

    worlds.demo(places.data_home() / "demo")
    command = starting.command(places.notebooks_home())
    environment = starting.environment(os.environ)
    os.execve(sys.executable, command, environment)  # noqa: S606 - the interpreter that runs this


@app.command()
def verify(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="a run's key, or its beginning")],
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Do a published run again and compare: data, code, facts and page, the same or not."""
    from ldresearch import places
    from ldresearch.run import verification

    found = verification.verify(run_id, runs or places.runs_home())
    if as_json:
        typer.echo(json.dumps({"run": found.run, "is_same": found.is_same,
                               "findings": list(found.findings)}, indent=1))  # fmt: skip
    else:
        for line in found.findings:
            typer.echo(line)
    if not found.is_same:
        raise typer.Exit(5)


@app.command()
def forget(
    person: Annotated[str, typer.Argument(help="the id as the sources give it; - reads stdin")],
    data: Annotated[list[Path], typer.Option("--data", help="a dataset; may be repeated")],
    key_file: Annotated[Path | None, typer.Option(help="file with the pseudonym key")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Take a person out of datasets and private runs, and refuse their records from now on."""
    from dataclasses import asdict

    from ldresearch import places
    from ldresearch.run import custody

    named = sys.stdin.readline().rstrip("\r\n") if person == "-" else person
    found = custody.forget(
        named, [_dataset(path) for path in data], (runs or places.runs_home()).resolve(),
        key_file=key_file,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    for one in found:
        said = "taken out" if one.was_there else "nobody by this id was there"
        typer.echo(f"{one.client}: {said}; later records are refused; "
                   f"{one.n_runs} executed notebooks removed; published pages stay")  # fmt: skip


@app.command()
def prune(
    older_than: Annotated[float, typer.Option("--older-than", min=0, help="days")],
    runs: Runs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
) -> None:
    """Remove private runs that nobody wrote to for some days."""
    import time

    from ldresearch import places
    from ldresearch.run import custody

    home = (runs or places.runs_home()).resolve()
    for path in custody.prune(home, older_than, now=time.time(), dry_run=dry_run):
        typer.echo(str(path))


@app.command()
def about(
    data: Annotated[list[Path], typer.Option("--data", help="a dataset; may be repeated")] = [],  # noqa: B006
    settings: Annotated[
        Path | None, typer.Option("--settings", help="TOML; about.toml beside the manifest")
    ] = None,
    assessment: Annotated[
        Path | None, typer.Option("--dpia", help="also write an impact assessment there")
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="print settings to fill in, write nothing")
    ] = False,
    out: Reports = None,
) -> None:
    """Write the page that tells people what the reports are for, and a draft for counsel."""
    from ldresearch import places
    from ldresearch.files import atomic_write
    from ldresearch.report import about as papers
    from ldresearch.run import about as filled

    if template:
        typer.echo(papers.template(), nl=False)
        return
    if not data or (assessment and len(data) > 1):
        raise ParameterError(
            message("an assessment is of one dataset" if data else "no dataset named",
                    where="--data", do="name one")
        )  # fmt: skip
    for path in data:
        dataset = _dataset(path)
        typer.echo(str(filled.write([dataset], (out or places.reports_home()).resolve(), settings)))
        if assessment:
            found = filled.subject([dataset], settings)
            atomic_write(assessment, papers.assessment(found))
            typer.echo(str(assessment))


@app.command()
def doctor(
    data: Annotated[list[Path], typer.Option("--data", help="also look at this dataset")] = [],  # noqa: B006
    out: Reports = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Check an installation and datasets, and say what to mend."""
    from ldresearch import places
    from ldresearch.run import doctor as looking

    options = _options(out, runs, 1, force=False)
    found = looking.installation(reports=options.reports, runs=options.runs)
    for path in data:
        inside = places.data_home() / path
        found += looking.dataset(
            (path if path.is_dir() or not inside.is_dir() else inside).resolve()
        )
    if as_json:
        typer.echo(json.dumps(looking.summary(found), indent=1))
    else:
        for check in found:
            typer.echo(f"{check.state:5} {check.about}, {check.name}: {check.said}")
            if check.do and check.state != looking.FINE:
                typer.echo(f"      {check.do}")
    if not looking.summary(found)["is_fine"]:
        raise typer.Exit(5)


@key_commands.command("list")
def keys_list(as_json: AsJson = False) -> None:
    """List the keys of this user's key store, and what is amiss with them; never a key."""
    from ldresearch.privacy import keys
    from ldresearch.sources import key_store

    found = keys.listed(key_store())
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    typer.echo(str(key_store()))
    for one in found:
        typer.echo(f"  {one['file']}  {one['id']}  {one['said']}")


@key_commands.command("rotate")
def keys_rotate(
    client: Annotated[str, typer.Argument(help="name of the organisation, as in its manifest")],
) -> None:
    """Give a client a new key; its sources have to be ingested anew into another folder."""
    from ldresearch.privacy import keys
    from ldresearch.sources import key_store

    typer.echo(str(keys.rotate(client, key_store())))
    _say(
        f"New key for {client}. Now ingest every source anew into another folder, check the "
        "reports, then remove the old dataset and its runs. Who was forgotten stays so."
    )


@key_commands.command("accept")
def keys_accept(
    data: Annotated[Path, typer.Argument(help="the dataset that was ingested under a new key")],
    runs: Runs = None,
) -> None:
    """Let reports go on under a dataset's new key, as a new version of each line."""
    from ldresearch import places
    from ldresearch.run import releases

    entry = releases.accept_key(_dataset(data), (runs or places.runs_home()).resolve())
    typer.echo(entry.as_of)
    _say(
        f"Reports of {entry.client} go on under key {entry.keys} from {entry.as_of} on, each line "
        "as a new version: until then one could be subtracted from those made before."
    )


@new.command("analysis")
def new_analysis(
    name: Annotated[str, typer.Argument(help="number and stem, such as 45_mentoring")],
    like: Annotated[str, typer.Option("--like", help="the analysis to begin from")] = "adoption",
) -> None:
    """Lay out a new analysis: measure, figure, table, sentence and notebook."""
    from ldresearch.run import layout

    for path in layout.analysis(name, like):
        typer.echo(str(path))


@plan.command("new")
def plan_new(
    file: Annotated[Path | None, typer.Argument(help="where to write it; none: stdout")] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Write a commented plan to begin from."""
    from ldresearch.files import atomic_write
    from ldresearch.plan import template

    if file is None:
        typer.echo(template(), nl=False)
        return
    if file.exists() and not force:
        raise ParameterError(
            message("there is a file already", where=str(file),
                    do="name another, or write over it with --force")
        )  # fmt: skip
    atomic_write(file, template())
    typer.echo(str(file))


@plan.command("check")
def plan_check(
    file: Annotated[Path, typer.Argument(help="the plan")],
    data: Annotated[
        Path | None, typer.Option("--data", help="also hold it against this dataset's ledger")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a plan: everything amiss at once, with its line; then its hash."""
    from ldresearch import plan_ledger
    from ldresearch.plan import Plan

    found = Plan.load(file)
    entry = plan_ledger.check(found, _dataset(data)) if data else None
    _tell_plan(found, entry, as_json)


@plan.command("freeze")
def plan_freeze(
    file: Annotated[Path, typer.Argument(help="the plan")],
    data: Annotated[Path, typer.Option("--data", help="the dataset whose ledger keeps it")],
    on: Annotated[str, typer.Option("--on", help="day it is frozen, YYYY-MM-DD; today")] = "",
    late: Annotated[
        bool, typer.Option("--late", help="freeze it although the launch is past")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record a plan's hash and content in the dataset's ledger; later edits are refused."""
    import datetime as dt

    from ldresearch import clock, plan_ledger
    from ldresearch.plan import Plan

    now = dt.datetime.now(dt.UTC)
    found = Plan.load(file)
    dataset = _dataset(data)
    today = now.astimezone(clock.zone(dataset.manifest.time_zone)).date()
    day = clock.parse_date(on, name="--on") if on else today
    if day > today:
        raise ParameterError(
            message("this day is still to come", where="--on", got=on, allowed=f"up to {today}")
        )
    entry = plan_ledger.freeze(
        found, dataset, on=day, recorded_at=now.isoformat(timespec="seconds"), late=late
    )
    _tell_plan(found, entry, as_json)


# Serving them -------------------------------------------------------------------------------


def _tell_plan(found: Plan, entry: Entry | None, as_json: bool) -> None:
    frozen = {"frozen_on": entry.frozen_on.isoformat(), "is_late": entry.is_late,
              "changes": list(entry.changes)} if entry else {}  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"name": found.name, "version": found.version, "hash": found.hash,
                               **frozen}, indent=1, ensure_ascii=False))  # fmt: skip
        return
    typer.echo(f"{found.name}, version {found.version}")
    for line in entry.changes if entry else ():
        typer.echo(f"  {line}")
    if entry:
        typer.echo(f"frozen on {entry.frozen_on}" + (", after its launch" * entry.is_late))
    typer.echo(found.hash)


def _options(
    out: Path | None,
    runs: Path | None,
    jobs: int | None,
    force: bool,
    timeout: int = 1800,
    locale: str = "",
    *,
    is_warm: bool = True,
) -> Options:
    from ldresearch import places
    from ldresearch.run.runner import Options
    from ldresearch.wording import checked_locale

    return Options(
        reports=(out or places.reports_home()).resolve(),
        runs=(runs or places.runs_home()).resolve(),
        n_parallel=jobs or _n_cores(), is_forced=force, timeout_s=timeout,
        tell=_VOICE.get().tell, locale=checked_locale(locale or places.locale()), is_warm=is_warm,
    )  # fmt: skip


def _n_cores() -> int:
    """Count the cores this process may use, up to what ``--jobs`` takes."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(usable or 1, 64)


def _days(as_of: str, first: str, last: str, every: str) -> list[str]:
    """Read one as-of date, or a range of them; none where none was given."""
    from ldresearch import clock

    if not (first or last):
        return [as_of] if as_of else []
    if as_of or not (first and last):
        raise ParameterError(
            message("a range has two ends", where="--from and --to",
                    do="give both, and no --as-of")
        )  # fmt: skip
    ends = clock.parse_date(first, name="--from"), clock.parse_date(last, name="--to")
    return [day.isoformat() for day in clock.days(*ends, every)]


def _finish(planned: Sequence[Sequence[Job]], options: Options, today: str = "") -> list[Done]:
    from ldresearch.run import runner

    done = runner.run_in_order(planned, options)
    _index(options.reports, today, options.locale)
    return done


def _index(reports: Path, today: str = "", locale: str = "") -> Path:
    import datetime as dt

    from ldresearch.files import LOCK, locked
    from ldresearch.report import index as pages

    with locked(_there(reports) / LOCK):
        day = dt.date.fromisoformat(today) if today else dt.datetime.now(dt.UTC).date()
        return pages.build(reports, today=day, locale=locale)


def _there(reports: Path) -> Path:
    if not reports.is_dir():
        raise ParameterError(
            message("no folder of reports", where="--out", got=str(reports),
                    do="run a notebook first")
        )  # fmt: skip
    return reports.resolve()


def _dataset(path: Path) -> Dataset:
    from ldresearch import places
    from ldresearch.dataset import Dataset

    if not path.is_dir() and (places.data_home() / path).is_dir():
        path = places.data_home() / path
    return Dataset.open(path.resolve())


def _first_unknown_day(datasets: Sequence[Dataset]) -> str:
    """Suggest the day after the last activity of the first dataset."""
    import datetime as dt

    from ldresearch.log import EventLog

    for dataset in datasets:
        log = EventLog.open(dataset, as_of="2100-01-01")
        if log.has("activity_day"):
            last = log.table("activity_day").day_on.max().execute()
            following = dt.date.fromisoformat(str(last)[:10]) + dt.timedelta(days=1)
            return f"add --as-of {following}, the day after the last activity"
    return "add --as-of with the first day that is not known"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ParameterError(message("not name=value", where="-p", got=text[:60]))
    return name.strip(), value


def _sketch(source: str, path: Path) -> str:
    if source != "tabular":
        raise ParameterError(
            message("only tabular files need a mapping", where="--sketch", got=source,
                    do="ingest this source without it")
        )  # fmt: skip
    from ldresearch.sources import tabular

    return str(tabular.sketch(path))


def _ingest_lines(report: Any) -> list[str]:
    lines = ["Nothing new: these files were read before."] if report.is_unchanged else []
    for table, kept in sorted(report.rows_out.items()):
        rejected = sum(report.rejected.get(table, {}).values())
        said = f"{table}: {kept:,} of {report.rows_in.get(table, kept):,} rows kept"
        lines.append(said + (f", {rejected:,} rejected" if rejected else ""))
        lines += [f"  {n:,} {why}" for why, n in sorted(report.rejected.get(table, {}).items())]
    for name, value in sorted(report.dataset.manifest.notes.items()):
        lines += _note_lines(str(name), value)
    lines.append(str(report.dataset.path))
    return lines


def _note_lines(name: str, value: Any) -> list[str]:
    title = name.replace("_", " ")
    if isinstance(value, dict):
        return [f"{title}:", *(f"  {key}: {_told(v)}" for key, v in value.items())]
    return [f"{title}: {_told(value)}"]


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _exit_with(done: Sequence[Done]) -> None:
    worst = max((one.exit_code for one in done), default=0)
    counts = {s: sum(one.status == s for one in done) for s in ("published", "unchanged", "failed")}
    _VOICE.get().sum_up(**counts, exit_code=worst)
    if worst:
        raise typer.Exit(worst)


@dataclass(frozen=True, slots=True)
class Voice:
    """What goes to stderr, and how.

    Attributes
    ----------
    is_quiet : bool
        Nothing but errors.
    is_json : bool
        One object a line.
    """

    is_quiet: bool = False
    is_json: bool = False

    @classmethod
    def of(cls, words: Sequence[str]) -> Voice:
        """Hear from a command line how it wants to be answered, also where it is refused.

        Examples
        --------
        >>> Voice.of(["run", "all", "--log", "json", "-q"])
        Voice(is_quiet=True, is_json=True)
        """
        pairs = zip(words, [*words[1:], ""], strict=True)
        is_json = any(f"{a}={b}" == "--log=json" or a == "--log=json" for a, b in pairs)
        return cls(is_quiet="--quiet" in words or "-q" in words, is_json=is_json)

    def tell(self, note: Note) -> None:
        """Write a note."""
        if note.is_error or not self.is_quiet:
            self._write(note.event, note.said, is_error=note.is_error, **note.fields)

    def say(self, said: str, event: str = "note", **fields: Any) -> None:
        """Write what is good to know."""
        if not self.is_quiet:
            self._write(event, said, is_error=False, **fields)

    def sum_up(self, **fields: Any) -> None:
        """Write a last line for programs: what came of all of it."""
        if self.is_json and not self.is_quiet:
            self._write("finished", "finished", is_error=False, **fields)

    def refuse(self, said: str, exit_code: int, event: str = "refused") -> int:
        """Write why a command ends here, and return its exit code."""
        self._write(event, said, is_error=True, exit_code=exit_code)
        return exit_code

    def _write(self, event: str, said: str, *, is_error: bool, **fields: Any) -> None:
        import datetime as dt

        if self.is_json:
            at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            level = "error" if is_error else "info"
            said = json.dumps({"at": at, "level": level, "event": event, "said": said, **fields},
                              ensure_ascii=False)  # fmt: skip
        typer.echo(said, err=True)


_VOICE: ContextVar[Voice] = ContextVar("voice", default=Voice())  # noqa: B039 - it never changes


def _say(line: str) -> None:
    _VOICE.get().say(line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never a traceback unless asked for with ``--debug``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    before = _VOICE.set(Voice.of(words))
    try:
        sys.exit(_run(words, debug=debug))
    finally:
        _VOICE.reset(before)


def _run(words: list[str], *, debug: bool) -> int:
    # Typer carries a click of its own; its errors are told apart by what they can say.
    try:
        code = app(words, standalone_mode=False)
    except LdresearchError as error:
        if debug:
            raise
        return _VOICE.get().refuse(f"ldresearch: {error}", error.exit_code)
    except KeyboardInterrupt:
        from ldresearch.run.runner import STOPPED

        return _VOICE.get().refuse(STOPPED, 130, "stopped")
    except BrokenPipeError:
        return 0
    except Exception as error:
        if debug:
            raise
        return _unexpected(error)
    return int(code or 0)


def _unexpected(error: Exception) -> int:
    voice = _VOICE.get()
    if hasattr(error, "format_message"):
        text = message(str(error.format_message()).rstrip("."), do="see ldresearch --help")
        return voice.refuse(f"ldresearch: {text}", int(getattr(error, "exit_code", 2)))
    if isinstance(error, OSError):
        text = message(error.strerror or type(error).__name__, where="file system")
        return voice.refuse(f"ldresearch: {text}", 5)
    text = message("something unexpected happened", got=type(error).__name__,
                   do="run it again with --debug and report what it prints")  # fmt: skip
    return voice.refuse(f"ldresearch: {text}", UNEXPECTED, "unexpected")
