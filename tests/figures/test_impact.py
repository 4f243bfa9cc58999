"""What the impact report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch import plan
from ldresearch.figures import impact as figures
from ldresearch.figures import style
from ldresearch.models import impact
from ldresearch.models import judgement as j
from ldresearch.plan_ledger import Entry, Standing
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import impact as sentences
from ldresearch.tables import impact as tables
from ldresearch.vocabulary import Family, metrics

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("result", "worth", "tornado")
VIEWS = ("kept", "result", "hidden", "worth", "tornado", "ladder")
LATER = date(2025, 10, 1)
VALUED = {"impact.outcome": "cases_closed", "impact.worth": 20.0, "impact.worth_low": 15.0,
          "impact.worth_high": 25.0}  # fmt: skip


def rows(n: int, effect: float, **changed: Any) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    treated = np.arange(n) % 2 == 0
    before = rng.normal(40, 5, n)
    return pd.DataFrame(
        {
            "person_key": np.arange(n), "cluster": np.arange(n).astype(str),
            "arm": np.where(treated, "treated", "control"), "is_randomised": True,
            "before": before, "after": before + effect * treated + rng.normal(0, 1, n), "n": 1,
            "n_after": 4, "days": 31, "metric_id": "cases_closed", "measured_in": "cases",
        }
    ).assign(**changed)  # fmt: skip


def results(
    effect: float = 2.0, *, n: int = 300, late: bool = False, **changed: Any
) -> dict[str, Result]:
    """Results of every view, of 300 people of whom half got it."""
    own = plan.Plan.from_content({**plan.parse(plan.template()).content, **VALUED})
    entry = Entry("p", 1, own.hash, date(2025, 2, 1), "", late, ("alpha: 0.1 became 0.05",), own)
    aims = j.aims(Standing(own, entry))
    came = rows(n, effect, **changed)
    part = came.assign(after=lambda d: d["after"] / 100, before=lambda d: d["before"] / 100)
    first, *guards = aims.window["metrics"]
    calm = part.assign(after=rows(n, 0.0, **changed)["after"] / 100)
    seen = pd.concat([part.assign(metric=first), *(calm.assign(metric=m) for m in guards)])
    did = j.behaviours(seen, aims)
    found = j.effect(came, metric="effect", unit="cases")
    priced = j.inputs(aims, came, found)
    worth = j.worth(aims, priced, found)
    answers = pd.DataFrame({"instrument": ["pulse"], "item": ["useful"], "mean": [4.0],
                            "sd": [1.0], "n": [90]})  # fmt: skip
    conduct = pd.DataFrame(
        {"started_on": [pd.Timestamp("2025-03-03")], "ended_on": [pd.Timestamp("2025-09-01")],
         "budget": [40000.0], "n_treated": [n // 2], "n_control": [n // 2], "n_clusters": [n],
         "is_randomised": [True]}
    )  # fmt: skip
    rungs = {1: impact.reaction(answers), 3: did[0], 4: found, 5: worth}
    return {
        "kept": j.kept(aims, conduct, did, came, looks=own.looks_on, as_of=LATER),
        "result": j.sides(came, found), "hidden": j.hidden(came, found), "worth": worth,
        "tornado": j.drivers(priced), "ladder": impact.ladder(rungs), "did": did[0],
        "verdict": j.verdict(aims, did, found, worth, as_of=LATER),
        "trust": j.trust(aims, conduct, seen, came, as_of=LATER),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def shown(found: dict[str, Result], rules: Rules = PUBLIC) -> sentences.Headline:
    names = ("verdict", "worth", "result", "did", "kept")
    return sentences.headline(*(publish(found[name], rules) for name in names))


def nothing(why: str = "this dataset has no rows in `outcome` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.MEANS, why))


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_what_was_published_and_fits(
    view: str, published: dict[str, Published]
) -> None:
    ax = getattr(figures, view)(published[view])
    assert style.fit(ax).get_size_inches()[0] == style.WIDTH
    drawn = {
        round(float(x), 6) for line in ax.lines for x in [*line.get_xdata(), *line.get_ydata()]
    }
    frame = published[view].frame
    column = {"result": "after", "worth": "value", "tornado": "low"}[view]
    kept = frame[frame["figure"].isin(figures.MONEY)] if view == "worth" else frame
    assert {round(float(v), 6) for v in kept[column]} <= drawn


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert not said[0].islower()
    assert said.endswith(".")
    table = getattr(tables, view)(published[view])
    assert len(table.rows) == len(published[view].rows)
    assert not re.search(r"\b(nan|None|inf)\b", said + str(table.rows))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_what_is_missing(view: str) -> None:
    assert "no rows in `outcome`" in getattr(sentences, view)(nothing())
    assert getattr(tables, view)(nothing()).rows == ()


def test_everything_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        check_payload({"v": 1, "kind": "table", "stem": "impact", "view": view,
                       "published": [to_payload(one)]})  # fmt: skip


def test_every_estimate_is_in_the_registry(found: dict[str, Result]) -> None:
    for result in found.values():
        for e in result.estimates:
            assert e.metric in metrics()


def test_the_headline_is_money_with_interval_and_grade(published: dict[str, Published]) -> None:
    names = ("verdict", "worth", "result", "did", "kept")
    said = sentences.headline(*(published[name] for name in names))
    assert re.match(r"(Whether|The initiative|So far).* EUR .*95 % interval .* EUR", said.title)
    assert said.title.endswith("chance decided who got it")
    assert len(said.cards) == 4
    assert said.cards[0].evidence.startswith("strong evidence")
    assert "EUR" in said.cards[0].value
    assert re.search(r"Decide by \d+ \w+ 2025\.$", said.decision)


@pytest.mark.parametrize(
    ("effect", "title", "decision"),
    [(8.0, "The initiative “spring-launch” earned ", "Scale"),
     (3.4, "Whether the initiative “spring-launch” earns its cost is open", "Renew"),
     (1.2, "So far the initiative “spring-launch” cost ", "Renew"),
     (0.05, "So far the initiative “spring-launch” cost ", "Retire")],
)  # fmt: skip
def test_the_finding_follows_the_money(effect: float, title: str, decision: str) -> None:
    said = shown(results(effect))
    assert said.title.startswith(title)
    assert said.decision.startswith(decision)


def test_before_the_end_no_number_is_shown(found: dict[str, Result]) -> None:
    parameters = {**found["verdict"].parameters, "verdict": "wait", "because": "not over"}
    said = shown({**found, "verdict": found["verdict"].but(parameters=parameters)})
    assert said.title.startswith("It is too early to judge")
    assert "1 September 2025" in said.title
    assert said.cards == ()


def test_what_suffered_stands_in_the_finding(found: dict[str, Result]) -> None:
    parameters = {**found["verdict"].parameters, "verdict": "retire", "because": "guardrail"}
    said = shown({**found, "verdict": found["verdict"].but(parameters=parameters)})
    assert "what may not suffer did" in said.title
    assert "mend first what suffers" in said.decision


def test_a_change_is_never_called_an_effect() -> None:
    found = results(arm="")
    said = shown(found)
    assert "cannot be told, so no return is worked out" in said.title
    assert not any(card.estimate.metric in ("roi", "net_benefit") for card in said.cards)
    assert all("no effect" in card.label for card in said.cards)
    assert "so this is no effect" in sentences.result(publish(found["result"], PUBLIC))
    assert sentences.worth(publish(found["worth"], PUBLIC)).startswith("No return is worked out")
    ladder = {row[0]: row[2] for row in tables.ladder(publish(found["ladder"], PUBLIC)).rows}
    assert "let chance leave some people out" in ladder["4 what came of it"]
    assert "let chance leave some people out" in ladder["5 what it returned"]


def test_few_people_are_hidden_and_the_sentence_says_so() -> None:
    found = results(8.0, n=8)
    said = shown(found, Rules())
    assert "hidden" in said.title
    assert said.cards == ()
    assert "hidden" in sentences.worth(publish(found["worth"], Rules()))
    rows = {row[0]: row[1] for row in tables.ladder(publish(found["ladder"], Rules())).rows}
    assert rows["4 what came of it"] == "hidden: too few people"


def test_what_was_not_measured_says_what_to_collect(published: dict[str, Published]) -> None:
    rows = {row[0]: row[1:] for row in tables.ladder(published["ladder"]).rows}
    found, evidence = rows["2 what they can do"]
    assert found == "not measured"
    assert "next time" in evidence
    assert "not measured: what they can do" in sentences.ladder(published["ladder"])


def test_a_plan_frozen_late_is_said_and_its_changes_named() -> None:
    said = sentences.kept(publish(results(late=True)["kept"], PUBLIC))
    assert "not kept: the plan frozen before the launch" in said
    assert "it was frozen on or after the launch" in said
    assert "alpha: 0.1 became 0.05" in said


def test_every_check_has_its_words(found: dict[str, Result]) -> None:
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)
    for texts in sentences.CHECKS.values():
        assert set(texts) == {"title", "passed", "not passed", "not known"}


def test_no_exact_number_of_people_passes_under_rules() -> None:
    """277 people, of whom 139 got it: whatever is published knows 275 and 140 at best."""
    for found in (results(n=277), results(n=277, is_randomised=False)):
        for name, result in found.items():
            published = publish(result, Rules())
            cells = [cell for row in published.rows for cell in row]
            numbers = [*cells, *published.parameters.values(), *(e.n for e in published.estimates)]
            told = {v for v in numbers if isinstance(v, int | float) and v == round(v)}
            near = {276, 277, 278, 274, 139, 138, 4 * 139}
            assert not told & near, name
