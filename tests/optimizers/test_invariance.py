"""Neither units, nor origins, nor mixtures change what a descent finds."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.optimizers import Evaluation, Optimizer, lbfgs, levenberg_marquardt, project
from tests.optimizers.problems import Evaluate, LeastSquares, nist


def ends(method: Optimizer, evaluate: Evaluate, start: Array, limit: int = 300) -> list[Array]:
    """The points of a descent until the method ends it, or ``limit`` of them."""
    points, state = [start], method.init(start)
    while len(points) < limit and not method.verdict(state):
        evaluation = evaluate(points[-1])
        updates, state = method.update(evaluation, state, points[-1])
        points.append(project(points[-1] + updates, evaluation.lower, evaluation.upper))
    return points


def regression(name: str) -> LeastSquares:
    return next(problem for problem in nist("start2") if problem.name == name)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["Misra1a", "Thurber", "MGH17"]),
    st.lists(st.integers(-33, 33), min_size=7, max_size=7),
    st.integers(-50, 50),
)
def test_levenberg_marquardt_takes_the_same_steps_in_any_units(
    name: str, of_parameters: list[int], of_residual: int
) -> None:
    problem = regression(name)
    units = 2.0 ** np.array(of_parameters[: problem.start.size])
    unit = 2.0**of_residual
    scaled = replace(problem, residual=lambda b: unit * problem.residual(b * units))
    plain = ends(levenberg_marquardt(), problem, problem.start)
    other = ends(levenberg_marquardt(), scaled, problem.start / units)
    assert len(other) == len(plain)
    np.testing.assert_allclose(np.array(other) * units, plain, rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["Misra1a", "Thurber", "Chwirut2"]),
    st.lists(st.integers(-33, 33), min_size=7, max_size=7),
    st.integers(-50, 50),
    st.booleans(),
)
def test_lbfgs_takes_the_same_steps_in_any_units(
    name: str, of_parameters: list[int], of_loss: int, bounded: bool
) -> None:
    problem = regression(name)
    units = 2.0 ** np.array(of_parameters[: problem.start.size])
    unit = 2.0**of_loss

    def evaluate(z: Array, units: Array, unit: float) -> Evaluation:
        found = problem(z * units)

        def curvature(z: Array) -> Array:
            jacobian = np.asarray(problem(z * units).jacobian) * units
            return np.asarray(2.0 * unit * jacobian.T @ jacobian)

        lower = 0.9 * np.minimum(problem.start, 2 * problem.start) / units if bounded else None
        gradient = unit * found.gradient * units
        return Evaluation(unit * found.loss, gradient, lower=lower, curvature=curvature)

    ones = np.ones(units.size)
    plain = ends(lbfgs(), lambda x: evaluate(x, ones, 1.0), problem.start, 40)
    other = ends(lbfgs(), lambda z: evaluate(z, units, unit), problem.start / units, 40)
    assert len(other) == len(plain)
    np.testing.assert_allclose(np.array(other)[:15] * units, plain[:15], rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["Misra1a", "Chwirut2", "Rat42"])
def test_gauss_and_newton_take_the_same_steps_in_mixed_parameters(name: str, seed: int) -> None:
    problem = regression(name)
    size = problem.start.size
    mixture = np.eye(size) + 0.3 * np.random.default_rng(seed).normal(size=(size, size))
    mixture = mixture * problem.start[:, None] * 10.0 ** np.linspace(-8, 8, size)
    mixed = replace(problem, residual=lambda b: problem.residual(mixture @ b))
    undamped = levenberg_marquardt(radius=1e100)
    plain = ends(undamped, problem, problem.start)
    other = ends(undamped, mixed, np.linalg.solve(mixture, problem.start))
    steps = min(len(plain), len(other)) - 3  # at the end they differ by rounding alone
    found = np.array(other[:steps]) @ mixture.T
    np.testing.assert_allclose(found, np.array(plain[:steps]), rtol=1e-6)
    np.testing.assert_allclose(mixture @ other[-1], plain[-1], rtol=1e-7)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
@pytest.mark.parametrize("unit", [1e-200, 1e-170, 1e170, 1e200])
def test_residuals_whose_squares_are_no_numbers(unit: float) -> None:
    problem = regression("Misra1a")

    def scaled(b: Array) -> Evaluation:
        found = problem(b)
        residual = unit * np.asarray(found.residual)
        jacobian = unit * np.asarray(found.jacobian)
        return Evaluation(residual @ residual, 2 * residual @ jacobian, residual, jacobian)

    found = ends(levenberg_marquardt(), scaled, problem.start)[-1]
    np.testing.assert_allclose(found, problem.answer["certified"], rtol=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99))
def test_mixed_parameters_have_the_same_minimum(seed: int) -> None:
    problem = regression("Misra1a")
    mixture = np.random.default_rng(seed).normal(size=(2, 2)) * problem.start[:, None]
    mixed = replace(problem, residual=lambda b: problem.residual(mixture @ b))
    found = ends(levenberg_marquardt(), mixed, np.linalg.solve(mixture, problem.start))[-1]
    np.testing.assert_allclose(mixture @ found, problem.answer["certified"], rtol=1e-7)


def polynomial(at: Array, values: Array, degree: int) -> tuple[LeastSquares, Array]:
    """A polynomial through points as it is written down, and its exact coefficients."""
    powers = range(degree + 1)
    with mpmath.workdps(80):
        rows = mpmath.matrix([[mpmath.mpf(float(x)) ** k for k in powers] for x in at])
        right = rows.T * mpmath.matrix([mpmath.mpf(float(y)) for y in values])
        exact = np.array([float(one) for one in mpmath.lu_solve(rows.T * rows, right)])

    def residual(b: Array) -> Array:
        return np.asarray(sum(b[k] * at**k for k in powers) - values)

    return LeastSquares("polynomial", residual, np.ones(degree + 1), {}), exact


@pytest.mark.parametrize(
    ("at", "degree", "digits"),
    [
        (np.arange(1900.0, 2021.0), 2, 12),
        (np.arange(1900.0, 2021.0), 4, 7),
        (1.7e9 + np.arange(60.0), 1, 8),
        (1.7e9 + 86400.0 * np.arange(60.0), 2, 7),
        (np.linspace(-8.8, -3.1, 82), 10, 6),
    ],
    ids=["years-2", "years-4", "seconds-1", "days-2", "filip"],
)
def test_polynomials_far_from_their_origin(at: Array, degree: int, digits: int) -> None:
    noise = np.random.default_rng(0).normal(size=at.size)
    problem, exact = polynomial(at, 20 + np.linspace(0, 5, at.size) + 0.1 * noise, degree)
    found = ends(levenberg_marquardt(), problem, problem.start)[-1]
    np.testing.assert_allclose(found, exact, rtol=10.0**-digits)
