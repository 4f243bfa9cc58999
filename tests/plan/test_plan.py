"""A plan file: what it may hold, what its hash depends on, and how it is refused."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldresearch import plan
from ldresearch.log import POPULATION_COLUMNS
from ldresearch.measures._outcomes import METRICS
from ldresearch.measures._value import WAYS
from ldresearch.plan import FIELDS, Kind, Plan, PlanError, changes, parse, template
from ldresearch.vocabulary import metrics

SAME = settings(max_examples=60, deadline=None)


def problems(text: str) -> list[str]:
    with pytest.raises(PlanError) as error:
        parse(text, "p.toml")
    return list(error.value.problems)


def test_the_template_is_a_plan_and_explains_every_key() -> None:
    text = template()
    assert parse(text).metric == "value_reach"
    for field in FIELDS:
        assert re.search(rf"^# .*\n{field.name} = ", text, re.MULTILINE), field.key
        assert field.doc in text


def test_the_words_of_the_plan_are_those_of_the_house() -> None:
    keys = {f.key: f for f in FIELDS}
    assert {f.name for f in FIELDS if f.table == "population"} == set(POPULATION_COLUMNS)
    assert set(keys["value_event.assigned"].choices) == set(WAYS)
    assert {m.id for m in metrics().values() if m.plan} == set(METRICS)


# The hash -----------------------------------------------------------------------------------


def shuffled(draw: Any, text: str) -> str:
    """The same plan with tables, keys and comments elsewhere."""
    blocks = [b for b in re.split(r"\n\n", text) if "=" in b]
    top, rest = blocks[0], blocks[1:]
    rest = draw(st.permutations(rest))

    def keys(block: str) -> str:
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        head = [line for line in lines if line.startswith("[")]
        body = draw(st.permutations([line for line in lines if not line.startswith("[")]))
        return "\n".join([*head, *(f"{line}   # {draw(st.sampled_from('abc'))}" for line in body)])

    return "\n\n".join(keys(block) for block in [top, *rest])


@SAME
@given(st.data())
def test_order_and_comments_do_not_matter(data: st.DataObject) -> None:
    assert parse(shuffled(data.draw, template())).hash == parse(template()).hash


@SAME
@given(st.floats(0.0001, 0.9, allow_nan=False), st.sampled_from(["{!r}", "{:.17e}", "{:.17E}"]))
def test_the_spelling_of_a_number_does_not_matter(size: float, spelling: str) -> None:
    text = template()
    one = text.replace("minimum_effect = 0.05", f"minimum_effect = {size!r}")
    other = text.replace("minimum_effect = 0.05", f"minimum_effect = {spelling.format(size)}")
    assert parse(one).hash == parse(other).hash


def test_other_spellings_of_the_same() -> None:
    same = parse(template()).hash
    for old, new in (
        ("amount = 40000", "amount = 40_000.0"),
        ("launch_on = 2025-03-03", 'launch_on = "2025-03-03"'),
        ('["complete", "pass"]', '["pass", "complete", "pass"]'),
        ("share = 0.5\n", "share = 5e-1\n"),
        ('unit = ""\n', ""),  # a default left out
        ('owner = "Head of learning"', "owner = '''Head  of\nlearning'''"),
    ):
        assert old in template()
        assert parse(template().replace(old, new, 1)).hash == same, new


def other_value(field: plan.Field) -> Any:
    """A value of a key that passes its check and is not the template's."""
    if field.kind is Kind.METRIC:
        return "active_weeks"
    if field.choices:
        return next((c for c in field.choices if c != field.example), None)
    if field.kind is Kind.WHOLE:
        return None if field.key == "version" else field.example + 1
    if field.kind is Kind.NUMBER:
        return {"cost.low": 30000, "cost.high": 60000}.get(
            field.key, field.example + 1 if field.example >= 1000 else field.example * 0.9 + 0.001
        )
    if field.kind is Kind.DAY:
        return date(2025, 3, 4) if field.name == "launch_on" else date(2025, 9, 2)
    if field.kind is Kind.DAYS:
        return field.example[:-1]
    if field.kind is Kind.WORDS:
        return ["complete"]
    return "EUX" if field.key == "cost.currency" else "something else"


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.key)
def test_every_key_is_part_of_the_hash_and_is_named(field: plan.Field) -> None:
    other = other_value(field)
    if other is None:
        pytest.skip("no other value of this key stands alone")
    content = parse(template()).content
    if field.table == "guardrail":
        after = dict(content)
        [(name, margin)] = content["guardrail"].items()
        after["guardrail"] = {other: margin} if field.name == "metric" else {name: other}
    else:
        value = other.isoformat() if isinstance(other, date) else other
        if isinstance(other, list) and isinstance(other[0], date):
            value = [day.isoformat() for day in other]
        after = {**content, field.key: value}
        if field.key.startswith("impact.worth"):
            after.update({"impact.worth": 1.0, "impact.worth_low": 0.5, "impact.worth_high": 2.0})
    changed = Plan.from_content(after)
    assert changed.hash != parse(template()).hash
    assert any(
        field.key in c.field or field.table == "guardrail"
        for c in changes(content, changed.content)
    )


def test_the_canonical_form_is_read_back_as_it_is() -> None:
    one = parse(template())
    assert Plan.from_content(json.loads(one.canonical)) == one


