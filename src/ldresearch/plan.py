"""The measurement plan: what an initiative has to change, and what will be done then.

A plan is a TOML file that people write before a launch and that 10, 70 and 80 read. Its schema is
data (:data:`FIELDS`): from it come the checks, the template and the page of the documentation.
What a plan means is hashed, not how it is written down: order of keys, spelling of numbers and
comments do not matter, everything else does. ``ldresearch.plan_ledger`` freezes it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.vocabulary import Direction, Verb, metrics

FORMAT = 1
"""Raised when the meaning of a key changes; it is part of the hash."""

LARGEST = 1_000_000
"""Bytes of a plan file; a larger one is no plan."""

LONGEST_TEXT = 280
"""Characters of a text; reports show it whole."""

_SHOWN = 60
_LARGEST = 1e15
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class PlanError(ParameterError):
    """A plan file is not what a plan may be; one sentence a fault, all of them at once.

    Attributes
    ----------
    problems : tuple of str
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Kind(StrEnum):
    """What the value of a key is."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    DAY = "a date, YYYY-MM-DD"
    DAYS = "a list of dates, YYYY-MM-DD"
    WORDS = "a list of words"
    METRIC = "a metric of the registry"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a plan file.

    Attributes
    ----------
    key : str
        With its table: ``primary.metric``; ``guardrail.margin`` stands in each ``[[guardrail]]``.
    kind : Kind
    doc : str
        What it means: the comment of the template and the line of the documentation.
    example : object
        What the template holds; also the type an editor shows.
    default : object
        What an absent key means; ``None``: it has to be there.
    choices : tuple of str
        The words allowed; empty means any.
    low, high : float
        Closed range of a number.
    above : float
        A number has to lie above this.
    below : float
        A number has to lie below this.
    """

    key: str
    kind: Kind
    doc: str
    example: Any
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    @property
    def table(self) -> str:
        """Table the key stands in; empty: the top of the file."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key within its table."""
        return self.key.rpartition(".")[2]


POPULATION = ("unit", "role", "level", "country", "location")
DESIGNS = ("parallel", "stepped_wedge", "hold_out", "before_after")
METHODS = ("confidence_sequence", "lan_demets_obrien_fleming", "lan_demets_pocock")
RULES = ("standard",)
"""Rules of decision by name, so that a frozen plan keeps its rule when another is added."""

_F, _K = Field, Kind

