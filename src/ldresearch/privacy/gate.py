"""The gate at the page: what was emitted is checked again, by code that shares nothing with
the code that made it.

It reads plain JSON data, knows neither ``Result`` nor ``Published``, and refuses what it does
not know.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from ldresearch.errors import DisclosureError, message

MIME = "application/vnd.ldresearch.published+json"
"""The only type of output that may reach a page."""

KINDS = frozenset(
    {"figure", "table", "sentence", "checks", "attrition", "coverage", "headline", "missing"}
)
FLOOR = 5
MAX_TEXT = 300
_THOUSANDTH = 0.0006
"""How far from a straight line a height may be: rounding to three digits."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_AMOUNT = re.compile(r"(^|_)(minutes?|hours?|seconds?|costs?|money|price)(_|$)")
_MEASURE = re.compile(r"[a-z]+(_[a-z]+)+")
_OPINION = re.compile(r"(brand_)?nps|pmf_share|agree_share|kano_(better|worse)")
_SCORE = re.compile(r"(raw_?)?nps")
_AMOUNTS = {"minutes", "hours", "seconds", "money"}
_ABOUT_ONE = ("person_id", "person_key", "manager_id", "rater_id", "token", "response_id")
_FIELDS = {
    "name", "family", "columns", "rows", "estimates", "rules", "method", "parameters", "missing",
    "n_suppressed",
}  # fmt: skip
_ROLES = {"key", "time", "count", "rate", "value", "low", "high", "n", "flag"}
_FAMILIES = {
    "counts", "rates", "means", "quantiles", "histogram", "trend", "curve", "contrast", "model",
    "segments", "checks",
}  # fmt: skip


_GROUPS = {"unit", "group", "role", "level", "country", "location", "team", "manager"}
_PARTED = {
    "counts", "rates", "means", "quantiles", "histogram", "contrast", "model", "segments",
}  # fmt: skip


def check_payload(payload: Mapping[str, Any], *, public: bool | None = None) -> None:
    """Check one emitted payload; return nothing, or refuse it.

    Parameters
    ----------
    payload : mapping
        ``{"v": 1, "kind": ..., "stem": ..., "view": ..., "published": [...]}`` as it stands in
        the notebook's output.
    public : bool, optional
        What the dataset's manifest says. A payload that calls itself public in a run that does
        not is refused. ``None``: taken at its word.

    Raises
    ------
    DisclosureError
        With the rule that was broken; never with the value that broke it.

    Examples
    --------
    >>> check_payload({"v": 1, "kind": "picture", "stem": "a", "view": "b", "published": []})
    Traceback (most recent call last):
    ...
    ldresearch.errors.DisclosureError: gate: unknown kind of output (got 'picture').
    """
    if payload.get("v") != 1:
        _refuse("unknown version of output")
    if payload.get("kind") not in KINDS:
        _refuse("unknown kind of output", got=str(payload.get("kind"))[:40])
    for part in ("stem", "view"):
        if not (isinstance(payload.get(part), str) and _NAME.fullmatch(payload[part])):
            _refuse(f"the {part} is not a plain name")
    if set(payload) - {"v", "kind", "stem", "view", "published"}:
        _refuse("fields that no rule covers", got=sorted(set(payload))[:8])
    published = payload.get("published")
    if not isinstance(published, list):
        _refuse("no published results in the output")
        return
    for one in published:
        _check_published(one, public)


def _refuse(what: str, got: object = None) -> None:
    raise DisclosureError(message(what, where="gate", got=got))


