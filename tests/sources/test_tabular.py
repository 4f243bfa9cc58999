"""The tabular reader: a round trip, and every trap of files that people export."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import schema, sources
from ldresearch.errors import LdresearchError
from ldresearch.ingest import IngestReport, write
from ldresearch.log import EventLog
from ldresearch.sources import tabular
from ldresearch.worlds.organisation import organisation
from ldresearch.worlds.tables import KEY

COLUMNS = """
person_id = "who"
occurred_at = "when"
verb = "what"
source = { value = "lms" }
"""


def mapping(columns: str = COLUMNS, table: str = "event", read: str = "", feed: str = "") -> str:
    return f'[read]\n{read}\n[[feed]]\ntable = "{table}"\n{feed}\n[feed.columns]\n{columns}\n'


def taken(
    tmp_path: Path, text: str | bytes, toml: str, name: str = "f.csv", limit: float = 1.0
) -> IngestReport:
    file = tmp_path / name
    data = text.encode() if isinstance(text, str) else text
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    (tmp_path / f"{name}.toml").write_text(toml, encoding="utf-8")
    return sources.ingest("tabular", file, tmp_path / "out", key=KEY, reject_limit=limit)


def table(report: IngestReport, name: str = "event") -> pd.DataFrame:
    frame = EventLog.open(report.dataset, as_of="2090-01-01").table(name).to_pandas()
    return frame


def hours(report: IngestReport) -> list[str]:
    return sorted(at.isoformat(" ") for at in table(report)["occurred_at"])


# A round trip ----------------------------------------------------------------------------------


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Write a canonical frame the way a system would export it."""
    out = pd.DataFrame(index=frame.index)
    for name in frame.columns:
        column = frame[name]
        if name in ("unit_path", "labels"):
            out[name.upper()] = [None if c is None else " > ".join(c) for c in column]
        elif name.endswith("_at"):
            out[name.upper()] = pd.to_datetime(column).dt.strftime("%d.%m.%Y %H:%M:%S.%f")
        elif name.endswith("_on"):
            out[name.upper()] = pd.to_datetime(column).dt.strftime("%d/%m/%Y")
        elif column.dtype == bool or name.startswith("is_"):
            out[name.upper()] = column.map({True: "Y", False: "N"})
        elif schema.Type.INT in {c.type for c in TABLE_COLUMNS.get(name, ())}:
            out[name.upper()] = column.astype("Int64").astype("string")
        else:
            out[name.upper()] = column
    return out


TABLE_COLUMNS: dict[str, list[schema.Column]] = {}
for _table in schema.TABLES.values():
    for _column in _table.columns:
        TABLE_COLUMNS.setdefault(_column.name, []).append(_column)


def as_mapping(name: str, frame: pd.DataFrame) -> str:
    lines = [f'[[feed]]\nfile = "{name}.csv"\ntable = "{name}"\n[feed.columns]']
    for column in frame.columns:
        spec = f'column = "{column.upper()}"'
        if column in ("unit_path", "labels"):
            spec += ', separator = " > "'
        elif column.endswith("_at"):
            spec += ', format = "%d.%m.%Y %H:%M:%S.%f", time_zone = "UTC"'
        elif column.endswith("_on"):
            spec += ', format = "%d/%m/%Y"'
        elif column.startswith("is_"):
            spec += ', true = ["Y"], false = ["N"]'
        lines.append(f"{column} = {{ {spec} }}")
    return "\n".join(lines)


def test_an_organisation_exported_and_read_back_is_the_same_dataset(tmp_path: Path) -> None:
    world = organisation(name="round", seed=5, n_persons=120, time_zone="Europe/Berlin")
    folder = tmp_path / "export"
    folder.mkdir()
    parts = []
    for name, frame in world.tables.items():
        as_text(frame).to_csv(folder / f"{name}.csv", index=False)
        parts.append(as_mapping(name, frame))
    (folder / "mapping.toml").write_text("\n\n".join(parts))
    straight = write(
        world.tables, tmp_path / "a", client="round", key=KEY, time_zone="Europe/Berlin"
    )
    read = sources.ingest(
        "tabular", folder, tmp_path / "b", client="round", key=KEY, time_zone="Europe/Berlin"
    ).dataset
    ours = {n: e.content_hash for n, e in read.manifest.tables.items()}
    theirs = {n: e.content_hash for n, e in straight.manifest.tables.items()}
    assert ours == theirs
    assert read.manifest.rows("event") > 1000