FIELDS: tuple[Field, ...] = (
    _F("name", _K.TEXT, "What the plan is called; one name, one line of versions in the ledger",
       "spring-launch"),
    _F("version", _K.WHOLE, "Raise it by one for an amendment, and say in `change` why",
       1, default=1, low=1, high=999),
    _F("change", _K.TEXT, "From version 2 on: what changed since the last version, and why",
       "", default=""),
    _F("objective", _K.TEXT, "What should be different afterwards, in one sentence",
       "More people find something of use in their first two months, of their own accord."),
    _F("owner", _K.TEXT, "Who decides: a role or a team, never a person's name",
       "Head of learning"),
    _F("initiative", _K.TEXT, "initiative_id in the log, so that its arms and touches are found;"
       " empty: it has none yet", "spring-launch", default=""),
    _F("launch_on", _K.DAY, "First day of the initiative; the plan is frozen before it",
       date(2025, 3, 3)),
    _F("end_on", _K.DAY, "First day after it: what happens from then on does not count",
       date(2025, 9, 1)),
    _F("looks_on", _K.DAYS, "Days on which the numbers are looked at, rising, from after the"
       " launch to the end", [date(2025, 4, 7), date(2025, 6, 2), date(2025, 9, 1)]),
    _F("reviews_on", _K.DAYS, "Days on which the owner goes through them and decides",
       [date(2025, 4, 10), date(2025, 6, 5), date(2025, 9, 4)], default=()),
    *(
        _F(f"population.{name}", _K.TEXT, f"Only this {name}; empty means all", "", default="")
        for name in POPULATION
    ),
    _F("roll_out.unit", _K.TEXT, "What gets the initiative or does not: a person, or a whole unit",
       "person", choices=("person", "unit")),
    _F("roll_out.design", _K.TEXT, "How it is compared: parallel (some get it, others not),"
       " stepped_wedge (all in turn), hold_out (a few not), before_after (nobody is left out)",
       "parallel", choices=DESIGNS),
    _F("roll_out.share", _K.NUMBER, "Share of the units that gets it at the launch",
       0.5, default=0.5, above=0.0, high=1.0),
    _F("value_event.verbs", _K.WORDS, "What counts as value; never a login",
       ["complete", "pass"]),
    _F("value_event.min_minutes", _K.WHOLE, "Fewest minutes that make a value day",
       0, default=0, low=0, high=600),
    _F("value_event.assigned", _K.TEXT, "Which activity counts; assigned learning is compliance",
       "self_started", default="self_started", choices=("self_started", "assigned", "all")),
    _F("value_event.window_days", _K.WHOLE, "Days within which it counts, from the launch or from"
       " each person's invitation",
       60, default=60, low=1, high=730),
    _F("primary.metric", _K.METRIC, "The one metric that decides", "value_reach"),
    _F("primary.minimum_effect", _K.NUMBER, "The smallest improvement that matters, in the"
       " metric's own unit: 0.05 of a share is five points", 0.05, above=0.0),
    _F("guardrail.metric", _K.METRIC, "What may not get worse", "gave_up_share"),
    _F("guardrail.margin", _K.NUMBER, "By how much it may get worse and still pass (non-inferiority"
       " margin), in the metric's own unit", 0.02, above=0.0),
    _F("statistics.alpha", _K.NUMBER, "Chance to see an effect where there is none, two-sided",
       0.05, default=0.05, above=0.0, high=0.5),
    _F("statistics.power", _K.NUMBER, "Chance to see the minimum effect where it is there",
       0.8, default=0.8, low=0.5, below=1.0),
    _F("decision.method", _K.TEXT, "How looks are kept honest: confidence_sequence (look whenever"
       " you like), or boundaries at the looks named above",
       "confidence_sequence", default="confidence_sequence", choices=METHODS),
    _F("decision.rule", _K.TEXT, "standard: stop on a breached guardrail, harm, or when the minimum"
       " effect is out of reach; continue when it is better; pivot when better by too little, or"
       " undecided at the end; else iterate", "standard", default="standard", choices=RULES),
    _F("cost.amount", _K.NUMBER, "What it is expected to cost, all in; 0: not planned",
       40000, default=0.0, low=0.0),
    _F("cost.low", _K.NUMBER, "The least it may cost; 0: as expected",
       35000, default=0.0, low=0.0),
    _F("cost.high", _K.NUMBER, "The most it may cost; 0: as expected",
       55000, default=0.0, low=0.0),
    _F("cost.currency", _K.TEXT, "ISO 4217 code", "EUR", default=""),
    _F("impact.outcome", _K.TEXT, "metric_id in the outcome table that should move; empty: none",
       "", default=""),
    _F("impact.worth", _K.NUMBER, "What one unit of that outcome is worth, in the currency above",
       0.0, default=0.0, low=0.0),
    _F("impact.worth_low", _K.NUMBER, "The least it may be worth; 0: as expected",
       0.0, default=0.0, low=0.0),
    _F("impact.worth_high", _K.NUMBER, "The most it may be worth; 0: as expected",
       0.0, default=0.0, low=0.0),
    _F("impact.isolation_low", _K.NUMBER, "Least share of the change that is the initiative's own",
       0.0, default=0.0, low=0.0, high=1.0),
    _F("impact.isolation_high", _K.NUMBER, "Greatest share of it",
       1.0, default=1.0, low=0.0, high=1.0),
)  # fmt: skip
"""Every key of a plan file, in the order of the template."""

_BY_KEY = {field.key: field for field in FIELDS}
_TABLES = tuple(dict.fromkeys(field.table for field in FIELDS if field.table))
_REPEATED = "guardrail"


# The type -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RollOut:
    """How the initiative reaches people: by person or unit, in which design, to which share."""

    unit: str
    design: str
    share: float


@dataclass(frozen=True, slots=True)
class ValueEvent:
    """What counts as value, as in every other analysis."""

    verbs: tuple[str, ...]
    min_minutes: int
    assigned: str
    window_days: int


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that may not get worse by more than a margin, in its own unit."""

    metric: str
    margin: float


@dataclass(frozen=True, slots=True)
class Decision:
    """How looks are kept honest, and by which rule they become a verdict."""

    method: str
    rule: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What the initiative costs: expected, least, most; all 0 where it was not planned."""

    amount: float
    low: float
    high: float
    currency: str


