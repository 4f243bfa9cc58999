"""Every recipe of docs/scheduling.md, taken from the page and run as its scheduler would."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from ldresearch.plan import template
from ldresearch.run import monitoring
from ldresearch.study import FACTS_MIME
from ldresearch.worlds import organisation

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scheduling.md"
BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "learning"}
"""What cron gives a command, beside its home."""


def blocks(heading: str, language: str) -> list[str]:
    """Code blocks of one language below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
    return found


def run(command: list[str], home: Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run in a bare environment, without a terminal."""
    return subprocess.run(
        command, env={**BARE, "HOME": str(home), **more}, cwd=cwd, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=240, start_new_session=True,
    )  # fmt: skip


def facts_in(notebook: Path) -> dict[str, Any]:
    book = nbformat.read(notebook, as_version=4)
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    [facts] = [out["data"][FACTS_MIME] for out in outputs if FACTS_MIME in out.get("data", {})]
    return dict(facts)


@pytest.fixture(scope="module")
def home(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an installation in ``ldresearch``, as the page says, and a small dataset."""
    home = tmp_path_factory.mktemp("home")
    place = home / "ldresearch"
    (place / ".venv" / "bin").mkdir(parents=True)
    program = Path(sys.executable).parent / "ldresearch"
    (place / ".venv" / "bin" / "ldresearch").symlink_to(program)
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (place / "notebooks").symlink_to(root / "notebooks")
    organisation(4, n_persons=80, n_months=4).write(place / "data" / "ours")
    return home


def cron_line(text: str) -> tuple[dict[str, str], list[str], str]:
    """Settings, the five fields of the time, and the command as cron hands it to the shell."""
    lines = [line for line in text.splitlines() if line.strip()]
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    [entry] = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    *when, command = entry.split(None, 5)
    assert not re.search(r"(?<!\\)%", command), "an unescaped % ends the command of a crontab"
    return settings, when, command.replace(r"\%", "%")


@pytest.fixture(scope="module")
def published(home: Path) -> SimpleNamespace:
    """What the cron recipe leaves behind."""
    [text] = blocks("cron", "crontab")
    settings, _, command = cron_line(text)
    done = run(["/bin/sh", "-c", command], home, Path("/"), **settings)
    log = (home / "ldresearch" / "data" / "weekly.log").read_text(encoding="utf-8")
    assert done.returncode == 0, log
    [facts] = (home / "ldresearch" / "reports").glob("*/*/20_adoption.facts.json")
    return SimpleNamespace(facts=json.loads(facts.read_text(encoding="utf-8")), path=facts, log=log)


# cron, systemd, GitHub Actions --------------------------------------------------------------


def test_cron_makes_the_report_as_of_the_day_it_was_given(published: SimpleNamespace) -> None:
    assert published.path.with_name("20_adoption.html").is_file()
    assert published.facts["report"]["as_of"] == published.path.parent.name
    notes = [json.loads(line) for line in published.log.splitlines()]
    assert [note["event"] for note in notes] == ["started", "published", "finished"]
    assert (notes[1]["report"], notes[-1]["exit_code"]) == ("20_adoption", 0)


def test_the_cron_line_is_one() -> None:
    settings, when, command = cron_line(blocks("cron", "crontab")[0])
    assert settings["CRON_TZ"] == settings["TZ"]
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in when)
    assert command.startswith('cd "$HOME/ldresearch" && ')


def units() -> dict[str, str]:
    found = {}
    for text in blocks("systemd timer", "ini"):
        first, rest = text.split("\n", 1)
        found[first.rsplit("/", 1)[1]] = rest
    return found


def test_the_units_are_what_systemd_takes(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("no systemd-analyze on this machine")
    for name, text in units().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = run([program, "verify", "--user", *(str(tmp_path / n) for n in units())], tmp_path,
               tmp_path, XDG_RUNTIME_DIR=str(tmp_path))  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "learning." in line]
    assert ours == []
    calendar = re.findall(r"^OnCalendar=(.*)$", units()["learning.timer"], re.M)[0]
    assert run([program, "calendar", calendar], tmp_path, tmp_path).returncode == 0


def test_the_service_does_what_cron_does(home: Path, published: SimpleNamespace) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(units()["learning.service"])
    service = {k: v.replace("%h", str(home)).replace("%%", "%")
               for k, v in parser["Service"].items()}  # fmt: skip
    name, zone = service["Environment"].split("=")
    done = run(
        shlex.split(service["ExecStart"]), home, Path(service["WorkingDirectory"]), **{name: zone}
    )
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stderr, "the same run is not done twice"


