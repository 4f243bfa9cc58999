"""docs/cli.md names every command and option there is, and no document names another."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ldresearch import cli, errors
from ldresearch.run.monitoring import CODES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cli.md"
APP: Any = typer.main.get_command(cli.app)
SHELL = re.compile(r"\s(?:\d?>|\||&&|;)")
PROGRAM = re.compile(r"(?:\$ )?(?:\.venv/bin/|\.venv\\Scripts\\)?ldresearch(?= |$)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def commands(command: Any = APP, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command and group below the program, by the words that call it."""
    for name, found in getattr(command, "commands", {}).items():
        yield " ".join((*path, name)), found
        yield from commands(found, (*path, name))


def options(command: Any) -> set[str]:
    return {
        word
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word.startswith("-") and word != "--help"
    }


def arguments(command: Any) -> set[str]:
    return {(p.metavar or p.name).upper() for p in command.params if not p.opts[0].startswith("-")}


def sections() -> dict[str, str]:
    """The page by command: what stands under each heading that begins with the program."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = dict(part.split("\n", 1) for part in parts)
    return {k.removeprefix("ldresearch "): v for k, v in found.items() if k[:10] == "ldresearch"}


def test_the_page_has_a_section_for_each_command_and_no_other() -> None:
    assert sorted(sections()) == sorted(name for name, _ in commands())


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[n for n, _ in commands()])
def test_a_section_names_its_arguments_and_options_and_no_others(name: str, command: Any) -> None:
    rows = [line for line in sections()[name].splitlines() if line.startswith("| `")]
    first = " ".join(row.split("|")[1] for row in rows)
    assert set(OPTION.findall(first)) == options(command)
    assert set(re.findall(r"`([A-Z]+)`", first)) == arguments(command)


def test_every_exit_code_is_told() -> None:
    kinds = [errors.LdresearchError, *errors.LdresearchError.__subclasses__()]
    codes = {0, 130, cli.UNEXPECTED, *(kind.exit_code for kind in kinds), *CODES.values()}
    table = PAGE.read_text(encoding="utf-8").split("## Exit codes")[1]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == codes


# What the documents tell people to type -----------------------------------------------------


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def typed(text: str) -> Iterator[str]:
    """Command lines in blocks, with the lines they are continued on, up to a redirection."""
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            match = PROGRAM.match(line.strip())
            if match:
                yield SHELL.split(line.strip()[match.end() :])[0].strip()


def test_the_documents_show_commands() -> None:
    shown = [line for file in documents() for line in typed(file.read_text(encoding="utf-8"))]
    assert len(shown) > 20, "the search finds nothing any more"


@pytest.mark.parametrize("file", documents(), ids=lambda file: file.stem)
def test_commands_in_blocks_can_be_typed(file: Path) -> None:
    """Each is parsed as the program would, with its types and what it requires, but not run."""
    for line in typed(file.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)
        command = APP
        while hasattr(command, "commands"):
            assert words, f"{file.name}: ldresearch {line} names no command"
            assert words[0] in command.commands, f"{file.name}: ldresearch {line}"
            command = command.commands[words.pop(0)]
        try:
            command.make_context("ldresearch", words)
        except Exception as error:
            said = error.format_message() if hasattr(error, "format_message") else repr(error)
            pytest.fail(f"{file.name}: ldresearch {line}: {said}")


@pytest.mark.parametrize("file", documents(), ids=lambda file: file.stem)
def test_commands_in_sentences_exist(file: Path) -> None:
    names = dict(commands())
    for said in re.findall(r"`ldresearch ([^`]+)`", file.read_text(encoding="utf-8")):
        words = [word for word in re.split(r"\s+", said) if word]
        name = " ".join(words[:2]) if " ".join(words[:2]) in names else words[0]
        if name.isupper() or name.startswith("-"):
            continue
        assert name in names, f"{file.name}: ldresearch {said}"
        wanted = {w.split("=")[0] for w in words if w.startswith("-")} - {"--help", "--debug"}
        assert wanted <= options(names[name]), f"{file.name}: ldresearch {said}"
