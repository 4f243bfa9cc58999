"""Recommendations of the demo's clients, with what is true of them.

A layer over a finished world with a random stream of its own: what people did stays as it was
drawn. Only the tables ``recommendation`` and ``arm`` change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

INITIATIVE: Final = "recommendations"
"""Whose arms say who gets personalised recommendations."""
CLIENTS: Final[dict[str, dict[str, Any]]] = {
    "harbour": {"kind": "trial", "seed": 31, "drawn_on": "2025-04-07"},
    "meadow": {"kind": "full_time_only", "seed": 32, "shown_on": "2025-03-24",
               "until_on": "2025-07-01"},
    "orchard": {"kind": "unlogged", "seed": 33, "days_later": 21},
}  # fmt: skip
"""What each client's recommender does; quarry's shows anything to anyone, as it was drawn."""

_POOL = 12
_POINTED = 0.8
_SLOTS = 3


def laid(world: World) -> World:
    """Lay the recommendations of a demo client over it; other worlds stay as they are.

    Parameters
    ----------
    world : World

    Returns
    -------
    World
        ``truth["recommended"]`` says what is true of them.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = laid(organisation(1, n_persons=40, name="orchard"))
    >>> world.truth["recommended"]["kind"]
    'unlogged'
    """
    given = dict(CLIENTS.get(world.name, {}))
    kinds: dict[str, Callable[..., World]] = {
        "trial": trial, "full_time_only": full_time_only, "unlogged": unlogged
    }  # fmt: skip
    return kinds[given.pop("kind")](world, **given) if given else world


def recipe(client: str) -> list[Any]:
    """Return what a client's recommendations rest on, to tell whether they are to be made anew.

    Parameters
    ----------
    client : str

    Returns
    -------
    list
        JSON can hold it; empty where there is nothing of its own.

    Examples
    --------
    >>> recipe("quarry"), recipe("orchard")[0]["kind"]
    ([], 'unlogged')
    """
    return [CLIENTS[client]] if client in CLIENTS else []


# A randomised hold-out ----------------------------------------------------------------------


def trial(
    world: World,
    seed: int,
    *,
    drawn_on: str = "2025-04-07",
    share: float = 0.5,
    responders: tuple[str, ...] = ("Sales", "Service"),
    base: float = 0.06,
    lift: float = 0.30,
) -> World:
    """Draw who gets personalised recommendations, and log the chance of each.

    Everyone employed is shown three recommendations in three weeks. Personalised ones point, with a
    chance of 0.8, to content for what the person's cohort lacks, those of the hold-out to the most
    popular; the rest is drawn from the whole catalogue. The logged propensity is the chance over
    both, the draw of the arm included. A recommendation is followed with chance ``base``, and with
    ``lift`` more if it teaches what the person lacks and she belongs to the responders.

    Parameters
    ----------
    world : World
    seed : int
        Of this layer alone.
    drawn_on : str
        Day of the draw, ISO.
    share : float
        Chance of getting personalised recommendations.
    responders : tuple of str
        Units whose people follow what closes their gaps; nobody else gains.
    base, lift : float

    Returns
    -------
    World
        ``truth["recommended"]``: ``responders``, mean ``uplift`` of a person's chance to follow
        anything (of ``all``, of ``responders``, of ``others``), ``value`` of a recommendation in
        force and of a policy that points only to what is lacking (``pointed``).

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = trial(organisation(1, n_persons=60, n_months=18), 5)
    >>> truth = world.truth["recommended"]["uplift"]
    >>> truth["others"], bool(truth["responders"] > 0.2)
    (0.0, True)
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    tables = dict(world.tables)
    day = pd.Timestamp(drawn_on)
    there = _employed(tables["person"], day)
    ids = np.array(sorted(tables["content"].loc[~tables["content"]["is_mandatory"], "content_id"]))
    relevant = _relevant(world, there, ids)
    favourites = _favourites(tables["event"], ids, day)
    n, m = len(there), len(ids)
    rest = np.full(m, (1 - _POINTED) / m)
    size = np.maximum(relevant.sum(axis=1, keepdims=True), 1)
    pointed = np.where(relevant.any(axis=1, keepdims=True), relevant / size, 1 / m)
    personal = _POINTED * pointed + rest
    popular = np.broadcast_to(_POINTED * favourites + rest, (n, m))
    chance = share * personal + (1 - share) * popular
    responds = there["unit"].isin(responders).to_numpy()
    follow = base + lift * relevant * responds[:, None]
    treated = rng.random(n) < share
    shown_to = np.repeat(np.arange(n), _SLOTS)
    of = np.where(treated[shown_to, None], personal[shown_to], popular[shown_to])
    what = (of.cumsum(axis=1) < rng.random((len(shown_to), 1))).sum(axis=1).clip(0, m - 1)
    shown_at = day + pd.to_timedelta(7 * np.tile(np.arange(_SLOTS), n) + 0.4, unit="D")
    followed = rng.random(len(shown_to)) < follow[shown_to, what]
    clicked = pd.Series(shown_at + pd.Timedelta(hours=3)).where(pd.Series(followed))
    more = pd.DataFrame(
        {
            "recommendation_id": [f"h{i:07d}" for i in range(len(shown_to))],
            "person_id": there["person_id"].to_numpy()[shown_to],
            "content_id": ids[what], "shown_at": shown_at.as_unit("us"), "rank": 1,
            "policy": "trial", "propensity": chance[shown_to, what],
            "clicked_at": clicked.dt.as_unit("us"),
        }
    )  # fmt: skip
    arm = pd.DataFrame(
        {
            "initiative_id": INITIATIVE, "unit_kind": "person", "unit_id": there["person_id"],
            "arm": np.where(treated, "personalised", "hold-out"),
            "assigned_at": (day + pd.Timedelta(hours=4)).as_unit("us"), "is_randomised": True,
            "propensity": np.where(treated, share, 1 - share),
        }
    )  # fmt: skip
    tables["recommendation"] = _joined(tables["recommendation"], more)
    tables["arm"] = _joined(tables["arm"], arm)
    uplift = _any(personal, follow) - _any(popular, follow)
    truth = {
        "kind": "trial", "responders": list(responders), "share": share, "n": n,
        "uplift": {
            "all": _over(uplift, np.ones(n, dtype=bool)), "responders": _over(uplift, responds),
            "others": round(_over(uplift, ~responds), 12),
        },
        "value": {
            "shown": float((chance * follow).sum(axis=1).mean()) if n else 0.0,
            "pointed": float((pointed * follow).sum(axis=1).mean()) if n else 0.0,
        },
    }  # fmt: skip
    return replace(world, tables=tables, truth={**world.truth, "recommended": truth})


