"""What of an executed notebook may stand on a page: its prose, its code, its published results.

Outputs of any other type (pictures, HTML, prints, tracebacks) are never looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ldresearch import views
from ldresearch.errors import DisclosureError, LdresearchError, RunError, message
from ldresearch.privacy.gate import MIME, check_payload
from ldresearch.result import Estimate, Published, from_payload
from ldresearch.sentences import Headline
from ldresearch.shelf import SENTENCES
from ldresearch.vocabulary import Grade
from ldresearch.wording import checked_locale

FACTS_MIME: Final = "application/vnd.ldresearch.facts+json"
"""As in ``study``, which a report may not import: it knows the log."""

_FACTS_FIELDS = ("report", "headline", "facts", "checks", "coverage", "attrition", "rules",
                 "n_suppressed", "provenance", "run_id")  # fmt: skip
_REPORT_FIELDS = ("name", "stem", "client", "as_of", "population", "parameters")
_PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w[\w.-]*")
_NOT_SHOWN = frozenset({"injected-parameters", "remove_input", "hide_input"})


@dataclass(frozen=True, slots=True)
class Output:
    """One published output, checked again.

    Attributes
    ----------
    kind, stem, view : str
    published : tuple of Published
    digest : str
        Hash of what was emitted; ids on the page begin with it.
    """

    kind: str
    stem: str
    view: str
    published: tuple[Published, ...]
    digest: str


@dataclass(slots=True)
class Section:
    """A question, what is said about it, and what was found."""

    heading: str
    prose: str = ""
    outputs: list[Output] = field(default_factory=list)
    is_title: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A notebook as a page sees it.

    Attributes
    ----------
    question, intro : str
        The notebook's title, and the text under it.
    sections : list of Section
        In the order of the notebook.
    after : list of Section
        Prose behind the last code cell: method, limits, references.
    code : list of str
        Source of each cell, without the values a runner put in.
    parameters : str
        Source of the cell tagged ``parameters``.
    facts : mapping
        Checked: every number in it stands in a published result.
    headline : Headline
    """

    question: str
    intro: str
    sections: list[Section]
    after: list[Section]
    code: list[str]
    parameters: str
    facts: Mapping[str, Any]
    headline: Headline


def read(notebook: Mapping[str, Any]) -> Content:
    """Read an executed notebook and check everything that may be shown of it.

    Parameters
    ----------
    notebook : mapping
        As ``nbformat.read`` gives it.

    Raises
    ------
    RunError
        If it did not run to its end, or an output names a view that does not exist.
    DisclosureError
        If an output breaks a rule, or the facts say what no published result says.
    """
    cells = list(notebook.get("cells", []))
    _check_complete(cells)
    facts = _facts(cells)
    public = facts["rules"].get("public") is True
    sections = [Section("")]
    after: list[Section] = []
    code: list[str] = []
    declared, is_over = "", False
    for cell in cells:
        source = text_of(cell)
        if cell.get("cell_type") == "markdown":
            _check_prose(source)
            (after if is_over else sections).extend(_split(source))
        elif cell.get("cell_type") == "code":
            _check_code(source)
            tags = set(cell.get("metadata", {}).get("tags", []))
            if "parameters" in tags:
                declared = source
            if source.strip() and not tags & _NOT_SHOWN:
                code.append(source.strip())
            for bundle in bundles(cell):
                if MIME in bundle:
                    sections[-1].outputs.append(output_of(bundle[MIME], public))
                is_over = is_over or FACTS_MIME in bundle
    outputs = [output for section in sections for output in section.outputs]
    headline = _headline(outputs)
    _check_facts(facts, outputs, headline)
    question = next((s for s in sections if s.is_title), Section(""))
    return Content(
        question=question.heading, intro=question.prose,
        sections=[s for s in sections if s is not question],
        after=after, code=code, parameters=declared, facts=facts, headline=headline,
    )  # fmt: skip


def locale_of(notebook: Mapping[str, Any]) -> str:
    """Name the locale in which a notebook's run wrote its words; English where it does not say."""
    cells = list(notebook.get("cells", []))
    _check_complete(cells)
    made = _facts(cells)["provenance"]
    return checked_locale(str(made.get("locale", "")) if isinstance(made, Mapping) else "")


