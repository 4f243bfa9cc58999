"""What a notebook holds: begin, publish, show, headline, finish.

A run knows its parameters, its log as of the date and its disclosure rules. Everything it shows
for a report is a published result and the name of the view to draw it with; the report draws it
again from there, so no text and no picture made in a notebook can reach a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ldresearch import (
    __version__,
    clock,
    look_ledger,
    parameters,
    places,
    plan_ledger,
    previews,
    privacy,
    reprs,
    shelf,
    views,
)
from ldresearch.errors import ParameterError, message
from ldresearch.log import EventLog
from ldresearch.privacy.gate import MIME
from ldresearch.result import Estimate, Published, Result, Rules, Scalar, Step, to_payload
from ldresearch.vocabulary import Family, Grade, Mode, Role, metrics
from ldresearch.wording import checked_locale, listing, written_in

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from ldresearch.dataset import Dataset
    from ldresearch.plan_ledger import Standing
    from ldresearch.sentences import Headline

FACTS_MIME = "application/vnd.ldresearch.facts+json"
NOT_FOR_DISTRIBUTION = "Explored, not for distribution: this never reaches a report."
NOT_SHOWN = "Rows about persons are shown in explore mode only: nothing is shown here."
_NARROW = ("unit", "role", "level", "country", "location")
_PACKAGES = ("pandas", "numpy", "duckdb", "ibis-framework", "lifelines", "scikit-learn", "scipy")


def begin(name: str, namespace: Mapping[str, Any]) -> Run:
    """Start a study: check its parameters, open its log, show what is covered.

    Parameters
    ----------
    name : str
        The notebook's name, ``20_adoption``.
    namespace : mapping
        ``globals()`` of the notebook. Declared parameters are found in the cells executed so far;
        whatever papermill or a scheduler injected is checked by name, type and range.

    Returns
    -------
    Run
        Its log is narrowed to the population that the parameters name; what the log covers has
        been shown.

    Raises
    ------
    ParameterError
        For a misspelt, mistyped or out-of-range parameter, a missing dataset or a bad date.
    DataError
        If the dataset cannot be read.

    Examples
    --------
    >>> from ldresearch.worlds.tables import log
    >>> tiny = log({"event": '''
    ...     person_id | occurred_at | verb
    ...     ada       | 2024-01-03  | view
    ... '''}, as_of="2024-02-01")
    >>> run = begin("20_adoption", {"dataset": str(tiny.dataset.path), "as_of": "2024-02-01"})
    coverage study.coverage
    >>> run, run.stem
    (Run(20_adoption, text as of 2024-02-01, publish), 'adoption')
    """
    known, injected = parameters.executed(list(namespace.get("In", ())))
    if not known:
        known = {
            key: parameters.Parameter(key, value)
            for key, value in namespace.items()
            if not key.startswith("_") and isinstance(value, str | int | float | bool)
        }
    given = {key: namespace[key] for key in known if key in namespace} | injected
    values = parameters.resolve(known, given)
    for needed in ("dataset", "as_of"):
        if needed not in values:
            raise ParameterError(
                message("a notebook needs this parameter", where=needed,
                        do="declare it in the cell tagged parameters")
            )  # fmt: skip
    run = Run(name, values, *_logs(values))
    run._show_coverage()
    return run


def _logs(values: Mapping[str, Scalar]) -> list[EventLog]:
    """Open the dataset, and the others of a study over several, each as a log of its own."""
    others = [name.strip() for name in str(values.get("others", "")).split(",")]
    logs = [
        EventLog.open(
            places.dataset_folder(name),
            as_of=str(values["as_of"]),
            time_zone=str(values.get("time_zone", "")),
            people_as_of=_setting("people_as_of"),
        )
        for name in [str(values["dataset"]), *filter(None, others)]
    ]
    clients([log.dataset for log in logs])
    narrow = {key: str(values[key]) for key in _NARROW if key in values}
    return [log.where(**narrow) for log in logs]


def clients(datasets: Sequence[Dataset]) -> str:
    """Name the organisation of a study, or all of them.

    Parameters
    ----------
    datasets : sequence of Dataset
        In the order of the study.

    Returns
    -------
    str
        The client as its dataset has it; of several a list for readers, "Harbour and Meadow".

    Raises
    ------
    ParameterError
        If two datasets belong to one client: their people would be counted twice.
    """
    names = [dataset.manifest.client for dataset in datasets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            message("two datasets of one client in a study", where="others", got=twice,
                    do="name each client once")
        )  # fmt: skip
    if len(names) == 1:
        return names[0]
    return listing(name[:1].upper() + name[1:] for name in names)


class Run:
    """A running study.

    Attributes
    ----------
    name : str
        ``20_adoption``.
    stem : str
        ``adoption``: the name of its views.
    parameters : namespace
        Every declared parameter, checked and typed.
    log : EventLog
        As of the date, narrowed to the population.
    logs : tuple of EventLog
        All datasets of the study, ``log`` first. Their persons are never joined: each has keys of
        its own, and only what was counted or estimated in each is put together.
    client : str
        The organisation, or all of them.
    rules : Rules
        The disclosure rules in force: the strictest that any of the datasets asks for.
    locale : str
        How its words write numbers and dates: what the runner was told, else what the study's
        folder asks for, else English.
    """

    def __init__(
        self, name: str, values: Mapping[str, Scalar], log: EventLog, *others: EventLog
    ) -> None:
        from ldresearch.privacy.suppression import Told

        self.name = name
        self.stem = name.split("_", 1)[1] if name[:1].isdigit() and "_" in name else name
        self.parameters = SimpleNamespace(**values)
        self.log = log
        self.logs = (log, *others)
        self.client = clients([one.dataset for one in self.logs])
        is_public = all(one.dataset.manifest.public for one in self.logs)
        self.rules = Rules(k=1, base=1, public=True) if is_public else Rules()
        self.mode = Mode(str(values.get("mode", Mode.PUBLISH)))
        self.locale = checked_locale(_setting("locale") or places.locale())
        self._values = dict(values)
        self._published: list[Published] = []
        self._told = Told()
        self._checks: list[dict[str, Scalar]] = []
        self._headline: Headline | None = None
        self._coverage: list[Published] = []
        self._attrition: Published | None = None
        self._shelf: shelf.Shelf | None = None

    def __repr__(self) -> str:
        return f"Run({self.name}, {self.client} as of {self.log.as_of}, {self.mode.value})"

    def _repr_html_(self) -> str:
        """Show in JupyterLab what is studied, for whom and with what."""
        rules = "public data: shown in full" if self.rules.public else (
            f"groups of {self.rules.k} or more, counts in steps of {self.rules.base}"
        )  # fmt: skip
        about = [("client", self.client), ("as of", self.log.as_of), ("mode", self.mode.value),
                 ("rules", rules)]  # fmt: skip
        return reprs.page(
            self.name, reprs.pairs(about),
            reprs.table(["parameter", "value"], self._values.items()),
        )  # fmt: skip

    # Measuring -------------------------------------------------------------------------------

    def measure(self, measure: Callable[..., pd.DataFrame], **given: Any) -> pd.DataFrame:
        """Measure every dataset of the study alike and put the frames below each other.

        Parameters
        ----------
        measure : callable
            A measure of ``ldresearch.measures``.
        **given
            What it takes besides the log.

        Returns
        -------
        pandas.DataFrame
            The measure's frame with the column ``client`` before its own. ``attrs["missing"]``
            says what is missing where no dataset has it, ``attrs["without"]`` what is missing by
            client.
        """
        import pandas as pd

        frames = [measure(log, **given) for log in self.logs]
        names = [log.dataset.manifest.client for log in self.logs]
        without = {
            name: str(frame.attrs["missing"])
            for name, frame in zip(names, frames, strict=True)
            if frame.attrs.get("missing")
        }
        filled = [
            frame.assign(client=name)
            for name, frame in zip(names, frames, strict=True)
            if len(frame)
        ]
        columns = ["client", *frames[0].columns]
        found = (pd.concat(filled, ignore_index=True) if filled else frames[0].assign(client=""))[
            columns
        ]
        found.attrs = {"without": without}
        if len(without) == len(names):
            found.attrs["missing"] = without[names[0]]
        return found

    def plan(self, name: str = "") -> Standing:
        """Return the measurement plan and where it stands as of the date.

        Parameters
        ----------
        name : str
            A plan file, absolute or below the data folder, or a name in the ledger; empty: the
            ledger's newest.

        Returns
        -------
        Standing
            What it says, and whether that is what was frozen; or why there is none.
        """
        return plan_ledger.standing(name, self.log.dataset, as_of=self.log.as_of)

    def looks(self, standing: Standing) -> tuple[date, ...]:
        """Return the looks at a plan that were held before the date.

        Parameters
        ----------
        standing : Standing
            Of :meth:`plan`.

        Returns
        -------
        tuple of datetime.date
            In order; nothing without a plan.
        """
        if standing.plan is None:
            return ()
        return look_ledger.held(self.log.dataset, standing.plan.name, as_of=self.log.as_of)

    def reports(self, *, fresh_days: int, since: str = "") -> shelf.Shelf:
        """Return what the other reports of this client had said by the date.

        They are read from the folder of reports that the parameter ``reports`` names, for the same
        part of the organisation. What is read are facts: published numbers, and no more.

        Parameters
        ----------
        fresh_days : int
            Days after which a report is stale.
        since : str
            ISO date: each is compared with its newest run up to that day; empty: with the run
            before.

        Returns
        -------
        Shelf
            Frames for a model; the runs that were read become part of the provenance.
        """
        day = clock.parse_date(since, name="since") if since else None
        home = shelf.folder(str(self._values.get("reports", "")))
        found = shelf.read(
            home, self.client, self.log.as_of, population=shelf.part(self._values),
            leave_out=self.name, since=day, public=self.rules.public, k=self.rules.k,
            base=self.rules.base,
        )  # fmt: skip
        known = [p.stem for p in sorted(places.notebooks_home().glob("[0-9]*.ipynb"))]
        told = shelf.framed(
            found, as_of=self.log.as_of, fresh_days=fresh_days,
            known=[name for name in known if name != self.name],
        )  # fmt: skip
        self._shelf = told
        return told

    @property
    def _is_planned(self) -> bool:
        """Whether this is read against a plan: then nothing may show what was known later."""
        return "plan" in self._values

    # Publishing ------------------------------------------------------------------------------

    def publish(self, result: Result) -> Published:
        """Take a result through the door, under this run's rules and beside what it told before.

        Parameters
        ----------
        result : Result
            Of a model; private.

        Returns
        -------
        Published
            What views take; its estimates are among the facts of the run.

        Raises
        ------
        DisclosureError
            If it has a column about one person, or rules that are too weak.
        """
        published = privacy.publish(result, self.rules, self._told)
        self._published.append(published)
        return published

    def pass_on(self, result: Result) -> Published:
        """Pass on what other reports have published, number by number as it stands there.

        Parameters
        ----------
        result : Result
            Of a model over :meth:`reports`.

        Returns
        -------
        Published
            What views take.

        Raises
        ------
        DisclosureError
            If it holds a number that none of the facts read holds.
        """
        known = self._shelf.numbers if self._shelf is not None else frozenset()
        published = privacy.pass_on(result, self.rules, known)
        self._published.append(published)
        return published

    def figure(self, view: str, *published: Published) -> None:
        """Show a figure with its sentence as the caption and its numbers in a table.

        Parameters
        ----------
        view : str
            Name of a function in the module of this study's views.
        *published : Published
            What it takes.
            Where the first is empty, the sentence says what is missing.
        """
        self._show("sentence" if published[0].is_empty else "figure", view, published)

    def table(self, view: str, *published: Published) -> None:
        """Show a table with its sentence.

        Parameters
        ----------
        view : str
            Name of a function in the module of this study's views.
        *published : Published
            What it takes.
            Where the first is empty, the sentence says what is missing.
        """
        self._show("sentence" if published[0].is_empty else "table", view, published)

    def say(self, view: str, *published: Published) -> None:
        """Show a sentence.

        Parameters
        ----------
        view : str
            Name of a function in the module of this study's views.
        *published : Published
            What it takes.
        """
        self._show("sentence", view, published)

    def checks(self, *published: Published) -> None:
        """Show what was checked: passed, not passed, not known, each with its sentence.

        Parameters
        ----------
        *published : Published
            Of family CHECKS: a row a check, with its ``status``.
        """
        for one in published:
            for row in one.frame.to_dict("records"):
                self._checks.append({"check": row["check"], "status": row["status"]})
        self._show("checks", "checks", published)

    def cohort(self, *steps: Step) -> None:
        """Show who is counted, and who fell out and why.

        Parameters
        ----------
        *steps : Step
            Added to those of the log, such as ``frame.attrs["steps"]`` of a measure.
        """
        import pandas as pd

        every = [*self.log.attrition, *steps]
        frame = pd.DataFrame(
            {
                "reason": [s.reason for s in every],
                "rows": [s.n_rows for s in every],
                "n": [s.n_persons for s in every],
            }
        )
        result = Result(
            "attrition", Family.COUNTS, frame,
            {"reason": Role.KEY, "rows": Role.COUNT, "n": Role.N},
            missing="" if every else "no one was left out",
        )  # fmt: skip
        self._attrition = privacy.publish(result, self.rules)
        self._show("attrition", "attrition", (self._attrition,), stem="study")

    def headline(self, *published: Published) -> None:
        """Say the finding: one sentence, up to four numbers, the decision.

        Parameters
        ----------
        *published : Published
            What the view ``headline`` of this study takes.
        """
        with written_in(self.locale):
            self._headline = views.resolve("sentence", self.stem, "headline")(*published)
        self._show("headline", "headline", published)

    def explore(self, frame: pd.DataFrame | Result, rows: int = 50) -> None:
        """Show rows while exploring; dropped by every report, and not shown when publishing.

        Parameters
        ----------
        frame : pandas.DataFrame or Result
            It may be private.
        rows : int
            How many are shown, from the top.
        """
        if self.mode is not Mode.EXPLORE:
            _display({"text/plain": NOT_SHOWN})
            return
        data = frame.frame if isinstance(frame, Result) else frame
        html = f"<p><strong>{NOT_FOR_DISTRIBUTION}</strong></p>{data.head(rows).to_html()}"
        _display({"text/html": html, "text/plain": f"{NOT_FOR_DISTRIBUTION}\n{data.head(rows)}"})

    def _show(self, kind: str, view: str, published: Sequence[Published], stem: str = "") -> None:
        stem = stem or self.stem
        with written_in(self.locale):
            bundle = _preview(kind, stem, view, published)
        if self.mode is Mode.PUBLISH:
            payload = {
                "v": 1, "kind": kind, "stem": stem, "view": view,
                "published": [to_payload(p) for p in published],
            }  # fmt: skip
            bundle[MIME] = json.loads(json.dumps(payload, allow_nan=False))
        else:
            bundle["text/plain"] = f"{NOT_FOR_DISTRIBUTION}\n{bundle['text/plain']}"
        _display(bundle)

    # What there is ---------------------------------------------------------------------------

    def _show_coverage(self) -> None:
        for log in self.logs:
            rejected = {} if self._is_planned else log.dataset.manifest.rejected
            covered = _coverage(log, rejected)
            if len(self.logs) > 1:
                covered = covered.but(parameters={"client": log.dataset.manifest.client})
            self._coverage.append(privacy.publish(covered, self.rules))
            self._show("coverage", "coverage", (self._coverage[-1],), stem="study")

    # The end ---------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Return what a program reads: every published estimate, checks and provenance.

        Returns
        -------
        dict
            Fit for JSON: ``report``, ``headline`` (``None`` before it was said), ``facts``,
            ``checks``, ``missing``, ``coverage``, ``attrition``, ``rules``, ``n_suppressed``,
            ``provenance``, and ``run_id``, the same for the same data, parameters and code.
        """
        manifest = self.log.dataset.manifest
        headline = self._headline
        population = {k: v for k, v in self.log.population.items()}  # noqa: C416 - a plain dict
        datasets = [log.dataset for log in self.logs]
        rows, hashed = _rows(datasets), data_hash(datasets)
        if self._is_planned:
            rows, hashed = self.log.known()
        provenance: dict[str, Any] = {
            "data_hash": hashed,
            "schema_version": manifest.schema_version,
            "tables": rows,
            "sources": [s.get("kind", "") for d in datasets for s in d.manifest.sources],
            "packages": _versions(),
            "ldresearch": __version__,
            "git": _revision(),
            "locale": self.locale,
        }
        if self.log.people_as_of:
            provenance["people_as_of"] = self.log.people_as_of.isoformat()
        if len(datasets) > 1:
            provenance["datasets"] = {d.manifest.client: d.manifest.data_hash for d in datasets}
        plans = plan_ledger.facts(self.log.dataset, self.log.as_of)
        if plans:
            provenance["plans"] = plans
        if self._shelf is not None:
            provenance["reports"] = list(self._shelf.read)
        shown = {k: v for k, v in self._values.items() if k not in parameters.PLACES}
        if plan_ledger.is_file(str(shown.get("plan", ""))):
            # The name of the file is enough: where it lies is nobody's business on a page.
            shown["plan"] = PurePath(str(shown["plan"])).name
        body = {
            "v": 1,
            "report": {
                "name": self.name,
                "stem": self.stem,
                "client": self.client,
                "as_of": self.log.as_of.isoformat(),
                "time_zone": self.log.time_zone,
                "population": population,
                "parameters": shown,
            },
            "headline": {
                "title": headline.title,
                "decision": headline.decision,
                "change_mind": headline.change_mind,
                "cards": [_fact(card.estimate) | {"text": card.label} for card in headline.cards],
            }
            if headline
            else None,
            "facts": [_fact(e) for e in _distinct(self._published)],
            "checks": self._checks,
            "missing": [
                {"result": p.name, "why": p.missing} for p in self._published if p.is_empty
            ],
            "coverage": [list(r) for covered in self._coverage for r in covered.rows],
            "attrition": [list(r) for r in self._attrition.rows] if self._attrition else [],
            "rules": {"k": self.rules.k, "base": self.rules.base, "public": self.rules.public},
            "n_suppressed": sum(p.n_suppressed for p in self._published),
            "provenance": provenance,
        }
        judged = [dict(p.parameters) for p in self._published if p.name == "verdict"]
        if judged:
            body["verdict"] = judged[-1]
        told = [_told(p) for p in self._published if p.name == shelf.SENTENCES]
        if told:
            body["summary"] = told[-1]
        text = json.dumps([body["report"], provenance], sort_keys=True, default=str)
        body["run_id"] = hashlib.sha256(text.encode()).hexdigest()[:16]
        return body

    def finish(self) -> None:
        """Emit the facts; without this a run is not complete and is never published.

        Raises
        ------
        ParameterError
            If no headline was said.
        """
        if self.mode is Mode.EXPLORE:
            _display({"text/plain": NOT_FOR_DISTRIBUTION})
            return
        if self._headline is None:
            raise ParameterError(
                message("a report without a finding", where=self.name,
                        do="call run.headline(...) before run.finish()")
            )  # fmt: skip
        facts = self.facts()
        known = len(facts["facts"])
        _display({FACTS_MIME: facts, "text/plain": f"{known} facts, run {facts['run_id']}"})


