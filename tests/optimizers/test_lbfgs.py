from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.optimizers import Evaluation, lbfgs
from tests.optimizers.descent import descend, stationarity
from tests.optimizers.problems import (
    Evaluate,
    LeastSquares,
    matches_a_minimum,
    more_garbow_hillstrom,
)

MGH = list(more_garbow_hillstrom())


def sum_of_squares(problem: LeastSquares) -> Evaluate:
    """The problem as a plain loss: what no method may see is its Jacobian."""
    return lambda params: problem(params)._replace(residual=None, jacobian=None)


@pytest.mark.parametrize("problem", MGH, ids=lambda problem: problem.name)
def test_reaches_a_known_minimum(problem: LeastSquares) -> None:
    evaluate = sum_of_squares(problem)
    end = descend(lbfgs(), evaluate, problem.start)
    # Where the tolerance is as small as rounding errors, either can come first.
    assert end.reason in {"gradient", "precision"}
    assert stationarity(evaluate(end.params), end.params) <= 1e-6
    assert matches_a_minimum(end.loss, problem.answer["minima"])
    assert end.evaluations <= 250


@pytest.mark.parametrize("factor", [10.0, 100.0])
def test_reaches_it_from_far_away(factor: float) -> None:
    problem = next(problem for problem in MGH if problem.name == "brown_almost_linear_n30")
    end = descend(lbfgs(), sum_of_squares(problem), factor * problem.start)
    assert matches_a_minimum(end.loss, problem.answer["minima"])


@pytest.mark.parametrize("problem", MGH, ids=lambda problem: problem.name)
def test_stays_in_the_box_and_ends_where_its_conditions_hold(problem: LeastSquares) -> None:
    rng = np.random.default_rng(problem.start.size)
    lower = problem.start - rng.uniform(0.0, 0.5, problem.start.size)
    upper = problem.start + rng.uniform(0.0, 0.5, problem.start.size)
    boxed = sum_of_squares(replace(problem, lower=lower, upper=upper))

    def watched(params: Array) -> Evaluation:
        assert (params >= lower).all()
        assert (params <= upper).all()
        return boxed(params)

    end = descend(lbfgs(), watched, problem.start)
    assert end.reason in {"gradient", "precision"}
    assert stationarity(boxed(end.params), end.params) <= 1e-6


def quadratic(size: int, condition: float, seed: int) -> tuple[Evaluate, Array, Array]:
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = basis @ np.diag(np.geomspace(1, condition, size)) @ basis.T
    slope = rng.normal(size=size) * np.sqrt(condition)
    lower, upper = -rng.uniform(0, 0.3, size), rng.uniform(0, 0.3, size)

    def evaluate(x: Array) -> Evaluation:
        loss = 0.5 * x @ matrix @ x - slope @ x
        return Evaluation(loss, matrix @ x - slope, lower=lower, upper=upper)

    return evaluate, lower, upper


@pytest.mark.parametrize("seed", range(3))
def test_a_quadratic_with_most_bounds_active(seed: int) -> None:
    evaluate, lower, upper = quadratic(100, 1e4, seed)
    end = descend(lbfgs(), evaluate, np.zeros(100), tolerance=1e-7)
    assert end.reason == "gradient"
    assert end.evaluations <= 120
    assert 60 <= np.sum((end.params == lower) | (end.params == upper)) <= 90


def test_bounds_that_are_all_infinite_are_none() -> None:
    problem = next(problem for problem in MGH if problem.name == "beale")
    infinite = np.full(2, np.inf)
    plain = descend(lbfgs(), sum_of_squares(problem), problem.start)
    boxed = replace(problem, lower=-infinite, upper=infinite)
    other = descend(lbfgs(), sum_of_squares(boxed), problem.start)
    np.testing.assert_array_equal(other.params, plain.params)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_a_kink_is_not_convergence(offset: float) -> None:
    corner = np.array([0.3, 0.2])

    def evaluate(x: Array) -> Evaluation:
        loss = np.abs(x - corner).sum() + 0.1 * x @ x + offset
        return Evaluation(loss, np.sign(x - corner) + 0.2 * x)

    end = descend(lbfgs(), evaluate, np.array([0.7, -2.0]))
    assert end.reason == "stalled"
    np.testing.assert_allclose(end.params, corner, atol=1e-6)


def test_a_wrong_gradient_stalls_at_the_start() -> None:
    start = np.array([1.0, 2.0])
    end = descend(lbfgs(), lambda x: Evaluation(x @ x + 1, -2 * x), start)
    assert end.reason == "stalled"
    np.testing.assert_allclose(end.params, start, rtol=1e-12)


def test_goes_by_the_gradient_where_the_loss_is_noise() -> None:
    problem = next(problem for problem in MGH if problem.name == "rosenbrock")

    def drowned(params: Array) -> Evaluation:
        evaluation = problem(params)
        return Evaluation(evaluation.loss + 1e8, evaluation.gradient)

    end = descend(lbfgs(), drowned, problem.start, tolerance=1e-18)
    assert np.max(np.abs(end.params - 1)) < 1e-9


def test_ends_by_precision_where_no_tolerance_stops_it() -> None:
    problem = next(problem for problem in MGH if problem.name == "gaussian")
    end = descend(lbfgs(), sum_of_squares(problem), problem.start, tolerance=0.0)
    assert end.reason == "precision"
    assert matches_a_minimum(end.loss, problem.answer["minima"])


def test_a_trial_that_is_not_finite_is_stepped_back_from() -> None:
    def evaluate(x: Array) -> Evaluation:
        if (x <= 0).any():
            return Evaluation(np.nan, np.full(3, np.nan))
        return Evaluation((x - np.log(x)).sum(), 1 - 1 / x)

    end = descend(lbfgs(), evaluate, np.array([1e-3, 200.0, 3.0]))
    assert end.reason == "gradient"
    np.testing.assert_allclose(end.params, 1.0, atol=1e-6)


def test_a_start_that_is_not_finite_is_not_converged() -> None:
    end = descend(lbfgs(), lambda x: Evaluation(np.nan, x), np.ones(2))
    assert (end.reason, end.evaluations) == ("stalled", 1)


def test_single_precision() -> None:
    problem = next(problem for problem in MGH if problem.name == "rosenbrock")

    def single(params: Array) -> Evaluation:
        assert params.dtype == np.float32
        loss, gradient, *_ = problem(params.astype(np.float64))
        return Evaluation(np.float32(loss), gradient.astype(np.float32))

    end = descend(lbfgs(), single, problem.start.astype(np.float32), tolerance=1e-5)
    assert end.reason in {"gradient", "precision"}
    np.testing.assert_allclose(end.params, 1.0, rtol=1e-3)


@pytest.mark.parametrize("memory", [0, 2.5, True])
def test_the_memory_must_be_a_positive_integer(memory: int) -> None:
    with pytest.raises(ConfigError, match="lbfgs: memory is"):
        lbfgs(memory=memory)
