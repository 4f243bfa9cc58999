"""What the retention report draws, tabulates and says: public, under rules, and with nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ldresearch.figures import retention_lifecycle as figures
from ldresearch.figures import style, svg
from ldresearch.models import retention_lifecycle as models
from ldresearch.privacy import publish
from ldresearch.privacy.gate import check_payload
from ldresearch.result import Published, Result, Rules, not_enough, to_payload
from ldresearch.sentences import retention_lifecycle as sentences
from ldresearch.tables import retention_lifecycle as tables
from ldresearch.vocabulary import Family
from ldresearch.wording import in_for_out

PUBLIC = Rules(k=1, base=1, public=True)
FIGURES = ("triangle", "pooled", "lifecycle", "quick", "ladder")
VIEWS = (*FIGURES, "moves", "returns")
HEADLINE = ("quick", "pooled", "lifecycle", "returns")


def frames(came: float = 0.7, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Frames as the measures give them: fourteen months, cohorts that shrink, one silent state."""
    rng = np.random.default_rng(seed)
    months = pd.date_range("2024-01-01", periods=14, freq="MS")
    rows = []
    for i, size in enumerate([140, 160, 150, 170, 120, 90, 60, 50, 30, 22, 18, 14, 12, 9]):
        share = np.cumprod([1.0, 0.8, *[0.75] * 12])
        for n in range(14 - i):
            active = round(size * share[n])
            later = min(round(active * 1.3), size)
            rows.append((months[i], n, size, size, active, later, round(active * share[n])))
    columns = ["cohort_on", "n", "n_began", "n_there", "n_recurring", "n_unbounded", "n_rolling"]
    dormant = np.array([0, 40, 60, 80, 90, 100, 110, 120, 120, 110, 110, 100, 100, 90])
    moves = rng.poisson(dormant * came)
    periods = pd.DataFrame(
        {
            "period_on": [*months, months[-1] + pd.offsets.MonthBegin()],
            "new": [140, *(moves[1:] // 3), 0], "returning": [0, *[200] * 13, 4],
            "resurrected": [0, *(moves[1:] - moves[1:] // 3), 1], "dormant": [*dormant, 300],
            "left": 2, "is_complete": [True] * 14 + [False],
        }
    )  # fmt: skip
    out = int(dormant[-3:].sum())
    n_in = round(out * came)
    turnover = pd.DataFrame(
        [(1, 0, 0, 0, n_in - 20), (0, 1, 0, 0, out - 20), (1, 1, 1, 0, 20), (0, 0, 0, 1, 150),
         (0, 0, 1, 0, 140)],
        columns=["in_now", "out_now", "in_before", "out_before", "n_persons"],
    )  # fmt: skip
    turnover.attrs["n_periods"] = 13
    often = pd.DataFrame(
        [(0, 1, 60, True), (3, 2, 90, True), (9, 4, 45, True), (5, 9, 30, False), (2, 17, 4, True)],
        columns=["n_before", "n_now", "n_persons", "is_settled"],
    )
    quiet = pd.DataFrame(
        {
            "silent_days": np.repeat([14, 28, 56], 200), "weight": 1,
            "duration": rng.integers(0, 140, 600).astype(float),
            "event": rng.choice(["returned", "left", ""], 600, p=[0.4, 0.1, 0.5]),
        }
    )  # fmt: skip
    return {
        "cohorts": pd.DataFrame(rows, columns=columns), "periods": periods, "turnover": turnover,
        "often": often, "quiet": quiet,
    }  # fmt: skip


@lru_cache(maxsize=4)
def results(came: float = 0.7) -> dict[str, Result]:
    f = frames(came)
    pooled = models.pooled(f["cohorts"])
    quick = models.quick_ratio(f["periods"], f["turnover"])
    return {
        "triangle": models.triangle(f["cohorts"]), "pooled": pooled,
        "lifecycle": models.lifecycle(f["periods"]), "quick": quick,
        "ladder": models.ladder(f["often"]), "moves": models.moves(f["often"]),
        "returns": models.reactivation(f["quiet"]),
        "trust": models.trust(f["cohorts"], f["periods"], pooled, quick),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return results()


@pytest.fixture(params=[PUBLIC, Rules()], ids=["public", "k10"])
def published(request: pytest.FixtureRequest, found: dict[str, Result]) -> dict[str, Published]:
    return {name: publish(result, request.param) for name, result in found.items()}


def nothing(why: str = "this dataset has no rows in `activity_day` as of 2024-01-01") -> Published:
    return publish(not_enough("nothing", Family.RATES, why))


# Every view ---------------------------------------------------------------------------------


@pytest.mark.parametrize("view", FIGURES)
def test_every_figure_draws_and_fits(view: str, published: dict[str, Published]) -> None:
    draw: Callable[..., Any] = getattr(figures, view)
    for width in (style.WIDTH, svg.NARROW):
        ax = draw(published[view])
        drawn = svg.render(ax, title=view, desc="", prefix="f", width=width)
        assert len(drawn) < 5_500
        assert ax.get_xlabel() or ax.get_ylabel()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_says_and_tabulates(view: str, published: dict[str, Published]) -> None:
    said = getattr(sentences, view)(published[view])
    assert not said[0].islower()
    assert said.endswith(".")
    assert not re.search(r"\b(nan|None|inf)\b", said)
    table = getattr(tables, view)(published[view])
    assert table.rows
    assert not re.search(r"\b(nan|None|inf)\b", str(table.rows))


def test_every_payload_passes_the_gate(published: dict[str, Published]) -> None:
    for view, one in published.items():
        payload = {"v": 1, "kind": "figure", "stem": "retention_lifecycle", "view": view,
                   "published": [to_payload(one)]}  # fmt: skip
        check_payload(json.loads(json.dumps(payload, allow_nan=False)))


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_said_to_be_missing(view: str) -> None:
    assert "no rows in `activity_day`" in getattr(sentences, view)(nothing())


# The triangle -------------------------------------------------------------------------------


def test_the_triangle_writes_its_numbers_and_leaves_the_rest_blank(
    found: dict[str, Result],
) -> None:
    one = publish(found["triangle"], PUBLIC)
    ax = figures.triangle(one)
    written = {tuple(map(int, t.xy)): t.get_text() for t in ax.texts}
    frame = one.frame
    rows, columns = list(dict.fromkeys(frame["cohort_on"])), sorted(set(frame["after"]))
    assert written == {
        (columns.index(r["after"]), rows.index(r["cohort_on"])): f"{round(100 * r['share'])}"
        for r in frame.to_dict("records")
    }
    assert len(written) < len(rows) * len(columns)
    assert next(t.get_text() for t in ax.get_yticklabels()) == "Jan 24"


def test_the_numbers_stay_on_a_telephone(found: dict[str, Result]) -> None:
    one = publish(found["triangle"], PUBLIC)
    wide, narrow = (
        svg.render(figures.triangle(one), title="", desc="", prefix="f", width=width)
        for width in (style.WIDTH, svg.NARROW)
    )
    assert narrow.count("<text") == wide.count("<text")


def test_a_darker_cell_is_a_larger_share(found: dict[str, Result]) -> None:
    ax = figures.triangle(publish(found["triangle"], PUBLIC))
    alphas = [patch.get_alpha() for patch in ax.patches]
    assert alphas == sorted(alphas)
    assert all(a < b for a, b in pairwise(alphas))
    # Letters stand on every shade in the colour of ink: no shade is too dark for it.
    assert max(alphas) <= 0.5


def test_a_hidden_cell_is_no_empty_one(found: dict[str, Result]) -> None:
    one = publish(found["triangle"])
    hidden = one.frame["share"].isna()
    assert hidden.any()
    ax = figures.triangle(one)
    assert [t.get_text() for t in ax.texts].count("–") == hidden.sum()
    cells = [cell for row in tables.triangle(one).rows for cell in row]
    assert cells.count("hidden") == hidden.sum()


def test_a_line_ends_where_a_rule_first_hides_a_number(found: dict[str, Result]) -> None:
    one = publish(found["pooled"])
    rolling = one.frame[one.frame["kind"] == "rolling"]["share"]
    shown = int(rolling.notna().cumprod().sum())
    assert 0 < shown < len(rolling)
    lines = {line.get_color(): line.get_ydata() for line in figures.pooled(one).lines}
    assert len(lines[style.PALETTE["third"]]) == shown


# States and ratio ---------------------------------------------------------------------------


def heights(ax: Any, colour: str) -> list[float]:
    """Heights of the boxes that one state is drawn with."""
    [patch] = [p for p in ax.patches if p.get_facecolor() == _rgba(colour)]
    boxes = patch.get_path().vertices.reshape(-1, 5, 2)
    return [float(box[2, 1] - box[0, 1]) for box in boxes]


def _rgba(colour: str) -> Any:
    from matplotlib.colors import to_rgba

    return to_rgba(style.PALETTE[colour])


def test_bars_are_the_counts_and_the_silent_stand_below_zero(found: dict[str, Result]) -> None:
    one = publish(found["lifecycle"], PUBLIC)
    ax = figures.lifecycle(one)
    seen = one.frame[one.frame["part"] == "seen"]
    for state, colour in figures.STATES.items():
        assert heights(ax, colour) == pytest.approx([v for v in seen[state] if v])
    assert heights(ax, "accent") == pytest.approx([-v for v in seen["dormant"] if v])
    low, high = ax.get_ylim()
    assert low < 0 < high


def test_a_month_under_way_is_hatched_and_has_no_bar(found: dict[str, Result]) -> None:
    one = publish(found["lifecycle"], PUBLIC)
    ax = figures.lifecycle(one)
    [hatched] = [p for p in ax.patches if p.get_gid() == style.INCOMPLETE]
    begin = hatched.get_x()
    for colour in (*figures.STATES.values(), "accent"):
        [patch] = [p for p in ax.patches if p.get_facecolor() == _rgba(colour)]
        assert patch.get_path().vertices[:, 0].max() < begin
    assert "not over" in [row[1] for row in tables.lifecycle(one).rows]
    assert "300" not in sentences.lifecycle(one)  # the silent of a month that has just begun


def test_the_line_is_the_ratio_and_one_is_marked(found: dict[str, Result]) -> None:
    one = publish(found["quick"], PUBLIC)
    ax = figures.quick(one)
    ratio = [in_for_out(v) for v in one.frame["share"]]
    [drawn] = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2]
    np.testing.assert_allclose(drawn, ratio)
    assert any(list(line.get_ydata()) == [1, 1] for line in ax.lines)
    assert "even 1" in [t.get_text() for t in ax.get_yticklabels()]


def test_a_month_in_which_nobody_fell_silent_has_no_ratio() -> None:
    f = frames()
    f["periods"].loc[13, "dormant"] = 0
    one = publish(models.quick_ratio(f["periods"], f["turnover"]), PUBLIC)
    drawn = [line.get_ydata() for line in figures.quick(one).lines if len(line.get_ydata()) > 2]
    assert [np.isnan(np.asarray(y, float)).tolist()[-1] for y in drawn] == [True]
    assert tables.quick(one).rows[-1][3] == "none fell silent"


# Words --------------------------------------------------------------------------------------


def head(came: float, rules: Rules = PUBLIC) -> Any:
    made = results(came)
    return sentences.headline(*(publish(made[name], rules) for name in HEADLINE))


SILENT = "for every 10 people who fall silent"
LEAKS = f"The active base is leaking: {SILENT}, only 5 begin or come back"
HOLDS = f"The active base neither grows nor shrinks clearly: {SILENT}, 10 begin or come back"
GROWS = f"The active base is growing: {SILENT}, 16 begin or come back"


@pytest.mark.parametrize("rules", [PUBLIC, Rules()], ids=["public", "k10"])
@pytest.mark.parametrize(
    ("came", "title", "decision", "mind"),
    [
        (0.5, LEAKS, "Fix the leak before the next push, by 28 March 2025.", "interval above 1"),
        (1.0, HOLDS, "Keep, and watch: neither growth nor a leak is proven.", "above or below"),
        (1.6, GROWS, "Keep what you do:", "interval below 1"),
    ],
    ids=["leaks", "holds", "grows"],
)  # fmt: skip
def test_the_headline_is_the_answer(
    came: float, title: str, decision: str, mind: str, rules: Rules
) -> None:
    said = head(came, rules)
    assert said.title == title
    assert said.decision.startswith(decision)
    assert mind in said.change_mind
    assert len(said.cards) == 4


def test_a_wide_interval_is_the_finding() -> None:
    f = frames()
    few = f["turnover"].assign(n_persons=[12, 14, 20, 15, 14])
    few.attrs = dict(f["turnover"].attrs)
    made = results() | {"quick": models.quick_ratio(f["periods"], few)}
    said = sentences.headline(*(publish(made[name], PUBLIC) for name in HEADLINE))
    open_ = f"It is open whether the active base grows or shrinks: {SILENT}"
    assert re.fullmatch(rf"{open_}, \d to 1\d begin or come back", said.title)


def test_growth_by_newcomers_alone_is_not_called_healthy() -> None:
    f = frames(1.6)
    fresh = f["periods"].assign(new=lambda d: d["new"] + d["resurrected"], resurrected=0)
    made = results(1.6) | {
        "lifecycle": models.lifecycle(fresh), "quick": models.quick_ratio(fresh, f["turnover"])
    }  # fmt: skip
    said = sentences.headline(*(publish(made[name], PUBLIC) for name in HEADLINE))
    assert said.decision.startswith("Keep it growing, but not on newcomers alone: 100 %")


def test_the_headline_is_true_when_everything_is_missing() -> None:
    said = sentences.headline(*[nothing()] * len(HEADLINE))
    assert said.title.startswith("Whether the active base is healthy cannot be told yet: this data")
    assert said.cards == ()
    assert said.decision.startswith("Decide nothing on this yet")


def test_the_headline_tells_what_is_known_where_the_ratio_is_not(found: dict[str, Result]) -> None:
    few = publish(not_enough("quick_ratio", Family.RATES, "too few people moved"))
    rest = [publish(found[name], PUBLIC) for name in HEADLINE[1:]]
    said = sentences.headline(few, *rest)
    assert said.title.startswith("Of 100 who begin, 45 are active three months later; whether")
    assert said.decision.startswith("Decide nothing")


def test_nobody_silent_is_good_news() -> None:
    f = frames()
    calm = f["periods"].assign(dormant=0)
    none = f["turnover"].assign(out_now=0, out_before=0)
    none.attrs = dict(f["turnover"].attrs)
    quick = publish(models.quick_ratio(calm, none), PUBLIC)
    said = sentences.headline(quick, *[nothing()] * 3)
    assert said.title == "The active base is whole: nobody has fallen silent lately"
    assert "there is no ratio" in sentences.quick(quick)


def test_a_silence_most_people_end_themselves_calls_for_no_word() -> None:
    f = frames()
    back = f["quiet"].assign(event="returned")
    silent = publish(models.reactivation(back), PUBLIC)
    rest = [publish(results()[name], PUBLIC) for name in HEADLINE[:3]]
    assert "is no farewell yet" in sentences.headline(*rest, silent).decision


def test_checks_have_a_sentence_for_each_status(found: dict[str, Result]) -> None:
    assert set(found["trust"].frame["check"]) == set(sentences.CHECKS)
    for words in sentences.CHECKS.values():
        assert set(words) == {"title", "passed", "not passed", "not known"}
        for status in ("passed", "not passed", "not known"):
            assert words[status].format(value="1", threshold="2")


def test_under_rules_counts_are_about_and_small_ones_are_fewer_than_ten() -> None:
    f = frames()
    f["periods"].loc[13, "new"] = 4
    said = sentences.lifecycle(publish(models.lifecycle(f["periods"])))
    assert "about" in said
    assert "fewer than 10 began" in said
    assert said.endswith("Where fewer than 10 people are in a state, no bar is drawn for it.")
    assert "no bar" not in sentences.lifecycle(publish(models.lifecycle(f["periods"]), PUBLIC))


@pytest.mark.parametrize("period", ["week", "month"])
def test_periods_are_named_by_their_unit(period: str) -> None:
    f = frames()
    for made, view in (
        (models.pooled(f["cohorts"], period=period), "pooled"),
        (models.lifecycle(f["periods"], period=period), "lifecycle"),
        (models.triangle(f["cohorts"], period=period), "triangle"),
    ):
        said = getattr(sentences, view)(publish(made, PUBLIC))
        assert period in said
        assert ({"week", "month"} - {period}).pop() not in said
