"""The door out: the only place where a private result becomes a published one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ldresearch.errors import DisclosureError, message
from ldresearch.privacy import curves, labels, rounding, suppression, values
from ldresearch.privacy.gate import check_payload
from ldresearch.result import (
    Column,
    Estimate,
    Published,
    Result,
    Rules,
    Scalar,
    _sealed,
    to_payload,
)
from ldresearch.vocabulary import Family, Role, metrics

Mask = npt.NDArray[np.bool_]

FLOOR = 5
"""No rule may show a number about fewer persons than this, unless the data are public."""

FORBIDDEN = frozenset({"person_key", "person_id", "manager_id", "rater_id", "token", "response_id"})
"""Columns that are about one person; a result that publishes one is refused."""

PROTECTED = "n_protected"
"""Parameter that says how many rows and counts were hidden although they are not small."""

PARTS = "parts"
"""Parameter that names the keys which part the people, where a result says so itself."""

APART = "apart"
"""Parameter that names the columns which tell apart tables standing below each other."""

SUMS = "sums"
"""Parameter that names the columns and metrics whose largest persons were looked at."""

BESIDE = "beside"
"""Parameter that names those in minutes, hours or money that add up nothing over persons."""

AGAIN = "says_again"
"""Parameter that names the columns which would say a sensitive share again."""

SCORES = "scores"
"""Parameter that names the columns which are scores of what people said."""

SENSITIVE = "is_sensitive"
"""Parameter that says that no row tells of all or of none."""

_Z95 = NormalDist().inv_cdf(0.975)
_HIDDEN_WITH_THE_ROW = (Role.COUNT, Role.RATE, Role.VALUE, Role.LOW, Role.HIGH, Role.FLAG)


def publish(
    result: Result, rules: Rules | None = None, told: suppression.Told | None = None
) -> Published:
    """Apply the disclosure rules to a result; the only constructor of ``Published``.

    The persons behind each row are read from the result itself (its column of role N), never
    supplied by whoever calls.

    Parameters
    ----------
    result : Result
        Any family. Columns without a role stay behind.
    rules : Rules, optional
        ``k = 10`` and base 5 by default; ``public`` data pass unrounded.
    told : Told, optional
        What the same report published before: tables of the same persons are protected together.

    Returns
    -------
    Published
        Rows about fewer than ``k`` persons keep their keys and lose their numbers; counts are
        rounded; rates and their intervals (Wilson's, 95 %) are recomputed from rounded counts and
        kept to whole percents; curves have weekly steps of at least ``k`` events. Further rows are
        hidden where a total would give a small one away.

    Raises
    ------
    DisclosureError
        If ``k`` is under the floor, a person's column would be published, or no column says how
        many persons stand behind a row.

    References
    ----------
    OpenSAFELY, statistical disclosure control: redaction and rounding of counts and curves.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family, Role
    >>> frame = pd.DataFrame({"step": ["A", "B"], "started": [31, 4], "n": [62, 9]})
    >>> roles = {"step": Role.KEY, "started": Role.COUNT, "n": Role.N}
    >>> publish(Result("starts", Family.COUNTS, frame, roles)).rows
    (('A', 30, 60), ('B', None, None))
    """
    rules = rules or Rules()
    _check_rules(rules)
    _check_columns(result)
    told = told or suppression.Told()
    if not rules.public:
        result = _generalised(_known_sensitive(result), told)
    if result.is_empty:
        return _seal(result, rules, (), (), (), 0)
    columns = tuple(Column(name, Role(role)) for name, role in result.roles.items())
    frame = result.frame[[c.name for c in columns]]
    hidden, gone = 0, suppression.Hidden()
    if not rules.public:
        frame, hidden, gone = _protect(frame, columns, result, rules, told)
    rows = tuple(
        tuple(_scalar(value) for value in row)
        for row in frame.astype(object).itertuples(index=False, name=None)
    )
    estimates = result.estimates
    if not rules.public:
        estimates = _estimates(result, gone, rules)
        more: dict[str, Scalar] = {PROTECTED: len(gone)} if gone else {}
        if result.is_sensitive or result.shares:
            more |= {SENSITIVE: ",".join(result.shares) or True}
        if again := [c for _, _, *rest in result.shares.values() for c in rest]:
            more |= {AGAIN: ",".join(again)}
        if result.scores:
            more |= {SCORES: ",".join(result.scores)}
        if result.parts is not None:
            more |= {PARTS: ",".join(result.parts.over)}
            if result.parts.apart:
                more |= {APART: ",".join(result.parts.apart)}
        if looked_at := [*result.sums, *result.largest]:
            more |= {SUMS: ",".join(dict.fromkeys(looked_at))}
        if beside := [*result.beside, *result.quantiles]:
            more |= {BESIDE: ",".join(dict.fromkeys(beside))}
        result = result.but(parameters={**result.parameters, **more})
    return _seal(result, rules, columns, rows, estimates, hidden)


def _known_sensitive(result: Result) -> Result:
    """Take a result for sensitive whose metric is: whoever makes it need not think of it."""
    known = metrics()
    is_sensitive = any(e.metric in known and known[e.metric].sensitive for e in result.estimates)
    return result.but(is_sensitive=True) if is_sensitive else result


def pass_on(result: Result, rules: Rules, known: Collection[float]) -> Published:
    """Pass on numbers that were published before, as they are: rounding twice would move them.

    Parameters
    ----------
    result : Result
        Made of published facts alone.
    rules : Rules
        In force now; the facts must have been published under rules as strict.
    known : collection of float
        Every number of these facts.

    Returns
    -------
    Published
        Unchanged, after the gate's own checks.

    Raises
    ------
    DisclosureError
        For a number that is not among those known, or one that the rules of now would not let
        through.

    Examples
    --------
    >>> import pandas as pd
    >>> from ldresearch.result import Result
    >>> from ldresearch.vocabulary import Family, Role
    >>> frame = pd.DataFrame({"idea": ["adoption"], "value": [0.72], "n": [400]})
    >>> roles = {"idea": Role.KEY, "value": Role.VALUE, "n": Role.N}
    >>> told = Result("five_sentences", Family.MEANS, frame, roles)
    >>> pass_on(told, Rules(), {0.72, 400.0}).rows
    (('adoption', 0.72, 400),)
    """
    _check_rules(rules)
    _check_columns(result)
    if result.is_empty:
        return _seal(result, rules, (), (), (), 0)
    columns = tuple(Column(name, Role(role)) for name, role in result.roles.items())
    rows = tuple(
        tuple(_scalar(value) for value in row)
        for row in result.frame[[c.name for c in columns]]
        .astype(object)
        .itertuples(index=False, name=None)
    )
    told = [value for row in rows for value in row if isinstance(value, int | float)]
    told += [end for e in result.estimates for end in (e.value, e.low, e.high, e.n)]
    strange = [x for x in told if not isinstance(x, bool) and x == x and x and x not in known]
    if strange:
        raise DisclosureError(
            message("a number that no published fact holds", where=result.name, got=len(strange))
        )
    passed: dict[str, Scalar] = {BESIDE: ",".join(sorted({e.metric for e in result.estimates}))}
    result = result.but(parameters={**result.parameters, **passed})
    published = _seal(result, rules, columns, rows, result.estimates, 0)
    payload = {"v": 1, "kind": "table", "stem": "a", "view": "a",
               "published": [to_payload(published)]}  # fmt: skip
    check_payload(payload, public=rules.public)
    return published


def _seal(
    result: Result,
    rules: Rules,
    columns: tuple[Column, ...],
    rows: tuple[tuple[Scalar, ...], ...],
    estimates: tuple[Estimate, ...],
    hidden: int,
) -> Published:
    return _sealed(
        name=result.name,
        family=result.family,
        columns=columns,
        rows=rows,
        estimates=estimates,
        rules=rules,
        method=result.method,
        parameters={name: _scalar(value) for name, value in result.parameters.items()},
        missing=result.missing,
        n_suppressed=hidden,
    )


def _check_rules(rules: Rules) -> None:
    if not rules.public and (rules.k < FLOOR or rules.base < 1):
        raise DisclosureError(
            message("the smallest group may not be so small", where="rules", got=rules.k,
                    allowed=f"k of {FLOOR} or more, base of 1 or more",
                    do="raise k, or mark the dataset public if it is")
        )  # fmt: skip


def _check_columns(result: Result) -> None:
    refused = sorted(FORBIDDEN.intersection(result.roles))
    if refused:
        raise DisclosureError(
            message("a column about one person cannot be published", where=result.name,
                    got=refused, do="aggregate over persons first")
        )  # fmt: skip
    if result.is_empty or result.family is Family.CHECKS:
        return
    counted = [name for name, role in result.roles.items() if role is Role.N]
    if len(counted) != 1:
        raise DisclosureError(
            message("a result must say how many persons stand behind each row",
                    where=result.name, got=counted, allowed="exactly one column of role N")
        )  # fmt: skip


def _generalised(result: Result, told: suppression.Told) -> Result:
    """Tell sensitive labels in general words, wherever in a result they stand."""
    columns = [c for c, r in result.roles.items() if r in (Role.KEY, Role.FLAG)]
    texts = [v for c in columns for v in result.frame[c] if isinstance(v, str)]
    texts += [str(v) for v in result.parameters.values() if isinstance(v, str)]
    found = labels.generalise([*texts, *(e.label for e in result.estimates)], told.labels)
    if not told.labels:
        return result

    def said(text: str) -> str:
        if text in found:
            return found[text]
        for sensitive, general in told.labels.items():
            text = text.replace(sensitive, general)
        return text

    def cell(value: Any) -> Any:
        return said(value) if isinstance(value, str) else value

    return result.but(
        frame=result.frame.assign(**{c: result.frame[c].map(cell) for c in columns}),
        estimates=tuple(replace(e, label=said(e.label)) for e in result.estimates),
        parameters={name: cell(value) for name, value in result.parameters.items()},
        method=said(result.method),
        missing=said(result.missing),
    )


# Families -----------------------------------------------------------------------------------


def _protect(
    frame: pd.DataFrame,
    columns: tuple[Column, ...],
    result: Result,
    rules: Rules,
    told: suppression.Told,
) -> tuple[pd.DataFrame, int, suppression.Hidden]:
    by_role = _names_by_role(columns)
    nothing = suppression.Hidden()
    if result.family is Family.CHECKS:
        return _rounded_values(frame, by_role), 0, nothing
    if result.family is Family.CURVE:
        return _safe_curve(frame, by_role, result, rules), 0, nothing
    small, few = _small(frame, by_role, rules)
    gone = suppression.complement(
        result, small.tolist(), {c: one.tolist() for c, one in few.items()}, rules, told
    )
    small[sorted(gone.rows)] = True
    for row, column in gone.counts:
        few[column][row] = True
    shown, hidden = _blanked(frame, by_role, small, few, _tied(by_role, result.family))
    hidden += values.hide(shown, result, rules)
    shown = _rounded_counts(shown, by_role, rules)
    if result.family is Family.RATES:
        shown = _rates_from_counts(shown, by_role)
    hidden += values.code_scores(shown, result, by_role, rules)
    if result.is_sensitive and not result.shares and not result.scores:
        hidden += values.blur(shown, frame, by_role, rules)
    hidden += values.blur_shares(shown, result.frame, result, by_role[Role.N][0], rules)
    return _rounded_values(shown, by_role), hidden, gone


def _safe_curve(
    frame: pd.DataFrame, names: Mapping[Role, list[str]], result: Result, rules: Rules
) -> pd.DataFrame:
    starts_at = result.parameters.get("starts_at")
    if not isinstance(starts_at, int | float):
        raise DisclosureError(
            message("a curve must say its height before the first event", where=result.name,
                    do='give the result the parameter "starts_at": 1 for survival, 0 for incidence')
        )  # fmt: skip
    grid = int(result.parameters.get("grid") or 7)
    return curves.safe(frame, names, rules, starts_at=float(starts_at), grid=grid)


def _names_by_role(columns: tuple[Column, ...]) -> dict[Role, list[str]]:
    names: dict[Role, list[str]] = {role: [] for role in Role}
    for column in columns:
        names[column.role].append(column.name)
    return names


def _small(
    frame: pd.DataFrame, names: Mapping[Role, list[str]], rules: Rules
) -> tuple[Mask, dict[str, Mask]]:
    """Find rows of 1 to k - 1 persons, and single counts of 1 to k - 1 within larger rows."""
    n = _numbers(frame, names[Role.N][0])
    small = (n > 0) & (n < rules.k)
    few = {}
    for column in names[Role.COUNT]:
        count = _numbers(frame, column)
        few[column] = ~small & (count > 0) & (count < rules.k)
    return small, few


def _numbers(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    return pd.to_numeric(frame[column]).fillna(0).to_numpy(dtype=float)


def _blanked(
    frame: pd.DataFrame,
    names: Mapping[Role, list[str]],
    rows: Mask,
    counts: Mapping[str, Mask],
    tied: Sequence[str],
) -> tuple[pd.DataFrame, int]:
    """Blank whole rows, and single counts with what follows from them."""
    shown = frame.astype(object).copy()
    row_cells = [c for role in _HIDDEN_WITH_THE_ROW for c in names[role]]
    hidden = int(rows.sum()) * len(row_cells)
    shown.loc[rows, [*row_cells, names[Role.N][0]]] = None
    for column, few in counts.items():
        few = few & ~rows
        shown.loc[few, [column]] = None
        hidden += int(few.sum())
        if tied:
            shown.loc[few, list(tied)] = None
            hidden += int(few.sum()) * len(tied)
    return shown, hidden


def _tied(names: Mapping[Role, list[str]], family: Family) -> list[str]:
    """Columns that would say the one count again: its rate, and how far that is from others'."""
    if len(names[Role.COUNT]) != 1:
        return []
    compared = names[Role.VALUE] if family is Family.CONTRAST else []
    return names[Role.RATE] + compared + names[Role.LOW] + names[Role.HIGH]


def _rounded_counts(
    frame: pd.DataFrame, names: Mapping[Role, list[str]], rules: Rules
) -> pd.DataFrame:
    return _mapped(
        frame, names[Role.COUNT] + names[Role.N], lambda v: rounding.to_base(v, rules.base)
    )


def _rates_from_counts(frame: pd.DataFrame, names: Mapping[Role, list[str]]) -> pd.DataFrame:
    """Recompute the one rate from its rounded counts: a rate of exact counts gives them back.

    So does an interval of exact counts: with n known, its two ends fit one numerator only. It
    becomes Wilson's interval of the rounded counts, which tells nothing that they do not tell.
    """
    if len(names[Role.RATE]) != 1 or len(names[Role.COUNT]) != 1:
        return frame
    rate, count, n = names[Role.RATE][0], names[Role.COUNT][0], names[Role.N][0]
    frame[rate] = [
        None if c is None or not total or before is None else min(c / total, 1.0)
        for c, total, before in zip(frame[count], frame[n], frame[rate], strict=True)
    ]
    for end, sign in ((Role.LOW, -1), (Role.HIGH, 1)):
        for column in names[end]:
            frame[column] = [
                None if before is None or share is None else _wilson_end(c, total, sign)
                for c, total, share, before in zip(
                    frame[count], frame[n], frame[rate], frame[column], strict=True
                )
            ]
    return frame


def _wilson_end(count: float, n: int, sign: int) -> float:
    """Return an end of Wilson's 95 % interval: the lower for a ``sign`` of -1, else the upper."""
    if count == (n if sign > 0 else 0):
        return float(sign > 0)
    share = min(count / n, 1.0)
    middle = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n**2)) * _Z95 / (1 + _Z95**2 / n)
    return middle + sign * half


