"""Declared functions and compositions: their declarations, their names, their calls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optserve.config.expressions import AppliedFunction, Function, compose
from optserve.errors import ConfigError
from tests.config.expressions.workbench import (
    COLUMNS,
    PARAMETERS,
    Workbench,
    function,
    message,
    parse,
    signature,
    text,
)

X, B = COLUMNS["x"], float(PARAMETERS["b"])


def composed(declared: str, *steps: tuple[str, ...], innermost_first: bool = False) -> Function:
    listed = [
        AppliedFunction(text(name), tuple(map(parse, arguments))) for name, *arguments in steps
    ]
    return compose(signature(declared), listed, innermost_first=innermost_first)


@pytest.mark.parametrize(
    ("written", "name", "parameters"),
    [
        ("mu", "mu", None),
        ("layer1.W", "layer1.W", None),
        ("model(t)", "model", ("t",)),
        (" step( s , t ) ", "step", ("s", "t")),
    ],
)
def test_signatures(written: str, name: str, parameters: tuple[str, ...] | None) -> None:
    parsed = signature(written)
    assert (parsed.name, parsed.parameters) == (name, parameters)


BAD_SIGNATURES = (
    *("f(a", "f()", "f(a, a)", "f(a.b)", "f(a,)", "a.b(c)", "f(a)(b)", "f[a]", "f(a=1)", "f(1)"),
    *("1f", "if", "f(*a)", "a.", "", "__f(x)", "f(x) + 1", "\u0441os(x)"),
)


def test_messages_of_bad_signatures(golden: Callable[[str, str], None]) -> None:
    golden("signatures.txt", "\n\n".join(map(refusal, BAD_SIGNATURES)) + "\n")


def refusal(written: str) -> str:
    with pytest.raises(ConfigError) as caught:
        signature(written)
    assert caught.value.place is not None
    return f"{written!a}\n{caught.value.block()}"


def test_names_of_a_function_are_those_it_does_not_declare() -> None:
    step = function("step(s, f)", {"half": "f(s.T / low.n)", "return": "(half, dt + exp(half))"})
    assert step.names == {"low.n", "dt"}
    assert step.calls == {"exp"}


def test_locals_are_evaluated_in_order() -> None:
    step = function("step(s, t)", {"half": "s / 2", "sum": "half + t", "return": "(half, sum)"})
    half, total = Workbench([step]).evaluate("step(x, b)")
    np.testing.assert_array_equal(half, X / 2)
    np.testing.assert_array_equal(total, X / 2 + B)


def test_arguments_may_be_named() -> None:
    minus = function("minus(s, t)", "s - t")
    np.testing.assert_array_equal(Workbench([minus]).evaluate("minus(t=x, s=b)"), B - X)


def test_a_body_sees_what_is_declared_but_nothing_of_its_caller() -> None:
    scale = function("scale(t)", "t * b")
    caller = function("caller(hidden)", {"secret": "hidden", "return": "leak(1)"})
    leak = function("leak(t)", "t + secret")
    np.testing.assert_array_equal(Workbench([scale]).evaluate("scale(x)"), X * B)
    assert "no value is called 'secret'" in message("caller(2)", caller, leak)


def test_a_parameter_hides_a_column_and_only_in_the_body() -> None:
    double = function("double(x)", "x + x")
    assert Workbench([double]).evaluate("double(3)") == 6.0
    np.testing.assert_array_equal(Workbench([double]).evaluate("double(x) + x"), 3 * X)


def test_functions_may_be_declared_in_any_order() -> None:
    outer, inner = function("outer(t)", "inner(t) + 1"), function("inner(t)", "2 * t")
    np.testing.assert_array_equal(Workbench([outer, inner]).evaluate("outer(x)"), 2 * X + 1)


def test_functions_are_passed_by_name() -> None:
    twice = function("twice(f, t)", "f(f(t))")
    shift = function("shift(t)", "t + b")
    np.testing.assert_array_equal(Workbench([twice, shift]).evaluate("twice(shift, x)"), X + B + B)
    np.testing.assert_allclose(Workbench([twice]).evaluate("twice(tanh, x)"), np.tanh(np.tanh(X)))


MISUSED = (
    *("step(x)", "step(x, b, b)", "step(x, q=1)", "step(x, s=b)", "step(x, True)", "step(x, 'a')"),
    *("step", "stp(x, b)", "step(X, x)", "r(x)", "wrong(x)", "wrong2(x)", "twice(b, x)"),
)


def test_messages_of_misused_functions(golden: Callable[[str, str], None]) -> None:
    declared = (
        function("step(s, t)", "s * t", line=3),
        function("r(t)", "q(t) + 1", line=4),
        function("q(t)", "r(t)", line=5),
        function("wrong(t)", "X @ t", line=6),
        function("wrong2(t)", "2 * wrong(t)", line=7),
        function("twice(f, t)", "f(f(t))", line=8),
    )
    blocks = (f"{written}\n{message(written, *declared)}" for written in MISUSED)
    golden("functions.txt", "\n\n".join(blocks) + "\n")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"a": "1"}, "returns nothing"),
        ({}, "returns nothing"),
        ({"return": "1", "a": "2"}, "'return' is not the last"),
        ({"t": "1", "return": "t"}, "'t' is declared twice"),
        ({"g(x)": "1", "return": "2"}, "the name of a local has"),
        ({"a.b": "1", "return": "2"}, "the name of a local has"),
    ],
)
def test_bad_bodies(body: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        function("f(t)", body)
    assert caught.value.place is not None


def test_compose_is_outermost_first_and_pipe_innermost_first() -> None:
    steps = (("reciprocal",), ("add", "1"), ("exp",), ("multiply", "-1"))
    expected = 1 / (1 + np.exp(-X))
    outermost = composed("sigma", *steps)
    innermost = composed("sigma", *reversed(steps), innermost_first=True)
    np.testing.assert_allclose(Workbench([outermost]).evaluate("sigma(x)"), expected, rtol=1e-15)
    np.testing.assert_allclose(Workbench([innermost]).evaluate("sigma(x)"), expected, rtol=1e-15)
    assert Workbench([outermost]).evaluate("sigma(0)") == 0.5
    assert outermost.calls == {"reciprocal", "add", "exp", "multiply"}


def test_the_argument_of_a_step_comes_after_its_operand() -> None:
    assert Workbench([composed("f", ("subtract", "1"))]).evaluate("f(5)") == 4.0
    clipped = composed("f", ("clip", "-1", "b"))
    np.testing.assert_array_equal(Workbench([clipped]).evaluate("f(x)"), np.clip(X, -1, B))


def test_the_empty_composition_is_the_identity() -> None:
    assert Workbench([composed("f")]).evaluate("f(x)") is not None
    np.testing.assert_array_equal(Workbench([composed("f")]).evaluate("f(x)"), X)


def test_a_composition_applies_declared_functions_and_hides_no_name() -> None:
    shift = function("shift(t)", "t + b")
    both = composed("both", ("shift",), ("add", "x"))
    np.testing.assert_array_equal(Workbench([shift, both]).evaluate("both(2 * x)"), 3 * X + B)
    assert both.names == {"x"}


def test_a_composition_may_name_its_parameter() -> None:
    squares = composed("f(v)", ("add", "v"), ("multiply", "v"))
    np.testing.assert_allclose(Workbench([squares]).evaluate("f(x)"), X * X + X, rtol=1e-15)
    with pytest.raises(ConfigError, match="composition"):
        composed("f(a, b)", ("exp",))


def test_an_error_in_a_step_points_at_the_step() -> None:
    steps = [AppliedFunction(text("exp", 4)), AppliedFunction(text("ad", 5), (parse("1", 5),))]
    block = message("f(x)", compose(signature("f"), steps))
    assert block.startswith("fit.yaml:5:1: no function is called 'ad'")
    assert "did you mean 'add'?" in block


@pytest.mark.parametrize("step", ["exp(x)", "2", "a.b", ""])
def test_a_step_is_a_name(step: str) -> None:
    with pytest.raises(ConfigError):
        composed("f", (step,))
