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

from ldresearch.files import LOCK, atomic_write, locked
from ldresearch.report._content import estimate_of
from ldresearch.report._html import fill
from ldresearch.report._runs import Report, Run, locale_of, n_unread_of, read_all, state_of
from ldresearch.report.comparison import Pair, neighbours
from ldresearch.report.frame import say
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
    changed: list[dict[str, Any]] = field(default_factory=list)
    new: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    attention: list[dict[str, str]] = field(default_factory=list)
    n_same: int = 0
    n_waiting: int = 0

    @property
    def quiet(self) -> str:
        """Say how many reports said nothing new."""
        said = []
        if self.n_same:
            said.append(say("digest.same", n=self.n_same))
        if self.n_waiting:
            said.append(say("digest.waiting", n=self.n_waiting))
        return words.sentence(words.listing(said, last=say("frame.and"))) if said else ""


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
    with written_in(locale or locale_of(found)), locked(reports / LOCK):
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
        title=_title(told, since),
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


def _title(clients: Sequence[_Client], since: date) -> str:
    said = [*_verdicts_said(clients), *_findings_said(clients)]
    told = words.listing(said, last=say("frame.and")) if said else say("digest.nothing")
    n, day = sum(len(c.attention) for c in clients), words.date(since)
    return say("digest.title_attention" if n else "digest.title", told=told, day=day, n=n)


def _verdicts_said(clients: Sequence[_Client]) -> list[str]:
    """Say what the plans now ask for: one by name, more as a number."""
    every = [(c.name, verdict) for c in clients for verdict in c.verdicts]
    if len(every) == 1:
        [(name, verdict)] = every
        return [say("digest.says", report=verdict["label"], client=name, verdict=verdict["new"])]
    return [say("digest.plans", n=len(every))] if every else []


def _findings_said(clients: Sequence[_Client]) -> list[str]:
    """Count the findings that changed, are new or are gone; the first of them names the thing."""
    counts = (
        (sum(len(c.changed) for c in clients), "digest.n_changed", "digest.also_changed"),
        (sum(len(c.new) for c in clients), "digest.n_new", "digest.also_new"),
        (sum(len(c.gone) for c in clients), "digest.n_gone", "digest.also_gone"),
    )
    said: list[str] = []
    for n, first, further in counts:
        if n:
            said.append(say(further if said else first, n=n))
    return said


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
    is_judged = before is not None and bool(now.verdict) and now.verdict != before.verdict
    if before is not None and is_judged:
        client.verdicts.append({
            "label": report.label, "page": now.page, "old": before.verdict or "none",
            "new": now.verdict, "as_of": words.date(now.as_of),
        })  # fmt: skip
    kept = _where(client, before, now)
    if kept is not None:
        kept.append(_finding(report, before, now))
    else:
        client.n_same += not is_judged


def _where(client: _Client, before: Run | None, now: Run) -> list[dict[str, Any]] | None:
    """Choose the list a finding belongs to; none if it says what it said before.

    A first report is new, as is one that had no number before. One that lost its numbers is gone:
    its title says why nothing can be told.
    """
    if before is None or (now.tells and not before.tells):
        return client.new
    if before.tells and not now.tells:
        return client.gone
    return client.changed if now.title != before.title else None


def _finding(report: Report, before: Run | None, now: Run) -> dict[str, Any]:
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
