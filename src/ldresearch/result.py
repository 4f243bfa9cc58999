"""What a model returns: estimates, results, and the reason when there are none.

A :class:`Result` is private: it knows its persons. ``ldresearch.privacy.publish`` turns it into a
:class:`Published`, the only type that figures, tables, sentences and the report accept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ldresearch import reprs
from ldresearch.errors import DataError, DisclosureError, message
from ldresearch.vocabulary import Family, Grade, Role

if TYPE_CHECKING:
    import pandas as pd

Scalar = str | int | float | bool | None
"""What a parameter or a published cell may be; nothing else crosses the door."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number a stakeholder reads.

    Attributes
    ----------
    metric : str
        Id in the metric registry (``metrics.toml``).
    value : float
        ``nan`` where it could not be estimated, ``inf`` where a time is not reached.
    low, high : float
        Ends of the 95 % interval; ``nan`` where none exists, ``inf`` where not reached.
    n : int
        Distinct persons behind it.
    unit : str
        As in the registry: ``share``, ``days``, ``persons``, ``points``, ...
    grade : Grade
        Strength of the evidence, set by the model from the design.
    label : str
        What tells this number from another of the same metric (a group, a horizon); may be empty.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    grade: Grade = Grade.DESCRIPTIVE
    label: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a number at all (``inf`` is one: the time is not reached)."""
        return not math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of attrition: who is still counted after it."""

    reason: str
    n_persons: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class Partition:
    """Which rows of a result part the same persons, so that their counts add up.

    Attributes
    ----------
    over : tuple of str
        Key columns: everyone is in exactly one combination of their labels. Empty: rows overlap,
        and no sum of them means anything.
    counts : mapping of str to str
        Column to what it counts. The same words in another result of a report mean the same
        persons: the two are protected together. A column that is not named is protected within
        its own result only.
    total : str
        The label that stands for all of a key column.
    paths : tuple of str
        Key columns whose labels are paths, ``Sales / North``: a path holds those below it.
    apart : tuple of str
        Columns that tell apart tables standing below each other, each of which parts the people:
        by unit, then by level. Not told: as few as make the rows of a table differ.
    among : mapping of str to str
        For tables that ``apart`` tells apart by steps: a label of its first column, and the label
        of the step it stands on. Whoever is counted among the persons of a row is then one of
        those in the counts of the row of the same group at that step.
    """

    over: tuple[str, ...]
    counts: Mapping[str, str] = field(default_factory=dict)
    total: str = "all"
    paths: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    among: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What a model found, with the persons behind each row.

    Attributes
    ----------
    name : str
        Stable name of the kind of result, ``kaplan_meier``.
    family : Family
        What kind of output this is; the disclosure rule hangs on it.
    frame : pandas.DataFrame
        Tidy, one row per term, time or group.
    roles : mapping of str to Role
        What every column of ``frame`` means. A column without a role is never published. Every
        family but CHECKS needs exactly one column of role N.
    estimates : tuple of Estimate
        The glance.
    method : str
        How it was computed, in one sentence.
    parameters : mapping
        What it was computed with.
    attrition : tuple of Step
        Who fell out on the way.
    missing : str
        Empty, or the sentence that says why there is nothing: "not enough data" is a result.
    members : pandas.DataFrame, optional
        Private: which person is in which group, where the result is about groups it found. The
        door leaves it behind.
    parts : Partition, optional
        Which rows part the same persons. Not told: a key column that names units, roles, levels,
        places or teams is taken to part them.
    sums : mapping of str to tuple of str
        Of a column that adds up something over persons (minutes, hours, cost) or is its mean: the
        two private columns with the largest and the second largest part that one person has in
        it. A third one holds what they are parts of, where the column is something made of it.
    largest : mapping of str to tuple of float
        The same of estimates, by their metric: the sum, its largest and its second largest part.
    beside : tuple of str
        Columns and metrics that neither add up nor average anything over persons though their
        names or units say minutes, hours or money (a budget, a price), or that stand beside a sum
        and do not give it away.
    quantiles : mapping of str to float
        Of a column that holds a quantile of persons: which one, 0.5 for a median. Family QUANTILES
        needs it for each of its values.
    is_sensitive : bool
        Whether the property that is counted is nobody's business of anyone: then no row tells that
        all or none have it. So is a result with an estimate of a metric that is sensitive.
    shares : mapping of str to tuple of str
        Of a column of role RATE that is sensitive and has no count: the columns of its two ends,
        and those that would say it again and are hidden with it. A share may be from -1 to 0.
    scores : mapping of str to tuple of str
        Of a column from -100 to 100 that is made of what people said, or a difference of such: the
        private column with how many said otherwise than most, and the one with where most stand
        (1, 0 or -1). Without the second it is hidden where too few said otherwise.
    """

    name: str
    family: Family
    frame: pd.DataFrame
    roles: Mapping[str, Role]
    estimates: tuple[Estimate, ...] = ()
    method: str = ""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    attrition: tuple[Step, ...] = ()
    missing: str = ""
    members: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    parts: Partition | None = None
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    largest: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    quantiles: Mapping[str, float] = field(default_factory=dict)
    is_sensitive: bool = False
    shares: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        needed = [*self.roles, *(c for pair in self.sums.values() for c in pair)]
        needed += [*self.shares, *(c for pair in self.shares.values() for c in pair)]
        needed += [*self.scores, *(c for columns in self.scores.values() for c in columns)]
        needed += [*self.quantiles, *(self.parts.over + self.parts.apart if self.parts else ())]
        unknown = [c for c in dict.fromkeys(needed) if c not in self.frame.columns]
        if unknown:
            raise DataError(
                message("roles name columns the frame lacks", where=self.name, got=unknown)
            )

    @property
    def is_empty(self) -> bool:
        """Whether there was not enough data; ``missing`` then says what for."""
        return bool(self.missing)

    def estimate(self, metric: str, label: str | None = None) -> Estimate:
        """Return the estimate of a metric (and label), or raise ``KeyError``."""
        return _find(self.estimates, metric, label)

    def but(self, **changes: Any) -> Result:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def _repr_html_(self) -> str:
        """Show a private result in JupyterLab; the report never sees this."""
        note = "Private: not for distribution. Publish it to report it."
        title = f"{self.name} ({self.family.value})"
        if self.missing:
            return reprs.page(title, note=f"Not enough data: {self.missing}. {note}")
        return reprs.page(
            title, _shown(self.estimates), _rows_shown(self.frame), note=f"{self.method} {note}"
        )


def _shown(estimates: tuple[Estimate, ...]) -> str:
    """Return estimates as a table; empty where there are none."""
    if not estimates:
        return ""
    rows = [(e.metric, e.label, e.value, e.low, e.high, e.n, e.unit, e.grade) for e in estimates]
    names = ["metric", "label", "value", "low", "high", "n", "unit", "grade"]
    return reprs.table(names, rows[: reprs.MOST], len(rows))


def _rows_shown(frame: pd.DataFrame) -> str:
    rows = frame.head(reprs.MOST).itertuples(index=False, name=None)
    return reprs.table([str(c) for c in frame.columns], rows, len(frame))


def not_enough(
    name: str, family: Family, reason: str, *, parameters: Mapping[str, Scalar] | None = None
) -> Result:
    """Build the result that says why there is none.

    Parameters
    ----------
    name : str
    family : Family
    reason : str
        A sentence without a full stop: what is missing and how much of it there is.
    parameters : mapping, optional
        What would have been computed with.

    Returns
    -------
    Result
        Without rows and estimates; ``missing`` is the reason.

    Examples
    --------
    >>> not_enough("bass", Family.TREND, "no one has started yet").is_empty
    True
    """
    import pandas as pd

    return Result(
        name=name,
        family=family,
        frame=pd.DataFrame(),
        roles={},
        parameters=dict(parameters or {}),
        missing=reason,
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """The disclosure rules in force, printed on every report.

    Attributes
    ----------
    k : int
        Fewest distinct persons behind a published number.
    base : int
        Counts are rounded to multiples of this.
    public : bool
        Whether the dataset is marked public or synthetic: ``k = 1`` and no rounding.
    """

    k: int = 10
    base: int = 5
    public: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One published column: its name and what it means."""

    name: str
    role: Role


