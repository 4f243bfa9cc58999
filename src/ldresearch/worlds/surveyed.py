"""Made-up surveys whose truth is known, and made-up scores of other organisations.

Everyone has an answer; who gives it depends on unit and level, so that the answers given are
biased and weights by unit and level mend it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ldresearch.worlds.organisation import World

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WAVES: Final = ("2024-09-09", "2025-01-13", "2025-04-28")
"""First days of the demo's surveys."""

CLIENTS: Final[dict[str, dict[str, Any]]] = {
    "harbour": {"seed": 41}, "orchard": {"seed": 43, "waves": WAVES[1:]},
    "quarry": {"seed": 44, "waves": WAVES[2:], "answering": 0.3},
}  # fmt: skip
"""Clients of the demo that ask everyone, and how; the other one keeps its short pulse."""

STATEMENTS: Final[dict[str, float]] = {
    "time": 0.9, "access": 0.5, "career": 0.3, "performance": 0.0, "opportunities": 0.0,
}  # fmt: skip
"""Statement to the points by which one step of agreement moves the answer of 0 to 10."""

FEATURES: Final[dict[str, tuple[float, ...]]] = {
    "a coach": (0.60, 0.15, 0.05, 0.20, 0.00),
    "time in the calendar": (0.20, 0.50, 0.20, 0.10, 0.00),
    "a search that finds": (0.05, 0.20, 0.65, 0.10, 0.00),
    "badges": (0.15, 0.05, 0.00, 0.70, 0.10),
    "a leaderboard": (0.05, 0.00, 0.00, 0.40, 0.55),
}
"""Feature to the chances that it is attractive, one-dimensional, must-be, indifferent, reverse."""

_PAIRS: Final = ((1, 3), (1, 5), (3, 5), (3, 3), (5, 1))
_DAYS: Final = 56


def surveyed(
    world: World,
    *,
    seed: int,
    waves: tuple[str, ...] = WAVES,
    answering: float = 0.45,
    bias: float = 1.0,
    drift: float = 0.2,
) -> World:
    """Ask everyone of a world, in waves; the surveys it had give way.

    Parameters
    ----------
    world : World
    seed : int
        Of a random stream of its own: nothing else of the world changes.
    waves : tuple of str
        First day of each.
    answering : float
        Share that answers, about.
    bias : float
        How much more the satisfied units and levels answer; 0: all alike.
    drift : float
        Points by which answers of 0 to 10 rise from wave to wave.

    Returns
    -------
    World
        ``truth`` has ``nps``: the score of everyone, wave by wave, whether they answered or not;
        ``voice_gap``: promoters' days with value in the 56 days after the last wave less those
        of detractors, over everyone.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = surveyed(organisation(1, n_persons=200), seed=1)
    >>> sorted(set(world.tables["survey_answer"]["instrument"]))
    ['kano', 'likert', 'nps', 'pmf']
    >>> len(world.truth["nps"])
    3
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 6])
    person = _people(world)
    mood = _mood(person, rng)
    rows, truth, gap = [], [], float("nan")
    for i, wave in enumerate(waves):
        here = _eligible(person, wave)
        days = _value_days(world, person["person_id"], wave)
        said = _statements(mood, rng)
        score = _score(said, mood, days, i * drift, rng)
        sign = np.where(score >= 9, 1, np.where(score <= 6, -1, 0))
        truth.append(100 * float(sign[here].mean()) if here.any() else float("nan"))
        if (here & (sign > 0)).any() and (here & (sign < 0)).any():
            gap = float(days[here & (sign > 0)].mean() - days[here & (sign < 0)].mean())
        chance = 1 / (1 + np.exp(-(np.log(answering / (1 - answering)) + bias * mood["offset"])))
        who = np.flatnonzero(here & (rng.random(len(person)) < chance))
        rows.append(_rows(person, who, i, wave, score, said, days, i == len(waves) - 1, rng))
    answer = pd.concat(rows, ignore_index=True)
    return replace(
        world,
        tables={**world.tables, "survey_answer": answer},
        truth={**world.truth, "nps": truth, "voice_gap": gap},
    )


def _people(world: World) -> pd.DataFrame:
    import pandas as pd

    person = world.tables["person"].sort_values(["person_id", "valid_from_on"])
    person = person.drop_duplicates("person_id", ignore_index=True)
    granted = world.tables["access"].groupby("person_id")["granted_at"].min()
    return person.assign(
        unit=[path[1] for path in person["unit_path"]],
        granted=pd.to_datetime(person["person_id"].map(granted)),
        hired=pd.to_datetime(person["hired_on"]), left=pd.to_datetime(person["left_on"]),
    )  # fmt: skip


def _mood(person: pd.DataFrame, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Say how content each person is: by unit, by level, and by herself."""
    names, grades = sorted(set(person["unit"])), sorted(set(person["level"]))
    units = dict(zip(names, np.linspace(-1, 1, len(names)), strict=True))
    levels = dict(zip(grades, np.linspace(0.6, -0.6, len(grades)), strict=True))
    offset = (person["unit"].map(units) + person["level"].map(levels)).to_numpy(dtype=float)
    return {"offset": offset, "own": rng.normal(0, 0.8, len(person))}


