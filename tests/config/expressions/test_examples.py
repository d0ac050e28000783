"""The models of the design's examples, as expressions, against the same models in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optserve.config.expressions import Function, Scope, build
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import builtin_vocabulary
from tests.config.expressions.workbench import function, parse


def evaluate(
    written: str, tables: Mapping[str, Any], parameters: Mapping[str, Any], *functions: Function
) -> Any:
    """The loss; the first axis of a column is the row count of its table."""
    trace = new_trace()

    def traced(name: str, array: Any) -> Any:
        rows = (Dim.rows(name.partition(".")[0]),) if name in tables else array.shape[:1]
        return trace.input(Aval((*rows, *array.shape[1:]), array.dtype), name)

    scope = Scope(
        vocabulary=builtin_vocabulary(),
        columns={name: traced(name, array) for name, array in tables.items()},
        parameters={name: traced(name, array) for name, array in parameters.items()},
        functions={function.name: function for function in functions},
    )
    value = build(parse(written), scope, trace)
    arrays = [*tables.values(), *parameters.values(), *trace.captured]
    [found] = interpret(trace.graph([value]), *arrays)
    return found


def test_lotka_volterra_by_runge_kutta() -> None:
    a, b, c, d, dt = 1.0, 0.5, 0.5, 0.15, 0.05
    k = np.array([0, 40, 80, 199])
    rate = function("rate(s)", "stack([a*s[0] - b*s[0]*s[1], -c*s[1] + d*s[0]*s[1]])")
    step = function(
        "step(s, i)",
        {
            "k1": "rate(s)",
            "k2": "rate(s + dt/2 * k1)",
            "k3": "rate(s + dt/2 * k2)",
            "k4": "rate(s + dt * k3)",
            "next": "s + dt/6 * (k1 + 2*k2 + 2*k3 + k4)",
            "return": "(next, next)",
        },
    )
    path = function("path(s0)", "scan(step, s0, arange(200))[1]")
    names = {"a": a, "b": b, "c": c, "d": d, "dt": dt}
    parameters = {name: np.array(value) for name, value in names.items()}
    found = evaluate(
        "log(path(stack([5.0, 3.0]))[low.k])", {"low.k": k}, parameters, rate, step, path
    )

    def slope(s: Any) -> Any:
        return np.stack([a * s[0] - b * s[0] * s[1], -c * s[1] + d * s[0] * s[1]])

    state, states = np.array([5.0, 3.0]), []
    for _ in range(200):
        k1 = slope(state)
        k2 = slope(state + dt / 2 * k1)
        k3 = slope(state + dt / 2 * k2)
        k4 = slope(state + dt * k3)
        state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    np.testing.assert_allclose(found, np.log(np.array(states)[k]), rtol=1e-12)


def test_a_network_and_its_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    images, label = rng.normal(size=(6, 5)), rng.integers(0, 3, 6)
    parameters = {
        "layer1.W": rng.normal(size=(5, 4)),
        "layer1.b": rng.normal(size=4),
        "layer2.W": rng.normal(size=(4, 3)),
    }
    logits = function("logits(X)", "tanh(X @ layer1.W + layer1.b) @ layer2.W")
    tables = {"t.X": images, "t.label": label}
    found = evaluate("mean(cross_entropy(logits(t.X), t.label))", tables, parameters, logits)
    z = np.tanh(images @ parameters["layer1.W"] + parameters["layer1.b"]) @ parameters["layer2.W"]
    expected = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(6), label])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    accuracy = evaluate("mean(argmax(logits(t.X), axis=1) == t.label)", tables, parameters, logits)
    assert accuracy == np.mean(z.argmax(axis=1) == label)


def test_the_exponential_model_of_misra1a() -> None:
    x, y = np.array([77.6, 114.9, 141.1]), np.array([10.07, 14.73, 17.94])
    model = function("model(t)", "b1 * (1 - exp(-b2 * t))")
    parameters = {"b1": np.array(250.0), "b2": np.array(5e-4)}
    found = evaluate("sum((d.y - model(d.x))**2)", {"d.x": x, "d.y": y}, parameters, model)
    expected = np.sum((y - 250 * (1 - np.exp(-5e-4 * x))) ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