def _over(values: Floats, who: Any) -> float:
    return float(values[who].mean()) if who.any() else 0.0


def _any(chance: Floats, follow: Floats) -> Floats:
    """Chance that a person follows at least one of her recommendations."""
    found: Floats = 1 - (1 - (chance * follow).sum(axis=1)) ** _SLOTS
    return found


def _relevant(world: World, there: pd.DataFrame, ids: Any) -> Any:
    """Which content teaches what each person's cohort lacks, by the truth."""
    skill = world.tables["content_skill"].set_index("content_id")["skill_id"].reindex(ids)
    deep = [set(skills) for skills in world.truth["deep_skills"]]
    by_cohort = np.array([skill.isin(one).to_numpy() for one in deep]).reshape(len(deep), len(ids))
    cohort = there["person_id"].map(world.truth["cluster_of"]).to_numpy(dtype=int)
    if not len(deep):
        return np.zeros((len(there), len(ids)), dtype=bool)
    return by_cohort[cohort]


def _favourites(event: pd.DataFrame, ids: Any, day: pd.Timestamp) -> Floats:
    """Even chance of the contents that most had completed of their own accord before a day."""
    import pandas as pd

    own = event[(event["verb"] == "complete") & event["assignment_id"].isna()]
    own = own[pd.to_datetime(own["occurred_at"]) < day]
    n = own.groupby("content_id")["person_id"].nunique().reindex(ids).fillna(0).to_numpy()
    found = np.zeros(len(ids))
    found[np.argsort(-n, kind="stable")[:_POOL]] = 1.0 / min(_POOL, max(len(ids), 1))
    return found


# A recommender that overlooks some ----------------------------------------------------------


