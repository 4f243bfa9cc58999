"""What a design can show: its evidence grade and the smallest p-value it can reach."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

from ldresearch.vocabulary import Grade

LEVEL = 0.05
"""The level at which a chance finding is ruled out."""


@dataclass(frozen=True, slots=True)
class Design:
    """Facts about how a number came about, from which its grade follows.

    Attributes
    ----------
    n_treated, n_control : int
        Units (campaigns, clusters, persons: whatever was assigned) with and without the treatment.
    n_before, n_after : int
        Periods seen before and after it began.
    is_randomised : bool
        Whether chance alone decided who was treated.
    is_adjusted : bool
        Whether the comparison allows for what else differed: the trend and season before a
        launch, or the client that both campaigns belong to.
    """

    n_treated: int = 0
    n_control: int = 0
    n_before: int = 0
    n_after: int = 1
    is_randomised: bool = False
    is_adjusted: bool = False


def grade(design: Design) -> Grade:
    """Return the strength of evidence that follows from a design.

    Parameters
    ----------
    design : Design

    Returns
    -------
    Grade
        Randomised: chance decided, and each arm has two units or more. Quasi-experimental: units
        that were treated and units that were not, both seen before and after, and so many that a
        chance finding could be ruled out at all (:func:`bound`). Adjusted: no such controls, but
        the trend before, or the client, is allowed for. Descriptive: all else.

    Examples
    --------
    >>> str(grade(Design(n_treated=6, n_control=6, n_before=4)))
    'quasi-experimental'
    >>> str(grade(Design(n_treated=1, n_control=0, n_before=26, n_after=12, is_adjusted=True)))
    'adjusted'
    >>> str(grade(Design(n_treated=2, n_control=2)))
    'descriptive'
    """
    if design.n_after < 1 or design.n_treated < 1:
        return Grade.DESCRIPTIVE
    has_arms = design.n_treated >= 2 and design.n_control >= 2
    if has_arms and design.is_randomised:
        return Grade.RANDOMISED
    n = design.n_treated + design.n_control
    if has_arms and design.n_before >= 1 and bound(design.n_treated, n).can_reject:
        return Grade.QUASI_EXPERIMENTAL
    return Grade.ADJUSTED if design.is_adjusted else Grade.DESCRIPTIVE


_ORDER = (Grade.RANDOMISED, Grade.QUASI_EXPERIMENTAL, Grade.ADJUSTED, Grade.DESCRIPTIVE)


def weakest(*grades: Grade | str) -> Grade:
    """Return the weakest of some grades: what is put together is no stronger than its parts.

    Examples
    --------
    >>> str(weakest(Grade.RANDOMISED, "adjusted"))
    'adjusted'
    """
    found = [Grade(g) for g in grades]
    return max(found, key=_ORDER.index) if found else Grade.DESCRIPTIVE


@dataclass(frozen=True, slots=True)
class Bound:
    """The smallest p-values that any data could give, by counting.

    Attributes
    ----------
    n_assignments : int
        Ways to choose the treated units.
    one_sided, two_sided : float
        Smallest p-values of the permutation test. Two-sided: where half are treated, the mirror
        of an assignment is as extreme as the assignment.
    wild : float
        Smallest two-sided p-value of the wild cluster bootstrap with signs: 2 of 2^n draws.
    """

    n_assignments: int
    one_sided: float
    two_sided: float
    wild: float

    @property
    def can_reject(self) -> bool:
        """Whether a two-sided permutation test could rule out chance at 5 % at all."""
        return self.two_sided <= LEVEL


def bound(n_treated: int, n: int) -> Bound:
    """Count the ways to choose the treated units.

    Examples
    --------
    >>> bound(2, 4).n_assignments, round(bound(2, 4).two_sided, 3), bound(1, 4).two_sided
    (6, 0.333, 0.25)
    """
    ways = comb(n, n_treated)
    mirrored = 2 if 2 * n_treated == n and ways > 1 else 1
    return Bound(ways, 1 / ways, min(mirrored / ways, 1.0), min(2.0 ** (1 - n), 1.0))
