"""Say which skills fall short and where, how sure that is, and what would close the gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ldresearch.result import Estimate, Published
from ldresearch.sentences import words
from ldresearch.sentences._headline import Card, Headline

_A_WEEK: Final = 0.5
"""Hours a week that people are assumed to have for it; said wherever it is used."""

_MOST_CLOSABLE: Final = 0.5
"""Below this, content must be found before people are sent to it."""

_LOOSE: Final = 0.4
"""Agreement below this is called poor by most conventions."""

_A_TRIFLE: Final = 0.01
"""Raters who differ by less, on 0 to 1, are as good as alike."""

_FEW_AGAIN: Final = 0.5
"""Below this share rated again, a change is that of a few."""

_SOURCES: Final = {
    "review": "skill reviews", "certificate": "certificates", "manager": "managers",
    "peer": "peers", "inferred": "inferred ratings", "self": "people themselves",
}  # fmt: skip

CHECKS: Final[Mapping[str, Mapping[str, str]]] = {
    "rating_coverage": {
        "title": "Most required skills are rated",
        "passed": "{value} % of the skills that roles ask for are rated.",
        "not passed": (
            "{value} % of the skills that roles ask for are rated (wanted: {threshold} % or more): "
            "who is not rated may be better or worse."
        ),
        "not known": "There are no ratings, or roles ask for no skills.",
    },
    "rating_age": {
        "title": "Ratings are recent",
        "passed": "Half of the ratings are at most {value} days old.",
        "not passed": (
            "Half of the ratings are older than {value} days (wanted: {threshold} or fewer): by "
            "then a rating counts less than half."
        ),
        "not known": "Nobody has been rated.",
    },
    "self_only": {
        "title": "Others have rated, not people alone",
        "passed": "{value} % of the rated skills are rated by the person only.",
        "not passed": (
            "{value} % of the rated skills are rated by the person only (allowed: {threshold} %): "
            "have managers or reviewers rate a sample of them."
        ),
        "not known": "There are no ratings, or roles ask for no skills.",
    },
    "bias_told": {
        "title": "Sources can be held against each other",
        "passed": "Every source has rated skills that another has rated too.",
        "not passed": (
            "Sources whose bias cannot be told: {value}. Too few of the skills they rated are "
            "rated by another, so part of a gap may be their severity or kindness."
        ),
        "not known": "Nobody has been rated.",
    },
    "flattery": {
        "title": "No source is far off",
        "passed": "The largest bias of a source is {value} points of 100, and is taken out.",
        "not passed": (
            "One source is {value} points of 100 off (allowed: {threshold}). It is taken out, but "
            "agree first on what the levels mean."
        ),
        "not known": "Sources cannot be held against each other.",
    },
    "stability": {
        "title": "Cohorts are found again in other samples",
        "passed": "Cohorts found again: similarity of {value} (1: always the same people).",
        "not passed": (
            "Cohorts are not found again: similarity of {value} (wanted: {threshold} or more). "
            "None are shown."
        ),
        "not known": "No cohorts are shown, so there is nothing to check.",
    },
    "beyond_null": {
        "title": "Cohorts are more than chance",
        "passed": "Cohorts are {value} standard errors tighter than in data without cohorts.",
        "not passed": (
            "The best cohorts are {value} standard errors tighter than in data without cohorts "
            "(wanted: {threshold} or more). None are shown."
        ),
        "not known": "No cohorts are shown, so there is nothing to check.",
    },
}
"""Check id to its title and the sentence for each status."""


# What is known ------------------------------------------------------------------------------


def coverage(published: Published, *_: Published) -> str:
    """Say which share of the required skills is rated, and how new that is."""
    if published.is_empty:
        return f"How much is rated cannot be told: {published.missing}."
    if not published.has("rating_coverage"):
        return "How much is rated is hidden: too few people."
    whole = published.estimate("rating_coverage")
    said = (
        f"{words.percent(whole.value)} of the skills that roles ask for are rated by anyone "
        f"({_people(published, whole)})"
    )
    top = next((r for r in published.frame.to_dict("records") if r["source"] == "any"), None)
    if top is None or not _is_shown(top["new"]):
        return f"{said}."
    return (
        f"{said}; {words.percent(top['new'])} within the last half year, and "
        f"{words.percent(top['old'])} not for more than a year."
    )


def basis(published: Published, *_: Published) -> str:
    """Say how much rests on what people say of themselves."""
    if published.is_empty:
        return f"What is known by group cannot be told: {published.missing}."
    if not _is_known(published, "self_only_share"):
        return "None of the required skills is rated in any group."
    alone = published.estimate("self_only_share")
    rows = [r for r in published.frame.to_dict("records") if _is_shown(r["none"])]
    said = (
        f"{words.percent(alone.value)} of the rated skills are rated by the person only, which "
        "places nobody"
    )
    if len(rows) < 2:
        return f"{said}."
    most = max(rows, key=lambda r: float(r["none"]))
    return f"{said}. Least is known of {most['group']}: {words.percent(most['none'])} not rated."


def sources(published: Published, *_: Published) -> str:
    """Say how much each source flatters."""
    if published.is_empty:
        return f"How far sources are off cannot be told: {published.missing}."
    found = [e for e in published.estimates if e.metric == "source_bias" and not math.isnan(e.low)]
    reference = str(published.parameters.get("reference") or "")
    if not found or not reference:
        return (
            "How far sources are off cannot be told: too few skills are rated by two sources, and "
            "what people say of themselves places nobody."
        )
    # Sources within chance of the reference are not called kinder.
    kind = [e for e in found if e.low > 0]
    hard = [e for e in found if e.high < 0]
    said = [f"{_name(e)} rate {_points(e.value)} higher ({_interval(e)})" for e in kind]
    said += [f"{_name(e)} rate {_points(e.value)} lower ({_interval(e)})" for e in hard]
    base = f"Held against {_SOURCES.get(reference, reference)}, "
    if not said:
        return f"{base}no source is off by more than chance would have it.{_severity(published)}"
    return f"{base}{words.listing(said)}; this is taken out of every level.{_severity(published)}"


def _severity(published: Published) -> str:
    """Say by how much raters of one source differ, where that is known and worth a word."""
    found = [
        e for e in published.estimates
        if e.metric == "rater_severity" and e.label != "self" and e.is_known
    ]  # fmt: skip
    if not found:
        return " Who rated is not known, or too few rated beside others to tell raters apart."
    most = max(found, key=lambda e: e.value)
    if most.value < _A_TRIFLE:
        return " Raters of one source hardly differ in how strict they are."
    return (
        f" Raters differ too: of two {_name(most)}, one is typically {_points(1.13 * most.value)} "
        "stricter than the other; what is told of each is taken out."
    )


def self_bias(published: Published, *_: Published) -> str:
    """Say how far people see themselves above what their managers say, and where most."""
    if published.is_empty:
        return f"Self-ratings cannot be held against managers': {published.missing}."
    if not published.has("self_difference", "all"):
        return "Self-ratings against managers' are hidden: too few people."
    e = published.estimate("self_difference", "all")
    how = "above" if e.value < 0 else "below"
    said = (
        f"People rate themselves {_points(e.value)} of 100 {how} what their managers say "
        f"({_interval(e, flip=True)}, {_people(published, e)})."
    )
    rows = published.frame.to_dict("records")
    most = [str(r["group"]) for r in rows if r["standing"] == "below"]
    least = [str(r["group"]) for r in rows if r["standing"] == "above"]
    if not most and not least:
        return f"{said} Groups do not differ by more than chance."
    if most:
        said += f" More so in {words.listing(most)}."
    if least:
        said += f" Less so in {words.listing(least)}."
    return said


def agreement(published: Published, *_: Published) -> str:
    """Say which two sources agree most and which least, and what to do about it."""
    if published.is_empty:
        return f"How far sources agree cannot be told: {published.missing}."
    rows = _shown_rows(published, "same")
    if not rows:
        return "How far sources agree is hidden: too few people."
    ranked = sorted(rows, key=lambda r: -float(r["same"]))
    said = f"{_both(ranked[0])} agree most closely, at {_index(ranked[0])}"
    if len(ranked) > 1:
        said += f"; {_both(ranked[-1])} least, at {_index(ranked[-1])}"
    said += ". One is full agreement, nought none beyond chance"
    if float(ranked[-1]["same"]) < _LOOSE:
        said += (
            ": where two agree so little, settle with both what each level means, and rate a "
            "sample together"
        )
    return words.sentence(said)


def _both(row: Mapping[Any, Any]) -> str:
    first, second = (_SOURCES.get(str(row[c]), str(row[c])) for c in ("first", "second"))
    return f"{first} and {second}"


def _index(row: Mapping[Any, Any]) -> str:
    value, low, high = (words.number(round(float(row[c]), 2)) for c in ("same", "low", "high"))
    return f"{value} (95 % interval {low} to {high})"


# Change -------------------------------------------------------------------------------------


def change(published: Published, *_: Published) -> str:
    """Say whether skills have changed since the earlier date, and on how much that rests."""
    if published.is_empty:
        return f"Whether skills have changed cannot be told: {published.missing}."
    if not published.has("skill_change", "all"):
        return "Whether skills have changed is hidden: too few people."
    e = published.estimate("skill_change", "all")
    people = _people(published, e)
    if e.low > 0 or e.high < 0:
        how = "higher" if e.value > 0 else "lower"
        said = (
            f"People who were rated again stand {_points(e.value)} of 100 {how} than before "
            f"({_interval(e)}, {people})"
        )
    else:
        low, high = (words.number(round(100 * x, 1)) for x in (e.low, e.high))
        said = (
            "No change beyond chance: people who were rated again stand "
            f"{words.number(round(100 * e.value, 1))} points of 100 from where they stood "
            f"(95 % interval {low} to {high}, {people})"
        )
    if _is_known(published, "rated_again"):
        share = published.estimate("rated_again").value
        said += (
            f". Only {words.percent(share)} of what was known before has been rated since; of the "
            "rest no change is known"
            if share < _FEW_AGAIN
            else f". {words.percent(share)} of what was known before has been rated since"
        )
    return f"{said}."


# Gaps ---------------------------------------------------------------------------------------


def gaps(published: Published, *_: Published) -> str:
    """Name the skills that fall shortest, with intervals."""
    if published.is_empty:
        return f"Which skills fall short cannot be told: {published.missing}."
    rows = _shown_rows(published, "shortfall")
    if not rows:
        return "Which skills fall short is hidden: too few people."
    top = _top(rows)
    each = [f"{r['skill']} by {_points(r['shortfall'])} ({_ends(r)})" for r in top]
    n = words.persons(top[0]["n"], exact=published.rules.public)
    said = (
        f"Of 100 points, people fall short most in {words.listing(each)}; {n} were rated in "
        f"{top[0]['skill']}, and {words.percent(top[0]['at_target'])} are at its target."
    )
    return said + _unknown(published) + _caveat(published)


def _unknown(published: Published) -> str:
    """Name the skills of which nothing can be said."""
    n, names = published.parameters.get("n_unknown"), published.parameters.get("unknown")
    if not n or not names:
        return ""
    named = words.listing(str(names).split(", ")[:4])
    more = " and others" if int(n) > 4 else ""
    return f" Too few are rated to say anything of {named}{more}."


def gap_map(published: Published, *_: Published) -> str:
    """Say in which groups a skill is shorter than elsewhere."""
    if published.is_empty:
        return f"Where the gaps are cannot be told: {published.missing}."
    rows = _shown_rows(published, "shortfall")
    if not rows:
        return "Where the gaps are is hidden: too few people."
    above = [r for r in rows if r["standing"] == "above"]
    if not above:
        return (
            "No group falls shorter than the others by more than chance in any of these skills: "
            "the gaps are everyone's."
        )
    each = [f"{r['skill']} in {r['group']} ({_points(r['shortfall'])}, {_ends(r)})" for r in above]
    return f"Shorter than elsewhere, by more than chance: {words.listing(each[:5])}."


def readiness(published: Published, *_: Published) -> str:
    """Say how ready people are and which skill moves that most."""
    if published.is_empty:
        return f"Readiness cannot be told: {published.missing}."
    if not published.has("readiness"):
        return "Readiness is hidden: too few people."
    e, met = published.estimate("readiness"), published.estimate("target_coverage")
    said = (
        f"People reach {words.percent(e.value)} of what their roles ask ({words.interval(e)}, "
        f"{_people(published, e)}); {words.percent(met.value)} of their skills are at the target."
    )
    rows = _shown_rows(published, "gain")
    if not rows:
        return said
    return (
        f"{said} {rows[0]['skill']} moves it most: by {_points(rows[0]['gain'])} if everyone "
        f"reached its target ({_ends(rows[0])})."
    )


# Cohorts ------------------------------------------------------------------------------------


def clusters(published: Published, *_: Published) -> str:
    """Say whether there are cohorts, and why that many."""
    if published.is_empty:
        return f"Whether there are cohorts cannot be told: {published.missing}."
    k = int(published.parameters.get("k") or 0)
    if not k:
        return (
            "There are no cohorts: people do not fall into groups that lack the same skills, or "
            "such groups are not found again in other samples of the same people."
        )
    row = next(r for r in published.frame.to_dict("records") if r["cohorts"] == k)
    return (
        f"People fall into {k} cohorts that lack the same skills "
        f"({words.persons(row['n'], exact=published.rules.public)} placed). In other samples they "
        f"are found again with a similarity of {words.number(row['jaccard'], 2)} (1: the same "
        "people), and they are far tighter than in data without cohorts."
    )


def cohorts(published: Published, *_: Published) -> str:
    """Say what each cohort lacks."""
    if published.is_empty:
        return words.sentence(f"no cohorts are shown, for {published.missing}")
    rows = _shown_rows(published, "shortfall")
    if not rows:
        return "Cohorts are hidden: too few people."
    n_of = {str(r["cohort"]): r["n"] for r in rows}
    each = []
    for name, n in n_of.items():
        number, skills = name.split(": ", 1)
        who = words.persons(n, exact=published.rules.public)
        each.append(f"cohort {number} ({who}) is shorter than the others in {skills}")
    return words.sentence("; ".join(each))


def cohort_plan(published: Published, *_: Published) -> str:
    """Say what closing each cohort's gaps takes, and what has to be bought or made for it."""
    if published.is_empty:
        return f"What closing the gaps of cohorts takes cannot be told: {published.missing}."
    rows = published.frame.to_dict("records")
    each = []
    for row in rows:
        number = str(row["cohort"]).partition(": ")[0]
        if not (_is_shown(row["hours"]) and _is_shown(row["closable"])):
            continue
        each.append(
            f"cohort {number} {words.quantity(round(float(row['hours']), 1), 'hours')} a person "
            f"for {words.percent(row['closable'])} of its gaps"
        )
    if not each:
        return "The hours of each cohort cannot be told: content does not say where it leads."
    said = words.sentence(f"it takes {words.listing(each)}")
    untaught = dict.fromkeys(
        skill for row in rows for skill in str(row["untaught"] or "").split(", ") if skill
    )
    if untaught:
        said += f" Nothing on offer teaches {words.listing(list(untaught)[:5])}."
    return said


