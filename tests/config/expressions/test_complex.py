"""Complex numbers as pairs: what they come to is what NumPy's do, and what takes none says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import OptserveError, ShapeError
from tests.config.expressions.workbench import COLUMNS, PARAMETERS, Workbench, function, message

X, W, B = COLUMNS["x"], PARAMETERS["w"], PARAMETERS["b"]
Z = X + 2j * X**2
V = W * (1 - 0.5j)

CASES: dict[str, Any] = {
    "1j": 1j,
    "-1j * 2.5e0J": 2.5,
    "Z": Z,
    "+Z - 3": Z - 3,
    "2 - Z": 2 - Z,
    "-Z * Z": -Z * Z,
    "Z / 2": Z / 2,
    "Z / 1j": Z / 1j,
    "1 / Z": 1 / Z,
    "(3 + 4j) / (Z + b)": (3 + 4j) / (Z + B),
    "Z**3": Z**3,
    "Z**-2": Z**-2.0,
    "Z**0.3": Z**0.3,
    "Z**b": Z**B,
    "(1j * x**2)**0.5": (1j * X**2) ** 0.5,
    "2**(1j * x)": 2 ** (1j * X),
    "(x + 0j)**(1 + 2j)": (X + 0j) ** (1 + 2j),
    "exp(Z)": np.exp(Z),
    "log(Z)": np.log(Z),
    "log(x + 0j)": np.log(X + 0j),
    "sqrt(Z)": np.sqrt(Z),
    "sqrt(-4 + 0j)": 2j,
    "sinh(Z)": np.sinh(Z),
    "cosh(Z)": np.cosh(Z),
    "tanh(Z)": np.tanh(Z),
    "tanh(900 + 1j * x)": np.ones(5),
    "sin(Z)": np.sin(Z),
    "cos(Z)": np.cos(Z),
    "tan(Z)": np.tan(Z),
    "square(Z) + reciprocal(Z)": Z**2 + 1 / Z,
    "abs(Z)": np.abs(Z),
    "angle(Z)": np.angle(Z),
    "angle(x)": np.angle(X),
    "conj(Z)": np.conj(Z),
    "conj(x) + real(x) + imag(x)": 2 * X,
    "real(Z) - imag(Z)": Z.real - Z.imag,
    "real(1j * x)": np.zeros(5),
    "sum(Z)": np.sum(Z),
    "mean(Z) + sum(x * 1j)": np.mean(Z) + np.sum(X) * 1j,
    "cumsum(Z)": np.cumsum(Z),
    "where(x > 0, Z, 1)": np.where(X > 0, Z, 1),
    "V[0] + V[-1]": V[0] + V[-1],
    "V[::-1]": V[::-1],
    "V @ w": V @ W,
    "V @ conj(V)": V @ np.conj(V),
    "X @ V": COLUMNS["X"] @ V,
    "[V, w]": np.stack([V, W]),
    "[V, w].T": np.stack([V, W]).T,
    "V.shape[0]": 3,
    "Z * V.shape[0] + (b > 0)": Z * 3 + 1,
    "half(Z)": Z / 2,
}


def evaluate(written: str) -> Any:
    """What it comes to, by its parts."""
    for name, value in (("Z", "(x + 2j * x**2)"), ("V", "(w * (1 - 0.5j))")):
        written = written.replace(name, value)
    halved = function("half(z)", "z / 2")
    parts = Workbench([halved]).evaluate(f"(real({written}) + 0 * b, imag({written}) + 0 * b)")
    return parts[0] + 1j * parts[1]


@pytest.mark.parametrize("written", CASES)
def test_it_is_what_numpy_makes_of_it(written: str) -> None:
    np.testing.assert_allclose(evaluate(written), CASES[written], rtol=1e-13, atol=1e-13)


def test_nothing_is_recorded_of_a_part_that_is_zero() -> None:
    names = [str(one.primitive) for one in Workbench().graph("imag(2j * x)").equations]
    assert names == ["multiply"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("x < 1j", "< takes real numbers"),
        ("x == 1j", "compare their parts"),
        ("~(1j * x)", "~ takes real numbers"),
        ("1j // 2", "// takes real numbers"),
        ("floor(1j * x)", "floor takes real numbers"),
        ("maximum(x, 1j)", "maximum takes real numbers"),
        ("softmax(1j * w)", "softmax takes real numbers"),
        ("normal_logpdf(1j, 0, 1)", "normal_logpdf takes real numbers"),
        ("where(1j * x, 1, 2)", "where takes real numbers"),
        ("x[1j]", "a complex number stands where a value is expected"),
        ("1jk", "'1jk' is not a number"),
        ("zeros((2, 1j))", "takes real numbers"),
    ],
)
def test_what_takes_none_says_so(written: str, words: str) -> None:
    told = message(written)
    assert words in told
    assert "fit.yaml:1:" in told


@pytest.mark.parametrize("key", ["loss", "least_squares", "log_likelihood"])
def test_a_loss_is_real(key: str) -> None:
    config = {"version": 1, "parameters": {"b": 1.0}, key: "b * 1j"}
    with pytest.raises(ShapeError, match="complex number") as caught:
        optserve.load(config)
    assert "real(z)" in caught.value.remedy


@pytest.mark.parametrize(
    "more",
    [
        {"parameters": {"b": "1j"}},
        {"parameters": {"b": {"shape": ["1j"]}}},
        {"parameters": {"b": {"init": 1, "prior": {"normal": {"mean": "1j", "std": 1}}}}},
        {"metrics": {"m": "1j"}},
        {"outputs": {"o": "1j * b"}},
        {"data": {"inline": {"x": [1, 2]}, "derive": {"z": "1j * x"}}, "loss": "sum(z) * b"},
        {"data": {"inline": {"x": [1, 2]}, "where": "1j * x"}, "loss": "sum(x) * b"},
        {"define": {"f(s, x)": "(s * 1j, s)"}, "loss": "scan(f, 1j * b, arange(3))[0]"},
        {"define": {"f(s)": "s * 1j"}, "loss": "cond(b > 0, f, f, b)"},
    ],
)
def test_where_a_value_has_to_be_real(more: dict[str, Any]) -> None:
    config = {"version": 1, "parameters": {"b": 1.0}, "log_likelihood": "-b**2", **more}
    if "loss" in more:
        del config["log_likelihood"]
    with pytest.raises(OptserveError) as caught:
        optserve.load(config)
    assert "complex" in str(caught.value)


def test_steps_of_a_scan_may_be_complex_and_so_may_branches() -> None:
    config = {
        "version": 1,
        "parameters": {"b": 0.7},
        "define": {
            "f(s, k)": "(s * (b + 1j) + k, s / 2)",
            "g(z)": "z * 1j",
            "path": "scan(f, 1 + 0j, arange(4))",
            "branch": "cond(b > 0, g, conj, path[0])",
        },
        "loss": "real(branch)",
        "metrics": {"im": "imag(branch)", "halves": "abs(sum(path[1]))"},
        "optimizer": "none",
    }
    s, halves = 1 + 0j, 0j
    for k in range(4):
        s, halves = s * (0.7 + 1j) + k, halves + s / 2
    result = optserve.run(optserve.load(config))
    assert result.loss == pytest.approx((s * 1j).real)
    assert result.metrics["train"]["im"] == pytest.approx((s * 1j).imag)
    assert result.metrics["train"]["halves"] == pytest.approx(abs(halves))


def test_functions_that_are_passed_by_name_know_them_too() -> None:
    config = {
        "version": 1,
        "parameters": {"b": 0.7},
        "define": {
            "at(f, z)": "f(z)",
            "kept(z)": "z",
            "turned": "cond(b > 0, exp, conj, 1j * b)",
        },
        "loss": "at(real, 2 + 1j * b) + at(abs, kept(3j)) + real(turned)",
        "optimizer": "none",
    }
    assert optserve.run(optserve.load(config)).loss == pytest.approx(5 + np.cos(0.7))
    wrong = {**config, "loss": "at(floor, 1j) + b"}
    with pytest.raises(ShapeError, match="floor takes real numbers"):
        optserve.load(wrong)


def test_derivatives_and_both_precisions() -> None:
    for precision, rel in (("float64", 1e-6), ("float32", 1e-3)):
        config = {
            "version": 1,
            "precision": precision,
            "data": {"inline": {"f": [1.0, 2, 5, 9], "re": [0.0] * 4, "im": [0.0] * 4}},
            "parameters": {"R": 2.0, "C": 0.3},
            "define": {"Z": "1 / (1 / R + 2j * pi * f * C)", "wanted": "1 / (1 / 3 + 2j * pi * f)"},
            "least_squares": {
                "real": "re + real(Z - wanted)",
                "imaginary": "im + imag(Z - wanted)",
            },
        }
        found = optserve.run(optserve.load(config)).parameters
        assert found["R"] == pytest.approx(3.0, rel=rel)
        assert found["C"] == pytest.approx(1.0, rel=rel)
