"""Whether the log is fit to answer anything, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Published
from ldresearch.sentences import Card, Headline, words

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "has_answers": {
        "title": "Some question can be answered",
        "passed": "Questions that can be answered, at least in part: {value}.",
        "not passed": "None of the questions can be answered with these tables.",
        "not known": "It is not known whether a question can be answered.",
    },
    "is_fresh": {
        "title": "The activity is fresh",
        "passed": "Days without any event before the as-of date: {value}; {threshold} at most.",
        "not passed": "Days without any event before the as-of date: {value}; {threshold} were "
        "allowed. The feed has stopped, or the as-of date runs ahead of the export.",
        "not known": "There are no events, or those of too few people to say.",
    },
    "few_rejected": {
        "title": "Few rows were rejected on the way in",
        "passed": "{value} % of the rows were rejected; {threshold} % at most.",
        "not passed": "{value} % of the rows were rejected; {threshold} % were allowed. The table "
        "says which and why.",
        "not known": "It is not known how many rows were rejected.",
    },
    "persons_known": {
        "title": "Active people are in the HR file",
        "passed": "{value} % of the active people are not in the HR file; {threshold} % at most.",
        "not passed": "{value} % of the active people are not in the HR file; {threshold} % were "
        "allowed. The two systems may spell their ids differently.",
        "not known": "There is no HR file or no activity to compare, or too few people are "
        "concerned to say.",
    },
    "no_repeats": {
        "title": "Events are counted once",
        "passed": "{value} % of the events repeat another one; {threshold} % at most.",
        "not passed": "{value} % of the events repeat another one under a new id; {threshold} % "
        "were allowed. Every count of activity is too high by as much.",
        "not known": "No event has a time of day, or too few people are concerned, so it cannot be "
        "told.",
    },
    "right_day": {
        "title": "Events fall on their day",
        "passed": "{value} % of the events are bare dates that fall on the day before; "
        "{threshold} % at most.",
        "not passed": "{value} % of the events are bare dates, read as midnight UTC, and fall on "
        "the day before in this time zone; {threshold} % were allowed. Read them as local dates.",
        "not known": "There are no events, or those of too few people to say.",
    },
    "clocks_agree": {
        "title": "Clocks agree",
        "passed": "{value} % of the events were recorded before they happened; {threshold} % at "
        "most.",
        "not passed": "{value} % of the events were recorded before they happened; {threshold} % "
        "were allowed. A clock or a time zone is wrong.",
        "not known": "There are no events, or those of too few people to say.",
    },
    "recorded_in_time": {
        "title": "Events are recorded in time",
        "passed": "{value} % of the events were recorded more than a week late; {threshold} % at "
        "most.",
        "not passed": "{value} % of the events were recorded more than a week late; {threshold} % "
        "were allowed. The last weeks will still grow, so do not read them yet.",
        "not known": "No source gives a time of recording, or too few people are concerned.",
    },
    "within_employment": {
        "title": "Activity lies within employment",
        "passed": "{value} % of the people were active before being hired or after leaving; "
        "{threshold} % at most.",
        "not passed": "{value} % of the people were active before being hired or after leaving; "
        "{threshold} % were allowed. Hire and leaving dates do not fit the log.",
        "not known": "There is no HR file or no activity to compare, or too few people are "
        "concerned to say.",
    },
    "active_are_entitled": {
        "title": "Active people are employed and have access",
        "passed": "{value} % of the people active in the last 28 days are not employed or have no "
        "access; {threshold} % at most.",
        "not passed": "{value} % of the people active in the last 28 days are not employed or have "
        "no access; {threshold} % were allowed. They count as active and in no denominator.",
        "not known": "There is no list of employees or of access, or too few people are concerned "
        "to say.",
    },
    "content_known": {
        "title": "Content is in the catalogue",
        "passed": "{value} % of the events name content that is not in the catalogue; {threshold} "
        "% at most.",
        "not passed": "{value} % of the events name content that is not in the catalogue; "
        "{threshold} % were allowed. Nothing can be said of what was learned there.",
        "not known": "There is no catalogue, no event names content, or too few people are "
        "concerned.",
    },
    "no_breaks": {
        "title": "The series has no breaks",
        "passed": "No complete week is silent or far below the usual.",
        "not passed": "Weeks that are silent, far below the usual or out of time: {value}. Ask "
        "whether the platform or only the export was down.",
        "not known": "There are too few weeks, or too few people, to say.",
    },
    "long_enough": {
        "title": "The log is long enough",
        "passed": "Complete weeks with activity: {value}; a window of 60 days takes {threshold}.",
        "not passed": "Complete weeks with activity: {value}; a window of 60 days takes "
        "{threshold}.",
        "not known": "There are too few weeks, or too few people, to say.",
    },
    "staff_is_fresh": {
        "title": "The HR file is fresh",
        "passed": "Days since the last change in the HR file: {value}; {threshold} at most.",
        "not passed": "Days since the last change in the HR file: {value}; {threshold} were "
        "allowed. People have come and gone since.",
        "not known": "There is no HR file, or too few people are concerned to say.",
    },
    "attributes_filled": {
        "title": "People's attributes are filled",
        "passed": "The emptiest of unit, role and level is blank for {value} % of the people; "
        "{threshold} % at most.",
        "not passed": "The emptiest of unit, role and level is blank for {value} % of the people; "
        "{threshold} % were allowed. Shares by group can be far off.",
        "not known": "There is no HR file, or too few people are concerned to say.",
    },
}

_MOST_NAMED: Final = 3
"""Closed questions a sentence names; more of them are read in the table."""

_MEND: Final[Mapping[str, str]] = {
    "has_answers": "deliver the tables named below",
    "is_fresh": "find out why no event has come in lately, and load the missing days",
    "few_rejected": "mend the rows that the table of rejected rows names",
    "persons_known": "make the learning platform and the HR file use the same person ids",
    "no_repeats": "stop the source from delivering events twice under new ids",
    "right_day": "read dates without a time of day as local dates",
    "clocks_agree": "set the source's clock and time zone right",
    "recorded_in_time": "have events delivered within a week, or report a month later",
    "within_employment": "check hire and leaving dates against the log",
    "active_are_entitled": "bring the access list and the HR file up to date",
    "content_known": "load the whole catalogue",
    "no_breaks": "find out what happened in the weeks marked in the figure",
    "long_enough": "load the platform's history",
    "staff_is_fresh": "load a new HR file",
    "attributes_filled": "have unit, role and level filled in the HR file",
}
"""Check to what mends it."""

_FAULT: Final[Mapping[str, str]] = {
    "is_fresh": "its activity is not fresh",
    "few_rejected": "too many rows were rejected on the way in",
    "persons_known": "many active people are not in the HR file",
    "no_repeats": "events are counted more than once",
    "right_day": "events fall on the wrong day",
    "clocks_agree": "its clocks disagree",
    "recorded_in_time": "events are recorded late",
    "within_employment": "people are active outside their employment",
    "active_are_entitled": "active people have no access or employment",
    "content_known": "much of the content is not in the catalogue",
    "no_breaks": "some weeks are broken",
    "long_enough": "it is short",
    "staff_is_fresh": "the HR file is old",
    "attributes_filled": "units, roles or levels are blank",
}
"""Check to what is wrong, as it follows "but"."""


# The finding --------------------------------------------------------------------------------


def headline(questions: Published, checks: Published, *others: Published) -> Headline:
    """Say how many questions the log can answer, and whether to go or to mend what first."""
    verdict = str(checks.parameters["verdict"])
    first = str(checks.parameters["first"])
    said = _open(questions)
    if verdict == "stop":
        title = "This log can answer no question yet"
    elif verdict == "fix":
        title = f"{said.replace(' can ', ' could ')}, but {_FAULT[first]}"
    else:
        title = said
    return Headline(
        title=title,
        cards=_cards(questions, *others),
        decision=_decision(verdict, first, questions, checks),
        change_mind=_change_mind(verdict),
    )


def _open(questions: Published) -> str:
    every = int(questions.parameters["n_questions"] or 0)
    no = int(questions.parameters["n_no"] or 0)
    part = int(questions.parameters["n_part"] or 0)
    which = f"all {every}" if not no else f"{every - no} of {every}"
    said = f"This log can answer {which} questions"
    return f"{said}, {part} of them in part" if part else said


def _cards(questions: Published, *others: Published) -> tuple[Card, ...]:
    every = questions.parameters["n_questions"]
    wanted = (
        ("questions_answerable", None, f"can be answered, of {every}"),
        ("log_coverage_weeks", None, "of activity"),
        ("freshness_days", "activity", "without any event before the as-of date"),
        ("recording_lag", "7 days", "of events recorded more than a week late"),
        ("share_missing_unit", None, "of people without a unit"),
    )
    found = [
        Card.of(one.estimate(metric, label), text)
        for metric, label, text in wanted
        for one in (questions, *others)
        if one.has(metric, label) and one.estimate(metric, label).is_known
    ]
    return tuple(found[:4])


def _decision(verdict: str, first: str, questions: Published, checks: Published) -> str:
    collect, n_opened = questions.parameters["collect_first"], questions.parameters["n_opened"]
    opens = words.plural(int(n_opened or 0), "question")
    more = f" To open {opens} more, collect {collect}." if collect else ""
    if verdict == "stop":
        return f"Fix the data before anything else. To open {opens}, collect {collect}."
    others = int(checks.parameters["n_failed"] or 0) - 1
    rest = f" Then see to {_more(others)} below." if others > 0 else ""
    if verdict == "fix":
        return f"Fix the data before the next report: {_MEND[first]}.{rest}{more}"
    if verdict == "care":
        return f"Go, and before the next export {_MEND[first]}.{rest}{more}"
    return f"Go: run the reports, and run this one again with the next export.{more}"


def _more(n: int) -> str:
    return "the other check not passed" if n == 1 else f"the other {n} checks not passed"


def _change_mind(verdict: str) -> str:
    if verdict == "stop":
        return (
            "An export with people, their activity or their skills would open the first question."
        )
    if verdict == "go":
        return (
            "A new export with rejected rows, a silent week or people whom the HR file does not "
            "know would stop the reports until it is mended."
        )
    return "An export in which the checks below pass would lift the reservation."


def _rows(published: Published) -> list[dict[str, Any]]:
    """Rows by column name; hidden cells stay ``None``."""
    names = [column.name for column in published.columns]
    return [dict(zip(names, row, strict=True)) for row in published.rows]


# The parts ----------------------------------------------------------------------------------


def questions(published: Published) -> str:
    """Say how many questions can be answered and which cannot."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = _rows(published)
    closed = [row["asks"] for row in rows if row["answer"] == "no"]
    said = f"{_open(published)}."
    if 0 < len(closed) <= _MOST_NAMED:
        said += f" Not yet: {' '.join(closed)}"
    if any(row["answer"] != "yes" for row in rows):
        said += " What is missing, and what to collect, stands beside each question."
    return said