_SEAL: Final = object()


class Published:
    """A result that passed the door out.

    There is no public constructor but ``publish``.

    Attributes
    ----------
    name : str
    family : Family
    columns : tuple of Column
    rows : tuple of tuple
        JSON scalars only; ``None`` in a value column means "suppressed", and ``n_suppressed``
        counts them.
    estimates : tuple of Estimate
        After the rules; one whose ``n`` is under ``k`` is dropped.
    rules : Rules
    method, parameters, missing
        As in :class:`Result`.
    n_suppressed : int
        Cells hidden by a rule.
    """

    __slots__ = (
        "columns", "estimates", "family", "method", "missing", "n_suppressed", "name",
        "parameters", "rows", "rules",
    )  # fmt: skip

    name: str
    family: Family
    columns: tuple[Column, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    estimates: tuple[Estimate, ...]
    rules: Rules
    method: str
    parameters: dict[str, Scalar]
    missing: str
    n_suppressed: int

    def __init__(self, seal: object, **fields: Any) -> None:
        if seal is not _SEAL:
            raise DisclosureError(
                message("a Published result is made by publish() and by nothing else",
                        do="call ldresearch.publish(result)")
            )  # fmt: skip
        for name in self.__slots__:
            object.__setattr__(self, name, fields[name])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Published.{name} cannot be changed")

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw; ``missing`` then says why."""
        return bool(self.missing)

    @property
    def frame(self) -> pd.DataFrame:
        """The published rows as a new frame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=[c.name for c in self.columns])

    def __repr__(self) -> str:
        return f"Published({self.name}, {len(self.rows)} rows, {len(self.estimates)} estimates)"

    def _repr_html_(self) -> str:
        """Show what passed the door in JupyterLab; a page draws its own from the payload."""
        title = f"{self.name} ({self.family.value})"
        if self.missing:
            return reprs.page(title, note=f"Not enough data: {self.missing}")
        k = "public data" if self.rules.public else f"groups of {self.rules.k} or more"
        hidden = f"; {self.n_suppressed:,} cells hidden" if self.n_suppressed else ""
        return reprs.page(
            title, _shown(self.estimates), _rows_shown(self.frame), note=f"Published: {k}{hidden}."
        )

    def column(self, role: Role) -> str:
        """Name of the first column with a role, or raise ``KeyError``."""
        for column in self.columns:
            if column.role is role:
                return column.name
        raise KeyError(role)

    def estimate(self, metric: str, label: str | None = None) -> Estimate:
        """Return the published estimate of a metric (and label), or raise ``KeyError``."""
        return _find(self.estimates, metric, label)

    def has(self, metric: str, label: str | None = None) -> bool:
        """Whether an estimate was published."""
        return any(
            e.metric == metric and (label is None or e.label == label) for e in self.estimates
        )


