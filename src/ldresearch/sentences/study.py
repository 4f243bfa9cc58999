"""What every report says of its data: coverage and attrition."""

from __future__ import annotations

from ldresearch.result import Published
from ldresearch.sentences import words


def coverage(published: Published) -> str:
    """Say which days, events and persons a report rests on, and of which organisation."""
    client = published.parameters.get("client")
    said = _covered(published)
    return f"{str(client)[:1].upper()}{str(client)[1:]}: {said}" if client else said


def _covered(published: Published) -> str:
    if published.is_empty:
        return "The dataset holds no activity as of this date."
    rows = {row["item"]: row for row in published.frame.to_dict("records")}
    said = []
    if "events" in rows:
        number, n = rows["events"]["number"], rows["events"]["n"]
        if number is None or n is None:
            said.append("Activity of fewer people than may be shown")
        else:
            said.append(f"{words.number(int(number))} events of {words.number(int(n))} people")
        first, last = rows["first day"]["text"], rows["last day"]["text"]
        said[-1] += f" from {words.date(first)} to {words.date(last)}." if first and last else "."
    else:
        said.append("No activity is recorded as of this date.")
    rejected = [
        int(row["number"] or 0) for item, row in rows.items() if item.startswith("rejected from")
    ]
    if sum(rejected):
        n = words.number(sum(rejected))
        said.append(f"{n} rows were rejected on the way in; the table says why.")
    return " ".join(said)


def attrition(published: Published) -> str:
    """Say how many persons are left, and that the table says who fell out and why."""
    if published.is_empty:
        return "No one was left out."
    last = published.frame["n"].iloc[-1]
    if last is None:
        return "Fewer people are left than may be shown."
    return f"{words.persons(int(last))[:1].upper()}{words.persons(int(last))[1:]} are counted."
