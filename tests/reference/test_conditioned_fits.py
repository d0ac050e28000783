"""Fits that are badly conditioned on purpose: the minimum by many digits, or not converged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import lbfgs, levenberg_marquardt
from tests.jobs.problems import least_squares, parameter, problem
from tests.reference.judged import CRASH, WRONG, above, attempt
from tests.reference.published import Published

WAYS = ("default", "lbfgs", "loss")
DIGITS = 80
"""With which the least sum of squares is computed; columns that depend on each other are equal to
half of them."""

NEAR = 1e-5
"""How far above the least sum of squares an end may be, of itself: 0.01 of a standard error."""

Columns = Callable[[Any, Mapping[str, Any], float], list[Any]]
"""(functions, the data, how near to singular) -> the columns of a linear model."""


class Exact(NamedTuple):
    """The columns of a regression and its response by many digits.

    What large terms that cancel leave of a loss in double precision tells their rounding, which is
    no distance from the minimum: so it is computed by many digits where a fit ended.
    """

    columns: list[Any]
    response: Any

    def loss(self, parameters: Mapping[str, Any]) -> float:
        """The sum of squares at ``parameters``."""
        with mpmath.workdps(DIGITS):
            terms = zip(parameters.values(), self.columns, strict=True)
            rest = self.response - sum(mpmath.mpf(float(one)) * column for one, column in terms)
            return float(rest @ rest)

    @property
    def least(self) -> float:
        """The least sum of squares, by making columns orthogonal to each other."""
        with mpmath.workdps(DIGITS):
            rest, basis = self.response, list[Any]()
            for column in self.columns:
                length = column @ column
                for other in basis:
                    column = column - (column @ other) / (other @ other) * other
                if column @ column > mpmath.mpf(10) ** -DIGITS * length:
                    basis.append(column)
                    rest = rest - (rest @ column) / (column @ column) * column
            return float(rest @ rest)


DESIGNS: dict[str, Columns] = {
    "growth by the year": lambda xp, d, near: [1 + 0 * d["t"], xp.exp(near * (d["t"] - 1))],
    "close exponentials": lambda xp, d, near: [xp.exp(-d["x"]), xp.exp(-(1 + near) * d["x"])],
    "three close exponentials": lambda xp, d, near: [
        xp.exp(-(1 + k * near) * d["x"]) for k in range(3)
    ],
    "logarithms of shifted columns": lambda xp, d, near: [
        1 + 0 * d["x"],
        xp.log(d["x"] + 1),
        xp.log(d["x"] + 1 + near),
    ],
    "logarithm of the year": lambda xp, d, near: [1 + 0 * d["t"], xp.log(d["t"]), d["t"]],
    "waves of close frequencies": lambda xp, d, near: [
        xp.sin(d["x"]),
        xp.sin((1 + near) * d["x"]),
        xp.cos(d["x"]),
    ],
    "a column twice": lambda xp, d, near: [1 + 0 * d["x"], d["x"], d["x"]],
    "nearly a column twice": lambda xp, d, near: [d["x"], d["x"] + near * d["z"]],
    "weights of many sizes": lambda xp, d, near: [d["w"], d["w"] * d["x"], d["w"] * d["x"] ** 2],
    "a reciprocal of the year": lambda xp, d, near: [1 + 0 * d["t"], 1 / d["t"], 1 / d["t"] ** 2],
    "powers": lambda xp, d, near: [d["x"] ** k for k in range(9)],
}


class _Digits:
    """The functions by NumPy's names, with many digits."""

    exp = np.frompyfunc(mpmath.exp, 1, 1)
    log = np.frompyfunc(mpmath.log, 1, 1)
    sin = np.frompyfunc(mpmath.sin, 1, 1)
    cos = np.frompyfunc(mpmath.cos, 1, 1)


def linear_fit(seed: int) -> tuple[str, Problem, Exact]:
    """A random linear regression: what it is, its job, and the same by many digits."""
    rng = np.random.default_rng(seed)
    name = list(DESIGNS)[seed % len(DESIGNS)]
    way = str(rng.choice(WAYS))
    rows, near = int(rng.integers(11, 16)), float(10.0 ** rng.integers(-11, 0))
    data = {
        "t": float(rng.choice([10.0, 2000.0, 1.7e9])) + rng.choice([0.1, 1.0]) * np.arange(rows),
        "x": np.sort(rng.uniform(0.0, 3.0, rows)),
        "z": rng.normal(size=rows),
        "w": 10.0 ** rng.uniform(-12, 12, rows),
    }
    if name == "growth by the year":
        near /= data["t"][0]
    offset = rng.choice([0.0, 30.0, 1e9]) * (name != "weights of many sizes")
    y = rng.choice([1e-9, 1.0, 1e6]) * (rng.normal(size=rows) + offset)
    data["y"] = y * data["w"] if name == "weights of many sizes" else y
    columns = DESIGNS[name]

    def residual(*values: Any) -> Any:
        given = dict(zip(data, values[-len(data) :], strict=True))
        terms = zip(values, columns(np, given, near), strict=False)
        return given["y"] - sum(one * column for one, column in terms)

    def loss(*values: Any) -> Any:
        return np.sum(residual(*values) ** 2)

    parameters = [parameter(f"b{k}") for k in range(len(columns(np, data, near)))]
    if way == "loss":
        made = problem(loss, parameters, data, optimizer=lbfgs())
    else:
        method = levenberg_marquardt() if way == "default" else lbfgs()
        made = least_squares(residual, parameters, data, optimizer=method)
    return f"{name} as {way}", made, _exact(columns, data, near)


