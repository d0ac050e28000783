"""Products of matrices and tensors, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.primitives.products import einsum, matmul
from optserve.primitives.tracing import result_avals
from optserve.transforms.derivative_check import agreement, equation_graph

SIZES = {"i": 2, "j": 3, "k": 2, "l": 1}


@st.composite
def specs(draw: st.DrawFn) -> str:
    letters = st.lists(st.sampled_from("ijkl"), max_size=3, unique=True).map("".join)
    inputs = draw(st.lists(letters, min_size=1, max_size=3))
    known = sorted(set("".join(inputs)))
    output = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    return f"{','.join(inputs)}->{''.join(output)}"


@given(specs())
def test_an_einsum_and_its_derivative(spec: str) -> None:
    rng = np.random.default_rng(len(spec))
    labels = spec.split("->")[0].split(",")
    arrays = [rng.uniform(0.5, 1.5, [SIZES[letter] for letter in label]) for label in labels]
    np.testing.assert_allclose(einsum(spec, *arrays), np.einsum(spec, *arrays), rtol=1e-13)
    for index in range(len(arrays)):
        graph = equation_graph(einsum, arrays, {"spec": spec})
        assert agreement(graph, arrays, wrt=index).worst < 1e-7


@pytest.mark.parametrize(
    ("spec", "shapes", "words"),
    [
        ("ij,jk->ik", [(2, 3)], "names 2 operands, got 1"),
        ("ij->ik", [(2, 3)], "axes that no operand has"),
        ("ii->i", [(2, 2)], "repeats a letter"),
        ("i1->i", [(2, 2)], "is not an einsum"),
        ("i...->i", [(2, 2)], "is not an einsum"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "axis j has sizes 3 and 4"),
        ("ijk->i", [(2, 3)], "does not fit"),
    ],
)
def test_a_wrong_einsum_is_explained(spec: str, shapes: list[Any], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        result_avals(einsum, [Aval(shape, np.dtype(float)) for shape in shapes], {"spec": spec})


def test_letters_without_an_arrow() -> None:
    a, b = np.ones((2, 3)), np.ones((3, 4))
    np.testing.assert_array_equal(einsum("ij, jk", a, b), a @ b)
    with pytest.raises(ShapeError, match="first argument says"):
        einsum(a, b)


@pytest.mark.parametrize(
    ("left", "right"), [((), (3,)), ((2, 3), (2, 3)), ((3,), (4,)), ((2, 2, 3), (3, 3, 4))]
)
def test_a_wrong_product_names_both_shapes(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\("):
        result_avals(matmul, [Aval(left, np.dtype(float)), Aval(right, np.dtype(float))], {})


def test_rows_multiply_only_with_the_same_rows() -> None:
    double = np.dtype(float)
    n, m = Dim.rows("n"), Dim.rows("m")
    [aval] = result_avals(matmul, [Aval((2, n), double), Aval((n, 3), double)], {})
    assert aval.shape == (2, 3)
    with pytest.raises(ShapeError, match=r"\(2, n\) @ \(m, 3\)"):
        result_avals(matmul, [Aval((2, n), double), Aval((m, 3), double)], {})
