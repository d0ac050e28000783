"""What a traced value cannot do raises with a remedy, whichever way it is asked for."""

from __future__ import annotations

import array
import cmath
import copy
import math
import operator
import pickle
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.graph.trace import Tracer
from optserve.primitives.tracing import new_trace, trace

Function = Callable[[Any], Any]

VECTOR = Aval((3,), np.dtype(np.float64))


def traced(function: Function, aval: Aval = VECTOR) -> Any:
    return trace(function, aval)


def traced_with_values(function: Function) -> Any:
    return trace(function, np.arange(1.0, 4.0), concrete=True)


def filled(how: Callable[[Any], Any]) -> Any:
    """An array that ``how`` puts something into."""
    target = np.zeros(3)
    how(target)
    return target


def assigned(target: Any, index: Any, value: Any) -> Any:
    target[index] = value
    return target


def added_in_place(target: Any, value: Any) -> Any:
    target += value
    return target


ESCAPES: list[tuple[Function, str]] = [
    (lambda t: np.array(t[0], dtype=object), ".astype(float)"),
    (lambda t: np.r_["r", t], "np.concatenate"),
    (lambda t: np.float64(t[0]), "np.stack"),
    (lambda t: np.int64(t[0]), "np.stack"),
    (lambda t: np.bool_(t[0]), "np.stack"),
    (lambda t: np.arange(t[0]), "np.stack"),
    (lambda t: np.zeros(t[0]), "take"),
    (lambda t: np.fromiter(t, float), "np.stack"),
    (lambda t: np.vectorize(math.sin)(t), "np.stack"),
    (lambda t: np.random.default_rng(0).normal(t[0]), "np.stack"),
    (lambda t: list(np.nditer(t)), "np.stack"),
    (lambda t: np.ma.masked_array(t, [True, False, True]), "plain arrays for masked ones"),
    (lambda t: np.ma.masked_array(np.ones(3), [True, False, True]) * t, "masked ones"),
    (lambda t: assigned(np.zeros(3), 0, t[0]), "np.stack"),
    (lambda t: assigned(np.zeros(3, np.float32), 0, t[0]), "np.stack"),
    (lambda t: assigned(np.zeros(3, complex), 0, t[0]), "np.stack"),
    (lambda t: assigned(np.zeros(3, int), 0, t[0]), "np.round"),
    (lambda t: assigned(np.zeros(()), (), t[0]), "np.stack"),
    (lambda t: assigned(np.zeros((2, 3)), 0, t), "np.stack"),
    (lambda t: assigned(np.zeros(3), slice(None), t), "np.stack"),
    (lambda t: assigned(np.zeros(3), [0, 1], t[:2]), "np.stack"),
    (lambda t: assigned(np.zeros(3), np.ones(3, bool), t), "np.stack"),
    (lambda t: assigned(np.zeros(3), slice(None), [t[0], t[1], t[2]]), "np.stack"),
    (lambda t: assigned(np.zeros(3).flat, 0, t[0]), "np.stack"),
    (lambda t: assigned(np.zeros(3), 0, 1.0 + t[0]), "np.stack"),
    (lambda t: filled(lambda a: a.fill(t[0])), "np.stack"),
    (lambda t: filled(lambda a: a.put([0], t[0])), "np.stack"),
    (lambda t: filled(lambda a: np.put(a, [0], t[0])), "np.stack"),
    (lambda t: filled(lambda a: np.copyto(a, t)), "np.stack"),
    (lambda t: filled(lambda a: np.place(a, a == 0, t)), "np.stack"),
    (lambda t: filled(lambda a: np.putmask(a, a == 0, t)), "np.stack"),
    (lambda t: np.fill_diagonal(np.zeros((3, 3)), t), "np.stack"),
    (lambda t: assigned(t, 0, 1.0), "np.where or np.stack"),
    (lambda t: t.sort(), "np.sort"),
    (lambda t: t.fill(0.0), "np.full_like"),
    (lambda t: added_in_place(np.zeros(3), t), "x = x + y"),
    (lambda t: float(t[0]), "NumPy functions"),
    (lambda t: complex(t[0]), "NumPy functions"),
    (lambda t: operator.mod("%.3f", t[0]), 'print it with f"{x}"'),
    (lambda t: int(t[0]), "take"),
    (lambda t: int(np.argmax(t)), "take"),
    (lambda t: round(t[0]), "np.round"),
    (lambda t: round(t[0], 2), "np.round"),
    (lambda t: math.exp(t[0]), "NumPy functions"),
    (lambda t: math.sin(t[0]) * t[0], "NumPy functions"),
    (lambda t: math.hypot(t[0], t[1]), "NumPy functions"),
    (lambda t: math.isnan(t[0]), "NumPy functions"),
    (lambda t: math.fsum(t), "NumPy functions"),
    (lambda t: (t[:, None] * t).trace(), "np.trace"),
    (lambda t: math.floor(t[0]), "np.floor(x) for math.floor(x)"),
    (lambda t: math.ceil(t[0]), "np.ceil"),
    (lambda t: math.trunc(t[0]), "np.sign"),
    (lambda t: cmath.exp(t[0]), "NumPy functions"),
    (lambda t: statistics.fmean(t), "NumPy functions"),
    (lambda t: array.array("d", [t[0]]), "NumPy functions"),
    (lambda t: [1, 2, 3][t[0]], "take"),
    (lambda t: [1, 2, 3][np.argmax(t)], "take"),
    (lambda t: (t[1], t[0])[t[0] > t[1]], "take"),
    (lambda t: operator.index(np.argmax(t)), "take"),
    (lambda t: range(t[0]), "take"),
    (lambda t: t[t[0] :], "take"),
    (lambda t: t[0].item(), "x[0] picks"),
    (lambda t: t.tolist(), "list(x)"),
    (lambda t: pickle.dumps(t), "return what is to be kept"),
    (lambda t: np.add(t, t, out=np.zeros(3)), "x = x + y"),
    (lambda t: np.add(t, t, np.zeros(3)), "x = x + y"),
    (lambda t: np.sum(t, out=np.zeros(())), "returned value"),
    (lambda t: np.add(t, t, where=np.ones(3, bool)), "np.where"),
    (lambda t: np.add.at(np.zeros(3), [0, 1, 2], t), "scatter_add"),
    (lambda t: np.add.reduceat(t, [0, 1]), "slices"),
    (lambda t: t[np.array([0.5])], "as: integer"),
    (lambda t: np.fft.fft(t), "np.cos(a)"),
    (lambda t: np.linalg.eig(t), "np.linalg.eigh"),
    (lambda t: t * 1j, "real and imaginary"),
    (lambda t: t * np.array([1j, 1.0, 2.0]), "real and imaginary"),
    (lambda t: t.astype(complex), "real and imaginary"),
    (lambda t: t * np.ma.masked_array(np.ones(3), [True, False, True]), "m.filled(0.0)"),
    (lambda t: t + np.ma.masked, "m.filled(0.0)"),
    (lambda t: np.vstack([t, np.ma.masked_array(np.ones(3), [True, False, True])]), "m.filled"),
    (lambda t: np.concatenate([t, np.ma.masked_array([1.0], [True])], axis=None), "m.filled"),
    (lambda t: np.outer(np.ma.masked_array(np.ones(3), [True, False, True]), t), "m.filled"),
    (lambda t: np.vdot(t, np.ma.masked_array(np.ones(3), [True, False, True])), "m.filled"),
    (lambda t: np.full_like(t, np.ma.masked_array(np.ones(3), [True, False, True])), "m.filled"),
    (lambda t: t[np.ma.masked_array([0, 1], [True, False])], "m.filled"),
    (lambda t: np.multiply.outer(t, np.ma.masked_array([1.0], [True])), "m.filled"),
    (lambda t: np.dot(np.ones((1, 3)).view(np.matrix), t), "np.asarray(m)"),
    (lambda t: t @ np.ones((3, 1)).view(np.matrix), "np.asarray(m)"),
    (lambda t: np.ones((1, 3)).view(np.matrix) * t, "np.asarray(m)"),
    (lambda t: t * np.ones(3).view(np.recarray), "np.asarray(x)"),
    (lambda t: t * np.array([1, 2, 3], object), "np.stack"),
    (lambda t: t * np.array(["2020-01-01"] * 3, "M8[D]"), ".astype(float)"),
    (lambda t: t + "a", "np.stack for a list"),
    (lambda t: {"loss": t}, "np.stack for a list"),
]  # fmt: skip

