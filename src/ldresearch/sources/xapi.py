"""xAPI statements, 1.0.3 and 2.0: cmi5, the video profile, Open edX and others.

The engine reads a large file of one statement a line by itself; everything else is parted into
statements as it streams. Either way the engine takes them apart. What is not an event is counted
under its reason, so rows in are rows out and rejected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldresearch import clock, handover, instants, schema
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

BY_ENGINE = 1 << 23
"""Bytes from which the engine reads a file of lines itself; below nothing is gained."""
_LONGEST_LINE, _BUFFER = 1 << 24, 1 << 25
"""Bytes of a line that the engine takes, and of what it reads at once."""
_ORDINARY = r"(?s)[ \t]*[!-~](?:.*[!-~])?[ \t\r]*"
"""A line on which this reader and the engine agree where the text begins and ends."""
_PAGE = r'^\s*\{\s*"(?:more|statements)"'

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
    "object_type": "$.object.objectType",
    "object": "$.object.id",
    "activity_type": "$.object.definition.type",
    "names": "$.object.definition.name",
    "parents": "$.context.contextActivities.parent",
    "registration": "$.context.registration",
    "video_session": f'{_EXT}"https://w3id.org/xapi/video/extensions/session-id"',
    "cmi5_session": f'{_EXT}"https://w3id.org/xapi/cmi5/context/extensions/sessionid"',
    "edx_session": f'{_EXT}"https://w3id.org/xapi/openedx/extension/session-id"',
    "launch_mode": f'{_EXT}"https://w3id.org/xapi/cmi5/context/extensions/launchmode"',
    "scaled": "$.result.score.scaled",
    "raw": "$.result.score.raw",
    "success": "$.result.success",
    "duration": "$.result.duration",
    "result_extensions": "$.result.extensions",
}
"""What is looked up in every statement; each path costs, so the rest waits in ``_RARE``."""
_RARE: Mapping[str, tuple[str, str, str]] = {
    "sha1": ("text", "$.actor.mbox_sha1sum", "account IS NULL AND mbox IS NULL"),
    "openid": ("text", "$.actor.openid", "account IS NULL AND mbox IS NULL"),
    "members": ("text", "$.actor.member", "actor_type = 'Group'"),
    "low": ("text", "$.result.score.min", "raw IS NOT NULL"),
    "high": ("text", "$.result.score.max", "raw IS NOT NULL"),
    "parent": ("parents", "$[0].id", "json_valid(parents)"),
    "lone_parent": ("parents", "$.id", "json_valid(parents)"),
    "parent_type": ("parents", "$[0].definition.type", "json_valid(parents)"),
    "parent_names": ("parents", "$[0].definition.name", "json_valid(parents)"),
    "video_progress": (
        "result_extensions",
        '$."https://w3id.org/xapi/video/extensions/progress"',
        "json_valid(result_extensions)",
    ),
    "cmi5_progress": (
        "result_extensions",
        '$."https://w3id.org/xapi/cmi5/result/extensions/progress"',
        "json_valid(result_extensions)",
    ),
}
"""Name to the text that holds it, the path in it, and when it is looked for at all."""


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
    accounts = options.get("accounts", "")
    if accounts not in ("", "together", "apart"):
        raise ParameterError(
            message("unknown choice", where="xapi accounts", got=accounts,
                    allowed="together, apart")
        )  # fmt: skip
    own = _own_verbs(options)
    with _files.describing(files, "xapi") as described:
        _load(connection, files, partial(_taken_apart, zone, accounts))
        _vocabulary(connection, own)
        _members(connection, accounts)
        if accounts == "":
            _refuse_shared_names(connection)
        _judge(connection, options.get("source", "xapi"))
        notes = _notes(connection, zone)
        tables: dict[str, list[str]] = {"event": [_EVENT], "content": [_CONTENT]}
        if notes["xapi"]["assignment_statuses"]:
            tables["assignment"] = [_ASSIGNMENT]
        return Reading(
            tables=tables,
            files=described(),
            notes=notes,
            # The name of an activity may change between two exports; the first stays.
            set_aside=SET_ASIDE
            | {"content: another row has this key", "assignment: another row has this key"},
            scratch=("_statement", "_member"),
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


def _batches(files: Mapping[int, Path]) -> Iterator[Any]:
    """Hand the statements of numbered files over in batches of Arrow."""
    for number, file in files.items():
        _files.step(f"reading {file.name}")
        texts: list[str | None] = []
        first, size = 1, 0
        for text in _json.statements(file):
            texts.append(text)
            size += len(text) if text else 0
            if size > 1 << 23 or len(texts) == 8192:
                yield _batch(number, first, texts)
                first, texts, size = first + len(texts), [], 0
        if texts:
            yield _batch(number, first, texts)


def _batch(number: int, first: int, texts: list[str | None]) -> Any:
    import numpy as np
    import pyarrow as pa

    rows = np.arange(first, first + len(texts), dtype=np.int64)
    return pa.record_batch(
        {
            "_at": handover.numbers(np.full(len(texts), number, np.int32)),
            "_row": handover.numbers(rows),
            "text": handover.texts([t if t is None else _encodable(t) for t in texts]),
        }
    )


def _encodable(text: str) -> str | None:
    """Return a text, or ``None`` where it holds half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return text


