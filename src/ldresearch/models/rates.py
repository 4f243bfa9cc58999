"""Shares of people: their intervals, and the shares of many groups read side by side.

The smallest group always looks best or worst, by chance alone. Shrunk shares borrow from the
other groups as much as the data say that groups are alike.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ldresearch.models._frame import Floats, numbers, require
from ldresearch.result import Estimate, Result, not_enough
from ldresearch.vocabulary import Family, Grade, Role

Z95 = 1.959963984540054
"""97.5 % point of the normal distribution."""

_GRID = 61
_FEWEST_GROUPS = 3


def wilson(count: Any, n: Any) -> tuple[Floats, Floats]:
    """Return Wilson's 95 % interval of shares.

    Parameters
    ----------
    count, n : array_like of shape (n_groups,)
        Persons with the property, of how many. Where ``n`` is 0 the ends are ``nan``.

    Returns
    -------
    low, high : ndarray of shape (n_groups,)
        Ends of each interval, within 0 and 1.

    References
    ----------
    Wilson EB (1927). J Am Stat Assoc 22:209-212.

    Examples
    --------
    >>> low, high = wilson(15, 25)
    >>> round(float(low), 8), round(float(high), 8)
    (0.40739457, 0.76596698)
    """
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = count / n
        middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    low: Floats = np.where(count == 0, np.where(n > 0, 0.0, np.nan), middle - half)
    high: Floats = np.where(count == n, np.where(n > 0, 1.0, np.nan), middle + half)
    return low, high


def shares(
    frame: pd.DataFrame,
    *,
    count: str = "n_reached",
    n: str = "n",
    keys: tuple[str, ...] = ("group",),
    metric: str = "",
    name: str = "shares",
) -> Result:
    """Give each row of counts its share and Wilson's interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a group: ``count`` persons of ``n``.
    count, n : str
        Columns.
    keys : tuple of str
        Columns that name the row.
    metric : str
        Registry id; an estimate for each row is added where it is given.
    name : str
        Name of the result.

    Returns
    -------
    Result
        Family RATES; the keys, ``n_reached, n, share, low, high``.

    Examples
    --------
    >>> import pandas as pd
    >>> found = shares(pd.DataFrame({"group": ["A"], "n_reached": [15], "n": [25]}))
    >>> float(found.frame["share"].iloc[0])
    0.6
    """
    if frame.empty:
        return not_enough(name, Family.RATES, str(frame.attrs.get("missing") or "no one to count"))
    require(frame, [*keys, count, n], name)
    counted, of = numbers(frame, count, name, low=0), numbers(frame, n, name, low=0)
    low, high = wilson(counted, of)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(of > 0, counted / of, np.nan)
    out = frame[list(keys)].assign(
        n_reached=counted.astype(int), n=of.astype(int), share=share, low=low, high=high
    )
    labels = out[list(keys)].astype(str).agg(" ".join, axis=1).str.strip()
    estimates = tuple(
        Estimate(metric, float(s), float(lo), float(hi), int(m), "share", Grade.DESCRIPTIVE, label)
        for s, lo, hi, m, label in zip(share, low, high, of, labels, strict=True)
        if metric
    )
    roles = dict.fromkeys(keys, Role.KEY) | {
        "n_reached": Role.COUNT, "n": Role.N, "share": Role.RATE,
        "low": Role.LOW, "high": Role.HIGH,
    }  # fmt: skip
    return Result(
        name, Family.RATES, out.reset_index(drop=True), roles, estimates,
        "Share with Wilson's 95 % interval.",
    )  # fmt: skip


# Shrunk shares ------------------------------------------------------------------------------


def shrunk(count: Any, n: Any) -> tuple[Floats, Floats, Floats, float]:
    """Estimate the share of each group as one of a family of groups.

    Shares of groups are Beta-distributed about a common mean; what is not known of that
    distribution is integrated over a grid (flat in the mean and in the likeness of persons within
    a group), so that the intervals hold with few groups too.

    Parameters
    ----------
    count, n : array_like of shape (n_groups,)

    Returns
    -------
    share, low, high : ndarray of shape (n_groups,)
        Posterior mean and 95 % interval of each group's share.
    overall : float
        Posterior mean of the common mean.

    References
    ----------
    Gelman A, Carlin JB, Stern HS, Dunson DB, Vehtari A, Rubin DB (2013). Bayesian Data Analysis,
    3rd ed., section 5.3.

    Examples
    --------
    >>> share, low, high, overall = shrunk([1, 300, 330], [2, 1000, 1000])
    >>> bool(0.28 < share[0] < 0.42)
    True
    """
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    a, b, mean, weight = _posterior(count, n)
    up, down = a[:, None] + count, b[:, None] + n - count
    share: Floats = weight @ (up / (up + down))
    low = np.array([_quantile(0.025, up[:, i], down[:, i], weight) for i in range(len(n))])
    high = np.array([_quantile(0.975, up[:, i], down[:, i], weight) for i in range(len(n))])
    return share, low, high, float(weight @ mean)


def _posterior(count: Floats, n: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a, b, mean and posterior weight of every grid point of the common distribution."""
    from scipy.special import betaln

    pooled = (count.sum() + 0.5) / (n.sum() + 1.0)
    spread = 6.0 * math.sqrt(pooled * (1 - pooled) / max(min(n.sum(), 20.0 * len(n)), 1.0)) + 0.02
    means = np.linspace(max(pooled - spread, 1e-3), min(pooled + spread, 1 - 1e-3), _GRID)
    # Flat in rho = 1 / (1 + a + b): the likeness of two persons of one group, 0 to 1.
    likeness = np.concatenate([np.geomspace(1e-5, 0.02, _GRID), np.linspace(0.025, 0.98, _GRID)])
    width = np.gradient(likeness)
    mean, rho = (grid.ravel() for grid in np.meshgrid(means, likeness, indexing="ij"))
    size = 1.0 / rho - 1.0
    a, b = mean * size, (1 - mean) * size
    log = (betaln(a[:, None] + count, b[:, None] + n - count) - betaln(a, b)[:, None]).sum(axis=1)
    log = log + np.log(np.tile(width, len(means)))
    weight = np.exp(log - log.max())
    weight = weight / weight.sum()
    kept = weight > 1e-6
    return a[kept], b[kept], mean[kept], weight[kept] / weight[kept].sum()


