"""The documents say what the code does, and lead where they say."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ldresearch import parameters, schema
from ldresearch.vocabulary import metrics

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Generated pages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "metrics.md",
        "plan.md",
        "data-dictionary.md",
        "parameters.md",
        "definitions.md",
        "faults.md",
        "glossary.md",
    ],
)
def test_generated_pages_are_fresh(generate: ModuleType, name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == generate.pages()[name], f"docs/{name} is stale: run `make docs`"


def test_the_pages_name_everything_there_is(generate: ModuleType) -> None:
    pages = generate.pages()
    for metric in metrics():
        assert f"## {metric}\n" in pages["metrics.md"]
    for table in schema.TABLES.values():
        section = pages["data-dictionary.md"].split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.names:
            assert f"| `{column}` |" in section
    for own in generate.notebook_parameters(ROOT).values():
        for name in own:
            assert f"| `{name}` |" in pages["parameters.md"]
    for one in generate.definitions(ROOT):
        assert f"## {one['title']}\n" in pages["definitions.md"]


# What has to be said ------------------------------------------------------------------------


@pytest.mark.parametrize("table", schema.TABLES.values(), ids=lambda table: table.name)
def test_every_table_and_column_has_its_line(table: schema.Table) -> None:
    assert table.doc
    assert [column.name for column in table.columns if not column.doc.strip()] == []


def test_every_parameter_is_documented_and_has_one_type(generate: ModuleType) -> None:
    kinds: dict[str, set[type]] = {}
    for stem, own in generate.notebook_parameters(ROOT).items():
        for name, parameter in own.items():
            rule = parameters.rules().get(name, {})
            assert rule.get("help") or parameter.help, f"{stem}: {name}"
            kinds.setdefault(name, set()).add(type(parameter.default))
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


def test_every_default_lies_within_its_range(generate: ModuleType) -> None:
    for own in generate.notebook_parameters(ROOT).values():
        assert parameters.resolve(own, {})


# Metrics ------------------------------------------------------------------------------------


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Models, views and notebooks: whatever makes or asks for an estimate."""
    for layer in ("models", "figures", "tables", "sentences"):
        for file in sorted((ROOT / "src" / "ldresearch" / layer).glob("*.py")):
            yield f"{layer}/{file.name}", ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        cells: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        yield file.name, ast.parse("\n".join(code))


def metric_ids(tree: ast.Module) -> Iterator[str]:
    """Ids spelt out: first of ``Estimate(...)`` and of ``.estimate(...)`` or ``.has(...)``,
    ``metric=...``, and whatever a function of the module takes first under the name ``metric``.
    """
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    first = {"Estimate", "estimate", "has"}
    first |= {f.name for f in functions if f.args.args and f.args.args[0].arg == "metric"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args[:1]] if name in first else []
            given += [k.value for k in node.keywords if k.arg == "metric"]
            yield from texts(given)
        elif isinstance(node, ast.FunctionDef):
            both = [*zip(reversed(node.args.args), reversed(node.args.defaults), strict=False),
                    *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]  # fmt: skip
            yield from texts([d for a, d in both if a.arg == "metric" and d is not None])


def texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def test_every_metric_that_is_made_or_asked_for_is_in_the_registry() -> None:
    named = {(where, metric) for where, tree in trees() for metric in metric_ids(tree)}
    assert len(named) > 10, "the search finds nothing any more"
    # A view of a kind is asked for by ``has`` as well; its words are no metrics.
    assert sorted((w, m) for w, m in named if m not in metrics() and m not in _OTHERS) == []


_OTHERS = frozenset({"figure", "table", "sentence"})


def test_every_metric_of_the_registry_is_used() -> None:
    spelt = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # What a plan may name is made from the registry itself (models.measurement_plan).
    reported = [m for m in metrics().values() if m.status == "reported" and not m.plan]
    assert [m.id for m in reported if m.id not in spelt] == []


def test_a_metric_that_no_notebook_computes_is_not_called_reported() -> None:
    """``planned`` is honest only while nothing makes an estimate of it."""
    made = {metric for _, tree in trees() for metric in metric_ids(tree)}
    assert [m.id for m in metrics().values() if m.status == "planned" and m.id in made] == []


def test_metrics_need_tables_that_exist() -> None:
    for metric in metrics().values():
        assert set(metric.needs) <= set(schema.TABLES), metric.id


# Links --------------------------------------------------------------------------------------


def documents() -> list[Path]:
    places = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    return sorted([*places, ROOT / "data" / "README.md", ROOT / "reports" / "README.md"])


def anchors(file: Path) -> set[str]:
    """Headings of a page as the anchors that renderers make of them."""
    heads = re.findall(r"^#{1,6} (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("file", documents(), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_relative_links_lead_somewhere(file: Path) -> None:
    text = re.sub(r"```.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file
        # Reports and demo data are made, not shipped: their folder has to be there.
        is_made = {"reports", "data"} & set(there.relative_to(ROOT).parts[:1])
        assert there.exists() or is_made, f"{file.name}: {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{file.name}: {target}"