def test_parquet_gives_the_same(tmp_path: Path) -> None:
    world = organisation(name="round", seed=6, n_persons=60)
    folder = tmp_path / "export"
    folder.mkdir()
    world.tables["event"].to_parquet(folder / "e.parquet", index=False)
    columns = "\n".join(f'{c} = "{c}"' for c in world.tables["event"].columns)
    (folder / "mapping.toml").write_text(
        mapping(columns, feed='file = "*.parquet"', read='time_zone = "UTC"')
    )
    read = sources.ingest("tabular", folder, tmp_path / "b", key=KEY).dataset
    straight = write({"event": world.tables["event"]}, tmp_path / "a", client="export", key=KEY)
    assert (
        read.manifest.tables["event"].content_hash == straight.manifest.tables["event"].content_hash
    )


# Instants, dates, durations, numbers -------------------------------------------------------------


def test_local_times_follow_their_zone_and_the_change_of_clocks(tmp_path: Path) -> None:
    text = (
        "who,when,what\na,2024-01-15 12:00,view\na,2024-07-15 12:00,view\n"
        "a,2024-03-31 02:30,view\na,2024-10-27 02:30,view\na,2024-07-15T12:00:00-02:00,view\n"
    )
    zone = 'time_zone = "Europe/Berlin"'
    report = taken(tmp_path, text, mapping(read=zone))
    assert hours(report) == ["2024-01-15 11:00:00", "2024-07-15 10:00:00", "2024-07-15 14:00:00"]
    assert report.rejected["event"] == {
        "occurred_at does not exist: the clocks went forward": 1,
        "occurred_at happens twice: the clocks went back": 1,
    }


@pytest.mark.parametrize(("which", "hour"), [("first", "00:30"), ("second", "01:30")])
def test_the_hour_that_happens_twice_is_settled_by_the_mapping(
    tmp_path: Path, which: str, hour: str
) -> None:
    read = f'time_zone = "Europe/Berlin"\nambiguous = "{which}"'
    report = taken(tmp_path, "who,when,what\na,2024-10-27 02:30,view\n", mapping(read=read))
    assert hours(report) == [f"2024-10-27 {hour}:00"]


def test_without_a_stated_zone_a_local_time_is_rejected(tmp_path: Path) -> None:
    report = taken(
        tmp_path, "who,when,what\na,2024-01-15 12:00,view\na,2024-01-15 12:00Z,view\n", mapping()
    )
    assert report.rejected["event"] == {"occurred_at has no time zone": 1}


@pytest.mark.parametrize(
    ("spec", "cell", "expected"),
    [
        ('format = "%d/%m/%Y %H:%M"', "03/04/2024 05:06", "2024-04-03 05:06:00"),
        ('format = "%m/%d/%Y %H:%M"', "03/04/2024 05:06", "2024-03-04 05:06:00"),
        ('format = "%Y-%m-%d %H:%M %z"', "2024-01-01 10:00 +0200", "2024-01-01 08:00:00"),
        ('format = "epoch_s"', "1704067200", "2024-01-01 00:00:00"),
        ('format = "epoch_ms"', "1704067200500", "2024-01-01 00:00:00.500000"),
        ("", "2024-01-01T10:00:00.1234567Z", "2024-01-01 10:00:00.123456"),
    ],
)
def test_formats_of_instants(tmp_path: Path, spec: str, cell: str, expected: str) -> None:
    joined = ", ".join(p for p in ('column = "when"', spec, 'time_zone = "UTC"') if p)
    columns = COLUMNS.replace('"when"', f"{{ {joined} }}")
    report = taken(tmp_path, f"who,when,what\na,{cell},view\na,nonsense,view\n", mapping(columns))
    assert hours(report) == [expected]
    assert report.rejected["event"] == {"occurred_at is no instant": 1}