def test_the_steps_of_the_workflow_run(
    home: Path, tmp_path: Path, published: SimpleNamespace
) -> None:
    import yaml

    [text] = blocks("GitHub Actions", "yaml")
    workflow = yaml.safe_load(text)
    assert len(workflow[True]["schedule"][0]["cron"].split()) == 5  # YAML reads `on` as true
    [job] = workflow["jobs"].values()
    assert job["defaults"]["run"]["working-directory"] == "/srv/ldresearch"
    file = tmp_path / "env"
    file.touch()
    more = {"GITHUB_ENV": str(file), "RUNNER_TEMP": str(tmp_path)}
    for step in job["steps"]:
        if "run" not in step:
            continue
        done = run(["/bin/bash", "-e", "-c", step["run"]], home, home / "ldresearch", **more)
        assert done.returncode == 0, f"{step['name']}: {done.stderr}"
        more |= dict(line.split("=", 1) for line in file.read_text().splitlines())
    listed = run(["tar", "-tzf", str(tmp_path / "reports.tar.gz")], home, tmp_path).stdout
    assert "20_adoption.html" in listed
    assert ".ipynb" not in listed


# Whatever calls the notebook itself ---------------------------------------------------------


def test_airflow_calls_the_notebook(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: SimpleNamespace
) -> None:
    """The operator is not installed: its arguments are rendered, and its one call is made."""
    import jinja2
    import papermill

    [text] = blocks("Airflow", "python")
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    [operator] = [c for c in calls if getattr(c.func, "id", "") == "PapermillOperator"]
    given = {k.arg: ast.literal_eval(k.value) for k in operator.keywords if k.arg}
    as_of = published.facts["report"]["as_of"]
    words = jinja2.Environment()  # noqa: S701 - no page is made of it
    words.filters["ds"] = lambda day: day[:10]

    def rendered(template: str) -> str:
        said = words.from_string(template).render(data_interval_end=f"{as_of}T05:00:00+00:00")
        return said.replace("/srv/ldresearch", str(home / "ldresearch"))

    monkeypatch.chdir(tmp_path)
    papermill.execute_notebook(
        rendered(given["input_nb"]),
        rendered(given["output_nb"]),
        parameters={name: rendered(value) for name, value in given["parameters"].items()},
        progress_bar=False,
        report_mode=True,
    )
    found = facts_in(Path(rendered(given["output_nb"])))
    assert found["facts"] == published.facts["facts"]
    assert found["report"] == published.facts["report"]


def test_jupyter_scheduler_runs_the_notebook(
    home: Path, tmp_path: Path, published: SimpleNamespace
) -> None:
    """Its own scheduler and execution manager, in a process of their own, on the page's job."""
    pytest.importorskip("jupyter_scheduler", reason="the extra `scheduling` is not installed")
    from jupyter_scheduler.environments import StaticEnvironmentManager
    from jupyter_scheduler.models import CreateJob
    from jupyter_scheduler.orm import create_tables
    from jupyter_scheduler.scheduler import Scheduler
    from traitlets.config import Config

    [text] = blocks("jupyter-scheduler", "json")
    job = json.loads(text.replace("/srv/ldresearch", str(home / "ldresearch")))
    day = json.dumps(published.facts["report"]["as_of"])
    job["parameters"]["as_of"] = day
    database = f"sqlite:///{tmp_path / 'scheduler.sqlite'}"
    create_tables(database)
    scheduler = Scheduler(
        root_dir=str(home / "ldresearch"), environments_manager=StaticEnvironmentManager(),
        db_url=database, config=Config(),
    )  # fmt: skip
    scheduler.staging_path = str(tmp_path / "staging")
    key = scheduler.create_job(CreateJob(**job))
    for _ in range(600):  # a job that has not begun is called stopped
        found = scheduler.get_job(key, job_files=False)
        if found.status in ("COMPLETED", "FAILED"):
            break
        time.sleep(0.2)
    assert found.status == "COMPLETED", found.status_message
    left = {key: Path(path) for key, path in scheduler.get_staging_paths(found).items()}
    assert facts_in(left["ipynb"])["facts"] == published.facts["facts"]
    assert published.facts["headline"]["title"] in left["ldresearch"].read_text(encoding="utf-8")