def _exact(columns: Columns, data: Mapping[str, Array], near: float) -> Exact:
    with mpmath.workdps(DIGITS):
        exact = {
            name: np.array([mpmath.mpf(float(one)) for one in column], dtype=object)
            for name, column in data.items()
        }
        return Exact(columns(_Digits(), exact, mpmath.mpf(near)), exact["y"])


def _above(result: Result, made: Problem, exact: Exact) -> str:
    """What is wrong with an end that is no failure."""
    response, loss = made.objective.data["y"], exact.loss(result.parameters)
    # Terms that nearly cancel are rounded by their own size, and the loss by that times residuals.
    pairs = zip(result.parameters.values(), exact.columns, strict=True)
    terms = sum(abs(float(one)) * np.abs(column.astype(float)) for one, column in pairs)
    rounding = 1e-30 * float(response @ response)
    rounding += float(np.finfo(float).eps * np.max(terms)) * float(exact.least) ** 0.5
    return above(result, exact.least, NEAR, rounding, loss)


def complaint(seed: int) -> str:
    """What is wrong with the end of the regression of ``seed``."""
    name, made, exact = linear_fit(seed)
    result = run(made)
    found = _above(result, made, exact)
    if result.termination.reason in ("runs_away", "unbounded"):
        found = f"a parabola has a minimum: {result.termination.message}"
    return found and f"{seed} {name}: {found}"


FOUND = (66, 68, 80, 90, 132, 178, 190, 271, 286, 332, 390, 399, 475, 486, 761, 795, 871)
"""Seeds of others that once ended with exit code 0, or in untrue words."""


@pytest.mark.parametrize("seed", [*range(55), *FOUND])
def test_the_least_sum_of_squares_or_not_converged(seed: int) -> None:
    assert not complaint(seed)


@pytest.mark.parametrize("seed", [28, 710, 721])
def test_rounding_of_a_large_response_is_no_curvature(seed: int) -> None:
    """A column twice, and residuals of 1 beside a response of 1e9: the minimum, and no refusal."""
    _, made, exact = linear_fit(seed)
    result = run(made)
    assert result.exit_code == 0, result.termination.message
    assert not _above(result, made, exact)


@pytest.mark.nightly
def test_five_hundred_of_them() -> None:
    assert not list(filter(None, map(complaint, range(55, 555))))


CURVES: dict[str, tuple[Callable[[Any, Any, Any], Any], tuple[float, ...]]] = {
    "growth from the year 0": (lambda b, t, xp: xp.exp(b[0] + b[1] * t), (-40.0, 0.02)),
    "growth to a level": (lambda b, t, xp: b[0] + xp.exp(b[1] * (t - b[2])), (1.0, 0.1, 1995.0)),
    "a peak in a year": (
        lambda b, t, xp: b[0] * xp.exp(-(((t - b[1]) / b[2]) ** 2)),
        (3.0, 2006.0, 4.0),
    ),
    "a power of the year": (lambda b, t, xp: b[0] + b[1] * xp.log(t - b[2]), (1.0, 2.0, 1990.0)),
    "a share of the year": (lambda b, t, xp: (b[0] + b[1] * t) / (b[2] + t), (3.0, 2.0, 5.0)),
}


@pytest.mark.parametrize("seed", range(15))
def test_curves_over_years(seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = list(CURVES)[seed % len(CURVES)]
    curve, truth = CURVES[name]
    t = 2000.0 + np.arange(12.0)
    y = curve(truth, t, np) + rng.choice([1e-6, 0.01, 0.3]) * rng.normal(size=t.size)
    start = np.array(truth) * (1 + rng.choice([1e-3, 0.01]) * rng.normal(size=len(truth)))

    def residual(b: Any, xp: Any) -> Any:
        return y - curve(b, t, xp)

    published = Published(f"{name} {seed}", start, residual, ())
    worth, why = attempt(published, str(rng.choice(WAYS)), start)
    assert worth not in (WRONG, CRASH), why
