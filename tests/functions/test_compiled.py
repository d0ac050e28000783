"""``compile`` against the function that it compiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optserve
from optserve.backends.numpy import numpy_backend
from optserve.errors import ShapeError, TraceError

X = np.array([0.3, -0.8, 1.7])


def valley(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


class Counted:
    """A function that counts how often it is run."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Any, scale: Any = 1.0) -> Any:
        self.calls += 1
        return np.sin(x) * scale


@pytest.mark.parametrize(
    "function",
    [
        valley,
        optserve.grad(valley),
        optserve.value_and_grad(valley),
        optserve.hessian(valley),
        optserve.jacobian(lambda x: np.stack([x, x**2])),
        optserve.vmap(np.sin),
        np.cumsum,
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_gives_what_the_function_gives(function: Any, dtype: Any) -> None:
    x = X.astype(dtype)
    expected, found = function(x), optserve.compile(function)(x)
    assert type(found) is type(expected)
    for one, other in zip(
        found if isinstance(found, tuple) else [found],
        expected if isinstance(expected, tuple) else [expected],
        strict=True,
    ):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=64 * np.finfo(dtype).eps)


def test_the_function_runs_once_for_each_shape_and_dtype() -> None:
    function = Counted()
    fast = optserve.compile(function)
    for _ in range(3):
        np.testing.assert_allclose(fast(X), np.sin(X), rtol=1e-15)
        fast(2.0 * X)
    assert function.calls == 1
    fast(X[:2])
    fast(X.astype(np.float32))
    fast(X, 3.0)
    fast(X, scale=4.0)
    assert function.calls == 5
    fast(X, 5.0)
    np.testing.assert_allclose(fast(X, scale=6.0), 6.0 * np.sin(X), rtol=1e-15)
    assert function.calls == 5


def test_static_arguments_reach_the_function_as_they_are() -> None:
    seen: list[Any] = []

    def power(x: Any, count: int, mode: str = "up", apply: Any = None) -> Any:
        seen.append((count, mode, apply))
        for _ in range(count):
            x = x * 2.0 if mode == "up" else x / 2.0
        return x if apply is None else apply(x)

    by_number: Any = optserve.compile(power, static_argnums=1, static_argnames="apply")
    np.testing.assert_array_equal(by_number(X, 3), 8.0 * X)
    np.testing.assert_array_equal(by_number(X, 1, "down"), X / 2.0)
    np.testing.assert_array_equal(by_number(X, count=1, mode="down", apply=np.negative), -X / 2.0)
    by_number(X, 3)
    assert seen == [(3, "up", None), (1, "down", None), (1, "down", np.negative)]
    with pytest.raises(TraceError, match="static argument"):
        by_number(X, [3])


def test_truth_values_are_static_and_one_is_not_true() -> None:
    def choose(x: Any, flag: Any) -> Any:
        return x if flag is True else -x

    fast = optserve.compile(choose)
    np.testing.assert_array_equal(fast(X, True), X)
    np.testing.assert_array_equal(fast(X, False), -X)


def test_trees_go_in_and_come_out() -> None:
    def function(p: Any, options: Any) -> Any:
        return {"sum": p["a"] + p["b"][0], "name": "total", "none": None, "one": 1}, options["way"]

    fast = optserve.compile(function)
    found = fast({"a": X, "b": (2.0,)}, options={"way": "up"})
    np.testing.assert_array_equal(found[0]["sum"], X + 2.0)
    assert found[0]["name"] == "total"
    assert found[0]["none"] is None
    assert found[0]["one"] == 1
    assert found[1] == "up"


def test_a_compiled_function_can_be_differentiated() -> None:
    fast = optserve.compile(valley)
    np.testing.assert_array_equal(optserve.grad(fast)(X), optserve.grad(valley)(X))

    def outer(scale: Any) -> Any:
        return optserve.compile(lambda x: np.sum(x * scale))(X)  # scale is not an argument

    assert optserve.grad(outer)(2.0) == np.sum(X)


def test_results_are_the_callers() -> None:
    fast: Any = optserve.compile(lambda x: (x, x + 1.0))
    first, second = fast(X)
    first[:] = 0.0
    second[:] = 0.0
    np.testing.assert_array_equal(fast(X)[0], X)
    np.testing.assert_array_equal(fast(X)[1], X + 1.0)


def test_another_backend_may_compile() -> None:
    fast = optserve.compile(valley, backend=numpy_backend())
    assert fast(X) == pytest.approx(valley(X))


def test_name_and_documentation_stay() -> None:
    fast = optserve.compile(valley)
    assert fast.__name__ == "valley"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x if x[0] > 0 else -x, "__bool__"),
        (lambda x: float(x[0]), "__float__"),
        (lambda x: x @ np.ones(7), "7"),
    ],
)
def test_what_cannot_be_compiled_says_why(function: Any, words: str) -> None:
    with pytest.raises((TraceError, ShapeError), match=words) as raised:
        optserve.compile(function)(X)
    assert raised.value.remedy or raised.value.expected


