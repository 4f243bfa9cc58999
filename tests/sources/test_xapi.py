"""The xAPI reader: every shape of file, every trap of the specification."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.errors import LdresearchError
from ldresearch.ingest import IngestReport
from ldresearch.log import EventLog
from ldresearch.sources import _json, xapi
from ldresearch.vocabulary import AssignmentStatus, ContentKind, Verb
from ldresearch.worlds.tables import KEY

ADL = "http://adlnet.gov/expapi/verbs/"
CMI5 = "https://w3id.org/xapi/cmi5/context/extensions/"


def statement(number: int = 1, verb: str = ADL + "experienced", **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "actor": {"account": {"name": "canary-ada", "homePage": "https://hr.example"}},
        "verb": {"id": verb},
        "object": {"id": "https://c.example/1", "definition": {"name": {"en": "One"}}},
        "timestamp": "2024-01-03T09:00:00Z",
        "stored": "2024-01-03T09:00:05Z",
        "version": "1.0.3",
    }
    return {k: v for k, v in {**base, **changes}.items() if v is not None}


def taken(tmp_path: Path, content: Any, name: str = "s.jsonl", **options: str) -> IngestReport:
    file = tmp_path / name
    if isinstance(content, list):
        content = "\n".join(json.dumps(s) for s in content) + "\n"
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return sources.ingest(
        "xapi", file, tmp_path / "out", key=KEY, options=options, reject_limit=1.0
    )


def events(report: IngestReport) -> pd.DataFrame:
    frame = EventLog.open(report.dataset, as_of="2030-01-01").table("event").to_pandas()
    return frame.sort_values("event_id", ignore_index=True)


def notes(report: IngestReport) -> dict[str, Any]:
    return dict(report.dataset.manifest.notes["xapi"])


PAIR = [statement(1), statement(2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines.jsonl", "\n".join(json.dumps(s) for s in PAIR)),
        ("lines.jsonl.gz", "\n".join(json.dumps(s) for s in PAIR) + "\n\n"),
        ("crlf.ndjson", "\r\n".join(json.dumps(s) for s in PAIR)),
        ("bom.jsonl", "\ufeff" + "\n".join(json.dumps(s) for s in PAIR)),
        ("array.json", json.dumps(PAIR)),
        ("array.json.gz", json.dumps(PAIR, indent=2)),
        ("bom.json", "\ufeff" + json.dumps(PAIR)),
        ("page.json", json.dumps({"statements": PAIR, "more": "/more?x=1"})),
        ("pretty.json", json.dumps({"more": None, "statements": PAIR}, indent=1)),
        ("pages.json", json.dumps([{"statements": [s], "more": ""} for s in PAIR], indent=1)),
        ("lines_of_pages.jsonl", "\n".join(json.dumps({"statements": [s]}) for s in PAIR)),
        ("one_after_another.json", "\n".join(json.dumps(s, indent=1) for s in PAIR)),
    ],
)
def test_every_shape_of_file_gives_the_same_events(tmp_path: Path, name: str, text: str) -> None:
    report = taken(tmp_path, text, name)
    assert report.rows_in["event"] == report.rows_out["event"] == 2
    assert events(report)["event_id"].tolist() == [s["id"] for s in PAIR]


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements that stand across the edge of what is read at once stay whole."""
    many = [statement(i, result={"response": "x" * (i % 97)}) for i in range(300)]
    for size in (11, 64, 1000):
        monkeypatch.setattr(_json, "CHUNK", size)
        file = tmp_path / "many.json"
        file.write_text(json.dumps({"statements": many, "more": ""}, indent=1))
        found = [json.loads(t)["id"] for t in _json.statements(file) if t]
        assert found == [s["id"] for s in many]


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps([PAIR[0]]))
    (folder / "deep" / "b.jsonl").write_text(json.dumps(PAIR[1]))
    (folder / "readme.txt").write_text("not read")
    report = sources.ingest("xapi", folder, tmp_path / "out", key=KEY)
    assert report.rows_out["event"] == 2
    assert notes(report)["statements"] == {"a.json": 1, "b.jsonl": 1}


def test_broken_lines_are_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    good = json.dumps(statement(1)).encode()
    cut = json.dumps(statement(2)).encode()[:-20]
    surrogate = good.replace(b"One", b"\\ud800").replace(b"000000000001", b"000000000009")
    odd = b"\n".join([good, b'{"id": "\xff\xfe"}', b"5", b"[1]", b'{"id": "x"}', surrogate, cut])
    report = taken(tmp_path, odd)
    assert report.rows_out["event"] == 1
    assert report.rejected["event"] == {xapi.BROKEN: 3, xapi.NO_STATEMENT: 3}


