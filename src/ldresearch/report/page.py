"""The page a stakeholder reads: the finding, the decision, the evidence, how far to trust it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from markupsafe import Markup

from ldresearch import parameters as declared_parameters
from ldresearch import views
from ldresearch.errors import LdresearchError, RunError, message
from ldresearch.report._content import (
    Content,
    Output,
    Section,
    call,
    estimate_of,
    locale_of,
    read,
)
from ldresearch.report._html import fill, lead, words_of
from ldresearch.report._markdown import markdown
from ldresearch.report.frame import say
from ldresearch.result import Estimate
from ldresearch.sentences import Card, words
from ldresearch.shelf import find_fact, other_settings
from ldresearch.tables import Col, Table, of
from ldresearch.vocabulary import Family
from ldresearch.wording import Link, written_in

_NOT_A_SETTING = frozenset(
    {"as_of", "mode", "seed", "time_zone", "unit", "role", "level", "country", "location"}
)
_UNITS = frozenset({"days", "weeks", "minutes", "hours"})
_STALE_DAYS = 7
"""Days without activity before the as-of date that are worth a word."""

_STATUS = ("not passed", "not known", "passed")


@dataclass(frozen=True, slots=True)
class Links:
    """Where else a reader may go, as addresses relative to the page; empty for nowhere.

    A page that is sent by mail needs none, so none is the default.
    """

    index: str = ""
    history: str = ""
    previous: str = ""
    next: str = ""
    about: str = ""

    @classmethod
    def within(cls, name: str, *, previous: str = "", following: str = "") -> Links:
        """Links of a page that lies at ``<reports>/<client>/<as_of>/<name>.html``.

        Parameters
        ----------
        name : str
            File name without its ending.
        previous, following : str
            As-of dates of the neighbouring runs; empty where there is none.

        Examples
        --------
        >>> Links.within("20_adoption", previous="2025-06-01").previous
        '../2025-06-01/20_adoption.html'
        """
        return cls(
            index="../../index.html",
            history=f"../{name}.history.html",
            previous=f"../{previous}/{name}.html" if previous else "",
            next=f"../{following}/{name}.html" if following else "",
            about="../about.html",
        )


def preload() -> None:
    """Import what pages take, before there is one: while the first kernel starts, cores wait."""
    import pandas  # noqa: F401

    from ldresearch.figures import style

    style.preload()


def render(
    notebook: Mapping[str, Any],
    *,
    previous: Mapping[str, Any] | None = None,
    links: Links | None = None,
) -> str:
    """Draw the whole page from an executed notebook.

    Parameters
    ----------
    notebook : mapping
        An executed notebook, as ``nbformat.read`` gives it.
    previous : mapping, optional
        Facts of the run before, for "since the last report".
    links : Links, optional
        Index, history and neighbouring runs.

    Returns
    -------
    str
        One HTML document without script, without anything loaded from elsewhere, the same bytes
        for the same input.

    Raises
    ------
    RunError
        If the notebook was not run to its end, has no finding, or a view is unknown or fails.
    DisclosureError
        If anything emitted breaks a disclosure rule. Never a partial page.
    """
    with written_in(locale_of(notebook)):
        return _rendered(read(notebook), previous, links or Links())


def _rendered(content: Content, previous: Mapping[str, Any] | None, links: Links) -> str:
    layout = _laid_out(content.sections)
    facts = content.facts
    checks = _checks(content)
    report = facts["report"]
    days = _covered(content)
    public = facts["rules"]["public"] is True
    return fill(
        "page.html.j2",
        title=content.headline.title,
        report=words_of(report["name"]),
        client=client_name(report["client"]),
        question=content.question,
        intro=_prose(content.intro),
        as_of=words.date(report["as_of"]),
        period=words.period(*days) if days else "",
        population=population_said(report),
        settings_line="; ".join(_settings_line(report["parameters"])),
        cards=_cards(content.headline.cards, previous, facts, public),
        same_evidence=_same_evidence(content.headline.cards),
        since=words.date(previous["report"]["as_of"]) if previous else "",
        decision=content.headline.decision,
        change_mind=content.headline.change_mind,
        decision_prose=layout.said("decision"),
        quality=_quality(content, checks),
        quality_prose=layout.said("quality"),
        findings=layout.findings,
        checks=checks,
        trust_prose=layout.said("trust"),
        trust_blocks=layout.trust_blocks,
        after=[(s.heading or say("page.after"), _prose(s.prose)) for s in content.after],
        methods=_methods(content),
        code=content.code,
        provenance=_provenance(facts),
        settings=_settings(content),
        rule=privacy_rule(facts["rules"]) + _curves_said(content, facts["rules"]),
        links=links,
    )


def _prose(source: str) -> Markup:
    return markdown(source) if source.strip() else Markup("")


def client_name(name: str) -> str:
    """Write an organisation's name with a capital, unless it is written its own way."""
    return name[:1].upper() + name[1:] if name.islower() else name