@dataclass(frozen=True, slots=True)
class Impact:
    """What the outcome is worth and how much of its change is the initiative's own."""

    outcome: str
    worth: float
    worth_low: float
    worth_high: float
    isolation_low: float
    isolation_high: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A measurement plan, checked.

    Attributes
    ----------
    name, version, change : str, int, str
        ``change`` says from version 2 on what changed and why.
    objective, owner, initiative : str
    launch_on, end_on : datetime.date
        From the launch up to, not including, the end.
    looks_on, reviews_on : tuple of datetime.date
    population : mapping of str to str
        Only the narrowings there are, as ``EventLog.where`` takes them.
    roll_out : RollOut
    value_event : ValueEvent
    metric : str
        The one primary metric.
    minimum_effect : float
        Smallest improvement that matters, above 0 whichever way is better, in the metric's unit.
    guardrails : tuple of Guardrail
        By metric.
    alpha, power : float
    decision : Decision
    cost : Cost
    impact : Impact

    Examples
    --------
    >>> plan = parse(template())
    >>> plan.metric, plan.minimum_effect
    ('value_reach', 0.05)
    >>> plan.hash == parse("# a comment\\n" + template()).hash
    True
    """

    name: str
    version: int
    change: str
    objective: str
    owner: str
    initiative: str
    launch_on: date
    end_on: date
    looks_on: tuple[date, ...]
    reviews_on: tuple[date, ...]
    population: Mapping[str, str]
    roll_out: RollOut
    value_event: ValueEvent
    metric: str
    minimum_effect: float
    guardrails: tuple[Guardrail, ...]
    alpha: float
    power: float
    decision: Decision
    cost: Cost
    impact: Impact

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a plan file.

        Raises
        ------
        PlanError
            With one sentence a fault.
        """
        return cls(**_fields(_read(path), path.name))

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """Read a plan back from what the ledger keeps."""
        return cls(**_fields(_to_toml(content), "ledger"))

    @property
    def content(self) -> dict[str, Any]:
        """What the plan means, key by key, with every default filled in.

        Values are JSON: numbers in one spelling, dates as text, sets in order.
        """
        found: dict[str, Any] = {field.key: self._value(field.key) for field in _SINGLE}
        found[_REPEATED] = {g.metric: g.margin for g in self.guardrails}
        return {"format": FORMAT, **dict(sorted(found.items()))}

    def _value(self, key: str) -> Any:
        table, _, name = key.rpartition(".")
        if table == "population":
            return self.population.get(name, "")
        if table in ("primary", "statistics", ""):
            owner: Any = self
        else:
            owner = getattr(self, table)
        value = getattr(owner, name)
        if isinstance(value, tuple):
            return [v.isoformat() if isinstance(v, date) else v for v in value]
        return value.isoformat() if isinstance(value, date) else value

    @property
    def canonical(self) -> str:
        """The content as canonical JSON: what is hashed."""
        return json.dumps(
            self.content, sort_keys=True, ensure_ascii=False, separators=(",", ":"),
            allow_nan=False,
        )  # fmt: skip

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical.encode("utf-8")).hexdigest()

    @property
    def sign(self) -> int:
        """1 where more of the primary metric is better, -1 where less is."""
        return -1 if metrics()[self.metric].direction is Direction.DOWN else 1


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose meaning differs between two plans."""

    field: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.field}: {_told(self.before)} became {_told(self.after)}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """List the keys in which two contents differ; guardrails one by one.

    Parameters
    ----------
    before, after : mapping
        The ``content`` of two plans.

    Returns
    -------
    tuple of Change
        By key; nothing where both mean the same.

    Examples
    --------
    >>> old = parse(template()).content
    >>> [str(c) for c in changes(old, {**old, "statistics.power": 0.9})]
    ['statistics.power: 0.8 became 0.9']
    """
    flat_before, flat_after = _flat(before), _flat(after)
    return tuple(
        Change(key, flat_before.get(key), flat_after.get(key))
        for key in sorted({*flat_before, *flat_after})
        if flat_before.get(key) != flat_after.get(key)
    )


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in content.items() if key != _REPEATED}
    margins = content.get(_REPEATED, {})
    return found | {f"{_REPEATED}.{metric}.margin": m for metric, m in margins.items()}


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else repr(value)


# Reading ------------------------------------------------------------------------------------


def parse(text: str, name: str = "plan") -> Plan:
    """Read and check the text of a plan.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        What messages call it, the file's name.

    Returns
    -------
    Plan
        Whatever the order, the comments and the blanks of the text.

    Raises
    ------
    PlanError

    Examples
    --------
    >>> parse(template()).end_on
    datetime.date(2025, 9, 1)
    >>> try:
    ...     parse(template().replace("share = 0.5", "share = 5"))
    ... except PlanError as error:
    ...     print(len(error.problems))
    1
    """
    return Plan(**_fields(text, name))


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise PlanError([message(f"the plan cannot be read: {reason}", where=path.name,
                                 do="write one with `ldresearch plan new`")]) from None  # fmt: skip
    if len(raw) > LARGEST:
        raise PlanError([message("too large for a plan", where=path.name,
                                 got=f"{len(raw):,} bytes", allowed=f"{LARGEST:,}")])  # fmt: skip
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise PlanError([message("not UTF-8", where=f"{path.name}, line {line}",
                                 do="save it as UTF-8 in your editor")]) from None  # fmt: skip


def _fields(text: str, name: str) -> dict[str, Any]:
    """Turn a plan's text into the fields of :class:`Plan`, or raise with everything amiss."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+), column (\d+)", str(error))
        where = f"{name}, line {at[1]}, column {at[2]}" if at else name
        what = re.sub(r"\s*\(at .*\)$", "", str(error)).lower()
        raise PlanError([
            message(f"this is not TOML: {what}", where=where,
                    do='write key = value, text between " and "')
        ]) from None  # fmt: skip
    except (ValueError, RecursionError):
        # A number of thousands of digits, brackets within brackets without end.
        raise PlanError([
            message("this is no plan: a number or a list in it is beyond all measure", where=name,
                    do="write one with `ldresearch plan new`")
        ]) from None  # fmt: skip
    reading = _Reading(text, name)
    found = reading.everything(data)
    if not reading.problems:
        reading.check_together(found)
    if reading.problems:
        raise PlanError(reading.problems)
    return _assembled(found)


