"""xAPI statements, 1.0.3 and 2.0: cmi5, the video profile, Open edX and others.

Text is parted into statements as it streams; the engine takes them apart. What is not an event is
counted under its reason, so rows in are rows out and rejected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import clock, instants, schema
from ldresearch.engine import literal
from ldresearch.errors import DataError, ParameterError, did_you_mean, message
from ldresearch.ingest import Reading
from ldresearch.sources import _files, _json

if TYPE_CHECKING:
    import duckdb

OPTIONS: Mapping[str, str] = {
    "accounts": "together or apart: whether one account name under two home pages is one person",
    "source": "name of the source in the events (default: xapi)",
    "time_zone": "IANA zone of timestamps that state none (default: UTC)",
    "verbs": "your own verbs, as IRI=verb separated by commas; IRI=leave leaves a verb out",
}

BROKEN = "broken JSON"
NO_STATEMENT = "no statement: verb or actor is missing"
VOIDED = "voided"
VOIDING = "a voiding statement"
STATUS = "the state of an assignment, not an event"
UNKNOWN_VERB = "verb: not mapped"
LEFT_OUT = "verb: left out by option"
SYSTEM = "made by the system"
NO_CREDIT = "browse or review mode"
NO_ACTOR = "actor without an identifier"
NO_MEMBERS = "group without members"
SET_ASIDE = frozenset({VOIDED, VOIDING, STATUS, UNKNOWN_VERB, LEFT_OUT, SYSTEM, NO_CREDIT})

_VOIDED_VERB = "adlnet.gov/expapi/verbs/voided"
_LEAVE = "leave"
_SUFFIXES = (".json", ".jsonl", ".ndjson")

_EXT = "$.context.extensions."
_PATHS: Mapping[str, str] = {
    "id": "$.id",
    "verb": "$.verb.id",
    "timestamp": "$.timestamp",
    "stored": "$.stored",
    "version": "$.version",
    "actor_type": "$.actor.objectType",
    "account": "$.actor.account.name",
    "home": "$.actor.account.homePage",
    "mbox": "$.actor.mbox",
    "sha1": "$.actor.mbox_sha1sum",
    "openid": "$.actor.openid",
    "members": "$.actor.member",
    "object_type": "$.object.objectType",
    "object": "$.object.id",
    "activity_type": "$.object.definition.type",
    "names": "$.object.definition.name",
    "parent": "$.context.contextActivities.parent[0].id",
    "lone_parent": "$.context.contextActivities.parent.id",
    "parent_type": "$.context.contextActivities.parent[0].definition.type",
    "parent_names": "$.context.contextActivities.parent[0].definition.name",
    "registration": "$.context.registration",
    "video_session": f'{_EXT}"https://w3id.org/xapi/video/extensions/session-id"',
    "cmi5_session": f'{_EXT}"https://w3id.org/xapi/cmi5/context/extensions/sessionid"',
    "edx_session": f'{_EXT}"https://w3id.org/xapi/openedx/extension/session-id"',
    "launch_mode": f'{_EXT}"https://w3id.org/xapi/cmi5/context/extensions/launchmode"',
    "scaled": "$.result.score.scaled",
    "raw": "$.result.score.raw",
    "low": "$.result.score.min",
    "high": "$.result.score.max",
    "success": "$.result.success",
    "duration": "$.result.duration",
    "video_progress": '$.result.extensions."https://w3id.org/xapi/video/extensions/progress"',
    "cmi5_progress": '$.result.extensions."https://w3id.org/xapi/cmi5/result/extensions/progress"',
}


@lru_cache(maxsize=1)
def words() -> Mapping[str, Any]:
    """Read the table of verbs, statuses and kinds; IRIs as they are compared."""
    text = resources.files("ldresearch.sources").joinpath("xapi_words.toml").read_text("utf-8")
    raw = tomllib.loads(text)
    return {
        "verbs": {bare(iri): verb for iri, verb in raw["verbs"].items()},
        "statuses": {bare(iri): status for iri, status in raw["statuses"].items()},
        "system": [bare(iri) for iri in raw["system"]["iris"]],
        "kinds": raw["kinds"],
        "untitled": raw["untitled"]["types"],
    }


def bare(iri: str) -> str:
    """Return an IRI as it is compared: no scheme, no closing slash, lower case.

    Parameters
    ----------
    iri : str

    Returns
    -------
    str
        Two IRIs that name the same thing come out equal.

    Examples
    --------
    >>> bare("HTTPS://w3id.org/xapi/video/verbs/Played/")
    'w3id.org/xapi/video/verbs/played'
    """
    text = iri.strip().lower().rstrip("/")
    return text.removeprefix("https://").removeprefix("http://")


def read(connection: duckdb.DuckDBPyConnection, path: Path, options: Mapping[str, str]) -> Reading:
    """Read statements from a file or a folder of files.

    Parameters
    ----------
    connection : duckdb connection
        The intake connection.
    path : Path
        A file, or a folder with files ending in ``.json``, ``.jsonl`` or ``.ndjson``, plain or
        ``.gz``: one statement a line, arrays, or pages of a learning record store.
    options : mapping
        See ``OPTIONS``.

    Returns
    -------
    Reading
        ``event`` (one row a statement, or one a member where a group acted), ``content``, and
        ``assignment`` where cmi5 statements waive or satisfy.
    """
    zone = options.get("time_zone", "UTC")
    clock.zone(zone)
    files = _find(path)
    _load(connection, files)
    _vocabulary(connection, _own_verbs(options))
    _persons(connection, options.get("accounts", ""))
    _judge(connection, zone, options.get("source", "xapi"))
    notes = _notes(connection, zone)
    tables: dict[str, list[str]] = {"event": [_EVENT], "content": [_CONTENT]}
    if notes["xapi"]["assignment_statuses"]:
        tables["assignment"] = [_ASSIGNMENT]
    return Reading(
        tables=tables,
        files=tuple(_files.described(f, "xapi") for f in files),
        notes=notes,
        # The name of an activity may change between two exports; the first stays.
        set_aside=SET_ASIDE
        | {"content: another row has this key", "assignment: another row has this key"},
    )


def _find(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(
        f
        for f in path.rglob("*")
        if f.is_file()
        and _files.plain_name(f).lower().endswith(_SUFFIXES)
        and not any(part.startswith(".") for part in f.relative_to(path).parts)
    )
    if not found:
        raise DataError(
            message("no file of statements in this folder", where="xapi", got=path.name,
                    allowed="files ending in " + ", ".join(_SUFFIXES) + ", plain or .gz")
        )  # fmt: skip
    return found


def _own_verbs(options: Mapping[str, str]) -> dict[str, str]:
    known = {*schema.EVENT["verb"].values, _LEAVE}
    own = _files.pairs(options.get("verbs", ""), "xapi verbs")
    for verb in own.values():
        if verb not in known:
            raise ParameterError(
                message("no such verb", where="xapi verbs", got=verb, do=did_you_mean(verb, known))
            )
    return {bare(iri): verb for iri, verb in own.items()}


def _batches(files: Sequence[Path]) -> Iterator[Any]:
    """Hand the statements over in batches of Arrow."""
    import pyarrow as pa

    for file in files:
        _files.step(f"reading {file.name}")
        texts: list[str | None] = []
        first, size = 1, 0
        for text in _json.statements(file):
            texts.append(text)
            size += len(text) if text else 0
            if size > 1 << 23 or len(texts) == 8192:
                yield _batch(pa, file, first, texts)
                first, texts, size = first + len(texts), [], 0
        if texts:
            yield _batch(pa, file, first, texts)


def _batch(pa: Any, file: Path, first: int, texts: list[str | None]) -> Any:
    return pa.record_batch(
        {
            "_file": pa.array([file.name] * len(texts), pa.string()),
            "_row": pa.array(range(first, first + len(texts)), pa.int64()),
            "text": pa.array([t if t is None else _encodable(t) for t in texts], pa.string()),
        }
    )


def _encodable(text: str) -> str | None:
    """Return a text, or ``None`` where it holds half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return text


