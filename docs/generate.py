"""Write the pages that follow from the code: metrics, data dictionary, parameters, definitions.

Run by ``make docs``; a test fails when a page no longer says what the code does.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ldresearch import glossary, parameters, plan, schema
from ldresearch.vocabulary import Direction, Metric, metrics

ROOT = Path(__file__).resolve().parent.parent

_DIRECTIONS = {
    Direction.UP: "more is better",
    Direction.DOWN: "less is better",
    Direction.NEITHER: "neither way is better as such",
}
_TYPES = {
    schema.Type.TEXT: "text",
    schema.Type.INT: "whole number",
    schema.Type.BIGINT: "whole number",
    schema.Type.REAL: "number",
    schema.Type.BOOL: "true or false",
    schema.Type.AT: "instant, UTC",
    schema.Type.ON: "date",
    schema.Type.TEXTS: "list of texts",
    schema.Type.MONEY: "amount, two decimals",
}
_KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def _note(source: str) -> str:
    return f"<!-- Written by docs/generate.py from {source}. Change that, then run `make docs`. -->"


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(c) for c in line)} |" for line in lines)


def _page(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


# Metrics ------------------------------------------------------------------------------------


def metrics_page() -> str:
    """Return the page of every number that a report may carry."""
    return _page(
        _note("src/ldresearch/metrics.toml"),
        "# Metrics",
        "Every number that a report may carry, defined once. The id is what stands in the facts "
        "of a run; the label is what a report says. Tables are those of the "
        "[data dictionary](data-dictionary.md). Gameability says how easily a number moves "
        "without anyone learning more, and why.",
        *(_metric(metric) for metric in sorted(metrics().values(), key=lambda m: m.id)),
    )


def _metric(metric: Metric) -> str:
    needs = ", ".join(f"`{table}`" for table in metric.needs) or "none in particular"
    facts = [
        f"- Unit: {metric.unit or 'none'}; {_DIRECTIONS[metric.direction]}.",
        f"- Needs: {needs}.",
        f"- Level: {metric.level}.",
    ]
    facts.append(f"- Idea of a summary: {metric.idea or 'none'}.")
    if metric.plan:
        facts.append(f"- In a measurement plan: yes, followed person by person as a {metric.plan}.")
    if metric.sensitive:
        facts.append("- Sensitive: that nobody of a group has it, or everybody, is never told.")
    if metric.gameability:
        facts.append(f"- Gameability: {metric.gameability}. {metric.gameable_because}")
    if metric.status == "planned":
        facts.append("- Status: defined only; no notebook of this version computes it.")
    if metric.references:
        facts.append(f"- References: {'; '.join(metric.references)}.")
    head = f"## {metric.id}\n\n*{metric.label[0].upper()}{metric.label[1:]}.*"
    return f"{head} {metric.definition}\n\n" + "\n".join(facts)


# Plan ---------------------------------------------------------------------------------------


def plan_page() -> str:
    """Return the page of every key of a measurement plan."""
    rows = [(f"`{key}`", kind, default, doc) for key, kind, default, doc in plan.rows()]
    usable = ", ".join(f"[{m.id}](metrics.md#{m.id})" for m in metrics().values() if m.plan)
    return _page(
        _note("src/ldresearch/plan.py"),
        "# Measurement plan",
        "A plan is a TOML file that says, before a launch, what it has to change, for whom, and "
        "what will be done then. `ldresearch plan new` writes one to fill in. The key before the "
        "full stop is the table: `primary.metric` stands under `[primary]`; `guardrail` may be "
        "repeated as `[[guardrail]]`.",
        _table(("key", "what it is", "default", "meaning"), rows),
        f"## Metrics a plan may name\n\nThose that are followed person by person: {usable}.",
        "## What the hash covers\n\nWhat the plan means: every key with its default filled in, as "
        "canonical JSON (keys sorted, numbers in one spelling, dates as ISO text, Unicode NFC, "
        "spaces in texts folded), hashed with SHA-256. Comments, the order of keys and guardrails, "
        "and whether a default is written out do not matter. Everything else does.",
    )


# Data dictionary ----------------------------------------------------------------------------


def data_dictionary_page() -> str:
    """Return the page of every canonical table and column."""
    names = ", ".join(f"[{name}](#{name})" for name in schema.TABLES)
    return _page(
        _note("src/ldresearch/schema.py"),
        "# Data dictionary",
        f"The canonical tables, schema version {schema.SCHEMA_VERSION}. Missing tables are normal: "
        "the notebook `00_intake` says which questions the others can answer.",
        "Sources speak of persons by their own `person_id`. The door in replaces it by a keyed "
        "pseudonym, which only `identity` holds, and by the dense `person_key` everywhere else. "
        "A row without a required value is rejected and counted. Instants end in `_at` and are "
        "UTC; dates end in `_on`; durations end in `_s` and are whole seconds.",
        f"Tables: {names}.",
        *(_schema_table(table) for table in schema.TABLES.values()),
    )


def _schema_table(table: schema.Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    known = " and ".join(f"`{name}`" for name in table.known_at)
    said = [f"{table.doc}.", f"One row for each {key}."]
    if known:
        said.append(f"A row is known from {known} on.")
    for column, hidden in table.hidden_after:
        blanked = " and ".join(f"`{name}`" for name in hidden)
        said.append(f"Before `{column}`, {blanked} read as empty.")
    hashed = schema.PSEUDONYM_COLUMNS.get(table.name, ())
    if hashed:
        said.append(f"Pseudonymised at the door: {', '.join(f'`{name}`' for name in hashed)}.")
    rows = [
        (
            f"`{column.name}`", _TYPES[column.type], "yes" if column.required else "",
            _allowed(column), column.doc,
        )
        for column in table.columns
    ]  # fmt: skip
    head = ("column", "type", "required", "allowed", "meaning")
    return f"## {table.name}\n\n{' '.join(said)}\n\n{_table(head, rows)}"


def _allowed(column: schema.Column) -> str:
    if column.values:
        return ", ".join(f"`{value}`" for value in column.values)
    low, high = column.low, column.high
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return "" if high is None else f"{high:g} or less"


# Parameters ---------------------------------------------------------------------------------


def notebook_parameters(root: Path) -> dict[str, dict[str, parameters.Parameter]]:
    """Return what each notebook declares, by its stem."""
    found = {}
    for file in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
        [cell] = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
        found[file.stem] = parameters.declared("".join(cell["source"]))
    return found


def parameters_page(root: Path) -> str:
    """Return the page of every parameter of every notebook."""
    found = notebook_parameters(root)
    shared = [n for n in _names(found) if found and all(n in own for own in found.values())]
    return _page(
        _note("src/ldresearch/parameters.toml and the notebooks' parameters cells"),
        "# Parameters",
        "A notebook declares its parameters in its own cell, with their defaults; the default "
        "gives the type. Whatever runs the notebook (JupyterLab, papermill, a scheduler, the "
        "command line) is held to these names, types and ranges: an unknown name or a value out "
        "of range is an error, never ignored.",
        "## In every notebook",
        _table(_HEAD, [_parameter(name, found) for name in shared]),
        *(_own(stem, own, shared, found) for stem, own in found.items()),
    )


_HEAD = ("parameter", "type", "default", "allowed", "meaning")


def _names(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for own in found.values() for name in own))


def _own(
    stem: str,
    own: Mapping[str, parameters.Parameter],
    shared: Sequence[str],
    found: Mapping[str, Mapping[str, parameters.Parameter]],
) -> str:
    rows = [_parameter(name, {stem: found[stem]}) for name in own if name not in shared]
    text = _table(_HEAD, rows) if rows else "None of its own."
    return f"## {stem}\n\n{text}"


def _parameter(
    name: str, found: Mapping[str, Mapping[str, parameters.Parameter]]
) -> tuple[str, str, str, str, str]:
    uses = [own[name] for own in found.values() if name in own]
    defaults = dict.fromkeys(f"`{json.dumps(one.default)}`" for one in uses)
    kinds = dict.fromkeys(_KINDS[type(one.default)] for one in uses)
    rule = parameters.rules().get(name, {})
    said = rule.get("help") or next((one.help for one in uses if one.help), "")
    return f"`{name}`", " or ".join(kinds), " or ".join(defaults), _range(rule), said


def _range(rule: Mapping[str, Any]) -> str:
    if "choices" in rule:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in rule["choices"])
    low, high = rule.get("min"), rule.get("max")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    return "" if high is None else f"{high} or less"


# Definitions --------------------------------------------------------------------------------


def definitions(root: Path) -> list[dict[str, Any]]:
    """Return the definitions in their order; tests/spec holds the code to each of them."""
    files = sorted((root / "tests" / "spec").glob("*.toml"))
    return [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]


def definitions_page(root: Path) -> str:
    """Return the page of what every word means, with the worked examples that are tests."""
    found = definitions(root)
    names = ", ".join(f"[{one['title']}](#{_anchor(one['title'])})" for one in found)
    return _page(
        _note("tests/spec"),
        "# Definitions",
        "What the words of a report mean. Each example is a test: the call is run on the tables "
        "above it, and has to give the table below it, to the digits that are written. A dash is "
        "a missing value. The tables an example starts from are those of the "
        "[data dictionary](data-dictionary.md); columns that do not matter are left out. Numbers "
        "that carry an id are listed in [metrics](metrics.md).",
        f"{names}.",
        *(_definition(one) for one in found),
    )


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in "_- ")
    return kept.replace(" ", "-")


def _definition(one: Mapping[str, Any]) -> str:
    examples = [_example(example) for example in one["example"]]
    return "\n\n".join([f"## {one['title']}", one["rule"].strip(), *examples])


def _example(example: Mapping[str, Any]) -> str:
    given = {**example.get("tables", {}), **example.get("frames", {})}
    if "frame" in example:
        given["frame"] = example["frame"]
    blocks = [f"{name}:\n{table.strip()}" for name, table in given.items()]
    if example.get("same_tables"):
        blocks.append("(the same tables)")
    setting = [f"{name} = {example[name]}" for name in ("as_of", "time_zone") if name in example]
    blocks.append("\n".join([*setting, f">>> {example['call'].strip()}"]))
    blocks += [example[name].strip() for name in ("gives", "estimates") if name in example]
    if "missing" in example:
        blocks.append(f"not enough data: {example['missing']}")
    return f"{example['says'].strip()}\n\n" + "```text\n" + "\n\n".join(blocks) + "\n```"


# Faults -------------------------------------------------------------------------------------

_PARTS = {
    "A": "Disclosure: people made out in a report",
    "B": "Security",
    "C": "Runs: crashes, concurrency, schedule, the same again",
    "D": "Data",
    "E": "Statistics",
    "F": "Governance",
}


def faults_page(root: Path) -> str:
    """Return the page of every fault and threat, and where each is tested."""
    cases = tomllib.loads((root / "tests" / "faults" / "cases.toml").read_text(encoding="utf-8"))
    states = [_state(case) for case in cases.values()]
    counted = ", ".join(f"{states.count(s)} {s}" for s in ("tested", "decided", "open"))
    parts = []
    for letter, title in _PARTS.items():
        rows = [
            (key, case["what"], _state(case), _where(case))
            for key, case in cases.items()
            if key[0] == letter
        ]
        parts.append(f"## {title}\n\n{_table(('case', 'what goes wrong', 'state', 'where'), rows)}")
    return _page(
        _note("tests/faults/cases.toml"),
        "# Faults and threats",
        f"What goes wrong with learning records, reports and schedules, case by case: {counted}. "
        "*Tested* names the tests that fail when it happens. *Decided* says why no test can hold "
        "it. *Open* says what is missing. The [threat model](threat-model.md) tells the same by "
        "who attacks; [privacy](privacy.md) what is promised and what is not.",
        *parts,
    )


def _state(case: Mapping[str, Any]) -> str:
    if "later" in case:
        return "open"
    return "tested" if "holds" in case else "decided"


def _where(case: Mapping[str, Any]) -> str:
    if "not_code" in case:
        page = str(case["not_code"]).removeprefix("docs/")
        return f"said in [{page.removesuffix('.md')}]({page})"
    if "holds" not in case:
        return str(case.get("decided", case.get("later")))
    by_file: dict[str, list[str]] = {}
    for node in case["holds"]:
        file, _, name = node.partition("::")
        by_file.setdefault(file, []).append(f"`{name}`")
    return "; ".join(f"[{file}](../{file}) {', '.join(names)}" for file, names in by_file.items())


# Glossary -----------------------------------------------------------------------------------


def glossary_page() -> str:
    """Return the page of words that a reader of a report may not know."""
    rows = [(f"**{one.word}**", one.said, ", ".join(one.forms) or "–") for one in glossary.words()]
    return _page(
        _note("src/ldresearch/glossary.toml"),
        "# Words of the reports",
        "Each report ends with those of these words that stand on it. [Definitions]"
        "(definitions.md) say exactly how each number is counted.",
        _table(("word", "what it means", "also found as"), rows),
    )


# All of them --------------------------------------------------------------------------------


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return every generated page by its file name."""
    writers: dict[str, Callable[[], str]] = {
        "metrics.md": metrics_page,
        "plan.md": plan_page,
        "data-dictionary.md": data_dictionary_page,
        "parameters.md": lambda: parameters_page(root),
        "definitions.md": lambda: definitions_page(root),
        "faults.md": lambda: faults_page(root),
        "glossary.md": glossary_page,
    }
    return {name: write() for name, write in writers.items()}


def main() -> None:
    """Write the pages that changed."""
    for name, text in pages().items():
        file = ROOT / "docs" / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