class _Reading:
    """One reading of a plan: values by key, and every fault with its line."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.lines = _lines(text)
        self.problems: list[str] = []

    def where(self, key: str, index: int = 0) -> str:
        line = self.lines.get((key, index)) or self.lines.get((key.rpartition(".")[0], index))
        return f"{self.name}, line {line}, {key}" if line else f"{self.name}, {key}"

    def refuse(self, key: str, what: str, index: int = 0, **more: Any) -> None:
        if len(str(more.get("got", ""))) > _SHOWN:
            more["got"] = str(more["got"])[:_SHOWN] + "..."
        self.problems.append(message(what, where=self.where(key, index), **more))

    def everything(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return every key's value; what cannot be read is left out and told."""
        self._unknown(data)
        found = {field.key: self._one(field, data) for field in _SINGLE}
        found[_REPEATED] = self._guardrails(data.get(_REPEATED, []))
        return found

    def _unknown(self, data: Mapping[str, Any]) -> None:
        for key, value in data.items():
            if key in _TABLES and isinstance(value, dict):
                for inner in value:
                    self._known(f"{key}.{inner}", key)
            elif key not in _TABLES:
                self._known(key, "")

    def _known(self, key: str, table: str, index: int = 0) -> None:
        if key in _BY_KEY:
            return
        siblings = [f.name for f in FIELDS if f.table == table]
        known = siblings if table else [*siblings, *_TABLES]
        self.refuse(key, "a plan has no such key", index,
                    do=did_you_mean(key.rpartition(".")[2], known))  # fmt: skip

    def _one(self, field: Field, data: Mapping[str, Any]) -> Any:
        holder = data.get(field.table, {}) if field.table else data
        if not isinstance(holder, dict):
            if field is next(f for f in FIELDS if f.table == field.table):
                self.refuse(field.table, "not a table", got=holder, allowed=f"[{field.table}]")
            return None
        return self._value(field, holder)

    def _value(self, field: Field, holder: Mapping[str, Any], index: int = 0) -> Any:
        if field.name not in holder:
            if field.default is None:
                self.refuse(field.key, "missing", index, allowed=field.kind.value,
                            do=f"say it: {field.doc[:1].lower()}{field.doc[1:]}")  # fmt: skip
            return field.default
        return self._checked(field, holder[field.name], index)

    def _guardrails(self, given: Any) -> list[tuple[str, float]]:
        if not isinstance(given, list) or not all(isinstance(g, dict) for g in given):
            self.refuse(_REPEATED, "not a list of guardrails", allowed=f"[[{_REPEATED}]] tables")
            return []
        found = []
        for index, one in enumerate(given):
            for inner in one:
                self._known(f"{_REPEATED}.{inner}", _REPEATED, index)
            pair = [self._value(field, one, index) for field in _EACH_GUARDRAIL]
            found.append((pair[0], pair[1]))
        return found

    def _checked(self, field: Field, value: Any, index: int) -> Any:
        read = _as_kind(field, value)
        if read is None:
            shown = str(value) if isinstance(value, date) else value
            self.refuse(field.key, "not of its type", index, got=shown, allowed=field.kind.value)
            return None
        if field.kind in (Kind.WHOLE, Kind.NUMBER):
            self._ranged(field, read, index)
        elif field.kind is Kind.METRIC:
            self._metric(field, read, index)
        elif field.choices and read not in field.choices:
            self.refuse(
                field.key, "not one of the choices", index, got=read,
                allowed=", ".join(field.choices), do=did_you_mean(read, field.choices),
            )  # fmt: skip
        elif field.kind is Kind.TEXT:
            self._worded(field, read)
        return read

    def _worded(self, field: Field, read: str) -> None:
        if field.default is None and not read:
            self.refuse(field.key, "empty", allowed="text", do="say it in a few words")
        if len(read) > LONGEST_TEXT:
            self.refuse(field.key, "longer than a sentence", got=f"{len(read)} characters",
                        allowed=f"up to {LONGEST_TEXT}")  # fmt: skip
        if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in read):
            self.refuse(field.key, "holds a character that cannot be seen", do="type it anew")
        if _MAIL.search(read):
            self.refuse(field.key, "a mail address names a person", do="name a role or a team")

    def _ranged(self, field: Field, value: float, index: int) -> None:
        is_in = field.low <= value <= field.high and field.above < value < field.below
        if not is_in:
            self.refuse(field.key, "out of range", index, got=value, allowed=_range(field))

    def _metric(self, field: Field, name: str, index: int) -> None:
        known = metrics()
        usable = [m.id for m in known.values() if m.plan]
        if name not in known:
            self.refuse(field.key, "no metric of the registry", index, got=name,
                        do=did_you_mean(name, usable))  # fmt: skip
        elif name not in usable:
            self.refuse(field.key, "this metric cannot be followed person by person after a launch",
                        index, got=name, allowed=", ".join(usable))  # fmt: skip

    def check_together(self, found: Mapping[str, Any]) -> None:
        """Check what keys say about one another."""
        launch, end = found["launch_on"], found["end_on"]
        if end <= launch:
            self.refuse("end_on", "not after the launch", got=str(end), allowed=f"after {launch}")
        self._days(found, "looks_on", launch, end)
        if list(found["reviews_on"]) != sorted(set(found["reviews_on"])):
            self.refuse("reviews_on", "not in rising order", do="sort the days, each once")
        if not found["looks_on"]:
            self.refuse("looks_on", "no look", do="name at least the end")
        if found["version"] > 1 and not found["change"]:
            self.refuse("change", "an amendment without a reason",
                        do="say what changed since the last version, and why")  # fmt: skip
        names = [metric for metric, _ in found[_REPEATED]]
        for index, name in enumerate(names):
            if name == found["primary.metric"] or name in names[:index]:
                self.refuse(f"{_REPEATED}.metric", "named twice", index, got=name,
                            do="name each metric once")  # fmt: skip
        self._effects(found)
        self._ranges(found)
        self._verbs(found["value_event.verbs"])

    def _days(self, found: Mapping[str, Any], key: str, launch: date, end: date) -> None:
        days = found[key]
        if list(days) != sorted(set(days)):
            self.refuse(key, "not in rising order", do="sort the days, each once")
        for day in days:
            if not launch < day <= end:
                self.refuse(key, "not between launch and end", got=str(day),
                            allowed=f"after {launch}, up to {end}")  # fmt: skip

    def _effects(self, found: Mapping[str, Any]) -> None:
        pairs = [("primary.minimum_effect", 0, found["primary.metric"],
                  found["primary.minimum_effect"])]  # fmt: skip
        pairs += [
            (f"{_REPEATED}.margin", index, metric, margin)
            for index, (metric, margin) in enumerate(found[_REPEATED])
        ]
        for key, index, metric, size in pairs:
            if metrics()[metric].unit == "share" and size >= 1:
                self.refuse(key, "a share cannot change by so much", index, got=size,
                            allowed="below 1", do="five points are 0.05")  # fmt: skip

    def _ranges(self, found: Mapping[str, Any]) -> None:
        for table, middle in (("cost", "amount"), ("impact", "worth")):
            low, high = _bounds(table)
            expected = found[f"{table}.{middle}"]
            least, most = found[low] or expected, found[high] or expected
            if not least <= expected <= most:
                self.refuse(
                    low, "the range does not hold what is expected",
                    got=f"{least:g} to {most:g}", allowed=f"around {expected:g}",
                )  # fmt: skip
        if found["impact.isolation_low"] > found["impact.isolation_high"]:
            self.refuse("impact.isolation_low", "above its upper end",
                        got=found["impact.isolation_low"])  # fmt: skip
        has_money = found["cost.amount"] or found["impact.worth"]
        if has_money and not re.fullmatch(r"[A-Z]{3}", found["cost.currency"]):
            self.refuse("cost.currency", "no currency", got=found["cost.currency"],
                        allowed="three capital letters, such as EUR")  # fmt: skip

    def _verbs(self, verbs: Sequence[str]) -> None:
        known = [verb.value for verb in Verb]
        for verb in verbs:
            if verb not in known:
                self.refuse("value_event.verbs", "no such verb", got=verb,
                            do=did_you_mean(verb, known))  # fmt: skip
        if Verb.ACCESS.value in verbs:
            self.refuse("value_event.verbs", "a login is not value", got="access",
                        do="name what shows that someone learned")  # fmt: skip
        if not verbs:
            self.refuse("value_event.verbs", "no verb", do="name what counts as value")


