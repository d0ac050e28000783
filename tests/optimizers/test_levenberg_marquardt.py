from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import nnls

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.optimizers import Evaluation, levenberg_marquardt, projected_gradient
from tests.optimizers.descent import descend, stationarity
from tests.optimizers.problems import (
    LeastSquares,
    matches_a_minimum,
    more_garbow_hillstrom,
    nist,
)

MGH = list(more_garbow_hillstrom())
NIST = [(start, problem) for start in ("start1", "start2") for problem in nist(start)]
CONVERGED = {"gradient", "precision"}
LONG = {"MGH10": 400, "MGH17": 600}
"""Evaluations along their bent valleys from the first start."""


def matching_digits(params: Array, certified: Array) -> float:
    with np.errstate(divide="ignore"):
        return float(-np.log10(np.max(np.abs(params - certified) / np.abs(certified))))


@pytest.mark.parametrize("problem", MGH, ids=lambda problem: problem.name)
def test_reaches_a_known_minimum(problem: LeastSquares) -> None:
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert end.reason in CONVERGED
    assert matches_a_minimum(end.loss, problem.answer["minima"])


@pytest.mark.parametrize(
    ("start", "problem"), NIST, ids=[f"{problem.name}-{start}" for start, problem in NIST]
)
def test_certified_parameters(start: str, problem: LeastSquares) -> None:
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert end.reason in CONVERGED
    assert matching_digits(end.params, problem.answer["certified"]) >= 5.9
    assert end.loss == pytest.approx(problem.answer["rss"], rel=1e-9)
    assert end.evaluations <= LONG.get(problem.name, 140)


@pytest.mark.parametrize(
    ("start", "problem"), NIST, ids=[f"{problem.name}-{start}" for start, problem in NIST]
)
def test_goes_on_to_the_last_digits_where_no_tolerance_stops_it(
    start: str, problem: LeastSquares
) -> None:
    end = descend(levenberg_marquardt(), problem, problem.start, tolerance=0.0)
    assert end.reason == "precision"
    # Lanczos's sums of exponentials lose the tenth digit to the order in which BLAS adds.
    assert matching_digits(end.params, problem.answer["certified"]) >= 9.0


def test_misra1a_to_nine_digits_from_both_starts() -> None:
    for _, problem in NIST:
        if problem.name == "Misra1a":
            end = descend(levenberg_marquardt(), problem, problem.start)
            assert matching_digits(end.params, problem.answer["certified"]) >= 9


def linear(matrix: Array, target: Array) -> LeastSquares:
    return LeastSquares("linear", lambda x: matrix @ x - target, np.zeros(matrix.shape[1]), {})


def test_a_linear_problem_takes_one_step() -> None:
    rng = np.random.default_rng(0)
    matrix, target = rng.normal(size=(20, 5)), rng.normal(size=20)
    end = descend(levenberg_marquardt(), linear(matrix, target), np.zeros(5))
    assert end.evaluations == 2
    np.testing.assert_allclose(end.params, np.linalg.lstsq(matrix, target)[0], rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_a_deficient_rank_gives_the_shortest_step(rows: int) -> None:
    matrix = np.outer(np.arange(1.0, rows + 1), [1.0, 1.0, 1.0])
    end = descend(levenberg_marquardt(), linear(matrix, np.ones(rows)), np.zeros(3))
    assert end.reason in CONVERGED
    np.testing.assert_allclose(end.params, np.linalg.pinv(matrix) @ np.ones(rows), rtol=1e-12)


def test_a_parameter_without_effect_stays() -> None:
    matrix = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    end = descend(levenberg_marquardt(), linear(matrix, np.ones(3)), np.array([5.0, 7.0]))
    assert end.params[1] == 7.0
    assert end.reason in CONVERGED


@pytest.mark.parametrize("seed", range(5))
def test_bounds_agree_with_an_active_set_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(60, 30)), rng.normal(size=60)
    problem = replace(linear(matrix, target), lower=np.zeros(30), upper=np.full(30, np.inf))
    end = descend(levenberg_marquardt(), problem, np.ones(30))
    assert end.reason == "gradient"
    assert end.evaluations == 2
    np.testing.assert_allclose(end.params, nnls(matrix, target)[0], atol=1e-10)


@pytest.mark.parametrize("problem", MGH, ids=lambda problem: problem.name)
def test_stays_in_the_box_and_ends_where_its_conditions_hold(problem: LeastSquares) -> None:
    rng = np.random.default_rng(problem.start.size)
    lower = problem.start - rng.uniform(0.0, 0.5, problem.start.size)
    upper = problem.start + rng.uniform(0.0, 0.5, problem.start.size)
    boxed = replace(problem, lower=lower, upper=upper)

    def watched(params: Array) -> Evaluation:
        assert (params >= lower).all()
        assert (params <= upper).all()
        return boxed(params)

    end = descend(levenberg_marquardt(), watched, problem.start)
    assert end.reason in CONVERGED
    assert end.reason == "precision" or stationarity(boxed(end.params), end.params) <= 1e-8
    assert end.loss <= boxed(problem.start).loss