def _eligible(person: pd.DataFrame, wave: str) -> NDArray[np.bool_]:
    import pandas as pd

    day = pd.Timestamp(wave)
    return np.asarray(
        (person["hired"] <= day) & (person["granted"] <= day)
        & (person["left"].isna() | (person["left"] > day))
    )  # fmt: skip


def _value_days(world: World, ids: pd.Series, wave: str) -> NDArray[np.float64]:
    """Count the days on which each person completes something unasked, after a wave."""
    import pandas as pd

    event = world.tables["event"]
    day = pd.Timestamp(wave)
    at = pd.to_datetime(event["occurred_at"])
    is_value = event["verb"].isin(["complete", "pass"]) & event["assignment_id"].isna()
    inside = is_value & (at >= day + pd.Timedelta(days=1)) & (
        at < day + pd.Timedelta(days=_DAYS + 1)
    )  # fmt: skip
    kept = pd.DataFrame({"id": event.loc[inside, "person_id"], "on": at[inside].dt.date})
    counts = kept.drop_duplicates().groupby("id").size()
    return np.asarray(ids.map(counts).fillna(0), dtype=np.float64)


def _statements(
    mood: dict[str, NDArray[np.float64]], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    content = 3.3 + 0.35 * mood["offset"] + mood["own"]
    return {
        name: np.clip(np.round(content + rng.normal(0, 0.9, len(content))), 1, 5)
        for name in STATEMENTS
    }


def _score(
    said: dict[str, NDArray[np.float64]],
    mood: dict[str, NDArray[np.float64]],
    days: NDArray[np.float64],
    drift: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    pull = sum(weight * (said[name] - 3) for name, weight in STATEMENTS.items())
    mean = 6.9 + pull + 0.4 * mood["offset"] + 0.5 * np.log1p(days) + drift
    score: NDArray[np.float64] = np.clip(np.round(mean + rng.normal(0, 1.4, len(days))), 0, 10)
    return score


def _rows(
    person: pd.DataFrame,
    who: NDArray[np.intp],
    number: int,
    wave: str,
    score: NDArray[np.float64],
    said: dict[str, NDArray[np.float64]],
    days: NDArray[np.float64],
    is_last: bool,
    rng: np.random.Generator,
) -> pd.DataFrame:
    import pandas as pd

    n = len(who)
    start = np.datetime64(wave, "s")
    base = {
        "response_id": [f"s{number + 1}-{i:06d}" for i in who],
        "token": person["person_id"].to_numpy()[who],
        "answered_at": start + (np.round(rng.uniform(9, 17, n) * 3600) + 86400 * np.minimum(
            rng.geometric(0.45, n) - 1, 6)).astype("timedelta64[s]"),
    }  # fmt: skip
    feeling = 1 / (1 + np.exp(-(score[who] - 8.2)))
    draw = rng.random(n)
    fit = np.where(draw < feeling, "very", np.where(draw < 0.5 + feeling / 2, "somewhat", "not"))
    fit = np.where((days[who] == 0) & (rng.random(n) < 0.15), "gone", fit)
    columns: list[tuple[str, str, Any]] = [
        ("nps", "recommend", score[who].astype(int).astype(str)),
        ("pmf", "the learning platform", fit),
        *(("likert", name, v[who].astype(int).astype(str)) for name, v in said.items()),
    ]
    for feature, chances in FEATURES.items() if is_last else ():
        which = rng.choice(len(chances), n, p=chances)
        pair = np.array(_PAIRS)[which].astype(str)
        columns += [("kano", f"{feature}:functional", pair[:, 0]),
                    ("kano", f"{feature}:dysfunctional", pair[:, 1])]  # fmt: skip
    return pd.concat(
        [pd.DataFrame({**base, "instrument": kind, "item": item, "value": value})
         for kind, item, value in columns],
        ignore_index=True,
    )  # fmt: skip


# Other organisations ------------------------------------------------------------------------


def published(
    seed: int,
    *,
    n_organisations: int = 90,
    years: tuple[int, ...] = (2020, 2021, 2022, 2023, 2024),
    change: float = 0.8,
) -> pd.DataFrame:
    """Make up what organisations published of a survey.

    Parameters
    ----------
    seed : int
    n_organisations : int
    years : tuple of int
    change : float
        Points by which scores rise a year.

    Returns
    -------
    pandas.DataFrame
        The table ``benchmark``: four statements and their theme, with how many answered.

    Examples
    --------
    >>> table = published(1, n_organisations=20, years=(2023, 2024))
    >>> len(table), sorted(set(table["item"]))
    (200, ['access', 'career', 'opportunities', 'performance', 'theme'])
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 42])
    items = ("access", "performance", "career", "opportunities")
    level = rng.normal(50, 8, n_organisations)
    asked = np.round(np.exp(rng.normal(6.6, 1.1, n_organisations))).astype(int) + 30
    rows = []
    for year in years:
        share = np.clip(rng.normal(0.62, 0.08, n_organisations), 0.3, 0.95)
        n = np.round(asked * share).astype(int)
        found = {}
        for j, item in enumerate(items):
            true = np.clip(level + change * (year - years[0]) + 6 - 4 * j, 5, 95) / 100
            found[item] = 100 * rng.binomial(n, true) / n
        found["theme"] = np.mean([found[i] for i in items], axis=0)
        for item, score in found.items():
            rows.append(
                pd.DataFrame(
                    {
                        "source": "made-up staff survey",
                        "organisation": [f"Organisation {i + 1:02d}" for i in
                                         range(n_organisations)],
                        "year": year, "item": item, "score": np.round(score, 1),
                        "known_on": f"{year + 1}-01-01", "sector": "made up", "n": n,
                        "response_rate": np.round(share, 2), "is_summary": False,
                    }
                )
            )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def asked(world: World) -> World:
    """Survey a client of the demo that asks everyone; other worlds stay as they are.

    Parameters
    ----------
    world : World
        A client of the demo.

    Returns
    -------
    World
        With its surveys and the published scores of others, or the same.

    Examples
    --------
    >>> from ldresearch.worlds.organisation import organisation
    >>> world = organisation(1, n_persons=50, name="quarry")
    >>> "benchmark" in world.tables, "benchmark" in asked(world).tables
    (False, True)
    """
    if world.name not in CLIENTS:
        return world
    told = surveyed(world, **CLIENTS[world.name])
    return replace(told, tables={**told.tables, "benchmark": published(6)})


def recipe(client: str) -> list[Any]:
    """Return what a client's surveys rest on, so that an old demo is built anew.

    Parameters
    ----------
    client : str
        Its name.

    Returns
    -------
    list
        JSON can hold it.

    Examples
    --------
    >>> recipe("meadow"), recipe("harbour")[0]["seed"]
    ([], 41)
    """
    return [CLIENTS[client], "surveys 1"] if client in CLIENTS else []
