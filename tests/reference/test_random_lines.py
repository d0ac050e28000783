"""Polynomials over columns of any origin and unit: the exact minimum, or not converged."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.optimizers import lbfgs, levenberg_marquardt
from tests.jobs.problems import least_squares, parameter, problem
from tests.reference.judged import above

WAYS = ("default", "lbfgs", "loss")


def exact_loss(t: Array, y: Array, degree: int) -> float:
    """The least sum of squares of a polynomial through the very numbers, in rationals.

    By residuals from orthogonal polynomials (Forsythe 1957), which need no linear system.
    """
    nodes, rest = [Fraction(one) for one in t], [Fraction(one) for one in y]
    basis: list[list[Fraction]] = []
    for power in range(degree + 1):
        column = [node**power for node in nodes]
        for other in basis:
            share = _dot(column, other) / _dot(other, other)
            column = [a - share * b for a, b in zip(column, other, strict=True)]
        basis.append(column)
        share = _dot(rest, column) / _dot(column, column)
        rest = [a - share * b for a, b in zip(rest, column, strict=True)]
    return float(_dot(rest, rest))


def loss_at(parameters: Mapping[str, Any], t: Array, y: Array) -> float:
    """The sum of squares of a polynomial, in rationals: in floats it is rounded."""
    found = [Fraction(float(one)) for one in parameters.values()]
    nodes = [Fraction(one) for one in t]
    rest = [
        Fraction(observed) - sum((b * node**k for k, b in enumerate(found)), Fraction(0))
        for node, observed in zip(nodes, y, strict=True)
    ]
    return float(_dot(rest, rest))


def _dot(left: list[Fraction], right: list[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def polynomial(seed: int) -> tuple[str, int, Problem, float]:
    """A random polynomial regression: its way, degree, job and least loss."""
    rng = np.random.default_rng(seed)
    way, degree = WAYS[seed % 3], int(rng.integers(1, 5))
    rows = int(rng.integers(degree + 3, 15))
    origin = float(rng.choice([0.0, 10.0, 2000.0, 2.4e6, 1.7e9])) * float(rng.choice([-1, 1]))
    t = origin + rng.choice([0.01, 1.0, 365.0]) * np.arange(rows)
    y = rng.choice([1e-9, 1.0, 1e6]) * (rng.normal(size=rows) + rng.choice([0.0, 30.0]))
    names = [parameter(f"b{k}") for k in range(degree + 1)]

    def residual(*values: Any) -> Any:
        *b, x, observed = values
        return observed - sum((b[k] * x**k for k in range(1, degree + 1)), b[0] + 0 * x)

    def loss(*values: Any) -> Any:
        return np.sum(residual(*values) ** 2)

    data = {"t": t, "y": y}
    if way == "loss":
        made = problem(loss, names, data, optimizer=lbfgs())
    else:
        method = levenberg_marquardt() if way == "default" else lbfgs()
        made = least_squares(residual, names, data, optimizer=method)
    return way, degree, made, exact_loss(t, y, degree)


def complaint(seed: int) -> str:
    """What is wrong with the end of the regression of ``seed``."""
    way, degree, made, least = polynomial(seed)
    result, data = run(made), made.objective.data
    found = above(result, least, 1e-6, loss=loss_at(result.parameters, data["t"], data["y"]))
    return found and f"{seed} {way} of degree {degree}, {data['t'][:2]}: {found}"


@pytest.mark.parametrize("seed", [*range(30), 265, 332, 449])
def test_the_minimum_or_not_converged(seed: int) -> None:
    assert not complaint(seed)


@pytest.mark.nightly
def test_five_hundred_of_them() -> None:
    assert not list(filter(None, map(complaint, range(30, 530))))