@pytest.mark.parametrize(
    ("spec", "cells", "expected", "reason"),
    [
        ('unit = "minutes"', ["1.5", "x"], [90], "duration_s is no duration in minutes"),
        ('unit = "hours", decimal = ","', ['"0,5"', "1:30"], [1800], "no duration in hours"),
        ('unit = "h:m:s"', ["1:02:03", "1:75:00"], [3723], "no duration in h:m:s"),
        ('unit = "iso8601"', ["PT1M30S", "P1M"], [90], "no duration in iso8601"),
        ("", ["90", "5 min"], [90], "no duration in seconds"),
    ],
)
def test_durations(
    tmp_path: Path, spec: str, cells: list[str], expected: list[int], reason: str
) -> None:
    inner = 'column = "t"' + (f", {spec}" if spec else "")
    rows = "".join(f"a,2024-01-0{i}T00:00Z,view,{c}\n" for i, c in enumerate(cells, 1))
    report = taken(
        tmp_path, "who,when,what,t\n" + rows, mapping(COLUMNS + f"duration_s = {{ {inner} }}")
    )
    assert table(report)["duration_s"].tolist() == expected
    [found] = report.rejected["event"]
    assert reason in found


def test_numbers_are_not_rounded_and_scores_are_put_on_their_scale(tmp_path: Path) -> None:
    columns = (
        'content_id = "c"\ntitle = "c"\nduration_s = "n"\ncost = { column = "m", decimal = "," }'
    )
    report = taken(
        tmp_path, 'c,n,m\na,5,"3,50"\nb,5.7,1\nc,6,x\nd,,\n', mapping(columns, "content")
    )
    found = table(report, "content").set_index("content_id")
    assert float(found.loc["a", "cost"]) == 3.5
    assert report.rejected["content"] == {"cost is no amount": 1}
    assert found.loc["b", "duration_s"] == 6, "a duration in seconds is rounded to whole seconds"
    scored = COLUMNS + 'score = { column = "s", minimum = 0, maximum = 100 }'
    (tmp_path / "s").mkdir()
    report = taken(
        tmp_path / "s",
        "who,when,what,s\na,2024-01-01T00:00Z,pass,85\na,2024-01-02T00:00Z,pass,nan\n"
        "a,2024-01-03T00:00Z,pass,101\n",
        mapping(scored),
    )
    assert table(report)["score"].tolist() == [0.85]
    assert report.rejected["event"] == {"score is no number": 1, "score is too large": 1}


def test_truth_needs_its_words(tmp_path: Path) -> None:
    columns = COLUMNS + 'is_success = { column = "ok", true = ["ja"], false = ["nein"] }'
    report = taken(
        tmp_path,
        "who,when,what,ok\na,2024-01-01T00:00Z,view,ja\na,2024-01-02T00:00Z,view,nein\n"
        "a,2024-01-03T00:00Z,view,vielleicht\n",
        mapping(columns),
    )
    assert table(report)["is_success"].tolist() == [True, False]
    assert report.rejected["event"] == {"is_success is no truth value": 1}


def test_units_from_several_columns_and_dates(tmp_path: Path) -> None:
    columns = """
    person_id = "id"
    hired_on = { column = "hired", format = "%d.%m.%Y" }
    valid_from_on = { column = "hired", format = "%d.%m.%Y" }
    left_on = "left"
    unit_path = { columns = ["division", "team"] }
    country = "country"
    """
    report = taken(
        tmp_path,
        "id,hired,left,division,team,country\n00012,03.04.2024,9999-12-31,Sales,,NA\n"
        "12,03.04.2024,2024-12-31,Sales,North,null\n13,2024-04-03,,Ops,,DE\n",
        mapping(columns, "person", read='nulls = ["", "null"]'),
    )
    found = table(report, "person").sort_values("country", na_position="last")
    assert [list(p) for p in found["unit_path"]] == [["Sales"], ["Sales", "North"]]
    assert found["country"].iloc[0] == "NA", "Namibia is a country"
    assert pd.isna(found["country"].iloc[1])
    assert pd.isna(found["left_on"].iloc[0])
    assert found["person_key"].nunique() == 2, "leading zeros make another person"
    assert report.rejected["person"] == {"hired_on is no date": 1}


# Words, rows left out ----------------------------------------------------------------------------


def test_words_are_translated_and_unknown_ones_counted(tmp_path: Path) -> None:
    columns = COLUMNS.replace('"what"', '{ column = "what", words = { VIEWED = "view" } }')
    text = "who,when,what\n" + "".join(
        f"a,2024-01-0{i}T00:00Z,{w}\n" for i, w in enumerate(["VIEWED", "view", "Opened"], 1)
    )
    report = taken(tmp_path, text, mapping(columns))
    assert table(report)["verb"].tolist() == ["view", "view"]
    assert report.rejected["event"] == {"verb: unknown word": 1}
    assert report.dataset.manifest.notes["tabular"]["unknown_words"] == {
        "event.verb in f.csv": {"Opened": 1}
    }


