from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.backends.backend_choice import choose
from optserve.errors import PluginError
from optserve.jobs.descent.descent import descend
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.descent.history import LARGEST, History
from optserve.jobs.descent.method import method_of
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.interruption import Interruption
from optserve.jobs.limits import Limits
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.reasons import PRECEDENCE, Reason, exit_code, exit_codes
from optserve.jobs.watch import Watch
from optserve.optimizers import (
    Optimizer,
    adam,
    gradient_descent,
    lbfgs,
    levenberg_marquardt,
    momentum,
)
from tests.jobs.problems import least_squares, parameter, problem, rosenbrock
from tests.reference.published import nist


def outcome_of(made: Problem) -> Outcome:
    """One descent, from the first start."""
    packing = Packing(made.parameters, np.dtype(made.precision))
    assert made.optimizer is not None
    limits = Limits.of(made.stop, made.optimizer, packing.size)
    method = method_of(made.optimizer, Evaluator(made, packing, choose("auto").backend), limits)
    return descend(method, packing.flat({}), limits, Watch(Interruption()))


def bowl(**fields: Any) -> Problem:
    return problem(lambda x: np.sum(x * x), [parameter("x", [3.0, -4.0])], **fields)


def test_plain_steps_are_those_of_the_formula() -> None:
    x, y = -1.2, 1.0
    for _ in range(1000):
        dx = -2 * (1 - x) - 400 * x * (y - x * x)
        dy = 200 * (y - x * x)
        x, y = x - 1e-3 * dx, y - 1e-3 * dy
    found = outcome_of(rosenbrock(gradient_descent(1e-3), stop=StoppingRule(steps=1000)))
    assert found.reasons == [Reason.steps]
    assert (found.steps, found.evaluations) == (1000, 1001)
    assert found.best is not None
    np.testing.assert_allclose(found.best.point, [x, y], rtol=1e-9)


def test_the_best_point_is_one_that_was_evaluated() -> None:
    found = outcome_of(bowl(optimizer=momentum(0.4, decay=0.99), stop=StoppingRule(steps=57)))
    losses = [entry.loss for entry in found.history.entries() if entry.loss is not None]
    assert found.best is not None
    assert found.best.loss == min(losses) < losses[-1]
    assert found.best.loss == pytest.approx(found.best.point @ found.best.point, rel=1e-15)


def test_a_gradient_tolerance_stops_where_it_is_met() -> None:
    found = outcome_of(bowl(optimizer=gradient_descent(0.25), stop=StoppingRule(gradient=1e-3)))
    assert found.reasons == [Reason.gradient]
    assert found.evidence.verified
    assert found.evidence.distance <= 1e-3
    assert found.best is not None
    np.testing.assert_allclose(found.best.point, 0.0, atol=1e-6)
    assert 0 < found.steps < 100


def test_loss_and_step_tolerances_are_relative_changes() -> None:
    basin = problem(
        lambda x: 1000.0 + np.sum(x * x),
        [parameter("x", [3.0, -4.0])],
        optimizer=gradient_descent(0.01),
        stop=StoppingRule(loss=0.04),
    )
    by_loss = outcome_of(basin)
    assert by_loss.reasons == [Reason.loss]
    assert by_loss.change == pytest.approx(25 * (1 - 0.98**2) / 1025)
    assert by_loss.steps == 1
    by_step = outcome_of(bowl(optimizer=gradient_descent(0.25), stop=StoppingRule(step=1e-3)))
    assert by_step.reasons == [Reason.step]
    assert by_step.best is not None
    assert np.max(np.abs(by_step.best.point)) <= 1e-3


def test_changes_are_those_of_steps_not_of_the_points_that_a_method_tries() -> None:
    made = nist()["Thurber"].job("default", stop=StoppingRule(gradient=0.0, loss=1e-3, steps=200))
    made = replace(made, optimizer=levenberg_marquardt(radius=1e-2))
    found = outcome_of(made)
    assert found.reasons == [Reason.loss]
    packing = Packing(made.parameters, np.dtype(made.precision))
    evaluator = Evaluator(made, packing, choose("auto").backend)
    limits = Limits.of(StoppingRule(gradient=0.0), levenberg_marquardt(), packing.size)
    assert made.optimizer is not None
    assert made.optimizer.accepted is not None
    method = method_of(made.optimizer, evaluator, limits)
    point = packing.flat({})
    state, bases = method.init(point), []
    for _ in range(found.evaluations):
        now = method.advance(point, state)
        if made.optimizer.accepted(now.state) > made.optimizer.accepted(state):
            bases.append(float(now.loss))
        point, state = now.point, now.state
    changes = [abs(one - other) / max(one, other) for one, other in pairwise(bases)]
    assert found.change == changes[-1] <= 1e-3