def powers(x: Any, count: int, *, scale: Any = 1.0) -> Any:
    return sum(scale * x**i for i in range(count))


@pytest.mark.parametrize(
    "static", [{"static_argnums": 1}, {"static_argnums": -1}, {"static_argnames": "count"}], ids=str
)
def test_static_arguments_are_static_however_they_are_given(static: Any) -> None:
    fast = optserve.compile(powers, **static)
    assert fast(2.0, 3) == 7.0
    assert fast(2.0, count=4) == 15.0


def test_static_arguments_that_are_none_are_refused() -> None:
    with pytest.raises(TraceError, match="static_argnums 2 names no argument"):
        optserve.compile(powers, static_argnums=2)
    with pytest.raises(TraceError, match="static_argnames 'n' names no argument"):
        optserve.compile(powers, static_argnames="n")


def test_static_values_that_are_equal_and_not_the_same_have_code_of_their_own() -> None:
    def told(x: Any, given: Any) -> Any:
        [one] = given
        return x + (100.0 if isinstance(one, bool) else float(f"{one:+.0f}1"))

    fast = optserve.compile(told, static_argnums=1)
    for given in ((1,), (True,), (1.0,), (0.0,), (-0.0,)):
        assert fast(0.0, given) == told(0.0, given)


def test_floats_of_python_take_the_precision_of_the_arrays() -> None:
    fast: Any = optserve.compile(lambda x, y: x * y)
    assert fast(np.ones(2, np.float32), 3.0).dtype == np.float32
    assert fast(np.ones(2), 3.0).dtype == np.float64
    assert fast(np.arange(2), 3.0).dtype == np.float64


def test_what_is_no_number_is_told_to_be_static() -> None:
    class Model:
        @optserve.compile
        def doubled(self: Any, x: Any) -> Any:
            return 2.0 * x

    with pytest.raises(TraceError, match="type Model"):
        Model().doubled(1.0)


def test_bodies_of_loops_that_call_functions_of_one_name_are_told_apart() -> None:
    def both(x: Any) -> Any:
        twice, sine = optserve.checkpoint(lambda c: 2.0 * c), optserve.checkpoint(np.sin)
        first = optserve.scan(lambda c, _: (twice(c), c), x, np.zeros(3))[0]
        return first + optserve.scan(lambda c, _: (sine(c), c), x, np.zeros(3))[0]

    assert optserve.compile(both)(0.5) == pytest.approx(4.0 + np.sin(np.sin(np.sin(0.5))))
    slope = optserve.grad(both)
    assert optserve.compile(slope)(0.5) == pytest.approx(slope(0.5))


def test_numbers_may_be_in_another_order_of_bytes() -> None:
    fast: Any = optserve.compile(lambda x, factor: np.sum(factor["of"] * x, axis=0))
    x = np.arange(6.0).reshape(2, 3)
    for dtype in (">f8", "<f8", ">f4", ">i4", ">f8"):
        other = x.astype(dtype)
        np.testing.assert_array_equal(fast(other, {"of": 2}), x.sum(axis=0) * 2)
        np.testing.assert_array_equal(fast(x, {"of": other}), (x * x).sum(axis=0))
    np.testing.assert_array_equal(optserve.compile(lambda: np.sum(other))(), x.sum())


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.bool_])
@pytest.mark.parametrize("name", ["prod", "cumprod", "sum", "cumsum"])
def test_whole_numbers_of_few_bits_are_reduced_in_64(dtype: Any, name: str) -> None:
    reduce = getattr(np, name)
    x = np.full((2, 9), 100).astype(dtype)
    fast: Any = optserve.compile(lambda x: reduce(x, axis=1))
    np.testing.assert_array_equal(fast(x), reduce(x, axis=1))
    assert fast(x).dtype == reduce(x, axis=1).dtype