# What closes them ---------------------------------------------------------------------------


def supply(published: Published, *_: Published) -> str:
    """Say how many hours it takes, what it costs, and what is not taught."""
    if published.is_empty:
        return f"What closing the gaps takes cannot be told: {published.missing}."
    if not _is_known(published, "hours_to_close"):
        return "The hours cannot be told: content does not say which levels it leads from and to."
    hours, share = published.estimate("hours_to_close"), published.estimate("gap_closable")
    said = (
        f"Content on offer leads over {words.percent(share.value)} of the gaps, in "
        f"{words.estimate(hours)} a person on average ({words.interval(hours)}, "
        f"{_people(published, hours)})"
    )
    if _is_known(published, "cost_to_close"):
        cost = published.estimate("cost_to_close").value
        currency = str(published.parameters.get("currency") or "")
        if cost > 0 and currency:
            said += f" and for {words.number(cost)} {currency} by the catalogue"
    weak = [
        str(r["skill"])
        for r in _shown_rows(published, "closable")
        if float(r["closable"]) < _MOST_CLOSABLE
    ]
    if weak:
        said += f". Less than half of the gap is taught in {words.listing(weak)}"
    return f"{said}."


# The headline -------------------------------------------------------------------------------


def headline(
    short: Published,
    where: Published,
    ready: Published,
    taught: Published,
    groups: Published,
    rated: Published,
) -> Headline:
    """Say where the largest gap is and how sure, and where to invest.

    Parameters
    ----------
    short, where, ready, taught, groups, rated : Published
        The views ``gaps``, ``gap_map``, ``readiness``, ``supply``, ``cohorts`` and ``coverage``.
    """
    return Headline(
        _title(short, where),
        _cards(short, ready, taught, rated),
        _decision(short, where, taught, groups),
        _change_mind(short, taught, rated),
    )