def test_an_array_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    text = json.dumps(PAIR)
    report = taken(tmp_path, text[:-30], "cut.json")
    assert report.rows_out["event"] == 1
    assert report.rejected["event"] == {xapi.BROKEN: 1}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("middle.json", json.dumps(PAIR).replace('}, {"id"', '}, {id"').encode()),
        ("bytes.json", json.dumps(PAIR).replace("One", "\x00").encode("utf-16")),
        ("deep.json", b'[{"a":' + b"[" * 5000),
    ],
)
def test_damage_that_would_lose_the_rest_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(LdresearchError, match="the JSON is damaged") as error:
        taken(tmp_path, data, name)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    "before",
    ["", "\n[", "{\n", '{"statements": [', '{"statements": []', '{"statements": [],\n"more": "',
     '{"statements": [{"id": 1}]', '[{"id": 1},', '[{"id": 1'],
    ids=repr,
)  # fmt: skip
def test_a_file_that_breaks_off_within_a_letter_is_told(tmp_path: Path, before: str) -> None:
    file = tmp_path / "s.json"
    file.write_bytes(before.encode() + "Ä".encode()[:1])
    with pytest.raises(LdresearchError, match="the JSON is damaged after statement"):
        list(_json.statements(file))


def test_a_cut_gzip_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(json.dumps(s) for s in PAIR * 500).encode())[:-40])
    with pytest.raises(LdresearchError, match="damaged or breaks off"):
        sources.ingest("xapi", file, tmp_path / "out", key=KEY)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ldresearch.sources import _files

    monkeypatch.setattr(_files, "FREE_BYTES", 1000)
    file = tmp_path / "bomb.jsonl.gz"
    file.write_bytes(gzip.compress(b" " * 3_000_000))
    with pytest.raises(LdresearchError, match="grows more than"):
        sources.ingest("xapi", file, tmp_path / "out", key=KEY)


def test_instants(tmp_path: Path) -> None:
    report = taken(
        tmp_path,
        [
            statement(1, timestamp="2020-02-12T21:05:55.8954545", stored="2020-02-12T21:05:56Z"),
            statement(2, timestamp="2024-01-03T09:00:00+05:30"),
            statement(3, timestamp=None),
            statement(4, stored=None),
            statement(5, timestamp=None, stored=None),
            statement(6, timestamp="yesterday"),
            statement(7, timestamp="2024-06-01T00:00:00Z"),
        ],
    )
    found = events(report)
    assert [at.isoformat() for at in found["occurred_at"]] == [
        "2020-02-12T21:05:55.895454", "2024-01-03T03:30:00", "2024-01-03T09:00:05",
        "2024-01-03T09:00:00",
    ]  # fmt: skip
    assert found["recorded_at"].iloc[3] == found["occurred_at"].iloc[3]
    assert report.rejected["event"] == {
        "timestamp and stored are missing": 1,
        "timestamp is no instant": 1,
        "occurred after it was recorded": 1,
    }
    assert notes(report)["timestamps_without_a_zone"] == 1
    assert notes(report)["zone_of_timestamps_without_one"] == "UTC"
    assert notes(report)["timestamp_taken_from_stored"] == 1


def test_timestamps_without_a_zone_follow_the_option(tmp_path: Path) -> None:
    times = ["2024-07-01T12:00:00", "2024-01-01T12:00:00", "2024-03-31T02:30:00"]
    report = taken(
        tmp_path,
        [statement(i, timestamp=t, stored=None) for i, t in enumerate(times)],
        time_zone="Europe/Berlin",
    )
    assert [at.hour for at in events(report)["occurred_at"]] == [10, 11]
    assert report.rejected["event"] == {"timestamp is no instant": 1}


def test_voiding_removes_the_target(tmp_path: Path) -> None:
    target = statement(1)
    voiding = statement(
        2, ADL + "voided", object={"objectType": "StatementRef", "id": target["id"].upper()}
    )
    report = taken(tmp_path, [voiding, target, statement(3)])
    assert events(report)["event_id"].tolist() == [statement(3)["id"]]
    assert report.rejected["event"] == {xapi.VOIDED: 1, xapi.VOIDING: 1}
    assert notes(report)["voided"] == 1


def test_groups_become_their_members(tmp_path: Path) -> None:
    members = [{"mbox": "mailto:Ben@x.example"}, {"openid": "https://id.example/cleo"}]
    report = taken(
        tmp_path,
        [
            statement(1, actor={"objectType": "Group", "member": members}),
            statement(2, actor={"objectType": "Group", "mbox": "mailto:team@x.example"}),
            statement(3, actor={"mbox": "mailto:ben@x.example"}),
            statement(4, actor={"name": "nobody"}),
        ],
    )
    found = events(report)
    assert len(found) == 3
    assert found["person_key"].nunique() == 2
    assert report.rows_in["event"] == report.rows_out["event"] + 2 == 5
    assert report.rejected["event"] == {xapi.NO_MEMBERS: 1, xapi.NO_STATEMENT: 1}
    assert (notes(report)["groups_expanded"], notes(report)["group_members"]) == (1, 2)