def privacy_rule(rules: Mapping[str, Any]) -> str:
    """Say which disclosure rule is in force."""
    if rules["public"] is True:
        return say("rule.public")
    return say("rule.rounded" if rules["base"] > 1 else "rule.hidden",
               k=rules["k"], base=rules["base"])  # fmt: skip


def _curves_said(content: Content, rules: Mapping[str, Any]) -> str:
    """Say how a curve of protected data is to be read, where the page draws one."""
    shown = [p for s in content.sections for output in s.outputs for p in output.published]
    if rules["public"] is True or not any(p.family is Family.CURVE and p.rows for p in shown):
        return ""
    return " " + say("rule.curves", k=rules["k"])


def release_said(facts: Mapping[str, Any]) -> list[str]:
    """Say whom a report counts, where that is not everyone there on its date, and new rules."""
    release, rules = facts.get("release") or {}, facts["rules"]
    said = []
    counted = release.get("people_as_of", facts["report"]["as_of"])
    if counted != facts["report"]["as_of"]:
        said.append(say("rule.people_as_of", day=words.date(counted), k=rules["k"]))
    changed = release.get("changed", ["rules"] if release.get("version", 1) > 1 else [])
    if "key" in changed:
        said.append(say("rule.other_key"))
    if "rules" in changed:
        said.append(say("rule.other_rules", k=rules["k"], base=rules["base"]))
    return said


# Under the title ----------------------------------------------------------------------------


def population_said(report: Mapping[str, Any]) -> str:
    """Say which part of an organisation a report is about; empty for all of it."""
    narrowed = {words_of(k).lower(): v for k, v in report["population"].items() if v}
    return words.listing(f"{k} {v}" for k, v in narrowed.items()) if narrowed else ""


def _settings_line(parameters: Mapping[str, Any]) -> list[str]:
    """Settings that say something, a unit in the name moved behind the number."""
    said = []
    for name, value in parameters.items():
        if name in _NOT_A_SETTING or value in ("", None, 0, False):
            continue
        parts = name.split("_")
        if parts[-1] in _UNITS and len(parts) > 1:
            label, unit = " ".join(parts[:-1]), f" {parts[-1]}"
        else:
            label, unit = " ".join(parts), ""
        said.append(f"{label} {setting_said(value)}{unit}" if unit or label == "by"
                    else f"{label}: {setting_said(value)}")  # fmt: skip
    return said


