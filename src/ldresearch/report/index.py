"""The way in: the newest finding of every report, and the history of each.

It reads the facts that runs leave beside their pages, never the pages. Facts are checked by the
page before they are published; here they are only told.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from ldresearch.files import atomic_write
from ldresearch.report._content import estimate_of
from ldresearch.report._html import fill, typeset, words_of
from ldresearch.report.page import (
    client_name,
    population_said,
    setting_said,
)
from ldresearch.result import Estimate
from ldresearch.sentences import words
from ldresearch.shelf import find_fact, is_last, other_settings, reads
from ldresearch.tables import Col, Table
from ldresearch.wording import LOCALES, written_in

USUAL_GAP_DAYS = 31
"""Days a report stays fresh when there is no second run to tell the usual gap from."""

GRACE_DAYS = 3

_FACTS, _FAILED, _HISTORY = ".facts.json", ".failed.json", ".history.html"
_LONGEST_REASON = 300
_LOOKS_PRIVATE = re.compile(r"\b[0-9a-f]{32}\b|[^\s@]+@[^\s@]+\.[^\s@]+|Traceback")


@dataclass(frozen=True, slots=True)
class _Run:
    """One published run."""

    as_of: date
    facts: Mapping[str, Any]
    page: str
    """Address relative to the folder of reports; empty if the page is not there."""
    home: Path | None = None
    """The folder of reports."""

    @property
    def five(self) -> list[dict[str, str]]:
        """Sentences of a summary; none for any other report."""
        told = self.facts.get("summary") or []
        return [
            {name: str(one.get(name, "")) for name in ("idea", "title", "report", "as_of")}
            for one in told
        ]

    @property
    def cards(self) -> list[Mapping[str, Any]]:
        return list((self.facts.get("headline") or {}).get("cards", []))

    @property
    def verdict(self) -> str:
        """What a plan asked for at this look; empty for reports that are no look."""
        judged = self.facts.get("verdict") or {}
        return str(judged.get("verdict", "")) if "look" in judged else ""

    @property
    def is_last(self) -> bool:
        """Whether a plan asks for no later run: it is frozen, and no look is left."""
        return is_last(self.facts)

    @property
    def title(self) -> str:
        return str((self.facts.get("headline") or {}).get("title", "")) or "No finding"


@dataclass(frozen=True, slots=True)
class _Report:
    """All runs of one report of one client, the newest last."""

    folder: str
    name: str
    runs: tuple[_Run, ...]
    failed_as_of: str = ""
    failed_why: str = ""

    @property
    def client(self) -> str:
        return client_name(str(self.runs[-1].facts["report"]["client"]) if self.runs
                           else self.folder)  # fmt: skip

    @property
    def label(self) -> str:
        base = words_of(self.name.split("--")[0])
        part = population_said(self.runs[-1].facts["report"]) if self.runs else ""
        return f"{base}: {part}" if part else base


def build(reports: Path, *, today: date, locale: str = "") -> Path:
    """Write the index and a history page for each report.

    Parameters
    ----------
    reports : Path
        Folder with ``<client>/<as_of>/<name>.facts.json`` beside ``<name>.html``, and
        ``<client>/<name>.failed.json`` where the latest run failed.
    today : date
        What "fresh" is measured against; the only thing here that is not in the files.
    locale : str
        How numbers and dates are written; empty: as in the newest report.

    Returns
    -------
    Path
        ``<reports>/index.html``.

    Raises
    ------
    OSError
        If a page cannot be written; the old one is then whole.
    ParameterError
        For a locale that is not known.
    """
    found, unreadable = _found(reports)
    with written_in(locale or _locale(found)):
        return _written(reports, found, unreadable, today)


def _locale(found: Sequence[_Report]) -> str:
    """Name the locale of the newest report; English where it names none that is known."""
    newest = max((r.runs[-1] for r in found if r.runs), key=lambda run: run.as_of, default=None)
    named = str(newest.facts["provenance"].get("locale", "")) if newest else ""
    return named if named in LOCALES else ""


def _written(reports: Path, found: Sequence[_Report], unreadable: int, today: date) -> Path:
    kept = set()
    for report in found:
        if report.runs:
            path = reports / report.folder / f"{report.name}{_HISTORY}"
            atomic_write(path, _history_page(report, today), mode=0o644)
            kept.add(path)
    for old in set(reports.glob(f"*/*{_HISTORY}")) - kept:
        old.unlink(missing_ok=True)
    index = reports / "index.html"
    atomic_write(index, _index_page(found, unreadable, today), mode=0o644)
    return index


# Reading ------------------------------------------------------------------------------------


def _found(reports: Path) -> tuple[list[_Report], int]:
    runs: dict[tuple[str, str], list[_Run]] = {}
    unreadable = 0
    for path in sorted(reports.glob(f"*/*/*{_FACTS}")):
        client, name = path.parent.parent.name, path.name.removesuffix(_FACTS)
        run = _run(path, client, name)
        unreadable += run is None
        if run is not None:
            runs.setdefault((client, name), []).append(run)
    failures: dict[tuple[str, str], tuple[str, str]] = {}
    for path in sorted(reports.glob(f"*/*{_FAILED}")):
        key = path.parent.name, path.name.removesuffix(_FAILED)
        failures[key] = _failure(path)
    found = []
    for client, name in sorted({*runs, *failures}):
        every = tuple(sorted(runs.get((client, name), []), key=lambda r: r.as_of))
        as_of, why = failures.get((client, name), ("", ""))
        if every and as_of and as_of < every[-1].as_of.isoformat():
            as_of, why = "", ""  # a later run succeeded
        found.append(_Report(client, name, every, as_of, why))
    return found, unreadable


def _run(path: Path, client: str, name: str) -> _Run | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        as_of = date.fromisoformat(path.parent.name)
        for fact in [*facts["facts"], *facts["headline"]["cards"]]:
            estimate_of(fact)
        facts["report"]["client"], facts["report"]["parameters"], facts["report"]["population"]
        facts["provenance"]["data_hash"], facts["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    page = path.with_name(f"{name}.html")
    address = "/".join(quote(step) for step in (client, path.parent.name, page.name))
    return _Run(as_of, facts, address if page.is_file() else "", path.parents[2])


def _failure(path: Path) -> tuple[str, str]:
    """As-of date and one safe sentence of a failed run."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        as_of, why = str(said.get("as_of", "")), str(said.get("reason", ""))
        date.fromisoformat(as_of)
    except (OSError, ValueError, AttributeError):
        return "9999-12-31", "its note cannot be read"
    lines = why.strip().splitlines()
    if not lines or _LOOKS_PRIVATE.search(why) or len(lines[0]) > _LONGEST_REASON:
        return as_of, "the reason stands in the private run folder"
    return as_of, lines[0].rstrip(".")