DECISIONS: list[tuple[Function, str]] = [
    (lambda t: 1 if t[0] > 0 else 2, "np.where"),
    (lambda t: 0 < t[0] < 1, "np.where"),
    (lambda t: bool(t.any()), "np.where"),
    (lambda t: max(t), "np.where"),
    (lambda t: sorted(t)[0], "np.where"),
    (lambda t: 1.0 in t, "np.where"),
    (lambda t: np.where(t > 0), "where(condition, x, y)"),
    (lambda t: t[t > 0], "where(mask, x, 0)"),
    (lambda t: np.compress(t > 0, t), "np.where"),
    (lambda t: np.unique(t), "np.where"),
]


def refused(run: Callable[[Function], Any], escape: Function) -> str:
    with pytest.raises(TraceError) as caught:
        run(escape)
    return f"{caught.value.expected} {caught.value.remedy}"


@pytest.mark.parametrize(("escape", "remedy"), [*ESCAPES, *DECISIONS])
def test_an_escape_is_closed_with_a_remedy(escape: Function, remedy: str) -> None:
    assert remedy in refused(traced, escape)


@pytest.mark.parametrize(("escape", "remedy"), ESCAPES)
def test_a_value_that_is_known_does_not_escape_either(escape: Function, remedy: str) -> None:
    assert remedy in refused(traced_with_values, escape)