# Reading ---------------------------------------------------------------------------------------

_Apart = Callable[[str], str]
"""From a source of statements to the query that takes them apart."""
_PICKED = f"[{', '.join(literal(p) for p in _PATHS.values())}]"
_IF_JSON = f"CASE WHEN json_valid(text) THEN json_extract_string(text, {_PICKED}) END"
_IS_PLAIN = (
    r"(strlen(text) = length(text) AND NOT contains(text, '\') AND NOT contains(text, chr(127)))"
)
"""All of a statement is printable ASCII: JSON has control characters only behind a backslash."""


def _load(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], apart: _Apart) -> None:
    """Take the statements apart as they stream by; the texts themselves are not kept.

    A statement's number is its place among those of its file; ``_file`` says where in
    ``_statement`` the statements of a file begin that the engine counted itself.
    """
    connection.execute("CREATE TEMP TABLE _file (number INTEGER, name TEXT, first BIGINT)")
    waiting: dict[int, Path] = {}
    into, first = "CREATE TEMP TABLE _statement AS", 0
    for number, file in enumerate(files):
        connection.execute("INSERT INTO _file VALUES (?, ?, ?)", [number, file.name, first])
        if not _by_engine(connection, number, file, apart, into):
            waiting[number] = file
            continue
        into = "INSERT INTO _statement"
        [(first,)] = connection.execute("SELECT count(*) FROM _statement").fetchall()
    if waiting:
        _by_hand(connection, waiting, apart, into)


def _by_engine(
    connection: duckdb.DuckDBPyConnection, number: int, file: Path, apart: _Apart, into: str
) -> bool:
    """Let the engine read a file, one statement a line; tell whether it could.

    It reads lines strictly: what it does not take as it stands (bytes that are no UTF-8, mixed
    line ends, a page on a line) is refused as a whole and left to the careful reader. The first
    attempt trusts every line to be JSON; the second asks each.
    """
    import duckdb

    if file.stat().st_size < BY_ENGINE or not _json.is_lines(file):
        return False
    _files.step(f"reading {file.name}")
    lines = _files.lines(file, longest=_LONGEST_LINE, buffer=_BUFFER)
    if not lines:
        return False
    verb = list(_PATHS).index("verb") + 1
    is_json = (
        f"CASE WHEN p[{verb}] IS NOT NULL THEN true "
        f"WHEN p IS NULL AND NOT regexp_full_match(text, {literal(_ORDINARY)}) "
        "THEN error('blank' || text[:0]) "
        f"WHEN regexp_matches(text, {literal(_PAGE)}) THEN error('page' || text[:0]) "
        "ELSE p IS NOT NULL END"
    )
    for extract in (f"json_extract_string(text, {_PICKED})", _IF_JSON):
        source = (
            f"SELECT {number} AS _at, NULL::BIGINT AS _row, text, p, {is_json} AS is_json, "
            f"{_IS_PLAIN} AS _is_plain "
            f"FROM (SELECT text, {extract} AS p FROM {lines} WHERE text IS NOT NULL)"
        )
        try:
            connection.execute(f"{into} {apart(source)}")
        except duckdb.Error:
            continue
        return True
    return False