# The index ----------------------------------------------------------------------------------


def _index_page(found: Sequence[_Report], unreadable: int, today: date) -> str:
    clients: dict[str, dict[str, Any]] = {}
    for report in found:
        group = clients.setdefault(report.folder, {"name": report.client, "reports": []})
        if report.runs:
            group["name"] = report.client
        entry = _entry(report, today, _unread(report, found))
        # What sums up the others is read first.
        group["reports"].insert(0 if entry.get("five") else len(group["reports"]), entry)
    newest = max((r.runs[-1].as_of for r in found if r.runs), default=None)
    states = [entry["status"]["kind"] for group in clients.values() for entry in group["reports"]]
    return fill(
        "index.html.j2",
        clients=list(clients.values()),
        newest=words.date(newest) if newest else "",
        summary=_summary(states),
        unreadable=words.plural(unreadable, "file") if unreadable else "",
    )


def _summary(states: Sequence[str]) -> str:
    said = [
        f"{states.count(kind)} {word}"
        for kind, word in (
            ("", "fresh"),
            ("done", "complete"),
            ("open", "stale"),
            ("bad", "failed"),
        )
        if states.count(kind)
    ]
    return f"{words.plural(len(states), 'report')}: {words.listing(said)}" if states else ""


def _unread(report: _Report, found: Sequence[_Report]) -> int:
    """Count reports that a summary did not read as they are now; 0 for any other report."""
    if not report.runs or not report.runs[-1].five:
        return 0
    read = set(report.runs[-1].facts["provenance"].get("reports", []))
    part = report.name.partition("--")[2]
    return sum(
        reads(other.name, other.runs[-1].facts) not in read
        for other in found
        if other.runs and other.folder == report.folder and other.name != report.name
        and other.name.partition("--")[2] == part and not other.runs[-1].five
    )  # fmt: skip