def _title(short: Published, where: Published) -> str:
    rows = [] if short.is_empty else _shown_rows(short, "shortfall")
    if not rows:
        why = short.missing or "too few people"
        return f"Which skills fall short is not known: {why}"
    top = _top(rows)
    names = words.listing(str(r["skill"]) for r in top)
    low, high = (math.floor(100 * min(float(r["low"]) for r in top)),
                 math.ceil(100 * max(float(r["high"]) for r in top)))  # fmt: skip
    verb = "fall" if len(top) > 1 else "falls"
    above = _above(where, {str(r["skill"]) for r in top})
    place = f", most of all in {words.listing(above)}" if above else ""
    return (
        f"{names} {verb} furthest short of what roles ask: by {low} to {high} points of 100{place}"
    )


def _cards(
    short: Published, ready: Published, taught: Published, rated: Published
) -> tuple[Card, ...]:
    found = []
    if short.has("skill_shortfall"):
        top = next(e for e in short.estimates if e.metric == "skill_shortfall")
        found.append(Card.of(top, f"shortfall in {top.label}, of 100"))
    for published, metric, label in (
        (ready, "readiness", "of what roles ask is reached"),
        (taught, "hours_to_close", "a person to close what content can close"),
        (rated, "rating_coverage", "of the required skills are rated"),
    ):
        if _is_known(published, metric):
            found.append(Card.of(published.estimate(metric), label))
    return tuple(found)


