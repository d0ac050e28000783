"""What examinations may cost: never more than allowed, and an end that is too dear says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.evidence import budget
from optserve.jobs.evidence.budget import (
    DENSE,
    HESSIANS,
    LOOKS,
    PRODUCT,
    Budget,
    Prices,
    SpentError,
)
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import Optimizer, gradient_descent, lbfgs, levenberg_marquardt
from tests.jobs.problems import parameter, problem


def valley(count: int, optimizer: Optimizer | None = None, **fields: Any) -> Problem:
    """Rosenbrock's valley of ``count`` coordinates, and its ways out of the plane."""

    def loss(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    start = np.tile([-1.2, 1.0], count // 2)
    return problem(loss, [parameter("x", start)], optimizer=optimizer or lbfgs(), **fields)


def test_no_more_is_spent_than_is_left() -> None:
    account = Budget()
    account.allow(10)
    account.spend(7)
    with pytest.raises(SpentError):
        account.spend(4)
    assert (account.spent, account.left) == (7, 3)
    account.allow(5)  # what was allowed stays so
    assert account.left == 3


def test_nothing_is_spent_where_it_is_stopped() -> None:
    account = Budget(stopped=lambda: True)
    account.allow(10)
    with pytest.raises(SpentError):
        account.spend(1)


@pytest.mark.parametrize("count", [2, DENSE, DENSE + 2, 200])
def test_an_examination_costs_no_more_than_the_descent(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(budget, "FREE", 0.0)
    result = run(valley(count))
    least = LOOKS + HESSIANS * PRODUCT * min(count, DENSE)
    # An examination after which the descent goes on may cost the least there is again.
    assert 0 < result.evidence.evaluations <= max(result.evaluations, least) + least
    assert result.termination.reason in {"gradient", "precision"}
    assert result.evidence.verified, result.evidence.sentence


def test_a_short_descent_of_many_coordinates_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A softmax regression that takes some 20 evaluations, and whose end takes 200 to examine."""
    monkeypatch.setattr(budget, "FREE", 0.0)
    rng = np.random.default_rng(0)
    X, classes = rng.normal(size=(400, 30)), rng.integers(10, size=400)
    data = {"X": X, "given": np.eye(10)[classes]}

    def loss(w: Any, c: Any, X: Any, given: Any) -> Any:
        z = X @ w + c
        entropy = np.log(np.sum(np.exp(z), axis=1)) - np.sum(given * z, axis=1)
        return np.sum(entropy) + 0.5 * np.sum(w**2)

    start = [parameter("w", np.zeros((30, 10))), parameter("c", np.zeros(10))]
    result = run(problem(loss, start, data, optimizer=lbfgs()))
    assert result.evidence.verified, result.evidence.sentence
    assert result.exit_code == 0


def test_what_was_not_examined_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prices, "allowed", lambda *given, **more: 7)
    result = run(valley(40))
    assert result.evidence.evaluations <= 7
    assert (result.termination.reason, result.exit_code) == ("unexamined", 3)
    assert "would cost more than the descent did" in result.termination.message
    assert not result.evidence.verified
    np.testing.assert_allclose(result.parameters["x"], 1.0, rtol=1e-6)


def test_a_limit_of_steps_is_no_failure_where_nothing_more_was_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "FREE", 0.0)
    found = run(valley(4, gradient_descent(learning_rate=1e-3), stop=StoppingRule(steps=4)))
    assert (found.termination.reason, found.exit_code) == ("steps", 0)
    assert found.evidence.evaluations <= found.evaluations == 5


def test_a_verdict_depends_on_no_clock() -> None:
    first, second = (run(valley(20)).evidence for _ in range(2))
    assert first.evaluations == second.evaluations
    assert first.sentence == second.sentence


def test_nothing_is_left_to_look_at_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(surface: Surface, place: Ground) -> Array:
        raise SpentError

    monkeypatch.setattr(Surface, "_pressed", spent)
    one = problem(
        lambda a, x, y: [np.sum((y - a * x) ** 2), y - a * x],
        [parameter("a", 0.5, low=0.0, high=1.0)],
        {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.5]},
        kind="least_squares",
        objective={"residuals": ("first",)},
        optimizer=levenberg_marquardt(),
    )
    found = run(one)
    assert found.termination.exit_code == 3
    assert "examined in part" in found.evidence.sentence
    assert [one.kind for one in found.evidence.directions] == ["at bound"]