def _load(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Take the statements apart as they stream by; the texts themselves are not kept."""
    import pyarrow as pa

    kinds = pa.schema([("_file", pa.string()), ("_row", pa.int64()), ("text", pa.string())])
    failed: list[DataError] = []

    def watched() -> Iterator[Any]:
        # The engine would wrap the error and lose its sentence.
        try:
            yield from _batches(files)
        except DataError as error:
            failed.append(error)

    paths = ", ".join(literal(p) for p in _PATHS.values())
    picked = ", ".join(f"nullif(p[{i}], '') AS {n}" for i, n in enumerate(_PATHS, start=1))
    connection.register("_stream", pa.RecordBatchReader.from_batches(kinds, watched()))
    try:
        connection.execute(
            f"""
            CREATE TEMP TABLE _statement AS SELECT _file, _row, is_json, {picked} FROM (
                SELECT _file, _row, coalesce(json_valid(text), false) AS is_json,
                    CASE WHEN json_valid(text) THEN json_extract_string(text, [{paths}]) END AS p
                FROM _stream
            )
            """
        )
    finally:
        connection.unregister("_stream")
    if failed:
        raise failed[0]


def _vocabulary(connection: duckdb.DuckDBPyConnection, own: Mapping[str, str]) -> None:
    known = words()
    rows: dict[str, tuple[str | None, str | None, str | None]] = {}
    for iri, verb in known["verbs"].items():
        rows[iri] = (verb, None, None)
    for iri, status in known["statuses"].items():
        rows[iri] = (None, status, STATUS)
    for iri in known["system"]:
        rows[iri] = (None, None, SYSTEM)
    rows[_VOIDED_VERB] = (None, None, VOIDING)
    for iri, verb in own.items():
        rows[iri] = (None, None, LEFT_OUT) if verb == _LEAVE else (verb, None, None)
    connection.execute("CREATE TEMP TABLE _word (iri TEXT, word TEXT, status TEXT, why TEXT)")
    connection.executemany(
        "INSERT INTO _word VALUES (?, ?, ?, ?)", [[iri, *row] for iri, row in rows.items()]
    )
    connection.execute("CREATE TEMP TABLE _kind (tail TEXT, kind TEXT)")
    connection.executemany(
        "INSERT INTO _kind VALUES (?, ?)", [list(item) for item in known["kinds"].items()]
    )


def _persons(connection: duckdb.DuckDBPyConnection, accounts: str) -> None:
    """Name the actor of each statement; a group becomes its members.

    The order is account name, mail address, its SHA-1, OpenID: the account is what an HR file
    knows too.
    """
    if accounts not in ("", "together", "apart"):
        raise ParameterError(
            message("unknown choice", where="xapi accounts", got=accounts,
                    allowed="together, apart")
        )  # fmt: skip
    member = ", ".join(
        f"json_extract_string(member, {literal(_PATHS[name].replace('$.actor', '$'))}) AS {name}"
        for name in ("account", "home", "mbox", "sha1", "openid")
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE _acted AS
        SELECT *, NULL::BIGINT AS n_member, false AS is_empty_group FROM _statement
        WHERE actor_type IS DISTINCT FROM 'Group'
        UNION ALL BY NAME
        SELECT * EXCLUDE (member), false AS is_empty_group FROM (
            SELECT * EXCLUDE (account, home, mbox, sha1, openid), {member} FROM (
                SELECT *, unnest(json_extract(members::JSON, '$[*]')) AS member,
                    generate_subscripts(json_extract(members::JSON, '$[*]'), 1) AS n_member
                FROM _statement WHERE actor_type = 'Group' AND json_valid(members)
            )
        )
        UNION ALL BY NAME
        SELECT *, NULL::BIGINT AS n_member, true AS is_empty_group FROM _statement
        WHERE actor_type = 'Group' AND coalesce(
            CASE WHEN json_valid(members) THEN json_array_length(members::JSON) END, 0) = 0
        """
    )
    if accounts == "":
        [(n_shared,)] = connection.execute(
            "SELECT count(*) FROM (SELECT lower(account) FROM _acted WHERE account IS NOT NULL "
            "GROUP BY 1 HAVING count(DISTINCT home) > 1)"
        ).fetchall()
        if n_shared:
            raise DataError(
                message(f"{n_shared:,} account names stand under more than one home page",
                        where="xapi", do="say whether they are one person: accounts=together, or "
                        "accounts=apart")
            )  # fmt: skip
    name = "account" if accounts != "apart" else "coalesce(home, '') || '|' || account"
    connection.execute(
        f"""
        CREATE TEMP TABLE _named AS
        SELECT *, coalesce({name}, regexp_replace(mbox, '^(?i)mailto:', ''), sha1, openid)
            AS person_id
        FROM _acted
        """
    )


