"""A small analysis that exists only here, and the executed notebook it makes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import pytest

from ldresearch import views
from ldresearch.privacy import publish
from ldresearch.privacy.gate import MIME
from ldresearch.report._content import FACTS_MIME
from ldresearch.result import Estimate, Published, Result, Rules, to_payload
from ldresearch.study import _fact
from ldresearch.vocabulary import Family, Role

CANARY = "canary-7f3a"
HOSTILE = '</svg><script>alert("x")</script>&'

FIGURES = """
from ldresearch.figures import style

def course(published):
    frame, ax = published.frame, style.axes()
    for i, (group, rows) in enumerate(frame.groupby("unit", sort=False)):
        style.line(ax, rows["week"], rows["started"], style.series(i), step=True)
        style.band(ax, rows["week"], rows["low"], rows["high"], style.series(i), step=True)
    style.hatch_incomplete(ax, 48, 51)
    style.label_ends(ax, [
        (rows["week"].iloc[-1], rows["started"].iloc[-1], group, style.series(i))
        for i, (group, rows) in enumerate(frame.groupby("unit", sort=False))
    ])
    ax.set_xlabel("weeks since the launch")
    ax.set_ylabel("people who started")
    style.percent_axis(ax.yaxis)
    return ax

def broken(published):
    raise KeyError("canary-7f3a")
"""
TABLES = """
from ldresearch import tables

def course(published):
    return tables.of(published, "Starts by week")

def units(published):
    return tables.of(published, "People by unit")
"""
SENTENCES = """
from ldresearch.sentences import Card, Headline

CHECKS = {
    "follow_up": {
        "title": "Followed for long enough",
        "passed": "{value} people were followed to the end.",
        "not passed": "Only {value} people were followed to the end (wanted: {threshold}).",
        "not known": "Nobody was followed.",
    },
}

def course(published):
    return "Half had started by week 26. In Sales it took 20 weeks (95 % interval 18 to 23)."

def units(published):
    if published.is_empty:
        return f"Units cannot be compared: {published.missing}."
    return "Sales is the largest unit."

def broken(published):
    return "It is broken."

def headline(published):
    e = published.estimate("activation_rate")
    return Headline(
        "Three in four of those invited have started", (Card.of(e, "started within 60 days"),),
        "Extend the launch to Operations by 31 August 2025.", "Fewer than 60 % by then.",
    )
"""


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``sample`` a known analysis."""
    sources = {"figures": FIGURES, "tables": TABLES, "sentences": SENTENCES}
    for room, source in sources.items():
        module = ModuleType(f"ldresearch.{room}.sample")
        exec(source, vars(module))  # noqa: S102 - the text above
        monkeypatch.setitem(sys.modules, module.__name__, module)
    known = views.stems
    monkeypatch.setattr(views, "stems", lambda kind: (*known(kind), "sample"))


def course(unit: str = "Sales", rules: Rules | None = None) -> Published:
    weeks = range(0, 52, 2)
    frame = pd.DataFrame(
        [
            (group, w, share, share - 0.05, share + 0.05, 400)
            for group, top in ((unit, 0.9), ("Operations", 0.6), ("R&D", 0.5))
            for w in weeks
            for share in [round(0.05 + top * w / 60, 2)]
        ],
        columns=["unit", "week", "started", "low", "high", "n"],
    )
    roles = {"unit": Role.KEY, "week": Role.TIME, "started": Role.RATE, "low": Role.LOW,
             "high": Role.HIGH, "n": Role.N}  # fmt: skip
    estimate = Estimate("activation_rate", 0.75, 0.7, 0.8, 400, "share")
    result = Result("starts", Family.TREND, frame, roles, (estimate,),
                    method="Counted by week of first value")  # fmt: skip
    return publish(result, rules or Rules())


def units(missing: str = "") -> Published:
    frame = pd.DataFrame({"unit": ["Sales", "Legal"], "people": [140, 4], "n": [140, 4]})
    roles = {"unit": Role.KEY, "people": Role.COUNT, "n": Role.N}
    return publish(Result("units", Family.COUNTS, frame, roles, missing=missing), Rules())


def checks(status: str = "passed", check: str = "follow_up") -> Published:
    frame = pd.DataFrame(
        {"check": [check], "status": [status], "value": [380.0], "threshold": [300.0]}
    )
    roles = {"check": Role.KEY, "status": Role.KEY, "value": Role.VALUE, "threshold": Role.VALUE}
    return publish(Result("trust", Family.CHECKS, frame, roles), Rules())