def test_small_changes_are_no_convergence_where_much_is_to_be_gained() -> None:
    slow = outcome_of(
        bowl(optimizer=gradient_descent(1e-4), stop=StoppingRule(loss=0.01, steps=50))
    )
    assert slow.reasons == [Reason.steps]
    short = outcome_of(
        bowl(optimizer=gradient_descent(1e-6), stop=StoppingRule(step=1e-3, steps=50))
    )
    assert short.reasons == [Reason.steps]


def test_seconds_limit_a_descent() -> None:
    found = outcome_of(bowl(optimizer=gradient_descent(1e-12), stop=StoppingRule(seconds=0.05)))
    assert found.reasons == [Reason.seconds]
    assert found.seconds < 2.0


def test_steps_that_are_too_long_diverge() -> None:
    found = outcome_of(bowl(optimizer=gradient_descent(100.0)))
    assert found.reason is Reason.diverged
    assert found.best is not None
    assert found.best.point.tolist() == [3.0, -4.0]
    found = outcome_of(rosenbrock(gradient_descent(1.0)))
    assert found.reason is Reason.diverged


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_a_unit_of_the_loss_does_not_change_when_steps_diverge(unit: float) -> None:
    made = problem(
        lambda x: unit * np.sum(x * x),
        [parameter("x", [3.0, -4.0])],
        optimizer=gradient_descent(100.0 / unit),
    )
    found = outcome_of(made)
    assert (found.reasons, found.evaluations) == ([Reason.diverged], 4)


def test_a_loss_that_starts_at_zero_may_rise() -> None:
    made = problem(
        lambda x: 1e20 * (x**2 - 1.0) * x,
        [parameter("x", 1.0)],
        optimizer=momentum(1e-21, decay=0.9),
        stop=StoppingRule(steps=500),
    )
    assert outcome_of(made).reasons == [Reason.steps]


@pytest.mark.parametrize("unit", [1e-25, 1.0, 1e25])
@pytest.mark.parametrize("method", [gradient_descent, momentum], ids=lambda one: one.__name__)
@pytest.mark.parametrize("tolerance", [None, 1e-8])
def test_a_loss_without_a_lower_bound_is_called_so(
    unit: float, method: Any, tolerance: float | None
) -> None:
    made = problem(
        lambda x, y: unit * ((x + y) ** 2 - 0.3 * (x - 2 * y) ** 2),
        [parameter("x", 0.7), parameter("y", -0.2)],
        optimizer=method(0.05 / unit),
        stop=StoppingRule(gradient=tolerance, steps=20_000),
    )
    found = outcome_of(made)
    assert found.reason is Reason.unbounded
    assert exit_codes(found.reasons, tolerance=True, expectations=True) == (3,)


def test_a_nan_ends_a_descent_that_cannot_step_back() -> None:
    made = problem(lambda x: x - np.log(x), [parameter("x", 0.25)], optimizer=gradient_descent(0.5))
    found = outcome_of(made)  # 0.25 -> 1.75 -> 1.54 ...
    assert found.reason is Reason.steps
    made = problem(lambda x: x + np.log(x), [parameter("x", 0.25)], optimizer=adam(0.1))
    found = outcome_of(made)
    assert found.reasons == [Reason.non_finite]
    assert found.bad is not None
    assert found.bad[0] < 0
    assert found.best is not None
    assert 0 < found.best.point[0] < 0.1


@pytest.mark.parametrize("optimizer", [lbfgs(), levenberg_marquardt()], ids=lambda one: one.name)
def test_a_search_steps_back_from_what_is_not_finite(optimizer: Optimizer) -> None:
    made = least_squares(
        lambda x, y: np.log(x) - y,
        [parameter("x", 100.0)],
        {"y": [-7.0]},
        optimizer=optimizer,
    )
    found = outcome_of(made)
    assert found.reason.converged
    assert found.rejected > 0
    assert found.best is not None
    assert found.best.point[0] == pytest.approx(np.exp(-7))


def test_a_start_that_is_not_finite_leaves_no_best_point() -> None:
    made = problem(lambda x: np.log(x), [parameter("x", -1.0)], optimizer=lbfgs())
    found = outcome_of(made)
    assert found.reason is Reason.non_finite
    assert found.best is None
    assert found.loss == np.inf


def test_the_limit_of_precision_is_convergence() -> None:
    misra1a = nist()["Misra1a"]
    found = outcome_of(misra1a.job("default", stop=StoppingRule(gradient=1e-300)))
    assert found.reason is Reason.precision
    assert found.reason.converged
    assert found.best is not None
    np.testing.assert_allclose(found.best.point, misra1a.certified["certified"], rtol=1e-10)


