"""The shelf of reports: what each said, as of a date, read from the facts beside its page.

Facts are published numbers: whatever was hidden on the page is not in them. They are read here
and nowhere else by what runs in a notebook; pages are never read.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldresearch import places
from ldresearch.errors import ParameterError, message

if TYPE_CHECKING:
    import pandas as pd

FACTS: Final = ".facts.json"
FAILED: Final = ".failed.json"

NARROWING: Final = ("unit", "role", "level", "country", "location")
"""Parameters that choose a part of the organisation; its report lies beside that of the whole."""

SENTENCES: Final = "five_sentences"
"""Name of the result that a summary shows; its rows go to the index."""

_LONGEST = 40
_FIELDS = ("report", "headline", "facts", "checks", "rules", "provenance", "run_id")


def slug(name: str) -> str:
    """Turn any name into one safe step of a path, the same each time and never two alike.

    Examples
    --------
    >>> slug("harbour"), slug("R&D / EMEA"), slug("../up")
    ('harbour', 'r-d-emea-62317a', 'up-8c722b')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    kept = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    if kept and kept == name:
        return kept
    told_apart = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{kept or 'client'}-{told_apart}"


def part(values: Mapping[str, Any]) -> str:
    """Name the part of the organisation that parameters choose, as files are named; empty: all.

    Examples
    --------
    >>> part({"unit": "sales", "level": ""}), part({})
    ('--sales', '')
    """
    return "".join(f"--{slug(str(values[key]))}" for key in NARROWING if values.get(key))


@dataclass(frozen=True, slots=True)
class Shelved:
    """One report: what it said last as of a date, and what it had said before.

    Attributes
    ----------
    name : str
        ``20_adoption``, and ``20_adoption--sales`` for a part of the organisation.
    facts : mapping
        Of the newest run; empty where none was published.
    before : mapping
        Of the run it is compared with; empty where there is none.
    failed_as_of : str
        As-of date of a later run that failed; empty where none did.
    """

    name: str
    facts: Mapping[str, Any]
    before: Mapping[str, Any]
    failed_as_of: str = ""

    @property
    def as_of(self) -> str:
        """As-of date of the newest run; empty where there is none."""
        return str(self.facts["report"]["as_of"]) if self.facts else ""

    @property
    def is_complete(self) -> bool:
        """Whether its plan asks for no later run."""
        return bool(self.facts) and is_last(self.facts)

    def is_stale(self, as_of: date, fresh_days: int) -> bool:
        """Whether it is older than so many days, and should have been run again."""
        if not self.facts or self.is_complete:
            return False
        return date.fromisoformat(self.as_of) + timedelta(days=fresh_days) < as_of


def folder(given: str = "") -> Path:
    """Turn a parameter into the folder of reports; empty means the project's own.

    Raises
    ------
    ParameterError
        For a path that is relative: it would depend on who runs the notebook from where.
    """
    if not given:
        return places.reports_home()
    path = Path(given)
    if "\x00" in given or not path.is_absolute():
        raise ParameterError(
            message("the folder of reports is named by its absolute path", where="reports",
                    do="leave it empty for the project's own folder")
        )  # fmt: skip
    return path


