"""41_learner_voice from its first cell to its last, on poor data: a report, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch.ingest import write
from ldresearch.privacy.gate import check_payload
from ldresearch.result import from_payload
from ldresearch.sentences import learner_voice as sentences
from ldresearch.worlds import organisation
from ldresearch.worlds.surveyed import surveyed
from ldresearch.worlds.tables import KEY, from_text

PERSON = """
    person_id | valid_from_on | hired_on   | unit_path
    ada       | 2023-01-01    | 2023-01-01 | all/sales
"""
ANSWER = """
    response_id | token | instrument | item      | value | answered_at
    r1          | ada   | nps        | recommend | 9     | 2024-06-10
"""
WAVES = ("2024-02-05", "2024-04-15")


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    return surveyed(organisation(3, n_persons=300, n_months=6), seed=1, waves=WAVES).tables


def tables(case: str, whole: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    answer = whole["survey_answer"]
    if case == "empty":
        return {name: whole[name].iloc[:0] for name in ("person", "survey_answer")}
    if case == "one person":
        return {"person": from_text(PERSON), "survey_answer": from_text(ANSWER)}
    if case == "no survey":
        return {name: t for name, t in whole.items() if name != "survey_answer"}
    if case == "no HR file":
        return {"survey_answer": answer}
    if case == "groups only":
        unit = whole["person"].drop_duplicates("person_id").set_index("person_id")["unit_path"]
        token = ["group " + unit[p][1] for p in answer["token"]]
        return whole | {"survey_answer": answer.assign(token=token)}
    if case == "one wave":
        return whole | {"survey_answer": answer[answer["response_id"].str.startswith("s2")]}
    if case == "everyone a promoter":
        score = answer["value"].where(answer["instrument"] != "nps", "10")
        return whole | {"survey_answer": answer.assign(value=score)}
    if case == "nothing but words":
        return whole | {"survey_answer": answer.assign(value="it depends")}
    words = answer.iloc[:50].assign(instrument="comment", item="why", value="my boss is unfair")
    return whole | {"survey_answer": pd.concat([answer, words])}


CASES = {
    "empty": "not known", "one person": "hidden", "no survey": "not known",
    "no HR file": "recommend", "groups only": "recommend", "one wave": "recommend",
    "everyone a promoter": "More people would recommend", "nothing but words": "not known",
    "whole": "recommend",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_ends_in_a_report(
    case: str, tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    write(tables(case, whole), tmp_path / "d", client="text", key=KEY, reject_limit=1.0)
    payloads, facts = run_cells("41_learner_voice", dataset=str(tmp_path / "d"), as_of="2024-07-01")
    [headline] = [p for p in payloads if p["kind"] == "headline"]
    said = sentences.headline(*(from_payload(p) for p in headline["published"]))
    assert CASES[case] in said.title
    assert said.decision
    assert facts["headline"]["title"] == said.title
    for payload in payloads:
        check_payload(payload, public=False)
    shown = {p["view"]: from_payload(p["published"][0]) for p in payloads if len(p["published"])}
    assert "boss" not in str(payloads) + str(facts)
    if case == "one wave":
        assert "one wave only" in sentences.change(shown["change"])
    if case == "groups only":
        assert shown["behaviour"].is_empty
        assert "not weighted" not in sentences.weights(shown["weights"])
    if case == "no HR file":
        assert "not weighted" in sentences.weights(shown["weights"])
        assert "cannot be told" in sentences.response(shown["response"])
    if case == "everyone a promoter":
        assert "drawn to the middle" in sentences.nps(shown["nps"])
        assert "cannot be told" in sentences.behaviour(shown["behaviour"])
        assert "same answer" in sentences.drivers(shown["drivers"])


def test_margins_that_cannot_be_met_are_said(
    tmp_path: Path, run_cells: Callable[..., Any], whole: dict[str, pd.DataFrame]
) -> None:
    """Only the young of one half of the units and only the old of the other answer."""
    person = whole["person"].copy()
    units = sorted({path[1] for path in person["unit_path"]})
    half = person["unit_path"].map(lambda path: path[1] in units[:2])
    young = half == (person.index % 4 > 0)
    person["level"] = young.map({True: "young", False: "old"})
    first = person.drop_duplicates("person_id").set_index("person_id")
    alike = [
        (first.loc[p, "unit_path"][1] in units[:2]) == (first.loc[p, "level"] == "young")
        for p in whole["survey_answer"]["token"]
    ]
    answer = whole["survey_answer"][alike]
    write(whole | {"person": person, "survey_answer": answer}, tmp_path / "d", client="text",
          key=KEY)  # fmt: skip
    payloads, facts = run_cells("41_learner_voice", dataset=str(tmp_path / "d"), as_of="2024-07-01")
    [made] = [from_payload(p["published"][0]) for p in payloads if p["view"] == "weights"]
    assert made.frame["standing"].iloc[-1] == "contradictory"
    assert "margins cannot be met together" in sentences.weights(made)
    checks = {c["check"]: c["status"] for c in facts["checks"]}
    assert checks["weights"] == "not passed"