@pytest.mark.parametrize(("decision", "remedy"), DECISIONS)
def test_python_may_decide_by_a_value_that_is_known(decision: Function, remedy: str) -> None:
    traced_with_values(decision)


def test_python_decides_by_one_value_at_a_time() -> None:
    assert "np.any" in refused(traced_with_values, lambda t: 1.0 if t > 2.0 else 2.0)


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


def test_another_error_after_one_that_was_caught_is_told_as_it_is() -> None:
    def careless(t: Any) -> Any:
        try:
            return float(t[0])
        except TraceError:
            raise ValueError("no number") from None

    for run in (traced, traced_with_values):
        with pytest.raises(ValueError, match="no number"):
            run(careless)


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
        total //= 0.5
        total %= 7.0
        return before, total

    x = np.array([1.0, 2.0, 4.0])
    before, after = interpret(traced(accumulated).graph, x)
    np.testing.assert_array_equal(before, 3.0 * x)
    np.testing.assert_array_equal(after, ((6.0 * x - 1.0) / x) ** 2 // 0.5 % 7.0)


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


def test_copies_of_a_traced_value_are_itself() -> None:
    def copied(t: Any) -> Any:
        assert copy.copy(t) is t
        assert copy.deepcopy({"t": [t]})["t"][0] is t
        return np.sum(t.copy() ** 2)

    [value] = interpret(traced(copied).graph, np.array([1.0, 2.0, 3.0]))
    assert value == 14.0


def test_attributes_that_arrays_have_or_have_not() -> None:
    def asked(t: Any) -> Any:
        assert not hasattr(t, "item")
        assert not hasattr(t, "no_such_thing")
        assert (t.shape, t.ndim, t.size, len(t), t.dtype) == ((3,), 1, 3, 3, np.dtype(float))
        return t

    traced(asked)


def test_a_known_value_is_formatted_as_its_number_is() -> None:
    shown: list[str] = []

    def show(t: Any) -> Any:
        shown.append(f"{t[0]:.2f}, {t[1]:>6.1f}, {t[0]}, {t}")
        return t

    traced_with_values(show)
    traced(show)
    assert shown == [
        "1.00,    2.0, Tracer(float64[] = 1.0), Tracer(float64[3] = [1. 2. 3.])",
        "Tracer(float64[]), Tracer(float64[]), Tracer(float64[]), Tracer(float64[3])",
    ]


def test_a_tracer_is_hashable_and_prints_its_aval() -> None:
    recorder = new_trace()
    tracer = recorder.input(VECTOR)
    assert isinstance(tracer, Tracer)
    assert len({tracer, tracer}) == 1
    assert repr(tracer) == "Tracer(float64[3])"


@pytest.mark.parametrize("name", ["value", "data", "numpy", "detach"])
def test_no_attribute_that_people_try_gives_the_number(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        traced_with_values(lambda t: t[0] * getattr(t, name)[0])
