"""The way in: the newest finding of every report, and the history of each.

It reads the facts that runs leave beside their pages, never the pages. Facts are checked by the
page before they are published; here they are only told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from ldresearch.files import LOCK, atomic_write, locked
from ldresearch.report import comparison, digest
from ldresearch.report._content import estimate_of
from ldresearch.report._html import fill, typeset
from ldresearch.report._runs import (
    Report,
    Run,
    locale_of,
    moved_facts,
    n_unread_of,
    read_all,
    reason_said,
    state_of,
)
from ldresearch.report.comparison import AGAINST, SINCE, asked_before, neighbours
from ldresearch.report.frame import say
from ldresearch.report.page import setting_said
from ldresearch.result import Estimate
from ldresearch.sentences import words
from ldresearch.shelf import find_fact, other_settings
from ldresearch.tables import Col, Table
from ldresearch.wording import written_in

_HISTORY = ".history.html"


def build(reports: Path, *, today: date, locale: str = "") -> Path:
    """Write the index, the digest of the week, and history and comparisons of each report.

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
    found, unreadable = read_all(reports)
    with written_in(locale or locale_of(found)):
        return _written(reports, found, unreadable, today)


def compare(reports: Path, run_ids: Sequence[str], *, locale: str = "") -> Path:
    """Write a comparison of two runs of one report; the index keeps it up to date from then on.

    Parameters
    ----------
    reports : Path
    run_ids : sequence of str
        Two runs as their reports print them, or their beginnings.
    locale : str
        How numbers and dates are written; empty: as in the newest report.

    Returns
    -------
    Path
        Beside the page of the later run.

    Raises
    ------
    ParameterError
        If a run is not found, or the two are not of one report.
    """
    found, _ = read_all(reports)
    pair = comparison.find(run_ids, found)
    with written_in(locale or locale_of(found)), locked(reports / LOCK):
        _write(pair.path(reports), comparison.page(pair))
    return pair.path(reports)


def _written(reports: Path, found: Sequence[Report], unreadable: int, today: date) -> Path:
    _tidy(reports)
    kept = set()
    for report in found:
        for pair in [*neighbours(report), *asked_before(report, reports)]:
            kept.add(pair.path(reports))
            _write(pair.path(reports), comparison.page(pair))
        if report.runs:
            path = reports / report.folder / f"{report.name}{_HISTORY}"
            atomic_write(path, _history_page(report, today), mode=0o644)
            kept.add(path)
    kinds = (f"*/*{_HISTORY}", f"*/*/*{SINCE}*.html", f"*/*/*{AGAINST}*.html")
    made = {path for kind in kinds for path in reports.glob(kind)}
    for old in made - kept:
        old.unlink(missing_ok=True)
    digest.write(reports, found, today)
    index = reports / "index.html"
    atomic_write(index, _index_page(found, unreadable, today), mode=0o644)
    return index