def _rounded_values(frame: pd.DataFrame, names: Mapping[Role, list[str]]) -> pd.DataFrame:
    frame = frame.astype(object).copy()
    frame = _mapped(frame, names[Role.RATE], rounding.to_percent)
    is_share = bool(names[Role.RATE]) and not names[Role.VALUE]
    ends = names[Role.LOW] + names[Role.HIGH]
    frame = _mapped(frame, ends, rounding.to_percent if is_share else rounding.to_digits)
    return _mapped(frame, names[Role.VALUE], rounding.to_digits)


def _mapped(
    frame: pd.DataFrame, columns: list[str], function: Callable[[float], float]
) -> pd.DataFrame:
    for column in columns:
        frame[column] = pd.Series(
            [None if _is_null(v) else function(v) for v in frame[column]],
            index=frame.index,
            dtype=object,
        )
    return frame


def _estimates(result: Result, gone: suppression.Hidden, rules: Rules) -> tuple[Estimate, ...]:
    """Keep what may be told; an estimate of a hidden row is hidden with it."""
    keys = [c for c, r in result.roles.items() if r in (Role.KEY, Role.TIME)]
    n = next(iter(c for c, r in result.roles.items() if r is Role.N), "")
    lost: list[tuple[set[str], int]] = []
    few = _compared_few(result, rules)
    of_few = {
        i for c in result.sums for i, is_so in enumerate(values.dominated(result, c)) if is_so
    }
    for row in sorted(gone.rows | {i for i, _ in gone.counts} | of_few | few):
        cells = result.frame.iloc[row]
        words = {str(cells[c]) for c in keys}
        lost.append((words | {" ".join(str(cells[c]) for c in keys)}, int(cells[n])))
    kept = [
        e for e in result.estimates
        if e.n >= rules.k and values.has_both_sides(e, rules.k)
        and not values.is_made_by_few(result, e.metric)
        and not any((e.label or e.metric) in words
                    or (e.n == m and any(w and w in e.label for w in words))
                    for words, m in lost)
    ]  # fmt: skip
    kept = _coded(result, kept, rules)
    return tuple(_protected(e, rules, is_sensitive=result.is_sensitive) for e in kept)