def _check_published(one: Any, public: bool | None) -> None:
    if not isinstance(one, dict) or set(one) != _FIELDS:
        _refuse("a published result has other fields than the agreed ones")
    if one["family"] not in _FAMILIES:
        _refuse("unknown family", got=str(one["family"])[:40])
    k, base, is_public = one["rules"]
    if is_public and public is False:
        _refuse("marked public, but the dataset is not")
    for text in (one["name"], one["method"], one["missing"], *one["parameters"].values()):
        _check_text(text)
    names = [name for name, _ in one["columns"]]
    roles = [role for _, role in one["columns"]]
    if len(set(names)) != len(names) or not set(roles) <= _ROLES:
        _refuse("columns are repeated or of unknown meaning")
    if any(name.lower() in _ABOUT_ONE for name in names):
        _refuse("a column about one person")
    for row in one["rows"]:
        if len(row) != len(names):
            _refuse("a row of another length than its columns")
        for value in row:
            _check_text(value)
    if is_public:
        return
    if not (isinstance(k, int) and k >= FLOOR and isinstance(base, int) and base >= 1):
        _refuse("a smaller group than the floor allows", got=k)
    if one["family"] != "checks":
        if one["rows"] and roles.count("n") != 1:
            _refuse("no column says how many persons stand behind a row")
        for row in one["rows"]:
            _check_row(row, roles, k, base, is_curve=one["family"] == "curve")
            if told := one["parameters"].get("is_sensitive"):
                shares = set(names) if told is True else set(str(told).split(","))
                _check_sensitive(row, roles, k, base, [name in shares for name in names])
            _check_label([row[i] for i, role in enumerate(roles) if role in ("key", "flag")])
    if one["family"] in _PARTED and one["rows"]:
        _check_groups(one, names, roles, k, base)
    if one["family"] == "contrast" and roles.count("count") == 1:
        _check_compared(one["rows"], roles)
    _check_sums(one, names, roles)
    _check_opinions(one, names, roles, k, base)
    if one["family"] == "curve" and one["rows"]:
        _check_curve(one, roles, k)
    for estimate in one["estimates"]:
        _check_estimate(estimate, k, base)
        _check_label([estimate[7]])


def _check_text(value: Any) -> None:
    if value is None or isinstance(value, bool | int | float):
        return
    if not isinstance(value, str):
        _refuse("a cell is no plain value", got=type(value).__name__)
        return
    if len(value) > MAX_TEXT:
        _refuse("a text longer than any label or sentence", got=len(value))
    if _PSEUDONYM.search(value) or _MAIL.search(value):
        _refuse("a text that looks like a person's id")