def read(
    reports: Path, client: str, as_of: date, *, population: str = "", leave_out: str = "",
    since: date | None = None, public: bool = True, k: int = 1, base: int = 1,
) -> list[Shelved]:  # fmt: skip
    """Read what every report of a client had said by a date.

    Parameters
    ----------
    reports : Path
        Folder with ``<client>/<as_of>/<name>.facts.json``.
    client : str
    as_of : datetime.date
        Reports of a later date do not exist yet.
    population : str
        As :func:`part` names it: reports about that part and no other.
    leave_out : str
        Name of a report that is not read: one's own.
    since : datetime.date, optional
        Compare with the newest run of that day or an earlier one; by default with the run before.
    public, k, base : bool and int
        The disclosure rules in force: facts that were published under weaker ones are passed over.

    Returns
    -------
    list of Shelved
        By name. A file that cannot be read is passed over: the run before it then counts.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    failed: dict[str, str] = {}
    for path in _files(reports, client, as_of, population, leave_out):
        if path.name.endswith(FAILED):
            failed[path.name.removesuffix(FAILED)] = _failed_as_of(path)
            continue
        facts = _facts(path)
        if facts and facts["report"]["client"] == client and (
            public or _as_strict(facts["rules"], k, base)
        ):  # fmt: skip
            runs.setdefault(path.name.removesuffix(FACTS), []).append(facts)
    found = []
    for name in sorted({*runs, *failed}):
        every = sorted(runs.get(name, []), key=lambda f: str(f["report"]["as_of"]))
        now: Mapping[str, Any] = every[-1] if every else {}
        when = failed.get(name, "")
        if (every and when < str(now["report"]["as_of"])) or when > as_of.isoformat():
            when = ""  # a later run succeeded, or the failure lies ahead
        if every or when:
            found.append(Shelved(name, now, _before(every, since), when))
    return found


def _as_strict(rules: Mapping[str, Any], k: int, base: int) -> bool:
    if rules.get("public") is not False:
        return False
    return int(rules["k"]) >= k and int(rules["base"]) % base == 0


def _before(runs: Sequence[dict[str, Any]], since: date | None) -> dict[str, Any]:
    """Return the run that the newest is compared with: one with the same settings."""
    last_day = since.isoformat() if since else "9999"
    alike = [
        run
        for run in runs[:-1]
        if str(run["report"]["as_of"]) <= last_day and not other_settings(run, runs[-1])
    ]
    return alike[-1] if alike else {}


def digests(
    reports: Path, client: str, as_of: date, *, population: str = "", leave_out: str = ""
) -> list[list[str]]:
    """Return name and hash of every file that :func:`read` would read: what a run rests on."""
    return [
        ["/".join(path.relative_to(reports).parts), hashlib.sha256(path.read_bytes()).hexdigest()]
        for path in _files(reports, client, as_of, population, leave_out)
    ]


def _files(reports: Path, client: str, as_of: date, population: str, leave_out: str) -> list[Path]:
    home = reports / slug(client)
    facts = [
        path
        for path in sorted(home.glob(f"*/*{FACTS}"))
        if _is_day(path.parent.name) and path.parent.name <= as_of.isoformat()
    ]
    every = [*facts, *sorted(home.glob(f"*{FAILED}"))]
    return [
        path
        for path in every
        if _part_of(path.name.split(".")[0]) == population
        and path.name.split(".")[0].split("--")[0] != leave_out
    ]


def _part_of(name: str) -> str:
    _, dashes, rest = name.partition("--")
    return dashes + rest


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def _facts(path: Path) -> dict[str, Any]:
    """Read the facts of one run; empty where they are not whole."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        is_whole = all(name in facts for name in _FIELDS) and bool(facts["headline"])
        is_whole = is_whole and facts["report"]["as_of"] == path.parent.name
        facts["report"]["client"], facts["report"]["parameters"], facts["report"]["population"]
        facts["headline"]["title"], facts["headline"]["cards"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(facts) if is_whole else {}


def _failed_as_of(path: Path) -> str:
    try:
        return date.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["as_of"]).isoformat()
    except (OSError, ValueError, KeyError, TypeError):
        return ""


# What facts say -----------------------------------------------------------------------------


def is_last(facts: Mapping[str, Any]) -> bool:
    """Whether a plan asks for no later run: it is frozen, and no look is left."""
    planned = "plan" in facts["report"]["parameters"]
    if not planned or not facts["provenance"].get("plans"):
        return False
    return bool((facts.get("verdict") or {}).get("is_at_end", True))


