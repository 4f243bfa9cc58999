"""BG/NBD and R/F/T against the published CDNOW sample.

Fader PS, Hardie BGS, Lee KL (2005). "Counting your customers" the easy way. Marketing Science
24:275-284: 2,357 customers who first bought in the first quarter of 1997, 39 weeks; r = .243, alpha
= 4.414, a = .793, b = 2.426, log-likelihood -9582.4. The expectation for customer 1 is that of the
authors' spreadsheet to the paper.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import hyp2f1

from ldresearch.measures import segments as measures
from ldresearch.models import _bgnbd
from ldresearch.worlds.tables import log

PAPER = np.log([0.243, 4.414, 0.793, 2.426])


def of(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


@pytest.fixture(scope="module")
def purchases(shared_data: Path) -> pd.DataFrame:
    columns = ["master", "person_id", "on", "n", "value"]
    frame = pd.read_csv(
        shared_data / "cdnow" / "CDNOW_sample.txt", sep=r"\s+", names=columns, dtype=str
    )
    return frame.assign(occurred_at=pd.to_datetime(frame["on"], format="%Y%m%d"))


@pytest.fixture(scope="module")
def histories(
    purchases: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, pd.DataFrame]:
    """R/F/T by the measure: at the end of calibration, and there with 39 weeks ahead."""
    event = purchases[["person_id", "occurred_at"]].assign(verb="complete", recorded_at=None)
    event["recorded_at"] = event["occurred_at"]
    event["event_id"] = [f"e{i}" for i in range(len(event))]
    person = pd.DataFrame(
        {"person_id": purchases["person_id"].unique(), "hired_on": pd.Timestamp("1996-01-01")}
    ).assign(valid_from_on=pd.Timestamp("1996-01-01"))
    tiny = log(
        {"person": person, "event": event}, tmp_path_factory.mktemp("cdnow"), as_of="1998-07-01"
    )
    # Calibration ends with 30 September 1997; 39 weeks later the file ends.
    return {39: measures.features(tiny, window_weeks=4, ahead_weeks=39)}


def test_recency_frequency_and_time_are_the_published_summary(
    histories: dict[int, pd.DataFrame],
) -> None:
    """The counts of the paper's figure 3, and its number of customers."""
    frame = histories[39]
    assert len(frame) == 2357
    counts = frame["repeats"].clip(upper=7).value_counts().sort_index()
    assert counts.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    first = frame[frame["repeats"] == 2]
    assert (first["last_weeks"] <= first["known_weeks"]).all()


def test_parameters_and_likelihood_are_the_published_ones(
    histories: dict[int, pd.DataFrame],
) -> None:
    frame = histories[39]
    columns = ["repeats", "last_weeks", "known_weeks"]
    kinds = frame.groupby(columns).size().reset_index(name="weight")
    assert len(kinds) < 0.7 * len(frame)
    fitted = _bgnbd.fit(*(kinds[c].to_numpy(dtype=float) for c in kinds.columns))
    assert not isinstance(fitted, str)
    assert fitted.n == 2357
    found = (fitted.r, fitted.alpha, fitted.a, fitted.b)
    assert found == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    assert fitted.log_likelihood == pytest.approx(-9582.4, abs=1.0)


def test_expected_purchases_are_the_published_ones() -> None:
    """Customer 1 of the authors' spreadsheet: 1.226 purchases in the next 39 weeks."""
    one = of(2), of(30.43), of(38.86)
    assert _bgnbd.expected(PAPER, *one, 39.0)[0] == pytest.approx(1.226, abs=5e-4)


def test_thousands_of_repeats_and_large_parameters_do_no_harm() -> None:
    often = of(2000), of(31.0), of(31.0)
    assert 1800 < _bgnbd.expected(PAPER, *often, 52.0)[0] < 3400
    assert _bgnbd.p_alive(PAPER, *often)[0] == pytest.approx(1.0, abs=1e-3)
    # Everyone alike: a rate of 1 a week, one in twenty stops after each time.
    alike = np.log([1e6, 1e6, 5e4, 95e4])
    expected = 20 * (1 - np.exp(-10 / 20))
    assert _bgnbd.expectation(alike, of(10))[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("x", [0.0, 1, 7, 40])
def test_the_integral_is_the_hypergeometric_function_of_the_paper(x: float) -> None:
    r, alpha, a, b = np.exp(PAPER)
    known, ahead, last = 38.86, 39.0, 30.0 if x else 0.0
    z = ahead / (alpha + known + ahead)
    series = hyp2f1(r + x, b + x, a + b + x - 1, z)
    whole = (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (r + x) * series)
    mine = _bgnbd.expected(PAPER, of(x), of(last), of(known), ahead)[0]
    chance = _bgnbd.p_alive(PAPER, of(x), of(last), of(known))[0]
    assert mine == pytest.approx(whole * chance, rel=1e-5)


def test_purchases_ahead_are_foretold_as_well_as_in_print(
    histories: dict[int, pd.DataFrame],
) -> None:
    """1,882 came in the 39 weeks held back. The paper's model tracks them within 12 of 100."""
    frame = histories[39]
    own = tuple(frame[c].to_numpy(dtype=float) for c in ("repeats", "last_weeks", "known_weeks"))
    foretold = _bgnbd.expected(PAPER, *own, 39.0).sum()
    came = frame["days_ahead"].sum()
    assert came == pytest.approx(1882, abs=10)
    assert 0.85 < foretold / came < 1.0
