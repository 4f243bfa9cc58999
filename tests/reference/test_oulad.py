"""Withdrawal from every OULAD module and presentation against lifelines, from the raw files.

Kuzilek J, Hlosta M, Zdrahal Z (2017). Open University Learning Analytics dataset. Scientific Data
4:170171, doi:10.1038/sdata.2017.171 (CC BY 4.0). The frames on the right-hand side are derived
from the publisher's CSV files with pandas alone, in days as the publisher counts them; nothing of
the package is used for them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch import sources
from ldresearch.log import EventLog
from ldresearch.measures.engagement_survival import enrolments
from ldresearch.models.survival import kaplan_meier

WHO = ["code_module", "code_presentation", "id_student"]
ORIGINS = ("start", "registration", "delayed_entry")


@pytest.fixture(scope="module")
def log(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    """Everything but the clicks, as of a day when all presentations are over."""
    folder = tmp_path_factory.mktemp("oulad")
    for file in (shared_data / "oulad").iterdir():
        if not file.name.startswith("studentVle"):
            (folder / file.name).symlink_to(file)
    done = sources.ingest(
        "oulad", folder, folder.parent / "oulad-dataset", key=b"o" * 32, public=True
    )
    return EventLog.open(done.dataset, as_of="2016-01-01")


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> pd.DataFrame:
    """Registrations with their results and the length of the presentation, in days."""
    folder = shared_data / "oulad"
    registration = pd.read_csv(folder / "studentRegistration.csv", na_values="?")
    info = pd.read_csv(folder / "studentInfo.csv", na_values="?")
    courses = pd.read_csv(folder / "courses.csv")
    frame = registration.merge(info[[*WHO, "final_result"]], on=WHO, validate="1:1")
    frame = frame.merge(courses, on=WHO[:2], validate="m:1")
    frame["presentation"] = frame["code_module"] + "-" + frame["code_presentation"]
    return frame


def by_hand(raw: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Durations from the publisher's day numbers, by the definitions of the measure."""
    end = raw["date_unregistration"].fillna(raw["module_presentation_length"])
    frame = raw.assign(event=raw["date_unregistration"].notna(), entry=0.0)
    registered = raw["date_registration"]
    if origin == "start":
        return frame.assign(duration=end.clip(lower=0))
    if origin == "registration":
        frame = frame.assign(duration=end - registered)
        return frame[registered.notna() & (frame["duration"] >= 0)]
    frame = frame.assign(duration=end, entry=registered.clip(lower=0))
    return frame[registered.notna() & (frame["duration"] > frame["entry"])]


def lifelines_curve(frame: pd.DataFrame) -> pd.Series:
    from lifelines import KaplanMeierFitter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = KaplanMeierFitter().fit(
            frame["duration"], frame["event"],
            entry=frame["entry"] if (frame["entry"] > 0).any() else None,
        )  # fmt: skip
    return fitter.survival_function_["KM_estimate"]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("by", ["topic", "content_id"])
def test_curves_equal_lifelines(log: EventLog, raw: pd.DataFrame, origin: str, by: str) -> None:
    measured = enrolments(log, origin=origin, by=by)
    kept = measured[measured["dropped"] == ""]
    ours = kaplan_meier(kept, by="group").frame
    theirs = by_hand(raw, origin)
    column = "code_module" if by == "topic" else "presentation"
    groups = theirs.groupby(column)
    assert set(ours["group"]) == set(groups.groups)
    assert len(groups) == (7 if by == "topic" else 22)
    assert len(kept) == len(theirs)
    for name, part in groups:
        curve = lifelines_curve(part)
        mine = ours[ours["group"] == name].sort_values("time")
        events = mine[mine["n_events"] > 0]
        assert events["n_events"].sum() == part["event"].sum(), name
        expected = curve.reindex(events["time"])
        assert expected.notna().all(), name
        np.testing.assert_allclose(events["survival"], expected, rtol=0, atol=1e-12, err_msg=name)
        # And no step of theirs is missing from ours.
        steps = curve[curve.diff().fillna(curve - 1) != 0].index
        assert set(steps) <= set(events["time"]), name


def test_who_is_dropped_and_why(log: EventLog, raw: pd.DataFrame) -> None:
    counts = {
        origin: enrolments(log, origin=origin)["dropped"].value_counts().to_dict()
        for origin in ORIGINS
    }
    assert counts["start"] == {"": 32593}
    assert counts["registration"]["registration date unknown"] == 45
    unknown = raw["date_registration"].isna()
    end = raw["date_unregistration"].fillna(raw["module_presentation_length"])
    entry = raw["date_registration"].clip(lower=0)
    at_entry = int((~unknown & (end <= entry)).sum())
    assert counts["delayed_entry"] == {
        "": 32593 - 45 - at_entry,
        "registration date unknown": 45,
        "ended before or at entry": at_entry,
    }
    assert at_entry > 3000


def test_withdrawals_without_a_date_are_marked_and_censored(log: EventLog) -> None:
    measured = enrolments(log)
    assert measured["is_undated"].sum() == 93
    assert not measured.loc[measured["is_undated"], "event"].any()


def test_an_earlier_as_of_date_censors_and_hides(log: EventLog, raw: pd.DataFrame) -> None:
    """On 1 January 2014 the presentations of 2013 had begun, the J ones 92 days before."""
    early = EventLog.open(log.dataset, as_of="2014-01-01")
    measured = enrolments(early, by="content_id")
    assert set(measured["group"]) == {
        p for p in raw["presentation"] if p.endswith(("2013B", "2013J"))
    }
    running = measured[measured["group"].str.endswith("2013J")]
    assert running["duration"].max() == 92
    theirs = raw[raw["code_presentation"] == "2013J"]
    known = theirs["date_unregistration"] < 92
    assert running["event"].sum() == known.sum()
