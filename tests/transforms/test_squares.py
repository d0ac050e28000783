"""Sums of squares, however a loss is written as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.densities.normal import normal_logpdf
from optserve.primitives.tracing import trace, verify
from optserve.transforms.squares import Squares, squares

Loss = Callable[[Any, Any, Any], Any]

NUMBER = Aval((), np.dtype(float))
ROWS = Aval((Dim.rows("data"),), np.dtype(float))
TABLE = Aval((Dim.rows("data"), 3), np.dtype(float))


def line(b: Any, x: Any, y: Any) -> Any:
    return y - b * x


def read(loss: Loss, column: Aval = ROWS) -> Squares | None:
    return squares(trace(loss, NUMBER, column, column).graph, [0])


SUMS: dict[str, Loss] = {
    "the mean": lambda b, x, y: np.mean(line(b, x, y) ** 2),
    "half, and a constant": lambda b, x, y: 0.5 * np.sum(np.square(line(b, x, y))) + 1e9,
    "a dot product": lambda b, x, y: line(b, x, y) @ line(b, x, y),
    "a norm": lambda b, x, y: np.linalg.norm(line(b, x, y)) ** 2,
    "a product": lambda b, x, y: np.sum(line(b, x, y) * line(b, x, y)),
    "with weights": lambda b, x, y: np.sum(x * line(b, x, y) ** 2 / y**2) / np.sum(x),
    "weights in a dot product": lambda b, x, y: x @ line(b, x, y) ** 2,
    "the variance": lambda b, x, y: np.var(line(b, x, y)),
    "a penalty beside": lambda b, x, y: np.sum(line(b, x, y) ** 2) + 1e-3 * b**2,
    "a normal likelihood": lambda b, x, y: -np.sum(normal_logpdf(y, b * x, 0.3)),
    "selected rows": lambda b, x, y: np.sum(np.where(x > 1.0, line(b, x, y) ** 2, 0.0)),
    "two sums": lambda b, x, y: np.sum(line(b, x, y) ** 2 + (2.0 * b - x) ** 2),
}


@pytest.mark.parametrize("name", SUMS)
def test_the_loss_is_the_sum_of_the_squares_but_for_a_constant(name: str) -> None:
    found = read(SUMS[name])
    assert found is not None
    verify(found.graph)
    x, y = np.array([0.5, 1.0, 2.0, 3.0]), np.array([1.0, 1.5, 2.5, 2.0])
    constants = []
    for b in (-1.0, 0.7, 3.0):
        loss, *residuals = interpret(found.graph, b, x, y)
        constants.append(loss - sum(np.sum(np.square(one)) for one in residuals))
        assert loss == pytest.approx(SUMS[name](np.float64(b), x, y), rel=1e-14)
        assert abs(constants[-1] - constants[0]) <= 1e-14 * abs(loss)
    assert all((np.asarray(one) >= 0.0).all() for one in interpret(found.weights, 0.0, x, y))


@pytest.mark.parametrize(
    "loss",
    [
        lambda b, x, y: np.sum(line(b, x, y) ** 2) - b**2,
        lambda b, x, y: np.sqrt(np.sum(line(b, x, y) ** 2)),
        lambda b, x, y: np.sum(line(b, x, y) ** 2 / b),
        lambda b, x, y: np.sum(np.abs(line(b, x, y))),
        lambda b, x, y: np.sum(np.where(b * x > 1.0, line(b, x, y) ** 2, 0.0)),
        lambda b, x, y: -np.sum(normal_logpdf(y, 2.0 * x, b)),
        lambda b, x, y: np.sum(line(b, x, y) ** 2) + np.exp(b),
        lambda b, x, y: np.sum(line(b, x, y) * y),
        lambda b, x, y: np.sum(y),
    ],
)
def test_what_is_no_sum_of_squares_is_none(loss: Loss) -> None:
    assert read(loss) is None


def test_a_weight_for_each_row_of_a_table_is_not_one_for_each_column() -> None:
    assert read(lambda b, x, y: np.sum(y[:, 0] * np.sum((y - b * x) ** 2, axis=1)), TABLE) is None
    assert read(lambda b, x, y: np.sum(np.sum((y - b * x) ** 2, axis=1)) / 3.0, TABLE) is not None


def test_a_negative_weight_is_told_by_the_data() -> None:
    found = read(SUMS["weights in a dot product"])
    assert found is not None
    [weights] = interpret(found.weights, 0.0, np.array([1.0, -1.0]), np.ones(2))
    assert weights.min() < 0.0


def test_a_long_sum_is_read_to_its_end() -> None:
    def loss(b: Any, x: Any, y: Any) -> Any:
        total = 0.0
        for shift in range(500):
            total = total + (b - shift) ** 2
        return total

    found = read(loss)
    assert found is not None
    assert found.count == 500


def test_a_sum_whose_parts_are_used_over_and_over_is_given_up() -> None:
    def loss(b: Any, x: Any, y: Any) -> Any:
        total = b**2
        for shift in range(40):
            total = (total + shift) + np.where(x[0] > shift, total, 0.5 * total)
        return total

    assert read(loss) is None
