"""What a traced value cannot do raises with a remedy, whichever way it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.graph.tracer import Trace, Tracer, trace
from optserve.primitives.vocabulary import builtin_vocabulary

Function = Callable[[Any], Any]

VECTOR = Aval((3,), np.dtype(np.float64))


def traced(function: Function, aval: Aval = VECTOR) -> Any:
    return trace(function, aval, vocabulary=builtin_vocabulary())


def assigned(target: Any, index: Any, value: Any) -> Any:
    target[index] = value
    return target


def added_in_place(target: Any, value: Any) -> Any:
    target += value
    return target


@pytest.mark.parametrize(
    ("escape", "remedy"),
    [
        (lambda t: np.array([t, t]), "np.stack"),
        (lambda t: np.array([t[0], 1.0]), "np.stack"),
        (lambda t: np.asarray(t), "np.stack"),
        (lambda t: np.float64(t[0]), "np.stack"),
        (lambda t: np.full(3, t[0]), "np.broadcast_to"),
        (lambda t: assigned(np.zeros(3), 0, t[0]), "np.stack"),
        (lambda t: assigned(np.zeros((2, 3)), 0, t), "np.stack"),
        (lambda t: assigned(t, 0, 1.0), "np.where or np.stack"),
        (lambda t: added_in_place(np.zeros(3), t), "x = x + y"),
        (lambda t: float(t[0]), "NumPy functions"),
        (lambda t: int(t[0]), "take"),
        (lambda t: math.exp(t[0]), "NumPy functions"),
        (lambda t: [1, 2, 3][t[0]], "take"),
        (lambda t: range(t[0]), "take"),
        (lambda t: t[t[0] :], "take"),
        (lambda t: 1 if t[0] > 0 else 2, "np.where"),
        (lambda t: 0 < t[0] < 1, "np.where"),
        (lambda t: bool(t.any()) if hasattr(t, "any") else bool(t), "np.where"),
        (lambda t: max(t), "np.where"),
        (lambda t: 1.0 in t, "np.where"),
        (lambda t: np.add(t, t, out=np.zeros(3)), "x = x + y"),
        (lambda t: np.sum(t, out=np.zeros(())), "returned value"),
        (lambda t: np.add(t, t, where=np.ones(3, bool)), "np.where"),
        (lambda t: np.add.at(np.zeros(3), [0, 1, 2], t), "scatter_add"),
        (lambda t: np.add.reduceat(t, [0, 1]), "primitives that have a derivative rule"),
        (lambda t: np.where(t > 0), "where(condition, x, y)"),
        (lambda t: t[t > 0], "where(mask, x, 0)"),
        (lambda t: t[np.array([True, False, True])], "where(mask, x, 0)"),
        (lambda t: t[np.array([0.5])], "as: integer"),
        (lambda t: t[None][np.array([0]), np.array([1])], "one axis at a time"),
        (lambda t: np.fft.fft(t), "primitives that have a derivative rule"),
        (lambda t: np.linalg.inv(t), "primitives that have a derivative rule"),
        (lambda t: np.gcd(t, t), "primitives that have a derivative rule"),
        (lambda t: t * 1j, "real and imaginary"),
        (lambda t: t + "a", "np.stack for a list"),
        (lambda t: {"loss": t}, "np.stack for a list"),
    ],
)
def test_an_escape_is_closed_with_a_remedy(escape: Function, remedy: str) -> None:
    with pytest.raises(TraceError) as caught:
        traced(escape)
    assert remedy in f"{caught.value.expected} {caught.value.remedy}"


def test_the_python_line_is_named() -> None:
    with pytest.raises(TraceError) as caught:
        traced(lambda t: float(t[0]))
    assert caught.value.place is not None
    assert caught.value.place.file == __file__


def test_the_length_of_a_row_axis_is_not_a_number() -> None:
    rows = Aval((Dim.rows("data"),), np.dtype(np.float64))
    with pytest.raises(TraceError, match="len"):
        traced(len, rows)
    with pytest.raises(TraceError, match="len"):
        traced(list, rows)
    with pytest.raises(TypeError, match="scalar"):
        traced(lambda t: len(t[0]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda t: np.sum(t, axis=2),
        lambda t: np.sum(t, dtype=float),
        lambda t: t[5],
        lambda t: t[0, 0],
        lambda t: t @ np.ones(4),
        lambda t: t + np.ones(4),
        lambda t: np.reshape(t, (2, 2)),
        lambda t: np.reshape(t, (-1, 2)),
        lambda t: -(t > 0),
        lambda t: np.concatenate([t, np.ones((2, 2))]),
        lambda t: np.transpose(t, (0, 0)),
        lambda t: np.broadcast_to(t, (2,)),
    ],
)
def test_a_wrong_shape_names_itself(wrong: Function) -> None:
    with pytest.raises(ShapeError):
        traced(wrong)


def test_augmented_assignment_gives_the_name_a_new_value() -> None:
    def accumulated(t: Any) -> Any:
        total = 0.0
        for factor in (1.0, 2.0):
            total += factor * t
        before = total
        total *= 2.0
        total -= 1.0
        total /= t
        total **= 2
        return before, total

    x = np.array([1.0, 2.0, 4.0])
    before, after = interpret(traced(accumulated).graph, x)
    np.testing.assert_array_equal(before, 3.0 * x)
    np.testing.assert_array_equal(after, ((6.0 * x - 1.0) / x) ** 2)


def test_a_value_kept_after_its_trace_is_refused() -> None:
    kept: list[Any] = []

    def leaking(t: Any) -> Any:
        kept.append(t * 2.0)
        return t

    traced(leaking)
    with pytest.raises(TraceError, match="after its trace had ended"):
        kept[0] + 1.0
    with pytest.raises(TraceError, match="after its trace had ended"):
        traced(lambda t: t + kept[0])


def test_a_tracer_is_hashable_and_prints_its_aval() -> None:
    recorder = Trace(builtin_vocabulary())
    tracer = recorder.input(VECTOR)
    assert isinstance(tracer, Tracer)
    assert len({tracer, tracer}) == 1
    assert repr(tracer) == "Tracer(float64[3])"
