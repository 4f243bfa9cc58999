"""The ledger of releases: this report minus another tells of no one."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ldresearch.errors import DataError, DisclosureError, ParameterError
from ldresearch.privacy import publish
from ldresearch.privacy.ledger import Ledger, Release
from ldresearch.result import Result, Rules
from ldresearch.vocabulary import Family, Role

MONDAY = date(2025, 1, 6)


def release(
    as_of: str = "2025-06-02", *, name: str = "20_adoption", population: str = "",
    people_as_of: str = "", k: int = 10, base: int = 5, parameters: str = "",
) -> Release:  # fmt: skip
    return Release(
        "harbour", name, population, parameters, as_of, people_as_of or as_of, k, base
    )  # fmt: skip


def staff(n: int, first: int = 0) -> list[str]:
    return [f"{i:032x}" for i in range(first, first + n)]


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "releases")


# Between populations ------------------------------------------------------------------------


@pytest.mark.parametrize("fewer", [1, 9])
def test_the_same_report_without_a_few_is_refused(book: Ledger, fewer: int) -> None:
    book.record(release(), book.people(staff(60)))
    with pytest.raises(DisclosureError, match="fewer than 10 people tell this population"):
        book.record(release(population="unit=Sales"), book.people(staff(60 - fewer)))
    assert len(book.read()) == 1


def test_populations_that_are_the_same_or_far_apart_pass(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    book.record(release(population="country=NL"), book.people(staff(60)))
    book.record(release(population="unit=Sales"), book.people(staff(50)))
    book.record(release(population="unit=Lab"), book.people(staff(9, first=200)))
    assert len(book.read()) == 4


def test_another_analysis_of_the_same_day_counts_too(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    with pytest.raises(DisclosureError):
        book.record(release(name="50_skill_gaps", population="unit=Sales"), book.people(staff(59)))
    # A month later, another analysis of other people: nothing to subtract.
    later = release("2025-08-04", name="50_skill_gaps", population="unit=Sales")
    book.record(later, book.people(staff(59)))


def test_a_refusal_is_one_sentence_without_an_id(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    with pytest.raises(DisclosureError) as refusal:
        book.record(release(population="unit=Sales"), book.people(staff(59)))
    said = str(refusal.value)
    assert said.count("\n") == 0
    assert "everyone, as of 2025-06-02" in said
    assert staff(60)[-1] not in said


# Along a line -------------------------------------------------------------------------------


def test_people_are_held_until_enough_have_come_or_gone(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))

    def asked(day: str, people: list[str]) -> str:
        return book.people_as_of("harbour", "", date.fromisoformat(day), book.people(people),
                                 Rules())  # fmt: skip

    assert asked("2025-06-09", staff(60)) == "2025-06-09"
    assert asked("2025-06-09", staff(59)) == "2025-06-02"
    assert asked("2025-06-09", staff(60, first=4)) == "2025-06-02"
    assert asked("2025-06-09", staff(70)) == "2025-06-09"
    held = release("2025-06-09", people_as_of="2025-06-02")
    book.record(held, book.people(staff(60)))
    assert asked("2025-06-16", staff(62)) == "2025-06-02"


def test_whoever_publishes_them_all_the_same_is_refused(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    with pytest.raises(DisclosureError, match="the one as of 2025-06-02"):
        book.record(release("2025-06-09"), book.people(staff(59)))


def test_an_earlier_date_may_not_come_between_and_tell(book: Ledger) -> None:
    """As-of goes back only where the people are the same, or many others."""
    book.record(release("2025-06-30"), book.people(staff(60)))
    with pytest.raises(DisclosureError):
        book.record(release("2025-06-02"), book.people(staff(58)))
    book.record(release("2025-06-02"), book.people(staff(60)))
    book.record(release("2025-04-07"), book.people(staff(45)))


def test_other_rules_open_a_new_line_from_the_next_date(book: Ledger) -> None:
    people = book.people(staff(60))
    book.record(release(k=10), people)
    with pytest.raises(DisclosureError, match="other rules for a date"):
        book.record(release(k=5), people)
    assert book.record(release("2025-06-09", k=12), people).version == 2
    assert book.record(release("2025-06-16", k=12), people).version == 2
    with pytest.raises(DisclosureError, match="other rules for a date"):
        book.record(release("2025-06-09", k=10), people)


# The file -----------------------------------------------------------------------------------


def test_the_same_release_again_adds_nothing(book: Ledger) -> None:
    people = book.people(staff(60))
    first = book.record(release(), people)
    assert book.record(release(), people) == first
    assert len(book.read()) == 1


def test_a_ledger_that_was_edited_lets_nothing_out(book: Ledger) -> None:
    people = book.people(staff(60))
    for day in ("2025-06-02", "2025-06-09", "2025-06-16"):
        book.record(release(day), people)
    file = book.folder / "releases.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    broken = {
        "a line taken out": [lines[0], lines[2]],
        "a line changed": [lines[0].replace('"k": 10', '"k": 5'), *lines[1:]],
        "cut short": [*lines[:2], lines[2][:40]],
    }
    for what, left in broken.items():
        file.write_text("\n".join(left) + "\n", encoding="utf-8")
        with pytest.raises(DataError, match="not what was written"):
            book.record(release("2025-06-23"), people)
        assert file.read_text(encoding="utf-8").splitlines() == left, what


def test_members_that_are_gone_let_nothing_out(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    [file] = (book.folder / "members").iterdir()
    file.write_bytes(b"12345678")
    with pytest.raises(DataError, match="whom a release counted"):
        Ledger(book.folder).record(release("2025-06-09"), book.people(staff(59)))
    (book.folder / "ledger.key").unlink()
    with pytest.raises(DataError, match="key of the ledger is gone"):
        Ledger(book.folder).people(staff(1))


def test_it_is_private_and_holds_no_pseudonym(book: Ledger) -> None:
    book.record(release(), book.people(staff(60)))
    files = [f for f in book.folder.rglob("*") if f.is_file()]
    held = b"".join(f.read_bytes() for f in files)
    assert not [one for one in staff(60) if one.encode() in held or bytes.fromhex(one) in held]
    if os.name != "nt":
        assert book.folder.stat().st_mode & 0o077 == 0
        assert all(f.stat().st_mode & 0o077 == 0 for f in files if not f.name.startswith("."))


def test_two_ledgers_have_no_one_in_common(tmp_path: Path) -> None:
    one, other = (Ledger(tmp_path / name).people(staff(20)) for name in "ab")
    assert not one & other


# An attacker with 52 reports ----------------------------------------------------------------


def told(members: dict[str, int], rules: Rules) -> tuple[int | None, int | None]:
    """What a report says of them: how many have started, of how many."""
    frame = pd.DataFrame({"step": ["started"], "started": [sum(members.values())],
                          "n": [len(members)]})  # fmt: skip
    roles = {"step": Role.KEY, "started": Role.COUNT, "n": Role.N}
    [(_, started, n)] = publish(Result("funnel", Family.COUNTS, frame, roles), rules).rows
    return started, n  # type: ignore[return-value]


class Year:
    """A year of weekly reports in which one person a week joins or leaves.

    Nothing else changes, which is the best an attacker can hope for. It knows who came and went,
    and as of which day people were counted in each report.
    """

    def __init__(self, seed: int, rules: Rules, book: Ledger | None, weeks: int = 52) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(60, 400))
        share = rng.uniform(0.15, 0.85)
        now = {f"{i:032x}": int(rng.random() < share) for i in range(n)}
        self.moves: list[tuple[str, int, int]] = []
        """Who, what is to be found out, and +1 for a joiner or -1 for a leaver."""
        self.reports: list[tuple[int, tuple[int | None, int | None]]] = []
        """How many moves were counted by then, and what was told."""
        counted, states = 0, {MONDAY: (0, dict(now))}
        for week in range(weeks + 1):
            day = MONDAY + timedelta(days=7 * week)
            if week:
                if rng.random() < 0.5:
                    who = sorted(now)[int(rng.integers(len(now)))]
                    self.moves.append((who, now.pop(who), -1))
                else:
                    who, has = f"{10_000 + week:032x}", int(rng.random() < share)
                    now[who] = has
                    self.moves.append((who, has, 1))
            states[day] = (len(self.moves), dict(now))
            people_as_of = day
            if book is not None:
                found = book.people_as_of("harbour", "", day, book.people(now), rules)
                people_as_of = date.fromisoformat(found)
            counted, members = states[people_as_of]
            if book is not None:
                one = release(day.isoformat(), people_as_of=people_as_of.isoformat(), k=rules.k,
                              base=rules.base)  # fmt: skip
                book.record(one, book.people(members))
            self.reports.append((counted, told(members, rules)))

    def certain(self) -> int:
        """Count of whom the attacker knows the property for certain, from all reports together."""
        steps = [(counted, seen[0]) for counted, seen in self.reports]
        most = 1000
        fits = np.ones((len(self.moves) + 1, most), dtype=bool)
        for counted, started in steps:
            fits[counted] &= [self._fits(c, started) for c in range(most)]
        # Which totals can be reached from the first week on, and from the last one back.
        ahead, back = fits.copy(), fits.copy()
        for i, (_, _, sign) in enumerate(self.moves):
            ahead[i + 1] &= ahead[i] | np.roll(ahead[i], sign)
        for i in range(len(self.moves) - 1, -1, -1):
            sign = self.moves[i][2]
            back[i] &= back[i + 1] | np.roll(back[i + 1], -sign)
        n_certain = 0
        for i, (_, has, sign) in enumerate(self.moves):
            may_not = bool((ahead[i] & back[i + 1]).any())
            may = bool((np.roll(ahead[i], sign) & back[i + 1]).any())
            assert may if has else may_not, "the attacker of this test reasons wrongly"
            n_certain += may != may_not
        return n_certain

    def _fits(self, count: int, told: int | None) -> bool:
        if told is None:
            return 0 < count < 10
        return abs(count - told) <= self.base // 2 and (count == 0 or count >= 10)

    base = 5


def certain_share(years: range, rules: Rules, folder: Path | None) -> float:
    n_certain = n_moves = 0
    for seed in years:
        book = Ledger(folder / str(seed)) if folder else None
        year = Year(seed, rules, book)
        year.base = rules.base
        n_certain += year.certain()
        n_moves += len(year.moves)
    return n_certain / n_moves


def test_a_year_of_exact_counts_tells_everyone() -> None:
    assert certain_share(range(2), Rules(k=10, base=1), None) == 1.0


def test_rounding_alone_tells_of_some() -> None:
    """Why there is a ledger: a rounded count that moves tells of the one who moved it."""
    assert 0.05 < certain_share(range(6), Rules(), None) < 0.3


def test_a_year_of_reports_tells_of_no_one(tmp_path: Path) -> None:
    """The defaults: counts rounded to 5, and people held until ten have come or gone."""
    assert certain_share(range(3), Rules(), tmp_path) == 0.0


@pytest.mark.slow
def test_twenty_years_of_reports_tell_of_no_one(tmp_path: Path) -> None:
    assert certain_share(range(100, 120), Rules(), tmp_path) == 0.0


# Keys, and who was forgotten ----------------------------------------------------------------


def test_a_report_under_another_key_is_refused_and_says_what_to_do(book: Ledger) -> None:
    """Under a new key every pseudonym is another: the ledger would let anything pass."""
    book.record(replace(release(), keys="old"), book.people(staff(60)))
    later = replace(release("2025-06-09"), keys="new")
    with pytest.raises(DisclosureError, match="earlier key, or let the reports go on") as refusal:
        book.record(later, book.people(staff(59, first=500)))
    assert "key new" in str(refusal.value)
    assert len(book.read()) == 1
    book.record(replace(later, keys="old"), book.people(staff(60)))
    # Releases from before keys were noted say nothing, and other clients have keys of their own.
    book.record(replace(later, client="meadow"), book.people(staff(60)))
    assert [r.keys for r in book.read()] == ["old", "old", "new"]


def test_who_was_forgotten_is_not_the_difference_of_two_reports(book: Ledger) -> None:
    """The ledger keeps what it has of them: without it the next report would tell of them."""
    book.record(release(), book.people(staff(60)))
    without = book.people(staff(59))
    with pytest.raises(DisclosureError, match="fewer than 10"):
        book.record(release("2025-06-09"), without)
    changed = book.people([*staff(59), *staff(9, first=300)])
    assert book.record(release("2025-07-14"), changed).version == 1


def test_a_new_key_that_is_accepted_opens_new_lines_a_period_later(book: Ledger) -> None:
    """Nobody is known again, so no report of one period stands under two keys."""
    book.record(replace(release("2025-06-02"), keys="old"), book.people(staff(60)))
    book.record(replace(release("2025-06-09"), keys="old"), book.people(staff(60)))
    entry = book.accept("harbour", "new")
    assert (entry.as_of, entry.keys) == ("2025-07-11", "new")
    others = book.people(staff(59, first=500))
    for early in ("2025-06-09", "2025-06-16", "2025-07-10"):
        with pytest.raises(DisclosureError, match="2025-07-11 or later"):
            book.record(replace(release(early), keys="new"), others)
    with pytest.raises(DisclosureError, match="keys accept"):
        book.record(replace(release("2025-07-14"), keys="old"), book.people(staff(60)))
    first = book.record(replace(release("2025-07-14"), keys="new"), others)
    assert first.version == 2
    assert book.changed(first) == ["key"]
    # Under the new key all rules hold again, and a line is held to its people.
    day, fewer = date(2025, 7, 21), book.people(staff(58, first=500))
    assert book.people_as_of("harbour", "", day, fewer, Rules()) == "2025-07-14"
    with pytest.raises(DisclosureError, match="fewer than 10"):
        book.record(replace(release("2025-07-21"), keys="new"), fewer)
    assert book.record(replace(release("2025-07-21"), keys="new"), others).version == 2
    assert [r.name for r in book.read()].count("new key") == 1
    other = replace(release("2025-08-04", k=12), keys="new")
    assert book.changed(book.record(other, book.people(staff(99, first=500)))) == ["rules", "key"]


def test_only_a_key_that_changed_can_be_accepted(book: Ledger) -> None:
    with pytest.raises(ParameterError, match=r"no report of this client.*--runs"):
        book.accept("harbour", "new")
    book.record(replace(release(), keys="old"), book.people(staff(60)))
    with pytest.raises(ParameterError, match=r"the key in use\. Do"):
        book.accept("harbour", "old")
    assert len(book.read()) == 1
    book.accept("harbour", "new")
    with pytest.raises(ParameterError, match="the key in use from 2025"):
        book.accept("harbour", "new")