def test_the_account_identifies_before_the_mail_address(tmp_path: Path) -> None:
    sha1 = hashlib.sha1(b"mailto:x@x.example", usedforsecurity=False).hexdigest()
    report = taken(
        tmp_path,
        [
            statement(1, actor={"account": {"name": "e1", "homePage": "h"}, "mbox": "mailto:a@b"}),
            statement(2, actor={"account": {"name": "E1", "homePage": "h"}, "mbox": "mailto:c@d"}),
            statement(3, actor={"mbox_sha1sum": sha1}),
            statement(4, actor={"openid": "https://id.example/x"}),
        ],
    )
    found = events(report)["person_key"].tolist()
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_one_name_under_two_home_pages_is_asked_about(tmp_path: Path) -> None:
    both = [
        statement(i, actor={"account": {"name": "canary", "homePage": f"https://{i}.example"}})
        for i in (1, 2)
    ]
    with pytest.raises(LdresearchError, match="more than one home page") as error:
        taken(tmp_path, both)
    assert "canary" not in str(error.value)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert taken(tmp_path / "a", both, accounts="together").dataset.manifest.n_persons == 1
    assert taken(tmp_path / "b", both, accounts="apart").dataset.manifest.n_persons == 2


def test_unknown_verbs_are_quarantined_and_counted(tmp_path: Path) -> None:
    odd = "https://client.example/verbs/pondered"
    rows = [statement(1), statement(2, odd), statement(3, odd), statement(4, ADL + "scored")]
    report = taken(tmp_path, rows)
    assert notes(report)["verbs_not_mapped"] == {odd: 2}
    assert report.rejected["event"] == {xapi.UNKNOWN_VERB: 2, xapi.SYSTEM: 1}
    assert sum(notes(report)["verbs"].values()) == report.rows_in["event"] == 4


def test_own_verbs_by_option(tmp_path: Path) -> None:
    odd = "https://client.example/verbs/pondered"
    rows = [statement(1, odd + "/"), statement(2, odd.upper()), statement(3)]
    option = f"{odd}=view,{ADL}experienced=leave"
    report = taken(tmp_path, rows, verbs=option)
    assert events(report)["verb"].tolist() == ["view", "view"]
    assert report.rejected["event"] == {xapi.LEFT_OUT: 1}
    with pytest.raises(LdresearchError, match="did you mean view"):
        taken(tmp_path, rows, verbs=f"{odd}=views")


def test_nothing_but_unknown_verbs_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(LdresearchError, match="map your verbs"):
        taken(tmp_path, [statement(1, "https://client.example/verbs/pondered")])


def test_cmi5_states_are_assignments_and_browsing_does_not_count(tmp_path: Path) -> None:
    mode = {"extensions": {CMI5 + "launchmode": "Browse"}, "registration": "r-1"}
    report = taken(
        tmp_path,
        [
            statement(1, ADL + "waived", context={"registration": "r-1"}),
            statement(
                2, ADL + "satisfied", context={"registration": "r-1"},
                timestamp="2024-01-04T00:00:00Z", stored=None,
            ),
            statement(3, ADL + "completed", context=mode),
            statement(4, ADL + "completed", context={"registration": "r-1"}),
        ],
    )  # fmt: skip
    found = events(report)
    assert found["verb"].tolist() == ["complete"]
    assert found["attempt_id"].tolist() == ["r-1"]
    assert report.rejected["event"] == {xapi.STATUS: 2, xapi.NO_CREDIT: 1}
    log = EventLog.open(report.dataset, as_of="2030-01-01")
    [row] = log.table("assignment").to_pandas().to_dict("records")
    assert (row["status"], row["assigned_by"]) == ("completed", "system")
    assert str(row["status_at"])[:10] == "2024-01-04"
    assert pd.isna(row["assigned_at"])


