"""`optserve init`: what it writes runs, and it overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from optserve.cli.init import Template
from tests.cli.conftest import ROOT, Invoke

TEMPLATES = ROOT / "optserve" / "cli" / "templates"


def test_the_names_are_the_files() -> None:
    stems = {path.stem for path in TEMPLATES.glob("*.*")}
    assert stems == {template.value for template in Template}


@pytest.mark.parametrize("template", list(Template))
def test_what_is_written_runs(invoke: Invoke, here: Path, template: Template) -> None:
    written = invoke("init", template.value)
    assert written.exit_code == 0
    assert written.output.endswith(f"next: optserve run {template.value}.yaml\n")
    result = invoke("run", f"{template.value}.yaml")
    assert result.exit_code == 0, result.output


def test_the_default_is_the_curve(invoke: Invoke, here: Path) -> None:
    assert invoke("init").output.startswith("wrote curve.yaml and curve.csv\n")
    assert sorted(path.name for path in here.iterdir()) == ["curve.csv", "curve.yaml"]


def test_nothing_is_overwritten(invoke: Invoke, here: Path) -> None:
    (here / "curve.csv").write_text("mine")
    result = invoke("init")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("curve.csv exists already")
    assert [path.name for path in here.iterdir()] == ["curve.csv"]
    assert (here / "curve.csv").read_text() == "mine"


def test_a_dangling_link_is_not_followed(invoke: Invoke, here: Path) -> None:
    (here / "curve.csv").symlink_to(here / "elsewhere")
    assert invoke("init").exit_code == 2
    assert not (here / "elsewhere").exists()