def test_a_column_of_ids_mapped_as_words_is_not_listed(tmp_path: Path) -> None:
    text = "who,when,what\n" + "".join(f"canary-{i},2024-01-01T00:00Z,view\n" for i in range(60))
    columns = COLUMNS.replace('"what"', '"who"')
    with pytest.raises(LdresearchError) as error:
        taken(tmp_path, text, mapping(columns), limit=0.05)
    assert "canary" not in str(error.value)
    report = taken(tmp_path, text, mapping(columns))
    assert "canary" not in str(report.dataset.manifest.notes)


def test_a_person_in_the_wrong_column_is_counted_and_not_quoted(tmp_path: Path) -> None:
    columns = COLUMNS.replace('"what"', '{ column = "what", words = { VIEWED = "view" } }')
    text = "who,when,what\nann,2024-01-01T00:00Z,Ann\nben,2024-01-02T00:00Z,Opened\n"
    text += "ben,2024-01-02T00:00Z,cy@birds.example\n"
    report = taken(tmp_path, text, mapping(columns))
    assert report.dataset.manifest.notes["tabular"]["unknown_words"] == {
        "event.verb in f.csv": {"Opened": 1, "what looks like data": 2}
    }


def test_one_state_table_feeds_several_tables(tmp_path: Path) -> None:
    """A transcript: a row a registration, unpivoted into what happened."""
    toml = """
    [read]
    time_zone = "UTC"
    [[feed]]
    table = "event"
    skip_without = ["completed"]
    only = { latest = ["1"] }
    [feed.columns]
    person_id = "user"
    occurred_at = "completed"
    verb = { value = "complete" }
    content_id = "item"
    source = { value = "lms" }
    [[feed]]
    table = "assignment"
    only = { latest = ["1"] }
    [feed.columns]
    person_id = "user"
    content_id = "item"
    assigned_at = "assigned"
    """
    text = (
        "user,item,assigned,completed,latest\na,c1,2024-01-01,2024-02-01,1\n"
        "a,c2,2024-01-01,,1\na,c1,2023-01-01,2023-02-01,0\n"
    )
    report = taken(tmp_path, text, toml)
    assert report.rows_out == {"event": 1, "assignment": 2}
    assert report.dataset.manifest.notes["tabular"]["rows_left_out_by_the_mapping"] == {
        "f.csv to event": 2, "f.csv to assignment": 1,
    }  # fmt: skip
    assert table(report, "assignment")["assignment_id"].nunique() == 2
    assert table(report)["assignment_id"].isna().all()


# Files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "read"),
    [
        ("f.tsv", "who\twhen\twhat\nZoë\t2024-01-01T00:00Z\tview\n".encode(), ""),
        ("f.csv.gz", b"who,when,what\nZoe,2024-01-01T00:00Z,view\n", ""),
        ("f.csv", b"\xef\xbb\xbfwho,when,what\r\nZoe,2024-01-01T00:00Z,view\r\n", ""),
        ("f.csv", "who;when;what\nZoë;2024-01-01T00:00Z;view\n".encode("cp1252"),
         'delimiter = ";"\nencoding = "cp1252"'),
        ("f.csv", "who,when,what\nZoë,2024-01-01T00:00Z,view\n".encode("utf-16"),
         'encoding = "utf-16"'),
        ("f.csv", b'who,when,what,note\n"Zoe",2024-01-01T00:00Z,view,"a, ""b""\nc"\n', ""),
        ("f.csv", b"who,when,what\nZoe,2024-01-01T00:00Z,view", ""),
    ],
)  # fmt: skip
def test_ways_of_writing_a_file(tmp_path: Path, name: str, data: bytes, read: str) -> None:
    report = taken(tmp_path, data, mapping(read=read), name)
    assert report.rows_out["event"] == 1
    assert report.rejected["event"] == {}


GOOD = "a,2024-01-01T00:00Z,view\n"


