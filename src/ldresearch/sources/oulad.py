"""OULAD: the Open University Learning Analytics Dataset (Kuzilek, Hlosta and Zdrahal 2017).

Days count from the start of a presentation (a module's run in a term), which the publisher does
not date: ``2013J`` began in October 2013, ``2013B`` in February. Day *d* becomes *d* days after
midnight UTC of the 1st of that month, or of a date given by the option ``starts``.

Gender, age band, deprivation band and disability are never read: no analysis here asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ldresearch import clock
from ldresearch.engine import literal
from ldresearch.errors import DataError, did_you_mean, message
from ldresearch.ingest import Reading
from ldresearch.sources import _csv, _files

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "starts": "first days, as TERM=DATE or MODULE-TERM=DATE separated by commas, for example "
    "2013J=2013-10-05,BBB-2014B=2014-02-01 (default: 1 October for J, 1 February for B)",
}

BANKED = "banked"
"""A result carried over from an earlier presentation: nothing was done in this one."""
NO_COURSE = "its module and presentation are not in courses.csv"
NO_ASSESSMENT = "its assessment is not in assessments.csv"

_MONTH = {"B": 2, "J": 10}
_DIALECT = _csv.Dialect(nulls=("", "?"))
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "courses": ("code_module", "code_presentation", "module_presentation_length"),
        "assessments": (
            "code_module", "code_presentation", "id_assessment", "assessment_type", "date",
        ),
        "vle": ("id_site", "code_module", "code_presentation", "activity_type"),
        "studentInfo": (
            "code_module", "code_presentation", "id_student", "region", "highest_education",
            "final_result",
        ),
        "studentRegistration": (
            "code_module", "code_presentation", "id_student", "date_registration",
            "date_unregistration",
        ),
        "studentAssessment": (
            "id_assessment", "id_student", "date_submitted", "is_banked", "score",
        ),
        "studentVle": (
            "code_module", "code_presentation", "id_student", "id_site", "date", "sum_click",
        ),
    }
)  # fmt: skip
_OPTIONAL = ("vle", "studentVle")

_KINDS = {
    "quiz": "assessment", "externalquiz": "assessment", "questionnaire": "assessment",
    "page": "article", "resource": "article", "oucontent": "article", "htmlactivity": "article",
    "ouelluminate": "event",
}  # fmt: skip
"""What kind of content a virtual learning site is; every other type is ``other``."""

PASS_MARK = 40
"""The publisher: a score below 40 is interpreted as a fail."""


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read a folder of OULAD files, plain or ``.gz``.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        Folder with the publisher's file names; ``vle`` and ``studentVle`` may be missing.
    options : mapping
        See ``OPTIONS``.

    Returns
    -------
    Reading
        ``content``, ``assignment`` (one row a student and presentation), ``event``, ``person``,
        ``access`` and, with clicks, ``usage_period``.
    """
    loaded: dict[str, _csv.Loaded] = {}
    described = []
    for name, columns in _COLUMNS.items():
        file = _files.find(path, f"{name}.csv") if path.is_dir() else None
        if file is None and name in _OPTIONAL:
            continue
        file = file or _files.required(path, f"{name}.csv", "oulad")
        loaded[name] = _csv.load(connection, file, name, _DIALECT, columns)
        _csv.need(loaded[name], columns, file.name)
        described.append(_files.described(file, "oulad"))
    starts = _starts(connection, options)
    _courses(connection, starts)
    _enrolments(connection)
    has_clicks = "studentVle" in loaded
    tables: dict[str, list[str]] = {
        "person": [_PERSON],
        "access": [_ACCESS],
        "content": [_CONTENT, _ASSESSMENT_CONTENT, *([_sites()] if "vle" in loaded else [])],
        "assignment": [_ASSIGNMENT],
        "event": [_ENROL, _WITHDRAW, _RESULT, _COMPLETE],
    }
    if has_clicks:
        _files.step("folding clicks into one view a student, site and day")
        _clicks(connection)
        tables["event"].append(_VIEW)
        tables["usage_period"] = [_CLICKS]
    return Reading(
        tables=tables,
        rejected=_rejected(loaded),
        files=tuple(described),
        notes={"oulad": {**_notes(connection, starts, has_clicks), **_csv.broken_note(loaded)}},
        set_aside=frozenset({BANKED}),
    )


