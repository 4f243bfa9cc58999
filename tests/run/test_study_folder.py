"""A study's folder: laid out once, found from anywhere inside it, carried by the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
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
def test_the_wheel_lays_out_a_study_and_makes_a_report_outside_the_checkout(
    tmp_path: Path, root: Path
) -> None:
    """The wheel's own files stand before the checkout on the path, as in an empty environment."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*build, str(root)], check=True)
    [wheel] = tmp_path.glob("ldresearch-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    told = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", "from ldresearch.cli import main; main()"]
    where = [sys.executable, "-c", "import ldresearch; print(ldresearch.__file__)"]
    found = subprocess.run(
        where, env=told, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(tmp_path / "site") in found.stdout
    subprocess.run([*command, "init", "acme"], env=told, cwd=tmp_path, check=True)
    study = tmp_path / "acme"
    subprocess.run([*command, "demo"], env=told, cwd=study, check=True)
    assert (study / "reports" / "index.html").is_file()
    assert len(list((study / "reports").rglob("20_adoption.html"))) >= 4