# Facts --------------------------------------------------------------------------------------


def _number(value: float) -> Scalar:
    if value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value


def _fact(estimate: Estimate) -> dict[str, Scalar]:
    entry = metrics().get(estimate.metric)
    return {
        "metric": estimate.metric,
        "name": entry.label if entry else estimate.metric,
        "label": estimate.label,
        "value": _number(estimate.value),
        "low": _number(estimate.low),
        "high": _number(estimate.high),
        "n": estimate.n,
        "unit": estimate.unit,
        "grade": Grade(estimate.grade).value,
        "direction": entry.direction.value if entry else "neither",
    }


def _told(published: Published) -> list[dict[str, Scalar]]:
    """List the sentences of a summary for programs: what is said, and in which report it stands."""
    names = ("idea", "title", "report", "as_of")
    rows = published.frame.to_dict("records")
    return [{name: row[name] for name in names} for row in rows if row["report"]]


def _distinct(published: Sequence[Published]) -> list[Estimate]:
    found: dict[tuple[str, str], Estimate] = {}
    for one in published:
        for estimate in one.estimates:
            found.setdefault((estimate.metric, estimate.label), estimate)
    return list(found.values())


def data_hash(datasets: Sequence[Dataset]) -> str:
    """Return one hash over the contents of all datasets of a study, in their order.

    Parameters
    ----------
    datasets : sequence of Dataset
        In the order of the study.

    Returns
    -------
    str
        The dataset's own hash where there is one; of several a hash of their hashes.
    """
    hashes = [dataset.manifest.data_hash for dataset in datasets]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _rows(datasets: Sequence[Dataset]) -> dict[str, int]:
    """Count the rows of each table, over all datasets."""
    rows: dict[str, int] = {}
    for dataset in datasets:
        for name, entry in dataset.manifest.tables.items():
            rows[name] = rows.get(name, 0) + entry.rows
    return rows


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _revision() -> dict[str, Scalar]:
    """Revision of the checkout this package runs from, and whether it was changed since."""
    import subprocess

    root = places.checkout()
    if root is None or not (root / ".git").exists():
        return {"revision": None, "is_dirty": None}

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607 - whichever git the person uses
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    try:
        changed = bool(git("status", "--porcelain", "-uno", "--", "src", "notebooks"))
        return {"revision": git("rev-parse", "--short=12", "HEAD") or None, "is_dirty": changed}
    except OSError:
        return {"revision": None, "is_dirty": None}