def _entry(report: _Report, today: date, n_unread: int) -> dict[str, Any]:
    status = _status(report, today, n_unread)
    if not report.runs:
        return {"label": report.label, "title": "", "status": status, "history": "", "page": ""}
    run, before = report.runs[-1], report.runs[-2] if len(report.runs) > 1 else None
    cards = run.cards
    entry: dict[str, Any] = {
        "label": report.label,
        "as_of": words.date(run.as_of),
        "title": run.title,
        "page": run.page,
        "status": status,
        "history": f"{quote(report.folder)}/{quote(report.name)}{_HISTORY}",
        "n_runs": words.plural(len(report.runs), "run"),
        "failing": sum(c.get("status") == "not passed" for c in run.facts.get("checks", [])),
        "spark": "",
        "number": None,
        "path": _path(report.runs),
        "five": _five(report, run),
    }
    if cards and not run.five:
        now = estimate_of(cards[0])
        entry["number"] = {
            "value": words.estimate(now),
            "text": str(cards[0].get("text", "")),
            "interval": words.interval(now),
            "change": words.sentence(_change(now, before, run)),
        }
        entry["spark"] = _spark(report.runs, now)
    return entry


def _five(report: _Report, run: _Run) -> list[dict[str, str]]:
    """List the sentences of a summary with the page each stands on, where it is there."""
    told = []
    for one in run.five:
        address = f"{report.folder}/{one['as_of']}/{one['report']}.html"
        is_there = run.home is not None and (run.home / address).is_file()
        told.append({"idea": one["idea"].capitalize(), "title": one["title"],
                     "page": quote(address) if is_there else ""})  # fmt: skip
    return told


def _path(runs: Sequence[_Run]) -> list[dict[str, str]]:
    """List the verdict of each look, the first one first."""
    return [
        {"day": words.date(run.as_of), "word": run.verdict, "page": run.page}
        for run in runs
        if run.verdict
    ]


def _change(now: Estimate, before: _Run | None, run: _Run) -> str:
    if before is None:
        return "first run"
    since = f"since {words.date(before.as_of)}"
    if other_settings(before.facts, run.facts):
        return f"not compared {since}: other settings"
    old = find_fact(before.facts, now.metric, now.label)
    if old is None:
        return f"new {since}"
    said = words.change(now, estimate_of(old))
    head, mark, rest = said.partition("; ") if "; " in said else said.partition(", ")
    return f"{head} {since}{mark}{rest}"


def _status(report: _Report, today: date, n_unread: int = 0) -> dict[str, str]:
    """Fresh, stale or failed, in words."""
    if report.failed_as_of:
        when = "" if report.failed_as_of.startswith("9999") else words.date(report.failed_as_of)
        said = f"The run{f' as of {when}' if when else ''} failed: {report.failed_why}."
        said += (
            f" The page below is of {words.date(report.runs[-1].as_of)}." if report.runs
            else " There is no page yet."
        )  # fmt: skip
        return {"kind": "bad", "word": "Failed.", "said": said}
    if report.runs[-1].is_last:
        return {"kind": "done", "word": "Complete:", "said": "its plan asks for no later run."}
    if n_unread:
        were = "was" if n_unread == 1 else "were"
        said = f"{words.plural(n_unread, 'report')} {were} run since; run it again."
        return {"kind": "open", "word": "Stale:", "said": said}
    until = fresh_until([run.as_of for run in report.runs])
    if today <= until:
        return {"kind": "", "word": "Fresh", "said": f"until {words.date(until)}."}
    return {"kind": "open", "word": "Stale",
            "said": f"since {words.date(until + timedelta(days=1))}: run it again."}  # fmt: skip