# Acting on a verdict ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "subject"),
    [(0, ""), (10, ""), (11, "pivot or stop"), (12, "pivot or stop"), (13, "was edited"),
     (5, "failed"), (70, "failed")],
)  # fmt: skip
def test_the_script_acts_on_the_code(code: int, subject: str, tmp_path: Path) -> None:
    """The page's script, with a program that ends with each code and a mail that is kept."""
    place, tools = tmp_path / "ldresearch", tmp_path / "tools"
    for path, text in {
        place / ".venv" / "bin" / "ldresearch": f'echo "what it said"; echo why >&2; exit {code}',
        tools / "mail": f'echo "$@" > {tmp_path}/mail; cat >> {tmp_path}/mail',
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (place / "data").mkdir()
    [text] = blocks("Acting on the verdict of a monitored plan", "sh")
    done = run(["/bin/sh", "-c", text], tmp_path, Path("/"), PATH=f"{tools}:/usr/bin:/bin")
    assert done.returncode == code
    sent = (tmp_path / "mail").read_text() if (tmp_path / "mail").exists() else ""
    assert (subject in sent) if subject else not sent
    if subject:
        assert ("what it said" if "pivot" in subject else "why") in sent


def test_the_script_knows_the_codes_there_are() -> None:
    [text] = blocks("Acting on the verdict of a monitored plan", "sh")
    named = {int(c) for c in re.findall(r"\b(\d+)\b(?=[ |\d]*\))", text.split("case")[1])}
    assert named == set(monitoring.CODES.values())


def test_an_edited_plan_is_refused_with_its_code(home: Path) -> None:
    """The command itself, as the script calls it: refused before anything runs."""
    [text] = blocks("Acting on the verdict of a monitored plan", "sh")
    [command] = re.findall(r"said=\$\((.*?) 2>>", text, re.S)
    command = command.replace("monitor sprint", "monitor edited.toml")
    place = home / "ldresearch"
    (place / "edited.toml").write_text(template(), encoding="utf-8")
    done = run(["/bin/sh", "-c", command], home, place)
    assert done.returncode == monitoring.CODES[monitoring.REFUSED]
    assert "not frozen" in done.stdout
    assert "not frozen" in done.stderr, "the log says why, also where it is quiet"


# Logs and silence ---------------------------------------------------------------------------


def test_silence_but_for_errors_and_a_log_for_programs(
    home: Path, published: SimpleNamespace
) -> None:
    quiet, failed = blocks("Logs and silence", "sh")
    done = run(["/bin/sh", "-c", quiet], home, Path("/"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    amiss = run(["/bin/sh", "-c", quiet.replace("data/ours", "data/none")], home, Path("/"))
    assert (amiss.returncode, amiss.stdout) == (3, "")
    assert amiss.stderr.startswith("ldresearch: ")
    log = home / "ldresearch" / "data" / "weekly.log"
    note = {"event": "failed", "as_of": "2025-07-01", "client": "ours"}
    note |= {"report": "x", "reason": "y"}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(note) + "\n")
    listed = run(["/bin/sh", "-c", failed], home, Path("/"))
    assert listed.stdout == "2025-07-01 ours x y\n", listed.stderr


def test_the_page_of_the_week_is_there_and_can_be_made_anew(
    home: Path, published: SimpleNamespace
) -> None:
    [text] = blocks("The page of the week", "sh")
    page = home / "ldresearch" / "reports" / "digest.html"
    assert page.is_file()
    page.unlink()
    assert run(["/bin/sh", "-c", text], home, home / "ldresearch").returncode == 0
    assert "finding is new since" in page.read_text(encoding="utf-8").replace("\u00a0", " ")


# What to keep -------------------------------------------------------------------------------


def test_old_runs_go_and_new_ones_stay(tmp_path: Path, home: Path) -> None:
    (tmp_path / ".venv").symlink_to(home / "ldresearch" / ".venv")
    runs = tmp_path / "data" / "runs"
    long_ago = time.time() - 91 * 86400
    old, new = "0" * 20, "1" * 20  # named like runs are
    for name in (old, new):
        (runs / name).mkdir(parents=True)
        (runs / name / "executed.ipynb").touch()
        (runs / f"{name}.ipynb").touch()
    (runs / f".{old}.lock").touch()
    for path in (runs / old / "executed.ipynb", runs / old, runs / f"{old}.ipynb"):
        os.utime(path, (long_ago, long_ago))
    [text] = blocks("What to keep", "sh")
    assert run(["/bin/sh", "-e", "-c", text], tmp_path, tmp_path).returncode == 0
    assert {path.name for path in runs.iterdir()} == {new, f"{new}.ipynb", f".{old}.lock"}
