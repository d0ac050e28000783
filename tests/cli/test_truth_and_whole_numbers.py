"""Jobs over truth values and whole numbers: what they come to, and how those end that overflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Invoke

DATA = """
data:
  inline: {x: [0.3, 1.2, 0.7, 2.5], n: [10000000000, 10000000000, 3, 4], k: [0, 1, 2, 0],
    b: [1, 0, 1, 0], c: [1, 1, 0, 0]}
  columns: {x: x, n: {take: n, as: integer}, k: {take: k, as: integer}, b: {take: b, as: bool},
    c: {take: c, as: bool}}
"""

both = pytest.mark.parametrize("backend", ["numpy", "llvm"])


def run(invoke: Invoke, here: Path, text: str, backend: str = "numpy") -> tuple[int, Any, str]:
    """The exit code, the result (``None`` where nothing was written), all that was printed."""
    (here / "fit.yaml").write_text(f"version: 1\nname: fit\nbackend: {backend}\n{text}")
    ended = invoke("run", here / "fit.yaml", "--out", here / "out")
    path = here / "out" / "result.json"
    return ended.exit_code, json.loads(path.read_text()) if path.exists() else None, ended.output


@both
@pytest.mark.parametrize(
    ("loss", "p"),
    [
        ("(sum(b + c) - p)**2", 4),
        ("(sum(maximum(b, c) * k) - p)**2", 3),
        ("mean((maximum(x > 0.5, x > 1) * (1 - p))**2)", 1),
        ("(sum(where(k, x, b)) - p)**2", 2.9),
        ("(sum(b) / sum(c) - p)**2", 1),
        ("(mean(n**2) / 5e19 - p)**2", 1),
        ("(sum(x[k // 2]) + sum(x[integer(b)]) - p)**2", 5.1),
        ("(sum((k - 1)**2 * (x > 0)) - p)**2", 3),
    ],
)
def test_the_right_minimum(invoke: Invoke, here: Path, backend: str, loss: str, p: float) -> None:
    text = f'{DATA}parameters: {{p: 0.5}}\nloss: "{loss}"\noptimizer: lbfgs\n'
    code, result, output = run(invoke, here, text, backend)
    assert code == 0, output
    assert result["parameters"]["p"] == pytest.approx(p, rel=1e-9)


@both
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "none"])
def test_an_overflow_ends_as_a_numerical_failure_with_its_place(
    invoke: Invoke, here: Path, backend: str, optimizer: str
) -> None:
    text = f'{DATA}parameters: {{p: 0.5}}\nloss: "(mean(n * n) / 1e20 - p)**2"\n'
    code, result, output = run(invoke, here, f"{text}optimizer: {optimizer}\n", backend)
    assert code == 5
    assert result["termination"]["reason"] == "non_finite"
    assert "multiply of whole numbers gives 1e+20: 64 bits do not hold it" in output
    assert "fit.yaml:11:14" in output
    assert "declare the column `as: float`" in output


def test_an_overflow_of_residuals(invoke: Invoke, here: Path) -> None:
    text = f"{DATA}parameters: {{p: 0.5}}\nleast_squares: x - p * (n * n > 5)\n"
    code, result, output = run(invoke, here, text)
    assert (code, result["termination"]["reason"]) == (5, "non_finite")
    assert "fit.yaml:11:25: multiply of whole numbers" in output


@pytest.mark.parametrize(
    "text",
    [
        "derive: {q: n * n}\nparameters: {p: 0.5}\nloss: mean((q - p)**2)\n",
        'where: "n * n > 5"\nparameters: {p: 0.5}\nloss: mean((x - p)**2)\n',
    ],
)
def test_an_overflow_of_what_is_derived_or_asked(invoke: Invoke, here: Path, text: str) -> None:
    code, _, output = run(invoke, here, f"{DATA}  {text}")
    assert code == 5
    assert "n * n" in output
    assert "multiply of whole numbers gives 1e+20" in output


def test_an_overflow_of_a_metric(invoke: Invoke, here: Path) -> None:
    text = f"{DATA}parameters: {{p: 0.5}}\nloss: mean((x - p)**2)\nmetrics: {{m: sum(n * n)}}\n"
    code, _, output = run(invoke, here, text)
    assert code == 0
    assert "multiply of whole numbers gives 1e+20" in output


def test_a_trial_point_without_a_whole_number_is_stepped_back_from(
    invoke: Invoke, here: Path
) -> None:
    text = "parameters: {p: 10.0}\nloss: sqrt(1 + p**2) + integer(where(p > -0.2, 0, 0.5))\n"
    code, result, output = run(invoke, here, text + "optimizer: lbfgs\n")
    assert code == 0, output
    assert result["parameters"]["p"] == pytest.approx(0, abs=1e-6)
    assert result["starts"][0]["rejected"] > 0