def _find(estimates: tuple[Estimate, ...], metric: str, label: str | None) -> Estimate:
    for estimate in estimates:
        if estimate.metric == metric and (label is None or estimate.label == label):
            return estimate
    raise KeyError(f"{metric} {label or ''}".strip())


# The wire format ----------------------------------------------------------------------------


def _number(value: float) -> Scalar:
    """JSON knows no nan and no infinity; ``None`` and ``"inf"`` stand for them."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def _float(value: Scalar) -> float:
    return math.nan if value is None else float(value)


def to_payload(published: Published) -> dict[str, Any]:
    """Write a published result as plain JSON data.

    Parameters
    ----------
    published : Published

    Returns
    -------
    dict
        Fit for ``json.dumps(..., allow_nan=False)``: ``nan`` is ``None``, infinities are words.
    """
    return {
        "name": published.name,
        "family": published.family.value,
        "columns": [[c.name, c.role.value] for c in published.columns],
        "rows": [
            [_number(v) if isinstance(v, float) else v for v in row] for row in published.rows
        ],
        "estimates": [
            [e.metric, _number(e.value), _number(e.low), _number(e.high), e.n, e.unit,
             e.grade.value, e.label]
            for e in published.estimates
        ],
        "rules": [published.rules.k, published.rules.base, published.rules.public],
        "method": published.method,
        "parameters": dict(published.parameters),
        "missing": published.missing,
        "n_suppressed": published.n_suppressed,
    }  # fmt: skip


def _cell(value: Scalar, role: Role) -> Scalar:
    """Bring back the infinities of number columns; text stays text."""
    if value in ("inf", "-inf") and role in (Role.TIME, Role.VALUE, Role.LOW, Role.HIGH):
        return float(value)
    return value


def _sealed(**fields: Any) -> Published:
    """For ``privacy`` alone: make a Published after the rules were applied or checked again."""
    return Published(_SEAL, **fields)


def from_payload(data: Mapping[str, Any]) -> Published:
    """Read the wire format back; for the gate, which checks it again before anyone draws it.

    Parameters
    ----------
    data : mapping
        What :func:`to_payload` wrote.

    Returns
    -------
    Published
        Equal in all its fields to the one that was written.

    Raises
    ------
    KeyError, ValueError, TypeError
        If a field is absent or is not what it may be.
    """
    columns = tuple(Column(name, Role(role)) for name, role in data["columns"])
    return _sealed(
        name=str(data["name"]),
        family=Family(data["family"]),
        columns=columns,
        rows=tuple(
            tuple(_cell(v, c.role) for v, c in zip(row, columns, strict=True))
            for row in data["rows"]
        ),
        estimates=tuple(
            Estimate(m, _float(v), _float(lo), _float(hi), int(n), unit, Grade(grade), label)
            for m, v, lo, hi, n, unit, grade, label in data["estimates"]
        ),
        rules=Rules(*data["rules"]),
        method=str(data["method"]),
        parameters=dict(data["parameters"]),
        missing=str(data["missing"]),
        n_suppressed=int(data["n_suppressed"]),
    )
