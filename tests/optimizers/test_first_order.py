"""Gradient descent, momentum and Adam against their recurrences, on numbers and traced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.graph.interpret import interpret
from optserve.optimizers import (
    Evaluation,
    Optimizer,
    adam,
    chain,
    clip,
    clip_by_global_norm,
    cosine,
    exponential_decay,
    gradient_descent,
    momentum,
    step_decay,
    weight_decay,
)
from optserve.primitives.tracing import trace
from tests.optimizers.descent import descend

METHODS = {
    "gradient_descent": gradient_descent(0.05),
    "momentum": momentum(0.05, decay=0.8),
    "nesterov": momentum(0.05, decay=0.8, nesterov=True),
    "adam": adam(0.05),
    "cosine": adam(cosine(0.1, warmup=5)),
    "exponential_decay": gradient_descent(exponential_decay(0.1, 0.9, every=10)),
    "step_decay": momentum(step_decay(0.02, 0.5, every=100)),
    "modified": chain(
        (clip_by_global_norm(1.0), clip(0.5), weight_decay(step_decay(1e-3, 0.5, every=5))),
        adam(0.05),
    ),
}
START = np.array([1.5, -2.0, 0.5])


def bowl(params: Array) -> Evaluation:
    return Evaluation(np.sum(params**4 + params**2), 4 * params**3 + 2 * params)


def path(method: Optimizer, steps: int, dtype: type = np.float64) -> list[Array]:
    params: Array = START.astype(dtype)
    state, points = method.init(params), []
    for _ in range(steps):
        updates, state = method.update(bowl(params)._replace(total_steps=50), state, params)
        params = params + updates
        points.append(params)
    return points


def by_hand(step: Callable[[int, Array, Array], Array], steps: int) -> list[Array]:
    points, params = [], START
    for count in range(1, steps + 1):
        params = params + step(count, bowl(params).gradient, params)
        points.append(params)
    return points


def test_gradient_descent() -> None:
    wanted = by_hand(lambda _count, gradient, _params: -0.05 * gradient, 20)
    np.testing.assert_allclose(path(METHODS["gradient_descent"], 20), wanted, rtol=1e-14)


def test_momentum() -> None:
    velocity = np.zeros(3)

    def step(_count: int, gradient: Array, _params: Array) -> Array:
        velocity[:] = 0.8 * velocity + gradient
        return -0.05 * velocity

    np.testing.assert_allclose(path(METHODS["momentum"], 20), by_hand(step, 20), rtol=1e-13)


def test_nesterov_is_the_look_ahead_seen_from_the_point_ahead() -> None:
    base, velocity = START.copy(), np.zeros(3)
    wanted = []
    for _ in range(20):
        ahead = base + 0.8 * velocity  # Sutskever et al. (2013), eqs. 3 and 4
        velocity = 0.8 * velocity - 0.05 * bowl(ahead).gradient
        base = base + velocity
        wanted.append(base + 0.8 * velocity)
    np.testing.assert_allclose(path(METHODS["nesterov"], 20), wanted, rtol=1e-12)


def test_adam() -> None:
    first, second = np.zeros(3), np.zeros(3)

    def step(count: int, gradient: Array, _params: Array) -> Array:
        first[:] = 0.9 * first + 0.1 * gradient
        second[:] = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9**count), second / (1 - 0.999**count)
        return -0.05 * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)

    np.testing.assert_allclose(path(METHODS["adam"], 50), by_hand(step, 50), rtol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_traces_to_a_graph_that_does_the_same(name: str) -> None:
    method = METHODS[name]
    state = method.init(START)

    def update(loss: Array, gradient: Array, params: Array, *state: Array) -> tuple[Array, ...]:
        evaluation = Evaluation(loss, gradient, total_steps=50)
        updates, state = method.update(evaluation, state, params)
        return (updates, *state)

    loss, gradient, *_ = bowl(START)
    traced = trace(update, loss, gradient, START, *state)
    params = START
    for _ in range(12):
        evaluation = bowl(params)._replace(total_steps=50)
        wanted = method.update(evaluation, state, params)
        inputs = (evaluation.loss, evaluation.gradient, params, *state)
        updates, *rest = interpret(traced.graph, *inputs, *traced.captured)
        np.testing.assert_allclose(updates, wanted[0], rtol=1e-14)
        for ours, theirs in zip(rest, wanted[1], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)
        params, state = params + wanted[0], wanted[1]


@pytest.mark.parametrize("name", METHODS)
def test_single_precision_stays_single(name: str) -> None:
    points = path(METHODS[name], 10, np.float32)
    assert all(point.dtype == np.float32 for point in points)
    np.testing.assert_allclose(points, path(METHODS[name], 10), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_reaches_the_minimum(name: str) -> None:
    end = descend(METHODS[name], bowl, START, limit=400)
    assert end.loss < 1e-2


def test_no_tolerance_is_asked_for() -> None:
    assert all(method.gradient_tolerance is None for method in METHODS.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adam(learning_rate=-1.0), "adam: learning_rate is -1.0"),
        (lambda: adam(beta1=1.0), "adam: beta1 is 1.0"),
        (lambda: adam(beta2=-0.1), "adam: beta2 is -0.1"),
        (lambda: adam(epsilon=0.0), "adam: epsilon is 0.0"),
        (lambda: momentum(decay=1.5), "momentum: decay is 1.5"),
        (lambda: gradient_descent(float("nan")), "gradient_descent: learning_rate is nan"),
    ],
)
def test_options_are_checked(make: Callable[[], Optimizer], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.message == message
    assert caught.value.expected
    assert caught.value.remedy
