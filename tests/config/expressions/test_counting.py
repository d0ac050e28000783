"""Truth values count, and whole numbers do not wrap around: in expressions, on every backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.config.expressions import Scope, Value, build
from optserve.config.expressions.values import source_at
from optserve.errors import NumericalFailure, ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.trace import Trace
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import builtin_vocabulary
from tests.config.expressions.workbench import parse

LEAST, MOST = -(2**63), 2**63 - 1

COLUMNS: Mapping[str, Any] = {
    "b": np.array([True, False, True, False]),
    "c": np.array([True, True, False, False]),
    "k": np.array([0, 1, -2, 3]),
    "n": np.array([10_000_000_000, 10_000_000_000, 7, -1]),
    "least": np.array([LEAST, 0, 1, 2]),
    "x": np.array([0.5, -1.5, 2.0, 3.0]),
}
EVALUATE: Mapping[str, Callable[[Graph], Callable[..., Any]]] = {
    "interpret": lambda graph: lambda *arguments: interpret(graph, *arguments),
    "numpy": numpy_backend(1).compile,
    "llvm": llvm_backend(1).compile,
}

everywhere = pytest.mark.parametrize("backend", EVALUATE)


def built(written: str, columns: Mapping[str, Any] = COLUMNS) -> tuple[Trace, Value]:
    trace = new_trace()
    rows = Dim.rows("data")
    inputs = {
        name: trace.input(Aval((rows, *column.shape[1:]), column.dtype), name)
        for name, column in columns.items()
    }
    scope = Scope(vocabulary=builtin_vocabulary(), columns=inputs)
    return trace, build(parse(written), scope, trace)


def evaluated(written: str, backend: str, columns: Mapping[str, Any] = COLUMNS) -> Any:
    trace, value = built(written, columns)
    graph = trace.graph([value])
    with np.errstate(all="ignore"):
        [found] = EVALUATE[backend](graph)(*columns.values())
    return found


@everywhere
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("b + c", [2, 1, 1, 0]),
        ("b - c", [0, -1, 1, 0]),
        ("b * c", [1, 0, 0, 0]),
        ("-b", [-1, 0, -1, 0]),
        ("abs(b - c)", [0, 1, 1, 0]),
        ("sign(b)", [1, 0, 1, 0]),
        ("b // (c + 1)", [0, 0, 1, 0]),
        ("b % 2", [1, 0, 1, 0]),
        ("maximum(b, c)", [1, 1, 1, 0]),
        ("minimum(b, c)", [1, 0, 0, 0]),
        ("clip(b, 0, 1)", [1, 0, 1, 0]),
        ("square(b)", [1, 0, 1, 0]),
        ("cumsum(b)", [1, 1, 2, 2]),
        ("sum(b + c)", 4),
        ("sum(b)", 2),
        ("max(b) + max(c)", 2),
        ("b @ c", 1),
        ("einsum('i,i->', b, c)", 1),
        ("(x > 0) + (x > 1)", [1, 0, 2, 2]),
        ("maximum(x > 0, x > 1) * 3", [3, 0, 3, 3]),
        ("integer(b)", [1, 0, 1, 0]),
        ("integer(floor(x))", [0, -2, 2, 3]),
        ("k + 1", [1, 2, -1, 4]),
        ("7 - k // 2", [7, 7, 8, 6]),
        ("k % 2", [0, 1, 0, 1]),
        ("sum(n)", 20_000_000_006),
        ("k[integer(x - x)]", [0, 0, 0, 0]),
        ("n * 900000000", [9 * 10**18, 9 * 10**18, 6_300_000_000, -900_000_000]),
    ],
)
def test_whole_results(backend: str, written: str, expected: Any) -> None:
    found = evaluated(written, backend)
    assert np.asarray(found).dtype == np.int64
    np.testing.assert_array_equal(found, expected)


@everywhere
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mean(b)", 0.5),
        ("var(b)", 0.25),
        ("b / 2", [0.5, 0.0, 0.5, 0.0]),
        ("b ** 2", [1.0, 0.0, 1.0, 0.0]),
        ("median(b)", 0.5),
        ("k / 2", [0.0, 0.5, -1.0, 1.5]),
        ("n ** 2", [1e20, 1e20, 49.0, 1.0]),
        ("mean(n)", 5_000_000_001.5),
        ("b * x", [0.5, 0.0, 2.0, 0.0]),
        ("b + 0.5", [1.5, 0.5, 1.5, 0.5]),
        ("b @ x", 2.5),
        ("where(k, x, b)", [1.0, -1.5, 2.0, 3.0]),
        ("where(b, x, k)", [0.5, 1.0, 2.0, 3.0]),
        ("1.0 * n * n", [1e20, 1e20, 49.0, 1.0]),
    ],
)
def test_results_in_floating_point(backend: str, written: str, expected: Any) -> None:
    found = evaluated(written, backend)
    assert np.asarray(found).dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@everywhere
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("b & c", [True, False, False, False]),
        ("b | c", [True, True, True, False]),
        ("~b", [False, True, False, True]),
        ("(k > 0) & ~c", [False, False, False, True]),
        ("b == c", [True, False, False, True]),
        ("b < c", [False, True, False, False]),
        ("where(c, b, ~b)", [True, False, False, True]),
        ("logical_not(k)", [True, False, False, False]),
        ("logical_and(k, x)", [False, True, True, True]),
        ("stack([b, c])[0]", [True, False, True, False]),
        ("k >= 1", [False, True, False, True]),
    ],
)
def test_truth_values(backend: str, written: str, expected: Any) -> None:
    found = evaluated(written, backend)
    assert np.asarray(found).dtype == np.bool_
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("written", ["k & b", "k | 1", "x & x", "~k", "~x", "~(b + c)", "1 & 2"])
def test_signs_of_logic_take_truth_values_only(written: str) -> None:
    with pytest.raises(ShapeError, match="takes truth values") as caught:
        built(written)
    assert "!= 0" in caught.value.remedy
    assert caught.value.place is not None


@everywhere
@pytest.mark.parametrize(
    ("written", "blamed"),
    [
        ("n * n", "n * n"),
        ("mean(n * n) / 1e20", "n * n"),
        ("least - 1 + n", "least - 1"),
        ("n * 1000000000", "n * 1000000000"),
        ("-least", "-least"),
        ("abs(least)", "abs(least)"),
        ("square(n)", "square(n)"),
        ("sum(n * 900000000)", "sum(n * 900000000)"),
        ("cumsum(n * 900000000)", "cumsum(n * 900000000)"),
        ("n @ n", "n @ n"),
        ("einsum('i,i->', n, n)", "einsum('i,i->', n, n)"),
        ("prod(stack([n, n, n]), axis=0)", "prod(stack([n, n, n]), axis=0)"),
        ("least // -1", "least // -1"),
        ("1 + k // k", "k // k"),
        ("k % (k - 3)", "k % (k - 3)"),
        ("add(least, least)", "add(least, least)"),
        ("where(x > 99, k, n * n)", "n * n"),
        ("integer(x)", "integer(x)"),
        ("integer(x * 1e300)", "integer(x * 1e300)"),
        ("sum(x) + sum(integer(sqrt(x)))", "integer(sqrt(x))"),
    ],
)
def test_what_64_bits_do_not_hold_is_a_failure_with_its_place(
    backend: str, written: str, blamed: str
) -> None:
    with pytest.raises(NumericalFailure) as caught:
        evaluated(written, backend)
    assert caught.value.place is not None
    assert source_at(caught.value.place) == blamed
    assert caught.value.remedy


@given(
    st.lists(st.integers(LEAST, MOST), min_size=1, max_size=6),
    st.lists(st.integers(LEAST, MOST), min_size=6, max_size=6),
    st.sampled_from(["a + b", "a - b", "a * b", "-a", "abs(a)", "a // b", "a % b", "sum(a)"]),
)
def test_whole_numbers_are_those_of_python_or_none(
    left: list[int], right: list[int], written: str
) -> None:
    right = right[: len(left)]
    columns = {"a": np.array(left), "b": np.array(right)}
    try:
        if written == "sum(a)":
            exact = [sum(left)]
        else:
            exact = [eval(written, {"a": a, "b": b}) for a, b in zip(left, right, strict=True)]
    except ZeroDivisionError:
        exact = [2**64]
    if all(LEAST <= number <= MOST for number in exact):
        np.testing.assert_array_equal(np.ravel(evaluated(written, "numpy", columns)), exact)
    else:
        with pytest.raises(NumericalFailure):
            evaluated(written, "numpy", columns)


def test_from_python_whole_numbers_are_as_in_numpy() -> None:
    from optserve.primitives.tracing import trace

    n = COLUMNS["n"]
    graph = trace(lambda n: (n * n, n // 0), n).graph
    with np.errstate(all="ignore"):
        product, quotient = interpret(graph, n)
        np.testing.assert_array_equal(product, n * n)
        np.testing.assert_array_equal(quotient, n // 0)