def _decision(short: Published, where: Published, taught: Published, groups: Published) -> str:
    rows = [] if short.is_empty else _shown_rows(short, "shortfall")
    if not rows:
        return (
            "Decide nothing on skills yet: state what roles ask, and have managers or skill "
            "reviews rate a sample of people within four weeks; then run this again."
        )
    top = _top(rows)
    names = words.listing(str(r["skill"]) for r in top)
    above = _above(where, {str(r["skill"]) for r in top})
    first = f"Invest in {names} first" + (f", beginning in {words.listing(above)}" if above else "")
    said = [f"{first}.", _how(top, taught)]
    if not groups.is_empty and groups.rows:
        n = len(set(groups.frame["cohort"]))
        said.append(f"Offer it by cohort: {n} groups of people lack different skills.")
    return " ".join(s for s in said if s)


def _how(top: list[dict[Any, Any]], taught: Published) -> str:
    if taught.is_empty:
        return f"What it takes is not known: {taught.missing}. Tag the catalogue within four weeks."
    rows = {str(r["skill"]): r for r in taught.frame.to_dict("records")}
    here = [rows[str(r["skill"])] for r in top if str(r["skill"]) in rows]
    here = [r for r in here if _is_shown(r["hours"]) and _is_shown(r["closable"])]
    if not here:
        return "What it takes is not known: say in the catalogue which levels content leads to."
    weak = [str(r["skill"]) for r in here if float(r["closable"]) < _MOST_CLOSABLE]
    if weak:
        return (
            f"Buy or make content for {words.listing(weak)} within eight weeks: what is on offer "
            "leads over less than half of the gap."
        )
    hours = round(sum(float(r["hours"]) for r in here), 1)
    closes = min(float(r["closable"]) for r in here)
    n = max(float(r["n"]) for r in here)
    weeks = max(math.ceil(hours / _A_WEEK), 1)
    exact = taught.rules.public
    return (
        f"For {words.persons(n, exact=exact)} who are short, content on offer closes "
        f"{words.percent(closes)} or more of it in {words.quantity(hours, 'hours')} a "
        f"person: half an hour a week from now is done in {words.plural(weeks, 'week')}."
    )


