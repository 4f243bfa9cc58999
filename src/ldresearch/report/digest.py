"""One page for whoever reads once a week: what changed lately, and what wants attention.

It is written from facts and from the day it is written for, like the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ldresearch.files import atomic_write
from ldresearch.report._content import estimate_of
from ldresearch.report._html import fill
from ldresearch.report._runs import Report, Run, locale_of, n_unread_of, read_all, state_of
from ldresearch.report.comparison import Pair, neighbours
from ldresearch.report.page import change_since
from ldresearch.sentences import words
from ldresearch.wording import written_in

PAGE = "digest.html"
WEEK = 7


@dataclass(slots=True)
class _Client:
    """What is told of one client."""

    name: str
    verdicts: list[dict[str, str]] = field(default_factory=list)
    headlines: list[dict[str, Any]] = field(default_factory=list)
    attention: list[dict[str, str]] = field(default_factory=list)
    n_same: int = 0
    n_waiting: int = 0

    @property
    def quiet(self) -> str:
        """Say how many reports said nothing new."""
        said = []
        if self.n_same:
            verb = "says" if self.n_same == 1 else "say"
            said.append(f"{words.plural(self.n_same, 'report')} {verb} what was said before")
        if self.n_waiting:
            verb = "was" if self.n_waiting == 1 else "were"
            said.append(f"{words.plural(self.n_waiting, 'report')} {verb} not run in these days")
        return words.sentence(words.listing(said)) if said else ""


def build(reports: Path, *, today: date, days: int = WEEK, locale: str = "") -> Path:
    """Write the digest of some days.

    Parameters
    ----------
    reports : Path
        Folder of the reports, as for the index.
    today : date
        The last day it tells of; reports of a later date do not exist yet.
    days : int
        How far it looks back.
    locale : str
        How numbers and dates are written; empty: as in the newest report.

    Returns
    -------
    Path
        ``<reports>/digest.html``.

    Raises
    ------
    ParameterError
        For a locale that is not known.
    """
    found, _ = read_all(reports)
    with written_in(locale or locale_of(found)):
        return write(reports, found, today, days)


def write(reports: Path, found: Sequence[Report], today: date, days: int = WEEK) -> Path:
    """Write the digest of reports that were read."""
    path = reports / PAGE
    atomic_write(path, _page(found, today, days), mode=0o644)
    return path


def _page(found: Sequence[Report], today: date, days: int) -> str:
    since = today - timedelta(days=days)
    known = [_until(report, today) for report in found]
    clients: dict[str, _Client] = {}
    for report in known:
        if report.runs or report.failed_as_of:
            client = clients.setdefault(report.folder, _Client(report.client))
            client.name = report.client if report.runs else client.name
            _tell(client, report, since, state_of(report, today, n_unread_of(report, known)))
    told = list(clients.values())
    return fill(
        "digest.html.j2",
        title=_title(told, since, today),
        since=words.date(since),
        until=words.date(today),
        clients=told,
    )


def _until(report: Report, today: date) -> Report:
    """Leave out what lies after the day."""
    runs = tuple(run for run in report.runs if run.as_of <= today)
    failed = report.failed_as_of
    is_later = bool(failed) and not failed.startswith("9999") and failed > today.isoformat()
    return Report(report.folder, report.name, runs, "" if is_later else failed, report.failed_why)


def _title(clients: Sequence[_Client], since: date, today: date) -> str:
    verdicts = sum(len(c.verdicts) for c in clients)
    headlines = sum(len(c.headlines) for c in clients)
    attention = sum(len(c.attention) for c in clients)
    changed = [
        words.plural(n, noun) for n, noun in ((verdicts, "verdict"), (headlines, "headline")) if n
    ]
    span = words.period(since, today)
    said = f"{words.listing(changed)} changed" if changed else "Nothing changed"
    wants = "wants" if attention == 1 else "want"
    rest = f"; {words.plural(attention, 'report')} {wants} attention" if attention else ""
    return f"{said} from {span}{rest}"


def _tell(client: _Client, report: Report, since: date, state: dict[str, str]) -> None:
    if state["kind"] in ("bad", "open"):
        client.attention.append({
            "label": report.label, "kind": state["kind"], "word": state["word"],
            "said": state["said"], "page": report.runs[-1].page if report.runs else "",
        })  # fmt: skip
    if not report.runs:
        return
    now = report.runs[-1]
    earlier = [run for run in report.runs if run.as_of <= since]
    before = earlier[-1] if earlier else None
    if now is before:
        client.n_waiting += state["kind"] != "done"
        return
    if before is not None and now.verdict and now.verdict != before.verdict:
        client.verdicts.append({
            "label": report.label, "page": now.page, "old": before.verdict or "none",
            "new": now.verdict, "as_of": words.date(now.as_of),
        })  # fmt: skip
    if before is not None and now.title == before.title:
        client.n_same += 1
        return
    client.headlines.append(_headline(report, before, now))


def _headline(report: Report, before: Run | None, now: Run) -> dict[str, Any]:
    pair = Pair(report, before, now) if before else None
    is_there = pair is not None and any(
        (p.before, p.now) == (pair.before, pair.now) for p in neighbours(report)
    )
    history = f"{quote(report.folder)}/{quote(report.name)}.history.html"
    return {
        "label": report.label,
        "title": now.title,
        "page": now.page,
        "as_of": words.date(now.as_of),
        "before": words.sentence(before.title) if before else "",
        "before_as_of": words.date(before.as_of) if before else "",
        "change": _change(before, now),
        "compare": pair.address if pair is not None and is_there else "",
        "history": history,
    }


def _change(before: Run | None, now: Run) -> str:
    """Say how the first number moved; nothing for a summary, whose numbers are other reports'."""
    if before is None or not now.cards or now.five:
        return ""
    card = now.cards[0]
    said = change_since(estimate_of(card), before.facts, now.facts)
    return words.sentence(f"{words.estimate(estimate_of(card))} {card.get('text', '')}: {said}")
