"""Two papers about all reports of a client: one for those whom they are about, one for counsel.

Both are filled from what is known of the dataset and from settings that only people know. What
nobody has filled in says so; nothing is made up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ldresearch.errors import ParameterError, did_you_mean, message
from ldresearch.report._html import fill
from ldresearch.report.page import client_name
from ldresearch.result import Rules

SETTINGS: Mapping[str, str] = {
    "controller": "Who is responsible for these reports: name and address",
    "contact": "Whom to ask about what is recorded",
    "officer": "The data protection officer",
    "purpose": "What the reports are made for",
    "legal_basis": "On which legal basis",
    "recipients": "Who reads the reports",
    "retention": "How long records, private runs and reports are kept",
    "objection": "How to object, or to ask to be forgotten",
    "consultation": "Who was heard: works council, data protection officer, staff",
    "decision": "Who decides what on the strength of a report",
}
"""Keys of a settings file, and what each says."""

_LONGEST = 2000
_OPEN = "not filled in yet"
_EMPHASIS = re.compile(r"([\\`*_{}\[\]<>#|!&])")


@dataclass(frozen=True, slots=True)
class Subject:
    """What the reports of a client are made from.

    Attributes
    ----------
    client : str
    public : bool
    time_zone : str
    n_persons : int
    tables : tuple of (str, str)
        Each table that is there, and what it holds.
    sources : tuple of str
        Kinds of systems read.
    settings : mapping of str to str
        Of ``SETTINGS``; what is missing is not filled in yet.
    """

    client: str
    public: bool
    time_zone: str
    n_persons: int
    tables: tuple[tuple[str, str], ...]
    sources: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> tuple[str, ...]:
        """Settings that nobody has filled in."""
        return tuple(name for name in SETTINGS if not self.settings.get(name))


def checked(settings: Mapping[str, object]) -> dict[str, str]:
    """Check settings by name and type.

    Parameters
    ----------
    settings : mapping
        As read from a TOML file.

    Returns
    -------
    dict of str to str
        Without what is empty.

    Raises
    ------
    ParameterError
        For an unknown key, what is no text, or a text that is too long.

    Examples
    --------
    >>> checked({"contact": " the learning team "})
    {'contact': 'the learning team'}
    """
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ParameterError(
                message("no such setting", where="settings", got=name[:60],
                        do=did_you_mean(name, SETTINGS))
            )  # fmt: skip
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise ParameterError(
                message("not a text", where=f"settings, {name}", got=type(value).__name__,
                        allowed=f"up to {_LONGEST} characters in quotation marks")
            )  # fmt: skip
    return {name: " ".join(str(v).split()) for name, v in settings.items() if str(v).strip()}


def template() -> str:
    """Return a settings file to fill in."""
    lines = ["# What only people know. Leave empty what is not settled: the pages say so.", ""]
    for name, said in SETTINGS.items():
        lines += [f"# {said}.", f'{name} = ""', ""]
    return "\n".join(lines)


def _said(subject: Subject, name: str) -> str:
    return subject.settings.get(name) or f"{SETTINGS[name]}: {_OPEN}."


def _protection(subject: Subject, rules: Rules) -> list[str]:
    if subject.public:
        return [
            (
                "These data are published or made up. No number is hidden or rounded for anyone's "
                "protection."
            )
        ]
    return [
        (
            "Ids of persons are replaced by codes before anything is counted; the key to "
            "the codes is "
            "kept apart from the data."
        ),
        (
            f"A number about fewer than {rules.k} people is not shown, and counts are "
            f"rounded to the "
            f"nearest {rules.base}, unless the foot of a report says otherwise."
        ),
        (
            "A report holds no list, score or ranking of persons. What it shows is checked "
            "once more "
            "by separate code before it is written."
        ),
    ]


MAY = (
    (
        "to see how a group takes up learning, and to decide what to offer, to whom as a "
        "group, and "
        "how to bring it to people"
    ),
    "to say before an initiative what it has to change, and afterwards whether it did",
)
MAY_NOT = (
    "to judge, rank, reward, warn or dismiss a person",
    "to find out what a single person did, or who belongs to a small group",
    "to let a machine decide anything about people by itself",
    "as proof of what somebody can do: what is recorded is use of systems, not ability",
)


def page(subject: Subject, rules: Rules | None = None) -> str:
    """Write "about these reports", in plain words.

    Parameters
    ----------
    subject : Subject
    rules : Rules, optional
        The disclosure rules in force; the defaults otherwise.

    Returns
    -------
    str
        One HTML document, the same bytes for the same input.
    """
    held = [f"{name}: {said}" for name, said in subject.tables]
    asked = [_said(subject, name) for name in ("contact", "objection", "officer")]
    sections = [
        ("What they are made from", "Records that are there already, of these kinds.", held),
        ("How people are protected", "", _protection(subject, rules or Rules())),
        ("What they may be used for", _said(subject, "purpose"), [f"{m}" for m in MAY]),
        ("What they may not be used for", "", list(MAY_NOT)),
        ("Who decides, and who reads them", "",
         [_said(subject, "decision"), _said(subject, "recipients")]),
        ("Who is responsible", "", [_said(subject, "controller"), _said(subject, "legal_basis")]),
        ("How long it is kept", "", [_said(subject, "retention")]),
        ("What you can ask for",
         ("You may ask what is recorded about you, have it put right, object, or ask to be "
         "forgotten. Someone who is forgotten is taken out of the records, and later records are "
         "refused. Reports already made keep their totals: they hold nobody's own number."), asked),
    ]  # fmt: skip
    return fill(
        "about.html.j2", client=client_name(subject.client), sections=sections,
        n_open=len(subject.open),
    )  # fmt: skip


_RISKS: Sequence[tuple[str, str, str]] = (
    ("A reader works out a colleague's number from a small group, a table or a curve",
     "smallest group, rounding, curves by week", "low; see docs/privacy.md for what remains"),
    ("A reader compares several reports about nearly the same people",
     "the same rules in every report; few cuts", "see docs/privacy.md for what remains"),
    ("A report is used to judge a person", ("no number about a person; the page says what it may "
     "not be used for"), "depends on how the organisation acts"),
    ("Someone who finds the dataset looks up a person", ("keyed codes, key elsewhere, folders "
     "closed to others"), "patterns of activity can still give a person away"),
    ("Executed notebooks show rows", "private folder, removed after a while (ldresearch prune)",
     "low if they are removed"),
    ("Records are kept for too long", "ldresearch prune; read only what is needed from sources",
     "depends on the schedule"),
    ("A wrong number leads to a wrong decision", ("definitions are tests, intervals on every "
     "number, checks on every page"), "low"),
)  # fmt: skip


def assessment(subject: Subject, rules: Rules | None = None) -> str:
    """Write a data protection impact assessment to begin from, as Markdown.

    Parameters
    ----------
    subject : Subject
    rules : Rules, optional

    Returns
    -------
    str
        What is known is filled in, what is not says "not filled in yet". It is a draft for people
        who know the law, and no legal advice.
    """
    rules = rules or Rules()

    def filled(name: str) -> str:
        value = subject.settings.get(name)
        return f"**{SETTINGS[name]}:** {_plain(value) if value else f'*{_OPEN}*'}"

    tables = "\n".join(f"| `{name}` | {_plain(said)} |" for name, said in subject.tables)
    risks = "\n".join(f"| {what} | {against} | {left} |" for what, against, left in _RISKS)
    people = round(subject.n_persons / 5) * 5
    parts = [
        f"# Data protection impact assessment: learning reports of {_plain(subject.client)}",
        (
            f"A draft. {len(subject.open)} of {len(SETTINGS)} answers are {_OPEN}. "
            f"Evaluating records "
            "of employees, who depend on their employer, makes an assessment likely to be required "
            "(GDPR, Article 35). Whether it is, and whether this one is enough, is for counsel."
        ),
        "## 1. What is done",
        (
            f"Records of learning of about {people} people are read from "
            f"{_plain(', '.join(subject.sources) or 'frames')}, typed, checked, pseudonymised and "
            f"kept as a "
            f"dataset. Days are counted in {_plain(subject.time_zone)}. Notebooks turn it "
            f"into reports "
            "about groups."
        ),
        f"| table | what it holds |\n|---|---|\n{tables}",
        "\n\n".join(filled(n) for n in ("controller", "officer", "purpose", "recipients")),
        "## 2. Whether it is needed, and in proportion",
        "\n\n".join(filled(n) for n in ("legal_basis", "retention", "decision")),
        "Only declared columns are read in. Names, addresses and free text stay in the sources.",
        "## 3. Risks to people, and what stands against them",
        f"| risk | against it | what is left |\n|---|---|---|\n{risks}",
        "## 4. Measures",
        "\n".join(f"- {said}" for said in _protection(subject, rules)),
        (
            "- Folders of data, keys and executed notebooks are closed to other users of "
            "the machine "
            "(`ldresearch doctor` checks it).\n- `ldresearch forget` takes a person out and "
            "refuses "
            "later records; `ldresearch prune` removes old executed notebooks.\n- A page "
            "has no script "
            "and loads nothing."
        ),
        "## 5. Rights",
        "\n\n".join(filled(n) for n in ("contact", "objection")),
        "## 6. Who was heard",
        filled("consultation"),
        "## 7. What is not promised",
        (
            "Anonymity: datasets are pseudonymous, which is still personal data. Safety against an "
            "analyst with access who means harm. Legal compliance."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Write a text so that Markdown shows it as it stands."""
    return _EMPHASIS.sub(r"\\\1", " ".join(text.split()))