def text_of(cell: Mapping[str, Any]) -> str:
    """Source of a cell, however the notebook stores it."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


# Complete -----------------------------------------------------------------------------------


def _check_complete(cells: Sequence[Mapping[str, Any]]) -> None:
    for number, cell in enumerate((c for c in cells if c.get("cell_type") == "code"), start=1):
        tags = list(cell.get("metadata", {}).get("tags", []))
        where = f"cell {', '.join(tags) or number}"
        failed = any(o.get("output_type") == "error" for o in cell.get("outputs", []))
        if failed and "raises-exception" not in tags:
            raise RunError(
                message("a cell stopped with an error, so there is no report", where=where,
                        do="run the notebook again to its end")
            )  # fmt: skip
        if text_of(cell).strip() and cell.get("execution_count") is None:
            raise RunError(
                message("the notebook was not run to its end, so there is no report", where=where,
                        do="run all cells, then export again")
            )  # fmt: skip


def bundles(cell: Mapping[str, Any]) -> Iterator[Any]:
    """Give what a cell has displayed: media type to content."""
    for output in cell.get("outputs", []):
        if output.get("output_type") in ("display_data", "execute_result"):
            yield output.get("data", {})


def _facts(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = [
        bundle[FACTS_MIME]
        for cell in cells
        if cell.get("cell_type") == "code"
        for bundle in bundles(cell)
        if FACTS_MIME in bundle
    ]
    if len(found) != 1:
        raise RunError(
            message("a report rests on one set of facts", got=len(found),
                    do="end the notebook with run.finish() in publish mode, and run all cells")
        )  # fmt: skip
    facts = json.loads(json.dumps(found[0]))
    lacks = [name for name in _FACTS_FIELDS if not isinstance(facts, dict) or name not in facts]
    lacks = lacks or [name for name in _REPORT_FIELDS if name not in facts["report"]]
    if lacks:
        raise RunError(message("the facts are not whole", got=lacks, do="run the notebook again"))
    return dict(facts)


# Prose and code -----------------------------------------------------------------------------


def _split(source: str) -> list[Section]:
    """Cut a markdown cell at its ``#`` and ``##`` headings."""
    found = [Section("")]
    lines: list[str] = []
    fenced = False
    for line in source.splitlines():
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        heading = None if fenced else re.fullmatch(r"#{1,2}\s+(.+?)\s*#*\s*", line)
        if heading:
            found[-1].prose = "\n".join(lines).strip()
            plain = re.sub(r"[*_`]{1,2}(\S.*?)[*_`]{1,2}", r"\1", heading[1])
            found.append(Section(plain, is_title=line.startswith("# ")))
            lines = []
        else:
            lines.append(line)
    found[-1].prose = "\n".join(lines).strip()
    if found[-1].is_title:
        found.append(Section(""))  # what the cells below it show is no part of the title
        return found[1:]
    return [section for section in found if section.heading or section.prose]


def _check_prose(source: str) -> None:
    if _PSEUDONYM.search(source):
        raise DisclosureError(message("a text cell holds what looks like a person's key"))


def _check_code(source: str) -> None:
    if _PSEUDONYM.search(source) or _MAIL.search(source):
        raise DisclosureError(
            message("a code cell holds what looks like a person's key or address",
                    do="take it out; code stands on the page")
        )  # fmt: skip


# Published ----------------------------------------------------------------------------------