def _tidy(reports: Path) -> None:
    """Remove what killed processes left half written: whoever writes here holds the lock."""
    for kind in ("html", "json"):
        for depth in ("", "*/", "*/*/"):
            for draft in reports.glob(f"{depth}.*.{kind}.*.tmp"):
                draft.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a page where it says something else than the one that is there."""
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        atomic_write(path, text, mode=0o644)


# The index ----------------------------------------------------------------------------------


def _index_page(found: Sequence[Report], unreadable: int, today: date) -> str:
    clients: dict[str, dict[str, Any]] = {}
    for report in found:
        group = clients.setdefault(report.folder, {"name": report.client, "reports": []})
        if report.runs:
            group["name"] = report.client
        entry = _entry(report, today, n_unread_of(report, found))
        # What sums up the others is read first.
        group["reports"].insert(0 if entry.get("five") else len(group["reports"]), entry)
    newest = max((r.runs[-1].as_of for r in found if r.runs), default=None)
    states = [entry["status"]["kind"] for group in clients.values() for entry in group["reports"]]
    return fill(
        "index.html.j2",
        clients=list(clients.values()),
        newest=words.date(newest) if newest else "",
        summary=_summary(states),
        unreadable=unreadable,
    )


def _summary(states: Sequence[str]) -> str:
    n = Counter(states)
    counted = (
        (n[""], say("index.fresh", n=n[""])), (n["done"], say("index.complete", n=n["done"])),
        (n["open"], say("index.stale", n=n["open"])), (n["bad"], say("index.failed", n=n["bad"])),
    )  # fmt: skip
    told = words.listing((said for some, said in counted if some), last=say("frame.and"))
    return say("index.reports", n=len(states), states=told) if states else ""


def _entry(report: Report, today: date, n_unread: int) -> dict[str, Any]:
    status = state_of(report, today, n_unread)
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
        "n_runs": len(report.runs),
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


def _five(report: Report, run: Run) -> list[dict[str, str]]:
    """List the sentences of a summary with the page each stands on, where it is there."""
    told = []
    for one in run.five:
        address = f"{report.folder}/{one['as_of']}/{one['report']}.html"
        is_there = run.home is not None and (run.home / address).is_file()
        told.append({"idea": one["idea"].capitalize(), "title": one["title"],
                     "page": quote(address) if is_there else ""})  # fmt: skip
    return told


def _path(runs: Sequence[Run]) -> list[dict[str, str]]:
    """List the verdict of each look, the first one first."""
    return [
        {"day": words.date(run.as_of), "word": run.verdict, "page": run.page}
        for run in runs
        if run.verdict
    ]


def _change(now: Estimate, before: Run | None, run: Run) -> str:
    if before is None:
        return say("index.first_run")
    day = words.date(before.as_of)
    if other_settings(before.facts, run.facts):
        return say("index.other_settings", day=day)
    old = find_fact(before.facts, now.metric, now.label)
    if old is None:
        return say("index.new", day=day)
    said = words.change(now, estimate_of(old))
    head, mark, rest = said.partition("; ") if "; " in said else said.partition(", ")
    return f"{head} {say('index.since', day=day)}{mark}{rest}"


# Sparkline ----------------------------------------------------------------------------------


def _spark(runs: Sequence[Run], now: Estimate) -> Markup | str:
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


def _history_page(report: Report, today: date) -> str:
    entries = []
    pairs = {pair.now.as_of: pair for pair in neighbours(report)}
    for i, run in enumerate(report.runs):
        before = report.runs[i - 1] if i else None
        entries.append(
            {
                "as_of": words.date(run.as_of),
                "page": f"../{run.page}" if run.page else "",
                "title": run.title,
                "why": reason_said(before, run) if before else say("history.first"),
                "tables": _differences(before, run) if before else [],
                "run_id": str(run.facts["run_id"]),
                "compare": f"../{pairs[run.as_of].address}" if run.as_of in pairs else "",
            }
        )
    entries.reverse()
    return fill(
        "history.html.j2",
        label=report.label,
        client=report.client,
        n_runs=len(entries),
        status=state_of(report, today),
        overview=_overview(report),
        entries=entries,
    )


def _overview(report: Report) -> Table:
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
    columns = (Col(say("history.day"), is_header=True), *(Col(head, "right") for head in heads))
    return Table(say("history.overview"), columns, tuple(rows))


def _differences(before: Run, run: Run) -> list[Table]:
    tables = []
    settings = other_settings(before.facts, run.facts)
    if settings:
        columns = (Col(say("history.setting"), is_header=True), Col(say("history.before")),
                   Col(say("history.now")))  # fmt: skip
        changed = tuple(
            (name.replace("_", " "), setting_said(old), setting_said(new))
            for name, (old, new) in settings.items()
        )
        caption = say("history.settings_changed", day=words.date(run.as_of))
        tables.append(Table(caption, columns, changed))
    moved = moved_facts(before, run)
    if moved:
        rows = tuple(_moved_row(old, new) for old, new in moved)
        numbers = (
            Col(say("history.number"), is_header=True), Col(say("history.before"), "right"),
            Col(say("history.now"), "right"), Col(say("history.change")),
        )  # fmt: skip
        caption = say("history.numbers_moved", day=words.date(run.as_of))
        tables.append(Table(caption, numbers, rows))
    return tables


def _moved_row(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> tuple[str, str, str, str]:
    now = estimate_of(new)
    name = str(new.get("name") or new["metric"])
    if now.label:
        name += f" ({now.label.replace('_', ' ')})"
    if old is None:
        return name, "–", words.estimate(now), say("history.new")
    then = estimate_of(old)
    said = words.change(now, then)
    if said == "no change":
        said = say("history.other_interval")
    return name, words.estimate(then), words.estimate(now), said