_SINGLE = tuple(field for field in FIELDS if field.table != _REPEATED)
_EACH_GUARDRAIL = tuple(field for field in FIELDS if field.table == _REPEATED)


def _bounds(table: str) -> tuple[str, str]:
    return {"cost": ("cost.low", "cost.high"), "impact": ("impact.worth_low", "impact.worth_high")}[
        table
    ]


def _range(field: Field) -> str:
    low = f"above {field.above:g}" if field.above > -math.inf else (
        f"from {field.low:g}" if field.low > -math.inf else "")  # fmt: skip
    high = f"below {field.below:g}" if field.below < math.inf else (
        f"up to {field.high:g}" if field.high < math.inf else "")  # fmt: skip
    return ", ".join(part for part in (low, high) if part)


def _as_kind(field: Field, value: Any) -> Any:
    """Read a TOML value as a kind; ``None`` where it is none. Nothing is guessed across kinds."""
    kind = field.kind
    if kind in (Kind.TEXT, Kind.METRIC):
        return _text(value) if isinstance(value, str) else None
    if kind is Kind.WHOLE:
        return value if type(value) is int else None
    if kind is Kind.NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Adding nought turns a negative nought into the other: they mean the same.
        return float(value) + 0.0 if is_number and abs(value) <= _LARGEST else None
    if kind is Kind.DAY:
        return _day(value)
    if not isinstance(value, list):
        return None
    if kind is Kind.DAYS:
        days = [_day(one) for one in value]
        return None if None in days else tuple(days)
    if not all(isinstance(one, str) for one in value):
        return None
    return tuple(sorted({_text(one) for one in value}))