def _compared_few(result: Result, rules: Rules) -> set[int]:
    """Rows whose share, of a small count, is compared: the difference would tell the count."""
    names: dict[Role, list[str]] = {role: [] for role in Role}
    for column, role in result.roles.items():
        names[Role(role)].append(column)
    if result.family is not Family.CONTRAST or not _tied(names, result.family):
        return set()
    small, few = _small(result.frame, names, rules)
    return {i for one in (small, *few.values()) for i, is_so in enumerate(one) if is_so}


def _coded(result: Result, estimates: list[Estimate], rules: Rules) -> list[Estimate]:
    """Tell an estimate of a score as its row is told; leave it out where the row is hidden."""
    told = values.coded(result, rules)
    found = []
    for e in estimates:
        rows = [
            i for column in result.scores for i, value in enumerate(result.frame[column])
            if value == e.value and (e.label == "" or _is_of(result, i, e.label))
        ]  # fmt: skip
        instead = {told[i] for i in rows if i in told}
        if None in instead:
            continue
        if instead:
            value, low, high = sorted(i for i in instead if i is not None)[0]
            e = replace(e, value=value, low=low, high=high)
        elif rows and any(len(columns) > 1 for columns in result.scores.values()):
            most = values.farthest(rounding.to_base(e.n, rules.base), rules.k)
            e = replace(e, value=max(min(e.value, most), -most))
        found.append(e)
    return found


