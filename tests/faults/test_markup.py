"""Markup that comes in by a source: as names of groups, files, clients and values of parameters.

Everything that a source may call something is a payload here, and every reader that takes names has
its share. What is looked for stands in tests/report/test_xss.py.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from ldresearch import schema, sources
from ldresearch.dataset import Dataset
from ldresearch.errors import LdresearchError
from ldresearch.ingest import DERIVED, PERSON_ID
from ldresearch.report import about, index
from ldresearch.run.template import Template
from ldresearch.worlds.organisation import organisation
from ldresearch.worlds.tables import KEY

AS_OF = "2024-09-01"
TOO_LONG_FOR_A_NAME = 200

SURVEY_MAPPING = """
[survey]
layout = "long"
group = "token"
response = "response_id"
answered_at = "answered_at"
question = "item"
answer = "value"
"""
HRIS = {
    PERSON_ID: "Employee ID", "hired_on": "Hire Date", "valid_from_on": "Effective Date",
    "valid_to_on": "Valid To", "left_on": "Termination Date", "leave_reason": "Leaving Reason",
    "manager_id": "Manager ID", "role_id": "Job Title", "level": "Grade", "location": "Location",
    "country": "Country", "fte": "FTE", "is_manager": "Is Manager",
}  # fmt: skip


def helpers() -> ModuleType:
    """The payloads and the browser of the tests of pages."""
    file = Path(__file__).parents[1] / "report" / "test_xss.py"
    spec = importlib.util.spec_from_file_location("markup_helpers", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


XSS = helpers()
PAYLOADS = [p for p in XSS.EVERY if len(p) < TOO_LONG_FOR_A_NAME]


class Renamed:
    """Gives every name a payload of its own, the same one wherever the name stands."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.next = itertools.cycle(PAYLOADS)

    def __call__(self, name: Any) -> Any:
        if not isinstance(name, str) or not name:
            return name
        if name not in self.names:
            # Line ends inside a cell are another test's; here they would be trimmed by the door.
            self.names[name] = f"{name} {re.sub(r'[^ -~]', ' ', next(self.next))}"
        return self.names[name]

    def cells(self, table: schema.Table, frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for column in table.columns:
            name = PERSON_ID if column.name == schema.PERSON_KEY else column.name
            keeps = (PERSON_ID, "manager_id", "rater_id", "time_zone", "instrument",
                     "value", "unit_kind", "tier", "arm", "result")  # fmt: skip
            if name not in frame:
                continue
            if column.type in (schema.Type.ON, schema.Type.AT):
                at = pd.to_datetime(frame[name])
                shape = "%Y-%m-%d" if column.type is schema.Type.ON else "%Y-%m-%dT%H:%M:%SZ"
                frame[name] = at.dt.strftime(shape)
            if column.values or name in keeps:  # noqa: PD011 - a column of the schema, no frame
                continue
            if column.type is schema.Type.TEXT:
                frame[name] = frame[name].map(self, na_action="ignore")
            elif column.type is schema.Type.TEXTS:
                frame[name] = frame[name].map(
                    lambda parts: [self(p) for p in parts] if parts is not None else parts
                )
        if table.name in ("arm", "outcome"):  # persons among them keep their ids
            column_name, kind = {
                "arm": ("unit_id", "unit_kind"), "outcome": ("entity_id", "entity_kind"),
            }[table.name]  # fmt: skip
            is_person = frame[kind] == "person"
            back = {v: k for k, v in self.names.items()}
            frame.loc[is_person, column_name] = frame.loc[is_person, column_name].map(back)
        return frame


def taken(
    folder: Path, source: str, frame: pd.DataFrame, out: Path, client: str, mapping: str = ""
) -> Dataset:
    """Write a frame as a file with a hostile name, and ingest it by a reader."""
    frame = frame.astype(object).where(frame.notna(), None)
    file = folder / "<img src=x onerror=alert(1)>'\"&amp;.csv"
    frame.to_csv(file, index=False)
    if mapping:
        file.with_name(f"{file.name}.toml").write_text(mapping, encoding="utf-8")
    report = sources.ingest(
        source, file, out, key=KEY, client=client, public=True, reject_limit=0.2
    )
    assert sum(report.rows_out.values()) > 0
    return report.dataset


def tabular_mapping(table: schema.Table, frame: pd.DataFrame) -> str:
    """Map every column to itself."""
    lines = ["[read]", 'time_zone = "UTC"', "[[feed]]", f'table = "{table.name}"', "[feed.columns]"]
    for column in table.columns:
        name = PERSON_ID if column.name == schema.PERSON_KEY else column.name
        if name not in frame:
            continue
        spec = f'"{name}"'
        if column.type is schema.Type.TEXTS:
            spec = f'{{ column = "{name}", separator = "|" }}'
        elif column.type is schema.Type.BOOL:
            spec = f'{{ column = "{name}", true = ["True"], false = ["False"] }}'
        lines.append(f"{name} = {spec}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Renamed]:
    """An organisation whose every name is markup, let in by three readers."""
    folder = tmp_path_factory.mktemp("markup")
    out, client = folder / "d", PAYLOADS[1]
    renamed = Renamed()
    world = organisation(5, name="text", n_persons=150, n_months=8, time_zone="UTC")
    assert {"person", "event", "survey_answer", "content", "skill", "initiative"} <= {*world.tables}
    dataset = None
    for name, raw in world.tables.items():
        if name in DERIVED or raw.empty:
            continue
        table = schema.TABLES[name]
        frame = renamed.cells(table, raw)
        for column in table.columns:
            if column.type is schema.Type.TEXTS and column.name in frame:
                frame[column.name] = frame[column.name].map(
                    lambda parts: "|".join(p.replace("|", " ") for p in parts)
                )
        (folder / name).mkdir()
        if name == "person":
            parts = raw["unit_path"].map(lambda p: [renamed(x) for x in p])
            frame["Company"], frame["Department"] = parts.str[0], parts.str[-1]
            frame = frame.drop(columns=["unit_path"]).rename(columns=HRIS)
            dataset = taken(folder / name, "hris", frame, out, client)
        elif name == "survey_answer":
            asked = frame.groupby(["instrument", "item"]).size().index
            known = [(i, q) for i, q in asked if i in ("nps", "pmf")]
            mapping = SURVEY_MAPPING + "".join(
                f"[[question]]\ncolumn = {quoted(item)}\ninstrument = \"{i}\"\n"
                f"item = {quoted(item)}\n" for i, item in known
            )  # fmt: skip
            frame["token"] = raw["token"].str.removeprefix("group ").map(renamed)
            if known:
                dataset = taken(folder / name, "survey", frame, out, client, mapping)
        else:
            mapping = tabular_mapping(table, frame)
            dataset = taken(folder / name, "tabular", frame, out, client, mapping)
    assert dataset is not None
    return dataset, renamed


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def looked_at(chromium: str, folder: Path, page: Path, *, in_browser: bool = True) -> str:
    html = page.read_text(encoding="utf-8")
    XSS.has_only_our_tags(html)
    if in_browser:
        assert not XSS.is_marked(XSS.in_chromium(chromium, folder / "looked.html", html)), page.name
    return html


FAST = ("20_adoption",)


@pytest.mark.parametrize(
    "name",
    [pytest.param(t.name, marks=() if t.name in FAST else pytest.mark.slow)
     for t in Template.every()],
)  # fmt: skip
def test_no_name_of_a_source_is_executed_on_the_page_of_a_notebook(
    name: str,
    hostile: tuple[Dataset, Renamed],
    tmp_path: Path,
    go: Callable[..., Any],
    chromium: str,
) -> None:
    dataset, _ = hostile
    done = go(name, dataset, as_of=AS_OF)
    assert done.status == "published", done.reason
    html = looked_at(chromium, tmp_path, Path(done.page))
    if name in FAST:
        assert "&lt;" in html, "the page shows such names"
        reports = tmp_path / "reports"
        index.build(reports, today=datetime.date(2024, 9, 2))
        for page in (reports / "index.html", *reports.rglob("*.history.html")):
            looked_at(chromium, tmp_path, page, in_browser=page.name == "index.html")
        subject = about.Subject(
            dataset.manifest.client, True, "", 10, (), (), dict.fromkeys(about.SETTINGS, "")
        )
        XSS.has_only_our_tags(about.page(subject))


def texts(template: Template) -> list[str]:
    """Parameters of a notebook that are texts and name no place of a file."""
    places = {"dataset", "others", "mode", "as_of", "reports", "plan", "rules"}
    return [n for n, p in template.declared.items() if isinstance(p.default, str)
            and n not in places]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", [t.name for t in Template.every()])
def test_no_text_parameter_is_executed_or_named_raw(
    name: str,
    hostile: tuple[Dataset, Renamed],
    tmp_path: Path,
    go: Callable[..., Any],
    chromium: str,
) -> None:
    """It is refused in one sentence, or it stands on the page as the words that it is."""
    dataset, renamed = hostile
    template = Template.find(name)
    asked = texts(template)
    for number, parameter in enumerate(asked):
        # A unit of that name exists; as any other value it is only a word.
        unit = next(v for k, v in renamed.names.items() if k in ("Sales", "sales", "Operations"))
        word = unit if parameter == "unit" else PAYLOADS[(number * 7) % len(PAYLOADS)]
        with contextlib.suppress(LdresearchError):  # refused: one sentence, and no page
            done = go(name, dataset, as_of=AS_OF, **{parameter: word})
            if done.status == "published":
                looked_at(chromium, tmp_path, Path(done.page), in_browser=False)
    reports = tmp_path / "reports"
    index.build(reports, today=datetime.date(2024, 9, 2))
    pages = [reports / "index.html", *reports.rglob("*.history.html")]
    for page in pages:
        looked_at(chromium, tmp_path, page, in_browser=page.name == "index.html")
