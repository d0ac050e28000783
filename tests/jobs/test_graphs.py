from __future__ import annotations

import numpy as np
import pytest

from optserve.graph.interpret import interpret
from optserve.jobs.bijections import log
from optserve.jobs.graphs import Graphs
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.optimizers import Evaluation, Optimizer, adam, gradient_descent, project
from optserve.primitives.tracing import verify
from tests.jobs.problems import least_squares, parameter, problem, rosenbrock


def graphs_of(made: Problem) -> Graphs:
    return Graphs(made, Packing(made.parameters, np.dtype(made.precision)))


@pytest.fixture
def fit() -> Problem:
    """With every kind of parameter: logarithmic, partly fixed, fixed, bounded."""
    return least_squares(
        lambda k, w, c, x, y: y - (k * np.exp(-x * w[0]) + w[1] * x + w[2] + c),
        [
            parameter("k", 2.0, transform=log()),
            parameter("w", [0.5, 0.25, 0.5], fixed=[False, True, False], low=0.25, high=0.75),
            parameter("c", 0.125, fixed=True),
        ],
        {"x": np.linspace(0, 2, 7), "y": np.linspace(3, 1, 7) ** 2},
        response="y",
    )


def by_differences(graphs: Graphs, point: np.ndarray) -> np.ndarray:
    def loss(at: np.ndarray) -> float:
        return float(interpret(graphs.gradient(), at, *graphs.arguments)[0])

    steps = 1e-6 * np.eye(len(point))
    return np.array([(loss(point + step) - loss(point - step)) / 2e-6 for step in steps])


def test_the_gradient_is_by_the_free_coordinates(fit: Problem) -> None:
    graphs = graphs_of(fit)
    point = graphs.packing.flat({}) + 0.1
    loss, gradient = interpret(verify(graphs.gradient()), point, *graphs.arguments)
    natural = graphs.packing.natural(point)
    data = fit.objective.data.values()
    assert loss == interpret(fit.objective.graph, *natural.values(), *data)[0]
    np.testing.assert_allclose(gradient, by_differences(graphs, point), rtol=1e-7)


def test_the_jacobian_is_that_of_all_residuals_joined() -> None:
    def outputs(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
        first, second = np.stack([a[0] * x, a[1] * x**2], axis=-1), b - 3.0
        return [np.sum(first**2) + second**2, first, second]

    made = problem(
        outputs,
        [parameter("a", [1.0, 2.0]), parameter("b", 1.0)],
        {"x": [1.0, 2.0]},
        kind="least_squares",
        objective={"residuals": ("first", "second")},
    )
    graphs = graphs_of(made)
    point = graphs.packing.flat({})
    graph = graphs.jacobian()
    assert graph is not None
    loss, gradient, residual, jacobian = interpret(verify(graph), point, *graphs.arguments)
    assert residual.tolist() == [1.0, 2.0, 2.0, 8.0, -2.0]
    assert loss == residual @ residual
    assert jacobian.tolist() == [[1, 0, 0], [0, 1, 0], [2, 0, 0], [0, 4, 0], [0, 0, 1]]
    assert gradient.tolist() == (2 * jacobian.T @ residual).tolist()


def test_the_curvature_is_the_derivative_of_the_gradient(fit: Problem) -> None:
    graphs = graphs_of(fit)
    point = graphs.packing.flat({}) + 0.1
    curvature = verify(graphs.curvature())
    for direction in np.eye(graphs.packing.size):
        [found] = interpret(curvature, point, direction, *graphs.arguments)
        after = interpret(graphs.gradient(), point + 1e-6 * direction, *graphs.arguments)[1]
        before = interpret(graphs.gradient(), point - 1e-6 * direction, *graphs.arguments)[1]
        np.testing.assert_allclose(found, (after - before) / 2e-6, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("optimizer", [gradient_descent(0.5), adam(0.5)], ids=lambda m: m.name)
def test_a_traced_step_is_the_step_of_the_method_within_the_bounds(
    fit: Problem, optimizer: Optimizer
) -> None:
    graphs = graphs_of(fit)
    lower, upper = graphs.bounds
    point = graphs.packing.flat({})
    state = optimizer.init(point)
    graph = verify(graphs.step(optimizer, state, 100))
    held = []
    for _ in range(3):
        loss, gradient = interpret(graphs.gradient(), point, *graphs.arguments)
        updates, expected = optimizer.update(Evaluation(loss, gradient), state, point)
        found = interpret(graph, point, *state, *graphs.bounds, *graphs.arguments)
        assert found[0] == loss
        point = project(point + updates, lower, upper)
        np.testing.assert_allclose(found[2], point, rtol=1e-14)
        for have, want in zip(found[3:], expected, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-14)
        state = expected
        held.append(point[1] in {0.25, 0.75})
    assert any(held)


def test_nothing_free_has_an_empty_gradient() -> None:
    made = problem(lambda x: x * x, [parameter("x", 3.0, fixed=True)])
    graphs = graphs_of(made)
    loss, gradient = interpret(verify(graphs.gradient()), np.zeros(0), *graphs.arguments)
    assert loss == 9.0
    assert gradient.shape == (0,)


def test_scalars_stay_scalars() -> None:
    graph = graphs_of(rosenbrock(None)).gradient()
    shapes = [variable.aval.shape for equation in graph.equations for variable in equation.results]
    assert all(shape in {(), (1,), (2,)} for shape in shapes)
    assert sum(shape != () for shape in shapes) == 3  # one slice a parameter, one gradient