def output_of(payload: Any, public: bool) -> Output:
    """Read one published output, by the rules of public or of protected data."""
    try:
        check_payload(payload, public=public)
        published = tuple(from_payload(one) for one in payload["published"])
    except LdresearchError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DisclosureError(
            message("an output could not be checked", where="gate", got=type(error).__name__)
        ) from None
    text = json.dumps(payload, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Output(payload["kind"], payload["stem"], payload["view"], published, digest)


def _headline(outputs: Sequence[Output]) -> Headline:
    found = [output for output in outputs if output.kind == "headline"]
    if len(found) != 1:
        raise RunError(
            message("a report needs one finding", got=len(found), do="call run.headline(...) once")
        )
    made = call(views.resolve, "sentence", found[0].stem, "headline")(*found[0].published)
    if not isinstance(made, Headline):
        raise RunError(message("the finding is no Headline", where=found[0].stem))
    return made


def call(function: Any, *arguments: Any) -> Any:
    """Call what draws or says something; an unknown or broken view leaves no half page."""
    try:
        return function(*arguments)
    except DisclosureError:
        raise
    except LdresearchError as error:
        raise RunError(str(error)) from None
    except Exception as error:
        name = getattr(function, "__module__", "") + "." + getattr(function, "__name__", "view")
        raise RunError(
            message("a view failed on a published result", where=name.removeprefix("ldresearch."),
                    got=type(error).__name__, do="mend the view; no page was written")
        ) from error  # fmt: skip


# Facts --------------------------------------------------------------------------------------


def _check_facts(facts: Mapping[str, Any], outputs: Sequence[Output], headline: Headline) -> None:
    """Hold the facts against what was published: programs trust them as readers trust the page."""
    known = {
        (e.metric, e.label, _wire(e.value), _wire(e.low), _wire(e.high), e.n)
        for output in outputs
        for published in output.published
        for e in published.estimates
    }
    said = facts["headline"] or {}
    cards = list(said.get("cards", []))
    for fact in [*facts["facts"], *cards]:
        key = tuple(fact.get(name) for name in ("metric", "label", "value", "low", "high", "n"))
        if key not in known and not _is_unshown(fact, facts, cards):
            _refuse("a fact that no published result holds", str(fact.get("metric"))[:60])
    texts = (headline.title, headline.decision, headline.change_mind)
    if (said.get("title"), said.get("decision"), said.get("change_mind")) != texts:
        raise RunError(
            message("the facts tell another finding than the published results", where="facts",
                    do="run the notebook again; its words may have changed since it ran")
        )  # fmt: skip
    _check_summary(facts, outputs)
    for kind in ("coverage", "attrition"):
        rows = [list(r) for o in outputs if o.kind == kind for p in o.published for r in p.rows]
        if facts[kind] and facts[kind] != rows:
            _refuse(f"the facts tell another {kind} than the published results")


def _check_summary(facts: Mapping[str, Any], outputs: Sequence[Output]) -> None:
    """Hold the sentences that an index would show against those that were published."""
    shown = {
        tuple(row[name] for name in ("idea", "title", "report", "as_of"))
        for output in outputs
        for published in output.published
        if published.name == SENTENCES
        for row in published.frame.to_dict("records")
    }
    for told in facts.get("summary", []):
        if tuple(told.get(name) for name in ("idea", "title", "report", "as_of")) not in shown:
            _refuse("a sentence of a summary that no published result holds")


def _is_unshown(fact: Mapping[str, Any], facts: Mapping[str, Any], cards: Sequence[Any]) -> bool:
    """Whether a fact was published but not shown: it must keep the rules all the same."""
    rules = facts["rules"]
    if fact in cards:
        return False
    if rules.get("public") is True:
        return True
    n = fact.get("n")
    return isinstance(n, int) and n % rules["base"] == 0 and n >= rules["k"] - rules["base"] // 2


def _refuse(what: str, got: object = None) -> None:
    raise DisclosureError(message(what, where="facts", got=got))


def _wire(value: float) -> Any:
    if value != value:
        return None
    return value if abs(value) != float("inf") else ("inf" if value > 0 else "-inf")


def estimate_of(fact: Mapping[str, Any]) -> Estimate:
    """Read an estimate back from the facts of a run."""

    def number(value: Any) -> float:
        return float("nan") if value is None else float(value)

    return Estimate(
        metric=str(fact["metric"]), value=number(fact["value"]), low=number(fact["low"]),
        high=number(fact["high"]), n=int(fact["n"]), unit=str(fact["unit"]),
        grade=Grade(fact.get("grade", Grade.DESCRIPTIVE)), label=str(fact.get("label", "")),
    )  # fmt: skip