def _instant(column: str, zone: str) -> str:
    """Return the expression of a staged instant; without an offset it is local to the zone."""
    naive = "0" if zone == "UTC" else instants.zone_offset(f"_clock_{column}", zone)
    return f"(_clock_{column} - to_seconds(coalesce(_offset_{column}, {naive})))"


def _staged(column: str) -> str:
    return (
        f"{instants.local(column)} AS _clock_{column}, "
        f"{instants.offset(column)} AS _offset_{column}"
    )


def _judge(connection: duckdb.DuckDBPyConnection, zone: str, source: str) -> None:
    """Date and value every statement and say why it is no event, if so."""
    untitled = ", ".join(literal(t) for t in words()["untitled"])
    tail = "lower(regexp_extract({}, '([^/#]+)/?$', 1))"
    connection.execute(
        f"""
        CREATE TEMP TABLE _valued AS
        SELECT s.*, w.word, w.status, w.why, w.iri IS NOT NULL AS is_known_verb,
            {_instant("timestamp", zone)} AS happened_at,
            {_instant("stored", zone)} AS stored_at,
            try_cast(round({instants.seconds("duration")}) AS INTEGER) AS duration_s,
            coalesce(try_cast(video_progress AS DOUBLE), try_cast(cmi5_progress AS DOUBLE) / 100)
                AS any_progress,
            try_cast(scaled AS DOUBLE) AS any_scaled,
            (try_cast(raw AS DOUBLE) - try_cast(low AS DOUBLE))
                / nullif(try_cast(high AS DOUBLE) - try_cast(low AS DOUBLE), 0) AS from_raw,
            coalesce(object_type, 'Activity') = 'Activity'
                AND object NOT ILIKE 'mailto:%' AND lower(object) IS DISTINCT FROM lower(person_id)
                AS is_activity,
            {tail.format("activity_type")} AS type_tail,
            {tail.format("parent_type")} AS parent_tail
        FROM (SELECT *, {_staged("timestamp")}, {_staged("stored")} FROM _named) AS s
        LEFT JOIN _word AS w ON w.iri =
            regexp_replace(rtrim(lower(trim(s.verb)), '/'), '^https?://', '')
        """
    )
    connection.execute("DROP TABLE _acted")
    connection.execute("DROP TABLE _named")
    connection.execute(
        f"""
        CREATE TEMP TABLE _xapi AS
        SELECT *,
            lower(id) || CASE WHEN n_member > 0 THEN '#' || n_member ELSE '' END AS event_id,
            coalesce(happened_at, stored_at) AS occurred_at,
            CASE WHEN is_activity THEN object END AS content_id,
            CASE WHEN any_progress BETWEEN 0 AND 1 THEN any_progress END AS progress,
            CASE WHEN any_scaled BETWEEN -1 AND 1 THEN any_scaled
                 WHEN any_scaled IS NULL AND from_raw BETWEEN 0 AND 1 THEN from_raw END AS score,
            CASE WHEN type_tail NOT IN ({untitled}) OR type_tail IS NULL
                THEN {_name("names")} END AS title,
            {literal(source)} AS source,
            CASE
                WHEN NOT is_json THEN {literal(BROKEN)}
                WHEN verb IS NULL OR (actor_type IS NULL AND person_id IS NULL)
                    THEN {literal(NO_STATEMENT)}
                WHEN why = {literal(VOIDING)} THEN why
                WHEN lower(id) IN (
                    SELECT lower(object) FROM _valued
                    WHERE why = {literal(VOIDING)} AND object_type = 'StatementRef'
                ) THEN {literal(VOIDED)}
                WHEN NOT is_known_verb THEN {literal(UNKNOWN_VERB)}
                WHEN lower(launch_mode) IN ('browse', 'review') THEN {literal(NO_CREDIT)}
                WHEN why IS NOT NULL THEN why
                WHEN is_empty_group THEN {literal(NO_MEMBERS)}
                WHEN person_id IS NULL THEN {literal(NO_ACTOR)}
                WHEN timestamp IS NULL AND stored IS NULL THEN 'timestamp and stored are missing'
                WHEN timestamp IS NOT NULL AND happened_at IS NULL THEN 'timestamp is no instant'
                WHEN stored IS NOT NULL AND stored_at IS NULL THEN 'stored is no instant'
            END AS _reason
        FROM _valued
        """
    )
    connection.execute("DROP TABLE _valued")


