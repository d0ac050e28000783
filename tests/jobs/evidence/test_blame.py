from __future__ import annotations

import numpy as np
import pytest

import optserve
from optserve.errors import Place
from optserve.graph.aval import Aval
from optserve.jobs.evidence import blame as blaming
from optserve.jobs.problem import Objective, Problem, StoppingRule
from optserve.jobs.record.parts import Failure
from optserve.jobs.run import run
from optserve.optimizers import gradient_descent, lbfgs
from optserve.plugin import elementwise
from optserve.primitives.loops import scan
from optserve.primitives.tracing import new_trace
from tests.jobs.problems import log_likelihood, parameter, problem

F8 = np.dtype(np.float64)
LINE = Place("fit.yaml", 7, 9, "loss: mean(log(x))", 6, "loss")


def failure_of(made: Problem) -> Failure:
    result = run(made)
    assert result.exit_code == 5
    assert result.failure is not None
    return result.failure


def test_a_nan_in_the_descent_is_blamed_to_its_line_and_the_best_point_is_kept() -> None:
    trace = new_trace()
    x = trace.input(Aval((), F8), "x")
    with trace.at(LINE):
        value = np.log(x)
    made = Problem(
        name="falls-off",
        parameters=(parameter("x", 1.0),),
        objective=Objective("loss", trace.graph([value + x * 0.0]), {}),
        optimizer=gradient_descent(0.4),
    )
    result = run(made)
    assert result.termination.reason == "non_finite"
    assert result.termination.exit_codes == [5]
    assert result.failure is not None
    assert result.failure.primitive == "log"
    assert result.failure.message == "log gave nan"
    assert result.failure.place is not None
    assert (result.failure.place.file, result.failure.place.line) == ("fit.yaml", 7)
    assert "positive" in result.failure.remedy
    assert result.failure.operands[0].startswith("-")
    assert result.loss is not None
    assert 0 < result.parameters["x"] < 1
    assert result.loss == pytest.approx(np.log(result.parameters["x"]))
    assert "log gave nan" in result.termination.message


def test_an_untaken_branch_is_not_blamed() -> None:
    made = problem(
        lambda a, x: np.sum(np.where(x > 0, np.log(x), a)) + np.sum(np.sqrt(a - x)),
        [parameter("a", 1.0)],
        {"x": [-1.0, 0.5, 2.0]},
        optimizer=lbfgs(),
    )
    found = failure_of(made)
    assert found.primitive == "sqrt"
    assert found.message == "sqrt gave nan in 1 of 3 entries"
    assert found.operands == ("-1 to 2 in 3 entries",)


def test_an_infinite_derivative_is_counted_and_has_its_remedy() -> None:
    made = problem(
        lambda b, r: np.sqrt(np.sum(r * (b * r) ** 2)),
        [parameter("b", 0.0)],
        {"r": [1.0, 2.0]},
        optimizer=lbfgs(),
    )
    found = failure_of(made)
    assert found.primitive == "sqrt"
    assert found.message == "the derivative of sqrt is inf"
    assert "norm" in found.remedy
    made = problem(
        lambda b: np.sum(np.sqrt(b)),
        [parameter("b", [0.0, 4.0, 0.0])],
        optimizer=gradient_descent(0.1),
    )
    assert failure_of(made).message == "the derivative of sqrt is inf in 2 of 3 entries"


def test_a_value_inside_of_a_loop_is_found() -> None:
    def loss(a: np.ndarray, x: np.ndarray) -> np.ndarray:
        def step(s: np.ndarray, one: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            left = s - a * one
            return left, np.sqrt(left)

        total: np.ndarray = np.sum(scan(step, 2.0 + 0.0 * a, x)[1])
        return total

    made = problem(loss, [parameter("a", 1.0)], {"x": [1.0, 0.5, 3.0, 1.0]}, optimizer=lbfgs())
    found = failure_of(made)
    assert found.primitive == "sqrt"
    assert found.operands == ("-2.5",)


def test_data_and_numbers_that_are_not_finite_are_named() -> None:
    made = problem(
        lambda a, x: np.sum(a * x), [parameter("a", 1.0)], {"x": [1.0, np.inf]}, optimizer=lbfgs()
    )
    assert failure_of(made).message == "the data x is not finite: inf in 1 of 2 entries"
    tower = problem(lambda a: a * 9.0 + np.inf, [parameter("a", 1.0)], optimizer=lbfgs())
    found = failure_of(tower)
    assert found.message == "a number in the loss is not finite: inf"
    assert found.place is not None
    assert found.place.file == __file__
    tower = problem(lambda a: a * np.exp(a * 0.0 + 1e4), [parameter("a", 1.0)], optimizer=lbfgs())
    found = failure_of(tower)
    assert (found.primitive, found.operands) == ("exp", ("10000",))


def test_the_plugin_that_provides_it_is_named() -> None:
    odd = elementwise("odd_root", lambda x: np.sqrt(x), doc="A root.")
    made = problem(
        lambda a: odd(a - 2.0) + a, [parameter("a", 1.0)], optimizer=lbfgs(), plugin=[odd]
    )
    found = failure_of(made)
    assert found.message == "odd_root of optserve-odd 0.1.0 gave nan"
    assert found.provider == "optserve-odd 0.1.0"


def test_of_many_rows_a_block_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blaming, "LARGEST_HELD", 100)
    x = np.ones(1000)
    x[777] = -1.0
    made = problem(
        lambda a, x: np.sum(a * np.log(x)), [parameter("a", 1.0)], {"x": x}, optimizer=lbfgs()
    )
    found = failure_of(made)
    assert found.primitive == "log"
    assert "1 of" in found.message
    assert "1000" not in found.message


