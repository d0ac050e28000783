"""Indexing is NumPy's; what is put back is the transpose of what was taken."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import NumericalFailure, ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.along_axis import add_along_axis, take_along_axis
from optserve.primitives.indexing import scatter_add, slice_, take, unslice
from optserve.primitives.tracing import trace
from optserve.transforms.functions import vjp

DOUBLE = np.dtype(np.float64)
X = np.arange(24.0).reshape(2, 3, 4)

INTEGERS = st.integers(-2, 1)
SLICES = st.builds(
    slice,
    st.none() | st.integers(-5, 5),
    st.none() | st.integers(-5, 5),
    st.sampled_from([None, 1, 2, -1, -2]),
)
INDICES = st.lists(INTEGERS | SLICES | st.just(None) | st.just(Ellipsis), max_size=4).filter(
    lambda entries: (
        sum(entry is Ellipsis for entry in entries) <= 1
        and sum(entry is not None and entry is not Ellipsis for entry in entries) <= 3
    )
)


def indexed(x: Any, index: Any) -> Any:
    return trace(lambda t: t[index], x).graph


@given(INDICES.map(tuple))
def test_an_index_is_what_numpy_makes_of_it(index: tuple[Any, ...]) -> None:
    [found] = interpret(indexed(X, index), X)
    np.testing.assert_array_equal(found, X[index])
    assert np.shape(found) == X[index].shape


POSITIONS = st.lists(INTEGERS, max_size=3) | st.just([[0, -1], [1, -2]])


@given(INDICES, POSITIONS, st.integers(0, 4), st.booleans())
def test_an_index_with_an_array_is_what_numpy_makes_of_it(
    entries: list[Any], positions: list[Any], place: int, tall: bool
) -> None:
    used = sum(entry is not None and entry is not Ellipsis for entry in entries)
    shape = (2, 3, 4, 2) if tall else (2, 3, 4, 2)[: used + 1]
    x = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)
    index = (*entries[:place], np.array(positions, int), *entries[place:])
    weights = np.arange(1.0, 1.0 + x[index].size).reshape(x[index].shape)
    expected = np.zeros(x.shape)
    np.add.at(expected, index, weights)
    out, pullback = vjp(lambda t: t[index], x)
    np.testing.assert_array_equal(out, x[index])
    assert np.shape(out) == x[index].shape
    np.testing.assert_array_equal(pullback(weights)[0], expected)


@pytest.mark.parametrize("index", [[0, 2], np.array([1, -1, 1]), (slice(None), [[0], [2]]), [[1]]])
def test_computed_positions(index: Any) -> None:
    v = X[0]
    traced = trace(lambda t: t[index], v)
    [found] = interpret(traced.graph, v)
    np.testing.assert_array_equal(found, v[index if isinstance(index, tuple) else np.array(index)])


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize(
    "index",
    [
        slice(1, None),
        slice(None, -1),
        slice(-2, None),
        slice(None, None, -1),
        -1,
        0,
        slice(None),
        (slice(None), 1),
        (slice(1, -1), None),
    ],
)
def test_rows_are_indexed_by_what_they_are_at_the_call(index: Any, n: int) -> None:
    x = np.arange(3.0 * n).reshape(n, 3)
    graph = indexed(Aval((Dim.rows("data"), 3), DOUBLE), index)
    np.testing.assert_array_equal(interpret(graph, x)[0], x[index])


@pytest.mark.parametrize("index", [slice(2, None, -1), slice(None, None, 2)])
def test_a_step_over_rows_has_no_definite_length(index: slice) -> None:
    with pytest.raises(ShapeError, match="rows"):
        indexed(Aval((Dim.rows("data"),), DOUBLE), index)


def test_out_of_range_positions_give_nan_and_no_cotangent() -> None:
    indices = np.array([0, 3, -4, -1])
    np.testing.assert_array_equal(take(np.arange(3.0), indices), [0.0, np.nan, np.nan, 2.0])
    np.testing.assert_array_equal(
        scatter_add.bind(np.ones(4), indices, axis=0, size=3), [1.0, 0.0, 1.0]
    )
    np.testing.assert_array_equal(take(np.zeros(0), np.array([0])), [np.nan])
    with pytest.raises(NumericalFailure, match="out of range for 3"):
        take(np.arange(3), indices)


@given(st.lists(st.integers(-3, 2), min_size=1, max_size=6))
def test_taking_and_adding_are_transposes(indices: list[int]) -> None:
    rng = np.random.default_rng(len(indices))
    x, ct = rng.standard_normal((3, 2)), rng.standard_normal((len(indices), 2))
    positions = np.array(indices)
    back = scatter_add.bind(ct, positions, axis=0, size=3)
    np.testing.assert_allclose(np.sum(take(x, positions) * ct), np.sum(x * back), rtol=1e-12)
    along = np.stack([positions, positions[::-1]], axis=1)
    back = add_along_axis.bind(ct, along, axis=0, size=3)
    np.testing.assert_allclose(
        np.sum(take_along_axis(x, along, axis=0) * ct), np.sum(x * back), rtol=1e-12
    )


@given(SLICES)
def test_slicing_and_unslicing_are_transposes(entry: slice) -> None:
    bounds = (entry.indices(5),)
    x = np.arange(5.0)
    taken = slice_.bind(x, bounds=bounds)
    np.testing.assert_array_equal(taken, x[entry])
    ct = np.arange(1.0, 1.0 + len(taken))
    back = unslice.bind(ct, shape=(5,), bounds=bounds)
    assert np.sum(taken * ct) == np.sum(x * back)


def test_indices_must_be_integers() -> None:
    with pytest.raises(ShapeError, match="float64"):
        take(np.ones(3), np.array([0.0]))
    with pytest.raises(ShapeError, match="a mask of shape"):
        trace(lambda x: x[np.ones(9, bool)], X)
    with pytest.raises(TraceError, match="masks as indices"):
        trace(lambda x: x[x > 0.0], Aval(X.shape, X.dtype))
