"""The tape and variables: the same derivatives as of functions, asked for in two other ways."""

from __future__ import annotations

import gc
import math
import operator
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.errors import OptserveError, ShapeError, TraceError
from optserve.transforms.functions import grad
from optserve.transforms.tape import Tape
from optserve.transforms.variables import Variable

X, Y = np.array([0.3, -0.7, 1.1]), np.array([[2.0, 1.0, 0.5], [0.1, 0.2, 0.3]])

LOSSES: list[Callable[[Any, Any], Any]] = [
    lambda x, y: np.sum(np.sin(x) * y),
    lambda x, y: np.mean((y @ x - 1.0) ** 2),
    lambda x, y: np.linalg.norm(y - x) + np.logaddexp(x[0], y[1, 2]),
    lambda x, y: np.sum(np.where(x > 0, x**2, -x)) * y.sum(axis=0)[1],
    lambda x, y: np.sum(np.stack([x, x * y[0]]) ** 3),
    lambda x, y: np.linalg.svd(y, compute_uv=False)[1] * x.std(),
    lambda x, y: np.linalg.eigh(y.T @ y)[0][2] + np.divmod(x, 0.4)[1].sum(),
    lambda x, y: sum(one * one for one in x) * (x[2] if x[2] > 0 else 1.0),
    lambda x, y: x.max() * x.clip(-0.5, 0.5).prod() / (1.0 + abs(y).mean()),
    lambda x, y: 2.0 ** x[1] - x[0] % 0.2 + (-x) @ x + X @ x,
]


@pytest.mark.parametrize("loss", LOSSES)
def test_all_faces_give_the_same_derivatives(loss: Callable[[Any, Any], Any]) -> None:
    by_x, by_y = grad(loss, argnums=(0, 1))(X, Y)
    with Tape() as tape:
        watched = tape.watch((X, Y))
        value = loss(*watched)
    found = tape.gradient(value, watched)
    np.testing.assert_allclose(found[0], by_x, rtol=1e-14)
    np.testing.assert_allclose(found[1], by_y, rtol=1e-14)
    np.testing.assert_allclose(tape.value(value), loss(X, Y))
    x, y = Variable(X), Variable(Y)
    made = loss(x, y)
    made.backward()
    np.testing.assert_allclose(made.value, loss(X, Y))
    np.testing.assert_allclose(x.grad, by_x, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(0.0 if y.grad is None else y.grad, by_y, rtol=1e-13, atol=1e-15)


def test_tapes_nest_and_answer_more_than_once() -> None:
    with Tape() as outer:
        x = outer.watch(2.0)
        with Tape() as inner:
            y = inner.watch(x)
            cube = y**3
        slope = inner.gradient(cube, y)
    assert outer.gradient(slope, x) == 12.0
    assert outer.gradient(slope, {"x": x}) == {"x": 12.0}
    assert outer.value(slope) == 12.0
    with Tape() as tape:
        p = tape.watch(X)
        first, second = np.sum(p**2), np.sum(np.array([p[0], p[1] * p[2]]))
    np.testing.assert_allclose(tape.gradient(first, p), 2 * X)
    np.testing.assert_allclose(tape.gradient(second, p), [1.0, X[2], X[1]])
    np.testing.assert_allclose(tape.gradient(first, [p])[0], 2 * X)


def test_what_a_tape_cannot_tell_is_refused() -> None:
    with Tape() as tape:
        p = tape.watch(X)
        total = np.sum(p)
        with pytest.raises(ShapeError, match="a value of shape"):
            tape.gradient(p, p)
        with pytest.raises(TraceError, match="does not watch"):
            tape.gradient(total, total)
        with pytest.raises(TraceError, match="did not record"):
            tape.gradient(1.0, p)
        with pytest.raises(ShapeError, match="dtype int64"):
            tape.watch(np.arange(3))
    with pytest.raises(TraceError, match="after its trace had ended"):
        p + 1.0
    with pytest.raises(TraceError, match="after its trace had ended"):
        tape.watch(1.0)


def test_variables_add_up_gradients_until_they_forget() -> None:
    p: Any = Variable(3.0)
    for _ in range(2):
        (p * p + p * p).backward()
    assert p.grad == 24.0
    p.zero_grad()
    np.testing.assert_equal(p.grad, None)
    for _ in range(60):
        p.zero_grad()
        np.square(p - 1.0).backward()
        p.value -= 0.25 * p.grad
    np.testing.assert_allclose(p.value, 1.0)


def test_a_changed_value_does_not_change_what_was_recorded() -> None:
    p = Variable(X)
    loss = np.sum(p**2)
    p.value[:] = 0.0
    loss.backward()
    np.testing.assert_allclose(p.grad, 2 * X)
    np.testing.assert_allclose(X[0], 0.3)


def test_variables_leave_nothing_behind() -> None:
    p = Variable(X)
    kept = weakref.ref(np.sin(p) * 2.0)
    gc.collect()
    assert kept() is None


def test_variables_are_read_as_arrays_are() -> None:
    p: Any = Variable(Y)
    assert (p.shape, p.ndim, p.size, len(p), p.dtype) == ((2, 3), 2, 6, 2, np.dtype(float))
    assert repr(Variable(1.0)) == "Variable(np.float64(1.0))"
    assert isinstance(p > 0, np.ndarray)
    assert np.argmax(p) == 0
    assert isinstance(p.T, Variable)
    p += 1.0
    np.testing.assert_allclose(p.value, Y + 1.0)
    np.testing.assert_allclose((np.ones(3) * p).value, Y + 1.0)
    assert not hasattr(p, "nothing")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda p: math.sin(p[0]), "mere number"),
        (lambda p: int(p[0]), "mere number"),
        (lambda p: np.asarray(p), "mere number"),
        (lambda p: operator.setitem(p, 0, 1.0), "mere number"),
        (lambda p: p.backward(), "backward of a value of shape"),
        (lambda p: Variable(np.arange(3)), "dtype int64"),
        (lambda p: np.fft.fft(p), "complex"),
        (lambda p: p.item(), "leave the value"),
        (lambda p: grad(lambda x: np.sum(x * p))(X), "cannot take part"),
    ],
)
def test_what_variables_cannot_is_refused(wrong: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(OptserveError, match=words):
        wrong(Variable(X))