def _text(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", value).split())


def _day(value: Any) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def _lines(text: str) -> dict[tuple[str, int], int]:
    """Line of each key and table, so that a message can lead an editor there."""
    found: dict[tuple[str, int], int] = {}
    table, index = "", 0
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*\[{1,2}\s*([A-Za-z0-9_.-]+)\s*\]{1,2}", line)
        if head:
            table = head[1]
            index = seen.get(table, -1) + 1
            seen[table] = index
            found.setdefault((table, index), number)
            continue
        key = re.match(r"""\s*["']?([A-Za-z0-9_.-]+)["']?\s*=""", line)
        if key:
            full = f"{table}.{key[1]}" if table else key[1]
            found.setdefault((full, index if table == _REPEATED else 0), number)
    return found


def _assembled(found: Mapping[str, Any]) -> dict[str, Any]:
    def part(table: str) -> dict[str, Any]:
        return {f.name: found[f.key] for f in FIELDS if f.table == table}

    cost, impact = part("cost"), part("impact")
    for values, middle, low, high in (
        (cost, "amount", "low", "high"), (impact, "worth", "worth_low", "worth_high"),
    ):  # fmt: skip
        values[low] = values[low] or values[middle]
        values[high] = values[high] or values[middle]
    value_event = part("value_event")
    return {
        **{f.name: found[f.key] for f in FIELDS if not f.table},
        "population": {k: v for k, v in part("population").items() if v},
        "roll_out": RollOut(**part("roll_out")),
        "value_event": ValueEvent(**value_event),
        **part("primary"),
        "guardrails": tuple(Guardrail(*pair) for pair in sorted(found[_REPEATED])),
        **part("statistics"),
        "decision": Decision(**part("decision")),
        "cost": Cost(**cost),
        "impact": Impact(**impact),
    }


# Writing ------------------------------------------------------------------------------------

_HEAD = """\
# A measurement plan: what this initiative has to change, for whom, and what you will do then.
# Write it before the launch, check it with `ldresearch plan check FILE`, and freeze it with
# `ldresearch plan freeze FILE --data DATASET`. From then on only a new version may change it.
# A line that begins with # is a comment; what you do not need may be left out, where it has a
# default.
"""

_TITLES = {
    "population": "Who it is for; people are found in the log by these",
    "roll_out": "How it reaches them, and who is there to compare with",
    "value_event": "What counts as having got value",
    "primary": "The one metric that decides",
    "guardrail": "What may not get worse; one [[guardrail]] each, or none",
    "statistics": "How sure you want to be",
    "decision": "What you will do",
    "cost": "What it costs; 80_impact reads it",
    "impact": "What it should be worth; 80_impact reads it",
}


def template() -> str:
    """Return a commented plan to begin from; it passes its own check.

    Returns
    -------
    str
        TOML.

    Examples
    --------
    >>> parse(template()).roll_out.design
    'parallel'
    """
    blocks = [_HEAD, "\n".join(_entry(f) for f in FIELDS if not f.table)]
    for table in _TABLES:
        head = f"[[{table}]]" if table == _REPEATED else f"[{table}]"
        entries = "\n".join(_entry(f) for f in FIELDS if f.table == table)
        blocks.append(f"# {_TITLES[table]}\n{head}\n{entries}")
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


def _entry(field: Field) -> str:
    notes = [field.doc]
    if field.choices:
        notes.append("one of " + ", ".join(field.choices))
    if field.default is not None and field.default != field.example:
        shown = "empty" if field.default in ("", ()) else f"{field.default:g}"
        notes.append(f"default {shown}")
    return f"# {'; '.join(notes)}.\n{field.name} = {_toml(field.example)}"


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    # A JSON string is a TOML string; numbers are spelt the same.
    return json.dumps(value, ensure_ascii=False)


def _to_toml(content: Mapping[str, Any]) -> str:
    """Write a stored content as a plan file again."""
    parts = [f"{f.name} = {_toml(content[f.key])}" for f in FIELDS if not f.table]
    for table in _TABLES:
        if table == _REPEATED:
            parts += [
                f"[[{table}]]\nmetric = {_toml(metric)}\nmargin = {_toml(margin)}"
                for metric, margin in content[table].items()
            ]
            continue
        parts.append(f"[{table}]")
        parts += [f"{f.name} = {_toml(content[f.key])}" for f in FIELDS if f.table == table]
    return "\n".join(parts) + "\n"


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield key, what it is, default and meaning of each key, for the documentation."""
    for field in FIELDS:
        kind = ", ".join(f"`{c}`" for c in field.choices) or field.kind.value
        default = "required" if field.default is None else _toml(field.default)
        yield field.key, kind, default, field.doc