def setting_said(value: Any) -> str:
    """Write the value of a parameter in words; a dash for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return say("settings.yes") if value else say("settings.no")
    if isinstance(value, int | float):
        return words.number(value)
    said = str(value)
    try:
        return words.date(date.fromisoformat(said))
    except ValueError:
        return ", ".join(part.strip() for part in said.split(",")).replace("_", " ")


def _covered(content: Content) -> tuple[str, str] | None:
    for output in _outputs(content.sections, "coverage"):
        rows = {
            row["item"]: row.get("text") for row in output.published[0].frame.to_dict("records")
        }
        if rows.get("first day") and rows.get("last day"):
            return str(rows["first day"]), str(rows["last day"])
    return None


def _outputs(sections: Iterable[Section], *kinds: str) -> list[Output]:
    return [o for section in sections for o in section.outputs if o.kind in kinds]


def _cards(
    cards: Sequence[Card],
    previous: Mapping[str, Any] | None,
    facts: Mapping[str, Any],
    public: bool,
) -> list[dict[str, Any]]:
    return [
        {
            "value": _number_and_unit(card.value),
            "label": card.label,
            "interval": card.uncertainty,
            "n": words.persons(card.estimate.n, exact=public),
            "evidence": card.evidence,
            "change": change_since(card.estimate, previous, facts),
        }
        for card in cards
    ]


def _number_and_unit(said: str) -> tuple[str, str]:
    """Cut "170 days" in two, so that the number can stand out; "97 %" stays whole."""
    number, _, unit = said.partition(" ")
    is_number = number[-1:].isdigit() and unit.isalpha()
    return (number, unit) if is_number else (said, "")


def _same_evidence(cards: Sequence[Card]) -> str:
    found = {card.evidence for card in cards}
    return found.pop() if len(found) == 1 else ""


def change_since(
    now: Estimate, previous: Mapping[str, Any] | None, facts: Mapping[str, Any]
) -> str:
    """Say how a number moved since an earlier run; empty where it cannot be compared."""
    if previous is None:
        return ""
    if other_settings(previous, facts):
        return say("change.other_settings")
    before = find_fact(previous, now.metric, now.label)
    return words.change(now, estimate_of(before)) if before else say("change.new")


# Data quality -------------------------------------------------------------------------------


def _quality(content: Content, checks: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    facts = content.facts
    lines, tables = [], []
    for output in _outputs(content.sections, "coverage", "attrition"):
        lines.append(_said(output))
        if not output.published[0].is_empty:
            tables.append(_tabled(output))
    days = _covered(content)
    if days:
        as_of = date.fromisoformat(facts["report"]["as_of"])
        silent = (as_of - date.fromisoformat(days[1])).days - 1
        if silent > _STALE_DAYS:
            lines.append(say("quality.silent", n=silent))
    hidden = facts["n_suppressed"]
    if facts["rules"]["public"] is not True:
        lines.append(
            say("quality.hidden", n=hidden, k=facts["rules"]["k"])
            if hidden
            else say("quality.none_hidden")
        )
        lines += release_said(facts)
    failed = [c["title"] for c in checks if c["status"] == "not passed"]
    unknown = [c["title"] for c in checks if c["status"] == "not known"]
    return {"lines": lines, "tables": tables, "failed": failed, "unknown": unknown,
            "n_checks": len(checks)}  # fmt: skip


# Findings -----------------------------------------------------------------------------------


class _Blocks:
    """Draws outputs one after the other; remembers the ids it has given away."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def prefix(self, digest: str) -> str:
        length = 6
        while f"f{digest[:length]}" in self._given and length < len(digest):
            length += 1
        name = f"f{digest[:length]}"
        while name in self._given:
            name += "x"
        self._given.add(name)
        return name

    def draw(self, output: Output, heading: str) -> dict[str, Any]:
        """Draw one finding: a figure, a table or a sentence."""
        said = _said(output)
        first, rest = (said.lead, said.rest) if isinstance(said, Link) else lead(said)
        block: dict[str, Any] = {"kind": output.kind, "lead": first, "rest": rest,
                                 "href": said.href if isinstance(said, Link) else "",
                                 "is_missing": output.published[0].is_empty}  # fmt: skip
        if output.kind == "figure" and not block["is_missing"]:
            wide, narrow = self._figure(output, heading)
            block |= {"wide": wide, "narrow": narrow, "table": _tabled(output)}
        elif output.kind == "table" and not block["is_missing"]:
            block["table"] = _tabled(output)
        else:
            block["kind"] = "sentence"
        return block

    def _figure(self, output: Output, heading: str) -> list[Markup]:
        """Draw a figure for a page and for a telephone."""
        from ldresearch.figures import style, svg

        axes = call(call(views.resolve, "figure", output.stem, output.view), *output.published)
        across, up = axes.get_xlabel(), axes.get_ylabel()
        parts = [f"Across: {across}." if across else "", f"Up: {up}." if up else ""]
        title = words_of(output.view) + (f": {heading}" if heading else "")
        said = " ".join(["Chart.", *filter(None, parts), "Its numbers are in the table below it."])
        return [
            # Every text in it is escaped by the writer.
            Markup(call(_drawn, axes, title, said, self.prefix(output.digest), width))  # noqa: S704
            for width in (style.WIDTH, svg.NARROW)
        ]


