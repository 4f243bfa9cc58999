"""Two runs of one report side by side: what moved, and what may have moved it.

It tells what the two pages tell and no more: numbers as they are written there, and differences of
those. Two parts of an organisation, or two organisations, are not set against each other here:
that is for a notebook, whose results pass the door.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ldresearch.errors import ParameterError, message
from ldresearch.report._content import estimate_of
from ldresearch.report._html import fill
from ldresearch.report._runs import Report, Run, code_said, reason_said
from ldresearch.report.frame import say
from ldresearch.report.page import privacy_rule, release_said, setting_said
from ldresearch.result import Estimate
from ldresearch.sentences import words
from ldresearch.shelf import find_fact, other_settings
from ldresearch.tables import Col, Table

SINCE, AGAINST = ".since-", ".against-"
"""In the names of files: with the run before, and with an earlier one that somebody asked for."""
MOST_BEHIND = 12
"""Runs of a report that the history compares with the one before each; older ones on demand."""

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs of one report, the earlier one first."""

    report: Report
    before: Run
    now: Run
    is_asked: bool = False

    @property
    def name(self) -> str:
        """File name of the comparison, beside the page of the later run."""
        mark = AGAINST if self.is_asked else SINCE
        return f"{self.report.name}{mark}{self.before.as_of}.html"

    @property
    def address(self) -> str:
        """Address relative to the folder of reports."""
        return "/".join(map(quote, (self.report.folder, self.now.as_of.isoformat(), self.name)))

    def path(self, reports: Path) -> Path:
        """Name the file of the comparison."""
        return reports / self.report.folder / self.now.as_of.isoformat() / self.name


def find(run_ids: Sequence[str], found: Sequence[Report]) -> Pair:
    """Find two runs by what a report prints of them.

    Parameters
    ----------
    run_ids : sequence of str
        Two identifiers, or their beginnings, in any order.
    found : sequence of Report

    Raises
    ------
    ParameterError
        If no run or more than one begins so, or the two are not runs of one report.
    """
    chosen = [_one(run_id.strip(), found) for run_id in run_ids]
    (report, first), (other, second) = chosen
    if report is not other:
        raise ParameterError(
            message("not two runs of one report", where="RUN",
                    got=f"{report.folder}/{report.name} and {other.folder}/{other.name}",
                    do="compare parts and organisations in a notebook, whose door hides few people")
        )  # fmt: skip
    if first is second:
        raise ParameterError(message("twice the same run", where="RUN", got=run_ids[0][:40]))
    before, now = sorted((first, second), key=lambda run: run.as_of)
    asked = Pair(report, before, now, is_asked=True)
    return next((p for p in neighbours(report) if (p.before, p.now) == (before, now)), asked)


def asked_before(report: Report, reports: Path) -> list[Pair]:
    """Pair the runs whose comparison was asked for earlier, and that are both still there."""
    marks = f"*/{glob.escape(report.name)}{AGAINST}*.html"
    there = set((reports / report.folder).glob(marks))
    runs = report.runs if there else ()
    every = [Pair(report, old, new, True) for i, new in enumerate(runs) for old in runs[:i]]
    return [pair for pair in every if pair.path(reports) in there]


def _one(wanted: str, found: Sequence[Report]) -> tuple[Report, Run]:
    hits = [
        (report, run)
        for report in found
        for run in report.runs
        if wanted and str(run.facts["run_id"]).startswith(wanted)
    ]
    if len(hits) != 1:
        raise ParameterError(
            message("more than one run begins so" if hits else "no such run in these reports",
                    where="RUN", got=wanted[:40],
                    do="copy the run from the foot of a report or from its history")
        )  # fmt: skip
    return hits[0]


def neighbours(report: Report) -> list[Pair]:
    """Pair the latest runs of a report with the one before each."""
    runs = report.runs[-MOST_BEHIND - 1 :]
    return [Pair(report, old, new) for old, new in pairwise(runs)]


def page(pair: Pair) -> str:
    """Write the comparison.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    str
        One HTML document without script, the same bytes for the same input.
    """
    before, now = pair.before, pair.now
    settings = other_settings(before.facts, now.facts)
    heads, others = _numbers(before.facts, now.facts, is_comparable=not settings)
    unmoved = ("no change", _NONE, say("comparison.other_interval"))
    n_moved = sum(row[3] not in unmoved for row in [*heads, *others])
    return fill(
        "comparison.html.j2",
        report=pair.report.label,
        client=pair.report.client,
        title=_title(pair, n_moved, len(heads) + len(others), is_comparable=not settings),
        why=reason_said(before, now),
        settings=_settings(settings),
        runs=[_run(before, say("history.before")), _run(now, say("history.now"))],
        verdict=_verdict(before, now),
        headline=_table(say("comparison.headline"), heads),
        others=_table(say("comparison.others"), others),
        checks=_checks(before.facts, now.facts),
        made=_made(before.facts, now.facts),
        notes=_notes(before.facts, now.facts),
        history=f"../{quote(pair.report.name)}.history.html",
    )


def _title(pair: Pair, n_moved: int, n: int, *, is_comparable: bool) -> str:
    days = {"before": words.date(pair.before.as_of), "now": words.date(pair.now.as_of)}
    if not is_comparable:
        return say("comparison.not_comparable", **days)
    if not n:
        return say("comparison.no_numbers", **days)
    if not n_moved:
        return say("comparison.nothing_moved", **days)
    if n_moved < n:
        return say("comparison.some_moved", moved=n_moved, n=n, **days)
    return say("comparison.all_moved", n=n, **days)