def _is_of(result: Result, row: int, label: str) -> bool:
    """Whether a label names a row: by a key, or by a day or two days."""
    keys = [c for c, r in result.roles.items() if r in (Role.KEY, Role.TIME)]
    words = [str(_scalar(result.frame[c].iloc[row])) for c in keys]
    return any(word and word in label for word in words)


def _protected(estimate: Estimate, rules: Rules, *, is_sensitive: bool = False) -> Estimate:
    """Round an estimate as its cell in a table would be."""
    is_turned = estimate.value < 0 or estimate.low < 0
    if estimate.unit == "share" and 0 <= estimate.value <= 1 and not (is_sensitive and is_turned):
        return _protected_share(estimate, rules, is_sensitive=is_sensitive)
    if estimate.unit == "share" and -1 <= estimate.value <= 0 and is_sensitive:
        turned = replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)
        told = _protected_share(turned, rules, is_sensitive=True)
        return replace(told, value=-told.value, low=-told.high, high=-told.low)
    roundings: dict[str, Callable[[float], float]] = {
        "share": rounding.to_percent,
        "points": rounding.to_percent,
        "days": rounding.to_whole,
        "persons": partial(rounding.to_base_or_not, base=rules.base),
    }
    to = roundings.get(estimate.unit, rounding.to_digits)
    return Estimate(
        metric=estimate.metric,
        value=to(estimate.value),
        low=to(estimate.low),
        high=to(estimate.high),
        n=rounding.to_base(estimate.n, rules.base),
        unit=estimate.unit,
        grade=estimate.grade,
        label=estimate.label,
    )