def test_lines_with_another_number_of_columns_are_counted(tmp_path: Path) -> None:
    text = f"who,when,what\n{GOOD}a,2024-01-02T00:00Z,view,extra\na,2024-01\n"
    report = taken(tmp_path, text, mapping())
    reason = "a line has another number of columns than the header"
    assert report.rejected["event"] == {reason: 2}
    assert report.rows_in["event"] == 3
    assert report.dataset.manifest.notes["tabular"]["broken_lines"]["f.csv"]["n_lines"] == 2


def test_one_more_column_everywhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LdresearchError, match="10 of 10 rows would be rejected"):
        taken(tmp_path, "who,when,what\n" + "a,Intro,2024-01-01T00:00Z,view\n" * 10, mapping(),
              limit=0.05)  # fmt: skip


def test_a_cut_last_line_is_noted_and_its_date_rejected(tmp_path: Path) -> None:
    report = taken(tmp_path, "what,who,when\nview,a,2024-01-01T00:00Z\nview,a,2024-01-0", mapping())
    assert report.rejected["event"] == {"occurred_at is no instant": 1}
    assert report.dataset.manifest.notes["tabular"]["last_line_without_an_end"] == ["f.csv"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the file is empty"),
        (b"who,when,what,who\n", "a column stands twice"),
        (b"who,,what\n", "has no name"),
        ("who,when,what\ncanary\xeb,2024-01-01T00:00Z,view\n".encode("cp1252"), "got 'byte 20'"),
        ("who,when,what\n".encode("utf-16"), "mark of another encoding"),
        (
            b'who,when,what\n"canary,2024-01-01T00:00Z,view\n' + GOOD.encode() * 9,
            "10 of 10 rows would be",
        ),
    ],
)
def test_unreadable_files_are_one_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(LdresearchError) as error:
        taken(tmp_path, data, mapping(), limit=0.05)
    assert sentence in str(error.value)
    assert "canary" not in str(error.value)


def test_a_cut_gzip_is_one_sentence(tmp_path: Path) -> None:
    text = "who,when,what\n" + "".join(f"a{i},2024-01-01T00:00Z,view\n" for i in range(5000))
    file = tmp_path / "f.csv.gz"
    file.write_bytes(gzip.compress(text.encode())[:-50])
    (tmp_path / "f.csv.gz.toml").write_text(mapping())
    with pytest.raises(LdresearchError, match="damaged or breaks off"):
        sources.ingest("tabular", file, tmp_path / "out", key=KEY)


def test_ids_in_floating_point_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"who": [1.0, 2.0], "when": ["2024-01-01T00:00Z"] * 2, "what": "view"})
    frame.to_parquet(tmp_path / "f.parquet")
    (tmp_path / "f.parquet.toml").write_text(mapping())
    with pytest.raises(LdresearchError, match="digits are lost"):
        sources.ingest("tabular", tmp_path / "f.parquet", tmp_path / "out", key=KEY)


def test_types_of_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "who": [9007199254740993, 2],
            "when": pd.to_datetime(["2024-07-01 12:00", "2024-01-01 12:00"]),
            "zoned": pd.to_datetime(["2024-07-01 12:00"] * 2).tz_localize("Asia/Tokyo"),
            "what": ["view", "complete"],
        }
    )
    frame.to_parquet(tmp_path / "f.parquet")
    (tmp_path / "f.parquet.toml").write_text(
        mapping(COLUMNS + 'recorded_at = "zoned"', read='time_zone = "Europe/Berlin"')
    )
    report = sources.ingest(
        "tabular", tmp_path / "f.parquet", tmp_path / "out", key=KEY, reject_limit=1.0
    )
    found = table(report).sort_values("occurred_at")
    assert hours(report) == ["2024-01-01 11:00:00", "2024-07-01 10:00:00"]
    assert found["recorded_at"].iloc[1].isoformat() == "2024-07-01T03:00:00"
    assert report.rejected["event"] == {}


