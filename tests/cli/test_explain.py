"""`optserve explain`: the graphs, and what one derivative needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

CONFIG = """
version: 1
data: {inline: {x: [1, 2, 3], y: [1, 9, 26]}}
parameters: {slope: 2, offset: 0}
define:
  line: slope * x + offset
loss: sum((y - line)**2) + sum(x * mean(line))
"""


@pytest.fixture(autouse=True)
def config(here: Path) -> None:
    (here / "line.yaml").write_text(CONFIG)


def test_loss_and_gradient(invoke: Invoke, golden: Callable[[str, str], None]) -> None:
    result = invoke("explain", "line.yaml")
    assert result.exit_code == 0, result.output
    golden("explain.txt", result.output)


def test_one_derivative(invoke: Invoke, golden: Callable[[str, str], None]) -> None:
    result = invoke("explain", "line.yaml", "--derivative", "offset")
    assert result.exit_code == 0, result.output
    golden("explain-derivative.txt", result.output)


def test_one_derivative_shows_only_what_it_needs(invoke: Invoke, here: Path) -> None:
    (here / "apart.yaml").write_text(
        "{version: 1, parameters: {a: 1, b: 1}, loss: exp(a) + sin(b)}"
    )
    output = invoke("explain", "apart.yaml", "--derivative", "b").output
    assert output.splitlines()[1] == "  inputs  b:float64[]"
    assert "= cos b" in output
    assert "exp" not in output


def test_a_place_is_none_of_the_command(invoke: Invoke, here: Path) -> None:
    (here / "apart.yaml").write_text("{version: 1, parameters: {a: 1, w: [1, 2]}, loss: a**2}")
    output = invoke("explain", "apart.yaml", "--derivative", "w").output
    assert "broadcast_to" in output
    assert ".py" not in output


def test_an_unknown_parameter(invoke: Invoke) -> None:
    result = invoke("explain", "line.yaml", "--derivative", "slop")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "no parameter is called 'slop'  [usage]\n"
        "  expected: one of slope, offset\n"
        "  remedy: did you mean 'slope'?\n"
    )
