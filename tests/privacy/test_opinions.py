"""What people said: neither a score nor a share tells what every one of them answered."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch.errors import DisclosureError
from ldresearch.models import learner_brand, voice
from ldresearch.privacy import check_payload, publish
from ldresearch.result import Published, Rules, to_payload

K, BASE = 10, 5
Camps = tuple[int, int, int]


def payload(published: Published, **changed: object) -> dict[str, object]:
    return {"v": 1, "kind": "table", "stem": "a", "view": "b",
            "published": [to_payload(published) | changed]}  # fmt: skip


def answers(camps: Camps, wave: int = 1) -> pd.DataFrame:
    up, side, down = camps
    score = [10] * up + [8] * side + [2] * down
    return pd.DataFrame({"score": score, "wave": wave, "wave_on": pd.Timestamp(2024, wave, 1),
                         "kind": "nps", "item": "recommend"})  # fmt: skip


def everything(camps: Camps) -> str:
    """Every number that is told of a wave, but for its size."""
    published = publish(voice.nps(answers(camps)))
    check_payload(payload(published), public=False)
    [e] = published.estimates
    return repr((published.frame.drop(columns="interval").to_dict("records"), e))


camps = st.tuples(*[st.integers(0, 40)] * 3).filter(lambda c: sum(c) >= K)


@given(camps)
@settings(max_examples=150, deadline=None)
def test_an_attacker_never_knows_what_all_of_them_answered(camps: Camps) -> None:
    """Knowing the rules and how many answered, he looks for answers that read the same.

    Of whoever answered, at least ten may have answered otherwise than most.
    """
    read = everything(camps)
    sizes = dict(zip(("up", "side", "down"), camps, strict=True))
    most = max(sizes, key=lambda name: sizes[name])
    n, others = sum(camps), sum(camps) - sizes[most]
    if others >= K:
        return
    # Others that leave the same page: one fewer or one more who answered otherwise.
    alike = [
        (n - m, 0, m) if most == "up" else (m, n - m, 0) if most == "side" else (m, 0, n - m)
        for m in range(min(K, n // 2))
    ]
    assert {everything(one) for one in alike} == {read}


def test_a_hundred_is_told_as_what_ten_could_change() -> None:
    published = publish(voice.nps(answers((40, 0, 0))))
    row = published.frame.iloc[0]
    assert (row["nps"], row["raw"], row["low"], row["high"]) == (75.0, 75.0, 50.0, 100.0)
    assert row[["promoters", "passives", "detractors"]].isna().all()
    e = published.estimate("nps")
    assert (e.value, e.low, e.high, e.n) == (75.0, 50.0, 100.0, 40)
    low = publish(voice.nps(answers((0, 0, 40)))).estimate("nps")
    assert (low.value, low.low, low.high) == (-75.0, -100.0, -50.0)
    mixed = publish(voice.nps(answers((90, 60, 50)))).estimate("nps")
    assert mixed.value == 20.0


def test_a_change_does_not_give_back_what_a_wave_hides() -> None:
    waves = pd.concat([answers((60, 0, 0)), answers((20, 20, 20), 2), answers((25, 20, 15), 3)])
    published = publish(voice.change(waves))
    check_payload(payload(published), public=False)
    assert published.frame["change"].isna().tolist() == [True, False]
    assert published.frame[["low", "high"]].isna().all(axis=1).tolist() == [True, False]
    assert published.has("nps_change")
    assert not publish(voice.change(waves.iloc[:120])).has("nps_change")


def test_a_score_of_a_quarter_is_told_so_too() -> None:
    frame = pd.DataFrame(
        {"group": ["a", "b"], "quarter_on": pd.Timestamp("2024-01-01"), "n_answers": [40, 60],
         "n_promoters": [40, 20], "n_detractors": [0, 20]}
    )  # fmt: skip
    published = publish(learner_brand.voice(frame))
    check_payload(payload(published), public=False)
    assert published.frame["score"].tolist() == [75.0, 0.0]
    assert published.estimate("brand_nps", "a").value == 75.0


def shares(m: int, n: int) -> dict[str, Published]:
    agreed = pd.DataFrame({"item": "time", "score": [5] * m + [1] * (n - m)})
    missed = pd.DataFrame({"value": ["very"] * m + ["not"] * (n - m)})
    pairs = pd.DataFrame(
        {"response_id": list(range(n)) * 2, "score": [1] * n + [5] * m + [3] * (n - m),
         "item": ["m:functional"] * n + ["m:dysfunctional"] * n}
    )  # fmt: skip
    return {"likert": publish(voice.likert(agreed)), "pmf": publish(voice.pmf(missed)),
            "kano": publish(voice.kano(pairs))}  # fmt: skip


@pytest.mark.parametrize("kind", ["likert", "pmf", "kano"])
def test_a_share_of_all_reads_as_a_share_of_all_but_a_few(kind: str) -> None:
    """A row reads the same for all of 0 to 9 and of 51 to 60, an estimate for those that round."""
    for few in (range(K), range(60 - K + 1, 61)):
        told = [shares(m, 60)[kind] for m in few]
        assert len({repr(p.rows) for p in told}) == 1
        told = [shares(m, 60)[kind] for m in few if m < 8 or m > 52]
        assert len({repr(p.estimates) for p in told}) == 1
    told = shares(30, 60)[kind]
    check_payload(payload(told), public=False)
    assert any(0.4 < abs(e.value) < 0.6 for e in told.estimates)
    assert all(0 < abs(e.value) < 1 for p in shares(60, 60).values() for e in p.estimates)


def test_the_gate_finds_them_by_itself() -> None:
    published = publish(voice.nps(answers((90, 60, 50))))
    names = [c.name for c in published.columns]
    row = list(published.rows[0])
    for column, value in (("nps", 100.0), ("raw", -97.0), ("detractors", 0)):
        at = names.index(column)
        with pytest.raises(DisclosureError, match=r"all|same"):
            check_payload(payload(published, rows=[[*row[:at], value, *row[at + 1 :]]]),
                          public=False)  # fmt: skip
    bare = {n: v for n, v in published.parameters.items() if n not in ("scores", "is_sensitive")}
    with pytest.raises(DisclosureError, match="what people said"):
        check_payload(payload(published, parameters=bare), public=False)
    agreed = shares(30, 60)["likert"]
    bare = {n: v for n, v in agreed.parameters.items() if n != "is_sensitive"}
    with pytest.raises(DisclosureError, match="what people said"):
        check_payload(payload(agreed, parameters=bare), public=False)
    one = to_payload(agreed)["estimates"][0]
    with pytest.raises(DisclosureError, match="all or none"):
        check_payload(payload(agreed, estimates=[[one[0], 1, *one[2:]]]), public=False)


def test_weights_do_not_carry_a_score_past_the_bound() -> None:
    """Where those who answered otherwise weigh little, the weighted score nears a hundred."""
    frame = answers((50, 0, 10)).assign(weight=[1.0] * 50 + [0.01] * 10)
    e = publish(voice.nps(frame)).estimate("nps")
    assert e.value <= 100 * (1 - K / 62) + 0.5
    assert math.isfinite(e.low)
    assert publish(voice.nps(frame), Rules(k=1, base=1, public=True)).estimate("nps").value > 95


def test_values_are_whole_and_finite() -> None:
    for n in (10, 12, 19, 33, 80):
        row = publish(voice.nps(answers((n, 0, 0)))).frame.iloc[0]
        told = np.array([row["nps"], row["low"], row["high"]], dtype=float)
        assert (told == np.round(told)).all()
        assert -100 <= told[1] <= told[0] <= told[2] <= 100