def _name(column: str) -> str:
    """Return the expression of a language map's English name, or its first."""
    value = f"CASE WHEN json_valid({column}) THEN {column}::JSON END"
    return (
        f"coalesce(json_extract_string({value}, '$.\"en-US\"'), "
        f"json_extract_string({value}, '$.en'), json_extract_string({value}, '$.\"en-GB\"'), "
        f"json_extract_string({value}, '$.*')[1])"
    )


_EVENT = """
SELECT event_id, CASE WHEN _reason IS NULL THEN person_id END AS person_id, occurred_at,
    coalesce(stored_at, occurred_at) AS recorded_at, word AS verb, content_id,
    registration AS attempt_id, coalesce(video_session, cmi5_session, edx_session) AS session_id,
    duration_s, progress, score, try_cast(success AS BOOLEAN) AS is_success, source,
    _file, _row, _reason
FROM _xapi
"""
# LMS-made states: no date of assignment is invented.
_ASSIGNMENT = f"""
SELECT registration || '|' || object AS assignment_id, person_id, object AS content_id,
    'system' AS assigned_by, status, coalesce(happened_at, stored_at) AS status_at, _file, _row
FROM _xapi
WHERE _reason = {literal(STATUS)} AND person_id IS NOT NULL AND is_activity
QUALIFY row_number() OVER (
    PARTITION BY person_id, registration, object
    ORDER BY coalesce(happened_at, stored_at) DESC, status
) = 1
"""
_PARENT = "coalesce(parent, lone_parent)"
_CONTENT = f"""
SELECT content_id, min(title) AS title, min(kind) AS kind, min(parent_id) AS parent_id FROM (
    SELECT content_id, title, coalesce(k.kind, 'other') AS kind,
        CASE WHEN {_PARENT} <> content_id THEN {_PARENT} END AS parent_id
    FROM _xapi AS s LEFT JOIN _kind AS k ON k.tail = s.type_tail
    WHERE _reason IS NULL AND content_id IS NOT NULL
    UNION ALL BY NAME
    SELECT {_PARENT} AS content_id, {_name("parent_names")} AS title,
        coalesce(k.kind, 'other') AS kind
    FROM _xapi AS s LEFT JOIN _kind AS k ON k.tail = s.parent_tail
    WHERE _reason IS NULL AND {_PARENT} IS NOT NULL AND {_PARENT} NOT IN (
        SELECT content_id FROM _xapi WHERE _reason IS NULL AND content_id IS NOT NULL
    )
) GROUP BY content_id
"""


