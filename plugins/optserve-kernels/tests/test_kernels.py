"""The spring in C: its values, its adjoint, its native code, and a fit with it."""

from __future__ import annotations

import numpy as np
import optserve_kernels
import pytest
from optserve_kernels import optserve_lowerings, spring

import optserve
from optserve import grad, testing

FORCE = np.array([-40.0, -1.0, 0.0, 1e-9, 3.0, 1e6])


@pytest.mark.parametrize("check", testing.checks(optserve_kernels), ids=str)
def test_conformance(check: testing.Check) -> None:
    check()


@pytest.mark.parametrize("cubic", [0.0, 0.3, 50.0])
def test_it_rests_where_the_forces_are_equal(cubic: float) -> None:
    x = spring(FORCE, 2.0, cubic)
    np.testing.assert_allclose(2.0 * x + cubic * x**3, FORCE, rtol=1e-14)


def test_the_adjoint_is_that_of_the_implicit_function_theorem() -> None:
    x, step = float(spring(3.0, 1.0, 2.0)), 1e-5
    assert grad(spring, argnums=(0, 1, 2))(3.0, 1.0, 2.0) == pytest.approx(
        (1 / 7, -x / 7, -(x**3) / 7), rel=1e-14
    )
    twice = grad(grad(spring))(3.0, 1.0, 2.0)
    first = grad(spring)
    expected = (first(3.0 + step, 1.0, 2.0) - first(3.0 - step, 1.0, 2.0)) / (2.0 * step)
    assert twice == pytest.approx(expected, rel=1e-8)


def test_native_code_gives_what_c_gives() -> None:
    testing.check_lowerings(optserve_lowerings())


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_fit_certifies_it(backend: str) -> None:
    force = np.linspace(-8.0, 8.0, 15)
    x = np.round(spring(force, 2.5, 0.4), 6)
    config = {
        "version": 1,
        "name": "spring",
        "data": {"inline": {"force": force.tolist(), "x": x.tolist()}},
        "parameters": {
            "stiffness": {"init": 1, "bounds": [1e-3, None]},
            "cubic": {"init": 1, "bounds": [0, None]},
        },
        "least_squares": {"observed": "x", "predicted": "spring(force, stiffness, cubic)"},
        "backend": backend,
    }
    result = optserve.run(optserve.load(config))
    assert result.exit_code == 0
    assert result.parameters["stiffness"] == pytest.approx(2.5, rel=1e-5)
    assert result.parameters["cubic"] == pytest.approx(0.4, rel=1e-5)
    assert not any(one.failure for one in result.plugins)
    assert {one.primitive for one in result.plugins} == {"spring", "spring_slope"}
