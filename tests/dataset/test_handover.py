"""Columns handed to the engine: what ``pyarrow.array`` makes of the same values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ldresearch import handover

VALUES = ["", "a", None, "Grö\u00dfe", "\U0001f600" * 9, None, "x" * 300]


@pytest.mark.parametrize("n", range(len(VALUES) + 1))
def test_texts(n: int) -> None:
    found = handover.texts(VALUES[:n])
    found.validate(full=True)
    assert found.equals(pa.array(VALUES[:n], pa.string()))


def test_more_than_two_gigabytes_make_a_large_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_MOST", 100)
    found = handover.texts(VALUES)
    found.validate(full=True)
    assert found.equals(pa.array(VALUES, pa.large_string()))


def test_half_a_letter_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        handover.texts(["a", "\ud83d"])


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_numbers(kind: type) -> None:
    values = np.array([-1, 0, 7], kind)
    assert handover.numbers(values).equals(pa.array(values.tolist(), str(np.dtype(kind))))
