"""The canonical tables, as data.

Types are the engine's; instants are ``timestamp`` in UTC without a zone of their own (the suffix
``_at`` says so: time-zone arithmetic never depends on an engine extension), calendar dates carry
``_on``, durations ``_s`` in whole seconds.

On disk a person is the dense ``person_key`` of the dataset in every table; only ``identity`` maps
it to the keyed pseudonym ``person_id``. Sources speak ``person_id`` (raw), the door in translates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ldresearch import vocabulary as words

SCHEMA_VERSION = 1

PERSON_KEY = "person_key"
"""The column that stands for a person in every stored table."""


class Type(StrEnum):
    """Column types of the canonical tables; the values are the engine's own type names."""

    TEXT = "VARCHAR"
    INT = "INTEGER"
    BIGINT = "BIGINT"
    REAL = "DOUBLE"
    BOOL = "BOOLEAN"
    AT = "TIMESTAMP"
    ON = "DATE"
    TEXTS = "VARCHAR[]"
    MONEY = "DECIMAL(12,2)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a canonical table.

    Attributes
    ----------
    name : str
    type : Type
    required : bool
        Rows without a value are rejected at the door and counted.
    low, high : float or None
        Closed range of a number; rows outside are rejected.
    values : tuple of str
        The allowed words; empty means any.
    doc : str
        One line for the data dictionary.
    """

    name: str
    type: Type = Type.TEXT
    required: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One canonical table: its columns, its grain and how it is bounded by an as-of date.

    Attributes
    ----------
    name : str
    key : tuple of str
        The grain: unique in every dataset.
    columns : tuple of Column
    known_at : tuple of str
        Columns that must all lie before the as-of instant for a row to exist (nulls pass).
    order : tuple of str
        The total order the rows are stored in.
    hidden_after : tuple of (str, tuple of str)
        Columns blanked when the instant in the first name lies at or after the as-of date: what
        was not known yet.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    known_at: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    hidden_after: tuple[tuple[str, tuple[str, ...]], ...] = ()
    doc: str = ""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(c.name for c in self.columns))

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.names.index(name)]

    @property
    def has_person(self) -> bool:
        """Whether rows belong to a person."""
        return PERSON_KEY in self.names


def _values(kind: type[StrEnum]) -> tuple[str, ...]:
    return tuple(word.value for word in kind)


C, T = Column, Type
_PERSON = C(PERSON_KEY, T.INT, required=True, doc="The person, dense within the dataset")

IDENTITY = Table(
    "identity",
    ("person_key",),
    (
        _PERSON,
        C("person_id", T.TEXT, required=True, doc="Keyed pseudonym, 32 hexadecimal digits"),
    ),
    order=("person_key",),
    doc="Everyone met in any table; whoever is missing in person is unknown to the HR file",
)
PERSON = Table(
    "person",
    ("person_key", "valid_from_on"),
    (
        _PERSON,
        C("valid_from_on", T.ON, required=True, doc="First day these attributes hold"),
        C("valid_to_on", T.ON, doc="First day they no longer hold; empty: still valid"),
        C("hired_on", T.ON, required=True, doc="First day of employment"),
        C("left_on", T.ON, doc="First day no longer employed"),
        C("leave_reason", doc="Why the person left, in the source's words"),
        C("unit_path", T.TEXTS, doc="Organisation from the top down"),
        C("manager_id", doc="Keyed pseudonym of the manager"),
        C("role_id", doc="Role, as in role_skill"),
        C("level", doc="Grade or seniority"),
        C("location"),
        C("country"),
        C("time_zone", doc="IANA name"),
        C("fte", T.REAL, low=0, high=2, doc="Full-time equivalent"),
        C("is_manager", T.BOOL),
    ),
    known_at=("valid_from_on", "hired_on"),
    order=("person_key", "valid_from_on"),
    hidden_after=(("left_on", ("left_on", "leave_reason")), ("valid_to_on", ("valid_to_on",))),
    doc="Who is employed, with history; intervals of one person never overlap",
)
ACCESS = Table(
    "access",
    ("person_key", "platform", "granted_at"),
    (
        _PERSON,
        C("platform", required=True),
        C("granted_at", T.AT, required=True),
        C("revoked_at", T.AT),
        C("licence_cost", T.MONEY, low=0),
    ),
    known_at=("granted_at",),
    order=("person_key", "granted_at", "platform"),
    hidden_after=(("revoked_at", ("revoked_at",)),),
    doc="Who may use which platform, from when to when",
)
CONTENT = Table(
    "content",
    ("content_id",),
    (
        C("content_id", required=True),
        C("title"),
        C("kind", values=_values(words.ContentKind)),
        C("provider"),
        C("language"),
        C("duration_s", T.INT, low=0),
        C("published_at", T.AT, doc="Offered from; of a course run: its first day"),
        C("retired_at", T.AT, doc="Offered until; of a course run: the end of its last day"),
        C("cost", T.MONEY, low=0),
        C("currency", doc="ISO 4217 code of cost"),
        C("is_mandatory", T.BOOL),
        C("parent_id", doc="The course or path this belongs to"),
        C("topic", doc="Catalogue heading, for example the module of a course run"),
    ),
    order=("content_id",),
    doc="What can be learned from",
)
CONTENT_SKILL = Table(
    "content_skill",
    ("content_id", "skill_id"),
    (
        C("content_id", required=True),
        C("skill_id", required=True),
        C("weight", T.REAL, low=0),
        C("level_from", T.REAL, low=0, high=1),
        C("level_to", T.REAL, low=0, high=1),
    ),
    order=("content_id", "skill_id"),
    doc="Which skill a content teaches, from which level to which",
)
EVENT = Table(
    "event",
    ("event_id",),
    (
        C("event_id", required=True),
        _PERSON,
        C("occurred_at", T.AT, required=True, doc="When it happened"),
        C("recorded_at", T.AT, required=True, doc="When the source knew of it"),
        C("verb", required=True, values=_values(words.Verb)),
        C("content_id"),
        C("attempt_id"),
        C("session_id"),
        C("duration_s", T.INT, low=0),
        C("progress", T.REAL, low=0, high=1),
        C("score", T.REAL, low=-1, high=1),
        C("is_success", T.BOOL),
        C("assignment_id", doc="Set when the activity was assigned; empty means self-started"),
        C("initiative_id"),
        C("source", required=True),
    ),
    known_at=("occurred_at", "recorded_at"),
    order=("person_key", "occurred_at", "event_id"),
    doc="What a learner did",
)
ACTIVITY_DAY = Table(
    "activity_day",
    ("person_key", "day_on", "verb", "is_assigned", "recorded_on"),
    (
        _PERSON,
        C("day_on", T.ON, required=True, doc="Local day in the dataset's time zone"),
        C("verb", required=True, values=_values(words.Verb)),
        C("is_assigned", T.BOOL, required=True, doc="Whether the activity had an assignment"),
        C("recorded_on", T.ON, required=True, doc="Local day the source knew of it"),
        C("n_events", T.INT, required=True, low=1),
        C("duration_s", T.BIGINT, low=0),
    ),
    known_at=("day_on", "recorded_on"),
    order=("person_key", "day_on", "verb", "is_assigned", "recorded_on"),
    doc="Derived at ingest: one row per person, local day, verb, assignment and day recorded",
)
USAGE_PERIOD = Table(
    "usage_period",
    ("person_key", "period_start_on", "period_end_on", "metric", "source"),
    (
        _PERSON,
        C("period_start_on", T.ON, required=True),
        C("period_end_on", T.ON, required=True),
        C("metric", required=True),
        C("value", T.REAL, required=True),
        C("source", required=True),
    ),
    known_at=("period_end_on",),
    order=("person_key", "period_start_on", "period_end_on", "metric", "source"),
    doc="Aggregates of sources that export no events",
)
ASSIGNMENT = Table(
    "assignment",
    ("assignment_id",),
    (
        C("assignment_id", required=True),
        _PERSON,
        C("content_id", required=True),
        C("assigned_at", T.AT, doc="Empty where the source lost it: no date is invented"),
        C("due_at", T.AT),
        C("is_required", T.BOOL),
        C("assigned_by", values=_values(words.AssignedBy)),
        C("status", values=_values(words.AssignmentStatus)),
        C("status_at", T.AT),
    ),
    known_at=("assigned_at",),
    order=("person_key", "assignment_id"),
    hidden_after=(("status_at", ("status", "status_at")),),
    doc="Assignments and enrolments with their last state",
)
INITIATIVE = Table(
    "initiative",
    ("initiative_id",),
    (
        C("initiative_id", required=True),
        C("client_id"),
        C("name"),
        C("started_on", T.ON, required=True),
        C("ended_on", T.ON),
        C("strategy", values=_values(words.Strategy)),
        C("goal_id"),
        C("is_goal_tied", T.BOOL),
        C("sponsor_level"),
        C("budget", T.MONEY, low=0),
        C("currency"),
    ),
    known_at=("started_on",),
    order=("initiative_id",),
    doc="Launches and campaigns",
)
TOUCH = Table(
    "touch",
    ("touch_id",),
    (
        C("touch_id", required=True),
        C("initiative_id", required=True),
        C(PERSON_KEY, T.INT, doc="The person addressed, or empty when unit_id is"),
        C("unit_id"),
        C("sent_at", T.AT, required=True),
        C("channel"),
        C("kind"),
        C("delivered_at", T.AT),
        C("opened_at", T.AT),
        C("clicked_at", T.AT),
    ),
    known_at=("sent_at",),
    order=("initiative_id", "sent_at", "touch_id"),
    doc="Messages of an initiative to a person or a unit",
)
ARM = Table(
    "arm",
    ("initiative_id", "unit_kind", "unit_id", "assigned_at"),
    (
        C("initiative_id", required=True),
        C("unit_kind", required=True),
        C("unit_id", required=True),
        C("arm", required=True),
        C("assigned_at", T.AT, required=True),
        C("is_randomised", T.BOOL, required=True),
        C("propensity", T.REAL, low=0, high=1),
    ),
    known_at=("assigned_at",),
    order=("initiative_id", "unit_kind", "unit_id", "assigned_at"),
    doc="Who got what and when, and whether chance decided",
)
SKILL = Table(
    "skill",
    ("skill_id",),
    (
        C("skill_id", required=True),
        C("name", required=True),
        C("parent_id"),
        C("onet_element"),
        C("esco_uri"),
    ),
    order=("skill_id",),
    doc="Skills and their place in public frameworks",
)
SKILL_SCALE = Table(
    "skill_scale",
    ("scale_id",),
    (
        C("scale_id", required=True),
        C("minimum", T.REAL, required=True),
        C("maximum", T.REAL, required=True),
        C("labels", T.TEXTS),
    ),
    order=("scale_id",),
    doc="Scales that ratings were given on",
)
SKILL_RATING = Table(
    "skill_rating",
    ("person_key", "skill_id", "source", "rated_at", "rater_id"),
    (
        _PERSON,
        C("skill_id", required=True),
        C("rated_at", T.AT, required=True),
        C("source", required=True, values=_values(words.RatingSource)),
        C("raw", T.REAL, required=True),
        C("scale_id", required=True),
        C("level", T.REAL, low=0, high=1, doc="(raw - minimum) / (maximum - minimum)"),
        C("rater_id", doc="Keyed pseudonym of the rater"),
    ),
    known_at=("rated_at",),
    order=("person_key", "skill_id", "rated_at", "source", "rater_id"),
    doc="Ratings of a person's skill, with who gave them and when",
)
ROLE_SKILL = Table(
    "role_skill",
    ("role_id", "skill_id", "valid_from_on"),
    (
        C("role_id", required=True),
        C("skill_id", required=True),
        C("target", T.REAL, required=True, low=0, high=1),
        C("target_se", T.REAL, low=0, doc="Published standard error of target, on 0 to 1"),
        C("weight", T.REAL, low=0, doc="Importance on 0 to 1"),
        C("weight_se", T.REAL, low=0),
        C("n_raters", T.INT, low=0),
        C("is_reliable", T.BOOL, doc="False where the publisher recommends to suppress it"),
        C("valid_from_on", T.ON, required=True),
    ),
    known_at=("valid_from_on",),
    order=("role_id", "skill_id", "valid_from_on"),
    doc="The level a role asks for",
)
ROLE = Table(
    "role",
    ("role_id",),
    (C("role_id", required=True), C("title", required=True), C("job_zone", T.INT)),
    order=("role_id",),
    doc="Roles by title",
)
RELATED_ROLE = Table(
    "related_role",
    ("role_id", "related_role_id"),
    (
        C("role_id", required=True),
        C("related_role_id", required=True),
        C("tier"),
        C("rank", T.INT, low=1),
    ),
    order=("role_id", "related_role_id"),
    doc="Roles that are near to one another",
)
SURVEY_ANSWER = Table(
    "survey_answer",
    ("response_id", "instrument", "item"),
    (
        C("response_id", required=True),
        C("token", required=True, doc="Keyed pseudonym of a person, or a group's name"),
        C("instrument", required=True),
        C("item", required=True),
        C("value"),
        C("answered_at", T.AT, required=True),
        C("weight", T.REAL, low=0),
    ),
    known_at=("answered_at",),
    order=("response_id", "instrument", "item"),
    doc="One row an answer",
)
RECOMMENDATION = Table(
    "recommendation",
    ("recommendation_id",),
    (
        C("recommendation_id", required=True),
        _PERSON,
        C("content_id", required=True),
        C("shown_at", T.AT, required=True),
        C("rank", T.INT, low=1),
        C("policy"),
        C("propensity", T.REAL, low=0, high=1),
        C("clicked_at", T.AT),
    ),
    known_at=("shown_at",),
    order=("person_key", "shown_at", "recommendation_id"),
    hidden_after=(("clicked_at", ("clicked_at",)),),
    doc="What was recommended to whom",
)
OPPORTUNITY = Table(
    "opportunity",
    ("opportunity_id",),
    (
        C("opportunity_id", required=True),
        C("kind"),
        C("role_id"),
        C("opened_on", T.ON, required=True),
        C("closed_on", T.ON),
    ),
    known_at=("opened_on",),
    order=("opportunity_id",),
    doc="Internal openings: roles, projects, mentoring",
)
APPLICATION = Table(
    "application",
    ("application_id",),
    (
        C("application_id", required=True),
        C("opportunity_id", required=True),
        _PERSON,
        C("applied_at", T.AT, required=True),
        C("result"),
        C("result_at", T.AT),
    ),
    known_at=("applied_at",),
    order=("person_key", "application_id"),
    hidden_after=(("result_at", ("result", "result_at")),),
    doc="Who applied for which opening",
)
OUTCOME = Table(
    "outcome",
    ("entity_kind", "entity_id", "metric_id", "period_start_on"),
    (
        C("entity_kind", required=True, values=("person", "unit")),
        C("entity_id", required=True),
        C("metric_id", required=True),
        C("period_start_on", T.ON, required=True),
        C("period_end_on", T.ON, required=True),
        C("value", T.REAL, required=True),
        C("unit"),
    ),
    known_at=("period_end_on",),
    order=("entity_kind", "entity_id", "metric_id", "period_start_on"),
    doc="Results of the work, by person or unit and period",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        IDENTITY, PERSON, ACCESS,
        CONTENT, CONTENT_SKILL, EVENT, ACTIVITY_DAY, USAGE_PERIOD, ASSIGNMENT,
        INITIATIVE, TOUCH, ARM, SKILL, SKILL_SCALE, SKILL_RATING, ROLE, ROLE_SKILL, RELATED_ROLE,
        SURVEY_ANSWER, RECOMMENDATION, OPPORTUNITY, APPLICATION, OUTCOME,
    )
}  # fmt: skip

PSEUDONYM_COLUMNS: dict[str, tuple[str, ...]] = {
    "person": ("manager_id",),
    "skill_rating": ("rater_id",),
}
"""Columns beside ``person_id`` that hold a person and are pseudonymised at the door in."""