def _change_mind(short: Published, taught: Published, rated: Published) -> str:
    if short.is_empty or not _shown_rows(short, "shortfall"):
        return "Ratings by others than the people themselves, of skills that roles ask for."
    rows = _shown_rows(short, "shortfall")
    top = _top(rows)
    said = []
    rest = rows[len(top) :]
    if rest:
        said.append(
            f"New ratings that lift {rest[0]['skill']} (now {_points(rest[0]['shortfall'])} short) "
            f"above {top[0]['skill']}."
        )
    if _is_known(rated, "rating_coverage") and rated.estimate("rating_coverage").value < 0.6:
        said.append("Ratings of those who have none yet.")
    if not taught.is_empty:
        said.append("People who took the content and are not rated higher afterwards.")
    return " ".join(said) or "A review that rates the same people at their target."


# Shared -------------------------------------------------------------------------------------


def _top(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Return the largest shortfalls that cannot be told apart by their intervals, three at most."""
    first = rows[0]
    same = [
        r for r in rows if _is_shown(r["high"]) and float(r["shortfall"]) >= float(first["low"])
    ]
    return (same or [first])[:3]


def _above(where: Published, skills: set[str]) -> list[str]:
    if where.is_empty:
        return []
    rows = [r for r in where.frame.to_dict("records") if r["standing"] == "above"]
    return list(dict.fromkeys(str(r["group"]) for r in rows if str(r["skill"]) in skills))[:3]


def _shown_rows(published: Published, column: str) -> list[dict[Any, Any]]:
    return [r for r in published.frame.to_dict("records") if _is_shown(r[column])]


def _is_shown(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def _is_known(published: Published, metric: str) -> bool:
    return published.has(metric) and published.estimate(metric).is_known


def _people(published: Published, e: Estimate) -> str:
    return words.persons(e.n, exact=published.rules.public)


def _points(value: float) -> str:
    return words.points(abs(float(value))).lstrip("+")


def _ends(row: Mapping[Any, Any]) -> str:
    low, high = (words.number(round(100 * float(row[end]), 1)) for end in ("low", "high"))
    return f"95 % interval {low} to {high}"


def _interval(e: Estimate, *, flip: bool = False) -> str:
    """Write the interval of a difference, in points; ``flip`` where its sign is said in words."""
    ends = sorted(abs(x) if e.low * e.high > 0 else (-x if flip else x) for x in (e.low, e.high))
    low, high = (words.number(round(100 * x, 1)) for x in ends)
    return f"95 % interval {low} to {high}"


def _name(e: Estimate) -> str:
    return _SOURCES.get(e.label, e.label)


def _caveat(published: Published) -> str:
    if not published.parameters.get("is_upper_bound"):
        return ""
    return (
        " Only one source can be used, so its errors cannot be told from gaps, and make them look "
        "larger than they are."
    )