def tables(published: Published) -> str:
    """Say which tables that questions ask for are absent."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = _rows(published)
    asked = [row for row in rows if row["n_questions"] != "0"]
    absent = [str(row["table"]).replace("_", " ") for row in asked if row["state"] == "absent"]
    if not absent:
        return f"All {len(asked)} tables that the questions ask for are here."
    return (
        f"Here: {len(asked) - len(absent)} of the {len(asked)} tables that the questions ask for. "
        f"Absent: {words.listing(absent)}."
    )


def coverage(published: Published) -> str:
    """Say which weeks the log covers, and where it breaks."""
    if published.is_empty:
        return words.sentence(published.missing)
    p = published.parameters
    first, last = (published.frame["week_on"].iloc[i] for i in (0, -1))
    said = f"The log runs from the week of {words.date(first)} to that of {words.date(last)}"
    if published.has("log_coverage_weeks"):
        weeks = words.number(published.estimate("log_coverage_weeks").value)
        said += f"; complete weeks with activity: {weeks}"
    said += "."
    low, silent = int(p["n_low"] or 0), int(p["n_silent"] or 0)
    if silent:
        said += f" {words.plural(silent, 'week')} had no event at all."
    if low:
        share = words.percent(float(p["break_share"] or 0))
        said += f" {words.plural(low, 'week')} had less than {share} of the usual events."
    if p["has_stray"]:
        said += " Some events bear dates long before the rest; they are left out here."
    is_judged = any(row["usual"] is not None for row in _rows(published))
    if is_judged and not (low or silent or p["has_stray"]):
        said += " No complete week is silent or far below the usual."
    if "incomplete" in set(published.frame["standing"]):
        said += " Hatched weeks are incomplete."
    return said


def verbs(published: Published) -> str:
    """Say what was done most."""
    if published.is_empty:
        return words.sentence(published.missing)
    top = _rows(published)[0]
    exact = published.rules.public
    n_verbs, n_sources = published.frame["verb"].nunique(), published.frame["source"].nunique()
    said = f"{words.plural(n_verbs, 'verb')} from {words.plural(n_sources, 'source')}"
    if top["n"] is None or top["n_events"] is None:
        return f"{said}; too few people to show how often."
    return (
        f"{said}; the most frequent is {str(top['verb']).replace('_', ' ')}, "
        f"{words.number(top['n_events'])} events by {words.persons(top['n'], exact=exact)}."
    )


def lag(published: Published) -> str:
    """Say how late events are recorded."""
    if published.is_empty:
        return words.sentence(published.missing)
    if not published.has("recording_lag", "7 days"):
        return "Too few people stand behind these events to say how late they are recorded."
    late = published.estimate("recording_lag", "7 days").value
    share = _share(late, published)
    share = share[0].upper() + share[1:]
    said = f"{share} of the events were recorded more than a week after they happened."
    unknown = float(published.parameters["share_unknown"] or 0)
    if unknown:
        said += f" {words.percent(unknown)} of the events have no time of recording of their own."
    if not published.parameters["is_settled"]:
        said += " The log is too young to show the latest ones."
    return said


def _share(share: float, published: Published) -> str:
    """Say a share in whole percents; "none" only where nothing was rounded away."""
    if share == 0 and published.rules.public:
        return "none"
    return "under 1 %" if share < 0.005 else words.percent(share)


def rejects(published: Published) -> str:
    """Say how many rows were rejected and mostly why."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = _rows(published)
    if not rows:
        return "No row was rejected on the way in."
    top = rows[0]
    n = f"fewer than {published.rules.k}" if top["n_rows"] is None else words.number(top["n_rows"])
    said = (
        f"Most rejected: {n} rows of {str(top['table']).replace('_', ' ')}, because of: "
        f"{str(top['reason']).replace('_', ' ')}."
    )
    if published.has("share_rejected"):
        share = _share(published.estimate("share_rejected").value, published)
        said += f" In all, {share} of the rows read broke a rule of their table."
    return said


