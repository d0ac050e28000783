"""`optserve plugins`: who contributes what, and what did not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Invoke


def test_what_is_built_in(invoke: Invoke) -> None:
    result = invoke("plugins")
    assert result.exit_code == 0
    assert "optserve 0.1.0  (optserve.registry.builtin)" in result.output
    assert "gradient_descent" in result.output


def test_one_that_does_not_load(invoke: Invoke, here: Path) -> None:
    (here / "bad.py").write_text("import numpy\n\nimport no_such_module\n")
    result = invoke("plugins", "--plugin", "bad.py")
    assert result.exit_code == 6
    assert "gradient_descent" in result.output  # the others are listed all the same
    assert "bad.py:3: ModuleNotFoundError: No module named 'no_such_module'" in result.output


def test_one_that_is_not_there(invoke: Invoke) -> None:
    result = invoke("plugins", "--plugin", "none.py")
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
    result = invoke("plugins", "--plugin", "one.py", "--plugin", "two.py")
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
    assert "bad.py:2: the plugin bad.py did not load: ValueError: not today\n" in result.stderr
    assert "    raise ValueError('not today')\n" in result.stderr
    assert not (here / "runs").exists()