def coverage() -> Published:
    frame = pd.DataFrame(
        [
            ("first day", "2024-07-01", None, 400),
            ("last day", "2025-06-30", None, 400),
            ("events", "", 12000, 400),
        ],
        columns=["item", "text", "number", "n"],
    )
    roles = {"item": Role.KEY, "text": Role.KEY, "number": Role.COUNT, "n": Role.N}
    return publish(Result("coverage", Family.COUNTS, frame, roles), Rules())


def payload(kind: str, view: str, *published: Published, stem: str = "sample") -> dict[str, Any]:
    made = {"v": 1, "kind": kind, "stem": stem, "view": view,
            "published": [to_payload(p) for p in published]}  # fmt: skip
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found


def display(data: dict[str, Any]) -> Any:
    return nbformat.v4.new_output("display_data", data=data)


@dataclass
class Maker:
    """Builds executed notebooks; what differs is changed on it first."""

    unit: str = "Sales"
    client: str = "harbour"
    as_of: str = "2025-07-01"
    status: str = "passed"
    figures: int = 3
    parameters: dict[str, Any] = field(default_factory=lambda: {"window_days": 60})
    population: dict[str, str] = field(default_factory=dict)
    extra: list[Any] = field(default_factory=list)
    facts: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    finding: bool = True
    rules: Rules = field(default_factory=Rules)

    def all_facts(self, main: Published, seen: Published, judged: Published) -> dict[str, Any]:
        fact = _fact(main.estimates[0])
        body = {
            "v": 1,
            "report": {"name": "25_sample", "stem": "sample", "client": self.client,
                       "as_of": self.as_of, "time_zone": "UTC", "population": self.population,
                       "parameters": {"as_of": self.as_of, **self.parameters}},
            "headline": {
                "title": "Three in four of those invited have started",
                "decision": "Extend the launch to Operations by 31 August 2025.",
                "change_mind": "Fewer than 60 % by then.",
                "cards": [fact | {"text": "started within 60 days"}],
            },
            "facts": [fact],
            "checks": [{"check": r["check"], "status": r["status"]}
                       for r in judged.frame.to_dict("records")],
            "missing": [], "coverage": [list(r) for r in seen.rows], "attrition": [],
            "rules": {"k": self.rules.k, "base": self.rules.base, "public": self.rules.public},
            "n_suppressed": 2,
            "provenance": {"data_hash": "d" * 64, "schema_version": 1, "tables": {"event": 12000},
                           "sources": ["csv"], "packages": {"pandas": "2.3.0"},
                           "ldresearch": "0.1.0",
                           "git": {"revision": "abc123abc123", "is_dirty": False}},
            "run_id": "0123456789abcdef",
        }  # fmt: skip
        return self.facts(body) if self.facts else body

    def __call__(self) -> Any:
        v4 = nbformat.v4
        main, seen = course(self.unit, self.rules), coverage()
        judged = checks(self.status)
        count = 0

        def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
            nonlocal count
            count += 1
            return v4.new_code_cell(
                source,
                id=f"c{count}",
                execution_count=count,
                outputs=list(outputs),
                metadata={"tags": list(tags)},
            )

        figures = [display({MIME: payload("figure", "course", main)}) for _ in range(self.figures)]
        finding = [display({MIME: payload("headline", "headline", main)})] if self.finding else []
        cells = [
            v4.new_markdown_cell("# Who has started?\n\nFor whoever decides.", id="m1"),
            code("window_days = 60  # days within which a start counts", tags=("parameters",)),
            code(f'client_folder = "/somewhere/{CANARY}"', tags=("injected-parameters",)),
            code("run = ldr.begin('25_sample', globals())",
                 display({MIME: payload("coverage", "coverage", seen, stem="study")})),
            v4.new_markdown_cell("## When do people start?\n\nBy **week**.", id="m2"),
            code("run.figure('course', x)", *figures),
            v4.new_markdown_cell("## Who are they?", id="m3"),
            code("run.table('units', u)", display({MIME: payload("table", "units", units())})),
            *self.extra,
            v4.new_markdown_cell("## May we trust it?", id="m4"),
            code("run.checks(c)", display({MIME: payload("checks", "checks", judged)})),
            code("run.headline(x)", *finding),
            code("run.finish()", display({FACTS_MIME: self.all_facts(main, seen, judged)})),
            v4.new_markdown_cell("## Method, limits, references\n\nAalen 1978.", id="m5"),
        ]  # fmt: skip
        return v4.new_notebook(cells=cells)


@pytest.fixture
def maker() -> Maker:
    """Makes an executed notebook of the sample analysis."""
    return Maker()


@pytest.fixture
def made() -> ModuleType:
    """The helpers of this file."""
    return sys.modules[__name__]