def test_a_stall_at_a_kink_is_not() -> None:
    made = problem(
        lambda x: np.maximum(2 * (x - 1 / 3), 1 / 3 - x), [parameter("x", 2.0)], optimizer=lbfgs()
    )
    found = outcome_of(made)
    assert found.reason is Reason.stalled
    assert not found.reason.converged
    assert exit_codes(found.reasons, tolerance=True, expectations=True) == (3,)


def test_an_unknown_verdict_is_the_fault_of_the_method() -> None:
    odd = replace(lbfgs(), name="odd", verdict=lambda state: "bored")
    with pytest.raises(PluginError, match="odd: its verdict is 'bored'"):
        outcome_of(bowl(optimizer=odd))


def test_least_squares_by_gradients_alone_stop_by_the_angle_too() -> None:
    x = np.linspace(0, 3, 9)
    made = least_squares(
        lambda a, b, x, y: y - a * np.exp(-b * x),
        [parameter("a", 1.0), parameter("b", 0.5)],
        {"x": x, "y": 1e3 * np.exp(-1.3 * x) + np.cos(x)},
        optimizer=lbfgs(),
    )
    found = outcome_of(made)
    assert found.reason is Reason.gradient
    assert found.best is not None
    packing = Packing(made.parameters, np.dtype(np.float64))
    known = Evaluator(made, packing, choose("auto").backend).linearized(found.best.point)
    norms = np.linalg.norm(known.jacobian, axis=0)
    angles = np.abs(known.jacobian.T @ known.residual) / norms / np.linalg.norm(known.residual)
    assert angles.max() <= 1e-8
    assert found.evidence.distance <= 1e-8


@given(st.lists(st.integers(0, 1), min_size=1, max_size=3), st.integers(1, 3 * LARGEST))
def test_a_history_keeps_the_first_the_last_and_evenly_between(seen: list[int], count: int) -> None:
    history = History()
    for number in range(1, count + 1):
        history.record(number, float(seen[number % len(seen)]), None, 0.0)
    kept = [entry.evaluation for entry in history.entries()]
    assert len(kept) <= LARGEST + 1
    assert (kept[0], kept[-1]) == (1, count)
    gaps = {after - before for before, after in pairwise(kept[:-1])}
    assert gaps <= {history.stride}


@given(st.lists(st.integers(1, LARGEST), min_size=1, max_size=8))
def test_a_history_notes_many_evaluations_as_it_does_one_by_one(lengths: list[int]) -> None:
    one_by_one, at_once = History(), History()
    number = 0
    for length in lengths:
        losses = [1.0 / (number + i + 1) for i in range(length)]
        for i, loss in enumerate(losses):
            one_by_one.record(number + i + 1, loss, None, (number + i + 1) / 64)
        span = (number / 64, (number + length) / 64)
        number += length
        at_once.extend(losses, None, number, span)
    assert [entry[:3] for entry in at_once.entries()] == [e[:3] for e in one_by_one.entries()]
    times = [entry.seconds for entry in at_once.entries()]
    np.testing.assert_allclose(times, [e.seconds for e in one_by_one.entries()], rtol=1e-12)


@given(st.lists(st.sampled_from(PRECEDENCE), min_size=1))
def test_the_first_exit_code_of_the_precedence_wins(codes: list[int]) -> None:
    assert PRECEDENCE.index(exit_code(codes)) == min(map(PRECEDENCE.index, codes))


@pytest.mark.parametrize(
    ("reasons", "tolerance", "expectations", "codes"),
    [
        ([Reason.gradient], True, True, (0,)),
        ([Reason.precision], True, True, (0,)),
        ([Reason.evaluated], False, True, (0,)),
        ([Reason.steps], False, True, (0,)),
        ([Reason.steps], True, True, (3,)),
        ([Reason.gradient, Reason.steps], True, True, (0,)),
        ([Reason.gradient], True, False, (4,)),
        ([Reason.seconds], True, False, (4, 3)),
        ([Reason.non_finite], False, True, (5,)),
        ([Reason.diverged, Reason.non_finite], True, False, (5, 4, 3)),
        ([Reason.certificate], True, False, (6, 4)),
        ([Reason.interrupted, Reason.non_finite], True, False, (130, 5, 4, 3)),
        ([Reason.terminated], False, True, (143,)),
    ],
)
def test_exit_codes_of_reasons(
    reasons: list[Reason], tolerance: bool, expectations: bool, codes: tuple[int, ...]
) -> None:
    assert exit_codes(reasons, tolerance=tolerance, expectations=expectations) == codes