def _protected_share(estimate: Estimate, rules: Rules, *, is_sensitive: bool) -> Estimate:
    """Tell a share by its rounded count: whole percents of an exact one give the count back.

    Fewer than ``k`` persons on either side are told as half of ``k``, with an interval from none
    to at least ``k``: all of them alike, or a row that is hidden and an estimate told as ``k``
    would say together that they are nearly ``k``. An interval keeps its width relative to
    Wilson's, to one decimal: Wilson's own of the rounded count where it was Wilson's of the exact
    one. So whatever is told follows from rounded counts, and no count has an answer of its own.
    """
    n, k, base = estimate.n, rules.k, rules.base
    count = n * estimate.value
    told_n = rounding.to_base(n, base)
    # So few counts lie between the few on either side that one could be told from the others.
    is_thin = abs(n - 2 * k) <= base // 2
    is_low, is_high = is_thin or round(count) < k, is_thin or round(n - count) < k
    if is_low or is_high:
        told = min(k, told_n) if is_low else max(told_n - k, 0)
        few = min(k / 2 / told_n, 0.5)
        few = few if few >= 0.01 or is_sensitive else 0.0
        value = 0.5 if is_low and is_high else few if is_low else 1 - few
    else:
        # The last count before the few would otherwise be told by itself.
        least, most = base * -(-k // base), base * ((n - k) // base)
        told = min(max(rounding.to_base(count, base), least), most)
        value = min(told / told_n, 1.0)
    low, high = estimate.low, estimate.high
    if math.isfinite(low) and math.isfinite(high):
        wide = _wilson_end(count, n, 1) - _wilson_end(count, n, -1)
        ratio = max(round((high - low) / wide, 1), 0.1)
        ends = [_wilson_end(min(told, told_n), told_n, sign) for sign in (-1, 1)]
        low = 0.0 if is_low else max(value - ratio * (value - ends[0]), 0.0)
        high = 1.0 if is_high else min(value + ratio * (ends[1] - value), 1.0)
        if is_low:
            high = max(high, _wilson_end(k, told_n, 1))
        if is_high:
            low = min(low, _wilson_end(max(told_n - k, 0), told_n, -1))
    value = rounding.to_percent(value)
    if is_sensitive:  # not even of thousands is it told that all have it, or none
        value = min(max(value, 0.01), 0.99)
        high, low = max(high, 0.01), min(low, 0.99)
    return replace(
        estimate,
        value=value,
        low=rounding.to_percent(low),
        high=rounding.to_percent(high),
        n=told_n,
    )


# Scalars ------------------------------------------------------------------------------------


def _is_null(value: Any) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float) and math.isnan(value))
    )


def _scalar(value: Any) -> Scalar:
    """Turn a cell into a JSON scalar; dates become ISO text."""
    if _is_null(value):
        return None
    if isinstance(value, bool | str | int | float):
        return value
    if hasattr(value, "isoformat"):
        text = str(value.isoformat())
        return text.removesuffix("T00:00:00")
    if hasattr(value, "item"):
        return _scalar(value.item())
    raise DisclosureError(
        message("a cell is no plain value", got=type(value).__name__,
                allowed="text, number, truth value, date")
    )  # fmt: skip
