"""The words of the field, fixed once.

Everything that is counted, drawn or said uses these words, so that a verb, a status or an
evidence grade cannot be spelt two ways. Values are what stands in the data; names are what
stands in the code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any


class Verb(StrEnum):
    """What a learner did.

    A login is ``access`` and never a value event.
    """

    ACCESS = "access"
    VIEW = "view"
    START = "start"
    PROGRESS = "progress"
    COMPLETE = "complete"
    PASS = "pass"  # noqa: S105 - a verb, not a password
    FAIL = "fail"
    ABANDON = "abandon"
    RATE = "rate"
    SAVE = "save"
    SHARE = "share"
    RECOMMEND = "recommend"
    SEARCH = "search"
    ENROL = "enrol"
    WITHDRAW = "withdraw"
    COMMENT = "comment"
    SKILL_ADD = "skill_add"


class ContentKind(StrEnum):
    """What kind of thing is learned from."""

    COURSE = "course"
    VIDEO = "video"
    ARTICLE = "article"
    BOOK = "book"
    EVENT = "event"
    PATH = "path"
    ASSESSMENT = "assessment"
    PROJECT = "project"
    OTHER = "other"


class Strategy(StrEnum):
    """How an initiative was brought to people."""

    BROAD = "broad"
    PHASED = "phased"
    DRIP = "drip"
    PILOT = "pilot"
    ALWAYS_ON = "always_on"


class RatingSource(StrEnum):
    """Who or what a skill rating came from, the most trusted first."""

    REVIEW = "review"
    CERTIFICATE = "certificate"
    MANAGER = "manager"
    PEER = "peer"
    INFERRED = "inferred"
    SELF = "self"


class AssignmentStatus(StrEnum):
    """The last known state of an assignment or enrolment."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    WAIVED = "waived"
    EXPIRED = "expired"


class AssignedBy(StrEnum):
    """Who set the assignment; ``self`` is an enrolment of one's own."""

    SELF = "self"
    MANAGER = "manager"
    ADMIN = "admin"
    SYSTEM = "system"


class Grade(StrEnum):
    """Strength of the evidence behind a number; set by the model from the design, never by hand."""

    RANDOMISED = "randomised"
    QUASI_EXPERIMENTAL = "quasi-experimental"
    ADJUSTED = "adjusted"
    DESCRIPTIVE = "descriptive"


class Idea(StrEnum):
    """The five things an organisation wants to know of its learning, in the order they are told."""

    ADOPTION = "adoption"
    ENGAGEMENT = "engagement"
    SKILLS = "skills"
    VOICE = "voice"
    WORTH = "worth"


class Verdict(StrEnum):
    """What becomes of an initiative at a look, by the rule that was frozen before it began."""

    CONTINUE = "continue"
    ITERATE = "iterate"
    PIVOT = "pivot"
    STOP = "stop"


class Reason(StrEnum):
    """Why the verdict is what it is: the rule that decided, in the order they are asked."""

    SAMPLE_RATIO = "sample_ratio"  # the arms do not hold the shares they were drawn with
    GUARDRAIL = "guardrail"  # something that must not suffer is worse than its margin
    HARM = "harm"  # the primary metric got worse
    TOO_SMALL = "too_small"  # better, and surely by less than matters
    EFFECT_SHOWN = "effect_shown"  # better, and perhaps by as much as matters
    NO_EFFECT = "no_effect"  # surely less than matters
    UNDECIDED_AT_END = "undecided_at_end"
    NOTHING_AT_END = "nothing_at_end"  # too few values even at the planned end
    TOO_EARLY = "too_early"  # too few values yet
    UNDECIDED = "undecided"  # all is open, and there is time left


class Family(StrEnum):
    """What kind of output a result is; the disclosure rule hangs on it.

    There is no per-person family: no list, no scatter of people.
    """

    COUNTS = "counts"
    RATES = "rates"
    MEANS = "means"
    QUANTILES = "quantiles"
    HISTOGRAM = "histogram"
    TREND = "trend"
    CURVE = "curve"
    CONTRAST = "contrast"
    MODEL = "model"
    SEGMENTS = "segments"
    CHECKS = "checks"