def _drawn(axes: Any, title: str, desc: str, prefix: str, width: float) -> str:
    from ldresearch.figures import svg

    return svg.render(axes, title=title, desc=desc, prefix=prefix, width=width)


def _said(output: Output) -> str:
    said = call(call(views.resolve, "sentence", output.stem, output.view), *output.published)
    return said if isinstance(said, str) else str(said)


def _tabled(output: Output) -> Table:
    if views.has("table", output.stem, output.view):
        made = call(views.resolve("table", output.stem, output.view), *output.published)
    else:
        made = call(of, output.published[0], f"Numbers behind {output.view.replace('_', ' ')}")
    if not isinstance(made, Table):
        raise RunError(message("a view of a table gives no table", where=output.view))
    return made


@dataclass(slots=True)
class _Layout:
    """The sections of a notebook, each where a reader looks for it."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    trust_blocks: list[dict[str, Any]] = field(default_factory=list)
    prose: dict[str, list[str]] = field(
        default_factory=lambda: {"trust": [], "decision": [], "quality": []}
    )

    def said(self, place: str) -> Markup:
        return _prose("\n\n".join(self.prose[place]))


def _laid_out(sections: Sequence[Section]) -> _Layout:
    """Sort sections by what they show, and draw them."""
    layout, blocks = _Layout(), _Blocks()
    for section in sections:
        kinds = {o.kind for o in section.outputs}
        shown = [o for o in section.outputs if o.kind in ("figure", "table", "sentence", "missing")]
        drawn = [blocks.draw(o, section.heading) for o in shown]
        if "checks" in kinds:
            layout.trust_blocks += drawn
            layout.prose["trust"].append(section.prose)
        elif shown or (not kinds and (section.heading or section.prose)):
            layout.findings.append(
                {"heading": section.heading, "prose": _prose(section.prose), "blocks": drawn}
            )
        elif "headline" in kinds:
            layout.prose["decision"].append(section.prose)
        else:
            layout.prose["quality"].append(section.prose)
    return layout


# May we trust it ----------------------------------------------------------------------------


def _checks(content: Content) -> list[dict[str, str]]:
    found = [
        _check(output.stem, row)
        for output in _outputs(content.sections, "checks")
        for published in output.published
        for row in published.frame.to_dict("records")
    ]
    said = [{"check": c["id"], "status": c["status"]} for c in found]
    if content.facts["checks"] and content.facts["checks"] != said:
        raise RunError(message("the facts tell other checks than the page", where="checks"))
    return sorted(found, key=lambda c: _STATUS.index(c["status"]))


def _check(stem: str, row: Mapping[Any, Any]) -> dict[str, str]:
    if stem not in views.stems("sentence"):
        raise RunError(message("no such analysis", where="checks", got=stem[:60]))
    known = getattr(importlib.import_module(f"ldresearch.sentences.{stem}"), "CHECKS", {})
    name, status = str(row.get("check")), str(row.get("status"))
    if name not in known or status not in _STATUS:
        raise RunError(
            message("a check without words", where=f"sentences.{stem}.CHECKS",
                    got=f"{name}, {status}"[:80], do="say what it means when it is not passed")
        )  # fmt: skip
    numbers = {
        "value": _plain(row.get("value"), words.measured),
        "threshold": _plain(row.get("threshold"), words.number),
    }
    return {
        "id": name,
        "status": status,
        "title": known[name]["title"],
        "said": words.sentence(known[name][status].format(**numbers)),
    }


def _plain(value: Any, says: Callable[[float | None], str]) -> str:
    return value if isinstance(value, str) else says(None if value is None else float(value))


# Method and provenance ----------------------------------------------------------------------


def _methods(content: Content) -> list[tuple[str, str]]:
    every = [p for s in content.sections for o in s.outputs for p in o.published]
    found: dict[str, str] = {}
    for published in every:
        if published.method:
            found.setdefault(published.method, words_of(published.name))
    return [(name, words.sentence(method)) for method, name in found.items()]


def _provenance(facts: Mapping[str, Any]) -> Table:
    made, report = facts["provenance"], facts["report"]
    git = made.get("git") or {}
    revision = str(git.get("revision") or "not known")
    if git.get("is_dirty"):
        revision += ", with changes that are not committed"
    tables = [
        f"{name} {words.plural(rows, 'row')}" for name, rows in made.get("tables", {}).items()
    ]
    packages = [f"{name} {version}" for name, version in made.get("packages", {}).items()]
    data = f"hash {str(made.get('data_hash', ''))[:12]}, schema {made.get('schema_version')}"
    for client, data_hash in made.get("datasets", {}).items():
        data += f"; {client} {str(data_hash)[:12]}"
    plans = [
        f"{plan['name']}, version {plan['version']}, frozen on {words.date(plan['frozen_on'])}"
        f"{', after its launch' if plan['is_late'] else ''}, hash {plan['hash']}"
        for plan in made.get("plans", [])
    ]
    sources = ", ".join(sorted(set(map(str, made.get("sources", [])))))
    absent = say("made.not_recorded")
    rows = [
        (say("made.run"), str(facts["run_id"])),
        (say("made.notebook"), str(report["name"])),
        (say("made.organisation"), str(report["client"])),
        (say("made.as_of"), words.date(report["as_of"])),
        (say("made.time_zone"), str(report.get("time_zone") or words.NOT_KNOWN)),
        (say("made.data"), data),
        (say("made.tables"), "; ".join(tables) or say("made.none")),
        *([(say("made.plan"), "; ".join(plans))] if plans else []),
        (say("made.sources"), sources or absent),
        (say("made.program"), f"ldresearch {made.get('ldresearch', words.NOT_KNOWN)}"),
        (say("made.revision"), revision),
        (say("made.packages"), "; ".join(packages) or absent),
    ]  # fmt: skip
    columns = (Col(say("made.what"), is_header=True), Col(say("made.which")))
    return Table(say("made.caption"), columns, tuple(rows))


def _settings(content: Content) -> Table:
    """Parameters in words: the help that stands behind each in the notebook."""
    try:
        known = declared_parameters.declared(content.parameters) if content.parameters else {}
    except LdresearchError:
        known = {}
    rows = tuple(
        (name, setting_said(value), _help(known.get(name)))
        for name, value in content.facts["report"]["parameters"].items()
    )
    heads = say("settings.parameter"), say("settings.value"), say("settings.meaning")
    columns = tuple(Col(head, is_header=not i) for i, head in enumerate(heads))
    return Table(say("settings.caption"), columns, rows)


def _help(parameter: Any) -> str:
    said = str(getattr(parameter, "help", "") or "")
    return words.sentence(said) if said else "–"
