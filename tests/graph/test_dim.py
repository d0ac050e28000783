"""Row counts are polynomials: they obey the laws of integers, and evaluating is a homomorphism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, aval_of, broadcast_shapes, resolve_shape, shape_size
from optserve.graph.dim import Dim, Size, quotient, resolve_size

ROWS = st.fixed_dictionaries({name: st.integers(0, 12) for name in "abc"})


def _combined(sizes: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    pairs = st.tuples(sizes, sizes, st.sampled_from("+-*"))
    return pairs.map(
        lambda p: p[0] + p[1] if p[2] == "+" else p[0] - p[1] if p[2] == "-" else p[0] * p[1]
    )


SIZES: st.SearchStrategy[Size] = st.recursive(
    st.integers(-4, 4) | st.sampled_from("abc").map(Dim.rows), _combined, max_leaves=6
)


@given(SIZES, SIZES, SIZES)
def test_sizes_are_a_commutative_ring(x: Size, y: Size, z: Size) -> None:
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x + 0 == x * 1 == x
    assert x - x == 0
    assert x + -1 * x == 0
    assert -x == 0 - x


@given(SIZES, SIZES, ROWS)
def test_evaluating_is_a_homomorphism(x: Size, y: Size, rows: dict[str, int]) -> None:
    one, other = resolve_size(x, rows), resolve_size(y, rows)
    assert resolve_size(x + y, rows) == one + other
    assert resolve_size(x - y, rows) == one - other
    assert resolve_size(x * y, rows) == one * other


@given(SIZES, SIZES)
def test_a_product_divides_exactly(x: Size, y: Size) -> None:
    assert quotient(x * y, y) == (x if y != 0 else None)


@given(SIZES, SIZES, ROWS)
def test_a_quotient_is_exact_or_none(x: Size, y: Size, rows: dict[str, int]) -> None:
    found = quotient(x, y)
    if found is not None:
        assert found * y == x
        assert resolve_size(found, rows) * resolve_size(y, rows) == resolve_size(x, rows)


@given(SIZES)
def test_what_has_no_name_left_is_a_plain_integer(x: Size) -> None:
    assert isinstance(x, int) == (not isinstance(x, Dim))
    if isinstance(x, Dim):
        assert x.names
        assert hash(x) == hash(x + 1 - 1)


def test_rows_are_known_by_name_and_not_by_size() -> None:
    data, test = Dim.rows("data"), Dim.rows("test")
    assert data != test
    assert data.is_rows
    assert data.name == "data"
    assert not (data + 1).is_rows  # type: ignore[union-attr]
    with pytest.raises(ShapeError, match="no name of its own"):
        _ = (2 * data).name  # type: ignore[union-attr]


def test_they_print_as_they_are_written() -> None:
    n, m = Dim.rows("n"), Dim.rows("m")
    assert [repr(size) for size in (n, n + 1, n - 1, 2 * n, 3 - n, n * m + n, n * n)] == [
        "n", "n+1", "n-1", "2*n", "-n+3", "m*n+n", "n*n",
    ]  # fmt: skip


def test_an_uneven_division_is_refused() -> None:
    with pytest.raises(ShapeError, match="cannot be divided evenly"):
        _ = Dim.rows("n") // 2


def test_shapes_broadcast_as_in_numpy_and_rows_only_with_themselves() -> None:
    n, m = Dim.rows("n"), Dim.rows("m")
    assert broadcast_shapes((n, 1), (3,), ()) == (n, 3)
    assert broadcast_shapes((0,), (1,)) == (0,)
    assert broadcast_shapes() == ()
    for wrong in ((n,), (m,)), ((n,), (3,)), ((2,), (3,)):
        with pytest.raises(ShapeError, match="do not broadcast"):
            broadcast_shapes(*wrong)


def test_avals_have_a_size_and_resolve() -> None:
    n = Dim.rows("n")
    aval = Aval((n, 3), aval_of(1.0).dtype)
    assert aval.size == shape_size(aval.shape) == 3 * n
    assert resolve_shape((n + 1, 3), {"n": 4}) == (5, 3)
    assert repr(aval) == "float64[n, 3]"
