"""What runs left behind, read from the facts beside their pages, and what differs between two."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from ldresearch.report._content import estimate_of
from ldresearch.report._html import words_of
from ldresearch.report.frame import say
from ldresearch.report.page import client_name, population_said
from ldresearch.sentences import words
from ldresearch.shelf import FACTS, FAILED, find_fact, is_last, other_settings, reads
from ldresearch.wording import LOCALES

USUAL_GAP_DAYS = 31
"""Days a report stays fresh when there is no second run to tell the usual gap from."""

GRACE_DAYS = 3
_LONGEST_REASON = 300
_LOOKS_PRIVATE = re.compile(r"\b[0-9a-f]{32}\b|[^\s@]+@[^\s@]+\.[^\s@]+|Traceback")


@dataclass(frozen=True, slots=True)
class Run:
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
    def tells(self) -> bool:
        """Whether its finding rests on a number, or on what other reports found."""
        return bool(self.five) or any(estimate_of(card).is_known for card in self.cards)

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
class Report:
    """All runs of one report of one client, the newest last."""

    folder: str
    name: str
    runs: tuple[Run, ...]
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


# Reading ------------------------------------------------------------------------------------


def read_all(reports: Path) -> tuple[list[Report], int]:
    runs: dict[tuple[str, str], list[Run]] = {}
    unreadable = 0
    for path in sorted(reports.glob(f"*/*/*{FACTS}")):
        client, name = path.parent.parent.name, path.name.removesuffix(FACTS)
        run = _run(path, client, name)
        unreadable += run is None
        if run is not None:
            runs.setdefault((client, name), []).append(run)
    failures: dict[tuple[str, str], tuple[str, str]] = {}
    for path in sorted(reports.glob(f"*/*{FAILED}")):
        key = path.parent.name, path.name.removesuffix(FAILED)
        failures[key] = _failure(path)
    found = []
    for client, name in sorted({*runs, *failures}):
        every = tuple(sorted(runs.get((client, name), []), key=lambda r: r.as_of))
        as_of, why = failures.get((client, name), ("", ""))
        if every and as_of and as_of < every[-1].as_of.isoformat():
            as_of, why = "", ""  # a later run succeeded
        found.append(Report(client, name, every, as_of, why))
    return found, unreadable


def _run(path: Path, client: str, name: str) -> Run | None:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        as_of = date.fromisoformat(path.parent.name)
        for fact in [*facts["facts"], *facts["headline"]["cards"]]:
            estimate_of(fact)
        facts["report"]["client"], facts["report"]["parameters"], facts["report"]["population"]
        facts["provenance"]["data_hash"], facts["run_id"]
        facts["rules"]["public"], facts["rules"]["k"], facts["rules"]["base"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    page = path.with_name(f"{name}.html")
    address = "/".join(quote(step) for step in (client, path.parent.name, page.name))
    return Run(as_of, facts, address if page.is_file() else "", path.parents[2])


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


def locale_of(found: Sequence[Report]) -> str:
    """Name the locale of the newest report; English where it names none that is known."""
    newest = max((r.runs[-1] for r in found if r.runs), key=lambda run: run.as_of, default=None)
    named = str(newest.facts["provenance"].get("locale", "")) if newest else ""
    return named if named in LOCALES else ""


# How a report stands ---------------------------------------------------------------------------


def n_unread_of(report: Report, found: Sequence[Report]) -> int:
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


def state_of(report: Report, today: date, n_unread: int = 0) -> dict[str, str]:
    """Fresh, stale or failed, in words."""
    if report.failed_as_of:
        is_dated = not report.failed_as_of.startswith("9999")
        why = report.failed_why
        failed = (
            say("state.failed_run_of", day=words.date(report.failed_as_of), why=why) if is_dated
            else say("state.failed_run", why=why)
        )  # fmt: skip
        there = (
            say("state.page_of", day=words.date(report.runs[-1].as_of)) if report.runs
            else say("state.no_page")
        )  # fmt: skip
        return {"kind": "bad", "word": say("state.failed"), "said": f"{failed} {there}"}
    if report.runs[-1].is_last:
        return {"kind": "done", "word": say("state.complete"),
                "said": say("state.no_later_run")}  # fmt: skip
    if n_unread:
        return {"kind": "open", "word": say("state.stale"),
                "said": say("state.unread", n=n_unread)}  # fmt: skip
    until = fresh_until([run.as_of for run in report.runs])
    if today <= until:
        return {"kind": "", "word": say("state.fresh"),
                "said": say("state.until", day=words.date(until))}  # fmt: skip
    return {"kind": "open", "word": say("state.was_fresh"),
            "said": say("state.since", day=words.date(until + timedelta(days=1)))}  # fmt: skip


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


# What moved --------------------------------------------------------------------------------------


def reason_said(before: Run, run: Run) -> str:
    """Say what may have moved the numbers: data, date, settings or code."""
    old, new = before.facts["provenance"], run.facts["provenance"]
    same_data = old["data_hash"] == new["data_hash"]
    same_date = before.as_of == run.as_of
    settings = other_settings(before.facts, run.facts)
    code = code_of(old) != code_of(new)
    moved = bool(moved_facts(before, run))
    said = []
    if not same_data:
        said.append(say("why.new_data"))
    elif not same_date:
        said.append(say("why.later_day"))
    last = say("frame.and")
    programs = {"before": code_said(old), "now": code_said(new)}
    if settings:
        names = words.listing((n.replace("_", " ") for n in settings), last=last)
        said.append(say("why.settings", names=names))
    if code:
        said.append(say("why.code", **programs))
    if same_data and not settings and not moved:
        return say("why.same_but_code") if code else say("why.same")
    if same_data and same_date and not settings:
        return say("why.code_moved", **programs) if code else say("why.unknown")
    if same_data and not settings and code:
        return say("why.code_moved_later", **programs)
    return words.sentence(words.listing(said, last=last))


def code_of(made: Mapping[str, Any]) -> tuple[Any, ...]:
    git = made.get("git") or {}
    return made.get("ldresearch"), git.get("revision"), bool(git.get("is_dirty"))


def code_said(made: Mapping[str, Any]) -> str:
    version, revision, is_dirty = code_of(made)
    said = str(version or words.NOT_KNOWN)
    said = say("why.revision", version=said, revision=revision) if revision else said
    return say("why.dirty", version=said) if is_dirty else said


def moved_facts(before: Run, run: Run) -> list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]]:
    """Facts that differ from the run before; ``None`` for those that are new."""
    found: list[tuple[Mapping[str, Any] | None, Mapping[str, Any]]] = []
    for fact in run.facts.get("facts", []):
        old = find_fact(before.facts, fact["metric"], fact.get("label", ""))
        if old is None or any(old.get(k) != fact.get(k) for k in ("value", "low", "high", "n")):
            found.append((old, fact))
    return found