def _by_hand(
    connection: duckdb.DuckDBPyConnection, files: Mapping[int, Path], apart: _Apart, into: str
) -> None:
    import pyarrow as pa

    kinds = pa.schema([("_at", pa.int32()), ("_row", pa.int64()), ("text", pa.string())])
    failed: list[DataError] = []

    def watched() -> Iterator[Any]:
        # The engine would wrap the error and lose its sentence.
        try:
            yield from _batches(files)
        except DataError as error:
            failed.append(error)

    connection.register("_stream", pa.RecordBatchReader.from_batches(kinds, watched()))
    source = (
        f"SELECT _at, _row, text, p, p IS NOT NULL AS is_json, {_IS_PLAIN} AS _is_plain "
        f"FROM (SELECT _at, _row, text, {_IF_JSON} AS p FROM _stream)"
    )
    try:
        connection.execute(f"{into} {apart(source)}")
    finally:
        connection.unregister("_stream")
    if failed:
        raise failed[0]


def _taken_apart(zone: str, accounts: str, source: str) -> str:
    """Return the query that makes a row of typed columns of each statement, around its source."""
    picked = ", ".join(f"nullif(p[{i}], '') AS {n}" for i, n in enumerate(_PATHS, start=1))
    rare = ", ".join(
        f"CASE WHEN is_json AND {asked} "
        f"THEN nullif(json_extract_string({of}, {literal(path)}), '') END AS {name}"
        for name, (of, path, asked) in _RARE.items()
    )
    staged, happened, stored = "", instants.utc("timestamp"), instants.utc("stored")
    if zone != "UTC":
        staged = f", {_staged('timestamp')}, {_staged('stored')}"
        happened, stored = _instant("timestamp", zone), _instant("stored", zone)
    scaled, raw, low, high = (f"try_cast({n} AS DOUBLE)" for n in ("scaled", "raw", "low", "high"))
    return f"""
        SELECT _at, _row, is_json, _is_plain, verb, lower(id) AS id, version,
            actor_type IS NOT NULL AS has_actor_type,
            actor_type IS NOT DISTINCT FROM 'Group' AS is_group,
            CASE WHEN actor_type = 'Group' THEN members END AS members,
            {_PERSON.format(_account(accounts))} AS person_id,
            {_HOME} AS home,
            object, object_type IS NOT DISTINCT FROM 'StatementRef' AS is_reference,
            coalesce(object_type, 'Activity') = 'Activity'
                AND lower(left(object, 7)) <> 'mailto:' AS may_be_activity,
            {happened} AS happened_at, {stored} AS stored_at,
            timestamp IS NOT NULL AS has_timestamp, stored IS NOT NULL AS has_stored,
            {instants.offset("timestamp")} IS NOT NULL AS has_zone,
            duration IS NOT NULL AS has_duration,
            try_cast(round({instants.seconds("duration")}) AS INTEGER) AS duration_s,
            coalesce(try_cast(video_progress AS DOUBLE), try_cast(cmi5_progress AS DOUBLE) / 100)
                AS any_progress,
            scaled IS NOT NULL OR raw IS NOT NULL AS has_score,
            CASE WHEN {scaled} IS NOT NULL
                THEN CASE WHEN {scaled} BETWEEN -1 AND 1 THEN {scaled} END
                WHEN raw IS NOT NULL THEN ({raw} - {low}) / nullif({high} - {low}, 0) END
                AS any_score,
            {scaled} IS NOT NULL AS is_scaled,
            try_cast(success AS BOOLEAN) AS is_success,
            registration, coalesce(video_session, cmi5_session, edx_session) AS session_id,
            coalesce(lower(launch_mode) IN ('browse', 'review'), false) AS is_no_credit,
            activity_type, names, coalesce(parent, lone_parent) AS parent, parent_type, parent_names
        FROM (
            SELECT *, {rare}{staged}
            FROM (SELECT _at, _row, text, is_json, _is_plain, {picked} FROM ({source}))
        )
    """


