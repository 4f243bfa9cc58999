"""What was known as of a date: later rows change neither its counts nor its hash."""

from __future__ import annotations

from pathlib import Path

from ldresearch.ingest import write
from ldresearch.log import EventLog
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | left_on
    mia       | 2023-01-01    | 2023-01-01 | 2024-03-01
"""
EVENT = """
    person_id | occurred_at | recorded_at | verb
    mia       | 2024-01-03  | 2024-01-03  | view
    mia       | 2024-01-04  | 2024-01-04  | view
"""


def known(folder: Path, event: str, person: str = PERSON) -> tuple[dict[str, int], str]:
    tables = {"event": from_text(event), "person": from_text(person)}
    write(tables, folder / "d", client="text", key=KEY, reject_limit=1.0)
    return EventLog.open(folder / "d", as_of="2024-02-01").known()


def test_what_comes_later_changes_nothing(tmp_path: Path) -> None:
    before = known(tmp_path, EVENT)
    assert before[0] == {"person": 1, "event": 2, "activity_day": 2}
    late = EVENT + "    mia | 2024-01-05 | 2024-02-02 | view\n"
    # Others join, so that every person may have another key.
    others = "".join(f"    p{i:02d} | 2024-02-03 | 2024-02-03 | -\n" for i in range(20))
    assert known(tmp_path, late, PERSON + others) == before


def test_another_row_of_before_is_another_hash(tmp_path: Path) -> None:
    before = known(tmp_path / "a", EVENT)
    other = known(tmp_path / "b", EVENT.replace("2024-01-04  | view", "2024-01-04  | complete"))
    more = known(tmp_path / "c", EVENT + "    mia | 2024-01-05 | 2024-01-05 | view\n")
    assert len({before[1], other[1], more[1]}) == 3


def test_an_empty_dataset_has_one_too(tmp_path: Path) -> None:
    rows, digest = known(tmp_path, "\n".join(EVENT.splitlines()[:2]))
    assert rows == {"person": 1, "event": 0, "activity_day": 0}
    assert len(digest) == 64