def fresh_until(dates: Sequence[date]) -> date:
    """Return the last day a report counts as fresh: the usual gap between its runs, and three days.

    Parameters
    ----------
    dates : sequence of date
        As-of dates, the newest last.

    Examples
    --------
    >>> fresh_until([date(2025, 6, 1), date(2025, 7, 1)])
    datetime.date(2025, 8, 3)
    """
    gaps = [(b - a).days for a, b in pairwise(dates)]
    usual = round(median(gaps)) if gaps else USUAL_GAP_DAYS
    return dates[-1] + timedelta(days=max(usual, 1) + GRACE_DAYS)


# Sparkline ----------------------------------------------------------------------------------


def _spark(runs: Sequence[_Run], now: Estimate) -> Markup | str:
    """Draw how the first headline number moved, with every value in its label."""
    newest = runs[-1]
    known = []
    for run in runs:
        fact = find_fact(run.facts, now.metric, now.label)
        if fact is None or other_settings(run.facts, newest.facts):
            continue
        estimate = estimate_of(fact)
        if math.isfinite(estimate.value) and estimate.unit == now.unit:
            known.append((run.as_of, estimate))
    if len(known) < 2:
        return ""
    said = "; ".join(f"{words.date(day)}: {words.estimate(e)}" for day, e in known)
    days = [day.toordinal() for day, _ in known]
    ends = [(e.low if math.isfinite(e.low) else e.value,
             e.high if math.isfinite(e.high) else e.value) for _, e in known]  # fmt: skip
    scale = _scale(days, [end for pair in ends for end in pair])
    line = [scale(x, e.value) for x, (_, e) in zip(days, known, strict=True)]
    band = [scale(x, low) for x, (low, _) in zip(days, ends, strict=True)]
    band += [scale(x, high) for x, (_, high) in reversed(list(zip(days, ends, strict=True)))]
    x, y = line[-1].split(",")
    return Markup(  # noqa: S704 - numbers, and one escaped text
        f'<svg class="spark" viewBox="0 0 136 36" role="img" aria-label="{escape(typeset(said))}" '
        f'fill="none"><path d="M{" ".join(band)}z" fill="var(--context,#5f6b7a)" '
        f'fill-opacity=".2"/><path d="M{" ".join(line)}" stroke="var(--context,#5f6b7a)" '
        f'stroke-width="1.5" stroke-linejoin="round"/>'
        f'<circle cx="{x}" cy="{y}" r="3.5" fill="var(--main,#0b62a8)"/></svg>'
    )


def _scale(days: Sequence[float], ends: Sequence[float]) -> Callable[[float, float], str]:
    """Map days and values into the picture: intervals fill its height, so chance looks like it."""
    first, wide = min(days), max(days) - min(days) or 1.0
    bottom, high = min(ends), max(ends) - min(ends)

    def place(day: float, value: float) -> str:
        x = 5 + 126 * (day - first) / wide
        y = 18.0 if high == 0 else 31 - 26 * (value - bottom) / high
        return f"{round(x, 1):g},{round(y, 1):g}"

    return place


# History ------------------------------------------------------------------------------------


def _history_page(report: _Report, today: date) -> str:
    entries = []
    for i, run in enumerate(report.runs):
        before = report.runs[i - 1] if i else None
        entries.append(
            {
                "as_of": words.date(run.as_of),
                "page": f"../{run.page}" if run.page else "",
                "title": run.title,
                "why": _why(before, run) if before else "The first run.",
                "tables": _differences(before, run) if before else [],
                "run_id": str(run.facts["run_id"]),
            }
        )
    entries.reverse()
    return fill(
        "history.html.j2",
        label=report.label,
        client=report.client,
        n_runs=words.plural(len(entries), "run"),
        status=_status(report, today),
        overview=_overview(report),
        entries=entries,
    )


