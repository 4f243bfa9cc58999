"""Days and events folded person by person, as they are stored, give what the engine counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch import log as logs
from ldresearch.log import EventLog
from ldresearch.measures import (
    _by_person,
    adoption,
    engagement_survival,
    journey,
    retention_lifecycle,
)
from ldresearch.measures._by_person import Rows, alike
from ldresearch.worlds.tables import log

FIRST = pd.Timestamp("2024-01-01")
AS_OF = "2024-06-03"
VERBS = {"v": "view", "c": "complete"}
N_PEOPLE = 5

Act = tuple[int, int, str, int, int]
ACTS = st.lists(
    st.tuples(
        st.integers(0, N_PEOPLE - 1), st.integers(0, 140) | st.just(7), st.sampled_from("vc"),
        st.integers(0, 40), st.integers(0, 59),
    ),
    min_size=1,
)  # fmt: skip
LEFT = st.lists(st.none() | st.integers(1, 150), min_size=N_PEOPLE, max_size=N_PEOPLE)
VIEWS: dict[str, dict[str, Any]] = {
    "everyone": {},
    "some": {"level": "senior"},
    "elsewhere": {"time_zone": "America/New_York"},
}


def known(acts: list[Act], left: list[int | None], view: str) -> EventLog:
    """People, some of whom have left, and what they did; all of it soon after midnight in UTC."""
    days = [f"{FIRST + timedelta(days=n):%Y-%m-%d}" if n is not None else "-" for n in left]
    people = "person_id | valid_from_on | hired_on | left_on | level\n" + "\n".join(
        f"p{who} | 2023-01-01 | 2023-01-01 | {day} | {'senior' if who % 2 == 0 else 'entry'}"
        for who, day in enumerate(days)
    )
    events = "person_id | occurred_at | verb | duration_s\n" + "\n".join(
        f"p{who} | {FIRST + timedelta(day, minutes=60 + past)} | {VERBS[verb]} | {60 * minutes}"
        for who, day, verb, minutes, past in acts
    )
    asked = dict(VIEWS[view])
    made = log({"person": people, "event": events}, as_of=AS_OF)
    zone = asked.pop("time_zone", "")
    return EventLog.open(made.dataset, as_of=AS_OF, time_zone=zone).where(**asked)


@contextmanager
def changed(**constants: int) -> Iterator[None]:
    """Hand over so many rows at a time, and fold from so many rows on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "PIECE_ROWS", constants["piece"])
        patch.setattr(_by_person, "FOLD_ROWS", constants["fold"])
        yield