def _rejected(loaded: Mapping[str, _csv.Loaded]) -> dict[str, dict[str, int]]:
    feeds = {
        "content": ("courses", "assessments", "vle"),
        "assignment": ("studentRegistration", "studentInfo"),
        "event": ("studentAssessment", "studentVle"),
    }
    found = {
        table: sum(loaded[n].n_broken for n in names if n in loaded)
        for table, names in feeds.items()
    }
    return {table: {_csv.BROKEN: n} for table, n in found.items() if n}


def _starts(
    connection: duckdb.DuckDBPyConnection, options: Mapping[str, str]
) -> dict[tuple[str, str], date]:
    """Date the first day of every presentation."""
    presentations = connection.execute(
        "SELECT DISTINCT code_module, code_presentation FROM courses WHERE code_module IS NOT NULL "
        "AND code_presentation IS NOT NULL ORDER BY ALL"
    ).fetchall()
    given = _files.pairs(options.get("starts", ""), "oulad starts")
    known = {term for _, term in presentations} | {f"{m}-{term}" for m, term in presentations}
    for name in given:
        if name not in known:
            raise DataError(
                message("no such presentation", where="oulad starts", got=name,
                        do=did_you_mean(name, known))
            )  # fmt: skip
    return {(m, t): _start(m, t, given) for m, t in presentations}


def _start(module: str, term: str, given: Mapping[str, str]) -> date:
    text = given.get(f"{module}-{term}") or given.get(term)
    if text:
        return clock.parse_date(text, name="oulad starts")
    found = re.fullmatch(r"(\d{4})([BJ])", term)
    if not found:
        raise DataError(
            message("a term whose month is not known", where="courses.csv", got=term,
                    allowed="a year and B or J", do=f"give its first day: starts={term}=YYYY-MM-DD")
        )  # fmt: skip
    return date(int(found[1]), _MONTH[found[2]], 1)


def _courses(connection: duckdb.DuckDBPyConnection, starts: Mapping[tuple[str, str], date]) -> None:
    rows = ", ".join(
        f"({literal(m)}, {literal(t)}, TIMESTAMP {literal(str(on))})"
        for (m, t), on in starts.items()
    )
    if not rows:
        raise DataError(message("there is no presentation", where="courses.csv"))
    connection.execute(
        "CREATE TEMP TABLE _course AS SELECT c.code_module, c.code_presentation, "
        "c.code_module || '-' || c.code_presentation AS content_id, s.start_at, "
        "s.start_at + to_days(try_cast(c.module_presentation_length AS INTEGER)) AS end_at, c._row "
        f"FROM courses AS c LEFT JOIN (VALUES {rows}) "
        "AS s(code_module, code_presentation, start_at) USING (code_module, code_presentation)"
    )


def _enrolments(connection: duckdb.DuckDBPyConnection) -> None:
    """Pair registration and result of each student and presentation; date both.

    A dated unregistration is a withdrawal whatever the final result says: the record of the day
    is more precise than the label of the end.
    """
    connection.execute(
        f"""
        CREATE TEMP TABLE _enrolment AS
        SELECT e.*, c.content_id, c.start_at, c.end_at,
            c.start_at + to_days(try_cast(e.date_registration AS INTEGER)) AS registered_at,
            c.start_at + to_days(try_cast(e.date_unregistration AS INTEGER)) AS unregistered_at,
            CASE
                WHEN e.date_unregistration IS NOT NULL OR e.final_result = 'Withdrawn'
                    THEN 'withdrawn'
                WHEN e.final_result IN ('Pass', 'Distinction') THEN 'completed'
                WHEN e.final_result = 'Fail' THEN 'failed'
                ELSE lower(e.final_result)
            END AS status,
            CASE
                WHEN c.content_id IS NULL THEN {literal(NO_COURSE)}
                WHEN e.date_registration IS NOT NULL
                    AND try_cast(e.date_registration AS INTEGER) IS NULL
                    THEN 'date_registration is no whole number'
                WHEN e.date_unregistration IS NOT NULL
                    AND try_cast(e.date_unregistration AS INTEGER) IS NULL
                    THEN 'date_unregistration is no whole number'
            END AS _reason
        FROM (
            SELECT coalesce(r.code_module, i.code_module) AS code_module,
                coalesce(r.code_presentation, i.code_presentation) AS code_presentation,
                coalesce(r.id_student, i.id_student) AS id_student,
                r.date_registration, r.date_unregistration,
                i.region, i.highest_education, i.final_result, r._row
            FROM studentRegistration AS r FULL JOIN studentInfo AS i
                USING (code_module, code_presentation, id_student)
        ) AS e
        LEFT JOIN _course AS c USING (code_module, code_presentation)
        """
    )


