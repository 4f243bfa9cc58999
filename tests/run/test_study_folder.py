"""A study's folder: laid out once, found from anywhere inside it, carried by the wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ldresearch import places
from ldresearch.errors import ParameterError
from ldresearch.plan import parse
from ldresearch.run.study_folder import lay_out
from ldresearch.run.template import Template


def test_a_study_holds_notebooks_a_plan_and_a_schedule(tmp_path: Path, root: Path) -> None:
    made = lay_out(tmp_path / "acme")
    assert {p.name for p in made if p.suffix == ".ipynb"} == {
        p.name for p in (root / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts
    }
    assert "acme" in (tmp_path / "acme" / "README.md").read_text(encoding="utf-8")
    assert parse((tmp_path / "acme" / "plans" / "example.toml").read_text(encoding="utf-8"))
    assert (tmp_path / "acme" / "schedule" / "crontab").is_file()
    ignored = (tmp_path / "acme" / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/data/", "/exports/", "/reports/", "*.key"} <= set(ignored)
    if os.name != "nt":
        assert (tmp_path / "acme" / "data").stat().st_mode & 0o777 == 0o700


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    assert Path("README.md") not in lay_out(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    assert lay_out(tmp_path) == []


def test_a_study_is_found_from_any_folder_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "acme")
    for inside in (".", "notebooks", "data"):
        monkeypatch.chdir(tmp_path / "acme" / inside)
        assert places.data_home() == (tmp_path / "acme" / "data").resolve()
        assert places.reports_home() == (tmp_path / "acme" / "reports").resolve()
        assert Template.find("adoption").path.parent == (tmp_path / "acme" / "notebooks").resolve()
    monkeypatch.chdir(tmp_path)
    assert places.study() is None


def test_no_study_inside_another_nor_in_the_checkout(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "acme")
    for folder in (tmp_path / "acme" / "inner", root / "somewhere"):
        with pytest.raises(ParameterError, match="may not lie inside another"):
            lay_out(folder)
        assert not folder.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="not a folder"):
        lay_out(tmp_path / "file")


@pytest.mark.slow
def test_the_wheel_in_an_empty_environment(tmp_path: Path, root: Path) -> None:
    """Whoever has no checkout: installs, lays out a study, makes the demo and a report.

    The one test that needs a package registry.
    """

    def told(*command: str | Path, cwd: Path = tmp_path) -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False,
            env=os.environ if "pip" in command else bare,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    bare = {"HOME": str(tmp_path), "PATH": os.defpath}
    told(sys.executable, "-m", "venv", tmp_path / "venv")
    bin_folder = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = [bin_folder / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    told(*pip, "wheel", "--no-deps", "-w", tmp_path, root)
    [wheel] = tmp_path.glob("ldresearch-*.whl")
    told(*pip, "install", "-c", root / "constraints.txt", wheel)
    where = told(bin_folder / "python", "-c", "import ldresearch; print(ldresearch.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")

    study = tmp_path / "acme"
    told(bin_folder / "ldresearch", "init", "acme")
    told(bin_folder / "ldresearch", "demo", "--quiet", cwd=study)
    assert (study / "reports" / "index.html").is_file()
    assert len(list((study / "reports").rglob("20_adoption.html"))) >= 4
    page = told(
        bin_folder / "ldresearch", "run", "adoption", "--data", "demo/harbour",
        "--as-of", "2025-04-01", "--quiet", cwd=study / "notebooks",
    ).split()[0]  # fmt: skip
    assert Path(page).is_relative_to(study / "reports" / "harbour" / "2025-04-01")
    assert "<h1>" in Path(page).read_text(encoding="utf-8")
    checked = json.loads(told(bin_folder / "ldresearch", "doctor", "--json", cwd=study))
    assert checked["is_fine"], checked
