"""The finding of a report: one sentence, up to four numbers, the decision."""

from __future__ import annotations

from dataclasses import dataclass

from ldresearch.errors import ParameterError, message
from ldresearch.result import Estimate
from ldresearch.sentences import words

MAX_CARDS = 4


@dataclass(frozen=True, slots=True)
class Card:
    """One headline number. Made from a published estimate, never from a loose number.

    Attributes
    ----------
    estimate : Estimate
    label : str
        What the number is, as it follows the number: "active within 60 days".
    """

    estimate: Estimate
    label: str

    @classmethod
    def of(cls, estimate: Estimate, label: str) -> Card:
        """Put a label to a published estimate."""
        return cls(estimate, label)

    @property
    def value(self) -> str:
        """The number in words of its unit."""
        return words.estimate(self.estimate)

    @property
    def uncertainty(self) -> str:
        """Its interval, or that there is none."""
        return words.interval(self.estimate) or "no interval"

    @property
    def evidence(self) -> str:
        """Strength of the evidence in words."""
        return words.grade(self.estimate.grade)


@dataclass(frozen=True, slots=True)
class Headline:
    """What a stakeholder reads first.

    Attributes
    ----------
    title : str
        The finding, one sentence; a full stop at its end is taken off.
    cards : tuple of Card
        At most four.
    decision : str
        What to do, and by when.
    change_mind : str
        What would change our mind.

    Raises
    ------
    ParameterError
        If there are more than four cards or the title is empty.
    """

    title: str
    cards: tuple[Card, ...] = ()
    decision: str = ""
    change_mind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title.strip().removesuffix("."))
        if len(self.cards) > MAX_CARDS:
            raise ParameterError(
                message("too many headline numbers", where="Headline", got=len(self.cards),
                        allowed=f"{MAX_CARDS} or fewer", do="keep those the decision rests on")
            )  # fmt: skip
        if not self.title:
            raise ParameterError(
                message("a report without a finding", where="Headline",
                        do="say what was found, or what is missing")
            )  # fmt: skip
