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
        C("location", doc="Site or city, in the source's words"),
        C("country", doc="Country, ISO 3166 code where the source has one"),
        C("time_zone", doc="IANA name"),
        C("fte", T.REAL, low=0, high=2, doc="Full-time equivalent"),
        C("is_manager", T.BOOL, doc="Whether the person leads others"),
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
        C("platform", required=True, doc="The learning platform"),
        C("granted_at", T.AT, required=True, doc="From when the person may use it"),
        C("revoked_at", T.AT, doc="From when no longer; empty: still may"),
        C("licence_cost", T.MONEY, low=0, doc="Price of the licence, in the client's currency"),
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
        C("content_id", required=True, doc="The content, as events name it"),
        C("title", doc="As the catalogue has it"),
        C("kind", values=_values(words.ContentKind), doc="What kind of thing it is"),
        C("provider", doc="Who made or sells it"),
        C("language", doc="BCP 47 tag, for example en-GB"),
        C("duration_s", T.INT, low=0, doc="Length by the catalogue, not the time anyone spent"),
        C("published_at", T.AT, doc="Offered from; of a course run: its first day"),
        C("retired_at", T.AT, doc="Offered until; of a course run: the end of its last day"),
        C("cost", T.MONEY, low=0, doc="Price of the content"),
        C("currency", doc="ISO 4217 code of cost"),
        C("is_mandatory", T.BOOL, doc="Whether someone has to take it"),
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
        C("content_id", required=True, doc="The content that teaches"),
        C("skill_id", required=True, doc="The skill it teaches"),
        C("weight", T.REAL, low=0, doc="Share of the content that is about the skill"),
        C("level_from", T.REAL, low=0, high=1, doc="Level on 0 to 1 from which it is of use"),
        C("level_to", T.REAL, low=0, high=1, doc="Level on 0 to 1 to which it leads"),
    ),
    order=("content_id", "skill_id"),
    doc="Which skill a content teaches, from which level to which",
)
EVENT = Table(
    "event",
    ("event_id",),
    (
        C(
            "event_id",
            required=True,
            doc="Unique; made from the content of the event where the source has none",
        ),
        _PERSON,
        C("occurred_at", T.AT, required=True, doc="When it happened"),
        C("recorded_at", T.AT, required=True, doc="When the source knew of it"),
        C("verb", required=True, values=_values(words.Verb), doc="What was done"),
        C("content_id", doc="With which content; empty where there is none"),
        C("attempt_id", doc="Ties the events of one attempt together"),
        C("session_id", doc="Ties the events of one sitting together"),
        C("duration_s", T.INT, low=0, doc="Time spent, as the source measured it"),
        C("progress", T.REAL, low=0, high=1, doc="Share of the content done by then"),
        C("score", T.REAL, low=-1, high=1, doc="Result, scaled to -1 to 1"),
        C("is_success", T.BOOL, doc="Whether the attempt was passed"),
        C("assignment_id", doc="Set when the activity was assigned; empty means self-started"),
        C("initiative_id", doc="The initiative the activity belongs to, where the source says so"),
        C("source", required=True, doc="The system that recorded it"),
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
        C("verb", required=True, values=_values(words.Verb), doc="What was done"),
        C("is_assigned", T.BOOL, required=True, doc="Whether the activity had an assignment"),
        C("recorded_on", T.ON, required=True, doc="Local day the source knew of it"),
        C("n_events", T.INT, required=True, low=1, doc="Events folded into the row"),
        C("duration_s", T.BIGINT, low=0, doc="Their time spent, added up"),
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
        C("period_start_on", T.ON, required=True, doc="First day of the period"),
        C("period_end_on", T.ON, required=True, doc="Last day of the period"),
        C("metric", required=True, doc="What was added up, in the source's words"),
        C("value", T.REAL, required=True, doc="Its sum over the period"),
        C("source", required=True, doc="The system that added it up"),
    ),
    known_at=("period_end_on",),
    order=("person_key", "period_start_on", "period_end_on", "metric", "source"),
    doc="Aggregates of sources that export no events",
)
ASSIGNMENT = Table(
    "assignment",
    ("assignment_id",),
    (
        C("assignment_id", required=True, doc="Unique"),
        _PERSON,
        C("content_id", required=True, doc="What is to be taken"),
        C("assigned_at", T.AT, doc="Empty where the source lost it: no date is invented"),
        C("due_at", T.AT, doc="By when; empty: no date was set"),
        C("is_required", T.BOOL, doc="Whether the person has to"),
        C("assigned_by", values=_values(words.AssignedBy), doc="Who set it"),
        C("status", values=_values(words.AssignmentStatus), doc="The last state known"),
        C("status_at", T.AT, doc="When that state was reached"),
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
        C("initiative_id", required=True, doc="Unique"),
        C("client_id", doc="The organisation, where a file holds several"),
        C("name", doc="As the organisation calls it"),
        C("started_on", T.ON, required=True, doc="First day"),
        C("ended_on", T.ON, doc="Last day; empty: still running"),
        C("strategy", values=_values(words.Strategy), doc="How it was brought to people"),
        C("goal_id", doc="The organisational goal it serves"),
        C("is_goal_tied", T.BOOL, doc="Whether it was launched as part of such a goal"),
        C("sponsor_level", doc="Level of the sponsor, in the source's words"),
        C("budget", T.MONEY, low=0, doc="Money set aside for it"),
        C("currency", doc="ISO 4217 code of budget"),
    ),
    known_at=("started_on",),
    order=("initiative_id",),
    doc="Launches and campaigns",
)
TOUCH = Table(
    "touch",
    ("touch_id",),
    (
        C("touch_id", required=True, doc="Unique"),
        C("initiative_id", required=True, doc="The initiative it belongs to"),
        C(PERSON_KEY, T.INT, doc="The person addressed, or empty when unit_id is"),
        C("unit_id", doc="The unit addressed, or empty when a person is"),
        C("sent_at", T.AT, required=True, doc="When it was sent"),
        C("channel", doc="Mail, chat, meeting and so on"),
        C("kind", doc="Invitation, reminder and so on"),
        C("delivered_at", T.AT, doc="When it arrived"),
        C("opened_at", T.AT, doc="When it was first opened"),
        C("clicked_at", T.AT, doc="When a link in it was first followed"),
    ),
    known_at=("sent_at",),
    order=("initiative_id", "sent_at", "touch_id"),
    doc="Messages of an initiative to a person or a unit",
)
ARM = Table(
    "arm",
    ("initiative_id", "unit_kind", "unit_id", "assigned_at"),
    (
        C("initiative_id", required=True, doc="The initiative that is compared"),
        C("unit_kind", required=True, doc="What was allocated: person, unit, site"),
        C("unit_id", required=True, doc="Which one; a person's keyed pseudonym"),
        C("arm", required=True, doc="What it got, for example launch or hold-out"),
        C("assigned_at", T.AT, required=True, doc="From when"),
        C("is_randomised", T.BOOL, required=True, doc="Whether chance decided"),
        C("propensity", T.REAL, low=0, high=1, doc="Probability with which it got this arm"),
    ),
    known_at=("assigned_at",),
    order=("initiative_id", "unit_kind", "unit_id", "assigned_at"),
    doc="Who got what and when, and whether chance decided",
)
SKILL = Table(
    "skill",
    ("skill_id",),
    (
        C("skill_id", required=True, doc="Unique"),
        C("name", required=True, doc="As people call it"),
        C("parent_id", doc="The broader skill"),
        C("onet_element", doc="O*NET element it stands for"),
        C("esco_uri", doc="ESCO concept it stands for"),
    ),
    order=("skill_id",),
    doc="Skills and their place in public frameworks",
)
SKILL_SCALE = Table(
    "skill_scale",
    ("scale_id",),
    (
        C("scale_id", required=True, doc="Unique"),
        C("minimum", T.REAL, required=True, doc="Lowest rating"),
        C("maximum", T.REAL, required=True, doc="Highest rating"),
        C("labels", T.TEXTS, doc="Words of the scale, from low to high"),
    ),
    order=("scale_id",),
    doc="Scales that ratings were given on",
)
SKILL_RATING = Table(
    "skill_rating",
    ("person_key", "skill_id", "source", "rated_at", "rater_id"),
    (
        _PERSON,
        C("skill_id", required=True, doc="The skill rated"),
        C("rated_at", T.AT, required=True, doc="When it was rated"),
        C("source", required=True, values=_values(words.RatingSource), doc="Who or what rated"),
        C("raw", T.REAL, required=True, doc="The rating as it was given"),
        C("scale_id", required=True, doc="The scale it was given on"),
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
        C("role_id", required=True, doc="The role that asks"),
        C("skill_id", required=True, doc="The skill it asks for"),
        C("target", T.REAL, required=True, low=0, high=1, doc="The level asked for, on 0 to 1"),
        C("target_se", T.REAL, low=0, doc="Published standard error of target, on 0 to 1"),
        C("weight", T.REAL, low=0, doc="Importance on 0 to 1"),
        C("weight_se", T.REAL, low=0, doc="Published standard error of weight"),
        C("n_raters", T.INT, low=0, doc="Raters behind target"),
        C("is_reliable", T.BOOL, doc="False where the publisher recommends to suppress it"),
        C("valid_from_on", T.ON, required=True, doc="First day the target holds"),
    ),
    known_at=("valid_from_on",),
    order=("role_id", "skill_id", "valid_from_on"),
    doc="The level a role asks for",
)
ROLE = Table(
    "role",
    ("role_id",),
    (
        C("role_id", required=True, doc="Unique"),
        C("title", required=True, doc="As the organisation or the framework calls it"),
        C("job_zone", T.INT, doc="O*NET job zone, 1 to 5: how much preparation it takes"),
    ),
    order=("role_id",),
    doc="Roles by title",
)
RELATED_ROLE = Table(
    "related_role",
    ("role_id", "related_role_id"),
    (
        C("role_id", required=True, doc="The role one comes from"),
        C("related_role_id", required=True, doc="The role that is near"),
        C("tier", doc="How near, in the publisher's words"),
        C("rank", T.INT, low=1, doc="1 is the nearest"),
    ),
    order=("role_id", "related_role_id"),
    doc="Roles that are near to one another",
)
SURVEY_ANSWER = Table(
    "survey_answer",
    ("response_id", "instrument", "item"),
    (
        C("response_id", required=True, doc="Ties the answers of one response together"),
        C("token", required=True, doc="Keyed pseudonym of a person, or a group's name"),
        C("instrument", required=True, doc="The questionnaire, for example nps"),
        C("item", required=True, doc="The question within it"),
        C("value", doc="The answer as it was given"),
        C("answered_at", T.AT, required=True, doc="When it was given"),
        C("weight", T.REAL, low=0, doc="Sampling weight, where there is one"),
    ),
    known_at=("answered_at",),
    order=("response_id", "instrument", "item"),
    doc="One row an answer",
)
RECOMMENDATION = Table(
    "recommendation",
    ("recommendation_id",),
    (
        C("recommendation_id", required=True, doc="Unique"),
        _PERSON,
        C("content_id", required=True, doc="What was recommended"),
        C("shown_at", T.AT, required=True, doc="When it was shown"),
        C("rank", T.INT, low=1, doc="Place in the list, 1 on top"),
        C("policy", doc="What chose it"),
        C("propensity", T.REAL, low=0, high=1, doc="Probability with which the policy chose it"),
        C("clicked_at", T.AT, doc="When it was followed; empty: not by then"),
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
        C("opportunity_id", required=True, doc="Unique"),
        C("kind", doc="Role, project, mentoring and so on"),
        C("role_id", doc="The role that is open"),
        C("opened_on", T.ON, required=True, doc="First day"),
        C("closed_on", T.ON, doc="First day no longer open"),
    ),
    known_at=("opened_on",),
    order=("opportunity_id",),
    doc="Internal openings: roles, projects, mentoring",
)
APPLICATION = Table(
    "application",
    ("application_id",),
    (
        C("application_id", required=True, doc="Unique"),
        C("opportunity_id", required=True, doc="What was applied for"),
        _PERSON,
        C("applied_at", T.AT, required=True, doc="When"),
        C("result", doc="What came of it, in the source's words"),
        C("result_at", T.AT, doc="When that was known"),
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
        C(
            "entity_kind",
            required=True,
            values=("person", "unit"),
            doc="Whether the row is about a person or a unit",
        ),
        C("entity_id", required=True, doc="Which one, as the source names it"),
        C("metric_id", required=True, doc="What was measured"),
        C("period_start_on", T.ON, required=True, doc="First day of the period"),
        C("period_end_on", T.ON, required=True, doc="Last day of the period"),
        C("value", T.REAL, required=True, doc="The result"),
        C("unit", doc="Unit of the result"),
    ),
    known_at=("period_end_on",),
    order=("entity_kind", "entity_id", "metric_id", "period_start_on"),
    doc="Results of the work, by person or unit and period",
)
BENCHMARK = Table(
    "benchmark",
    ("source", "organisation", "year", "item"),
    (
        C("source", required=True, doc="The survey, for example Civil Service People Survey"),
        C("organisation", required=True, doc="As the publisher calls it"),
        C("year", T.INT, required=True, low=1900, high=2100, doc="Year of the survey"),
        C("item", required=True, doc="The question by a short name, or theme for their mean"),
        C("score", T.REAL, required=True, low=0, high=100, doc="Of 100 answers, how many agree"),
        C("known_on", T.ON, required=True, doc="First day the score counts as published"),
        C("sector", doc="The group of organisations it belongs to, in the publisher's words"),
        C("n", T.INT, low=0, doc="People who answered; empty where it is not published"),
        C("response_rate", T.REAL, low=0, high=1, doc="Share of those asked who answered"),
        C("is_summary", T.BOOL, doc="True for the publisher's own mean or median of all"),
    ),
    known_at=("known_on",),
    order=("source", "organisation", "year", "item"),
    doc="Published survey scores of whole organisations; no persons",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        IDENTITY, PERSON, ACCESS,
        CONTENT, CONTENT_SKILL, EVENT, ACTIVITY_DAY, USAGE_PERIOD, ASSIGNMENT,
        INITIATIVE, TOUCH, ARM, SKILL, SKILL_SCALE, SKILL_RATING, ROLE, ROLE_SKILL, RELATED_ROLE,
        SURVEY_ANSWER, RECOMMENDATION, OPPORTUNITY, APPLICATION, OUTCOME,
        BENCHMARK,
    )
}  # fmt: skip

PSEUDONYM_COLUMNS: dict[str, tuple[str, ...]] = {
    "person": ("manager_id",),
    "skill_rating": ("rater_id",),
}
"""Columns beside ``person_id`` that hold a person and are pseudonymised at the door in."""