@contextmanager
def in_the_engine() -> Iterator[None]:
    """Count as on Spark, though in the engine of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventLog, "is_here", False)
        yield


def asked(log: EventLog, verbs: str, min_minutes: int, period: str) -> dict[str, pd.DataFrame]:
    value: dict[str, Any] = {"verbs": verbs, "assigned": "all", "min_minutes": min_minutes}
    return {
        "active": adoption.active(log, verbs=verbs, parts=2),
        "spells": engagement_survival.spells(log, **value, gap_days=10),
        "cohorts": retention_lifecycle.cohorts(log, **value, period=period),
        "states": retention_lifecycle.lifecycle(log, **value, period=period),
        "sessions": journey.sessions(log, verbs=verbs, gap_minutes=20),
        "ways": journey.ordered_funnel(log, steps="view, complete", window_days=9, by="level"),
    }


@given(
    ACTS,
    LEFT,
    st.sampled_from(["", "view"]),
    st.sampled_from([0, 20]),
    st.sampled_from(["week", "month"]),
    st.sampled_from([(2, 3), (250_000, 1_000_000)]),
)
@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=4)
def test_what_is_folded_here_is_what_the_engine_counts(
    view: str, acts: list[Act], left: list[int | None], verbs: str,
    min_minutes: int, period: str, sizes: tuple[int, int],
) -> None:  # fmt: skip
    there = known(acts, left, view)
    with in_the_engine():
        expected = asked(there, verbs, min_minutes, period)
    # So few at a time, half of the time, that persons and days lie on the edges.
    with changed(piece=sizes[0], fold=sizes[1]):
        found = asked(there, verbs, min_minutes, period)
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, obj=name)
        assert found[name].attrs == frame.attrs, name


def test_events_are_folded_as_they_are_stored_unless_a_join_mixed_them() -> None:
    there = known([(1, 3, "v", 0, 5), (0, 9, "c", 0, 1), (1, 3, "c", 0, 5)], [None] * 5, "everyone")
    event = there.table("event")

    def fold(acts: Any) -> list[tuple[int, ...]]:
        return list(zip(*(column.tolist() for column in acts), strict=True))

    one, nine = (pd.Timestamp(at).value // 1000 for at in ("2024-01-04 01:05", "2024-01-10 01:01"))
    # Two events of one instant are one instant, but two acts.
    assert sorted(at for _, at in _by_person.folded_events(there, event, fold)) == [one, nine]
    acts = _by_person.folded_events(there, event, fold, what=event.verb == "view")
    assert sorted(act[1:] for act in acts) == [(one, 0), (one, 1), (nine, 0)]
    assert [act[0] for act in acts] == sorted(act[0] for act in acts)
    mixed = event.order_by(event.person_key.desc())
    assert _by_person.folded_events(there, mixed, fold) is None


PIECES = st.lists(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), max_size=6), max_size=5)


@given(PIECES, st.integers(1, 4), st.booleans())
def test_whole_persons_are_folded_in_order(
    pieces: list[list[tuple[int, int]]], at_least: int, is_sorted: bool
) -> None:
    if is_sorted:
        flat = iter(sorted(row for piece in pieces for row in piece))
        pieces = [[next(flat) for _ in piece] for piece in pieces]
    folds = []

    def fold(rows: Rows) -> list[tuple[int, int]]:
        folds.append(set(rows.person.tolist()))
        return list(zip(rows.person.tolist(), rows.number.tolist(), strict=True))

    with changed(piece=1, fold=at_least):
        folding = _by_person._Folding(fold, _by_person._NO_DAYS)
        for piece in pieces:
            columns = np.array(piece, dtype=np.int32).reshape(-1, 2).T
            folding.take(_by_person.distinct(*columns))
        found = folding.ended()
    rows = [row for piece in pieces for row in piece]
    if rows == sorted(rows):
        assert folding.is_in_order
        assert found == sorted(set(rows))
        assert sum(len(people) for people in folds) == len({person for person, _ in rows})
    elif folding.is_in_order:
        pytest.fail("rows out of order were taken for rows in order")


def test_rows_that_a_join_mixed_are_put_in_order() -> None:
    mixed = Rows(np.array([2, 1, 1, 2, 1]), np.array([-5, 9, -900_000, 3_000_000, 9]))
    found = _by_person._sorted(mixed)
    assert found.person.tolist() == [1, 1, 2, 2]
    assert found.number.tolist() == [-900_000 + 0, 9, -5, 3_000_000]


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2), st.integers(1, 4)), min_size=1),
    st.booleans(),
)
def test_alike_rows_are_counted_in_a_grid_as_by_looking_them_up(
    rows: list[tuple[int, int, int]], is_weighted: bool
) -> None:
    at, back, persons = np.array(rows).T
    counts = persons if is_weighted else None
    grid = alike(counts, at=at, back=back)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_by_person, "MOST_CELLS", 0)
        looked_up = alike(counts, at=at, back=back)
    order = ["at", "back"]
    pd.testing.assert_frame_equal(
        grid.sort_values(order, ignore_index=True), looked_up.sort_values(order, ignore_index=True)
    )
    assert grid["persons"].sum() == (persons.sum() if is_weighted else len(rows))