def _coverage(log: EventLog, rejected: Mapping[str, Mapping[str, int]]) -> Result:
    """Say what a log covers: days, events, persons, and what was rejected on the way in."""
    import pandas as pd

    rows: list[tuple[str, str, int | None, int]] = []
    if log.has("activity_day"):
        day = log.table("activity_day")
        found = log.collect(
            day.aggregate(
                first=day.day_on.min(), last=day.day_on.max(), events=day.n_events.sum(),
                persons=day.person_key.nunique(),
            )
        ).iloc[0]  # fmt: skip
        n = int(found["persons"])
        rows += [
            ("first day", str(pd.Timestamp(found["first"]).date()), None, n),
            ("last day", str(pd.Timestamp(found["last"]).date()), None, n),
            ("events", "", int(found["events"]), n),
        ]
    if log.has("person"):
        n = int(log.persons().count().execute())
        rows.append(("persons in the HR file", "", n, n))
    for table, reasons in sorted(rejected.items()):
        rows += [
            (f"rejected from {table}: {why}", "", int(k), int(k)) for why, k in reasons.items()
        ]
    frame = pd.DataFrame(rows, columns=["item", "text", "number", "n"])
    return Result(
        "coverage", Family.COUNTS, frame,
        {"item": Role.KEY, "text": Role.FLAG, "number": Role.COUNT, "n": Role.N},
        missing="" if rows else "the dataset is empty",
    )  # fmt: skip


# Showing in a notebook ----------------------------------------------------------------------


def _display(bundle: dict[str, Any]) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        shell = None
    else:
        shell = get_ipython()
    if shell is None:
        print(bundle["text/plain"])  # noqa: T201 - outside a notebook there is nothing else
        return
    display(bundle, raw=True)


def _setting(name: str) -> str:
    """Return what the runner told this kernel; empty in any other."""
    try:
        from IPython import get_ipython
    except ImportError:
        return ""
    shell = get_ipython()
    return "" if shell is None else str(shell.config.get("Ldresearch", {}).get(name, ""))


def _draws() -> bool:
    """Whether pictures are wanted: the runner's kernels say no, the page is drawn later."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None and _setting("draw").lower() != "false"


def _preview(kind: str, stem: str, view: str, published: Sequence[Published]) -> dict[str, Any]:
    """Make what JupyterLab shows; where no picture is wanted, its name is enough."""
    if not _draws():
        return {"text/plain": f"{kind} {stem}.{view}"}

    def picture() -> dict[str, Any]:
        from ldresearch.figures import svg

        return {"image/png": svg.png(views.resolve("figure", stem, view)(*published))}

    return previews.preview(kind, stem, view, published, picture)