def full_time_only(
    world: World,
    seed: int,
    *,
    shown_on: str = "2025-03-24",
    until_on: str = "2025-07-01",
    known: float = 0.4,
    places: int = 10,
) -> World:
    """Recommend well to people who work full time, and nothing to anyone else.

    What full-time staff take later stands in their list with a known chance each, as if the
    recommender knew them well; the rest of the list is drawn from the catalogue. The chance of a
    recommendation is one: nothing else could have been shown.

    Parameters
    ----------
    world : World
    seed : int
    shown_on : str
        Day on which lists are shown, ISO.
    until_on : str
        End of what people take later, ISO.
    known : float
        Chance that something a full-time person takes later stands in her list.
    places : int
        Length of a list.

    Returns
    -------
    World
        ``truth["recommended"]``: ``recall_full_time`` (at least) and ``recall_part_time``.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = full_time_only(organisation(1, n_persons=60), 5)
    >>> world.truth["recommended"]["recall_part_time"]
    0.0
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    tables = dict(world.tables)
    day = pd.Timestamp(shown_on)
    there = _employed(tables["person"], day)
    full = there[there["fte"] >= 1]
    ids = np.array(sorted(tables["content"].loc[~tables["content"]["is_mandatory"], "content_id"]))
    event = tables["event"]
    at = pd.to_datetime(event["occurred_at"])
    own = event[(event["verb"] == "complete") & event["assignment_id"].isna()
                & (at >= day) & (at < pd.Timestamp(until_on))]  # fmt: skip
    later = own.drop_duplicates(["person_id", "content_id"]).groupby("person_id")["content_id"]
    takes = {str(person): sorted(content) for person, content in later}
    who: list[str] = []
    what: list[str] = []
    rank: list[int] = []
    for person in full["person_id"]:
        hits = [c for c in takes.get(person, []) if rng.random() < known][:places]
        spare = ids[~np.isin(ids, takes.get(person, []))]
        filler = rng.choice(spare, places - len(hits), replace=False).tolist()
        shown = rng.permutation([*hits, *filler]).tolist()
        who += [person] * places
        what += shown
        rank += list(range(1, places + 1))
    tables["recommendation"] = pd.DataFrame(
        {
            "recommendation_id": [f"f{i:07d}" for i in range(len(who))], "person_id": who,
            "content_id": what, "shown_at": (day + pd.Timedelta(hours=9)).as_unit("us"),
            "rank": rank, "policy": "full time first", "propensity": 1.0,
            "clicked_at": pd.Series(pd.NaT, index=range(len(who)), dtype="datetime64[us]"),
        }
    )  # fmt: skip
    truth = {"kind": "full_time_only", "recall_full_time": known, "recall_part_time": 0.0}
    return replace(world, tables=tables, truth={**world.truth, "recommended": truth})


# A recommender that logs nothing ------------------------------------------------------------


def unlogged(world: World, seed: int, *, days_later: int = 21) -> World:
    """Show the world's recommendations some days later, and lose the chance of each.

    Parameters
    ----------
    world : World
    seed : int
        Not used: nothing is drawn.
    days_later : int

    Returns
    -------
    World
        ``truth["recommended"]["kind"]`` is ``unlogged``.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = unlogged(organisation(1, n_persons=60), 0)
    >>> int(world.tables["recommendation"]["propensity"].notna().sum())
    0
    """
    import pandas as pd

    later = pd.Timedelta(days=days_later)
    table = world.tables["recommendation"]
    table = table.assign(
        shown_at=table["shown_at"] + later, clicked_at=table["clicked_at"] + later,
        policy="platform", propensity=np.nan,
    )  # fmt: skip
    truth = {"kind": "unlogged"}
    return replace(world, tables={**world.tables, "recommendation": table},
                   truth={**world.truth, "recommended": truth})  # fmt: skip


# Shared -------------------------------------------------------------------------------------


def _employed(person: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Return one row a person employed on a day, with the attributes that were valid then."""
    import pandas as pd

    begun = person[pd.to_datetime(person["valid_from_on"]) <= day]
    last = begun.sort_values("valid_from_on", kind="stable")
    last = last.drop_duplicates("person_id", keep="last")
    left = pd.to_datetime(last["left_on"])
    there = last[left.isna() | (left > day)].sort_values("person_id", ignore_index=True)
    return there.assign(unit=[path[min(1, len(path) - 1)] for path in there["unit_path"]])


def _joined(before: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    parts = [frame for frame in (before, more) if len(frame)]
    return pd.concat(parts, ignore_index=True) if parts else before
