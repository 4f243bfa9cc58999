"""The intake report, from data to words: views under both rules, and the bad datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ldresearch import study, views
from ldresearch.models import intake as models
from ldresearch.privacy import publish
from ldresearch.questions import questions
from ldresearch.result import Published, Rules, from_payload, to_payload
from ldresearch.sentences import intake as sentences
from ldresearch.sentences import words
from ldresearch.worlds import tables as world

PUBLIC = Rules(k=1, base=1, public=True)
ALL = len(questions())
RULES = pytest.mark.parametrize("rules", [PUBLIC, Rules()], ids=["public", "k10"])


def weeks(events: list[int], persons: int = 40) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "week_on": pd.date_range("2024-02-05", periods=len(events), freq="7D"),
            "n_events": events,
            "n_persons": [min(persons, e) for e in events],
            "is_complete": [True] * (len(events) - 1) + [False],
        }
    )
    frame.attrs["n_persons"] = persons
    return frame


# Views --------------------------------------------------------------------------------------


@RULES
def test_the_figure_draws_the_published_weeks_and_marks_what_is_wrong(rules: Rules) -> None:
    published = publish(models.coverage(weeks([100] * 8 + [0] + [100] * 8 + [40])), rules)
    ax = views.resolve("figure", "intake", "coverage")(published)
    drawn = ax.lines[0].get_ydata().tolist()
    assert drawn == [float(v) for v in published.frame["n_events"]]
    said = " ".join(t.get_text() for t in ax.texts)
    assert "silent: week of 1 April 2024" in said
    assert "incomplete" in said
    assert [patch.get_gid() for patch in ax.patches] == ["incomplete"]


def test_hidden_weeks_leave_a_gap_and_lonely_points_are_dots() -> None:
    published = publish(models.coverage(weeks([100, 3, 100, 4, 100, 100, 40])), Rules())
    ax = views.resolve("figure", "intake", "coverage")(published)
    drawn = ax.lines[0].get_ydata()
    assert [y != y for y in drawn] == [False, True, False, True, False, False, False]
    assert ax.lines[1].get_xdata().tolist() == [0, 14]


@RULES
def test_the_sentence_says_what_the_figure_marks(rules: Rules) -> None:
    said = sentences.coverage(publish(models.coverage(weeks([100] * 9 + [0] + [100] * 9)), rules))
    assert "1 week had no event at all" in said
    assert "Hatched" in said
    clean = sentences.coverage(publish(models.coverage(weeks([100] * 19)), rules))
    assert "No complete week is silent" in clean


def lags(late: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lag": ["before", "day", "week", "month", "later", "unknown"],
            "order": range(6),
            "n_events": [0, 10_000 - late, 0, late, 0, 0],
            "n_persons": [0, 900, 0, 20 if late else 0, 0, 0],
        }
    )


def test_none_is_said_only_where_nothing_was_rounded_away() -> None:
    assert sentences.lag(publish(models.lag(lags(0)), PUBLIC)).startswith("None of the events")
    assert sentences.lag(publish(models.lag(lags(20)), PUBLIC)).startswith("Under 1 %")
    assert sentences.lag(publish(models.lag(lags(0)), Rules())).startswith("Under 1 %")
    assert sentences.lag(publish(models.lag(lags(900)), Rules())).startswith("9 %")


@RULES
def test_the_bars_of_lag_say_their_shares(rules: Rules) -> None:
    ax = views.resolve("figure", "intake", "lag")(publish(models.lag(lags(2000)), rules))
    assert [t.get_text() for t in ax.texts] == ["0 %", "80 %", "0 %", "20 %", "0 %"]


def test_every_figure_and_table_has_its_sentence() -> None:
    for kind in ("figure", "table"):
        assert set(views.views(kind, "intake")) <= set(views.views("sentence", "intake"))
    assert set(views.views("figure", "intake")) <= set(views.views("table", "intake"))


def test_every_check_has_its_words_and_its_remedy() -> None:
    assert list(sentences.CHECKS) == list(models.CHECKS)
    for texts in sentences.CHECKS.values():
        assert set(texts) == {"title", "passed", "not passed", "not known"}
        for text in texts.values():
            assert "{" not in text.format(value="1", threshold="2")
    assert set(sentences._MEND) == set(models.CHECKS)
    assert set(sentences._FAULT) == set(models.CHECKS) - {"has_answers"}


# Headline -----------------------------------------------------------------------------------


def headline(root: Path, dataset: Path, **given: str) -> tuple[Any, list[str], dict[str, Any]]:
    """Run the notebook's cells here, say and draw everything; return headline, texts, facts."""
    notebook = json.loads((root / "notebooks" / "00_intake.ipynb").read_text(encoding="utf-8"))
    said: list[str] = []
    found: list[Any] = []

    def show(
        self: study.Run, kind: str, view: str, published: tuple[Published, ...], stem: str = ""
    ) -> None:
        passed = tuple(
            from_payload(json.loads(json.dumps(to_payload(p), allow_nan=False))) for p in published
        )
        stem = stem or self.stem
        if kind == "headline":
            found.append(views.resolve("sentence", stem, view)(*passed))
            return
        if kind == "checks":
            for row in passed[0].frame.to_dict("records"):
                text = sentences.CHECKS[row["check"]][row["status"]]
                numbers = {k: words.number(row[k]) for k in ("value", "threshold")}
                said.append(text.format(**numbers))
            return
        said.append(views.resolve("sentence", stem, view)(*passed))
        views.resolve("table", stem, view)(*passed)
        if kind == "figure":
            views.resolve("figure", stem, view)(*passed)

    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study.Run, "_show", show)
        patch.setattr(study, "_display", lambda bundle: None)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)  # noqa: S102 - the notebook under test
                if "parameters" in cell["metadata"]["tags"]:
                    names |= {"dataset": str(dataset), **given}
    return found[0], said, names["run"].facts()