def _overview(report: _Report) -> Table:
    """Every run and its headline numbers, the newest first."""
    keys = [(str(c["metric"]), str(c.get("label", ""))) for c in report.runs[-1].cards]
    heads = [str(c.get("text") or c.get("name") or c["metric"]) for c in report.runs[-1].cards]
    rows = []
    for run in reversed(report.runs):
        cells = []
        for metric, label in keys:
            fact = find_fact(run.facts, metric, label)
            cells.append(words.estimate(estimate_of(fact)) if fact else "–")
        rows.append((words.date(run.as_of), *cells))
    columns = (Col("As of", is_header=True), *(Col(head, "right") for head in heads))
    return Table("Headline numbers of every run", columns, tuple(rows))


def _why(before: _Run, run: _Run) -> str:
    """Say what may have moved the numbers: data, date, settings or code."""
    old, new = before.facts["provenance"], run.facts["provenance"]
    same_data = old["data_hash"] == new["data_hash"]
    same_date = before.as_of == run.as_of
    settings = other_settings(before.facts, run.facts)
    code = _code(old) != _code(new)
    moved = bool(_moved(before, run))
    said = []
    if not same_data:
        said.append("new data")
    elif not same_date:
        said.append("the same data, read as of a later day")
    if settings:
        said.append("other settings: " + words.listing(n.replace("_", " ") for n in settings))
    if code:
        said.append(f"other code ({_code_said(old)} before, {_code_said(new)} now)")
    if same_data and not settings and not moved:
        return "Same data, same numbers" + (", although the code changed." if code else ".")
    if same_data and same_date and not settings:
        return (
            f"Same data, different number: the code changed ({_code_said(old)} before, "
            f"{_code_said(new)} now)."
            if code
            else "Same data, same settings, same code, yet different numbers: do not trust "
            "either before it is known why."
        )
    if same_data and not settings and code:
        return (
            "Same data, different number: the code changed "
            f"({_code_said(old)} before, {_code_said(new)} now), and it was read as of a later day."
        )
    return f"{words.sentence(words.listing(said))}"


def _code(made: Mapping[str, Any]) -> tuple[Any, ...]:
    git = made.get("git") or {}
    return made.get("ldresearch"), git.get("revision"), bool(git.get("is_dirty"))


def _code_said(made: Mapping[str, Any]) -> str:
    version, revision, is_dirty = _code(made)
    said = str(version or "not known") + (f" at {revision}" if revision else "")
    return f"{said}, changed" if is_dirty else said


def _moved(before: _Run, run: _Run) -> list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """Facts that differ from the run before; ``None`` for those that are new."""
    found: list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]] = []
    for fact in run.facts.get("facts", []):
        old = find_fact(before.facts, fact["metric"], fact.get("label", ""))
        if old is None or any(old.get(k) != fact.get(k) for k in ("value", "low", "high", "n")):
            found.append((old, fact))
    return found


def _differences(before: _Run, run: _Run) -> list[Table]:
    tables = []
    settings = other_settings(before.facts, run.facts)
    if settings:
        columns = (Col("Setting", is_header=True), Col("Before"), Col("Now"))
        changed = tuple(
            (name.replace("_", " "), setting_said(old), setting_said(new))
            for name, (old, new) in settings.items()
        )
        tables.append(Table(f"Settings that changed by {words.date(run.as_of)}", columns, changed))
    moved = _moved(before, run)
    if moved:
        rows = tuple(_moved_row(old, new) for old, new in moved)
        numbers = (
            Col("Number", is_header=True), Col("Before", "right"), Col("Now", "right"),
            Col("Change"),
        )  # fmt: skip
        tables.append(Table(f"Numbers that moved by {words.date(run.as_of)}", numbers, rows))
    return tables


def _moved_row(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> tuple[str, str, str, str]:
    now = estimate_of(new)
    name = str(new.get("name") or new["metric"])
    if now.label:
        name += f" ({now.label.replace('_', ' ')})"
    if old is None:
        return name, "–", words.estimate(now), "new"
    then = estimate_of(old)
    said = words.change(now, then)
    if said == "no change":
        said = "same number, other interval or people"
    return name, words.estimate(then), words.estimate(now), said