def notes(published: Published) -> str:
    """Say that the sources left notes."""
    if published.is_empty:
        return words.sentence(published.missing)
    return f"The sources left {words.plural(len(published.rows), 'note')} while reading."


def faults(published: Published) -> str:
    """Name the contradiction that touches most people."""
    if published.is_empty:
        return words.sentence(published.missing)
    rows = _rows(published)
    skipped = str(published.parameters["not_checked"])
    unchecked = " What has no table to check against is left out." if skipped else ""
    if not rows:
        return f"Nothing could be checked.{unchecked}"
    top = rows[0]
    if top["share"] is None:
        return f"No contradiction touches more people than may be shown.{unchecked}"
    if not top["n_reached"]:
        return f"None of the {len(rows)} contradictions looked for was found.{unchecked}"
    share = _share(top["share"], published)
    return f"Most frequent, {share} of the people: {_SAYS[top['fault']]}.{unchecked}"


_SAYS: Final[Mapping[str, str]] = {
    "unknown_person": "active, and not in the HR file",
    "unknown_content": "active with content that is not in the catalogue",
    "unknown_assignment": "active on an assignment that is not in its list",
    "before_hire": "active before being hired",
    "after_leaving": "active after leaving",
    "repeated": "the same event under two ids",
    "clock_ahead": "an event recorded before it happened",
    "shifted_day": "a bare date that falls on the day before",
}