def test_values_of_results(tmp_path: Path) -> None:
    video = "https://w3id.org/xapi/video/extensions/progress"
    cmi5 = "https://w3id.org/xapi/cmi5/result/extensions/progress"
    results = [
        {"score": {"scaled": -0.5, "raw": 3}, "success": True, "duration": "PT1H2M3.5S"},
        {"score": {"raw": 15, "min": 10, "max": 20}, "success": False, "duration": "P1DT1M"},
        {"score": {"raw": 15}, "duration": "P1M"},
        {"score": {"scaled": 50}, "duration": "90"},
        {"extensions": {video: 0.25}, "duration": "PT"},
        {"extensions": {cmi5: 25}},
        {"extensions": {video: 7}},
    ]
    report = taken(tmp_path, [statement(i, result=r) for i, r in enumerate(results)])
    found = events(report)
    assert found["score"].tolist()[:2] == [-0.5, 0.5]
    assert found["score"].notna().sum() == 2
    assert found["is_success"].tolist()[:2] == [True, False]
    assert found["duration_s"].dropna().tolist() == [3724, 86460]
    assert found["progress"].dropna().tolist() == [0.25, 0.25]
    counts = notes(report)
    assert (counts["unusable_scores"], counts["unusable_durations"]) == (2, 3)
    assert counts["unusable_progress"] == 1


def test_the_same_statement_twice_is_one_event_with_or_without_id(tmp_path: Path) -> None:
    nameless = statement(1, id=None)
    other = statement(1, id=None, timestamp="2024-01-03T09:00:01Z")
    report = taken(tmp_path, [nameless, nameless, other, statement(2), statement(2)])
    assert report.rows_out["event"] == 3
    assert report.rejected["event"] == {"duplicate": 2}
    assert notes(report)["without_id_named_by_content"] == 3


def test_content_and_its_parent(tmp_path: Path) -> None:
    parent = {
        "id": "https://c.example/course",
        "definition": {
            "type": "http://adlnet.gov/expapi/activities/course", "name": {"de": "Kurs"},
        },
    }  # fmt: skip
    video = {
        "id": "https://c.example/v",
        "definition": {
            "type": "https://w3id.org/xapi/video/activity-type/video",
            "name": {"fr": "Un", "en-US": "One"},
        },
    }
    post = {
        "id": "https://c.example/p",
        "definition": {"type": "http://x/post", "name": {"en": "canary words of a person"}},
    }
    report = taken(
        tmp_path,
        [
            statement(1, object=video, context={"contextActivities": {"parent": [parent]}}),
            statement(2, object=post),
            statement(3, object={"objectType": "Agent", "mbox": "mailto:canary@x.example"}),
            statement(4, object={"id": "mailto:canary@x.example"}),
        ],
    )
    log = EventLog.open(report.dataset, as_of="2030-01-01")
    content = log.table("content").to_pandas().set_index("content_id")
    assert content.loc["https://c.example/v", "title"] == "One"
    assert content.loc["https://c.example/v", "kind"] == "video"
    assert content.loc["https://c.example/v", "parent_id"] == "https://c.example/course"
    assert content.loc["https://c.example/course", "title"] == "Kurs"
    assert content.loc["https://c.example/course", "kind"] == "course"
    assert pd.isna(content.loc["https://c.example/p", "title"])
    assert len(content) == 3
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            assert b"canary" not in file.read_bytes(), file.name


def test_the_words_are_words_of_the_vocabulary() -> None:
    known = xapi.words()
    assert set(known["verbs"].values()) <= {v.value for v in Verb}
    assert set(known["statuses"].values()) <= {s.value for s in AssignmentStatus}
    assert set(known["kinds"].values()) <= {k.value for k in ContentKind}
    assert not set(known["verbs"]) & (set(known["statuses"]) | set(known["system"]))


def test_the_published_statements(shared_data: Path, tmp_path: Path) -> None:
    """22,000 video statements: every one becomes an event of the right person, verb and time."""
    folder = shared_data / "xapi"
    report = sources.ingest("xapi", folder, tmp_path / "out", key=KEY, public=True)
    with gzip.open(folder / "fun_mooc_video_statements.jsonl.gz", "rt", encoding="utf-8") as file:
        raw = [json.loads(line) for line in file]
    assert report.rows_in["event"] == report.rows_out["event"] == len(raw) == 22000
    assert report.rejected["event"] == {}
    assert notes(report)["verbs"] == Counter(s["verb"]["id"] for s in raw)
    assert report.dataset.manifest.n_persons == 1452
    found = events(report).set_index("event_id")
    verbs = xapi.words()["verbs"]
    for s in raw[::100]:
        row = found.loc[s["id"]]
        assert row["verb"] == verbs[xapi.bare(s["verb"]["id"])]
        assert row["occurred_at"] == pd.Timestamp(s["timestamp"]).tz_convert(None)
        assert row["content_id"] == s["object"]["id"]
        progress = (
            s.get("result", {})
            .get("extensions", {})
            .get("https://w3id.org/xapi/video/extensions/progress")
        )
        assert (pd.isna(row["progress"]) and progress is None) or row["progress"] == progress
    per_person = Counter(s["actor"]["account"]["name"] for s in raw)
    assert sorted(found["person_key"].value_counts()) == sorted(per_person.values())
