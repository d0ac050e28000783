from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from optserve.backends.backend import Backend
from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError
from optserve.graph.graph import Graph
from optserve.jobs.bijections import log
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import adam, chain, clip_by_global_norm, cosine, gradient_descent, lbfgs
from optserve.primitives.composition import probe
from tests.jobs.problems import least_squares, parameter, problem, rosenbrock


def test_without_a_method_loss_and_gradient_are_evaluated_once() -> None:
    made = problem(lambda x: 1 / (1 + np.exp(-x)), [parameter("x", 0.0)], optimizer=None)
    result = run(made)
    assert (result.termination.reason, result.exit_code) == ("evaluated", 0)
    assert (result.loss, result.gradient) == (0.5, {"x": 0.25})
    assert (result.evaluations, result.steps) == (1, 0)
    assert result.used.optimizer == "none"
    assert result.unavailable["x"] == "nothing was estimated, only evaluated"


def test_nothing_free_is_evaluated_once_too() -> None:
    made = problem(lambda x: x * x, [parameter("x", 3.0, fixed=True)], optimizer=lbfgs())
    result = run(made)
    assert (result.termination.reason, result.loss) == ("evaluated", 9.0)
    assert result.gradient == {"x": None}
    assert result.parameters == {"x": 3.0}


def test_the_best_of_all_starts_is_the_result_and_all_are_told() -> None:
    made = problem(
        lambda x: np.cos(x) + x / 10 + np.log(x + 10) * 0,
        [parameter("x", 4.0)],
        optimizer=lbfgs(),
        starts=({"x": np.array(-2.0)}, {"x": np.array(-20.0)}),
    )
    result = run(made)
    losses = [start.loss for start in result.starts]
    assert result.start == 1
    assert losses[1] == result.loss
    assert losses[0] is not None
    assert result.loss is not None
    assert result.loss < losses[0]
    assert losses[2] is None
    assert result.exit_code == 0
    assert [start.reason for start in result.starts] == ["gradient", "gradient", "non_finite"]
    assert any(warning.startswith("start 3: ") for warning in result.warnings)
    assert result.evaluations == sum(start.evaluations for start in result.starts)
    assert len(result.history) == 3


def test_gradients_are_on_the_natural_scale() -> None:
    made = problem(
        lambda k, w, c: k**2 * w[0] + w[1] ** 3 + c,
        [
            parameter("k", 3.0, transform=log()),
            parameter("w", [2.0, 5.0], fixed=[True, False], transform=log()),
            parameter("c", 1.0),
        ],
        optimizer=None,
    )
    result = run(made)
    assert result.gradient["k"] == pytest.approx(12.0)
    assert result.gradient["w"] == [None, pytest.approx(75.0)]
    assert result.gradient["c"] == 1.0


def test_bounds_hold_for_every_kind_of_method() -> None:
    for optimizer in (gradient_descent(0.1), adam(0.5), lbfgs()):
        made = problem(
            lambda x: np.sum((x - np.arange(3.0)) ** 2),
            [parameter("x", [0.5, 0.5, 0.5], low=0.25, high=1.5)],
            optimizer=optimizer,
            stop=StoppingRule(steps=300),
        )
        result = run(made)
        np.testing.assert_allclose(result.parameters["x"], [0.25, 1.0, 1.5], atol=1e-3)
        assert result.parameters["x"][0] == 0.25
        assert result.parameters["x"][2] == 1.5


def test_convergence_at_a_bound_is_judged_by_the_projected_gradient() -> None:
    made = problem(
        lambda x, y: (x - 1) ** 2 + (y + 2) ** 2,
        [parameter("x", 0.0), parameter("y", 1.0, low=0.0)],
        optimizer=gradient_descent(0.25),
        stop=StoppingRule(gradient=1e-9),
    )
    result = run(made)
    assert result.termination.reason == "gradient"
    assert result.gradient["y"] == 4.0