# Refusals -----------------------------------------------------------------------------------


def test_everything_amiss_is_told_at_once_with_its_line() -> None:
    text = template().replace("power = 0.8", 'powr = 0.8\npower = "high"')
    text = text.replace('"gave_up_share"', '"gave_up"').replace("launch_on = 2025-03-03\n", "")
    found = problems(text)
    assert len(found) == 4
    lines = text.splitlines()
    for said in found:
        line = re.match(r"p\.toml, line (\d+), ([\w.]+): ", said)
        if "launch_on" in said:
            assert "missing" in said
            continue
        assert line, said
        assert lines[int(line[1]) - 1].startswith(line[2].rpartition(".")[2])
    assert any("did you mean power?" in said for said in found)
    assert any("did you mean gave_up_share?" in said for said in found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("end_on = 2025-09-01", "end_on = 2025-01-01", "end_on: not after the launch"),
        ("2025-06-02", "2025-03-03", "looks_on: not in rising order"),
        ("2025-04-07, 2025-06-02", "2025-03-01, 2025-06-02", "not between launch and end"),
        ("version = 1", "version = 2", "change: an amendment without a reason"),
        ("minimum_effect = 0.05", "minimum_effect = 5", "a share cannot change by so much"),
        ("minimum_effect = 0.05", "minimum_effect = 0", "out of range (got 0.0; allowed: above 0)"),
        ("minimum_effect = 0.05", "minimum_effect = nan", "not of its type"),
        ("minimum_effect = 0.05", "minimum_effect = true", "not of its type"),
        ('"complete", "pass"', '"access"', "a login is not value"),
        ('"complete", "pass"', '"completed"', "did you mean complete?"),
        ('metric = "gave_up_share"', 'metric = "value_reach"', "named twice"),
        ('metric = "value_reach"', 'metric = "nps"', "cannot be followed person by person"),
        ("low = 35000", "low = 45000", "the range does not hold what is expected"),
        ('currency = "EUR"', 'currency = "euro"', "three capital letters"),
        ('owner = "Head of learning"', 'owner = "a@b.example"', "a mail address names a person"),
        ('owner = "Head of learning"', 'owner = " "', "owner: empty"),
        ('design = "parallel"', 'design = "paralel"', "did you mean parallel?"),
        ("[roll_out]", "[rollout]", "did you mean roll_out?"),
        ("[[guardrail]]\n", "[guardrail]\n", "not a list of guardrails"),
        ("power = 0.8", "power = 0.8\npower = 0.9", "this is not TOML"),
        ("objective = ", 'objective = """', "this is not TOML"),
    ],
)
def test_refusals(old: str, new: str, said: str) -> None:
    assert old in template()
    found = problems(template().replace(old, new, 1))
    assert any(said in one for one in found), found
    assert all(one.startswith("p.toml") and one.endswith((".", "?")) for one in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 100_000, "beyond all measure"),
        ("a = " + "9" * 5000, "beyond all measure"),
        (template().replace("amount = 40000", "amount = " + "9" * 400), "not of its type"),
        (template().replace("version = 1", "version = " + "9" * 400), "out of range"),
        (template().replace("minimum_effect = 0.05", "minimum_effect = inf"), "not of its type"),
        (template().replace("Head of learning", "Head\\u0000"), "cannot be seen"),
        (template().replace("Head of learning", "Head\\u202e"), "cannot be seen"),
        (template().replace("Head of learning", "x" * 400), "longer than a sentence"),
    ],
    ids=["nested", "digits", "amount", "version", "inf", "nul", "turned", "long"],
)  # fmt: skip
def test_whatever_stands_in_a_file_is_refused_in_short(text: str, said: str) -> None:
    found = problems(text)
    assert any(said in one for one in found)
    assert all(len(one) < 300 for one in found)


def test_an_empty_file_lists_what_is_required() -> None:
    assert len(problems("")) == sum(f.default is None for f in FIELDS if f.table != "guardrail")


@SAME
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_file_ends_in_anything_but_a_plan_or_its_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    file = tmp_path_factory.mktemp("p") / "plan.toml"
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    file.write_bytes(raw)
    with pytest.raises(PlanError):
        Plan.load(file)


@SAME
@given(st.data())
def test_any_value_of_a_key_is_taken_or_refused_in_one_sentence(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([f for f in FIELDS if f.table != "guardrail"]))
    value = data.draw(st.sampled_from(
        ["1", "-1", "1e400", '"x"', "[]", "[1]", "true", "2025-02-30", "12:00:00", "{a = 1}",
         "2025-01-01T00:00:00Z", '["a"]', "[[]]", '""', "99999999999999999999"]
    ))  # fmt: skip
    head = re.escape(f"{field.name} = ")
    table = template().index(f"[{field.table}]") if field.table else 0
    text = template()[:table] + re.sub(
        rf"^{head}.*$", f"{field.name} = {value}", template()[table:], count=1, flags=re.MULTILINE
    )
    try:
        said: tuple[str, ...] = ()
        parse(text)
    except PlanError as error:
        said = error.problems
    assert not [problem for problem in said if "\n" in problem]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no such file"):
        Plan.load(tmp_path / "none.toml")
