"""Problems of 40 and 100 parameters in other units: L-BFGS has the same verdict and minimum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optserve
from optserve.graph.aval import Array
from optserve.jobs.problem import Problem
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import lbfgs
from tests.jobs.problems import least_squares, log_likelihood, parameter, problem

KINDS = ("valley", "classes", "counts", "squares")


def job(kind: str, units: Array, unit: float) -> Problem:
    """A job in parameters z of other ``units`` (p,), x = units * z, and of another loss."""
    size = units.size
    rng = np.random.default_rng(size)
    x = rng.normal(size=(4 * size, size))
    along = x @ rng.normal(size=size) / np.sqrt(size)
    scaled, zeros = x * units, [parameter("z", np.zeros(size))]
    if kind == "valley":
        start = np.tile([-1.2, 1.0], size // 2) / units

        def valley(z: Any, units: Any) -> Any:
            b = np.sum(units * z, axis=0)
            return unit * np.sum(100.0 * (b[1:] - b[:-1] ** 2) ** 2 + (1.0 - b[:-1]) ** 2)

        return problem(valley, [parameter("z", start)], {"units": units[None]}, optimizer=lbfgs())
    if kind == "classes":
        classes = (rng.random(along.size) < 1 / (1 + np.exp(-along))).astype(float)

        def cross_entropy(z: Any, x: Any, y: Any) -> Any:
            return unit * np.sum(np.logaddexp(0.0, x @ z) - y * (x @ z))

        return problem(cross_entropy, zeros, {"x": scaled, "y": classes}, optimizer=lbfgs())
    if kind == "counts":
        counts = rng.poisson(np.exp(along)).astype(float)
        return log_likelihood(
            lambda z, x, y: y * (x @ z) - np.exp(x @ z), zeros, {"x": scaled, "y": counts}
        )
    y = np.tanh(along) + 0.1 * rng.normal(size=along.size)
    root = float(np.sqrt(unit))
    data = {"x": scaled, "y": y}
    return least_squares(
        lambda z, x, y: root * (y - np.tanh(x @ z)), zeros, data, optimizer=lbfgs()
    )


def plain(kind: str, size: int) -> Result:
    return run(job(kind, np.ones(size), 1.0))


@pytest.mark.parametrize("size", [40, 100])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31), of_loss=st.floats(-30.0, 30.0))
def test_lbfgs_ends_alike_in_any_units(kind: str, size: int, seed: int, of_loss: float) -> None:
    unit = 1.0 if kind == "counts" else 10.0**of_loss  # a log likelihood has no unit
    units = 10.0 ** np.random.default_rng(seed).uniform(-10.0, 10.0, size)
    one, other = plain(kind, size), run(job(kind, units, unit))
    assert (one.exit_code, other.exit_code) == (0, 0), other.termination.message
    assert other.evaluations <= 3 * one.evaluations
    found = units * np.asarray(other.parameters["z"])
    np.testing.assert_allclose(found, one.parameters["z"], rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["least_squares", "log_likelihood"])
def test_streamed_data_in_any_units(kind: str, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    size, rows = 12, 400
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, size))
    y = np.tanh(x @ rng.normal(size=size) / 4.0) + 0.1 * rng.normal(size=rows)
    found = []
    for number, units in enumerate((np.ones(size), 10.0 ** rng.uniform(-10, 10, size))):
        columns = {f"x{k}": pyarrow.array(column) for k, column in enumerate((x * units).T)}
        write_table(pyarrow.table({**columns, "y": y}), tmp_path / f"{number}.parquet")
        terms = " + ".join(f"b{k} * x{k}" for k in range(size))
        residual = f"y - tanh({terms})"
        loss = residual if kind == "least_squares" else f"-50 * ({residual})**2"
        config = {
            "version": 1,
            "data": {"read": str(tmp_path / f"{number}.parquet"), "in_memory": False},
            "parameters": {f"b{k}": 0 for k in range(size)},
            kind: loss,
            "optimizer": "lbfgs",
        }
        result = optserve.run(optserve.load(config, allow_path=True))
        assert result.exit_code == 0, result.termination.message
        found.append(units * np.array([result.parameters[f"b{k}"] for k in range(size)]))
    np.testing.assert_allclose(found[1], found[0], rtol=0.0, atol=1e-6)