def test_probes_show_what_was_on_the_way() -> None:
    made = least_squares(
        lambda a, b, x, y: y - probe(probe(a * 1.0, "twice") + b * probe(x, "x"), "line"),
        [parameter("a", 0.0), parameter("b", 0.0)],
        {"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.0, 5.0, 7.0]},
    )
    result = run(made)
    assert result.probes["twice"] == pytest.approx(1.0)
    assert result.probes["x"] == {"min": 0.0, "mean": 1.5, "max": 3.0}
    assert result.probes["line"] == pytest.approx({"min": 1.0, "mean": 4.0, "max": 7.0})


def test_single_precision_ends_by_its_own_precision() -> None:
    def fit(precision: str) -> Problem:
        return least_squares(
            lambda a, b, x, y: y - a * np.exp(-b * x),
            [parameter("a", 5.0, precision=precision), parameter("b", 0.5, precision=precision)],
            {"x": [0.0, 1.0, 2.0, 3.0], "y": [8.0, 3.1, 1.0, 0.4]},
            precision=precision,
        )

    single, double = run(fit("float32")), run(fit("float64"))
    assert single.exit_code == 0
    assert single.used.precision == "float32"
    assert single.parameters == pytest.approx(double.parameters, rel=1e-5)
    assert single.standard_errors == pytest.approx(double.standard_errors, rel=1e-3)


def test_schedules_know_how_many_steps_are_meant() -> None:
    modified = chain((clip_by_global_norm(1.0),), adam(cosine(start=0.1)))
    result = run(rosenbrock(modified, stop=StoppingRule(steps=400)))
    assert result.steps == 400
    assert result.loss is not None
    assert result.loss < 1.0
    with pytest.raises(ConfigError, match="the number of steps is not known"):
        run(rosenbrock(adam(cosine(start=0.1)), stop=StoppingRule(seconds=1)))


@dataclass
class Counted:
    """NumPy's backend, which notes what it is asked to compile."""

    graphs: list[Graph] = field(default_factory=list)

    def backend(self) -> Backend:
        def compile_graph(graph: Graph) -> Any:
            self.graphs.append(graph)
            return numpy_backend(1).compile(graph)

        return Backend("counted", compile_graph)


def test_the_backend_that_was_asked_for_does_all_the_work() -> None:
    counted = Counted()
    result = run(
        rosenbrock(adam(0.1), backend="counted", stop=StoppingRule(steps=30)),
        backends={"counted": counted.backend()},
    )
    assert result.used.backend == "counted"
    assert result.used.backend_given
    step, *_ = counted.graphs  # loss, gradient and the method's arithmetic in one
    assert len(step.outputs) == 6


def test_the_same_job_gives_the_same_bits() -> None:
    first, second = (run(rosenbrock(lbfgs())) for _ in range(2))
    assert first.parameters == second.parameters
    assert first.loss == second.loss
    losses = [[entry.loss for entry in result.history[0]] for result in (first, second)]
    assert losses[0] == losses[1]


def test_what_it_ran_with_is_recorded() -> None:
    result = run(rosenbrock(lbfgs(), seed=7, rows_used=3, rows_read=4, warnings=("careful",)))
    assert (result.used.seed, result.used.rows_used, result.used.rows_read) == (7, 3, 4)
    assert result.warnings[0] == "careful"
    assert result.environment["numpy"] == np.__version__
    assert result.environment["features"]
    assert result.memory is not None
    assert result.memory > 10_000_000
    assert result.seconds > 0


def test_residuals_of_several_names_count_together_and_penalties_apart() -> None:
    def outputs(a: Any, x: Any, y: Any) -> list[Any]:
        first, second, penalty = y - a[0] * x, y - a[1], 0.5 * a
        return [np.sum(first**2) + np.sum(second**2) + np.sum(penalty**2), first, second, penalty]

    made = problem(
        outputs,
        [parameter("a", [0.0, 0.0])],
        {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 7.0]},
        kind="least_squares",
        objective={
            "residuals": ("first", "second", "penalty.a"),
            "penalties": frozenset({"penalty.a"}),
        },
        optimizer=lbfgs(),
    )
    result = run(made)
    assert result.fit is not None
    assert result.fit.observations == 6
    a = np.array([31 / 14.25, 13 / 3.25])
    np.testing.assert_allclose(result.parameters["a"], a, rtol=1e-7)
    own = np.concatenate([[2, 4, 7] - a[0] * np.arange(1, 4), [2, 4, 7] - a[1]])
    assert result.fit.sum_of_squares == pytest.approx(own @ own)
    assert result.loss == pytest.approx(own @ own + 0.25 * a @ a)
