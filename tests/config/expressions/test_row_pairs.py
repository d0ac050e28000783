"""Rows of one table along two axes: only where the axis of length 1 was written as ``None``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives.constructors import composite
from optserve.primitives.vocabulary import builtin_primitives, vocabulary_of
from tests.config.expressions.workbench import COLUMNS, PARAMETERS, Workbench, function, message

X, x = COLUMNS["X"], COLUMNS["x"]

FUNCTIONS = (
    function("gap(a, b)", "a - b"),
    function("column(a)", "a[:, None]"),
    function("halved(a)", {"half": "a / 2", "return": "half + 0"}),
    function("step(s, i)", "(s + sum(x[:, None] - x), i)"),
    function("crossing(s, i)", "(s + sum(x - X[:, :1]), i)"),
    function("carried(s, i)", "(s, sum(s - x))"),
)

MEANT = (
    "x[:, None] - x",
    "x - x[:, None]",
    "x[None, :] * x[:, None]",
    "x[..., None] < x",
    "column(x) - x",
    "gap(x[:, None], x)",
    "halved(exp(-x[:, None]) * b + 1) - x",
    "where(x > 0, x, 0)[:, None] - x",
    "where(x[:, None] > x, x[:, None], 0)",
    "k[:, None] == k",
    "X[:, None] - X",
    "sum((X[:, None, :] - X)**2, axis=2)",
    "mean(X[:, None, :], axis=2) - x",
    "norm(X[:, None, :], axis=-1) - x",
    "X[:, None, :][:, :, 0] - x",
    "x[:, None].T - x[:, None]",
    "x[:, None][:, :, None][..., 0] - x",
    "x[1:, None] - x[:-1]",
    "w[k][:, None] - w[k]",
    "[x[:, None], x]",
    "stack([x, x[:, None]])",
    "clip(x[:, None], 0, x)",
    # Products of matrices, and what is an array of pairs already, pair nothing by broadcasting.
    "X @ X.T",
    "X[:, :1] @ X[:, :1].T",
    "einsum('i,j->ij', x, x)",
    "X @ X.T - x",
    "X @ X.T - X[:, :1]",
    "(x[:, None] - x) * reshape(x, (-1, 1))",
    # Entries picked by an index.
    "X[arange(X.shape[0]), k]",
    "X[arange(X.shape[0])[:, None], k]",
    "layer1.W[k[:, None], k]",
    "layer1.W[k, k]",
    "layer1.W[:, k]",
    "X[:, [0, 2]]",
    "X[k]",
    "X[argsort(x)]",
    "(x[:, None] - x)[:, argsort(x)]",
    # Rows along one axis only.
    "X - X[:, :1]",
    "X - mean(X, axis=0, keepdims=True)",
    "X / norm(X, axis=1, keepdims=True)",
    "x * sum(w, keepdims=True)",
    "(X[:, :1] - x[:, None])[:, 0] - x",
    "scan(step, 0.0, arange(2))[0]",
)

REFUSED = (
    "x - X @ layer1.W[:, :1]",
    "x - X @ w[:, None]",
    "X[:, :1] * x",
    "x > reshape(x, (-1, 1))",
    "maximum(x, mean(X, axis=1, keepdims=True))",
    "X[:, :1]**x",
    "where(x > 0, x, X[:, :1])",
    "where(X[:, :1] > 0, x, 0)",
    "clip(x, 0, X[:, :1])",
    "xlogy(x, X[:, :1])",
    "arctan2(X[:, :1], x)",
    "(x > 0) & (X[:, :1] > 0)",
    "gap(x, X[:, :1])",
    "halved(X[:, :1]) - x",
    "-X[:, :1] + x",
    "X[:, :1] - X[:, :1].T",
    "x[None, :] - X[:, :1]",
    "x[:, None] - X[:, :1].T",
    "x[:, None] * X[:, :1] - x",
    "x[1:] - X[:, :1]",
    "sum(x[:, None], axis=1, keepdims=True) - x",
    "max(x[:, None] - x, axis=1, keepdims=True) - x",
    "[x, X[:, :1]]",
    "stack([x, X[:, :1]])",
    "broadcast_to(X[:, :1], (x.shape[0], x.shape[0]))",
    "concatenate([X[:, :1], X[:, 1:2]], axis=0) - x",
    "X[:, None, :1][:, 0] - x",
    "scan(crossing, 0.0, arange(2))[0]",
    "scan(carried, X[:, :1], arange(2))[1]",
)


@pytest.mark.parametrize("written", MEANT)
def test_what_was_written_or_pairs_no_rows_is_accepted(written: str) -> None:
    Workbench(FUNCTIONS).build(written)


@pytest.mark.parametrize("written", REFUSED)
def test_what_only_broadcasting_would_pair_is_refused(written: str) -> None:
    with pytest.raises(ShapeError, match="pairs each row of data with every other"):
        Workbench(FUNCTIONS).build(written)


@pytest.mark.parametrize(
    "written",
    ["X[:, k]", "take(X, k, axis=1)", "X.T[k]", "layer1.W[k][:, k]", "X[:, None, :][..., k]"],
)
def test_an_index_does_not_pair_rows_either(written: str) -> None:
    with pytest.raises(ShapeError, match="picks entries of each row of data for every other"):
        Workbench(FUNCTIONS).build(written)


def test_pairs_are_computed() -> None:
    np.testing.assert_array_equal(Workbench().evaluate("x[:, None] - x"), x[:, None] - x)
    found = Workbench().evaluate("sum((X[:, None] - X)**2, axis=2)")
    np.testing.assert_array_equal(found, np.sum((X[:, None] - X) ** 2, axis=2))
    k, W = COLUMNS["k"], PARAMETERS["layer1.W"]
    found = Workbench().evaluate("X[arange(X.shape[0]), k]")
    np.testing.assert_array_equal(found, X[np.arange(5), k])
    np.testing.assert_array_equal(Workbench().evaluate("layer1.W[k[:, None], k]"), W[k[:, None], k])
    np.testing.assert_array_equal(Workbench().evaluate("X[[0, -1], [1, 2]]"), X[[0, -1], [1, 2]])


def test_messages(golden: Callable[[str, str], None]) -> None:
    written = ("x - X @ layer1.W[:, :1]", "X[:, :1].T - x[:, None]", "gap(x, X[:, :1])", "X[:, k]")
    golden("row_pairs.txt", "\n\n".join(message(one, *FUNCTIONS) for one in written) + "\n")


def test_what_an_axis_is_holds_for_the_values_of_define_too() -> None:
    bench = Workbench()
    values = {"written": bench.build("x[:, None]"), "plain": bench.build("X[:, :1]")}
    bench.scope = replace(bench.scope, values=values)
    bench.build("written - x")
    with pytest.raises(ShapeError, match="pairs each row"):
        bench.build("plain - x")


def vocabulary_with(body: Callable[..., Value]) -> Workbench:
    return Workbench(vocabulary=vocabulary_of([*builtin_primitives(), composite("together", body)]))


def test_the_body_of_a_primitive_pairs_rows_only_where_its_author_does() -> None:
    difference = vocabulary_with(lambda a, b: np.mean((a - b) ** 2))
    difference.build("together(x, x)")
    difference.build("together(x[:, None], x)")
    for written in ("together(x, X[:, :1])", "together(X[:, :1], x)"):
        with pytest.raises(ShapeError, match="pairs each row of data"):
            difference.build(written)
    linear = vocabulary_with(lambda a, m, v: np.mean((a - m @ v) ** 2))
    linear.build("together(x, X, w)")
    with pytest.raises(ShapeError, match="pairs each row of data"):
        linear.build("together(x, X, layer1.W[:, :1])")


def test_an_author_may_pair_rows_as_numpy_does() -> None:
    def distances(a: Value, b: Value) -> Value:
        squares = np.sum(a * a, axis=1, keepdims=True)
        return squares + np.sum(b * b, axis=1) - 2.0 * a @ b.T

    bench = vocabulary_with(distances)
    np.testing.assert_allclose(
        bench.evaluate("together(X, X)"), np.sum((X[:, None] - X) ** 2, axis=2), atol=1e-12
    )
    vocabulary_with(distances).build("together(X[:, :1], X[:, :1])")
