"""Wherever a config takes an expression, rows of one table do not pair by broadcasting alone."""

from __future__ import annotations

import pytest

from optserve.errors import OptserveError
from tests.config.evaluation import Load, evaluate

HEAD = (
    "data: {read: d.csv, columns: {X: {take: [x]}, y: y}}\n"
    "parameters: {w: {shape: [1, 1], init: 2}}\n"
)

CROSSED = {
    "a loss": "loss: mean((y - X @ w)**2)",
    "least squares": "least_squares: {r: y - X @ w}",
    "a prediction": "least_squares: {observed: y, predicted: X @ w}",
    "an observation": "least_squares: {observed: X @ w, predicted: y}",
    "a sigma": "least_squares: {observed: y, predicted: y * sum(w), sigma: X + 1}",
    "a likelihood": "log_likelihood: -(where(y > 0, y, 1) - X @ w)**2",
    "a metric": "loss: sum(w**2)\nmetrics: {error: mean(abs(y - X))}",
    "a value": "define: {r: y - X @ w}\nloss: sum(w**2)",
    "a function": "define:\n  off(a, b): a - b\nloss: sum(off(y, X @ w)**2)",
}


@pytest.mark.parametrize("written", CROSSED.values(), ids=CROSSED)
def test_a_column_against_a_vector_is_refused(problem: Load, written: str) -> None:
    with pytest.raises(OptserveError, match=r"pairs each row|observed has the shape") as caught:
        problem(HEAD + written)
    assert caught.value.place is not None
    assert caught.value.place.line > 3
    assert "[:, 0]" in caught.value.remedy
    assert "(data, 1)" in str(caught.value)
    assert "(data,)" in str(caught.value)


@pytest.mark.parametrize(
    "key", ["where: 'any(y > X, axis=1)'", "derive: {r: 'sum(y - X, axis=1)'}"]
)
def test_so_it_is_in_a_table(problem: Load, key: str) -> None:
    with pytest.raises(OptserveError, match="pairs each row of data"):
        problem(HEAD.replace("y: y}", f"y: y}}, {key}") + "loss: sum(w * y)")


@pytest.mark.parametrize(
    "written", ["y - (X @ w)[:, 0]", "y[:, None] - X @ w", "X - sum(w) * X", "y - X[:, 0] * sum(w)"]
)
def test_the_remedies_work(problem: Load, written: str) -> None:
    loss, residual = evaluate(problem(f"{HEAD}least_squares: {{r: '{written}'}}"))
    assert residual.size == 3
    assert loss == sum(entry**2 for entry in residual.ravel())


def test_pairs_that_are_meant(problem: Load) -> None:
    written = "loss: sum(w) * mean(exp(-(X[:, 0][:, None] - X[:, 0])**2)) + mean((X @ X.T)**2)"
    assert len(evaluate(problem(HEAD + written))) == 1
