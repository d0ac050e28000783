"""What the data as they stand do not determine: a symmetry, or a matter of their origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from optserve.primitives.whole import integer
from tests.jobs.problems import least_squares, parameter, problem

ROWS = 12
Model = Callable[..., Any]


def fit(model: Model, count: int, data: Mapping[str, Array], *, as_loss: bool) -> Result:
    """A least-squares fit of a response with noise by ``model(*parameters, *columns)``."""
    rng = np.random.default_rng(5)
    columns = {**data, "y": 3.0 + rng.normal(size=ROWS)}

    def residual(*values: Any) -> Any:
        return values[-1] - model(*values[:-1])

    def loss(*values: Any) -> Any:
        return np.sum(residual(*values) ** 2)

    parameters = [parameter(f"b{k}") for k in range(count)]
    if as_loss:
        return run(problem(loss, parameters, columns, optimizer=lbfgs()))
    return run(least_squares(residual, parameters, columns))


def _columns(seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.uniform(10.0, 30.0, ROWS), rng.uniform(1.0, 2.0, ROWS)


FIRST, SECOND = _columns()
SYMMETRIES: dict[str, tuple[Model, int, dict[str, Array]]] = {
    "a constant twice": (lambda a, b, c, x: a + b + c * x, 3, {"x": FIRST}),
    "degrees Celsius and Fahrenheit": (
        lambda a, b, c, x, z: a + b * x + c * z,
        3,
        {"x": FIRST, "z": 32.0 + 1.8 * FIRST},
    ),
    "two parts and their sum": (
        lambda a, b, c, x, z, s: a * x + b * z + c * s,
        3,
        {"x": FIRST, "z": SECOND, "s": FIRST + SECOND},
    ),
    "shares of a whole": (
        lambda a, b, c, x, z: a + b * x + c * z,
        3,
        {"x": FIRST / 30.0, "z": 1.0 - FIRST / 30.0},
    ),
    "a year and the same in decades": (
        lambda a, b, c, x, z: a + b * x + c * z,
        3,
        {"x": 2000.0 + np.arange(ROWS), "z": 200.0 + 0.1 * np.arange(ROWS)},
    ),
}


@pytest.mark.parametrize("as_loss", [False, True])
@pytest.mark.parametrize("name", SYMMETRIES)
def test_what_no_data_of_the_kind_determine_is_flat(name: str, as_loss: bool) -> None:
    model, count, data = SYMMETRIES[name]
    result = fit(model, count, data, as_loss=as_loss)
    if name == "a year and the same in decades" and as_loss:
        assert result.exit_code in (0, 3)  # the years alone leave few digits
    else:
        assert result.exit_code == 0, result.termination
        assert "trade-off" in {one.kind for one in result.evidence.directions}


@pytest.mark.parametrize("as_loss", [False, True])
def test_the_number_of_a_group_is_no_amount(as_loss: bool) -> None:
    group = np.arange(ROWS) % 3.0
    data = {"group": group, "y": FIRST}

    def residual(level: Any, of_group: Any, group: Any, y: Any) -> Any:
        return y - level - of_group[integer(group)]

    def loss(*values: Any) -> Any:
        return np.sum(residual(*values) ** 2)

    parameters = [parameter("level"), parameter("of_group", np.zeros(3))]
    if as_loss:
        result = run(problem(loss, parameters, data, optimizer=lbfgs()))
    else:
        result = run(least_squares(residual, parameters, data))
    assert result.exit_code == 0, result.termination
    means = [FIRST[group == number].mean() for number in range(3)]
    found = np.add(result.parameters["level"], result.parameters["of_group"])
    np.testing.assert_allclose(found, means, rtol=1e-9)


@pytest.mark.parametrize("as_loss", [False, True])
def test_more_coefficients_than_rows(as_loss: bool) -> None:
    count = 40
    matrix = np.random.default_rng(3).normal(size=(ROWS, count))

    def residual(b: Any, x: Any, y: Any) -> Any:
        return y - x @ b

    def loss(*values: Any) -> Any:
        return np.sum(residual(*values) ** 2)

    parameters, data = [parameter("b", np.zeros(count))], {"x": matrix, "y": FIRST}
    if as_loss:
        result = run(problem(loss, parameters, data, optimizer=lbfgs()))
    else:
        result = run(least_squares(residual, parameters, data))
    assert result.exit_code == 0, result.termination
    np.testing.assert_allclose(matrix @ np.asarray(result.parameters["b"]), FIRST, rtol=1e-9)
    assert {one.kind for one in result.evidence.directions} == {"trade-off"}


@pytest.mark.parametrize("as_loss", [False, True])
def test_years_are_to_be_centred(as_loss: bool) -> None:
    def cubic(a: Any, b: Any, c: Any, d: Any, t: Any) -> Any:
        return a + b * t + c * t**2 + d * t**3

    t = 2000.0 + 1e-3 * np.arange(ROWS)
    result = fit(cubic, 4, {"t": t}, as_loss=as_loss)
    assert result.exit_code == 3
    assert result.termination.reason == "stalled"
    assert "centre and scale t, as in `(t - 200" in result.termination.message
    assert fit(cubic, 4, {"t": t - t.mean()}, as_loss=as_loss).exit_code == 0