def denominators(published: Published) -> str:
    """Say whether those active are employed and have access."""
    if published.is_empty:
        return words.sentence(published.missing)
    if not published.has("share_unentitled"):
        return "Without an HR file, an access list and activity there is nothing to reconcile."
    share = published.estimate("share_unentitled")
    n = words.persons(share.n, exact=published.rules.public)
    if share.value == 0:
        everyone = "Everyone" if published.rules.public else "Nearly everyone"
        return f"{everyone} active in the last 28 days ({n}) is employed and has access."
    return (
        f"Of {n} active in the last 28 days, {words.estimate_with_interval(share)} "
        "are not employed or have no access."
    )


def missing(published: Published) -> str:
    """Name the emptiest column."""
    if published.is_empty:
        return words.sentence(published.missing)
    top = _rows(published)[0]
    where = (
        f"{str(top['column']).replace('_', ' ')} in the {str(top['table']).replace('_', ' ')} table"
    )
    if top["share"] is None:
        return "Too few people stand behind the columns to say how many blanks they have."
    if not top["share"]:
        return "No column that a question wants has a blank to speak of."
    return f"The emptiest column is {where}: {words.percent(top['share'])} blank."


def missing_by(published: Published) -> str:
    """Name the group with the largest share of blanks."""
    if published.is_empty:
        return words.sentence(f"by group, {published.missing}")
    rows = [row for row in _rows(published) if row["share"] is not None]
    if not rows:
        return "The groups with blanks are too small to show."
    top = max(rows, key=lambda row: (row["share"], row["group"]))
    where = "those in no known group" if top["group"] == "Unknown" else top["group"]
    return (
        f"Most blanks: {words.percent(top['share'])} of {where} have no "
        f"{str(top['column']).replace('_', ' ')}. Blanks that sit in one group bias that group."
    )