_PERSON = "coalesce({}, regexp_replace(mbox, '^(?i)mailto:', ''), sha1, openid)"
"""The order is account name, mail address, its SHA-1, OpenID: an HR file knows the account too."""
_HOME = "CASE WHEN account IS NOT NULL AND home IS NOT NULL THEN hash(home) END"
"""Home pages are only told apart."""


def _account(accounts: str) -> str:
    return "account" if accounts != "apart" else "coalesce(home, '') || '|' || account"


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
    _put(connection, "_word (iri, word, status, why)", [(iri, *row) for iri, row in rows.items()])
    _put(connection, "_kind (tail, kind)", list(known["kinds"].items()))


def _put(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[str | None, ...]]
) -> None:
    """Make a small table of texts; the engine takes long to read them as a statement."""
    import pyarrow as pa

    name, columns = table.rstrip(")").split(" (")
    texts = zip(*rows, strict=True)
    named = zip(columns.split(", "), texts, strict=True)
    given = pa.table({column: handover.texts(cells) for column, cells in named})
    connection.register("_given", given)
    connection.execute(f"CREATE TEMP TABLE {name} AS FROM _given")
    connection.unregister("_given")


def _path(name: str) -> str:
    """Return where something stands in a statement."""
    return _PATHS[name] if name in _PATHS else _RARE[name][1]


def _members(connection: duckdb.DuckDBPyConnection, accounts: str) -> None:
    """Let each member of a group have acted; a group without members stays as it is."""
    member = ", ".join(
        f"json_extract_string(member, {literal(_path(name).replace('$.actor', '$'))}) AS {name}"
        for name in ("account", "home", "mbox", "sha1", "openid")
    )
    found = "CASE WHEN json_valid(members) THEN json_extract(members::JSON, '$[*]') END"
    connection.execute(
        f"""
        CREATE TEMP TABLE _member AS
        SELECT * EXCLUDE (member, account, home, mbox, sha1, openid),
            {_PERSON.format(_account(accounts))} AS person_id, {_HOME} AS home
        FROM (
            SELECT * EXCLUDE (found), {member} FROM (
                SELECT *, unnest(found) AS member, generate_subscripts(found, 1) AS n_member
                FROM (
                    SELECT * EXCLUDE (person_id, home, members), rowid AS _of, {found} AS found
                    FROM _statement WHERE is_group
                )
            )
        )
        UNION ALL BY NAME
        SELECT * EXCLUDE (members), rowid AS _of FROM _statement WHERE is_group AND coalesce(
            CASE WHEN json_valid(members) THEN json_array_length(members::JSON) END, 0) = 0
        """
    )
    connection.execute(
        """
        CREATE TEMP VIEW _acted AS
        SELECT * EXCLUDE (members), rowid AS _of, NULL::BIGINT AS n_member FROM _statement
        WHERE NOT is_group
        UNION ALL BY NAME SELECT * FROM _member
        """
    )


def _refuse_shared_names(connection: duckdb.DuckDBPyConnection) -> None:
    [(n_shared,)] = connection.execute(
        "SELECT count(*) FROM (SELECT lower(person_id) FROM _acted WHERE home IS NOT NULL "
        "GROUP BY 1 HAVING min(home) <> max(home))"
    ).fetchall()
    if n_shared:
        raise DataError(
            message(f"{n_shared:,} account names stand under more than one home page",
                    where="xapi", do="say whether they are one person: accounts=together, or "
                    "accounts=apart")
        )  # fmt: skip