def _notes(connection: duckdb.DuckDBPyConnection, zone: str) -> dict[str, Any]:
    """Count what the intake report shows: verbs, versions, groups, voids, unusable values."""

    def counts(sql: str) -> dict[str, int]:
        return {str(k): int(n) for k, n in connection.execute(sql).fetchall()}

    [row] = connection.execute(
        f"""
        SELECT count(*) FILTER (_reason = {literal(VOIDED)}),
            count(*) FILTER (_reason = {literal(VOIDING)}),
            count(*) FILTER (_reason = {literal(STATUS)}),
            count(DISTINCT (_file, _row)) FILTER (n_member > 0),
            count(*) FILTER (n_member > 0),
            count(*) FILTER (_reason IS NULL AND timestamp IS NULL),
            count(*) FILTER (_reason IS NULL AND stored IS NULL),
            count(*) FILTER (_reason IS NULL AND id IS NULL),
            count(*) FILTER (_reason IS NULL AND timestamp IS NOT NULL
                             AND _offset_timestamp IS NULL),
            count(*) FILTER (_reason IS NULL AND duration IS NOT NULL AND duration_s IS NULL),
            count(*) FILTER (_reason IS NULL AND any_progress IS NOT NULL AND progress IS NULL),
            count(*) FILTER (_reason IS NULL AND score IS NULL
                             AND (scaled IS NOT NULL OR raw IS NOT NULL))
        FROM _xapi
        """
    ).fetchall()
    names = (
        "voided", "voiding_statements", "assignment_statuses", "groups_expanded", "group_members",
        "timestamp_taken_from_stored", "stored_missing_taken_as_timestamp",
        "without_id_named_by_content", "timestamps_without_a_zone", "unusable_durations",
        "unusable_progress", "unusable_scores",
    )  # fmt: skip
    notes: dict[str, Any] = dict(zip(names, map(int, row), strict=True))
    notes["zone_of_timestamps_without_one"] = zone
    notes["statements"] = counts("SELECT _file, count(*) FROM _statement GROUP BY 1 ORDER BY 1")
    notes["verbs"] = counts(
        "SELECT coalesce(verb, 'none'), count(*) FROM _statement GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    notes["verbs_not_mapped"] = counts(
        f"SELECT verb, count(*) FROM _xapi WHERE _reason = {literal(UNKNOWN_VERB)} "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    notes["versions"] = counts(
        "SELECT coalesce(version, 'not stated'), count(*) FROM _statement GROUP BY 1 ORDER BY 1"
    )
    _refuse_if_nothing(connection, notes["verbs_not_mapped"])
    return {"xapi": notes}


def _refuse_if_nothing(
    connection: duckdb.DuckDBPyConnection, not_mapped: Mapping[str, int]
) -> None:
    """Refuse a source of which no statement is an event because no verb is known."""
    [(n_rows, n_good)] = connection.execute(
        "SELECT count(*), count(*) FILTER (_reason IS NULL) FROM _xapi"
    ).fetchall()
    if n_rows and not n_good and not_mapped:
        raise DataError(
            message("no statement has a verb that is known here", where="xapi",
                    got=", ".join(list(not_mapped)[:3]),
                    do="map your verbs with the option verbs, as IRI=verb")
        )  # fmt: skip
