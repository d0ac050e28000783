"""`optserve plugin new`: what it writes passes its own tests, and is a plugin once it is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optserve.cli.plugin_new import Like
from tests.cli.conftest import ROOT, Invoke, environment


def installed(folder: Path, name: str) -> Path:
    """``folder`` with the metadata that an installed package has."""
    module = name.replace("-", "_")
    info = folder / f"{module}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[optserve]\nit = {module}\n")
    return folder


@pytest.mark.parametrize("like", Like, ids=str)
def test_a_new_package_passes_its_own_tests(like: Like, invoke: Invoke, here: Path) -> None:
    result = invoke("plugin", "new", "optserve-growth", "--like", like.value)
    assert result.exit_code == 0, result.output
    folder = installed(here / "optserve-growth", "optserve-growth")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        env=environment({"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_says_and_writes(invoke: Invoke, here: Path) -> None:
    result = invoke("plugin", "new", "optserve-growth")
    assert result.output.splitlines()[1:] == [
        "next: cd optserve-growth && pip install -e '.[test]' && pytest",
        "then: optserve plugin check .",
    ]
    folder = here / "optserve-growth"
    written = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.is_file()
    }
    assert written == {
        ".github/workflows/ci.yml",
        ".github/workflows/publish.yml",
        "README.md",
        "optserve_growth.py",
        "pyproject.toml",
        "tests/test_optserve_growth.py",
    }
    assert "${{ matrix.python }}" in (folder / ".github/workflows/ci.yml").read_text()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Growth", "cannot be the name of a package"),
        ("../growth", "cannot be the name of a package"),
        ("optserve-tanh", "'tanh' is a name of optserve's primitives already"),
        ("taken", "cannot make the folder taken"),
    ],
)
def test_a_name_that_is_none(invoke: Invoke, here: Path, name: str, told: str) -> None:
    (here / "taken").mkdir()
    result = invoke("plugin", "new", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert [*here.iterdir()] == [here / "taken"]


def test_a_check_as_json(invoke: Invoke, here: Path) -> None:
    (here / "cube.py").write_text("x = 1\n")
    result = invoke("plugin", "check", "cube.py", "--format", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["exit_code"]) == (6, 6)
    assert [one["code"] for one in told["findings"]] == ["nothing"]


def test_a_check_as_text(invoke: Invoke, here: Path) -> None:
    assert invoke("plugin", "new", "optserve-growth").exit_code == 0
    result = invoke("plugin", "check", "optserve-growth")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "optserve-growth 0.1.0",
        "  primitives: growth_loss",
        "ok: nothing is wrong",
    ]


def test_what_one_plugin_contributes(invoke: Invoke) -> None:
    result = invoke("plugin", "info", "optserve")
    assert result.exit_code == 0
    assert "  primitive tanh: Hyperbolic tangent" in result.output
    assert "  optimizer adam: " in result.output


def test_no_plugin_of_that_name(invoke: Invoke) -> None:
    result = invoke("plugin", "info", "optserve-none")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no plugin is called 'optserve-none'" in result.stderr


@pytest.mark.parametrize("name", ["os", "optserve", "json"])
def test_a_package_hides_no_module(name: str, invoke: Invoke, here: Path) -> None:
    result = invoke("plugin", "new", name)
    assert result.exit_code == 2
    assert f"the module '{name}' is one of " in result.stderr
    assert not (here / name).exists()