def test_an_infinite_loss_where_numbers_grow_is_not_blamed_on_the_function() -> None:
    made = problem(
        lambda x: np.sum(x**2) * 1e300,
        [parameter("x", [1e10])],
        optimizer=gradient_descent(0.1),
        stop=StoppingRule(steps=5),
    )
    assert "too large" in failure_of(made).remedy


def test_a_number_on_the_blamed_line_is_passed_over() -> None:
    made = problem(
        lambda h, s: np.sum((2.0 - h * np.exp(-((np.arange(1.0, 3.0) / s) ** 2))) ** 2),
        [parameter("h", 1.0), parameter("s", 0.0)],
        optimizer=lbfgs(),
    )
    assert failure_of(made).primitive == "divide"


def test_a_loss_that_is_not_finite_is_told_from_a_derivative_that_is_not() -> None:
    y = np.array([5.0, 20.0, 19.0])
    made = problem(
        lambda top, n, EC50, x, y: np.sum((y - top * x**n / (EC50**n + x**n)) ** 2),
        [parameter("top", 20.0), parameter("n", 0.5), parameter("EC50", 0.0)],
        {"x": [1.0, 2.0, 4.0], "y": y},
        optimizer=lbfgs(),
    )
    result = run(made)
    assert result.failure is not None
    assert result.failure.what == "the loss is finite (226), its derivative by EC50 is not"
    assert result.termination.message == (
        "the loss is finite (226), its derivative by EC50 is not at the start: "
        "the derivative of power is inf"
    )
    made = problem(
        lambda w, x: np.sum(np.sqrt(w) * x),
        [parameter("w", [0.0, 1.0, 0.0, 0.0], fixed=[False, False, False, True])],
        {"x": np.ones((2, 4))},
        optimizer=lbfgs(),
    )
    told = "the loss is finite (2), its derivatives by w[0] and w[2] are not"
    assert failure_of(made).what == told
    made = problem(lambda a: np.log(a) + a, [parameter("a", -1.0)], optimizer=lbfgs())
    assert failure_of(made).what == "the loss is not finite"
    made = log_likelihood(
        lambda m, s, y: -np.sqrt(s) - (y - m) ** 2,
        [parameter("m", 1.0), parameter("s", 0.0)],
        {"y": [1.0, 3.0]},
    )
    told = "the log likelihood is finite (-4), its derivative by s is not"
    assert failure_of(made).what == told


def test_a_derivative_by_what_is_fixed_is_nobody_s_fault() -> None:
    made = problem(
        lambda w: np.sum(np.sqrt(w)) + (w[1] - 4.0) ** 2,
        [parameter("w", [0.0, 1.0], fixed=[True, False])],
        optimizer=lbfgs(),
    )
    assert run(made).exit_code == 0


def test_a_start_that_fails_beside_another_says_why() -> None:
    made = problem(
        lambda a: (np.sqrt(a) - 2.0) ** 2,
        [parameter("a", 1.0)],
        optimizer=lbfgs(),
        starts=({"a": np.array(-1.0)}, {"a": np.array(0.0)}),
    )
    result = run(made)
    assert result.exit_code == 0
    assert result.failure is None
    told = [
        "the loss is not finite at the start: sqrt gave nan",
        "the loss is finite (4), its derivative by a is not at the start: "
        "the derivative of sqrt is inf",
    ]
    assert [start.message for start in result.starts[1:]] == told
    assert result.warnings == [f"start {number}: {one}" for number, one in enumerate(told, 2)]


@pytest.mark.parametrize(("k", "remedy"), [("2.5", "whole numbers from 0"), ("2", "mean positive")])
def test_what_is_no_count_is_told_from_a_mean_that_is_none(k: str, remedy: str) -> None:
    config = {
        "version": 1,
        "data": {"inline": {"k": [1.0, float(k)]}},
        "parameters": {"m": 2 if k == "2.5" else -2},
        "log_likelihood": "poisson_logpmf(k, m)",
    }
    result = optserve.run(optserve.load(config))
    assert result.failure is not None
    assert remedy in result.failure.remedy
