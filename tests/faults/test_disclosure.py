"""An attacker reads what was published (tests/faults/cases.toml, A)."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch import figures, views
from ldresearch.errors import DisclosureError, LdresearchError
from ldresearch.models import rates, survival
from ldresearch.privacy import check_payload, publish
from ldresearch.privacy.gate import MIME
from ldresearch.result import Published, Result, Rules, to_payload
from ldresearch.vocabulary import Family, Role
from ldresearch.worlds.tables import from_text, log

GROUP = st.tuples(st.integers(0, 400), st.integers(0, 400))


def organisation(groups: list[tuple[int, int]]) -> Result:
    frame = pd.DataFrame(
        [(f"unit {i}", min(g), max(g)) for i, g in enumerate(groups)],
        columns=["group", "n_reached", "n"],
    )
    return rates.shares(frame, name="starts")


@given(st.lists(GROUP, min_size=1, max_size=15), st.sampled_from([(5, 5), (10, 5), (12, 3)]))
@settings(max_examples=40, deadline=None)
def test_whatever_the_organisation_no_small_cell_leaves(
    groups: list[tuple[int, int]], rule: tuple[int, int]
) -> None:
    k, base = rule
    result = organisation(groups)
    published = publish(result, Rules(k=k, base=base))
    names = [column.name for column in published.columns]
    for cells, true in zip(published.rows, result.frame.to_dict("records"), strict=True):
        row = dict(zip(names, cells, strict=True))
        if 0 < true["n"] < k:
            assert all(row[c] is None for c in ("n_reached", "n", "share", "low", "high"))
        if 0 < true["n_reached"] < k:
            assert all(row[c] is None for c in ("n_reached", "share", "low", "high"))
    payload = {"v": 1, "kind": "table", "stem": "a", "view": "b",
               "published": [to_payload(published)]}  # fmt: skip
    check_payload(payload, public=False)


def candidates(n: int, count: int, around: int = 6) -> list[tuple[int, int]]:
    """Every numerator and denominator near the true ones."""
    return [
        (c, total)
        for total in range(max(n - 3, 10), n + 4)
        for c in range(max(count - around, 0), min(count + around, total) + 1)
    ]


@given(n=st.integers(20, 400), share=st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_a_released_rate_fits_more_than_one_numerator(n: int, share: float) -> None:
    """Nothing in the released row, its interval included, fits one numerator only."""
    count = min(max(round(n * share), 10), n)
    [(_, *row)] = publish(organisation([(count, n)])).rows
    tried = candidates(n, count)
    released = publish(organisation(tried)).rows
    fitting = {c for (c, _), (_, *other) in zip(tried, released, strict=True) if other == row}
    assert count in fitting
    assert len(fitting) >= 2


@pytest.mark.parametrize("n", [20, 40, 60, 115])
def test_an_interval_gives_back_no_numerator_where_n_is_known(n: int) -> None:
    released = publish(organisation([(c, n) for c in range(10, n + 1)])).rows
    rows = [row[1:] for row in released]
    alone = [c for c, row in enumerate(rows, 10) if rows.count(row) == 1]
    # At the ends of the range a number of base 5 stands for three counts, never for one.
    assert alone == []


@pytest.mark.parametrize("n", [*range(10, 64), 200, 1000])
def test_an_estimate_gives_back_no_numerator_where_n_is_known(n: int) -> None:
    """3 of 60 told as 5 % (2 to 14 %) of 60 would be what nothing else gives."""
    frame = pd.DataFrame({"group": "all", "n_reached": range(n + 1), "n": n})
    result = rates.shares(frame, metric="activation_rate")
    told = [(e.value, e.low, e.high, e.n) for e in publish(result).estimates]
    assert not [count for count, one in enumerate(told) if told.count(one) == 1]


def spells(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"duration": rng.integers(1, 300, n).astype(float), "event": rng.random(n) < 0.7}
    )


@pytest.mark.parametrize("n", [12, 50, 300, 2000])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_released_curve_gives_no_single_event_time(n: int, seed: int) -> None:
    """Between two released points lie ten events or more, whichever the group."""
    frame = spells(n, seed).assign(unit=["a", "b"] * (n // 2))
    published = publish(survival.kaplan_meier(frame, by="unit")).frame
    for group, part in published.groupby("group") if len(published) else []:
        own = frame[frame["unit"] == group]
        times = part["time"].astype(float).to_numpy()
        since = 0.0
        for i in np.flatnonzero(part["n_events"].astype(int)):
            inside = own["event"] & (own["duration"] > since) & (own["duration"] <= times[i])
            assert inside.sum() >= 10
            since = times[i]
        assert (times % 7 == 0).all()
        still = [(own["duration"] > t).sum() for t in times[1:]]
        assert min(still, default=10) >= 10


def test_a_released_curve_has_these_columns_and_no_others() -> None:
    published = publish(survival.kaplan_meier(spells(300)))
    assert [c.name for c in published.columns] == [
        "group", "time", "survival", "low", "high", "n_events", "n",
    ]  # fmt: skip
    assert not {"n_censored", "se", "person_key"} & {c.name for c in published.columns}
    assert all(row[-1] % 5 == 0 for row in published.rows)


def test_figures_take_published_results_only() -> None:
    """No view has a parameter that could hold persons, and none offers marks of persons."""
    assert views.stems("figure")
    banned = {
        "scatter",
        "rugplot",
        "stripplot",
        "swarmplot",
        "boxplot",
        "eventplot",
        "boxenplot",
        "kdeplot",
    }
    folder = Path(figures.__file__).parent
    for stem in views.stems("figure"):
        module = importlib.import_module(f"ldresearch.figures.{stem}")
        for name, view in vars(module).items():
            if name.startswith("_") or not inspect.isfunction(view):
                continue
            if view.__module__ != module.__name__:
                continue
            given = [
                p for p in inspect.signature(view).parameters.values() if p.name not in ("ax", "_")
            ]
            assert {str(p.annotation).split(".")[-1] for p in given} <= {"Published"}, name
    for file in folder.glob("*.py"):
        words = {w for w in banned if f".{w}(" in file.read_text(encoding="utf-8")}
        assert not words, (file.name, words)


def test_no_family_is_about_persons() -> None:
    assert not {f.value for f in Family} & {"persons", "scores", "predictions", "residuals", "rows"}
    frame = pd.DataFrame({"person_key": [1, 2], "risk": [0.2, 0.9], "n": [50, 50]})
    roles = {"person_key": Role.KEY, "risk": Role.VALUE, "n": Role.N}
    with pytest.raises(DisclosureError, match="one person"):
        publish(Result("at_risk", Family.MODEL, frame, roles))


def test_a_row_a_person_under_another_name_is_hidden_to_the_last_number() -> None:
    frame = pd.DataFrame({"who": [f"p{i}" for i in range(30)], "risk": 0.5, "n": 1})
    roles = {"who": Role.KEY, "risk": Role.VALUE, "n": Role.N}
    published = publish(Result("at_risk", Family.MODEL, frame, roles))
    assert all(row[1:] == (None, None) for row in published.rows)


def test_rare_levels_of_a_model_are_merged_and_thin_models_refused() -> None:
    frame = spells(200).assign(unit=["a"] * 120 + ["b"] * 77 + ["only me"] + ["pair"] * 2)
    result = survival.cox(frame, ["unit"])
    assert not result.frame["term"].str.contains("only me|pair").any()
    assert survival.cox(spells(12).assign(x=range(12)), ["x"]).is_empty
    both = to_payload(publish(result))
    assert "only me" not in str(both)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_a_segment_of_one_is_no_segment() -> None:
    from ldresearch.models import _stability

    rng = np.random.default_rng(0)
    x = rng.normal(50, 5, (61, 4))
    x[0] = 500.0
    found = _stability.clusters(x, np.ones_like(x), max_clusters=3, replicates=10)
    assert found.k == 0 or np.bincount(found.labels).min() >= 10


def test_k_of_a_published_result_travels_with_it() -> None:
    payload = to_payload(publish(organisation([(50, 90)]), Rules(k=12)))
    assert payload["rules"][:2] == [12, 5] or tuple(payload["rules"][:2]) == (12, 5)


def test_only_one_type_of_output_reaches_a_page() -> None:
    assert MIME == "application/vnd.ldresearch.published+json"
    # Looking at one in a notebook shows HTML, which the page drops like any other output.
    assert not hasattr(Published, "_repr_mimebundle_")


@pytest.mark.parametrize(
    "event",
    [
        "canary@example.org | 2024-13-45 | view",
        "canary@example.org | 2024-01-01 | VIEWED",
        "canary@example.org | 2099-01-01 | view",
    ],
)
def test_errors_of_ingest_name_no_one(tmp_path: Path, event: str) -> None:
    from ldresearch.ingest import write

    tables = {"event": from_text(f"person_id | occurred_at | verb\n{event}")}
    with pytest.raises(LdresearchError) as error:
        write(
            {"event": tables["event"].assign(recorded_at="2024-01-01")}, tmp_path / "d",
            client="c", key=b"k" * 32,
        )  # fmt: skip
    assert "canary" not in str(error.value)


def test_an_unknown_unit_is_refused_without_a_list_of_people(tmp_path: Path) -> None:
    people = "person_id|valid_from_on|hired_on|unit_path\ncanary|2023-01-01|2023-01-01|all"
    with pytest.raises(LdresearchError) as error:
        log({"person": people}, tmp_path, as_of="2024-01-01").where(unit="nowhere")
    assert "canary" not in str(error.value)


def test_no_library_of_differential_privacy_is_needed(root: Path) -> None:
    listed = (root / "pyproject.toml").read_text(encoding="utf-8").lower()
    assert not [n for n in ("opendp", "diffprivlib", "tmlt", "acro") if f'"{n}' in listed]
