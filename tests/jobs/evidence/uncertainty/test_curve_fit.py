"""Standard errors beside those of ``scipy.optimize.curve_fit``, scaled and not, in any unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from optserve.jobs.run import run
from tests.jobs.problems import least_squares, parameter

Model = Callable[..., Any]

MODELS: dict[str, tuple[Model, list[float]]] = {
    "a line": (lambda x, a, b: a + b * x, [1.0, 2.0]),
    "a parabola": (lambda x, a, b, c: a + b * x + c * x**2, [1.0, 2.0, -1.0]),
    "a decay": (lambda x, a, k, c: a * np.exp(-k * x) + c, [3.0, 0.7, 1.0]),
    "saturation": (lambda x, a, k: a * x / (k + x), [5.0, 1.3]),
    "a peak": (lambda x, a, m, s: a * np.exp(-0.5 * ((x - m) / s) ** 2), [2.0, 2.5, 1.0]),
    "a wave": (lambda x, a, w, p: a * np.sin(w * x + p), [2.0, 1.1, 0.3]),
}


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("name", MODELS)
def test_errors_and_covariances(name: str, unit: float, absolute: bool) -> None:
    model, true = MODELS[name]
    names = model.__code__.co_varnames[1 : 1 + len(true)]
    rng = np.random.default_rng(len(name))
    x = np.sort(rng.uniform(0.1, 5.0, 25))
    sigma = unit * rng.uniform(0.05, 0.2, 25)
    scale = np.array([unit if one in "abc" else 1.0 for one in names])
    y = unit * model(x, *true) + sigma * rng.standard_normal(25)
    start = 1.05 * np.array(true) * scale
    weights = sigma if absolute else sigma / unit * 3.0

    def residual(*values: Any) -> Any:
        *given, x, y, s = values
        return (y - model(x, *given)) / s

    made = least_squares(
        residual,
        [parameter(*one) for one in zip(names, start, strict=True)],
        {"x": x, "y": y, "s": weights},
        objective={"sigma": absolute},
    )
    result = run(made)
    estimates, covariance = curve_fit(
        model, x, y, [result.parameters[one] for one in names], weights, absolute_sigma=absolute
    )
    assert result.exit_code == 0
    np.testing.assert_allclose([result.parameters[one] for one in names], estimates, rtol=1e-5)
    np.testing.assert_allclose(
        np.array(result.covariance) / np.outer(scale, scale),
        covariance / np.outer(scale, scale),
        rtol=1e-4,
        atol=1e-9,
    )