def test_a_minimum_at_a_corner() -> None:
    problem = replace(
        linear(np.eye(2), np.array([-1.0, 4.0])), lower=np.zeros(2), upper=np.full(2, 3.0)
    )
    end = descend(levenberg_marquardt(), problem, np.ones(2))
    np.testing.assert_array_equal(end.params, [0.0, 3.0])
    gradient = problem(end.params).gradient
    assert not projected_gradient(end.params, gradient, problem.lower, problem.upper).any()


def test_a_trial_that_is_not_finite_is_stepped_back_from() -> None:
    problem = LeastSquares("log", lambda x: np.log(x) - 3.0, np.array([1e-4, 5.0, 100.0]), {})
    seen: list[bool] = []

    def watched(params: Array) -> Evaluation:
        evaluation = problem(params)
        seen.append(bool(np.isfinite(evaluation.loss)))
        return evaluation

    end = descend(levenberg_marquardt(), watched, problem.start)
    assert not all(seen)
    np.testing.assert_allclose(end.params, np.exp(3.0), rtol=1e-12)


def test_a_start_that_is_not_finite_is_not_converged() -> None:
    problem = LeastSquares("log", np.log, np.array([-1.0]), {})
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert (end.reason, end.evaluations) == ("stalled", 1)


def test_a_kink_is_not_convergence() -> None:
    problem = LeastSquares(
        "kink", lambda x: np.where(np.real(x) < 0, -x, x) + 1.0, np.array([0.7]), {}
    )
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert end.reason == "stalled"
    assert end.loss == pytest.approx(1.0)


def test_a_wrong_jacobian_stalls() -> None:
    class Wrong(LeastSquares):
        def jacobian(self, params: Array) -> Array:
            return -super().jacobian(params)

    problem = Wrong("wrong", lambda x: x - np.array([1.0, -1.0, 0.5]), np.zeros(3), {})
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert end.reason == "stalled"
    np.testing.assert_array_equal(end.params, problem.start)


def test_an_exact_fit_ends() -> None:
    end = descend(levenberg_marquardt(), linear(np.eye(2), np.array([0.5, 2.0])), np.zeros(2))
    assert end.loss == 0.0
    assert end.reason in CONVERGED


def test_single_precision() -> None:
    problem = next(problem for problem in MGH if problem.name == "rosenbrock")

    def single(params: Array) -> Evaluation:
        assert params.dtype == np.float32
        evaluation = problem(params.astype(np.float64))
        loss, *rest = (np.asarray(part, np.float32) for part in evaluation[:4])
        gradient, residual, jacobian = rest
        return Evaluation(loss, gradient, residual, jacobian)

    end = descend(levenberg_marquardt(), single, problem.start.astype(np.float32))
    assert end.reason in CONVERGED
    np.testing.assert_allclose(end.params, 1.0, rtol=1e-5)


def published(name: str, start: str = "start1") -> LeastSquares:
    return next(problem for problem in nist(start) if problem.name == name)


@pytest.mark.parametrize("start", ["start1", "start2"])
def test_meyers_problem_from_both_of_nists_starts(start: str) -> None:
    problem = published("MGH10", start)
    end = descend(levenberg_marquardt(), problem, problem.start)
    assert end.reason in CONVERGED
    assert matching_digits(end.params, problem.answer["certified"]) >= 8


@pytest.mark.parametrize("radius", [1e-6, 1.0, 1e9])
def test_no_first_radius_ends_it(radius: float) -> None:
    problem = published("Misra1a")
    end = descend(levenberg_marquardt(radius), problem, problem.start)
    assert end.reason in CONVERGED
    assert matching_digits(end.params, problem.answer["certified"]) >= 8


def test_jennrich_and_sampson_from_ten_times_their_start() -> None:
    # The first Gauss-Newton step takes one exponential to where it has no effect.
    problem = next(problem for problem in MGH if problem.name == "jennrich_sampson")
    end = descend(levenberg_marquardt(), problem, 10 * problem.start, tolerance=0.0)
    assert end.loss == pytest.approx(124.3621823556, rel=1e-9)


def test_a_column_that_a_step_takes_away_for_good_reason() -> None:
    problem = LeastSquares(
        "product", lambda x: np.array([x[0], x[0] * x[1], x[1] - 3]), np.array([1.0, 1.0]), {}
    )
    end = descend(levenberg_marquardt(), problem, problem.start)
    np.testing.assert_allclose(end.params, [0, 3], atol=1e-8)


def test_large_residuals_end_by_precision() -> None:
    # The Gauss-Newton step overshoots at the minimum itself; damped steps converge.
    problem = next(problem for problem in MGH if problem.name == "freudenstein_roth")
    end = descend(levenberg_marquardt(), problem, problem.start, tolerance=0.0)
    assert end.loss == pytest.approx(48.98425367924, rel=1e-12)
    assert end.reason == "precision"


def test_a_bound_is_met_exactly() -> None:
    lower = np.array([0.1, 0.3])
    problem = replace(linear(np.eye(2), np.array([-1.0, 4.0])), lower=lower, upper=np.full(2, 9.0))
    end = descend(levenberg_marquardt(), problem, np.array([0.7, 0.7]))
    assert end.params[0] == 0.1
    assert end.reason == "gradient"


def test_the_radius_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="levenberg_marquardt: radius is 0"):
        levenberg_marquardt(radius=0)