def _instant(column: str, zone: str) -> str:
    """Return the expression of a staged instant; without an offset it is local to the zone."""
    naive = "0" if zone == "UTC" else instants.zone_offset(f"_clock_{column}", zone)
    return f"(_clock_{column} - to_seconds(coalesce(_offset_{column}, {naive})))"


def _staged(column: str) -> str:
    return (
        f"{instants.local(column)} AS _clock_{column}, "
        f"{instants.offset(column)} AS _offset_{column}"
    )


def _judge(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Say of every statement what it is worth, and why it is no event, if so."""
    connection.execute(
        """
        CREATE TEMP TABLE _verb AS
        SELECT verb, n, word, status, why, iri IS NOT NULL AS is_known
        FROM (SELECT verb, count(*) AS n FROM _statement GROUP BY verb)
        LEFT JOIN _word ON iri = regexp_replace(rtrim(lower(trim(verb)), '/'), '^https?://', '')
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE _void AS SELECT DISTINCT lower(object) AS id
        FROM _statement JOIN _verb USING (verb)
        WHERE why = {literal(VOIDING)} AND is_reference AND object IS NOT NULL
        """
    )
    connection.execute(
        f"""
        CREATE TEMP VIEW _xapi AS
        SELECT s.* EXCLUDE (_row),
            id || CASE WHEN n_member > 0 THEN '#' || n_member ELSE '' END AS event_id,
            coalesce(happened_at, stored_at) AS occurred_at,
            CASE WHEN may_be_activity AND lower(object) IS DISTINCT FROM lower(person_id)
                THEN object END AS content_id,
            CASE WHEN any_progress BETWEEN 0 AND 1 THEN any_progress END AS progress,
            CASE WHEN is_scaled OR any_score BETWEEN 0 AND 1 THEN any_score END AS score,
            v.word, v.status, {literal(source)} AS source, f.name AS _file,
            coalesce(_row, _of - f.first + 1) AS _row,
            CASE
                WHEN NOT is_json THEN {literal(BROKEN)}
                WHEN s.verb IS NULL OR NOT has_actor_type AND person_id IS NULL
                    THEN {literal(NO_STATEMENT)}
                WHEN why = {literal(VOIDING)} THEN why
                WHEN id IN (FROM _void) THEN {literal(VOIDED)}
                WHEN NOT is_known THEN {literal(UNKNOWN_VERB)}
                WHEN is_no_credit THEN {literal(NO_CREDIT)}
                WHEN why IS NOT NULL THEN why
                WHEN is_group AND n_member IS NULL THEN {literal(NO_MEMBERS)}
                WHEN person_id IS NULL THEN {literal(NO_ACTOR)}
                WHEN NOT has_timestamp AND NOT has_stored THEN 'timestamp and stored are missing'
                WHEN has_timestamp AND happened_at IS NULL THEN 'timestamp is no instant'
                WHEN has_stored AND stored_at IS NULL THEN 'stored is no instant'
            END AS _reason
        FROM _acted AS s JOIN _file AS f ON f.number = s._at LEFT JOIN _verb AS v ON v.verb = s.verb
        """
    )


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
    registration AS attempt_id, session_id, duration_s, progress, score, is_success, source,
    _file, _row, _is_plain, _reason
FROM _xapi
"""
# LMS-made states: no date of assignment is invented.
_ASSIGNMENT = f"""
SELECT registration || '|' || object AS assignment_id, person_id, object AS content_id,
    'system' AS assigned_by, status, coalesce(happened_at, stored_at) AS status_at, _file, _row
FROM _xapi
WHERE _reason = {literal(STATUS)} AND person_id IS NOT NULL AND content_id IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY person_id, registration, object
    ORDER BY coalesce(happened_at, stored_at) DESC, status
) = 1
"""
_TAIL = "lower(regexp_extract({}, '([^/#]+)/?$', 1))"
_UNTITLED = ", ".join(literal(t) for t in words()["untitled"])
_CONTENT = f"""
WITH met AS (
    SELECT content_id, activity_type, names, parent, parent_type, parent_names, count(*)
    FROM _xapi WHERE _reason IS NULL AND (content_id IS NOT NULL OR parent IS NOT NULL)
    GROUP BY ALL
)
SELECT content_id, min(title) AS title, min(kind) AS kind, min(parent_id) AS parent_id FROM (
    SELECT content_id, coalesce(k.kind, 'other') AS kind,
        CASE WHEN ending NOT IN ({_UNTITLED}) OR ending IS NULL THEN {_name("names")} END AS title,
        CASE WHEN parent <> content_id THEN parent END AS parent_id
    FROM (SELECT *, {_TAIL.format("activity_type")} AS ending FROM met) AS s
    LEFT JOIN _kind AS k ON k.tail = s.ending
    WHERE content_id IS NOT NULL
    UNION ALL BY NAME
    SELECT parent AS content_id, {_name("parent_names")} AS title,
        coalesce(k.kind, 'other') AS kind
    FROM (SELECT *, {_TAIL.format("parent_type")} AS ending FROM met) AS s
    LEFT JOIN _kind AS k ON k.tail = s.ending
    WHERE parent IS NOT NULL
        AND parent NOT IN (SELECT content_id FROM met WHERE content_id IS NOT NULL)
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
            (SELECT count(DISTINCT _of) FROM _member WHERE n_member > 0),
            count(*) FILTER (n_member > 0),
            count(*) FILTER (_reason IS NULL AND NOT has_timestamp),
            count(*) FILTER (_reason IS NULL AND NOT has_stored),
            count(*) FILTER (_reason IS NULL AND id IS NULL),
            count(*) FILTER (_reason IS NULL AND has_timestamp AND NOT has_zone),
            count(*) FILTER (_reason IS NULL AND has_duration AND duration_s IS NULL),
            count(*) FILTER (_reason IS NULL AND any_progress IS NOT NULL AND progress IS NULL),
            count(*) FILTER (_reason IS NULL AND score IS NULL AND has_score),
            count(*), count(*) FILTER (_reason IS NULL)
        FROM _xapi
        """
    ).fetchall()
    *row, n_rows, n_good = row
    names = (
        "voided", "voiding_statements", "assignment_statuses", "groups_expanded", "group_members",
        "timestamp_taken_from_stored", "stored_missing_taken_as_timestamp",
        "without_id_named_by_content", "timestamps_without_a_zone", "unusable_durations",
        "unusable_progress", "unusable_scores",
    )  # fmt: skip
    notes: dict[str, Any] = dict(zip(names, map(int, row), strict=True))
    notes["zone_of_timestamps_without_one"] = zone
    notes["statements"] = counts(
        "SELECT name, sum(n) FROM (SELECT _at, count(*) AS n FROM _statement GROUP BY 1) "
        "JOIN _file ON number = _at GROUP BY 1 ORDER BY 1"
    )
    notes["verbs"] = counts(
        "SELECT coalesce(verb, 'none'), sum(n) FROM _verb GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    notes["verbs_not_mapped"] = {}
    if counts("SELECT verb, n FROM _verb WHERE verb IS NOT NULL AND NOT is_known"):
        notes["verbs_not_mapped"] = counts(
            f"SELECT verb, count(*) FROM _xapi WHERE _reason = {literal(UNKNOWN_VERB)} "
            "GROUP BY 1 ORDER BY 2 DESC, 1"
        )
    notes["versions"] = counts(
        "SELECT coalesce(version, 'not stated'), count(*) FROM _statement GROUP BY 1 ORDER BY 1"
    )
    if n_rows and not n_good and notes["verbs_not_mapped"]:
        raise DataError(
            message("no statement has a verb that is known here", where="xapi",
                    got=", ".join(list(notes["verbs_not_mapped"])[:3]),
                    do="map your verbs with the option verbs, as IRI=verb")
        )  # fmt: skip
    return {"xapi": notes}