def _run(run: Run, when: str) -> dict[str, str]:
    return {
        "when": when, "as_of": words.date(run.as_of), "title": run.title,
        "page": f"../../{run.page}" if run.page else "",
        "run_id": str(run.facts["run_id"]),
    }  # fmt: skip


def _verdict(before: Run, now: Run) -> str:
    if not now.verdict or not before.verdict:
        return ""
    if now.verdict == before.verdict:
        return say("comparison.same_verdict", now=now.verdict)
    return say("comparison.verdict", before=before.verdict, now=now.verdict)


# Numbers ------------------------------------------------------------------------------------


def _numbers(
    before: Mapping[str, Any], now: Mapping[str, Any], *, is_comparable: bool
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Rows of the headline's numbers, and of all others; each number once."""
    cards = [card for facts in (now, before) for card in (facts["headline"] or {}).get("cards", [])]
    heads: dict[tuple[str, str], tuple[str, ...]] = {}
    others: dict[tuple[str, str], tuple[str, ...]] = {}
    every = [*now.get("facts", []), *before.get("facts", [])]
    for rows, facts in ((heads, cards), (others, every)):
        for fact in facts:
            key = str(fact["metric"]), str(fact.get("label", ""))
            if key not in heads and key not in others:
                rows[key] = _row(fact, find_fact(before, *key), find_fact(now, *key), is_comparable)
    return list(heads.values()), list(others.values())


def _row(
    fact: Mapping[str, Any], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None,
    is_comparable: bool,
) -> tuple[str, ...]:  # fmt: skip
    label = str(fact.get("label", "")).replace("_", " ")
    name = str(fact.get("text") or fact.get("name") or fact["metric"])
    if label and not fact.get("text"):
        name += f" ({label})"
    return name, _number(old), _number(new), _change(old, new, is_comparable)


def _number(fact: Mapping[str, Any] | None) -> str:
    if fact is None:
        return _NONE
    estimate = estimate_of(fact)
    ends = words.interval(estimate).removeprefix("95 % interval ")
    return f"{words.estimate(estimate)} ({ends})" if ends else words.estimate(estimate)


def _change(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, is_comparable: bool
) -> str:
    if not is_comparable:
        return _NONE
    if old is None or new is None:
        return say("history.new") if old is None else say("comparison.no_longer")
    then, now = estimate_of(old), estimate_of(new)
    said = words.change(now, then)
    if said == "no change" and _ends(then) != _ends(now):
        return say("comparison.other_interval")
    return said


def _ends(e: Estimate) -> str:
    return words.interval(e)


def _table(caption: str, rows: Sequence[tuple[str, ...]]) -> Table:
    return Table(caption, (*_heads(say("history.number")), Col(say("history.change"))), tuple(rows))


def _heads(first: str) -> tuple[Col, ...]:
    return Col(first, is_header=True), Col(say("history.before")), Col(say("history.now"))


# What else differs --------------------------------------------------------------------------


def _settings(settings: Mapping[str, tuple[Any, Any]]) -> Table:
    rows = tuple(
        (name.replace("_", " "), setting_said(old), setting_said(new))
        for name, (old, new) in settings.items()
    )
    return Table(say("comparison.settings"), _heads(say("history.setting")), rows)


def _checks(before: Mapping[str, Any], now: Mapping[str, Any]) -> Table:
    old, new = (
        {str(c["check"]): str(c["status"]) for c in facts.get("checks", [])}
        for facts in (before, now)
    )
    rows = tuple(
        (name.replace("_", " "), old.get(name, _NONE), new.get(name, _NONE))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
    return Table(say("comparison.checks"), _heads(say("comparison.check")), rows)


def _made(before: Mapping[str, Any], now: Mapping[str, Any]) -> Table:
    """Data and program, the same or not; packages, plans and rules where they changed."""
    old, new = before["provenance"], now["provenance"]
    changed = [
        name
        for name, version in (new.get("packages") or {}).items()
        if (old.get("packages") or {}).get(name) != version
    ]
    rows = [
        (say("made.data"), _hash(old), _hash(new)),
        (say("made.program"), code_said(old), code_said(new)),
        (say("made.packages"), _packages(old, changed), _packages(new, changed)),
        (say("made.plan"), _plans(old), _plans(new)),
        (say("comparison.rule"), privacy_rule(before["rules"]), privacy_rule(now["rules"])),
    ]
    told = tuple(
        (what, was, is_now if was != is_now else say("comparison.the_same"))
        for i, (what, was, is_now) in enumerate(rows)
        if was != is_now or i < 2  # data and program are told in any case
    )
    return Table(say("comparison.made"), _heads(say("made.what")), told)


def _hash(made: Mapping[str, Any]) -> str:
    return f"hash {str(made.get('data_hash', ''))[:12]}"


def _packages(made: Mapping[str, Any], changed: Sequence[str]) -> str:
    """Versions of the packages that differ; nobody reads the others."""
    known = made.get("packages") or {}
    return ", ".join(f"{name} {known.get(name, 'absent')}" for name in changed)


def _plans(made: Mapping[str, Any]) -> str:
    plans = made.get("plans", [])
    return ", ".join(f"{p['name']}, version {p['version']}" for p in plans) or say("made.none")


def _notes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what a report says of whom it counts, where either says it."""
    return [
        say("comparison.report_of", day=words.date(facts["report"]["as_of"]), said=said)
        for facts in (now, before)
        for said in release_said(facts)
    ]
