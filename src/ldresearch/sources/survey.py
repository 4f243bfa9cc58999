"""Answers to a survey, one row a response or one row an answer, by a mapping that you write.

    [survey]
    layout = "wide"
    respondent = "Employee ID"
    answered_at = "Submitted"
    free_text = ["Anything else?"]

    [[question]]
    column = "How likely are you to recommend it?"
    instrument = "nps"
    item = "recommend"

What people wrote in their own words is counted and goes no further than this door.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldresearch.engine import identifier, literal
from ldresearch.errors import ParameterError, did_you_mean, from_toml, message
from ldresearch.ingest import Reading
from ldresearch.sources import _csv, _files, tabular

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "mapping": "the mapping, a TOML file (default: <file>.toml beside a file, mapping.toml in a "
    "folder)",
}

INSTRUMENTS: Final = ("nps", "pmf", "kano", "likert")
"""Kinds of question, each with its own answers."""

GROUP: Final = "group "
"""What the token of a response begins with that names a group and no person."""

_DATED, _SAID = "_dated", "_said"
"""When each row of the file at hand was answered, and the answers to the questions until now."""

_READ = frozenset(
    {"file", "delimiter", "encoding", "quote", "nulls", "time_zone", "ambiguous", "decimal"}
)  # fmt: skip
_SURVEY = frozenset(
    {"layout", "respondent", "group", "response", "answered_at", "weight", "free_text",
     "question", "answer"}
)  # fmt: skip
_QUESTION = frozenset(
    {"column", "instrument", "item", "words", "points", "functional", "dysfunctional"}
)
_LAYOUTS = ("wide", "long")
_MOST_POINTS = 11
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "nps": {},
    "pmf": {
        "very disappointed": "very", "somewhat disappointed": "somewhat",
        "not disappointed": "not", "not disappointed at all": "not", "n/a": "gone",
        "not applicable": "gone", "i no longer use it": "gone", "no longer use": "gone",
    },
    "kano": {
        "i like it": "1", "i expect it": "2", "i am neutral": "3", "i can live with it": "4",
        "i dislike it": "5",
    },
    "likert": {
        "strongly disagree": "1", "disagree": "2", "neither agree nor disagree": "3",
        "neutral": "3", "agree": "4", "strongly agree": "5",
    },
}  # fmt: skip
"""Words of the usual forms, in small letters; the words of a question go before them."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question of the mapping: where its answers stand and what they may be."""

    column: str
    instrument: str
    item: str
    words: Mapping[str, str]
    points: int

    @property
    def stored(self) -> str:
        """Name of the instrument in the dataset: a scale of other than 5 says so."""
        return self.instrument if self.points == 5 else f"{self.instrument}{self.points}"

    @property
    def allowed(self) -> str:
        """What an answer may be, in words."""
        if self.instrument == "pmf":
            return "very, somewhat, not or gone"
        low = 0 if self.instrument == "nps" else 1
        return f"a whole number from {low} to {self.points if low else 10}"

    def value(self, cell: str) -> str:
        """Return the expression of an answer in canonical form; null where it is none."""
        words = {**_WORDS[self.instrument], **self.words}
        whens = " ".join(f"WHEN {literal(w)} THEN {literal(v)}" for w, v in words.items())
        said = f"CASE lower(trim({cell})) {whens} ELSE lower(trim({cell})) END" if whens else cell
        if self.instrument == "pmf":
            return f"CASE WHEN ({said}) IN ('very', 'somewhat', 'not', 'gone') THEN ({said}) END"
        low, high = (0, 10) if self.instrument == "nps" else (1, self.points)
        number = f"try_cast(({said}) AS DOUBLE)"
        return (
            f"CASE WHEN {number} = floor({number}) AND {number} BETWEEN {low} AND {high} "
            f"THEN try_cast({number} AS INTEGER)::TEXT END"
        )


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A whole mapping, checked."""

    name: str
    read: Mapping[str, Any]
    survey: Mapping[str, Any]
    questions: tuple[_Question, ...]

    @property
    def is_long(self) -> bool:
        return bool(self.survey["layout"] == "long")

    @property
    def is_group(self) -> bool:
        return "group" in self.survey


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read a survey by a mapping.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        A CSV or TSV file, plain or ``.gz``, or a folder of them.
    options : mapping
        See ``OPTIONS``.

    Returns
    -------
    Reading
        ``survey_answer``. An answer that its question does not allow is rejected under its
        reason; blank answers and free text are counted in the notes and nowhere kept.

    Raises
    ------
    ParameterError
        For a mapping that is wrong: one sentence with the name that was probably meant.
    """
    file = tabular._mapping_file(path, options)
    mapping = _parse(file)
    feeds = [_feed(q, mapping, f"{file.name} question {i}")
             for i, q in enumerate(mapping.questions, 1)]  # fmt: skip
    sources = tabular._sources(connection, path, feeds)
    n_blank = 0
    for source in sources:
        asked = [(f, q) for f, q in zip(feeds, mapping.questions, strict=True) if source.feeds(f)]
        for feed, _ in asked:
            tabular._check_columns(feed, source)
        if asked:
            _date(connection, asked[0][0], source)
        for feed, question in asked:
            n_blank += _blank(connection, mapping, question, source)
            _put(connection, _answers(connection, mapping, feed, question, source))
    notes: dict[str, Any] = {"blank_answers": n_blank}
    notes |= _unkept(connection, mapping, sources)
    notes |= _csv.broken_note({s.file.name: s.loaded for s in sources if s.loaded is not None})
    n_broken = sum(s.n_broken for s in sources)
    described = [_files.described(s.file, "survey") for s in sources]
    described.append(_files.described(file, "survey mapping"))
    return Reading(
        tables={"survey_answer": [f"SELECT * FROM {_SAID}"]},
        rejected={"survey_answer": {_csv.BROKEN: n_broken}} if n_broken else {},
        files=tuple(described), notes={"survey": notes},
        scratch=(_SAID, *(s.loaded.stored for s in sources if s.loaded is not None)),
    )  # fmt: skip