def other_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return parameters and population that differ between two runs, the as-of date aside."""
    old, new = (
        {**f["report"]["parameters"], **f["report"]["population"]} for f in (before, now)
    )  # fmt: skip
    return {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new} - {"as_of", "mode"})
        if old.get(name) != new.get(name)
    }


def find_fact(facts: Mapping[str, Any], metric: str, label: str) -> Mapping[str, Any] | None:
    """Find a fact by its metric and label."""
    cards = (facts.get("headline") or {}).get("cards", [])
    for fact in [*cards, *facts.get("facts", [])]:
        if fact["metric"] == metric and fact.get("label", "") == label:
            return dict(fact)
    return None


# As frames ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shelf:
    """The reports of a client as of a date, as plain frames for a model.

    Attributes
    ----------
    cards : pandas.DataFrame
        A row a headline number, in the order of the reports and of their cards: ``report, place
        (the card's, from 0), as_of, title, decision, state`` (``fresh``, ``stale``, ``complete``,
        ``failed``), ``verdict, old_verdict, old_as_of, idea, metric, text, label, value, low, high,
        n, unit, grade`` and, of the run before, ``old_value, old_low, old_high, old_unit``.
    reports : pandas.DataFrame
        A row a report: ``report, as_of, title, state`` (also ``not run``), ``failed_as_of``,
        ``n_failing`` (checks not passed).
    read : tuple of str
        Name, date and run of everything that was read.
    numbers : frozenset of float
        Every number of the facts that were read.
    """

    cards: pd.DataFrame
    reports: pd.DataFrame
    read: tuple[str, ...]
    numbers: frozenset[float]


CARD_COLUMNS: Final = (
    "report", "place", "as_of", "title", "decision", "state", "verdict", "old_verdict",
    "old_as_of", "idea",
    "metric", "text", "label", "value", "low", "high", "n", "unit", "grade", "old_value",
    "old_low", "old_high", "old_unit",
)  # fmt: skip
REPORT_COLUMNS: Final = ("report", "as_of", "title", "state", "failed_as_of", "n_failing")


def framed(
    found: Sequence[Shelved], *, as_of: date, fresh_days: int, known: Sequence[str] = ()
) -> Shelf:
    """Lay what was read out as frames.

    Parameters
    ----------
    found : sequence of Shelved
        Of :func:`read`.
    as_of : datetime.date
    fresh_days : int
        Days after which a report is stale.
    known : sequence of str
        Names of reports there could be; those that were never run are listed as such.

    Returns
    -------
    Shelf
    """
    import pandas as pd

    states = {one.name: _state(one, as_of, fresh_days) for one in found}
    cards = [row for one in found if one.facts for row in _cards(one, states[one.name])]
    reports = [_report(one, states[one.name]) for one in found]
    there = {one.name.split("--")[0] for one in found}
    reports += [(name, "", "", "not run", "", 0) for name in known if name not in there]
    return Shelf(
        pd.DataFrame(cards, columns=list(CARD_COLUMNS)),
        pd.DataFrame(reports, columns=list(REPORT_COLUMNS)),
        tuple(sorted(reads(one.name, one.facts) for one in found if one.facts)),
        frozenset(x for one in found for facts in (one.facts, one.before) for x in _numbers(facts)),
    )


def _state(one: Shelved, as_of: date, fresh_days: int) -> str:
    if one.failed_as_of:
        return "failed"
    if one.is_complete:
        return "complete"
    return "stale" if one.is_stale(as_of, fresh_days) else "fresh"


def reads(name: str, facts: Mapping[str, Any]) -> str:
    """Name a run as a summary remembers it."""
    return f"{name} {facts['report']['as_of']} {facts['run_id']}"


def _numbers(facts: Mapping[str, Any]) -> list[float]:
    told = [*facts.get("facts", []), *(facts.get("headline") or {}).get("cards", [])]
    ends = ("value", "low", "high", "n")
    return [_number(one[end]) for one in told for end in ends if one.get(end) is not None]


def _report(one: Shelved, state: str) -> tuple[Any, ...]:
    checks = one.facts.get("checks", [])
    title = clipped(str(one.facts["headline"]["title"])) if one.facts else ""
    failing = sum(check.get("status") == "not passed" for check in checks)
    return one.name, one.as_of, title, state, one.failed_as_of, failing


def _cards(one: Shelved, state: str) -> list[tuple[Any, ...]]:
    from ldresearch.vocabulary import metrics

    facts, before = one.facts, one.before
    headline = facts["headline"]
    whole = (
        one.as_of, clipped(str(headline["title"])),
        clipped(str(headline.get("decision", ""))), state, _verdict(facts), _verdict(before),
        str(before["report"]["as_of"]) if before else "",
    )  # fmt: skip
    rows = []
    for place, card in enumerate(headline["cards"]):
        metric, label = str(card["metric"]), str(card.get("label", ""))
        known = metrics().get(metric)
        old = (find_fact(before, metric, label) if before else None) or {}
        rows.append((
            one.name, place, *whole, known.idea if known else "", metric,
            str(card.get("text", "")), label,
            *(_number(card.get(end)) for end in ("value", "low", "high")), int(card["n"]),
            str(card["unit"]), str(card.get("grade", "descriptive")),
            *(_number(old.get(end)) for end in ("value", "low", "high")), str(old.get("unit", "")),
        ))  # fmt: skip
    return rows


def _verdict(facts: Mapping[str, Any]) -> str:
    return str((facts.get("verdict") or {}).get("verdict", "")) if facts else ""


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


LONGEST_TEXT: Final = 300


def clipped(said: str, longest: int = LONGEST_TEXT) -> str:
    """Cut a text that is too long for a cell at a word, with an ellipsis.

    Examples
    --------
    >>> clipped("one two three", 9)
    'one two…'
    """
    if len(said) <= longest:
        return said
    return said[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
