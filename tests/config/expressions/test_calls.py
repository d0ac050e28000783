"""Calls of primitives and macros: options, lists, functions by name, precision, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives.constructors import elementwise, opaque
from optserve.primitives.vocabulary import builtin_vocabulary
from tests.config.expressions.workbench import (
    COLUMNS,
    PARAMETERS,
    Workbench,
    function,
    message,
)

X, K, W = COLUMNS["X"], COLUMNS["k"], PARAMETERS["w"]

MISTAKEN = (
    "exp()",
    "exp(x, 2)",
    "exp(x, axis=1)",
    "sum(X, axs=0)",
    "sum(X, axis=5)",
    "sum(X, axis=0.5)",
    "sum(X, axis=b)",
    "sum('x')",
    "exp(True)",
    "exp(None)",
    "exp((x, x))",
    "exp(exp)",
    "x + w",
    "X @ x",
    "3 @ x",
    "2 @ 3",
    "x & (k > 1)",
    "~x",
    "k | k",
    "(x, b) + 1",
    "[]",
    "[x, w]",
    "X[0.5]",
    "X[:, 3]",
    "X[:, [0, 3]]",
    "X[:, 0, 0]",
    "x[x > 0]",
    "x[x]",
    "x[x.shape[0] - 1]",
    "w[::0]",
    "w[:b]",
    "w[(1, 2)]",
    "w[..., ...]",
    "b[0]",
    "3[0]",
    "(1, 2)[2]",
    "(1, 2)[x]",
    "reshape(w, (2, 2))",
    "reshape(w, [1.5, 2])",
    "reshape(w, (b, 3))",
    "zeros(-1)",
    "zeros((100000, 100000))",
    "arange(2**40)",
    "arange(9e99)",
    "arange(k)",
    "linspace(0, 1, 2**30)",
    "arange(2**20)[:, None] * arange(2**20)",
    "einsum('ij,j', X)",
    "einsum('ij,jk->ik', X, w)",
)


def test_messages(golden: Callable[[str, str], None]) -> None:
    blocks = (f"{written}\n{message(written)}" for written in MISTAKEN)
    golden("calls.txt", "\n\n".join(blocks) + "\n")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sum(X, axis=0)", X.sum(axis=0)),
        ("sum(X, 1, keepdims=True)", X.sum(axis=1, keepdims=True)),
        ("sum(X, axis=[0, 1])", X.sum()),
        ("mean(X, axis=(0, 1))", X.mean()),
        ("reshape(w, [3, 1])", W[:, None]),
        ("reshape(w, (1, -1))", W[None]),
        ("reshape(w, 3, 1)", W[:, None]),
        ("stack([w, 2 * w], axis=1)", np.stack([W, 2 * W], axis=1)),
        ("stack((w, w))", np.stack([W, W])),
        ("concatenate([w, [1, 2]])", np.concatenate([W, [1, 2]])),
        ("[[1, 2], [3, b]]", np.array([[1, 2], [3, 0.5]])),
        ("[k, k].T", np.stack([K, K]).T),
        ("[1, X[:, 0], b]", np.stack([np.ones(5), X[:, 0], np.full(5, 0.5)])),
        ("stack([X[:, 0], 2.5], axis=1)", np.stack([X[:, 0], np.full(5, 2.5)], axis=1)),
        ("[x.shape[0], X[:, 0]]", np.stack([np.full(5, 5.0), X[:, 0]])),
        ("exp([0, 1])", np.exp([0.0, 1.0])),
        ("einsum('ij,j->i', X, w)", np.einsum("ij,j->i", X, W)),
        ("zeros(3) + ones((2, 3))", np.ones((2, 3))),
        ("full((2, 2), b)", np.full((2, 2), 0.5)),
        ("zeros((X.shape[0], 2))", np.zeros((5, 2))),
        ("arange(2 * 2)", np.arange(4)),
        ("linspace(0, 9, 10)", np.linspace(0, 9, 10)),
        ("where(1 < 2, w, 0)", W),
        ("w[[0, -1]]", W[[0, -1]]),
        ("w[k]", W[K]),
        ("w[k - 1]", W[K - 1]),
        ("X[1:, ::2]", X[1:, ::2]),
        ("X[..., None, 0]", X[..., None, 0]),
        ("X[-1][1]", X[-1, 1]),
        ("X[:X.shape[0] - 1]", X[:-1]),
        ("(X, w)[1]", W),
        ("w[(1 + 1)]", W[2]),
    ],
)
def test_values(written: str, expected: Any) -> None:
    found = Workbench().evaluate(written)
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert np.shape(found) == np.shape(expected)


@pytest.mark.parametrize(
    "written",
    [
        *("exp(1) * w", "stack([5.0, 3.0])", "zeros(3)", "linspace(0, 1, 4)", "full(2, 1)"),
        *("w * [1, 2, 3]", "reshape(2.5, (1,))", "x.shape[0] * w", "w / 3", "2 ** w"),
        *("w[k] * k", "full(2, b) - pi", "ones(2) / 3", "[1, x]", "[0.5, w]", "[0.5, k]"),
    ],
)
def test_everything_takes_the_precision_of_the_job(written: str) -> None:
    graph = Workbench(precision="float32").graph(written)
    assert graph.outputs[0].aval.dtype == np.float32


def test_scan_with_a_declared_step() -> None:
    step = function("step(s, i)", {"next": "s * b + i", "return": "(next, next)"})
    final, path = Workbench([step]).evaluate("scan(step, 1, arange(4))")
    expected = [1.0]
    for i in range(4):
        expected.append(expected[-1] * 0.5 + i)
    np.testing.assert_allclose(path, expected[1:])
    assert final == expected[-1]


def test_operations_inside_a_step_keep_their_place() -> None:
    step = function("step(s, i)", "(exp(s), s)", line=7)
    graph = Workbench([step]).graph("scan(step, b, arange(4))[0]")
    [(_, body)] = graph.subgraphs()
    assert {str(equation.place) for equation in body.equations} == {"fit.yaml:7:2"}


def test_cond_with_a_declared_function_and_a_primitive() -> None:
    shift = function("shift(t)", "t + b")
    np.testing.assert_allclose(
        Workbench([shift]).evaluate("cond(b > 0, shift, exp, w)"), PARAMETERS["w"] + 0.5
    )


def test_an_option_of_somebody_else() -> None:
    def body(r: Value, *, delta: float = 1.0, mode: str = "a") -> Value:
        return r * delta if mode == "a" else r

    bench = Workbench(vocabulary=vocabulary_with(elementwise("mine", body)))
    np.testing.assert_array_equal(bench.evaluate("mine(w, delta=3)"), W * 3)
    np.testing.assert_array_equal(
        Workbench(vocabulary=bench.vocabulary).evaluate("mine(w, mode='b')"), W
    )
    assert "must be known when the loss is built" in message(
        "mine(w, delta=b)", vocabulary=bench.vocabulary
    )
    assert "did you mean 'delta'" in message("mine(w, delt=2)", vocabulary=bench.vocabulary)


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("q"), ZeroDivisionError(), OSError()])
def test_whatever_a_primitive_raises_has_a_place(error: Exception) -> None:
    def shape(*_avals: Any, **_attributes: Any) -> Any:
        raise error

    broken = opaque("broken", lambda x: x, shape=shape)
    with pytest.raises(ShapeError) as caught:
        Workbench(vocabulary=vocabulary_with(broken)).build("1 + broken(x)")
    assert caught.value.place is not None
    assert caught.value.place.column == 5


def test_a_shape_rule_that_answers_nonsense_is_caught() -> None:
    broken = opaque("broken", lambda x: x, shape=lambda x: replace(x, shape=(-1, "a")))
    with pytest.raises(ShapeError, match="no array of numbers"):
        Workbench(vocabulary=vocabulary_with(broken)).build("broken(x)")


def vocabulary_with(*primitives: Any) -> Any:
    known = builtin_vocabulary()
    added: Sequence[tuple[str, Any]] = [(primitive.name, primitive) for primitive in primitives]
    return replace(known, primitives=MappingProxyType({**known.primitives, **dict(added)}))


@pytest.mark.parametrize("name", ["slice", "unslice", "cast", "mulz", "size", "constant"])
def test_what_only_graphs_are_made_of_cannot_be_called(name: str) -> None:
    assert f"no function is called '{name}'" in message(f"{name}(x)")
