"""`optserve plugin list`: who contributes what, and what did not load."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Invoke, command_line, environment


def test_what_is_built_in(invoke: Invoke) -> None:
    result = invoke("plugin", "list")
    assert result.exit_code == 0
    assert "optserve 0.1.0  (optserve.registry.builtin)" in result.output
    assert "gradient_descent" in result.output


def test_one_that_does_not_load(invoke: Invoke, here: Path) -> None:
    (here / "bad.py").write_text("import numpy\n\nimport no_such_module\n")
    result = invoke("plugin", "list", "--plugin", "bad.py")
    assert result.exit_code == 6
    assert "gradient_descent" in result.output  # the others are listed all the same
    assert "bad.py:3: ModuleNotFoundError: No module named 'no_such_module'" in result.output


def test_one_that_is_not_there(invoke: Invoke) -> None:
    result = invoke("plugin", "list", "--plugin", "none.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot read the plugin none.py" in result.stderr.replace(str(Path.cwd()) + "/", "")


def test_a_name_claimed_twice(invoke: Invoke, here: Path) -> None:
    code = """
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x, doc="A cube.")]
"""
    (here / "one.py").write_text(code)
    (here / "two.py").write_text(f"{code}# another\n")
    result = invoke("plugin", "list", "--plugin", "one.py", "--plugin", "two.py")
    assert result.exit_code == 0
    assert "'cube' is claimed by one.py" in result.output
    assert "plugins: {prefer: {cube: two.py}}" in result.output


@pytest.mark.parametrize(
    "command", [["run", "a.yaml"], ["check", "a.yaml"], ["primitives"], ["schema"]]
)
def test_a_file_that_was_asked_for_has_to_load(
    invoke: Invoke, here: Path, command: list[str]
) -> None:
    (here / "a.yaml").write_text("{version: 1, parameters: {x: 3}, loss: x**2}")
    (here / "bad.py").write_text("x = 1\nraise ValueError('not today')\n")
    result = invoke(*command, "--plugin", "bad.py")
    assert (result.exit_code, result.stdout) == (6, "")
    assert (
        "bad.py:2: the plugin bad.py did not load: ValueError: not today  [plugin]\n"
        in result.stderr
    )
    assert "    raise ValueError('not today')\n" in result.stderr
    assert not (here / "runs").exists()


CUBE = """
from optserve.plugin import elementwise, hookimpl

@hookimpl
def optserve_primitives():
    return [elementwise("cube", lambda x: x * x * x, doc="A cube.")]
"""


def test_a_config_that_uses_a_name_claimed_twice(invoke: Invoke, here: Path) -> None:
    (here / "a.yaml").write_text("{version: 1, parameters: {x: 3}, loss: cube(x)**2}")
    (here / "one.py").write_text(CUBE)
    (here / "two.py").write_text(f"{CUBE}# another\n")
    result = invoke("run", "a.yaml", "--plugin", "one.py", "--plugin", "two.py")
    assert (result.exit_code, result.stdout) == (6, "")
    assert "a.yaml:1:40: the primitive 'cube' is claimed by " in result.stderr
    assert "plugins: {prefer: {cube: " in result.stderr


def test_a_config_that_uses_a_function_of_a_plugin_that_does_not_load(here: Path) -> None:
    (here / "loss.py").write_text("raise RuntimeError('boom')\n")
    info = here / "cubes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cubes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[optserve]\ncubes = loss\n")
    (here / "a.yaml").write_text("{version: 1, parameters: {x: 3}, loss: cube(x)**2}")
    done = subprocess.run(
        command_line("run", "a.yaml"),
        env=environment({"PYTHONPATH": f"{ROOT}{os.pathsep}{here}"}),
        cwd=here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (6, "")
    assert "a.yaml:1:40: no primitive is called 'cube', but not every plugin" in done.stderr
    assert "RuntimeError: boom" in done.stderr