# Wrong mappings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (mapping().replace('"event"', '"events"'), "did you mean event?"),
        (mapping(COLUMNS.replace("occurred_at", "ocurred_at")), "did you mean occurred_at?"),
        (mapping(COLUMNS.replace('"when"', '"wen"')), "did you mean when?"),
        (mapping(COLUMNS.replace('verb = "what"', "")), "a required column is not mapped"),
        (mapping(COLUMNS.replace('"what"', '{ colunm = "what" }')), "did you mean column?"),
        (mapping(COLUMNS.replace('"what"', '{ column = "what", value = "x" }')), "exactly one"),
        (mapping(COLUMNS.replace('"what"', '{ column = "what", words = { A = "veiw" } }')),
         "did you mean view?"),
        (mapping(COLUMNS.replace('"when"', '{ column = "when", format = "dd.mm" }')),
         "no such format"),
        (mapping(COLUMNS.replace('"when"', '{ column = "when", format = "%Q" }')),
         "not a pattern of dates"),
        (mapping(COLUMNS + 'duration_s = { column = "what", unit = "minute" }'),
         "did you mean minutes?"),
        (mapping(COLUMNS + 'score = { column = "what", minimum = 5, maximum = 1 }'), "not a range"),
        (mapping(COLUMNS + 'is_success = { column = "what", true = ["a"] }'), "say both"),
        (mapping(read='time_zone = "Berlin"'), "unknown time zone"),
        (mapping(read='encoding = "utf8x"'), "unknown encoding"),
        (mapping(read='ambiguous = "maybe"'), "unknown choice"),
        (mapping(read='delimeter = ";"'), "did you mean delimiter?"),
        (mapping(feed='file = "g.csv"'), "did you mean f.csv?"),
        ("[[feed]\n", "the mapping is no TOML"),
        ("", "feeds no table"),
        (mapping().replace('"event"', "{}"), "no such table"),
        (mapping().replace('"event"', "[1]"), "no such table"),
        (mapping(COLUMNS.replace('"what"', "{ column = [] }")), "not a text"),
        (mapping(COLUMNS.replace('"what"', "{ column = 3 }")), "not a text"),
        (mapping(COLUMNS.replace('"what"', '{ columns = ["what"], separator = 3 }')), "not a text"),
        (mapping(COLUMNS.replace('"what"', "{ columns = [] }")), "names no column"),
        (mapping(COLUMNS.replace('"what"', "{ value = {} }")), "not a single value"),
        (mapping(COLUMNS.replace('"what"', '{ value = "\\u0000" }')), "NUL character"),
        (mapping(feed="file = 3"), "not a text"),
        (mapping(feed="records = []"), "not a text"),
        (mapping(read='encoding = "hex"'), "unknown encoding"),
        (mapping(read='encoding = "\\u0000"'), "unknown encoding"),
        (mapping(read='delimiter = "\\n"'), ""),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_one_sentence(tmp_path: Path, toml: str, sentence: str) -> None:
    with pytest.raises(LdresearchError) as error:
        taken(tmp_path, "who,when,what\ncanary,2024-01-01T00:00Z,view\n", toml)
    assert sentence in str(error.value)
    assert "canary" not in str(error.value)
    assert "\n" not in str(error.value)


def test_without_a_mapping_the_way_to_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LdresearchError, match="--sketch"):
        sources.ingest("tabular", tmp_path / "f.csv", tmp_path / "out", key=KEY)


# The sketch --------------------------------------------------------------------------------------

EXPORT = (
    "Employee ID;When;Action;Minutes;Score\n"
    "canary-1;03.04.2024 10:00;VIEWED;3,5;17\n"
    "canary-2;04.04.2024 11:00;VIEWED;4,5;18\n"
    "canary-3;05.04.2024 11:00;DONE;4,5;19\n"
)


def test_a_sketch_names_columns_and_shows_no_cell(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORT)
    text = tabular.sketch(file)
    for name in ("Employee ID", "When", "Action", "Minutes", "Score"):
        assert f'"{name}"' in text
    assert '# person_id = "Employee ID"' in text
    assert "%d.%m.%Y %H:%M" in text
    assert 'delimiter = ";"' in text
    for cell in ("canary", "VIEWED", "2024", "DONE", "3,5"):
        assert cell not in text


def test_a_sketch_reads_nothing_until_a_person_edits_it(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORT)
    (tmp_path / "export.csv.toml").write_text(tabular.sketch(file))
    with pytest.raises(LdresearchError, match="no such table"):
        sources.ingest("tabular", file, tmp_path / "out", key=KEY)