def events(n: int, people: int, days: int = 170) -> pd.DataFrame:
    at = pd.Timestamp("2025-01-06") + pd.to_timedelta(
        [i * days * 86_400 // n for i in range(n)], "s"
    )
    return pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "person_id": [f"p{i * 7 % people}" for i in range(n)],
            "occurred_at": at,
            "recorded_at": at + pd.Timedelta(minutes=2),
            "verb": "complete",
            "source": "lms",
        }
    )


def persons(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"person_id": [f"p{i}" for i in range(n)], "valid_from_on": "2025-06-01",
         "hired_on": "2024-01-01"}
    )  # fmt: skip


ROLES = {
    "skill": "skill_id | name\na | Writing",
    "role": "role_id | title\nr | Editor",
    "role_skill": "role_id | skill_id | target | valid_from_on\nr | a | 0.5 | 2024-01-01",
}


def run(root: Path, tmp_path: Path, tables: dict[str, Any], public: bool = False):
    log = world.log(tables, tmp_path, as_of="2025-07-01", public=public)
    return headline(root, log.dataset.path)


@pytest.mark.parametrize(
    ("tables", "title", "decision"),
    [
        ({}, "This log can answer no question yet", "the HR export"),
        ({"event": events(3, 3).iloc[:0]}, "This log can answer no question yet", "the HR export"),
        ({"event": events(40, 1), "person": persons(1)}, "This log can answer no question yet",
         "more people"),
        (ROLES, "This log can answer no question yet", "the activity log"),
        ({"event": events(900, 60)}, f"This log can answer 5 of {ALL} questions, 4 of them in part",
         "the HR export"),
        ({"event": events(900, 60), "person": persons(40)},
         (f"This log could answer 15 of {ALL} questions, 10 of them in part, but many active "
          "people are not in the HR file"), "the same person ids"),
    ],
    ids=["nothing", "no rows", "one person", "roles only", "no HR file", "unknown people"],
)  # fmt: skip
def test_a_poor_dataset_ends_in_a_report(root, tmp_path, tables, title, decision) -> None:
    found, said, facts = run(root, tmp_path, tables)
    assert found.title == title
    assert decision in found.decision
    assert all(said)
    assert facts["headline"]["title"] == title


def test_nothing_is_said_of_the_only_person(root: Path, tmp_path: Path) -> None:
    _, said, facts = run(root, tmp_path, {"event": events(40, 1), "person": persons(1)})
    assert facts["facts"] == []
    own = " ".join(said[1:])  # the first sentence is the coverage that every report shows
    assert "100 %" not in own
    assert "January" not in own


def test_the_demo_is_fit_for_every_question(root: Path, demo: Path) -> None:
    found, said, facts = headline(root, demo / "quarry")
    assert found.title == f"This log can answer all {ALL} questions"
    assert found.decision.startswith("Go")
    metrics = {fact["metric"]: fact for fact in facts["facts"]}
    assert metrics["log_coverage_weeks"]["value"] == 78  # 1 January 2024 to 30 June 2025
    assert all(check["status"] == "passed" for check in facts["checks"])
    assert all(said)


def test_the_headline_has_at_most_four_cards_and_counts_the_rest(root, tmp_path) -> None:
    found, _, _ = run(root, tmp_path, {"event": events(900, 60), "person": persons(40)})
    assert 1 <= len(found.cards) <= 4
    assert "Then see to" in found.decision
    assert "To open" in found.decision