# The mapping ---------------------------------------------------------------------------------


def _parse(file: Path) -> _Mapping:
    try:
        raw = from_toml(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ParameterError(
            message("the mapping is not UTF-8", where=file.name, do="save it as UTF-8")
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(
            message("the mapping is no TOML", where=file.name, got=str(error))
        ) from None
    tabular._known(raw, {"read", "survey", "question"}, file.name)
    settings, survey = raw.get("read", {}), raw.get("survey", {})
    for part, known, where in ((settings, _READ, "[read]"), (survey, _SURVEY, "[survey]")):
        tabular._is_table(part, f"{file.name} {where}")
        tabular._known(part, known, f"{file.name} {where}")
    survey = {"layout": "wide", "free_text": [], **survey}
    _check_survey(survey, f"{file.name} [survey]")
    entries = raw.get("question", [])
    if not isinstance(entries, list) or not entries:
        raise ParameterError(
            message("the mapping names no question", where=file.name,
                    allowed="[[question]] entries",
                    do="name a column, an instrument and an item for each")
        )  # fmt: skip
    questions = [
        question
        for i, entry in enumerate(entries, 1)
        for question in _questions(entry, f"{file.name} question {i}")
    ]
    named = [(q.stored, q.item) for q in questions]
    twice = sorted({item for (stored, item) in named if named.count((stored, item)) > 1})
    if twice:
        raise ParameterError(
            message("two questions of one name", where=file.name, got=twice[0],
                    do="give each question of an instrument an item of its own")
        )  # fmt: skip
    return _Mapping(file.name, settings, survey, tuple(questions))


def _check_survey(survey: Mapping[str, Any], where: str) -> None:
    if survey["layout"] not in _LAYOUTS:
        raise ParameterError(
            message("no such layout", where=where, got=survey["layout"],
                    allowed=", ".join(_LAYOUTS))
        )  # fmt: skip
    if ("respondent" in survey) == ("group" in survey):
        raise ParameterError(
            message("who answered comes from exactly one column", where=where,
                    allowed='respondent = "..." for persons, group = "..." for groups')
        )  # fmt: skip
    if survey.get("response") and survey["response"] == survey.get("respondent"):
        raise ParameterError(
            message("a response is named by its person", where=where, got=survey["response"],
                    do="leave response out, or name a column of response ids")
        )  # fmt: skip
    if "answered_at" not in survey:
        raise ParameterError(
            message("when it was answered is not mapped", where=where,
                    do='write answered_at = "..."')
        )  # fmt: skip
    tabular._texts(survey["free_text"], f"{where} free_text")
    for name in ("respondent", "group", "response", "question", "answer"):
        tabular._text(survey.get(name, ""), f"{where} {name}")
    needed = ("question", "answer", "response") if survey["layout"] == "long" else ()
    for name in needed:
        if name not in survey:
            raise ParameterError(
                message("a long survey lacks a column", where=where, got=name,
                        do=f'write {name} = "..."')
            )  # fmt: skip


def _questions(entry: Any, where: str) -> list[_Question]:
    """Return the question of an entry, or both of a pair of Kano's."""
    tabular._is_table(entry, where)
    tabular._known(entry, _QUESTION, where)
    instrument = entry.get("instrument", "")
    if instrument not in INSTRUMENTS:
        raise ParameterError(
            message("no such instrument", where=where, got=instrument,
                    do=did_you_mean(str(instrument), INSTRUMENTS))
        )  # fmt: skip
    item = entry.get("item", "")
    if not isinstance(item, str) or not item.strip():
        raise ParameterError(message("the question has no item", where=where,
                                     do='write item = "a short name"'))  # fmt: skip
    points = entry.get("points", 5)
    is_size = isinstance(points, int) and 2 <= points <= _MOST_POINTS
    if not is_size or ("points" in entry and instrument != "likert"):
        raise ParameterError(
            message("not a number of points", where=where, got=points,
                    allowed=f"2 to {_MOST_POINTS}, for likert")
        )  # fmt: skip
    words = entry.get("words", {})
    tabular._is_table(words, f"{where} words")
    plain = {str(k).strip().lower(): str(v) for k, v in words.items()}
    parts = ("functional", "dysfunctional") if instrument == "kano" else ("column",)
    absent = [p for p in parts if not isinstance(entry.get(p), str)]
    if absent:
        raise ParameterError(
            message("where the answers stand is not said", where=where, got=absent[0],
                    do=f'write {absent[0]} = "name of the column, or the question"')
        )  # fmt: skip
    return [
        _Question(entry[p], instrument, item.strip() if p == "column" else f"{item.strip()}:{p}",
                  plain, points)
        for p in parts
    ]  # fmt: skip


# From the mapping to answers -----------------------------------------------------------------


def _feed(question: _Question, mapping: _Mapping, where: str) -> tabular._Feed:
    """Say a question as a feed of the tabular reader, which knows files, zones and formats."""
    survey = mapping.survey
    columns: dict[str, Any] = {
        "response_id": survey.get("response", {"value": "row"}),
        "token": survey["group"] if mapping.is_group else survey["respondent"],
        "instrument": {"value": question.stored},
        "item": {"value": question.item},
        "value": survey["answer"] if mapping.is_long else question.column,
        "answered_at": survey["answered_at"],
    }
    if "weight" in survey:
        columns["weight"] = survey["weight"]
    entry: dict[str, Any] = {**mapping.read, "table": "survey_answer", "columns": columns,
                             "skip_without": [columns["value"]]}  # fmt: skip
    if mapping.is_long:
        entry["only"] = {survey["question"]: [question.column]}
    return tabular._feed(entry, {}, where)


def _date(
    connection: duckdb.DuckDBPyConnection, feed: tabular._Feed, source: tabular._Source
) -> None:
    """Read when each row of a file was answered, once for all its questions.

    The clocks of a zone changed some 260 times, which the engine reads for as long as a second.
    """
    dated = tabular._query(
        replace(feed, columns={"answered_at": feed.columns["answered_at"]}), source, "true"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_DATED} AS "
        f"SELECT _row, answered_at, _reason AS _undated FROM ({dated})"
    )


def _put(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Add the answers of one question to those before; in one query, many take ever longer."""
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {_SAID} AS FROM ({query}) LIMIT 0")
    # Some questions are known to be plain ASCII.
    connection.execute(f"ALTER TABLE {_SAID} ADD COLUMN IF NOT EXISTS _is_plain BOOLEAN")
    connection.execute(f"INSERT INTO {_SAID} BY NAME {query}")


def _answers(
    connection: duckdb.DuckDBPyConnection,
    mapping: _Mapping,
    feed: tabular._Feed,
    question: _Question,
    source: tabular._Source,
) -> str:
    """Hold the answers of one question to what it allows; name groups as groups."""
    kept, _ = tabular._where(connection, feed, source)
    columns = {name: spec for name, spec in feed.columns.items() if name != "answered_at"}
    query = tabular._query(replace(feed, columns=columns), source, kept)
    value = question.value("value")
    replaced = [f"{value} AS value"]
    refused = literal(f"{question.stored} answer is not {question.allowed}")
    reasons = ["_reason", "_undated", f"CASE WHEN ({value}) IS NULL THEN {refused} END"]
    if mapping.is_group:
        replaced.append(f"{literal(GROUP)} || token AS token")
    else:
        # It would be taken for a group's name and kept as it is.
        reasons.append(
            f"CASE WHEN starts_with(lower(trim(token)), {literal(GROUP)}) "
            "THEN 'a person is named like a group' END"
        )
    if "response" not in mapping.survey:
        replaced.append("_file || ' ' || _row AS response_id")
    replaced.append(f"coalesce({', '.join(reasons)}) AS _reason")
    return (
        f"SELECT * EXCLUDE (_undated) REPLACE ({', '.join(replaced)}) "
        f"FROM ({query}) JOIN {_DATED} USING (_row)"
    )


def _blank(
    connection: duckdb.DuckDBPyConnection,
    mapping: _Mapping,
    question: _Question,
    source: tabular._Source,
) -> int:
    column = mapping.survey["answer"] if mapping.is_long else question.column
    where = "true"
    if mapping.is_long:
        asked = identifier(mapping.survey["question"])
        where = f"{asked} = {literal(question.column)}"
    [(n,)] = connection.execute(
        f"SELECT count(*) FROM {source.relation} WHERE {where} AND {identifier(column)} IS NULL"
    ).fetchall()
    return int(n)


def _unkept(
    connection: duckdb.DuckDBPyConnection,
    mapping: _Mapping,
    sources: Sequence[tabular._Source],
) -> dict[str, Any]:
    """Count free text and answers that nobody mapped, and let go of both."""
    free = mapping.survey["free_text"]
    n_free = n_unmapped = 0
    for source in sources:
        if mapping.is_long:
            asked = identifier(mapping.survey["question"])
            said = identifier(mapping.survey["answer"])
            texts = ", ".join(literal(f) for f in free) or "NULL"
            known = ", ".join(literal(q.column) for q in mapping.questions)
            is_free = f"coalesce({asked} IN ({texts}), false)"
            is_known = f"coalesce({asked} IN ({known}), false)"
            [(text, other)] = connection.execute(
                f"SELECT count(*) FILTER ({is_free} AND {said} IS NOT NULL), "
                f"count(*) FILTER (NOT {is_free} AND NOT {is_known}) FROM {source.relation}"
            ).fetchall()
            n_free, n_unmapped = n_free + int(text), n_unmapped + int(other)
            if source.loaded is not None:
                rows = identifier(source.loaded.stored)
                connection.execute(f"DELETE FROM {rows} WHERE NOT {is_known}")
        elif free:
            n_free += _free_text(connection, source, free)
    return {
        "free_text_answers_counted_and_dropped": n_free,
        **({"answers_to_questions_not_in_the_mapping": n_unmapped} if n_unmapped else {}),
    }


def _free_text(
    connection: duckdb.DuckDBPyConnection, source: tabular._Source, free: Sequence[str]
) -> int:
    for name in free:
        if name not in source.types:
            raise ParameterError(
                message("the file has no such column", where=f"free_text, {source.file.name}",
                        got=name, do=did_you_mean(name, source.types))
            )  # fmt: skip
    loaded = _csv.load(connection, source.file, "_free_text", source.dialect, free)
    filled = " + ".join(f"count(nullif(trim({identifier(name)}), ''))" for name in loaded.columns)
    [(n,)] = connection.execute(f"SELECT {filled} FROM {identifier(loaded.table)}").fetchall()
    _csv.drop(connection, loaded)
    return int(n)