def test_an_edited_sketch_works(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORT)
    edits: dict[str, Any] = {
        "# table =": "table =", "# person_id =": "person_id =", '# verb = "Action"':
        'verb = { column = "Action", words = { VIEWED = "view", DONE = "complete" } }',
    }  # fmt: skip
    text = tabular.sketch(file)
    for before, after in edits.items():
        assert before in text
        text = text.replace(before, after)
    text += 'occurred_at = { column = "When", format = "%d.%m.%Y %H:%M", time_zone = "UTC" }\n'
    (tmp_path / "export.csv.toml").write_text(text)
    report = sources.ingest("tabular", file, tmp_path / "out", key=KEY)
    assert report.rows_out["event"] == 3


def test_sketches_of_a_folder_and_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("skill_id,name\ns,n\n")
    pd.DataFrame({"person_id": ["canary"], "hired_on": ["2024-01-01"]}).to_parquet(
        tmp_path / "b.parquet"
    )
    text = tabular.sketch(tmp_path)
    assert text.count("[[feed]]") == 2
    assert '# table = "skill"' in text
    assert '# table = "person"' in text
    assert "canary" not in text


# Records of JSON, and words for what other systems export ---------------------------------------


def test_records_of_an_interface_are_read_by_their_paths(tmp_path: Path) -> None:
    text = """{"data": [
        {"id": 1, "by": {"user": "ada"}, "at": "2024-01-03T09:00:00Z"},
        {"id": 2, "by": "ben", "at": "2024-01-03T10:00:00Z"},
        {"id": 3, "by": {"user": "cleo"}, "at": null},
        "no record"
    ], "next": null}"""
    columns = """
    event_id = "id"
    person_id = { first_of = ["by.user", "by"] }
    occurred_at = "at"
    verb = { value = "view" }
    """
    report = taken(tmp_path, text, mapping(columns), "page.json")
    assert hours(report) == ["2024-01-03 09:00:00", "2024-01-03 10:00:00"]
    assert report.rejected["event"] == {"a record is broken JSON": 1, "occurred_at is missing": 1}


def test_each_entry_of_a_list_inside_a_record_is_a_row(tmp_path: Path) -> None:
    text = (
        '{"who": "ada", "seen": [{"at": "2024-01-03T09:00:00Z"}, {"at": "2024-01-04T09:00:00Z"}]}'
    )
    columns = 'person_id = "who"\noccurred_at = "item.at"\nverb = { value = "view" }'
    report = taken(tmp_path, text, mapping(columns, feed='each = "seen"'), "one.json")
    assert hours(report) == ["2024-01-03 09:00:00", "2024-01-04 09:00:00"]


def test_rows_are_left_out_by_what_they_have(tmp_path: Path) -> None:
    text = "who,when,what,as,origin\n" + "".join(
        f"ada,2024-01-0{i}T09:00:00Z,view,{by},{origin}\n"
        for i, (by, origin) in enumerate((("", "web"), ("ben", "web"), ("", "cron"), ("", "")), 1)
    )
    feed = 'skip_with = ["as"]\nnever = { origin = ["cron"] }'
    report = taken(tmp_path, text, mapping(feed=feed))
    assert hours(report) == ["2024-01-01 09:00:00", "2024-01-04 09:00:00"]


def test_a_name_of_several_parts_and_words_that_mean_nothing_here(tmp_path: Path) -> None:
    text = "id,version,kind\nA,1,Online\nA,,Strange\n,2,Online\n"
    columns = """
    content_id = { columns = ["id", "version"], separator = "/" }
    kind = { column = "kind", words = { Online = "course" }, others = "missing" }
    """
    found = table(taken(tmp_path, text, mapping(columns, table="content")), "content")
    kinds = found.set_index("content_id")["kind"]
    assert kinds["A/1"] == "course"
    assert kinds.isna()["A"]
    assert len(kinds) == 2


def test_where_only_one_feed_says_when_it_was_recorded_the_other_is_not_lost(
    tmp_path: Path,
) -> None:
    text = "who,when,known\nada,2024-01-03T09:00:00Z,2024-01-05T09:00:00Z\n"
    feeds = "".join(
        f'[[feed]]\ntable = "event"\n[feed.columns]\nperson_id = "who"\noccurred_at = "when"\n'
        f'verb = {{ value = "{verb}" }}\n{extra}\n'
        for verb, extra in (("start", 'recorded_at = "known"'), ("view", ""))
    )
    known = table(taken(tmp_path, text, feeds)).set_index("verb")["recorded_at"]
    assert str(known["start"]) == "2024-01-05 09:00:00"
    assert str(known["view"]) == "2024-01-03 09:00:00"