def _quantile(level: float, up: Floats, down: Floats, weight: Floats) -> float:
    """Quantile of a mixture of Beta distributions, by bisection."""
    from scipy.special import betainc

    low, high = 0.0, 1.0
    for _ in range(22):
        middle = (low + high) / 2
        if float(weight @ betainc(up, down, middle)) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def shrunk_shares(
    frame: pd.DataFrame,
    *,
    metric: str = "",
    name: str = "shrunk_shares",
) -> Result:
    """Put the shares of groups side by side, shrunk towards each other.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, n_reached, n``; optionally ``n_eligible``, persons there today.
    metric : str
        Registry id of the share of a group.
    name : str

    Returns
    -------
    Result
        Family MODEL, lowest share first: ``group, n_reached, n, raw`` (the plain share),
        ``share`` (shrunk), ``low, high, standing``: ``behind`` or ``ahead`` where the interval
        leaves out the overall share, else ``in line``. ``to_gain``: how many more of those there
        today would have started at the overall share, where behind. The overall share is the
        estimate labelled ``all``.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"group": list("ABC"), "n_reached": [20, 90, 85], "n": [100] * 3})
    >>> shrunk_shares(frame).frame["standing"].tolist()
    ['behind', 'ahead', 'ahead']
    """
    if not frame.empty:
        require(frame, ["group", "n_reached", "n"], name)
        frame = frame[frame["n"] > 0]
    if len(frame) < _FEWEST_GROUPS:
        reason = frame.attrs.get("missing") or (
            f"{len(frame)} groups can be followed for the whole window, and telling groups apart "
            f"takes {_FEWEST_GROUPS}"
        )
        return not_enough(name, Family.MODEL, str(reason))
    count, n = numbers(frame, "n_reached", name, low=0), numbers(frame, "n", name, low=0)
    share, low, high, _ = shrunk(count, n)
    overall = float(count.sum() / n.sum())
    here = numbers(frame, "n_eligible", name, low=0) if "n_eligible" in frame.columns else n
    # Where all groups are alike to the last person, none is behind or ahead.
    is_told = 0.0 < overall < 1.0
    standing = np.where(
        is_told & (high < overall),
        "behind",
        np.where(is_told & (low > overall), "ahead", "in line"),
    )
    gain = np.where(standing == "behind", np.round((overall - share) * here), 0.0)
    out = pd.DataFrame(
        {
            "group": frame["group"].astype(str).to_numpy(),
            "n_reached": count.astype(int),
            "n": n.astype(int),
            "raw": count / n,
            "share": share,
            "low": low,
            "high": high,
            "standing": standing,
            "to_gain": gain,
        }
    ).sort_values(["share", "group"], kind="stable", ignore_index=True)
    pooled_low, pooled_high = wilson(count.sum(), n.sum())
    pooled = Estimate(
        metric, overall, float(pooled_low), float(pooled_high),
        int(n.sum()), "share", Grade.DESCRIPTIVE, "all",
    )  # fmt: skip
    each = tuple(
        Estimate(
            metric, float(r["share"]), float(r["low"]), float(r["high"]), int(r["n"]), "share",
            Grade.DESCRIPTIVE, str(r["group"]),
        )
        for r in out.to_dict("records")
    )  # fmt: skip
    return Result(
        name,
        # Not RATES: the door would put the plain share in the place of the shrunk one.
        Family.MODEL,
        out,
        {
            "group": Role.KEY, "standing": Role.KEY, "n_reached": Role.COUNT, "n": Role.N,
            "share": Role.RATE, "low": Role.LOW, "high": Role.HIGH,
        },
        (pooled, *each) if metric else (),
        "Shares of groups as draws from one Beta distribution, its parameters integrated out; "
        "95 % posterior intervals.",
        {"overall": round(overall, 2)},
    )  # fmt: skip
