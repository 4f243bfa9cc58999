"""The steps of a learner's way and the behaviours of a first week in words, for all views."""

from __future__ import annotations

from typing import Any, Final

from ldresearch.wording import number

STEPS: Final = {
    "eligible": "are eligible", "informed": "were written to", "activated": "found a first value",
    "stayed": "were still there later", "passed_on": "passed something on",
    "gained": "gained a skill or a role", "uninformed": "began without being written to",
}  # fmt: skip

TIMES: Final = {
    "activated": "first value, from the first eligible day",
    "again": "a second day of value, from the first",
    "passed_on": "a share or recommendation, from first value",
    "gained": "a skill or role gained, from first value",
}  # fmt: skip
BEHAVIOURS: Final = {
    "active_days": "was active on {n} days or more", "value_days": "had {n} days of value or more",
    "minutes": "learned {n} minutes or more", "contents": "finished {n} contents or more",
    "kinds": "took {n} kinds of content or more",
    "looked_around": "looked around on {n} days or more",
    "passed_on": "passed something on", "assigned_too": "also had assigned learning",
}  # fmt: skip


def behaviour(name: str, at_least: Any) -> str:
    """Write a behaviour of the first week in words.

    Examples
    --------
    >>> behaviour("value_days", 2.0), behaviour("looked_around", 1.0)
    ('had 2 days of value or more', 'looked around on 1 day or more')
    """
    n = "some" if at_least is None else number(float(at_least))
    said = BEHAVIOURS[name].format(n=n)
    if n == "1":
        for many, one in (("1 days", "1 day"), ("1 contents", "1 content"), ("1 kinds", "1 kind")):
            said = said.replace(many, one)
    return said