def _check_row(
    row: Sequence[Any], roles: Sequence[str], k: int, base: int, *, is_curve: bool = False
) -> None:
    n = row[list(roles).index("n")]
    if n is None or n == 0:
        for value, role in zip(row, roles, strict=True):
            if role in ("rate", "value", "low", "high") and value is not None and n is None:
                _refuse("a number about a hidden group")
            if role == "count" and value not in (None, 0) and n is None:
                _refuse("a count about a hidden group")
        return
    if not isinstance(n, int) or n % base or n < k - base // 2 - 1:
        _refuse("the persons behind a row are fewer than the rule allows, or not rounded")
    for value, role in zip(row, roles, strict=True):
        if value is None:
            continue
        if role == "count" and (value % base or 0 < value < k - base // 2 - 1):
            _refuse("a count that is too small or not rounded")
        is_fine = role == "rate" and abs(value * 100 - round(value * 100)) > 1e-6
        if is_fine and not is_curve:  # a curve has its own rule
            _refuse("a rate finer than whole percents")


def _check_sensitive(
    row: Sequence[Any], roles: Sequence[str], k: int, base: int, is_one: Sequence[bool]
) -> None:
    """Refuse a row that tells that all or none have what is nobody's business."""
    n = row[list(roles).index("n")]
    for value, role, is_sensitive in zip(row, roles, is_one, strict=True):
        if value is None or n is None or not is_sensitive:
            continue
        if role == "rate" and value in (0, 1):
            _refuse("all or none of a group, of something sensitive")
        if role == "count" and min(value, n - value) < k - 2 * (base // 2) - 1:
            _refuse("nearly all or none of a group, of something sensitive")


@lru_cache(maxsize=1)
def _sensitive() -> list[str]:
    file = resources.files("ldresearch.privacy") / "sensitive.toml"
    return [str(word) for word in tomllib.loads(file.read_text(encoding="utf-8"))["words"]]


def _check_label(cells: Sequence[Any]) -> None:
    """Refuse a label that tells of health, family, belief, union or orientation."""
    for cell in cells:
        text = f" {cell.lower()}" if isinstance(cell, str) else ""
        for word in _sensitive() if text else ():
            at = text.find(word)
            while at > 0:
                if not (text[at - 1].isalnum() or text[at - 1] == "_"):
                    _refuse("a label that tells of something sensitive")
                at = text.find(word, at + 1)


def _check_groups(
    one: Mapping[str, Any], names: Sequence[str], roles: Sequence[str], k: int, base: int
) -> None:
    """Refuse a single hidden group, or count, beside so few others that it can be worked out.

    Rounding leaves each shown number, and the total that a reader may know, ``base - 1`` wide;
    the hidden one is at most as uncertain as all of them together.
    """
    if one["parameters"].get("n_protected"):
        return  # others are hidden with it
    parts = one["parameters"].get("parts")
    over = _GROUPS if parts is None else set(str(parts).split(","))
    keys = [
        i for i, (n, r) in enumerate(zip(names, roles, strict=True)) if r == "key" and n in over
    ]
    rest = [i for i, r in enumerate(roles) if r in ("key", "time") and i not in keys]
    if not keys:
        return
    rows, said = one["rows"], one["parameters"]
    is_plain = not (said.get("is_sensitive") or said.get("scores"))  # these hide counts otherwise
    told = [i for i, r in enumerate(roles) if r == "n" or (r == "count" and is_plain)]
    ways = [[], *([i] for i in rest), rest]
    if apart := one["parameters"].get("apart"):
        said = set(str(apart).split(","))
        if not said <= set(names):
            _refuse("tables told apart by a column that is not there")
        ways = [[i for i, name in enumerate(names) if name in said]]
    for by in ways:
        groups = [tuple(repr(row[i]) for i in (*by, *keys)) for row in rows]
        if len(set(groups)) == len(rows):
            break
    else:
        if apart:
            _refuse("a group that stands twice in one table")
        return
    tables: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        if not any(row[i] == "all" for i in keys):
            for column in told:
                at = (column, *(repr(row[i]) for i in by))
                tables.setdefault(at, []).append(row[column])
    for counts in tables.values():
        shown = [value for value in counts if value]
        if counts.count(None) == 1 and shown and 2 * (base // 2) * (len(shown) + 1) < k:
            _refuse("a hidden group that the others give away")


def _check_compared(rows: Sequence[Sequence[Any]], roles: Sequence[str]) -> None:
    """Refuse a comparison of a share whose count is hidden: the share follows, and the count."""
    count = list(roles).index("count")
    for row in rows:
        told = [v for v, role in zip(row, roles, strict=True) if role in ("value", "low", "high")]
        if row[count] is None and "rate" in roles and any(v is not None for v in told):
            _refuse("a difference of a share whose count is hidden")


def _check_sums(one: Mapping[str, Any], names: Sequence[str], roles: Sequence[str]) -> None:
    """Refuse minutes, hours or money of persons of which nobody asked who the largest are.

    How much the largest have does not reach the page, so it cannot be worked out again here: what
    can be seen is whether it was looked at, and whether what was hidden is said again beside it.
    """
    said = one["parameters"]
    looked = set(str(said.get("sums") or "").split(","))
    beside = set(str(said.get("beside") or "").split(","))
    known = looked | beside
    values = [i for i, role in enumerate(roles) if role == "value"]
    if one["family"] not in ("checks", "curve"):
        keys = [i for i, role in enumerate(roles) if role == "key"]
        loose = [i for i in values if names[i] not in known]
        if any(_AMOUNT.search(names[i]) for i in loose):
            _refuse("a sum of which nobody asked who the largest are")
        for row in one["rows"]:
            if any(_is_amount(row[i]) for i in keys) and any(row[i] is not None for i in loose):
                _refuse("a sum of which nobody asked who the largest are")
    for estimate in one["estimates"]:
        is_amount = _AMOUNT.search(estimate[0]) or estimate[5] in _AMOUNTS
        if is_amount and estimate[0] not in known:
            _refuse("a sum of which nobody asked who the largest are")
    ends = [i for i, role in enumerate(roles) if role in ("low", "high") and names[i] not in beside]
    sums = [i for i in values if names[i] in looked]
    for row in one["rows"]:
        if sums and all(row[i] is None for i in sums) and any(row[i] is not None for i in ends):
            _refuse("the interval of a sum that is hidden")


def _check_opinions(
    one: Mapping[str, Any], names: Sequence[str], roles: Sequence[str], k: int, base: int
) -> None:
    """Refuse what tells that all, or all but a few, of those who answered said the same."""
    said = one["parameters"]
    scores = {name for name in str(said.get("scores") or "").split(",") if name}
    is_opinion = any(_OPINION.fullmatch(estimate[0]) for estimate in one["estimates"])
    if is_opinion and not (scores or said.get("is_sensitive")):
        _refuse("what people said, without the rule for it")
    if any(role == "value" and _SCORE.fullmatch(name) and name not in scores
           for name, role in zip(names, roles, strict=True)):  # fmt: skip
        _refuse("a score of what people said, without the rule for it")
    shares = set(str(said.get("is_sensitive")).split(","))
    again = set(str(said.get("says_again") or "").split(","))
    for row in one["rows"]:
        cells = list(zip(row, names, roles, strict=True))
        n = row[list(roles).index("n")] if "n" in roles else None
        for value, name, role in cells:
            if name in scores and value is not None and n and _is_level(one):
                _check_score(value, n, k, base)
            if scores and role == "count" and value is not None and n and value in (0, n):
                _refuse("all or none of those who answered")
        is_hidden = any(v is None and name in shares for v, name, _ in cells)
        if is_hidden and any(v is not None and name in again for v, name, _ in cells):
            _refuse("a share that is hidden, told in other words")
    if said.get("is_sensitive"):
        for _, value, _, _, n, unit, _, _ in one["estimates"]:
            if unit == "share" and value in (-1, 0, 1):
                _refuse("all or none of a group, of something sensitive")
            if unit == "score" and scores and isinstance(value, int | float) and _is_level(one):
                _check_score(value, n, k, base)


def _is_level(one: Mapping[str, Any]) -> bool:
    """Whether the estimates are scores; a difference of two may be larger."""
    return not any("change" in str(estimate[0]) for estimate in one["estimates"])


def _check_score(value: float, n: int, k: int, base: int) -> None:
    """Refuse a score that only fewer than ``k`` other answers leave possible."""
    if abs(value) > 100 * (1 - k / (n + base // 2)) + 0.5:
        _refuse("nearly all who answered said the same")


def _is_amount(label: Any) -> bool:
    """Whether a label is the name of a measure in minutes, hours or money."""
    return isinstance(label, str) and bool(_MEASURE.fullmatch(label) and _AMOUNT.search(label))


def _check_curve(one: Mapping[str, Any], roles: Sequence[str], k: int) -> None:
    base = one["rules"][1]
    grid = one["parameters"].get("grid") or 7
    time, count = list(roles).index("time"), list(roles).index("count")
    keys = [i for i, role in enumerate(roles) if role == "key"]
    heights = [i for i, r in enumerate(roles) if r in ("rate", "value", "low", "high")]
    curves: dict[tuple[Any, ...], list[Any]] = {}
    for row in one["rows"]:
        if row[time] % grid:
            _refuse("a curve off its grid")
        curves.setdefault(tuple(row[i] for i in keys), []).append(row)
    for rows in curves.values():
        points = [0, *(i for i, row in enumerate(rows) if i and row[count])]
        if any(rows[i][count] < k - base // 2 - 1 for i in points[1:]):
            _refuse("a point of fewer events than the rule allows")
        for height in heights:
            _check_line([row[height] for row in rows], points)


def _check_line(values: Sequence[Any], points: Sequence[int]) -> None:
    """Refuse a height that says more than the points: off their line, or moving behind the last."""
    for i, value in enumerate(values):
        at = max(p for p in points if p <= i)
        after = next((p for p in points if p > i), None)
        begin, end = values[at], values[at] if after is None else values[after]
        if value is None or begin is None or end is None:
            if value is not None and i != at:
                _refuse("a curve that says more than its points")
            continue
        told = begin + (end - begin) * (i - at) / ((after or i + 1) - at)
        if abs(value - told) > _THOUSANDTH:
            _refuse("a curve that says more than its points")
        if i == at and abs(value * 100 - round(value * 100)) > 1e-6:
            _refuse("a point finer than whole percents")


def _check_estimate(estimate: Sequence[Any], k: int, base: int) -> None:
    _, value, low, high, n, unit, _, label = estimate
    _check_text(label)
    if n < k - base // 2 - 1 or n % base:
        _refuse("an estimate about fewer persons than the rule allows, or not rounded")
    for number in (value, low, high):
        is_share = unit == "share" and isinstance(number, float) and math.isfinite(number)
        if is_share and abs(number * 100 - round(number * 100)) > 1e-6:
            _refuse("a share finer than whole percents")
