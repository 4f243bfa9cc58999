"""Where a report lies: inside the reports folder, whatever a client is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldresearch.run import place as places
from ldresearch.run.place import Place


@given(st.text(max_size=400))
def test_any_name_is_one_safe_step(name: str) -> None:
    step = places.slug(name)
    assert step
    assert len(step) <= 50
    assert set(step) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert Path("reports", step).resolve().parent == Path("reports").resolve()


@pytest.mark.parametrize(
    "pair", [("R&D / EMEA", "R D EMEA"), ("../up", "up"), ("É", "E"), ("", " ")]
)
def test_two_names_are_never_one_step(pair: tuple[str, str]) -> None:
    assert places.slug(pair[0]) != places.slug(pair[1])


def test_a_part_of_the_organisation_lies_beside_the_whole(tmp_path: Path) -> None:
    whole = Place.of(tmp_path, "harbour", "20_adoption", {"as_of": "2025-01-01", "unit": ""})
    part = Place.of(tmp_path, "harbour", "20_adoption", {"as_of": "2025-01-01", "unit": "Sales"})
    assert whole.page == tmp_path / "harbour" / "2025-01-01" / "20_adoption.html"
    assert part.page.parent == whole.page.parent
    assert part.page != whole.page


def test_previous_is_the_latest_earlier_report_of_the_same_name(tmp_path: Path) -> None:
    for day in ("2025-01-01", "2025-02-01", "2025-04-01"):
        Place(tmp_path, "c", day, "20_adoption").publish("<html>", {"report": {"as_of": day}})
    Place(tmp_path, "c", "2025-02-15", "00_intake").publish("<html>", {"report": {"as_of": "x"}})
    found = Place(tmp_path, "c", "2025-03-01", "20_adoption").previous()
    assert found == {"report": {"as_of": "2025-02-01"}}
    assert Place(tmp_path, "c", "2025-01-01", "20_adoption").previous() is None


def test_publishing_clears_the_mark_of_a_failure(tmp_path: Path) -> None:
    there = Place(tmp_path, "c", "2025-01-01", "20_adoption")
    there.mark_failed("it stopped.")
    assert json.loads(there.failed.read_text())["reason"] == "it stopped."
    there.publish("<html>", {})
    assert not there.failed.exists()


def test_a_full_disk_leaves_the_old_report_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Place(tmp_path, "c", "2025-01-01", "20_adoption")
    there.publish("<html>old", {"v": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ldresearch.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        there.publish("<html>new", {"v": 2})
    assert there.page.read_text() == "<html>old"
    assert not list(there.page.parent.glob(".*tmp"))