class Mode(StrEnum):
    """``publish`` applies every rule; ``explore`` shows rows and is never distributed."""

    PUBLISH = "publish"
    EXPLORE = "explore"


class Direction(StrEnum):
    """Which way of a metric is better."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


class Role(StrEnum):
    """What a column of a result's frame means to the disclosure rules and the figures."""

    KEY = "key"  # a group, a level, a term
    TIME = "time"  # a period or a duration
    COUNT = "count"  # whole persons or things, rounded
    RATE = "rate"  # a share of persons in 0..1, kept to whole percents
    VALUE = "value"  # any other number
    LOW = "low"
    HIGH = "high"
    N = "n"  # distinct persons behind the row
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the metric registry.

    Attributes
    ----------
    id : str
    label : str
        What a stakeholder reads.
    definition : str
        One or two sentences that settle what is counted.
    unit : str
    direction : Direction
        Which way is better.
    needs : tuple of str
        Canonical tables without which it cannot be computed.
    level : str
        ``Kirkpatrick 1`` to ``Kirkpatrick 4``, or the ISO/TS 30437 type: ``efficiency``,
        ``effectiveness``, ``outcome``.
    references : tuple of str
    plan : {"", "proportion", "mean", "time"}
        How it is followed person by person after a launch, where a measurement plan may name it.
    gameability : {"low", "medium", "high"}
        How easily the number moves without anyone learning more.
    gameable_because : str
        Why, in one sentence.
    idea : str
        Which of the five ideas of a summary it tells of, an :class:`Idea`; empty: none. Where the
        registry does not say, it follows from the tables it needs.
    status : {"reported", "planned"}
        ``planned``: defined, but no notebook of this version computes it.
    """

    id: str
    label: str
    definition: str
    unit: str
    direction: Direction
    needs: tuple[str, ...]
    level: str
    references: tuple[str, ...]
    plan: str = ""
    gameability: str = ""
    gameable_because: str = ""
    idea: str = ""
    sensitive: bool = False
    status: str = "reported"


@lru_cache(maxsize=1)
def metrics() -> Mapping[str, Metric]:
    """Read the metric registry, in the order it is written; what is only defined comes last.

    Examples
    --------
    >>> metrics()["activation_rate"].unit
    'share'
    >>> metrics()["rogers_group_share"].status
    'planned'
    """
    reported, planned = _read("metrics.toml"), _read("metrics_planned.toml")
    entries = {name: {**entry, "status": "reported"} for name, entry in reported.items()}
    for name, entry in planned.items():
        entries.setdefault(name, {**entry, "status": "planned"})
    return MappingProxyType(
        {
            name: Metric(
                id=name,
                label=entry["label"],
                definition=entry["definition"],
                unit=entry["unit"],
                direction=Direction(entry["direction"]),
                needs=tuple(entry["needs"]),
                level=entry["level"],
                references=tuple(entry.get("references", ())),
                plan=entry.get("plan", ""),
                gameability=entry.get("gameability", ""),
                gameable_because=entry.get("gameable_because", ""),
                idea=entry.get("idea", _idea(entry)),
                sensitive=entry.get("sensitive", False),
                status=entry["status"],
            )
            for name, entry in entries.items()
        }
    )


_OF_SKILLS = {"skill_rating", "role_skill", "content_skill", "recommendation", "opportunity",
              "application"}  # fmt: skip


def _idea(entry: Mapping[str, Any]) -> str:
    """Tell the idea of a metric from what it needs, where its entry names none."""
    needs = set(entry["needs"])
    if "survey_answer" in needs:
        return Idea.VOICE.value
    if needs & _OF_SKILLS:
        return Idea.SKILLS.value
    if "outcome" in needs or entry["level"] in ("outcome", "Kirkpatrick 4"):
        return Idea.WORTH.value
    return Idea.ENGAGEMENT.value


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("ldresearch").joinpath(name).read_text(encoding="utf-8"))