def _clicks(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE TEMP TABLE _click AS
        SELECT v.id_student, v.id_site, v.code_module, v.code_presentation,
            try_cast(v.date AS INTEGER) AS day, sum(try_cast(v.sum_click AS BIGINT)) AS n_clicks,
            count(*) AS n_rows, min(v._row) AS _row,
            bool_or(v.date IS NOT NULL AND try_cast(v.date AS INTEGER) IS NULL) AS is_bad
        FROM studentVle AS v GROUP BY ALL
        """
    )


_FIRST_DAY = "coalesce(registered_at, start_at)"
_PERSON = f"""
SELECT id_student AS person_id, valid_from_on, hired_on, unit_path, level FROM (
    SELECT *, lag((unit_path, level)) OVER spell AS before FROM (
        SELECT id_student, {_FIRST_DAY}::DATE AS valid_from_on,
            min({_FIRST_DAY}::DATE) OVER (PARTITION BY id_student) AS hired_on,
            CASE WHEN region IS NOT NULL THEN [region] END AS unit_path,
            highest_education AS level
        FROM _enrolment WHERE _reason IS NULL
        QUALIFY row_number() OVER (
            PARTITION BY id_student, {_FIRST_DAY}::DATE ORDER BY start_at DESC, content_id DESC
        ) = 1
    )
    WINDOW spell AS (PARTITION BY id_student ORDER BY valid_from_on)
) WHERE before IS DISTINCT FROM (unit_path, level)
"""
_ACCESS = f"""
SELECT id_student AS person_id, content_id AS platform, {_FIRST_DAY} AS granted_at,
    greatest(coalesce(unregistered_at, end_at), {_FIRST_DAY}) AS revoked_at
FROM _enrolment WHERE _reason IS NULL
"""
_CONTENT = """
SELECT content_id, content_id AS title, 'course' AS kind, 'The Open University' AS provider,
    'en' AS language, start_at AS published_at, end_at AS retired_at, code_module AS topic,
    'courses.csv' AS _file, _row
FROM _course
"""
_ASSESSMENT_CONTENT = f"""
SELECT 'assessment-' || a.id_assessment AS content_id, a.assessment_type AS title,
    'assessment' AS kind, c.content_id AS parent_id, a.code_module AS topic,
    c.start_at AS published_at, c.end_at AS retired_at,
    'assessments.csv' AS _file, a._row,
    CASE WHEN c.content_id IS NULL THEN {literal(NO_COURSE)} END AS _reason
FROM assessments AS a LEFT JOIN _course AS c USING (code_module, code_presentation)
"""
_ASSIGNMENT = """
SELECT id_student AS person_id, content_id, registered_at AS assigned_at, false AS is_required,
    'self' AS assigned_by, status,
    CASE WHEN status = 'withdrawn' THEN unregistered_at ELSE end_at END AS status_at,
    'studentRegistration.csv' AS _file, _row, _reason
FROM _enrolment
"""
_ENROL = """
SELECT id_student AS person_id, registered_at AS occurred_at, 'enrol' AS verb, content_id,
    'oulad' AS source, 'studentRegistration.csv' AS _file, _row
FROM _enrolment WHERE registered_at IS NOT NULL AND _reason IS NULL
"""
_WITHDRAW = """
SELECT id_student AS person_id, unregistered_at AS occurred_at, 'withdraw' AS verb, content_id,
    'oulad' AS source, 'studentRegistration.csv' AS _file, _row
FROM _enrolment WHERE unregistered_at IS NOT NULL AND _reason IS NULL
"""
_RESULT = """
SELECT id_student AS person_id, end_at AS occurred_at,
    CASE status WHEN 'completed' THEN 'pass' ELSE 'fail' END AS verb,
    content_id, status = 'completed' AS is_success, 'oulad' AS source,
    'studentInfo.csv' AS _file, _row
FROM _enrolment WHERE status IN ('completed', 'failed') AND _reason IS NULL
"""
_COMPLETE = f"""
SELECT s.id_student AS person_id,
    c.start_at + to_days(try_cast(s.date_submitted AS INTEGER)) AS occurred_at,
    'complete' AS verb, 'assessment-' || s.id_assessment AS content_id,
    try_cast(s.score AS DOUBLE) / 100 AS score,
    try_cast(s.score AS DOUBLE) >= {PASS_MARK} AS is_success,
    'oulad' AS source, 'studentAssessment.csv' AS _file, s._row,
    CASE
        WHEN s.is_banked = '1' THEN {literal(BANKED)}
        WHEN c.content_id IS NULL THEN {literal(NO_ASSESSMENT)}
        WHEN s.score IS NOT NULL AND try_cast(s.score AS DOUBLE) IS NULL THEN 'score is no number'
    END AS _reason
FROM studentAssessment AS s
LEFT JOIN assessments AS a USING (id_assessment)
LEFT JOIN _course AS c USING (code_module, code_presentation)
"""
_VIEW = f"""
SELECT v.id_student AS person_id, c.start_at + to_days(v.day) AS occurred_at, 'view' AS verb,
    'site-' || v.id_site AS content_id, 'oulad' AS source, 'studentVle.csv' AS _file, v._row,
    CASE WHEN c.content_id IS NULL THEN {literal(NO_COURSE)}
         WHEN v.is_bad THEN 'date is no whole number' END AS _reason
FROM _click AS v LEFT JOIN _course AS c USING (code_module, code_presentation)
"""
_CLICKS = """
SELECT v.id_student AS person_id, (c.start_at + to_days(v.day))::DATE AS period_start_on,
    (c.start_at + to_days(v.day))::DATE AS period_end_on, 'clicks' AS metric,
    sum(v.n_clicks)::DOUBLE AS value, 'oulad ' || c.content_id AS source
FROM _click AS v JOIN _course AS c USING (code_module, code_presentation)
WHERE v.day IS NOT NULL AND v.n_clicks IS NOT NULL AND v.id_student IS NOT NULL
GROUP BY ALL
"""


def _sites() -> str:
    kinds = " ".join(f"WHEN {literal(t)} THEN {literal(k)}" for t, k in _KINDS.items())
    return f"""
    SELECT 'site-' || v.id_site AS content_id, v.activity_type AS title,
        CASE v.activity_type {kinds} ELSE 'other' END AS kind, c.content_id AS parent_id,
        v.code_module AS topic, c.start_at AS published_at, c.end_at AS retired_at,
        'vle.csv' AS _file, v._row,
        CASE WHEN c.content_id IS NULL THEN {literal(NO_COURSE)} END AS _reason
    FROM vle AS v LEFT JOIN _course AS c USING (code_module, code_presentation)
    """


def _notes(
    connection: duckdb.DuckDBPyConnection,
    starts: Mapping[tuple[str, str], date],
    has_clicks: bool,
) -> dict[str, Any]:
    counts = connection.execute(
        """
        SELECT count(*), count(DISTINCT id_student),
            count(*) FILTER (registered_at IS NULL),
            count(*) FILTER (registered_at > start_at),
            count(*) FILTER (unregistered_at <= start_at),
            count(*) FILTER (final_result = 'Withdrawn' AND unregistered_at IS NULL),
            count(*) FILTER (final_result = 'Fail' AND unregistered_at IS NOT NULL),
            count(*) FILTER (unregistered_at > end_at),
            count(*) FILTER (status IS NULL)
        FROM _enrolment
        """
    ).fetchall()[0]
    names = (
        "enrolments", "students", "registration_date_missing", "registered_after_the_start",
        "unregistered_at_or_before_the_start", "withdrawn_without_a_date",
        "failed_with_an_unregistration_date_counted_as_withdrawn",
        "unregistered_after_the_end", "result_missing",
    )  # fmt: skip
    notes: dict[str, Any] = dict(zip(names, map(int, counts), strict=True))
    notes["starts"] = {f"{m}-{t}": str(on) for (m, t), on in starts.items()}
    notes["not_imported"] = "gender, imd_band, age_band, disability"
    if has_clicks:
        [(n_rows, n_views)] = connection.execute(
            "SELECT sum(n_rows), count(*) FROM _click"
        ).fetchall()
        notes["click_rows"], notes["views"] = int(n_rows or 0), int(n_views)
        notes["clicks"] = (
            "one view a student, site and day; the clicks are added up a student, presentation "
            "and day in usage_period"
        )
    else:
        notes["clicks"] = "studentVle is not here: nobody is seen to view anything"
    return notes
