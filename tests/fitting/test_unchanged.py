"""What a function depends on is told where nothing of it may change unseen."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from optserve.fitting import solve
from optserve.fitting.curve_fit import curve_fit
from optserve.fitting.unchanged import unchanged
from optserve.primitives import tracing
from optserve.transforms.mapped import vmap

RATE = 2.0
TABLE = [1.0]
GENERATOR = np.random.default_rng(0)


def scaled(x: Any) -> Any:
    return np.exp(-RATE * x)


def uses_a_function(x: Any, a: Any) -> Any:
    return a * scaled(x)


def reads_a_list(x: Any, a: Any) -> Any:
    return a * x + TABLE[0]


def draws_numbers(x: Any, a: Any) -> Any:
    return a * x + np.random.normal()


def draws_from_a_generator(x: Any, a: Any, normal: Any = GENERATOR.normal) -> Any:
    return a * x + normal()


def asks_the_clock(x: Any, a: Any) -> Any:
    return a * x + time.time()


def writes_a_global(x: Any, a: Any) -> Any:
    global RATE
    RATE = 3.0
    return a * x


def imports(x: Any, a: Any) -> Any:
    import math

    return a * x + math.pi


def reads_a_file(x: Any, a: Any) -> Any:
    return a * x + np.loadtxt("shift.txt")


def reads_a_file_by_another_name(x: Any, a: Any, read: Any = np.loadtxt) -> Any:
    return a * x + read("shift.txt")


def calls_inside(x: Any, a: Any) -> Any:
    def inside(b: Any) -> Any:
        return b * x + TABLE[0]

    return inside(a)


def reads_the_rate(t: Any) -> Any:
    return t * RATE


def _within(number: Any) -> Any:
    def model(x: Any, a: Any) -> Any:
        return a * x + number

    return model


@pytest.mark.parametrize(
    "function",
    [
        reads_a_list,
        draws_numbers,
        draws_from_a_generator,
        asks_the_clock,
        writes_a_global,
        imports,
        reads_a_file,
        reads_a_file_by_another_name,
        calls_inside,
        _within(np.ones(2)),
        np.vectorize(scaled),
        _within(vmap(reads_the_rate)),
        _within(np.frompyfunc(reads_the_rate, 1, 1)),
    ],
)
def test_what_may_change_is_not_told(function: Any) -> None:
    assert unchanged(function) is None


def test_values_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unchanged(_within(1.0)) == unchanged(_within(1.0)) is not None
    assert all(unchanged(_within(function)) for function in (np.exp, np.dot, np.median, scaled))
    told = [unchanged(_within(number)) for number in (1, 1.0, True, 0.0, -0.0, np.float64(1.0))]
    assert all(one is not None for one in told)
    assert len({(one.values, one.objects[1:]) for one in told if one}) == len(told)
    before = unchanged(uses_a_function)
    assert before == unchanged(uses_a_function) is not None
    monkeypatch.setitem(globals(), "RATE", 2.5)
    assert unchanged(uses_a_function) != before


def test_a_model_is_traced_once_for_many_data(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[int] = []
    original = tracing.trace

    def counted(*given: Any, **how: Any) -> Any:
        traced.append(len(given))
        return original(*given, **how)

    monkeypatch.setattr(solve, "trace", counted)
    x = np.linspace(0.0, 2.0, 12)

    def fitted(model: Any, factor: float) -> float:
        return float(curve_fit(model, x, factor * np.exp(-RATE * x) + 1e-3 * np.sin(x)).x["a"])

    found = [fitted(uses_a_function, factor) for factor in (1.0, 2.0, 4.0)]
    assert len(traced) == 1
    np.testing.assert_allclose(found, [1.0, 2.0, 4.0], atol=2e-3)
    monkeypatch.setitem(globals(), "RATE", 0.0)
    assert fitted(uses_a_function, 1.0) == pytest.approx(1.0, abs=1e-3)  # a constant, and y is one
    assert len(traced) == 2


def test_a_model_that_reads_what_may_change_is_traced_anew() -> None:
    x = np.linspace(0.0, 2.0, 12)
    shift = np.zeros(1)

    def model(x: Any, a: Any) -> Any:
        return a * x + shift[0]

    first = curve_fit(model, x, 2.0 * x + 1.0).x["a"]
    shift[0] = 1.0
    assert first != pytest.approx(2.0)
    assert curve_fit(model, x, 2.0 * x + 1.0).x["a"] == pytest.approx(2.0)


def test_a_model_that_maps_a_function_of_what_may_change_is_traced_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, mapped = np.linspace(0.0, 2.0, 12), vmap(reads_the_rate)

    def model(x: Any, a: Any) -> Any:
        return a * mapped(x)

    assert curve_fit(model, x, 6.0 * x).x["a"] == pytest.approx(6.0 / RATE)
    monkeypatch.setitem(globals(), "RATE", 3.0)
    assert curve_fit(model, x, 6.0 * x).x["a"] == pytest.approx(2.0)


def reads_what_was_set_on_a_module(x: Any, a: Any) -> Any:
    return a * x + np.shift * np.linalg.factor  # type: ignore[attr-defined]


def test_what_is_set_on_a_module_is_known_by_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(shift: float, factor: float) -> object:
        monkeypatch.setattr(np, "shift", shift, raising=False)
        monkeypatch.setattr(np.linalg, "factor", factor, raising=False)
        return unchanged(reads_what_was_set_on_a_module)

    first = seen(1.0, 2.0)
    assert first is not None
    assert first == seen(1.0, 2.0)
    assert first != seen(3.0, 2.0)
    assert first != seen(1.0, 3.0)


def test_functions_of_a_submodule_and_types_are_those_of_the_library() -> None:
    def model(x: Any, a: Any) -> Any:
        return np.linalg.norm(x.astype(np.float64)) * a * np.pi + x.size

    model.__module__ = "mine"
    assert unchanged(model) is not None
